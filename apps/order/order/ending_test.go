package order_test

import (
	"testing"
	"time"

	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es/estest"
)

func TestAnOrderExpires(t *testing.T) {
	estest.Run(t, orders,
		estest.Scenario{
			Name:  "without a look at the clock: the process has compared it",
			Given: fullyReserved,
			When:  expire(), At: estest.Noon,
			Then:  []any{expired()},
			Sends: []any{},
		},
		estest.Scenario{
			Name:  "once: nothing the second time",
			Given: after(fullyReserved, expired()),
			When:  expire(),
		},
		estest.Scenario{
			Name:    "not when it was confirmed first",
			Given:   after(fullyReserved, registrant(ada), confirmedBy(payment, 448_00, paidSeats...)),
			When:    expire(),
			Refused: refusal.OrderConfirmed,
		},
		estest.Scenario{
			Name: "not when it was confirmed after all",
			Given: after(fullyReserved, registrant(ada), expired(),
				reinstated(paidSeats...), confirmedBy(payment, 448_00, paidSeats...)),
			When:    expire(),
			Refused: refusal.OrderConfirmed,
		},
	)
}

func TestAnExpiredOrderIsReinstated(t *testing.T) {
	ended := after(fullyReserved, registrant(ada), expired())
	otherCurrency := reinstate(1, 448_00, paidSeats...)
	otherCurrency.Amount.Currency = "EUR"
	again := reinstate(1, 448_00, paidSeats...)
	byAnother := again
	byAnother.PaymentID = payment2
	back := after(ended, reinstated(paidSeats...), confirmedBy(payment, 448_00, paidSeats...))

	estest.Run(t, orders,
		estest.Scenario{
			Name:  "and confirmed in one decision, with its seats and its payment",
			Given: ended,
			When:  reinstate(1, 448_00, paidSeats...),
			Then:  []any{reinstated(paidSeats...), confirmedBy(payment, 448_00, paidSeats...)},
			Sends: []any{contracts.CreateSeatAssignments{OrderID: orderID, ConferenceID: conference, Seats: paidSeats}},
		},
		estest.Scenario{
			Name:  "with what it was granted in part",
			Given: after(partlyReserved, registrant(ada), expired()),
			When:  reinstate(1, 199_00, of(general, 1)),
			Then:  []any{reinstated(of(general, 1)), confirmedBy(payment, 199_00, of(general, 1))},
			Sends: []any{contracts.CreateSeatAssignments{OrderID: orderID, ConferenceID: conference, Seats: seats(of(general, 1))}},
		},
		estest.Scenario{
			Name:  "with totals, when it had expired before it was told of its seats",
			Given: after(paidOrder, registrant(ada), expired()),
			When:  reinstate(1, 448_00, paidSeats...),
			Then: []any{
				reinstated(paidSeats...), totals(1, 448_00, fullLines...), confirmedBy(payment, 448_00, paidSeats...),
			},
		},
		estest.Scenario{
			Name:    "not for less than the seats cost",
			Given:   ended,
			When:    reinstate(1, 447_99, paidSeats...),
			Refused: refusal.AmountDiffers,
		},
		estest.Scenario{
			Name:    "not with fewer seats than the payment is for",
			Given:   ended,
			When:    reinstate(1, 448_00, of(general, 2)),
			Refused: refusal.AmountDiffers,
		},
		estest.Scenario{
			Name:    "not in another currency",
			Given:   ended,
			When:    otherCurrency,
			Refused: refusal.AmountDiffers,
		},
		estest.Scenario{
			Name:    "not with seats it did not ask for",
			Given:   ended,
			When:    reinstate(1, 597_00, of(general, 3)),
			Refused: refusal.GrantExceedsRequest,
		},
		estest.Scenario{
			Name:    "not without seats",
			Given:   ended,
			When:    reinstate(1, 0),
			Refused: refusal.NothingGranted,
		},
		estest.Scenario{
			Name:    "not with the seats of an older version",
			Given:   after(fullyReserved, registrant(ada), updated(2, paidSeats...), totals(2, 448_00, requestedLine(general, 2), requestedLine(cocktail, 1)), expired()),
			When:    reinstate(1, 448_00, paidSeats...),
			Refused: refusal.VersionSuperseded,
		},
		estest.Scenario{
			Name:  "once: again with the same payment does nothing",
			Given: back,
			When:  again,
			Sends: []any{},
		},
		estest.Scenario{
			Name:    "once: another payment is refused",
			Given:   back,
			When:    byAnother,
			Refused: refusal.OrderConfirmed,
		},
		estest.Scenario{
			Name: "and can be cancelled like any confirmed order", Others: sale(),
			Given: back,
			When:  cancel(),
			Then:  []any{cancelledWithRefund(payment)},
		},
	)
}

