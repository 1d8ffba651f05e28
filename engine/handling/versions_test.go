package handling_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
)

// A bank of the next version has one type of event more, and a field.
type (
	depositedNext struct {
		Account  string
		Amount   int
		Currency string `json:",omitempty" since:"0.4"`
	}
	noted     struct{ Text string }
	note      struct{ Account, Text string }
	limitNext struct{ Limit int }
)

var (
	v3 = es.Version{Major: 0, Minor: 3}
	v4 = es.Version{Major: 0, Minor: 4}
)

func thisVersion() *message.Registry {
	r := registry()
	r.Versions(v3, v3)
	return r
}

func nextVersion(t *testing.T, writes string) *message.Registry {
	r := message.NewRegistry()
	r.Versions(v3, v4)
	message.Register(r, "Open.v1", message.Command, "accounts", func(m open) string { return m.Account })
	message.Register(r, "Deposit.v1", message.Command, "accounts", func(m deposit) string { return m.Account })
	message.Register(r, "Withdraw.v1", message.Command, "accounts", func(m withdraw) string { return m.Account })
	message.Register(r, "SetLimit.v1", message.Command, "accounts", func(m setLimit) string { return m.Bank })
	message.Register(r, "Note.v1", message.Command, "accounts", func(m note) string { return m.Account })
	message.Register(r, "Opened.v1", message.Event, "events", func(m opened) string { return m.Account })
	message.Register(r, "Deposited.v1", message.Event, "events", func(m depositedNext) string { return m.Account })
	message.Register(r, "Withdrawn.v1", message.Event, "events", func(m withdrawn) string { return m.Account })
	message.Register[limitNext](r, "LimitRaised.v1", message.Event, "events", nil)
	message.Register[limitSet](r, "LimitSet.v1", message.Event, "events", nil)
	message.Register[noted](r, "Noted.v1", message.Event, "events", nil)
	message.Register[es.CommandRejected](r, "CommandRejected.v1", message.Event, "events", nil)
	message.Register[es.CommandHadNoEffect](r, "CommandHadNoEffect.v1", message.Event, "events", nil)
	for _, later := range []string{"Noted.v1", "LimitRaised.v1", "Note.v1"} {
		r.Since(later, v4)
	}
	if err := r.Write(writes); err != nil {
		t.Fatal(err)
	}
	return r
}

// replica is one of the next version, beside those of w.
func (w *world) replica(r *message.Registry) *handling.Engine {
	e := handling.New(handling.Options{App: "bank", Registry: r, Keys: w.keys, Publisher: w.bus, Waker: w.wakes, Now: w.clock, Random: rand.Reader})
	rates := deciding(tariffs(), func(env es.Env, _ tariff, c any, own func() ([]any, error)) ([]any, error) {
		if !env.Writes.Before(v4) {
			return []any{limitNext(limitSet{c.(setLimit).Limit})}, nil
		}
		return own()
	})
	rates.Evolve = func(s tariff, e any) tariff {
		switch e := e.(type) {
		case limitSet:
			s.Limit = e.Limit
		case limitNext:
			s.Limit = e.Limit
		}
		return s
	}
	a := deciding(accounts(0), func(env es.Env, _ account, _ any, own func() ([]any, error)) ([]any, error) {
		events, err := own()
		for i, e := range events {
			if d, ok := e.(deposited); ok {
				events[i] = depositedNext{d.Account, d.Amount, "USD"}
				if !env.Writes.Before(v4) {
					events = append(events, noted{"thank you"})
				}
			}
		}
		return events, err
	})
	a.Commands = append(a.Commands, es.On(func(n note) string { return n.Account }, func(_ es.Env, _ account, n note) ([]any, error) {
		return []any{noted{n.Text}}, nil
	}))
	evolve := a.Evolve
	a.Evolve = func(s account, e any) account {
		if d, ok := e.(depositedNext); ok {
			e = deposited{d.Account, d.Amount}
		}
		return evolve(s, e)
	}
	handling.Aggregate(e, rates)
	handling.Aggregate(e, a)
	return e
}

// given is what the bank has in its streams and has told, by reading what was
// published.
type given struct {
	sum              map[string]int // deposits by account
	letters, refused int
	newer            int // forms that the old version does not know
}

func (w *world) given(g *given) {
	w.t.Helper()
	if g.sum == nil {
		g.sum = map[string]int{}
	}
	seen := map[string]bool{}
	for _, e := range w.bus.Take() {
		meta, data, err := message.FromCloudEvent(e.Event)
		if err != nil {
			w.t.Fatal(err)
		}
		if seen[meta.ID] {
			continue
		}
		seen[meta.ID] = true
		switch meta.Type {
		case message.TypeDeadLetter:
			g.letters++
		case "CommandRejected.v1":
			g.refused++
		case "Noted.v1", "LimitRaised.v1":
			g.newer++
		case "Deposited.v1":
			var d depositedNext
			if err := json.Unmarshal(data, &d); err != nil {
				w.t.Fatal(err)
			}
			g.sum[d.Account] += d.Amount
			if strings.Contains(string(data), "USD") {
				g.newer++
			}
		}
	}
}

