// Package runfile reads what `dapr run -f` is told: which apps there are, which
// ports they and their sidecars have, and which resources they are given.
package runfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Name is the file that `dapr run -f` looks for in a folder.
const Name = "dapr.yaml"

// App is an app of a run file, as far as we need to know it.
type App struct {
	ID               string            `yaml:"appID"`
	DirPath          string            `yaml:"appDirPath"`
	Command          []string          `yaml:"command"`
	Env              map[string]string `yaml:"env"`
	Port             int               `yaml:"appPort"`
	HTTPPort         int               `yaml:"daprHTTPPort"`
	GRPCPort         int               `yaml:"daprGRPCPort"`
	InternalGRPCPort int               `yaml:"daprInternalGRPCPort"`
	MetricsPort      int               `yaml:"metricsPort"`
}

// AppMetricsPort is the variable that says on which port an app has its metrics,
// if it has any.
const AppMetricsPort = "OTEL_EXPORTER_PROMETHEUS_PORT"

// AppMetricsPort is the app's own, not its sidecar's; 0 if the run file gives it
// none.
func (a App) AppMetricsPort() int {
	port, err := strconv.Atoi(a.Env[AppMetricsPort])
	if err != nil {
		return 0
	}
	return port
}

// File is a run file. Its paths are relative to the folder that it is in.
type File struct {
	Common struct {
		ResourcesPaths []string          `yaml:"resourcesPaths"`
		ConfigFilePath string            `yaml:"configFilePath"`
		MaxBodySize    string            `yaml:"maxBodySize"`
		Env            map[string]string `yaml:"env"`
	} `yaml:"common"`
	Apps []App `yaml:"apps"`
}

// Read reads the run file in a folder.
func Read(dir string) (File, error) {
	var f File
	path := filepath.Join(dir, Name)
	b, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	if err := yaml.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// workspace is only in the root of the repository.
const workspace = "go.work"

// Root finds the root of the repository, from the working directory upwards.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, workspace)); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("there is no %s in %s or above", workspace, start)
		}
	}
}
