// Package holds counts the orders that one client, or one e-mail address, may hold
// seats with at the same time. It keeps them in memory, for as long as a hold may last:
// an order that has ended is forgotten as soon as that is known.
package holds

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Holds are the orders of each K, a client for instance, that may hold seats.
type Holds[K comparable] struct {
	limit func(K) (most int, lasts time.Duration)
	keys  int

	mu sync.Mutex
	of map[K][]hold // the oldest first
	by map[uuid.UUID]K
}

type hold struct {
	order uuid.UUID
	until time.Time
}

// New makes Holds that give a K as many orders at once as limit says at the moment; an
// order counts for as long as it says when the order is taken, or until it is released.
// Of more than so many K it forgets some: it is a limit and no record. It limits nothing
// where most is 0.
func New[K comparable](limit func(K) (most int, lasts time.Duration), keys int) *Holds[K] {
	return &Holds[K]{limit: limit, keys: keys, of: map[K][]hold{}, by: map[uuid.UUID]K{}}
}

// Take counts an order for a key and, if the key has as many as it may, says after how
// long it may have another. An order counts once, and for the key that took it last.
func (h *Holds[K]) Take(key K, order uuid.UUID) (ok bool, retryAfter time.Duration) {
	most, lasts := h.limit(key)
	if most == 0 {
		return true, 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	h.expire(key, now)
	if was, known := h.by[order]; known && was == key {
		return true, 0
	}
	if open := h.of[key]; len(open) >= most {
		return false, open[0].until.Sub(now)
	}
	h.release(order)
	if _, known := h.of[key]; !known && len(h.of) >= h.keys {
		for some := range h.of { // whichever comes
			h.forget(some)
			break
		}
	}
	h.of[key] = append(h.of[key], hold{order, now.Add(lasts)})
	h.by[order] = key
	return true, 0
}

// Open is how many orders a key has.
func (h *Holds[K]) Open(key K) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expire(key, time.Now())
	return len(h.of[key])
}

// Counts says whether an order counts for anybody.
func (h *Holds[K]) Counts(order uuid.UUID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, counts := h.by[order]
	return counts
}

// Released says that an order holds no seats any more, or holds them for good.
func (h *Holds[K]) Released(order uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.release(order)
}

func (h *Holds[K]) release(order uuid.UUID) {
	key, known := h.by[order]
	if !known {
		return
	}
	delete(h.by, order)
	h.keep(key, slices.DeleteFunc(h.of[key], func(o hold) bool { return o.order == order }))
}

func (h *Holds[K]) expire(key K, now time.Time) {
	h.keep(key, slices.DeleteFunc(h.of[key], func(o hold) bool {
		over := !o.until.After(now)
		if over {
			delete(h.by, o.order)
		}
		return over
	}))
}

func (h *Holds[K]) keep(key K, open []hold) {
	if len(open) == 0 {
		delete(h.of, key)
		return
	}
	h.of[key] = open
}

func (h *Holds[K]) forget(key K) {
	for _, o := range h.of[key] {
		delete(h.by, o.order)
	}
	delete(h.of, key)
}
