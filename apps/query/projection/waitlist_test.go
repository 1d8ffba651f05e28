package projection_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

var (
	lineAt    = time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)
	talk, lab = uuid.New(), uuid.New()
	one, two  = uuid.New(), uuid.New()
)

func wants(n int, seatType uuid.UUID) contracts.Seats {
	return contracts.Seats{{SeatType: seatType, Quantity: n}}
}

// inLine folds events of a conference's seats.
func inLine(events ...any) (a projection.Availability) {
	for _, e := range events {
		projection.Seats(&a, message.Message{Body: e})
	}
	return a
}

func joins(order uuid.UUID, place int, wanted contracts.Seats) contracts.WaitlistJoined {
	return contracts.WaitlistJoined{OrderID: order, Number: 2, Place: place, Wanted: wanted, At: lineAt}
}

func TestPositionsInLine(t *testing.T) {
	three := uuid.New()
	a := inLine(joins(one, 1, wants(2, lab)), joins(two, 2, wants(1, talk)), joins(three, 3, append(wants(1, talk), wants(1, lab)...)))
	at := func(a projection.Availability, order uuid.UUID) (positions []int) {
		if p := a.PlaceOf(order); p != nil {
			for _, p := range p.Positions {
				positions = append(positions, p.Position)
			}
		}
		return positions
	}
	if p := at(a, three); len(p) != 2 || p[0] != 2 || p[1] != 2 {
		t.Errorf("positions %v", p)
	}
	for name, event := range map[string]any{
		"an offer":           contracts.SeatsOffered{OrderID: one},
		"a cancellation":     contracts.SeatsReservationCancelled{OrderID: one},
		"another request":    contracts.SeatsReserved{OrderID: one},
		"a closed line":      contracts.WaitlistLeft{OrderID: one},
		"a move to the talk": contracts.WaitlistChanged{OrderID: one, Place: 4, Wanted: wants(2, talk)},
	} {
		b := inLine(joins(one, 1, wants(2, lab)), joins(two, 2, wants(1, talk)), joins(three, 3, append(wants(1, talk), wants(1, lab)...)), event)
		if p := at(b, three); len(p) != 2 || p[0] != 2 || p[1] != 1 {
			t.Errorf("after %s: positions %v", name, p)
		}
	}
	c := projection.AssembleConference(view.Conference{TimeZone: "UTC", SeatTypes: []view.SeatType{{ID: talk}, {ID: lab}}}, a)
	if c.SeatTypes[0].Waiting != 2 || c.SeatTypes[1].Waiting != 2 {
		t.Errorf("seat types: %+v", c.SeatTypes)
	}
}

// The sweep wakes the first in line who could be offered seats: there is one only when
// time alone opened a sale.
func TestTheFirstInLineWhoCouldBeServedIsFound(t *testing.T) {
	free := contracts.AvailableSeatsChanged{Seats: []contracts.SeatTypeAvailability{{SeatType: lab, Quota: 2, Remaining: 1}}}
	forAll := joins(one, 1, wants(2, lab))
	forAll.AllOrNothing = true
	a := inLine(free, forAll, joins(two, 2, wants(2, lab)))
	open := view.Conference{Published: true, StartsAt: lineAt.AddDate(0, 1, 0), EndsAt: lineAt.AddDate(0, 1, 1), SeatTypes: []view.SeatType{{ID: lab}}}
	if order, ok := a.WaitsInVain(open, lineAt); !ok || order != two {
		t.Errorf("found %v, %t", order, ok)
	}
	for name, change := range map[string]func(*view.Conference){
		"not published": func(c *view.Conference) { c.Published = false },
		"started":       func(c *view.Conference) { c.StartsAt = lineAt },
		"not open yet":  func(c *view.Conference) { c.SeatTypes[0].SalesFrom = lineAt.Add(time.Second) },
		"closed":        func(c *view.Conference) { c.SalesUntil = lineAt },
		"removed":       func(c *view.Conference) { c.SeatTypes = nil },
	} {
		c := open
		c.SeatTypes = []view.SeatType{{ID: lab}}
		change(&c)
		if order, ok := a.WaitsInVain(c, lineAt); ok {
			t.Errorf("%s: found %v", name, order)
		}
	}
}
