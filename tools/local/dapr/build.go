package dapr

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/plenary/plenary/tools/local/toolbuild"
)

// runtimeTools builds the parts of Dapr, unmodified. With types, daprd has the
// components of these types alone ("state.redis"), which halves the time of the
// build and the memory of a sidecar; without, it has all that Dapr has.
func runtimeTools(types []string) toolbuild.Tools {
	t := toolbuild.Tools{
		Name:    "Dapr (daprd, placement, scheduler) with all components",
		Minutes: 13, Gigabyte: 7,
		Module:  "dapr",
		Owner:   "github.com/dapr/dapr",
		Setting: "github.com/dapr/dapr/pkg/buildinfo.version",
		Tags:    "allcomponents", // without it there are none
		Packages: []string{
			"github.com/dapr/dapr/cmd/daprd",
			"github.com/dapr/dapr/cmd/placement",
			"github.com/dapr/dapr/cmd/scheduler",
		},
	}
	if types == nil {
		return t
	}
	t.Name = "Dapr (daprd, placement, scheduler) with the components that are used"
	t.Minutes, t.Gigabyte = 8, 4
	t.Pruned = &toolbuild.Pruning{
		What: strings.Join(types, " "),
		Skip: []string{".github", "docker", "docs", "grafana", "img", "swagger", "tests"},
		Prune: func(folder string) error {
			return prune(filepath.Join(folder, "cmd", "daprd", "components"), types)
		},
	}
	return t
}

// prune deletes the files that register components of other types. Dapr registers
// each component in a file of its own, which is named for its kind: state_redis.go.
func prune(folder string, types []string) error {
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	missing := slices.Clone(types)
	for _, file := range files {
		path := filepath.Join(folder, file.Name())
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		kept := registered(file.Name(), string(b))
		if !slices.ContainsFunc(types, func(t string) bool { return slices.Contains(kept, t) }) {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
		missing = slices.DeleteFunc(missing, func(t string) bool { return slices.Contains(kept, t) })
	}
	if len(missing) > 0 {
		return fmt.Errorf("this version of Dapr has no component of type %s", strings.Join(missing, ", "))
	}
	return nil
}

// usual are the types that the component sets and the tests use.
var usual = []string{
	"configuration.postgresql", "configuration.redis",
	"nameresolution.kubernetes", "nameresolution.mdns", "nameresolution.sqlite",
	"pubsub.in-memory", "pubsub.jetstream", "pubsub.kafka", "pubsub.mqtt3", "pubsub.rabbitmq", "pubsub.redis",
	"secretstores.kubernetes", "secretstores.local.env", "secretstores.local.file",
	"state.consul", "state.in-memory", "state.mysql", "state.postgresql", "state.redis", "state.sqlite",
}

// declared finds the types that the files of a folder name, as component files and
// configurations do.
var declared = regexp.MustCompile(`(?m)^\s*type:\s*["']?((?:bindings|configuration|conversation|crypto|lock|middleware|pubsub|secretstores|state)\.[a-z0-9.-]+)`)

// unusual are the types that files under components name and that are not usual.
func unusual(root string) (types []string, err error) {
	err = filepath.WalkDir(filepath.Join(root, "components"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range declared.FindAllStringSubmatch(string(b), -1) {
			if t := found[1]; !slices.Contains(usual, t) && !slices.Contains(types, t) {
				types = append(types, t)
			}
		}
		return nil
	})
	return types, err
}

var quoted = regexp.MustCompile(`"([a-z0-9][a-z0-9.-]*)"`)

// registered are the types that a file of Dapr registers: the part of its name before
// the first underscore is the kind, and its strings are the names.
func registered(name, source string) (types []string) {
	kind, _, _ := strings.Cut(strings.TrimSuffix(name, ".go"), "_")
	for _, found := range quoted.FindAllStringSubmatch(source, -1) {
		types = append(types, kind+"."+found[1])
	}
	return types
}

var cliTools = toolbuild.Tools{
	Name:    "the dapr CLI",
	Minutes: 6, Gigabyte: 1.5,
	Module:   "dapr-cli",
	Owner:    "github.com/dapr/cli",
	Setting:  "main.version",
	Packages: []string{"github.com/dapr/cli"},
	Binary:   "dapr",
}
