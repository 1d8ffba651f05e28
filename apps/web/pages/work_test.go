package pages_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/pages/pagestest"
	"github.com/plenary/plenary/contracts"
)

// explorerPage is what the explorer's and the operator's pages may weigh, compressed.
const explorerPage = 40 << 10

func enterAsOrganiser(w *world) {
	w.post("/organise/sign-in", "credential", pagestest.OrganiserToken).leadsTo("/organise")
}

func enterAsOperator(w *world) {
	w.post("/operate/sign-in", "credential", pagestest.OperatorToken).leadsTo("/operate")
}

// An organiser's credential opens nothing of the operator's, nor the other way round.
func TestOrganisersAndOperatorsHaveCredentialsOfTheirOwn(t *testing.T) {
	ofOperators := []string{"/operate", "/operate/letters?handler=order", "/operate/stuck", "/operate/organisations", "/operate/organisations/" + contracts.MainOrganisation.String(), "/operate/changes"}
	ofOrganisers := []string{"/organise", "/organise/members", "/organise/changes", own(""), own("/orders"), "/organise/orders/" + pagestest.OrderID("confirmed").String()}
	ofBoth := []string{"/explore", flowPath()}

	w := newWorld(t)
	w.post("/operate/sign-in", "credential", pagestest.OrganiserToken).is(http.StatusForbidden).says("<title>Error:", "for something else")
	w.get("/operate").leadsTo("/operate/sign-in?to=%2Foperate")
	enterAsOrganiser(w)
	for _, path := range ofOperators {
		w.get(path).leadsTo("/operate/sign-in?to=" + url.QueryEscape(path))
	}
	for _, path := range append(ofOrganisers, ofBoth...) {
		w.get(path).is(http.StatusOK).saysNot(`href="/operate"`)
	}
	for _, form := range []string{"/operate/letters/discard", "/operate/letter/" + pagestest.Letter + "/retry", "/operate/free", "/operate/refunds/" + pagestest.Payment.String(), "/operate/stuck/" + pagestest.OrderID("expired").String() + "/retry"} {
		w.post(form, "handler", "order", "attempts", "3").leadsTo("/operate/sign-in?to=%2Foperate")
	}

	w = newWorld(t)
	w.post("/organise/sign-in", "credential", pagestest.OperatorToken).is(http.StatusForbidden).says("<title>Error:", "for something else")
	enterAsOperator(w)
	for _, path := range ofOrganisers {
		w.get(path).leadsTo("/organise/sign-in?to=" + url.QueryEscape(path))
	}
	for _, path := range append(ofOperators, ofBoth...) {
		w.get(path).is(http.StatusOK).saysNot(`<a href="/organise">Your conferences`)
	}
	w.post("/organise/orders/" + pagestest.OrderID("confirmed").String() + "/cancel").leadsTo("/organise/sign-in?to=%2Forganise")
	w.post("/operate/sign-out").leadsTo("/operate/sign-in")
	w.get("/operate").leadsTo("/operate/sign-in?to=%2Foperate")
	if sent := w.Sent(); len(sent) > 0 {
		t.Errorf("sent %+v", sent)
	}
}

func flowPath() string { return "/explore/orders/" + pagestest.Flow().OrderID.String() }

func TestTheExplorersAndTheOperatorsPagesAreWellMadeInEachLanguage(t *testing.T) {
	for name, path := range map[string]string{
		"explore": "/explore", "flow": flowPath(), "flow with an event": flowPath() + "?event=8",
		"organisations": "/operate/organisations", "members, for an operator": "/operate/organisations/" + contracts.MainOrganisation.String(), "all changes": "/operate/changes",
		"operate": "/operate", "letters": "/operate/letters?handler=order", "stuck": "/operate/stuck",
		"compare": "/explore/compare?a=" + pagestest.OrderID("confirmed").String() + "&b=" + pagestest.OrderID("rejected").String(),
	} {
		for _, language := range []string{"en", "zh-Hans"} {
			t.Run(name+" "+language, func(t *testing.T) {
				w := newWorld(t)
				w.get(path).is(http.StatusSeeOther) // not without a credential
				enterAsOrganiser(w)
				enterAsOperator(w)
				w.header.Set("Accept-Language", language)
				got := w.get(path).is(http.StatusOK).says(`<html lang="`+language+`"`, "/static/explore.")
				got.saysNot("<no value>", "%!", "ZgotmplZ", "style=")
				if c := got.header.Get("Cache-Control"); c != "no-store" {
					t.Errorf("Cache-Control %q", c)
				}
				if weight := compressed(got.body); weight > explorerPage {
					t.Errorf("%d bytes compressed, at most %d", weight, explorerPage)
				}
				wellMade(t, got.body)
			})
		}
	}
}

