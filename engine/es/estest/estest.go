// Package estest runs given/when/then scenarios against an aggregate or a
// process. A scenario is data: what happened before, one message, and what must
// follow. Each is run several times over, in ways that must make no difference:
// as it is; with the state and every event encoded and decoded between all
// steps; and, for an aggregate that keeps only some handled ids, with every
// earlier command decided once more at the end, as if it had been delivered
// again after its id was forgotten.
package estest

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/es"
)

// Noon is the time of every scenario that does not set At.
var Noon = time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)

// Any stands in Then for one event of whose content nothing is said:
// Any[contracts.OrderPlaced]().
func Any[E any]() any { return anyOf{reflect.TypeFor[E]()} }

// Where stands in Then for one event of type E for which ok holds.
func Where[E any](what string, ok func(E) bool) any {
	return where{reflect.TypeFor[E](), what, func(e any) bool { return ok(e.(E)) }}
}

type anyOf struct{ t reflect.Type }
type where struct {
	t    reflect.Type
	what string
	ok   func(any) bool
}

// Scenario is one behaviour of an aggregate.
type Scenario struct {
	Name string
	// Given is the history: events, which are folded, and commands, which are
	// decided and must not be refused. Use At(t, command) for one at another time.
	Given []any
	// When is the command.
	When any
	// At is the time of When; Noon if it is zero.
	At time.Time
	// Others are the histories (events) of other streams that the decision reads,
	// with the aggregate to fold them.
	Others []Other
	// Actor is Env.Actor, of the commands in Given as well.
	Actor string
	// Handled is Env.Handled; 0: as many as there are messages in Given.
	Handled int
	// Claims is Env.Claims.
	Claims map[string]string

	// Then are the events that must follow; empty: none. Refused is the code of
	// the refusal that must follow instead.
	Then    []any
	Refused es.Code
	// Sends are the commands that must follow by React, in order; nil: not looked
	// at.
	Sends []any
}

// Other is the history of another stream.
type Other struct {
	Ref   es.Ref
	State any
}

type timed struct {
	at  time.Time
	msg any
}

// At gives a message of Given a time of its own.
func At(t time.Time, message any) any { return timed{t, message} }

// Fold gives the state after events, for Other.
func Fold[S any](agg es.Aggregate[S], events ...any) S {
	s := agg.New()
	for _, e := range events {
		s = agg.Evolve(s, e)
	}
	return s
}

// Run runs every scenario in every mode.
func Run[S any](t *testing.T, agg es.Aggregate[S], scenarios ...Scenario) {
	t.Helper()
	for _, sc := range scenarios {
		t.Run(sc.Name, func(t *testing.T) {
			t.Run("direct", func(t *testing.T) { runOne(t, agg, sc, false, false) })
			t.Run("reloaded", func(t *testing.T) { runOne(t, agg, sc, true, false) })
			if agg.Handled > 0 {
				t.Run("repeated", func(t *testing.T) { runOne(t, agg, sc, true, true) })
			}
		})
	}
}

