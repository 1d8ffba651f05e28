package view

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
)

// StuckKind is in which way an order rests where it should not.
type StuckKind string

// The ways.
const (
	StuckOverdue     StuckKind = "overdue"     // its deadline is long past, and it has not ended
	StuckUnanswered  StuckKind = "unanswered"  // the seats have not answered it
	StuckPayment     StuckKind = "payment"     // a completed payment neither confirmed it nor went back
	StuckRefund      StuckKind = "refund"      // the provider has not answered a refund
	StuckSeats       StuckKind = "seats"       // it ended, and still holds seats or a place in line
	StuckUncommitted StuckKind = "uncommitted" // it is confirmed, and its seats are only held
)

// Stuck is one way in which an order rests where it should not.
type Stuck struct {
	Kind      StuckKind        `json:"kind" enum:"overdue,unanswered,payment,refund,seats,uncommitted" doc:"overdue: its deadline is long past and it has not ended; unanswered: the seats have not answered it; payment: a completed payment neither confirmed it nor went back; refund: the provider has not answered a refund; seats: it ended and still holds seats or a place in line; uncommitted: it is confirmed, and its seats are only held"`
	Since     time.Time        `json:"since" doc:"When what should have followed was due"`
	PaymentID *uuid.UUID       `json:"paymentId,omitempty" format:"uuid" doc:"Of a payment or a refund"`
	Amount    *contracts.Money `json:"amount,omitempty" doc:"Of the payment or the refund"`
	Seats     int              `json:"seats,omitempty" doc:"Seats that it holds; 0: a place in line"`
}

// StuckOrder is an order that rests where it should not.
type StuckOrder struct {
	OrderID      uuid.UUID   `json:"orderId" format:"uuid"`
	ConferenceID uuid.UUID   `json:"conferenceId,omitzero" format:"uuid" doc:"Absent if the order is unknown"`
	Status       OrderStatus `json:"status,omitempty" enum:"placed,waitlisted,partially-reserved,reserved,confirmed,rejected,expired,cancelled" doc:"Absent if the order is unknown"`
	Since        time.Time   `json:"since" doc:"The earliest of the times below"`
	Stuck        []Stuck     `json:"stuck" nullable:"false" doc:"In which ways"`
}

// StuckOrders are the orders that rest where they should not, the longest first.
type StuckOrders struct {
	Orders []StuckOrder `json:"orders" nullable:"false"`
	Next   string       `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}
