package membus_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/bustest"
	"github.com/plenary/plenary/engine/bus/membus"
	"github.com/plenary/plenary/engine/message"
)

func TestMemory(t *testing.T) {
	registry := message.NewRegistry()
	bustest.Register(registry)
	b := membus.New(registry, "publisher", time.Now)
	commands := make([]bustest.Reader, 4)
	for i, app := range []string{"a", "b", "c", "d"} {
		commands[i] = bustest.Reader{App: app, Kind: message.Command, Topic: "topic-" + app}
	}
	events := []bustest.Reader{{App: "e", Kind: message.Event, Topic: "events"}, {App: "f", Kind: message.Event, Topic: "events"}}
	const inMemory = "there is none in memory"
	bustest.Run(t, bustest.Bus{
		Publisher: b, Commands: commands, Events: events,
		Replica: func(app string, _ bustest.Options, h bus.Handler) (bustest.Part, error) {
			r := &replica{bus: b, handler: h}
			for _, reader := range append(commands, events...) {
				if reader.App == app {
					r.reader = reader
				}
			}
			return r, nil
		},
		Lacks: map[string]string{
			bustest.GivenUp:    "what fails comes again without end",
			bustest.BrokerKill: inMemory,
			bustest.BrokerStop: inMemory,
		},
	})
}

// replica reads in the background.
type replica struct {
	bus     *membus.Bus
	reader  bustest.Reader
	handler bus.Handler

	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (r *replica) Start(context.Context) error {
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	r.done.Go(func() { r.bus.Read(ctx, r.reader.App, r.reader.Kind, r.reader.Topic, r.handler) })
	return nil
}

// Stop waits for the handler, which knows that its answer is not heard.
func (r *replica) Stop() {
	if r.cancel != nil {
		r.cancel()
		r.done.Wait()
	}
}

// Kill does not wait: nobody hears the answer of the handler.
func (r *replica) Kill() {
	if r.cancel != nil {
		r.cancel()
	}
}
