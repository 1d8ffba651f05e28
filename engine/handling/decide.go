package handling

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/codes"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/stream"
)

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
	ctx, end := e.step(ctx, load)
	defer end()
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
			e.unreadable(ctx, g.items, errs[i])
			continue
		}
		g.stream = streams[i]
		loaded = append(loaded, g)
	}
	return e.loadOthers(ctx, loaded)
}

// loadOthers gives every group the state of the streams that its decisions
// read. One that has no events is missing among them. A group for which one cannot
// be read is left out: to decide as if it were not there would be a wrong answer.
func (e *Engine) loadOthers(ctx context.Context, order []*group) (loaded []*group, read []*stream.Stream, err error) {
	readers := map[stream.Key][]*group{}
	var reqs []stream.Request
	for _, g := range order {
		def := g.items[0].def
		for _, body := range e.bodies(g) {
			for _, ref := range def.reads(g.stream.State, body) {
				key := stream.Key{Tenant: g.stream.Key.Tenant, Ref: ref}
				if other := e.definition(ref.Aggregate); other != nil && readers[key] == nil {
					reqs = append(reqs, stream.Request{Key: key, Folder: other})
				}
				readers[key] = append(readers[key], g)
			}
		}
	}
	if len(reqs) == 0 {
		return order, nil, nil
	}
	streams, errs, err := e.streams.Load(ctx, reqs)
	if err != nil {
		return nil, nil, err
	}
	unread := map[*group]error{}
	for i, st := range streams {
		if errs[i] != nil {
			for _, g := range readers[reqs[i].Key] {
				unread[g] = errs[i]
			}
			continue
		}
		if st.Version() > 0 {
			for _, g := range readers[st.Key] {
				g.others[st.Key.Ref] = st.State
			}
		}
		read = append(read, st)
	}
	for _, g := range order {
		if err := unread[g]; err != nil {
			e.unreadable(ctx, g.items, err)
			continue
		}
		loaded = append(loaded, g)
	}
	return loaded, read, nil
}

// bodies are what of a group may be decided: the messages that came, and those
// held back if one came that may set them free.
func (e *Engine) bodies(g *group) []any {
	var bodies []any
	frees := false
	for _, it := range g.items {
		bodies = append(bodies, it.Message.Body)
		frees = frees || it.Message.OriginalID != ""
	}
	if !frees {
		return bodies
	}
	for _, h := range g.stream.Held() {
		if body, err := e.registry.Decode(h.Meta, h.Data); err == nil { // else it reads nothing
			bodies = append(bodies, body)
		}
	}
	return bodies
}

// decide handles the messages of one stream in order. Its error is a fault of
// one of them, which has been counted.
func (e *Engine) decide(ctx context.Context, g *group, failed faults, traced *spans) error {
	env := es.Env{Now: e.now().UTC().Round(0), Random: e.random, Others: g.others}
	st := g.stream
	before := st.Version()
	var last *item // the last one decided
	var decided []*span
	for _, it := range g.items {
		it.status = bus.Success
		m := it.Message
		discarded, isDiscarded := m.Body.(message.Discarded)
		switch {
		case st.HasHandled(m.ID):
			if traced.repeated(it) {
				e.meter.repeated(ctx, st.Key.Aggregate)
			}
			continue
		case isDiscarded:
			if discarded.All {
				st.UnparkAll()
			}
			st.GiveUpEffects(discarded.EffectsThrough)
			st.MarkHandled(m.ID)
			if err := e.settle(st, m, env.Now); err != nil {
				return err
			}
		case m.OriginalID != "" && !st.HasParked(m.OriginalID) && st.HasHandled(m.OriginalID):
			// Sent back twice, and decided by the first, or only its effects were left.
			st.MarkHandled(m.ID)
			if err := e.settle(st, m, env.Now); err != nil {
				return err
			}
			continue
		case st.IsParked() && !st.HasParked(m.OriginalID):
			if isWakeUp(m) && st.Holds(message.TypeWakeUp) {
				continue // one is as good as many
			}
			if st.HeldBytes()+len(it.Data) > maxHeldBytes {
				it.status = bus.Retry // a wake-up is repeated by whoever wakes
				if !isWakeUp(m) {
					e.parkAlone(ctx, it, errTooMuchHeld)
				}
				continue
			}
			st.Hold(stream.Held{Meta: m.Meta, Data: it.Data})
			st.MarkHandled(m.ID)
		default:
			sp := traced.of(st, it)
			if err := e.decideOne(sp, env, st, it, failed); err != nil {
				return err
			}
			last, decided = it, append(decided, sp)
		}
		for !st.IsParked() {
			h, ok := st.TakeHeld()
			if !ok {
				break
			}
			held := &item{Delivery: bus.Delivery{Message: message.Message{Meta: h.Meta}, Data: h.Data, Topic: it.Topic}, def: it.def, key: it.key}
			sp := traced.of(st, held)
			if err := e.decideOne(sp, env, st, held, failed); err != nil {
				return err
			}
			last, decided = held, append(decided, sp)
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
	sp := decided[len(decided)-1]
	return e.attempt(sp.ctx, st, last, conclusion, failed, func() error {
		return last.def.conclude(e, env, st, last.Message, func() (string, func()) { return traced.conclusion(st, sp, decided) })
	})
}

// errTooMuchHeld is why a message is parked although nothing is wrong with it.
// To leave it to the broker would stop its topic for all streams.
var errTooMuchHeld = errors.New("as many messages of its stream as can be kept wait behind a parked one already")

func isWakeUp(m message.Message) bool {
	_, ok := m.Body.(es.WakeUp)
	return ok
}

// decideOne decides a message and remembers that it did; or parks it, when it
// has failed too often.
func (e *Engine) decideOne(sp *span, env es.Env, st *stream.Stream, it *item, failed faults) error {
	ctx := sp.ctx
	if f := failed[it.Message.ID]; f != nil && f.attempts >= maxAttempts {
		if isWakeUp(it.Message) {
			it.status = bus.Retry // there is nothing in it that an operator could send back
			return nil
		}
		slog.ErrorContext(ctx, "message parked", "stream", st.Key.String(), "type", it.Message.Type, "id", it.Message.ID, "reason", f.reason)
		sp.SetStatus(codes.Error, "parked")
		st.MarkHandled(it.Message.ID)
		st.MarkHandled(original(it.Message))
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
		m := it.Message
		m.TraceParent = sp.parent // what follows has this decision as its parent
		return it.def.handle(ctx, e, env, st, m, it.Data)
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
	if it.Message.OriginalID != "" {
		return e.settle(st, it.Message, env.Now)
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
