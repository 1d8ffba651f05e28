// Package repeat makes a lost message a late one. An app keeps what it sent until each
// reader is known to have it, and sends it again until then, under the same id.
//
// A reader that answers with an event is known to have the command by that event
// (Readers.HandleBatch). Of all else the readers are asked, after a while and many
// messages at once, so that the way of a message costs no call and no write of its own:
// first by ids alone, which a reader answers from memory; then, of what it does not
// remember, with the messages themselves, which it looks for in its store.
//
// keeper.go says what is sent again and when; sweep.go asks and sends; readers.go
// answers; notes.go has what is kept outlive the app.
package repeat

import (
	"container/heap"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/plenary/plenary/engine/message"
)

// Times and bounds.
const (
	// DefaultAfter is how long a message may be under way before its readers are asked.
	DefaultAfter = 10 * time.Second
	// longest is the longest pause between two repeats; each is twice as long as the one
	// before.
	longest = 5 * time.Minute
	// maxRepeats is how often a message is sent again. Whoever can be asked and still does
	// not know it then never will.
	maxRepeats = 12
	// maxBytes is what is kept, and fullBytes up to when messages are kept whole: beyond
	// that, events that can be read from their streams are but named. An entry weighs
	// placeBytes then, entryBytes beside its body otherwise.
	maxBytes   = 24 << 20
	fullBytes  = 6 << 20
	placeBytes = 400
	entryBytes = 700
)

// Kept is a message that somebody may not have.
type Kept struct {
	// Message may have no body, and little beside its id, if it is in its stream.
	Message message.Message
	// Readers are the apps that are not known to have it. It is not to be changed.
	Readers []string
	// Sent is when it was sent first.
	Sent time.Time
}

// entry is a message that is kept. Under load there are tens of thousands of them.
type entry struct {
	id             string
	tenant, stream string
	version        uint64
	whole          *message.Message // nil for an event that is but named

	readers   []string
	sent, due time.Time
	repeated  int
	bytes     int
	gone      bool
	listed    bool // in the queue
}

func newEntry(m message.Message, whole bool, readers []string, sent, due time.Time) *entry {
	e := &entry{id: m.ID, readers: readers, sent: sent, due: due, repeated: m.Repeated}
	if !whole && IsInStream(m.Meta) {
		e.tenant, e.stream, e.version, e.bytes = m.Tenant, m.Stream, m.StreamVersion, placeBytes
		return e
	}
	copied := m // or each m would be on the heap
	e.whole, e.bytes = &copied, entryBytes+sizeOf(m)
	return e
}

func (e *entry) kept() Kept {
	k := Kept{Readers: e.readers, Sent: e.sent}
	if e.whole != nil {
		k.Message = *e.whole
	} else {
		k.Message.Meta = message.Meta{ID: e.id, Tenant: e.tenant, Stream: e.stream, StreamVersion: e.version}
	}
	k.Message.Repeated = e.repeated
	return k
}

// Keeper keeps what was sent.
type Keeper struct {
	after time.Duration

	mu    sync.Mutex
	all   map[string]*entry
	queue queue
	bytes int
}

// NewKeeper makes a Keeper that lets a message be under way for a time before it asks.
func NewKeeper(after time.Duration) *Keeper {
	return &Keeper{after: after, all: map[string]*entry{}}
}

// Keep keeps a message that was just sent to some readers, who are not to be changed. It
// says whether there was room. A message that is kept already stays as it is.
func (k *Keeper) Keep(now time.Time, m message.Message, readers []string) bool {
	return k.add(m, readers, now, now.Add(k.after))
}

// sizeOf is what a body weighs, roughly where it is not JSON yet.
func sizeOf(m message.Message) int {
	switch body := m.Body.(type) {
	case nil:
		return 0
	case json.RawMessage:
		return len(body)
	}
	return entryBytes
}

