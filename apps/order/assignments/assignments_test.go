package assignments_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/assignments"
	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	orderID    = uuid.MustParse("b0000000-0000-4000-8000-000000000001")
	conference = uuid.MustParse("c0000000-0000-4000-8000-000000000001")
	general    = uuid.MustParse("a0000000-0000-4000-8000-000000000001")
	cocktail   = uuid.MustParse("a0000000-0000-4000-8000-000000000002")

	ada   = attendee("Ada", "ada@example.com", contracts.Paid)
	grace = attendee("Grace", "grace@example.com", contracts.Speaker)

	// Two General admissions at positions 0 and 1, the cocktail party at 2.
	created = contracts.SeatAssignmentsCreated{OrderID: orderID, ConferenceID: conference, Positions: []uuid.UUID{general, general, cocktail}}
)

func attendee(firstName, email string, role contracts.AttendeeType) contracts.Attendee {
	return contracts.Attendee{
		Person: contracts.Person{FirstName: firstName, LastName: "Example", Email: email},
		Type:   role,
	}
}

func create(seats ...contracts.SeatQuantity) contracts.CreateSeatAssignments {
	return contracts.CreateSeatAssignments{OrderID: orderID, ConferenceID: conference, Seats: seats}
}

func assign(position int, a contracts.Attendee) contracts.AssignSeat {
	return contracts.AssignSeat{OrderID: orderID, Position: position, Attendee: a}
}

func assigned(position int, seatType uuid.UUID, a contracts.Attendee) contracts.SeatAssigned {
	return contracts.SeatAssigned{OrderID: orderID, Position: position, SeatType: seatType, Attendee: a}
}

func byOrganiser(command any) any {
	switch c := command.(type) {
	case contracts.AssignSeat:
		c.ByOrganiser = true
		return c
	case contracts.UnassignSeat:
		c.ByOrganiser = true
		return c
	}
	panic("not the organiser's")
}

var (
	startsAt = estest.Noon.AddDate(0, 1, 0)
	endsAt   = estest.Noon.AddDate(0, 1, 2)
)

// venue is the conference's catalogue; others are beside it.
func venue(handOverUntil time.Time, others ...estest.Other) []estest.Other {
	state := catalogue.State{SetCatalogue: contracts.SetCatalogue{
		ConferenceID: conference, Version: 1, StartsAt: startsAt, EndsAt: endsAt, HandOverUntil: handOverUntil,
	}}
	return append(others, estest.Other{Ref: catalogue.Ref(conference), State: state})
}

var open = venue(time.Time{})

func unassign(position int) contracts.UnassignSeat {
	return contracts.UnassignSeat{OrderID: orderID, Position: position}
}

func unassigned(position int) contracts.SeatUnassigned {
	return contracts.SeatUnassigned{OrderID: orderID, Position: position}
}

func TestSeatAssignmentsAreCreated(t *testing.T) {
	two := contracts.SeatQuantity{SeatType: general, Quantity: 2}
	one := contracts.SeatQuantity{SeatType: cocktail, Quantity: 1}

	estest.Run(t, assignments.Aggregate(),
		estest.Scenario{
			Name: "one position per reserved seat",
			When: create(two, one),
			Then: []any{created},
		},
		estest.Scenario{
			Name:  "a second time changes nothing",
			Given: []any{created},
			When:  create(two, one),
		},
		estest.Scenario{
			Name:  "a second time takes no seat from its attendee",
			Given: []any{created, assigned(0, general, ada)},
			When:  create(one),
		},
		estest.Scenario{
			Name:    "no seats, no assignments",
			When:    create(),
			Refused: refusal.ItemsRequired,
		},
	)
}

