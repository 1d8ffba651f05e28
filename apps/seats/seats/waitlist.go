package seats

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// MaxWaiting is how many orders may be in line for seats of a conference, so that its
// snapshot fits every store.
const MaxWaiting = 2000

// entry is an order in line. Who has a lower place is served first.
type entry struct {
	OrderID      uuid.UUID
	Number       int
	Place        int
	Wanted       contracts.Seats
	AllOrNothing bool
	Changes      int
	NotAfter     time.Time
}

// setSale follows the organiser: when seats are offered, which lines are closed or
// moved, and when the conference starts. Those in line are told what changes for them.
func (c Config) setSale(env es.Env, a *Availability, m contracts.SetSeatsSale) ([]any, error) {
	if m.Version <= a.sale.Version {
		return nil, nil
	}
	events := []any{contracts.SeatsSaleSet{SetSeatsSale: m}}
	line, touched := a.moved(m)
	for _, e := range line {
		left := slices.DeleteFunc(e.Wanted.Clone(), func(s contracts.SeatQuantity) bool { return !isOpen(m, s.SeatType) })
		change := contracts.WaitlistChanged{
			ConferenceID: m.ConferenceID, OrderID: e.OrderID, Number: e.Number, Change: e.Changes + 1, Place: e.Place, Wanted: left, Until: m.StartsAt,
		}
		switch closed := len(left) < len(e.Wanted); {
		case closed && (len(left) == 0 || e.AllOrNothing):
			events = append(events, contracts.WaitlistLeft{ConferenceID: m.ConferenceID, OrderID: e.OrderID, Number: e.Number})
		case closed, touched[e.OrderID], !m.StartsAt.Equal(a.sale.StartsAt):
			events = append(events, change)
		}
	}
	return c.withOffers(env, a, events), nil
}

// moved is the line after the moves that were not made yet: who waits for seats of the
// one type alone goes to the end of the other's line, in the order of the line. Who
// waits for others too keeps its places.
func (a *Availability) moved(m contracts.SetSeatsSale) (line []entry, touched map[uuid.UUID]bool) {
	line, touched = slices.Clone(a.line), map[uuid.UUID]bool{}
	places := a.places
	for _, move := range m.Moves {
		if move.Version <= a.moves {
			continue
		}
		var stay, gone []entry
		for _, e := range line {
			if len(e.Wanted) != 1 || e.Wanted[0].SeatType != move.From {
				stay = append(stay, e)
				continue
			}
			places++
			e.Place, e.Wanted = places, contracts.Seats{{SeatType: move.To, Quantity: e.Wanted[0].Quantity}}
			gone, touched[e.OrderID] = append(gone, e), true
		}
		line = append(stay, gone...)
	}
	return line, touched
}

// isOpen says whether orders may wait for a seat type.
func isOpen(sale contracts.SetSeatsSale, seatType uuid.UUID) bool {
	t, ok := saleOf(sale, seatType)
	return ok && !t.WaitlistClosed
}

func saleOf(sale contracts.SetSeatsSale, seatType uuid.UUID) (contracts.SeatTypeSale, bool) {
	i := slices.IndexFunc(sale.SeatTypes, func(t contracts.SeatTypeSale) bool { return t.SeatType == seatType })
	if i < 0 {
		return contracts.SeatTypeSale{}, false
	}
	return sale.SeatTypes[i], true
}

// join puts an order at the end of the line, in place of what it holds.
func (c Config) join(env es.Env, a *Availability, m contracts.JoinWaitlist) ([]any, error) {
	if m.Number <= a.lastNumber(m.OrderID) || a.held[m.OrderID].committed {
		return nil, nil
	}
	if err := a.refuseRequest(env, m.NotAfter, m.Seats); err != nil {
		return nil, err
	}
	if err := a.refuseToWait(a.keep(env), m); err != nil {
		return nil, err
	}
	return c.withOffers(env, a, []any{contracts.WaitlistJoined{
		ConferenceID: m.ConferenceID, OrderID: m.OrderID, Number: m.Number, Place: a.places + 1,
		Wanted: m.Seats, AllOrNothing: m.AllOrNothing, NotAfter: m.NotAfter, At: a.keep(env),
	}}), nil
}

