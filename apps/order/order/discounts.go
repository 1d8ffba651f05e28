package order

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/contracts/text"
	"github.com/plenary/plenary/engine/es"
)

// MaxPromoCodes is how many promo codes an order may have.
const MaxPromoCodes = 5

// Discount is a promo code of an order. The order asks for it under a number; the
// process redeems it and answers with that number. While the answer is awaited the
// code takes nothing off.
type Discount struct {
	Code      string `json:"code"`
	Number    int    `json:"number"`
	Requested bool   `json:"requested,omitempty"` // the answer is awaited
	// Terms and Uses are those of the answer.
	Terms contracts.PromoTerms `json:"terms,omitzero"`
	Uses  int                  `json:"uses,omitempty"`
}

// applyPromoCode asks for a code, under the next number.
func applyPromoCode(_ es.Env, s State, m contracts.ApplyPromoCode) ([]any, error) {
	if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	code, ok := text.PromoCode(m.Code)
	switch {
	case !ok:
		return nil, es.Refuse(refusal.PromoCodeUnknown, "the conference has no such promo code")
	case s.discount(code) >= 0:
		return nil, nil
	case len(s.Discounts) >= MaxPromoCodes:
		return nil, es.Refuse(refusal.TooManyPromoCodes, "an order takes %d promo codes", MaxPromoCodes)
	case slices.ContainsFunc(s.Discounts, func(d Discount) bool { return d.Terms.Exclusive }):
		return nil, refuseExclusive()
	}
	return []any{s.request(m.OrderID, code, 1, s.Items)}, nil
}

// removePromoCode does without a code.
func removePromoCode(_ es.Env, s State, m contracts.RemovePromoCode) ([]any, error) {
	if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	code, _ := text.PromoCode(m.Code)
	i := s.discount(code)
	if i < 0 {
		return nil, nil
	}
	removed, rest := s.Discounts[i], slices.Delete(slices.Clone(s.Discounts), i, i+1)
	priced := totals(m.OrderID, s.Version, s.Lines, rest)
	return []any{
		contracts.DiscountRemoved{OrderID: m.OrderID, Code: code, Number: removed.Number, Total: priced.Total},
		priced,
	}, nil
}

// applyDiscount takes what the code gives, as far as the order has seats for it.
// One that answers an earlier request, or comes when the order has ended, is
// refused, and the process gives the code back.
func applyDiscount(_ es.Env, s State, m contracts.ApplyDiscount) ([]any, error) {
	if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	i := s.discount(m.Code)
	switch {
	case i < 0 || s.Discounts[i].Number != m.Number:
		return nil, es.Refuse(refusal.DiscountSuperseded, "the order does not ask for the promo code under the number %d", m.Number)
	case !s.Discounts[i].Requested:
		return nil, nil
	}
	rejected := func(reason es.Code) ([]any, error) {
		return []any{contracts.OrderPromoCodeRejected{OrderID: m.OrderID, Code: m.Code, Number: m.Number, Reason: reason}}, nil
	}
	for _, other := range s.Discounts {
		if other.Code != m.Code && !other.Requested && (other.Terms.Exclusive || m.Terms.Exclusive) {
			return rejected(refusal.PromoCodeExclusive)
		}
	}
	uses := min(m.Uses, m.Terms.Uses(s.Items))
	if uses == 0 {
		return rejected(refusal.PromoCodeNotForSeats)
	}
	all := slices.Clone(s.Discounts)
	all[i] = Discount{Code: m.Code, Number: m.Number, Terms: m.Terms, Uses: uses}
	priced := totals(m.OrderID, s.Version, s.Lines, all)
	events := []any{contracts.DiscountApplied{
		OrderID: m.OrderID, Code: m.Code, Number: m.Number, Terms: m.Terms, Uses: uses, Total: priced.Total,
	}}
	if uses < m.Uses {
		events = append(events, contracts.DiscountReduced{OrderID: m.OrderID, Code: m.Code, Number: m.Number, Keep: uses})
	}
	return append(events, priced), nil
}

// rejectPromoCode tells the order why it does not get a code. It stays as it was.
func rejectPromoCode(_ es.Env, s State, m contracts.RejectPromoCode) ([]any, error) {
	i := s.discount(m.Code)
	if i < 0 || s.Discounts[i].Number != m.Number || !s.Discounts[i].Requested || !s.isOpen() {
		return nil, nil
	}
	return []any{contracts.OrderPromoCodeRejected{OrderID: m.OrderID, Code: m.Code, Number: m.Number, Reason: m.Reason}}, nil
}

func refuseExclusive() error {
	return es.Refuse(refusal.PromoCodeExclusive, "the promo code cannot be combined with another")
}

func (s State) discount(code string) int {
	return slices.IndexFunc(s.Discounts, func(d Discount) bool { return d.Code == code })
}

func (s State) isOpen() bool { return s.refuseUnlessOpen() == nil }

// request asks for a code, with the number that is the nth from now on.
func (s State) request(orderID uuid.UUID, code string, nth int, seats contracts.Seats) any {
	return contracts.OrderPromoCodeRequested{OrderID: orderID, Code: code, Number: s.Requests + nth, Seats: seats}
}

// requestAgain asks for all codes anew: the seats that they are for have changed.
func (s State) requestAgain(orderID uuid.UUID, seats contracts.Seats) (events []any) {
	for i, d := range s.Discounts {
		events = append(events, s.request(orderID, d.Code, i+1, seats))
	}
	return events
}

