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
	if s, ok := usual(parent); ok {
		return s
	}
	t := traceParent(parent)
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), &t))
}

// usual reads a traceparent of version 00, as all have that are sent here: some sixty are
// read for an order, and this takes a tenth of the time. Anything else is not ok.
func usual(parent string) (trace.SpanContext, bool) {
	const form = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if len(parent) != len(form) || parent[:3] != form[:3] || parent[35] != '-' || parent[52] != '-' || parent[53] != '0' {
		return trace.SpanContext{}, false
	}
	of, err1 := trace.TraceIDFromHex(parent[3:35])
	span, err2 := trace.SpanIDFromHex(parent[36:52])
	sampled := parent[54] == '1'
	if err1 != nil || err2 != nil || !sampled && parent[54] != '0' {
		return trace.SpanContext{}, false
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: of, SpanID: span, TraceFlags: trace.TraceFlags(0).WithSampled(sampled), Remote: true}), true
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
