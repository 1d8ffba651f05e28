package registration_test

import (
	"testing"

	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es/estest"
)

var one = contracts.Seats{{SeatType: general, Quantity: 1}}

func usd(cents int64) contracts.Money { return contracts.Money{Amount: cents, Currency: "USD"} }

func seatsCancelled(number int, cents int64, keep contracts.Seats) contracts.OrderSeatsCancelled {
	e := contracts.OrderSeatsCancelled{OrderID: order, Number: number, Positions: []int{number}, Keep: keep, Refund: usd(cents)}
	if cents > 0 {
		e.PaymentID = &p1
	}
	return e
}

func reduceTo(number int, keep contracts.Seats) contracts.ReduceSeatReservation {
	return contracts.ReduceSeatReservation{ConferenceID: conference, OrderID: order, Number: number, Keep: keep}
}

func refundPart(number int, cents int64) contracts.RefundPayment {
	amount := usd(cents)
	return contracts.RefundPayment{PaymentID: p1, RefundID: number, Amount: &amount, Reason: contracts.SeatsGivenBack}
}

func TestOrderSeatsCancelled(t *testing.T) {
	rest := refunding(p1)
	amount := usd(19900)
	rest.Amount = &amount
	refundRest := refund(p1, refusal.OrderCancelled)
	refundRest.Amount = &amount
	late := after(awaitingPayment, estest.At(deadline, wakeUp), expired, estest.At(grace, completed(p1)), estest.At(grace, estest.Answer[contracts.ConfirmOrder](refusal.OrderExpired)), reserved(2, two))

	run(t,
		estest.ProcessScenario{Name: "frees the seats, and gives back what was paid for them", Given: completedPaid, When: seatsCancelled(1, 19900, one),
			Sends: []any{reduceTo(1, one), refundPart(1, 19900)}, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "that cost nothing", Given: completedPaid, When: seatsCancelled(1, 0, one), Sends: []any{reduceTo(1, one)}},
		estest.ProcessScenario{Name: "the same once more: nothing", Given: after(completedPaid, seatsCancelled(1, 19900, one)), When: seatsCancelled(1, 19900, one)},
		estest.ProcessScenario{Name: "others: a refund of their own", Given: after(completedPaid, seatsCancelled(1, 19900, two)), When: seatsCancelled(2, 19900, one),
			Sends: []any{reduceTo(1, one), refundPart(2, 19900)}},
		estest.ProcessScenario{Name: "an earlier one that comes later", Given: after(completedPaid, seatsCancelled(2, 19900, one)), When: seatsCancelled(1, 19900, two),
			Sends: []any{reduceTo(1, two), refundPart(1, 19900)}},
		estest.ProcessScenario{Name: "that overtook OrderConfirmed", Given: after(awaitingPayment, completed(p1)), When: seatsCancelled(1, 19900, one),
			Sends: []any{reduceTo(1, one), refundPart(1, 19900)}, Then: is(registration.AwaitingPayment)},
		estest.ProcessScenario{Name: "OrderConfirmed comes after it", Given: after(awaitingPayment, completed(p1), seatsCancelled(1, 19900, one)), When: confirmed(p1),
			Sends: []any{commit(1)}, Wake: noWake, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "of an order that was reinstated, before that is known: of the seats that were held again", Given: late, When: seatsCancelled(1, 19900, one),
			Sends: []any{reduceTo(2, one), refundPart(1, 19900)}, Then: is(registration.Reinstating)},
		estest.ProcessScenario{Name: "then the order is cancelled: the rest goes back", Given: after(completedPaid, seatsCancelled(1, 19900, one)), When: rest,
			Sends: []any{release(1, grace), refundRest}, Wake: noWake, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "after OrderCancelled, which overtook it: its part goes back, and its seats have", Given: after(completedPaid, rest), When: seatsCancelled(1, 19900, one),
			Sends: []any{refundPart(1, 19900)}},
		estest.ProcessScenario{Name: "the payment that confirmed comes again: nothing", Given: after(completedPaid, seatsCancelled(1, 19900, one)), When: completed(p1)},
		estest.ProcessScenario{Name: "another payment goes back whole, as before", Given: after(completedPaid, seatsCancelled(1, 19900, one), completed(p2)), When: estest.Answer[contracts.ConfirmOrder](refusal.AlreadyPaid),
			Sends: []any{refund(p2, refusal.AlreadyPaid)}},
	)
}