// Two builds take turns at the same streams, there and back. As long as the forms of
// the older one are written, neither meets anything that it cannot read.
func TestTwoVersionsRollOverEachOther(t *testing.T) {
	w := newWorld(t)
	w.reg = thisVersion()
	older := []*handling.Engine{w.engine(), w.engine()}
	newer := []*handling.Engine{w.replica(nextVersion(t, "")), w.replica(nextVersion(t, "0.3"))}
	w.handle(older[0], command("", setLimit{theBank, 10}), command("", open{"a", "Ann"}), command("", open{"b", "Bob"}))
	n := 0
	for _, replicas := range [][]*handling.Engine{older, {older[0], newer[0]}, newer, {newer[1], older[1]}, older} {
		for i := range 50 {
			w.handle(replicas[i%2], command("", deposit{"a", 1}), command("", deposit{"b", 1}), command("", withdraw{"b", 1}), command("", setLimit{theBank, 10 + i}))
			n++
		}
	}
	var g given
	w.given(&g)
	if g.letters+g.refused+g.newer > 0 || g.sum["a"] != n || g.sum["b"] != n {
		t.Errorf("%+v, want %d deposits of each", g, n)
	}
	if _, waiting, err := newer[0].Waiting(t.Context(), 1); err != nil || waiting > 0 {
		t.Errorf("%d messages wait, %v", waiting, err)
	}
}

// What is of a newer version all the same (it was raised too early, or went back) is
// neither malformed nor an answer. Messages for a stream that cannot be read, or whose
// decision reads one, wait; nothing is parked or refused, and others go on. When a
// replica is there that reads it, they are handled, once.
func TestWhatCannotBeReadYetWaitsForTheNewerVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.reg = thisVersion()
		older, newer := w.engine(), w.replica(nextVersion(t, "0.4"))
		w.handle(older, command("", setLimit{theBank, 10}), command("", open{"a", "Ann"}), command("", open{"b", "Bob"}), command("", open{"c", "Cat"}))
		w.handle(newer, command("", deposit{"a", 1}), command("", setLimit{theBank, 20}))
		var g given
		w.given(&g)
		if g.newer == 0 {
			t.Fatal("nothing of the newer version was written")
		}

		unknown := delivery(nextVersionOf(t), "unknown", note{"c", "for the newer one"})
		unknown.Message.Body = nil // as the endpoint gives it
		for i := range 20 {
			batch := []bus.Delivery{command("a"+strconv.Itoa(i), deposit{"a", 1}), command("b"+strconv.Itoa(i), deposit{"b", 1}), command("w"+strconv.Itoa(i), withdraw{"c", 15}), unknown}
			w.handle(older, batch...)
			w.handle(older, batch...) // a broker repeats
		}
		before := g
		w.given(&g)
		if g.letters+g.refused > 0 || g.sum["a"] != 1 || g.sum["b"] != 20 || g.newer != before.newer {
			t.Errorf("%+v", g)
		}
		some, n, err := older.Waiting(t.Context(), 3)
		if err != nil || n != 41 || len(some) != 3 {
			t.Errorf("%d wait, %d are shown, %v", n, len(some), err)
		}

		// One of the older version looks again, and they wait on.
		runUntilIdle(t, older)
		if _, n, _ := older.Waiting(t.Context(), 1); n != 41 {
			t.Errorf("%d wait after the older version looked again", n)
		}
		runUntilIdle(t, newer)
		w.given(&g)
		if _, n, _ := newer.Waiting(t.Context(), 1); n != 0 {
			t.Errorf("%d wait on", n)
		}
		if g.letters+g.refused > 0 || g.sum["a"] != 21 || g.sum["b"] != 20 {
			t.Errorf("%+v", g)
		}
		withdrawals := 0
		for _, r := range w.history(acct("c")) {
			if r.Type == "Withdrawn.v1" {
				withdrawals++
			}
		}
		if withdrawals != 20 {
			t.Errorf("%d withdrawals, decided with the limit that the newer version had set", withdrawals)
		}
	})
}

func nextVersionOf(t *testing.T) *message.Registry { return nextVersion(t, "0.4") }

// runUntilIdle runs what an engine does beside its batches, once.
func runUntilIdle(t *testing.T, e *handling.Engine) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	synctest.Wait()
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// A command whose decision would be written in a form that is not written yet waits
// as well; so does one that is discarded by an operator, for ever.
func TestWhatIsNotWrittenYetWaits(t *testing.T) {
	w := newWorld(t)
	next := nextVersion(t, "0.4")
	e := w.replica(nextVersion(t, "0.3"))
	w.handle(e, command("", open{"a", "Ann"}), delivery(next, "early", note{"a", "hello"}), command("", deposit{"a", 1}))
	var g given
	w.given(&g)
	if g.letters+g.refused+g.newer > 0 || g.sum["a"] != 1 {
		t.Errorf("%+v", g)
	}
	some, n, err := e.Waiting(t.Context(), 10)
	if err != nil || n != 1 {
		t.Fatalf("%d wait, %v", n, err)
	}
	for name, m := range some {
		if m.ID != "early" || m.Type != "Note.v1" {
			t.Errorf("%+v", m)
		}
		if err := e.DiscardWaiting(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if _, n, _ := e.Waiting(t.Context(), 10); n != 0 {
		t.Errorf("%d wait", n)
	}
}

// A document with the forms of a later version is not written by an older one, which
// would lose what it does not know.
func TestADocumentWithLaterFormsIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.reg = thisVersion()
	w.handle(w.replica(nextVersion(t, "0.4")), command("", open{"a", "Ann"}))
	older := w.engine()
	w.handle(older, command("", deposit{"a", 1}))
	if n := len(w.history(acct("a"))); n != 1 {
		t.Errorf("%d events", n)
	}
	if _, n, _ := older.Waiting(t.Context(), 1); n != 1 {
		t.Errorf("%d wait", n)
	}
}
