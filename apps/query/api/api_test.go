package api_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/api"
	"github.com/plenary/plenary/apps/query/ingest"
	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/problem"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

var (
	registry = contracts.Registry()
	noon     = time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)
	ann      = contracts.Person{FirstName: "Ann", LastName: "Lee", Email: "ann@example.com"}
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// service is a query service over a database of its own.
type service struct {
	t      *testing.T
	url    string
	hub    *live.Hub
	store  *store.Store
	events ingest.Events

	mu   sync.Mutex
	sent []message.Message
	down bool // the broker
}

func (s *service) Publish(_ context.Context, msgs ...message.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errors.New("the broker is down")
	}
	s.sent = append(s.sent, msgs...)
	return nil
}

func TestMain(m *testing.M) { os.Exit(databases.Main(m)) }

func start(t *testing.T) *service { return startWith(t, patience) }

// startWith is start with a time that a stream waits for an order to appear.
func startWith(t *testing.T, appears time.Duration) *service {
	t.Helper()
	return startOn(t, databases.SQLite(t), appears)
}

// startOn is startWith on a database, which others may use as well.
func startOn(t *testing.T, connection string, appears time.Duration, change ...func(*api.API)) *service {
	t.Helper()
	gin.SetMode(gin.TestMode)
	late, hub := store.NewLate(), live.NewHub()
	db, err := store.Open(context.Background(), connection, registry, hub)
	if err != nil {
		t.Fatal(err)
	}
	late.Set(db)
	s := &service{t: t, hub: hub, store: db, events: ingest.Events{Store: late, Now: time.Now}}
	routes := gin.New()
	a := &api.API{
		Store: late, Hub: hub, Registry: registry, Publisher: s, Now: func() time.Time { return noon },
		Heartbeat: 20 * time.Millisecond, Pace: time.Millisecond, Appears: appears,
	}
	for _, c := range change {
		c(a)
	}
	a.Routes(routes)
	server := httptest.NewServer(routes)
	s.url = server.URL
	t.Cleanup(func() {
		hub.Close()
		server.Close()
		_ = db.Close()
	})
	return s
}

// happen delivers events that follow each other in one stream.
func (s *service) happen(stream string, from int, bodies ...any) {
	s.t.Helper()
	if err := s.deliver(stream, from, bodies...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) deliver(stream string, from int, bodies ...any) error {
	return s.deliverCausedBy(stream, "", from, bodies...)
}

// deliverCausedBy delivers what one command led to, or each a command of its own.
func (s *service) deliverCausedBy(stream, command string, from int, bodies ...any) error {
	var batch []bus.Delivery
	for i, body := range bodies {
		m := message.Message{Meta: message.Meta{
			ID: uuid.NewString(), Source: "test", Stream: stream, Time: noon, Tenant: message.DefaultTenant, StreamVersion: uint64(from + i),
			Cause: message.Cause{ID: cmp.Or(command, commandOf(stream, from+i)), Type: "Command.v1", Time: noon},
		}, Body: body}
		var err error
		var data []byte
		if m.Type, data, err = registry.Encode(m.Meta, body); err != nil {
			return err
		}
		batch = append(batch, bus.Delivery{Message: m, Data: data})
	}
	for _, status := range s.events.HandleBatch(context.Background(), batch) {
		if status != bus.Success {
			return fmt.Errorf("events: %v", status)
		}
	}
	return nil
}

func commandOf(stream string, version int) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(stream+string(rune(version)))).String()
}

func (s *service) place(order uuid.UUID) (stream string) {
	s.t.Helper()
	stream = "order/" + order.String()
	s.happen(stream, 1, placed(order)...)
	return stream
}

func placed(order uuid.UUID) []any {
	return []any{contracts.OrderPlaced{
		OrderID: order, ConferenceID: uuid.New(), Version: 1, Deadline: noon.Add(-time.Minute), Locator: "K7PQ2MXA",
		Items: contracts.Seats{{SeatType: uuid.New(), Quantity: 1}},
	}, contracts.OrderRegistrantAssigned{OrderID: order, Registrant: ann}}
}

// ask sends a request; got is the answer's body.
func ask[T any](s *service, method, path, body string, status int) (got T) {
	s.t.Helper()
	return askFor[T](s, contracts.MainOrganisation.String(), method, path, body, status)
}

// get asks for a member of the main organisation.
func (s *service) get(path string) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set(api.OrganisationHeader, contracts.MainOrganisation.String())
	return http.DefaultClient.Do(req)
}

// askFor is ask for a member of an organisation.
func askFor[T any](s *service, organisation, method, path, body string, status int) (got T) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set(api.OrganisationHeader, organisation)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != status {
		s.t.Fatalf("%s %s: %d %s, want %d", method, path, res.StatusCode, text, status)
	}
	if status >= 400 && res.Header.Get("Content-Type") != problem.ContentType {
		s.t.Fatalf("%s %s: content type %s", method, path, res.Header.Get("Content-Type"))
	}
	if err := json.Unmarshal(text, &got); err != nil {
		s.t.Fatalf("%s %s: %s: %v", method, path, text, err)
	}
	return got
}

