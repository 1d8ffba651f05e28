package components_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/runfile"
	"github.com/plenary/plenary/topology"
)

// all are the sets, with the root that they are in.
func all(t *testing.T) (root string, sets []components.Set) {
	t.Helper()
	root, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	if sets, err = components.All(root); err != nil || len(sets) < 4 {
		t.Fatalf("%d sets, %v", len(sets), err)
	}
	return root, sets
}

func TestASetUsesItsOwnResources(t *testing.T) {
	root, sets := all(t)
	local, err := components.Read(root, components.Local)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sets {
		if got, want := fmt.Sprint(s.Resources()), fmt.Sprint([]string{filepath.Join(s.Folder(), "resources")}); got != want {
			t.Errorf("%s: resources are %s, want %s", s.Name, got, want)
		}
		if s.Config() != "components/config.yaml" {
			t.Errorf("%s: configuration is %s", s.Name, s.Config())
		}
		for _, app := range s.File.Apps {
			if got := filepath.Join(s.Dir, app.DirPath); got != "." {
				t.Errorf("%s: %s runs in %s, not in the root", s.Name, app.ID, got)
			}
		}
		for _, secret := range []string{"organiser-token", "operator-token", "demo-provider-key"} {
			if s.Secrets[secret] != local.Secrets[secret] {
				t.Errorf("%s: another %s than the local set has", s.Name, secret)
			}
		}
	}
}

// With Redis, a sidecar that reads messages does one thing at a time (ADR 21).
func TestASidecarHasWhatItsBusesNeed(t *testing.T) {
	_, sets := all(t)
	for _, s := range sets {
		const every = "GOGC=200"
		want := every
		if slices.Contains(s.Buses, "pubsub.redis") {
			want += " GOMAXPROCS=1"
		}
		for app, want := range map[string]string{"order": want, "query": want, "web": every} {
			if got := strings.Join(s.SidecarEnv(app), " "); got != want {
				t.Errorf("%s: the sidecar of %s has %q, want %q", s.Name, app, got, want)
			}
		}
	}
}

// component is a Dapr component, as far as the sets have rules for them.
type component struct {
	Metadata struct{ Name string }
	Spec     struct {
		Type     string
		Metadata []struct {
			Name, Value  string
			SecretKeyRef struct{ Name, Key string } `yaml:"secretKeyRef"`
		}
	}
	Auth struct {
		SecretStore string `yaml:"secretStore"`
	}
	Scopes []string
}

func componentsOf(t *testing.T, folder string) (found []component) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for d := yaml.NewDecoder(file); ; {
			var document yaml.Node
			var is struct{ Kind string }
			err := d.Decode(&document)
			if errors.Is(err, io.EOF) {
				break
			}
			if err = errors.Join(err, document.Decode(&is)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if is.Kind != "Component" {
				continue
			}
			var c component
			if err := document.Decode(&c); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			found = append(found, c)
		}
	}
	return found
}

func TestAddressesAndPasswordsAreSecrets(t *testing.T) {
	private := regexp.MustCompile(`(?i)^(.*password|.*connectionString|url|.*hosts?|brokers)$`)
	root, sets := all(t)
	for _, s := range sets {
		used := topology.Plenary().Secrets()
		for _, c := range componentsOf(t, filepath.Join(root, s.Folder(), "resources")) {
			for _, m := range c.Spec.Metadata {
				where := fmt.Sprintf("%s: %s of %s", s.Name, m.Name, c.Metadata.Name)
				if strings.Contains(m.Value, "://") || private.MatchString(m.Name) && m.Value != "" && c.Spec.Type != "state.sqlite" {
					t.Errorf("%s is written down as %q", where, m.Value)
				}
				if m.SecretKeyRef.Name == "" {
					continue
				}
				used = append(used, m.SecretKeyRef.Name)
				if _, ok := s.Secrets[m.SecretKeyRef.Name]; !ok || m.SecretKeyRef.Key != m.SecretKeyRef.Name || c.Auth.SecretStore != "secretstore" {
					t.Errorf("%s: no secret %+v in %q", where, m.SecretKeyRef, c.Auth.SecretStore)
				}
			}
		}
		for secret := range s.Secrets {
			if !slices.Contains(used, secret) {
				t.Errorf("%s: nobody uses the secret %s", s.Name, secret)
			}
		}
	}
}

func TestEverySetHasTheBusesAndAStateStoreForEachApp(t *testing.T) {
	root, sets := all(t)
	for _, s := range sets {
		found := map[string]string{}
		stores := map[string]int{}
		for _, c := range componentsOf(t, filepath.Join(root, s.Folder(), "resources")) {
			kind, _, _ := strings.Cut(c.Spec.Type, ".")
			found[c.Metadata.Name] = kind
			if kind == "state" {
				for _, app := range c.Scopes {
					stores[app]++
				}
			}
		}
		for name, kind := range map[string]string{"commandbus": "pubsub", "eventbus": "pubsub", "deadletters": "pubsub", "secretstore": "secretstores"} {
			if found[name] != kind {
				t.Errorf("%s: %s is %q, want %s", s.Name, name, found[name], kind)
			}
		}
		for _, app := range s.File.Apps {
			want := 0
			if topology.Of(app.ID).Keeps != "" {
				want = 1
			}
			if stores[app.ID] != want {
				t.Errorf("%s: %s has %d state stores, want %d", s.Name, app.ID, stores[app.ID], want)
			}
		}
	}
}
