package pages

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
)

// How an order stands, as its page tells it. It is made of the order's status and
// of its payments.
const (
	statePlaced         = "placed"
	stateWaitlisted     = "waitlisted"
	statePartial        = "partial"
	stateReserved       = "reserved"
	stateReady          = "ready" // reserved, and the registrant is known
	statePaymentOpen    = "payment-open"
	statePaymentArrived = "payment-arrived"
	stateConfirmed      = "confirmed"
	stateRejected       = "rejected"
	stateExpired        = "expired"
	stateCancelled      = "cancelled"
)

// Steps of an order.
const (
	stepSeats = iota
	stepDetails
	stepPayment
	stepDone
)

// orderPage is the page of an order, for its whole life.
type orderPage struct {
	Shell
	Order      view.Order
	Conference conference
	// State is how the order stands, Step where that is in the step bar.
	State string
	Step  int
	// Asked and Granted count seats.
	Asked, Granted int
	// Payment is the one that the page speaks of: the open one, or the last.
	Payment *view.Payment
	// PaymentFailed says that the last payment came to nothing.
	PaymentFailed bool
	// Late says that the payment came after the hold had ended.
	Late    bool
	Refunds []view.Refund
	Rows    []seatRow
	Details personFields
	// Link is the address that opens the order.
	Link     string
	Locator  string
	Assigned int
	// CancelUntil is until when a confirmed order may be given back.
	CancelUntil time.Time
	CanCancel   bool
	// GraceUntil is until when a payment may arrive that is open now.
	GraceUntil time.Time
	// Busy says that the order is not known here yet.
	Busy bool
	// Wish is whether to wait in line, Positions where the order is in line, RestLink
	// opens the order that waits for the rest of this one, and FirstLink the one for the
	// rest of which this one waits.
	Wish                wish
	Positions           []linePosition
	RestLink, FirstLink string
	// Line is how many are in line for each seat type.
	Line string
	// typedCode is the promo code that was typed.
	typedCode string
}

// orderID is the order in the path; ok is false if it cannot be one.
func (v *Visit) orderID() (uuid.UUID, bool) {
	id, err := uuid.Parse(v.Param("id"))
	return id, err == nil
}

// secret is what opens the order, as the visitor shows it.
func (v *Visit) secret(order uuid.UUID) string { return access.Shown(v.Request, order) }

// order shows an order to a visitor who has its secret.
func (v *Visit) order() {
	id, ok := v.orderID()
	if !ok {
		v.refuse(problem.New(problem.NotFound))
		return
	}
	if v.site.orders.FirstVisit(v.Writer, v.Request, id) {
		return
	}
	data, ok := v.readOrder(id)
	if !ok {
		return
	}
	v.showOrder(http.StatusOK, data)
}

// readOrder reads an order and its conference. ok is false when the visitor has
// been answered.
func (v *Visit) readOrder(id uuid.UUID) (data *orderPage, ok bool) {
	data = &orderPage{}
	_, p := v.Do(Call{Method: http.MethodGet, Path: "/api/orders/" + id.String(), Bearer: v.secret(id)}, &data.Order)
	if p != nil && p.Code == orderNotFound && v.placing(id) {
		// Placed a moment ago: the view of it is on its way.
		data.Order = view.Order{ID: id, Status: view.OrderPlaced, Deadline: v.Now}
		data.Busy = true
	} else if p != nil {
		v.orderRefused(p)
		return nil, false
	}
	if data.Order.ConferenceID != uuid.Nil {
		if data.Conference, p = v.readConference(data.Order.ConferenceID.String()); p != nil && p.Code != conferenceNotFound {
			v.refuse(p)
			return nil, false
		}
	}
	data.prepare(v)
	return data, true
}

// placing says that this browser has just placed the order.
func (v *Visit) placing(id uuid.UUID) bool {
	path, _ := v.progress()
	return path == orderPath(id)
}

// orderRefused answers a visitor who shows nothing that opens the order, or
// something wrong: how to come by it.
func (v *Visit) orderRefused(p *problem.Problem) {
	if p.Status != http.StatusUnauthorized && p.Status != http.StatusNotFound {
		v.refuse(p)
		return
	}
	data := &findPage{Lost: true}
	data.Private = true
	data.Path = "/find"
	v.Render("find", p.Status, data)
}

