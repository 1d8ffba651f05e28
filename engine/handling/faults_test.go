package handling_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// A claim that cannot be made because the store fails is no fault of the
// command.
func TestAStoreThatFailsWhileAKeyIsClaimedParksNothing(t *testing.T) {
	for name, fail := range map[string]func(*faultyStore){
		"the claim is not written": func(f *faultyStore) { f.before = func() bool { return true } },
		"nor can it be read":       func(f *faultyStore) { f.before = func() bool { return true }; f.read = everySecond() },
		"it is written, and cannot be read": func(f *faultyStore) { // the stream can
			f.read = everySecond()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			fail(w.keys)
			e := w.engine()
			d := command("", open{"a", "Ann"})
			if s := e.HandleBatch(t.Context(), []bus.Delivery{d}); s[0] != bus.Retry {
				t.Errorf("answered with %v", s[0])
			}
			w.keys.before, w.keys.read = nil, nil
			w.handle(e, d)
			w.want(opened{"a", "Ann"})
		})
	}
}

func everySecond() func() bool {
	n := 0
	return func() bool { n++; return n%2 == 0 }
}

// A store that fails while another stream is read is no reason to decide
// without it.
func TestAStoreThatFailsWhileAnotherStreamIsReadRefusesNothing(t *testing.T) {
	w := newWorld(t)
	w.handle(w.engine(), command("", setLimit{theBank, 10}), command("", open{"a", "Ann"}))
	w.taken()
	e, d := w.engine(), command("", withdraw{"a", 7})
	w.keys.read = everySecond()
	if s := e.HandleBatch(t.Context(), []bus.Delivery{d}); s[0] != bus.Retry {
		t.Errorf("answered with %v", s[0])
	}
	w.keys.read = nil
	w.handle(e, d)
	got := w.taken()
	if last := got[len(got)-1]; last.Body != (withdrawn{"a", 7}) {
		t.Errorf("published %+v", last.Body)
	}
}

// Data of 0.2.0 is neither read nor written: the app ends with a sentence.
func TestDataOfAnOlderVersionIsLeftAlone(t *testing.T) {
	for name, d := range map[string]bus.Delivery{
		"of the stream":                  command("", deposit{"a", 1}),
		"of one that the decision reads": command("", withdraw{"b", 1}),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			old := []byte(`{"schema":2,"version":1,"commit":"c","tail":[{"v":1,"type":"Opened.v1","time":"2026-11-20T12:00:00Z","data":{}}]}`)
			for _, key := range []string{"main/account/a", "main/tariff/" + theBank} {
				w.keys.Store.Save(t.Context(), []state.Write{{Key: key, Value: old}})
			}
			e := w.engine()
			if s := e.HandleBatch(t.Context(), []bus.Delivery{d}); s[0] != bus.Retry {
				t.Errorf("answered %v", s[0])
			}
			w.want()
			if err := e.Run(t.Context()); !errors.Is(err, stream.ErrTooOld) {
				t.Errorf("the app goes on: %v", err)
			}
			got, err := w.keys.Store.Get(t.Context(), []string{"main/account/a"})
			if err != nil || string(got["main/account/a"].Value) != string(old) {
				t.Errorf("%s, %v", got["main/account/a"].Value, err)
			}
		})
	}
}

// One that cannot be read is not as one that is not there: nothing is refused on
// account of it.
func TestADecisionOnAnotherStreamThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.keys.Store.Save(t.Context(), []state.Write{{Key: "main/tariff/" + theBank, Value: []byte("not a document")}})
	w.handle(w.engine(), command("c", withdraw{"a", 7}))
	w.want(func(m any) bool { l, ok := m.(message.DeadLetter); return ok && l.MessageID == "c" })
}

