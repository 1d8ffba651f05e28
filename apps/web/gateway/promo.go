package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/contracts/text"
	"github.com/plenary/plenary/engine/es"
)

// One client may ask for so many promo codes at once, and then for one every so
// often: guessing is to be hopeless. A try counts whatever comes of it, since that is
// known only when the request has been answered; so a hall behind one address may
// have more of them at once than finding an order may fail.
const (
	codesAtOnce = 30
	codeEvery   = 6 * time.Second
)

// CreatePromoCode is the body of a new promo code.
type CreatePromoCode struct {
	_    struct{} `additionalProperties:"false"`
	Code string   `json:"code" minLength:"1" maxLength:"100" doc:"3 to 32 letters A to Z, digits, hyphens and underlines; compared without case and blanks" example:"EARLY-20"`
	contracts.PromoDetails
}

// UpdatePromoCode is the body that replaces what is said of a promo code.
type UpdatePromoCode struct {
	_ struct{} `additionalProperties:"false"`
	contracts.PromoDetails
}

// ApplyPromoCode is the body that asks for a promo code.
type ApplyPromoCode struct {
	_    struct{} `additionalProperties:"false"`
	Code string   `json:"code" minLength:"1" maxLength:"100" doc:"In any case, with or without blanks" example:"early-20"`
}

// PromoCodePath names a promo code of a conference in an operation's path.
type PromoCodePath struct {
	ConferencePath
	Code string `path:"code" maxLength:"100" doc:"The promo code, in any case"`
}

// OrderPromoCodePath names a promo code of an order in an operation's path.
type OrderPromoCodePath struct {
	OrderPath
	Code string `path:"code" maxLength:"100" doc:"The promo code, in any case"`
}

func promoCodesURL(conference uuid.UUID) string {
	return "/api/organiser/conferences/" + conference.String() + "/promo-codes"
}

// promo are the operations on promo codes.
func (g *Gateway) promo() {
	g.coding = g.limits.byClient(codesAtOnce, codeEvery, findClients)
	said := []es.Code{refusal.ConferenceNotFound, refusal.PromoCodeInvalid, refusal.PromoCodeRetired, refusal.QuotaInvalid, refusal.UnknownSeatType, refusal.PromoQuotaTooLarge, refusal.PromoWindowInvalid, refusal.DateOutOfRange}

	huma.Register(g.api, g.write(operation{
		id: "create-promo-code", method: http.MethodPost, path: "/api/conferences/{id}/promo-codes", tag: tagOrganiser, body: true,
		summary: "Create a promo code",
		text: "It takes a percentage or an amount off the orders that redeem it. Its quota is held while an order is held, and given back when the order ends unconfirmed or is cancelled. " +
			"Percentages are of the price without discounts, rounded half to even per line; no line and no order costs less than nothing.",
		who: organiser, problems: append(said, refusal.PromoCodeExists),
	}, true), g.createPromoCode)
	huma.Register(g.api, g.write(operation{
		id: "update-promo-code", method: http.MethodPut, path: "/api/conferences/{id}/promo-codes/{code}", tag: tagOrganiser, body: true,
		summary: "Change a promo code",
		text:    "Replaces all that is said of it but what its quota counts. Orders that have redeemed it keep their discount.",
		who:     organiser, problems: append(said, refusal.PromoCodeUnknown, refusal.TooManyChanges),
	}, false), g.updatePromoCode)
	huma.Register(g.api, g.write(operation{
		id: "retire-promo-code", method: http.MethodDelete, path: "/api/conferences/{id}/promo-codes/{code}", tag: tagOrganiser,
		summary: "Have a promo code taken no more",
		text:    "Orders that have redeemed it keep their discount. It does not come back.",
		who:     organiser, problems: []es.Code{refusal.PromoCodeUnknown},
	}, false), g.retirePromoCode)
	huma.Register(g.api, g.read(operation{
		id: "list-promo-codes", method: http.MethodGet, path: "/api/organiser/conferences/{id}/promo-codes", tag: tagOrganiser, params: true,
		summary: "List a conference's promo codes with their use, the newest first",
		who:     organiser, problems: []es.Code{conferenceMissing},
	}), func(ctx context.Context, in *struct {
		Page
		ConferenceName
	}) (*Found[AsItCame[view.PromoCodes]], error) {
		return passOn[view.PromoCodes](g, ctx, "/organiser/conferences/"+in.ID+"/promo-codes"+in.query("after", in.After), conferenceMissing)
	})

	huma.Register(g.api, g.write(operation{
		id: "apply-promo-code", method: http.MethodPost, path: "/api/orders/{id}/promo-codes", tag: tagOrders, body: true,
		summary: "Ask for a promo code's discount",
		text: "The order's promoCodes show what becomes of it: requested, applied or refused, with the reason. " +
			"When the items change, its codes are asked for again. A payment of the price before is cancelled. From one network address only so many codes may be asked for (30 at once, then one every 6 seconds).",
		who: holder, problems: append(closed, refusal.OrderConfirmed, refusal.PromoCodeUnknown, refusal.PromoCodeExclusive, refusal.TooManyPromoCodes),
	}, false), g.applyPromoCode)
	huma.Register(g.api, g.write(operation{
		id: "remove-promo-code", method: http.MethodDelete, path: "/api/orders/{id}/promo-codes/{code}", tag: tagOrders,
		summary: "Do without a promo code",
		who:     holder, problems: append(closed, refusal.OrderConfirmed),
	}, false), g.removePromoCode)
}

