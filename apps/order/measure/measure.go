// Package measure counts what becomes of orders, and how long it takes.
package measure

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/slo"
	"github.com/plenary/plenary/engine/stream"
	"github.com/plenary/plenary/engine/tracing"
)

// The fates of an order that others are measured from or to.
const (
	placed            = "placed"
	updated           = "updated"
	reserved          = "reserved"
	partiallyReserved = "partially-reserved"
	rejected          = "rejected"
	waitlisted        = "waitlisted"
	confirmed         = "confirmed"
)

// fatesOf says, by the name of its type, what an event means for an order.
func fatesOf(registry *message.Registry) map[string]string {
	fates := map[string]string{}
	for fate, event := range map[string]any{
		placed:            contracts.OrderPlaced{},
		updated:           contracts.OrderUpdated{},
		reserved:          contracts.OrderReservationCompleted{},
		partiallyReserved: contracts.OrderPartiallyReserved{},
		rejected:          contracts.OrderRejected{},
		waitlisted:        contracts.OrderWaitlisted{},
		confirmed:         contracts.OrderConfirmed{},
		"expired":         contracts.OrderExpired{},
		"reinstated":      contracts.OrderReinstated{},
		"cancelled":       contracts.OrderCancelled{},
	} {
		t, _ := registry.TypeOf(event)
		fates[t.Name] = fate
	}
	return fates
}

// promised is within what time an order knows its seats: docs/slo.md. It is a
// boundary of the histogram as well.
const promised = 5 * time.Second

// Orders measures what the engine commits to orders.
func Orders(engine *handling.Engine, registry *message.Registry) error {
	m := otel.Meter("github.com/plenary/plenary/apps/order")
	orders, err := m.Int64Counter("plenary.orders", metric.WithDescription("Orders by outcome"))
	if err != nil {
		return err
	}
	reservation, err := m.Float64Histogram("plenary.order.reservation.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from when seats were asked for to the order's knowing what it gets"),
		metric.WithExplicitBucketBoundaries(.01, .025, .05, .1, .25, .5, 1, 2, promised.Seconds(), 10, 30, 60, 300))
	if err != nil {
		return err
	}
	confirmation, err := m.Float64Histogram("plenary.order.confirmation.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from placed to confirmed"),
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600))
	if err != nil {
		return err
	}
	fates := fatesOf(registry)
	level := slo.New("reservation")
	engine.OnCommit(func(ctx context.Context, c handling.Commit) {
		if c.Stream.Aggregate != order.Name {
			return
		}
		asked, begun := times(c.Before, fates)
		for _, r := range c.Records {
			fate, ok := fates[r.Type]
			if !ok {
				continue
			}
			ctx := tracing.Under(ctx, r.TraceParent)
			orders.Add(ctx, 1, metric.WithAttributes(attribute.String("fate", fate)))
			switch fate {
			case placed:
				asked, begun = r.Time, r.Time
			case updated:
				asked = r.Time
			case reserved, partiallyReserved, waitlisted, rejected:
				if !asked.IsZero() {
					took := r.Time.Sub(asked)
					reservation.Record(ctx, took.Seconds(), metric.WithAttributes(attribute.String("result", fate)))
					level.Count(ctx, took <= promised)
				}
				if fate == waitlisted { // that was the answer; an offer comes when it comes
					asked = time.Time{}
				}
			case confirmed:
				if !begun.IsZero() {
					confirmation.Record(ctx, r.Time.Sub(begun).Seconds())
				}
			}
		}
	})
	return nil
}

// times are when an order was placed and when it last asked for seats, as far
// as its records tell.
func times(records []stream.Record, fates map[string]string) (asked, begun time.Time) {
	for _, r := range records {
		switch fates[r.Type] {
		case placed:
			asked, begun = r.Time, r.Time
		case updated:
			asked = r.Time
		case waitlisted:
			asked = time.Time{}
		}
	}
	return asked, begun
}
