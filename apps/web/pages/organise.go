package pages

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
)

// read reads a path of the API with a credential. ok is false when the visitor has
// been answered: with the way to sign in, if the credential does not count any more.
func (v *Visit) read(credential, path string, out any) (ok bool) {
	_, p := v.Do(Call{Method: http.MethodGet, Path: path, Bearer: credential}, out)
	switch {
	case p == nil:
		return true
	case p.Status == http.StatusUnauthorized:
		v.setCookie(v.role.cookie, "", "/", -1)
		v.askFor(v.role)
	default:
		v.refuse(p)
	}
	return false
}

// working is the shell of the organiser's pages.
func (v *Visit) working(s *Shell, conference *conference, here string) {
	s.Wide, s.Private, s.SignedIn = true, true, true
	s.Nav = []NavItem{{Path: "/organise", Key: "organise.conferences", Here: here == "list"}, {Path: "/organise/new", Key: "organise.new", Here: here == "new"}}
	if conference == nil {
		s.Nav = append(s.Nav, NavItem{Path: "/organise/members", Key: "members.title", Here: here == "members"}, NavItem{Path: "/organise/changes", Key: "changes.title", Here: here == "changes"})
		return
	}
	root := "/organise/c/" + conference.ID.String()
	s.NavTitle = conference.Name
	for _, page := range []struct{ at, key string }{{"", "organise.dashboard"}, {"/orders", "organise.orders"}, {"/attendees", "organise.attendees"}, {"/promo-codes", "organise.promo-codes"}, {"/waitlist", "organise.waitlist"}, {"/details", "organise.details"}} {
		s.Nav = append(s.Nav, NavItem{Path: root + page.at, Key: page.key, Here: here == page.at})
	}
}

type organisePage struct {
	Shell
	Query       string
	Conferences []view.ConferenceSummary
	More        string
}

// organise lists all conferences, drafts too.
func (v *Visit) organise(credential string) {
	data := &organisePage{Query: strings.TrimSpace(v.Query("q"))}
	var list view.ConferenceSummaries
	if !v.read(credential, "/api/organiser/conferences?"+parameters("q", data.Query, "after", v.Query("after"), "limit", "50"), &list) {
		return
	}
	data.Conferences = list.Conferences
	if list.Next != "" {
		data.More = "/organise?" + parameters("q", data.Query, "after", list.Next)
	}
	v.working(&data.Shell, nil, "list")
	v.Render("organise", http.StatusOK, data)
}

// parameters are those that have a value, as the query of an address.
func parameters(namesAndValues ...string) string {
	out := url.Values{}
	for i := 0; i < len(namesAndValues); i += 2 {
		if namesAndValues[i+1] != "" {
			out.Set(namesAndValues[i], namesAndValues[i+1])
		}
	}
	return out.Encode()
}

type dashboardPage struct {
	Shell
	Conference conference
	Dashboard  view.Dashboard
	Plot       plot
	Missing    []missing // before it can be published
	Edited     *seatTypeForm
}

// missing is what should be said of a conference before it is published: the catalogue's
// key for it, and the address of the place to say it.
type missing struct{ Key, Where string }

// seatTypeForm is what was typed about a seat type.
type seatTypeForm struct {
	ID                                       string
	Name, Description, Price, Quota          string
	NameErr, PriceErr, QuotaErr, FromErr     string
	SalesFrom, SalesUntil, UntilErr, DescErr string
}

// readOwn reads a conference as its organiser sees it.
func (v *Visit) readOwn(credential string) (conference, bool) {
	var c view.Conference
	id, err := uuid.Parse(v.Param("id"))
	if err != nil {
		v.refuse(problem.New(problem.NotFound))
		return conference{}, false
	}
	ok := v.read(credential, "/api/conferences/"+id.String(), &c)
	return shown(c), ok
}

func (v *Visit) dashboard(credential string) {
	v.showDashboard(credential, http.StatusOK, &dashboardPage{})
}

