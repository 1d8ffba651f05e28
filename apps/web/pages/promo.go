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
	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
)

// promoCode asks for a promo code of the order, or does without one.
func (v *Visit) promoCode(d *orderPage) *Failure {
	root := "/promo-codes"
	if code := v.PostForm("remove"); code != "" {
		if p := v.toOrder(d, http.MethodDelete, root+"/"+url.PathEscape(code), nil, nil); p != nil {
			return v.Fail(p, nothing)
		}
		return nil
	}
	if _, has := v.GetPostForm("email"); has { // it was sent with the registrant's form, which it is not to empty
		var person contracts.Person
		person, d.Details = v.person()
		d.Details.FamilyFirst = v.Lang == text.Chinese
		v.keepDraft(d.Order.ID, person)
	}
	typed := strings.TrimSpace(v.PostForm("code"))
	if typed == "" {
		return &Failure{Title: v.T("form.check"), Links: []FailureLink{{Field: "code", Label: v.T("promo.code"), Message: v.T("promo.empty")}}}
	}
	if p := v.toOrder(d, http.MethodPost, root, map[string]string{"code": typed}, nil); p != nil {
		f := v.Fail(p, func(string) (string, string) { return "code", "promo.code" })
		if len(f.Links) == 0 {
			f.Links = []FailureLink{{Field: "code", Label: v.T("promo.code"), Message: p.Title}}
		}
		return f
	}
	return nil
}

// Codes are the promo codes to show: what became of one that was refused only as long
// as no other was asked for since.
func (d *orderPage) Codes() []view.OrderPromoCode {
	var codes []view.OrderPromoCode
	for i, c := range d.Order.PromoCodes {
		if c.State != view.PromoCodeRefused || i == len(d.Order.PromoCodes)-1 {
			codes = append(codes, c)
		}
	}
	return codes
}

// TypedCode is the promo code that was typed and not taken.
func (d *orderPage) TypedCode() string {
	if d.CodeErr() == "" {
		return ""
	}
	return d.typedCode
}

// CodeErr is what is wrong with the promo code that was typed.
func (d *orderPage) CodeErr() string { return d.Failed.of("code") }

type promoPage struct {
	Shell
	Conference conference
	PromoCodes []view.PromoCode
	More       string
	Edited     *promoForm

	now time.Time
}

// promoForm is what was typed about a promo code.
type promoForm struct {
	New                            bool
	Code, Value, Kind, Quota, Unit string
	Exclusive                      bool
	Some                           bool // for the seat types of Scope, and not for all
	Scope                          []string
	From, Until                    string
	CodeErr, ValueErr, QuotaErr    string
	FromErr, UntilErr, ScopeErr    string
	Prefix                         string
}

// Has says whether a seat type is in scope.
func (f promoForm) Has(seatType uuid.UUID) bool { return slices.Contains(f.Scope, seatType.String()) }

// Kinds of what a promo code takes off.
const (
	takesPercent = "percent"
	takesAmount  = "amount"
)

// promoCodes lists a conference's promo codes with their use.
func (v *Visit) promoCodes(credential string) {
	v.showPromoCodes(credential, http.StatusOK, &promoPage{})
}

func (v *Visit) showPromoCodes(credential string, status int, data *promoPage) {
	c, ok := v.readOwn(credential)
	if !ok {
		return
	}
	var list view.PromoCodes
	here := "/organise/c/" + c.ID.String() + "/promo-codes"
	if !v.read(credential, "/api/organiser/conferences/"+c.ID.String()+"/promo-codes?"+parameters("after", v.Query("after"), "limit", "50"), &list) {
		return
	}
	data.Conference, data.PromoCodes, data.now = c, list.PromoCodes, v.Now
	if list.Next != "" {
		data.More = here + "?" + parameters("after", list.Next)
	}
	v.working(&data.Shell, &c, "/promo-codes")
	v.Render("promo-codes", status, data)
}

