package daprbus

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/dapr/go-sdk/client"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/plenary/plenary/engine/component"
)

// Doubt has the publisher not take a component's word for it that messages were
// published. Dapr's RabbitMQ component says so also when the connection broke
// while it waited for the broker's confirmation (components-contrib 1.18.3,
// pubsub/rabbitmq, publishSync drops that error), and then the message may be
// lost. But the component publishes one message after the other, and after a
// break none until it has connected again, for which it waits
// (reconnectWaitSeconds). So a message that nobody reads follows each batch: if
// both together took less than that wait, the connection held, and the broker
// answered for each. Otherwise the batch is published again. What the broker
// refused (nack) goes unnoticed all the same: the component drops that error too.
//
// A broker may also be slow. What is measured must be the time of the batch alone,
// or one that has many publishers would be given everything again and again. So
// batches are small, and take turns, which they would have to in the component.
// And one that took too long is published again in halves, since a smaller one may
// pass; the batches after it are as small, until they are fast.
//
// And a publication goes on when its caller gives up. The component connects again only
// in one that fails, after that wait, and not in one that was cancelled meanwhile: if all
// callers were less patient than that, it would never publish again.
func (p *Publisher) Doubt(component string) {
	turn := make(chan int, 1)
	turn <- inDoubt
	p.doubted.LoadOrStore(component, turn)
}

const (
	// probe is a topic without readers.
	probe = component.ProbeTopic
	// reconnects is less than a component in doubt waits before it connects again:
	// 3 s by default, 5 s in the component sets.
	reconnects = 2500 * time.Millisecond
	// inDoubt bounds a batch: even at 150 ms for each message it takes less.
	inDoubt = 15
	// connecting bounds a publication that goes on after its caller: the component
	// connects three times, each time after its wait.
	connecting = time.Minute
)

// publishInDoubt publishes through a component in doubt, batch by batch, each when
// it is its turn. Who has the turn has the size of a batch, and gives on what it
// has learned of it.
func (p *Publisher) publishInDoubt(ctx context.Context, t target, entries []any, turn chan int) error {
	most, failures := inDoubt, 0
	for len(entries) > 0 {
		var size int
		select {
		case <-ctx.Done():
			return ctx.Err()
		case size = <-turn:
		}
		batch := entries[:min(size, most, len(entries))]
		done, err := p.publishToTheEnd(ctx, t, batch, func() { turn <- size })
		if err != nil {
			return err
		}
		again, held, took := done.failed, done.held, done.took
		slow := took >= reconnects
		if slow || !held {
			again = batch
			slog.WarnContext(ctx, "messages may be lost, published again", "component", t.component, "topic", t.topic, "messages", len(batch), "took", took)
			p.doubts.Add(ctx, int64(len(batch)), metric.WithAttributes(attribute.String("topic", t.topic)))
		}
		switch {
		case len(again) == 0:
			most, failures = inDoubt, 0
			if len(batch) == size && took < reconnects/4 {
				size = min(2*size, inDoubt)
			}
		case slow && held && len(batch) > 1:
			most = len(batch) / 2
			size = most
		default:
			failures++
		}
		turn <- size
		entries = slices.Concat(again, entries[len(batch):])
		if failures == 0 {
			continue
		}
		if err := p.failed(ctx, t, len(entries), failures); err != nil {
			return err
		}
	}
	return nil
}

// publishToTheEnd publishes a batch also when its caller gives up, and then calls
// abandoned at its end.
func (p *Publisher) publishToTheEnd(ctx context.Context, t target, batch []any, abandoned func()) (done published, err error) {
	heard := make(chan published)
	go func() {
		going, cancel := context.WithTimeout(context.WithoutCancel(ctx), connecting)
		defer cancel()
		done := p.publishAndProbe(going, t, batch)
		select {
		case heard <- done:
		case <-ctx.Done(): // the caller has left
			abandoned()
		}
	}()
	select {
	case <-ctx.Done():
		return done, ctx.Err()
	case done = <-heard:
		return done, nil
	}
}

// published is what became of a batch: the messages that the component says were not
// published, whether the message after them was, and how long both took.
type published struct {
	failed []any
	held   bool
	took   time.Duration
}

// publishAndProbe publishes a batch and a message after it.
func (p *Publisher) publishAndProbe(ctx context.Context, t target, batch []any) published {
	began := time.Now()
	res := p.dapr.PublishEvents(ctx, t.component, t.topic, batch, client.PublishEventsWithRawPayload())
	err := p.dapr.PublishEvent(ctx, t.component, probe, []byte("{}"), client.PublishEventWithRawPayload())
	return published{res.FailedEvents, err == nil, time.Since(began)}
}

// newDoubts makes the counter of messages that were published again.
func newDoubts() metric.Int64Counter {
	c, err := otel.Meter(scope).Int64Counter("plenary.messages.doubted", metric.WithUnit("{message}"),
		metric.WithDescription("Messages published again, since they may have been lost"))
	if err != nil {
		otel.Handle(err)
	}
	return c
}

const scope = "github.com/plenary/plenary/engine/bus/daprbus"
