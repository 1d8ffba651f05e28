package handling

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/stream"
)

// definition is one kind of stream, with its state's type erased. It knows the
// rules and nothing else: what it answers, the engine records and carries out.
type definition interface {
	stream.Folder
	name() string
	// published says whether the records are events for the bus.
	published() bool
	// route names the instance a message is for.
	route(m message.Message) (id string, ok bool)
	// reads names the streams that the decision on a message needs, given the
	// state that it was found in.
	reads(state, body any) []es.Ref
	// claims names the keys that must belong to the message's stream alone.
	claims(body any) []string
	// owns names the claimed keys that a stream with this state has, and releases says
	// whether it can be known.
	owns(state any) []string
	releases() bool
	// changes says whether a message would change anything, in a way that can be
	// written. It leaves the state alone.
	changes(env es.Env, state, body any) (bool, error)
	// known says whether a message need not be sent again, given whether the stream has
	// its id. It leaves the state alone.
	known(env es.Env, state, body any, handled bool) bool
	// decide says what follows from a message. It may change the state, so an error,
	// which is a fault, makes that void.
	decide(env es.Env, at position, m message.Message) (decision, error)
	// conclude says what sums up a batch after its last message.
	conclude(at position) decision
}

// position is where a stream stands.
type position struct {
	key     stream.Key
	version uint64
	state   any
}

// decision is what follows from a message.
type decision struct {
	// steps are what is added to the stream, in order.
	steps []step
	// answer is that to a command whose stream has no events yet: es.CommandRejected
	// or es.CommandHadNoEffect. Then there are no steps.
	// It is also that to a command which the stream must not grow by.
	answer any
	// unrecorded says that the stream does not keep the command's id either.
	unrecorded bool
}

// step is one record of a stream to be.
type step struct {
	event any // nil for a process, which keeps no messages
	state any // with this step in it
	out   *es.Outbox
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

func (a *aggregate[S]) EncodeState(s any) ([]byte, error) { return a.registry.Marshal(s) }
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
	if isAnswer(event) {
		return s
	}
	return a.Evolve(s.(S), event)
}

func isAnswer(event any) bool {
	switch event.(type) {
	case es.CommandRejected, es.CommandHadNoEffect:
		return true
	}
	return false
}

func (a *aggregate[S]) route(m message.Message) (string, bool) { return a.Route(m.Body) }

func (a *aggregate[S]) reads(state, body any) []es.Ref { return a.Reads(state.(S), body) }

func (a *aggregate[S]) claims(body any) []string { return a.Claims(body) }

func (a *aggregate[S]) releases() bool { return a.Owns != nil }

func (a *aggregate[S]) owns(state any) []string {
	if a.Owns == nil {
		return nil
	}
	return a.Owns(state.(S))
}

func (a *aggregate[S]) changes(env es.Env, state, body any) (bool, error) {
	events, err := a.Decide(env, state.(S), body)
	if _, refused := es.AsRefusal(err); refused {
		return false, nil
	}
	for _, event := range events {
		if _, _, err := a.registry.Encode(message.Meta{}, event); err != nil {
			return false, err
		}
	}
	return len(events) > 0, err
}

func (a *aggregate[S]) known(env es.Env, state, body any, handled bool) bool {
	return a.Known(env, state.(S), body, handled)
}

func (a *aggregate[S]) decide(env es.Env, at position, m message.Message) (decision, error) {
	events, err := a.Decide(env, at.state.(S), m.Body)
	refusal, refused := es.AsRefusal(err)
	if refused {
		events = []any{es.CommandRejected{CommandID: m.ID, CommandType: m.Type, Code: refusal.Code, Detail: refusal.Detail}}
	} else if err != nil {
		return decision{}, err
	}
	if len(events) == 0 && a.AnswersNoEffect {
		events = []any{es.CommandHadNoEffect{CommandID: m.ID, CommandType: m.Type}}
	}
	unrecorded := refused && refusal.Unrecorded
	if len(events) == 1 && isAnswer(events[0]) && (at.version == 0 || unrecorded) {
		return decision{answer: events[0], unrecorded: unrecorded}, nil
	}
	return a.steps(at, events), nil
}

// steps folds events into the state, one after the other, and asks what each has
// sent.
func (a *aggregate[S]) steps(at position, events []any) (d decision) {
	for i, event := range events {
		at.state = a.evolve(at.state, event)
		out := es.NewOutbox(at.key.String(), at.version+uint64(i)+1)
		if a.React != nil && !isAnswer(event) {
			a.React(at.state.(S), event, out)
		}
		d.steps = append(d.steps, step{event, at.state, out})
	}
	return d
}

func (a *aggregate[S]) conclude(at position) decision {
	if a.Conclude == nil || at.version == 0 {
		return decision{}
	}
	return a.steps(at, a.Conclude(at.state.(S)))
}

// process makes a definition of an es.Process.
type process[S any] struct {
	es.Process[S]
	registry *message.Registry
}

func (p *process[S]) name() string                                { return p.Name }
func (p *process[S]) published() bool                             { return false }
func (p *process[S]) New() any                                    { return p.Process.New() }
func (p *process[S]) KeepsState() bool                            { return true }
func (p *process[S]) SnapshotSchema() int                         { return 0 }
func (p *process[S]) SnapshotEvery() int                          { return defaultSnapshotEvery }
func (p *process[S]) Handled() int                                { return 0 }
func (p *process[S]) EncodeState(s any) ([]byte, error)           { return p.registry.Marshal(s) }
func (p *process[S]) DecodeState(data []byte) (any, error)        { return decodeState(p.Process.New, data) }
func (p *process[S]) reads(any, any) []es.Ref                     { return nil }
func (p *process[S]) claims(any) []string                         { return nil }
func (p *process[S]) owns(any) []string                           { return nil }
func (p *process[S]) releases() bool                              { return false }
func (p *process[S]) changes(es.Env, any, any) (bool, error)      { return true, nil }
func (p *process[S]) conclude(position) decision                  { return decision{} }
func (p *process[S]) known(_ es.Env, _, _ any, handled bool) bool { return handled }

// Fold is not called, since a process keeps its state.
func (p *process[S]) Fold(_ stream.Key, s any, _ stream.Record) (any, error) { return s, nil }

func (p *process[S]) route(m message.Message) (string, bool) {
	if w, ok := m.Body.(es.WakeUp); ok {
		return w.ID, true
	}
	return p.Route(es.Input{ID: m.ID, Now: m.Time, CorrelationID: m.CorrelationID, Message: m.Body})
}

func (p *process[S]) decide(env es.Env, at position, m message.Message) (decision, error) {
	out := es.NewOutbox(at.key.String(), at.version+1)
	state := p.Step(at.state.(S), es.Input{ID: m.ID, Now: env.Now, CorrelationID: m.CorrelationID, Writes: env.Writes, Message: m.Body}, out)
	if isWakeUp(m) && len(out.Commands()) == 0 && out.Wake() == nil {
		return decision{}, nil // that nothing happened need not be known
	}
	return decision{steps: []step{{nil, state, out}}}, nil
}
