// Package registration holds the registration process: per order, what goes
// out next. It is the table of the domain page, one method per row. It holds no
// business rule: the order is the only judge of how it ends. The process asks,
// and gives seats back only when the order says that it expired, was rejected
// or was cancelled; and every payment that completed becomes a ConfirmOrder,
// whose refusal becomes a refund or, when the order had expired, one more try
// to get its seats.
package registration

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Name is the process's name; an instance's id is the order's.
const Name = "registration"

// Config are the times that a process goes by. It keeps those that it began with.
type Config struct {
	// Hold is how long a late payment's seats may be waited for: the same as the
	// hold of a new order. 15 minutes.
	Hold time.Duration `json:"hold"`
	// Grace is how long after the deadline an order with an open payment is left
	// alone, so that somebody who is paying at that moment can finish. 5 minutes.
	Grace time.Duration `json:"grace"`
	// Leeway is how long after the time meant a wake-up is asked for. It is not
	// added to any deadline: whether one has passed is what the clock of the
	// replica says that handles the wake-up. But that clock may be behind the
	// scheduler's, and a wake-up that comes early does nothing but ask for
	// another; as long as clocks differ by less than this, none is early. 1
	// second.
	Leeway time.Duration `json:"leeway"`
}

// Process is the registration process, by one configuration.
func Process(cfg Config) es.Process[*Registration] {
	return Configured(func() Config { return cfg })
}

// Configured is the registration process by a configuration that may change. Each
// process keeps the times that it began with.
func Configured(current func() Config) es.Process[*Registration] {
	return es.Process[*Registration]{
		Name:  Name,
		New:   func() *Registration { return &Registration{Phase: NotStarted} },
		Route: route,
		Step: func(r *Registration, in es.Input, out *es.Outbox) *Registration {
			turn{Registration: r, now: in.Now, out: out}.step(in.Message, current)
			return r
		},
	}
}

// route names the order a message is about. Only messages of the table have a
// route. A CommandRejected does not name the order itself, but belongs to its
// conversation.
func route(in es.Input) (id string, ok bool) {
	switch m := in.Message.(type) {
	case contracts.OrderPlaced:
		return m.OrderID.String(), true
	case contracts.OrderUpdated:
		return m.OrderID.String(), true
	case contracts.OrderRejected:
		return m.OrderID.String(), true
	case contracts.OrderExpired:
		return m.OrderID.String(), true
	case contracts.OrderConfirmed:
		return m.OrderID.String(), true
	case contracts.OrderSeatsCancelled:
		return m.OrderID.String(), true
	case contracts.OrderCancelled:
		return m.OrderID.String(), true
	case contracts.OrderRetried:
		return m.OrderID.String(), true
	case contracts.OrderSeatsReleased:
		return m.OrderID.String(), true
	case contracts.OrderPaymentReturned:
		return m.OrderID.String(), true
	case contracts.SeatsReserved:
		return m.OrderID.String(), true
	case contracts.SeatsOffered:
		return m.OrderID.String(), true
	case contracts.WaitlistChanged:
		return m.OrderID.String(), true
	case contracts.WaitlistLeft:
		return m.OrderID.String(), true
	case contracts.PaymentInitiated:
		return m.OrderID.String(), true
	case contracts.PaymentRejected:
		return m.OrderID.String(), true
	case contracts.PaymentCancelled:
		return m.OrderID.String(), true
	case contracts.PaymentCompleted:
		return m.OrderID.String(), true
	case contracts.OrderPromoCodeRequested:
		return m.OrderID.String(), true
	case contracts.OrderPromoCodeRejected:
		return m.OrderID.String(), true
	case contracts.PromoCodeRedeemed:
		return m.OrderID.String(), true
	case contracts.DiscountApplied:
		return m.OrderID.String(), true
	case contracts.DiscountReduced:
		return m.OrderID.String(), true
	case contracts.DiscountRemoved:
		return m.OrderID.String(), true
	case es.CommandRejected:
		switch m.CommandType {
		case "MakeSeatReservation.v1", "JoinWaitlist.v1", "ConfirmOrder.v1", "ReinstateOrder.v1", "LookForOrder.v1", "RedeemPromoCode.v1", "ApplyDiscount.v1",
			"RetryOrder.v1", "ReturnPayment.v1":
			return in.CorrelationID, in.CorrelationID != ""
		}
	case es.WakeUp:
		return m.ID, true
	}
	return "", false
}

