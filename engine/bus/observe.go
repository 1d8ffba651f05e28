package bus

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const scope = "github.com/plenary/plenary/engine/bus"

// Trace makes one span per batch, linked to the trace of each message in it.
func Trace(next Handler) Handler {
	tracer := otel.Tracer(scope)
	return HandlerFunc(func(ctx context.Context, batch []Delivery) []Status {
		links := make([]trace.Link, 0, len(batch))
		for _, d := range batch {
			remote := propagation.TraceContext{}.Extract(context.Background(),
				propagation.MapCarrier{"traceparent": d.Message.TraceParent})
			if sc := trace.SpanContextFromContext(remote); sc.IsValid() {
				links = append(links, trace.Link{SpanContext: sc})
			}
		}
		ctx, span := tracer.Start(ctx, "handle "+batch[0].Topic, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...))
		defer span.End()
		return next.HandleBatch(ctx, batch)
	})
}

// Meter counts what passes through an app's endpoints.
type Meter struct {
	batches  metric.Int64Histogram
	duration metric.Float64Histogram
	messages metric.Int64Counter
}

// NewMeter makes the instruments.
func NewMeter() *Meter {
	m := otel.Meter(scope)
	must := func(err error) {
		if err != nil {
			otel.Handle(err)
		}
	}
	var out Meter
	var err error
	out.batches, err = m.Int64Histogram("plenary.batch.size", metric.WithUnit("{message}"), metric.WithDescription("Messages in one delivered batch"))
	must(err)
	out.duration, err = m.Float64Histogram("plenary.batch.duration", metric.WithUnit("s"), metric.WithDescription("Time to handle one batch"))
	must(err)
	out.messages, err = m.Int64Counter("plenary.messages", metric.WithUnit("{message}"), metric.WithDescription("Messages delivered, by topic and outcome"))
	must(err)
	return &out
}

// Measure records size, duration and outcome of each batch.
func (m *Meter) Measure(next Handler) Handler {
	return HandlerFunc(func(ctx context.Context, batch []Delivery) []Status {
		start := time.Now()
		out := next.HandleBatch(ctx, batch)
		topic := attribute.String("topic", batch[0].Topic)
		m.batches.Record(ctx, int64(len(batch)), metric.WithAttributes(topic))
		m.duration.Record(ctx, time.Since(start).Seconds(), metric.WithAttributes(topic))
		counts := map[Status]int64{}
		for _, s := range out {
			counts[s]++
		}
		for s, n := range counts {
			m.messages.Add(ctx, n, metric.WithAttributes(topic, attribute.String("outcome", s.String())))
		}
		return out
	})
}

// Unknown counts a message of a type that nobody here knows.
func (m *Meter) Unknown(ctx context.Context, topic string) { m.count(ctx, topic, "UNKNOWN") }

// Parked counts a message that was parked before it reached a handler.
func (m *Meter) Parked(ctx context.Context, topic string) { m.count(ctx, topic, "PARKED") }

func (m *Meter) count(ctx context.Context, topic, outcome string) {
	m.messages.Add(ctx, 1, metric.WithAttributes(attribute.String("topic", topic), attribute.String("outcome", outcome)))
}
