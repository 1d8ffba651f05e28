// Package selfcheck tries the self-check on the real Dapr: each mistake that it
// knows is made in YAML, and an app is started beside it.
package selfcheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/plenary/plenary/engine/host"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/tools/local/broker"
	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/tools/local/runfile"
	"github.com/plenary/plenary/tools/servers/process"
)

var daprd string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		root, err := runfile.Root()
		if err == nil {
			var b dapr.Binaries
			b, err = dapr.Ensure(context.Background(), root, os.Stderr)
			daprd = b.Daprd
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// resources are the files of a resources folder, by name. These are all that
// the app of these tests needs, apart from a broker: its messages are accepted
// in memory.
func resources() map[string]string {
	files := map[string]string{
		"statestore":  component("statestore", "state.sqlite", "connectionString: ':memory:'"),
		"secretstore": component("secretstore", "secretstores.local.file", "secretsFile: secrets.json"),
		"resiliency":  resiliency,
		"commands":    subscription("commands", "commandbus", "things", "/bus/commands", ""),
	}
	for _, name := range []string{"commandbus", "eventbus", "deadletters"} {
		files[name] = component(name, "pubsub.in-memory")
	}
	return files
}

const resiliency = `
apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: {name: deliveries}
spec:
  policies:
    retries:
      unlimited: {policy: constant, duration: 300ms, maxRetries: -1}
  targets:
    components:
      commandbus: {inbound: {retry: unlimited}}
`

func component(name, kind string, settings ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: %s}\nspec:\n  type: %s\n  version: v1\n  metadata:\n", name, kind)
	for _, s := range settings {
		k, v, _ := strings.Cut(s, ": ")
		fmt.Fprintf(&b, "    - {name: %s, value: %q}\n", k, strings.Trim(v, "'"))
	}
	if len(settings) == 0 {
		return strings.TrimSuffix(b.String(), "  metadata:\n")
	}
	return b.String()
}

// subscription is one as the engine needs it, with a piece of text replaced:
// "from => to".
func subscription(name, component, topic, path, change string) string {
	s := fmt.Sprintf(`
apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata: {name: %s}
spec:
  pubsubname: %s
  topic: %s
  routes: {default: %s}
  bulkSubscribe: {enabled: true, maxMessagesCount: 200, maxAwaitDurationMs: 5}
  deadLetterTopic: deadletters
  metadata: {rawPayload: "true"}
`, name, component, topic, path)
	from, to, _ := strings.Cut(change, " => ")
	return strings.ReplaceAll(s, from, to)
}

// trial is an app with what it finds beside it.
type trial struct {
	change  func(files map[string]string)
	env     map[string]string
	sidecar sidecar
	actors  bool
	secret  string // that the app reads, instead of one that is there
}

// sidecar is how the sidecar differs from the one that the app needs.
type sidecar struct {
	id, token, appToken string
	noAppPort           bool
}

var errPassed = errors.New("the self-check was passed")

