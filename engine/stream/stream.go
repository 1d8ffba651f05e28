package stream

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/plenary/plenary/engine/state"
)

// Stream is one stream as loaded, with what was added to it since.
type Stream struct {
	Key    Key
	State  any
	folder Folder

	doc     *document
	etag    string
	handled map[digest]struct{}
	stored  sum // of the document as it is stored
	size    int // of that

	carried     carried   // the records whose effects are known to be carried out
	known       carried   // that, as it was loaded
	left        spans     // those whose effects are left to the replica that committed them
	published   []string  // ids of outgoing messages that are stored and that are known to be published
	leftAfter   time.Time // outgoing messages of others that are younger are left, too; zero: none
	changed     bool
	added       int // records since it was loaded
	enqueued    int // outgoing messages since it was loaded
	heldBack    int // messages held back since it was loaded
	heldNow     int // what those weigh
	aboveLimit  bool
	oldSnapshot *snapshot
	fromEvents  bool          // the snapshot cannot be read
	folded      bool          // from all events, sealed ones too
	writes      []state.Write // segments and snapshot to be written first
}

// Version is the version of the last event, 0 when there is none.
func (st *Stream) Version() uint64 { return st.doc.Version }

// HasHandled says whether a message with this id was handled, as far as the ids
// are kept.
func (st *Stream) HasHandled(id string) bool {
	_, ok := st.handled[digestOf(id)]
	return ok
}

// MarkHandled remembers the id of a handled message.
func (st *Stream) MarkHandled(id string) {
	d := digestOf(id)
	if _, ok := st.handled[d]; ok {
		return
	}
	st.handled[d] = struct{}{}
	st.doc.Handled = append(st.doc.Handled, d[:]...)
	if n := st.folder.Handled(); n > 0 {
		for len(st.doc.Handled) > n*digestSize {
			delete(st.handled, digest(st.doc.Handled[:digestSize]))
			st.doc.Handled = st.doc.Handled[digestSize:]
		}
	}
	st.changed = true
}

// HandledCount is how many ids of handled messages are kept.
func (st *Stream) HandledCount() int { return len(st.doc.Handled) / digestSize }

// Append adds the next record; state is State with the record folded in.
func (st *Stream) Append(r Record, state any) {
	r.Version = st.doc.Version + 1
	st.doc.Version = r.Version
	st.doc.Tail = append(st.doc.Tail, r)
	st.State = state
	st.added++
	st.changed = true
}

// Latest is the stream's last record, if it has one.
func (st *Stream) Latest() (r Record, ok bool) {
	if len(st.doc.Tail) == 0 {
		return r, false
	}
	return st.doc.Tail[len(st.doc.Tail)-1], true
}

// Records are the stream's records that are not sealed: those that it had when
// it was loaded, and those added since. They are not to be changed.
func (st *Stream) Records() (before, added []Record) {
	n := len(st.doc.Tail) - st.added
	return st.doc.Tail[:n], st.doc.Tail[n:]
}

// Enqueued are the messages enqueued since the stream was loaded.
func (st *Stream) Enqueued() []Outgoing {
	return st.doc.Outgoing[len(st.doc.Outgoing)-st.enqueued:]
}

// Enqueue adds a message to be published that is no event of the stream.
func (st *Stream) Enqueue(o Outgoing) {
	st.doc.Outgoing = append(st.doc.Outgoing, o)
	st.enqueued++
	st.changed = true
}

// OutgoingCount is the number of messages enqueued and not yet known to be
// published.
func (st *Stream) OutgoingCount() int { return len(st.doc.Outgoing) }

// Park remembers that a message waits in the dead letters.
func (st *Stream) Park(id string) {
	if st.HasParked(id) {
		return
	}
	st.doc.Parked = append(st.doc.Parked, id)
	st.changed = true
}

// AboveLimit lets the next commit go above the limit of a document: a little, to note
// what is parked or set free. For that there is room below the limit of every store.
func (st *Stream) AboveLimit() { st.aboveLimit = true }

// HasRoomFor says whether a message can be kept in the document beside what it has.
func (st *Stream) HasRoomFor(data json.RawMessage) bool {
	return st.size+st.heldNow+weight(data) <= maxDocument
}

// Unpark forgets a parked message.
func (st *Stream) Unpark(id string) {
	if i := slices.Index(st.doc.Parked, id); i >= 0 {
		st.doc.Parked = slices.Delete(st.doc.Parked, i, i+1)
		st.changed = true
	}
}

