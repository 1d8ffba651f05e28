// Package harness runs the whole of Plenary for a test: the real Dapr, the apps
// and the servers of a component set, on free ports and in a folder of its own.
// Every part can be killed and brought back.
//
// PLENARY_COMPONENTS names the component set; without it, it is the local one.
package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/tools/local/gobuild"
	"github.com/plenary/plenary/tools/local/observe"
	"github.com/plenary/plenary/tools/local/runfile"
	"github.com/plenary/plenary/tools/servers"
	"github.com/plenary/plenary/tools/servers/process"
	"github.com/plenary/plenary/tools/servers/ready"
)

const (
	readyWithin = 2 * time.Minute // two cores may be busy with other tests
	stopWithin  = 20 * time.Second
)

// Names of parts that are neither apps nor sidecars. Those of servers are in
// package servers.
const (
	Placement = "placement"
	Scheduler = "scheduler"
)

// Sidecar is the name of an app's sidecar.
func Sidecar(app string) string { return app + "-daprd" }

// Options say what to run.
type Options struct {
	// Apps to run; nil means all of the run file.
	Apps []string
	// Apart leaves the apps to the test: they are not built, and neither they nor
	// their sidecars are started. The test starts the sidecars with Restart.
	Apart bool
	// Env is added to the environment of the apps: PLENARY_HOLD=3s.
	Env map[string]string
	// Observe has Jaeger and Prometheus run beside it, with hurried alerts: see
	// Hurry.
	Observe bool
	// Profile has apps and sidecars serve profiles: see Profile.
	Profile bool
	// Out is where progress goes; nil means standard error.
	Out io.Writer
}

// System is a running installation.
type System struct {
	// Dir holds the data, the logs and the components as they are used.
	Dir string
	// Apps with the ports that they have here.
	Apps []runfile.App
	// Servers are the names of the parts that the component set needs: its
	// brokers and stores.
	Servers []string
	// Set is the component set, with the secrets that it has here.
	Set components.Set

	// Observed is where Jaeger and Prometheus are, if they run.
	Observed observe.Ports

	options  Options
	binaries dapr.Binaries
	control  dapr.Ports
	free     *ports

	profiles map[string]string // by part

	url   string   // of a system that somebody else runs
	order []string // in which the parts are started
	mu    sync.Mutex
	parts map[string]*part

	apps map[string]runfile.App // by the names of their parts, second replicas as well
}

// part is a process that can be started again.
type part struct {
	spec    process.Spec
	env     []string                    // that of spec before Use
	prepare func(context.Context) error // before each start
	ready   func(context.Context) error
	running *process.Process
}

// Start builds and starts a system, and waits until it is ready. The caller
// stops it, also after an error.
func Start(ctx context.Context, o Options) (*System, error) {
	if o.Out == nil {
		o.Out = os.Stderr
	}
	s := &System{options: o, free: &ports{}, parts: map[string]*part{}, profiles: map[string]string{}, apps: map[string]runfile.App{}}
	all.add(s)
	root, err := runfile.Root()
	if err != nil {
		return s, err
	}
	if s.binaries, err = dapr.Ensure(ctx, root, o.Out); err != nil {
		return s, err
	}
	if s.binaries.Placement == "" || s.binaries.Scheduler == "" {
		return s, errors.New("the tests need the programs of placement and scheduler: dapr init --slim, or no installed Dapr at all")
	}
	if s.Set, err = components.Read(root, cmp.Or(os.Getenv(components.Variable), components.Local)); err != nil {
		return s, err
	}
	if s.Dir, err = os.MkdirTemp("", "plenary-"); err != nil {
		return s, err
	}
	// Servers that refuse to run as root are other users.
	const everybodyEnters = 0o755
	if err := os.Chmod(s.Dir, everybodyEnters); err != nil {
		return s, err
	}
	if err := s.build(ctx, root); err != nil {
		return s, err
	}
	if err := s.describe(ctx, root); err != nil {
		return s, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("not ready within %s", readyWithin))
	defer cancel()
	// Streams and sessions have to be there before a sidecar subscribes.
	first := len(s.Servers) + 2
	groups := [][]string{s.order[:first], s.order[first:]}
	if o.Apart {
		groups = groups[:1]
	}
	for _, names := range groups {
		for _, name := range names {
			if err := s.start(ctx, name); err != nil {
				return s, err
			}
		}
		if err := s.Await(ctx, names...); err != nil {
			return s, err
		}
	}
	// What was ready first may have ended while the others started.
	return s, s.ended()
}

