package order_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	rest     = uuid.MustParse("b0000000-0000-4000-8000-000000000002")
	offerEnd = estest.Noon.Add(30 * time.Minute)
)

func markWaitlisted(version int, wanted ...contracts.SeatQuantity) contracts.MarkSeatsAsWaitlisted {
	return contracts.MarkSeatsAsWaitlisted{OrderID: orderID, Version: version, Wanted: wanted, Deadline: startsAt}
}

func waitlisted(version int, items ...contracts.SeatQuantity) contracts.OrderWaitlisted {
	return contracts.OrderWaitlisted{OrderID: orderID, Version: version, Items: items, Deadline: startsAt}
}

func waitingLine(seatType uuid.UUID, requested int) contracts.OrderLine {
	line := requestedLine(seatType, requested)
	line.State = contracts.LineWaiting
	return line
}

// wishing is the wish to wait in line, in commands and in the events that keep it.
func wishing(w contracts.Waitlist) contracts.Waiting {
	return contracts.Waiting{Waitlist: &w, WaitUntil: startsAt}
}

func placedWaiting(w contracts.Waitlist, items ...contracts.SeatQuantity) contracts.OrderPlaced {
	e := placed(items...)
	e.Waiting = wishing(w)
	return e
}

// inLine is an order of 2 workshops that waits for them.
var inLine = after(placedWaiting(contracts.Waitlist{}, of(workshop, 2)), totals(1, 1000_00, requestedLine(workshop, 2)), registrant(ada),
	waitlisted(1, of(workshop, 2)), totals(1, 1000_00, waitingLine(workshop, 2)))

func TestAnOrderWaitsInLineIfItWishes(t *testing.T) {
	with := func(w contracts.Waitlist) contracts.RegisterToConference {
		c := register(of(workshop, 2))
		c.Waitlist = &w
		return c
	}
	locator := func(want contracts.Waiting) any {
		return estest.Where("the wish", func(e contracts.OrderPlaced) bool {
			return e.Waitlist != nil && e.Waitlist.AllOrNothing == want.Waitlist.AllOrNothing && (e.Waitlist.RestID == nil) == (want.Waitlist.RestID == nil) && e.WaitUntil.Equal(startsAt)
		})
	}
	changed := change(of(workshop, 3))
	changed.Waitlist = &contracts.Waitlist{AllOrNothing: true}
	updatedWaiting := updated(2, of(workshop, 3))
	updatedWaiting.Waiting = wishing(contracts.Waitlist{AllOrNothing: true})
	late := estest.Noon.Add(72 * time.Hour)
	updatedLate := updated(2, of(workshop, 1))
	updatedLate.Deadline = late.Add(hold)
	estest.Run(t, orders,
		estest.Scenario{Name: "until the conference starts", When: with(contracts.Waitlist{RestID: &rest}), Others: sale(),
			Then: []any{locator(wishing(contracts.Waitlist{RestID: &rest})), estest.Any[contracts.OrderTotalsCalculated]()}},
		estest.Scenario{Name: "for all or nothing, which leaves no rest", When: with(contracts.Waitlist{AllOrNothing: true, RestID: &rest}), Others: sale(),
			Then: []any{locator(wishing(contracts.Waitlist{AllOrNothing: true})), estest.Any[contracts.OrderTotalsCalculated]()}},
		estest.Scenario{Name: "also when it is changed", Given: after(placed(of(workshop, 1)), totals(1, 500_00, requestedLine(workshop, 1))), When: changed, Others: sale(),
			Then: []any{updatedWaiting, totals(2, 1500_00, requestedLine(workshop, 3))}},
		estest.Scenario{Name: "in line it costs what it waits for, and is never free of charge", Given: inLine[:2], When: markWaitlisted(1, of(workshop, 2)), Others: sale(),
			Then: []any{waitlisted(1, of(workshop, 2)), totals(1, 1000_00, waitingLine(workshop, 2))}},
		estest.Scenario{Name: "changed while in line, it has a hold as a new order has", Given: inLine, When: change(of(workshop, 1)), At: late, Others: sale(),
			Then: []any{updatedLate, totals(2, 500_00, requestedLine(workshop, 1))}},
		estest.Scenario{Name: "it leaves the line as an order that was given up", Given: inLine, When: contracts.LeaveWaitlist{OrderID: orderID}, Then: []any{cancelled()}},
		estest.Scenario{Name: "not by what is meant for the line, when seats were offered meanwhile", Given: offered(), When: contracts.LeaveWaitlist{OrderID: orderID}, Refused: refusal.NotWaitlisted},
	)
}

func offer(wanted contracts.Seats, granted ...contracts.SeatQuantity) contracts.MarkSeatsAsReserved {
	m := mark(1, granted...)
	m.Wanted, m.Deadline = wanted, offerEnd
	return m
}

func offered() []any {
	e := reserved(1, of(workshop, 2))
	e.Deadline, e.Offered = offerEnd, true
	return after(inLine, e, totals(1, 1000_00, grantedLine(workshop, 2, 2, contracts.LineReserved)))
}

