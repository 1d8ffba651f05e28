// Package selfcheck finds out, when an app starts, whether its sidecar can give
// what the engine needs. Components are chosen by YAML that no compiler sees, and
// most mistakes in it lose messages without a word; so the app asks first, and
// says what is wrong, with which component, and what to do about it.
//
// docs/self-check.md explains each finding by its name.
package selfcheck

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	pb "github.com/dapr/dapr/pkg/proto/runtime/v1"

	"github.com/plenary/plenary/engine/component"
	"github.com/plenary/plenary/engine/selfcheck/release"
)

// Needs are what an app asks of its sidecar.
type Needs struct {
	// AppID is the app's Dapr id, and Port where it listens.
	AppID string
	Port  int
	// Reads are the pub/sub components that the app reads, and where the batches
	// of each are to be delivered.
	Reads []Read
	// Publishes are the pub/sub components that it publishes to without reading
	// them.
	Publishes []string
	// State says that it has a state store; see StateStore.
	State bool
	// Actors says that it hosts actors.
	Actors bool
	// Secrets is the secret store's component; empty if the app needs no secret.
	Secrets string
	// Exposed says that the app listens on other addresses than the loopback without
	// asking for a token.
	Exposed bool
}

// Read is what an app reads of a bus. A subscription belongs to it whose component has
// the bus's name, or a name that begins with it and a hyphen: some brokers want a
// component for each topic that is read.
type Read struct {
	Component, Path string
	// LastStop says that what comes here has been given up already, so that there
	// is no dead-letter topic behind it.
	LastStop bool
}

// Finding is something that is wrong with what the sidecar has.
type Finding struct {
	// Name is the finding's entry in docs/self-check.md.
	Name string
	// Refused says that the app must not run with this.
	Refused bool
	// Component is the component that is meant, and Type its type, where the
	// finding is about one.
	Component, Type string
	// Problem says what is wrong, and Fix what to do.
	Problem, Fix string

	// judged says that it is the component's type that does not suit, which
	// somebody who knows better may accept.
	judged bool
}

// Names are those of all findings there are.
var Names = []string{
	"acknowledges-early", "api-token", "app-id", "app-port", "app-token", "creates-twice", "dapr-version",
	"exposed", "foreign-subscription", "in-memory", "no-actors", "no-component", "no-dead-letters", "no-etag", "no-resiliency",
	"no-secret", "no-subscription", "not-raw", "other-route", "overwrites", "repeats-on-reconnect", "several-routes",
	"several-stores", "small-values", "several-topics", "untried",
}

// String is the finding in one line.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.Name + ": ")
	if f.Component != "" {
		b.WriteString(f.Component)
		if f.Type != "" {
			b.WriteString(" (" + f.Type + ")")
		}
		b.WriteString(" ")
	}
	return b.String() + f.Problem + "; " + f.Fix
}

// defaultStore is the name that decides between several state stores.
const defaultStore = "statestore"

// StateStore picks an app's state store from the components of its sidecar: the
// only one, or the one named statestore; nil if there is none.
func StateStore(sidecar *pb.GetMetadataResponse) *pb.RegisteredComponents {
	stores := ofKind(sidecar, stateKind)
	if i := slices.IndexFunc(stores, func(c *pb.RegisteredComponents) bool { return c.GetName() == defaultStore }); i >= 0 {
		return stores[i]
	}
	if len(stores) != 1 {
		return nil
	}
	return stores[0]
}

// Kinds of components, as their types begin.
const (
	stateKind  = "state."
	pubsubKind = "pubsub."
	secretKind = "secretstores."
)

func ofKind(sidecar *pb.GetMetadataResponse, kind string) (found []*pb.RegisteredComponents) {
	for _, c := range sidecar.GetRegisteredComponents() {
		if strings.HasPrefix(c.GetType(), kind) {
			found = append(found, c)
		}
	}
	return found
}

