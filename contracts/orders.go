package contracts

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/message"
)

// Commands that the order app receives.
type (
	// SetCatalogue tells the order app what is on sale. It is absolute; one with
	// a Version not above the last seen does nothing. Sent by the conference app.
	SetCatalogue struct {
		ConferenceID uuid.UUID           `json:"conferenceId" validate:"required"`
		Version      uint64              `json:"version" validate:"required"`
		Published    bool                `json:"published"`
		SeatTypes    []CatalogueSeatType `json:"seatTypes" validate:"dive"`
		StartsAt     time.Time           `json:"startsAt" validate:"required"`
		EndsAt       time.Time           `json:"endsAt" validate:"required"`
		SalesWindow
		RefundUntil   time.Time `json:"refundUntil,omitzero"`
		HandOverUntil time.Time `json:"handOverUntil,omitzero"`
	}
	// RegisterToConference places an order. With a Waitlist it waits for the seats that
	// there are none of. WaitsFor and Registrant are of an order that waits for the rest
	// of another: the order app sends it to itself.
	RegisterToConference struct {
		OrderID      uuid.UUID  `json:"orderId" validate:"required"`
		ConferenceID uuid.UUID  `json:"conferenceId" validate:"required"`
		Items        Seats      `json:"items" validate:"max=50,dive"`
		Waitlist     *Waitlist  `json:"waitlist,omitempty"`
		WaitsFor     *uuid.UUID `json:"waitsFor,omitempty"`
		Registrant   *Person    `json:"registrant,omitempty"`
	}
	// ChangeOrderItems replaces what an order asks for and asks again.
	ChangeOrderItems struct {
		OrderID  uuid.UUID `json:"orderId" validate:"required"`
		Items    Seats     `json:"items" validate:"max=50,dive"`
		Waitlist *Waitlist `json:"waitlist,omitempty"`
	}
	// AssignRegistrantDetails says who places the order.
	AssignRegistrantDetails struct {
		OrderID    uuid.UUID `json:"orderId" validate:"required"`
		Registrant Person    `json:"registrant"`
	}
	// MarkSeatsAsReserved tells the order what the seats granted for a version of
	// its items. What was offered to an order in line has a Deadline of its own, and
	// Wanted, what it waited for at last. Sent by the process.
	MarkSeatsAsReserved struct {
		OrderID  uuid.UUID `json:"orderId" validate:"required"`
		Version  int       `json:"version" validate:"min=1"`
		Granted  Seats     `json:"granted" validate:"dive"`
		Wanted   Seats     `json:"wanted,omitempty" validate:"dive"`
		Deadline time.Time `json:"deadline,omitzero"`
	}
	// MarkSeatsAsWaitlisted tells the order that it is in line for these seats, and until
	// when. Sent by the process.
	MarkSeatsAsWaitlisted struct {
		OrderID  uuid.UUID `json:"orderId" validate:"required"`
		Version  int       `json:"version" validate:"min=1"`
		Wanted   Seats     `json:"wanted" validate:"required,dive"`
		Deadline time.Time `json:"deadline" validate:"required"`
	}
	// LeaveWaitlist gives up an order that is in line. An order that was offered seats
	// meanwhile stays.
	LeaveWaitlist struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
	}
	// RejectOrder ends an order that could not be given seats. Sent by the process.
	RejectOrder struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Version int       `json:"version" validate:"min=1"`
		Reason  string    `json:"reason" validate:"required"`
	}
	// LookForOrder asks whether an order is there, and changes nothing: one that is not
	// there is a refusal. Sent by the process before it gives back the payment of an
	// order of which it has heard nothing.
	LookForOrder struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
	}
	// ExpireOrder ends an order whose hold has lapsed. Sent by the process, which
	// has compared the clock.
	ExpireOrder struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
	}
	// ConfirmOrder asks for confirmation: by the registrant of an order that is
	// free of charge, or by the process with a payment.
	ConfirmOrder struct {
		OrderID   uuid.UUID  `json:"orderId" validate:"required"`
		PaymentID *uuid.UUID `json:"paymentId,omitempty"`
		Amount    *Money     `json:"amount,omitempty" validate:"required_with=PaymentID"`
	}
	// ReinstateOrder brings an expired order back, with the seats held again for
	// a payment that came late. Sent by the process.
	ReinstateOrder struct {
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Amount    Money     `json:"amount"`
		Version   int       `json:"version" validate:"min=1"`
		Granted   Seats     `json:"granted" validate:"dive"`
	}
	// CancelOrder ends an order at the wish of its holder, or of the organiser.
	CancelOrder struct {
		OrderID     uuid.UUID `json:"orderId" validate:"required"`
		ByOrganiser bool      `json:"byOrganiser,omitempty"`
	}
	// CancelOrderSeats gives back the seats at some positions (from 0) of a confirmed
	// order, at the wish of its holder, or of the organiser. Those that were given back
	// before stay as they are; the last ones cancel the order.
	CancelOrderSeats struct {
		OrderID     uuid.UUID `json:"orderId" validate:"required"`
		Positions   []int     `json:"positions" validate:"required,min=1,max=1000"`
		ByOrganiser bool      `json:"byOrganiser,omitempty"`
	}
	// CreateSeatAssignments opens one position per seat of a confirmed order. The
	// order app sends it to itself.
	CreateSeatAssignments struct {
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Seats        Seats     `json:"seats" validate:"required,dive"`
	}
	// CancelSeatAssignments closes the positions of seats that were given back. The order
	// app sends it to itself.
	CancelSeatAssignments struct {
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Positions []int     `json:"positions" validate:"required"`
	}
	// AssignSeat gives the seat at a position (from 0) to an attendee, at the wish
	// of the order's holder, or of the organiser.
	AssignSeat struct {
		OrderID     uuid.UUID `json:"orderId" validate:"required"`
		Position    int       `json:"position"`
		Attendee    Attendee  `json:"attendee"`
		ByOrganiser bool      `json:"byOrganiser,omitempty"`
	}
	// UnassignSeat frees the seat at a position.
	UnassignSeat struct {
		OrderID     uuid.UUID `json:"orderId" validate:"required"`
		Position    int       `json:"position"`
		ByOrganiser bool      `json:"byOrganiser,omitempty"`
	}
)

