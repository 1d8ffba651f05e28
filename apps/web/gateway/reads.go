package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/throttle"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/contracts/text"
	"github.com/plenary/plenary/engine/es"
)

// Found is the answer to a read.
type Found[T any] struct{ Body T }

// AsItCame is a view in JSON as query sent it. Nothing here looks into it, so it is
// neither decoded nor encoded.
type AsItCame[T any] struct{ json json.RawMessage }

// Schema implements huma.SchemaProvider.
func (AsItCame[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

func (v AsItCame[T]) encoded() []byte { return v.json }

// marshal writes an answer in JSON, as one line.
func marshal(w io.Writer, v any) error {
	came, ok := v.(interface{ encoded() []byte })
	if !ok {
		return problem.JSON.Marshal(w, v)
	}
	if _, err := w.Write(came.encoded()); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// readWithin bounds a read that does not wait for an outcome.
const readWithin = 10 * time.Second

// ask reads path from query. notFound is the code of the problem when there is
// nothing there; empty for a path that always exists.
func ask[T any](g *Gateway, ctx context.Context, path string, notFound es.Code) (*Found[T], error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	var found Found[T]
	err := g.query.Get(ctx, path, &found.Body)
	return answered(g, ctx, &found, err, notFound)
}

// passOn reads path from query, as ask does, for an answer that is passed on as it is.
func passOn[T any](g *Gateway, ctx context.Context, path string, notFound es.Code) (*Found[AsItCame[T]], error) {
	found, err := ask[json.RawMessage](g, ctx, path, notFound)
	if err != nil {
		return nil, err
	}
	return asItCame[T](g, ctx, found.Body)
}

// asItCame makes the answer of a view in JSON. Each view is an object.
func asItCame[T any](g *Gateway, ctx context.Context, view json.RawMessage) (*Found[AsItCame[T]], error) {
	if !bytes.HasPrefix(bytes.TrimLeft(view, " \t\r\n"), []byte("{")) {
		return nil, g.unavailable(ctx, "ask query", errors.New("the answer is not an object"))
	}
	return &Found[AsItCame[T]]{AsItCame[T]{view}}, nil
}

// order reads an order, together with others that are read at the same time: a question
// goes through two sidecars, which costs more than reading many orders.
func (g *Gateway) order(ctx context.Context, id uuid.UUID) (*Found[AsItCame[view.Order]], error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	read := &orderRead{id: id, asked: trace.SpanContextFromContext(ctx)}
	found, err := answered(g, ctx, read, g.reading.Do(ctx, read), refusal.OrderNotFound)
	if err != nil {
		return nil, err
	}
	return asItCame[view.Order](g, ctx, found.found)
}

// decoded is a view that came, to be looked at.
func (v AsItCame[T]) decoded(g *Gateway, ctx context.Context) (out T, err error) {
	if err := json.Unmarshal(v.json, &out); err != nil {
		return out, g.unavailable(ctx, "read the answer of query", err)
	}
	return out, nil
}

// tell posts to query, for requests that are not commands: searches whose terms
// must not stand in an address, and dealing with dead letters.
func tell[T any](g *Gateway, ctx context.Context, path string, in any, notFound es.Code) (*Found[T], error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	var found Found[T]
	err := g.query.Post(ctx, path, in, &found.Body)
	return answered(g, ctx, &found, err, notFound)
}

func answered[T any](g *Gateway, ctx context.Context, found T, err error, notFound es.Code) (none T, _ error) {
	var status *upstream.StatusError
	switch {
	case err == nil:
		return found, nil
	case errors.Is(err, upstream.ErrNotFound) && notFound != "":
		return none, problem.New(notFound)
	case errors.As(err, &status) && status.Status == http.StatusConflict:
		return none, problem.Refused(status.Code, status.Detail, "")
	case errors.As(err, &status) && status.Status == http.StatusBadRequest:
		// All else was validated here; only query knows what a cursor looks like.
		return none, problem.Invalid(problem.Field{Field: "query", Rule: "format=cursor"})
	default:
		return none, g.unavailable(ctx, "ask query", err)
	}
}

// outcome asks what became of a command.
func (g *Gateway) outcome(ctx context.Context, id uuid.UUID) (view.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	var outcome view.Outcome
	err := g.query.Get(ctx, "/outcomes/"+id.String(), &outcome)
	return outcome, err
}

// answered tells the backlog whether a command has an outcome.
func (g *Gateway) answered(ctx context.Context, commandID string) (bool, error) {
	if g.changes.Came(commandID) {
		return true, nil
	}
	id, err := uuid.Parse(commandID)
	if err != nil {
		return false, fmt.Errorf("command id: %w", err)
	}
	outcome, err := g.outcome(ctx, id)
	return outcome.Status != view.OutcomeUnknown && err == nil, err
}

// seconds is d in whole seconds, rounded up.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// Limit bounds the number of entries on a page.
type Limit struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Maximum number of entries"`
}

// Page selects a page of a list.
type Page struct {
	Limit
	After string `query:"after" maxLength:"200" doc:"Cursor: the value of next on the previous page"`
}

// query is the query string with the limit and the given parameters that are not
// empty.
func (l Limit) query(namesAndValues ...string) string {
	params := url.Values{"limit": {strconv.Itoa(l.Limit)}}
	for i := 0; i < len(namesAndValues); i += 2 {
		if value := namesAndValues[i+1]; value != "" {
			params.Set(namesAndValues[i], value)
		}
	}
	return "?" + params.Encode()
}

// ConferenceName is a conference's id or slug in an operation's path.
type ConferenceName struct {
	ID string `path:"id" maxLength:"64" pattern:"^[A-Za-z0-9-]+$" doc:"The conference's id or slug" example:"gophers-2027"`
}

// conferencePath is where query has a conference: for the organiser also one that
// was never published.
func conferencePath(ctx context.Context, idOrSlug string) string {
	if originOf(ctx).organiser {
		return "/organiser/drafts/" + idOrSlug
	}
	return "/conferences/" + idOrSlug
}

func (g *Gateway) reads() {
	huma.Register(g.api, g.read(operation{
		id: "list-conferences", method: http.MethodGet, path: "/api/conferences", tag: tagConferences, params: true,
		summary: "List conferences on sale",
		who:     anyone,
	}), func(ctx context.Context, in *Page) (*Found[AsItCame[view.Conferences]], error) {
		return passOn[view.Conferences](g, ctx, "/conferences"+in.query("after", in.After), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "list-catalogue", method: http.MethodGet, path: "/api/catalogue", tag: tagConferences, params: true,
		summary: "List the published conferences and how their sale stands",
		text:    "Those to come, the earliest first, or those that are over, the latest first.",
		who:     anyone,
	}), func(ctx context.Context, in *struct {
		Page
		Search
		When string `query:"when" enum:"soon,over" default:"soon" doc:"Those to come, or those that are over"`
	}) (*Found[AsItCame[view.Catalogue]], error) {
		return passOn[view.Catalogue](g, ctx, "/catalogue"+in.query("after", in.After, "q", in.Q, "when", in.When), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "get-conference", method: http.MethodGet, path: "/api/conferences/{id}", tag: tagConferences,
		summary: "Get a conference with its live availability",
		text:    "The ETag, for If-Match, names the version the organiser edits: sales change the availability in the answer but not the ETag.",
		who:     anyoneOncePublished, problems: []es.Code{refusal.ConferenceNotFound},
	}), func(ctx context.Context, in *ConferenceName) (*FoundConference, error) {
		return g.conference(ctx, in.ID)
	})
	watch[view.Conference](g, operation{
		id: "watch-conference", method: http.MethodGet, path: "/api/conferences/{id}/events", tag: tagConferences,
		summary: "Watch a conference",
		text:    "Server-sent events named conference: the current conference first, and again after every change. An event's id changes with the view; a client that reconnects with a Last-Event-ID that is still current does not get the same view again.",
		who:     anyoneOncePublished, problems: []es.Code{refusal.ConferenceNotFound},
	}, "conference", g.watchedConference, refusal.ConferenceNotFound)

	huma.Register(g.api, g.read(operation{
		id: "get-order", method: http.MethodGet, path: "/api/orders/{id}", tag: tagOrders,
		summary: "Get an order",
		who:     holder, problems: []es.Code{refusal.OrderNotFound},
	}), func(ctx context.Context, in *OrderPath) (*Found[AsItCame[view.Order]], error) {
		found, err := g.order(ctx, in.ID)
		if err != nil || !g.limits.counts(in.ID) {
			return found, err
		}
		shown, err := found.Body.decoded(g, ctx)
		g.limits.seen(shown)
		return found, err
	})
	watch[view.Order](g, operation{
		id: "watch-order", method: http.MethodGet, path: "/api/orders/{id}/events", tag: tagOrders,
		summary: "Watch an order",
		text:    "Server-sent events named order: the current order first, and again after every change. An event's id changes with the view; a client that reconnects with a Last-Event-ID that is still current does not get the same view again.",
		who:     holder, problems: []es.Code{refusal.OrderNotFound},
	}, "order", g.watchedOrder, refusal.OrderNotFound)
	huma.Register(g.api, g.read(operation{
		id: "get-timeline", method: http.MethodGet, path: "/api/orders/{id}/timeline", tag: tagOrders, params: true,
		summary: "Read the story of an order",
		text:    "Every command and event of the order, each with its cause, in pages.",
		who:     holder, problems: []es.Code{refusal.OrderNotFound},
	}), func(ctx context.Context, in *struct {
		OrderPath
		Page
	}) (*Found[AsItCame[view.Timeline]], error) {
		return passOn[view.Timeline](g, ctx, "/orders/"+in.ID.String()+"/timeline"+in.query("after", in.After), refusal.OrderNotFound)
	})
	huma.Register(g.api, g.read(operation{
		id: "find-order", method: http.MethodPost, path: "/api/orders/find", tag: tagOrders, body: true,
		summary: "Find an order again",
		text:    "Takes the registrant's e-mail address and the record locator. The answer has a key that gives access to the order for 30 days. The number of failed attempts from one network address is limited (10 at once, then one every 6 seconds); successful ones do not count.",
		who:     anyone, problems: []es.Code{refusal.OrderNotFound, problem.TooManyRequests},
	}), g.findOrder)

	huma.Register(g.api, g.read(operation{
		id: "get-payment", method: http.MethodGet, path: "/api/payments/{id}", tag: tagPayments,
		summary: "Get a payment",
		who:     "Anyone who knows the payment's id.", problems: []es.Code{refusal.PaymentNotFound},
	}), func(ctx context.Context, in *struct {
		ID uuid.UUID `path:"id" doc:"The payment"`
	}) (*Found[PublicPayment], error) {
		found, err := ask[view.Payment](g, ctx, "/payments/"+in.ID.String(), refusal.PaymentNotFound)
		if err != nil {
			return nil, err
		}
		return &Found[PublicPayment]{paymentOf(found.Body)}, nil
	})

	huma.Register(g.api, g.read(operation{
		id: "get-outcome", method: http.MethodGet, path: "/api/outcomes/{id}", tag: tagOutcomes,
		summary: "Get a command's outcome",
		text:    "The status is unknown until the command has been decided, and always for a command that was not sent through this API. That of an organiser's or operator's command is unknown without a credential of the organisation, or the operator's.",
		who:     "Anyone who knows the command's id; of a command of organisers or operators, these.",
	}), func(ctx context.Context, in *struct {
		ID   uuid.UUID `path:"id" doc:"The command"`
		Wait int       `query:"wait" minimum:"0" maximum:"30" doc:"Seconds to wait for the outcome; ignored while too many requests are waiting"`
	}) (*Found[Outcome], error) {
		if in.ID.Version() != view.SentByRequest {
			return &Found[Outcome]{Outcome{CommandID: in.ID.String(), Status: view.OutcomeUnknown, Events: []string{}}}, nil
		}
		ctx, cancel := g.whileRunning(ctx)
		defer cancel()
		wait := time.Duration(in.Wait) * time.Second
		if wait > 0 {
			if leave, ok := g.waiting.Enter(originOf(ctx).addr); ok {
				defer leave()
			} else {
				wait = 0
			}
		}
		began := time.Now()
		waiter := g.changes.Wait(in.ID)
		defer waiter.Leave()
		outcome, err := g.outcome(ctx, in.ID)
		if wait > 0 && (err != nil || outcome.Status == view.OutcomeUnknown) {
			if came := g.awaitOutcome(ctx, in.ID, wait, waiter, false); came.Status != view.OutcomeUnknown {
				outcome, err = came, nil
			}
		}
		if !g.mayKnow(ctx, outcome) { // as if it were not known, and as late
			outcome = view.Outcome{CommandID: in.ID.String(), Status: view.OutcomeUnknown, Events: []string{}}
			select {
			case <-time.After(wait - time.Since(began)):
			case <-ctx.Done():
			}
		}
		return answered(g, ctx, &Found[Outcome]{outcomeOf(outcome)}, err, "")
	})

	g.operatorReads()
}

// mayKnow says whether a request may be told the outcome of a command: one that somebody
// who works with Plenary sent is for those of the same organisation, or for operators.
func (g *Gateway) mayKnow(ctx context.Context, outcome view.Outcome) bool {
	actor := contracts.ActorOf(outcome.Actor)
	if actor == (contracts.Actor{}) {
		return true
	}
	who, err := g.access.Staff(originOf(ctx).request)
	switch {
	case err != nil:
		return false
	case actor.Operator:
		return who.Caller == access.Operator
	}
	return who.Caller == access.Organiser && who.Member.Organisation == actor.Organisation
}

func (g *Gateway) operatorReads() {
	huma.Register(g.api, g.read(operation{
		id: "list-overdue-orders", method: http.MethodGet, path: "/api/overdue-orders", tag: tagOperator, params: true,
		summary: "List orders that are past their deadline and have not ended",
		text:    "No order should be listed for longer than a minute or two.",
		who:     operator,
	}), func(ctx context.Context, in *Page) (*Found[AsItCame[view.OverdueOrders]], error) {
		return passOn[view.OverdueOrders](g, ctx, "/orders/overdue"+in.query("after", in.After), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "list-failed-refunds", method: http.MethodGet, path: "/api/failed-refunds", tag: tagOperator, params: true,
		summary: "List failed refunds",
		who:     operator,
	}), func(ctx context.Context, in *Page) (*Found[AsItCame[view.FailedRefunds]], error) {
		return passOn[view.FailedRefunds](g, ctx, "/failed-refunds"+in.query("after", in.After), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "list-loose-payments", method: http.MethodGet, path: "/api/loose-payments", tag: tagOperator, params: true,
		summary: "List the payments that neither confirmed their order nor were refunded",
		text:    "Those that were completed more than two minutes ago, the oldest first, also those of orders that nothing is known of. Refunds that failed have a list of their own. A page may have fewer than asked for and still not be the last.",
		who:     operator,
	}), func(ctx context.Context, in *Page) (*Found[AsItCame[view.LoosePayments]], error) {
		return passOn[view.LoosePayments](g, ctx, "/operator/loose-payments"+in.query("after", in.After), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "list-dead-letters", method: http.MethodGet, path: "/api/dead-letters", tag: tagOperator, params: true,
		summary: "List dead letters",
		text:    "Messages whose handling was given up, newest first, without their content.",
		who:     operator,
	}), func(ctx context.Context, in *struct {
		Limit
		Status      string `query:"status" enum:"open,retried,discarded,unsettled" doc:"Only dead letters with this status; unsettled are the open ones and those sent back or discarded whose effect is not confirmed yet"`
		Reason      string `query:"reason" maxLength:"2000" doc:"Only dead letters with exactly this reason"`
		Handler     string `query:"handler" maxLength:"200" doc:"Only dead letters of this app" example:"order"`
		MessageType string `query:"messageType" maxLength:"200" doc:"Only dead letters of this message type" example:"ConfirmOrder.v1"`
		Stream      string `query:"stream" maxLength:"512" doc:"Only dead letters of this stream"`
		Before      string `query:"before" maxLength:"200" doc:"Cursor: the value of next on the previous page"`
	}) (*Found[AsItCame[view.DeadLetters]], error) {
		return passOn[view.DeadLetters](g, ctx, "/dead-letters"+in.query("status", in.Status, "reason", in.Reason, "handler", in.Handler,
			"messageType", in.MessageType, "stream", in.Stream, "before", in.Before), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "list-dead-letter-reasons", method: http.MethodGet, path: "/api/dead-letter-reasons", tag: tagOperator, params: true,
		summary: "Count dead letters by reason",
		text:    "Only those that are not settled yet, most frequent reason first.",
		who:     operator,
	}), func(ctx context.Context, in *Limit) (*Found[AsItCame[view.DeadLetterReasons]], error) {
		return passOn[view.DeadLetterReasons](g, ctx, "/operator/reasons"+in.query(), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "list-parked-streams", method: http.MethodGet, path: "/api/parked-streams", tag: tagOperator, params: true,
		summary: "List streams with parked messages",
		text:    "Later messages of these streams may be waiting. Longest parked first.",
		who:     operator,
	}), func(ctx context.Context, in *Page) (*Found[AsItCame[view.ParkedStreams]], error) {
		return passOn[view.ParkedStreams](g, ctx, "/operator/parked-streams"+in.query("after", in.After), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "free-parked-stream", method: http.MethodPost, path: "/api/parked-streams/free", tag: tagOperator, body: true,
		summary: "Discard all parked messages of a stream",
		text:    "The messages waiting behind them continue. It also frees a stream that is stuck without a dead letter.",
		who:     operator, problems: []es.Code{refusal.StreamNotParked},
	}), func(ctx context.Context, in *struct{ Body view.FreeStream }) (*Found[view.DeadLettersClosed], error) {
		return tell[view.DeadLettersClosed](g, ctx, "/operator/parked-streams/free", in.Body, refusal.StreamNotParked)
	})
	for _, o := range []operation{
		{id: "retry", summary: "Retry all dead letters of a reason, handler, message type or stream"},
		{id: "discard", summary: "Discard all dead letters of a reason, handler, message type or stream"},
	} {
		huma.Register(g.api, g.read(operation{
			id: o.id + "-dead-letters", method: http.MethodPost, path: "/api/dead-letters/" + o.id, tag: tagOperator, body: true,
			summary: o.summary,
			text:    "Oldest first, at most 500 per call. At least one property is required.",
			who:     operator,
		}), func(ctx context.Context, in *struct{ Body view.ChooseDeadLetters }) (*Found[view.DeadLettersClosed], error) {
			return tell[view.DeadLettersClosed](g, ctx, "/dead-letters/"+o.id, in.Body, "")
		})
	}
	huma.Register(g.api, g.read(operation{
		id: "get-dead-letter", method: http.MethodGet, path: "/api/dead-letters/{id}", tag: tagOperator,
		summary: "Get a dead letter",
		text:    "Includes the message's content, which may hold personal data.",
		who:     operator, problems: []es.Code{refusal.DeadLetterNotFound},
	}), func(ctx context.Context, in *DeadLetterPath) (*Found[AsItCame[view.DeadLetter]], error) {
		return passOn[view.DeadLetter](g, ctx, "/dead-letters/"+in.ID, refusal.DeadLetterNotFound)
	})
	for _, o := range []operation{
		{id: "retry", summary: "Send a dead letter back to its topic", problems: []es.Code{refusal.DeadLetterClosed, refusal.NotResendable}},
		{id: "discard", summary: "Discard a dead letter", problems: []es.Code{refusal.DeadLetterClosed}},
	} {
		huma.Register(g.api, g.read(operation{
			id: o.id + "-dead-letter", method: http.MethodPost, path: "/api/dead-letters/{id}/" + o.id, tag: tagOperator,
			summary: o.summary,
			who:     operator, problems: append(o.problems, refusal.DeadLetterNotFound),
		}), func(ctx context.Context, in *DeadLetterPath) (*Found[view.DeadLetter], error) {
			return tell[view.DeadLetter](g, ctx, "/dead-letters/"+in.ID+"/"+o.id, struct{}{}, refusal.DeadLetterNotFound)
		})
	}
}

// DeadLetterPath names a dead letter in an operation's path.
type DeadLetterPath struct {
	ID string `path:"id" maxLength:"200" pattern:"^[A-Za-z0-9_-][A-Za-z0-9._-]*$" doc:"The dead letter"`
}

// findOrder limits failures per address: guessing is hopeless, yet many people in
// one hall, behind one address, can find their orders. The limit is not per
// e-mail address, with which a stranger could lock a holder out.
func (g *Gateway) findOrder(ctx context.Context, in *struct{ Body view.FindOrder }) (*Found[FoundOrder], error) {
	by, err := asked(in.Body)
	if err != nil {
		return nil, err
	}
	client := throttle.Client(originOf(ctx).addr)
	if ok, retryAfter := g.finding.Allow(client); !ok {
		g.refused.Add(ctx, 1, forThrottle)
		return nil, problem.New(problem.TooManyRequests).With("Retry-After", seconds(retryAfter))
	}
	found, err := tell[view.Order](g, ctx, "/orders/find", by, refusal.OrderNotFound)
	var p *problem.Problem
	if errors.As(err, &p) && p.Code == refusal.OrderNotFound {
		g.finding.Failed(client)
	}
	if err != nil {
		return nil, err
	}
	key, until, err := g.access.Link(ctx, found.Body.ID)
	if err != nil {
		return nil, g.unavailable(ctx, "make a link", err)
	}
	return &Found[FoundOrder]{FoundOrder{
		Order: found.Body, Secret: key, SecretUntil: until.UTC().Truncate(time.Second), PageURL: access.PagePath(found.Body.ID, key),
	}}, nil
}

// asked is the search in the form in which the values are stored.
func asked(by view.FindOrder) (view.FindOrder, error) {
	var fields []problem.Field
	var broken *text.Broken
	email, err := text.Email(by.Email)
	if errors.As(err, &broken) {
		fields = append(fields, problem.Field{Field: "email", Rule: broken.Rule})
	}
	locator, err := text.Locator(by.Locator)
	if errors.As(err, &broken) {
		fields = append(fields, problem.Field{Field: "locator", Rule: broken.Rule})
	}
	if len(fields) > 0 {
		return by, problem.Invalid(fields...)
	}
	return view.FindOrder{Email: email, Locator: locator}, nil
}

// streamed is an operation that answers with server-sent events.
func streamed[T any](g *Gateway, o operation) huma.Operation {
	op := g.read(o)
	op.Responses["200"] = &huma.Response{
		Description: "Events, each with the whole view as data",
		Content: map[string]*huma.MediaType{"text/event-stream": {
			Schema: g.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, ""),
		}},
	}
	return op
}

// stream registers an operation that forwards a stream of server-sent events.
func stream[T, I any](g *Gateway, o operation, path func(context.Context, *I) string, notFound es.Code) {
	huma.Register(g.api, streamed[T](g, o), func(_ context.Context, in *I) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			c := humagin.Unwrap(ctx)
			g.forwardStream(c.Writer, c.Request, path(c.Request.Context(), in), notFound)
		}}, nil
	})
}

