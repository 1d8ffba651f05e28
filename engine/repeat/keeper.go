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
	// maxBytes is what is kept, and fullBytes up to when messages are kept with their
	// bodies: beyond that, those that can be read from their stream are kept without.
	maxBytes  = 24 << 20
	fullBytes = 12 << 20
	// entryBytes is what an entry weighs beside its body.
	entryBytes = 700
)

// Kept is a message that somebody may not have.
type Kept struct {
	Message message.Message
	// Readers are the apps that are not known to have it.
	Readers []string
	// Sent is when it was sent first.
	Sent time.Time

	due    time.Time
	bytes  int
	gone   bool
	listed bool // in the queue
}

// Keeper keeps what was sent.
type Keeper struct {
	after time.Duration

	mu    sync.Mutex
	all   map[string]*Kept
	queue queue
	bytes int
}

// NewKeeper makes a Keeper that lets a message be under way for a time before it asks.
func NewKeeper(after time.Duration) *Keeper {
	return &Keeper{after: after, all: map[string]*Kept{}}
}

// Keep keeps a message that was just sent to some readers. It says whether there was
// room. A message that is kept already stays as it is.
func (k *Keeper) Keep(now time.Time, m message.Message, readers []string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(readers) == 0 || k.all[m.ID] != nil {
		return true
	}
	if k.bytes > fullBytes && IsInStream(m.Meta) {
		m.Body = nil
	}
	return k.add(&Kept{Message: m, Readers: slices.Clone(readers), Sent: now, due: now.Add(k.after), bytes: entryBytes + sizeOf(m)})
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
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(kept.Readers) == 0 || k.all[kept.Message.ID] != nil {
		return true
	}
	return k.add(&Kept{Message: kept.Message, Readers: slices.Clone(kept.Readers), Sent: kept.Sent, due: now, bytes: entryBytes + sizeOf(kept.Message)})
}

func (k *Keeper) add(kept *Kept) bool {
	if k.bytes+kept.bytes > maxBytes {
		return false
	}
	k.all[kept.Message.ID] = kept
	k.bytes += kept.bytes
	k.list(kept)
	return true
}

func (k *Keeper) list(kept *Kept) {
	if !kept.listed {
		kept.listed = true
		heap.Push(&k.queue, kept)
	}
}

// Has notes that a reader has messages; an empty reader stands for all.
func (k *Keeper) Has(reader string, ids ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		kept := k.all[id]
		if kept == nil {
			continue
		}
		if kept.Readers = slices.DeleteFunc(kept.Readers, func(r string) bool { return reader == "" || r == reader }); len(kept.Readers) == 0 {
			k.forget(kept)
		}
	}
}

func (k *Keeper) forget(kept *Kept) {
	delete(k.all, kept.Message.ID)
	k.bytes -= kept.bytes
	kept.gone, kept.Message.Body = true, nil // its place in the queue is found later
}

// Due gives out those of which the readers are to be asked now, the oldest first.
// Whoever gets one gives it back with Has, Again or Later.
func (k *Keeper) Due(now time.Time, most int) (due []Kept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(due) < most && len(k.queue) > 0 && !k.queue[0].due.After(now) {
		kept := heap.Pop(&k.queue).(*Kept)
		kept.listed = false
		if kept.gone {
			continue
		}
		copied := *kept
		copied.Readers = slices.Clone(kept.Readers)
		due = append(due, copied)
	}
	return due
}

// Again notes that a message was sent again. It says whether it is kept on: one that was
// sent too often is given up.
func (k *Keeper) Again(now time.Time, id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept := k.all[id]
	if kept == nil {
		return true
	}
	if kept.Message.Repeated >= maxRepeats {
		k.forget(kept)
		return false
	}
	kept.Message.Repeated++
	kept.due = now.Add(min(k.after<<kept.Message.Repeated, longest))
	k.list(kept)
	return true
}

// Later has messages asked for once more after a while: whoever reads them could not be
// asked, or has not come to them yet.
func (k *Keeper) Later(now time.Time, ids ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		if kept := k.all[id]; kept != nil && !kept.listed {
			kept.due = now.Add(k.after)
			k.list(kept)
		}
	}
}

// Old are the messages that were sent before a time: with those given out.
func (k *Keeper) Old(before time.Time) (old []Kept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, kept := range k.all {
		if kept.Sent.Before(before) {
			copied := *kept
			copied.Readers = slices.Clone(kept.Readers)
			old = append(old, copied)
		}
	}
	slices.SortFunc(old, func(a, b Kept) int { return a.Sent.Compare(b.Sent) })
	return old
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
type queue []*Kept

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(kept any)     { *q = append(*q, kept.(*Kept)) }
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return last
}
