package property

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/apps/payments/payment"
	"github.com/plenary/plenary/contracts"
)

var (
	conference = uuid.MustParse("c0000000-0000-4000-8000-000000000001")
	general    = uuid.MustParse("a0000000-0000-4000-8000-000000000001")
	workshop   = uuid.MustParse("a0000000-0000-4000-8000-000000000002")
	keynote    = uuid.MustParse("a0000000-0000-4000-8000-000000000003") // free of charge
	seatTypes  = []uuid.UUID{general, workshop, keynote}

	orderIDs = []uuid.UUID{
		uuid.MustParse("00000000-0000-4000-8000-000000000001"),
		uuid.MustParse("00000000-0000-4000-8000-000000000002"),
		uuid.MustParse("00000000-0000-4000-8000-000000000003"),
		restID,
	}
	// restID is the order that waits for what the first got less than it wanted.
	restID = uuid.MustParse("00000000-0000-4000-8000-000000000004")

	ada = contracts.Person{FirstName: "Ada", LastName: "Example", Email: "ada@example.com"}
)

func usd(cents int64) contracts.Money { return contracts.Money{Amount: cents, Currency: "USD"} }

// people are everybody outside who acts: registrants, the organiser, and the
// provider of payments.
type people struct {
	sent        int // messages sent so far
	version     uint64
	catalogue   contracts.SetCatalogue
	quotas      map[uuid.UUID]int // as the organiser set them last
	promoQuotas map[string]int
	opened      []uuid.UUID       // payments
	versions    map[uuid.UUID]int // of the items, by the payments that are for them
	provider    provider
}

// openConference is what must have arrived before anything else makes sense:
// everything later may be late.
func (w *world) openConference() {
	w.people = people{version: 1, quotas: map[uuid.UUID]int{}, promoQuotas: map[string]int{}, versions: map[uuid.UUID]int{}, provider: provider{map[uuid.UUID]bool{}, map[uuid.UUID]map[int]*refundAt{}}}
	w.catalogue = contracts.SetCatalogue{
		ConferenceID: conference, Version: 1, Published: true,
		SeatTypes: []contracts.CatalogueSeatType{
			{ID: general, Name: "General admission", Price: usd(199_00)},
			{ID: workshop, Name: "CQRS Workshop", Price: usd(500_00)},
			{ID: keynote, Name: "Keynote"},
		},
		StartsAt:    w.now.Add(24 * time.Hour),
		EndsAt:      w.now.Add(pick(w, "end", 48*time.Hour, 26*time.Hour)),
		RefundUntil: w.now.Add(pick(w, "refund window", 24*time.Hour, 0, time.Hour)),
	}
	w.catalogue.SeatTypes[2].Price = usd(0)
	w.send(conference, w.catalogue)
	w.sendSale()
	for _, seatType := range seatTypes {
		w.setQuota(seatType)
	}
	w.openPromoCodes()
	w.arriveAll()
}

// arriveAll has everything arrive that is on its way.
func (w *world) arriveAll() {
	for w.goOn(); len(w.inFlight) > 0; w.goOn() {
		w.deliver(false)
	}
}

func (w *world) setQuota(seatType uuid.UUID) {
	w.quotas[seatType] = pick(w, "quota", 6, 10, 3, 8, 1, 0)
	w.send(conference, contracts.SetSeatsQuota{
		ConferenceID: conference, SeatType: seatType, Quota: w.quotas[seatType], Version: w.version,
	})
}

func (w *world) items() contracts.Seats {
	var items contracts.Seats
	for _, seatType := range seatTypes {
		if n := pick(w, "quantity", 1, 0, 2, 3, 5); n > 0 {
			items = append(items, contracts.SeatQuantity{SeatType: seatType, Quantity: n})
		}
	}
	return items
}