// turn is the handling of one message.
type turn struct {
	*Registration
	now time.Time
	out *es.Outbox
}

func (t turn) step(message any, current func() Config) {
	if t.Phase != NotStarted {
		t.handle(message)
		return
	}
	if t.Times == (Config{}) {
		t.Times = current()
	}
	switch m := message.(type) {
	case contracts.OrderPlaced:
		t.orderPlaced(m)
		for _, kept := range t.takeKept() {
			t.handle(kept)
		}
	case contracts.OrderRetried:
		t.startRetried(m)
	case contracts.PaymentInitiated:
		t.OrderID = m.OrderID
		t.paymentInitiated(m)
		t.awaitOrder()
	case contracts.PaymentCompleted:
		t.OrderID = m.OrderID
		t.paymentCompleted(m)
		t.awaitOrder()
	case contracts.PaymentRejected:
		t.paymentGivenUp(m.PaymentID)
	case contracts.PaymentCancelled:
		t.paymentGivenUp(m.PaymentID)
	case es.CommandRejected:
		t.orderNotFound(m)
	case es.WakeUp:
		t.orderMissing()
	default:
		t.keep(message)
	}
}

// awaitOrder has the payments of an order that is not known wait for it as long
// as an order that is known may be paid.
func (t turn) awaitOrder() {
	if t.OrderDue.IsZero() {
		t.OrderDue = t.now.Add(t.Times.Hold + t.Times.Grace)
		t.wakeAt(t.OrderDue)
	}
}

// orderMissing gives up the payments of an order that did not come in time: those
// that are open at once, since that moves no money. For those that completed, the order
// app is asked whether the order is there. Asked too early, it asks to be woken again.
func (t turn) orderMissing() {
	switch {
	case t.OrderDue.IsZero():
		return
	case t.now.Before(t.OrderDue):
		t.wakeAt(t.OrderDue)
		return
	}
	t.OrderDue = time.Time{} // a payment that completes after all waits anew
	completed := false
	for i := range t.Payments {
		switch p := &t.Payments[i]; p.State {
		case Open:
			t.cancelPayment(p, contracts.OrderUnknown)
		case Waiting:
			completed = true
		}
	}
	if completed {
		t.Question = t.out.Send(contracts.LookForOrder{OrderID: t.OrderID})
		t.awaitOrder()
	}
}

// orderNotFound has the answer of the order app that there is no such order: its
// payments go back. If the order comes after all, a refunded payment confirms nothing.
// An order that is there does not answer, and what it said of itself is awaited. An
// operator who retries the order, or gives its payment back, asks as well.
func (t turn) orderNotFound(m es.CommandRejected) {
	if m.Code != refusal.OrderNotFound || m.CommandType == "LookForOrder.v1" && m.CommandID != t.Question {
		return
	}
	for i := range t.Payments { // one that is open by now has its own time
		if p := &t.Payments[i]; p.State == Waiting {
			t.refund(p, contracts.OrderUnknown)
		}
	}
}

func (t turn) handle(message any) {
	switch m := message.(type) {
	case contracts.OrderUpdated:
		t.orderUpdated(m)
	case contracts.SeatsReserved:
		t.seatsReserved(m)
	case contracts.SeatsOffered:
		t.seatsOffered(m)
	case contracts.WaitlistChanged:
		t.waitlistChanged(m)
	case contracts.WaitlistLeft:
		t.waitlistLeft(m.Number, refusal.WaitlistClosed)
	case contracts.PaymentInitiated:
		t.paymentInitiated(m)
	case contracts.PaymentRejected:
		t.paymentGivenUp(m.PaymentID)
	case contracts.PaymentCancelled:
		t.paymentGivenUp(m.PaymentID)
	case contracts.PaymentCompleted:
		t.paymentCompleted(m)
	case contracts.OrderConfirmed:
		t.orderConfirmed(m)
	case contracts.OrderExpired:
		t.orderExpired()
	case contracts.OrderRejected:
		t.orderRejected()
	case contracts.OrderSeatsCancelled:
		t.orderSeatsCancelled(m)
	case contracts.OrderCancelled:
		t.orderCancelled(m)
	case contracts.OrderRetried:
		t.retried(m)
	case contracts.OrderSeatsReleased:
		t.seatsReleased()
	case contracts.OrderPaymentReturned:
		t.paymentReturned(m)
	case contracts.OrderPromoCodeRequested:
		t.promoCodeRequested(m)
	case contracts.OrderPromoCodeRejected:
		t.promoCodeGone(m.Code, m.Number)
	case contracts.PromoCodeRedeemed:
		t.promoCodeRedeemed(m)
	case contracts.DiscountApplied:
		t.priceChanged(m.Total)
	case contracts.DiscountReduced:
		t.discountReduced(m)
	case contracts.DiscountRemoved:
		t.promoCodeGone(m.Code, m.Number)
		t.priceChanged(m.Total)
	case es.CommandRejected:
		t.commandRejected(m)
	case es.WakeUp:
		t.lapse()
	}
}