// streamFor is how long a stream goes on at most: a client that still watches comes
// back, perhaps to another replica, and one whose connection died unnoticed is gone.
const streamFor = time.Hour

func (g *Gateway) forwardStream(w http.ResponseWriter, r *http.Request, path string, notFound es.Code) {
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
	r = r.WithContext(ctx)
	w = untilRead{w, http.NewResponseController(w)}
	r.Header.Set("Accept", upstream.EventStream) // tells the sidecars that this is a stream
	clear(w.Header())                            // the stream brings its own
	begin := func(failed func(http.ResponseWriter, *http.Request, error)) {
		g.query.Forward(w, r, path, func(resp *http.Response) error {
			resp.Header.Set("Cache-Control", "no-store")
			secure(resp.Header)
			return g.query.Check(resp)
		}, failed)
	}
	end := func(w http.ResponseWriter, r *http.Request, err error) {
		secure(w.Header())
		if errors.Is(err, upstream.ErrNotFound) {
			problem.Write(w, r, problem.New(notFound))
			return
		}
		problem.Write(w, r, g.unavailable(ctx, "stream from query", err))
	}
	begin(func(w http.ResponseWriter, r *http.Request, err error) {
		// A sidecar does not say why there is no stream, so the view is read instead.
		if !errors.Is(err, upstream.ErrNotFound) {
			var shown json.RawMessage
			if err = g.query.Get(ctx, strings.TrimSuffix(path, "/events"), &shown); err == nil {
				begin(end)
				return
			}
		}
		end(w, r, err)
	})
}
