package order_test

import (
	"testing"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es/estest"
)

func TestTheSeatsAnswer(t *testing.T) {
	history := after(
		placed(of(general, 2), of(workshop, 3), of(cocktail, 1)),
		totals(1, 1948_00, requestedLine(general, 2), requestedLine(workshop, 3), requestedLine(cocktail, 1)),
	)
	withKeynote := after(
		placed(of(workshop, 1), of(keynote, 2)),
		totals(1, 500_00, requestedLine(workshop, 1), requestedLine(keynote, 2)),
	)

	estest.Run(t, orders,
		estest.Scenario{
			Name:  "with all seats: the reservation is complete",
			Given: history,
			When:  mark(1, of(general, 2), of(workshop, 3), of(cocktail, 1)),
			Then: []any{
				reserved(1, of(general, 2), of(workshop, 3), of(cocktail, 1)),
				totals(1, 1948_00,
					grantedLine(general, 2, 2, contracts.LineReserved),
					grantedLine(workshop, 3, 3, contracts.LineReserved),
					grantedLine(cocktail, 1, 1, contracts.LineReserved)),
			},
			Sends: []any{},
		},
		estest.Scenario{
			Name:  "with all seats in another order of types: the reservation is complete",
			Given: history,
			When:  mark(1, of(cocktail, 1), of(workshop, 3), of(general, 2)),
			Then: []any{
				reserved(1, of(general, 2), of(workshop, 3), of(cocktail, 1)),
				estest.Any[contracts.OrderTotalsCalculated](),
			},
		},
		estest.Scenario{
			Name:  "with some: the order is what was granted, at its price; each line shows what was asked for",
			Given: history,
			When:  mark(1, of(general, 2), of(workshop, 1)),
			Then: []any{
				partially(1, of(general, 2), of(workshop, 1)),
				totals(1, 898_00,
					grantedLine(general, 2, 2, contracts.LineReserved),
					grantedLine(workshop, 3, 1, contracts.LinePartial),
					grantedLine(cocktail, 1, 0, contracts.LineSoldOut)),
			},
		},
		estest.Scenario{
			Name:  "with some, saying 0 of the rest: the same",
			Given: history,
			When:  mark(1, of(general, 2), of(workshop, 1), of(cocktail, 0)),
			Then: []any{
				partially(1, of(general, 2), of(workshop, 1)),
				estest.Any[contracts.OrderTotalsCalculated](),
			},
		},
		estest.Scenario{
			Name:  "with only those that cost nothing: free of charge, since something was granted",
			Given: withKeynote,
			When:  mark(1, of(keynote, 2)),
			Then: []any{
				partially(1, of(keynote, 2)),
				totals(1, 0,
					grantedLine(workshop, 1, 0, contracts.LineSoldOut),
					grantedLine(keynote, 2, 2, contracts.LineReserved)),
			},
		},
		estest.Scenario{
			Name:    "with nothing: refused, so never free of charge",
			Given:   history,
			When:    mark(1),
			Refused: refusal.NothingGranted,
		},
		estest.Scenario{
			Name:    "with 0 of each: refused, so never free of charge",
			Given:   history,
			When:    mark(1, of(general, 0), of(workshop, 0), of(cocktail, 0)),
			Refused: refusal.NothingGranted,
		},
		estest.Scenario{
			Name:    "with more than was asked for: refused",
			Given:   history,
			When:    mark(1, of(general, 3)),
			Refused: refusal.GrantExceedsRequest,
		},
		estest.Scenario{
			Name:    "with a type that was not asked for: refused",
			Given:   history,
			When:    mark(1, of(general, 2), of(keynote, 1)),
			Refused: refusal.GrantExceedsRequest,
		},
		estest.Scenario{
			Name:    "with a type named twice: refused",
			Given:   history,
			When:    mark(1, of(general, 1), of(general, 1)),
			Refused: refusal.GrantExceedsRequest,
		},
		estest.Scenario{
			Name:    "with a negative number: refused",
			Given:   history,
			When:    mark(1, of(general, 2), of(workshop, -1)),
			Refused: refusal.GrantExceedsRequest,
		},
		estest.Scenario{
			Name:    "with a negative number that another type makes up for: refused",
			Given:   history,
			When:    mark(1, of(general, 2), of(workshop, -1), of(unknown, 1)),
			Refused: refusal.GrantExceedsRequest,
		},
	)
}

