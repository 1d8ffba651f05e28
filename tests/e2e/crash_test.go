package e2e

import (
	"cmp"
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/rush"
)

// hurried are settings with which orders come to all of their ends within a minute or two,
// and lapse if nothing happens while one of the parts is away.
func hurried(hold string) map[string]string {
	return map[string]string{"PLENARY_HOLD": hold, "PLENARY_OFFER": "15s", "PLENARY_GRACE": "2s", "PLENARY_SWEEP": "2s"}
}

func TestNothingIsLostWhenPartsAreKilled(t *testing.T) {
	env := hurried("40s")
	t.Parallel()
	t.Run("each app and each sidecar in turn", func(t *testing.T) {
		s := own(t, env)
		survive(t, s, func() {
			for _, app := range s.Apps {
				kill(t, s, app.ID)
				kill(t, s, harness.Sidecar(app.ID))
			}
		})
	})
	t.Run("the brokers and stores of the set", func(t *testing.T) {
		s := own(t, env)
		survive(t, s, func() {
			for _, server := range s.Servers {
				kill(t, s, server)
				s.Stop(server) // once in good order
				if err := s.Restart(t.Context(), server); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
}

// kill is kill -9, and a new start.
func kill(t *testing.T, s *harness.System, part string) {
	t.Helper()
	t.Logf("kill -9 %s", part)
	s.Kill(part)
	if err := s.Restart(t.Context(), part); err != nil {
		t.Fatal(err)
	}
}

// orders is how many are placed at least while something happens: PLENARY_ORDERS,
// or 200.
func orders(t *testing.T) int {
	t.Helper()
	text := cmp.Or(os.Getenv("PLENARY_ORDERS"), "200")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("PLENARY_ORDERS: %v", err)
	}
	return n
}

// survive has orders run, with a promo code, a line and seats that are given back, while
// something happens, and then looks whether all came to a right end.
func survive(t *testing.T, s *harness.System, happens func()) {
	s.Watch(t)
	sale, err := rush.Open(t.Context(), s.Organiser(), s.API(), 5*orders(t), 20)
	if err != nil {
		t.Fatal(err)
	}
	if sale, err = sale.All(t.Context(), s.Organiser()); err != nil {
		t.Fatal(err)
	}
	r := &rush.Rush{Sale: sale, Orders: orders(t), AtOnce: 10, Patience: 5 * time.Minute}
	if err := r.Run(t.Context(), func(context.Context) error { happens(); return nil }); err != nil {
		t.Error(err)
	}
	ends, err := r.Check(t.Context(), 3*within)
	t.Logf("%d orders, which ended %v", r.Placed(), ends)
	if err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.Logf("requests met %+v", r.Faults())
	}
	sameEverywhere(t, s)
}