func orderPath(id uuid.UUID) string { return "/orders/" + id.String() }

// prepare finds out how the order stands.
func (d *orderPage) prepare(v *Visit) {
	o := d.Order
	for _, l := range o.Lines {
		d.Asked += l.Requested
		d.Granted += l.Granted
	}
	payments := slices.Clone(o.Payments)
	slices.SortStableFunc(payments, func(a, b view.Payment) int { return a.InitiatedAt.Compare(b.InitiatedAt) })
	for _, p := range payments {
		d.Refunds = append(d.Refunds, p.Refunds...)
		switch p.Status {
		case view.PaymentRejected, view.PaymentCancelled:
			if d.Payment == nil || d.PaymentFailed {
				d.Payment, d.PaymentFailed = &p, true
			}
		case view.PaymentInitiated, view.PaymentCompleted:
			d.Payment, d.PaymentFailed = &p, false
		}
	}
	accepted := v.Query("take") == strconv.Itoa(o.Version) || v.PostForm("take") == strconv.Itoa(o.Version)
	switch o.Status {
	case view.OrderPlaced:
		d.State, d.Step = statePlaced, stepSeats
	case view.OrderWaitlisted:
		d.State, d.Step = stateWaitlisted, stepSeats
	case view.OrderPartiallyReserved, view.OrderReserved:
		switch {
		case d.Payment != nil && d.Payment.Status == view.PaymentCompleted:
			d.State, d.Step = statePaymentArrived, stepPayment
		case d.Payment != nil && d.Payment.Status == view.PaymentInitiated:
			d.State, d.Step = statePaymentOpen, stepPayment
			if v.site.grace() > 0 {
				d.GraceUntil = o.Deadline.Add(v.site.grace())
			}
		case o.Status == view.OrderPartiallyReserved && !accepted && !d.PaymentFailed:
			d.State, d.Step = statePartial, stepSeats
		case o.Registrant == nil:
			d.State, d.Step = stateReserved, stepDetails
		default:
			d.State, d.Step = stateReady, stepPayment
		}
	case view.OrderConfirmed:
		d.State, d.Step = stateConfirmed, stepDone
		d.Late = o.PaymentID != nil && d.Payment != nil && d.Payment.Status == view.PaymentCompleted && d.Payment.CompletedAt.After(o.Deadline)
		d.CancelUntil = d.Conference.RefundUntil
		if o.Free {
			d.CancelUntil = d.Conference.StartsAt
		}
		d.CanCancel = v.Now.Before(d.CancelUntil)
		d.Link = v.origin() + access.PagePath(o.ID, v.secret(o.ID))
		for _, a := range o.Assignments {
			if a.Attendee != nil {
				d.Assigned++
			}
		}
	case view.OrderRejected:
		d.State = stateRejected
	case view.OrderExpired:
		d.State = stateExpired
		if d.Payment != nil && d.Payment.Status == view.PaymentCompleted {
			d.State, d.Step = statePaymentArrived, stepPayment
		}
	case view.OrderCancelled:
		d.State = stateCancelled
	}
	d.Locator, d.typedCode = grouped(o.Locator), v.PostForm("code")
	d.Details.FamilyFirst, d.Details.EmailHint = v.Lang == text.Chinese, "person.email.hint"
	if draft, err := v.Cookie(draftCookie); err == nil && o.Registrant == nil {
		if typed, err := url.ParseQuery(draft); err == nil {
			d.Details.First, d.Details.Last, d.Details.Email = typed.Get("first"), typed.Get("last"), typed.Get("email")
		}
	}
	if r := o.Registrant; r != nil {
		d.Details.First, d.Details.Last, d.Details.Email = r.FirstName, r.LastName, r.Email
	}
	for _, t := range d.Conference.SeatTypes {
		row := seatRow{SeatType: t, Availability: d.Conference.Available(t, v.Now), Field: quantityField(t.ID), Wait: d.Conference.waits(t, v.Now)}
		for _, l := range o.Lines {
			if l.SeatType == t.ID && l.Requested > 0 {
				row.Value = strconv.Itoa(l.Requested)
			}
		}
		d.Rows = append(d.Rows, row)
	}
	d.inLine(v)
	d.Private = true
	d.Path = orderPath(o.ID)
	if accepted && o.Status == view.OrderPartiallyReserved {
		d.Path += "?take=" + strconv.Itoa(o.Version)
	}
	d.Live = "order:" + o.ID.String()
	if d.Open() && d.Conference.Slug != "" {
		d.Live += " line:" + d.Conference.Slug
		d.Line = d.Conference.line()
	}
	d.Say = v.T("order."+d.State+".title", "name", d.Conference.Name, "granted", d.Granted, "asked", d.Asked)
	switch {
	case d.State == stateReserved, d.State == stateWaitlisted && o.Registrant == nil:
		d.MainForm = "details"
	}
	v.remember(o)
}

