package pages

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
)

type operatePage struct {
	Shell
	view.Attention
	// Fine says that nothing needs anybody.
	Fine bool
	// Closed and Skipped are what a form that was sent before did.
	Done            string
	Closed, Skipped int
}

// operate shows what needs an operator.
func (v *Visit) operate(credential string) { v.showOperate(credential, http.StatusOK, nil) }

func (v *Visit) showOperate(credential string, status int, failed *Failure) {
	data := &operatePage{}
	if !v.read(credential, "/api/attention", &data.Attention) {
		return
	}
	a := data.Attention
	data.Fine = len(a.Overdue)+len(a.FailedRefunds)+len(a.LoosePayments)+len(a.StuckOrders)+len(a.Reasons)+len(a.ParkedStreams)+a.DeadLetters+a.Refunds+a.WaitingStreams == 0 && a.Rebuild.Error == ""
	data.Failed = failed
	data.Done, data.Closed, data.Skipped = v.done()
	data.Style, data.Private, data.Path = workStyle, true, "/operate"
	v.Render("operate", status, data)
}

// done says what a form did that led to this page.
func (v *Visit) done() (what string, closed, skipped int) {
	what = v.Query("done")
	if what != "retry" && what != "discard" && what != "refund" {
		return "", 0, 0
	}
	closed, _ = strconv.Atoi(v.Query("closed")) // 0 if it is no number
	skipped, _ = strconv.Atoi(v.Query("skipped"))
	return what, max(closed, 0), max(skipped, 0)
}

type lettersPage struct {
	Shell
	Chosen          view.ChooseDeadLetters
	Letters         []view.DeadLetter
	More            string
	Done            string
	Closed, Skipped int
}

// letters lists the dead letters that are not settled, of a reason or a stream.
func (v *Visit) letters(credential string) {
	v.showLetters(credential, http.StatusOK, v.Request.URL.Query(), nil)
}

func (v *Visit) showLetters(credential string, status int, from url.Values, failed *Failure) {
	data := &lettersPage{Chosen: chosen(from)}
	var list view.DeadLetters
	if !v.read(credential, "/api/dead-letters?status=unsettled&limit=50&"+choice(data.Chosen, "before", from.Get("before")), &list) {
		return
	}
	data.Letters = list.DeadLetters
	if list.Next != "" {
		data.More = "/operate/letters?" + choice(data.Chosen, "before", list.Next)
	}
	data.Failed = failed
	data.Done, data.Closed, data.Skipped = v.done()
	data.Style, data.Private, data.Path = workStyle, true, "/operate/letters?"+choice(data.Chosen)
	v.Render("letters", status, data)
}

func chosen(from url.Values) view.ChooseDeadLetters {
	return view.ChooseDeadLetters{
		Reason: from.Get("reason"), Handler: from.Get("handler"), MessageType: from.Get("messageType"), Stream: from.Get("stream"),
	}
}

// choice is a choice of dead letters, and more, as the query of an address.
func choice(c view.ChooseDeadLetters, more ...string) string {
	return parameters(append([]string{"reason", c.Reason, "handler", c.Handler, "messageType", c.MessageType, "stream", c.Stream}, more...)...)
}

// asked sends what an operator's form asks for. ok is false when it was refused: with
// a failure to show or, if it is nil, with the visitor answered.
func (v *Visit) asked(credential, path string, body, out any) (failed *Failure, status int, ok bool) {
	_, p := v.Send(Call{Method: http.MethodPost, Path: path, Body: body, Bearer: credential}, out)
	switch {
	case p == nil:
		return nil, http.StatusOK, true
	case p.Status == http.StatusUnauthorized:
		v.setCookie(v.role.cookie, "", "/", -1)
		v.askFor(v.role)
		return nil, 0, false
	}
	return &Failure{Title: p.Title, Detail: p.Detail}, p.Status, false
}

// closeLetter sends one dead letter back, or discards it, and leads back to the list.
func (v *Visit) closeLetter(how string) func(string) {
	return func(credential string) {
		var closed view.DeadLetter
		failed, status, ok := v.asked(credential, "/api/dead-letters/"+url.PathEscape(v.Param("id"))+"/"+how, nil, &closed)
		switch {
		case ok:
			v.See("/operate/letters?" + choice(chosen(v.Request.PostForm), "done", how, "closed", "1"))
		case failed != nil:
			v.showLetters(credential, status, v.Request.PostForm, failed)
		}
	}
}

// closeLetters sends all dead letters of a reason back, or discards them.
func (v *Visit) closeLetters(how string) func(string) {
	return func(credential string) {
		var closed view.DeadLettersClosed
		failed, status, ok := v.asked(credential, "/api/dead-letters/"+how, chosen(v.Request.PostForm), &closed)
		switch {
		case ok:
			v.See("/operate?" + parameters("done", how, "closed", strconv.Itoa(closed.Closed), "skipped", strconv.Itoa(closed.Skipped)))
		case failed != nil:
			v.showOperate(credential, status, failed)
		}
	}
}

// free discards everything that is parked in a stream.
func (v *Visit) free(credential string) {
	var closed view.DeadLettersClosed
	failed, status, ok := v.asked(credential, "/api/parked-streams/free", view.FreeStream{
		Handler: v.PostForm("handler"), Stream: v.PostForm("stream"), Topic: v.PostForm("topic"),
	}, &closed)
	switch {
	case ok:
		v.See("/operate?" + parameters("done", "discard", "closed", strconv.Itoa(closed.Closed)))
	case failed != nil:
		v.showOperate(credential, status, failed)
	}
}

// refundAgain asks the provider once more to give money back.
func (v *Visit) refundAgain(credential string) {
	payment, err := uuid.Parse(v.Param("id"))
	attempts, wrong := strconv.Atoi(v.PostForm("attempts"))
	refund, unknown := strconv.Atoi(cmp.Or(v.PostForm("refund"), "0")) // a page of an earlier version does not say it
	if errors.Join(err, wrong, unknown) != nil {
		v.refuse(problem.New(problem.ValidationFailed))
		return
	}
	failed, status, ok := v.asked(credential, "/api/payments/"+payment.String()+"/refund", map[string]any{"refundId": refund, "attempt": attempts + 1}, nil)
	switch {
	case ok:
		v.See("/operate?done=refund")
	case failed != nil:
		v.showOperate(credential, status, failed)
	}
}
