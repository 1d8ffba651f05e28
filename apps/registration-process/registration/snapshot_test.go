package registration_test

import (
	"context"
	"crypto/rand"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/membus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// What 0.3.0 stored of the process must stay readable: one with a payment in
// every state, and one that waits for OrderPlaced.
func TestStateOfEachVersionIsRead(t *testing.T) {
	p := registration.Process(cfg)
	given := uuid.MustParse("b0000000-0000-4000-8000-000000000003")
	open := uuid.MustParse("b0000000-0000-4000-8000-000000000004")
	asked := uuid.MustParse("b0000000-0000-4000-8000-000000000005")

	version := uint64(0)
	var sent []es.Sent
	step := func(state *registration.Registration, message any) *registration.Registration {
		version++
		out := es.NewOutbox("main/registration/"+order.String(), version)
		state = p.Step(state, es.Input{ID: "message", Now: grace, Message: message}, out)
		sent = append(sent, out.Commands()...)
		return state
	}
	refuse := func(code es.Code) es.CommandRejected {
		return es.CommandRejected{CommandID: sent[len(sent)-1].ID, CommandType: "ConfirmOrder.v1", Code: code}
	}

	state := p.New()
	for _, m := range []any{placed, updated(2, three), reserved(2, two), initiated(given), givenUp(given), initiated(open), completed(p1)} {
		state = step(state, m)
	}
	state = step(state, refuse(paidTooFew))
	state = step(state, completed(p2))
	state = step(state, refuse(refusal.OrderExpired))
	state = step(state, reserved(3, two))
	state = step(state, completed(asked))
	estest.Snapshot(t, "testdata/0.3.0/state.json", p.New, state)

	state = p.New()
	for _, m := range []any{initiated(p1), completed(p1), updated(2, three)} {
		state = step(state, m)
	}
	estest.Snapshot(t, "testdata/0.3.0/kept.json", p.New, state)
}

var writeDocuments = flag.Bool("write-documents", false, "write the stored process of this version anew; only before it is released")

// app is the engine of a replica that has just started, with its configuration.
type app struct {
	t      *testing.T
	keys   *state.Memory
	bus    *membus.Bus
	engine *handling.Engine
	now    time.Time
	woken  es.Wake
}

func (a *app) Wake(_ context.Context, _ stream.Key, w es.Wake) error {
	a.woken = w
	return nil
}

func (a *app) start(cfg registration.Config) {
	clock := func() time.Time { return a.now }
	registry := contracts.Registry()
	a.bus = membus.New(registry, "registration-process", clock)
	a.engine = handling.New(handling.Options{
		App: "registration-process", Registry: registry, Keys: a.keys, Publisher: a.bus, Waker: a, Now: clock, Random: rand.Reader,
	})
	handling.Process(a.engine, registration.Process(cfg))
}

// handle gives the app a message, and returns what it sends because of it.
func (a *app) handle(body any) (sent []any) {
	a.t.Helper()
	registry := contracts.Registry()
	if _, ok := body.(es.WakeUp); ok {
		if err := a.engine.Wake(a.t.Context(), "main", []string{order.String()}); err != nil {
			a.t.Fatal(err)
		}
	} else {
		out := bus.Outgoing{Registry: registry, Source: "test", Now: func() time.Time { return a.now }}
		e, err := out.Encode(a.t.Context(), message.Message{Meta: message.Meta{ID: uuid.NewString(), CorrelationID: order.String()}, Body: body})
		if err != nil {
			a.t.Fatal(err)
		}
		d, err := membus.Decode(registry, e)
		if err != nil {
			a.t.Fatal(err)
		}
		if s := a.engine.HandleBatch(a.t.Context(), []bus.Delivery{d}); s[0] != bus.Success {
			a.t.Fatalf("%T: %v", body, s[0])
		}
	}
	for _, e := range a.bus.Take() {
		d, err := membus.Decode(registry, e)
		if err != nil {
			a.t.Fatal(err)
		}
		sent = append(sent, d.Message.Body)
	}
	return sent
}

const documents = "testdata/*/document.json"

// Whatever version stored a process, and whatever it was configured with then: it
// goes on from where it was. Here it waits for a payment that is open when the hold
// is over; the grace that it has is the five minutes it began with, though the app
// is configured with one minute today, and the wake-up at the deadline came late.
func TestAProcessGoesOnFromWhatEachVersionStored(t *testing.T) {
	key := "main/registration/" + order.String()
	if *writeDocuments {
		a := &app{t: t, keys: &state.Memory{}, now: noon}
		a.start(cfg)
		for _, m := range []any{placed, reserved(1, two), initiated(p2)} {
			a.handle(m)
		}
		a.now = deadline.Add(2 * time.Minute)
		a.handle(wakeUp)
		got, err := a.keys.Get(t.Context(), []string{key})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/0.3.0/document.json", got[key].Value, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(documents)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			stored, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a := &app{t: t, keys: &state.Memory{}, now: deadline.Add(3 * time.Minute)}
			if err := a.keys.Save(t.Context(), []state.Write{{Key: key, Value: stored}})[0]; err != nil {
				t.Fatal(err)
			}
			impatient := cfg
			impatient.Hold, impatient.Grace = time.Minute, time.Minute
			a.start(impatient)
			for range 3 {
				if sent := a.handle(wakeUp); has[contracts.ExpireOrder](sent) {
					t.Fatalf("it is left alone until its grace is over, and sent %+v", sent)
				}
			}
			if !a.woken.At.Equal(grace.Add(cfg.Leeway)) {
				t.Errorf("woken at %v, want %v", a.woken.At, grace.Add(cfg.Leeway))
			}
			a.now = grace
			if sent := a.handle(wakeUp); !has[contracts.ExpireOrder](sent) {
				t.Fatalf("its grace is over, and it sent %+v", sent)
			}
			a.start(impatient)
			for _, m := range a.handle(expired) {
				if cancel, ok := m.(contracts.CancelSeatReservation); ok {
					if want := release(1, grace); cancel != want {
						t.Errorf("it sent %+v, want %+v: else the request that it must stop can still be served", cancel, want)
					}
					return
				}
			}
			t.Error("the seats were not given back")
		})
	}
}

func has[M any](messages []any) bool {
	for _, m := range messages {
		if _, ok := m.(M); ok {
			return true
		}
	}
	return false
}
