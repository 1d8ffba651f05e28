// Package harness runs the whole of Plenary for a test: the real Dapr, the
// broker and the apps, on free ports and in a folder of its own. Every part can
// be killed and brought back.
package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/tools/local/gobuild"
	"github.com/plenary/plenary/tools/local/process"
	"github.com/plenary/plenary/tools/local/ready"
	"github.com/plenary/plenary/tools/local/runfile"
)

const (
	readyWithin = 2 * time.Minute // two cores may be busy with other tests
	stopWithin  = 20 * time.Second
)

// Names of the parts that are neither apps nor sidecars.
const (
	Broker    = "broker"
	Placement = "placement"
	Scheduler = "scheduler"
)

// Sidecar is the name of an app's sidecar.
func Sidecar(app string) string { return app + "-daprd" }

// Options say what to run.
type Options struct {
	// Apps to run; nil means all of dapr.yaml.
	Apps []string
	// Env is added to the environment of the apps: PLENARY_HOLD=3s.
	Env map[string]string
	// Out is where progress goes; nil means standard error.
	Out io.Writer
}

// System is a running installation.
type System struct {
	// Dir holds the data, the logs and the components as they are used.
	Dir string
	// Apps with the ports that they have here.
	Apps []runfile.App

	token string
	order []string // in which the parts are started
	mu    sync.Mutex
	parts map[string]*part
}

// part is a process that can be started again.
type part struct {
	spec    process.Spec
	health  []string // URLs that answer 2xx when it is ready
	running *process.Process
}

// Start builds and starts a system, and waits until it is ready. The caller
// stops it, also after an error.
func Start(ctx context.Context, o Options) (*System, error) {
	s := &System{parts: map[string]*part{}}
	if o.Out == nil {
		o.Out = os.Stderr
	}
	root, err := runfile.Root()
	if err != nil {
		return s, err
	}
	binaries, err := dapr.Ensure(ctx, root, o.Out)
	if err != nil {
		return s, err
	}
	if binaries.Placement == "" || binaries.Scheduler == "" {
		return s, errors.New("the tests need the programs of placement and scheduler: dapr init --slim, or no installed Dapr at all")
	}
	file, err := runfile.Read(root)
	if err != nil {
		return s, err
	}
	if s.Dir, err = os.MkdirTemp("", "plenary-"); err != nil {
		return s, err
	}
	if err := s.build(ctx, root, file, o); err != nil {
		return s, err
	}
	if err := s.describe(root, file, binaries, o); err != nil {
		return s, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("not ready within %s", readyWithin))
	defer cancel()
	// Streams and sessions have to be there before a sidecar subscribes.
	for _, names := range [][]string{{Broker, Placement, Scheduler}, s.order[3:]} {
		for _, name := range names {
			if err := s.start(name); err != nil {
				return s, err
			}
		}
		if err := s.Await(ctx, names...); err != nil {
			return s, err
		}
	}
	return s, nil
}

// build builds the apps and the broker into s.Dir, with the race detector if
// the test has it.
func (s *System) build(ctx context.Context, root string, file runfile.File, o Options) error {
	b := gobuild.Options{
		Dir: root, Output: filepath.Join(s.Dir, "bin") + string(filepath.Separator), Progress: o.Out,
		Packages: []string{"./tools/local"},
	}
	for _, app := range file.Apps {
		if o.Apps == nil || slices.Contains(o.Apps, app.ID) {
			s.Apps = append(s.Apps, app)
			b.Packages = append(b.Packages, "./apps/"+app.ID)
		}
	}
	if raceDetector {
		b.Flags = append(b.Flags, "-race")
	}
	return gobuild.Build(ctx, b)
}

// describe says how each part is started.
func (s *System) describe(root string, file runfile.File, binaries dapr.Binaries, o Options) error {
	logs, resources := filepath.Join(s.Dir, "logs"), filepath.Join(s.Dir, "components", "local")
	free := newPorts()
	broker := free.port()
	p := dapr.Ports{
		Placement: free.port(), PlacementHealth: free.port(), PlacementMetrics: free.port(), PlacementRaft: free.port(),
		Scheduler: free.port(), SchedulerHealth: free.port(), SchedulerMetrics: free.port(),
		SchedulerStore: free.port(), SchedulerStorePeer: free.port(),
	}
	for i := range s.Apps {
		a := &s.Apps[i]
		a.Port, a.HTTPPort, a.GRPCPort, a.InternalGRPCPort, a.MetricsPort = free.port(), free.port(), free.port(), free.port(), free.port()
	}
	if err := free.err; err != nil {
		return err
	}
	if err := s.copyComponents(root, broker); err != nil {
		return err
	}

	s.add(process.Spec{
		Name: Broker, Path: filepath.Join(s.Dir, "bin", "local"), Dir: root, Log: filepath.Join(logs, "broker.log"),
		Args: []string{"broker", "-port", strconv.Itoa(broker), "-dir", filepath.Join(s.Dir, ".data", "broker")},
	}, "tcp://127.0.0.1:"+strconv.Itoa(broker))
	s.add(binaries.PlacementSpec(p, logs), dapr.HealthURL(p.PlacementHealth, "/healthz"))
	s.add(binaries.SchedulerSpec(p, filepath.Join(s.Dir, ".data", "scheduler"), logs), dapr.HealthURL(p.SchedulerHealth, "/healthz"))
	for _, app := range s.Apps {
		env := []string{
			"APP_ID=" + app.ID, "APP_PORT=" + strconv.Itoa(app.Port),
			"DAPR_HTTP_PORT=" + strconv.Itoa(app.HTTPPort), "DAPR_GRPC_PORT=" + strconv.Itoa(app.GRPCPort),
		}
		for _, name := range slices.Sorted(maps.Keys(o.Env)) {
			env = append(env, name+"="+o.Env[name])
		}
		s.add(process.Spec{
			Name: app.ID, Path: filepath.Join(s.Dir, "bin", app.ID), Env: env, Dir: s.Dir, Log: filepath.Join(logs, app.ID+".log"),
		}, dapr.HealthURL(app.Port, "/readyz"))
		s.add(binaries.SidecarSpec(app, file, p, resources, filepath.Join(resources, "config.yaml"), s.Dir, logs),
			dapr.HealthURL(app.HTTPPort, "/v1.0/healthz"))
	}
	return nil
}

