package next_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/rolling/next"
	"github.com/plenary/plenary/tools/local/runfile"
)

// The test that rolls two builds over each other takes minutes and is run by hand. That
// its second build can still be made is checked with every change.
func TestTheNextVersionCompiles(t *testing.T) {
	root, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	sources, err := next.Sources()
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := harness.Overlay(t.TempDir(), root, sources)
	if err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay="+overlay, "-o", filepath.Join(t.TempDir(), "order"), "./apps/order")
	build.Dir, build.Stdout, build.Stderr = root, os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		t.Fatal(err)
	}
}

func TestTheNextVersionIsWrittenWithoutWhatIsMade(t *testing.T) {
	dir := t.TempDir()
	if err := next.Write(dir); err != nil {
		t.Fatal(err)
	}
	registry, err := os.ReadFile(filepath.Join(dir, "contracts", "registry.go"))
	if err != nil || !strings.Contains(string(registry), next.Event) {
		t.Errorf("the registry is not the next version's: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.work")); err != nil {
		t.Error(err)
	}
	hidden, err := filepath.Glob(filepath.Join(dir, ".*"))
	for _, h := range hidden {
		if info, err := os.Stat(h); err == nil && info.IsDir() {
			t.Errorf("%s is no source", h)
		}
	}
	if err != nil {
		t.Error(err)
	}
}
