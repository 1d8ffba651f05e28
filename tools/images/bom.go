package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// billOfMaterials lists what the compiler put into a binary, as CycloneDX: the
// program, its modules and Go's own library. It reads the binary, not go.mod,
// so that it has what is there and no more.
func billOfMaterials(binary string, p program, s source) ([]byte, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	subject := component(cdx.ComponentTypeContainer, info.Path, s.version)
	subject.Name, subject.Description = "plenary-"+p.name, p.description
	parts := []cdx.Component{component(cdx.ComponentTypeLibrary, "std", info.GoVersion)}
	for _, m := range info.Deps {
		parts = append(parts, part(m, s))
	}
	refs := make([]string, len(parts))
	for i, c := range parts {
		refs[i] = c.BOMRef
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &subject}
	bom.Components = &parts
	bom.Dependencies = &[]cdx.Dependency{{Ref: subject.BOMRef, Dependencies: &refs}}
	var b bytes.Buffer
	err = cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	return b.Bytes(), err
}

// part is a module of a binary. Those of this repository, which stand beside
// each other in it, have its version.
func part(m *debug.Module, s source) cdx.Component {
	if m.Replace == nil {
		c := component(cdx.ComponentTypeLibrary, m.Path, m.Version)
		if m.Sum != "" {
			// As in go.sum; CycloneDX has no name for this kind of sum.
			c.Properties = &[]cdx.Property{{Name: "go:sum", Value: m.Sum}}
		}
		return c
	}
	if strings.HasPrefix(m.Replace.Path, ".") {
		return component(cdx.ComponentTypeLibrary, m.Path, s.version)
	}
	return part(m.Replace, s)
}

func component(kind cdx.ComponentType, path, version string) cdx.Component {
	purl := fmt.Sprintf("pkg:golang/%s@%s", path, version)
	return cdx.Component{BOMRef: purl, Type: kind, Name: path, Version: version, PackageURL: purl}
}
