package order_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

const why = "no answer for an hour"

func retry() contracts.RetryOrder { return contracts.RetryOrder{OrderID: orderID, Reason: why} }

func releaseSeats() contracts.ReleaseOrderSeats {
	return contracts.ReleaseOrderSeats{OrderID: orderID, Reason: why}
}

func returnPayment(p uuid.UUID) contracts.ReturnPayment {
	return contracts.ReturnPayment{OrderID: orderID, PaymentID: p, Reason: why}
}

func returned(p uuid.UUID) contracts.OrderPaymentReturned {
	return contracts.OrderPaymentReturned{OrderID: orderID, PaymentID: p, Reason: why}
}

func released() contracts.OrderSeatsReleased {
	return contracts.OrderSeatsReleased{OrderID: orderID, Reason: why}
}

// What an operator may have done to an order in each status.
func TestAnOperatorSeesToAnOrder(t *testing.T) {
	refuse := func(code es.Code) func(contracts.OrderStatus) estest.Scenario {
		return func(contracts.OrderStatus) estest.Scenario { return estest.Scenario{Refused: code} }
	}
	then := func(event any) func(contracts.OrderStatus) estest.Scenario {
		return func(contracts.OrderStatus) estest.Scenario { return estest.Scenario{Then: []any{event}} }
	}
	statuses := []contracts.OrderStatus{
		"", order.Placed, order.PartiallyReserved, order.Reserved, order.Rejected, order.Expired, order.Confirmed, order.Cancelled, order.Waitlisted,
	}
	missing, open, confirmed := refuse(refusal.OrderNotFound), refuse(refusal.OrderNotEnded), refuse(refusal.OrderConfirmed)
	stands := func(status contracts.OrderStatus) estest.Scenario {
		return estest.Scenario{Then: []any{estest.Where("how it stands", func(e contracts.OrderRetried) bool {
			return e.Status == status && e.Version == 2 && e.Reason == why && e.ConferenceID == conference &&
				(e.Confirmed != nil) == (status == order.Confirmed) && (e.Cancelled != nil) == (status == order.Cancelled)
		})}}
	}
	closed := then(contracts.OrderCaseClosed{OrderID: orderID, Reason: why})
	back := then(returned(payment))
	for _, row := range []struct {
		command string
		when    any
		want    [9]func(contracts.OrderStatus) estest.Scenario
	}{
		//       missing, placed, partially, reserved, rejected, expired, confirmed, cancelled, waitlisted
		{"RetryOrder", retry(), [9]func(contracts.OrderStatus) estest.Scenario{missing, stands, stands, stands, stands, stands, stands, stands, stands}},
		{"ReleaseOrderSeats", releaseSeats(), [9]func(contracts.OrderStatus) estest.Scenario{missing, open, open, open, then(released()), then(released()), confirmed, then(released()), open}},
		{"ReturnPayment", returnPayment(payment), [9]func(contracts.OrderStatus) estest.Scenario{missing, back, back, back, back, back, refuse(refusal.PaymentConfirms), back, back}},
		{"CloseOrderCase", contracts.CloseOrderCase{OrderID: orderID, Reason: why}, [9]func(contracts.OrderStatus) estest.Scenario{missing, closed, closed, closed, closed, closed, closed, closed, closed}},
	} {
		for i, s := range standings {
			sc := row.want[i](statuses[i])
			sc.Name, sc.Given, sc.When, sc.Others = row.command+", when the order is "+s.name, s.given, row.when, sale()
			estest.Run(t, orders, sc)
		}
	}
}

