// Package text holds every text that a page shows, in English and in Simplified
// Chinese, and writes amounts and times as readers of either language expect.
//
// A text may hold placeholders: {name} is replaced by the argument of that name,
// and {n:seat|seats} by one of the two words, depending on whether n is 1.
package text

import (
	"fmt"
	"html/template"
	"strings"
)

// Language is a language that pages are written in, as the attribute lang and
// the header Content-Language have it.
type Language string

// The languages that there are.
const (
	English Language = "en"
	Chinese Language = "zh-Hans"
)

// Languages are all languages, the default first.
var Languages = []Language{English, Chinese}

// Parse gives the language of that tag; ok is false if there is none.
func Parse(tag string) (l Language, ok bool) {
	for _, l := range Languages {
		if string(l) == tag {
			return l, true
		}
	}
	return English, false
}

// Entry is one text in each language.
type Entry struct{ English, Chinese string }

func (e Entry) in(l Language) string {
	if l == Chinese {
		return e.Chinese
	}
	return e.English
}

// HTML is the text of a key with its placeholders filled in: names and values in
// turn. Values that are template.HTML stand as they are; all others are escaped.
// It panics when there is no such key, which a test rules out.
func HTML(l Language, key string, namesAndValues ...any) template.HTML {
	return template.HTML(fill(l, key, namesAndValues, func(v any) string { //nolint:gosec // escaped here
		if h, ok := v.(template.HTML); ok {
			return string(h)
		}
		return template.HTMLEscapeString(fmt.Sprint(v))
	}))
}

// Plain is the text of a key without any markup, for titles and attributes.
func Plain(l Language, key string, namesAndValues ...any) string {
	return fill(l, key, namesAndValues, func(v any) string { return fmt.Sprint(v) })
}

// Has says whether there is such a key.
func Has(key string) bool {
	_, ok := Catalogue[key]
	return ok
}

func fill(l Language, key string, args []any, write func(any) string) string {
	entry, ok := Catalogue[key]
	if !ok {
		panic("text: there is no text " + key)
	}
	return replace(entry.in(l), func(placeholder string) string {
		name, words, plural := strings.Cut(placeholder, ":")
		for i := 0; i+1 < len(args); i += 2 {
			if args[i] != name {
				continue
			}
			if !plural {
				return write(args[i+1])
			}
			one, other, _ := strings.Cut(words, "|")
			if fmt.Sprint(args[i+1]) == "1" {
				return one
			}
			return other
		}
		panic(fmt.Sprintf("text: %s needs %s", key, name))
	})
}

// replace replaces what stands in braces.
func replace(s string, by func(string) string) string {
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(s, "{")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		inside, rest, _ := strings.Cut(after, "}")
		out.WriteString(by(inside))
		s = rest
	}
}
