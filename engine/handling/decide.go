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

// decideGroup decides the messages of one stream in order, and records what
// follows. Its error is a fault of one of them, which has been counted.
func (b *batch) decideGroup(ctx context.Context, g *group) error {
	env := es.Env{Now: b.now().UTC().Round(0), Random: b.random, Others: g.others, Writes: b.registry.Writes()}
	st := g.stream
	before := st.Version()
	var last *item // the last one decided
	var decided []*span
	g.decisions, g.last = 0, ""
	decide := func(it *item) error {
		g.decisions, g.last = g.decisions+1, it.Message.ID
		sp := b.traced.of(st, it)
		if err := b.decideOne(sp, env, st, it); err != nil {
			return err
		}
		last, decided = it, append(decided, sp)
		return nil
	}
	// What was held back goes first once nothing is parked any more.
	decideHeld := func(topic string) error {
		for b.hasMoreHeld(st) && b.takesMore(g) {
			h, ok := st.TakeHeld()
			if !ok {
				break
			}
			def := g.items[0].def
			held := &item{Delivery: bus.Delivery{Message: message.Message{Meta: h.Meta}, Data: h.Data, Topic: topic}, def: def, key: st.Key}
			if err := decide(held); err != nil {
				return err
			}
		}
		return nil
	}
	if err := decideHeld(g.items[0].Topic); err != nil {
		return err
	}
	for _, it := range g.items {
		it.outcome = done
		m := it.Message
		discarded, isDiscarded := m.Body.(message.Discarded)
		switch {
		case st.HasHandled(m.ID):
			it.came = true
			if b.traced.repeated(it) {
				b.meter.repeated(ctx, st.Key.Aggregate)
			}
			continue
		case isDiscarded:
			if discarded.All {
				st.UnparkAll()
			}
			st.AboveLimit()
			st.GiveUpEffects(discarded.EffectsThrough)
			st.MarkHandled(m.ID)
			if err := b.recordSettled(st, m, env.Now); err != nil {
				return err
			}
		case m.OriginalID != "" && !st.HasParked(m.OriginalID) && st.HasHandled(m.OriginalID):
			// Sent back twice, and decided by the first, or only its effects were left.
			st.MarkHandled(m.ID)
			if err := b.recordSettled(st, m, env.Now); err != nil {
				return err
			}
			continue
		case st.IsParked() && !st.HasParked(m.OriginalID):
			b.hold(st, it)
			continue
		default:
			if err := decide(it); err != nil {
				return err
			}
		}
		if err := decideHeld(it.Topic); err != nil {
			return err
		}
	}
	if last == nil || st.Version() == before {
		return nil
	}
	return b.conclude(ctx, env, st, last, decided)
}

// hold keeps a message back behind a parked one of its stream.
func (b *batch) hold(st *stream.Stream, it *item) {
	switch {
	case isWakeUp(it.Message) && st.Holds(message.TypeWakeUp):
		// one is as good as many
	case st.HeldBytes()+len(it.Data) > maxHeldBytes || !st.HasRoomFor(it.Data):
		it.outcome, it.reason = unhandled, errTooMuchHeld
	default:
		st.Hold(stream.Held{Meta: it.Message.Meta, Data: it.Data})
		st.MarkHandled(it.Message.ID)
	}
}

// conclude records what sums up the messages decided.
func (b *batch) conclude(ctx context.Context, env es.Env, st *stream.Stream, last *item, decided []*span) error {
	name := "conclusion of " + st.Key.String()
	if f := b.failed[name]; f != nil && (f.attempts >= maxAttempts || f.notYet != nil) {
		slog.ErrorContext(ctx, "batch committed without its conclusion; the next will ask again", "stream", st.Key.String(), "reason", f.reason)
		return nil
	}
	sp := decided[len(decided)-1]
	return b.attempt(sp.ctx, st, last, name, func() error {
		d := last.def.conclude(positionOf(st))
		if len(d.steps) == 0 {
			return nil
		}
		o := from(last.Message, env)
		o.correlation = st.Key.ID
		trace, end := b.traced.conclusion(st, sp, decided)
		defer end()
		o.trace = trace
		return b.record(st, last.def, d, o)
	})
}

