package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
)

// PromoCodes are the promo codes of a conference, the newest first.
func (s *Store) PromoCodes(ctx context.Context, tenant string, conference uuid.UUID, q ListQuery) (out view.PromoCodes, err error) {
	out.PromoCodes = []view.PromoCode{}
	c := where(tenant, "tenant")
	c.add("conference = ?", conference.String())
	if q.After != (Cursor{}) {
		c.add("(created_at, id) < (?, ?)", nanos(q.After.Time), q.After.ID)
	}
	c.write(" ORDER BY created_at DESC, id DESC LIMIT ?", q.Limit)
	var last string
	err = s.each(ctx, func(rows *sql.Rows) error {
		var doc string
		var p view.PromoCode
		if err := rows.Scan(&last, &doc); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(doc), &p); err != nil {
			return err
		}
		out.PromoCodes = append(out.PromoCodes, p)
		return nil
	}, `SELECT id, doc FROM promo_codes WHERE `+c.sql.String(), c.args...)
	if n := len(out.PromoCodes); n == q.Limit {
		out.Next = Cursor{out.PromoCodes[n-1].CreatedAt, last}.String()
	}
	return out, err
}
