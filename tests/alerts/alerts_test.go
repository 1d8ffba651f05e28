// Package alerts checks the alerts, their runbooks and the dashboards by
// themselves: nothing of Plenary runs. What they do on a running system is for
// package observe.
//
// Run it with -count=1: go does not see that files of other modules changed.
package alerts

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/plenary/plenary/tools/local/observe"
	"github.com/plenary/plenary/tools/local/runfile"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// rule is a rule of Prometheus.
type rule struct {
	Alert       string            `yaml:"alert"`
	Record      string            `yaml:"record"`
	Expr        string            `yaml:"expr"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func rules(t *testing.T) (all []rule) {
	t.Helper()
	for _, file := range glob(t, filepath.Join(observe.Alerts(root(t)), "*.yaml")) {
		var f struct {
			Groups []struct {
				Rules []rule `yaml:"rules"`
			} `yaml:"groups"`
		}
		if err := yaml.Unmarshal(read(t, file), &f); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, g := range f.Groups {
			all = append(all, g.Rules...)
		}
	}
	return all
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %d files", pattern, err, len(files))
	}
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// promtool is Prometheus' own judge of rules.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	binaries, err := observe.Ensure(t.Context(), root(t), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), binaries.Promtool, args...).CombinedOutput(); err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Every alert fires on series that are made up for it, and says what it should;
// and it does not fire on others.
func TestEveryAlertFires(t *testing.T) {
	files := glob(t, filepath.Join("testdata", "*.yaml"))
	type occasion struct {
		Alert  string `yaml:"alertname"`
		Expect []any  `yaml:"exp_alerts"`
	}
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		var f struct {
			Tests []struct {
				Occasions []occasion `yaml:"alert_rule_test"`
			} `yaml:"tests"`
		}
		if err := yaml.Unmarshal(read(t, file), &f); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, test := range f.Tests {
			for _, o := range test.Occasions {
				fires[o.Alert] = fires[o.Alert] || len(o.Expect) > 0
				quiet[o.Alert] = quiet[o.Alert] || len(o.Expect) == 0
			}
		}
	}
	for _, r := range rules(t) {
		if r.Alert != "" && (!fires[r.Alert] || !quiet[r.Alert]) {
			t.Errorf("%s: that it fires is tested: %t; that it does not: %t", r.Alert, fires[r.Alert], quiet[r.Alert])
		}
	}
	promtool(t, append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, glob(t, filepath.Join(observe.Alerts(root(t)), "*.yaml"))...)...)
	promtool(t, append([]string{"test", "rules"}, files...)...)
}

const runbooks = "docs/runbooks/"

func TestEachAlertHasItsRunbook(t *testing.T) {
	pages := map[string]bool{}
	for _, file := range glob(t, filepath.Join(root(t), runbooks, "*.md")) {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		if name == "README" {
			continue
		}
		pages[name] = true
		for _, part := range []string{"# " + name + "\n", "\n## What it means\n", "\n## How to look\n", "\n## What to do\n"} {
			if !bytes.Contains(read(t, file), []byte(part)) {
				t.Errorf("%s has no %q", file, strings.TrimSpace(part))
			}
		}
	}
	index := string(read(t, filepath.Join(root(t), runbooks, "README.md")))
	alerts := map[string]bool{}
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		alerts[r.Alert] = true
		if !pages[r.Alert] {
			t.Errorf("%s has no runbook", r.Alert)
		}
		if !strings.HasSuffix(r.Annotations["runbook_url"], "/"+runbooks+r.Alert+".md") {
			t.Errorf("%s leads to %q", r.Alert, r.Annotations["runbook_url"])
		}
		if !slices.Contains([]string{"page", "ticket"}, r.Labels["severity"]) || r.Annotations["summary"] == "" {
			t.Errorf("%s: severity %q, summary %q", r.Alert, r.Labels["severity"], r.Annotations["summary"])
		}
		if !strings.Contains(index, "("+r.Alert+".md)") {
			t.Errorf("the list of runbooks lacks %s", r.Alert)
		}
	}
	for page := range pages {
		if !alerts[page] {
			t.Errorf("%s is the runbook of no alert", page)
		}
	}
}

var (
	inQuotes = regexp.MustCompile(`"[^"]*"`)
	// A metric has an underscore or colon in its name, and no label or function
	// of ours begins like one.
	metric = regexp.MustCompile(`\b(?:(?:plenary|http|go|process|dapr|target)[_:][a-z0-9_:]+|up)\b`)
	part   = regexp.MustCompile(`_(bucket|count|sum)$`)
)

