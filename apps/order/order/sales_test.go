package order_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

// The conference's sales open a day after noon and close after ten; those of the
// workshop, an early bird, open with it and close after three.
var (
	salesFrom    = estest.Noon.AddDate(0, 0, 1)
	earlyUntil   = estest.Noon.AddDate(0, 0, 3)
	salesUntil   = estest.Noon.AddDate(0, 0, 10)
	insideSales  = salesFrom.Add(time.Hour)
	betweenSales = earlyUntil.Add(time.Hour) // the early bird's are over, the others go on
)

func windows(c *contracts.SetCatalogue) {
	c.SalesWindow = contracts.SalesWindow{SalesFrom: salesFrom, SalesUntil: salesUntil}
	c.SeatTypes[1].SalesUntil = earlyUntil
}

func TestSeatsAreSoldWithinTheirSalesWindow(t *testing.T) {
	wide := sale(windows, func(c *contracts.SetCatalogue) {
		c.SeatTypes[0].SalesWindow = contracts.SalesWindow{SalesFrom: salesFrom.AddDate(-1, 0, 0), SalesUntil: salesUntil.AddDate(1, 0, 0)}
	})
	late := sale(func(c *contracts.SetCatalogue) { c.SeatTypes[0].SalesFrom = betweenSales })
	taken := []any{isPlacedAt(of(general, 1)), estest.Any[contracts.OrderTotalsCalculated]()}

	estest.Run(t, orders,
		estest.Scenario{
			Name: "not before sales open", Others: sale(windows),
			When: register(of(general, 1)), At: salesFrom.Add(-time.Nanosecond),
			Refused: refusal.SalesNotOpen,
		},
		estest.Scenario{
			Name: "from the moment at which they open", Others: sale(windows),
			When: register(of(general, 1)), At: salesFrom,
			Then: taken,
		},
		estest.Scenario{
			Name: "until just before they close", Others: sale(windows),
			When: register(of(general, 1)), At: salesUntil.Add(-time.Nanosecond),
			Then: taken,
		},
		estest.Scenario{
			Name: "not from the moment at which they close", Others: sale(windows),
			When: register(of(general, 1)), At: salesUntil,
			Refused: refusal.SalesClosed,
		},
		estest.Scenario{
			Name: "an early bird until its own sales close", Others: sale(windows),
			When: register(of(workshop, 1)), At: earlyUntil,
			Refused: refusal.SalesClosed,
		},
		estest.Scenario{
			Name: "others after that", Others: sale(windows),
			When: register(of(general, 1)), At: earlyUntil,
			Then: taken,
		},
		estest.Scenario{
			Name: "all or nothing: an order with one seat that is not sold is refused", Others: sale(windows),
			When: register(of(general, 1), of(workshop, 1)), At: betweenSales,
			Refused: refusal.SalesClosed,
		},
		estest.Scenario{
			Name: "a seat type whose own sales open later", Others: late,
			When: register(of(general, 1)), At: insideSales,
			Refused: refusal.SalesNotOpen,
		},
		estest.Scenario{
			Name: "a seat type's window does not open the conference's", Others: wide,
			When: register(of(general, 1)), At: salesFrom.Add(-time.Nanosecond),
			Refused: refusal.SalesNotOpen,
		},
		estest.Scenario{
			Name: "a seat type's window does not keep the conference's open", Others: wide,
			When: register(of(general, 1)), At: salesUntil,
			Refused: refusal.SalesClosed,
		},
		estest.Scenario{
			Name: "by default until just before the conference ends", Others: sale(),
			When: register(of(general, 1)), At: endsAt.Add(-time.Nanosecond),
			Then: taken,
		},
		estest.Scenario{
			Name: "never after its end", Others: sale(),
			When: register(of(general, 1)), At: endsAt,
			Refused: refusal.ConferenceEnded,
		},
		estest.Scenario{
			Name: "not when its end was moved into the past", Others: sale(func(c *contracts.SetCatalogue) {
				c.StartsAt, c.EndsAt = estest.Noon.AddDate(0, 0, -2), estest.Noon.Add(-time.Minute)
			}),
			When:    register(of(general, 1)),
			Refused: refusal.ConferenceEnded,
		},
		estest.Scenario{
			Name: "a conference that is not published says so first", Others: sale(windows, func(c *contracts.SetCatalogue) { c.Published = false }),
			When:    register(of(general, 1)),
			Refused: refusal.ConferenceNotPublished,
		},
		estest.Scenario{
			Name: "an order placed in time, again after closing, is the same order", Others: sale(windows),
			Given: []any{placed(of(general, 1)), totals(1, 199_00, requestedLine(general, 1))},
			When:  register(of(general, 1)), At: salesUntil.AddDate(1, 0, 0),
		},
	)
}

