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
// and the order watched. Alone, it is about a third above what was seen. Among others
// it depends on how many come together, which differs from machine to machine; there
// it is half of what it costs alone. More is a regression. Times are not asked here.
var (
	alone       = harness.Work{PublishCalls: 18, DeliverCalls: 27, Reads: 21, Writes: 14, Invoked: 7}
	amongOthers = harness.Work{PublishCalls: 8, DeliverCalls: 11, Reads: 8, Writes: 6, Invoked: 4}
)

func TestAnOrderCostsNoMoreThanItsBudget(t *testing.T) {
	t.Run("alone", func(t *testing.T) { costs(t, 1, 1, alone) })
	t.Run("among others", func(t *testing.T) { costs(t, 300, 100, amongOthers) })
}

func costs(t *testing.T, orders, clients int, budget harness.Work) {
	harness.NeedsParts(t)
	system.Watch(t)
	var before harness.Work
	begin := func(ctx context.Context) (err error) {
		if before, err = unasked(ctx); err == nil {
			before, err = atRest(ctx)
		}
		return err
	}
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

// unasked waits until nobody asks any more who has the messages of what went before:
// apps ask for them when they are old (ADR 28), many at once, and would here for those
// that made the conference. What the order itself has asked for is not counted when it
// is alone: up to two questions from each app, 10 to 15 s after it.
func unasked(ctx context.Context) (last harness.Work, err error) {
	const quiet, patience = 16 * time.Second, time.Minute
	last, err = system.Work(ctx)
	for since, began := time.Now(), time.Now(); err == nil && time.Since(since) < quiet && time.Since(began) < patience; {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-time.After(time.Second):
		}
		var now harness.Work
		if now, err = system.Work(ctx); err == nil && now.Invoked != last.Invoked {
			since = time.Now()
		}
		last = now
	}
	return last, err
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
		if now.PublishCalls != last.PublishCalls || now.DeliverCalls != last.DeliverCalls || now.Writes != last.Writes {
			same = 0
		}
		last = now
	}
	return last, err
}
