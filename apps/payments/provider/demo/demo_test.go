package demo_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/payments/provider"
	"github.com/plenary/plenary/apps/payments/provider/demo"
	"github.com/plenary/plenary/apps/payments/provider/providertest"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/state"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}

const key = "a key for tests"

// desk is a demo provider with its page served, and a shop that listens.
type desk struct {
	*demo.Provider
	page *httptest.Server
	shop *shop
}

// shop is a webhook that writes down what it is told, and fails as many calls as
// it is asked to.
type shop struct {
	mu       sync.Mutex
	heard    []providertest.Delivery
	failures atomic.Int32
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.failures.Add(-1) >= 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, providertest.Delivery{Header: r.Header, Body: body})
}

func (s *shop) deliveries() []providertest.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]providertest.Delivery(nil), s.heard...)
}

func newDesk(t *testing.T, change ...func(*demo.Options)) *desk {
	t.Helper()
	d := &desk{shop: &shop{}}
	webhook := httptest.NewServer(d.shop)
	t.Cleanup(webhook.Close)
	o := demo.Options{
		Store:   &state.Memory{},
		Key:     func(context.Context) (string, error) { return key, nil },
		Webhook: webhook.URL,
		Waits:   []time.Duration{0, 0},
	}
	for _, c := range change {
		c(&o)
	}
	d.Provider = demo.New(o)
	engine := gin.New()
	d.Pages(engine)
	d.page = httptest.NewServer(engine)
	t.Cleanup(d.page.Close)
	return d
}

// request sends a request to the page and gives the answer, not following
// redirects.
func (d *desk) request(t *testing.T, method, id, form string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, d.page.URL+"/pay/demo/"+id, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func (d *desk) get(t *testing.T, id uuid.UUID, header ...string) string {
	t.Helper()
	resp, body := d.request(t, http.MethodGet, id.String(), "", header...)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the page answers %s", resp.Status)
	}
	return body
}

func (d *desk) choose(t *testing.T, id uuid.UUID, c demo.Choice) int {
	t.Helper()
	resp, _ := d.request(t, http.MethodPost, id.String(), url.Values{"choice": {string(c)}}.Encode())
	return resp.StatusCode
}

func (d *desk) open(t *testing.T, amount contracts.Money) provider.Payment {
	t.Helper()
	p := provider.Payment{ID: uuid.New(), OrderID: uuid.New(), Tenant: "main", Amount: amount}
	if err := d.Open(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

var price = contracts.Money{Amount: 24900, Currency: "USD"}

func TestConformance(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Bench {
		d := newDesk(t)
		play := func(c demo.Choice) func(t *testing.T, id uuid.UUID) providertest.Delivery {
			return func(t *testing.T, id uuid.UUID) providertest.Delivery {
				t.Helper()
				if code := d.choose(t, id, c); code != http.StatusSeeOther {
					t.Fatalf("%s: %d", c, code)
				}
				heard := d.shop.deliveries()
				return heard[len(heard)-1]
			}
		}
		return providertest.Bench{
			Provider: d,
			Pay: func(t *testing.T, id uuid.UUID) (providertest.Delivery, bool) {
				if d.choose(t, id, demo.Accept) != http.StatusSeeOther {
					return providertest.Delivery{}, false
				}
				heard := d.shop.deliveries()
				return heard[len(heard)-1], true
			},
			Decline: play(demo.Reject),
			Abandon: play(demo.Cancel),
			Sign: func(_ *testing.T, body []byte, at time.Time) providertest.Delivery {
				return providertest.Delivery{Header: http.Header{demo.SignatureHeader: {demo.Sign(key, body, at)}}, Body: body}
			},
			Unrelated: []byte(`{"id":"demo-event-1","type":"account.updated"}`),
			RefuseRefunds: func(t *testing.T, id uuid.UUID, refuse bool) {
				c := demo.GiveRefunds
				if refuse {
					c = demo.RefuseRefunds
				}
				if code := d.choose(t, id, c); code != http.StatusSeeOther {
					t.Fatalf("%s: %d", c, code)
				}
			},
		}
	})
}

func TestThePageShowsWhatIsToBePaid(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		amount contracts.Money
		in     string
		want   string
	}{
		{price, "", "$249.00"},
		{contracts.Money{Amount: 5, Currency: "EUR"}, "en", "€0.05"},
		{contracts.Money{Amount: 123456789, Currency: "CNY"}, "zh-CN", "¥1,234,567.89"},
		{contracts.Money{Amount: 5000, Currency: "JPY"}, "en", "¥5,000"},
		{contracts.Money{Amount: 1234, Currency: "KWD"}, "en", "KWD\u00a01.234"},
		{contracts.Money{Amount: 15_000_000, Currency: "COP"}, "en", "COP\u00a0150,000.00"},
		{contracts.Money{Amount: 5000, Currency: "JPY"}, "zh-CN", "JP¥5,000"},
	} {
		p := d.open(t, c.amount)
		body := d.get(t, p.ID, "Accept-Language", c.in)
		for _, want := range []string{">" + c.want + "<", p.ID.String()} {
			if !strings.Contains(body, want) {
				t.Errorf("%v in %q: the page does not show %q", c.amount, c.in, want)
			}
		}
		if strings.Contains(body, p.OrderID.String()) {
			t.Error("the page names the order, and a checkout link may be passed on")
		}
	}
}

