package contracts

import (
	"fmt"
	"slices"
	"time"

	"github.com/bojanz/currency"
	"github.com/google/uuid"
)

// Money is an amount in minor units (cents) of an ISO 4217 currency.
type Money struct {
	Amount   int64  `json:"amount" doc:"In minor units (cents)"`
	Currency string `json:"currency" validate:"required,len=3,uppercase" minLength:"3" maxLength:"3" pattern:"^[A-Z]{3}$" doc:"ISO 4217" example:"USD"`
}

// IsZero says whether there is nothing to pay.
func (m Money) IsZero() bool { return m.Amount == 0 }

// Times is the price of n.
func (m Money) Times(n int) Money { return Money{Amount: m.Amount * int64(n), Currency: m.Currency} }

// String writes the amount with as many decimals as ISO 4217 gives its currency;
// for programs' messages and timelines. People read what locale.Money writes.
func (m Money) String() string {
	decimals := 2
	if digits, known := currency.GetDigits(m.Currency); known {
		decimals = int(digits)
	}
	digits := fmt.Sprintf("%0*d", decimals+1, max(m.Amount, -m.Amount))
	whole, rest := digits[:len(digits)-decimals], digits[len(digits)-decimals:]
	if decimals > 0 {
		whole += "." + rest
	}
	if m.Amount < 0 {
		whole = "-" + whole
	}
	return whole + " " + m.Currency
}

// SeatQuantity is a number of seats of one type.
type SeatQuantity struct {
	SeatType uuid.UUID `json:"seatType" validate:"required"`
	Quantity int       `json:"quantity"`
}

// Seats is a list of seat quantities, at most one per type.
type Seats []SeatQuantity

// Of is the quantity of one type, 0 if it is not listed.
func (s Seats) Of(seatType uuid.UUID) int {
	for _, q := range s {
		if q.SeatType == seatType {
			return q.Quantity
		}
	}
	return 0
}

// Total is the number of seats of all types.
func (s Seats) Total() (n int) {
	for _, q := range s {
		n += q.Quantity
	}
	return n
}

// Equal says whether both hold the same quantities, in any order; a quantity
// of 0 is the same as none.
func (s Seats) Equal(o Seats) bool {
	for _, q := range s {
		if o.Of(q.SeatType) != q.Quantity {
			return false
		}
	}
	for _, q := range o {
		if s.Of(q.SeatType) != q.Quantity {
			return false
		}
	}
	return true
}

// Clone is a copy that shares nothing with s.
func (s Seats) Clone() Seats { return slices.Clone(s) }

// Person is how a registrant or attendee is known. All of it is personal data.
// Many people have one name: either name may be empty, not both.
type Person struct {
	FirstName string `json:"firstName,omitempty" validate:"namePart" personal:"true" maxLength:"1000" doc:"May be empty or absent if there is a last name. At most 100 characters and 1,000 bytes"`
	LastName  string `json:"lastName,omitempty" validate:"namePart" personal:"true" maxLength:"1000" doc:"May be empty or absent if there is a first name. At most 100 characters and 1,000 bytes"`
	Email     string `json:"email" validate:"required,email" personal:"true" maxLength:"1000" doc:"In any script; shown as it was typed, and found in any way of writing it"`
}

// AttendeeType says in which role somebody attends.
type AttendeeType string

// The attendee types of the Journey.
const (
	Paid       AttendeeType = "paid"
	Speaker    AttendeeType = "speaker"
	Volunteer  AttendeeType = "volunteer"
	Student    AttendeeType = "student"
	TrackChair AttendeeType = "track-chair"
)

// Attendee is a person to whom a seat is assigned.
type Attendee struct {
	Person
	Type AttendeeType `json:"type" validate:"required,oneof=paid speaker volunteer student track-chair" enum:"paid,speaker,volunteer,student,track-chair"`
}

// A reason that the process gives. Where a refusal is the reason, its code is
// given instead.
const (
	SoldOut = "sold-out" // of RejectOrder: the seats granted nothing
)

// Waitlist is the wish to wait in line for seats that there are none of.
type Waitlist struct {
	// AllOrNothing: fewer seats than wanted are not welcome.
	AllOrNothing bool `json:"allOrNothing,omitempty"`
	// RestID is the id of the order that waits for the rest, if only some seats are
	// granted. Without it nothing waits for the rest.
	RestID *uuid.UUID `json:"restId,omitempty"`
}

// Waiting is whether an order waits in line if it gets no seats, and until when: the
// start of the conference.
type Waiting struct {
	Waitlist  *Waitlist `json:"waitlist,omitempty"`
	WaitUntil time.Time `json:"waitUntil,omitzero"`
}