// A command that changes nothing may change something later. Where all ids are
// kept it is decided once all the same; where they are not, and for wake-ups,
// nothing is written for nothing.
func TestACommandThatChangesNothing(t *testing.T) {
	quiet := func(handled int) es.Aggregate[account] {
		a := deciding(accounts(handled), func(_ es.Env, s account, c any, own func() ([]any, error)) ([]any, error) {
			if _, ok := c.(deposit); ok && !s.Opened {
				return nil, nil
			}
			return own()
		})
		a.AnswersNoEffect = false
		return a
	}
	t.Run("is decided once where all ids are kept", func(t *testing.T) {
		w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, quiet(0)) })
		early := command("", deposit{"a", 1})
		w.handle(w.engine(), early)
		w.handle(w.engine(), command("", open{"a", "Ann"}))
		w.handle(w.engine(), early)
		for _, m := range w.taken() {
			if _, ok := m.Body.(deposited); ok {
				t.Error("it was decided again")
			}
		}
	})
	t.Run("writes nothing where they are not", func(t *testing.T) {
		w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, quiet(10)) })
		w.keys.before = func() bool { t.Error("written"); return false }
		w.handle(w.engine(), command("", deposit{"a", 1}))
		w.want()
	})
	t.Run("nor does a wake-up that comes early", func(t *testing.T) {
		w := newWorld(t, func(e *handling.Engine) { handling.Process(e, saver()) })
		w.handle(w.engine(), command("", opened{"a", "Ann"}))
		w.keys.before = func() bool { t.Error("written"); return false }
		if err := w.engine().Wake(t.Context(), "main", []string{"a"}); err != nil {
			t.Fatal(err)
		}
	})
}

// A decision has the command's id and the cryptographic source.
func TestWhatADecisionMayKnow(t *testing.T) {
	var known es.Env
	a := deciding(accounts(0), func(env es.Env, _ account, _ any, own func() ([]any, error)) ([]any, error) {
		known = env
		return own()
	})
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, a) })
	w.handle(w.engine(), command("c-5", open{"a", "Ann"}))
	if known.MessageID != "c-5" || known.Random != rand.Reader || !known.Now.Equal(w.now) {
		t.Errorf("%+v", known)
	}
}

// An event that the code of today fails on is like one that cannot be read: its
// stream waits for an operator, the others go on.
func TestAStreamWhoseEventsCannotBeFoldedParksItsMessages(t *testing.T) {
	w := newWorld(t)
	w.handle(w.engine(), command("", open{"a", "Ann"}), command("", open{"b", "Bob"}))
	w.taken()
	broken := accounts(0)
	broken.Evolve = func(s account, e any) account {
		if o, ok := e.(opened); ok && o.Account == "a" {
			panic("no such case")
		}
		return accounts(0).Evolve(s, e)
	}
	w.setup = []func(*handling.Engine){func(e *handling.Engine) { handling.Aggregate(e, broken) }}
	w.handle(w.engine(), command("", deposit{"a", 1}), command("", deposit{"b", 2}))
	var letters, deposits int
	for _, m := range w.taken() {
		switch b := m.Body.(type) {
		case message.DeadLetter:
			letters++
		case deposited:
			deposits += b.Amount
		}
	}
	if letters != 1 || deposits != 2 {
		t.Errorf("%d letters, deposits of %d", letters, deposits)
	}
}

// depositedAgain is a later form of deposited.
type depositedAgain struct {
	Account string
	Cents   int
}

// later is the registry of a version that calls Deposited.v1 something else.
func later() *message.Registry {
	r := message.NewRegistry()
	message.Register(r, "Open.v1", message.Command, "accounts", func(m open) string { return m.Account })
	message.Register(r, "Deposit.v1", message.Command, "accounts", func(m deposit) string { return m.Account })
	message.Register(r, "Opened.v1", message.Event, "events", func(m opened) string { return m.Account })
	message.Register(r, "Deposited.v2", message.Event, "events", func(m depositedAgain) string { return m.Account })
	message.Register[es.CommandRejected](r, "CommandRejected.v1", message.Event, "events", nil)
	message.Register[es.CommandHadNoEffect](r, "CommandHadNoEffect.v1", message.Event, "events", nil)
	r.Upcast("Deposited.v1", func(data json.RawMessage) (string, json.RawMessage, error) {
		var old deposited
		if err := json.Unmarshal(data, &old); err != nil {
			return "", nil, err
		}
		data, err := json.Marshal(depositedAgain{old.Account, 100 * old.Amount})
		return "Deposited.v2", data, err
	})
	return r
}

