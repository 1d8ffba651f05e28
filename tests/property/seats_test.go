package property

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
)

// confirmAtOnce has an order of several seats confirmed, with a promo code or without, in
// time or too late, and gives a seat back before everybody has heard of it.
func (w *world) confirmAtOnce(id uuid.UUID) {
	var items contracts.Seats
	for _, seatType := range seatTypes {
		if n := pick(w, "quantity", 2, 1, 3, 0); n > 0 {
			items = append(items, contracts.SeatQuantity{SeatType: seatType, Quantity: n})
		}
	}
	w.send(id, contracts.RegisterToConference{OrderID: id, ConferenceID: conference, Items: items})
	w.arriveAll()
	w.send(id, contracts.AssignRegistrantDetails{OrderID: id, Registrant: ada})
	if code := pick(w, "code", freeSeats, halfPrice, noCode); code != noCode {
		w.send(id, contracts.ApplyPromoCode{OrderID: id, Code: code})
	}
	w.arriveAll()
	o, ok := w.orders.get(id)
	if !ok || o.Total.IsZero() {
		w.send(id, contracts.ConfirmOrder{OrderID: id})
		return
	}
	w.pay(id, o)
	w.arriveAll()
	if w.chance("it expires first", 30) {
		w.pass(times.Hold + times.Grace + time.Minute)
		w.wakeThoseDue()
		w.arriveAll()
	}
	payment := w.opened[len(w.opened)-1]
	if p, ok := w.payments.get(payment); ok {
		w.provider.taken[payment] = true
		w.send(id, contracts.CompletePayment{PaymentID: payment, Amount: p.Amount, ProviderReference: "demo"})
	}
	for range 12 { // until the order is confirmed and not everybody knows
		if len(w.inFlight) > 0 {
			w.deliver(false)
		}
		if o, _ := w.orders.get(id); o.Status == order.Confirmed {
			w.giveSeatsBack(id, o)
			return
		}
	}
}

// giveSeatsBack gives some seats of an order back: now and then by the organiser, all of
// them, or as of an order that is not confirmed.
func (w *world) giveSeatsBack(id uuid.UUID, o order.State) {
	cancel := contracts.CancelOrderSeats{OrderID: id, ByOrganiser: w.chance("by the organiser", 30)}
	first := w.choose("first position", max(1, len(o.Positions)))
	cancel.Positions = []int{first}
	if n := len(o.Positions); n > 1 && w.chance("two positions", 30) {
		cancel.Positions = append(cancel.Positions, (first+1)%n)
	}
	if w.chance("all positions", 5) {
		for i := range o.Positions {
			cancel.Positions = append(cancel.Positions, i)
		}
	}
	w.send(id, cancel)
}

// worth is what the seats that an order has were confirmed at.
func worth(o order.State) (sum int64) {
	for _, p := range o.Positions {
		if !p.Cancelled {
			sum += p.Price.Amount
		}
	}
	return sum
}

// checkSeats: the positions of a confirmed order are its seats, share what it costs among
// them, and those that were given back have no attendee.
func (w *world) checkSeats(id uuid.UUID, o order.State) {
	a, _ := w.assignments.get(id)
	if len(a.Seats) != len(o.Positions) {
		w.t.Fatalf("order %s was confirmed with %d seats and has %d positions", id, len(o.Positions), len(a.Seats))
	}
	var sum int64
	left := 0
	for i, p := range o.Positions {
		sum += p.Price.Amount
		switch {
		case p.Price.Amount < 0:
			w.t.Fatalf("order %s: position %d costs %s", id, i, p.Price)
		case p.SeatType != a.Seats[i].SeatType:
			w.t.Fatalf("order %s: position %d is of two seat types", id, i)
		case !p.Cancelled:
			left++
		case a.Seats[i].Attendee != nil:
			w.t.Fatalf("order %s: position %d was given back and is still assigned", id, i)
		}
	}
	if sum != o.Total.Amount || left != o.Items.Total() {
		w.t.Fatalf("order %s of %s has %v; its positions cost %d, and %d are left", id, o.Total, o.Items, sum, left)
	}
}

// noteSeats notes what an event says of seats that were given back.
func (f facts) noteSeats(e contracts.OrderSeatsCancelled) {
	f.happened["seats given back"] = true
	if e.PaymentID != nil {
		f.happened["seats given back for money"] = true
	}
	if e.Number > 1 {
		f.happened["seats given back twice"] = true
	}
	if f.reinstated[e.OrderID] {
		f.happened["seats given back of an order that was reinstated"] = true
	}
}
