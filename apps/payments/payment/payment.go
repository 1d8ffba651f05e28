// Package payment is the Payment aggregate: how one payment of one
// order stands with the provider that takes the money.
//
//	initiated            -> completed, rejected, cancelled
//	rejected, cancelled  -> completed: the provider took the money after all
//	completed            -> refunding
//	refunding            -> refunded, refund failed
//	refund failed        -> refunding: asked again; refunded: it worked after all
//
// Beside that, parts of a payment that was completed go back, each by a refund of its own
// that succeeds or fails by itself. All refunds together are never more than was taken.
//
// What the provider says of money that moved is a fact, and recorded whatever
// the state: completed wins over rejected and cancelled, refunded over failed.
// Whether the order takes a payment is not asked here; the order judges that.
package payment

import (
	"slices"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Name is the aggregate's name; its streams are "payment/<payment id>".
const Name = "payment"

// Status is how a payment stands.
type Status string

// The states of a payment; the empty one is that of a payment not initiated.
const (
	Initiated    Status = "initiated"     // the payer may pay
	Completed    Status = "completed"     // the money was taken
	Rejected     Status = "rejected"      // the provider refused
	Cancelled    Status = "cancelled"     // given up
	Refunding    Status = "refunding"     // the provider is being asked to give the money back
	Refunded     Status = "refunded"      // the money went back
	RefundFailed Status = "refund-failed" // the provider did not give it back; may be asked again
)

// State is a payment.
type State struct {
	ID       uuid.UUID       `json:"id"`
	OrderID  uuid.UUID       `json:"orderId"`
	Amount   contracts.Money `json:"amount"`
	Provider string          `json:"provider"`
	Status   Status          `json:"status"`
	// Attempt is the last refund asked for, 0 if none was, and RefundAmount how much of the
	// payment it is.
	Attempt      int             `json:"attempt"`
	RefundAmount contracts.Money `json:"refundAmount,omitzero"`
	// Parts are the refunds of parts of it, in the order in which they were asked for.
	Parts []Refund `json:"parts,omitempty"`
}

// Refund is a refund that was asked for. Its Status is Refunding, Refunded or RefundFailed.
type Refund struct {
	ID      int             `json:"id"`
	Amount  contracts.Money `json:"amount"`
	Status  Status          `json:"status"`
	Attempt int             `json:"attempt"`
}

// refund finds the refund of an id, with no attempts if it was not asked for. That of the
// whole payment has the id 0.
func (s State) refund(id int) Refund {
	if id == 0 {
		r := Refund{Attempt: s.Attempt}
		if s.Attempt > 0 {
			r.Status, r.Amount = s.Status, s.Amount
			if s.RefundAmount.Currency != "" {
				r.Amount = s.RefundAmount
			}
		}
		return r
	}
	for _, r := range s.Parts {
		if r.ID == id {
			return r
		}
	}
	return Refund{ID: id}
}

// Asked is what refunds were asked for, in minor units.
func (s State) Asked() int64 {
	sum := s.refund(0).Amount.Amount
	for _, r := range s.Parts {
		sum += r.Amount.Amount
	}
	return sum
}

// Aggregate is the Payment aggregate; new payments are taken by provider, and
// refused where it is empty. Only
// the latest 200 handled ids are kept: every command is harmless when it comes
// again, however late.
func Aggregate(provider string) es.Aggregate[State] {
	return es.Aggregate[State]{
		Name: Name,
		New:  func() State { return State{} },
		Commands: []es.Command[State]{
			es.On(func(c contracts.InitiatePayment) uuid.UUID { return c.PaymentID }, initiate(provider)),
			es.On(func(c contracts.CompletePayment) uuid.UUID { return c.PaymentID }, complete),
			es.On(func(c contracts.RejectPayment) uuid.UUID { return c.PaymentID }, reject),
			es.On(func(c contracts.CancelPayment) uuid.UUID { return c.PaymentID }, cancel),
			es.On(func(c contracts.RefundPayment) uuid.UUID { return c.PaymentID }, refund),
			es.On(func(c contracts.RecordRefund) uuid.UUID { return c.PaymentID }, recordRefund),
		},
		Guard:           guard,
		Evolve:          evolve,
		Handled:         200,
		AnswersNoEffect: true,
	}
}

// guard refuses commands for a payment that does not exist.
func guard(_ es.Env, s State, command any) error {
	if _, opens := command.(contracts.InitiatePayment); !opens && s.Status == "" {
		return es.Refuse(refusal.PaymentNotFound, "there is no such payment (yet)")
	}
	return nil
}

func initiate(provider string) func(es.Env, State, contracts.InitiatePayment) ([]any, error) {
	return func(_ es.Env, s State, c contracts.InitiatePayment) ([]any, error) {
		switch {
		case c.Amount.Amount <= 0:
			return nil, es.Refuse(refusal.AmountInvalid, "there is nothing to pay")
		case s.Status == "" && provider == "":
			return nil, es.Refuse(refusal.PaymentsNotOffered, "no payment provider is set up")
		case s.Status == "":
			return []any{contracts.PaymentInitiated{PaymentID: c.PaymentID, OrderID: c.OrderID, Amount: c.Amount, Version: c.Version, Provider: provider}}, nil
		case c.OrderID == s.OrderID && c.Amount == s.Amount:
			return nil, nil
		}
		return nil, es.Refuse(refusal.PaymentExists, "there is another payment with this id already")
	}
}

// complete accepts the provider's word in every state in which the money was
// not known to be taken. The amount is what the provider took, whatever it was
// asked for: the order judges whether that is its price, and if not it goes back.
func complete(_ es.Env, s State, c contracts.CompletePayment) ([]any, error) {
	switch s.Status {
	case Initiated, Rejected, Cancelled:
		return []any{contracts.PaymentCompleted{
			PaymentID: s.ID, OrderID: s.OrderID, Amount: c.Amount, ProviderReference: c.ProviderReference,
		}}, nil
	}
	return nil, nil
}

func reject(_ es.Env, s State, c contracts.RejectPayment) ([]any, error) {
	switch s.Status {
	case Initiated:
		return []any{contracts.PaymentRejected{PaymentID: s.ID, OrderID: s.OrderID, Reason: c.Reason}}, nil
	case Rejected, Cancelled: // it is over already
		return nil, nil
	}
	return nil, es.Refuse(refusal.PaymentCompleted, "the money was taken")
}

func cancel(_ es.Env, s State, c contracts.CancelPayment) ([]any, error) {
	switch s.Status {
	case Initiated:
		return []any{contracts.PaymentCancelled{PaymentID: s.ID, OrderID: s.OrderID, Reason: c.Reason, Provider: s.Provider}}, nil
	case Rejected, Cancelled: // it is over already
		return nil, nil
	}
	return nil, es.Refuse(refusal.PaymentCompleted, "the money was taken; it can be refunded")
}

// refund asks the provider once per refund and attempt. An attempt has a number so that a
// request that comes again after its attempt failed does not start another. Another
// attempt is for the amount of the first.
func refund(_ es.Env, s State, c contracts.RefundPayment) ([]any, error) {
	attempt := max(c.Attempt, 1)
	r := s.refund(c.RefundID)
	switch {
	case s.Status == Initiated, s.Status == Rejected, s.Status == Cancelled:
		return nil, es.Refuse(refusal.PaymentNotCompleted, "no money was taken")
	case r.Status == Refunded, attempt <= r.Attempt:
		return nil, nil
	case r.Status == Refunding:
		return nil, es.Refuse(refusal.RefundPending, "refund %d is not answered yet", r.Attempt)
	case attempt > r.Attempt+1:
		return nil, es.Refuse(refusal.RefundNotRequested, "the next refund is number %d", r.Attempt+1)
	}
	amount := r.Amount
	if r.Attempt == 0 {
		left := s.Amount.Amount - s.Asked()
		amount = contracts.Money{Amount: left, Currency: s.Amount.Currency}
		if c.Amount != nil {
			amount = *c.Amount
		}
		if amount.Currency != s.Amount.Currency || amount.Amount <= 0 || amount.Amount > left {
			return nil, es.Refuse(refusal.RefundTooLarge, "of %s, refunds of %s were asked for; %s cannot go back", s.Amount,
				contracts.Money{Amount: s.Asked(), Currency: s.Amount.Currency}, amount)
		}
	}
	return []any{contracts.PaymentRefundRequested{
		PaymentID: s.ID, OrderID: s.OrderID, RefundID: c.RefundID, Amount: amount, Attempt: attempt, Reason: c.Reason, Provider: s.Provider,
	}}, nil
}

// recordRefund takes the provider's word for money that went back, also from an
// attempt that was thought to have failed. A failure counts for the attempt
// that is awaited alone.
func recordRefund(_ es.Env, s State, c contracts.RecordRefund) ([]any, error) {
	r := s.refund(c.RefundID)
	switch {
	case c.Attempt > r.Attempt:
		return nil, es.Refuse(refusal.RefundNotRequested, "refund %d was not asked for", c.Attempt)
	case r.Status == Refunded:
		return nil, nil
	case c.Succeeded:
		return []any{contracts.PaymentRefunded{
			PaymentID: s.ID, OrderID: s.OrderID, RefundID: c.RefundID, Amount: r.Amount, ProviderReference: c.ProviderReference,
		}}, nil
	case r.Status == Refunding && c.Attempt == r.Attempt:
		return []any{contracts.RefundFailed{
			PaymentID: s.ID, OrderID: s.OrderID, RefundID: c.RefundID, Amount: r.Amount, Attempt: c.Attempt, Reason: c.Reason,
		}}, nil
	}
	return nil, nil
}

func evolve(s State, event any) State {
	switch e := event.(type) {
	case contracts.PaymentInitiated:
		s.ID, s.OrderID, s.Amount, s.Provider, s.Status = e.PaymentID, e.OrderID, e.Amount, e.Provider, Initiated
	case contracts.PaymentCompleted:
		s.Amount, s.Status = e.Amount, Completed
	case contracts.PaymentRejected:
		s.Status = Rejected
	case contracts.PaymentCancelled:
		s.Status = Cancelled
	case contracts.PaymentRefundRequested:
		s.setRefund(Refund{e.RefundID, e.Amount, Refunding, e.Attempt})
	case contracts.PaymentRefunded:
		r := s.refund(e.RefundID)
		r.Status = Refunded
		s.setRefund(r)
	case contracts.RefundFailed:
		r := s.refund(e.RefundID)
		r.Status = RefundFailed
		s.setRefund(r)
	}
	return s
}

// setRefund adds a refund, or changes it where it stands.
func (s *State) setRefund(r Refund) {
	if r.ID == 0 {
		s.Status, s.Attempt = r.Status, r.Attempt
		if s.RefundAmount = r.Amount; r.Amount == s.Amount {
			s.RefundAmount = contracts.Money{}
		}
		return
	}
	s.Parts = slices.Clone(s.Parts)
	if i := slices.IndexFunc(s.Parts, func(part Refund) bool { return part.ID == r.ID }); i >= 0 {
		s.Parts[i] = r
		return
	}
	s.Parts = append(s.Parts, r)
}
