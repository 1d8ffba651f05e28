package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/idempotency"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Item is a number of seats of one type.
type Item struct {
	_        struct{}  `additionalProperties:"false"`
	SeatType uuid.UUID `json:"seatType"`
	Quantity int       `json:"quantity" minimum:"0" maximum:"10000" doc:"0 is the same as omitting the item"`
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
	OrderID *uuid.UUID `json:"orderId,omitempty" doc:"Chosen by the client; derived from the secret if absent. Placing an order again with the same id does not create another"`
	Secret  string     `json:"secret,omitempty" pattern:"^[A-Za-z0-9_-]{22,86}$" doc:"Secret that gives access to the order, chosen by the client: at least 128 fresh random bits in base64url without padding. Generated if absent. Without an orderId, the order's id is derived from it: the first 16 bytes of the SHA-256 of its text, as a UUID of version 8. Placing an order again with the same secret does not create another"`
	Items   []Item     `json:"items" nullable:"false" maxItems:"50"`
	WaitlistWish
}

// ChangeItems is the body that replaces an order's items.
type ChangeItems struct {
	_     struct{} `additionalProperties:"false"`
	Items []Item   `json:"items" nullable:"false" maxItems:"50"`
	WaitlistWish
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
	PaymentID *uuid.UUID `json:"paymentId,omitempty" doc:"Chosen by the client; generated if absent"`
	Amount    Price      `json:"amount" doc:"The order's total as shown to the payer; refused if it differs from the order's actual total"`
}

// Registrant is the body with the details of the person who places an order.
type Registrant struct {
	_ struct{} `additionalProperties:"false"`
	contracts.Person
}

// AssignSeat is the body with the attendee who gets a seat.
type AssignSeat struct {
	_ struct{} `additionalProperties:"false"`
	contracts.Attendee
}

// CancelSeats is the body with the seats to give back.
type CancelSeats struct {
	_         struct{} `additionalProperties:"false"`
	Positions []int    `json:"positions" nullable:"false" minItems:"1" maxItems:"1000" doc:"Positions of the seats in the order, from 0; those given back before change nothing"`
}

// OrderPath names the order in an operation's path.
type OrderPath struct {
	ID uuid.UUID `path:"id" doc:"The order"`
}

// SeatPath names one seat of a confirmed order in an operation's path.
type SeatPath struct {
	OrderPath
	Position int `path:"position" minimum:"0" maximum:"100000" doc:"Position of the seat in the order, from 0"`
}

// OpenPayment is the payment that a payer can continue.
type OpenPayment struct {
	ID          uuid.UUID `json:"id"`
	CheckoutURL string    `json:"checkoutUrl"`
}

func checkout(payment uuid.UUID) string { return "/pay/" + payment.String() }

func orderURL(id uuid.UUID) string   { return "/api/orders/" + id.String() }
func paymentURL(id uuid.UUID) string { return "/api/payments/" + id.String() }

// closed are the refusals of an order that has ended or was changed too often.
var closed = []es.Code{refusal.TooManyChanges, problem.TooManyRequests, refusal.OrderNotFound, refusal.OrderExpired, refusal.OrderCancelled, refusal.OrderRejected}

// person are the refusals of a person's details.
var person = []es.Code{refusal.NameRequired, refusal.NameInvalid, refusal.EmailInvalid}

