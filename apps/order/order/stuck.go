package order

import (
	"slices"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// retry says how the order stands, for a process that missed something, and changes
// nothing of it.
func retry(env es.Env, s State, m contracts.RetryOrder) ([]any, error) {
	reason, err := contracts.KeptReason(m.Reason)
	if err != nil {
		return nil, err
	}
	e := contracts.OrderRetried{
		OrderID: m.OrderID, ConferenceID: s.ConferenceID, Status: s.Status, Version: s.Version, Items: s.Items, Deadline: s.Deadline,
		Reason: reason,
	}
	if s.Waitlist != nil {
		onSale, err := catalogueOf(env, s.ConferenceID)
		if err != nil {
			return nil, err
		}
		e.Waiting = waiting(s.Waitlist, onSale)
	}
	switch s.Status {
	case Confirmed:
		e.Confirmed = &contracts.OrderConfirmed{OrderID: m.OrderID, PaymentID: s.PaymentID, Seats: s.Items, Total: s.Total, Discounts: s.confirmed(false)}
	case Cancelled:
		cancelled := s.cancelled(m.OrderID, false)
		e.Cancelled = &cancelled
	}
	return []any{e}, nil
}

// releaseSeats ends for good an order that has ended: it will not be reinstated, so what
// it may still hold is given back. One that may yet be confirmed keeps its seats.
func releaseSeats(_ es.Env, s State, m contracts.ReleaseOrderSeats) ([]any, error) {
	reason, err := contracts.KeptReason(m.Reason)
	if err != nil {
		return nil, err
	}
	switch s.Status {
	case Rejected, Expired, Cancelled:
		return []any{contracts.OrderSeatsReleased{OrderID: m.OrderID, Reason: reason}}, nil
	case Confirmed:
		return nil, es.Refuse(refusal.OrderConfirmed, "the order is confirmed")
	}
	return nil, es.Refuse(refusal.OrderNotEnded, "the order may still be confirmed")
}

// returnPayment has a payment go back that from now on confirms nothing. The one that
// confirmed the order stays as long as the order does.
func returnPayment(_ es.Env, s State, m contracts.ReturnPayment) ([]any, error) {
	reason, err := contracts.KeptReason(m.Reason)
	switch {
	case err != nil:
		return nil, err
	case s.Status == Confirmed && samePayment(&m.PaymentID, s.PaymentID):
		return nil, es.Refuse(refusal.PaymentConfirms, "the order is confirmed with this payment")
	}
	return []any{contracts.OrderPaymentReturned{OrderID: m.OrderID, PaymentID: m.PaymentID, Reason: reason}}, nil
}

// closeCase records that an operator has seen to the order.
func closeCase(_ es.Env, _ State, m contracts.CloseOrderCase) ([]any, error) {
	reason, err := contracts.KeptReason(m.Reason)
	if err != nil {
		return nil, err
	}
	return []any{contracts.OrderCaseClosed{OrderID: m.OrderID, Reason: reason}}, nil
}

// hasReturned says that an operator has given a payment back.
func (s State) hasReturned(payment *uuid.UUID) bool {
	return payment != nil && slices.Contains(s.Returned, *payment)
}

func refuseReturned() error {
	return es.Refuse(refusal.PaymentReturned, "an operator has given this payment back")
}
