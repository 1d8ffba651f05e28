package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

var intoChecks = insertion{
	table:    "checks",
	columns:  []column{{"tenant", text}, {"at", integer}, {"order_id", text}},
	conflict: "DO NOTHING",
}

// noteChecks notes of which orders something is due after these events: the sweep looks at
// them when it is long due. Deadlines need no note.
func (s *Store) noteChecks(ctx context.Context, tx *sql.Tx, shown []message.Message) error {
	var values [][]any
	for _, m := range shown {
		switch m.Body.(type) {
		case contracts.OrderConfirmed, contracts.OrderExpired, contracts.OrderRejected, contracts.OrderCancelled,
			contracts.SeatsOffered, contracts.PaymentCompleted, contracts.PaymentRefundRequested:
			values = append(values, []any{m.Tenant, nanos(m.Time), projection.About(s.registry, m)})
		}
	}
	return s.dialect.insert(ctx, tx, intoChecks, values)
}

// checksAtOnce is how many orders are looked at between two transactions.
const checksAtOnce = 200

// SweepStuck looks at the orders of which something is due since bound and longer, and at
// those that were found before. What it costs depends on what has happened since the last
// sweep and on what is stuck, not on how many orders there are. Any number of processes may
// sweep at once.
func (s *Store) SweepStuck(ctx context.Context, tenant string, now time.Time, bound time.Duration) error {
	for _, sweep := range []func(context.Context, string, time.Time, time.Duration) error{
		s.sweepFound, s.sweepChecks, s.sweepOverdue, s.sweepPlaced,
	} {
		if err := sweep(ctx, tenant, now, bound); err != nil {
			return err
		}
	}
	return nil
}

// sweepFound looks again at those that were found before.
func (s *Store) sweepFound(ctx context.Context, tenant string, now time.Time, bound time.Duration) error {
	return s.sweepIDs(ctx, tenant, now, bound, `SELECT order_id FROM stuck WHERE tenant = $1 AND order_id > $2 ORDER BY order_id LIMIT $3`)
}

// sweepOverdue looks at those that have not ended long past their deadlines. They are few,
// so they are found first and sorted then: for ORDER BY id, all orders would be walked.
func (s *Store) sweepOverdue(ctx context.Context, tenant string, now time.Time, bound time.Duration) error {
	return s.sweepIDs(ctx, tenant, now, bound, `SELECT id FROM orders WHERE tenant = $1 AND holds_until > 0 AND holds_until < $4 AND id > $2
		ORDER BY id || '' LIMIT $3`, nanos(now.Add(-bound)))
}

// sweepPlaced looks at those that the seats have not answered.
func (s *Store) sweepPlaced(ctx context.Context, tenant string, now time.Time, bound time.Duration) error {
	return s.sweepIDs(ctx, tenant, now, bound, `SELECT id FROM orders WHERE tenant = $1 AND status = $4 AND placed_at < $5 AND id > $2
		ORDER BY id || '' LIMIT $3`, string(view.OrderPlaced), nanos(now.Add(-bound)))
}

// sweepIDs looks at the orders that a statement finds, page by page: $1 is the tenant, $2
// the last id of the page before, $3 how many make a page.
func (s *Store) sweepIDs(ctx context.Context, tenant string, now time.Time, bound time.Duration, query string, more ...any) error {
	for last := ""; ; {
		var ids []string
		err := s.each(ctx, func(rows *sql.Rows) error {
			err := rows.Scan(&last)
			ids = append(ids, last)
			return err
		}, query, append([]any{tenant, last, checksAtOnce}, more...)...)
		if err == nil {
			err = s.look(ctx, tenant, ids, nil, now, bound)
		}
		if err != nil || len(ids) < checksAtOnce {
			return err
		}
	}
}

