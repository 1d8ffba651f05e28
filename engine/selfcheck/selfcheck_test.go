package selfcheck_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	pb "github.com/dapr/dapr/pkg/proto/runtime/v1"

	"github.com/plenary/plenary/engine/selfcheck"
)

var needs = selfcheck.Needs{
	AppID: "order", Port: 8081,
	Reads: []selfcheck.Read{
		{Component: "commandbus", Path: "/bus/commands"},
		{Component: "deadletters", Path: "/bus/deadletters", LastStop: true},
	},
	Publishes: []string{"commandbus", "eventbus"}, State: true, Actors: true, Secrets: "secretstore",
}

// sidecar is one that gives all that is needed.
func sidecar() *pb.GetMetadataResponse {
	return &pb.GetMetadataResponse{
		Id: "order", RuntimeVersion: "1.18.2",
		AppConnectionProperties: &pb.AppConnectionProperties{Port: 8081},
		RegisteredComponents: []*pb.RegisteredComponents{
			{Name: "commandbus", Type: "pubsub.redis", Version: "v1"},
			{Name: "eventbus", Type: "pubsub.kafka", Version: "v1"},
			{Name: "deadletters", Type: "pubsub.rabbitmq", Version: "v1"},
			{Name: "statestore", Type: "state.postgresql", Version: "v2", Capabilities: []string{"ETAG", "TRANSACTIONAL", "ACTOR"}},
			{Name: "secretstore", Type: "secretstores.local.file", Version: "v1"},
		},
		Subscriptions: []*pb.PubsubSubscription{
			subscription("commandbus", "orders", "/bus/commands", "deadletters"),
			subscription("deadletters", "deadletters", "/bus/deadletters", ""),
		},
		ActorRuntime: &pb.ActorRuntime{RuntimeStatus: pb.ActorRuntime_INITIALIZING},
		Resiliencies: []*pb.MetadataResiliency{{Name: "deliveries"}},
	}
}

func subscription(component, topic, path, dead string) *pb.PubsubSubscription {
	return &pb.PubsubSubscription{
		PubsubName: component, Topic: topic, DeadLetterTopic: dead, Metadata: map[string]string{"rawPayload": "true"},
		Rules: &pb.PubsubSubscriptionRules{Rules: []*pb.PubsubSubscriptionRule{{Path: path}}},
	}
}

