package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/plenary/plenary/engine/es"
)

// ErrNotWritten is in the chain of an error about a message of a type that is not
// written yet: not every replica reads it. Repeating helps once that has changed.
var ErrNotWritten = errors.New("not written before all replicas read it")

// Versions says which versions of the program there are: oldest is the first whose
// forms are still the least that is written, own is this one. Until Write is called,
// all that this one knows is written.
func (r *Registry) Versions(oldest, own es.Version) { r.oldest, r.own = oldest, own }

// Own is this version of the program, zero if Versions was not called.
func (r *Registry) Own() es.Version { return r.own }

// Since says that a type exists from a version on. (Of a field, its tag says it:
// `since:"0.4"`.)
func (r *Registry) Since(name string, v es.Version) { r.since[name] = v }

// Write has messages and states written in the forms of a version, so that replicas
// of it read them: without the fields that came later, and none of the types that
// did. The empty version is the oldest.
func (r *Registry) Write(version string) error {
	v := r.oldest
	if version != "" {
		var err error
		if v, err = es.ParseVersion(version); err != nil {
			return err
		}
	}
	if v.Before(r.oldest) || r.own.Before(v) {
		return fmt.Errorf("%s cannot be written: this version writes the forms of %s to %s", v, r.oldest, r.own)
	}
	r.writes, r.limited = v, true
	return nil
}

// Writes is the version in whose forms messages are written.
func (r *Registry) Writes() es.Version {
	if !r.limited {
		return r.own
	}
	return r.writes
}

func (r *Registry) isWritten(since es.Version) bool { return !r.limited || !r.writes.Before(since) }

// Marshal encodes a body or a state as JSON, without the fields that came after the
// version that is written.
func (r *Registry) Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil || !r.limited {
		return data, err
	}
	for _, f := range laterFields(reflect.TypeOf(v)) {
		if !r.isWritten(f.since) {
			if data, err = without(data, f.path); err != nil {
				return nil, err
			}
		}
	}
	return data, nil
}

// laterField is a field that came with a version.
type laterField struct {
	path  []string // of JSON names
	since es.Version
}

var laterFieldsOf sync.Map // of reflect.Type

func laterFields(t reflect.Type) []laterField {
	if found, ok := laterFieldsOf.Load(t); ok {
		return found.([]laterField)
	}
	found := findLater(t, nil, map[reflect.Type]bool{})
	laterFieldsOf.Store(t, found)
	return found
}

func findLater(t reflect.Type, path []string, seen map[reflect.Type]bool) (out []laterField) {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct || seen[t] {
		return nil
	}
	seen[t] = true
	defer delete(seen, t)
	for f := range fieldsOf(t) {
		own := append(append([]string{}, path...), jsonName(f))
		if f.Anonymous && f.Tag.Get("json") == "" {
			own = path // JSON has its fields here
		}
		if tag := f.Tag.Get("since"); tag != "" {
			v, err := es.ParseVersion(tag)
			if err != nil {
				panic(fmt.Sprintf("message: field %s of %s: %v", f.Name, t, err))
			}
			out = append(out, laterField{own, v})
			continue
		}
		out = append(out, findLater(f.Type, own, seen)...)
	}
	return out
}

// without takes a field out of JSON, in all elements of lists.
func without(data json.RawMessage, path []string) (json.RawMessage, error) {
	trimmed := strings.TrimSpace(string(data))
	switch {
	case strings.HasPrefix(trimmed, "["):
		var list []json.RawMessage
		if err := json.Unmarshal(data, &list); err != nil {
			return nil, err
		}
		for i := range list {
			var err error
			if list[i], err = without(list[i], path); err != nil {
				return nil, err
			}
		}
		return json.Marshal(list)
	case strings.HasPrefix(trimmed, "{"):
		var object map[string]json.RawMessage
		if err := json.Unmarshal(data, &object); err != nil {
			return nil, err
		}
		inner, ok := object[path[0]]
		if !ok {
			return data, nil
		}
		if len(path) == 1 {
			delete(object, path[0])
			return json.Marshal(object)
		}
		var err error
		if object[path[0]], err = without(inner, path[1:]); err != nil {
			return nil, err
		}
		return json.Marshal(object)
	}
	return data, nil
}
