package bustest

import (
	"testing"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
)

// A broker gives out again, in one batch with what is new, what an earlier test
// has not acknowledged.
func TestABatchOfTwoRunsGoesToBoth(t *testing.T) {
	s := &suite{inboxes: map[string]*inbox{}}
	r := Reader{App: "order", Kind: message.Command, Topic: "orders"}
	earlier, later := s.open("earlier", r, always(bus.Success, nil)), s.open("later", r, always(bus.Retry, nil))
	var batch []bus.Delivery
	for n, run := range []string{"later", "earlier", "forgotten", "later", "earlier"} {
		batch = append(batch, bus.Delivery{Message: message.Message{Meta: message.Meta{ID: id(run, n)}, Body: numbered{Run: run, N: n}}})
	}
	statuses := s.handler(r.App, 0).HandleBatch(t.Context(), batch)
	for n, want := range []bus.Status{bus.Retry, bus.Success, bus.Success, bus.Retry, bus.Success} {
		if statuses[n] != want {
			t.Errorf("message %d is answered %v, want %v", n, statuses[n], want)
		}
		of := map[*inbox]int{later: 0, earlier: 0}
		switch n {
		case 0, 3:
			of[later] = 1
		case 1, 4:
			of[earlier] = 1
		}
		for in, want := range of {
			if got := in.times(n); got != want {
				t.Errorf("message %d is %d times in an inbox, want %d", n, got, want)
			}
		}
	}
}
