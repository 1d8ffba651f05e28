package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/es"
)

// Kind tells commands, which have one receiver and may be refused, from
// events, which are facts and have any number of readers.
type Kind string

const (
	Command Kind = "command"
	Event   Kind = "event"
)

// Type describes one message type.
type Type struct {
	// Name with the major version: "OrderPlaced.v1".
	Name string
	Kind Kind
	// Topic it travels on: a receiving app's topic for a command, the one topic
	// of the event bus for an event.
	Topic string
	// Personal lists the JSON paths of fields marked `personal:"true"`.
	Personal []string

	goType reflect.Type
	key    func(any) string
}

// Zero is a new zero value of the message's Go type.
func (t Type) Zero() any { return reflect.New(t.goType).Elem().Interface() }

// GoType is the message's Go type.
func (t Type) GoType() reflect.Type { return t.goType }

// Key is the partition key of a message of this type.
func (t Type) Key(body any) string {
	if t.key == nil {
		return ""
	}
	return t.key(body)
}

// Upcaster turns the stored JSON of an older type into a newer one.
type Upcaster func(data json.RawMessage) (newType string, newData json.RawMessage, err error)

// Protector is the hook through which personal fields can be encrypted at rest
// and in transit. Both get the metadata (for the tenant and stream whose key is
// meant), the JSON paths of the personal fields and the whole JSON body.
type Protector interface {
	Protect(meta Meta, paths []string, data []byte) ([]byte, error)
	Reveal(meta Meta, paths []string, data []byte) ([]byte, error)
}

// Registry knows message types by name and by Go type. Fill it before use; it
// may then be read from many goroutines.
type Registry struct {
	byName    map[string]Type
	byGo      map[reflect.Type]Type
	upcasters map[string]Upcaster
	protector Protector
	validate  *validator.Validate
	rules     map[string]func(text string) (broken string)

	oldest, own es.Version
	since       map[string]es.Version // of types that came after the oldest
	writes      es.Version
	limited     bool // to what writes says
}

// NewRegistry makes a registry that knows the engine's own types only.
func NewRegistry() *Registry {
	r := &Registry{
		byName: map[string]Type{}, byGo: map[reflect.Type]Type{}, upcasters: map[string]Upcaster{}, since: map[string]es.Version{},
		validate: newValidator(), rules: map[string]func(string) string{},
	}
	r.registerOwn()
	return r
}

// Register adds the message type T under a name like "OrderPlaced.v1". key
// gives the partition key of a message; nil means none.
func Register[T any](r *Registry, name string, kind Kind, topic string, key func(T) string) {
	gt := reflect.TypeFor[T]()
	if _, dup := r.byName[name]; dup {
		panic("message: registered twice: " + name)
	}
	t := Type{Name: name, Kind: kind, Topic: topic, goType: gt, Personal: personalPaths(gt, "")}
	if key != nil {
		t.key = func(b any) string { return key(b.(T)) }
	}
	r.byName[name], r.byGo[gt] = t, t
}

// Upcast has every stored or received message of type from pass through u.
func (r *Registry) Upcast(from string, u Upcaster) { r.upcasters[from] = u }

// Protect sets the hook for personal fields.
func (r *Registry) Protect(p Protector) { r.protector = p }

// Lookup finds a type by its name.
func (r *Registry) Lookup(name string) (Type, bool) { t, ok := r.byName[name]; return t, ok }

// TypeOf finds the type of a message body.
func (r *Registry) TypeOf(body any) (Type, bool) {
	t, ok := r.byGo[reflect.TypeOf(body)]
	return t, ok
}

