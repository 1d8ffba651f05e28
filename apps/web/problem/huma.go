package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/plenary/plenary/engine/message"
)

// Huma keeps its error texts in package variables, so they are set once, before any
// API is made: each violated rule is named by its JSON Schema keyword, and worded
// only when the reader's language is known.
func init() {
	validation.MsgUnexpectedProperty = "additionalProperties"
	validation.MsgExpectedRequiredProperty = "required=%s"
	validation.MsgExpectedBoolean = "type=boolean"
	validation.MsgExpectedInteger = "type=integer"
	validation.MsgExpectedNumber = "type=number"
	validation.MsgExpectedString = "type=string"
	validation.MsgExpectedArray = "type=array"
	validation.MsgExpectedObject = "type=object"
	validation.MsgExpectedRFC3339DateTime = "format=date-time"
	validation.MsgExpectedRFC5322Email = "format=email"
	validation.MsgExpectedRFC4122UUID = "format=uuid"
	validation.MsgExpectedMinimumNumber = "minimum=%v"
	validation.MsgExpectedMaximumNumber = "maximum=%v"
	validation.MsgExpectedMinLength = "minLength=%d"
	validation.MsgExpectedMaxLength = "maxLength=%d"
	validation.MsgExpectedMinItems = "minItems=%d"
	validation.MsgExpectedMaxItems = "maxItems=%d"
	validation.MsgExpectedArrayItemsUnique = "uniqueItems"
	validation.MsgExpectedMatchPattern = "pattern=%s"
	validation.MsgExpectedOneOf = "enum=%s"
	huma.ErrorFormatter = func(format string, args ...any) string {
		if !strings.Contains(format, "%") {
			return format // omit the cause, which repeats the input
		}
		return fmt.Sprintf(format, args...)
	}
	huma.NewError = fromHuma
}

// fromHuma makes the problem for an error that huma found: a request that it cannot
// read or that violates the operation's schema, or an internal error.
func fromHuma(status int, _ string, errs ...error) huma.StatusError {
	switch status {
	case http.StatusBadRequest:
		if len(errs) > 0 {
			return New(MalformedJSON)
		}
		return New(BodyRequired)
	case http.StatusRequestTimeout:
		return New(RequestTimeout)
	case http.StatusRequestEntityTooLarge:
		return New(BodyTooLarge)
	case http.StatusUnsupportedMediaType:
		return New(UnsupportedMediaType)
	case http.StatusUnprocessableEntity:
		p := New(ValidationFailed)
		for _, err := range errs {
			var d *huma.ErrorDetail
			if errors.As(err, &d) {
				p.Errors = append(p.Errors, fieldOf(d))
			}
		}
		return p
	default:
		var tooLarge *http.MaxBytesError
		for _, err := range errs {
			if errors.As(err, &tooLarge) {
				return New(BodyTooLarge)
			}
		}
		return New(InternalError)
	}
}

// fieldOf names the field and rule of one of huma's error details. Some details do
// not use the variables above and have texts of huma's own.
func fieldOf(d *huma.ErrorDetail) Field {
	f := Field{Field: bodyField(d.Location), Rule: d.Message}
	if name, ok := strings.CutPrefix(d.Message, "required="); ok {
		f.Rule = "required"
		if f.Field == "body" {
			f.Field = name
		} else {
			f.Field += "." + name
		}
		return f
	}
	if field, rule, ok := strings.Cut(d.Message, mismatch); ok {
		f.Field, f.Rule = field, rule
		return f
	}
	switch {
	case strings.HasSuffix(d.Message, "parameter is missing"):
		f.Rule = "required"
	case d.Message == "invalid integer":
		f.Rule = "type=integer"
	case strings.HasPrefix(d.Message, "invalid value: "):
		f.Rule = "format=uuid" // the only parameters that parse themselves
	}
	return f
}

const mismatch = " does not fit "

// JSON reads and writes bodies. Unlike huma's own format, it names the field of a
// value that fits the schema but not the Go type (1.0 for an integer).
var JSON = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, v any) error {
		err := json.Unmarshal(data, v)
		var te *json.UnmarshalTypeError
		if errors.As(err, &te) {
			field := te.Field
			if field == "" {
				field = "body"
			}
			return errors.New(field + mismatch + "type=" + jsonType(te.Type.Kind().String()))
		}
		return err
	},
}

func jsonType(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "integer"
	case strings.HasPrefix(kind, "float"):
		return "number"
	case kind == "slice":
		return "array"
	case kind == "struct", kind == "map":
		return "object"
	case kind == "bool":
		return "boolean"
	default:
		return kind
	}
}

// FromContract makes the problem for a command that violates its contract although
// the request fits the schema, which is a little wider (it allows the nil UUID, and
// "Ada <ada@example.org>" as an e-mail address). wrapper is the field of the command
// that holds the request's body, if there is one.
func FromContract(err *message.Invalid, wrapper string) *Problem {
	p := New(ValidationFailed)
	for _, fe := range err.Fields {
		f := Field{Field: strings.TrimPrefix(fe.Field, wrapper+"."), Rule: fe.Rule}
		f.Field = strings.ReplaceAll(f.Field, "Person.", "") // embedded: no field in JSON
		p.Errors = append(p.Errors, f)
	}
	return p
}
