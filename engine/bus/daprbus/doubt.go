package daprbus

import (
	"context"
	"slices"
	"time"

	"github.com/dapr/go-sdk/client"
)

// Doubt has the publisher not take a component's word for it that messages were
// published. Dapr's RabbitMQ component says so also when the connection broke
// while it waited for the broker's confirmation (components-contrib 1.18.3,
// pubsub/rabbitmq, publishSync drops that error), and then the message may be
// lost. But the component publishes one message after the other, and after a
// break none until it has connected again, for which it waits
// (reconnectWaitSeconds). So a message that nobody reads follows each batch: if
// both together took less than that wait, the connection held, and all was
// confirmed. Otherwise the batch is published again.
//
// What is measured must be the time of the batch alone, or a broker that is slow
// and has many publishers would be given everything again and again. So batches
// are small, and take turns, which they would have to in the component.
func (p *Publisher) Doubt(component string) { p.doubted.LoadOrStore(component, make(chan struct{}, 1)) }

const (
	// probe is a topic without readers.
	probe = "probe"
	// reconnects is less than a component in doubt waits before it connects again:
	// 5 s in the component sets.
	reconnects = 4 * time.Second
	// inDoubt bounds a batch: even at 100 ms for each message it takes less.
	inDoubt = 25
)

// publishInDoubt publishes through a component in doubt, when it is its turn.
func (p *Publisher) publishInDoubt(ctx context.Context, t target, entries []any, turn chan struct{}) error {
	for batch := range slices.Chunk(entries, inDoubt) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case turn <- struct{}{}:
		}
		err := p.attempt(ctx, t, batch, true)
		<-turn
		if err != nil {
			return err
		}
	}
	return nil
}

// lost says whether what was published since began may be lost.
func (p *Publisher) lost(ctx context.Context, component string, began time.Time) bool {
	err := p.dapr.PublishEvent(ctx, component, probe, []byte("{}"), client.PublishEventWithRawPayload())
	return err != nil || time.Since(began) >= reconnects
}
