package tracing

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/engine/slo"
)

const scope = "github.com/plenary/plenary/engine/tracing"

// Requests makes a span of each request that belongs to a trace, and measures
// all of them. Where the public asks, each request begins a trace of its own, which is
// linked to the caller's: a stranger must not decide what is sampled, nor put spans
// into the traces of others. The trace of a caller that trusted, if set, says yes to
// goes on. What the public is answered is what the API's service level is stated of.
// Neither span nor measurement has the request's address in it, which may hold the id
// of an order, nor says who asked.
func Requests(public bool, trusted func(*http.Request) bool) gin.HandlerFunc {
	tracer := otel.Tracer(scope)
	duration, err := otel.Meter(scope).Float64Histogram("http.server.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Time to answer a request"),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30))
	if err != nil {
		otel.Handle(err)
	}
	var api *slo.Level
	if public {
		api = slo.New("api")
	}
	return func(c *gin.Context) {
		route := c.FullPath()
		if route == "" {
			route = "none"
		}
		start := time.Now()
		ctx, links := c.Request.Context(), []trace.Link(nil)
		told := propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(c.Request.Header))
		if !public || trusted != nil && trusted(c.Request) {
			ctx = told
		} else if caller := trace.SpanContextFromContext(told); caller.IsRemote() {
			links = []trace.Link{{SpanContext: caller}}
		}
		var span trace.Span
		if public || trace.SpanContextFromContext(ctx).IsValid() {
			ctx, span = tracer.Start(ctx, c.Request.Method+" "+route, trace.WithSpanKind(trace.SpanKindServer), trace.WithLinks(links...))
			defer span.End()
		}
		c.Request = c.Request.WithContext(ctx)
		c.Next()
		status := c.Writer.Status()
		if span != nil && span.IsRecording() {
			span.SetAttributes(semconv.HTTPRequestMethodKey.String(c.Request.Method), semconv.HTTPRoute(route), semconv.HTTPResponseStatusCode(status))
			if status >= http.StatusInternalServerError {
				span.SetStatus(codes.Error, "")
			}
		}
		if api != nil {
			api.Count(ctx, status < http.StatusInternalServerError)
		}
		if duration.Enabled(ctx) {
			duration.Record(ctx, time.Since(start).Seconds(), metric.WithAttributes(
				semconv.HTTPRequestMethodKey.String(method(c.Request.Method)), semconv.HTTPRoute(route), semconv.HTTPResponseStatusCode(status)))
		}
	}
}

// method bounds what a client can make a label of.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "_OTHER"
}

// Transport makes a span of each request that is sent as part of a trace, named
// by name, and tells the receiver of it. What belongs to no trace begins none:
// such requests are somebody's looking now and then.
func Transport(name func(*http.Request) string, next http.RoundTripper) http.RoundTripper {
	return &transport{name: name, next: next, tracer: otel.Tracer(scope)}
}

type transport struct {
	name   func(*http.Request) string
	next   http.RoundTripper
	tracer trace.Tracer
}

// RoundTrip implements http.RoundTripper. The span ends with the answer's head,
// since the body of a stream may go on for hours.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return t.next.RoundTrip(r)
	}
	ctx, span := t.tracer.Start(ctx, t.name(r), trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	r = r.Clone(ctx)
	Tell(ctx, r.Header)
	resp, err := t.next.RoundTrip(r)
	if !span.IsRecording() {
		return resp, err
	}
	span.SetAttributes(semconv.HTTPRequestMethodKey.String(r.Method))
	if err != nil {
		span.SetStatus(codes.Error, "no answer")
		return resp, err
	}
	span.SetAttributes(semconv.HTTPResponseStatusCode(resp.StatusCode))
	if resp.StatusCode >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
	return resp, nil
}

// Tell writes the span in ctx into the headers of a request.
func Tell(ctx context.Context, h http.Header) {
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(h))
}

// Attributes of the spans of messages.
const (
	Stream        = attribute.Key("plenary.stream")
	CorrelationID = attribute.Key("plenary.correlation_id")
	MessageType   = attribute.Key("plenary.message.type")
)