// What was committed by a version that ended before it could publish is carried
// out by the next, also when that knows the event by another type.
func TestAnEventOfAnOlderTypeIsCarriedOutAfterACrash(t *testing.T) {
	w := newWorld(t)
	w.handle(w.engine(), command("", open{"a", "Ann"}))
	w.taken()
	d := command("", deposit{"a", 5})
	w.bus.Break(true)
	w.engine().HandleBatch(t.Context(), []bus.Delivery{d})
	w.bus.Break(false)

	w.reg = later()
	var seen []depositedAgain
	w.setup = []func(*handling.Engine){func(e *handling.Engine) {
		handling.Aggregate(e, accounts(0))
		handling.OnEvent(e, func(_ context.Context, _ message.Meta, d depositedAgain) error {
			seen = append(seen, d)
			return nil
		})
	}}
	w.handle(w.engine(), d)
	got := w.taken()
	last := got[len(got)-1]
	if last.Type != "Deposited.v1" || last.Body != (depositedAgain{"a", 500}) {
		t.Errorf("published %s %+v", last.Type, last.Body)
	}
	if len(seen) != 1 || seen[0] != (depositedAgain{"a", 500}) {
		t.Errorf("effects of %+v", seen)
	}
}

// older is an app of the version before: it knows of opening accounts, and the
// process that it has sends nothing.
func (w *world) older() *handling.Engine {
	r := message.NewRegistry()
	message.Register(r, "Open.v1", message.Command, "accounts", func(m open) string { return m.Account })
	message.Register(r, "Opened.v1", message.Event, "events", func(m opened) string { return m.Account })
	e := handling.New(handling.Options{App: "bank", Registry: r, Keys: w.keys, Publisher: w.bus, Now: w.clock, Random: rand.Reader})
	p := saver()
	p.Step = func(s savings, _ es.Input, _ *es.Outbox) savings { return s }
	handling.Process(e, p)
	a := accounts(0)
	a.AnswersNoEffect = false
	handling.Aggregate(e, a)
	return e
}

