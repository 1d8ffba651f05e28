package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/engine/message"
)

// viewShape is raised whenever views.sql, a view or its fold changes, so that
// the next start rebuilds the views.
const viewShape = 4

//go:embed views.sql
var viewsSQL string

// table describes one of the view tables. Its row for a stream is the fold of
// that stream's events.
type table struct {
	name      string
	aggregate string   // first part of the names of its streams
	columns   []column // beside tenant, id, version and doc
	// fold folds events into a document.
	fold func(doc []byte, events []message.Message) (folded, error)
}

// folded is a document and its columns.
type folded struct {
	doc     []byte
	columns []any
	// moved says that the columns are others than before: most events leave them
	// alone, and then no index need be touched.
	moved bool
}

func tableOf[T any](name, aggregate string, fold func(*T, message.Message), columns []column, values func(T) []any) table {
	return table{name: name, aggregate: aggregate, columns: columns,
		fold: func(doc []byte, events []message.Message) (f folded, err error) {
			defer func() {
				if p := recover(); p != nil {
					err = fmt.Errorf("fold panicked: %v", p)
				}
			}()
			var v T
			if doc != nil {
				if err := json.Unmarshal(doc, &v); err != nil {
					return folded{}, err
				}
			}
			before := values(v)
			for _, m := range events {
				fold(&v, m)
			}
			f.columns = values(v)
			f.moved = doc == nil || !slices.Equal(before, f.columns)
			f.doc, err = json.Marshal(v)
			return f, err
		}}
}

var tables = []table{
	tableOf("orders", "order", projection.Order, []column{{"lookup", text}, {"holds_until", integer}, {"status", text}, {"seats", integer}}, func(o view.Order) []any {
		return []any{lookupOf(o), holdsUntil(o), string(o.Status), seatsOf(o)}
	}),
	tableOf("assignments", "assignments", projection.Assignments, nil, func(projection.Seating) []any { return nil }),
	tableOf("payments", "payment", projection.Payment, []column{{"order_id", text}, {"refund_failed_at", integer}}, func(p view.Payment) []any {
		return []any{p.OrderID.String(), refundFailedAt(p)}
	}),
	tableOf("conferences", "conference", projection.Conference, []column{{"slug", text}, {"published", integer}, {"starts_at", integer}, {"ends_at", integer}}, func(c view.Conference) []any {
		return []any{c.Slug, flag(c.Published), nanos(c.StartsAt), nanos(c.EndsAt)}
	}),
	tableOf("availability", "seats", projection.Seats, nil, func(projection.Availability) []any { return nil }),
	// Streams that no view shows. It stands last: see tableOfStream.
	tableOf("others", "", func(*struct{}, message.Message) {}, nil, func(struct{}) []any { return nil }),
}

// lookup is what an order is found by, in any case of both: a digest, since no
// index needs the e-mail itself.
func lookup(email, locator string) string {
	digest := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(email)) + "\n" + strings.ToUpper(strings.TrimSpace(locator))))
	return hex.EncodeToString(digest[:])
}

func lookupOf(o view.Order) string {
	if o.Registrant == nil {
		return ""
	}
	return lookup(o.Registrant.Email, o.Locator)
}

func holdsUntil(o view.Order) int64 {
	if !o.Status.Open() {
		return 0
	}
	return nanos(o.Deadline)
}

// seatsOf is how many seats an order holds or, once it is confirmed, has.
func seatsOf(o view.Order) (n int64) {
	switch o.Status {
	case view.OrderPartiallyReserved, view.OrderReserved, view.OrderConfirmed:
		for _, l := range o.Lines {
			n += int64(l.Granted)
		}
	}
	return n
}

