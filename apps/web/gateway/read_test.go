package gateway_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/telemetry/telemetrytest"
)

// Views as query gives them.
var (
	usd          = contracts.Money{Amount: 24900, Currency: "USD"}
	aConference  = view.Conference{ID: conferenceID, OrganisationID: contracts.MainOrganisation, Slug: "gophers-2027", SeatTypes: []view.SeatType{{ID: seatTypeID, Price: usd, Remaining: -3}}}
	aPayment     = view.Payment{ID: paymentID, OrderID: orderID, Amount: usd, Status: view.PaymentRefundFailed}
	aDeadLetter  = view.DeadLetter{ID: "d1", Status: view.DeadLetterOpen, Message: []byte(`{"a":1}`)}
	expiredOrder = view.Order{ID: orderID, ConferenceID: conferenceID, Status: view.OrderExpired, Total: usd, Locator: "K7PQ2MXA",
		Lines:     []contracts.OrderLine{{SeatType: seatTypeID, UnitPrice: usd, Total: usd, Requested: 2, State: contracts.LineRequested}},
		Discounts: []contracts.OrderDiscount{}, PromoCodes: []view.OrderPromoCode{},
		Assignments: []view.Assignment{{SeatType: seatTypeID}}, Payments: []view.Payment{aPayment}}
)

var anOrganisation = view.Organisation{ID: contracts.MainOrganisation, Name: "main", Members: []view.Member{{ID: memberID, Name: "Ada", Credentials: []view.Credential{{ID: credentialID}}}}}

var commandID = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000005")

