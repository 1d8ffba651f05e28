package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/idempotency"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Item asks for a number of seats of one type.
type Item struct {
	_        struct{}  `additionalProperties:"false"`
	SeatType uuid.UUID `json:"seatType"`
	Quantity int       `json:"quantity" minimum:"0" maximum:"10000" doc:"0 is the same as leaving the item out"`
}

func seats(items []Item) contracts.Seats {
	out := make(contracts.Seats, len(items))
	for i, item := range items {
		out[i] = contracts.SeatQuantity{SeatType: item.SeatType, Quantity: item.Quantity}
	}
	return out
}

// PlaceOrder is the body of a new order.
type PlaceOrder struct {
	_       struct{}   `additionalProperties:"false"`
	OrderID *uuid.UUID `json:"orderId,omitempty" doc:"The client's own choice; absent: it is made from the secret. Placed again with the same id, it is the same order"`
	Secret  string     `json:"secret,omitempty" pattern:"^[A-Za-z0-9_-]{22,86}$" doc:"What opens the order, of the client's own choice: fresh random 128 bits or more in base64url, without padding. Absent: one is made. Without an orderId, the order's id is made from it: the first 16 bytes of the SHA-256 of its text, as a UUID of version 8. Placed again with the same secret, it is the same order"`
	Items   []Item     `json:"items" nullable:"false" maxItems:"50"`
}

// ChangeItems is the body that replaces what an order asks for.
type ChangeItems struct {
	_     struct{} `additionalProperties:"false"`
	Items []Item   `json:"items" nullable:"false" maxItems:"50"`
}

// Price is an amount to be paid.
type Price struct {
	_        struct{} `additionalProperties:"false"`
	Amount   int64    `json:"amount" minimum:"1" maximum:"1000000000000000" doc:"In minor units (cents)" example:"24900"`
	Currency string   `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217" example:"USD"`
}

// StartPayment is the body of a new payment.
type StartPayment struct {
	_         struct{}   `additionalProperties:"false"`
	PaymentID *uuid.UUID `json:"paymentId,omitempty" doc:"The client's own choice; absent: one is made"`
	Amount    Price      `json:"amount" doc:"The order's total as the payer was shown it; the order judges whether it is right"`
}

// Registrant is the body that says who places an order.
type Registrant struct {
	_ struct{} `additionalProperties:"false"`
	contracts.Person
}

// AssignSeat is the body that says to whom a seat goes.
type AssignSeat struct {
	_ struct{} `additionalProperties:"false"`
	contracts.Attendee
}

// OrderPath names the order in an operation's path.
type OrderPath struct {
	ID uuid.UUID `path:"id" doc:"The order"`
}

// SeatPath names one seat of a confirmed order in an operation's path.
type SeatPath struct {
	OrderPath
	Position int `path:"position" minimum:"0" maximum:"100000" doc:"From 0"`
}

// OpenPayment is the payment that a payer can go on with.
type OpenPayment struct {
	ID          uuid.UUID `json:"id"`
	CheckoutURL string    `json:"checkoutUrl"`
}

func checkout(payment uuid.UUID) string { return "/pay/" + payment.String() }

func orderURL(id uuid.UUID) string   { return "/api/orders/" + id.String() }
func paymentURL(id uuid.UUID) string { return "/api/payments/" + id.String() }

// closed are the refusals of an order that has ended, or that was changed too
// often.
var closed = []es.Code{refusal.TooManyChanges, problem.TooManyRequests, refusal.OrderNotFound, refusal.OrderExpired, refusal.OrderCancelled, refusal.OrderRejected}

// person are the refusals of what is said of a person.
var person = []es.Code{refusal.NameRequired, refusal.NameInvalid, refusal.EmailInvalid}

