package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dapr/go-sdk/client"
	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/bustest"
	"github.com/plenary/plenary/engine/bus/daprbus"
	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/runfile"
	"github.com/plenary/plenary/topology"
)

// apps are those whose handlers are here, in the test, by the names of their
// sidecars.
type apps struct {
	registry *message.Registry
	// parker takes what is malformed; without it, nothing may be.
	parker bus.Parker

	mu       sync.Mutex // tests that run side by side start apps
	handlers map[string]*atomic.Value
}

func newApps() *apps {
	registry := message.NewRegistry()
	bustest.Register(registry)
	return &apps{registry: registry, handlers: map[string]*atomic.Value{}}
}

// serve has what the sidecar of an app delivers handled here, from now on.
func (a *apps) serve(t testing.TB, app runfile.App, sidecar string, handler bus.Handler) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if current := a.handlers[sidecar]; current != nil {
		current.Store(handler)
		return
	}
	current := &atomic.Value{}
	current.Store(handler)
	a.handlers[sidecar] = current
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	var parked bus.Parker = parker{t}
	if a.parker != nil {
		parked = a.parker
	}
	for _, b := range topology.Plenary().Buses {
		e := &bus.Endpoint{Registry: a.registry, Parker: parked, App: app.ID, Kind: kinds[b.Name], Meter: bus.NewMeter()}
		e.Handler = bus.HandlerFunc(func(ctx context.Context, batch []bus.Delivery) []bus.Status {
			return current.Load().(bus.Handler).HandleBatch(ctx, batch)
		})
		router.POST(b.Route, e.Serve)
	}
	listener, err := net.Listen("tcp", address(app.Port))
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: router, ReadHeaderTimeout: 10 * time.Second}}
	server.Start()
	t.Cleanup(server.Close)
}

// nothing acknowledges what it is given.
var nothing = bus.HandlerFunc(func(_ context.Context, batch []bus.Delivery) []bus.Status {
	return bus.All(len(batch), bus.Success)
})

// beside starts the sidecar of an app that reads nothing, and gives its client.
func (a *apps) beside(t testing.TB, app string) client.Client {
	t.Helper()
	a.serve(t, system.App(app), harness.Sidecar(app), nothing)
	t.Cleanup(func() { system.Stop(harness.Sidecar(app)) })
	if err := system.Restart(t.Context(), harness.Sidecar(app)); err != nil {
		t.Fatal(err)
	}
	dapr, err := client.NewClientWithAddressContext(t.Context(), address(system.App(app).GRPCPort))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dapr.Close)
	return dapr
}

// publisher publishes as the host of an app does, on buses of some kind of
// component.
func (a *apps) publisher(t *testing.T, app string) (p *daprbus.Publisher, kind string) {
	t.Helper()
	dapr := a.beside(t, app)
	components := map[message.Kind]string{}
	for bus, kind := range kinds {
		components[kind] = bus
	}
	p = daprbus.New(dapr, &bus.Outgoing{Registry: a.registry, Source: app, Now: time.Now}, components)
	meta, err := dapr.GetMetadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range meta.RegisteredComponents {
		p.Suit(c.Name, component.Of(c.Type))
		if c.Name == host.CommandBus {
			kind = c.Type
		}
	}
	return p, kind
}

// replica is a replica of an app whose handler is here.
func (a *apps) replica(t *testing.T, app string, o bustest.Options, h bus.Handler) bustest.Part {
	it, sidecar := system.App(app), harness.Sidecar(app)
	if o.Second {
		var name string
		it, name = system.Second(app)
		sidecar = harness.Sidecar(name)
	}
	a.serve(t, it, sidecar, h)
	return part{name: sidecar, bounded: o.Repeats > 0}
}

// parker takes what is malformed, which nothing here should be.
type parker struct{ t testing.TB }

func (p parker) Park(_ context.Context, l message.DeadLetter) error {
	p.t.Errorf("malformed: %s: %s", l.Reason, l.Message)
	return nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// part is one of the system, as the suite breaks it.
type part struct {
	name string
	// bounded says that the sidecar starts with a bound on repeats.
	bounded bool
}

func (p part) Start(ctx context.Context) error {
	if !p.bounded {
		return system.Restart(ctx, p.name)
	}
	restore, err := bound()
	if err != nil {
		return err
	}
	return errors.Join(system.Restart(ctx, p.name), restore())
}

func (p part) Stop() { system.Stop(p.name) }
func (p part) Kill() { system.Kill(p.name) }

// bound puts the test's own policy in the place of that of all sets.
func bound() (restore func() error, err error) {
	file := filepath.Join(system.Dir, system.Set.Folder(), "resources", "resiliency.yaml")
	before, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	ours := bytes.Replace(before, []byte("maxRetries: -1\n"), []byte("maxRetries: 2\n"), 1)
	if bytes.Equal(ours, before) {
		return nil, fmt.Errorf("%s has no maxRetries: -1", file)
	}
	return func() error { return os.WriteFile(file, before, 0o644) }, os.WriteFile(file, ours, 0o644)
}
