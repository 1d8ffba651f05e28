// Package assignments is the SeatAssignments aggregate: who sits on which seat
// of a confirmed order. A position (from 0) is one seat of one type.
package assignments

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/contracts/text"
	"github.com/plenary/plenary/engine/es"
)

// Name is the aggregate's name in its streams' names; the id is the order's.
const Name = "assignments"

// State is the seats of one order, by position.
type State struct {
	ConferenceID uuid.UUID `json:"conferenceId"`
	Seats        []Seat    `json:"seats"`
	// Cancelled are the positions of seats that were given back, which may be known before
	// the seats are.
	Cancelled []int `json:"cancelled,omitempty"`
}

// Seat is one position. Attendee is nil while nobody is assigned to it.
type Seat struct {
	SeatType uuid.UUID           `json:"seatType"`
	Attendee *contracts.Attendee `json:"attendee,omitempty"`
}

// Aggregate describes the seat assignments to the engine.
func Aggregate() es.Aggregate[State] {
	return es.Aggregate[State]{
		Name: Name,
		New:  func() State { return State{} },
		Commands: []es.Command[State]{
			es.On(func(c contracts.CreateSeatAssignments) uuid.UUID { return c.OrderID }, create,
				es.Reads(func(_ State, c contracts.CreateSeatAssignments) []es.Ref {
					return []es.Ref{catalogue.Ref(c.ConferenceID)}
				})),
			es.On(func(c contracts.CancelSeatAssignments) uuid.UUID { return c.OrderID }, cancel),
			es.On(func(c contracts.AssignSeat) uuid.UUID { return c.OrderID }, assign,
				es.Reads(func(s State, c contracts.AssignSeat) []es.Ref { return s.handedOnBy(c.OrderID) })),
			es.On(func(c contracts.UnassignSeat) uuid.UUID { return c.OrderID }, unassign,
				es.Reads(func(s State, c contracts.UnassignSeat) []es.Ref { return s.handedOnBy(c.OrderID) })),
		},
		Evolve:          evolve,
		AnswersNoEffect: true,
		SnapshotSchema:  1,
	}
}

// handedOnBy is the order, whose end takes its seats away, and the catalogue, which says
// until when seats are handed on. A batch may hold both the creation and an assignment,
// so the creation reads the catalogue as well: the assignment learns the conference from
// it.
func (s State) handedOnBy(orderID uuid.UUID) []es.Ref {
	return []es.Ref{order.Ref(orderID), catalogue.Ref(s.ConferenceID)}
}

// handOvers bounds how often the seats of an order are given, corrected or taken
// back by their holder, refused attempts included: the stream keeps the ids of
// all of them.
const (
	handOversPerSeat  = 4
	handOversPerOrder = 100 // beside those
)

func (s State) refuseTooMany(env es.Env, byOrganiser bool) error {
	if most := handOversPerOrder + handOversPerSeat*len(s.Seats); !byOrganiser && env.Handled >= most {
		return es.RefuseUnrecorded(refusal.TooManyHandOvers, "the %d seats of this order are handed on %d times", len(s.Seats), most)
	}
	return nil
}

// create opens one position per seat, once.
func create(_ es.Env, s State, c contracts.CreateSeatAssignments) ([]any, error) {
	if len(s.Seats) > 0 {
		return nil, nil
	}
	e := contracts.SeatAssignmentsCreated{OrderID: c.OrderID, ConferenceID: c.ConferenceID}
	for _, seats := range c.Seats {
		for range seats.Quantity {
			e.Positions = append(e.Positions, seats.SeatType)
		}
	}
	if len(e.Positions) == 0 {
		return nil, es.Refuse(refusal.ItemsRequired, "there are no seats to assign")
	}
	return []any{e}, nil
}

// cancel closes positions that were given back, and takes them from their attendees. It
// may come before the positions are opened.
func cancel(_ es.Env, s State, c contracts.CancelSeatAssignments) (events []any, err error) {
	gone := contracts.SeatAssignmentsCancelled{OrderID: c.OrderID}
	for _, position := range c.Positions {
		if slices.Contains(s.Cancelled, position) {
			continue
		}
		gone.Positions = append(gone.Positions, position)
		if position < len(s.Seats) && s.Seats[position].Attendee != nil {
			events = append(events, contracts.SeatUnassigned{OrderID: c.OrderID, Position: position})
		}
	}
	if gone.Positions == nil {
		return nil, nil
	}
	return append(events, gone), nil
}