// sweepChecks looks at those that were noted.
func (s *Store) sweepChecks(ctx context.Context, tenant string, now time.Time, bound time.Duration) error {
	for {
		var ids []string
		var done [][]any
		err := s.each(ctx, func(rows *sql.Rows) error {
			var at int64
			var id string
			err := rows.Scan(&at, &id)
			done = append(done, []any{tenant, at, id})
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
			return err
		}, `SELECT at, order_id FROM checks WHERE tenant = $1 AND at < $2 ORDER BY at, order_id LIMIT $3`,
			tenant, nanos(now.Add(-bound)), checksAtOnce)
		if err == nil && len(done) > 0 {
			err = s.look(ctx, tenant, ids, done, now, bound)
		}
		if err != nil || len(done) < checksAtOnce {
			return err
		}
	}
}

var intoStuck = insertion{
	table:    "stuck",
	columns:  []column{{"tenant", text}, {"order_id", text}, {"since", integer}, {"doc", text}},
	conflict: "(tenant, order_id) DO UPDATE SET since = excluded.since, doc = excluded.doc",
}

// look notes which of the orders rest where they should not, and that the checks are done.
func (s *Store) look(ctx context.Context, tenant string, ids []string, done [][]any, now time.Time, bound time.Duration) error {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids) // two that sweep at once take the rows in the same order
	var stuck, well [][]any
	for _, id := range ids {
		found, err := s.rest(ctx, tenant, id, now, bound)
		if err != nil {
			return err
		}
		if len(found.Stuck) == 0 {
			well = append(well, []any{tenant, id})
			continue
		}
		doc, err := json.Marshal(found)
		if err != nil {
			return err
		}
		stuck = append(stuck, []any{tenant, id, nanos(found.Since), string(doc)})
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.dialect.insert(ctx, tx, intoStuck, stuck); err != nil {
			return err
		}
		if err := s.dialect.remove(ctx, tx, "stuck", texts("tenant", "order_id"), well); err != nil {
			return err
		}
		return s.dialect.remove(ctx, tx, "checks", intoChecks.columns, done)
	})
}

// rest finds in which ways an order rests where it should not.
func (s *Store) rest(ctx context.Context, tenant, id string, now time.Time, bound time.Duration) (view.StuckOrder, error) {
	order, err := uuid.Parse(id)
	if err != nil {
		return view.StuckOrder{}, err
	}
	events, err := s.touching(ctx, tenant, order)
	if err != nil {
		return view.StuckOrder{}, err
	}
	return projection.Rest(order, messagesOf(events), now, bound), nil
}

// StuckOrders are the orders that the sweep found and that still rest where they should
// not, the longest first, at most limit after a cursor. A page that is not the last may
// have fewer.
func (s *Store) StuckOrders(ctx context.Context, tenant string, now time.Time, bound time.Duration, after Cursor, limit int) (view.StuckOrders, error) {
	out := view.StuckOrders{Orders: []view.StuckOrder{}}
	var ids []string
	last := Cursor{}
	err := s.each(ctx, func(rows *sql.Rows) error {
		var since int64
		err := rows.Scan(&since, &last.ID)
		ids, last.Time = append(ids, last.ID), fromNanos(since)
		return err
	}, `SELECT since, order_id FROM stuck WHERE tenant = $1 AND (since, order_id) > ($2, $3) ORDER BY since, order_id LIMIT $4`,
		tenant, nanos(after.Time), after.ID, limit)
	if err != nil {
		return out, err
	}
	for _, id := range ids {
		found, err := s.rest(ctx, tenant, id, now, bound)
		if err != nil {
			return out, err
		}
		if len(found.Stuck) > 0 {
			out.Orders = append(out.Orders, found)
		}
	}
	if len(ids) == limit {
		out.Next = last.String()
	}
	return out, nil
}

// CountStuck is how many orders the last sweep found.
func (s *Store) CountStuck(ctx context.Context, tenant string) (int, error) {
	return s.count(ctx, `SELECT COUNT(*) FROM stuck WHERE tenant = $1`, tenant)
}
