package handling_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/membus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// A bank is the smallest domain that has all the engine must bear: accounts that
// may refuse, a tariff that accounts read, names that only one may have, and a
// process that collects interest when it is woken.

type (
	open    struct{ Account, Name string }
	deposit struct {
		Account string
		Amount  int
	}
	withdraw struct {
		Account string
		Amount  int
	}
	setLimit struct {
		Bank  string
		Limit int
	}
	opened    struct{ Account, Name string }
	deposited struct {
		Account string
		Amount  int
	}
	withdrawn struct {
		Account string
		Amount  int
	}
	balance struct {
		Account string
		Amount  int
	}
	limitSet struct{ Limit int }
	rename   struct{ Account, Name string }
	gotName  struct{ Account, Name string }
)

type account struct {
	Opened    bool
	Name      string
	Balance   int
	Announced int
}

type tariff struct{ Limit int }

const theBank = "bank"

func registry() *message.Registry {
	r := message.NewRegistry()
	message.Register(r, "Open.v1", message.Command, "accounts", func(m open) string { return m.Account })
	message.Register(r, "Deposit.v1", message.Command, "accounts", func(m deposit) string { return m.Account })
	message.Register(r, "Withdraw.v1", message.Command, "accounts", func(m withdraw) string { return m.Account })
	message.Register(r, "Rename.v1", message.Command, "accounts", func(m rename) string { return m.Account })
	message.Register(r, "GotName.v1", message.Event, "events", func(m gotName) string { return m.Account })
	message.Register(r, "SetLimit.v1", message.Command, "accounts", func(m setLimit) string { return m.Bank })
	message.Register(r, "Opened.v1", message.Event, "events", func(m opened) string { return m.Account })
	message.Register(r, "Deposited.v1", message.Event, "events", func(m deposited) string { return m.Account })
	message.Register(r, "Withdrawn.v1", message.Event, "events", func(m withdrawn) string { return m.Account })
	message.Register(r, "Balance.v1", message.Event, "events", func(m balance) string { return m.Account })
	message.Register[limitSet](r, "LimitSet.v1", message.Event, "events", nil)
	message.Register[es.CommandRejected](r, "CommandRejected.v1", message.Event, "events", nil)
	message.Register[es.CommandHadNoEffect](r, "CommandHadNoEffect.v1", message.Event, "events", nil)
	return r
}

func accounts(handled int) es.Aggregate[account] {
	return es.Aggregate[account]{
		Name: "account", Handled: handled, AnswersNoEffect: true,
		New: func() account { return account{} },
		Commands: []es.Command[account]{
			es.On(func(c open) string { return c.Account }, func(env es.Env, s account, c open) ([]any, error) {
				if s.Opened {
					return nil, nil
				}
				if owner := env.Claims["name/"+c.Name]; owner != "account/"+c.Account {
					return nil, es.Refuse("name-taken", "by %s", owner)
				}
				return []any{opened(c)}, nil
			}, es.Claims(func(c open) []string { return []string{"name/" + c.Name} })),
			es.On(func(c rename) string { return c.Account }, func(env es.Env, s account, c rename) ([]any, error) {
				if !s.Opened {
					return nil, es.Refuse("no-account", "%s", c.Account)
				}
				if c.Name == s.Name {
					return nil, nil
				}
				if owner := env.Claims["name/"+c.Name]; owner != "account/"+c.Account {
					return nil, es.Refuse("name-taken", "by %s", owner)
				}
				return []any{gotName(c)}, nil
			}, es.Claims(func(c rename) []string { return []string{"name/" + c.Name} })),
			es.On(func(c deposit) string { return c.Account }, func(_ es.Env, s account, c deposit) ([]any, error) {
				if !s.Opened {
					return nil, es.Refuse("no-account", "%s", c.Account)
				}
				if c.Amount == poison {
					panic("poisonous amount")
				}
				return []any{deposited(c)}, nil
			}),
			es.On(func(c withdraw) string { return c.Account }, func(env es.Env, _ account, c withdraw) ([]any, error) {
				t, _ := es.StateOf[tariff](env, theTariff)
				if c.Amount > t.Limit {
					return nil, es.Refuse("over-limit", "%d", t.Limit)
				}
				return []any{withdrawn(c)}, nil
			}, es.Reads(func(account, withdraw) []es.Ref { return []es.Ref{theTariff} })),
		},
		Owns: func(s account) []string {
			if !s.Opened {
				return nil
			}
			return []string{"name/" + s.Name}
		},
		Evolve: func(s account, e any) account {
			switch e := e.(type) {
			case opened:
				s.Opened, s.Name = true, e.Name
			case gotName:
				s.Name = e.Name
			case deposited:
				s.Balance += e.Amount
			case withdrawn:
				s.Balance -= e.Amount
			case balance:
				s.Announced = e.Amount
			}
			return s
		},
	}
}

