package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/load/pace"
)

// What an order may cost: counts of a whole life, free of charge, each write awaited
// and the order watched. They are a little above what was seen; more is a regression.
// Times are not asked here.
var (
	loneOrder   = harness.Work{Published: 17, PublishCalls: 17, Delivered: 26, DeliverCalls: 26, Reads: 12, Writes: 20, Invoked: 20}
	amongOthers = harness.Work{Published: 10, PublishCalls: 6, Delivered: 15, DeliverCalls: 6, Reads: 6, Writes: 12, Invoked: 8}
)

func TestAnOrderCostsNoMoreThanItsBudget(t *testing.T) {
	t.Run("alone", func(t *testing.T) { costs(t, 1, 1, loneOrder) })
	t.Run("among others", func(t *testing.T) { costs(t, 300, 100, amongOthers) })
}

func costs(t *testing.T, orders, clients int, budget harness.Work) {
	system.Watch(t)
	var before harness.Work
	begin := func(ctx context.Context) (err error) { before, err = atRest(ctx); return err }
	if _, err := pace.Measure(t.Context(), system.Organiser(), system.API(), pace.Options{Orders: orders, Clients: clients, Begin: begin}); err != nil {
		t.Fatal(err)
	}
	after, err := atRest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cost := after.Sub(before).Per(orders)
	t.Attr("figure", cost.String())
	t.Log(cost)
	if over := cost.Over(budget); over != "" {
		t.Errorf("more than the budget: %s", over)
	}
}

// atRest waits until nothing is published and delivered any more.
func atRest(ctx context.Context) (harness.Work, error) {
	last, err := system.Work(ctx)
	for same := 0; err == nil && same < 5; {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		var now harness.Work
		if now, err = system.Work(ctx); err != nil {
			return now, fmt.Errorf("what the system has done: %w", err)
		}
		same++
		if now.Published != last.Published || now.Delivered != last.Delivered || now.Writes != last.Writes {
			same = 0
		}
		last = now
	}
	return last, err
}
