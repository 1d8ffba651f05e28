package handling

import (
	"slices"
	"sync"
)

// locks keeps two batches of this process from working on one stream at once.
// That is a matter of speed only: between replicas the compare-and-swap decides.
type locks struct {
	mu   sync.Mutex
	held map[string]*held
}

type held struct {
	sync.Mutex
	users int
}

// lock locks all keys, in an order that is the same for all callers.
func (l *locks) lock(keys []string) (unlock func()) {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	mine := make([]*held, len(keys))
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*held{}
	}
	for i, k := range keys {
		h := l.held[k]
		if h == nil {
			h = &held{}
			l.held[k] = h
		}
		h.users++
		mine[i] = h
	}
	l.mu.Unlock()
	for _, h := range mine {
		h.Lock()
	}
	return func() {
		for _, h := range mine {
			h.Unlock()
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for i, k := range keys {
			if mine[i].users--; mine[i].users == 0 {
				delete(l.held, k)
			}
		}
	}
}
