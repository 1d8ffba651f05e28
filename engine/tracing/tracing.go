// Package tracing carries traces, in the W3C form, from one message to what
// follows from it, and from one app to another.
package tracing

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traceParent is a W3C traceparent as something that a span context is read
// from and written to.
type traceParent string

const header = "traceparent"

// Get implements propagation.TextMapCarrier.
func (t *traceParent) Get(key string) string {
	if key == header {
		return string(*t)
	}
	return ""
}

// Set implements propagation.TextMapCarrier.
func (t *traceParent) Set(key, value string) {
	if key == header {
		*t = traceParent(value)
	}
}

// Keys implements propagation.TextMapCarrier.
func (t *traceParent) Keys() []string { return []string{header} }

// SpanOf is the span that a traceparent names; it is not valid if there is none.
func SpanOf(parent string) trace.SpanContext {
	if parent == "" {
		return trace.SpanContext{}
	}
	t := traceParent(parent)
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), &t))
}

// Under is ctx with the span that a traceparent names in place of its own. What
// is begun with it belongs to that span, or to a new trace if there is none.
func Under(ctx context.Context, parent string) context.Context {
	return trace.ContextWithRemoteSpanContext(ctx, SpanOf(parent))
}

// Parent is the traceparent of the span in ctx, empty if there is none.
func Parent(ctx context.Context) string {
	var t traceParent
	propagation.TraceContext{}.Inject(ctx, &t)
	return string(t)
}

// Untraced is the traceparent of a trace that is not kept, for messages that
// no span stands behind. Its id still ties the log lines of the apps together.
func Untraced() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return "00-" + hex.EncodeToString(b[:16]) + "-" + hex.EncodeToString(b[16:]) + "-00"
}