func TestQuestionsThatHaveNoAnswer(t *testing.T) {
	s := startWith(t, time.Millisecond)
	id := uuid.NewString()
	for _, tc := range []struct {
		method, path, body string
		status             int
		code               es.Code
	}{
		{"GET", "/orders/" + id, "", 404, refusal.OrderNotFound},
		{"GET", "/orders/not-an-id", "", 404, refusal.OrderNotFound},
		{"GET", "/orders/" + id + "/timeline", "", 404, refusal.OrderNotFound},
		{"GET", "/orders/" + id + "/events", "", 404, refusal.OrderNotFound},
		{"POST", "/orders/find", `{"email":"ann@example.com","locator":"K7PQ2MXA"}`, 404, refusal.OrderNotFound},
		{"POST", "/orders/find", `{"email":"ann@example.com"}`, 400, problem.InvalidRequest},
		{"POST", "/orders/find", `{`, 400, problem.InvalidRequest},
		{"POST", "/orders/count-seats", `{"orderId":"1"}`, 400, problem.InvalidRequest},
		{"POST", "/orders/count-seats", `{"orderId":"` + uuid.NewString() + `","email":"ann@example.com"}`, 404, refusal.OrderNotFound},
		{"GET", "/orders/overdue?before=yesterday", "", 400, problem.InvalidRequest},
		{"GET", "/orders/overdue?limit=many", "", 400, problem.InvalidRequest},
		{"GET", "/orders/overdue?after=here", "", 400, problem.InvalidRequest},
		{"GET", "/orders/missing?after=here", "", 400, problem.InvalidRequest},
		{"GET", "/operator/loose-payments?after=here", "", 400, problem.InvalidRequest},
		{"GET", "/conferences?after=here", "", 400, problem.InvalidRequest},
		{"GET", "/failed-refunds?after=here", "", 400, problem.InvalidRequest},
		{"GET", "/conferences/" + id, "", 404, refusal.ConferenceNotFound},
		{"GET", "/conferences/no-such-slug", "", 404, refusal.ConferenceNotFound},
		{"GET", "/conferences/no-such-slug/events", "", 404, refusal.ConferenceNotFound},
		{"GET", "/outcomes/" + id + "?wait=3600", "", 400, problem.InvalidRequest},
		{"GET", "/payments/" + id, "", 404, refusal.PaymentNotFound},
		{"GET", "/dead-letters?status=lost", "", 400, problem.InvalidRequest},
		{"GET", "/dead-letters/x", "", 404, refusal.DeadLetterNotFound},
		{"POST", "/dead-letters/x/retry", "", 404, refusal.DeadLetterNotFound},
		{"POST", "/dead-letters/x/discard", "", 404, refusal.DeadLetterNotFound},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			s.t = t
			if p := ask[problem.Problem](s, tc.method, tc.path, tc.body, tc.status); p.Code != tc.code || p.Status != tc.status {
				t.Errorf("problem: %+v", p)
			}
		})
	}
}

func TestQuestionsAndAnswers(t *testing.T) {
	s := start(t)
	order, payment, conference := uuid.New(), uuid.New(), uuid.New()
	stream := s.place(order)
	s.happen("payment/"+payment.String(), 1,
		contracts.PaymentInitiated{PaymentID: payment, OrderID: order, Version: 1, Amount: contracts.Money{Amount: 100, Currency: "USD"}, Provider: "demo"},
		contracts.RefundFailed{PaymentID: payment, OrderID: order, Amount: contracts.Money{Amount: 100, Currency: "USD"}, Attempt: 3, Reason: "no"})
	s.happen("conference/"+conference.String(), 1,
		contracts.ConferenceCreated{ConferenceID: conference, Slug: "gophers", Currency: "USD", Details: contracts.ConferenceDetails{
			TimeZone: "Asia/Shanghai", StartsAt: noon.AddDate(0, 1, 0), EndsAt: noon.AddDate(0, 1, 2),
		}},
		contracts.ConferencePublished{ConferenceID: conference})

	if o := ask[view.Order](s, "GET", "/orders/"+order.String(), "", 200); o.Locator != "K7PQ2MXA" || len(o.Payments) != 1 {
		t.Errorf("order: %+v", o)
	}
	if c := ask[view.SeatsCounted](s, "POST", "/orders/count-seats", `{"orderId":"`+order.String()+`"}`, 200); c.Order == 0 || !c.Already {
		t.Errorf("seats counted: %+v", c)
	}
	if o := ask[view.Order](s, "POST", "/orders/find", `{"email":"ANN@example.com","locator":"k7pq2mxa"}`, 200); o.ID != order {
		t.Errorf("found: %+v", o)
	}
	if l := ask[view.Timeline](s, "GET", "/orders/"+order.String()+"/timeline", "", 200); len(l.Entries) != 8 {
		t.Errorf("timeline: %+v", l)
	}
	for after := ""; ; {
		page := ask[view.Timeline](s, "GET", "/orders/"+order.String()+"/timeline?limit=3"+after, "", 200)
		if len(page.Entries) == 0 || len(page.Entries) > 3 {
			t.Errorf("a page of the timeline: %+v", page)
		}
		if page.Next == "" {
			break
		}
		after = "&after=" + page.Next
	}
	ask[json.RawMessage](s, "GET", "/orders/"+order.String()+"/timeline?after=0-another", "", 400)
	overdue := url.Values{"before": {noon.Format(time.RFC3339)}, "limit": {"1"}}
	if o := ask[view.OverdueOrders](s, "GET", "/orders/overdue?"+overdue.Encode(), "", 200); len(o.Orders) != 1 || o.Orders[0].OrderID != order {
		t.Errorf("overdue: %+v", o)
	}
	if c := ask[view.Conferences](s, "GET", "/conferences", "", 200); len(c.Conferences) != 1 {
		t.Errorf("conferences: %+v", c)
	}
	for _, name := range []string{"gophers", conference.String()} {
		if c := ask[view.Conference](s, "GET", "/conferences/"+name, "", 200); c.ID != conference {
			t.Errorf("conference: %+v", c)
		}
	}
	if o := ask[view.Outcome](s, "GET", "/outcomes/"+commandOf(stream, 1), "", 200); o.Status != view.OutcomeAccepted {
		t.Errorf("outcome: %+v", o)
	}
	if p := ask[view.Payment](s, "GET", "/payments/"+payment.String(), "", 200); p.Status != view.PaymentRefundFailed {
		t.Errorf("payment: %+v", p)
	}
	if r := ask[view.FailedRefunds](s, "GET", "/failed-refunds", "", 200); len(r.Refunds) != 1 || r.Refunds[0].Attempts != 3 {
		t.Errorf("failed refunds: %+v", r)
	}
	if p := ask[view.LoosePayments](s, "GET", "/operator/loose-payments", "", 200); len(p.Payments) != 0 {
		t.Errorf("loose payments: %+v", p) // its refund failed, which is another list
	}
	if o := ask[view.MissingOrders](s, "GET", "/orders/missing", "", 200); len(o.Orders) != 0 {
		t.Errorf("missing orders: %+v", o)
	}
}

