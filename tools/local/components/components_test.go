package components_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/plenary/plenary/tools/local/broker"
	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/runfile"
	"github.com/plenary/plenary/tools/local/servers"
)

func TestAddressesAreFoundAndMoved(t *testing.T) {
	secrets := components.Secrets{
		"organiser-token":       "a://token",
		"query-database":        "postgres://plenary:word@db:5432/query?sslmode=disable",
		"postgresql-connection": "postgres://plenary:word@db:5432/plenary?sslmode=disable",
		"redis-host":            "cache:6379",
		"redis-password":        "pass",
		"mqtt-url":              "mqtt://broker:1883",
	}
	connections, err := secrets.Connections()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for server, urls := range connections {
		for _, u := range urls {
			found[server] = append(found[server], u.String())
		}
	}
	for server, want := range map[string][]string{
		servers.PostgreSQL: {secrets["postgresql-connection"], secrets["query-database"]},
		servers.Redis:      {"redis://:pass@cache:6379"},
		servers.Broker:     {"mqtt://broker:1883"},
	} {
		if got := found[server]; len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("%s: got %v, want %v", server, got, want)
		}
	}
	if len(found) != 3 {
		t.Errorf("servers: %v", found)
	}

	moved, err := secrets.At(map[string]int{servers.PostgreSQL: 1, servers.Redis: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(secrets)
	want["query-database"] = "postgres://plenary:word@127.0.0.1:1/query?sslmode=disable"
	want["postgresql-connection"] = "postgres://plenary:word@127.0.0.1:1/plenary?sslmode=disable"
	want["redis-host"] = "127.0.0.1:2"
	if !maps.Equal(moved, want) {
		t.Errorf("got %v, want %v", moved, want)
	}
}

// What RabbitMQ has before its first message is what the sidecars subscribe to:
// else they could not, or messages would wait for them in no queue.
func TestTheDefinitionsAreWhatIsSubscribedTo(t *testing.T) {
	root, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	set, err := components.Read(root, "rabbitmq-postgres")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, set.Definitions()))
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Name, VHost, Type   string
		Durable             bool
		AutoDelete          bool `json:"auto_delete"`
		Arguments           map[string]string
		Source, Destination string
	}
	var got, want struct{ Exchanges, Queues, Bindings []object }
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for _, s := range subscriptions(t, root) {
		exchange := object{Name: s.Spec.Topic, VHost: "/", Type: "fanout", Durable: true}
		if !slices.ContainsFunc(want.Exchanges, func(o object) bool { return o.Name == exchange.Name }) {
			want.Exchanges = append(want.Exchanges, exchange)
		}
		for _, app := range s.Scopes {
			queue := app + "-" + s.Spec.PubsubName + "-" + s.Spec.Topic
			want.Queues = append(want.Queues, object{Name: queue, VHost: "/", Durable: true, Arguments: map[string]string{"x-queue-type": "classic"}})
			want.Bindings = append(want.Bindings, object{VHost: "/", Source: s.Spec.Topic, Destination: queue})
		}
	}
	// Nobody reads it: engine/bus/daprbus, Doubt.
	want.Exchanges = append(want.Exchanges, object{Name: "probe", VHost: "/", Type: "fanout", Durable: true})
	for name, lists := range map[string][2][]object{
		"exchanges": {got.Exchanges, want.Exchanges}, "queues": {got.Queues, want.Queues}, "bindings": {got.Bindings, want.Bindings},
	} {
		if got, want := fmt.Sprint(lists[0]), fmt.Sprint(lists[1]); got != want {
			t.Errorf("%s: got %s\nwant %s", name, got, want)
		}
	}
}

// Who reads what: for whom the local broker keeps messages, and until when Redis does.
func TestTheReadersAreThoseThatSubscribe(t *testing.T) {
	root, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	var want []broker.Reader
	for _, s := range subscriptions(t, root) {
		for _, app := range s.Scopes {
			want = append(want, broker.Reader{ClientID: app + "-" + s.Spec.PubsubName, Topic: s.Spec.Topic})
		}
	}
	order := func(a, b broker.Reader) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), strings.Compare(a.ClientID, b.ClientID))
	}
	slices.SortFunc(want, order)
	if got := slices.SortedFunc(slices.Values(broker.Readers), order); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

type subscription struct {
	Spec   struct{ PubsubName, Topic string }
	Scopes []string
}

// subscriptions are those that all sets share.
func subscriptions(t *testing.T, root string) (all []subscription) {
	t.Helper()
	file, err := os.Open(filepath.Join(root, components.Folder, "common", "subscriptions.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for d := yaml.NewDecoder(file); ; {
		var s subscription
		if err := d.Decode(&s); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
}