func TestFindings(t *testing.T) {
	typed := func(name, kind, version string, capabilities ...string) func(*pb.GetMetadataResponse) {
		return func(s *pb.GetMetadataResponse) {
			i := slices.IndexFunc(s.RegisteredComponents, func(c *pb.RegisteredComponents) bool { return c.GetName() == name })
			s.RegisteredComponents[i] = &pb.RegisteredComponents{Name: name, Type: kind, Version: version, Capabilities: capabilities}
		}
	}
	without := func(name string) func(*pb.GetMetadataResponse) {
		return func(s *pb.GetMetadataResponse) {
			s.RegisteredComponents = slices.DeleteFunc(s.RegisteredComponents, func(c *pb.RegisteredComponents) bool { return c.GetName() == name })
		}
	}
	subscribed := func(change func(*pb.PubsubSubscription)) func(*pb.GetMetadataResponse) {
		return func(s *pb.GetMetadataResponse) { change(s.Subscriptions[0]) }
	}
	etags := []string{"ETAG", "TRANSACTIONAL", "ACTOR"}
	for _, c := range []struct {
		name   string
		change func(*pb.GetMetadataResponse)
		accept string
		want   string // the findings; those that refuse with a mark
	}{
		{"nothing is wrong", func(*pb.GetMetadataResponse) {}, "", ""},
		{"the version before 1.18 does not list resiliency", func(s *pb.GetMetadataResponse) { s.RuntimeVersion, s.Resiliencies = "1.17.5", nil }, "", ""},

		{"another app's sidecar", func(s *pb.GetMetadataResponse) { s.Id = "seats" }, "", "app-id!"},
		{"an old Dapr", func(s *pb.GetMetadataResponse) { s.RuntimeVersion = "1.15.9" }, "", "dapr-version!"},
		{"a Dapr of 1.16 whose access control can be bypassed", func(s *pb.GetMetadataResponse) { s.RuntimeVersion = "1.16.13" }, "", "dapr-version!"},
		{"a Dapr of 1.16 in which that is mended", func(s *pb.GetMetadataResponse) { s.RuntimeVersion = "1.16.14" }, "", ""},
		{"a Dapr of 1.17 whose access control can be bypassed", func(s *pb.GetMetadataResponse) { s.RuntimeVersion = "v1.17.4" }, "", "dapr-version!"},
		{"a Dapr that is newer than all that is known", func(s *pb.GetMetadataResponse) { s.RuntimeVersion = "2.0.0" }, "", ""},
		{"a Dapr of no version", func(s *pb.GetMetadataResponse) { s.RuntimeVersion = "edge" }, "", "dapr-version"},
		{"no port of the app", func(s *pb.GetMetadataResponse) { s.AppConnectionProperties = nil }, "", "app-port!"},
		{"another port of the app", func(s *pb.GetMetadataResponse) { s.AppConnectionProperties.Port = 9 }, "", "app-port"},
		{"no resiliency", func(s *pb.GetMetadataResponse) { s.Resiliencies = nil }, "", "no-resiliency!"},

		{"no bus", without("commandbus"), "", "no-component!"},
		{"no bus that is only published to", without("eventbus"), "", "no-component!"},
		{"a binding of a bus's name", typed("eventbus", "bindings.kafka", "v1"), "", "no-component!"},
		{"no secret store", without("secretstore"), "", "no-component!"},
		{"JetStream", typed("eventbus", "pubsub.jetstream", "v1"), "", "acknowledges-early!"},
		{"JetStream, accepted", typed("eventbus", "pubsub.jetstream", "v1"), "pubsub.jetstream", "acknowledges-early"},
		{"MQTT", typed("commandbus", "pubsub.mqtt3", "v1"), "", "repeats-on-reconnect!"},
		{"MQTT by its old name", typed("commandbus", "pubsub.mqtt", "v1"), "pubsub.mqtt3", "repeats-on-reconnect!"},
		{"MQTT, accepted", typed("commandbus", "pubsub.mqtt3", "v1"), "pubsub.mqtt3", "repeats-on-reconnect"},
		{"a bus in memory", typed("eventbus", "pubsub.in-memory", "v1"), "", "in-memory!"},
		{"a bus that was never tried", typed("eventbus", "pubsub.pulsar", "v1"), "", "untried"},

		{"no state store", without("statestore"), "", "no-component!"},
		{"a state store of another name", typed("statestore", "state.redis", "v1", etags...), "", ""},
		{"two state stores, one of the name", func(s *pb.GetMetadataResponse) {
			s.RegisteredComponents = append(s.RegisteredComponents, &pb.RegisteredComponents{Name: "other", Type: "state.memcached"})
		}, "", ""},
		{"two state stores of other names", func(s *pb.GetMetadataResponse) {
			s.RegisteredComponents[3].Name = "one"
			s.RegisteredComponents = append(s.RegisteredComponents, &pb.RegisteredComponents{Name: "other", Type: "state.memcached"})
		}, "", "several-stores!"},
		{"a state store without ETags", typed("statestore", "state.jetstream", "v1", "ACTOR"), "state.jetstream", "no-etag!"},
		{"a state store in memory", typed("statestore", "state.in-memory", "v1", etags...), "", "in-memory!"},
		{"a state store in memory, accepted", typed("statestore", "state.in-memory", "v1", etags...), "state.in-memory", "in-memory"},
		{"SQLite", typed("statestore", "state.sqlite", "v1", etags...), "", ""},
		{"MySQL, its version left out", typed("statestore", "state.mysql", "", etags...), "", ""},
		{"PostgreSQL's first version", typed("statestore", "state.postgresql", "v1", etags...), "", "untried"},
		{"a state store that was never tried", typed("statestore", "state.mongodb", "v1", etags...), "", "untried"},
		{"a state store that cannot have actors", typed("statestore", "state.etcd", "v2", "ETAG"), "", "untried no-actors!"},
		{"no actors", func(s *pb.GetMetadataResponse) { s.ActorRuntime.RuntimeStatus = pb.ActorRuntime_DISABLED }, "", "no-actors!"},

		{"no subscription", func(s *pb.GetMetadataResponse) { s.Subscriptions = s.Subscriptions[1:] }, "", "no-subscription!"},
		{"several topics of one bus", func(s *pb.GetMetadataResponse) {
			s.Subscriptions = append(s.Subscriptions, subscription("commandbus", "seats", "/bus/commands", "deadletters"))
		}, "", ""},
		{"several topics of a bus that was never tried", func(s *pb.GetMetadataResponse) {
			typed("commandbus", "pubsub.pulsar", "v1")(s)
			s.Subscriptions = append(s.Subscriptions, subscription("commandbus", "seats", "/bus/commands", "deadletters"))
		}, "", "untried several-topics"},
		{"another route of the second topic", func(s *pb.GetMetadataResponse) {
			s.Subscriptions = append(s.Subscriptions, subscription("commandbus", "seats", "/bus/others", "deadletters"))
		}, "", "other-route!"},
		{"a subscription that is not the app's", func(s *pb.GetMetadataResponse) {
			s.Subscriptions = append(s.Subscriptions, subscription("eventbus", "events", "/bus/commands", "deadletters"))
		}, "", "foreign-subscription!"},
		{"another route", subscribed(func(s *pb.PubsubSubscription) { s.Rules.Rules[0].Path = "/bus/deadletters" }), "", "other-route!"},
		{"a route with a rule", subscribed(func(s *pb.PubsubSubscription) { s.Rules.Rules[0].Match = "true" }), "", "several-routes!"},
		{"two routes", subscribed(func(s *pb.PubsubSubscription) { s.Rules.Rules = append(s.Rules.Rules, s.Rules.Rules[0]) }), "", "several-routes!"},
		{"no dead-letter topic", subscribed(func(s *pb.PubsubSubscription) { s.DeadLetterTopic = "" }), "pubsub.redis", "no-dead-letters!"},
		{"a dead-letter topic that is the topic", func(s *pb.GetMetadataResponse) { s.Subscriptions[1].DeadLetterTopic = "deadletters" }, "", "no-dead-letters!"},
		{"payloads that are not raw", subscribed(func(s *pb.PubsubSubscription) { s.Metadata = nil }), "", "not-raw!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sidecar()
			c.change(s)
			var got []string
			for _, f := range selfcheck.Check(needs, s, strings.Fields(c.accept)...) {
				name := f.Name
				if f.Refused {
					name += "!"
				}
				got = append(got, name)
				if f.Problem == "" || f.Fix == "" {
					t.Errorf("%s does not say what is wrong, or what to do: %s", f.Name, f)
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// What an app does not use, its sidecar need not have.
func TestWhoNeedsLittleIsAskedForLittle(t *testing.T) {
	web := selfcheck.Needs{AppID: "web", Publishes: []string{"commandbus"}}
	s := &pb.GetMetadataResponse{Id: "web", RuntimeVersion: "1.18.2", RegisteredComponents: []*pb.RegisteredComponents{{Name: "commandbus", Type: "pubsub.redis"}}}
	if got := selfcheck.Check(web, s); len(got) != 0 {
		t.Error(got)
	}
}

func TestAnAppWithoutATokenStaysOnTheLoopback(t *testing.T) {
	exposed := needs
	exposed.Exposed = true
	found := selfcheck.Check(exposed, sidecar())
	if len(found) != 1 || found[0].Name != "exposed" || !found[0].Refused {
		t.Errorf("found %v", found)
	}
}

func TestAFindingNamesTheComponentAndTheFix(t *testing.T) {
	s := sidecar()
	s.RegisteredComponents[0].Type = "pubsub.jetstream"
	const want = "acknowledges-early: commandbus (pubsub.jetstream) acknowledges a message before it is handled, " +
		"or never delivers more than one at a time; use another broker, or JetStream over MQTT as the local set does"
	if got := selfcheck.Check(needs, s); len(got) != 1 || got[0].String() != want {
		t.Errorf("got %v", got)
	}
}

func TestEveryFindingIsExplained(t *testing.T) {
	page, err := os.ReadFile("../../docs/self-check.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range selfcheck.Names {
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("docs/self-check.md does not explain %s", name)
		}
	}
}

func TestATopicMayBeReadByAComponentOfItsOwn(t *testing.T) {
	own := func(kind string) *pb.GetMetadataResponse {
		s := sidecar()
		s.RegisteredComponents[0].Type = "pubsub.rabbitmq"
		s.Subscriptions = s.Subscriptions[1:]
		for _, topic := range []string{"orders-from-web", "orders-from-order"} {
			name := "commandbus-" + topic
			s.RegisteredComponents = append(s.RegisteredComponents, &pb.RegisteredComponents{Name: name, Type: kind, Version: "v1"})
			s.Subscriptions = append(s.Subscriptions, subscription(name, topic, "/bus/commands", "deadletters"))
		}
		return s
	}
	if found := selfcheck.Check(needs, own("pubsub.rabbitmq")); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	if found := selfcheck.Check(needs, own("pubsub.in-memory")); len(found) != 2 || found[0].Component != "commandbus-orders-from-web" {
		t.Errorf("found %v of components in memory", found)
	}
	another := own("pubsub.rabbitmq")
	another.Subscriptions[2].PubsubName = "commandbuses-orders-from-order"
	if found := selfcheck.Check(needs, another); len(found) != 1 || found[0].Name != "foreign-subscription" {
		t.Errorf("found %v of a component of another bus", found)
	}
}
