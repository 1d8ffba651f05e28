// Package telemetry sends out what the rest of the engine and the apps measure
// and trace, as the standard OTEL_* variables say. Without them it sets up
// nothing, and measuring and tracing cost next to nothing.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Version is that of the program, set by -ldflags "-X …".
var Version string

// Telemetry is what was set up.
type Telemetry struct {
	ends []func(context.Context) error // in this order
	// Metrics is where Prometheus reads, as host:port; empty if it does not.
	Metrics string
}

// Start sets up what the environment asks for. From then on the providers that
// package otel gives are those set up here. It fails when a variable means
// nothing, or the address for Prometheus is taken.
func Start(ctx context.Context, app string) (*Telemetry, error) {
	t := &Telemetry{}
	if os.Getenv("OTEL_SDK_DISABLED") == "true" {
		return t, nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { slog.Warn("telemetry", "error", err) }))
	who, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName(app), semconv.ServiceVersion(version())),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("telemetry: resource: %w", err)
	}
	if err := errors.Join(t.traces(ctx, who), t.metrics(ctx, who)); err != nil {
		return nil, errors.Join(err, t.Stop(ctx))
	}
	return t, nil
}

// Stop sends what is still to be sent, until ctx ends.
func (t *Telemetry) Stop(ctx context.Context) error {
	var errs []error
	for _, end := range t.ends {
		errs = append(errs, end(ctx))
	}
	t.ends = nil
	return errors.Join(errs...)
}

// version is the program's, as it was set or as the build knows it.
func version() string {
	if Version != "" {
		return Version
	}
	if build, ok := debug.ReadBuildInfo(); ok {
		return build.Main.Version
	}
	return ""
}

// links is how many other spans one may be linked to. A batch is linked to each
// of its messages, of which a sidecar brings 200; the SDK would keep 128.
const links = 256

func (t *Telemetry) traces(ctx context.Context, who *resource.Resource) error {
	if os.Getenv("OTEL_TRACES_EXPORTER") == "" &&
		os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nil // by the standard it would be sent to the local host
	}
	e, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return fmt.Errorf("telemetry: traces: %w", err)
	}
	if autoexport.IsNoneSpanExporter(e) {
		return nil
	}
	// Sampler, limits and batches are read from the environment by the SDK.
	limits := trace.NewSpanLimits()
	if os.Getenv("OTEL_SPAN_LINK_COUNT_LIMIT") == "" {
		limits.LinkCountLimit = links
	}
	p := trace.NewTracerProvider(trace.WithBatcher(e), trace.WithResource(who), trace.WithRawSpanLimits(limits))
	otel.SetTracerProvider(p)
	t.ends = append(t.ends, p.Shutdown)
	return nil
}

func (t *Telemetry) metrics(ctx context.Context, who *resource.Resource) error {
	var reader metric.Reader
	var err error
	switch os.Getenv("OTEL_METRICS_EXPORTER") {
	case "", "none":
		return nil
	case "prometheus":
		reader, err = t.prometheus(who) // autoexport's own listener shows no exemplars
	default:
		reader, err = autoexport.NewMetricReader(ctx)
	}
	if err != nil {
		return fmt.Errorf("telemetry: metrics: %w", err)
	}
	p := metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(who))
	otel.SetMeterProvider(p)
	t.ends = append(t.ends, p.Shutdown)
	return runtime.Start(runtime.WithMeterProvider(p))
}

// prometheus serves /metrics on a listener of its own, away from what the world
// can reach, and gives the reader behind it.
func (t *Telemetry) prometheus(who *resource.Resource) (metric.Reader, error) {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(),
		exporter.WithResourceAsConstantLabels(attribute.NewAllowKeysFilter(semconv.ServiceNameKey)))
	if err != nil {
		return nil, err
	}
	name, _ := who.Set().Value(semconv.ServiceNameKey)
	process := prometheus.WrapRegistererWith(prometheus.Labels{"service_name": name.AsString()}, registry)
	if err := process.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})); err != nil {
		return nil, err
	}
	address := net.JoinHostPort(env("OTEL_EXPORTER_PROMETHEUS_HOST", "localhost"), env("OTEL_EXPORTER_PROMETHEUS_PORT", "9464"))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	t.Metrics = listener.Addr().String()
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	server := &http.Server{Handler: routes, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("metrics are not served any more", "error", err)
		}
	}()
	t.ends = append(t.ends, func(context.Context) error { return server.Close() })
	return reader, nil
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
