// Package component knows the types of Dapr components: which of them have been
// tried with the engine, what is wrong with others, how a store is written to, and
// what a sidecar needs. It is the one table of that: the self-check, the host, the
// state port, the conformance suites, the tools and the chart read it.
package component

import (
	"cmp"
	"maps"
	"slices"
)

// Writing is how many keys of a store are written at once.
type Writing int

const (
	// OneByOne writes each key in a call of its own. It is right for every store.
	OneByOne Writing = iota
	// InTransaction writes all keys in one transaction. It suits stores that roll
	// the whole transaction back when one ETag is stale.
	InTransaction
	// InBulk writes all keys in one bulk call without a transaction.
	InBulk
)

// Packing is how events that are published together travel on a bus.
type Packing int

const (
	// Singly has each event in a message of its own. It is right for every bus.
	Singly Packing = iota
	// Together has them in as few messages as the bounds of a message allow.
	Together
	// ByKey has together those whose partition keys fall into the same of a few
	// buckets, whose number is then the message's partition key: on a bus that keeps
	// order, and gives a key to one replica at a time, by the keys of its messages.
	ByKey
)

// Type is a type of Dapr component.
type Type struct {
	// Name is the type as Dapr's metadata has it, and Also other names of it.
	Name string
	Also []string
	// Version is the version that has been tried with the engine; empty if none was.
	Version string
	// Finding names what is wrong with the type, in the self-check's words; empty if
	// nothing is. Problem and Fix explain it.
	Finding, Problem, Fix string
	// Writing is how a store is written to.
	Writing Writing
	// Packing is how events travel on a bus.
	Packing Packing
	// Unsure says that a bus reports messages as published that may be lost, so that
	// the publisher sends a message to the topic ProbeTopic after each batch.
	Unsure bool
	// Alone says that each topic is read by a component of its own, and so over a
	// connection of its own: see docs/adr/0054.
	Alone bool
	// ReaderEnv is what a sidecar that reads from such a bus needs in its environment.
	ReaderEnv map[string]string
	// Server is the server behind it, as the tools and tests name it.
	Server string
	// OneReplica says why replicas of an app cannot share what a bus delivers; empty if
	// they can.
	OneReplica string
}

// ProbeTopic is the topic of messages that nobody reads: see Type.Unsure.
const ProbeTopic = "probe"

// Servers behind components.
const (
	LocalBroker = "broker"
	Redis       = "redis"
	RabbitMQ    = "rabbitmq"
	Kafka       = "kafka"
	PostgreSQL  = "postgresql"
	MariaDB     = "mariadb"
)

var types = []Type{
	{
		Name: "pubsub.redis", Version: "v1", Server: Redis,
		// A sidecar that is stopped may acknowledge what no app has handled, unless it
		// does one thing at a time (ADR 21).
		ReaderEnv: map[string]string{"GOMAXPROCS": "1"},
		// What is lost that way is sent again (ADR 28), a message of many events as well.
		Packing: Together,
	},
	{
		Name: "pubsub.rabbitmq", Version: "v1", Server: RabbitMQ,
		Packing: Together,
		Unsure:  true, // daprbus.Publisher.Doubt explains it
		Alone:   true,
	},
	{Name: "pubsub.kafka", Version: "v1", Server: Kafka, Packing: ByKey},
	{
		Name: "pubsub.jetstream", Finding: "acknowledges-early",
		Problem: "acknowledges a message before it is handled, or never delivers more than one at a time",
		Fix:     "use another broker, or JetStream over MQTT as the local set does",
	},
	{
		Name: "pubsub.mqtt3", Also: []string{"pubsub.mqtt"}, Version: "v1", Server: LocalBroker, Finding: "repeats-on-reconnect",
		Problem:    "does not repeat a failed message until it connects again, and gives each message to all replicas",
		Fix:        "use another broker",
		Packing:    Together,
		OneReplica: "MQTT 3.1.1 has no shared subscriptions",
	},
	{
		Name: "pubsub.in-memory", Finding: "in-memory",
		Problem: "keeps messages within one sidecar, which no other app sees", Fix: "use a broker",
	},
	{Name: "state.sqlite", Also: []string{"state.sqlite3"}, Version: "v1", Writing: InTransaction},
	// In a transaction, a stale ETag would not undo the other operations, and a second
	// create would overwrite the first.
	{Name: "state.redis", Version: "v1", Writing: InBulk, Server: Redis},
	{Name: "state.postgresql", Also: []string{"state.postgres"}, Version: "v2", Writing: InTransaction, Server: PostgreSQL},
	{Name: "state.mysql", Version: "v1", Writing: InTransaction, Server: MariaDB},
	{
		Name: "state.in-memory", Finding: "in-memory",
		Problem: "forgets everything when the sidecar ends", Fix: "use a store that keeps it",
	},
}

// All are the types that are known.
func All() []Type { return slices.Clone(types) }

// Of is what is known of a type; nothing but its name, if it is unknown.
func Of(name string) Type {
	i := slices.IndexFunc(types, func(t Type) bool { return t.Name == name || slices.Contains(t.Also, name) })
	if i < 0 {
		return Type{Name: name}
	}
	return types[i]
}

// Tried says whether a version of the type has been tried; an empty version is v1.
func (t Type) Tried(version string) bool {
	return t.Version != "" && t.Version == cmp.Or(version, "v1")
}

// SidecarEnv is what every sidecar has in its environment. Go collects garbage when the
// heap has doubled, which a sidecar's small heap does many times a second under load. At
// three times it takes less processor time and more memory (ADR 53).
var SidecarEnv = map[string]string{"GOGC": "200"}

// Env is SidecarEnv and the ReaderEnv of some types, as environments are written.
func Env(names ...string) (env []string) {
	all := maps.Clone(SidecarEnv)
	for _, name := range names {
		maps.Copy(all, Of(name).ReaderEnv)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		env = append(env, name+"="+all[name])
	}
	return env
}