// isPlacedAt is OrderPlaced at another time than noon.
func isPlacedAt(items ...contracts.SeatQuantity) any {
	return estest.Where("its items", func(e contracts.OrderPlaced) bool { return e.Items.Equal(items) })
}

func TestTheRefusalSaysWhenSalesOpen(t *testing.T) {
	env := es.Env{Now: estest.Noon, Others: map[es.Ref]any{}}
	for _, o := range sale(windows) {
		env.Others[o.Ref] = o.State
	}
	_, err := orders.Decide(env, orders.New(), register(of(general, 1)))
	refusal, ok := es.AsRefusal(err)
	if want := salesFrom.Format(time.RFC3339); !ok || !strings.Contains(refusal.Detail, want) || !strings.Contains(refusal.Detail, names[general]) {
		t.Errorf("got %v, want the seat type and %s", err, want)
	}
}

func TestAnOrderPlacedInTimeGoesOnAfterSalesClosed(t *testing.T) {
	two := after(placed(of(general, 2), of(workshop, 2)), totals(1, 1398_00, requestedLine(general, 2), requestedLine(workshop, 2)))
	partly := after(two, partially(1, of(general, 2), of(workshop, 1)), totals(1, 898_00,
		grantedLine(general, 2, 2, contracts.LineReserved), grantedLine(workshop, 2, 1, contracts.LinePartial)))
	changedTo := func(items ...contracts.SeatQuantity) []any {
		return []any{updated(2, items...), estest.Any[contracts.OrderTotalsCalculated]()}
	}

	estest.Run(t, orders,
		estest.Scenario{
			Name: "it may be made smaller", Others: sale(windows),
			Given: two,
			When:  change(of(general, 1), of(workshop, 1)), At: salesUntil,
			Then: changedTo(of(general, 1), of(workshop, 1)),
		},
		estest.Scenario{
			Name: "also after the conference's end", Others: sale(windows),
			Given: two,
			When:  change(of(general, 1)), At: endsAt,
			Then: changedTo(of(general, 1)),
		},
		estest.Scenario{
			Name: "but not larger", Others: sale(windows),
			Given: two,
			When:  change(of(general, 3)), At: salesUntil,
			Refused: refusal.SalesClosed,
		},
		estest.Scenario{
			Name: "nor larger in one type and smaller in another", Others: sale(windows),
			Given: two,
			When:  change(of(general, 1), of(workshop, 3)), At: salesUntil,
			Refused: refusal.SalesClosed,
		},
		estest.Scenario{
			Name: "nor by a type it did not have", Others: sale(windows),
			Given: two,
			When:  change(of(cocktail, 1)), At: salesUntil,
			Refused: refusal.SalesClosed,
		},
		estest.Scenario{
			Name: "nor larger than what it was granted", Others: sale(windows),
			Given: partly,
			When:  change(of(general, 2), of(workshop, 2)), At: salesUntil,
			Refused: refusal.SalesClosed,
		},
		estest.Scenario{
			Name: "nor after the conference's end", Others: sale(windows),
			Given: two,
			When:  change(of(general, 3)), At: endsAt,
			Refused: refusal.ConferenceEnded,
		},
		estest.Scenario{
			Name: "while others are sold, only what is not sold any more is bounded", Others: sale(windows),
			Given: two,
			When:  change(of(general, 5), of(workshop, 1)), At: betweenSales,
			Then: changedTo(of(general, 5), of(workshop, 1)),
		},
		estest.Scenario{
			Name:  "it is paid and confirmed",
			Given: after(partly, registrant(ada)),
			When:  confirmPaid(payment, 898_00), At: salesUntil,
			Then: []any{confirmedBy(payment, 898_00, of(general, 2), of(workshop, 1))},
		},
	)
}
