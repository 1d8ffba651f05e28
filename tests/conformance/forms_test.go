package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/bustest"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/topology"
)

// arrivals counts what came, by id.
type arrivals struct {
	mu     sync.Mutex
	came   map[string]int
	parked map[string]int // by what was parked
	retry  map[string]int // how often a message is answered RETRY
}

func (a *arrivals) HandleBatch(_ context.Context, batch []bus.Delivery) []bus.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := bus.All(len(batch), bus.Success)
	for i, d := range batch {
		a.came[d.Message.ID]++
		if a.came[d.Message.ID] <= a.retry[d.Message.ID] {
			out[i] = bus.Retry
		}
	}
	return out
}

func (a *arrivals) Park(_ context.Context, l message.DeadLetter) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parked[string(l.Message)]++
	return nil
}

// Whoever sends with an SDK of Dapr sends an event alone or several as a batch, by
// gRPC or by HTTP. A batch comes again as a whole, and what is malformed in it is
// parked by itself.
func TestEventsAreReadAloneAndInBatchesWhoeverSentThem(t *testing.T) {
	system.Watch(t)
	here := newApps()
	a := &arrivals{came: map[string]int{}, parked: map[string]int{}, retry: map[string]int{"forms-3": 2}}
	here.parker = a
	dapr := here.beside(t, "web")
	reader := here.replica(t, "order", bustest.Options{}, a)
	if err := reader.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Stop)

	numbered := func(n int) string {
		return strings.Replace(string(event), `"id":"scopes"`, fmt.Sprintf(`"id":"forms-%d"`, n), 1)
	}
	const malformed = `{"no":"event"}`
	topic := topology.From("orders", "web")
	batch := func(events ...string) []byte { return []byte("[" + strings.Join(events, ",") + "]") }
	for _, err := range []error{
		dapr.PublishEvent(t.Context(), "commandbus", topic, []byte(numbered(1)), client.PublishEventWithContentType("application/cloudevents+json")),
		dapr.PublishEvent(t.Context(), "commandbus", topic, batch(numbered(2), numbered(3), malformed, numbered(4)),
			client.PublishEventWithContentType(message.BatchContentType), client.PublishEventWithRawPayload()),
		post(t.Context(), fmt.Sprintf("http://%s/v1.0/publish/commandbus/%s?metadata.rawPayload=true", address(system.App("web").HTTPPort), topic),
			message.BatchContentType, batch(numbered(5), numbered(6))),
		post(t.Context(), fmt.Sprintf("http://%s/v1.0/publish/commandbus/%s", address(system.App("web").HTTPPort), topic),
			message.ContentType, []byte(numbered(7))),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	harness.Eventually(t, time.Minute, func(context.Context) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		for n, times := range map[int]int{1: 1, 2: 3, 3: 3, 4: 3, 5: 1, 6: 1, 7: 1} {
			if got := a.came[fmt.Sprintf("forms-%d", n)]; got < times {
				return fmt.Errorf("event %d came %d times, want %d", n, got, times)
			}
		}
		if a.parked[malformed] == 0 {
			return errors.New("what is malformed is not parked")
		}
		return nil
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	for parked := range a.parked {
		if parked != malformed {
			t.Errorf("parked: %s", parked)
		}
	}
	if again := a.came["forms-5"]; again > 1 {
		t.Errorf("an event of a batch of which nothing failed came %d times", again)
	}
}

func post(ctx context.Context, url, contentType string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	if res.StatusCode != http.StatusNoContent {
		return errors.New(res.Status)
	}
	return nil
}
