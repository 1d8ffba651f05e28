package projection

import (
	"time"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
)

// CatalogueEntry is how a published conference stands at a time.
func CatalogueEntry(c view.Conference, now time.Time) view.CatalogueEntry {
	e := view.CatalogueEntry{
		ID: c.ID, Slug: c.Slug, Name: c.Name, Location: c.Location, TimeZone: c.TimeZone, StartsAt: c.StartsAt, EndsAt: c.EndsAt,
	}
	var open, later, all []contracts.Money
	isOpen := false
	for _, t := range c.SeatTypes {
		all = append(all, t.Price)
		switch {
		case now.Before(t.Sales.Open):
			later = append(later, t.Price)
			if e.OpensAt.IsZero() || t.Sales.Open.Before(e.OpensAt) {
				e.OpensAt = t.Sales.Open
			}
		case t.Sales.Close.IsZero() || now.Before(t.Sales.Close):
			isOpen = true
			if t.Remaining > 0 {
				open = append(open, t.Price)
				e.Remaining += t.Remaining
			}
		}
	}
	switch {
	case !now.Before(c.EndsAt):
		e.Sale = view.SaleOver
	case e.Remaining > view.FewLeft:
		e.Sale = view.SaleOpen
	case e.Remaining > 0:
		e.Sale = view.SaleFewLeft
	case isOpen:
		e.Sale = view.SaleSoldOut
	case len(later) > 0, len(c.SeatTypes) == 0:
		e.Sale = view.SaleNotOpen
	default:
		e.Sale = view.SaleClosed
	}
	if isOpen || e.Sale == view.SaleOver {
		e.OpensAt = time.Time{}
	}
	for _, prices := range [][]contracts.Money{open, later, all} {
		if len(prices) > 0 {
			lowest := prices[0]
			for _, p := range prices {
				if lowest.IsZero() || !p.IsZero() && p.Amount < lowest.Amount { // a party for nothing does not make a conference free
					lowest = p
				}
			}
			e.From = &lowest
			break
		}
	}
	return e
}

// OrderSummary is an order as a list shows it.
func OrderSummary(o view.Order) view.OrderSummary {
	s := view.OrderSummary{
		ID: o.ID, ConferenceID: o.ConferenceID, Locator: o.Locator, Status: o.Status, Registrant: o.Registrant, Total: o.Total,
		Refund: o.Returned(), Reason: o.Reason, PlacedAt: o.PlacedAt, ConfirmedAt: o.ConfirmedAt, UpdatedAt: o.UpdatedAt,
	}
	if o.Status.Open() {
		s.Deadline = o.Deadline
	}
	for _, l := range o.Lines {
		if l.State == contracts.LineRequested {
			s.Seats += l.Requested
		} else {
			s.Seats += o.Has(l)
		}
	}
	return s
}

// AttendeeRows are the seats that a confirmed order has, in their order.
func AttendeeRows(o view.Order, s Seating) (rows []view.AttendeeRow) {
	for _, a := range taken(o, s) {
		row := view.AttendeeRow{
			OrderID: o.ID, Locator: o.Locator, Position: a.Position, SeatType: a.SeatType, Attendee: a.Attendee, Holder: o.Registrant,
		}
		for _, l := range o.Lines {
			if l.SeatType == a.SeatType {
				row.SeatName = l.Name
			}
		}
		rows = append(rows, row)
	}
	return rows
}