func (g *Gateway) createPromoCode(ctx context.Context, in *struct {
	Write
	ConferencePath
	Body CreatePromoCode
}) (*Answer, error) {
	return g.send(ctx, in.Write, in.Body, func(uuid.UUID) Command {
		return Command{
			Body:  contracts.CreatePromoCode{ConferenceID: in.ID, Code: in.Body.Code, Details: in.Body.PromoDetails},
			About: in.ID, ID: in.ID, URL: promoCodesURL(in.ID), Creates: true, Wrapper: "details",
		}
	})
}

func (g *Gateway) updatePromoCode(ctx context.Context, in *struct {
	Write
	PromoCodePath
	Body UpdatePromoCode
}) (*Answer, error) {
	return g.sendToPromoCode(ctx, in.Write, in.PromoCodePath, in.Body, contracts.UpdatePromoCode{ConferenceID: in.ID, Code: in.Code, Details: in.Body.PromoDetails})
}

func (g *Gateway) retirePromoCode(ctx context.Context, in *struct {
	Write
	PromoCodePath
}) (*Answer, error) {
	return g.sendToPromoCode(ctx, in.Write, in.PromoCodePath, nil, contracts.RetirePromoCode{ConferenceID: in.ID, Code: in.Code})
}

func (g *Gateway) sendToPromoCode(ctx context.Context, w Write, at PromoCodePath, body, command any) (*Answer, error) {
	if _, ok := text.PromoCode(at.Code); !ok {
		return nil, problem.New(refusal.PromoCodeUnknown)
	}
	return g.send(ctx, w, body, func(uuid.UUID) Command {
		return Command{Body: command, About: at.ID, ID: at.ID, URL: promoCodesURL(at.ID), Wrapper: "details"}
	})
}

func (g *Gateway) applyPromoCode(ctx context.Context, in *struct {
	Write
	OrderPath
	Body ApplyPromoCode
}) (*Answer, error) {
	if client, ok := limited(ctx); ok && !originOf(ctx).organiser {
		if ok, retryAfter := g.coding.Take(client); !ok {
			g.refused.Add(ctx, 1, forThrottle)
			return nil, problem.New(problem.TooManyRequests).With("Retry-After", seconds(retryAfter))
		}
	}
	return g.sendToOrder(ctx, in.Write, in.ID, in.Body, "", contracts.ApplyPromoCode{OrderID: in.ID, Code: in.Body.Code})
}

func (g *Gateway) removePromoCode(ctx context.Context, in *struct {
	Write
	OrderPromoCodePath
}) (*Answer, error) {
	return g.sendToOrder(ctx, in.Write, in.ID, nil, "", contracts.RemovePromoCode{OrderID: in.ID, Code: in.Code})
}
