package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yannh/kubeconform/pkg/validator"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/plenary/plenary/topology"
)

var apps = slices.Sorted(slices.Values(topology.Plenary().Names()))

func TestLint(t *testing.T) {
	for profile, values := range profiles(t) {
		for _, m := range lint.AllWithKubeVersion(chartDir, values, namespace, &kubernetes).Messages {
			if m.Severity > support.InfoSev { // as helm lint --strict
				t.Errorf("%s: %s", profile, m)
			}
		}
	}
}

func TestEveryObjectIsWhatItsKindAllows(t *testing.T) {
	dir, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	v, err := validator.New([]string{
		filepath.Join(dir, "core/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"),
		filepath.Join(dir, "{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"),
	}, validator.Opts{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, objects []object) {
		for _, o := range objects {
			b, err := yaml.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range v.Validate(path(o), io.NopCloser(bytes.NewReader(b))) {
				if r.Status != validator.Valid {
					t.Errorf("%s: %v %v", path(o), r.Err, r.ValidationErrors)
				}
			}
		}
	})
	// And that it would be seen.
	wrong := "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {port: 80}\n"
	for _, r := range v.Validate("wrong", io.NopCloser(strings.NewReader(wrong))) {
		if r.Status != validator.Invalid {
			t.Errorf("an unknown field is %v", r.Status)
		}
	}
}