// run starts the sidecar and the app, and gives what the app logged and the
// error that it ended with: errPassed, or what it was refused for.
func run(t *testing.T, try trial) (log string, err error) {
	t.Helper()
	dir := t.TempDir()
	files := resources()
	if try.change != nil {
		try.change(files)
	}
	folder := filepath.Join(dir, "resources")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets.json"), []byte(`{"key":"for-tests-only"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 4)
	appPort, http, grpc := ports[0], ports[1], ports[2]
	id := "app"
	if try.sidecar.id != "" {
		id = try.sidecar.id
	}
	spec := process.Spec{
		Name: "daprd", Path: daprd, Dir: dir, Log: filepath.Join(dir, "daprd.log"),
		Env: []string{"DAPR_HOST_IP=127.0.0.1", "DAPR_API_TOKEN=" + try.sidecar.token, "APP_API_TOKEN=" + try.sidecar.appToken},
		Args: []string{
			"--app-id", id, "--dapr-http-port", http, "--dapr-grpc-port", grpc,
			"--dapr-internal-grpc-port", ports[3], "--dapr-listen-addresses", "127.0.0.1",
			"--enable-metrics=false", "--resources-path", folder,
		},
	}
	if !try.sidecar.noAppPort {
		spec.Args = append(spec.Args, "--app-port", appPort)
	}
	started, err := process.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		started.Kill()
		if t.Failed() {
			t.Logf("--- sidecar\n%s", started.Tail(15))
		}
	})

	for name, value := range map[string]string{
		"APP_PORT": appPort, "DAPR_HTTP_PORT": http, "DAPR_GRPC_PORT": grpc, "PLENARY_ACCEPT": "pubsub.in-memory",
		"DAPR_API_TOKEN": "", "APP_API_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
	for name, value := range try.env {
		t.Setenv(name, value)
	}
	return logged(t, func() error {
		o := host.Options{AppID: "app", Registry: message.NewRegistry(), Secrets: []string{"key"}}
		if try.secret != "" {
			o.Secrets = []string{try.secret}
		}
		if try.actors {
			o.ActorType = "Process"
		}
		app, err := host.New(o)
		if err != nil {
			return err
		}
		app.Subscribe("/bus/commands", message.Command, app.Engine())
		app.Go(func(context.Context) error { return errPassed })
		return app.Run()
	})
}

// logged gives what an app writes to standard error.
func logged(t *testing.T, app func() error) (string, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		read <- string(b)
	}()
	stderr := os.Stderr
	os.Stderr = w
	result := make(chan error, 1)
	go func() { result <- app() }()
	select {
	case err = <-result:
	case <-time.After(time.Minute):
		err = errors.New("the app has neither been refused nor passed")
	}
	os.Stderr = stderr
	_ = w.Close()
	return <-read, err
}

func TestAnAppRunsBesideWhatItNeeds(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(files map[string]string)
	}{
		{"a state store of the usual name", nil},
		{"a state store of another name", func(files map[string]string) {
			files["statestore"] = component("orders", "state.sqlite", "connectionString: ':memory:'")
		}},
		{"several state stores and one of the usual name", func(files map[string]string) {
			files["another"] = component("another", "state.in-memory")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, err := run(t, trial{change: c.change})
			if !errors.Is(err, errPassed) {
				t.Fatal(err)
			}
			if !strings.Contains(log, "in-memory: commandbus (pubsub.in-memory)") || !strings.Contains(log, "accepted by PLENARY_ACCEPT") {
				t.Errorf("there is no warning of what was accepted: %s", log)
			}
			if strings.Contains(log, `"refused":true`) {
				t.Error(log)
			}
		})
	}
}

