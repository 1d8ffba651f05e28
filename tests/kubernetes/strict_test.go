package kubernetes

import (
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Kinds that this cluster does not know, such as those of operators, are checked
// by schema elsewhere.
func TestTheAPIServerAcceptsEveryProfileInStrictMode(t *testing.T) {
	chart := filepath.Join(plenary.Root, "charts", "plenary")
	profiles, err := filepath.Glob(filepath.Join(chart, "profiles", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	corners, err := filepath.Glob(filepath.Join(chart, "ci", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	version, err := plenary.version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := plenary.Run(t.Context(), nil, "kubectl", "api-versions")
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Fields(out)
	for _, profile := range slices.Concat(profiles, corners, []string{filepath.Join("testdata", "values.yaml")}) {
		t.Run(filepath.Base(profile), func(t *testing.T) {
			// Another name, so that it is nobody's object that is looked at.
			rendered, err := plenary.Helm(t.Context(), "template", "strict", chart, "--values="+profile, "--kube-version="+version)
			if err != nil {
				t.Fatal(err)
			}
			var objects []map[string]any
			for d := yaml.NewDecoder(strings.NewReader(rendered)); ; {
				var o map[string]any
				if err := d.Decode(&o); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				if version, _ := o["apiVersion"].(string); slices.Contains(known, version) {
					objects = append(objects, o)
				} else if o != nil {
					t.Logf("not known here: %s %s", version, o["kind"])
				}
			}
			accepted := func(objects ...map[string]any) error {
				var all strings.Builder
				e := yaml.NewEncoder(&all)
				for _, o := range objects {
					if err := e.Encode(o); err != nil {
						t.Fatal(err)
					}
				}
				_, err := plenary.Apply(t.Context(), all.String(), "--dry-run=server", "--validate=strict")
				return err
			}
			if err := accepted(objects...); err != nil {
				t.Error(err)
			}
			t.Logf("%d objects", len(objects))
			for _, kind := range []string{"Deployment", "Component"} {
				i := slices.IndexFunc(objects, func(o map[string]any) bool { return o["kind"] == kind })
				if i < 0 {
					t.Fatalf("there is no %s", kind)
				}
				objects[i]["spec"].(map[string]any)["misspelt"] = true
				if err := accepted(objects[i]); err == nil || !strings.Contains(err.Error(), "misspelt") {
					t.Errorf("a misspelt field of a %s: got %v", kind, err)
				}
			}
		})
	}
}
