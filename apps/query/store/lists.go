package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/search"
	"github.com/plenary/plenary/apps/query/view"
)

// condition is a part of a WHERE, with its arguments.
type condition struct {
	sql  strings.Builder
	args []any
}

func where(tenant string, column string) *condition {
	c := &condition{}
	c.add(column+" = ?", tenant)
	return c
}

// add adds a condition in which each ? stands for the next argument.
func (c *condition) add(text string, args ...any) {
	if c.sql.Len() > 0 {
		c.sql.WriteString(" AND ")
	}
	c.write(text, args...)
}

func (c *condition) write(text string, args ...any) {
	for _, arg := range args {
		before, after, _ := strings.Cut(text, "?")
		c.args = append(c.args, arg)
		c.sql.WriteString(before + "$" + strconv.Itoa(len(c.args)))
		text = after
	}
	c.sql.WriteString(text)
}

// found adds the condition that a row has the terms of the typed text. kinds are the view
// tables whose terms count; ids of all of them are those of the column.
func (c *condition) found(tenant, column, typed string, kinds ...string) {
	for _, m := range search.Question(typed) {
		var of []string
		args := []any{tenant}
		for _, kind := range kinds {
			of, args = append(of, "?"), append(args, kind)
		}
		c.add(column+` IN (SELECT id FROM terms WHERE tenant = ? AND kind IN (`+strings.Join(of, ", ")+`) AND term >= ? AND term < ?)`,
			append(args, m.From, m.To)...)
	}
}

// CatalogueQuery asks for published conferences.
type CatalogueQuery struct {
	Typed string // words of name and place
	Over  bool   // those that have ended, the latest first; else the others, the earliest first
	After Cursor
	Limit int
}

// Catalogue are the published conferences as they stand at a time.
func (s *Store) Catalogue(ctx context.Context, tenant string, q CatalogueQuery, now time.Time) (view.Catalogue, error) {
	c := where(tenant, "c.tenant")
	c.add("c.published = 1")
	order := " ORDER BY c.starts_at, c.id"
	if q.Over {
		c.add("c.ends_at <= ?", nanos(now))
		if q.After != (Cursor{}) {
			c.add("(c.ends_at, c.id) < (?, ?)", nanos(q.After.Time), q.After.ID)
		}
		order = " ORDER BY c.ends_at DESC, c.id DESC"
	} else {
		c.add("c.ends_at > ?", nanos(now))
		c.add("(c.starts_at, c.id) > (?, ?)", nanos(q.After.Time), q.After.ID)
	}
	c.found(tenant, "c.id", q.Typed, "conferences")
	c.write(order+" LIMIT ?", q.Limit)
	all, err := s.conferences(ctx, c.sql.String(), c.args...)
	out := view.Catalogue{Conferences: make([]view.CatalogueEntry, len(all))}
	for i, one := range all {
		out.Conferences[i] = projection.CatalogueEntry(one, now)
	}
	if n := len(all); n == q.Limit {
		last := Cursor{all[n-1].StartsAt, all[n-1].ID.String()}
		if q.Over {
			last.Time = all[n-1].EndsAt
		}
		out.Next = last.String()
	}
	return out, err
}

// ListQuery asks for a page of a list in which somebody searches.
type ListQuery struct {
	Typed  string
	Status view.OrderStatus // only orders of this status
	// Organisation is whose conferences, or their orders, are listed.
	Organisation uuid.UUID
	After        Cursor
	Limit        int
}

// ConferenceSummaries are the conferences of an organisation, the latest to begin first.
func (s *Store) ConferenceSummaries(ctx context.Context, tenant string, q ListQuery) (out view.ConferenceSummaries, err error) {
	c := where(tenant, "c.tenant")
	c.add("c.organisation = ?", q.Organisation.String())
	if q.After != (Cursor{}) {
		c.add("(c.starts_at, c.id) < (?, ?)", nanos(q.After.Time), q.After.ID)
	}
	c.found(tenant, "c.id", q.Typed, "conferences")
	c.write(" ORDER BY c.starts_at DESC, c.id DESC LIMIT ?", q.Limit)
	all, err := s.conferences(ctx, c.sql.String(), c.args...)
	out.Conferences = []view.ConferenceSummary{}
	if err != nil {
		return out, err
	}
	for _, one := range all {
		sum := view.ConferenceSummary{
			ID: one.ID, Slug: one.Slug, Name: one.Name, TimeZone: one.TimeZone, StartsAt: one.StartsAt, EndsAt: one.EndsAt, Published: one.Published,
		}
		for _, t := range one.SeatTypes {
			sum.Quota += t.Quota
			sum.Remaining += max(t.Remaining, 0)
		}
		numbers, err := s.seatNumbers(ctx, tenant, one.ID)
		if err != nil {
			return out, err
		}
		for _, n := range numbers {
			sum.Sold, sum.Held = sum.Sold+n.Sold, sum.Held+n.Held
		}
		out.Conferences = append(out.Conferences, sum)
	}
	if n := len(all); n == q.Limit {
		out.Next = Cursor{all[n-1].StartsAt, all[n-1].ID.String()}.String()
	}
	return out, nil
}

