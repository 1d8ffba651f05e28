package handling_test

import (
	"context"
	"crypto/rand"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/membus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
)

// smallStore takes no value above 1 MB, as MySQL and NATS do; and no key with one
// of some words in it.
type smallStore struct {
	state.Store
	not string
}

func (s *smallStore) Save(ctx context.Context, writes []state.Write) []error {
	errs := make([]error, len(writes))
	for i, w := range writes {
		if len(w.Value) > 1<<20 || s.not != "" && strings.Contains(w.Key, s.not) {
			errs[i] = errors.New("the value is too large")
			continue
		}
		errs[i] = s.Store.Save(ctx, []state.Write{w})[0]
	}
	return errs
}

// hoard is the state of a process that keeps every name that it is told.
type hoard struct{ Names []string }

func hoarder() es.Process[hoard] {
	return es.Process[hoard]{
		Name: "hoarder", New: func() hoard { return hoard{} },
		Route: func(in es.Input) (string, bool) { o, ok := in.Message.(opened); return o.Account, ok },
		Step: func(h hoard, in es.Input, out *es.Outbox) hoard {
			o := in.Message.(opened)
			if o.Name != "" {
				h.Names = append(h.Names, o.Name)
			}
			out.Send(deposit{o.Account, len(o.Name)})
			return h
		},
	}
}

// A commit that can never succeed is no outage: the message that is too much for its
// stream's document is parked, and what comes behind it waits. Everything else of the
// batch goes on, and so does the stream without it.
func TestAMessageThatIsTooMuchForItsStreamIsParkedAndStopsNobodyElse(t *testing.T) {
	w := newWorld(t, func(e *handling.Engine) { handling.Process(e, hoarder()) })
	w.keys.Store = &smallStore{Store: w.keys.Store}
	e := w.engine()
	const bytes = 200 << 10
	var batch []bus.Delivery
	for i := range 6 { // four of them fit
		batch = append(batch, command("a-"+strconv.Itoa(i), opened{"a", strings.Repeat("x", bytes)}))
	}
	batch = append(batch, command("small", opened{"a", "Ann"}), command("b", opened{"b", "Bob"}))
	w.handle(e, batch...)
	var letters []message.DeadLetter
	sent, ids := map[deposit]int{}, map[string]bool{}
	for _, m := range w.taken() {
		switch b := m.Body.(type) {
		case message.DeadLetter:
			letters = append(letters, b)
		case deposit:
			if !ids[m.ID] { // what was sent may be sent again under its id
				sent[b]++
			}
			ids[m.ID] = true
		}
	}
	if len(letters) == 0 || letters[0].MessageID != "a-3" || letters[0].Truncated || letters[0].Stream != "hoarder/a" {
		t.Fatalf("%d letters, the first %.300v", len(letters), letters)
	}
	if sent[deposit{"a", bytes}] != 3 || sent[deposit{"b", 3}] != 1 || sent[deposit{"a", 3}] != 0 {
		t.Errorf("sent %v", sent)
	}
	// Another comes while it is full, and waits as well or is parked. Then all that
	// was given up is thrown away.
	w.handle(w.engine(), command("late", opened{"a", ""}))
	for _, l := range letters {
		w.handle(e, bus.Delivery{Topic: "events", Message: message.Message{
			Meta: message.Meta{ID: "discard-" + l.MessageID, Tenant: "main", OriginalID: l.MessageID}, Body: message.Discarded{Stream: "hoarder/a"}}})
	}
	held := 0
	for _, m := range w.taken() {
		if m.Body == any(deposit{"a", 3}) || m.Body == any(deposit{"a", 0}) {
			held++
		}
	}
	if held != 2 {
		t.Errorf("%d of the two small messages were handled in the end", held)
	}
}

// What is written before the documents fails by itself: the streams whose segments
// and snapshots can be written go on.
func TestASnapshotThatCannotBeWrittenStopsItsOwnStreamOnly(t *testing.T) {
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, accounts(100)) })
	w.keys.Store = &smallStore{Store: w.keys.Store, not: "account/a/snapshot"}
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}), command("", open{"b", "Bob"}))
	for n := 1; ; n++ {
		s := e.HandleBatch(t.Context(), []bus.Delivery{command("", deposit{"a", 1}), command("", deposit{"b", 1})})
		if s[1] != bus.Success || n > 100 {
			t.Fatalf("the stream beside it is answered %v, after %d", s[1], n)
		}
		if s[0] == bus.Retry {
			break // a snapshot is due
		}
	}
}

