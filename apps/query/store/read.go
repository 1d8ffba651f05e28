package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/search"
	"github.com/plenary/plenary/apps/query/view"
	written "github.com/plenary/plenary/contracts/text"
	"github.com/plenary/plenary/engine/message"
)

// Order is an order by its id. Error: ErrNotFound.
func (s *Store) Order(ctx context.Context, tenant string, id uuid.UUID) (view.Order, error) {
	found, err := s.Orders(ctx, tenant, id)
	if err != nil {
		return view.Order{}, err
	}
	o, there := found[id]
	if !there {
		return view.Order{}, ErrNotFound
	}
	return o, nil
}

// Orders are those of some orders that exist.
func (s *Store) Orders(ctx context.Context, tenant string, ids ...uuid.UUID) (map[uuid.UUID]view.Order, error) {
	found, lines := make(map[uuid.UUID]view.Order, len(ids)), s.newLines(tenant)
	err := s.eachOrder(ctx, tenant, ids, func(id uuid.UUID, of *orderDocs) (err error) {
		found[id], err = of.assembled(ctx, lines)
		return err
	})
	return found, err
}

// OrdersInJSON is Orders, encoded.
func (s *Store) OrdersInJSON(ctx context.Context, tenant string, ids ...uuid.UUID) (map[uuid.UUID]json.RawMessage, error) {
	found, lines := make(map[uuid.UUID]json.RawMessage, len(ids)), s.newLines(tenant)
	err := s.eachOrder(ctx, tenant, ids, func(id uuid.UUID, of *orderDocs) error {
		key, sum := shownKey{tenant, id}, sha256.Sum256(of.all)
		if shown, ok := s.shown.Get(key); ok && shown.of == sum {
			found[id] = shown.json
			return nil
		}
		o, err := of.assembled(ctx, lines)
		if err != nil {
			return err
		}
		found[id], err = json.Marshal(o)
		// The documents do not say the place in line of an order that waits.
		if err == nil && o.Status != view.OrderWaitlisted && len(found[id]) <= mostShownBytes {
			s.shown.Add(key, shownOrder{sum, found[id]})
		}
		return err
	})
	return found, err
}

// shownOrder is an order as it was encoded, and the sum of the documents that it was made
// of: while they are the same, so is the order. Many clients ask for one again and again.
type shownOrder struct {
	of   [sha256.Size]byte
	json json.RawMessage
}

type shownKey struct {
	tenant string
	id     uuid.UUID
}

// mostShown is how many are remembered; most have 2 KB, those of more than mostShownBytes
// are not.
const (
	mostShown      = 2048
	mostShownBytes = 16 << 10
)

// orderDocs are the documents that an order is made of.
type orderDocs struct {
	all  []byte // one after the other, each behind its part's name
	ends []docEnd
	// exists: the order's own document is among them. There may be payments of it, or its
	// seats, and nothing else yet.
	exists bool
}

// docEnd is where a document lies.
type docEnd struct {
	part     string
	from, to int
}

func (d *orderDocs) add(part string, doc []byte) {
	d.all = append(d.all, part...)
	from := len(d.all)
	d.all = append(d.all, doc...)
	d.ends = append(d.ends, docEnd{part, from, len(d.all)})
	d.exists = d.exists || part == partOrder
}

// eachOrder reads what there is of some orders, with as few statements as can be.
func (s *Store) eachOrder(ctx context.Context, tenant string, ids []uuid.UUID, do func(uuid.UUID, *orderDocs) error) error {
	for some := range slices.Chunk(ids, mostAtOnce) {
		found, err := s.docsOfOrders(ctx, tenant, some)
		if err != nil {
			return err
		}
		for id, of := range found {
			if !of.exists {
				continue
			}
			if err := do(id, of); err != nil {
				return err
			}
		}
	}
	return nil
}

// docsOfOrders are the documents that there are of at most mostAtOnce orders.
func (s *Store) docsOfOrders(ctx context.Context, tenant string, ids []uuid.UUID) (map[uuid.UUID]*orderDocs, error) {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	// One statement, so that all parts of an order are of the same moment.
	query, args := atOnce(ordersOf, tenant, names)
	rows, err := s.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err says what went wrong
	found := make(map[uuid.UUID]*orderDocs, len(ids))
	for rows.Next() {
		var part, name string
		var doc sql.RawBytes
		if err := rows.Scan(&part, &name, &doc); err != nil {
			return nil, err
		}
		id, err := uuid.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("store: order: %w", err)
		}
		of := found[id]
		if of == nil {
			of = &orderDocs{}
			found[id] = of
		}
		of.add(part, doc)
	}
	return found, rows.Err()
}

