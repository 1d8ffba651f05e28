package handling_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

func TestABatchIsDecidedInOrderAndCommittedOncePerStream(t *testing.T) {
	w := newWorld(t)
	writes := 0
	w.keys.before = func() bool { writes++; return false }
	w.handle(w.engine(),
		command("", open{"a", "Ann"}), command("", deposit{"a", 5}), command("", open{"b", "Bob"}), command("", deposit{"a", 7}))
	got := w.want(opened{"a", "Ann"}, deposited{"a", 5}, deposited{"a", 7}, opened{"b", "Bob"})
	if writes != 2+2 { // two documents, two claims
		t.Errorf("%d writes", writes)
	}
	for i, v := range []uint64{1, 2, 3, 1} {
		if got[i].StreamVersion != v {
			t.Errorf("event %d has version %d, want %d", i, got[i].StreamVersion, v)
		}
	}
}

func TestAnEventTellsWhatCausedIt(t *testing.T) {
	w := newWorld(t)
	c := command("c-1", open{"a", "Ann"})
	c.Message.Cause.ID, c.Message.Actor = "e-0", "ann"
	w.handle(w.engine(), c)
	m := w.want(opened{"a", "Ann"})[0]
	if m.Cause.ID != "c-1" || m.Cause.Type != "Open.v1" || m.Cause.CauseID != "e-0" || m.Cause.Source != "test" || m.Cause.Actor != "ann" || m.Cause.Time.IsZero() {
		t.Errorf("cause %+v", m.Cause)
	}
	if m.Stream != "account/a" || m.Tenant != "main" || m.CorrelationID != "conversation" || m.TraceParent != c.Message.TraceParent || m.Source != "bank" {
		t.Errorf("meta %+v", m.Meta)
	}
}

func TestAMessageDeliveredAgainIsNotDecidedAgain(t *testing.T) {
	for name, again := range map[string]func(w *world, e *handling.Engine) *handling.Engine{
		"by the same process":     func(_ *world, e *handling.Engine) *handling.Engine { return e },
		"by one that has started": func(w *world, _ *handling.Engine) *handling.Engine { return w.engine() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.engine()
			d := command("", deposit{"a", 5})
			w.handle(e, command("", open{"a", "Ann"}), d)
			w.taken()
			w.handle(again(w, e), d, d)
			for _, m := range w.taken() {
				if m.StreamVersion > 2 {
					t.Errorf("published %+v", m)
				}
			}
			if n := len(w.history(acct("a"))); n != 2 {
				t.Errorf("%d events", n)
			}
		})
	}
}

func TestACrashBetweenCommitAndPublishIsRepairedByRedelivery(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}))
	w.taken()
	d := command("", deposit{"a", 5})
	w.bus.Break(true)
	if s := e.HandleBatch(context.Background(), []bus.Delivery{d}); s[0] != bus.Retry {
		t.Fatalf("acknowledged with %v although nothing was published", s[0])
	}
	w.bus.Break(false)
	w.handle(w.engine(), d)
	got := w.taken()
	last := got[len(got)-1]
	if last.Body != (deposited{"a", 5}) || last.ID != stream.EventID(stream.Key{Tenant: "main", Ref: acct("a")}, 2) {
		t.Errorf("published %+v", bodiesOf(got))
	}
	if n := len(w.history(acct("a"))); n != 2 {
		t.Errorf("%d events", n)
	}
}

func TestACommitThatReportsFailureMayHaveHappened(t *testing.T) {
	for name, fail := range map[string]func(*faultyStore){
		"it did":     func(f *faultyStore) { f.after = once() },
		"it did not": func(f *faultyStore) { f.before = once() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.engine()
			w.handle(e, command("", open{"a", "Ann"}))
			w.taken()
			fail(w.keys)
			w.handle(e, command("", deposit{"a", 5}))
			got := w.taken()
			if last := got[len(got)-1]; last.Body != (deposited{"a", 5}) {
				t.Errorf("published %+v", bodiesOf(got))
			}
			if n := len(w.history(acct("a"))); n != 2 {
				t.Errorf("%d events", n)
			}
		})
	}
}

