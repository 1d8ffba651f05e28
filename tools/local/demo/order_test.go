package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/tools/local/api"
)

func TestAnOrderThatEndsOtherwiseIsNotWaitedFor(t *testing.T) {
	o := seen(t, api.Order{Status: "rejected"})
	if o.await(t.Context(), "reserved"); o.err == nil || !strings.Contains(o.err.Error(), "it is rejected and should be reserved") {
		t.Errorf("got %v", o.err)
	}
}

func TestNothingIsDoneAfterAStepThatFailed(t *testing.T) {
	o := seen(t, api.Order{Status: "reserved"})
	fault := errors.New("a fault")
	o.step(func() error { return fault })
	o.await(t.Context(), "reserved")
	o.step(func() error { t.Error("another step was made"); return nil })
	if !errors.Is(o.err, fault) || o.now.Status != "" {
		t.Errorf("got %v, and the order is seen as %q", o.err, o.now.Status)
	}
}

func TestLapsing(t *testing.T) {
	payment := []api.Payment{{Status: "initiated"}}
	long, soon, past := time.Now().Add(time.Hour), time.Now().Add(100*time.Millisecond), time.Now().Add(-time.Hour)
	for name, test := range map[string]struct {
		order api.Order
		wait  time.Duration
		waits bool
		fails string
	}{
		"it has lapsed":                        {order: api.Order{Status: "expired", Deadline: past}},
		"later than the demo waits":            {order: api.Order{Status: "reserved", Deadline: long}, wait: time.Minute, waits: true},
		"within a grace that nobody knows":     {order: api.Order{Status: "reserved", Deadline: soon, Payments: payment}, wait: 200 * time.Millisecond, waits: true},
		"long overdue":                         {order: api.Order{Status: "reserved", Deadline: past}, fails: "has not"},
		"it was confirmed instead":             {order: api.Order{Status: "confirmed", Deadline: past}, fails: "it is confirmed and should be expired"},
		"it was confirmed though it is unpaid": {order: api.Order{Status: "confirmed", Deadline: long}, fails: "it is confirmed and should be expired"},
	} {
		t.Run(name, func(t *testing.T) {
			o := seen(t, test.order)
			o.patientUntil = time.Now().Add(test.wait)
			o.lapse(t.Context())
			switch {
			case test.fails != "":
				if o.err == nil || !strings.Contains(o.err.Error(), test.fails) {
					t.Errorf("got %v, want an error that says: %s", o.err, test.fails)
				}
			case errors.Is(o.err, errWaits) != test.waits || o.err != nil && !test.waits:
				t.Errorf("got %v, waits: %t", o.err, test.waits)
			}
		})
	}
}

func TestAFateThatDidNotComeAboutIsAnError(t *testing.T) {
	entries := []api.TimelineEntry{{Kind: "event", ID: "1", Type: "OrderConfirmed.v1"}}
	total := api.Money{Amount: 249_00, Currency: "USD"}
	for name, test := range map[string]struct {
		fate  fate
		fails string
	}{
		"as it should":   {fate: fate{name: "confirmed", status: "confirmed", total: 249_00, by: "OrderConfirmed"}},
		"another status": {fate: fate{name: "lapsed", status: "expired", total: 249_00, by: "OrderConfirmed"}, fails: "it is confirmed and should be expired"},
		"another total":  {fate: fate{name: "free", status: "confirmed", by: "OrderConfirmed"}, fails: "it costs 249.00 USD and should cost 0.00 USD"},
	} {
		t.Run(name, func(t *testing.T) {
			o := seen(t, api.Order{Status: "confirmed", Total: total}, entries...)
			told := o.finish(t.Context(), test.fate, false)
			if len(told) != 1 {
				t.Errorf("told %v", told)
			}
			if test.fails == "" {
				if o.err != nil {
					t.Error(o.err)
				}
				return
			}
			if err := o.failure(test.fate); o.err == nil || !strings.Contains(err.Error(), test.fails) || !strings.Contains(err.Error(), test.fate.name) {
				t.Errorf("got %v, want an error that says: %s", err, test.fails)
			}
		})
	}
}

// seen is an order that stands as the API shows it, and does not change.
func seen(t *testing.T, as api.Order, entries ...api.TimelineEntry) *order {
	t.Helper()
	view := toJSON(t, as)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/events"):
			fmt.Fprintf(w, "event:order\ndata:%s\n\n", view)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case strings.HasSuffix(r.URL.Path, "/timeline"):
			fmt.Fprintf(w, `{"entries": %s}`, toJSON(t, entries))
		default:
			fmt.Fprint(w, view)
		}
	}))
	t.Cleanup(server.Close)
	s := newShow(Options{URL: server.URL, Out: &bytes.Buffer{}})
	return s.order("an order")
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// problem is the address of an API that answers everything with a problem.
func problem(t *testing.T, status int, code string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"status": %d, "code": %q}`, status, code)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
