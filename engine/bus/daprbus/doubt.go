package daprbus

import (
	"context"
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
func (p *Publisher) Doubt(component string) { p.doubted.Store(component, true) }

const (
	// probe is a topic without readers.
	probe = "probe"
	// reconnects is less than a component in doubt waits before it connects again:
	// 5 s in the component sets.
	reconnects = 4 * time.Second
)

// doubtful says whether what was published since began may be lost.
func (p *Publisher) doubtful(ctx context.Context, component string, began time.Time) bool {
	if _, doubted := p.doubted.Load(component); !doubted {
		return false
	}
	err := p.dapr.PublishEvent(ctx, component, probe, []byte("{}"), client.PublishEventWithRawPayload())
	return err != nil || time.Since(began) >= reconnects
}
