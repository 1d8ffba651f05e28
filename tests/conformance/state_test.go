// Package conformance runs the suites of the engine's ports on the real Dapr.
package conformance

import (
	"net"
	"os"
	"strconv"
	"testing"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/state/daprstate"
	"github.com/plenary/plenary/engine/state/statetest"
	"github.com/plenary/plenary/tests/harness"
)

var system *harness.System

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, harness.Options{Apps: []string{"order"}}, &system))
}

func TestStateOnSQLite(t *testing.T) {
	system.Watch(t)
	dapr, err := client.NewClientWithAddressContext(t.Context(), net.JoinHostPort("127.0.0.1", strconv.Itoa(system.App("order").GRPCPort)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dapr.Close)
	for name, strategy := range map[string]daprstate.Strategy{
		"one by one": daprstate.OneByOne, "in a transaction": daprstate.InTransaction,
	} {
		t.Run(name, func(t *testing.T) {
			statetest.Run(t, func(*testing.T) state.Store { return daprstate.New(dapr, host.StateStore, strategy) })
		})
	}
}