// waitLines are the waitlists of conferences, each read once.
type waitLines struct {
	*Store
	tenant string
	of     map[uuid.UUID]projection.Availability // by conference
}

func (s *Store) newLines(tenant string) *waitLines {
	return &waitLines{s, tenant, map[uuid.UUID]projection.Availability{}}
}

func (l *waitLines) line(ctx context.Context, conference uuid.UUID) (line projection.Availability, err error) {
	line, known := l.of[conference]
	if !known {
		if line, err = l.availability(ctx, l.tenant, conference); err == nil {
			l.of[conference] = line
		}
	}
	return line, err
}

// assembled makes an order of its documents.
func (d *orderDocs) assembled(ctx context.Context, lines *waitLines) (o view.Order, err error) {
	var seating projection.Seating
	var payments []view.Payment
	for _, end := range d.ends {
		doc := d.all[end.from:end.to]
		switch end.part {
		case partOrder:
			err = json.Unmarshal(doc, &o)
		case partSeating:
			err = json.Unmarshal(doc, &seating)
		case partPayment:
			var p view.Payment
			err = json.Unmarshal(doc, &p)
			payments = append(payments, p)
		}
		if err != nil {
			return o, err
		}
	}
	o = projection.Assemble(o, seating, payments)
	if o.Status == view.OrderWaitlisted {
		line, err := lines.line(ctx, o.ConferenceID)
		if err != nil {
			return o, err
		}
		o.Waitlist = line.PlaceOf(o.ID)
	}
	return o, nil
}

// The parts of an order.
const (
	partOrder   = "order"
	partSeating = "seating"
	partPayment = "payment"
)

// ordersOf are the statements by the number of orders they read, for atOnce.
var ordersOf = statements(func(places string) string {
	return `SELECT '` + partOrder + `', id, doc FROM orders WHERE tenant = $1 AND id IN (` + places + `)
		UNION ALL SELECT '` + partSeating + `', id, doc FROM assignments WHERE tenant = $1 AND id IN (` + places + `)
		UNION ALL SELECT '` + partPayment + `', order_id, doc FROM payments WHERE tenant = $1 AND order_id IN (` + places + `)`
})

// FindOrder is the order of a registrant, by e-mail and record locator, in any
// way of writing both. Error: ErrNotFound.
func (s *Store) FindOrder(ctx context.Context, tenant string, by view.FindOrder) (view.Order, error) {
	var id string
	err := s.reader.QueryRowContext(ctx, `SELECT id FROM orders WHERE tenant = $1 AND lookup = $2`,
		tenant, lookup(by.Email, by.Locator)).Scan(&id)
	if err != nil {
		return view.Order{}, notFound(err)
	}
	return s.Order(ctx, tenant, uuid.MustParse(id))
}

// CountSeats counts the seats of an e-mail address, in any way of writing it, in the
// conference of an order. Error: ErrNotFound.
func (s *Store) CountSeats(ctx context.Context, tenant string, asked view.CountSeats) (out view.SeatsCounted, err error) {
	var doc []byte
	err = s.reader.QueryRowContext(ctx, `SELECT doc FROM orders WHERE tenant = $1 AND id = $2`, tenant, asked.OrderID.String()).Scan(&doc)
	if err != nil {
		return out, notFound(err)
	}
	var o view.Order
	if err := json.Unmarshal(doc, &o); err != nil {
		return out, err
	}
	out.Order = o.Wants()
	email := asked.Email
	if o.Registrant != nil {
		email = cmp.Or(email, o.Registrant.Email)
		out.Already = written.SameEmail(email, o.Registrant.Email)
	}
	if email == "" {
		return out, nil
	}
	err = s.each(ctx, func(rows *sql.Rows) error {
		var doc []byte
		var other view.Order
		if err := rows.Scan(&doc); err != nil {
			return err
		}
		if err := json.Unmarshal(doc, &other); err != nil {
			return err
		}
		if other.Registrant != nil && written.SameEmail(email, other.Registrant.Email) {
			out.Others += other.Wants()
		}
		return nil
	}, `SELECT doc FROM orders WHERE tenant = $1 AND conference = $2 AND id <> $3 AND status NOT IN ($4, $5, $6)
		AND id IN (SELECT id FROM terms WHERE tenant = $1 AND kind = 'orders' AND term = $7)`,
		tenant, o.ConferenceID.String(), o.ID.String(), string(view.OrderRejected), string(view.OrderExpired), string(view.OrderCancelled), storable(search.Address(email)))
	return out, err
}

