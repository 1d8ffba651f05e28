package contracts

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/message"
)

// OrderStatus is how an order stands. An order that does not exist has none.
type OrderStatus string

// The statuses of an order. Placed, Waitlisted, PartiallyReserved and Reserved are open:
// the registrant may still change the order, and it may still lapse.
const (
	StatusPlaced            OrderStatus = "placed"             // the answer of the seats is awaited
	StatusWaitlisted        OrderStatus = "waitlisted"         // it is in line
	StatusPartiallyReserved OrderStatus = "partially-reserved" // some of the seats are held
	StatusReserved          OrderStatus = "reserved"           // all of the seats are held
	StatusRejected          OrderStatus = "rejected"           // no seats could be had
	StatusExpired           OrderStatus = "expired"            // the hold has lapsed
	StatusConfirmed         OrderStatus = "confirmed"          // the seats are the registrant's
	StatusCancelled         OrderStatus = "cancelled"          // the registrant gave it up
)

// Commands of an operator about an order that rests where it should not. The order app
// receives them. Each says why; the Reason is kept, and must not name anybody.
type (
	// RetryOrder has the process do again what it waits for.
	RetryOrder struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Reason  string    `json:"reason" validate:"required,reason"`
	}
	// ReleaseOrderSeats gives back what an order that has ended still holds.
	ReleaseOrderSeats struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Reason  string    `json:"reason" validate:"required,reason"`
	}
	// ReturnPayment gives a payment back that the order shall not be confirmed with.
	ReturnPayment struct {
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Reason    string    `json:"reason" validate:"required,reason"`
	}
	// CloseOrderCase says that the operator has seen to it: the order is no longer listed.
	CloseOrderCase struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Reason  string    `json:"reason" validate:"required,reason"`
	}
)

// Events of an order that rested where it should not.
type (
	// OrderRetried says how the order stands, so that a process that missed an event can go
	// on. Items are what it asks for or has. Confirmed and Cancelled are the events by which
	// it became so.
	OrderRetried struct {
		OrderID      uuid.UUID   `json:"orderId" validate:"required"`
		ConferenceID uuid.UUID   `json:"conferenceId" validate:"required"`
		Status       OrderStatus `json:"status"`
		Version      int         `json:"version" validate:"min=1"`
		Items        Seats       `json:"items"`
		Deadline     time.Time   `json:"deadline"`
		Waiting
		Confirmed *OrderConfirmed `json:"confirmed,omitempty"`
		Cancelled *OrderCancelled `json:"cancelled,omitempty"`
		Reason    string          `json:"reason"`
	}
	// OrderSeatsReleased: the order ended, will not be reinstated, and holds nothing.
	OrderSeatsReleased struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Reason  string    `json:"reason"`
	}
	// OrderPaymentReturned: the payment goes back, and never confirms the order.
	OrderPaymentReturned struct {
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Reason    string    `json:"reason"`
	}
	// OrderCaseClosed: an operator has seen to the order.
	OrderCaseClosed struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Reason  string    `json:"reason"`
	}
)

func stuck(r *message.Registry) {
	command(r, TopicOrders, "RetryOrder.v1", func(c RetryOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "ReleaseOrderSeats.v1", func(c ReleaseOrderSeats) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "ReturnPayment.v1", func(c ReturnPayment) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "CloseOrderCase.v1", func(c CloseOrderCase) uuid.UUID { return c.OrderID })

	event(r, "OrderRetried.v1", func(e OrderRetried) uuid.UUID { return e.OrderID })
	event(r, "OrderSeatsReleased.v1", func(e OrderSeatsReleased) uuid.UUID { return e.OrderID })
	event(r, "OrderPaymentReturned.v1", func(e OrderPaymentReturned) uuid.UUID { return e.OrderID })
	event(r, "OrderCaseClosed.v1", func(e OrderCaseClosed) uuid.UUID { return e.OrderID })
}
