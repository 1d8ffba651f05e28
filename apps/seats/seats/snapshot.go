package seats

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
)

// snapshot is the JSON of an Availability. Most orders hold the same few
// combinations of seats under the same number, so orders that are alike stand
// together, and each costs little more than the 16 bytes of its id: a
// conference with 20,000 committed orders takes less than half a megabyte.
type snapshot struct {
	ConferenceID uuid.UUID              `json:"conferenceId"`
	Types        []seatType             `json:"types"`
	Held         []sameSeats            `json:"held"`
	Released     []sameSeats            `json:"released"`
	Line         []waiting              `json:"line,omitempty"`
	Places       int                    `json:"places,omitempty"`
	Sale         contracts.SetSeatsSale `json:"sale,omitzero"`
	Moves        uint64                 `json:"moves,omitempty"`
	Clock        time.Time              `json:"clock,omitzero"`
	SweepAt      int                    `json:"sweepAt"`
}

// sameSeats is a group of orders that differ in nothing but their ids.
type sameSeats struct {
	Number    int             `json:"number"`
	Committed bool            `json:"committed,omitempty"`
	Seats     contracts.Seats `json:"seats,omitempty"`
	NotAfter  time.Time       `json:"notAfter,omitzero"`
	Orders    ids             `json:"orders"`
}

// waiting is an order in line. Wanted has two numbers for each seat type: which one of
// Types, and how many.
type waiting struct {
	Order        uuid.UUID `json:"order"`
	Number       int       `json:"number"`
	Place        int       `json:"place"`
	Wanted       []int     `json:"wanted"`
	AllOrNothing bool      `json:"allOrNothing,omitempty"`
	Changes      int       `json:"changes,omitempty"`
	NotAfter     time.Time `json:"notAfter"`
}

func (a *Availability) waiting() (line []waiting) {
	at := map[uuid.UUID]int{}
	for i, t := range a.types {
		at[t.ID] = i
	}
	for _, e := range a.line {
		w := waiting{Order: e.OrderID, Number: e.Number, Place: e.Place, AllOrNothing: e.AllOrNothing, Changes: e.Changes, NotAfter: e.NotAfter}
		for _, s := range e.Wanted {
			w.Wanted = append(w.Wanted, at[s.SeatType], s.Quantity)
		}
		line = append(line, w)
	}
	return line
}

// ids are order ids in ascending order, as one string of base64.
type ids []uuid.UUID

// MarshalJSON gives the same JSON for the same state.
func (a *Availability) MarshalJSON() ([]byte, error) {
	var held, released groups
	for id, r := range a.held {
		held.add(id, sameSeats{Number: r.number, Committed: r.committed, Seats: r.seats})
	}
	for id, t := range a.released {
		released.add(id, sameSeats{Number: t.number, NotAfter: t.notAfter})
	}
	return json.Marshal(snapshot{
		ConferenceID: a.conferenceID,
		Types:        a.types,
		Held:         held.sorted(),
		Released:     released.sorted(),
		Line:         a.waiting(),
		Places:       a.places,
		Sale:         a.sale,
		Moves:        a.moves,
		Clock:        a.clock,
		SweepAt:      a.sweepAt,
	})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Availability) UnmarshalJSON(data []byte) error {
	var s snapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	*a = *newAvailability()
	a.conferenceID, a.types, a.clock, a.sweepAt = s.ConferenceID, s.Types, s.Clock, s.SweepAt
	a.places, a.sale, a.moves = s.Places, s.Sale, s.Moves
	for _, w := range s.Line {
		e := entry{OrderID: w.Order, Number: w.Number, Place: w.Place, AllOrNothing: w.AllOrNothing, Changes: w.Changes, NotAfter: w.NotAfter}
		for of := range slices.Chunk(w.Wanted, 2) {
			if len(of) != 2 || of[0] < 0 || of[0] >= len(s.Types) {
				return fmt.Errorf("order %s waits for seats of a type that is not there", w.Order)
			}
			e.Wanted = append(e.Wanted, contracts.SeatQuantity{SeatType: s.Types[of[0]].ID, Quantity: of[1]})
		}
		a.line = append(a.line, e)
	}
	for _, g := range s.Held {
		for _, id := range g.Orders {
			a.held[id] = reservation{number: g.Number, committed: g.Committed, seats: g.Seats}
		}
	}
	for _, g := range s.Released {
		for _, id := range g.Orders {
			a.released[id] = tombstone{number: g.Number, notAfter: g.NotAfter}
		}
	}
	return nil
}

type groups struct {
	byKey map[string]*sameSeats
}

func (g *groups) add(id uuid.UUID, a sameSeats) {
	if g.byKey == nil {
		g.byKey = map[string]*sameSeats{}
	}
	key := binary.AppendVarint(nil, int64(a.Number))
	key = binary.AppendVarint(key, a.NotAfter.Unix())
	key = strconv.AppendBool(key, a.Committed)
	for _, s := range a.Seats {
		key = append(key, s.SeatType[:]...)
		key = binary.AppendVarint(key, int64(s.Quantity))
	}
	group, ok := g.byKey[string(key)]
	if !ok {
		group = &a
		g.byKey[string(key)] = group
	}
	group.Orders = append(group.Orders, id)
}

func (g *groups) sorted() []sameSeats {
	out := make([]sameSeats, 0, len(g.byKey))
	for _, group := range g.byKey {
		slices.SortFunc(group.Orders, compare)
		out = append(out, *group)
	}
	slices.SortFunc(out, func(a, b sameSeats) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), compare(a.Orders[0], b.Orders[0]))
	})
	return out
}

func compare(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

func (i ids) MarshalJSON() ([]byte, error) {
	packed := make([]byte, 0, 16*len(i))
	for _, id := range i {
		packed = append(packed, id[:]...)
	}
	return json.Marshal(packed)
}

func (i *ids) UnmarshalJSON(data []byte) error {
	var packed []byte
	if err := json.Unmarshal(data, &packed); err != nil {
		return err
	}
	if len(packed)%16 != 0 {
		return fmt.Errorf("order ids: %d bytes are not a whole number of ids", len(packed))
	}
	for id := range slices.Chunk(packed, 16) {
		*i = append(*i, uuid.UUID(id))
	}
	return nil
}
