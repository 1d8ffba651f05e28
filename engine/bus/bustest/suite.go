package bustest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
)

const (
	// startWithin and within bound a part's start and the way of messages: a
	// broker may give out only after a minute what a dead sidecar has held.
	startWithin = 2 * time.Minute
	within      = 2 * time.Minute
	look        = 10 * time.Millisecond
)

// suite is one run of the tests.
type suite struct {
	Bus
	t *testing.T // of the whole run

	mu      sync.Mutex
	inboxes map[string]*inbox // by run and app
	apps    map[string]*app
}

// app is a reading app that stays there from test to test.
type app struct {
	once sync.Once
	part Part
	err  error
}

// reader is the app of a reader, which it starts if need be.
func (s *suite) reader(t *testing.T, r Reader) Part {
	t.Helper()
	s.mu.Lock()
	a := s.apps[r.App]
	if a == nil {
		a = &app{}
		s.apps[r.App] = a
	}
	s.mu.Unlock()
	a.once.Do(func() {
		if a.part, a.err = s.Replica(r.App, Options{}, s.handler(r.App, 0)); a.err == nil {
			s.t.Cleanup(a.part.Stop)
			a.err = s.begin(s.t.Context(), a.part)
		}
	})
	if a.err != nil {
		t.Fatalf("%s: %v", r.App, a.err)
	}
	return a.part
}

// replica is one that is there for a test alone.
func (s *suite) replica(t *testing.T, r Reader, o Options) Part {
	t.Helper()
	n := 0
	if o.Second {
		n = 1
	}
	part, err := s.Replica(r.App, o, s.handler(r.App, n))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(part.Stop)
	s.start(t, part)
	return part
}

func (s *suite) start(t *testing.T, p Part) {
	t.Helper()
	if err := s.begin(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

func (s *suite) begin(ctx context.Context, p Part) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	return p.Start(ctx)
}

// handler gives each message to the inbox of its run. Those of runs of another
// process are acknowledged.
func (s *suite) handler(app string, replica int) bus.Handler {
	return bus.HandlerFunc(func(_ context.Context, batch []bus.Delivery) []bus.Status {
		out := bus.All(len(batch), bus.Success)
		// A batch may hold messages of earlier tests, which the broker gives out again.
		mine, index := map[*inbox][]delivery{}, map[*inbox][]int{}
		for i, d := range batch {
			n, ok := s.read(d)
			if !ok {
				continue
			}
			if in := s.inbox(n.Run, app); in != nil {
				mine[in] = append(mine[in], delivery{numbered: n, id: d.Message.ID, data: string(d.Data), replica: replica})
				index[in] = append(index[in], i)
			}
		}
		for in := range mine {
			for i, status := range in.take(mine[in]) {
				out[index[in][i]] = status
			}
		}
		return out
	})
}

// read is the suite's message in a delivery, also if it is a dead letter.
func (s *suite) read(d bus.Delivery) (numbered, bool) {
	switch body := d.Message.Body.(type) {
	case numbered:
		return body, true
	case message.DeadLetter:
		_, data, err := message.FromCloudEvent(body.Message)
		var n numbered
		return n, err == nil && json.Unmarshal(data, &n) == nil
	default:
		return numbered{}, false
	}
}

func (s *suite) inbox(run, app string) *inbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inboxes[run+"/"+app]
}

// delivery is one message as it was delivered.
type delivery struct {
	numbered
	id, data string
	replica  int
}

// inbox is what an app was given of one test's messages.
type inbox struct {
	mu     sync.Mutex
	got    []delivery
	count  map[int]int // deliveries of message N
	sizes  []int       // of the batches
	under  int         // batches that are not answered
	most   int         // of under
	answer answer
}

// answer gives what becomes of each delivery of a batch, which is in the inbox
// already.
type answer func(in *inbox, batch []delivery) []bus.Status

// always answers the same, when the gate is open; a nil gate always is.
func always(s bus.Status, gate <-chan struct{}) answer {
	return func(_ *inbox, batch []delivery) []bus.Status {
		if gate != nil {
			<-gate
		}
		return bus.All(len(batch), s)
	}
}

