// Package daprbus is the publisher port over Dapr pub/sub components.
package daprbus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dapr/go-sdk/client"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
)

// Publisher publishes over Dapr.
type Publisher struct {
	dapr       client.Client
	out        *bus.Outgoing
	components map[message.Kind]string
	doubted    sync.Map // for components by name, whose turn it is; see Doubt
	packed     sync.Map // component.Packing by a component's name; see Suit
	doubts     metric.Int64Counter
}

// New makes a publisher. components names the pub/sub component of each kind of
// message.
func New(dapr client.Client, out *bus.Outgoing, components map[message.Kind]string) *Publisher {
	return &Publisher{dapr: dapr, out: out, components: components, doubts: newDoubts()}
}

// Bounds of one bulk call: the count keeps its latency low, the size keeps it
// below gRPC's 4 MB.
const (
	maxEntries = 200
	maxBytes   = 2 << 20
)

// attempts to publish what failed, before the trigger is left to be delivered
// again; pause before the second, doubled each time.
const (
	attempts = 3
	pause    = 50 * time.Millisecond
)

type target struct{ component, topic string }

// Publish implements bus.Publisher: one bulk call per topic, side by side.
func (p *Publisher) Publish(ctx context.Context, msgs ...message.Message) error {
	packed := packs{}
	for _, m := range msgs {
		e, err := p.out.Encode(ctx, m)
		if err != nil {
			return err
		}
		component, ok := p.components[e.Kind]
		if !ok || e.Topic == "" {
			return fmt.Errorf("bus: no component or topic for %s", m.Type)
		}
		packed.add(target{component, e.Topic}, p.packing(component), e)
	}
	g, ctx := errgroup.WithContext(ctx)
	for t, entries := range packed.calls() {
		g.Go(func() error { return p.publish(ctx, t, entries) })
	}
	return g.Wait()
}

// publish publishes entries with one call, and again what failed.
func (p *Publisher) publish(ctx context.Context, t target, entries []any) error {
	if turn, doubted := p.doubted.Load(t.component); doubted {
		return p.publishInDoubt(ctx, t, entries, turn.(chan int))
	}
	for failures := 1; ; failures++ {
		// Raw: the entries are CloudEvents already, and the sidecar need not take
		// each apart and put it together again.
		res := p.dapr.PublishEvents(ctx, t.component, t.topic, entries, client.PublishEventsWithRawPayload())
		if res.Error == nil && len(res.FailedEvents) == 0 {
			return nil
		}
		entries = res.FailedEvents
		if err := p.failed(ctx, t, len(entries), failures); err != nil {
			return err
		}
	}
}

// failed pauses before the next attempt, or gives up, with so many messages left.
func (p *Publisher) failed(ctx context.Context, t target, left, failures int) error {
	if failures == attempts {
		return fmt.Errorf("bus: %d messages not published on %s/%s: %w", left, t.component, t.topic, errFailed)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause << (failures - 1)):
		return nil
	}
}

var errFailed = errors.New("the broker did not take them")
