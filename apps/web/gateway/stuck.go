package gateway

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Why is the body that says why an operator does something about an order.
type Why struct {
	_      struct{} `additionalProperties:"false"`
	Reason string   `json:"reason" minLength:"1" maxLength:"2000" doc:"Why. It is kept with the order and shown to those who work with Plenary, so it must not name anybody. One line of at most 200 characters and 2,000 bytes" example:"The provider's log shows no money for it"`
}

// GivePaymentBack is the body that gives a payment of an order back.
type GivePaymentBack struct {
	PaymentID uuid.UUID `json:"paymentId" doc:"The payment"`
	Why
}

// stuck are the operations on orders that rest where they should not.
func (g *Gateway) stuck() {
	const root = "/api/stuck-orders"
	huma.Register(g.api, g.read(operation{
		id: "list-stuck-orders", method: http.MethodGet, path: root, tag: tagOperator, params: true,
		summary: "List the orders that rest where they should not",
		text: "What should have followed was due longer ago than `PLENARY_STUCK_AFTER` (30 minutes), whatever the engine did to repair it: an order past its deadline or without the answer of the seats, a completed payment that neither confirmed its order nor went back, a refund that the provider does not answer, seats held for an order that ended or not made firm for one that is confirmed. " +
			"The longest first; also payments of orders that nothing is known of. A page may have fewer than asked for and still not be the last.",
		who: operator,
	}), func(ctx context.Context, in *Page) (*Found[AsItCame[view.StuckOrders]], error) {
		return passOn[view.StuckOrders](g, ctx, "/operator/stuck-orders"+in.query("after", in.After), "")
	})

	const kept = " The reason stands in the audit log and in the order's flow. The order need not be listed."
	always := []es.Code{refusal.OrderNotFound, refusal.ReasonInvalid, refusal.TooManyChanges}
	huma.Register(g.api, g.write(operation{
		id: "retry-stuck-order", method: http.MethodPost, path: root + "/{id}/retry", tag: tagOperator, body: true,
		summary: "Have an order's process try again",
		text:    "The order says how it stands, and its process does again what it waits for. The payments of an order that is not there go back; the answer is then order-not-found." + kept,
		who:     operator, problems: append([]es.Code{refusal.ConferenceNotReady}, always...),
	}, false), saysWhy(g, func(order uuid.UUID, reason string) any {
		return contracts.RetryOrder{OrderID: order, Reason: reason}
	}))
	huma.Register(g.api, g.write(operation{
		id: "release-stuck-order", method: http.MethodPost, path: root + "/{id}/release", tag: tagOperator, body: true,
		summary: "Release the seats of an order that has ended",
		text:    "And its place in line, promo codes and open payments. An order that has expired is then not reinstated by a late payment, which goes back." + kept,
		who:     operator, problems: append([]es.Code{refusal.OrderNotEnded, refusal.OrderConfirmed}, always...),
	}, false), saysWhy(g, func(order uuid.UUID, reason string) any {
		return contracts.ReleaseOrderSeats{OrderID: order, Reason: reason}
	}))
	huma.Register(g.api, g.write(operation{
		id: "refund-stuck-order", method: http.MethodPost, path: root + "/{id}/refund", tag: tagOperator, body: true,
		summary: "Give a payment of an order back",
		text:    "The order takes the payment no more, and all of it goes back that did not before. It is refused for the payment that confirmed the order, as long as that is not cancelled. The payments of an order that is not there go back; the answer is then order-not-found." + kept,
		who:     operator, problems: append([]es.Code{refusal.PaymentNotFound, refusal.PaymentConfirms}, always...),
	}, false), g.givePaymentBack)
	huma.Register(g.api, g.write(operation{
		id: "close-stuck-order", method: http.MethodPost, path: root + "/{id}/close", tag: tagOperator, body: true,
		summary: "Take an order from the list of those that are stuck",
		text:    "It says that an operator has seen to it, and changes nothing else. What goes wrong later is listed again." + kept,
		who:     operator, problems: always,
	}, false), saysWhy(g, func(order uuid.UUID, reason string) any {
		return contracts.CloseOrderCase{OrderID: order, Reason: reason}
	}))
}

type sayWhy struct {
	Write
	OrderPath
	Body Why
}

// saysWhy sends a command about an order that has nothing but a reason.
func saysWhy(g *Gateway, command func(order uuid.UUID, reason string) any) func(context.Context, *sayWhy) (*Answer, error) {
	return func(ctx context.Context, in *sayWhy) (*Answer, error) {
		return g.send(ctx, in.Write, in.Body, func(uuid.UUID) Command {
			return Command{Body: command(in.ID, in.Body.Reason), About: in.ID, ID: in.ID, URL: orderURL(in.ID)}
		})
	}
}

// givePaymentBack looks whose the payment is, which never changes: the order does not know
// its payments.
func (g *Gateway) givePaymentBack(ctx context.Context, in *struct {
	Write
	OrderPath
	Body GivePaymentBack
}) (*Answer, error) {
	payment, err := ask[view.Payment](g, ctx, "/payments/"+in.Body.PaymentID.String(), refusal.PaymentNotFound)
	switch {
	case err != nil:
		return nil, err
	case payment.Body.OrderID != in.ID:
		return nil, problem.New(refusal.PaymentNotFound)
	}
	return g.send(ctx, in.Write, in.Body, func(uuid.UUID) Command {
		return Command{
			Body:  contracts.ReturnPayment{OrderID: in.ID, PaymentID: in.Body.PaymentID, Reason: in.Body.Reason},
			About: in.ID, ID: in.ID, URL: orderURL(in.ID),
		}
	})
}
