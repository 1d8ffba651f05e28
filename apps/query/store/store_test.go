package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

var (
	registry = contracts.Registry()
	noon     = time.Date(2027, time.March, 1, 12, 0, 0, 123456789, time.UTC)

	conferenceID = uuid.MustParse("c0000000-0000-4000-8000-000000000001")
	general      = uuid.MustParse("5ea70000-0000-4000-8000-000000000001")
	cocktail     = uuid.MustParse("5ea70000-0000-4000-8000-000000000002")
	ann          = contracts.Person{FirstName: "Ann", LastName: "Lee", Email: "Ann.Lee@example.com"}
)

func usd(cents int64) contracts.Money { return contracts.Money{Amount: cents, Currency: "USD"} }

func TestMain(m *testing.M) { os.Exit(databases.Main(m)) }

// open opens a database, until the test ends.
func open(t testing.TB, connection string) *Store {
	t.Helper()
	s, err := Open(context.Background(), connection, registry, live.NewHub())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// event makes the event of a place in a stream. It was caused by a command that
// is named after it.
func event(streamName string, version int, body any, change ...func(*message.Meta)) Event {
	at := noon.Add(time.Duration(version) * time.Second)
	m := message.Message{Meta: message.Meta{
		ID: es.DerivedID(streamName, fmt.Sprint(version)), Source: "test", Stream: streamName, Time: at,
		Tenant: message.DefaultTenant, StreamVersion: uint64(version),
		Cause: message.Cause{
			ID: commandOf(streamName, version), Type: "Command.v1", Source: "web", Time: at.Add(-time.Millisecond),
		},
	}, Body: body}
	for _, c := range change {
		c(&m.Meta)
	}
	var err error
	var data []byte
	if m.Type, data, err = registry.Encode(m.Meta, body); err != nil {
		panic(err)
	}
	return Event{Message: m, Data: data}
}

func commandOf(streamName string, version int) string {
	return es.DerivedID(streamName, fmt.Sprintf("command of %d", version))
}

// streamOf makes a whole stream of bodies.
func streamOf(name string, bodies ...any) (events []Event) {
	for i, b := range bodies {
		events = append(events, event(name, i+1, b))
	}
	return events
}

func placed(order uuid.UUID) contracts.OrderPlaced {
	return contracts.OrderPlaced{
		OrderID: order, ConferenceID: conferenceID, Version: 1,
		Items:    contracts.Seats{{SeatType: general, Quantity: 1}, {SeatType: cocktail, Quantity: 1}},
		Deadline: noon.Add(15 * time.Minute), Locator: "K7PQ2MXA",
	}
}

func totals(order uuid.UUID, state contracts.LineState, granted int) contracts.OrderTotalsCalculated {
	return contracts.OrderTotalsCalculated{OrderID: order, Version: 1, Total: usd(24900), Lines: []contracts.OrderLine{
		{SeatType: general, Name: "General admission", UnitPrice: usd(19900), Requested: 1, Granted: granted, State: state, Total: usd(19900)},
		{SeatType: cocktail, Name: "Additional cocktail party", UnitPrice: usd(5000), Requested: 1, Granted: granted, State: state, Total: usd(5000)},
	}}
}

// confirmedOrder are the streams of an order that was paid and confirmed, with
// one seat assigned.
func confirmedOrder(order, payment uuid.UUID) (events []Event) {
	items := placed(order).Items
	events = append(events, streamOf("order/"+order.String(),
		placed(order),
		totals(order, contracts.LineRequested, 0),
		contracts.OrderRegistrantAssigned{OrderID: order, Registrant: ann},
		contracts.OrderReservationCompleted{OrderID: order, Version: 1, Granted: items, Deadline: noon.Add(15 * time.Minute)},
		totals(order, contracts.LineReserved, 1),
		contracts.OrderConfirmed{OrderID: order, PaymentID: &payment, Seats: items, Total: usd(24900), Positions: []contracts.ConfirmedSeat{
			{SeatType: general, Price: usd(19900)}, {SeatType: cocktail, Price: usd(5000)},
		}},
	)...)
	events = append(events, streamOf("payment/"+payment.String(),
		contracts.PaymentInitiated{PaymentID: payment, OrderID: order, Version: 1, Amount: usd(24900), Provider: "demo"},
		contracts.PaymentCompleted{PaymentID: payment, OrderID: order, Amount: usd(24900), ProviderReference: "demo-1"},
	)...)
	return append(events, streamOf("assignments/"+order.String(),
		contracts.SeatAssignmentsCreated{OrderID: order, Positions: []uuid.UUID{general, cocktail}},
		contracts.SeatAssigned{OrderID: order, Position: 1, SeatType: cocktail, Attendee: contracts.Attendee{Person: ann, Type: contracts.Paid}},
	)...)
}

func conference() (events []Event) {
	events = streamOf("conference/"+conferenceID.String(),
		contracts.ConferenceCreated{ConferenceID: conferenceID, Slug: "gophers", Owner: "o", Currency: "USD", Details: contracts.ConferenceDetails{
			Name: "Gophers", TimeZone: "Asia/Shanghai", StartsAt: noon.AddDate(0, 1, 0), EndsAt: noon.AddDate(0, 1, 2),
		}},
		contracts.SeatTypeAdded{ConferenceID: conferenceID, SeatTypeID: general, Name: "General admission", Price: usd(19900), Quota: 100},
		contracts.SeatTypeAdded{ConferenceID: conferenceID, SeatTypeID: cocktail, Name: "Additional cocktail party", Price: usd(5000), Quota: 10},
		contracts.ConferencePublished{ConferenceID: conferenceID},
		contracts.SeatTypeUpdated{ConferenceID: conferenceID, SeatTypeID: cocktail, Name: "Cocktail party", Price: usd(5500), Quota: 20},
	)
	return append(events, streamOf("seats/"+conferenceID.String(),
		contracts.SeatsQuotaSet{ConferenceID: conferenceID, SeatType: general, Quota: 100, Version: 2},
		contracts.AvailableSeatsChanged{ConferenceID: conferenceID, Seats: []contracts.SeatTypeAvailability{{SeatType: general, Quota: 100, Remaining: 100}}},
		contracts.AvailableSeatsChanged{ConferenceID: conferenceID, Seats: []contracts.SeatTypeAvailability{{SeatType: general, Quota: 100, Remaining: 98}}},
	)...)
}

func mustAppend(t testing.TB, s *Store, events ...Event) []message.Message {
	t.Helper()
	shown, err := s.Append(context.Background(), events)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

// must is a value that was got without an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// dump is all that the views show, as text.
func (s *Store) dump(t testing.TB) string {
	t.Helper()
	var out strings.Builder
	for _, q := range []string{
		`SELECT 'waiting ' || tenant || ' ' || stream || ' ' || shown FROM waiting ORDER BY tenant, stream`,
		`SELECT 'other ' || tenant || ' ' || id || ' ' || version FROM others ORDER BY tenant, id`,
		`SELECT 'order ' || tenant || id || ' ' || version || ' ' || doc || lookup || ' ' || holds_until || status || seats || ' ' || conference || placed_at || ' ' || confirmed_at || ' ' || total || ' ' || sold FROM orders ORDER BY tenant, id`,
		`SELECT 'assignments ' || tenant || id || ' ' || version || ' ' || doc FROM assignments ORDER BY tenant, id`,
		`SELECT 'payment ' || tenant || id || ' ' || version || ' ' || doc || order_id || ' ' || refund_failed_at FROM payments ORDER BY tenant, id`,
		`SELECT 'conference ' || tenant || id || ' ' || version || ' ' || doc || slug || published || ' ' || starts_at || ' ' || ends_at FROM conferences ORDER BY tenant, id`,
		`SELECT 'availability ' || tenant || id || ' ' || version || ' ' || doc FROM availability ORDER BY tenant, id`,
		`SELECT 'term ' || tenant || kind || ' ' || term || ' ' || id FROM terms ORDER BY 1`,
		`SELECT 'line ' || tenant || conference || seat_type || ' ' || sold || ' ' || seats || ' ' || id FROM lines ORDER BY 1`,
		`SELECT 'event ' || tenant || stream || ' ' || version || ' ' || id || ' ' || COALESCE(about, '') || ' ' || data FROM journal ORDER BY tenant, stream, version`,
	} {
		for _, line := range lines(t, s, q) {
			out.WriteString(line + "\n")
		}
	}
	return out.String()
}

// lines are the rows of a query for one text.
func lines(t testing.TB, s *Store, query string) (out []string) {
	t.Helper()
	rows, err := s.reader.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOrderShowsItsStreams(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		order, payment := uuid.New(), uuid.New()
		mustAppend(t, s, confirmedOrder(order, payment)...)

		o := must(s.Order(ctx, message.DefaultTenant, order))(t)
		if o.Status != view.OrderConfirmed || o.Total != usd(24900) || *o.PaymentID != payment || o.Locator != "K7PQ2MXA" {
			t.Errorf("order: %+v", o)
		}
		if l := o.Lines[0]; l.Requested != 1 || l.Granted != 1 || l.State != contracts.LineReserved {
			t.Errorf("line: %+v", l)
		}
		if len(o.Assignments) != 2 || o.Assignments[0].Attendee != nil || o.Assignments[1].Attendee.Person != ann {
			t.Errorf("assignments: %+v", o.Assignments)
		}
		if len(o.Payments) != 1 || o.Payments[0].Status != view.PaymentCompleted {
			t.Errorf("payments: %+v", o.Payments)
		}
		if want := int64(10); o.Revision != want {
			t.Errorf("revision %d, want that of %d events", o.Revision, want)
		}
	})
}

func TestCancelledOrderHasNoSeats(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		order, payment := uuid.New(), uuid.New()
		mustAppend(t, s, confirmedOrder(order, payment)...)
		mustAppend(t, s, event("order/"+order.String(), 7, contracts.OrderCancelled{OrderID: order, Refund: true, PaymentID: &payment}))

		o := must(s.Order(ctx, message.DefaultTenant, order))(t)
		if o.Status != view.OrderCancelled || len(o.Assignments) != 0 {
			t.Errorf("order: %+v", o)
		}
	})
}