// named are the names of metrics in an expression.
func named(expr string) (all []string) {
	expr = inQuotes.ReplaceAllString(expr, "")
	return metric.FindAllString(expr, -1)
}

// measured says whether somebody measures what a name stands for: the page on
// telemetry lists it, a rule records it, Prometheus gives it, or a dashboard shows it
// of Dapr. That dashboards ask Dapr for what there is, is seen on the running system
// (tests/observe.TestEveryPanelHasData).
func measured(t *testing.T) func(name string) bool {
	t.Helper()
	var shown []string
	for _, file := range glob(t, filepath.Join(observe.Dashboards(root(t)), "*.json")) {
		shown = append(shown, metric.FindAllString(string(read(t, file)), -1)...)
	}
	page := string(read(t, filepath.Join(root(t), "docs", "telemetry.md")))
	recorded := map[string]bool{"up": true, "target_info": true}
	for _, r := range rules(t) {
		recorded[r.Record] = true
	}
	return func(name string) bool {
		base := part.ReplaceAllString(name, "")
		return recorded[name] || strings.HasPrefix(name, "dapr_") && slices.Contains(shown, name) ||
			strings.Contains(page, "`"+name+"`") || base != name && strings.Contains(page, "`"+base+"`")
	}
}

func TestRulesAskForWhatIsMeasured(t *testing.T) {
	known := measured(t)
	for _, r := range rules(t) {
		names := named(r.Expr)
		if len(names) == 0 {
			t.Errorf("%s%s asks for nothing", r.Alert, r.Record)
		}
		for _, name := range names {
			if !known(name) {
				t.Errorf("%s%s asks for %s, which is not in docs/telemetry.md", r.Alert, r.Record, name)
			}
		}
	}
}

var (
	asked  = regexp.MustCompile(`ask '([^']+)'`)
	called = regexp.MustCompile(`api ([A-Z]+) '?(/[^\s'?]+)`)
	inside = regexp.MustCompile(`inside (/\S+)`)
)

func TestRunbooksNameWhatExists(t *testing.T) {
	known := measured(t)
	var routes struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(read(t, filepath.Join(root(t), "apps", "web", "openapi.yaml")), &routes); err != nil {
		t.Fatal(err)
	}
	// An id in a runbook is a word in capitals.
	id := regexp.MustCompile(`/[A-Z]+\b`)
	parameter := regexp.MustCompile(`/\{[^}]+\}`)
	exists := func(method, path string) bool {
		for route, methods := range routes.Paths {
			if parameter.ReplaceAllString(route, "/ID") == id.ReplaceAllString(path, "/ID") && methods[strings.ToLower(method)] != nil {
				return true
			}
		}
		return false
	}
	query := read(t, filepath.Join(root(t), "apps", "query", "api", "api.go"))
	commands := 0
	for _, file := range glob(t, filepath.Join(root(t), runbooks, "*.md")) {
		text := string(read(t, file))
		for _, m := range asked.FindAllStringSubmatch(text, -1) {
			commands++
			for _, name := range named(m[1]) {
				if !known(name) {
					t.Errorf("%s asks for %s, which nobody measures", filepath.Base(file), name)
				}
			}
		}
		for _, m := range called.FindAllStringSubmatch(text, -1) {
			commands++
			if !exists(m[1], m[2]) {
				t.Errorf("%s calls %s %s, which is no route", filepath.Base(file), m[1], m[2])
			}
		}
		for _, m := range inside.FindAllStringSubmatch(text, -1) {
			commands++
			if !bytes.Contains(query, []byte(`r.GET("`+m[1]+`"`)) {
				t.Errorf("%s asks query for %s, which is no route of it", filepath.Base(file), m[1])
			}
		}
	}
	const least = 40
	if commands < least {
		t.Errorf("only %d commands are found: are they still written with ask and api?", commands)
	}
}