// retryIf answers RETRY for the messages that fail, else SUCCESS.
func retryIf(fails func(in *inbox, n int) bool) answer {
	return func(in *inbox, batch []delivery) []bus.Status {
		out := bus.All(len(batch), bus.Success)
		for i, d := range batch {
			if fails(in, d.N) {
				out[i] = bus.Retry
			}
		}
		return out
	}
}

// newGate is closed by open, or when the test ends.
func newGate(t *testing.T) (gate chan struct{}, open func()) {
	gate = make(chan struct{})
	open = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(open)
	return gate, open
}

// open makes the inbox of an app in a test; nil answers SUCCESS.
func (s *suite) open(run string, r Reader, answer answer) *inbox {
	in := &inbox{count: map[int]int{}, answer: answer}
	if answer == nil {
		in.answer = always(bus.Success, nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inboxes[run+"/"+r.App] = in
	return in
}

func (in *inbox) take(batch []delivery) []bus.Status {
	in.mu.Lock()
	in.got = append(in.got, batch...)
	for _, d := range batch {
		in.count[d.N]++
	}
	in.sizes = append(in.sizes, len(batch))
	in.under++
	in.most = max(in.most, in.under)
	in.mu.Unlock()
	out := in.answer(in, batch)
	in.mu.Lock()
	in.under--
	in.mu.Unlock()
	return out
}

// times is how often message n was delivered.
func (in *inbox) times(n int) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.count[n]
}

// all is everything that was delivered so far.
func (in *inbox) all() []delivery {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.got)
}

func (in *inbox) batches() []int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.sizes)
}

// concurrent is how many batches were under way at once, at most.
func (in *inbox) concurrent() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.most
}

// complete gives an error until each of the messages 0 … n-1 has come.
func (in *inbox) complete(n int) error { return in.completeIf(n, func(int) bool { return true }) }

func (in *inbox) completeIf(n int, wanted func(int) bool) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	var missing []int
	for i := range n {
		if wanted(i) && in.count[i] == 0 {
			missing = append(missing, i)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d of %d messages have not come: %v …", len(missing), n, missing[:min(len(missing), 5)])
	}
	return nil
}

// eventually waits until a condition gives no error.
func eventually(t *testing.T, condition func() error) {
	t.Helper()
	eventuallyWithin(t, within, condition)
}

func eventuallyWithin(t *testing.T, most time.Duration, condition func() error) {
	t.Helper()
	if err := untilWithin(t.Context(), most, condition); err != nil {
		t.Fatal(err)
	}
}

func until(ctx context.Context, condition func() error) error {
	return untilWithin(ctx, within, condition)
}

func untilWithin(ctx context.Context, most time.Duration, condition func() error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("not within %s", most))
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// newRun names the messages of one test.
func newRun() string { return uuid.NewString() }

// messages are the messages from … to-1 of a run, for one topic.
func messages(run string, r Reader, from, to int) []message.Message {
	out := make([]message.Message, 0, to-from)
	for n := from; n < to; n++ {
		out = append(out, message.Message{
			Meta: message.Meta{ID: id(run, n), CorrelationID: run, PartitionKey: key(n)},
			Body: numbered{Run: run, N: n},
			To:   &message.Address{Kind: r.Kind, Topic: r.Topic},
		})
	}
	return out
}

func id(run string, n int) string { return fmt.Sprintf("%s-%d", run, n) }

// keys is over how many partition keys a run's messages are spread.
const keys = 10

func key(n int) string { return fmt.Sprint("key-", n%keys) }

// publish publishes as the engine does: all again until the broker has all. It
// may be called from any goroutine.
func (s *suite) publish(t *testing.T, msgs []message.Message) {
	t.Helper()
	if err := until(t.Context(), func() error { return s.Publisher.Publish(t.Context(), msgs...) }); err != nil {
		t.Errorf("publish: %v", err)
	}
}

// publishSideBySide has the messages 0 … n-1 published by some publishers, so
// many with each call.
func (s *suite) publishSideBySide(t *testing.T, msgs []message.Message, publishers, atOnce int) {
	t.Helper()
	var all sync.WaitGroup
	for part := range slices.Chunk(msgs, len(msgs)/publishers) {
		all.Go(func() {
			for chunk := range slices.Chunk(part, atOnce) {
				s.publish(t, chunk)
			}
		})
	}
	all.Wait()
}
