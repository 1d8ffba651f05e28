package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/tools/local/demo"
	"github.com/plenary/plenary/tools/local/gobuild"
	"github.com/plenary/plenary/tools/local/observe"
	"github.com/plenary/plenary/tools/local/runfile"
	"github.com/plenary/plenary/tools/servers"
	"github.com/plenary/plenary/tools/servers/process"
	"github.com/plenary/plenary/tools/servers/ready"
	"github.com/plenary/plenary/topology/tour"
)

const (
	readyWithin = 90 * time.Second
	// grace is how long a part may take to shut down. An app finishes the work it has
	// begun.
	grace     = 20 * time.Second
	tailLines = 20
)

// system is a running installation.
type system struct {
	root     string
	out      io.Writer
	set      components.Set
	needed   []server
	binaries dapr.Binaries
	// tour is the address at which web begins the tour.
	tour string
	// observers are Jaeger and Prometheus; nil without -observe.
	observers *observe.Binaries
	started   []*process.Process // servers and the control plane, in order
	sidecars  []*process.Process
	apps      []*process.Process
}

// runAll brings everything up, waits for ctx to end or a part to die, and takes
// everything down.
func runAll(ctx context.Context, root string, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	observed := flags.Bool("observe", false, "also run Jaeger and Prometheus")
	name := flags.String("components", components.Local, "component set to use")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s := &system{root: root, out: out}
	if s.set, err = components.Read(root, *name); err != nil {
		return err
	}
	if s.needed, err = s.servers(ctx); err != nil {
		return err
	}
	// Check the ports first, so that a conflict is reported before the build.
	if err := free(claims(dapr.Binaries{}, s.set.File, s.needed)); err != nil {
		return err
	}
	if s.binaries, err = dapr.Ensure(ctx, root, out); err != nil {
		return err
	}
	needed := claims(s.binaries, s.set.File, s.needed)
	if *observed {
		needed = append(needed, s.observerClaims()...)
	}
	if err := free(needed); err != nil {
		return err
	}
	if *observed {
		observers, err := observe.Ensure(ctx, root, out)
		if err != nil {
			return err
		}
		s.observers = &observers
	}
	if err := s.buildApps(ctx); err != nil {
		return err
	}
	if err := s.clearLogs(); err != nil {
		return err
	}
	endTour, err := s.offerTour(ctx)
	if err != nil {
		return err
	}
	defer endTour()
	defer s.stop()
	if err := s.start(ctx); err != nil {
		return err
	}
	s.welcome()
	return s.watch(ctx)
}

// cleanData deletes all data unless it is in use. It does not touch servers that the
// user runs.
func cleanData(root string) error {
	set, err := components.Read(root, components.Local)
	if err != nil {
		return err
	}
	if err := free(claims(dapr.Binaries{}, set.File, []server{{name: servers.Broker, ports: []int{brokerPort}}})); err != nil {
		return fmt.Errorf("the data may be in use: %w", err)
	}
	return os.RemoveAll(filepath.Join(root, ".data"))
}

func (s *system) buildApps(ctx context.Context) error {
	o := gobuild.Options{Dir: s.root, Output: filepath.Join(s.root, ".bin", "apps") + string(filepath.Separator), Progress: s.out}
	for _, app := range s.set.File.Apps {
		o.Packages = append(o.Packages, "./apps/"+app.ID)
	}
	fmt.Fprintln(s.out, "Building the apps.")
	if err := gobuild.Build(ctx, o); err != nil {
		return fmt.Errorf("build the apps: %w", err)
	}
	return nil
}

// data is a path in the set's data folder.
func (s *system) data(path ...string) string {
	return filepath.Join(append([]string{s.root, s.set.DataDir()}, path...)...)
}

// logs is a path in the folder of the run's logs.
func (s *system) logs(path ...string) string {
	return filepath.Join(append([]string{s.root, ".data", "logs"}, path...)...)
}

// clearLogs deletes the logs of the last run.
func (s *system) clearLogs() error {
	if err := os.RemoveAll(s.logs()); err != nil {
		return err
	}
	return os.MkdirAll(s.logs(), 0o755)
}

