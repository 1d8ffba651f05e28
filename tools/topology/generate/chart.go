package generate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/topology"
)

// chart is where the Helm chart is.
const chart = "charts/plenary/"

// What the chart's templates have to know. They read it from files/topology.yaml.
type (
	chartFacts struct {
		// SidecarEnv is that of every sidecar.
		SidecarEnv map[string]string      `yaml:"sidecarEnv"`
		Apps       map[string]chartApp    `yaml:"apps"`
		Brokers    map[string]chartBroker `yaml:"brokers"`
		Stores     map[string]string      `yaml:"stores"`
	}
	chartApp struct {
		Public   bool                        `yaml:"public"`
		Actors   bool                        `yaml:"actors"`
		Reads    bool                        `yaml:"reads"`
		Changes  bool                        `yaml:"changes"` // it has settings that may change while it runs
		Secrets  []string                    `yaml:"secrets,omitempty"`
		Settings map[string]string           `yaml:"settings,omitempty"`
		Invokes  map[string][]chartOperation `yaml:"invokes,omitempty"`
	}
	chartOperation struct {
		Name   string   `yaml:"name"`
		Verbs  []string `yaml:"httpVerb,flow"`
		Action string   `yaml:"action"`
	}
	chartBroker struct {
		Set       string            `yaml:"set"`
		ReaderEnv map[string]string `yaml:"readerEnv,omitempty"`
	}
)

func (g *generator) chart() error {
	facts := chartFacts{SidecarEnv: component.SidecarEnv, Apps: map[string]chartApp{}, Brokers: map[string]chartBroker{}, Stores: map[string]string{}}
	for _, a := range g.Apps {
		c := chartApp{Public: a.Public, Actors: a.Actors != "", Reads: len(a.Reads) > 0, Changes: slices.Contains(g.changing(), a.Name), Secrets: a.Secrets,
			Settings: map[string]string{}, Invokes: map[string][]chartOperation{}}
		for _, s := range g.settingsOf(a.Name) {
			if s.Chart != "" && !s.Every {
				c.Settings[s.Name] = s.Chart
			}
		}
		for callee, routes := range a.Asks {
			for _, r := range routes {
				c.Invokes[callee] = append(c.Invokes[callee], chartOperation{r.Path, r.Verbs, "allow"})
			}
		}
		facts.Apps[a.Name] = c
	}
	var brokers, stores []string
	components := []string{}
	for _, b := range g.Buses {
		components = append(components, b.Name)
	}
	for _, s := range g.sets {
		if s.Chart.Broker != "" {
			if slices.Contains(brokers, s.Chart.Broker) {
				return fmt.Errorf("two sets are the chart's broker %s", s.Chart.Broker)
			}
			brokers = append(brokers, s.Chart.Broker)
			facts.Brokers[s.Chart.Broker] = chartBroker{s.Name, s.busType().ReaderEnv}
		}
		if s.Chart.Store == "" {
			continue
		}
		if slices.Contains(stores, s.Chart.Store) {
			return fmt.Errorf("two sets are the chart's store %s", s.Chart.Store)
		}
		stores = append(stores, s.Chart.Store)
		facts.Stores[s.Chart.Store] = s.Name
		for _, d := range s.stores {
			if name := d.spec.Metadata.Name; !slices.Contains(components, name) {
				components = append(components, name)
			}
		}
	}
	var b bytes.Buffer
	b.WriteString("# " + header + "\n")
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(facts); err != nil {
		return err
	}
	g.files[chart+"files/topology.yaml"] = b.Bytes()

	if err := g.values(); err != nil {
		return err
	}
	return g.schema(map[string][]string{"apps": g.Names(), "brokers": brokers, "stores": stores, "components": components})
}

// chartDefault is the default of a setting as it stands in values.yaml.
func chartDefault(s topology.Setting) string {
	if s.List {
		return "[]"
	}
	if s.Default == "" {
		return `""`
	}
	return s.Default
}

// values writes the settings with their defaults, and the apps, into values.yaml.
func (g *generator) values() error {
	var config, apps strings.Builder
	for _, s := range g.Settings {
		if s.Chart == "" || s.Every {
			continue
		}
		fmt.Fprintf(&config, "  # -- %s\n  %s: %s\n", s.About, s.Chart, chartDefault(s))
	}
	for _, a := range g.Names() {
		fmt.Fprintf(&apps, "  %s: {}\n", a)
	}
	return g.block(chart+"values.yaml", config.String(), apps.String())
}

var generatedList = regexp.MustCompile(`("\$comment": "generated from topology\.yaml: (\w+)",\n( *)"(?:enum|required)": )\[[^\]]*\]`)

// schema writes the names of what there is into values.schema.json.
func (g *generator) schema(lists map[string][]string) error {
	const file = chart + "values.schema.json"
	text, err := g.read(file)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	text = generatedList.ReplaceAllStringFunc(text, func(match string) string {
		m := generatedList.FindStringSubmatch(match)
		seen[m[2]] = true
		items, _ := json.MarshalIndent(lists[m[2]], m[3], "  ") // names are always text
		return m[1] + string(items)
	})
	for name := range lists {
		if !seen[name] {
			return fmt.Errorf("%s has no generated list of %s", file, name)
		}
	}
	g.files[file] = []byte(text)
	return nil
}
