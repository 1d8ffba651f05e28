package order_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

func apply(code string) contracts.ApplyPromoCode {
	return contracts.ApplyPromoCode{OrderID: orderID, Code: code}
}

func requestedCode(code string, number int, seats ...contracts.SeatQuantity) contracts.OrderPromoCodeRequested {
	return contracts.OrderPromoCodeRequested{OrderID: orderID, Code: code, Number: number, Seats: seats}
}

func give(code string, number, uses int, t contracts.PromoTerms) contracts.ApplyDiscount {
	return contracts.ApplyDiscount{OrderID: orderID, Code: code, Number: number, Terms: t, Uses: uses}
}

func given(code string, number, uses int, cents int64, t contracts.PromoTerms) contracts.DiscountApplied {
	return contracts.DiscountApplied{OrderID: orderID, Code: code, Number: number, Terms: t, Uses: uses, Total: usd(cents)}
}

func without(code string, number int, cents int64) contracts.DiscountRemoved {
	return contracts.DiscountRemoved{OrderID: orderID, Code: code, Number: number, Total: usd(cents)}
}

func notGiven(code string, number int, reason es.Code) contracts.OrderPromoCodeRejected {
	return contracts.OrderPromoCodeRejected{OrderID: orderID, Code: code, Number: number, Reason: reason}
}

func percent(n int, scope ...uuid.UUID) contracts.PromoTerms {
	return contracts.PromoTerms{Percent: n, Scope: scope, QuotaUnit: contracts.ByOrder}
}

func amount(cents int64, scope ...uuid.UUID) contracts.PromoTerms {
	return contracts.PromoTerms{Amount: cents, Scope: scope, QuotaUnit: contracts.ByOrder}
}

func bySeat(t contracts.PromoTerms) contracts.PromoTerms {
	t.QuotaUnit = contracts.BySeat
	return t
}

func exclusive(t contracts.PromoTerms) contracts.PromoTerms {
	t.Exclusive = true
	return t
}

// costs is a total with these discounts, in cents.
func costs(cents int64, discounts ...int64) any {
	return estest.Where("the total", func(e contracts.OrderTotalsCalculated) bool {
		if len(e.Discounts) != len(discounts) {
			return false
		}
		for i, d := range e.Discounts {
			sum := int64(0)
			for _, l := range d.Lines {
				sum += l.Amount.Amount
			}
			if d.Total != usd(discounts[i]) || sum != discounts[i] {
				return false
			}
		}
		return e.Total == usd(cents) && e.IsFreeOfCharge == (cents == 0)
	})
}

// held is an order of 2 General admissions ($199) and a workshop ($500), reserved.
var held = after(
	placed(of(general, 2), of(workshop, 1)), totals(1, 898_00, requestedLine(general, 2), requestedLine(workshop, 1)), registrant(ada),
	reserved(1, of(general, 2), of(workshop, 1)),
	totals(1, 898_00, grantedLine(general, 2, 2, contracts.LineReserved), grantedLine(workshop, 1, 1, contracts.LineReserved)),
)

func TestAPromoCodeIsAskedForAndRemoved(t *testing.T) {
	items := []contracts.SeatQuantity{of(general, 2), of(workshop, 1)}
	half := after(held, requestedCode("HALF", 1, items...), given("HALF", 1, 1, 449_00, percent(50)))
	many := held
	for i, code := range []string{"ONE", "TWO", "THREE", "FOUR", "FIVE"} {
		many = after(many, requestedCode(code, i+1, items...))
	}
	estest.Run(t, orders,
		estest.Scenario{Name: "asked for", Given: held, When: apply(" half"), Then: []any{requestedCode("HALF", 1, items...)}},
		estest.Scenario{Name: "asked for twice", Given: half, When: apply("half")},
		estest.Scenario{Name: "another one has the next number", Given: half, When: apply("more"), Then: []any{requestedCode("MORE", 2, items...)}},
		estest.Scenario{Name: "one that can be none", Given: held, When: apply("?"), Refused: refusal.PromoCodeUnknown},
		estest.Scenario{Name: "too many", Given: many, When: apply("six"), Refused: refusal.TooManyPromoCodes},
		estest.Scenario{Name: "beside an exclusive one", Given: after(held, requestedCode("HALF", 1, items...), given("HALF", 1, 1, 449_00, exclusive(percent(50)))), When: apply("more"), Refused: refusal.PromoCodeExclusive},
		estest.Scenario{Name: "of an order that is confirmed", Given: after(held, confirmedBy(payment, 898_00, items...)), When: apply("half"), Refused: refusal.OrderConfirmed},
		estest.Scenario{Name: "of an order that has expired", Given: after(held, expired()), When: apply("half"), Refused: refusal.OrderExpired},
		estest.Scenario{Name: "of an order that is not there", When: apply("half"), Refused: refusal.OrderNotFound},
		estest.Scenario{Name: "removed", Given: half, When: contracts.RemovePromoCode{OrderID: orderID, Code: "half"}, Then: []any{without("HALF", 1, 898_00), costs(898_00)}},
		estest.Scenario{Name: "removed while it is asked for", Given: after(held, requestedCode("HALF", 1, items...)), When: contracts.RemovePromoCode{OrderID: orderID, Code: "half"}, Then: []any{without("HALF", 1, 898_00), costs(898_00)}},
		estest.Scenario{Name: "removed when it is not there", Given: held, When: contracts.RemovePromoCode{OrderID: orderID, Code: "half"}},
		estest.Scenario{Name: "asked for again after it was removed", Given: after(half, without("HALF", 1, 898_00)), When: apply("half"), Then: []any{requestedCode("HALF", 2, items...)}},
		estest.Scenario{Name: "changed items ask for all again", Given: half, Others: sale(), When: change(of(general, 1)),
			Then: []any{updated(2, of(general, 1)), requestedCode("HALF", 2, of(general, 1)), costs(199_00)}},
		estest.Scenario{Name: "refused with the reason, and the order is as it was", Given: after(held, requestedCode("HALF", 1, items...)),
			When: contracts.RejectPromoCode{OrderID: orderID, Code: "HALF", Number: 1, Reason: refusal.PromoCodeUsedUp}, Then: []any{notGiven("HALF", 1, refusal.PromoCodeUsedUp)}},
		estest.Scenario{Name: "a refusal of an earlier request", Given: after(held, requestedCode("HALF", 2, items...)),
			When: contracts.RejectPromoCode{OrderID: orderID, Code: "HALF", Number: 1, Reason: refusal.PromoCodeUsedUp}},
	)
}

