package repeat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/repeat"
	"github.com/plenary/plenary/engine/state"
)

type (
	greet   struct{ Name string }
	greeted struct{ Name string }
)

func registry() *message.Registry {
	r := message.NewRegistry()
	message.Register[greet](r, "Greet.v1", message.Command, "greetings", nil)
	message.Register[greeted](r, "Greeted.v1", message.Event, "events", nil)
	return r
}

// world is an app, "sender", whose commands are read by "greeter" and whose events by
// "journal" and "process".
type world struct {
	t      *testing.T
	now    time.Time
	reg    *message.Registry
	keys   *countingStore
	sent   []message.Message
	broken error // of the bus

	has     map[string][]string // ids that a reader remembers
	stored  map[string][]string // ids that it finds when it looks
	lag     time.Duration
	away    map[string]bool // readers that cannot be asked
	byID    int             // questions by ids alone
	byEvent int             // messages that were asked for themselves
	events  []message.Message
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), reg: registry(), keys: &countingStore{Store: &state.Memory{}},
		has: map[string][]string{}, stored: map[string][]string{}, away: map[string]bool{},
	}
}

const after = 10 * time.Second

func (w *world) sender() *repeat.Sender {
	out := &bus.Outgoing{Registry: w.reg, Source: "sender", Now: w.clock}
	return repeat.NewSender(repeat.Sender{
		App: "sender", Registry: w.reg, Publisher: w, Encode: out.Encode, Asker: w, Stored: w, Keys: w.keys, Now: w.clock,
		Keeper: repeat.NewKeeper(after), Every: after / 2,
		Readers: func(topic string) []string {
			if topic == "events" {
				return []string{"journal", "process"}
			}
			return []string{"greeter"}
		},
	})
}

func (w *world) clock() time.Time { return w.now }

func (w *world) Publish(_ context.Context, msgs ...message.Message) error {
	if w.broken != nil {
		return w.broken
	}
	w.sent = append(w.sent, msgs...)
	return nil
}

func (w *world) Ask(_ context.Context, reader string, q repeat.Question) (repeat.Answer, error) {
	if w.away[reader] {
		return repeat.Answer{}, errors.New("away")
	}
	a := repeat.Answer{Lag: w.lag.Seconds()}
	for _, id := range q.IDs {
		if !slices.Contains(w.has[reader], id) {
			a.Unknown = append(a.Unknown, id)
		}
	}
	if len(q.IDs) > 0 {
		w.byID++
	}
	for _, raw := range q.Events {
		w.byEvent++
		m, _, err := message.FromCloudEvent(raw)
		if err != nil {
			w.t.Fatal(err)
		}
		if !slices.Contains(w.stored[reader], m.ID) {
			a.Unknown = append(a.Unknown, m.ID)
		}
	}
	return a, nil
}

func (w *world) Events(_ context.Context, _, stream string, from, to uint64) (out []message.Message, _ error) {
	for _, m := range w.events {
		if m.Stream == stream && m.StreamVersion >= from && m.StreamVersion <= to {
			out = append(out, m)
		}
	}
	return out, nil
}

type countingStore struct {
	state.Store
	reads, writes int
}

func (c *countingStore) Get(ctx context.Context, keys []string) (map[string]state.Entry, error) {
	c.reads++
	return c.Store.Get(ctx, keys)
}

func (c *countingStore) Save(ctx context.Context, w []state.Write) []error {
	c.writes++
	return c.Store.Save(ctx, w)
}

// publish publishes and forgets what was published. Events are in their streams.
func (w *world) publish(s *repeat.Sender, msgs ...message.Message) {
	w.t.Helper()
	for _, m := range msgs {
		if repeat.IsInStream(m.Meta) {
			w.events = append(w.events, m)
		}
	}
	if err := s.Publish(w.t.Context(), msgs...); err != nil {
		w.t.Fatal(err)
	}
	w.sent = nil
}

// sweep lets time pass and sweeps, and gives the ids of what was sent again.
func (w *world) sweep(s *repeat.Sender, pass time.Duration) (ids []string) {
	w.now, w.sent = w.now.Add(pass), nil
	s.Sweep(w.t.Context())
	for _, m := range w.sent {
		ids = append(ids, m.ID)
	}
	return ids
}

func command(id string) message.Message {
	return message.Message{Meta: message.Meta{ID: id}, Body: greet{id}}
}

func event(stream string, version uint64) message.Message {
	id := fmt.Sprintf("%s/%d", stream, version)
	return message.Message{
		Meta: message.Meta{ID: id, Type: "Greeted.v1", Stream: stream, StreamVersion: version, Tenant: "main"},
		Body: json.RawMessage(`{"Name":"` + id + `"}`), To: &message.Address{Kind: message.Event, Topic: "events"},
	}
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // what is lost is what these tests are about
	os.Exit(m.Run())
}

