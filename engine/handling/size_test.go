package handling_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
)

// small is a store that takes what each has to take, 1 MB, and no more.
type small struct{ state.Store }

func (s small) Save(ctx context.Context, writes []state.Write) []error {
	errs := make([]error, len(writes))
	for i, w := range writes {
		if errs[i] = errors.New("too large"); len(w.Value) <= 1_000_000 {
			errs[i] = s.Store.Save(ctx, []state.Write{w})[0]
		}
	}
	return errs
}

// lengthy is 30 KB, as long as a description may be.
var lengthy = strings.Repeat("会", 10_000)

// renamed is an account of which every command to open it is an event.
func renamed(e *handling.Engine) {
	a := deciding(accounts(0), func(_ es.Env, _ account, c any, _ func() ([]any, error)) ([]any, error) {
		if d, ok := c.(deposit); ok && d.Amount == poison {
			return nil, errors.New("poison")
		}
		return []any{opened(c.(open))}, nil
	})
	handling.Aggregate(e, changed(a, claimsNothing))
}

// names are n commands for one account, each with a name of its own.
func names(n int, what string) (out []bus.Delivery) {
	for i := range n {
		out = append(out, command(what+" "+strconv.Itoa(i), open{"a", strconv.Itoa(i) + " " + lengthy}))
	}
	return out
}

// Each message may find an app that has just started, for instance one that is started
// anew whenever its memory is full. What the others carried out must not stay in the
// document for ever.
func TestAStreamOfWhichEachMessageFindsANewEngineStaysSmall(t *testing.T) {
	w := newWorld(t, renamed)
	largest := 0
	for _, d := range names(60, "name") {
		w.handle(w.engine(), d)
		largest = max(largest, w.sizeUnparked())
	}
	if largest > 512<<10 {
		t.Errorf("its document had up to %d bytes", largest)
	}
	if n := len(w.history(acct("a"))); n != 60 {
		t.Errorf("%d events", n)
	}
}

// Replicas may commit and then fail to publish. What they owe fills the document, and is no
// fault of the message that finds no room: it is not parked, but waits until that is done.
func TestAMessageThatFindsTheDocumentFullOfWhatOthersOweIsNotParked(t *testing.T) {
	w := newWorld(t, renamed)
	w.keys.Store = small{w.keys.Store}
	w.bus.Break(true)
	var owed, last []bus.Delivery
	retried := func(e *handling.Engine, batch []bus.Delivery) {
		t.Helper()
		for i, s := range e.HandleBatch(t.Context(), batch) {
			if s != bus.Retry {
				t.Fatalf("message %d was answered %v while nothing can be published", i, s)
			}
		}
	}
	for replica := range 3 {
		batch := names(8, "name of "+strconv.Itoa(replica))
		retried(w.engine(), batch)
		owed = append(owed, batch...)
	}
	last = names(4, "last")
	e := w.engine()
	retried(e, last)
	w.bus.Break(false)
	w.handle(e, last...)
	for batch := range slices.Chunk(owed, 8) {
		w.handle(w.engine(), batch...)
	}
	if got := letters(w.taken()); len(got) > 0 {
		t.Fatalf("parked: %s", got[0].Reason)
	}
	if n := len(w.history(acct("a"))); n != len(owed)+len(last) {
		t.Errorf("%d events of %d messages", n, len(owed)+len(last))
	}
}