func TestAStoreThatCannotBeReadLeavesTheBatchForRedelivery(t *testing.T) {
	w := newWorld(t)
	w.keys.read = func() bool { return true }
	s := w.engine().HandleBatch(context.Background(), []bus.Delivery{command("", open{"a", "Ann"})})
	if s[0] != bus.Retry || len(w.taken()) > 0 {
		t.Errorf("status %v", s[0])
	}
}

func TestReplicasRacingForOneStreamLoseNothing(t *testing.T) {
	w := newWorld(t)
	w.handle(w.engine(), command("", open{"a", "Ann"}))
	w.taken()
	var wg sync.WaitGroup
	const replicas, each = 6, 30
	for range replicas {
		e := w.engine()
		wg.Go(func() {
			for range each {
				d := command("", deposit{"a", 1})
				for e.HandleBatch(context.Background(), []bus.Delivery{d})[0] != bus.Success {
				}
			}
		})
	}
	wg.Wait()
	rs := w.history(acct("a"))
	if len(rs) != 1+replicas*each {
		t.Fatalf("%d events", len(rs))
	}
	published := map[uint64]bool{}
	for _, m := range w.taken() {
		published[m.StreamVersion] = true
	}
	for _, r := range rs[1:] {
		if !published[r.Version] {
			t.Errorf("version %d was committed and never published", r.Version)
		}
	}
}

func TestARefusalIsAnEventOfTheStream(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", setLimit{theBank, 10}), command("", open{"a", "Ann"}))
	w.taken()
	d := command("c-9", withdraw{"a", 11})
	w.handle(e, d)
	m := w.want(es.CommandRejected{CommandID: "c-9", CommandType: "Withdraw.v1", Code: "over-limit", Detail: "10"})[0]
	if m.Stream != "account/a" || m.StreamVersion != 2 {
		t.Errorf("in %s at %d", m.Stream, m.StreamVersion)
	}
	// It is not reconsidered, although it would be accepted now.
	w.handle(e, command("", setLimit{theBank, 100}))
	w.taken()
	w.handle(w.engine(), d)
	for _, m := range w.taken() {
		if _, ok := m.Body.(withdrawn); ok {
			t.Error("a command got two answers")
		}
	}
}

func TestARefusalWithoutAStreamGetsOneOfItsOwn(t *testing.T) {
	w := newWorld(t)
	d := command("c-7", deposit{"nobody", 1})
	w.handle(w.engine(), d)
	m := w.want(es.CommandRejected{CommandID: "c-7", CommandType: "Deposit.v1", Code: "no-account", Detail: "nobody"})[0]
	if m.Stream != "refusal/c-7" || m.StreamVersion != 1 {
		t.Errorf("in %s at %d", m.Stream, m.StreamVersion)
	}
	// The stream begins afterwards; the command, delivered again, keeps its answer.
	e := w.engine()
	w.handle(e, command("", open{"nobody", "Nobody"}))
	w.taken()
	w.handle(w.engine(), d)
	for _, again := range w.taken() {
		if _, ok := again.Body.(deposited); ok {
			t.Error("a command got two answers")
		}
	}
	if n := len(w.history(acct("nobody"))); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestARefusalWithoutAStreamSurvivesACrashBeforePublishing(t *testing.T) {
	w := newWorld(t)
	d := command("c-7", deposit{"nobody", 1})
	w.bus.Break(true)
	w.engine().HandleBatch(context.Background(), []bus.Delivery{d})
	w.bus.Break(false)
	w.handle(w.engine(), d)
	w.want(es.CommandRejected{CommandID: "c-7", CommandType: "Deposit.v1", Code: "no-account", Detail: "nobody"})
}

func TestACommandWithoutEffectIsAnswered(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}))
	w.taken()
	w.handle(e, command("c-2", open{"a", "Ann"}))
	w.want(es.CommandHadNoEffect{CommandID: "c-2", CommandType: "Open.v1"})
}

func TestWhatOthersReadIsCommittedBeforeTheyAreDecided(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}))
	w.taken()
	w.handle(e, command("", withdraw{"a", 5}), command("", setLimit{theBank, 10}))
	w.want(limitSet{10}, withdrawn{"a", 5})
}

