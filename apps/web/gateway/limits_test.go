package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/throttle"
	"github.com/plenary/plenary/contracts"
)

// limited is a gateway with limits, which believes who the tests say they are.
func limited(t *testing.T, l gateway.Limits, c gateway.Challenge) *fixture {
	t.Helper()
	l.Hold = 20 * time.Minute
	return newFixture(t, func(o *gateway.Options) {
		o.TrustedProxies, o.Limits, o.Challenge = []string{"127.0.0.1"}, func() gateway.Limits { return l }, c
	})
}

func from(address string) header { return header{"X-Forwarded-For", address} }

// place places an order and gives its path and the header that opens it.
func place(f *fixture, headers ...header) (path string, by header) {
	f.t.Helper()
	placed := f.do("POST", placePath(), oneSeat, headers...).is(http.StatusAccepted).receipt()
	return "/api/orders/" + placed.ID.String(), header{"Authorization", "Bearer " + placed.Secret}
}

func TestOneAddressHoldsSeatsWithSoManyOrders(t *testing.T) {
	f := limited(t, gateway.Limits{HoldsPerAddress: 3}, nil)
	script := from("192.0.2.1")
	var path string
	var by header
	for range 3 {
		path, by = place(f, script)
	}
	r := f.do("POST", placePath(), oneSeat, script)
	r.problem(http.StatusTooManyRequests, problem.TooManyHolds)
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	sent := len(f.broker.commands())
	place(f, from("192.0.2.2")) // others go on
	if got := len(f.broker.commands()); got != sent+1 {
		t.Errorf("%d commands were sent, want one more than %d", got, sent)
	}
	f.do("POST", path+"/cancel", "", by, script).is(http.StatusAccepted)
	path, by = place(f, script)
	f.do("POST", placePath(), oneSeat, script).problem(http.StatusTooManyRequests, problem.TooManyHolds)

	// One that is confirmed holds no seats in that sense.
	id := uuid.MustParse(strings.TrimPrefix(path, "/api/orders/"))
	confirmed := expiredOrder
	confirmed.ID, confirmed.Status = id, view.OrderConfirmed
	f.query.answer("GET /orders/"+id.String(), confirmed)
	f.do("GET", path, "", by, script).is(http.StatusOK)
	place(f, script)
}

func TestAnOrderThatIsPlacedAgainHoldsOnce(t *testing.T) {
	f := limited(t, gateway.Limits{HoldsPerAddress: 1}, nil)
	for range 3 {
		f.do("POST", placePath(), oneSeat, from("192.0.2.1"), header{"Idempotency-Key", idempotencyKey}).is(http.StatusAccepted)
	}
}

func TestOneEMailAddressHoldsSeatsWithSoManyOrders(t *testing.T) {
	f := limited(t, gateway.Limits{HoldsPerEmail: 2}, nil)
	register := func(client int, email string) response {
		address := from(fmt.Sprintf("192.0.2.%d", client))
		path, by := place(f, address)
		return f.do("PUT", path+"/registrant", `{"firstName":"Ada","lastName":"Lovelace","email":"`+email+`"}`, by, address)
	}
	register(1, "ada@example.org").is(http.StatusAccepted)
	register(2, " Ada@EXAMPLE.org ").is(http.StatusAccepted)
	register(3, "ADA@example.org").problem(http.StatusTooManyRequests, problem.TooManyHolds)
	register(3, "bob@example.org").is(http.StatusAccepted)
}

func TestOneAddressWritesOnlySoOften(t *testing.T) {
	const each = 2
	f := limited(t, gateway.Limits{WritesPerAddress: each}, nil)
	refused := 0
	for range 15 * each {
		r := f.do("POST", placePath(), oneSeat, from("192.0.2.1"))
		if r.status == http.StatusTooManyRequests {
			r.problem(http.StatusTooManyRequests, problem.TooManyRequests)
			refused++
		}
	}
	if refused == 0 {
		t.Error("none was refused")
	}
	place(f, from("192.0.2.2"))
}

func TestThisMachineIsNotLimited(t *testing.T) {
	f := newFixture(t, func(o *gateway.Options) {
		o.Limits = func() gateway.Limits {
			return gateway.Limits{HoldsPerAddress: 1, WritesPerAddress: 1, Hold: time.Hour}
		}
	})
	for range 20 {
		place(f)
	}
}