func TestRejectedOrderIsSoldOut(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		order := uuid.New()
		mustAppend(t, s, streamOf("order/"+order.String(), placed(order), totals(order, contracts.LineRequested, 0),
			contracts.OrderRejected{OrderID: order, Version: 1, Reason: "sold-out"})...)

		o := must(s.Order(ctx, message.DefaultTenant, order))(t)
		if o.Status != view.OrderRejected || o.Reason != "sold-out" || o.Lines[1].State != contracts.LineSoldOut {
			t.Errorf("order: %+v", o)
		}
	})
}

func TestFindOrderByEmailAndLocator(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		order := uuid.New()
		mustAppend(t, s, confirmedOrder(order, uuid.New())...)
		for _, tc := range []struct {
			name, tenant, email, locator string
			found                        bool
		}{
			{"as written", "main", "Ann.Lee@example.com", "K7PQ2MXA", true},
			{"in another case", "main", " ann.LEE@EXAMPLE.com", "k7pq2mxa ", true},
			{"with blanks and hyphens", "main", "Ann.Lee@example.com\u00a0", " k7pq-2m xa", true},
			{"with a domain in full-width letters", "main", "ann.lee@ｅｘａｍｐｌｅ.com", "K7PQ2MXA", true},
			{"another locator", "main", "Ann.Lee@example.com", "K7PQ2MXB", false},
			{"another e-mail", "main", "bob@example.com", "K7PQ2MXA", false},
			{"only the locator", "main", "", "K7PQ2MXA", false},
			{"of another tenant", "other", "Ann.Lee@example.com", "K7PQ2MXA", false},
		} {
			t.Run(tc.name, func(t *testing.T) {
				o, err := s.FindOrder(ctx, tc.tenant, view.FindOrder{Email: tc.email, Locator: tc.locator})
				if found := err == nil && o.ID == order; found != tc.found {
					t.Errorf("found %v, want %v (%v)", found, tc.found, err)
				}
			})
		}
	})
}