// assign gives a seat to an attendee. The e-mail address, in any way of writing
// it, tells whether it is another person or a correction of the same one.
func assign(env es.Env, s State, c contracts.AssignSeat) ([]any, error) {
	seat, err := s.seat(env, c.OrderID, c.Position, c.ByOrganiser)
	if err != nil {
		return nil, err
	}
	if c.Attendee.Person, err = c.Attendee.Kept(); err != nil {
		return nil, err
	}
	assigned := contracts.SeatAssigned{
		OrderID: c.OrderID, Position: c.Position, SeatType: seat.SeatType, Attendee: c.Attendee,
	}
	switch {
	case seat.Attendee == nil:
		return []any{assigned}, nil
	case *seat.Attendee == c.Attendee:
		return nil, nil
	case text.SameEmail(seat.Attendee.Email, c.Attendee.Email):
		return []any{contracts.SeatAssignmentUpdated{
			OrderID: c.OrderID, Position: c.Position, Attendee: c.Attendee,
		}}, nil
	default:
		return []any{contracts.SeatUnassigned{OrderID: c.OrderID, Position: c.Position}, assigned}, nil
	}
}

// unassign frees a seat, if somebody has it.
func unassign(env es.Env, s State, c contracts.UnassignSeat) ([]any, error) {
	seat, err := s.seat(env, c.OrderID, c.Position, c.ByOrganiser)
	if err != nil {
		return nil, err
	}
	if seat.Attendee == nil {
		return nil, nil
	}
	return []any{contracts.SeatUnassigned{OrderID: c.OrderID, Position: c.Position}}, nil
}

// seat finds a position of an order that has not been cancelled, while its seats
// are handed on: the organiser does that after the deadline too.
func (s State) seat(env es.Env, orderID uuid.UUID, position int, byOrganiser bool) (Seat, error) {
	if err := s.refuseTooMany(env, byOrganiser); err != nil {
		return Seat{}, err
	}
	if len(s.Seats) == 0 {
		return Seat{}, es.Refuse(refusal.OrderNotFound, "the order has no seats to assign, or not yet")
	}
	placed, _ := es.StateOf[order.State](env, order.Ref(orderID))
	if placed.Status == order.Cancelled {
		return Seat{}, es.Refuse(refusal.OrderCancelled, "the order was cancelled")
	}
	if position < 0 || position >= len(s.Seats) {
		return Seat{}, es.Refuse(refusal.NoSuchPosition, "the order has positions 0 to %d", len(s.Seats)-1)
	}
	if slices.Contains(s.Cancelled, position) || position < len(placed.Positions) && placed.Positions[position].Cancelled {
		return Seat{}, es.Refuse(refusal.SeatGivenBack, "the seat at position %d was given back", position)
	}
	if byOrganiser {
		return s.Seats[position], nil
	}
	of, known := es.StateOf[catalogue.State](env, catalogue.Ref(s.ConferenceID))
	if !known {
		return Seat{}, es.Refuse(refusal.ConferenceNotReady, "the conference is not known here, or not yet")
	}
	if deadline := of.HandOverDeadline(); !env.Now.Before(deadline) {
		return Seat{}, es.Refuse(refusal.HandOverClosed, "seats were handed on until %s", deadline.UTC().Format(time.RFC3339))
	}
	return s.Seats[position], nil
}

func evolve(s State, event any) State {
	switch e := event.(type) {
	case contracts.SeatAssignmentsCreated:
		s.ConferenceID = e.ConferenceID
		s.Seats = make([]Seat, len(e.Positions))
		for i, seatType := range e.Positions {
			s.Seats[i].SeatType = seatType
		}
	case contracts.SeatAssignmentsCancelled:
		s.Cancelled = append(slices.Clone(s.Cancelled), e.Positions...)
	case contracts.SeatAssigned:
		s.Seats[e.Position].Attendee = &e.Attendee
	case contracts.SeatAssignmentUpdated:
		s.Seats[e.Position].Attendee = &e.Attendee
	case contracts.SeatUnassigned:
		s.Seats[e.Position].Attendee = nil
	}
	return s
}
