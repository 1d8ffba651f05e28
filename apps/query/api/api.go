package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/metric"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/problem"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// API answers from the store.
type API struct {
	Store    *store.Late
	Hub      *live.Hub
	Registry *message.Registry
	// Publisher sends dead letters back.
	Publisher bus.Publisher
	Now       func() time.Time
	// Heartbeat is how long a stream may be silent; Pace is the least time
	// between two updates of one view in it.
	Heartbeat, Pace time.Duration
	// Appears is how long a stream waits for an order that does not exist yet: a
	// client may watch an order as soon as it has placed it.
	Appears time.Duration
	// StuckAfter is how long after what should have followed an order is stuck.
	StuckAfter time.Duration
	// MaxStreams bounds the open streams, and MaxAbsent those that wait for what is not
	// there; 0 is the default.
	MaxStreams, MaxAbsent int64

	open        atomic.Int64 // streams
	absent      *live.Absent
	feeds, slow *live.Feeds
	streams     metric.Int64UpDownCounter
}

// TenantHeader names the tenant of a request; without it, it is the default
// one.
const TenantHeader = "Plenary-Tenant"

// Routes adds all routes.
func (a *API) Routes(r gin.IRoutes) {
	a.feeds = &live.Feeds{Hub: a.Hub, Pace: a.Pace}
	// What costs more to read is read less often.
	const slower, refresh = 10, 15 * time.Second
	a.slow = &live.Feeds{Hub: a.Hub, Pace: slower * a.Pace, Refresh: refresh}
	a.streams = openStreams()
	a.absent = &live.Absent{Most: cmp.Or(a.MaxAbsent, maxAbsent)}

	r.GET("/conferences", a.answer(a.conferences))
	r.GET("/conferences/:id", a.answer(conference))
	r.GET("/conferences/:id/events", a.handle(a.watchConference))
	r.GET("/organiser/drafts/:id", a.answer(draft))
	r.GET("/organiser/drafts/:id/events", a.handle(a.watchDraft))

	r.GET("/catalogue", a.answer(a.catalogue))

	r.GET("/organiser/organisation", a.answer(ownOrganisation))
	r.GET("/organiser/audit", a.answer(ownAudit))
	r.GET("/organiser/orders/:id", a.answer(ownOrder))
	r.GET("/operator/organisations", a.answer(organisations))
	r.GET("/operator/organisations/:id", a.answer(organisation))
	r.GET("/operator/audit", a.answer(audit))
	r.GET("/credentials/:id/:credential", a.answer(credential))

	r.GET("/organiser/conferences", a.answer(conferenceSummaries))
	r.GET("/organiser/conferences/:id/orders", a.answer(ofConference(orderList)))
	r.GET("/organiser/conferences/:id/orders.csv", a.handle(file("orders.csv", orderColumns, orderRows)))
	r.GET("/organiser/conferences/:id/attendees", a.answer(ofConference(attendeeList)))
	r.GET("/organiser/conferences/:id/attendees.csv", a.handle(file("attendees.csv", attendeeColumns, attendeeRows)))
	r.GET("/organiser/conferences/:id/promo-codes", a.answer(ofConference(promoCodes)))
	r.GET("/organiser/conferences/:id/waitlist", a.answer(waitlist))
	r.GET("/organiser/conferences/:id/suggestions", a.answer(ofConference(suggestions)))
	r.GET("/organiser/conferences/:id/dashboard", a.answer(a.dashboard))
	r.GET("/organiser/conferences/:id/dashboard/events", a.handle(a.watchDashboard))

	r.POST("/orders/find", a.answer(findOrder))
	r.POST("/orders/read", a.answer(readOrders))
	r.POST("/orders/count-seats", a.answer(countSeats))
	r.GET("/orders/overdue", a.answer(a.overdueOrders))
	r.GET("/orders/missing", a.answer(missingOrders))
	r.GET("/orders/waiting", a.answer(a.waitingOrders))
	r.GET("/orders/:id", a.answer(order))
	r.GET("/orders/:id/timeline", a.answer(timeline))
	r.GET("/orders/:id/events", a.handle(a.watchOrder))

	r.GET("/changes", a.handle(a.watchChanges))
	r.GET("/outcomes/:id", a.answer(a.outcome))
	r.GET("/payments/:id", a.answer(payment))
	r.GET("/failed-refunds", a.answer(failedRefunds))

	r.GET("/dead-letters", a.answer(deadLetters))
	r.GET("/dead-letters/:id", a.answer(deadLetter))
	r.POST("/dead-letters/:id/retry", a.answer(a.one(a.sendBack)))
	r.POST("/dead-letters/:id/discard", a.answer(a.one(a.throwAway)))
	r.POST("/dead-letters/retry", a.answer(a.many(a.sendBack)))
	r.POST("/dead-letters/discard", a.answer(a.many(a.throwAway)))
	r.GET("/operator/attention", a.answer(a.attention))
	r.GET("/operator/loose-payments", a.answer(a.loosePayments))
	r.GET("/operator/stuck-orders", a.answer(a.stuckOrders))
	r.GET("/explorer/orders", a.answer(recentOrders))
	r.GET("/explorer/orders/:id/flow", a.answer(flow))
	r.GET("/explorer/orders/:id/state", a.answer(a.flowState))
	r.GET("/operator/reasons", a.answer(deadLetterReasons))
	r.GET("/operator/parked-streams", a.answer(parkedStreams))
	r.POST("/operator/parked-streams/free", a.answer(a.freeStream))

	r.GET("/views", a.answer(views))
	r.POST("/views/rebuild", a.answer(rebuild))
}