// Open says whether the order may still be changed or given up.
func (d *orderPage) Open() bool { return d.Order.Status.Open() }

// CanGiveSome says that some seats can be given back, and others kept.
func (d *orderPage) CanGiveSome() bool { return d.CanCancel && seatsKept(d.Order) > 1 }

// Worth is what the seats that the order has were confirmed at.
func (d *orderPage) Worth() contracts.Money { return worth(d.Order) }

// Minutes are left until the deadline, rounded up.
func (d *orderPage) Minutes() int {
	return max(0, int((d.Order.Deadline.Sub(d.Now)+time.Minute-1)/time.Minute))
}

// Short says that a line was granted in part or not at all.
func (d *orderPage) Short() bool {
	return d.Order.Status != view.OrderPlaced && d.Order.Status != view.OrderWaitlisted && d.Granted < d.Asked
}

// origin is the address that the visitor came to.
func (v *Visit) origin() string {
	scheme := "http://"
	if v.secure() {
		scheme = "https://"
	}
	return scheme + v.Request.Host
}

// grouped writes a locator in two groups of four, as people read it.
func grouped(locator string) string {
	if len(locator) != 8 {
		return locator
	}
	return locator[:4] + " " + locator[4:]
}

func (v *Visit) showOrder(status int, data *orderPage) {
	v.Render("order", status, data)
}

// progressCookie names the order that this browser has in progress, and until
// when; it opens nothing.
const progressCookie = "progress"

// progressFor is how long after its deadline an order may still be in progress: a
// payment may be on its way.
const progressFor = time.Hour

// remember keeps in the browser which order is in progress.
func (v *Visit) remember(o view.Order) {
	path, _ := v.progress()
	switch {
	case o.Status.Open() && !o.Deadline.IsZero():
		v.setCookie(progressCookie, o.ID.String()+"."+strconv.FormatInt(o.Deadline.Unix(), 10), "/", 0)
	case path == orderPath(o.ID):
		v.setCookie(progressCookie, "", "/", -1)
	}
}

// progress is the path of the order in progress, if there is one.
func (v *Visit) progress() (path string, ok bool) {
	value, err := v.Cookie(progressCookie)
	if err != nil {
		return "", false
	}
	id, until, _ := strings.Cut(value, ".")
	order, err := uuid.Parse(id)
	seconds, failed := strconv.ParseInt(until, 10, 64)
	if err != nil || failed != nil {
		return "", false
	}
	return orderPath(order), v.Now.Before(time.Unix(seconds, 0).Add(progressFor))
}

// placed is the API's answer to a new order.
type placed struct {
	ID      uuid.UUID `json:"id"`
	Secret  string    `json:"secret"`
	PageURL string    `json:"pageUrl"`
}

// place places an order for the seats that were chosen and, if the visitor said
// already who they are, says so.
func (v *Visit) place() {
	c, p := v.readConference(v.Param("slug"))
	if p != nil {
		v.refuse(p)
		return
	}
	person, details := v.person()
	data := &conferencePage{Details: details, typed: v.Request.PostForm}
	data.Details.Open = details.First != "" || details.Last != "" || details.Email != ""
	if v.switched() {
		v.showConference(c, http.StatusOK, data)
		return
	}
	items, bad := v.quantities(c.SeatTypes)
	if len(bad) > 0 {
		data.Failed = v.notNumbers(bad, c.SeatTypes)
		v.showConference(c, http.StatusUnprocessableEntity, data)
		return
	}
	var order placed
	_, p = v.Send(Call{
		Method: http.MethodPost, Path: "/api/conferences/" + c.ID.String() + "/orders", Body: v.wishTo(map[string]any{"items": items}),
		Once: v.formID(),
	}, &order)
	if p != nil && p.Code == problem.IdempotencyKeyReused {
		// The form was sent before, for other seats: that order is there.
		if path, ok := v.progress(); ok {
			v.See(path)
			return
		}
	}
	if p != nil {
		data.Failed = v.Fail(p, func(string) (string, string) { return "", "" })
		v.showConference(c, p.Status, data)
		return
	}
	if data.Details.Open {
		_, p = v.Send(Call{
			Method: http.MethodPut, Path: "/api/orders/" + order.ID.String() + "/registrant", Body: person, Bearer: order.Secret,
		}, nil)
		if p != nil { // the order's page asks again, with what was typed
			v.keepDraft(order.ID, person)
		}
	}
	v.setCookie(selectionCookie, "", c.path(), -1)
	v.remember(view.Order{ID: order.ID, Status: view.OrderPlaced, Deadline: v.Now.Add(progressFor)})
	v.See(order.PageURL)
}

