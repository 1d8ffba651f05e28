// Package live notifies watchers that a view has changed. Notifications are neither
// durable nor counted: a watcher reads the view again, so one notification stands for
// any number of changes, and no watcher can be too slow.
package live

import (
	"sync"

	"github.com/plenary/plenary/apps/query/view"
)

// Hub passes the word from those who changed something to those who wait for
// it, in one process. What other processes change, the store hears of and passes
// on.
type Hub struct {
	mu      sync.Mutex
	waiting map[string]map[*Waiter]struct{}
	heard   map[*Listener]struct{}
	done    chan struct{}
	once    sync.Once
}

// NewHub makes a hub.
func NewHub() *Hub {
	return &Hub{waiting: map[string]map[*Waiter]struct{}{}, heard: map[*Listener]struct{}{}, done: make(chan struct{})}
}

// Waiter is one who waits for changes of a key.
type Waiter struct {
	// Changed has something to receive after each change, or several, since it
	// was last received from.
	Changed <-chan struct{}

	changed chan struct{}
	key     string
	hub     *Hub
}

// Wait begins to wait for changes of a key. To miss none, wait first, then read.
func (h *Hub) Wait(key string) *Waiter {
	changed := make(chan struct{}, 1)
	w := &Waiter{Changed: changed, changed: changed, key: key, hub: h}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting[key] == nil {
		h.waiting[key] = map[*Waiter]struct{}{}
	}
	h.waiting[key][w] = struct{}{}
	return w
}

// Leave ends the waiting.
func (w *Waiter) Leave() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	delete(w.hub.waiting[w.key], w)
	if len(w.hub.waiting[w.key]) == 0 {
		delete(w.hub.waiting, w.key)
	}
}

// Changed passes the word that something under these keys has changed. It never
// blocks.
func (h *Hub) Changed(keys ...string) { h.Decided(keys, nil) }

// Decided is Changed, with what became of some of the commands among the keys, by their
// keys. That of the others has to be read.
func (h *Hub) Decided(keys []string, outcomes map[string]view.Outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.heard {
		l.hear(keys, outcomes)
	}
	if len(h.waiting) == 0 {
		return
	}
	for _, key := range keys {
		tell(h.waiting[key])
	}
}

// ChangedAll passes the word that anything may have changed. It never blocks.
func (h *Hub) ChangedAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.heard {
		l.hearAll()
	}
	for _, waiters := range h.waiting {
		tell(waiters)
	}
}

func tell(waiters map[*Waiter]struct{}) {
	for w := range waiters {
		select {
		case w.changed <- struct{}{}:
		default: // told already, and has not looked yet
		}
	}
}

// Close ends all waiting, so that the process can end: see Done.
func (h *Hub) Close() { h.once.Do(func() { close(h.done) }) }

// Done is closed by Close.
func (h *Hub) Done() <-chan struct{} { return h.done }