func TestThePageSpeaksTheReadersLanguage(t *testing.T) {
	d := newDesk(t)
	p := d.open(t, price)
	for accept, want := range map[string]struct{ lang, title string }{
		"":                        {"en", "Payment"},
		"en-GB,en;q=0.9":          {"en", "Payment"},
		"zh-CN,zh;q=0.9,en;q=0.8": {"zh-Hans", "付款"},
		"zh-Hans":                 {"zh-Hans", "付款"},
		"zh-TW":                   {"en", "Payment"},
		"zh-HK,zh;q=0.5":          {"zh-Hans", "付款"},
		"fr, en;q=0.5":            {"en", "Payment"},
		"fr":                      {"en", "Payment"},
		"no such; header =;":      {"en", "Payment"},
	} {
		resp, body := d.request(t, http.MethodGet, p.ID.String(), "", "Accept-Language", accept)
		if got := resp.Header.Get("Content-Language"); got != want.lang {
			t.Errorf("%q: Content-Language %q, want %q", accept, got, want.lang)
		}
		for _, part := range []string{`<html lang="` + want.lang + `">`, "<h1>" + want.title + "</h1>"} {
			if !strings.Contains(body, part) {
				t.Errorf("%q: the page has no %s", accept, part)
			}
		}
	}
}

func TestBothLanguagesSayEverything(t *testing.T) {
	demo.EveryText(func(language, name, text string) {
		if strings.TrimSpace(text) == "" {
			t.Errorf("%s has no %s", language, name)
		}
	})
}