func runOne[S any](t *testing.T, agg es.Aggregate[S], sc Scenario, reload, repeat bool) {
	t.Helper()
	env := es.Env{Now: sc.At, Random: seeded(), Others: map[es.Ref]any{}, Claims: sc.Claims, MessageID: uuid.NewString(), Actor: sc.Actor, Handled: max(sc.Handled, len(sc.Given))}
	if env.Now.IsZero() {
		env.Now = Noon
	}
	for _, o := range sc.Others {
		env.Others[o.Ref] = o.State
	}
	if env.Claims == nil {
		env.Claims = map[string]string{}
		for _, m := range append([]any{sc.When}, sc.Given...) {
			if tm, ok := m.(timed); ok {
				m = tm.msg
			}
			if id, ok := agg.Route(m); ok {
				for _, k := range agg.Claims(m) {
					env.Claims[k] = es.Ref{Aggregate: agg.Name, ID: id}.String()
				}
			}
		}
	}

	state := agg.New()
	again := func(s S) S {
		if !reload {
			return s
		}
		return Reload(t, agg.New, s)
	}
	version := uint64(0)
	var sent []any
	fold := func(events []any) {
		for _, e := range events {
			if reload {
				e = reencode(t, e)
			}
			state = again(agg.Evolve(state, e))
			version++
			if agg.React != nil {
				out := es.NewOutbox("main/"+agg.Name+"/scenario", version)
				agg.React(state, e, out)
				for _, c := range out.Commands() {
					sent = append(sent, c.Command)
				}
			}
		}
	}
	conclude := func() (events []any) {
		if agg.Conclude != nil {
			events = agg.Conclude(state)
			fold(events)
		}
		return events
	}

	var commands []timed
	for _, g := range sc.Given {
		at := env.Now
		if tm, ok := g.(timed); ok {
			at, g = tm.at, tm.msg
		}
		if _, isCommand := agg.Route(g); !isCommand {
			fold([]any{g})
			continue
		}
		e := env
		e.Now = at
		events, err := agg.Decide(e, state, g)
		if err != nil {
			t.Fatalf("given %T was refused: %v", g, err)
		}
		fold(events)
		conclude()
		commands = append(commands, timed{at, g})
	}
	conclude()

	if _, ok := agg.Route(sc.When); !ok {
		t.Fatalf("%T has no route to this aggregate", sc.When)
	}
	sent = nil
	before := encode(t, state)
	events, err := agg.Decide(env, state, sc.When)
	if after := encode(t, state); after != before {
		t.Fatalf("Decide changed the state\nbefore %s\nafter  %s", before, after)
	}
	if r, refused := es.AsRefusal(err); refused {
		if sc.Refused == "" {
			t.Fatalf("refused: %v; want events %s", r, names(sc.Then))
		}
		if r.Code != sc.Refused {
			t.Fatalf("refused with %q (%s), want %q", r.Code, r.Detail, sc.Refused)
		}
		if len(events) > 0 {
			t.Fatalf("refused, and yet events: %s", names(events))
		}
	} else if err != nil {
		t.Fatalf("fault: %v", err)
	} else if sc.Refused != "" {
		t.Fatalf("accepted with %s; want refusal %q", names(events), sc.Refused)
	}
	accepted := err == nil && len(events) > 0
	fold(events)
	if accepted && agg.Owns != nil {
		for _, k := range agg.Claims(sc.When) {
			if !slices.Contains(agg.Owns(state), k) {
				t.Fatalf("%T was accepted, and the stream does not own %q, which it claimed: another could take it", sc.When, k)
			}
		}
	}
	events = append(events, conclude()...)
	same(t, "events", sc.Then, events)
	if sc.Sends != nil {
		same(t, "commands", sc.Sends, sent)
	}
	if more := conclude(); len(more) > 0 {
		t.Fatalf("Conclude asked again gives %s", names(more))
	}

	if repeat {
		for _, c := range append(commands, timed{env.Now, sc.When}) {
			e := env
			e.Now = c.at
			events, err := agg.Decide(e, state, c.msg)
			if _, refused := es.AsRefusal(err); err != nil && !refused {
				t.Fatalf("%T repeated later: fault: %v", c.msg, err)
			}
			if len(events) > 0 {
				t.Fatalf("%T repeated later is not harmless: %s", c.msg, names(events))
			}
		}
	}
}

// ProcessScenario is one row of a process's table.
type ProcessScenario struct {
	Name string
	// Given are the messages handled before, When the one looked at. Use At for
	// one at another time.
	Given []any
	When  any
	At    time.Time
	// Sends are the commands that must follow, in order; empty: none.
	Sends []any
	// Wake is what must happen to the wake-up time; nil: nothing.
	Wake *es.Wake
	// Then looks at the state afterwards.
	Then func(t *testing.T, state any)
}

// Answer stands in Given or When for a CommandRejected that answers the last
// command of type C sent so far.
func Answer[C any](code es.Code) any { return answer{reflect.TypeFor[C](), code} }

type answer struct {
	command reflect.Type
	code    es.Code
}

// RunProcess runs every scenario as it is, and with the state and every message
// encoded and decoded between all steps.
func RunProcess[S any](t *testing.T, p es.Process[S], scenarios ...ProcessScenario) {
	t.Helper()
	for _, sc := range scenarios {
		t.Run(sc.Name, func(t *testing.T) {
			t.Run("direct", func(t *testing.T) { runProcess(t, p, sc, false) })
			t.Run("reloaded", func(t *testing.T) { runProcess(t, p, sc, true) })
		})
	}
}

