package handling

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/logging"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/stream"
	"github.com/plenary/plenary/engine/tracing"
)

// dispatch carries out what the committed streams want done: publishes events,
// commands and answers in one go, and sets wake-ups and runs effects beside.
func (e *Engine) dispatch(ctx context.Context, streams []*stream.Stream) error {
	ctx, end := e.step(ctx, dispatch)
	defer end()
	var msgs []message.Message
	var then []func(context.Context) error
	for _, st := range streams {
		published := e.definition(st.Key.Aggregate).published()
		records, outgoing := st.Pending()
		for _, o := range outgoing {
			m, err := e.outgoing(st.Key.Tenant, o)
			if err != nil {
				return err
			}
			msgs = append(msgs, m)
		}
		var wake *es.Wake
		for _, r := range records {
			for _, o := range r.Commands {
				m, err := e.outgoing(st.Key.Tenant, o)
				if err != nil {
					return err
				}
				msgs = append(msgs, m)
			}
			if r.Wake != nil {
				wake = r.Wake // the last one counts
			}
			if !published {
				continue
			}
			m, err := e.event(st.Key, r)
			if err != nil {
				return err
			}
			msgs = append(msgs, m)
			if len(e.effects) == 0 {
				continue
			}
			body, err := e.registry.Decode(m.Meta, r.Data)
			if err != nil {
				return err
			}
			t, _ := e.registry.TypeOf(body)
			for _, do := range e.effects[t.Name] {
				then = append(then, func(ctx context.Context) error { return e.effect(ctx, m.Meta, body, do) })
			}
		}
		if wake != nil {
			then = append(then, func(ctx context.Context) error { return e.waker.Wake(ctx, st.Key, *wake) })
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	if len(msgs) > 0 {
		g.Go(func() error { return e.publisher.Publish(gctx, msgs...) })
	}
	for _, do := range then {
		g.Go(func() error { return e.guard(func() error { return do(gctx) }) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, st := range streams {
		e.streams.Dispatched(st)
	}
	return nil
}

// effect carries out one effect of an event, as part of the event's trace.
func (e *Engine) effect(ctx context.Context, m message.Meta, body any, do effect) error {
	ctx, sp := e.tracer.Start(tracing.Under(ctx, m.TraceParent), "effect "+nameOf(m.Type), trace.WithSpanKind(trace.SpanKindClient))
	defer sp.End()
	if sp.IsRecording() {
		sp.SetAttributes(tracing.Stream.String(m.Stream), tracing.CorrelationID.String(m.CorrelationID), tracing.MessageType.String(m.Type))
	}
	ctx = logging.With(ctx, slog.String("stream", m.Stream), slog.String("correlation", m.CorrelationID))
	err := do(ctx, m, body)
	if err != nil {
		sp.SetStatus(codes.Error, "left for redelivery")
	}
	return err
}

// event is a record as the message that is published.
func (e *Engine) event(key stream.Key, r stream.Record) (message.Message, error) {
	return e.stored(message.Meta{
		ID: stream.EventID(key, r.Version), Type: r.Type, Source: e.app, Stream: key.Ref.String(), Time: r.Time,
		Tenant: key.Tenant, CorrelationID: r.CorrelationID, PartitionKey: cmp.Or(r.PartitionKey, r.CorrelationID),
		TraceParent: r.TraceParent, StreamVersion: r.Version, DecisionEnd: r.DecisionEnd, Cause: r.Cause,
	}, r.Data)
}

// stored is a message that was stored, to be published as it is. Where it goes
// is said by its type, or by what that has become.
func (e *Engine) stored(meta message.Meta, data json.RawMessage) (message.Message, error) {
	t, ok := e.registry.Lookup(meta.Type)
	if !ok {
		body, err := e.registry.Decode(meta, data)
		if err != nil {
			return message.Message{}, err
		}
		t, _ = e.registry.TypeOf(body)
	}
	return message.Message{Meta: meta, Body: data, To: &message.Address{Kind: t.Kind, Topic: t.Topic}}, nil
}

func (e *Engine) outgoing(tenant string, o stream.Outgoing) (message.Message, error) {
	return e.stored(message.Meta{
		ID: o.ID, Type: o.Type, Source: e.app, Stream: o.Stream, StreamVersion: o.StreamVersion, Time: o.Time,
		Tenant: tenant, CorrelationID: o.CorrelationID, PartitionKey: cmp.Or(o.PartitionKey, o.CorrelationID), TraceParent: o.TraceParent, Cause: o.Cause,
	}, o.Data)
}
