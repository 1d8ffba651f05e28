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
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

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
	// cacheSize is the number of streams whose folded state is kept in memory.
	cacheSize = 8192
)

// Folder knows how to fold the records of one kind of stream into a state.
type Folder interface {
	New() any
	// Fold adds one record. It may change and return the state it is given.
	Fold(key Key, state any, r Record) (any, error)
	EncodeState(state any) ([]byte, error)
	DecodeState(data []byte) (any, error)
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
	keys   state.Store
	cache  *lru.Cache[string, *cached]
	taking sync.Mutex
}

// cached is a stream as this process last saw it committed. Its state serves
// only while the stored document is still of that commit; what was carried out
// stays so whoever has written since.
type cached struct {
	raw         []byte
	doc         *document
	state       any
	handled     map[string]struct{}
	pendingFrom uint64
	published   []string
}

// NewStore makes a Store over keys.
func NewStore(keys state.Store) *Store {
	c, err := lru.New[string, *cached](cacheSize)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &Store{keys: keys, cache: c}
}

// Stream is one stream as loaded, with what was added to it since.
type Stream struct {
	Key    Key
	State  any
	folder Folder

	doc     *document
	etag    string
	handled map[string]struct{}
	raw     []byte

	pendingFrom uint64   // effects above this version may still have to be carried out
	published   []string // ids of outgoing messages that raw has and that are known to be published
	changed     bool
	added       int // records since it was loaded
	enqueued    int // outgoing messages since it was loaded
	heldBack    int // messages held back since it was loaded
	oldSnapshot *snapshot
	fromEvents  bool          // the snapshot cannot be read
	writes      []state.Write // segments and snapshot to be written first
}

// Request asks Load for one stream.
type Request struct {
	Key    Key
	Folder Folder
}

