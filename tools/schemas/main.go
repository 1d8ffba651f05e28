// Command schemas writes down what travels between the apps, from the Go types
// of the contracts: a JSON Schema of each message type under contracts/schemas,
// and contracts/asyncapi.yaml, which says on which topic each of them travels.
//
// What was published stays readable: when a type has changed so that a message
// written by the schemas that are there could not be read any more, it writes
// nothing, says why and fails. Run it in the root of the repository.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plenary/plenary/contracts"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	registry := contracts.Registry()
	generated, err := generate(registry.Types())
	if err != nil {
		return err
	}
	committed, err := read()
	if err != nil {
		return err
	}
	broken, err := incompatibilities(registry, committed, generated)
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		errs := []error{errors.New("what was published can be read no more; give the type a new major version and an upcaster:")}
		for _, b := range broken {
			errs = append(errs, errors.New("  "+b))
		}
		return errors.Join(errs...)
	}
	for file, content := range generated {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
