// Package telemetrytest keeps in memory what is traced and measured, for tests
// to look at.
package telemetrytest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
)

// Recorder has what was traced and measured since it was made.
type Recorder struct {
	t      testing.TB
	spans  *tracetest.InMemoryExporter
	reader *metric.ManualReader
}

// Record keeps everything that is traced and measured until the test ends, by
// what is made from now on. Tests that do so cannot run side by side.
func Record(t testing.TB) *Recorder {
	t.Helper()
	r := &Recorder{t: t, spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	use(t, sdk.WithSyncer(r.spans), r.reader)
	return r
}

// Discard traces and measures as an app does, for benchmarks, and throws it away.
func Discard(t testing.TB) {
	use(t, sdk.WithBatcher(tracetest.NewNoopExporter()), metric.NewManualReader())
}

func use(t testing.TB, exporter sdk.TracerProviderOption, reader metric.Reader) {
	// What was made before goes to the first providers that are set.
	otel.SetTracerProvider(nooptrace.NewTracerProvider())
	otel.SetMeterProvider(noopmetric.NewMeterProvider())
	spans := sdk.NewTracerProvider(exporter)
	otel.SetTracerProvider(spans)
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	t.Cleanup(func() {
		otel.SetTracerProvider(nooptrace.NewTracerProvider())
		otel.SetMeterProvider(noopmetric.NewMeterProvider())
		if err := spans.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// Spans are the spans that have ended, the earliest begun first.
func (r *Recorder) Spans() tracetest.SpanStubs {
	spans := r.spans.GetSpans()
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	return spans
}

// Named is the one span of that name.
func (r *Recorder) Named(name string) tracetest.SpanStub {
	r.t.Helper()
	var found tracetest.SpanStubs
	for _, s := range r.Spans() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		r.t.Fatalf("%d spans %q in\n%s", len(found), name, r.Tree())
	}
	return found[0]
}

// Tree is all spans, one a line, indented below their parents, siblings by name;
// a span has the names of those that it is linked to behind it, and one whose
// parent is missing a mark before it. Leave leaves out spans by their name.
func (r *Recorder) Tree(leave ...string) string {
	var out strings.Builder
	spans := r.Spans()
	names, children := map[trace.SpanID]string{}, map[trace.SpanID]tracetest.SpanStubs{}
	for _, s := range spans {
		names[s.SpanContext.SpanID()] = s.Name
	}
	for _, s := range spans {
		at := s.Parent.SpanID()
		if names[at] == "" {
			at = trace.SpanID{}
		}
		children[at] = append(children[at], s)
	}
	var write func(at trace.SpanID, depth int)
	write = func(at trace.SpanID, depth int) {
		slices.SortStableFunc(children[at], func(a, b tracetest.SpanStub) int { return cmp.Compare(a.Name, b.Name) })
		for _, s := range children[at] {
			if slices.Contains(leave, s.Name) {
				continue
			}
			out.WriteString(strings.Repeat("  ", depth))
			if depth == 0 && s.Parent.IsValid() {
				out.WriteString("? ")
			}
			out.WriteString(s.Name)
			var linked []string
			for _, l := range s.Links {
				if name := names[l.SpanContext.SpanID()]; !slices.Contains(leave, name) {
					linked = append(linked, name)
				}
			}
			if len(linked) > 0 {
				slices.Sort(linked)
				out.WriteString(" ~ " + strings.Join(linked, ", "))
			}
			out.WriteString("\n")
			write(s.SpanContext.SpanID(), depth+1)
		}
	}
	write(trace.SpanID{}, 0)
	return out.String()
}

// Value is what a metric shows, by its labels ("topic=orders outcome=retry"): a
// counter's sum, a gauge's value, or of a histogram how much was recorded.
func (r *Recorder) Value(name string) map[string]float64 {
	r.t.Helper()
	values := map[string]float64{}
	for _, data := range r.data(name) {
		switch d := data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range d.DataPoints {
				values[labels(p.Attributes)] += float64(p.Value)
			}
		case metricdata.Gauge[int64]:
			for _, p := range d.DataPoints {
				values[labels(p.Attributes)] = float64(p.Value)
			}
		case metricdata.Gauge[float64]:
			for _, p := range d.DataPoints {
				values[labels(p.Attributes)] = p.Value
			}
		case metricdata.Histogram[int64]:
			for _, p := range d.DataPoints {
				values[labels(p.Attributes)] += float64(p.Count)
			}
		case metricdata.Histogram[float64]:
			for _, p := range d.DataPoints {
				values[labels(p.Attributes)] += float64(p.Count)
			}
		default:
			r.t.Fatalf("%s is a %T", name, data)
		}
	}
	return values
}

// Sum is the sum of all that a histogram of seconds recorded, and the trace ids
// of its exemplars.
func (r *Recorder) Sum(name string) (sum float64, traces []string) {
	r.t.Helper()
	for _, data := range r.data(name) {
		for _, p := range data.(metricdata.Histogram[float64]).DataPoints {
			sum += p.Sum
			for _, e := range p.Exemplars {
				traces = append(traces, trace.TraceID(e.TraceID).String())
			}
		}
	}
	return sum, traces
}

// Bounds are those of the buckets of a histogram of seconds that has recorded
// anything.
func (r *Recorder) Bounds(name string) []float64 {
	r.t.Helper()
	for _, data := range r.data(name) {
		for _, p := range data.(metricdata.Histogram[float64]).DataPoints {
			return p.Bounds
		}
	}
	return nil
}

func (r *Recorder) data(name string) (found []metricdata.Aggregation) {
	r.t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.reader.Collect(r.t.Context(), &all); err != nil {
		r.t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name == name {
				found = append(found, m.Data)
			}
		}
	}
	return found
}

func labels(set attribute.Set) string {
	var parts []string
	for _, kv := range set.ToSlice() {
		parts = append(parts, string(kv.Key)+"="+kv.Value.String())
	}
	return strings.Join(parts, " ")
}
