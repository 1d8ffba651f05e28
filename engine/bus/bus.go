// Package bus is the port to the message broker: publishing in bulk, and
// handling what is delivered in batches.
package bus

import (
	"context"
	"encoding/json"

	"github.com/plenary/plenary/engine/message"
)

// Publisher publishes messages. Each goes to the topic that the registry has
// for its type, or to Meta's when it is sent back. A message whose metadata is
// incomplete gets a time, this app as source, its type's partition key and a
// trace.
type Publisher interface {
	// Publish returns nil only when the broker has all messages. After an error
	// any of them may have been published; publishing all again is harmless,
	// since ids stay the same.
	Publish(ctx context.Context, msgs ...message.Message) error
}

// Status is what becomes of one delivered message.
type Status int

const (
	// Success acknowledges it.
	Success Status = iota
	// Retry asks for it again: only for infrastructure that fails.
	Retry
	// Drop hands it to the broker's dead letters.
	Drop
)

func (s Status) String() string { return [...]string{"SUCCESS", "RETRY", "DROP"}[s] }

// Delivery is one message of a batch, decoded and valid.
type Delivery struct {
	Message message.Message
	// Data is the body's JSON as it was received.
	Data json.RawMessage
	// Topic it came from.
	Topic string
}

// Handler handles a batch. The result has one Status per delivery. What is
// acknowledged must be durable by then.
type Handler interface {
	HandleBatch(ctx context.Context, batch []Delivery) []Status
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, batch []Delivery) []Status

// HandleBatch implements Handler.
func (f HandlerFunc) HandleBatch(ctx context.Context, batch []Delivery) []Status {
	return f(ctx, batch)
}

// All is the same status for a whole batch.
func All(n int, s Status) []Status {
	out := make([]Status, n)
	for i := range out {
		out[i] = s
	}
	return out
}
