// Package measure tells how far the views are behind, and what they hold in all.
package measure

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/slo"
	"github.com/plenary/plenary/engine/tracing"
)

const scope = "github.com/plenary/plenary/apps/query"

// promised is within what time what was decided is shown: docs/slo.md. It is a
// boundary of the histogram as well.
const promised = 2500 * time.Millisecond

// Shown gives what is to be called with the events that a batch has made
// visible: it measures how long each took to get there, and makes its showing
// the end of its trace. An event that comes again is not shown again.
func Shown() (func(ctx context.Context, began time.Time, events []message.Message), error) {
	tracer := otel.Tracer(scope)
	delay, err := otel.Meter(scope).Float64Histogram("plenary.projection.delay", metric.WithUnit("s"),
		metric.WithDescription("Time from when an event was decided to when the views show it"),
		metric.WithExplicitBucketBoundaries(.01, .025, .05, .1, .25, .5, 1, promised.Seconds(), 5, 10, 30, 60, 300, 900))
	if err != nil {
		return nil, err
	}
	level := slo.New("projection")
	return func(ctx context.Context, began time.Time, events []message.Message) {
		batch := trace.SpanContextFromContext(ctx)
		now := time.Now()
		for _, m := range events {
			ctx := tracing.Under(ctx, m.TraceParent)
			if trace.SpanContextFromContext(ctx).IsSampled() {
				var span trace.Span
				ctx, span = tracer.Start(ctx, "show "+m.Name(), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(began),
					trace.WithLinks(trace.Link{SpanContext: batch}), trace.WithAttributes(
						tracing.Stream.String(m.Stream), tracing.CorrelationID.String(m.CorrelationID),
						tracing.MessageType.String(m.Type), semconv.MessagingMessageID(m.ID)))
				span.End(trace.WithTimestamp(now))
			}
			if delay.Enabled(ctx) {
				took := max(now.Sub(m.Time), 0)
				delay.Record(ctx, took.Seconds())
				level.Count(ctx, took <= promised)
			}
		}
	}, nil
}

// statuses are all that an order may have, so that none is missing where there
// are no such orders.
var statuses = []view.OrderStatus{
	view.OrderPlaced, view.OrderWaitlisted, view.OrderPartiallyReserved, view.OrderReserved, view.OrderRejected, view.OrderExpired, view.OrderConfirmed, view.OrderCancelled,
}

const (
	// fresh is how long totals are shown before they are added up anew.
	fresh = 5 * time.Second
	// within is how long adding up may take.
	within = 5 * time.Second
)

// Totals shows what the views hold, whenever somebody looks. While the database
// cannot be asked nothing is shown.
func Totals(late *store.Late) error {
	m := otel.Meter(scope)
	gauge := func(name, description string) (g metric.Int64ObservableGauge, err error) {
		return m.Int64ObservableGauge(name, metric.WithDescription(description))
	}
	orders, err1 := gauge("plenary.orders", "Orders, by status")
	seats, err2 := gauge("plenary.seats", "Seats held by orders, sold, and remaining of conferences that have not ended")
	refunds, err3 := gauge("plenary.refunds.failed", "Refunds that wait for an operator")
	letters, err4 := gauge("plenary.dead_letters", "Dead letters that wait for an operator")
	waiting, err5 := gauge("plenary.streams.waiting", "Streams of which a later event is here and an earlier one is not")
	overdue, err6 := m.Float64ObservableGauge("plenary.orders.overdue.age", metric.WithUnit("s"),
		metric.WithDescription("How long the longest overdue order is past its deadline"))
	loose, err7 := gauge("plenary.payments.loose", "Payments completed minutes ago that neither confirmed their order nor were refunded")
	stuck, err8 := gauge("plenary.orders.stuck", "Orders that rest where they should not, as the last sweep found")
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8); err != nil {
		return err
	}
	var mu sync.Mutex
	var last store.Totals
	var at time.Time
	payments := looseCount{late: late}
	_, err := m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(at) > fresh {
			ctx, cancel := context.WithTimeout(ctx, within)
			defer cancel()
			s, err := late.Get(ctx)
			if err != nil {
				return err
			}
			if last, err = s.Totals(ctx, message.DefaultTenant, time.Now()); err != nil {
				return err
			}
			at = time.Now()
		}
		for _, status := range statuses {
			o.ObserveInt64(orders, int64(last.Orders[status]), metric.WithAttributes(attribute.String("status", string(status))))
		}
		for state, n := range map[string]int{"held": last.HeldSeats, "sold": last.SoldSeats, "remaining": last.RemainingSeats} {
			o.ObserveInt64(seats, int64(n), metric.WithAttributes(attribute.String("state", state)))
		}
		o.ObserveInt64(refunds, int64(last.FailedRefunds))
		o.ObserveInt64(letters, int64(last.DeadLetters))
		o.ObserveInt64(waiting, int64(last.WaitingStreams))
		o.ObserveInt64(stuck, int64(last.StuckOrders))
		age := 0.0
		if !last.OldestDeadline.IsZero() {
			age = max(time.Since(last.OldestDeadline), 0).Seconds()
		}
		o.ObserveFloat64(overdue, age)
		n, err := payments.now(ctx)
		if err == nil {
			o.ObserveInt64(loose, int64(n))
		}
		return err
	}, orders, seats, refunds, letters, waiting, overdue, loose, stuck)
	return err
}

// looseFresh is how long the number of loose payments is shown before they are
// counted anew, which looks at all completed payments.
const looseFresh = time.Minute

// looseCount knows how many payments are loose.
type looseCount struct {
	late *store.Late
	last int
	at   time.Time
}

func (c *looseCount) now(ctx context.Context) (int, error) {
	if time.Since(c.at) <= looseFresh {
		return c.last, nil
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	s, err := c.late.Get(ctx)
	if err != nil {
		return 0, err
	}
	if c.last, err = s.CountLoose(ctx, message.DefaultTenant, time.Now()); err != nil {
		return 0, err
	}
	c.at = time.Now()
	return c.last, nil
}