func (s *System) add(spec process.Spec, health ...string) {
	s.order = append(s.order, spec.Name)
	s.parts[spec.Name] = &part{spec: spec, health: health}
}

// copyComponents takes over components/local as it is, but for the broker's
// port. Its paths are relative to the folder that the sidecars run in.
func (s *System) copyComponents(root string, broker int) error {
	if err := os.MkdirAll(filepath.Join(s.Dir, ".data"), 0o755); err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(s.Dir, "components"), os.DirFS(filepath.Join(root, "components"))); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(s.Dir, "components", "local", "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(b), "mqtt://127.0.0.1:1883", "mqtt://127.0.0.1:"+strconv.Itoa(broker))
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	s.token, err = secret(filepath.Join(s.Dir, "components", "secrets.local.json"), "organiser-token")
	return err
}

// API is a client of the system's API, for anybody.
func (s *System) API() *api.Client { return &api.Client{URL: s.url("web"), Wait: outcomeWithin} }

// Organiser is a client of the system's API with the organiser's credential.
func (s *System) Organiser() *api.Client {
	return &api.Client{URL: s.url("web"), Token: s.token, Wait: outcomeWithin}
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

func (s *System) url(app string) string { return dapr.HealthURL(s.App(app).Port, "") }

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

// Restart starts a part again that has ended, and waits until it is ready.
func (s *System) Restart(ctx context.Context, name string) error {
	if err := s.start(name); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("not ready within %s", readyWithin))
	defer cancel()
	return s.Await(ctx, name)
}

// Await waits until parts are ready.
func (s *System) Await(ctx context.Context, names ...string) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, name := range names {
		g.Go(func() error {
			err := ready.Until(ctx, func(ctx context.Context) error {
				if err := s.process(name).Exited(); err != nil {
					return nil
				}
				return s.healthy(ctx, name)
			})
			if err = errors.Join(s.process(name).Exited(), err); err != nil {
				return fmt.Errorf("%s: %w\n%s", name, err, s.process(name).Tail(20))
			}
			return nil
		})
	}
	return g.Wait()
}

func (s *System) healthy(ctx context.Context, name string) error {
	for _, url := range s.parts[name].health {
		if address, ok := strings.CutPrefix(url, "tcp://"); ok {
			if err := dial(ctx, address); err != nil {
				return err
			}
		} else if err := ready.Ask(ctx, url); err != nil {
			return err
		}
	}
	return nil
}

func (s *System) start(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	part := s.parts[name]
	p, err := process.Start(part.spec)
	if err == nil {
		part.running = p
	}
	return err
}

func (s *System) process(name string) *process.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.parts[name]; ok {
		return p.running
	}
	panic("harness: no part " + name)
}

// Close stops everything and removes the data, unless PLENARY_KEEP is set. It
// gives an error if an app had a data race.
func (s *System) Close() (err error) {
	for _, kind := range []func(string) bool{s.isApp, func(string) bool { return true }} {
		var g errgroup.Group
		for _, name := range s.order {
			if kind(name) {
				g.Go(func() error { s.Stop(name); return nil })
			}
		}
		_ = g.Wait()
	}
	for _, app := range s.Apps {
		log, e := os.ReadFile(filepath.Join(s.Dir, "logs", app.ID+".log"))
		if e != nil {
			continue // it was never started
		}
		if _, race, found := strings.Cut(string(log), "WARNING: DATA RACE"); found {
			err = errors.Join(err, fmt.Errorf("%s has a data race:%.4000s", app.ID, race))
		}
	}
	if s.Dir != "" && os.Getenv("PLENARY_KEEP") == "" {
		err = errors.Join(err, os.RemoveAll(s.Dir))
	}
	return err
}

func (s *System) isApp(name string) bool {
	return slices.ContainsFunc(s.Apps, func(a runfile.App) bool { return a.ID == name })
}
