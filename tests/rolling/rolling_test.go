// Package rolling has two versions of Plenary run beside each other: the one in the
// repository, and one of the future, which is the same source with an event type and a
// field more.
package rolling

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/rolling/next"
	"github.com/plenary/plenary/tests/rush"
	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/servers/ready"
)

const (
	within   = 5 * time.Minute // what follows may take so long on a busy machine
	patience = 5 * time.Minute // of a registrant
)

// Two builds serve side by side while people order and pay: every app is replaced by the
// next version, and back, and again; then what is new is written, and even then a replica
// of the older version that comes back does no harm. No message is given up, and every
// order ends right.
func TestTwoBuildsRollOverEachOther(t *testing.T) {
	s := harness.New(t, harness.Options{Env: map[string]string{"PLENARY_HOLD": "2m", "PLENARY_GRACE": "5s", "PLENARY_SWEEP": "2s"}})
	sources, err := next.Sources()
	if err != nil {
		t.Fatal(err)
	}
	newer, err := s.BuildWith(t.Context(), sources)
	if err != nil {
		t.Fatal(err)
	}
	older := filepath.Join(s.Dir, "bin")
	app, second := s.Second("order")

	replace := func(ctx context.Context, part, app, programs string, env ...string) error {
		t.Logf("%s is that of %s %v", part, filepath.Base(filepath.Dir(programs)), env)
		s.Stop(part)
		s.Use(part, filepath.Join(programs, app), env...)
		return s.Restart(ctx, part)
	}
	all := func(ctx context.Context, programs string, env ...string) error {
		for _, app := range s.Apps {
			if err := replace(ctx, app.ID, app.ID, programs, env...); err != nil {
				return err
			}
		}
		return nil
	}

	sale, err := rush.Open(t.Context(), s.Organiser(), s.API(), 1000, 10)
	if err != nil {
		t.Fatal(err)
	}
	r := &rush.Rush{Sale: sale, Orders: 100, AtOnce: 8, Patience: patience}
	var before, after string // orders that were placed before what is new was written, and after
	place := func(ctx context.Context, id *string) error {
		return ready.Until(ctx, func(ctx context.Context) (err error) {
			*id, err = s.API().PlaceOrder(ctx, sale.ID, api.Item{SeatType: sale.General, Quantity: 1})
			return err
		})
	}
	if err := r.Run(t.Context(), func(ctx context.Context) error {
		s.Use(second, filepath.Join(newer, app.ID))
		var both errgroup.Group // each is ready only when the other is there
		for _, part := range []string{second, harness.Sidecar(second)} {
			both.Go(func() error { return s.Restart(ctx, part) })
		}
		if err := both.Wait(); err != nil {
			return err
		}
		for _, programs := range []string{newer, older, newer} {
			if err := all(ctx, programs); err != nil {
				return err
			}
		}
		if err := place(ctx, &before); err != nil {
			return err
		}
		raised := "PLENARY_WRITES=" + next.Version
		if err := replace(ctx, second, app.ID, newer, raised); err != nil {
			return err
		}
		if err := all(ctx, newer, raised); err != nil {
			return err
		}
		if err := place(ctx, &after); err != nil {
			return err
		}
		// An older replica comes back although it should not.
		if err := replace(ctx, second, app.ID, older); err != nil {
			return err
		}
		placed := r.Placed()
		const meanwhile = 20
		if err := ready.Until(ctx, func(context.Context) error {
			if n := r.Placed() - placed; n < meanwhile {
				return fmt.Errorf("%d orders only while an older replica is there", n)
			}
			return nil
		}); err != nil {
			return err
		}
		return replace(ctx, second, app.ID, newer, raised)
	}); err != nil {
		t.Error(err)
	}
	ends, err := r.Check(t.Context(), within)
	faults := r.Faults()
	t.Logf("%d orders, which ended %v; nobody waited longer than %s", r.Placed(), ends, faults.Longest)
	for _, kind := range slices.Sorted(maps.Keys(faults.Errors)) {
		t.Logf("%6d × %s", faults.Errors[kind], kind)
	}
	if faults.Longest > 30*time.Second {
		t.Logf("why so long: %s", r.Story(t.Context(), faults.Of))
	}
	if err != nil {
		t.Error(err)
	}
	letters, err := s.Operator().DeadLetters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		t.Errorf("given up by %s: %s", l.Handler, l.Reason)
	}

	greeted := func(id string) bool {
		t.Helper()
		entries, err := s.API().Timeline(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(entries, func(e api.TimelineEntry) bool { return e.Type == next.Event })
	}
	if greeted(before) {
		t.Error("what is new was written before it was time")
	}
	if !greeted(after) {
		t.Error("what is new was never written: this shows too little")
	}
}
