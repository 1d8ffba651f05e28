package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

const tenant = message.DefaultTenant

// seated are the streams of a confirmed order of somebody, in the nth minute, with
// one attendee.
func seatedOrder(n int, who, attends contracts.Person, locator string) (order uuid.UUID, events []Event) {
	order = uuid.MustParse(fmt.Sprintf("0bde0000-0000-4000-8000-%012d", n))
	payment := uuid.MustParse(fmt.Sprintf("9a700000-0000-4000-8000-%012d", n))
	for _, e := range confirmedOrder(order, payment) {
		switch body := e.Body.(type) {
		case contracts.OrderPlaced:
			body.Locator = locator
			e.Body = body
		case contracts.OrderRegistrantAssigned:
			body.Registrant = who
			e.Body = body
		case contracts.SeatAssigned:
			body.Attendee.Person = attends
			e.Body = body
		}
		events = append(events, event(e.Stream, int(e.StreamVersion), e.Body, func(m *message.Meta) {
			m.Time = m.Time.Add(time.Duration(n) * time.Minute)
		}))
	}
	return order, events
}

func people(n int) (who, attends contracts.Person) {
	switch n {
	case 1:
		return contracts.Person{FirstName: "伟", LastName: "王", Email: "wang.wei@example.cn"}, contracts.Person{FirstName: "小明", LastName: "李", Email: "li@example.cn"}
	case 2:
		return contracts.Person{FirstName: "Jürgen", LastName: "Müller", Email: "jm@example.de"}, contracts.Person{FirstName: "Ann", LastName: "Lee", Email: "ann@example.com"}
	}
	return contracts.Person{FirstName: "Many", LastName: fmt.Sprintf("Number%d", n), Email: fmt.Sprintf("n%d@example.org", n)}, contracts.Person{FirstName: "Guest", LastName: fmt.Sprintf("Of%d", n), Email: "g@example.org"}
}

// manyOrders fills a store with a conference and n confirmed orders.
func manyOrders(t *testing.T, s *Store, n int) {
	t.Helper()
	mustAppend(t, s, conference()...)
	for i := 1; i <= n; i++ {
		who, attends := people(i)
		_, events := seatedOrder(i, who, attends, fmt.Sprintf("K7PQ%04d", 1000+i))
		mustAppend(t, s, events...)
	}
}

func TestOrdersAreFoundByWhatSomebodyTypes(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		manyOrders(t, s, 4)
		find := func(typed string) (found []string) {
			for _, o := range must(s.OrderList(t.Context(), tenant, conferenceID, ListQuery{Typed: typed, Limit: 10}))(t).Orders {
				found = append(found, o.Locator[len(o.Locator)-1:])
			}
			return found
		}
		check := func() {
			t.Helper()
			for typed, want := range map[string]string{
				"王伟": "1", "王": "1", "李小明": "1", "小王": "", "MULLER": "2", "müll": "2", "ann lee": "2", "jm@exam": "2",
				"k7pq1003": "3", "many": "4 3", "many number4": "4", "example.org": "4 3", "": "4 3 2 1", "nobody": "",
			} {
				if got := strings.Join(find(typed), " "); got != want {
					t.Errorf("%q finds %q, want %q", typed, got, want)
				}
			}
		}
		check()
		if err := s.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		check()

		// A registrant that changes is not found by the old name any more.
		order := uuid.MustParse("0bde0000-0000-4000-8000-000000000003")
		mustAppend(t, s, event("order/"+order.String(), 7, contracts.OrderRegistrantAssigned{OrderID: order, Registrant: ann}))
		if got := find("number3"); len(got) != 0 {
			t.Errorf("found by the old name: %v", got)
		}
		if got := find("ann.lee@example.com"); !slices.Equal(got, []string{"3"}) {
			t.Errorf("found by the new name: %v", got)
		}
		suggested := must(s.Suggestions(t.Context(), tenant, conferenceID, "李小", 5))(t).Suggestions
		if len(suggested) != 1 || suggested[0].Kind != "attendee" || suggested[0].Name != "小明 李" || suggested[0].Locator != "K7PQ1001" {
			t.Errorf("suggested %+v", suggested)
		}
	})
}

