package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/state/daprstate"
	"github.com/plenary/plenary/engine/stream"
)

// counter folds any record into a count.
type counter struct{}

func (counter) New() any { return 0 }
func (counter) Fold(_ stream.Key, s any, _ stream.Record) (any, error) {
	return s.(int) + 1, nil
}
func (counter) EncodeState(s any) ([]byte, error) { return json.Marshal(s) }
func (counter) DecodeState(b []byte) (any, error) {
	var n int
	err := json.Unmarshal(b, &n)
	return n, err
}
func (counter) KeepsState() bool    { return false }
func (counter) SnapshotSchema() int { return 1 }
func (counter) SnapshotEvery() int  { return 64 }
func (counter) Handled() int        { return 100 }

// A stream of 200,000 events must load and append as fast as one of 20, with
// nothing in memory: compare the lines.
func BenchmarkLoadAndAppend(b *testing.B) {
	dapr := newApps().beside(b, "order")
	name, kind := stateStore(b, dapr)
	keys := daprstate.New(dapr, name, daprstate.StrategyFor(kind))
	add := func(s *stream.Store, key stream.Key, events int) {
		ctx := context.Background()
		loaded, errs, err := s.Load(ctx, []stream.Request{{Key: key, Folder: counter{}}})
		if err != nil || errs[0] != nil {
			b.Fatal(err, errs)
		}
		st := loaded[0]
		for range events {
			st.Append(stream.Record{
				Type: "Counted.v1", Time: time.Unix(1, 0).UTC(),
				Data: json.RawMessage(`{"orderId":"3a4e8c8e-3a57-4dc5-a2f4-8f5b3a0b7d11","quantity":2}`),
			}, st.State.(int)+1)
		}
		if err := s.Commit(ctx, []*stream.Stream{st})[0]; err != nil {
			b.Fatal(err)
		}
		s.Dispatched(st)
	}
	for _, n := range []int{20, 2_000, 200_000} {
		b.Run(fmt.Sprintf("events=%d", n), func(b *testing.B) {
			key := stream.Key{Tenant: "main", Ref: es.Ref{Aggregate: "counter", ID: uuid.NewString()}}
			grow := stream.NewStore(keys)
			for range n / 20 {
				add(grow, key, 20)
			}
			for b.Loop() {
				b.StopTimer()
				cold := stream.NewStore(keys)
				b.StartTimer()
				add(cold, key, 1)
			}
		})
	}
}
