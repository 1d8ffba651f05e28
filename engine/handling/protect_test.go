package handling_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
)

type (
	setName struct{ Account, Name string }
	named   struct {
		Account string
		Name    string `personal:"true"`
	}
)

// perStream stands for a protector with a key per stream, which is thrown away
// when the person asks to be forgotten.
type perStream struct{}

type sealed struct {
	Stream  string
	Content []byte
}

func (perStream) Protect(m message.Meta, _ []string, data []byte) ([]byte, error) {
	return json.Marshal(sealed{m.Stream, data})
}

func (perStream) Reveal(m message.Meta, _ []string, data []byte) ([]byte, error) {
	var s sealed
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, err
	}
	if s.Stream == "" || s.Stream != m.Stream {
		return nil, errors.New("sealed for " + s.Stream + ", not for " + m.Stream)
	}
	return s.Content, nil
}

func TestStoredEventsAreRevealedWithTheKeyOfTheirStream(t *testing.T) {
	w := newWorld(t, func(e *handling.Engine) {
		handling.Aggregate(e, es.Aggregate[string]{
			Name: "account", New: func() string { return "" },
			Commands: []es.Command[string]{
				es.On(func(n setName) string { return n.Account }, func(_ es.Env, s string, n setName) ([]any, error) {
					return []any{named{n.Account, s + n.Name}}, nil
				}),
			},
			Evolve: func(_ string, e any) string { return e.(named).Name },
		})
	})
	message.Register(w.reg, "SetName.v1", message.Command, "accounts", func(m setName) string { return m.Account })
	message.Register(w.reg, "Named.v1", message.Event, "events", func(m named) string { return m.Account })
	w.reg.Protect(perStream{})
	for range 3 {
		w.handle(w.engine(), delivery(w.reg, "", setName{"a", "A"}))
	}
	got := w.taken()
	if last := got[len(got)-1]; last.Body != (named{"a", "AAA"}) {
		t.Errorf("published %+v", last)
	}
}