func TestAnAnswerToAnotherVersionIsSuperseded(t *testing.T) {
	changed := after(
		placed(of(general, 2)), totals(1, 398_00, requestedLine(general, 2)),
		updated(2, of(general, 1)), totals(2, 199_00, requestedLine(general, 1)),
	)

	estest.Run(t, orders,
		estest.Scenario{
			Name:    "seats for the version before the change",
			Given:   changed,
			When:    mark(1, of(general, 2)),
			Refused: refusal.VersionSuperseded,
		},
		estest.Scenario{
			Name:    "seats for the version before the change, the same in number as now",
			Given:   changed,
			When:    mark(1, of(general, 1)),
			Refused: refusal.VersionSuperseded,
		},
		estest.Scenario{
			Name:    "nothing for the version before the change is no reason to reject",
			Given:   changed,
			When:    reject(1),
			Refused: refusal.VersionSuperseded,
		},
		estest.Scenario{
			Name:    "a version that is still to come",
			Given:   changed,
			When:    mark(3, of(general, 1)),
			Refused: refusal.VersionSuperseded,
		},
		estest.Scenario{
			Name:  "the version of now is taken after one was refused",
			Given: changed,
			When:  mark(2, of(general, 1)),
			Then:  []any{reserved(2, of(general, 1)), totals(2, 199_00, grantedLine(general, 1, 1, contracts.LineReserved))},
		},
		estest.Scenario{
			Name: "also when the order had been reserved before it was changed", Others: sale(),
			Given: []any{
				register(of(general, 2)), mark(1, of(general, 2)), change(of(general, 4)),
			},
			When:    mark(1, of(general, 2)),
			Refused: refusal.VersionSuperseded,
		},
	)
}

func TestTheSeatsAnswerAVersionOnce(t *testing.T) {
	history := after(placed(of(general, 2)), totals(1, 398_00, requestedLine(general, 2)))
	partial := after(history, partially(1, of(general, 1)), totals(1, 199_00, grantedLine(general, 2, 1, contracts.LinePartial)))
	full := after(history, reserved(1, of(general, 2)), totals(1, 398_00, grantedLine(general, 2, 2, contracts.LineReserved)))

	estest.Run(t, orders,
		estest.Scenario{
			Name:  "the same complete answer again does nothing",
			Given: full,
			When:  mark(1, of(general, 2)),
		},
		estest.Scenario{
			Name:  "the same partial answer again does nothing",
			Given: partial,
			When:  mark(1, of(general, 1)),
		},
		estest.Scenario{
			Name:    "another answer to a version that has its seats is refused",
			Given:   partial,
			When:    mark(1, of(general, 2)),
			Refused: refusal.AlreadyReserved,
		},
		estest.Scenario{
			Name:    "no seats after seats is refused",
			Given:   full,
			When:    mark(1),
			Refused: refusal.AlreadyReserved,
		},
		estest.Scenario{
			Name:    "an order that has its seats is not rejected",
			Given:   full,
			When:    reject(1),
			Refused: refusal.AlreadyReserved,
		},
		estest.Scenario{
			Name:  "an order without seats is rejected with the reason",
			Given: history,
			When:  reject(1),
			Then:  []any{rejected(1)},
			Sends: []any{},
		},
		estest.Scenario{
			Name:  "a rejection again does nothing",
			Given: after(history, rejected(1)),
			When:  reject(1),
		},
	)
}
