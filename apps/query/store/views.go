package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
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
const viewShape = 1

//go:embed views.sql
var viewsSQL string

// table describes one of the view tables. Its row for a stream is the fold of
// that stream's events.
type table struct {
	name      string
	aggregate string   // first part of the names of its streams
	columns   []string // beside tenant, id, version and doc
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

func tableOf[T any](name, aggregate string, fold func(*T, message.Message), columns []string, values func(T) []any) table {
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
	tableOf("orders", "order", projection.Order, []string{"lookup", "holds_until"}, func(o view.Order) []any {
		return []any{lookupOf(o), holdsUntil(o)}
	}),
	tableOf("assignments", "assignments", projection.Assignments, nil, func(projection.Seating) []any { return nil }),
	tableOf("payments", "payment", projection.Payment, []string{"order_id", "refund_failed_at"}, func(p view.Payment) []any {
		return []any{p.OrderID.String(), refundFailedAt(p)}
	}),
	tableOf("conferences", "conference", projection.Conference, []string{"slug", "published", "starts_at"}, func(c view.Conference) []any {
		return []any{c.Slug, flag(c.Published), nanos(c.StartsAt)}
	}),
	tableOf("availability", "seats", projection.Seats, nil, func(projection.Availability) []any { return nil }),
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

// viewTables are all view tables, live or being built, with the statements that
// fill them.
type viewTables struct {
	byAggregate map[string]preparedTable
}

type preparedTable struct {
	table
	selectRow, upsertRow, updateDoc *sql.Stmt
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

type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func prepareTables(ctx context.Context, db preparer, suffix string) (*viewTables, error) {
	v := &viewTables{byAggregate: map[string]preparedTable{}}
	for _, t := range tables {
		columns := append([]string{"tenant", "id", "version", "doc"}, t.columns...)
		values, updates := []string{}, []string{}
		for i, c := range columns {
			values = append(values, "$"+strconv.Itoa(i+1))
			updates = append(updates, c+" = excluded."+c)
		}
		p := preparedTable{table: t}
		var err error
		p.selectRow, err = db.PrepareContext(ctx, `SELECT version, doc FROM `+t.name+suffix+` WHERE tenant = $1 AND id = $2`)
		if err != nil {
			return nil, err
		}
		p.upsertRow, err = db.PrepareContext(ctx, `INSERT INTO `+t.name+suffix+` (`+strings.Join(columns, ", ")+`) VALUES (`+
			strings.Join(values, ", ")+`) ON CONFLICT (tenant, id) DO UPDATE SET `+strings.Join(updates[2:], ", "))
		if err != nil {
			return nil, err
		}
		p.updateDoc, err = db.PrepareContext(ctx, `UPDATE `+t.name+suffix+` SET version = $3, doc = $4 WHERE tenant = $1 AND id = $2`)
		if err != nil {
			return nil, err
		}
		v.byAggregate[t.aggregate] = p
	}
	return v, nil
}

func (v *viewTables) close() (err error) {
	for _, t := range v.byAggregate {
		err = errors.Join(err, t.selectRow.Close(), t.upsertRow.Close(), t.updateDoc.Close())
	}
	return err
}

// in gives the tables in a transaction.
func (v *viewTables) in(ctx context.Context, tx *sql.Tx) *viewTables {
	bound := &viewTables{byAggregate: make(map[string]preparedTable, len(v.byAggregate))}
	for aggregate, t := range v.byAggregate {
		t.selectRow = tx.StmtContext(ctx, t.selectRow)
		t.upsertRow = tx.StmtContext(ctx, t.upsertRow)
		t.updateDoc = tx.StmtContext(ctx, t.updateDoc)
		bound.byAggregate[aggregate] = t
	}
	return bound
}

// row is the row of one stream in the table that shows it.
type row struct {
	preparedTable
	stream  stream
	id      string
	version uint64 // 0 when there is no row yet
	doc     []byte
}

// row reads the row of a stream.
func (v *viewTables) row(ctx context.Context, at stream) (row, error) {
	aggregate, id := projection.Aggregate(at.name)
	t, ok := v.byAggregate[aggregate]
	if !ok {
		t, id = v.byAggregate[""], at.name
	}
	r := row{preparedTable: t, stream: at, id: id}
	err := t.selectRow.QueryRowContext(ctx, at.tenant, id).Scan(&r.version, &r.doc)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return r, err
}

// show folds the events that follow the row's version, without a gap, into it.
//
// A fold that fails is a fault of the code. It holds back that one stream, until
// the views are rebuilt by better code, and nothing else.
func (r *row) show(ctx context.Context, events []message.Message) error {
	if len(events) == 0 {
		return nil
	}
	f, err := r.fold(r.doc, events)
	if err != nil {
		slog.ErrorContext(ctx, "a view is held back", "view", r.name, "stream", r.stream.name, "version", r.version, "error", err)
		return nil
	}
	version := r.version + uint64(len(events))
	row := []any{r.stream.tenant, r.id, version, string(f.doc)}
	if f.moved {
		_, err = r.upsertRow.ExecContext(ctx, append(row, f.columns...)...)
	} else {
		_, err = r.updateDoc.ExecContext(ctx, row...)
	}
	if err != nil {
		return err
	}
	r.version, r.doc = version, f.doc
	return nil
}

// show folds a stream's events, which follow each other without a gap, into its
// row. Those that the row has are left out; when one before them is missing,
// nothing happens.
func (v *viewTables) show(ctx context.Context, at stream, events []message.Message) error {
	r, err := v.row(ctx, at)
	if err != nil {
		return err
	}
	for len(events) > 0 && events[0].StreamVersion <= r.version {
		events = events[1:]
	}
	if len(events) == 0 || events[0].StreamVersion > r.version+1 {
		return nil
	}
	return r.show(ctx, events)
}
