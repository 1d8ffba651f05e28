package contracts

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// QuotaUnit is what a promo code's quota counts.
type QuotaUnit string

// The units of a promo code's quota.
const (
	ByOrder QuotaUnit = "orders"
	BySeat  QuotaUnit = "seats"
)

// PromoTerms are what a promo code takes off an order. An order keeps those that
// held when it redeemed the code.
type PromoTerms struct {
	Percent int         `json:"percent,omitempty" validate:"min=0,max=100" minimum:"0" maximum:"100" doc:"Taken off the price of the seats in scope; absent if it is an amount"`
	Amount  int64       `json:"amount,omitempty" validate:"min=0" minimum:"0" maximum:"1000000000000" doc:"In minor units of the conference's currency, taken off the order or, with a quota by seats, off each seat; absent if it is a percentage"`
	Scope   []uuid.UUID `json:"scope,omitempty" validate:"max=50" maxItems:"50" nullable:"false" doc:"The seat types that it is for; absent: all"`
	// QuotaUnit is by orders if it is absent.
	QuotaUnit QuotaUnit `json:"quotaUnit,omitempty" validate:"omitempty,oneof=orders seats" enum:"orders,seats" doc:"What the quota counts: orders, the default, or seats. By seats, the code is for as many of an order's seats as are left of its quota, the dearest first"`
	Exclusive bool      `json:"exclusive,omitempty" doc:"It cannot be combined with another code"`
}

// Covers says whether a seat type is in scope.
func (t PromoTerms) Covers(seatType uuid.UUID) bool {
	for _, one := range t.Scope {
		if one == seatType {
			return true
		}
	}
	return len(t.Scope) == 0
}

// Uses is how much of a quota an order of these seats takes.
func (t PromoTerms) Uses(seats Seats) (n int) {
	for _, s := range seats {
		if t.Covers(s.SeatType) {
			n += s.Quantity
		}
	}
	if t.QuotaUnit != BySeat {
		return min(n, 1)
	}
	return n
}

// PromoDetails is what an organiser says of a promo code.
type PromoDetails struct {
	PromoTerms
	Quota      int       `json:"quota,omitempty" validate:"min=0" minimum:"1" maximum:"1000000" doc:"How many orders, or seats, it is for at the most; absent: any number. No code is held by more than 20000 orders at once"`
	ValidFrom  time.Time `json:"validFrom,omitzero" doc:"From when it is taken; absent: at once"`
	ValidUntil time.Time `json:"validUntil,omitzero" doc:"Until when it is taken; absent: as long as seats are sold"`
}

// Commands about promo codes that the conference app receives. The first three
// come from organisers, the others from the process.
type (
	// CreatePromoCode makes a code that no other of the conference is like.
	CreatePromoCode struct {
		ConferenceID uuid.UUID    `json:"conferenceId" validate:"required"`
		Code         string       `json:"code" validate:"required,max=100"`
		Details      PromoDetails `json:"details"`
	}
	// UpdatePromoCode replaces what is said of a code; orders that have redeemed it
	// keep what they have.
	UpdatePromoCode struct {
		ConferenceID uuid.UUID    `json:"conferenceId" validate:"required"`
		Code         string       `json:"code" validate:"required,max=100"`
		Details      PromoDetails `json:"details"`
	}
	// RetirePromoCode has a code taken no more.
	RetirePromoCode struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Code         string    `json:"code" validate:"required,max=100"`
	}
	// RedeemPromoCode holds what an order of these Seats takes of the code's quota,
	// in place of what it held before. Number only grows per order; a request that
	// comes after NotAfter is refused, but for one above the quota.
	RedeemPromoCode struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Code         string    `json:"code" validate:"required,max=100"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number" validate:"min=1"`
		NotAfter     time.Time `json:"notAfter" validate:"required"`
		Seats        Seats     `json:"seats" validate:"dive"`
		// AboveQuota is how much the order takes whatever is left: it was confirmed
		// with it after it had expired.
		AboveQuota int `json:"aboveQuota,omitempty" validate:"min=0"`
	}
	// ReleasePromoCode gives back all but Keep of what an order holds. NotAfter is the
	// latest NotAfter of the requests it may have overtaken.
	ReleasePromoCode struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Code         string    `json:"code" validate:"required,max=100"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number" validate:"min=1"`
		NotAfter     time.Time `json:"notAfter" validate:"required"`
		Keep         int       `json:"keep,omitempty" validate:"min=0"`
	}
)