func runProcess[S any](t *testing.T, p es.Process[S], sc ProcessScenario, reload bool) {
	t.Helper()
	state := p.New()
	version := uint64(0)
	var sent []es.Sent
	step := func(m any, now time.Time) *es.Outbox {
		if tm, ok := m.(timed); ok {
			now, m = tm.at, tm.msg
		}
		if a, ok := m.(answer); ok {
			m = rejection(t, a, sent)
		}
		if reload {
			m = reencode(t, m)
		}
		version++
		out := es.NewOutbox("main/"+p.Name+"/scenario", version)
		in := es.Input{ID: uuid.NewString(), Now: now, CorrelationID: "scenario", Message: m}
		_, routed := p.Route(in)
		if _, wakeUp := m.(es.WakeUp); !routed && !wakeUp {
			t.Fatalf("%T has no route to this process", m)
		}
		state = p.Step(state, in, out)
		if reload {
			state = Reload(t, p.New, state)
		}
		sent = append(sent, out.Commands()...)
		return out
	}
	now := sc.At
	if now.IsZero() {
		now = Noon
	}
	for _, g := range sc.Given {
		step(g, now)
	}
	out := step(sc.When, now)
	var got []any
	for _, c := range out.Commands() {
		got = append(got, c.Command)
	}
	same(t, "commands", sc.Sends, got)
	if !reflect.DeepEqual(sc.Wake, out.Wake()) {
		t.Fatalf("wake-up: got %+v, want %+v", out.Wake(), sc.Wake)
	}
	if sc.Then != nil {
		sc.Then(t, state)
	}
}

func rejection(t *testing.T, a answer, sent []es.Sent) any {
	t.Helper()
	for i := len(sent) - 1; i >= 0; i-- {
		if reflect.TypeOf(sent[i].Command) == a.command {
			return es.CommandRejected{CommandID: sent[i].ID, CommandType: a.command.Name() + ".v1", Code: a.code}
		}
	}
	t.Fatalf("no %s was sent that could be answered", a.command.Name())
	return nil
}

// Reload encodes and decodes a state, as a snapshot does.
func Reload[S any](t *testing.T, fresh func() S, s S) S {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatalf("encode state: %v", err)
	}
	out := fresh()
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("decode state: %v", err)
	}
	return out
}

func encode(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return string(data)
}

func reencode(t *testing.T, v any) any {
	t.Helper()
	p := reflect.New(reflect.TypeOf(v))
	if err := json.Unmarshal([]byte(encode(t, v)), p.Interface()); err != nil {
		t.Fatalf("decode %T: %v", v, err)
	}
	return p.Elem().Interface()
}

func same(t *testing.T, what string, want, got []any) {
	t.Helper()
	ok := len(want) == len(got)
	for i := 0; ok && i < len(want); i++ {
		switch w := want[i].(type) {
		case anyOf:
			ok = reflect.TypeOf(got[i]) == w.t
		case where:
			ok = reflect.TypeOf(got[i]) == w.t && w.ok(got[i])
		default:
			ok = reflect.TypeOf(w) == reflect.TypeOf(got[i]) && encode(t, w) == encode(t, got[i])
		}
	}
	if !ok {
		t.Fatalf("%s:\ngot  %s\nwant %s", what, names(got), names(want))
	}
}

func names(list []any) string {
	if len(list) == 0 {
		return "none"
	}
	out := ""
	for _, v := range list {
		switch w := v.(type) {
		case anyOf:
			out += "\n  any " + w.t.Name()
		case where:
			out += "\n  " + w.t.Name() + " where " + w.what
		default:
			data, _ := json.Marshal(v)
			out += "\n  " + reflect.TypeOf(v).Name() + string(data)
		}
	}
	return out
}

type source struct{ r *rand.Rand }

func (s source) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s.r.Uint32())
	}
	return len(p), nil
}

func seeded() source { return source{rand.New(rand.NewPCG(1, 2))} }
