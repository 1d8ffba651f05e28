package stream

import (
	"slices"
)

// cached is a stream as this process last saw it committed. Its state serves
// only while the stored document is still of that commit; what was carried out
// stays so whoever has written since.
type cached struct {
	raw         []byte
	doc         *document
	state       any
	handled     map[string]struct{}
	pendingFrom uint64
	published   []string
}

// take removes a stream from the cache: whoever has it may fold into its state,
// so nobody else may see it until it is committed.
func (s *Store) take(key string) *cached {
	s.taking.Lock()
	defer s.taking.Unlock()
	c, ok := s.cache.Get(key)
	if !ok {
		return nil
	}
	s.cache.Remove(key)
	return c
}

// reuse goes on where this process left the stream.
func (st *Stream) reuse(c *cached) {
	st.doc, st.State, st.handled = c.doc, c.state, c.handled
	st.pendingFrom, st.published = c.pendingFrom, c.published
}

// skip leaves out what this process has carried out before another wrote. Else
// replicas that take turns would each repeat all that the other has done, for
// ever more, and nothing could be sealed.
func (st *Stream) skip(c *cached) {
	st.pendingFrom = max(st.pendingFrom, min(c.pendingFrom, st.doc.Version))
	st.published = c.published
	st.doc.Outgoing = slices.DeleteFunc(st.doc.Outgoing, func(o Outgoing) bool { return slices.Contains(c.published, o.ID) })
}

// Dispatched tells the store that all effects of a committed stream have been
// carried out, and keeps its state in memory.
func (s *Store) Dispatched(st *Stream) {
	st.pendingFrom = st.doc.Version
	for _, o := range st.doc.Outgoing {
		st.published = append(st.published, o.ID)
	}
	st.doc.Outgoing = nil
	s.keep(st)
}

// keep keeps a stream in memory as it stands in the store.
func (s *Store) keep(st *Stream) {
	if st.changed || st.raw == nil {
		return
	}
	s.cache.Add(st.Key.String(), &cached{
		raw: st.raw, doc: st.doc, state: st.State, handled: st.handled, pendingFrom: st.pendingFrom, published: st.published,
	})
}

// Unchanged gives a loaded stream back that was only read.
func (s *Store) Unchanged(st *Stream) { s.keep(st) }
