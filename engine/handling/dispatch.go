package handling

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/logging"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/stream"
	"github.com/plenary/plenary/engine/tracing"
)

// carryOutAll carries out what the committed streams want done: publishes events,
// commands and answers in one go, and sets wake-ups and runs effects beside. The
// error at i says that not all of it was done for streams[i].
func (e *Engine) carryOutAll(ctx context.Context, streams []*stream.Stream) []error {
	ctx, end := e.step(ctx, dispatch)
	defer end()
	var mu sync.Mutex
	errs := make([]error, len(streams))
	failed := func(i int, err error) {
		mu.Lock()
		defer mu.Unlock()
		errs[i] = worse(errs[i], err)
	}
	msgs := make([]message.Message, 0, 2*len(streams))
	var from []int // the streams that msgs are of
	var all []todo
	for i, st := range streams {
		before := len(msgs)
		var then []func(context.Context) error
		var err error
		if msgs, then, err = e.pending(st, msgs); err != nil {
			failed(i, err)
		}
		if len(msgs) > before {
			from = append(from, i)
		}
		for _, do := range then {
			all = append(all, todo{i, do})
		}
	}
	var publishing sync.WaitGroup
	if len(msgs) > 0 {
		publishing.Go(func() {
			// Any of them may have been published.
			if err := guard(func() error { return e.publisher.Publish(ctx, msgs...) }); err != nil {
				for _, i := range from {
					failed(i, err)
				}
			}
		})
	}
	e.carryOut(ctx, all, failed)
	publishing.Wait()
	var dispatched []*stream.Stream
	for i, st := range streams {
		if errs[i] != nil {
			e.undone.Add(st.Key, struct{}{})
			e.streams.Void(st)
			continue
		}
		e.undone.Remove(st.Key)
		e.streams.Dispatched(st)
		dispatched = append(dispatched, st)
	}
	if err := e.streams.NoteDispatched(ctx, dispatched); err != nil {
		// All is done. The next message of the stream tries again.
		slog.WarnContext(ctx, "what was carried out could not be noted", "error", err)
	}
	return errs
}

// todo is a wake-up to be set, or an effect, of one of the streams.
type todo struct {
	of int
	do func(context.Context) error
}

const (
	// atOnce is how many of them are under way side by side.
	atOnce = 32
	// effectsWithin is the time that all of a batch have together: less than the
	// 10 s after which the local broker takes the batch for lost.
	effectsWithin = 8 * time.Second
)

// carryOut does what is to be done. What has had no turn when the time is over
// failed too, and gets one with the redelivery: what was done until then does not
// come again.
func (e *Engine) carryOut(ctx context.Context, all []todo, failed func(of int, err error)) {
	if len(all) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, effectsWithin)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, t := range all {
		g.Go(func() error {
			err := ctx.Err()
			if err == nil {
				err = guard(func() error { return t.do(ctx) })
			}
			if err != nil {
				failed(t.of, err)
			}
			return nil
		})
	}
	_ = g.Wait()
}

// worse is the error that counts when a stream has two: one that may go away by
// itself, before one that has been given up.
func worse(a, b error) error {
	var over *givenUp
	if a != nil && !errors.As(a, &over) {
		return a
	}
	return b
}

// pending is what a stream wants done: messages to publish, which are added to msgs, and
// wake-up and effects. What this version can make nothing of does not get better by being
// repeated: it is given up, and the rest done all the same.
func (e *Engine) pending(st *stream.Stream, msgs []message.Message) (_ []message.Message, then []func(context.Context) error, undone error) {
	published := e.definition(st.Key.Aggregate).published()
	records, outgoing := st.Pending()
	unreadable := func(typeName string, cause error) {
		undone = &givenUp{error: fmt.Errorf("%s cannot be carried out by this version: %w", typeName, cause)}
	}
	send := func(all []stream.Outgoing) {
		for _, o := range all {
			if m, err := e.outgoing(st.Key.Tenant, o); err != nil {
				unreadable(o.Type, err)
			} else {
				msgs = append(msgs, m)
			}
		}
	}
	send(outgoing)
	var wake *es.Wake
	for _, r := range records {
		send(r.Commands)
		if r.Wake != nil {
			wake = r.Wake // the last one counts
		}
		if !published {
			continue
		}
		m, err := e.event(st.Key, r)
		if err != nil {
			unreadable(r.Type, err)
			continue
		}
		msgs = append(msgs, m)
		if len(e.effects) == 0 {
			continue
		}
		body, err := e.registry.Decode(m.Meta, r.Data)
		if err != nil {
			unreadable(r.Type, err)
			continue
		}
		t, _ := e.registry.TypeOf(body)
		for _, f := range e.effects[t.Name] {
			then = append(then, func(ctx context.Context) error { return e.effect(ctx, f, m.Meta, body) })
		}
	}
	switch {
	case wake == nil:
	case e.waker == nil:
		unreadable(message.TypeWakeUp, errNoWaker)
	default:
		then = append(then, func(ctx context.Context) error { return e.waker.Wake(ctx, st.Key, *wake) })
	}
	return msgs, then, undone
}

