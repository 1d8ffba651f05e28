package engine_test

import (
	"crypto/rand"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/membus"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/telemetry/telemetrytest"
	"github.com/plenary/plenary/engine/tracing"
)

// A locker is rented and, an hour later, opens: all that follows from the one
// request is one trace, and what follows from the wake-up another, linked to it.
func TestTheTraceOfAChainOfCommands(t *testing.T) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	recorded := telemetrytest.Record(t)
	now := time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	types, keys, alarm := Types(), &state.Memory{}, &alarm{}
	wire := membus.New(types, "station", clock)
	start := func() *handling.Engine {
		engine := handling.New(handling.Options{App: "station", Registry: types, Keys: keys, Publisher: wire, Waker: alarm, Now: clock, Random: rand.Reader})
		handling.Aggregate(engine, Lockers())
		handling.Process(engine, Hours())
		return engine
	}
	engine := start()
	deliver := func() {
		for {
			var batch []bus.Delivery
			for _, sent := range wire.Take() {
				d, err := membus.Decode(types, sent)
				if err != nil {
					t.Fatal(err)
				}
				batch = append(batch, d)
			}
			if batch == nil {
				return
			}
			for _, status := range bus.Trace(engine).HandleBatch(t.Context(), batch) {
				if status != bus.Success {
					t.Fatal(status)
				}
			}
		}
	}
	rent := func() {
		ctx, span := otel.Tracer("test").Start(t.Context(), "request")
		defer span.End()
		if err := wire.Publish(ctx, message.Message{Meta: message.Meta{ID: "1", CorrelationID: "ann"}, Body: Rent{Locker: "7", Rental: "ann"}}); err != nil {
			t.Fatal(err)
		}
	}

	rent()
	deliver()
	now = alarm.at
	if err := engine.Wake(t.Context(), message.DefaultTenant, []string{"ann"}); err != nil {
		t.Fatal(err)
	}
	deliver()

	batches := []string{"handle lockers", "handle events", "load", "commit", "dispatch"}
	want := strings.Join([]string{
		"request",
		"  decide Rent",
		"    step Rented",
		"step WakeUp ~ step Rented",
		"  decide End ~ decide Rent",
		"    step Ended",
		"",
	}, "\n")
	if got := recorded.Tree(batches...); got != want {
		t.Errorf("traced\n%s, want\n%s", got, want)
	}
	if got := recorded.Tree(); !strings.Contains(got, "handle lockers ~ request\n  commit\n  dispatch\n  load\n") ||
		!strings.Contains(got, "decide Rent ~ handle lockers\n") {
		t.Errorf("a batch and its messages are not linked:\n%s", got)
	}

	// The command comes again, to an app that has just started.
	engine = start()
	rent()
	deliver()
	again := strings.Replace(want, "step WakeUp", "request\nstep WakeUp", 1)
	if got := recorded.Tree(batches...); got != again {
		t.Errorf("a message that was handled before:\n%s, want\n%s", got, again)
	}

	decided := recorded.Named("decide Rent")
	for key, value := range map[string]string{
		string(tracing.Stream): "locker/7", string(tracing.CorrelationID): "ann", string(tracing.MessageType): "Rent.v1",
		"messaging.message.id": "1", "messaging.destination.name": "lockers",
	} {
		found := false
		for _, kv := range decided.Attributes {
			found = found || string(kv.Key) == key && kv.Value.AsString() == value
		}
		if !found {
			t.Errorf("no %s=%s among %v", key, value, decided.Attributes)
		}
	}
}