// reduced gives back what the codes hold for more seats than were granted: the
// events, and the discounts that stay.
func (s State) reduced(orderID uuid.UUID, granted contracts.Seats, lines []contracts.OrderLine) (events []any, stay []Discount) {
	var gone []Discount
	for _, d := range s.Discounts {
		keep := min(d.Uses, d.Terms.Uses(granted))
		switch {
		case d.Requested || keep == d.Uses:
		case keep == 0:
			gone = append(gone, d)
			continue
		default:
			events = append(events, contracts.DiscountReduced{OrderID: orderID, Code: d.Code, Number: d.Number, Keep: keep})
			d.Uses = keep
		}
		stay = append(stay, d)
	}
	price := total(lines, discounted(lines, stay))
	for _, d := range gone {
		events = append(events, contracts.DiscountRemoved{OrderID: orderID, Code: d.Code, Number: d.Number, Total: price})
	}
	return events, stay
}

// confirmed is what the order has of the codes' quotas when it is confirmed; anew
// says that they were given back meanwhile, so that each has a number of its own.
func (s State) confirmed(anew bool) (all []contracts.ConfirmedDiscount) {
	for _, d := range s.Discounts {
		if d.Requested {
			continue
		}
		c := contracts.ConfirmedDiscount{Code: d.Code, Number: d.Number, Uses: d.Uses}
		if anew {
			c.Number = s.Requests + len(all) + 1
		}
		all = append(all, c)
	}
	return all
}

// discounted is what each code takes off which line. Percentages are of the price
// without discounts, rounded half to even per line. No line costs less than
// nothing.
func discounted(lines []contracts.OrderLine, discounts []Discount) (all []contracts.OrderDiscount) {
	rest := make([]int64, len(lines)) // what each line costs by now
	for i, line := range lines {
		rest[i] = line.Total.Amount
	}
	for _, d := range discounts {
		if d.Requested {
			continue
		}
		seats := d.seats(lines)
		off := d.off(lines, seats, rest)
		of := contracts.OrderDiscount{Code: d.Code, Percent: d.Terms.Percent, Lines: []contracts.DiscountLine{}, Total: lines[0].UnitPrice}
		of.Total.Amount = 0
		for i, line := range lines {
			if seats[i] == 0 {
				continue
			}
			amount := line.UnitPrice
			amount.Amount = min(off[i], rest[i])
			rest[i] -= amount.Amount
			of.Total.Amount += amount.Amount
			of.Lines = append(of.Lines, contracts.DiscountLine{SeatType: line.SeatType, Seats: seats[i], Amount: amount})
		}
		all = append(all, of)
	}
	return all
}

// seats are the seats of each line that the code is for: by orders all in scope; by
// seats as many as the order has of its quota, the dearest first.
func (d Discount) seats(lines []contracts.OrderLine) []int {
	seats := make([]int, len(lines))
	var inScope []int
	for i, line := range lines {
		if d.Terms.Covers(line.SeatType) {
			inScope = append(inScope, i)
		}
	}
	slices.SortStableFunc(inScope, func(a, b int) int { return cmp.Compare(lines[b].UnitPrice.Amount, lines[a].UnitPrice.Amount) })
	left := d.Uses
	for _, i := range inScope {
		seats[i] = quantity(lines[i])
		if d.Terms.QuotaUnit == contracts.BySeat {
			seats[i] = min(seats[i], left)
			left -= seats[i]
		}
	}
	return seats
}

// off is what the code takes off each line, if the line costs so much. An amount
// off the order is shared by the lines as they cost by now.
func (d Discount) off(lines []contracts.OrderLine, seats []int, rest []int64) []int64 {
	off := make([]int64, len(lines))
	switch {
	case d.Terms.Percent > 0:
		for i, line := range lines {
			off[i] = halfToEven(line.UnitPrice.Amount*int64(seats[i])*int64(d.Terms.Percent), 100)
		}
	case d.Terms.QuotaUnit == contracts.BySeat:
		for i := range lines {
			off[i] = min(d.Terms.Amount, lines[i].UnitPrice.Amount) * int64(seats[i])
		}
	default:
		var all int64
		of := make([]int64, len(lines))
		for i := range lines {
			if seats[i] > 0 {
				of[i] = rest[i]
				all += rest[i]
			}
		}
		return shares(min(d.Terms.Amount, all), of)
	}
	return off
}

// shares divides an amount by what each of several costs, which is the amount or more in
// all: the shares add up to it, and none is more than what it is of.
func shares(amount int64, costs []int64) []int64 {
	all := make([]int64, len(costs))
	var sum int64
	for _, cost := range costs {
		sum += cost
	}
	if sum == 0 {
		return all
	}
	// The shares up to each one, so that all of them add up.
	var until, shared int64
	for i, cost := range costs {
		until += cost
		share := new(big.Int).Mul(big.NewInt(amount), big.NewInt(until))
		all[i] = share.Div(share, big.NewInt(sum)).Int64() - shared
		shared += all[i]
	}
	return all
}

// quantity is the number of seats that a line costs: those granted or, before the
// seats answered and in line, those requested.
func quantity(line contracts.OrderLine) int {
	if line.State == contracts.LineRequested || line.State == contracts.LineWaiting {
		return line.Requested
	}
	return line.Granted
}

// halfToEven is n/d, rounded; a half goes to the even neighbour. Neither is below 0.
func halfToEven(n, d int64) int64 {
	q, r := n/d, n%d
	if 2*r > d || 2*r == d && q%2 == 1 {
		q++
	}
	return q
}