func TestAClaimedKeyHasOneOwner(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for i := range 10 {
		e := w.engine()
		wg.Go(func() { w.handle(e, command("", open{fmt.Sprint(i), "Ann"})) })
	}
	wg.Wait()
	won := 0
	for _, m := range w.taken() {
		if _, ok := m.Body.(opened); ok {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d accounts have the name", won)
	}
}

func TestConcludeSumsUpABatchOnce(t *testing.T) {
	a := accounts(0)
	a.Conclude = func(s account) []any {
		if s.Balance == s.Announced {
			return nil
		}
		return []any{balance{"a", s.Balance}}
	}
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, a) })
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("", deposit{"a", 1}), command("", deposit{"a", 2}))
	w.want(opened{"a", "Ann"}, deposited{"a", 1}, deposited{"a", 2}, balance{"a", 3})
	w.handle(e, command("", open{"a", "Ann"}))
	w.taken()
	w.handle(e, command("", deposit{"a", 4}))
	w.want(deposited{"a", 4}, balance{"a", 7})
}

func TestAMessageThatFailsByItselfIsParkedAndHoldsBackItsStreamOnly(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	bad := command("bad", deposit{"a", poison})
	w.handle(e, command("", open{"a", "Ann"}), command("", open{"b", "Bob"}))
	w.taken()
	w.handle(e, bad, command("", deposit{"a", 2}), command("", deposit{"b", 3}))
	var letter message.DeadLetter
	var deposits []any
	for _, m := range w.taken() {
		switch b := m.Body.(type) {
		case message.DeadLetter:
			letter = b
		case deposited:
			deposits = append(deposits, b)
		}
	}
	if len(deposits) != 1 || deposits[0] != (deposited{"b", 3}) {
		t.Errorf("deposits %v", deposits)
	}
	if letter.MessageID != "bad" || letter.Stream != "account/a" || letter.Attempts != 3 || letter.Topic != "accounts" || letter.App != "bank" || letter.Reason == "" {
		t.Errorf("letter %+v", letter)
	}

	// Later messages of the stream wait, also after a restart.
	e = w.engine()
	w.handle(e, command("", deposit{"a", 4}), bad)
	for _, m := range w.taken() {
		if _, ok := m.Body.(deposited); ok {
			t.Errorf("published %+v before the one parked", m.Body)
		}
	}
	if n := len(w.history(acct("a"))); n != 1 {
		t.Fatalf("%d events", n)
	}

	t.Run("sent back, it goes first", func(t *testing.T) {
		// What an operator sends back is the message in the letter; here the fault
		// has been mended, so it says another amount.
		meta, _, err := message.FromCloudEvent(letter.Message)
		if err != nil || meta.ID != "bad" {
			t.Fatalf("%v, %v", meta.ID, err)
		}
		mended := command("mended", deposit{"a", 1})
		mended.Message.OriginalID = "bad"
		w.handle(e, mended, command("", deposit{"a", 8}))
		w.want(deposited{"a", 1}, deposited{"a", 2}, deposited{"a", 4}, deposited{"a", 8})
		again := command("mended-again", deposit{"a", 1})
		again.Message.OriginalID = "bad"
		w.handle(e, again)
		w.want()
	})
}

func TestADiscardedDeadLetterLetsTheOthersGoOn(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("bad", deposit{"a", poison}), command("", deposit{"a", 2}))
	w.taken()
	out := bus.Outgoing{Registry: w.reg, Source: "query", Now: time.Now}
	sent, err := out.Encode(t.Context(), message.Message{
		Meta: message.Meta{ID: uuid.NewString(), OriginalID: "bad"}, Body: message.Discarded{Stream: "account/a"},
		To: &message.Address{Kind: message.Command, Topic: "accounts"},
	})
	if err != nil {
		t.Fatal(err)
	}
	meta, data, err := message.FromCloudEvent(sent.Event)
	if err != nil {
		t.Fatal(err)
	}
	w.handle(w.engine(), bus.Delivery{Message: message.Message{Meta: meta, Body: message.Discarded{Stream: "account/a"}}, Data: data, Topic: "accounts"})
	got := w.taken()
	if last := got[len(got)-1]; last.Body != (deposited{"a", 2}) {
		t.Errorf("published %+v", bodiesOf(got))
	}
}