func TestOverdueOrdersAreOpenAndPastTheirDeadline(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		deadline := placed(uuid.Nil).Deadline
		var open []uuid.UUID
		for range 5 {
			o := uuid.New()
			open = append(open, o)
			mustAppend(t, s, streamOf("order/"+o.String(), placed(o))...)
		}
		ended := uuid.New()
		mustAppend(t, s, streamOf("order/"+ended.String(), placed(ended), contracts.OrderExpired{OrderID: ended})...)

		none := must(s.Overdue(ctx, message.DefaultTenant, deadline, Cursor{}, 10))(t)
		if len(none.Orders) != 0 {
			t.Errorf("at the deadline: %+v", none)
		}
		seen := map[uuid.UUID]bool{}
		for after, pages := "", 0; ; pages++ {
			cursor := must(ParseCursor(after))(t)
			page := must(s.Overdue(ctx, message.DefaultTenant, deadline.Add(time.Nanosecond), cursor, 2))(t)
			for _, o := range page.Orders {
				if seen[o.OrderID] || !o.Deadline.Equal(deadline) {
					t.Errorf("unexpected %+v", o)
				}
				seen[o.OrderID] = true
			}
			if after = page.Next; after == "" {
				break
			}
			if pages > len(open) {
				t.Fatal("pages do not end")
			}
		}
		if len(seen) != len(open) || seen[ended] {
			t.Errorf("found %d, want the %d open ones", len(seen), len(open))
		}
	})
}