// A type that costs nothing can be missing without the price being another.
func TestAReinstatedOrderIsForTheSeatsItWasGranted(t *testing.T) {
	ended := after(
		placed(of(workshop, 1), of(keynote, 2)), totals(1, 500_00, requestedLine(workshop, 1), requestedLine(keynote, 2)),
		registrant(ada), expired(),
	)
	lines := []contracts.OrderLine{
		grantedLine(workshop, 1, 1, contracts.LineReserved), grantedLine(keynote, 2, 0, contracts.LineSoldOut),
	}
	back := after(reinstated(of(workshop, 1)), totals(1, 500_00, lines...), confirmedBy(payment, 500_00, of(workshop, 1)))

	estest.Run(t, orders, estest.Scenario{
		Name:  "confirmed for them alone",
		Given: ended,
		When:  reinstate(1, 500_00, of(workshop, 1)),
		Then:  back,
		Sends: []any{contracts.CreateSeatAssignments{OrderID: orderID, ConferenceID: conference, Seats: seats(of(workshop, 1))}},
	})
	if state := estest.Fold(orders, after(ended, back)...); !state.Items.Equal(seats(of(workshop, 1))) {
		t.Errorf("the order is for %v, want one workshop", state.Items)
	}
}

func TestAnOrderIsCancelled(t *testing.T) {
	confirmed := after(fullyReserved, registrant(ada), confirmedBy(payment, 448_00, paidSeats...))
	free := after(freeReserved, registrant(ada), confirmedFree(of(keynote, 1)))
	noWindow := sale(func(c *contracts.SetCatalogue) { c.RefundUntil = time.Time{} })

	estest.Run(t, orders,
		estest.Scenario{
			Name: "before it is confirmed: always, and there is nothing to refund", Others: noWindow,
			Given: fullyReserved,
			When:  cancel(),
			Then:  []any{cancelled()},
			Sends: []any{},
		},
		estest.Scenario{
			Name:  "before it is confirmed: also while the catalogue cannot be read",
			Given: paidOrder,
			When:  cancel(),
			Then:  []any{cancelled()},
		},
		estest.Scenario{
			Name: "confirmed, inside the refund window: with a refund", Others: sale(),
			Given: confirmed,
			When:  cancel(),
			Then:  []any{cancelledWithRefund(payment)},
		},
		estest.Scenario{
			Name: "confirmed, at the last moment of the refund window", Others: sale(),
			Given: confirmed,
			When:  cancel(), At: refundUntil,
			Then: []any{cancelledWithRefund(payment)},
		},
		estest.Scenario{
			Name: "confirmed, after the refund window: refused", Others: sale(),
			Given: confirmed,
			When:  cancel(), At: refundUntil.Add(time.Nanosecond),
			Refused: refusal.RefundWindowClosed,
		},
		estest.Scenario{
			Name: "confirmed, and the conference has no refund window: refused", Others: noWindow,
			Given:   confirmed,
			When:    cancel(),
			Refused: refusal.RefundWindowClosed,
		},
		estest.Scenario{
			Name: "confirmed, inside a refund window that was moved", Others: sale(func(c *contracts.SetCatalogue) {
				c.RefundUntil = refundUntil.AddDate(0, 1, 0)
			}),
			Given: confirmed,
			When:  cancel(), At: refundUntil.Add(time.Hour),
			Then: []any{cancelledWithRefund(payment)},
		},
		estest.Scenario{
			Name:    "confirmed, while the catalogue cannot be read: refused, to be tried again",
			Given:   confirmed,
			When:    cancel(),
			Refused: refusal.ConferenceNotReady,
		},
		estest.Scenario{
			Name: "confirmed free of charge, without a refund window: until the conference starts, and there is nothing to refund", Others: noWindow,
			Given: free,
			When:  cancel(), At: startsAt.Add(-time.Nanosecond),
			Then: []any{cancelled()},
		},
		estest.Scenario{
			Name: "confirmed free of charge, after the refund window", Others: sale(),
			Given: free,
			When:  cancel(), At: refundUntil.Add(time.Hour),
			Then: []any{cancelled()},
		},
		estest.Scenario{
			Name: "confirmed free of charge, once the conference has started: refused", Others: sale(),
			Given: free,
			When:  cancel(), At: startsAt,
			Refused: refusal.ConferenceStarted,
		},
		estest.Scenario{
			Name: "by the organiser, after the refund window: with a refund", Others: sale(),
			Given: confirmed,
			When:  cancelByOrganiser(), At: refundUntil.Add(time.Hour),
			Then: []any{contracts.OrderCancelled{OrderID: orderID, Refund: true, PaymentID: &payment, ByOrganiser: true}},
		},
		estest.Scenario{
			Name: "by the organiser, while the conference goes on and without a refund window", Others: noWindow,
			Given: confirmed,
			When:  cancelByOrganiser(), At: endsAt.Add(-time.Nanosecond),
			Then: []any{contracts.OrderCancelled{OrderID: orderID, Refund: true, PaymentID: &payment, ByOrganiser: true}},
		},
		estest.Scenario{
			Name: "by the organiser, free of charge and after the start", Others: sale(),
			Given: free,
			When:  cancelByOrganiser(), At: startsAt.Add(time.Hour),
			Then: []any{contracts.OrderCancelled{OrderID: orderID, ByOrganiser: true}},
		},
		estest.Scenario{
			Name: "by the organiser, after the end of the conference: refused", Others: sale(),
			Given: confirmed,
			When:  cancelByOrganiser(), At: endsAt,
			Refused: refusal.ConferenceEnded,
		},
		estest.Scenario{
			Name:  "twice: nothing the second time",
			Given: after(fullyReserved, cancelled()),
			When:  cancel(),
		},
		estest.Scenario{
			Name: "twice after confirmation: nothing the second time, even after the refund window", Others: sale(),
			Given: after(confirmed, cancelledWithRefund(payment)),
			When:  cancel(), At: refundUntil.Add(time.Hour),
		},
	)
}