// notNumbers says which quantities are no numbers.
func (v *Visit) notNumbers(fields []string, types []view.SeatType) *Failure {
	f := &Failure{Title: v.T("quantity.bad")}
	for _, t := range types {
		if field := quantityField(t.ID); slices.Contains(fields, field) {
			f.Links = append(f.Links, FailureLink{Field: field, Label: t.Name, Message: v.T("quantity.number")})
		}
	}
	return f
}

// draftCookie keeps what was typed about a registrant and not taken, for minutes,
// in the browser of who typed it.
const (
	draftCookie = "draft"
	draftFor    = 15 * 60
)

func (v *Visit) keepDraft(order uuid.UUID, p contracts.Person) {
	v.setCookie(draftCookie, url.Values{"first": {p.FirstName}, "last": {p.LastName}, "email": {p.Email}}.Encode(), orderPath(order), draftFor)
}

// act takes a form about an order. What cannot be done is said on the order's
// page, which keeps what was typed.
func (v *Visit) act(take func(*Visit, *orderPage) *Failure) {
	id, ok := v.orderID()
	if !ok {
		v.refuse(problem.New(problem.NotFound))
		return
	}
	switched := v.switched()
	data, ok := v.readOrder(id)
	if !ok {
		return
	}
	if switched {
		_, data.Details = v.person()
		data.Details.FamilyFirst = v.Lang == text.Chinese
		v.showOrder(http.StatusOK, data)
		return
	}
	if failure := take(v, data); failure != nil {
		again, ok := v.readOrder(id) // how the order stands after the refusal
		if !ok {
			return
		}
		again.Failed = failure
		again.Details = data.Details
		again.Details.FirstErr, again.Details.LastErr, again.Details.EmailErr = failure.of("first"), failure.of("last"), failure.of("email")
		again.Details.Open = again.CodeErr() == ""
		v.showOrder(http.StatusUnprocessableEntity, again)
		return
	}
	v.See(data.Path) // where the form leads, or the order
}

// toOrder sends a command about the order.
func (v *Visit) toOrder(d *orderPage, method, rest string, body, out any) *problem.Problem {
	_, p := v.Send(Call{Method: method, Path: "/api/orders/" + d.Order.ID.String() + rest, Body: body, Bearer: v.secret(d.Order.ID), Wait: "5"}, out)
	return p
}

// nothing has no field on the page.
func nothing(string) (string, string) { return "", "" }

// personField is the page's field for a person's field of the API.
func personField(field string) (id, key string) {
	switch field[strings.LastIndex(field, ".")+1:] {
	case "firstName":
		return "first", "person.first"
	case "lastName":
		return "last", "person.last"
	case "email":
		return "email", "person.email"
	}
	return "", ""
}

func (v *Visit) register(d *orderPage) *Failure {
	person, fields := v.person()
	d.Details = fields
	d.Details.FamilyFirst = v.Lang == text.Chinese
	if p := v.toOrder(d, http.MethodPut, "/registrant", person, nil); p != nil {
		return v.Fail(p, personField)
	}
	return nil
}

func (v *Visit) changeItems(d *orderPage) *Failure {
	items, bad := v.quantities(d.Conference.SeatTypes)
	if len(bad) > 0 {
		return v.notNumbers(bad, d.Conference.SeatTypes)
	}
	if items == nil {
		items = []item{}
	}
	if p := v.toOrder(d, http.MethodPut, "/items", v.wishTo(map[string]any{"items": items}), nil); p != nil {
		return v.Fail(p, nothing)
	}
	d.Path = orderPath(d.Order.ID)
	return nil
}