// Events of a promo code. Used is how much of its quota is held when they have
// happened, At when they were decided, as the stream's clock stood.
type (
	// PromoCodeCreated makes a code.
	PromoCodeCreated struct {
		ConferenceID uuid.UUID    `json:"conferenceId" validate:"required"`
		Code         string       `json:"code"`
		Details      PromoDetails `json:"details"`
	}
	// PromoCodeUpdated replaces what is said of it. Change is the id of the command, so
	// that it does nothing when it comes again after later ones.
	PromoCodeUpdated struct {
		ConferenceID uuid.UUID    `json:"conferenceId" validate:"required"`
		Change       string       `json:"change"`
		Code         string       `json:"code"`
		Details      PromoDetails `json:"details"`
	}
	// PromoCodeRetired: it is taken no more.
	PromoCodeRetired struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Code         string    `json:"code"`
	}
	// PromoCodeRedeemed: the order holds Uses of its quota, by these Terms.
	PromoCodeRedeemed struct {
		ConferenceID uuid.UUID  `json:"conferenceId" validate:"required"`
		Code         string     `json:"code"`
		OrderID      uuid.UUID  `json:"orderId" validate:"required"`
		Number       int        `json:"number"`
		Terms        PromoTerms `json:"terms"`
		Uses         int        `json:"uses"`
		Used         int        `json:"used"`
		At           time.Time  `json:"at"`
	}
	// PromoCodeReleased: the order holds no more than Uses of its quota, and requests up
	// to Number that come later will do nothing.
	PromoCodeReleased struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Code         string    `json:"code"`
		OrderID      uuid.UUID `json:"orderId" validate:"required"`
		Number       int       `json:"number"`
		Uses         int       `json:"uses"`
		Used         int       `json:"used"`
		NotAfter     time.Time `json:"notAfter"`
		At           time.Time `json:"at"`
	}
)

// Commands about promo codes that the order app receives: the first two from the
// holder, the others from the process.
type (
	// ApplyPromoCode asks for a code's discount.
	ApplyPromoCode struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Code    string    `json:"code" validate:"required,max=100"`
	}
	// RemovePromoCode does without it.
	RemovePromoCode struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Code    string    `json:"code" validate:"required,max=100"`
	}
	// ApplyDiscount says that the order holds Uses of the code's quota, by these
	// Terms, as it asked under that Number.
	ApplyDiscount struct {
		OrderID uuid.UUID  `json:"orderId" validate:"required"`
		Code    string     `json:"code" validate:"required,max=100"`
		Number  int        `json:"number" validate:"min=1"`
		Terms   PromoTerms `json:"terms"`
		Uses    int        `json:"uses" validate:"min=1"`
	}
	// RejectPromoCode says why the order does not get the code.
	RejectPromoCode struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Code    string    `json:"code" validate:"required,max=100"`
		Number  int       `json:"number" validate:"min=1"`
		Reason  es.Code   `json:"reason" validate:"required"`
	}
)

