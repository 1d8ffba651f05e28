package refusal

import (
	_ "embed" // the constants' comments, which say what the codes mean
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"sync"

	"github.com/plenary/plenary/engine/es"
)

// Kind is one code with what it means.
type Kind struct {
	Code    es.Code
	Meaning string
	// Area is the part of the domain that the code belongs to.
	Area string
}

//go:embed refusal.go
var source string

// All are all codes, in the order in which they stand in refusal.go.
var All = sync.OnceValue(func() []Kind {
	kinds, err := read(source)
	if err != nil {
		panic(err) // the file compiled, and a test reads it
	}
	return kinds
})

// read finds the typed constants in Go source, with their comments.
func read(source string) ([]Kind, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "refusal.go", source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var kinds []Kind
	for _, decl := range file.Decls {
		constants, ok := decl.(*ast.GenDecl)
		if !ok || constants.Tok != token.CONST {
			continue
		}
		area := strings.TrimSuffix(strings.TrimSpace(constants.Doc.Text()), ".")
		for _, spec := range constants.Specs {
			c := spec.(*ast.ValueSpec)
			name := c.Names[0].Name
			about, meaning, ok := strings.Cut(strings.Join(strings.Fields(c.Doc.Text()), " "), ": ")
			if !ok || about != name {
				return nil, fmt.Errorf("refusal: the comment on %s does not begin with %q", name, name+": ")
			}
			value, ok := c.Values[0].(*ast.BasicLit)
			if !ok {
				return nil, fmt.Errorf("refusal: %s is not a literal", name)
			}
			code, err := strconv.Unquote(value.Value)
			if err != nil {
				return nil, fmt.Errorf("refusal: %s: %w", name, err)
			}
			kinds = append(kinds, Kind{Code: es.Code(code), Meaning: strings.ToUpper(meaning[:1]) + meaning[1:], Area: area})
		}
	}
	return kinds, nil
}