// ended says which of the parts that were started run no more.
func (s *System) ended() (err error) {
	for _, name := range s.order {
		if p := s.process(name); p != nil && p.Exited() != nil {
			err = errors.Join(err, fmt.Errorf("%s has ended: %w\n%s", name, p.Exited(), p.Tail(20)))
		}
	}
	return err
}

// build builds the apps and the servers of our own, with the race detector if the
// test has it. Go links what has changed since the last test; the system has its
// own links to the programs, which stay when another test builds. Tests side by
// side build one after the other.
func (s *System) build(ctx context.Context, root string) error {
	if err := os.MkdirAll(filepath.Join(root, ".bin"), 0o755); err != nil {
		return err
	}
	building, err := lock(filepath.Join(root, ".bin", "tests.lock"), syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer building.Close()
	built := filepath.Join(root, ".bin", "tests")
	b := gobuild.Options{Dir: root, Progress: s.options.Out, Packages: []string{"./tools/local"}}
	if raceDetector {
		built += "-race"
		b.Flags = append(b.Flags, "-race")
	}
	b.Output = built + string(filepath.Separator)
	for _, app := range s.Set.File.Apps {
		if s.options.Apps != nil && !slices.Contains(s.options.Apps, app.ID) {
			continue
		}
		s.Apps = append(s.Apps, app)
		if !s.options.Apart {
			b.Packages = append(b.Packages, "./apps/"+app.ID)
		}
	}
	if err := gobuild.Build(ctx, b); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(s.Dir, "bin"), 0o755); err != nil {
		return err
	}
	for _, pkg := range b.Packages {
		name := filepath.Base(pkg)
		if err := linkOrCopy(filepath.Join(built, name), filepath.Join(s.Dir, "bin", name)); err != nil {
			return err
		}
	}
	return nil
}

// BuildWith builds the apps once more, of a source that differs: other gives the content
// of files by their paths in the repository. It returns the folder of the programs.
func (s *System) BuildWith(ctx context.Context, other map[string]string) (dir string, err error) {
	root, err := runfile.Root()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(s.Dir, "other")
	overlay, err := Overlay(dir, root, other)
	if err != nil {
		return "", err
	}
	b := gobuild.Options{
		Dir: root, Progress: s.options.Out, Flags: []string{"-overlay=" + overlay},
		Output: filepath.Join(dir, "bin") + string(filepath.Separator),
	}
	for _, app := range s.Apps {
		b.Packages = append(b.Packages, "./apps/"+app.ID)
	}
	return filepath.Join(dir, "bin"), gobuild.Build(ctx, b)
}

// Overlay writes other contents of files, given by their paths in the repository at root,
// below dir. It returns the file that go's flag -overlay takes.
func Overlay(dir, root string, other map[string]string) (string, error) {
	overlay := map[string]map[string]string{"Replace": {}}
	for name, content := range other {
		file := filepath.Join(dir, "source", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return "", err
		}
		overlay["Replace"][filepath.Join(root, name)] = file
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, data, 0o600)
}

// Use has a replica of an app be another program from its next start on, with more in
// its environment.
func (s *System) Use(name, program string, env ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.parts[name]
	if p.env == nil {
		p.env = slices.Clip(p.spec.Env)
	}
	p.spec.Path, p.spec.Env = program, append(p.env, env...)
}

// linkOrCopy copies a program where it cannot be linked: between file systems.
func linkOrCopy(from, to string) error {
	if err := os.Link(from, to); err == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	const executable = 0o755
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, executable)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// describe says how each part is started.
func (s *System) describe(ctx context.Context, root string) error {
	logs := filepath.Join(s.Dir, "logs")
	port := s.free.port
	s.control = dapr.Ports{
		Placement: port(), PlacementHealth: port(), PlacementMetrics: port(), PlacementRaft: port(),
		Scheduler: port(), SchedulerHealth: port(), SchedulerMetrics: port(),
		SchedulerStore: port(), SchedulerStorePeer: port(),
	}
	for i := range s.Apps {
		s.givePorts(&s.Apps[i])
	}
	if err := s.describeServers(); err != nil {
		return err
	}
	if err := s.free.err; err != nil {
		return err
	}
	if err := s.copyComponents(root); err != nil {
		return err
	}

	s.add(s.binaries.PlacementSpec(s.control, logs), healthy(dapr.HealthURL(s.control.PlacementHealth, "/healthz")))
	s.add(s.binaries.SchedulerSpec(s.control, s.Data("scheduler"), logs), healthy(dapr.HealthURL(s.control.SchedulerHealth, "/healthz")))
	if s.options.Observe {
		if err := s.addObservers(ctx, root); err != nil {
			return err
		}
	}
	for _, app := range s.Apps {
		s.addApp(app, app.ID)
	}
	return nil
}

