package order

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
)

// Status is how an order stands.
type Status = contracts.OrderStatus

// The statuses of an order.
const (
	Placed            = contracts.StatusPlaced
	Waitlisted        = contracts.StatusWaitlisted
	PartiallyReserved = contracts.StatusPartiallyReserved
	Reserved          = contracts.StatusReserved
	Rejected          = contracts.StatusRejected
	Expired           = contracts.StatusExpired
	Confirmed         = contracts.StatusConfirmed
	Cancelled         = contracts.StatusCancelled
)

// State is one order.
type State struct {
	ConferenceID uuid.UUID `json:"conferenceId"`
	Status       Status    `json:"status"`
	// Version counts the changes of what is asked for, from 1.
	Version int `json:"version"`
	// PlacedItems are what the order asked for at first.
	PlacedItems contracts.Seats `json:"placedItems"`
	// Items are what is asked for or, once the seats have answered, granted.
	Items contracts.Seats `json:"items"`
	// Lines are what was asked for, at which price, and what was granted of it.
	Lines []contracts.OrderLine `json:"lines"`
	Total contracts.Money       `json:"total"`
	// Deadline is when the hold lapses.
	Deadline time.Time `json:"deadline"`
	// Waitlist is its wish to wait in line, if it has one, and RestID the order that
	// waits for what was not granted.
	Waitlist   *contracts.Waitlist `json:"waitlist,omitempty"`
	RestID     *uuid.UUID          `json:"restId,omitempty"`
	Registrant *contracts.Person   `json:"registrant,omitempty"`
	// Discounts are its promo codes, in the order in which they take effect, and
	// Requests the number of the last request for one.
	Discounts []Discount `json:"discounts,omitempty"`
	Requests  int        `json:"requests,omitempty"`
	// PaymentID is the payment that confirmed the order, if one did.
	PaymentID *uuid.UUID `json:"paymentId,omitempty"`
	// Positions are the seats with which it was confirmed, and Cancellations how often
	// some of them were given back. Items are then what it still has; Lines and Total stay
	// what it was confirmed with.
	Positions     []Position `json:"positions,omitempty"`
	Cancellations int        `json:"cancellations,omitempty"`
	// Returned are the payments that an operator has given back: they confirm nothing.
	// Released says that it will not be reinstated.
	Returned []uuid.UUID `json:"returned,omitempty"`
	Released bool        `json:"released,omitempty"`
}

func evolve(s State, event any) State {
	switch e := event.(type) {
	case contracts.OrderPlaced:
		s.Status = Placed
		s.ConferenceID = e.ConferenceID
		s.Version = e.Version
		s.PlacedItems = e.Items
		s.Items = e.Items
		s.Deadline = e.Deadline
		s.Waitlist = e.Waitlist
	case contracts.OrderUpdated:
		s.Status = Placed
		s.Version = e.Version
		s.Items = e.Items
		s.Deadline = e.Deadline
		s.Waitlist = e.Waitlist
	case contracts.OrderTotalsCalculated:
		s.Lines = e.Lines
		s.Total = e.Total
	case contracts.OrderRegistrantAssigned:
		s.Registrant = &e.Registrant
	case contracts.OrderReservationCompleted:
		s.Status = Reserved
		s.Items = e.Granted
		s.Deadline = e.Deadline
	case contracts.OrderPartiallyReserved:
		s.Status = PartiallyReserved
		s.Items = e.Granted
		s.Deadline = e.Deadline
		if e.RestID != nil {
			s.RestID = e.RestID
		}
	case contracts.OrderWaitlisted:
		s.Status = Waitlisted
		s.Items = e.Items
		s.Deadline = e.Deadline
	case contracts.OrderRejected:
		s.Status = Rejected
	case contracts.OrderExpired:
		s.Status = Expired
	case contracts.OrderReinstated:
		s.Items = e.Granted
	case contracts.OrderConfirmed:
		s.Status = Confirmed
		s.PaymentID = e.PaymentID
		s.Discounts = slices.DeleteFunc(slices.Clone(s.Discounts), func(d Discount) bool { return d.Requested })
		for i, d := range e.Discounts {
			s.Discounts[i].Number, s.Requests = d.Number, max(s.Requests, d.Number)
		}
		seats := e.Positions
		if seats == nil { // confirmed before events said it
			seats = positions(e.Seats, s.Lines, s.Discounts)
		}
		for _, seat := range seats {
			s.Positions = append(s.Positions, Position{ConfirmedSeat: seat})
		}
	case contracts.OrderSeatsCancelled:
		s.Cancellations, s.Items = e.Number, e.Keep
		s.Positions = slices.Clone(s.Positions)
		for _, i := range e.Positions {
			s.Positions[i].Cancelled = true
		}
	case contracts.OrderCancelled:
		s.Status = Cancelled
	case contracts.OrderSeatsReleased:
		s.Released = true
	case contracts.OrderPaymentReturned:
		if !s.hasReturned(&e.PaymentID) {
			s.Returned = append(slices.Clone(s.Returned), e.PaymentID)
		}
	case contracts.OrderPromoCodeRequested:
		s.Requests = e.Number
		asked := Discount{Code: e.Code, Number: e.Number, Requested: true}
		if i := s.discount(e.Code); i >= 0 { // it lets no other code in while it is asked for again
			asked.Terms.Exclusive = s.Discounts[i].Terms.Exclusive
		}
		s.setDiscount(asked)
	case contracts.DiscountApplied:
		s.setDiscount(Discount{Code: e.Code, Number: e.Number, Terms: e.Terms, Uses: e.Uses})
	case contracts.DiscountReduced:
		i := s.discount(e.Code)
		d := s.Discounts[i]
		d.Uses = e.Keep
		s.setDiscount(d)
	case contracts.DiscountRemoved:
		s.dropDiscount(e.Code)
	case contracts.OrderPromoCodeRejected:
		s.dropDiscount(e.Code)
	}
	return s
}

// setDiscount adds a promo code, or changes it where it stands.
func (s *State) setDiscount(d Discount) {
	s.Discounts = slices.Clone(s.Discounts)
	if i := s.discount(d.Code); i >= 0 {
		s.Discounts[i] = d
	} else {
		s.Discounts = append(s.Discounts, d)
	}
}

func (s *State) dropDiscount(code string) {
	s.Discounts = slices.DeleteFunc(slices.Clone(s.Discounts), func(d Discount) bool { return d.Code == code })
	if len(s.Discounts) == 0 {
		s.Discounts = nil
	}
}