// What an address may do is a setting that changes; so is the hall that gives it more.
func TestLimitsOfAddressesChange(t *testing.T) {
	var limits atomic.Pointer[gateway.Limits]
	set := func(l gateway.Limits, halls ...string) {
		t.Helper()
		var err error
		if l.Halls, err = throttle.HallsOf(halls); err != nil {
			t.Fatal(err)
		}
		l.Hold = time.Hour
		limits.Store(&l)
	}
	set(gateway.Limits{WritesPerAddress: 1})
	f := newFixture(t, func(o *gateway.Options) {
		o.TrustedProxies, o.Limits = []string{"127.0.0.1"}, func() gateway.Limits { return *limits.Load() }
	})
	taken := func(client string) (n int) {
		t.Helper()
		for n < 60 && f.do("POST", placePath(), oneSeat, from(client)).status == http.StatusAccepted {
			n++
		}
		return n
	}
	if n := taken("192.0.2.1"); n >= 20 {
		t.Errorf("%d writes of one a second", n)
	}
	set(gateway.Limits{WritesPerAddress: 100})
	if n := taken("192.0.2.2"); n != 60 {
		t.Errorf("%d writes of a hundred a second", n)
	}
	set(gateway.Limits{WritesPerAddress: 1}, "192.0.2.0/24=100")
	if n := taken("192.0.2.3"); n != 60 {
		t.Errorf("%d writes in a hall", n)
	}

	set(gateway.Limits{HoldsPerAddress: 2}, "192.0.2.0/24=3")
	if hall, home := taken("192.0.2.4"), taken("198.51.100.1"); hall != 6 || home != 2 {
		t.Errorf("%d orders hold seats in a hall and %d elsewhere", hall, home)
	}
	set(gateway.Limits{HoldsPerAddress: 3})
	if hall, home := taken("192.0.2.4"), taken("198.51.100.1"); hall != 0 || home != 1 {
		t.Errorf("%d more orders in what was a hall and %d elsewhere", hall, home)
	}
}

// An organiser of the conference who sells at the door is not limited.
func TestAnOrganiserAtTheDoorIsNotLimited(t *testing.T) {
	f := limited(t, gateway.Limits{HoldsPerAddress: 1, WritesPerAddress: 1, ChallengeAfter: 1}, puzzle{})
	f.query.answer("GET /organiser/drafts/"+conferenceID.String(), view.Conference{ID: conferenceID, OrganisationID: contracts.MainOrganisation})
	desk := from("192.0.2.1")
	for range 20 {
		place(f, desk, asOrganiser)
	}
	place(f, desk)
	f.do("POST", placePath(), oneSeat, desk).problem(http.StatusForbidden, problem.ChallengeRequired)
	place(f, desk, asOrganiser)

	// One of another organisation is as anybody.
	f.query.answer("GET /organiser/drafts/"+conferenceID.String(), view.Conference{ID: conferenceID, OrganisationID: uuid.New()})
	f.do("POST", placePath(), oneSeat, desk, asOrganiser).problem(http.StatusForbidden, problem.ChallengeRequired)
	place(f, from("192.0.2.2"), header{"Authorization", "Bearer nobodys"})
}

func TestTheOrdersOfOneEMailAddressHaveOnlySoManySeats(t *testing.T) {
	f := limited(t, gateway.Limits{SeatsPerEmail: 4}, nil)
	const count = "POST /orders/count-seats"
	path, by := place(f)
	register := func(also ...header) response {
		return f.do("PUT", path+"/registrant", `{"firstName":"Ada","email":"ada@example.org"}`, append([]header{by}, also...)...)
	}
	change := func(n int) response {
		return f.do("PUT", path+"/items", fmt.Sprintf(`{"items":[{"seatType":%q,"quantity":%d}]}`, seatTypeID, n), by)
	}
	taken := func(r response) { t.Helper(); r.is(http.StatusAccepted) }
	refused := func(r response) { t.Helper(); r.problem(http.StatusConflict, problem.TooManySeatsOfEmail) }

	f.query.answer(count, view.SeatsCounted{Order: 1, Others: 3})
	taken(register())
	f.query.answer(count, view.SeatsCounted{Order: 2, Others: 3})
	sent := len(f.broker.commands())
	refused(register())
	if got := len(f.broker.commands()); got != sent {
		t.Errorf("%d commands were sent", got-sent)
	}
	var asked view.CountSeats
	if err := json.Unmarshal([]byte(f.query.bodies[len(f.query.bodies)-1]), &asked); err != nil || asked.Email != "ada@example.org" || !strings.HasSuffix(path, asked.OrderID.String()) {
		t.Errorf("%+v, %v", asked, err)
	}

	// A name is corrected, and seats are given up, also where there are too many already.
	f.query.answer(count, view.SeatsCounted{Order: 2, Others: 3, Already: true})
	taken(register())
	taken(change(1))
	refused(change(3))
	f.query.answer(count, view.SeatsCounted{Order: 1, Others: 1, Already: true})
	taken(change(3))
	refused(change(4))
	f.query.answer(count, view.SeatsCounted{Order: 1}) // the order has no registrant yet
	taken(change(9))

	// An organiser who sells at the door is not limited.
	f.query.answer(count, view.SeatsCounted{Order: 2, Others: 3})
	order := strings.TrimPrefix(path, "/api/orders/")
	f.query.answer("GET /organiser/orders/"+order, view.OwnOrder{OrderID: uuid.MustParse(order), ConferenceID: conferenceID})
	taken(register(asOrganiser))

	// Where query cannot count, the sale goes on.
	f.query.answer(count, saysNo{http.StatusServiceUnavailable, problem.Unavailable})
	taken(register())
}