func TestThePageAllowsItsOwnStyleAndFormOnly(t *testing.T) {
	d := newDesk(t)
	p := d.open(t, price)
	resp, body := d.request(t, http.MethodGet, p.ID.String(), "")
	_, rest, _ := strings.Cut(body, "<style>")
	style, _, ok := strings.Cut(rest, "</style>")
	if !ok {
		t.Fatal("the page has no style")
	}
	policy := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "style-src 'sha256-" + demo.Hash(style) + "'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q has no %s", policy, want)
		}
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"Content-Type": "text/html; charset=utf-8",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestChoices(t *testing.T) {
	type step struct {
		choice demo.Choice
		code   int
	}
	for name, c := range map[string]struct {
		steps []step
		heard []string // the types of events the shop hears
		offer []demo.Choice
	}{
		"nothing yet": {nil, nil, []demo.Choice{demo.Accept, demo.Reject, demo.Cancel, demo.Never, demo.RefuseRefunds}},
		"accept": {
			[]step{{demo.Accept, 303}}, []string{"payment.accepted"}, []demo.Choice{demo.RefuseRefunds},
		},
		"accept twice tells the shop once": {
			[]step{{demo.Accept, 303}, {demo.Accept, 303}}, []string{"payment.accepted"}, []demo.Choice{demo.RefuseRefunds},
		},
		"reject": {[]step{{demo.Reject, 303}}, []string{"payment.rejected"}, nil},
		"cancel": {[]step{{demo.Cancel, 303}}, []string{"payment.cancelled"}, nil},
		"never answer": {
			[]step{{demo.Never, 303}, {demo.Never, 303}}, nil, []demo.Choice{demo.Accept, demo.Reject, demo.Cancel, demo.RefuseRefunds},
		},
		"accept after no answer": {
			[]step{{demo.Never, 303}, {demo.Accept, 303}}, []string{"payment.accepted"}, []demo.Choice{demo.RefuseRefunds},
		},
		"reject after no answer": {[]step{{demo.Never, 303}, {demo.Reject, 303}}, []string{"payment.rejected"}, nil},
		"reject after accept": {
			[]step{{demo.Accept, 303}, {demo.Reject, 409}}, []string{"payment.accepted"}, []demo.Choice{demo.RefuseRefunds},
		},
		"accept after reject":       {[]step{{demo.Reject, 303}, {demo.Accept, 409}}, []string{"payment.rejected"}, nil},
		"no answer after cancel":    {[]step{{demo.Cancel, 303}, {demo.Never, 409}}, []string{"payment.cancelled"}, nil},
		"a choice that there isn't": {[]step{{"steal", 400}, {"", 400}}, nil, []demo.Choice{demo.Accept, demo.Reject, demo.Cancel, demo.Never, demo.RefuseRefunds}},
		"refuse refunds": {
			[]step{{demo.RefuseRefunds, 303}}, nil, []demo.Choice{demo.Accept, demo.Reject, demo.Cancel, demo.Never, demo.GiveRefunds},
		},
		"give refunds again": {
			[]step{{demo.RefuseRefunds, 303}, {demo.GiveRefunds, 303}, {demo.Accept, 303}},
			[]string{"payment.accepted"}, []demo.Choice{demo.RefuseRefunds},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			p := d.open(t, price)
			for _, s := range c.steps {
				if got := d.choose(t, p.ID, s.choice); got != s.code {
					t.Errorf("%q: %d, want %d", s.choice, got, s.code)
				}
			}
			heard := d.shop.deliveries()
			if len(heard) != len(c.heard) {
				t.Fatalf("the shop heard %d events, want %v", len(heard), c.heard)
			}
			for i, h := range heard {
				var e struct {
					Type      string
					PaymentID uuid.UUID
				}
				if err := json.Unmarshal(h.Body, &e); err != nil || e.Type != c.heard[i] || e.PaymentID != p.ID {
					t.Errorf("the shop heard %s, want %s of %s", h.Body, c.heard[i], p.ID)
				}
			}
			offers(t, d.get(t, p.ID), c.offer...)
		})
	}
}

// offers says which choices the page has buttons for.
func offers(t *testing.T, body string, want ...demo.Choice) {
	t.Helper()
	if got := strings.Count(body, "<button"); got != len(want) {
		t.Errorf("the page has %d buttons, want %v", got, want)
	}
	for _, c := range want {
		if !strings.Contains(body, `<button name="choice" value="`+string(c)+`"`) {
			t.Errorf("the page has no button to %s", c)
		}
	}
}

func TestAClosedPaymentCannotBePaid(t *testing.T) {
	d := newDesk(t)
	p := d.open(t, price)
	if err := d.Close(t.Context(), p.ID, contracts.ItemsChanged); err != nil {
		t.Fatal(err)
	}
	offers(t, d.get(t, p.ID))
	if code := d.choose(t, p.ID, demo.Accept); code != http.StatusConflict {
		t.Errorf("accept: %d, want 409", code)
	}
}