func TestASeatIsAssigned(t *testing.T) {
	adaAgain := ada
	adaAgain.Email = "Ada@Example.com"
	adaByron, adaSpeaks := ada, ada
	adaByron.LastName = "Byron"
	adaSpeaks.Type = contracts.Speaker
	updated := func(a contracts.Attendee) any {
		return contracts.SeatAssignmentUpdated{OrderID: orderID, Position: 1, Attendee: a}
	}
	occupied := []any{created, assigned(1, general, ada)}

	estest.Run(t, assignments.Aggregate(),
		estest.Scenario{
			Name: "a free seat goes to the attendee", Others: open,
			Given: []any{created},
			When:  assign(2, grace),
			Then:  []any{assigned(2, cocktail, grace)},
		},
		estest.Scenario{
			Name: "another e-mail: the seat is taken from the one and given to the other", Others: open,
			Given: occupied,
			When:  assign(1, grace),
			Then:  []any{unassigned(1), assigned(1, general, grace)},
		},
		estest.Scenario{
			Name: "the same e-mail with another name: updated", Others: open,
			Given: occupied,
			When:  assign(1, adaByron),
			Then:  []any{updated(adaByron)},
		},
		estest.Scenario{
			Name: "the same e-mail with another type: updated", Others: open,
			Given: occupied,
			When:  assign(1, adaSpeaks),
			Then:  []any{updated(adaSpeaks)},
		},
		estest.Scenario{
			Name: "the same e-mail in other case: updated, not another person", Others: open,
			Given: occupied,
			When:  assign(1, adaAgain),
			Then:  []any{updated(adaAgain)},
		},
		estest.Scenario{
			Name: "the same e-mail in IDNA's ASCII form: updated, not another person", Others: open,
			Given: []any{created, assigned(0, general, attendee("Ada", "ada@müller.example", contracts.Paid))},
			When:  assign(0, attendee("Ada", "ada@xn--mller-kva.example", contracts.Paid)),
			Then: []any{contracts.SeatAssignmentUpdated{
				OrderID: orderID, Position: 0, Attendee: attendee("Ada", "ada@xn--mller-kva.example", contracts.Paid)}},
		},
		estest.Scenario{
			Name: "what was written with blanks and decomposed letters is kept without", Others: open,
			Given: []any{created},
			When:  assign(0, attendee(" Jose\u0301 ", " jose\u0301@example.com\n", contracts.Paid)),
			Then:  []any{assigned(0, general, attendee("José", "josé@example.com", contracts.Paid))},
		},
		estest.Scenario{
			Name: "a name of two lines is refused", Others: open,
			Given:   []any{created},
			When:    assign(0, attendee("Ada\nLovelace", "ada@example.com", contracts.Paid)),
			Refused: refusal.NameInvalid,
		},
		estest.Scenario{
			Name: "no e-mail address is refused", Others: open,
			Given:   []any{created},
			When:    assign(0, attendee("Ada", "ada@", contracts.Paid)),
			Refused: refusal.EmailInvalid,
		},
		estest.Scenario{
			Name: "no change: nothing", Others: open,
			Given: occupied,
			When:  assign(1, ada),
		},
		estest.Scenario{
			Name: "no change since an update: nothing", Others: open,
			Given: append(occupied, updated(adaByron)),
			When:  assign(1, adaByron),
		},
		estest.Scenario{
			Name: "the same person may have several seats", Others: open,
			Given: occupied,
			When:  assign(0, ada),
			Then:  []any{assigned(0, general, ada)},
		},
		estest.Scenario{
			Name: "a seat that was freed is free", Others: open,
			Given: append(occupied, unassigned(1)),
			When:  assign(1, ada),
			Then:  []any{assigned(1, general, ada)},
		},
		estest.Scenario{
			Name: "a position after the last is refused", Others: open,
			Given:   []any{created},
			When:    assign(3, ada),
			Refused: refusal.NoSuchPosition,
		},
		estest.Scenario{
			Name: "a negative position is refused", Others: open,
			Given:   []any{created},
			When:    assign(-1, ada),
			Refused: refusal.NoSuchPosition,
		},
		estest.Scenario{
			Name: "before the order is confirmed it is refused, to be tried again", Others: open,
			When:    assign(0, ada),
			Refused: refusal.OrderNotFound,
		},
	)
}

func TestASeatIsUnassigned(t *testing.T) {
	estest.Run(t, assignments.Aggregate(),
		estest.Scenario{
			Name: "an occupied seat becomes free", Others: open,
			Given: []any{created, assigned(0, general, ada), assigned(1, general, grace)},
			When:  unassign(1),
			Then:  []any{unassigned(1)},
		},
		estest.Scenario{
			Name: "a free seat stays free", Others: open,
			Given: []any{created},
			When:  unassign(1),
		},
		estest.Scenario{
			Name: "twice: nothing the second time", Others: open,
			Given: []any{created, assigned(0, general, ada), unassign(0)},
			When:  unassign(0),
		},
		estest.Scenario{
			Name: "a position after the last is refused", Others: open,
			Given:   []any{created},
			When:    unassign(3),
			Refused: refusal.NoSuchPosition,
		},
		estest.Scenario{
			Name: "a negative position is refused", Others: open,
			Given:   []any{created},
			When:    unassign(-1),
			Refused: refusal.NoSuchPosition,
		},
		estest.Scenario{
			Name: "before the order is confirmed it is refused, to be tried again", Others: open,
			When:    unassign(0),
			Refused: refusal.OrderNotFound,
		},
	)
}

