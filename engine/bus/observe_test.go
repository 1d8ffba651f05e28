package bus_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/telemetry/telemetrytest"
)

func TestWhatIsMeasuredOfABatch(t *testing.T) {
	recorded := telemetrytest.Record(t)
	now := time.Now()
	delivered := func(ago time.Duration, original string) bus.Delivery {
		return bus.Delivery{Topic: "pings", Message: message.Message{Meta: message.Meta{Time: now.Add(-ago), OriginalID: original}}}
	}
	handler := bus.Trace(bus.NewMeter().Measure(bus.HandlerFunc(func(context.Context, []bus.Delivery) []bus.Status {
		return []bus.Status{bus.Success, bus.Retry, bus.Success}
	})))
	// The one that an operator sent back after a day waited for the operator.
	handler.HandleBatch(t.Context(), []bus.Delivery{delivered(time.Minute, ""), delivered(time.Second, ""), delivered(24*time.Hour, "old")})

	for metric, want := range map[string]map[string]float64{
		"plenary.messages":       {"outcome=success topic=pings": 2, "outcome=retry topic=pings": 1},
		"plenary.batch.size":     {"topic=pings": 1},
		"plenary.batch.duration": {"topic=pings": 1},
		"plenary.batch.lag":      {"topic=pings": 1},
	} {
		if got := recorded.Value(metric); !maps.Equal(got, want) {
			t.Errorf("%s is %v, want %v", metric, got, want)
		}
	}
	if lag, traces := recorded.Sum("plenary.batch.lag"); lag < 60 || lag > 3600 || len(traces) != 1 {
		t.Errorf("the lag is %f s, as in %v", lag, traces)
	}
}

func TestABatchThatPanicsIsMeasuredAsDeliveredAgain(t *testing.T) {
	recorded := telemetrytest.Record(t)
	bus.NewMeter().Guard(panicking{}).HandleBatch(t.Context(), []bus.Delivery{{Topic: "pings"}, {Topic: "pings"}})
	if got := recorded.Value("plenary.messages"); !maps.Equal(got, map[string]float64{"outcome=retry topic=pings": 2}) {
		t.Errorf("messages %v", got)
	}
	if got := recorded.Value("plenary.batch.duration"); !maps.Equal(got, map[string]float64{"topic=pings": 1}) {
		t.Errorf("durations %v", got)
	}
}

func TestWhatDoesNotReachAHandlerIsCounted(t *testing.T) {
	recorded := telemetrytest.Record(t)
	deliver(t, &recorder{}, message.Command, good, `{"nothing":true}`, `{"specversion":"1.0","id":"1","type":"Pong.v9","source":"other","data":{}}`)
	if got, want := recorded.Value("plenary.messages"), map[string]float64{"outcome=parked topic=pings": 1, "outcome=unknown topic=pings": 1}; !maps.Equal(got, want) {
		t.Errorf("messages %v, want %v", got, want)
	}
	if got := recorded.Value("plenary.messages.given_up"); !maps.Equal(got, map[string]float64{"topic=pings": 1}) {
		t.Errorf("given up %v", got)
	}
}

func TestAMessageThatCannotBeParkedIsCountedAsDeliveredAgain(t *testing.T) {
	recorded := telemetrytest.Record(t)
	deliver(t, &recorder{broken: context.DeadlineExceeded}, message.Command, `{"nothing":true}`)
	if got := recorded.Value("plenary.messages"); !maps.Equal(got, map[string]float64{"outcome=retry topic=pings": 1}) {
		t.Errorf("messages %v", got)
	}
}
