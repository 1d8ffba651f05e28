// Package process starts programs that keep running, each in a process group of
// its own and with its output in a file, and stops exactly those.
package process

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Spec says what to start.
type Spec struct {
	Name string // of the part, for people
	Path string
	Args []string
	Env  []string // beside that of this process
	Dir  string
	Log  string // file that gets its output
	// Credential is whom it runs as; nil means as this process does.
	Credential *syscall.Credential
	// StopSignal asks it to end; 0 means SIGTERM.
	StopSignal syscall.Signal
}

// Process is a program that was started.
type Process struct {
	Spec
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start starts a program. It does not get the signals that a terminal sends to
// this process.
func Start(s Spec) (*Process, error) {
	if err := os.MkdirAll(filepath.Dir(s.Log), 0o755); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	defer log.Close() // the child has its own
	p := &Process{Spec: s, cmd: exec.Command(s.Path, s.Args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = s.Dir, append(os.Environ(), s.Env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.Credential}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// PID is the process's id, which is also that of its group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exited is how the process ended: nil while it runs.
func (p *Process) Exited() error {
	select {
	case <-p.done:
		if p.err == nil {
			return errors.New("exit status 0")
		}
		return p.err
	default:
		return nil
	}
}

// Stop asks the process to end, and kills it after the grace period. When it
// returns, the process is gone, and so is what it had started.
func (p *Process) Stop(grace time.Duration) {
	started := descendants(p.PID())
	_ = p.cmd.Process.Signal(cmp.Or(p.StopSignal, syscall.SIGTERM))
	select {
	case <-p.done:
		killAll(started)
	case <-time.After(grace):
		p.Kill()
	}
}

// Kill ends the process and what it had started at once (kill -9), and waits
// until they are gone.
func (p *Process) Kill() {
	started := descendants(p.PID())
	_ = p.cmd.Process.Kill()
	<-p.done
	killAll(started)
}

// Pause makes the process hang until Resume, as one does that gets no time on its
// machine: its connections stay, and it answers nothing.
func (p *Process) Pause() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a process go on that hangs.
func (p *Process) Resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// Tail is the end of what the process wrote.
func (p *Process) Tail(lines int) string { return Tail(p.Log, lines) }

// Tail is the end of a file, or why it cannot be read.
func Tail(file string, lines int) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(string(bytes.TrimRight(b, "\n")), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