// reads are all operations that read, each with what query must be asked and
// what it answers.
var reads = []struct {
	name, request, body string
	by                  []header
	asks                string // of query
	answer              any
	notFound            es.Code
	shows               any // if it is not the whole answer
}{
	{"list conferences", "GET /api/conferences?after=abc", "", anybody,
		"GET /conferences?after=abc&limit=100", view.Conferences{Conferences: []view.Conference{aConference}}, "", nil},
	{"a conference by id", "GET /api/conferences/" + conferenceID.String(), "", anybody,
		"GET /conferences/" + conferenceID.String(), aConference, refusal.ConferenceNotFound, nil},
	{"a conference by slug", "GET /api/conferences/gophers-2027", "", anybody,
		"GET /conferences/gophers-2027", aConference, refusal.ConferenceNotFound, nil},
	{"an order", "GET " + orderPath(""), "", anybody,
		"GET /orders/" + orderID.String(), expiredOrder, refusal.OrderNotFound, nil},
	{"a timeline", "GET " + orderPath("/timeline"), "", anybody,
		"GET /orders/" + orderID.String() + "/timeline?limit=100", view.Timeline{OrderID: orderID, Entries: []view.TimelineEntry{{Kind: view.TimelineEvent, Type: "OrderPlaced.v1"}}}, refusal.OrderNotFound, nil},
	{"a timeline's next page", "GET " + orderPath("/timeline?limit=5&after=abc"), "", anybody,
		"GET /orders/" + orderID.String() + "/timeline?after=abc&limit=5", view.Timeline{OrderID: orderID, Entries: []view.TimelineEntry{}, Next: "def"}, refusal.OrderNotFound, nil},
	{"find an order", "POST /api/orders/find", `{"email":"Ada@example.org","locator":"K7PQ2MXA"}`, anybody,
		"POST /orders/find", expiredOrder, refusal.OrderNotFound, nil},
	{"a payment", "GET /api/payments/" + paymentID.String(), "", anybody,
		"GET /payments/" + paymentID.String(), aPayment, refusal.PaymentNotFound,
		gateway.PublicPayment{ID: paymentID, Amount: usd, Status: view.PaymentRefundFailed}},
	{"overdue orders", "GET /api/overdue-orders?limit=7&after=a1", "", operators,
		"GET /orders/overdue?after=a1&limit=7", view.OverdueOrders{Next: "n", Orders: []view.OverdueOrder{{OrderID: orderID, Status: view.OrderReserved}}}, "", nil},
	{"waitlist", "GET /api/organiser/conferences/gophers/waitlist", "", organisers,
		"GET /organiser/conferences/gophers/waitlist", view.Waitlist{Waiting: []view.Waiting{{Place: 3, Wanted: contracts.Seats{{Quantity: 2}}}}}, refusal.ConferenceNotFound, nil},
	{"own organisation", "GET " + organisationPath(""), "", organisers,
		"GET /organiser/organisation", anOrganisation, refusal.OrganisationNotFound, nil},
	{"an organisation", "GET " + organisationPath(""), "", operators,
		"GET /operator/organisations/" + contracts.MainOrganisation.String(), anOrganisation, refusal.OrganisationNotFound, nil},
	{"organisations", "GET /api/organisations?after=abc", "", operators,
		"GET /operator/organisations?after=abc&limit=100", view.Organisations{Organisations: []view.OrganisationSummary{{Name: "main"}}, Next: "n"}, "", nil},
	{"own changes", "GET /api/audit-log?after=abc", "", organisers,
		"GET /organiser/audit?after=abc&limit=100", view.AuditLog{Entries: []view.AuditEntry{{Change: "PublishConference", By: view.ActorMember, About: "conference"}}}, "", nil},
	{"changes of one organisation", "GET /api/audit-log?organisation=" + contracts.MainOrganisation.String(), "", operators,
		"GET /operator/audit?limit=100&organisation=" + contracts.MainOrganisation.String(), view.AuditLog{Entries: []view.AuditEntry{}, Next: "n"}, "", nil},
	{"promo codes", "GET /api/organiser/conferences/gophers/promo-codes?after=abc", "", organisers,
		"GET /organiser/conferences/gophers/promo-codes?after=abc&limit=100", view.PromoCodes{PromoCodes: []view.PromoCode{{Code: "EARLY-20", Used: 3}}}, refusal.ConferenceNotFound, nil},
	{"failed refunds", "GET /api/failed-refunds?after=abc", "", operators,
		"GET /failed-refunds?after=abc&limit=100", view.FailedRefunds{Refunds: []view.FailedRefund{{PaymentID: paymentID, Amount: usd, Attempts: 2}}}, "", nil},
	{"loose payments", "GET /api/loose-payments?after=abc&limit=3", "", operators,
		"GET /operator/loose-payments?after=abc&limit=3", view.LoosePayments{Payments: []view.LoosePayment{{PaymentID: paymentID, Amount: usd, Status: view.PaymentCompleted}}, Next: "n"}, "", nil},
	{"stuck orders", "GET /api/stuck-orders?after=abc&limit=3", "", operators,
		"GET /operator/stuck-orders?after=abc&limit=3", view.StuckOrders{Orders: []view.StuckOrder{{OrderID: orderID, Status: view.OrderExpired, Stuck: []view.Stuck{{Kind: view.StuckSeats, Seats: 2}}}}, Next: "n"}, "", nil},
	{"dead letters", "GET /api/dead-letters?status=open&before=b1", "", operators,
		"GET /dead-letters?before=b1&limit=100&status=open", view.DeadLetters{DeadLetters: []view.DeadLetter{aDeadLetter}, Next: "n"}, "", nil},
	{"a dead letter", "GET /api/dead-letters/d1", "", operators,
		"GET /dead-letters/d1", aDeadLetter, refusal.DeadLetterNotFound, nil},
	{"dead letters of a reason", "GET /api/dead-letters?status=unsettled&reason=a+b&handler=order&messageType=X.v1&stream=order/1", "", operators,
		"GET /dead-letters?handler=order&limit=100&messageType=X.v1&reason=a+b&status=unsettled&stream=order%2F1", view.DeadLetters{DeadLetters: []view.DeadLetter{aDeadLetter}}, "", nil},
	{"reasons", "GET /api/dead-letter-reasons", "", operators,
		"GET /operator/reasons?limit=100", view.DeadLetterReasons{Reasons: []view.DeadLetterReason{{Reason: "panic", Letters: 2}}}, "", nil},
	{"parked streams", "GET /api/parked-streams?after=a1", "", operators,
		"GET /operator/parked-streams?after=a1&limit=100", view.ParkedStreams{Streams: []view.ParkedStream{{Stream: "order/1", Kind: "command", Letters: 2}}}, "", nil},
	{"free a stream", "POST /api/parked-streams/free", `{"handler":"order","stream":"order/1"}`, operators,
		"POST /operator/parked-streams/free", view.DeadLettersClosed{Closed: 2}, "stream-not-parked", nil},
	{"retry dead letters", "POST /api/dead-letters/retry", `{"reason":"panic"}`, operators,
		"POST /dead-letters/retry", view.DeadLettersClosed{Closed: 2, More: true}, "", nil},
	{"discard dead letters", "POST /api/dead-letters/discard", `{"stream":"order/1"}`, operators,
		"POST /dead-letters/discard", view.DeadLettersClosed{Closed: 2}, "", nil},
	{"retry a dead letter", "POST /api/dead-letters/d1/retry", "", operators,
		"POST /dead-letters/d1/retry", view.DeadLetter{ID: "d1", Status: view.DeadLetterRetried, RetriedAs: "r"}, refusal.DeadLetterNotFound, nil},
	{"discard a dead letter", "POST /api/dead-letters/d1/discard", "", operators,
		"POST /dead-letters/d1/discard", view.DeadLetter{ID: "d1", Status: view.DeadLetterDiscarded}, refusal.DeadLetterNotFound, nil},
}

