package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
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
	events, err := s.ofOrder(ctx, tenant, order)
	slices.SortFunc(events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.StreamVersion, b.StreamVersion))
	})
	return events, err
}

// ofOrder are the events of touching in no order: SQLite would walk the whole journal in
// theirs.
func (s *Store) ofOrder(ctx context.Context, tenant string, order uuid.UUID) ([]Event, error) {
	rows, err := s.query(ctx, `SELECT `+eventColumns+` FROM journal
			WHERE tenant = $1 AND stream IN ($2, $3) AND `+isShown+`
		UNION ALL SELECT `+eventColumns+` FROM journal
			WHERE tenant = $1 AND about = $4 AND `+isShown,
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

// settledWithin is how long a payment that was completed may take to confirm its
// order, and a refund to be made. Longer ago, something went wrong.
const settledWithin = 2 * time.Minute

// LoosePayments are payments completed some time ago that neither confirmed their
// order nor were refunded, whatever the cause: the oldest first, at most limit after
// a cursor. A page that is not the last may have fewer. Refunds that failed are in a
// list of their own. It looks at all completed payments.
func (s *Store) LoosePayments(ctx context.Context, tenant string, now time.Time, after Cursor, limit int) (view.LoosePayments, error) {
	before := now.Add(-settledWithin)
	out := view.LoosePayments{Payments: []view.LoosePayment{}}
	seen, last := 0, Cursor{}
	err := s.each(ctx, func(rows *sql.Rows) error {
		var doc []byte
		var status sql.NullString
		var confirms bool
		if err := rows.Scan(&doc, &status, &confirms); err != nil {
			return err
		}
		var p view.Payment
		if err := json.Unmarshal(doc, &p); err != nil {
			return err
		}
		seen, last = seen+1, Cursor{p.CompletedAt, p.ID.String()}
		if confirms && p.Status == view.PaymentCompleted {
			if !p.AwaitsRefundSince(before) {
				return nil // seats were given back, and the refund failed, or is asked for
			}
			p.Status = view.PaymentRefundRequested
		} else if p.Status == view.PaymentRefundRequested && !p.UpdatedAt.Before(before) {
			return nil // the provider is being asked
		}
		out.Payments = append(out.Payments, view.LoosePayment{
			PaymentID: p.ID, OrderID: p.OrderID, OrderStatus: view.OrderStatus(status.String), Status: p.Status,
			Amount: p.Amount, CompletedAt: p.CompletedAt,
		})
		return nil
	}, `SELECT p.doc, o.status, o.id IS NOT NULL AND o.payment = p.id AND o.status = $7 FROM payments p LEFT JOIN orders o ON o.tenant = p.tenant AND o.id = p.order_id
		WHERE p.tenant = $1 AND p.status IN ($2, $3) AND p.completed_at < $4 AND (p.completed_at, p.id) > ($5, $6)
		AND (p.status = $3 OR p.refunding > 0 OR o.id IS NULL OR o.payment <> p.id OR o.status <> $7)
		ORDER BY p.completed_at, p.id LIMIT $8`,
		tenant, string(view.PaymentCompleted), string(view.PaymentRefundRequested), nanos(before), nanos(after.Time), after.ID,
		string(view.OrderConfirmed), limit)
	if seen == limit {
		out.Next = last.String()
	}
	return out, err
}

// mostLoose is how many loose payments are counted.
const mostLoose = 1000

// CountLoose is how many loose payments there are. It counts up to mostLoose.
func (s *Store) CountLoose(ctx context.Context, tenant string, now time.Time) (int, error) {
	found, err := s.LoosePayments(ctx, tenant, now, Cursor{}, mostLoose)
	return len(found.Payments), err
}

// MissingOrders are the orders of which nothing is known, though there are payments
// of them that are open or completed: by id, at most limit after a cursor.
func (s *Store) MissingOrders(ctx context.Context, tenant string, after Cursor, limit int) (view.MissingOrders, error) {
	out := view.MissingOrders{Orders: []view.MissingOrder{}}
	err := s.each(ctx, func(rows *sql.Rows) error {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		order, err := uuid.Parse(id)
		out.Orders = append(out.Orders, view.MissingOrder{OrderID: order})
		return err
	}, `SELECT DISTINCT p.order_id FROM payments p LEFT JOIN orders o ON o.tenant = p.tenant AND o.id = p.order_id
		WHERE p.tenant = $1 AND p.status IN ($2, $3) AND o.id IS NULL AND p.order_id > $4 ORDER BY p.order_id LIMIT $5`,
		tenant, string(view.PaymentInitiated), string(view.PaymentCompleted), after.ID, limit)
	if n := len(out.Orders); n == limit {
		out.Next = Cursor{ID: out.Orders[n-1].OrderID.String()}.String()
	}
	return out, err
}

// shownOfEach is how many of each kind need an operator's attention first.
const shownOfEach = 20

// Attention is what needs an operator now. What is late by less than a minute or
// two may still be on its way; what rests is listed after bound.
func (s *Store) Attention(ctx context.Context, tenant string, now time.Time, bound time.Duration) (a view.Attention, err error) {
	const late = time.Minute
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
	loose, err := s.LoosePayments(ctx, tenant, now, Cursor{}, shownOfEach)
	if err != nil {
		return a, err
	}
	a.LoosePayments = loose.Payments
	stuck, err := s.StuckOrders(ctx, tenant, now, bound, Cursor{}, shownOfEach)
	if err != nil {
		return a, err
	}
	a.StuckOrders = stuck.Orders
	if a.Stuck, err = s.CountStuck(ctx, tenant); err != nil {
		return a, err
	}
	if a.DeadLetters, err = s.count(ctx, `SELECT COUNT(*) FROM dead_letters WHERE tenant = $1 AND settled_at = 0`, tenant); err != nil {
		return a, err
	}
	if a.Refunds, err = s.count(ctx, `SELECT COALESCE(SUM(refunds_failed), 0) FROM payments WHERE tenant = $1 AND refund_failed_at > 0`, tenant); err != nil {
		return a, err
	}
	if a.WaitingStreams, err = s.Waiting(ctx); err != nil {
		return a, err
	}
	p, err := s.Progress(ctx)
	a.Rebuild = view.Rebuild{Running: p.Running, Generation: p.Generation, Events: p.Events, Of: p.Of, Error: p.Error}
	return a, err
}
