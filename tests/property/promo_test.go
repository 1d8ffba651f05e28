package property

import (
	"slices"

	"github.com/google/uuid"

	conferences "github.com/plenary/plenary/apps/conference/conference"
	"github.com/plenary/plenary/apps/conference/promo"
	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
)

// Promo codes of the conference: half the price, counted by orders, and seats free of
// charge, counted by seats. There is no third.
const (
	halfPrice = "HALF"
	freeSeats = "FREE"
	noCode    = "NONE"
)

// conferenceOfCodes is the conference as promo codes are held against it.
var conferenceOfCodes = func() conferences.State {
	agg := conferences.Aggregate()
	s := agg.New()
	events := []any{contracts.ConferenceCreated{ConferenceID: conference, Currency: "USD"}}
	for _, t := range seatTypes {
		events = append(events, contracts.SeatTypeAdded{ConferenceID: conference, SeatTypeID: t, Quota: 10})
	}
	for _, e := range events {
		s = agg.Evolve(s, e)
	}
	return s
}()

// openPromoCodes makes the codes.
func (w *world) openPromoCodes() {
	for _, made := range []struct {
		code  string
		terms contracts.PromoTerms
	}{
		{halfPrice, contracts.PromoTerms{Percent: 50, Exclusive: w.chance("exclusive", 30)}},
		{freeSeats, contracts.PromoTerms{Percent: 100, QuotaUnit: contracts.BySeat, Scope: []uuid.UUID{general, workshop}}},
	} {
		quota := pick(w, "promo quota", 1, 2, 4)
		w.promoQuotas[made.code] = quota
		w.send(conference, contracts.CreatePromoCode{ConferenceID: conference, Code: made.code, Details: contracts.PromoDetails{PromoTerms: made.terms, Quota: quota}})
	}
}

// usePromoCode has the holder of an order ask for a code, or do without one.
func (w *world) usePromoCode(id uuid.UUID) {
	code := pick(w, "code", halfPrice, freeSeats, halfPrice, freeSeats, noCode)
	if w.chance("remove", 25) {
		w.send(id, contracts.RemovePromoCode{OrderID: id, Code: code})
	} else {
		w.send(id, contracts.ApplyPromoCode{OrderID: id, Code: code})
	}
}

func (w *world) retirePromoCode() {
	w.send(conference, contracts.RetirePromoCode{ConferenceID: conference, Code: pick(w, "code", halfPrice, freeSeats)})
}

func (w *world) promoCode(code string) promo.State {
	if s, ok := w.promos.byID[promo.ID(conference, code)]; ok {
		return s.state
	}
	return promo.State{}
}

// checkQuotas: what is used is what orders hold, and orders hold no more than the
// quota, but for those that were confirmed after they had expired.
func (w *world) checkQuotas() {
	for code, quota := range w.promoQuotas {
		s := w.promoCode(code)
		if s.Sum() != s.Used {
			w.t.Fatalf("promo code %s: %d are used and %d held", code, s.Used, s.Sum())
		}
		held := 0
		for id, r := range s.Held {
			if r.Uses < 1 {
				w.t.Fatalf("promo code %s: order %s holds %d", code, id, r.Uses)
			}
			if !w.reinstated[id] {
				held += r.Uses
			}
		}
		if held > quota {
			w.t.Fatalf("promo code %s: %d are held of a quota of %d", code, held, quota)
		}
	}
}

// checkDiscounts: in the end an order holds of each code what it was confirmed with,
// and nothing else is held.
func (w *world) checkDiscounts(id uuid.UUID, o order.State) {
	if o.Total.Amount < 0 {
		w.t.Fatalf("order %s costs %s", id, o.Total)
	}
	for code := range w.promoQuotas {
		held := w.promoCode(code).Held[id].Uses
		uses := 0
		if i := slices.IndexFunc(o.Discounts, func(d order.Discount) bool { return d.Code == code }); i >= 0 && o.Status == order.Confirmed {
			uses = o.Discounts[i].Uses
			if used := usesOf(o, o.Discounts[i]); uses != used {
				w.t.Fatalf("order %s has %d of promo code %s, and seats for %d", id, uses, code, used)
			}
			w.happened["an order confirmed with "+code] = true
			if o.Cancellations > 0 {
				w.happened["seats given back of an order with "+code] = true
			}
			if w.reinstated[id] {
				w.happened["an order reinstated with a discount"] = true
			}
		}
		if held != uses {
			w.t.Fatalf("order %s is %s with %d of promo code %s, and holds %d", id, o.Status, uses, code, held)
		}
	}
}

// usesOf is how much of a code's quota the seats take that an order has.
func usesOf(o order.State, d order.Discount) (n int) {
	for _, p := range o.Positions {
		switch {
		case p.Cancelled:
		case d.Terms.QuotaUnit == contracts.BySeat && slices.Contains(p.Codes, d.Code):
			n++
		case d.Terms.QuotaUnit != contracts.BySeat && d.Terms.Covers(p.SeatType):
			n = 1
		}
	}
	return n
}

// notePromo notes what an event says of promo codes.
func (f facts) notePromo(event any) {
	switch e := event.(type) {
	case contracts.OrderReinstated:
		f.reinstated[e.OrderID] = true
	case contracts.DiscountApplied:
		f.happened["a discount applied"] = true
	case contracts.DiscountReduced:
		f.happened["a discount reduced"] = true
	case contracts.DiscountRemoved:
		f.happened["a discount removed"] = true
	case contracts.PromoCodeReleased:
		f.happened["a promo code given back"] = true
	case contracts.OrderPromoCodeRejected:
		f.happened["a promo code refused: "+string(e.Reason)] = true
	}
}