// Overdue are the orders that have not ended though their deadline is before
// the time given, the longest overdue first, at most limit after a cursor.
func (s *Store) Overdue(ctx context.Context, tenant string, before time.Time, after Cursor, limit int) (view.OverdueOrders, error) {
	docs, err := s.docs(ctx, `SELECT id, doc FROM orders WHERE tenant = $1 AND holds_until > 0 AND holds_until < $2
		AND (holds_until, id) > ($3, $4) ORDER BY holds_until, id LIMIT $5`,
		tenant, nanos(before), nanos(after.Time), after.ID, limit)
	if err != nil {
		return view.OverdueOrders{}, err
	}
	out := view.OverdueOrders{Orders: []view.OverdueOrder{}}
	for _, d := range docs {
		var o view.Order
		if err := json.Unmarshal(d.doc, &o); err != nil {
			return out, err
		}
		out.Orders = append(out.Orders, view.OverdueOrder{OrderID: o.ID, Status: o.Status, Deadline: o.Deadline})
	}
	if n := len(out.Orders); n == limit {
		last := out.Orders[n-1]
		out.Next = Cursor{last.Deadline, last.OrderID.String()}.String()
	}
	return out, nil
}

// Conference is a conference by its id. Error: ErrNotFound.
func (s *Store) Conference(ctx context.Context, tenant string, id uuid.UUID) (view.Conference, error) {
	return s.conference(ctx, `id = $2`, tenant, id.String())
}

// ConferenceBySlug is a conference by its slug. Error: ErrNotFound.
func (s *Store) ConferenceBySlug(ctx context.Context, tenant, slug string) (view.Conference, error) {
	return s.conference(ctx, `slug = $2`, tenant, slug)
}

func (s *Store) conference(ctx context.Context, where, tenant, key string) (view.Conference, error) {
	all, err := s.conferences(ctx, `c.tenant = $1 AND c.`+where, tenant, key)
	if err != nil {
		return view.Conference{}, err
	}
	if len(all) == 0 {
		return view.Conference{}, ErrNotFound
	}
	return all[0], nil
}

// Conferences are the published conferences that have not ended by now, the
// earliest first, at most limit after a cursor.
func (s *Store) Conferences(ctx context.Context, tenant string, now time.Time, after Cursor, limit int) (view.Conferences, error) {
	all, err := s.conferences(ctx, `c.tenant = $1 AND c.published = 1 AND c.ends_at > $2
		AND (c.starts_at, c.id) > ($3, $4) ORDER BY c.starts_at, c.id LIMIT $5`,
		tenant, nanos(now), nanos(after.Time), after.ID, limit)
	out := view.Conferences{Conferences: all}
	if n := len(all); n == limit {
		out.Next = Cursor{all[n-1].StartsAt, all[n-1].ID.String()}.String()
	}
	return out, err
}

