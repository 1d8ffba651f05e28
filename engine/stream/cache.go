package stream

import (
	"crypto/sha256"
	"math"
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// cached is a stream as this process last saw it committed. Its state serves
// only while the stored document is still of that commit; what was carried out
// stays so, also when another replica has written since.
type cached struct {
	stored    sum
	size      int
	doc       *document // nil if all that is left is what was carried out
	state     any
	handled   map[digest]struct{}
	carried   carried
	published []string
	folded    bool
}

// sum tells one stored document from another.
type sum [sha256.Size]byte

func sumOf(stored []byte) sum { return sha256.Sum256(stored) }

// What a stream takes in memory, roughly, as measured: its document decoded and its
// state folded are some times as large as what is stored of them.
const (
	fixedWeight   = 2 << 10
	storedWeight  = 4  // of each byte of the document or the snapshot
	handledWeight = 64 // of each id in the set of those handled
)

func (c *cached) weight() int64 {
	bytes := c.size
	if c.doc != nil && c.doc.Snapshot != nil {
		bytes += c.doc.Snapshot.Bytes
	}
	return fixedWeight + storedWeight*int64(bytes) + handledWeight*int64(len(c.handled))
}

// cache keeps the streams used last. A stream that is larger than all of it is kept
// alone: a hot one must not be folded for each message.
type cache struct {
	mu     sync.Mutex
	most   int64
	weight int64
	lru    *simplelru.LRU[string, *cached]
}

func newCache(most int64) *cache {
	c := &cache{most: most}
	var err error
	c.lru, err = simplelru.NewLRU(math.MaxInt, func(_ string, gone *cached) { c.weight -= gone.weight() })
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return c
}

// take removes a stream: whoever has it may fold into its state, so nobody else may
// see it until it is committed.
func (c *cache) take(key string) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	got, ok := c.lru.Get(key)
	if !ok {
		return nil
	}
	c.lru.Remove(key)
	return got
}

func (c *cache) add(key string, entry *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
	c.lru.Add(key, entry)
	for c.weight += entry.weight(); c.weight > c.most && c.lru.Len() > 1; {
		c.lru.RemoveOldest()
	}
}

// reuse goes on where this process left the stream.
func (st *Stream) reuse(c *cached) {
	st.doc, st.State, st.handled = c.doc, c.state, c.handled
	st.carried, st.published, st.folded = c.carried, c.published, c.folded
	st.known = st.carried
}

// skip leaves out what this process has carried out before another wrote. Else
// replicas that take turns would each repeat all that the other has done, for
// ever more, and nothing could be sealed.
func (st *Stream) skip(c *cached) {
	st.carried = st.carried.and(c.carried, st.doc.Version)
	st.published = c.published
	st.doc.Outgoing = slices.DeleteFunc(st.doc.Outgoing, func(o Outgoing) bool { return slices.Contains(c.published, o.ID) })
}

// Dispatched tells the store that the effects of a committed stream have been carried
// out, but for those left to others, and keeps its state in memory.
func (s *Store) Dispatched(st *Stream) {
	from := uint64(1)
	for _, left := range st.left {
		st.carried = st.carried.with(span{from, left.First - 1})
		from = left.Last + 1
	}
	st.carried = st.carried.with(span{from, st.doc.Version})
	var left []Outgoing
	for i, o := range st.doc.Outgoing {
		if st.leaves(i) {
			left = append(left, o)
		} else {
			st.published = append(st.published, o.ID)
		}
	}
	st.doc.Outgoing = left
	s.keep(st)
}

// Void gives a stream back whose changes were not committed, or not carried out. The cache
// keeps which effects were known to be carried out when it was loaded.
func (s *Store) Void(st *Stream) {
	s.cache.add(st.Key.String(), &cached{carried: st.known, published: st.published})
}

// Unchanged gives a loaded stream back that was only read.
func (s *Store) Unchanged(st *Stream) { s.keep(st) }

// keep keeps a stream in memory as it stands in the store.
func (s *Store) keep(st *Stream) {
	if st.changed || st.size == 0 {
		return
	}
	s.cache.add(st.Key.String(), &cached{
		stored: st.stored, size: st.size, doc: st.doc, state: st.State, handled: st.handled, carried: st.carried, published: st.published, folded: st.folded,
	})
}