// Who turns pages sees each order once, also when orders come and change
// meanwhile; and the counts are those of the whole search.
func TestPagesOfOrdersAreStable(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		manyOrders(t, s, 7)
		ended := uuid.MustParse("0bde0000-0000-4000-8000-000000000005")
		mustAppend(t, s, event("order/"+ended.String(), 7, contracts.OrderCancelled{OrderID: ended}))
		var seen []string
		q := ListQuery{Limit: 3}
		for {
			page := must(s.OrderList(t.Context(), tenant, conferenceID, q))(t)
			for _, o := range page.Orders {
				seen = append(seen, o.Locator[len(o.Locator)-1:])
			}
			if len(seen) == 3 {
				who, attends := people(8)
				_, events := seatedOrder(8, who, attends, "K7PQ1008")
				mustAppend(t, s, events...)
			}
			if page.Next == "" {
				break
			}
			q.After = must(ParseCursor(page.Next))(t)
		}
		if want := []string{"7", "6", "5", "4", "3", "2", "1"}; !slices.Equal(seen, want) {
			t.Errorf("seen %v, want %v", seen, want)
		}
		list := must(s.OrderList(t.Context(), tenant, conferenceID, ListQuery{Status: view.OrderCancelled, Limit: 10}))(t)
		if len(list.Orders) != 1 || list.Orders[0].ID != ended || list.Counts[view.OrderConfirmed] != 7 || list.Counts[view.OrderCancelled] != 1 {
			t.Errorf("list: %+v", list)
		}
		if other := must(s.OrderList(t.Context(), tenant, uuid.New(), ListQuery{Limit: 10}))(t); len(other.Orders) != 0 {
			t.Errorf("of another conference: %+v", other)
		}
	})
}

func TestAttendeesAreListedSeatBySeat(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		manyOrders(t, s, 3)
		var seen []string
		q := ListQuery{Limit: 3} // which ends in the middle of an order
		for {
			page := must(s.AttendeeList(t.Context(), tenant, conferenceID, q))(t)
			for _, a := range page.Attendees {
				name := "-"
				if a.Attendee != nil {
					name = a.Attendee.FirstName
				}
				seen = append(seen, fmt.Sprint(a.Locator[len(a.Locator)-1:], ".", a.Position, " ", name))
			}
			if page.Next == "" {
				break
			}
			q.After = must(ParseCursor(page.Next))(t)
		}
		if want := []string{"3.0 -", "3.1 Guest", "2.0 -", "2.1 Ann", "1.0 -", "1.1 小明"}; !slices.Equal(seen, want) {
			t.Errorf("seen %v, want %v", seen, want)
		}
		found := must(s.AttendeeList(t.Context(), tenant, conferenceID, ListQuery{Typed: "李小明", Limit: 10}))(t).Attendees
		if len(found) != 1 || found[0].Position != 1 || found[0].SeatName != "Additional cocktail party" || found[0].Holder.LastName != "王" {
			t.Errorf("found %+v", found)
		}
	})
}

func TestDashboardAddsUp(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		manyOrders(t, s, 3)
		refunded, payment := uuid.MustParse("0bde0000-0000-4000-8000-000000000002"), uuid.MustParse("9a700000-0000-4000-8000-000000000002")
		held, expired := uuid.New(), uuid.New()
		mustAppend(t, s, event("order/"+refunded.String(), 7, contracts.OrderCancelled{OrderID: refunded, Refund: true, PaymentID: &payment}))
		mustAppend(t, s, streamOf("order/"+held.String(), placed(held), totals(held, contracts.LineReserved, 1),
			contracts.OrderReservationCompleted{OrderID: held, Version: 1, Deadline: noon})...)
		mustAppend(t, s, streamOf("order/"+expired.String(), placed(expired), totals(expired, contracts.LineReserved, 1), contracts.OrderExpired{OrderID: expired})...)
		check := func(refundedAmount, refunding int64) {
			t.Helper()
			d := must(s.Dashboard(t.Context(), tenant, conferenceID, noon.Add(-time.Hour)))(t)
			if n := d.SeatTypes[0]; n.ID != general || n.Sold != 2 || n.Held != 1 || n.Remaining != 98 || n.Quota != 100 {
				t.Errorf("seat type: %+v", n)
			}
			if d.Gross != 3*24900 || d.Refunded != refundedAmount || d.Refunding != refunding || d.Net != 2*24900 && refundedAmount+refunding > 0 {
				t.Errorf("money: %+v", d)
			}
			if d.Conversion != 3.0/4 || d.Orders[view.OrderConfirmed] != 2 || d.Orders[view.OrderExpired] != 1 {
				t.Errorf("orders: %+v", d)
			}
			if len(d.Sales) != 1 || d.Sales[0].Orders != 3 || d.Sales[0].Seats != 6 || d.Sales[0].Amount != 3*24900 || !d.Sales[0].Hour.Equal(noon.Truncate(time.Hour)) {
				t.Errorf("sales: %+v", d.Sales)
			}
		}
		check(0, 0)
		mustAppend(t, s, event("payment/"+payment.String(), 3, contracts.PaymentRefundRequested{PaymentID: payment, OrderID: refunded, Amount: usd(24900), Attempt: 1}))
		check(0, 24900)
		mustAppend(t, s, event("payment/"+payment.String(), 4, contracts.PaymentRefunded{PaymentID: payment, OrderID: refunded, Amount: usd(24900)}))
		check(24900, 0)
		all := must(s.ConferenceSummaries(t.Context(), tenant, ListQuery{Organisation: contracts.MainOrganisation, Limit: 10}))(t).Conferences
		if len(all) != 1 || all[0].Sold != 4 || all[0].Held != 2 || all[0].Quota != 120 {
			t.Errorf("conferences: %+v", all)
		}
	})
}