// LineState is how an order's line stands.
type LineState string

// The states of a line.
const (
	LineRequested LineState = "requested" // the answer of the seats is awaited
	LineReserved  LineState = "reserved"  // granted in full
	LinePartial   LineState = "partial"   // granted in part
	LineSoldOut   LineState = "sold-out"  // nothing granted
	LineWaiting   LineState = "waiting"   // in line
)

// OrderLine is one line of an order: what was asked for, what was granted and
// what it costs. Total is the price of the seats granted or, before the seats
// answered and in line, of those requested.
type OrderLine struct {
	SeatType  uuid.UUID `json:"seatType" validate:"required"`
	Name      string    `json:"name"`
	UnitPrice Money     `json:"unitPrice"`
	Requested int       `json:"requested"`
	Granted   int       `json:"granted"`
	State     LineState `json:"state"`
	Total     Money     `json:"total"`
}

// ConfirmedSeat is one seat of a confirmed order. Price is its share of what the order
// was confirmed at, with all discounts; Codes are the promo codes with a quota by seats
// that take something off it.
type ConfirmedSeat struct {
	SeatType uuid.UUID `json:"seatType"`
	Price    Money     `json:"price"`
	Codes    []string  `json:"codes,omitempty"`
}

// Why the process gives a payment up or back, beside the codes with which the
// order refuses one.
const (
	OrderEnded     = "order-ended"      // it was confirmed by another payment, or ended unconfirmed
	ItemsChanged   = "items-changed"    // the payment was for other items
	OrderUnknown   = "order-unknown"    // the order never came
	PriceChanged   = "price-changed"    // a promo code made it another price
	SeatsGivenBack = "seats-given-back" // they were given back of a confirmed order
	ByOperator     = "by-operator"      // an operator decided so
)

// SalesWindow is when seats are sold: from SalesFrom on, and until just before
// SalesUntil. A zero time sets no bound.
type SalesWindow struct {
	SalesFrom  time.Time `json:"salesFrom,omitzero" doc:"When sales open; absent: as soon as the conference is published"`
	SalesUntil time.Time `json:"salesUntil,omitzero" doc:"When sales close; absent: when the conference ends"`
}

// Within is the part of the window that lies inside another one.
func (w SalesWindow) Within(outer SalesWindow) SalesWindow {
	if w.SalesFrom.Before(outer.SalesFrom) {
		w.SalesFrom = outer.SalesFrom
	}
	if w.SalesUntil.IsZero() || !outer.SalesUntil.IsZero() && outer.SalesUntil.Before(w.SalesUntil) {
		w.SalesUntil = outer.SalesUntil
	}
	return w
}

// CatalogueSeatType is a seat type as the order app sells it.
type CatalogueSeatType struct {
	ID    uuid.UUID `json:"id" validate:"required"`
	Name  string    `json:"name" validate:"required"`
	Price Money     `json:"price"`
	SalesWindow
}

// ConferenceDetails is what an organiser says about a conference.
type ConferenceDetails struct {
	Name        string `json:"name" validate:"required,name" maxLength:"1000" doc:"At most 100 characters and 1,000 bytes"`
	Description string `json:"description" validate:"max=10000,lines" maxLength:"10000" doc:"Of any number of lines"`
	Location    string `json:"location" validate:"line" maxLength:"2000" doc:"At most 200 characters and 2,000 bytes"`
	// TimeZone is that of the venue. The times here are moments, whatever offset
	// they are written with; the time zone is what they are shown in.
	TimeZone string    `json:"timeZone" validate:"required,max=64" minLength:"1" maxLength:"64" doc:"The venue's time zone, as the IANA database names it. Times may be written with any offset, and are given back in this time zone" example:"Europe/Berlin"`
	StartsAt time.Time `json:"startsAt" validate:"required" doc:"This and all other dates lie between 1970 and 2200"`
	EndsAt   time.Time `json:"endsAt" validate:"required"`
	SalesWindow
	// RefundUntil ends the refund window; the zero time means there is none.
	RefundUntil time.Time `json:"refundUntil,omitzero" doc:"Until when a paid order can be cancelled with a refund once it is confirmed; absent: never"`
	// HandOverUntil ends the time in which seats are handed on; the zero time
	// means that it ends when the conference starts.
	HandOverUntil time.Time `json:"handOverUntil,omitzero" doc:"Until when the holder of an order says who has its seats; absent: until the conference starts"`
}