func TestADiscountIsApplied(t *testing.T) {
	items := []contracts.SeatQuantity{of(general, 2), of(workshop, 1)}
	asked := after(held, requestedCode("HALF", 1, items...))
	other := after(held, requestedCode("FIVE", 1, items...), given("FIVE", 1, 1, 893_00, amount(5_00)), requestedCode("HALF", 2, items...))
	for _, c := range []struct {
		what  string
		terms contracts.PromoTerms
		uses  int
		off   int64
	}{
		{"half of all", percent(50), 1, 449_00},
		{"all of it", percent(100), 1, 898_00},
		{"of the workshop alone", percent(10, workshop), 1, 50_00},
		{"rounded half to even per line", percent(33), 1, 131_34 + 165_00},
		{"an amount off the order", amount(10_00), 1, 10_00},
		{"never more than the order costs", amount(2000_00), 1, 898_00},
		{"never more than the lines in scope", amount(600_00, workshop), 1, 500_00},
		{"one seat of three, the dearest", bySeat(percent(100)), 1, 500_00},
		{"an amount above the price of a seat, for that seat alone", bySeat(amount(300_00, general)), 1, 199_00},
		{"two seats of three", bySeat(percent(100)), 2, 699_00},
		{"an amount off each seat", bySeat(amount(10_00)), 3, 30_00},
	} {
		estest.Run(t, orders, estest.Scenario{Name: c.what, Given: asked, When: give("HALF", 1, c.uses, c.terms),
			Then: []any{given("HALF", 1, c.uses, 898_00-c.off, c.terms), costs(898_00-c.off, c.off)}})
	}
	estest.Run(t, orders,
		estest.Scenario{Name: "both, of the price without discounts", Given: other, When: give("HALF", 2, 1, percent(50)),
			Then: []any{given("HALF", 2, 1, 444_00, percent(50)), costs(444_00, 5_00, 449_00)}},
		estest.Scenario{Name: "both, never below nothing", Given: other, When: give("HALF", 2, 1, percent(100)),
			Then: []any{given("HALF", 2, 1, 0, percent(100)), costs(0, 5_00, 893_00)}},
		estest.Scenario{Name: "an exclusive one beside another", Given: other, When: give("HALF", 2, 1, exclusive(percent(50))), Then: []any{notGiven("HALF", 2, refusal.PromoCodeExclusive)}},
		estest.Scenario{Name: "more than there are seats", Given: asked, When: give("HALF", 1, 7, bySeat(percent(100))),
			Then: []any{given("HALF", 1, 3, 0, bySeat(percent(100))), contracts.DiscountReduced{OrderID: orderID, Code: "HALF", Number: 1, Keep: 3}, costs(0, 898_00)}},
		estest.Scenario{Name: "twice", Given: after(asked, given("HALF", 1, 1, 449_00, percent(50))), When: give("HALF", 1, 1, percent(50))},
		estest.Scenario{Name: "of an earlier request", Given: after(held, requestedCode("HALF", 2, items...)), When: give("HALF", 1, 1, percent(50)), Refused: refusal.DiscountSuperseded},
		estest.Scenario{Name: "of a request that was taken back", Given: after(asked, without("HALF", 1, 898_00)), When: give("HALF", 1, 1, percent(50)), Refused: refusal.DiscountSuperseded},
		estest.Scenario{Name: "too late", Given: after(asked, expired()), When: give("HALF", 1, 1, percent(50)), Refused: refusal.OrderExpired},
		estest.Scenario{Name: "of an order that was confirmed without it", Given: after(asked, confirmedBy(payment, 898_00, items...)), When: give("HALF", 1, 1, percent(50)), Refused: refusal.OrderConfirmed},
	)
}