// act has somebody do something, sensible or not.
func (w *world) act() {
	id := orderIDs[w.choose("order", len(orderIDs))]
	o, placed := w.orders.get(id)
	if !placed && id == restID {
		return
	}
	if !placed && w.chance("payment of an order that is not there", 15) {
		w.pay(id, order.State{Total: usd(199_00), Version: 1})
		return
	}
	if !placed {
		items := w.items()
		if w.paidAhead(id) && w.chance("what was paid ahead", 70) {
			items = contracts.Seats{{SeatType: general, Quantity: 1}}
		}
		w.send(id, contracts.RegisterToConference{OrderID: id, ConferenceID: conference, Items: items, Waitlist: w.wish(id)})
		return
	}
	if w.chance("operator", 6) {
		w.seeTo(id)
		return
	}
	if o.Status == order.Confirmed && w.chance("give seats back", 40) {
		w.giveSeatsBack(id, o)
		return
	}
	switch what := w.choose("act", 100); {
	case o.Registrant == nil && what < 40:
		w.send(id, contracts.AssignRegistrantDetails{OrderID: id, Registrant: ada})
	case what < 25:
		w.pay(id, o)
	case what < 60:
		w.provider.act(w)
	case what < 70:
		w.send(id, contracts.ConfirmOrder{OrderID: id})
	case what < 78:
		w.send(id, contracts.ChangeOrderItems{OrderID: id, Items: w.items(), Waitlist: w.wish(id)})
	case what < 87:
		w.usePromoCode(id)
	case what < 90:
		w.leave(id)
	case what < 96:
		w.organise()
	case what < 98:
		w.giveSeatsBack(id, o)
	default:
		position := w.choose("position", 2)
		if w.chance("unassign", 50) {
			w.send(id, contracts.UnassignSeat{OrderID: id, Position: position})
		} else {
			w.send(id, contracts.AssignSeat{OrderID: id, Position: position, Attendee: contracts.Attendee{Person: ada, Type: contracts.Paid}})
		}
	}
}

// seeTo has an operator do something about an order, whether it rests where it should not
// or not.
func (w *world) seeTo(id uuid.UUID) {
	const why = "an operator's reason"
	switch what := w.choose("operator does", 10); {
	case what < 4:
		w.send(id, contracts.RetryOrder{OrderID: id, Reason: why})
	case what < 6:
		w.send(id, contracts.ReleaseOrderSeats{OrderID: id, Reason: why})
	case what < 9:
		if len(w.opened) > 0 { // of any order: the order does not know its payments
			w.send(id, contracts.ReturnPayment{OrderID: id, PaymentID: w.opened[w.choose("payment", len(w.opened))], Reason: why})
		}
	default:
		w.send(id, contracts.CloseOrderCase{OrderID: id, Reason: why})
	}
}

// paidAhead says whether there is a payment of an order that is not there.
func (w *world) paidAhead(orderID uuid.UUID) bool {
	return slices.ContainsFunc(w.opened, func(id uuid.UUID) bool {
		p, ok := w.payments.get(id)
		return ok && p.OrderID == orderID
	})
}

// payAheadInVain pays for an order that is not there, until the process gives the
// payment up. The order may come after all, as it was paid for.
func (w *world) payAheadInVain(id uuid.UUID) {
	w.pay(id, order.State{Total: usd(199_00), Version: 1})
	w.arriveInTheEnd() // there is no page to pay on before
	payment := w.opened[len(w.opened)-1]
	w.provider.taken[payment] = true
	w.send(id, contracts.CompletePayment{PaymentID: payment, Amount: usd(199_00), ProviderReference: "demo"})
	w.arriveAll()
	w.pass(times.Hold + times.Grace + time.Minute)
	w.wakeThoseDue()
	w.arriveAll()
	if pick(w, "the order comes after all", true, false) {
		w.send(id, contracts.RegisterToConference{OrderID: id, ConferenceID: conference, Items: contracts.Seats{{SeatType: general, Quantity: 1}}})
		w.send(id, contracts.AssignRegistrantDetails{OrderID: id, Registrant: ada})
	}
}

// pay opens a payment of the total as the page shows it; now and then of
// another amount, as of a page that was long open.
func (w *world) pay(id uuid.UUID, o order.State) {
	amount, version := o.Total, o.Version
	if w.chance("old page", 10) {
		amount, version = usd(199_00), 1
	}
	paymentID := uuid.NewSHA1(id, []byte{byte(len(w.opened))})
	w.opened = append(w.opened, paymentID)
	w.versions[paymentID] = version
	w.send(id, contracts.InitiatePayment{PaymentID: paymentID, OrderID: id, Amount: amount, Version: version})
}

