package telemetry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/engine/telemetry"
)

// settings are the variables that the tests set; none of them is to come from
// outside.
func settings(t *testing.T, of map[string]string) {
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_PROMETHEUS_HOST", "OTEL_EXPORTER_PROMETHEUS_PORT", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_SPAN_LINK_COUNT_LIMIT",
	} {
		t.Setenv(name, of[name])
	}
}

func start(t *testing.T, of map[string]string) *telemetry.Telemetry {
	t.Helper()
	settings(t, of)
	got, err := telemetry.Start(t.Context(), "order")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = got.Stop(context.Background()) })
	return got
}

func TestWithoutSettingsNothingIsSetUp(t *testing.T) {
	for name, of := range map[string]map[string]string{
		"none":     {},
		"said so":  {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
		"disabled": {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_METRICS_EXPORTER": "prometheus"},
	} {
		t.Run(name, func(t *testing.T) {
			traces, meters := otel.GetTracerProvider(), otel.GetMeterProvider()
			if got := start(t, of); got.Metrics != "" || otel.GetTracerProvider() != traces || otel.GetMeterProvider() != meters {
				t.Error("something is set up")
			}
		})
	}
}

func TestASettingThatMeansNothingIsAnError(t *testing.T) {
	for name, of := range map[string]map[string]string{
		"no such exporter of traces":  {"OTEL_TRACES_EXPORTER": "pigeon"},
		"no such exporter of metrics": {"OTEL_METRICS_EXPORTER": "pigeon"},
		"no such protocol":            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon"},
		"no such address":             {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": "port"},
	} {
		t.Run(name, func(t *testing.T) {
			settings(t, of)
			if _, err := telemetry.Start(t.Context(), "order"); err == nil {
				t.Error("no error")
			}
		})
	}
}

// Prometheus finds the app's metrics, under its name, with the traces that they
// are examples of; and Go's runtime's and the process's.
func TestPrometheusReadsMetricsWithExemplars(t *testing.T) {
	got := start(t, map[string]string{"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1", "OTEL_EXPORTER_PROMETHEUS_PORT": "0"})
	h, err := otel.Meter("test").Float64Histogram("plenary.test.duration", metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	h.Record(trace.ContextWithSpanContext(t.Context(), span), 0.2, metric.WithAttributes(attribute.String("topic", "orders")))

	page := read(t, "http://"+got.Metrics+"/metrics")
	for _, want := range []string{
		`plenary_test_duration_seconds_count{service_name="order",topic="orders"} 1`,
		`trace_id="01000000000000000000000000000000"`, `} 0.2 `,
		"go_goroutine_count{", `process_resident_memory_bytes{service_name="order"}`, "target_info{",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}

func read(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A full batch keeps the links to all of its messages, unless somebody wants less.
func TestASpanHasALinkToEachMessageOfABatch(t *testing.T) {
	const batch = 200
	for limit, want := range map[string]int{"": batch, "2": 2} {
		t.Run("limit "+limit, func(t *testing.T) {
			collector := httptest.NewServer(http.NotFoundHandler())
			defer collector.Close()
			start(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_SPAN_LINK_COUNT_LIMIT": limit})
			_, span := otel.Tracer("test").Start(t.Context(), "handle orders")
			for i := range batch {
				span.AddLink(trace.Link{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{byte(i + 1)}})})
			}
			if got := len(span.(sdk.ReadOnlySpan).Links()); got != want {
				t.Errorf("%d links are left, not %d", got, want)
			}
			span.End()
		})
	}
}

// What has been traced is sent before the app ends.
func TestStopSendsTheLastSpans(t *testing.T) {
	var received atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && strings.Contains(string(body), "the last span") && r.URL.Path == "/v1/traces" {
			received.Add(1)
		}
	}))
	defer collector.Close()
	got := start(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL})
	_, span := otel.Tracer("test").Start(t.Context(), "the last span")
	span.End()
	if err := got.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if received.Load() != 1 {
		t.Errorf("sent %d times", received.Load())
	}
}
