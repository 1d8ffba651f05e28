package rush

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenary/plenary/tools/local/api"
)

func TestWhatARegistrantWaitsForIsCountedFromTheFirstRequest(t *testing.T) {
	answers := func(context.Context) error { return nil }
	fails := func(context.Context) error { return errors.New("connection refused") }
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	slow := func(context.Context) error { <-time.After(3 * time.Second); return nil }
	busy := func(context.Context) error { return &api.Problem{Status: http.StatusTooManyRequests} }
	known := func(context.Context) error { return &api.Problem{Status: http.StatusConflict, Code: "known"} }
	const pause = 200 * time.Millisecond
	for name, c := range map[string]struct {
		tries   []func(context.Context) error
		longest time.Duration
		inARow  int
	}{
		"an answer at once":       {[]func(context.Context) error{answers}, 0, 0},
		"a slow answer":           {[]func(context.Context) error{slow}, 3 * time.Second, 0},
		"failures":                {[]func(context.Context) error{fails, fails, fails, answers}, 3 * pause, 3},
		"no answer":               {[]func(context.Context) error{hangs, answers}, answerWithin + pause, 1},
		"asked to come later":     {[]func(context.Context) error{busy, busy, fails, answers}, pause, 1},
		"it had worked after all": {[]func(context.Context) error{fails, known}, pause, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &Rush{faults: Faults{Errors: map[string]int{}}}
				tries := c.tries
				err := r.again(t.Context(), "an order", func(ctx context.Context) error {
					try := tries[0]
					tries = tries[1:]
					return try(ctx)
				}, "known")
				if err != nil || len(tries) > 0 {
					t.Fatalf("%d requests were not made: %v", len(tries), err)
				}
				if f := r.Faults(); f.Longest != c.longest || f.InARow != c.inARow {
					t.Errorf("got %s and %d failures in a row, want %s and %d", f.Longest, f.InARow, c.longest, c.inARow)
				}
			})
		})
	}
}

// An order without a registrant refuses a payment for that, also when it has expired: who
// waits for it to say that it has expired would ask until patience ends.
func TestNothingIsPaidForAnOrderThatLapsedBeforeItHadARegistrant(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/payments") {
			t.Error("a payment was begun")
		}
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte(`{"status":"expired"}`))
			return
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"status":409,"code":"` + lapsed + `"}`))
	}))
	defer web.Close()
	r := &Rush{Sale: Sale{Anyone: &api.Client{URL: web.URL}}, faults: Faults{Errors: map[string]int{}}}
	if err := r.pay(t.Context(), "an-order", "a-payment"); err != nil {
		t.Error(err)
	}
}
