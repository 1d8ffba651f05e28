package pages

import (
	"net/http"
	"strings"
	"time"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/pages/text"
)

// home lists the conferences: on sale, not yet on sale, and over.
func (v *Visit) home() {
	data := &homePage{Query: strings.TrimSpace(v.Query("q")), Guided: v.guided()}
	data.Groups = []group{{ID: "now", Title: "home.now"}, {ID: "soon", Title: "home.soon"}, {ID: "over", Title: "home.over"}}
	pages := []string{"soon", "over"}
	if only := v.Query("when"); only == "soon" || only == "over" { // a further page
		pages = []string{only}
	}
	for _, when := range pages {
		var found view.Catalogue
		after := ""
		if len(pages) == 1 {
			after = v.Query("after")
		}
		if p := v.Get("/api/catalogue?"+parameters("when", when, "q", data.Query, "after", after, "limit", "50"), &found); p != nil {
			v.refuse(p)
			return
		}
		for _, e := range found.Conferences {
			data.Found = true
			at := 0
			switch e.Sale {
			case view.SaleOver:
				at = 2
			case view.SaleNotOpen:
				at = 1
			}
			data.Groups[at].Conferences = append(data.Groups[at].Conferences, entry(e))
		}
		if found.Next != "" {
			data.More = "/?" + parameters("when", when, "q", data.Query, "after", found.Next)
		}
	}
	v.Render("home", http.StatusOK, data)
}

type homePage struct {
	Shell
	Query string
	Found bool
	// Guided says that there is a tour.
	Guided bool
	Groups []group
	// More is the next page of what is there.
	More string
}

type group struct {
	ID, Title   string
	Conferences []card
}

// card is a conference in the list.
type card struct {
	view.CatalogueEntry
	Zone         string
	Availability availability
	Over         bool
}

// entry is a conference of the catalogue as the list shows it.
func entry(e view.CatalogueEntry) card {
	c := card{CatalogueEntry: e, Zone: e.TimeZone, Over: e.Sale == view.SaleOver}
	c.Availability.Left = e.Remaining
	switch e.Sale {
	case view.SaleNotOpen:
		c.Availability.State = soon
		if !e.OpensAt.IsZero() {
			c.Availability.At = e.OpensAt.In(text.Zone(e.TimeZone))
		}
	case view.SaleOpen:
		c.Availability.State = left
	case view.SaleFewLeft:
		c.Availability.State = few
	case view.SaleSoldOut:
		c.Availability.State = soldOut
	default:
		c.Availability.State = closed
	}
	return c
}

// conference is a conference as pages show it.
type conference struct {
	view.Conference
	// Zone is the venue's time zone.
	Zone string
}

// How many seats there are, in words.
const (
	left    = "left"
	few     = "few"
	soldOut = "sold-out"
	soon    = "soon"   // sales have not begun
	closed  = "closed" // sales have ended
)

// availability says in words how many seats there are.
type availability struct {
	State string
	Left  int
	// At is when sales begin.
	At time.Time
}

// Available says how many seats there are of a type.
func (c conference) Available(t view.SeatType, now time.Time) availability {
	switch {
	case !now.Before(c.EndsAt), !t.Sales.Close.IsZero() && !now.Before(t.Sales.Close):
		return availability{State: closed}
	case now.Before(t.Sales.Open):
		return availability{State: soon, At: t.Sales.Open.In(text.Zone(c.Zone))}
	case t.Remaining <= 0:
		return availability{State: soldOut}
	case t.Remaining <= view.FewLeft:
		return availability{State: few, Left: t.Remaining}
	}
	return availability{State: left, Left: t.Remaining}
}

// availability of all seat types together: the best news that there is.
func (c conference) availability(now time.Time) availability {
	out := availability{State: soldOut}
	total := 0
	for _, t := range c.SeatTypes {
		a := c.Available(t, now)
		total += a.Left
		switch {
		case a.Left > 0:
			out = availability{State: left, Left: total}
		case total > 0:
		case a.State == soon && (out.State != soon || a.At.Before(out.At)):
			out = a
		case a.State == closed && out.State == soldOut:
			out = a
		}
	}
	if out.State == left && total <= view.FewLeft {
		out.State = few
	}
	return out
}