func TestAReadAnswersWhatQuerySays(t *testing.T) {
	for _, c := range reads {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.query.answer(c.asks, c.answer)
			method, path, _ := strings.Cut(c.request, " ")
			r := f.do(method, path, c.body, c.by...).is(http.StatusOK)
			if c.shows == nil {
				c.shows = c.answer
			}
			got := reflect.New(reflect.TypeOf(c.shows))
			into(t, r.body, got.Interface())
			if !reflect.DeepEqual(got.Elem().Interface(), c.shows) {
				t.Fatalf("got %s, want %+v", r.body, c.shows)
			}
			if c.body != "" && f.query.bodies[0] != c.body {
				t.Fatalf("query was sent %s, want %s", f.query.bodies[0], c.body)
			}
			if r.header.Get("Cache-Control") != "no-store" {
				t.Fatal("may be kept by a cache")
			}
		})
	}
}

func TestWhatQueryDoesNotHaveIsNotFound(t *testing.T) {
	for _, c := range reads {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			method, path, _ := strings.Cut(c.request, " ")
			r := f.do(method, path, c.body, c.by...)
			if c.notFound == "" {
				r.problem(http.StatusServiceUnavailable, problem.Unavailable) // lists are always there
				return
			}
			r.problem(http.StatusNotFound, c.notFound)
		})
	}
}

func TestWhatQueryCannotAnswerIsUnavailable(t *testing.T) {
	for _, c := range reads {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.query.setDown(true)
			method, path, _ := strings.Cut(c.request, " ")
			r := f.do(method, path, c.body, c.by...)
			r.problem(http.StatusServiceUnavailable, problem.Unavailable)
			if r.header.Get("Retry-After") == "" {
				t.Fatal("no Retry-After")
			}
		})
	}
	t.Run("an answer that is none", func(t *testing.T) {
		f := newFixture(t)
		f.query.answer("GET /orders/"+orderID.String(), "a text where an order should be")
		f.do("GET", orderPath(""), "").problem(http.StatusServiceUnavailable, problem.Unavailable)
	})
}

func TestWhatQueryRefusesIsRefused(t *testing.T) {
	f := newFixture(t)
	f.query.answer("POST /dead-letters/d1/retry", saysNo{http.StatusConflict, "not-resendable"})
	f.query.answer("POST /dead-letters/d1/discard", saysNo{http.StatusConflict, "dead-letter-closed"})
	f.query.answer("GET /dead-letters?before=x&limit=100", saysNo{http.StatusBadRequest, "invalid-request"})
	f.do("POST", "/api/dead-letters/d1/retry", "", asOperator).problem(http.StatusConflict, "not-resendable")
	f.do("POST", "/api/dead-letters/d1/discard", "", asOperator).problem(http.StatusConflict, "dead-letter-closed")
	f.do("GET", "/api/dead-letters?before=x", "", asOperator).problem(http.StatusUnprocessableEntity, problem.ValidationFailed)
}

func TestTheOrganisersTokenStaysHere(t *testing.T) {
	f := newFixture(t)
	f.query.answer("GET /orders/overdue?limit=100", view.OverdueOrders{Orders: []view.OverdueOrder{}})
	f.payments = func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Header.Get("Authorization")) }
	f.do("GET", "/api/overdue-orders", "", asOperator).is(http.StatusOK)
	if got := f.query.headers[0].Get("Authorization"); got != "" {
		t.Fatalf("query was sent %q", got)
	}
	if got := f.do("GET", "/pay/demo/1", "", asOrganiser).is(http.StatusOK); len(got.body) > 0 {
		t.Fatalf("payments was sent %q", got.body)
	}
}

