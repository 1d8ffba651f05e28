package repeat

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
)

// ids remembers the ids that were added last. It keeps 128 bits of each, hashed with keys
// of its own, in maps without pointers: the garbage collector does not look at them, and
// there are ten thousands of ids in every app.
type ids struct {
	most  int
	seeds [2]maphash.Seed

	mu sync.Mutex
	// The older ones are forgotten when there are enough newer ones.
	newer, older map[[16]byte]struct{}
}

// newIDs remembers at least the last most ids.
func newIDs(most int) *ids {
	return &ids{most: most, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, newer: map[[16]byte]struct{}{}}
}

func (s *ids) sum(id string) (sum [16]byte) {
	for i, seed := range s.seeds {
		binary.NativeEndian.PutUint64(sum[8*i:], maphash.String(seed, id))
	}
	return sum
}

// Add remembers an id.
func (s *ids) Add(id string) {
	sum := s.sum(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.newer) >= s.most {
		s.newer, s.older = map[[16]byte]struct{}{}, s.newer
	}
	s.newer[sum] = struct{}{}
}

// Has says whether an id is remembered.
func (s *ids) Has(id string) bool {
	sum := s.sum(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.newer[sum]; ok {
		return true
	}
	_, ok := s.older[sum]
	return ok
}
