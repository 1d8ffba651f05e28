package generate_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/plenary/plenary/tools/topology/generate"
	"github.com/plenary/plenary/topology"
)

const root = "../../.."

func TestWhatIsCommittedIsWhatIsGenerated(t *testing.T) {
	outdated, err := generate.Outdated(topology.Plenary(), os.DirFS(root))
	if err != nil || len(outdated) > 0 {
		t.Errorf("not up to date (make generate): %v, %v", outdated, err)
	}
}

// grown is the repository with an app more, and the topology that has it.
func grown(t *testing.T) (*topology.Topology, fstest.MapFS) {
	t.Helper()
	files := fstest.MapFS{}
	for _, pattern := range []string{"apps/*/main.go", "components/*", "components/*/*", "components/*/*/*", "charts/plenary/values*"} {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			content, err := os.ReadFile(file)
			if err != nil {
				continue // a folder
			}
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.ToSlash(name)] = &fstest.MapFile{Data: content}
		}
	}
	files["apps/newcomer/main.go"] = &fstest.MapFile{}
	p := *topology.Plenary()
	p.Topics = append(slices.Clone(p.Topics), topology.Topic{Name: "newcomers", Bus: "commandbus", About: "Commands that the newcomer app receives."})
	p.Apps = append(slices.Clone(p.Apps), topology.App{
		Name: "newcomer", About: "Who is new", Keeps: "newcomers", Actors: "Newcomer", Secrets: []string{"mail-password"},
		Reads: []string{"newcomers", "events"}, Sends: map[string][]string{"orders": {"RegisterToConference"}},
		Asks: map[string][]topology.Route{"query": {{Verbs: []string{"GET"}, Path: "/newcomers"}}},
	})
	return &p, files
}

func TestAnAppIsCarriedEverywhere(t *testing.T) {
	p, files := grown(t)
	made, err := generate.All(p, files)
	if err != nil {
		t.Fatal(err)
	}
	ports := p.PortsOf("newcomer")
	for file, wants := range map[string][]string{
		"dapr.yaml":                                                 {"- appID: newcomer\n", "command: [./.bin/apps/newcomer]", fmt.Sprint("appPort: ", ports.App), fmt.Sprint("daprHTTPPort: ", ports.HTTP), fmt.Sprintf("PORT: \"%d\"", ports.AppMetrics)},
		"components/redis/dapr.yaml":                                {"- appID: newcomer\n    appDirPath: ../..\n"},
		"components/config.yaml":                                    {"mail-password]"},
		"components/redis/forget.lua":                               {"['newcomers-from-query'] = {'newcomer-commandbus'}", "'newcomer-eventbus'"},
		"components/rabbitmq-postgres/definitions.json":             {`"newcomer-commandbus-newcomers-from-query"`, `"newcomer-eventbus-events-from-order"`, `"x-queue-type":"classic"`},
		"components/rabbitmq-postgres/definitions-quorum.json":      {`"newcomer-commandbus-newcomers-from-query"`, `"x-queue-type":"quorum"`, `"delivery-limit":1000000000`},
		"components/redis/resources/subscriptions.yaml":             {"pubsubname: commandbus\n", "name: newcomers-from-query-to-newcomer\n", "name: orders-from-newcomer-to-order\n", "deadLetterTopic: deadletters-from-newcomer\n", "scopes: [newcomer]"},
		"components/rabbitmq-postgres/resources/subscriptions.yaml": {"pubsubname: commandbus-newcomers-from-query\n", "pubsubname: eventbus-events-from-order\n"},
		"components/rabbitmq-postgres/resources/resiliency.yaml":    {"      commandbus-newcomers-from-query:\n        inbound:\n          retry: unlimited\n"},
		"components/rabbitmq-postgres/resources/readers.yaml": {"name: commandbus-newcomers-from-query\n", "value: \"{appID}-commandbus\"\n",
			"name: allowedTopics\n      value: \"newcomers-from-query,deadletters-from-newcomer\"\n", "value: \"newcomer=deadletters-from-newcomer\"\n", "scopes: [newcomer]\n"},
		"components/local/resources/commandbus.yaml":             {"newcomer=orders-from-newcomer,deadletters-from-newcomer", "newcomer=newcomers-from-query"},
		"components/rabbitmq-postgres/resources/commandbus.yaml": {"newcomer=orders-from-newcomer,probe"},
		"components/local/resources/statestore.yaml":             {", newcomer]"},
		"components/kafka-postgres/resources/statestore.yaml":    {", newcomer]"},
		"components/kafka-postgres/resources/moneystore.yaml":    {"scopes: [payments, web]"},
		"charts/plenary/files/topology.yaml":                     {"  newcomer:\n    public: false\n    actors: true\n    reads: true\n", "- name: /newcomers"},
		"charts/plenary/values.yaml":                             {"  newcomer: {}\n"},
		"charts/plenary/values.schema.json":                      {`"newcomer"`},
		"docs/topology.md":                                       {fmt.Sprintf("| newcomer | Who is new | %d | %d |", ports.App, ports.HTTP), "| newcomer | `orders` | order | RegisterToConference |"},
	} {
		for _, want := range wants {
			if !strings.Contains(string(made[file]), want) {
				t.Errorf("%s has no %q", file, want)
			}
		}
	}
	var schema map[string]any
	if err := json.Unmarshal(made["charts/plenary/values.schema.json"], &schema); err != nil {
		t.Error(err)
	}
	// And nothing of it is there without it.
	delete(files, "apps/newcomer/main.go")
	if _, err := generate.All(p, files); err == nil || !strings.Contains(err.Error(), "newcomer") {
		t.Errorf("an app without a folder: %v", err)
	}
}

// A component set is its folder.
func TestASetIsCarriedEverywhere(t *testing.T) {
	p, files := grown(t)
	for _, name := range []string{"bus.yaml", "stores.yaml", "set.yaml", "secrets.json"} {
		files["components/pulsar/"+name] = files["components/kafka-postgres/"+name]
	}
	files["components/pulsar/set.yaml"] = &fstest.MapFile{Data: []byte("about: Pulsar\nbuses: Pulsar\nstores: PostgreSQL\nchart: {broker: pulsar}\n")}
	made, err := generate.All(p, files)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"components/pulsar/dapr.yaml":                  "# The set on Pulsar: `dapr run -f components/pulsar`",
		"components/pulsar/resources/eventbus.yaml":    "name: eventbus\n",
		"components/pulsar/resources/statestore.yaml":  "scopes: [",
		"components/pulsar/resources/secretstore.yaml": "components/pulsar/secrets.json",
		"charts/plenary/values.schema.json":            `"pulsar"`,
		"charts/plenary/files/topology.yaml":           "pulsar:\n    set: pulsar\n",
		"docs/topology.md":                             "| [pulsar](../components/pulsar/README.md) | Pulsar | PostgreSQL |",
	} {
		if !strings.Contains(string(made[file]), want) {
			t.Errorf("%s has no %q", file, want)
		}
	}
}

func TestGeneratedFilesSaySo(t *testing.T) {
	made, err := generate.All(topology.Plenary(), os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range made {
		if !strings.Contains(strings.ToLower(string(content)), "generated from topology") {
			t.Errorf("%s does not say that it is generated", file)
		}
	}
	if len(made) < 30 {
		t.Errorf("only %d files: %s", len(made), fmt.Sprint(made))
	}
}
