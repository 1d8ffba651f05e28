package conference

import (
	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// MaxMoves is how often the lines of a conference can be moved: the seats app is told
// of all moves each time, so that it misses none and makes none twice.
const MaxMoves = 100

// closeWaitlist ends the line of a seat type.
func closeWaitlist(_ es.Env, s State, c contracts.CloseWaitlist) ([]any, error) {
	t, err := s.there(c.SeatTypeID)
	if err != nil || t.WaitlistClosed {
		return nil, err
	}
	return []any{contracts.WaitlistClosed{ConferenceID: s.ID, SeatTypeID: t.ID}}, nil
}

// reopenWaitlist lets people join the line of a seat type again.
func reopenWaitlist(_ es.Env, s State, c contracts.ReopenWaitlist) ([]any, error) {
	t, err := s.there(c.SeatTypeID)
	if err != nil || !t.WaitlistClosed {
		return nil, err
	}
	return []any{contracts.WaitlistReopened{ConferenceID: s.ID, SeatTypeID: t.ID}}, nil
}

// moveWaitlist moves those in line for one seat type to the end of another's line.
func moveWaitlist(_ es.Env, s State, c contracts.MoveWaitlist) ([]any, error) {
	from, err := s.there(c.SeatTypeID)
	if err != nil {
		return nil, err
	}
	to, err := s.there(c.To)
	switch {
	case err != nil:
		return nil, err
	case from.ID == to.ID:
		return nil, nil
	case to.WaitlistClosed:
		return nil, es.Refuse(refusal.WaitlistClosed, "nobody may wait for seats of type %s", to.ID)
	case len(s.Moves) >= MaxMoves:
		return nil, es.Refuse(refusal.TooManyMoves, "the lines of a conference can be moved %d times", MaxMoves)
	}
	return []any{contracts.WaitlistMoved{ConferenceID: s.ID, SeatTypeID: from.ID, To: to.ID}}, nil
}

// there is a seat type that was not removed.
func (s State) there(id uuid.UUID) (SeatType, error) {
	i, known := s.find(id)
	switch {
	case !known:
		return SeatType{}, es.Refuse(refusal.UnknownSeatType, "the conference has no such seat type")
	case s.SeatTypes[i].Removed:
		return SeatType{}, es.Refuse(refusal.SeatTypeRemoved, "the seat type was removed")
	}
	return s.SeatTypes[i], nil
}

func (s State) closed(seatType uuid.UUID, closed bool) State {
	if i, known := s.find(seatType); known {
		s.SeatTypes[i].WaitlistClosed, s.SaleVersion = closed, s.Version
	}
	return s
}

// sale is what the seats app is told: when seats are offered to those in line. Each
// seat type is sold when both its own window and the conference's are open.
func (s State) sale() contracts.SetSeatsSale {
	c := contracts.SetSeatsSale{
		ConferenceID: s.ID, Version: s.Version, Published: s.Published, StartsAt: s.Details.StartsAt,
		SeatTypes: []contracts.SeatTypeSale{}, Moves: s.Moves,
	}
	whole := s.Details.Within(contracts.SalesWindow{SalesUntil: s.Details.EndsAt})
	for _, t := range s.SeatTypes {
		if !t.Removed {
			c.SeatTypes = append(c.SeatTypes, contracts.SeatTypeSale{SeatType: t.ID, SalesWindow: windowInUTC(t.Within(whole)), WaitlistClosed: t.WaitlistClosed})
		}
	}
	return c
}
