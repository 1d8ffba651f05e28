package order_test

import (
	"testing"
	"time"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	paidSeats = seats(of(general, 2), of(cocktail, 1)) // $448
	paidOrder = after(
		placed(paidSeats...), totals(1, 448_00, requestedLine(general, 2), requestedLine(cocktail, 1)),
	)
	fullLines = []contracts.OrderLine{
		grantedLine(general, 2, 2, contracts.LineReserved), grantedLine(cocktail, 1, 1, contracts.LineReserved),
	}
	fullyReserved  = after(paidOrder, reserved(1, paidSeats...), totals(1, 448_00, fullLines...))
	partlyReserved = after(paidOrder, partially(1, of(general, 1)), totals(1, 199_00,
		grantedLine(general, 2, 1, contracts.LinePartial), grantedLine(cocktail, 1, 0, contracts.LineSoldOut)))
	freeReserved = after(
		placed(of(keynote, 1)), totals(1, 0, requestedLine(keynote, 1)),
		reserved(1, of(keynote, 1)), totals(1, 0, grantedLine(keynote, 1, 1, contracts.LineReserved)),
	)
)

func TestAnOrderIsConfirmed(t *testing.T) {
	estest.Run(t, orders,
		estest.Scenario{
			Name:  "reserved, with a registrant and a payment of exactly its total; its seats are opened for assignment",
			Given: after(fullyReserved, registrant(ada)),
			When:  confirmPaid(payment, 448_00),
			Then:  []any{confirmedBy(payment, 448_00, paidSeats...)},
			Sends: []any{contracts.CreateSeatAssignments{OrderID: orderID, ConferenceID: conference, Seats: paidSeats}},
		},
		estest.Scenario{
			Name:  "partly reserved: paying accepts what was granted",
			Given: after(partlyReserved, registrant(ada)),
			When:  confirmPaid(payment, 199_00),
			Then:  []any{confirmedBy(payment, 199_00, of(general, 1))},
			Sends: []any{contracts.CreateSeatAssignments{OrderID: orderID, ConferenceID: conference, Seats: seats(of(general, 1))}},
		},
		estest.Scenario{
			Name:  "free of charge: without a payment",
			Given: after(freeReserved, registrant(ada)),
			When:  confirmFree(),
			Then:  []any{confirmedFree(of(keynote, 1))},
			Sends: []any{contracts.CreateSeatAssignments{OrderID: orderID, ConferenceID: conference, Seats: seats(of(keynote, 1))}},
		},
		estest.Scenario{
			Name: "partly reserved, and what was granted is free: without a payment",
			Given: after(
				placed(of(workshop, 1), of(keynote, 2)), totals(1, 500_00, requestedLine(workshop, 1), requestedLine(keynote, 2)),
				partially(1, of(keynote, 2)), totals(1, 0,
					grantedLine(workshop, 1, 0, contracts.LineSoldOut), grantedLine(keynote, 2, 2, contracts.LineReserved)),
				registrant(ada),
			),
			When: confirmFree(),
			Then: []any{confirmedFree(of(keynote, 2))},
		},
		estest.Scenario{
			Name:  "past its deadline, as long as it has not expired",
			Given: after(fullyReserved, registrant(ada)),
			When:  confirmPaid(payment, 448_00), At: estest.Noon.Add(hold + time.Hour),
			Then: []any{confirmedBy(payment, 448_00, paidSeats...)},
		},
		estest.Scenario{
			Name: "changed and reserved again", Others: sale(),
			Given: []any{
				register(paidSeats...), assignRegistrant(ada), mark(1, paidSeats...),
				change(of(workshop, 1)), mark(2, of(workshop, 1)),
			},
			When: confirmPaid(payment, 500_00),
			Then: []any{confirmedBy(payment, 500_00, of(workshop, 1))},
		},
		estest.Scenario{
			Name:  "again with the payment that confirmed it: nothing",
			Given: after(fullyReserved, registrant(ada), confirmedBy(payment, 448_00, paidSeats...)),
			When:  confirmPaid(payment, 448_00),
			Sends: []any{},
		},
		estest.Scenario{
			Name:  "free of charge, again: nothing",
			Given: after(freeReserved, registrant(ada), confirmedFree(of(keynote, 1))),
			When:  confirmFree(),
			Sends: []any{},
		},
		estest.Scenario{
			Name:  "reinstated, again with the payment that came late: nothing",
			Given: after(fullyReserved, registrant(ada), expired(), reinstated(paidSeats...), confirmedBy(payment, 448_00, paidSeats...)),
			When:  confirmPaid(payment, 448_00),
			Sends: []any{},
		},
	)
}

