package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
func Group(ctx context.Context, pgid int) ([]Member, error) {
	if stats, _ := filepath.Glob("/proc/[0-9]*/stat"); len(stats) > 0 {
		return groupFromProc(stats, pgid), nil
	}
	return groupFromPS(ctx, pgid)
}

func groupFromProc(stats []string, pgid int) (members []Member) {
	for _, stat := range stats {
		b, err := os.ReadFile(stat)
		if err != nil {
			continue // it has just ended
		}
		// "pid (name) state ppid pgrp …", where the name may hold anything.
		_, rest, _ := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) < 3 || fields[0] == "Z" || fields[2] != strconv.Itoa(pgid) {
			continue
		}
		dir := filepath.Dir(stat)
		pid, _ := strconv.Atoi(filepath.Base(dir))
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		members = append(members, Member{PID: pid, Command: strings.ReplaceAll(strings.TrimRight(string(command), "\x00"), "\x00", " ")})
	}
	return members
}

func groupFromPS(ctx context.Context, pgid int) (members []Member, err error) {
	out, err := exec.CommandContext(ctx, "ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,command=").Output()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[1] != strconv.Itoa(pgid) || strings.HasPrefix(fields[2], "Z") {
			continue
		}
		pid, _ := strconv.Atoi(fields[0])
		members = append(members, Member{PID: pid, Command: strings.Join(fields[3:], " ")})
	}
	return members, nil
}

// Alive says whether a process with this id is running.
func Alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// StopAll asks processes to end that are not children of this one, kills those
// that are left after the grace period, and says which had to be killed.
func StopAll(pids []int, grace time.Duration) (killed []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	const look = 20 * time.Millisecond
	for deadline := time.Now().Add(grace); time.Now().Before(deadline); time.Sleep(look) {
		if !anyAlive(pids) {
			return nil
		}
	}
	for _, pid := range pids {
		if Alive(pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			killed = append(killed, pid)
		}
	}
	return killed
}

func anyAlive(pids []int) bool {
	for _, pid := range pids {
		if Alive(pid) {
			return true
		}
	}
	return false
}