func TestConferenceShowsAvailability(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		mustAppend(t, s, conference()...)

		byID := must(s.Conference(ctx, message.DefaultTenant, conferenceID))(t)
		bySlug := must(s.ConferenceBySlug(ctx, message.DefaultTenant, "gophers"))(t)
		listed := must(s.Conferences(ctx, message.DefaultTenant, noon, Cursor{}, 10))(t)
		for _, c := range append(listed.Conferences, byID, bySlug) {
			if !c.Published || len(c.SeatTypes) != 2 || c.Revision != 7 {
				t.Fatalf("conference: %+v", c)
			}
			if g := c.SeatTypes[0]; g.Quota != 100 || g.Remaining != 98 {
				t.Errorf("general admission: %+v", g)
			}
			if p := c.SeatTypes[1]; p.Name != "Cocktail party" || p.Quota != 20 || p.Remaining != 0 {
				t.Errorf("cocktail party: %+v", p)
			}
		}
		mustAppend(t, s, event("conference/"+conferenceID.String(), 6, contracts.ConferenceUnpublished{ConferenceID: conferenceID}))
		if listed := must(s.Conferences(ctx, message.DefaultTenant, noon, Cursor{}, 10))(t); len(listed.Conferences) != 0 {
			t.Errorf("an unpublished conference is listed: %+v", listed)
		}
	})
}

// Conferences that are over do not stand before those on sale, and there is a
// page after each full one.
func TestConferencesOnSaleArePaged(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		publish := func(slug string, starts, ends time.Time) {
			id := uuid.New()
			mustAppend(t, s, streamOf("conference/"+id.String(),
				contracts.ConferenceCreated{ConferenceID: id, Slug: slug, Currency: "USD", Details: contracts.ConferenceDetails{TimeZone: "UTC", StartsAt: starts, EndsAt: ends}},
				contracts.ConferencePublished{ConferenceID: id})...)
		}
		day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
		publish("over", day(-3), noon)
		publish("under way", day(-1), day(1))
		publish("soon", day(1), day(2))
		publish("at the same time", day(1), day(3))
		publish("later", day(2), day(3))
		var pages [][]string
		for after := (Cursor{}); ; {
			page := must(s.Conferences(ctx, message.DefaultTenant, noon, after, 2))(t)
			var slugs []string
			for _, c := range page.Conferences {
				slugs = append(slugs, c.Slug)
			}
			pages = append(pages, slugs)
			if page.Next == "" {
				break
			}
			after = must(ParseCursor(page.Next))(t)
		}
		all := slices.Concat(pages...)
		if len(pages) != 3 || len(all) != 4 || all[0] != "under way" || all[3] != "later" || all[1] == all[2] {
			t.Errorf("pages: %q", pages)
		}
	})
}

