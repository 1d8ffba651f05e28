// Package pagestest is a small world for the pages: the gateway itself, before a
// query service and apps that are stood in for. It is for tests of pages, for
// pictures of them, and for looking at them without the rest of Plenary (go run
// ./apps/web/pages/pagestest/show).
package pagestest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/idempotency/idempotencytest"
	"github.com/plenary/plenary/apps/web/pages"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// The credentials of this world.
const (
	OrganiserToken = "the organiser's token of this world"
	OperatorToken  = "the operator's token of this world"
)

// Now is the time in this world, always.
var Now = time.Date(2027, time.March, 1, 9, 0, 0, 0, time.UTC)

// World is a gateway with its pages, among stand-ins.
type World struct {
	// Handler answers all requests.
	Handler http.Handler
	// Handle decides a command: nil accepts it, a Refusal says no.
	Handle func(command any) *Refusal

	mu        sync.Mutex
	changed   *sync.Cond
	said      []view.Changes // to those who listen
	answers   map[string]any // by path
	revisions map[string]int64
	outcomes  map[string]any
	sent      []any
	away      bool // payments
	end       func()
}

// Refusal is a rule's no.
type Refusal struct {
	Code   es.Code
	Detail string
}

// New makes a world with the conferences and orders of Sample. change may have the
// pages work with something else. It panics when
// the gateway cannot be made.
func New(change ...func(*pages.Options)) *World {
	gin.SetMode(gin.TestMode)
	w := &World{answers: map[string]any{}, revisions: map[string]int64{}, outcomes: map[string]any{}}
	w.changed = sync.NewCond(&w.mu)
	query, payments := httptest.NewServer(http.HandlerFunc(w.serveQuery)), httptest.NewServer(http.HandlerFunc(w.servePayments))
	router := gin.New()
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	keys := &idempotencytest.Memory{}
	options := pages.Options{API: router, Sessions: keys, Grace: func() time.Duration { return 5 * time.Minute }, Now: func() time.Time { return Now }, Log: quiet}
	for _, c := range change {
		c(&options)
	}
	site := pages.New(options)
	g, err := gateway.New(router, gateway.Options{
		Contracts:      contracts.Registry(),
		Commands:       w,
		Query:          upstream.New("query", query.URL, http.DefaultTransport),
		Payments:       upstream.New("payments", payments.URL, http.DefaultTransport),
		Keys:           keys,
		OrganiserToken: func(context.Context) (string, error) { return OrganiserToken, nil },
		OperatorToken:  func(context.Context) (string, error) { return OperatorToken, nil },
		MaxLag:         time.Minute,
		Pages:          site,
		Log:            quiet,
	})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _ = g.Run(ctx) }()
	go func() { _ = site.Run(ctx) }()
	w.Handler = router
	w.end = func() {
		cancel()
		w.changed.Broadcast()
		query.CloseClientConnections()
		query.Close()
		payments.Close()
	}
	w.Sample()
	w.Work()
	return w
}

// Close ends the world.
func (w *World) Close() { w.end() }

// Put has query answer path with a view, and tells those who watch it.
func (w *World) Put(path string, shown any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[path] = shown
	w.revisions[path]++
	if name, ok := strings.CutPrefix(path, "/conferences/"); ok { // the organiser sees it as well
		w.answers["/organiser/drafts/"+name] = shown
		w.revisions["/organiser/drafts/"+name]++
	}
	said := view.Changes{Missed: true}
	if c, ok := shown.(view.Conference); ok {
		said = view.Changes{Conferences: []string{c.ID.String()}}
		if path != "/conferences/"+c.ID.String() { // it has two names
			w.answers["/conferences/"+c.ID.String()], w.answers["/organiser/drafts/"+c.ID.String()] = shown, shown
		}
	}
	w.say(said)
}

// PutUntold has query answer path with a view, and sends no change to the readers.
func (w *World) PutUntold(path string, shown any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[path] = shown
}

// say tells those who listen what has changed.
func (w *World) say(what view.Changes) {
	w.said = append(w.said, what)
	w.changed.Broadcast()
}

// Sent are the commands sent so far.
func (w *World) Sent() []any {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]any(nil), w.sent...)
}

