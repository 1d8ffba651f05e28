package order_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

// isPlaced is OrderPlaced with everything but the locator, which is drawn.
func isPlaced(items ...contracts.SeatQuantity) any {
	return estest.Where("version 1, its items, the conference, a deadline and a locator", func(e contracts.OrderPlaced) bool {
		return e.OrderID == orderID && e.ConferenceID == conference && e.Version == 1 &&
			e.Items.Equal(items) && len(e.Items) == len(items) &&
			e.Deadline.Equal(estest.Noon.Add(hold)) && len(e.Locator) == 8
	})
}

func TestAnOrderIsPlaced(t *testing.T) {
	estest.Run(t, orders,
		estest.Scenario{
			Name: "with its items, priced from the catalogue, and held for the configured time", Others: sale(),
			When: register(of(general, 1), of(cocktail, 1)),
			Then: []any{
				isPlaced(of(general, 1), of(cocktail, 1)),
				totals(1, 249_00, requestedLine(general, 1), requestedLine(cocktail, 1)),
			},
			Sends: []any{},
		},
		estest.Scenario{
			Name: "with the time of the hold counted from its placing", Others: sale(),
			When: register(of(general, 1)),
			At:   estest.Noon.Add(time.Hour),
			Then: []any{
				estest.Where("its deadline an hour and the hold after noon", func(e contracts.OrderPlaced) bool {
					return e.Deadline.Equal(estest.Noon.Add(time.Hour + hold))
				}),
				estest.Any[contracts.OrderTotalsCalculated](),
			},
		},
		estest.Scenario{
			Name: "with the greatest quantity of every type", Others: sale(),
			When: register(of(general, 20), of(workshop, 20)),
			Then: []any{
				isPlaced(of(general, 20), of(workshop, 20)),
				totals(1, 20*699_00, requestedLine(general, 20), requestedLine(workshop, 20)),
			},
		},
		estest.Scenario{
			Name: "free of charge, if all it asks for is", Others: sale(),
			When: register(of(keynote, 2)),
			Then: []any{isPlaced(of(keynote, 2)), totals(1, 0, requestedLine(keynote, 2))},
		},
		estest.Scenario{
			Name: "without the items of which none are wanted", Others: sale(),
			When: register(of(workshop, 0), of(general, 1), of(unknown, 0)),
			Then: []any{isPlaced(of(general, 1)), totals(1, 199_00, requestedLine(general, 1))},
		},
		estest.Scenario{
			Name: "with the quantities of a type named twice added up", Others: sale(),
			When: register(of(general, 1), of(cocktail, 1), of(general, 2)),
			Then: []any{
				isPlaced(of(general, 3), of(cocktail, 1)),
				totals(1, 647_00, requestedLine(general, 3), requestedLine(cocktail, 1)),
			},
		},
		estest.Scenario{
			Name: "with the greatest quantity of a type, named in parts", Others: sale(),
			When: register(of(general, 11), of(general, 9)),
			Then: []any{isPlaced(of(general, 20)), totals(1, 20*199_00, requestedLine(general, 20))},
		},
		estest.Scenario{
			Name: "once: the same again does nothing", Others: sale(),
			Given: []any{register(of(general, 1), of(cocktail, 1))},
			When:  register(of(general, 1), of(cocktail, 1)),
		},
		estest.Scenario{
			Name: "once: the same in another order does nothing", Others: sale(),
			Given: []any{register(of(general, 1), of(cocktail, 1))},
			When:  register(of(cocktail, 1), of(general, 1), of(workshop, 0)),
		},
		estest.Scenario{
			Name: "once: the same does nothing even when the order has changed since and the sale is over",
			Others: sale(func(c *contracts.SetCatalogue) {
				c.Published = false
			}),
			Given: after(placed(of(general, 1)), totals(1, 199_00, requestedLine(general, 1)),
				updated(2, of(workshop, 1)), totals(2, 500_00, requestedLine(workshop, 1))),
			When: register(of(general, 1)),
		},
	)
}

