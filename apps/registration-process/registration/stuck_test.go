package registration_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

const why = "no answer for an hour"

// retried is how the order stands, with the items two.
func retried(status contracts.OrderStatus, change ...func(*contracts.OrderRetried)) contracts.OrderRetried {
	e := contracts.OrderRetried{OrderID: order, ConferenceID: conference, Status: status, Version: 1, Items: two, Deadline: deadline, Reason: why}
	for _, c := range change {
		c(&e)
	}
	return e
}

func retriedConfirmed(payment *uuid.UUID) contracts.OrderRetried {
	return retried(contracts.StatusConfirmed, func(e *contracts.OrderRetried) {
		e.Confirmed = &contracts.OrderConfirmed{OrderID: order, PaymentID: payment, Seats: two, Total: total}
	})
}

func retriedCancelled(m contracts.OrderCancelled) contracts.OrderRetried {
	return retried(contracts.StatusCancelled, func(e *contracts.OrderRetried) { e.Cancelled = &m })
}

func keep(number int, seats contracts.Seats) contracts.ReduceSeatReservation {
	return contracts.ReduceSeatReservation{ConferenceID: conference, OrderID: order, Number: number, Keep: seats}
}

var (
	byOperator    = contracts.ByOperator
	seatsReleased = contracts.OrderSeatsReleased{OrderID: order, Reason: why}
)

func paymentReturned(p uuid.UUID) contracts.OrderPaymentReturned {
	return contracts.OrderPaymentReturned{OrderID: order, PaymentID: p, Reason: why}
}

