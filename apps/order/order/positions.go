package order

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Position is one seat of a confirmed order. Its price stays as it was at confirmation,
// whatever becomes of the others.
type Position struct {
	contracts.ConfirmedSeat
	Cancelled bool `json:"cancelled,omitempty"` // it was given back
}

// positions are the seats of an order that is confirmed, one by one in the order of its
// items, each with its share of the total. What a code takes off a line is shared by the
// seats that it is for: by orders by all of the line, by seats by the dearest.
func positions(granted contracts.Seats, lines []contracts.OrderLine, discounts []Discount) []contracts.ConfirmedSeat {
	var all []contracts.ConfirmedSeat
	for _, item := range granted {
		i := slices.IndexFunc(lines, func(l contracts.OrderLine) bool { return l.SeatType == item.SeatType })
		for range item.Quantity {
			seat := contracts.ConfirmedSeat{SeatType: item.SeatType}
			if i >= 0 {
				seat.Price = lines[i].UnitPrice
			}
			all = append(all, seat)
		}
	}
	for _, off := range discounted(lines, discounts) {
		bySeat := slices.ContainsFunc(discounts, func(d Discount) bool { return d.Code == off.Code && d.Terms.QuotaUnit == contracts.BySeat })
		for _, line := range off.Lines {
			var of, others []int
			for i, p := range all {
				if p.SeatType == line.SeatType {
					of = append(of, i)
				}
			}
			if bySeat {
				slices.SortStableFunc(of, func(a, b int) int { return cmp.Compare(all[b].Price.Amount, all[a].Price.Amount) })
				of, others = of[:line.Seats], of[line.Seats:]
				for _, i := range of {
					all[i].Codes = append(all[i].Codes, off.Code)
				}
			}
			// Another code may have left them less than this one takes off the line.
			takeOff(all, others, takeOff(all, of, line.Amount.Amount))
		}
	}
	return all
}

// takeOff takes an amount off some positions, as they cost by now, and gives what they
// do not cost.
func takeOff(all []contracts.ConfirmedSeat, at []int, amount int64) (left int64) {
	prices, sum := make([]int64, len(at)), int64(0)
	for n, i := range at {
		prices[n] = all[i].Price.Amount
		sum += prices[n]
	}
	for n, share := range shares(min(amount, sum), prices) {
		all[at[n]].Price.Amount -= share
	}
	return max(0, amount-sum)
}

// cancelSeats gives back some seats of a confirmed order, as long as the order itself
// could be: what they were confirmed at goes back, and the others stay as they are. The
// last ones end the order. Seats that were given back before change nothing.
func cancelSeats(env es.Env, s State, m contracts.CancelOrderSeats) ([]any, error) {
	switch s.Status {
	case Confirmed:
	case Cancelled:
		return nil, nil
	default:
		if err := s.refuseUnlessOpen(); err != nil {
			return nil, err
		}
		return nil, es.Refuse(refusal.OrderNotConfirmed, "the order is not confirmed; its items can be changed")
	}
	for _, i := range m.Positions {
		if i < 0 || i >= len(s.Positions) {
			return nil, es.Refuse(refusal.NoSuchPosition, "the order has positions 0 to %d", len(s.Positions)-1)
		}
	}
	gone := slices.DeleteFunc(slices.Clone(m.Positions), func(i int) bool { return s.Positions[i].Cancelled })
	slices.Sort(gone)
	gone = slices.Compact(gone)
	if len(gone) == 0 {
		return nil, nil
	}
	if err := s.refuseToGiveBack(env, m.ByOrganiser); err != nil {
		return nil, err
	}
	if len(gone) == s.Items.Total() {
		return []any{s.cancelled(m.OrderID, m.ByOrganiser)}, nil
	}
	s.Positions = slices.Clone(s.Positions)
	refund := contracts.Money{Currency: s.Total.Currency}
	for _, i := range gone {
		s.Positions[i].Cancelled = true
		refund.Amount += s.Positions[i].Price.Amount
	}
	back := contracts.OrderSeatsCancelled{
		OrderID: m.OrderID, Number: s.Cancellations + 1, Positions: gone, Keep: s.kept(), Refund: refund, ByOrganiser: m.ByOrganiser,
	}
	if !refund.IsZero() {
		back.PaymentID = s.PaymentID
	}
	return append([]any{back}, s.usesKept(m.OrderID, back.Keep)...), nil
}

// cancelled ends a confirmed order: what its seats were confirmed at goes back, of which
// that of the seats that were given back before already has.
func (s State) cancelled(orderID uuid.UUID, byOrganiser bool) contracts.OrderCancelled {
	e := contracts.OrderCancelled{OrderID: orderID, Refund: s.PaymentID != nil, PaymentID: s.PaymentID, ByOrganiser: byOrganiser}
	if !e.Refund || s.Cancellations == 0 {
		return e
	}
	rest := contracts.Money{Currency: s.Total.Currency}
	for _, p := range s.Positions {
		if !p.Cancelled {
			rest.Amount += p.Price.Amount
		}
	}
	if e.Amount, e.Refund = &rest, !rest.IsZero(); !e.Refund {
		e.Amount, e.PaymentID = nil, nil
	}
	return e
}

// kept are the seats that were not given back, in the order of the items.
func (s State) kept() (kept contracts.Seats) {
	for _, item := range s.Items {
		item.Quantity = 0
		for _, p := range s.Positions {
			if p.SeatType == item.SeatType && !p.Cancelled {
				item.Quantity++
			}
		}
		if item.Quantity > 0 {
			kept = append(kept, item)
		}
	}
	return kept
}

// usesKept gives back what the codes hold for seats that were given back: by seats one for
// each that the code is for, by orders when no seat in scope is left.
func (s State) usesKept(orderID uuid.UUID, kept contracts.Seats) (events []any) {
	for _, d := range s.Discounts {
		keep := min(d.Uses, d.Terms.Uses(kept))
		if d.Terms.QuotaUnit == contracts.BySeat {
			keep = 0
			for _, p := range s.Positions {
				if !p.Cancelled && slices.Contains(p.Codes, d.Code) {
					keep++
				}
			}
		}
		if keep < d.Uses {
			events = append(events, contracts.DiscountReduced{OrderID: orderID, Code: d.Code, Number: d.Number, Keep: keep})
		}
	}
	return events
}
