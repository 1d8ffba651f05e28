// Package problem makes the gateway's error answers: problem details (RFC 9457)
// with a stable code for programs, and a title and detail for people in their
// language. All kinds with their texts are in kinds.go and rules.go; nothing else
// in the gateway has texts that a client sees.
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
	Title    string  `json:"title" doc:"Kind of problem, for people, in the language of Accept-Language (English or 简体中文)" example:"The order has expired"`
	Status   int     `json:"status" doc:"The HTTP status code" example:"409"`
	Detail   string  `json:"detail,omitempty" doc:"What went wrong in this case, for people"`
	Code     es.Code `json:"code" doc:"Kind of problem, for programs; codes never change" example:"order-expired"`
	Instance string  `json:"instance,omitempty" format:"uri-reference" doc:"Address of the refused command's outcome, or else the path of the request"`
	Errors   []Field `json:"errors,omitempty" doc:"Each field that breaks a rule"`
	Current  any     `json:"current,omitempty" doc:"The current state, if the request was refused because of it: the conference that has changed, or the open payment"`

	header http.Header
	given  string
}

// Field names one field of a request that breaks a rule.
type Field struct {
	Field   string `json:"field" doc:"Path of the field in the body; fields elsewhere start with path., query. or header." example:"items[0].quantity"`
	Rule    string `json:"rule" doc:"The JSON Schema keyword that is violated, with its value if it has one; for texts also blank, invisible, controlCharacter, lineBreak, bidiOverride, maxGraphemes or maxBytes" example:"minimum=0"`
	Message string `json:"message" doc:"The rule in words, for people"`
}

// New makes a problem of a kind listed in kinds.go. A code not listed there can
// only come from a newer app; it is answered as a plain conflict.
func New(code es.Code) *Problem {
	return &Problem{Code: code, Status: kindOf(code).Status}
}

// Refused makes the problem for a command that a business rule refused. detail is
// the refusal's own, in English.
func Refused(code es.Code, detail, instance string) *Problem {
	p := New(code)
	p.given, p.Instance = detail, instance
	return p
}

// Invalid makes the problem for a request whose fields break rules.
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

// GetStatus, GetHeaders and ContentType implement huma's error interfaces.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the problem's response headers.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is the media type, regardless of what was negotiated.
func (p *Problem) ContentType(string) string { return ContentType }

// Localize returns the problem as it is sent: with its texts in the available
// language that acceptLanguage prefers. path is the request's.
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

// Write answers a request with p, for handlers outside huma.
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
	_ = enc.Encode(sent) // it fails only if the client is gone
}

// SetLanguage sets the headers that name an answer's language.
func SetLanguage(set func(name, value string), lang string) {
	set("Content-Language", lang)
	set("Vary", "Accept-Language")
}

// bodyField turns one of huma's locations into a Field's: fields of the body lose
// the prefix "body.".
func bodyField(location string) string {
	if field, ok := strings.CutPrefix(location, "body."); ok {
		return field
	}
	return location
}
