// Package runfile reads what `dapr run -f` is told: which apps there are, and
// which ports they and their sidecars have.
package runfile

import (
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// Name is the file that `dapr run -f .` looks for.
const Name = "dapr.yaml"

// App is an app of a run file, as far as we need to know it.
type App struct {
	ID               string   `yaml:"appID"`
	Command          []string `yaml:"command"`
	Port             int      `yaml:"appPort"`
	HTTPPort         int      `yaml:"daprHTTPPort"`
	GRPCPort         int      `yaml:"daprGRPCPort"`
	InternalGRPCPort int      `yaml:"daprInternalGRPCPort"`
	MetricsPort      int      `yaml:"metricsPort"`
}

// File is a run file.
type File struct {
	Common struct {
		MaxBodySize string `yaml:"maxBodySize"`
	} `yaml:"common"`
	Apps []App `yaml:"apps"`
}

// Read reads the run file in the root of the repository.
func Read(root string) (File, error) {
	var f File
	b, err := os.ReadFile(filepath.Join(root, Name))
	if err != nil {
		return f, err
	}
	if err := yaml.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("%s: %w", Name, err)
	}
	return f, nil
}

// Root finds the root of the repository, from the working directory upwards.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, Name)); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("there is no %s in %s or above", Name, start)
		}
	}
}
