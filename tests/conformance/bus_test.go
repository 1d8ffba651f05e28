package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/bustest"
	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

// kinds are what travels on the buses.
var kinds = map[string]message.Kind{
	host.CommandBus: message.Command, host.EventBus: message.Event, host.DeadLetters: message.DeadLetterKind,
}

var scope = regexp.MustCompile(`(?m)^    - name: (allowedTopics|protectedTopics|publishingScopes|subscriptionScopes)\n.*\n`)

// unscoped lets every app publish and read everything, until the test ends: here one
// app publishes what many do elsewhere.
func unscoped(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(system.Dir, system.Set.Folder(), "resources", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		scoped, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		open := scope.ReplaceAll(scoped, nil)
		if len(open) == len(scoped) {
			if _, ok := kinds[strings.TrimSuffix(filepath.Base(file), ".yaml")]; ok {
				t.Fatalf("%s has no scopes", file)
			}
			continue
		}
		if err := os.WriteFile(file, open, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.WriteFile(file, scoped, 0o644); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBuses(t *testing.T) {
	system.Watch(t)
	unscoped(t)
	here := newApps()
	publisher, kind := here.publisher(t, "web")
	known := component.Of(kind)
	if known.Server == "" {
		t.Fatalf("which server is behind %s is not known", kind)
	}
	lacks := map[string]string{}
	if known.OneReplica != "" {
		lacks[bustest.Replicas] = known.OneReplica
	}
	// One topic of each reader: those of other publishers have readers that work alike.
	readers := map[string][]bustest.Reader{}
	for _, r := range topology.Plenary().Readers() {
		if !slices.ContainsFunc(readers[r.Bus], func(o bustest.Reader) bool { return o.App == r.App }) {
			readers[r.Bus] = append(readers[r.Bus], bustest.Reader{App: r.App, Kind: kinds[r.Bus], Topic: r.Topic})
		}
	}
	bustest.Run(t, bustest.Bus{
		Publisher:   publisher,
		Commands:    readers[host.CommandBus],
		Events:      readers[host.EventBus],
		DeadLetters: readers[host.DeadLetters][0],
		Replica: func(app string, o bustest.Options, h bus.Handler) (bustest.Part, error) {
			return here.replica(t, app, o, h), nil
		},
		Broker: part{name: known.Server},
		Lacks:  lacks,
	})
}
