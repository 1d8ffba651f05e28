package e2e

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/topology"
)

// Holds and limits change in the Dapr configuration store while the apps run. An order
// that is there keeps what it began with.
func TestSettingsChangeWithoutARestart(t *testing.T) {
	if system.Set.Name != component.Redis {
		t.Skip("the set has no configuration store")
	}
	s := own(t, map[string]string{"PLENARY_HOLD": "10m", "PLENARY_MAX_SEATS_PER_TYPE": "4"})
	c := onSale(t, s, quotas{workshop: 100_000}) // the workshop is for those that are placed again and again
	set := func(item string) {
		t.Helper()
		host, port, err := net.SplitHostPort(s.Set.Secrets["redis-host"])
		c.must(err)
		out, err := exec.CommandContext(t.Context(), "redis-cli", "-h", host, "-p", port, "set", topology.Settings, item).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "OK" {
			t.Fatalf("redis-cli: %s, %v", out, err)
		}
	}
	order := c.place(seats(c.general, 4))
	before := c.await(order, "reserved")

	set(`{"PLENARY_HOLD": "30m", "PLENARY_MAX_SEATS_PER_TYPE": "2"}`)
	harness.Eventually(t, 2*within, func(ctx context.Context) error { // each looks once a minute while there is none
		if _, err := c.anyone.PlaceOrder(ctx, c.id, seats(c.workshop, 3)); err == nil {
			return errors.New("more are taken than the setting allows")
		}
		return nil
	})
	placed := time.Now()
	later := c.await(c.place(seats(c.general, 2)), "reserved")
	if hold := later.Deadline.Sub(placed); hold < 29*time.Minute {
		t.Errorf("the hold is %s, not 30m", hold)
	}
	if o := c.await(order, "reserved"); !o.Deadline.Equal(before.Deadline) || o.Granted(c.general) != 4 {
		t.Errorf("the order that was there has its deadline at %s, not %s, and %d seats", o.Deadline, before.Deadline, o.Granted(c.general))
	}

	set(`{"PLENARY_HOLD": "30m", "PLENARY_MAX_SEATS_PER_TYPE": "none"}`) // refused: what was before goes on
	set(`{"PLENARY_MAX_SEATS_PER_TYPE": "3"}`)
	harness.Eventually(t, within, func(ctx context.Context) error {
		_, err := c.anyone.PlaceOrder(ctx, c.id, seats(c.general, 3))
		return err
	})
}
