package dapr

import (
	"slices"
	"strings"
	"testing"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/runfile"
)

// Each part has a share of the machine. Where a set's buses need a sidecar to do one thing
// at a time (ADR 21), that counts on a machine of any size.
func TestAPartHasAShareOfTheMachineAndASidecarWhatItsBusesNeed(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	was := processors
	defer func() { processors = was }()
	root, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	sets, err := components.All(root)
	if err != nil {
		t.Fatal(err)
	}
	last := func(env []string) string {
		for _, entry := range slices.Backward(env) {
			if name, value, _ := strings.Cut(entry, "="); name == "GOMAXPROCS" {
				return value
			}
		}
		return ""
	}
	for cores, share := range map[int]string{2: "1", 8: "2", 64: "16"} {
		processors = cores
		for _, set := range sets {
			want := share
			if slices.Contains(set.Buses, "pubsub.redis") {
				want = "1"
			}
			app := runfile.App{ID: "order"}
			if got := last(Binaries{}.SidecarSpec(app, set, Ports{}, "", "").Env); got != want {
				t.Errorf("%s, %d processors: a sidecar has %q, want %q", set.Name, cores, got, want)
			}
			if got := last(AppSpec(app, set, "", "", "").Env); got != share {
				t.Errorf("%s, %d processors: an app has %q, want %q", set.Name, cores, got, share)
			}
		}
	}
}
