package timeout_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/stream"
	"github.com/plenary/plenary/engine/timeout"
)

// book notes what the scheduler was asked, and takes its time.
type book struct {
	client.Client
	takes time.Duration

	mu    sync.Mutex
	asked []string
}

func (b *book) note(what string) error {
	<-time.After(b.takes)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, what)
	return nil
}

func (b *book) RegisterActorReminder(_ context.Context, in *client.RegisterActorReminderRequest) error {
	return b.note("set " + in.ActorID)
}

func (b *book) UnregisterActorReminder(_ context.Context, in *client.UnregisterActorReminderRequest) error {
	return b.note("remove " + in.ActorID)
}

func (b *book) all() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprint(b.asked)
}

// swept runs reminders with a sweep behind them.
func swept(t *testing.T, b *book, do func(wake func(id string, in time.Duration), end func())) {
	synctest.Test(t, func(t *testing.T) {
		r := timeout.NewReminders(b, "Process", time.Now)
		r.Swept = true
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = r.Run(ctx) }()
		synctest.Wait()
		end := func() { cancel(); <-ended }
		do(func(id string, in time.Duration) {
			t.Helper()
			w := es.Wake{}
			if in > 0 {
				w.At = time.Now().Add(in)
			}
			began := time.Now()
			if err := r.Wake(t.Context(), stream.Key{Tenant: "main", Ref: es.Ref{Aggregate: "registration", ID: id}}, w); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("an order waited %s for the scheduler", took)
			}
		}, end)
		end()
	})
}

const never = 0 // of a reminder that is removed

func TestNoOrderWaitsForTheScheduler(t *testing.T) {
	b := &book{takes: 500 * time.Millisecond}
	swept(t, b, func(wake func(string, time.Duration), _ func()) {
		wake("1", 5*time.Minute)
		wake("2", time.Hour)
		<-time.After(12 * time.Second)
		if got := b.all(); got != "[set main.1]" {
			t.Error(got)
		}
		wake("2", never)
		wake("1", never)
		<-time.After(3 * time.Second)
		if got := b.all(); got != "[set main.1 remove main.1]" {
			t.Error(got)
		}
	})
}

func TestAReminderThatIsNotWantedForLongIsNeverSet(t *testing.T) {
	b := &book{}
	swept(t, b, func(wake func(string, time.Duration), _ func()) {
		wake("1", 15*time.Minute)
		<-time.After(28 * time.Second)
		wake("1", never)
		wake("2", time.Hour)
		wake("2", 2*time.Hour) // the last counts
		<-time.After(32 * time.Second)
		if got := b.all(); got != "[set main.2]" {
			t.Error(got)
		}
	})
}

func TestAReminderThatIsDueSoonIsSetAtOnce(t *testing.T) {
	b := &book{}
	swept(t, b, func(wake func(string, time.Duration), _ func()) {
		wake("1", 2*time.Second)
		<-time.After(200 * time.Millisecond)
		if got := b.all(); got != "[set main.1]" {
			t.Error(got)
		}
	})
}

func TestAnAppThatEndsSetsTheRemindersThatAreWanted(t *testing.T) {
	b := &book{}
	swept(t, b, func(wake func(string, time.Duration), end func()) {
		wake("1", time.Hour)
		end()
		if got := b.all(); got != "[set main.1]" {
			t.Error(got)
		}
	})
}