func TestAnOrderTakesABoundedNumberOfCommandsFromPeople(t *testing.T) {
	bound, last := order.MaxCommands, order.MaxCommands+order.MaxCancellations
	ready := after(fullyReserved, registrant(ada))
	estest.Run(t, orders,
		estest.Scenario{Name: "beyond the bound a registrant is refused", Given: ready, Handled: bound,
			When: contracts.AssignRegistrantDetails{OrderID: orderID}, Refused: refusal.TooManyChanges},
		estest.Scenario{Name: "beyond the bound a confirmation without a payment is refused", Given: ready, Handled: bound,
			When: contracts.ConfirmOrder{OrderID: orderID}, Refused: refusal.TooManyChanges},
		estest.Scenario{Name: "beyond the bound a payment confirms", Given: ready, Handled: last,
			When: confirmPaid(payment, 448_00), Then: []any{confirmedBy(payment, 448_00, paidSeats...)}},
		estest.Scenario{Name: "beyond the bound it expires", Given: ready, Handled: last,
			When: contracts.ExpireOrder{OrderID: orderID}, Then: []any{expired()}},
		estest.Scenario{Name: "a little beyond the bound it is cancelled", Given: ready, Handled: last - 1,
			When: contracts.CancelOrder{OrderID: orderID}, Then: []any{cancelled()}},
		estest.Scenario{Name: "far beyond the bound its cancellation is refused", Given: ready, Handled: last,
			When: contracts.CancelOrder{OrderID: orderID}, Refused: refusal.TooManyChanges},
		estest.Scenario{Name: "far beyond the bound the organiser cancels it", Others: sale(), Given: ready, Handled: last,
			When: contracts.CancelOrder{OrderID: orderID, ByOrganiser: true}, Then: []any{contracts.OrderCancelled{OrderID: orderID, ByOrganiser: true}}},
	)
}