func TestFailedRefundsArePaged(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		seen := map[uuid.UUID]bool{}
		for range 5 { // all at the same time
			id := uuid.New()
			mustAppend(t, s, streamOf("payment/"+id.String(),
				contracts.PaymentInitiated{PaymentID: id, OrderID: uuid.New(), Version: 1, Amount: usd(100), Provider: "demo"},
				contracts.RefundFailed{PaymentID: id, OrderID: uuid.New(), Amount: usd(100), Attempt: 1})...)
		}
		pages := 0
		for after := (Cursor{}); ; pages++ {
			page := must(s.FailedRefunds(ctx, message.DefaultTenant, after, 2))(t)
			for _, r := range page.Refunds {
				seen[r.PaymentID] = true
			}
			if page.Next == "" {
				break
			}
			after = must(ParseCursor(page.Next))(t)
		}
		if pages != 2 || len(seen) != 5 {
			t.Errorf("%d failed refunds on %d full pages, want 5 on 2", len(seen), pages)
		}
	})
}

func TestFailedRefundNeedsAnOperatorUntilItSucceeds(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		order, payment := uuid.New(), uuid.New()
		name := "payment/" + payment.String()
		mustAppend(t, s, streamOf(name,
			contracts.PaymentInitiated{PaymentID: payment, OrderID: order, Version: 1, Amount: usd(100), Provider: "demo"},
			contracts.PaymentCompleted{PaymentID: payment, OrderID: order, Amount: usd(100)},
			contracts.PaymentRefundRequested{PaymentID: payment, OrderID: order, Amount: usd(100), Attempt: 1, Reason: "order-expired"},
			contracts.RefundFailed{PaymentID: payment, OrderID: order, Amount: usd(100), Attempt: 1, Reason: "account closed"},
		)...)
		failed := must(s.FailedRefunds(ctx, message.DefaultTenant, Cursor{}, 10))(t).Refunds
		if len(failed) != 1 || failed[0].PaymentID != payment || failed[0].Reason != "account closed" || failed[0].Attempts != 1 {
			t.Errorf("failed refunds: %+v", failed)
		}
		mustAppend(t, s,
			event(name, 5, contracts.PaymentRefundRequested{PaymentID: payment, OrderID: order, Amount: usd(100), Attempt: 2}),
			event(name, 6, contracts.PaymentRefunded{PaymentID: payment, OrderID: order, Amount: usd(100)}))
		if failed := must(s.FailedRefunds(ctx, message.DefaultTenant, Cursor{}, 10))(t).Refunds; len(failed) != 0 {
			t.Errorf("failed refunds after it succeeded: %+v", failed)
		}
		if p := must(s.Payment(ctx, message.DefaultTenant, payment))(t); p.Status != view.PaymentRefunded || p.RefundAttempts != 2 {
			t.Errorf("payment: %+v", p)
		}
	})
}

// Any number of outcomes are as they are one by one.
func TestOutcomesReadAtOnceAreThoseReadOneByOne(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		var all []Event
		var ids []string
		for range 70 { // more than one statement reads
			name := "order/" + uuid.NewString()
			all = append(all, event(name, 1, placed(uuid.New())), event(name, 2, contracts.OrderExpired{}))
			ids = append(ids, commandOf(name, 1), commandOf(name, 2))
		}
		mustAppend(t, s, all...)
		ids = append(ids, "nothing")
		for _, n := range []int{0, 1, 2, 3, 64, 65, len(ids)} {
			got, err := s.Outcomes(ctx, message.DefaultTenant, ids[len(ids)-n:])
			if err != nil || len(got) != n {
				t.Fatalf("%d of %d outcomes, %v", len(got), n, err)
			}
			for i, id := range ids[len(ids)-n:] {
				want, err := s.Outcome(ctx, message.DefaultTenant, id)
				if err != nil || !reflect.DeepEqual(got[i], want) {
					t.Errorf("%+v, want %+v (%v)", got[i], want, err)
				}
			}
		}
	})
}

