// Package handling decides batches of messages against event streams: load all
// streams of the batch with one read, decide message by message in order per
// stream, commit every stream with one compare-and-swap, carry out what
// follows, acknowledge.
//
// What it promises: a message is decided at most once (as far as its stream
// keeps ids); its effects are carried out at least once, with the same ids; and
// nothing is acknowledged before both are done. A crash anywhere between is
// repaired by the redelivery of the message. A handler that fails again and
// again by itself has its message parked in the dead letters, and later messages
// of that one stream kept behind it. See docs/adr.
package handling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// Waker is the port to whatever wakes a process at a time it asked for.
type Waker interface {
	// Wake sets the one wake-up time of an instance, or takes it back when
	// w.At is zero. Both may be repeated.
	Wake(ctx context.Context, key stream.Key, w es.Wake) error
}

// Options are what an Engine is made of.
type Options struct {
	// App is this app's name, as it stands in messages as their source.
	App       string
	Registry  *message.Registry
	Keys      state.Store
	Publisher bus.Publisher
	// Waker may be nil where no process asks to be woken.
	Waker Waker
	// Now and Random are the clock and the cryptographic source of all decisions.
	Now    func() time.Time
	Random io.Reader
}

// Engine handles the batches of one app. Add its aggregates and processes
// before it is used.
type Engine struct {
	app       string
	registry  *message.Registry
	keys      state.Store
	streams   *stream.Store
	publisher bus.Publisher
	waker     Waker
	now       func() time.Time
	random    io.Reader

	definitions []definition
	effects     map[string][]effect
	locks       locks
	meter       *meter
}

type effect func(ctx context.Context, m message.Meta, body any) error

// New makes an engine without aggregates.
func New(o Options) *Engine {
	return &Engine{
		app: o.App, registry: o.Registry, keys: o.Keys, streams: stream.NewStore(o.Keys),
		publisher: o.Publisher, waker: o.Waker, now: o.Now, random: o.Random,
		effects: map[string][]effect{}, meter: newMeter(),
	}
}

// Aggregate adds an aggregate. Those whose state it reads are added before it.
func Aggregate[S any](e *Engine, a es.Aggregate[S]) {
	e.definitions = append(e.definitions, &aggregate[S]{Aggregate: a, registry: e.registry})
}

// Process adds a process.
func Process[S any](e *Engine, p es.Process[S]) {
	e.definitions = append(e.definitions, &process[S]{Process: p, registry: e.registry})
}

// OnEvent adds an effect of events of type E beside publishing them. It is
// carried out after the commit and before the acknowledgement, at least once,
// so it must be harmless when repeated. Its error leads to redelivery, so it
// must be about infrastructure.
func OnEvent[E any](e *Engine, do func(ctx context.Context, m message.Meta, event E) error) {
	var zero E
	t, ok := e.registry.TypeOf(zero)
	if !ok {
		panic(fmt.Sprintf("handling: %T is not registered", zero))
	}
	e.effects[t.Name] = append(e.effects[t.Name], func(ctx context.Context, m message.Meta, body any) error {
		return do(ctx, m, body.(E))
	})
}

// Bounds of patience within one delivery. Beyond them the broker repeats.
const (
	// maxRounds is how often a batch is loaded and decided anew after conflicts.
	maxRounds = 8
	// maxAttempts is how often a message may fail by itself before it is parked.
	maxAttempts = 3
	// maxHeld is how many messages are kept behind a parked one.
	maxHeld = 1000
	// roundPause is the longest pause after the first conflict; it doubles.
	roundPause = 10 * time.Millisecond
)

// item is one delivery on its way through a batch.
type item struct {
	bus.Delivery
	index  int
	def    definition
	key    stream.Key
	status bus.Status
}

// faults counts, within one delivery, how often each message failed by itself,
// and remembers why.
type faults map[string]*fault

type fault struct {
	attempts int
	reason   string
}

// HandleBatch implements bus.Handler.
func (e *Engine) HandleBatch(ctx context.Context, batch []bus.Delivery) []bus.Status {
	out := make([]bus.Status, len(batch))
	var items []*item
	for i, d := range batch {
		it := &item{Delivery: d, index: i}
		if e.route(it) {
			items = append(items, it)
		}
	}
	for _, wave := range e.waves(items) {
		e.handle(ctx, wave)
		for _, it := range wave {
			out[it.index] = it.status
		}
	}
	return out
}

