package view

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
)

// PromoCodeState is how an order stands with a promo code.
type PromoCodeState string

// The states of an order's promo code.
const (
	PromoCodeRequested PromoCodeState = "requested" // the answer is awaited
	PromoCodeApplied   PromoCodeState = "applied"
	PromoCodeRefused   PromoCodeState = "refused"
)

// OrderPromoCode is a promo code that was asked for.
type OrderPromoCode struct {
	Code   string         `json:"code" example:"EARLY-20"`
	State  PromoCodeState `json:"state" enum:"requested,applied,refused"`
	Reason es.Code        `json:"reason,omitempty" doc:"Stable code of why it was refused" example:"promo-code-used-up"`
}

// PromoCode is a conference's promo code with its use.
type PromoCode struct {
	ConferenceID uuid.UUID `json:"conferenceId" format:"uuid"`
	Code         string    `json:"code" example:"EARLY-20"`
	contracts.PromoDetails
	Used      int       `json:"used" doc:"How much of the quota orders hold or have"`
	Retired   bool      `json:"retired" doc:"It is taken no more"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// PromoCodes are a conference's promo codes, the newest first.
type PromoCodes struct {
	PromoCodes []PromoCode `json:"promoCodes" nullable:"false"`
	Next       string      `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}