// Two versions run beside each other while one upgrades or goes back. What the
// newer one has committed, the older one sends, though it knows neither the types
// nor whether it was sent before.
func TestTheVersionBeforeSendsWhatTheNewerOneCommitted(t *testing.T) {
	sender := saver()
	sender.Step = func(s savings, in es.Input, out *es.Outbox) savings {
		if o, ok := in.Message.(opened); ok {
			out.Send(deposit{o.Account, 1})
		}
		return s
	}
	sleeper := saver()
	sleeper.Step = func(s savings, in es.Input, out *es.Outbox) savings {
		out.Send(deposit{"a", 1})
		out.WakeAt(in.Now.Add(time.Hour))
		return s
	}
	process := func(p es.Process[savings]) func(*handling.Engine) {
		return func(e *handling.Engine) { handling.Process(e, p) }
	}
	aggregate := func(e *handling.Engine) { handling.Aggregate(e, accounts(0)) }
	for name, tc := range map[string]struct {
		newer func(*handling.Engine)
		first bus.Delivery
		next  bus.Delivery
		key   string
		// sent is a message of the newer version, on its topic; letter says that a
		// dead letter says of the rest that it could not be sent.
		sent   string
		topic  string
		letter bool
		// stored is what of the document the newer version did not write either.
		stored string
	}{
		"a command": {process(sender), command("", opened{"a", "Ann"}), command("next", opened{"a", "Again"}),
			"main/saver/a", "Deposit.v1", "accounts", false, ""},
		"an answer": {aggregate, command("", deposit{"a", 1}), command("next", open{"a", "Ann"}),
			"main/account/a", "CommandRejected.v1", "events", false, ""},
		"a command that does not say where it goes": {process(sender), command("", opened{"a", "Ann"}), command("next", opened{"a", "Again"}),
			"main/saver/a", "", "", true, `"kind":"command","topic":"accounts",`},
		"a wake-up that nobody here can set": {process(sleeper), command("", opened{"a", "Ann"}), command("next", opened{"a", "Again"}),
			"main/saver/a", "Deposit.v1", "accounts", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.newer)
			w.handle(w.engine(), tc.first)
			before := w.bus.Take()
			got, err := w.keys.Get(t.Context(), []string{tc.key})
			if err != nil || !strings.Contains(string(got[tc.key].Value), tc.stored) {
				t.Fatalf("%v, stored %s", err, got[tc.key].Value)
			}
			doc := strings.ReplaceAll(string(got[tc.key].Value), tc.stored, "")
			w.keys.Store.Save(t.Context(), []state.Write{{Key: tc.key, Value: []byte(doc), Always: true}})

			w.now = w.now.Add(time.Minute) // the newer version is away
			w.handle(w.older(), tc.next, command("other", opened{"b", "Bob"}))
			sent, letters := "", 0
			for _, m := range w.bus.Take() {
				meta, data, err := message.FromCloudEvent(m.Event)
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case meta.Type == message.TypeDeadLetter:
					letters++
					var l message.DeadLetter
					if err := json.Unmarshal(data, &l); err != nil || l.MessageID != "next" {
						t.Errorf("%v, letter %+v", err, l)
					}
				case meta.ID == before[0].ID:
					sent = meta.Type
					if m.Topic != tc.topic || m.Kind != before[0].Kind || !slices.Equal(m.Event, before[0].Event) {
						t.Errorf("sent %+v, the newer version %+v", m, before[0])
					}
				}
			}
			if sent != tc.sent || (letters == 1) != tc.letter {
				t.Errorf("sent %q, want %q, and %d letters", sent, tc.sent, letters)
			}

			if tc.letter {
				if err := w.older().Wake(t.Context(), "main", []string{"a"}); err == nil {
					t.Error("a wake-up counts as done")
				}
				if letters := slices.ContainsFunc(w.bus.Take(), func(m bus.Encoded) bool { return m.Kind == message.DeadLetterKind }); letters {
					t.Error("a wake-up was parked")
				}
			}
			back := tc.next // by the newer version, if there is need
			back.Message.ID, back.Message.OriginalID = "back", "next"
			w.handle(w.engine(), back)
			again := w.bus.Take()
			if tc.letter && !slices.ContainsFunc(again, func(m bus.Encoded) bool { return m.ID == before[0].ID }) {
				t.Errorf("sent back, it sends %+v, want %+v", again, before)
			}
		})
	}
}

// A message held back passes through the upcasters too; one that can no longer
// be read goes the way of its predecessor.
func TestAHeldMessageOfAnOlderType(t *testing.T) {
	w := newWorld(t)
	w.handle(w.engine(), command("", open{"a", "Ann"}), command("bad", deposit{"a", poison}),
		command("unreadable", deposit{"a", 2}), command("", deposit{"a", 3}))
	w.taken()

	w.reg = message.NewRegistry()
	message.Register(w.reg, "Deposit.v2", message.Command, "accounts", func(m deposit) string { return m.Account })
	for _, t := range registry().Types() {
		switch t.Zero().(type) {
		case opened:
			message.Register[opened](w.reg, t.Name, message.Event, "events", nil)
		case deposited:
			message.Register[deposited](w.reg, t.Name, message.Event, "events", nil)
		}
	}
	w.reg.Upcast("Deposit.v1", func(data json.RawMessage) (string, json.RawMessage, error) {
		var d deposit
		if err := json.Unmarshal(data, &d); err != nil || d.Amount == 2 {
			return "", nil, errors.New("no way to read this")
		}
		return "Deposit.v2", data, nil
	})
	w.setup = []func(*handling.Engine){func(e *handling.Engine) { handling.Aggregate(e, accounts(0)) }}

	w.handle(w.engine(), discard("bad", "account/a"))
	var letter message.DeadLetter
	got := w.taken()
	for _, m := range got {
		if l, ok := m.Body.(message.DeadLetter); ok {
			letter = l // the newest is the last
		}
	}
	if letter.MessageID != "unreadable" || letter.MessageType != "Deposit.v1" || letter.Stream != "account/a" ||
		letter.Topic != "accounts" || letter.Kind != message.Command {
		t.Fatalf("published %+v", bodiesOf(got))
	}
	w.handle(w.engine(), discard("unreadable", "account/a"))
	got = w.taken()
	if got[len(got)-1].Body != (deposited{"a", 3}) {
		t.Errorf("published %+v", bodiesOf(got))
	}
}

