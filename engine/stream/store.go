// Package stream keeps event streams in a key-value store, one key and one
// compare-and-swap per commit.
//
// A stream is a document: its version, the tail of its events, a pointer to
// the latest snapshot, the ids of the messages handled, and how far its effects
// have been carried out. Before the tail outgrows its bounds its oldest events are
// sealed into segments under keys of their own, which never change, so that
// loading and appending cost the same however long the stream is.
package stream

import (
	"strconv"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/state"
)

// Sizes. They are bounds for good behaviour, not settings.
const (
	// segmentSize is the number of events in a segment. Segment k holds the events
	// k·segmentSize+1 … (k+1)·segmentSize, or several hold them one after the other.
	segmentSize = 64
	// segmentBytes is what events weigh that are a segment however few they are.
	segmentBytes = 128 << 10
	// maxTailBytes is what events weigh after which a snapshot is taken, so that
	// they can be sealed, however few they are: a value should stay well below 1 MB.
	maxTailBytes = 256 << 10
	// partBytes is the size of one key of a snapshot.
	partBytes = 512 << 10
	// maxDocument is the largest document that is written: below what every store
	// takes (NATS and MySQL stop at 1 MB). Nothing but that is a reason to give up a
	// commit.
	maxDocument = 768 << 10
	// noteBytes is what a document may have more, to note that a message is parked.
	noteBytes = 64 << 10
	// cacheBytes is what streams take in memory, unless something else is said.
	cacheBytes = 64 << 20
)

// Folder knows the state of one kind of stream: how it is folded from the records
// or, of a process, how it is kept.
type Folder interface {
	New() any
	// Fold adds one record. It may change and return the state it is given.
	Fold(key Key, state any, r Record) (any, error)
	EncodeState(state any) ([]byte, error)
	DecodeState(data []byte) (any, error)
	// KeepsState says that the state stands in the document, written with each
	// commit, and is never folded from the records.
	KeepsState() bool
	SnapshotSchema() int
	SnapshotEvery() int
	// Handled is how many handled ids are kept, 0 for all.
	Handled() int
}

// Key names a stream across tenants.
type Key struct {
	Tenant string
	es.Ref
}

// String is the stream's key in the store: "main/order/6f2c…".
func (k Key) String() string { return k.Tenant + "/" + k.Ref.String() }

// Store loads and commits streams.
type Store struct {
	keys  state.Store
	cache *cache
	// own is this version of the program and writes the one whose forms it writes,
	// zero if nothing was said of them.
	own, writes es.Version
}

// NewStore makes a Store over keys.
func NewStore(keys state.Store) *Store {
	return &Store{keys: keys, cache: newCache(cacheBytes)}
}

// CacheBytes bounds what is kept in memory of the streams used last: so many bytes,
// roughly, in place of 64 MiB.
func (s *Store) CacheBytes(n int64) { s.cache.most = n }

// Forms says which version of the program this is, and in which version's forms it
// writes. A document with later forms than its own it does not read: what it does not
// know would be lost when it writes.
func (s *Store) Forms(own, writes es.Version) { s.own, s.writes = own, writes }

// EventID is the id of an event: the same whenever it is published.
func EventID(key Key, version uint64) string {
	return es.DerivedID(key.String(), strconv.FormatUint(version, 10))
}