func TestTheOutcomeOfACommand(t *testing.T) {
	f := newFixture(t)
	path := "/api/outcomes/" + commandID.String()
	if got := decoded[view.Outcome](f.do("GET", path, "").is(http.StatusOK)); got.Status != view.OutcomeUnknown {
		t.Fatalf("got %+v", got)
	}
	done := make(chan response)
	go func() { done <- f.do("GET", path+"?wait=20", "") }()
	f.query.await("/outcomes/", 2)
	f.query.decide(view.Outcome{CommandID: commandID.String(), Status: view.OutcomeRefused, Code: "order-expired"})
	if got := decoded[view.Outcome]((<-done).is(http.StatusOK)); got.Code != "order-expired" {
		t.Fatalf("got %+v", got)
	}
	f.do("GET", path+"?wait=31", "").problem(http.StatusUnprocessableEntity, problem.ValidationFailed)
	f.query.setDown(true)
	f.do("GET", path, "").problem(http.StatusServiceUnavailable, problem.Unavailable)
}

func TestFailuresToFindAnOrderAreLimitedByAddress(t *testing.T) {
	recorded := telemetrytest.Record(t)
	f := newFixture(t)
	find := func(email string, headers ...header) response {
		return f.do("POST", "/api/orders/find", `{"email":"`+email+`","locator":"AAAAAAAA"}`, headers...)
	}
	for i := range 10 {
		find(fmt.Sprintf("guess%d@example.org", i)).problem(http.StatusNotFound, refusal.OrderNotFound)
	}
	r := find("ada@example.org")
	r.problem(http.StatusTooManyRequests, problem.TooManyRequests)
	if r.header.Get("Retry-After") != "6" {
		t.Fatalf("Retry-After %q", r.header.Get("Retry-After"))
	}
	// Who says to be somebody else is not believed.
	find("ada@example.org", header{"X-Forwarded-For", "192.0.2.7"}).problem(http.StatusTooManyRequests, problem.TooManyRequests)
	if got := recorded.Value("plenary.turned_away"); !maps.Equal(got, map[string]float64{"reason=throttle": 2}) {
		t.Errorf("turned away %v", got)
	}
}

// A conference's hall is one address.
func TestEverybodyBehindOneAddressFindsTheirOrder(t *testing.T) {
	f := newFixture(t)
	f.query.answer("POST /orders/find", expiredOrder)
	for range 100 {
		f.do("POST", "/api/orders/find", `{"email":"ada@example.org","locator":"AAAAAAAA"}`).is(http.StatusOK)
	}
}

func TestAnOrderIsLookedForInTheFormInWhichItIsKept(t *testing.T) {
	f := newFixture(t)
	f.query.answer("POST /orders/find", expiredOrder)
	f.do("POST", "/api/orders/find", `{"email":" Ada@Müller.example","locator":"k7pq-2mxa "}`).is(http.StatusOK)
	if got := f.query.bodies[0]; got != `{"email":"Ada@Müller.example","locator":"K7PQ2MXA"}` {
		t.Errorf("query was asked %s", got)
	}
}

func TestWhatCannotBeAskedIsNoFailureToFind(t *testing.T) {
	f := newFixture(t)
	f.query.setDown(true)
	for range 20 {
		f.do("POST", "/api/orders/find", `{"email":"ada@example.org","locator":"AAAAAAAA"}`).problem(http.StatusServiceUnavailable, problem.Unavailable)
		f.do("POST", "/api/orders/find", `{"email":"ada"}`).problem(http.StatusUnprocessableEntity, problem.ValidationFailed)
	}
}

// By e-mail a stranger could lock a holder out.
func TestAStrangersFailuresDoNotLockAHolderOut(t *testing.T) {
	f := newFixture(t, func(o *gateway.Options) { o.TrustedProxies = []string{"127.0.0.1"} })
	find := func(from, locator string) response {
		return f.do("POST", "/api/orders/find", `{"email":"ada@example.org","locator":"`+locator+`"}`, header{"X-Forwarded-For", from})
	}
	for range 10 {
		find("192.0.2.7", "GUESSED2").problem(http.StatusNotFound, refusal.OrderNotFound)
	}
	find("192.0.2.7", "GUESSED2").problem(http.StatusTooManyRequests, problem.TooManyRequests)
	f.query.answer("POST /orders/find", expiredOrder)
	find("198.51.100.1", "K7PQ2MXA").is(http.StatusOK)
}

