// Package membus is the publisher port in memory, for tests: it encodes every
// message as the real one does and keeps what would be on the wire.
package membus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
)

// Bus keeps what was published.
type Bus struct {
	out *bus.Outgoing

	mu     sync.Mutex
	sent   []bus.Encoded
	broken bool
}

// New makes a bus for an app.
func New(registry *message.Registry, source string, now func() time.Time) *Bus {
	return &Bus{out: &bus.Outgoing{Registry: registry, Source: source, Now: now}}
}

// Break makes Publish fail, or work again.
func (b *Bus) Break(broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = broken
}

// Publish implements bus.Publisher.
func (b *Bus) Publish(_ context.Context, msgs ...message.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return errors.New("membus: broken")
	}
	for _, m := range msgs {
		e, err := b.out.Encode(m)
		if err != nil {
			return err
		}
		if e.Kind == "" || e.Topic == "" {
			return fmt.Errorf("membus: %s has no topic", m.Type)
		}
		b.sent = append(b.sent, e)
	}
	return nil
}

// Take removes and returns what was published.
func (b *Bus) Take() []bus.Encoded {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.sent
	b.sent = nil
	return out
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
