package projection

import (
	"slices"
	"strings"
	"time"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

// Order folds one event of an order's own stream into its view. Seats and
// payments have streams of their own; see Assemble.
func Order(o *view.Order, m message.Message) {
	switch e := m.Body.(type) {
	case contracts.OrderPlaced:
		o.ID, o.ConferenceID = e.OrderID, e.ConferenceID
		o.Status, o.Version = view.OrderPlaced, e.Version
		o.Lines = requested(e.Items)
		o.Deadline, o.Locator, o.WaitsFor = e.Deadline.UTC(), e.Locator, e.WaitsFor
		o.PlacedAt = m.Time.UTC()
	case contracts.OrderUpdated:
		o.Status, o.Version = view.OrderPlaced, e.Version
		o.Lines = requested(e.Items)
		o.Deadline, o.Offered = e.Deadline.UTC(), false
	case contracts.OrderWaitlisted:
		o.Status = view.OrderWaitlisted
		o.Deadline = e.Deadline.UTC()
	case contracts.OrderTotalsCalculated:
		o.Lines, o.Discounts, o.Total, o.Free = e.Lines, e.Discounts, e.Total, e.IsFreeOfCharge
	case contracts.OrderRegistrantAssigned:
		o.Registrant = &e.Registrant
	case contracts.OrderPartiallyReserved:
		o.Status = view.OrderPartiallyReserved
		o.Deadline, o.Offered = e.Deadline.UTC(), e.Offered
		if e.RestID != nil {
			o.RestID = e.RestID
		}
	case contracts.OrderReservationCompleted:
		o.Status = view.OrderReserved
		o.Deadline, o.Offered = e.Deadline.UTC(), e.Offered
	case contracts.OrderRejected:
		o.Status, o.Reason = view.OrderRejected, e.Reason
		for i := range o.Lines {
			o.Lines[i].State, o.Lines[i].Granted = contracts.LineSoldOut, 0
		}
	case contracts.OrderExpired:
		o.Status = view.OrderExpired
	case contracts.OrderConfirmed:
		// OrderReinstated always stands beside one of these.
		o.Status, o.PaymentID, o.ConfirmedAt = view.OrderConfirmed, e.PaymentID, m.Time.UTC()
		o.Positions = nil
		for i, p := range e.Positions {
			o.Positions = append(o.Positions, view.OrderPosition{Position: i, SeatType: p.SeatType, Price: p.Price})
		}
	case contracts.OrderSeatsCancelled:
		o.GivenBack = append(o.GivenBack, view.SeatsGivenBack{
			Number: e.Number, Positions: e.Positions, Refund: e.Refund, ByOrganiser: e.ByOrganiser, At: m.Time.UTC(),
		})
		for _, i := range e.Positions {
			if i >= 0 && i < len(o.Positions) {
				o.Positions[i].GivenBack = true
			}
		}
	case contracts.OrderCancelled:
		o.Status = view.OrderCancelled
	case contracts.OrderPromoCodeRequested:
		promoCode(o, e.Code, view.PromoCodeRequested, "")
	case contracts.OrderPromoCodeRejected:
		promoCode(o, e.Code, view.PromoCodeRefused, e.Reason)
	case contracts.DiscountApplied:
		promoCode(o, e.Code, view.PromoCodeApplied, "")
	case contracts.DiscountRemoved:
		promoCode(o, e.Code, "", "")
	default:
		return // a refusal, or an event that this view does not show
	}
	if !o.Status.Open() { // what was asked for and not answered never will be
		o.PromoCodes = slices.DeleteFunc(o.PromoCodes, func(c view.OrderPromoCode) bool { return c.State == view.PromoCodeRequested })
	}
	o.UpdatedAt = m.Time.UTC()
	o.Revision++
}

// requested are the lines of items until OrderTotalsCalculated, which follows
// at once, names and prices them.
func requested(items contracts.Seats) []contracts.OrderLine {
	lines := make([]contracts.OrderLine, 0, len(items))
	for _, item := range items {
		lines = append(lines, contracts.OrderLine{
			SeatType: item.SeatType, Requested: item.Quantity, State: contracts.LineRequested,
		})
	}
	return lines
}

// Seating is who sits where, of one order.
type Seating struct {
	Assignments []view.Assignment `json:"assignments"`
	Revision    int64             `json:"revision"`
}

// Assignments folds one event of an order's seat assignments.
func Assignments(s *Seating, m message.Message) {
	switch e := m.Body.(type) {
	case contracts.SeatAssignmentsCreated:
		s.Assignments = nil
		for i, seatType := range e.Positions {
			s.Assignments = append(s.Assignments, view.Assignment{Position: i, SeatType: seatType})
		}
	case contracts.SeatAssigned:
		s.seat(e.Position, &e.Attendee)
	case contracts.SeatAssignmentUpdated:
		s.seat(e.Position, &e.Attendee)
	case contracts.SeatUnassigned:
		s.seat(e.Position, nil)
	default:
		return
	}
	s.Revision++
}

func (s *Seating) seat(position int, attendee *contracts.Attendee) {
	if position >= 0 && position < len(s.Assignments) {
		s.Assignments[position].Attendee = attendee
	}
}

// Payment folds one event of a payment.
func Payment(p *view.Payment, m message.Message) {
	switch e := m.Body.(type) {
	case contracts.PaymentInitiated:
		p.ID, p.OrderID, p.Amount, p.Version, p.Provider = e.PaymentID, e.OrderID, e.Amount, e.Version, e.Provider
		p.Status, p.InitiatedAt = view.PaymentInitiated, m.Time.UTC()
	case contracts.PaymentCompleted:
		// Also after a rejection or cancellation: the provider's word wins.
		p.Status, p.Reason, p.ProviderReference, p.Amount = view.PaymentCompleted, "", e.ProviderReference, e.Amount
		p.CompletedAt = m.Time.UTC()
	case contracts.PaymentRejected:
		p.Status, p.Reason = view.PaymentRejected, e.Reason
	case contracts.PaymentCancelled:
		p.Status, p.Reason = view.PaymentCancelled, e.Reason
	case contracts.PaymentRefundRequested:
		refund(p, m.Time, e.RefundID, func(r *view.Refund) {
			r.Amount, r.Status, r.Reason, r.Attempts = e.Amount, view.PaymentRefundRequested, e.Reason, e.Attempt
		})
	case contracts.PaymentRefunded:
		refund(p, m.Time, e.RefundID, func(r *view.Refund) {
			r.Amount, r.Status, r.ProviderReference = e.Amount, view.PaymentRefunded, e.ProviderReference
		})
	case contracts.RefundFailed:
		refund(p, m.Time, e.RefundID, func(r *view.Refund) {
			r.Amount, r.Status, r.Reason, r.Attempts = e.Amount, view.PaymentRefundFailed, e.Reason, e.Attempt
		})
	default:
		return
	}
	p.UpdatedAt = m.Time.UTC()
	p.Revision++
}

// refund changes one refund of a payment. Once all of the money is to go back, the
// payment stands as its refunds do.
func refund(p *view.Payment, at time.Time, id int, change func(*view.Refund)) {
	i := slices.IndexFunc(p.Refunds, func(r view.Refund) bool { return r.ID == id })
	if i < 0 {
		i, p.Refunds = len(p.Refunds), append(p.Refunds, view.Refund{ID: id})
	}
	change(&p.Refunds[i])
	p.Refunds[i].UpdatedAt = at.UTC()
	all, sum, status := false, int64(0), view.PaymentRefunded
	for _, r := range p.Refunds {
		all, sum = all || r.ID == 0, sum+r.Amount.Amount
		if r.Status == view.PaymentRefundFailed || r.Status == view.PaymentRefundRequested && status == view.PaymentRefunded {
			status = r.Status
		}
	}
	if !all && sum < p.Amount.Amount {
		return
	}
	p.Status = status
	r := p.Refunds[i]
	p.Reason, p.RefundAttempts = r.Reason, r.Attempts
	if r.ProviderReference != "" {
		p.ProviderReference = r.ProviderReference
	}
}

// taken are the seats of an order that were not given back.
func taken(o view.Order, s Seating) (all []view.Assignment) {
	for _, a := range s.Assignments {
		if a.Position >= len(o.Positions) || !o.Positions[a.Position].GivenBack {
			all = append(all, a)
		}
	}
	return all
}

// Assemble makes the whole view of an order from the folds of its streams. A
// cancelled order has no seats, even if attendees were assigned.
func Assemble(o view.Order, s Seating, payments []view.Payment) view.Order {
	o.Assignments, o.Payments = []view.Assignment{}, []view.Payment{}
	if o.Discounts == nil {
		o.Discounts = []contracts.OrderDiscount{}
	}
	if o.PromoCodes == nil {
		o.PromoCodes = []view.OrderPromoCode{}
	}
	if o.Status != view.OrderCancelled {
		o.Assignments = append(o.Assignments, taken(o, s)...)
	}
	o.Payments = append(o.Payments, payments...)
	slices.SortFunc(o.Payments, func(a, b view.Payment) int {
		if c := a.InitiatedAt.Compare(b.InitiatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	o.Revision += s.Revision
	for _, p := range payments {
		o.Revision += p.Revision
	}
	return o
}
