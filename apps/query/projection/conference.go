package projection

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

// Conference folds one event of a conference's own stream into its view. How
// many seats remain stands in the seats' stream; see AssembleConference.
func Conference(c *view.Conference, m message.Message) {
	switch e := m.Body.(type) {
	case contracts.ConferenceCreated:
		c.ID, c.Slug, c.Owner, c.Currency = e.ConferenceID, e.Slug, e.Owner, e.Currency
		if c.OrganisationID = e.OrganisationID; c.OrganisationID == uuid.Nil {
			c.OrganisationID = contracts.MainOrganisation
		}
		c.SeatTypes = []view.SeatType{}
		describe(c, e.Details)
	case contracts.ConferenceRenamed:
		c.Slug = e.Slug
	case contracts.ConferenceDeleted:
		// Nothing is shown of it any more, and it is found by nothing.
		*c = view.Conference{SeatTypes: []view.SeatType{}, Version: c.Version, Revision: c.Revision}
	case contracts.ConferenceUpdated:
		describe(c, e.Details)
	case contracts.ConferencePublished:
		c.Published, c.Public = true, true
	case contracts.ConferenceUnpublished:
		c.Published = false
	case contracts.SeatTypeAdded:
		c.SeatTypes = append(c.SeatTypes, view.SeatType{
			ID: e.SeatTypeID, Name: e.Name, Description: e.Description, Price: e.Price, Quota: e.Quota, SalesWindow: e.SalesWindow,
		})
	case contracts.SeatTypeUpdated:
		for i := range c.SeatTypes {
			if t := &c.SeatTypes[i]; t.ID == e.SeatTypeID {
				t.Name, t.Description, t.Price, t.Quota, t.SalesWindow = e.Name, e.Description, e.Price, e.Quota, e.SalesWindow
			}
		}
	case contracts.SeatTypeRemoved:
		c.SeatTypes = slices.DeleteFunc(c.SeatTypes, func(t view.SeatType) bool { return t.ID == e.SeatTypeID })
	case contracts.WaitlistClosed:
		closeLine(c, e.SeatTypeID, true)
	case contracts.WaitlistReopened:
		closeLine(c, e.SeatTypeID, false)
	case contracts.WaitlistMoved: // the seats say who was in it
	default:
		return
	}
	c.Revision++
	c.Version++ // as the conference counts its own events
}

func closeLine(c *view.Conference, seatType uuid.UUID, closed bool) {
	for i := range c.SeatTypes {
		if c.SeatTypes[i].ID == seatType {
			c.SeatTypes[i].WaitlistClosed = closed
		}
	}
}

func describe(c *view.Conference, d contracts.ConferenceDetails) {
	c.Name, c.Description, c.Location = d.Name, d.Description, d.Location
	c.TimeZone, c.StartsAt, c.EndsAt = d.TimeZone, d.StartsAt, d.EndsAt
	c.SalesWindow, c.RefundUntil, c.HandOverUntil = d.SalesWindow, d.RefundUntil, d.HandOverUntil
}

// Availability is how many seats remain, by seat type, and who is in line for them.
type Availability struct {
	Remaining map[uuid.UUID]int `json:"remaining"`
	Line      []view.Waiting    `json:"line,omitempty"` // in the order of their places
	Revision  int64             `json:"revision"`
}

// Seats folds one event of a conference's seats. Who holds them is not shown.
func Seats(a *Availability, m message.Message) {
	switch e := m.Body.(type) {
	case contracts.AvailableSeatsChanged:
		if a.Remaining == nil {
			a.Remaining = map[uuid.UUID]int{}
		}
		for _, s := range e.Seats {
			a.Remaining[s.SeatType] = s.Remaining
		}
	case contracts.WaitlistJoined:
		a.leave(e.OrderID)
		a.enter(view.Waiting{OrderID: e.OrderID, Place: e.Place, Wanted: e.Wanted, AllOrNothing: e.AllOrNothing, JoinedAt: e.At.UTC()})
	case contracts.WaitlistChanged:
		if was, ok := a.leave(e.OrderID); ok {
			was.Place, was.Wanted = e.Place, e.Wanted
			a.enter(was)
		}
	case contracts.WaitlistLeft:
		a.leave(e.OrderID)
	case contracts.SeatsOffered:
		a.leave(e.OrderID)
	case contracts.SeatsReserved:
		if _, ok := a.leave(e.OrderID); !ok {
			return
		}
	case contracts.SeatsReservationCancelled:
		if _, ok := a.leave(e.OrderID); !ok {
			return
		}
	default:
		return
	}
	a.Revision++
}

