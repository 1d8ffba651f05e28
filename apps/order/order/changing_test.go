package order_test

import (
	"testing"
	"time"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es/estest"
)

func TestTheItemsOfAnOrderAreChanged(t *testing.T) {
	history := after(placed(of(general, 2)), totals(1, 398_00, requestedLine(general, 2)))
	partial := after(history, partially(1, of(general, 1)), totals(1, 199_00, grantedLine(general, 2, 1, contracts.LinePartial)))
	full := after(history, reserved(1, of(general, 2)), totals(1, 398_00, grantedLine(general, 2, 2, contracts.LineReserved)))
	dearer := func(c *contracts.SetCatalogue) { c.SeatTypes[0].Price = usd(299_00) }
	dearerLine := requestedLine(general, 1)
	dearerLine.UnitPrice, dearerLine.Total = usd(299_00), usd(299_00)

	estest.Run(t, orders,
		estest.Scenario{
			Name: "before the seats answered: the next version is asked for", Others: sale(),
			Given: history,
			When:  change(of(workshop, 1)),
			Then:  []any{updated(2, of(workshop, 1)), totals(2, 500_00, requestedLine(workshop, 1))},
			Sends: []any{},
		},
		estest.Scenario{
			Name: "every change is a version of its own", Others: sale(),
			Given: []any{register(of(general, 2)), change(of(general, 1)), change(of(general, 3))},
			When:  change(of(general, 4)),
			Then:  []any{updated(4, of(general, 4)), totals(4, 796_00, requestedLine(general, 4))},
		},
		estest.Scenario{
			Name: "a partly reserved order asks again", Others: sale(),
			Given: partial,
			When:  change(of(general, 2)),
			Then:  []any{updated(2, of(general, 2)), totals(2, 398_00, requestedLine(general, 2))},
		},
		estest.Scenario{
			Name: "a reserved order asks again", Others: sale(),
			Given: full,
			When:  change(of(general, 1), of(cocktail, 1)),
			Then: []any{
				updated(2, of(general, 1), of(cocktail, 1)),
				totals(2, 249_00, requestedLine(general, 1), requestedLine(cocktail, 1)),
			},
		},
		estest.Scenario{
			Name: "to the same items: asked for again", Others: sale(),
			Given: full,
			When:  change(of(general, 2)),
			Then:  []any{updated(2, of(general, 2)), totals(2, 398_00, requestedLine(general, 2))},
		},
		estest.Scenario{
			Name: "at the prices of the day of the change", Others: sale(dearer),
			Given: history,
			When:  change(of(general, 1)),
			Then:  []any{updated(2, of(general, 1)), totals(2, 299_00, dearerLine)},
		},
		estest.Scenario{
			Name: "after the conference was unpublished: orders already placed go on",
			Others: sale(func(c *contracts.SetCatalogue) {
				c.Published = false
			}),
			Given: history,
			When:  change(of(general, 1)),
			Then:  []any{updated(2, of(general, 1)), totals(2, 199_00, requestedLine(general, 1))},
		},
		estest.Scenario{
			Name: "to several of a type named twice, and none of another", Others: sale(),
			Given: history,
			When:  change(of(general, 1), of(workshop, 0), of(general, 2)),
			Then:  []any{updated(2, of(general, 3)), totals(2, 597_00, requestedLine(general, 3))},
		},
		estest.Scenario{
			Name: "to nothing is refused", Others: sale(),
			Given:   history,
			When:    change(of(general, 0)),
			Refused: refusal.ItemsRequired,
		},
		estest.Scenario{
			Name: "to a negative quantity is refused", Others: sale(),
			Given:   history,
			When:    change(of(general, -1)),
			Refused: refusal.QuantityOutOfRange,
		},
		estest.Scenario{
			Name: "to more than are allowed is refused", Others: sale(),
			Given:   history,
			When:    change(of(general, 21)),
			Refused: refusal.QuantityOutOfRange,
		},
		estest.Scenario{
			Name: "to an unknown seat type is refused", Others: sale(),
			Given:   history,
			When:    change(of(unknown, 1)),
			Refused: refusal.UnknownSeatType,
		},
		estest.Scenario{
			Name:    "while the catalogue cannot be read is refused, to be tried again",
			Given:   history,
			When:    change(of(general, 1)),
			Refused: refusal.ConferenceNotReady,
		},
	)
}

