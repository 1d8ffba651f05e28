package handling

import (
	"errors"
	"fmt"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/stream"
)

// origin is what a record says of where it comes from.
type origin struct {
	env         es.Env
	correlation string
	trace       string
	cause       message.Cause
	message     message.Meta // of the message decided
}

// from is the origin of what was decided on a message.
func from(m message.Message, env es.Env) origin {
	return origin{
		env: env, correlation: m.CorrelationID, trace: m.TraceParent, message: m.Meta,
		cause: message.Cause{ID: m.ID, Type: m.Type, Time: m.Time, CauseID: m.Cause.ID, Source: m.Source, Actor: m.Actor},
	}
}

// record adds to a stream what was decided, and beside it what is to be carried
// out.
func (e *Engine) record(st *stream.Stream, def definition, d decision, o origin) error {
	if d.answer != nil {
		return e.answerWithoutStream(st, d.answer, o)
	}
	if !def.published() {
		o.correlation = st.Key.ID // what a process sends is of its own conversation, whoever began it
	}
	end := st.Version() + uint64(len(d.steps))
	for _, s := range d.steps {
		if !def.published() {
			if err := e.recordHandled(st, s, o); err != nil {
				return err
			}
			continue
		}
		if err := e.recordEvent(st, s, o, end); err != nil {
			return err
		}
	}
	return nil
}

// recordEvent adds an event of an aggregate. end is the version of the last event
// of its decision.
func (e *Engine) recordEvent(st *stream.Stream, s step, o origin, end uint64) error {
	version := st.Version() + 1
	meta := message.Meta{Tenant: st.Key.Tenant, Stream: st.Key.Ref.String(), StreamVersion: version}
	typeName, data, err := e.registry.Encode(meta, s.event)
	if err != nil {
		return err
	}
	t, _ := e.registry.Lookup(typeName)
	record := stream.Record{
		Type: typeName, Time: o.env.Now, Data: data, CorrelationID: o.correlation,
		PartitionKey: keyBeside(t.Key(s.event), o.correlation), TraceParent: o.trace, Cause: o.cause,
	}
	if end > version {
		record.DecisionEnd = end
	}
	because := message.Cause{
		ID: stream.EventID(st.Key, version), Type: typeName, Time: o.env.Now, CauseID: o.cause.ID, Source: e.app,
	}
	if err := e.addEffects(&record, st.Key, s.out, o, because); err != nil {
		return err
	}
	st.Append(record, s.state)
	return nil
}

// recordHandled notes that a process handled a message, and what it sent.
func (e *Engine) recordHandled(st *stream.Stream, s step, o origin) error {
	record := stream.Record{
		ID: o.message.ID, Type: o.message.Type, Time: o.env.Now, CorrelationID: o.correlation, TraceParent: o.trace,
		Cause: message.Cause{ID: o.message.Cause.ID, Type: o.message.Cause.Type},
	}
	if err := e.addEffects(&record, st.Key, s.out, o, o.cause); err != nil {
		return err
	}
	for _, c := range record.Commands {
		record.Sent = append(record.Sent, stream.Sent{ID: c.ID, Type: c.Type})
	}
	st.Append(record, s.state)
	return nil
}

func keyBeside(key, correlation string) string {
	if key == correlation {
		return ""
	}
	return key
}

var errNoWaker = errors.New("handling: a wake-up is asked for, and this app has no Waker")

// addEffects adds to a record what its step wants done.
func (e *Engine) addEffects(r *stream.Record, key stream.Key, out *es.Outbox, o origin, because message.Cause) error {
	r.Wake = out.Wake()
	if r.Wake != nil && e.waker == nil {
		return errNoWaker
	}
	for _, sent := range out.Commands() {
		t, ok := e.registry.TypeOf(sent.Command)
		if !ok || t.Kind != message.Command {
			return fmt.Errorf("handling: %T is sent but is no registered command", sent.Command)
		}
		typeName, data, err := e.registry.Encode(message.Meta{Tenant: key.Tenant}, sent.Command)
		if err != nil {
			return err
		}
		r.Commands = append(r.Commands, stream.Outgoing{
			ID: sent.ID, Type: typeName, Kind: t.Kind, Topic: t.Topic, Time: o.env.Now, CorrelationID: o.correlation,
			PartitionKey: keyBeside(t.Key(sent.Command), o.correlation), TraceParent: o.trace, Cause: because, Data: data,
		})
	}
	return nil
}

// answerWithoutStream records the answer to a command whose stream has no
// events yet, as the first event of a stream of its own. It is kept in the
// document of the stream that the command was for, beside its events, so that
// one commit holds both the answer and the fact that it was given.
func (e *Engine) answerWithoutStream(st *stream.Stream, answer any, o origin) error {
	typeName, data, err := e.registry.Encode(message.Meta{Tenant: st.Key.Tenant}, answer)
	if err != nil {
		return err
	}
	t, _ := e.registry.Lookup(typeName)
	ref := es.Ref{Aggregate: message.RefusalStreams, ID: o.message.ID}
	st.Enqueue(stream.Outgoing{
		ID:   stream.EventID(stream.Key{Tenant: st.Key.Tenant, Ref: ref}, 1),
		Type: typeName, Kind: t.Kind, Topic: t.Topic, Stream: ref.String(), StreamVersion: 1, Time: o.env.Now,
		CorrelationID: o.correlation, TraceParent: o.trace, Cause: o.cause, Data: data,
	})
	return nil
}
