package registration

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
)

// Phase is where the process stands.
type Phase string

// The phases of the table.
const (
	NotStarted          Phase = ""
	AwaitingReservation Phase = "awaiting-reservation"
	AwaitingPayment     Phase = "awaiting-payment"
	Waitlisted          Phase = "waitlisted"
	Expiring            Phase = "expiring"
	Rejecting           Phase = "rejecting"
	Expired             Phase = "expired"
	ReacquiringSeats    Phase = "reacquiring-seats"
	Reinstating         Phase = "reinstating"
	Completed           Phase = "completed"
)

// Registration is the state of the process of one order.
type Registration struct {
	Phase        Phase     `json:"phase"`
	OrderID      uuid.UUID `json:"orderId"`
	ConferenceID uuid.UUID `json:"conferenceId"`
	Version      int       `json:"version"` // of the order's items
	Deadline     time.Time `json:"deadline,omitzero"`
	Cancelled    bool      `json:"cancelled,omitempty"` // OrderCancelled was seen
	Times        Config    `json:"times,omitzero"`      // those of the configuration when its first message came

	Number   int             `json:"number"`            // last one sent to seats
	Request  string          `json:"request,omitempty"` // id of the MakeSeatReservation or JoinWaitlist of that number
	NotAfter time.Time       `json:"notAfter,omitzero"` // the latest of all requests
	Granted  contracts.Seats `json:"granted,omitempty"` // for Version

	Rejection string `json:"rejection,omitempty"` // why the order is to be rejected

	Waiting *Wait `json:"waiting,omitempty"` // it waits in line if there are no seats

	Payments      []Payment `json:"payments,omitempty"`      // in the order they were seen
	Reinstatement string    `json:"reinstatement,omitempty"` // id of the last ReinstateOrder

	SeatsCancelled []int `json:"seatsCancelled,omitempty"` // numbers of the OrderSeatsCancelled that were seen

	PromoCodes []PromoCode `json:"promoCodes,omitempty"` // in the order they were seen

	Kept     []Kept    `json:"kept,omitempty"`     // what came before OrderPlaced, in order of arrival
	OrderDue time.Time `json:"orderDue,omitzero"`  // until when the payments wait for OrderPlaced
	Question string    `json:"question,omitempty"` // id of the last LookForOrder
}

// Payment is what the process knows of one payment.
type Payment struct {
	ID           uuid.UUID       `json:"id"`
	State        PaymentState    `json:"state"`
	Version      int             `json:"version,omitempty"`      // of the items it is for
	Amount       contracts.Money `json:"amount,omitzero"`        // as it was opened or, completed, taken
	Confirmation string          `json:"confirmation,omitempty"` // id of its last ConfirmOrder
	AskedAgain   bool            `json:"askedAgain,omitempty"`   // there is an earlier ConfirmOrder, whose answer may be another
}

// PaymentState is how a payment stands with the process. A payment that
// completed goes on to Confirmed or Refunded, never both unless the confirmed
// order is cancelled.
type PaymentState string

// The states of a payment.
const (
	Unseen      PaymentState = ""
	Open        PaymentState = "open"
	GivenUp     PaymentState = "given-up"    // rejected or cancelled; may complete after all
	Waiting     PaymentState = "waiting"     // completed; the order is not there yet
	Confirming  PaymentState = "confirming"  // completed; the answer to its ConfirmOrder is awaited
	Reacquiring PaymentState = "reacquiring" // the order had expired; its seats are asked for again
	Confirmed   PaymentState = "confirmed"   // it confirmed the order
	Refunded    PaymentState = "refunded"    // a refund was asked for
	Returned    PaymentState = "returned"    // the order takes it no more; if it completes, it goes back
)

// live says whether the order may still be confirmed without being reinstated,
// as far as the process knows.
func (r *Registration) live() bool {
	switch r.Phase {
	case AwaitingReservation, AwaitingPayment, Waitlisted, Expiring, Rejecting:
		return true
	}
	return false
}

// payment finds a payment, or adds it as Unseen.
func (r *Registration) payment(id uuid.UUID) *Payment {
	for i := range r.Payments {
		if r.Payments[i].ID == id {
			return &r.Payments[i]
		}
	}
	r.Payments = append(r.Payments, Payment{ID: id})
	return &r.Payments[len(r.Payments)-1]
}

// confirmingPayment finds the payment whose unanswered ConfirmOrder has that
// command id.
func (r *Registration) confirmingPayment(commandID string) *Payment {
	for i := range r.Payments {
		if p := &r.Payments[i]; p.State == Confirming && p.Confirmation == commandID {
			return p
		}
	}
	return nil
}

// reacquiringPayment is the one payment for which seats are asked for again, in
// the phases ReacquiringSeats and Reinstating.
func (r *Registration) reacquiringPayment() *Payment { return r.firstIn(Reacquiring) }

func (r *Registration) hasOpenPayment() bool { return r.firstIn(Open) != nil }
func (r *Registration) isConfirming() bool   { return r.firstIn(Confirming) != nil }

func (r *Registration) firstIn(state PaymentState) *Payment {
	for i := range r.Payments {
		if r.Payments[i].State == state {
			return &r.Payments[i]
		}
	}
	return nil
}

// Kept is a message that came before OrderPlaced.
type Kept struct {
	Type string          `json:"type"`
	Body json.RawMessage `json:"body"`
}

// keepable are the messages that can be kept, by the name under which they are.
// A WakeUp is not: OrderPlaced asks for one of its own. Payments are noted as
// payments.
var keepable = func() map[string]reflect.Type {
	byName := map[string]reflect.Type{}
	for _, m := range []any{
		contracts.OrderUpdated{}, contracts.OrderRejected{}, contracts.OrderExpired{},
		contracts.OrderConfirmed{}, contracts.OrderCancelled{}, contracts.OrderSeatsCancelled{},
		contracts.OrderPromoCodeRequested{}, contracts.DiscountRemoved{},
		contracts.OrderSeatsReleased{}, contracts.OrderPaymentReturned{},
	} {
		t := reflect.TypeOf(m)
		byName[t.Name()] = t
	}
	return byName
}()

// keep remembers a message for after OrderPlaced. Answers to the process's own
// commands are not kept: it has sent none yet.
func (r *Registration) keep(message any) {
	name := reflect.TypeOf(message).Name()
	if _, ok := keepable[name]; !ok {
		return
	}
	body, err := json.Marshal(message)
	if err != nil {
		panic(fmt.Sprintf("keep %s: %v", name, err)) // contracts are plain data
	}
	r.Kept = append(r.Kept, Kept{Type: name, Body: body})
}

func (r *Registration) takeKept() []any {
	messages := make([]any, 0, len(r.Kept))
	for _, k := range r.Kept {
		m := reflect.New(keepable[k.Type])
		if err := json.Unmarshal(k.Body, m.Interface()); err != nil {
			panic(fmt.Sprintf("kept %s: %v", k.Type, err))
		}
		messages = append(messages, m.Elem().Interface())
	}
	r.Kept = nil
	return messages
}
