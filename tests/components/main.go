// Command components runs the conformance and the end-to-end suites on component
// sets and, when it ran them on all sets, writes down what each set gives:
// docs/component-sets.md.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/runfile"
)

// sets are the component sets of the document. The first is what the others are
// measured by.
var sets = []string{"local", "redis", "rabbitmq-postgres", "kafka-postgres"}

// suites are folders of the tests that run on each set.
var suites = []string{"conformance", "e2e"}

// atMost is how long one suite may take on one set.
const atMost = "20m"

func main() {
	chosen := flag.String("sets", strings.Join(sets, " "), "which sets, separated by blanks")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, strings.Fields(*chosen)); err != nil {
		fmt.Fprintln(os.Stderr, "components:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, chosen []string) error {
	root, err := runfile.Root()
	if err != nil {
		return err
	}
	for _, set := range chosen {
		if _, err := components.Read(root, set); err != nil {
			return err
		}
	}
	found := results{}
	var failed []string
	for _, set := range chosen {
		for _, suite := range suites {
			began := time.Now()
			ok, err := test(ctx, root, set, suite, found)
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
	return record(filepath.Join(root, "docs", "component-sets.md"), found, chosen)
}

// test runs one suite on one set. What the tests say is kept in .bin/results;
// what failing ones say is shown.
func test(ctx context.Context, root, set, suite string, found results) (ok bool, err error) {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-timeout", atMost, "./tests/"+suite)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PLENARY_COMPONENTS="+set)
	cmd.Stdout, cmd.Stderr = &output, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it stops what it started
	cmd.WaitDelay = time.Minute
	failed := cmd.Run()
	var exit *exec.ExitError
	if failed != nil && !errors.As(failed, &exit) || ctx.Err() != nil {
		return false, errors.Join(failed, ctx.Err())
	}
	folder := filepath.Join(root, ".bin", "results")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return false, err
	}
	if err := os.WriteFile(filepath.Join(folder, set+"-"+suite+".json"), output.Bytes(), 0o644); err != nil {
		return false, err
	}
	said, err := found.add(set, suite, &output)
	if err != nil {
		return false, err
	}
	if failed != nil {
		_, err = io.WriteString(os.Stdout, said)
	}
	return failed == nil, err
}

// record compares what was found with what is written, which for guarantees must
// be the same, and writes the document anew if all sets were run: speeds can be
// compared only when they were measured in one run.
func record(file string, found results, chosen []string) error {
	before, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	var different error
	if len(before) > 0 {
		different = compare(parse(string(before)), found, chosen)
	}
	if !slices.ContainsFunc(sets, func(set string) bool { return !slices.Contains(chosen, set) }) {
		if err := os.WriteFile(file, []byte(document(found)), 0o644); err != nil {
			return err
		}
	}
	return different
}
