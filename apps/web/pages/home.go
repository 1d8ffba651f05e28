package pages

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/contracts"
)

// home lists the conferences: on sale, not yet on sale, and over.
func (v *Visit) home() {
	data := &homePage{Query: strings.TrimSpace(v.Query("q"))}
	all, p := v.allConferences()
	if p != nil {
		v.refuse(p)
		return
	}
	data.Any = len(all) > 0
	data.Groups = []group{{ID: "now", Title: "home.now"}, {ID: "soon", Title: "home.soon"}, {ID: "over", Title: "home.over"}}
	for _, c := range all {
		if !c.matches(data.Query) {
			continue
		}
		data.Found = true
		card := card{conference: c, Availability: c.availability(v.Now), Over: !v.Now.Before(c.EndsAt)}
		card.From, card.Free = c.cheapest(v.Now)
		at := 0
		switch {
		case card.Over:
			at = 2
		case card.Availability.State == soon:
			at = 1
		}
		data.Groups[at].Conferences = append(data.Groups[at].Conferences, card)
	}
	for i, g := range data.Groups {
		slices.SortStableFunc(g.Conferences, func(a, b card) int {
			if i == 2 { // the latest first
				a, b = b, a
			}
			return a.StartsAt.Compare(b.StartsAt)
		})
	}
	v.Render("home", http.StatusOK, data)
}

type homePage struct {
	Shell
	Query      string
	Any, Found bool
	Groups     []group
}

type group struct {
	ID, Title   string
	Conferences []card
}

type card struct {
	conference
	Availability availability
	From         *contracts.Money
	Free, Over   bool
}

// conference is a conference as pages show it.
type conference struct {
	view.Conference
	// Zone is the venue's time zone.
	Zone string
}

// matches says whether the conference's name or place contains the words.
func (c conference) matches(query string) bool {
	words := plainWords(c.Name + " " + c.Location)
	for word := range strings.FieldsSeq(plainWords(query)) {
		if !strings.Contains(words, word) {
			return false
		}
	}
	return true
}

// plainWords makes texts comparable that differ in case, width or composition.
func plainWords(s string) string { return cases.Fold().String(norm.NFKC.String(s)) }

// cheapest is the lowest price of a seat that can be had, or of all if none can;
// free says that all of them cost nothing.
func (c conference) cheapest(now time.Time) (from *contracts.Money, free bool) {
	for _, any := range []bool{false, true} {
		for _, t := range c.SeatTypes {
			switch {
			case !any && c.Available(t, now).Left == 0:
			case t.Price.IsZero():
				free = true
			case from == nil || t.Price.Amount < from.Amount:
				from = &t.Price
			}
		}
		if from != nil || free {
			break
		}
	}
	return from, free && from == nil
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

// fewSeats is up to how many seats are few.
const fewSeats = 5

// Available says how many seats there are of a type.
func (c conference) Available(t view.SeatType, now time.Time) availability {
	switch {
	case !now.Before(c.EndsAt), !t.Sales.Close.IsZero() && !now.Before(t.Sales.Close):
		return availability{State: closed}
	case now.Before(t.Sales.Open):
		return availability{State: soon, At: t.Sales.Open.In(text.Zone(c.Zone))}
	case t.Remaining <= 0:
		return availability{State: soldOut}
	case t.Remaining <= fewSeats:
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
	if out.State == left && total <= fewSeats {
		out.State = few
	}
	return out
}