func (g *Gateway) registrant() {
	items := []es.Code{
		refusal.ItemsRequired, refusal.QuantityOutOfRange, refusal.UnknownSeatType, refusal.ConferenceNotReady,
		refusal.ConferenceEnded, refusal.SalesNotOpen, refusal.SalesClosed,
	}
	seat := []es.Code{refusal.TooManyHandOvers, problem.TooManyRequests, refusal.OrderNotFound, refusal.OrderCancelled, refusal.NoSuchPosition, refusal.HandOverClosed, refusal.ConferenceNotReady}

	place := g.write(operation{
		id: "place-order", method: http.MethodPost, path: "/api/conferences/{id}/orders", tag: tagOrders, body: true,
		summary: "Place an order",
		text:    "Asks for seats that are on sale: the conference's page says from when until when. The answer gives the order's secret, which opens it. The seats are held until the order's deadline, which does not move. When orders placed earlier wait for too long, new ones are turned away with 429; so are those from a network address with too many orders that hold seats already. An address that has many may have to pass a challenge.",
		who:     anyone, problems: append(items, refusal.ConferenceNotPublished, refusal.OrderAlreadyPlaced, refusal.TooManyChanges, problem.BacklogTooLong, problem.TooManyRequests, problem.TooManyHolds, problem.ChallengeRequired),
	}, true)
	place.Middlewares = append(place.Middlewares, g.admitOrder)
	huma.Register(g.api, place, g.placeOrder)

	huma.Register(g.api, g.write(operation{
		id: "change-order-items", method: http.MethodPut, path: "/api/orders/{id}/items", tag: tagOrders, body: true,
		summary: "Change what an order asks for",
		text:    "Replaces all items and asks for seats again. Seats already held stay held as far as they are asked for. Of seats that are no longer sold, it may ask for fewer, but not for more.",
		who:     holder, problems: append(items, append(closed, refusal.OrderConfirmed)...),
	}, false), g.changeOrderItems)

	huma.Register(g.api, g.write(operation{
		id: "assign-registrant", method: http.MethodPut, path: "/api/orders/{id}/registrant", tag: tagOrders, body: true,
		summary: "Say who places the order",
		text:    "The registrant's e-mail address finds the order again, together with its record locator. Both names and the address can be corrected until the conference ends, also when the order is confirmed; then the order is found by the new address and not by the old.",
		who:     holder, problems: append(closed, append(person, refusal.ConferenceNotReady, refusal.ConferenceEnded, problem.TooManyHolds)...),
	}, false), g.assignRegistrant)

	huma.Register(g.api, g.write(operation{
		id: "confirm-order", method: http.MethodPost, path: "/api/orders/{id}/confirm", tag: tagOrders,
		summary: "Confirm an order that is free of charge",
		text:    "An order that costs something is confirmed by its payment.",
		who:     holder, problems: append(closed, refusal.RegistrantRequired, refusal.NotReserved, refusal.PaymentRequired, refusal.AlreadyPaid),
	}, false), g.confirmOrder)

	huma.Register(g.api, g.write(operation{
		id: "cancel-order", method: http.MethodPost, path: "/api/orders/{id}/cancel", tag: tagOrders,
		summary: "Cancel an order",
		text: "Gives the seats back. A confirmed order can be cancelled until the conference starts if it was free of charge, and as long as the conference gives refunds if it was paid. " +
			"The organiser can cancel it until the conference ends. What was paid goes back.",
		who: holderOrOrganiser, problems: []es.Code{refusal.TooManyChanges, problem.TooManyRequests, refusal.OrderNotFound, refusal.OrderExpired, refusal.OrderRejected, refusal.RefundWindowClosed, refusal.ConferenceStarted, refusal.ConferenceEnded},
	}, false), g.cancelOrder)

	huma.Register(g.api, g.write(operation{
		id: "initiate-payment", method: http.MethodPost, path: "/api/orders/{id}/payments", tag: tagPayments, body: true,
		summary: "Start to pay an order",
		text: "Opens a payment of the order's total. The payer goes on at checkoutUrl. " +
			"A payment that the order would refuse is refused before it is opened, and so is another while one is open: another-payment-open then names the one to go on with. When the items change while it is open, it is cancelled.",
		who: holder, problems: append([]es.Code{refusal.PaymentsNotOffered, refusal.PaymentExists, refusal.PaymentOpen, refusal.AmountInvalid, refusal.AmountDiffers, refusal.RegistrantRequired, refusal.NotReserved, refusal.AlreadyPaid, refusal.TooManyPayments}, closed...),
	}, true), g.initiatePayment)

	huma.Register(g.api, g.write(operation{
		id: "assign-seat", method: http.MethodPut, path: "/api/orders/{id}/seats/{position}", tag: tagOrders, body: true,
		summary: "Assign a seat to an attendee",
		text:    "Possible until the conference's deadline for that, or else its start; the organiser can do it later too. Another e-mail address makes it another attendee; the same one, in any way of writing it, corrects what is said of the attendee.",
		who:     holderOrOrganiser, problems: append(person, seat...),
	}, false), g.assignSeat)

	huma.Register(g.api, g.write(operation{
		id: "unassign-seat", method: http.MethodDelete, path: "/api/orders/{id}/seats/{position}", tag: tagOrders,
		summary: "Take a seat back from its attendee",
		text:    "Possible until the conference's deadline for that, or else its start; the organiser can do it later too.",
		who:     holderOrOrganiser, problems: seat,
	}, false), g.unassignSeat)
}

