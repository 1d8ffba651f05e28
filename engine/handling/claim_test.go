package handling_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
)

func refusedWith(code es.Code) func(any) bool {
	return func(e any) bool { r, ok := e.(es.CommandRejected); return ok && r.Code == code }
}

// failing has an aggregate whose decision on some commands fails after their keys were
// claimed: the first try, as if they were granted, succeeds.
func failing(fails func(command any) bool) es.Aggregate[account] {
	var mu sync.Mutex
	tried := map[string]int{}
	return deciding(accounts(0), func(env es.Env, _ account, c any, own func() ([]any, error)) ([]any, error) {
		mu.Lock()
		tried[env.MessageID]++
		n := tried[env.MessageID]
		mu.Unlock()
		if fails(c) && n%2 == 0 {
			panic("it cannot be decided")
		}
		return own()
	})
}

func TestAKeyGivenUpCanBeClaimedByAnother(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("", open{"b", "Bob"}))
	w.taken()
	w.handle(e, command("", rename{"b", "Ann"}))
	w.want(refusedWith("name-taken"))
	w.handle(e, command("", rename{"a", "Anna"}))
	w.want(gotName{"a", "Anna"})
	w.handle(e, command("", rename{"b", "Ann"}))
	w.want(gotName{"b", "Ann"})
	w.handle(e, command("", rename{"a", "Ann"}))
	w.want(refusedWith("name-taken"))
	w.handle(e, command("", rename{"a", "Bob"}))
	w.want(gotName{"a", "Bob"})
}

type dated struct{ At time.Time }

// A command whose events no message can hold takes nothing: it cannot be decided.
func TestAKeyOfACommandThatCannotBeDecidedStaysFree(t *testing.T) {
	a := deciding(accounts(0), func(_ es.Env, _ account, c any, own func() ([]any, error)) ([]any, error) {
		if o, ok := c.(open); ok && o.Account == "a" {
			return []any{dated{time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}}, nil // which JSON cannot hold
		}
		return own()
	})
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, a) })
	message.Register[dated](w.reg, "Dated.v1", message.Event, "events", nil)
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}))
	if got := letters(w.taken()); len(got) != 1 {
		t.Fatalf("dead letters %+v", got)
	}
	w.handle(e, command("", open{"b", "Ann"}))
	w.want(opened{"b", "Ann"})
}

// A key is kept for a parked command that claimed it, which may be sent back, and for
// what is kept back behind it; it is free when that is discarded.
func TestAKeyOfAParkedCommandIsFreedWhenThatIsDiscarded(t *testing.T) {
	a := failing(func(c any) bool { return c == open{"a", "Ann"} })
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, a) })
	e := w.engine()
	w.handle(e, command("bad", open{"a", "Ann"}))
	if got := letters(w.taken()); len(got) != 1 {
		t.Fatalf("dead letters %+v", got)
	}
	w.handle(e, command("", open{"b", "Ann"}))
	w.want(refusedWith("name-taken"))
	w.handle(e, discard("bad", "account/a"))
	w.handle(e, command("", open{"c", "Ann"}))
	w.want(opened{"c", "Ann"})
	w.handle(e, command("", open{"d", "Ann"}))
	w.want(refusedWith("name-taken"))
}

func TestAKeyOfAParkedCommandIsItsOwnWhenThatIsSentBack(t *testing.T) {
	broken := true
	a := failing(func(c any) bool { return broken && c == open{"a", "Ann"} })
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, a) })
	e := w.engine()
	w.handle(e, command("bad", open{"a", "Ann"}))
	w.handle(e, command("", open{"b", "Ann"}))
	w.taken()
	broken = false
	w.handle(e, sentBack("back", "bad", open{"a", "Ann"}))
	w.want(opened{"a", "Ann"})
	w.handle(e, command("", open{"c", "Ann"}))
	w.want(refusedWith("name-taken"))
}

// A command that was refused after it had claimed one of two keys does not keep it.
func TestAKeyOfARefusedCommandIsFree(t *testing.T) {
	both := func(name string) []string {
		first, second, _ := strings.Cut(name, " ")
		return []string{"name/" + first, "name/" + second}
	}
	a := accounts(0)
	a.Commands[0] = es.On(func(c open) string { return c.Account }, func(env es.Env, _ account, c open) ([]any, error) {
		for k, owner := range env.Claims {
			if owner != "account/"+c.Account {
				return nil, es.Refuse("name-taken", "%s", k)
			}
		}
		return []any{opened(c)}, nil
	}, es.Claims(func(c open) []string { return both(c.Name) }))
	a.Owns = func(s account) []string {
		if !s.Opened {
			return nil
		}
		return both(s.Name)
	}
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, a) })
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann Arbor"}))
	w.taken()
	w.handle(e, command("", open{"b", "Bob Arbor"}))
	w.want(refusedWith("name-taken"))
	w.handle(e, command("", open{"c", "Bob Cut"}))
	w.want(opened{"c", "Bob Cut"})
}

