package handling

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

type meter struct {
	conflicts, parkings metric.Int64Counter
}

func newMeter() *meter {
	m := otel.Meter("github.com/plenary/plenary/engine/handling")
	var out meter
	var err error
	if out.conflicts, err = m.Int64Counter("plenary.commit.conflicts", metric.WithDescription("Commits that were not written at first, by stream kind; lost says whether another writer was first")); err != nil {
		otel.Handle(err)
	}
	if out.parkings, err = m.Int64Counter("plenary.messages.parked", metric.WithDescription("Messages parked in the dead letters, by stream kind")); err != nil {
		otel.Handle(err)
	}
	return &out
}

func (m *meter) conflict(ctx context.Context, aggregate string, lost bool) {
	m.conflicts.Add(ctx, 1, metric.WithAttributes(attribute.String("aggregate", aggregate), attribute.Bool("lost", lost)))
}

func (m *meter) parked(ctx context.Context, aggregate string) {
	m.parkings.Add(ctx, 1, metric.WithAttributes(attribute.String("aggregate", aggregate)))
}
