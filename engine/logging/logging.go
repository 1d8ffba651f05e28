// Package logging puts into every log line what ties it to others: the trace
// and span of its context, and what the context says it is about.
package logging

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

type key struct{}

// With has every log line written with the context carry these attributes as
// well. None may hold personal data.
func With(ctx context.Context, attributes ...slog.Attr) context.Context {
	before, _ := ctx.Value(key{}).([]slog.Attr)
	return context.WithValue(ctx, key{}, slices.Concat(before, attributes))
}

// Handler adds what a line's context knows: trace_id and span_id, and the
// attributes of With. Levels, groups and the form of a line are next's matter.
func Handler(next slog.Handler) slog.Handler { return handler{next} }

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	if about, ok := ctx.Value(key{}).([]slog.Attr); ok {
		r.AddAttrs(about...)
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attributes)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
