package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/state"
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

var key = stream.Key{Tenant: "main", Ref: es.Ref{Aggregate: "counter", ID: "1"}}

func appendOne(tb testing.TB, s *stream.Store) *stream.Stream {
	tb.Helper()
	ctx := context.Background()
	sts, errs, err := s.Load(ctx, []stream.Request{{Key: key, Folder: counter{}}})
	if err != nil || errs[0] != nil {
		tb.Fatal(err, errs)
	}
	st := sts[0]
	st.MarkHandled(fmt.Sprint("message ", st.Version()))
	st.Append(stream.Record{Type: "Counted.v1", Time: time.Unix(1, 0).UTC(), Data: json.RawMessage(`{"orderId":"3a4e8c8e-3a57-4dc5-a2f4-8f5b3a0b7d11","quantity":2}`)}, st.State.(int)+1)
	if err := s.Commit(ctx, []*stream.Stream{st})[0]; err != nil {
		tb.Fatal(err)
	}
	s.Dispatched(st)
	return st
}

func grown(tb testing.TB, n int) *state.Memory {
	tb.Helper()
	keys := &state.Memory{}
	s := stream.NewStore(keys)
	for range n {
		appendOne(tb, s)
	}
	return keys
}

// A stream of 200,000 events must load and append as fast as one of 20: compare
// the lines. Nothing is in memory, and every round finds the stream as it was, with
// as many events since its last snapshot.
func BenchmarkLoadAndAppend(b *testing.B) {
	every := counter{}.SnapshotEvery()
	for _, n := range []int{20, 20 + 31*every, 20 + 3125*every} {
		b.Run(fmt.Sprintf("events=%d", n), func(b *testing.B) {
			keys := frozen{grown(b, n)}
			for b.Loop() {
				b.StopTimer()
				s := stream.NewStore(keys)
				b.StartTimer()
				appendOne(b, s)
			}
		})
	}
}

// frozen takes writes and forgets them.
type frozen struct{ state.Store }

func (frozen) Save(_ context.Context, writes []state.Write) []error {
	return make([]error, len(writes))
}

// What a load reads and a commit writes is bounded, however long the stream.
func TestTheCostOfAStreamDoesNotGrowWithItsLength(t *testing.T) {
	keys := grown(t, 20_000)
	counted := &counting{Store: keys}
	for range 200 {
		counted.keys, counted.bytes = 0, 0
		if st := appendOne(t, stream.NewStore(counted)); st.State.(int) != int(st.Version()) {
			t.Fatalf("state %d at version %d", st.State, st.Version())
		}
		if counted.keys > 5 || counted.bytes > 100<<10 {
			t.Fatalf("a load and an append touched %d keys and %d bytes", counted.keys, counted.bytes)
		}
	}
}

type counting struct {
	state.Store
	keys, bytes int
}

func (c *counting) Get(ctx context.Context, keys []string) (map[string]state.Entry, error) {
	got, err := c.Store.Get(ctx, keys)
	c.keys += len(keys)
	for _, e := range got {
		c.bytes += len(e.Value)
	}
	return got, err
}

func (c *counting) Save(ctx context.Context, writes []state.Write) []error {
	c.keys += len(writes)
	for _, w := range writes {
		c.bytes += len(w.Value)
	}
	return c.Store.Save(ctx, writes)
}
