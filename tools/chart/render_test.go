package main

import (
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"sigs.k8s.io/yaml"
)

// object is something that the chart makes.
type object map[string]any

func (o object) kind() string { return o["kind"].(string) }
func (o object) name() string { return get[string](o, "metadata", "name") }

// get is what is found by going into o by keys; nothing of the type, if it is not there.
func get[T any](o object, keys ...string) (v T) {
	at := any(map[string]any(o))
	for _, key := range keys {
		m, _ := at.(map[string]any)
		at = m[key]
	}
	v, _ = at.(T)
	return v
}

const (
	release   = "plenary"
	namespace = "there"
)

var kubernetes = chartutil.KubeVersion{Version: "v1.34.0", Major: "1", Minor: "34"}

func loaded(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// profiles are the values to try the chart with: its own, those for users, and
// those for tests alone.
func profiles(t *testing.T) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{"defaults": {}}
	for _, dir := range []string{"profiles", "ci"} {
		files, err := filepath.Glob(filepath.Join(chartDir, dir, "*.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%d files in %s: %v", len(files), dir, err)
		}
		for _, file := range files {
			values, err := chartutil.ReadValuesFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimSuffix(filepath.Base(file), ".yaml")] = values
		}
	}
	return all
}

// values reads values as they stand in a file.
func values(t *testing.T, text string) map[string]any {
	t.Helper()
	v, err := chartutil.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// rendered is the text of what the chart makes of values, in a cluster that has
// what was found there already.
func rendered(t *testing.T, values map[string]any, found ...object) (map[string]string, error) {
	t.Helper()
	return renderedAs(t, release, values, found...)
}

// renderedAs is the same for a release of another name.
func renderedAs(t *testing.T, release string, values map[string]any, found ...object) (map[string]string, error) {
	t.Helper()
	c := loaded(t)
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = kubernetes
	options := chartutil.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	// The schema is asked for what it says of the values merged, as Helm does.
	all, err := chartutil.ToRenderValues(c, values, options, capabilities)
	if err != nil {
		return nil, err
	}
	return engine.RenderWithClientProvider(c, all, there(found))
}

// there is a cluster that `lookup` finds objects in, as the API server has them.
type there []object

func (found there) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	var objects []runtime.Object
	for _, o := range found {
		if o.kind() != kind {
			continue
		}
		o = maps.Clone(o)
		m := maps.Clone(get[map[string]any](o, "metadata"))
		m["namespace"], o["metadata"] = namespace, m
		data := map[string]any{}
		for key, value := range get[map[string]any](o, "stringData") {
			data[key] = base64.StdEncoding.EncodeToString([]byte(value.(string)))
		}
		o["data"] = data
		objects = append(objects, &unstructured.Unstructured{Object: o})
	}
	resource, _ := meta.UnsafeGuessKindToResource(schema.FromAPIVersionAndKind(apiVersion, kind))
	return fake.NewSimpleDynamicClient(runtime.NewScheme(), objects...).Resource(resource), true, nil
}

func render(t *testing.T, values map[string]any, found ...object) []object {
	t.Helper()
	files, err := rendered(t, values, found...)
	if err != nil {
		t.Fatal(err)
	}
	return objectsIn(t, files)
}

func objectsIn(t *testing.T, files map[string]string) []object {
	t.Helper()
	var objects []object
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if filepath.Ext(file) != ".yaml" {
			continue
		}
		for document := range strings.SplitSeq("\n"+files[file], "\n---") {
			var o object
			if err := yaml.UnmarshalStrict([]byte(document), &o); err != nil {
				t.Fatalf("%s: %v\n%s", file, err, document)
			}
			if len(o) > 0 {
				objects = append(objects, o)
			}
		}
	}
	return objects
}

func of(objects []object, kind string) map[string]object {
	found := map[string]object{}
	for _, o := range objects {
		if o.kind() == kind {
			found[o.name()] = o
		}
	}
	return found
}

// pods are the templates of the pods of all workloads, and pods themselves.
func pods(objects []object) map[string]object {
	found := map[string]object{}
	for _, o := range objects {
		switch o.kind() {
		case "Deployment", "StatefulSet":
			found[o.name()] = get[map[string]any](o, "spec", "template")
		case "CronJob":
			found[o.name()] = get[map[string]any](o, "spec", "jobTemplate", "spec", "template")
		case "Pod":
			found[o.name()] = o
		}
	}
	return found
}

func containers(pod object) (all []object) {
	for _, c := range get[[]any](pod, "spec", "containers") {
		all = append(all, c.(map[string]any))
	}
	return all
}

// selects says whether a selector's labels are among those of a pod.
func selects(selector, labels map[string]any) bool {
	for key, want := range selector {
		if labels[key] != want {
			return false
		}
	}
	return true
}

// repository is the root's path of a file.
func repository(path ...string) string { return filepath.Join(append([]string{root}, path...)...) }

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func each(t *testing.T, test func(t *testing.T, objects []object)) {
	t.Helper()
	all := profiles(t)
	for _, profile := range slices.Sorted(maps.Keys(all)) {
		t.Run(profile, func(t *testing.T) { test(t, render(t, all[profile])) })
	}
}

func path(o object) string { return fmt.Sprintf("%s/%s", o.kind(), o.name()) }
