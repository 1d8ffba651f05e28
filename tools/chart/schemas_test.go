package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// sources are where the schemas of what the chart makes come from: modules at
// one version, whose sum is compared, with the files in them.
var sources = []struct{ module, sum, files string }{
	{"k8s.io/kubernetes@v1.34.4", "h1:Yy6R4QB8C9kJPp25GFqEvX5XQwY5qzKeqD0Xx6oAcmk=", "api/openapi-spec/swagger.json"},
	{"github.com/dapr/dapr@v1.18.2", "h1:yT1BXImaUiYtIKaKVnOBiWVFqQU1ckQaiXkXEO2+Dh0=", "charts/dapr/crds/*.yaml"},
	{"github.com/kedacore/keda/v2@v2.21.0", "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=", "config/crd/bases/keda.sh_*.yaml"},
	{"sigs.k8s.io/gateway-api@v1.4.0", "h1:ZwlNM6zOHq0h3WUX2gfByPs2yAEsy/EenYJB78jpQfQ=", "config/crd/standard/*_httproutes.yaml"},
	{"github.com/prometheus-operator/prometheus-operator@v0.85.0", "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=", "example/prometheus-operator-crd/*.yaml"},
}

// schemas is a folder with a JSON Schema of each kind, GROUP/KIND_VERSION.json,
// that refuses fields which the kind does not have.
var schemas = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "plenary-schemas")
	if err != nil {
		return "", err
	}
	for _, s := range sources {
		root, err := download(s.module, s.sum)
		if err != nil {
			return "", err
		}
		files, err := filepath.Glob(filepath.Join(root, s.files))
		if err != nil || len(files) == 0 {
			return "", fmt.Errorf("%s: %d files %s: %w", s.module, len(files), s.files, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			if filepath.Ext(file) == ".json" {
				err = fromOpenAPI(dir, content)
			} else {
				err = fromDefinitions(dir, content)
			}
			if err != nil {
				return "", fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := schemas(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// download has Go fetch a module. That it is the one that was meant is known by
// its sum, so nobody else has to be asked.
func download(module, sum string) (dir string, err error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GONOSUMDB=*")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w: %s%s", module, err, out, said.String())
	}
	var got struct{ Dir, Sum string }
	if err := json.Unmarshal(out, &got); err != nil {
		return "", err
	}
	if got.Sum != sum {
		return "", fmt.Errorf("%s has the sum %s, want %s", module, got.Sum, sum)
	}
	return got.Dir, nil
}

func save(dir, group, kind, version string, schema any) error {
	b, err := json.Marshal(schema)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, strings.ToLower(group), strings.ToLower(kind)+"_"+version+".json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}

// fromDefinitions saves the schemas of custom resources.
func fromDefinitions(dir string, content []byte) error {
	for decoder := yaml.NewDecoder(bytes.NewReader(content)); ; {
		var crd struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct {
						OpenAPIV3Schema map[string]any `yaml:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := decoder.Decode(&crd); err != nil {
			return nil //nolint:nilerr // the end, or a file that is none, which a missing schema tells
		}
		for _, v := range crd.Spec.Versions {
			schema := strict(v.Schema.OpenAPIV3Schema).(map[string]any)
			properties := schema["properties"].(map[string]any)
			properties["apiVersion"], properties["kind"], properties["metadata"] = text, text, map[string]any{"type": "object"}
			if err := save(dir, crd.Spec.Group, crd.Spec.Names.Kind, v.Name, schema); err != nil {
				return err
			}
		}
	}
}

var (
	text   = map[string]any{"type": "string"}
	either = []any{map[string]any{"type": "integer"}, text}
)

// fromOpenAPI saves the schemas of Kubernetes' own kinds.
func fromOpenAPI(dir string, content []byte) error {
	var api struct{ Definitions map[string]map[string]any }
	if err := json.Unmarshal(content, &api); err != nil {
		return err
	}
	const kinds = "x-kubernetes-group-version-kind"
	for name, definition := range api.Definitions {
		described, _ := definition[kinds].([]any)
		if strings.HasPrefix(name, "io.k8s.apimachinery") {
			continue // said to be of every group
		}
		for _, d := range described {
			kind := d.(map[string]any)
			schema := strict(expand(api.Definitions, definition, map[string]bool{name: true}))
			group := kind["group"].(string)
			if group == "" {
				group = "core"
			}
			if err := save(dir, group, kind["kind"].(string), kind["version"].(string), schema); err != nil {
				return err
			}
		}
	}
	return nil
}

// expand puts definitions in the place of references to them, but for those
// that contain themselves.
func expand(definitions map[string]map[string]any, schema any, inside map[string]bool) any {
	switch s := schema.(type) {
	case []any:
		out := make([]any, len(s))
		for i, v := range s {
			out[i] = expand(definitions, v, inside)
		}
		return out
	case map[string]any:
		ref, ok := s["$ref"].(string)
		if !ok {
			out := map[string]any{}
			for key, v := range s {
				out[key] = expand(definitions, v, inside)
			}
			return out
		}
		name := strings.TrimPrefix(ref, "#/definitions/")
		switch {
		case strings.HasSuffix(name, ".IntOrString"), strings.HasSuffix(name, ".resource.Quantity"):
			return map[string]any{"anyOf": append([]any{map[string]any{"type": "number"}}, either...)}
		case inside[name]:
			return map[string]any{"type": "object"}
		}
		within := map[string]bool{name: true}
		for other := range inside {
			within[other] = true
		}
		return expand(definitions, definitions[name], within)
	}
	return schema
}

// strict refuses fields that a schema does not name, and says in JSON Schema's
// words what Kubernetes says in its own.
func strict(schema any) any {
	switch s := schema.(type) {
	case []any:
		for i, v := range s {
			s[i] = strict(v)
		}
	case map[string]any:
		for key, v := range s {
			s[key] = strict(v)
		}
		if s["x-kubernetes-int-or-string"] == true {
			delete(s, "type")
			s["anyOf"] = either
		}
		if kind, ok := s["type"].(string); ok && s["nullable"] == true {
			s["type"] = []any{kind, "null"}
		}
		_, has := s["properties"].(map[string]any)
		if _, said := s["additionalProperties"]; has && !said && s["x-kubernetes-preserve-unknown-fields"] != true {
			s["additionalProperties"] = false
		}
	}
	return schema
}