// While effects fail, a stream that is full of them takes no more. Nothing is parked for
// that, and what was decided later does not come before what was left.
func TestWhatFindsNoRoomWhileEffectsFailWaitsInItsOrder(t *testing.T) {
	var failing bool
	for name, fail := range map[string]func(w *world, now bool){
		"nothing can be published": func(w *world, now bool) { w.bus.Break(now) },
		"an effect fails":          func(_ *world, now bool) { failing = now },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(e *handling.Engine) {
				// What is decided is large, and what is asked for small: it all is one part.
				handling.Aggregate(e, changed(deciding(accounts(0), func(_ es.Env, _ account, c any, _ func() ([]any, error)) ([]any, error) {
					o := opened(c.(open))
					if o.Name == "large" {
						o.Name = lengthy
					}
					return []any{o}, nil
				}), claimsNothing))
				handling.OnEvent(e, func(context.Context, message.Meta, opened) error {
					if failing {
						return errors.New("failing")
					}
					return nil
				})
			})
			w.keys.Store = small{w.keys.Store}
			e := w.engine()
			var batch []bus.Delivery
			for _, name := range []string{"large", "small"} {
				for i := range 50 {
					batch = append(batch, command(name+" "+strconv.Itoa(i), open{"a", name}))
				}
			}
			fail(w, true)
			for range 3 {
				for i, s := range e.HandleBatch(t.Context(), batch) {
					if s != bus.Retry {
						t.Fatalf("message %d was answered %v", i, s)
					}
				}
			}
			fail(w, false)
			w.handle(e, batch...)
			if got := letters(w.taken()); len(got) > 0 {
				t.Fatalf("parked: %s", got[0].Reason)
			}
			history := w.history(acct("a"))
			if len(history) != len(batch) {
				t.Fatalf("%d events of %d messages", len(history), len(batch))
			}
			for i, r := range history {
				if r.Cause.ID != batch[i].Message.ID {
					t.Fatalf("event %d is of %s, want %s", i, r.Cause.ID, batch[i].Message.ID)
				}
			}
		})
	}
}

func TestADocumentIsNoLargerThanAStoreTakes(t *testing.T) {
	const n = 60
	parked := func(w *world, e *handling.Engine) { w.handle(e, command("bad", deposit{"a", poison})) }
	freed := func(w *world, e *handling.Engine) { w.handle(e, discard("bad", "account/a")) }
	nothing := func(*world, *handling.Engine) {}
	for name, tc := range map[string]struct {
		before, after func(*world, *handling.Engine)
		batch         int
	}{
		"one after the other":         {nothing, nothing, 1},
		"in one batch":                {nothing, nothing, n},
		"behind a parked message":     {parked, freed, 1},
		"all behind a parked message": {parked, freed, n},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, renamed)
			w.keys.Store = small{w.keys.Store}
			e := w.engine()
			tc.before(w, e)
			w.taken()
			all := names(n, "name")
			for batch := range slices.Chunk(all, tc.batch) {
				w.handle(e, batch...)
			}
			tc.after(w, e)
			w.handle(e, names(1, "last")...)
			var order []string
			parked := map[string]bool{}
			for _, m := range w.taken() {
				switch b := m.Body.(type) {
				case opened:
					order = append(order, m.Cause.ID)
				case message.DeadLetter:
					parked[b.MessageID] = true
				}
			}
			want := []string{}
			for _, d := range append(all, names(1, "last")...) {
				if !parked[d.Message.ID] {
					want = append(want, d.Message.ID)
				}
			}
			if !slices.Equal(order, want) {
				t.Errorf("handled %v, want %v", order, want)
			}
			if h := w.history(acct("a")); len(h) != len(want) {
				t.Errorf("%d events of %d messages", len(h), len(want))
			}
		})
	}
}

// A batch that is too much for one commit is several, and still in order: what
// follows a message that is left for redelivery is left as well.
func TestWhatFollowsALeftMessageIsLeft(t *testing.T) {
	w := newWorld(t, renamed)
	e := w.engine()
	batch := names(20, "name")
	w.keys.read = once()
	for i, s := range e.HandleBatch(t.Context(), batch) {
		if s != bus.Retry {
			t.Errorf("message %d: %v", i, s)
		}
	}
	w.handle(e, batch...)
	for i, r := range w.history(acct("a")) {
		if r.Cause.ID != batch[i].Message.ID {
			t.Fatalf("event %d is of %s", i, r.Cause.ID)
		}
	}
}