func refundFailedAt(p view.Payment) int64 {
	if p.Status != view.PaymentRefundFailed {
		return 0
	}
	return nanos(p.UpdatedAt)
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// nextSuffix names the tables that are being built.
const nextSuffix = "_next"

// createTables creates empty view tables.
func createTables(ctx context.Context, tx *sql.Tx, suffix string, generation int64) error {
	replace := strings.NewReplacer("{next}", suffix, "{generation}", strconv.FormatInt(generation, 10))
	_, err := tx.ExecContext(ctx, replace.Replace(viewsSQL))
	return err
}

func dropTables(ctx context.Context, tx *sql.Tx, suffix string) error {
	for _, t := range tables {
		if _, err := tx.ExecContext(ctx, `DROP TABLE IF EXISTS `+t.name+suffix); err != nil {
			return err
		}
	}
	return nil
}

// tableOfStream is the table that shows a stream, and the stream's id there.
func tableOfStream(at stream) (*table, string) {
	aggregate, id := projection.Aggregate(at.name)
	for i := range tables {
		if tables[i].aggregate == aggregate {
			return &tables[i], id
		}
	}
	return &tables[len(tables)-1], at.name
}

// row is the row of one stream in the table that shows it.
type row struct {
	*table
	stream  stream
	id      string
	version uint64 // 0 when there is no row yet
	doc     []byte
	folded  *folded // since it was read
}

// rows reads the rows of streams, in their order.
func (s *Store) rows(ctx context.Context, tx *sql.Tx, suffix string, streams []stream) ([]*row, error) {
	rows := make([]*row, len(streams))
	for i, at := range streams {
		t, id := tableOfStream(at)
		rows[i] = &row{table: t, stream: at, id: id}
	}
	return rows, s.dialect.fill(ctx, tx, suffix, rows)
}

// show folds the events that follow the row's version, without a gap, into it.
//
// A fold that fails is a fault of the code. It holds back that one stream, until
// the views are rebuilt by better code, and nothing else.
func (r *row) show(ctx context.Context, events []message.Message) {
	if len(events) == 0 {
		return
	}
	f, err := r.fold(r.doc, events)
	if err != nil {
		slog.ErrorContext(ctx, "a view is held back", "view", r.name, "stream", r.stream.name, "version", r.version, "error", err)
		return
	}
	f.moved = f.moved || r.folded != nil && r.folded.moved
	r.version, r.doc, r.folded = r.version+uint64(len(events)), f.doc, &f
}

// take shows those of the events that follow the row's version without a gap,
// and returns what is shown now.
func (r *row) take(ctx context.Context, events []Event) []message.Message {
	before := r.version
	ready := contiguous(events, before)
	r.show(ctx, ready)
	return ready[:r.version-before]
}

// save writes the rows that have changed.
func (s *Store) save(ctx context.Context, tx *sql.Tx, suffix string, rows []*row) error {
	for i := range tables {
		t := &tables[i]
		var moved, still [][]any
		for _, r := range rows {
			if r.table != t || r.folded == nil {
				continue
			}
			values := append([]any{r.stream.tenant, r.id, int64(r.version), string(r.doc)}, r.folded.columns...)
			if r.folded.moved {
				moved = append(moved, values)
			} else {
				still = append(still, values)
			}
		}
		if err := s.dialect.insert(ctx, tx, t.replace(suffix), moved); err != nil {
			return err
		}
		if err := s.dialect.insert(ctx, tx, t.redraw(suffix), still); err != nil {
			return err
		}
	}
	return nil
}

// replace writes whole rows.
func (t *table) replace(suffix string) insertion {
	into := t.redraw(suffix)
	for _, c := range t.columns {
		into.conflict += ", " + c.name + " = excluded." + c.name
	}
	return into
}

// redraw writes whole rows where there are none, and else only their documents,
// so that no index is touched.
func (t *table) redraw(suffix string) insertion {
	columns := append(texts("tenant", "id"), column{"version", integer}, column{"doc", text})
	return insertion{
		table:    t.name + suffix,
		columns:  append(columns, t.columns...),
		conflict: "(tenant, id) DO UPDATE SET version = excluded.version, doc = excluded.doc",
	}
}
