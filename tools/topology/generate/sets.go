package generate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/topology"
)

// set is a component set, as its folder describes it.
type set struct {
	Name   string `yaml:"-"`
	About  string `yaml:"about"`
	Buses  string `yaml:"buses"`
	Stores string `yaml:"stores"`
	Env    []struct {
		Name  string `yaml:"name"`
		Value string `yaml:"value"`
		Why   string `yaml:"why"`
	} `yaml:"env"`
	Chart struct {
		Broker string `yaml:"broker"`
		Store  string `yaml:"store"`
	} `yaml:"chart"`

	bus    document
	stores []document
}

// document is a component that is written by hand.
type document struct {
	text string // from its first comment
	spec struct {
		Metadata struct{ Name string }
		Spec     struct{ Type string }
		Scopes   []string
	}
}

// local is the set whose run file is in the root.
const local = "local"

func (s set) folder() string { return path.Join("components", s.Name) }

// busType is the type of the set's buses.
func (s set) busType() component.Type { return component.Of(s.bus.spec.Spec.Type) }

// readSets reads the sets, the local one first.
func readSets(root fs.FS) (sets []set, err error) {
	found, err := fs.Glob(root, "components/*/set.yaml")
	if err != nil {
		return nil, err
	}
	for _, file := range found {
		s := set{Name: path.Base(path.Dir(file))}
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return nil, err
		}
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(&s); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		buses, err := readDocuments(root, path.Join(s.folder(), "bus.yaml"))
		if err != nil {
			return nil, err
		}
		s.bus = buses[0]
		if s.stores, err = readDocuments(root, path.Join(s.folder(), "stores.yaml")); err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	slices.SortStableFunc(sets, func(a, b set) int {
		switch local {
		case a.Name:
			return -1
		case b.Name:
			return 1
		}
		return 0
	})
	return sets, nil
}

// explained is the comment at the top of a file of components, which explains the
// file.
var explained = regexp.MustCompile(`\A(#.*\n)+\n`)

func readDocuments(root fs.FS, file string) (all []document, err error) {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return nil, err
	}
	for part := range strings.SplitSeq(explained.ReplaceAllString(string(text), ""), "\n---\n") {
		d := document{text: strings.TrimSuffix(part, "\n") + "\n"}
		if err := yaml.Unmarshal([]byte(part), &d.spec); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, d)
	}
	return all, nil
}

// scopes is the line in bus.yaml and stores.yaml in whose place scopes are put.
const scopes = "# {scopes}"