// Events of an order.
type (
	// CatalogueSet is the order app's own copy of what is on sale.
	CatalogueSet struct {
		SetCatalogue
	}
	// OrderPlaced opens an order. Deadline is when its hold lapses.
	OrderPlaced struct {
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Version      int       `json:"version" validate:"min=1"`
		Items        Seats     `json:"items" validate:"required"`
		Deadline     time.Time `json:"deadline" validate:"required"`
		// Locator finds the order again, together with the registrant's e-mail.
		Locator string `json:"locator" validate:"required" personal:"true"`
		Waiting
		// WaitsFor is the order for the rest of which this one waits.
		WaitsFor *uuid.UUID `json:"waitsFor,omitempty"`
	}
	// OrderUpdated says what the order asks for now. The Deadline is another one than
	// before if the order was in line.
	OrderUpdated struct {
		OrderID  uuid.UUID `json:"orderId" validate:"required"`
		Version  int       `json:"version" validate:"min=1"`
		Items    Seats     `json:"items" validate:"required"`
		Deadline time.Time `json:"deadline" validate:"required"`
		Waiting
	}
	// OrderTotalsCalculated gives every line with what was requested, what was
	// granted and its price, and what each promo code takes off.
	OrderTotalsCalculated struct {
		OrderID        uuid.UUID       `json:"orderId" validate:"required"`
		Version        int             `json:"version" validate:"min=1"`
		Lines          []OrderLine     `json:"lines"`
		Discounts      []OrderDiscount `json:"discounts,omitempty"`
		Total          Money           `json:"total"`
		IsFreeOfCharge bool            `json:"isFreeOfCharge"`
	}
	// OrderRegistrantAssigned says who the registrant is. Correction: instead of
	// what was said before; EmailChanged: the order is found by another e-mail
	// address now, and no more by the one before.
	OrderRegistrantAssigned struct {
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Registrant   Person    `json:"registrant"`
		Correction   bool      `json:"correction,omitempty"`
		EmailChanged bool      `json:"emailChanged,omitempty"`
	}
	// OrderPartiallyReserved: some seats were granted, not all; the items are now
	// what was granted.
	OrderPartiallyReserved struct {
		OrderID  uuid.UUID `json:"orderId" validate:"required"`
		Version  int       `json:"version" validate:"min=1"`
		Granted  Seats     `json:"granted"`
		Deadline time.Time `json:"deadline"`
		// Offered says that the order was in line.
		Offered bool `json:"offered,omitempty"`
		// RestID is the order that waits for the rest.
		RestID *uuid.UUID `json:"restId,omitempty"`
	}
	// OrderReservationCompleted: all seats were granted.
	OrderReservationCompleted struct {
		OrderID  uuid.UUID `json:"orderId" validate:"required"`
		Version  int       `json:"version" validate:"min=1"`
		Granted  Seats     `json:"granted"`
		Deadline time.Time `json:"deadline"`
		// Offered says that the order was in line.
		Offered bool `json:"offered,omitempty"`
	}
	// OrderWaitlisted: the order is in line until Deadline, for these seats.
	OrderWaitlisted struct {
		OrderID  uuid.UUID `json:"orderId" validate:"required"`
		Version  int       `json:"version" validate:"min=1"`
		Items    Seats     `json:"items"`
		Deadline time.Time `json:"deadline"`
	}
	// OrderRejected: the order could not be given seats.
	OrderRejected struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Version int       `json:"version" validate:"min=1"`
		Reason  string    `json:"reason"`
	}
	// OrderExpired: the hold has lapsed.
	OrderExpired struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
	}
	// OrderReinstated: an expired order came back with its seats; OrderConfirmed
	// stands beside it in the same commit.
	OrderReinstated struct {
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Granted   Seats     `json:"granted"`
	}
	// OrderConfirmed: the seats are the registrant's. PaymentID is absent when the
	// order was free of charge. A discount of an order that was reinstated has a new
	// number: the code has to be redeemed again. Positions are its seats, one by one, each
	// with its share of the Total.
	OrderConfirmed struct {
		OrderID   uuid.UUID           `json:"orderId" validate:"required"`
		PaymentID *uuid.UUID          `json:"paymentId,omitempty"`
		Seats     Seats               `json:"seats"`
		Total     Money               `json:"total"`
		Discounts []ConfirmedDiscount `json:"discounts,omitempty"`
		Positions []ConfirmedSeat     `json:"positions,omitempty"`
	}
	// OrderSeatsCancelled: the seats at Positions of a confirmed order were given back.
	// Number counts such events of an order, from 1. Keep is what the order still has.
	// Refund is what the Positions were confirmed at, and goes back of PaymentID's money;
	// that is absent if nothing was paid for them.
	OrderSeatsCancelled struct {
		OrderID     uuid.UUID  `json:"orderId" validate:"required"`
		Number      int        `json:"number" validate:"min=1"`
		Positions   []int      `json:"positions"`
		Keep        Seats      `json:"keep"`
		Refund      Money      `json:"refund"`
		PaymentID   *uuid.UUID `json:"paymentId,omitempty"`
		ByOrganiser bool       `json:"byOrganiser,omitempty"`
	}
	// OrderCancelled: its holder, or the organiser, gave the order up. Refund says
	// whether PaymentID's money goes back: all of it or, after some seats were given
	// back, Amount.
	OrderCancelled struct {
		OrderID     uuid.UUID  `json:"orderId" validate:"required"`
		Refund      bool       `json:"refund"`
		PaymentID   *uuid.UUID `json:"paymentId,omitempty"`
		Amount      *Money     `json:"amount,omitempty"`
		ByOrganiser bool       `json:"byOrganiser,omitempty"`
	}
)

