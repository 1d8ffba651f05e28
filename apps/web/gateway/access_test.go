package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
)

const (
	anotherSecret = "the-secret-of-another-order"
	idempotencyID = "7d6e0c6e-3c1b-4d0e-9d49-9a5a2f3b8c11"
)

// ofTheOrder are all operations on one order.
func ofTheOrder(f *fixture) (requests []string) {
	for name := range operations(f) {
		if strings.Contains(name, "/api/orders/{id}") {
			requests = append(requests, strings.NewReplacer("{id}", orderID.String(), "{position}", "0").Replace(name))
		}
	}
	return requests
}

func TestAnOrdersIdOpensNothing(t *testing.T) {
	f := newFixture(t)
	f.query.answer("GET /orders/"+orderID.String(), expiredOrder)
	requests := ofTheOrder(f)
	if len(requests) < 10 {
		t.Fatalf("only %d operations are about one order", len(requests))
	}
	for name, authorization := range map[string]string{
		"nothing":                  "",
		"the id":                   "Bearer " + orderID.String(),
		"another order's secret":   "Bearer " + anotherSecret,
		"a link that never was":    "Bearer link." + anotherSecret,
		"the secret, not a bearer": "Basic " + orderSecret,
	} {
		t.Run(name, func(t *testing.T) {
			for _, request := range requests {
				f := newFixture(t) // so many wrong ones of one client would be turned away
				f.query.answer("GET /orders/"+orderID.String(), expiredOrder)
				method, path, _ := strings.Cut(request, " ")
				known := f.do(method, path, "{}", header{"Authorization", authorization})
				known.problem(http.StatusUnauthorized, problem.OrderSecretRequired)
				unknown := f.do(method, strings.Replace(path, orderID.String(), uuid.NewString(), 1), "{}", header{"Authorization", authorization})
				unknown.problem(http.StatusUnauthorized, problem.OrderSecretRequired)
				if len(f.broker.commands())+len(f.query.requests()) > 0 {
					t.Fatal("something was asked or sent all the same")
				}
			}
		})
	}
}

func TestTheSecretIsGivenWhenTheOrderIsPlacedAndOpensItAtOnce(t *testing.T) {
	f := newFixture(t)
	placed := f.do("POST", placePath(), oneSeat).is(http.StatusAccepted).receipt()
	if placed.ID != access.OrderID(placed.Secret) || placed.PageURL != "/orders/"+placed.ID.String()+"?key="+placed.Secret {
		t.Fatalf("got %+v", placed)
	}
	if sent := f.broker.only(t).Body.(contracts.RegisterToConference); sent.OrderID != placed.ID {
		t.Fatalf("sent %+v", sent)
	}
	// Query has not heard of it.
	f.do("POST", "/api/orders/"+placed.ID.String()+"/cancel", "", header{"Authorization", "Bearer " + placed.Secret}).is(http.StatusAccepted)
	f.do("GET", "/api/orders/"+placed.ID.String(), "", header{"Authorization", "Bearer " + placed.Secret}).
		problem(http.StatusNotFound, refusal.OrderNotFound)

	another := f.do("POST", placePath(), oneSeat).is(http.StatusAccepted).receipt()
	if another.Secret == placed.Secret {
		t.Fatal("two orders have one secret")
	}
}

func TestTheSecretIsGivenAgainUnderTheSameIdempotencyKey(t *testing.T) {
	f := newFixture(t)
	key := header{"Idempotency-Key", idempotencyID}
	first := f.do("POST", placePath(), oneSeat, key).is(http.StatusAccepted).receipt()
	again := f.do("POST", placePath(), oneSeat, key).is(http.StatusAccepted).receipt()
	if first.Secret == "" || again.Secret != first.Secret || again.ID != first.ID {
		t.Fatalf("%+v, and then %+v", first, again)
	}
	other := f.do("POST", placePath(), oneSeat, header{"Idempotency-Key", uuid.NewString()}).receipt()
	if other.Secret == first.Secret {
		t.Fatal("another key gives the same secret")
	}
	if access.SecretOf([]byte(uuid.NewString()), first.CommandID) == first.Secret {
		t.Fatal("the command's id alone gives the secret")
	}
}

func TestAChosenSecretIsTheOrders(t *testing.T) {
	f := newFixture(t)
	body := strings.Replace(oneSeat, "{", `{"secret":"`+orderSecret+`",`, 1)
	for range 2 {
		if r := f.do("POST", placePath(), body).is(http.StatusAccepted).receipt(); r.ID != orderID || r.Secret != orderSecret {
			t.Fatalf("got %+v", r)
		}
	}
}

func TestTheOrganiserOpensEveryOrder(t *testing.T) {
	f := newFixture(t)
	f.query.answer("GET /orders/"+orderID.String(), expiredOrder)
	f.do("GET", orderPath(""), "", asOrganiser).is(http.StatusOK)
}