// Who names the registrant at once is not past the limit: the order is waited for.
func TestAnOrderIsWaitedForBeforeItsSeatsAreCounted(t *testing.T) {
	f := limited(t, gateway.Limits{SeatsPerEmail: 4}, nil)
	path, by := place(f)
	done := make(chan response, 1)
	go func() {
		done <- f.do("PUT", path+"/registrant", `{"firstName":"Ada","email":"ada@example.org"}`, by)
	}()
	f.query.await("/orders/count-seats", 2)
	f.query.answer("POST /orders/count-seats", view.SeatsCounted{Order: 1, Others: 4})
	r := <-done
	r.problem(http.StatusConflict, problem.TooManySeatsOfEmail)
}

// Without the limit an order costs no question.
func TestWithoutTheLimitNoSeatsAreCounted(t *testing.T) {
	f := limited(t, gateway.Limits{HoldsPerEmail: 9}, nil)
	path, by := place(f)
	f.do("PUT", path+"/registrant", `{"firstName":"Ada","email":"ada@example.org"}`, by).is(http.StatusAccepted)
	if asked := strings.Join(f.query.requests(), " "); strings.Contains(asked, "/orders/count-seats") {
		t.Errorf("query was asked: %s", asked)
	}
}

// puzzle is a stand-in for a provider of challenges.
type puzzle struct{ err error }

func (p puzzle) Passed(_ context.Context, response string, client netip.Addr) (bool, error) {
	return response == "solved by "+client.String(), p.err
}

func TestAnAddressWithManyHoldsHasToPassAChallenge(t *testing.T) {
	limits := gateway.Limits{ChallengeAfter: 2} // holds have no limit here
	f := limited(t, limits, puzzle{})
	script := from("192.0.2.1")
	place(f, script)
	place(f, script)
	sent := len(f.broker.commands())
	f.do("POST", placePath(), oneSeat, script).problem(http.StatusForbidden, problem.ChallengeRequired)
	f.do("POST", placePath(), oneSeat, script, header{gateway.ChallengeHeader, "guessed"}).problem(http.StatusForbidden, problem.ChallengeRequired)
	if got := len(f.broker.commands()); got != sent {
		t.Errorf("%d commands were sent", got-sent)
	}
	place(f, script, header{gateway.ChallengeHeader, "solved by 192.0.2.1"})
	place(f, from("192.0.2.2"))

	// While nobody can judge it, the sale goes on.
	f = limited(t, limits, puzzle{err: errors.New("away")})
	for range 4 {
		place(f, script, header{gateway.ChallengeHeader, "anything"})
	}
}

// The form is that of the providers: see Verifier.
func TestAVerifierAsksByTheFormOfTheProviders(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch response := r.PostFormValue("response"); response {
		case "broken":
			w.WriteHeader(http.StatusBadGateway)
		case "nonsense":
			fmt.Fprint(w, "<html>")
		default:
			fmt.Fprintf(w, `{"success":%t,"hostname":"example.org"}`, response == "good" && r.PostFormValue("remoteip") == "192.0.2.1")
		}
	}))
	defer provider.Close()
	v := gateway.Verifier{URL: provider.URL + "/siteverify", Client: provider.Client()}
	for response, want := range map[string]struct{ passed, fails bool }{
		"good": {passed: true}, "bad": {}, "broken": {fails: true}, "nonsense": {fails: true},
	} {
		passed, err := v.Passed(t.Context(), response, netip.MustParseAddr("192.0.2.1"))
		if passed != want.passed || (err != nil) != want.fails {
			t.Errorf("%s: %t, %v", response, passed, err)
		}
	}
}

// An address that sends many orders leaves room for others while handling lags. Here
// nothing is ever handled.
func TestOneAddressLeavesRoomForOthersWhileHandlingLags(t *testing.T) {
	f := newFixture(t, func(o *gateway.Options) { o.TrustedProxies, o.MaxLag = []string{"127.0.0.1"}, 8*time.Second })
	for {
		r := f.do("POST", placePath(), oneSeat, from("192.0.2.1"))
		if r.status == http.StatusAccepted {
			continue
		}
		r.problem(http.StatusTooManyRequests, problem.BacklogTooLong)
		place(f, from("192.0.2.2"))
		return
	}
}