// Load reads streams with one bulk read, and a second one for those that are
// not in memory and have a snapshot. The result has one entry per request; a
// stream that cannot be read (ErrCorrupt) is reported in its own error. An
// error of the call means that the store could not be read.
func (s *Store) Load(ctx context.Context, reqs []Request) ([]*Stream, []error, error) {
	keys := make([]string, len(reqs))
	for i, r := range reqs {
		keys[i] = r.Key.String()
	}
	out, errs := make([]*Stream, len(reqs)), make([]error, len(reqs))
	got, err := s.keys.Get(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	missing := make([]int, len(reqs))
	for {
		var cold []int
		for i, r := range reqs {
			if out[i] != nil || errs[i] != nil {
				continue
			}
			entry, found := got[keys[i]]
			st := &Stream{Key: r.Key, folder: r.Folder, etag: entry.ETag, raw: entry.Value, fromEvents: missing[i] > 1}
			if !found {
				st.doc = &document{Schema: documentSchema}
				st.State, st.handled = r.Folder.New(), map[string]struct{}{}
				out[i] = st
				continue
			}
			c := s.take(keys[i])
			if c != nil && bytes.Equal(c.raw, entry.Value) {
				st.reuse(c)
				out[i] = st
				continue
			}
			if st.doc, errs[i] = decodeDocument(entry.Value); errs[i] != nil {
				continue
			}
			out[i] = st
			if c != nil && c.doc.Commit == st.doc.Commit { // a store that writes JSON in its own way
				st.reuse(c)
				continue
			}
			st.handled = handledSet(st.doc.Handled)
			st.pendingFrom = st.doc.Dispatched
			if c != nil {
				st.skip(c)
			}
			cold = append(cold, i)
		}
		gone, err := s.fold(ctx, out, errs, cold)
		if err != nil {
			return nil, nil, err
		}
		if len(gone) == 0 {
			return out, errs, nil
		}
		// A snapshot was replaced between the two reads: read those documents again.
		// One that stays missing is lost.
		again := make([]string, len(gone))
		for n, i := range gone {
			again[n], out[i] = keys[i], nil
			missing[i]++
		}
		fresh, err := s.keys.Get(ctx, again)
		if err != nil {
			return nil, nil, err
		}
		for _, k := range again {
			delete(got, k)
		}
		maps.Copy(got, fresh)
	}
}

// take removes a stream from the cache: whoever has it may fold into its state,
// so nobody else may see it until it is committed.
func (s *Store) take(key string) *cached {
	s.taking.Lock()
	defer s.taking.Unlock()
	c, ok := s.cache.Get(key)
	if !ok {
		return nil
	}
	s.cache.Remove(key)
	return c
}

// reuse goes on where this process left the stream.
func (st *Stream) reuse(c *cached) {
	st.doc, st.State, st.handled = c.doc, c.state, c.handled
	st.pendingFrom, st.published = c.pendingFrom, c.published
}

// skip leaves out what this process has carried out before another wrote. Else
// replicas that take turns would each repeat all that the other has done, for
// ever more, and nothing could be sealed.
func (st *Stream) skip(c *cached) {
	st.pendingFrom = max(st.pendingFrom, min(c.pendingFrom, st.doc.Version))
	st.published = c.published
	st.doc.Outgoing = slices.DeleteFunc(st.doc.Outgoing, func(o Outgoing) bool { return slices.Contains(c.published, o.ID) })
}

// fold gives each cold stream its state. gone lists the streams whose snapshot
// was not there although the document points at it.
func (s *Store) fold(ctx context.Context, out []*Stream, errs []error, cold []int) (gone []int, err error) {
	var keys []string
	for _, i := range cold {
		if st := out[i]; st.hasSnapshot() {
			keys = append(keys, snapshotKeys(st.Key, st.doc.Snapshot)...)
		} else {
			keys = append(keys, st.doc.segments(st.Key)...)
		}
	}
	var got map[string]state.Entry
	if len(keys) > 0 {
		if got, err = s.keys.Get(ctx, keys); err != nil {
			return nil, err
		}
	}
	var unreadable []int
	for _, i := range cold {
		st := out[i]
		found, err := st.refold(got)
		switch {
		case errors.Is(err, errSnapshot):
			slog.ErrorContext(ctx, "snapshot cannot be read; the events are. Was SnapshotSchema raised?", "stream", st.Key.String(), "error", err)
			st.fromEvents = true
			unreadable = append(unreadable, i)
		case err != nil:
			out[i], errs[i] = nil, fmt.Errorf("stream %s: %w", st.Key, err)
		case !found:
			gone = append(gone, i)
		}
	}
	if len(unreadable) > 0 {
		if _, err := s.fold(ctx, out, errs, unreadable); err != nil { // no snapshot, so none is gone
			return nil, err
		}
	}
	return gone, nil
}

var errSnapshot = errors.New("snapshot")

// hasSnapshot says whether there is one that today's code reads.
func (st *Stream) hasSnapshot() bool {
	s := st.doc.Snapshot
	return s != nil && s.Schema == st.folder.SnapshotSchema() && !st.fromEvents
}

func (st *Stream) refold(got map[string]state.Entry) (found bool, err error) {
	d := st.doc
	st.State = st.folder.New()
	from := uint64(0) // the version that State includes
	if st.hasSnapshot() {
		var data []byte
		for _, k := range snapshotKeys(st.Key, d.Snapshot) {
			e, ok := got[k]
			if !ok {
				return false, nil
			}
			data = append(data, e.Value...)
		}
		if st.State, err = st.folder.DecodeState(data); err != nil {
			return false, fmt.Errorf("%w: %v", errSnapshot, err)
		}
		from = d.Snapshot.Version
	} else {
		for _, k := range d.segments(st.Key) {
			e, ok := got[k]
			if !ok {
				return false, fmt.Errorf("%w: segment %s is missing", ErrCorrupt, k)
			}
			var records []Record
			if err := json.Unmarshal(e.Value, &records); err != nil {
				return false, fmt.Errorf("%w: segment %s: %v", ErrCorrupt, k, err)
			}
			for _, r := range records {
				if err := st.foldOne(r); err != nil {
					return false, err
				}
				from = r.Version
			}
		}
	}
	for _, r := range d.Tail {
		if r.Version <= from {
			continue
		}
		if err := st.foldOne(r); err != nil {
			return false, err
		}
	}
	return true, nil
}

// foldOne folds one stored record. Code that panics over it cannot read the
// stream.
func (st *Stream) foldOne(r Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: record %d: panic: %v", ErrCorrupt, r.Version, p)
		}
	}()
	st.State, err = st.folder.Fold(st.Key, st.State, r)
	return err
}

