package contracts

import (
	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// Topics: one per receiving app on the command bus, one for all events on the
// event bus.
const (
	TopicOrders      = "orders"
	TopicSeats       = "seats"
	TopicConferences = "conferences"
	TopicPayments    = "payments"
	TopicEvents      = "events"
)

// Versions of Plenary: the first whose data this one reads, and this one.
var (
	OldestVersion = es.Version{Major: 0, Minor: 3}
	ThisVersion   = es.Version{Major: 0, Minor: 3}
)

// Registry is every message type of Plenary.
func Registry() *message.Registry {
	r := message.NewRegistry()
	r.Versions(OldestVersion, ThisVersion)
	rules(r)

	orders(r)
	stuck(r)
	seats(r)
	conferences(r)
	payments(r)
	promos(r)
	organisations(r)

	message.Register[es.CommandRejected](r, "CommandRejected.v1", message.Event, TopicEvents, nil)
	message.Register[es.CommandHadNoEffect](r, "CommandHadNoEffect.v1", message.Event, TopicEvents, nil)
	return r
}

func command[T any](r *message.Registry, topic, name string, key func(T) uuid.UUID) {
	message.Register(r, name, message.Command, topic, func(m T) string { return key(m).String() })
}

func event[T any](r *message.Registry, name string, key func(T) uuid.UUID) {
	message.Register(r, name, message.Event, TopicEvents, func(m T) string { return key(m).String() })
}
