package projection

import (
	"slices"

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
		c.ID, c.Slug, c.Currency = e.ConferenceID, e.Slug, e.Currency
		c.SeatTypes = []view.SeatType{}
		describe(c, e.Details)
	case contracts.ConferenceUpdated:
		describe(c, e.Details)
	case contracts.ConferencePublished:
		c.Published = true
	case contracts.ConferenceUnpublished:
		c.Published = false
	case contracts.SeatTypeAdded:
		c.SeatTypes = append(c.SeatTypes, view.SeatType{
			ID: e.SeatTypeID, Name: e.Name, Description: e.Description, Price: e.Price, Quota: e.Quota,
		})
	case contracts.SeatTypeUpdated:
		for i := range c.SeatTypes {
			if t := &c.SeatTypes[i]; t.ID == e.SeatTypeID {
				t.Name, t.Description, t.Price, t.Quota = e.Name, e.Description, e.Price, e.Quota
			}
		}
	case contracts.SeatTypeRemoved:
		c.SeatTypes = slices.DeleteFunc(c.SeatTypes, func(t view.SeatType) bool { return t.ID == e.SeatTypeID })
	default:
		return
	}
	c.Revision++
}

func describe(c *view.Conference, d contracts.ConferenceDetails) {
	c.Name, c.Description, c.Location = d.Name, d.Description, d.Location
	c.StartsAt, c.EndsAt, c.RefundUntil = d.StartsAt.UTC(), d.EndsAt.UTC(), d.RefundUntil.UTC()
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
// streams.
func AssembleConference(c view.Conference, a Availability) view.Conference {
	for i := range c.SeatTypes {
		c.SeatTypes[i].Remaining = a.Remaining[c.SeatTypes[i].ID]
	}
	c.Revision += a.Revision
	return c
}