func TestOutcomeIsHeldUntilItIsKnown(t *testing.T) {
	s := start(t)
	order := uuid.New()
	stream := s.place(order)
	delivered := make(chan error, 1)
	// Nothing tells when the request has arrived, so the events may also come
	// before it does.
	go func() {
		delivered <- errors.Join(
			s.deliver("order/"+uuid.NewString(), 1, placed(uuid.New())...),
			s.deliver(stream, 4, contracts.OrderCancelled{OrderID: order}), // early: not known yet
			s.deliver(stream, 3, contracts.OrderExpired{OrderID: order}))
	}()
	if o := ask[view.Outcome](s, "GET", "/outcomes/"+commandOf(stream, 4)+"?wait=60", "", 200); o.Status != view.OutcomeAccepted || o.Version != 4 {
		t.Errorf("outcome: %+v", o)
	}
	if err := <-delivered; err != nil {
		t.Fatal(err)
	}
	if o := ask[view.Outcome](s, "GET", "/outcomes/"+uuid.NewString()+"?wait=1", "", 200); o.Status != view.OutcomeUnknown {
		t.Errorf("outcome of nothing: %+v", o)
	}
}

// What another replica took in while it was not heard of is known when the
// waiting ends.
func TestOutcomeIsAskedForOnceMoreWhenTheWaitingEnds(t *testing.T) {
	where := databases.SQLite(t)
	a, b := startOn(t, where, patience), startOn(t, where, patience)
	stream := "order/" + uuid.NewString()
	delivered := make(chan error, 1)
	go func() { delivered <- a.deliver(stream, 1, placed(uuid.New())...) }()
	if o := ask[view.Outcome](b, "GET", "/outcomes/"+commandOf(stream, 1)+"?wait=1", "", 200); o.Status != view.OutcomeAccepted {
		t.Errorf("outcome: %+v", o)
	}
	if err := <-delivered; err != nil {
		t.Fatal(err)
	}
}

// Nobody is told that an order does not exist because the database cannot say.
func TestStreamsOfADatabaseThatCannotBeAsked(t *testing.T) {
	s := startWith(t, time.Millisecond)
	order := uuid.New()
	s.place(order)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/orders/" + order.String(), "/orders/" + order.String() + "/events", "/conferences/gophers/events"} {
		if p := ask[problem.Problem](s, "GET", path, "", 503); p.Code != problem.Unavailable {
			t.Errorf("%s: %+v", path, p)
		}
	}
}

func TestOutcomeIsNotHeldWhenTheServiceEnds(t *testing.T) {
	s := start(t)
	s.hub.Close()
	begun := time.Now()
	if o := ask[view.Outcome](s, "GET", "/outcomes/"+uuid.NewString()+"?wait=60", "", 200); o.Status != view.OutcomeUnknown {
		t.Errorf("outcome: %+v", o)
	}
	if time.Since(begun) > patience {
		t.Error("it was held")
	}
}

// viewer reads server-sent events.
type viewer struct {
	t     *testing.T
	lines *bufio.Scanner
}

func (s *service) look(path, lastEventID string) viewer {
	s.t.Helper()
	return s.lookFor(patience, path, lastEventID)
}

func (s *service) lookFor(atMost time.Duration, path, lastEventID string) viewer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), atMost)
	s.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set(api.OrganisationHeader, contracts.MainOrganisation.String())
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = res.Body.Close() })
	if got := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || !strings.HasPrefix(got, "text/event-stream") {
		s.t.Fatalf("%d %s", res.StatusCode, got)
	}
	return viewer{s.t, bufio.NewScanner(res.Body)}
}

// next is the next event, and how many comments came before it.
func (v viewer) next() (name, id string, data []byte, comments int) {
	v.t.Helper()
	for v.lines.Scan() {
		field, value, _ := strings.Cut(v.lines.Text(), ":")
		switch {
		case v.lines.Text() == "" && data != nil:
			return name, id, data, comments
		case field == "" && value != "":
			comments++
		case field == "event":
			name = value
		case field == "id":
			id = value
		case field == "data":
			data = []byte(value)
		}
	}
	v.t.Fatalf("the stream ended: %v", v.lines.Err())
	return
}

func (v viewer) order(status view.OrderStatus) (id string) {
	v.t.Helper()
	name, id, data, _ := v.next()
	var o view.Order
	if err := json.Unmarshal(data, &o); err != nil || name != "order" || o.Status != status {
		v.t.Fatalf("event %s %s %s, want an order that is %s", name, id, data, status)
	}
	return id
}

