package property

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
)

// line is what the events of seats say of who waits for what and who holds what, kept
// apart from the aggregate to compare with it.
type line struct {
	waiting map[uuid.UUID]contracts.WaitlistJoined
	ranks   map[uuid.UUID]map[uuid.UUID]int // by order and seat type
	holds   map[uuid.UUID]contracts.Seats
	offered map[uuid.UUID]bool // orders that hold what they were offered
	sale    contracts.SetSeatsSale
	known   contracts.SetSeatsSale // to seats
}

func newLine() line {
	return line{
		waiting: map[uuid.UUID]contracts.WaitlistJoined{}, ranks: map[uuid.UUID]map[uuid.UUID]int{},
		holds: map[uuid.UUID]contracts.Seats{}, offered: map[uuid.UUID]bool{},
	}
}

// sendSale tells seats what the order app is told in the catalogue.
func (w *world) sendSale() {
	w.sale.ConferenceID, w.sale.Version, w.sale.Published, w.sale.StartsAt = conference, w.version, w.catalogue.Published, w.catalogue.StartsAt
	if w.sale.SeatTypes == nil {
		for _, t := range seatTypes {
			w.sale.SeatTypes = append(w.sale.SeatTypes, contracts.SeatTypeSale{SeatType: t, SalesWindow: contracts.SalesWindow{SalesUntil: w.catalogue.EndsAt}})
		}
	}
	said := w.sale
	said.SeatTypes, said.Moves = slices.Clone(said.SeatTypes), slices.Clone(said.Moves)
	w.send(conference, said)
}

// wish is the wish to wait in line, of most orders.
func (w *world) wish(id uuid.UUID) *contracts.Waitlist {
	if w.chance("no waitlist", 30) {
		return nil
	}
	wish := contracts.Waitlist{AllOrNothing: w.chance("all or nothing", 30)}
	if id == orderIDs[0] {
		wish.RestID = &restID
	}
	return &wish
}

func (w *world) leave(id uuid.UUID) {
	if w.chance("leave the line", 40) {
		w.send(id, contracts.LeaveWaitlist{OrderID: id})
		return
	}
	w.send(id, contracts.CancelOrder{OrderID: id})
}

// organiseLine closes or reopens a line, moves one, or sells a type at other times.
func (w *world) organiseLine() {
	i := w.choose("line of", len(seatTypes))
	t := &w.sale.SeatTypes[i]
	switch w.choose("line", 6) {
	case 0, 1:
		t.WaitlistClosed = !t.WaitlistClosed
	case 2, 3:
		w.sale.Moves = append(w.sale.Moves, contracts.WaitlistMove{Version: w.version, From: seatTypes[i], To: seatTypes[(i+1)%len(seatTypes)]})
	case 4:
		t.SalesFrom = w.now.Add(pick(w, "from", time.Minute, time.Hour, -time.Hour))
	case 5:
		t.SalesUntil = w.now.Add(pick(w, "until", 24*time.Hour, 10*time.Minute))
	}
	w.catalogue.SeatTypes[i].SalesWindow = t.SalesWindow
	w.catalogue.Version = w.version
	w.catalogue.SeatTypes = slices.Clone(w.catalogue.SeatTypes)
	w.send(conference, w.catalogue)
	w.sendSale()
}

// noteLine follows the line, and checks each event of seats against it.
func (w *world) noteLine(event any) {
	changed := map[uuid.UUID]bool{}
	switch e := event.(type) {
	case contracts.SeatsSaleSet:
		if !w.known.Published && e.Published && len(w.waiting) > 0 {
			w.happened["offers after a suspension"] = true
		}
		w.known = e.SetSeatsSale
		return
	case contracts.WaitlistJoined:
		w.waiting[e.OrderID] = e
		delete(w.holds, e.OrderID)
		changed[e.OrderID] = true
	case contracts.WaitlistChanged:
		was := w.waiting[e.OrderID]
		if !was.Wanted.Equal(e.Wanted) && was.Place != e.Place {
			w.happened["a line moved"] = true
		}
		changed[e.OrderID] = was.Place != e.Place // the others must not be pushed back
		was.Place, was.Wanted = e.Place, e.Wanted
		w.waiting[e.OrderID] = was
	case contracts.WaitlistLeft:
		delete(w.waiting, e.OrderID)
		w.happened["a line closed"] = true
	case contracts.SeatsReserved:
		if _, waited := w.waiting[e.OrderID]; waited {
			w.happened["an order in line that was changed"] = true
		}
		delete(w.waiting, e.OrderID)
		w.checkNotOvertaken(e)
		w.holds[e.OrderID] = e.Granted
		delete(w.offered, e.OrderID)
	case contracts.SeatsReservationCancelled:
		if _, waited := w.waiting[e.OrderID]; waited {
			w.happened["a place left"] = true
		}
		if w.offered[e.OrderID] {
			w.happened["an offer that lapsed"] = true
		}
		delete(w.waiting, e.OrderID)
		delete(w.holds, e.OrderID)
		delete(w.offered, e.OrderID)
	case contracts.SeatsReservationReduced:
		w.holds[e.OrderID] = e.Kept
	case contracts.SeatsReservationCommitted:
		if w.offered[e.OrderID] {
			w.happened["an offer taken"] = true
		}
	case contracts.SeatsOffered:
		w.checkOffer(e)
		w.happened["seats offered"] = true
		if e.Granted.Total() < e.Wanted.Total() {
			w.happened["seats offered in part"] = true
		}
		delete(w.waiting, e.OrderID)
		w.holds[e.OrderID], w.offered[e.OrderID] = e.Granted, true
	case contracts.OrderWaitlisted:
		w.happened["an order waitlisted"] = true
		return
	case contracts.OrderPlaced:
		if e.WaitsFor != nil {
			w.happened["a rest that waits"] = true
		}
		return
	default:
		return
	}
	w.checkPositions(changed)
}