func (v *Visit) showDashboard(credential string, status int, data *dashboardPage) {
	c, ok := data.Conference, true
	if c.ID == uuid.Nil {
		c, ok = v.readOwn(credential)
	}
	if !ok || !v.read(credential, "/api/organiser/conferences/"+c.ID.String()+"/dashboard", &data.Dashboard) {
		return
	}
	data.Conference = c
	data.Plot = plotOf(data.Dashboard.Sales, c.Zone)
	details := "/organise/c/" + c.ID.String() + "/details"
	if len(c.SeatTypes) == 0 {
		data.Missing = append(data.Missing, missing{"missing.seat-types", "#type-new"})
	}
	if c.Location == "" {
		data.Missing = append(data.Missing, missing{"missing.location", details + "#location"})
	}
	if c.Description == "" {
		data.Missing = append(data.Missing, missing{"missing.description", details + "#description"})
	}
	data.Live = "dashboard:" + c.ID.String()
	v.working(&data.Shell, &c, "")
	v.Render("dashboard", status, data)
}

// Money is an amount in the conference's currency.
func (d *dashboardPage) Money(minor int64) contracts.Money {
	return contracts.Money{Amount: minor, Currency: d.Dashboard.Currency}
}

// Percent is the part of the ended orders that were confirmed.
func (d *dashboardPage) Percent() string { return fmt.Sprintf("%.0f %%", d.Dashboard.Conversion*100) }

// Count is how many orders there are of a status.
func (d *dashboardPage) Count(status string) int { return d.Dashboard.Orders[view.OrderStatus(status)] }

// plot is a picture of sales by day, drawn here.
type plot struct {
	Days []plotDay
	Most int
}

type plotDay struct {
	Day              time.Time
	Orders, Seats    int
	X, Y, W, H, Text int
}

const (
	plotWidth  = 720
	plotHeight = 160
)

// plotOf adds hours up to days of the venue.
func plotOf(hours []view.HourlySales, zone string) plot {
	var p plot
	for _, h := range hours {
		at := h.Hour.In(text.Zone(zone))
		day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location())
		if n := len(p.Days); n == 0 || !p.Days[n-1].Day.Equal(day) {
			p.Days = append(p.Days, plotDay{Day: day})
		}
		last := &p.Days[len(p.Days)-1]
		last.Orders += h.Orders
		last.Seats += h.Seats
		p.Most = max(p.Most, last.Seats)
	}
	const most = 60
	if len(p.Days) > most {
		p.Days = p.Days[len(p.Days)-most:]
	}
	for i := range p.Days {
		width := min(plotWidth/len(p.Days), 48)
		d := &p.Days[i]
		d.H = d.Seats * plotHeight / max(p.Most, 1)
		d.X, d.Y, d.W = i*width, plotHeight-d.H, max(width-4, 2)
	}
	return p
}

// change sends what a form asks for.
func (v *Visit) change(credential, method, path string, body any) *problem.Problem {
	_, p := v.Send(Call{Method: method, Path: path, Body: body, Bearer: credential, Wait: "5"}, nil)
	return p
}

// edit sends what a form about a conference asks for, of the version that the form
// was made from: what somebody else has changed since is not lost without a word.
func (v *Visit) edit(credential, method, path string, body any) *problem.Problem {
	_, p := v.Send(Call{Method: method, Path: path, Body: body, Bearer: credential, Wait: "5", IfMatch: `"` + v.PostForm("seen") + `"`}, nil)
	return p
}

// thereNow is the conference as it is, if a change was refused because it is not
// what the form was made from.
func thereNow(p *problem.Problem) (c conference, ok bool) {
	if p == nil || p.Code != conferenceChanged {
		return conference{}, false
	}
	current, err := json.Marshal(p.Current)
	if err == nil {
		err = json.Unmarshal(current, &c.Conference)
	}
	return shown(c.Conference), err == nil && c.ID != uuid.Nil
}

// compared is a field of a form, with what was typed and what is there now.
type compared struct{ field, label, typed, now string }

// changedMeanwhile says what is there now, where it is not what was typed.
func (v *Visit) changedMeanwhile(p *problem.Problem, fields ...compared) *Failure {
	f := &Failure{Title: p.Title, Detail: v.T("changed.text")}
	for _, c := range fields {
		switch normal := strings.ReplaceAll(c.typed, "\r\n", "\n"); {
		case normal == c.now:
		case c.now == "":
			f.Links = append(f.Links, FailureLink{Field: c.field, Label: v.T(c.label), Message: v.T("changed.empty")})
		default:
			f.Links = append(f.Links, FailureLink{Field: c.field, Label: v.T(c.label), Message: v.T("changed.now", "value", c.now)})
		}
	}
	return f
}

func (v *Visit) own() string { return "/organise/c/" + v.Param("id") }

