package pages

import (
	"bytes"
	"html/template"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// Organisers write Markdown. Headings begin below those of the page, raw HTML is
// removed, and the result is reduced to an allowlist of elements.
var (
	markdownParser = goldmark.New(goldmark.WithExtensions(extension.Linkify, extension.Table, extension.Strikethrough))
	allowedMarkup  = func() *bluemonday.Policy {
		p := bluemonday.NewPolicy()
		p.AllowStandardURLs()
		p.AllowURLSchemes("https", "http", "mailto")
		p.AllowRelativeURLs(false)
		p.AllowAttrs("href").OnElements("a")
		p.RequireNoFollowOnLinks(true)
		p.RequireNoReferrerOnLinks(true)
		p.AllowElements("p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li",
			"h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td")
		return p
	}()
)

// markdown makes HTML of an organiser's text.
func markdown(source string) template.HTML {
	var out bytes.Buffer
	if err := markdownParser.Convert([]byte(source), &out); err != nil {
		return template.HTML(template.HTMLEscapeString(source)) //nolint:gosec // escaped
	}
	lowered := lowerHeadings.Replace(out.String())
	return template.HTML(allowedMarkup.Sanitize(lowered)) //nolint:gosec // sanitised
}

// lowerHeadings puts an organiser's headings below the page's own two levels.
var lowerHeadings = strings.NewReplacer(
	"<h1", "<h3", "</h1", "</h3", "<h2", "<h4", "</h2", "</h4",
	"<h3", "<h5", "</h3", "</h5", "<h4", "<h6", "</h4", "</h6", "<h5", "<h6", "</h5", "</h6")
