// Package toolbuild builds programs from tool modules: Go modules of ours, under
// tools, that do nothing but pin the versions of somebody else's programs.
package toolbuild

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/plenary/plenary/tools/local/gobuild"
)

// Tools are programs that a tool module builds.
type Tools struct {
	Name     string  // for people
	Minutes  float64 // that the first build takes, on two cores
	Gigabyte float64 // of disk that it takes, in the caches of Go
	Module   string  // folder under tools
	Owner    string  // the module whose version they have
	Setting  string  // the variable that holds their version
	Tags     string
	Packages []string
	Binary   string // the name of the only program, if it is not its package's
	// Pruned makes the build use a copy of the owner's module from which something
	// was taken out; nil uses the module itself.
	Pruned *Pruning
}

// Pruning takes files out of a copy of a module.
type Pruning struct {
	// What names what is left, for the fingerprint.
	What string
	// Skip are folders of the module that no program needs.
	Skip []string
	// Prune changes the copy, in a folder.
	Prune func(folder string) error
}

// Ensure builds into dir the tools that are not there yet, or were built from
// other sources. It says first, on out, what that takes; what names them all.
// The error says which could not be built.
func Ensure(ctx context.Context, root, dir, what string, out io.Writer, all ...Tools) error {
	var missing []Tools
	var minutes, gigabyte float64
	for _, t := range all {
		current, err := t.current(root, dir)
		if err != nil {
			return err
		}
		if !current {
			missing, minutes, gigabyte = append(missing, t), minutes+t.Minutes, gigabyte+t.Gigabyte
		}
	}
	if len(missing) == 0 {
		return nil
	}
	fmt.Fprintf(out, "%s is built from its Go modules now. The first time that takes about %.0f minutes\non two cores and %.1f GB of disk, in the caches of Go; later runs start at once.\n", what, math.Ceil(minutes), gigabyte)
	for _, t := range missing {
		if err := t.build(ctx, root, dir, out); err != nil {
			return fmt.Errorf("build %s: %w", t.Name, err)
		}
	}
	return nil
}

func (t Tools) source(root string) string { return filepath.Join(root, "tools", t.Module) }

// stamp holds the fingerprint of the sources of the binaries.
func (t Tools) stamp(dir string) string { return filepath.Join(dir, t.Module+".stamp") }

func (t Tools) current(root, dir string) (bool, error) {
	want, err := t.fingerprint(t.source(root))
	if err != nil {
		return false, err
	}
	have, err := os.ReadFile(t.stamp(dir))
	return err == nil && string(have) == want && t.complete(dir), nil
}

func (t Tools) build(ctx context.Context, root, dir string, out io.Writer) error {
	fmt.Fprintf(out, "Building %s.\n", t.Name)
	module := t.source(root)
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
	// Without -trimpath, as the apps and their tests are built: what they share is
	// compiled once.
	flags := []string{"-ldflags", "-s -w -X " + t.Setting + "=" + version}
	if t.Tags != "" {
		flags = append(flags, "-tags", t.Tags)
	}
	if t.Pruned != nil {
		modfile, err := t.prune(ctx, module, dir, version)
		if err != nil {
			return err
		}
		flags = append(flags, "-modfile="+modfile)
	}
	output := dir + string(filepath.Separator)
	if t.Binary != "" {
		output = filepath.Join(dir, t.Binary)
	}
	err = gobuild.Build(ctx, gobuild.Options{
		Dir: module, Env: environment, Flags: flags, Packages: t.Packages, Output: output, Progress: out,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(t.stamp(dir), []byte(want), 0o644)
}

func (t Tools) complete(dir string) bool {
	for _, p := range t.Packages {
		if _, err := os.Stat(filepath.Join(dir, cmp.Or(t.Binary, path.Base(p)))); err != nil {
			return false
		}
	}
	return true
}

// fingerprint changes with everything that the binaries are made of.
func (t Tools) fingerprint(module string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH, t.Tags, t.Setting, t.Packages)
	if t.Pruned != nil {
		fmt.Fprintln(h, t.Pruned.What)
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(module, file))
		if err != nil {
			return "", err
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// prune makes the copy of the owner's module, and a go.mod that has it in the
// module's place.
func (t Tools) prune(ctx context.Context, module, dir, version string) (modfile string, err error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", t.Owner+"@v"+version)
	cmd.Dir, cmd.Env = module, append(os.Environ(), environment...)
	said, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w: %s", t.Owner, err, said)
	}
	var fetched struct{ Dir string }
	if err := json.Unmarshal(said, &fetched); err != nil {
		return "", fmt.Errorf("fetch %s: %w", t.Owner, err)
	}
	source, err := t.copy(fetched.Dir, version)
	if err != nil {
		return "", err
	}
	modfile = filepath.Join(dir, t.Module+".mod")
	for from, to := range map[string]string{"go.mod": modfile, "go.sum": filepath.Join(dir, t.Module+".sum")} {
		b, err := os.ReadFile(filepath.Join(module, from))
		if err != nil {
			return "", err
		}
		if from == "go.mod" {
			b = fmt.Appendf(b, "\nreplace %s => %s\n", t.Owner, source)
		}
		if err := os.WriteFile(to, b, 0o644); err != nil {
			return "", err
		}
	}
	return modfile, nil
}

// copy makes the copy, or takes the one that is there. It is in the user's cache,
// beside Go's own, since Go compiles anew what is in another folder.
func (t Tools) copy(from, version string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(t.Pruned.What))
	const enough = 6
	to := filepath.Join(cache, "plenary", fmt.Sprintf("%s-%s-%x", t.Module, version, sum[:enough]))
	if exists(to) {
		return to, nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", err
	}
	making, err := os.MkdirTemp(filepath.Dir(to), "making-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(making) // nothing is left of it if all goes well
	if err := copyModule(from, making, t.Pruned.Skip); err != nil {
		return "", err
	}
	if err := t.Pruned.Prune(making); err != nil {
		return "", err
	}
	if err := os.Rename(making, to); err != nil && !exists(to) { // another build may have been first
		return "", err
	}
	return to, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// copyModule copies what is built and embedded, but no tests.
func copyModule(from, to string, skip []string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		switch {
		case entry.IsDir() && slices.Contains(skip, name):
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case strings.HasSuffix(name, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o644)
	})
}

// environment has a tool module stand on its own, with exactly the sums that are
// committed.
var environment = []string{"GOWORK=off", "GOFLAGS=-mod=readonly"}

// version is the version of the owner that the tool module requires.
func (t Tools) version(ctx context.Context, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "edit", "-json")
	cmd.Dir = module
	b, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("read go.mod of tools/%s: %w", t.Module, err)
	}
	var mod struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(b, &mod); err != nil {
		return "", fmt.Errorf("read go.mod of tools/%s: %w", t.Module, err)
	}
	for _, r := range mod.Require {
		if r.Path == t.Owner {
			return strings.TrimPrefix(r.Version, "v"), nil
		}
	}
	return "", fmt.Errorf("tools/%s does not require %s", t.Module, t.Owner)
}
