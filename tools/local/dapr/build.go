package dapr

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/plenary/plenary/tools/local/gobuild"
)

// tools are programs that a tool module builds.
type tools struct {
	name     string  // for people
	minutes  float64 // that the first build takes, on two cores
	gigabyte float64 // of disk that it takes, in the caches of Go
	module   string  // folder under tools
	owner    string  // the module whose version they have
	setting  string  // the variable that holds their version
	tags     string
	packages []string
	binary   string // the name of the only program, if it is not its package's
}

var runtimeTools = tools{
	name:    "Dapr (daprd, placement, scheduler)",
	minutes: 6.5, gigabyte: 7,
	module:  "dapr",
	owner:   "github.com/dapr/dapr",
	setting: "github.com/dapr/dapr/pkg/buildinfo.version",
	tags:    "allcomponents", // without it there are none
	packages: []string{
		"github.com/dapr/dapr/cmd/daprd",
		"github.com/dapr/dapr/cmd/placement",
		"github.com/dapr/dapr/cmd/scheduler",
	},
}

var cliTools = tools{
	name:    "the dapr CLI",
	minutes: 2.5, gigabyte: 1.5,
	module:   "dapr-cli",
	owner:    "github.com/dapr/cli",
	setting:  "main.version",
	packages: []string{"github.com/dapr/cli"},
	binary:   "dapr",
}

// buildAll builds the tools that are not there yet, or were built from other
// sources. It says first what that takes.
func buildAll(ctx context.Context, root string, out io.Writer, all ...tools) error {
	var missing []tools
	var minutes, gigabyte float64
	for _, t := range all {
		current, err := t.current(root)
		if err != nil {
			return err
		}
		if !current {
			missing, minutes, gigabyte = append(missing, t), minutes+t.minutes, gigabyte+t.gigabyte
		}
	}
	if len(missing) == 0 {
		return nil
	}
	fmt.Fprintf(out, "Dapr is built from its Go modules now. The first time that takes about %.0f minutes\non two cores and %.1f GB of disk, in the caches of Go; later runs start at once.\n", math.Ceil(minutes), gigabyte)
	for _, t := range missing {
		if err := t.build(ctx, root, out); err != nil {
			return fmt.Errorf("build %s: %w", t.name, err)
		}
	}
	return nil
}

func (t tools) source(root string) string { return filepath.Join(root, "tools", t.module) }

// stamp holds the fingerprint of what the binaries were built from.
func (t tools) stamp(root string) string { return filepath.Join(builtIn(root), t.module+".stamp") }

func (t tools) current(root string) (bool, error) {
	want, err := t.fingerprint(t.source(root))
	if err != nil {
		return false, err
	}
	have, err := os.ReadFile(t.stamp(root))
	return err == nil && string(have) == want && t.complete(builtIn(root)), nil
}

func (t tools) build(ctx context.Context, root string, out io.Writer) error {
	fmt.Fprintf(out, "Building %s.\n", t.name)
	module, dir := t.source(root), builtIn(root)
	want, err := t.fingerprint(module)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	version, err := t.version(ctx, module)
	if err != nil {
		return err
	}
	flags := []string{"-trimpath", "-ldflags", "-s -w -X " + t.setting + "=" + version}
	if t.tags != "" {
		flags = append(flags, "-tags", t.tags)
	}
	output := dir + string(filepath.Separator)
	if t.binary != "" {
		output = filepath.Join(dir, t.binary)
	}
	err = gobuild.Build(ctx, gobuild.Options{
		Dir: module,
		// On its own, and with exactly the sums that are committed.
		Env:   []string{"GOWORK=off", "GOFLAGS=-mod=readonly"},
		Flags: flags, Packages: t.packages, Output: output, Progress: out,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(t.stamp(root), []byte(want), 0o644)
}

func (t tools) complete(dir string) bool {
	for _, p := range t.packages {
		if _, err := os.Stat(filepath.Join(dir, cmp.Or(t.binary, path.Base(p)))); err != nil {
			return false
		}
	}
	return true
}

// fingerprint changes with everything that the binaries are made of.
func (t tools) fingerprint(module string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH, t.tags, t.setting, t.packages)
	for _, file := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(module, file))
		if err != nil {
			return "", err
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// version is the version of the owner that the tool module requires.
func (t tools) version(ctx context.Context, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "edit", "-json")
	cmd.Dir = module
	b, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("read go.mod of tools/%s: %w", t.module, err)
	}
	var mod struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(b, &mod); err != nil {
		return "", fmt.Errorf("read go.mod of tools/%s: %w", t.module, err)
	}
	for _, r := range mod.Require {
		if r.Path == t.owner {
			return strings.TrimPrefix(r.Version, "v"), nil
		}
	}
	return "", fmt.Errorf("tools/%s does not require %s", t.module, t.owner)
}
