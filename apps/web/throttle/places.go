package throttle

import (
	"net/netip"
	"sync"
)

// Places are those for requests that stay: so many for all, and of them so many for
// each client.
type Places struct {
	all, each int

	mu    sync.Mutex
	taken int
	by    map[netip.Prefix]int
}

// NewPlaces makes places: all of them together, each for one client.
func NewPlaces(all, each int) *Places {
	return &Places{all: all, each: each, by: map[netip.Prefix]int{}}
}

// Enter takes a place for a client; ok is false when there is none left.
func (r *Places) Enter(addr netip.Addr) (leave func(), ok bool) {
	client := Client(addr)
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
