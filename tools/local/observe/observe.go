// Package observe runs Jaeger and Prometheus beside Plenary on this machine:
// Jaeger takes the spans of apps and sidecars, Prometheus asks all of them for
// their metrics and evaluates the alerts of the chart.
//
// The pages of both are made with Node and are not in their Go modules. Those
// in the folder pages stand in for them; the APIs are the real ones.
package observe

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/plenary/plenary/tools/servers/process"
)

// Names of the two as parts of a system.
const (
	Jaeger     = "jaeger"
	Prometheus = "prometheus"
)

// Jobs that Prometheus asks for metrics, by the label job.
const (
	Apps         = "plenary-apps"
	Sidecars     = "plenary-sidecars"
	ControlPlane = "plenary-control-plane"
)

// Ports that the two listen on.
type Ports struct {
	Traces       int // Jaeger's API and pages
	TracesGRPC   int // Jaeger's API for programs, which cannot be switched off
	Spans        int // where spans are sent to: OTLP over gRPC
	JaegerHealth int
	Metrics      int // Prometheus' API and pages
}

// Default are the ports that people know the two by, as far as possible.
var Default = Ports{Traces: 16686, TracesGRPC: 16685, Spans: 4317, JaegerHealth: 13133, Metrics: 9090}

// Target is a part that has metrics.
type Target struct {
	Job  string // Apps, Sidecars or ControlPlane
	App  string // whose it is: the label app
	Port int
}

// Options say what is observed.
type Options struct {
	Root    string // of the repository: it has the alerts and dashboards
	Alerts  string // the folder with the rules; empty means those of the chart
	Dir     string // for settings and data
	Logs    string
	Ports   Ports
	Targets []Target
	Every   time.Duration // between two looks at all metrics
}

const loopback = "127.0.0.1"

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// Alerts is where the rules of the alerts are.
func Alerts(root string) string { return filepath.Join(root, "charts", "plenary", "alerts") }

// Dashboards is where Grafana's dashboards are.
func Dashboards(root string) string { return filepath.Join(root, "charts", "plenary", "dashboards") }

// Env makes apps and sidecars send their spans to Jaeger. Both go by the
// variables of OpenTelemetry.
func (p Ports) Env() []string {
	return []string{
		"OTEL_TRACES_EXPORTER=otlp",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + address(p.Spans),
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
		"OTEL_EXPORTER_OTLP_INSECURE=true",
		"OTEL_METRICS_EXPORTER=prometheus",
	}
}

// Health is where the two say that they are ready.
func (p Ports) Health() map[string]string {
	return map[string]string{
		Jaeger:     "http://" + address(p.JaegerHealth) + "/status",
		Prometheus: "http://" + address(p.Metrics) + "/-/ready",
	}
}

// TracesURL is where traces are looked at.
func (p Ports) TracesURL() string { return "http://" + address(p.Traces) }

// MetricsURL is where metrics are asked for; DashboardsURL is its page.
func (p Ports) MetricsURL() string    { return "http://" + address(p.Metrics) }
func (p Ports) DashboardsURL() string { return p.MetricsURL() + "/user/" }

//go:embed pages
var pages embed.FS

// Specs writes the settings of both and says how to start them.
func (b Binaries) Specs(o Options) ([]process.Spec, error) {
	if err := o.writePages(); err != nil {
		return nil, fmt.Errorf("observe: %w", err)
	}
	jaeger, err := o.write("jaeger.yaml", o.jaeger())
	if err != nil {
		return nil, err
	}
	prometheus, err := o.write("prometheus.yaml", o.prometheus())
	if err != nil {
		return nil, err
	}
	return []process.Spec{
		{
			Name: Jaeger, Path: b.Jaeger, Dir: o.Dir, Log: filepath.Join(o.Logs, "jaeger.log"), Args: []string{"--config", jaeger},
			// Of itself it tells nothing; it would tell another Jaeger.
			Env: []string{"OTEL_TRACES_SAMPLER=always_off"},
		},
		{Name: Prometheus, Path: b.Prometheus, Dir: o.Dir, Log: filepath.Join(o.Logs, "prometheus.log"), Args: []string{
			"--config.file", prometheus, "--web.listen-address", address(o.Ports.Metrics),
			"--storage.tsdb.path", filepath.Join(o.Dir, "metrics"), "--storage.tsdb.retention.time", "1d",
			"--web.user-assets", filepath.Join(o.Dir, "pages", "metrics"), "--enable-feature", "exemplar-storage", "--log.level", "warn",
		}},
	}, nil
}

