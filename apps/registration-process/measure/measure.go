// Package measure tells how late holds lapse.
package measure

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/tracing"
)

// Lapses measures, for each order that expired, the time from when its hold was
// over to when the process learnt that it has expired, which is when it gives
// the seats back. A hold is over at its deadline or, where there was a payment,
// grace after it at the latest.
func Lapses(engine *handling.Engine, registry *message.Registry, grace time.Duration) error {
	delay, err := otel.Meter("github.com/plenary/plenary/apps/registration-process").Float64Histogram("plenary.hold.lapse.delay",
		metric.WithUnit("s"), metric.WithDescription("Time from when a hold was over to when its seats were given back"),
		// 30 s is what the service level goes by.
		metric.WithExplicitBucketBoundaries(.5, 1, 1.5, 2, 3, 5, 10, 20, 30, 60, 120, 300, 900))
	if err != nil {
		return err
	}
	expired, _ := registry.TypeOf(contracts.OrderExpired{})
	engine.OnCommit(func(ctx context.Context, c handling.Commit) {
		state, ok := c.State.(*registration.Registration)
		if !ok || state.Deadline.IsZero() {
			return
		}
		over := state.Deadline
		if len(state.Payments) > 0 {
			over = over.Add(grace)
		}
		for _, r := range c.Records {
			if r.Type == expired.Name {
				delay.Record(tracing.Under(ctx, r.TraceParent), max(r.Time.Sub(over), 0).Seconds())
			}
		}
	})
	return nil
}