func TestFindingAnOrderGivesAKeyThatOpensIt(t *testing.T) {
	f := newFixture(t)
	f.query.answer("POST /orders/find", expiredOrder)
	f.query.answer("GET /orders/"+orderID.String(), expiredOrder)
	find := func() gateway.FoundOrder {
		return decoded[gateway.FoundOrder](f.do("POST", "/api/orders/find", `{"email":"ada@example.org","locator":"K7PQ2MXA"}`).is(http.StatusOK))
	}
	found := find()
	if found.Secret == orderSecret || found.PageURL != "/orders/"+orderID.String()+"?key="+found.Secret || time.Until(found.SecretUntil) > access.LinkFor {
		t.Fatalf("got %+v", found)
	}
	if f.keys.TTL != access.LinkFor {
		t.Fatalf("it is kept for %s", f.keys.TTL)
	}
	if again := find(); again.Secret == found.Secret {
		t.Fatal("the same key twice")
	}
	by := header{"Authorization", "Bearer " + found.Secret}
	f.do("GET", orderPath(""), "", by).is(http.StatusOK)
	other := access.OrderID(anotherSecret)
	f.do("GET", "/api/orders/"+other.String(), "", by).problem(http.StatusUnauthorized, problem.OrderSecretRequired)
	f.keys.Down = true
	f.do("GET", orderPath(""), "", by).problem(http.StatusServiceUnavailable, problem.Unavailable)
	f.do("GET", orderPath(""), "").is(http.StatusOK) // the order's own secret needs no store
}

func TestTheCookieOpensWhatTheBearerOpens(t *testing.T) {
	f := newFixture(t)
	f.query.answer("GET /orders/"+orderID.String(), expiredOrder)
	none := header{"Authorization", ""}
	cookie := header{"Cookie", "plenary-order-" + orderID.String() + "=" + orderSecret}
	f.do("GET", orderPath(""), "", none, cookie).is(http.StatusOK)
	f.do("POST", orderPath("/cancel"), "", none, cookie, header{"Sec-Fetch-Site", "same-origin"}).is(http.StatusAccepted)
	for _, site := range []string{"cross-site", "same-site"} {
		f.do("POST", orderPath("/cancel"), "", none, cookie, header{"Sec-Fetch-Site", site}).
			problem(http.StatusForbidden, problem.CrossOrigin)
	}
	f.do("POST", orderPath("/cancel"), "", none, cookie, header{"Origin", "https://elsewhere.example"}).
		problem(http.StatusForbidden, problem.CrossOrigin)
	f.do("GET", orderPath(""), "", none, header{"Cookie", "plenary-order-" + orderID.String() + "=" + anotherSecret}).
		problem(http.StatusUnauthorized, problem.OrderSecretRequired)
}

func TestTheFirstVisitSetsTheCookieAndHidesTheSecret(t *testing.T) {
	f := newFixture(t)
	visit := func(target string, headers ...header) *http.Response {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, target, nil)
		for _, h := range headers {
			r.Header.Set(h.name, h.value)
		}
		if !f.gateway.Access().FirstVisit(w, r, orderID) {
			return nil
		}
		return w.Result()
	}
	page := "/orders/" + orderID.String()
	if visit(page) != nil {
		t.Fatal("an address without a key was answered")
	}
	for name, https := range map[string]bool{"http": false, "https": true} {
		got := visit(page+"?lang=zh&key="+orderSecret, header{"X-Forwarded-Proto", name})
		if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != page+"?lang=zh" {
			t.Fatalf("%d to %s", got.StatusCode, got.Header.Get("Location"))
		}
		if got.Header.Get("Referrer-Policy") != "no-referrer" || got.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("the address may be kept or passed on: %v", got.Header)
		}
		paths := map[string]bool{}
		for _, c := range got.Cookies() {
			if c.Value != orderSecret || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != https {
				t.Errorf("%s: cookie %+v", name, c)
			}
			paths[c.Path] = true
		}
		if len(paths) != 2 || !paths[page] || !paths["/api"+page] {
			t.Fatalf("%s: for %v", name, paths)
		}
	}
	for _, wrong := range []string{anotherSecret, "link." + anotherSecret, organiserToken, ""} {
		got := visit(page + "?key=" + strings.ReplaceAll(wrong, " ", "+"))
		if got.StatusCode != http.StatusSeeOther || len(got.Cookies()) > 0 || got.Header.Get("Location") != page {
			t.Fatalf("%q: %d to %s with %v", wrong, got.StatusCode, got.Header.Get("Location"), got.Cookies())
		}
	}
}