// write writes a file of settings and gives its path.
func (o Options) write(name string, settings any) (string, error) {
	b, err := yaml.Marshal(settings)
	if err != nil {
		return "", fmt.Errorf("observe: %s: %w", name, err)
	}
	path := filepath.Join(o.Dir, name)
	return path, os.WriteFile(path, b, 0o644)
}

// writePages puts the pages, and the dashboards for them to draw, where the two
// serve them.
func (o Options) writePages() error {
	dir := filepath.Join(o.Dir, "pages")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	if err := os.CopyFS(o.Dir, pages); err != nil {
		return err
	}
	boards := filepath.Join(dir, "metrics", "dashboards")
	if err := os.CopyFS(boards, os.DirFS(Dashboards(o.Root))); err != nil {
		return err
	}
	type entry struct {
		File  string `json:"file"`
		Title string `json:"title"`
	}
	var index []entry
	files, err := fs.Glob(os.DirFS(boards), "*.json")
	if err != nil {
		return err
	}
	for _, file := range files {
		b, err := os.ReadFile(filepath.Join(boards, file))
		if err != nil {
			return err
		}
		e := entry{File: file}
		if err := json.Unmarshal(b, &e); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		index = append(index, e)
	}
	b, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(boards, "index.json"), b, 0o644)
}

type object = map[string]any

// jaeger is a collector that keeps the traces in memory, with Jaeger's API.
func (o Options) jaeger() object {
	const store, keeps = "memory", 20_000
	p := o.Ports
	return object{
		"extensions": object{
			"jaeger_storage": object{"backends": object{store: object{"memory": object{"max_traces": keeps}}}},
			"jaeger_query": object{
				"storage": object{"traces": store},
				"ui":      object{"assets_path": filepath.Join(o.Dir, "pages", "traces")},
				"http":    object{"endpoint": address(p.Traces)},
				"grpc":    object{"endpoint": address(p.TracesGRPC)},
			},
			"healthcheckv2": object{"use_v2": true, "http": object{"endpoint": address(p.JaegerHealth)}},
		},
		"receivers":  object{"otlp": object{"protocols": object{"grpc": object{"endpoint": address(p.Spans)}}}},
		"processors": object{"batch": object{"timeout": "200ms"}},
		"exporters":  object{"jaeger_storage_exporter": object{"trace_storage": store}},
		"service": object{
			"extensions": []string{"jaeger_storage", "jaeger_query", "healthcheckv2"},
			"pipelines": object{"traces": object{
				"receivers": []string{"otlp"}, "processors": []string{"batch"}, "exporters": []string{"jaeger_storage_exporter"},
			}},
			"telemetry": object{"metrics": object{"level": "none"}, "logs": object{"level": "warn"}},
		},
	}
}

// prometheus asks every target, each with the labels that the alerts go by.
func (o Options) prometheus() object {
	every := o.Every.String()
	jobs := map[string][]object{}
	for _, t := range o.Targets {
		jobs[t.Job] = append(jobs[t.Job], object{"targets": []string{address(t.Port)}, "labels": object{"app": t.App}})
	}
	var scrapes []object
	for _, job := range []string{Apps, Sidecars, ControlPlane} {
		scrapes = append(scrapes, object{"job_name": job, "static_configs": jobs[job]})
	}
	return object{
		"global":         object{"scrape_interval": every, "evaluation_interval": every, "scrape_timeout": every},
		"rule_files":     []string{filepath.Join(cmp.Or(o.Alerts, Alerts(o.Root)), "*.yaml")},
		"scrape_configs": scrapes,
	}
}