// The owner of a key is another engine in the middle of a decision: whichever of the two
// writes first, the key has one owner.
func TestAKeyIsNotTakenFromACommandThatIsBeingDecided(t *testing.T) {
	w := newWorld(t)
	here, there := w.engine(), w.engine()
	w.handle(here, command("", open{"a", "Ann"}), command("", open{"b", "Bob"}), command("", rename{"a", "Anna"}))
	w.taken()
	// a claims its old name again; before it commits, b wants it.
	between := false
	w.keys.before = func() bool {
		// The first write is the claim, the second the commit.
		if !between {
			between = true
			return false
		}
		w.keys.before = nil
		w.handle(there, command("", rename{"b", "Ann"}))
		return false
	}
	w.handle(here, command("", rename{"a", "Ann"}))
	var got []any
	for _, m := range w.taken() {
		if r, ok := m.Body.(es.CommandRejected); ok || m.Body == (gotName{"b", "Ann"}) || m.Body == (gotName{"a", "Ann"}) {
			got = append(got, r.Code, m.Body)
		}
	}
	if len(got) != 4 || got[0] != es.Code("name-taken") || got[3] != (gotName{"a", "Ann"}) {
		t.Errorf("published %+v", got)
	}
}

// Engines side by side, a store that fails before and after writes, commands that fail
// after they claimed, and letters that are discarded: a name has one owner, and one that
// nobody has can be had.
func TestKeysHaveOneOwnerAndNoneIsLost(t *testing.T) {
	const accounts, names = 6, 4
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 8))
		a := failing(func(c any) bool { r, ok := c.(rename); return ok && len(r.Name) == 4 })
		w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, a) })
		var mu sync.Mutex
		flaky := func() bool { mu.Lock(); defer mu.Unlock(); return rng.IntN(10) == 0 }
		name := func() string { return strings.Repeat("n", 1+rng.IntN(names)) }
		var work []bus.Delivery
		for i := range accounts {
			work = append(work, command("", open{fmt.Sprint(i), name()}))
		}
		for range 40 {
			work = append(work, command("", rename{fmt.Sprint(rng.IntN(accounts)), name()}))
		}
		w.keys.before, w.keys.after = flaky, flaky
		queue := make(chan bus.Delivery, 4*len(work))
		for _, d := range work {
			queue <- d
			if rng.IntN(3) == 0 {
				queue <- d // delivered twice
			}
		}
		close(queue)
		var wg sync.WaitGroup
		for range 3 {
			e := w.engine()
			wg.Go(func() {
				for d := range queue {
					for e.HandleBatch(t.Context(), []bus.Delivery{d})[0] != bus.Success {
					}
				}
			})
		}
		wg.Wait()
		w.keys.before, w.keys.after = nil, nil
		e := w.engine()
		parked := map[string]message.DeadLetter{}
		for _, m := range w.taken() {
			if l, ok := m.Body.(message.DeadLetter); ok {
				parked[l.MessageID] = l
			}
		}
		for len(parked) > 0 {
			for id, l := range parked {
				w.handle(e, discard(id, l.Stream))
				delete(parked, id)
			}
			for _, l := range letters(w.taken()) { // of what was kept back behind them
				parked[l.MessageID] = l
			}
		}

		owner := map[string]string{}
		has := map[string]string{}
		for i := range accounts {
			for _, r := range w.history(acct(fmt.Sprint(i))) {
				body, err := w.reg.Decode(message.Meta{Type: r.Type}, r.Data)
				if err != nil {
					t.Fatal(err)
				}
				switch b := body.(type) {
				case opened:
					has[b.Account] = b.Name
				case gotName:
					has[b.Account] = b.Name
				}
			}
		}
		for account, name := range has {
			if other, taken := owner[name]; taken {
				t.Fatalf("seed %d: %q belongs to account %s and to account %s", seed, name, account, other)
			}
			owner[name] = account
		}
		for n := range names {
			name := strings.Repeat("n", n+1)
			if _, taken := owner[name]; taken {
				continue
			}
			w.handle(e, command("", open{"new " + name, name}))
			w.want(opened{"new " + name, name})
		}
	}
}
