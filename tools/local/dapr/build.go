package dapr

import "github.com/plenary/plenary/tools/local/toolbuild"

var runtimeTools = toolbuild.Tools{
	Name:    "Dapr (daprd, placement, scheduler)",
	Minutes: 6.5, Gigabyte: 7,
	Module:  "dapr",
	Owner:   "github.com/dapr/dapr",
	Setting: "github.com/dapr/dapr/pkg/buildinfo.version",
	Tags:    "allcomponents", // without it there are none
	Packages: []string{
		"github.com/dapr/dapr/cmd/daprd",
		"github.com/dapr/dapr/cmd/placement",
		"github.com/dapr/dapr/cmd/scheduler",
	},
}

var cliTools = toolbuild.Tools{
	Name:    "the dapr CLI",
	Minutes: 2.5, Gigabyte: 1.5,
	Module:   "dapr-cli",
	Owner:    "github.com/dapr/cli",
	Setting:  "main.version",
	Packages: []string{"github.com/dapr/cli"},
	Binary:   "dapr",
}
