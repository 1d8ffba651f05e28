package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"golang.org/x/text/language"

	"github.com/plenary/plenary/apps/payments/provider"
	"github.com/plenary/plenary/contracts/locale"
)

// Choice is what the payer, or whoever tries Plenary out, decides on the page.
type Choice string

// The choices. Each may be made again: it then does nothing, except that a shop
// that could not be told is told.
const (
	Accept Choice = "accept" // the money is taken
	Reject Choice = "reject" // the provider refuses
	Cancel Choice = "cancel" // the payer gives up
	Never  Choice = "never"  // no answer: the money is on its way, until one of the three above

	RefuseRefunds Choice = "refuse-refunds"
	GiveRefunds   Choice = "give-refunds" // as it is at first
)

var (
	errNoChoice = errors.New("there is no such choice")
	errDecided  = errors.New("this payment was decided otherwise")
	errClosed   = errors.New("the shop has closed this payment")
	errForeign  = errors.New("the form was sent by another site's page")
)

// choose applies a choice to the record.
func (r *record) choose(c Choice) error {
	if !r.opened() {
		return provider.ErrUnknown
	}
	decide := func(to status) error {
		if r.Status == closed {
			return errClosed
		}
		if r.Status != open && r.Status != silent && r.Status != to {
			return errDecided
		}
		r.Status = to
		return nil
	}
	switch c {
	case Accept:
		return decide(accepted)
	case Reject:
		return decide(rejected)
	case Cancel:
		return decide(cancelled)
	case Never:
		return decide(silent)
	case RefuseRefunds, GiveRefunds:
		r.RefuseRefunds = c == RefuseRefunds
		return nil
	}
	return errNoChoice
}

// Pages serves the payer's page: GET /pay/demo/{paymentId} shows it, POST with a
// form field "choice" decides and answers 303 to the page. Failures are the same
// page with an alert, and: 400 no such choice, 403 sent by another site's page,
// 404 no such payment, 409 decided otherwise or closed by the shop, 502 the shop could not be told
// (the choice stands; make it again), 503 the provider cannot read its records.
//
// Nobody is logged in here: who knows the payment's id may pay it, as with any
// checkout link. So a foreign page gains nothing by sending a form here that it
// could not do by itself; it is turned away all the same.
func (p *Provider) Pages(r gin.IRoutes) {
	const path = "/pay/" + Name + "/:paymentId"
	r.GET(path, p.show)
	r.POST(path, p.decide)
}

func (p *Provider) show(c *gin.Context) {
	id, err := uuid.Parse(c.Param("paymentId"))
	if err != nil {
		p.render(c, http.StatusNotFound, record{}, provider.ErrUnknown)
		return
	}
	r, _, err := p.load(c.Request.Context(), id)
	if err == nil && !r.opened() {
		err = provider.ErrUnknown
	}
	p.render(c, statusOf(err), r, err)
}

// maxForm bounds a form's size, in bytes.
const maxForm = 4 << 10

func (p *Provider) decide(c *gin.Context) {
	id, err := uuid.Parse(c.Param("paymentId"))
	if err != nil {
		p.render(c, http.StatusNotFound, record{}, provider.ErrUnknown)
		return
	}
	if site := c.GetHeader("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		p.render(c, http.StatusForbidden, record{}, errForeign)
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxForm)
	choice := Choice(c.Request.PostFormValue("choice"))
	// Who closes the window after deciding has decided.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), 20*time.Second)
	defer cancel()
	r, err := p.change(ctx, id, func(r *record) error { return r.choose(choice) })
	if err != nil {
		p.render(c, statusOf(err), r, err)
		return
	}
	if err := p.report(ctx, r); err != nil {
		slog.WarnContext(c, "the demo provider could not tell the shop", "payment", id, "error", err)
		p.render(c, http.StatusBadGateway, r, nil)
		return
	}
	c.Header("Cache-Control", "no-store")
	c.Redirect(http.StatusSeeOther, c.Request.URL.Path)
}

func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, provider.ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, errNoChoice):
		return http.StatusBadRequest
	case errors.Is(err, errDecided), errors.Is(err, errClosed):
		return http.StatusConflict
	}
	return http.StatusServiceUnavailable
}

//go:embed page.html
var pageSource string

var page = template.Must(template.New("page").Parse(pageSource))

// policy allows the page its own style and its own form, and nothing else.
var policy = func() string {
	_, rest, _ := strings.Cut(pageSource, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

// view is what the page shows. Payment is nil when there is none to show.
type view struct {
	Lang    string
	Text    texts
	Alert   string
	Payment *paymentView
}

type paymentView struct {
	Amount, ID, Status string
	Choices            []button
	Refunds            string
	Refund             *button
}

type button struct {
	Value           Choice
	Label, Explains string
}

func (p *Provider) render(c *gin.Context, code int, r record, err error) {
	tag, text := speak(c.GetHeader("Accept-Language"))
	v := view{Lang: tag.String(), Text: text, Alert: text.alert(err)}
	if r.opened() {
		v.Payment = text.payment(r, tag)
	}
	if code == http.StatusServiceUnavailable {
		slog.ErrorContext(c, "the demo provider's page failed", "error", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, v); err != nil {
		slog.ErrorContext(c, "the demo provider's page cannot be written", "error", err)
		c.Status(http.StatusInternalServerError)
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Language", v.Lang)
	h.Set("Vary", "Accept-Language")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	c.Data(code, "text/html; charset=utf-8", out.Bytes())
}

// payment is what the page shows of a record.
func (t texts) payment(r record, tag language.Tag) *paymentView {
	v := &paymentView{
		Amount: locale.Money(tag, r.Amount), ID: r.PaymentID.String(), Status: t.status(r),
	}
	switch e, ended := r.event(); {
	case r.Status == open:
		v.Choices = []button{
			{Accept, t.Accept, t.AcceptExplains}, {Reject, t.Reject, t.RejectExplains},
			{Cancel, t.Cancel, t.CancelExplains}, {Never, t.Never, t.NeverExplains},
		}
	case r.Status == silent:
		v.Choices = []button{
			{Accept, t.Accept, t.AcceptExplains}, {Reject, t.Reject, t.RejectExplains}, {Cancel, t.Cancel, t.CancelExplains},
		}
	case ended && !r.Told:
		again := map[string]Choice{eventAccepted: Accept, eventRejected: Reject, eventCancelled: Cancel}[e.Type]
		v.Choices = []button{{again, t.TellAgain, t.TellAgainExplains}}
	}
	switch {
	case r.Status == rejected || r.Status == cancelled || r.Status == closed:
		// no money was taken, so there are no refunds to speak of
	case r.refunded():
		v.Refunds = t.Refunded
	case r.RefuseRefunds:
		v.Refunds, v.Refund = t.RefundsRefused, &button{Value: GiveRefunds, Label: t.GiveRefunds}
	default:
		v.Refunds, v.Refund = t.RefundsGiven, &button{Value: RefuseRefunds, Label: t.RefuseRefunds}
	}
	return v
}
