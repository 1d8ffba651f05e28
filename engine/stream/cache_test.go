package stream_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// described has a state that is as large as what its events say.
type described struct{ counter }

func (described) New() any { return []string(nil) }
func (described) Fold(_ stream.Key, s any, r stream.Record) (any, error) {
	return append(s.([]string), string(r.Data)), nil
}
func (described) EncodeState(s any) ([]byte, error) { return json.Marshal(s) }
func (described) DecodeState(b []byte) (any, error) {
	var s []string
	return s, json.Unmarshal(b, &s)
}
func (described) Handled() int { return 0 }

// forgetful forgets what it stores, so that what is measured is the cache.
type forgetful struct{ *state.Memory }

// What the cache believes that its streams take is what they take, within a factor that
// a limit of memory can be set by: never much less, or the app would outgrow its pod.
func TestTheCacheWeighsWhatStreamsTake(t *testing.T) {
	for name, tc := range map[string]struct{ streams, events, bytes int }{
		"an order that was paid":        {3000, 8, 350},
		"a process, short":              {5000, 3, 120},
		"an order changed 60 times":     {300, 60, 400},
		"few events that are very long": {60, 4, 30_000},
	} {
		t.Run(name, func(t *testing.T) {
			keys := &forgetful{&state.Memory{}}
			s := stream.NewStore(keys)
			s.CacheBytes(1 << 40)
			text := strings.Repeat("x", tc.bytes)
			before := heap()
			for range tc.streams {
				k := stream.Key{Tenant: "main", Ref: es.Ref{Aggregate: "order", ID: uuid.NewString()}}
				for i := range tc.events {
					sts, errs, err := s.Load(t.Context(), []stream.Request{{Key: k, Folder: described{}}})
					if err != nil || errs[0] != nil {
						t.Fatal(err, errs)
					}
					st := sts[0]
					data := json.RawMessage(fmt.Sprintf(`{"n":%d,"text":%q}`, i, text))
					st.MarkHandled(uuid.NewString())
					st.Append(stream.Record{
						Type: "Described.v1", Time: time.Unix(int64(i), 0).UTC(), Data: data, CorrelationID: uuid.NewString(),
						TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
					}, append(st.State.([]string), string(data)))
					if err := s.Commit(t.Context(), []*stream.Stream{st})[0]; err != nil {
						t.Fatal(err)
					}
					s.Dispatched(st)
				}
			}
			keys.Memory = nil
			took, weight := heap()-before, stream.CacheWeight(s)
			t.Logf("%d streams take %d bytes; the cache weighs them as %d", tc.streams, took, weight)
			if took > weight*5/4 {
				t.Errorf("they take %d bytes and are weighed as %d", took, weight)
			}
			if took < weight/4 {
				t.Errorf("they take %d bytes only and are weighed as %d: most of the memory would be left unused", took, weight)
			}
			runtime.KeepAlive(s)
		})
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
