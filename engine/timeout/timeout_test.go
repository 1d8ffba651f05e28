package timeout_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dapr/go-sdk/client"
	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/stream"
	"github.com/plenary/plenary/engine/timeout"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// scheduler is the part of Dapr's client that keeps reminders.
type scheduler struct {
	client.Client
	registered   *client.RegisterActorReminderRequest
	unregistered *client.UnregisterActorReminderRequest
	down         error
}

func (s *scheduler) RegisterActorReminder(_ context.Context, in *client.RegisterActorReminderRequest) error {
	s.registered = in
	return s.down
}

func (s *scheduler) UnregisterActorReminder(_ context.Context, in *client.UnregisterActorReminderRequest) error {
	s.unregistered = in
	return s.down
}

var (
	noon = time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)
	key  = stream.Key{Tenant: "main", Ref: es.Ref{Aggregate: "registration", ID: "b0000000-0000-4000-8000-000000000001"}}
)

func reminders(s *scheduler) *timeout.Reminders {
	return timeout.NewReminders(s, "Process", func() time.Time { return noon })
}

func TestAReminderIsRegisteredToBeRepeatedForEver(t *testing.T) {
	for _, c := range []struct {
		name string
		at   time.Time
		due  time.Duration
	}{
		{"in time", noon.Add(15 * time.Minute), 15 * time.Minute},
		{"for a time that has passed: at once", noon.Add(-time.Hour), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &scheduler{}
			if err := reminders(s).Wake(t.Context(), key, es.Wake{At: c.at}); err != nil {
				t.Fatal(err)
			}
			r := s.registered
			if due, err := time.ParseDuration(r.DueTime); err != nil || due != c.due {
				t.Errorf("due in %s", r.DueTime)
			}
			if r.ActorType != "Process" || r.ActorID != "main."+key.ID || r.Period != "" || r.TTL != "" ||
				strings.Trim(r.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
				t.Errorf("registered %+v", r)
			}
			policy, ok := r.FailurePolicy.(*client.JobFailurePolicyConstant)
			if !ok || policy.MaxRetries != nil || policy.Interval == nil || *policy.Interval <= 0 {
				t.Errorf("failure policy %+v: Dapr's default gives up after three tries", r.FailurePolicy)
			}
		})
	}
	t.Run("or there is an error", func(t *testing.T) {
		if err := reminders(&scheduler{down: errors.New("down")}).Wake(t.Context(), key, es.Wake{At: noon}); err == nil {
			t.Error("no error")
		}
	})
}

func TestAReminderIsRemoved(t *testing.T) {
	s := &scheduler{}
	if err := reminders(s).Wake(t.Context(), key, es.Wake{}); err != nil {
		t.Fatal(err)
	}
	if u := s.unregistered; u.ActorType != "Process" || u.ActorID != "main."+key.ID || u.Name == "" || s.registered != nil {
		t.Errorf("removed %+v, registered %+v", u, s.registered)
	}
}

// One that fires although it means nothing any more does no harm, so nothing
// waits for its removal.
func TestAReminderThatCannotBeRemovedHoldsUpNothing(t *testing.T) {
	if err := reminders(&scheduler{down: errors.New("down")}).Wake(t.Context(), key, es.Wake{}); err != nil {
		t.Error(err)
	}
}

// With a sweep behind it, a scheduler that is away holds up nothing, and is left
// alone for a while.
func TestWithASweepNothingWaitsForTheScheduler(t *testing.T) {
	s, now := &scheduler{down: errors.New("down")}, noon
	r := timeout.NewReminders(s, "Process", func() time.Time { return now })
	r.Swept = true
	wake := func() (asked bool) {
		s.registered = nil
		if err := r.Wake(t.Context(), key, es.Wake{At: noon.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		return s.registered != nil
	}
	if first, again := wake(), wake(); !first || again {
		t.Error("it is asked once, and not again at once")
	}
	s.down = nil
	now = now.Add(time.Minute)
	if first, again := wake(), wake(); !first || !again {
		t.Error("it is not asked again when it is back")
	}
}

// A batch that ended for another reason says nothing of the scheduler.
func TestACallThatIsGivenUpIsNoFaultOfTheScheduler(t *testing.T) {
	s := &scheduler{down: context.Canceled}
	r := reminders(s)
	r.Swept = true
	ended, end := context.WithCancel(t.Context())
	end()
	if err := r.Wake(ended, key, es.Wake{At: noon}); err == nil {
		t.Error("a reminder that was not set is taken for set")
	}
	s.registered, s.down = nil, nil
	if err := r.Wake(t.Context(), key, es.Wake{At: noon}); err != nil || s.registered == nil {
		t.Errorf("the scheduler is left alone, %v", err)
	}
}

// sleeper records who was woken.
type sleeper struct {
	mu    sync.Mutex
	woken []string
	fails error
}

func (s *sleeper) Wake(_ context.Context, tenant string, ids []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.woken = append(s.woken, tenant+" "+id)
	}
	return s.fails
}

func TestTheRoutesThatDaprCalls(t *testing.T) {
	const remind = "/actors/Process/main.7/method/remind/timeout"
	for _, c := range []struct {
		name         string
		method, path string
		fails        error
		status       int
		woken        string
	}{
		{"a reminder wakes its process", http.MethodPut, remind, nil, http.StatusOK, "main 7"},
		{"one that fails is answered so that it is repeated", http.MethodPut, remind, errors.New("store down"), http.StatusInternalServerError, "main 7"},
		{"another reminder's name wakes nobody", http.MethodPut, "/actors/Process/main.7/method/remind/other", nil, http.StatusOK, ""},
		{"another actor's type wakes nobody", http.MethodPut, "/actors/Other/main.7/method/remind/timeout", nil, http.StatusOK, ""},
		{"an actor without a tenant wakes nobody", http.MethodPut, "/actors/Process/7/method/remind/timeout", nil, http.StatusOK, ""},
		{"an actor is deactivated", http.MethodDelete, "/actors/Process/main.7", nil, http.StatusOK, ""},
		{"there are no other methods", http.MethodPut, "/actors/Process/main.7/method/confirm", nil, http.StatusNotFound, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			router, s := gin.New(), &sleeper{fails: c.fails}
			timeout.Host(router, "Process", s)
			w := httptest.NewRecorder()
			router.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
			if w.Code != c.status || strings.Join(s.woken, ",") != c.woken {
				t.Errorf("answered %d, woke %v", w.Code, s.woken)
			}
		})
	}
	router := gin.New()
	timeout.Host(router, "Process", &sleeper{})
	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/dapr/config", nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"entities":["Process"]`) {
		t.Errorf("configuration: %d %s", w.Code, w.Body)
	}
}
