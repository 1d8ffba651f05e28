package handling

import (
	"context"
	"log/slog"

	"github.com/plenary/plenary/engine/bus"
)

// outcome is what became of a message.
type outcome int

const (
	// again: what it needs failed, a store or a broker. It has to come again.
	again outcome = iota
	// done: it was decided, now or before; or it is kept in its stream, in the place
	// of a parked message or behind one.
	done
	// unhandled: it cannot be handled, and no repeating helps.
	unhandled
	// notYet: this version cannot read what it would have to read, or write what it
	// would have to write; another one can. The message is kept for it (keepForLater);
	// if that fails, it comes again.
	notYet
)

// settle says what the broker is told of a message. It is the one place where an
// outcome becomes an acknowledgement, a redelivery or a dead letter. The tries before
// that are counted by attempt.
func (e *Engine) settle(ctx context.Context, it *item) bus.Status {
	switch it.outcome {
	case done:
		return bus.Success
	case unhandled:
		return e.parkAlone(ctx, it)
	case notYet:
		slog.ErrorContext(ctx, "message left: another version has to handle it", "stream", it.key.String(), "type", it.Message.Type, "id", it.Message.ID, "reason", it.reason)
	}
	return bus.Retry
}
