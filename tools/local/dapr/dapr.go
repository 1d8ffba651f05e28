// Package dapr finds the parts of Dapr that run locally, or builds them from the
// tool modules.
package dapr

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/plenary/plenary/engine/selfcheck/release"
	"github.com/plenary/plenary/tools/local/toolbuild"
)

// Ports that placement and scheduler are found at by default.
const (
	PlacementPort = 50005
	SchedulerPort = 50006
)

// Binaries are the parts of Dapr.
type Binaries struct {
	Version string // of the runtime
	// RuntimePath is what DAPR_RUNTIME_PATH has to be for the CLI to find daprd.
	RuntimePath string
	Daprd       string
	// Placement and Scheduler are empty where `dapr init` runs them already.
	Placement, Scheduler string
}

// oldest is the version that an installed CLI must have at least: 1.16.
var oldest = [2]int{1, 16}

// Ensure gives the binaries of an installed Dapr, if it is recent enough and
// complete, or else those built here from the tool module, which it builds if
// need be. It says on out what it does.
func Ensure(ctx context.Context, root string, out io.Writer) (Binaries, error) {
	if b, ok := installed(ctx, out); ok {
		return b, nil
	}
	types := usual
	beyond, err := unusual(root)
	if err != nil {
		return Binaries{}, err
	}
	if len(beyond) > 0 {
		fmt.Fprintf(out, "%s is not among the components of the small build of Dapr, so all are built.\n", strings.Join(beyond, ", "))
		types = nil
	}
	dir := builtIn(root)
	if err := toolbuild.Ensure(ctx, root, dir, "Dapr", out, runtimeTools(types)); err != nil {
		return Binaries{}, err
	}
	// The CLI looks for daprd in .dapr/bin.
	bin := filepath.Join(dir, ".dapr", "bin")
	if _, err := os.Stat(bin); err != nil {
		if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
			return Binaries{}, err
		}
		if err := os.Symlink("..", bin); err != nil {
			return Binaries{}, err
		}
	}
	version, err := versionOf(ctx, filepath.Join(dir, "daprd"))
	return Binaries{
		Version: version, RuntimePath: dir,
		Daprd:     filepath.Join(dir, "daprd"),
		Placement: filepath.Join(dir, "placement"), Scheduler: filepath.Join(dir, "scheduler"),
	}, err
}

// installed looks where `dapr init` installs.
func installed(ctx context.Context, out io.Writer) (Binaries, bool) {
	home, _ := os.UserHomeDir()
	dir := cmp.Or(os.Getenv("DAPR_RUNTIME_PATH"), home)
	bin := filepath.Join(dir, ".dapr", "bin")
	b := Binaries{RuntimePath: dir, Daprd: filepath.Join(bin, "daprd")}
	var err error
	if b.Version, err = versionOf(ctx, b.Daprd); err != nil {
		return Binaries{}, false
	}
	if !release.IsPatched(b.Version) {
		fmt.Fprintf(out, "The Dapr %s in %s is too old: the apps would refuse it (docs/self-check.md, dapr-version).\n", b.Version, dir)
		return Binaries{}, false
	}
	for _, part := range []struct {
		path *string
		name string
		port int
	}{{&b.Placement, "placement", PlacementPort}, {&b.Scheduler, "scheduler", SchedulerPort}} {
		path := filepath.Join(bin, part.name)
		if _, err := os.Stat(path); err == nil {
			*part.path = path
		} else if !listening(part.port) {
			fmt.Fprintf(out, "The Dapr %s in %s is not used: its %s is neither installed (dapr init --slim) nor running (dapr init).\n", b.Version, dir, part.name)
			return Binaries{}, false
		}
	}
	fmt.Fprintf(out, "Using the Dapr %s in %s.\n", b.Version, dir)
	return b, true
}

// CLI is the dapr CLI on the PATH, if it is recent enough, or else one that is
// built here. Nothing needs it but `dapr run -f`.
func CLI(ctx context.Context, root string, out io.Writer) (string, error) {
	if path, err := exec.LookPath("dapr"); err == nil {
		if v, err := versionOf(ctx, path); err == nil && recent(v) {
			return path, nil
		}
	}
	return filepath.Join(builtIn(root), "dapr"), toolbuild.Ensure(ctx, root, builtIn(root), "The dapr CLI", out, cliTools)
}

func builtIn(root string) string { return filepath.Join(root, ".bin", "dapr") }

// versionOf asks a program of Dapr for its version. The CLI answers
// "CLI version: 1.16.5 …", the others with the version alone.
func versionOf(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("version of %s: %w", path, err)
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out)), "CLI version: "), " ")
	return strings.TrimSpace(version), nil
}

func recent(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	return err1 == nil && err2 == nil && (a > oldest[0] || a == oldest[0] && b >= oldest[1])
}

func listening(port int) bool {
	const patience = time.Second
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), patience)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
