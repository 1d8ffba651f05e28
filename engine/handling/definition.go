package handling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/stream"
)

// definition is one kind of stream, with its state's type erased.
type definition interface {
	stream.Folder
	name() string
	// route names the instance a message is for.
	route(m message.Message) (id string, ok bool)
	// reads names the streams that the decision on a message needs, given the
	// state that it was found in.
	reads(state, body any) []es.Ref
	// handle decides one message and appends what follows to the stream. An error
	// is a fault: the stream must be loaded anew.
	handle(ctx context.Context, e *Engine, env es.Env, st *stream.Stream, m message.Message, data json.RawMessage) error
	// conclude sums up a batch after its last message. begin begins the span of
	// doing so, and gives its traceparent.
	conclude(e *Engine, env es.Env, st *stream.Stream, last message.Message, begin func() (parent string, end func())) error
	// published says whether the records are events for the bus.
	published() bool
}

const defaultSnapshotEvery = 64

// aggregate makes a definition of an es.Aggregate.
type aggregate[S any] struct {
	es.Aggregate[S]
	registry *message.Registry
}

func (a *aggregate[S]) name() string        { return a.Name }
func (a *aggregate[S]) published() bool     { return true }
func (a *aggregate[S]) New() any            { return a.Aggregate.New() }
func (a *aggregate[S]) KeepsState() bool    { return false }
func (a *aggregate[S]) SnapshotSchema() int { return a.Aggregate.SnapshotSchema }
func (a *aggregate[S]) Handled() int        { return a.Aggregate.Handled }
func (a *aggregate[S]) SnapshotEvery() int {
	if a.Aggregate.SnapshotEvery > 0 {
		return a.Aggregate.SnapshotEvery
	}
	return defaultSnapshotEvery
}

func (a *aggregate[S]) EncodeState(s any) ([]byte, error) { return json.Marshal(s) }
func (a *aggregate[S]) DecodeState(data []byte) (any, error) {
	return decodeState(a.Aggregate.New, data)
}

func decodeState[S any](fresh func() S, data []byte) (any, error) {
	s := fresh()
	err := json.Unmarshal(data, &s)
	return s, err
}

