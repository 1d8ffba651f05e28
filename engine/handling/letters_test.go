package handling_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
)

// sentBack is a message of a dead letter as it is sent back.
func sentBack(id, original string, body any) bus.Delivery {
	d := command(id, body)
	d.Message.OriginalID = original
	return d
}

func letters(ms []message.Message) (out []message.DeadLetter) {
	for _, m := range ms {
		if l, ok := m.Body.(message.DeadLetter); ok {
			out = append(out, l)
		}
	}
	return out
}

// parkedAlone has a message parked without a record in its stream: too much is
// held there already.
func parkedAlone(t *testing.T, id string, amount int) (*world, *handling.Engine) {
	t.Helper()
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("bad", deposit{"a", poison}))
	var more []bus.Delivery
	for range 640 {
		more = append(more, command("", deposit{"a", 0}))
	}
	w.handle(e, more...)
	w.taken()
	w.handle(e, command(id, deposit{"a", amount}))
	if l := letters(w.taken()); len(l) != 1 || l[0].MessageID != id {
		t.Fatalf("letters %+v", l)
	}
	w.handle(e, discard("bad", "account/a"))
	w.taken()
	return w, e
}

func TestAMessageParkedAloneIsDecidedOnceAlsoWhenItComesAgainLate(t *testing.T) {
	w, e := parkedAlone(t, "alone", 5)
	w.handle(e, sentBack("back", "alone", deposit{"a", 5}))
	w.want(deposited{"a", 5})
	w.handle(e, command("alone", deposit{"a", 5})) // its late redelivery
	w.want()
}

func TestAMessageParkedAloneAndDiscardedIsNotDecidedWhenItComesAgainLate(t *testing.T) {
	w, e := parkedAlone(t, "alone", 5)
	w.handle(e, discard("alone", "account/a"))
	w.handle(e, command("alone", deposit{"a", 5}))
	w.want()
}

// A message that fails again after it was sent back stays parked under the id
// that it had at first, so that each of its letters can free the stream.
func TestAMessageThatFailsAgainIsParkedUnderItsFirstID(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("bad", deposit{"a", poison}), command("", deposit{"a", 2}))
	w.taken()
	w.handle(e, sentBack("back", "bad", deposit{"a", poison}))
	again := letters(w.taken())
	again = slices.DeleteFunc(again, func(l message.DeadLetter) bool { return l.MessageID == "bad" }) // once more
	if len(again) != 1 || again[0].MessageID != "back" || again[0].Original() != "bad" {
		t.Fatalf("letters %+v", again)
	}
	w.handle(e, command("", deposit{"a", 3}))
	w.want() // it waits, too
	if len(w.settled) != 0 {
		t.Errorf("settled %v", w.settled)
	}
	w.handle(e, sentBack("once more", again[0].Original(), deposit{"a", 1}))
	w.want(deposited{"a", 1}, deposited{"a", 2}, deposited{"a", 3})
	if want := []string{"once more"}; !slices.Equal(w.settled, want) {
		t.Errorf("settled %v, want %v", w.settled, want)
	}
}

// Whoever sent a message back is told when it has been handled, however often it
// comes, also when the app ends before it could tell.
func TestWhatWasSentBackIsSaidToBeSettled(t *testing.T) {
	for name, back := range map[string]bus.Delivery{
		"sent back": sentBack("back", "bad", deposit{"a", 1}),
		"discarded": func() bus.Delivery { d := discard("bad", "account/a"); d.Message.ID = "back"; return d }(),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.handle(w.engine(), command("", open{"a", "Ann"}), command("bad", deposit{"a", poison}))
			w.taken()
			w.bus.Break(true)
			if s := w.engine().HandleBatch(t.Context(), []bus.Delivery{back}); s[0] != bus.Retry {
				t.Fatalf("answered %v", s)
			}
			w.bus.Break(false)
			w.handle(w.engine(), back)
			w.taken()
			if want := []string{"back"}; !slices.Equal(w.settled, want) {
				t.Errorf("settled %v, want %v", w.settled, want)
			}
		})
	}
}

func TestAStreamCanBeFreedOfAllThatIsParkedInIt(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("bad", deposit{"a", poison}), command("", deposit{"a", 2}))
	w.taken()
	free := command("", message.Discarded{Stream: "account/a", All: true})
	free.Topic = "accounts"
	w.handle(e, free)
	w.want(deposited{"a", 2})
	w.handle(e, command("", deposit{"a", 3}))
	w.want(deposited{"a", 3})
}

// An effect that was discarded is not tried again, neither at once nor with what
// its stream handles next, and makes no other letter. One that failed later is
// none of that letter's.
func TestADiscardedEffectIsNotTriedAgain(t *testing.T) {
	tried := map[int]int{}
	w := newWorld(t, func(e *handling.Engine) {
		handling.Aggregate(e, accounts(0))
		handling.OnEvent(e, func(_ context.Context, _ message.Meta, d deposited) error {
			tried[d.Amount]++
			return errors.New("no such account at the other bank")
		})
	})
	e := w.engine()
	bad := command("bad", deposit{"a", 1})
	w.handle(e, command("", open{"a", "Ann"}))
	e.HandleBatch(t.Context(), []bus.Delivery{bad})
	w.now = w.now.Add(2 * time.Minute)
	w.handle(e, bad)
	made := letters(w.taken())
	if len(made) != 1 || made[0].EffectsThrough != 2 {
		t.Fatalf("letters %+v", made)
	}
	clear(tried)
	throwAway := command("", message.Discarded{Stream: "account/a", EffectsThrough: made[0].EffectsThrough})
	throwAway.Message.OriginalID, throwAway.Topic = "bad", "accounts"
	w.handle(e, throwAway)
	if l := letters(w.taken()); len(l) != 0 || len(tried) != 0 {
		t.Errorf("letters %+v, tried %v", l, tried)
	}
	e.HandleBatch(t.Context(), []bus.Delivery{command("next", deposit{"a", 2})})
	w.engine().HandleBatch(t.Context(), []bus.Delivery{command("and after a start", open{"a", "Again"})})
	if tried[1] != 0 || tried[2] == 0 {
		t.Errorf("tried %v", tried)
	}
}

// Otherwise it would come again for ever, and stop its topic.
func TestADiscardForAStreamThatIsNotHereIsAcknowledged(t *testing.T) {
	for _, name := range []string{"", "elsewhere/a"} {
		w := newWorld(t)
		w.handle(w.engine(), discard("bad", name))
		w.want()
	}
}