// Send implements gateway.Commands: each command is decided at once.
func (w *World) Send(_ context.Context, m message.Message) error {
	outcome := map[string]any{"commandId": m.ID, "status": view.OutcomeAccepted, "events": []string{}}
	if w.Handle != nil {
		if no := w.Handle(m.Body); no != nil {
			outcome["status"], outcome["code"], outcome["detail"] = view.OutcomeRefused, no.Code, no.Detail
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, m.Body)
	w.outcomes[m.ID] = outcome
	w.say(view.Changes{Missed: true})
	return nil
}

func (w *World) serveQuery(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Content-Type", "application/json")
	if id, ok := strings.CutPrefix(r.URL.Path, "/outcomes/"); ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		outcome, ok := w.outcomes[id]
		if !ok {
			outcome = view.Outcome{CommandID: id, Status: view.OutcomeUnknown, Events: []string{}}
		}
		_ = json.NewEncoder(rw).Encode(outcome)
		return
	}
	if r.URL.Path == "/changes" {
		w.changes(rw, r)
		return
	}
	if path, ok := strings.CutSuffix(r.URL.Path, "/events"); ok {
		w.stream(rw, r, path)
		return
	}
	if r.URL.Path == "/catalogue" {
		_ = json.NewEncoder(rw).Encode(w.catalogue(r.URL.Query().Get("when") == "over", strings.ToLower(r.URL.Query().Get("q"))))
		return
	}
	w.mu.Lock()
	shown, ok := w.answers[r.URL.Path]
	if id, own := strings.CutPrefix(r.URL.Path, "/organiser/orders/"); own { // all are of the main organisation
		shown = view.OwnOrder{}
		_, ok = w.answers["/orders/"+id]
	}
	w.mu.Unlock()
	if !ok {
		rw.Header().Set("Content-Type", problem.ContentType)
		rw.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(rw).Encode(shown)
}

// changes says what has changed, whenever something has; at first, that anything may have.
func (w *World) changes(rw http.ResponseWriter, r *http.Request) {
	defer context.AfterFunc(r.Context(), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.changed.Broadcast()
	})()
	rw.Header().Set("Content-Type", "text/event-stream")
	w.mu.Lock()
	defer w.mu.Unlock()
	told, next := len(w.said), []view.Changes{{Missed: true}}
	for r.Context().Err() == nil {
		for _, what := range next {
			data, err := json.Marshal(what)
			if err != nil {
				panic(err)
			}
			_, _ = fmt.Fprintf(rw, "event: changes\ndata: %s\n\n", data)
		}
		_ = http.NewResponseController(rw).Flush()
		for told == len(w.said) && r.Context().Err() == nil {
			w.changed.Wait()
		}
		next, told = w.said[told:], len(w.said)
	}
}

// catalogue are the conferences on sale with the words in their names or places.
func (w *World) catalogue(over bool, words string) view.Catalogue {
	w.mu.Lock()
	defer w.mu.Unlock()
	all, _ := w.answers["/conferences"].(view.Conferences)
	out := view.Catalogue{Conferences: []view.CatalogueEntry{}}
	for _, c := range all.Conferences {
		e := projection.CatalogueEntry(c, Now)
		if (e.Sale == view.SaleOver) == over && strings.Contains(strings.ToLower(c.Name+" "+c.Location), words) {
			out.Conferences = append(out.Conferences, e)
		}
	}
	slices.SortFunc(out.Conferences, func(a, b view.CatalogueEntry) int { return a.StartsAt.Compare(b.StartsAt) })
	return out
}

// stream sends a view, and again when it changes.
func (w *World) stream(rw http.ResponseWriter, r *http.Request, path string) {
	defer context.AfterFunc(r.Context(), func() {
		w.mu.Lock() // else it may come just before somebody begins to wait
		defer w.mu.Unlock()
		w.changed.Broadcast()
	})()
	rw.Header().Set("Content-Type", "text/event-stream")
	w.mu.Lock()
	defer w.mu.Unlock()
	for seen := int64(0); r.Context().Err() == nil; {
		if now := w.revisions[path]; now > seen {
			seen = now
			data, err := json.Marshal(w.answers[path])
			if err != nil {
				panic(err)
			}
			_, _ = fmt.Fprintf(rw, "event: view\nid: r%d\ndata: %s\n\n", seen, data)
			_ = http.NewResponseController(rw).Flush()
			continue
		}
		w.changed.Wait()
	}
}

// PaymentsAway has nobody answer for payments from now on.
func (w *World) PaymentsAway() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = true
}

// servePayments shows a provider's page, which says in which language it was asked for.
func (w *World) servePayments(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	away := w.away
	w.mu.Unlock()
	if away { // as a sidecar says it
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusInternalServerError)
		_, _ = fmt.Fprint(rw, `{"errorCode":"ERR_DIRECT_INVOKE"}`)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(rw, "<!doctype html><html lang=%q><title>provider</title><h1>provider</h1>", r.Header.Get("Accept-Language"))
}
