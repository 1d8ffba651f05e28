package bus

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/engine/tracing"
)

const scope = "github.com/plenary/plenary/engine/bus"

// Trace makes one span per batch, linked to the trace of each message in it.
// It belongs to no message's trace, since it is about all of them.
func Trace(next Handler) Handler {
	tracer := otel.Tracer(scope)
	return HandlerFunc(func(ctx context.Context, batch []Delivery) []Status {
		ctx, span := tracer.Start(ctx, "handle "+batch[0].Topic, trace.WithSpanKind(trace.SpanKindConsumer))
		defer span.End()
		if span.IsRecording() {
			span.SetAttributes(semconv.MessagingDestinationName(batch[0].Topic), semconv.MessagingBatchMessageCount(len(batch)))
			for _, d := range batch {
				if sent := tracing.SpanOf(d.Message.TraceParent); sent.IsSampled() {
					span.AddLink(trace.Link{SpanContext: sent})
				}
			}
		}
		return next.HandleBatch(ctx, batch)
	})
}

// Meter measures what passes through an app's endpoints.
type Meter struct {
	batches  metric.Int64Histogram
	duration metric.Float64Histogram
	lag      metric.Float64Histogram
	events   metric.Int64Histogram
	messages metric.Int64Counter
	givenUp  metric.Int64Counter
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
	out.batches, err = m.Int64Histogram("plenary.batch.size", metric.WithUnit("{message}"),
		metric.WithDescription("Messages in one delivered batch"), metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 20, 50, 100, 150, 200))
	must(err)
	out.duration, err = m.Float64Histogram("plenary.batch.duration", metric.WithUnit("s"),
		metric.WithDescription("Time to handle one batch"), metric.WithExplicitBucketBoundaries(.001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30))
	must(err)
	out.lag, err = m.Float64Histogram("plenary.batch.lag", metric.WithUnit("s"),
		metric.WithDescription("Age of the oldest message of a batch when it arrived"),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600))
	must(err)
	out.events, err = m.Int64Histogram("plenary.message.events", metric.WithUnit("{event}"),
		metric.WithDescription("Events in one delivered message"), metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 15, 20, 25, 50))
	must(err)
	out.messages, err = m.Int64Counter("plenary.messages", metric.WithUnit("{message}"),
		metric.WithDescription("Messages delivered, by outcome"))
	must(err)
	out.givenUp = GivenUp()
	return &out
}

// GivenUp makes the counter of messages that became dead letters, by topic.
func GivenUp() metric.Int64Counter {
	c, err := otel.Meter(scope).Int64Counter("plenary.messages.given_up", metric.WithUnit("{message}"),
		metric.WithDescription("Messages that became dead letters"))
	if err != nil {
		otel.Handle(err)
	}
	return c
}

// Guard is what stands around the handler of an app: its batches are traced and
// measured, and those that panic as well, as what is delivered again.
func (m *Meter) Guard(next Handler) Handler { return Trace(m.Measure(Recover(next))) }

// Measure records size, lag, duration and outcome of each batch.
func (m *Meter) Measure(next Handler) Handler {
	return HandlerFunc(func(ctx context.Context, batch []Delivery) []Status {
		if !m.messages.Enabled(ctx) {
			return next.HandleBatch(ctx, batch)
		}
		start := time.Now()
		out := next.HandleBatch(ctx, batch)
		topic := metric.WithAttributeSet(attribute.NewSet(topicLabel(batch[0].Topic)))
		m.batches.Record(ctx, int64(len(batch)), topic)
		m.duration.Record(ctx, time.Since(start).Seconds(), topic)
		if age, ok := oldest(batch, start); ok {
			m.lag.Record(ctx, age.Seconds(), topic)
		}
		var counts [len(outcomes)]int64
		for _, s := range out {
			counts[s]++
		}
		for s, n := range counts {
			if n > 0 {
				m.count(ctx, batch[0].Topic, outcomes[s], n)
			}
		}
		return out
	})
}

// oldest is the age of the oldest message. Those that an operator has sent back
// waited for the operator, not for this app, and those that were repeated for their
// sender.
func oldest(batch []Delivery, now time.Time) (age time.Duration, ok bool) {
	for _, d := range batch {
		if d.Message.OriginalID == "" && d.Message.Repeated == 0 && !d.Message.Time.IsZero() {
			age, ok = max(age, now.Sub(d.Message.Time)), true
		}
	}
	return age, ok
}

// outcomes are the labels of Success, Retry and Drop.
var outcomes = [...]string{"success", "retry", "drop"}

func topicLabel(topic string) attribute.KeyValue { return attribute.String("topic", topic) }

// Message counts a delivered message by its events.
func (m *Meter) Message(ctx context.Context, topic string, events int) {
	m.events.Record(ctx, int64(events), metric.WithAttributes(topicLabel(topic)))
}

// Unknown counts a message of a type that nobody here knows.
func (m *Meter) Unknown(ctx context.Context, topic string) { m.count(ctx, topic, "unknown", 1) }

// NotParked counts a message that should have been parked, and comes again.
func (m *Meter) NotParked(ctx context.Context, topic string) {
	m.count(ctx, topic, outcomes[Retry], 1)
}

// Parked counts a message that was parked before it reached a handler.
func (m *Meter) Parked(ctx context.Context, topic string) {
	m.count(ctx, topic, "parked", 1)
	m.givenUp.Add(ctx, 1, metric.WithAttributes(topicLabel(topic)))
}

func (m *Meter) count(ctx context.Context, topic, outcome string, n int64) {
	m.messages.Add(ctx, n, metric.WithAttributes(topicLabel(topic), attribute.String("outcome", outcome)))
}
