package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
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
}

// handle delivers commands as one batch, to an app that has just been started,
// and returns what it published for the first time: the names of types, a
// refusal with its code.
func (a *app) handle(commands ...any) (published []string) {
	a.t.Helper()
	clock := func() time.Time { return a.now }
	sent := membus.New(a.registry, "order", clock)
	engine := handling.New(handling.Options{
		App: "order", Registry: a.registry, Keys: a.keys, Publisher: sent, Now: clock, Random: rand.Reader,
	})
	addAggregates(engine, order.Config{Hold: 15 * time.Minute, MaxSeatsPerType: 20})

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
	for i, status := range engine.HandleBatch(context.Background(), batch) {
		if status != bus.Success {
			a.t.Fatalf("%T was answered %v", commands[i], status)
		}
	}
	for _, encoded := range sent.Take() {
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