func TestTheSeatsOfACancelledOrderAreNobodysToGive(t *testing.T) {
	ref := es.Ref{Aggregate: "order", ID: orderID.String()}
	confirmed := venue(time.Time{}, estest.Other{Ref: ref, State: order.State{Status: order.Confirmed}})
	cancelled := venue(time.Time{}, estest.Other{Ref: ref, State: order.State{Status: order.Cancelled}})

	estest.Run(t, assignments.Aggregate(),
		estest.Scenario{
			Name: "assigning while the order is confirmed", Others: confirmed,
			Given: []any{created},
			When:  assign(0, ada),
			Then:  []any{assigned(0, general, ada)},
		},
		estest.Scenario{
			Name: "assigning after the order was cancelled is refused", Others: cancelled,
			Given:   []any{created},
			When:    assign(0, ada),
			Refused: refusal.OrderCancelled,
		},
		estest.Scenario{
			Name: "unassigning after the order was cancelled is refused", Others: cancelled,
			Given:   []any{created, assigned(0, general, ada)},
			When:    unassign(0),
			Refused: refusal.OrderCancelled,
		},
	)
}

func TestSeatsAreHandedOnUntilTheDeadline(t *testing.T) {
	occupied := []any{created, assigned(0, general, ada)}
	early, late := estest.Noon.AddDate(0, 0, 20), endsAt.Add(-time.Hour)

	estest.Run(t, assignments.Aggregate(),
		estest.Scenario{
			Name: "by default until the conference starts", Others: venue(time.Time{}),
			Given: occupied,
			When:  assign(0, grace), At: startsAt.Add(-time.Nanosecond),
			Then: []any{unassigned(0), assigned(0, general, grace)},
		},
		estest.Scenario{
			Name: "by default not from its start on", Others: venue(time.Time{}),
			Given: occupied,
			When:  assign(0, grace), At: startsAt,
			Refused: refusal.HandOverClosed,
		},
		estest.Scenario{
			Name: "not after an earlier deadline", Others: venue(early),
			Given: occupied,
			When:  assign(0, grace), At: early,
			Refused: refusal.HandOverClosed,
		},
		estest.Scenario{
			Name: "nor assigned for the first time", Others: venue(early),
			Given: occupied,
			When:  assign(1, grace), At: early,
			Refused: refusal.HandOverClosed,
		},
		estest.Scenario{
			Name: "nor taken back", Others: venue(early),
			Given: occupied,
			When:  unassign(0), At: early,
			Refused: refusal.HandOverClosed,
		},
		estest.Scenario{
			Name: "while the conference goes on, if the deadline says so", Others: venue(late),
			Given: occupied,
			When:  unassign(0), At: late.Add(-time.Nanosecond),
			Then: []any{unassigned(0)},
		},
		estest.Scenario{
			Name: "by the organiser later too", Others: venue(early),
			Given: occupied,
			When:  byOrganiser(assign(0, grace)), At: startsAt.Add(time.Hour),
			Then: []any{unassigned(0), assigned(0, general, grace)},
		},
		estest.Scenario{
			Name: "and the organiser takes them back later too", Others: venue(early),
			Given: occupied,
			When:  byOrganiser(unassign(0)), At: startsAt.Add(time.Hour),
			Then: []any{unassigned(0)},
		},
		estest.Scenario{
			Name:    "not while the catalogue cannot be read: refused, to be tried again",
			Given:   occupied,
			When:    assign(0, grace),
			Refused: refusal.ConferenceNotReady,
		},
	)
}

func TestCommandsFindTheirAssignmentsAndTheOrder(t *testing.T) {
	agg := assignments.Aggregate()
	for _, command := range []any{create(), assign(0, ada), unassign(0)} {
		if id, ok := agg.Route(command); !ok || id != orderID.String() {
			t.Errorf("%T went to %q, %v", command, id, ok)
		}
	}
	for _, command := range []any{assign(0, ada), unassign(0)} {
		if refs := agg.Reads(agg.New(), command); len(refs) != 2 || refs[0] != order.Ref(orderID) || refs[1].Aggregate != catalogue.Name {
			t.Errorf("%T reads %v, want its order and a catalogue", command, refs)
		}
		if refs := agg.Reads(estest.Fold(agg, created), command); len(refs) != 2 || refs[1] != catalogue.Ref(conference) {
			t.Errorf("%T reads %v, want the catalogue of its conference", command, refs)
		}
	}
	if refs := agg.Reads(agg.New(), create()); len(refs) != 1 || refs[0] != catalogue.Ref(conference) {
		t.Errorf("CreateSeatAssignments reads %v, want the catalogue that assignments in its batch need", refs)
	}
	if id, ok := agg.Route(contracts.ConfirmOrder{OrderID: orderID}); ok {
		t.Errorf("ConfirmOrder went to the assignments %q", id)
	}
}

