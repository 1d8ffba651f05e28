package tracing_test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/engine/tracing"
)

// What is read here is what the library reads.
func FuzzATraceparentNamesItsSpan(f *testing.F) {
	for _, parent := range []string{
		"", "00", tracing.Untraced(),
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
		"00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
		"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	} {
		f.Add(parent)
	}
	f.Fuzz(func(t *testing.T, parent string) {
		carrier := propagation.MapCarrier{"traceparent": parent}
		want := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
		if got := tracing.SpanOf(parent); !got.Equal(want) {
			t.Errorf("%q is read as %v, want %v", parent, got, want)
		}
	})
}
