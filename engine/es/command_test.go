package es_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/plenary/plenary/engine/es"
)

type (
	greet struct{ Whom, Word string }
	leave struct{ Whom string }
)

func greeter() es.Aggregate[[]string] {
	return es.Aggregate[[]string]{
		Name: "greeter",
		Commands: []es.Command[[]string]{
			es.On(func(c greet) string { return c.Whom }, func(_ es.Env, said []string, c greet) ([]any, error) {
				return []any{append(said, c.Word)}, nil
			}, es.Claims(func(c greet) []string { return []string{"word/" + c.Word} }),
				es.Reads(func(said []string, c greet) []es.Ref { return []es.Ref{{Aggregate: said[0], ID: c.Whom}} })),
		},
	}
}

func TestOneEntrySaysAllOfACommand(t *testing.T) {
	a, c := greeter(), greet{"ann", "hi"}
	if id, ok := a.Route(c); id != "ann" || !ok {
		t.Errorf("it is for %q, %v", id, ok)
	}
	if events, err := a.Decide(es.Env{}, []string{"before"}, c); err != nil || len(events) != 1 || !slices.Equal(events[0].([]string), []string{"before", "hi"}) {
		t.Errorf("decided %v, %v", events, err)
	}
	if keys := a.Claims(c); !slices.Equal(keys, []string{"word/hi"}) {
		t.Errorf("claims %v", keys)
	}
	if refs := a.Reads([]string{"book"}, c); !slices.Equal(refs, []es.Ref{{Aggregate: "book", ID: "ann"}}) {
		t.Errorf("reads %v", refs)
	}
}

// It means the same in every aggregate, whatever its guard says: nothing is decided.
func TestACommandWithoutAnEntryIsAFault(t *testing.T) {
	a := greeter()
	a.Guard = func(es.Env, []string, any) error { return es.Refuse("never", "") }
	_, err := a.Decide(es.Env{}, nil, leave{"ann"})
	if _, refused := es.AsRefusal(err); refused || !errors.Is(err, es.ErrUnknownCommand) {
		t.Errorf("got %v", err)
	}
	if id, ok := a.Route(leave{"ann"}); ok {
		t.Errorf("it is for %q", id)
	}
	if len(a.Claims(leave{}))+len(a.Reads(nil, leave{})) > 0 {
		t.Error("it claims or reads something")
	}
}

func TestAGuardIsAskedBeforeEachCommand(t *testing.T) {
	a := greeter()
	a.Guard = func(_ es.Env, said []string, command any) error {
		if slices.Contains(said, command.(greet).Word) {
			return es.Refuse("said-already", "")
		}
		return nil
	}
	if _, err := a.Decide(es.Env{}, []string{"hi"}, greet{"ann", "hi"}); err == nil {
		t.Error("it was decided")
	}
	if _, err := a.Decide(es.Env{}, []string{"hi"}, greet{"ann", "hello"}); err != nil {
		t.Error(err)
	}
}
