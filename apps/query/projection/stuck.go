package projection

import (
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

// Rest finds in which ways an order rests where it should not: what should have followed
// an event of it more than bound ago and did not, unless an operator has closed its case
// since. events are those of the order's own streams and of others about it, each stream's
// in its order.
func Rest(id uuid.UUID, events []message.Message, now time.Time, bound time.Duration) view.StuckOrder {
	r := resting{payments: map[string]*view.Payment{}}
	for _, m := range events {
		r.see(m)
	}
	r.before = now.Add(-bound)
	r.judgeOrder()
	for _, stream := range slices.Sorted(maps.Keys(r.payments)) {
		r.judgePayment(*r.payments[stream])
	}
	r.judgeSeats()
	found := view.StuckOrder{OrderID: id, ConferenceID: r.order.ConferenceID, Status: r.order.Status, Stuck: r.found}
	for _, s := range r.found {
		if found.Since.IsZero() || s.Since.Before(found.Since) {
			found.Since = s.Since
		}
	}
	return found
}

// resting is what is known of an order that may rest.
type resting struct {
	order    view.Order
	asked    time.Time // when it asked for seats last
	ended    time.Time // when it was confirmed or ended; zero while it is open
	closed   time.Time // when an operator closed its case last
	payments map[string]*view.Payment
	held     contracts.Seats
	inLine   bool
	firm     bool      // the seats are the order's for good
	heldAt   time.Time // since when
	before   time.Time
	found    []view.Stuck
}

func (r *resting) see(m message.Message) {
	switch aggregate, _ := Aggregate(m.Stream); aggregate {
	case "order":
		Order(&r.order, m)
		r.seeOrder(m)
	case "payment":
		if r.payments[m.Stream] == nil {
			r.payments[m.Stream] = &view.Payment{}
		}
		Payment(r.payments[m.Stream], m)
	case "seats":
		r.seeSeats(m)
	}
}

func (r *resting) seeOrder(m message.Message) {
	switch m.Body.(type) {
	case contracts.OrderPlaced, contracts.OrderUpdated:
		r.asked = m.Time
	case contracts.OrderConfirmed, contracts.OrderExpired, contracts.OrderRejected, contracts.OrderCancelled:
		r.ended = m.Time
	case contracts.OrderCaseClosed:
		r.closed = m.Time
	}
}

func (r *resting) seeSeats(m message.Message) {
	hold := func(seats contracts.Seats) { r.held, r.inLine, r.firm, r.heldAt = seats, false, false, m.Time }
	switch e := m.Body.(type) {
	case contracts.SeatsReserved:
		hold(e.Granted)
	case contracts.SeatsOffered:
		hold(e.Granted)
	case contracts.SeatsReservationReduced:
		r.held = e.Kept
	case contracts.SeatsReservationCommitted:
		r.firm = true
	case contracts.SeatsReservationCancelled:
		hold(nil)
	case contracts.WaitlistJoined:
		hold(nil)
		r.inLine = true
	case contracts.WaitlistLeft:
		hold(nil)
	}
}

// add lists what was due at a time, if that is long ago and no operator has closed the
// case since.
func (r *resting) add(since time.Time, s view.Stuck) {
	if since.Before(r.before) && since.After(r.closed) {
		s.Since = since.UTC()
		r.found = append(r.found, s)
	}
}

func (r *resting) judgeOrder() {
	switch {
	case !r.order.Status.Open():
	case r.order.Deadline.Before(r.before):
		r.add(r.order.Deadline, view.Stuck{Kind: view.StuckOverdue})
	case r.order.Status == view.OrderPlaced:
		r.add(r.asked, view.Stuck{Kind: view.StuckUnanswered})
	}
}

func (r *resting) judgePayment(p view.Payment) {
	for _, refund := range p.Refunds {
		if refund.Status == view.PaymentRefundRequested {
			r.add(refund.UpdatedAt, view.Stuck{Kind: view.StuckRefund, PaymentID: &p.ID, Amount: &refund.Amount})
		}
	}
	if p.Status != view.PaymentCompleted {
		return
	}
	if r.order.Status == view.OrderConfirmed && r.order.PaymentID != nil && *r.order.PaymentID == p.ID {
		return
	}
	since := p.CompletedAt
	if r.ended.After(since) {
		since = r.ended
	}
	r.add(since, view.Stuck{Kind: view.StuckPayment, PaymentID: &p.ID, Amount: &p.Amount})
}

func (r *resting) judgeSeats() {
	since := r.ended
	if r.heldAt.After(since) {
		since = r.heldAt
	}
	holds := r.held.Total() > 0
	switch r.order.Status {
	case view.OrderConfirmed:
		if holds && !r.firm {
			r.add(since, view.Stuck{Kind: view.StuckUncommitted, Seats: r.held.Total()})
		}
	case view.OrderRejected, view.OrderExpired, view.OrderCancelled:
		if holds || r.inLine {
			r.add(since, view.Stuck{Kind: view.StuckSeats, Seats: r.held.Total()})
		}
	}
}
