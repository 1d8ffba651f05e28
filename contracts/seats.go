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
	// ReduceSeatReservation leaves an order, per type, no more than Keep of what it holds
	// by the request of that Number. It is absolute.
	ReduceSeatReservation struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number" validate:"min=1"`
		Keep         Seats     `json:"keep" validate:"required,dive"`
	}
	// SetSeatsSale tells the seats app when it may offer seats to those in line. It is
	// absolute; one with a Version not above the last seen does nothing. Sent by the
	// conference app.
	SetSeatsSale struct {
		ConferenceID uuid.UUID      `json:"conferenceId" validate:"required"`
		Version      uint64         `json:"version" validate:"required"`
		Published    bool           `json:"published"`
		StartsAt     time.Time      `json:"startsAt" validate:"required"`
		SeatTypes    []SeatTypeSale `json:"seatTypes" validate:"dive"` // those that were not removed
		Moves        []WaitlistMove `json:"moves,omitempty" validate:"dive"`
	}
	// JoinWaitlist puts an order in line for seats, in place of what it holds. Number
	// and NotAfter are as in MakeSeatReservation.
	JoinWaitlist struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number" validate:"min=1"`
		NotAfter     time.Time `json:"notAfter" validate:"required"`
		Seats        Seats     `json:"seats" validate:"required,dive"`
		AllOrNothing bool      `json:"allOrNothing,omitempty"`
	}
	// OfferSeats offers to those in line what is free, if anything is: after a sales
	// window opened by the clock. Sent by the process.
	OfferSeats struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
	}
)

// SeatTypeSale is when seats of a type are sold, and whether one may wait for them.
type SeatTypeSale struct {
	SeatType uuid.UUID `json:"seatType" validate:"required"`
	SalesWindow
	WaitlistClosed bool `json:"waitlistClosed,omitempty"`
}

// WaitlistMove moves the line of one seat type to the end of another's, once. Version
// is that of the conference.
type WaitlistMove struct {
	Version uint64    `json:"version" validate:"required"`
	From    uuid.UUID `json:"from" validate:"required"`
	To      uuid.UUID `json:"to" validate:"required"`
}

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
	// SeatsReservationReduced: the order holds Kept by its request of that Number, and
	// what was Released is free again.
	SeatsReservationReduced struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number"`
		Kept         Seats     `json:"kept"`
		Released     Seats     `json:"released"`
		At           time.Time `json:"at"` // when the seats decided it, as their clock stood
	}
	// SeatsSaleSet says when seats may be offered to those in line.
	SeatsSaleSet struct {
		SetSeatsSale
	}
	// WaitlistJoined: the order is in line. Who has a lower Place is served first.
	WaitlistJoined struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number"`
		Place        int       `json:"place"`
		Wanted       Seats     `json:"wanted"`
		AllOrNothing bool      `json:"allOrNothing,omitempty"`
		NotAfter     time.Time `json:"notAfter"` // that of the request
		At           time.Time `json:"at"`
	}
	// WaitlistChanged: the organiser moved the line or closed a part of it, or the
	// conference starts at another time, until which the order waits. Change counts
	// the changes of an order's place.
	WaitlistChanged struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number"`
		Change       int       `json:"change"`
		Place        int       `json:"place"`
		Wanted       Seats     `json:"wanted"`
		Until        time.Time `json:"until"`
	}
	// WaitlistLeft: the organiser closed the line that the order was in.
	WaitlistLeft struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number"`
	}
	// SeatsOffered: seats are held for an order that was in line, and it is in line no
	// more. Wanted is what it waited for at last.
	SeatsOffered struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number"`
		Wanted       Seats     `json:"wanted"`
		Granted      Seats     `json:"granted"`
		Deadline     time.Time `json:"deadline"`
		At           time.Time `json:"at"`
	}
)

func seats(r *message.Registry) {
	command(r, TopicSeats, "SetSeatsQuota.v1", func(c SetSeatsQuota) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "MakeSeatReservation.v1", func(c MakeSeatReservation) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "CommitSeatReservation.v1", func(c CommitSeatReservation) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "CancelSeatReservation.v1", func(c CancelSeatReservation) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "ReduceSeatReservation.v1", func(c ReduceSeatReservation) uuid.UUID { return c.ConferenceID })

	command(r, TopicSeats, "SetSeatsSale.v1", func(c SetSeatsSale) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "JoinWaitlist.v1", func(c JoinWaitlist) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "OfferSeats.v1", func(c OfferSeats) uuid.UUID { return c.ConferenceID })

	event(r, "SeatsQuotaSet.v1", func(e SeatsQuotaSet) uuid.UUID { return e.ConferenceID })
	event(r, "AvailableSeatsChanged.v1", func(e AvailableSeatsChanged) uuid.UUID { return e.ConferenceID })
	event(r, "SeatsReserved.v1", func(e SeatsReserved) uuid.UUID { return e.OrderID })
	event(r, "SeatsReservationCommitted.v1", func(e SeatsReservationCommitted) uuid.UUID { return e.OrderID })
	event(r, "SeatsReservationCancelled.v1", func(e SeatsReservationCancelled) uuid.UUID { return e.OrderID })
	event(r, "SeatsReservationReduced.v1", func(e SeatsReservationReduced) uuid.UUID { return e.OrderID })
	event(r, "SeatsSaleSet.v1", func(e SeatsSaleSet) uuid.UUID { return e.ConferenceID })
	event(r, "WaitlistJoined.v1", func(e WaitlistJoined) uuid.UUID { return e.OrderID })
	event(r, "WaitlistChanged.v1", func(e WaitlistChanged) uuid.UUID { return e.OrderID })
	event(r, "WaitlistLeft.v1", func(e WaitlistLeft) uuid.UUID { return e.OrderID })
	event(r, "SeatsOffered.v1", func(e SeatsOffered) uuid.UUID { return e.OrderID })
}