// A retry does again what the process waits for, by how the order stands.
func TestOrderRetried(t *testing.T) {
	confirming := confirmingP1()
	refused := after(confirming, estest.Answer[contracts.ConfirmOrder](paidTooFew))
	newer := retried(contracts.StatusPlaced, func(e *contracts.OrderRetried) { e.Version, e.Items = 2, three })
	run(t,
		estest.ProcessScenario{Name: "the seats did not answer: they are asked anew", Given: awaitingReservation, When: retried(contracts.StatusPlaced),
			Sends: []any{request(2, two)}, Wake: wakeAtEnd, Then: is(registration.AwaitingReservation)},
		estest.ProcessScenario{Name: "after the deadline the order ends", Given: awaitingReservation, When: retried(contracts.StatusPlaced), At: deadline,
			Sends: []any{expire}, Then: is(registration.Expiring)},
		estest.ProcessScenario{Name: "the order did not hear of its seats", Given: awaitingPayment, When: retried(contracts.StatusPlaced),
			Sends: []any{markTwo}, Wake: wakeAtEnd, Then: is(registration.AwaitingPayment)},
		estest.ProcessScenario{Name: "it has its seats, and time", Given: awaitingPayment, When: retried(contracts.StatusReserved), Wake: wakeAtEnd, Then: is(registration.AwaitingPayment)},
		estest.ProcessScenario{Name: "its reminder was lost", Given: awaitingPayment, When: retried(contracts.StatusReserved), At: deadline, Sends: []any{expire}, Then: is(registration.Expiring)},
		estest.ProcessScenario{Name: "a change was missed", Given: awaitingPayment, When: newer, Sends: []any{request(2, three)}, Wake: wakeAtEnd, Then: is(registration.AwaitingReservation)},
		estest.ProcessScenario{Name: "it is from before a change", Given: after(awaitingPayment, updated(2, three)), When: retried(contracts.StatusPlaced), Wake: wakeAtEnd, Then: is(registration.AwaitingReservation)},
		estest.ProcessScenario{Name: "OrderPlaced was missed", When: retried(contracts.StatusPlaced), Sends: []any{request(1, two)}, Wake: wakeAtEnd, Then: is(registration.AwaitingReservation)},
		estest.ProcessScenario{Name: "OrderPlaced was missed, a payment was not", Given: []any{completed(p1)}, When: retried(contracts.StatusPlaced), Sends: []any{request(1, two), confirmP1}, Wake: wakeAtEnd},
		estest.ProcessScenario{Name: "all was missed of an order that was cancelled", When: retriedCancelled(cancelled), Sends: []any{request(1, two), release(1, grace)}, Wake: noWake, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "a payment was not answered", Given: confirming, When: retried(contracts.StatusReserved), Sends: []any{confirmP1}, Then: is(registration.AwaitingPayment)},
		estest.ProcessScenario{Name: "then it is refused: the order may say yes to what was asked before, so it is asked to take the payment no more",
			Given: after(confirming, retried(contracts.StatusReserved)), When: estest.Answer[contracts.ConfirmOrder](paidTooFew), Sends: []any{contracts.ReturnPayment{OrderID: order, PaymentID: p1, Reason: string(paidTooFew)}}},
		estest.ProcessScenario{Name: "and goes back when the order says so",
			Given: after(confirming, retried(contracts.StatusReserved), estest.Answer[contracts.ConfirmOrder](paidTooFew)), When: paymentReturned(p1), Sends: []any{refund(p1, es.Code(byOperator))}, Wake: wakeAtEnd},
		estest.ProcessScenario{Name: "or confirms it after all",
			Given: after(confirming, retried(contracts.StatusReserved), estest.Answer[contracts.ConfirmOrder](paidTooFew)), When: confirmed(p1), Sends: []any{commit(1)}, Wake: noWake, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "an order that has expired says yes to neither",
			Given: after(confirming, retried(contracts.StatusReserved)), When: estest.Answer[contracts.ConfirmOrder](refusal.OrderExpired), Sends: []any{release(1, grace), again(2, two, noon)}, Wake: noWake, Then: is(registration.ReacquiringSeats)},
		estest.ProcessScenario{Name: "a refund was not made", Given: refused, When: retried(contracts.StatusReserved), Sends: []any{refund(p1, es.Code(byOperator))}, Wake: wakeAtEnd},
		estest.ProcessScenario{Name: "the order does not end", Given: expiring, When: retried(contracts.StatusReserved), At: deadline, Sends: []any{expire}, Then: is(registration.Expiring)},
		estest.ProcessScenario{Name: "it does not say that it was rejected", Given: rejecting, When: retried(contracts.StatusPlaced),
			Sends: []any{reject(1, contracts.SoldOut)}, Then: is(registration.Rejecting)},

		estest.ProcessScenario{Name: "OrderExpired was missed", Given: expiring, When: retried(contracts.StatusExpired), At: deadline, Sends: []any{release(1, grace)}, Wake: noWake, Then: is(registration.Expired)},
		estest.ProcessScenario{Name: "the seats of an expired order did not come back", Given: hasExpired, When: retried(contracts.StatusExpired), At: grace, Sends: []any{release(1, grace)}, Wake: noWake, Then: is(registration.Expired)},
		estest.ProcessScenario{Name: "seats are held again for a payment, and did not answer", Given: reacquiring, When: retried(contracts.StatusExpired), At: grace,
			Sends: []any{again(3, two, grace)}, Then: is(registration.ReacquiringSeats)},
		estest.ProcessScenario{Name: "the order does not say that it is reinstated", Given: reinstating, When: retried(contracts.StatusExpired), At: grace,
			Sends: []any{reinstate(p1, two)}, Then: is(registration.Reinstating)},
		estest.ProcessScenario{Name: "it comes after the reinstatement: nothing is released", Given: after(reinstating, confirmed(p1)), When: retried(contracts.StatusExpired), At: grace, Then: is(registration.Completed)},

		estest.ProcessScenario{Name: "OrderRejected was missed", Given: rejecting, When: retried(contracts.StatusRejected), Sends: []any{release(1, grace)}, Wake: noWake, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "the place of a rejected order did not come back", Given: completedRejected, When: retried(contracts.StatusRejected), Sends: []any{release(1, grace)}, Wake: noWake, Then: is(registration.Completed)},

		estest.ProcessScenario{Name: "OrderCancelled was missed", Given: completedPaid, When: retriedCancelled(refunding(p1)), Sends: []any{release(1, grace), refund(p1, refusal.OrderCancelled), refund(p1, es.Code(byOperator))}, Wake: noWake},
		estest.ProcessScenario{Name: "the seats and the money of a cancelled order did not go back", Given: after(completedPaid, refunding(p1)), When: retriedCancelled(refunding(p1)),
			Sends: []any{release(1, grace), refund(p1, es.Code(byOperator))}, Wake: noWake},

		estest.ProcessScenario{Name: "OrderConfirmed was missed", Given: confirming, When: retriedConfirmed(&p1), Sends: []any{commit(1), keep(1, two)}, Wake: noWake, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "the seats of a confirmed order are not firm", Given: completedPaid, When: retriedConfirmed(&p1), Sends: []any{commit(1), keep(1, two)}, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "the order was cancelled since", Given: after(completedPaid, refunding(p1)), When: retriedConfirmed(&p1), Sends: []any{refund(p1, es.Code(byOperator))}, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "another payment of a confirmed order was not answered", Given: after(completedPaid, initiated(p2), completed(p2)), When: retriedConfirmed(&p1), Sends: []any{commit(1), keep(1, two), confirmP2}},
	)
}

