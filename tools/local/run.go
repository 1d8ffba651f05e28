package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/tools/local/gobuild"
	"github.com/plenary/plenary/tools/local/observe"
	"github.com/plenary/plenary/tools/local/process"
	"github.com/plenary/plenary/tools/local/ready"
	"github.com/plenary/plenary/tools/local/runfile"
	"github.com/plenary/plenary/tools/local/servers"
)

const (
	readyWithin = 90 * time.Second
	// grace is how long a part may take to end in good order. An app finishes
	// what it has begun.
	grace = 20 * time.Second
	// cliGrace is enough for the CLI, which has nothing left to do then.
	cliGrace  = 2 * time.Second
	tailLines = 20
)

// system is a running installation.
type system struct {
	root     string
	out      io.Writer
	set      components.Set
	needed   []server
	binaries dapr.Binaries
	// observers are the programs that observe; nil if nobody does.
	observers *observe.Binaries
	started   []*process.Process // servers and the control plane, in order
	cli       *process.Process   // dapr run, in whose process group the apps and sidecars are
	seen      map[string]bool    // the apps and sidecars that were there once
}

// runAll brings everything up, waits for ctx to end or a part to die, and takes
// everything down.
func runAll(ctx context.Context, root string, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	observed := flags.Bool("observe", false, "run Jaeger and Prometheus beside it")
	name := flags.String("components", components.Local, "the component set to run on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s := &system{root: root, out: out, seen: map[string]bool{}}
	if s.set, err = components.Read(root, *name); err != nil {
		return err
	}
	if s.needed, err = s.servers(ctx); err != nil {
		return err
	}
	// The ports first: nobody wants to wait for a build to learn of them.
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
	defer s.stop()
	if err := s.start(ctx); err != nil {
		return err
	}
	s.welcome()
	return s.watch(ctx)
}

// cleanData forgets everything, unless somebody still uses it. What servers of
// the user's own hold is theirs.
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

// data is where the set keeps something.
func (s *system) data(path ...string) string {
	return filepath.Join(append([]string{s.root, s.set.DataDir()}, path...)...)
}

// logs is where all logs of the run are found.
func (s *system) logs(path ...string) string {
	return filepath.Join(append([]string{s.root, ".data", "logs"}, path...)...)
}

// cliLogs is where the CLI writes the logs of the apps and sidecars.
func (s *system) cliLogs() string { return filepath.Join(s.root, ".dapr", "logs") }

// clearLogs forgets the logs of the last run.
func (s *system) clearLogs() error {
	for _, dir := range []string{s.logs(), s.cliLogs()} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
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
	env := append(s.set.SidecarEnv(), "DAPR_RUNTIME_PATH="+s.binaries.RuntimePath, "DAPR_HOST_IP=127.0.0.1") // the apps have it too
	if s.observers != nil {
		if err := s.startObservers(ctx); err != nil {
			return err
		}
		env = append(env, observe.Default.Env()...)
	}
	fmt.Fprintf(s.out, "Starting the apps with their sidecars: dapr run -f %s\n", s.set.Dir)
	var err error
	s.cli, err = process.Start(process.Spec{
		Name: "dapr run", Path: s.binaries.CLI, Args: []string{"run", "-f", s.set.Dir}, Dir: s.root,
		Env: env, Log: s.logs("dapr-run.log"),
	})
	if err != nil {
		return err
	}
	if err := s.awaitApps(ctx); err != nil {
		return err
	}
	return s.linkLogs()
}

// startControlPlane starts what `dapr init` does not run already.
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

// awaitApps waits until every app and its sidecar say that they are ready.
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

// watch waits until ctx ends or a part dies, which is the error.
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

// look gives an error if a part has died. The CLI does not: it goes on when an
// app or a sidecar of its is gone.
func (s *system) look(ctx context.Context) error {
	for _, p := range append(slices.Clone(s.started), s.cli) {
		if err := p.Exited(); err != nil {
			return s.failure(ctx, p.Name, err)
		}
	}
	members, err := process.Group(ctx, s.cli.PID())
	if err != nil {
		return err
	}
	running := map[string]bool{}
	for _, m := range members {
		if name := s.partOf(m); name != "" {
			running[name], s.seen[name] = true, true
		}
	}
	for name := range s.seen {
		if !running[name] && ctx.Err() == nil {
			return s.failure(ctx, name, errors.New("it has ended"))
		}
	}
	return nil
}

const sidecarOf = "sidecar of "

// partOf says which part a process of the CLI's is.
func (s *system) partOf(m process.Member) string {
	for _, app := range s.set.File.Apps {
		switch {
		case strings.HasPrefix(m.Command, app.Command[0]):
			return app.ID
		case strings.Contains(m.Command+" ", " --app-id "+app.ID+" "):
			return sidecarOf + app.ID
		}
	}
	return ""
}

// failure says what happened to a part, with the end of its log.
func (s *system) failure(ctx context.Context, part string, err error) error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return ctx.Err() // somebody wants to stop, so nothing failed
	}
	log := s.logOf(part)
	return fmt.Errorf("%s: %w\n--- the end of %s:\n%s", part, err, log, process.Tail(log, tailLines))
}

