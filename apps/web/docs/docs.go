// Package docs describes the API to people and programs: its OpenAPI document
// as JSON and YAML, and one page made from it that needs nothing from anywhere
// else and runs no script.
package docs

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
)

// Serve puts the description of the API on routes: as OpenAPI 3.1, as OpenAPI 3.0,
// which many generators of clients still need, and as a page. Each is made when it is
// first asked for, from what api says then.
func Serve(routes gin.IRoutes, api *huma.OpenAPI) {
	style := sha256.Sum256([]byte(pageCSS))
	policy := "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) + "'"
	routes.GET("/openapi.json", serve("application/openapi+json", "", func() ([]byte, error) { return json.Marshal(api) }))
	routes.GET("/openapi.yaml", serve("application/openapi+yaml", "", api.YAML))
	routes.GET("/openapi-3.0.json", serve("application/openapi+json", "", api.Downgrade))
	routes.GET("/openapi-3.0.yaml", serve("application/openapi+yaml", "", api.DowngradeYAML))
	routes.GET("/docs", serve("text/html; charset=utf-8", policy, func() ([]byte, error) { return Page(api) }))
}

// serve answers with what made gives. It panics when that is an error, which
// only a fault of ours can be.
func serve(contentType, policy string, made func() ([]byte, error)) gin.HandlerFunc {
	once := sync.OnceValues(made)
	return func(c *gin.Context) {
		content, err := once()
		if err != nil {
			panic(fmt.Errorf("docs: %s: %w", c.FullPath(), err))
		}
		c.Header("Cache-Control", "no-cache")
		if policy != "" {
			c.Header("Content-Security-Policy", policy)
		}
		c.Data(http.StatusOK, contentType, content)
	}
}

// group is one tag with its operations.
type group struct {
	Tag        *huma.Tag
	Operations []*huma.Operation
}

// Page renders the API as one HTML page.
func Page(api *huma.OpenAPI) ([]byte, error) {
	r := renderer{api}
	t, err := template.New("page").Funcs(template.FuncMap{
		"paragraphs": paragraphs,
		"secured":    func(op *huma.Operation) bool { return len(op.Security) > 0 && len(op.Security[0]) > 0 },
		"rows":       r.rows,
		"schema":     func(media map[string]*huma.MediaType) *huma.Schema { return first(media).Schema },
		"mediaType":  mediaType,
		"typeOf":     r.typeOf,
		"rules":      rules,
		"statuses":   statuses,
		"lower":      strings.ToLower,
		"style":      func() template.CSS { return template.CSS(pageCSS) }, //nolint:gosec // our own file
	}).Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{
		"API": api, "Groups": groups(api), "Problems": problem.Kinds, "Meanings": meanings(),
	})
	return out.Bytes(), err
}

// meanings are what the codes of refusals mean, by code.
func meanings() map[es.Code]string {
	out := map[es.Code]string{}
	for _, kind := range refusal.All() {
		out[kind.Code] = kind.Meaning
	}
	return out
}

func groups(api *huma.OpenAPI) []group {
	var out []group
	for _, tag := range api.Tags {
		g := group{Tag: tag}
		for _, item := range api.Paths {
			for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
				if op != nil && slices.Contains(op.Tags, tag.Name) {
					g.Operations = append(g.Operations, op)
				}
			}
		}
		order := map[string]int{http.MethodGet: 0, http.MethodPost: 1, http.MethodPut: 2, http.MethodDelete: 3}
		slices.SortFunc(g.Operations, func(a, b *huma.Operation) int {
			return cmp.Or(strings.Compare(a.Path, b.Path), order[a.Method]-order[b.Method])
		})
		out = append(out, g)
	}
	return out
}

// answer is one response of an operation.
type answer struct {
	Status   string
	Response *huma.Response
	Problem  bool
}

func statuses(op *huma.Operation) []answer {
	var out []answer
	for status, response := range op.Responses {
		_, isProblem := response.Content[problem.ContentType]
		out = append(out, answer{status, response, isProblem})
	}
	slices.SortFunc(out, func(a, b answer) int { return strings.Compare(a.Status, b.Status) })
	return out
}

func first(media map[string]*huma.MediaType) *huma.MediaType {
	for _, m := range media {
		return m
	}
	return &huma.MediaType{Schema: &huma.Schema{}}
}

func mediaType(media map[string]*huma.MediaType) string {
	for name := range media {
		return name
	}
	return ""
}

// row is one field of a schema; fields of fields follow it, one level deeper.
type row struct {
	Name     string
	Depth    int
	Required bool
	Schema   *huma.Schema
}

type renderer struct{ api *huma.OpenAPI }

// resolve follows a reference.
func (r renderer) resolve(s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return r.api.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// rows lists the fields of a schema in their order.
func (r renderer) rows(s *huma.Schema) []row { return r.rowsAt(s, 0) }

func (r renderer) rowsAt(s *huma.Schema, depth int) []row {
	s = r.resolve(s)
	if s == nil {
		return nil
	}
	if s.Type == huma.TypeArray {
		return r.rowsAt(s.Items, depth)
	}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	// Required fields first, in the order in which the type has them.
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(place(s.Required, a)-place(s.Required, b), strings.Compare(a, b))
	})
	var out []row
	for _, name := range names {
		field := s.Properties[name]
		out = append(out, row{name, depth, slices.Contains(s.Required, name), field})
		out = append(out, r.rowsAt(field, depth+1)...)
	}
	return out
}

func place(list []string, s string) int {
	if i := slices.Index(list, s); i >= 0 {
		return i
	}
	return len(list)
}

// typeOf names a schema's type for people.
func (r renderer) typeOf(s *huma.Schema) string {
	s = r.resolve(s)
	switch {
	case s == nil || s.Type == "" && len(s.Properties) == 0:
		return "any"
	case s.Type == huma.TypeArray:
		return "list of " + r.typeOf(s.Items)
	case s.Format != "" && s.Type == huma.TypeString:
		return s.Format
	default:
		return s.Type
	}
}

// rules puts a schema's bounds into words.
func rules(s *huma.Schema) string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = fmt.Sprint(e)
		}
		add("one of %s", strings.Join(words, ", "))
	}
	if s.Minimum != nil {
		add("from %.0f", *s.Minimum)
	}
	if s.Maximum != nil {
		add("to %.0f", *s.Maximum)
	}
	if s.MinLength != nil && s.MaxLength != nil && *s.MinLength == *s.MaxLength {
		add("%d characters", *s.MaxLength)
	} else {
		if s.MinLength != nil && *s.MinLength > 0 {
			add("at least %d characters", *s.MinLength)
		}
		if s.MaxLength != nil {
			add("at most %d characters", *s.MaxLength)
		}
	}
	if s.MaxItems != nil {
		add("at most %d entries", *s.MaxItems)
	}
	if s.Pattern != "" {
		add("pattern %s", s.Pattern)
	}
	return strings.Join(out, "; ")
}

// paragraphs turns the little Markdown that our own texts use into HTML:
// paragraphs, **strong** words and `code`.
func paragraphs(text string) template.HTML {
	var out strings.Builder
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		p = template.HTMLEscapeString(p)
		p = pairs(p, "**", "strong")
		p = pairs(p, "`", "code")
		out.WriteString("<p>" + p + "</p>")
	}
	return template.HTML(out.String()) //nolint:gosec // escaped above
}

func pairs(s, mark, element string) string {
	parts := strings.Split(s, mark)
	for i := 1; i+1 < len(parts); i += 2 {
		parts[i] = "<" + element + ">" + parts[i] + "</" + element + ">"
	}
	return strings.Join(parts, "")
}
