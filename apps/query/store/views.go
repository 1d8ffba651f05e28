package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/search"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	written "github.com/plenary/plenary/contracts/text" // the columns have a text of their own
	"github.com/plenary/plenary/engine/message"
)

// viewShape is raised whenever the tables, a view or its fold changes, so that
// the next start rebuilds the views.
const viewShape = 16

// table describes one of the view tables. Its row for a stream is the fold of
// that stream's events: tenant, id, the version that it shows, the document, and
// what of it is looked for.
type table struct {
	name      string
	aggregate string   // first part of the names of its streams
	columns   []column // beside tenant, id, version and doc
	indexes   []index
	// sides are tables with any number of rows for each of this one's.
	sides []*side
	// fold folds events into a document.
	fold func(doc []byte, events []message.Message) (folded, error)
}

// index is an index of a view table, over these columns after the tenant.
type index struct{ name, columns string }

// side is a table with any number of rows for a row of a view table: the tenant,
// the columns, which are its key, and the id of that row.
type side struct {
	name    string
	columns []column
}

// folded is a document and what is looked for in it.
type folded struct {
	doc     []byte
	columns []any
	// moved says that the columns are others than before: most events leave them
	// alone, and then no index need be touched.
	moved bool
	// before and rows are the rows of each side, as they were and as they are.
	before, rows [][][]any
}

// shown is what of a view T is looked for: its table's columns, and the rows of
// each side.
type shown[T any] struct {
	columns func(T) []any
	sides   []func(T) [][]any
}

func tableOf[T any](t table, fold func(*T, message.Message), of shown[T]) table {
	rows := func(v T) (all [][][]any) {
		for _, rows := range of.sides {
			all = append(all, rows(v))
		}
		return all
	}
	values := func(v T) []any {
		if of.columns == nil {
			return nil
		}
		return of.columns(v)
	}
	t.fold = func(doc []byte, events []message.Message) (f folded, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("fold panicked: %v", p)
			}
		}()
		var v T
		var before []any
		if doc != nil {
			if err := json.Unmarshal(doc, &v); err != nil {
				return folded{}, err
			}
			before, f.before = values(v), rows(v)
		}
		for _, m := range events {
			fold(&v, m)
		}
		f.columns, f.rows = values(v), rows(v)
		f.moved = doc == nil || !slices.Equal(before, f.columns)
		f.doc, err = json.Marshal(v)
		return f, err
	}
	return t
}

// The sides.
var (
	// terms are the words by which a row of a view table is found; kind says of
	// which table.
	terms = &side{"terms", texts("kind", "term")}
	// seatLines are the seats of an order that holds some, or has: by seat type, 1 for
	// those that are sold.
	seatLines = &side{"lines", append(texts("conference", "seat_type"), column{"sold", integer}, column{"seats", integer})}
)

var sides = []*side{terms, seatLines}

