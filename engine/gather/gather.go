// Package gather turns single calls that happen to come at the same time into
// batches. It adds no delay: a call that finds nobody at work is done at once,
// and those that come meanwhile form the next batch.
package gather

import (
	"context"
	"errors"
	"sync"
)

// ErrFull: as many calls as may wait do so already.
var ErrFull = errors.New("gather: too many calls wait")

// Gatherer gathers calls with items of type T.
type Gatherer[T any] struct {
	do   func(ctx context.Context, items []T) []error
	max  int
	most int // that wait for a batch to begin; 0: any number

	mu      sync.Mutex
	waiting []call[T]
	working bool
}

type call[T any] struct {
	item T
	done chan error
}

// New makes a Gatherer that gives at most limit items at once to do, which
// returns an error for each. do runs on a context of its own, since the items
// come from callers that may each go away.
func New[T any](limit int, do func(ctx context.Context, items []T) []error) *Gatherer[T] {
	return &Gatherer[T]{do: do, max: limit}
}

// Bounded lets at most so many calls wait for a batch to begin. What do stands for may
// hang, and then nothing else bounds them.
func (g *Gatherer[T]) Bounded(most int) *Gatherer[T] {
	g.most = most
	return g
}

// Do hands item in and waits for its batch. When ctx ends first its error is
// returned, and the item may still be done. Error: ErrFull, and the item is not done.
func (g *Gatherer[T]) Do(ctx context.Context, item T) error {
	c := call[T]{item: item, done: make(chan error, 1)}
	g.mu.Lock()
	if g.most > 0 && len(g.waiting) >= g.most {
		g.mu.Unlock()
		return ErrFull
	}
	g.waiting = append(g.waiting, c)
	if !g.working {
		g.working = true
		go g.work(context.Background()) //nolint:contextcheck // it is nobody's in particular
	}
	g.mu.Unlock()
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Gatherer[T]) work(ctx context.Context) {
	for {
		g.mu.Lock()
		n := min(len(g.waiting), g.max)
		if n == 0 {
			g.working = false
			g.mu.Unlock()
			return
		}
		batch := g.waiting[:n:n]
		g.waiting = g.waiting[n:]
		g.mu.Unlock()

		items := make([]T, n)
		for i, c := range batch {
			items[i] = c.item
		}
		errs := g.do(ctx, items)
		for i, c := range batch {
			c.done <- errs[i]
		}
	}
}

// Waiting is the number of calls that wait for a batch to begin.
func (g *Gatherer[T]) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}
