// Package components reads the component sets: which run file, resources and
// secrets a set has, and which servers it needs.
package components

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/tools/local/runfile"
	"github.com/plenary/plenary/tools/servers"
	"github.com/plenary/plenary/topology"
)

// Local is the set that needs no server but our own broker. Its run file is the
// one in the root of the repository.
const Local = "local"

// Variable names the set that the tests run on.
const Variable = "PLENARY_COMPONENTS"

// Folder holds the sets, in the root of the repository.
const Folder = "components"

// secretsFile is in the folder of its set.
const secretsFile = "secrets.json"

// Set is a component set.
type Set struct {
	Name string
	// Dir is the folder that the run file is in, from the root of the repository.
	Dir     string
	File    runfile.File
	Secrets Secrets
	// Buses are the types of the buses.
	Buses []string
}

// Read reads a set.
func Read(root, name string) (Set, error) {
	s := Set{Name: name, Dir: "."}
	if name != Local {
		s.Dir = filepath.Join(Folder, name)
	}
	var err error
	if s.Secrets, err = readSecrets(filepath.Join(root, s.SecretsFile())); errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("there is no component set %q; there are %s", name, strings.Join(Names(root), ", "))
	}
	if err != nil {
		return s, err
	}
	if s.Buses, err = s.readBuses(root); err != nil {
		return s, err
	}
	s.File, err = runfile.Read(filepath.Join(root, s.Dir))
	return s, err
}

// SidecarEnv is what the sidecars of apps need in their environment: those that read
// from a bus need what its type needs.
func (s Set) SidecarEnv(apps ...string) []string {
	for _, app := range apps {
		if len(topology.Of(app).Reads) > 0 {
			return component.Env(s.Buses...)
		}
	}
	return component.Env()
}

// readBuses reads the types of the buses of a set.
func (s Set) readBuses(root string) (types []string, err error) {
	for _, bus := range topology.Plenary().Buses {
		file := filepath.Join(root, s.Folder(), "resources", bus.Name+".yaml")
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var c struct{ Spec struct{ Type string } }
		if err := yaml.Unmarshal(b, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		types = append(types, c.Spec.Type)
	}
	return types, nil
}

// Names are those of all sets, the local one first.
func Names(root string) (all []string) {
	found, _ := filepath.Glob(filepath.Join(root, Folder, "*", secretsFile))
	for _, file := range found {
		if name := filepath.Base(filepath.Dir(file)); name == Local {
			all = slices.Insert(all, 0, name)
		} else {
			all = append(all, name)
		}
	}
	return all
}

// All reads every set.
func All(root string) (all []Set, err error) {
	for _, name := range Names(root) {
		s, err := Read(root, name)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Folder is the set's own, from the root.
func (s Set) Folder() string { return filepath.Join(Folder, s.Name) }

// SecretsFile is where the secrets of the set are, from the root.
func (s Set) SecretsFile() string { return filepath.Join(s.Folder(), secretsFile) }

// Definitions is the file with what a broker has to have before the first
// message, from the root.
func (s Set) Definitions() string { return filepath.Join(s.Folder(), "definitions.json") }

// DataDir is where the set keeps its data, from the root.
func (s Set) DataDir() string { return filepath.Join(".data", s.Name) }

// Resources are the folders with the resources of the set, from the root.
func (s Set) Resources() (paths []string) {
	for _, p := range s.File.Common.ResourcesPaths {
		paths = append(paths, filepath.Join(s.Dir, p))
	}
	return paths
}

// Config is the Configuration of the sidecars, from the root.
func (s Set) Config() string { return filepath.Join(s.Dir, s.File.Common.ConfigFilePath) }

// Secrets are the values of a set's secrets, by their names.
type Secrets map[string]string

func readSecrets(file string) (Secrets, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var s Secrets
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// Write writes the secrets where a sidecar reads them.
func (s Secrets) Write(file string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	const ownerOnly = 0o600
	return os.WriteFile(file, append(b, '\n'), ownerOnly)
}

// byScheme says which server an address is for.
var byScheme = map[string]string{
	"mqtt": servers.Broker, "redis": servers.Redis, "postgres": servers.PostgreSQL,
	"amqp": servers.RabbitMQ, "kafka": servers.Kafka, "mysql": servers.MariaDB,
}

// schemes of secrets that are a host and a port alone, as their components have it.
var schemes = map[string]string{"redis-host": "redis", "kafka-brokers": "kafka"}

// Connections are the addresses in the secrets, as URLs, by the server that they
// lead to. Redis's password is in its URL.
func (s Secrets) Connections() (map[string][]*url.URL, error) {
	all := map[string][]*url.URL{}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		u, err := s.address(name)
		if err != nil {
			return nil, err
		}
		if u == nil {
			continue
		}
		server := byScheme[u.Scheme]
		if server == servers.Redis {
			u.User = url.UserPassword("", s["redis-password"])
		}
		all[server] = append(all[server], u)
	}
	return all, nil
}

// At gives the secrets with the servers on other ports of this machine.
func (s Secrets) At(ports map[string]int) (Secrets, error) {
	moved := maps.Clone(s)
	for name := range s {
		u, err := s.address(name)
		if err != nil {
			return nil, err
		}
		if u == nil || ports[byScheme[u.Scheme]] == 0 {
			continue
		}
		u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[byScheme[u.Scheme]]))
		moved[name] = strings.TrimPrefix(u.String(), schemes[name]+"://")
	}
	return moved, nil
}

// address is that in a secret, nil if there is none.
func (s Secrets) address(name string) (*url.URL, error) {
	value := s[name]
	if scheme, ok := schemes[name]; ok {
		value = scheme + "://" + value
	}
	scheme, _, _ := strings.Cut(value, "://")
	if byScheme[scheme] == "" {
		return nil, nil
	}
	u, err := url.Parse(value)
	if err != nil {
		return nil, fmt.Errorf("secret %s is no address", name) // which may hold a password
	}
	return u, nil
}