func positionOf(st *stream.Stream) position {
	return position{st.Key, st.Version(), st.State}
}

// errTooMuchHeld is why a message is parked although nothing is wrong with it.
// To leave it to the broker would stop its topic for all streams.
var errTooMuchHeld = errors.New("as many messages of its stream as can be kept wait behind a parked one already")

func isWakeUp(m message.Message) bool {
	_, ok := m.Body.(es.WakeUp)
	return ok
}

// decideOne decides a message, records what follows and that it did; or parks it,
// when it has failed too often.
func (b *batch) decideOne(sp *span, env es.Env, st *stream.Stream, it *item) error {
	if b.waits(it.Message.ID) {
		it.outcome, it.reason = notYet, b.failed[it.Message.ID].notYet
		return nil
	}
	if f := b.failed[it.Message.ID]; f != nil && f.attempts >= maxAttempts {
		if isWakeUp(it.Message) {
			it.outcome, it.reason = unhandled, errors.New(f.reason)
			return nil
		}
		slog.ErrorContext(sp.ctx, "message parked", "stream", st.Key.String(), "type", it.Message.Type, "id", it.Message.ID, "reason", f.reason)
		sp.SetStatus(codes.Error, "parked")
		return b.park(sp.ctx, st, it, f, env.Now)
	}
	env.MessageID, env.Actor, env.Sent, env.Handled = it.Message.ID, it.Message.Actor, it.Message.Time, st.HandledCount()
	before, answers := st.Version(), st.OutgoingCount()
	unrecorded := false
	err := b.attempt(sp.ctx, st, it, it.Message.ID, func() (err error) {
		if it.Message.Body == nil { // it was held back
			if it.Message.Body, err = b.registry.Decode(it.Message.Meta, it.Data); err != nil {
				return err
			}
		}
		if env.Claims, err = b.claims(sp.ctx, env, st, it); err != nil {
			return err
		}
		m := it.Message
		m.TraceParent = sp.parent // what follows has this decision as its parent
		d, err := it.def.decide(env, positionOf(st), m)
		if err != nil {
			return err
		}
		unrecorded = d.unrecorded
		return b.record(st, it.def, d, from(m, env))
	})
	if err != nil {
		return err
	}
	// Where all ids are kept, also those that changed nothing are: the same
	// message, later, might. A wake-up that changed nothing never gets an id twice.
	recorded := st.Version() > before || st.OutgoingCount() > answers
	if !unrecorded && (recorded || it.def.Handled() == 0 && !isWakeUp(it.Message)) {
		st.MarkHandled(it.Message.ID)
	}
	if it.Message.OriginalID != "" {
		return b.recordSettled(st, it.Message, env.Now)
	}
	return nil
}

// errInfrastructure marks what failed because a store or a broker did, and would
// have failed for any message.
var errInfrastructure = errors.New("the state store or the broker failed")

// attempt does something for a message and counts its faults under a name.
func (b *batch) attempt(ctx context.Context, st *stream.Stream, it *item, name string, do func() error) error {
	err := guard(do)
	if err == nil || ctx.Err() != nil || errors.Is(err, errInfrastructure) {
		return err
	}
	f := b.failed[name]
	if f == nil {
		f = &fault{}
		b.failed[name] = f
	}
	if errors.Is(err, message.ErrNotWritten) || errors.Is(err, message.ErrUnknownType) {
		f.notYet = err
		return err
	}
	f.attempts++
	f.reason = err.Error()
	slog.WarnContext(ctx, "message failed", "stream", st.Key.String(), "type", it.Message.Type, "id", it.Message.ID, "attempt", f.attempts, "error", err)
	return err
}

// guard turns a panic into an error.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return do()
}
