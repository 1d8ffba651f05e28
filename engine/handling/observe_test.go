package handling_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/logging"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/telemetry/telemetrytest"
	"github.com/plenary/plenary/engine/tracing"
)

// traced is a command that a span sent.
func traced(id string, body any) bus.Delivery {
	ctx, span := otel.Tracer("test").Start(context.Background(), "send "+id)
	defer span.End()
	d := command(id, body)
	d.Message.TraceParent = tracing.Parent(ctx)
	return d
}

var steps = []string{"load", "commit", "dispatch"}

func TestTheSpansOfABatch(t *testing.T) {
	for _, test := range []struct {
		name  string
		setup func(w *world)
		batch func() []bus.Delivery
		want  string
	}{
		{"two messages of a stream", nil, func() []bus.Delivery {
			return []bus.Delivery{traced("1", open{"a", "Ann"}), traced("2", deposit{"a", 1})}
		}, "send 1\n  decide Open\nsend 2\n  decide Deposit ~ decide Open\n"},
		{"a message that comes twice", nil, func() []bus.Delivery {
			one := traced("1", open{"a", "Ann"})
			return []bus.Delivery{one, one}
		}, "send 1\n  decide Open\n"},
		{"a commit that has to be made again", func(w *world) { w.keys.before = once() }, func() []bus.Delivery {
			return []bus.Delivery{traced("1", setLimit{theBank, 1})}
		}, "send 1\n  decide SetLimit\n"},
		{"a message held back and set free", nil, func() []bus.Delivery {
			return []bus.Delivery{traced("1", open{"a", "Ann"}), traced("bad", deposit{"a", poison}), traced("2", deposit{"a", 1}), discarded("bad", "account/a")}
		}, "send 1\n  decide Open\nsend 2\n  decide Deposit ~ decide Open\nsend bad\n  decide Deposit ~ decide Open\n"},
		{"what nobody sent", nil, func() []bus.Delivery {
			d := command("1", open{"a", "Ann"})
			d.Message.TraceParent = ""
			return []bus.Delivery{d}
		}, "decide Open\n"},
		{"what is not to be kept", nil, func() []bus.Delivery {
			return []bus.Delivery{command("1", open{"a", "Ann"})}
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			recorded := telemetrytest.Record(t)
			w := newWorld(t)
			if test.setup != nil {
				test.setup(w)
			}
			w.handle(w.engine(), test.batch()...)
			if got := recorded.Tree(steps...); got != test.want {
				t.Errorf("traced\n%s, want\n%s", got, test.want)
			}
		})
	}
}

// discarded is what is sent in place of a dead letter that an operator threw away.
func discarded(id, stream string) bus.Delivery {
	d := command("discard "+id, message.Discarded{Stream: stream})
	d.Message.OriginalID, d.Topic = id, "accounts"
	return d
}

func TestAnEventBringsTheSpanOfItsDecision(t *testing.T) {
	recorded := telemetrytest.Record(t)
	w := newWorld(t)
	w.handle(w.engine(), traced("1", open{"a", "Ann"}))
	if got, want := tracing.SpanOf(w.taken()[0].TraceParent), recorded.Named("decide Open").SpanContext; got.SpanID() != want.SpanID() || got.TraceID() != want.TraceID() || !got.IsSampled() {
		t.Errorf("the event's parent is %v, not %v", got, want)
	}
}

func TestWithoutTelemetryATraceGoesOn(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	w := newWorld(t)
	sent := command("1", open{"a", "Ann"})
	sent.Message.TraceParent = parent
	w.handle(w.engine(), sent)
	if got := w.taken()[0].TraceParent; got != parent {
		t.Errorf("the event's parent is %q", got)
	}
	alone := command("2", deposit{"a", 1})
	alone.Message.TraceParent = ""
	w.handle(w.engine(), alone)
	events := w.taken()
	if got := tracing.SpanOf(events[len(events)-1].TraceParent); !got.IsValid() || got.IsSampled() {
		t.Errorf("the event's parent is %v", got)
	}
}