func (a *Availability) leave(order uuid.UUID) (left view.Waiting, ok bool) {
	i := slices.IndexFunc(a.Line, func(w view.Waiting) bool { return w.OrderID == order })
	if i < 0 {
		return view.Waiting{}, false
	}
	left = a.Line[i]
	a.Line = slices.Delete(a.Line, i, i+1)
	return left, true
}

func (a *Availability) enter(w view.Waiting) {
	i, _ := slices.BinarySearchFunc(a.Line, w.Place, func(w view.Waiting, place int) int { return w.Place - place })
	a.Line = slices.Insert(a.Line, i, w)
}

// PlaceOf is the place of an order in line, nil if it has none.
func (a Availability) PlaceOf(order uuid.UUID) *view.Place {
	i := slices.IndexFunc(a.Line, func(w view.Waiting) bool { return w.OrderID == order })
	if i < 0 {
		return nil
	}
	place := &view.Place{AllOrNothing: a.Line[i].AllOrNothing, Positions: []view.Position{}}
	for _, s := range a.Line[i].Wanted {
		position := 1
		for _, before := range a.Line[:i] {
			if before.Wanted.Of(s.SeatType) > 0 {
				position++
			}
		}
		place.Positions = append(place.Positions, view.Position{SeatType: s.SeatType, Position: position})
	}
	return place
}

// WaitsInVain is the first order in line that could be offered seats at that time; ok is
// false if none could. The seats app offers what is free whenever it decides, so there is
// one only when time alone opened a sale.
func (a Availability) WaitsInVain(c view.Conference, now time.Time) (order uuid.UUID, ok bool) {
	if !c.Published || !now.Before(c.StartsAt) {
		return uuid.Nil, false
	}
	free := func(s contracts.SeatQuantity) int {
		i := slices.IndexFunc(c.SeatTypes, func(t view.SeatType) bool { return t.ID == s.SeatType })
		if i < 0 {
			return 0
		}
		window := c.SeatTypes[i].SalesWindow.Within(c.SalesWindow).Within(contracts.SalesWindow{SalesUntil: c.EndsAt})
		if now.Before(window.SalesFrom) || !now.Before(window.SalesUntil) {
			return 0
		}
		return max(a.Remaining[s.SeatType], 0)
	}
	i := slices.IndexFunc(a.Line, func(w view.Waiting) bool {
		if w.AllOrNothing {
			return !slices.ContainsFunc(w.Wanted, func(s contracts.SeatQuantity) bool { return free(s) < s.Quantity })
		}
		return slices.ContainsFunc(w.Wanted, func(s contracts.SeatQuantity) bool { return free(s) > 0 })
	})
	if i < 0 {
		return uuid.Nil, false
	}
	return a.Line[i].OrderID, true
}

// AssembleConference makes the whole view of a conference from the folds of its
// streams, with its times as the clocks at the venue show them.
func AssembleConference(c view.Conference, a Availability) view.Conference {
	for i := range c.SeatTypes {
		t := &c.SeatTypes[i]
		t.Remaining = a.Remaining[t.ID]
		for _, w := range a.Line {
			if w.Wanted.Of(t.ID) > 0 {
				t.Waiting++
			}
		}
		window := t.SalesWindow.Within(c.SalesWindow).Within(contracts.SalesWindow{SalesUntil: c.EndsAt})
		t.Sales = view.Sales{Open: window.SalesFrom, Close: window.SalesUntil}
	}
	c.Revision += a.Revision
	inTimeZone(&c)
	return c
}

// inTimeZone writes the times of a conference in its time zone.
func inTimeZone(c *view.Conference) {
	zone, err := contracts.TimeZone(c.TimeZone)
	if err != nil {
		zone = time.UTC // a conference that this program's database does not know the time zone of
	}
	times := []*time.Time{&c.StartsAt, &c.EndsAt, &c.SalesFrom, &c.SalesUntil, &c.RefundUntil, &c.HandOverUntil}
	for i := range c.SeatTypes {
		t := &c.SeatTypes[i]
		times = append(times, &t.SalesFrom, &t.SalesUntil, &t.Sales.Open, &t.Sales.Close)
	}
	for _, t := range times {
		if !t.IsZero() { // that stands for none, also where it is written
			*t = t.In(zone)
		}
	}
}
