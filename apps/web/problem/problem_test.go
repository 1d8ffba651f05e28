package problem_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/plenary/plenary/apps/web/problem"
)

func all() []problem.Kind {
	return append(append([]problem.Kind{}, problem.Kinds...), problem.Refusals...)
}

func TestEveryKindHasAStableCodeAndAllItsTexts(t *testing.T) {
	code := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for _, k := range all() {
		if !code.MatchString(k.Code) {
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

var (
	refusal  = regexp.MustCompile(`es\.Refuse\(\s*("([^"]+)"|([A-Za-z]+))`)
	constant = regexp.MustCompile(`(?m)^\s*([A-Za-z]+)\s*=\s*"([^"]+)"`)
)

// The apps' refusals are found in their code, so that a new one cannot be
// forgotten here.
func TestEveryRefusalOfAnAppIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, k := range all() {
		listed[k.Code] = true
	}
	found := 0
	for _, dir := range packagesThatRefuse(t) {
		var code strings.Builder
		files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
		for _, f := range files {
			if !strings.HasSuffix(f, "_test.go") {
				text, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				code.Write(text)
			}
		}
		values := map[string]string{}
		for _, m := range constant.FindAllStringSubmatch(code.String(), -1) {
			values[m[1]] = m[2]
		}
		for _, m := range refusal.FindAllStringSubmatch(code.String(), -1) {
			c := m[2]
			if c == "" {
				c = values[m[3]]
			}
			if c == "" {
				t.Errorf("%s: cannot tell the code of %s", dir, m[0])
			} else if !listed[c] {
				t.Errorf("%s: %q is not listed in refusals.go", dir, c)
			}
			found++
		}
	}
	if found < 30 {
		t.Fatalf("only %d refusals were found", found)
	}
}

func packagesThatRefuse(t *testing.T) []string {
	t.Helper()
	dirs := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".go") && !strings.Contains(path, "/web/") {
			dirs[filepath.Dir(path)] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, 0, len(dirs))
	for d := range dirs {
		out = append(out, d)
	}
	return out
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
	p := problem.Refused("quantity-out-of-range", "21 seats: an order may have 1 to 20 of each", "/api/outcomes/1")
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
