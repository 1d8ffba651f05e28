package gateway

import (
	"net/netip"
	"sync"

	"github.com/plenary/plenary/apps/web/throttle"
)

// places are those for requests that stay: so many for all, and of them so many for
// each client.
type places struct {
	all, each int

	mu    sync.Mutex
	taken int
	by    map[netip.Prefix]int
}

func newPlaces(all, each int) *places {
	return &places{all: all, each: each, by: map[netip.Prefix]int{}}
}

// enter takes a place for a client; ok is false when there is none left.
func (r *places) enter(addr netip.Addr) (leave func(), ok bool) {
	client := throttle.Client(addr)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken >= r.all || r.by[client] >= r.each {
		return nil, false
	}
	r.taken++
	r.by[client]++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.taken--
		if r.by[client]--; r.by[client] == 0 {
			delete(r.by, client)
		}
	}, true
}