func (v *Visit) confirm(d *orderPage) *Failure {
	if p := v.toOrder(d, http.MethodPost, "/confirm", nil, nil); p != nil {
		return v.Fail(p, nothing)
	}
	return nil
}

func (v *Visit) cancel(d *orderPage) *Failure {
	if p := v.toOrder(d, http.MethodPost, "/cancel", nil, nil); p != nil {
		return v.Fail(p, nothing)
	}
	return nil
}

// pay opens a payment of the total that the page showed, and leads to the
// provider's page. What was shown must still be so.
func (v *Visit) pay(d *orderPage) *Failure {
	if v.PostForm("version") != strconv.Itoa(d.Order.Version) || v.PostForm("total") != strconv.FormatInt(d.Order.Total.Amount, 10) {
		return &Failure{Title: v.T("pay.changed"), Detail: v.T("pay.changed.text", "total", text.Money(v.Lang, d.Order.Total))}
	}
	if d.State == statePaymentOpen || d.State == statePaymentArrived || d.State == stateConfirmed {
		return nil // the page shows it
	}
	var payment struct {
		ID          uuid.UUID `json:"id"`
		CheckoutURL string    `json:"checkoutUrl"`
	}
	if p := v.toOrder(d, http.MethodPost, "/payments", map[string]any{"amount": d.Order.Total}, &payment); p != nil {
		if p.Code == paymentOpen {
			return nil // since the order was read here; the page shows it
		}
		return v.Fail(p, nothing)
	}
	v.setCookie(paidCookie, d.Order.ID.String(), paidPath(payment.ID), int(paidFor.Seconds()))
	d.Path = local(payment.CheckoutURL)
	return nil
}

// paidCookie names, where a payment leads back to, the order that it pays: another may
// be in progress meanwhile, or none, when the payment comes late.
const paidCookie = "paid"

// paidFor is how long a payment may be on its way for its payer to be led back.
const paidFor = 7 * 24 * time.Hour

func paidPath(payment uuid.UUID) string { return "/paid/" + payment.String() }

// paid is where the payment provider leads back to, by GET and without a secret:
// to the order that it pays, as far as this browser knows, else to the one in progress,
// or to finding it.
func (v *Visit) paid() {
	if kept, err := v.Cookie(paidCookie); err == nil {
		if order, err := uuid.Parse(kept); err == nil {
			v.See(orderPath(order))
			return
		}
	}
	if path, ok := v.progress(); ok {
		v.See(path)
		return
	}
	data := &findPage{Paid: true}
	data.Private = true
	data.Path = "/find"
	v.Render("find", http.StatusOK, data)
}

type findPage struct {
	Shell
	Email, Locator string
	// Lost says that the visitor came to an order without what opens it, Paid that
	// they come from the payment provider.
	Lost, Paid bool
}

// Wrong is what is wrong with a field.
func (f *findPage) Wrong(id string) string { return f.Failed.of(id) }

// find asks for what an order is found again by.
func (v *Visit) find() {
	data := &findPage{}
	data.Private = true
	data.MainForm = "find"
	v.Render("find", http.StatusOK, data)
}

// lookUp finds an order, and leads to it.
func (v *Visit) lookUp() {
	data := &findPage{Email: strings.TrimSpace(v.PostForm("email")), Locator: strings.TrimSpace(v.PostForm("locator"))}
	data.Private = true
	data.MainForm = "find"
	if v.switched() {
		v.Render("find", http.StatusOK, data)
		return
	}
	var found placed
	_, p := v.Do(Call{Method: http.MethodPost, Path: "/api/orders/find", Body: map[string]string{"email": data.Email, "locator": data.Locator}}, &found)
	if p != nil {
		data.Failed = v.Fail(p, func(field string) (string, string) {
			switch field {
			case "email":
				return "email", "person.email"
			case "locator":
				return "locator", "find.locator"
			}
			return "", ""
		})
		if p.Code == orderNotFound {
			data.Failed = &Failure{Title: v.T("find.nothing"), Detail: v.T("find.nothing.text")}
		}
		v.Render("find", p.Status, data)
		return
	}
	v.See(local(found.PageURL))
}