// seatNumbers are the seats sold and held, by seat type.
func (s *Store) seatNumbers(ctx context.Context, tenant string, conference uuid.UUID) (numbers map[uuid.UUID]view.SeatTypeNumbers, err error) {
	numbers = map[uuid.UUID]view.SeatTypeNumbers{}
	err = s.each(ctx, func(rows *sql.Rows) error {
		var id string
		var sold bool
		var seats int
		if err := rows.Scan(&id, &sold, &seats); err != nil {
			return err
		}
		seatType, err := uuid.Parse(id)
		if err != nil {
			return err
		}
		n := numbers[seatType]
		if sold {
			n.Sold = seats
		} else {
			n.Held = seats
		}
		numbers[seatType] = n
		return nil
	}, `SELECT seat_type, sold = 1, SUM(seats) FROM lines WHERE tenant = $1 AND conference = $2 GROUP BY seat_type, sold`,
		tenant, conference.String())
	return numbers, err
}

// each runs a query and gives its rows to read one after the other.
func (s *Store) each(ctx context.Context, read func(*sql.Rows) error, query string, args ...any) (err error) {
	rows, err := s.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := read(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// OrderList are the orders of a conference, or of all conferences (the zero id) of the
// query's organisation, or of every one (the zero id again); the newest first.
func (s *Store) OrderList(ctx context.Context, tenant string, conference uuid.UUID, q ListQuery) (out view.OrderList, err error) {
	out.Orders, out.Counts = []view.OrderSummary{}, map[view.OrderStatus]int{}
	of := func() *condition {
		c := where(tenant, "tenant")
		if conference != uuid.Nil {
			c.add("conference = ?", conference.String())
		} else if q.Organisation != uuid.Nil {
			c.add("conference IN (SELECT id FROM conferences WHERE tenant = ? AND organisation = ?)", tenant, q.Organisation.String())
		}
		c.found(tenant, "id", q.Typed, "orders", "assignments")
		return c
	}
	if conference != uuid.Nil {
		c := of()
		c.write(" GROUP BY 1")
		if err := s.each(ctx, func(rows *sql.Rows) error {
			var status view.OrderStatus
			var n int
			err := rows.Scan(&status, &n)
			out.Counts[status] = n
			return err
		}, countByStatus+c.sql.String(), c.args...); err != nil {
			return out, err
		}
	}
	c := of()
	if q.Status != "" {
		c.add("status = ?", string(q.Status))
	}
	if q.After != (Cursor{}) {
		c.add("(placed_at, id) < (?, ?)", nanos(q.After.Time), q.After.ID)
	}
	c.write(" ORDER BY placed_at DESC, id DESC LIMIT ?", q.Limit)
	err = s.each(ctx, func(rows *sql.Rows) error {
		var doc []byte
		var o view.Order
		if err := rows.Scan(&doc); err != nil {
			return err
		}
		if err := json.Unmarshal(doc, &o); err != nil {
			return err
		}
		out.Orders = append(out.Orders, projection.OrderSummary(o))
		return nil
	}, `SELECT doc FROM orders WHERE `+c.sql.String(), c.args...)
	if n := len(out.Orders); n == q.Limit {
		out.Next = Cursor{out.Orders[n-1].PlacedAt, out.Orders[n-1].ID.String()}.String()
	}
	return out, err
}

// countByStatus counts orders of a conference. It does not name the column alone, or
// SQLite would walk all orders in the order of their status.
const countByStatus = `SELECT status || '', COUNT(*) FROM orders WHERE `

// ordersAtOnce is how many orders are read at once to list their seats.
const ordersAtOnce = 200

// AttendeeList are the seats of a conference's confirmed orders. A page ends with
// an order's last seat, or with the limit.
func (s *Store) AttendeeList(ctx context.Context, tenant string, conference uuid.UUID, q ListQuery) (out view.AttendeeList, err error) {
	out.Attendees = []view.AttendeeRow{}
	question := search.Question(q.Typed)
	order, after, err := positionOf(q.After)
	if err != nil {
		return out, err
	}
	for {
		seats, err := s.seats(ctx, tenant, conference, q.Typed, order)
		if err != nil {
			return out, err
		}
		for _, o := range seats {
			for _, row := range projection.AttendeeRows(o.order, o.seating) {
				if o.order.ID.String() == order.ID && row.Position <= after || !matches(question, row) {
					continue
				}
				if len(out.Attendees) == q.Limit {
					last := out.Attendees[q.Limit-1]
					out.Next = Cursor{order.Time, last.OrderID.String() + ":" + strconv.Itoa(last.Position)}.String()
					return out, nil
				}
				out.Attendees = append(out.Attendees, row)
				order.Time = o.order.PlacedAt // of the last one that is in the page
			}
		}
		if len(seats) < ordersAtOnce {
			return out, nil
		}
		last := seats[len(seats)-1].order
		order, after = Cursor{last.PlacedAt, last.ID.String()}, maxPosition
	}
}

// maxPosition is beyond every position of an order.
const maxPosition = 1 << 30

// positionOf reads a cursor into a list of seats: an order, and the position of
// the last seat of it that was listed.
func positionOf(c Cursor) (Cursor, int, error) {
	if c == (Cursor{}) {
		return c, 0, nil
	}
	id, position, _ := strings.Cut(c.ID, ":")
	n, err := strconv.Atoi(position)
	if err != nil {
		return c, 0, fmt.Errorf("%w: %q", ErrNoCursor, c.ID)
	}
	return Cursor{c.Time, id}, n, nil
}

// matches says whether a seat is what was searched for: its attendee or its
// order's locator.
func matches(question []search.Match, row view.AttendeeRow) bool {
	if len(question) == 0 {
		return true
	}
	terms := search.Code(row.Locator)
	if row.Attendee != nil {
		terms = append(terms, personTerms(row.Attendee.Person)...)
	}
	for _, m := range question {
		if !m.Holds(terms) {
			return false
		}
	}
	return true
}

type seated struct {
	order   view.Order
	seating projection.Seating
}

// seats are the confirmed orders of a conference with who sits where, from an
// order on.
func (s *Store) seats(ctx context.Context, tenant string, conference uuid.UUID, typed string, from Cursor) (all []seated, err error) {
	c := where(tenant, "o.tenant")
	c.add("o.conference = ?", conference.String())
	c.add("o.status = ?", string(view.OrderConfirmed))
	if from != (Cursor{}) {
		c.add("(o.placed_at, o.id) <= (?, ?)", nanos(from.Time), from.ID)
	}
	c.found(tenant, "o.id", typed, "orders", "assignments")
	c.write(" ORDER BY o.placed_at DESC, o.id DESC LIMIT ?", ordersAtOnce)
	err = s.each(ctx, func(rows *sql.Rows) error {
		var order, seating []byte
		var one seated
		if err := rows.Scan(&order, &seating); err != nil {
			return err
		}
		if err := json.Unmarshal(order, &one.order); err != nil {
			return err
		}
		if seating != nil {
			if err := json.Unmarshal(seating, &one.seating); err != nil {
				return err
			}
		}
		all = append(all, one)
		return nil
	}, `SELECT o.doc, a.doc FROM orders o LEFT JOIN assignments a ON a.tenant = o.tenant AND a.id = o.id WHERE `+c.sql.String(), c.args...)
	return all, err
}

// Suggestions complete what somebody types to find an order of a conference.
func (s *Store) Suggestions(ctx context.Context, tenant string, conference uuid.UUID, typed string, limit int) (view.Suggestions, error) {
	out := view.Suggestions{Suggestions: []view.Suggestion{}}
	question := search.Question(typed)
	if len(question) == 0 {
		return out, nil
	}
	list, err := s.OrderList(ctx, tenant, conference, ListQuery{Typed: typed, Limit: limit})
	if err != nil {
		return out, err
	}
	for _, o := range list.Orders {
		of := view.Suggestion{OrderID: o.ID, Kind: "registrant", Locator: o.Locator}
		if o.Registrant != nil {
			of.Name, of.Email = o.Registrant.FirstName+" "+o.Registrant.LastName, o.Registrant.Email
		}
		seat, err := s.attendeeFound(ctx, tenant, o, question)
		if err != nil {
			return out, err
		}
		if seat != nil {
			of.Kind, of.Name, of.Email = "attendee", seat.Attendee.FirstName+" "+seat.Attendee.LastName, seat.Attendee.Email
		}
		of.Name = strings.TrimSpace(of.Name)
		out.Suggestions = append(out.Suggestions, of)
	}
	return out, nil
}

// attendeeFound is the attendee for whom an order was found, unless it was found
// for its registrant or locator.
func (s *Store) attendeeFound(ctx context.Context, tenant string, o view.OrderSummary, question []search.Match) (*view.Assignment, error) {
	if o.Registrant != nil && matches(question, view.AttendeeRow{Locator: o.Locator, Attendee: attendee(*o.Registrant)}) {
		return nil, nil
	}
	whole, err := s.Order(ctx, tenant, o.ID)
	if err != nil {
		return nil, err
	}
	for _, a := range whole.Assignments {
		if a.Attendee != nil && matches(question, view.AttendeeRow{Locator: o.Locator, Attendee: a.Attendee}) {
			return &a, nil
		}
	}
	return nil, nil
}

// Dashboard is how a conference sells. Sales are those since a time. Error:
// ErrNotFound.
func (s *Store) Dashboard(ctx context.Context, tenant string, conference uuid.UUID, since time.Time) (d view.Dashboard, err error) {
	c, err := s.Conference(ctx, tenant, conference)
	if err != nil {
		return d, err
	}
	d = view.Dashboard{
		ConferenceID: c.ID, Currency: c.Currency, SeatTypes: []view.SeatTypeNumbers{}, Orders: map[view.OrderStatus]int{}, Sales: []view.HourlySales{},
	}
	numbers, err := s.seatNumbers(ctx, tenant, conference)
	if err != nil {
		return d, err
	}
	for _, t := range c.SeatTypes {
		n := numbers[t.ID]
		delete(numbers, t.ID)
		n.ID, n.Name, n.Price, n.Quota, n.Remaining = t.ID, t.Name, t.Price, t.Quota, t.Remaining
		d.SeatTypes = append(d.SeatTypes, n)
	}
	for id, n := range numbers { // a type that was removed
		n.ID, n.Removed = id, true
		d.SeatTypes = append(d.SeatTypes, n)
	}
	if err := s.sales(ctx, tenant, conference, since, &d); err != nil {
		return d, err
	}
	return d, s.money(ctx, tenant, conference, &d)
}

func (s *Store) sales(ctx context.Context, tenant string, conference uuid.UUID, since time.Time, d *view.Dashboard) error {
	confirmed, ended := 0, 0
	err := s.each(ctx, func(rows *sql.Rows) error {
		var status view.OrderStatus
		var wasConfirmed bool
		var n int
		err := rows.Scan(&status, &wasConfirmed, &n)
		d.Orders[status] += n
		if !status.Open() {
			ended += n
		}
		if wasConfirmed {
			confirmed += n
		}
		return err
	}, `SELECT status, confirmed_at > 0, COUNT(*) FROM orders WHERE tenant = $1 AND conference = $2 GROUP BY status, confirmed_at > 0`,
		tenant, conference.String())
	if err != nil {
		return err
	}
	if ended > 0 {
		d.Conversion = float64(confirmed) / float64(ended)
	}
	const hour = int64(time.Hour)
	return s.each(ctx, func(rows *sql.Rows) error {
		var at int64
		var h view.HourlySales
		err := rows.Scan(&at, &h.Orders, &h.Seats, &h.Amount)
		h.Hour = fromNanos(at * hour)
		d.Sales = append(d.Sales, h)
		return err
	}, `SELECT confirmed_at / 3600000000000 AS hour, COUNT(*), SUM(sold), SUM(total) FROM orders
		WHERE tenant = $1 AND conference = $2 AND confirmed_at >= $3 AND confirmed_at > 0 GROUP BY confirmed_at / 3600000000000 ORDER BY hour`,
		tenant, conference.String(), nanos(since))
}

// money adds up what was taken and given back.
func (s *Store) money(ctx context.Context, tenant string, conference uuid.UUID, d *view.Dashboard) error {
	err := s.each(ctx, func(rows *sql.Rows) error {
		return rows.Scan(&d.Gross, &d.Refunded, &d.Refunding)
	}, `SELECT COALESCE(SUM(p.amount), 0), COALESCE(SUM(p.refunded), 0), COALESCE(SUM(p.refunding), 0)
		FROM orders o JOIN payments p ON p.tenant = o.tenant AND p.order_id = o.id
		WHERE o.tenant = $1 AND o.conference = $2 AND p.completed_at > 0`, tenant, conference.String())
	d.Net = d.Gross - d.Refunded - d.Refunding
	return err
}
