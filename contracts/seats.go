package contracts

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/message"
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

func seats(r *message.Registry) {
	command(r, TopicSeats, "SetSeatsQuota.v1", func(c SetSeatsQuota) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "MakeSeatReservation.v1", func(c MakeSeatReservation) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "CommitSeatReservation.v1", func(c CommitSeatReservation) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "CancelSeatReservation.v1", func(c CancelSeatReservation) uuid.UUID { return c.ConferenceID })

	event(r, "SeatsQuotaSet.v1", func(e SeatsQuotaSet) uuid.UUID { return e.ConferenceID })
	event(r, "AvailableSeatsChanged.v1", func(e AvailableSeatsChanged) uuid.UUID { return e.ConferenceID })
	event(r, "SeatsReserved.v1", func(e SeatsReserved) uuid.UUID { return e.OrderID })
	event(r, "SeatsReservationCommitted.v1", func(e SeatsReservationCommitted) uuid.UUID { return e.OrderID })
	event(r, "SeatsReservationCancelled.v1", func(e SeatsReservationCancelled) uuid.UUID { return e.OrderID })
}
