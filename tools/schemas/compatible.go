package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plenary/plenary/engine/message"
)

// read gives the files that are there.
func read() (map[string][]byte, error) {
	files, err := filepath.Glob(filepath.Join(schemaFiles, "*.json"))
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, file := range append(files, asyncAPIFile) {
		content, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[file] = content
	}
	return out, nil
}

// incompatibilities says what of the schemas that were published does not hold
// any more: each a place and what happened to it.
func incompatibilities(registry *message.Registry, published, now map[string][]byte) (broken []string, err error) {
	for file, content := range published {
		if filepath.Ext(file) != ".json" {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if _, ok := now[file]; !ok {
			// A type that is not written any more is still read, if it has an upcaster.
			_, err := registry.Decode(message.Meta{Type: name}, []byte("{}"))
			if errors.Is(err, message.ErrUnknownType) {
				broken = append(broken, name+": was removed")
			}
			continue
		}
		var before, after schema
		if err := errors.Join(json.Unmarshal(content, &before), json.Unmarshal(now[file], &after)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		broken = append(broken, before.broken(name, after)...)
	}
	slices.Sort(broken)
	return broken, nil
}

// schema is what counts of a JSON Schema when it is compared with another.
type schema struct {
	Type       any               `json:"type"` // one, or a list of them
	Format     string            `json:"format"`
	Encoding   string            `json:"contentEncoding"`
	Pattern    string            `json:"pattern"`
	Personal   bool              `json:"x-personal"`
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
	Required   []string          `json:"required"`
	Enum       []any             `json:"enum"`

	MinLength *float64 `json:"minLength"`
	MaxLength *float64 `json:"maxLength"`
	MinItems  *float64 `json:"minItems"`
	MaxItems  *float64 `json:"maxItems"`
	Minimum   *float64 `json:"minimum"`
	Maximum   *float64 `json:"maximum"`
}

func (s schema) types() []any {
	if list, ok := s.Type.([]any); ok {
		return list
	}
	return []any{s.Type}
}

// broken lists why what was written by s cannot be read by now, or not in the
// same sense.
func (s schema) broken(path string, now schema) (broken []string) {
	say := func(format string, args ...any) {
		broken = append(broken, path+": "+fmt.Sprintf(format, args...))
	}
	if slices.ContainsFunc(s.types(), func(t any) bool { return !slices.Contains(now.types(), t) }) {
		say("type was %v and is %v", s.Type, now.Type)
	}
	for _, c := range []struct{ what, before, after string }{
		{"format", s.Format, now.Format}, {"encoding", s.Encoding, now.Encoding}, {"pattern", s.Pattern, now.Pattern},
	} {
		// A rule that is dropped lets more through; but the encoding is no such rule.
		if c.before != c.after && (c.after != "" || c.what == "encoding") {
			say("%s was %q and is %q", c.what, c.before, c.after)
		}
	}
	if s.Personal != now.Personal {
		say("whether it is personal was %t and is %t: what is stored would be revealed or protected wrongly", s.Personal, now.Personal)
	}
	for _, c := range []struct {
		what          string
		before, after *float64
		upper         bool
	}{
		{"minLength", s.MinLength, now.MinLength, false}, {"maxLength", s.MaxLength, now.MaxLength, true},
		{"minItems", s.MinItems, now.MinItems, false}, {"maxItems", s.MaxItems, now.MaxItems, true},
		{"minimum", s.Minimum, now.Minimum, false}, {"maximum", s.Maximum, now.Maximum, true},
	} {
		if c.after != nil && (c.before == nil || c.upper && *c.after < *c.before || !c.upper && *c.after > *c.before) {
			say("%s is narrower: %s", c.what, numbers(c.before, c.after))
		}
	}
	if len(now.Enum) > 0 {
		if len(s.Enum) == 0 {
			say("is one of %v only", now.Enum)
		}
		for _, v := range s.Enum {
			if !slices.Contains(now.Enum, v) {
				say("%v is no value any more", v)
			}
		}
	}
	for _, name := range now.Required {
		if !slices.Contains(s.Required, name) {
			broken = append(broken, path+"."+name+": is newly required")
		}
	}
	for name, before := range s.Properties {
		after, ok := now.Properties[name]
		if !ok {
			broken = append(broken, path+"."+name+": was removed")
			continue
		}
		broken = append(broken, before.broken(path+"."+name, after)...)
	}
	if s.Items != nil && now.Items != nil {
		broken = append(broken, s.Items.broken(path+"[]", *now.Items)...)
	}
	return broken
}

func numbers(before, after *float64) string {
	if before == nil {
		return fmt.Sprintf("it was not bounded and is %v", *after)
	}
	return fmt.Sprintf("it was %v and is %v", *before, *after)
}