// Form is what the form of a promo code holds: what was typed, or what is there.
func (d *promoPage) Form(p view.PromoCode) promoForm {
	if d.Edited != nil && !d.Edited.New && d.Edited.Code == p.Code {
		return *d.Edited
	}
	f := promoForm{
		Code: p.Code, Kind: takesPercent, Value: strconv.Itoa(p.Percent), Unit: string(p.QuotaUnit), Exclusive: p.Exclusive, Prefix: p.Code + "-",
		From: typedTime(p.ValidFrom, d.Conference.Zone), Until: typedTime(p.ValidUntil, d.Conference.Zone),
	}
	if p.Amount > 0 {
		f.Kind, f.Value = takesAmount, text.Decimal(d.Money(p.Amount))
	}
	if p.Quota > 0 {
		f.Quota = strconv.Itoa(p.Quota)
	}
	f.Some = len(p.Scope) > 0
	for _, id := range p.Scope {
		f.Scope = append(f.Scope, id.String())
	}
	return f
}

// NewForm is the form of a promo code that is not there yet.
func (d *promoPage) NewForm() promoForm {
	if d.Edited != nil && d.Edited.New {
		return *d.Edited
	}
	return promoForm{New: true, Kind: takesPercent, Unit: string(contracts.ByOrder), Prefix: "new-"}
}

// Money is an amount in the conference's currency.
func (d *promoPage) Money(minor int64) contracts.Money {
	return contracts.Money{Amount: minor, Currency: d.Conference.Currency}
}

// Forms are the codes that have a form: those listed, and the one whose form was sent and
// not taken, though it may be on another page of the list.
func (d *promoPage) Forms() []view.PromoCode {
	if d.Edited == nil || d.Edited.New || slices.ContainsFunc(d.PromoCodes, func(p view.PromoCode) bool { return p.Code == d.Edited.Code }) {
		return d.PromoCodes
	}
	return append(slices.Clone(d.PromoCodes), view.PromoCode{Code: d.Edited.Code})
}

// NewOpen says that the form of a new code was sent and not taken.
func (d *promoPage) NewOpen() bool { return d.Edited != nil && d.Edited.New }

// For are the names of the seat types that a code is for, if it is not for all.
func (d *promoPage) For(p view.PromoCode) (names []string) {
	for _, t := range d.Conference.SeatTypes {
		if slices.Contains(p.Scope, t.ID) {
			names = append(names, t.Name)
		}
	}
	return names
}

// HasRemoved says that a seat type of a code's scope is there no more.
func (d *promoPage) HasRemoved(p view.PromoCode) bool { return len(d.For(p)) < len(p.Scope) }

// Removed are the seat types of the scope that the conference has no more. The form
// sends them back, so that a code is never for more than before because of them.
func (d *promoPage) Removed(f promoForm) (ids []string) {
	for _, id := range f.Scope {
		if !slices.ContainsFunc(d.Conference.SeatTypes, func(t view.SeatType) bool { return t.ID.String() == id }) {
			ids = append(ids, id)
		}
	}
	return ids
}

// State is how a code stands now: a part of a text's key.
func (d *promoPage) State(p view.PromoCode) string {
	switch {
	case p.Retired:
		return "retired"
	case !p.ValidUntil.IsZero() && !d.now.Before(p.ValidUntil):
		return "over"
	case d.now.Before(p.ValidFrom):
		return "later"
	case p.Quota > 0 && p.Used >= p.Quota:
		return "used-up"
	}
	return "active"
}

// IsEdited says that the form of the code was sent and not taken.
func (d *promoPage) IsEdited(code string) bool {
	return d.Edited != nil && d.Edited.Code == code && !d.Edited.New
}

