// Package membus is a message broker in memory, for tests: it encodes every
// message as the real publisher does, keeps what would be on the wire, and has it
// read as the real sidecar does.
package membus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
)

// Bus keeps what was published.
type Bus struct {
	out *bus.Outgoing

	mu     sync.Mutex
	came   *sync.Cond    // something was published or given back
	all    []bus.Encoded // everything that was ever published
	taken  int           // of all, by Take
	queues map[queueKey]*queue
	broken bool
}

// New makes a bus for an app.
func New(registry *message.Registry, source string, now func() time.Time) *Bus {
	b := &Bus{out: &bus.Outgoing{Registry: registry, Source: source, Now: now}, queues: map[queueKey]*queue{}}
	b.came = sync.NewCond(&b.mu)
	return b
}

// Break makes Publish fail, or work again.
func (b *Bus) Break(broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = broken
}

// Publish implements bus.Publisher.
func (b *Bus) Publish(ctx context.Context, msgs ...message.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return errors.New("membus: broken")
	}
	for _, m := range msgs {
		e, err := b.out.Encode(ctx, m)
		if err != nil {
			return err
		}
		if e.Kind == "" || e.Topic == "" {
			return fmt.Errorf("membus: %s has no topic", m.Type)
		}
		b.all = append(b.all, e)
	}
	b.came.Broadcast()
	return nil
}

// Take returns what was published since it was last called. It takes nothing
// from those who read.
func (b *Bus) Take() []bus.Encoded {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := slices.Clone(b.all[b.taken:])
	b.taken = len(b.all)
	return out
}

type queueKey struct {
	app   string
	kind  message.Kind
	topic string
}

// queue is what an app has yet to read of a topic.
type queue struct {
	next  int           // the first of Bus.all that was not looked at
	again []bus.Encoded // what was given back
	// Who waits for messages, the first to be served first: one who has just had some
	// would often be there before another has woken up.
	line    []int
	tickets int // how many were given out: a place in the line is a ticket's number
}

// maxBatch is how many messages come at once, at most.
const maxBatch = 200

// Read has handled whatever is or will be published on a topic, in batches, until
// ctx ends. A message comes again until it is answered SUCCESS or DROP, and when
// ctx ended before its batch was answered. Those who read for the same app have its
// messages in turn.
func (b *Bus) Read(ctx context.Context, app string, kind message.Kind, topic string, handler bus.Handler) {
	defer context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.came.Broadcast()
	})()
	key := queueKey{app, kind, topic}
	for {
		batch := b.nextBatch(ctx, key)
		if batch == nil {
			return
		}
		deliveries := make([]bus.Delivery, 0, len(batch))
		for _, e := range batch {
			d, err := Decode(b.out.Registry, e)
			if err != nil {
				panic(err) // it was encoded by the same registry
			}
			deliveries = append(deliveries, d)
		}
		var again []bus.Encoded
		for i, status := range handler.HandleBatch(ctx, deliveries) {
			if status == bus.Retry || ctx.Err() != nil {
				again = append(again, batch[i])
			}
		}
		b.giveBack(key, again)
	}
}

// nextBatch waits for messages; nil when ctx has ended.
func (b *Bus) nextBatch(ctx context.Context, key queueKey) []bus.Encoded {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[key]
	if q == nil {
		q = &queue{}
		b.queues[key] = q
	}
	q.tickets++
	mine := q.tickets
	q.line = append(q.line, mine)
	defer func() {
		q.line = slices.DeleteFunc(q.line, func(ticket int) bool { return ticket == mine })
		b.came.Broadcast()
	}()
	for ctx.Err() == nil {
		if q.line[0] != mine {
			b.came.Wait()
			continue
		}
		batch := slices.Clone(q.again[:min(len(q.again), maxBatch)])
		q.again = q.again[len(batch):]
		for ; len(batch) < maxBatch && q.next < len(b.all); q.next++ {
			if e := b.all[q.next]; e.Kind == key.kind && e.Topic == key.topic {
				batch = append(batch, e)
			}
		}
		if len(batch) > 0 {
			return batch
		}
		b.came.Wait()
	}
	return nil
}

func (b *Bus) giveBack(key queueKey, msgs []bus.Encoded) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[key]
	q.again = append(q.again, msgs...)
	b.came.Broadcast()
}

// Decode gives what a reader of the topic would get.
func Decode(r *message.Registry, e bus.Encoded) (bus.Delivery, error) {
	meta, data, err := message.FromCloudEvent(e.Event)
	if err != nil {
		return bus.Delivery{}, err
	}
	body, err := r.Decode(meta, data)
	return bus.Delivery{Message: message.Message{Meta: meta, Body: body}, Data: data, Topic: e.Topic}, err
}