// Adopt keeps a message that was kept before, by an app that has ended: its readers are
// asked next.
func (k *Keeper) Adopt(now time.Time, kept Kept) bool {
	return k.add(kept.Message, kept.Readers, kept.Sent, now)
}

func (k *Keeper) add(m message.Message, readers []string, sent, due time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(readers) == 0 || k.all[m.ID] != nil {
		return true
	}
	e := newEntry(m, k.bytes < fullBytes, readers, sent, due)
	if k.bytes+e.bytes > maxBytes {
		return false
	}
	k.all[e.id] = e
	k.bytes += e.bytes
	k.list(e)
	return true
}

func (k *Keeper) list(e *entry) {
	if !e.listed {
		e.listed = true
		heap.Push(&k.queue, e)
	}
}

// Has notes that a reader has messages; an empty reader stands for all.
func (k *Keeper) Has(reader string, ids ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		e := k.all[id]
		if e == nil {
			continue
		}
		var left []string
		for _, r := range e.readers { // others may have the same slice
			if reader != "" && r != reader {
				left = append(left, r)
			}
		}
		if e.readers = left; len(left) == 0 {
			k.forget(e)
		}
	}
}

func (k *Keeper) forget(e *entry) {
	delete(k.all, e.id)
	k.bytes -= e.bytes
	e.gone, e.whole = true, nil // its place in the queue is found later
}

// Due is a message of which readers are to be asked.
type Due struct {
	ID string
	// Readers are the apps that are not known to have it. It is not to be changed.
	Readers []string
}

// Due gives out those of which the readers are to be asked now, the oldest first.
// Whoever gets one gives it back with Has, Again or Later.
func (k *Keeper) Due(now time.Time, most int) (due []Due) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(due) < most && len(k.queue) > 0 && !k.queue[0].due.After(now) {
		e := heap.Pop(&k.queue).(*entry)
		e.listed = false
		if !e.gone {
			due = append(due, Due{e.id, e.readers})
		}
	}
	return due
}

// Kept is what is kept of messages, without those that all readers are known to have by now.
func (k *Keeper) Kept(of []Due) (kept []Kept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, d := range of {
		if e := k.all[d.ID]; e != nil {
			one := e.kept()
			one.Readers = d.Readers
			kept = append(kept, one)
		}
	}
	return kept
}

// Again notes that a message was sent again. It says whether it is kept on: one that was
// sent too often is given up.
func (k *Keeper) Again(now time.Time, id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.all[id]
	if e == nil {
		return true
	}
	if e.repeated >= maxRepeats {
		k.forget(e)
		return false
	}
	e.repeated++
	e.due = now.Add(min(k.after<<e.repeated, longest))
	k.list(e)
	return true
}

// Later has messages asked for once more after a while: whoever reads them could not be
// asked, or has not come to them yet.
func (k *Keeper) Later(now time.Time, ids ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		if e := k.all[id]; e != nil && !e.listed {
			e.due = now.Add(k.after)
			k.list(e)
		}
	}
}

// Old are the messages that were sent before a time, with those given out: the newest of
// them, at most so many, the oldest first.
func (k *Keeper) Old(before time.Time, most int) []Kept {
	k.mu.Lock()
	defer k.mu.Unlock()
	var old []*entry
	for _, e := range k.all {
		if e.sent.Before(before) {
			old = append(old, e)
		}
	}
	slices.SortFunc(old, func(a, b *entry) int { return a.sent.Compare(b.sent) })
	kept := make([]Kept, 0, min(most, len(old)))
	for _, e := range old[max(0, len(old)-most):] {
		kept = append(kept, e.kept())
	}
	return kept
}

// Len is how many messages are kept.
func (k *Keeper) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.all)
}

// IsInStream says whether a message is an event that can be read from its stream again.
// The answer to a command whose stream does not exist cannot.
func IsInStream(m message.Meta) bool {
	return m.StreamVersion > 0 && !message.IsRefusalStream(m.Stream)
}

// queue is a heap by time.
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(e any)        { *q = append(*q, e.(*entry)) }
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return last
}
