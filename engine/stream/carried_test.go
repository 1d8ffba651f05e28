package stream_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// Replicas that take turns at a stream in any way, and lose races, each leave to the
// others what those committed. Then everything is carried out once, and the document does
// not grow. When one ends before it carried out what it committed, the others do so with
// the first message that leaves nothing.
func TestReplicasLeaveToEachOtherWhatEachCommitted(t *testing.T) {
	const rounds = 450
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's choices
		keys := &state.Memory{}
		replicas := make([]*stream.Store, 2+r.IntN(3))
		for i := range replicas {
			replicas[i] = stream.NewStore(keys)
		}
		load := func(s *stream.Store) *stream.Stream {
			sts, errs, err := s.Load(t.Context(), []stream.Request{{Key: key, Folder: counter{}}})
			if err != nil || errs[0] != nil {
				t.Fatal(err, errs)
			}
			return sts[0]
		}
		carriedOut := map[uint64]int{}
		carryOut := func(s *stream.Store, st *stream.Stream) {
			records, _ := st.Pending()
			for _, rec := range records {
				carriedOut[rec.Version]++
			}
			s.Dispatched(st)
		}
		change := func(st *stream.Stream) {
			st.Append(stream.Record{Type: "Counted.v1", Time: time.Unix(2, 0), Data: json.RawMessage(`{"x":"` + strings.Repeat("x", 900) + `"}`)}, st.State.(int)+1)
		}
		commit := func(s *stream.Store, st *stream.Stream) bool {
			switch err := s.Commit(t.Context(), []*stream.Stream{st})[0]; {
			case err == nil:
				return true
			case !errors.Is(err, state.ErrConflict):
				t.Fatal(err)
			}
			return false
		}
		for range rounds {
			i, j := r.IntN(len(replicas)), r.IntN(len(replicas))
			first := load(replicas[i])
			change(first)
			if i == j || r.IntN(3) > 0 {
				if !commit(replicas[i], first) {
					t.Fatal("a commit failed although no other replica wrote")
				}
				first.LeaveOthers(time.Unix(1, 0))
				carryOut(replicas[i], first)
				continue
			}
			second := load(replicas[j])
			change(second)
			if !commit(replicas[j], second) || commit(replicas[i], first) {
				t.Fatal("of two commits, not exactly the first succeeded")
			}
			second.LeaveOthers(time.Unix(1, 0))
			carryOut(replicas[j], second)
		}
		for version := range uint64(rounds) {
			if n := carriedOut[version+1]; n != 1 {
				t.Fatalf("seed %d: record %d was carried out %d times", seed, version+1, n)
			}
		}
		got, err := keys.Get(t.Context(), []string{key.String()})
		if err != nil {
			t.Fatal(err)
		}
		if size := len(got[key.String()].Value); size > 300<<10 {
			t.Errorf("seed %d: %d replicas leave a document of %d bytes", seed, len(replicas), size)
		}

		ended := load(replicas[0])
		change(ended)
		commit(replicas[0], ended)
		after := load(replicas[1])
		carryOut(replicas[1], after)
		if n := carriedOut[ended.Version()]; n != 1 {
			t.Fatalf("seed %d: what a replica left undone was carried out %d times", seed, n)
		}
	}
}
