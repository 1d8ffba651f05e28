package refusal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/plenary/plenary/engine/es"
)

func TestEveryCodeSaysWhatItMeans(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`)
	seen := map[es.Code]bool{}
	for _, kind := range All() {
		if !form.MatchString(string(kind.Code)) || seen[kind.Code] {
			t.Errorf("%q is no code, or there are two of it", kind.Code)
		}
		seen[kind.Code] = true
		if !strings.HasSuffix(kind.Meaning, ".") || kind.Area == "" {
			t.Errorf("%s means %q, of %q", kind.Code, kind.Meaning, kind.Area)
		}
	}
	if !seen[OrderExpired] || !seen[NotResendable] {
		t.Errorf("codes are missing among %d", len(seen))
	}
}

func TestAConstantWithoutAMeaningIsAnError(t *testing.T) {
	for name, source := range map[string]string{
		"no comment":      "package refusal\nconst (\n\tA es.Code = \"a-b\"\n)",
		"another's":       "package refusal\nconst (\n\t// B: something.\n\tA es.Code = \"a-b\"\n)",
		"not a literal":   "package refusal\nconst (\n\t// A: something.\n\tA es.Code = B\n)",
		"not even source": "package",
	} {
		if kinds, err := read(source); err == nil {
			t.Errorf("%s: %v", name, kinds)
		}
	}
}

// A code is a constant of this package wherever an app uses it. The constant's
// type cannot hold that, since Go turns a literal into any string type.
func TestNoAppSpellsACodeItself(t *testing.T) {
	codes := map[string]bool{}
	for _, kind := range All() {
		codes[string(kind.Code)] = true
	}
	read := 0
	err := filepath.WalkDir("../../apps", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		read++
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && codes[s] {
					t.Errorf("%s: %s is spelled out; use the constant", files.Position(n.Pos()), n.Value)
				}
			case *ast.CallExpr:
				if isRefuse(n) && isLiteral(n.Args[0]) {
					t.Errorf("%s: the code is no constant of contracts/refusal", files.Position(n.Pos()))
				}
			}
			return true
		})
		return nil
	})
	if err != nil || read < 50 {
		t.Fatalf("%d files read: %v", read, err)
	}
}

func isRefuse(call *ast.CallExpr) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || f.Sel.Name != "Refuse" || len(call.Args) == 0 {
		return false
	}
	pkg, ok := f.X.(*ast.Ident)
	return ok && pkg.Name == "es"
}

func isLiteral(e ast.Expr) bool {
	_, ok := e.(*ast.BasicLit)
	return ok
}