func (g *Gateway) registrant() {
	items := []es.Code{
		refusal.ItemsRequired, refusal.QuantityOutOfRange, refusal.TooManySeats, refusal.UnknownSeatType, refusal.ConferenceNotReady,
		refusal.ConferenceEnded, refusal.SalesNotOpen, refusal.SalesClosed,
	}
	seat := []es.Code{refusal.TooManyHandOvers, problem.TooManyRequests, refusal.OrderNotFound, refusal.OrderCancelled, refusal.NoSuchPosition, refusal.SeatGivenBack, refusal.HandOverClosed, refusal.ConferenceNotReady}

	place := g.write(operation{
		id: "place-order", method: http.MethodPost, path: "/api/conferences/{id}/orders", tag: tagOrders, body: true,
		summary: "Place an order",
		text:    "Asks for seats that are on sale: the conference's page says from when until when. The answer gives the order's secret, which opens it. The seats are held until the order's deadline, which does not move. When orders placed earlier wait for too long, new ones are turned away with 429; so are those from a network address with too many orders that hold seats already. An address that has many may have to pass a challenge. An organiser of the conference who sends a credential, to sell at the door, is not limited so. With `waitlist`, an order that gets no seats is not rejected, but waits in line.",
		who:     anyone, problems: append(items, refusal.ConferenceNotPublished, refusal.OrderAlreadyPlaced, refusal.TooManyChanges, problem.BacklogTooLong, problem.TooManyRequests, problem.TooManyHolds, problem.ChallengeRequired),
	}, true)
	place.Middlewares = append(place.Middlewares, g.atTheDoor, g.admitOrder)
	huma.Register(g.api, place, g.placeOrder)

	huma.Register(g.api, g.write(operation{
		id: "change-order-items", method: http.MethodPut, path: "/api/orders/{id}/items", tag: tagOrders, body: true,
		summary: "Change an order's items",
		text:    "Replaces all items and requests seats again. Seats already held stay held if they are requested again. For seat types no longer on sale, the quantity can be reduced but not increased. An order in line loses its place, and asks anew.",
		who:     holder, problems: append(items, append(closed, refusal.OrderConfirmed, problem.TooManySeatsOfEmail)...),
	}, false), g.changeOrderItems)

	huma.Register(g.api, g.write(operation{
		id: "assign-registrant", method: http.MethodPut, path: "/api/orders/{id}/registrant", tag: tagOrders, body: true,
		summary: "Set the registrant",
		text:    "The registrant's e-mail address and the record locator together find the order again. The names and the address can be corrected until the conference ends, even after the order is confirmed. The order is then found by the new address and no longer by the old one.",
		who:     holder, problems: append(closed, append(person, refusal.ConferenceNotReady, refusal.ConferenceEnded, problem.TooManyHolds, problem.TooManySeatsOfEmail)...),
	}, false), g.assignRegistrant)

	huma.Register(g.api, g.write(operation{
		id: "confirm-order", method: http.MethodPost, path: "/api/orders/{id}/confirm", tag: tagOrders,
		summary: "Confirm a free order",
		text:    "An order with a price is confirmed by its payment.",
		who:     holder, problems: append(closed, refusal.RegistrantRequired, refusal.NotReserved, refusal.PaymentRequired, refusal.AlreadyPaid),
	}, false), g.confirmOrder)

	huma.Register(g.api, g.write(operation{
		id: "cancel-order", method: http.MethodPost, path: "/api/orders/{id}/cancel", tag: tagOrders,
		summary: "Cancel an order",
		text: "Releases the seats and refunds what was paid. A confirmed order can be cancelled until the conference starts if it was free, and until the conference's refund deadline if it was paid. " +
			"The organiser can cancel it until the conference ends.",
		who: holderOrOrganiser, problems: []es.Code{refusal.TooManyChanges, problem.TooManyRequests, refusal.OrderNotFound, refusal.OrderExpired, refusal.OrderRejected, refusal.RefundWindowClosed, refusal.ConferenceStarted, refusal.ConferenceEnded},
	}, false), g.cancelOrder)

	huma.Register(g.api, g.write(operation{
		id: "cancel-seats", method: http.MethodPost, path: "/api/orders/{id}/seats/cancel", tag: tagOrders, body: true,
		summary: "Give some seats of a confirmed order back",
		text: "Releases the seats and refunds what they were confirmed at: the order's `positions` say how much that is. The other seats keep their positions and prices. It is possible as long as the order can be cancelled, and all seats that are left cancel it. " +
			"Until an order is confirmed, its items are changed instead.",
		who: holderOrOrganiser, problems: []es.Code{refusal.TooManyChanges, problem.TooManyRequests, refusal.OrderNotFound, refusal.OrderNotConfirmed, refusal.OrderExpired, refusal.OrderRejected, refusal.NoSuchPosition, refusal.RefundWindowClosed,
			refusal.ConferenceStarted, refusal.ConferenceEnded, refusal.ConferenceNotReady},
	}, false), g.cancelSeats)

	huma.Register(g.api, g.write(operation{
		id: "initiate-payment", method: http.MethodPost, path: "/api/orders/{id}/payments", tag: tagPayments, body: true,
		summary: "Start a payment",
		text: "Opens a payment of the order's total. The payer continues at checkoutUrl. " +
			"A payment that the order would refuse is not opened, and neither is another while one is open: another-payment-open then names the payment to continue. While a promo code is being checked, none is opened. An open payment is cancelled when the order's items or its price change.",
		who: holder, problems: append([]es.Code{refusal.PaymentsNotOffered, refusal.PaymentExists, refusal.PaymentOpen, refusal.AmountInvalid, refusal.AmountDiffers, refusal.PromoCodePending, refusal.RegistrantRequired, refusal.NotReserved, refusal.AlreadyPaid, refusal.TooManyPayments}, closed...),
	}, true), g.initiatePayment)

	huma.Register(g.api, g.write(operation{
		id: "assign-seat", method: http.MethodPut, path: "/api/orders/{id}/seats/{position}", tag: tagOrders, body: true,
		summary: "Assign a seat to an attendee",
		text:    "Possible until the conference's deadline for reassigning seats or, without one, its start; the organiser can do it later too. A different e-mail address means a different attendee; the same address, in any spelling, corrects the attendee's details.",
		who:     holderOrOrganiser, problems: append(person, seat...),
	}, false), g.assignSeat)

	huma.Register(g.api, g.write(operation{
		id: "unassign-seat", method: http.MethodDelete, path: "/api/orders/{id}/seats/{position}", tag: tagOrders,
		summary: "Unassign a seat",
		text:    "Possible until the conference's deadline for reassigning seats or, without one, its start; the organiser can do it later too.",
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
			Body:  contracts.RegisterToConference{OrderID: order, ConferenceID: in.ID, Items: seats(in.Body.Items), Waitlist: in.Body.of(order, commandID)},
			About: order, OfOrder: !originOf(ctx).door, Places: true, ID: order, URL: orderURL(order), Creates: true,
			Secret: secret, SecretIsChosen: in.Body.Secret != "",
		}
	})
}