// Orders that are read at once are each as if it were read alone: with its own seats
// and payments, and its own place in line.
func TestOrdersReadAtOnceAreThoseReadOneByOne(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		var ids []uuid.UUID
		for range 70 { // more than one statement reads
			paid, free := uuid.New(), uuid.New()
			mustAppend(t, s, confirmedOrder(paid, uuid.New())...)
			mustAppend(t, s, streamOf("order/"+free.String(), placed(free))...)
			ids = append(ids, paid, free)
		}
		var line []any // one order of every ten waits in line
		for i, id := range ids {
			if i%10 != 1 {
				continue
			}
			mustAppend(t, s, event("order/"+id.String(), 2, contracts.OrderWaitlisted{OrderID: id, Version: 1, Deadline: noon.Add(time.Hour)}))
			line = append(line, contracts.WaitlistJoined{OrderID: id, Place: i, Wanted: contracts.Seats{{SeatType: general, Quantity: 1}}})
		}
		mustAppend(t, s, streamOf("seats/"+conferenceID.String(), line...)...)
		if last := must(s.Order(ctx, message.DefaultTenant, ids[131]))(t); last.Waitlist == nil || last.Waitlist.Positions[0].Position != len(line) {
			t.Fatalf("the last in line: %+v", last.Waitlist)
		}
		ids = append(ids, ids[0], uuid.New()) // one twice, and one that is not there
		for _, n := range []int{0, 1, 2, 3, 64, 65, len(ids)} {
			some := ids[len(ids)-n:]
			got, err := s.Orders(ctx, message.DefaultTenant, some...)
			if err != nil {
				t.Fatal(err)
			}
			want := map[uuid.UUID]view.Order{}
			for _, id := range some {
				if o, err := s.Order(ctx, message.DefaultTenant, id); err == nil {
					want[id] = o
				} else if !errors.Is(err, ErrNotFound) {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("of %d ids: %d orders, want %d, or they differ", n, len(got), len(want))
			}
		}
	})
}

// Orders that were encoded before are not encoded again, unless something of them has
// changed: their own documents, those of their payments and seats, or the line before them.
func TestOrdersInJSONAreTheOrdersAsTheyAre(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		paid, payment, open, first, second := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
		ids := []uuid.UUID{paid, open, first, second, uuid.New()}
		for _, change := range [][]Event{
			nil,
			confirmedOrder(paid, payment)[:6],
			confirmedOrder(paid, payment)[:7], // a payment
			confirmedOrder(paid, payment)[:8], // is completed
			confirmedOrder(paid, payment)[:9], // seats can be assigned
			confirmedOrder(paid, payment),     // and one is
			streamOf("order/"+open.String(), placed(open), totals(open, contracts.LineRequested, 0)),
			{event("order/"+open.String(), 3, totals(open, contracts.LineReserved, 1))},
			streamOf("order/"+first.String(), placed(first), contracts.OrderWaitlisted{OrderID: first, Version: 1, Deadline: noon}),
			streamOf("order/"+second.String(), placed(second), contracts.OrderWaitlisted{OrderID: second, Version: 1, Deadline: noon}),
			streamOf("seats/"+conferenceID.String(),
				contracts.WaitlistJoined{OrderID: first, Place: 1, Wanted: contracts.Seats{{SeatType: general, Quantity: 1}}},
				contracts.WaitlistJoined{OrderID: second, Place: 2, Wanted: contracts.Seats{{SeatType: general, Quantity: 1}}}),
			{event("seats/"+conferenceID.String(), 3, contracts.WaitlistLeft{OrderID: first})},
		} {
			mustAppend(t, s, change...)
			for range 2 {
				got := must(s.OrdersInJSON(ctx, message.DefaultTenant, ids...))(t)
				orders := must(s.Orders(ctx, message.DefaultTenant, ids...))(t)
				if len(got) != len(orders) {
					t.Errorf("%d orders, want %d", len(got), len(orders))
				}
				for id, o := range orders {
					if want := must(json.Marshal(o))(t); !bytes.Equal(got[id], want) {
						t.Errorf("%s, want %s", got[id], want)
					}
				}
			}
		}
		elsewhere := event("order/"+open.String(), 1, placed(open))
		elsewhere.Tenant = "another"
		mustAppend(t, s, elsewhere)
		got := must(s.OrdersInJSON(ctx, elsewhere.Tenant, ids...))(t)
		want := must(json.Marshal(must(s.Order(ctx, elsewhere.Tenant, open))(t)))(t)
		if len(got) != 1 || !bytes.Equal(got[open], want) {
			t.Errorf("another tenant is shown %s, want %s", got, want)
		}
	})
}

