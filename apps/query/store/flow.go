package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/engine/message"
)

// Flow is an order's causal graph. Error: ErrNotFound.
func (s *Store) Flow(ctx context.Context, tenant string, order uuid.UUID) (view.Flow, error) {
	events, err := s.touching(ctx, tenant, order)
	if err != nil {
		return view.Flow{}, err
	}
	if len(events) == 0 {
		return view.Flow{}, ErrNotFound
	}
	all := make([]projection.Recorded, len(events))
	for i, e := range events {
		all[i] = projection.Recorded{Message: e.Message, Data: e.Data}
	}
	return projection.Flow(s.registry, order, all), nil
}

// touching are the events of an order's own streams, and those of others that are
// about it, in the order of their streams.
func (s *Store) touching(ctx context.Context, tenant string, order uuid.UUID) ([]Event, error) {
	rows, err := s.query(ctx, `SELECT `+eventColumns+` FROM journal
			WHERE tenant = $1 AND stream IN ($2, $3) AND `+isShown+`
		UNION ALL SELECT `+eventColumns+` FROM journal
			WHERE tenant = $1 AND about = $4 AND `+isShown+` ORDER BY stream, version`,
		tenant, "order/"+order.String(), "assignments/"+order.String(), order.String())
	if err != nil {
		return nil, err
	}
	return scanEvents(ctx, s.registry, rows)
}

// Moment is a moment in an order's history: that of a version of its stream or,
// if that is 0, a time.
type Moment struct {
	Version uint64
	Time    time.Time
}

// FlowState is an order and its conference as they were at a moment. Error:
// ErrNotFound, when there is no such order or version.
func (s *Store) FlowState(ctx context.Context, tenant string, order uuid.UUID, at Moment) (view.FlowState, error) {
	events, err := s.touching(ctx, tenant, order)
	if err != nil {
		return view.FlowState{}, err
	}
	name := "order/" + order.String()
	var whole view.Order
	known := false
	for _, e := range events {
		if e.Stream == name {
			projection.Order(&whole, e.Message)
			if e.StreamVersion == at.Version {
				at.Time, known = e.Time, true
			}
		}
	}
	if len(events) == 0 || at.Version > 0 && !known {
		return view.FlowState{}, ErrNotFound
	}
	var past []message.Message
	for _, e := range events {
		if e.Stream == name && at.Version > 0 {
			if e.StreamVersion <= at.Version {
				past = append(past, e.Message)
			}
		} else if !e.Time.After(at.Time) {
			past = append(past, e.Message)
		}
	}
	then, err := s.conferenceUntil(ctx, tenant, whole.ConferenceID, at.Time)
	if err != nil {
		return view.FlowState{}, err
	}
	o, c, version := projection.Past(append(past, then...))
	state := view.FlowState{At: at.Time.UTC(), Version: version}
	if o.ID != uuid.Nil {
		o = projection.MaskOrder(o)
		state.Order = &o
	}
	if c.ID != uuid.Nil {
		state.Conference = &c
	}
	return state, nil
}

// latestChanges is how many changes of availability are read back from a moment:
// each tells of all seat types that had changed in one batch.
const latestChanges = 500

// conferenceUntil are the events of a conference up to a time and, of its seats,
// the last that tell how many are left.
func (s *Store) conferenceUntil(ctx context.Context, tenant string, id uuid.UUID, until time.Time) ([]message.Message, error) {
	own, err := s.events(ctx, `SELECT `+eventColumns+` FROM journal
		WHERE tenant = $1 AND stream = $2 AND time <= $3 AND `+isShown+` ORDER BY version`, tenant, "conference/"+id.String(), nanos(until))
	if err != nil {
		return nil, err
	}
	seats, err := s.events(ctx, `SELECT * FROM (SELECT `+eventColumns+` FROM journal
		WHERE tenant = $1 AND stream = $2 AND time <= $3 AND type LIKE 'AvailableSeatsChanged.%' AND `+isShown+`
		ORDER BY version DESC LIMIT $4) AS latest ORDER BY version`, tenant, "seats/"+id.String(), nanos(until), latestChanges)
	return append(own, seats...), err
}

// LoosePayments are payments completed before a time that neither confirmed an
// order nor are given back, the oldest first. It looks at all completed payments.
func (s *Store) LoosePayments(ctx context.Context, tenant string, before time.Time, limit int) (out []view.LoosePayment, err error) {
	out = []view.LoosePayment{}
	err = s.each(ctx, func(rows *sql.Rows) error {
		var doc []byte
		var status sql.NullString
		if err := rows.Scan(&doc, &status); err != nil {
			return err
		}
		var p view.Payment
		if err := json.Unmarshal(doc, &p); err != nil {
			return err
		}
		out = append(out, view.LoosePayment{
			PaymentID: p.ID, OrderID: p.OrderID, OrderStatus: view.OrderStatus(status.String), Amount: p.Amount, CompletedAt: p.CompletedAt,
		})
		return nil
	}, `SELECT p.doc, o.status FROM payments p LEFT JOIN orders o ON o.tenant = p.tenant AND o.id = p.order_id
		WHERE p.tenant = $1 AND p.status = $2 AND p.completed_at < $3 AND (o.id IS NULL OR o.payment <> p.id OR o.status <> $4)
		ORDER BY p.completed_at, p.id LIMIT $5`, tenant, string(view.PaymentCompleted), nanos(before), string(view.OrderConfirmed), limit)
	return out, err
}

// shownOfEach is how many of each kind need an operator's attention first.
const shownOfEach = 20

// Attention is what needs an operator now. What is late by less than a minute or
// two may still be on its way.
func (s *Store) Attention(ctx context.Context, tenant string, now time.Time) (a view.Attention, err error) {
	const late, loose = time.Minute, 2 * time.Minute
	overdue, err := s.Overdue(ctx, tenant, now.Add(-late), Cursor{}, shownOfEach)
	if err != nil {
		return a, err
	}
	refunds, err := s.FailedRefunds(ctx, tenant, Cursor{}, shownOfEach)
	if err != nil {
		return a, err
	}
	reasons, err := s.DeadLetterReasons(ctx, tenant, shownOfEach)
	if err != nil {
		return a, err
	}
	parked, err := s.ParkedStreams(ctx, tenant, Cursor{}, shownOfEach)
	if err != nil {
		return a, err
	}
	a = view.Attention{Overdue: overdue.Orders, FailedRefunds: refunds.Refunds, Reasons: reasons.Reasons, ParkedStreams: parked.Streams}
	if a.LoosePayments, err = s.LoosePayments(ctx, tenant, now.Add(-loose), shownOfEach); err != nil {
		return a, err
	}
	if a.DeadLetters, err = s.count(ctx, `SELECT COUNT(*) FROM dead_letters WHERE tenant = $1 AND settled_at = 0`, tenant); err != nil {
		return a, err
	}
	if a.Refunds, err = s.count(ctx, `SELECT COUNT(*) FROM payments WHERE tenant = $1 AND refund_failed_at > 0`, tenant); err != nil {
		return a, err
	}
	if a.WaitingStreams, err = s.Waiting(ctx); err != nil {
		return a, err
	}
	p, err := s.Progress(ctx)
	a.Rebuild = view.Rebuild{Running: p.Running, Generation: p.Generation, Events: p.Events, Of: p.Of, Error: p.Error}
	return a, err
}
