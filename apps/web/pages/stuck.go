package pages

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts/refusal"
)

type stuckPage struct {
	Shell
	Orders []stuckOrder
	More   string
	// Done is what a form that was sent before did.
	Done            string
	Closed, Skipped int
}

// stuckOrder is an order with what an operator may do about it.
type stuckOrder struct {
	view.StuckOrder
	Ways []way
}

// way is one thing that an operator may do about an order. Typed is the reason that was
// typed for it and not taken.
type way struct {
	Order   uuid.UUID
	How     string
	Payment *view.Stuck // that goes back
	Typed   string
	Error   string
}

// ID is what the way's field is called on the page.
func (w way) ID() string {
	id := w.How + "-" + w.Order.String()
	if w.Payment != nil {
		id += "-" + w.Payment.PaymentID.String()
	}
	return id
}

// waysOf are what an operator may do about an order: nothing that it is certain to refuse.
func waysOf(o view.StuckOrder) []way {
	ways := []way{{Order: o.OrderID, How: "retry"}}
	if o.Status == view.OrderExpired || o.Status == view.OrderRejected || o.Status == view.OrderCancelled {
		ways = append(ways, way{Order: o.OrderID, How: "release"})
	}
	for _, s := range o.Stuck {
		if s.Kind == view.StuckPayment {
			ways = append(ways, way{Order: o.OrderID, How: "refund", Payment: &s})
		}
	}
	if o.Status != "" {
		ways = append(ways, way{Order: o.OrderID, How: "close"})
	}
	return ways
}

// stuck lists the orders that rest where they should not.
func (v *Visit) stuck(credential string) { v.showStuck(credential, http.StatusOK, way{}, nil) }

// showStuck lists them, with the way that failed as it was filled in.
func (v *Visit) showStuck(credential string, status int, tried way, failed *Failure) {
	var list view.StuckOrders
	if !v.read(credential, "/api/stuck-orders?"+parameters("limit", "50", "after", v.Query("after")), &list) {
		return
	}
	data := &stuckPage{}
	for _, o := range list.Orders {
		ways := waysOf(o)
		for i := range ways {
			if ways[i].ID() == tried.ID() {
				ways[i].Typed, ways[i].Error = tried.Typed, tried.Error
			}
		}
		data.Orders = append(data.Orders, stuckOrder{o, ways})
	}
	if list.Next != "" {
		data.More = "/operate/stuck?" + parameters("after", list.Next)
	}
	data.Failed = failed
	switch done := v.Query("done"); done {
	case "retried", "released", "returned", "closed", "unknown":
		data.Done = done
	}
	data.Style, data.Private, data.Path = workStyle, true, "/operate/stuck"
	v.Render("stuck", status, data)
}

// seeTo has done what an operator's form asks for, and leads back to the list.
func (v *Visit) seeTo(how, done string) func(string) {
	return func(credential string) {
		order, err := uuid.Parse(v.Param("id"))
		tried := way{Order: order, How: how, Typed: v.PostForm("reason")}
		body := map[string]any{"reason": tried.Typed}
		if how == "refund" {
			payment, wrong := uuid.Parse(v.PostForm("payment"))
			tried.Payment, body["paymentId"] = &view.Stuck{PaymentID: &payment}, payment
			if err == nil {
				err = wrong
			}
		}
		if err != nil {
			v.refuse(problem.New(problem.ValidationFailed))
			return
		}
		_, p := v.Send(Call{Method: http.MethodPost, Path: "/api/stuck-orders/" + order.String() + "/" + how, Body: body, Bearer: credential}, nil)
		switch {
		case p == nil:
			v.See("/operate/stuck?" + parameters("done", done))
		case p.Code == refusal.OrderNotFound: // of which its payments go back
			v.See("/operate/stuck?" + parameters("done", "unknown"))
		case p.Status == http.StatusUnauthorized:
			v.setCookie(v.role.cookie, "", "/", -1)
			v.askFor(v.role)
		default:
			failed := &Failure{Title: p.Title, Detail: p.Detail}
			for _, e := range p.Errors {
				if e.Field == "reason" {
					tried.Error = e.Message
					failed.Links = append(failed.Links, FailureLink{Field: tried.ID(), Label: v.T("stuck.reason"), Message: e.Message})
				}
			}
			v.showStuck(credential, p.Status, tried, failed)
		}
	}
}