func TestAPartialGrantGivesBackWhatADiscountDoesNotUse(t *testing.T) {
	terms := bySeat(percent(100, general))
	base := after(placed(of(general, 3), of(workshop, 1)), totals(1, 1097_00, requestedLine(general, 3), requestedLine(workshop, 1)),
		requestedCode("FREE", 1, of(general, 3), of(workshop, 1)), given("FREE", 1, 3, 500_00, terms))
	estest.Run(t, orders,
		estest.Scenario{Name: "some", Given: base, When: mark(1, of(general, 1), of(workshop, 1)),
			Then: []any{partially(1, of(general, 1), of(workshop, 1)), contracts.DiscountReduced{OrderID: orderID, Code: "FREE", Number: 1, Keep: 1}, costs(500_00, 199_00)}},
		estest.Scenario{Name: "all", Given: base, When: mark(1, of(workshop, 1)),
			Then: []any{partially(1, of(workshop, 1)), without("FREE", 1, 500_00), costs(500_00)}},
		estest.Scenario{Name: "nothing", Given: base, When: mark(1, of(general, 3), of(workshop, 1)),
			Then: []any{reserved(1, of(general, 3), of(workshop, 1)), costs(500_00, 597_00)}},
	)
}

func TestDiscountsOfConfirmedOrders(t *testing.T) {
	items := []contracts.SeatQuantity{of(general, 2), of(workshop, 1)}
	lines := []contracts.OrderLine{grantedLine(general, 2, 2, contracts.LineReserved), grantedLine(workshop, 1, 1, contracts.LineReserved)}
	with := func(code string, number int, cents int64, terms contracts.PromoTerms) []any {
		all := after(held, requestedCode(code, number, items...), given(code, number, 1, cents, terms))
		e := totals(1, cents, lines...)
		e.Discounts = []contracts.OrderDiscount{{Code: code, Total: usd(898_00 - cents)}}
		return after(all, e)
	}
	half, free := with("HALF", 1, 449_00, percent(50)), with("FREE", 1, 0, percent(100))
	paid, nothing := confirmedBy(payment, 449_00, items...), confirmedFree(items...)
	paid.Positions, nothing.Positions = at(paid.Positions, 99_50, 99_50, 250_00), at(nothing.Positions, 0, 0, 0)
	paid.Discounts = []contracts.ConfirmedDiscount{{Code: "HALF", Number: 1, Uses: 1}}
	nothing.Discounts = []contracts.ConfirmedDiscount{{Code: "FREE", Number: 1, Uses: 1}}
	again := paid
	again.Discounts = []contracts.ConfirmedDiscount{{Code: "HALF", Number: 3, Uses: 1}}
	estest.Run(t, orders,
		estest.Scenario{Name: "paid with what is left", Given: half, When: confirmPaid(payment, 449_00), Then: []any{paid}},
		estest.Scenario{Name: "not with the price without discounts", Given: half, When: confirmPaid(payment, 898_00), Refused: refusal.AmountDiffers},
		estest.Scenario{Name: "free of charge, without a payment", Given: free, When: confirmFree(), Then: []any{nothing}},
		estest.Scenario{Name: "not while a payment is due", Given: half, When: confirmFree(), Refused: refusal.PaymentRequired},
		estest.Scenario{Name: "one that is asked for counts for nothing", Given: after(half, requestedCode("MORE", 2, items...)), When: confirmPaid(payment, 449_00), Then: []any{paid}},
		estest.Scenario{Name: "reinstated with its discounts, under new numbers", Given: after(half, requestedCode("MORE", 2, items...), expired()),
			When: reinstate(1, 449_00, items...), Then: []any{reinstated(items...), again}},
		estest.Scenario{Name: "not reinstated at another price", Given: after(half, expired()), When: reinstate(1, 898_00, items...), Refused: refusal.AmountDiffers},
		estest.Scenario{Name: "cancelled with what was paid", Given: after(half, paid), Others: sale(), When: cancel(), Then: []any{cancelledWithRefund(payment)}},
	)
}

// An amount off the order is shared by its lines to the last cent.
func TestAnAmountIsSharedByTheLines(t *testing.T) {
	s := estest.Fold(orders, after(held, requestedCode("TEN", 1, of(general, 2), of(workshop, 1)))...)
	events, err := orders.Decide(es.Env{Now: estest.Noon}, s, give("TEN", 1, 1, amount(10_00)))
	if err != nil {
		t.Fatal(err)
	}
	lines := events[1].(contracts.OrderTotalsCalculated).Discounts[0].Lines
	if len(lines) != 2 || lines[0].Amount != usd(4_43) || lines[1].Amount != usd(5_57) {
		t.Errorf("of $10, 398/898 and 500/898 are %v", lines)
	}
	if order.MaxPromoCodes != 5 {
		t.Error("the test above asks for a sixth")
	}
}
