// Package host runs an app beside its Dapr sidecar: it listens first, then
// waits for the sidecar, wires the engine's ports to Dapr's components, and on
// SIGTERM finishes what it has begun.
package host

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dapr/go-sdk/client"
	"github.com/gin-gonic/gin"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/daprbus"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/logging"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/repeat"
	"github.com/plenary/plenary/engine/selfcheck"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/telemetry"
	"github.com/plenary/plenary/engine/timeout"
	"github.com/plenary/plenary/engine/tracing"
)

// Names of the Dapr components an app uses. Which broker or store stands behind
// a name is a matter of component YAML alone.
const (
	CommandBus  = "commandbus"
	EventBus    = "eventbus"
	DeadLetters = "deadletters"
	SecretStore = "secretstore"
	// StateStore is the name that decides when an app's sidecar has several state
	// stores. One alone may have any name.
	StateStore = "statestore"
)

// Options say what app to host.
type Options struct {
	// AppID is the app's Dapr id, and the source of its messages.
	AppID    string
	Registry *message.Registry
	// Public says that the app's own routes are called by anybody. Otherwise,
	// where APP_API_TOKEN is set, only the sidecar may call them.
	Public bool
	// TrustsTrace says whose traces go on where the public asks; nil for nobody's: see
	// tracing.Requests.
	TrustsTrace func(*http.Request) bool
	// MayCall says which requests other apps may make of this one by service
	// invocation; nil for none.
	MayCall func(caller, verb, path string) bool
	// Senders says which apps may send which messages to which topic, and who reads it.
	// What the app publishes is sent again until those who read it have it, each of which
	// is asked at repeat.Route.
	Senders Senders
	// KeepsNothing says that the app has no state store. What it publishes is not sent
	// again, so what the broker loses of it is lost.
	KeepsNothing bool
	// Believe, if set, refuses what a sender may send only in another form.
	Believe func(m message.Message) error
	// ActorType is the type of the actors that wake this app's processes; empty
	// for an app without processes.
	ActorType string
	// Secrets are the names of the secrets that the app reads.
	Secrets []string
	// Settings is the item of the Dapr configuration store that holds what Configured
	// gives; empty for none.
	Settings string
	// Swept says that the app sweeps for what reminders miss: see
	// timeout.Reminders.
	Swept bool
}

// Senders knows who sends what, and who reads it.
type Senders interface {
	bus.Senders
	// ReadersOf are the apps that read a topic.
	ReadersOf(topic string) []string
}

// Host is one app.
type Host struct {
	// Router is for the app's own routes.
	Router gin.IRouter

	options   Options
	engine    *gin.Engine
	internal  gin.IRouter
	dapr      client.Client
	conn      *grpc.ClientConn
	daprHTTP  string
	token     string
	store     *lateStore
	publisher *daprbus.Publisher
	sender    *repeat.Sender // nil where nothing is sent again
	reader    *repeat.Reader
	knower    repeat.Knower
	lose      uint32 // one in so many messages, for tests; 0: none
	handler   *handling.Engine
	meter     *bus.Meter
	telemetry *telemetry.Telemetry
	tasks     []func(context.Context) error
	settings  settings
	// forStreams is what streams may take in memory, 0 where memory has no limit.
	forStreams int64
	checks     []func(context.Context) error
	ready      atomic.Bool

	// needs are what the self-check looks for; checked is closed when it has found
	// nothing to refuse, and ended when the app begins to end.
	needs   selfcheck.Needs
	checked chan struct{}
	ended   chan struct{}
}