const poison = 666

func tariffs() es.Aggregate[tariff] {
	return es.Aggregate[tariff]{
		Name: "tariff", New: func() tariff { return tariff{} },
		Commands: []es.Command[tariff]{
			es.On(func(c setLimit) string { return c.Bank }, func(_ es.Env, _ tariff, c setLimit) ([]any, error) {
				return []any{limitSet{c.Limit}}, nil
			}),
		},
		Evolve: func(s tariff, e any) tariff { s.Limit = e.(limitSet).Limit; return s },
	}
}

var theTariff = es.Ref{Aggregate: "tariff", ID: theBank}

// deciding is an aggregate whose decisions are taken by another function, which gets the
// aggregate's own.
func deciding[S any](a es.Aggregate[S], by func(env es.Env, s S, c any, own func() ([]any, error)) ([]any, error)) es.Aggregate[S] {
	return changed(a, func(c *es.Command[S]) {
		own := c.Decide
		c.Decide = func(env es.Env, s S, command any) ([]any, error) {
			return by(env, s, command, func() ([]any, error) { return own(env, s, command) })
		}
	})
}

// changed is an aggregate with each of its commands' entries changed.
func changed[S any](a es.Aggregate[S], change func(*es.Command[S])) es.Aggregate[S] {
	a.Commands = slices.Clone(a.Commands)
	for i := range a.Commands {
		change(&a.Commands[i])
	}
	return a
}

func claimsNothing[S any](c *es.Command[S]) { c.Claims = nil }

// world is a store and a broker that outlive the engines that use them.
type world struct {
	t     *testing.T
	keys  *faultyStore
	bus   *membus.Bus
	reg   *message.Registry
	wakes *wakes
	now   time.Time
	setup []func(*handling.Engine)

	settled []string // ids of what was sent back or discarded, and handled
}

type wakes struct {
	mu  sync.Mutex
	set map[string]es.Wake
}

func (w *wakes) Wake(_ context.Context, key stream.Key, wake es.Wake) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.set[key.String()] = wake
	return nil
}

func newWorld(t *testing.T, setup ...func(*handling.Engine)) *world {
	w := &world{t: t, keys: &faultyStore{Store: &state.Memory{}}, reg: registry(), wakes: &wakes{set: map[string]es.Wake{}}, now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), setup: setup}
	w.bus = membus.New(w.reg, "bank", w.clock)
	if len(setup) == 0 {
		w.setup = []func(*handling.Engine){func(e *handling.Engine) {
			handling.Aggregate(e, tariffs())
			handling.Aggregate(e, accounts(0))
		}}
	}
	return w
}

func (w *world) clock() time.Time { return w.now }

// engine is an app that has just started: nothing in memory.
func (w *world) engine() *handling.Engine {
	e := handling.New(handling.Options{App: "bank", Registry: w.reg, Keys: w.keys, Publisher: w.bus, Waker: w.wakes, Now: w.clock, Random: rand.Reader})
	for _, s := range w.setup {
		s(e)
	}
	return e
}

func command(id string, body any) bus.Delivery { return delivery(registry(), id, body) }

