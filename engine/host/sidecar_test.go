package host

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/state/daprstate"
)

func TestCallsWaitUntilTheStateStoreIsKnown(t *testing.T) {
	l := newLateStore()
	ended, end := context.WithCancel(t.Context())
	end()
	_, got := l.Get(ended, []string{"a"})
	saved := l.Save(ended, make([]state.Write, 2))
	for i, err := range []error{got, saved[0], saved[1], l.Delete(ended, []string{"a"})} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d, given up before it is known: %v", i, err)
		}
	}
	l.set(known{component: "statestore", Store: daprstate.New(nil, "statestore", daprstate.OneByOne)})
	if k, err := l.await(t.Context()); err != nil || k.component != "statestore" {
		t.Errorf("known: %q, %v", k.component, err)
	}
}

func TestADeliveryWaitsForTheSelfCheck(t *testing.T) {
	for _, c := range []struct {
		name         string
		method, path string
		until        func(h *Host, leave context.CancelFunc)
		want         int
	}{
		{"until it is passed", http.MethodPost, "/bus/commands", func(h *Host, _ context.CancelFunc) { close(h.checked) }, http.StatusOK},
		{"and fails if the app ends instead", http.MethodPost, "/bus/commands", func(h *Host, _ context.CancelFunc) { close(h.ended) }, http.StatusServiceUnavailable},
		{"or the sidecar does not wait", http.MethodPost, "/bus/commands", func(_ *Host, leave context.CancelFunc) { leave() }, http.StatusServiceUnavailable},
		{"as a reminder does", http.MethodPut, "/actors/Process/main.1/method/remind/timeout", func(h *Host, _ context.CancelFunc) { close(h.ended) }, http.StatusServiceUnavailable},
		{"what the sidecar asks is answered", http.MethodGet, "/dapr/config", func(*Host, context.CancelFunc) {}, http.StatusOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := New(Options{AppID: "app", Registry: message.NewRegistry(), ActorType: "Process"})
			if err != nil {
				t.Fatal(err)
			}
			h.Subscribe("/bus/commands", message.Command, h.Engine())
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			w := httptest.NewRecorder()
			req := httptest.NewRequest(c.method, c.path, strings.NewReader(`{"topic":"things","entries":[]}`)).WithContext(ctx)
			answered := make(chan struct{})
			go func() {
				h.engine.ServeHTTP(w, req)
				close(answered)
			}()
			c.until(h, leave)
			<-answered
			if w.Code != c.want {
				t.Errorf("answered %d, want %d", w.Code, c.want)
			}
		})
	}
}