func TestAPageLeftOpenSaysWhyThePaymentWasClosed(t *testing.T) {
	for reason, want := range map[string]string{
		contracts.ItemsChanged: "items were changed",
		contracts.OrderEnded:   "has ended",
		contracts.OrderUnknown: "no order for this payment",
		"another reason":       "does not take this payment any more",
	} {
		d := newDesk(t)
		p := d.open(t, price)
		if err := d.Close(t.Context(), p.ID, reason); err != nil {
			t.Fatal(err)
		}
		if page := d.get(t, p.ID); !strings.Contains(page, want) {
			t.Errorf("%s: the page does not say %q", reason, want)
		}
	}
}

func TestAPaymentOnItsWayIsNotCalledBack(t *testing.T) {
	d := newDesk(t)
	p := d.open(t, price)
	d.choose(t, p.ID, demo.Never)
	if err := d.Close(t.Context(), p.ID, contracts.ItemsChanged); err != nil {
		t.Fatal(err)
	}
	if code := d.choose(t, p.ID, demo.Accept); code != http.StatusSeeOther {
		t.Errorf("accept: %d, want 303", code)
	}
	if n := len(d.shop.deliveries()); n != 1 {
		t.Errorf("the shop heard %d events, want 1", n)
	}
}

func TestAShopThatFailsIsToldAgain(t *testing.T) {
	d := newDesk(t)
	p := d.open(t, price)

	d.shop.failures.Store(2)
	if code := d.choose(t, p.ID, demo.Accept); code != http.StatusSeeOther {
		t.Fatalf("a shop that fails twice: %d, want 303", code)
	}
	if n := len(d.shop.deliveries()); n != 1 {
		t.Errorf("the shop heard %d events, want 1", n)
	}

	p = d.open(t, price)
	d.shop.failures.Store(3)
	if code := d.choose(t, p.ID, demo.Accept); code != http.StatusBadGateway {
		t.Fatalf("a shop that fails three times: %d, want 502", code)
	}
	body := d.get(t, p.ID)
	offers(t, body, demo.Accept, demo.RefuseRefunds)
	if !strings.Contains(body, "Tell the shop again") {
		t.Error("the page does not offer to tell the shop again")
	}
	if code := d.choose(t, p.ID, demo.Reject); code != http.StatusConflict {
		t.Errorf("the decision stands, and yet reject: %d, want 409", code)
	}
	if code := d.choose(t, p.ID, demo.Accept); code != http.StatusSeeOther {
		t.Errorf("told again: %d, want 303", code)
	}
	if n := len(d.shop.deliveries()); n != 2 {
		t.Errorf("the shop heard %d events, want 2", n)
	}
	offers(t, d.get(t, p.ID), demo.RefuseRefunds)
}

// Whoever took the money may end before the shop is told, and the payer may never
// come back: then the shop hears of it when it closes the payment.
func TestClosingReportsMoneyThatNobodyWasToldOf(t *testing.T) {
	for _, tc := range []struct {
		choice demo.Choice
		told   int
	}{
		{demo.Accept, 1},
		{demo.Reject, 0}, // the shop gives the payment up, and nothing is to be said
		{demo.Cancel, 0},
	} {
		t.Run(string(tc.choice), func(t *testing.T) {
			d := newDesk(t)
			p := d.open(t, price)
			d.shop.failures.Store(3)
			if code := d.choose(t, p.ID, tc.choice); code != http.StatusBadGateway {
				t.Fatalf("a shop that cannot be told: %d, want 502", code)
			}
			for range 2 { // asked again, it says nothing new
				if err := d.Close(t.Context(), p.ID, contracts.ItemsChanged); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(d.shop.deliveries()); n != tc.told {
				t.Errorf("the shop heard %d events, want %d", n, tc.told)
			}
		})
	}
}

func TestClosingFailsWhileTheShopCannotBeToldOfMoney(t *testing.T) {
	d := newDesk(t)
	p := d.open(t, price)
	d.shop.failures.Store(6)
	d.choose(t, p.ID, demo.Accept)
	if err := d.Close(t.Context(), p.ID, contracts.ItemsChanged); err == nil {
		t.Error("closed, and the shop knows of no money")
	}
	if err := d.Close(t.Context(), p.ID, contracts.ItemsChanged); err != nil || len(d.shop.deliveries()) != 1 {
		t.Errorf("closed again: %v, and the shop heard %d events", err, len(d.shop.deliveries()))
	}
}

func TestWhatIsNotAPaymentIsNotFound(t *testing.T) {
	d := newDesk(t)
	unopened := uuid.New()
	if err := d.Close(t.Context(), unopened, contracts.ItemsChanged); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{uuid.NewString(), unopened.String(), "42", "%3Cscript%3E"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			resp, body := d.request(t, method, id, "choice=accept")
			if resp.StatusCode != http.StatusNotFound || !strings.Contains(body, "There is no such payment") {
				t.Errorf("%s %s: %s", method, id, resp.Status)
			}
		}
	}
}

