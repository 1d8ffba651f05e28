package contracts_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

var write = flag.Bool("write", false, "write a fixture for every message type that has none")

// testdata/v1/OrderPlaced.json is a message of type OrderPlaced.v1 as it was
// written once. These files are never changed: whatever is stored or on its way
// looks like them, and every later version must read it, by an upcaster where
// the type has changed.
const fixtures = "testdata"

func fixtureOf(typeName string) string {
	name, version, _ := strings.Cut(typeName, ".")
	return filepath.Join(fixtures, version, name+".json")
}

func TestEveryMessageTypeHasAFixture(t *testing.T) {
	for _, typ := range contracts.Registry().Types() {
		file := fixtureOf(typ.Name)
		_, err := os.Stat(file)
		if err == nil {
			continue
		}
		if !*write {
			t.Errorf("%s has no fixture; go test -run Fixture -write makes it", typ.Name)
			continue
		}
		data, err := json.MarshalIndent(sample(typ.GoType()).Interface(), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryFixtureIsRead(t *testing.T) {
	r := contracts.Registry()
	for typeName, data := range readFixtures(t) {
		t.Run(typeName, func(t *testing.T) {
			body, err := r.Decode(message.Meta{Type: typeName}, data)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Validate(body); err != nil {
				t.Error(err)
			}
			now, encoded, err := r.Encode(message.Meta{}, body)
			if err != nil {
				t.Fatal(err)
			}
			if now != typeName {
				return // it was upcast; what it has become is said by the newer type's fixture
			}
			for _, lost := range missing("", decode(t, data), decode(t, encoded)) {
				t.Errorf("%s is lost: it was removed, renamed or changed", lost)
			}
		})
	}
}

func TestEveryMessageSurvivesEncoding(t *testing.T) {
	r := contracts.Registry()
	for _, typ := range r.Types() {
		want := sample(typ.GoType()).Interface()
		if err := r.Validate(want); err != nil {
			t.Errorf("%s: the sample is not valid: %v", typ.Name, err)
		}
		name, data, err := r.Encode(message.Meta{}, want)
		if err != nil || name != typ.Name {
			t.Errorf("%s: encoded as %q, %v", typ.Name, name, err)
			continue
		}
		got, err := r.Decode(message.Meta{Type: name}, data)
		if err != nil {
			t.Errorf("%s: %v", typ.Name, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", typ.Name, got, want)
		}
	}
}

func TestEveryMessageOfOursHasAPartitionKey(t *testing.T) {
	for _, typ := range contracts.Registry().Types() {
		if typ.GoType().PkgPath() != reflect.TypeFor[contracts.Money]().PkgPath() {
			continue // the engine's: they have the key of what they are about
		}
		key := typ.Key(sample(typ.GoType()).Interface())
		if id, err := uuid.Parse(key); err != nil || id == uuid.Nil {
			t.Errorf("%s has the partition key %q", typ.Name, key)
		}
	}
}

// Which app receives which topic stands in topology.yaml, which tools/schemas compares.
func TestCommandsHaveTopicsOfTheirReceiversAndEventsTheirOwn(t *testing.T) {
	for _, typ := range contracts.Registry().Types() {
		if typ.GoType().PkgPath() != reflect.TypeFor[contracts.Money]().PkgPath() {
			continue
		}
		isEvent := typ.Topic == contracts.TopicEvents
		if typ.Topic == "" || typ.Topic == message.TopicDeadLetters || isEvent != (typ.Kind == message.Event) {
			t.Errorf("%s is a %s and travels on %q", typ.Name, typ.Kind, typ.Topic)
		}
	}
}

func readFixtures(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(fixtures, "v*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		out[name+"."+filepath.Base(filepath.Dir(file))] = data
	}
	if len(out) == 0 {
		t.Fatal("there are no fixtures")
	}
	return out
}

func decode(t *testing.T, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// missing lists what of a JSON value is not in another.
func missing(path string, want, got any) (lost []string) {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for name, v := range w {
			lost = append(lost, missing(path+"."+name, v, g[name])...)
		}
		return lost
	case []any:
		g, _ := got.([]any)
		if len(g) == len(w) {
			for i, v := range w {
				lost = append(lost, missing(path+"[]", v, g[i])...)
			}
			return lost
		}
	default:
		if want == got {
			return nil
		}
	}
	return []string{strings.TrimPrefix(path, ".")}
}

// sample is a value of a type in which every field says something, always the
// same.
func sample(t reflect.Type) reflect.Value { return sampleOf(t, t.Name()) }

func sampleOf(t reflect.Type, name string) reflect.Value {
	v := reflect.New(t).Elem()
	switch t {
	case reflect.TypeFor[uuid.UUID]():
		v.Set(reflect.ValueOf(uuid.NewSHA1(uuid.NameSpaceOID, []byte(name))))
		return v
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2027, time.March, 1, 12, 0, len(name), 500_000_000, time.UTC)))
		return v
	case reflect.TypeFor[contracts.AttendeeType]():
		v.SetString(string(contracts.TrackChair))
		return v
	case reflect.TypeFor[contracts.LineState]():
		v.SetString(string(contracts.LinePartial))
		return v
	case reflect.TypeFor[contracts.QuotaUnit]():
		v.SetString(string(contracts.BySeat))
		return v
	case reflect.TypeFor[message.Kind]():
		v.SetString(string(message.Command))
		return v
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			jsonName, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			v.Field(i).Set(sampleOf(t.Field(i).Type, jsonName))
		}
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(sampleOf(t.Elem(), name))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
		v.Index(0).Set(sampleOf(t.Elem(), name))
	case reflect.String:
		v.SetString(words(name))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(len(name)))
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(len(name)))
	default:
		panic("no sample of " + t.String() + " for " + name)
	}
	return v
}

// words are a text that may stand in a field of this name.
func words(name string) string {
	switch name {
	case "currency":
		return "USD"
	case "email":
		return "ada@example.com"
	case "firstName":
		return "Ada"
	case "lastName":
		return "Lovelace"
	case "slug":
		return "gophercon-2027"
	case "code":
		return "order-expired"
	case "hash":
		return strings.Repeat("0f", 32)
	case "locator":
		return "K7RX2MQA"
	}
	return "the " + name
}
