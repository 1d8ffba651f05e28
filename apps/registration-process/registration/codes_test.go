package registration_test

import (
	"testing"
	"time"

	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es/estest"
)

const half = "HALF"

var halfTerms = contracts.PromoTerms{Percent: 50, QuotaUnit: contracts.BySeat}

func codeRequested(number int, seats contracts.Seats) contracts.OrderPromoCodeRequested {
	return contracts.OrderPromoCodeRequested{OrderID: order, Code: half, Number: number, Seats: seats}
}

func codeRedeemed(number, uses int) contracts.PromoCodeRedeemed {
	return contracts.PromoCodeRedeemed{ConferenceID: conference, Code: half, OrderID: order, Number: number, Terms: halfTerms, Uses: uses}
}

func discountApplied(number int, cents int64) contracts.DiscountApplied {
	return contracts.DiscountApplied{OrderID: order, Code: half, Number: number, Total: contracts.Money{Amount: cents, Currency: "USD"}}
}

func discountRemoved(number int, cents int64) contracts.DiscountRemoved {
	return contracts.DiscountRemoved{OrderID: order, Code: half, Number: number, Total: contracts.Money{Amount: cents, Currency: "USD"}}
}

func redeem(number int, seats contracts.Seats, notAfter time.Time) contracts.RedeemPromoCode {
	return contracts.RedeemPromoCode{ConferenceID: conference, OrderID: order, Code: half, Number: number, NotAfter: notAfter, Seats: seats}
}

func giveBack(number, keep int, notAfter time.Time) contracts.ReleasePromoCode {
	return contracts.ReleasePromoCode{ConferenceID: conference, OrderID: order, Code: half, Number: number, NotAfter: notAfter, Keep: keep}
}

func discount(number, uses int) contracts.ApplyDiscount {
	return contracts.ApplyDiscount{OrderID: order, Code: half, Number: number, Terms: halfTerms, Uses: uses}
}

func withDiscount(e contracts.OrderConfirmed, number, uses int) contracts.OrderConfirmed {
	e.Discounts = []contracts.ConfirmedDiscount{{Code: half, Number: number, Uses: uses}}
	return e
}

func codeReduced(number, keep int) contracts.DiscountReduced {
	return contracts.DiscountReduced{OrderID: order, Code: half, Number: number, Keep: keep}
}