func TestSeatsAreOfferedToAnOrderInLine(t *testing.T) {
	inFull := reserved(1, of(workshop, 2))
	inFull.Deadline, inFull.Offered = offerEnd, true
	inPart := partially(1, of(workshop, 1))
	inPart.Deadline, inPart.Offered = offerEnd, true
	moved := reserved(1, of(general, 2))
	moved.Deadline, moved.Offered = offerEnd, true
	withRest := after(placedWaiting(contracts.Waitlist{RestID: &rest}, of(workshop, 2)), totals(1, 1000_00, requestedLine(workshop, 2)), waitlisted(1, of(workshop, 2)), totals(1, 1000_00, waitingLine(workshop, 2)))
	two := seats(of(workshop, 2))
	estest.Run(t, orders,
		estest.Scenario{Name: "with a deadline of its own", Given: inLine, When: offer(two, of(workshop, 2)), Others: sale(),
			Then: []any{inFull, totals(1, 1000_00, grantedLine(workshop, 2, 2, contracts.LineReserved))}},
		estest.Scenario{Name: "before it knew that it is in line", Given: inLine[:3], When: offer(two, of(workshop, 2)), Others: sale(),
			Then: []any{inFull, totals(1, 1000_00, grantedLine(workshop, 2, 2, contracts.LineReserved))}},
		estest.Scenario{Name: "fewer than it wants: it waits no more", Given: withRest, When: offer(two, of(workshop, 1)), Others: sale(),
			Then: []any{inPart, totals(1, 500_00, grantedLine(workshop, 2, 1, contracts.LinePartial))}, Sends: []any{}},
		estest.Scenario{Name: "of another type, to which the line was moved, at the price of today", Given: inLine, When: offer(seats(of(general, 2)), of(general, 2)), Others: sale(),
			Then: []any{moved, totals(1, 398_00, grantedLine(general, 2, 2, contracts.LineReserved))}},
		estest.Scenario{Name: "of a type that is sold no more is refused", Given: inLine, When: offer(seats(of(unknown, 2)), of(unknown, 2)), Others: sale(), Refused: refusal.UnknownSeatType},
		estest.Scenario{Name: "and are paid for as other seats", Given: offered(), When: confirmPaid(payment, 1000_00), Then: []any{confirmedBy(payment, 1000_00, of(workshop, 2))}},
		estest.Scenario{Name: "and lapse as other seats", Given: offered(), When: expire(), Then: []any{expired()}},
	)
	if at := estest.Fold(orders, offered()...).Deadline; !at.Equal(offerEnd) {
		t.Errorf("the deadline is %s", at)
	}
}

func TestTheOrganiserChangesWhatAnOrderInLineWaitsFor(t *testing.T) {
	later := markWaitlisted(1, of(workshop, 2))
	later.Deadline = startsAt.AddDate(0, 0, 1)
	waitsLonger := waitlisted(1, of(workshop, 2))
	waitsLonger.Deadline = later.Deadline
	dearer := func(c *contracts.SetCatalogue) { c.SeatTypes[1].Price = usd(600_00) }
	estest.Run(t, orders,
		estest.Scenario{Name: "to another type, at its price of today", Given: inLine, When: markWaitlisted(1, of(general, 2)), Others: sale(),
			Then: []any{waitlisted(1, of(general, 2)), totals(1, 398_00, waitingLine(general, 2))}},
		estest.Scenario{Name: "until the conference starts, when that changes; the price stays", Given: inLine, When: later, Others: sale(dearer),
			Then: []any{waitsLonger, totals(1, 1000_00, waitingLine(workshop, 2))}},
		estest.Scenario{Name: "and closes the line", Given: inLine, When: contracts.RejectOrder{OrderID: orderID, Version: 1, Reason: string(refusal.WaitlistClosed)},
			Then: []any{contracts.OrderRejected{OrderID: orderID, Version: 1, Reason: string(refusal.WaitlistClosed)}}},
	)
}

// What was not granted waits in line as an order of its own.
func TestTheRestOfAnOrderWaitsAsAnOrderOfItsOwn(t *testing.T) {
	five := after(placedWaiting(contracts.Waitlist{RestID: &rest}, of(workshop, 5), of(general, 1)), totals(1, 2699_00, requestedLine(workshop, 5), requestedLine(general, 1)))
	partly := partially(1, of(workshop, 3))
	partly.RestID = &rest
	priced := totals(1, 1500_00, grantedLine(workshop, 5, 3, contracts.LinePartial), grantedLine(general, 1, 0, contracts.LineSoldOut))
	place := func(r *contracts.Person) contracts.RegisterToConference {
		return contracts.RegisterToConference{
			OrderID: rest, ConferenceID: conference, Items: seats(of(workshop, 2), of(general, 1)), Waitlist: &contracts.Waitlist{}, WaitsFor: ptr(orderID), Registrant: r,
		}
	}
	own := place(&ada)
	own.OrderID, own.WaitsFor = orderID, &rest
	estest.Run(t, orders,
		estest.Scenario{Name: "which is placed", Given: five, When: mark(1, of(workshop, 3)), Then: []any{partly, priced}, Sends: []any{place(nil)}},
		estest.Scenario{Name: "with the registrant", Given: after(five, registrant(ada)), When: mark(1, of(workshop, 3)), Then: []any{partly, priced}, Sends: []any{place(&ada)}},
		estest.Scenario{Name: "who may be known later", Given: after(five, partly, priced), When: assignRegistrant(ada),
			Then: []any{registrant(ada)}, Sends: []any{contracts.AssignRegistrantDetails{OrderID: rest, Registrant: ada}}},
		estest.Scenario{Name: "and is linked to the first", When: own, Others: sale(),
			Then: []any{estest.Where("the link", func(e contracts.OrderPlaced) bool {
				return e.WaitsFor != nil && *e.WaitsFor == rest && e.Waitlist != nil
			}), estest.Any[contracts.OrderTotalsCalculated](), registrant(ada)}},
		estest.Scenario{Name: "not if nothing is to wait", Given: after(placed(of(workshop, 5)), totals(1, 2500_00, requestedLine(workshop, 5))), When: mark(1, of(workshop, 3)),
			Then: []any{partially(1, of(workshop, 3)), estest.Any[contracts.OrderTotalsCalculated]()}, Sends: []any{}},
	)
}

func ptr[T any](v T) *T { return &v }
