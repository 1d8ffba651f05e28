package handling

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
		if e.route(ctx, it) {
			items = append(items, it)
		}
	}
	for _, wave := range e.waves(items) {
		left := map[stream.Key]bool{} // streams of which something was left: what follows it waits with it
		for _, part := range parts(wave) {
			var now []*item
			for _, it := range part {
				if it.status = bus.Retry; !left[it.key] {
					now = append(now, it)
				}
			}
			e.handle(ctx, now)
			for _, it := range part {
				out[it.index] = it.status
				left[it.key] = left[it.key] || it.status != bus.Success
			}
		}
	}
	return out
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
// acknowledged: events have many readers, and each takes what it needs.
func (e *Engine) route(ctx context.Context, it *item) bool {
	it.key.Tenant = it.Message.Tenant
	if d, ok := it.Message.Body.(message.Discarded); ok {
		aggregate, id, _ := strings.Cut(d.Stream, "/")
		it.def, it.key.Ref = e.definition(aggregate), es.Ref{Aggregate: aggregate, ID: id}
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
	traced := &spans{tracer: e.tracer, batch: ctx}
	defer func() { traced.end(all) }()
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
			if err := e.decide(ctx, g, failed, traced); err != nil {
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
		for i, err := range e.commit(ctx, streams) {
			if err == nil {
				e.committed(ctx, streams[i])
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
	undone := map[string]error{}
	for i, err := range e.dispatch(ctx, done) {
		if err != nil {
			undone[done[i].Key.String()] = err
			var over *givenUp
			if errors.As(err, &over) {
				over.through = done[i].Version()
			}
			slog.ErrorContext(ctx, "effects could not be carried out", "stream", done[i].Key.String(), "error", err)
		}
	}
	for _, it := range all {
		var over *givenUp
		switch err := undone[it.key.String()]; {
		case err == nil:
		case errors.As(err, &over):
			e.parkAlone(ctx, it, over)
		default:
			it.status = bus.Retry
		}
	}
}

func (e *Engine) commit(ctx context.Context, streams []*stream.Stream) []error {
	ctx, end := e.step(ctx, commit)
	defer end()
	e.meter.tried(ctx, streams)
	return e.streams.Commit(ctx, streams)
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
