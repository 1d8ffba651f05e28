package process_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/tools/servers/process"
	"github.com/plenary/plenary/tools/servers/ready"
)

func TestAProcessThatIsAskedToEndEnds(t *testing.T) {
	p := start(t, `trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done`)
	await(t, p, "up")
	p.Stop(10 * time.Second)
	if p.Exited() == nil || p.Tail(1) != "bye" {
		t.Errorf("exited: %v, it said %q", p.Exited(), p.Tail(1))
	}
}

func TestAProcessThatDoesNotListenIsKilled(t *testing.T) {
	p := start(t, `trap '' TERM; echo up; while :; do sleep 0.01; done`)
	await(t, p, "up")
	p.Stop(50 * time.Millisecond)
	if err := p.Exited(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("exited: %v, want killed", err)
	}
}

func TestWhatAKilledProcessStartedIsKilledWithIt(t *testing.T) {
	p := start(t, `sh -c 'echo $$; exec sleep 1000' & wait`)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := ready.Until(ctx, func(ctx context.Context) error {
		child, err := strconv.Atoi(p.Tail(1))
		if err != nil {
			return err
		}
		members, err := process.Group(ctx, p.PID())
		if err == nil && !slices.ContainsFunc(members, func(m process.Member) bool { return m.PID == child }) {
			err = fmt.Errorf("%d is not in the group: %v", child, members)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	if members, err := process.Group(t.Context(), p.PID()); err != nil || len(members) > 0 {
		t.Errorf("left in the group: %v, %v", members, err)
	}
}

func start(t *testing.T, script string) *process.Process {
	t.Helper()
	p, err := process.Start(process.Spec{Name: "script", Path: "sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func await(t *testing.T, p *process.Process, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := ready.Until(ctx, func(context.Context) error {
		if p.Tail(1) != line {
			return fmt.Errorf("it said %q", p.Tail(1))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
