package backlog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenary/plenary/apps/web/backlog"
)

// handlers stands for the rest of the system: it answers a command a while
// after it was published, or never.
type handlers struct {
	mu    sync.Mutex
	at    map[string]time.Time // when each command is answered
	down  bool
	asked int
}

func (h *handlers) answered(_ context.Context, id string) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	if h.down {
		return false, errors.New("query is down")
	}
	at, ok := h.at[id]
	return ok && !time.Now().Before(at), nil
}

func (h *handlers) takes(id string, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at[id] = time.Now().Add(d)
}

const limit = 15 * time.Second

// watched runs body beside a watching Backlog, on a clock of its own.
func watched(t *testing.T, body func(b *backlog.Backlog, h *handlers)) {
	synctest.Test(t, func(t *testing.T) {
		h := &handlers{at: map[string]time.Time{}}
		b := backlog.New(limit, h.answered)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = b.Watch(ctx) }()
		body(b, h)
	})
}

// pass lets time go by on the test's own clock.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func admits(b *backlog.Backlog) bool { ok, _ := b.Admit(); return ok }

func TestNothingPublishedIsNoLag(t *testing.T) {
	watched(t, func(b *backlog.Backlog, h *handlers) {
		pass(time.Hour)
		if b.Lag() != 0 || !admits(b) {
			t.Fatalf("lag %v", b.Lag())
		}
	})
}

func TestAnsweredCommandsAreNoLag(t *testing.T) {
	watched(t, func(b *backlog.Backlog, h *handlers) {
		for i := range 200 {
			id := fmt.Sprint(i)
			h.takes(id, 50*time.Millisecond)
			b.Published(id)
			pass(100 * time.Millisecond)
			if !admits(b) {
				t.Fatalf("not admitted at %d with lag %v", i, b.Lag())
			}
		}
		pass(time.Second)
		if b.Lag() != 0 {
			t.Fatalf("lag %v after all was answered", b.Lag())
		}
	})
}

func TestOrdersAreTurnedAwayPastTheLimitAndTakenAgainAfterwards(t *testing.T) {
	watched(t, func(b *backlog.Backlog, h *handlers) {
		for i := range 250 { // each waits longer than the one before
			id := fmt.Sprint(i)
			h.takes(id, time.Duration(i)*400*time.Millisecond)
			b.Published(id)
			pass(100 * time.Millisecond)
		}
		if admits(b); admits(b) {
			t.Fatalf("admitted two at once with lag %v", b.Lag())
		}
		ok, retryAfter := b.Admit()
		if ok || retryAfter < time.Second || retryAfter > time.Minute {
			t.Fatalf("admitted %v, retry after %v", ok, retryAfter)
		}
		pass(2 * time.Minute) // now all are answered
		if b.Lag() != 0 || !admits(b) || !admits(b) {
			t.Fatalf("lag %v after all was answered", b.Lag())
		}
	})
}

func TestProbesAreLetThroughOneAtATime(t *testing.T) {
	watched(t, func(b *backlog.Backlog, h *handlers) {
		b.Published("stuck")
		pass(limit + time.Second)
		through := 0
		for range 100 {
			if admits(b) {
				through++
			}
			pass(100 * time.Millisecond)
		}
		if through != 10 {
			t.Fatalf("%d let through in 10 s, want one per second", through)
		}
	})
}

func TestACommandNeverAnsweredStopsCountingWhenALaterOneIs(t *testing.T) {
	watched(t, func(b *backlog.Backlog, h *handlers) {
		b.Published("poison")
		pass(limit + time.Second)
		if !admits(b) { // the probe
			t.Fatal("no probe was let through")
		}
		h.takes("probe", 10*time.Millisecond)
		b.Published("probe")
		if admits(b) {
			t.Fatal("admitted before the probe was answered")
		}
		pass(backlog.LookEvery + 10*time.Millisecond)
		if b.Lag() != 0 || !admits(b) || !admits(b) {
			t.Fatalf("the poison still counts: lag %v", b.Lag())
		}
	})
}

func TestPoisonAmongOthersDoesNotHideThem(t *testing.T) {
	watched(t, func(b *backlog.Backlog, h *handlers) {
		for i := range 300 {
			id := fmt.Sprint(i)
			if i%7 != 0 { // every seventh is never answered
				h.takes(id, 20*time.Millisecond)
			}
			b.Published(id)
			pass(100 * time.Millisecond)
			if lag := b.Lag(); lag > 2*time.Second {
				t.Fatalf("lag %v though most are answered at once", lag)
			}
		}
	})
}

func TestWhileQueryIsDownTheLagGrows(t *testing.T) {
	watched(t, func(b *backlog.Backlog, h *handlers) {
		h.mu.Lock()
		h.down = true
		h.mu.Unlock()
		h.takes("1", 0)
		b.Published("1")
		pass(limit + time.Second)
		if admits(b); admits(b) {
			t.Fatal("admitted though nobody can learn an outcome")
		}
		h.mu.Lock()
		h.down = false
		h.mu.Unlock()
		pass(time.Second)
		if b.Lag() != 0 {
			t.Fatalf("lag %v after query came back", b.Lag())
		}
	})
}

func TestALongBacklogIsLookedAtWithFewQuestionsAndBoundedMemory(t *testing.T) {
	watched(t, func(b *backlog.Backlog, h *handlers) {
		for i := range 5000 { // more than are kept
			b.Published(fmt.Sprint(i))
			pass(100 * time.Millisecond)
		}
		if lag := b.Lag(); lag < 499*time.Second || lag > 501*time.Second {
			t.Fatalf("lag %v, want the age of the first", lag)
		}
		h.mu.Lock()
		h.asked = 0
		h.mu.Unlock()
		pass(backlog.LookEvery)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.asked == 0 || h.asked > 12 {
			t.Fatalf("%d questions in one look", h.asked)
		}
	})
}