func TestWrongValuesAreRefusedWithAWord(t *testing.T) {
	for name, c := range map[string]struct{ values, want string }{
		"misspelt":            {`{networkpolicy: {enabled: false}}`, "additional properties 'networkpolicy' not allowed"},
		"misspelt deep down":  {`{apps: {web: {autoscaling: {maxReplica: 3}}}}`, "at '/apps/web/autoscaling': additional properties 'maxReplica' not allowed"},
		"no such app":         {`{apps: {nobody: {}}}`, "invalid propertyName 'nobody'"},
		"no such broker":      {`{components: {broker: jetstream}}`, "at '/components/broker': value must be one of 'kafka', 'rabbitmq', 'redis'"},
		"no duration":         {`{config: {hold: 15 minutes}}`, "at '/config/hold': '15 minutes' does not match pattern"},
		"a number as text":    {`{defaults: {replicas: "2"}}`, "at '/defaults/replicas': got string, want integer"},
		"SQLite, replicas":    {`{query: {sqlite: {enabled: true}}, apps: {query: {replicas: 2}}}`, "at '/apps/query/replicas': maximum: got 2, want 1"},
		"SQLite, by default":  {`{query: {sqlite: {enabled: true}}, defaults: {replicas: 3}}`, "a SQLite file cannot be shared by replicas"},
		"SQLite, scaled":      {`{query: {sqlite: {enabled: true}}, apps: {query: {autoscaling: {enabled: true}}}}`, "a SQLite file cannot be shared by replicas"},
		"two scalers":         {`{apps: {web: {autoscaling: {enabled: true}, keda: {enabled: true, triggers: [{}]}}}}`, "apps.web: autoscaling and keda would both scale it"},
		"nothing to scale by": {`{apps: {seats: {keda: {enabled: true}}}}`, "apps.seats.keda.triggers"},
		"less than the least": {`{apps: {web: {autoscaling: {enabled: true, minReplicas: 5, maxReplicas: 3}}}}`, "apps.web.autoscaling: minReplicas is more than maxReplicas"},
		"a digest as a tag":   {`{image: {tag: "1.0@sha256:0123"}}`, "at '/image/tag': '1.0@sha256:0123' does not match pattern"},
		"a volume for nobody": {`{defaults: {extraVolumes: [{name: ca, volume: {emptyDir: {}}}]}}`, "at '/defaults/extraVolumes/0'"},
		"a volume of ours":    {`{defaults: {extraVolumes: [{name: data, volume: {emptyDir: {}}, app: /data}]}}`, "at '/defaults/extraVolumes/0/name'"},
		"a store without a word": {`{secrets: {store: {type: secretstores.azure.keyvault, metadata: [{name: vaultName}]}}}`,
			"at '/secrets/store/metadata/0': 'oneOf' failed"},
		"a store nobody may reach": {`{secrets: {store: {type: secretstores.azure.keyvault}}, redis: {enabled: false}, postgresql: {enabled: false}, networkPolicy: {brokerAndStoreTo: [{}]}}`,
			"networkPolicy.secretStoreTo"},
		"a missing secret": {`{components: {broker: rabbitmq}, networkPolicy: {enabled: false}}`, "secrets.values has no rabbitmq-connection, which conference needs"},
		"one token for organisers and operators": {`{secrets: {values: {organiser-token: same, operator-token: same}}}`,
			"organiser-token and operator-token are the same"},
		"secrets of two kinds": {`{secrets: {existing: mine, store: {type: secretstores.azure.keyvault}}, redis: {enabled: false}, postgresql: {enabled: false}}`,
			"secrets.existing and secrets.store: give one of them"},
		"a broker nobody may reach":    {`{redis: {enabled: false}, secrets: {values: {redis-host: r, redis-password: p}}}`, "networkPolicy.brokerAndStoreTo"},
		"a collector nobody may reach": {`{telemetry: {traces: {endpoint: "c:4317"}}}`, "networkPolicy.telemetryTo"},
		"a gateway is missing":         {`{web: {httpRoute: {enabled: true}}}`, "web.httpRoute.parentRefs"},
		"a host is missing":            {`{web: {ingress: {enabled: true}}}`, "web.ingress.host"},
		"a challenge nobody may reach": {`{config: {challengeURL: "https://challenge.example.com/verify"}}`, "networkPolicy.challengeTo"},
		"the demo provider":            {`{profile: production, config: {payments: demo}}`, "at the demo provider payers accept their own payments"},
		"the tour":                     {`{profile: production, apps: {web: {env: {PLENARY_TOUR: "http://127.0.0.1:1/"}}}}`, "apps.web.env.PLENARY_TOUR"},
		"the demo provider, by the back door": {`{profile: production, apps: {payments: {env: {PLENARY_PAYMENTS: demo}}}}`,
			"apps.payments.env.PLENARY_PAYMENTS"},
		"no such provider": {`{config: {payments: stripe}}`, "at '/config/payments'"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := rendered(t, values(t, c.values)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// What is ours knows no key that is not described.
func TestTheSchemaIsClosed(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal([]byte(read(t, filepath.Join(chartDir, "values.schema.json"))), &schema); err != nil {
		t.Fatal(err)
	}
	delete(schema, "if")
	delete(schema, "then")
	var walk func(at string, v any)
	walk = func(at string, v any) {
		s, ok := v.(map[string]any)
		if !ok {
			return
		}
		if _, has := s["properties"].(map[string]any); has && at != "/properties" && s["type"] == "object" && s["additionalProperties"] != false {
			t.Errorf("%s is open", at)
		}
		for key, within := range s {
			walk(at+"/"+key, within)
		}
	}
	walk("", schema)
}

func TestEveryAppHasWhatItNeeds(t *testing.T) {
	each(t, func(t *testing.T, objects []object) {
		deployments, accounts := of(objects, "Deployment"), of(objects, "ServiceAccount")
		if len(deployments) != len(apps) {
			t.Errorf("%d deployments", len(deployments))
		}
		for _, app := range apps {
			d, ok := deployments[release+"-"+app]
			if !ok {
				t.Errorf("there is no %s", app)
				continue
			}
			template := object(get[map[string]any](d, "spec", "template"))
			if get[any](accounts[get[string](template, "spec", "serviceAccountName")], "automountServiceAccountToken") != false {
				t.Errorf("%s has no account of its own without a token", app)
			}
			c := containers(template)[0]
			if got := get[string](c, "startupProbe", "httpGet", "path") + get[string](c, "livenessProbe", "httpGet", "path") +
				get[string](c, "readinessProbe", "httpGet", "path"); got != "/healthz/healthz/readyz" {
				t.Errorf("%s is probed at %s", app, got)
			}
			annotations := get[map[string]any](template, "metadata", "annotations")
			if annotations["dapr.io/app-id"] != app || annotations["dapr.io/config"] != app {
				t.Errorf("%s: %v", app, annotations)
			}
			if _, ok := of(objects, "Configuration")[app]; !ok {
				t.Errorf("%s has no configuration", app)
			}
			if get[float64](d, "spec", "strategy", "rollingUpdate", "maxUnavailable") != 0 {
				t.Errorf("%s goes before another has come", app)
			}
			for key, value := range get[map[string]any](d, "spec", "selector", "matchLabels") {
				if strings.Contains(key, "version") || strings.Contains(key, "chart") {
					t.Errorf("%s is selected by %s=%v, which changes", app, key, value)
				}
			}
		}
	})
}

// The app is told that it is to end some seconds after its sidecar is, which has
// stopped taking messages by then. The sidecar of web outlives its app; the other
// apps outlive their sidecars. Kubernetes has patience with both.
func TestAPodEndsInOrder(t *testing.T) {
	each(t, func(t *testing.T, objects []object) {
		for _, d := range of(objects, "Deployment") {
			template := object(get[map[string]any](d, "spec", "template"))
			annotation := func(name string) string { return get[string](template, "metadata", "annotations", "dapr.io/"+name) }
			block, err := time.ParseDuration(annotation("block-shutdown-duration"))
			if err != nil {
				t.Fatal(err)
			}
			graceful, err := strconv.ParseFloat(annotation("graceful-shutdown-seconds"), 64)
			if err != nil {
				t.Fatal(err)
			}
			preStop := get[float64](containers(template)[0], "lifecycle", "preStop", "sleep", "seconds")
			const drain = 15 // of the host package
			first, second := block.Seconds()+graceful, preStop
			if strings.HasSuffix(d.name(), "-web") {
				first, second = preStop+drain, block.Seconds()
			}
			if block < time.Second || preStop < 1 || second < first {
				t.Errorf("%s: the app is told after %v s, its sidecar goes after %s", d.name(), preStop, block)
			}
			if got := get[float64](template, "spec", "terminationGracePeriodSeconds"); got <= max(block.Seconds()+graceful, preStop+drain) {
				t.Errorf("%s is killed after %v s", d.name(), got)
			}
			// One that reads messages stops for good when its app was unwell (ADR 16).
			if asks := annotation("enable-app-health-check") == "true"; asks != strings.HasSuffix(d.name(), "-web") {
				t.Errorf("%s: its sidecar asks for the app's health: %v", d.name(), asks)
			}
		}
	})
}

func TestNoPodMayDoMoreThanItMust(t *testing.T) {
	each(t, func(t *testing.T, objects []object) {
		for name, pod := range pods(objects) {
			if get[any](pod, "spec", "automountServiceAccountToken") != false {
				t.Errorf("%s has a token for the Kubernetes API", name)
			}
			of := func(keys ...string) any {
				return get[any](pod, append([]string{"spec", "securityContext"}, keys...)...)
			}
			if of("runAsNonRoot") != true || of("seccompProfile", "type") != "RuntimeDefault" {
				t.Errorf("%s: %v", name, of())
			}
			for _, c := range containers(pod) {
				may := get[map[string]any](c, "securityContext")
				dropped := get[[]any](c, "securityContext", "capabilities", "drop")
				if may["allowPrivilegeEscalation"] != false || may["readOnlyRootFilesystem"] != true || !slices.Equal(dropped, []any{"ALL"}) {
					t.Errorf("%s: %v", name, may)
				}
				if get[any](c, "resources", "requests", "cpu") == nil || get[any](c, "resources", "limits", "memory") == nil {
					t.Errorf("%s has no bounds", name)
				}
				if strings.HasSuffix(get[string](c, "image"), ":latest") || !strings.Contains(get[string](c, "image"), ":") {
					t.Errorf("%s runs %s", name, c["image"])
				}
			}
			if pod.kindOr("") != "Pod" && strings.HasPrefix(get[string](pod, "metadata", "annotations", "dapr.io/enabled"), "t") {
				annotations := get[map[string]any](pod, "metadata", "annotations")
				for _, key := range []string{"sidecar-cpu-request", "sidecar-memory-request", "sidecar-memory-limit"} {
					if annotations["dapr.io/"+key] == nil {
						t.Errorf("%s: its sidecar has no %s", name, key)
					}
				}
			}
		}
	})
}

func (o object) kindOr(otherwise string) string {
	if kind, ok := o["kind"].(string); ok {
		return kind
	}
	return otherwise
}

func TestDisruptionBudgetsAndScalers(t *testing.T) {
	objects := render(t, values(t, `
defaults: {replicas: 2}
apps:
  web: {autoscaling: {enabled: true, maxReplicas: 9}}
  order: {keda: {enabled: true, triggers: [{type: cpu}]}}
  seats: {replicas: 1}
`))
	budgets := of(objects, "PodDisruptionBudget")
	for _, app := range apps {
		if budget := budgets[release+"-"+app] != nil; budget != (app != "seats") {
			t.Errorf("%s has a budget: %v", app, budget)
		}
	}
	deployments := of(objects, "Deployment")
	for name, want := range map[string]any{"plenary-web": nil, "plenary-order": nil, "plenary-seats": 1.0, "plenary-query": 2.0} {
		if got := get[any](deployments[name], "spec", "replicas"); got != want {
			t.Errorf("%s has %v replicas, want %v", name, got, want)
		}
	}
	if got := get[any](of(objects, "HorizontalPodAutoscaler")["plenary-web"], "spec", "maxReplicas"); got != 9.0 {
		t.Errorf("web is scaled to %v", got)
	}
	if of(objects, "ScaledObject")["plenary-order"] == nil {
		t.Error("order is not scaled by KEDA")
	}
}

// What runs in a cluster is what was tested as a component set.
func TestComponentsAreThoseOfTheSets(t *testing.T) {
	for name, c := range map[string]struct {
		values string
		files  []string // of the components folder
	}{
		"redis, postgresql": {`{}`, []string{"redis/resources/commandbus.yaml", "redis/resources/eventbus.yaml", "redis/resources/deadletters.yaml", "rabbitmq-postgres/resources/statestore.yaml", "redis/resources/configuration.yaml"}},
		"redis, redis":      {`{components: {store: redis}}`, []string{"redis/resources/commandbus.yaml", "redis/resources/eventbus.yaml", "redis/resources/deadletters.yaml", "redis/resources/statestore.yaml", "redis/resources/configuration.yaml"}},
		"rabbitmq": {`{components: {broker: rabbitmq}, secrets: {values: {rabbitmq-connection: r}}, networkPolicy: {enabled: false}}`,
			[]string{"rabbitmq-postgres/resources/commandbus.yaml", "rabbitmq-postgres/resources/eventbus.yaml", "rabbitmq-postgres/resources/deadletters.yaml", "rabbitmq-postgres/resources/readers.yaml", "rabbitmq-postgres/resources/statestore.yaml"}},
		"kafka, apart": {`{components: {broker: kafka, store: postgresql-apart}, secrets: {values: {kafka-brokers: k}}, networkPolicy: {enabled: false}}`,
			[]string{"kafka-postgres/resources/commandbus.yaml", "kafka-postgres/resources/eventbus.yaml", "kafka-postgres/resources/deadletters.yaml", "kafka-postgres/resources/statestore.yaml", "kafka-postgres/resources/moneystore.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			objects := render(t, values(t, c.values))
			got := of(objects, "Component")
			delete(got, "secretstore")
			for _, file := range c.files {
				for _, want := range documents(t, file) {
					if want["scopes"] == nil {
						want["scopes"] = apps // and no other app in the namespace
					}
					if !equal(got[want.name()], want, "spec", "scopes", "auth") {
						t.Errorf("%s is not as in %s: %v", want.name(), file, got[want.name()])
					}
					delete(got, want.name())
				}
			}
			if len(got) > 0 {
				t.Errorf("beside those there are %v", slices.Sorted(maps.Keys(got)))
			}
			resources := filepath.Dir(c.files[0]) // of the broker
			subscriptions, resiliencies := of(objects, "Subscription"), of(objects, "Resiliency")
			for _, want := range documents(t, resources+"/subscriptions.yaml") {
				if !equal(subscriptions[want.name()], want, "apiVersion", "spec", "scopes") {
					t.Errorf("the subscription %s is %v", want.name(), subscriptions[want.name()])
				}
			}
			for _, want := range documents(t, resources+"/resiliency.yaml") {
				if !equal(resiliencies[want.name()], want, "spec") {
					t.Errorf("how often is tried again is %v", resiliencies)
				}
			}
		})
	}
}

// What an installation sets for a bus is also set where a topic of it is read alone.
func TestReadersHaveTheSettingsOfTheirBus(t *testing.T) {
	got := of(render(t, values(t, `{components: {broker: rabbitmq, metadata: {eventbus: {heartBeat: 30s}}}, secrets: {values: {rabbitmq-connection: r}}, networkPolicy: {enabled: false}}`)), "Component")
	for name, want := range map[string]bool{"eventbus": true, "eventbus-events-from-order": true, "commandbus": false, "commandbus-orders-from-web": false} {
		text, err := json.Marshal(get[any](got[name], "spec", "metadata"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(`"heartBeat"`)) != want {
			t.Errorf("%s has %s", name, text)
		}
	}
}

// documents are those of a file in the components folder.
func documents(t *testing.T, file string) (all []object) {
	t.Helper()
	for document := range strings.SplitSeq(read(t, repository("components", file)), "\n---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

// equal says whether a and b are the same under keys.
func equal(a, b object, keys ...string) bool {
	for _, key := range keys {
		x, errX := json.Marshal(a[key])
		y, errY := json.Marshal(b[key])
		if errors.Join(errX, errY) != nil || !bytes.Equal(x, y) {
			return false
		}
	}
	return true
}

func TestComponentsTakeSettingsOfTheirOwn(t *testing.T) {
	bus := of(render(t, values(t, `
components:
  metadata: {commandbus: {enableTLS: "true", concurrency: "50"}}
  secretMetadata: {commandbus: {redisPassword: other-password}}
secrets: {values: {other-password: p}}
`)), "Component")["commandbus"]
	got := map[string]any{}
	for _, m := range get[[]any](bus, "spec", "metadata") {
		setting := object(m.(map[string]any))
		if _, twice := got[setting["name"].(string)]; twice {
			t.Errorf("%s is there twice", setting["name"])
		}
		got[setting["name"].(string)] = setting["value"]
		if ref := get[string](setting, "secretKeyRef", "name"); ref != "" {
			got[setting["name"].(string)] = "secret " + ref
		}
	}
	for setting, want := range map[string]any{
		"enableTLS": "true", "concurrency": "50", "redisPassword": "secret other-password", "redisHost": "secret redis-host",
	} {
		if got[setting] != want {
			t.Errorf("%s is %v, want %v", setting, got[setting], want)
		}
	}
}

// Production's queues are kept by several nodes, and a message that comes back is
// never dropped: since version 4, RabbitMQ does that the 21st time.
func TestProductionHasQuorumQueues(t *testing.T) {
	type queue struct {
		Name      string            `json:"name"`
		Arguments map[string]string `json:"arguments"`
	}
	type definitions struct {
		Exchanges, Bindings []map[string]any
		Queues              []queue
		Policies            []struct {
			Pattern    string
			ApplyTo    string `json:"apply-to"`
			Definition map[string]int
		}
	}
	var classic, quorum definitions
	for file, into := range map[string]*definitions{"definitions.json": &classic, "definitions-quorum.json": &quorum} {
		if err := json.Unmarshal([]byte(read(t, repository("components", "rabbitmq-postgres", file))), into); err != nil {
			t.Fatal(err)
		}
	}
	policy := quorum.Policies[0]
	for i := range classic.Queues {
		q := &classic.Queues[i]
		q.Arguments["x-queue-type"] = "quorum"
		if matches, err := regexp.MatchString(policy.Pattern, q.Name); err != nil || !matches {
			t.Errorf("the policy is not for %s: %v", q.Name, err)
		}
	}
	if got, want := fmt.Sprint(quorum.Exchanges, quorum.Queues, quorum.Bindings), fmt.Sprint(classic.Exchanges, classic.Queues, classic.Bindings); got != want {
		t.Errorf("definitions-quorum.json has\n%s, not\n%s", got, want)
	}
	if policy.ApplyTo != "queues" || policy.Definition["delivery-limit"] < 1e9 {
		t.Errorf("the policy is %v", policy)
	}

	// The component takes the kind of a queue from the subscription alone.
	subscriptions := of(render(t, profiles(t)["production"]), "Subscription")
	if len(subscriptions) == 0 {
		t.Error("there are no subscriptions")
	}
	for name, s := range subscriptions {
		if m := get[map[string]any](s, "spec", "metadata"); m["queueType"] != "quorum" || m["rawPayload"] != "true" {
			t.Errorf("%s: %v", name, m)
		}
	}
}

// A pod takes what it is told of Dapr's objects when it starts.
func TestAnotherSubscriptionStartsNewPods(t *testing.T) {
	checksum := func(text string) string {
		return get[string](of(render(t, values(t, text)), "Deployment")["plenary-order"], "spec", "template", "metadata", "annotations", "plenary/checksum")
	}
	was := checksum(`{}`)
	if was != checksum(`{}`) {
		t.Error("pods are started anew without a reason")
	}
	for _, text := range []string{`{components: {subscriptionMetadata: {queueType: quorum}}}`, `{components: {metadata: {eventbus: {concurrency: "3"}}}}`} {
		if checksum(text) == was {
			t.Errorf("%s: pods go on with what they had", text)
		}
	}
}

// An app's sidecar has the secrets of its components and its own, and no others.
func TestASidecarHasItsSecretsAndNoOthers(t *testing.T) {
	for _, profile := range []string{"defaults", "kafka", "redis-sqlite"} {
		objects := render(t, profiles(t)[profile])
		secrets := of(objects, "Secret")
		for _, app := range apps {
			need := map[string]bool{}
			for _, allowed := range get[[]any](object(get[[]any](of(objects, "Configuration")[app], "spec", "secrets", "scopes")[0].(map[string]any)), "allowedSecrets") {
				need[allowed.(string)] = true
			}
			for _, c := range of(objects, "Component") {
				scopes := get[[]any](c, "scopes")
				if len(scopes) > 0 && !slices.Contains(scopes, any(app)) {
					continue
				}
				for _, m := range get[[]any](c, "spec", "metadata") {
					if name := get[string](m.(map[string]any), "secretKeyRef", "name"); name != "" {
						need[name] = true
					}
				}
			}
			volume := object(get[[]any](of(objects, "Deployment")[release+"-"+app], "spec", "template", "spec", "volumes")[0].(map[string]any))
			var has map[string]string
			if err := json.Unmarshal([]byte(get[string](secrets[get[string](volume, "secret", "secretName")], "stringData", "secrets.json")), &has); err != nil {
				t.Fatal(err)
			}
			if got, want := slices.Sorted(maps.Keys(has)), slices.Sorted(maps.Keys(need)); !slices.Equal(got, want) {
				t.Errorf("%s: %s has %v, needs %v", profile, app, got, want)
			}
			for name, value := range has {
				if value == "" {
					t.Errorf("%s: %s is empty", profile, name)
				}
			}
		}
	}
}

func TestSecretsOfTheUsersOwn(t *testing.T) {
	objects := render(t, profiles(t)["production"])
	if made := of(objects, "Secret"); len(made) > 0 {
		t.Errorf("the chart makes %v", slices.Sorted(maps.Keys(made)))
	}
	for _, d := range of(objects, "Deployment") {
		template := object(get[map[string]any](d, "spec", "template"))
		volume := object(get[[]any](template, "spec", "volumes")[0].(map[string]any))
		if got := get[string](volume, "secret", "secretName"); got != "plenary-secrets" {
			t.Errorf("%s reads %s", d.name(), got)
		}
	}
}

// A store of one's own is opened by what is not in the values, and with a
// certificate of one's own.
func TestASecretStoreOfTheUsersOwn(t *testing.T) {
	objects := render(t, profiles(t)["vault"])
	store := of(objects, "Component")["secretstore"]
	if got := get[string](store, "spec", "type"); got != "secretstores.hashicorp.vault" {
		t.Errorf("the store is %s", got)
	}
	token := object(get[[]any](store, "spec", "metadata")[2].(map[string]any))
	if get[string](token, "name") != "vaultToken" || get[string](token, "secretKeyRef", "key") != "token" {
		t.Errorf("the store is opened with %v", token)
	}
	for _, app := range apps {
		template := object(get[map[string]any](of(objects, "Deployment")[release+"-"+app], "spec", "template"))
		if got := get[string](template, "metadata", "annotations", "dapr.io/volume-mounts"); got != "ca:/etc/plenary/ca" {
			t.Errorf("the sidecar of %s mounts %s", app, got)
		}
		mounts := get[[]any](containers(template)[0], "volumeMounts")
		if len(mounts) != 1 || get[string](mounts[0].(map[string]any), "mountPath") != "/etc/plenary/ca" || get[any](mounts[0].(map[string]any), "readOnly") != true {
			t.Errorf("%s mounts %v", app, mounts)
		}
		volumes := get[[]any](template, "spec", "volumes")
		if len(volumes) != 1 || get[string](volumes[0].(map[string]any), "configMap", "name") != "ca" {
			t.Errorf("%s has the volumes %v", app, volumes)
		}
		if got := get[string](of(objects, "ServiceAccount")[release+"-"+app], "metadata", "annotations", "example.com/role"); got != "tickets" {
			t.Errorf("the account of %s has the role %q", app, got)
		}
		open := false
		for _, e := range get[[]any](of(objects, "NetworkPolicy")[release+"-"+app], "spec", "egress") {
			for _, port := range get[[]any](e.(map[string]any), "ports") {
				open = open || get[float64](port.(map[string]any), "port") == 8200
			}
		}
		if !open {
			t.Errorf("%s may not reach the store", app)
		}
	}

	// Beside what the chart has, and for one side alone.
	const both = `
query: {sqlite: {enabled: true}}
defaults: {extraVolumes: [{name: token, volume: {secret: {secretName: t}}, sidecar: /token}, {name: ca, volume: {configMap: {name: ca}}, app: /ca}]}
`
	template := object(get[map[string]any](of(render(t, values(t, both)), "Deployment")["plenary-query"], "spec", "template"))
	if got := get[string](template, "metadata", "annotations", "dapr.io/volume-mounts"); got != "secrets:/etc/plenary/secrets,token:/token" {
		t.Errorf("the sidecar mounts %s", got)
	}
	var mounted, volumes []string
	for _, m := range get[[]any](containers(template)[0], "volumeMounts") {
		mounted = append(mounted, get[string](m.(map[string]any), "name"))
	}
	for _, v := range get[[]any](template, "spec", "volumes") {
		volumes = append(volumes, get[string](v.(map[string]any), "name"))
	}
	if !slices.Equal(mounted, []string{"data", "ca"}) || !slices.Equal(volumes, []string{"secrets", "data", "token", "ca"}) {
		t.Errorf("the app mounts %v of %v", mounted, volumes)
	}
}

func TestWhatIsSaidOfPods(t *testing.T) {
	const digest = "sha256:0123456789012345678901234567890123456789012345678901234567890123"
	objects := render(t, values(t, `
image: {tag: 1.0-, digests: {web: "`+digest+`", demo: "`+digest+`"}}
apps: {web: {podAnnotations: {dapr.io/log-level: debug}, podLabels: {app.kubernetes.io/name: other}}}
redis: {nodeSelector: {disk: fast}}
postgresql: {priorityClassName: high, affinity: {nodeAffinity: {}}}
test: {tolerations: [{operator: Exists}]}
config: {payments: demo}
`))
	all := pods(objects)
	for name, want := range map[string]string{
		"plenary-web": "localhost/plenary/web:1.0-@" + digest, "plenary-order": "localhost/plenary/order:1.0-", "plenary-test": "localhost/plenary/demo:1.0-@" + digest,
	} {
		if got := containers(all[name])[0]["image"]; got != want {
			t.Errorf("%s runs %s, want %s", name, got, want)
		}
	}
	web := of(objects, "Deployment")["plenary-web"]
	if got := get[string](web, "metadata", "labels", "app.kubernetes.io/version"); got != "1.0" {
		t.Errorf("the version is %q, which is no label", got)
	}
	if got := get[string](all["plenary-web"], "metadata", "annotations", "dapr.io/log-level"); got != "debug" {
		t.Errorf("the sidecar logs at %s", got)
	}
	if !selects(get[map[string]any](web, "spec", "selector", "matchLabels"), get[map[string]any](all["plenary-web"], "metadata", "labels")) {
		t.Error("web is not selected by its own labels")
	}
	if get[string](all["plenary-redis"], "spec", "nodeSelector", "disk") != "fast" || get[string](all["plenary-postgresql"], "spec", "priorityClassName") != "high" ||
		get[any](all["plenary-postgresql"], "spec", "affinity", "nodeAffinity") == nil || len(get[[]any](all["plenary-test"], "spec", "tolerations")) != 1 {
		t.Error("servers and test run anywhere")
	}
}

// A scaler leaves alone what has no pods, and a number that is taken away is one
// to Kubernetes. So an upgrade keeps how many there are, and starts what was stopped.
func TestAnUpgradeKeepsWhatAScalerDecided(t *testing.T) {
	scaled := values(t, `
apps:
  web: {autoscaling: {enabled: true, minReplicas: 2, maxReplicas: 9}}
  query: {keda: {enabled: true, minReplicas: 3, triggers: [{type: cpu}]}}
`)
	first := render(t, scaled)
	for before, want := range map[int64]float64{0: 2, 1: 2, 5: 5} {
		var found []object
		for _, d := range of(first, "Deployment") {
			found = append(found, object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": d["metadata"], "spec": map[string]any{"replicas": before}})
		}
		later := of(render(t, scaled, found...), "Deployment")
		if web, query := get[any](later["plenary-web"], "spec", "replicas"), get[any](later["plenary-query"], "spec", "replicas"); web != want || query != max(want, 3) {
			t.Errorf("of %d there are %v of web and %v of query", before, web, query)
		}
		if order := get[any](later["plenary-order"], "spec", "replicas"); order != 1.0 {
			t.Errorf("of %d there are %v of order, which nothing scales", before, order)
		}
	}
}

// With a token that apps share, who has taken over one could deliver messages to
// another, past what Dapr lets it do.
func TestEachAppHasTokensOfItsOwn(t *testing.T) {
	for profile, want := range map[string]string{"defaults": "plenary-web-dapr-token", "production": "plenary-web-dapr-token", "vault": "one-for-all"} {
		objects := render(t, profiles(t)[profile])
		made, owners := of(objects, "Secret"), map[string]string{}
		for _, app := range apps {
			template := object(get[map[string]any](of(objects, "Deployment")[release+"-"+app], "spec", "template"))
			annotations := get[map[string]any](template, "metadata", "annotations")
			for _, e := range get[[]any](containers(template)[0], "env") {
				env := object(e.(map[string]any))
				annotation := map[string]string{"DAPR_API_TOKEN": "dapr.io/api-token-secret", "APP_API_TOKEN": "dapr.io/app-token-secret"}[env["name"].(string)]
				if annotation == "" {
					continue
				}
				secret := get[string](env, "valueFrom", "secretKeyRef", "name")
				if secret != annotations[annotation] {
					t.Errorf("%s: %s has its token from %s, its sidecar from %v", profile, app, secret, annotations[annotation])
				}
				if app == "web" && annotation == "dapr.io/api-token-secret" && secret != want {
					t.Errorf("%s: the token is in %s, want %s", profile, secret, want)
				}
				token := secret
				if profile == "defaults" {
					token = get[string](made[secret], "stringData", "token")
				}
				if owners[token] != "" && token != "one-for-all" {
					t.Errorf("%s: %s and %s have the same token", profile, owners[token], app)
				}
				owners[token] = app
			}
		}
		if len(owners) < len(apps) {
			t.Errorf("%s: %d tokens", profile, len(owners))
		}
	}
}

// kept are the objects that stay when the release goes.
func kept(objects []object) (stay []object) {
	for _, o := range objects {
		if get[string](o, "metadata", "annotations", "helm.sh/resource-policy") == "keep" {
			stay = append(stay, o)
		}
	}
	return stay
}

func credentials(objects []object) map[string]any {
	return get[map[string]any](of(objects, "Secret")[release+"-credentials"], "stringData")
}

// Volumes stay when a release goes. Who installs it again opens them with the
// passwords that they were made with.
func TestWhatWasMadeUpIsFoundAgain(t *testing.T) {
	first := render(t, nil)
	for name, found := range map[string][]object{"upgrade": first, "uninstall and install": kept(first)} {
		if got, want := credentials(render(t, nil, found...)), credentials(first); !maps.Equal(got, want) || len(want) < 4 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if tokens, want := of(render(t, nil, first...), "Secret")["plenary-web-app-token"], of(first, "Secret")["plenary-web-app-token"]; !equal(tokens, want, "stringData") {
		t.Errorf("the tokens are %v, want %v", tokens, want)
	}
}

// What is given for a server of the chart is for both sides of it.
func TestAPasswordOfTheUsersOwn(t *testing.T) {
	first := render(t, nil)
	given := values(t, `{secrets: {values: {redis-password: mine, organiser-token: me}}}`)
	checksum := func(objects []object) string {
		return get[string](of(objects, "StatefulSet")["plenary-redis"], "spec", "template", "metadata", "annotations", "plenary/checksum")
	}
	for name, found := range map[string][]object{"first": nil, "later": first} {
		objects := render(t, given, found...)
		if got := credentials(objects); got["redis-password"] != "mine" || got["organiser-token"] != "me" {
			t.Errorf("%s: the server has %v", name, got)
		}
		if apps := get[string](of(objects, "Secret")["plenary-order-secrets"], "stringData", "secrets.json"); !strings.Contains(apps, `"redis-password": "mine"`) {
			t.Errorf("%s: the apps have %s", name, apps)
		}
		if checksum(objects) == checksum(first) {
			t.Errorf("%s: the server that runs is not started anew", name)
		}
	}

	other := values(t, `{secrets: {values: {postgresql-password: "p%s w/@"}}}`)
	for file, role := range map[string]string{"postgresql-connection": "plenary", "query-database": "query"} {
		app := map[string]string{"postgresql-connection": "order", "query-database": "query"}[file]
		var has map[string]string
		if err := json.Unmarshal([]byte(get[string](of(render(t, other), "Secret")["plenary-"+app+"-secrets"], "stringData", "secrets.json")), &has); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(has[file])
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%x", sha256.Sum256([]byte(role+" p%s w/@")))
		if password, _ := u.User.Password(); password != want || u.User.Username() != role || u.Path != "/"+role {
			t.Errorf("%s is %s", file, has[file])
		}
	}
	const want = "the database keeps the password that it was made with"
	if _, err := rendered(t, other, first...); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// Redis refuses what it has no room for before its container is killed for it.
func TestRedisHasRoomForItsData(t *testing.T) {
	redis := containers(object(get[map[string]any](of(render(t, nil), "StatefulSet")["plenary-redis"], "spec", "template")))[0]
	command := get[[]any](redis, "command")
	setting := func(name string) string {
		if i := slices.Index(command, any(name)); i >= 0 {
			return command[i+1].(string)
		}
		return ""
	}
	data, err := resource.ParseQuantity(strings.Replace(setting("--maxmemory"), "mb", "Mi", 1))
	if err != nil {
		t.Fatal(err)
	}
	limit, err := resource.ParseQuantity(get[string](redis, "resources", "limits", "memory"))
	if err != nil {
		t.Fatal(err)
	}
	if part := data.AsApproximateFloat64() / limit.AsApproximateFloat64(); part > 0.65 || setting("--maxmemory-policy") != "noeviction" {
		t.Errorf("%.2f of the memory is for data: %v", part, command)
	}
}

// It forgets what was acknowledged where its streams are the broker's.
func TestRedisForgets(t *testing.T) {
	script := read(t, filepath.Join(root, "components", "redis", "forget.lua"))
	job := pods(render(t, nil))["plenary-redis-forget"]
	if job == nil {
		t.Fatal("it forgets nothing")
	}
	if command := get[[]any](containers(job)[0], "command"); !slices.Contains(command, any(script)) {
		t.Errorf("got %v", command)
	}
	for name, off := range map[string]string{
		"turned off":     "redis: {forget: {enabled: false}}",
		"another broker": "components: {broker: kafka, store: redis}\nnetworkPolicy: {enabled: false}\nsecrets: {values: {kafka-brokers: kafka:9092}}",
	} {
		if job := pods(render(t, values(t, off)))["plenary-redis-forget"]; job != nil {
			t.Errorf("%s: got %v", name, job)
		}
	}
}

// With Redis, sidecars that read messages do one thing at a time (ADR 21).
func TestSidecarsOnRedisDoOneThingAtATime(t *testing.T) {
	for broker, profile := range map[string]string{"redis": "trial", "kafka": "kafka"} {
		for _, d := range of(render(t, profiles(t)[profile]), "Deployment") {
			env := get[string](object(get[map[string]any](d, "spec", "template")), "metadata", "annotations", "dapr.io/env")
			want := "GOGC=200"
			if broker == "redis" && !strings.HasSuffix(d.name(), "-web") {
				want += ",GOMAXPROCS=1"
			}
			if env != want {
				t.Errorf("%s, %s: %q, want %q", broker, d.name(), env, want)
			}
		}
	}
}

func TestWhoMayCallWhom(t *testing.T) {
	got := map[string][]string{}
	for callee, c := range of(render(t, nil), "Configuration") {
		if get[string](c, "spec", "accessControl", "defaultAction") != "deny" {
			t.Errorf("%s is open", callee)
		}
		for _, p := range get[[]any](c, "spec", "accessControl", "policies") {
			policy := object(p.(map[string]any))
			if policy["defaultAction"] != "deny" || policy["namespace"] != namespace {
				t.Errorf("%s: %v", callee, policy)
			}
			for _, o := range get[[]any](policy, "operations") {
				operation := object(o.(map[string]any))
				for _, verb := range get[[]any](operation, "httpVerb") {
					call := policy["appId"].(string) + " " + callee
					got[call] = append(got[call], verb.(string)+" "+operation["name"].(string))
				}
			}
		}
	}
	want := map[string][]string{}
	for _, a := range topology.Plenary().Apps {
		for callee, routes := range a.Asks {
			for _, r := range routes {
				for _, verb := range r.Verbs {
					want[a.Name+" "+callee] = append(want[a.Name+" "+callee], verb+" "+r.Path)
				}
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	rights := got["registration-process query"]
	people := func(right string) bool {
		return strings.Contains(right, "/organiser/") || strings.Contains(right, "/operator/") || strings.Contains(right, "/explorer/")
	}
	if !slices.Contains(rights, "GET /orders/overdue") || slices.ContainsFunc(rights, people) {
		t.Errorf("registration-process may %v: what its sweep asks, and nothing that people ask", rights)
	}
	for _, rights := range got {
		for _, right := range rights {
			if strings.Contains(right, "/bus") || strings.Contains(right, "/actors") || strings.HasSuffix(right, " /**") {
				t.Errorf("%s goes to where messages are delivered", right)
			}
		}
	}
}

// What an app does not use of its sidecar's API is not there.
func TestASidecarsAPIHasWhatItsAppUses(t *testing.T) {
	for app, c := range of(render(t, nil), "Configuration") {
		names := map[string]bool{}
		for _, a := range get[[]any](c, "spec", "api", "allowed") {
			names[a.(map[string]any)["name"].(string)] = true
		}
		want := map[string]bool{"healthz": true, "metadata": true, "publish": true, "invoke": true, "state": true, "secrets": true}
		if topology.Of(app).Actors != "" {
			want["actors"] = true
		}
		if len(topology.Of(app).Changing()) > 0 {
			want["configuration"] = true
		}
		if !maps.Equal(names, want) {
			t.Errorf("%s: %v, want %v", app, names, want)
		}
	}
}

// A call that one policy lets out another must let in, and whatever policies
// do not speak of is denied.
func TestNetworkPoliciesFitTogether(t *testing.T) {
	each(t, func(t *testing.T, objects []object) {
		policies := of(objects, "NetworkPolicy")
		if len(policies) == 0 {
			t.Skip("turned off")
		}
		labels := map[string]map[string]any{}
		for name, pod := range pods(objects) {
			labels[name] = get[map[string]any](pod, "metadata", "labels")
		}
		deny := policies["plenary-default-deny"]
		for name, l := range labels {
			if !selects(get[map[string]any](deny, "spec", "podSelector", "matchLabels"), l) {
				t.Errorf("%s is not denied anything", name)
			}
		}
		// may lists, as "from to port", what rules of one direction allow between pods.
		may := func(direction, peers string) map[string]bool {
			allowed := map[string]bool{}
			for _, p := range policies {
				for name, l := range labels {
					if !selects(get[map[string]any](p, "spec", "podSelector", "matchLabels"), l) {
						continue
					}
					for _, r := range get[[]any](p, "spec", direction) {
						rule := object(r.(map[string]any))
						for _, peer := range get[[]any](rule, peers) {
							selector := object(peer.(map[string]any))
							if get[any](selector, "podSelector") == nil || get[any](selector, "namespaceSelector") != nil {
								continue
							}
							for other, ol := range labels {
								if !selects(get[map[string]any](selector, "podSelector", "matchLabels"), ol) {
									continue
								}
								for _, e := range get[[]any](selector, "podSelector", "matchExpressions") {
									expression := object(e.(map[string]any))
									if !slices.Contains(get[[]any](expression, "values"), ol[expression["key"].(string)]) {
										ol = nil
									}
								}
								if ol == nil {
									continue
								}
								for _, port := range get[[]any](rule, "ports") {
									n := strconv.Itoa(int(get[float64](port.(map[string]any), "port")))
									if direction == "egress" {
										allowed[name+" "+other+" "+n] = true
									} else {
										allowed[other+" "+name+" "+n] = true
									}
								}
							}
						}
					}
				}
			}
			return allowed
		}
		out, in := may("egress", "to"), may("ingress", "from")
		var calls []string
		for _, a := range topology.Plenary().Apps {
			callees := a.Called()
			if a.Actors != "" { // replicas call each other
				callees = append(callees, a.Name)
			}
			for _, callee := range callees {
				calls = append(calls, release+"-"+a.Name+" "+release+"-"+callee+" 50002")
			}
		}
		for _, call := range calls {
			if !out[call] || !in[call] {
				t.Errorf("%s: out %v, in %v", call, out[call], in[call])
			}
		}
		delete(out, "plenary-test plenary-web 8080") // everybody may reach web, unless webFrom says who
		delete(in, "plenary-test plenary-web 8080")
		if !maps.Equal(out, in) {
			t.Errorf("out:\n%v\nin:\n%v", slices.Sorted(maps.Keys(out)), slices.Sorted(maps.Keys(in)))
		}
	})
}

func TestTheTestNeedsTheOrganisersToken(t *testing.T) {
	if pod := of(render(t, values(t, `{config: {payments: demo}}`)), "Pod")["plenary-test"]; get[string](pod, "metadata", "annotations", "helm.sh/hook") != "test" {
		t.Errorf("got %v", pod)
	}
	if pod := of(render(t, nil), "Pod")["plenary-test"]; pod != nil {
		t.Errorf("where nothing can be paid there is %v", pod)
	}
	if pod := of(render(t, profiles(t)["vault"]), "Pod")["plenary-test"]; pod != nil {
		t.Errorf("without a token there is %v", pod)
	}
}

// What is generated is what is committed.
func TestTheChartIsUpToDate(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"values.yaml", "README.md.gotmpl"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(read(t, filepath.Join(chartDir, file))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(copyComponents(root, dir), writeReadme(dir)); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, side := range []string{dir, chartDir} {
		err := fs.WalkDir(os.DirFS(side), "files", func(file string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				seen[file] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	delete(seen, filepath.Join("files", "topology.yaml")) // tools/topology/generate has a test for it
	seen["README.md"] = true
	for file := range seen {
		want, err := os.ReadFile(filepath.Join(dir, file))
		got, missing := os.ReadFile(filepath.Join(chartDir, file))
		if errors.Join(err, missing) != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not up to date: make generate", file)
		}
	}
}

func TestTheChartHasTheVersionOfTheRepository(t *testing.T) {
	version := strings.TrimSpace(read(t, repository("VERSION")))
	if m := loaded(t).Metadata; m.AppVersion != version || m.Version != version {
		t.Errorf("chart %s of %s, want %s", m.Version, m.AppVersion, version)
	}
}