var tables = []table{
	tableOf(table{
		name: "orders", aggregate: "order", sides: []*side{terms, seatLines},
		columns: []column{
			{"lookup", text},         // digest of e-mail and locator; empty without a registrant
			{"holds_until", integer}, // deadline of an order that has not ended; 0 when it has
			{"status", text},
			{"seats", integer}, // that the order holds or, confirmed, has
			{"conference", text},
			{"placed_at", integer},
			{"confirmed_at", integer}, // 0 unless it was confirmed, also when it was cancelled later
			{"total", integer},
			{"sold", integer}, // seats with which it was confirmed
			{"payment", text}, // that confirmed it; empty if none did
		},
		indexes: []index{
			{"lookup", "lookup"},
			{"holds_until", "holds_until, id"},
			{"totals", "status, holds_until, seats"},
			{"conference", "conference, placed_at, id, status"},
			{"sales", "conference, confirmed_at, status, sold, total"},
			{"newest", "placed_at, id"},
		},
	}, projection.Order, shown[view.Order]{
		columns: func(o view.Order) []any {
			return []any{
				lookupOf(o), holdsUntil(o), string(o.Status), seatsOf(o),
				o.ConferenceID.String(), nanos(o.PlacedAt), nanos(o.ConfirmedAt), o.Total.Amount, soldOf(o), paymentOf(o),
			}
		},
		sides: []func(view.Order) [][]any{
			func(o view.Order) [][]any { return termRows("orders", orderTerms(o)) },
			linesOf,
		},
	}),
	tableOf(table{name: "assignments", aggregate: "assignments", sides: []*side{terms}}, projection.Assignments, shown[projection.Seating]{
		sides: []func(projection.Seating) [][]any{
			func(s projection.Seating) [][]any { return termRows("assignments", seatingTerms(s)) },
		},
	}),
	tableOf(table{
		name: "payments", aggregate: "payment",
		columns: []column{
			{"order_id", text},
			{"refund_failed_at", integer}, // of the first of its refunds that have failed; 0 if none has
			{"refunds_failed", integer},   // how many
			{"refunded", integer},         // how much went back
			{"refunding", integer},        // how much is to go back and has not
			{"status", text},
			{"amount", integer},
			{"completed_at", integer}, // 0 unless the money was taken
		},
		indexes: []index{
			{"order", "order_id, completed_at, amount, refunded, refunding"},
			{"refund_failed", "refund_failed_at, id"},
			{"completed", "status, completed_at, id"},
		},
	}, projection.Payment, shown[view.Payment]{columns: func(p view.Payment) []any {
		failedAt, failed := refundsFailed(p)
		return []any{
			p.OrderID.String(), failedAt, failed, p.In(view.PaymentRefunded),
			p.In(view.PaymentRefundRequested) + p.In(view.PaymentRefundFailed), string(p.Status), p.Amount.Amount, nanos(p.CompletedAt),
		}
	}}),
	tableOf(table{
		name: "conferences", aggregate: "conference", sides: []*side{terms},
		columns: []column{
			{"slug", text}, {"published", integer}, {"starts_at", integer}, {"ends_at", integer},
			{"deleted", integer}, // a draft that was given up: it is in no list
			{"organisation", text},
		},
		indexes: []index{
			{"slug", "slug"},
			{"starts_at", "published, starts_at, id, ends_at"},
			{"ends_at", "published, ends_at, id"},
			{"all", "organisation, starts_at, id"},
		},
	}, projection.Conference, shown[view.Conference]{
		columns: func(c view.Conference) []any {
			return []any{c.Slug, flag(c.Published), nanos(c.StartsAt), nanos(c.EndsAt), flag(c.ID == uuid.Nil), c.OrganisationID.String()}
		},
		sides: []func(view.Conference) [][]any{
			func(c view.Conference) [][]any { return termRows("conferences", conferenceTerms(c)) },
		},
	}),
	tableOf(table{
		name: "promo_codes", aggregate: "promo",
		columns: []column{{"conference", text}, {"created_at", integer}},
		indexes: []index{{"conference", "conference, created_at, id"}},
	}, projection.PromoCode, shown[view.PromoCode]{columns: func(p view.PromoCode) []any {
		return []any{p.ConferenceID.String(), nanos(p.CreatedAt)}
	}}),
	tableOf(table{
		name: "availability", aggregate: "seats",
		columns: []column{{"waiting", integer}}, // orders in line
		indexes: []index{{"waiting", "waiting, id"}},
	}, projection.Seats, shown[projection.Availability]{columns: func(a projection.Availability) []any {
		return []any{int64(len(a.Line))}
	}}),
	tableOf(table{
		name: "organisations", aggregate: "organisation",
		columns: []column{{"created_at", integer}},
		indexes: []index{{"created_at", "created_at, id"}},
	}, projection.FoldOrganisation, shown[projection.Organisation]{columns: func(o projection.Organisation) []any {
		return []any{nanos(o.CreatedAt)}
	}}),
	// Streams that no view shows; their ids are their whole names. It stands last:
	// see tableOfStream.
	tableOf(table{name: "others"}, func(*struct{}, message.Message) {}, shown[struct{}]{}),
}

func termRows(of string, terms []string) (rows [][]any) {
	for _, term := range terms {
		rows = append(rows, []any{of, storable(term)})
	}
	return rows
}

func orderTerms(o view.Order) []string {
	terms := search.Code(o.Locator)
	if o.Registrant != nil {
		terms = append(terms, personTerms(*o.Registrant)...)
	}
	return terms
}

func personTerms(p contracts.Person) []string {
	return append(search.Name(p.FirstName, p.LastName), search.Email(p.Email)...)
}

func attendee(p contracts.Person) *contracts.Attendee { return &contracts.Attendee{Person: p} }

func seatingTerms(s projection.Seating) (terms []string) {
	for _, a := range s.Assignments {
		if a.Attendee != nil {
			terms = append(terms, personTerms(a.Attendee.Person)...)
		}
	}
	return terms
}

func conferenceTerms(c view.Conference) []string {
	return append(append(search.Text(c.Name), search.Text(c.Location)...), search.Text(c.Slug)...)
}

func linesOf(o view.Order) (rows [][]any) {
	if seatsOf(o) == 0 {
		return nil
	}
	for _, l := range o.Lines {
		if n := o.Has(l); n > 0 {
			rows = append(rows, []any{o.ConferenceID.String(), l.SeatType.String(), flag(o.Status == view.OrderConfirmed), int64(n)})
		}
	}
	return rows
}

// lookup is what an order is found by, in any way of writing e-mail and locator:
// a digest, since no index needs the e-mail itself.
func lookup(email, locator string) string {
	if typed, err := written.Locator(locator); err == nil {
		locator = typed
	}
	digest := sha256.Sum256([]byte(written.EmailKey(email) + "\n" + locator))
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
			n += int64(o.Has(l))
		}
	}
	return n
}

func paymentOf(o view.Order) string {
	if o.PaymentID == nil {
		return ""
	}
	return o.PaymentID.String()
}