func TestAStreamThatCannotBeReadParksItsMessages(t *testing.T) {
	w := newWorld(t)
	w.keys.Store.Save(context.Background(), []state.Write{{Key: "main/account/a", Value: []byte("not a document")}})
	w.handle(w.engine(), command("", deposit{"a", 1}))
	w.want(func(m any) bool { l, ok := m.(message.DeadLetter); return ok && l.Stream == "account/a" })
}

func TestAnEffectIsRepeatedUntilItSucceeds(t *testing.T) {
	fail := true
	var seen []int
	w := newWorld(t, func(e *handling.Engine) {
		handling.Aggregate(e, accounts(0))
		handling.OnEvent(e, func(_ context.Context, m message.Meta, d deposited) error {
			if fail {
				return errStore
			}
			seen = append(seen, d.Amount)
			return nil
		})
	})
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}))
	d := command("", deposit{"a", 5})
	if s := e.HandleBatch(context.Background(), []bus.Delivery{d}); s[0] != bus.Retry {
		t.Fatal("acknowledged although the effect failed")
	}
	fail = false
	w.handle(e, d)
	if len(seen) != 1 || seen[0] != 5 {
		t.Errorf("seen %v", seen)
	}
}

// saver is a process that deposits interest when it is woken.
type savings struct {
	Account string
	Due     time.Time
	Sent    []string
}

func saver() es.Process[savings] {
	return es.Process[savings]{
		Name: "saver", New: func() savings { return savings{} },
		Route: func(in es.Input) (string, bool) {
			o, ok := in.Message.(opened)
			return o.Account, ok
		},
		Step: func(s savings, in es.Input, out *es.Outbox) savings {
			switch m := in.Message.(type) {
			case opened:
				s.Account, s.Due = m.Account, in.Now.Add(time.Hour)
				out.WakeAt(s.Due)
			case es.WakeUp:
				if s.Account == "" || in.Now.Before(s.Due) {
					return s
				}
				s.Sent = append(s.Sent, out.Send(deposit{s.Account, 1}))
				s.Due = in.Now.Add(time.Hour)
				out.WakeAt(s.Due)
			}
			return s
		},
	}
}

func TestAProcessRemembersWhatItHandledAndWhatItSent(t *testing.T) {
	w := newWorld(t, func(e *handling.Engine) { handling.Process(e, saver()) })
	e := w.engine()
	event := command("e-1", opened{"a", "Ann"})
	w.handle(e, event, event)
	w.want()
	due := w.now.Add(time.Hour)
	if got := w.wakes.set["main/saver/a"]; !got.At.Equal(due) {
		t.Fatalf("woken at %v", got.At)
	}
	ref := es.Ref{Aggregate: "saver", ID: "a"}
	// Early: nothing happens, and nothing is recorded.
	if err := e.Wake(context.Background(), "main", []string{"a"}); err != nil || len(w.history(ref)) != 1 {
		t.Fatalf("%v, %d records", err, len(w.history(ref)))
	}
	// In time, and twice.
	w.now = due
	for range 2 {
		if err := w.engine().Wake(context.Background(), "main", []string{"a"}); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, m := range w.taken() {
		if m.Body != (deposit{"a", 1}) || m.Cause.Type != message.TypeWakeUp {
			t.Errorf("sent %+v", m)
		}
		ids = append(ids, m.ID)
	}
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("commands %v", ids)
		}
	}
	if len(ids) == 0 || len(w.history(ref)) != 2 {
		t.Errorf("%d commands, %d records", len(ids), len(w.history(ref)))
	}
}