// waves divides a batch so that what some of it read is committed before they
// are decided, and nothing is decided on what may never have happened. Most
// batches are one wave. An aggregate reads only those added before it.
func (e *Engine) waves(items []*item) [][]*item {
	var out [][]*item
	var wave []*item
	var kinds []string // of the streams in wave
	for _, def := range e.definitions {
		var own []*item
		for _, it := range items {
			if it.def == def {
				own = append(own, it)
			}
		}
		if len(own) == 0 {
			continue
		}
		// Which stream is read may depend on a state that is not loaded yet; its
		// kind does not.
		if slices.ContainsFunc(own, func(it *item) bool {
			return slices.ContainsFunc(def.reads(def.New(), it.Message.Body), func(ref es.Ref) bool {
				return slices.Contains(kinds, ref.Aggregate)
			})
		}) {
			out, wave, kinds = append(out, wave), nil, nil
		}
		wave, kinds = append(wave, own...), append(kinds, def.name())
	}
	if len(wave) > 0 {
		out = append(out, wave)
	}
	return out
}

// Wake delivers a WakeUp to each of the process's instances.
func (e *Engine) Wake(ctx context.Context, tenant string, ids []string) error {
	batch := make([]bus.Delivery, len(ids))
	for i, id := range ids {
		body := es.WakeUp{ID: id}
		_, data, err := e.registry.Encode(message.Meta{}, body)
		if err != nil {
			return err
		}
		now := e.now().UTC()
		batch[i] = bus.Delivery{Data: data, Topic: "wake-up", Message: message.Message{
			Meta: message.Meta{
				ID: es.DerivedID("wake-up/"+id, now.Format(time.RFC3339Nano)), Type: message.TypeWakeUp,
				Source: e.app, Time: now, Tenant: tenant, CorrelationID: id, TraceParent: bus.NewTraceParent(),
			},
			Body: body,
		}}
	}
	for i, s := range e.HandleBatch(ctx, batch) {
		if s != bus.Success {
			return fmt.Errorf("handling: waking %s: %v", ids[i], s)
		}
	}
	return nil
}

// route finds the stream of a message. A message that nothing here is for is
// acknowledged: events have many readers, and each takes what it needs.
func (e *Engine) route(it *item) bool {
	it.key.Tenant = it.Message.Tenant
	if d, ok := it.Message.Body.(message.Discarded); ok {
		aggregate, id, _ := strings.Cut(d.Stream, "/")
		for _, def := range e.definitions {
			if def.name() == aggregate {
				it.def, it.key.Ref = def, es.Ref{Aggregate: aggregate, ID: id}
				return true
			}
		}
		return false
	}
	for _, def := range e.definitions {
		if id, ok := def.route(it.Message); ok {
			it.def, it.key.Ref = def, es.Ref{Aggregate: def.name(), ID: id}
			return true
		}
	}
	if t, _ := e.registry.TypeOf(it.Message.Body); t.Kind == message.Command {
		slog.Warn("command that nothing here handles acknowledged", "type", it.Message.Type, "id", it.Message.ID)
	}
	return false
}

// handle brings every item to a status.
func (e *Engine) handle(ctx context.Context, items []*item) {
	if len(items) == 0 {
		return
	}
	keys := make([]string, len(items))
	for i, it := range items {
		keys[i] = it.key.String()
	}
	unlock := e.locks.lock(keys)
	defer unlock()

	all, failed := items, faults{}
	var done []*stream.Stream
	for round := 0; len(items) > 0; round++ {
		if round == maxRounds || ctx.Err() != nil {
			slog.WarnContext(ctx, "batch left for redelivery", "messages", len(items), "rounds", round)
			setAll(items, bus.Retry)
			break
		}
		if round > 0 {
			pause(ctx, rand.N(roundPause<<round))
		}
		groups, read, err := e.load(ctx, items)
		if err != nil {
			slog.ErrorContext(ctx, "streams could not be loaded", "error", err)
			setAll(items, bus.Retry)
			break
		}
		items = nil
		var decided []*group
		for _, g := range groups {
			if err := e.decide(ctx, g, failed); err != nil {
				// A fault: what was folded so far is void. Once more, from the store.
				items = append(items, g.items...)
				continue
			}
			decided = append(decided, g)
		}
		for _, st := range read {
			e.streams.Unchanged(st)
		}
		streams := make([]*stream.Stream, len(decided))
		for i, g := range decided {
			streams[i] = g.stream
		}
		for i, err := range e.streams.Commit(ctx, streams) {
			if err == nil {
				done = append(done, streams[i])
				continue
			}
			// Another writer was first, or the store failed in a way that leaves open
			// whether it happened. Loading again shows which.
			e.meter.conflict(ctx, streams[i].Key.Aggregate, errors.Is(err, state.ErrConflict))
			if !errors.Is(err, state.ErrConflict) {
				slog.WarnContext(ctx, "commit failed, looking again", "stream", streams[i].Key.String(), "error", err)
			}
			items = append(items, decided[i].items...)
		}
	}
	if err := e.dispatch(ctx, done); err != nil {
		slog.ErrorContext(ctx, "effects could not be carried out; redelivery will repeat them", "error", err, "streams", len(done))
		undone := map[string]bool{}
		for _, st := range done {
			undone[st.Key.String()] = true
		}
		for _, it := range all {
			if undone[it.key.String()] {
				it.status = bus.Retry
			}
		}
	}
}