func (t turn) orderPlaced(m contracts.OrderPlaced) {
	t.OrderID, t.ConferenceID = m.OrderID, m.ConferenceID
	t.Version, t.Deadline = m.Version, m.Deadline
	t.Phase = AwaitingReservation
	t.waits(m.Waiting, m.Items)
	t.requestSeats(m.Items)
	t.OrderDue = time.Time{}
	t.wakeAt(t.Deadline)
	for i := range t.Payments {
		if p := &t.Payments[i]; p.State == Waiting {
			t.confirmOrder(p)
		}
	}
}

func (t turn) orderUpdated(m contracts.OrderUpdated) {
	if t.live() {
		t.cancelPaymentsBefore(m.Version)
	}
	switch t.Phase {
	case AwaitingReservation, AwaitingPayment, Waitlisted, Rejecting:
	default:
		return
	}
	if m.Version <= t.Version {
		return
	}
	if t.Phase == Rejecting || !m.Deadline.Equal(t.Deadline) {
		t.wakeAt(m.Deadline) // the one asked for may have come while it meant nothing, or is for another time
	}
	t.Version, t.Deadline, t.Granted = m.Version, m.Deadline, nil
	t.Phase = AwaitingReservation
	t.waits(m.Waiting, m.Items)
	t.requestSeats(m.Items)
}

func (t turn) seatsReserved(m contracts.SeatsReserved) {
	if m.Number != t.Number {
		return
	}
	switch t.Phase {
	case AwaitingReservation:
		switch {
		case m.Granted.Total() > 0:
		case t.Waiting != nil:
			t.join()
			return
		default:
			t.rejectOrder(contracts.SoldOut)
			return
		}
		t.Granted = m.Granted
		t.out.Send(contracts.MarkSeatsAsReserved{OrderID: t.OrderID, Version: t.Version, Granted: m.Granted})
		t.Phase = AwaitingPayment
	case ReacquiringSeats:
		if m.Granted.Total() == 0 {
			t.giveUpReacquiring()
			return
		}
		p := t.reacquiringPayment()
		t.Reinstatement = t.out.Send(contracts.ReinstateOrder{
			OrderID: t.OrderID, PaymentID: p.ID, Amount: p.Amount, Version: t.Version, Granted: m.Granted,
		})
		t.Phase = Reinstating
	}
}

func (t turn) paymentInitiated(m contracts.PaymentInitiated) {
	p := t.payment(m.PaymentID)
	if p.State == Returned {
		t.cancelPayment(p, contracts.ByOperator)
	}
	if p.State != Unseen {
		return // it was answered already
	}
	p.State, p.Version, p.Amount = Open, m.Version, m.Amount
	switch {
	case t.Phase == NotStarted:
	case !t.live():
		t.cancelPayment(p, contracts.OrderEnded)
	case p.Version < t.Version:
		t.cancelPayment(p, contracts.ItemsChanged)
	}
}

func (t turn) paymentGivenUp(id uuid.UUID) {
	if p := t.payment(id); p.State == Unseen || p.State == Open {
		p.State = GivenUp
	}
}

// paymentCompleted asks the order, in every state, once the order is there. The
// provider's word wins: a payment that was given up may complete after all.
func (t turn) paymentCompleted(m contracts.PaymentCompleted) {
	p := t.payment(m.PaymentID)
	switch p.State {
	case Unseen, Open, GivenUp:
		p.State, p.Amount = Waiting, m.Amount
		if t.Phase != NotStarted {
			t.confirmOrder(p)
		}
	case Returned:
		p.Amount = m.Amount
		t.refund(p, contracts.ByOperator)
	}
}

