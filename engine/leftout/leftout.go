// Package leftout is for tests that need a program which a machine may lack: a
// server, a browser. Such a test is skipped there, and `make test` says at its end
// what was left out and how to have it.
package leftout

import (
	"fmt"
	"os"
	"testing"
)

// File names the environment variable with the path of the file that collects what
// was left out, a line each. `make test` sets it, and prints the file at its end.
const File = "PLENARY_LEFT_OUT"

// Skip skips a test for want of a program. what names the part that is left out;
// how says what to install. Where CI is set, everything has to be tested: the test
// fails there.
func Skip(t testing.TB, what, how string) {
	t.Helper()
	line := fmt.Sprintf("%s: %s", what, how)
	if os.Getenv("CI") != "" {
		t.Fatal(line)
	}
	if path := os.Getenv(File); path != "" {
		if err := note(path, line); err != nil {
			t.Fatal(err)
		}
	}
	t.Skip("NOT RUN: ", line)
}

// note adds a line in one write, since the tests of several packages note side by
// side.
func note(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(line + "\n"); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
