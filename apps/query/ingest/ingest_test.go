package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/ingest"
	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/tracing"
)

var (
	registry = contracts.Registry()
	noon     = time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)
)

func now() time.Time { return noon }

func open(t *testing.T, hub *live.Hub) (*store.Late, *store.Store) {
	t.Helper()
	s, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "query.db"), registry, hub)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	late := store.NewLate()
	late.Set(s)
	return late, s
}

func delivery(t *testing.T, stream string, version uint64, body any) bus.Delivery {
	t.Helper()
	m := message.Message{Meta: message.Meta{
		ID: uuid.NewString(), Source: "order", Stream: stream, Time: noon, Tenant: message.DefaultTenant, StreamVersion: version,
		Cause: message.Cause{ID: "command of " + stream},
	}, Body: body}
	var err error
	var data []byte
	if m.Type, data, err = registry.Encode(m.Meta, body); err != nil {
		t.Fatal(err)
	}
	return bus.Delivery{Message: m, Data: data, Topic: contracts.TopicEvents}
}

func placed(order uuid.UUID) contracts.OrderPlaced {
	return contracts.OrderPlaced{OrderID: order, ConferenceID: uuid.New(), Version: 1, Deadline: noon, Locator: "SECRETLY",
		Items: contracts.Seats{{SeatType: uuid.New(), Quantity: 1}}}
}

// logs are what is logged until the test ends.
func logs(t *testing.T) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &out
}

func TestBatchIsAcknowledgedOnceItIsCommitted(t *testing.T) {
	hub := live.NewHub()
	late, s := open(t, hub)
	events := ingest.Events{Store: late, Now: now}
	order, payment := uuid.New(), uuid.New()
	name := "order/" + order.String()
	var told []*live.Waiter
	for _, key := range []string{
		live.OrderKey(message.DefaultTenant, order.String()),
		live.CommandKey(message.DefaultTenant, "command of "+name),
		live.ConferenceKey(message.DefaultTenant, "c"),
	} {
		told = append(told, hub.Wait(key))
	}

	early := delivery(t, name, 2, contracts.OrderExpired{OrderID: order})
	if got := events.HandleBatch(context.Background(), []bus.Delivery{early}); got[0] != bus.Success {
		t.Fatalf("an event that came early: %v", got)
	}
	for _, w := range told {
		select {
		case <-w.Changed:
			t.Error("told of an event that waits")
		default:
		}
	}
	got := events.HandleBatch(context.Background(), []bus.Delivery{
		delivery(t, name, 1, placed(order)),
		delivery(t, "payment/"+payment.String(), 1, contracts.PaymentInitiated{PaymentID: payment, OrderID: order, Version: 1, Amount: contracts.Money{Currency: "USD"}}),
		delivery(t, "seats/c", 1, contracts.AvailableSeatsChanged{}),
	})
	if !slices.Equal(got, bus.All(3, bus.Success)) {
		t.Fatalf("statuses: %v", got)
	}
	for i, w := range told {
		select {
		case <-w.Changed:
		default:
			t.Errorf("waiter %d was not told", i)
		}
	}
	o, err := s.Order(context.Background(), message.DefaultTenant, order)
	if err != nil || o.Status != view.OrderExpired || len(o.Payments) != 1 {
		t.Errorf("order: %+v, %v", o, err)
	}
}

func TestDatabaseThatFailsAsksForTheBatchAgain(t *testing.T) {
	late, s := open(t, live.NewHub())
	events := ingest.Events{Store: late, Now: now}
	letters := ingest.DeadLetters{Store: late, Now: now}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	order := uuid.New()
	out := logs(t)
	got := events.HandleBatch(context.Background(), []bus.Delivery{delivery(t, "order/"+order.String(), 1, placed(order))})
	got = append(got, letters.HandleBatch(context.Background(), []bus.Delivery{letter("1", message.DeadLetter{Message: []byte("x")})})...)
	if !slices.Equal(got, bus.All(2, bus.Retry)) {
		t.Errorf("statuses: %v", got)
	}
	if strings.Contains(out.String(), "SECRETLY") {
		t.Error("personal data in the log")
	}
}

