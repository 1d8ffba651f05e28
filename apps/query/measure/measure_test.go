package measure_test

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"

	"github.com/plenary/plenary/apps/query/ingest"
	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/measure"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/telemetry/telemetrytest"
	"github.com/plenary/plenary/engine/tracing"
)

var registry = contracts.Registry()

// handler is the query service's handler of events, over a new database.
func handler(t *testing.T) (*store.Late, ingest.Events) {
	t.Helper()
	late := store.NewLate()
	shown, err := measure.Shown()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "query.db"), registry, live.NewHub())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	late.Set(s)
	return late, ingest.Events{Store: late, Now: time.Now, Shown: shown}
}

// delivery is an event that was decided some time ago.
func delivery(t *testing.T, version uint64, ago time.Duration, body any) bus.Delivery {
	t.Helper()
	return deliveryOf(t, "order", "order/"+order.String(), version, ago, body)
}

func paymentDelivery(t *testing.T, payment uuid.UUID, version uint64, body any) bus.Delivery {
	t.Helper()
	return deliveryOf(t, "payments", "payment/"+payment.String(), version, time.Hour, body)
}

func deliveryOf(t *testing.T, source, stream string, version uint64, ago time.Duration, body any) bus.Delivery {
	t.Helper()
	ctx, span := otel.Tracer("test").Start(t.Context(), "decide")
	defer span.End()
	m := message.Message{Meta: message.Meta{
		ID: uuid.NewString(), Source: source, Stream: stream, Time: time.Now().Add(-ago), Tenant: message.DefaultTenant,
		StreamVersion: version, TraceParent: tracing.Parent(ctx),
	}, Body: body}
	var err error
	var data []byte
	if m.Type, data, err = registry.Encode(m.Meta, body); err != nil {
		t.Fatal(err)
	}
	return bus.Delivery{Message: m, Data: data, Topic: contracts.TopicEvents}
}

var order = uuid.New()

func TestAnEventIsShownOnceHoweverOftenItComes(t *testing.T) {
	recorded := telemetrytest.Record(t)
	_, events := handler(t)
	first := delivery(t, 1, time.Minute, contracts.OrderPlaced{
		OrderID: order, ConferenceID: uuid.New(), Version: 1, Deadline: time.Now(), Locator: "SECRETLY",
		Items: contracts.Seats{{SeatType: uuid.New(), Quantity: 1}},
	})
	second := delivery(t, 2, time.Minute, contracts.OrderExpired{OrderID: order})
	handle := func(batch ...bus.Delivery) {
		t.Helper()
		for _, s := range bus.Trace(events).HandleBatch(t.Context(), batch) {
			if s != bus.Success {
				t.Fatal(s)
			}
		}
	}

	handle(second) // it waits for the first
	if got := recorded.Value("plenary.projection.delay"); len(got) != 0 {
		t.Errorf("measured %v of what is not shown", got)
	}
	handle(first, first)
	handle(first, second)
	if got := recorded.Tree("handle events"); got != "decide\n  show OrderPlaced\ndecide\n  show OrderExpired\n" {
		t.Errorf("traced\n%s", got)
	}
	if got := recorded.Value("plenary.projection.delay"); got[""] != 2 {
		t.Errorf("measured %v", got)
	}
	if got := recorded.Value("plenary.slo.events"); !maps.Equal(got, map[string]float64{"class=good slo=projection": 0, "class=fault slo=projection": 2}) {
		t.Errorf("of the service level: %v", got)
	}
	if bounds := recorded.Bounds("plenary.projection.delay"); !slices.Contains(bounds, 2.5) {
		t.Errorf("nobody can see how many were shown within 2.5 s: buckets %v", bounds)
	}
	if seconds, traces := recorded.Sum("plenary.projection.delay"); seconds < 120 || len(traces) == 0 {
		t.Errorf("measured %f s, as in %v", seconds, traces)
	}
}

func TestTotalsAreShown(t *testing.T) {
	recorded := telemetrytest.Record(t)
	late, events := handler(t)
	if err := measure.Totals(late); err != nil {
		t.Fatal(err)
	}
	placed := contracts.OrderPlaced{
		OrderID: order, ConferenceID: uuid.New(), Version: 1, Deadline: time.Now().Add(-time.Hour), Locator: "SECRETLY",
		Items: contracts.Seats{{SeatType: uuid.New(), Quantity: 1}},
	}
	if s := events.HandleBatch(t.Context(), []bus.Delivery{delivery(t, 1, 0, placed)}); s[0] != bus.Success {
		t.Fatal(s)
	}
	// A payment of an order that is not known, completed long ago.
	payment := uuid.New()
	if s := events.HandleBatch(t.Context(), []bus.Delivery{
		paymentDelivery(t, payment, 1, contracts.PaymentInitiated{PaymentID: payment, OrderID: uuid.New(), Version: 1, Amount: contracts.Money{Amount: 1, Currency: "USD"}, Provider: "demo"}),
		paymentDelivery(t, payment, 2, contracts.PaymentCompleted{PaymentID: payment, OrderID: uuid.New(), Amount: contracts.Money{Amount: 1, Currency: "USD"}}),
	}); s[0] != bus.Success || s[1] != bus.Success {
		t.Fatal(s)
	}
	db, err := late.Get(t.Context())
	if err == nil {
		err = db.SweepStuck(t.Context(), message.DefaultTenant, time.Now(), time.Minute)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := recorded.Value("plenary.payments.loose"); !maps.Equal(got, map[string]float64{"": 1}) {
		t.Errorf("loose payments %v", got)
	}
	if got := recorded.Value("plenary.orders.stuck"); !maps.Equal(got, map[string]float64{"": 2}) {
		t.Errorf("stuck orders %v", got)
	}
	want := map[string]float64{
		"status=placed": 1, "status=waitlisted": 0, "status=partially-reserved": 0, "status=reserved": 0, "status=rejected": 0,
		"status=expired": 0, "status=confirmed": 0, "status=cancelled": 0,
	}
	if got := recorded.Value("plenary.orders"); !maps.Equal(got, want) {
		t.Errorf("orders %v", got)
	}
	if got := recorded.Value("plenary.orders.overdue.age")[""]; got < 3600 {
		t.Errorf("overdue for %f s", got)
	}
	if got := recorded.Value("plenary.seats"); !maps.Equal(got, map[string]float64{"state=held": 0, "state=sold": 0, "state=remaining": 0}) {
		t.Errorf("seats %v", got)
	}
}