// New makes a host from the environment: APP_PORT (8080), PLENARY_BIND
// (127.0.0.1), DAPR_HTTP_PORT, DAPR_GRPC_PORT, DAPR_API_TOKEN, APP_API_TOKEN,
// LOG_LEVEL (info), GOMEMLIMIT (90 % of the container's memory), PLENARY_WRITES,
// the version whose forms are written (the oldest that is read), PLENARY_REPEAT_AFTER
// (10s), after which those are asked for a message who should have it, PLENARY_LOSE, to
// lose one in so many messages in a test, PLENARY_ACCEPT, the component types that the self-check shall
// not refuse (none), PLENARY_PPROF to serve profiles under /debug/pprof, and those
// of package telemetry.
func New(o Options) (*Host, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(env("LOG_LEVEL", "info"))); err != nil {
		return nil, fmt.Errorf("LOG_LEVEL: %w", err)
	}
	lines := slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})
	slog.SetDefault(slog.New(logging.Handler(lines)).With("app", o.AppID))
	observed, err := telemetry.Start(context.Background(), o.AppID)
	if err != nil {
		return nil, err
	}

	if err := o.Registry.Write(os.Getenv("PLENARY_WRITES")); err != nil {
		return nil, fmt.Errorf("PLENARY_WRITES: %w", err)
	}
	gin.SetMode(gin.ReleaseMode)
	h := &Host{
		options: o, engine: gin.New(), telemetry: observed, token: os.Getenv("DAPR_API_TOKEN"),
		daprHTTP: "http://127.0.0.1:" + env("DAPR_HTTP_PORT", "3500"), meter: bus.NewMeter(),
		needs: selfcheck.Needs{AppID: o.AppID, Actors: o.ActorType != ""}, checked: make(chan struct{}), ended: make(chan struct{}),
	}
	h.settings.item = o.Settings
	if h.needs.Port, err = strconv.Atoi(env("APP_PORT", "8080")); err != nil {
		return nil, fmt.Errorf("APP_PORT: %w", err)
	}
	if len(o.Secrets) > 0 {
		h.needs.Secrets = SecretStore
	}
	h.forStreams = limitMemory("/")
	h.engine.Use(gin.Recovery())
	h.engine.ContextWithFallback = true
	h.internal = h.engine.Group("", fromSidecar(os.Getenv("APP_API_TOKEN")), fromOthers(nil))
	h.engine.GET("/healthz", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	h.engine.GET("/readyz", h.serveReady)
	if os.Getenv("PLENARY_PPROF") != "" {
		h.internal.GET("/debug/pprof/*name", gin.WrapF(serveProfile))
	}

	h.internal.GET(ownRoute, func(c *gin.Context) { c.Status(http.StatusNoContent) })
	// What comes before is not measured. Only who is called by the world begins
	// traces: what other apps ask outside of one is their looking now and then.
	h.engine.Use(tracing.Requests(o.Public, o.TrustsTrace), fromOthers(o.MayCall))
	h.Router = h.engine
	if !o.Public {
		h.Router = h.engine.Group("", fromSidecar(os.Getenv("APP_API_TOKEN")))
	}

	// The connection is made when it is first used: the sidecar may come later.
	h.conn, err = grpc.NewClient("127.0.0.1:"+env("DAPR_GRPC_PORT", "50001"),
		grpc.WithTransportCredentials(insecure.NewCredentials()), // the sidecar shares our loopback
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer), grpc.MaxCallSendMsgSize(maxAnswer), grpc.WaitForReady(true)),
		grpc.WithUnaryInterceptor(h.authorise))
	if err != nil {
		return nil, fmt.Errorf("dapr: %w", err)
	}
	h.dapr = client.NewClientWithConnection(h.conn)
	h.store = newLateStore()
	out := &bus.Outgoing{Registry: o.Registry, Source: o.AppID, Now: time.Now}
	if o.Senders != nil {
		out.TopicOf = o.Senders.TopicOf
	}
	h.publisher = daprbus.New(h.dapr, out, components)
	h.reader = &repeat.Reader{App: o.AppID, Registry: o.Registry, Now: time.Now}
	if err := h.mayLose(os.Getenv("PLENARY_LOSE")); err != nil {
		return nil, err
	}
	if o.Senders != nil && !o.KeepsNothing {
		after, err := Duration("PLENARY_REPEAT_AFTER", repeat.DefaultAfter)
		if err != nil {
			return nil, err
		}
		h.repeat(out, after)
	}
	return h, nil
}

// components are the pub/sub components by what travels there.
var components = map[message.Kind]string{
	message.Command: CommandBus, message.Event: EventBus, message.DeadLetterKind: DeadLetters,
}

// maxAnswer bounds one gRPC message. A bulk read of a hundred busy streams is
// some megabytes.
const maxAnswer = 64 << 20

// callTimeout bounds a call to the sidecar: a component that hangs must not
// hold a batch for ever.
const callTimeout = 30 * time.Second

func (h *Host) authorise(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if h.token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "dapr-api-token", h.token)
	}
	if parent := tracing.Parent(ctx); parent != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", parent)
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

// fromSidecar lets only the sidecar through, which shows the token.
func fromSidecar(token string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if token != "" && subtle.ConstantTimeCompare([]byte(c.GetHeader("dapr-api-token")), []byte(token)) != 1 {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	}
}

func serveProfile(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/debug/pprof/profile":
		pprof.Profile(w, r)
	case "/debug/pprof/trace":
		pprof.Trace(w, r)
	default:
		pprof.Index(w, r)
	}
}

