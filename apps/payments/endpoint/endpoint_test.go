package endpoint_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/payments/endpoint"
	"github.com/plenary/plenary/apps/payments/provider"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/bus/membus"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}

var (
	payment = uuid.MustParse("6b0f8a52-6f4e-4c1f-9d5d-0d1d3f4c0011")
	order   = uuid.MustParse("6b0f8a52-6f4e-4c1f-9d5d-0d1d3f4c0012")
)

var taken = contracts.Money{Amount: 24900, Currency: "USD"}

// told is a provider that was told what to say.
type told struct {
	provider.Provider // none: only what is below is asked
	report            provider.Report
	url               string
	err               error
}

func (told) Name() string { return "told" }

func (p told) Read(context.Context, http.Header, []byte) (provider.Report, error) {
	return p.report, p.err
}

func (p told) CheckoutURL(context.Context, uuid.UUID) (string, error) { return p.url, p.err }

func serve(t *testing.T, p provider.Provider, commands *membus.Bus, method, path, body string) *http.Response {
	t.Helper()
	engine := gin.New()
	endpoint.Checkout(engine, p, 200*time.Millisecond)
	endpoint.Webhook(engine, p, commands)
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	return w.Result()
}

func newBus() *membus.Bus { return membus.New(contracts.Registry(), "payments", time.Now) }

func report(o provider.Outcome) provider.Report {
	return provider.Report{
		EventID: "evt_1", Type: "charge." + string(o), Outcome: o, PaymentID: payment, OrderID: order, Tenant: "acme",
		Amount: taken, Reference: "ch_1", Reason: "card declined",
	}
}

func TestAReportBecomesACommand(t *testing.T) {
	for outcome, want := range map[provider.Outcome]any{
		provider.Completed: contracts.CompletePayment{PaymentID: payment, Amount: taken, ProviderReference: "ch_1"},
		provider.Rejected:  contracts.RejectPayment{PaymentID: payment, Reason: "card declined"},
		provider.Cancelled: contracts.CancelPayment{PaymentID: payment, Reason: "card declined"},
	} {
		commands := newBus()
		resp := serve(t, told{report: report(outcome)}, commands, http.MethodPost, "/webhooks/told", "{}")
		if resp.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %s", outcome, resp.Status)
		}
		sent := commands.Take()
		if len(sent) != 1 {
			t.Fatalf("%s: %d commands", outcome, len(sent))
		}
		got, err := membus.Decode(contracts.Registry(), sent[0])
		if err != nil {
			t.Fatal(err)
		}
		if got.Message.Body != want || got.Topic != contracts.TopicPayments {
			t.Errorf("%s: got %+v on %s, want %+v", outcome, got.Message.Body, got.Topic, want)
		}
		if got.Message.Tenant != "acme" || got.Message.CorrelationID != order.String() {
			t.Errorf("%s: tenant %q, correlation %q", outcome, got.Message.Tenant, got.Message.CorrelationID)
		}
	}
}

func TestAnEventToldAgainIsTheSameCommand(t *testing.T) {
	commands := newBus()
	serve(t, told{report: report(provider.Completed)}, commands, http.MethodPost, "/webhooks/told", "{}")
	serve(t, told{report: report(provider.Completed)}, commands, http.MethodPost, "/webhooks/told", "{}")
	other := report(provider.Completed)
	other.EventID = "evt_2"
	serve(t, told{report: other}, commands, http.MethodPost, "/webhooks/told", "{}")
	sent := commands.Take()
	if len(sent) != 3 || sent[0].ID != sent[1].ID || sent[0].ID == sent[2].ID {
		t.Errorf("got %+v, want the first two under one id and the third under another", sent)
	}
}