// request is what a question needs.
type request struct {
	*gin.Context
	store  *store.Store
	tenant string
}

// handle runs a handler once the store is open, and turns its error into the
// answer.
func (a *API) handle(do func(request) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		s, err := a.Store.Get(c.Request.Context())
		if err == nil {
			tenant := c.GetHeader(TenantHeader)
			if tenant == "" {
				tenant = message.DefaultTenant
			}
			if message.IsTenant(tenant) {
				err = do(request{c, s, tenant})
			} else {
				err = problem.New(http.StatusBadRequest, problem.InvalidRequest, "this is no tenant")
			}
		}
		if err != nil {
			problemOf(c, err).Write(c.Writer)
		}
	}
}

// answer is handle for a question with one answer.
func (a *API) answer(ask func(request) (any, error)) gin.HandlerFunc {
	return a.handle(func(r request) error {
		found, err := ask(r)
		if err != nil {
			return err
		}
		if encoded, ok := found.(json.RawMessage); ok {
			r.Data(http.StatusOK, gin.MIMEJSON+"; charset=utf-8", encoded) // JSON would read it once more
			return nil
		}
		r.JSON(http.StatusOK, found)
		return nil
	})
}

func problemOf(c *gin.Context, err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, store.ErrNotOpen):
		return problem.New(http.StatusServiceUnavailable, problem.Unavailable, "the database is not open yet")
	case c.Request.Context().Err() != nil:
		return problem.New(http.StatusServiceUnavailable, problem.Unavailable, "the request has ended")
	}
	slog.ErrorContext(c, "question without an answer", "route", c.FullPath(), "error", err)
	return problem.New(http.StatusServiceUnavailable, problem.Unavailable, "the database cannot be asked")
}

// missing makes ErrNotFound a problem with its code.
func missing[T any](found T, err error, code es.Code) (any, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, problem.New(http.StatusNotFound, code, "")
	}
	return found, err
}

func (r request) id(code es.Code) (uuid.UUID, error) {
	id, err := uuid.Parse(r.Param("id"))
	if err != nil {
		return id, problem.New(http.StatusNotFound, code, "")
	}
	return id, nil
}

// number reads a query parameter between 0 and most.
func (r request) number(name string, otherwise, most int) (int, error) {
	text := r.Query(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, problem.New(http.StatusBadRequest, problem.InvalidRequest, name+" must be a whole number from 0 to "+strconv.Itoa(most))
	}
	return n, nil
}

// limit reads how much is asked for at once, at least 1.
func (r request) limit() (int, error) {
	n, err := r.number("limit", 100, 1000)
	return max(n, 1), err
}

func (r request) cursor(name string) (store.Cursor, error) {
	cursor, err := store.ParseCursor(r.Query(name))
	if err != nil {
		return cursor, problem.New(http.StatusBadRequest, problem.InvalidRequest, name+" must be what an answer gave as next")
	}
	return cursor, nil
}

// page reads which page of a list is asked for.
func (r request) page() (after store.Cursor, limit int, err error) {
	if after, err = r.cursor("after"); err != nil {
		return after, 0, err
	}
	limit, err = r.limit()
	return after, limit, err
}

func (a *API) conferences(r request) (any, error) {
	after, limit, err := r.page()
	if err != nil {
		return nil, err
	}
	return r.store.Conferences(r.Request.Context(), r.tenant, a.Now(), after, limit)
}

func conference(r request) (any, error) {
	found, err := r.conference(r.Request.Context(), seenBy{})
	return missing(found, err, refusal.ConferenceNotFound)
}

func draft(r request) (any, error) {
	whose, err := r.organisation()
	if err != nil {
		return nil, err
	}
	found, err := r.conference(r.Request.Context(), seenBy{whose: whose})
	return missing(found, err, refusal.ConferenceNotFound)
}

// seenBy is who asks for a conference: somebody, if it is zero. whose is the
// organisation for which they ask; own, that they ask as its organiser.
type seenBy struct {
	whose uuid.UUID
	own   bool
}

// conference is the one named in the path, by id or slug. To everybody there are those
// that were ever published; to members of an organisation its others as well and, as
// organisers, no others.
func (r request) conference(ctx context.Context, by seenBy) (c view.Conference, err error) {
	name := r.Param("id")
	if id, parse := uuid.Parse(name); parse == nil {
		c, err = r.store.Conference(ctx, r.tenant, id)
	} else {
		c, err = r.store.ConferenceBySlug(ctx, r.tenant, name)
	}
	if err == nil && c.OrganisationID != by.whose && (by.own || !c.Public) {
		return view.Conference{}, store.ErrNotFound
	}
	return c, err
}

