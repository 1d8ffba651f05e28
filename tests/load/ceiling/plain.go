package ceiling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/dapr/go-sdk/client"
	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/load/pace"
	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/topology"
)

// plainRoute is where the plain service asks another app.
const plainRoute = "/users/known"

// Plain is the order service of a usual Dapr sample, on the sidecars of a system whose
// apps were left to it: a message for each order, delivered singly, one call of another
// app, the order saved, and the customer's list of orders read and saved. Seats are
// not reserved, nothing lapses or is projected, and no client waits.
func Plain(ctx context.Context, s *harness.System, orders, atOnce int) (rate float64, err error) {
	if err := deliverSingly(s.Dir); err != nil {
		return 0, err
	}
	c := &classic{system: s, there: topology.Plenary(), dapr: map[string]client.Client{}, stores: map[string]state.Store{}}
	c.told = sync.NewCond(&c.mu)
	p := &plain{classic: c, told: make(chan struct{}, orders), client: pace.Client(atOnce), room: make(chan struct{}, handledAtOnce)}
	var servers []*http.Server
	defer func() {
		for _, server := range servers {
			err = errors.Join(err, server.Close())
		}
	}()
	for app, handler := range map[string]http.Handler{
		"query": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("{}")) }),
		"order": http.HandlerFunc(p.handle), "web": http.NotFoundHandler(),
	} {
		server, err := c.serveWith(ctx, app, handler)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", app, err)
		}
		servers = append(servers, server)
	}
	if err := p.take(ctx, "warm-up", 20, atOnce); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := p.take(ctx, "order", orders, atOnce); err != nil {
		return 0, err
	}
	return float64(orders) / time.Since(began).Seconds(), nil
}

type plain struct {
	*classic
	told   chan struct{}
	client *http.Client
	room   chan struct{} // orders that are handled at once
}

// handledAtOnce is what app-max-concurrency would be. Without a bound, a broker that hands
// out all it has makes thousands of writers compete for the lock of a SQLite file.
const handledAtOnce = 20

func (p *plain) take(ctx context.Context, name string, orders, atOnce int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	places := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	errs := make(chan error, orders)
	bus := "commandbus"
	topic := topology.From(p.reads("order", bus), "web")
	for i := range orders {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			data, err := json.Marshal(note{Order: name + "-" + strconv.Itoa(i), Padding: padding[:messageBytes]})
			if err == nil {
				err = p.dapr["web"].PublishEvent(ctx, bus, topic, data, client.PublishEventWithContentType("application/json"), client.PublishEventWithRawPayload())
			}
			if err != nil {
				errs <- err
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		return err
	}
	for range orders {
		select {
		case <-p.told:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), p.faulty())
		}
	}
	return p.faulty()
}

func (p *plain) faulty() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// customers share the orders: each has a list of its own.
const customers = 100

func (p *plain) handle(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.NotFound(w, r) // no configuration or subscription of the app's own
		return
	}
	var event struct {
		Data []byte `json:"data_base64"` // payloads are raw
	}
	var n note
	err := json.NewDecoder(r.Body).Decode(&event)
	if err == nil {
		err = json.Unmarshal(event.Data, &n)
	}
	if err == nil {
		p.room <- struct{}{}
		err = p.order(r.Context(), n)
		<-p.room
	}
	_, _ = w.Write([]byte(`{"status":"SUCCESS"}`))
	if errors.Is(err, errAgain) {
		return
	}
	if err != nil {
		p.fail(err)
	}
	p.told <- struct{}{}
}

// errAgain means that an order has come before: the broker delivers again what waited
// too long in a sidecar.
var errAgain = errors.New("the order has been here")

func (p *plain) order(ctx context.Context, n note) error {
	store := p.stores["order"]
	if err := p.ask(ctx); err != nil {
		return err
	}
	value := []byte(strconv.Quote(uuid.NewString() + padding)) // no other delivery writes this value
	err := save(ctx, store, state.Write{Key: "order/" + n.Order, Value: value})
	if errors.Is(err, state.ErrConflict) {
		return errAgain
	}
	if err != nil {
		return err
	}
	hash := 0
	for _, c := range n.Order {
		hash = hash*31 + int(c)
	}
	list := "customer/" + strconv.Itoa((hash%customers+customers)%customers)
	for {
		found, err := store.Get(ctx, []string{list})
		if err != nil {
			return err
		}
		err = save(ctx, store, state.Write{Key: list, Value: value, ETag: found[list].ETag})
		if !errors.Is(err, state.ErrConflict) {
			return err
		}
	}
}

// save saves one key, and again if the store does not take it: SQLite's writers queue for
// its lock, and on a slow disk some wait too long. Redis' component does not tell a key
// that exists already from a failure (state.Store).
func save(ctx context.Context, store state.Store, w state.Write) (err error) {
	const attempts = 5
	for range attempts {
		err = errors.Join(store.Save(ctx, []state.Write{w})...)
		if err == nil || errors.Is(err, state.ErrConflict) || ctx.Err() != nil {
			return err
		}
		if w.ETag == "" {
			found, err := store.Get(ctx, []string{w.Key})
			if err != nil {
				return err
			}
			switch there, exists := found[w.Key]; {
			case exists && bytes.Equal(there.Value, w.Value): // it was written after all
				return nil
			case exists:
				return state.ErrConflict
			}
		}
	}
	return err
}

// ask asks another app through both sidecars.
func (p *plain) ask(ctx context.Context) error {
	url := dapr.HealthURL(p.system.App("order").HTTPPort, "/v1.0/invoke/query/method"+plainRoute)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body) // so that the connection is kept
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return err
}

// deliverSingly turns bulk subscriptions off in a system's own copy of the components.
func deliverSingly(dir string) error {
	changed := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != "subscriptions.yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		single := bytes.ReplaceAll(text, []byte("bulkSubscribe:\n    enabled: true"), []byte("bulkSubscribe:\n    enabled: false"))
		if !bytes.Equal(single, text) {
			changed++
		}
		return os.WriteFile(path, single, 0o600)
	})
	if err == nil && changed == 0 {
		err = errors.New("there is no bulk subscription to turn off")
	}
	return err
}
