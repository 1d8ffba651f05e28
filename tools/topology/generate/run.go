package generate

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/plenary/plenary/topology"
)

var runFile = template.Must(template.New("").Funcs(template.FuncMap{
	"lines": func(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") },
}).Parse(`# {{.Header}}
{{- if .Local}}
# The local set: ` + "`dapr run -f .`" + ` starts the apps with their sidecars, once
# ` + "`make broker`" + ` runs and placement and scheduler do (` + "`dapr init`" + ` starts them).
# ` + "`make run`" + ` does all of it.
{{- else}}
# The set on {{.Set.About}}: ` + "`dapr run -f components/{{.Set.Name}}`" + `, from the root of the
# repository, starts the apps with their sidecars, once the servers run and
# placement and scheduler do (` + "`dapr init`" + ` starts them) and the apps are built
# (` + "`make build`" + `). ` + "`make run COMPONENTS={{.Set.Name}}`" + ` does all of it.
{{- end}}
version: 1
common:
  resourcesPaths:
    - {{if .Local}}components/local/resources{{else}}resources{{end}}
  configFilePath: {{if .Local}}components/config.yaml{{else}}../config.yaml{{end}}
  placementHostAddress: 127.0.0.1:50005
  schedulerHostAddress: 127.0.0.1:50006
  apiListenAddresses: 127.0.0.1
  # A batch may be large; Dapr's default is 4Mi.
  maxBodySize: 64Mi
{{- if .Set.Env}}
  env:
{{- range .Set.Env}}
{{- range lines .Why}}
    # {{.}}
{{- end}}
    {{.Name}}: {{.Value}}
{{- end}}
{{- end}}
  # Logs are in .dapr/logs.
  appLogDestination: file
  daprdLogDestination: file
apps:
{{- range .Apps}}{{$p := call $.Ports .Name}}
  - appID: {{.Name}}
    appDirPath: {{if $.Local}}.{{else}}../..{{end}}
    command: [./.bin/apps/{{.Name}}]
    appPort: {{$p.App}}
    daprHTTPPort: {{$p.HTTP}}
    daprGRPCPort: {{$p.GRPC}}
    daprInternalGRPCPort: {{$p.Internal}}
    metricsPort: {{$p.Metrics}}
    env: {OTEL_EXPORTER_PROMETHEUS_PORT: "{{$p.AppMetrics}}"{{range call $.Settings .Name}}{{if .Local}}, {{.Name}}: {{.Local}}{{end}}{{end}}}
{{- end}}
`))

// runFiles makes what `dapr run -f` reads, of each set.
func (g *generator) runFiles() error {
	for _, s := range g.sets {
		var b strings.Builder
		err := runFile.Execute(&b, map[string]any{
			"Header": header, "Set": s, "Local": s.Name == local, "Apps": g.Apps, "Ports": g.PortsOf, "Settings": g.settingsOf,
		})
		if err != nil {
			return err
		}
		file := path.Join(s.folder(), "dapr.yaml")
		if s.Name == local {
			file = "dapr.yaml"
		}
		g.files[file] = []byte(b.String())
	}
	return nil
}

// deliveries makes, for each set, who reads what and how often is tried again.
func (g *generator) deliveries() error {
	for _, topic := range g.Topics {
		if g.ReadersOf(topic.Name) == nil {
			return fmt.Errorf("no app reads the topic %s", topic.Name)
		}
		if g.Publishers(topic.Name) == nil {
			return fmt.Errorf("no app publishes to the topic %s", topic.Name)
		}
	}
	for _, s := range g.sets {
		resources := path.Join(s.folder(), "resources")
		g.files[path.Join(resources, "subscriptions.yaml")] = g.subscriptions(s)
		g.files[path.Join(resources, "resiliency.yaml")] = g.resiliency(s)
	}
	return nil
}

func (g *generator) subscriptions(s set) []byte {
	var b bytes.Buffer
	b.WriteString("# " + header + `
# Each publisher of a topic has one of its own on the bus, to which no other app can
# publish, so that the topic proves who published a message (ADR 37).
# The first message of a batch waits maxAwaitDurationMs, at every hop. The dead
# letter topic is a net that should stay empty: the apps park what they cannot take.
# Payloads are raw: what travels is a CloudEvent from end to end, which the sidecar
# would only take apart and put together again, and pass on changed or not at all
# where it is malformed.
`)
	for i, r := range g.Readers() {
		if i > 0 {
			b.WriteString("---\n")
		}
		fmt.Fprintf(&b, `apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata:
  name: %s-to-%s
spec:
  pubsubname: %s
  topic: %s
  routes:
    default: %s
  bulkSubscribe:
    enabled: true
    maxMessagesCount: 200
    maxAwaitDurationMs: 5
`, r.Topic, r.App, s.reading(r), r.Topic, g.route(r.Bus))
		if r.Bus != deadLetters {
			b.WriteString("  deadLetterTopic: " + topology.From(deadLetters, r.App) + "\n")
		}
		fmt.Fprintf(&b, "  metadata:\n    rawPayload: \"true\"\nscopes: %s\n", list([]string{r.App}))
	}
	return b.Bytes()
}

func (g *generator) resiliency(s set) []byte {
	var b bytes.Buffer
	b.WriteString("# " + header + `
# A delivery that fails is repeated until it succeeds: the broker must not lose
# or dead-letter what an app could not take yet. The pause is constant, since
# the exponential policy of Dapr gives up after 15 minutes.
apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata:
  name: deliveries
spec:
  policies:
    retries:
      unlimited:
        policy: constant
        duration: 300ms
        maxRetries: -1
  targets:
    components:
`)
	var told []string
	for _, r := range g.Readers() {
		if name := s.reading(r); !slices.Contains(told, name) {
			told = append(told, name)
			fmt.Fprintf(&b, "      %s:\n        inbound:\n          retry: unlimited\n", name)
		}
	}
	return b.Bytes()
}

const deadLetters = topology.DeadLetters

func (g *generator) route(bus string) string {
	for _, b := range g.Buses {
		if b.Name == bus {
			return b.Route
		}
	}
	return ""
}

var allowed = regexp.MustCompile(`(?m)^( *# The next line is generated from topology\.yaml\.\n *allowedSecrets: )\[.*\]$`)

// config says in the sidecars' Configuration which secrets the apps may ask for.
func (g *generator) config() error {
	const file = "components/config.yaml"
	text, err := g.read(file)
	if err != nil {
		return err
	}
	if !allowed.MatchString(text) {
		return fmt.Errorf("%s has no line of allowedSecrets to generate", file)
	}
	g.files[file] = []byte(allowed.ReplaceAllString(text, "${1}"+list(g.Secrets())))
	return nil
}
