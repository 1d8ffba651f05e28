package handling

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/stream"
)

// Park implements bus.Parker for messages that no stream could be found for.
func (e *Engine) Park(ctx context.Context, letter message.DeadLetter) error {
	return PublishDeadLetter(ctx, e.publisher, letter, e.now())
}

// PublishDeadLetter publishes a dead letter of an app that has no Engine.
func PublishDeadLetter(ctx context.Context, p bus.Publisher, letter message.DeadLetter, now time.Time) error {
	letter.At = now.UTC()
	return p.Publish(ctx, message.Message{
		Meta: message.Meta{ID: letterID(letter), OriginalID: letter.MessageID, Time: letter.At},
		Body: letter.Fitting(),
	})
}

// original is the id under which a message is parked: its own, or that from
// before it was sent back for the first time.
func original(m message.Message) string { return cmp.Or(m.OriginalID, m.ID) }

// recordSettled records, in the stream's own commit, that a message which was sent
// back, or sent in place of a dead letter, has been handled. A late redelivery
// of the original is then one of a handled message.
func (e *Engine) recordSettled(st *stream.Stream, m message.Message, now time.Time) error {
	if m.OriginalID != "" {
		st.Unpark(m.OriginalID)
		st.MarkHandled(m.OriginalID)
	}
	data, err := json.Marshal(message.Settled{MessageID: m.ID, App: e.app})
	if err != nil {
		return err
	}
	st.Enqueue(stream.Outgoing{
		ID: es.DerivedID("settled/"+e.app, m.ID), Type: message.TypeSettled, Kind: message.DeadLetterKind, Topic: message.TopicDeadLetters,
		Time: now, CorrelationID: m.CorrelationID, TraceParent: m.TraceParent, Data: data,
	})
	return nil
}

// letterID is the same whenever the same message is parked by the same app, and
// never the message's own: a broker that drops repeated ids would swallow the
// letter.
func letterID(l message.DeadLetter) string {
	return es.DerivedID("dead-letter/"+l.App, l.MessageID+"\x00"+string(l.Message))
}

// park records, in the stream's own commit, that a message waits in the dead
// letters.
func (e *Engine) park(ctx context.Context, st *stream.Stream, it *item, f *fault, now time.Time) error {
	raw, err := message.ToCloudEvent(it.Message.Meta, it.Data)
	if err != nil {
		return err
	}
	letter := e.letter(it, f.reason, raw)
	letter.Attempts, letter.At = f.attempts, now
	st.MarkHandled(it.Message.ID)
	st.MarkHandled(original(it.Message))
	if f.tooLarge {
		// There is always room for the note that it is parked, but none for the letter.
		if err := e.Park(ctx, letter); err != nil {
			return fmt.Errorf("%w: %w", errInfrastructure, err)
		}
		e.meter.gaveUp(ctx, it.Topic)
		st.Park(original(it.Message))
		st.AboveLimit()
		return nil
	}
	st.Park(original(it.Message))
	data, err := json.Marshal(letter.Fitting())
	if err != nil {
		return err
	}
	st.Enqueue(stream.Outgoing{
		ID: letterID(letter), Type: message.TypeDeadLetter, Kind: message.DeadLetterKind, Topic: message.TopicDeadLetters, Time: now,
		CorrelationID: it.Message.CorrelationID, TraceParent: it.Message.TraceParent, Data: data,
	})
	return nil
}

func (e *Engine) letter(it *item, reason string, raw []byte) message.DeadLetter {
	kind := message.Event // a process handles events, an aggregate commands
	if it.def.published() {
		kind = message.Command
	}
	if t, ok := e.registry.TypeOf(it.Message.Body); ok {
		kind = t.Kind
	}
	return message.DeadLetter{
		MessageID: it.Message.ID, MessageType: it.Message.Type, OriginalID: it.Message.OriginalID, Topic: it.Topic, Kind: kind,
		App: e.app, Stream: it.key.Ref.String(), Reason: reason, Attempts: 1, Message: raw,
	}
}

// parkAlone parks a message without a record of that in its stream: nothing
// waits behind it. There is nothing in a wake-up that an operator could send
// back, so it fails, for the reminder or the sweep to repeat it.
func (e *Engine) parkAlone(ctx context.Context, it *item) bus.Status {
	if isWakeUp(it.Message) {
		slog.ErrorContext(ctx, "wake-up failed", "stream", it.key.String(), "reason", it.reason)
		return bus.Retry
	}
	if _, ok := it.Message.Body.(message.Discarded); ok {
		// A letter about it would be a letter about the one that was discarded.
		slog.ErrorContext(ctx, "discarded dead letter's stream is left as it is", "stream", it.key.String(), "id", it.Message.ID, "reason", it.reason)
		return bus.Success
	}
	slog.ErrorContext(ctx, "message parked", "stream", it.key.String(), "type", it.Message.Type, "id", it.Message.ID, "reason", it.reason)
	raw, err := message.ToCloudEvent(it.Message.Meta, it.Data)
	if err == nil {
		letter := e.letter(it, it.reason.Error(), raw)
		var over *givenUp
		if errors.As(it.reason, &over) {
			letter.EffectsThrough = over.through
		}
		err = e.Park(ctx, letter)
	}
	if err != nil {
		slog.ErrorContext(ctx, "message could not be parked", "id", it.Message.ID, "error", err)
		return bus.Retry
	}
	e.meter.gaveUp(ctx, it.Topic)
	return bus.Success
}