// Released for good: whatever the process was about, it gives back what it has.
func TestOrderSeatsReleased(t *testing.T) {
	late := grace.Add(time.Hour)
	run(t,
		estest.ProcessScenario{Name: "the seats of an expired order", Given: hasExpired, When: seatsReleased, At: late, Sends: []any{release(1, grace)}, Wake: noWake, Then: is(registration.Expired)},
		estest.ProcessScenario{Name: "OrderExpired was missed", Given: expiring, When: seatsReleased, At: late, Sends: []any{release(1, grace)}, Wake: noWake, Then: is(registration.Expired)},
		estest.ProcessScenario{Name: "the seats of a cancelled order", Given: completedCancelled, When: seatsReleased, At: late, Sends: []any{release(1, grace)}, Wake: noWake, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "those that are held again, and the payment for which they are", Given: reacquiring, When: seatsReleased, At: late,
			Sends: []any{refund(p1, refusal.OrderExpired), release(2, grace.Add(20*time.Minute))}, Wake: noWake, Then: is(registration.Expired)},
		estest.ProcessScenario{Name: "also while the order is reinstated: it says that it will not be", Given: reinstating, When: seatsReleased, At: late,
			Sends: []any{refund(p1, refusal.OrderExpired), release(2, grace.Add(20*time.Minute))}, Wake: noWake, Then: is(registration.Expired)},
		estest.ProcessScenario{Name: "then a late payment goes back, and no seats are asked for", Given: after(hasExpired, estest.At(late, seatsReleased), estest.At(late, completed(p1))), When: estest.Answer[contracts.ConfirmOrder](refusal.OrderExpired), At: late,
			Sends: []any{refund(p1, refusal.OrderExpired)}, Then: is(registration.Expired)},
		estest.ProcessScenario{Name: "before OrderPlaced it is kept", When: seatsReleased, Then: is(registration.NotStarted)},
	)
}