func TestALongStreamLoadsFromItsSnapshot(t *testing.T) {
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, accounts(100)) })
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}))
	const n = 1000
	for i := 0; i < n; i += 10 {
		var batch []bus.Delivery
		for range 10 {
			batch = append(batch, command("", deposit{"a", 1}))
		}
		w.handle(e, batch...)
	}
	rs := w.history(acct("a"))
	if len(rs) != n+1 {
		t.Fatalf("%d events", len(rs))
	}
	for i, r := range rs {
		if r.Version != uint64(i+1) {
			t.Fatalf("event %d has version %d", i, r.Version)
		}
	}
	balanceAfter := func(t *testing.T, change func(*es.Aggregate[account])) int {
		a := accounts(100)
		a.Conclude = func(s account) []any { return []any{balance{"a", s.Balance}} }
		change(&a)
		w.setup = []func(*handling.Engine){func(e *handling.Engine) { handling.Aggregate(e, a) }}
		w.taken()
		w.keys.reads = 0
		w.handle(w.engine(), command("", deposit{"a", 1}))
		got := w.taken()
		return got[len(got)-1].Body.(balance).Amount
	}
	t.Run("with few reads", func(t *testing.T) {
		if b := balanceAfter(t, func(*es.Aggregate[account]) {}); b != n+1 || w.keys.reads > 2 {
			t.Errorf("balance %d after %d reads", b, w.keys.reads)
		}
	})
	t.Run("a snapshot of another schema is rebuilt from the events", func(t *testing.T) {
		if b := balanceAfter(t, func(a *es.Aggregate[account]) { a.SnapshotSchema = 2 }); b != n+2 || w.keys.reads < 10 {
			t.Errorf("balance %d after %d reads", b, w.keys.reads)
		}
	})
}

// Whatever fails whenever: in the end every message is decided exactly once, and
// every committed event was published.
func TestAnyFaultAnywhereIsRepaired(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, accounts(0)) })
			w.handle(w.engine(), command("", open{"a", "Ann"}), command("", open{"b", "Bob"}))
			w.keys.before, w.keys.after, w.keys.read = sometimes(r, 8), sometimes(r, 8), sometimes(r, 15)
			var waiting []bus.Delivery
			sum := map[string]int{}
			for i := range 80 {
				d := deposit{string(rune('a' + r.IntN(2))), i + 1}
				sum[d.Account] += d.Amount
				waiting = append(waiting, command("", d))
			}
			published := map[string]any{}
			e := w.engine()
			for round := 0; len(waiting) > 0; round++ {
				if round > 10_000 {
					t.Fatal("never ends")
				}
				r.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] })
				n := 1 + r.IntN(len(waiting))
				batch := append([]bus.Delivery(nil), waiting[:n]...)
				w.bus.Break(r.IntN(4) == 0)
				statuses := e.HandleBatch(context.Background(), batch)
				w.bus.Break(false)
				waiting = waiting[n:]
				for i, s := range statuses {
					if s != bus.Success || r.IntN(10) == 0 { // or the acknowledgement is lost
						waiting = append(waiting, batch[i])
					}
				}
				if r.IntN(3) == 0 {
					e = w.engine() // crash
				}
				for _, m := range w.taken() {
					if old, ok := published[m.ID]; ok && old != m.Body {
						t.Fatalf("event %s was %v and is %v", m.ID, old, m.Body)
					}
					published[m.ID] = m.Body
				}
			}
			for _, account := range []string{"a", "b"} {
				got := 0
				for _, rec := range w.history(acct(account)) {
					var d deposited
					if err := json.Unmarshal(rec.Data, &d); err != nil {
						t.Fatal(err)
					}
					got += d.Amount
					id := stream.EventID(stream.Key{Tenant: "main", Ref: acct(account)}, rec.Version)
					if _, ok := published[id]; !ok && rec.Version > 1 {
						t.Errorf("%s version %d was committed and never published", account, rec.Version)
					}
				}
				if got != sum[account] {
					t.Errorf("%s has %d, want %d", account, got, sum[account])
				}
			}
		})
	}
}

func TestAnEventTellsWhereItsDecisionEnds(t *testing.T) {
	a := deciding(accounts(0), func(_ es.Env, _ account, c any, own func() ([]any, error)) ([]any, error) {
		events, err := own()
		if d, ok := c.(deposit); ok {
			events = append(events, deposited{d.Account, 1}, deposited{d.Account, 2})
		}
		return events, err
	})
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, a) })
	w.handle(w.engine(), command("", open{"a", "Ann"}), command("", deposit{"a", 5}), command("", deposit{"a", 7}))
	var ends []uint64
	for _, m := range w.taken() {
		ends = append(ends, m.DecisionEnd)
	}
	if want := []uint64{0, 4, 4, 0, 7, 7, 0}; !slices.Equal(ends, want) {
		t.Errorf("decisions end at %v, want %v", ends, want)
	}
}
