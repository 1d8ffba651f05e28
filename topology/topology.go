// Package topology says what Plenary is made of: the apps, what travels between
// them, and who may ask whom for what. It reads topology.yaml, which is the one
// place where that is written.
package topology

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed topology.yaml
var plenary []byte

// Topology is the description of a system.
type Topology struct {
	Ports    Ports     `yaml:"ports"`
	Buses    []Bus     `yaml:"buses"`
	Topics   []Topic   `yaml:"topics"`
	Settings []Setting `yaml:"settings"`
	Apps     []App     `yaml:"apps"`
}

// Ports are those of an app and its sidecar on one machine.
type Ports struct {
	App        int `yaml:"app"`
	HTTP       int `yaml:"http"`
	GRPC       int `yaml:"grpc"`
	Internal   int `yaml:"internal"`
	Metrics    int `yaml:"metrics"`
	AppMetrics int `yaml:"appMetrics"`
}

// Bus is a pub/sub component.
type Bus struct {
	Name  string `yaml:"name"`
	About string `yaml:"about"`
	// Route is where an app is given the messages of this bus.
	Route string `yaml:"route"`
}

// Topic is a topic of a bus.
type Topic struct {
	Name  string `yaml:"name"`
	Bus   string `yaml:"bus"`
	About string `yaml:"about"`
}

// Setting is an environment variable.
type Setting struct {
	Name    string `yaml:"name"`
	Chart   string `yaml:"chart"`
	Default string `yaml:"default"`
	About   string `yaml:"about"`
	// Local is its value where the component sets run on one machine; empty means
	// the default.
	Local string `yaml:"local"`
	// Every says that every app reads it.
	Every bool `yaml:"every"`
	// List says that it is a list, separated by commas.
	List bool `yaml:"list"`
	// Changes says that it may also stand in the Dapr configuration store, and change
	// there while apps run.
	Changes bool `yaml:"changes"`
}

// App is an app. topology.yaml explains the fields.
type App struct {
	Name     string              `yaml:"name"`
	About    string              `yaml:"about"`
	Public   bool                `yaml:"public"`
	Keeps    string              `yaml:"keeps"`
	Database string              `yaml:"database"`
	Actors   string              `yaml:"actors"`
	Secrets  []string            `yaml:"secrets"`
	Settings []string            `yaml:"settings"`
	Reads    []string            `yaml:"reads"`
	Sends    map[string][]string `yaml:"sends"`
	Resends  bool                `yaml:"resends"`
	Asks     map[string][]Route  `yaml:"asks"`
}

// Route is a path of an app with the verbs that may be used on it.
type Route struct {
	Verbs []string
	Path  string
}

// UnmarshalYAML reads "GET,POST /path".
func (r *Route) UnmarshalYAML(n *yaml.Node) error {
	verbs, path, ok := strings.Cut(n.Value, " ")
	if !ok || !strings.HasPrefix(path, "/") || strings.Contains(strings.TrimSuffix(path, "/**"), "*") {
		return fmt.Errorf("line %d: %q is no route such as GET,POST /path/**", n.Line, n.Value)
	}
	r.Verbs, r.Path = strings.Split(verbs, ","), path
	return nil
}

// Matches says whether a request is for this route.
func (r Route) Matches(verb, path string) bool {
	if !slices.Contains(r.Verbs, verb) {
		return false
	}
	below, ok := strings.CutSuffix(r.Path, "**")
	if !ok {
		return path == r.Path
	}
	return strings.HasPrefix(path, below) && len(path) > len(below)
}

// DeadLetters is the topic of what the apps gave up.
const DeadLetters = "deadletters"

// Plenary is the topology of Plenary.
var Plenary = sync.OnceValue(func() *Topology {
	t, err := Parse(plenary)
	if err != nil {
		panic("topology.yaml: " + err.Error()) // a test reads it
	}
	return t
})

// Of is an app of Plenary.
func Of(app string) App { return Plenary().App(app) }

// Parse reads a topology and says what is wrong with it.
func Parse(text []byte) (*Topology, error) {
	t := &Topology{}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(t); err != nil {
		return nil, err
	}
	return t, t.validate()
}

