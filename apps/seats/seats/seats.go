// Package seats holds SeatsAvailability: how many seats of each type a
// conference has, and which order holds which of them. It is the one place
// where seats are given out, so that no seat is given out twice.
//
// Messages may come late, twice and in any order. What makes that harmless:
//
//   - A request carries a number that only grows per order; one that is not
//     above the last number seen does nothing.
//   - A cancel leaves a tombstone with its number, so that the request it
//     overtook finds nothing to do.
//   - Requests and cancels carry notAfter. A request later than that is refused,
//     so a tombstone need not be kept longer.
//
// Time on a stream never runs backwards: a decision's time is that of the clock
// or of the latest event, whichever is later. Only a time that the stream has
// passed makes it forget a tombstone, and then the request that the tombstone
// stood against is refused by every replica, however far its clock is behind.
// The time that the stream keeps is never much later than the command's own
// (es.Env.TimeToKeep): one clock that is a day ahead must not stop a sale.
package seats

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Name is the aggregate's name; a stream's id is the conference's.
const Name = "seats"

// Aggregate is SeatsAvailability.
func Aggregate() es.Aggregate[*Availability] {
	return es.Aggregate[*Availability]{
		Name: Name,
		New:  newAvailability,
		Commands: []es.Command[*Availability]{
			es.On(func(c contracts.SetSeatsQuota) uuid.UUID { return c.ConferenceID }, setQuota),
			es.On(func(c contracts.MakeSeatReservation) uuid.UUID { return c.ConferenceID }, reserve),
			es.On(func(c contracts.CommitSeatReservation) uuid.UUID { return c.ConferenceID }, commit),
			es.On(func(c contracts.CancelSeatReservation) uuid.UUID { return c.ConferenceID }, cancel),
		},
		Evolve:   evolve,
		Conclude: (*Availability).announce,

		// The stream of a conference is long and hot: most repeats are found among
		// the recent ids, and one that is older does nothing by the rules above.
		Handled:       2000,
		SnapshotEvery: 512,
	}
}

// setQuota follows the organiser, also below what is held: then nothing
// remains, and what is held is honoured.
func setQuota(_ es.Env, a *Availability, c contracts.SetSeatsQuota) ([]any, error) {
	if t := a.seatType(c.SeatType); t != nil && c.Version <= t.Version {
		return nil, nil
	}
	return []any{contracts.SeatsQuotaSet(c)}, nil
}

// reserve gives an order what it wants as far as it goes, in place of what it
// holds pending.
func reserve(env es.Env, a *Availability, c contracts.MakeSeatReservation) ([]any, error) {
	now := env.Now
	if now.Before(a.clock) {
		now = a.clock
	}
	holds := a.held[c.OrderID]
	switch {
	case c.Number <= a.lastNumber(c.OrderID), holds.committed:
		return nil, nil
	case now.After(c.NotAfter):
		return nil, es.Refuse(refusal.RequestTooLate, "the request could wait until %s", c.NotAfter.Format(time.RFC3339))
	case len(a.types) == 0:
		return nil, es.Refuse(refusal.ConferenceNotReady, "the seats of this conference are not known yet")
	}
	for _, wanted := range c.Seats {
		if a.seatType(wanted.SeatType) == nil {
			return nil, es.Refuse(refusal.UnknownSeatType, "there is no seat type %s", wanted.SeatType)
		}
	}
	return []any{contracts.SeatsReserved{
		ConferenceID: c.ConferenceID,
		OrderID:      c.OrderID,
		Number:       c.Number,
		Granted:      a.grant(c, holds.seats),
		NotAfter:     c.NotAfter,
		At:           a.keep(env),
	}}, nil
}

// grant is, per type wanted, min(wanted, max(remaining, 0) + held): a change
// never loses what the order already holds and still wants. Types no longer
// wanted are not in it, and so are released.
func (a *Availability) grant(c contracts.MakeSeatReservation, held contracts.Seats) contracts.Seats {
	granted := contracts.Seats{}
	for i := range a.types {
		t := &a.types[i]
		wanted := c.Seats.Of(t.ID)
		n := min(wanted, max(t.remaining(), 0)+held.Of(t.ID))
		if n < wanted && c.AllOrNothing {
			return contracts.Seats{}
		}
		if n > 0 {
			granted = append(granted, contracts.SeatQuantity{SeatType: t.ID, Quantity: n})
		}
	}
	return granted
}

// commit makes the pending reservation of that number final.
func commit(_ es.Env, a *Availability, c contracts.CommitSeatReservation) ([]any, error) {
	if r, ok := a.held[c.OrderID]; !ok || r.committed || r.number != c.Number {
		return nil, nil
	}
	return []any{contracts.SeatsReservationCommitted(c)}, nil
}

// cancel releases what the order holds, pending or committed, unless a newer
// request was seen. It releases however late it comes, since otherwise seats
// would leak; only the tombstone ends with NotAfter.
func cancel(env es.Env, a *Availability, c contracts.CancelSeatReservation) ([]any, error) {
	if c.Number < a.lastNumber(c.OrderID) {
		return nil, nil
	}
	holds, ok := a.held[c.OrderID]
	if !ok && (a.stops(c) || a.hasPassed(c.NotAfter)) {
		return nil, nil // done before, or nothing can come any more that it should stop
	}
	return []any{contracts.SeatsReservationCancelled{
		ConferenceID: c.ConferenceID,
		OrderID:      c.OrderID,
		Number:       c.Number,
		Released:     append(contracts.Seats{}, holds.seats...),
		NotAfter:     c.NotAfter,
		At:           a.keep(env),
	}}, nil
}

// announce gives the numbers of all types that changed since they were last
// announced: one event for a whole batch of decisions.
func (a *Availability) announce() []any {
	var changed []contracts.SeatTypeAvailability
	for i := range a.types {
		if t := &a.types[i]; t.Unannounced {
			changed = append(changed, contracts.SeatTypeAvailability{SeatType: t.ID, Quota: t.Quota, Remaining: t.remaining()})
		}
	}
	if changed == nil {
		return nil
	}
	return []any{contracts.AvailableSeatsChanged{ConferenceID: a.conferenceID, Seats: changed}}
}
