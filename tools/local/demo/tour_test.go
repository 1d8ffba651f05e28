package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/plenary/plenary/topology/tour"
)

// A tour that fails says why, and may be begun again.
func TestATourThatFailsIsBegunAgain(t *testing.T) {
	reasons := make(chan error, 1)
	made := NewTour(t.Context(), Options{URL: problem(t, http.StatusServiceUnavailable, "unavailable"), Token: "x"}, func(err error) { reasons <- err })
	ask := func(method string) (now tour.Tour) {
		t.Helper()
		answer := httptest.NewRecorder()
		made.ServeHTTP(answer, httptest.NewRequest(method, "/", nil))
		if err := json.Unmarshal(answer.Body.Bytes(), &now); err != nil {
			t.Fatal(err)
		}
		return now
	}
	if now := ask(http.MethodGet); now.State != tour.NotBegun {
		t.Fatalf("not begun: %+v", now)
	}
	for range 2 {
		if now := ask(http.MethodPost); now.State != tour.Running || now.Slug != "" || now.Orders == nil {
			t.Fatalf("begun: %+v", now)
		}
		select {
		case err := <-reasons:
			if err == nil {
				t.Fatal("no reason")
			}
		case <-time.After(time.Minute):
			t.Fatal("it does not fail")
		}
		if now := ask(http.MethodGet); now.State != tour.Failed {
			t.Fatalf("failed: %+v", now)
		}
	}
}