// Version is the version of the last event, 0 when there is none.
func (st *Stream) Version() uint64 { return st.doc.Version }

// HasHandled says whether a message with this id was handled, as far as the ids
// are kept.
func (st *Stream) HasHandled(id string) bool {
	_, ok := st.handled[digest(id)]
	return ok
}

// MarkHandled remembers the id of a handled message.
func (st *Stream) MarkHandled(id string) {
	d := digest(id)
	if _, ok := st.handled[d]; ok {
		return
	}
	st.handled[d] = struct{}{}
	st.doc.Handled += d
	if n := st.folder.Handled(); n > 0 {
		for len(st.doc.Handled) > n*digestSize {
			delete(st.handled, st.doc.Handled[:digestSize])
			st.doc.Handled = st.doc.Handled[digestSize:]
		}
	}
	st.changed = true
}

// Append adds the next record; state is State with the record folded in.
func (st *Stream) Append(r Record, state any) {
	r.Version = st.doc.Version + 1
	st.doc.Version = r.Version
	st.doc.Tail = append(st.doc.Tail, r)
	st.State = state
	st.added++
	st.changed = true
}

// Latest is the stream's last record, if it has one.
func (st *Stream) Latest() (r Record, ok bool) {
	if len(st.doc.Tail) == 0 {
		return r, false
	}
	return *st.Last(), true
}

// Last is the record appended last, so that its effects can be added.
func (st *Stream) Last() *Record { return &st.doc.Tail[len(st.doc.Tail)-1] }

// Records are the stream's records that are not sealed: those that it had when
// it was loaded, and those added since. They are not to be changed.
func (st *Stream) Records() (before, added []Record) {
	n := len(st.doc.Tail) - st.added
	return st.doc.Tail[:n], st.doc.Tail[n:]
}

// Enqueued are the messages enqueued since the stream was loaded.
func (st *Stream) Enqueued() []Outgoing {
	return st.doc.Outgoing[len(st.doc.Outgoing)-st.enqueued:]
}

// Enqueue adds a message to be published that is no event of the stream.
func (st *Stream) Enqueue(o Outgoing) {
	st.doc.Outgoing = append(st.doc.Outgoing, o)
	st.enqueued++
	st.changed = true
}

// OutgoingCount is the number of messages enqueued and not yet known to be
// published.
func (st *Stream) OutgoingCount() int { return len(st.doc.Outgoing) }

// Park remembers that a message waits in the dead letters.
func (st *Stream) Park(id string) {
	st.doc.Parked = append(st.doc.Parked, id)
	st.changed = true
}

// Unpark forgets a parked message.
func (st *Stream) Unpark(id string) {
	if i := slices.Index(st.doc.Parked, id); i >= 0 {
		st.doc.Parked = slices.Delete(st.doc.Parked, i, i+1)
		st.changed = true
	}
}

// IsParked says whether any message of the stream waits in the dead letters.
func (st *Stream) IsParked() bool { return len(st.doc.Parked) > 0 }

// HasParked says whether the message with this id does.
func (st *Stream) HasParked(id string) bool { return slices.Contains(st.doc.Parked, id) }

// Hold keeps a message back behind the parked one.
func (st *Stream) Hold(h Held) {
	st.doc.Held = append(st.doc.Held, h)
	st.heldBack++
	st.changed = true
}

// HeldBack is how many messages were kept back since the stream was loaded.
func (st *Stream) HeldBack() int { return st.heldBack }

