package registration

import "github.com/plenary/plenary/contracts"

// What an operator has decided of an order that rests where it should not. The order said
// so, as it says everything else; so the process goes by how the order stands.

// retried does again what the process waits for, and what it may have missed of the order.
// The event may come late: what it says of an order that is open may be over, what it says
// of an end never is, but for OrderExpired, which a reinstatement may follow, and
// OrderConfirmed, which OrderCancelled may.
func (t turn) retried(m contracts.OrderRetried) {
	switch m.Status {
	case contracts.StatusPlaced, contracts.StatusWaitlisted, contracts.StatusPartiallyReserved, contracts.StatusReserved:
		t.retryOpen(m)
	case contracts.StatusExpired:
		t.retryExpired()
	case contracts.StatusRejected:
		t.release()
		t.Phase = Completed
	case contracts.StatusCancelled:
		if t.Cancelled {
			t.release()
		} else if m.Cancelled != nil {
			t.orderCancelled(*m.Cancelled)
		}
	case contracts.StatusConfirmed:
		t.retryConfirmed(m)
	}
	t.retryPayments()
	t.lapse()
}

// startRetried begins the process of an order of which OrderPlaced was never heard.
func (t turn) startRetried(m contracts.OrderRetried) {
	t.orderPlaced(contracts.OrderPlaced{
		OrderID: m.OrderID, ConferenceID: m.ConferenceID, Version: m.Version, Items: m.Items, Deadline: m.Deadline, Waiting: m.Waiting,
	})
	for _, kept := range t.takeKept() {
		t.handle(kept)
	}
	if m.Status != contracts.StatusPlaced {
		t.retried(m)
	}
}

// retryOpen asks again for the answer that an open order lacks.
func (t turn) retryOpen(m contracts.OrderRetried) {
	switch {
	case m.Version > t.Version:
		t.orderUpdated(contracts.OrderUpdated{OrderID: m.OrderID, Version: m.Version, Items: m.Items, Deadline: m.Deadline, Waiting: m.Waiting})
	case m.Version < t.Version:
	case t.Phase == Expiring:
		if !t.now.Before(t.Deadline) { // by the clock of this replica as well
			t.out.Send(contracts.ExpireOrder{OrderID: t.OrderID})
		}
	case m.Status != contracts.StatusPlaced:
	case t.Phase == Rejecting:
		t.rejectOrder(t.Rejection)
	case t.Phase == AwaitingReservation:
		if t.now.Before(t.Deadline) {
			t.requestSeats(m.Items)
		}
	case t.Phase == AwaitingPayment && t.Waiting == nil: // what was offered came with more
		t.out.Send(contracts.MarkSeatsAsReserved{OrderID: t.OrderID, Version: t.Version, Granted: t.Granted})
	case t.Phase == Waitlisted:
		t.markWaitlisted()
	}
}

func (t turn) retryExpired() {
	switch {
	case t.live():
		t.orderExpired()
	case t.Phase == Expired:
		t.release()
	case t.Phase == ReacquiringSeats:
		t.requestSeatsAgain()
	case t.Phase == Reinstating:
		p := t.reacquiringPayment()
		t.Reinstatement = t.out.Send(contracts.ReinstateOrder{
			OrderID: t.OrderID, PaymentID: p.ID, Amount: p.Amount, Version: t.Version, Granted: t.Granted,
		})
	}
}

// retryConfirmed makes the seats firm, and keeps no more of them than the order has.
func (t turn) retryConfirmed(m contracts.OrderRetried) {
	switch {
	case t.Cancelled:
		return
	case t.Phase != Completed && m.Confirmed != nil:
		t.orderConfirmed(*m.Confirmed)
	default:
		t.out.Send(contracts.CommitSeatReservation{ConferenceID: t.ConferenceID, OrderID: t.OrderID, Number: t.Number})
		t.cancelOpenPayments()
	}
	t.out.Send(contracts.ReduceSeatReservation{ConferenceID: t.ConferenceID, OrderID: t.OrderID, Number: t.Number, Keep: m.Items})
}

// retryPayments asks the order again for each payment that it has not answered, and for
// each refund, which payments makes once.
func (t turn) retryPayments() {
	for i := range t.Payments {
		switch p := &t.Payments[i]; p.State {
		case Confirming:
			p.AskedAgain = true
			t.confirmOrder(p)
		case Refunded:
			t.refundAgain(p)
		}
	}
}

func (t turn) refundAgain(p *Payment) {
	t.out.Send(contracts.RefundPayment{PaymentID: p.ID, Reason: contracts.ByOperator})
}

// seatsReleased gives back what the order may still hold: it is over for good, so a
// payment for which its seats are held again goes back.
func (t turn) seatsReleased() {
	switch {
	case t.Phase == ReacquiringSeats, t.Phase == Reinstating:
		t.giveUpReacquiring()
	case t.live():
		t.Phase = Expired
	}
	t.Granted = nil
	t.release()
}

// paymentReturned gives a payment back that the order takes no more. One that was not
// completed goes back when it is.
func (t turn) paymentReturned(m contracts.OrderPaymentReturned) {
	p := t.payment(m.PaymentID)
	switch p.State {
	case Open:
		t.cancelPayment(p, contracts.ByOperator)
		p.State = Returned
	case Unseen, GivenUp:
		p.State = Returned
	case Refunded:
		t.refundAgain(p)
	case Returned:
	case Reacquiring:
		t.cancelSeats()
		t.giveUpReacquiring()
	default:
		t.refund(p, contracts.ByOperator)
		t.lapse() // a time that came while its answer was awaited is now due
	}
}
