// Package conformance runs the suites of the engine's ports on the real Dapr,
// with the component set that PLENARY_COMPONENTS names. The apps are in the test.
package conformance

import (
	"os"
	"strings"
	"testing"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/state/daprstate"
	"github.com/plenary/plenary/engine/state/statetest"
	"github.com/plenary/plenary/tests/harness"
)

var system *harness.System

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, harness.Options{Apart: true}, &system))
}

// Every state store of the set, through the sidecar of the first app that has it:
// in the way of writing that the engine picks for it, and key by key, which is
// what is fallen back on.
func TestStateStores(t *testing.T) {
	system.Watch(t)
	here := newApps()
	tried := map[string]bool{}
	for _, app := range system.Apps {
		dapr := here.beside(t, app.ID)
		name, kind := stateStore(t, dapr)
		if name == "" || tried[name] {
			continue
		}
		tried[name] = true
		strategies := []daprstate.Strategy{daprstate.StrategyFor(kind)}
		if strategies[0] != daprstate.OneByOne {
			strategies = append(strategies, daprstate.OneByOne)
		}
		for _, strategy := range strategies {
			t.Run(name+" "+strategyNames[strategy], func(t *testing.T) {
				statetest.Run(t, func(*testing.T) state.Store { return daprstate.New(dapr, name, strategy) })
			})
		}
	}
	if len(tried) == 0 {
		t.Error("no app has a state store")
	}
}

var strategyNames = map[daprstate.Strategy]string{
	daprstate.OneByOne: "one by one", daprstate.InTransaction: "in a transaction", daprstate.InBulk: "in bulk",
}

// stateStore is the state store of a sidecar, which most have.
func stateStore(t testing.TB, dapr client.Client) (name, kind string) {
	t.Helper()
	meta, err := dapr.GetMetadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range meta.RegisteredComponents {
		if strings.HasPrefix(c.Type, "state.") {
			return c.Name, c.Type
		}
	}
	return "", ""
}
