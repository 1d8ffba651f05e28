package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/plenary/plenary/contracts/refusal"
)

func TestOfTooManyStreamsTheNextIsTurnedAway(t *testing.T) {
	g := &Gateway{streams: make(room, 1)}
	leave, ok := g.streams.enter()
	if !ok {
		t.Fatal("there is no room for one")
	}
	answer := httptest.NewRecorder()
	g.forwardStream(answer, httptest.NewRequest(http.MethodGet, "/", nil), "/orders/1/events", refusal.OrderNotFound)
	if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
	leave()
	if _, ok := g.streams.enter(); !ok {
		t.Error("the place of one who left is not free")
	}
}
