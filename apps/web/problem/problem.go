// Package problem is how the gateway says no: problem details as RFC 9457 has
// them, with a stable code for programs and a title and detail for people in
// the language they asked for. All kinds with their texts are in
// kinds.go and rules.go; nothing else in the gateway holds a text that a client sees.
package problem

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/plenary/plenary/contracts/locale"
	"github.com/plenary/plenary/engine/es"
)

// ContentType is the media type of a problem, RFC 9457 section 3.
const ContentType = "application/problem+json"

// Problem is the body of every answer that is not a success.
type Problem struct {
	Type     string  `json:"type" format:"uri-reference" doc:"Where this kind of problem is described" example:"/docs#problem-order-expired"`
	Title    string  `json:"title" doc:"What kind of problem it is, for people, in the language of Accept-Language (English or 简体中文)" example:"The order has expired"`
	Status   int     `json:"status" doc:"The HTTP status code" example:"409"`
	Detail   string  `json:"detail,omitempty" doc:"What went wrong this time, for people"`
	Code     es.Code `json:"code" doc:"What kind of problem it is, for programs; never changes" example:"order-expired"`
	Instance string  `json:"instance,omitempty" format:"uri-reference" doc:"The outcome of the command that was refused, or else the path of the request"`
	Errors   []Field `json:"errors,omitempty" doc:"Each field that breaks a rule"`
	Current  any     `json:"current,omitempty" doc:"What is there now, when the request was refused because of it: the conference that was changed, or the payment that is open"`

	header http.Header
	given  string
}

// Field names one field of a request that breaks a rule.
type Field struct {
	Field   string `json:"field" doc:"The field of the body as a path; fields elsewhere start with path., query. or header." example:"items[0].quantity"`
	Rule    string `json:"rule" doc:"The JSON Schema keyword that is broken, with its value if it has one; of a text that a person wrote also blank, invisible, controlCharacter, lineBreak, bidiOverride, maxGraphemes or maxBytes" example:"minimum=0"`
	Message string `json:"message" doc:"The rule in words, for people"`
}

// New makes a problem of a kind listed in kinds.go. A code that is not listed
// there can only come from a newer app; it is answered as a plain conflict.
func New(code es.Code) *Problem {
	return &Problem{Code: code, Status: kindOf(code).Status}
}

// Refused makes the problem of a command that a business rule refused. Detail
// is the refusal's own, in English.
func Refused(code es.Code, detail, instance string) *Problem {
	p := New(code)
	p.given, p.Instance = detail, instance
	return p
}

// Invalid makes the problem of a request whose fields break rules.
func Invalid(fields ...Field) *Problem {
	p := New(ValidationFailed)
	p.Errors = fields
	return p
}

// With adds a response header.
func (p *Problem) With(name, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Add(name, value)
	return p
}

func (p *Problem) Error() string { return string(p.Code) + ": " + p.given }

// GetStatus, GetHeaders and ContentType are what huma asks of an error.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the response headers that belong to the problem.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is the media type, whatever was negotiated.
func (p *Problem) ContentType(string) string { return ContentType }

// Localize gives the problem as it is sent: with its texts in the language
// that acceptLanguage prefers among those there are. path is the request's.
func (p *Problem) Localize(acceptLanguage, path string) (sent *Problem, contentLanguage string) {
	lang := locale.Accepted(acceptLanguage)
	kind, out := kindOf(p.Code), *p
	text := kind.English
	if lang == locale.SimplifiedChinese {
		text = kind.Chinese
	}
	out.Type = "/docs#problem-" + string(kind.Code)
	out.Title, out.Detail = text.Title, text.Detail
	if p.given != "" && lang == locale.English {
		out.Detail = p.given
	}
	if out.Instance == "" {
		out.Instance = path
	}
	out.Errors = nil
	for _, f := range p.Errors {
		f.Message = ruleText(f.Rule, lang)
		out.Errors = append(out.Errors, f)
	}
	return &out, lang.String()
}

// Write answers a request with p, for handlers that huma does not know.
func Write(w http.ResponseWriter, r *http.Request, p *Problem) {
	sent, lang := p.Localize(r.Header.Get("Accept-Language"), r.URL.Path)
	h := w.Header()
	for name, values := range p.header {
		h[name] = values
	}
	SetLanguage(h.Set, lang)
	h.Set("Content-Type", ContentType)
	w.WriteHeader(sent.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(sent) // the client is gone; there is nobody to tell
}

// SetLanguage sets the headers that say in which language an answer is.
func SetLanguage(set func(name, value string), lang string) {
	set("Content-Language", lang)
	set("Vary", "Accept-Language")
}

// bodyField turns a location as huma has it into a Field's: the body's fields
// are named without the word body before them.
func bodyField(location string) string {
	if field, ok := strings.CutPrefix(location, "body."); ok {
		return field
	}
	return location
}
