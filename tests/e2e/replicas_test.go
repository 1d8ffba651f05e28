package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/rush"
)

// Two replicas of the query service share its database and the events. Whoever
// waits for an outcome or watches an order at one of them is told what the other
// has taken in, and each may die.
func TestTwoReplicasOfTheQueryServiceAreOne(t *testing.T) {
	if !strings.HasPrefix(system.Set.Secrets["query-database"], "postgres") {
		t.Skip("the query service of this set has a database of one replica")
	}
	s := own(t, map[string]string{"PLENARY_HOLD": "40s", "PLENARY_GRACE": "2s", "PLENARY_SWEEP": "2s"})
	_, second := s.Second("query")
	start := func(parts ...string) {
		t.Helper()
		g, ctx := errgroup.WithContext(t.Context())
		for _, part := range parts { // each is ready only when the other is there
			g.Go(func() error { return s.Restart(ctx, part) })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	start(second, harness.Sidecar(second))

	sale, err := rush.Open(t.Context(), s.Organiser(), s.API(), 1000, 10)
	if err != nil {
		t.Fatal(err)
	}
	r := &rush.Rush{Sale: sale, Orders: 100, AtOnce: 10, Patience: 5 * time.Minute}
	if err := r.Run(t.Context(), func(context.Context) error {
		for _, replica := range []string{"query", second} {
			t.Logf("kill -9 %s", replica)
			s.Kill(replica)
			s.Kill(harness.Sidecar(replica))
			start(replica, harness.Sidecar(replica))
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	ends, err := r.Check(t.Context(), 3*within)
	t.Logf("%d orders, which ended %v", r.Placed(), ends)
	if err != nil {
		t.Error(err)
	}
}