func order(r request) (any, error) {
	id, err := r.id(refusal.OrderNotFound)
	if err != nil {
		return nil, err
	}
	found, err := r.store.OrdersInJSON(r.Request.Context(), r.tenant, id)
	if err != nil {
		return nil, err
	}
	if found[id] == nil {
		return nil, problem.New(http.StatusNotFound, refusal.OrderNotFound, "")
	}
	return found[id], nil
}

func findOrder(r request) (any, error) {
	var by view.FindOrder
	if err := r.ShouldBindJSON(&by); err != nil || by.Email == "" || by.Locator == "" {
		return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "email and locator are required")
	}
	found, err := r.store.FindOrder(r.Request.Context(), r.tenant, by)
	return missing(found, err, refusal.OrderNotFound)
}

func countSeats(r request) (any, error) {
	var asked view.CountSeats
	if err := r.ShouldBindJSON(&asked); err != nil {
		return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "orderId is required, as a UUID")
	}
	found, err := r.store.CountSeats(r.Request.Context(), r.tenant, asked)
	return missing(found, err, refusal.OrderNotFound)
}

func (a *API) overdueOrders(r request) (any, error) {
	before := a.Now()
	if text := r.Query("before"); text != "" {
		var err error
		if before, err = time.Parse(time.RFC3339, text); err != nil {
			return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "before must be an RFC 3339 time")
		}
	}
	after, limit, err := r.page()
	if err != nil {
		return nil, err
	}
	return r.store.Overdue(r.Request.Context(), r.tenant, before, after, limit)
}

func timeline(r request) (any, error) {
	id, err := r.id(refusal.OrderNotFound)
	if err != nil {
		return nil, err
	}
	after, limit, err := r.page()
	if err != nil {
		return nil, err
	}
	found, err := r.store.Timeline(r.Request.Context(), r.tenant, id, after, limit)
	if errors.Is(err, store.ErrNoCursor) {
		return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "after must be what an answer gave as next")
	}
	return missing(found, err, refusal.OrderNotFound)
}

// mostWait is how long, in seconds, an outcome may be waited for.
const mostWait = 60

// outcome answers at once if the outcome is known or the request does not wait;
// otherwise when it becomes known or the wait ends. At the end it reads once more:
// this replica may have missed a change made by another.
func (a *API) outcome(r request) (any, error) {
	seconds, err := r.number("wait", 0, mostWait)
	if err != nil {
		return nil, err
	}
	id := r.Param("id")
	waiter := a.Hub.Wait(live.CommandKey(r.tenant, id))
	defer waiter.Leave()
	ctx, cancel := context.WithTimeout(r.Request.Context(), time.Duration(seconds)*time.Second)
	defer cancel()
	for last := seconds == 0; ; {
		found, err := r.store.Outcome(r.Request.Context(), r.tenant, id)
		if err != nil || last || found.Status != view.OutcomeUnknown {
			return found, err
		}
		select {
		case <-waiter.Changed:
		case <-ctx.Done():
			last = true
		case <-a.Hub.Done():
			last = true
		}
	}
}

func payment(r request) (any, error) {
	id, err := r.id(refusal.PaymentNotFound)
	if err != nil {
		return nil, err
	}
	found, err := r.store.Payment(r.Request.Context(), r.tenant, id)
	return missing(found, err, refusal.PaymentNotFound)
}

func failedRefunds(r request) (any, error) {
	after, limit, err := r.page()
	if err != nil {
		return nil, err
	}
	return r.store.FailedRefunds(r.Request.Context(), r.tenant, after, limit)
}

// Views is how the views stand.
type Views struct {
	Rebuild store.Progress `json:"rebuild"`
	// WaitingStreams have events that wait for one before them.
	WaitingStreams int `json:"waitingStreams"`
}

func views(r request) (any, error) {
	progress, err := r.store.Progress(r.Request.Context())
	if err != nil {
		return nil, err
	}
	waiting, err := r.store.Waiting(r.Request.Context())
	return Views{Rebuild: progress, WaitingStreams: waiting}, err
}

// rebuild begins to build the views anew; GET /views says how far it is, at any
// replica.
func rebuild(r request) (any, error) {
	ctx := context.WithoutCancel(r.Request.Context())
	begun, err := r.store.BeginRebuild(ctx)
	if errors.Is(err, store.ErrRebuilding) {
		return nil, problem.New(http.StatusConflict, problem.RebuildRunning, "")
	}
	if err != nil {
		return nil, err
	}
	go func() {
		if err := begun.Run(ctx); err != nil {
			slog.ErrorContext(ctx, "the views could not be rebuilt", "error", err)
		}
	}()
	return views(r)
}
