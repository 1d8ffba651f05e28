package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/state"
)

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
			st := &Stream{Key: r.Key, folder: r.Folder, etag: entry.ETag, fromEvents: missing[i] > 1}
			if !found {
				st.doc = &document{Schema: documentSchema}
				st.State, st.handled = r.Folder.New(), map[digest]struct{}{}
				out[i] = st
				continue
			}
			st.stored, st.size = sumOf(entry.Value), len(entry.Value)
			c := s.cache.take(keys[i])
			if c != nil && c.stored == st.stored {
				st.reuse(c)
				out[i] = st
				continue
			}
			if st.doc, errs[i] = s.decode(entry.Value); errs[i] != nil {
				continue
			}
			out[i] = st
			if c != nil && c.doc != nil && c.doc.Commit == st.doc.Commit { // a store that writes JSON in its own way
				st.reuse(c)
				continue
			}
			st.handled = handledSet(st.doc.Handled)
			st.carried = carried{}.and(carried{st.doc.Dispatched, st.doc.Above}, st.doc.Version)
			if c != nil {
				st.skip(c)
			}
			st.known = st.carried
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

// Look reads one stream as it is stored and leaves the cache alone, in which it may be
// another batch's. It is for a look only: the stream is not to be committed.
func (s *Store) Look(ctx context.Context, r Request) (*Stream, error) {
	streams, errs, err := s.LookAtAll(ctx, []Request{r})
	if err != nil {
		return nil, err
	}
	return streams[0], errs[0]
}

// LookAtAll is Look for many streams. The errors are as those of Load.
func (s *Store) LookAtAll(ctx context.Context, reqs []Request) ([]*Stream, []error, error) {
	alone := &Store{keys: s.keys, cache: newCache(0), own: s.own, writes: s.writes}
	return alone.Load(ctx, reqs)
}

// Between reads the records of a stream from one version to another, without those
// segments that have none of them.
func (s *Store) Between(ctx context.Context, key Key, from, to uint64) ([]Record, error) {
	return s.records(ctx, key, func(first, last uint64) bool { return first <= to && last >= from }, func(r Record) bool {
		return r.Version >= from && r.Version <= to
	})
}

// decode decodes a document in forms that this version knows.
func (s *Store) decode(stored []byte) (*document, error) {
	d, err := decodeDocument(stored)
	if err == nil && s.own.Before(d.Writes) && s.own != (es.Version{}) {
		return nil, fmt.Errorf("%w: it has the forms of %s, and this is %s", ErrNotYet, d.Writes, s.own)
	}
	return d, err
}

// fold gives each cold stream its state. gone lists the streams whose snapshot
// was not there although the document points at it.
func (s *Store) fold(ctx context.Context, out []*Stream, errs []error, cold []int) (gone []int, err error) {
	var keys []string
	for _, i := range cold {
		if st := out[i]; st.hasSnapshot() {
			keys = append(keys, snapshotKeys(st.Key, st.doc.Snapshot)...)
		} else if !st.folder.KeepsState() {
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
	if st.folder.KeepsState() {
		if st.State, err = st.folder.DecodeState(d.State); err != nil {
			return false, fmt.Errorf("%w: its state: %v", ErrCorrupt, err)
		}
		return true, nil
	}
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
			st.folded = true
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

func handledSet(all digests) map[digest]struct{} {
	set := make(map[digest]struct{}, len(all)/digestSize)
	for d := range slices.Chunk(all, digestSize) {
		set[digest(d)] = struct{}{}
	}
	return set
}

// History reads all records of a stream, oldest first.
func (s *Store) History(ctx context.Context, key Key) ([]Record, error) {
	all := func(uint64, uint64) bool { return true }
	return s.records(ctx, key, all, func(Record) bool { return true })
}

// records reads the records that are wanted, of those segments that are.
func (s *Store) records(ctx context.Context, key Key, segment func(first, last uint64) bool, wanted func(Record) bool) (out []Record, err error) {
	got, err := s.keys.Get(ctx, []string{key.String()})
	if err != nil {
		return nil, err
	}
	e, ok := got[key.String()]
	if !ok {
		return nil, nil
	}
	d, err := s.decode(e.Value)
	if err != nil {
		return nil, err
	}
	segs := d.segmentsWith(key, segment)
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
	out = append(out, d.Tail...)
	return slices.DeleteFunc(out, func(r Record) bool { return !wanted(r) }), nil
}