func TestTheExplorerDrawsEachEntryAndItsCause(t *testing.T) {
	w := newWorld(t)
	enterAsOrganiser(w)
	got := w.get(flowPath())
	f, arrows := pagestest.Flow(), 0
	for _, e := range f.Entries {
		got.says(`aria-label="` + strconv.Itoa(e.Number) + " " + strings.TrimSuffix(e.Type, ".v1"))
		if e.CausedBy != "" {
			arrows++
		}
	}
	if n := strings.Count(got.body, `class="arrow"`); n != arrows {
		t.Errorf("%d arrows, want %d", n, arrows)
	}
	got.says(">web</text>", ">order</text>", ">registration-process</text>", ">seats</text>")
	got.says("waits for payment or confirmation", "until 09:15 UTC", `class="wait now"`)
	got.says(`class="at skewed"`)
}

func TestAnEventIsSelectedByTheAddress(t *testing.T) {
	w := newWorld(t)
	enterAsOrganiser(w)
	w.get(flowPath()).says("Choose a command or an event", "The order at version 3 of 4").saysNot(`class="payload"`)
	got := w.get(flowPath()+"?event=8").says("8 · OrderReservationCompleted", "&#34;deadline&#34;", "Caused by", "7 · MarkSeatsAsReserved")
	got.says(`href="?event=7#selected"`, `href="?event=9#selected"`)
	// what led there stands out: command, event, command, event, command, event
	if n := strings.Count(got.body, `class="arrow hot"`); n != 5 {
		t.Errorf("%d arrows stand out, want 5", n)
	}
	// the versions of the order before and after
	got.says(`href="?event=3#selected">One version back`, `href="?event=10#selected">One version on`)
	w.get(flowPath()+"?version=1").says("2 · OrderPlaced", "•••")
	w.get(flowPath() + "?event=999").is(http.StatusOK).says("Choose a command or an event")
	w.get("/explore/orders/nonsense").is(http.StatusNotFound)
}

func TestTwoOrdersAreComparedUntilTheyWentDifferentWays(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	a, b := pagestest.OrderID("confirmed").String(), pagestest.OrderID("rejected").String()
	p := w.get("/explore/compare?a="+a+"&b="+b).is(http.StatusOK).says("stands in one row: 4 entries", "OrderRejected", "SeatsReserved", "/explore/orders/"+b+"?event=5")
	if n := strings.Count(p.body, "From here on they went different ways"); n != 1 {
		t.Errorf("%d times said where they part", n)
	}
	w.get("/explore?compare=" + a).says("/explore/compare?a=" + a + "&amp;b=")
	w.get("/explore/compare?a=" + a + "&b=x").is(http.StatusNotFound)
}

func TestTheListOfTheExplorerTellsNobodysName(t *testing.T) {
	w := newWorld(t)
	enterAsOrganiser(w)
	w.get("/explore").says(flowPath()).saysNot(pagestest.Ada.Email, pagestest.Ada.LastName, "K7PQ2MXA")
	w.get("/explore?q=" + pagestest.Flow().OrderID.String()).leadsTo(flowPath())
}

func TestOperatorsSeeWhatNeedsThem(t *testing.T) {
	w := newWorld(t)
	enterAsOperator(w)
	w.get("/operate").says("Overdue orders", "Failed refunds", "card expired", "Payments without an end",
		"no such stream &amp; more", "3 messages", "Parked streams", "1200 of 4800 events", `<progress max="4800" value="1200"`).saysNot("Nothing needs you")
	w.Put("/operator/attention", json.RawMessage(`{"overdue":[],"failedRefunds":[],"loosePayments":[],"stuckOrders":[],"reasons":[],"parkedStreams":[],"rebuild":{}}`))
	w.get("/operate").says("Nothing needs you").saysNot("Overdue orders", `action="/operate/letters`, `action="/operate/refunds`, `action="/operate/free`)
}

func TestOperatorsDealWithDeadLettersOneByOneAndByReason(t *testing.T) {
	w := newWorld(t)
	enterAsOperator(w)
	w.get("/operate/letters?handler=order").says("ConfirmOrder.v1", "Send back", "Yes, discard")
	w.post("/operate/letter/"+pagestest.Letter+"/retry", "handler", "order").leadsTo("/operate/letters?closed=1&done=retry&handler=order")
	w.post("/operate/letters/discard", "handler", "order", "reason", "no such stream & more").leadsTo("/operate?closed=3&done=discard&skipped=1")
	w.get("/operate?closed=3&done=discard&skipped=1").says("Discarded: 3.", "somebody else dealt with them: 1.")
	w.post("/operate/letter/no-such-letter/discard").is(http.StatusNotFound).says("<title>Error:", `role="alert"`)
	w.post("/operate/free", "handler", "order", "stream", "order/1", "topic", "orders").leadsTo("/operate?closed=1&done=discard")
	w.header.Set("Sec-Fetch-Site", "cross-site")
	w.post("/operate/letters/discard", "handler", "order").is(http.StatusForbidden)
}

