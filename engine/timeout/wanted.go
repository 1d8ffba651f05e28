package timeout

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/stream"
)

const (
	// A reminder is set when it has been wanted for a part of the time until it is due,
	// within these bounds: many are not wanted any more by then. A hold of 15 minutes is
	// set after 30 s. One that is due soon is set at once.
	settlesPart                  = 30
	leastSettles, longestSettles = time.Second, 30 * time.Second
	soon                         = 3 * time.Second
	// lookEvery is the time between two looks at what is wanted.
	lookEvery = 100 * time.Millisecond
	// maxWanted bounds what is wanted and not set yet.
	maxWanted = 50_000
	// sideBySide is how many are set at once.
	sideBySide = 16
	// atEnd is how long an app that ends goes on setting them.
	atEnd = 3 * time.Second
)

// wanted are the reminders that are to be set or removed, the last word for each
// process.
type wanted struct {
	mu      sync.Mutex
	running bool
	of      map[stream.Key]*want
	order   []*want // oldest first; those that were replaced are no longer in of
}

type want struct {
	key   stream.Key
	wake  es.Wake
	since time.Time
}

// settled is when it has been wanted for long enough.
func (w *want) settled() time.Time {
	return w.since.Add(min(max(w.wake.At.Sub(w.since)/settlesPart, leastSettles), longestSettles)) // a removal is due since long
}

func newWanted() *wanted { return &wanted{of: map[stream.Key]*want{}} }

// put notes what is wanted. It is false when nobody looks, or at too much already.
//
// A reminder that is not wanted any more before it was set needs neither. There may be
// an earlier one of the same process, which then fires and finds that it means nothing.
func (w *wanted) put(key stream.Key, wake es.Wake, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.running || len(w.of) >= maxWanted {
		return false
	}
	before := w.of[key]
	if before != nil && wake.At.IsZero() && !before.wake.At.IsZero() {
		delete(w.of, key)
		return true
	}
	next := &want{key: key, wake: wake, since: now}
	w.of[key] = next
	w.order = append(w.order, next)
	return true
}

// due takes those whose turn it is; all of them at the end.
func (w *wanted) due(now time.Time, all bool) (due []*want) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := w.order[:0]
	for _, next := range w.order {
		if w.of[next.key] != next {
			continue // replaced
		}
		isSoon := !next.wake.At.IsZero() && next.wake.At.Sub(now) < soon
		if all || isSoon || !now.Before(next.settled()) {
			delete(w.of, next.key)
			due = append(due, next)
			continue
		}
		rest = append(rest, next)
	}
	clear(w.order[len(rest):])
	w.order = rest
	return due
}

func (w *wanted) run(running bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = running
}

// Run sets and removes reminders beside the handling of messages, until ctx ends: no
// order waits for a scheduler. What is wanted is kept in memory alone, which is why
// there has to be a sweep.
func (r *Reminders) Run(ctx context.Context) error {
	if !r.Swept {
		return nil
	}
	r.wanted.run(true)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			r.setWanted(ctx, r.wanted.due(r.now(), false))
		case <-ctx.Done():
			r.wanted.run(false)
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), atEnd)
			defer cancel()
			r.setWanted(last, r.wanted.due(r.now(), true))
			return nil
		}
	}
}

func (r *Reminders) setWanted(ctx context.Context, all []*want) {
	var g errgroup.Group
	g.SetLimit(sideBySide)
	for _, next := range all {
		g.Go(func() error {
			if err := r.carryOut(ctx, next.key, next.wake); err != nil {
				slog.WarnContext(ctx, "a reminder was not set; the sweep covers for it", "stream", next.key.String(), "error", err)
			}
			return nil
		})
	}
	_ = g.Wait()
}