// A conclusion that fails is no message's fault, and takes none with it.
func TestABatchWhoseConclusionFailsIsCommittedWithoutIt(t *testing.T) {
	a := accounts(0)
	fail := true
	a.Conclude = func(s account) []any {
		if fail {
			panic("cannot sum up")
		}
		if s.Balance == s.Announced {
			return nil
		}
		return []any{balance{"a", s.Balance}}
	}
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, a) })
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("", deposit{"a", 1}), command("", deposit{"a", 2}))
	w.want(opened{"a", "Ann"}, deposited{"a", 1}, deposited{"a", 2})
	fail = false
	w.handle(e, command("", deposit{"a", 4}))
	w.want(deposited{"a", 4}, balance{"a", 7})
}

// Wake-ups come again and again. They are not kept each, nor do they need an
// operator.
func TestWakeUpsOfAStreamThatWaits(t *testing.T) {
	failing := false
	p := saver()
	step := p.Step
	p.Step = func(s savings, in es.Input, out *es.Outbox) savings {
		if o, ok := in.Message.(opened); ok && o.Name == "poison" {
			panic("poisonous name")
		}
		if _, ok := in.Message.(es.WakeUp); ok && failing {
			panic("cannot wake")
		}
		return step(s, in, out)
	}
	w := newWorld(t, func(e *handling.Engine) { handling.Process(e, p) })
	e := w.engine()
	ctx := t.Context()

	t.Run("one that fails is repeated by whoever wakes, not parked", func(t *testing.T) {
		w.handle(e, command("", opened{"a", "Ann"}))
		w.now = w.now.Add(time.Hour)
		failing = true
		for range 3 {
			if err := e.Wake(ctx, "main", []string{"a"}); err == nil {
				t.Fatal("a wake-up that failed is taken for done")
			}
		}
		w.want()
		failing = false
		for range 2 { // each time it is due
			if err := e.Wake(ctx, "main", []string{"a"}); err != nil {
				t.Fatal(err)
			}
			sent := w.want(deposit{"a", 1})[0]
			if sent.CorrelationID != "a" || sent.TraceParent == "" || sent.Cause.Source != "bank" || !sent.Cause.Time.Equal(w.now) {
				t.Errorf("sent %+v", sent.Meta)
			}
			w.now = w.now.Add(time.Hour)
		}
	})
	t.Run("nor is one of a stream that cannot be read", func(t *testing.T) {
		w.keys.Store.Save(ctx, []state.Write{{Key: "main/saver/c", Value: []byte("not a document")}})
		for range 3 {
			w.now = w.now.Add(time.Minute)
			if err := e.Wake(ctx, "main", []string{"c"}); err == nil {
				t.Fatal("a wake-up that nobody took is taken for done")
			}
		}
		w.want()
	})
	t.Run("many behind a parked message are one", func(t *testing.T) {
		w.handle(e, command("", opened{"b", "Bob"}), command("bad", opened{"b", "poison"}))
		w.taken()
		w.now = w.now.Add(time.Hour)
		for range 1100 {
			w.now = w.now.Add(time.Second)
			if err := e.Wake(ctx, "main", []string{"b"}); err != nil {
				t.Fatal(err)
			}
		}
		w.want()
		w.handle(e, discard("bad", "saver/b"))
		w.want(deposit{"b", 1})
	})
}

// discard is what comes in place of a message that an operator has thrown away.
func discard(id, stream string) bus.Delivery {
	d := command("", message.Discarded{Stream: stream})
	d.Message.OriginalID, d.Topic = id, "accounts"
	return d
}

// A message that was held back is decided on all that its decision reads, like
// any other.
func TestAHeldMessageIsDecidedOnWhatItReads(t *testing.T) {
	w := newWorld(t)
	w.handle(w.engine(), command("", setLimit{theBank, 10}), command("", open{"a", "Ann"}))
	w.handle(w.engine(), command("bad", deposit{"a", poison}), command("", withdraw{"a", 7}))
	w.taken()
	w.handle(w.engine(), discard("bad", "account/a"))
	got := w.taken()
	if last := got[len(got)-1]; last.Body != (withdrawn{"a", 7}) {
		t.Errorf("published %+v", last.Body)
	}
}