// logOf is where a part's log is.
func (s *system) logOf(part string) string {
	name, kind := part, "_app_"
	if app, ok := strings.CutPrefix(part, sidecarOf); ok {
		name, kind = app, "_daprd_"
	}
	if found, _ := filepath.Glob(filepath.Join(s.cliLogs(), name+kind+"*.log")); len(found) > 0 {
		return found[len(found)-1]
	}
	return s.logs(strings.ReplaceAll(part, " ", "-") + ".log")
}

// linkLogs puts the logs that the CLI writes beside the others.
func (s *system) linkLogs() error {
	for _, app := range s.set.File.Apps {
		for part, name := range map[string]string{app.ID: app.ID, sidecarOf + app.ID: app.ID + "-daprd"} {
			target, err := filepath.Rel(s.logs(), s.logOf(part))
			if err != nil {
				return err
			}
			if err := os.Symlink(target, s.logs(name+".log")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *system) welcome() {
	web := s.set.File.Apps[slices.IndexFunc(s.set.File.Apps, func(a runfile.App) bool { return a.ID == "web" })]
	fmt.Fprintf(s.out, `
Plenary is running on Dapr %s.

  API, with its documentation   http://127.0.0.1:%d/docs
  logs                          .data/logs
  data                          %s (make clean-data forgets it)
  components                    %s
`, s.binaries.Version, web.Port, s.set.DataDir(), s.set.Name)
	for _, n := range s.needed {
		fmt.Fprintf(s.out, "  %-29s %s\n", n.name, n)
	}
	if s.observers != nil {
		p := observe.Default
		fmt.Fprintf(s.out, "  %-29s %s\n  %-29s %s\n  %-29s %s?page=alerts\n", "traces (Jaeger)", p.TracesURL(), "dashboards (Prometheus)", p.DashboardsURL(), "alerts", p.DashboardsURL())
	}
	fmt.Fprint(s.out, "\nTry next: make demo, in another terminal. Ctrl-C stops everything.\n")
}

// stop takes down what was started, and nothing else: the apps first, while
// their sidecars are still there to finish with.
func (s *system) stop() {
	fmt.Fprintln(s.out, "\nStopping.")
	if s.cli != nil {
		s.stopMembers(func(part string) bool { return !strings.HasPrefix(part, sidecarOf) })
		s.stopMembers(func(string) bool { return true })
		s.cli.Stop(cliGrace)
		s.stopMembers(func(string) bool { return true })
	}
	for _, p := range slices.Backward(s.started) {
		p.Stop(grace)
	}
	fmt.Fprintln(s.out, "Stopped. The data is kept.")
}

// stopMembers stops processes that the CLI started.
func (s *system) stopMembers(which func(part string) bool) {
	members, err := process.Group(context.Background(), s.cli.PID())
	if err != nil {
		fmt.Fprintln(s.out, err)
	}
	var pids []int
	for _, m := range members {
		if m.PID != s.cli.PID() && which(s.partOf(m)) {
			pids = append(pids, m.PID)
		}
	}
	for _, pid := range process.StopAll(pids, grace) {
		fmt.Fprintf(s.out, "Process %d did not end within %s and was killed.\n", pid, grace)
	}
}
