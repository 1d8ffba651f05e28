package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

// inRoot has a test run in the root of the repository, as the command does.
func inRoot(t *testing.T) {
	t.Helper()
	t.Chdir(filepath.Join("..", ".."))
}

func TestTheCommittedFilesAreThoseOfTheTypes(t *testing.T) {
	inRoot(t)
	registry := contracts.Registry()
	committed, err := read()
	if err != nil {
		t.Fatal(err)
	}
	generated, err := generate(registry.Types())
	if err != nil {
		t.Fatal(err)
	}
	broken, err := incompatibilities(registry, committed, generated)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range broken {
		t.Errorf("what was published can be read no more: %s", b)
	}
	for file, content := range generated {
		if !bytes.Equal(committed[file], content) {
			t.Errorf("%s is not what the types say; go run ./tools/schemas writes it", file)
		}
	}
}

func TestEveryFixtureIsValidBySchema(t *testing.T) {
	inRoot(t)
	compiler := validator.NewCompiler()
	compiler.AssertFormat()
	for _, typ := range contracts.Registry().Types() {
		schema, err := compiler.Compile(schemaFile(typ.Name))
		if err != nil {
			t.Fatalf("%s is no schema: %v", typ.Name, err)
		}
		name, version, _ := strings.Cut(typ.Name, ".")
		data, err := os.ReadFile(filepath.Join("contracts", "testdata", version, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		fixture, err := validator.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(fixture); err != nil {
			t.Errorf("%s: the fixture is not valid: %v", typ.Name, err)
		}
	}
}

// The schema and the reader are to be of one mind about what is missing.
func TestWhatTheSchemaRequiresTheReaderRequires(t *testing.T) {
	inRoot(t)
	registry := contracts.Registry()
	compiler := validator.NewCompiler()
	for _, typ := range registry.Types() {
		schema, err := compiler.Compile(schemaFile(typ.Name))
		if err != nil {
			t.Fatal(err)
		}
		name, version, _ := strings.Cut(typ.Name, ".")
		data, err := os.ReadFile(filepath.Join("contracts", "testdata", version, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var fixture map[string]any
		if err := json.Unmarshal(data, &fixture); err != nil {
			t.Fatal(err)
		}
		for field, value := range fixture {
			if field == "paymentId" || field == "amount" && typ.Name == "ConfirmOrder.v1" {
				continue // required with one another, which the schema does not say
			}
			delete(fixture, field)
			without, err := json.Marshal(fixture)
			if err != nil {
				t.Fatal(err)
			}
			body, err := registry.Decode(message.Meta{Type: typ.Name}, without)
			if err != nil {
				t.Fatal(err)
			}
			bySchema, byReader := schema.Validate(any(fixture)), registry.Validate(body)
			if (bySchema == nil) != (byReader == nil) {
				t.Errorf("%s without %s: the schema says %v, the reader %v", typ.Name, field, bySchema, byReader)
			}
			fixture[field] = value
		}
	}
}

func TestPersonalFieldsAreMarked(t *testing.T) {
	inRoot(t)
	types := contracts.Registry().Types()
	schemas, err := schemasOf(types)
	if err != nil {
		t.Fatal(err)
	}
	for typ, want := range map[string][]string{
		"AssignRegistrantDetails.v1": {"registrant.email", "registrant.firstName", "registrant.lastName"},
		"AssignSeat.v1":              {"attendee.email", "attendee.firstName", "attendee.lastName"},
		"OrderPlaced.v1":             {"locator"},
		"OrderConfirmed.v1":          nil,
	} {
		var s schema
		data, err := json.Marshal(schemas[typ])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
		if got := personal("", s); !slices.Equal(got, want) {
			t.Errorf("%s: %v are personal, want %v", typ, got, want)
		}
	}
}

func personal(path string, s schema) (paths []string) {
	if s.Personal {
		paths = append(paths, strings.TrimPrefix(path, "."))
	}
	for name, p := range s.Properties {
		paths = append(paths, personal(path+"."+name, p)...)
	}
	slices.Sort(paths)
	return paths
}

func TestAsyncAPISaysWhereEveryMessageTravels(t *testing.T) {
	inRoot(t)
	content, err := os.ReadFile(asyncAPIFile)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(content, &doc); err != nil {
		t.Fatal(err)
	}
	for _, typ := range contracts.Registry().Types() {
		_, described := at(doc, "channels", typ.Topic, "messages", typ.Name).(map[string]any)
		if described != (typ.Topic != "") {
			t.Errorf("%s travels on %q: described there: %t", typ.Name, typ.Topic, described)
		}
	}
	refs(doc, func(ref string) {
		if file, ok := strings.CutPrefix(ref, "./"); ok {
			if _, err := os.Stat(filepath.Join(filepath.Dir(asyncAPIFile), file)); err != nil {
				t.Errorf("%s leads nowhere: %v", ref, err)
			}
			return
		}
		if at(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...) == nil {
			t.Errorf("%s leads nowhere", ref)
		}
	})
}

func at(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func refs(v any, visit func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if ref, ok := inner.(string); ok && name == "$ref" {
				visit(ref)
				continue
			}
			refs(inner, visit)
		}
	case []any:
		for _, inner := range v {
			refs(inner, visit)
		}
	}
}

// A contract, and what might become of it.
type (
	item struct {
		Name string `json:"name" validate:"required"`
	}
	before struct {
		ID    uuid.UUID `json:"id" validate:"required"`
		Note  string    `json:"note" validate:"max=100"`
		Email string    `json:"email" personal:"true"`
		Kind  string    `json:"kind" validate:"oneof=a b"`
		Count int       `json:"count"`
		Items []item    `json:"items" validate:"dive"`
	}
	unchanged before
	wider     struct {
		ID    uuid.UUID `json:"id"`
		Note  string    `json:"note" validate:"max=200"`
		Email string    `json:"email" personal:"true"`
		Kind  string    `json:"kind" validate:"oneof=a b c"`
		Count int       `json:"count"`
		Items []item    `json:"items" validate:"dive"`
		More  string    `json:"more"`
	}
	withoutAField struct {
		ID    uuid.UUID `json:"id" validate:"required"`
		Email string    `json:"email" personal:"true"`
		Kind  string    `json:"kind" validate:"oneof=a b"`
		Count int       `json:"count"`
		Items []item    `json:"items" validate:"dive"`
	}
	otherTypes struct {
		ID    string   `json:"id" validate:"required"`
		Note  string   `json:"note" validate:"max=100"`
		Email string   `json:"email" personal:"true"`
		Kind  string   `json:"kind" validate:"oneof=a b"`
		Count string   `json:"count"`
		Items []string `json:"items"`
	}
	stricter struct {
		ID    uuid.UUID `json:"id" validate:"required"`
		Note  string    `json:"note" validate:"required,max=50"`
		Email string    `json:"email"`
		Kind  string    `json:"kind" validate:"oneof=b"`
		Count int       `json:"count" validate:"min=1"`
		Items []item2   `json:"items" validate:"required,dive"`
		More  string    `json:"more" validate:"required"`
	}
	item2 struct {
		Name  string `json:"name" validate:"required"`
		Price int    `json:"price" validate:"required"`
	}
)

func TestIncompatibilities(t *testing.T) {
	inRoot(t)
	for name, c := range map[string]struct {
		now  func(*message.Registry)
		want []string
	}{
		"nothing changed": {register[unchanged], nil},
		"a field added and rules relaxed": {
			register[wider], nil,
		},
		"a field removed": {register[withoutAField], []string{"It.v1.note: was removed"}},
		"types changed": {register[otherTypes], []string{
			"It.v1.count: type was integer and is string",
			"It.v1.id: minLength is narrower: it was not bounded and is 1",
			"It.v1.items[].name: was removed",
			"It.v1.items[]: type was object and is string",
		}},
		"rules added": {register[stricter], []string{
			"It.v1.count: is newly required",
			"It.v1.count: minimum is narrower: it was not bounded and is 1",
			"It.v1.email: whether it is personal was true and is false: what is stored would be revealed or protected wrongly",
			"It.v1.items: is newly required",
			"It.v1.items: type was [array null] and is array",
			"It.v1.items[].price: is newly required",
			"It.v1.kind: a is no value any more",
			"It.v1.more: is newly required",
			"It.v1.note: is newly required",
			"It.v1.note: maxLength is narrower: it was 100 and is 50",
			"It.v1.note: minLength is narrower: it was not bounded and is 1",
		}},
		"the type removed": {func(*message.Registry) {}, []string{"It.v1: was removed"}},
		"the type replaced, with an upcaster": {func(r *message.Registry) {
			message.Register[wider](r, "It.v2", message.Event, contracts.TopicEvents, nil)
			r.Upcast("It.v1", func(data json.RawMessage) (string, json.RawMessage, error) { return "It.v2", data, nil })
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			old, now := message.NewRegistry(), message.NewRegistry()
			register[before](old)
			c.now(now)
			published, err := generate(old.Types())
			if err != nil {
				t.Fatal(err)
			}
			generated, err := generate(now.Types())
			if err != nil {
				t.Fatal(err)
			}
			got, err := incompatibilities(now, published, generated)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

func register[T any](r *message.Registry) {
	message.Register[T](r, "It.v1", message.Event, contracts.TopicEvents, nil)
}

// topology.yaml says who sends what: every message that travels, and no other.
func TestEveryMessageHasASender(t *testing.T) {
	there := topology.Plenary()
	sent := map[string]bool{}
	for _, a := range there.Apps {
		for topic, messages := range a.Sends {
			for _, name := range messages {
				sent[topic+" "+name] = true
			}
		}
	}
	for _, typ := range contracts.Registry().Types() {
		name, _, _ := strings.Cut(typ.Name, ".")
		if typ.Topic == "" || typ.Topic == message.TopicDeadLetters {
			continue // it does not travel by itself, or any reader may send it
		}
		if len(there.Senders(typ.Topic, name)) == 0 {
			t.Errorf("no app sends %s on %s", typ.Name, typ.Topic)
		}
		delete(sent, typ.Topic+" "+name)
	}
	for message := range sent {
		t.Errorf("there is no message %s", message)
	}
}
