package contracts

import (
	"time"

	"github.com/google/uuid"
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
	// RegisterToConference places an order.
	RegisterToConference struct {
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Items        Seats     `json:"items" validate:"max=50,dive"`
	}
	// ChangeOrderItems replaces what an order asks for and asks again.
	ChangeOrderItems struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Items   Seats     `json:"items" validate:"max=50,dive"`
	}
	// AssignRegistrantDetails says who places the order.
	AssignRegistrantDetails struct {
		OrderID    uuid.UUID `json:"orderId" validate:"required"`
		Registrant Person    `json:"registrant"`
	}
	// MarkSeatsAsReserved tells the order what the seats granted for a version of
	// its items. Sent by the process.
	MarkSeatsAsReserved struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Version int       `json:"version" validate:"min=1"`
		Granted Seats     `json:"granted" validate:"dive"`
	}
	// RejectOrder ends an order that could not be given seats. Sent by the process.
	RejectOrder struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Version int       `json:"version" validate:"min=1"`
		Reason  string    `json:"reason" validate:"required"`
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
	// CreateSeatAssignments opens one position per seat of a confirmed order. The
	// order app sends it to itself.
	CreateSeatAssignments struct {
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Seats        Seats     `json:"seats" validate:"required,dive"`
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

// Commands that the seats app receives.
type (
	// SetSeatsQuota sets how many seats of a type there are. It is absolute; one
	// with a Version not above the last seen for that type does nothing. Sent by
	// the conference app, at 0 for a type that was removed.
	SetSeatsQuota struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatType     uuid.UUID `json:"seatType" validate:"required"`
		Quota        int       `json:"quota" validate:"min=0"`
		Version      uint64    `json:"version" validate:"required"`
	}
	// MakeSeatReservation asks for seats. Number only grows per order; a request
	// that comes after NotAfter is refused.
	MakeSeatReservation struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number" validate:"min=1"`
		NotAfter     time.Time `json:"notAfter" validate:"required"`
		Seats        Seats     `json:"seats" validate:"required,dive"`
		AllOrNothing bool      `json:"allOrNothing,omitempty"`
	}
	// CommitSeatReservation makes a pending reservation final.
	CommitSeatReservation struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number" validate:"min=1"`
	}
	// CancelSeatReservation gives back what an order holds. NotAfter is the
	// latest NotAfter of the requests it may have overtaken.
	CancelSeatReservation struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number" validate:"min=1"`
		NotAfter     time.Time `json:"notAfter" validate:"required"`
	}
)

// Precondition is what the sender of a change believes to change.
type Precondition struct {
	// IfVersion is the version of the conference that the organiser saw; absent,
	// the change is made to whatever is there.
	IfVersion uint64 `json:"ifVersion,omitempty"`
}

// Expected is the version that the change is meant for, 0 for any.
func (p Precondition) Expected() uint64 { return p.IfVersion }

// Commands that the conference app receives, all from organisers.
type (
	// CreateConference opens a conference under a slug that no other has.
	CreateConference struct {
		ConferenceID uuid.UUID         `json:"conferenceId" validate:"required"`
		Slug         string            `json:"slug" validate:"required,max=64"`
		Owner        string            `json:"owner" validate:"required,name"`
		Currency     string            `json:"currency" validate:"required,len=3,uppercase"`
		Details      ConferenceDetails `json:"details"`
	}
	// UpdateConference replaces the details.
	UpdateConference struct {
		ConferenceID uuid.UUID         `json:"conferenceId" validate:"required"`
		Details      ConferenceDetails `json:"details"`
		Precondition
	}
	// PublishConference opens the sale.
	PublishConference struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Precondition
	}
	// UnpublishConference stops new orders.
	UnpublishConference struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Precondition
	}
	// AddSeatType adds a kind of seat with its price and quota.
	AddSeatType struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Name         string    `json:"name" validate:"required,name"`
		Description  string    `json:"description" validate:"max=1000,lines"`
		Price        int64     `json:"price"` // minor units of the conference's currency
		Quota        int       `json:"quota"`
		SalesWindow
		Precondition
	}
	// UpdateSeatType replaces all that is said of a seat type; its quota may go
	// below what is held.
	UpdateSeatType struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Name         string    `json:"name" validate:"required,name"`
		Description  string    `json:"description" validate:"max=1000,lines"`
		Price        int64     `json:"price"`
		Quota        int       `json:"quota"`
		SalesWindow
		Precondition
	}
	// RemoveSeatType takes a seat type off sale; seats held of it stay held.
	RemoveSeatType struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Precondition
	}
)

// Commands that the payments app receives.
type (
	// InitiatePayment opens a payment of an order's total as the page showed it,
	// for that Version of its items.
	InitiatePayment struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Amount    Money     `json:"amount"`
		Version   int       `json:"version" validate:"min=1"`
	}
	// CompletePayment says that the provider has taken the money, and how much.
	CompletePayment struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Amount    Money     `json:"amount"`
		// ProviderReference is the provider's name for the transaction.
		ProviderReference string `json:"providerReference" validate:"max=200"`
	}
	// RejectPayment says that the provider refused the payment.
	RejectPayment struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Reason    string    `json:"reason" validate:"max=200"`
	}
	// CancelPayment gives a payment up: the payer did, or the process because the
	// order has ended, its items were changed, or it never came.
	CancelPayment struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Reason    string    `json:"reason" validate:"max=200"`
	}
	// RefundPayment gives the money back. Sent by the process, or by an operator
	// after a RefundFailed.
	RefundPayment struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Reason    string    `json:"reason" validate:"max=200"`
		// Attempt is which try this asks for: absent or 1 for the first, and one
		// more than that of the RefundFailed to try again. One that was asked for
		// already is not asked for again.
		Attempt int `json:"attempt,omitempty" validate:"min=0"`
	}
	// RecordRefund is the provider's answer to a refund. The payments app sends it
	// to itself.
	RecordRefund struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Attempt   int       `json:"attempt" validate:"min=1"`
		Succeeded bool      `json:"succeeded"`
		// ProviderReference of the refund when it succeeded, Reason when it did not.
		ProviderReference string `json:"providerReference,omitempty" validate:"max=200"`
		Reason            string `json:"reason,omitempty" validate:"max=200"`
	}
)
