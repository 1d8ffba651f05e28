// Package seats holds SeatsAvailability: how many seats of each type a
// conference has, which order holds which of them, and which orders are in line for
// them. It is the one place where seats are given out, so that no seat is given out
// twice, and none is free while an order is in line that may have it.
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

// Config is what an installation decides about seats.
type Config struct {
	// Offer is how long seats are held that were offered to an order in line.
	Offer time.Duration
}

// Aggregate is SeatsAvailability, by one configuration.
func Aggregate(c Config) es.Aggregate[*Availability] {
	return Configured(func() Config { return c })
}

// Configured is SeatsAvailability by a configuration that may change.
func Configured(current func() Config) es.Aggregate[*Availability] {
	return es.Aggregate[*Availability]{
		Name: Name,
		New:  newAvailability,
		Commands: []es.Command[*Availability]{
			es.On(func(m contracts.SetSeatsQuota) uuid.UUID { return m.ConferenceID }, es.By(current, Config.setQuota)),
			es.On(func(m contracts.MakeSeatReservation) uuid.UUID { return m.ConferenceID }, es.By(current, Config.reserve)),
			es.On(func(m contracts.CommitSeatReservation) uuid.UUID { return m.ConferenceID }, commit),
			es.On(func(m contracts.CancelSeatReservation) uuid.UUID { return m.ConferenceID }, es.By(current, Config.cancel)),
			es.On(func(m contracts.ReduceSeatReservation) uuid.UUID { return m.ConferenceID }, es.By(current, Config.reduce)),
			es.On(func(m contracts.SetSeatsSale) uuid.UUID { return m.ConferenceID }, es.By(current, Config.setSale)),
			es.On(func(m contracts.JoinWaitlist) uuid.UUID { return m.ConferenceID }, es.By(current, Config.join)),
			es.On(func(m contracts.OfferSeats) uuid.UUID { return m.ConferenceID }, es.By(current, Config.offerSeats)),
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
func (c Config) setQuota(env es.Env, a *Availability, m contracts.SetSeatsQuota) ([]any, error) {
	if t := a.seatType(m.SeatType); t != nil && m.Version <= t.Version {
		return nil, nil
	}
	return c.withOffers(env, a, []any{contracts.SeatsQuotaSet(m)}), nil
}

// reserve gives an order what it wants as far as it goes, in place of what it
// holds pending and of its place in line.
func (c Config) reserve(env es.Env, a *Availability, m contracts.MakeSeatReservation) ([]any, error) {
	holds := a.held[m.OrderID]
	if m.Number <= a.lastNumber(m.OrderID) || holds.committed {
		return nil, nil
	}
	if err := a.refuseRequest(env, m.NotAfter, m.Seats); err != nil {
		return nil, err
	}
	return c.withOffers(env, a, []any{contracts.SeatsReserved{
		ConferenceID: m.ConferenceID,
		OrderID:      m.OrderID,
		Number:       m.Number,
		Granted:      a.grant(a.keep(env), m, holds.seats),
		NotAfter:     m.NotAfter,
		At:           a.keep(env),
	}}), nil
}

// refuseRequest refuses a request that comes too late, or for seats that are not known.
func (a *Availability) refuseRequest(env es.Env, notAfter time.Time, seats contracts.Seats) error {
	now := env.Now
	if now.Before(a.clock) {
		now = a.clock
	}
	switch {
	case now.After(notAfter):
		return es.Refuse(refusal.RequestTooLate, "the request could wait until %s", notAfter.Format(time.RFC3339))
	case len(a.types) == 0:
		return es.Refuse(refusal.ConferenceNotReady, "the seats of this conference are not known yet")
	}
	for _, wanted := range seats {
		if a.seatType(wanted.SeatType) == nil {
			return es.Refuse(refusal.UnknownSeatType, "there is no seat type %s", wanted.SeatType)
		}
	}
	return nil
}

// grant is, per type wanted, min(wanted, spare + held): a change never loses what the
// order already holds and still wants, and takes nothing that is for those in line.
// Types no longer wanted are not in it, and so are released.
func (a *Availability) grant(now time.Time, m contracts.MakeSeatReservation, held contracts.Seats) contracts.Seats {
	granted := contracts.Seats{}
	spare := a.spare(now, m.OrderID)
	for i := range a.types {
		t := &a.types[i]
		wanted := m.Seats.Of(t.ID)
		n := min(wanted, spare[i]+held.Of(t.ID))
		if n < wanted && m.AllOrNothing {
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

// reduce leaves the order no more than is to be kept, pending or committed. What is to be
// kept is absolute: a repeat, or one that an earlier reduction overtook, does nothing. The
// reservation keeps its number, so that a repeat of its request does nothing either.
func (c Config) reduce(env es.Env, a *Availability, m contracts.ReduceSeatReservation) ([]any, error) {
	holds, ok := a.held[m.OrderID]
	if !ok || m.Number != holds.number {
		return nil, nil
	}
	kept, released := contracts.Seats{}, contracts.Seats{}
	for _, s := range holds.seats {
		keep := min(s.Quantity, m.Keep.Of(s.SeatType))
		if keep > 0 {
			kept = append(kept, contracts.SeatQuantity{SeatType: s.SeatType, Quantity: keep})
		}
		if keep < s.Quantity {
			released = append(released, contracts.SeatQuantity{SeatType: s.SeatType, Quantity: s.Quantity - keep})
		}
	}
	if len(released) == 0 {
		return nil, nil
	}
	return c.withOffers(env, a, []any{contracts.SeatsReservationReduced{
		ConferenceID: m.ConferenceID, OrderID: m.OrderID, Number: m.Number, Kept: kept, Released: released, At: a.keep(env),
	}}), nil
}

// cancel releases what the order holds, pending or committed, and its place in line,
// unless a newer request was seen. It releases however late it comes, since otherwise
// seats would leak; only the tombstone ends with NotAfter.
func (c Config) cancel(env es.Env, a *Availability, m contracts.CancelSeatReservation) ([]any, error) {
	if m.Number < a.lastNumber(m.OrderID) {
		return nil, nil
	}
	holds, ok := a.held[m.OrderID]
	if !ok && a.waits(m.OrderID) < 0 && (a.stops(m) || a.hasPassed(m.NotAfter)) {
		return nil, nil // done before, or nothing can come any more that it should stop
	}
	return c.withOffers(env, a, []any{contracts.SeatsReservationCancelled{
		ConferenceID: m.ConferenceID,
		OrderID:      m.OrderID,
		Number:       m.Number,
		Released:     append(contracts.Seats{}, holds.seats...),
		NotAfter:     m.NotAfter,
		At:           a.keep(env),
	}}), nil
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
