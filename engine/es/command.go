package es

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/google/uuid"
)

// Command is one entry of Aggregate.Commands: a type of command, and all that the
// aggregate has to say of it. On makes one.
type Command[S any] struct {
	// Type is the command's.
	Type reflect.Type
	// ID names the instance that a command is for.
	ID func(command any) string
	// Decide applies the business rules.
	Decide func(env Env, state S, command any) ([]any, error)
	// Reads and Claims are nil for a command without such.
	Reads  func(state S, command any) []Ref
	Claims func(command any) []string
}

// On says of one command which instance it is for, and what decides it.
//
// decide applies the business rules: the events that follow from the command, none
// when there is nothing to do, or a Refusal. It must not change the state. Any other
// error, or a panic, is a fault of the code and parks the command.
func On[S, C any, ID ~string | uuid.UUID](id func(C) ID, decide func(env Env, state S, command C) ([]any, error), options ...Option[C]) Command[S] {
	c := Command[S]{
		Type:   reflect.TypeFor[C](),
		ID:     func(command any) string { return fmt.Sprint(id(command.(C))) },
		Decide: func(env Env, state S, command any) ([]any, error) { return decide(env, state, command.(C)) },
	}
	for _, o := range options {
		if o.reads != nil {
			c.Reads = func(state S, command any) []Ref { return o.reads(state, command.(C)) }
		}
		if o.claims != nil {
			c.Claims = func(command any) []string { return o.claims(command.(C)) }
		}
	}
	return c
}

// Option is what else an aggregate says of a command.
type Option[C any] struct {
	reads  func(state any, command C) []Ref
	claims func(command C) []string
}

// Reads names other streams of the same app whose state the decision needs; Env.Others
// has them. It gets the state as the batch found it, which is that of New when the
// stream's first command is in the same batch. Which kinds of stream a command reads must
// not depend on the state.
func Reads[S, C any](reads func(state S, command C) []Ref) Option[C] {
	return Option[C]{reads: func(state any, command C) []Ref { return reads(state.(S), command) }}
}

// Claims names keys that must belong to one stream alone (a slug). The engine claims
// each for the command's stream before it is decided, and Env.Claims says who owns it.
func Claims[C any](claims func(command C) []string) Option[C] { return Option[C]{claims: claims} }

// ErrUnknownCommand: the aggregate has no entry for a command of this type.
var ErrUnknownCommand = errors.New("no entry for this command")

func (a Aggregate[S]) on(command any) (Command[S], bool) {
	t := reflect.TypeOf(command)
	for _, c := range a.Commands {
		if c.Type == t {
			return c, true
		}
	}
	return Command[S]{}, false
}

// Route names the instance that a command is for; ok is false for a command that this
// aggregate does not handle.
func (a Aggregate[S]) Route(command any) (id string, ok bool) {
	c, ok := a.on(command)
	if !ok {
		return "", false
	}
	return c.ID(command), true
}

// Decide decides a command. A command that the aggregate does not handle is
// ErrUnknownCommand.
func (a Aggregate[S]) Decide(env Env, state S, command any) ([]any, error) {
	c, ok := a.on(command)
	if !ok {
		return nil, fmt.Errorf("%s: %w: %T", a.Name, ErrUnknownCommand, command)
	}
	if a.Guard != nil {
		if err := a.Guard(env, state, command); err != nil {
			return nil, err
		}
	}
	return c.Decide(env, state, command)
}

// By makes a decision of a function of the configuration: it decides by the configuration
// of the moment.
func By[C, S, M any](current func() C, decide func(C, Env, S, M) ([]any, error)) func(Env, S, M) ([]any, error) {
	return func(env Env, state S, command M) ([]any, error) { return decide(current(), env, state, command) }
}

// Known says of a command whether it need not be sent again: it was handled, as far as
// the stream keeps ids; or the stream keeps only some and the command would do nothing
// now, as one does that was handled long ago. (By the rules for such streams it does
// nothing later either, as with a number that is not above the last one.) What would be
// refused is not known: its answer may never have been given.
func (a Aggregate[S]) Known(env Env, state S, command any, handled bool) bool {
	if handled || a.Handled == 0 {
		return handled
	}
	events, err := a.Decide(env, state, command)
	return err == nil && len(events) == 0
}

// Reads names the streams that the decision on a command reads.
func (a Aggregate[S]) Reads(state S, command any) []Ref {
	if c, ok := a.on(command); ok && c.Reads != nil {
		return c.Reads(state, command)
	}
	return nil
}

// Claims names the keys that a command claims.
func (a Aggregate[S]) Claims(command any) []string {
	if c, ok := a.on(command); ok && c.Claims != nil {
		return c.Claims(command)
	}
	return nil
}
