// Package docs checks what the documents say of the repository and a program
// can check.
//
// Run it with -count=1: go does not see that files of other modules changed.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/plenary/plenary/tools/local/runfile"
	"github.com/plenary/plenary/tools/topology/generate"
	"github.com/plenary/plenary/topology"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := runfile.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// filesOf are the files of the repository with an extension, by their path from
// the root.
func filesOf(t *testing.T, extension string) map[string]string {
	t.Helper()
	dir := root(t)
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != dir:
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != extension:
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(b)
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files %s: %v", len(files), extension, err)
	}
	return files
}

var named = regexp.MustCompile("`([a-z0-9/-]+)\\.((?:Test|Benchmark)\\w+|Example\\w*)`")

// A document names a test as `folder.Test`.
func TestEveryTestThatIsNamedExists(t *testing.T) {
	sources := filesOf(t, ".go")
	exists := func(folder, test string) bool {
		for path, source := range sources {
			if filepath.ToSlash(filepath.Dir(path)) == folder && strings.HasSuffix(path, "_test.go") &&
				strings.Contains(source, "\nfunc "+test+"(") {
				return true
			}
		}
		return false
	}
	count := 0
	for path, text := range filesOf(t, ".md") {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			count++
			if !exists(m[1], m[2]) {
				t.Errorf("%s names %s.%s, which is not there", path, m[1], m[2])
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d tests are named: are they still written as `folder.Test`?", count)
	}
}

// Each rule of docs/domain.md names a test: a rule is an item of a list after the parts
// that say what there is.
func TestEveryRuleOfTheDomainNamesItsTest(t *testing.T) {
	_, rules, found := strings.Cut(filesOf(t, ".md")["docs/domain.md"], "\n## The order\n")
	if !found {
		t.Fatal("docs/domain.md has no part about the order")
	}
	count := 0
	for _, rule := range strings.Split(rules, "\n- ")[1:] {
		rule, _, _ = strings.Cut(rule, "\n\n") // what follows the list
		count++
		if !named.MatchString(rule) {
			t.Errorf("no test is named by the rule: %s", rule)
		}
	}
	if count < 35 {
		t.Errorf("only %d rules: are they still items of lists?", count)
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`)

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for path, text := range filesOf(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root(t), filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
	}
}

var setting = regexp.MustCompile(`\bPLENARY_[A-Z_]+\b`)

// docs/topology.md lists every environment variable that an app reads, and no other.
func TestTheTopologyListsEverySetting(t *testing.T) {
	var read []string
	for path, source := range filesOf(t, ".go") {
		if strings.HasPrefix(path, "engine/leftout/") {
			continue // for tests alone
		}
		if !strings.HasSuffix(path, "_test.go") && (strings.HasPrefix(path, "apps/") || strings.HasPrefix(path, "engine/")) {
			read = append(read, setting.FindAllString(source, -1)...)
		}
	}
	listed := setting.FindAllString(filesOf(t, ".md")["docs/topology.md"], -1)
	for _, name := range read {
		if !slices.Contains(listed, name) {
			t.Errorf("%s is read and not listed", name)
		}
	}
	for _, name := range listed {
		if !slices.Contains(read, name) {
			t.Errorf("%s is listed and not read", name)
		}
	}
}

var target = regexp.MustCompile("(?m)(?:^    |`)make ([a-z][a-z-]*)")

func TestEveryMakeTargetThatIsNamedExists(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root(t), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range filesOf(t, ".md") {
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s names make %s, which is not there", path, m[1])
			}
		}
	}
}

// Every change to topology.yaml is carried into what is generated from it.
func TestWhatIsGeneratedFromTheTopologyIsUpToDate(t *testing.T) {
	outdated, err := generate.Outdated(topology.Plenary(), os.DirFS(root(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range outdated {
		t.Errorf("%s is not up to date: make generate", file)
	}
}
