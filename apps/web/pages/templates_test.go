package pages

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"github.com/plenary/plenary/apps/web/pages/text"
)

// sources are the templates, as they are written.
func sources(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(templates, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := templates.ReadFile(path)
		out[path] = string(content)
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("%d templates, %v", len(out), err)
	}
	return out
}

var action = regexp.MustCompile(`(?s)\{\{.*?\}\}`)

// attributes are the components, a line each, that stand inside a tag.
var attributes = regexp.MustCompile(`(?m)^\{\{define "[a-z-]+-is"\}\}.*$`)

// Attributes whose value a person reads.
var readAttributes = map[string]bool{"title": true, "alt": true, "placeholder": true, "aria-label": true, "aria-description": true, "label": true}

func TestTemplatesHoldNoTextOfTheirOwn(t *testing.T) {
	hasLetters := func(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) }
	for path, content := range sources(t) {
		content = attributes.ReplaceAllString(content, "")
		tokens := html.NewTokenizer(strings.NewReader(action.ReplaceAllString(content, "")))
		for {
			kind := tokens.Next()
			if kind == html.ErrorToken {
				break
			}
			token := tokens.Token()
			if kind == html.TextToken && hasLetters(token.Data) {
				t.Errorf("%s holds the text %q", path, strings.TrimSpace(token.Data))
			}
			for _, a := range token.Attr {
				if (readAttributes[a.Key] || strings.HasPrefix(a.Key, "data-say")) && hasLetters(a.Val) {
					t.Errorf("%s: %s=%q", path, a.Key, a.Val)
				}
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") && kind == html.StartTagToken {
					t.Errorf("%s: the policy forbids the attribute %s", path, a.Key)
				}
			}
		}
	}
}

// Keys stand between quotes, in templates and in Go; one that is put together
// from a beginning and a value stands for all that begin so.
var quoted = regexp.MustCompile(`"([a-z][a-zA-Z-]*\.[a-zA-Z.-]*)"`)

func TestEveryTextIsUsedAndEveryUsedTextIsThere(t *testing.T) {
	used, beginnings := map[string]bool{}, []string{}
	note := func(content string) {
		for _, m := range quoted.FindAllStringSubmatch(content, -1) {
			used[m[1]] = true
			if strings.HasSuffix(m[1], ".") {
				beginnings = append(beginnings, m[1])
			}
		}
	}
	for _, content := range sources(t) {
		note(content)
	}
	for _, pattern := range []string{"*.go", "text/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") || strings.HasSuffix(f, "catalogue.go") {
				continue
			}
			content, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			note(string(content))
		}
	}
	direct := regexp.MustCompile(`(?:\bt|\bplain|v\.T\(|Plain\(l,|HTML\(l,)\s*"([a-z][^"]*)"`)
	for path, content := range sources(t) {
		for _, m := range direct.FindAllStringSubmatch(content, -1) {
			if !text.Has(m[1]) {
				t.Errorf("%s: there is no text %q", path, m[1])
			}
		}
	}
	for key := range text.Catalogue {
		if used[key] {
			continue
		}
		// with a suffix: "key" printed with ".text"
		base, _, _ := strings.Cut(key, ".text")
		if used[base] {
			continue
		}
		found := false
		for _, b := range beginnings {
			found = found || strings.HasPrefix(key, b)
		}
		if !found {
			t.Errorf("the text %q is not used", key)
		}
	}
}
