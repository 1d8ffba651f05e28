package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/view"
)

// availability is what remains of a conference's seats and who is in line for them.
func (s *Store) availability(ctx context.Context, tenant string, conference uuid.UUID) (a projection.Availability, err error) {
	docs, err := s.docs(ctx, `SELECT 'seats', doc FROM availability WHERE tenant = $1 AND id = $2`, tenant, conference.String())
	if err != nil || len(docs) == 0 {
		return a, err
	}
	return a, json.Unmarshal(docs[0].doc, &a)
}

// Waitlist are the orders in line for seats of a conference.
func (s *Store) Waitlist(ctx context.Context, tenant string, conference uuid.UUID) (view.Waitlist, error) {
	out := view.Waitlist{Waiting: []view.Waiting{}}
	line, err := s.availability(ctx, tenant, conference)
	if err != nil || len(line.Line) == 0 {
		return out, err
	}
	orders := map[uuid.UUID]view.Order{}
	docs, err := s.docs(ctx, `SELECT id, doc FROM orders WHERE tenant = $1 AND conference = $2 AND status = $3`,
		tenant, conference.String(), string(view.OrderWaitlisted))
	if err != nil {
		return out, err
	}
	for _, d := range docs {
		var o view.Order
		if err := json.Unmarshal(d.doc, &o); err != nil {
			return out, err
		}
		orders[o.ID] = o
	}
	for _, w := range line.Line {
		o := orders[w.OrderID] // its own stream may be read a moment later
		w.Locator, w.Registrant = o.Locator, o.Registrant
		out.Waiting = append(out.Waiting, w)
	}
	return out, nil
}

// WaitingOrders are, of each conference, the first order in line that could be offered
// seats: by the conference's id, of at most limit conferences after a cursor.
func (s *Store) WaitingOrders(ctx context.Context, tenant string, now time.Time, after Cursor, limit int) (view.MissingOrders, error) {
	out := view.MissingOrders{Orders: []view.MissingOrder{}}
	var last string
	lines := 0
	err := s.each(ctx, func(rows *sql.Rows) error {
		var seats, conference string
		if err := rows.Scan(&last, &seats, &conference); err != nil {
			return err
		}
		lines++
		var a projection.Availability
		var c view.Conference
		if err := errors.Join(json.Unmarshal([]byte(seats), &a), json.Unmarshal([]byte(conference), &c)); err != nil {
			return err
		}
		if order, ok := a.WaitsInVain(c, now); ok {
			out.Orders = append(out.Orders, view.MissingOrder{OrderID: order})
		}
		return nil
	}, `SELECT a.id, a.doc, c.doc FROM availability a JOIN conferences c ON c.tenant = a.tenant AND c.id = a.id
		WHERE a.tenant = $1 AND a.waiting > 0 AND a.id > $2 ORDER BY a.id LIMIT $3`, tenant, after.ID, limit)
	if lines == limit {
		out.Next = Cursor{ID: last}.String()
	}
	return out, err
}