func delivery(r *message.Registry, id string, body any) bus.Delivery {
	if id == "" {
		id = uuid.NewString()
	}
	out := bus.Outgoing{Registry: r, Source: "test", Now: time.Now}
	e, err := out.Encode(context.Background(), message.Message{Meta: message.Meta{ID: id, CorrelationID: "conversation"}, Body: body})
	if err != nil {
		panic(err)
	}
	d, err := membus.Decode(r, e)
	if err != nil {
		panic(err)
	}
	return d
}

func (w *world) handle(e *handling.Engine, batch ...bus.Delivery) {
	w.t.Helper()
	for i, s := range e.HandleBatch(context.Background(), batch) {
		if s != bus.Success {
			w.t.Fatalf("message %d: %v", i, s)
		}
	}
}

// taken is what was published since the last call, decoded. What only says that
// a dead letter is settled goes to w.settled.
func (w *world) taken() (out []message.Message) {
	w.t.Helper()
	for _, e := range w.bus.Take() {
		d, err := membus.Decode(w.reg, e)
		if err != nil {
			w.t.Fatal(err)
		}
		if s, ok := d.Message.Body.(message.Settled); ok {
			w.settled = append(w.settled, s.MessageID)
			continue
		}
		out = append(out, d.Message)
	}
	return out
}

func (w *world) want(bodies ...any) []message.Message {
	w.t.Helper()
	got := w.taken()
	if len(got) != len(bodies) {
		w.t.Fatalf("published %v, want %v", bodiesOf(got), bodies)
	}
	for i := range got {
		if want, ok := bodies[i].(func(any) bool); ok && want(got[i].Body) {
			continue
		}
		if got[i].Body != bodies[i] {
			w.t.Fatalf("published %+v, want %+v", bodiesOf(got), bodies)
		}
	}
	return got
}

func bodiesOf(ms []message.Message) (out []any) {
	for _, m := range ms {
		out = append(out, m.Body)
	}
	return out
}

func (w *world) history(ref es.Ref) []stream.Record {
	w.t.Helper()
	rs, err := stream.NewStore(w.keys.Store).History(context.Background(), stream.Key{Tenant: "main", Ref: ref})
	if err != nil {
		w.t.Fatal(err)
	}
	return rs
}

func acct(id string) es.Ref { return es.Ref{Aggregate: "account", ID: id} }

// faultyStore fails in the ways that stores fail: before the write, after it,
// and while reading.
type faultyStore struct {
	state.Store
	before, after, read func() bool
	mu                  sync.Mutex
	reads               int
}

var errStore = errors.New("store: connection lost")

func (f *faultyStore) Get(ctx context.Context, keys []string) (map[string]state.Entry, error) {
	f.mu.Lock()
	f.reads += len(keys)
	f.mu.Unlock()
	if f.read != nil && f.read() {
		return nil, errStore
	}
	return f.Store.Get(ctx, keys)
}

func (f *faultyStore) Save(ctx context.Context, writes []state.Write) []error {
	errs := make([]error, len(writes))
	for i, w := range writes {
		if f.before != nil && f.before() {
			errs[i] = errStore
			continue
		}
		errs[i] = f.Store.Save(ctx, []state.Write{w})[0]
		if f.after != nil && f.after() {
			errs[i] = errStore
		}
	}
	return errs
}

func once() func() bool {
	done := false
	return func() bool { d := done; done = true; return !d }
}

func sometimes(r *mathrand.Rand, oneIn int) func() bool {
	var mu sync.Mutex
	return func() bool { mu.Lock(); defer mu.Unlock(); return r.IntN(oneIn) == 0 }
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // faults are what these tests are about
	os.Exit(m.Run())
}

// size is how many bytes a stream's document has in the store.
func (w *world) size(key string) int {
	w.t.Helper()
	got, err := w.keys.Store.Get(w.t.Context(), []string{key})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(got[key].Value)
}

// sizeUnparked is the size of the account's document, once it was seen that no message is
// parked.
func (w *world) sizeUnparked() int {
	w.t.Helper()
	if got := letters(w.taken()); len(got) > 0 {
		w.t.Fatalf("parked: %s", got[0].Reason)
	}
	return w.size("main/account/a")
}
