package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/plenary/plenary/apps/query/view"
)

// Lack is a stream of which events after a version may have been lost, with the app that
// they come from.
type Lack struct {
	Tenant, Stream, Owner string
	After                 uint64
}

// Gaps are some streams of which a later event is here and an earlier one is not.
func (s *Store) Gaps(ctx context.Context, most int) (gaps []Lack, err error) {
	err = s.each(ctx, func(rows *sql.Rows) error {
		var g Lack
		err := rows.Scan(&g.Tenant, &g.Stream, &g.After, &g.Owner)
		gaps = append(gaps, g)
		return err
	}, `SELECT tenant, stream, shown, (SELECT MIN(source) FROM journal
			WHERE journal.tenant = waiting.tenant AND journal.stream = waiting.stream AND version > shown)
		FROM waiting ORDER BY tenant, stream LIMIT $1`, most)
	return gaps, err
}

// Silent are some orders that hold seats although their deadline was before a time, the
// longest first.
func (s *Store) Silent(ctx context.Context, tenant string, before time.Time, most int) (silent []Lack, err error) {
	err = s.each(ctx, func(rows *sql.Rows) error {
		var doc []byte
		var version uint64
		if err := rows.Scan(&version, &doc); err != nil {
			return err
		}
		var o view.Order
		if err := json.Unmarshal(doc, &o); err != nil {
			return err
		}
		silent = append(silent, Lack{Tenant: tenant, Stream: "order/" + o.ID.String(), Owner: "order", After: version})
		return nil
	}, `SELECT version, doc FROM orders WHERE tenant = $1 AND holds_until > 0 AND holds_until < $2 ORDER BY holds_until, id LIMIT $3`,
		tenant, nanos(before), most)
	return silent, err
}