// Whatever panics, the app goes on, and the batch or the wake-up comes again.
func TestAPanicOutsideOfADecisionEndsNothing(t *testing.T) {
	w := newWorld(t, func(e *handling.Engine) {
		p := saver()
		p.Route = func(es.Input) (string, bool) { panic("route") }
		handling.Process(e, p)
	})
	e := w.engine()
	if s := e.HandleBatch(t.Context(), []bus.Delivery{command("", opened{"a", "Ann"})}); s[0] != bus.Retry {
		t.Errorf("answered %v", s[0])
	}
	w = newWorld(t, func(e *handling.Engine) {
		handling.Process(e, saver())
		e.OnCommit(func(context.Context, handling.Commit) { panic("observer") })
	})
	if s := w.engine().HandleBatch(t.Context(), []bus.Delivery{command("", opened{"a", "Ann"})}); s[0] != bus.Retry {
		t.Errorf("answered %v", s[0])
	}
	w.now = w.now.Add(2 * time.Hour)
	if err := w.engine().Wake(t.Context(), "main", []string{"a"}); err == nil {
		t.Error("a wake-up that panicked counts as done")
	}
}

// A snapshot of another schema costs one reading of all events, not one for each
// message until the next would be due; and that of a newer version is left to it.
func TestARaisedSnapshotSchemaRereadsTheEventsOnce(t *testing.T) {
	w := newWorld(t, func(e *handling.Engine) { handling.Aggregate(e, accounts(100)) })
	e := w.engine()
	w.handle(e, command("", open{"a", "Ann"}))
	for range 1000 {
		w.handle(e, command("", deposit{"a", 1}))
	}
	w.taken()
	reads := func(schema int) int {
		a := accounts(100)
		a.SnapshotSchema = schema
		w.setup = []func(*handling.Engine){func(e *handling.Engine) { handling.Aggregate(e, a) }}
		w.keys.reads = 0
		w.handle(w.engine(), command("", deposit{"a", 1})) // by one that has just started
		return w.keys.reads
	}
	if n := reads(1); n < 10 {
		t.Errorf("%d reads: the events were not folded", n)
	}
	for range 3 {
		if n := reads(1); n > 2 {
			t.Errorf("%d reads after the first", n)
		}
	}
	if n := reads(0); n < 10 { // one of the version before
		t.Errorf("%d reads", n)
	}
	if n := reads(1); n > 2 {
		t.Errorf("%d reads: the version before took the snapshot away", n)
	}
}

// The streams in memory are bounded by their bytes, not by their number.
func TestTheStreamsInMemoryAreBoundedByTheirBytes(t *testing.T) {
	const streams, bytes, bound = 400, 50 << 10, 4 << 20
	w := newWorld(t, func(e *handling.Engine) { handling.Process(e, hoarder()) })
	touch := func(e *handling.Engine, name string) {
		for i := range streams {
			w.handle(e, command("", opened{strconv.Itoa(i), name}))
			w.taken()
		}
	}
	touch(w.engine(), strings.Repeat("x", bytes))
	w.bus = membus.New(w.reg, "bank", w.clock)
	before := heap()
	e := handling.New(handling.Options{
		App: "bank", Registry: w.reg, Keys: w.keys, Publisher: w.bus, Waker: w.wakes, Now: w.clock, Random: rand.Reader, CacheBytes: bound,
	})
	handling.Process(e, hoarder())
	touch(e, "Ann")
	w.bus = membus.New(w.reg, "bank", w.clock)
	if grown := heap() - before; grown > 2*bound {
		t.Errorf("%d KB more in memory, of streams of %d KB in all and a bound of %d KB", grown>>10, streams*bytes>>10, bound>>10)
	}
	w.handle(e, command("", opened{"0", "Bob"}))
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
