package gateway

import (
	"context"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/gather"
	"github.com/plenary/plenary/engine/message"
)

// maxBatch bounds the commands of one bulk publish.
const maxBatch = 200

// Gathered sends commands through p, those of concurrent requests together.
func Gathered(p bus.Publisher) Commands {
	return gathered{gather.New(maxBatch, func(ctx context.Context, batch []message.Message) []error {
		err := p.Publish(ctx, batch...)
		errs := make([]error, len(batch))
		for i := range errs {
			errs[i] = err
		}
		return errs
	})}
}

type gathered struct {
	commands *gather.Gatherer[message.Message]
}

func (g gathered) Send(ctx context.Context, command message.Message) error {
	return g.commands.Do(ctx, command)
}