func TestPromoCodesAreRedeemedAndGivenBack(t *testing.T) {
	asking := after(awaitingPayment, codeRequested(1, two))
	has := after(asking, codeRedeemed(1, 2))
	noSeats := contracts.RedeemPromoCode{ConferenceID: conference, OrderID: order, Code: half, Number: 2, NotAfter: grace.Add(20 * time.Minute), AboveQuota: 2}
	againConfirmed := withDiscount(confirmed(p1), 2, 2)
	late := after(has, estest.At(deadline, wakeUp), expired, estest.At(grace, completed(p1)), estest.At(grace, estest.Answer[contracts.ConfirmOrder](refusal.OrderExpired)), reserved(2, two))

	estest.RunProcess(t, registration.Process(cfg),
		estest.ProcessScenario{Name: "asked for", Given: awaitingPayment, When: codeRequested(1, two), Sends: []any{redeem(1, two, grace)}},
		estest.ProcessScenario{Name: "asked for while the seats are", Given: awaitingReservation, When: codeRequested(1, two), Sends: []any{redeem(1, two, grace)}},
		estest.ProcessScenario{Name: "asked for again with other items", Given: has, When: codeRequested(2, three), Sends: []any{redeem(2, three, grace)}},
		estest.ProcessScenario{Name: "an older request", Given: after(awaitingPayment, codeRequested(2, two)), When: codeRequested(1, two)},
		estest.ProcessScenario{Name: "asked for of an order that has ended", Given: hasExpired, When: codeRequested(1, two)},
		estest.ProcessScenario{Name: "asked for before OrderPlaced came", Given: []any{codeRequested(1, two)}, When: placed,
			Sends: []any{request(1, two), redeem(1, two, grace)}, Wake: wakeAtEnd},

		estest.ProcessScenario{Name: "redeemed: the order is told", Given: asking, When: codeRedeemed(1, 2), Sends: []any{discount(1, 2)}},
		estest.ProcessScenario{Name: "redeemed, and told twice", Given: after(asking, codeRedeemed(1, 2)), When: codeRedeemed(1, 2)},
		estest.ProcessScenario{Name: "redeemed under a number that is not waited for any more", Given: after(asking, codeRequested(2, three)), When: codeRedeemed(1, 2)},
		estest.ProcessScenario{Name: "redeemed when the order had ended", Given: after(asking, estest.At(deadline, wakeUp), expired), When: codeRedeemed(1, 2), Sends: []any{giveBack(1, 0, grace)}},
		estest.ProcessScenario{Name: "refused: the order is told why, and what it held before is given back", Given: asking, When: estest.Answer[contracts.RedeemPromoCode](refusal.PromoCodeUsedUp),
			Sends: []any{contracts.RejectPromoCode{OrderID: order, Code: half, Number: 1, Reason: refusal.PromoCodeUsedUp}, giveBack(1, 0, grace)}},
		estest.ProcessScenario{Name: "redeemed after it was refused, by a replica whose clock is behind", Given: after(asking, estest.Answer[contracts.RedeemPromoCode](refusal.RequestTooLate)), When: codeRedeemed(1, 2),
			Sends: []any{giveBack(1, 0, grace)}},
		estest.ProcessScenario{Name: "the order refuses the discount", Given: has, When: estest.Answer[contracts.ApplyDiscount](refusal.OrderConfirmed), Sends: []any{giveBack(1, 0, grace)}},
		estest.ProcessScenario{Name: "the order cannot combine it", Given: has, When: contracts.OrderPromoCodeRejected{OrderID: order, Code: half, Number: 1}, Sends: []any{giveBack(1, 0, grace)}},
		estest.ProcessScenario{Name: "the order has fewer seats", Given: has, When: contracts.DiscountReduced{OrderID: order, Code: half, Number: 1, Keep: 1}, Sends: []any{giveBack(1, 1, grace)}},
		estest.ProcessScenario{Name: "the order does without it", Given: has, When: discountRemoved(1, 39800), Sends: []any{giveBack(1, 0, grace)}},
		estest.ProcessScenario{Name: "removed before its request came", Given: after(awaitingPayment, discountRemoved(1, 39800)), When: codeRequested(1, two)},
		estest.ProcessScenario{Name: "removed before it was asked for again", Given: after(has, codeRequested(2, two)), When: discountRemoved(1, 39800)},

		estest.ProcessScenario{Name: "expired", Given: after(has, estest.At(deadline, wakeUp)), When: expired, Sends: []any{release(1, grace), giveBack(1, 0, grace)}, Wake: noWake},
		estest.ProcessScenario{Name: "cancelled", Given: has, When: cancelled, Sends: []any{release(1, grace), giveBack(1, 0, grace)}, Wake: noWake},
		estest.ProcessScenario{Name: "cancelled after it was confirmed", Given: after(has, withDiscount(confirmedFree, 1, 2)), When: cancelled, Sends: []any{release(1, grace), giveBack(1, 0, grace)}, Wake: noWake},
		estest.ProcessScenario{Name: "confirmed with it", Given: has, When: withDiscount(confirmedFree, 1, 2), Sends: []any{commit(1)}, Wake: noWake},
		estest.ProcessScenario{Name: "confirmed without it", Given: asking, When: confirmedFree, Sends: []any{commit(1), giveBack(1, 0, grace)}, Wake: noWake},
		estest.ProcessScenario{Name: "reinstated: redeemed again, above the quota", Given: late, At: grace, When: againConfirmed, Sends: []any{commit(2), noSeats}, Wake: noWake},
		estest.ProcessScenario{Name: "reinstated and redeemed again", Given: after(late, estest.At(grace, againConfirmed)), When: codeRedeemed(2, 2)},

		estest.ProcessScenario{Name: "fewer seats of a confirmed order", Given: after(has, withDiscount(confirmedFree, 1, 2)), When: codeReduced(1, 1), Sends: []any{giveBack(1, 1, grace)}},
		estest.ProcessScenario{Name: "no seat that it is for", Given: after(has, withDiscount(confirmedFree, 1, 2)), When: codeReduced(1, 0), Sends: []any{giveBack(1, 0, grace)}},
		estest.ProcessScenario{Name: "given back once, also when the order is then cancelled", Given: after(has, withDiscount(confirmedFree, 1, 2), codeReduced(1, 0)), When: cancelled, Sends: []any{release(1, grace)}, Wake: noWake},
		estest.ProcessScenario{Name: "fewer seats before OrderConfirmed came", Given: has, When: codeReduced(1, 1), Sends: []any{giveBack(1, 1, grace)}},
		estest.ProcessScenario{Name: "fewer seats of an order that ended", Given: after(has, withDiscount(confirmedFree, 1, 2), cancelled), When: codeReduced(1, 1)},
		estest.ProcessScenario{Name: "fewer seats of a reinstated order, before it is known that the code is held", Given: after(late, estest.At(grace, againConfirmed)), When: codeReduced(2, 1)},
		estest.ProcessScenario{Name: "when it is known, it is given back but for what is kept", Given: after(late, estest.At(grace, againConfirmed), codeReduced(2, 1)), When: codeRedeemed(2, 2),
			Sends: []any{giveBack(2, 1, grace.Add(20*time.Minute))}},
		estest.ProcessScenario{Name: "fewer seats, and fewer still, in any order", Given: after(late, estest.At(grace, againConfirmed), codeReduced(2, 0), codeReduced(2, 1)), When: codeRedeemed(2, 2),
			Sends: []any{giveBack(2, 0, grace.Add(20*time.Minute))}},
		estest.ProcessScenario{Name: "fewer seats of a reinstated order, before it is known that it was", Given: after(late, codeReduced(2, 1)), At: grace, When: againConfirmed, Sends: []any{commit(2), noSeats}, Wake: noWake},
		estest.ProcessScenario{Name: "when that is known too", Given: after(late, codeReduced(2, 1), estest.At(grace, againConfirmed)), When: codeRedeemed(2, 2),
			Sends: []any{giveBack(2, 1, grace.Add(20*time.Minute))}},
		estest.ProcessScenario{Name: "fewer seats of a reinstated order, once the code is held", Given: after(late, estest.At(grace, againConfirmed), codeRedeemed(2, 2)), When: codeReduced(2, 1),
			Sends: []any{giveBack(2, 1, grace.Add(20*time.Minute))}},

		estest.ProcessScenario{Name: "a payment of the price before is cancelled", Given: after(has, initiated(p1), initiated(p2)), When: discountApplied(1, 19900),
			Sends: []any{cancelPayment(p1, contracts.PriceChanged), cancelPayment(p2, contracts.PriceChanged)}},
		estest.ProcessScenario{Name: "a payment of the price now is not", Given: after(has, initiated(p1)), When: discountApplied(1, 39800)},
	)
}
