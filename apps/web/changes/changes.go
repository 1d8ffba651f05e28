// Package changes hears from the query service what changes, over one connection for
// all who wait for an outcome or watch a view. Without it, each of them would hold a
// request through two sidecars.
package changes

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/engine/message"
)

// Query is the query service.
type Query interface {
	// Stream opens a stream of server-sent events.
	Stream(ctx context.Context, path string) (io.ReadCloser, error)
}

const (
	// firstPause is how long after its end the connection is made again; the pause
	// doubles up to longestPause.
	firstPause, longestPause = 50 * time.Millisecond, time.Second
	// silence is how long the connection may be silent: three heartbeats of query's.
	silence = 45 * time.Second
	// maxLine bounds one event.
	maxLine = 8 << 20
	// remembered is of how many outcomes it is remembered that they came.
	remembered = 8192
)

// Changes is what one replica hears.
type Changes struct {
	query Query
	hub   *live.Hub

	mu        sync.Mutex
	waiting   map[string]map[*Waiter]struct{}
	connected bool
	came      map[string]bool // the last outcomes
	inOrder   []string        // of came, a ring
	next      int
}

// New makes one that hears nothing until Run.
func New(query Query) *Changes {
	return &Changes{query: query, hub: live.NewHub(), waiting: map[string]map[*Waiter]struct{}{}, came: map[string]bool{}}
}

// Hub tells of what changes, by the keys of package live.
func (c *Changes) Hub() *live.Hub { return c.hub }

// Waiter waits for the outcome of a command.
type Waiter struct {
	// Outcome has it, once it is known.
	Outcome <-chan view.Outcome
	// Ask has something to receive when the outcome may have been missed, and query
	// should be asked.
	Ask <-chan struct{}

	outcome chan view.Outcome
	ask     chan struct{}
	id      string
	of      *Changes
}

// Wait begins to wait. Who does so before the command is published, while the
// connection is there, gets its outcome without asking.
func (c *Changes) Wait(id uuid.UUID) *Waiter {
	outcome, ask := make(chan view.Outcome, 1), make(chan struct{}, 1)
	w := &Waiter{Outcome: outcome, Ask: ask, outcome: outcome, ask: ask, id: id.String(), of: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting[w.id] == nil {
		c.waiting[w.id] = map[*Waiter]struct{}{}
	}
	c.waiting[w.id][w] = struct{}{}
	if !c.connected {
		w.wake()
	}
	return w
}

// Leave ends the waiting.
func (w *Waiter) Leave() {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	delete(w.of.waiting[w.id], w)
	if len(w.of.waiting[w.id]) == 0 {
		delete(w.of.waiting, w.id)
	}
}

func (w *Waiter) wake() {
	select {
	case w.ask <- struct{}{}:
	default:
	}
}

// Connected says whether outcomes come by themselves.
func (c *Changes) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connected
}

// Came says whether the outcome of a command came, of late.
func (c *Changes) Came(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.came[id]
}

// Run keeps the connection until ctx ends.
func (c *Changes) Run(ctx context.Context) {
	defer c.hub.Close()
	pause := firstPause
	for ctx.Err() == nil {
		heard, err := c.follow(ctx)
		if heard {
			pause = firstPause
		}
		c.disconnected()
		if ctx.Err() == nil {
			slog.WarnContext(ctx, "nothing is heard from query; it is asked again", "after", pause.String(), "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// follow is one connection. heard is whether anything came.
func (c *Changes) follow(ctx context.Context) (heard bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silent := time.AfterFunc(silence, cancel)
	defer silent.Stop()
	body, err := c.query.Stream(ctx, "/changes")
	if err != nil {
		return false, err
	}
	defer func() { _ = body.Close() }()
	defer context.AfterFunc(ctx, func() { _ = body.Close() })()
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for lines.Scan() {
		silent.Reset(silence)
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !ok {
			continue
		}
		var changes view.Changes
		if err := json.Unmarshal(data, &changes); err != nil {
			return heard, fmt.Errorf("changes: %w", err)
		}
		heard = true
		c.heard(changes)
	}
	return heard, lines.Err()
}

// heard passes on what came. The first that comes says that something was missed.
func (c *Changes) heard(changes view.Changes) {
	c.mu.Lock()
	c.connected = true
	for _, o := range changes.Outcomes {
		c.remember(o.CommandID)
		for w := range c.waiting[o.CommandID] {
			select {
			case w.outcome <- o:
			default: // it has one
			}
		}
	}
	if changes.Missed {
		c.wakeAll()
	}
	c.mu.Unlock()
	if changes.Missed {
		c.hub.ChangedAll()
		return
	}
	keys := make([]string, 0, len(changes.Orders)+len(changes.Conferences))
	for _, id := range changes.Orders {
		keys = append(keys, live.OrderKey(message.DefaultTenant, id))
	}
	for _, id := range changes.Conferences {
		keys = append(keys, live.ConferenceKey(message.DefaultTenant, id))
	}
	c.hub.Changed(keys...)
}

func (c *Changes) remember(id string) {
	if c.came[id] {
		return
	}
	if len(c.inOrder) < remembered {
		c.inOrder = append(c.inOrder, id)
	} else {
		delete(c.came, c.inOrder[c.next])
		c.inOrder[c.next] = id
	}
	c.next = (c.next + 1) % remembered
	c.came[id] = true
}

func (c *Changes) disconnected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected = false
	c.wakeAll()
}

func (c *Changes) wakeAll() {
	for _, waiters := range c.waiting {
		for w := range waiters {
			w.wake()
		}
	}
}
