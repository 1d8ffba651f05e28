// Package gobuild runs the Go compiler and shows how far it is.
package gobuild

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Options say what to build.
type Options struct {
	Dir      string   // of the module or workspace
	Env      []string // beside that of this process
	Flags    []string
	Packages []string
	Output   string // a folder, if it ends in a separator
	Progress io.Writer
}

// Build builds packages. It fetches their modules first, so that both can be
// counted. The error has what the compiler said.
func Build(ctx context.Context, o Options) error {
	p := &progress{out: o.Progress, started: time.Now()}
	packages, err := list(ctx, o, p)
	if err != nil {
		return err
	}
	p.total = packages
	args := append([]string{"build", "-v", "-o", o.Output}, o.Flags...)
	_, err = run(ctx, o, append(args, o.Packages...), p.compiled)
	p.end()
	return err
}

// list counts the packages to build. The modules they are in are fetched.
func list(ctx context.Context, o Options, p *progress) (int, error) {
	args := append([]string{"list", "-deps"}, o.Flags...)
	out, err := run(ctx, o, append(args, o.Packages...), p.fetched)
	return bytes.Count(out, []byte("\n")), err
}

// run runs the go command, and shows each line of its error output to seen,
// which says whether it was of interest; what was not is part of the error.
func run(ctx context.Context, o Options, args []string, seen func(line string) bool) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	// Let the compiler clean up after itself when the user has had enough.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	const patience = 10 * time.Second
	cmd.WaitDelay = patience
	cmd.Dir, cmd.Env = o.Dir, append(os.Environ(), o.Env...)
	var out bytes.Buffer
	cmd.Stdout = &out
	lines, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the go command cannot be run: %w", err)
	}
	var said strings.Builder
	for scan := bufio.NewScanner(lines); scan.Scan(); {
		if !seen(scan.Text()) {
			said.WriteString("\n" + scan.Text())
		}
	}
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("go %s: %w%s", args[0], err, said.String())
	}
	return out.Bytes(), nil
}

// progress shows how far it is: on a terminal on one line, else line by line.
type progress struct {
	out                      io.Writer
	started, shown           time.Time
	modules, packages, total int
	open                     bool // a line on the terminal is not ended
}

func (p *progress) fetched(line string) bool {
	if !strings.HasPrefix(line, "go: downloading ") {
		return false
	}
	p.modules++
	p.show("fetching modules: %d", p.modules)
	return true
}

func (p *progress) compiled(line string) bool {
	if strings.ContainsAny(line, " :") { // no name of a package
		return false
	}
	p.packages++
	p.show("compiling packages: %d of at most %d", p.packages, p.total)
	return true
}

func (p *progress) show(format string, args ...any) {
	terminal, every := isTerminal(p.out), 20*time.Second
	if terminal {
		every = 100 * time.Millisecond
	}
	now := time.Now()
	if now.Sub(p.shown) < every {
		return
	}
	if p.shown.IsZero() && !terminal { // a build that is over soon says nothing
		p.shown = now
		return
	}
	p.shown = now
	line := fmt.Sprintf("  "+format, args...) + fmt.Sprintf(", %s", now.Sub(p.started).Round(time.Second))
	if terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%s", line)
		p.open = true
	} else {
		fmt.Fprintln(p.out, line)
	}
}

func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.out)
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
