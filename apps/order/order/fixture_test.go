package order_test

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

const hold = 15 * time.Minute

var (
	orders = order.Aggregate(order.Config{Hold: hold, MaxSeatsPerType: 20})

	orderID    = uuid.MustParse("b0000000-0000-4000-8000-000000000001")
	conference = uuid.MustParse("c0000000-0000-4000-8000-000000000001")
	payment    = uuid.MustParse("d0000000-0000-4000-8000-000000000001")
	payment2   = uuid.MustParse("d0000000-0000-4000-8000-000000000002")

	// On sale: General admission $199, CQRS Workshop $500, Additional cocktail
	// party $50, Keynote free of charge.
	general  = uuid.MustParse("a0000000-0000-4000-8000-000000000001")
	workshop = uuid.MustParse("a0000000-0000-4000-8000-000000000002")
	cocktail = uuid.MustParse("a0000000-0000-4000-8000-000000000003")
	keynote  = uuid.MustParse("a0000000-0000-4000-8000-000000000004")
	unknown  = uuid.MustParse("a0000000-0000-4000-8000-000000000009")

	names  = map[uuid.UUID]string{general: "General admission", workshop: "CQRS Workshop", cocktail: "Additional cocktail party", keynote: "Keynote"}
	prices = map[uuid.UUID]int64{general: 199_00, workshop: 500_00, cocktail: 50_00, keynote: 0}

	ada   = contracts.Person{FirstName: "Ada", LastName: "Example", Email: "ada@example.com"}
	grace = contracts.Person{FirstName: "Grace", LastName: "Example", Email: "grace@example.com"}

	refundUntil = estest.Noon.AddDate(0, 0, 7)
	startsAt    = estest.Noon.AddDate(0, 1, 0)
	endsAt      = estest.Noon.AddDate(0, 1, 2)
)

func usd(cents int64) contracts.Money { return contracts.Money{Amount: cents, Currency: "USD"} }

func of(seatType uuid.UUID, quantity int) contracts.SeatQuantity {
	return contracts.SeatQuantity{SeatType: seatType, Quantity: quantity}
}

func seats(s ...contracts.SeatQuantity) contracts.Seats { return s }

// sale is the conference's catalogue; change, if given, makes it another one.
func sale(change ...func(*contracts.SetCatalogue)) []estest.Other {
	c := contracts.SetCatalogue{ConferenceID: conference, Version: 1, Published: true, StartsAt: startsAt, EndsAt: endsAt, RefundUntil: refundUntil}
	for _, id := range []uuid.UUID{general, workshop, cocktail, keynote} {
		c.SeatTypes = append(c.SeatTypes, contracts.CatalogueSeatType{ID: id, Name: names[id], Price: usd(prices[id])})
	}
	for _, f := range change {
		f(&c)
	}
	state := estest.Fold(catalogue.Aggregate(), contracts.CatalogueSet{SetCatalogue: c})
	return []estest.Other{{Ref: es.Ref{Aggregate: "catalogue", ID: conference.String()}, State: state}}
}

// Commands.

func register(items ...contracts.SeatQuantity) contracts.RegisterToConference {
	return contracts.RegisterToConference{OrderID: orderID, ConferenceID: conference, Items: items}
}

func change(items ...contracts.SeatQuantity) contracts.ChangeOrderItems {
	return contracts.ChangeOrderItems{OrderID: orderID, Items: items}
}

func assignRegistrant(p contracts.Person) contracts.AssignRegistrantDetails {
	return contracts.AssignRegistrantDetails{OrderID: orderID, Registrant: p}
}

func mark(version int, granted ...contracts.SeatQuantity) contracts.MarkSeatsAsReserved {
	return contracts.MarkSeatsAsReserved{OrderID: orderID, Version: version, Granted: granted}
}

func reject(version int) contracts.RejectOrder {
	return contracts.RejectOrder{OrderID: orderID, Version: version, Reason: "sold out"}
}

func confirmFree() contracts.ConfirmOrder { return contracts.ConfirmOrder{OrderID: orderID} }

func confirmPaid(by uuid.UUID, cents int64) contracts.ConfirmOrder {
	amount := usd(cents)
	return contracts.ConfirmOrder{OrderID: orderID, PaymentID: &by, Amount: &amount}
}

func expire() contracts.ExpireOrder { return contracts.ExpireOrder{OrderID: orderID} }

func reinstate(version int, cents int64, granted ...contracts.SeatQuantity) contracts.ReinstateOrder {
	return contracts.ReinstateOrder{
		OrderID: orderID, PaymentID: payment, Amount: usd(cents), Version: version, Granted: granted,
	}
}

