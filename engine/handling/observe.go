package handling

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/logging"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/stream"
	"github.com/plenary/plenary/engine/tracing"
)

const scope = "github.com/plenary/plenary/engine/handling"

// spans are those of the messages of one batch. A message has one, begun when
// it is first decided, however often that is done; one that was handled before
// has none.
type spans struct {
	tracer trace.Tracer
	batch  context.Context
	begun  map[string]*span // by message id
}

type span struct {
	trace.Span
	ctx context.Context
	// parent is the traceparent of what follows from the message.
	parent string
	item   *item
}

// of is the span of a message. Its parent is the decision that sent the message;
// one that nobody sent, like a wake-up, begins a trace. It is linked to its batch
// and, where another trace goes on with the same conversation, to the last thing
// that happened to the stream.
func (s *spans) of(st *stream.Stream, it *item) *span {
	if sp := s.begun[it.Message.ID]; sp != nil {
		return sp
	}
	m := it.Message
	verb := "step "
	if it.def.published() {
		verb = "decide "
	}
	ctx, started := s.tracer.Start(tracing.Under(s.batch, m.TraceParent), verb+m.Name(), consumer)
	sp := &span{Span: started, item: it, parent: cmp.Or(m.TraceParent, tracing.Parent(ctx), tracing.Untraced())}
	if started.IsRecording() {
		sp.parent = tracing.Parent(ctx)
		started.SetAttributes(tracing.Stream.String(st.Key.Ref.String()), tracing.CorrelationID.String(m.CorrelationID),
			tracing.MessageType.String(m.Type), semconv.MessagingMessageID(m.ID), semconv.MessagingDestinationName(it.Topic))
		link(started, trace.SpanContextFromContext(s.batch))
		if last, ok := st.Latest(); ok && last.CorrelationID == m.CorrelationID {
			if from := tracing.SpanOf(last.TraceParent); from.TraceID() != started.SpanContext().TraceID() {
				link(started, from)
			}
		}
	}
	sp.ctx = logging.With(ctx, slog.String("correlation", m.CorrelationID))
	if s.begun == nil {
		s.begun = map[string]*span{}
	}
	s.begun[m.ID] = sp
	return sp
}

var consumer = trace.WithSpanKind(trace.SpanKindConsumer)

func link(from trace.Span, to trace.SpanContext) {
	if to.IsSampled() {
		from.AddLink(trace.Link{SpanContext: to})
	}
}

// repeated says whether a message that is found to have been handled came again.
// If not it has a span, and was decided in this batch: somebody else was first,
// or a commit was made though it failed.
func (s *spans) repeated(it *item) bool {
	sp := s.begun[it.Message.ID]
	if sp == nil || sp.item != it {
		return true
	}
	sp.SetAttributes(attribute.Bool("plenary.repeated", true))
	return false
}

// conclusion begins the span of what sums up a batch, under the last decision
// and linked to the others. parent is its traceparent.
func (s *spans) conclusion(st *stream.Stream, last *span, decided []*span) (parent string, end func()) {
	if !last.IsRecording() {
		return last.parent, func() {}
	}
	ctx, concluding := s.tracer.Start(last.ctx, "conclude "+st.Key.Aggregate, trace.WithAttributes(tracing.Stream.String(st.Key.Ref.String())))
	for _, sp := range decided {
		if sp != last {
			link(concluding, sp.SpanContext())
		}
	}
	return tracing.Parent(ctx), func() { concluding.End() }
}

// end ends the spans of all messages.
func (s *spans) end(items []*item) {
	for _, it := range items {
		if sp := s.begun[it.Message.ID]; sp != nil && (it.outcome == again || it.outcome == notYet) {
			sp.SetStatus(codes.Error, "left for redelivery")
		}
	}
	for _, sp := range s.begun {
		sp.End()
	}
}

// step is one part of handling a batch, as a span and a measurement.
func (e *Engine) step(ctx context.Context, name string) (_ context.Context, end func()) {
	ctx, sp := e.tracer.Start(ctx, name)
	start := time.Now()
	return ctx, func() {
		e.meter.steps.Record(ctx, time.Since(start).Seconds(), e.meter.step[name])
		sp.End()
	}
}

// meter is the engine's instruments.
type meter struct {
	commits, conflicts, repeats, events, refusals, held, givenUp metric.Int64Counter

	waiting metric.Int64Gauge
	ahead   metric.Float64Gauge

	steps metric.Float64Histogram
	step  map[string]metric.MeasurementOption
}

