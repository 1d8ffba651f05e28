package seats_test

import (
	"testing"
	"time"

	"github.com/plenary/plenary/apps/seats/seats"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// One replica whose clock is a day ahead decides one cancel. The sale goes on at the
// others; and the tombstone of that cancel still stops the request that it overtook.
func TestAClockADayAheadStopsNoSale(t *testing.T) {
	agg := seats.Aggregate(cfg)
	state := agg.New()
	decide := func(now, sent time.Time, command any) error {
		t.Helper()
		events, err := agg.Decide(es.Env{Now: now, Sent: sent}, state, command)
		for _, e := range events {
			state = agg.Evolve(state, e)
		}
		return err
	}
	ahead := noon.Add(24 * time.Hour)
	for _, step := range []error{
		decide(noon, noon, quota(general, 10, 1)),
		decide(ahead, noon, cancel(ann, 1)),
		decide(noon, noon, reserve(bob, 1, n(2, general))),
		decide(noon, noon, reserve(ann, 1, n(2, general))), // it was cancelled before it came
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	if held, _ := state.HeldBy(bob); held.Total() != 2 {
		t.Errorf("bob holds %v", held)
	}
	if held, _ := state.HeldBy(ann); held.Total() != 0 {
		t.Errorf("ann holds %v after her cancel", held)
	}
	// What is too late is too late, by the clock of the one who decides.
	if said, ok := es.AsRefusal(decide(later, later, reserve(unknown, 1, n(2, general)))); !ok || said.Code != refusal.RequestTooLate {
		t.Errorf("refused with %v", said)
	}
}