// secretFor is a new order's secret: the client's if it chose one; else one
// derived from the idempotency key, so that a retry gets the same; else a fresh one.
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
	return g.send(ctx, in.Write, in.Body, func(commandID uuid.UUID) Command {
		o := originOf(ctx)
		wants := 0
		for _, item := range in.Body.Items {
			wants += item.Quantity
		}
		return Command{
			Body:  contracts.ChangeOrderItems{OrderID: in.ID, Items: seats(in.Body.Items), Waitlist: in.Body.of(in.ID, commandID)},
			About: in.ID, OfOrder: !o.organiser, ID: in.ID, URL: orderURL(in.ID), Rest: o.secret(), Wants: &wants,
		}
	})
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

func (g *Gateway) cancelSeats(ctx context.Context, in *struct {
	Write
	OrderPath
	Body CancelSeats
}) (*Answer, error) {
	return g.sendToOrder(ctx, in.Write, in.ID, in.Body, "",
		contracts.CancelOrderSeats{OrderID: in.ID, Positions: in.Body.Positions, ByOrganiser: originOf(ctx).organiser})
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

// sendToOrder sends a command to an existing order.
func (g *Gateway) sendToOrder(ctx context.Context, w Write, order uuid.UUID, body any, wrapper string, command any, also ...func(*Command)) (*Answer, error) {
	return g.send(ctx, w, body, func(uuid.UUID) Command {
		cmd := Command{Body: command, About: order, OfOrder: !originOf(ctx).organiser, ID: order, URL: orderURL(order), Wrapper: wrapper}
		for _, set := range also {
			set(&cmd)
		}
		return cmd
	})
}

// maxPayments is how many payments can be opened for one order. The view of an
// order may be slightly old, so payments begun at the same time can exceed this;
// limitWriting bounds by how many.
const maxPayments = 20

func (g *Gateway) initiatePayment(ctx context.Context, in *struct {
	Write
	OrderPath
	Body StartPayment
}) (*Answer, error) {
	amount := contracts.Money{Amount: in.Body.Amount.Amount, Currency: in.Body.Amount.Currency}
	asked := contracts.InitiatePayment{PaymentID: derived(in.Body.PaymentID, uuid.New(), "payment"), OrderID: in.ID, Amount: amount, Version: 1}
	if err := g.validate(Command{Body: asked}); err != nil {
		return nil, err // before query is asked
	}
	found, err := g.order(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	order, err := found.Body.decoded(g, ctx)
	if err != nil {
		return nil, err
	}
	return g.send(ctx, in.Write, in.Body, func(commandID uuid.UUID) Command {
		payment := derived(in.Body.PaymentID, commandID, "payment")
		cmd := Command{
			Body:  contracts.InitiatePayment{PaymentID: payment, OrderID: in.ID, Amount: amount, Version: order.Version},
			About: in.ID, OfOrder: true, ID: payment, URL: paymentURL(payment), Creates: true, Checkout: checkout(payment),
		}
		// A payment that was opened before has its answer already.
		switch code := order.PaymentRefusal(amount); {
		case order.HasPayment(payment):
		case code != "":
			cmd.Refused = problem.New(code)
		case order.Checking(): // the order would take it, but may cost less in a moment
			cmd.Refused = problem.New(refusal.PromoCodePending)
		case order.OpenPayment() != nil:
			cmd.Refused = problem.New(refusal.PaymentOpen)
			cmd.Refused.Current = OpenPayment{order.OpenPayment().ID, checkout(order.OpenPayment().ID)}
		case len(order.Payments) >= maxPayments:
			cmd.Refused = problem.New(refusal.TooManyPayments)
		}
		return cmd
	})
}
