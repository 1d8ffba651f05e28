package handling

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/stream"
)

// Known says of messages that may have come here whether they need not be sent again:
// they were handled, or nothing here is for them. It looks in the store and changes
// nothing. What cannot be read is not known.
func (e *Engine) Known(ctx context.Context, messages []bus.Delivery) ([]bool, error) {
	known := make([]bool, len(messages))
	var reqs []stream.Request
	var items []*item
	var of []int
	asked := map[stream.Key]bool{}
	add := func(key stream.Key, def definition) {
		if !asked[key] {
			asked[key] = true
			reqs = append(reqs, stream.Request{Key: key, Folder: def})
		}
	}
	for i, d := range messages {
		it := &item{Delivery: d}
		if !e.route(ctx, it) {
			known[i] = it.outcome == done
			continue
		}
		items, of = append(items, it), append(of, i)
		add(it.key, it.def)
	}
	if len(items) == 0 {
		return known, nil
	}
	streams, err := e.look(ctx, reqs)
	if err != nil {
		return nil, err
	}
	reqs = nil
	for _, it := range items {
		if st := streams[it.key]; st != nil && it.def.Handled() > 0 {
			for _, ref := range it.def.reads(st.State, it.Message.Body) {
				if other := e.definition(ref.Aggregate); other != nil {
					add(stream.Key{Tenant: it.key.Tenant, Ref: ref}, other)
				}
			}
		}
	}
	others, err := e.look(ctx, reqs)
	if err != nil {
		return nil, err
	}
	for n, it := range items {
		st := streams[it.key]
		if st == nil {
			continue
		}
		env := es.Env{
			Now: e.now().UTC().Round(0), Random: e.random, Writes: e.registry.Writes(), Others: map[es.Ref]any{},
			MessageID: it.Message.ID, Actor: it.Message.Actor, Sent: it.Message.Time, Handled: st.HandledCount(),
		}
		for _, all := range []map[stream.Key]*stream.Stream{streams, others} {
			for key, other := range all {
				if key.Tenant == it.key.Tenant && other.Version() > 0 {
					env.Others[key.Ref] = other.State
				}
			}
		}
		// A fault is for the delivery to meet.
		_ = guard(func() error {
			known[of[n]] = it.def.known(env, st.State, it.Message.Body, st.HasHandled(it.Message.ID))
			return nil
		})
	}
	return known, nil
}

// look reads streams as they are stored, and leaves the cache alone. Those that cannot
// be read are missing.
func (e *Engine) look(ctx context.Context, reqs []stream.Request) (map[stream.Key]*stream.Stream, error) {
	if len(reqs) == 0 {
		return nil, nil
	}
	streams, errs, err := e.streams.LookAtAll(ctx, reqs)
	if err != nil {
		return nil, err
	}
	found := map[stream.Key]*stream.Stream{}
	for i, st := range streams {
		if errs[i] == nil {
			found[reqs[i].Key] = st
		}
	}
	return found, nil
}

// Events gives the events of a stream from one version to another as they were
// published, to be sent again.
func (e *Engine) Events(ctx context.Context, tenant, name string, from, to uint64) (events []message.Message, err error) {
	aggregate, id, _ := strings.Cut(name, "/")
	def := e.definition(aggregate)
	if def == nil || !def.published() {
		return nil, fmt.Errorf("handling: no stream %q is here", name)
	}
	key := stream.Key{Tenant: tenant, Ref: es.Ref{Aggregate: aggregate, ID: id}}
	records, err := e.streams.Between(ctx, key, from, to)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, r := range records {
		m, err := e.event(key, r)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		events = append(events, m)
	}
	return events, errors.Join(failed...)
}
