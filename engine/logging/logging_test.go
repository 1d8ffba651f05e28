package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"testing"

	"github.com/plenary/plenary/engine/logging"
	"github.com/plenary/plenary/engine/tracing"
)

func TestALineSaysWhatItsContextKnows(t *testing.T) {
	traced := tracing.Under(t.Context(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	trace := map[string]any{"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}
	about := map[string]any{"stream": "order/1", "correlation": "1"}
	for name, tc := range map[string]struct {
		ctx  context.Context
		want []map[string]any
	}{
		"nothing":       {t.Context(), nil},
		"a trace":       {traced, []map[string]any{trace}},
		"what it is on": {logging.With(logging.With(t.Context(), slog.String("correlation", "1")), slog.String("stream", "order/1")), []map[string]any{about}},
		"both":          {logging.With(traced, slog.String("stream", "order/1"), slog.String("correlation", "1")), []map[string]any{trace, about}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := slog.New(logging.Handler(slog.NewJSONHandler(&out, nil))).With("app", "order")
			log.InfoContext(tc.ctx, "done", "n", 1)
			want := map[string]any{"msg": "done", "level": "INFO", "app": "order", "n": 1.0}
			for _, part := range tc.want {
				maps.Copy(want, part)
			}
			var got map[string]any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			delete(got, "time")
			if !maps.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