func (t *Topology) validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, topic := range t.Topics {
		if !slices.ContainsFunc(t.Buses, func(b Bus) bool { return b.Name == topic.Bus }) {
			wrong("topic %s: there is no bus %s", topic.Name, topic.Bus)
		}
		if strings.Contains(topic.Name, from) {
			wrong("topic %s: a name with %q in it cannot be told from that of an app's own topic", topic.Name, from)
		}
	}
	names := map[string]bool{}
	for _, a := range t.Apps {
		if names[a.Name] || a.Name == "" {
			wrong("app %q is there twice, or has no name", a.Name)
		}
		names[a.Name] = true
		if strings.Contains(a.Name, from) {
			wrong("app %s: a name with %q in it cannot be told from the name of a topic", a.Name, from)
		}
		for _, topic := range a.Reads {
			if t.busOf(topic) == "" {
				wrong("app %s reads %s, which is no topic", a.Name, topic)
			}
		}
		for topic := range a.Sends {
			if t.busOf(topic) == "" {
				wrong("app %s sends to %s, which is no topic", a.Name, topic)
			}
		}
		for callee := range a.Asks {
			if !slices.ContainsFunc(t.Apps, func(o App) bool { return o.Name == callee && !o.Public }) {
				wrong("app %s asks %s, which is no app that can be asked", a.Name, callee)
			}
		}
		for _, s := range a.Settings {
			if !slices.ContainsFunc(t.Settings, func(o Setting) bool { return o.Name == s }) {
				wrong("app %s reads %s, which is no setting", a.Name, s)
			}
		}
	}
	return errors.Join(errs...)
}

func (t *Topology) busOf(topic string) string {
	if i := slices.IndexFunc(t.Topics, func(o Topic) bool { return o.Name == topic }); i >= 0 {
		return t.Topics[i].Bus
	}
	return ""
}

// App is an app that there is.
func (t *Topology) App(name string) App {
	i := slices.IndexFunc(t.Apps, func(a App) bool { return a.Name == name })
	if i < 0 {
		panic("topology: no app " + name)
	}
	return t.Apps[i]
}

// Names are those of all apps.
func (t *Topology) Names() (names []string) {
	for _, a := range t.Apps {
		names = append(names, a.Name)
	}
	return names
}

// PortsOf are the ports of an app.
func (t *Topology) PortsOf(app string) Ports {
	n := slices.Index(t.Names(), app)
	p := t.Ports
	return Ports{p.App + n, p.HTTP + n, p.GRPC + n, p.Internal + n, p.Metrics + n, p.AppMetrics + n}
}

// from stands between a topic and its publisher in the names of the bus's topics.
const from = "-from-"

// From is the topic of the bus on which an app publishes the messages of a topic.
// Each app has its own, and its sidecar lets no other app publish there, so that the
// topic of the bus proves who published a message.
func From(topic, app string) string { return topic + from + app }

// Publishers are the apps that publish messages of a topic: those that send them, and
// those that send dead letters back. Each app that reads messages publishes dead
// letters: it gives up what it cannot take, and its sidecar what it cannot deliver.
func (t *Topology) Publishers(topic string) (apps []string) {
	for _, a := range t.Apps {
		_, sends := a.Sends[topic]
		if sends || a.Resends && topic != DeadLetters || len(a.Reads) > 0 && topic == DeadLetters {
			apps = append(apps, a.Name)
		}
	}
	return apps
}

// Reader is an app that reads a topic of the bus: that of one publisher.
type Reader struct{ App, Bus, Topic string }

// Consumer is the name by which brokers know a reader: the consumerID of the
// component sets.
func (r Reader) Consumer() string { return r.App + "-" + r.Bus }

// Readers are all readers, by topic of the bus.
func (t *Topology) Readers() (all []Reader) {
	for _, topic := range t.Topics {
		for _, publisher := range t.Publishers(topic.Name) {
			for _, app := range t.ReadersOf(topic.Name) {
				all = append(all, Reader{app, topic.Bus, From(topic.Name, publisher)})
			}
		}
	}
	return all
}

// ReadersOf are the apps that read a topic.
func (t *Topology) ReadersOf(topic string) (apps []string) {
	for _, a := range t.Apps {
		if slices.Contains(a.Reads, topic) {
			apps = append(apps, a.Name)
		}
	}
	return apps
}

// TopicsOf are the topics of a bus.
func (t *Topology) TopicsOf(bus string) (names []string) {
	for _, topic := range t.Topics {
		if topic.Bus == bus {
			names = append(names, topic.Name)
		}
	}
	return names
}

// OnBus are the topics as the bus has them, with one for each publisher.
func (t *Topology) OnBus(bus string) (names []string) {
	for _, topic := range t.TopicsOf(bus) {
		for _, app := range t.Publishers(topic) {
			names = append(names, From(topic, app))
		}
	}
	return names
}

