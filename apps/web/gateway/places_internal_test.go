package gateway

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/plenary/plenary/apps/web/throttle"
	"github.com/plenary/plenary/contracts/refusal"
)

func TestOfTooManyStreamsTheNextIsTurnedAway(t *testing.T) {
	g := &Gateway{streams: throttle.NewPlaces(1, 1)}
	leave, ok := g.streams.Enter(netip.Addr{})
	if !ok {
		t.Fatal("there is no room for one")
	}
	answer := httptest.NewRecorder()
	g.forwardStream(answer, httptest.NewRequest(http.MethodGet, "/", nil), "/orders/1/events", refusal.OrderNotFound)
	if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
	leave()
	if _, ok := g.streams.Enter(netip.Addr{}); !ok {
		t.Error("the place of one who left is not free")
	}
}

func TestOneClientLeavesRoomForOthers(t *testing.T) {
	r := throttle.NewPlaces(3, 2)
	hall, home := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	leave, ok := r.Enter(hall)
	_, second := r.Enter(hall)
	_, third := r.Enter(hall)
	if !ok || !second || third {
		t.Fatalf("one client: %v, %v, %v; want two places", ok, second, third)
	}
	if _, ok := r.Enter(home); !ok {
		t.Fatal("there is no room for another")
	}
	if _, ok := r.Enter(netip.MustParseAddr("192.0.2.3")); ok {
		t.Fatal("there is room for more than all")
	}
	leave()
	if _, ok := r.Enter(hall); !ok {
		t.Fatal("a place that was left is not free")
	}
}