// checkPositions: nobody's position gets worse but that of those who were moved.
func (w *world) checkPositions(moved map[uuid.UUID]bool) {
	ranks := map[uuid.UUID]map[uuid.UUID]int{}
	for id, e := range w.waiting {
		ranks[id] = map[uuid.UUID]int{}
		for _, s := range e.Wanted {
			for _, other := range w.waiting {
				if other.Place < e.Place && other.Wanted.Of(s.SeatType) > 0 {
					ranks[id][s.SeatType]++
				}
			}
			if before, had := w.ranks[id][s.SeatType]; had && !moved[id] && ranks[id][s.SeatType] > before {
				w.t.Fatalf("order %s was number %d in line and is number %d", id, before+1, ranks[id][s.SeatType]+1)
			}
		}
	}
	w.ranks = ranks
}

// checkOffer: nobody who was before in line would have taken what was offered; it is
// what the order waits for; and it can be taken before the conference starts.
func (w *world) checkOffer(e contracts.SeatsOffered) {
	own, waits := w.waiting[e.OrderID]
	switch {
	case !waits || !own.Wanted.Equal(e.Wanted):
		w.t.Fatalf("order %s waits for %v and is offered seats as if for %v", e.OrderID, own.Wanted, e.Wanted)
	case own.AllOrNothing && !e.Granted.Equal(e.Wanted):
		w.t.Fatalf("order %s wants all or nothing of %v and is offered %v", e.OrderID, e.Wanted, e.Granted)
	case e.Deadline.After(w.known.StartsAt) || !e.Deadline.After(e.At) || e.Deadline.After(e.At.Add(offerFor)):
		w.t.Fatalf("order %s is offered seats at %s until %s; the conference starts at %s", e.OrderID, e.At, e.Deadline, w.known.StartsAt)
	case !w.known.Published:
		w.t.Fatalf("order %s is offered seats of a conference that is not published", e.OrderID)
	}
	for _, s := range e.Granted {
		if s.Quantity > e.Wanted.Of(s.SeatType) {
			w.t.Fatalf("order %s waits for %v and is offered %v", e.OrderID, e.Wanted, e.Granted)
		}
		i := slices.IndexFunc(w.known.SeatTypes, func(t contracts.SeatTypeSale) bool { return t.SeatType == s.SeatType })
		if window := w.known.SeatTypes[i].SalesWindow; e.At.Before(window.SalesFrom) || !e.At.Before(window.SalesUntil) {
			w.t.Fatalf("order %s is offered seats of type %s at %s, which are sold from %s to %s", e.OrderID, s.SeatType, e.At, window.SalesFrom, window.SalesUntil)
		}
		for id, other := range w.waiting {
			first := other.Place < own.Place
			wants := other.Wanted.Of(s.SeatType)
			if first && wants > 0 && (!other.AllOrNothing || len(other.Wanted) == 1 && wants <= s.Quantity) {
				w.t.Fatalf("order %s is offered seats of type %s before order %s, which was first", e.OrderID, s.SeatType, id)
			}
		}
	}
}

// checkNotOvertaken: an order that gets more than it has leaves enough for those in line.
func (w *world) checkNotOvertaken(e contracts.SeatsReserved) {
	s, _ := w.seats.get(conference)
	for _, got := range e.Granted {
		if got.Quantity <= w.holds[e.OrderID].Of(got.SeatType) || w.mayHaveEnded(got.SeatType) {
			continue
		}
		wanted := 0
		for _, other := range w.waiting {
			if !other.AllOrNothing {
				wanted += other.Wanted.Of(got.SeatType)
			}
		}
		if remains := s.Remaining(got.SeatType); remains < wanted {
			w.t.Fatalf("order %s got %d of type %s; %d remain for those in line, who want %d", e.OrderID, got.Quantity, got.SeatType, remains, wanted)
		}
	}
}

// mayHaveEnded says whether, by the clock of some replica, a type is sold no more.
func (w *world) mayHaveEnded(seatType uuid.UUID) bool {
	soon := w.now.Add(3 * time.Second)
	i := slices.IndexFunc(w.known.SeatTypes, func(t contracts.SeatTypeSale) bool { return t.SeatType == seatType })
	return i < 0 || !soon.Before(w.known.StartsAt) || !soon.Before(w.known.SeatTypes[i].SalesUntil)
}

// checkIdle: no seat is free that an order in line may have. Seats that may be had by
// the clock alone, since the last decision, wait for the next.
func (w *world) checkIdle() {
	s, ok := w.seats.get(conference)
	if !ok {
		return
	}
	then, now := s.Idle(s.Clock()), s.Idle(w.now.Add(3*time.Second))
	for _, idle := range now {
		if then.Of(idle.SeatType) > 0 {
			w.t.Fatalf("seats of type %s are free while %v wait", idle.SeatType, s.Waiting())
		}
	}
}

func (w *world) hasIdleSeats() bool {
	s, ok := w.seats.get(conference)
	return ok && s.Idle(w.now).Total() > 0
}

// checkLine: in the end nobody is in line, and the aggregate says the same as its events.
func (w *world) checkLine() {
	s, _ := w.seats.get(conference)
	if n := len(s.Waiting()) + len(w.waiting); n != 0 {
		w.t.Fatalf("%d orders are still in line", n)
	}
	for _, id := range orderIDs {
		if o, ok := w.orders.get(id); ok && o.Status == order.Waitlisted {
			w.t.Fatalf("order %s still waits", id)
		}
	}
}