// Check compares what an app needs with what its sidecar says of itself. It sees
// the components' types and capabilities and the subscriptions, but no setting of
// a component, since Dapr's metadata has none. Findings about a component type in
// accept are warnings.
func Check(needs Needs, sidecar *pb.GetMetadataResponse, accept ...string) []Finding {
	c := &check{needs: needs, sidecar: sidecar}
	c.dapr()
	for _, name := range slices.Compact(slices.Sorted(slices.Values(c.buses()))) {
		c.bus(name)
	}
	c.subscriptions()
	if needs.State {
		c.store()
	}
	if needs.Actors {
		c.actors()
	}
	if needs.Secrets != "" && c.component(secretKind, needs.Secrets) == nil {
		c.missing(secretKind, needs.Secrets)
	}
	for i := range c.found {
		if f := &c.found[i]; f.judged && slices.Contains(accept, f.Type) {
			f.Refused, f.Fix = false, "accepted by PLENARY_ACCEPT"
		}
	}
	return c.found
}

type check struct {
	needs   Needs
	sidecar *pb.GetMetadataResponse
	found   []Finding
}

func (c *check) refuse(name string, component *pb.RegisteredComponents, problem, fix string) {
	c.found = append(c.found, Finding{
		Name: name, Refused: true, Component: component.GetName(), Type: component.GetType(), Problem: problem, Fix: fix,
	})
}

func (c *check) warn(name string, component *pb.RegisteredComponents, problem, fix string) {
	c.refuse(name, component, problem, fix)
	c.found[len(c.found)-1].Refused = false
}

// judge refuses a component for its type alone.
func (c *check) judge(name string, component *pb.RegisteredComponents, problem, fix string) {
	c.refuse(name, component, problem, fix)
	c.found[len(c.found)-1].judged = true
}

func (c *check) component(kind, name string) *pb.RegisteredComponents {
	of := ofKind(c.sidecar, kind)
	if i := slices.IndexFunc(of, func(r *pb.RegisteredComponents) bool { return r.GetName() == name }); i >= 0 {
		return of[i]
	}
	return nil
}

func (c *check) missing(kind, name string) {
	c.refuse("no-component", nil, fmt.Sprintf("the sidecar has no %s* component named %s", kind, name),
		fmt.Sprintf("add one, and list %s in its scopes if it has any", c.needs.AppID))
}

func (c *check) buses() []string {
	all := slices.Clone(c.needs.Publishes)
	for _, r := range c.needs.Reads {
		all = append(all, r.Component)
	}
	return all
}

// listsResiliency is the first release whose metadata has the names of the
// resiliency policies.
var listsResiliency = [3]int{1, 18}

// dapr looks at the sidecar itself.
func (c *check) dapr() {
	if id := c.sidecar.GetId(); id != c.needs.AppID {
		c.refuse("app-id", nil, fmt.Sprintf("the sidecar's app id is %q and the app is %q, whose keys and topics it would not find", id, c.needs.AppID),
			"start the app with the sidecar of its own id")
	}
	v, ok := release.Parse(c.sidecar.GetRuntimeVersion())
	switch {
	case !ok:
		c.warn("dapr-version", nil, fmt.Sprintf("the sidecar's version is %q", c.sidecar.GetRuntimeVersion()), "use a released Dapr: "+release.NewEnough)
	case release.IsOld(v):
		c.refuse("dapr-version", nil, "the sidecar is Dapr "+c.sidecar.GetRuntimeVersion()+", whose access control can be bypassed, or older",
			"use "+release.NewEnough)
	}
	if c.needs.Exposed {
		c.refuse("exposed", nil, "the app listens on other addresses than the loopback and has no token: anybody on the network could deliver messages to it",
			"set APP_API_TOKEN for the app and its sidecar, or leave PLENARY_BIND at 127.0.0.1")
	}
	if len(c.needs.Reads) == 0 && !c.needs.Actors {
		return
	}
	switch port := int(c.sidecar.GetAppConnectionProperties().GetPort()); port {
	case c.needs.Port:
	case 0:
		c.refuse("app-port", nil, "the sidecar has no app port, so it will deliver nothing",
			fmt.Sprintf("give it --app-port %d, or dapr.io/app-port on Kubernetes", c.needs.Port))
	default:
		c.warn("app-port", nil, fmt.Sprintf("the sidecar delivers to port %d and the app listens on %d", port, c.needs.Port),
			"use the same port for both, unless something between them forwards")
	}
	if len(c.needs.Reads) > 0 && ok && slices.Compare(v[:], listsResiliency[:]) >= 0 && len(c.sidecar.GetResiliencies()) == 0 {
		c.refuse("no-resiliency", nil, "the sidecar has no Resiliency: a delivery that fails once is given up",
			"add one with an inbound retry of maxRetries: -1 for each bus, as the component sets have")
	}
}