// streaming answers a stream of server-sent events of which each part is sent
// when the test lets it.
func (f *fixture) streaming(path string, parts <-chan string) {
	f.query.answer("GET "+path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		for {
			select {
			case part := <-parts:
				_, _ = io.WriteString(w, part)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}))
}

// open asks as the order's holder, or the organiser, and leaves the answer to be read.
func (f *fixture) open(path string) *http.Response {
	f.t.Helper()
	req, err := http.NewRequest(http.MethodGet, f.url+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	switch {
	case strings.HasPrefix(path, orderPath("")):
		req.Header.Set("Authorization", "Bearer "+orderSecret)
	case strings.HasPrefix(path, "/api/organiser/"):
		req.Header.Set("Authorization", "Bearer "+organiserToken)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	return resp
}

func TestEventsArePassedOnOneByOne(t *testing.T) {
	for request, asks := range map[string]string{
		"/api/organiser/conferences/gophers-27/dashboard/events": "/organiser/conferences/gophers-27/dashboard/events",
	} {
		t.Run(request, func(t *testing.T) {
			f := newFixture(t)
			parts := make(chan string)
			f.streaming(asks, parts)
			resp := f.open(request)
			defer func() { _ = resp.Body.Close() }()
			if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
				t.Fatalf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
			}
			if got := resp.Header.Values("X-Content-Type-Options"); len(got) != 1 {
				t.Fatalf("X-Content-Type-Options %q", got)
			}
			if got := resp.Header.Get("Cache-Control"); got != "no-store" {
				t.Fatalf("Cache-Control %q", got)
			}
			if got := f.query.headers[0].Get("Accept"); got != "text/event-stream" {
				t.Fatalf("query was asked for %q, by which no sidecar knows a stream", got)
			}
			lines := bufio.NewReader(resp.Body)
			for i := range 3 {
				parts <- fmt.Sprintf("data: %d\n\n", i)
				line, err := lines.ReadString('\n') // comes before the next is sent
				if err != nil || line != fmt.Sprintf("data: %d\n", i) {
					t.Fatalf("event %d: %q, %v", i, line, err)
				}
				_, _ = lines.ReadString('\n')
			}
		})
	}
}

func TestAStreamOfWhatIsNotThereIsAProblem(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 5 seconds, in which an order may appear")
	}
	t.Run("an order", func(t *testing.T) {
		t.Parallel()
		newFixture(t).do("GET", orderPath("/events"), "").problem(http.StatusNotFound, refusal.OrderNotFound)
	})
	t.Run("a conference", func(t *testing.T) {
		newFixture(t).do("GET", "/api/conferences/none/events", "").problem(http.StatusNotFound, refusal.ConferenceNotFound)
	})
	t.Run("a dashboard", func(t *testing.T) {
		newFixture(t).do("GET", "/api/organiser/conferences/none/dashboard/events", "", asOrganiser).problem(http.StatusNotFound, refusal.ConferenceNotFound)
	})
	t.Run("while query is down", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.query.setDown(true)
		f.do("GET", orderPath("/events"), "").problem(http.StatusServiceUnavailable, problem.Unavailable)
	})
}

// events reads the events of a stream.
type events struct {
	t     *testing.T
	lines *bufio.Scanner
}