func (t turn) confirmOrder(p *Payment) {
	id, amount := p.ID, p.Amount
	p.State = Confirming
	p.Confirmation = t.out.Send(contracts.ConfirmOrder{OrderID: t.OrderID, PaymentID: &id, Amount: &amount})
}

func (t turn) commandRejected(m es.CommandRejected) {
	if p := t.confirmingPayment(m.CommandID); p != nil {
		t.confirmationRefused(p, m.Code)
		return
	}
	if c := t.promoCodeOf(m.CommandID); c != nil {
		t.promoCodeRefused(c, m.Code)
		return
	}
	switch m.CommandID {
	case t.Request:
		t.requestRefused(m.Code)
	case t.Reinstatement:
		t.reinstatementRefused()
	}
}

// confirmationRefused tries once more to get the seats of an order that had
// expired when its payment came, and otherwise gives the money back. If the order was
// asked more than once, it may still say yes to the other question; then it is asked to
// take the payment no more, and the money goes back when it says so.
func (t turn) confirmationRefused(p *Payment, code es.Code) {
	if code == refusal.OrderExpired && (t.live() || t.Phase == Expired) && t.Granted.Total() > 0 {
		if t.live() {
			t.release()
		}
		p.State = Reacquiring
		t.Phase = ReacquiringSeats
		t.requestSeatsAgain()
		return
	}
	if p.AskedAgain && code != refusal.PaymentReturned {
		t.out.Send(contracts.ReturnPayment{OrderID: t.OrderID, PaymentID: p.ID, Reason: string(code)})
		return
	}
	t.refund(p, code)
	t.lapse() // a time that came while the answer was awaited is now due
}

func (t turn) requestRefused(code es.Code) {
	switch t.Phase {
	case AwaitingReservation, Waitlisted:
		t.rejectOrder(string(code))
	case ReacquiringSeats:
		// A repeat of the refused request may yet be served, by a replica whose
		// clock is behind.
		t.cancelSeats()
		t.giveUpReacquiring()
	}
}

func (t turn) reinstatementRefused() {
	if t.Phase == Reinstating {
		t.cancelSeats()
		t.giveUpReacquiring()
	}
}

func (t turn) giveUpReacquiring() {
	t.refund(t.reacquiringPayment(), refusal.OrderExpired)
	t.Phase = Expired
}

func (t turn) orderConfirmed(m contracts.OrderConfirmed) {
	if t.Phase == Completed {
		return // it was cancelled since, or this is a repeat
	}
	if m.PaymentID != nil {
		t.payment(*m.PaymentID).State = Confirmed
	}
	t.out.Send(contracts.CommitSeatReservation{ConferenceID: t.ConferenceID, OrderID: t.OrderID, Number: t.Number})
	t.cancelOpenPayments()
	t.discountsConfirmed(m.Discounts)
	t.out.CancelWake()
	t.Phase = Completed
}

func (t turn) orderExpired() {
	if t.live() {
		t.release()
		t.Phase = Expired
	}
}

func (t turn) orderRejected() {
	if t.Phase == Rejecting {
		t.release()
		t.Phase = Completed
	}
}

// orderSeatsCancelled frees the seats that were given back, and gives back what was paid
// for them. It may come before the OrderConfirmed that it follows, after a later one of its
// kind, and after OrderCancelled, which frees all seats and gives back the rest.
func (t turn) orderSeatsCancelled(m contracts.OrderSeatsCancelled) {
	if slices.Contains(t.SeatsCancelled, m.Number) {
		return
	}
	t.SeatsCancelled = append(t.SeatsCancelled, m.Number)
	if !t.Cancelled {
		t.out.Send(contracts.ReduceSeatReservation{ConferenceID: t.ConferenceID, OrderID: t.OrderID, Number: t.Number, Keep: m.Keep})
	}
	if m.PaymentID != nil {
		t.out.Send(contracts.RefundPayment{PaymentID: *m.PaymentID, RefundID: m.Number, Amount: &m.Refund, Reason: contracts.SeatsGivenBack})
	}
}

func (t turn) orderCancelled(m contracts.OrderCancelled) {
	if t.Cancelled {
		return
	}
	t.release()
	if m.Refund && m.PaymentID != nil {
		t.refundOf(t.payment(*m.PaymentID), m.Amount, refusal.OrderCancelled)
	}
	t.Cancelled = true
	t.Phase = Completed
}