// serveReady says whether the app can do its work: it has seen its sidecar, and
// the sidecar's outbound side (its components) is well.
func (h *Host) serveReady(c *gin.Context) {
	c.Status(http.StatusNoContent)
	if !h.ready.Load() || h.outbound(c.Request.Context()) != nil {
		c.Status(http.StatusServiceUnavailable)
		return
	}
	for _, check := range h.checks {
		if err := check(c.Request.Context()); err != nil {
			slog.WarnContext(c, "not ready", "error", err)
			c.Status(http.StatusServiceUnavailable)
			return
		}
	}
}

// ReadyIf adds a condition of the app's readiness.
func (h *Host) ReadyIf(check func(ctx context.Context) error) { h.checks = append(h.checks, check) }

// Gin is the server under Router, for what concerns all routes: what is
// answered where there is none, and which proxies are trusted.
func (h *Host) Gin() *gin.Engine { return h.engine }

func (h *Host) outbound(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.daprHTTP+"/v1.0/healthz/outbound", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("sidecar: %s", res.Status)
	}
	return nil
}

// Publisher publishes on the command and event bus.
func (h *Host) Publisher() bus.Publisher {
	h.needs.Publishes = append(h.needs.Publishes, CommandBus)
	if h.sender != nil {
		return h.sender
	}
	return h.publisher
}

// Dapr is the sidecar's client.
func (h *Host) Dapr() client.Client { return h.dapr }

// Keys is the app's own state store. Until the sidecar is there, its calls wait.
func (h *Host) Keys() state.Store {
	h.needs.State = true
	return h.store
}

// StateStore gives the name of the component behind Keys, for what the state
// port does not offer. Until the sidecar is there, what it gives waits.
func (h *Host) StateStore() func(context.Context) (string, error) {
	h.needs.State = true
	return func(ctx context.Context) (string, error) {
		known, err := h.store.await(ctx)
		return known.component, err
	}
}

// Engine is the app's engine over its state store and the buses. Add the
// aggregates and processes to it.
func (h *Host) Engine() *handling.Engine {
	if h.handler != nil {
		return h.handler
	}
	o := handling.Options{
		App: h.options.AppID, Registry: h.options.Registry, Keys: h.Keys(), Publisher: h.Publisher(),
		Now: time.Now, Random: rand.Reader, CacheBytes: h.forStreams,
	}
	if h.options.ActorType != "" {
		r := timeout.NewReminders(h.dapr, h.options.ActorType, time.Now)
		r.Swept = h.options.Swept
		h.Go(r.Run)
		o.Waker = r
	}
	h.needs.Publishes = append(h.needs.Publishes, EventBus)
	h.handler = handling.New(o)
	if h.sender != nil {
		h.Router.POST(repeat.AgainRoute, h.sender.ServeAgain)
	}
	h.Go(h.handler.Run)
	h.internal.GET("/waiting", h.serveWaiting)
	h.internal.DELETE("/waiting/:name", h.discardWaiting)
	if h.options.ActorType != "" {
		timeout.Host(h.deliveries(), h.options.ActorType, h.handler)
	}
	return h.handler
}

// Secret reads a secret, one of Options.Secrets, from the secret store.
func (h *Host) Secret(ctx context.Context, name string) (string, error) {
	if !slices.Contains(h.options.Secrets, name) {
		return "", fmt.Errorf("secret %s: not among those of the app's options", name)
	}
	got, err := h.dapr.GetSecret(ctx, SecretStore, name, nil)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	v, ok := got[name]
	if !ok || v == "" {
		return "", fmt.Errorf("secret %s: not in the secret store", name)
	}
	return v, nil
}

// Subscribe has batches delivered at path handled. Which topics come there is
// said by the Subscription YAML.
func (h *Host) Subscribe(path string, kind message.Kind, handler bus.Handler, options ...func(*bus.Endpoint)) {
	if kind != message.DeadLetterKind {
		handler = h.heard(handler)
	}
	e := &bus.Endpoint{
		Registry: h.options.Registry, Parker: parker{h}, App: h.options.AppID, Kind: kind, Meter: h.meter,
		Handler: h.meter.Guard(handler), Senders: h.options.Senders, Believe: h.options.Believe,
	}
	for _, set := range options {
		set(e)
	}
	h.needs.Reads = append(h.needs.Reads, selfcheck.Read{Component: components[kind], Path: path, LastStop: kind == message.DeadLetterKind})
	h.needs.Publishes = append(h.needs.Publishes, DeadLetters)
	h.deliveries().POST(path, e.Serve)
}