func (a *aggregate[S]) Fold(key stream.Key, s any, r stream.Record) (any, error) {
	meta := message.Meta{Type: r.Type, Tenant: key.Tenant, Stream: key.Ref.String(), StreamVersion: r.Version}
	event, err := a.registry.Decode(meta, r.Data)
	if errors.Is(err, message.ErrUnknownType) {
		return nil, fmt.Errorf("%w: event %d: %v", stream.ErrNotYet, r.Version, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: event %d: %v", stream.ErrCorrupt, r.Version, err)
	}
	return a.evolve(s, event), nil
}

// evolve folds an event. The engine's own answers are no business of the
// aggregate.
func (a *aggregate[S]) evolve(s any, event any) any {
	switch event.(type) {
	case es.CommandRejected, es.CommandHadNoEffect:
		return s
	}
	return a.Evolve(s.(S), event)
}

func (a *aggregate[S]) route(m message.Message) (string, bool) { return a.Route(m.Body) }

func (a *aggregate[S]) reads(state, body any) []es.Ref {
	if a.Reads == nil {
		return nil
	}
	return a.Reads(state.(S), body)
}

func (a *aggregate[S]) handle(ctx context.Context, e *Engine, env es.Env, st *stream.Stream, m message.Message, _ json.RawMessage) error {
	events, err := a.decide(ctx, e, env, st, m)
	if refusal, ok := es.AsRefusal(err); ok {
		events = []any{es.CommandRejected{CommandID: m.ID, CommandType: m.Type, Code: refusal.Code, Detail: refusal.Detail}}
	} else if err != nil {
		return err
	}
	if len(events) == 0 && a.AnswersNoEffect {
		events = []any{es.CommandHadNoEffect{CommandID: m.ID, CommandType: m.Type}}
	}
	cause := message.Cause{ID: m.ID, Type: m.Type, Time: m.Time, CauseID: m.Cause.ID, Source: m.Source}
	end := st.Version() + uint64(len(events))
	for _, event := range events {
		if isAnswer(event) && st.Version() == 0 {
			if err := e.answerWithoutStream(st, m, cause, env, event); err != nil {
				return err
			}
			continue
		}
		if err := a.append(e, env, st, event, end, m.CorrelationID, m.TraceParent, cause); err != nil {
			return err
		}
	}
	return nil
}

func isAnswer(event any) bool {
	switch event.(type) {
	case es.CommandRejected, es.CommandHadNoEffect:
		return true
	}
	return false
}

// decide applies the rules. When the command claims keys, it is first tried as
// if the claims were granted, so that a command that is refused anyway takes
// nothing; then they are claimed, and it is decided with what came of it.
func (a *aggregate[S]) decide(ctx context.Context, e *Engine, env es.Env, st *stream.Stream, m message.Message) ([]any, error) {
	state := st.State.(S)
	if a.Claims == nil {
		return a.Decide(env, state, m.Body)
	}
	keys := a.Claims(m.Body)
	if len(keys) == 0 {
		return a.Decide(env, state, m.Body)
	}
	owner := st.Key.Ref.String()
	env.Claims = map[string]string{}
	for _, k := range keys {
		env.Claims[k] = owner
	}
	events, err := a.Decide(env, state, m.Body)
	if err != nil || len(events) == 0 {
		return events, err
	}
	if env.Claims, err = e.claim(ctx, st.Key.Tenant, keys, owner); err != nil {
		return nil, err
	}
	return a.Decide(env, state, m.Body)
}

func (a *aggregate[S]) append(e *Engine, env es.Env, st *stream.Stream, event any, end uint64, correlation, trace string, cause message.Cause) error {
	version := st.Version() + 1
	meta := message.Meta{Tenant: st.Key.Tenant, Stream: st.Key.Ref.String(), StreamVersion: version}
	typeName, data, err := a.registry.Encode(meta, event)
	if err != nil {
		return err
	}
	t, _ := a.registry.Lookup(typeName)
	record := stream.Record{
		Type: typeName, Time: env.Now, Data: data, CorrelationID: correlation,
		PartitionKey: keyBeside(t.Key(event), correlation), TraceParent: trace, Cause: cause,
	}
	if end > version {
		record.DecisionEnd = end
	}
	st.Append(record, a.evolve(st.State, event))
	if a.React == nil || isAnswer(event) {
		return nil
	}
	out := es.NewOutbox(st.Key.String(), version)
	a.React(st.State.(S), event, out)
	because := message.Cause{
		ID: stream.EventID(st.Key, version), Type: typeName, Time: env.Now, CauseID: cause.ID, Source: e.app,
	}
	return e.addEffects(st, out, env, correlation, trace, because)
}

func keyBeside(key, correlation string) string {
	if key == correlation {
		return ""
	}
	return key
}

func (a *aggregate[S]) conclude(e *Engine, env es.Env, st *stream.Stream, last message.Message, begin func() (string, func())) error {
	if a.Conclude == nil || st.Version() == 0 {
		return nil
	}
	cause := message.Cause{ID: last.ID, Type: last.Type, Time: last.Time, CauseID: last.Cause.ID, Source: last.Source}
	events := a.Conclude(st.State.(S))
	if len(events) == 0 {
		return nil
	}
	trace, done := begin()
	defer done()
	end := st.Version() + uint64(len(events))
	for _, event := range events {
		if err := a.append(e, env, st, event, end, st.Key.ID, trace, cause); err != nil {
			return err
		}
	}
	return nil
}

// process makes a definition of an es.Process.
type process[S any] struct {
	es.Process[S]
	registry *message.Registry
}

func (p *process[S]) name() string                         { return p.Name }
func (p *process[S]) published() bool                      { return false }
func (p *process[S]) New() any                             { return p.Process.New() }
func (p *process[S]) KeepsState() bool                     { return true }
func (p *process[S]) SnapshotSchema() int                  { return 0 }
func (p *process[S]) SnapshotEvery() int                   { return defaultSnapshotEvery }
func (p *process[S]) Handled() int                         { return 0 }
func (p *process[S]) EncodeState(s any) ([]byte, error)    { return json.Marshal(s) }
func (p *process[S]) DecodeState(data []byte) (any, error) { return decodeState(p.Process.New, data) }
func (p *process[S]) reads(any, any) []es.Ref              { return nil }

func (p *process[S]) conclude(*Engine, es.Env, *stream.Stream, message.Message, func() (string, func())) error {
	return nil
}

// Fold is not called, since a process keeps its state.
func (p *process[S]) Fold(_ stream.Key, s any, _ stream.Record) (any, error) { return s, nil }

func (p *process[S]) route(m message.Message) (string, bool) {
	if w, ok := m.Body.(es.WakeUp); ok {
		return w.ID, true
	}
	return p.Route(es.Input{ID: m.ID, Now: m.Time, CorrelationID: m.CorrelationID, Message: m.Body})
}

func (p *process[S]) handle(_ context.Context, e *Engine, env es.Env, st *stream.Stream, m message.Message, _ json.RawMessage) error {
	out := es.NewOutbox(st.Key.String(), st.Version()+1)
	state := p.Step(st.State.(S), es.Input{ID: m.ID, Now: env.Now, CorrelationID: m.CorrelationID, Message: m.Body}, out)
	if _, ok := m.Body.(es.WakeUp); ok && len(out.Commands()) == 0 && out.Wake() == nil {
		return nil // nobody needs to know that nothing happened
	}
	st.Append(stream.Record{
		ID: m.ID, Type: m.Type, Time: env.Now,
		CorrelationID: m.CorrelationID, TraceParent: m.TraceParent,
		Cause: message.Cause{ID: m.Cause.ID, Type: m.Cause.Type},
	}, state)
	because := message.Cause{ID: m.ID, Type: m.Type, Time: m.Time, CauseID: m.Cause.ID, Source: m.Source}
	if err := e.addEffects(st, out, env, m.CorrelationID, m.TraceParent, because); err != nil {
		return err
	}
	last := st.Last()
	for _, c := range last.Commands {
		last.Sent = append(last.Sent, stream.Sent{ID: c.ID, Type: c.Type})
	}
	return nil
}

var errNoWaker = errors.New("handling: a wake-up is asked for, and this app has no Waker")

// addEffects records what the last record's step or reaction wants done.
func (e *Engine) addEffects(st *stream.Stream, out *es.Outbox, env es.Env, correlation, trace string, because message.Cause) error {
	last := st.Last()
	last.Wake = out.Wake()
	if last.Wake != nil && e.waker == nil {
		return errNoWaker
	}
	for _, sent := range out.Commands() {
		t, ok := e.registry.TypeOf(sent.Command)
		if !ok || t.Kind != message.Command {
			return fmt.Errorf("handling: %T is sent but is no registered command", sent.Command)
		}
		typeName, data, err := e.registry.Encode(message.Meta{Tenant: st.Key.Tenant}, sent.Command)
		if err != nil {
			return err
		}
		last.Commands = append(last.Commands, stream.Outgoing{
			ID: sent.ID, Type: typeName, Kind: t.Kind, Topic: t.Topic, Time: env.Now, CorrelationID: correlation,
			PartitionKey: keyBeside(t.Key(sent.Command), correlation), TraceParent: trace, Cause: because, Data: data,
		})
	}
	return nil
}

// answerWithoutStream records the answer to a command whose stream has no
// events yet, as the first event of a stream of its own. It is kept in the
// document of the stream that the command was for, beside its events, so that
// one commit holds both the answer and the fact that it was given.
func (e *Engine) answerWithoutStream(st *stream.Stream, m message.Message, cause message.Cause, env es.Env, answer any) error {
	typeName, data, err := e.registry.Encode(message.Meta{Tenant: st.Key.Tenant}, answer)
	if err != nil {
		return err
	}
	t, _ := e.registry.Lookup(typeName)
	ref := es.Ref{Aggregate: "refusal", ID: m.ID}
	st.Enqueue(stream.Outgoing{
		ID:   stream.EventID(stream.Key{Tenant: st.Key.Tenant, Ref: ref}, 1),
		Type: typeName, Kind: t.Kind, Topic: t.Topic, Stream: ref.String(), StreamVersion: 1, Time: env.Now,
		CorrelationID: m.CorrelationID, TraceParent: m.TraceParent, Cause: cause, Data: data,
	})
	return nil
}