func TestWhatAReaderDoesNotHaveIsSentAgainUntilItDoes(t *testing.T) {
	w := newWorld(t)
	s := w.sender()
	w.publish(s, command("a"), command("b"))
	sentAt := w.now
	w.stored["greeter"] = []string{"b"}
	if got := w.sweep(s, after-time.Second); len(got) > 0 || w.byID > 0 {
		t.Fatalf("before its time %v was sent again, and %d questions asked", got, w.byID)
	}
	if got := w.sweep(s, time.Second); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("sent again: %v", got)
	}
	if m := w.sent[0]; m.Repeated != 1 || !m.Time.Equal(sentAt) || m.Body != (greet{"a"}) {
		t.Errorf("sent again: %+v", m)
	}
	// Each pause is twice as long as the one before.
	if got := w.sweep(s, 2*after-time.Second); len(got) > 0 {
		t.Errorf("too early: %v", got)
	}
	if got := w.sweep(s, time.Second); !slices.Equal(got, []string{"a"}) || w.sent[0].Repeated != 2 {
		t.Errorf("sent again: %+v", w.sent)
	}
	w.stored["greeter"] = []string{"a", "b"}
	if got := w.sweep(s, 4*after); len(got) > 0 || s.Keeper.Len() > 0 {
		t.Errorf("sent although it is there: %v; %d are kept", got, s.Keeper.Len())
	}
}

func TestAnEventIsForEachOfItsReaders(t *testing.T) {
	w := newWorld(t)
	s := w.sender()
	w.publish(s, event("greeting/x", 1), event("greeting/x", 2))
	w.has["journal"] = []string{"greeting/x/1", "greeting/x/2"}
	w.has["process"] = []string{"greeting/x/1"}
	if got := w.sweep(s, after); !slices.Equal(got, []string{"greeting/x/2"}) {
		t.Fatalf("sent again: %v", got)
	}
	if w.byEvent != 1 {
		t.Errorf("%d messages were looked for, of which one is not remembered", w.byEvent)
	}
	w.has["process"] = append(w.has["process"], "greeting/x/2")
	if w.sweep(s, 2*after); s.Keeper.Len() > 0 {
		t.Errorf("%d are kept", s.Keeper.Len())
	}
}

// The way of a message that is not lost costs no write, no read but one a minute, and
// one question for any number of messages to each reader.
func TestWhatIsNotLostCostsNoCallOfItsOwn(t *testing.T) {
	w := newWorld(t)
	s := w.sender()
	for i := range 500 {
		m := event("greeting/x", uint64(i+1))
		w.publish(s, m)
		for _, reader := range []string{"journal", "process"} {
			w.has[reader] = append(w.has[reader], m.ID)
		}
	}
	if got := w.sweep(s, after); len(got) > 0 || s.Keeper.Len() > 0 {
		t.Errorf("sent again: %v; %d are kept", got, s.Keeper.Len())
	}
	if w.byID != 2 || w.byEvent != 0 || w.keys.writes != 0 {
		t.Errorf("%d questions, %d messages looked for, %d writes", w.byID, w.byEvent, w.keys.writes)
	}
}

func TestAnEventSaysThatTheCommandArrivedThatItComesOf(t *testing.T) {
	w := newWorld(t)
	s := w.sender()
	w.publish(s, command("a"), command("b"))
	r := &repeat.Reader{App: "sender", Registry: w.reg, Now: w.clock, Heard: func(ids []string) { s.Keeper.Has("", ids...) }}
	handler := r.Watch(bus.HandlerFunc(func(_ context.Context, batch []bus.Delivery) []bus.Status { return bus.All(len(batch), bus.Success) }))
	of := func(id, source string, version uint64) bus.Delivery {
		return bus.Delivery{Message: message.Message{Meta: message.Meta{ID: "of " + id, StreamVersion: version, Time: w.now, Cause: message.Cause{ID: id, Source: source}}}}
	}
	// Another's command of that id, and a command that comes of an event, say nothing.
	handler.HandleBatch(t.Context(), []bus.Delivery{of("a", "sender", 1), of("b", "other", 1), of("b", "sender", 0)})
	if got := w.sweep(s, after); !slices.Equal(got, []string{"b"}) || w.byID != 1 {
		t.Errorf("sent again: %v, with %d questions", got, w.byID)
	}
}

