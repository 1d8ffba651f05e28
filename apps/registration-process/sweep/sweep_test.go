package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plenary/plenary/apps/registration-process/sweep"
)

type waker struct {
	woken []string
	err   error
}

func (w *waker) Wake(_ context.Context, tenant string, ids []string) error {
	if tenant != "main" {
		return errors.New("tenant " + tenant)
	}
	w.woken = append(w.woken, ids...)
	return w.err
}

const (
	a = "11111111-1111-4111-8111-111111111111"
	b = "22222222-2222-4222-8222-222222222222"
)

func none(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `{"orders":[]}`) }

// newSweep asks a query service that knows the overdue orders, and of no others.
func newSweep(t *testing.T, w *waker, overdue http.HandlerFunc) *sweep.Sweep {
	return newSweepOf(t, w, overdue, none, none)
}

func newSweepOf(t *testing.T, w *waker, overdue, missing, waiting http.HandlerFunc) *sweep.Sweep {
	asked := http.NewServeMux()
	asked.HandleFunc("GET /orders/overdue", overdue)
	asked.HandleFunc("GET /orders/missing", missing)
	asked.HandleFunc("GET /orders/waiting", waiting)
	server := httptest.NewServer(asked)
	t.Cleanup(server.Close)
	return &sweep.Sweep{Query: server.URL, Client: server.Client(), Waker: w, Every: time.Millisecond,
		Now: func() time.Time { return time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC) }}
}

func TestEveryOverdueOrderIsWoken(t *testing.T) {
	w := &waker{}
	s := newSweep(t, w, func(rw http.ResponseWriter, r *http.Request) {
		if r.FormValue("before") != "2027-03-01T12:00:00Z" {
			t.Errorf("asked %s", r.URL)
		}
		if r.FormValue("after") == "" {
			fmt.Fprintf(rw, `{"orders":[{"orderId":%q,"status":"reserved"}],"next":"n1"}`, a)
			return
		}
		fmt.Fprintf(rw, `{"orders":[{"orderId":%q}]}`, b)
	})
	if n, err := s.Once(context.Background()); n != 2 || err != nil || !slices.Equal(w.woken, []string{a, b}) {
		t.Errorf("woke %d: %v, %v", n, w.woken, err)
	}
}

// The reminder of a payment whose order never came may be lost as well.
func TestTheProcessOfAnOrderThatNeverCameIsWoken(t *testing.T) {
	w := &waker{}
	missing := func(rw http.ResponseWriter, r *http.Request) {
		if r.FormValue("after") == "" {
			fmt.Fprintf(rw, `{"orders":[{"orderId":%q}],"next":"n1"}`, a)
			return
		}
		fmt.Fprintf(rw, `{"orders":[{"orderId":%q}]}`, b)
	}
	fails := func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }
	if n, err := newSweepOf(t, w, fails, missing, none).Once(context.Background()); n != 2 || err == nil || !slices.Equal(w.woken, []string{a, b}) {
		t.Errorf("woke %d: %v, %v", n, w.woken, err)
	}
	w = &waker{}
	overdue := func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintf(rw, `{"orders":[{"orderId":%q}]}`, b) }
	if n, err := newSweepOf(t, w, overdue, fails, none).Once(context.Background()); n != 1 || err == nil || !slices.Equal(w.woken, []string{b}) {
		t.Errorf("woke %d: %v, %v", n, w.woken, err)
	}
}

// Seats may be free by the clock alone, while orders are in line for them.
func TestTheFirstInLineForFreeSeatsIsWoken(t *testing.T) {
	w := &waker{}
	waiting := func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintf(rw, `{"orders":[{"orderId":%q}]}`, a) }
	if n, err := newSweepOf(t, w, none, none, waiting).Once(context.Background()); n != 1 || err != nil || !slices.Equal(w.woken, []string{a}) {
		t.Errorf("woke %d: %v, %v", n, w.woken, err)
	}
}

func TestAProcessThatCannotBeWokenKeepsNoneWaiting(t *testing.T) {
	w := &waker{err: errors.New("busy")}
	s := newSweep(t, w, func(rw http.ResponseWriter, r *http.Request) {
		if r.FormValue("after") == "" {
			fmt.Fprintf(rw, `{"orders":[{"orderId":%q}],"next":"n1"}`, a)
			return
		}
		w.err = nil
		fmt.Fprintf(rw, `{"orders":[{"orderId":%q}]}`, b)
	})
	if n, err := s.Once(context.Background()); n != 1 || err == nil || !slices.Equal(w.woken, []string{a, b}) {
		t.Errorf("woke %d: %v, %v", n, w.woken, err)
	}
}

func TestASweepThatFailsSaysSo(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"the query service is down":   func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) },
		"the answer cannot be read":   func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "<html>") },
		"the order's id is not an id": func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `{"orders":[{"orderId":"x"}]}`) },
	} {
		t.Run(name, func(t *testing.T) {
			w := &waker{}
			if _, err := newSweep(t, w, answer).Once(context.Background()); err == nil || len(w.woken) > 0 {
				t.Errorf("woke %v, %v", w.woken, err)
			}
		})
	}
	w := &waker{err: errors.New("busy")}
	s := newSweep(t, w, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintf(rw, `{"orders":[{"orderId":%q}]}`, a) })
	if _, err := s.Once(context.Background()); err == nil {
		t.Error("a wake-up failed silently")
	}
}

func TestTheSweepGoesOnAfterAFailureAndEndsWithItsContext(t *testing.T) {
	w := &waker{}
	ctx, cancel := context.WithCancel(context.Background())
	asked := 0
	s := newSweep(t, w, func(rw http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 3 {
			cancel()
		}
		rw.WriteHeader(http.StatusInternalServerError)
	})
	if err := s.Run(ctx); err != nil || asked < 3 {
		t.Errorf("asked %d times, %v", asked, err)
	}
}

type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// Holds that ended while no replica was there do not wait for a whole interval.
func TestThereIsASweepSoonAfterTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var sweeps []time.Duration
		client := &http.Client{Transport: answers(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/orders/overdue" {
				sweeps = append(sweeps, time.Since(began))
			}
			if len(sweeps) == 2 {
				cancel()
			}
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"orders":[]}`))}, nil
		})}
		s := sweep.Sweep{Query: "http://query", Client: client, Waker: &waker{}, Every: time.Hour, Now: time.Now}
		if err := s.Run(ctx); err != nil || len(sweeps) != 2 || sweeps[0] > time.Minute || sweeps[1]-sweeps[0] != time.Hour {
			t.Errorf("sweeps after %v, %v", sweeps, err)
		}
	})
}
