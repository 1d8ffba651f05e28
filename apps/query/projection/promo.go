package projection

import (
	"slices"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// PromoCode folds one event of a promo code.
func PromoCode(p *view.PromoCode, m message.Message) {
	switch e := m.Body.(type) {
	case contracts.PromoCodeCreated:
		p.ConferenceID, p.Code, p.PromoDetails, p.CreatedAt = e.ConferenceID, e.Code, e.Details, m.Time.UTC()
	case contracts.PromoCodeUpdated:
		p.PromoDetails = e.Details
	case contracts.PromoCodeRetired:
		p.Retired = true
	case contracts.PromoCodeRedeemed:
		p.Used = e.Used
	case contracts.PromoCodeReleased:
		p.Used = e.Used
	default:
		return
	}
	p.UpdatedAt = m.Time.UTC()
}

// promoCode notes how the order stands with a code; the empty state: not at all.
func promoCode(o *view.Order, code string, state view.PromoCodeState, reason es.Code) {
	i := slices.IndexFunc(o.PromoCodes, func(c view.OrderPromoCode) bool { return c.Code == code })
	switch c := (view.OrderPromoCode{Code: code, State: state, Reason: reason}); {
	case state == "" && i >= 0:
		o.PromoCodes = slices.Delete(o.PromoCodes, i, i+1)
	case state == "":
	case i >= 0:
		o.PromoCodes[i] = c
	default:
		o.PromoCodes = append(o.PromoCodes, c)
	}
}
