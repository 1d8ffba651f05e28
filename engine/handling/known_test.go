package handling_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/handling"
)

func known(t *testing.T, e *handling.Engine, d ...bus.Delivery) []bool {
	t.Helper()
	got, err := e.Known(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhatWasHandledIsKnown(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	open, refused, later := command("", open{"a", "ann"}), command("", deposit{"b", 1}), command("", deposit{"a", 2})
	if got := known(t, e, open, refused, later); slices.Contains(got, true) {
		t.Errorf("nothing was handled, and known is %v", got)
	}
	w.handle(e, open, refused)
	for name, e := range map[string]*handling.Engine{"that handled it": e, "that just started": w.engine()} {
		if got := known(t, e, open, refused, later); !slices.Equal(got, []bool{true, true, false}) {
			t.Errorf("known to an engine %s: %v", name, got)
		}
	}
	w.taken()
	w.handle(e, later) // asking has changed nothing
	w.want(deposited{"a", 2})
	if got := known(t, e, command("", gotName{"a", "x"})); !got[0] {
		t.Error("a message that nothing here is for is asked for")
	}
}

// Where only some ids are kept, what would do nothing need not come again. What would be
// refused may be one whose answer was never given.
func TestWhatWouldDoNothingIsKnownWhereIDsAreForgotten(t *testing.T) {
	w := newWorld(t, func(e *handling.Engine) {
		handling.Aggregate(e, tariffs())
		handling.Aggregate(e, accounts(1))
	})
	e := w.engine()
	opens, deposits := command("", open{"a", "ann"}), command("", deposit{"a", 1})
	w.handle(e, opens, deposits, command("", deposit{"a", 1}))
	if got := known(t, e, opens, deposits, command("", withdraw{"a", 9})); !slices.Equal(got, []bool{true, false, false}) {
		t.Errorf("known: %v", got)
	}
}

func TestEventsAreReadAgainAsTheyWerePublished(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", open{"a", "ann"}))
	for i := range 200 {
		w.handle(e, command("", deposit{"a", i}))
	}
	published := w.taken()
	again, err := e.Events(t.Context(), "main", "account/a", 60, 201)
	if err != nil || len(again) != 142 {
		t.Fatalf("%d events, %v", len(again), err)
	}
	for i, m := range again {
		was := published[59+i]
		if m.ID != was.ID || m.StreamVersion != was.StreamVersion || m.Type != was.Type || m.Cause.ID != was.Cause.ID {
			t.Fatalf("event %d: %+v, and was %+v", 60+i, m.Meta, was.Meta)
		}
		if body, err := w.reg.Decode(m.Meta, m.Body.(json.RawMessage)); err != nil || body != was.Body {
			t.Fatalf("event %d: %v, %v; was %v", 60+i, body, err, was.Body)
		}
	}
	if _, err := e.Events(t.Context(), "main", "other/a", 1, 2); err == nil {
		t.Error("events of a stream that is not here")
	}
}