func TestOutcomes(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		order := uuid.New()
		name := "order/" + order.String()
		same := func(m *message.Meta) { m.Cause.ID = commandOf(name, 1) }
		mustAppend(t, s,
			event(name, 1, placed(order)),
			event(name, 2, totals(order, contracts.LineRequested, 0), same),
			event(name, 3, es.CommandRejected{CommandID: commandOf(name, 3), CommandType: "ConfirmOrder.v1", Code: refusal.NotReserved, Detail: "no seats"}),
			event(name, 4, es.CommandHadNoEffect{CommandID: commandOf(name, 4), CommandType: "ConfirmOrder.v1"}),
			event(name, 6, contracts.OrderExpired{OrderID: order}),
			event("refusal/"+commandOf("x", 1), 1, es.CommandRejected{CommandID: commandOf("x", 1), CommandType: "CancelOrder.v1", Code: refusal.OrderNotFound},
				func(m *message.Meta) { m.Cause.ID = commandOf("x", 1) }),
		)
		for _, tc := range []struct {
			name, command string
			want          view.Outcome
		}{
			{"accepted", commandOf(name, 1), view.Outcome{CommandType: "Command.v1", Status: view.OutcomeAccepted,
				Stream: name, Version: 2, Events: []string{"OrderPlaced.v1", "OrderTotalsCalculated.v1"}}},
			{"refused", commandOf(name, 3), view.Outcome{CommandType: "Command.v1", Status: view.OutcomeRefused,
				Code: refusal.NotReserved, Detail: "no seats", Stream: name, Version: 3, Events: []string{"CommandRejected.v1"}}},
			{"no effect", commandOf(name, 4), view.Outcome{CommandType: "Command.v1", Status: view.OutcomeNoEffect,
				Stream: name, Version: 4, Events: []string{"CommandHadNoEffect.v1"}}},
			{"refused by a stream that does not exist", commandOf("x", 1), view.Outcome{CommandType: "Command.v1", Status: view.OutcomeRefused,
				Code: refusal.OrderNotFound, Stream: "refusal/" + commandOf("x", 1), Version: 1, Events: []string{"CommandRejected.v1"}}},
			{"not known while the event waits for the one before it", commandOf(name, 6), view.Outcome{Status: view.OutcomeUnknown, Events: []string{}}},
			{"no such command", "nothing", view.Outcome{Status: view.OutcomeUnknown, Events: []string{}}},
		} {
			t.Run(tc.name, func(t *testing.T) {
				tc.want.CommandID = tc.command
				got := must(s.Outcome(ctx, message.DefaultTenant, tc.command))(t)
				if fmt.Sprint(got) != fmt.Sprint(tc.want) {
					t.Errorf("got  %+v\nwant %+v", got, tc.want)
				}
			})
		}
	})
}

func TestAnOutcomeIsKnownWhenAllOfItsDecisionIsShown(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		order := uuid.New()
		name := "order/" + order.String()
		of := func(end uint64) func(*message.Meta) {
			return func(m *message.Meta) { m.Cause.ID, m.DecisionEnd = "c", end }
		}
		mustAppend(t, s, event(name, 1, placed(order), of(2)))
		if got := must(s.Outcome(ctx, message.DefaultTenant, "c"))(t); got.Status != view.OutcomeUnknown || len(got.Events) != 0 {
			t.Errorf("after the first of two events: %+v", got)
		}
		mustAppend(t, s, event(name, 2, totals(order, contracts.LineRequested, 0), of(0)))
		if got := must(s.Outcome(ctx, message.DefaultTenant, "c"))(t); got.Status != view.OutcomeAccepted || len(got.Events) != 2 {
			t.Errorf("after both: %+v", got)
		}
	})
}

