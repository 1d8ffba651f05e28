package pages

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/apps/web/problem"
)

// readConference reads a conference by its id or slug.
func (v *Visit) readConference(name string) (conference, *problem.Problem) {
	var c conference
	p := v.Get("/api/conferences/"+url.PathEscape(name), &c.Conference)
	return shown(c.Conference), p
}

// slug is what a conference's id or slug looks like.
var slug = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// shown is a conference as pages show it.
func shown(c view.Conference) conference {
	out := conference{Conference: c}
	out.Zone = c.TimeZone
	return out
}

func (c conference) path() string { return "/c/" + c.Slug }

// orderable stands in an offer for a seat type of which seats can be ordered, and
// waitable for one for whose seats one may wait in line.
const (
	orderable = "+"
	waitable  = "w"
)

// offer says of each seat type whether seats of it can be ordered.
func (c conference) offer(now time.Time) string {
	var out strings.Builder
	for _, t := range c.SeatTypes {
		if c.Available(t, now).Left > 0 {
			out.WriteString(orderable)
		} else if c.waits(t, now) {
			out.WriteString(waitable)
		} else {
			out.WriteByte('-')
		}
	}
	return out.String()
}

// waits says whether an order may wait in line for a seat type now.
func (c conference) waits(t view.SeatType, now time.Time) bool {
	return c.Published && !t.WaitlistClosed && now.Before(c.StartsAt) && c.Available(t, now).State == soldOut
}

// line says how many orders are in line for each seat type.
func (c conference) line() string {
	counts := make([]string, len(c.SeatTypes))
	for i, t := range c.SeatTypes {
		counts[i] = strconv.Itoa(t.Waiting)
	}
	return strings.Join(counts, " ")
}

// selectionCookie keeps what was chosen and typed before an order is placed, at
// the conference's own address, until the browser ends.
const (
	selectionCookie = "selection"
	selectionMost   = 3000 // bytes; a browser keeps 4096
)

// keepSelection keeps what was chosen and typed so far; nothing is held by it.
func (v *Visit) keepSelection() {
	kept := url.Values{}
	for name, values := range v.Request.PostForm {
		if strings.HasPrefix(name, quantityPrefix) || name == "first" || name == "last" || name == "email" {
			if values[0] != "" {
				kept.Set(name, values[0])
			}
		}
	}
	if value := kept.Encode(); slug.MatchString(v.Param("slug")) && len(value) <= selectionMost {
		v.setCookie(selectionCookie, value, "/c/"+v.Param("slug"), 0)
	}
	v.Header("Cache-Control", "no-store")
	v.Status(http.StatusNoContent)
}

// selection is what was kept; who says that a person is part of it.
func (v *Visit) selection() (kept url.Values, who bool) {
	value, err := v.Cookie(selectionCookie)
	if err != nil {
		return url.Values{}, false
	}
	kept, err = url.ParseQuery(value)
	if err != nil {
		return url.Values{}, false
	}
	return kept, kept.Has("first") || kept.Has("last") || kept.Has("email")
}

// conference shows a conference, with the form that places an order.
func (v *Visit) conference() {
	c, p := v.readConference(v.Param("slug"))
	if p != nil {
		v.refuse(p)
		return
	}
	if v.Param("slug") != c.Slug { // by id
		v.See("/c/" + c.Slug)
		return
	}
	v.showConference(c, http.StatusOK, &conferencePage{})
}

type conferencePage struct {
	Shell
	// None is how the sale stands if no seat can be ordered now.
	None       string
	Conference conference
	Rows       []seatRow
	Wish       wish
	// LineOnly says that one can only wait in line.
	LineOnly bool
	// Closed is the key of the text that says why nothing can be ordered.
	Closed  string
	Details personFields
	typed   url.Values
}

// seatRow is one seat type with a quantity.
type seatRow struct {
	view.SeatType
	Availability availability
	Field        string
	Value, Error string
	// Wait says that one may wait in line for its seats.
	Wait bool
}

// wish is the wish to wait in line, as a form has it.
type wish struct {
	Possible, Waits, All bool
}

// wish is what was chosen of c's lines. Where all that can be asked for is gone, waiting
// is the choice that makes sense.
func (c conference) wish(typed url.Values, now time.Time) wish {
	w := wish{Waits: typed.Get("waitlist") != "", All: typed.Get("all") != ""}
	for _, t := range c.SeatTypes {
		w.Possible = w.Possible || c.Published && !t.WaitlistClosed && now.Before(c.StartsAt)
	}
	offer := c.offer(now)
	w.Waits = w.Waits || strings.Contains(offer, waitable) && !strings.Contains(offer, orderable)
	return w
}

// wishTo adds the wish to wait in line to the body of a request.
func (v *Visit) wishTo(body map[string]any) map[string]any {
	if v.PostForm("waitlist") != "" {
		body["waitlist"], body["allOrNothing"] = true, v.PostForm("all") != ""
	}
	return body
}

// quantityField is the name of the field for a seat type's quantity.
func quantityField(seatType uuid.UUID) string { return quantityPrefix + seatType.String() }

const quantityPrefix = "seats-"

func (v *Visit) showConference(c conference, status int, data *conferencePage) {
	data.Conference, data.Details.FamilyFirst = c, v.Lang == text.Chinese
	data.Details.EmailHint = "person.email.hint"
	data.Live = "conference:" + c.Slug
	data.Path = "/c/" + c.Slug
	switch {
	case !v.Now.Before(c.EndsAt):
		data.Closed = "conference.over"
	case !c.Published:
		data.Closed = "conference.unpublished"
	}
	if data.Closed == "" && len(c.SeatTypes) > 0 {
		data.MainForm = "order"
	}
	if data.typed == nil {
		data.typed, data.Details.Open = v.selection()
		data.Details.First, data.Details.Last, data.Details.Email = data.typed.Get("first"), data.typed.Get("last"), data.typed.Get("email")
	}
	data.Offer = c.offer(v.Now)
	data.Wish = c.wish(data.typed, v.Now)
	data.LineOnly = strings.Contains(data.Offer, waitable) && !strings.Contains(data.Offer, orderable)
	if !strings.Contains(data.Offer, orderable) {
		data.None = c.availability(v.Now).State
	}
	for _, t := range c.SeatTypes {
		field := quantityField(t.ID)
		data.Rows = append(data.Rows, seatRow{
			SeatType: t, Availability: c.Available(t, v.Now), Field: field,
			Value: strings.TrimSpace(data.typed.Get(field)), Wait: c.waits(t, v.Now),
		})
	}
	v.Render("conference", status, data)
}

// quantities reads the quantities of a form. bad are the fields that hold no
// number.
func (v *Visit) quantities(types []view.SeatType) (items []item, bad []string) {
	for _, t := range types {
		field := quantityField(t.ID)
		typed := strings.TrimSpace(v.PostForm(field))
		if typed == "" {
			continue
		}
		n, err := strconv.Atoi(typed)
		if err != nil {
			bad = append(bad, field)
			continue
		}
		if n != 0 {
			items = append(items, item{SeatType: t.ID, Quantity: n})
		}
	}
	return items, bad
}

// item is a number of seats of one type, as the API takes it.
type item struct {
	SeatType uuid.UUID `json:"seatType"`
	Quantity int       `json:"quantity"`
}