// refuseToWait refuses a place in line that would come to nothing. Until the sale is
// known, everybody may wait.
func (a *Availability) refuseToWait(now time.Time, m contracts.JoinWaitlist) error {
	others := len(a.line)
	if a.waits(m.OrderID) >= 0 {
		others--
	}
	switch {
	case others >= MaxWaiting:
		return es.Refuse(refusal.WaitlistFull, "%d orders are in line", others)
	case a.sale.Version == 0:
		return nil
	case !a.sale.Published:
		return es.Refuse(refusal.ConferenceNotPublished, "the conference does not take orders")
	}
	for _, s := range m.Seats {
		switch {
		case !isOpen(a.sale, s.SeatType):
			return es.Refuse(refusal.WaitlistClosed, "nobody may wait for seats of type %s", s.SeatType)
		case a.hasEnded(s.SeatType, now):
			return es.Refuse(refusal.SalesClosed, "seats of type %s are sold no more", s.SeatType)
		}
	}
	return nil
}

// offerSeats offers what became free by the clock alone.
func (c Config) offerSeats(env es.Env, a *Availability, _ contracts.OfferSeats) ([]any, error) {
	return c.withOffers(env, a, nil), nil
}

// withOffers adds to what was decided the offers that follow from it, so that no seat
// is free while an order is in line that may have it.
func (c Config) withOffers(env es.Env, a *Availability, events []any) []any {
	now := a.keep(env)
	b := a.after(events)
	if len(b.line) == 0 {
		return events
	}
	deadline := now.Add(c.Offer)
	if b.sale.StartsAt.Before(deadline) {
		deadline = b.sale.StartsAt
	}
	b.serve(func(t uuid.UUID) bool { return b.offers(t, now) }, func(e entry, granted contracts.Seats) {
		events = append(events, contracts.SeatsOffered{
			ConferenceID: b.conferenceID, OrderID: e.OrderID, Number: e.Number, Wanted: e.Wanted, Granted: granted, Deadline: deadline, At: now,
		})
	})
	return events
}

// after is what remains and who waits after these events. Of the orders that hold
// seats it knows those that the events are about.
func (a *Availability) after(events []any) *Availability {
	if len(a.line) == 0 && !slices.ContainsFunc(events, func(e any) bool { _, joined := e.(contracts.WaitlistJoined); return joined }) {
		return &Availability{}
	}
	b := newAvailability()
	b.conferenceID, b.clock, b.sale, b.moves, b.places = a.conferenceID, a.clock, a.sale, a.moves, a.places
	b.types, b.line = slices.Clone(a.types), slices.Clone(a.line)
	for _, event := range events {
		var orderID uuid.UUID
		switch e := event.(type) {
		case contracts.SeatsReserved:
			orderID = e.OrderID
		case contracts.SeatsReservationReduced:
			orderID = e.OrderID
		case contracts.SeatsReservationCancelled:
			orderID = e.OrderID
		case contracts.WaitlistJoined:
			orderID = e.OrderID
		}
		if r, ok := a.held[orderID]; ok {
			b.held[orderID] = r
		}
		evolve(b, event)
	}
	return b
}

// serve gives those in line, in their order, what remains of the types that may be had,
// and gives what then remains of each type. An order that wants all or nothing and
// cannot have all is passed over, and keeps its place.
func (a *Availability) serve(may func(seatType uuid.UUID) bool, give func(e entry, granted contracts.Seats)) (remains []int) {
	remains = make([]int, len(a.types))
	open, free := make([]bool, len(a.types)), 0
	for i := range a.types {
		remains[i] = max(a.types[i].remaining(), 0)
		if open[i] = remains[i] > 0 && may(a.types[i].ID); open[i] {
			free += remains[i]
		}
	}
	for _, e := range a.line {
		if free == 0 {
			break
		}
		granted := contracts.Seats{}
		for i := range a.types {
			wanted, n := e.Wanted.Of(a.types[i].ID), 0
			if open[i] {
				n = min(wanted, remains[i])
			}
			if n < wanted && e.AllOrNothing {
				granted = nil
				break
			}
			if n > 0 {
				granted = append(granted, contracts.SeatQuantity{SeatType: a.types[i].ID, Quantity: n})
			}
		}
		if granted.Total() == 0 {
			continue
		}
		for i := range a.types {
			remains[i] -= granted.Of(a.types[i].ID)
		}
		free -= granted.Total()
		give(e, granted)
	}
	return remains
}

// spare is what remains of each type beside what those in line would take, were seats
// offered now. It is less than what remains only while offers are suspended.
func (a *Availability) spare(now time.Time, but uuid.UUID) []int {
	b := *a
	b.line = slices.DeleteFunc(slices.Clone(a.line), func(e entry) bool { return e.OrderID == but })
	return b.serve(func(t uuid.UUID) bool { return !a.hasEnded(t, now) }, func(entry, contracts.Seats) {})
}

