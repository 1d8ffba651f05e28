package pages

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
)

//go:embed templates
var templates embed.FS

// renderer holds each page's template in each language, since the functions that
// a template calls write in one language.
type renderer map[text.Language]map[string]*template.Template

func newRenderer() renderer {
	out := renderer{}
	for _, l := range text.Languages {
		base := template.Must(template.New("base").Funcs(functions(l)).ParseFS(templates, "templates/base/*.html"))
		out[l] = map[string]*template.Template{}
		files, err := fs.Glob(templates, "templates/*.html")
		if err != nil {
			panic(err)
		}
		for _, file := range files {
			page := template.Must(template.Must(base.Clone()).ParseFS(templates, file))
			out[l][strings.TrimSuffix(path.Base(file), ".html")] = page
		}
	}
	return out
}

// functions are what templates call.
func functions(l text.Language) template.FuncMap {
	return template.FuncMap{
		"t":     func(key string, args ...any) template.HTML { return text.HTML(l, key, args...) },
		"plain": func(key string, args ...any) string { return text.Plain(l, key, args...) },
		"has":   text.Has,
		"refusal": func(code es.Code) string {
			p, _ := problem.New(code).Localize(string(l), "")
			return p.Detail
		},
		"money":    func(m contracts.Money) string { return text.Money(l, m) },
		"days":     func(from, to time.Time) string { return text.Days(l, from, to) },
		"date":     func(t time.Time) string { return text.Date(l, t) },
		"month":    func(t time.Time) string { return text.Month(l, t) },
		"weekday":  func(t time.Time) string { return text.Weekday(l, t) },
		"place":    func(t time.Time) string { return text.Place(l, t) },
		"until":    func(t time.Time, zone string) template.HTML { return until(l, t.In(text.Zone(zone))) },
		"clock":    text.Clock,
		"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"millis":   func(t time.Time) int64 { return t.UnixMilli() },
		"in":       func(t time.Time, zone string) time.Time { return t.In(text.Zone(zone)) },
		"markdown": markdown,
		"asset":    asset,
		"dict":     dict,
		"list":     func(v ...any) []any { return v },
		"join":     strings.Join,
		"select":   selecting,
		"utc":      func(t time.Time) time.Time { return t.UTC() },
	}
}

// until is a time soon, at the venue; script shows it by the reader's own clock.
func until(l text.Language, at time.Time) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s" data-clock>%s</time>`, //nolint:gosec // escaped here
		at.UTC().Format(time.RFC3339), text.HTML(l, "time.at", "clock", text.Clock(at), "place", text.Place(l, at))))
}

// dict makes the argument of a component from names and values.
func dict(namesAndValues ...any) (map[string]any, error) {
	if len(namesAndValues)%2 != 0 {
		return nil, fmt.Errorf("dict: %d arguments", len(namesAndValues))
	}
	out := make(map[string]any, len(namesAndValues)/2)
	for i := 0; i < len(namesAndValues); i += 2 {
		name, ok := namesAndValues[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", namesAndValues[i])
		}
		out[name] = namesAndValues[i+1]
	}
	return out, nil
}

// Shell is what every page has around it. A page's data embeds it.
type Shell struct {
	Lang  text.Language
	Theme string
	// Path leads back to this page after a choice of language or theme.
	Path string
	Now  time.Time
	// FormID is new for each rendered page; see Visit.Send.
	FormID uuid.UUID
	// MainForm is the id of the form that the language switch takes along.
	MainForm string
	// Live names what the page follows: see live.go.
	Live string
	// Offer says which seats of a conference can be ordered: when that changes, the
	// form does.
	Offer string
	// Say is spoken to people who do not see that the page has changed.
	Say string
	// Wide pages are for those who work, with a navigation of their own.
	Wide     bool
	Nav      []NavItem
	NavTitle string
	SignedIn bool
	// Organises and Operates say what the visitor is signed in as.
	Organises, Operates bool
	// Style is a stylesheet beside that of all pages.
	Style string
	// Private pages are not kept by any cache or index.
	Private bool
	// Progress is the path of the visitor's order that has not ended.
	Progress string
	// Failed is what went wrong, shown on top; it puts a word into the title.
	Failed *Failure
}

// NavItem is one entry of a wide page's navigation.
type NavItem struct {
	Path, Key string
	Here      bool
}

// Failure is a problem as a page shows it.
type Failure struct {
	Title, Detail string
	// Links lead to the fields that are wrong.
	Links []FailureLink
}

// FailureLink leads to a field.
type FailureLink struct{ Field, Label, Message string }

func (s *Shell) shell() *Shell { return s }

// framed is data that embeds Shell.
type framed interface{ shell() *Shell }

// Render answers with a page.
func (v *Visit) Render(name string, status int, data framed) {
	s := data.shell()
	s.Lang, s.Theme, s.Now, s.FormID = v.Lang, v.theme(), v.Now, uuid.New()
	if path, ok := v.progress(); ok && path != v.Request.URL.Path {
		s.Progress = path
	}
	_, err := v.Cookie(organiser.cookie)
	s.Organises = err == nil
	_, err = v.Cookie(operator.cookie)
	s.Operates = err == nil
	if s.Path == "" {
		s.Path = v.Request.URL.RequestURI()
	}
	var page bytes.Buffer
	if err := v.site.render[v.Lang][name].ExecuteTemplate(&page, "page", data); err != nil {
		panic(fmt.Errorf("page %s: %w", name, err))
	}
	h := v.Writer.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(v.Lang))
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Add("Vary", "Accept-Language, Cookie")
	h.Set("Cache-Control", "no-cache")
	if s.Private {
		h.Set("Cache-Control", "no-store")
		h.Set("X-Robots-Tag", "noindex")
	}
	body := page.Bytes()
	h.Add("Vary", "Accept-Encoding")
	if strings.Contains(v.GetHeader("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = compress(body)
	}
	v.Data(status, "text/html; charset=utf-8", body)
}

// policy lets a page load what this origin serves, and nothing that stands in
// the page itself.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func compress(body []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level exists
	_, _ = z.Write(body)                                    // a buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

// refuse answers with a page that says what went wrong.
func (v *Visit) refuse(p *problem.Problem) {
	shown, _ := p.Localize(string(v.Lang), v.Request.URL.Path)
	for name, values := range p.GetHeaders() {
		v.Writer.Header()[name] = values
	}
	if p.Title != "" { // as the API has put it already
		shown = p
	}
	data := &struct {
		Shell
		Title, Detail string
		NotFound      bool
		// Again leads to what may be there in a moment.
		Again string
	}{Title: shown.Title, Detail: shown.Detail, NotFound: shown.Status == http.StatusNotFound}
	if p.Code == problem.Unavailable { // whose own words are for programs
		data.Detail = v.T("problem.unavailable")
		if v.Request.Method == http.MethodGet || strings.HasPrefix(v.Request.URL.Path, "/pay/") {
			data.Again = v.Request.URL.RequestURI()
		}
	}
	data.Private = true
	v.Render("problem", shown.Status, data)
	v.Abort()
}
