package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

const (
	// feedPace is the least time between two readings of one view.
	feedPace = 100 * time.Millisecond
	// watchHeartbeat is how long a stream may be silent, watchAppears how long it waits
	// for a view that is not there yet: who has just placed an order may look at once.
	watchHeartbeat, watchAppears = 15 * time.Second, 4 * time.Second
	// maxAbsent bounds those that wait for what is not there: anybody can make up the
	// secret of an order.
	maxAbsent = 64
	// maxReadAtOnce is how many orders query reads at once, and maxReading how many wait to
	// be: query may hang.
	maxReadAtOnce, maxReading = 200, 2000
)

// Connected says whether query tells this gateway of changes.
func (g *Gateway) Connected() bool { return g.changes.Connected() }

// watched is a view that streams follow: its key in package live, which of the forms
// of that view it is, and how it is read.
type watched struct {
	key  string
	form string
	read func(context.Context) (live.Update, error)
}

// watch registers an operation that streams a view. All streams of one view share its
// readings, each of which follows a change that query told of.
func watch[T, I any](g *Gateway, o operation, name string, find func(context.Context, *I) (watched, error), notFound es.Code) {
	huma.Register(g.api, streamed[T](g, o), func(_ context.Context, in *I) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			c := humagin.Unwrap(ctx)
			g.serveWatch(c.Writer, c.Request, name, func(ctx context.Context) (watched, error) { return find(ctx, in) }, notFound)
		}}, nil
	})
}

func (g *Gateway) serveWatch(w http.ResponseWriter, r *http.Request, name string, find func(context.Context) (watched, error), notFound es.Code) {
	leave, ok := g.streams.Enter(originOf(r.Context()).addr)
	if !ok {
		problem.Write(w, r, problem.New(problem.Unavailable).With("Retry-After", "1"))
		return
	}
	defer leave()
	ctx, cancel := g.whileRunning(r.Context())
	defer cancel()
	ctx, enough := context.WithTimeout(ctx, streamFor)
	defer enough()
	ctx, closed := g.whileItOpens(ctx)
	defer closed()
	at, failed := find(ctx)
	if failed == nil {
		viewer := g.feeds.Look(at.key, at.form, at.read)
		defer viewer.Leave()
		failed = viewer.Send(ctx, w, live.Sending{
			Name: name, Seen: r.Header.Get("Last-Event-ID"),
			Heartbeat: watchHeartbeat, Appears: watchAppears, Absent: g.absent, Ending: g.changes.Hub().Done(),
		})
	}
	switch {
	case failed == nil:
	case errors.Is(failed, upstream.ErrNotFound):
		problem.Write(w, r, problem.New(notFound))
	default:
		problem.Write(w, r, g.unavailable(ctx, "watch", failed))
	}
}

// watchedOrder reads an order together with others that changed at the same time.
func (g *Gateway) watchedOrder(_ context.Context, in *OrderPath) (watched, error) {
	return watched{
		key: live.OrderKey(message.DefaultTenant, in.ID.String()),
		read: func(ctx context.Context) (live.Update, error) {
			order := &orderRead{id: in.ID}
			if err := g.orders.Do(ctx, order); err != nil {
				return live.Update{}, err
			}
			return live.UpdateOf(order.found), nil
		},
	}, nil
}

// orderRead is an order that is read with others.
type orderRead struct {
	id    uuid.UUID
	asked trace.SpanContext // of the request that asked; none of a stream
	found json.RawMessage
}

// readOrders reads orders with one question.
func (g *Gateway) readOrders(ctx context.Context, orders []*orderRead) []error {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	// The question belongs to the trace of one request: each is one of many reasons for it.
	ctx = trace.ContextWithSpanContext(ctx, orders[0].asked)
	errs := make([]error, len(orders))
	if len(orders) == 1 {
		errs[0] = g.query.Get(ctx, "/orders/"+orders[0].id.String(), &orders[0].found)
		return errs
	}
	asked := view.ReadOrders{IDs: make([]uuid.UUID, len(orders))}
	for i, o := range orders {
		asked.IDs[i] = o.id
	}
	var found map[uuid.UUID]json.RawMessage
	err := g.query.Question(ctx, "/orders/read", asked, &found)
	for i, o := range orders {
		var there bool
		if o.found, there = found[o.id]; !there {
			errs[i] = upstream.ErrNotFound
		}
		if err != nil {
			errs[i] = err
		}
	}
	return errs
}

// watchedConference reads a conference, for the organiser also one that was never
// published. Its first reading says which it is, if it is asked for by its slug.
func (g *Gateway) watchedConference(ctx context.Context, in *ConferenceName) (watched, error) {
	path := conferencePath(ctx, in.ID)
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	var found struct {
		ID uuid.UUID `json:"id"`
	}
	if err := g.query.Get(ctx, path, &found); err != nil {
		return watched{}, err
	}
	byID := conferencePath(ctx, found.ID.String())
	form, as := byID, func(ctx context.Context) context.Context { return ctx }
	if o := originOf(ctx); o.organiser {
		whose := o.member.Organisation.String()
		form, as = byID+" for "+whose, func(ctx context.Context) context.Context { return upstream.For(ctx, whose) }
	}
	return watched{
		key:  live.ConferenceKey(message.DefaultTenant, found.ID.String()),
		form: form, // organisers' and everybody's are not the same
		read: func(ctx context.Context) (live.Update, error) {
			ctx = as(ctx)
			var data json.RawMessage
			if err := g.query.Get(ctx, byID, &data); err != nil {
				return live.Update{}, err
			}
			return live.UpdateOf(data), nil
		},
	}, nil
}