// offers says whether seats of a type are offered at that time: while the conference is
// published, before it starts, and in the type's sales window.
func (a *Availability) offers(seatType uuid.UUID, now time.Time) bool {
	t, ok := saleOf(a.sale, seatType)
	return ok && a.sale.Published && now.Before(a.sale.StartsAt) && !now.Before(t.SalesFrom) && before(now, t.SalesUntil)
}

// hasEnded says that seats of a type will not be offered any more, as things stand.
func (a *Availability) hasEnded(seatType uuid.UUID, now time.Time) bool {
	if a.sale.Version == 0 {
		return false
	}
	t, ok := saleOf(a.sale, seatType)
	return !ok || !now.Before(a.sale.StartsAt) || !before(now, t.SalesUntil)
}

// before says whether a bound is still to come; a zero time sets none.
func before(now, bound time.Time) bool { return bound.IsZero() || now.Before(bound) }

// waits is the index of an order in the line, -1 if it is not there.
func (a *Availability) waits(orderID uuid.UUID) int {
	return slices.IndexFunc(a.line, func(e entry) bool { return e.OrderID == orderID })
}

// leave takes an order out of the line.
func (a *Availability) leave(orderID uuid.UUID) (left entry, ok bool) {
	i := a.waits(orderID)
	if i < 0 {
		return entry{}, false
	}
	left = a.line[i]
	if a.line = slices.Delete(a.line, i, i+1); len(a.line) == 0 {
		a.line = nil
	}
	return left, true
}

// enter puts an order into the line at its place.
func (a *Availability) enter(e entry) {
	i, _ := slices.BinarySearchFunc(a.line, e.Place, func(e entry, place int) int { return e.Place - place })
	a.line = slices.Insert(a.line, i, e)
	a.places = max(a.places, e.Place)
}

// evolveWaitlist folds an event of the waitlist.
func (a *Availability) evolveWaitlist(event any) {
	switch e := event.(type) {
	case contracts.SeatsSaleSet:
		a.conferenceID = e.ConferenceID
		for _, move := range e.Moves {
			a.moves = max(a.moves, move.Version)
		}
		a.sale = e.SetSeatsSale
		a.sale.Moves = nil
	case contracts.WaitlistJoined:
		a.tick(e.At)
		a.release(e.OrderID)
		a.leave(e.OrderID)
		notAfter := e.NotAfter
		if t := a.released[e.OrderID]; t.notAfter.After(notAfter) {
			notAfter = t.notAfter // an earlier request may still come
		}
		delete(a.released, e.OrderID)
		a.enter(entry{OrderID: e.OrderID, Number: e.Number, Place: e.Place, Wanted: e.Wanted, AllOrNothing: e.AllOrNothing, NotAfter: notAfter})
	case contracts.WaitlistChanged:
		for _, w := range e.Wanted {
			if a.seatType(w.SeatType) == nil { // its quota is still on its way
				a.types = append(a.types, seatType{ID: w.SeatType})
			}
		}
		if was, ok := a.leave(e.OrderID); ok {
			was.Place, was.Wanted, was.Changes = e.Place, e.Wanted, e.Change
			a.enter(was)
		}
	case contracts.WaitlistLeft:
		if was, ok := a.leave(e.OrderID); ok {
			a.bury(e.OrderID, e.Number, was.NotAfter)
		}
	case contracts.SeatsOffered:
		a.tick(e.At)
		a.leave(e.OrderID)
		a.held[e.OrderID] = reservation{number: e.Number, seats: e.Granted}
		a.count(e.Granted, +1)
	}
}

// Waiting are the orders in line, those first that are served first.
func (a *Availability) Waiting() []uuid.UUID {
	orders := make([]uuid.UUID, len(a.line))
	for i, e := range a.line {
		orders[i] = e.OrderID
	}
	return orders
}

// Clock is the time of the latest decision that says its time.
func (a *Availability) Clock() time.Time { return a.clock }

// Idle are the seats that could be offered at that time and are not.
func (a *Availability) Idle(now time.Time) (idle contracts.Seats) {
	a.serve(func(t uuid.UUID) bool { return a.offers(t, now) }, func(_ entry, granted contracts.Seats) { idle = append(idle, granted...) })
	return idle
}
