package conformance

import (
	"testing"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/bustest"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/tools/local/servers"
)

// brokers are the servers behind types of components.
var brokers = map[string]string{
	"pubsub.mqtt3": servers.Broker, "pubsub.redis": servers.Redis, "pubsub.rabbitmq": servers.RabbitMQ, "pubsub.kafka": servers.Kafka,
}

// lacks has the guarantees that a type of component does not give, each with the
// reason.
var lacks = map[string]map[string]string{
	"pubsub.mqtt3": {bustest.Replicas: "MQTT 3.1.1 has no shared subscriptions"},
}

func TestBuses(t *testing.T) {
	system.Watch(t)
	here := newApps()
	publisher, kind := here.publisher(t, "web")
	broker, known := brokers[kind]
	if !known {
		t.Fatalf("which server is behind %s is not known here", kind)
	}
	bustest.Run(t, bustest.Bus{
		Publisher: publisher,
		Commands: []bustest.Reader{
			{App: "order", Kind: message.Command, Topic: "orders"},
			{App: "seats", Kind: message.Command, Topic: "seats"},
			{App: "conference", Kind: message.Command, Topic: "conferences"},
			{App: "payments", Kind: message.Command, Topic: "payments"},
		},
		Events: []bustest.Reader{
			{App: "registration-process", Kind: message.Event, Topic: "events"},
			{App: "query", Kind: message.Event, Topic: "events"},
		},
		DeadLetters: bustest.Reader{App: "query", Kind: message.DeadLetterKind, Topic: message.TopicDeadLetters},
		Replica: func(app string, o bustest.Options, h bus.Handler) (bustest.Part, error) {
			return here.replica(t, app, o, h), nil
		},
		Broker: part{name: broker},
		Lacks:  lacks[kind],
	})
}