// What sums up a batch follows from all of its decisions.
func TestAConclusionIsLinkedToAllDecisions(t *testing.T) {
	recorded := telemetrytest.Record(t)
	w := newWorld(t, func(e *handling.Engine) {
		a := accounts(0)
		a.Conclude = func(s account) []any {
			if s.Balance == s.Announced {
				return nil
			}
			return []any{balance{"a", s.Balance}}
		}
		handling.Aggregate(e, a)
	})
	w.handle(w.engine(), traced("1", open{"a", "Ann"}), traced("2", deposit{"a", 1}), traced("3", deposit{"a", 1}))
	want := "conclude account ~ decide Deposit, decide Open\n"
	if got := recorded.Tree(steps...); !strings.Contains(got, want) {
		t.Errorf("traced\n%s, without %s", got, want)
	}
}

func TestWhatIsCommittedIsCountedOnce(t *testing.T) {
	open, deposits := command("1", open{"a", "Ann"}), command("2", deposit{"a", 1})
	bad := command("bad", deposit{"a", poison})
	for _, test := range []struct {
		name    string
		setup   func(w *world)
		batches [][]bus.Delivery
		metric  string
		want    map[string]float64
	}{
		{"events", nil, [][]bus.Delivery{{open, deposits}}, "plenary.events", map[string]float64{"type=Opened": 1, "type=Deposited": 1}},
		{"events of messages that come again", nil, [][]bus.Delivery{{open, open}, {open}}, "plenary.events", map[string]float64{"type=Opened": 1}},
		{"messages that come again", nil, [][]bus.Delivery{{open, open}, {open}}, "plenary.messages.repeated", map[string]float64{"aggregate=account": 2}},
		{"events that are committed at the second try", func(w *world) { w.keys.before = onlySecond() }, [][]bus.Delivery{{open}}, "plenary.events", map[string]float64{"type=Opened": 1}},
		{"tries to commit", func(w *world) { w.keys.before = onlySecond() }, [][]bus.Delivery{{open}}, "plenary.commit.conflicts", map[string]float64{"aggregate=account lost=false": 1}},
		{"commits that are tried, once and again", func(w *world) { w.keys.before = onlySecond() }, [][]bus.Delivery{{open}, {open}, {deposits}}, "plenary.commits", map[string]float64{"aggregate=account": 3}},
		{"refusals with a stream and without", nil, [][]bus.Delivery{{command("3", deposit{"b", 1}), open, command("4", withdraw{"a", 5})}},
			"plenary.refusals", map[string]float64{"code=no-account command=Deposit": 1, "code=over-limit command=Withdraw": 1}},
		{"dead letters", nil, [][]bus.Delivery{{open, bad, deposits}, {bad, deposits}}, "plenary.messages.given_up", map[string]float64{"topic=accounts": 1}},
		{"what waits behind them", nil, [][]bus.Delivery{{open, bad, deposits}, {bad, deposits}}, "plenary.messages.held", map[string]float64{"aggregate=account": 1}},
		{"the steps of a batch", nil, [][]bus.Delivery{{open}, {deposits}}, "plenary.batch.step.duration", map[string]float64{"step=load": 2, "step=commit": 2, "step=dispatch": 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			recorded := telemetrytest.Record(t)
			w := newWorld(t)
			if test.setup != nil {
				test.setup(w)
			}
			for _, batch := range test.batches {
				w.handle(w.engine(), batch...)
			}
			if got := recorded.Value(test.metric); !maps.Equal(got, test.want) {
				t.Errorf("%s is %v, want %v", test.metric, got, test.want)
			}
		})
	}
}

// onlySecond is true for the second call: the first write of a batch that opens
// an account is the claim of its name.
func onlySecond() func() bool {
	calls := 0
	return func() bool { calls++; return calls == 2 }
}

