// Package telemetry tests what the apps tell of an order between them: that its
// traces hang together, that what became of it is counted, and that nothing of
// it says who placed it.
package telemetry

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"

	"github.com/plenary/plenary/apps/order/assignments"
	"github.com/plenary/plenary/apps/order/catalogue"
	ordermeasure "github.com/plenary/plenary/apps/order/measure"
	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/apps/payments/effects"
	paymentsmeasure "github.com/plenary/plenary/apps/payments/measure"
	"github.com/plenary/plenary/apps/payments/payment"
	"github.com/plenary/plenary/apps/payments/provider"
	processmeasure "github.com/plenary/plenary/apps/registration-process/measure"
	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/apps/seats/seats"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/membus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/logging"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
	"github.com/plenary/plenary/engine/telemetry/telemetrytest"
)

// app is one app over a store and a bus in memory.
type app struct {
	*handling.Engine
	sent   *membus.Bus
	reads  string // its topic
	handle bus.Handler
}

// world is all apps that decide anything, and the broker between them.
type world struct {
	t        *testing.T
	registry *message.Registry
	now      time.Time
	apps     map[string]*app
	web      *membus.Bus
	wakeAt   time.Time
	provider *till
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, registry: contracts.Registry(), now: time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC), apps: map[string]*app{}, provider: &till{},
	}
	clock := func() time.Time { return w.now }
	w.web = membus.New(w.registry, "web", clock)
	add := func(name, topic string, setUp func(*handling.Engine, bus.Publisher) error) {
		a := &app{sent: membus.New(w.registry, name, clock), reads: topic}
		a.Engine = handling.New(handling.Options{
			App: name, Registry: w.registry, Keys: &state.Memory{}, Publisher: a.sent, Waker: w, Now: clock, Random: rand.Reader,
		})
		a.handle = bus.Trace(bus.NewMeter().Measure(a.Engine))
		if err := setUp(a.Engine, a.sent); err != nil {
			t.Fatal(err)
		}
		w.apps[name] = a
	}
	add("order", contracts.TopicOrders, func(e *handling.Engine, _ bus.Publisher) error {
		handling.Aggregate(e, catalogue.Aggregate())
		handling.Aggregate(e, order.Aggregate(order.Config{Hold: 15 * time.Minute, MaxSeatsPerType: 20}))
		handling.Aggregate(e, assignments.Aggregate())
		return ordermeasure.Orders(e, w.registry)
	})
	add("seats", contracts.TopicSeats, func(e *handling.Engine, _ bus.Publisher) error {
		handling.Aggregate(e, seats.Aggregate(seats.Config{Offer: time.Minute}))
		return nil
	})
	add("payments", contracts.TopicPayments, func(e *handling.Engine, p bus.Publisher) error {
		handling.Aggregate(e, payment.Aggregate("till"))
		effects.Effects{Providers: map[string]provider.Provider{"till": w.provider}, Commands: p}.Register(e)
		return paymentsmeasure.Payments(e, w.registry)
	})
	config := registration.Config{Hold: 15 * time.Minute, Grace: 5 * time.Minute, Leeway: time.Second}
	add("registration-process", contracts.TopicEvents, func(e *handling.Engine, _ bus.Publisher) error {
		handling.Process(e, registration.Process(config))
		return processmeasure.Lapses(e, w.registry, func() time.Duration { return config.Grace })
	})
	return w
}

// Wake implements handling.Waker.
func (w *world) Wake(_ context.Context, _ stream.Key, wake es.Wake) error {
	w.wakeAt = wake.At
	return nil
}

