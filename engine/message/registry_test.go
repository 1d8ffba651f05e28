package message_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/plenary/plenary/engine/message"
)

type person struct {
	Name  string `json:"name" personal:"true" validate:"required"`
	Email string `json:"email" personal:"true"`
}

type Person = person

type invited struct {
	Seat  int `json:"seat" validate:"min=1"`
	Guest struct {
		Person
		Kind string `json:"kind"`
	} `json:"guest"`
	Others []person `json:"others" validate:"dive"`
}

func TestPersonalFieldsAreFoundWhereJSONHasThem(t *testing.T) {
	r := message.NewRegistry()
	message.Register[invited](r, "Invited.v1", message.Event, "events", nil)
	got, _ := r.Lookup("Invited.v1")
	want := []string{"guest.name", "guest.email", "others.name", "others.email"}
	if !slices.Equal(got.Personal, want) {
		t.Errorf("personal %v, want %v", got.Personal, want)
	}
}

func TestAnInvalidBodyNamesTheFieldAndTheRule(t *testing.T) {
	r := message.NewRegistry()
	message.Register[invited](r, "Invited.v1", message.Event, "events", nil)
	var inv *message.Invalid
	if err := r.Validate(invited{Others: []person{{}}}); !errors.As(err, &inv) {
		t.Fatal(err)
	}
	var got []string
	for _, f := range inv.Fields {
		got = append(got, f.Field+" "+f.Rule)
	}
	if !slices.Contains(got, "seat min=1") || !slices.Contains(got, "others[0].name required") {
		t.Errorf("fields %v", got)
	}
	if _, err := r.Decode(message.Meta{Type: "Invited.v1"}, []byte(`{"seat":"first"}`)); !errors.As(err, &inv) || inv.Fields[0].Field != "seat" {
		t.Errorf("decode: %v", err)
	}
	if _, err := r.Decode(message.Meta{Type: "Invited.v2"}, nil); !errors.Is(err, message.ErrUnknownType) {
		t.Errorf("unknown: %v", err)
	}
}

type invitedV0 struct {
	Place int `json:"place"`
}

func TestOlderTypesAreUpcastOnEveryRead(t *testing.T) {
	r := message.NewRegistry()
	message.Register[invited](r, "Invited.v2", message.Event, "events", nil)
	r.Upcast("Invited.v0", func(data json.RawMessage) (string, json.RawMessage, error) {
		return "Invited.v1", data, nil
	})
	r.Upcast("Invited.v1", func(data json.RawMessage) (string, json.RawMessage, error) {
		var old invitedV0
		if err := json.Unmarshal(data, &old); err != nil {
			return "", nil, err
		}
		out, err := json.Marshal(map[string]int{"seat": old.Place})
		return "Invited.v2", out, err
	})
	body, err := r.Decode(message.Meta{Type: "Invited.v0"}, []byte(`{"place":4}`))
	if err != nil || body.(invited).Seat != 4 {
		t.Errorf("%+v, %v", body, err)
	}
	if _, err := r.Decode(message.Meta{Type: "Invited.v1"}, []byte(`{"place":"x"}`)); err == nil || !strings.Contains(err.Error(), "upcast") {
		t.Errorf("%v", err)
	}
}

// reverse stands for encryption.
type reverse struct{ paths []string }

func (p *reverse) Protect(_ message.Meta, paths []string, data []byte) ([]byte, error) {
	p.paths = paths
	data = slices.Clone(data)
	slices.Reverse(data)
	return json.Marshal(string(data))
}

func (p *reverse) Reveal(_ message.Meta, _ []string, data []byte) ([]byte, error) {
	var s string
	err := json.Unmarshal(data, &s)
	out := []byte(s)
	slices.Reverse(out)
	return out, err
}

func TestPersonalFieldsPassThroughTheProtector(t *testing.T) {
	r := message.NewRegistry()
	message.Register[person](r, "Person.v1", message.Event, "events", nil)
	p := &reverse{}
	r.Protect(p)
	name, data, err := r.Encode(message.Meta{}, person{Name: "Ann"})
	if err != nil || strings.Contains(string(data), "Ann") || !slices.Equal(p.paths, []string{"name", "email"}) {
		t.Fatalf("%s, %v, %v", data, p.paths, err)
	}
	body, err := r.Decode(message.Meta{Type: name}, data)
	if err != nil || body != (person{Name: "Ann"}) {
		t.Errorf("%+v, %v", body, err)
	}
}

func TestADeadLetterFitsThroughTheBroker(t *testing.T) {
	small := message.DeadLetter{Message: []byte("x")}.Fitting()
	large := message.DeadLetter{Message: make([]byte, 1<<20)}.Fitting()
	data, err := json.Marshal(large)
	if err != nil || len(data) > 900<<10 || !large.Truncated || small.Truncated || len(small.Message) != 1 {
		t.Errorf("%d bytes, truncated %v and %v, %v", len(data), small.Truncated, large.Truncated, err)
	}
}

func TestARuleOfTheDomainNamesThePartThatIsBroken(t *testing.T) {
	type pair struct {
		First  string `json:"first" validate:"word"`
		Second string `json:"second" validate:"word"`
	}
	type paired struct {
		Pair pair `json:"pair"`
	}
	r := message.NewRegistry()
	r.Rule("word", func(text string) string {
		if strings.Contains(text, " ") {
			return "blank"
		}
		return ""
	})
	message.Together(r, func(p pair) (field, part string) {
		if p.First == p.Second {
			return "second", "same"
		}
		return "", ""
	})
	message.Register[paired](r, "Paired.v1", message.Event, "events", nil)
	for body, want := range map[paired]string{
		{pair{"one", "two"}}:   "",
		{pair{"one two", ""}}:  "pair.first blank",
		{pair{"one", "one"}}:   "pair.second same",
		{pair{"", "one two "}}: "pair.second blank",
	} {
		err := r.Validate(body)
		var inv *message.Invalid
		switch {
		case want == "" && err != nil:
			t.Errorf("%+v: %v", body, err)
		case want != "" && (!errors.As(err, &inv) || len(inv.Fields) != 1 || inv.Fields[0].Field+" "+inv.Fields[0].Rule != want):
			t.Errorf("%+v: %v, want %s", body, err, want)
		}
	}
}
