package conformance

import (
	"testing"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/bustest"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/tools/local/servers"
)

// brokers of the component sets.
var brokers = map[string]string{
	"local": servers.Broker, "redis": servers.Redis, "rabbitmq-postgres": servers.RabbitMQ, "kafka-postgres": servers.Kafka,
}

// lacks has the guarantees that a set does not give, each with the reason.
var lacks = map[string]map[string]string{
	"local": {
		bustest.Replicas: "MQTT 3.1.1 has no shared subscriptions",
	},
}

func TestBuses(t *testing.T) {
	set := system.Set.Name
	if brokers[set] == "" {
		t.Fatalf("the broker of %s is not known here", set)
	}
	system.Watch(t)
	here := newApps()
	bustest.Run(t, bustest.Bus{
		Publisher: here.publisher(t, "web"),
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
		Broker: part{name: brokers[set]},
		Lacks:  lacks[set],
	})
}