func TestAFormOfAnotherSiteIsTurnedAway(t *testing.T) {
	d := newDesk(t)
	p := d.open(t, price)
	for _, site := range []string{"cross-site", "same-site"} {
		if resp, _ := d.request(t, http.MethodPost, p.ID.String(), "choice=accept", "Sec-Fetch-Site", site); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s, want 403", site, resp.Status)
		}
	}
	if n := len(d.shop.deliveries()); n != 0 {
		t.Errorf("the shop heard %d events", n)
	}
	if resp, _ := d.request(t, http.MethodPost, p.ID.String(), "choice=accept", "Sec-Fetch-Site", "same-origin"); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("its own form: %s, want 303", resp.Status)
	}
}

func TestAnOversizedFormIsRefused(t *testing.T) {
	d := newDesk(t)
	p := d.open(t, price)
	resp, _ := d.request(t, http.MethodPost, p.ID.String(), "padding="+strings.Repeat("x", 1<<20)+"&choice=accept")
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%s, want 400", resp.Status)
	}
	if n := len(d.shop.deliveries()); n != 0 {
		t.Errorf("the shop heard %d events", n)
	}
}

// broken is a store that answers nothing.
type broken struct{ state.Store }

var errStore = errors.New("the store is down")

func (broken) Get(context.Context, []string) (map[string]state.Entry, error) { return nil, errStore }

// lossy is a store whose first writes happen and are reported as failed.
type lossy struct {
	state.Store
	left atomic.Int32
}

func (l *lossy) Save(ctx context.Context, writes []state.Write) []error {
	errs := l.Store.Save(ctx, writes)
	if l.left.Add(-1) >= 0 {
		errs[0] = errStore
	}
	return errs
}

func TestAStoreThatIsDown(t *testing.T) {
	d := newDesk(t, func(o *demo.Options) { o.Store = broken{} })
	p := provider.Payment{ID: uuid.New(), OrderID: uuid.New(), Tenant: "main", Amount: price}
	if err := d.Open(t.Context(), p); !errors.Is(err, errStore) {
		t.Errorf("open: %v, want the store's error", err)
	}
	if _, err := d.Refund(t.Context(), provider.Refund{PaymentID: p.ID, Amount: price, Attempt: 1}); !errors.Is(err, errStore) {
		t.Errorf("refund: %v, want the store's error, which says that nothing is known", err)
	}
	resp, body := d.request(t, http.MethodGet, p.ID.String(), "")
	if resp.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, errStore.Error()) {
		t.Errorf("the page: %s", resp.Status)
	}
}

func TestAWriteThatHappenedAndWasReportedAsFailed(t *testing.T) {
	store := &lossy{Store: &state.Memory{}}
	d := newDesk(t, func(o *demo.Options) { o.Store = store })
	p := d.open(t, price)
	store.left.Store(1)
	if code := d.choose(t, p.ID, demo.Accept); code != http.StatusSeeOther {
		t.Fatalf("accept: %d, want 303", code)
	}
	store.left.Store(1)
	reference, err := d.Refund(t.Context(), provider.Refund{PaymentID: p.ID, Amount: price, Attempt: 1})
	if err != nil || reference == "" {
		t.Errorf("refund: %q, %v", reference, err)
	}
}

