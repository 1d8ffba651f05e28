package main

import (
	"context"
	"fmt"
	"time"

	"github.com/plenary/plenary/tools/local/observe"
	"github.com/plenary/plenary/tools/servers/process"
	"github.com/plenary/plenary/tools/servers/ready"
)

// lookEvery is short, so that an effect shows soon.
const lookEvery = 5 * time.Second

// observerClaims are the ports of Jaeger and Prometheus, and those of the apps'
// metrics.
func (s *system) observerClaims() []claim {
	p := observe.Default
	all := []claim{
		{p.Traces, "Jaeger"}, {p.TracesGRPC, "Jaeger (gRPC)"}, {p.Spans, "Jaeger (spans)"}, {p.JaegerHealth, "Jaeger (health)"},
		{p.Metrics, "Prometheus"},
	}
	for _, t := range s.targets() {
		if t.Job == observe.Apps {
			all = append(all, claim{t.Port, t.App + " app (metrics)"})
		}
	}
	return all
}

// targets are all sources of metrics.
func (s *system) targets() (all []observe.Target) {
	for _, app := range s.set.File.Apps {
		all = append(all, observe.Target{Job: observe.Apps, App: app.ID, Port: app.AppMetricsPort()},
			observe.Target{Job: observe.Sidecars, App: app.ID, Port: app.MetricsPort})
	}
	if s.binaries.Placement != "" {
		all = append(all, observe.Target{Job: observe.ControlPlane, App: "placement", Port: controlPlane.PlacementMetrics})
	}
	if s.binaries.Scheduler != "" {
		all = append(all, observe.Target{Job: observe.ControlPlane, App: "scheduler", Port: controlPlane.SchedulerMetrics})
	}
	return all
}

// startObservers starts Jaeger and Prometheus, before the parts they observe.
func (s *system) startObservers(ctx context.Context) error {
	specs, err := s.observers.Specs(observe.Options{
		Root: s.root, Dir: s.data("observe"), Logs: s.logs(), Ports: observe.Default, Targets: s.targets(), Every: lookEvery,
	})
	if err != nil {
		return err
	}
	health := observe.Default.Health()
	for _, spec := range specs {
		fmt.Fprintf(s.out, "Starting %s.\n", spec.Name)
		p, err := process.Start(spec)
		if err != nil {
			return err
		}
		s.started = append(s.started, p)
		if err := s.awaitReady(ctx, p, func(ctx context.Context) error { return ready.Ask(ctx, health[spec.Name]) }); err != nil {
			return err
		}
	}
	return nil
}
