package pages

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/problem"
)

// linePosition is where an order is in the line for a seat type.
type linePosition struct {
	Name     string
	Position int
}

// inLine finds out where the order is in line, and which orders belong to it.
func (d *orderPage) inLine(v *Visit) {
	o := d.Order
	d.Wish = d.Conference.wish(v.Request.PostForm, v.Now)
	d.Wish.Waits = d.Wish.Waits || o.Status == view.OrderWaitlisted
	if o.RestID != nil {
		d.RestLink = access.PagePath(*o.RestID, v.secret(o.ID))
	}
	if o.WaitsFor != nil {
		d.FirstLink = access.PagePath(*o.WaitsFor, v.secret(o.ID))
	}
	if o.Waitlist == nil {
		return
	}
	d.Wish.All = d.Wish.All || o.Waitlist.AllOrNothing
	for _, p := range o.Waitlist.Positions {
		for _, l := range o.Lines {
			if l.SeatType == p.SeatType {
				d.Positions = append(d.Positions, linePosition{l.Name, p.Position})
			}
		}
	}
}

// leaveLine gives up a place in line.
func (v *Visit) leaveLine(d *orderPage) *Failure {
	if p := v.toOrder(d, http.MethodDelete, "/waitlist", nil, nil); p != nil {
		return v.Fail(p, nothing)
	}
	return nil
}

type waitlistPage struct {
	Shell
	Conference conference
	Line       view.Waitlist
}

// Name is that of a seat type.
func (d *waitlistPage) Name(seatType uuid.UUID) string {
	for _, t := range d.Conference.SeatTypes {
		if t.ID == seatType {
			return t.Name
		}
	}
	return ""
}

// Others are the seat types to whose line another's can be moved.
func (d *waitlistPage) Others(than uuid.UUID) (types []view.SeatType) {
	for _, t := range d.Conference.SeatTypes {
		if t.ID != than && !t.WaitlistClosed {
			types = append(types, t)
		}
	}
	return types
}

// waitlist shows who is in line for a conference's seats.
func (v *Visit) waitlist(credential string) { v.showWaitlist(credential, http.StatusOK, nil) }

func (v *Visit) showWaitlist(credential string, status int, failed *Failure) {
	c, ok := v.readOwn(credential)
	if !ok {
		return
	}
	data := &waitlistPage{Conference: c}
	if !v.read(credential, "/api/organiser/conferences/"+c.ID.String()+"/waitlist", &data.Line) {
		return
	}
	data.Failed = failed
	v.working(&data.Shell, &c, "/waitlist")
	v.Render("waitlist", status, data)
}

// changeLine closes, reopens or moves the line of a seat type.
func (v *Visit) changeLine(credential string) {
	seatType, err := uuid.Parse(v.PostForm("seatType"))
	if err != nil {
		v.refuse(problem.New(problem.NotFound))
		return
	}
	var body any
	do := v.PostForm("do")
	switch do {
	case "close", "reopen":
	case "move":
		body = map[string]string{"to": v.PostForm("to")}
	default:
		v.refuse(problem.New(problem.NotFound))
		return
	}
	c, ok := v.readOwn(credential)
	if !ok {
		return
	}
	path := "/api/conferences/" + c.ID.String() + "/seat-types/" + seatType.String() + "/waitlist/" + do
	if p := v.change(credential, http.MethodPost, path, body); p != nil {
		v.showWaitlist(credential, p.Status, v.Fail(p, nothing))
		return
	}
	v.See(v.own() + "/waitlist")
}