func TestAnOrderIsNotPlaced(t *testing.T) {
	elsewhere := register(of(general, 1))
	elsewhere.ConferenceID = unknown
	unpublished := func(c *contracts.SetCatalogue) { c.Published = false }
	withoutWorkshop := func(c *contracts.SetCatalogue) {
		c.SeatTypes = append(c.SeatTypes[:1:1], c.SeatTypes[2:]...)
	}

	estest.Run(t, orders,
		estest.Scenario{
			Name: "without items", Others: sale(),
			When:    register(),
			Refused: refusal.ItemsRequired,
		},
		estest.Scenario{
			Name: "with none of anything", Others: sale(),
			When:    register(of(general, 0), of(workshop, 0)),
			Refused: refusal.ItemsRequired,
		},
		estest.Scenario{
			Name: "with a negative quantity", Others: sale(),
			When:    register(of(general, 2), of(workshop, -1)),
			Refused: refusal.QuantityOutOfRange,
		},
		estest.Scenario{
			Name: "with a negative quantity that others of its type would hide", Others: sale(),
			When:    register(of(general, 5), of(general, -3)),
			Refused: refusal.QuantityOutOfRange,
		},
		estest.Scenario{
			Name: "with more of a type than are allowed", Others: sale(),
			When:    register(of(general, 21)),
			Refused: refusal.QuantityOutOfRange,
		},
		estest.Scenario{
			Name: "with more of a type than are allowed, named in parts", Others: sale(),
			When:    register(of(general, 11), of(general, 10)),
			Refused: refusal.QuantityOutOfRange,
		},
		estest.Scenario{
			Name: "with a seat type that nobody has heard of", Others: sale(),
			When:    register(of(general, 1), of(unknown, 1)),
			Refused: refusal.UnknownSeatType,
		},
		estest.Scenario{
			Name: "with a seat type that was removed", Others: sale(withoutWorkshop),
			When:    register(of(workshop, 1)),
			Refused: refusal.UnknownSeatType,
		},
		estest.Scenario{
			Name:    "for a conference that is not known, or not yet",
			When:    register(of(general, 1)),
			Refused: refusal.ConferenceNotReady,
		},
		estest.Scenario{
			Name: "for another conference than the one whose catalogue is known", Others: sale(),
			When:    elsewhere,
			Refused: refusal.ConferenceNotReady,
		},
		estest.Scenario{
			Name: "for a conference that is not published", Others: sale(unpublished),
			When:    register(of(general, 1)),
			Refused: refusal.ConferenceNotPublished,
		},
		estest.Scenario{
			Name: "under the id of another order", Others: sale(),
			Given:   []any{placed(of(general, 1))},
			When:    register(of(general, 2)),
			Refused: refusal.OrderAlreadyPlaced,
		},
		estest.Scenario{
			Name: "under the id of an order for another conference", Others: sale(),
			Given:   []any{placed(of(general, 1))},
			When:    elsewhere,
			Refused: refusal.OrderAlreadyPlaced,
		},
	)
}

func TestTheGreatestNumberOfSeatsOfAnOrderIsConfigured(t *testing.T) {
	three := order.Aggregate(order.Config{Hold: hold, MaxSeatsPerType: 3, MaxSeats: 3})
	estest.Run(t, three,
		estest.Scenario{Name: "as many", Others: sale(), When: register(of(general, 2), of(workshop, 1)),
			Then: []any{estest.Any[contracts.OrderPlaced](), estest.Any[contracts.OrderTotalsCalculated]()}},
		estest.Scenario{Name: "more", Others: sale(), When: register(of(general, 2), of(workshop, 2)), Refused: refusal.TooManySeats},
		estest.Scenario{Name: "changed to more", Given: after(placed(of(general, 1)), totals(1, 199_00, requestedLine(general, 1))), Others: sale(),
			When: change(of(general, 2), of(workshop, 2)), Refused: refusal.TooManySeats},
	)
}

func TestTheGreatestQuantityIsConfigured(t *testing.T) {
	estest.Run(t, order.Aggregate(order.Config{Hold: hold, MaxSeatsPerType: 2}),
		estest.Scenario{
			Name: "as many as are allowed", Others: sale(),
			When: register(of(general, 2)),
			Then: []any{isPlaced(of(general, 2)), totals(1, 398_00, requestedLine(general, 2))},
		},
		estest.Scenario{
			Name: "one more is refused", Others: sale(),
			When:    register(of(general, 3)),
			Refused: refusal.QuantityOutOfRange,
		},
	)
}

func TestNothingSelectedIsRefusedInTheseWords(t *testing.T) {
	_, err := orders.Decide(es.Env{}, orders.New(), register())
	refusal, ok := es.AsRefusal(err)
	if !ok || refusal.Detail != "one or more items are required" {
		t.Errorf("got %v", err)
	}
}

// bytes is a random source that gives these, over and over.
type bytes struct {
	list []byte
	next int
}

func (b *bytes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = b.list[b.next%len(b.list)]
		b.next++
	}
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("no randomness") }

