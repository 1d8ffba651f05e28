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

// explorer is what shows how orders went, and what needs an operator.
func (g *Gateway) explorer() {
	huma.Register(g.api, g.read(operation{
		id: "get-attention", method: http.MethodGet, path: "/api/attention", tag: tagOrganiser,
		summary: "Read what needs an operator",
		text:    "The first of each kind, how many there are, and how far a rebuild of the views is.",
		who:     organiser,
	}), func(ctx context.Context, _ *struct{}) (*Found[view.Attention], error) {
		return ask[view.Attention](g, ctx, "/operator/attention", "")
	})
	huma.Register(g.api, g.read(operation{
		id: "list-recent-orders", method: http.MethodGet, path: "/api/explorer/orders", tag: tagOrganiser, params: true,
		summary: "List the orders of all conferences, the newest first",
		who:     organiser,
	}), func(ctx context.Context, in *struct {
		Page
		Search
		Status string `query:"status" enum:"placed,partially-reserved,reserved,confirmed,rejected,expired,cancelled" doc:"Only these"`
	}) (*Found[view.OrderList], error) {
		return ask[view.OrderList](g, ctx, "/explorer/orders"+in.query("after", in.After, "q", in.Q, "status", in.Status), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "get-order-flow", method: http.MethodGet, path: "/api/explorer/orders/{id}/flow", tag: tagOrganiser,
		summary: "Read the commands and events of an order, and what caused what",
		text:    "Personal fields are masked.",
		who:     organiser, problems: []es.Code{refusal.OrderNotFound},
	}), func(ctx context.Context, in *OrderPath) (*Found[view.Flow], error) {
		return ask[view.Flow](g, ctx, "/explorer/orders/"+in.ID.String()+"/flow", refusal.OrderNotFound)
	})
	huma.Register(g.api, g.read(operation{
		id: "get-order-state", method: http.MethodGet, path: "/api/explorer/orders/{id}/state", tag: tagOrganiser, params: true,
		summary: "Read an order and its conference as they were at a moment",
		text:    "At a version of the order, or at a time, or now. Personal fields are masked.",
		who:     organiser, problems: []es.Code{refusal.OrderNotFound},
	}), func(ctx context.Context, in *struct {
		OrderPath
		Version int    `query:"version" minimum:"1" maximum:"2147483647" doc:"With this version of the order"`
		At      string `query:"at" format:"date-time" doc:"At this time; not together with version"`
	}) (*Found[view.FlowState], error) {
		version := ""
		if in.Version > 0 {
			version = strconv.Itoa(in.Version)
		}
		return ask[view.FlowState](g, ctx, "/explorer/orders/"+in.ID.String()+"/state?"+given("version", version, "at", in.At).Encode(), refusal.OrderNotFound)
	})
}