func TestTimelineHasEverythingThatTouchedTheOrder(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		order, payment, other := uuid.New(), uuid.New(), uuid.New()
		mustAppend(t, s, confirmedOrder(order, payment)...)
		mustAppend(t, s, confirmedOrder(other, uuid.New())...)
		granted := event("seats/"+conferenceID.String(), 1, contracts.SeatsReserved{ConferenceID: conferenceID, OrderID: order, Number: 1, Granted: placed(order).Items},
			func(m *message.Meta) { m.Cause.CauseID = es.DerivedID("order/"+order.String(), "1") })
		refused := event("seats/"+conferenceID.String(), 2, es.CommandRejected{CommandID: "c", CommandType: "MakeSeatReservation.v1", Code: refusal.RequestTooLate},
			func(m *message.Meta) { m.CorrelationID = order.String() })
		mustAppend(t, s, granted, refused)

		entries := must(s.Timeline(ctx, message.DefaultTenant, order, Cursor{}, 1000))(t).Entries
		at := map[string]int{}
		events := 0
		for i, e := range entries {
			at[e.ID] = i
			if e.Kind == view.TimelineEvent {
				events++
			}
		}
		if want := 12; events != want || len(entries) != 2*want {
			t.Fatalf("%d events among %d entries, want %d, each with its command", events, len(entries), want)
		}
		for i, e := range entries {
			if cause, ok := at[e.CausedBy]; ok && cause >= i {
				t.Errorf("%s stands before its cause", e.Type)
			}
		}
		reserved := entries[at[granted.ID]]
		if command := entries[at[reserved.CausedBy]]; command.Kind != view.TimelineCommand || entries[at[command.CausedBy]].Type != "OrderPlaced.v1" {
			t.Errorf("SeatsReserved was caused by %+v", command)
		}
		if reserved.Detail != "granted 2 seats" {
			t.Errorf("detail: %q", reserved.Detail)
		}
		if e := entries[at[refused.ID]]; !strings.HasPrefix(e.Detail, "request-too-late") {
			t.Errorf("refusal: %+v", e)
		}

		var pages []view.TimelineEntry
		for after := (Cursor{}); ; {
			page := must(s.Timeline(ctx, message.DefaultTenant, order, after, 5))(t)
			if n := len(page.Entries); n == 0 || n > 5 {
				t.Fatalf("a page of %d entries", n)
			}
			if pages = append(pages, page.Entries...); page.Next == "" {
				break
			}
			after = must(ParseCursor(page.Next))(t)
		}
		if !slices.Equal(pages, entries) {
			t.Errorf("page by page there are %d entries, at once %d, or others", len(pages), len(entries))
		}
		if page, err := s.Timeline(ctx, message.DefaultTenant, order, Cursor{ID: "another"}, 5); !errors.Is(err, ErrNoCursor) {
			t.Errorf("after an entry that is not there: %+v, %v", page, err)
		}
	})
}

func TestTenantsAreApart(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		order := uuid.New()
		other := func(m *message.Meta) { m.Tenant = "other" }
		name := "order/" + order.String()
		mustAppend(t, s, event(name, 1, placed(order)), event(name, 1, placed(order), other), event(name, 2, contracts.OrderExpired{OrderID: order}, other))

		if o := must(s.Order(ctx, "main", order))(t); o.Status != view.OrderPlaced {
			t.Errorf("main: %+v", o)
		}
		if o := must(s.Order(ctx, "other", order))(t); o.Status != view.OrderExpired {
			t.Errorf("other: %+v", o)
		}
		if n := len(must(s.Timeline(ctx, "main", order, Cursor{}, 1000))(t).Entries); n != 2 {
			t.Errorf("the timeline has %d entries, want 2", n)
		}
	})
}

func TestEventOfAnUnknownTypeLeavesNoGap(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		order := uuid.New()
		name := "order/" + order.String()
		fromTheFuture := event(name, 2, contracts.OrderExpired{OrderID: order})
		fromTheFuture.Type, fromTheFuture.Body = "OrderTransferred.v1", nil
		mustAppend(t, s, event(name, 1, placed(order)), fromTheFuture, event(name, 3, contracts.OrderCancelled{OrderID: order}))
		if o := must(s.Order(ctx, message.DefaultTenant, order))(t); o.Status != view.OrderCancelled {
			t.Errorf("order: %+v", o)
		}
		before := s.dump(t)
		if err := s.Rebuild(ctx); err != nil {
			t.Fatal(err)
		}
		if after := s.dump(t); after != before {
			t.Errorf("after a rebuild:\n%s\nbefore:\n%s", after, before)
		}
	})
}