func TestBatchWaitsForTheDatabaseAndIsAskedForAgain(t *testing.T) {
	events := ingest.Events{Store: store.NewLate(), Now: now}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	order := uuid.New()
	if got := events.HandleBatch(ctx, []bus.Delivery{delivery(t, "order/"+order.String(), 1, placed(order))}); got[0] != bus.Retry {
		t.Errorf("status: %v", got)
	}
}

// An event that the journal cannot take becomes a dead letter, and holds up no
// other.
func TestEventThatCannotBeStoredBecomesADeadLetter(t *testing.T) {
	late, s := open(t, live.NewHub())
	ctx := context.Background()
	out := logs(t)
	events := ingest.Events{Store: late, Now: now}
	order := uuid.New()
	unnumbered := delivery(t, "order/"+order.String(), 0, placed(order))
	foreign := delivery(t, "order/"+order.String(), 2, placed(order))
	foreign.Message.Tenant = strings.Repeat("\x00x", 4000)
	batch := []bus.Delivery{
		unnumbered,
		delivery(t, "", 1, placed(order)),
		delivery(t, "order/"+strings.Repeat("x", 513), 1, placed(order)),
		delivery(t, "order/\x00", 1, placed(order)),
		delivery(t, "order/\xff", 1, placed(order)),
		foreign,
		delivery(t, "", 0, message.Discarded{Stream: "registration/x"}), // for another handler
		delivery(t, "order/"+order.String(), 1, placed(order)),
	}
	for range 2 {
		if got := events.HandleBatch(ctx, batch); !slices.Equal(got, bus.All(len(batch), bus.Success)) {
			t.Fatalf("statuses: %v", got)
		}
	}
	list, err := s.DeadLetters(ctx, message.DefaultTenant, store.LetterFilter{Status: view.DeadLetterOpen}, store.Cursor{}, 10)
	if err != nil || len(list.DeadLetters) != 5 {
		t.Fatalf("dead letters: %+v, %v", list, err)
	}
	i := slices.IndexFunc(list.DeadLetters, func(l view.DeadLetter) bool { return l.MessageID == unnumbered.Message.ID })
	l, err := s.DeadLetter(ctx, message.DefaultTenant, list.DeadLetters[i].ID)
	if err != nil || l.Topic != contracts.TopicEvents || !bytes.Contains(l.Message, []byte("SECRETLY")) {
		t.Errorf("dead letter: %+v, %v", l, err)
	}
	if _, err := s.Order(ctx, message.DefaultTenant, order); err != nil {
		t.Errorf("the event with a place: %v", err)
	}
	if strings.Contains(out.String(), "SECRETLY") {
		t.Error("personal data in the log")
	}
}

func letter(id string, l message.DeadLetter) bus.Delivery {
	return bus.Delivery{Message: message.Message{Meta: message.Meta{ID: id, Tenant: message.DefaultTenant}, Body: l}}
}

func TestDeadLettersAreKeptOnceAndAsTheyCame(t *testing.T) {
	late, s := open(t, live.NewHub())
	ctx := context.Background()
	handler := ingest.DeadLetters{Store: late, Now: now}
	batch := []bus.Delivery{
		letter("1", message.DeadLetter{MessageID: "m", MessageType: "ConfirmOrder.v1", Topic: "orders", Kind: message.Command, App: "order",
			Stream: "order/x", Reason: "panic", Attempts: 5, At: noon, Message: []byte(`{"id":"m"}`)}),
		letter("2", message.DeadLetter{Reason: "given up by the sidecar", At: noon.Add(time.Second), Message: []byte{0xff, 0x00, '<'}}),
	}
	for range 2 {
		if got := handler.HandleBatch(ctx, batch); !slices.Equal(got, bus.All(2, bus.Success)) {
			t.Fatalf("statuses: %v", got)
		}
	}
	list, err := s.DeadLetters(ctx, message.DefaultTenant, store.LetterFilter{}, store.Cursor{}, 10)
	if err != nil || len(list.DeadLetters) != 2 || list.DeadLetters[0].ID != "2" || list.DeadLetters[1].Message != nil {
		t.Fatalf("list: %+v, %v", list, err)
	}
	l, err := s.DeadLetter(ctx, message.DefaultTenant, "1")
	if v := l.View(); err != nil || v.Handler != "order" || v.Attempts != 5 || v.Reason != "panic" || string(v.Message) != `{"id":"m"}` || v.Raw != nil {
		t.Errorf("letter: %+v, %v", v, err)
	}
	l, err = s.DeadLetter(ctx, message.DefaultTenant, "2")
	if v := l.View(); err != nil || !bytes.Equal(v.Raw, []byte{0xff, 0x00, '<'}) || v.Message != nil {
		t.Errorf("letter: %+v, %v", v, err)
	}
}