// Held are the messages kept back, the oldest first. They are not to be changed.
func (st *Stream) Held() []Held { return st.doc.Held }

// Holds says whether a message of this type is kept back.
func (st *Stream) Holds(typeName string) bool {
	return slices.ContainsFunc(st.doc.Held, func(h Held) bool { return h.Meta.Type == typeName })
}

// HeldBytes is what the messages kept back weigh, roughly.
func (st *Stream) HeldBytes() (n int) {
	for _, h := range st.doc.Held {
		n += weight(h.Data)
	}
	return n
}

// TakeHeld removes and returns the first message kept back.
func (st *Stream) TakeHeld() (h Held, ok bool) {
	if len(st.doc.Held) == 0 {
		return h, false
	}
	h = st.doc.Held[0]
	st.doc.Held = st.doc.Held[1:]
	st.changed = true
	return h, true
}

// Changed says whether there is anything to commit.
func (st *Stream) Changed() bool { return st.changed }

// Pending are the records whose effects may not have been carried out, with
// those just added; and the outgoing messages.
func (st *Stream) Pending() ([]Record, []Outgoing) {
	n := st.doc.Version - max(st.pendingFrom, st.doc.Sealed)
	return st.doc.Tail[uint64(len(st.doc.Tail))-n:], st.doc.Outgoing
}

// Commit writes every changed stream, each with one compare-and-swap of its
// own. The error at i belongs to streams[i]; after one, the stream must be
// loaded anew, since it may be committed all the same.
func (s *Store) Commit(ctx context.Context, streams []*Stream) []error {
	errs := make([]error, len(streams))
	var first, docs []state.Write
	var which []int
	for i, st := range streams {
		if !st.changed {
			continue
		}
		w, err := st.seal()
		if err != nil {
			errs[i] = err
			continue
		}
		first = append(first, st.writes...)
		docs = append(docs, w)
		which = append(which, i)
	}
	for _, err := range s.keys.Save(ctx, first) {
		if err != nil {
			for _, i := range which {
				errs[i] = err
			}
			return errs
		}
	}
	var stale []string
	for n, err := range s.keys.Save(ctx, docs) {
		st := streams[which[n]]
		errs[which[n]] = err
		if err != nil {
			continue
		}
		st.changed, st.raw, st.published = false, docs[n].Value, nil
		if st.oldSnapshot != nil {
			stale = append(stale, snapshotKeys(st.Key, st.oldSnapshot)...)
		}
	}
	if len(stale) > 0 {
		// Nothing points at them any more. If this fails they only take space.
		_ = s.keys.Delete(ctx, stale)
	}
	return errs
}

// seal turns the stream into the writes of its commit.
func (st *Stream) seal() (state.Write, error) {
	d := st.doc
	d.Commit = uuid.NewString()
	d.Dispatched = st.pendingFrom
	// What is known to be carried out need not be kept.
	for i := range d.Tail {
		if r := &d.Tail[i]; r.Version <= st.pendingFrom && (r.Commands != nil || r.Wake != nil) {
			r.Commands, r.Wake = nil, nil
		}
	}
	st.writes, st.oldSnapshot = nil, nil
	if err := st.takeSnapshot(); err != nil {
		return state.Write{}, err
	}
	for d.Snapshot != nil {
		n := d.nextSegment()
		if n == 0 || d.Sealed+uint64(n) > min(d.Snapshot.Version, st.pendingFrom) {
			break
		}
		w, err := d.seal(st.Key, n)
		if err != nil {
			return state.Write{}, err
		}
		st.writes = append(st.writes, w)
	}
	data, err := json.Marshal(d)
	if err != nil {
		return state.Write{}, fmt.Errorf("stream %s: encode: %w", st.Key, err)
	}
	return state.Write{Key: st.Key.String(), Value: data, ETag: st.etag}, nil
}

