package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/plenary/plenary/tools/local/observe"
)

// Names of the parts that observe.
const (
	Jaeger     = observe.Jaeger
	Prometheus = observe.Prometheus
)

// Hurry is how much sooner an alert fires here than where it is in earnest: all
// durations in its rules are divided by it. Prometheus looks so much more often.
const Hurry = 30

// addObservers adds Jaeger and Prometheus.
func (s *System) addObservers(ctx context.Context, root string) error {
	binaries, err := observe.Ensure(ctx, root, s.options.Out)
	if err != nil {
		return err
	}
	port := s.free.port
	s.Observed = observe.Ports{Traces: port(), TracesGRPC: port(), Spans: port(), JaegerHealth: port(), Metrics: port()}
	o := observe.Options{
		Root: root, Dir: filepath.Join(s.Dir, "observe"), Logs: filepath.Join(s.Dir, "logs"),
		Alerts: filepath.Join(s.Dir, "alerts"), Ports: s.Observed, Every: time.Second,
		Targets: []observe.Target{
			{Job: observe.ControlPlane, App: Placement, Port: s.control.PlacementMetrics},
			{Job: observe.ControlPlane, App: Scheduler, Port: s.control.SchedulerMetrics},
		},
	}
	for _, app := range s.Apps {
		o.Targets = append(o.Targets,
			observe.Target{Job: observe.Apps, App: app.ID, Port: app.AppMetricsPort()},
			observe.Target{Job: observe.Sidecars, App: app.ID, Port: app.MetricsPort})
	}
	if err := hurry(observe.Alerts(root), o.Alerts); err != nil {
		return err
	}
	specs, err := binaries.Specs(o)
	if err != nil {
		return err
	}
	for _, spec := range specs {
		s.add(spec, healthy(s.Observed.Health()[spec.Name]))
	}
	return s.free.err
}

// duration is one in a rule: how long it waits, or how far it looks back.
var duration = regexp.MustCompile(`(for: |offset |interval: |\[)(\d+)([smhd])`)

// hurry copies rules, with all durations divided.
func hurry(from, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(from, "*.yaml"))
	if err != nil {
		return err
	}
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text := duration.ReplaceAllStringFunc(string(b), func(found string) string {
			m := duration.FindStringSubmatch(found)
			n, _ := strconv.Atoi(m[2]) // digits are a number
			return fmt.Sprintf("%s%dms", m[1], (time.Duration(n) * units[m[3]] / Hurry).Milliseconds())
		})
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
