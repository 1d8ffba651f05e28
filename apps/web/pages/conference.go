package pages

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/apps/web/problem"
)

// allConferences reads the whole list of conferences that are on sale.
func (v *Visit) allConferences() ([]conference, *problem.Problem) {
	var out []conference
	for after := ""; ; {
		var page view.Conferences
		if p := v.Get("/api/conferences?limit=1000&after="+url.QueryEscape(after), &page); p != nil {
			return nil, p
		}
		for _, c := range page.Conferences {
			out = append(out, shown(c))
		}
		if after = page.Next; after == "" {
			return out, nil
		}
	}
}

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
	Conference conference
	Rows       []seatRow
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
}

// quantityField is the name of the field for a seat type's quantity.
func quantityField(seatType uuid.UUID) string { return "seats-" + seatType.String() }

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
	for _, t := range c.SeatTypes {
		field := quantityField(t.ID)
		data.Rows = append(data.Rows, seatRow{
			SeatType: t, Availability: c.Available(t, v.Now), Field: field,
			Value: strings.TrimSpace(data.typed.Get(field)),
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
