package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/state"
)

// Commit writes every changed stream, each with one compare-and-swap of its
// own. The error at i belongs to streams[i]; after one, the stream must be
// loaded anew, since it may be committed all the same.
func (s *Store) Commit(ctx context.Context, streams []*Stream) []error {
	errs := make([]error, len(streams))
	var docs []state.Write
	var which []int
	ready := s.writeFirst(ctx, streams, errs)
	for i, st := range streams {
		if w, ok := ready[st]; ok && errs[i] == nil {
			docs, which = append(docs, w), append(which, i)
		}
	}
	var stale []string
	for n, err := range s.keys.Save(ctx, docs) {
		st := streams[which[n]]
		errs[which[n]] = err
		if err != nil {
			continue
		}
		st.changed, st.published, st.folded = false, nil, false
		st.stored, st.size = sumOf(docs[n].Value), len(docs[n].Value)
		if st.oldSnapshot != nil {
			stale = append(stale, snapshotKeys(st.Key, st.oldSnapshot)...)
		}
	}
	for i, err := range errs {
		if err != nil {
			s.Void(streams[i])
		}
	}
	if len(stale) > 0 {
		// Nothing points at them any more. If this fails they only take space.
		_ = s.keys.Delete(ctx, stale)
	}
	return errs
}

// NoteDispatched writes down, of streams that were dispatched, how far their effects have
// been carried out, where the next commit must not be left to do it: so much was carried
// out since the last note that the document would grow. A process that stays in memory
// notes with each commit what it did after the one before. One that has just started
// knows nothing of that, and if each message found such a one, nothing could ever be
// sealed.
func (s *Store) NoteDispatched(ctx context.Context, streams []*Stream) error {
	var reqs []Request
	for _, st := range streams {
		if st.notNoted() > maxTailBytes {
			reqs = append(reqs, Request{Key: st.Key, Folder: st.folder})
		}
	}
	if len(reqs) == 0 {
		return nil
	}
	loaded, failed, err := s.Load(ctx, reqs) // a save does not tell the new ETag
	if err != nil {
		return err
	}
	failed = slices.Clone(failed)
	loaded = slices.DeleteFunc(loaded, func(st *Stream) bool { return st == nil })
	for _, st := range loaded {
		st.changed = true
	}
	for i, err := range s.Commit(ctx, loaded) {
		if failed = append(failed, err); err == nil {
			s.keep(loaded[i])
		}
	}
	return errors.Join(failed...)
}

// notNoted is what those records weigh whose effects are carried out although the stored
// document does not say so.
func (st *Stream) notNoted() (bytes int) {
	for _, r := range st.doc.Tail {
		if r.Version > st.doc.Dispatched && r.Version <= st.carried.through {
			bytes += weight(r.Data)
		}
	}
	return bytes
}

// writeFirst writes the segments and snapshots that documents will point at, and
// returns the documents. What cannot be written of one stream is its own error.
func (s *Store) writeFirst(ctx context.Context, streams []*Stream, errs []error) map[*Stream]state.Write {
	docs := make(map[*Stream]state.Write, len(streams))
	var first []state.Write
	var of []int
	for i, st := range streams {
		if !st.changed {
			continue
		}
		w, err := st.seal(s.writes)
		if err != nil {
			errs[i] = err
			continue
		}
		docs[st] = w
		for _, w := range st.writes {
			first, of = append(first, w), append(of, i)
		}
	}
	for n, err := range s.keys.Save(ctx, first) {
		if err != nil {
			errs[of[n]] = err
		}
	}
	return docs
}

// seal turns the stream into the writes of its commit.
func (st *Stream) seal(writes es.Version) (state.Write, error) {
	d := st.doc
	d.Commit = uuid.NewString()
	if d.Writes.Before(writes) {
		d.Writes = writes
	}
	d.Dispatched, d.Above = st.carried.through, st.carried.above
	// What is known to be carried out need not be kept.
	for i := range d.Tail {
		if r := &d.Tail[i]; st.carried.has(r.Version) && (r.Commands != nil || r.Wake != nil) {
			r.Commands, r.Wake = nil, nil
		}
	}
	st.writes, st.oldSnapshot = nil, nil
	done, err := st.keepState()
	if err != nil {
		return state.Write{}, err
	}
	for {
		n := d.nextSegment()
		if n == 0 || d.Sealed+uint64(n) > min(done, st.carried.through) {
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
	limit := maxDocument
	if st.aboveLimit {
		limit += noteBytes
	}
	if len(data) > limit {
		return state.Write{}, fmt.Errorf("stream %s: %w: %d bytes, of at most %d", st.Key, ErrTooLarge, len(data), limit)
	}
	return state.Write{Key: st.Key.String(), Value: data, ETag: st.etag, Unique: true}, nil // d.Commit is its own
}

// keepState sees to it that the stream's state can be read without its oldest
// events, and says up to which version that goes.
func (st *Stream) keepState() (done uint64, err error) {
	d := st.doc
	if st.folder.KeepsState() {
		if d.State, err = st.folder.EncodeState(st.State); err != nil {
			return 0, fmt.Errorf("stream %s: encode state: %w", st.Key, err)
		}
		return d.Version, nil
	}
	if err := st.takeSnapshot(); err != nil || d.Snapshot == nil {
		return 0, err
	}
	return d.Snapshot.Version, nil
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
	due := since >= uint64(st.folder.SnapshotEvery()) && bytesSince >= last/4
	switch {
	case bytesSince >= maxTailBytes:
	case d.Snapshot != nil && d.Snapshot.Schema > st.folder.SnapshotSchema():
		return nil // a newer version runs beside this one, and needs it
	case !due && !st.folded:
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

func snapshotKey(k Key, name string, part int) string {
	return k.String() + "/snapshot/" + name + "/" + strconv.Itoa(part)
}

func snapshotKeys(k Key, s *snapshot) (keys []string) {
	for p := range s.Parts {
		keys = append(keys, snapshotKey(k, s.Key, p+1))
	}
	return keys
}