func TestNothingMovesTheHoldDeadline(t *testing.T) {
	later := estest.Noon.Add(10 * time.Minute)
	deadlineOfPlacing := estest.Where("the deadline set at placing", func(e contracts.OrderReservationCompleted) bool {
		return e.Deadline.Equal(estest.Noon.Add(hold))
	})
	partialDeadlineOfPlacing := estest.Where("the deadline set at placing", func(e contracts.OrderPartiallyReserved) bool {
		return e.Deadline.Equal(estest.Noon.Add(hold))
	})

	estest.Run(t, orders,
		estest.Scenario{
			Name: "not a reservation that comes late", Others: sale(),
			Given: []any{estest.At(estest.Noon, register(of(general, 2)))},
			When:  mark(1, of(general, 2)), At: later,
			Then: []any{deadlineOfPlacing, estest.Any[contracts.OrderTotalsCalculated]()},
		},
		estest.Scenario{
			Name: "not a change", Others: sale(),
			Given: []any{estest.At(estest.Noon, register(of(general, 2))), estest.At(later, change(of(workshop, 2)))},
			When:  mark(2, of(workshop, 1)), At: later,
			Then: []any{partialDeadlineOfPlacing, estest.Any[contracts.OrderTotalsCalculated]()},
		},
	)
}

func TestLaterPriceChangesLeaveTheOrderAlone(t *testing.T) {
	free := func(c *contracts.SetCatalogue) {
		for i := range c.SeatTypes {
			c.SeatTypes[i].Price = usd(0)
		}
	}
	history := after(placed(of(general, 2)), totals(1, 398_00, requestedLine(general, 2)))
	reservedHistory := after(history, registrant(ada), reserved(1, of(general, 2)),
		totals(1, 398_00, grantedLine(general, 2, 2, contracts.LineReserved)))

	estest.Run(t, orders,
		estest.Scenario{
			Name: "when its seats are reserved", Others: sale(free),
			Given: history,
			When:  mark(1, of(general, 1)),
			Then:  []any{partially(1, of(general, 1)), totals(1, 199_00, grantedLine(general, 2, 1, contracts.LinePartial))},
		},
		estest.Scenario{
			Name: "when it is to be confirmed without a payment", Others: sale(free),
			Given:   reservedHistory,
			When:    confirmFree(),
			Refused: refusal.PaymentRequired,
		},
		estest.Scenario{
			Name: "when it is paid", Others: sale(free),
			Given: reservedHistory,
			When:  confirmPaid(payment, 398_00),
			Then:  []any{confirmedBy(payment, 398_00, of(general, 2))},
		},
		estest.Scenario{
			Name: "when it is reinstated", Others: sale(free),
			Given: after(reservedHistory, expired()),
			When:  reinstate(1, 398_00, of(general, 2)),
			Then:  []any{reinstated(of(general, 2)), confirmedBy(payment, 398_00, of(general, 2))},
		},
	)
}

func TestTheRegistrantIsAssigned(t *testing.T) {
	history := after(placed(of(general, 2)), totals(1, 398_00, requestedLine(general, 2)))
	marriedAda := ada
	marriedAda.LastName = "Lovelace"

	estest.Run(t, orders,
		estest.Scenario{
			Name:  "at any time before the order ends",
			Given: history,
			When:  assignRegistrant(ada),
			Then:  []any{registrant(ada)},
		},
		estest.Scenario{
			Name:  "twice the same: nothing the second time",
			Given: after(history, registrant(ada)),
			When:  assignRegistrant(ada),
		},
		estest.Scenario{
			Name:  "corrected",
			Given: after(history, registrant(ada)),
			When:  assignRegistrant(marriedAda),
			Then:  []any{corrected(marriedAda, false)},
		},
		estest.Scenario{
			Name:  "replaced by somebody else",
			Given: after(history, registrant(ada)),
			When:  assignRegistrant(grace),
			Then:  []any{corrected(grace, true)},
		},
		estest.Scenario{
			Name: "and stays when the items are changed", Others: sale(),
			Given: after(history, registrant(ada), updated(2, of(general, 1)), totals(2, 199_00, requestedLine(general, 1)),
				reserved(2, of(general, 1)), totals(2, 199_00, grantedLine(general, 1, 1, contracts.LineReserved))),
			When: confirmPaid(payment, 199_00),
			Then: []any{confirmedBy(payment, 199_00, of(general, 1))},
		},
	)
}
