package problem_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

func TestEveryKindHasAStableCodeAndAllItsTexts(t *testing.T) {
	code := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for _, k := range problem.Kinds {
		if !code.MatchString(string(k.Code)) {
			t.Errorf("%q is no code", k.Code)
		}
		if k.Status < 400 || k.Status > 599 {
			t.Errorf("%s: status %d", k.Code, k.Status)
		}
		for _, s := range []string{k.English.Title, k.English.Detail} {
			if s == "" || strings.ContainsFunc(s, han) {
				t.Errorf("%s: %q is not English", k.Code, s)
			}
		}
		for _, s := range []string{k.Chinese.Title, k.Chinese.Detail} {
			if !strings.ContainsFunc(s, han) {
				t.Errorf("%s: %q is not Chinese", k.Code, s)
			}
		}
	}
}

func han(r rune) bool { return unicode.Is(unicode.Han, r) }

// Every code that an app may refuse with has its texts and status here.
func TestEveryRefusalHasItsTexts(t *testing.T) {
	listed := map[es.Code]bool{}
	for _, k := range problem.Kinds {
		if listed[k.Code] {
			t.Errorf("%s is listed twice", k.Code)
		}
		listed[k.Code] = true
	}
	for _, kind := range refusal.All() {
		if !listed[kind.Code] {
			t.Errorf("%s (%s) is not in problem.Kinds", kind.Code, kind.Meaning)
		}
	}
}

func TestTextsOfRules(t *testing.T) {
	for _, c := range []struct{ rule, english, chinese string }{
		{"required", "is required", "必填"},
		{"minimum=0", "must be at least 0", "不得小于 0"},
		{"pattern=^[A-Z]=$", "must match the pattern ^[A-Z]=$", "必须匹配模式 ^[A-Z]=$"},
		{"a rule of a newer version", "is not valid", "无效"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			p := problem.Invalid(problem.Field{Field: "f", Rule: c.rule})
			for accept, want := range map[string]string{"en": c.english, "zh-CN": c.chinese} {
				sent, _ := p.Localize(accept, "/x")
				if sent.Errors[0].Message != want {
					t.Errorf("%s: %q, want %q", accept, sent.Errors[0].Message, want)
				}
			}
			if p.Errors[0].Message != "" {
				t.Error("the problem itself was changed")
			}
		})
	}
}

func TestARefusalKeepsItsOwnDetailInEnglishOnly(t *testing.T) {
	p := problem.Refused(refusal.QuantityOutOfRange, "21 seats: an order may have 1 to 20 of each", "/api/outcomes/1")
	english, _ := p.Localize("en", "/x")
	chinese, _ := p.Localize("zh", "/x")
	if english.Detail != "21 seats: an order may have 1 to 20 of each" || english.Instance != "/api/outcomes/1" {
		t.Errorf("got %+v", english)
	}
	if !strings.ContainsFunc(chinese.Detail, han) {
		t.Errorf("got %+v", chinese)
	}
	if got := fmt.Sprint(error(p)); !strings.Contains(got, "quantity-out-of-range") {
		t.Errorf("as an error: %s", got)
	}
}