func TestRepeatsAreBounded(t *testing.T) {
	w := newWorld(t)
	s := w.sender()
	for i := range 2500 {
		w.publish(s, command(fmt.Sprint(i)))
	}
	first := w.sweep(s, after)
	if len(first) == 0 || len(first) > 300 || w.byEvent > 2000 {
		t.Fatalf("%d are sent again at once, %d looked for", len(first), w.byEvent)
	}
	seen := map[string]int{}
	for range 5000 {
		for _, id := range w.sweep(s, after/2) {
			seen[id]++
		}
	}
	if len(seen) != 2500 || s.Keeper.Len() != 0 {
		t.Errorf("%d of 2500 were sent again, %d are still kept", len(seen), s.Keeper.Len())
	}
	for id, n := range seen {
		if n > 13 {
			t.Fatalf("message %s was sent again %d times", id, n)
		}
	}
}

func TestAReaderThatLagsBehindGetsNothingAgain(t *testing.T) {
	w := newWorld(t)
	s := w.sender()
	w.publish(s, command("a"))
	w.lag = time.Minute
	for range 12 {
		if got := w.sweep(s, after); len(got) > 0 {
			t.Fatalf("sent again: %v", got)
		}
	}
	if got := w.sweep(s, 2*after); len(got) != 1 {
		t.Errorf("what is older than twice the lag is not sent again: %v", got)
	}
}

func TestAReaderThatCannotBeAskedIsAskedLater(t *testing.T) {
	w := newWorld(t)
	s := w.sender()
	w.publish(s, command("a"), event("greeting/x", 1))
	w.away["greeter"], w.away["journal"], w.has["process"] = true, true, []string{"greeting/x/1"}
	for range 50 {
		if got := w.sweep(s, after); len(got) > 0 {
			t.Fatalf("sent again: %v", got)
		}
	}
	w.away, w.broken = map[string]bool{}, errors.New("no broker")
	for range 50 {
		w.sweep(s, after)
	}
	w.broken = nil
	if got := w.sweep(s, after); len(got) != 2 || w.sent[0].Repeated != 1 {
		t.Errorf("sent again: %v, as number %d", got, w.sent[0].Repeated)
	}
}

func TestEventsForWhichThereIsNoRoomAreReadAgain(t *testing.T) {
	w := newWorld(t)
	s := w.sender()
	large := json.RawMessage(`{"Name":"` + fmt.Sprintf("%0100000d", 1) + `"}`)
	for i := range 150 {
		m := event("greeting/x", uint64(i+1))
		m.Body = large // so large that they could not all be kept
		w.publish(s, m)
		for _, reader := range []string{"journal", "process"} {
			if i != 140 {
				w.has[reader] = append(w.has[reader], m.ID)
			}
		}
	}
	if got := w.sweep(s, after); !slices.Equal(got, []string{"greeting/x/141"}) || w.sent[0].Body == nil {
		t.Errorf("sent again: %v", got)
	}
}

func TestWhatIsKeptIsBoundedInBytes(t *testing.T) {
	k := repeat.NewKeeper(after)
	now, kept := time.Now(), 0
	for i := range 100_000 {
		if k.Keep(now, command(fmt.Sprint(i)), []string{"greeter"}) {
			kept++
		}
	}
	if kept != k.Len() || kept < 10_000 || kept > 40_000 {
		t.Errorf("%d messages are kept, and %d were said to be", k.Len(), kept)
	}
	for i := range kept {
		k.Has("greeter", fmt.Sprint(i))
	}
	if k.Len() != 0 || !k.Keep(now, command("next"), []string{"greeter"}) {
		t.Errorf("%d messages are kept, and there is no room", k.Len())
	}
}

// A replica that ends leaves what was under way to another; and one that is killed, what
// was under way for so long that it is lost.
func TestWhatWasUnderWayOutlivesItsReplica(t *testing.T) {
	for name, killed := range map[string]bool{"ended": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first := w.sender()
			w.publish(first, command("a"), event("greeting/x", 1), event("refusal/b", 1))
			w.events = []message.Message{event("greeting/x", 1)}
			if killed {
				w.now = w.now.Add(3 * after)
				if err := run(t, first, w.keys, false); err != nil {
					t.Fatal(err)
				}
				w.now = w.now.Add(2 * time.Minute)
			} else if err := run(t, first, w.keys, true); err != nil {
				t.Fatal(err)
			}
			second := w.sender()
			if err := run(t, second, w.keys, false); err != nil {
				t.Fatal(err)
			}
			got := w.sweep(second, after)
			slices.Sort(got)
			if !slices.Equal(got, []string{"a", "greeting/x/1", "refusal/b/1"}) {
				t.Errorf("sent again: %v", got)
			}
			for _, m := range w.sent {
				if m.Body == nil {
					t.Errorf("%s was sent without its body", m.ID)
				}
			}
		})
	}
}