// PublishesItself are the topics of the bus that are an app's own, in the order of the
// topics.
func (t *Topology) PublishesItself(app, bus string) (topics []string) {
	for _, topic := range t.TopicsOf(bus) {
		if slices.Contains(t.Publishers(topic), app) {
			topics = append(topics, From(topic, app))
		}
	}
	return topics
}

// Publishes are the topics that an app and its sidecar may publish to on the bus: the
// app's own, and its dead letters, since a sidecar publishes what it cannot deliver on
// the bus that it came from.
func (t *Topology) Publishes(app, bus string) []string {
	topics := t.PublishesItself(app, bus)
	given := From(DeadLetters, app)
	if t.reads(t.App(app), bus) && slices.Contains(t.Publishers(DeadLetters), app) && !slices.Contains(topics, given) {
		topics = append(topics, given)
	}
	return topics
}

// Reads says whether there is an app of Plenary that reads a topic.
func Reads(app, topic string) bool { return slices.Contains(Plenary().ReadersOf(topic), app) }

// reads says whether an app reads a topic of a bus.
func (t *Topology) reads(a App, bus string) bool {
	return slices.ContainsFunc(a.Reads, func(topic string) bool { return t.busOf(topic) == bus })
}

// Senders are the apps that send a type of message to a topic.
func (t *Topology) Senders(topic, message string) (apps []string) {
	for _, a := range t.Apps {
		if slices.Contains(a.Sends[topic], message) {
			apps = append(apps, a.Name)
		}
	}
	return apps
}

// discarded stands in place of a dead letter that was thrown away, and is no
// message of an app's own.
const discarded = "MessageDiscarded"

// Senders says who sends what in Plenary. It is what the readers hold messages
// against, and by which it is known who should have a message: host.Senders.
type Senders struct{}

// TopicOf is From.
func (Senders) TopicOf(topic, app string) string { return From(topic, app) }

// ReadersOf are the apps that read a topic.
func (Senders) ReadersOf(topic string) []string { return Plenary().ReadersOf(topic) }

// OriginOf says what a topic of the bus is for, and who publishes there.
func (Senders) OriginOf(name string) (topic, app string) {
	topic, app, ok := strings.Cut(name, from)
	if !ok || !slices.Contains(Plenary().Publishers(topic), app) {
		return name, ""
	}
	return topic, app
}

// MaySend says whether a message of a type may come from a source when an app has
// published it. An app publishes its own messages; the one that sends dead letters
// back also publishes those of others, and discards of its own.
func (Senders) MaySend(publisher, source, topic, message string) bool {
	t := Plenary()
	resends := slices.ContainsFunc(t.Apps, func(a App) bool { return a.Name == publisher && a.Resends })
	if message == discarded {
		return resends && publisher == source
	}
	return (publisher == source || resends) && slices.Contains(t.Senders(topic, message), source)
}

// Secrets are those that the apps ask for.
func (t *Topology) Secrets() (all []string) {
	for _, a := range t.Apps {
		all = append(all, a.Secrets...)
	}
	return all
}

// Stateful are the apps that have a state store.
func (t *Topology) Stateful() (names []string) {
	for _, a := range t.Apps {
		if a.Keeps != "" {
			names = append(names, a.Name)
		}
	}
	return names
}

// Callers are the apps that may call routes of an app.
func (t *Topology) Callers(app string) map[string][]Route {
	callers := map[string][]Route{}
	for _, a := range t.Apps {
		if routes := a.Asks[app]; routes != nil {
			callers[a.Name] = routes
		}
	}
	return callers
}

// MayBeCalled says whether another app may make a request of this one.
func (a App) MayBeCalled(caller, verb, path string) bool {
	return slices.ContainsFunc(Plenary().Callers(a.Name)[caller], func(r Route) bool { return r.Matches(verb, path) })
}

// Called are the apps that this one asks.
func (a App) Called() []string { return slices.Sorted(maps.Keys(a.Asks)) }

// Setting is the default of an environment variable.
func (t *Topology) Setting(name string) string {
	i := slices.IndexFunc(t.Settings, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		panic("topology: no setting " + name)
	}
	return t.Settings[i].Default
}

// Settings is the item of a Dapr configuration store that holds the settings that may
// change while apps run.
const Settings = "plenary"

// Changing are those settings of an app that may change while it runs.
func (a App) Changing() (names []string) {
	for _, s := range Plenary().Settings {
		if s.Changes && slices.Contains(a.Settings, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Duration is the default of an environment variable that is a time.
func Duration(name string) time.Duration {
	d, err := time.ParseDuration(Plenary().Setting(name))
	if err != nil {
		panic("topology: " + err.Error())
	}
	return d
}
