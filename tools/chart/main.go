// Command chart brings the Helm chart up to date with the rest of the
// repository: the component sets that it contains, and its README, which has a
// table of the values made from the comments in values.yaml. Run it in tools/chart
// (`make generate` does).
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	root     = "../.."
	chartDir = root + "/charts/plenary"
)

// sets are the component sets that a cluster can use. The local one is for one
// machine.
var sets = []string{"redis", "rabbitmq-postgres", "kafka-postgres"}

func main() {
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
	if err := os.RemoveAll(files); err != nil {
		return err
	}
	from := map[string]string{"common": filepath.Join(root, "components", "common")}
	for _, set := range sets {
		from[set] = filepath.Join(root, "components", set, "resources")
	}
	for name, dir := range from {
		found, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("%s: no components", dir)
		}
		if name == "redis" {
			found = append(found, filepath.Join(root, "components", "redis", "forget.lua"))
		}
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
