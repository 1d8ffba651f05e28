package stream_test

import (
	"strings"
	"testing"

	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// A snapshot saves time and is no truth: one that is lost, or of which today's
// code can make nothing, is made up for from the events.
func TestASnapshotThatCannotBeReadIsMadeUpForFromTheEvents(t *testing.T) {
	const n = 300
	for name, spoil := range map[string]func(t *testing.T, keys *state.Memory, snapshot string){
		"lost": func(t *testing.T, keys *state.Memory, snapshot string) {
			if err := keys.Delete(t.Context(), []string{snapshot}); err != nil {
				t.Fatal(err)
			}
		},
		"of another shape": func(t *testing.T, keys *state.Memory, snapshot string) {
			keys.Save(t.Context(), []state.Write{{Key: snapshot, Value: []byte(`{"count":3}`), Always: true}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			recorded := &recording{Store: &state.Memory{}, last: map[string][]byte{}}
			s := stream.NewStore(recorded)
			for range n {
				appendOne(t, s)
			}
			for key := range recorded.last {
				if strings.Contains(key, "/snapshot/") {
					spoil(t, recorded.Store.(*state.Memory), key)
				}
			}
			for i := range 200 { // past the next snapshot
				if st := appendOne(t, stream.NewStore(recorded)); st.State != n+i+1 || st.Version() != uint64(n+i+1) {
					t.Fatalf("state %v at version %d, want %d", st.State, st.Version(), n+i+1)
				}
			}
		})
	}
}