func TestWrongSecretsAreLimitedPerClient(t *testing.T) {
	f := newFixture(t, func(o *gateway.Options) { o.TrustedProxies = []string{"127.0.0.1"} })
	f.query.answer("GET /orders/"+orderID.String(), expiredOrder)
	f.query.answer("GET /orders/overdue?limit=100", view.OverdueOrders{Orders: []view.OverdueOrder{}})
	from := header{"X-Forwarded-For", "192.0.2.1"}
	wrong := header{"Authorization", "Bearer wrong"}
	for range 10 {
		f.do("GET", orderPath(""), "", wrong, from).problem(http.StatusUnauthorized, problem.OrderSecretRequired)
		f.do("GET", "/api/overdue-orders", "", wrong, from).problem(http.StatusUnauthorized, problem.CredentialRequired)
	}
	for _, path := range []string{orderPath(""), "/api/overdue-orders"} {
		for _, by := range []header{wrong, asOrganiser, asOperator} { // guessed right, it is not found out
			r := f.do("GET", path, "", by, from)
			r.problem(http.StatusTooManyRequests, problem.TooManyRequests)
			if r.header.Get("Retry-After") == "" {
				t.Fatal("no Retry-After")
			}
		}
	}
	f.do("GET", orderPath(""), "", from).is(http.StatusOK) // the holder, behind the same address
	f.do("GET", "/api/overdue-orders", "", asOperator, header{"X-Forwarded-For", "192.0.2.2"}).is(http.StatusOK)
}

func TestWhatIsShownByIdAloneNamesNoOrder(t *testing.T) {
	f := newFixture(t)
	f.query.answer("GET /payments/"+paymentID.String(), aPayment)
	stream := "order/" + orderID.String()
	f.query.decide(view.Outcome{CommandID: commandID.String(), Status: view.OutcomeAccepted, Stream: stream, Version: 3})
	derived := uuid.NewSHA1(uuid.NameSpaceOID, []byte("what an order's id leads to"))
	f.query.decide(view.Outcome{CommandID: derived.String(), Status: view.OutcomeAccepted, Stream: stream})
	for path, wants := range map[string]string{
		"/api/payments/" + paymentID.String(): "refund-failed",
		"/api/outcomes/" + commandID.String(): "accepted",
		"/api/outcomes/" + derived.String():   "unknown",
	} {
		r := f.do("GET", path, "").is(http.StatusOK)
		if strings.Contains(string(r.body), orderID.String()) || !strings.Contains(string(r.body), `"status":"`+wants) {
			t.Errorf("%s: %s", path, r.body)
		}
	}
}

// A client may choose the id as well, which is then no hash of the secret.
func TestAnOrderWhoseIDWasChosenIsOpenedByItsSecretAlone(t *testing.T) {
	f := newFixture(t)
	id := uuid.New()
	body := strings.Replace(oneSeat, "{", `{"orderId":"`+id.String()+`",`, 1)
	placed := f.do("POST", placePath(), body).is(http.StatusAccepted).receipt()
	if placed.ID != id || placed.Secret == "" {
		t.Fatalf("got %+v", placed)
	}
	if sent := f.broker.only(t).Body.(contracts.RegisterToConference); sent.OrderID != id {
		t.Fatalf("sent %+v", sent)
	}
	cancel := "/api/orders/" + id.String() + "/cancel"
	f.do("POST", cancel, "", header{"Authorization", "Bearer " + placed.Secret}).is(http.StatusAccepted)
	f.do("POST", cancel, "", header{"Authorization", "Bearer " + access.NewSecret()}).is(http.StatusUnauthorized)

	// Placed again, by its client or by another: no second secret.
	if again := f.do("POST", placePath(), body).is(http.StatusAccepted).receipt(); again.ID != id || again.Secret != "" || again.PageURL != "" {
		t.Errorf("again: %+v", again)
	}
	other := strings.Replace(body, "{", `{"secret":"`+access.NewSecret()+`",`, 1)
	f.do("POST", placePath(), other).problem(http.StatusConflict, refusal.OrderAlreadyPlaced)
}

func TestAKeyWrittenInAnotherWayGivesTheSameSecret(t *testing.T) {
	f := newFixture(t)
	first := f.do("POST", placePath(), oneSeat, header{"Idempotency-Key", idempotencyID}).is(http.StatusAccepted).receipt()
	again := f.do("POST", placePath(), oneSeat, header{"Idempotency-Key", `"` + strings.ToUpper(idempotencyID) + `"`}).is(http.StatusAccepted).receipt()
	if again.ID != first.ID || again.Secret != first.Secret {
		t.Errorf("%+v, and then %+v", first, again)
	}
}

// What an organiser prepares is not public until it is.
func TestAnUnpublishedConferenceIsTheOrganisersAlone(t *testing.T) {
	f := newFixture(t)
	f.query.answer("GET /organiser/drafts/gophers-2027", aConference)
	f.do("GET", "/api/conferences/gophers-2027", "").problem(http.StatusNotFound, refusal.ConferenceNotFound)
	f.do("GET", "/api/conferences/gophers-2027/events", "").problem(http.StatusNotFound, refusal.ConferenceNotFound)
	f.do("GET", "/api/conferences/gophers-2027?drafts=1", "").problem(http.StatusNotFound, refusal.ConferenceNotFound)
	f.do("GET", "/api/conferences/gophers-2027", "", header{"Authorization", "Bearer wrong"}).
		problem(http.StatusUnauthorized, problem.CredentialRequired)
	f.do("GET", "/api/conferences/gophers-2027", "", asOrganiser).is(http.StatusOK)
}