func (s *system) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("not ready within %s", readyWithin))
	defer cancel()
	if err := s.startServers(ctx); err != nil {
		return err
	}
	if err := s.startControlPlane(ctx); err != nil {
		return err
	}
	if s.observers != nil {
		if err := s.startObservers(ctx); err != nil {
			return err
		}
	}
	if err := s.startApps(); err != nil {
		return err
	}
	return s.awaitApps(ctx)
}

// startApps starts each app of the run file with its sidecar, as `dapr run -f` does.
func (s *system) startApps() error {
	fmt.Fprintln(s.out, "Starting the apps with their sidecars.")
	var observed []string
	if s.observers != nil {
		observed = observe.Default.Env()
	}
	for _, app := range s.set.File.Apps {
		sidecar := s.binaries.SidecarSpec(app, s.set, controlPlane, s.root, s.logs())
		sidecar.Env = append(sidecar.Env, observed...)
		p, err := process.Start(sidecar)
		if err != nil {
			return err
		}
		s.sidecars = append(s.sidecars, p)
		spec := dapr.AppSpec(app, s.set, filepath.Join(s.root, ".bin", "apps", app.ID), s.root, s.logs())
		spec.Env = append(spec.Env, observed...)
		if app.ID == web {
			spec.Env = append(spec.Env, tour.Variable+"="+s.tour)
		}
		if p, err = process.Start(spec); err != nil {
			return err
		}
		s.apps = append(s.apps, p)
	}
	return nil
}

// web is the app that people meet.
const web = "web"

// app is an app of the run file.
func (s *system) app(id string) runfile.App {
	return s.set.File.Apps[slices.IndexFunc(s.set.File.Apps, func(a runfile.App) bool { return a.ID == id })]
}

// offerTour has web's first page offer a tour, while there is nothing else to see. The
// demo's code makes it, in this process; nothing of it is in an app. No page of another
// site knows the address.
func (s *system) offerTour(ctx context.Context) (end func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("offer a tour: %w", err)
	}
	path := "/" + rand.Text()
	s.tour = "http://" + listener.Addr().String() + path
	o := demo.Options{URL: fmt.Sprintf("http://127.0.0.1:%d", s.app(web).Port), Token: s.set.Secrets["organiser-token"]}
	routes := http.NewServeMux()
	routes.Handle(path, demo.NewTour(ctx, o, func(err error) { fmt.Fprintf(s.out, "The tour failed: %v\n", err) }))
	server := &http.Server{Handler: routes, ReadHeaderTimeout: grace}
	go func() { _ = server.Serve(listener) }() // until it is closed
	return func() { _ = server.Close() }, nil
}

// startControlPlane starts the parts that `dapr init` does not run already.
func (s *system) startControlPlane(ctx context.Context) error {
	health := map[string]int{}
	var specs []process.Spec
	if s.binaries.Placement != "" {
		specs = append(specs, s.binaries.PlacementSpec(controlPlane, s.logs()))
		health["placement"] = controlPlane.PlacementHealth
	}
	if s.binaries.Scheduler != "" {
		specs = append(specs, s.binaries.SchedulerSpec(controlPlane, s.data("scheduler"), s.logs()))
		health["scheduler"] = controlPlane.SchedulerHealth
	}
	var started []*process.Process
	for _, spec := range specs {
		fmt.Fprintf(s.out, "Starting %s.\n", spec.Name)
		p, err := process.Start(spec)
		if err != nil {
			return err
		}
		s.started, started = append(s.started, p), append(started, p)
	}
	for _, p := range started {
		url := dapr.HealthURL(health[p.Name], "/healthz")
		if err := s.awaitReady(ctx, p, func(ctx context.Context) error { return ready.Ask(ctx, url) }); err != nil {
			return err
		}
	}
	return nil
}

// awaitReady waits for a part that was started here.
func (s *system) awaitReady(ctx context.Context, p *process.Process, well func(context.Context) error) error {
	var exited error
	err := ready.Until(ctx, func(ctx context.Context) error {
		if exited = p.Exited(); exited != nil {
			return nil
		}
		return well(ctx)
	})
	if err = cmp.Or(exited, err); err != nil {
		return s.failure(ctx, p.Name, err)
	}
	return nil
}