func TestCatalogueSaysHowEachSaleStands(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		for i, c := range []struct {
			name         string
			starts, ends time.Duration
			window       contracts.SalesWindow
			remaining    int
			published    bool
		}{
			{"On sale", 300, 400, contracts.SalesWindow{}, 50, true},
			{"Few left", 200, 400, contracts.SalesWindow{}, 3, true},
			{"Sold out 北京", 100, 400, contracts.SalesWindow{}, 0, true},
			{"Not open", 500, 600, contracts.SalesWindow{SalesFrom: noon.Add(time.Hour)}, 50, true},
			{"Closed", 600, 700, contracts.SalesWindow{SalesUntil: noon.Add(-time.Hour)}, 50, true},
			{"Over", -200, -100, contracts.SalesWindow{}, 50, true},
			{"Long over", -400, -300, contracts.SalesWindow{}, 50, true},
			{"A draft", 300, 400, contracts.SalesWindow{}, 50, false},
		} {
			id := uuid.MustParse(fmt.Sprintf("c0000000-0000-4000-8000-%012d", i+1))
			bodies := []any{
				contracts.ConferenceCreated{ConferenceID: id, Slug: fmt.Sprint("c", i), Currency: "USD", Details: contracts.ConferenceDetails{
					Name: c.name, TimeZone: "UTC", StartsAt: noon.Add(c.starts * time.Hour), EndsAt: noon.Add(c.ends * time.Hour), SalesWindow: c.window,
				}},
				contracts.SeatTypeAdded{ConferenceID: id, SeatTypeID: general, Name: "G", Price: usd(300), Quota: 100},
				contracts.SeatTypeAdded{ConferenceID: id, SeatTypeID: cocktail, Name: "C", Price: usd(100), Quota: 100}, // sold out
			}
			if c.published {
				bodies = append(bodies, contracts.ConferencePublished{ConferenceID: id})
			}
			mustAppend(t, s, streamOf("conference/"+id.String(), bodies...)...)
			mustAppend(t, s, event("seats/"+id.String(), 1, contracts.AvailableSeatsChanged{ConferenceID: id, Seats: []contracts.SeatTypeAvailability{{SeatType: general, Quota: 100, Remaining: c.remaining}}}))
		}
		list := func(q CatalogueQuery) (out []string) {
			for {
				page := must(s.Catalogue(t.Context(), tenant, q, noon))(t)
				for _, e := range page.Conferences {
					out = append(out, fmt.Sprintf("%s: %s from %d", e.Name, e.Sale, e.From.Amount))
				}
				if page.Next == "" {
					return out
				}
				q.After = must(ParseCursor(page.Next))(t)
			}
		}
		for _, tc := range []struct {
			q    CatalogueQuery
			want []string
		}{
			{CatalogueQuery{Limit: 2}, []string{"Sold out 北京: sold-out from 100", "Few left: few-left from 300", "On sale: open from 300", "Not open: not-open from 100", "Closed: closed from 100"}},
			{CatalogueQuery{Limit: 1, Over: true}, []string{"Over: over from 100", "Long over: over from 100"}},
			{CatalogueQuery{Limit: 2, Typed: "北京"}, []string{"Sold out 北京: sold-out from 100"}},
			{CatalogueQuery{Limit: 2, Typed: "draft"}, nil},
		} {
			if got := list(tc.q); !slices.Equal(got, tc.want) {
				t.Errorf("%+v:\n%q\nwant\n%q", tc.q, got, tc.want)
			}
		}
	})
}