func TestStreamSendsTheOrderAndEveryChange(t *testing.T) {
	s := start(t)
	order := uuid.New()
	stream := s.place(order)
	path := "/orders/" + order.String() + "/events"
	v := s.look(path, "")
	v.order(view.OrderPlaced)
	s.happen(stream, 3, contracts.OrderReservationCompleted{OrderID: order, Version: 1})
	seen := v.order(view.OrderReserved)
	s.happen(stream, 4, contracts.OrderExpired{OrderID: order})
	current := v.order(view.OrderExpired)

	back := s.look(path, seen)
	back.order(view.OrderExpired)                                           // what was missed
	s.look(path, "an id that was never given out").order(view.OrderExpired) // perhaps one from before a restore
	last := s.look(path, current)
	s.happen("assignments/"+order.String(), 1, contracts.SeatAssignmentsCreated{OrderID: order, Positions: []uuid.UUID{uuid.New()}})
	if id := last.order(view.OrderExpired); id == current { // nothing was missed: the next change comes first
		t.Errorf("id %s, want that of the next change", id)
	}
}

// What one replica takes in is seen at the other, by those who watch a view and
// by those who wait for an outcome.
func TestReplicasServeWhatTheOtherTakesIn(t *testing.T) {
	where := databases.PostgreSQL(t)
	a, b := startOn(t, where, patience), startOn(t, where, patience)
	order := uuid.New()
	stream := a.place(order)
	v := b.look("/orders/"+order.String()+"/events", "")
	v.order(view.OrderPlaced)
	a.happen(stream, 3, contracts.OrderReservationCompleted{OrderID: order, Version: 1})
	v.order(view.OrderReserved)
	b.happen(stream, 5, contracts.OrderCancelled{OrderID: order}) // early: not known yet

	delivered := make(chan error, 1)
	go func() { delivered <- a.deliver(stream, 4, contracts.OrderExpired{OrderID: order}) }()
	if o := ask[view.Outcome](b, "GET", "/outcomes/"+commandOf(stream, 5)+"?wait=60", "", 200); o.Status != view.OutcomeAccepted || o.Version != 5 {
		t.Errorf("outcome: %+v", o)
	}
	if err := <-delivered; err != nil {
		t.Fatal(err)
	}
	v.order(view.OrderCancelled)
}

func TestStreamOfAnOrderThatAppears(t *testing.T) {
	s := start(t)
	order := uuid.New()
	delivered := make(chan error, 1)
	go func() { delivered <- s.deliver("order/"+order.String(), 1, placed(order)...) }()
	s.look("/orders/"+order.String()+"/events", "").order(view.OrderPlaced)
	if err := <-delivered; err != nil {
		t.Fatal(err)
	}
}

// A stream of a missing order costs little: few clients wait for it at once, and the others
// get their 404 at once.
func TestFewStreamsWaitForWhatIsNotThere(t *testing.T) {
	const waiting = 2
	s := startOn(t, databases.SQLite(t), time.Hour, func(a *api.API) { a.MaxAbsent, a.MaxStreams = waiting, 4 })
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	path := "/orders/" + uuid.NewString() + "/events"
	get := func(ctx context.Context, path string) (int, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	for range waiting {
		go func() {
			for ctx.Err() == nil { // until it is one of those that wait
				_, _ = get(ctx, path)
			}
		}()
	}
	// Until those two wait, another may take their place for a while; then each answer
	// is quick.
	for answered := 0; answered < 5; {
		ask, enough := context.WithTimeout(t.Context(), 2*time.Second)
		if status, err := get(ask, path); err == nil {
			if status != http.StatusNotFound {
				t.Fatalf("answered %d", status)
			}
			answered++
		}
		enough()
	}
	order := uuid.New()
	s.happen("order/"+order.String(), 1, placed(order)...)
	there := "/orders/" + order.String() + "/events"
	s.look(there, "").order(view.OrderPlaced) // what is there, is shown
	s.look(there, "").order(view.OrderPlaced)
	if status, err := get(t.Context(), there); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("a stream too many: %d, %v", status, err)
	}
}

// A conference is public from the first time that it is published.
func TestAConferenceIsADraftUntilItIsPublished(t *testing.T) {
	s := start(t)
	conference := uuid.New()
	expect := func(public int) {
		t.Helper()
		for _, name := range []string{"gophers", conference.String()} {
			for _, path := range []string{"/conferences/" + name, "/conferences/" + name + "?drafts=1"} {
				res, err := http.Get(s.url + path)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if res.StatusCode != public {
					t.Errorf("%s: %d, want %d", path, res.StatusCode, public)
				}
			}
			ask[view.Conference](s, "GET", "/organiser/drafts/"+name, "", 200)
		}
	}
	s.happen("conference/"+conference.String(), 1, contracts.ConferenceCreated{ConferenceID: conference, Slug: "gophers", Currency: "USD"})
	expect(404)
	res, err := http.Get(s.url + "/conferences/gophers/events")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("its stream: %d", res.StatusCode)
	}
	s.happen("conference/"+conference.String(), 2, contracts.ConferencePublished{ConferenceID: conference})
	expect(200)
	s.happen("conference/"+conference.String(), 3, contracts.ConferenceUnpublished{ConferenceID: conference})
	expect(200)
}