// bus looks at a pub/sub component.
func (c *check) bus(name string) {
	b := c.component(pubsubKind, name)
	if b == nil {
		c.missing(pubsubKind, name)
		return
	}
	c.kind(b)
}

// kind judges a component by its type, as the table of types has it.
func (c *check) kind(r *pb.RegisteredComponents) {
	t := component.Of(r.GetType())
	switch {
	case t.Finding != "":
		c.judge(t.Finding, r, t.Problem, t.Fix)
	case t.Tried(r.GetVersion()):
	case t.Version != "":
		c.warn("untried", r, fmt.Sprintf("is version %s, which has not been tested with the engine", cmp.Or(r.GetVersion(), "v1")),
			fmt.Sprintf("set version: %s, for new data, or run the conformance suite against it: see docs/self-check.md", t.Version))
	default:
		c.warn("untried", r, "has not been tested with the engine", "run the conformance suite against it: see docs/self-check.md")
	}
}

// store looks at the state store.
func (c *check) store() {
	s := StateStore(c.sidecar)
	if s == nil {
		if stores := ofKind(c.sidecar, stateKind); len(stores) > 1 {
			names := make([]string, len(stores))
			for i, s := range stores {
				names[i] = s.GetName()
			}
			slices.Sort(names)
			c.refuse("several-stores", nil, "the sidecar has several state stores, "+strings.Join(names, " and ")+", and none of them is named "+defaultStore,
				fmt.Sprintf("scope all but one of them to other apps than %s, or name the one %s", c.needs.AppID, defaultStore))
			return
		}
		c.missing(stateKind, defaultStore)
		return
	}
	if !slices.Contains(s.GetCapabilities(), "ETAG") {
		c.refuse("no-etag", s, "has no ETags, so that two replicas would overwrite each other's decisions",
			"use a state store with the ETag capability")
		return
	}
	c.kind(s)
}

// actors looks for what reminders need.
func (c *check) actors() {
	if c.sidecar.GetActorRuntime().GetRuntimeStatus() == pb.ActorRuntime_DISABLED {
		c.refuse("no-actors", nil, "the sidecar has no actors, so there will be no reminders",
			"give it the address of the placement service")
	}
	if s := StateStore(c.sidecar); s != nil && !slices.Contains(s.GetCapabilities(), "ACTOR") {
		c.refuse("no-actors", s, "cannot be the state store of actors, and there will be no reminders",
			"add a state store with transactions and actorStateStore: \"true\", scoped to "+c.needs.AppID)
	}
}