func (s *Store) conferences(ctx context.Context, where string, args ...any) (all []view.Conference, err error) {
	rows, err := s.query(ctx, `SELECT c.doc, a.doc FROM conferences c
		LEFT JOIN availability a ON a.tenant = c.tenant AND a.id = c.id WHERE c.deleted = 0 AND `+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	all = []view.Conference{}
	for rows.Next() {
		var doc, seats []byte
		if err := rows.Scan(&doc, &seats); err != nil {
			return nil, err
		}
		var c view.Conference
		var a projection.Availability
		if err := json.Unmarshal(doc, &c); err != nil {
			return nil, err
		}
		if seats != nil {
			if err := json.Unmarshal(seats, &a); err != nil {
				return nil, err
			}
		}
		all = append(all, projection.AssembleConference(c, a))
	}
	return all, rows.Err()
}

// Payment is a payment by its id. Error: ErrNotFound.
func (s *Store) Payment(ctx context.Context, tenant string, id uuid.UUID) (view.Payment, error) {
	var doc []byte
	err := s.reader.QueryRowContext(ctx, `SELECT doc FROM payments WHERE tenant = $1 AND id = $2`, tenant, id.String()).Scan(&doc)
	if err != nil {
		return view.Payment{}, notFound(err)
	}
	var p view.Payment
	return p, json.Unmarshal(doc, &p)
}

// FailedRefunds are the refunds that need an operator, those of the payment first whose
// refund failed first: of at most limit payments after a cursor.
func (s *Store) FailedRefunds(ctx context.Context, tenant string, after Cursor, limit int) (view.FailedRefunds, error) {
	out := view.FailedRefunds{Refunds: []view.FailedRefund{}}
	docs, err := s.docs(ctx, `SELECT id, doc FROM payments WHERE tenant = $1 AND refund_failed_at > 0
		AND (refund_failed_at, id) > ($2, $3) ORDER BY refund_failed_at, id LIMIT $4`, tenant, nanos(after.Time), after.ID, limit)
	if err != nil {
		return out, err
	}
	for _, d := range docs {
		var p view.Payment
		if err := json.Unmarshal(d.doc, &p); err != nil {
			return out, err
		}
		for _, r := range p.Refunds {
			if r.Status == view.PaymentRefundFailed {
				out.Refunds = append(out.Refunds, view.FailedRefund{
					PaymentID: p.ID, RefundID: r.ID, OrderID: p.OrderID, Amount: r.Amount, Attempts: r.Attempts, Reason: r.Reason, FailedAt: r.UpdatedAt,
				})
			}
		}
		if at, _ := refundsFailed(p); len(docs) == limit {
			out.Next = Cursor{fromNanos(at), p.ID.String()}.String()
		}
	}
	return out, nil
}

// Outcome is what became of a command. One that nothing is known of has the
// status unknown.
func (s *Store) Outcome(ctx context.Context, tenant, commandID string) (view.Outcome, error) {
	outcomes, err := s.Outcomes(ctx, tenant, []string{commandID})
	if err != nil {
		return view.Outcome{}, err
	}
	return outcomes[0], nil
}

// Outcomes is what became of some commands, with as few statements as can be.
func (s *Store) Outcomes(ctx context.Context, tenant string, commandIDs []string) ([]view.Outcome, error) {
	outcomes := make([]view.Outcome, 0, len(commandIDs))
	for ids := range slices.Chunk(commandIDs, mostAtOnce) {
		query, args := atOnce(outcomesOf, tenant, ids)
		events, err := s.events(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		byCause := make(map[string][]message.Message, len(ids))
		for _, e := range events {
			byCause[e.Cause.ID] = append(byCause[e.Cause.ID], e)
		}
		for _, id := range ids {
			outcomes = append(outcomes, projection.Outcome(id, byCause[id]))
		}
	}
	return outcomes, nil
}

// outcomesOf are the statements by the number of commands they read, for atOnce. They sort
// as their index does: for another order SQLite would walk the whole journal.
var outcomesOf = statements(func(places string) string {
	return `SELECT ` + eventColumns + ` FROM journal
		WHERE tenant = $1 AND cause_id IN (` + places + `) AND ` + isShown + ` ORDER BY cause_id, stream, version`
})

// mostAtOnce is of how many things one statement reads.
const mostAtOnce = 64

// statements are the forms of a statement by the number of ids that it reads: powers of
// two, since each is prepared once. of makes one with these places for ids; its first
// argument is the tenant.
func statements(of func(places string) string) map[int]string {
	forms := map[int]string{}
	for n := 1; n <= mostAtOnce; n *= 2 {
		places := make([]string, n)
		for i := range places {
			places[i] = "$" + strconv.Itoa(i+2)
		}
		forms[n] = of(strings.Join(places, ", "))
	}
	return forms
}

// atOnce is the form of a statement that reads at most mostAtOnce ids, and its arguments.
func atOnce(forms map[int]string, tenant string, ids []string) (query string, args []any) {
	places := 1
	for places < len(ids) {
		places *= 2
	}
	args = append(make([]any, 0, 1+places), tenant)
	for i := range places {
		args = append(args, ids[min(i, len(ids)-1)])
	}
	return forms[places], args
}

// Timeline is a page of the story of an order: the events of its own streams, and those of
// others that are about it. How many there can be is bounded by the order. Error:
// ErrNotFound when nothing is known of it, ErrNoCursor.
func (s *Store) Timeline(ctx context.Context, tenant string, order uuid.UUID, after Cursor, limit int) (view.Timeline, error) {
	events, err := s.ofOrder(ctx, tenant, order)
	if err != nil {
		return view.Timeline{}, err
	}
	entries := projection.Timeline(messagesOf(events))
	if len(entries) == 0 {
		return view.Timeline{}, ErrNotFound
	}
	if after != (Cursor{}) {
		last := slices.IndexFunc(entries, func(e view.TimelineEntry) bool { return e.ID == after.ID })
		if last < 0 {
			return view.Timeline{}, fmt.Errorf("%w: %q is not in the timeline", ErrNoCursor, after.ID)
		}
		entries = entries[last+1:]
	}
	page := view.Timeline{OrderID: order, Entries: entries}
	if len(entries) > limit {
		page.Entries = entries[:limit]
		last := page.Entries[limit-1]
		page.Next = Cursor{last.Time, last.ID}.String()
	}
	return page, nil
}

// Has says whether the journal has an event, by its place in its stream.
func (s *Store) Has(ctx context.Context, at message.Meta) (has bool, err error) {
	err = s.each(ctx, func(*sql.Rows) error { has = true; return nil },
		`SELECT 1 FROM journal WHERE tenant = $1 AND stream = $2 AND version = $3`, at.Tenant, at.Stream, int64(at.StreamVersion))
	return has, err
}

// Waiting is the number of streams in which events wait for one before them.
// One that stays so has lost an event: it was given up, or a fold failed.
func (s *Store) Waiting(ctx context.Context) (n int, err error) {
	err = s.reader.QueryRowContext(ctx, `SELECT COUNT(*) FROM waiting`).Scan(&n)
	return n, err
}

// isShown leaves out the events that wait in the journal.
const isShown = `version <= COALESCE((SELECT shown FROM waiting
	WHERE waiting.tenant = journal.tenant AND waiting.stream = journal.stream), version)`

func (s *Store) events(ctx context.Context, query string, args ...any) ([]message.Message, error) {
	rows, err := s.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	events, err := scanEvents(ctx, s.registry, rows)
	if err != nil {
		return nil, err
	}
	return messagesOf(events), nil
}

func messagesOf(events []Event) []message.Message {
	messages := make([]message.Message, len(events))
	for i, e := range events {
		messages[i] = e.Message
	}
	return messages
}

// query runs one of the fixed queries of this package, each prepared once:
// preparing takes longer than most of them do.
func (s *Store) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	for i, arg := range args {
		if text, ok := arg.(string); ok { // perhaps anybody's, as a slug is
			args[i] = storable(text)
		}
	}
	if st, ok := s.prepared.Load(query); ok {
		return st.(*sql.Stmt).QueryContext(ctx, args...)
	}
	st, err := s.reader.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if other, lost := s.prepared.LoadOrStore(query, st); lost {
		err = st.Close()
		st = other.(*sql.Stmt)
	}
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

type part struct {
	part string
	doc  []byte
}

func (s *Store) docs(ctx context.Context, query string, args ...any) (docs []part, err error) {
	rows, err := s.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var d part
		if err := rows.Scan(&d.part, &d.doc); err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
	return docs, rows.Err()
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// Cursor is a place in a list that is ordered by time and id. Its zero value is
// before the first.
type Cursor struct {
	Time time.Time
	ID   string
}

// String is the cursor as it travels; it means nothing to those who carry it.
func (c Cursor) String() string { return strconv.FormatInt(nanos(c.Time), 36) + "-" + c.ID }

// ErrNoCursor: a text is nothing that String wrote.
var ErrNoCursor = errors.New("store: not a cursor")

// ParseCursor reads what String wrote; the empty text is the zero Cursor. Error:
// ErrNoCursor.
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	at, id, ok := strings.Cut(text, "-")
	n, err := strconv.ParseInt(at, 36, 64)
	if err != nil || !ok {
		return Cursor{}, fmt.Errorf("%w: %q", ErrNoCursor, text)
	}
	return Cursor{fromNanos(n), id}, nil
}
