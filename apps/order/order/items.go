package order

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// wanted is what a registrant asks for, as the order keeps it: one item per
// seat type, in the order they were named. The quantities of a type that is
// named twice are added up, and a quantity of 0 is the same as not asking.
func (c Config) wanted(items contracts.Seats) (contracts.Seats, error) {
	var seats contracts.Seats
	at := map[uuid.UUID]int{}
	for _, item := range items {
		if item.Quantity < 0 || item.Quantity > c.MaxSeatsPerType {
			return nil, c.refuseQuantity(item)
		}
		if item.Quantity == 0 {
			continue
		}
		i, named := at[item.SeatType]
		if !named {
			at[item.SeatType] = len(seats)
			seats = append(seats, item)
			continue
		}
		seats[i].Quantity += item.Quantity
		if seats[i].Quantity > c.MaxSeatsPerType {
			return nil, c.refuseQuantity(seats[i])
		}
	}
	if len(seats) == 0 {
		return nil, es.Refuse(refusal.ItemsRequired, "one or more items are required")
	}
	if n := seats.Total(); c.MaxSeats > 0 && n > c.MaxSeats {
		return nil, es.Refuse(refusal.TooManySeats, "%d seats: an order may have %d", n, c.MaxSeats)
	}
	return seats, nil
}

func (c Config) refuseQuantity(item contracts.SeatQuantity) error {
	return es.Refuse(refusal.QuantityOutOfRange, "%d seats of type %s: an order may have 1 to %d of each",
		item.Quantity, item.SeatType, c.MaxSeatsPerType)
}

// refuseUnlessSold refuses items of which more are wanted than the order has,
// and that are not sold now.
func refuseUnlessSold(now time.Time, wanted, has contracts.Seats, of catalogue.State) error {
	for _, item := range wanted {
		seatType, ok := of.SeatType(item.SeatType)
		if !ok || item.Quantity <= has.Of(item.SeatType) {
			continue
		}
		switch window := of.SalesWindow(seatType); {
		case !now.Before(of.EndsAt):
			return es.Refuse(refusal.ConferenceEnded, "the conference is over")
		case now.Before(window.SalesFrom):
			return es.Refuse(refusal.SalesNotOpen, "sales of %s open at %s", seatType.Name, window.SalesFrom.UTC().Format(time.RFC3339))
		case !now.Before(window.SalesUntil):
			return es.Refuse(refusal.SalesClosed, "sales of %s closed at %s", seatType.Name, window.SalesUntil.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// priced gives every item its line, at the catalogue's price of today.
func priced(items contracts.Seats, onSale catalogue.State) ([]contracts.OrderLine, error) {
	lines := make([]contracts.OrderLine, len(items))
	for i, item := range items {
		seatType, ok := onSale.SeatType(item.SeatType)
		if !ok {
			return nil, es.Refuse(refusal.UnknownSeatType, "seat type %s is not on sale", item.SeatType)
		}
		lines[i] = contracts.OrderLine{
			SeatType:  item.SeatType,
			Name:      seatType.Name,
			UnitPrice: seatType.Price,
			Requested: item.Quantity,
			State:     contracts.LineRequested,
			Total:     seatType.Price.Times(item.Quantity),
		}
	}
	return lines, nil
}

// answered gives every line what the seats granted of it, at the price it had.
// A grant must hold at least one seat, and none that the order did not ask for.
func answered(lines []contracts.OrderLine, grant contracts.Seats) (answer []contracts.OrderLine, granted contracts.Seats, err error) {
	if grant.Total() == 0 {
		return nil, nil, es.Refuse(refusal.NothingGranted, "no seats were granted")
	}
	for _, line := range lines {
		line.Granted = grant.Of(line.SeatType)
		switch {
		case line.Granted < 0 || line.Granted > line.Requested:
			return nil, nil, refuseGrant()
		case line.Granted == line.Requested:
			line.State = contracts.LineReserved
		case line.Granted == 0:
			line.State = contracts.LineSoldOut
		default:
			line.State = contracts.LinePartial
		}
		line.Total = line.UnitPrice.Times(line.Granted)
		answer = append(answer, line)
		if line.Granted > 0 {
			granted = append(granted, contracts.SeatQuantity{SeatType: line.SeatType, Quantity: line.Granted})
		}
	}
	if granted.Total() != grant.Total() {
		return nil, nil, refuseGrant()
	}
	return answer, granted, nil
}

func refuseGrant() error {
	return es.Refuse(refusal.GrantExceedsRequest, "seats were granted that the order did not ask for")
}

// total is the sum of all lines, less the discounts.
func total(lines []contracts.OrderLine, discounts []contracts.OrderDiscount) contracts.Money {
	sum := contracts.Money{Currency: lines[0].UnitPrice.Currency}
	for _, line := range lines {
		sum.Amount += line.Total.Amount
	}
	for _, d := range discounts {
		sum.Amount -= d.Total.Amount
	}
	return sum
}

// totals is the event that tells what the order costs. An order has at least
// one line.
func totals(orderID uuid.UUID, version int, lines []contracts.OrderLine, discounts []Discount) contracts.OrderTotalsCalculated {
	off := discounted(lines, discounts)
	sum := total(lines, off)
	return contracts.OrderTotalsCalculated{
		OrderID: orderID, Version: version, Lines: lines, Discounts: off, Total: sum, IsFreeOfCharge: sum.IsZero(),
	}
}