func TestStreamOfAConferenceHasHeartbeats(t *testing.T) {
	s := start(t)
	conference, seat := uuid.New(), uuid.New()
	s.happen("conference/"+conference.String(), 1,
		contracts.ConferenceCreated{ConferenceID: conference, Slug: "gophers", Currency: "USD"},
		contracts.ConferencePublished{ConferenceID: conference},
		contracts.SeatTypeAdded{ConferenceID: conference, SeatTypeID: seat, Name: "General admission", Quota: 10})
	v := s.look("/conferences/gophers/events", "")
	v.next()
	for i := 0; i < 3; i++ { // until three heartbeats were heard; each is a line, so scanning waits for it
		for v.lines.Scan() && !strings.HasPrefix(v.lines.Text(), ": still here") {
		}
	}
	s.happen("seats/"+conference.String(), 1, contracts.AvailableSeatsChanged{ConferenceID: conference,
		Seats: []contracts.SeatTypeAvailability{{SeatType: seat, Quota: 10, Remaining: 7}}})
	name, _, data, _ := v.next()
	var c view.Conference
	if err := json.Unmarshal(data, &c); err != nil || name != "conference" || c.SeatTypes[0].Remaining != 7 {
		t.Errorf("event %s %s: %v", name, data, err)
	}
}