func TestAnAppRefusesToRunBesideWhatItCannotUse(t *testing.T) {
	nats, mqtt := jetstream(t), mqttBroker(t)
	set := func(name, text string) func(map[string]string) {
		return func(files map[string]string) {
			files[name] = text
			if text == "" {
				delete(files, name)
			}
		}
	}
	commands := func(change string) func(map[string]string) {
		return set("commands", subscription("commands", "commandbus", "things", "/bus/commands", change))
	}
	for _, c := range []struct {
		name string
		trial
		want string
	}{
		{"no command bus", trial{change: set("commandbus", "")}, "no-component: the sidecar has no pubsub.* component named commandbus"},
		{"no event bus", trial{change: set("eventbus", "")}, "no-component: the sidecar has no pubsub.* component named eventbus"},
		{"no dead letters", trial{change: set("deadletters", "")}, "no-component: the sidecar has no pubsub.* component named deadletters"},
		{"no state store", trial{change: set("statestore", "")}, "no-component: the sidecar has no state.* component named statestore"},
		{"no secret store", trial{change: set("secretstore", "")}, "no-component: the sidecar has no secretstores.* component named secretstore"},
		{"a component for other apps", trial{change: set("commandbus", component("commandbus", "pubsub.in-memory")+"scopes: [another]\n")}, "no-component: the sidecar has no pubsub.* component named commandbus"},
		{"two state stores of other names", trial{change: func(files map[string]string) {
			delete(files, "statestore")
			files["a"], files["b"] = component("a", "state.in-memory"), component("b", "state.in-memory")
		}}, "several-stores: the sidecar has several state stores, a and b"},
		{"a state store without ETags", trial{change: set("statestore", component("statestore", "state.consul"))}, "no-etag: statestore (state.consul)"},
		{"a state store that forgets", trial{change: set("statestore", component("statestore", "state.in-memory"))}, "in-memory: statestore (state.in-memory)"},
		{"a broker that forgets", trial{env: map[string]string{"PLENARY_ACCEPT": ""}}, "in-memory: commandbus (pubsub.in-memory)"},
		{"JetStream", trial{change: set("eventbus", component("eventbus", "pubsub.jetstream", "natsURL: "+nats))}, "acknowledges-early: eventbus (pubsub.jetstream)"},
		{"MQTT", trial{change: set("eventbus", component("eventbus", "pubsub.mqtt3", "url: "+mqtt))}, "repeats-on-reconnect: eventbus (pubsub.mqtt3)"},
		{"no subscription", trial{change: set("commands", "")}, "no-subscription: commandbus (pubsub.in-memory) has no subscription of this app"},
		{"somebody else's subscription", trial{change: set("more", subscription("more", "eventbus", "events", "/bus/events", ""))}, "foreign-subscription: the sidecar has a subscription to events of eventbus"},
		{"another route", trial{change: commands("default: /bus/commands => default: /commands")}, "other-route: commandbus (pubsub.in-memory) has a subscription to things that delivers to /commands"},
		{"a route by rule", trial{change: commands(`default: /bus/commands => rules: [{match: 'event.type == "A.v1"', path: /bus/commands}]`)}, "several-routes: commandbus"},
		{"no dead-letter topic", trial{change: commands("  deadLetterTopic: deadletters\n => ")}, "no-dead-letters: commandbus (pubsub.in-memory) has a subscription to things that has no dead-letter topic"},
		{"a dead-letter topic that is the topic", trial{change: commands("deadLetterTopic: deadletters => deadLetterTopic: things")}, "no-dead-letters: commandbus (pubsub.in-memory) has a subscription to things that is its own"},
		{"payloads that are not raw", trial{change: commands("  metadata: {rawPayload: \"true\"}\n => ")}, "not-raw: commandbus"},
		{"no resiliency", trial{change: set("resiliency", "")}, "no-resiliency: the sidecar has no Resiliency"},
		{"another app's sidecar", trial{sidecar: sidecar{id: "another"}}, `app-id: the sidecar's app id is "another"`},
		{"a sidecar that does not know the app", trial{sidecar: sidecar{noAppPort: true}}, "app-port: the sidecar has no app port"},
		{"a sidecar whose token the app does not have", trial{sidecar: sidecar{token: "secret"}}, "api-token: the sidecar requires a token"},
		{"an app whose token the sidecar does not have", trial{env: map[string]string{"APP_API_TOKEN": "secret"}}, "app-token: the app requires a token"},
		{"no secret of that name", trial{secret: "another-key"}, "no-secret: secretstore does not return a secret of the app: secret another-key"},
		{"actors without placement", trial{actors: true}, "no-actors: the sidecar has no actors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, err := run(t, c.trial)
			if err == nil || errors.Is(err, errPassed) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v\nwant %s", err, c.want)
			}
			name, _, _ := strings.Cut(c.want, ":")
			if !strings.Contains(log, `"finding":"`+name+`","refused":true`) {
				t.Errorf("not logged: %s", log)
			}
		})
	}
}

func jetstream(t *testing.T) (url string) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server is not ready")
	}
	return s.ClientURL()
}

func mqttBroker(t *testing.T) (url string) {
	t.Helper()
	port, _ := strconv.Atoi(freePorts(t, 1)[0])
	b, err := broker.Start(t.Context(), broker.Options{Port: port, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Shutdown)
	return b.URL()
}

// freePorts gives ports that nobody listens on.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	ports := make([]string, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }() // when all are found, so that each is another
		_, ports[i], _ = net.SplitHostPort(l.Addr().String())
	}
	return ports
}
