package handling_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/state"
)

// Two replicas that take turns each find the stream changed by the other every
// time. What one has carried out must not be carried out again for ever, and the
// document must not grow with the stream.
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
			if got := len(w.taken()); got > 4*n {
				t.Errorf("%d messages were published %d times", n, got)
			}
			for _, key := range []string{"main/account/a", "main/account/nobody"} {
				got, err := w.keys.Get(t.Context(), []string{key})
				if err != nil {
					t.Fatal(err)
				}
				if size := len(got[key].Value); size > 100<<10 {
					t.Errorf("%s has %d bytes", key, size)
				}
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
