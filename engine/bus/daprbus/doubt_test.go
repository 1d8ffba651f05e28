package daprbus_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/daprbus"
	"github.com/plenary/plenary/engine/message"
)

type paid struct{}

// sidecar says that everything was published, after a while.
type sidecar struct {
	client.Client
	takes  []time.Duration // one publishing after the other; the last is repeated
	events int             // that were published on the topic
	probes int
}

func (s *sidecar) pass() {
	<-time.After(s.takes[0])
	s.takes = s.takes[min(1, len(s.takes)-1):]
}

func (s *sidecar) PublishEvents(_ context.Context, _, _ string, events []any, _ ...client.PublishEventsOption) client.PublishEventsResponse {
	s.pass()
	s.events += len(events)
	return client.PublishEventsResponse{}
}

func (s *sidecar) PublishEvent(context.Context, string, string, any, ...client.PublishEventOption) error {
	s.pass()
	s.probes++
	return nil
}

func TestWhatMayHaveBeenLostWithAConnectionIsPublishedAgain(t *testing.T) {
	const quick, broken = 10 * time.Millisecond, 5 * time.Second
	for name, test := range map[string]struct {
		doubt          bool
		takes          []time.Duration
		events, probes int
		fails          bool
	}{
		"the connection holds":                  {doubt: true, takes: []time.Duration{quick}, events: 2, probes: 1},
		"it breaks with a message of the batch": {doubt: true, takes: []time.Duration{broken, quick}, events: 4, probes: 2},
		"it breaks with the last of the batch":  {doubt: true, takes: []time.Duration{quick, broken, quick}, events: 4, probes: 2},
		"it breaks all the time":                {doubt: true, takes: []time.Duration{broken}, events: 6, probes: 3, fails: true},
		"a component that is believed":          {takes: []time.Duration{broken}, events: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				registry := message.NewRegistry()
				message.Register[paid](registry, "Paid.v1", message.Event, "events", func(paid) string { return "" })
				s := &sidecar{takes: test.takes}
				p := daprbus.New(s, &bus.Outgoing{Registry: registry, Source: "payments", Now: time.Now},
					map[message.Kind]string{message.Event: "eventbus"})
				if test.doubt {
					p.Doubt("eventbus")
				}
				m := message.Message{Meta: message.Meta{ID: "1"}, Body: paid{}}
				err := p.Publish(t.Context(), m, m)
				if s.events != test.events || s.probes != test.probes || (err != nil) != test.fails {
					t.Errorf("%d events and %d probes (%v), want %d and %d", s.events, s.probes, err, test.events, test.probes)
				}
			})
		})
	}
}

// queue is a sidecar whose component publishes one after the other.
type queue struct {
	client.Client
	mu     sync.Mutex
	events int
}

func (q *queue) PublishEvents(_ context.Context, _, _ string, events []any, _ ...client.PublishEventsOption) client.PublishEventsResponse {
	q.mu.Lock()
	defer q.mu.Unlock()
	for range events {
		<-time.After(100 * time.Millisecond)
	}
	q.events += len(events)
	return client.PublishEventsResponse{}
}

func (q *queue) PublishEvent(context.Context, string, string, any, ...client.PublishEventOption) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	<-time.After(100 * time.Millisecond)
	return nil
}

func TestASlowBrokerWithManyPublishersIsNotDoubted(t *testing.T) {
	const publishers, messages = 5, 60
	synctest.Test(t, func(t *testing.T) {
		registry := message.NewRegistry()
		message.Register[paid](registry, "Paid.v1", message.Event, "events", func(paid) string { return "" })
		q := &queue{}
		p := daprbus.New(q, &bus.Outgoing{Registry: registry, Source: "payments", Now: time.Now},
			map[message.Kind]string{message.Event: "eventbus"})
		p.Doubt("eventbus")
		all := make([]message.Message, messages)
		for i := range all {
			all[i] = message.Message{Meta: message.Meta{ID: "1"}, Body: paid{}}
		}
		var wg sync.WaitGroup
		for range publishers {
			wg.Go(func() {
				if err := p.Publish(t.Context(), all...); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if q.events != publishers*messages {
			t.Errorf("%d messages were published %d times", publishers*messages, q.events)
		}
	})
}