func TestWhoWatchesCommitsIsToldOfEachOnce(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	var told []string
	e.OnCommit(func(_ context.Context, c handling.Commit) {
		told = append(told, c.Stream.String())
		for _, r := range c.Before {
			told = append(told, "after "+r.Type)
		}
		for _, r := range c.Records {
			told = append(told, r.Type)
		}
		if s := c.State.(account); s.Balance != len(c.Before) {
			t.Errorf("told of the state %+v", s)
		}
	})
	open, deposit := command("1", open{"a", "Ann"}), command("2", deposit{"a", 1})
	w.handle(e, open)
	w.handle(e, deposit, open)
	w.handle(e, deposit)
	if got, want := strings.Join(told, ", "), "main/account/a, Opened.v1, main/account/a, after Opened.v1, Deposited.v1"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}

func TestALogLineSaysWhatItIsAbout(t *testing.T) {
	telemetrytest.Record(t)
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(logging.Handler(slog.NewJSONHandler(&out, nil))))
	t.Cleanup(func() { slog.SetDefault(before) })
	w := newWorld(t)
	bad := traced("bad", deposit{"a", poison})
	w.handle(w.engine(), command("1", open{"a", "Ann"}), bad)
	lines := 0
	for line := range strings.Lines(out.String()) {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		if got["id"] != "bad" {
			continue
		}
		lines++
		if got["trace_id"] != tracing.SpanOf(bad.Message.TraceParent).TraceID().String() || got["correlation"] != "conversation" || got["stream"] != "main/account/a" {
			t.Errorf("logged %s", line)
		}
	}
	if lines == 0 {
		t.Errorf("nothing of it in %s", out.String())
	}
}

// An effect is part of the trace of the event that it is of.
func TestAnEffectIsPartOfTheTrace(t *testing.T) {
	recorded := telemetrytest.Record(t)
	w := newWorld(t)
	e := w.engine()
	var inside trace.SpanContext
	handling.OnEvent(e, func(ctx context.Context, _ message.Meta, _ opened) error {
		inside = trace.SpanContextFromContext(ctx)
		return nil
	})
	w.handle(e, traced("1", open{"a", "Ann"}))
	if got := recorded.Tree(steps...); got != "send 1\n  decide Open\n    effect Opened\n" || inside.SpanID() != recorded.Named("effect Opened").SpanContext.SpanID() {
		t.Errorf("traced\n%s", got)
	}
}

// BenchmarkBatchWithoutTelemetry and BenchmarkBatchWithTelemetry handle batches
// of a hundred commands for a hundred streams, in memory.
func BenchmarkBatchWithoutTelemetry(b *testing.B) { benchmarkBatch(b) }

func BenchmarkBatchWithTelemetry(b *testing.B) {
	telemetrytest.Discard(b)
	benchmarkBatch(b)
}

func benchmarkBatch(b *testing.B) {
	reg := registry()
	e := handling.New(handling.Options{
		App: "bank", Registry: reg, Keys: &state.Memory{}, Now: time.Now,
		Publisher: &nowhere{bus.Outgoing{Registry: reg, Source: "bank", Now: time.Now}},
	})
	handling.Aggregate(e, tariffs())
	handling.Aggregate(e, accounts(100))
	handler := bus.Trace(bus.NewMeter().Measure(e))
	var ids []string
	for i := range 100 {
		ids = append(ids, "account-"+string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	batch := func(body func(id string) any) (out []bus.Delivery) {
		for _, id := range ids {
			d := command("", body(id))
			d.Message.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
			out = append(out, d)
		}
		return out
	}
	handler.HandleBatch(b.Context(), batch(func(id string) any { return open{id, id} }))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		deposits := batch(func(id string) any { return deposit{id, 1} })
		b.StartTimer()
		handler.HandleBatch(b.Context(), deposits)
	}
}

// nowhere takes what is published, as far as the wire.
type nowhere struct{ bus.Outgoing }

func (n *nowhere) Publish(ctx context.Context, msgs ...message.Message) error {
	for _, m := range msgs {
		if _, err := n.Encode(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