// Each order offers what its operator may do, in two steps and with a reason.
func TestOperatorsSeeToStuckOrders(t *testing.T) {
	w := newWorld(t)
	enterAsOperator(w)
	expired, unknown := pagestest.OrderID("expired").String(), pagestest.OrderID("never came").String()
	w.Put("/payments/"+pagestest.Payment.String(), view.Payment{ID: pagestest.Payment, OrderID: pagestest.OrderID("expired"), Status: view.PaymentCompleted})
	w.get("/operate").says("Stuck orders", `href="/operate/stuck"`)
	page := w.get("/operate/stuck").says("Paid, but neither confirmed nor refunded", "Yes, refund", "2 seats", "Nothing is known of this order",
		`action="/operate/stuck/`+expired+`/release"`, `action="/operate/stuck/`+expired+`/refund"`, `action="/operate/stuck/`+unknown+`/refund"`)
	page.saysNot(`action="/operate/stuck/`+pagestest.OrderID("reserved").String()+`/release"`, `action="/operate/stuck/`+pagestest.OrderID("confirmed").String()+`/release"`,
		`action="/operate/stuck/`+pagestest.OrderID("confirmed").String()+`/refund"`, `action="/operate/stuck/`+unknown+`/close"`)
	order := pagestest.OrderID("expired")
	for how, want := range map[string]struct {
		done    string
		command any
	}{
		"retry":   {"retried", contracts.RetryOrder{OrderID: order, Reason: "no answer"}},
		"release": {"released", contracts.ReleaseOrderSeats{OrderID: order, Reason: "no answer"}},
		"refund":  {"returned", contracts.ReturnPayment{OrderID: order, PaymentID: pagestest.Payment, Reason: "no answer"}},
		"close":   {"closed", contracts.CloseOrderCase{OrderID: order, Reason: "no answer"}},
	} {
		w.post("/operate/stuck/"+expired+"/"+how, "reason", "no answer", "payment", pagestest.Payment.String()).leadsTo("/operate/stuck?done=" + want.done)
		if sent := w.Sent(); sent[len(sent)-1] != want.command {
			t.Errorf("%s: sent %+v", how, sent[len(sent)-1])
		}
		w.get("/operate/stuck?done=" + want.done).says(`role="status"`)
	}
	before := len(w.Sent())
	w.post("/operate/stuck/"+expired+"/release", "reason", "two\nlines").is(http.StatusUnprocessableEntity).
		says("<title>Error:", `href="#release-`+expired+`"`, "must be one line", `<details class="sure" open>`)
	w.post("/operate/stuck/"+expired+"/refund", "reason", "why").is(http.StatusUnprocessableEntity)
	w.post("/operate/stuck/no-order/retry", "reason", "why").is(http.StatusUnprocessableEntity)
	if sent := w.Sent(); len(sent) != before {
		t.Errorf("sent %+v", sent[before:])
	}
	w.Put("/operator/stuck-orders", view.StuckOrders{Orders: []view.StuckOrder{}})
	w.get("/operate/stuck").says("No order is stuck")
}

func TestAFailedRefundIsAskedForAgainOnce(t *testing.T) {
	w := newWorld(t)
	enterAsOperator(w)
	path := "/operate/refunds/" + pagestest.Payment.String()
	for range 2 { // a double click
		w.post(path, "attempts", "3", "form", "0a3e9f2c-6b1d-4a51-9b1e-1f00000000aa").leadsTo("/operate?done=refund")
	}
	var sent []contracts.RefundPayment
	for _, c := range w.Sent() {
		if r, ok := c.(contracts.RefundPayment); ok {
			sent = append(sent, r)
		}
	}
	if len(sent) != 1 || sent[0].Attempt != 4 || sent[0].PaymentID != pagestest.Payment {
		t.Errorf("sent %+v", sent)
	}
	w.post(path, "attempts", "many").is(http.StatusUnprocessableEntity)
	w.post(path, "refund", "2", "attempts", "1").leadsTo("/operate?done=refund")
	if r, ok := w.Sent()[len(w.Sent())-1].(contracts.RefundPayment); !ok || r.RefundID != 2 || r.Attempt != 2 {
		t.Errorf("of a part: sent %+v", r)
	}
}