// admitOrder turns new orders away while handling lags too far behind: those of an
// address that sends many already when it lags half as far.
func (g *Gateway) admitOrder(ctx huma.Context, next func(huma.Context)) {
	ok, retryAfter := true, time.Duration(0)
	if client, isLimited := limited(ctx.Context()); isLimited {
		if ok, retryAfter = g.limits.places.Take(client); g.backlog.Lag() <= g.backlog.Limit()/2 {
			ok = true
		}
	}
	if ok {
		ok, retryAfter = g.backlog.Admit()
	}
	if !ok {
		fail(humagin.Unwrap(ctx), g.tooMany(ctx.Context(), problem.BacklogTooLong, forBacklog, retryAfter))
		return
	}
	next(ctx)
}

func (g *Gateway) placeOrder(ctx context.Context, in *struct {
	Write
	Challenge string    `header:"Challenge-Response" maxLength:"4096" doc:"The response to a challenge, where one is required"`
	ID        uuid.UUID `path:"id" doc:"The conference"`
	Body      PlaceOrder
}) (*Answer, error) {
	if err := g.passes(ctx, in.Challenge); err != nil {
		return nil, err
	}
	return g.send(ctx, in.Write, in.Body, func(commandID uuid.UUID) Command {
		secret := secretFor(in.Body.Secret, in.IdempotencyKey, commandID)
		order := access.OrderID(secret)
		if in.Body.OrderID != nil {
			order = *in.Body.OrderID
		}
		return Command{
			Body:  contracts.RegisterToConference{OrderID: order, ConferenceID: in.ID, Items: seats(in.Body.Items)},
			About: order, OfOrder: true, Places: true, ID: order, URL: orderURL(order), Creates: true,
			Secret: secret, SecretIsChosen: in.Body.Secret != "",
		}
	})
}

// secretFor is what opens a new order: what the client chose; else the same
// whenever the request is repeated with its key; else a fresh one.
func secretFor(chosen, idempotencyKey string, commandID uuid.UUID) string {
	switch {
	case chosen != "":
		return chosen
	case idempotencyKey != "":
		return access.SecretOf(idempotency.Bits(idempotencyKey), commandID)
	}
	return access.NewSecret()
}

func (g *Gateway) changeOrderItems(ctx context.Context, in *struct {
	Write
	OrderPath
	Body ChangeItems
}) (*Answer, error) {
	return g.sendToOrder(ctx, in.Write, in.ID, in.Body, "",
		contracts.ChangeOrderItems{OrderID: in.ID, Items: seats(in.Body.Items)})
}

func (g *Gateway) assignRegistrant(ctx context.Context, in *struct {
	Write
	OrderPath
	Body Registrant
}) (*Answer, error) {
	return g.sendToOrder(ctx, in.Write, in.ID, in.Body, "registrant",
		contracts.AssignRegistrantDetails{OrderID: in.ID, Registrant: in.Body.Person}, func(c *Command) { c.Email = in.Body.Email })
}