// Events of an order's seat assignments.
type (
	// SeatAssignmentsCreated opens one position per seat: Positions[i] is the
	// seat type of position i.
	SeatAssignmentsCreated struct {
		OrderID      uuid.UUID   `json:"orderId" validate:"required"`
		ConferenceID uuid.UUID   `json:"conferenceId" validate:"required"`
		Positions    []uuid.UUID `json:"positions"`
	}
	// SeatAssignmentsCancelled: the seats at Positions were given back, and nobody is
	// assigned to them any more.
	SeatAssignmentsCancelled struct {
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Positions []int     `json:"positions"`
	}
	// SeatAssigned gives a seat to an attendee.
	SeatAssigned struct {
		OrderID  uuid.UUID `json:"orderId" validate:"required"`
		Position int       `json:"position"`
		SeatType uuid.UUID `json:"seatType"`
		Attendee Attendee  `json:"attendee"`
	}
	// SeatUnassigned takes a seat back from its attendee.
	SeatUnassigned struct {
		OrderID  uuid.UUID `json:"orderId" validate:"required"`
		Position int       `json:"position"`
	}
	// SeatAssignmentUpdated changes the attendee's name or type, not the e-mail.
	SeatAssignmentUpdated struct {
		OrderID  uuid.UUID `json:"orderId" validate:"required"`
		Position int       `json:"position"`
		Attendee Attendee  `json:"attendee"`
	}
)