func TestResend(t *testing.T) {
	meta := message.Meta{ID: "old", Type: "CancelOrder.v1", Source: "web", Time: noon, Tenant: "main", CorrelationID: "c", TraceParent: tracing.Untraced()}
	event, err := message.ToCloudEvent(meta, []byte(`{"orderId":"6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"}`))
	if err != nil {
		t.Fatal(err)
	}
	unknown := bytes.ReplaceAll(event, []byte("CancelOrder.v1"), []byte("SomethingElse.v1"))
	for _, tc := range []struct {
		name   string
		letter store.Letter
		to     message.Address
		err    error
	}{
		{"to the topic it came from", store.Letter{ID: "l", DeadLetter: message.DeadLetter{App: "order", Kind: message.Command, Topic: "orders", Message: event}},
			message.Address{Kind: message.Command, Topic: "orders"}, nil},
		{"to no topic that its type does not belong to", store.Letter{ID: "l", DeadLetter: message.DeadLetter{App: "query", Kind: message.Event, Topic: "events", Message: event}},
			message.Address{}, ingest.ErrNotResendable},
		{"of an unknown type, wherever it says it came from", store.Letter{ID: "l", DeadLetter: message.DeadLetter{App: "order", Kind: message.Command, Topic: "orders", Message: unknown}},
			message.Address{}, ingest.ErrNotResendable},
		{"from the sidecar, to the topic of its type", store.Letter{ID: "l", DeadLetter: message.DeadLetter{App: "order", Message: event}},
			message.Address{Kind: message.Command, Topic: contracts.TopicOrders}, nil},
		{"from the sidecar, of an unknown type", store.Letter{ID: "l", DeadLetter: message.DeadLetter{App: "order", Message: unknown}},
			message.Address{}, ingest.ErrNotResendable},
		{"what was too large for a letter", store.Letter{ID: "l", DeadLetter: message.DeadLetter{App: "order", Topic: "orders", Message: event, Truncated: true}},
			message.Address{}, ingest.ErrNotResendable},
		{"what is no message", store.Letter{ID: "l", DeadLetter: message.DeadLetter{App: "order", Topic: "orders", Message: []byte("<xml/>")}},
			message.Address{}, ingest.ErrNotResendable},
		{"which the app that gave it up does not read", store.Letter{ID: "l", DeadLetter: message.DeadLetter{App: "seats", Kind: message.Command, Topic: "orders", Message: event}},
			message.Address{}, ingest.ErrNotResendable},
		{"given up by no app that there is", store.Letter{ID: "l", DeadLetter: message.DeadLetter{App: "elsewhere", Kind: message.Command, Topic: "orders", Message: event}},
			message.Address{}, ingest.ErrNotResendable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := ingest.Resend(registry, tc.letter)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err != nil {
				return
			}
			again, _ := ingest.Resend(registry, tc.letter)
			tc.letter.Sends++ // it was lost on its way, perhaps
			if later, _ := ingest.Resend(registry, tc.letter); later.ID == m.ID || later.OriginalID != "old" {
				t.Errorf("sent later: %+v", later.Meta)
			}
			if *m.To != tc.to || m.OriginalID != "old" || m.ID == "old" || m.ID != again.ID {
				t.Errorf("sent %+v to %+v", m.Meta, *m.To)
			}
			if m.CorrelationID != "c" || m.TraceParent != meta.TraceParent || !bytes.Contains(m.Body.(json.RawMessage), []byte("6f2c0d5e")) {
				t.Errorf("sent %+v", m)
			}
		})
	}
}

