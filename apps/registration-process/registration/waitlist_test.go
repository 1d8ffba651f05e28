package registration_test

import (
	"testing"
	"time"

	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	start    = noon.AddDate(0, 1, 0)
	offerEnd = noon.Add(26 * time.Hour)

	placedWaiting = waitingFor(false)
	waiting       = []any{placedWaiting, reserved(1, none)}
	offeredTwo    = after(waiting, offered(2, two, two))
)

// waitingFor is placed, by somebody who waits in line if need be.
func waitingFor(allOrNothing bool) contracts.OrderPlaced {
	p := placed
	p.Waiting = contracts.Waiting{Waitlist: &contracts.Waitlist{AllOrNothing: allOrNothing}, WaitUntil: start}
	return p
}

func join(number int, seats contracts.Seats) contracts.JoinWaitlist {
	return contracts.JoinWaitlist{ConferenceID: conference, OrderID: order, Number: number, NotAfter: grace, Seats: seats}
}

func markWaiting(wanted contracts.Seats, until time.Time) contracts.MarkSeatsAsWaitlisted {
	return contracts.MarkSeatsAsWaitlisted{OrderID: order, Version: 1, Wanted: wanted, Deadline: until}
}

func offered(number int, wanted, granted contracts.Seats) contracts.SeatsOffered {
	return contracts.SeatsOffered{ConferenceID: conference, OrderID: order, Number: number, Wanted: wanted, Granted: granted, Deadline: offerEnd}
}

func markOffered(wanted, granted contracts.Seats) contracts.MarkSeatsAsReserved {
	return contracts.MarkSeatsAsReserved{OrderID: order, Version: 1, Granted: granted, Wanted: wanted, Deadline: offerEnd}
}

func changedInLine(number, change int, wanted contracts.Seats, until time.Time) contracts.WaitlistChanged {
	return contracts.WaitlistChanged{ConferenceID: conference, OrderID: order, Number: number, Change: change, Wanted: wanted, Until: until}
}

func at(t time.Time) *es.Wake { return &es.Wake{At: t.Add(cfg.Leeway)} }

func TestOrdersWaitInLine(t *testing.T) {
	allOrNothing := request(1, two)
	allOrNothing.AllOrNothing = true
	joinForAll := join(2, two)
	joinForAll.AllOrNothing = true
	left := contracts.WaitlistLeft{ConferenceID: conference, OrderID: order, Number: 2}
	again := updated(2, three)
	again.Deadline = noon.Add(50 * time.Hour)
	askAgain := request(3, three)
	askAgain.NotAfter = again.Deadline.Add(cfg.Grace)
	offer := contracts.OfferSeats{ConferenceID: conference}
	run(t,
		estest.ProcessScenario{Name: "if they get no seats", Given: []any{placedWaiting}, When: reserved(1, none), Sends: []any{join(2, two), markWaiting(two, start)}, Wake: at(start), Then: is(registration.Waitlisted)},
		estest.ProcessScenario{Name: "not if they get some", Given: []any{placedWaiting}, When: reserved(1, two), Sends: []any{markTwo}, Then: is(registration.AwaitingPayment)},
		estest.ProcessScenario{Name: "who wants all or nothing asks so", When: waitingFor(true), Sends: []any{allOrNothing}, Wake: wakeAtEnd},
		estest.ProcessScenario{Name: "and waits so", Given: []any{waitingFor(true)}, When: reserved(1, none), Sends: []any{joinForAll, markWaiting(two, start)}, Wake: at(start)},
		estest.ProcessScenario{Name: "an offer is put to the order, with its deadline", Given: waiting, When: offered(2, two, two), Sends: []any{markOffered(two, two)}, Wake: at(offerEnd), Then: is(registration.AwaitingPayment)},
		estest.ProcessScenario{Name: "an offer of an older place does nothing", Given: waiting, When: offered(1, two, two), Then: is(registration.Waitlisted)},
		estest.ProcessScenario{Name: "an offer to an order that asks anew does nothing", Given: after(waiting, again), When: offered(2, two, two), Then: is(registration.AwaitingReservation)},
		estest.ProcessScenario{Name: "an offer to an order that has ended does nothing", Given: after(waiting, cancelled), When: offered(2, two, two), Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "an offer lapses at its deadline", Given: offeredTwo, When: wakeUp, At: offerEnd, Sends: []any{expire}, Then: is(registration.Expiring)},
		estest.ProcessScenario{Name: "not before", Given: offeredTwo, When: wakeUp, At: deadline, Wake: at(offerEnd), Then: is(registration.AwaitingPayment)},
		estest.ProcessScenario{Name: "and its seats go back", Given: after(offeredTwo, estest.At(offerEnd, wakeUp)), When: expired, Sends: []any{release(2, grace)}, Wake: noWake, Then: is(registration.Expired)},
		estest.ProcessScenario{Name: "an offer that is taken is committed", Given: offeredTwo, When: confirmedFree, Sends: []any{commit(2)}, Wake: noWake, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "in line, the hold does not lapse, and what is free by now is offered", Given: waiting, When: wakeUp, At: grace, Sends: []any{offer}, Wake: at(start), Then: is(registration.Waitlisted)},
		estest.ProcessScenario{Name: "the place ends when the conference starts", Given: waiting, When: wakeUp, At: start, Sends: []any{expire}, Then: is(registration.Expiring)},
		estest.ProcessScenario{Name: "a place that is given up is released", Given: waiting, When: cancelled, Sends: []any{release(2, grace)}, Wake: noWake, Then: is(registration.Completed)},
		estest.ProcessScenario{Name: "an order that is changed asks anew, with the deadline that it has now", Given: waiting, When: again, Sends: []any{askAgain}, Wake: at(again.Deadline), Then: is(registration.AwaitingReservation)},
		estest.ProcessScenario{Name: "and waits no more if it does not wish to", Given: after(waiting, again), When: reserved(3, none), Sends: []any{reject(2, contracts.SoldOut)}, Then: is(registration.Rejecting)},
		estest.ProcessScenario{Name: "a closed line rejects the order", Given: waiting, When: left, Sends: []any{reject(1, "waitlist-closed")}, Then: is(registration.Rejecting)},
		estest.ProcessScenario{Name: "one that may not join is rejected with the reason", Given: waiting, When: estest.Answer[contracts.JoinWaitlist](refusal.WaitlistFull), Sends: []any{reject(1, "waitlist-full")}, Then: is(registration.Rejecting)},
		estest.ProcessScenario{Name: "whose place is released, should it join after all", Given: after(waiting, estest.Answer[contracts.JoinWaitlist](refusal.RequestTooLate)), When: rejected, Sends: []any{release(2, grace)}, Wake: noWake},
		estest.ProcessScenario{Name: "what the organiser changes is put to the order", Given: waiting, When: changedInLine(2, 1, three, start), Sends: []any{markWaiting(three, start)}, Wake: at(start)},
		estest.ProcessScenario{Name: "also another start", Given: waiting, When: changedInLine(2, 1, two, start.Add(time.Hour)), Sends: []any{markWaiting(two, start.Add(time.Hour))}, Wake: at(start.Add(time.Hour))},
		estest.ProcessScenario{Name: "not an older change", Given: after(waiting, changedInLine(2, 2, three, start)), When: changedInLine(2, 1, two, start)},
		estest.ProcessScenario{Name: "a payment of what was offered first and is changed since is cancelled", Given: after(offeredTwo, initiated(p1)), When: again, Sends: []any{cancelPayment(p1, "items-changed"), askAgain}, Wake: at(again.Deadline)},
	)
}