// Types are all types, sorted by name.
func (r *Registry) Types() []Type {
	out := make([]Type, 0, len(r.byName))
	for _, t := range r.byName {
		out = append(out, t)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// ErrUnknownType is in the chain of Decode's error for a type that is not
// registered. Such a message may well be meant for a newer version of the
// reader; it is not malformed.
var ErrUnknownType = errors.New("unknown message type")

// Invalid is Decode's error for a body that cannot be read or breaks the rules
// of its contract. Retrying cannot help.
type Invalid struct {
	Type   string
	Fields []FieldError
	Reason string
}

// FieldError names a field (as a JSON path) and the rule it breaks.
type FieldError struct {
	Field string `json:"field"`
	Rule  string `json:"rule"`
}

func (e *Invalid) Error() string {
	parts := make([]string, 0, len(e.Fields)+1)
	if e.Reason != "" {
		parts = append(parts, e.Reason)
	}
	for _, f := range e.Fields {
		parts = append(parts, f.Field+": "+f.Rule)
	}
	return "invalid " + e.Type + ": " + strings.Join(parts, "; ")
}

// Encode gives the type name and JSON of a body, in the form that is written: see
// Write. Errors: ErrUnknownType, ErrNotWritten.
func (r *Registry) Encode(meta Meta, body any) (typeName string, data []byte, err error) {
	t, ok := r.TypeOf(body)
	if !ok {
		return "", nil, fmt.Errorf("%w: Go type %T", ErrUnknownType, body)
	}
	if since := r.since[t.Name]; !r.isWritten(since) {
		return "", nil, fmt.Errorf("%s, of %s: %w", t.Name, since, ErrNotWritten)
	}
	data, err = r.Marshal(body)
	if err != nil {
		return "", nil, fmt.Errorf("encode %s: %w", t.Name, err)
	}
	if r.protector != nil && len(t.Personal) > 0 {
		meta.Type = t.Name
		if data, err = r.protector.Protect(meta, t.Personal, data); err != nil {
			return "", nil, fmt.Errorf("protect %s: %w", t.Name, err)
		}
	}
	return t.Name, data, nil
}

// Decode upcasts and decodes a body. It does not validate: what was committed
// once must stay readable. Errors: ErrUnknownType, *Invalid.
func (r *Registry) Decode(meta Meta, data []byte) (body any, err error) {
	name := meta.Type
	for range 100 {
		u, ok := r.upcasters[name]
		if !ok {
			break
		}
		if name, data, err = u(data); err != nil {
			return nil, &Invalid{Type: meta.Type, Reason: "cannot be upcast: " + err.Error()}
		}
	}
	t, ok := r.byName[name]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrUnknownType, name)
	}
	if r.protector != nil && len(t.Personal) > 0 {
		meta.Type = name
		if data, err = r.protector.Reveal(meta, t.Personal, data); err != nil {
			return nil, fmt.Errorf("reveal %s: %w", name, err)
		}
	}
	p := reflect.New(t.goType)
	if err := json.Unmarshal(data, p.Interface()); err != nil {
		return nil, decodeError(name, err)
	}
	return p.Elem().Interface(), nil
}

// decodeError says what is wrong with a body, and quotes nothing of it.
func decodeError(name string, err error) error {
	var ofType *json.UnmarshalTypeError
	var ofTime *time.ParseError
	switch {
	case errors.As(err, &ofType):
		return &Invalid{Type: name, Fields: []FieldError{{Field: ofType.Field, Rule: "must be " + ofType.Type.String()}}}
	case errors.As(err, &ofTime):
		return &Invalid{Type: name, Reason: "a time is not in the form of RFC 3339"}
	case uuid.IsInvalidLengthError(err):
		return &Invalid{Type: name, Reason: "an id is no UUID"}
	}
	return &Invalid{Type: name, Reason: "a value cannot be read"}
}

func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(jsonName)
	return v
}

// Rule adds a rule for texts: of a field tagged `validate:"name"`, broken says
// which part of the rule "name" its text breaks, or is empty. It is what the
// error then says of the field.
func (r *Registry) Rule(name string, broken func(text string) (part string)) {
	r.rules[name] = broken
	err := r.validate.RegisterValidation(name, func(field validator.FieldLevel) bool {
		return broken(field.Field().String()) == ""
	})
	if err != nil {
		panic("message: " + err.Error()) // of the name: a mistake in the code
	}
}

// Together adds a rule for the fields of T together: field, by its name in JSON,
// breaks the part; empty when none does.
func Together[T any](r *Registry, broken func(T) (field, part string)) {
	var zero T
	r.validate.RegisterStructValidation(func(level validator.StructLevel) {
		if field, part := broken(level.Current().Interface().(T)); part != "" {
			level.ReportError(nil, field, field, part, "")
		}
	}, zero)
}

// Validate checks the `validate` tags of a body. Error: *Invalid.
func (r *Registry) Validate(body any) error {
	err := r.validate.Struct(body)
	if err == nil {
		return nil
	}
	name := fmt.Sprintf("%T", body)
	if t, ok := r.TypeOf(body); ok {
		name = t.Name
	}
	var ves validator.ValidationErrors
	if !errors.As(err, &ves) {
		return &Invalid{Type: name, Reason: err.Error()}
	}
	inv := &Invalid{Type: name}
	for _, ve := range ves {
		_, path, _ := strings.Cut(ve.Namespace(), ".")
		rule := ve.Tag()
		if ve.Param() != "" {
			rule += "=" + ve.Param()
		}
		if broken, ok := r.rules[ve.Tag()]; ok {
			if text, isText := ve.Value().(string); isText {
				rule = broken(text)
			}
		}
		inv.Fields = append(inv.Fields, FieldError{Field: path, Rule: rule})
	}
	return inv
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" || name == "-" {
		return f.Name
	}
	return name
}

func personalPaths(t reflect.Type, prefix string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var out []string
	for f := range fieldsOf(t) {
		if f.Anonymous && f.Tag.Get("json") == "" {
			out = append(out, personalPaths(f.Type, prefix)...) // JSON has its fields here
			continue
		}
		path := prefix + jsonName(f)
		if f.Tag.Get("personal") == "true" {
			out = append(out, path)
			continue
		}
		out = append(out, personalPaths(f.Type, path+".")...)
	}
	return out
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && !yield(f) {
				return
			}
		}
	}
}
