// Package ceiling measures what Plenary is compared with, on the same machine in the
// same run: what the sidecars, the broker and the store of a component set carry when
// nobody decides anything (the classic ceiling), and the same reservation in one
// process on a database (the floor).
//
// In the classic ceiling an order is what it was in version 0.2.0: seven commands and
// nine events, each a message of its own, 25 deliveries, and a read and a
// compare-and-swap of 1.5 KB for each stream that takes part. Handlers are empty, and
// nothing is projected. There are no reminders and no requests of people, which makes
// the ceiling higher than what a whole system could reach.
package ceiling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/gather"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/state/daprstate"
	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/topology"
)

// hop is one kind of message: who sends it where, which stream its receiver writes,
// and what follows from it.
type hop struct {
	to      string // the app whose command it is; empty for an event
	stream  string // of the receiver; %s is the order
	follows []string
}

// hops are the life of an order.
var hops = map[string]hop{
	// Commands of the registrant.
	"register": {to: "order", stream: "order/", follows: []string{"placed", "totals"}},
	"assign":   {to: "order", stream: "order/", follows: []string{"registrant"}},
	"confirm":  {to: "order", stream: "order/", follows: []string{"confirmed", "create"}},
	// What follows from them.
	"reserve": {to: "seats", stream: hot, follows: []string{"reserved", "available"}},
	"mark":    {to: "order", stream: "order/", follows: []string{"completed", "totals again"}},
	"create":  {to: "order", stream: "assignments/", follows: []string{"created"}},
	"commit":  {to: "seats", stream: hot},

	"placed": {follows: []string{"reserve"}}, "totals": {}, "registrant": {}, "reserved": {follows: []string{"mark"}}, "available": {},
	"completed": {}, "totals again": {}, "confirmed": {follows: []string{"commit"}}, "created": {},
}

// hot is the stream that all orders share.
const hot = "hot"

// note is the content of a message.
type note struct {
	Order   string `json:"order"`
	Hop     string `json:"hop"`
	Padding string `json:"padding"`
}

// As large as messages and documents are here.
const messageBytes, documentBytes = 700, 1500

type classic struct {
	system *harness.System
	there  *topology.Topology
	dapr   map[string]client.Client
	stores map[string]state.Store

	mu    sync.Mutex
	seen  map[string]map[string]bool // events of an order that query has had
	told  *sync.Cond
	fault error
}

// Classic takes orders through the sidecars of a system whose apps were left to it
// (harness.Options.Apart), so many at once.
func Classic(ctx context.Context, s *harness.System, orders, atOnce int) (rate float64, err error) {
	c := &classic{
		system: s, there: topology.Plenary(), dapr: map[string]client.Client{}, stores: map[string]state.Store{},
		seen: map[string]map[string]bool{},
	}
	c.told = sync.NewCond(&c.mu)
	var servers []*http.Server
	defer func() {
		for _, server := range servers {
			err = errors.Join(err, server.Close())
		}
	}()
	for _, app := range []string{"order", "seats", "registration-process", "query", "web"} {
		server, err := c.serve(ctx, app)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", app, err)
		}
		servers = append(servers, server)
	}
	if err := c.take(ctx, "warm-up", 20, atOnce); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := c.take(ctx, "order", orders, atOnce); err != nil {
		return 0, err
	}
	return float64(orders) / time.Since(began).Seconds(), nil
}

