package gateway

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/apps/web/backlog"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/tracing"
)

const scope = "github.com/plenary/plenary/apps/web"

// Why requests are turned away.
var (
	forBacklog  = metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", "backlog")))
	forWriting  = metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", "order")))
	forAddress  = metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", "address")))
	forHolds    = metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", "holds")))
	forThrottle = metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", "throttle")))
)

// measure makes the counters of requests that are turned away and of wrong
// credentials, and shows the lag and how long it may be.
func measure(b *backlog.Backlog) (turnedAway, wrong metric.Int64Counter, err error) {
	m := otel.Meter(scope)
	limit, err := m.Float64Gauge("plenary.max_lag", metric.WithUnit("s"),
		metric.WithDescription("The lag beyond which new orders are turned away"))
	if err != nil {
		return nil, nil, err
	}
	limit.Record(context.Background(), b.Limit().Seconds())
	_, err = m.Float64ObservableGauge("plenary.command.lag", metric.WithUnit("s"),
		metric.WithDescription("How long the oldest command that has no outcome yet has been waiting"),
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			o.Observe(b.Lag().Seconds())
			return nil
		}))
	if err != nil {
		return nil, nil, err
	}
	wrong, err = m.Int64Counter("plenary.wrong_credentials", metric.WithDescription("Secrets and tokens shown that open nothing"))
	if err != nil {
		return nil, nil, err
	}
	turnedAway, err = m.Int64Counter("plenary.turned_away", metric.WithDescription("Requests answered with 429"))
	return turnedAway, wrong, err
}

// traced sends a command as part of the request's trace: what follows from it
// has this sending as its parent.
func (g *Gateway) traced(ctx context.Context, m message.Message, send func(context.Context, message.Message) error) error {
	t, _ := g.contracts.TypeOf(m.Body)
	ctx, span := g.tracer.Start(ctx, "send "+message.NameOf(t.Name), trace.WithSpanKind(trace.SpanKindProducer))
	defer span.End()
	if span.IsRecording() {
		span.SetAttributes(tracing.CorrelationID.String(m.CorrelationID), tracing.MessageType.String(t.Name),
			semconv.MessagingMessageID(m.ID), semconv.MessagingDestinationName(t.Topic))
	}
	m.TraceParent = tracing.Parent(ctx)
	err := send(ctx, m)
	if err != nil {
		span.SetStatus(codes.Error, "not published")
	}
	return err
}
