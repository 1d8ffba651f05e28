package pages

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
)

// giveBackPage gives some seats of a confirmed order back, in two steps: which ones, and
// whether, when it is seen what comes back. Holders and organisers have the same.
type giveBackPage struct {
	Shell
	Order      view.Order
	Conference conference
	// Seats are those that the order has; Chosen those of them to give back, none in the
	// first step. Positions are named in the address as Query.
	Seats, Chosen []seatToGive
	// Refund is what comes back for those that were chosen, of which All says that the
	// order has no others.
	Refund contracts.Money
	All    bool
	// Can says that seats can be given back, until Until.
	Can   bool
	Until time.Time
	// Here and Back are the addresses of this page and of the order's. Locator names the
	// order to its organiser; to its holder it is theirs.
	Here, Back, Locator string
}

// seatToGive is one seat that the order has.
type seatToGive struct {
	view.OrderPosition
	Number   int
	Name     string
	Attendee *contracts.Attendee
}

// seatField names the positions of the seats that were chosen.
const seatField = "seat"

// choose finds out which seats the order has and which of them were chosen.
func (d *giveBackPage) choose(chosen []string) {
	names := map[string]string{}
	for _, l := range d.Order.Lines {
		names[l.SeatType.String()] = l.Name
	}
	attendees := map[int]*contracts.Attendee{}
	for _, a := range d.Order.Assignments {
		attendees[a.Position] = a.Attendee
	}
	d.Refund = contracts.Money{Currency: d.Order.Total.Currency}
	for _, p := range d.Order.Positions {
		if p.GivenBack {
			continue
		}
		seat := seatToGive{OrderPosition: p, Number: p.Position + 1, Name: names[p.SeatType.String()], Attendee: attendees[p.Position]}
		d.Seats = append(d.Seats, seat)
		if slices.Contains(chosen, strconv.Itoa(p.Position)) {
			d.Chosen = append(d.Chosen, seat)
			d.Refund.Amount += p.Price.Amount
		}
	}
	d.All = len(d.Chosen) == len(d.Seats)
}

// Query names the seats that were chosen, in an address.
func (d *giveBackPage) Query() string {
	q := url.Values{}
	for _, s := range d.Chosen {
		q.Add(seatField, strconv.Itoa(s.Position))
	}
	return q.Encode()
}

// take sends what was chosen, if it comes to what the form showed. done says that there
// is nothing left to do.
func (d *giveBackPage) take(v *Visit, send func(positions []int) *problem.Problem) (done bool) {
	asked := v.Request.PostForm[seatField]
	switch {
	case len(asked) == 0:
		d.Failed = &Failure{Title: v.T("give.none"), Detail: v.T("give.none.text")}
		return false
	case len(d.Chosen) == 0:
		return true // they were given back before, as by a second click
	case len(d.Chosen) < len(asked), v.PostForm("refund") != strconv.FormatInt(d.Refund.Amount, 10), v.PostForm("all") != strconv.FormatBool(d.All):
		d.Failed = &Failure{Title: v.T("pay.changed"), Detail: v.T("give.changed")}
		return false
	}
	positions := make([]int, len(d.Chosen))
	for i, s := range d.Chosen {
		positions[i] = s.Position
	}
	if p := send(positions); p != nil {
		d.Failed = v.Fail(p, nothing)
		return false
	}
	return true
}

func (v *Visit) showGiveBack(d *giveBackPage) {
	d.Path = d.Here
	if q := d.Query(); q != "" {
		d.Path += "?" + q
	}
	d.Private = true
	status := http.StatusOK
	if d.Failed != nil {
		status = http.StatusUnprocessableEntity
	}
	v.Render("give-back", status, d)
}

// readGiveBack reads the holder's order.
func (v *Visit) readGiveBack(chosen []string) (*giveBackPage, *orderPage, bool) {
	id, ok := v.orderID()
	if !ok {
		v.refuse(problem.New(problem.NotFound))
		return nil, nil, false
	}
	order, ok := v.readOrder(id)
	if !ok {
		return nil, nil, false
	}
	if order.Order.Status != view.OrderConfirmed {
		v.See(orderPath(id))
		return nil, nil, false
	}
	data := &giveBackPage{
		Order: order.Order, Conference: order.Conference, Can: order.CanCancel, Until: order.CancelUntil,
		Here: orderPath(id) + "/give-back", Back: orderPath(id),
	}
	data.choose(chosen)
	return data, order, true
}

// giveBack shows the holder of an order which of its seats can be given back, and what
// comes back for those that were chosen.
func (v *Visit) giveBack() {
	if data, _, ok := v.readGiveBack(v.Request.URL.Query()[seatField]); ok {
		v.showGiveBack(data)
	}
}

func (v *Visit) takeBack() {
	switched := v.switched()
	data, order, ok := v.readGiveBack(v.Request.PostForm[seatField])
	if !ok {
		return
	}
	if !switched && data.take(v, func(positions []int) *problem.Problem {
		return v.toOrder(order, http.MethodPost, "/seats/cancel", map[string]any{"positions": positions}, nil)
	}) {
		v.See(data.Back)
		return
	}
	v.showGiveBack(data)
}

// readOwnGiveBack reads an order for its organiser.
func (v *Visit) readOwnGiveBack(credential string, chosen []string) (*giveBackPage, bool) {
	id, ok := v.orderID()
	if !ok {
		v.refuse(problem.New(problem.NotFound))
		return nil, false
	}
	data := &giveBackPage{Back: "/organise/orders/" + id.String()}
	data.Here = data.Back + "/give-back"
	var c view.Conference
	if !v.read(credential, "/api/orders/"+id.String(), &data.Order) || !v.read(credential, "/api/conferences/"+data.Order.ConferenceID.String(), &c) {
		return nil, false
	}
	if data.Order.Status != view.OrderConfirmed {
		v.See(data.Back)
		return nil, false
	}
	data.Conference, data.Until, data.Locator = shown(c), c.EndsAt, grouped(data.Order.Locator)
	data.Can = v.Now.Before(data.Until)
	data.choose(chosen)
	v.working(&data.Shell, &data.Conference, "order")
	return data, true
}

func (v *Visit) giveOwnBack(credential string) {
	if data, ok := v.readOwnGiveBack(credential, v.Request.URL.Query()[seatField]); ok {
		v.showGiveBack(data)
	}
}

func (v *Visit) takeOwnBack(credential string) {
	switched := v.switched()
	data, ok := v.readOwnGiveBack(credential, v.Request.PostForm[seatField])
	if !ok {
		return
	}
	if !switched && data.take(v, func(positions []int) *problem.Problem {
		return v.change(credential, http.MethodPost, "/api/orders/"+data.Order.ID.String()+"/seats/cancel", map[string]any{"positions": positions})
	}) {
		v.See(data.Back)
		return
	}
	v.showGiveBack(data)
}

// seatsKept counts the seats that an order has.
func seatsKept(o view.Order) (n int) {
	for _, p := range o.Positions {
		if !p.GivenBack {
			n++
		}
	}
	return n
}

// worth is what the seats that an order has were confirmed at.
func worth(o view.Order) contracts.Money {
	sum := o.Total
	sum.Amount -= o.Returned().Amount
	return sum
}
