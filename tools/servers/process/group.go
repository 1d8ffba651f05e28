package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Member is a process of a process group.
type Member struct {
	PID     int
	Command string // with its arguments, separated by blanks
}

// Group lists the running processes of a process group.
func Group(ctx context.Context, pgid int) (members []Member, err error) {
	all, err := running(ctx)
	for _, e := range all {
		if e.group == pgid {
			members = append(members, e.Member)
		}
	}
	return members, err
}

// descendants are the running processes that a process has started, and those
// that they have. Where they cannot be listed, there are none.
func descendants(pid int) (pids []int) {
	all, _ := running(context.Background())
	for parents := []int{pid}; len(parents) > 0; {
		var children []int
		for _, e := range all {
			if slices.Contains(parents, e.parent) {
				children = append(children, e.PID)
			}
		}
		pids, parents = append(pids, children...), children
	}
	return pids
}

// killAll ends processes at once and waits until they are gone.
func killAll(pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for anyRuns(pids) {
		time.Sleep(look)
	}
}

// anyRuns says whether one of the processes exists and has not ended: one that is not
// our child may stay a zombie.
func anyRuns(pids []int) bool {
	all, _ := running(context.Background())
	return slices.ContainsFunc(all, func(e entry) bool { return slices.Contains(pids, e.PID) })
}

// entry is a process as the system lists it.
type entry struct {
	Member
	parent, group int
}

// running lists all processes that have not ended.
func running(ctx context.Context) ([]entry, error) {
	if stats, _ := filepath.Glob("/proc/[0-9]*/stat"); len(stats) > 0 {
		return fromProc(stats), nil
	}
	return fromPS(ctx)
}

func fromProc(stats []string) (all []entry) {
	for _, stat := range stats {
		b, err := os.ReadFile(stat)
		if err != nil {
			continue // it has just ended
		}
		// "pid (name) state ppid pgrp …", where the name may hold anything.
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(fields) < 3 || fields[0] == "Z" {
			continue
		}
		dir := filepath.Dir(stat)
		e := entry{}
		e.PID, _ = strconv.Atoi(filepath.Base(dir))
		e.parent, _ = strconv.Atoi(fields[1])
		e.group, _ = strconv.Atoi(fields[2])
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		e.Command = strings.ReplaceAll(strings.TrimRight(string(command), "\x00"), "\x00", " ")
		all = append(all, e)
	}
	return all
}

func fromPS(ctx context.Context) (all []entry, err error) {
	out, err := exec.CommandContext(ctx, "ps", "-A", "-ww", "-o", "pid=,ppid=,pgid=,stat=,command=").Output()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 5 || strings.HasPrefix(fields[3], "Z") {
			continue
		}
		e := entry{}
		e.PID, _ = strconv.Atoi(fields[0])
		e.parent, _ = strconv.Atoi(fields[1])
		e.group, _ = strconv.Atoi(fields[2])
		e.Command = strings.Join(fields[4:], " ")
		all = append(all, e)
	}
	return all, nil
}

// look is how often it is looked whether processes have ended.
const look = 20 * time.Millisecond