func TestALongReasonIsCut(t *testing.T) {
	long := report(provider.Rejected)
	long.Reason = strings.Repeat("é", 500)
	commands := newBus()
	serve(t, told{report: long}, commands, http.MethodPost, "/webhooks/told", "{}")
	got, err := membus.Decode(contracts.Registry(), commands.Take()[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := contracts.Registry().Validate(got.Message.Body); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoReportBecomesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		p    told
		body string
		code int
	}{
		"another event":         {told{report: provider.Report{EventID: "evt_1", Type: "account.updated", Outcome: provider.Other}}, "{}", http.StatusNoContent},
		"a wrong signature":     {told{err: provider.ErrSignature}, "{}", http.StatusBadRequest},
		"a payment of no one's": {told{err: provider.ErrUnknown}, "{}", http.StatusBadRequest},
		"an unreadable event":   {told{err: provider.ErrMalformed}, "{}", http.StatusBadRequest},
		"no key to verify":      {told{err: errors.New("the secret store is down")}, "{}", http.StatusServiceUnavailable},
		"a body that is large":  {told{report: report(provider.Completed)}, strings.Repeat("x", 64<<10+1), http.StatusRequestEntityTooLarge},
	} {
		commands := newBus()
		resp := serve(t, c.p, commands, http.MethodPost, "/webhooks/told", c.body)
		if resp.StatusCode != c.code {
			t.Errorf("%s: %s, want %d", name, resp.Status, c.code)
		}
		if sent := commands.Take(); len(sent) != 0 {
			t.Errorf("%s: %d commands", name, len(sent))
		}
		if body, _ := io.ReadAll(resp.Body); len(body) != 0 {
			t.Errorf("%s: says %q, which is nobody's business", name, body)
		}
	}
}

func TestAWebhookThatCannotBePublishedIsToldAgain(t *testing.T) {
	commands := newBus()
	commands.Break(true)
	resp := serve(t, told{report: report(provider.Completed)}, commands, http.MethodPost, "/webhooks/told", "{}")
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s, want 503", resp.Status)
	}
}

func TestCheckout(t *testing.T) {
	for name, c := range map[string]struct {
		p    told
		path string
		code int
		to   string
	}{
		"goes to the provider's page":  {told{url: "https://pay.example/s1"}, "/pay/" + payment.String(), http.StatusSeeOther, "https://pay.example/s1"},
		"of a payment nobody knows":    {told{err: provider.ErrUnknown}, "/pay/" + payment.String(), http.StatusNotFound, ""},
		"of what is no payment":        {told{url: "https://pay.example/s1"}, "/pay/42", http.StatusNotFound, ""},
		"when the provider cannot say": {told{err: errors.New("down")}, "/pay/" + payment.String(), http.StatusServiceUnavailable, ""},
	} {
		resp := serve(t, c.p, newBus(), http.MethodGet, c.path, "")
		if resp.StatusCode != c.code || resp.Header.Get("Location") != c.to {
			t.Errorf("%s: %s to %q, want %d to %q", name, resp.Status, resp.Header.Get("Location"), c.code, c.to)
		}
	}
}

func TestAPayerMayBeThereBeforeThePaymentIsOpened(t *testing.T) {
	p := &opening{told: told{url: "https://pay.example/s1"}, after: 2}
	resp := serve(t, p, newBus(), http.MethodGet, "/pay/"+payment.String(), "")
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != p.url {
		t.Errorf("%s to %q, want 303 to %q", resp.Status, resp.Header.Get("Location"), p.url)
	}
}

// Ids that are no payment's do not keep the store busy.
func TestAnUnknownPaymentIsLookedForAFewTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &opening{after: 1 << 20}
		engine := gin.New()
		endpoint.Checkout(engine, p, 5*time.Second)
		ask := func() int {
			w := httptest.NewRecorder()
			engine.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/pay/"+payment.String(), nil))
			return w.Code
		}
		if code := ask(); code != http.StatusNotFound {
			t.Fatalf("%d, want 404", code)
		}
		if asked := 1<<20 - p.after; asked > 9 {
			t.Errorf("it was looked for %d times", asked)
		}
		const most = 64
		done := make(chan int, most)
		for range most {
			go func() { done <- ask() }()
		}
		synctest.Wait()
		began := time.Now()
		if code := ask(); code != http.StatusNotFound || time.Since(began) > 0 {
			t.Errorf("one more: %d after %s, want 404 at once", code, time.Since(began))
		}
		for range most {
			<-done
		}
	})
}

// opening knows the payment only when it was asked for it a few times.
type opening struct {
	told
	mu    sync.Mutex
	after int
}

func (o *opening) CheckoutURL(ctx context.Context, id uuid.UUID) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.after--; o.after >= 0 {
		return "", provider.ErrUnknown
	}
	return o.told.CheckoutURL(ctx, id)
}
