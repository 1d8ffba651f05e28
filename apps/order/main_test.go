package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/membus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
)

// app is the order app over a store and a bus in memory.
type app struct {
	t        *testing.T
	registry *message.Registry
	keys     *state.Memory
	now      time.Time
	seen     map[string]bool // ids published before

	lasts  bool // one app handles all batches
	engine *handling.Engine
	sent   *membus.Bus
}

// handle delivers commands as one batch, to an app that has just been started
// unless it lasts, and returns what it published for the first time: the names of types, a
// refusal with its code.
func (a *app) handle(commands ...any) (published []string) {
	a.t.Helper()
	if a.engine == nil || !a.lasts {
		clock := func() time.Time { return a.now }
		a.sent = membus.New(a.registry, "order", clock)
		a.engine = handling.New(handling.Options{
			App: "order", Registry: a.registry, Keys: a.keys, Publisher: a.sent, Now: clock, Random: rand.Reader,
		})
		addAggregates(a.engine, func() order.Config { return order.Config{Hold: 15 * time.Minute, MaxSeatsPerType: 20} })
	}

	var batch []bus.Delivery
	for _, command := range commands {
		typeName, data, err := a.registry.Encode(message.Meta{}, command)
		if err != nil {
			a.t.Fatal(err)
		}
		batch = append(batch, bus.Delivery{
			Topic: contracts.TopicOrders, Data: json.RawMessage(data),
			Message: message.Message{
				Meta: message.Meta{ID: uuid.NewString(), Type: typeName, Source: "test", Time: a.now, Tenant: message.DefaultTenant},
				Body: command,
			},
		})
	}
	for i, status := range a.engine.HandleBatch(context.Background(), batch) {
		if status != bus.Success {
			a.t.Fatalf("%T was answered %v", commands[i], status)
		}
	}
	for _, encoded := range a.sent.Take() {
		delivery, err := membus.Decode(a.registry, encoded)
		if err != nil {
			a.t.Fatal(err)
		}
		if a.seen[delivery.Message.ID] {
			continue // an app that was started anew may publish again, under the same id
		}
		a.seen[delivery.Message.ID] = true
		what := delivery.Message.Type
		if refused, ok := delivery.Message.Body.(es.CommandRejected); ok {
			what = "refused: " + string(refused.Code)
		}
		published = append(published, what)
	}
	return published
}

func (a *app) expect(step string, got []string, want ...string) {
	a.t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		a.t.Errorf("%s: published %v, want %v", step, got, want)
	}
}

// The aggregates find each other through the engine: an order its conference's
// catalogue, the seat assignments their order.
func TestAnOrderFromItsPlacingToItsCancellation(t *testing.T) {
	a := &app{
		t: t, registry: contracts.Registry(), keys: &state.Memory{}, seen: map[string]bool{},
		now: time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC),
	}
	var (
		conferenceID, orderID, seatType, paymentID = uuid.New(), uuid.New(), uuid.New(), uuid.New()

		one      = contracts.Seats{{SeatType: seatType, Quantity: 1}}
		two      = contracts.Seats{{SeatType: seatType, Quantity: 2}}
		price    = contracts.Money{Amount: 199_00, Currency: "USD"}
		ada      = contracts.Person{FirstName: "Ada", LastName: "Example", Email: "ada@example.com"}
		register = contracts.RegisterToConference{OrderID: orderID, ConferenceID: conferenceID, Items: two}
		assign   = contracts.AssignSeat{OrderID: orderID, Attendee: contracts.Attendee{Person: ada, Type: contracts.Paid}}
	)

	a.expect("before the conference is known", a.handle(register),
		"refused: conference-not-ready")
	a.expect("what is on sale, and an order for it, in one batch",
		a.handle(register, contracts.SetCatalogue{
			ConferenceID: conferenceID, Version: 1, Published: true, RefundUntil: a.now.AddDate(0, 0, 7),
			StartsAt: a.now.AddDate(0, 1, 0), EndsAt: a.now.AddDate(0, 1, 2),
			SeatTypes: []contracts.CatalogueSeatType{{ID: seatType, Name: "General admission", Price: price}},
		}),
		"CatalogueSet.v1", "OrderPlaced.v1", "OrderTotalsCalculated.v1")
	a.expect("the order is changed",
		a.handle(contracts.ChangeOrderItems{OrderID: orderID, Items: one}),
		"OrderUpdated.v1", "OrderTotalsCalculated.v1")
	a.expect("reserved, with a registrant, and paid, in one batch",
		a.handle(
			contracts.MarkSeatsAsReserved{OrderID: orderID, Version: 2, Granted: one},
			contracts.AssignRegistrantDetails{OrderID: orderID, Registrant: ada},
			contracts.ConfirmOrder{OrderID: orderID, PaymentID: &paymentID, Amount: &price},
		),
		"OrderReservationCompleted.v1", "OrderTotalsCalculated.v1", "OrderRegistrantAssigned.v1",
		"OrderConfirmed.v1", "CreateSeatAssignments.v1")
	a.expect("its seats are opened, and one is assigned, in one batch",
		a.handle(contracts.CreateSeatAssignments{OrderID: orderID, ConferenceID: conferenceID, Seats: one}, assign),
		"SeatAssignmentsCreated.v1", "SeatAssigned.v1")
	a.expect("cancelled inside the refund window",
		a.handle(contracts.CancelOrder{OrderID: orderID}),
		"OrderCancelled.v1")
	a.expect("a seat of the cancelled order", a.handle(assign),
		"refused: order-cancelled")
	a.expect("an order placed and changed in one batch",
		func() []string {
			orderID := uuid.New()
			return a.handle(
				contracts.RegisterToConference{OrderID: orderID, ConferenceID: conferenceID, Items: two},
				contracts.ChangeOrderItems{OrderID: orderID, Items: one},
			)
		}(),
		"OrderPlaced.v1", "OrderTotalsCalculated.v1", "OrderUpdated.v1", "OrderTotalsCalculated.v1")
}

