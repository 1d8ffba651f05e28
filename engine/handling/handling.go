// Package handling decides batches of messages against event streams: load all
// streams of the batch with one read, decide message by message in order per
// stream, commit every stream with one compare-and-swap, carry out what
// follows, acknowledge.
//
// What it promises: a message is decided at most once (as far as its stream
// keeps ids); its effects are carried out at least once, with the same ids; and
// nothing is acknowledged before both are done. A crash anywhere between is
// repaired by the redelivery of the message. A handler that fails again and
// again by itself has its message parked in the dead letters, and later messages
// of that one stream kept behind it. See docs/adr.
//
// Where to look: batch.go is the path of a batch; decide.go decides one message, and
// counts its faults up to maxAttempts; park.go makes the dead letter; settle.go tells
// the broker; waiting.go keeps what only another version can handle.
package handling

import (
	"context"
	"fmt"
	"io"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// Waker is the port to whatever wakes a process at a time it asked for.
type Waker interface {
	// Wake sets the one wake-up time of an instance, or takes it back when
	// w.At is zero. Both may be repeated.
	Wake(ctx context.Context, key stream.Key, w es.Wake) error
}

// Options are what an Engine is made of.
type Options struct {
	// App is this app's name, as it stands in messages as their source.
	App       string
	Registry  *message.Registry
	Keys      state.Store
	Publisher bus.Publisher
	// Waker may be nil where no process asks to be woken.
	Waker Waker
	// Now and Random are the clock and the cryptographic source of all decisions.
	Now    func() time.Time
	Random io.Reader
	// CacheBytes bounds, roughly, what streams take in memory; 0 means 64 MiB.
	CacheBytes int64
}

// Engine handles the batches of one app. Add its aggregates and processes
// before it is used.
type Engine struct {
	app       string
	registry  *message.Registry
	keys      state.Store
	streams   *stream.Store
	publisher bus.Publisher
	waker     Waker
	now       func() time.Time
	random    io.Reader

	definitions []definition
	effects     map[string][]effect
	observers   []func(context.Context, Commit)
	failing     failingEffects
	undone      *lru.Cache[stream.Key, struct{}] // streams whose effects failed here
	locks       locks
	refused     chan error
	waiting     *waiting
	clock       clock
	meter       *meter
	tracer      trace.Tracer
}

// effect is something to be done after an event. Its name is its own.
type effect struct {
	name string
	do   func(ctx context.Context, m message.Meta, body any) error
}

// New makes an engine without aggregates.
func New(o Options) *Engine {
	streams := stream.NewStore(o.Keys)
	if o.CacheBytes > 0 {
		streams.CacheBytes(o.CacheBytes)
	}
	streams.Forms(o.Registry.Own(), o.Registry.Writes())
	undone, _ := lru.New[stream.Key, struct{}](undoneSize) // an error is about the size only
	return &Engine{
		app: o.App, registry: o.Registry, keys: o.Keys, streams: streams,
		publisher: o.Publisher, waker: o.Waker, now: o.Now, random: o.Random,
		effects: map[string][]effect{}, meter: newMeter(), tracer: otel.Tracer(scope), refused: make(chan error, 1),
		waiting: &waiting{keys: o.Keys, app: o.App}, undone: undone,
	}
}

// refuse has Run end with an error.
func (e *Engine) refuse(reason error) {
	select {
	case e.refused <- reason:
	default: // it ends already
	}
}

// definition finds a kind of stream by its name, nil if this app has none such.
func (e *Engine) definition(name string) definition {
	for _, d := range e.definitions {
		if d.name() == name {
			return d
		}
	}
	return nil
}

// Aggregate adds an aggregate. Those whose state it reads are added before it.
func Aggregate[S any](e *Engine, a es.Aggregate[S]) {
	e.definitions = append(e.definitions, &aggregate[S]{Aggregate: a, registry: e.registry})
}

// Process adds a process.
func Process[S any](e *Engine, p es.Process[S]) {
	e.definitions = append(e.definitions, &process[S]{Process: p, registry: e.registry})
}

// OnEvent adds an effect of events of type E beside publishing them. It is
// carried out after the commit and before the acknowledgement, at least once,
// so it must be harmless when repeated. Its error leads to redelivery, so it
// must be about infrastructure. Its context ends after effectsWithin, the time
// that the effects of one batch have together. When it has failed for
// effectPatience, the message is parked, so that others go on; it comes again when
// that is sent back, or when its stream is used next.
func OnEvent[E any](e *Engine, do func(ctx context.Context, m message.Meta, event E) error) {
	var zero E
	t, ok := e.registry.TypeOf(zero)
	if !ok {
		panic(fmt.Sprintf("handling: %T is not registered", zero))
	}
	e.effects[t.Name] = append(e.effects[t.Name], effect{
		name: fmt.Sprintf("%s/%d", t.Name, len(e.effects[t.Name])),
		do:   func(ctx context.Context, m message.Meta, body any) error { return do(ctx, m, body.(E)) },
	})
}

// Bounds of patience within one delivery. Beyond them the broker repeats.
const (
	// leftFor is how long what another replica committed is left to it to carry out:
	// longer than an app takes, and than its broker waits before it delivers again.
	leftFor = time.Minute
	// undoneSize is of how many streams it is remembered that their effects failed here.
	undoneSize = 8192
	// maxRounds is how often a batch is loaded and decided anew after conflicts.
	maxRounds = 8
	// maxAttempts is how often a message may fail by itself before it is parked.
	maxAttempts = 3
	// effectPatience is how long a topic waits for an effect.
	effectPatience = time.Minute
	// maxHeldBytes is what the messages weigh that are kept behind a parked one: they
	// stand in the stream's document.
	maxHeldBytes = 256 << 10
	// maxGivenBytes is what of a batch one commit of a stream takes, since what comes
	// of it is in its document until it has been carried out.
	maxGivenBytes = 256 << 10
	// roundPause is the longest pause after the first conflict; it doubles.
	roundPause = 10 * time.Millisecond
)
