package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/rush"
	"github.com/plenary/plenary/tools/local/components"
)

// start starts parts that are ready only when the others are there.
func start(t *testing.T, s *harness.System, parts ...string) {
	t.Helper()
	g, ctx := errgroup.WithContext(t.Context())
	for _, part := range parts {
		g.Go(func() error { return s.Restart(ctx, part) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// killReplica is kill -9 of an app and its sidecar, and a new start.
func killReplica(t *testing.T, s *harness.System, replica string) {
	t.Helper()
	t.Logf("kill -9 %s and its sidecar", replica)
	s.Kill(replica)
	s.Kill(harness.Sidecar(replica))
	start(t, s, replica, harness.Sidecar(replica))
}

// Two replicas of each app take turns at the same streams, and each leaves to the other to
// publish what that one committed. When one dies before it did, its messages come again to
// the other.
func TestEitherOfTwoReplicasMayBeKilled(t *testing.T) {
	if system.Set.Name == components.Local {
		t.Skip("the broker of this set gives every message to every replica")
	}
	s := own(t, hurried("40s"))
	var replicas []string
	for _, app := range []string{"order", "seats", "registration-process", "payments"} {
		_, second := s.Second(app)
		start(t, s, second, harness.Sidecar(second))
		replicas = append(replicas, app, second)
	}
	survive(t, s, func() {
		for _, replica := range replicas {
			killReplica(t, s, replica)
		}
	})
}

// Two replicas of the query service share its database and the events. Whoever
// waits for an outcome or watches an order at one of them is told what the other
// has taken in, and each may die.
func TestTwoReplicasOfTheQueryServiceAreOne(t *testing.T) {
	if !strings.HasPrefix(system.Set.Secrets["query-database"], "postgres") {
		t.Skip("the query service of this set has a database of one replica")
	}
	s := own(t, hurried("40s"))
	_, second := s.Second("query")
	start(t, s, second, harness.Sidecar(second))

	sale, err := rush.Open(t.Context(), s.Organiser(), s.API(), 1000, 10)
	if err != nil {
		t.Fatal(err)
	}
	r := &rush.Rush{Sale: sale, Orders: 100, AtOnce: 10, Patience: 5 * time.Minute}
	if err := r.Run(t.Context(), func(context.Context) error {
		for _, replica := range []string{"query", second} {
			killReplica(t, s, replica)
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