// awaitApps waits until every app and its sidecar are ready.
func (s *system) awaitApps(ctx context.Context) error {
	waiting := map[string][]string{}
	for _, app := range s.set.File.Apps {
		waiting[app.ID] = []string{dapr.HealthURL(app.Port, "/readyz"), dapr.HealthURL(app.HTTPPort, "/v1.0/healthz")}
	}
	var died error
	err := ready.Until(ctx, func(ctx context.Context) (last error) {
		if died = s.look(ctx); died != nil {
			return nil
		}
		for _, app := range s.set.File.Apps {
			urls, ok := waiting[app.ID]
			if !ok {
				continue
			}
			var err error
			for _, url := range urls {
				err = errors.Join(err, ready.Ask(ctx, url))
			}
			if err != nil {
				last = s.failure(ctx, app.ID, err)
				continue
			}
			delete(waiting, app.ID)
			fmt.Fprintf(s.out, "  %-21s ready\n", app.ID)
		}
		return last
	})
	return cmp.Or(died, err)
}

// watch waits until ctx ends, or returns an error when a part dies.
func (s *system) watch(ctx context.Context) error {
	const every = 500 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := s.look(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look returns an error if a part has died.
func (s *system) look(ctx context.Context) error {
	for _, p := range slices.Concat(s.started, s.sidecars, s.apps) {
		if err := p.Exited(); err != nil {
			return s.failure(ctx, p.Name, err)
		}
	}
	return nil
}

// failure is a part's error with the end of its log.
func (s *system) failure(ctx context.Context, part string, err error) error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return ctx.Err() // the user stopped it, so nothing failed
	}
	log := s.logOf(part)
	return fmt.Errorf("%s: %w\n--- end of %s:\n%s", part, err, log, process.Tail(log, tailLines))
}

// logOf is where a part's log is.
func (s *system) logOf(part string) string { return s.logs(part + ".log") }

// paysItself says whether an app is told to have the demo payment provider.
func paysItself(apps []runfile.App) bool {
	return slices.ContainsFunc(apps, func(a runfile.App) bool { return a.Env["PLENARY_PAYMENTS"] == "demo" })
}

func (s *system) welcome() {
	port := s.app(web).Port
	fmt.Fprintf(s.out, `
Plenary is running on Dapr %s.

  pages, and a tour             http://127.0.0.1:%d/
  organiser's credential        %s
  operator's credential         %s
  API, with its documentation   http://127.0.0.1:%d/docs
  logs                          .data/logs
  data                          %s (make clean-data deletes it)
  components                    %s
`, s.binaries.Version, port, s.set.Secrets["organiser-token"], s.set.Secrets["operator-token"], port, s.set.DataDir(), s.set.Name)
	for _, n := range s.needed {
		fmt.Fprintf(s.out, "  %-29s %s\n", n.name, n)
	}
	if s.observers != nil {
		p := observe.Default
		fmt.Fprintf(s.out, "  %-29s %s\n  %-29s %s\n  %-29s %s?page=alerts\n", "traces (Jaeger)", p.TracesURL(), "dashboards (Prometheus)", p.DashboardsURL(), "alerts", p.DashboardsURL())
	}
	if paysItself(s.set.File.Apps) {
		fmt.Fprint(s.out, "\nThe demo payment provider is on (PLENARY_PAYMENTS=demo): payers accept their own\npayments, and no money moves.\n")
	}
	fmt.Fprint(s.out, "\nNext: open the pages, or run make demo in another terminal. Ctrl-C stops everything.\n")
}

// stop ends only what this run started: the apps first, since they need their
// sidecars to finish.
func (s *system) stop() {
	fmt.Fprintln(s.out, "\nStopping.")
	for _, group := range [][]*process.Process{s.apps, s.sidecars} {
		var ending sync.WaitGroup
		for _, p := range group {
			ending.Go(func() { p.Stop(grace) })
		}
		ending.Wait()
	}
	for _, p := range slices.Backward(s.started) {
		p.Stop(grace)
	}
	fmt.Fprintln(s.out, "Stopped. The data is kept.")
}