func setAll(items []*item, s bus.Status) {
	for _, it := range items {
		it.status = s
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// group is the messages of one stream.
type group struct {
	stream *stream.Stream
	items  []*item
	others map[es.Ref]any
}

// load reads the streams of all items, and then those that their decisions
// read. Those are nobody else's until they are given back: another batch would
// fold events into the state that this one is looking at.
func (e *Engine) load(ctx context.Context, items []*item) (loaded []*group, read []*stream.Stream, err error) {
	groups := map[stream.Key]*group{}
	var order []*group
	var reqs []stream.Request
	for _, it := range items {
		g := groups[it.key]
		if g == nil {
			g = &group{others: map[es.Ref]any{}}
			groups[it.key] = g
			order = append(order, g)
			reqs = append(reqs, stream.Request{Key: it.key, Folder: it.def})
		}
		g.items = append(g.items, it)
	}
	streams, errs, err := e.streams.Load(ctx, reqs)
	if err != nil {
		return nil, nil, err
	}
	loaded = order[:0]
	for i, g := range order {
		if errs[i] != nil {
			e.parkUnreadable(ctx, g.items, errs[i])
			continue
		}
		g.stream = streams[i]
		loaded = append(loaded, g)
	}
	read, err = e.loadOthers(ctx, loaded)
	return loaded, read, err
}

// loadOthers gives every group the state of the streams that its decisions
// read. One that cannot be read, or has no events, is missing among them.
func (e *Engine) loadOthers(ctx context.Context, order []*group) (read []*stream.Stream, err error) {
	readers := map[stream.Key][]*group{}
	var reqs []stream.Request
	for _, g := range order {
		for _, it := range g.items {
			for _, ref := range it.def.reads(g.stream.State, it.Message.Body) {
				key := stream.Key{Tenant: it.key.Tenant, Ref: ref}
				if readers[key] == nil {
					for _, def := range e.definitions {
						if def.name() == ref.Aggregate {
							reqs = append(reqs, stream.Request{Key: key, Folder: def})
						}
					}
				}
				readers[key] = append(readers[key], g)
			}
		}
	}
	if len(reqs) == 0 {
		return nil, nil
	}
	streams, errs, err := e.streams.Load(ctx, reqs)
	if err != nil {
		return nil, err
	}
	for i, st := range streams {
		if errs[i] != nil {
			slog.ErrorContext(ctx, "stream that a decision reads cannot be read", "stream", reqs[i].Key.String(), "error", errs[i])
			continue
		}
		if st.Version() > 0 {
			for _, g := range readers[st.Key] {
				g.others[st.Key.Ref] = st.State
			}
		}
		read = append(read, st)
	}
	return read, nil
}

// decide handles the messages of one stream in order. Its error is a fault of
// one of them, which has been counted.
func (e *Engine) decide(ctx context.Context, g *group, failed faults) error {
	env := es.Env{Now: e.now().UTC().Round(0), Random: e.random, Others: g.others}
	st := g.stream
	before := st.Version()
	var last *item // the last one decided
	for _, it := range g.items {
		it.status = bus.Success
		m := it.Message
		_, discarded := m.Body.(message.Discarded)
		switch {
		case st.HasHandled(m.ID):
			continue
		case discarded:
			st.Unpark(m.OriginalID)
			st.MarkHandled(m.ID)
		case m.OriginalID != "" && !st.HasParked(m.OriginalID) && st.HasHandled(m.OriginalID):
			continue // sent back twice, and settled by the first
		case st.IsParked() && !st.HasParked(m.OriginalID):
			if isWakeUp(m) && st.Holds(message.TypeWakeUp) {
				continue // one is as good as many
			}
			if st.HeldCount() >= maxHeld {
				slog.ErrorContext(ctx, "too many messages wait behind a parked one", "stream", st.Key.String(), "held", st.HeldCount())
				it.status = bus.Retry
				continue
			}
			st.Hold(stream.Held{Meta: m.Meta, Data: it.Data})
			st.MarkHandled(m.ID)
		default:
			if err := e.decideOne(ctx, env, st, it, failed); err != nil {
				return err
			}
			st.Unpark(m.OriginalID)
			last = it
		}
		for !st.IsParked() {
			h, ok := st.TakeHeld()
			if !ok {
				break
			}
			held := &item{Delivery: bus.Delivery{Message: message.Message{Meta: h.Meta}, Data: h.Data, Topic: it.Topic}, def: it.def, key: it.key}
			if err := e.decideOne(ctx, env, st, held, failed); err != nil {
				return err
			}
			last = held
		}
	}
	if last == nil || st.Version() == before {
		return nil
	}
	conclusion := "conclusion of " + st.Key.String()
	if f := failed[conclusion]; f != nil && f.attempts >= maxAttempts {
		slog.ErrorContext(ctx, "batch committed without its conclusion; the next will ask again", "stream", st.Key.String(), "reason", f.reason)
		return nil
	}
	return e.attempt(ctx, st, last, conclusion, failed, func() error { return last.def.conclude(e, env, st, last.Message) })
}

func isWakeUp(m message.Message) bool {
	_, ok := m.Body.(es.WakeUp)
	return ok
}

// decideOne decides a message and remembers that it did; or parks it, when it
// has failed too often.
func (e *Engine) decideOne(ctx context.Context, env es.Env, st *stream.Stream, it *item, failed faults) error {
	if f := failed[it.Message.ID]; f != nil && f.attempts >= maxAttempts {
		if isWakeUp(it.Message) {
			it.status = bus.Retry // there is nothing in it that an operator could send back
			return nil
		}
		slog.ErrorContext(ctx, "message parked", "stream", st.Key.String(), "type", it.Message.Type, "id", it.Message.ID, "reason", f.reason)
		e.meter.parked(ctx, st.Key.Aggregate)
		st.MarkHandled(it.Message.ID)
		return e.park(st, it, f, env.Now)
	}
	env.MessageID = it.Message.ID
	before, answers := st.Version(), st.OutgoingCount()
	err := e.attempt(ctx, st, it, it.Message.ID, failed, func() (err error) {
		if it.Message.Body == nil { // it was held back
			if it.Message.Body, err = e.registry.Decode(it.Message.Meta, it.Data); err != nil {
				return err
			}
		}
		return it.def.handle(ctx, e, env, st, it.Message, it.Data)
	})
	if err != nil {
		return err
	}
	// Where all ids are kept, also those that changed nothing are: the same
	// message, later, might. A wake-up that changed nothing never gets an id twice.
	recorded := st.Version() > before || st.OutgoingCount() > answers
	if recorded || it.def.Handled() == 0 && !isWakeUp(it.Message) {
		st.MarkHandled(it.Message.ID)
	}
	return nil
}

// errStore marks what failed because the store did, and would have failed for
// any message.
var errStore = errors.New("the state store failed")

// attempt does something for a message and counts its faults under a name.
func (e *Engine) attempt(ctx context.Context, st *stream.Stream, it *item, name string, failed faults, do func() error) error {
	err := e.guard(do)
	if err == nil || ctx.Err() != nil || errors.Is(err, errStore) {
		return err
	}
	f := failed[name]
	if f == nil {
		f = &fault{}
		failed[name] = f
	}
	f.attempts++
	f.reason = err.Error()
	slog.WarnContext(ctx, "message failed", "stream", st.Key.String(), "type", it.Message.Type, "id", it.Message.ID, "attempt", f.attempts, "error", err)
	return err
}

// guard turns a panic into an error.
func (e *Engine) guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return do()
}

// dispatch carries out what the committed streams want done: publishes events,
// commands and answers in one go, and sets wake-ups and runs effects beside.
func (e *Engine) dispatch(ctx context.Context, streams []*stream.Stream) error {
	var msgs []message.Message
	var then []func(context.Context) error
	for _, st := range streams {
		records, outgoing := st.Pending()
		for _, o := range outgoing {
			m, err := e.outgoing(st.Key.Tenant, o)
			if err != nil {
				return err
			}
			msgs = append(msgs, m)
		}
		var wake *es.Wake
		for _, r := range records {
			for _, o := range r.Commands {
				m, err := e.outgoing(st.Key.Tenant, o)
				if err != nil {
					return err
				}
				msgs = append(msgs, m)
			}
			if r.Wake != nil {
				wake = r.Wake // the last one counts
			}
			if !e.isPublished(st.Key.Aggregate) {
				continue
			}
			m, err := e.event(st.Key, r)
			if err != nil {
				return err
			}
			msgs = append(msgs, m)
			if len(e.effects) == 0 {
				continue
			}
			body, err := e.registry.Decode(m.Meta, r.Data)
			if err != nil {
				return err
			}
			t, _ := e.registry.TypeOf(body)
			for _, do := range e.effects[t.Name] {
				then = append(then, func(ctx context.Context) error { return do(ctx, m.Meta, body) })
			}
		}
		if wake != nil {
			then = append(then, func(ctx context.Context) error { return e.waker.Wake(ctx, st.Key, *wake) })
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	if len(msgs) > 0 {
		g.Go(func() error { return e.publisher.Publish(gctx, msgs...) })
	}
	for _, do := range then {
		g.Go(func() error { return e.guard(func() error { return do(gctx) }) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, st := range streams {
		e.streams.Dispatched(st)
	}
	return nil
}

func (e *Engine) isPublished(aggregate string) bool {
	i := slices.IndexFunc(e.definitions, func(d definition) bool { return d.name() == aggregate })
	return i >= 0 && e.definitions[i].published()
}

// event is a record as the message that is published.
func (e *Engine) event(key stream.Key, r stream.Record) (message.Message, error) {
	partition := r.PartitionKey
	if partition == "" {
		partition = r.CorrelationID
	}
	return e.stored(message.Meta{
		ID: stream.EventID(key, r.Version), Type: r.Type, Source: e.app, Stream: key.Ref.String(), Time: r.Time,
		Tenant: key.Tenant, CorrelationID: r.CorrelationID, PartitionKey: partition,
		TraceParent: r.TraceParent, StreamVersion: r.Version, Cause: r.Cause,
	}, r.Data)
}

// stored is a message that was stored, to be published as it is. Where it goes
// is said by its type, or by what that has become.
func (e *Engine) stored(meta message.Meta, data json.RawMessage) (message.Message, error) {
	t, ok := e.registry.Lookup(meta.Type)
	if !ok {
		body, err := e.registry.Decode(meta, data)
		if err != nil {
			return message.Message{}, err
		}
		t, _ = e.registry.TypeOf(body)
	}
	return message.Message{Meta: meta, Body: data, To: &message.Address{Kind: t.Kind, Topic: t.Topic}}, nil
}

func (e *Engine) outgoing(tenant string, o stream.Outgoing) (message.Message, error) {
	partition := o.PartitionKey
	if partition == "" {
		partition = o.CorrelationID
	}
	return e.stored(message.Meta{
		ID: o.ID, Type: o.Type, Source: e.app, Stream: o.Stream, StreamVersion: o.StreamVersion, Time: o.Time,
		Tenant: tenant, CorrelationID: o.CorrelationID, PartitionKey: partition, TraceParent: o.TraceParent, Cause: o.Cause,
	}, o.Data)
}

// claim makes owner the owner of each key that has none, and says whose each is.
func (e *Engine) claim(ctx context.Context, tenant string, keys []string, owner string) (map[string]string, error) {
	names := make([]string, len(keys))
	writes := make([]state.Write, len(keys))
	for i, k := range keys {
		names[i] = tenant + "/claim/" + k
		writes[i] = state.Write{Key: names[i], Value: []byte(owner)}
	}
	e.keys.Save(ctx, writes) // who lost is seen by looking
	got, err := e.keys.Get(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStore, err)
	}
	out := make(map[string]string, len(keys))
	for i, k := range keys {
		entry, ok := got[names[i]]
		if !ok {
			return nil, fmt.Errorf("%w: %s could not be claimed", errStore, k)
		}
		out[k] = string(entry.Value)
	}
	return out, nil
}