// lapse ends the hold if its time has come. With a payment open that is Grace
// after the deadline. While a ConfirmOrder is unanswered it does nothing; its
// refusal asks again. Asked too early, it asks to be woken again.
func (t turn) lapse() {
	switch t.Phase {
	case AwaitingReservation, AwaitingPayment, Waitlisted:
	default:
		return
	}
	if t.isConfirming() {
		return
	}
	switch grace := t.Deadline.Add(t.Times.Grace); {
	case t.now.Before(t.Deadline):
		if t.Phase == Waitlisted { // seats may be free by the clock alone
			t.out.Send(contracts.OfferSeats{ConferenceID: t.ConferenceID})
		}
		t.wakeAt(t.Deadline)
	case t.now.Before(grace) && t.hasOpenPayment():
		t.wakeAt(grace)
	default:
		t.out.Send(contracts.ExpireOrder{OrderID: t.OrderID})
		t.Phase = Expiring
	}
}

func (t turn) wakeAt(at time.Time) { t.out.WakeAt(at.Add(t.Times.Leeway)) }

// requestSeats asks for the seats of the items. After the deadline and its
// grace the order cannot be paid any more, so the request is useless then.
func (t turn) requestSeats(items contracts.Seats) {
	t.request(contracts.MakeSeatReservation{
		NotAfter: t.Deadline.Add(t.Times.Grace), Seats: items, AllOrNothing: t.Waiting != nil && t.Waiting.AllOrNothing,
	})
}

// requestSeatsAgain asks for what had been granted, on behalf of a payment that
// is waiting: useless once it has waited as long as a new order would.
func (t turn) requestSeatsAgain() {
	t.request(contracts.MakeSeatReservation{
		NotAfter: t.now.Add(t.Times.Hold + t.Times.Grace), Seats: t.Granted, AllOrNothing: true,
	})
}

// request asks for seats. A request never ends before an earlier one, whatever the
// clocks of replicas say: seats remembers the last number until that one's end, and an
// earlier request that ended later would then be granted for an order that is over.
func (t turn) request(c contracts.MakeSeatReservation) {
	t.Number++
	c.NotAfter = t.notBefore(c.NotAfter)
	c.ConferenceID, c.OrderID, c.Number = t.ConferenceID, t.OrderID, t.Number
	t.Request = t.out.Send(c)
}

// notBefore is the end of a request, which is not before that of any earlier one.
func (t turn) notBefore(notAfter time.Time) time.Time {
	if notAfter.After(t.NotAfter) {
		t.NotAfter = notAfter
	}
	return t.NotAfter
}

func (t turn) rejectOrder(reason string) {
	t.out.Send(contracts.RejectOrder{OrderID: t.OrderID, Version: t.Version, Reason: reason})
	t.Phase, t.Rejection = Rejecting, reason
}

// release gives back all that the order has: seats, promo codes, open payments, the
// timeout.
func (t turn) release() {
	t.cancelSeats()
	t.giveBackPromoCodes()
	t.cancelOpenPayments()
	t.out.CancelWake()
}

func (t turn) cancelSeats() {
	t.out.Send(contracts.CancelSeatReservation{
		ConferenceID: t.ConferenceID, OrderID: t.OrderID, Number: t.Number, NotAfter: t.NotAfter,
	})
}

func (t turn) cancelOpenPayments() {
	for i := range t.Payments {
		if p := &t.Payments[i]; p.State == Open {
			t.cancelPayment(p, contracts.OrderEnded)
		}
	}
}

// cancelPaymentsBefore cancels the open payments that are for items of a lower
// version: the order would refuse them.
func (t turn) cancelPaymentsBefore(version int) {
	for i := range t.Payments {
		if p := &t.Payments[i]; p.State == Open && p.Version < version {
			t.cancelPayment(p, contracts.ItemsChanged)
		}
	}
}

func (t turn) cancelPayment(p *Payment, reason string) {
	t.out.Send(contracts.CancelPayment{PaymentID: p.ID, Reason: reason})
}

// refund asks for the money back, once per payment.
func (t turn) refund(p *Payment, reason es.Code) { t.refundOf(p, nil, reason) }

// refundOf asks for an amount of it: what was paid for seats that were given back before
// has refunds of its own.
func (t turn) refundOf(p *Payment, amount *contracts.Money, reason es.Code) {
	if p.State != Refunded {
		p.State = Refunded
		t.out.Send(contracts.RefundPayment{PaymentID: p.ID, Amount: amount, Reason: string(reason)})
	}
}