func TestDeadLetterIsSentBackOnce(t *testing.T) {
	s := start(t)
	meta := message.Meta{ID: "old", Type: "CancelOrder.v1", Source: "web", Time: noon, Tenant: message.DefaultTenant}
	event, err := message.ToCloudEvent(meta, []byte(`{"orderId":"6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range []string{"a", "b", "c"} {
		letter := message.DeadLetter{MessageID: "old", MessageType: meta.Type, Topic: contracts.TopicOrders, Kind: message.Command, App: "order",
			Stream: "order/x", Reason: "panic", Attempts: 5, At: noon.Add(time.Duration(i)), Message: event}
		if id == "c" {
			letter = message.DeadLetter{Reason: "given up by the sidecar", At: noon.Add(-time.Second), Message: []byte("<xml/>")}
		}
		if err := s.store.KeepDeadLetters(context.Background(), []store.Letter{{ID: id, Tenant: message.DefaultTenant, DeadLetter: letter}}); err != nil {
			t.Fatal(err)
		}
	}
	page := ask[view.DeadLetters](s, "GET", "/dead-letters?status=open&limit=2", "", 200)
	rest := ask[view.DeadLetters](s, "GET", "/dead-letters?status=open&limit=2&before="+url.QueryEscape(page.Next), "", 200)
	if len(page.DeadLetters) != 2 || page.DeadLetters[0].ID != "b" || len(rest.DeadLetters) != 1 || rest.DeadLetters[0].ID != "c" || rest.Next != "" {
		t.Fatalf("pages: %+v, %+v", page, rest)
	}
	if d := ask[view.DeadLetter](s, "GET", "/dead-letters/c", "", 200); string(d.Raw) != "<xml/>" {
		t.Errorf("dead letter: %+v", d)
	}
	if p := ask[problem.Problem](s, "POST", "/dead-letters/c/retry", "", 409); p.Code != refusal.NotResendable {
		t.Errorf("problem: %+v", p)
	}

	s.down = true
	ask[problem.Problem](s, "POST", "/dead-letters/a/retry", "", 503)
	s.down = false
	d := ask[view.DeadLetter](s, "POST", "/dead-letters/a/retry", "", 200)
	if d.Status != view.DeadLetterRetried || !d.ClosedAt.Equal(noon) || len(s.sent) != 1 || s.sent[0].ID != d.RetriedAs || s.sent[0].OriginalID != "old" {
		t.Errorf("retried: %+v, sent %+v", d, s.sent)
	}
	d = ask[view.DeadLetter](s, "POST", "/dead-letters/b/discard", "", 200)
	if d.Status != view.DeadLetterDiscarded || len(s.sent) != 2 || s.sent[1].Body != (message.Discarded{Stream: "order/x"}) {
		t.Errorf("discarded: %+v, sent %+v", d, s.sent)
	}
	ask[view.DeadLetter](s, "POST", "/dead-letters/c/discard", "", 200)
	// Until somebody has handled what was sent, it can be sent again, as something
	// else: it may have been lost.
	again := ask[view.DeadLetter](s, "POST", "/dead-letters/a/discard", "", 200)
	if again.Status != view.DeadLetterDiscarded || len(s.sent) != 3 || s.sent[2].ID == s.sent[0].ID {
		t.Errorf("discarded after all: %+v, sent %+v", again, s.sent)
	}
	if list := ask[view.DeadLetters](s, "GET", "/dead-letters?status=unsettled", "", 200); len(list.DeadLetters) != 2 {
		t.Errorf("unsettled: %+v", list)
	}
	if err := s.store.SettleDeadLetters(t.Context(), "order", []string{s.sent[1].ID, s.sent[2].ID}, noon); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/dead-letters/a/retry", "/dead-letters/a/discard", "/dead-letters/b/retry", "/dead-letters/c/discard"} {
		if p := ask[problem.Problem](s, "POST", path, "", 409); p.Code != refusal.DeadLetterClosed {
			t.Errorf("%s: %+v", path, p)
		}
	}
	if len(s.sent) != 3 {
		t.Errorf("sent %d messages", len(s.sent))
	}
	if open := ask[view.DeadLetters](s, "GET", "/dead-letters?status=open", "", 200); len(open.DeadLetters) != 0 {
		t.Errorf("open: %+v", open)
	}
}

// All letters of one reason, or of one stream, are dealt with at once; and a
// stream can be freed whether or not there are letters.
func TestDeadLettersAreDealtWithByReasonAndByStream(t *testing.T) {
	s := start(t)
	meta := message.Meta{Type: "CancelOrder.v1", Source: "web", Time: noon, Tenant: message.DefaultTenant}
	for i := range 6 {
		meta.ID = fmt.Sprint("m", i)
		event, err := message.ToCloudEvent(meta, []byte(`{"orderId":"6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"}`))
		if err != nil {
			t.Fatal(err)
		}
		l := message.DeadLetter{MessageID: meta.ID, MessageType: meta.Type, Topic: contracts.TopicOrders, Kind: message.Command, App: "order",
			Stream: fmt.Sprint("order/", i%2), Reason: fmt.Sprint("reason ", i/4), At: noon.Add(time.Duration(i) * time.Second), Message: event}
		if err := s.store.KeepDeadLetters(t.Context(), []store.Letter{{ID: fmt.Sprint("l", i), Tenant: message.DefaultTenant, DeadLetter: l}}); err != nil {
			t.Fatal(err)
		}
	}
	reasons := ask[view.DeadLetterReasons](s, "GET", "/operator/reasons", "", 200)
	if len(reasons.Reasons) != 2 || reasons.Reasons[0].Letters != 4 || reasons.Reasons[0].Reason != "reason 0" || reasons.Reasons[0].MessageType != meta.Type {
		t.Fatalf("reasons: %+v", reasons)
	}
	if done := ask[view.DeadLettersClosed](s, "POST", "/dead-letters/retry", `{"reason":"reason 0"}`, 200); done != (view.DeadLettersClosed{Closed: 4}) {
		t.Errorf("by reason: %+v", done)
	}
	var sent []string
	for _, m := range s.sent {
		sent = append(sent, m.OriginalID)
	}
	if want := []string{"m0", "m1", "m2", "m3"}; !slices.Equal(sent, want) {
		t.Errorf("sent %v, want %v, the oldest first", sent, want)
	}
	if done := ask[view.DeadLettersClosed](s, "POST", "/dead-letters/discard", `{"reason":"reason 0"}`, 200); done.Closed != 0 {
		t.Errorf("those that are on their way: %+v", done)
	}

	page := ask[view.ParkedStreams](s, "GET", "/operator/parked-streams?limit=1", "", 200)
	rest := ask[view.ParkedStreams](s, "GET", "/operator/parked-streams?limit=2&after="+url.QueryEscape(page.Next), "", 200)
	if len(page.Streams) != 1 || len(rest.Streams) != 1 || page.Streams[0].Stream != "order/0" || rest.Streams[0].Stream != "order/1" ||
		page.Streams[0].Letters != 3 || !page.Streams[0].Since.Equal(noon) || page.Streams[0].Topic != contracts.TopicOrders {
		t.Errorf("parked: %+v, %+v", page, rest)
	}
	if done := ask[view.DeadLettersClosed](s, "POST", "/dead-letters/discard", `{"stream":"order/0","again":true}`, 200); done.Closed != 3 {
		t.Errorf("by stream: %+v", done)
	}

	s.sent = nil
	if done := ask[view.DeadLettersClosed](s, "POST", "/operator/parked-streams/free", `{"handler":"order","stream":"order/1"}`, 200); done.Closed != 3 {
		t.Errorf("freed: %+v", done)
	}
	if len(s.sent) != 1 || s.sent[0].Body != (message.Discarded{Stream: "order/1", All: true}) || *s.sent[0].To != (message.Address{Kind: message.Command, Topic: contracts.TopicOrders}) {
		t.Errorf("sent %+v", s.sent)
	}
	if err := s.store.SettleDeadLetters(t.Context(), "order", []string{s.sent[0].ID}, noon); err != nil {
		t.Fatal(err)
	}
	if left := ask[view.ParkedStreams](s, "GET", "/operator/parked-streams", "", 200); len(left.Streams) != 1 || left.Streams[0].Stream != "order/0" {
		t.Errorf("left: %+v", left)
	}
	ask[problem.Problem](s, "POST", "/operator/parked-streams/free", `{"handler":"order","stream":"order/1"}`, 404)
	ask[problem.Problem](s, "POST", "/operator/parked-streams/free", `{"handler":"order","stream":"order/1","topic":"events"}`, 404) // which it does not read
	ask[problem.Problem](s, "POST", "/operator/parked-streams/free", `{"handler":"order","stream":"order/1","topic":"anything"}`, 404)
	ask[view.DeadLettersClosed](s, "POST", "/operator/parked-streams/free", `{"handler":"registration-process","stream":"registration/1","topic":"events"}`, 200)
	if m := s.sent[len(s.sent)-1]; m.To.Kind != message.Event {
		t.Errorf("sent %+v", m)
	}
	for _, body := range []string{`{}`, `{"again":true}`, `x`} {
		ask[problem.Problem](s, "POST", "/dead-letters/retry", body, 400)
	}
}

// conference makes one on sale, with orders of these people.
func (s *service) conference(registrants ...contracts.Person) (id uuid.UUID) {
	s.t.Helper()
	id, seatType := uuid.New(), uuid.New()
	s.happen("conference/"+id.String(), 1,
		contracts.ConferenceCreated{ConferenceID: id, Slug: "gophers", Currency: "USD", Details: contracts.ConferenceDetails{
			Name: "Gophers", TimeZone: "UTC", StartsAt: noon.AddDate(0, 1, 0), EndsAt: noon.AddDate(0, 1, 1)}},
		contracts.SeatTypeAdded{ConferenceID: id, SeatTypeID: seatType, Name: "General", Price: contracts.Money{Amount: 500, Currency: "USD"}, Quota: 9},
		contracts.ConferencePublished{ConferenceID: id})
	for _, p := range registrants {
		s.order(id, seatType, p)
	}
	return id
}

func (s *service) order(conference, seatType uuid.UUID, p contracts.Person) {
	s.t.Helper()
	order := uuid.New()
	items, total := contracts.Seats{{SeatType: seatType, Quantity: 1}}, contracts.Money{Amount: 500, Currency: "USD"}
	s.happen("order/"+order.String(), 1,
		contracts.OrderPlaced{OrderID: order, ConferenceID: conference, Version: 1, Deadline: noon, Locator: "K7PQ2MXA", Items: items},
		contracts.OrderRegistrantAssigned{OrderID: order, Registrant: p},
		contracts.OrderTotalsCalculated{OrderID: order, Version: 1, Total: total, Lines: []contracts.OrderLine{
			{SeatType: seatType, Name: "General", UnitPrice: total, Requested: 1, Granted: 1, State: contracts.LineReserved, Total: total}}},
		contracts.OrderConfirmed{OrderID: order, Seats: items, Total: total})
	s.happen("assignments/"+order.String(), 1,
		contracts.SeatAssignmentsCreated{OrderID: order, Positions: []uuid.UUID{seatType}},
		contracts.SeatAssigned{OrderID: order, SeatType: seatType, Attendee: contracts.Attendee{Person: p, Type: contracts.Speaker}})
}

// A file has all pages, a byte-order mark, and nothing that a spreadsheet takes
// for a formula.
func TestFilesForSpreadsheets(t *testing.T) {
	s := start(t)
	var people []contracts.Person
	for i := range 501 { // more than a page
		people = append(people, contracts.Person{FirstName: "Ann", LastName: fmt.Sprint("Lee", i), Email: "ann@example.com"})
	}
	people[7] = contracts.Person{FirstName: "=1+1", LastName: "@王\t\"x\"\n,", Email: "-ann@example.com"}
	id := s.conference(people...)
	for _, file := range []struct {
		name           string
		columns, name1 int
	}{{"orders.csv", 13, 3}, {"attendees.csv", 9, 4}} {
		res, err := s.get("/organiser/conferences/" + id.String() + "/" + file.name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
			t.Fatalf("%s: %d, %v, %v", file.name, res.StatusCode, res.Header, err)
		}
		content, marked := strings.CutPrefix(string(text), "\uFEFF")
		rows, err := csv.NewReader(strings.NewReader(content)).ReadAll()
		if err != nil || !marked || len(rows) != 1+len(people) || len(rows[0]) != file.columns {
			t.Fatalf("%s: %v, marked %v, %d rows of %d columns", file.name, err, marked, len(rows), len(rows[0]))
		}
		safe := false
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%s: cell %q", file.name, cell)
				}
			}
			safe = safe || row[file.name1] == "'=1+1" && row[file.name1+1] == "'@王\t\"x\"\n," && row[file.name1+2] == "'-ann@example.com"
		}
		if !safe {
			t.Errorf("%s lacks what was to be made safe", file.name)
		}
	}
	res, err := s.get("/organiser/conferences/gophers/orders.csv?q=lee500")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if text, err := io.ReadAll(res.Body); err != nil || strings.Count(string(text), "\r\n") != 2 {
		t.Errorf("%s, %v", text, err)
	}
}

func TestOrganisersLists(t *testing.T) {
	s := start(t)
	id := s.conference(ann, contracts.Person{FirstName: "伟", LastName: "王", Email: "w@example.cn"})
	under := "/organiser/conferences/gophers/"
	if l := ask[view.OrderList](s, "GET", under+"orders?q="+url.QueryEscape("王伟"), "", 200); len(l.Orders) != 1 || l.Counts[view.OrderConfirmed] != 1 {
		t.Errorf("orders: %+v", l)
	}
	if l := ask[view.AttendeeList](s, "GET", under+"attendees", "", 200); len(l.Attendees) != 2 {
		t.Errorf("attendees: %+v", l)
	}
	if l := ask[view.Suggestions](s, "GET", under+"suggestions?q=an", "", 200); len(l.Suggestions) != 1 || l.Suggestions[0].Email != ann.Email {
		t.Errorf("suggestions: %+v", l)
	}
	if l := ask[view.ConferenceSummaries](s, "GET", "/organiser/conferences?q=goph", "", 200); len(l.Conferences) != 1 || l.Conferences[0].Sold != 2 {
		t.Errorf("conferences: %+v", l)
	}
	if l := ask[view.Catalogue](s, "GET", "/catalogue?when=soon", "", 200); len(l.Conferences) != 1 || l.Conferences[0].ID != id {
		t.Errorf("catalogue: %+v", l)
	}
	for path, status := range map[string]int{
		"/organiser/conferences/none/orders": 404, under + "orders?status=lost": 400, under + "orders?after=x": 400,
		under + "attendees?after=1-x": 400, "/catalogue?when=never": 400, under + "dashboard?since=x": 400, "/organiser/conferences/none/orders.csv": 404,
	} {
		ask[problem.Problem](s, "GET", path, "", status)
	}
}

func TestPromoCodesAreListedWithTheirUse(t *testing.T) {
	s := start(t)
	id := s.conference()
	for i, code := range []string{"FIRST", "SECOND"} {
		stream := "promo/" + id.String() + "/" + code
		s.happen(stream, 1, contracts.PromoCodeCreated{ConferenceID: id, Code: code, Details: contracts.PromoDetails{PromoTerms: contracts.PromoTerms{Percent: 20}, Quota: 5}})
		s.happen(stream, 2, contracts.PromoCodeRedeemed{ConferenceID: id, Code: code, OrderID: uuid.New(), Number: 1, Uses: 3, Used: 3 + i})
		s.happen(stream, 3, contracts.PromoCodeReleased{ConferenceID: id, Code: code, OrderID: uuid.New(), Number: 1, Uses: 1, Used: 1 + i})
	}
	s.happen("promo/"+id.String()+"/FIRST", 4, contracts.PromoCodeRetired{ConferenceID: id, Code: "FIRST"})
	seen := map[string]view.PromoCode{}
	after := ""
	for range 2 {
		l := ask[view.PromoCodes](s, "GET", "/organiser/conferences/gophers/promo-codes?limit=1&after="+after, "", 200)
		if len(l.PromoCodes) != 1 || l.Next == "" {
			t.Fatalf("a page: %+v", l)
		}
		seen[l.PromoCodes[0].Code], after = l.PromoCodes[0], url.QueryEscape(l.Next)
	}
	if first, second := seen["FIRST"], seen["SECOND"]; first.Used != 1 || !first.Retired || second.Used != 2 || second.Retired || second.Percent != 20 || second.Quota != 5 {
		t.Errorf("got %+v", seen)
	}
	if l := ask[view.PromoCodes](s, "GET", "/organiser/conferences/gophers/promo-codes?after="+after, "", 200); len(l.PromoCodes) != 0 {
		t.Errorf("after the last: %+v", l)
	}
}

// A dashboard is pushed whenever an order of the conference changes.
func TestDashboardIsPushed(t *testing.T) {
	s := start(t)
	id := s.conference()
	c := ask[view.Conference](s, "GET", "/conferences/gophers", "", 200)
	v := s.look("/organiser/conferences/gophers/dashboard/events", "")
	sold := func() int {
		t.Helper()
		name, _, data, _ := v.next()
		var d view.Dashboard
		if err := json.Unmarshal(data, &d); err != nil || name != "dashboard" {
			t.Fatalf("%s %s: %v", name, data, err)
		}
		return d.SeatTypes[0].Sold
	}
	if n := sold(); n != 0 {
		t.Errorf("%d sold", n)
	}
	s.order(id, c.SeatTypes[0].ID, ann)
	for sold() != 1 {
	}
}

// Who watches a view is told when it was built anew.
func TestRebuildIsToldToWatchers(t *testing.T) {
	s := start(t)
	order := uuid.New()
	s.place(order)
	waiter := s.hub.Wait(live.OrderKey(message.DefaultTenant, order.String()))
	defer waiter.Leave()
	ask[api.Views](s, "POST", "/views/rebuild", "", 200)
	select {
	case <-waiter.Changed:
	case <-time.After(patience):
		t.Error("not told")
	}
}

func TestRebuildOnRequest(t *testing.T) {
	s := start(t)
	order := uuid.New()
	s.place(order)
	s.happen("order/"+order.String(), 4, contracts.OrderExpired{OrderID: order}) // the third is missing
	before := ask[api.Views](s, "GET", "/views", "", 200)
	if before.WaitingStreams != 1 {
		t.Errorf("views: %+v", before)
	}
	ask[api.Views](s, "POST", "/views/rebuild", "", 200)
	deadline := time.After(patience)
	for {
		v := ask[api.Views](s, "GET", "/views", "", 200)
		if v.Rebuild.Generation == before.Rebuild.Generation+1 && !v.Rebuild.Running {
			if v.Rebuild.Events != 3 || v.Rebuild.Of != 3 || v.Rebuild.Error != "" || v.WaitingStreams != 1 {
				t.Errorf("views: %+v", v)
			}
			break
		}
		select {
		case <-deadline:
			t.Fatalf("views: %+v", v)
		default:
		}
	}
	ask[view.Order](s, "GET", "/orders/"+order.String(), "", 200)
}

// What the sweep found is listed in pages, and no longer when it is well.
func TestStuckOrdersAreListed(t *testing.T) {
	now := noon.Add(time.Hour)
	s := startOn(t, databases.SQLite(t), patience, func(a *api.API) {
		a.Now, a.StuckAfter = func() time.Time { return now }, 30*time.Minute
	})
	first, second := uuid.New(), uuid.New()
	for i, order := range []uuid.UUID{first, second} {
		placed := contracts.OrderPlaced{
			OrderID: order, ConferenceID: uuid.New(), Version: 1, Locator: "SECRETLY",
			Items: contracts.Seats{{SeatType: uuid.New(), Quantity: 1}}, Deadline: noon.Add(time.Duration(i) * time.Second),
		}
		s.happen("order/"+order.String(), 1, placed)
	}
	if err := s.store.SweepStuck(t.Context(), message.DefaultTenant, now, 30*time.Minute); err != nil {
		t.Fatal(err)
	}
	page := ask[view.StuckOrders](s, "GET", "/operator/stuck-orders?limit=1", "", 200)
	if len(page.Orders) != 1 || page.Orders[0].OrderID != first || page.Orders[0].Stuck[0].Kind != view.StuckOverdue || page.Next == "" {
		t.Fatalf("first page: %+v", page)
	}
	page = ask[view.StuckOrders](s, "GET", "/operator/stuck-orders?limit=1&after="+page.Next, "", 200)
	if len(page.Orders) != 1 || page.Orders[0].OrderID != second {
		t.Errorf("second page: %+v", page)
	}
	s.happen("order/"+first.String(), 2, contracts.OrderExpired{OrderID: first})
	page = ask[view.StuckOrders](s, "GET", "/operator/stuck-orders", "", 200)
	if len(page.Orders) != 1 || page.Orders[0].OrderID != second || page.Next != "" {
		t.Errorf("after one ended: %+v", page)
	}
	if attention := ask[view.Attention](s, "GET", "/operator/attention", "", 200); len(attention.StuckOrders) != 1 {
		t.Errorf("attention: %+v", attention.StuckOrders)
	}
}