// UnparkAll forgets all parked messages.
func (st *Stream) UnparkAll() {
	st.changed = st.changed || len(st.doc.Parked) > 0
	st.doc.Parked = nil
}

// GiveUpEffects takes the effects of the records up to a version for carried
// out, although some of them failed. All else that they wanted done is known to
// be done.
func (st *Stream) GiveUpEffects(through uint64) {
	if through = min(through, st.doc.Version); through > st.carried.through {
		st.carried, st.changed = st.carried.with(span{1, through}), true
	}
}

// IsParked says whether any message of the stream waits in the dead letters.
func (st *Stream) IsParked() bool { return len(st.doc.Parked) > 0 }

// HasParked says whether the message with this id does.
func (st *Stream) HasParked(id string) bool { return slices.Contains(st.doc.Parked, id) }

// Hold keeps a message back behind the parked one.
func (st *Stream) Hold(h Held) {
	st.doc.Held = append(st.doc.Held, h)
	st.heldBack++
	st.heldNow += weight(h.Data)
	st.changed = true
}

// HeldBack is how many messages were kept back since the stream was loaded.
func (st *Stream) HeldBack() int { return st.heldBack }

// Held are the messages kept back, the oldest first. They are not to be changed.
func (st *Stream) Held() []Held { return st.doc.Held }

// Holds says whether a message of this type is kept back.
func (st *Stream) Holds(typeName string) bool {
	return slices.ContainsFunc(st.doc.Held, func(h Held) bool { return h.Meta.Type == typeName })
}

// HeldBytes is what the messages kept back weigh, roughly.
func (st *Stream) HeldBytes() (n int) {
	for _, h := range st.doc.Held {
		n += weight(h.Data)
	}
	return n
}

// TakeHeld removes and returns the first message kept back.
func (st *Stream) TakeHeld() (h Held, ok bool) {
	if len(st.doc.Held) == 0 {
		return h, false
	}
	h = st.doc.Held[0]
	st.doc.Held = st.doc.Held[1:]
	st.changed = true
	return h, true
}

// Changed says whether there is anything to commit.
func (st *Stream) Changed() bool { return st.changed }

// maxLeft bounds what follows the last record up to which all is carried out. None of that
// can be sealed while records of others are left.
const maxLeft = maxTailBytes

// LeaveOthers leaves what other replicas have committed after a moment for them to carry
// out. It is for a stream whose messages were all new: one that comes again says that a
// replica may have ended before it carried out what it committed.
func (st *Stream) LeaveOthers(after time.Time) {
	var left spans
	bytes := 0
	for i, r := range st.doc.Tail {
		if r.Version <= st.carried.through {
			continue
		}
		bytes += weight(r.Data)
		if stored := i < len(st.doc.Tail)-st.added; stored && !st.carried.has(r.Version) && r.Time.After(after) {
			left = left.with(span{r.Version, r.Version})
		}
	}
	for _, o := range st.doc.Outgoing {
		bytes += weight(o.Data)
	}
	if bytes > maxLeft {
		return
	}
	st.left, st.leftAfter = left, after
}

// IsOwed says whether effects of the stream, as it is stored, may not have been carried out.
func (st *Stream) IsOwed() bool {
	return st.known.through < st.doc.Version-uint64(st.added) || len(st.doc.Outgoing) > st.enqueued
}

// Pending are the records whose effects may not have been carried out, with those just
// added; and the outgoing messages. What is left to others is not among them.
func (st *Stream) Pending() (records []Record, outgoing []Outgoing) {
	from := max(st.carried.through, st.doc.Sealed)
	for _, r := range st.doc.Tail[uint64(len(st.doc.Tail))-(st.doc.Version-from):] {
		if !st.carried.has(r.Version) && !st.left.has(r.Version) {
			records = append(records, r)
		}
	}
	for i, o := range st.doc.Outgoing {
		if !st.leaves(i) {
			outgoing = append(outgoing, o)
		}
	}
	return records, outgoing
}

// leaves says whether an outgoing message is left to the replica that stored it.
func (st *Stream) leaves(i int) bool {
	stored := i < len(st.doc.Outgoing)-st.enqueued
	return stored && !st.leftAfter.IsZero() && st.doc.Outgoing[i].Time.After(st.leftAfter)
}