// soldOf is how many seats an order had when it was confirmed.
func soldOf(o view.Order) (n int64) {
	if o.ConfirmedAt.IsZero() {
		return 0
	}
	for _, l := range o.Lines {
		n += int64(l.Granted)
	}
	return n
}

// refundsFailed is when the first of a payment's refunds failed of those that have, and
// how many have.
func refundsFailed(p view.Payment) (at, n int64) {
	for _, r := range p.Refunds {
		if r.Status == view.PaymentRefundFailed {
			if n++; at == 0 || nanos(r.UpdatedAt) < at {
				at = nanos(r.UpdatedAt)
			}
		}
	}
	return at, n
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// nextSuffix names the tables that are being built.
const nextSuffix = "_next"

// createTables creates empty view tables. Names of indexes have the generation in
// them: they stay when their tables are renamed.
func createTables(ctx context.Context, tx *sql.Tx, suffix string, generation int64, bytewise string) error {
	for _, statement := range definitions(suffix, strconv.FormatInt(generation, 10), bytewise) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// definitions are the statements that create the tables. bytewise follows the
// type of the texts of which ranges are asked for.
func definitions(suffix, generation, bytewise string) (statements []string) {
	create := func(name string, columns []column, key, bytewise string) {
		var parts []string
		for _, c := range columns {
			typ := strings.ToUpper(string(c.kind))
			if c.kind == text {
				typ += bytewise
			}
			parts = append(parts, c.name+" "+typ+" NOT NULL")
		}
		statements = append(statements, fmt.Sprintf(`CREATE TABLE %s%s (%s, PRIMARY KEY (%s))`, name, suffix, strings.Join(parts, ", "), key))
	}
	for i := range tables {
		t := &tables[i]
		create(t.name, t.all(), "tenant, id", "")
		for _, x := range t.indexes {
			statements = append(statements, fmt.Sprintf(`CREATE INDEX %s_%s_%s ON %s%s (tenant, %s)`, t.name, x.name, generation, t.name, suffix, x.columns))
		}
	}
	for _, d := range sides {
		create(d.name, d.all(), names(d.all()), bytewise)
	}
	return statements
}

// all are the table's columns.
func (t *table) all() []column {
	return append(append(texts("tenant", "id"), column{"version", integer}, column{"doc", text}), t.columns...)
}

// all are the side's columns.
func (d *side) all() []column {
	return append(append(texts("tenant"), d.columns...), column{"id", text})
}

// tableNames are the names of all view tables.
func tableNames() (all []string) {
	for i := range tables {
		all = append(all, tables[i].name)
	}
	for _, d := range sides {
		all = append(all, d.name)
	}
	return all
}

func dropTables(ctx context.Context, tx *sql.Tx, suffix string) error {
	for _, name := range tableNames() {
		if _, err := tx.ExecContext(ctx, `DROP TABLE IF EXISTS `+name+suffix); err != nil {
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

// value is that of a column, of a row that has been folded.
func (r *row) value(column string) any {
	for i, c := range r.columns {
		if c.name == column {
			return r.folded.columns[i]
		}
	}
	return nil
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
	if r.folded != nil { // as it was when it was read, to as it is now
		f.moved, f.before = f.moved || r.folded.moved, r.folded.before
	}
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
	for _, d := range sides {
		if err := s.saveSide(ctx, tx, suffix, d, rows); err != nil {
			return err
		}
	}
	return nil
}

// saveSide writes those rows of a side that the rows of view tables have and had
// not, and deletes those that they had and have not.
func (s *Store) saveSide(ctx context.Context, tx *sql.Tx, suffix string, d *side, rows []*row) error {
	var gone, come [][]any
	for _, r := range rows {
		if r.folded == nil {
			continue
		}
		for n, of := range r.sides {
			if of != d {
				continue
			}
			var before [][]any
			if r.folded.before != nil {
				before = r.folded.before[n]
			}
			gone = append(gone, r.missing(before, r.folded.rows[n])...)
			come = append(come, r.missing(r.folded.rows[n], before)...)
		}
	}
	if err := s.dialect.remove(ctx, tx, d.name+suffix, d.all(), gone); err != nil {
		return err
	}
	return s.dialect.insert(ctx, tx, insertion{table: d.name + suffix, columns: d.all(), conflict: "DO NOTHING"}, come)
}

// missing are the rows that others lack, as they stand in the side.
func (r *row) missing(rows, others [][]any) (all [][]any) {
	for _, values := range rows {
		if !slices.ContainsFunc(others, func(o []any) bool { return slices.Equal(o, values) }) {
			all = append(all, slices.Concat([]any{r.stream.tenant}, values, []any{r.id}))
		}
	}
	return all
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
	return insertion{
		table:    t.name + suffix,
		columns:  t.all(),
		conflict: "(tenant, id) DO UPDATE SET version = excluded.version, doc = excluded.doc",
	}
}