// serve has an app's messages handled here, and starts its sidecar.
func (c *classic) serve(ctx context.Context, app string) (*http.Server, error) {
	routes := http.NewServeMux()
	for _, b := range c.there.Buses {
		routes.HandleFunc("POST "+b.Route, func(w http.ResponseWriter, r *http.Request) { c.deliver(w, r, app) })
	}
	routes.HandleFunc("GET /dapr/config", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	return c.serveWith(ctx, app, routes)
}

// serveWith has a handler stand for an app, and starts its sidecar.
func (c *classic) serveWith(ctx context.Context, app string, routes http.Handler) (*http.Server, error) {
	at := c.system.App(app)
	listener, err := net.Listen("tcp", address(at.Port))
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	if err := c.system.Restart(ctx, harness.Sidecar(app)); err != nil {
		return server, err
	}
	dapr, err := client.NewClientWithAddressContext(ctx, address(at.GRPCPort))
	if err != nil {
		return server, err
	}
	meta, err := dapr.GetMetadata(ctx)
	if err != nil {
		return server, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dapr[app] = dapr
	for _, component := range meta.RegisteredComponents {
		if slices.Contains(component.Capabilities, "ETAG") {
			c.stores[app] = daprstate.New(dapr, component.Name, daprstate.StrategyFor(component.Type))
		}
	}
	return server, nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// take takes orders to their end, as registrants do who wait for each step.
func (c *classic) take(ctx context.Context, name string, orders, atOnce int) error {
	places := make(chan struct{}, atOnce)
	sender := gather.New(200, func(ctx context.Context, all []note) []error {
		err := c.publish(ctx, "web", all)
		return slices.Repeat([]error{err}, len(all))
	})
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	defer context.AfterFunc(ctx, c.told.Broadcast)()
	errs := make(chan error, orders)
	for i := range orders {
		go func() {
			places <- struct{}{}
			defer func() { <-places }()
			id := name + "-" + strconv.Itoa(i)
			errs <- func() error {
				for _, step := range []struct{ send, await string }{{"register", "completed"}, {"assign", "registrant"}, {"confirm", "created"}} {
					if err := sender.Do(ctx, note{Order: id, Hop: step.send}); err != nil {
						return err
					}
					if err := c.await(ctx, id, step.await); err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	var err error
	for range orders {
		err = errors.Join(err, <-errs)
	}
	return err
}

func (c *classic) await(ctx context.Context, order, event string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.seen[order][event] {
		if err := cmpErr(ctx.Err(), c.fault); err != nil {
			return err
		}
		c.told.Wait()
	}
	return nil
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// publish publishes messages one by one, with one call for each topic.
func (c *classic) publish(ctx context.Context, app string, all []note) error {
	type target struct{ bus, topic string }
	calls := map[target][]any{}
	for _, n := range all {
		to := target{bus: "eventbus"}
		reader := "query" // reads all events
		if receiver := hops[n.Hop].to; receiver != "" {
			to.bus, reader = "commandbus", receiver
		}
		to.topic = topology.From(c.reads(reader, to.bus), app)
		n.Padding = padding[:messageBytes]
		data, err := json.Marshal(n)
		if err != nil {
			return err
		}
		calls[to] = append(calls[to], client.PublishEventsEvent{EntryID: strconv.Itoa(len(calls[to])), Data: data, ContentType: "application/json"})
	}
	for to, events := range calls {
		for chunk := range slices.Chunk(events, 200) {
			if res := c.dapr[app].PublishEvents(ctx, to.bus, to.topic, chunk, client.PublishEventsWithRawPayload()); res.Error != nil {
				return res.Error
			}
		}
	}
	return nil
}

// reads is the topic that an app reads of a bus.
func (c *classic) reads(app, bus string) string {
	topics := c.there.TopicsOf(bus)
	for _, topic := range c.there.App(app).Reads {
		if slices.Contains(topics, topic) {
			return topic
		}
	}
	panic("ceiling: " + app + " reads nothing of " + bus)
}

var padding = string(bytes.Repeat([]byte("x"), documentBytes))

// deliver handles one delivery: one read and one write for each stream, and then what
// follows.
func (c *classic) deliver(w http.ResponseWriter, r *http.Request, app string) {
	var in struct {
		Entries []struct {
			EntryID string `json:"entryId"`
			Event   []byte `json:"event"` // base64: payloads are raw
		} `json:"entries"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		c.fail(err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	type status struct {
		EntryID string `json:"entryId"`
		Status  string `json:"status"`
	}
	statuses := make([]status, 0, len(in.Entries))
	var notes []note
	for _, e := range in.Entries {
		statuses = append(statuses, status{e.EntryID, "SUCCESS"})
		var n note
		if json.Unmarshal(e.Event, &n) == nil && n.Order != "" {
			notes = append(notes, n)
		}
	}
	if err := c.handle(r.Context(), app, notes); err != nil {
		c.fail(fmt.Errorf("%s: %w", app, err))
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"statuses": statuses})
}

func (c *classic) handle(ctx context.Context, app string, notes []note) error {
	if app == "query" {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, n := range notes {
			if c.seen[n.Order] == nil {
				c.seen[n.Order] = map[string]bool{}
			}
			c.seen[n.Order][n.Hop] = true
		}
		c.told.Broadcast()
		return nil
	}
	var keys []string
	var follow []note
	for _, n := range notes {
		h := hops[n.Hop]
		key := h.stream + n.Order
		switch {
		case h.stream == hot:
			key = hot
		case h.to == "" && app == "registration-process":
			if len(h.follows) == 0 {
				continue // an event that the process has no use for
			}
			key = "process/" + n.Order
		}
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
		for _, next := range h.follows {
			follow = append(follow, note{Order: n.Order, Hop: next})
		}
	}
	if len(keys) == 0 {
		return nil
	}
	store := c.stores[app]
	for left := keys; len(left) > 0; {
		found, err := store.Get(ctx, left)
		if err != nil {
			return err
		}
		writes := make([]state.Write, len(left))
		for i, key := range left {
			writes[i] = state.Write{Key: key, Value: []byte(strconv.Quote(padding)), ETag: found[key].ETag}
		}
		var again []string
		for i, err := range store.Save(ctx, writes) {
			if err != nil {
				again = append(again, left[i])
			}
		}
		left = again
	}
	return c.publish(ctx, app, follow)
}

func (c *classic) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = errors.Join(c.fault, err)
	c.told.Broadcast()
}