func orders(r *message.Registry) {
	command(r, TopicOrders, "SetCatalogue.v1", func(c SetCatalogue) uuid.UUID { return c.ConferenceID })
	command(r, TopicOrders, "RegisterToConference.v1", func(c RegisterToConference) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "ChangeOrderItems.v1", func(c ChangeOrderItems) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "AssignRegistrantDetails.v1", func(c AssignRegistrantDetails) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "MarkSeatsAsReserved.v1", func(c MarkSeatsAsReserved) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "MarkSeatsAsWaitlisted.v1", func(c MarkSeatsAsWaitlisted) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "LeaveWaitlist.v1", func(c LeaveWaitlist) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "RejectOrder.v1", func(c RejectOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "LookForOrder.v1", func(c LookForOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "ExpireOrder.v1", func(c ExpireOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "ConfirmOrder.v1", func(c ConfirmOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "ReinstateOrder.v1", func(c ReinstateOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "CancelOrder.v1", func(c CancelOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "CancelOrderSeats.v1", func(c CancelOrderSeats) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "CreateSeatAssignments.v1", func(c CreateSeatAssignments) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "CancelSeatAssignments.v1", func(c CancelSeatAssignments) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "AssignSeat.v1", func(c AssignSeat) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "UnassignSeat.v1", func(c UnassignSeat) uuid.UUID { return c.OrderID })

	event(r, "CatalogueSet.v1", func(e CatalogueSet) uuid.UUID { return e.ConferenceID })
	event(r, "OrderPlaced.v1", func(e OrderPlaced) uuid.UUID { return e.OrderID })
	event(r, "OrderUpdated.v1", func(e OrderUpdated) uuid.UUID { return e.OrderID })
	event(r, "OrderTotalsCalculated.v1", func(e OrderTotalsCalculated) uuid.UUID { return e.OrderID })
	event(r, "OrderRegistrantAssigned.v1", func(e OrderRegistrantAssigned) uuid.UUID { return e.OrderID })
	event(r, "OrderPartiallyReserved.v1", func(e OrderPartiallyReserved) uuid.UUID { return e.OrderID })
	event(r, "OrderReservationCompleted.v1", func(e OrderReservationCompleted) uuid.UUID { return e.OrderID })
	event(r, "OrderWaitlisted.v1", func(e OrderWaitlisted) uuid.UUID { return e.OrderID })
	event(r, "OrderRejected.v1", func(e OrderRejected) uuid.UUID { return e.OrderID })
	event(r, "OrderExpired.v1", func(e OrderExpired) uuid.UUID { return e.OrderID })
	event(r, "OrderReinstated.v1", func(e OrderReinstated) uuid.UUID { return e.OrderID })
	event(r, "OrderConfirmed.v1", func(e OrderConfirmed) uuid.UUID { return e.OrderID })
	event(r, "OrderCancelled.v1", func(e OrderCancelled) uuid.UUID { return e.OrderID })
	event(r, "OrderSeatsCancelled.v1", func(e OrderSeatsCancelled) uuid.UUID { return e.OrderID })
	event(r, "SeatAssignmentsCreated.v1", func(e SeatAssignmentsCreated) uuid.UUID { return e.OrderID })
	event(r, "SeatAssignmentsCancelled.v1", func(e SeatAssignmentsCancelled) uuid.UUID { return e.OrderID })
	event(r, "SeatAssigned.v1", func(e SeatAssigned) uuid.UUID { return e.OrderID })
	event(r, "SeatUnassigned.v1", func(e SeatUnassigned) uuid.UUID { return e.OrderID })
	event(r, "SeatAssignmentUpdated.v1", func(e SeatAssignmentUpdated) uuid.UUID { return e.OrderID })
}