// Events of an order about promo codes. An order numbers every request for a code
// anew, also that of one that it has already when its items change.
type (
	// OrderPromoCodeRequested: the order, of these Seats, asks for a code.
	OrderPromoCodeRequested struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Code    string    `json:"code"`
		Number  int       `json:"number"`
		Seats   Seats     `json:"seats"`
	}
	// OrderPromoCodeRejected: it does not get it.
	OrderPromoCodeRejected struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Code    string    `json:"code"`
		Number  int       `json:"number"`
		Reason  es.Code   `json:"reason"`
	}
	// DiscountApplied: the order has the code's discount, and costs Total.
	DiscountApplied struct {
		OrderID uuid.UUID  `json:"orderId" validate:"required"`
		Code    string     `json:"code"`
		Number  int        `json:"number"`
		Terms   PromoTerms `json:"terms"`
		Uses    int        `json:"uses"`
		Total   Money      `json:"total"`
	}
	// DiscountReduced: the order has fewer seats than the code is held for, and
	// keeps Keep of what it holds.
	DiscountReduced struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Code    string    `json:"code"`
		Number  int       `json:"number"`
		Keep    int       `json:"keep"`
	}
	// DiscountRemoved: the order does without the code, and costs Total.
	DiscountRemoved struct {
		OrderID uuid.UUID `json:"orderId" validate:"required"`
		Code    string    `json:"code"`
		Number  int       `json:"number"`
		Total   Money     `json:"total"`
	}
)

// OrderDiscount is what one promo code takes off an order, and off which seats.
type OrderDiscount struct {
	Code    string         `json:"code" example:"EARLY-20"`
	Percent int            `json:"percent,omitempty" doc:"If it is a percentage"`
	Lines   []DiscountLine `json:"lines" nullable:"false"`
	Total   Money          `json:"total" doc:"What it takes off in all"`
}

// Seats is for how many seats it is.
func (d OrderDiscount) Seats() (n int) {
	for _, l := range d.Lines {
		n += l.Seats
	}
	return n
}

// DiscountLine is what a promo code takes off one line of an order.
type DiscountLine struct {
	SeatType uuid.UUID `json:"seatType"`
	Seats    int       `json:"seats" doc:"For how many of the line's seats it is"`
	Amount   Money     `json:"amount" doc:"What it takes off the line"`
}

// ConfirmedDiscount is what an order that was confirmed has of a code's quota.
type ConfirmedDiscount struct {
	Code   string `json:"code"`
	Number int    `json:"number"`
	Uses   int    `json:"uses"`
}

func promos(r *message.Registry) {
	command(r, TopicConferences, "CreatePromoCode.v1", func(c CreatePromoCode) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "UpdatePromoCode.v1", func(c UpdatePromoCode) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "RetirePromoCode.v1", func(c RetirePromoCode) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "RedeemPromoCode.v1", func(c RedeemPromoCode) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "ReleasePromoCode.v1", func(c ReleasePromoCode) uuid.UUID { return c.ConferenceID })

	event(r, "PromoCodeCreated.v1", func(e PromoCodeCreated) uuid.UUID { return e.ConferenceID })
	event(r, "PromoCodeUpdated.v1", func(e PromoCodeUpdated) uuid.UUID { return e.ConferenceID })
	event(r, "PromoCodeRetired.v1", func(e PromoCodeRetired) uuid.UUID { return e.ConferenceID })
	event(r, "PromoCodeRedeemed.v1", func(e PromoCodeRedeemed) uuid.UUID { return e.OrderID })
	event(r, "PromoCodeReleased.v1", func(e PromoCodeReleased) uuid.UUID { return e.OrderID })

	command(r, TopicOrders, "ApplyPromoCode.v1", func(c ApplyPromoCode) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "RemovePromoCode.v1", func(c RemovePromoCode) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "ApplyDiscount.v1", func(c ApplyDiscount) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "RejectPromoCode.v1", func(c RejectPromoCode) uuid.UUID { return c.OrderID })

	event(r, "OrderPromoCodeRequested.v1", func(e OrderPromoCodeRequested) uuid.UUID { return e.OrderID })
	event(r, "OrderPromoCodeRejected.v1", func(e OrderPromoCodeRejected) uuid.UUID { return e.OrderID })
	event(r, "DiscountApplied.v1", func(e DiscountApplied) uuid.UUID { return e.OrderID })
	event(r, "DiscountReduced.v1", func(e DiscountReduced) uuid.UUID { return e.OrderID })
	event(r, "DiscountRemoved.v1", func(e DiscountRemoved) uuid.UUID { return e.OrderID })
}
