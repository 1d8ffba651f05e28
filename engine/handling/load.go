package handling

import (
	"context"
	"errors"
	"fmt"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/stream"
)

// group is the messages of one stream.
type group struct {
	stream *stream.Stream
	items  []*item
	others map[es.Ref]any
	// decisions is how many messages were decided, those that had been held back
	// included.
	decisions int
	last      string // id of the last one
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
			e.unreadable(g.items, errs[i])
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
			e.unreadable(g.items, err)
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

// unreadable gives an outcome to messages for which a stream would have to be read
// whose stored content cannot be.
func (e *Engine) unreadable(items []*item, reason error) {
	if errors.Is(reason, stream.ErrTooOld) {
		e.refuse(reason)
	}
	for _, it := range items {
		it.outcome, it.reason = notYet, reason
		if errors.Is(reason, stream.ErrCorrupt) {
			it.outcome, it.reason = unhandled, fmt.Errorf("stream cannot be read: %w", reason)
		}
	}
}