func TestAConfirmationIsRefused(t *testing.T) {
	otherCurrency := confirmPaid(payment, 448_00)
	otherCurrency.Amount = &contracts.Money{Amount: 448_00, Currency: "EUR"}
	noAmount := confirmPaid(payment, 448_00)
	noAmount.Amount = nil
	ready := after(fullyReserved, registrant(ada))
	confirmed := after(ready, confirmedBy(payment, 448_00, paidSeats...))

	estest.Run(t, orders,
		estest.Scenario{
			Name: "a payment of less", Given: ready, When: confirmPaid(payment, 447_99), Refused: refusal.AmountDiffers,
		},
		estest.Scenario{
			Name: "a payment of more", Given: ready, When: confirmPaid(payment, 448_01), Refused: refusal.AmountDiffers,
		},
		estest.Scenario{
			Name: "a payment in another currency", Given: ready, When: otherCurrency, Refused: refusal.AmountDiffers,
		},
		estest.Scenario{
			Name: "a payment without an amount", Given: ready, When: noAmount, Refused: refusal.AmountDiffers,
		},
		estest.Scenario{
			Name:  "a payment of what was asked for, when less was granted",
			Given: after(partlyReserved, registrant(ada)), When: confirmPaid(payment, 448_00), Refused: refusal.AmountDiffers,
		},
		estest.Scenario{
			Name:  "a payment for an order that is free of charge",
			Given: after(freeReserved, registrant(ada)), When: confirmPaid(payment, 1), Refused: refusal.AmountDiffers,
		},
		estest.Scenario{
			Name:  "a payment of the total before the items were changed",
			Given: after(ready, updated(2, of(workshop, 1)), totals(2, 500_00, requestedLine(workshop, 1))),
			When:  confirmPaid(payment, 448_00), Refused: refusal.AmountDiffers,
		},
		estest.Scenario{
			Name:  "a change took the reservation back, whatever was reserved before",
			Given: after(ready, updated(2, of(workshop, 1)), totals(2, 500_00, requestedLine(workshop, 1))),
			When:  confirmPaid(payment, 500_00), Refused: refusal.NotReserved,
		},
		estest.Scenario{
			Name: "no registrant", Given: fullyReserved, When: confirmPaid(payment, 448_00), Refused: refusal.RegistrantRequired,
		},
		estest.Scenario{
			Name: "no registrant, free of charge", Given: freeReserved, When: confirmFree(), Refused: refusal.RegistrantRequired,
		},
		estest.Scenario{
			Name:  "seats not reserved yet",
			Given: after(paidOrder, registrant(ada)), When: confirmPaid(payment, 448_00), Refused: refusal.NotReserved,
		},
		estest.Scenario{
			Name: "no payment for an order that costs something", Given: ready, When: confirmFree(), Refused: refusal.PaymentRequired,
		},
		estest.Scenario{
			Name: "paid already by another payment", Given: confirmed, When: confirmPaid(payment2, 448_00), Refused: refusal.AlreadyPaid,
		},
		estest.Scenario{
			Name:  "confirmed already, free of charge, and now a payment of nothing",
			Given: after(freeReserved, registrant(ada), confirmedFree(of(keynote, 1))),
			When:  confirmPaid(payment, 0), Refused: refusal.AlreadyPaid,
		},
		estest.Scenario{
			Name: "expired", Given: after(ready, expired()), When: confirmPaid(payment, 448_00), Refused: refusal.OrderExpired,
		},
		estest.Scenario{
			Name: "cancelled", Given: after(ready, cancelled()), When: confirmPaid(payment, 448_00), Refused: refusal.OrderCancelled,
		},
		estest.Scenario{
			Name:  "cancelled after it was confirmed with this payment",
			Given: after(confirmed, cancelledWithRefund(payment)), When: confirmPaid(payment, 448_00), Refused: refusal.OrderCancelled,
		},
		estest.Scenario{
			Name:  "rejected",
			Given: after(paidOrder, registrant(ada), rejected(1)), When: confirmPaid(payment, 448_00), Refused: refusal.OrderRejected,
		},
	)
}

// Where several reasons hold, the first of the domain page's list is said.
func TestReasonsToRefuseAConfirmationHaveAnOrder(t *testing.T) {
	var (
		ready  = after(fullyReserved, registrant(ada))
		waits  = after(paidOrder, registrant(ada))
		exact  = confirmPaid(payment2, 448_00)
		less   = confirmPaid(payment2, 1)
		unpaid = confirmFree()
	)
	for _, row := range []struct {
		name    string
		given   []any
		when    any
		refused es.Code
	}{
		{"amount before registrant", fullyReserved, less, refusal.AmountDiffers},
		{"amount before reservation", waits, less, refusal.AmountDiffers},
		{"amount before another payment", after(ready, confirmedBy(payment, 448_00, paidSeats...)), less, refusal.AmountDiffers},
		{"amount before expiry", after(ready, expired()), less, refusal.AmountDiffers},
		{"amount before cancellation", after(ready, cancelled()), less, refusal.AmountDiffers},
		{"amount before rejection", after(waits, rejected(1)), less, refusal.AmountDiffers},
		{"registrant before reservation", paidOrder, exact, refusal.RegistrantRequired},
		{"registrant before payment", fullyReserved, unpaid, refusal.RegistrantRequired},
		{"registrant before expiry, so that nothing is re-acquired that could not be confirmed", after(fullyReserved, expired()), exact, refusal.RegistrantRequired},
		{"registrant before cancellation", after(fullyReserved, cancelled()), exact, refusal.RegistrantRequired},
		{"registrant before rejection", after(paidOrder, rejected(1)), exact, refusal.RegistrantRequired},
		{"reservation before payment", waits, unpaid, refusal.NotReserved},
		{"payment before another payment", after(ready, confirmedBy(payment, 448_00, paidSeats...)), unpaid, refusal.PaymentRequired},
		{"payment before expiry", after(ready, expired()), unpaid, refusal.PaymentRequired},
		{"payment before cancellation", after(ready, cancelled()), unpaid, refusal.PaymentRequired},
		{"payment before rejection", after(waits, rejected(1)), unpaid, refusal.PaymentRequired},
	} {
		estest.Run(t, orders, estest.Scenario{Name: row.name, Given: row.given, When: row.when, Refused: row.refused})
	}
}
