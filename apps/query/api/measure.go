package api

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// openStreams makes the count of live streams that are open.
func openStreams() metric.Int64UpDownCounter {
	c, err := otel.Meter("github.com/plenary/plenary/apps/query").Int64UpDownCounter("plenary.live.streams", metric.WithDescription("Live streams that are open"))
	if err != nil {
		otel.Handle(err)
	}
	return c
}

// streaming counts a stream of a view until it has ended.
func (a *API) streaming(ctx context.Context, name string) (ended func()) {
	of := metric.WithAttributes(attribute.String("view", name))
	a.streams.Add(ctx, 1, of)
	return func() { a.streams.Add(context.WithoutCancel(ctx), -1, of) }
}