func (f *fixture) watch(path string) events {
	f.t.Helper()
	resp := f.open(path)
	f.t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") || resp.Header.Get("Cache-Control") != "no-store" ||
		len(resp.Header.Values("X-Content-Type-Options")) != 1 {
		f.t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	return events{f.t, bufio.NewScanner(resp.Body)}
}

// next is the next event.
func (e events) next() (name, id, data string) {
	e.t.Helper()
	for e.lines.Scan() {
		field, value, _ := strings.Cut(e.lines.Text(), ":")
		switch {
		case e.lines.Text() == "" && data != "":
			return name, id, data
		case field == "event":
			name = value
		case field == "id":
			id = value
		case field == "data":
			data = value
		}
	}
	e.t.Fatalf("the stream ended: %v", e.lines.Err())
	return
}

// While one question is under way, those who want to read other orders gather for the next.
func TestOrdersThatAreReadAtTheSameTimeAreReadTogether(t *testing.T) {
	f := newFixture(t)
	orders := make([]view.Order, 10)
	found := map[uuid.UUID]view.Order{}
	var secrets []string
	for i := range orders {
		secret := access.NewSecret()
		orders[i] = expiredOrder
		orders[i].ID = access.OrderID(secret)
		secrets = append(secrets, secret)
		if i != 1 { // the second is not there
			found[orders[i].ID] = orders[i]
		}
	}
	entered, goOn := make(chan struct{}), make(chan struct{})
	f.query.answer("GET /orders/"+orders[0].ID.String(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-goOn
		_ = json.NewEncoder(w).Encode(orders[0])
	}))
	f.query.answer("POST /orders/read", found)
	var all sync.WaitGroup
	read := func(i int) {
		all.Go(func() {
			r := f.do("GET", "/api/orders/"+orders[i].ID.String(), "", header{"Authorization", "Bearer " + secrets[i]})
			want, shows := http.StatusOK, `"id":"`+orders[i].ID.String()
			if i == 1 {
				want, shows = http.StatusNotFound, string(refusal.OrderNotFound)
			}
			if r.status != want || !strings.Contains(string(r.body), shows) {
				t.Errorf("order %d: %d %s", i, r.status, r.body)
			}
		})
	}
	read(0)
	<-entered
	for i := range orders[1:] {
		read(i + 1)
	}
	await(t, func() bool { return f.gateway.Reading() == len(orders)-1 })
	close(goOn)
	all.Wait()
	if asked := f.query.requests(); len(asked) != 2 {
		t.Errorf("query was asked %v", asked)
	}
}

// Of one view there is one reading for each change, however many watch it.
func TestWatchersShareTheReadingsOfAView(t *testing.T) {
	conference := aConference
	for request, test := range map[string]struct {
		asks, name string
		change     view.Changes
	}{
		orderPath("/events"): {"/orders/" + orderID.String(), "order", view.Changes{Orders: []string{orderID.String()}}},
		"/api/conferences/" + conference.ID.String() + "/events": {
			"/conferences/" + conference.ID.String(), "conference", view.Changes{Conferences: []string{conference.ID.String()}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			f.awaitConnection()
			answer := func(revision int) {
				f.query.answer("GET "+test.asks, map[string]any{"id": strings.TrimPrefix(strings.TrimPrefix(test.asks, "/conferences/"), "/orders/"), "revision": revision})
			}
			answer(1)
			const watchers = 20
			var all []events
			for range watchers {
				e := f.watch(request)
				name, id, data := e.next()
				if name != test.name || id == "" || !strings.Contains(data, `"revision":1`) {
					t.Fatalf("%s %s %s", name, id, data)
				}
				all = append(all, e)
			}
			reads := func() (n int) {
				for _, asked := range f.query.requests() {
					if asked == "GET "+test.asks {
						n++
					}
				}
				return n
			}
			before := reads()
			answer(2)
			f.query.mu.Lock()
			f.query.tell(test.change)
			f.query.mu.Unlock()
			for _, e := range all {
				if _, _, data := e.next(); !strings.Contains(data, `"revision":2`) {
					t.Fatal(data)
				}
			}
			if n := reads() - before; n != 1 {
				t.Errorf("a change was read %d times for %d watchers", n, watchers)
			}
		})
	}
}

// What may have been missed is read again.
func TestAWatcherSeesWhatChangedWhileNothingWasHeard(t *testing.T) {
	f := newFixture(t)
	f.awaitConnection()
	path := "GET /orders/" + orderID.String()
	f.query.answer(path, map[string]any{"revision": 1})
	e := f.watch(orderPath("/events"))
	e.next()
	f.query.setDown(true)
	f.query.answer(path, map[string]any{"revision": 2})
	f.query.setDown(false)
	if _, _, data := e.next(); !strings.Contains(data, `"revision":2`) {
		t.Error(data)
	}
}

