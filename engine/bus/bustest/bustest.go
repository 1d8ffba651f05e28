// Package bustest is the conformance suite of the buses: what the engine needs
// of a broker, and of all that stands between it and an app, as tests. Every
// implementation runs it; what one cannot do it says in Bus.Lacks.
package bustest

import (
	"context"
	"slices"
	"testing"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
)

// The guarantees. They are the names of the tests.
const (
	Early      = "what was published before its reader ever came is delivered to it"
	Delivered  = "every message is delivered to each app that reads its topic"
	Again      = "what is answered RETRY comes again until it is answered SUCCESS"
	SameID     = "a message that comes again is the same and has the same id"
	Large      = "a message of 900 KB comes whole"
	Batches    = "what waits comes in batches"
	InFlight   = "an app that is slow has one batch at a time, of at most 200"
	Away       = "what was published while its reader was away is delivered when it is back"
	Held       = "nothing is lost when a sidecar is killed that holds messages"
	Retrying   = "nothing is lost when a sidecar is killed while it repeats messages"
	Stopped    = "nothing is lost when a sidecar is stopped while it repeats messages"
	GivenUp    = "with a bound on repeats, what fails goes to the dead letters"
	Replicas   = "a second replica of an app takes a share of the messages"
	BrokerKill = "nothing is lost when the broker is killed"
	BrokerStop = "nothing is lost when the broker is stopped"
	Order      = "order, as it was seen"
	Throughput = "messages published and delivered"
)

// Bus is a bus under test.
type Bus struct {
	// Publisher is that of an app which reads nothing. It must know what Register
	// registers.
	Publisher bus.Publisher
	// Commands are topics with one reader each; at least four, no app twice.
	Commands []Reader
	// Events are at least two apps that read one topic, and none of the others.
	Events []Reader
	// DeadLetters reads what was given up. Its app may be one of Events.
	DeadLetters Reader
	// Replica gives a replica of an app, which is not started. Its handler gets
	// what comes on all topics that the app reads.
	Replica func(app string, o Options, h bus.Handler) (Part, error)
	// Broker is nil if it cannot be stopped.
	Broker Part
	// Lacks has the guarantees that this bus does not give, each with the reason.
	Lacks map[string]string
}

// Reader is an app that reads a topic.
type Reader struct {
	App   string
	Kind  message.Kind
	Topic string
}

// Options of a replica.
type Options struct {
	// Repeats is how often a message is delivered again that is answered RETRY,
	// before it goes to the dead letters; 0 means without end.
	Repeats int
	// Second replica of the app, which runs beside the first.
	Second bool
}

// Part is something that can be taken away: the sidecar of a replica, or the
// broker.
type Part interface {
	// Start returns when the part is ready.
	Start(ctx context.Context) error
	// Stop ends it in good order, Kill at once (kill -9). Both return when it is
	// gone, and do nothing to one that does not run.
	Stop()
	Kill()
}

// Register adds the suite's message type to a registry.
func Register(r *message.Registry) {
	message.Register[numbered](r, "Numbered.v1", message.Event, "events", nil)
}

// numbered is the message of the suite.
type numbered struct {
	Run     string `json:"run"` // of which test
	N       int    `json:"n"`
	Padding string `json:"padding,omitempty"`
}

// Run runs the suite. The topics may hold messages of earlier runs.
func Run(t *testing.T, b Bus) {
	s := &suite{Bus: b, t: t, inboxes: map[string]*inbox{}, apps: map[string]*app{}}
	var known []string
	check := func(t *testing.T, guarantee string, run func(*testing.T)) {
		known = append(known, guarantee)
		t.Run(guarantee, func(t *testing.T) {
			if why, lacks := b.Lacks[guarantee]; lacks {
				t.Attr("lacks", why)
				t.Skip(why)
			}
			run(t)
		})
	}
	check(t, Early, s.early) // before anything else starts its reader
	check(t, Delivered, s.delivered)
	check(t, Again, s.again)
	check(t, SameID, s.sameID)
	check(t, Large, s.large)
	check(t, Batches, s.batches)
	check(t, InFlight, s.inFlight)
	check(t, Order, s.order)
	check(t, Throughput, s.throughput)
	check(t, Replicas, s.replicas)
	check(t, GivenUp, s.givenUp)
	// These wait for what the broker gives out again, which may take a while.
	t.Run("side by side", func(t *testing.T) {
		for i, test := range []struct {
			guarantee string
			run       func(*testing.T, Reader)
		}{{Away, s.away}, {Held, s.held}, {Retrying, s.retrying}, {Stopped, s.stopped}} {
			check(t, test.guarantee, func(t *testing.T) {
				t.Parallel()
				test.run(t, b.Commands[i])
			})
		}
	})
	check(t, BrokerKill, func(t *testing.T) { s.broken(t, b.Broker.Kill) })
	check(t, BrokerStop, func(t *testing.T) { s.broken(t, b.Broker.Stop) })
	for guarantee := range b.Lacks {
		if !slices.Contains(known, guarantee) {
			t.Errorf("Lacks has what is no guarantee: %q", guarantee)
		}
	}
}
