package pages

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
)

// seatsPage says who sits where.
type seatsPage struct {
	Shell
	Order      view.Order
	Conference conference
	Seats      []seatForm
	Types      []contracts.AttendeeType
	Assigned   int
}

// seatForm is one seat with the form that gives it to somebody.
type seatForm struct {
	view.Assignment
	Number   int
	SeatName string
	personFields
	Type contracts.AttendeeType
	// Mine says that the form proposes the registrant.
	Mine    bool
	Failure *Failure
}

var attendeeTypes = []contracts.AttendeeType{contracts.Paid, contracts.Speaker, contracts.Volunteer, contracts.Student, contracts.TrackChair}

func (v *Visit) seats() {
	if data, ok := v.readSeats(); ok {
		v.Render("seats", http.StatusOK, data)
	}
}

func (v *Visit) readSeats() (*seatsPage, bool) {
	id, ok := v.orderID()
	if !ok {
		v.refuse(problem.New(problem.NotFound))
		return nil, false
	}
	order, ok := v.readOrder(id)
	if !ok {
		return nil, false
	}
	if order.Order.Status != view.OrderConfirmed {
		v.See(orderPath(id))
		return nil, false
	}
	data := &seatsPage{Order: order.Order, Conference: order.Conference, Types: attendeeTypes, Assigned: order.Assigned}
	names := map[string]string{}
	for _, l := range order.Order.Lines {
		names[l.SeatType.String()] = l.Name
	}
	registrantSits := false
	for _, a := range order.Order.Assignments {
		registrantSits = registrantSits || a.Attendee != nil && order.Order.Registrant != nil && a.Attendee.Email == order.Order.Registrant.Email
	}
	for _, a := range order.Order.Assignments {
		f := seatForm{Assignment: a, Number: a.Position + 1, SeatName: names[a.SeatType.String()], Type: contracts.Paid}
		f.Prefix = "seat-" + strconv.Itoa(a.Position) + "-"
		f.FamilyFirst, f.NoAutofill = v.Lang == text.Chinese, true
		switch {
		case a.Attendee != nil:
			f.First, f.Last, f.Email, f.Type = a.Attendee.FirstName, a.Attendee.LastName, a.Attendee.Email, a.Attendee.Type
		case !registrantSits && order.Order.Registrant != nil: // one seat is theirs, at first
			r := order.Order.Registrant
			f.First, f.Last, f.Email, f.Mine, f.Open = r.FirstName, r.LastName, r.Email, true, true
			registrantSits = true
		}
		data.Seats = append(data.Seats, f)
	}
	data.Private = true
	data.Path = orderPath(id) + "/seats"
	data.Live = order.Live
	return data, true
}

// assign gives a seat to somebody, or takes it back.
func (v *Visit) assign() {
	data, ok := v.readSeats()
	if !ok {
		return
	}
	position, err := strconv.Atoi(v.PostForm("position"))
	i := slices.IndexFunc(data.Seats, func(s seatForm) bool { return s.Position == position })
	if err != nil || i < 0 {
		v.refuse(problem.New(problem.NotFound))
		return
	}
	path := "/api/orders/" + data.Order.ID.String() + "/seats/" + strconv.Itoa(position)
	person, fields := v.person()
	kind := contracts.AttendeeType(v.PostForm("type"))
	call := Call{Method: http.MethodPut, Path: path, Body: contracts.Attendee{Person: person, Type: kind}}
	if v.PostForm("release") != "" {
		call = Call{Method: http.MethodDelete, Path: path}
	}
	call.Bearer, call.Wait = v.secret(data.Order.ID), "5"
	if _, p := v.Send(call, nil); p != nil {
		seat := &data.Seats[i]
		seat.Failure = v.Fail(p, func(field string) (string, string) {
			id, key := personField(field)
			if id == "" {
				return "", ""
			}
			return seat.Prefix + id, key
		})
		fields.FamilyFirst, fields.NoAutofill, fields.Open, fields.Prefix = v.Lang == text.Chinese, true, true, seat.Prefix
		fields.FirstErr, fields.LastErr, fields.EmailErr = seat.Failure.of(seat.Prefix+"first"), seat.Failure.of(seat.Prefix+"last"), seat.Failure.of(seat.Prefix+"email")
		seat.personFields, seat.Type = fields, kind
		data.Failed = seat.Failure
		v.Render("seats", p.Status, data)
		return
	}
	v.See(data.Path + "#seat-" + strconv.Itoa(position))
}
