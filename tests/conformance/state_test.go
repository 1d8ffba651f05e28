// Package conformance runs the suites of the engine's ports on the real Dapr,
// with the component set that PLENARY_COMPONENTS names. The apps are in the test.
package conformance

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dapr/go-sdk/client"

	"github.com/plenary/plenary/engine/leftout"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/state/daprstate"
	"github.com/plenary/plenary/engine/state/statetest"
	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/servers"
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

// MySQL belongs to no set, so it is tried with one of them.
func TestStateOnMySQL(t *testing.T) {
	if system.Set.Name != components.Local {
		t.Skip("tried with the local set: it is the same with each")
	}
	system.Watch(t)
	const user, password, secret = "plenary", "for-this-test-only", "mysql-connection"
	port, err := system.AddServer(servers.MariaDB, &url.URL{Scheme: "mysql", User: url.UserPassword(user, password), Path: "/plenary"})
	if errors.Is(err, servers.ErrNotInstalled) {
		leftout.Skip(t, "state on MySQL", servers.Install(servers.MariaDB))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { system.Stop(servers.MariaDB) })
	if err := system.Restart(t.Context(), servers.MariaDB); err != nil {
		t.Fatal(err)
	}
	secrets := maps.Clone(system.Set.Secrets)
	// At MySQL's own level of isolation, those who create keys side by side lock each
	// other out.
	secrets[secret] = fmt.Sprintf("%s:%s@tcp(%s)/?tx_isolation=%%27READ-COMMITTED%%27", user, password, address(port))
	if err := secrets.Write(filepath.Join(system.Dir, system.Set.SecretsFile())); err != nil {
		t.Fatal(err)
	}
	component, err := os.ReadFile("testdata/mysql.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(system.Dir, system.Set.Folder(), "resources", "mysql.yaml"), component, 0o644); err != nil {
		t.Fatal(err)
	}
	dapr := newApps().beside(t, "order")
	for _, strategy := range []daprstate.Strategy{daprstate.StrategyFor("state.mysql"), daprstate.OneByOne} {
		t.Run("mysql "+strategyNames[strategy], func(t *testing.T) {
			statetest.Run(t, func(*testing.T) state.Store { return daprstate.New(dapr, "mysql", strategy) })
		})
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