// components makes the components of each set.
func (g *generator) components() error {
	for _, s := range g.sets {
		resources := path.Join(s.folder(), "resources")
		note := fmt.Sprintf("# Generated from topology/topology.yaml and %s/%%s by make generate. Do not edit.\n", s.folder())
		for _, b := range g.Buses {
			g.files[path.Join(resources, b.Name+".yaml")] = []byte(fmt.Sprintf(note, "bus.yaml") + "# " + b.About + "\n" +
				s.component(b.Name, b.Name, g.scopesOf(b.Name, s.busType())))
		}
		if s.busType().Alone {
			g.files[path.Join(resources, "readers.yaml")] = []byte(fmt.Sprintf(note, "bus.yaml") +
				"# Each topic is read over a connection of its own (ADR 54), with the settings of its bus.\n" + g.readers(s))
		}
		left := g.Stateful()
		for _, d := range s.stores {
			left = slices.DeleteFunc(left, func(app string) bool { return slices.Contains(d.spec.Scopes, app) })
		}
		for _, d := range s.stores {
			readers := left
			if strings.HasPrefix(d.spec.Spec.Type, "configuration.") {
				readers = g.changing()
			}
			text := strings.Replace(d.text, scopes+"\n", "scopes: "+list(readers)+"\n", 1)
			g.files[path.Join(resources, d.spec.Metadata.Name+".yaml")] = []byte(fmt.Sprintf(note, "stores.yaml") + text)
		}
		g.files[path.Join(resources, "secretstore.yaml")] = []byte("# " + header + fmt.Sprintf(`
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: secretstore
spec:
  type: secretstores.local.file
  version: v1
  metadata:
    - name: secretsFile
      value: %s/secrets.json
`, s.folder()))
		if s.busType().Server == component.RabbitMQ {
			if err := g.definitions(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// component is the set's component of a bus, under a name, and with what stands in the
// place of its scopes.
func (s set) component(bus, name, scoped string) string {
	text := strings.Replace(s.bus.text, "    "+scopes+"\n", scoped, 1)
	text = strings.ReplaceAll(text, `name: "{bus}"`, "name: "+name)
	return strings.ReplaceAll(text, "{bus}", bus)
}

// reading is the component by which a reader gets its messages. Its name begins with
// the bus's, by which the self-check and the chart know whose it is.
func (s set) reading(r topology.Reader) string {
	if s.busType().Alone {
		return r.Bus + "-" + r.Topic
	}
	return r.Bus
}

var remark = regexp.MustCompile(`(?m)^ *#.*\n`)

// readers are the components that read a topic each.
func (g *generator) readers(s set) string {
	apps := map[string][]string{}
	var all []topology.Reader // one of each topic
	for _, r := range g.Readers() {
		if apps[r.Topic] == nil {
			all = append(all, r)
		}
		apps[r.Topic] = append(apps[r.Topic], r.App)
	}
	var parts []string
	for _, r := range all {
		own := scoping{topics: []string{r.Topic}}
		for _, app := range apps[r.Topic] {
			if r.Bus != deadLetters { // the sidecar publishes there what it gives up
				own.publish(app, topology.From(deadLetters, app))
			}
			own.read(app, r.Topic)
		}
		text := remark.ReplaceAllString(s.component(r.Bus, s.reading(r), own.settings()), "") // they stand in the bus's file
		parts = append(parts, text+"scopes: "+list(apps[r.Topic])+"\n")
	}
	return strings.Join(parts, "---\n")
}

// changing are the apps with settings that may change while they run.
func (g *generator) changing() (apps []string) {
	for _, a := range g.Apps {
		if slices.ContainsFunc(g.settingsOf(a.Name), func(s topology.Setting) bool { return s.Changes }) {
			apps = append(apps, a.Name)
		}
	}
	return apps
}

// scoping is who may publish and read which topics of a component.
type scoping struct{ topics, publishes, reads []string }

func (s *scoping) add(topics ...string) {
	for _, topic := range topics {
		if !slices.Contains(s.topics, topic) {
			s.topics = append(s.topics, topic)
		}
	}
}

func (s *scoping) publish(app string, topics ...string) {
	s.add(topics...)
	s.publishes = append(s.publishes, app+"="+strings.Join(topics, ","))
}

func (s *scoping) read(app string, topics ...string) {
	s.add(topics...)
	s.reads = append(s.reads, app+"="+strings.Join(topics, ","))
}

// settings are those of the component.
func (s *scoping) settings() string {
	var b strings.Builder
	b.WriteString("    # Who may publish and read which topic; what is not listed is refused.\n")
	for _, setting := range [][2]string{
		{"allowedTopics", strings.Join(s.topics, ",")}, {"protectedTopics", strings.Join(s.topics, ",")},
		{"publishingScopes", strings.Join(s.publishes, ";")}, {"subscriptionScopes", strings.Join(s.reads, ";")},
	} {
		if setting[1] != "" {
			fmt.Fprintf(&b, "    - name: %s\n      value: %q\n", setting[0], setting[1])
		}
	}
	return b.String()
}

// scopesOf are the settings of a bus that say who may publish and read what.
func (g *generator) scopesOf(bus string, kind component.Type) string {
	s := scoping{topics: g.OnBus(bus)}
	readers := map[string][]string{}
	for _, r := range g.Readers() {
		if r.Bus == bus && !kind.Alone {
			readers[r.App] = append(readers[r.App], r.Topic)
		}
	}
	for _, a := range g.Apps {
		topics := g.Publishes(a.Name, bus)
		if kind.Alone { // the sidecar publishes what it gives up where it reads
			topics = g.PublishesItself(a.Name, bus)
		}
		if len(topics) > 0 {
			if kind.Unsure {
				topics = append(topics, component.ProbeTopic)
			}
			s.publish(a.Name, topics...)
		}
		if topics := readers[a.Name]; topics != nil {
			s.read(a.Name, topics...)
		}
	}
	return s.settings()
}

type object map[string]any

// definitions are what RabbitMQ has to have before the first message: an exchange
// without queues drops what it is given.
func (g *generator) definitions(s set) error {
	exchange := func(topic string) any {
		return object{"name": topic, "vhost": "/", "type": "fanout", "durable": true, "auto_delete": false, "internal": false, "arguments": object{}}
	}
	for file, kind := range map[string]string{"definitions.json": "classic", "definitions-quorum.json": "quorum"} {
		var exchanges, queues, bindings []any
		for _, bus := range g.Buses {
			for _, topic := range g.OnBus(bus.Name) {
				exchanges = append(exchanges, exchange(topic))
			}
		}
		exchanges = append(exchanges, exchange(component.ProbeTopic)) // nobody reads it
		for _, r := range g.Readers() {
			queue := r.Consumer() + "-" + r.Topic
			queues = append(queues, object{"name": queue, "vhost": "/", "durable": true, "auto_delete": false, "arguments": object{"x-queue-type": kind}})
			bindings = append(bindings, object{"source": r.Topic, "vhost": "/", "destination": queue, "destination_type": "queue", "routing_key": "", "arguments": object{}})
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "{\n  \"comment\": %q,\n  \"vhosts\": [{\"name\": \"/\"}],\n", header)
		if kind == "quorum" {
			var names []string
			for _, bus := range g.Buses {
				names = append(names, bus.Name)
			}
			policies := []any{object{
				"name": "plenary", "vhost": "/", "pattern": "-(" + strings.Join(names, "|") + ")-", "apply-to": "queues",
				"priority": 0, "definition": object{"delivery-limit": 1000000000},
			}}
			if err := lines(&b, "policies", policies); err != nil {
				return err
			}
		}
		for _, l := range []struct {
			name  string
			items []any
		}{{"exchanges", exchanges}, {"queues", queues}, {"bindings", bindings}} {
			if err := lines(&b, l.name, l.items); err != nil {
				return err
			}
		}
		g.files[path.Join(s.folder(), file)] = append(bytes.TrimSuffix(b.Bytes(), []byte(",\n")), "\n}\n"...)
	}
	return nil
}

// lines writes a list with one line for each item.
func lines(b *bytes.Buffer, name string, items []any) error {
	fmt.Fprintf(b, "  %q: [\n", name)
	for i, item := range items {
		text, err := json.Marshal(item)
		if err != nil {
			return err
		}
		comma := ","
		if i == len(items)-1 {
			comma = ""
		}
		fmt.Fprintf(b, "    %s%s\n", text, comma)
	}
	b.WriteString("  ],\n")
	return nil
}

// forget writes who reads what into the script by which Redis forgets.
func (g *generator) forget() error {
	for _, s := range g.sets {
		if s.busType().Server != component.Redis {
			continue
		}
		var b strings.Builder
		b.WriteString("local readers = {\n")
		for _, bus := range g.Buses {
			for _, topic := range g.OnBus(bus.Name) {
				var groups []string
				for _, r := range g.Readers() {
					if r.Topic == topic {
						groups = append(groups, "'"+r.Consumer()+"'")
					}
				}
				fmt.Fprintf(&b, "  ['%s'] = {%s},\n", topic, strings.Join(groups, ", "))
			}
		}
		b.WriteString("}\n")
		if err := g.block(path.Join(s.folder(), "forget.lua"), b.String()); err != nil {
			return err
		}
	}
	return nil
}
