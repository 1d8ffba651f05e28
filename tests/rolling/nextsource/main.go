// Command nextsource writes the source of the version that follows into a folder, for
// tests on a cluster that pulls its images: see tests/kubernetes.
package main

import (
	"fmt"
	"os"

	"github.com/plenary/plenary/tests/rolling/next"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: nextsource FOLDER")
		os.Exit(2)
	}
	if err := next.Write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "nextsource:", err)
		os.Exit(1)
	}
}
