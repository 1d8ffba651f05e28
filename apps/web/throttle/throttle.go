// Package throttle limits how often something may happen: how often one client
// may fail, how often one order may be written to. It holds a token bucket per
// client or order, with bounded memory.
package throttle

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// Throttle holds a token bucket for each K seen of late, a client for instance.
type Throttle[K comparable] struct {
	rate    func(K) (burst int, every time.Duration)
	clients int

	mu      sync.Mutex
	buckets map[K]*list.Element
	recent  *list.List // of *bucket[K]; front: most recently used
}

type bucket[K comparable] struct {
	client K
	burst  float64
	every  time.Duration
	tokens float64
	at     time.Time
}

// after is how long a client has to wait for its next token.
func (b *bucket[K]) after() time.Duration { return time.Duration((1 - b.tokens) * float64(b.every)) }

// New makes a Throttle that lets a client fail burst times at once and once more
// every so often. It remembers so many clients; of more, it forgets the one
// that was idle for the longest.
func New[K comparable](burst int, every time.Duration, clients int) *Throttle[K] {
	return Changing(func(K) (int, time.Duration) { return burst, every }, clients)
}

// Changing makes a Throttle like New, with what rate says of each client at the moment.
func Changing[K comparable](rate func(K) (burst int, every time.Duration), clients int) *Throttle[K] {
	return &Throttle[K]{rate: rate, clients: clients, buckets: map[K]*list.Element{}, recent: list.New()}
}

// Allow says whether the client may try and, if not, after how long. It
// takes nothing from the client: only Failed does.
func (t *Throttle[K]) Allow(client K) (ok bool, retryAfter time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := t.refilled(client); b.tokens < 1 {
		return false, b.after()
	}
	return true, 0
}

// Failed counts a failure of a client. Failures of tries that were
// begun at the same time may be more than a burst: they are owed, up to a bound,
// so that trying at the same time is no way to try more often.
func (t *Throttle[K]) Failed(client K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.refilled(client)
	b.tokens = max(b.tokens-1, -mostOwed*b.burst)
}

// Take counts a try of a client that may try, whatever comes of it, and else
// says after how long it may.
func (t *Throttle[K]) Take(client K) (ok bool, retryAfter time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.refilled(client)
	if b.tokens < 1 {
		return false, b.after()
	}
	b.tokens--
	return true, 0
}

// mostOwed bounds, in bursts, what a client can owe.
const mostOwed = 10

// refilled is the client's bucket with what has come in since it was last seen.
func (t *Throttle[K]) refilled(client K) *bucket[K] {
	now := time.Now()
	b := t.bucket(client, now)
	b.tokens = min(b.burst, b.tokens+float64(now.Sub(b.at))/float64(b.every))
	b.at = now
	return b
}

func (t *Throttle[K]) bucket(client K, now time.Time) *bucket[K] {
	burst, every := t.rate(client)
	if e, ok := t.buckets[client]; ok {
		t.recent.MoveToFront(e)
		b := e.Value.(*bucket[K])
		b.burst, b.every = float64(burst), every
		return b
	}
	if t.recent.Len() == t.clients {
		idle := t.recent.Back()
		delete(t.buckets, t.recent.Remove(idle).(*bucket[K]).client)
	}
	b := &bucket[K]{client: client, burst: float64(burst), every: every, tokens: float64(burst), at: now}
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
