// Package ingest takes what the broker delivers into the store: events, and
// what was given up.
package ingest

import (
	"context"
	"log/slog"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
)

// Events handles batches of events. A batch is acknowledged when it is
// committed: an event that came before its turn is in the journal by then, so
// nothing is ever asked for again but when the database fails.
type Events struct {
	Store    *store.Late
	Hub      *live.Hub
	Registry *message.Registry
}

// HandleBatch implements bus.Handler.
func (e Events) HandleBatch(ctx context.Context, batch []bus.Delivery) []bus.Status {
	out := bus.All(len(batch), bus.Success)
	events := make([]store.Event, 0, len(batch))
	for i, d := range batch {
		m := d.Message
		switch {
		case isDiscarded(m):
			// For the handler of an event that was given up; it is no event.
		case m.Stream == "" || m.StreamVersion == 0:
			slog.ErrorContext(ctx, "event without a place in a stream", "type", m.Type, "id", m.ID, "source", m.Source)
			out[i] = bus.Drop
		default:
			events = append(events, store.Event{Message: m, Data: d.Data})
		}
	}
	if len(events) == 0 {
		return out
	}
	s, err := e.Store.Get(ctx)
	if err != nil {
		return bus.All(len(batch), bus.Retry)
	}
	shown, err := s.Append(ctx, events)
	if err != nil {
		slog.ErrorContext(ctx, "events could not be stored", "events", len(events), "error", err)
		return bus.All(len(batch), bus.Retry)
	}
	e.Hub.Changed(e.keys(shown)...)
	return out
}

func isDiscarded(m message.Message) bool {
	_, ok := m.Body.(message.Discarded)
	return ok
}

// keys are those of what the events have changed.
func (e Events) keys(events []message.Message) []string {
	out := make([]string, 0, 2*len(events))
	for _, m := range events {
		if m.Cause.ID != "" {
			out = append(out, live.CommandKey(m.Tenant, m.Cause.ID))
		}
		order, conference := projection.Touched(e.Registry, m)
		if order != "" {
			out = append(out, live.OrderKey(m.Tenant, order))
		}
		if conference != "" {
			out = append(out, live.ConferenceKey(m.Tenant, conference))
		}
	}
	return out
}

// DeadLetters handles batches of dead letters: it keeps them.
type DeadLetters struct{ Store *store.Late }

// HandleBatch implements bus.Handler.
func (d DeadLetters) HandleBatch(ctx context.Context, batch []bus.Delivery) []bus.Status {
	letters := make([]store.Letter, 0, len(batch))
	for _, delivery := range batch {
		letter, ok := delivery.Message.Body.(message.DeadLetter)
		if !ok { // the endpoint gives nothing else
			panic("dead letter of type " + delivery.Message.Type)
		}
		letters = append(letters, store.Letter{ID: delivery.Message.ID, Tenant: delivery.Message.Tenant, DeadLetter: letter})
	}
	s, err := d.Store.Get(ctx)
	if err != nil {
		return bus.All(len(batch), bus.Retry)
	}
	if err := s.KeepDeadLetters(ctx, letters); err != nil {
		slog.ErrorContext(ctx, "dead letters could not be stored", "letters", len(letters), "error", err)
		return bus.All(len(batch), bus.Retry)
	}
	for _, l := range letters {
		slog.WarnContext(ctx, "dead letter kept", "id", l.ID, "topic", l.Topic, "handler", l.App, "type", l.MessageType, "reason", l.Reason)
	}
	return bus.All(len(batch), bus.Success)
}
