// Package catalogue is the order app's own copy of what is on sale at which
// price. The conference app keeps it up to date, so that placing an order asks
// nobody.
package catalogue

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
)

// Name is the aggregate's name in its streams' names; the id is the
// conference's.
const Name = "catalogue"

// State is the latest catalogue of one conference.
type State struct {
	contracts.SetCatalogue
}

// SeatType finds a seat type that is on sale.
func (s State) SeatType(id uuid.UUID) (seatType contracts.CatalogueSeatType, onSale bool) {
	for _, t := range s.SeatTypes {
		if t.ID == id {
			return t, true
		}
	}
	return contracts.CatalogueSeatType{}, false
}

// SalesWindow is when a seat type is sold: inside its own window, the
// conference's, and before the conference's end.
func (s State) SalesWindow(t contracts.CatalogueSeatType) contracts.SalesWindow {
	whole := s.Within(contracts.SalesWindow{SalesUntil: s.EndsAt})
	return t.Within(whole)
}

// HandOverDeadline is until when the holders of orders say who has their seats.
func (s State) HandOverDeadline() time.Time {
	if s.HandOverUntil.IsZero() {
		return s.StartsAt
	}
	return s.HandOverUntil
}

// Ref names the catalogue of a conference, for decisions that read it.
func Ref(conferenceID uuid.UUID) es.Ref {
	return es.Ref{Aggregate: Name, ID: conferenceID.String()}
}

// Aggregate describes the catalogue to the engine.
func Aggregate() es.Aggregate[State] {
	return es.Aggregate[State]{
		Name: Name,
		New:  func() State { return State{} },
		Commands: []es.Command[State]{
			es.On(func(c contracts.SetCatalogue) uuid.UUID { return c.ConferenceID }, set),
		},
		Evolve: evolve,
		// The version makes a repeated SetCatalogue harmless for ever; a few ids
		// only spare the work.
		Handled:        20,
		SnapshotSchema: 1,
	}
}

// set takes a catalogue that is newer than the last; it is absolute, so an
// older one, or the same again, has nothing left to say.
func set(_ es.Env, s State, c contracts.SetCatalogue) ([]any, error) {
	if c.Version <= s.Version {
		return nil, nil
	}
	return []any{contracts.CatalogueSet{SetCatalogue: c}}, nil
}

func evolve(s State, event any) State {
	if e, ok := event.(contracts.CatalogueSet); ok {
		s.SetCatalogue = e.SetCatalogue
	}
	return s
}
