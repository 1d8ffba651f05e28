package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/plenary/plenary/tools/local/api"
)

func TestWatchingGoesOnUntilTheViewIsAsWanted(t *testing.T) {
	opened := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		opened++
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, ": open\n\n")
		switch opened {
		case 1:
			fmt.Fprint(w, "id:1\nevent:order\ndata:{\"status\":\"placed\"}\n\n: still here\n\n")
		case 2: // the service was there again, and had to go before the event was whole
			fmt.Fprint(w, "id:2\nevent:order\ndata:{\"status\":")
		default:
			fmt.Fprint(w, "id:2\nevent:order\ndata: {\"status\":\ndata: \"reserved\"}\n\nid:3\nevent:order\ndata:{\"status\":\"expired\"}\n\n")
		}
	})
	var seen []string
	o, err := c.WatchOrder(t.Context(), "an-order", func(o api.Order) bool {
		seen = append(seen, o.Status)
		return o.Status == "reserved"
	})
	if err != nil || o.Status != "reserved" || fmt.Sprint(seen) != "[placed reserved]" || opened != 3 {
		t.Errorf("got %q (%v) after %v on %d streams", o.Status, err, seen, opened)
	}
}

func TestWatchingEndsWithItsContextAndTellsWhatItSaw(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("too late")
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "data:{\"status\":\"placed\"}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	o, err := c.WatchOrder(ctx, "an-order", func(api.Order) bool {
		cancel(late)
		return false
	})
	if !errors.Is(err, late) || o.Status != "placed" {
		t.Errorf("got %q, %v", o.Status, err)
	}
}

func TestWhatIsNotThereIsNotWatched(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"status": 404, "code": "conference-not-found"}`)
	})
	if _, err := c.WatchConference(t.Context(), "none", func(api.Conference) bool { return true }); api.Code(err) != "conference-not-found" {
		t.Errorf("got %v", err)
	}
}

func serve(t *testing.T, handler http.HandlerFunc) *api.Client {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &api.Client{URL: server.URL}
}
