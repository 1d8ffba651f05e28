package registration

import (
	"time"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
)

// Wait is what the process knows of an order that waits in line if it gets no seats.
type Wait struct {
	AllOrNothing bool            `json:"allOrNothing,omitempty"`
	Until        time.Time       `json:"until"`            // the start of the conference
	Wanted       contracts.Seats `json:"wanted"`           // for Version, or what the organiser made of it
	Change       int             `json:"change,omitempty"` // the last change of its place in line
}

// waits notes whether the order waits for these items.
func (t turn) waits(w contracts.Waiting, items contracts.Seats) {
	t.Waiting = nil
	if w.Waitlist != nil {
		t.Waiting = &Wait{AllOrNothing: w.Waitlist.AllOrNothing, Until: w.WaitUntil, Wanted: items}
	}
}

// join puts the order in line, until the conference starts. The request to join is as
// useless as one for seats after the hold.
func (t turn) join() {
	t.Number++
	t.Request = t.out.Send(contracts.JoinWaitlist{
		ConferenceID: t.ConferenceID, OrderID: t.OrderID, Number: t.Number,
		NotAfter: t.notBefore(t.Deadline.Add(t.Times.Grace)), Seats: t.Waiting.Wanted, AllOrNothing: t.Waiting.AllOrNothing,
	})
	t.Phase = Waitlisted
	t.markWaitlisted()
}

func (t turn) markWaitlisted() {
	t.Deadline = t.Waiting.Until
	t.out.Send(contracts.MarkSeatsAsWaitlisted{OrderID: t.OrderID, Version: t.Version, Wanted: t.Waiting.Wanted, Deadline: t.Deadline})
	t.wakeAt(t.Deadline)
}

// seatsOffered tells the order what it was offered, and until when.
func (t turn) seatsOffered(m contracts.SeatsOffered) {
	if t.Phase != Waitlisted || m.Number != t.Number {
		return
	}
	t.Granted, t.Deadline = m.Granted, m.Deadline
	t.out.Send(contracts.MarkSeatsAsReserved{
		OrderID: t.OrderID, Version: t.Version, Granted: m.Granted, Wanted: m.Wanted, Deadline: m.Deadline,
	})
	t.wakeAt(t.Deadline)
	t.Phase = AwaitingPayment
}

// waitlistChanged tells the order what the organiser changed for it in line.
func (t turn) waitlistChanged(m contracts.WaitlistChanged) {
	if t.Phase != Waitlisted || m.Number != t.Number || m.Change <= t.Waiting.Change {
		return
	}
	t.Waiting.Change, t.Waiting.Wanted, t.Waiting.Until = m.Change, m.Wanted, m.Until
	t.markWaitlisted()
}

// waitlistLeft ends an order whose line was closed, or that may not join it.
func (t turn) waitlistLeft(number int, reason es.Code) {
	if t.Phase == Waitlisted && number == t.Number {
		t.rejectOrder(string(reason))
	}
}
