// Package stuck sweeps for orders that rest where they should not: past their deadlines,
// without the answer of the seats, with a payment that neither confirmed them nor went
// back, or with seats that they should not hold. What the engine and the process repair by
// themselves is over long before.
package stuck

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/engine/every"
	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

const (
	bound = "PLENARY_STUCK_AFTER"
	// least keeps the sweep from looking at what has just happened.
	least = time.Second
	// often is how often one sweeps at least.
	often = time.Minute
)

// Bound is how long after what should have followed an order is stuck.
func Bound(getenv func(string) string) (time.Duration, error) {
	d, err := host.DurationOf(getenv, bound, topology.Duration(bound))
	if err == nil && d < least {
		err = fmt.Errorf("%s=%s is less than %s", bound, d, least)
	}
	return d, err
}

// Sweep looks for stuck orders.
type Sweep struct {
	Store *store.Late
	Now   func() time.Time
	After time.Duration
}

// Run sweeps until ctx ends. A sweep that fails is logged; the next one looks again.
func (s *Sweep) Run(ctx context.Context) error {
	period := min(s.After/4, often)
	every.Do(ctx, period, period, func(ctx context.Context) {
		if err := s.Once(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "the sweep for stuck orders failed", "error", err)
		}
	})
	return nil
}

// Once sweeps once.
func (s *Sweep) Once(ctx context.Context) error {
	db, err := s.Store.Get(ctx)
	if err != nil {
		return err
	}
	return db.SweepStuck(ctx, message.DefaultTenant, s.Now(), s.After)
}
