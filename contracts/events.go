package contracts

import (
	"time"

	"github.com/google/uuid"
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
	}
	// OrderUpdated says what the order asks for now.
	OrderUpdated struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Version int       `json:"version" validate:"min=1"`
		Items   Seats     `json:"items" validate:"required"`
	}
	// OrderTotalsCalculated gives every line with what was requested, what was
	// granted and its price.
	OrderTotalsCalculated struct {
		OrderID        uuid.UUID   `json:"orderId" validate:"required"`
		Version        int         `json:"version" validate:"min=1"`
		Lines          []OrderLine `json:"lines"`
		Total          Money       `json:"total"`
		IsFreeOfCharge bool        `json:"isFreeOfCharge"`
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
	}
	// OrderReservationCompleted: all seats were granted.
	OrderReservationCompleted struct {
		OrderID  uuid.UUID `json:"orderId" validate:"required"`
		Version  int       `json:"version" validate:"min=1"`
		Granted  Seats     `json:"granted"`
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
	// order was free of charge.
	OrderConfirmed struct {
		OrderID   uuid.UUID  `json:"orderId" validate:"required"`
		PaymentID *uuid.UUID `json:"paymentId,omitempty"`
		Seats     Seats      `json:"seats"`
		Total     Money      `json:"total"`
	}
	// OrderCancelled: its holder, or the organiser, gave the order up. Refund says
	// whether PaymentID's money goes back.
	OrderCancelled struct {
		OrderID     uuid.UUID  `json:"orderId" validate:"required"`
		Refund      bool       `json:"refund"`
		PaymentID   *uuid.UUID `json:"paymentId,omitempty"`
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

// SeatTypeAvailability is how one seat type stands: Quota = Remaining + held
// (pending or committed). Remaining is negative after a quota was lowered below
// what is held.
type SeatTypeAvailability struct {
	SeatType  uuid.UUID `json:"seatType"`
	Quota     int       `json:"quota"`
	Remaining int       `json:"remaining"`
}

// Events of a conference's seats.
type (
	// SeatsQuotaSet says how many seats of a type there are.
	SeatsQuotaSet struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatType     uuid.UUID `json:"seatType" validate:"required"`
		Quota        int       `json:"quota"`
		Version      uint64    `json:"version"`
	}
	// AvailableSeatsChanged gives the absolute numbers of the types that changed
	// in one batch of decisions.
	AvailableSeatsChanged struct {
		ConferenceID uuid.UUID              `json:"conferenceId" validate:"required"`
		Seats        []SeatTypeAvailability `json:"seats"`
	}
	// SeatsReserved answers MakeSeatReservation Number: what the order holds now,
	// empty when nothing was left.
	SeatsReserved struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number"`
		Granted      Seats     `json:"granted"`
		// NotAfter is that of the request.
		NotAfter time.Time `json:"notAfter"`
		// At is when the seats decided it, as their clock stood.
		At time.Time `json:"at"`
	}
	// SeatsReservationCommitted: the reservation is final.
	SeatsReservationCommitted struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number"`
	}
	// SeatsReservationCancelled: what the order held, if anything, is free again,
	// and requests up to Number that come later will do nothing.
	SeatsReservationCancelled struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number"`
		Released     Seats     `json:"released"`
		NotAfter     time.Time `json:"notAfter"`
		At           time.Time `json:"at"` // when the seats decided it, as their clock stood
	}
)

// Events of a conference.
type (
	// ConferenceCreated opens a conference, unpublished.
	ConferenceCreated struct {
		ConferenceID uuid.UUID         `json:"conferenceId" validate:"required"`
		Slug         string            `json:"slug"`
		Owner        string            `json:"owner"`
		Currency     string            `json:"currency"`
		Details      ConferenceDetails `json:"details"`
	}
	// ConferenceUpdated replaces the details.
	ConferenceUpdated struct {
		ConferenceID uuid.UUID         `json:"conferenceId" validate:"required"`
		Details      ConferenceDetails `json:"details"`
	}
	// ConferencePublished opens the sale.
	ConferencePublished struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
	}
	// ConferenceUnpublished stops new orders.
	ConferenceUnpublished struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
	}
	// SeatTypeAdded adds a seat type.
	SeatTypeAdded struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Name         string    `json:"name"`
		Description  string    `json:"description"`
		Price        Money     `json:"price"`
		Quota        int       `json:"quota"`
		SalesWindow
	}
	// SeatTypeUpdated replaces what is said of a seat type.
	SeatTypeUpdated struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Name         string    `json:"name"`
		Description  string    `json:"description"`
		Price        Money     `json:"price"`
		Quota        int       `json:"quota"`
		SalesWindow
	}
	// SeatTypeRemoved takes a seat type off sale.
	SeatTypeRemoved struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
	}
)

// Events of a payment.
type (
	// PaymentInitiated: the payer may pay for that Version of the order's items.
	PaymentInitiated struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Amount    Money     `json:"amount"`
		Version   int       `json:"version" validate:"min=1"`
		Provider  string    `json:"provider"`
	}
	// PaymentCompleted: the money was taken.
	PaymentCompleted struct {
		PaymentID         uuid.UUID `json:"paymentId" validate:"required"`
		OrderID           uuid.UUID `json:"orderId" validate:"required"`
		Amount            Money     `json:"amount"`
		ProviderReference string    `json:"providerReference"`
	}
	// PaymentRejected: the provider refused.
	PaymentRejected struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Reason    string    `json:"reason"`
	}
	// PaymentCancelled: the payment was given up.
	PaymentCancelled struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Reason    string    `json:"reason"`
		Provider  string    `json:"provider"`
	}
	// PaymentRefundRequested: the provider is being asked to give the money back.
	PaymentRefundRequested struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Amount    Money     `json:"amount"`
		Attempt   int       `json:"attempt"`
		Reason    string    `json:"reason"`
		Provider  string    `json:"provider"`
	}
	// PaymentRefunded: the money went back.
	PaymentRefunded struct {
		PaymentID         uuid.UUID `json:"paymentId" validate:"required"`
		OrderID           uuid.UUID `json:"orderId" validate:"required"`
		Amount            Money     `json:"amount"`
		ProviderReference string    `json:"providerReference"`
	}
	// RefundFailed: the provider did not give the money back; an operator has to
	// look.
	RefundFailed struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Amount    Money     `json:"amount"`
		Attempt   int       `json:"attempt"`
		Reason    string    `json:"reason"`
	}
)