// A message is held once, however often it comes; and what sums up a batch sums
// up what was set free in it.
func TestAHeldMessageThatComesAgainIsDecidedOnce(t *testing.T) {
	a := accounts(0)
	a.Conclude = func(s account) []any {
		if s.Balance == s.Announced {
			return nil
		}
		return []any{balance{"a", s.Balance}}
	}
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, a) })
	e := w.engine()
	held := command("", deposit{"a", 2})
	w.handle(e, command("", open{"a", "Ann"}), command("bad", deposit{"a", poison}), held)
	w.handle(e, held)
	w.taken()
	w.handle(e, discard("bad", "account/a"))
	w.want(deposited{"a", 2}, balance{"a", 2})
	w.handle(e, discard("bad", "account/a"), held)
	w.want()
}

// Behind a parked message so many are held, and no more: the rest is parked as
// well. Other streams go on, and nothing is lost.
func TestNoMoreThanSoMuchIsHeldBehindAParkedMessage(t *testing.T) {
	w := newWorld(t)
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("", open{"b", "Bob"}), command("bad", deposit{"a", poison}))
	w.taken()
	const most, metadata = 256 << 10, 400
	more, other := command("more", deposit{"a", 5}), command("", deposit{"b", 3})
	var batch []bus.Delivery
	for bytes := 0; bytes+len(more.Data) <= most; bytes += len(more.Data) + metadata {
		batch = append(batch, command("", deposit{"a", 1}))
	}
	w.handle(e, batch...)
	w.want()
	w.handle(e, more, other)
	w.want(deposited{"b", 3}, func(m any) bool { l, ok := m.(message.DeadLetter); return ok && l.MessageID == "more" })

	w.handle(e, discard("bad", "account/a"))
	sum := 0
	for _, m := range w.taken() {
		sum += m.Body.(deposited).Amount
	}
	if sum != len(batch) {
		t.Errorf("deposits of %d, want %d", sum, len(batch))
	}
	back := command("", deposit{"a", 5})
	back.Message.OriginalID = "more"
	w.handle(e, back)
	w.want(deposited{"a", 5})
}

// An effect that fails for ever holds up its own stream and nobody else. It is
// not forgotten: it comes again with what its stream handles next.
func TestAnEffectThatFailsForEverIsParkedAndStopsNobody(t *testing.T) {
	broken := map[string]bool{"a": true}
	var mu sync.Mutex
	var done []int
	w := newWorld(t, func(e *handling.Engine) {
		handling.Aggregate(e, accounts(0))
		handling.OnEvent(e, func(_ context.Context, _ message.Meta, d deposited) error {
			if broken[d.Account] {
				return errors.New("no such account at the other bank")
			}
			mu.Lock()
			defer mu.Unlock()
			done = append(done, d.Amount)
			slices.Sort(done) // they run side by side
			return nil
		})
	})
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("", open{"b", "Bob"}))
	bad, good := command("bad", deposit{"a", 1}), command("", deposit{"b", 2})
	if s := e.HandleBatch(t.Context(), []bus.Delivery{bad, good}); s[0] != bus.Retry || s[1] != bus.Success {
		t.Fatalf("answered %v: only the one waits, and not for ever", s)
	}
	broken["b"] = true // nothing succeeds any more
	if s := e.HandleBatch(t.Context(), []bus.Delivery{bad}); s[0] != bus.Retry {
		t.Fatalf("answered %v", s)
	}
	w.taken()
	w.now = w.now.Add(2 * time.Minute)
	w.handle(e, bad, command("late", deposit{"b", 3}))
	letters := map[string]message.DeadLetter{}
	for _, m := range w.taken() {
		if l, ok := m.Body.(message.DeadLetter); ok {
			letters[l.MessageID] = l
		}
	}
	if l := letters["bad"]; len(letters) != 2 || letters["late"].MessageID == "" || !strings.Contains(l.Reason, "no such account") {
		t.Fatalf("letters %+v", letters)
	}

	t.Run("sent back, it is carried out, and decided no more", func(t *testing.T) {
		clear(broken)
		done = nil
		back := command("", deposit{"a", 1})
		back.Message.OriginalID = "bad"
		w.handle(w.engine(), back)
		if want := []int{1}; !slices.Equal(done, want) {
			t.Errorf("effects %v, want %v", done, want)
		}
		if n := len(w.history(acct("a"))); n != 2 {
			t.Errorf("%d events", n)
		}
	})
	t.Run("or it comes with the next message", func(t *testing.T) {
		done = nil
		w.handle(e, command("", deposit{"b", 4}))
		if want := []int{3, 4}; !slices.Equal(done, want) {
			t.Errorf("effects %v, want %v", done, want)
		}
	})
	t.Run("after one that succeeds there is patience again", func(t *testing.T) {
		broken["a"] = true
		w.handle(e, command("", deposit{"b", 5}))
		if s := e.HandleBatch(t.Context(), []bus.Delivery{command("", deposit{"a", 6})}); s[0] != bus.Retry {
			t.Errorf("answered %v", s[0])
		}
	})
}

