package gateway

import (
	"context"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/gather"
	"github.com/plenary/plenary/engine/message"
)

const (
	// maxBatch bounds the commands of one bulk publish.
	maxBatch = 200
	// maxUnpublished bounds those that wait for one. A broker that hangs must not have
	// requests pile up: what comes then is answered 503 at once.
	maxUnpublished = 2000
)

// Gathered sends commands through p, those of concurrent requests together.
func Gathered(p bus.Publisher) Commands {
	return gathered{gather.New(maxBatch, func(ctx context.Context, batch []message.Message) []error {
		err := p.Publish(ctx, batch...)
		errs := make([]error, len(batch))
		for i := range errs {
			errs[i] = err
		}
		return errs
	}).Bounded(maxUnpublished)}
}

type gathered struct {
	commands *gather.Gatherer[message.Message]
}

func (g gathered) Send(ctx context.Context, command message.Message) error {
	return g.commands.Do(ctx, command)
}