// Whoever waits for the outcome of a command learns of it, and no message that
// comes again, however late, is decided again.
func TestEveryCommandIsAnsweredOnce(t *testing.T) {
	agg := assignments.Aggregate()
	if !agg.AnswersNoEffect {
		t.Error("a command that changes nothing is not answered")
	}
	if agg.Handled != 0 {
		t.Errorf("only the last %d messages are remembered", agg.Handled)
	}
}

func TestSeatsAreHandedOnABoundedNumberOfTimes(t *testing.T) {
	bound := 100 + 4*len(created.Positions)
	estest.Run(t, assignments.Aggregate(),
		estest.Scenario{
			Name: "up to the bound", Others: open,
			Given: []any{created}, Handled: bound - 1,
			When: assign(0, ada),
			Then: []any{assigned(0, general, ada)},
		},
		estest.Scenario{
			Name: "beyond it an assignment is refused", Others: open,
			Given: []any{created}, Handled: bound,
			When:    assign(0, ada),
			Refused: refusal.TooManyHandOvers,
		},
		estest.Scenario{
			Name: "beyond it taking a seat back is refused", Others: open,
			Given: []any{created, assigned(0, general, ada)}, Handled: bound,
			When:    contracts.UnassignSeat{OrderID: orderID},
			Refused: refusal.TooManyHandOvers,
		},
		estest.Scenario{
			Name: "the organiser may all the same", Others: open,
			Given: []any{created}, Handled: bound,
			When: byOrganiser(assign(0, ada)),
			Then: []any{assigned(0, general, ada)},
		},
	)
}

func TestSeatsThatWereGivenBackAreNotAssigned(t *testing.T) {
	cancel := func(positions ...int) contracts.CancelSeatAssignments {
		return contracts.CancelSeatAssignments{OrderID: orderID, Positions: positions}
	}
	gone := func(positions ...int) contracts.SeatAssignmentsCancelled {
		return contracts.SeatAssignmentsCancelled{OrderID: orderID, Positions: positions}
	}
	unassigned := contracts.SeatUnassigned{OrderID: orderID, Position: 1}
	known := venue(time.Time{}, estest.Other{Ref: order.Ref(orderID), State: order.State{Status: order.Confirmed, Positions: []order.Position{{}, {Cancelled: true}, {}}}})

	estest.Run(t, assignments.Aggregate(),
		estest.Scenario{Name: "a seat without an attendee", Given: []any{created}, When: cancel(1), Then: []any{gone(1)}},
		estest.Scenario{Name: "a seat is taken from its attendee", Given: []any{created, assigned(1, general, ada)}, When: cancel(0, 1), Then: []any{unassigned, gone(0, 1)}},
		estest.Scenario{Name: "twice: nothing the second time", Given: []any{created, gone(0, 1)}, When: cancel(0, 1)},
		estest.Scenario{Name: "another one beside it", Given: []any{created, gone(1)}, When: cancel(1, 2), Then: []any{gone(2)}},
		estest.Scenario{Name: "before the seats are known", When: cancel(1), Then: []any{gone(1)}},
		estest.Scenario{Name: "the seats come after that", Given: []any{gone(1)}, When: create(contracts.SeatQuantity{SeatType: general, Quantity: 2}, contracts.SeatQuantity{SeatType: cocktail, Quantity: 1}), Then: []any{created}},
		estest.Scenario{Name: "it is assigned to nobody any more", Others: open, Given: []any{created, gone(1)}, When: assign(1, ada), Refused: refusal.SeatGivenBack},
		estest.Scenario{Name: "nor by the organiser", Others: open, Given: []any{created, gone(1)}, When: byOrganiser(assign(1, ada)), Refused: refusal.SeatGivenBack},
		estest.Scenario{Name: "nor if that was known before the seats were", Others: open, Given: []any{gone(1), created}, When: assign(1, ada), Refused: refusal.SeatGivenBack},
		estest.Scenario{Name: "nor once the order says so", Others: known, Given: []any{created}, When: assign(1, ada), Refused: refusal.SeatGivenBack},
		estest.Scenario{Name: "the others stay at their positions", Others: known, Given: []any{created, gone(1)}, When: assign(2, ada), Then: []any{assigned(2, cocktail, ada)}},
	)
}