// codesOf counts what was published, by type or refusal.
func codesOf(published []string) map[string]int {
	count := map[string]int{}
	for _, what := range published {
		count[what]++
	}
	return count
}

// few bytes are those by which the answer that is on its way may differ.
const few = 100

// A stranger's commands, whether they change the order, are refused or change
// nothing, let an order grow up to its bounds and no further. Beyond them they are
// answered, and the order can still be paid or cancelled.
func TestWhatPeopleDoToAnOrderIsBounded(t *testing.T) {
	a := &app{
		t: t, registry: contracts.Registry(), keys: &state.Memory{}, lasts: true, seen: map[string]bool{},
		now: time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC),
	}
	const types = 50
	conferenceID, orderID := uuid.New(), uuid.New()
	onSale := contracts.SetCatalogue{ConferenceID: conferenceID, Version: 1, Published: true, StartsAt: a.now.AddDate(0, 1, 0), EndsAt: a.now.AddDate(0, 1, 2)}
	items := func(quantity int) (all contracts.Seats) {
		for _, seatType := range onSale.SeatTypes {
			all = append(all, contracts.SeatQuantity{SeatType: seatType.ID, Quantity: quantity})
		}
		return all
	}
	for range types {
		onSale.SeatTypes = append(onSale.SeatTypes, contracts.CatalogueSeatType{
			ID: uuid.New(), Name: strings.Repeat("席", 100), Price: contracts.Money{Amount: 999_999_999_999, Currency: "USD"},
		})
	}
	a.handle(onSale, contracts.RegisterToConference{OrderID: orderID, ConferenceID: conferenceID, Items: items(20)})
	key := "main/order/" + orderID.String()

	biggest, version := 0, 1
	change := func() map[string]int {
		version++
		published := a.handle(contracts.ChangeOrderItems{OrderID: orderID, Items: items(1 + version%20)})
		biggest = max(biggest, a.size(key))
		return codesOf(published)
	}
	for range order.MaxCommands - 1 {
		if got := change(); got["OrderUpdated.v1"] != 1 {
			t.Fatalf("change %d: %v", version, got)
		}
	}
	change() // whose answer takes the place of the last change's events
	before := a.size(key)
	for range 50 {
		if got := change(); len(got) != 1 || got["refused: too-many-changes"] != 1 {
			t.Fatalf("change %d, beyond the bound: %v", version, got)
		}
	}
	if after := a.size(key); after > before+few {
		t.Errorf("refusals beyond the bound let the document grow from %d to %d bytes", before, after)
	}
	if biggest > 512<<10 {
		t.Errorf("the document came to %d bytes", biggest)
	}
	a.expect("the process is heard", a.handle(contracts.MarkSeatsAsReserved{OrderID: orderID, Version: order.MaxCommands, Granted: items(1 + order.MaxCommands%20)}),
		"OrderReservationCompleted.v1", "OrderTotalsCalculated.v1")
	a.expect("it can be cancelled", a.handle(contracts.CancelOrder{OrderID: orderID}), "OrderCancelled.v1")
}

func TestWhatPeopleDoToAnUnknownOrderIsBounded(t *testing.T) {
	a := &app{t: t, registry: contracts.Registry(), keys: &state.Memory{}, lasts: true, seen: map[string]bool{}, now: time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)}
	orderID, seatType := uuid.New(), uuid.New()
	commands := map[string][]any{
		"order":       {contracts.ChangeOrderItems{OrderID: orderID, Items: contracts.Seats{{SeatType: seatType, Quantity: 1}}}},
		"assignments": {contracts.UnassignSeat{OrderID: orderID}},
	}
	for aggregate, command := range commands {
		key := "main/" + aggregate + "/" + orderID.String()
		for range order.MaxCommands {
			a.handle(command...)
		}
		before := a.size(key)
		for range 50 {
			a.handle(command...)
		}
		if after := a.size(key); before == 0 || after > before+few {
			t.Errorf("%s: refusals let the document grow from %d to %d bytes", aggregate, before, after)
		}
	}
}

// size is that of the document under a key, once all of it was sent.
func (a *app) size(key string) int {
	a.t.Helper()
	entries, err := a.keys.Get(a.t.Context(), []string{key})
	if err != nil {
		a.t.Fatal(err)
	}
	return len(entries[key].Value)
}

// Web and the process both confirm orders. Only the process says that one was paid.
func TestOnlyTheProcessSaysThatAnOrderWasPaid(t *testing.T) {
	payment := uuid.New()
	for _, c := range []struct {
		source  string
		payment *uuid.UUID
		ok      bool
	}{
		{"web", nil, true}, {"web", &payment, false}, {"registration-process", &payment, true},
	} {
		err := believe(message.Message{Meta: message.Meta{Source: c.source}, Body: contracts.ConfirmOrder{OrderID: uuid.New(), PaymentID: c.payment}})
		if (err == nil) != c.ok {
			t.Errorf("%s, with a payment: %v: %v", c.source, c.payment != nil, err)
		}
	}
}