// deliveries is for the routes by which the sidecar gives the app something to
// do. It may begin with that before the app knows it: such calls wait for the
// self-check.
func (h *Host) deliveries() gin.IRouter {
	return h.internal.Group("", func(c *gin.Context) {
		if c.Request.Method == http.MethodGet || h.isChecked() {
			return // a GET asks, and gives nothing
		}
		select {
		case <-h.checked:
			return
		case <-h.ended:
		case <-c.Request.Context().Done():
		}
		c.AbortWithStatus(http.StatusServiceUnavailable)
	})
}

func (h *Host) isChecked() bool {
	select {
	case <-h.checked:
		return true
	default:
		return false
	}
}

// KeepUnknown is an option of Subscribe: see bus.Endpoint.KeepUnknown.
func KeepUnknown(e *bus.Endpoint) { e.KeepUnknown = true }

type parker struct{ h *Host }

func (p parker) Park(ctx context.Context, letter message.DeadLetter) error {
	return handling.PublishDeadLetter(ctx, p.h.publisher, letter, time.Now())
}

// InvokeURL is where another app's routes are found by Dapr service invocation.
func (h *Host) InvokeURL(appID string) string {
	return h.daprHTTP + "/v1.0/invoke/" + appID + "/method"
}

// InvokeTransport adds the sidecar's token to requests for InvokeURL, and the
// trace that they are part of.
func (h *Host) InvokeTransport() http.RoundTripper {
	return tracing.Transport(invoked, roundTripper(func(r *http.Request) (*http.Response, error) {
		if h.token != "" {
			r = r.Clone(r.Context())
			r.Header.Set("dapr-api-token", h.token)
		}
		return invokeTransport.RoundTrip(r)
	}))
}

// invoked names a request for InvokeURL by the app that it is for.
func invoked(r *http.Request) string {
	_, path, _ := strings.Cut(r.URL.Path, "/invoke/")
	app, _, _ := strings.Cut(path, "/")
	return "invoke " + app
}

var invokeTransport = func() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	// The sidecar is the only host. Connections that are not kept are dialled anew.
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 512, 512
	return t
}()

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Go runs a task from when the sidecar is there until the app ends, which
// cancels its context. Its error ends the app.
func (h *Host) Go(task func(ctx context.Context) error) { h.tasks = append(h.tasks, task) }

const loopback = "127.0.0.1"

// isLoopback says whether only this machine reaches what listens on an address.
func isLoopback(address string) bool {
	ip, err := netip.ParseAddr(address)
	return address == "localhost" || err == nil && ip.IsLoopback()
}

// drain is how long what has been begun may take after SIGTERM.
const drain = 15 * time.Second

// flush is how long sending the last of the telemetry may take after that.
const flush = 3 * time.Second

// Run listens, waits for the sidecar, checks that it gives what the app needs,
// runs the tasks, and returns after SIGTERM or SIGINT when all is finished, or
// when something failed.
func (h *Host) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	bind := env("PLENARY_BIND", loopback)
	h.needs.Exposed = os.Getenv("APP_API_TOKEN") == "" && !isLoopback(bind)
	address := net.JoinHostPort(bind, env("APP_PORT", "8080"))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	// A delivery outlives ctx: what has been begun is finished.
	server := &http.Server{Handler: h.engine, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		spareMemory(ctx)
		return nil
	})
	g.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		h.ready.Store(false)
		close(h.ended)
		end, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		if err := server.Shutdown(end); err != nil {
			return server.Close() // streams that never end
		}
		return nil
	})
	g.Go(func() error {
		if err := h.awaitSidecar(ctx); errors.Is(err, errRefused) {
			return err
		} else if err != nil {
			return nil //nolint:nilerr // ctx has ended, which is no failure
		}
		close(h.checked)
		slog.Info("ready", "address", address)
		h.ready.Store(true)
		for _, task := range h.tasks {
			g.Go(func() error {
				if err := task(ctx); err != nil && ctx.Err() == nil {
					return err
				}
				return nil
			})
		}
		return nil
	})
	err = g.Wait()
	_ = h.conn.Close()
	end, cancel := context.WithTimeout(context.Background(), flush)
	defer cancel()
	if err := h.telemetry.Stop(end); err != nil {
		slog.Warn("the last of the telemetry could not be sent", "error", err)
	}
	return err
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// Duration reads a duration (as in "15m") from the environment. One that is not
// positive is an error, since nothing here waits for no time at all.
func Duration(name string, otherwise time.Duration) (time.Duration, error) {
	return DurationOf(os.Getenv, name, otherwise)
}

// DurationOf is Duration from settings: see Configured.
func DurationOf(getenv func(string) string, name string, otherwise time.Duration) (time.Duration, error) {
	v := getenv(name)
	if v == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s=%q is not a positive duration such as 15m", name, v)
	}
	return d, nil
}
