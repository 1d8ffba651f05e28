// Command components runs the conformance and the end-to-end suites on component
// sets and, when no test was left out and there are results of all sets, writes
// down what each set gives: docs/component-sets.md. Of sets that were not tested
// this time, it takes the results of the last time on this machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/runfile"
)

// sets are the component sets of the document. The first is what the others are
// measured by.
var sets = func() []string {
	root, err := runfile.Root()
	if err != nil {
		panic(err)
	}
	return components.Names(root)
}()

// suites are folders of the tests that run on each set.
var suites = []string{"conformance", "e2e"}

// atMost is how long one suite may take on one set.
const atMost = "20m"

func main() {
	chosenSets := flag.String("sets", strings.Join(sets, " "), "which sets, separated by blanks")
	chosenSuites := flag.String("suites", strings.Join(suites, " "), "which suites")
	skip := flag.String("skip", "", "tests to leave out, as go test takes them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, strings.Fields(*chosenSets), strings.Fields(*chosenSuites), *skip); err != nil {
		fmt.Fprintln(os.Stderr, "components:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, chosenSets, chosenSuites []string, skip string) error {
	root, err := runfile.Root()
	if err != nil {
		return err
	}
	for _, set := range chosenSets {
		if _, err := components.Read(root, set); err != nil {
			return err
		}
	}
	var failed []string
	for _, set := range chosenSets {
		for _, suite := range chosenSuites {
			began := time.Now()
			ok, err := test(ctx, root, set, suite, skip)
			if err != nil {
				return err
			}
			verdict := "ok"
			if !ok {
				verdict, failed = "FAILED", append(failed, set+" "+suite)
			}
			fmt.Printf("%-20s %-14s %4.0f s  %s\n", set, suite, time.Since(began).Seconds(), verdict)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return record(root, skip == "")
}

// outputOf is where the output of a suite on a set is kept.
func outputOf(root, set, suite string) string {
	return filepath.Join(root, ".bin", "results", set+"-"+suite+".json")
}

// test runs one suite on one set, keeps what the tests say, and shows what failing
// ones say.
func test(ctx context.Context, root, set, suite, skip string) (ok bool, err error) {
	file := outputOf(root, set, suite)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return false, err
	}
	output, err := os.Create(file)
	if err != nil {
		return false, err
	}
	defer output.Close()
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-timeout", atMost, "-skip", skip, "./tests/"+suite)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), components.Variable+"="+set)
	cmd.Stdout, cmd.Stderr = output, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it stops what it started
	cmd.WaitDelay = time.Minute
	failed := cmd.Run()
	var exit *exec.ExitError
	if failed != nil && !errors.As(failed, &exit) || ctx.Err() != nil {
		return false, errors.Join(failed, ctx.Err())
	}
	if failed == nil {
		return true, nil
	}
	said, err := (results{}).addFile(root, set, suite)
	if err == nil {
		_, err = io.WriteString(os.Stdout, said)
	}
	return false, err
}

// record compares the results with what is written, which for guarantees must be
// the same, and writes the document anew if there are results of all tests on all
// sets.
func record(root string, complete bool) error {
	found := results{}
	for _, set := range sets {
		for _, suite := range suites {
			_, err := found.addFile(root, set, suite)
			if errors.Is(err, fs.ErrNotExist) {
				complete = false
			} else if err != nil {
				return err
			}
		}
	}
	file := filepath.Join(root, "docs", "component-sets.md")
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if complete {
		if err := os.WriteFile(file, []byte(document(found)), 0o644); err != nil {
			return err
		}
	}
	return compare(parse(string(before)), found)
}