// The order takes the payment no more, so it goes back however it stands, and once.
func TestOrderPaymentReturned(t *testing.T) {
	confirming := confirmingP1()
	run(t,
		estest.ProcessScenario{Name: "one that the order has not answered", Given: confirming, When: paymentReturned(p1), Sends: []any{refund(p1, es.Code(byOperator))}, Wake: wakeAtEnd, Then: is(registration.AwaitingPayment)},
		estest.ProcessScenario{Name: "its answer then counts for nothing", Given: after(confirming, paymentReturned(p1)), When: estest.Answer[contracts.ConfirmOrder](refusal.PaymentReturned)},
		estest.ProcessScenario{Name: "when the hold is over, the order then ends", Given: confirming, When: paymentReturned(p1), At: grace, Sends: []any{refund(p1, es.Code(byOperator)), expire}, Then: is(registration.Expiring)},
		estest.ProcessScenario{Name: "the order refuses it before the process hears of it", Given: confirming, When: estest.Answer[contracts.ConfirmOrder](refusal.PaymentReturned), Sends: []any{refund(p1, refusal.PaymentReturned)}, Wake: wakeAtEnd},
		estest.ProcessScenario{Name: "one that was sent back before: payments does it once", Given: after(confirming, paymentReturned(p1)), When: paymentReturned(p1), Sends: []any{refund(p1, es.Code(byOperator))}},
		estest.ProcessScenario{Name: "one that is open", Given: after(awaitingPayment, initiated(p1)), When: paymentReturned(p1), Sends: []any{cancelPayment(p1, byOperator)}},
		estest.ProcessScenario{Name: "and completes after all", Given: after(awaitingPayment, initiated(p1), paymentReturned(p1)), When: completed(p1), Sends: []any{refund(p1, es.Code(byOperator))}},
		estest.ProcessScenario{Name: "one that nothing is known of: nothing, as it may be another order's", Given: awaitingPayment, When: paymentReturned(p3)},
		estest.ProcessScenario{Name: "it is cancelled when it opens", Given: after(awaitingPayment, paymentReturned(p1)), When: initiated(p1), Sends: []any{cancelPayment(p1, byOperator)}},
		estest.ProcessScenario{Name: "until it completes", Given: after(awaitingPayment, paymentReturned(p1)), When: completed(p1), Sends: []any{refund(p1, es.Code(byOperator))}},
		estest.ProcessScenario{Name: "the one for which seats are held again", Given: reacquiring, When: paymentReturned(p1), At: grace, Sends: []any{release(2, grace.Add(20*time.Minute)), refund(p1, refusal.OrderExpired)}, Then: is(registration.Expired)},
		estest.ProcessScenario{Name: "the one that is about to reinstate the order", Given: reinstating, When: paymentReturned(p1), At: grace, Sends: []any{release(2, grace.Add(20*time.Minute)), refund(p1, refusal.OrderExpired)}, Then: is(registration.Expired)},
		estest.ProcessScenario{Name: "the one that confirmed an order that is cancelled by now", Given: completedPaid, When: paymentReturned(p1), Sends: []any{refund(p1, es.Code(byOperator))}, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "OrderCancelled then refunds nothing more", Given: after(completedPaid, paymentReturned(p1)), When: refunding(p1), Sends: []any{release(1, grace)}, Wake: noWake},
		estest.ProcessScenario{Name: "before OrderPlaced it is kept", Given: []any{completed(p1), paymentReturned(p1)}, When: placed, Sends: []any{request(1, two), confirmP1, refund(p1, es.Code(byOperator))}, Wake: wakeAtEnd},
	)
}

// An operator who asks for an order that is not there has its payments go back.
func TestAnOperatorsQuestionForAnOrderThatIsNotThere(t *testing.T) {
	unknown := func(commandType string, code es.Code) es.CommandRejected {
		return es.CommandRejected{CommandID: "the operator's", CommandType: commandType, Code: code}
	}
	run(t,
		estest.ProcessScenario{Name: "RetryOrder", Given: []any{completed(p1)}, When: unknown("RetryOrder.v1", refusal.OrderNotFound), Sends: []any{refund(p1, contracts.OrderUnknown)}},
		estest.ProcessScenario{Name: "ReturnPayment", Given: []any{completed(p1)}, When: unknown("ReturnPayment.v1", refusal.OrderNotFound), Sends: []any{refund(p1, contracts.OrderUnknown)}},
		estest.ProcessScenario{Name: "refused for another reason: nothing", Given: []any{completed(p1)}, When: unknown("RetryOrder.v1", refusal.ReasonInvalid)},
		estest.ProcessScenario{Name: "an answer to no question of its own: nothing", Given: []any{completed(p1)}, When: unknown("LookForOrder.v1", refusal.OrderNotFound)},
		estest.ProcessScenario{Name: "the order is there: nothing", Given: confirmingP1(), When: unknown("ReturnPayment.v1", refusal.OrderNotFound)},
	)
}

func confirmingP1() []any { return after(awaitingPayment, initiated(p1), completed(p1)) }
