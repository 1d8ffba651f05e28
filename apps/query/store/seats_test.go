package store

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
)

// What counts are the seats that orders of the address have, hold or wait for, however it
// is written, in the order's own conference.
func TestSeatsOfAnEMailAddressAreCounted(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		anns := func(email string, bodies ...func(order uuid.UUID) any) uuid.UUID {
			t.Helper()
			order := uuid.New()
			all := []any{placed(order), totals(order, contracts.LineRequested, 0)}
			if email != "" {
				all = append(all, contracts.OrderRegistrantAssigned{OrderID: order, Registrant: contracts.Person{FirstName: "Ann", Email: email}})
			}
			for _, body := range bodies {
				all = append(all, body(order))
			}
			mustAppend(t, s, streamOf("order/"+order.String(), all...)...)
			return order
		}
		check := func(asked view.CountSeats, want view.SeatsCounted) {
			t.Helper()
			if got := must(s.CountSeats(t.Context(), tenant, asked))(t); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		const email = "Ann.Lee@b\u00fccher.example"
		first := anns("")
		check(view.CountSeats{OrderID: first}, view.SeatsCounted{Order: 2})
		check(view.CountSeats{OrderID: first, Email: email}, view.SeatsCounted{Order: 2})

		second := anns(email) // which waits for the seats' answer
		check(view.CountSeats{OrderID: first, Email: " ann.lee@xn--bcher-kva.EXAMPLE"}, view.SeatsCounted{Order: 2, Others: 2})
		check(view.CountSeats{OrderID: first, Email: "bob@example.com"}, view.SeatsCounted{Order: 2})
		check(view.CountSeats{OrderID: second}, view.SeatsCounted{Order: 2, Already: true})
		check(view.CountSeats{OrderID: second, Email: "ANN.LEE@b\u00fccher.example"}, view.SeatsCounted{Order: 2, Already: true})

		anns("ann.lee@xn--bcher-kva.example", func(order uuid.UUID) any { // which waits in line
			return contracts.OrderWaitlisted{OrderID: order, Version: 1, Deadline: noon.Add(time.Hour)}
		})
		check(view.CountSeats{OrderID: second}, view.SeatsCounted{Order: 2, Others: 2, Already: true})

		anns(email, func(order uuid.UUID) any { return contracts.OrderExpired{OrderID: order} })
		anns(email, func(order uuid.UUID) any {
			return contracts.OrderRejected{OrderID: order, Version: 1, Reason: "sold-out"}
		})
		anns(email, func(order uuid.UUID) any { return contracts.OrderCancelled{OrderID: order} })
		check(view.CountSeats{OrderID: second}, view.SeatsCounted{Order: 2, Others: 2, Already: true})

		elsewhere := uuid.New()
		other := placed(elsewhere)
		other.ConferenceID = uuid.New()
		mustAppend(t, s, streamOf("order/"+elsewhere.String(), other, totals(elsewhere, contracts.LineRequested, 0),
			contracts.OrderRegistrantAssigned{OrderID: elsewhere, Registrant: contracts.Person{FirstName: "Ann", Email: email}})...)
		check(view.CountSeats{OrderID: second}, view.SeatsCounted{Order: 2, Others: 2, Already: true})

		// Of a confirmed order those that were not given back.
		confirmed := uuid.New()
		mustAppend(t, s, confirmedOrder(confirmed, uuid.New())...)
		mustAppend(t, s, event("order/"+confirmed.String(), 7, contracts.OrderSeatsCancelled{OrderID: confirmed, Number: 1, Positions: []int{1}, Refund: usd(5000)}))
		check(view.CountSeats{OrderID: first, Email: ann.Email}, view.SeatsCounted{Order: 2, Others: 1})
		check(view.CountSeats{OrderID: confirmed}, view.SeatsCounted{Order: 1, Already: true})

		if _, err := s.CountSeats(t.Context(), tenant, view.CountSeats{OrderID: uuid.New(), Email: email}); err != ErrNotFound { //nolint:errorlint // it is this one
			t.Errorf("of no order: %v", err)
		}
	})
}