func (s *System) givePorts(a *runfile.App) {
	port := s.free.port
	a.Port, a.HTTPPort, a.GRPCPort, a.InternalGRPCPort, a.MetricsPort = port(), port(), port(), port(), port()
	env := map[string]string{}
	maps.Copy(env, a.Env)
	env[runfile.AppMetricsPort] = strconv.Itoa(port())
	a.Env = env
}

// addApp adds a replica of an app with its sidecar, as parts called name and
// Sidecar(name).
func (s *System) addApp(app runfile.App, name string) {
	s.apps[name] = app
	spec := dapr.AppSpec(app, s.Set, filepath.Join(s.Dir, "bin", app.ID), s.Dir, filepath.Join(s.Dir, "logs"))
	spec.Name, spec.Log = name, s.logOf(name)
	for _, name := range slices.Sorted(maps.Keys(s.options.Env)) {
		spec.Env = append(spec.Env, name+"="+s.options.Env[name])
	}
	var observed []string
	if s.options.Observe {
		observed = s.Observed.Env()
	}
	spec.Env = append(spec.Env, observed...)
	if s.options.Profile {
		spec.Env = append(spec.Env, "PLENARY_PPROF=true")
	}
	s.add(spec, healthy(dapr.HealthURL(app.Port, "/readyz")))
	sidecar := s.binaries.SidecarSpec(app, s.Set, s.control, s.Dir, filepath.Join(s.Dir, "logs"))
	sidecar.Name, sidecar.Log = Sidecar(name), s.logOf(Sidecar(name))
	sidecar.Env = append(sidecar.Env, observed...)
	if s.options.Profile {
		port := s.free.port()
		sidecar.Args = append(sidecar.Args, "--enable-profiling", "--profile-port", strconv.Itoa(port))
		s.profiles[sidecar.Name], s.profiles[name] = dapr.HealthURL(port, "/debug/pprof/profile"), dapr.HealthURL(app.Port, "/debug/pprof/profile")
	}
	s.add(sidecar, healthy(dapr.HealthURL(app.HTTPPort, "/v1.0/healthz")))
}

// Second adds a second replica of an app, which is not started: parts called name
// and Sidecar(name).
func (s *System) Second(id string) (app runfile.App, name string) {
	app, name = s.App(id), id+"-2"
	s.givePorts(&app)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addApp(app, name)
	return app, name
}

// describeServers says how the servers of the set are started, and has its
// secrets say where they are.
func (s *System) describeServers() error {
	connections, err := s.Set.Secrets.Connections()
	if err != nil {
		return err
	}
	clients := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(connections)) {
		if clients[name], err = s.AddServer(name, connections[name]...); err != nil {
			return err
		}
		s.Servers = append(s.Servers, name)
	}
	s.Set.Secrets, err = s.Set.Secrets.At(clients)
	return err
}

// AddServer adds a server for those who use the connections, which is not
// started, and gives its port. Tests add such as the set does not need.
func (s *System) AddServer(name string, connections ...*url.URL) (port int, err error) {
	o := servers.Options{
		Dir: s.Data(name), Logs: filepath.Join(s.Dir, "logs"), Connections: connections, Local: filepath.Join(s.Dir, "bin", "local"),
		Definitions: filepath.Join(s.Dir, s.Set.Definitions()),
	}
	for range servers.PortsOf(name) {
		o.Ports = append(o.Ports, s.free.port())
	}
	server, err := servers.New(name, o)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(server.Spec, server.Ready)
	s.parts[name].prepare = server.Prepare
	return o.Ports[0], s.free.err
}

func (s *System) add(spec process.Spec, ready func(context.Context) error) {
	s.order = append(s.order, spec.Name)
	s.parts[spec.Name] = &part{spec: spec, ready: ready, prepare: func(context.Context) error { return nil }}
}

// healthy asks url whether a part is well.
func healthy(url string) func(context.Context) error {
	return func(ctx context.Context) error { return ready.Ask(ctx, url) }
}