func (g *Gateway) confirmOrder(ctx context.Context, in *struct {
	Write
	OrderPath
}) (*Answer, error) {
	return g.sendToOrder(ctx, in.Write, in.ID, nil, "", contracts.ConfirmOrder{OrderID: in.ID})
}

func (g *Gateway) cancelOrder(ctx context.Context, in *struct {
	Write
	OrderPath
}) (*Answer, error) {
	return g.sendToOrder(ctx, in.Write, in.ID, nil, "", contracts.CancelOrder{OrderID: in.ID, ByOrganiser: originOf(ctx).organiser},
		func(c *Command) { c.Ends = true })
}

func (g *Gateway) assignSeat(ctx context.Context, in *struct {
	Write
	SeatPath
	Body AssignSeat
}) (*Answer, error) {
	return g.sendToOrder(ctx, in.Write, in.ID, in.Body, "attendee",
		contracts.AssignSeat{OrderID: in.ID, Position: in.Position, Attendee: in.Body.Attendee, ByOrganiser: originOf(ctx).organiser})
}

func (g *Gateway) unassignSeat(ctx context.Context, in *struct {
	Write
	SeatPath
}) (*Answer, error) {
	return g.sendToOrder(ctx, in.Write, in.ID, nil, "", contracts.UnassignSeat{OrderID: in.ID, Position: in.Position, ByOrganiser: originOf(ctx).organiser})
}

// sendToOrder sends a command to an order that is there already.
func (g *Gateway) sendToOrder(ctx context.Context, w Write, order uuid.UUID, body any, wrapper string, command any, also ...func(*Command)) (*Answer, error) {
	return g.send(ctx, w, body, func(uuid.UUID) Command {
		cmd := Command{Body: command, About: order, OfOrder: !originOf(ctx).organiser, ID: order, URL: orderURL(order), Wrapper: wrapper}
		for _, set := range also {
			set(&cmd)
		}
		return cmd
	})
}

// maxPayments is how many payments are opened for one order. What is shown of an
// order may be a little old, so that it may get a few more: those that are begun
// at once, which limitWriting bounds.
const maxPayments = 20

func (g *Gateway) initiatePayment(ctx context.Context, in *struct {
	Write
	OrderPath
	Body StartPayment
}) (*Answer, error) {
	amount := contracts.Money{Amount: in.Body.Amount.Amount, Currency: in.Body.Amount.Currency}
	asked := contracts.InitiatePayment{PaymentID: derived(in.Body.PaymentID, uuid.New(), "payment"), OrderID: in.ID, Amount: amount, Version: 1}
	if err := g.validate(Command{Body: asked}); err != nil {
		return nil, err // before anything is asked of query
	}
	order, err := ask[view.Order](g, ctx, "/orders/"+in.ID.String(), refusal.OrderNotFound)
	if err != nil {
		return nil, err
	}
	return g.send(ctx, in.Write, in.Body, func(commandID uuid.UUID) Command {
		payment := derived(in.Body.PaymentID, commandID, "payment")
		cmd := Command{
			Body:  contracts.InitiatePayment{PaymentID: payment, OrderID: in.ID, Amount: amount, Version: order.Body.Version},
			About: in.ID, OfOrder: true, ID: payment, URL: paymentURL(payment), Creates: true, Checkout: checkout(payment),
		}
		// One that was opened before has its answer already.
		switch code := order.Body.PaymentRefusal(amount); {
		case order.Body.HasPayment(payment):
		case code != "":
			cmd.Refused = problem.New(code)
		case order.Body.OpenPayment() != nil:
			cmd.Refused = problem.New(refusal.PaymentOpen)
			cmd.Refused.Current = OpenPayment{order.Body.OpenPayment().ID, checkout(order.Body.OpenPayment().ID)}
		case len(order.Body.Payments) >= maxPayments:
			cmd.Refused = problem.New(refusal.TooManyPayments)
		}
		return cmd
	})
}