// takeSnapshot writes a snapshot when enough has happened since the last: so
// many events, and so many bytes of them that, over time, snapshots cost no
// more than a few times what the events do.
func (st *Stream) takeSnapshot() error {
	d := st.doc
	since, last := d.Version, 0
	if d.Snapshot != nil {
		since, last = d.Version-d.Snapshot.Version, d.Snapshot.Bytes
	}
	bytesSince := 0
	for i := len(d.Tail) - int(min(since, uint64(len(d.Tail)))); i < len(d.Tail); i++ {
		bytesSince += weight(d.Tail[i].Data)
	}
	if bytesSince < maxTailBytes && (since < uint64(st.folder.SnapshotEvery()) || bytesSince < last/4) {
		return nil
	}
	data, err := st.folder.EncodeState(st.State)
	if err != nil {
		return fmt.Errorf("stream %s: encode snapshot: %w", st.Key, err)
	}
	st.oldSnapshot = d.Snapshot
	// The key is unique to this commit: a writer that loses the race must not
	// leave its state where the winner's is looked for.
	d.Snapshot = &snapshot{Version: d.Version, Schema: st.folder.SnapshotSchema(), Key: d.Commit, Bytes: len(data)}
	for len(data) > 0 {
		n := min(len(data), partBytes)
		d.Snapshot.Parts++
		st.writes = append(st.writes, state.Write{Key: snapshotKey(st.Key, d.Commit, d.Snapshot.Parts), Value: data[:n], Always: true})
		data = data[n:]
	}
	return nil
}

// Dispatched tells the store that all effects of a committed stream have been
// carried out, and keeps its state in memory.
func (s *Store) Dispatched(st *Stream) {
	st.pendingFrom = st.doc.Version
	for _, o := range st.doc.Outgoing {
		st.published = append(st.published, o.ID)
	}
	st.doc.Outgoing = nil
	s.keep(st)
}

// keep keeps a stream in memory as it stands in the store.
func (s *Store) keep(st *Stream) {
	if st.changed || st.raw == nil {
		return
	}
	s.cache.Add(st.Key.String(), &cached{
		raw: st.raw, doc: st.doc, state: st.State, handled: st.handled, pendingFrom: st.pendingFrom, published: st.published,
	})
}

// Unchanged gives a loaded stream back that was only read.
func (s *Store) Unchanged(st *Stream) { s.keep(st) }

// History reads all records of a stream, oldest first.
func (s *Store) History(ctx context.Context, key Key) ([]Record, error) {
	got, err := s.keys.Get(ctx, []string{key.String()})
	if err != nil {
		return nil, err
	}
	e, ok := got[key.String()]
	if !ok {
		return nil, nil
	}
	d, err := decodeDocument(e.Value)
	if err != nil {
		return nil, err
	}
	segs := d.segments(key)
	var out []Record
	if len(segs) > 0 {
		parts, err := s.keys.Get(ctx, segs)
		if err != nil {
			return nil, err
		}
		for _, k := range segs {
			var rs []Record
			if err := json.Unmarshal(parts[k].Value, &rs); err != nil {
				return nil, fmt.Errorf("%w: segment %s: %v", ErrCorrupt, k, err)
			}
			out = append(out, rs...)
		}
	}
	return append(out, d.Tail...), nil
}

// EventID is the id of an event: the same whenever it is published.
func EventID(key Key, version uint64) string {
	return es.DerivedID(key.String(), strconv.FormatUint(version, 10))
}

func handledSet(handled string) map[string]struct{} {
	set := make(map[string]struct{}, len(handled)/digestSize)
	for i := 0; i+digestSize <= len(handled); i += digestSize {
		set[handled[i:i+digestSize]] = struct{}{}
	}
	return set
}

func snapshotKey(k Key, name string, part int) string {
	return k.String() + "/snapshot/" + name + "/" + strconv.Itoa(part)
}

func snapshotKeys(k Key, s *snapshot) (keys []string) {
	for p := range s.Parts {
		keys = append(keys, snapshotKey(k, s.Key, p+1))
	}
	return keys
}