// Data is where the system keeps something.
func (s *System) Data(path ...string) string {
	return filepath.Join(append([]string{s.Dir, s.Set.DataDir()}, path...)...)
}

// copyComponents takes over the component sets as they are, but for the secrets.
// Their paths are relative to the folder that the sidecars run in.
func (s *System) copyComponents(root string) error {
	if err := os.MkdirAll(s.Data(), 0o755); err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(s.Dir, components.Folder), os.DirFS(filepath.Join(root, components.Folder))); err != nil {
		return err
	}
	return s.Set.Secrets.Write(filepath.Join(s.Dir, s.Set.SecretsFile()))
}

// outcomeWithin is long enough for a part to be killed and brought back.
const outcomeWithin = time.Minute

// App is an app with the ports that it has here.
func (s *System) App(id string) runfile.App {
	i := slices.IndexFunc(s.Apps, func(a runfile.App) bool { return a.ID == id })
	if i < 0 {
		panic("harness: no app " + id)
	}
	return s.Apps[i]
}

// Kill ends a part at once, as kill -9 does.
func (s *System) Kill(name string) {
	if p := s.process(name); p != nil {
		p.Kill()
	}
}

// Stop asks a part to end, and waits until it has.
func (s *System) Stop(name string) {
	if p := s.process(name); p != nil {
		p.Stop(stopWithin)
	}
}

// Pause makes a part hang until Resume.
func (s *System) Pause(name string) error { return s.process(name).Pause() }

// Resume lets a part go on that hangs.
func (s *System) Resume(name string) error { return s.process(name).Resume() }

// Restart starts a part again that has ended, and waits until it is ready.
func (s *System) Restart(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("not ready within %s", readyWithin))
	defer cancel()
	if err := s.start(ctx, name); err != nil {
		return err
	}
	return s.Await(ctx, name)
}

// Await waits until parts are ready.
func (s *System) Await(ctx context.Context, names ...string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// One that waits for another says little about why: all say what they lack.
	errs := make([]error, len(names))
	var parts sync.WaitGroup
	for i, name := range names {
		parts.Go(func() {
			err := ready.Until(ctx, func(ctx context.Context) error {
				if s.process(name).Exited() != nil {
					return nil
				}
				return s.parts[name].ready(ctx)
			})
			if exited := s.process(name).Exited(); exited != nil {
				err = errors.Join(exited, err)
				cancel(fmt.Errorf("%s has ended", name))
			}
			if err != nil {
				errs[i] = fmt.Errorf("%s: %w\n%s", name, err, s.process(name).Tail(20))
			}
		})
	}
	parts.Wait()
	return errors.Join(errs...)
}

func (s *System) start(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	part := s.parts[name]
	if err := part.prepare(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p, err := process.Start(part.spec)
	if err == nil {
		part.running = p
	}
	return err
}

// PID is the process id of a part that runs.
func (s *System) PID(name string) int { return s.process(name).PID() }

func (s *System) process(name string) *process.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.parts[name]; ok {
		return p.running
	}
	panic("harness: no part " + name)
}

// Profiles are where apps and sidecars serve processor profiles, by their names.
func (s *System) Profiles() map[string]string { return s.profiles }

// Close stops everything and removes the data, unless PLENARY_KEEP is set. It
// gives an error if an app had a data race.
func (s *System) Close() (err error) {
	defer all.remove(s)
	isServer := func(name string) bool { return slices.Contains(s.Servers, name) }
	isApp := func(name string) bool { _, is := s.apps[name]; return is }
	for _, kind := range []func(string) bool{isApp, func(name string) bool { return !isServer(name) }, isServer} {
		var g errgroup.Group
		for _, name := range s.order {
			if kind(name) {
				g.Go(func() error { s.Stop(name); return nil })
			}
		}
		_ = g.Wait()
	}
	s.free.close()
	for name := range s.apps {
		log, e := os.ReadFile(s.logOf(name))
		if e != nil {
			continue // it was never started
		}
		if _, race, found := strings.Cut(string(log), "WARNING: DATA RACE"); found {
			err = errors.Join(err, fmt.Errorf("%s has a data race:%.4000s", name, race))
		}
	}
	if s.Dir != "" && os.Getenv("PLENARY_KEEP") == "" {
		err = errors.Join(err, os.RemoveAll(s.Dir))
	}
	return err
}
