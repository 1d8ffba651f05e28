package stream_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// picky does not write keys that have a certain word in them.
type picky struct {
	state.Store
	not string
}

func (p *picky) Save(ctx context.Context, writes []state.Write) []error {
	errs := make([]error, len(writes))
	for i, w := range writes {
		if p.not != "" && strings.Contains(w.Key, p.not) {
			errs[i] = errors.New("connection lost")
			continue
		}
		errs[i] = p.Store.Save(ctx, []state.Write{w})[0]
	}
	return errs
}

// tryAppend commits one more record, and says what became of it.
func tryAppend(t *testing.T, s *stream.Store) error {
	t.Helper()
	sts, errs, err := s.Load(t.Context(), []stream.Request{{Key: key, Folder: counter{}}})
	if err != nil || errs[0] != nil {
		t.Fatal(err, errs)
	}
	st := sts[0]
	st.Append(stream.Record{Type: "Counted.v1", Data: json.RawMessage(`{}`)}, st.State.(int)+1)
	if err := s.Commit(t.Context(), []*stream.Stream{st})[0]; err != nil {
		return err
	}
	s.Dispatched(st)
	return nil
}

// The document must not point at what is not there: without its segments and
// its snapshot a commit does not happen.
func TestACommitWhoseSegmentsOrSnapshotAreNotWrittenDoesNotHappen(t *testing.T) {
	for _, not := range []string{"/segment/", "/snapshot/"} {
		t.Run(not, func(t *testing.T) {
			keys := &picky{Store: &state.Memory{}}
			s := stream.NewStore(keys)
			committed, failures := 0, 0
			for committed < 200 {
				keys.not = not
				err := tryAppend(t, s)
				if err != nil {
					failures++
					keys.not = ""
					err = tryAppend(t, s)
				}
				if err != nil {
					t.Fatal(err)
				}
				committed++
				sts, errs, err := stream.NewStore(keys).Load(t.Context(), []stream.Request{{Key: key, Folder: counter{}}})
				if err != nil || errs[0] != nil || sts[0].State != committed || sts[0].Version() != uint64(committed) {
					t.Fatalf("after %d: %v, %v, %+v", committed, err, errs, sts[0])
				}
			}
			if failures == 0 {
				t.Error("nothing was ever sealed")
			}
			if history, err := s.History(t.Context(), key); err != nil || len(history) != committed {
				t.Errorf("%d records, %v", len(history), err)
			}
		})
	}
}

// Whoever loses the race for a commit that would have replaced the snapshot
// must leave the one alone that is in use.
func TestALostRaceLeavesTheSnapshotInUse(t *testing.T) {
	keys := &state.Memory{}
	s := stream.NewStore(keys)
	loser := stream.NewStore(keys)
	var behind []*stream.Stream
	for range 70 {
		sts, errs, err := loser.Load(t.Context(), []stream.Request{{Key: key, Folder: counter{}}})
		if err != nil || errs[0] != nil {
			t.Fatal(err, errs)
		}
		behind = append(behind, sts[0])
		appendOne(t, s)
	}
	for _, st := range behind[1:] {
		for range 130 { // enough for a snapshot
			st.Append(stream.Record{Type: "Counted.v1", Data: json.RawMessage(`{}`)}, st.State.(int)+1)
		}
		if err := loser.Commit(t.Context(), []*stream.Stream{st})[0]; err == nil {
			t.Fatal("two writers of one version")
		}
	}
	reads := &counting{Store: keys}
	if st := appendOne(t, stream.NewStore(reads)); st.State != 71 {
		t.Errorf("state %v", st.State)
	}
	if reads.keys > 3 { // the document, its snapshot, the document
		t.Errorf("%d keys were touched: the snapshot was gone", reads.keys)
	}
}
