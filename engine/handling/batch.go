package handling

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// item is one delivery on its way through a batch.
type item struct {
	bus.Delivery
	def definition
	key stream.Key

	outcome outcome
	reason  error // of an outcome that has one
	// came says that it had been handled before.
	came bool
}

// HandleBatch implements bus.Handler. A panic outside of a decision leaves the
// batch for redelivery.
func (e *Engine) HandleBatch(ctx context.Context, batch []bus.Delivery) (out []bus.Status) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "handling a batch panicked", "panic", fmt.Sprint(p), "messages", len(batch))
			out = bus.All(len(batch), bus.Retry)
		}
	}()
	ahead := e.clock.observe(e.app, batch, e.now())
	defer func() { e.clock.handled(e.now()) }()
	e.meter.ahead.Record(ctx, ahead.Seconds())
	if ahead != 0 {
		slog.ErrorContext(ctx, "no decision is taken: the clock here differs from those of two other apps", "ahead", ahead.String(), "messages", len(batch))
		return bus.All(len(batch), bus.Retry)
	}
	items := e.handleAll(ctx, batch)
	e.keepForLater(ctx, items)
	out = make([]bus.Status, len(items))
	for i, it := range items {
		out[i] = e.settle(ctx, it)
	}
	return out
}

// handleAll brings every message to an outcome: wave by wave, and of each wave part
// by part.
func (e *Engine) handleAll(ctx context.Context, batch []bus.Delivery) []*item {
	all := make([]*item, len(batch))
	var items []*item
	for i, d := range batch {
		all[i] = &item{Delivery: d}
		if e.route(ctx, all[i]) {
			items = append(items, all[i])
		}
	}
	for _, wave := range e.waves(items) {
		behind := map[stream.Key]bool{} // streams of which something was left: what follows it waits with it
		for _, part := range parts(wave) {
			e.handle(ctx, slices.DeleteFunc(slices.Clone(part), func(it *item) bool { return behind[it.key] }))
			for _, it := range part {
				behind[it.key] = behind[it.key] || it.outcome == again
			}
		}
	}
	return all
}