// dashboard is what we use of Grafana's model of a dashboard, strictly: a field
// that is not here is a misspelt one.
type dashboard struct {
	UID           string   `json:"uid"`
	Title         string   `json:"title"`
	Description   string   `json:"description"`
	Tags          []string `json:"tags"`
	SchemaVersion int      `json:"schemaVersion"`
	Editable      bool     `json:"editable"`
	GraphTooltip  int      `json:"graphTooltip"`
	Refresh       string   `json:"refresh"`
	Timezone      string   `json:"timezone"`
	Time          struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"time"`
	Templating struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []struct{} `json:"list"`
	} `json:"annotations"`
	Panels []panel `json:"panels"`
}

type variable struct {
	Name       string     `json:"name"`
	Type       string     `json:"type"`
	Query      string     `json:"query"`
	Label      string     `json:"label"`
	Datasource datasource `json:"datasource"`
	Refresh    int        `json:"refresh"`
	IncludeAll bool       `json:"includeAll"`
	AllValue   string     `json:"allValue"`
	Current    struct {
		Text  string `json:"text"`
		Value string `json:"value"`
	} `json:"current"`
}

type panel struct {
	ID          int        `json:"id"`
	Type        string     `json:"type"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Datasource  datasource `json:"datasource"`
	GridPos     struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	} `json:"gridPos"`
	FieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
			Min  *int   `json:"min"`
		} `json:"defaults"`
		Overrides []struct{} `json:"overrides"`
	} `json:"fieldConfig"`
	Options map[string]any `json:"options"`
	Targets []struct {
		RefID        string     `json:"refId"`
		Datasource   datasource `json:"datasource"`
		Expr         string     `json:"expr"`
		LegendFormat string     `json:"legendFormat"`
		Instant      bool       `json:"instant"`
		Exemplar     bool       `json:"exemplar"`
	} `json:"targets"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// chosen is what a dashboard asks for in the namespace that is chosen, and labels.
// Dapr's control plane is in none of ours.
var chosen = regexp.MustCompile(`[a-z0-9_:]+\{(namespace=~"\$namespace"[^}]*|job="plenary-control-plane")\}|by \([^)]*\)`)

func TestDashboardsAreWhatGrafanaReads(t *testing.T) {
	known := measured(t)
	prometheus := datasource{"prometheus", "${datasource}"}
	const columns = 24
	uids := map[string]bool{}
	for _, file := range glob(t, filepath.Join(observe.Dashboards(root(t)), "*.json")) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var d dashboard
			strict := json.NewDecoder(bytes.NewReader(read(t, file)))
			strict.DisallowUnknownFields()
			if err := strict.Decode(&d); err != nil {
				t.Fatal(err)
			}
			if d.UID == "" || uids[d.UID] || d.Title == "" || d.SchemaVersion == 0 || len(d.Panels) == 0 {
				t.Errorf("uid %q, title %q, schema %d, %d panels", d.UID, d.Title, d.SchemaVersion, len(d.Panels))
			}
			uids[d.UID] = true
			if v := d.Templating.List; len(v) != 2 || v[0].Name != "datasource" || v[0].Type != "datasource" || v[0].Query != "prometheus" ||
				v[1].Name != "namespace" || v[1].Type != "query" || v[1].Datasource != prometheus || !v[1].IncludeAll {
				t.Errorf("data source and namespace cannot be chosen: %+v", v)
			}
			ids, taken := map[int]bool{}, map[[2]int]string{}
			for _, p := range d.Panels {
				if p.ID == 0 || ids[p.ID] || p.Title == "" || p.Description == "" {
					t.Errorf("panel %d, %q: %q", p.ID, p.Title, p.Description)
				}
				ids[p.ID] = true
				for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
					for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
						if other, ok := taken[[2]int{x, y}]; ok || x >= columns {
							t.Fatalf("%q lies over %q, or beyond the edge", p.Title, other)
						}
						taken[[2]int{x, y}] = p.Title
					}
				}
				if p.Datasource != prometheus || len(p.Targets) == 0 || !slices.Contains([]string{"timeseries", "stat", "table", "bargauge"}, p.Type) {
					t.Errorf("%q: type %s, source %+v, %d targets", p.Title, p.Type, p.Datasource, len(p.Targets))
				}
				for _, target := range p.Targets {
					if target.Datasource != prometheus || target.RefID == "" {
						t.Errorf("%q: target %+v", p.Title, target)
					}
					for _, name := range named(target.Expr) {
						if !known(name) {
							t.Errorf("%q asks for %s, which nobody measures", p.Title, name)
						}
					}
					if others := named(chosen.ReplaceAllString(target.Expr, "")); len(others) > 0 {
						t.Errorf("%q asks for %v of all namespaces", p.Title, others)
					}
				}
			}
		})
	}
}
