// Package throttle limits how often one client may fail: a token bucket per
// client, with bounded memory. What succeeds costs nothing, since many people
// may share one address, as in a conference's hall.
package throttle

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// Throttle holds a token bucket for each client seen of late.
type Throttle struct {
	burst   float64
	every   time.Duration
	clients int

	mu      sync.Mutex
	buckets map[netip.Prefix]*list.Element
	recent  *list.List // of *bucket; front: most recently used
}

type bucket struct {
	client netip.Prefix
	tokens float64
	at     time.Time
}

// New makes a Throttle that lets a client fail burst times at once and once more
// every so often. It remembers so many clients; of more, it forgets the one
// that was idle for the longest.
func New(burst int, every time.Duration, clients int) *Throttle {
	return &Throttle{
		burst: float64(burst), every: every, clients: clients,
		buckets: map[netip.Prefix]*list.Element{}, recent: list.New(),
	}
}

// Allow says whether the client at addr may try and, if not, after how long. It
// takes nothing from the client: only Failed does.
func (t *Throttle) Allow(addr netip.Addr) (ok bool, retryAfter time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := t.refilled(addr); b.tokens < 1 {
		return false, time.Duration((1 - b.tokens) * float64(t.every))
	}
	return true, 0
}

// Failed counts a failure of the client at addr. Failures of tries that were
// begun at the same time may be more than a burst: they are owed, up to a bound,
// so that trying at the same time is no way to try more often.
func (t *Throttle) Failed(addr netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.refilled(addr)
	b.tokens = max(b.tokens-1, -mostOwed*t.burst)
}

// mostOwed bounds, in bursts, what a client can owe.
const mostOwed = 10

// refilled is the client's bucket with what has come in since it was last seen.
func (t *Throttle) refilled(addr netip.Addr) *bucket {
	now := time.Now()
	b := t.bucket(Client(addr), now)
	b.tokens = min(t.burst, b.tokens+float64(now.Sub(b.at))/float64(t.every))
	b.at = now
	return b
}

func (t *Throttle) bucket(client netip.Prefix, now time.Time) *bucket {
	if e, ok := t.buckets[client]; ok {
		t.recent.MoveToFront(e)
		return e.Value.(*bucket)
	}
	if t.recent.Len() == t.clients {
		idle := t.recent.Back()
		delete(t.buckets, t.recent.Remove(idle).(*bucket).client)
	}
	b := &bucket{client: client, tokens: t.burst, at: now}
	t.buckets[client] = t.recent.PushFront(b)
	return b
}

// Client is the network that counts as one client: an IPv4 address, or the /64
// of an IPv6 address, all of which one household has.
func Client(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap()
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	client, _ := addr.WithZone("").Prefix(bits) // the invalid address is a client as well
	return client
}
