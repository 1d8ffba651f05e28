package registration

import (
	"slices"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
)

// PromoCode is what the process knows of one promo code of the order.
type PromoCode struct {
	Code    string         `json:"code"`
	Number  int            `json:"number"` // of the last request
	State   PromoCodeState `json:"state"`
	Command string         `json:"command,omitempty"` // id of the command whose answer counts
	// Reduced is how much of it the order keeps, of the request ReducedNumber, if the order
	// said so before it was known that the code was redeemed.
	Reduced       int `json:"reduced,omitempty"`
	ReducedNumber int `json:"reducedNumber,omitempty"`
}

// PromoCodeState is how a promo code stands with the process.
type PromoCodeState string

// The states of a promo code.
const (
	Redeeming  PromoCodeState = "redeeming"   // the answer to its RedeemPromoCode is awaited
	Applying   PromoCodeState = "applying"    // it was redeemed, and the order was told
	AboveQuota PromoCodeState = "above-quota" // it is redeemed again for an order that was reinstated; the answer is awaited
	Held       PromoCodeState = "held"        // it was
	Released   PromoCodeState = "released"    // it was given back, or never redeemed
)

// promoCode finds a promo code, or adds it as Released under no number.
func (r *Registration) promoCode(code string) *PromoCode {
	for i := range r.PromoCodes {
		if r.PromoCodes[i].Code == code {
			return &r.PromoCodes[i]
		}
	}
	r.PromoCodes = append(r.PromoCodes, PromoCode{Code: code, State: Released})
	return &r.PromoCodes[len(r.PromoCodes)-1]
}

// promoCodeRequested redeems the code, unless the order has ended.
func (t turn) promoCodeRequested(m contracts.OrderPromoCodeRequested) {
	c := t.promoCode(m.Code)
	if m.Number <= c.Number {
		return
	}
	c.Number = m.Number
	if t.live() {
		t.redeem(c, Redeeming, contracts.RedeemPromoCode{Seats: m.Seats})
	}
}

// redeem asks for the code, until the same time at the latest as for seats.
func (t turn) redeem(c *PromoCode, state PromoCodeState, m contracts.RedeemPromoCode) {
	m.NotAfter = t.notBefore(t.Deadline.Add(t.Times.Grace))
	if state == AboveQuota {
		m.NotAfter = t.notBefore(t.now.Add(t.Times.Hold + t.Times.Grace))
	}
	m.ConferenceID, m.OrderID, m.Code, m.Number = t.ConferenceID, t.OrderID, c.Code, c.Number
	c.State, c.Command = state, t.out.Send(m)
}

// promoCodeRedeemed tells the order what it has. What nobody waits for any more is
// given back, whatever led to it.
func (t turn) promoCodeRedeemed(m contracts.PromoCodeRedeemed) {
	c := t.promoCode(m.Code)
	switch {
	case c.Number == m.Number && c.State == Redeeming && t.live():
		c.State, c.Command = Applying, t.out.Send(contracts.ApplyDiscount{
			OrderID: t.OrderID, Code: c.Code, Number: c.Number, Terms: m.Terms, Uses: m.Uses,
		})
	case c.Number == m.Number && c.State == AboveQuota:
		c.State = Held
		if c.ReducedNumber == c.Number {
			t.keepOf(c, c.Reduced)
		}
	case c.Number == m.Number && (c.State == Applying || c.State == Held): // it is known
	case c.Number > m.Number && c.State != Released: // the later request replaces it, or gives it back
	default:
		t.releasePromoCode(c.Code, m.Number, 0)
	}
}

// promoCodeRefused tells the order why it does not get the code. Before, it may
// have held it under a lower number; and a repeat of the refused command may yet be
// accepted.
func (t turn) promoCodeRefused(c *PromoCode, code es.Code) {
	switch c.State {
	case Redeeming:
		t.out.Send(contracts.RejectPromoCode{OrderID: t.OrderID, Code: c.Code, Number: c.Number, Reason: code})
		t.giveBack(c)
	case Applying: // the order refused the discount
		t.giveBack(c)
	}
}

// promoCodeGone gives back a code that the order does without.
func (t turn) promoCodeGone(code string, number int) {
	c := t.promoCode(code)
	if number < c.Number {
		return
	}
	c.Number = number
	if c.State != Released {
		t.giveBack(c)
	}
}

// discountReduced gives back what the order does not keep of a code. A code that is
// redeemed for an order that was reinstated, or will be when that is heard of, may not be
// held yet, and a release that overtakes its request does nothing: so it waits for the
// answer.
func (t turn) discountReduced(m contracts.DiscountReduced) {
	c := t.promoCode(m.Code)
	switch {
	case m.Number > c.Number, m.Number == c.Number && c.State == AboveQuota:
		if c.ReducedNumber != m.Number {
			c.Reduced, c.ReducedNumber = m.Keep, m.Number
		}
		c.Reduced = min(c.Reduced, m.Keep)
	case m.Number == c.Number && c.State != Released:
		t.keepOf(c, m.Keep)
	}
}

// keepOf gives back all but so much of a code.
func (t turn) keepOf(c *PromoCode, keep int) {
	if keep == 0 {
		t.giveBack(c)
		return
	}
	t.releasePromoCode(c.Code, c.Number, keep)
}

// discountsConfirmed gives back the codes that the order was confirmed without, and
// redeems those again that were given back when it expired.
func (t turn) discountsConfirmed(confirmed []contracts.ConfirmedDiscount) {
	for _, d := range confirmed {
		if c := t.promoCode(d.Code); d.Number > c.Number {
			c.Number = d.Number
			t.redeem(c, AboveQuota, contracts.RedeemPromoCode{AboveQuota: d.Uses})
		}
	}
	for i := range t.PromoCodes {
		c := &t.PromoCodes[i]
		has := slices.ContainsFunc(confirmed, func(d contracts.ConfirmedDiscount) bool { return d.Code == c.Code && d.Number == c.Number })
		if !has && c.State != Released {
			t.giveBack(c)
		}
	}
}

// giveBackPromoCodes gives back all codes of an order that has ended.
func (t turn) giveBackPromoCodes() {
	for i := range t.PromoCodes {
		if c := &t.PromoCodes[i]; c.State != Released {
			t.giveBack(c)
		}
	}
}

func (t turn) giveBack(c *PromoCode) {
	c.State, c.Command = Released, ""
	t.releasePromoCode(c.Code, c.Number, 0)
}

func (t turn) releasePromoCode(code string, number, keep int) {
	t.out.Send(contracts.ReleasePromoCode{ConferenceID: t.ConferenceID, OrderID: t.OrderID, Code: code, Number: number, NotAfter: t.NotAfter, Keep: keep})
}

// priceChanged cancels the open payments of an amount that is not the order's price
// any more: the order would refuse them.
func (t turn) priceChanged(total contracts.Money) {
	for i := range t.Payments {
		if p := &t.Payments[i]; p.State == Open && p.Amount != total {
			t.cancelPayment(p, contracts.PriceChanged)
		}
	}
}

// promoCodeOf finds the promo code whose command was refused.
func (r *Registration) promoCodeOf(commandID string) *PromoCode {
	for i := range r.PromoCodes {
		if c := &r.PromoCodes[i]; c.Command != "" && c.Command == commandID {
			return c
		}
	}
	return nil
}