// parts divides a wave so that no stream has to take too much with one commit.
// Most waves are one part.
func parts(wave []*item) (out [][]*item) {
	given := map[stream.Key]int{}
	for _, it := range wave {
		n := given[it.key] / maxGivenBytes
		for len(out) <= n {
			out = append(out, nil)
		}
		out[n] = append(out[n], it)
		given[it.key] += len(it.Data)
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
				Source: e.app, Time: now, Tenant: tenant, CorrelationID: id,
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
// acknowledged: events have many readers, and each takes what it needs. But a command
// of a type that is not known here is for this app, and for a newer version of it.
func (e *Engine) route(ctx context.Context, it *item) bool {
	it.key.Tenant = it.Message.Tenant
	if it.Message.Body == nil {
		it.outcome, it.reason = notYet, fmt.Errorf("%w: %q", message.ErrUnknownType, it.Message.Type)
		return false
	}
	if d, ok := it.Message.Body.(message.Discarded); ok {
		aggregate, id, _ := strings.Cut(d.Stream, "/")
		it.def, it.key.Ref = e.definition(aggregate), es.Ref{Aggregate: aggregate, ID: id}
		if it.def == nil { // what was discarded had no stream here
			it.outcome = done
		}
		return it.def != nil
	}
	for _, def := range e.definitions {
		if id, ok := def.route(it.Message); ok {
			it.def, it.key.Ref = def, es.Ref{Aggregate: def.name(), ID: id}
			return true
		}
	}
	if t, _ := e.registry.TypeOf(it.Message.Body); t.Kind == message.Command {
		slog.WarnContext(ctx, "command that nothing here handles acknowledged", "type", it.Message.Type, "id", it.Message.ID)
	}
	it.outcome = done
	return false
}

// handle brings every item to an outcome: the streams are loaded, the messages
// decided, what follows recorded in the streams, these committed, and what they want
// done dispatched. What meets a conflict or a fault is taken once more, from the
// store. (What comes of the outcomes is for settle.)
func (e *Engine) handle(ctx context.Context, items []*item) {
	if len(items) == 0 {
		return
	}
	unlock := e.locks.lock(keysOf(items))
	defer unlock()
	b := newBatch(e, ctx, items)
	defer b.traced.end(items)

	var committed []*stream.Stream
	for left := items; len(left) > 0 && b.patience(ctx, left); {
		now, later := b.sized(left)
		groups, read, err := e.load(ctx, now)
		if err != nil {
			slog.ErrorContext(ctx, "streams could not be loaded", "error", err)
			break
		}
		decided, faulty := b.decide(ctx, groups) // and record
		for _, st := range read {
			e.streams.Unchanged(st)
		}
		written, unwritten := b.commit(ctx, decided)
		committed = b.lastOfEach(committed, written)
		left = slices.DeleteFunc(slices.Concat(faulty, unwritten, later), func(it *item) bool { return b.stopped[it.key] })
	}
	b.dispatch(ctx, committed)
}

// batch is the handling of some messages, with what has to be remembered from one
// round to the next.
type batch struct {
	*Engine
	items  []*item
	failed faults
	traced *spans
	rounds int                 // that met a conflict or a fault
	most   map[stream.Key]int  // how many messages one commit of a stream takes, where not all
	twice  map[stream.Key]bool // streams committed in more than one round

	// triedOwed are the streams of which whatever may not have been carried out was, or
	// could not be; owedBy is when the time for that is over. stopped are those of which
	// this batch decides nothing more.
	triedOwed map[stream.Key]bool
	owedBy    time.Time
	stopped   map[stream.Key]bool
}

func newBatch(e *Engine, ctx context.Context, items []*item) *batch {
	return &batch{
		Engine: e, items: items, failed: faults{}, traced: &spans{tracer: e.tracer, batch: ctx}, most: map[stream.Key]int{}, twice: map[stream.Key]bool{}, triedOwed: map[stream.Key]bool{}, stopped: map[stream.Key]bool{},
	}
}

// faults counts, within one delivery, how often each message failed by itself,
// and remembers why.
type faults map[string]*fault

type fault struct {
	attempts int
	reason   string
	// tooLarge says that what follows from the message does not fit into its
	// stream's document.
	tooLarge bool
	// notYet is why it has to wait for another version.
	notYet error
}

// patience says whether there is another round, after a pause if the last one met
// a conflict.
func (b *batch) patience(ctx context.Context, left []*item) bool {
	if b.rounds > 0 {
		pause(ctx, rand.N(roundPause<<b.rounds))
	}
	if b.rounds < maxRounds && ctx.Err() == nil {
		return true
	}
	slog.WarnContext(ctx, "batch left for redelivery", "messages", len(left), "rounds", b.rounds)
	return false
}

// hasMoreHeld says whether messages that were held back can be decided now.
func (b *batch) hasMoreHeld(st *stream.Stream) bool {
	held := st.Held()
	return !st.IsParked() && len(held) > 0 && !b.waits(held[0].Meta.ID)
}

// waits says whether a message was found to need another version.
func (b *batch) waits(id string) bool {
	f := b.failed[id]
	return f != nil && f.notYet != nil
}

// takesMore says whether a stream's commit takes one more decision.
func (b *batch) takesMore(g *group) bool {
	most, bounded := b.most[g.stream.Key]
	return !bounded || g.decisions < most
}

// sized divides what is left where a stream's document does not take all of it
// with one commit.
func (b *batch) sized(left []*item) (now, later []*item) {
	if len(b.most) == 0 {
		return left, nil
	}
	taken := map[stream.Key]int{}
	for _, it := range left {
		if most, bounded := b.most[it.key]; bounded && taken[it.key] >= most {
			later = append(later, it)
			continue
		}
		taken[it.key]++
		now = append(now, it)
	}
	return now, later
}

// decide decides the messages of each group. faulty are those of groups in which
// one failed: what was folded of them so far is void.
func (b *batch) decide(ctx context.Context, groups []*group) (decided []*group, faulty []*item) {
	for _, g := range groups {
		if err := b.decideGroup(ctx, g); err != nil {
			setAll(g.items, again)
			b.streams.Void(g.stream)
			faulty = append(faulty, g.items...)
			continue
		}
		decided = append(decided, g)
	}
	if len(faulty) > 0 {
		b.rounds++
	}
	return decided, faulty
}

// commit commits the stream of each group. unwritten are the messages of those for
// which that failed: another writer was first, or the store failed in a way that
// leaves open whether it happened. Loading again shows which.
func (b *batch) commit(ctx context.Context, decided []*group) (written []*stream.Stream, unwritten []*item) {
	streams := make([]*stream.Stream, len(decided))
	for i, g := range decided {
		streams[i] = g.stream
	}
	failed := false
	for i, err := range b.commitAll(ctx, streams) {
		g := decided[i]
		switch {
		case err == nil:
			b.committed(ctx, g.stream)
			written = append(written, g.stream)
			if b.hasMoreHeld(g.stream) {
				unwritten = append(unwritten, g.items...) // there is more, that was held back
			}
			continue
		case errors.Is(err, stream.ErrTooLarge):
			if !b.tooLarge(ctx, g, err) {
				continue
			}
		default:
			failed = true
			lost := errors.Is(err, state.ErrConflict)
			b.meter.conflict(ctx, g.stream.Key.Aggregate, lost)
			if !lost {
				slog.WarnContext(ctx, "commit failed, looking again", "stream", g.stream.Key.String(), "error", err)
			}
		}
		setAll(g.items, again)
		unwritten = append(unwritten, g.items...)
	}
	if failed {
		b.rounds++
	}
	return written, unwritten
}

// tooLarge has a stream take half as much with its next commit. The one message
// that is too large by itself will be parked. There is nothing left to try where not
// even the note about that fits. But first all is carried out that may not have been:
// until then it fills the document, and that is no message's fault.
func (b *batch) tooLarge(ctx context.Context, g *group, err error) (goOn bool) {
	slog.WarnContext(ctx, "too much for one commit", "stream", g.stream.Key.String(), "messages", len(g.items), "error", err)
	if key := g.stream.Key; g.stream.IsOwed() && !b.triedOwed[key] {
		b.triedOwed[key] = true
		through, err := b.carryOutOwed(ctx, g)
		if err == nil {
			return true
		}
		slog.ErrorContext(ctx, "effects could not be carried out", "stream", key.String(), "error", err)
		b.stopped[key] = true // what follows these messages waits with them
		setAll(g.items, again)
		if over := (*givenUp)(nil); errors.As(err, &over) {
			over.through = through
			for _, it := range g.items {
				it.outcome, it.reason = unhandled, over
			}
		}
		return false
	}
	if n := max(len(g.items), g.decisions); n > 1 {
		b.most[g.stream.Key] = n / 2
		return true
	}
	if f := b.failed[g.last]; g.last == "" || f != nil && f.tooLarge {
		for _, it := range g.items {
			it.outcome, it.reason = unhandled, err
		}
		return false
	}
	b.failed[g.last] = &fault{attempts: maxAttempts, reason: err.Error(), tooLarge: true}
	return true
}

// owedWithin is the time for what streams of a batch are owed: with what is then left of
// the batch's own effects (effectsWithin) it is less than the broker waits.
const owedWithin = time.Second

// carryOutOwed carries out whatever the stream of a group wants done and may not have had.
// through is its version as it is stored.
func (b *batch) carryOutOwed(ctx context.Context, g *group) (through uint64, err error) {
	if b.owedBy.IsZero() {
		b.owedBy = time.Now().Add(owedWithin)
	}
	ctx, cancel := context.WithDeadline(ctx, b.owedBy)
	defer cancel()
	streams, errs, err := b.streams.Load(ctx, []stream.Request{{Key: g.stream.Key, Folder: g.items[0].def}})
	if err = errors.Join(err, errors.Join(errs...)); err != nil {
		return 0, err
	}
	return streams[0].Version(), b.carryOutAll(ctx, streams)[0]
}

func (e *Engine) commitAll(ctx context.Context, streams []*stream.Stream) []error {
	ctx, end := e.step(ctx, commit)
	defer end()
	e.meter.tried(ctx, streams)
	return e.streams.Commit(ctx, streams)
}

// dispatch carries out what committed streams want done. The messages of one for
// which that failed are not done either.
func (b *batch) dispatch(ctx context.Context, committed []*stream.Stream) {
	b.leaveOthers(committed)
	undone := map[stream.Key]error{}
	for i, err := range b.carryOutAll(ctx, committed) {
		if err != nil {
			undone[committed[i].Key] = err
			var over *givenUp
			if errors.As(err, &over) {
				over.through = committed[i].Version()
			}
			slog.ErrorContext(ctx, "effects could not be carried out", "stream", committed[i].Key.String(), "error", err)
		}
	}
	for _, it := range b.items {
		var over *givenUp
		switch err := undone[it.key]; {
		case err == nil:
		case errors.As(err, &over):
			it.outcome, it.reason = unhandled, over
		default:
			it.outcome = again
		}
	}
}

// leaveOthers leaves to other replicas what they committed a moment ago: they are about to
// carry it out. What ended before it could has not acknowledged its messages. These come
// again, and are found to have been handled; then all is carried out that may not have
// been. So it is where no broker repeats, for a wake-up and for what an operator sent, and
// where it failed here before.
func (b *batch) leaveOthers(committed []*stream.Stream) {
	whole := maps.Clone(b.twice)
	for _, it := range b.items {
		if _, discarded := it.Message.Body.(message.Discarded); discarded || it.came || it.Message.OriginalID != "" || isWakeUp(it.Message) {
			whole[it.key] = true
		}
	}
	after := b.now().Add(-leftFor)
	for _, st := range committed {
		if !whole[st.Key] && !b.undone.Contains(st.Key) {
			st.LeaveOthers(after)
		}
	}
}

// lastOfEach adds streams that were committed. One that was committed before has all
// that it wanted done then in its last commit.
func (b *batch) lastOfEach(committed, written []*stream.Stream) []*stream.Stream {
	return append(slices.DeleteFunc(committed, func(before *stream.Stream) bool {
		twice := slices.ContainsFunc(written, func(st *stream.Stream) bool { return st.Key == before.Key })
		if twice {
			b.twice[before.Key] = true
		}
		return twice
	}), written...)
}

func setAll(items []*item, o outcome) {
	for _, it := range items {
		it.outcome = o
	}
}

func keysOf(items []*item) []string {
	keys := make([]string, len(items))
	for i, it := range items {
		keys[i] = it.key.String()
	}
	return keys
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
