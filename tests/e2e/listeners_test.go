package e2e

import (
	"slices"
	"testing"

	"github.com/plenary/plenary/tests/harness"
)

// A sidecar puts the app's token on what it gets by its internal port, so that a
// neighbour on the network must not reach it.
func TestWhatRunsLocallyListensOnTheLoopbackOnly(t *testing.T) {
	harness.NeedsParts(t)
	harness.NeedsListeners(t)
	listeners, err := system.Listeners(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, l := range listeners {
		port := int(l.Address.Port())
		seen[port] = true
		open := slices.Contains(system.OpenHealth(), port)
		switch loopback := l.Address.Addr().IsLoopback(); {
		case !loopback && !open:
			t.Errorf("%s: everybody on the network reaches it", l)
		case loopback && open:
			t.Errorf("%s: Dapr has become better; take it out of OpenHealth", l)
		}
	}
	for _, app := range system.Apps {
		for _, port := range []int{app.Port, app.HTTPPort, app.GRPCPort, app.InternalGRPCPort, app.MetricsPort} {
			if !seen[port] {
				t.Errorf("the listener of %s on %d was not seen", app.ID, port)
			}
		}
	}
}
