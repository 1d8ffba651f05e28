// Command topology brings everything up to date that is generated from
// topology.yaml and from what the component sets say of themselves. Run it in the
// root of the repository (`make generate` does).
package main

import (
	"fmt"
	"os"

	"github.com/plenary/plenary/tools/topology/generate"
	"github.com/plenary/plenary/topology"
)

func main() {
	if err := generate.Write(topology.Plenary(), "."); err != nil {
		fmt.Fprintln(os.Stderr, "topology:", err)
		os.Exit(1)
	}
}