func place(t *testing.T, env es.Env) ([]any, error) {
	t.Helper()
	env.Now = estest.Noon
	env.Others = map[es.Ref]any{}
	for _, o := range sale() {
		env.Others[o.Ref] = o.State
	}
	return orders.Decide(env, orders.New(), register(of(general, 1)))
}

func TestARecordLocator(t *testing.T) {
	const alphabet = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	tests := []struct {
		name  string
		drawn []byte
		want  string
	}{
		{"takes each byte as a character", []byte{0, 1, 2, 3, 4, 5, 6, 7}, "ABCDEFGH"},
		{"goes round the alphabet", []byte{30, 31, 61, 62, 92, 93, 246, 247}, "9A9A9A89"},
		{"passes over bytes that would make some characters likelier", []byte{248, 0, 255, 1, 250, 2, 3, 4, 5, 6, 7}, "ABCDEFGH"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			events, err := place(t, es.Env{Random: &bytes{list: test.drawn}})
			if err != nil {
				t.Fatal(err)
			}
			if got := events[0].(contracts.OrderPlaced).Locator; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}

	t.Run("draws each character equally often", func(t *testing.T) {
		source := &bytes{list: every}
		seen := map[rune]int{}
		for range 31 { // 31 × 8 characters use each of the 248 fair bytes once
			events, err := place(t, es.Env{Random: source})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range events[0].(contracts.OrderPlaced).Locator {
				seen[c]++
			}
		}
		for _, c := range alphabet {
			if seen[c] != 8 {
				t.Errorf("%c was drawn %d times, want 8", c, seen[c])
			}
		}
		for c := range seen {
			if !strings.ContainsRune(alphabet, c) {
				t.Errorf("%c is not of the alphabet", c)
			}
		}
	})

	t.Run("that cannot be drawn is a fault, not a refusal", func(t *testing.T) {
		events, err := place(t, es.Env{Random: broken{}})
		if _, refused := es.AsRefusal(err); err == nil || refused || events != nil {
			t.Errorf("got events %v, error %v", events, err)
		}
	})
}

func TestConfigurationIsValidated(t *testing.T) {
	tests := []struct {
		name   string
		config order.Config
		valid  bool
	}{
		{"as usual", order.Config{Hold: 15 * time.Minute, MaxSeatsPerType: 20}, true},
		{"the least", order.Config{Hold: time.Second, MaxSeatsPerType: 1}, true},
		{"no hold", order.Config{MaxSeatsPerType: 20}, false},
		{"a negative hold", order.Config{Hold: -time.Minute, MaxSeatsPerType: 20}, false},
		{"no seats", order.Config{Hold: time.Minute}, false},
		{"less than no seats", order.Config{Hold: time.Minute, MaxSeatsPerType: -1}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.config.Validate(); (err == nil) != test.valid {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCommandsFindTheirOrderAndTheCatalogue(t *testing.T) {
	for _, command := range []any{
		register(), change(), assignRegistrant(ada), mark(1), reject(1), confirmFree(), expire(), reinstate(1, 0), cancel(),
	} {
		if id, ok := orders.Route(command); !ok || id != orderID.String() {
			t.Errorf("%T went to %q, %v", command, id, ok)
		}
	}
	for _, command := range []any{
		contracts.SetCatalogue{ConferenceID: conference},
		contracts.AssignSeat{OrderID: orderID},
		contracts.CreateSeatAssignments{OrderID: orderID},
	} {
		if id, ok := orders.Route(command); ok {
			t.Errorf("%T went to the order %q", command, id)
		}
	}

	if ref := order.Ref(orderID); ref.Aggregate != orders.Name || ref.ID != orderID.String() {
		t.Errorf("the order's stream is %v", ref)
	}
	known := estest.Fold(orders, placed(of(general, 1)))
	for _, test := range []struct {
		state   order.State
		command any
	}{{orders.New(), register()}, {known, change()}, {known, assignRegistrant(ada)}, {known, cancel()}} {
		if refs := orders.Reads(test.state, test.command); len(refs) != 1 || refs[0] != catalogue.Ref(conference) {
			t.Errorf("%T reads %v, want the catalogue", test.command, refs)
		}
	}
	for _, command := range []any{mark(1), reject(1), confirmFree(), expire(), reinstate(1, 0)} {
		if refs := orders.Reads(known, command); len(refs) > 0 {
			t.Errorf("%T reads %v; it needs nothing", command, refs)
		}
	}
}
