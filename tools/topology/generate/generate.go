// Package generate makes the files that follow from topology.yaml and from the
// component sets: run files, components, subscriptions, the definitions of brokers,
// the chart's tables and docs/topology.md.
package generate

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/plenary/plenary/topology"
)

// Files are generated files by their path from the root of the repository.
type Files map[string][]byte

// All generates everything. root is the repository: what is written by hand beside
// what is generated is read from it.
func All(t *topology.Topology, root fs.FS) (Files, error) {
	sets, err := readSets(root)
	if err != nil {
		return nil, err
	}
	g := &generator{Topology: t, root: root, sets: sets, files: Files{}}
	if err := g.apps(); err != nil {
		return nil, err
	}
	for _, make := range []func() error{g.runFiles, g.deliveries, g.components, g.config, g.forget, g.chart, g.docs} {
		if err := make(); err != nil {
			return nil, err
		}
	}
	return g.files, nil
}

// Write brings the files of the repository up to date, and removes generated files
// that are no more.
func Write(t *topology.Topology, root string) error {
	files, err := All(t, os.DirFS(root))
	if err != nil {
		return err
	}
	stale, err := Stale(os.DirFS(root), files)
	if err != nil {
		return err
	}
	for _, file := range stale {
		if err := os.Remove(filepath.Join(root, file)); err != nil {
			return err
		}
	}
	for file, content := range files {
		path := filepath.Join(root, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Stale are the files in the folders of generated components that are not generated
// any more.
func Stale(root fs.FS, files Files) (stale []string, err error) {
	found, err := fs.Glob(root, "components/*/resources/*")
	if err != nil {
		return nil, err
	}
	for _, file := range found {
		if _, ok := files[file]; !ok {
			stale = append(stale, file)
		}
	}
	return stale, nil
}

// Outdated are the generated files that are not as they would be generated now.
func Outdated(t *topology.Topology, root fs.FS) ([]string, error) {
	files, err := All(t, root)
	if err != nil {
		return nil, err
	}
	outdated, err := Stale(root, files)
	if err != nil {
		return nil, err
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if there, err := fs.ReadFile(root, file); err != nil || !bytes.Equal(there, files[file]) {
			outdated = append(outdated, file)
		}
	}
	return outdated, nil
}

type generator struct {
	*topology.Topology
	root  fs.FS
	sets  []set
	files Files
}

// header is at the top of generated files.
const header = "Generated from topology/topology.yaml by make generate. Do not edit."

// apps sees to it that each app has a folder, and each folder is an app.
func (g *generator) apps() error {
	found, err := fs.Glob(g.root, "apps/*/main.go")
	if err != nil {
		return err
	}
	var folders []string
	for _, file := range found {
		folders = append(folders, strings.Split(file, "/")[1])
	}
	names := slices.Sorted(slices.Values(g.Names()))
	if !slices.Equal(folders, names) {
		return fmt.Errorf("the folders in apps are %v, the apps in topology.yaml %v", folders, names)
	}
	return nil
}

func (g *generator) read(file string) (string, error) {
	b, err := fs.ReadFile(g.root, file)
	return string(b), err
}

// block replaces, in a file that is written by hand, what stands between the lines
// that say begin and end.
func (g *generator) block(file string, contents ...string) error {
	text, err := g.read(file)
	if err != nil {
		return err
	}
	pattern := regexp.MustCompile(`(?m)^(.*generated from topology\.yaml: begin.*\n)(?s:.*?)(^.*generated from topology\.yaml: end.*\n)`)
	if found := len(pattern.FindAllString(text, -1)); found != len(contents) {
		return fmt.Errorf("%s has %d generated blocks, not %d", file, found, len(contents))
	}
	n := -1
	g.files[file] = []byte(pattern.ReplaceAllStringFunc(text, func(match string) string {
		n++
		parts := pattern.FindStringSubmatch(match)
		return parts[1] + contents[n] + parts[2]
	}))
	return nil
}

// list is a YAML list in one line.
func list(items []string) string { return "[" + strings.Join(items, ", ") + "]" }