// refusing is a world whose deposits' effects fail for the accounts in broken.
func refusing(t *testing.T, broken map[string]bool) *world {
	return newWorld(t, func(e *handling.Engine) {
		handling.Aggregate(e, accounts(0))
		handling.OnEvent(e, func(_ context.Context, _ message.Meta, d deposited) error {
			if broken[d.Account] {
				return errors.New("no such account at the other bank")
			}
			return nil
		})
		handling.OnEvent(e, func(context.Context, message.Meta, deposited) error { return nil }) // is well all the time
	})
}

// Others wait once for an effect that fails for ever. It is tried again with
// whatever its stream handles next, and then they wait no more.
func TestAnEffectThatWasGivenUpIsNotWaitedForAgain(t *testing.T) {
	w := refusing(t, map[string]bool{"a": true})
	e := w.engine()
	bad := command("bad", deposit{"a", 1})
	w.handle(e, command("", open{"a", "Ann"}), command("", open{"b", "Bob"}))
	if s := e.HandleBatch(t.Context(), []bus.Delivery{bad}); s[0] != bus.Retry {
		t.Fatalf("answered %v", s[0])
	}
	w.now = w.now.Add(2 * time.Minute)
	w.handle(e, bad)
	w.handle(e, command("", deposit{"b", 2})) // there is patience again
	w.taken()

	back := command("back", deposit{"a", 1})
	back.Message.OriginalID = "bad"
	for _, next := range []bus.Delivery{command("next", open{"a", "Again"}), back} {
		w.handle(e, next, command("", deposit{"b", 3}))
		var parked []string
		for _, m := range w.taken() {
			if l, ok := m.Body.(message.DeadLetter); ok {
				parked = append(parked, l.MessageID)
			}
		}
		if want := []string{next.Message.ID}; !slices.Equal(parked, want) {
			t.Errorf("parked %v, want %v", parked, want)
		}
	}
	if s := e.HandleBatch(t.Context(), []bus.Delivery{command("", deposit{"a", 4})}); s[0] != bus.Retry {
		t.Errorf("an effect that was never given up, answered %v", s[0])
	}
}

// An effect that failed long ago does not take the patience from one that fails
// today.
func TestPatienceWithAnEffectComesBack(t *testing.T) {
	w := refusing(t, map[string]bool{"a": true, "b": true})
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("", open{"b", "Bob"}))
	first, second := command("", deposit{"a", 1}), command("", deposit{"b", 2})
	for _, step := range []struct {
		name  string
		after time.Duration
		of    bus.Delivery
		want  bus.Status
	}{
		{"the first failure", 0, first, bus.Retry},
		{"an hour later", time.Hour, second, bus.Retry},
		{"while it fails on", 30 * time.Second, second, bus.Retry},
		{"for a minute", 30 * time.Second, second, bus.Success},
		{"as does the first", time.Second, first, bus.Success},
	} {
		w.now = w.now.Add(step.after)
		if s := e.HandleBatch(t.Context(), []bus.Delivery{step.of}); s[0] != step.want {
			t.Errorf("%s: answered %v, want %v", step.name, s[0], step.want)
		}
	}
}

