package seats

import (
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
)

// Availability is the state of one conference's seats. Per seat type,
// committed + pending + remaining = quota.
type Availability struct {
	conferenceID uuid.UUID
	types        []seatType                // in the order they became known
	held         map[uuid.UUID]reservation // by order
	released     map[uuid.UUID]tombstone   // by order; never one that is in held
	line         []entry                   // those in line, in the order of their places; none of them is in released
	places       int                       // the last place that was given
	sale         contracts.SetSeatsSale    // without its moves
	moves        uint64                    // version of the last move that was made
	clock        time.Time                 // of the latest event that has a time
	sweepAt      int                       // number of tombstones at which to look for expired ones
}

type seatType struct {
	ID          uuid.UUID `json:"id"`
	Quota       int       `json:"quota"`
	Version     uint64    `json:"version"` // of the conference, when it set the quota
	Held        int       `json:"held"`    // pending and committed
	Unannounced bool      `json:"unannounced,omitempty"`
}

// remaining is negative after the quota was lowered below what is held.
func (t *seatType) remaining() int { return t.Quota - t.Held }

// reservation is what an order holds, from its request of that number.
type reservation struct {
	number    int
	committed bool
	seats     contracts.Seats
}

// tombstone remembers the last number of an order that holds nothing, until no
// request up to that number can be in time any more.
type tombstone struct {
	number   int
	notAfter time.Time
}

const minSweep = 64

func newAvailability() *Availability {
	return &Availability{
		held:     map[uuid.UUID]reservation{},
		released: map[uuid.UUID]tombstone{},
		sweepAt:  minSweep,
	}
}

// evolve costs the same however many reservations there are: it touches those
// of one order.
func evolve(a *Availability, event any) *Availability {
	switch e := event.(type) {
	case contracts.SeatsQuotaSet:
		a.conferenceID = e.ConferenceID
		if a.seatType(e.SeatType) == nil {
			a.types = append(a.types, seatType{ID: e.SeatType})
		}
		t := a.seatType(e.SeatType)
		t.Quota, t.Version, t.Unannounced = e.Quota, e.Version, true
	case contracts.SeatsReserved:
		a.tick(e.At)
		a.release(e.OrderID)
		a.leave(e.OrderID)
		if e.Granted.Total() == 0 {
			a.bury(e.OrderID, e.Number, e.NotAfter)
			break
		}
		delete(a.released, e.OrderID)
		a.held[e.OrderID] = reservation{number: e.Number, seats: e.Granted}
		a.count(e.Granted, +1)
	case contracts.SeatsReservationCommitted:
		r := a.held[e.OrderID]
		r.committed = true
		a.held[e.OrderID] = r
	case contracts.SeatsReservationReduced:
		a.tick(e.At)
		r := a.held[e.OrderID]
		r.seats = e.Kept
		a.held[e.OrderID] = r
		a.count(e.Released, -1)
	case contracts.SeatsReservationCancelled:
		a.tick(e.At)
		a.release(e.OrderID)
		a.leave(e.OrderID)
		a.bury(e.OrderID, e.Number, e.NotAfter)
	case contracts.AvailableSeatsChanged:
		for _, s := range e.Seats {
			a.seatType(s.SeatType).Unannounced = false
		}
	default:
		a.evolveWaitlist(event)
	}
	return a
}

// keep is the time of a decision as the stream keeps it.
func (a *Availability) keep(env es.Env) time.Time {
	if kept := env.TimeToKeep(); kept.After(a.clock) {
		return kept
	}
	return a.clock
}

func (a *Availability) tick(at time.Time) {
	if at.After(a.clock) {
		a.clock = at
	}
}

// hasPassed says whether a time is behind the stream, so that no replica will
// take a request that could wait until then.
func (a *Availability) hasPassed(t time.Time) bool { return a.clock.After(t) }

func (a *Availability) release(orderID uuid.UUID) {
	if r, ok := a.held[orderID]; ok {
		a.count(r.seats, -1)
		delete(a.held, orderID)
	}
}

func (a *Availability) count(seats contracts.Seats, sign int) {
	for _, s := range seats {
		t := a.seatType(s.SeatType)
		t.Held += sign * s.Quantity
		t.Unannounced = true
	}
}

// bury leaves a tombstone. Now and then, when their number has doubled, those
// that expired are thrown away, so that the state stays as small as what is
// going on, and each event costs a constant share of the looking.
func (a *Availability) bury(orderID uuid.UUID, number int, notAfter time.Time) {
	// Whole seconds, rounded up: many fall together and share their place in a
	// snapshot.
	notAfter = notAfter.Add(time.Second - time.Nanosecond).Truncate(time.Second)
	if before := a.released[orderID].notAfter; before.After(notAfter) {
		notAfter = before // an earlier request may still come
	}
	a.released[orderID] = tombstone{number: number, notAfter: notAfter}
	if len(a.released) < a.sweepAt {
		return
	}
	maps.DeleteFunc(a.released, func(_ uuid.UUID, t tombstone) bool { return a.hasPassed(t.notAfter) })
	a.sweepAt = max(minSweep, 2*len(a.released))
}

func (a *Availability) seatType(id uuid.UUID) *seatType {
	for i := range a.types {
		if a.types[i].ID == id {
			return &a.types[i]
		}
	}
	return nil
}

// lastNumber is the last number seen for an order, 0 if none is remembered. A
// tombstone that expired is as good as forgotten, thrown away or not.
func (a *Availability) lastNumber(orderID uuid.UUID) int {
	if r, ok := a.held[orderID]; ok {
		return r.number
	}
	if i := a.waits(orderID); i >= 0 {
		return a.line[i].Number
	}
	if t := a.released[orderID]; !a.hasPassed(t.notAfter) {
		return t.number
	}
	return 0
}

// stops says whether a tombstone stands already that this cancel would leave.
func (a *Availability) stops(c contracts.CancelSeatReservation) bool {
	t := a.released[c.OrderID]
	return t.number >= c.Number && !t.notAfter.Before(c.NotAfter)
}

// Pending and Committed are the seats that orders hold of a type, counted one
// order at a time; Remaining is what the rules go by.
func (a *Availability) Pending(seatType uuid.UUID) int   { return a.sum(seatType, false) }
func (a *Availability) Committed(seatType uuid.UUID) int { return a.sum(seatType, true) }

func (a *Availability) sum(seatType uuid.UUID, committed bool) (n int) {
	for _, r := range a.held {
		if r.committed == committed {
			n += r.seats.Of(seatType)
		}
	}
	return n
}

// Quota and Remaining are the numbers of a type; 0 for an unknown one.
func (a *Availability) Quota(seatType uuid.UUID) int {
	if t := a.seatType(seatType); t != nil {
		return t.Quota
	}
	return 0
}

// Remaining is what could still be reserved; negative after the quota was
// lowered below what is held.
func (a *Availability) Remaining(seatType uuid.UUID) int {
	if t := a.seatType(seatType); t != nil {
		return t.remaining()
	}
	return 0
}

// HeldBy is what an order holds, and whether that is committed.
func (a *Availability) HeldBy(orderID uuid.UUID) (seats contracts.Seats, committed bool) {
	r := a.held[orderID]
	return r.seats, r.committed
}