func newMeter() *meter {
	m := otel.Meter(scope)
	counter := func(name, description string) metric.Int64Counter {
		c, err := m.Int64Counter(name, metric.WithDescription(description))
		if err != nil {
			otel.Handle(err)
		}
		return c
	}
	out := &meter{
		commits:   counter("plenary.commits", "Commits that were tried, those that were not written included"),
		conflicts: counter("plenary.commit.conflicts", "Commits that were not written at first; lost says whether another writer was first"),
		repeats:   counter("plenary.messages.repeated", "Messages that came again after they had been handled"),
		events:    counter("plenary.events", "Events committed"),
		refusals:  counter("plenary.refusals", "Commands that a rule refused"),
		held:      counter("plenary.messages.held", "Messages held back behind a dead letter of their stream"),
		givenUp:   bus.GivenUp(),
		step:      map[string]metric.MeasurementOption{},
	}
	var err error
	if out.waiting, err = m.Int64Gauge("plenary.messages.waiting",
		metric.WithDescription("Messages that wait for another version of this app, since this one cannot read what it would have to read")); err != nil {
		otel.Handle(err)
	}
	if out.ahead, err = m.Float64Gauge("plenary.clock.ahead", metric.WithUnit("s"),
		metric.WithDescription("By how much the clock here is ahead of those of two other apps, behind if negative; 0 if by less than a minute")); err != nil {
		otel.Handle(err)
	}
	if out.steps, err = m.Float64Histogram("plenary.batch.step.duration", metric.WithUnit("s"),
		metric.WithDescription("Time that one step of handling a batch took"),
		metric.WithExplicitBucketBoundaries(.001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30)); err != nil {
		otel.Handle(err)
	}
	for _, name := range []string{load, commit, dispatch} {
		out.step[name] = metric.WithAttributeSet(attribute.NewSet(attribute.String("step", name)))
	}
	return out
}

// The steps of handling a batch, beside deciding.
const (
	load     = "load"
	commit   = "commit"
	dispatch = "dispatch"
)

// tried counts commits before they are made.
func (m *meter) tried(ctx context.Context, streams []*stream.Stream) {
	if !m.commits.Enabled(ctx) {
		return
	}
	tries := map[string]int64{}
	for _, st := range streams {
		if st.Changed() {
			tries[st.Key.Aggregate]++
		}
	}
	for aggregate, n := range tries {
		m.commits.Add(ctx, n, metric.WithAttributes(attribute.String("aggregate", aggregate)))
	}
}

func (m *meter) conflict(ctx context.Context, aggregate string, lost bool) {
	m.conflicts.Add(ctx, 1, metric.WithAttributes(attribute.String("aggregate", aggregate), attribute.Bool("lost", lost)))
}

func (m *meter) repeated(ctx context.Context, aggregate string) {
	m.repeats.Add(ctx, 1, metric.WithAttributes(attribute.String("aggregate", aggregate)))
}

func (m *meter) gaveUp(ctx context.Context, topic string) {
	m.givenUp.Add(ctx, 1, metric.WithAttributes(attribute.String("topic", topic)))
}

// Commit is what one commit added to one stream.
type Commit struct {
	Stream stream.Key
	// Records were added, after Before: the records before them, as far as they
	// are in memory. For a process, they are the messages that it handled.
	Before, Records []stream.Record
	// State is the stream's after the batch.
	State any
}

// OnCommit has do called once for every commit that was made, to measure it.
// What was committed though the store did not say so is not told of, and
// nothing is told twice.
func (e *Engine) OnCommit(do func(ctx context.Context, c Commit)) {
	e.observers = append(e.observers, do)
}

// committed counts what a commit added, and tells of it.
func (e *Engine) committed(ctx context.Context, st *stream.Stream) {
	before, added := st.Records()
	enqueued := st.Enqueued()
	if e.meter.events.Enabled(ctx) {
		if e.definition(st.Key.Aggregate).published() {
			for _, r := range added {
				traced := tracing.Under(ctx, r.TraceParent)
				e.meter.events.Add(traced, 1, metric.WithAttributes(attribute.String("type", message.NameOf(r.Type))))
				e.countAnswer(traced, r.Type, r.Data)
			}
		}
		for _, o := range enqueued {
			e.countAnswer(tracing.Under(ctx, o.TraceParent), o.Type, o.Data)
		}
	}
	if n := st.HeldBack(); n > 0 {
		e.meter.held.Add(ctx, int64(n), metric.WithAttributes(attribute.String("aggregate", st.Key.Aggregate)))
	}
	if len(added) > 0 {
		for _, do := range e.observers {
			do(ctx, Commit{Stream: st.Key, Before: before, Records: added, State: st.State})
		}
	}
}

// countAnswer counts a refusal or a dead letter among what was committed.
func (e *Engine) countAnswer(ctx context.Context, typeName string, data json.RawMessage) {
	t, ok := e.registry.Lookup(typeName)
	if !ok || !slices.Contains(counted, t.GoType()) {
		return
	}
	body, err := e.registry.Decode(message.Meta{Type: typeName}, data)
	if err != nil {
		return
	}
	switch b := body.(type) {
	case es.CommandRejected:
		e.meter.refusals.Add(ctx, 1, metric.WithAttributes(attribute.String("command", message.NameOf(b.CommandType)), attribute.String("code", string(b.Code))))
	case message.DeadLetter:
		e.meter.gaveUp(ctx, b.Topic)
	}
}

var counted = []reflect.Type{reflect.TypeFor[es.CommandRejected](), reflect.TypeFor[message.DeadLetter]()}
