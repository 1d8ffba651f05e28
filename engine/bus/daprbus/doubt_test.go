package daprbus_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/daprbus"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/telemetry/telemetrytest"
)

type paid struct{}

// sidecar says that everything was published, after a while.
type sidecar struct {
	client.Client
	takes  []time.Duration // one publishing after the other; the last is repeated
	down   bool            // the probe is not published
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
	if s.down {
		return errors.New("not connected")
	}
	return nil
}

// publisher is one that doubts, if it is to, and n messages for it.
func publisher(c client.Client, n int, doubt bool) (*daprbus.Publisher, []message.Message) {
	registry := message.NewRegistry()
	message.Register[paid](registry, "Paid.v1", message.Event, "events", func(paid) string { return "" })
	p := daprbus.New(c, &bus.Outgoing{Registry: registry, Source: "payments", Now: time.Now},
		map[message.Kind]string{message.Event: "eventbus"})
	if doubt {
		p.Doubt("eventbus")
	}
	return p, slices.Repeat([]message.Message{{Meta: message.Meta{ID: "1"}, Body: paid{}}}, n)
}

func TestWhatMayHaveBeenLostWithAConnectionIsPublishedAgain(t *testing.T) {
	const quick, broken = 10 * time.Millisecond, 5 * time.Second
	const shortest = 3 * time.Second // that a component waits by default before it connects again
	for name, test := range map[string]struct {
		doubt, down    bool
		takes          []time.Duration
		events, probes int
		fails          bool
	}{
		"the connection holds":                  {doubt: true, takes: []time.Duration{quick}, events: 2, probes: 1},
		"it breaks with a message of the batch": {doubt: true, takes: []time.Duration{broken, quick}, events: 4, probes: 3},
		"it breaks with the last of the batch":  {doubt: true, takes: []time.Duration{quick, broken, quick}, events: 4, probes: 3},
		"it is back as soon as can be":          {doubt: true, takes: []time.Duration{quick, shortest, quick}, events: 4, probes: 3},
		"it breaks all the time":                {doubt: true, takes: []time.Duration{broken}, events: 5, probes: 4, fails: true},
		"it does not come back":                 {doubt: true, down: true, takes: []time.Duration{quick}, events: 6, probes: 3, fails: true},
		"a component that is believed":          {takes: []time.Duration{broken}, events: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sidecar{takes: test.takes, down: test.down}
				p, messages := publisher(s, 2, test.doubt)
				err := p.Publish(t.Context(), messages...)
				if s.events != test.events || s.probes != test.probes || (err != nil) != test.fails {
					t.Errorf("%d events and %d probes (%v), want %d and %d", s.events, s.probes, err, test.events, test.probes)
				}
			})
		})
	}
}

// broken is a sidecar whose component has lost its connection, and makes it again in a
// publication that is patient.
type broken struct {
	client.Client
	mu        sync.Mutex
	connected bool
}

func (b *broken) PublishEvents(ctx context.Context, _, _ string, events []any, _ ...client.PublishEventsOption) client.PublishEventsResponse {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.connected {
		return client.PublishEventsResponse{}
	}
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Second):
		b.connected = true
	}
	return client.PublishEventsResponse{Error: ctx.Err(), FailedEvents: events}
}

func (b *broken) PublishEvent(ctx context.Context, _, _ string, _ any, _ ...client.PublishEventOption) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.connected {
		return errors.New("not connected")
	}
	return ctx.Err()
}

func TestImpatientCallersDoNotKeepAComponentFromConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broken{}
		p, messages := publisher(b, 1, true)
		publish := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			return p.Publish(ctx, messages...)
		}
		began := time.Now()
		for publish() != nil {
			if time.Since(began) > time.Minute {
				t.Fatal("nothing is published any more")
			}
		}
		if took := time.Since(began); took < 5*time.Second {
			t.Errorf("connected after %s", took)
		}
	})
}

// queue is a sidecar whose component publishes one after the other.
type queue struct {
	client.Client
	mu             sync.Mutex
	takes          time.Duration // each message
	events, probes int
}

func (q *queue) PublishEvents(_ context.Context, _, _ string, events []any, _ ...client.PublishEventsOption) client.PublishEventsResponse {
	q.mu.Lock()
	defer q.mu.Unlock()
	for range events {
		<-time.After(q.takes)
	}
	q.events += len(events)
	return client.PublishEventsResponse{}
}

func (q *queue) PublishEvent(context.Context, string, string, any, ...client.PublishEventOption) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	<-time.After(q.takes)
	q.probes++
	return nil
}

func TestASlowBrokerWithManyPublishersIsNotDoubted(t *testing.T) {
	const publishers, messages = 5, 60
	synctest.Test(t, func(t *testing.T) {
		q := &queue{takes: 150 * time.Millisecond}
		p, all := publisher(q, messages, true)
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

// Whatever a broker confirms in half of the time that a broken connection would
// take is published, in batches as small as it needs; and in large ones again
// when it is fast.
func TestABrokerThatIsSlowerStillIsGivenLess(t *testing.T) {
	const messages = 60
	for takes, doubted := range map[time.Duration]int{
		160 * time.Millisecond: 15,
		500 * time.Millisecond: 15 + 7,
		time.Second:            15 + 7 + 3,
	} {
		t.Run(takes.String(), func(t *testing.T) {
			recorded := telemetrytest.Record(t)
			synctest.Test(t, func(t *testing.T) {
				q := &queue{takes: takes}
				p, all := publisher(q, messages, true)
				publish := func(want int) {
					t.Helper()
					q.events, q.probes = 0, 0
					if err := p.Publish(t.Context(), all...); err != nil {
						t.Fatal(err)
					}
					if q.events != want {
						t.Errorf("%d messages were published %d times, want %d", messages, q.events, want)
					}
				}
				publish(doubted + messages)
				publish(messages) // what was learned is kept
				q.takes = time.Millisecond
				publish(messages)
				if q.probes > messages/15+3 {
					t.Errorf("%d batches through a broker that is fast again", q.probes)
				}
			})
			if got := recorded.Value("plenary.messages.doubted"); got["topic=events"] != float64(doubted) {
				t.Errorf("%v were counted, want %d", got, doubted)
			}
		})
	}
}
