// Command chart brings the Helm chart up to date with the rest of the
// repository: the component sets that it contains, and its README, which has a
// table of the values made from the comments in values.yaml. Run it in tools/chart
// (`make generate` does). With the argument age it says how old the images of the
// trial's servers are (`make image-age`).
package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	root     = "../.."
	chartDir = root + "/charts/plenary"
)

func main() {
	if slices.Equal(os.Args[1:], []string{"age"}) {
		if err := tellAge(chartDir, time.Now(), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "chart:", err)
			os.Exit(1)
		}
		return
	}
	if err := errors.Join(copyComponents(root, chartDir), writeReadme(chartDir)); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

// copyComponents puts the files of the component sets into the chart, since a
// chart cannot reach out of its folder. Secret stores stay behind: the chart has
// its own.
func copyComponents(root, chart string) error {
	files := filepath.Join(chart, "files")
	sets, err := clusterSets(root)
	if err != nil {
		return err
	}
	stale, err := filepath.Glob(filepath.Join(files, "*", "*"))
	if err != nil {
		return err
	}
	for _, file := range stale {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	for _, name := range sets {
		dir := filepath.Join(root, "components", name, "resources")
		found, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("%s: no components", dir)
		}
		scripts, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "*.lua"))
		if err != nil {
			return err
		}
		found = append(found, scripts...)
		if err := os.MkdirAll(filepath.Join(files, name), 0o755); err != nil {
			return err
		}
		for _, file := range found {
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if strings.Contains(string(content), "type: secretstores.") {
				continue
			}
			if err := os.WriteFile(filepath.Join(files, name, filepath.Base(file)), content, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// clusterSets are the component sets that the chart offers: files/topology.yaml,
// which is generated from topology.yaml, has them.
func clusterSets(root string) (sets []string, err error) {
	content, err := os.ReadFile(filepath.Join(root, "charts", "plenary", "files", "topology.yaml"))
	if err != nil {
		return nil, err
	}
	var facts struct {
		Brokers map[string]struct{ Set string }
		Stores  map[string]string
	}
	if err := yaml.Unmarshal(content, &facts); err != nil {
		return nil, err
	}
	for _, broker := range facts.Brokers {
		sets = append(sets, broker.Set)
	}
	sets = slices.AppendSeq(sets, maps.Values(facts.Stores))
	slices.Sort(sets)
	return slices.Compact(sets), nil
}
