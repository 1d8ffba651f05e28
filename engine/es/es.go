// Package es holds the pure half of the engine: what an aggregate and a
// process are, as plain functions. It imports nothing of Dapr, HTTP or any
// store, so a domain package that imports only es can be read, tested and
// reasoned about without them.
//
// An aggregate decides: Decide(command, state) gives events or a refusal, and
// Evolve(state, event) gives the next state. A process steps: Step(state,
// message) gives the next state and puts what it wants done into an Outbox.
// The clock, randomness and ids are inputs; nothing in a domain package may
// reach for its own.
package es

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
)

// Ref names one stream: the aggregate's name and the id of the instance. The
// tenant is not part of it, since no decision ever crosses tenants.
type Ref struct {
	Aggregate string
	ID        string
}

// String is the stream's name as it stands in a CloudEvent's subject:
// "order/6f2c…".
func (r Ref) String() string { return r.Aggregate + "/" + r.ID }

// Code says which rule refused a command, for programs. It never changes. A
// domain declares its codes as constants, once.
type Code string

// Refusal is the answer of a business rule that says no. It is an answer, not
// a fault: the engine records it as a CommandRejected event and acknowledges
// the command.
type Refusal struct {
	Code   Code
	Detail string // for people, in English, without personal data
	// Unrecorded says that the answer is given without the stream: see
	// RefuseUnrecorded.
	Unrecorded bool
}

func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Detail }