// savePromoCode makes, changes or retires a promo code.
func (v *Visit) savePromoCode(credential string) {
	c, ok := v.readOwn(credential)
	if !ok {
		return
	}
	f := &promoForm{
		New: v.PostForm("new") != "", Code: strings.TrimSpace(v.PostForm("code")), Value: strings.TrimSpace(v.PostForm("value")), Kind: v.PostForm("kind"),
		Quota: strings.TrimSpace(v.PostForm("quota")), Unit: v.PostForm("unit"), Exclusive: v.PostForm("exclusive") != "",
		Some: v.PostForm("for") != "all", Scope: v.PostFormArray("scope"), From: strings.TrimSpace(v.PostForm("validFrom")), Until: strings.TrimSpace(v.PostForm("validUntil")), Prefix: "new-",
	}
	if !f.New {
		f.Prefix = f.Code + "-"
	}
	root := "/api/conferences/" + c.ID.String() + "/promo-codes"
	method, path := http.MethodPost, root
	if !f.New {
		method, path = http.MethodPut, root+"/"+url.PathEscape(f.Code)
	}
	failure := &Failure{Title: v.T("form.check")}
	var p *problem.Problem
	if v.PostForm("retire") != "" {
		p = v.change(credential, http.MethodDelete, path, nil)
	} else if body := v.promoBody(f, c, failure); len(failure.Links) == 0 {
		p = v.change(credential, method, path, body)
	}
	if p == nil && len(failure.Links) == 0 {
		v.See(v.own() + "/promo-codes")
		return
	}
	status := http.StatusUnprocessableEntity
	if p != nil {
		status = p.Status
		failure = v.Fail(p, func(field string) (string, string) {
			if key, ok := promoFields[field]; ok {
				return f.Prefix + field, key
			}
			return "", ""
		})
	}
	for name, err := range map[string]*string{"code": &f.CodeErr, "value": &f.ValueErr, "quota": &f.QuotaErr, "validFrom": &f.FromErr, "validUntil": &f.UntilErr, "scope": &f.ScopeErr} {
		*err = failure.of(f.Prefix + name)
	}
	data := &promoPage{Edited: f}
	data.Failed = failure
	v.showPromoCodes(credential, status, data)
}

// promoFields are the fields of the form, with the keys of their labels.
var promoFields = map[string]string{
	"code": "promo.code", "value": "promo.value", "quota": "promo.quota", "validFrom": "promo.from", "validUntil": "promo.until", "scope": "promo.scope",
}

// promoBody is what the form says, as the API takes it. What is no number or time
// is added to the failure.
func (v *Visit) promoBody(f *promoForm, c conference, failure *Failure) map[string]any {
	wrong := func(field, message string) {
		failure.Links = append(failure.Links, FailureLink{Field: f.Prefix + field, Label: v.T(promoFields[field]), Message: v.T(message)})
	}
	body := map[string]any{"quotaUnit": f.Unit, "exclusive": f.Exclusive}
	if f.New {
		body["code"] = f.Code
		if f.Code == "" {
			wrong("code", "promo.empty")
		}
	}
	if f.Kind == takesAmount {
		if amount, ok := text.ParseDecimal(f.Value, c.Currency); ok {
			body["amount"] = amount
		} else {
			wrong("value", "form.amount")
		}
	} else if percent, err := strconv.Atoi(f.Value); err == nil && percent >= 1 && percent <= 100 {
		body["percent"] = percent
	} else {
		wrong("value", "promo.percent.wrong")
	}
	if f.Quota != "" {
		if quota, err := strconv.Atoi(f.Quota); err == nil && quota >= 1 {
			body["quota"] = quota
		} else {
			wrong("quota", "promo.quota.wrong")
		}
	}
	switch {
	case !f.Some:
	case len(f.Scope) > 0:
		body["scope"] = f.Scope
	default:
		wrong("scope", "promo.scope.wrong")
	}
	for _, field := range []struct{ name, typed string }{{"validFrom", f.From}, {"validUntil", f.Until}} {
		if at, ok := localTime(field.typed, c.Zone); !ok {
			wrong(field.name, "form.time")
		} else if !at.IsZero() {
			body[field.name] = at
		}
	}
	return body
}