// request is what a client asks of web: a command, as part of a trace.
func (w *world) request(name string, about uuid.UUID, command any) {
	w.t.Helper()
	ctx, span := otel.Tracer("web").Start(w.t.Context(), name)
	err := w.web.Publish(ctx, message.Message{Meta: message.Meta{ID: uuid.NewString(), CorrelationID: about.String()}, Body: command})
	span.End()
	if err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

// settle delivers everything, twice, until nothing more follows.
func (w *world) settle() {
	w.t.Helper()
	for again := true; again; {
		again = false
		batches := map[string][]bus.Delivery{}
		sent := w.web.Take()
		for _, name := range []string{"order", "seats", "payments", "registration-process"} {
			sent = append(sent, w.apps[name].sent.Take()...)
		}
		for _, e := range sent {
			d, err := membus.Decode(w.registry, e)
			if err != nil {
				w.t.Fatal(err)
			}
			batches[e.Topic] = append(batches[e.Topic], d)
		}
		for _, a := range w.apps {
			if len(batches[a.reads]) == 0 {
				continue
			}
			again = true
			for range 2 {
				for i, s := range a.handle.HandleBatch(w.t.Context(), batches[a.reads]) {
					if s != bus.Success {
						w.t.Fatalf("%s: %v", batches[a.reads][i].Message.Type, s)
					}
				}
			}
		}
	}
}

// till is a payment provider that agrees to everything.
type till struct{ opened []uuid.UUID }

func (*till) Name() string { return "till" }
func (p *till) Open(_ context.Context, payment provider.Payment) error {
	p.opened = append(p.opened, payment.ID)
	return nil
}
func (*till) Close(context.Context, uuid.UUID, string) error          { return nil }
func (*till) CheckoutURL(context.Context, uuid.UUID) (string, error)  { return "", nil }
func (*till) Refund(context.Context, provider.Refund) (string, error) { return "reference", nil }
func (*till) Read(context.Context, http.Header, []byte) (provider.Report, error) {
	return provider.Report{}, nil
}

// ada is who must not be found in any of it.
var ada = contracts.Person{FirstName: "Adeline", LastName: "Lovelace-Byron", Email: "adeline.lb@example.org"}

func (w *world) open() (conference, seatType uuid.UUID) {
	conference, seatType = uuid.New(), uuid.New()
	w.request("publish", conference, contracts.SetCatalogue{
		ConferenceID: conference, Version: 1, Published: true, StartsAt: w.now.AddDate(0, 1, 0), EndsAt: w.now.AddDate(0, 1, 2), RefundUntil: w.now.AddDate(0, 0, 20),
		SeatTypes: []contracts.CatalogueSeatType{{ID: seatType, Name: "General admission", Price: contracts.Money{Amount: 100, Currency: "USD"}}},
	})
	w.request("quota", conference, contracts.SetSeatsQuota{ConferenceID: conference, SeatType: seatType, Quota: 10, Version: 1})
	return conference, seatType
}

// batches are the spans that are not of one message.
var batches = []string{"handle orders", "handle seats", "handle payments", "handle events", "load", "commit", "dispatch", "publish", "quota"}

func TestTheStoryOfAnOrder(t *testing.T) {
	var lines bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(logging.Handler(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	t.Cleanup(func() { slog.SetDefault(before) })
	recorded := telemetrytest.Record(t)
	w := newWorld(t)
	conference, seatType := w.open()
	id, paid := uuid.New(), uuid.New()
	price := contracts.Money{Amount: 200, Currency: "USD"}
	items := contracts.Seats{{SeatType: seatType, Quantity: 2}}

	w.request("place", id, contracts.RegisterToConference{OrderID: id, ConferenceID: conference, Items: items})
	w.request("register", id, contracts.AssignRegistrantDetails{OrderID: id, Registrant: ada})
	w.now = w.now.Add(time.Minute)
	w.request("pay", id, contracts.InitiatePayment{PaymentID: paid, OrderID: id, Version: 1, Amount: price})
	w.request("webhook", id, contracts.CompletePayment{PaymentID: paid, Amount: price, ProviderReference: "till-1"})
	w.request("assign", id, contracts.AssignSeat{OrderID: id, Position: 0, Attendee: contracts.Attendee{Person: ada, Type: contracts.Paid}})
	w.request("cancel", id, contracts.CancelOrder{OrderID: id})

	// Another one lapses, and a third asks for what is not there.
	lapsed := uuid.New()
	w.request("place", lapsed, contracts.RegisterToConference{OrderID: lapsed, ConferenceID: conference, Items: items})
	w.now = w.wakeAt.Add(3 * time.Second)
	if err := w.apps["registration-process"].Wake(t.Context(), message.DefaultTenant, []string{lapsed.String()}); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.request("place", uuid.New(), contracts.RegisterToConference{OrderID: uuid.New(), ConferenceID: conference})

	tree := recorded.Tree(batches...)
	if tree != story {
		t.Errorf("traced\n%s", tree)
	}
	for metric, want := range map[string]map[string]float64{
		"plenary.orders":                      {"fate=placed": 2, "fate=reserved": 2, "fate=confirmed": 1, "fate=cancelled": 1, "fate=expired": 1},
		"plenary.order.reservation.duration":  {"result=reserved": 2},
		"plenary.order.confirmation.duration": {"": 1},
		"plenary.hold.lapse.delay":            {"": 1},
		"plenary.grace":                       {"": 300},
		"plenary.slo.events":                  {"class=good slo=reservation": 2, "class=fault slo=reservation": 0, "class=good slo=lapse": 1, "class=fault slo=lapse": 0},
		"plenary.payments":                    {"fate=initiated": 1, "fate=completed": 1},
		"plenary.refunds":                     {"fate=requested": 1, "fate=made": 1},
		"plenary.refusals":                    {"code=items-required command=RegisterToConference": 1},
	} {
		if got := recorded.Value(metric); !maps.Equal(got, want) {
			t.Errorf("%s is %v, want %v", metric, got, want)
		}
	}
	for metric, bound := range map[string]float64{"plenary.order.reservation.duration": 5, "plenary.hold.lapse.delay": 30} {
		if bounds := recorded.Bounds(metric); !slices.Contains(bounds, bound) {
			t.Errorf("nobody can see how many of %s are within %g s: buckets %v", metric, bound, bounds)
		}
	}
	if seconds, traces := recorded.Sum("plenary.order.confirmation.duration"); seconds != 60 || len(traces) != 1 {
		t.Errorf("confirmed after %f s, as in %v", seconds, traces)
	}
	if seconds, _ := recorded.Sum("plenary.hold.lapse.delay"); seconds != 4 { // a second of leeway and three
		t.Errorf("lapsed %f s after the deadline", seconds)
	}

	everything := tree + lines.String()
	for _, s := range recorded.Spans() {
		everything += fmt.Sprintf("%s %v %v %v %v\n", s.Name, s.Attributes, s.Events, s.Links, s.Status)
	}
	for _, personal := range []string{ada.FirstName, ada.LastName, ada.Email, "adeline"} {
		if strings.Contains(strings.ToLower(everything), strings.ToLower(personal)) {
			t.Errorf("%q is told in\n%s", personal, everything)
		}
	}
}

// A hold is forgiven its grace when somebody was paying as it ended, and not
// because somebody had begun to pay before.
func TestHowLateAHoldLapses(t *testing.T) {
	for name, test := range map[string]struct{ paying, givenUp time.Duration }{ // after the order was placed; 0 is never
		"nobody pays":                     {},
		"a payment is open":               {paying: time.Minute},
		"one is given up before the end":  {paying: time.Minute, givenUp: 2 * time.Minute},
		"one is given up after the end":   {paying: time.Minute, givenUp: 16 * time.Minute},
		"one is begun and given up after": {paying: 15*time.Minute + 500*time.Millisecond, givenUp: 16 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			recorded := telemetrytest.Record(t)
			w := newWorld(t)
			conference, seatType := w.open()
			order, paid, began := uuid.New(), uuid.New(), w.now
			until := func(at time.Time) { // wakes the process three seconds after it wants to be
				for due := w.wakeAt.Add(3 * time.Second); due.After(w.now) && due.Before(at); due = w.wakeAt.Add(3 * time.Second) {
					w.now = due
					if err := w.apps["registration-process"].Wake(t.Context(), message.DefaultTenant, []string{order.String()}); err != nil {
						t.Fatal(err)
					}
					w.settle()
				}
				w.now = at
			}
			w.request("place", order, contracts.RegisterToConference{OrderID: order, ConferenceID: conference, Items: contracts.Seats{{SeatType: seatType, Quantity: 1}}})
			if test.paying > 0 {
				until(began.Add(test.paying))
				w.request("pay", order, contracts.InitiatePayment{PaymentID: paid, OrderID: order, Version: 1, Amount: contracts.Money{Amount: 100, Currency: "USD"}})
			}
			if test.givenUp > 0 {
				until(began.Add(test.givenUp))
				w.request("webhook", order, contracts.RejectPayment{PaymentID: paid})
			}
			until(began.Add(time.Hour))
			if seconds, _ := recorded.Sum("plenary.hold.lapse.delay"); seconds != 4 || recorded.Value("plenary.hold.lapse.delay")[""] != 1 { // a second of leeway and three
				t.Errorf("lapsed %f s late", seconds)
			}
		})
	}
}

// story is all that was traced: a client's requests, and a wake-up. What belongs
// to one order is tied together by what each span is linked to (~).
const story = `assign
  decide AssignSeat ~ decide CreateSeatAssignments
cancel
  decide CancelOrder ~ decide ConfirmOrder
    step OrderCancelled ~ step OrderConfirmed
      decide CancelSeatReservation ~ decide CommitSeatReservation
        conclude seats
      decide RefundPayment ~ decide CompletePayment
        effect PaymentRefundRequested
          decide RecordRefund
pay
  decide InitiatePayment
    effect PaymentInitiated
    step PaymentInitiated ~ step SeatsReserved
place
  decide RegisterToConference
    step OrderPlaced
      decide MakeSeatReservation
        conclude seats
        step SeatsReserved
          decide MarkSeatsAsReserved
place
  decide RegisterToConference
    step OrderPlaced
      decide MakeSeatReservation
        conclude seats
        step SeatsReserved
          decide MarkSeatsAsReserved
place
  decide RegisterToConference
register
  decide AssignRegistrantDetails ~ decide MarkSeatsAsReserved
step WakeUp ~ step SeatsReserved
  decide ExpireOrder ~ decide MarkSeatsAsReserved
    step OrderExpired
      decide CancelSeatReservation
        conclude seats
webhook
  decide CompletePayment ~ decide InitiatePayment
    step PaymentCompleted ~ step PaymentInitiated
      decide ConfirmOrder ~ decide AssignRegistrantDetails
        decide CreateSeatAssignments
        step OrderConfirmed
          decide CommitSeatReservation
`