// Those who read events do not wait for effects, and a batch is answered in time
// though they hang: what was carried out is done, and what had no turn gets one.
// Those that hang for ever are given up.
func TestEffectsThatHangHoldUpNeitherEventsNorTheBatch(t *testing.T) {
	const n = 100
	synctest.Test(t, func(t *testing.T) { // in which no time passes but that of its clock
		var mu sync.Mutex
		begun := map[string]int{}
		w := newWorld(t, func(e *handling.Engine) {
			handling.Aggregate(e, accounts(0))
			handling.OnEvent(e, func(ctx context.Context, _ message.Meta, o opened) error {
				mu.Lock()
				begun[o.Account]++
				mu.Unlock()
				if o.Account == "well" {
					return nil
				}
				<-ctx.Done()
				return ctx.Err()
			})
		})
		e := w.engine()
		left := []bus.Delivery{command("", open{"well", "Well"})}
		for i := range n {
			id := strconv.Itoa(i)
			left = append(left, command("", open{id, id}))
		}
		deliver := func() (done int) {
			for i, s := range slices.Backward(e.HandleBatch(t.Context(), left)) {
				if s == bus.Success {
					left = slices.Delete(left, i, i+1)
					done++
				}
			}
			return done
		}
		first := make(chan int)
		go func() { first <- deliver() }()
		synctest.Wait()
		if got := len(w.taken()); got != n+1 {
			t.Errorf("%d of %d events are published while effects hang", got, n+1)
		}
		if done := <-first; done != 1 || len(begun) == n+1 {
			t.Errorf("%d effects are done, of %d that were begun", done, len(begun))
		}

		w.now = w.now.Add(2 * time.Minute)
		for rounds := 0; len(left) > 0; rounds++ {
			if deliver() == 0 || rounds == n {
				t.Fatalf("after %d deliveries %d messages are left", rounds, len(left))
			}
		}
		letters := 0
		for _, m := range w.taken() {
			if _, ok := m.Body.(message.DeadLetter); ok {
				letters++
			}
		}
		if letters != n || len(begun) != n+1 || begun["well"] != 1 {
			t.Errorf("%d letters, effects begun of %d accounts, %d of the one that was well", letters, len(begun), begun["well"])
		}
	})
}

// What a decision reads is not changed under its eyes by another batch, also
// where Evolve changes the state it is given. (It takes the race detector to
// see.)
func TestAStateThatIsReadIsNobodyElses(t *testing.T) {
	inPlace := es.Aggregate[*tariff]{
		Name: "tariff", New: func() *tariff { return &tariff{} },
		Commands: []es.Command[*tariff]{
			es.On(func(c setLimit) string { return c.Bank }, func(_ es.Env, _ *tariff, c setLimit) ([]any, error) {
				return []any{limitSet{c.Limit}}, nil
			}),
		},
		Evolve: func(s *tariff, e any) *tariff { s.Limit = e.(limitSet).Limit; return s },
	}
	a := deciding(accounts(0), func(env es.Env, _ account, c any, _ func() ([]any, error)) ([]any, error) {
		limit, _ := es.StateOf[*tariff](env, es.Ref{Aggregate: "tariff", ID: theBank})
		first := limit.Limit
		for range 1000 {
			if limit.Limit != first {
				return nil, errors.New("the limit changed meanwhile")
			}
		}
		return []any{withdrawn(c.(withdraw))}, nil
	})
	w := newWorld(t, func(e *handling.Engine) {
		handling.Aggregate(e, inPlace)
		handling.Aggregate(e, a)
	})
	e := w.engine()
	w.handle(e, command("", setLimit{theBank, 0}))
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := range 100 {
				w.handle(e, command("", setLimit{theBank, i}))
			}
		})
		wg.Go(func() {
			for range 100 {
				w.handle(e, command("", withdraw{"a", 0}))
			}
		})
	}
	wg.Wait()
	for _, m := range w.taken() {
		if _, ok := m.Body.(message.DeadLetter); ok {
			t.Fatalf("parked: %+v", m.Body)
		}
	}
}