// run runs a sender until it has looked at its notes. One that ends leaves its own.
func run(t *testing.T, s *repeat.Sender, keys *countingStore, ends bool) error {
	ctx, cancel := context.WithCancel(t.Context())
	if ends {
		cancel()
		return s.Run(ctx)
	}
	defer cancel()
	s.KeepNotes(ctx)
	if keys.reads == 0 {
		t.Error("no notes were looked at")
	}
	return nil
}

func TestAReaderAnswersFromMemoryAndThenFromItsStore(t *testing.T) {
	w := newWorld(t)
	r := &repeat.Reader{App: "greeter", Registry: w.reg, Now: w.clock}
	fails := false
	handler := r.Watch(bus.HandlerFunc(func(_ context.Context, batch []bus.Delivery) []bus.Status {
		if fails {
			return bus.All(len(batch), bus.Retry)
		}
		return bus.All(len(batch), bus.Success)
	}))
	deliver := func(id string, old time.Duration) {
		handler.HandleBatch(t.Context(), []bus.Delivery{{Message: message.Message{Meta: message.Meta{ID: id, Time: w.now.Add(-old)}}}})
	}
	deliver("handled", time.Second)
	fails = true
	deliver("left", 40*time.Second)

	looked := 0
	knower := knowerFunc(func(_ context.Context, all []bus.Delivery) ([]bool, error) {
		looked += len(all)
		known := make([]bool, len(all))
		for i, d := range all {
			known[i] = d.Message.Body == (greet{"stored"})
		}
		return known, nil
	})
	a, err := r.Answer(t.Context(), knower, repeat.Question{IDs: []string{"handled", "left", "stored"}})
	if err != nil || !slices.Equal(a.Unknown, []string{"left", "stored"}) || looked > 0 || a.Lag != 40 {
		t.Fatalf("%+v, %v, %d looked for", a, err, looked)
	}
	out := &bus.Outgoing{Registry: w.reg, Source: "sender", Now: w.clock}
	var q repeat.Question
	for _, id := range []string{"handled", "left", "stored"} {
		e, err := out.Encode(t.Context(), command(id))
		if err != nil {
			t.Fatal(err)
		}
		q.Events = append(q.Events, e.Event)
	}
	a, err = r.Answer(t.Context(), knower, q)
	if err != nil || !slices.Equal(a.Unknown, []string{"left"}) || looked != 2 {
		t.Errorf("%+v, %v, %d looked for", a, err, looked)
	}
	w.now = w.now.Add(time.Hour)
	a, err = r.Answer(t.Context(), knower, repeat.Question{IDs: []string{"stored"}})
	if err != nil || len(a.Unknown) > 0 || a.Lag != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

type knowerFunc func(context.Context, []bus.Delivery) ([]bool, error)

func (f knowerFunc) Known(ctx context.Context, all []bus.Delivery) ([]bool, error) {
	return f(ctx, all)
}

func TestAReaderMayAskForWhatItLacks(t *testing.T) {
	w := newWorld(t)
	s := w.sender()
	for v := range uint64(5) {
		w.events = append(w.events, event("greeting/x", v+1))
	}
	ask := func(body string) int {
		recorder := httptest.NewRecorder()
		router := gin.New()
		router.POST(repeat.AgainRoute, s.ServeAgain)
		router.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, repeat.AgainRoute, strings.NewReader(body)))
		return recorder.Code
	}
	if got := ask(`{"streams":[{"tenant":"main","stream":"greeting/x","after":3},{"tenant":"main","stream":"greeting/y","after":0}]}`); got != http.StatusNoContent {
		t.Fatalf("answered %d", got)
	}
	if len(w.sent) != 2 || w.sent[0].ID != "greeting/x/4" || w.sent[1].ID != "greeting/x/5" || w.sent[0].Repeated != 1 {
		t.Errorf("sent: %v", w.sent)
	}
	w.broken = errors.New("no broker")
	for body, want := range map[string]int{
		`{"streams":[{"tenant":"main","stream":"greeting/x","after":3}]}`:            http.StatusServiceUnavailable,
		`{"streams":[` + strings.Repeat(`{"stream":"x"},`, 100) + `{"stream":"x"}]}`: http.StatusBadRequest,
		`no JSON`: http.StatusBadRequest,
	} {
		if got := ask(body); got != want {
			t.Errorf("%.60s is answered %d, want %d", body, got, want)
		}
	}
}
