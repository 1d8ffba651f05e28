package handling_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/state"
)

// Two replicas that take turns each find the stream changed by the other every
// time. What one has carried out is not carried out again, and the document does not grow
// with the stream.
func TestReplicasThatTakeTurnsMakeProgress(t *testing.T) {
	const n = 500
	for name, next := range map[string]func() bus.Delivery{
		"events":                    func() bus.Delivery { return command("", deposit{"a", 1}) },
		"refusals without a stream": func() bus.Delivery { return command("", deposit{"nobody", 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, accounts(100)) })
			replicas := []*handling.Engine{w.engine(), w.engine()}
			w.handle(replicas[0], opening())
			for i := range n {
				w.handle(replicas[i%2], next())
			}
			sent := map[string]int{}
			for _, m := range w.taken() {
				sent[m.ID]++
			}
			for id, times := range sent {
				if times > 1 {
					t.Errorf("%s was published %d times", id, times)
				}
			}
			if len(sent) < n {
				t.Errorf("%d of %d messages were published", len(sent), n)
			}
			for _, key := range []string{"main/account/a", "main/account/nobody"} {
				if size := w.size(key); size > 100<<10 {
					t.Errorf("%s has %d bytes", key, size)
				}
			}
		})
	}
}

// A replica may have a turn and then none for a while. What is left to it must not keep the
// other from sealing what it has carried out itself, or the document grows with each message
// until it takes no more.
func TestAReplicaThatHasNoMoreTurnsDoesNotFillTheDocument(t *testing.T) {
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, accounts(100)) })
	w.keys.Store = small{w.keys.Store}
	one, other := w.engine(), w.engine()
	w.handle(one, opening())
	largest := 0
	for i := range 30 {
		e := one
		if i == 1 {
			e = other
		}
		batch := make([]bus.Delivery, 100)
		for i := range batch {
			batch[i] = command("", deposit{"a", 1})
		}
		w.handle(e, batch...)
		largest = max(largest, w.sizeUnparked())
	}
	if largest > 512<<10 {
		t.Errorf("its document had up to %d bytes", largest)
	}
	if n := len(w.history(acct("a"))); n != 3001 {
		t.Errorf("%d events", n)
	}
}

// A replica may end after it committed and before it published. Its message comes again to
// another one, which then publishes. Until then a message of the same stream leaves it to
// the first, which is at it as a rule.
func TestWhatAReplicaCommittedAndDidNotPublish(t *testing.T) {
	for name, tc := range map[string]struct {
		wait time.Duration
		next func(lost bus.Delivery) bus.Delivery
		want []string
	}{
		"is published when its message comes again":       {0, func(lost bus.Delivery) bus.Delivery { return lost }, []string{"Deposited.v1"}},
		"is left to it when another message comes":        {time.Second, func(bus.Delivery) bus.Delivery { return command("", deposit{"a", 2}) }, []string{"Deposited.v1"}},
		"is published with another message after a while": {time.Minute, func(bus.Delivery) bus.Delivery { return command("", deposit{"a", 2}) }, []string{"Deposited.v1", "Deposited.v1"}},
		"is published with what an operator sends": {0, func(bus.Delivery) bus.Delivery {
			d := command("", deposit{"a", 2})
			d.Message.OriginalID = "another"
			return d
		}, []string{"Deposited.v1", "Deposited.v1"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, accounts(0)) })
			first, second := w.engine(), w.engine()
			w.handle(first, opening())
			w.taken()
			lost := command("lost", deposit{"a", 1})
			w.bus.Break(true)
			if s := first.HandleBatch(t.Context(), []bus.Delivery{lost}); s[0] != bus.Retry {
				t.Fatalf("answered %v", s)
			}
			w.bus.Break(false)
			w.taken()
			w.now = w.now.Add(tc.wait)
			w.handle(second, tc.next(lost))
			var got []string
			for _, m := range w.taken() {
				got = append(got, m.Type)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("published %v, want %v", got, tc.want)
			}
			// The first replica knows that it failed.
			w.handle(first, command("", deposit{"a", 3}))
			times := 0
			for _, m := range w.taken() {
				if m.StreamVersion == 2 {
					times++
				}
			}
			if times != 1 {
				t.Errorf("the replica that failed published the event %d times", times)
			}
		})
	}
}

func opening() bus.Delivery { return command("", open{"a", "Ann"}) }

// jsonb gives back JSON that says the same in other bytes, as some databases do.
type jsonb struct{ state.Store }

func (j jsonb) Get(ctx context.Context, keys []string) (map[string]state.Entry, error) {
	got, err := j.Store.Get(ctx, keys)
	for k, e := range got {
		var out bytes.Buffer
		if json.Indent(&out, e.Value, "", " ") == nil {
			e.Value = out.Bytes()
			got[k] = e
		}
	}
	return got, err
}

func TestAStoreThatWritesJSONInItsOwnWay(t *testing.T) {
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, accounts(0)) })
	w.keys.Store = jsonb{w.keys.Store}
	e := w.engine()
	w.handle(e, opening())
	for range 20 {
		w.handle(e, command("", deposit{"a", 1}))
	}
	if got := len(w.taken()); got != 21 {
		t.Errorf("21 events were published %d times", got)
	}
	if got := len(w.history(es.Ref{Aggregate: "account", ID: "a"})); got != 21 {
		t.Errorf("%d events", got)
	}
}