// A letter is settled when its app has handled what was sent for it, or when that
// has become another letter.
func TestDeadLetterIsSettledByItsAppOnly(t *testing.T) {
	late, s := open(t, live.NewHub())
	ctx := t.Context()
	handler := ingest.DeadLetters{Store: late, Now: now}
	handle := func(batch ...bus.Delivery) {
		t.Helper()
		if got := handler.HandleBatch(ctx, batch); !slices.Equal(got, bus.All(len(batch), bus.Success)) {
			t.Fatalf("statuses: %v", got)
		}
	}
	settled := func(app, id string) bus.Delivery {
		return bus.Delivery{Message: message.Message{Body: message.Settled{MessageID: id, App: app}}}
	}
	read := func(id string) store.Letter {
		t.Helper()
		l, err := s.DeadLetter(ctx, message.DefaultTenant, id)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, id := range []string{"a", "b"} {
		handle(letter(id, message.DeadLetter{MessageID: "m" + id, Topic: "orders", App: "order", Stream: "order/x", Reason: "panic", At: noon, Message: []byte("{}")}))
		if err := s.CloseDeadLetter(ctx, read(id), view.DeadLetterRetried, "sent "+id, false, noon); err != nil {
			t.Fatal(err)
		}
	}
	handle(settled("registration-process", "sent a"), settled("order", "something else"))
	if l := read("a"); !l.SettledAt.IsZero() {
		t.Errorf("settled by another app: %+v", l)
	}
	handle(settled("order", "sent a"))
	if l := read("a"); !l.SettledAt.Equal(noon) || l.CameBack != "" {
		t.Errorf("settled: %+v", l)
	}
	later := noon.Add(time.Minute)
	handle(letter("c", message.DeadLetter{MessageID: "sent b", OriginalID: "mb", Topic: "orders", App: "order", Reason: "malformed", At: later, Message: []byte("{}")}))
	if l := read("b"); l.CameBack != "c" || !l.SettledAt.Equal(later) {
		t.Errorf("came back: %+v", l)
	}
	if l := read("c"); !l.SettledAt.IsZero() || l.Original() != "mb" {
		t.Errorf("the new one: %+v", l)
	}
}

// An event that was sent back is the event that it was, and settles its letter.
func TestEventThatIsSentBackIsTheSameEvent(t *testing.T) {
	late, s := open(t, live.NewHub())
	ctx := t.Context()
	order := uuid.New()
	events := ingest.Events{Store: late, Now: now}
	l := store.Letter{ID: "l", Tenant: message.DefaultTenant, DeadLetter: message.DeadLetter{MessageID: "first", Topic: "events", App: "query", At: noon, Message: []byte("{}")}}
	if err := errors.Join(s.KeepDeadLetters(ctx, []store.Letter{l}), s.CloseDeadLetter(ctx, l, view.DeadLetterRetried, "second", false, noon)); err != nil {
		t.Fatal(err)
	}
	d := delivery(t, "order/"+order.String(), 1, placed(order))
	d.Message.ID, d.Message.OriginalID = "second", "first"
	if got := events.HandleBatch(ctx, []bus.Delivery{d}); got[0] != bus.Success {
		t.Fatal(got)
	}
	story, err := s.Timeline(ctx, message.DefaultTenant, order, store.Cursor{}, 1000)
	if err != nil || !slices.ContainsFunc(story.Entries, func(e view.TimelineEntry) bool { return e.ID == "first" }) {
		t.Errorf("timeline: %+v, %v", story, err)
	}
	if l, err := s.DeadLetter(ctx, message.DefaultTenant, "l"); err != nil || l.SettledAt.IsZero() {
		t.Errorf("letter: %+v, %v", l, err)
	}
}

func TestDiscardLetsWhatWaitsGoOn(t *testing.T) {
	m, ok := ingest.Discard(store.Letter{ID: "l", Tenant: "main", DeadLetter: message.DeadLetter{
		MessageID: "old", Stream: "order/x", Kind: message.Command, Topic: contracts.TopicOrders,
	}})
	if !ok || m.OriginalID != "old" || m.Body != (message.Discarded{Stream: "order/x"}) || m.To.Topic != contracts.TopicOrders {
		t.Errorf("%+v, %v", m, ok)
	}
	if _, ok := ingest.Discard(store.Letter{ID: "l", DeadLetter: message.DeadLetter{MessageID: "old"}}); ok {
		t.Error("nothing waits behind a message of no stream")
	}
}
