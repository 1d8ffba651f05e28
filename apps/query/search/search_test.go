package search_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/plenary/plenary/apps/query/search"
)

func TestPeopleAreFoundByWhatSomebodyTypes(t *testing.T) {
	people := map[string][]string{
		"wang":  slices.Concat(search.Name("伟", "王"), search.Email("wang.wei@example.cn"), search.Code("K7PQ2MXA")),
		"ouy":   slices.Concat(search.Name("小伟", "欧阳"), search.Email("oy@example.cn"), search.Code("AAAA2222")),
		"mul":   slices.Concat(search.Name("Jürgen", "Müller-Lüdenscheidt"), search.Email("j+cfp@mueller.example"), search.Code("BBBB3333")),
		"obr":   slices.Concat(search.Name("Ann", "O'Brien"), search.Email("ann@example.com"), search.Code("CCCC4444")),
		"one":   slices.Concat(search.Name("", "Prince"), search.Email("prince@example.com"), search.Code("DDDD5555")),
		"mixed": slices.Concat(search.Name("Wei伟", "王"), search.Email("x@example.com"), search.Code("EEEE6666")),
	}
	for typed, want := range map[string]string{
		"王伟":                  "wang",
		"王":                   "mixed wang",
		"伟":                   "mixed ouy wang",
		"欧阳小伟":                "ouy",
		"阳小":                  "ouy",
		"小王":                  "",
		"Ｗａｎｇ":                "wang",
		"wang.wei@exa":        "wang",
		"k7pq":                "wang",
		"müller":              "mul",
		"MULLER":              "mul",
		"lüden":               "mul",
		"ludenscheidt jurgen": "mul",
		"j+cfp@":              "mul",
		"mueller.example":     "mul",
		"ann o'brien":         "obr",
		"brien":               "obr",
		"example.com":         "mixed obr one",
		"ann prince":          "",
		"ann@example.com, ":   "obr",
	} {
		var found []string
		question := search.Question(typed)
		for name, terms := range people {
			if len(question) > 0 && !slices.ContainsFunc(question, func(m search.Match) bool { return !m.Holds(terms) }) {
				found = append(found, name)
			}
		}
		slices.Sort(found)
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%q finds %q, want %q (%q)", typed, got, want, question)
		}
	}
	for _, typed := range []string{"", "  ", "\"", "--"} {
		if q := search.Question(typed); len(q) != 0 {
			t.Errorf("%q asks %v", typed, q)
		}
	}
}

// What strangers write cannot make the index large.
func TestTermsAreBounded(t *testing.T) {
	long := strings.Repeat("王伟 ", 5000) + strings.Repeat("x", 5000) + "\xff"
	for _, terms := range [][]string{search.Text(long), search.Name(long, long), search.Email(long), search.Code(long)} {
		if len(terms) > 64 {
			t.Errorf("%d terms", len(terms))
		}
		for _, term := range terms {
			if len(term) > 64 {
				t.Errorf("a term of %d bytes", len(term))
			}
		}
	}
	if n := len(search.Question(strings.Repeat("a王伟 ", 1000))); n > 8 {
		t.Errorf("a question of %d conditions", n)
	}
}
