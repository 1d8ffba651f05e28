package daprbus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/daprbus"
	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/engine/message"
)

type told struct {
	Text string `json:"text"`
}

type asked struct{}

// wire keeps what was published.
type wire struct {
	client.Client
	mu   sync.Mutex
	sent map[string][]client.PublishEventsEvent // by component and topic
}

func (w *wire) PublishEvents(_ context.Context, component, topic string, events []any, _ ...client.PublishEventsOption) client.PublishEventsResponse {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range events {
		w.sent[component+"/"+topic] = append(w.sent[component+"/"+topic], e.(client.PublishEventsEvent))
	}
	return client.PublishEventsResponse{}
}

// PublishEvent is the probe that follows a message on a component in doubt.
func (w *wire) PublishEvent(context.Context, string, string, any, ...client.PublishEventOption) error {
	return nil
}

func publishOn(t *testing.T, kind string, msgs ...message.Message) *wire {
	t.Helper()
	registry := message.NewRegistry()
	message.Register[told](registry, "Told.v1", message.Event, "events", nil)
	message.Register[asked](registry, "Asked.v1", message.Command, "questions", nil)
	w := &wire{sent: map[string][]client.PublishEventsEvent{}}
	p := daprbus.New(w, &bus.Outgoing{Registry: registry, Source: "teller", Now: time.Now},
		map[message.Kind]string{message.Event: "eventbus", message.Command: "commandbus"})
	for _, name := range []string{"eventbus", "commandbus"} {
		p.Suit(name, component.Of(kind))
	}
	if err := p.Publish(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
	return w
}

// ids are those of the events of each message.
func ids(t *testing.T, messages []client.PublishEventsEvent) (out [][]string) {
	t.Helper()
	for _, m := range messages {
		events, _ := message.UnpackCloudEvents(m.Data)
		if want := map[bool]string{false: message.ContentType, true: message.BatchContentType}[len(events) > 1]; m.ContentType != want {
			t.Errorf("%d events travel as %s", len(events), m.ContentType)
		}
		var of []string
		for _, e := range events {
			meta, _, err := message.FromCloudEvent(e)
			if err != nil {
				t.Fatal(err)
			}
			of = append(of, meta.ID)
		}
		out = append(out, of)
	}
	return out
}

func stories(n int, text string) (out []message.Message) {
	for i := range n {
		out = append(out, message.Message{Meta: message.Meta{ID: fmt.Sprint(i), PartitionKey: fmt.Sprint("order-", i)}, Body: told{Text: text}})
	}
	return out
}

func TestEventsThatArePublishedTogetherTravelTogether(t *testing.T) {
	for kind, want := range map[string]int{"pubsub.mqtt3": 3, "pubsub.rabbitmq": 3, "pubsub.redis": 3, "pubsub.of-tomorrow": 60} {
		t.Run(kind, func(t *testing.T) {
			msgs := append(stories(60, "once"), message.Message{Meta: message.Meta{ID: "alone"}, Body: asked{}})
			w := publishOn(t, kind, msgs...)
			got := ids(t, w.sent["eventbus/events"])
			if len(got) != want {
				t.Errorf("60 events travel in %d messages, want %d", len(got), want)
			}
			next := 0
			for _, of := range got {
				for _, id := range of {
					if id != fmt.Sprint(next) {
						t.Errorf("%s comes in the place of %d", id, next)
					}
					next++
				}
			}
			if next != 60 {
				t.Errorf("%d of 60 events", next)
			}
			if alone := ids(t, w.sent["commandbus/questions"]); len(alone) != 1 || alone[0][0] != "alone" {
				t.Errorf("the command travels as %v", alone)
			}
		})
	}
}

func TestAMessageOfSeveralEventsIsBoundedInBytes(t *testing.T) {
	w := publishOn(t, "pubsub.mqtt3", stories(10, strings.Repeat("x", 50<<10))...)
	for _, m := range w.sent["eventbus/events"] {
		if size := len(m.Data); size > 128<<10 {
			t.Errorf("a message of %d bytes", size)
		}
	}
	if got := ids(t, w.sent["eventbus/events"]); len(got) != 5 {
		t.Errorf("%v", got)
	}
	if got := ids(t, publishOn(t, "pubsub.mqtt3", stories(2, strings.Repeat("x", 200<<10))...).sent["eventbus/events"]); len(got) != 2 {
		t.Errorf("events that are too large to be with others travel as %v", got)
	}
}

// What has one partition key keeps its order in a partition: alone or with others,
// its message has the same key.
func TestOnKafkaEventsTravelWithThoseOfTheirBucket(t *testing.T) {
	w := publishOn(t, "pubsub.kafka", stories(1000, "once")...)
	bucketOf := map[string]string{}
	for _, m := range w.sent["eventbus/events"] {
		events, _ := message.UnpackCloudEvents(m.Data)
		for _, raw := range events {
			meta, _, err := message.FromCloudEvent(raw)
			if err != nil {
				t.Fatal(err)
			}
			bucketOf[meta.PartitionKey] = m.Metadata["partitionKey"]
		}
	}
	used := map[string]bool{}
	for _, b := range bucketOf {
		used[b] = true
	}
	if len(bucketOf) != 1000 || len(used) != 64 {
		t.Errorf("%d keys in %d buckets", len(bucketOf), len(used))
	}
	if n := len(w.sent["eventbus/events"]); n > 100 {
		t.Errorf("1,000 events travel in %d messages", n)
	}
	for i, m := range stories(5, "again") {
		alone := publishOn(t, "pubsub.kafka", m).sent["eventbus/events"]
		if got, want := alone[0].Metadata["partitionKey"], bucketOf[fmt.Sprint("order-", i)]; got != want {
			t.Errorf("alone in bucket %s, with others in %s", got, want)
		}
	}
}

func TestABatchIsJSONAsCloudEventsSays(t *testing.T) {
	m := publishOn(t, "pubsub.mqtt3", stories(2, "once")...).sent["eventbus/events"][0]
	var events []struct {
		SpecVersion string `json:"specversion"`
		Type        string `json:"type"`
	}
	if err := json.Unmarshal(m.Data, &events); err != nil || len(events) != 2 || events[1].SpecVersion != "1.0" || events[1].Type != "Told.v1" {
		t.Errorf("%s: %v", m.Data, err)
	}
}