// publish opens or stops the sale.
func (v *Visit) publish(credential string) {
	action := "publish"
	if v.PostForm("stop") != "" {
		action = "unpublish"
	}
	if p := v.edit(credential, http.MethodPost, "/api/conferences/"+url.PathEscape(v.Param("id"))+"/"+action, nil); p != nil {
		data := &dashboardPage{}
		data.Failed = v.Fail(p, nothing)
		if now, ok := thereNow(p); ok {
			data.Conference, data.Failed.Detail = now, v.T("changed.look")
		}
		v.showDashboard(credential, p.Status, data)
		return
	}
	v.See(v.own())
}

// seatType adds, changes or removes a seat type.
func (v *Visit) seatType(credential string) {
	c, ok := v.readOwn(credential)
	if !ok {
		return
	}
	typed := &seatTypeForm{
		ID: v.PostForm("id"), Name: v.PostForm("name"), Description: v.PostForm("description"), Price: v.PostForm("price"), Quota: v.PostForm("quota"),
		SalesFrom: v.PostForm("salesFrom"), SalesUntil: v.PostForm("salesUntil"),
	}
	root := "/api/conferences/" + c.ID.String() + "/seat-types"
	method, path := http.MethodPost, root
	if typed.ID != "" {
		method, path = http.MethodPut, root+"/"+url.PathEscape(typed.ID)
	}
	var p *problem.Problem
	failure := &Failure{Title: v.T("form.check")}
	if v.PostForm("remove") != "" {
		p = v.edit(credential, http.MethodDelete, path, nil)
	} else {
		body := map[string]any{"name": typed.Name, "description": typed.Description}
		wrong := func(field *string, id, label, message string) {
			*field = v.T(message)
			failure.Links = append(failure.Links, FailureLink{Field: typed.ID + "-" + id, Label: v.T(label), Message: *field})
		}
		if price, ok := text.ParseDecimal(typed.Price, c.Currency); ok {
			body["price"] = price
		} else {
			wrong(&typed.PriceErr, "price", "seat-type.price", "form.amount")
		}
		if quota, err := strconv.Atoi(strings.TrimSpace(typed.Quota)); err == nil {
			body["quota"] = quota
		} else {
			wrong(&typed.QuotaErr, "quota", "seat-type.quota", "quantity.number")
		}
		for name, field := range map[string]struct {
			typed string
			err   *string
			label string
		}{"salesFrom": {typed.SalesFrom, &typed.FromErr, "seat-type.from"}, "salesUntil": {typed.SalesUntil, &typed.UntilErr, "seat-type.until"}} {
			if at, ok := localTime(field.typed, c.Zone); !ok {
				wrong(field.err, name, field.label, "form.time")
			} else if !at.IsZero() {
				body[name] = at
			}
		}
		if len(failure.Links) == 0 {
			p = v.edit(credential, method, path, body)
		}
	}
	if p == nil && len(failure.Links) == 0 {
		v.See(v.own() + "#seat-types")
		return
	}
	data := &dashboardPage{Edited: typed}
	status := http.StatusUnprocessableEntity
	if data.Failed = failure; p != nil {
		status = p.Status
		data.Failed = v.Fail(p, func(field string) (string, string) {
			for _, name := range []string{"name", "description", "price", "quota"} {
				if field == name {
					return typed.ID + "-" + name, "seat-type." + name
				}
			}
			return "", ""
		})
		if now, ok := thereNow(p); ok {
			data.Conference, data.Failed = now, v.seatTypeChanged(p, typed, now)
		}
		of := func(field string) string { return data.Failed.of(typed.ID + "-" + field) }
		typed.NameErr, typed.DescErr, typed.PriceErr, typed.QuotaErr = of("name"), of("description"), of("price"), of("quota")
		typed.FromErr, typed.UntilErr = of("salesFrom"), of("salesUntil")
	}
	v.showDashboard(credential, status, data)
}

// seatTypeChanged says what is there now of the seat type of a form that was made
// from an earlier version.
func (v *Visit) seatTypeChanged(p *problem.Problem, typed *seatTypeForm, c conference) *Failure {
	var now seatTypeForm // empty: a new one, or one that was taken off sale
	for _, t := range c.SeatTypes {
		if t.ID.String() == typed.ID {
			now = (&dashboardPage{Conference: c}).Form(t)
		}
	}
	if now.ID == "" {
		f := v.Fail(p, nothing)
		f.Detail = v.T("changed.look")
		return f
	}
	return v.changedMeanwhile(p,
		compared{typed.ID + "-name", "seat-type.name", typed.Name, now.Name},
		compared{typed.ID + "-description", "seat-type.description", typed.Description, now.Description},
		compared{typed.ID + "-price", "seat-type.price", typed.Price, now.Price},
		compared{typed.ID + "-quota", "seat-type.quota", typed.Quota, now.Quota},
		compared{typed.ID + "-salesFrom", "seat-type.from", typed.SalesFrom, now.SalesFrom},
		compared{typed.ID + "-salesUntil", "seat-type.until", typed.SalesUntil, now.SalesUntil},
	)
}

