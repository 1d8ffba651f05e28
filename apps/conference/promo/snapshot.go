package promo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
)

// snapshot is the JSON of a State. Orders that hold the same under the same number
// stand together, so that each costs little more than the 16 bytes of its id.
type snapshot struct {
	ConferenceID uuid.UUID              `json:"conferenceId"`
	Code         string                 `json:"code"`
	Details      contracts.PromoDetails `json:"details"`
	Retired      bool                   `json:"retired,omitempty"`
	Used         int                    `json:"used"`
	Held         []alike                `json:"held,omitempty"`
	Released     []alike                `json:"released,omitempty"`
	Updates      []string               `json:"updates,omitempty"`
	Clock        time.Time              `json:"clock,omitzero"`
	SweepAt      int                    `json:"sweepAt"`
}

// group is what orders have in common that stand together.
type group struct {
	Number   int       `json:"number"`
	Uses     int       `json:"uses,omitempty"`
	NotAfter time.Time `json:"notAfter,omitzero"`
}

// alike are the orders of a group: their ids, in ascending order, one after the
// other.
type alike struct {
	group
	Orders []byte `json:"orders"`
}

// MarshalJSON gives the same JSON for the same state.
func (s State) MarshalJSON() ([]byte, error) {
	return json.Marshal(snapshot{
		ConferenceID: s.ConferenceID, Code: s.Code, Details: s.Details, Retired: s.Retired, Used: s.Used,
		Held:     packed(s.Held, func(r Redemption) group { return group{Number: r.Number, Uses: r.Uses} }),
		Released: packed(s.Released, func(t Tombstone) group { return group{Number: t.Number, NotAfter: t.NotAfter} }),
		Updates:  s.Updates, Clock: s.Clock, SweepAt: s.SweepAt,
	})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *State) UnmarshalJSON(data []byte) (err error) {
	var from snapshot
	if err := json.Unmarshal(data, &from); err != nil {
		return err
	}
	*s = State{
		ConferenceID: from.ConferenceID, Code: from.Code, Details: from.Details, Retired: from.Retired, Used: from.Used,
		Updates: from.Updates, Clock: from.Clock, SweepAt: from.SweepAt,
	}
	if s.Held, err = unpacked(from.Held, func(g group) Redemption { return Redemption{g.Number, g.Uses} }); err != nil {
		return err
	}
	s.Released, err = unpacked(from.Released, func(g group) Tombstone { return Tombstone{g.Number, g.NotAfter} })
	return err
}

func packed[T any](orders map[uuid.UUID]T, groupOf func(T) group) (all []alike) {
	ids := make([]uuid.UUID, 0, len(orders))
	for id := range orders {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	at := map[group]int{}
	for _, id := range ids {
		g := groupOf(orders[id])
		i, ok := at[g]
		if !ok {
			i = len(all)
			at[g], all = i, append(all, alike{group: g})
		}
		all[i].Orders = append(all[i].Orders, id[:]...)
	}
	slices.SortFunc(all, func(a, b alike) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Uses, b.Uses), a.NotAfter.Compare(b.NotAfter))
	})
	return all
}

func unpacked[T any](all []alike, of func(group) T) (orders map[uuid.UUID]T, err error) {
	for _, a := range all {
		if len(a.Orders)%16 != 0 {
			return nil, fmt.Errorf("order ids: %d bytes are not a whole number of ids", len(a.Orders))
		}
		if orders == nil {
			orders = map[uuid.UUID]T{}
		}
		for id := range slices.Chunk(a.Orders, 16) {
			orders[uuid.UUID(id)] = of(a.group)
		}
	}
	return orders, nil
}