// organise changes a quota, or what is on sale.
func (w *world) organise() {
	if w.chance("retire a promo code", 5) {
		w.retirePromoCode()
		return
	}
	w.version++
	if w.chance("catalogue", 20) {
		w.catalogue.Version = w.version
		w.catalogue.Published = !w.catalogue.Published
		w.send(conference, w.catalogue)
		w.sendSale()
		return
	}
	if w.chance("line", 40) {
		w.organiseLine()
		return
	}
	w.setQuota(seatTypes[w.choose("seat type", len(seatTypes))])
}

// provider takes money, or says that it does not, whenever it likes; it may
// take it after it said that it would not. It gives money back once per attempt
// asked for, and the first attempt may fail.
type provider struct {
	taken map[uuid.UUID]bool              // payments of which it has the money
	back  map[uuid.UUID]map[int]*refundAt // by payment and refund
}

// refundAt is a refund as the provider knows it.
type refundAt struct {
	amount   int64
	attempts []bool // what became of each
}

func (p *provider) act(w *world) {
	if len(w.opened) == 0 {
		return
	}
	id := w.opened[w.choose("payment", len(w.opened))]
	s, ok := w.payments.get(id)
	if !ok {
		return // the payer has no page to pay on yet
	}
	switch w.choose("provider", 6) {
	case 0, 1, 2, 3:
		p.taken[id] = true
		w.send(s.OrderID, contracts.CompletePayment{PaymentID: id, Amount: s.Amount, ProviderReference: "demo"})
	case 4:
		w.send(s.OrderID, contracts.RejectPayment{PaymentID: id})
	case 5:
		w.send(s.OrderID, contracts.CancelPayment{PaymentID: id})
	}
}

// refund is what the payments app does for a PaymentRefundRequested.
func (p *provider) refund(w *world, e contracts.PaymentRefundRequested) {
	if p.back[e.PaymentID] == nil {
		p.back[e.PaymentID] = map[int]*refundAt{}
	}
	at := p.back[e.PaymentID][e.RefundID]
	if at == nil {
		at = &refundAt{amount: e.Amount.Amount}
		p.back[e.PaymentID][e.RefundID] = at
	}
	if at.amount != e.Amount.Amount {
		w.t.Fatalf("refund %d of payment %s was of %d, and is of %d", e.RefundID, e.PaymentID, at.amount, e.Amount.Amount)
	}
	if e.Attempt > len(at.attempts) {
		at.attempts = append(at.attempts, e.Attempt > 1 || !w.chance("refund fails", 20))
	}
	w.send(e.OrderID, contracts.RecordRefund{
		PaymentID: e.PaymentID, RefundID: e.RefundID, Attempt: e.Attempt, Succeeded: at.attempts[e.Attempt-1], Reason: "demo",
	})
}

// returned is how much of a payment was given back.
func (p *provider) returned(paymentID uuid.UUID) (sum int64) {
	for _, at := range p.back[paymentID] {
		for _, succeeded := range at.attempts {
			if succeeded {
				sum += at.amount
			}
		}
	}
	return sum
}

// retryRefunds is the operator, who asks again for every refund that failed.
func (w *world) retryRefunds() {
	for _, id := range w.opened {
		s, ok := w.payments.get(id)
		if !ok {
			continue
		}
		if s.Status == payment.RefundFailed {
			w.send(s.OrderID, contracts.RefundPayment{PaymentID: id, Reason: "again", Attempt: s.Attempt + 1})
		}
		for _, r := range s.Parts {
			if r.Status == payment.RefundFailed {
				w.send(s.OrderID, contracts.RefundPayment{PaymentID: id, RefundID: r.ID, Reason: "again", Attempt: r.Attempt + 1})
			}
		}
	}
}

// refundsRest says whether no refund of a payment is asked for and not made.
func refundsRest(s payment.State) bool {
	return s.Status != payment.Refunding && s.Status != payment.RefundFailed &&
		!slices.ContainsFunc(s.Parts, func(r payment.Refund) bool { return r.Status != payment.Refunded })
}