// testdata/v1/record.json is a record as version 1 stored it. Every later version
// must read it.
func TestARecordOfVersion1IsRead(t *testing.T) {
	stored, err := os.ReadFile("testdata/v1/record.json")
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.MustParse("6b0f8a52-6f4e-4c1f-9d5d-0d1d3f4c0011")
	store := &state.Memory{}
	if errs := store.Save(t.Context(), []state.Write{{Key: "demo-provider/" + id.String(), Value: stored}}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	d := newDesk(t, func(o *demo.Options) { o.Store = store })

	body := d.get(t, id)
	for _, want := range []string{"$249.00", "The payment was accepted.", "The money went back."} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	var declined *provider.Declined
	if _, err := d.Refund(t.Context(), provider.Refund{PaymentID: id, Amount: price, Attempt: 1}); !errors.As(err, &declined) {
		t.Errorf("attempt 1: %v, want it declined as it was", err)
	}
	reference, err := d.Refund(t.Context(), provider.Refund{PaymentID: id, Amount: price, Attempt: 2})
	if err != nil || reference != "demo-refund-8ed2f1a8-6f5f-5c25-a0a8-0f6a5f9b1c11" {
		t.Errorf("attempt 2: %q, %v", reference, err)
	}
}

// Whose payment it is, what Open wrote down says, whatever the webhook claims.
func TestAReportTakesTenantAndOrderFromThePayment(t *testing.T) {
	d := newDesk(t)
	p := d.open(t, price)
	read := func(body string) (provider.Report, error) {
		b := []byte(body)
		return d.Read(t.Context(), http.Header{demo.SignatureHeader: {demo.Sign(key, b, time.Now())}}, b)
	}
	claim := `{"id":"e1","type":"payment.accepted","paymentId":"` + p.ID.String() + `","tenant":"another","orderId":"` + uuid.NewString() + `"`
	r, err := read(claim + `,"amount":{"amount":7,"currency":"EUR"}}`)
	if err != nil || r.Tenant != p.Tenant || r.OrderID != p.OrderID || r.Amount != (contracts.Money{Amount: 7, Currency: "EUR"}) {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := read(claim + `}`); !errors.Is(err, provider.ErrMalformed) {
		t.Errorf("money taken without an amount: %v", err)
	}
	if _, err := read(strings.Replace(claim, p.ID.String(), uuid.NewString(), 1) + `,"amount":{"amount":7,"currency":"EUR"}}`); !errors.Is(err, provider.ErrUnknown) {
		t.Errorf("a payment that was never opened: %v", err)
	}
}

func TestAWebhookWithoutASignatureDoesNotReadTheKey(t *testing.T) {
	reads := 0
	d := newDesk(t, func(o *demo.Options) {
		o.Key = func(context.Context) (string, error) { reads++; return key, nil }
	})
	old := demo.Sign(key, []byte("{}"), time.Now().Add(-time.Hour))
	for _, signature := range []string{"", "t=,v1=", "t=1,v1=00", "v1=" + strings.Repeat("00", 32), old} {
		if _, err := d.Read(t.Context(), http.Header{demo.SignatureHeader: {signature}}, []byte("{}")); !errors.Is(err, provider.ErrSignature) {
			t.Errorf("%q: %v", signature, err)
		}
	}
	if reads > 0 {
		t.Errorf("the key was read %d times", reads)
	}
}

func TestChoicesMadeAtOnceEndInOne(t *testing.T) {
	d := newDesk(t)
	p := d.open(t, price)
	var accepted, rejected atomic.Int32
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if d.choose(t, p.ID, demo.Accept) == http.StatusSeeOther {
				accepted.Add(1)
			}
		})
		all.Go(func() {
			if d.choose(t, p.ID, demo.Reject) == http.StatusSeeOther {
				rejected.Add(1)
			}
		})
	}
	all.Wait()
	if (accepted.Load() == 0) == (rejected.Load() == 0) {
		t.Errorf("accepted %d times and rejected %d times", accepted.Load(), rejected.Load())
	}
	heard := map[string]bool{}
	for _, h := range d.shop.deliveries() {
		heard[string(h.Body)] = true
	}
	if len(heard) != 1 {
		t.Errorf("the shop heard %d different events, want 1", len(heard))
	}
}
