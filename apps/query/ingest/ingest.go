// Package ingest takes what the broker delivers into the store: events, and
// what was given up.
package ingest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// Events handles batches of events. A batch is acknowledged when it is
// committed: an event that came before its turn is in the journal by then, so
// nothing is ever asked for again but when the database fails.
type Events struct {
	Store *store.Late
	Now   func() time.Time
	// Shown, if set, is told which events a batch has made visible, and when it
	// was begun with.
	Shown func(ctx context.Context, began time.Time, events []message.Message)
}

// HandleBatch implements bus.Handler.
func (e Events) HandleBatch(ctx context.Context, batch []bus.Delivery) []bus.Status {
	began := time.Now()
	var events []store.Event
	var letters []store.Letter
	var sentBack []string
	for _, d := range batch {
		m := d.Message
		switch {
		case isDiscarded(m):
			// For the handler of an event that was given up; it is no event.
		case m.Stream == "" || m.StreamVersion == 0:
			letters = append(letters, e.givenUp(d, "an event needs a subject and a streamversion"))
		case !isStorable(m.Meta):
			letters = append(letters, e.givenUp(d, "an attribute is longer than any of ours, or is no text"))
		default:
			if m.OriginalID != "" {
				sentBack = append(sentBack, m.ID)
				m.ID = m.OriginalID // it is the same event
			}
			events = append(events, store.Event{Message: m, Data: d.Data})
		}
	}
	s, err := e.Store.Get(ctx)
	if err != nil {
		return bus.All(len(batch), bus.Retry)
	}
	shown, err := s.Append(ctx, events)
	if err == nil {
		if e.Shown != nil {
			e.Shown(ctx, began, shown)
		}
		err = keep(ctx, s, letters)
	}
	if err == nil && len(sentBack) > 0 {
		err = s.SettleDeadLetters(ctx, app, sentBack, e.Now())
	}
	if err != nil {
		slog.ErrorContext(ctx, "events could not be stored", "events", len(events), "error", err)
		return bus.All(len(batch), bus.Retry)
	}
	return bus.All(len(batch), bus.Success)
}

// Known says of events whether they need not be sent again: the journal has them, or
// they became dead letters. It implements repeat.Knower.
func (e Events) Known(ctx context.Context, events []bus.Delivery) ([]bool, error) {
	known := make([]bool, len(events))
	s, err := e.Store.Get(ctx)
	if err != nil {
		return nil, err
	}
	for i, d := range events {
		if m := d.Message.Meta; m.Stream == "" || m.StreamVersion == 0 || !isStorable(m) {
			known[i] = true
		} else if known[i], err = s.Has(ctx, m); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// app is this app's name.
const app = "query"

// givenUp is the dead letter of an event that the journal cannot take.
func (e Events) givenUp(d bus.Delivery, reason string) store.Letter {
	m := d.Message
	raw, err := message.ToCloudEvent(m.Meta, d.Data)
	if err != nil { // it was one, when it came
		raw = d.Data
	}
	return store.Letter{ID: es.DerivedID("dead-letter/query", m.ID), Tenant: m.Tenant, DeadLetter: message.DeadLetter{
		MessageID: m.ID, MessageType: m.Type, OriginalID: m.OriginalID, Topic: d.Topic, Kind: message.Event, App: app,
		Reason: reason, Attempts: 1, At: e.Now().UTC(), Message: raw,
	}}
}

func isDiscarded(m message.Message) bool {
	_, ok := m.Body.(message.Discarded)
	return ok
}

// longest is how many bytes an attribute may have. Some are keys of indexes, and
// PostgreSQL refuses a key of 2,700 bytes.
const longest = 512

// isStorable says whether a database can store the attributes as text and find
// the event by them. One that cannot would fail its batch for ever.
func isStorable(m message.Meta) bool {
	for _, s := range []string{
		m.ID, m.Type, m.Source, m.Stream, m.Tenant, m.CorrelationID, m.TraceParent,
		m.Cause.ID, m.Cause.Type, m.Cause.Source, m.Cause.CauseID,
	} {
		if len(s) > longest || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			return false
		}
	}
	return true
}

// DeadLetters handles batches of dead letters: it keeps them, and notes which of
// them are settled.
type DeadLetters struct {
	Store *store.Late
	Now   func() time.Time
}

// HandleBatch implements bus.Handler.
func (d DeadLetters) HandleBatch(ctx context.Context, batch []bus.Delivery) []bus.Status {
	letters := make([]store.Letter, 0, len(batch))
	settled := map[string][]string{} // by app
	for _, delivery := range batch {
		switch body := delivery.Message.Body.(type) {
		case message.DeadLetter:
			letters = append(letters, store.Letter{ID: delivery.Message.ID, Tenant: delivery.Message.Tenant, DeadLetter: body})
		case message.Settled:
			settled[body.App] = append(settled[body.App], body.MessageID)
		default: // the endpoint gives nothing else
			panic("dead letter of type " + delivery.Message.Type)
		}
	}
	s, err := d.Store.Get(ctx)
	if err != nil {
		return bus.All(len(batch), bus.Retry)
	}
	err = keep(ctx, s, letters)
	for app, ids := range settled {
		err = errors.Join(err, s.SettleDeadLetters(ctx, app, ids, d.Now()))
	}
	if err != nil {
		slog.ErrorContext(ctx, "dead letters could not be stored", "letters", len(letters), "error", err)
		return bus.All(len(batch), bus.Retry)
	}
	return bus.All(len(batch), bus.Success)
}

func keep(ctx context.Context, s *store.Store, letters []store.Letter) error {
	if len(letters) == 0 {
		return nil
	}
	if err := s.KeepDeadLetters(ctx, letters); err != nil {
		return err
	}
	for _, l := range letters {
		slog.WarnContext(ctx, "dead letter kept", "id", l.ID, "topic", l.Topic, "handler", l.App, "type", l.MessageType, "reason", l.Reason)
	}
	return nil
}
