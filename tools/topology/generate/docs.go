package generate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/plenary/plenary/topology"
)

// docs makes docs/topology.md.
func (g *generator) docs() error {
	var b strings.Builder
	b.WriteString("<!-- " + header + " -->\n\n# What there is, and who talks to whom\n\n" +
		"The apps, their messages and their ports, as [topology.yaml](../topology/topology.yaml) has them.\n\n")
	g.diagram(&b)
	g.messages(&b)
	g.whereItRuns(&b)
	g.calls(&b)
	g.componentSets(&b)
	g.settings(&b)
	g.files["docs/topology.md"] = []byte(b.String())
	return nil
}

func (g *generator) diagram(b *strings.Builder) {
	b.WriteString("## Messages\n\n```mermaid\nflowchart LR\n  people([\"registrants, organisers\"]) -- HTTP --> web\n")
	for _, bus := range g.Buses {
		if bus.Name == deadLetters {
			continue
		}
		fmt.Fprintf(b, "  subgraph %s\n", bus.Name)
		for _, topic := range g.TopicsOf(bus.Name) {
			fmt.Fprintf(b, "    topic-%s[/%s/]\n", topic, topic)
		}
		b.WriteString("  end\n")
	}
	for _, a := range g.Apps {
		for _, topic := range g.Topics {
			if _, sends := a.Sends[topic.Name]; sends {
				fmt.Fprintf(b, "  %s --> topic-%s\n", a.Name, topic.Name)
			}
		}
		for _, topic := range a.Reads {
			if topic != deadLetters {
				fmt.Fprintf(b, "  topic-%s --> %s\n", topic, a.Name)
			}
		}
		for _, callee := range a.Called() {
			fmt.Fprintf(b, "  %s -. asks .-> %s\n", a.Name, callee)
		}
		if a.Actors != "" {
			fmt.Fprintf(b, "  scheduler([\"Dapr reminder\"]) -- wakes --> %s\n", a.Name)
		}
	}
	b.WriteString("```\n\n")
}

func (g *generator) messages(b *strings.Builder) {
	b.WriteString("A **command** has one receiver, which may refuse it; an **event** is a fact, and any app may\n" +
		"read it. Every message with its fields: [contracts/schemas](../contracts/schemas), and\n" +
		"[contracts/asyncapi.yaml](../contracts/asyncapi.yaml).\n\n" +
		"| from | topic | read by | messages |\n| --- | --- | --- | --- |\n")
	for _, a := range g.Apps {
		for _, topic := range g.Topics {
			if messages, sends := a.Sends[topic.Name]; sends {
				fmt.Fprintf(b, "| %s | `%s` | %s | %s |\n", a.Name, topic.Name, strings.Join(g.ReadersOf(topic.Name), ", "), strings.Join(messages, ", "))
			}
		}
	}
	b.WriteString("\nAn app that reads messages publishes those that it gives up to `deadletters`, which query reads;\n" +
		"on an operator's word, query sends them back to the topics that they came from.\n\n" +
		"On the bus, each app that publishes to a topic has one of its own, so that the topic proves who\n" +
		"published a message ([ADR 37](adr/0037-who-may-send-what.md)); in every component set the sidecars\n" +
		"refuse to publish or read anything else.\n\n" +
		"| topic | on the bus |\n| --- | --- |\n")
	for _, topic := range g.Topics {
		var names []string
		for _, app := range g.Publishers(topic.Name) {
			names = append(names, topology.From(topic.Name, app))
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", topic.Name, quoted(names))
	}
	b.WriteString("\n")
}

func (g *generator) whereItRuns(b *strings.Builder) {
	b.WriteString("## What runs where\n\n" +
		"| app | what it is | port | sidecar | keeps | secrets |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, a := range g.Apps {
		p := g.PortsOf(a.Name)
		keeps := cmp.Or(a.Keeps, "–")
		if a.Database != "" {
			keeps = a.Database + " (SQL)"
		}
		fmt.Fprintf(b, "| %s | %s | %d | %d | %s | %s |\n", a.Name, a.About, p.App, p.HTTP, keeps, quoted(a.Secrets))
	}
	last := g.PortsOf(g.Apps[len(g.Apps)-1].Name)
	fmt.Fprintf(b, "\nSidecars also listen on %d–%d (gRPC), %d–%d (calls between sidecars) and %d–%d (metrics); apps have\n"+
		"their metrics on %d–%d. The local set has its broker on 1883; Dapr's placement and scheduler are on\n50005 and 50006.\n\n",
		g.Ports.GRPC, last.GRPC, g.Ports.Internal, last.Internal, g.Ports.Metrics, last.Metrics, g.Ports.AppMetrics, last.AppMetrics)
}

// quoted is a list of names in code, or a dash.
func quoted(names []string) string {
	if len(names) == 0 {
		return "–"
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

func (g *generator) calls(b *strings.Builder) {
	b.WriteString("## Who may call whom\n\nApps ask each other by Dapr's service invocation. The app that is called refuses every other call,\n" +
		"on every component set; on Kubernetes its sidecar does as well.\n\n" +
		"| from | to | requests |\n| --- | --- | --- |\n")
	for _, a := range g.Apps {
		for _, callee := range a.Called() {
			var requests []string
			for _, r := range a.Asks[callee] {
				requests = append(requests, "`"+strings.Join(r.Verbs, ", ")+" "+r.Path+"`")
			}
			fmt.Fprintf(b, "| %s | %s | %s |\n", a.Name, callee, strings.Join(requests, "<br>"))
		}
	}
	b.WriteString("\n")
}

func (g *generator) componentSets(b *strings.Builder) {
	b.WriteString("## Component sets\n\nThe same programs run on other brokers and stores, by other YAML alone: `make run COMPONENTS=redis`.\n\n" +
		"| set | buses | state; query |\n| --- | --- | --- |\n")
	for _, s := range g.sets {
		fmt.Fprintf(b, "| [%s](../%s/README.md) | %s | %s |\n", s.Name, s.folder(), s.Buses, s.Stores)
	}
	b.WriteString("\n")
}

func (g *generator) settings(b *strings.Builder) {
	b.WriteString("## Settings\n\nBy environment; `make run` passes its own on to the apps. Those that are marked “live” may also stand in " +
		"a Dapr configuration store, and change there [without a restart](configuration.md#settings-that-change-without-a-restart).\n\n" +
		"| variable | default | live | apps | meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range g.Settings {
		apps := "all"
		if !s.Every {
			apps = strings.Join(g.appsWith(s.Name), ", ")
		}
		value := "none"
		if s.Default != "" {
			value = "`" + s.Default + "`"
		}
		live := ""
		if s.Changes {
			live = "live"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", s.Name, value, live, apps, s.About)
	}
}

func (g *generator) appsWith(setting string) (apps []string) {
	for _, a := range g.Apps {
		if slices.Contains(a.Settings, setting) {
			apps = append(apps, a.Name)
		}
	}
	return apps
}

func (g *generator) settingsOf(app string) (all []topology.Setting) {
	for _, s := range g.Settings {
		if slices.Contains(g.App(app).Settings, s.Name) {
			all = append(all, s)
		}
	}
	return all
}
