package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/contracts/refusal"
)

// Search is a full-text search in a list.
type Search struct {
	Q string `query:"q" maxLength:"500" doc:"Search words. A word matches by its beginning, ignoring case and accents; Han text matches any part"`
}

// OrdersWanted selects the orders of a conference for a list or a file.
type OrdersWanted struct {
	ConferenceName
	Search
	Status string `query:"status" enum:"placed,waitlisted,partially-reserved,reserved,confirmed,rejected,expired,cancelled" doc:"Only orders with this status"`
}

// conferenceMissing is the code of the problem that there is no such conference.
const conferenceMissing = refusal.ConferenceNotFound

// lists registers the organiser's lists.
func (g *Gateway) lists() {
	const root = "/api/organiser/conferences"
	huma.Register(g.api, g.read(operation{
		id: "list-all-conferences", method: http.MethodGet, path: root, tag: tagOrganiser, params: true,
		summary: "List all conferences, including drafts",
		text:    "Each with its seats sold, held and left.",
		who:     organiser,
	}), func(ctx context.Context, in *struct {
		Page
		Search
	}) (*Found[AsItCame[view.ConferenceSummaries]], error) {
		return passOn[view.ConferenceSummaries](g, ctx, "/organiser/conferences"+in.query("after", in.After, "q", in.Q), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "get-dashboard", method: http.MethodGet, path: root + "/{id}/dashboard", tag: tagOrganiser,
		summary: "Get a conference's sales dashboard",
		who:     organiser, problems: append(operation{}.problems, conferenceMissing),
	}), func(ctx context.Context, in *ConferenceName) (*Found[AsItCame[view.Dashboard]], error) {
		return passOn[view.Dashboard](g, ctx, "/organiser/conferences/"+in.ID+"/dashboard", conferenceMissing)
	})
	stream[view.Dashboard](g, operation{
		id: "watch-dashboard", method: http.MethodGet, path: root + "/{id}/dashboard/events", tag: tagOrganiser,
		summary: "Watch a conference's sales dashboard",
		text:    "Server-sent events named dashboard: the current dashboard first, and again after every change.",
		who:     organiser, problems: append(operation{}.problems, conferenceMissing),
	}, func(_ context.Context, in *ConferenceName) string {
		return "/organiser/conferences/" + in.ID + "/dashboard/events"
	}, conferenceMissing)
	huma.Register(g.api, g.read(operation{
		id: "list-orders", method: http.MethodGet, path: root + "/{id}/orders", tag: tagOrganiser, params: true,
		summary: "List a conference's orders, newest first",
		text:    "Includes the number of matching orders in each status.",
		who:     organiser, problems: append(operation{}.problems, conferenceMissing),
	}), func(ctx context.Context, in *struct {
		Page
		OrdersWanted
	}) (*Found[AsItCame[view.OrderList]], error) {
		return passOn[view.OrderList](g, ctx, "/organiser/conferences/"+in.ID+"/orders"+in.query("after", in.After, "q", in.Q, "status", in.Status), conferenceMissing)
	})
	huma.Register(g.api, g.read(operation{
		id: "list-attendees", method: http.MethodGet, path: root + "/{id}/attendees", tag: tagOrganiser, params: true,
		summary: "List the seats of a conference's confirmed orders with their attendees",
		who:     organiser, problems: append(operation{}.problems, conferenceMissing),
	}), func(ctx context.Context, in *struct {
		Page
		ConferenceName
		Search
	}) (*Found[AsItCame[view.AttendeeList]], error) {
		return passOn[view.AttendeeList](g, ctx, "/organiser/conferences/"+in.ID+"/attendees"+in.query("after", in.After, "q", in.Q), conferenceMissing)
	})
	fileOf(g, operation{
		id: "download-orders", method: http.MethodGet, path: root + "/{id}/orders.csv", tag: tagOrganiser, params: true,
		summary: "Download a conference's orders as CSV",
		who:     organiser, problems: append(operation{}.problems, conferenceMissing),
	}, func(in *OrdersWanted) (string, url.Values) {
		return "/organiser/conferences/" + in.ID + "/orders.csv", given("q", in.Q, "status", in.Status)
	})
	fileOf(g, operation{
		id: "download-attendees", method: http.MethodGet, path: root + "/{id}/attendees.csv", tag: tagOrganiser, params: true,
		summary: "Download a conference's attendees as CSV",
		who:     organiser, problems: append(operation{}.problems, conferenceMissing),
	}, func(in *struct {
		ConferenceName
		Search
	}) (string, url.Values) {
		return "/organiser/conferences/" + in.ID + "/attendees.csv", given("q", in.Q)
	})
}

// given are the parameters that have a value.
func given(namesAndValues ...string) url.Values {
	out := url.Values{}
	for i := 0; i < len(namesAndValues); i += 2 {
		if namesAndValues[i+1] != "" {
			out.Set(namesAndValues[i], namesAndValues[i+1])
		}
	}
	return out
}

// fileOf registers an operation that forwards a file from query unchanged.
func fileOf[I any](g *Gateway, o operation, from func(*I) (path string, params url.Values)) {
	op := g.read(o)
	op.Responses["200"] = &huma.Response{
		Description: "CSV with a byte-order mark; text that a spreadsheet would read as a formula is escaped",
		Content:     map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}
	huma.Register(g.api, op, func(_ context.Context, in *I) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			c := humagin.Unwrap(ctx)
			path, params := from(in)
			r := c.Request.Clone(c.Request.Context())
			r.URL.RawQuery = params.Encode()
			clear(c.Writer.Header())
			g.query.Forward(c.Writer, r, path, func(resp *http.Response) error {
				resp.Header.Set("Cache-Control", "no-store")
				secure(resp.Header)
				return g.query.Check(resp)
			}, func(w http.ResponseWriter, r *http.Request, err error) {
				secure(w.Header())
				if errors.Is(err, upstream.ErrNotFound) {
					problem.Write(w, r, problem.New(conferenceMissing))
					return
				}
				problem.Write(w, r, g.unavailable(r.Context(), "read a file from query", err))
			})
		}}, nil
	})
}