// What the order says of itself when it is retried is what it said before.
func TestARetriedOrderSaysHowItBecameWhatItIs(t *testing.T) {
	paid := after(changedAndReserved, confirmedBy(payment, 398_00, of(general, 2)))
	someBack := after(paid, seatsCancelled(1, &payment, 199_00, seats(of(general, 1)), 0))
	estest.Run(t, orders,
		estest.Scenario{Name: "confirmed by a payment", Given: paid, When: retry(), Others: sale(), Then: []any{estest.Where("confirmed", func(e contracts.OrderRetried) bool {
			return *e.Confirmed.PaymentID == payment && e.Items.Equal(seats(of(general, 2)))
		})}},
		estest.Scenario{Name: "with some seats given back", Given: someBack, When: retry(), Others: sale(), Then: []any{estest.Where("what is kept", func(e contracts.OrderRetried) bool {
			return e.Items.Equal(seats(of(general, 1)))
		})}},
		estest.Scenario{Name: "cancelled, with a refund", Given: after(paid, cancelledWithRefund(payment)), When: retry(), Others: sale(), Then: []any{estest.Where("the refund", func(e contracts.OrderRetried) bool {
			return e.Cancelled.Refund && *e.Cancelled.PaymentID == payment && e.Cancelled.Amount == nil
		})}},
		estest.Scenario{Name: "cancelled, with a refund of the rest", Given: after(someBack, cancelledWithRefund(payment)), When: retry(), Others: sale(), Then: []any{estest.Where("the rest", func(e contracts.OrderRetried) bool {
			return e.Cancelled.Refund && *e.Cancelled.Amount == usd(199_00)
		})}},
		estest.Scenario{Name: "cancelled before it was confirmed", Given: after(changedAndReserved, cancelled()), When: retry(), Others: sale(), Then: []any{estest.Where("no refund", func(e contracts.OrderRetried) bool {
			return !e.Cancelled.Refund && e.Cancelled.PaymentID == nil
		})}},
		estest.Scenario{Name: "in line, until the conference starts", Given: []any{placedWaiting(contracts.Waitlist{}, of(general, 2))}, When: retry(), Others: sale(), Then: []any{estest.Where("the wish", func(e contracts.OrderRetried) bool {
			return e.Waitlist != nil && e.WaitUntil.Equal(startsAt)
		})}},
		estest.Scenario{Name: "in line, while the catalogue cannot be read: refused, to be tried again", Given: []any{placedWaiting(contracts.Waitlist{}, of(general, 2))}, When: retry(), Refused: refusal.ConferenceNotReady},
	)
}

// The order stays the judge: what was given back or released for good confirms nothing.
func TestWhatWasGivenBackByAnOperatorConfirmsNothing(t *testing.T) {
	lapsed := after(changedAndReserved, expired())
	byAnother := reinstate(2, 398_00, of(general, 2))
	byAnother.PaymentID = payment2
	estest.Run(t, orders,
		estest.Scenario{Name: "a payment that was given back", Given: after(changedAndReserved, returned(payment)), When: confirmPaid(payment, 398_00), Refused: refusal.PaymentReturned},
		estest.Scenario{Name: "of any amount", Given: after(changedAndReserved, returned(payment)), When: confirmPaid(payment, 1), Refused: refusal.PaymentReturned},
		estest.Scenario{Name: "another payment does", Given: after(changedAndReserved, returned(payment)), When: confirmPaid(payment2, 398_00), Then: []any{confirmedBy(payment2, 398_00, of(general, 2))}},
		estest.Scenario{Name: "it does not reinstate the order", Given: after(lapsed, returned(payment)), When: reinstate(2, 398_00, of(general, 2)), Refused: refusal.PaymentReturned},
		estest.Scenario{Name: "another payment does that", Given: after(lapsed, returned(payment)), When: byAnother,
			Then: []any{estest.Any[contracts.OrderReinstated](), confirmedBy(payment2, 398_00, of(general, 2))}},
		estest.Scenario{Name: "an order whose seats were released is not reinstated", Given: after(lapsed, released()), When: reinstate(2, 398_00, of(general, 2)), Refused: refusal.OrderExpired},
		estest.Scenario{Name: "given back once more: said once more, for a refund that was lost", Given: after(changedAndReserved, returned(payment)), When: returnPayment(payment), Then: []any{returned(payment)}},
	)
}

func TestAnOperatorSaysWhy(t *testing.T) {
	for name, reason := range map[string]string{"nothing": "", "blanks": "  ", "two lines": "a\nb", "too much": strings.Repeat("x", 201)} {
		for _, when := range []any{
			contracts.RetryOrder{OrderID: orderID, Reason: reason}, contracts.ReleaseOrderSeats{OrderID: orderID, Reason: reason},
			contracts.ReturnPayment{OrderID: orderID, PaymentID: payment, Reason: reason}, contracts.CloseOrderCase{OrderID: orderID, Reason: reason},
		} {
			estest.Run(t, orders, estest.Scenario{Name: name, Given: after(changedAndReserved, expired()), When: when, Others: sale(), Refused: refusal.ReasonInvalid})
		}
	}
	estest.Run(t, orders, estest.Scenario{Name: "it is trimmed", Given: changedAndReserved, When: contracts.CloseOrderCase{OrderID: orderID, Reason: "  seen \t"},
		Then: []any{contracts.OrderCaseClosed{OrderID: orderID, Reason: "seen"}}})
}

func TestAnOperatorSeesToAnOrderForLongerThanPeople(t *testing.T) {
	bound := order.MaxCommands + order.MaxCancellations + order.MaxByOperator
	estest.Run(t, orders,
		estest.Scenario{Name: "beyond the bound of people", Given: changedAndReserved, Others: sale(), Handled: bound - 1, When: retry(), Then: []any{estest.Any[contracts.OrderRetried]()}},
		estest.Scenario{Name: "beyond the operator's", Given: changedAndReserved, Others: sale(), Handled: bound, When: retry(), Refused: refusal.TooManyChanges},
	)
}
