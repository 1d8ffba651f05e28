// Package measure tells how late holds lapse.
package measure

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/slo"
	"github.com/plenary/plenary/engine/stream"
	"github.com/plenary/plenary/engine/tracing"
)

// promised is within what time a hold that is over gives its seats back:
// docs/slo.md. It is a boundary of the histogram as well.
const promised = 30 * time.Second

// Lapses measures, for each order that expired, the time from when its hold was
// over to when the process learnt that it has expired, which is when it gives
// the seats back. A hold is over at its deadline or, if a payment was open then,
// grace after it. What the grace is it shows as well.
func Lapses(engine *handling.Engine, registry *message.Registry, grace func() time.Duration) error {
	m := otel.Meter("github.com/plenary/plenary/apps/registration-process")
	if _, err := m.Float64ObservableGauge("plenary.grace", metric.WithUnit("s"),
		metric.WithDescription("How long after its deadline an order is left alone that is being paid"),
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			o.Observe(grace().Seconds())
			return nil
		})); err != nil {
		return err
	}
	delay, err := m.Float64Histogram("plenary.hold.lapse.delay",
		metric.WithUnit("s"), metric.WithDescription("Time from when a hold was over to when its seats were given back"),
		metric.WithExplicitBucketBoundaries(.5, 1, 1.5, 2, 3, 5, 10, 20, promised.Seconds(), 60, 120, 300, 900))
	if err != nil {
		return err
	}
	level := slo.New("lapse")
	expired, _ := registry.TypeOf(contracts.OrderExpired{})
	var givenUp []string
	for _, event := range []any{contracts.PaymentRejected{}, contracts.PaymentCancelled{}} {
		t, _ := registry.TypeOf(event)
		givenUp = append(givenUp, t.Name)
	}
	// paying says whether a payment was open at the deadline: it still is, or was
	// given up since, which the process does not act upon before the grace is over.
	paying := func(state *registration.Registration, c handling.Commit) bool {
		return slices.ContainsFunc(state.Payments, func(p registration.Payment) bool { return p.State == registration.Open }) ||
			slices.ContainsFunc(slices.Concat(c.Before, c.Records), func(r stream.Record) bool {
				return slices.Contains(givenUp, r.Type) && r.Time.After(state.Deadline)
			})
	}
	engine.OnCommit(func(ctx context.Context, c handling.Commit) {
		state, ok := c.State.(*registration.Registration)
		if !ok || state.Deadline.IsZero() {
			return
		}
		for _, r := range c.Records {
			if r.Type != expired.Name {
				continue
			}
			over := state.Deadline
			if paying(state, c) {
				over = over.Add(state.Times.Grace)
			}
			late, ctx := max(r.Time.Sub(over), 0), tracing.Under(ctx, r.TraceParent)
			delay.Record(ctx, late.Seconds())
			level.Count(ctx, late <= promised)
		}
	})
	return nil
}