func cancel() contracts.CancelOrder { return contracts.CancelOrder{OrderID: orderID} }

func cancelByOrganiser() contracts.CancelOrder {
	return contracts.CancelOrder{OrderID: orderID, ByOrganiser: true}
}

// Events.

func placed(items ...contracts.SeatQuantity) contracts.OrderPlaced {
	return contracts.OrderPlaced{
		OrderID: orderID, ConferenceID: conference, Version: 1, Items: items,
		Deadline: estest.Noon.Add(hold), Locator: "ABCD2345",
	}
}

func updated(version int, items ...contracts.SeatQuantity) contracts.OrderUpdated {
	return contracts.OrderUpdated{OrderID: orderID, Version: version, Items: items, Deadline: estest.Noon.Add(hold)}
}

func registrant(p contracts.Person) contracts.OrderRegistrantAssigned {
	return contracts.OrderRegistrantAssigned{OrderID: orderID, Registrant: p}
}

func reserved(version int, granted ...contracts.SeatQuantity) contracts.OrderReservationCompleted {
	return contracts.OrderReservationCompleted{
		OrderID: orderID, Version: version, Granted: granted, Deadline: estest.Noon.Add(hold),
	}
}

func partially(version int, granted ...contracts.SeatQuantity) contracts.OrderPartiallyReserved {
	return contracts.OrderPartiallyReserved{
		OrderID: orderID, Version: version, Granted: granted, Deadline: estest.Noon.Add(hold),
	}
}

func rejected(version int) contracts.OrderRejected {
	return contracts.OrderRejected{OrderID: orderID, Version: version, Reason: "sold out"}
}

func expired() contracts.OrderExpired { return contracts.OrderExpired{OrderID: orderID} }

func reinstated(granted ...contracts.SeatQuantity) contracts.OrderReinstated {
	return contracts.OrderReinstated{OrderID: orderID, PaymentID: payment, Granted: granted}
}

func confirmedFree(s ...contracts.SeatQuantity) contracts.OrderConfirmed {
	return contracts.OrderConfirmed{OrderID: orderID, Seats: s, Total: usd(0), Positions: atFullPrice(s)}
}

func confirmedBy(p uuid.UUID, cents int64, s ...contracts.SeatQuantity) contracts.OrderConfirmed {
	return contracts.OrderConfirmed{OrderID: orderID, PaymentID: &p, Seats: s, Total: usd(cents), Positions: atFullPrice(s)}
}

// at are positions at other prices.
func at(positions []contracts.ConfirmedSeat, cents ...int64) []contracts.ConfirmedSeat {
	positions = slices.Clone(positions)
	for i := range positions {
		positions[i].Price = usd(cents[i])
	}
	return positions
}

// atFullPrice are the positions of seats without a discount.
func atFullPrice(seats contracts.Seats) (all []contracts.ConfirmedSeat) {
	for _, s := range seats {
		for range s.Quantity {
			all = append(all, contracts.ConfirmedSeat{SeatType: s.SeatType, Price: usd(prices[s.SeatType])})
		}
	}
	return all
}

func cancelled() contracts.OrderCancelled { return contracts.OrderCancelled{OrderID: orderID} }

func cancelledWithRefund(p uuid.UUID) contracts.OrderCancelled {
	return contracts.OrderCancelled{OrderID: orderID, Refund: true, PaymentID: &p}
}

func requestedLine(seatType uuid.UUID, requested int) contracts.OrderLine {
	return contracts.OrderLine{
		SeatType: seatType, Name: names[seatType], UnitPrice: usd(prices[seatType]),
		Requested: requested, State: contracts.LineRequested, Total: usd(prices[seatType] * int64(requested)),
	}
}

func grantedLine(seatType uuid.UUID, requested, granted int, state contracts.LineState) contracts.OrderLine {
	line := requestedLine(seatType, requested)
	line.Granted, line.State, line.Total = granted, state, usd(prices[seatType]*int64(granted))
	return line
}

func totals(version int, cents int64, lines ...contracts.OrderLine) contracts.OrderTotalsCalculated {
	return contracts.OrderTotalsCalculated{
		OrderID: orderID, Version: version, Lines: lines, Total: usd(cents), IsFreeOfCharge: cents == 0,
	}
}

// after is a history: each event and slice of events in its order.
func after(events ...any) (history []any) {
	for _, e := range events {
		if more, ok := e.([]any); ok {
			history = append(history, more...)
		} else {
			history = append(history, e)
		}
	}
	return history
}
