package pages

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
)

// Else a tab that a revoked credential left open would use up the wrong tries of all who
// follow something, since the pages ask for all of them from one address.
func TestAStreamIsNotAskedForAgainWithACredentialThatEnded(t *testing.T) {
	var asked atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &feeds{running: ctx, open: map[string]*feed{}, api: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 { // it ends as streams do: it is asked for again
			_, _ = w.Write([]byte("event: dashboard\ndata: {}\n\n"))
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	})}
	to := &feed{viewers: map[*viewer]struct{}{}}
	f.read(ctx, source{path: "/api/organiser/conferences/x/dashboard/events", bearer: "revoked"}, to) // which ends
	if got := asked.Load(); got != 2 || to.last == nil {
		t.Errorf("asked for %d times, last %v", got, to.last)
	}
}
