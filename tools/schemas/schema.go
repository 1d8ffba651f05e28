package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/invopop/jsonschema"

	"github.com/plenary/plenary/engine/message"
)

// Where the files are, from the root of the repository.
const (
	schemaFiles  = "contracts/schemas"
	asyncAPIFile = "contracts/asyncapi.yaml"
)

func schemaFile(typeName string) string { return filepath.Join(schemaFiles, typeName+".json") }

// generate gives the content of every file.
func generate(types []message.Type) (map[string][]byte, error) {
	schemas, err := schemasOf(types)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, t := range types {
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(schemas[t.Name]); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		files[schemaFile(t.Name)] = out.Bytes()
	}
	files[asyncAPIFile], err = asyncAPI(types, schemas)
	return files, err
}

// schemasOf gives the schema of each message type. Descriptions are the sources'
// doc comments.
func schemasOf(types []message.Type) (map[string]*jsonschema.Schema, error) {
	r := &jsonschema.Reflector{
		Anonymous:                  true,
		DoNotReference:             true,
		AllowAdditionalProperties:  true, // a reader ignores what it does not know
		RequiredFromJSONSchemaTags: true, // there are none: see describe
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if t == reflect.TypeFor[uuid.UUID]() {
				return &jsonschema.Schema{Type: "string", Format: "uuid"}
			}
			return nil
		},
	}
	for _, dir := range []string{"contracts", "engine/es", "engine/message"} {
		if err := r.AddGoComments("github.com/plenary/plenary", dir, jsonschema.WithFullComment()); err != nil {
			return nil, fmt.Errorf("read the doc comments (in the root of the repository): %w", err)
		}
	}
	for of, comment := range r.CommentMap {
		r.CommentMap[of] = strings.Join(strings.Fields(comment), " ")
	}
	out := map[string]*jsonschema.Schema{}
	for _, t := range types {
		s := r.ReflectFromType(t.GoType())
		s.Title = t.Name
		if err := describe(s, t.GoType()); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		out[t.Name] = s
	}
	return out, nil
}

// describe adds to a struct's schema what its tags say: which fields a reader
// insists on, their bounds, and which are personal.
func describe(s *jsonschema.Schema, t reflect.Type) error {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			if err := describe(s, f.Type); err != nil {
				return err
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		property, ok := s.Properties.Get(name)
		if !ok {
			return fmt.Errorf("%s.%s has no property %q", t, f.Name, name)
		}
		if doc := f.Tag.Get("doc"); doc != "" {
			property.Description = doc
		}
		if f.Tag.Get("personal") == "true" {
			property.Extras = map[string]any{"x-personal": true}
		}
		own := rulesOf(f)
		for _, rule := range own {
			if err := bound(property, rule); err != nil {
				return fmt.Errorf("%s.%s: %w", t, f.Name, err)
			}
		}
		if required(f.Type, own) {
			s.Required = append(s.Required, name)
		} else if property.Type == "array" {
			// A list of none may be written as null.
			property.Type, property.Extras = "", map[string]any{"type": []string{"array", "null"}}
		}
		inner, within := f.Type, property
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice && within.Items != nil {
			if inner.Kind() == reflect.Slice {
				within = within.Items
			}
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && within.Properties != nil {
			if err := describe(within, inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// rulesOf are the rules of a field itself; those after "dive" are of what is in
// it.
func rulesOf(f reflect.StructField) []string {
	rules := strings.Split(f.Tag.Get("validate"), ",")
	if i := slices.Index(rules, "dive"); i >= 0 {
		return rules[:i]
	}
	return rules
}

// required says whether a reader refuses a message in which the field is absent:
// the zero value that stands for it breaks a rule, its own or that of a field
// within.
func required(t reflect.Type, rules []string) bool {
	for _, rule := range rules {
		name, value, _ := strings.Cut(rule, "=")
		if name == "required" || name == "min" && value != "0" && t.Kind() != reflect.Slice {
			return true
		}
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && required(f.Type, rulesOf(f)) {
			return true
		}
	}
	return false
}

// bound adds one validation rule to a property. A rule that it does not know is
// an error, so that none is left out unnoticed.
func bound(s *jsonschema.Schema, rule string) error {
	name, value, _ := strings.Cut(rule, "=")
	limit := func() *uint64 {
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", rule, err))
		}
		return &n
	}
	switch name {
	case "", "omitempty", "required_with": // required_with is said by no schema; the reader still insists
	case "required":
		if s.Type == "string" && s.Format == "" {
			one := uint64(1)
			s.MinLength = &one
		}
	case "max":
		switch s.Type {
		case "string":
			s.MaxLength = limit()
		case "array":
			s.MaxItems = limit()
		default:
			s.Maximum = json.Number(value)
		}
	case "min":
		switch s.Type {
		case "string":
			s.MinLength = limit()
		case "array":
			s.MinItems = limit()
		default:
			s.Minimum = json.Number(value)
		}
	case "len":
		s.MinLength, s.MaxLength = limit(), limit()
	case "uppercase":
		s.Pattern = "^[^a-z]*$"
	case "email":
		s.Format = "idn-email"
	case "name", "namePart":
		// A schema counts code points, of which a name of 1,000 bytes has no more.
		most := uint64(1000)
		s.MaxLength = &most
	case "line", "reason":
		most := uint64(2000)
		s.MaxLength = &most
	case "lines": // said by no schema; the reader still insists
	case "oneof":
		for _, v := range strings.Fields(value) {
			s.Enum = append(s.Enum, v)
		}
	default:
		return fmt.Errorf("the rule %q has no counterpart in the schema", rule)
	}
	return nil
}
