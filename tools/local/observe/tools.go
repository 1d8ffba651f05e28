package observe

import (
	"context"
	"io"
	"path/filepath"

	"github.com/plenary/plenary/tools/local/toolbuild"
)

var prometheusTools = toolbuild.Tools{
	Name:    "Prometheus (prometheus, promtool)",
	Minutes: 3, Gigabyte: 2,
	Module:  "prometheus",
	Owner:   "github.com/prometheus/prometheus",
	Setting: "github.com/prometheus/common/version.Version",
	// Without the clouds that it could find its targets in, it is half as large.
	Tags: "remove_all_sd",
	Packages: []string{
		"github.com/prometheus/prometheus/cmd/prometheus",
		"github.com/prometheus/prometheus/cmd/promtool",
	},
}

var jaegerTools = toolbuild.Tools{
	Name:    "Jaeger",
	Minutes: 5, Gigabyte: 3,
	Module:   "jaeger",
	Owner:    "github.com/jaegertracing/jaeger",
	Setting:  "github.com/jaegertracing/jaeger/internal/version.latestVersion",
	Packages: []string{"github.com/jaegertracing/jaeger/cmd/jaeger"},
}

// Binaries are the programs that observe.
type Binaries struct {
	Jaeger, Prometheus, Promtool string
}

// Ensure builds the programs from their tool modules, if need be. It says on out
// what it does.
func Ensure(ctx context.Context, root string, out io.Writer) (Binaries, error) {
	dir := filepath.Join(root, ".bin", "observe")
	err := toolbuild.Ensure(ctx, root, dir, "What observes (Prometheus, Jaeger)", out, prometheusTools, jaegerTools)
	return Binaries{
		Jaeger: filepath.Join(dir, "jaeger"), Prometheus: filepath.Join(dir, "prometheus"), Promtool: filepath.Join(dir, "promtool"),
	}, err
}
