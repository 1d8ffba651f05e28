// Package slo counts the events that service levels are stated of.
package slo

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Level is one service level.
type Level struct {
	events      metric.Int64Counter
	good, fault []metric.AddOption
}

// New makes the service level of that name. Both of its counts are there from the
// start: of a counter that appears, whoever looks now and then does not see what it
// has counted by then, and the first faults are those that an outage begins with.
func New(name string) *Level {
	events, err := otel.Meter("github.com/plenary/plenary/engine/slo").Int64Counter("plenary.slo.events",
		metric.WithDescription("Events that a service level is stated of, by whether they kept it"))
	if err != nil {
		otel.Handle(err)
	}
	class := func(class string) []metric.AddOption {
		return []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(attribute.String("slo", name), attribute.String("class", class)))}
	}
	l := &Level{events: events, good: class("good"), fault: class("fault")}
	l.events.Add(context.Background(), 0, l.good...)
	l.events.Add(context.Background(), 0, l.fault...)
	return l
}

// Count counts an event that kept what was promised, or did not.
func (l *Level) Count(ctx context.Context, kept bool) {
	class := l.fault
	if kept {
		class = l.good
	}
	l.events.Add(ctx, 1, class...)
}