// form is what the form of a seat type holds: what was typed, or what is there.
func (d *dashboardPage) Form(t view.SeatType) seatTypeForm {
	if d.Edited != nil && d.Edited.ID == t.ID.String() {
		return *d.Edited
	}
	return seatTypeForm{
		ID: t.ID.String(), Name: t.Name, Description: t.Description, Price: text.Decimal(t.Price), Quota: strconv.Itoa(t.Quota),
		SalesFrom: typedTime(t.SalesFrom, d.Conference.Zone), SalesUntil: typedTime(t.SalesUntil, d.Conference.Zone),
	}
}

// New is the form of a seat type that is not there yet.
func (d *dashboardPage) New() seatTypeForm {
	if d.Edited != nil && d.Edited.ID == "" {
		return *d.Edited
	}
	return seatTypeForm{}
}

// timeTyped is how a form's field for a time writes it: the venue's time.
const timeTyped = "2006-01-02T15:04"

func typedTime(t time.Time, zone string) string {
	if t.IsZero() {
		return ""
	}
	return t.In(text.Zone(zone)).Format(timeTyped)
}

// localTime reads a time of the venue; nothing typed is the zero time.
func localTime(typed, zone string) (time.Time, bool) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return time.Time{}, true
	}
	for _, layout := range []string{timeTyped, "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, typed, text.Zone(zone)); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

type detailsPage struct {
	Shell
	New                                    bool
	Conference                             conference
	Name, Slug, Owner, Currency            string
	Location, TimeZone, Starts, Ends       string
	Refund, HandOver, SalesFrom, SalesTill string
	Description                            string
	Zones                                  []string
	// Renamed and Copied are slugs that were typed, of the draft and of a copy.
	Renamed, Copied string
}

// Wrong is what is wrong with a field.
func (d *detailsPage) Wrong(id string) string { return d.Failed.of(id) }

func (v *Visit) newConference(string) {
	data := &detailsPage{New: true, Currency: "EUR", TimeZone: "Europe/Berlin"}
	if v.Lang == text.Chinese {
		data.Currency, data.TimeZone = "CNY", "Asia/Shanghai"
	}
	v.showDetails(http.StatusOK, data)
}

func (v *Visit) showDetails(status int, data *detailsPage) {
	data.Zones = text.Zones()
	if data.New {
		v.working(&data.Shell, nil, "new")
	} else {
		v.working(&data.Shell, &data.Conference, "/details")
	}
	v.Render("details", status, data)
}

func (v *Visit) details(credential string) {
	c, ok := v.readOwn(credential)
	if !ok {
		return
	}
	v.showDetails(http.StatusOK, detailsOf(c))
}

// detailsOf is the form of a conference as it is.
func detailsOf(c conference) *detailsPage {
	return &detailsPage{
		Conference: c, Renamed: c.Slug, Name: c.Name, Slug: c.Slug, Currency: c.Currency, Location: c.Location, TimeZone: c.Zone, Description: c.Description,
		Starts: typedTime(c.StartsAt, c.Zone), Ends: typedTime(c.EndsAt, c.Zone), Refund: typedTime(c.RefundUntil, c.Zone),
		HandOver: typedTime(c.HandOverUntil, c.Zone), SalesFrom: typedTime(c.SalesFrom, c.Zone), SalesTill: typedTime(c.SalesUntil, c.Zone),
	}
}

// detailsFields are the fields of a conference's form, by those of the API.
var detailsFields = map[string]string{
	"name": "details.name", "slug": "details.slug", "owner": "details.owner", "currency": "details.currency", "location": "details.location",
	"timeZone": "details.zone", "startsAt": "details.starts", "endsAt": "details.ends", "refundUntil": "details.refund",
	"handOverUntil": "details.hand-over", "salesFrom": "details.sales-from", "salesUntil": "details.sales-until", "description": "details.description",
}

// saveDetails creates a conference, or changes its details.
func (v *Visit) saveDetails(credential string) {
	data := &detailsPage{New: v.Param("id") == ""}
	if !data.New {
		var ok bool
		if data.Conference, ok = v.readOwn(credential); !ok {
			return
		}
	}
	field := func(name string) string { return strings.TrimSpace(v.PostForm(name)) }
	data.Name, data.Slug, data.Owner, data.Currency = field("name"), field("slug"), field("owner"), strings.ToUpper(field("currency"))
	data.Location, data.TimeZone, data.Description = field("location"), field("timeZone"), v.PostForm("description")
	data.Starts, data.Ends, data.Refund, data.HandOver = field("startsAt"), field("endsAt"), field("refundUntil"), field("handOverUntil")
	data.SalesFrom, data.SalesTill = field("salesFrom"), field("salesUntil")

	body := map[string]any{"name": data.Name, "description": data.Description, "location": data.Location, "timeZone": data.TimeZone}
	failure := &Failure{Title: v.T("form.check")}
	for name, typed := range map[string]string{"startsAt": data.Starts, "endsAt": data.Ends, "refundUntil": data.Refund, "handOverUntil": data.HandOver, "salesFrom": data.SalesFrom, "salesUntil": data.SalesTill} {
		at, ok := localTime(typed, data.TimeZone)
		if required := name == "startsAt" || name == "endsAt"; !ok || required && at.IsZero() {
			failure.Links = append(failure.Links, FailureLink{Field: name, Label: v.T(detailsFields[name]), Message: v.T("form.time")})
		} else if !at.IsZero() {
			body[name] = at
		}
	}
	if len(failure.Links) > 0 {
		data.Failed = failure
		v.showDetails(http.StatusUnprocessableEntity, data)
		return
	}
	var made struct {
		ID uuid.UUID `json:"id"`
	}
	var p *problem.Problem
	if data.New {
		body["slug"], body["owner"], body["currency"] = data.Slug, data.Owner, data.Currency
		_, p = v.Send(Call{Method: http.MethodPost, Path: "/api/conferences", Body: body, Bearer: credential, Wait: "5"}, &made)
	} else {
		p = v.edit(credential, http.MethodPut, "/api/conferences/"+data.Conference.ID.String(), body)
	}
	if p != nil {
		data.Failed = v.Fail(p, func(field string) (string, string) {
			if label := detailsFields[field]; label != "" {
				return field, label
			}
			return "", "" // not a field of the form
		})
		if now, ok := thereNow(p); ok {
			data.Conference, data.Failed = now, v.detailsChanged(p, data, detailsOf(now))
		}
		v.showDetails(p.Status, data)
		return
	}
	if data.New {
		v.See("/organise/c/" + made.ID.String())
		return
	}
	v.See(v.own())
}

// detailsChanged says what is there now of the details of a form that was made from
// an earlier version.
func (v *Visit) detailsChanged(p *problem.Problem, typed, now *detailsPage) *Failure {
	var fields []compared
	for _, f := range []struct{ name, typed, now string }{
		{"name", typed.Name, now.Name}, {"location", typed.Location, now.Location}, {"timeZone", typed.TimeZone, now.TimeZone},
		{"startsAt", typed.Starts, now.Starts}, {"endsAt", typed.Ends, now.Ends},
		{"salesFrom", typed.SalesFrom, now.SalesFrom}, {"salesUntil", typed.SalesTill, now.SalesTill},
		{"refundUntil", typed.Refund, now.Refund}, {"handOverUntil", typed.HandOver, now.HandOver},
		{"description", typed.Description, now.Description},
	} {
		fields = append(fields, compared{f.name, detailsFields[f.name], f.typed, f.now})
	}
	return v.changedMeanwhile(p, fields...)
}

// rename gives a draft another address.
func (v *Visit) rename(credential string) {
	typed := strings.TrimSpace(v.PostForm("slug"))
	p := v.edit(credential, http.MethodPut, v.ownInAPI()+"/slug", map[string]any{"slug": typed})
	if p == nil {
		v.See(v.own() + "/details")
		return
	}
	v.detailsRefused(credential, p, "rename-slug", func(d *detailsPage) { d.Renamed = typed })
}

// deleteDraft gives a draft up.
func (v *Visit) deleteDraft(credential string) {
	if p := v.edit(credential, http.MethodDelete, v.ownInAPI(), nil); p != nil {
		v.detailsRefused(credential, p, "", func(*detailsPage) {})
		return
	}
	v.See("/organise")
}

// duplicate makes a draft like a conference.
func (v *Visit) duplicate(credential string) {
	typed := strings.TrimSpace(v.PostForm("slug"))
	var made struct {
		ID uuid.UUID `json:"id"`
	}
	_, p := v.Send(Call{Method: http.MethodPost, Path: v.ownInAPI() + "/duplicate", Body: map[string]any{"slug": typed}, Bearer: credential, Wait: "5"}, &made)
	if p != nil {
		v.detailsRefused(credential, p, "copy-slug", func(d *detailsPage) { d.Copied = typed })
		return
	}
	v.See("/organise/c/" + made.ID.String() + "/details")
}

func (v *Visit) ownInAPI() string { return "/api/conferences/" + url.PathEscape(v.Param("id")) }

// detailsRefused shows the details again, with why something else on their page was
// refused: field is its field for a slug.
func (v *Visit) detailsRefused(credential string, p *problem.Problem, field string, typed func(*detailsPage)) {
	c, changed := thereNow(p)
	if !changed {
		var ok bool
		if c, ok = v.readOwn(credential); !ok {
			return
		}
	}
	data := detailsOf(c)
	typed(data)
	data.Failed = v.Fail(p, func(name string) (string, string) {
		if field != "" && name == "slug" {
			return field, "details.slug"
		}
		return "", ""
	})
	if changed {
		data.Failed.Detail = v.T("changed.look")
	}
	v.showDetails(p.Status, data)
}

type ordersPage struct {
	Shell
	Conference conference
	Query      string
	Status     string
	Orders     []view.OrderSummary
	Tabs       []tab
	More, File string
}

type tab struct {
	Path, Key string
	Count     int
	Here      bool
}

var orderStatuses = []view.OrderStatus{view.OrderConfirmed, view.OrderReserved, view.OrderPartiallyReserved, view.OrderPlaced, view.OrderWaitlisted, view.OrderExpired, view.OrderCancelled, view.OrderRejected}

// orders lists a conference's orders.
func (v *Visit) orders(credential string) {
	c, ok := v.readOwn(credential)
	if !ok {
		return
	}
	data := &ordersPage{Conference: c, Query: strings.TrimSpace(v.Query("q")), Status: v.Query("status")}
	var list view.OrderList
	api := "/api/organiser/conferences/" + c.ID.String() + "/orders?"
	if !v.read(credential, api+parameters("q", data.Query, "status", data.Status, "after", v.Query("after"), "limit", "50"), &list) {
		return
	}
	data.Orders = list.Orders
	all, here := 0, "/organise/c/"+c.ID.String()+"/orders"
	for _, s := range orderStatuses {
		n := list.Counts[s]
		all += n
		data.Tabs = append(data.Tabs, tab{Path: here + "?" + parameters("q", data.Query, "status", string(s)), Key: "status." + string(s), Count: n, Here: data.Status == string(s)})
	}
	data.Tabs = append([]tab{{Path: here + "?" + parameters("q", data.Query), Key: "status.all", Count: all, Here: data.Status == ""}}, data.Tabs...)
	if list.Next != "" {
		data.More = here + "?" + parameters("q", data.Query, "status", data.Status, "after", list.Next)
	}
	data.File = here + ".csv?" + parameters("q", data.Query, "status", data.Status)
	v.working(&data.Shell, &c, "/orders")
	v.Render("orders", http.StatusOK, data)
}

type attendeesPage struct {
	Shell
	Conference conference
	Query      string
	Attendees  []view.AttendeeRow
	More, File string
}

// attendees lists who sits where.
func (v *Visit) attendees(credential string) {
	c, ok := v.readOwn(credential)
	if !ok {
		return
	}
	data := &attendeesPage{Conference: c, Query: strings.TrimSpace(v.Query("q"))}
	var list view.AttendeeList
	if !v.read(credential, "/api/organiser/conferences/"+c.ID.String()+"/attendees?"+parameters("q", data.Query, "after", v.Query("after"), "limit", "50"), &list) {
		return
	}
	data.Attendees = list.Attendees
	here := "/organise/c/" + c.ID.String() + "/attendees"
	if list.Next != "" {
		data.More = here + "?" + parameters("q", data.Query, "after", list.Next)
	}
	data.File = here + ".csv?" + parameters("q", data.Query)
	v.working(&data.Shell, &c, "/attendees")
	v.Render("attendees", http.StatusOK, data)
}

// file passes a file of the API on, as it comes.
func (v *Visit) file(credential, name string) {
	id, err := uuid.Parse(v.Param("id"))
	if err != nil {
		v.refuse(problem.New(problem.NotFound))
		return
	}
	r, err := v.inside(Call{Method: http.MethodGet, Path: "/api/organiser/conferences/" + id.String() + "/" + name + "?" + v.Request.URL.RawQuery, Bearer: credential}, nil)
	if err != nil {
		v.refuse(problem.New(problem.NotFound))
		return
	}
	r.Body = io.NopCloser(strings.NewReader(""))
	v.site.api.ServeHTTP(v.Writer, r)
}

type ownOrderPage struct {
	Shell
	Order      view.Order
	Conference conference
	Timeline   []happened
	Locator    string
	Granted    int
	Reason     string // why it was rejected
}

// happened is an event in words.
type happened struct {
	Key string
	At  time.Time
}

// ownOrder shows an order to its organiser.
func (v *Visit) ownOrder(credential string) { v.showOwnOrder(credential, http.StatusOK, nil) }

func (v *Visit) showOwnOrder(credential string, status int, failed *Failure) {
	id, ok := v.orderID()
	if !ok {
		v.refuse(problem.New(problem.NotFound))
		return
	}
	data := &ownOrderPage{}
	if !v.read(credential, "/api/orders/"+id.String(), &data.Order) {
		return
	}
	var entries []view.TimelineEntry
	page := url.Values{"limit": {"1000"}}
	for {
		var timeline view.Timeline
		if !v.read(credential, "/api/orders/"+id.String()+"/timeline?"+page.Encode(), &timeline) {
			return
		}
		if entries = append(entries, timeline.Entries...); timeline.Next == "" {
			break
		}
		page.Set("after", timeline.Next)
	}
	var c view.Conference
	if !v.read(credential, "/api/conferences/"+data.Order.ConferenceID.String(), &c) {
		return
	}
	data.Conference, data.Locator = shown(c), grouped(data.Order.Locator)
	data.Reason = v.reason(data.Order.Reason)
	for _, l := range data.Order.Lines {
		data.Granted += l.Granted
	}
	for _, e := range entries {
		// What has words is what people want to know; the flow explorer has the rest.
		if name, _, _ := strings.Cut(e.Type, "."); text.Has("event." + name) {
			data.Timeline = append(data.Timeline, happened{Key: "event." + name, At: e.Time})
		}
	}
	data.Failed = failed
	v.working(&data.Shell, &data.Conference, "order")
	v.Render("own-order", status, data)
}

// reason says in words why an order was rejected: its seats were gone, or the seats'
// app refused what it asked for.
func (v *Visit) reason(code string) string {
	if code == contracts.SoldOut {
		return v.T("own.sold-out")
	}
	for _, k := range problem.Kinds {
		if string(k.Code) == code {
			p, _ := problem.New(k.Code).Localize(string(v.Lang), "")
			return p.Title
		}
	}
	return code
}

// Short says that less was granted than asked for.
func (d *ownOrderPage) Short() bool {
	for _, l := range d.Order.Lines {
		if d.Order.Status != view.OrderPlaced && d.Order.Status != view.OrderWaitlisted && l.Granted < l.Requested {
			return true
		}
	}
	return false
}

// CanGiveSome says that the order has seats of which some can be given back.
func (d *ownOrderPage) CanGiveSome() bool {
	return d.Order.Status == view.OrderConfirmed && seatsKept(d.Order) > 1
}

// Worth is what the seats that the order has were confirmed at.
func (d *ownOrderPage) Worth() contracts.Money { return worth(d.Order) }

// Ended says that nothing is left to be cancelled.
func (d *ownOrderPage) Ended() bool {
	return !d.Order.Status.Open() && d.Order.Status != view.OrderConfirmed
}

func (v *Visit) cancelOwn(credential string) {
	id, ok := v.orderID()
	if !ok {
		v.refuse(problem.New(problem.NotFound))
		return
	}
	if p := v.change(credential, http.MethodPost, "/api/orders/"+id.String()+"/cancel", nil); p != nil {
		v.showOwnOrder(credential, p.Status, v.Fail(p, nothing))
		return
	}
	v.See("/organise/orders/" + id.String())
}