// That a stream did not begin does not say that there is none.
func TestAStreamThatReachedNoAppIsBegunAgain(t *testing.T) {
	f := newFixture(t)
	begun := 0
	const dashboard = "/organiser/conferences/gophers-27/dashboard"
	f.query.answer("GET "+dashboard+"/events", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if begun++; begun == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
	}))
	f.query.answer("GET "+dashboard, map[string]any{})
	resp := f.open("/api" + dashboard + "/events")
	defer func() { _ = resp.Body.Close() }()
	if got, err := io.ReadAll(resp.Body); string(got) != "data: 1\n\n" || err != nil || begun != 2 {
		t.Fatalf("%d %q, %v, after %d requests", resp.StatusCode, got, err, begun)
	}
}

func TestPaymentPagesAndWebhooksArePassedThrough(t *testing.T) {
	f := newFixture(t)
	f.payments = func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Security-Policy", "style-src 'self'")
		w.Header().Set("X-Got", r.Method+" "+r.URL.String()+" "+r.Header.Get("Signature")+" body "+string(body)+".")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "from payments")
	}
	for _, c := range []struct{ method, path, body, got string }{
		{"GET", "/pay/demo/1?lang=en", "", "GET /pay/demo/1?lang=en s1 body ."},
		{"POST", "/pay/demo/1", "choice=accept", "POST /pay/demo/1 s1 body choice=accept."},
		{"POST", "/webhooks/demo", `{"a":1}`, `POST /webhooks/demo s1 body {"a":1}.`},
	} {
		r := f.do(c.method, c.path, c.body, header{"Signature", "s1"}).is(http.StatusTeapot)
		if got := r.header.Get("X-Got"); got != c.got || string(r.body) != "from payments" {
			t.Errorf("payments got %q, want %q; answer %q", got, c.got, r.body)
		}
		if got := r.header.Values("Content-Security-Policy"); len(got) != 1 || got[0] != "style-src 'self'" {
			t.Errorf("Content-Security-Policy %q: the page's own is what counts", got)
		}
		if r.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Error("no X-Content-Type-Options")
		}
	}
	if got := len(f.broker.commands()); got > 0 {
		t.Fatalf("%d commands were sent", got)
	}
}

// What the sidecar says when it reaches no app names addresses of ours.
func TestAPaymentPageThatCannotBeReachedIsUnavailable(t *testing.T) {
	f := newFixture(t)
	f.payments = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"errorCode":"ERR_DIRECT_INVOKE","message":"failed to invoke, id: payments, address 10.1.2.3"}`)
	}
	r := f.do("POST", "/pay/demo/1", "choice=accept").is(http.StatusServiceUnavailable)
	if r.header.Get("Retry-After") == "" || r.header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(string(r.body), "10.1.2.3") {
		t.Errorf("got %v %s", r.header, r.body)
	}
}

func TestNobodyReachesTheSidecarThroughThePaymentPages(t *testing.T) {
	f := newFixture(t)
	f.payments = func(http.ResponseWriter, *http.Request) { t.Error("the request was passed on") }
	for _, request := range []string{
		"GET /pay/../../../../secrets/secretstore/organiser-token",
		"GET /pay/%2e%2e/%2e%2e/%2e%2e/%2e%2e/metadata",
		"GET /pay/%2e%2e",
		"GET /pay/demo/%2e%2e",
		"GET /pay/..%2f..%2fmetadata",
		"POST /pay/../../../../publish/commandbus/payments",
		"POST /pay/../bus/commands",
		"POST /webhooks/%2e%2e",
		"POST /webhooks/../bus/commands",
		"GET /pay/demo/1/2",
		"GET /webhooks/demo",
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := f.do(method, path, "").status; got != http.StatusNotFound && got != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", request, got)
		}
	}
}

func TestAnAnswerThatBreaksOffIsNotTakenForAWholeOne(t *testing.T) {
	f := newFixture(t)
	f.payments = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half a page")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	resp, err := http.Get(f.url + "/pay/demo/1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if page, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("got %q, %v", page, err)
	}
	if log := f.log.String(); strings.Contains(log, "abort") {
		t.Fatalf("logged as a fault of ours: %s", log)
	}
}

func TestWithoutThePaymentsAppItsPagesAreUnavailable(t *testing.T) {
	f := newFixture(t, unreachablePayments)
	f.do("GET", "/pay/demo/1", "").problem(http.StatusServiceUnavailable, problem.Unavailable)
}
