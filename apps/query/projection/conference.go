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
	default:
		return
	}
	c.Revision++
	c.Version++ // as the conference counts its own events
}

func describe(c *view.Conference, d contracts.ConferenceDetails) {
	c.Name, c.Description, c.Location = d.Name, d.Description, d.Location
	c.TimeZone, c.StartsAt, c.EndsAt = d.TimeZone, d.StartsAt, d.EndsAt
	c.SalesWindow, c.RefundUntil, c.HandOverUntil = d.SalesWindow, d.RefundUntil, d.HandOverUntil
}

// Availability is how many seats remain, by seat type.
type Availability struct {
	Remaining map[uuid.UUID]int `json:"remaining"`
	Revision  int64             `json:"revision"`
}

// Seats folds one event of a conference's seats. Who holds them is not shown.
func Seats(a *Availability, m message.Message) {
	e, ok := m.Body.(contracts.AvailableSeatsChanged)
	if !ok {
		return
	}
	if a.Remaining == nil {
		a.Remaining = map[uuid.UUID]int{}
	}
	for _, s := range e.Seats {
		a.Remaining[s.SeatType] = s.Remaining
	}
	a.Revision++
}

// AssembleConference makes the whole view of a conference from the folds of its
// streams, with its times as the clocks at the venue show them.
func AssembleConference(c view.Conference, a Availability) view.Conference {
	for i := range c.SeatTypes {
		t := &c.SeatTypes[i]
		t.Remaining = a.Remaining[t.ID]
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
