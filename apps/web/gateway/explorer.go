package gateway

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// explorer registers the operations that show how orders went and what needs an
// operator.
func (g *Gateway) explorer() {
	huma.Register(g.api, g.read(operation{
		id: "get-attention", method: http.MethodGet, path: "/api/attention", tag: tagOperator,
		summary: "Get what needs an operator's attention",
		text:    "The first entries of each kind, their number, and the progress of a rebuild of the views.",
		who:     operator,
	}), func(ctx context.Context, _ *struct{}) (*Found[AsItCame[view.Attention]], error) {
		return passOn[view.Attention](g, ctx, "/operator/attention", "")
	})
	huma.Register(g.api, g.read(operation{
		id: "list-recent-orders", method: http.MethodGet, path: "/api/explorer/orders", tag: tagOperator, params: true,
		summary: "List the orders of all conferences, newest first",
		who:     either,
	}), func(ctx context.Context, in *struct {
		Page
		Search
		Status string `query:"status" enum:"placed,waitlisted,partially-reserved,reserved,confirmed,rejected,expired,cancelled" doc:"Only orders with this status"`
	}) (*Found[AsItCame[view.OrderList]], error) {
		return passOn[view.OrderList](g, ctx, "/explorer/orders"+in.query("after", in.After, "q", in.Q, "status", in.Status), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "get-order-flow", method: http.MethodGet, path: "/api/explorer/orders/{id}/flow", tag: tagOperator,
		summary: "Get an order's commands and events with their causes",
		text:    "Personal fields are masked.",
		who:     either, problems: []es.Code{refusal.OrderNotFound},
	}), func(ctx context.Context, in *OrderPath) (*Found[AsItCame[view.Flow]], error) {
		return passOn[view.Flow](g, ctx, "/explorer/orders/"+in.ID.String()+"/flow", refusal.OrderNotFound)
	})
	huma.Register(g.api, g.read(operation{
		id: "get-order-state", method: http.MethodGet, path: "/api/explorer/orders/{id}/state", tag: tagOperator, params: true,
		summary: "Get an order and its conference at a point in time",
		text:    "At a version of the order, at a time, or now. Personal fields are masked.",
		who:     either, problems: []es.Code{refusal.OrderNotFound},
	}), func(ctx context.Context, in *struct {
		OrderPath
		Version int    `query:"version" minimum:"1" maximum:"2147483647" doc:"At this version of the order"`
		At      string `query:"at" format:"date-time" doc:"At this time; cannot be combined with version"`
	}) (*Found[AsItCame[view.FlowState]], error) {
		version := ""
		if in.Version > 0 {
			version = strconv.Itoa(in.Version)
		}
		return passOn[view.FlowState](g, ctx, "/explorer/orders/"+in.ID.String()+"/state?"+given("version", version, "at", in.At).Encode(), refusal.OrderNotFound)
	})
}
