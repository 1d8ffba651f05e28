package assignments_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/assignments"
	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	orderID  = uuid.MustParse("b0000000-0000-4000-8000-000000000001")
	general  = uuid.MustParse("a0000000-0000-4000-8000-000000000001")
	cocktail = uuid.MustParse("a0000000-0000-4000-8000-000000000002")

	ada   = attendee("Ada", "ada@example.com", contracts.Paid)
	grace = attendee("Grace", "grace@example.com", contracts.Speaker)

	// Two General admissions at positions 0 and 1, the cocktail party at 2.
	created = contracts.SeatAssignmentsCreated{OrderID: orderID, Positions: []uuid.UUID{general, general, cocktail}}
)

func attendee(firstName, email string, role contracts.AttendeeType) contracts.Attendee {
	return contracts.Attendee{
		Person: contracts.Person{FirstName: firstName, LastName: "Example", Email: email},
		Type:   role,
	}
}

func create(seats ...contracts.SeatQuantity) contracts.CreateSeatAssignments {
	return contracts.CreateSeatAssignments{OrderID: orderID, Seats: seats}
}

func assign(position int, a contracts.Attendee) contracts.AssignSeat {
	return contracts.AssignSeat{OrderID: orderID, Position: position, Attendee: a}
}

func assigned(position int, seatType uuid.UUID, a contracts.Attendee) contracts.SeatAssigned {
	return contracts.SeatAssigned{OrderID: orderID, Position: position, SeatType: seatType, Attendee: a}
}

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
			Refused: "items-required",
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
			Name:  "a free seat goes to the attendee",
			Given: []any{created},
			When:  assign(2, grace),
			Then:  []any{assigned(2, cocktail, grace)},
		},
		estest.Scenario{
			Name:  "another e-mail: the seat is taken from the one and given to the other",
			Given: occupied,
			When:  assign(1, grace),
			Then:  []any{unassigned(1), assigned(1, general, grace)},
		},
		estest.Scenario{
			Name:  "the same e-mail with another name: updated",
			Given: occupied,
			When:  assign(1, adaByron),
			Then:  []any{updated(adaByron)},
		},
		estest.Scenario{
			Name:  "the same e-mail with another type: updated",
			Given: occupied,
			When:  assign(1, adaSpeaks),
			Then:  []any{updated(adaSpeaks)},
		},
		estest.Scenario{
			Name:  "the same e-mail in other case: updated, not another person",
			Given: occupied,
			When:  assign(1, adaAgain),
			Then:  []any{updated(adaAgain)},
		},
		estest.Scenario{
			Name:  "no change: nothing",
			Given: occupied,
			When:  assign(1, ada),
		},
		estest.Scenario{
			Name:  "no change since an update: nothing",
			Given: append(occupied, updated(adaByron)),
			When:  assign(1, adaByron),
		},
		estest.Scenario{
			Name:  "the same person may have several seats",
			Given: occupied,
			When:  assign(0, ada),
			Then:  []any{assigned(0, general, ada)},
		},
		estest.Scenario{
			Name:  "a seat that was freed is free",
			Given: append(occupied, unassigned(1)),
			When:  assign(1, ada),
			Then:  []any{assigned(1, general, ada)},
		},
		estest.Scenario{
			Name:    "a position after the last is refused",
			Given:   []any{created},
			When:    assign(3, ada),
			Refused: "no-such-position",
		},
		estest.Scenario{
			Name:    "a negative position is refused",
			Given:   []any{created},
			When:    assign(-1, ada),
			Refused: "no-such-position",
		},
		estest.Scenario{
			Name:    "before the order is confirmed it is refused, to be tried again",
			When:    assign(0, ada),
			Refused: "order-not-found",
		},
	)
}

func TestASeatIsUnassigned(t *testing.T) {
	estest.Run(t, assignments.Aggregate(),
		estest.Scenario{
			Name:  "an occupied seat becomes free",
			Given: []any{created, assigned(0, general, ada), assigned(1, general, grace)},
			When:  unassign(1),
			Then:  []any{unassigned(1)},
		},
		estest.Scenario{
			Name:  "a free seat stays free",
			Given: []any{created},
			When:  unassign(1),
		},
		estest.Scenario{
			Name:  "twice: nothing the second time",
			Given: []any{created, assigned(0, general, ada), unassign(0)},
			When:  unassign(0),
		},
		estest.Scenario{
			Name:    "a position after the last is refused",
			Given:   []any{created},
			When:    unassign(3),
			Refused: "no-such-position",
		},
		estest.Scenario{
			Name:    "a negative position is refused",
			Given:   []any{created},
			When:    unassign(-1),
			Refused: "no-such-position",
		},
		estest.Scenario{
			Name:    "before the order is confirmed it is refused, to be tried again",
			When:    unassign(0),
			Refused: "order-not-found",
		},
	)
}

func TestTheSeatsOfACancelledOrderAreNobodysToGive(t *testing.T) {
	ref := es.Ref{Aggregate: "order", ID: orderID.String()}
	confirmed := []estest.Other{{Ref: ref, State: order.State{Status: order.Confirmed}}}
	cancelled := []estest.Other{{Ref: ref, State: order.State{Status: order.Cancelled}}}

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
			Refused: "order-cancelled",
		},
		estest.Scenario{
			Name: "unassigning after the order was cancelled is refused", Others: cancelled,
			Given:   []any{created, assigned(0, general, ada)},
			When:    unassign(0),
			Refused: "order-cancelled",
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
		if refs := agg.Reads(agg.New(), command); len(refs) != 1 || refs[0].String() != "order/"+orderID.String() {
			t.Errorf("%T reads %v, want its order", command, refs)
		}
	}
	if refs := agg.Reads(agg.New(), create()); len(refs) > 0 {
		t.Errorf("CreateSeatAssignments reads %v; it needs nothing", refs)
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