// Refuse makes a Refusal with a formatted detail.
func Refuse(code Code, format string, args ...any) error {
	return &Refusal{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// RefuseUnrecorded makes a Refusal that is answered, but neither recorded in the
// stream nor its command's id kept there. It is for a bound: what comes beyond
// the bound must not let the stream grow. A command that is delivered again is
// decided again, so the rule must stay broken once it is.
func RefuseUnrecorded(code Code, format string, args ...any) error {
	return &Refusal{Code: code, Detail: fmt.Sprintf(format, args...), Unrecorded: true}
}

// AsRefusal finds the Refusal in err's chain.
func AsRefusal(err error) (*Refusal, bool) {
	var r *Refusal
	ok := errors.As(err, &r)
	return r, ok
}

// Env is what a decision may know beside the command and the state.
type Env struct {
	// Now is the time of the decision, UTC.
	Now time.Time
	// Sent is when the command was sent, by the clock of its sender. It is zero in
	// tests that do not say.
	Sent time.Time
	// Writes is the version in whose forms messages are written: no decision may
	// result in a message of a type that came later.
	Writes Version
	// Random is a cryptographic source in production and a seeded one in tests.
	Random io.Reader
	// MessageID is the id of the command being decided.
	MessageID string
	// Actor is on whose behalf the command was sent, as its sender says; empty if it
	// was sent on nobody's.
	Actor string
	// Handled is how many messages the stream remembers having handled, accepted
	// or refused, before this one. With Aggregate.Handled 0 that is all of them.
	Handled int

	// Others gives the state of the streams that Reads asked for. Use
	// StateOf to read it.
	Others map[Ref]any
	// Claims gives the owner of every key that Claims asked for.
	Claims map[string]string
}

// Skew is how far apart the clocks of two apps may be.
const Skew = time.Minute

// TimeToKeep is the time of the decision as a stream may keep it, to compare later
// times with: not further from the command's own time than clocks are apart. Else one
// clock that is a day ahead would stop a stream for a day.
func (e Env) TimeToKeep() time.Time {
	if latest := e.Sent.Add(Skew); !e.Sent.IsZero() && e.Now.After(latest) {
		return latest
	}
	return e.Now
}

// StateOf is the state of another aggregate of the same app, as it was when
// the batch was loaded. ok is false when the stream has no events yet.
func StateOf[S any](env Env, ref Ref) (state S, ok bool) {
	state, ok = env.Others[ref].(S)
	return state, ok
}

// Aggregate describes one kind of event-sourced aggregate with state S.
//
// S must survive encoding/json unchanged: snapshots are its JSON.
type Aggregate[S any] struct {
	// Name is the first part of the stream's name; lower case.
	Name string
	// New gives the state before the first event.
	New func() S
	// Commands are what the aggregate handles, one entry each: see On.
	Commands []Command[S]
	// Guard, if set, is asked before each command is decided, for rules that many of
	// them have in common. Its error is the decision's.
	Guard func(env Env, state S, command any) error
	// Evolve folds one event into the state. It may change and return the state
	// it is given. It must accept every event ever recorded, and know no rules.
	Evolve func(state S, event any) S

	// React, if set, says which commands follow from a new event; state already
	// includes it.
	React func(state S, event any, out *Outbox)
	// Conclude, if set, is asked once per batch after the last decision, for
	// events that sum up the batch (one AvailableSeatsChanged for a hundred
	// reservations). It gets the state and must give nothing when asked again
	// after its own events have been folded in.
	Conclude func(state S) []any
	// Owns, if set, names the claimed keys that a stream with this state has. Another
	// stream gets a key when the stream that claimed it does not have it and has handled
	// the command for which it was claimed: that was refused or discarded, or the key was
	// given up since. Without Owns, and where the id of that command was forgotten (see
	// Handled), a key stays with the stream that claimed it first.
	Owns func(state S) []string

	// Handled is how many ids of handled messages are kept; 0 keeps all, which
	// only short streams may do. With a bound, every command must be harmless
	// when it is repeated later than that.
	Handled int
	// AnswersNoEffect makes the engine record CommandHadNoEffect when a command
	// changes nothing, so that whoever waits for its outcome learns of it.
	AnswersNoEffect bool
	// SnapshotEvery is the number of events between snapshots; 0 means 64.
	SnapshotEvery int
	// SnapshotSchema is raised whenever S changes shape; older snapshots are
	// then discarded and rebuilt from the events.
	SnapshotSchema int
}

// Input is one message that a process handles.
type Input struct {
	// ID is the message's id, Now the time it was first handled (UTC), and
	// CorrelationID the conversation it belongs to.
	ID            string
	Now           time.Time
	CorrelationID string
	// Writes is as in Env.
	Writes  Version
	Message any
}

// Process describes one kind of process manager with state S. Its state is stored
// with each commit and never made again from the messages, so that the code and
// the configuration of tomorrow go on from what those of yesterday did. So S must
// survive encoding/json unchanged, hold every duration and time that later steps
// depend on, and be read in every form that a released version stored. Beside it
// the stream lists the ids and types of what was handled and sent.
type Process[S any] struct {
	Name string
	New  func() S
	// Route names the instance a message is for; ok is false for messages the
	// process has no use for, which are acknowledged and not recorded.
	Route func(in Input) (id string, ok bool)
	// Step handles one message. It may change and return the state it is given.
	Step func(state S, in Input, out *Outbox) S
}

// WakeUp is the message a process gets when a time it asked for has come, or
// whenever somebody believes that it is overdue. It may come early, twice or
// never; Input.Now, compared with the state, is what counts.
type WakeUp struct {
	// ID names the instance to wake.
	ID string `json:"id"`
}

// Outbox takes what a step or a reaction wants done. All of it is recorded in
// the same commit as the events and carried out afterwards, at least once.
type Outbox struct {
	stream  string
	version uint64
	cmds    []Sent
	wake    *Wake
}

// Sent is one command of an Outbox.
type Sent struct {
	ID      string
	Command any
}

// Wake is a change of the instance's one wake-up time: At, or none if At is
// zero.
type Wake struct {
	At time.Time `json:"at,omitzero"`
}

// NewOutbox makes the Outbox of one version of one stream. The name includes
// the tenant ("main/order/6f2c…").
func NewOutbox(stream string, version uint64) *Outbox {
	return &Outbox{stream: stream, version: version}
}

// Send puts a command into the outbox and returns its id, which is derived
// from stream, version and index: handling the same message again sends the
// same command.
func (o *Outbox) Send(command any) (id string) {
	id = DerivedID(o.stream, fmt.Sprintf("%d/command/%d", o.version, len(o.cmds)))
	o.cmds = append(o.cmds, Sent{ID: id, Command: command})
	return id
}

// WakeAt asks for a WakeUp at t, in place of any asked for before.
func (o *Outbox) WakeAt(t time.Time) { o.wake = &Wake{At: t.UTC()} }

// CancelWake takes back the WakeUp asked for.
func (o *Outbox) CancelWake() { o.wake = &Wake{} }

// Commands are the commands in the order they were sent.
func (o *Outbox) Commands() []Sent { return o.cmds }

// Wake is the change of the wake-up time, nil if there is none.
func (o *Outbox) Wake() *Wake { return o.wake }

var idSpace = uuid.MustParse("8f3f6d5e-62f1-5b0e-9a43-5a1d1c6b7e20")

// DerivedID gives the same id for the same words, always and everywhere.
func DerivedID(stream, what string) string {
	return uuid.NewSHA1(idSpace, []byte(stream+"\x00"+what)).String()
}