// effect carries out one effect of an event, as part of the event's trace.
func (e *Engine) effect(ctx context.Context, f effect, m message.Meta, body any) error {
	ctx, sp := e.tracer.Start(tracing.Under(ctx, m.TraceParent), "effect "+m.Name(), trace.WithSpanKind(trace.SpanKindClient))
	defer sp.End()
	if sp.IsRecording() {
		sp.SetAttributes(tracing.Stream.String(m.Stream), tracing.CorrelationID.String(m.CorrelationID), tracing.MessageType.String(m.Type))
	}
	ctx = logging.With(ctx, slog.String("stream", m.Stream), slog.String("correlation", m.CorrelationID))
	err := guard(func() error { return f.do(ctx, m, body) })
	if err == nil {
		e.failing.succeeded(f.name)
		return nil
	}
	sp.SetStatus(codes.Error, "left for redelivery")
	// What the end of the app, or of the request, cut off says nothing.
	if !errors.Is(ctx.Err(), context.Canceled) && e.failing.failed(f.name, m.ID, e.now()) {
		sp.SetStatus(codes.Error, "given up")
		return &givenUp{error: fmt.Errorf("effect of %s: %w", m.Type, err)}
	}
	return err
}

// givenUp says that an effect failed, and that others may not wait for it any
// longer.
type givenUp struct {
	error
	through uint64 // version of the stream whose effects were to be carried out
}

func (g *givenUp) Unwrap() error { return g.error }

// failingEffects knows the effects that fail, and since when they do without a success
// between. It is kept by effect: when what stands behind it is away, not every
// message has to find out by itself. What was given up once is known by event:
// others do not wait for it again.
type failingEffects struct {
	mu     sync.Mutex
	since  map[string]failures             // by effect
	gaveUp *lru.Cache[[2]string, struct{}] // by effect and event
}

// failures are those of an effect since its last success.
type failures struct{ began, last time.Time }

const (
	// failuresEnd is the time without a failure after which there is patience again.
	failuresEnd = 5 * time.Minute
	// gaveUpSize is how many events are remembered.
	gaveUpSize = 8192
)

func (t *failingEffects) succeeded(effect string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.since, effect)
}

// failed takes note that an effect of an event failed, and says whether it is
// given up.
func (t *failingEffects) failed(effect, event string, now time.Time) (givenUp bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since == nil {
		t.since = map[string]failures{}
		t.gaveUp, _ = lru.New[[2]string, struct{}](gaveUpSize) // an error is about the size only
	}
	if _, known := t.gaveUp.Get([2]string{effect, event}); known {
		return true // and it says nothing of others
	}
	s, ok := t.since[effect]
	if !ok || now.Sub(s.last) > failuresEnd {
		s.began = now
	}
	s.last = now
	t.since[effect] = s
	if now.Sub(s.began) < effectPatience {
		return false
	}
	t.gaveUp.Add([2]string{effect, event}, struct{}{})
	return true
}

// event is a record as the message that is published.
func (e *Engine) event(key stream.Key, r stream.Record) (message.Message, error) {
	return e.stored(message.Meta{
		ID: stream.EventID(key, r.Version), Type: r.Type, Source: e.app, Stream: key.Ref.String(), Time: r.Time,
		Tenant: key.Tenant, CorrelationID: r.CorrelationID, PartitionKey: cmp.Or(r.PartitionKey, r.CorrelationID),
		TraceParent: r.TraceParent, StreamVersion: r.Version, DecisionEnd: r.DecisionEnd, Cause: r.Cause,
	}, r.Data, message.Address{})
}

// stored is a message that was stored, to be published as it is. Where it goes
// is said by its type, or by what that has become. A newer version may have
// stored one of a type that is not known here: it goes where that one would have
// sent it, which is nowhere where to is empty.
func (e *Engine) stored(meta message.Meta, data json.RawMessage, to message.Address) (message.Message, error) {
	t, ok := e.registry.Lookup(meta.Type)
	if !ok {
		if body, err := e.registry.Decode(meta, data); err == nil {
			t, ok = e.registry.TypeOf(body)
		} else if to.Topic == "" {
			return message.Message{}, err
		}
	}
	if ok {
		to = message.Address{Kind: t.Kind, Topic: t.Topic}
	}
	return message.Message{Meta: meta, Body: data, To: &to}, nil
}

func (e *Engine) outgoing(tenant string, o stream.Outgoing) (message.Message, error) {
	return e.stored(message.Meta{
		ID: o.ID, Type: o.Type, Source: e.app, Stream: o.Stream, StreamVersion: o.StreamVersion, Time: o.Time,
		Tenant: tenant, CorrelationID: o.CorrelationID, PartitionKey: cmp.Or(o.PartitionKey, o.CorrelationID), TraceParent: o.TraceParent, Cause: o.Cause,
	}, o.Data, message.Address{Kind: o.Kind, Topic: o.Topic})
}