// subscriptions compares what is delivered where with what the app reads.
func (c *check) subscriptions() {
	byBus := map[string][]*pb.PubsubSubscription{}
	for _, s := range c.sidecar.GetSubscriptions() {
		i := slices.IndexFunc(c.needs.Reads, func(r Read) bool {
			return r.Component == s.GetPubsubName() || strings.HasPrefix(s.GetPubsubName(), r.Component+"-")
		})
		if i >= 0 {
			bus := c.needs.Reads[i].Component
			byBus[bus] = append(byBus[bus], s)
		} else {
			c.refuse("foreign-subscription", nil,
				fmt.Sprintf("the sidecar has a subscription to %s of %s, which the app does not read: its messages would be acknowledged unread", s.GetTopic(), s.GetPubsubName()),
				fmt.Sprintf("take %s out of the Subscription's scopes", c.needs.AppID))
		}
	}
	for _, r := range c.needs.Reads {
		b := c.component(pubsubKind, r.Component)
		if b == nil {
			continue // said already
		}
		subs := byBus[r.Component]
		if len(subs) == 0 {
			c.refuse("no-subscription", b, "has no subscription of this app, and nothing is delivered to "+r.Path,
				fmt.Sprintf("add a Subscription with default route %s, with %s in its scopes", r.Path, c.needs.AppID))
		}
		var topics []string // of the bus's own component
		for _, s := range subs {
			from := b
			if s.GetPubsubName() != b.GetName() {
				if from = c.component(pubsubKind, s.GetPubsubName()); from == nil {
					c.missing(pubsubKind, s.GetPubsubName())
					continue
				}
				c.kind(from)
			} else {
				topics = append(topics, s.GetTopic())
			}
			c.subscription(r, from, s)
		}
		if len(topics) > 1 && !component.Of(b.GetType()).Tried(b.GetVersion()) {
			slices.Sort(topics)
			c.warn("several-topics", b, "has several topics for this app, "+strings.Join(topics, " and ")+", and some brokers keep one durable consumer for all",
				"see that each topic has a consumer of its own there")
		}
	}
}

func (c *check) subscription(r Read, b *pb.RegisteredComponents, s *pb.PubsubSubscription) {
	about := fmt.Sprintf("has a subscription to %s that ", s.GetTopic())
	rules := s.GetRules().GetRules()
	switch {
	case len(rules) != 1 || rules[0].GetMatch() != "":
		c.refuse("several-routes", b, about+"has routing rules: a batch would be split, and messages that match no rule dropped",
			fmt.Sprintf("give it only the default route %s", r.Path))
	case rules[0].GetPath() != r.Path:
		c.refuse("other-route", b, about+fmt.Sprintf("delivers to %s, where the app does not expect it", rules[0].GetPath()),
			"set its default route to "+r.Path)
	}
	switch dead := s.GetDeadLetterTopic(); {
	case dead == s.GetTopic():
		c.refuse("no-dead-letters", b, about+"is its own dead-letter topic", "set its deadLetterTopic to a different topic")
	case dead == "" && !r.LastStop:
		c.refuse("no-dead-letters", b, about+"has no dead-letter topic: a message that is not JSON would be redelivered for ever or lost",
			"set its deadLetterTopic to deadletters")
	}
	if raw, err := strconv.ParseBool(s.GetMetadata()["rawPayload"]); err != nil || !raw {
		c.refuse("not-raw", b, about+"does not deliver raw payloads: the sidecar would change messages and refuse malformed ones",
			"set rawPayload: \"true\" in its metadata")
	}
}

// APIToken is found when the sidecar does not let the app call it.
var APIToken = Finding{
	Name: "api-token", Refused: true, Problem: "the sidecar requires a token that the app does not have",
	Fix: "set the app's DAPR_API_TOKEN to its sidecar's token",
}

// AppToken is found when the app does not let its sidecar call it.
var AppToken = Finding{
	Name: "app-token", Refused: true, Problem: "the app requires a token that its sidecar does not send, so it would refuse all deliveries",
	Fix: "set the same APP_API_TOKEN for both, or dapr.io/app-token-secret on Kubernetes",
}

// NoSecret is found when a secret of the app's cannot be read.
func NoSecret(component string, err error) Finding {
	return Finding{
		Name: "no-secret", Refused: true, Component: component, Problem: "does not return a secret of the app: " + err.Error(),
		Fix: "add it, and allow the app to read it",
	}
}
