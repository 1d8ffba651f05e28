package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/plenary/plenary/tests/load/report"
	"github.com/plenary/plenary/tools/servers/ready"
)

// earlierVersion measures another version in the checkout dir, with its own `make run` and
// `make load`, on the ports that these use.
func earlierVersion(ctx context.Context, dir string, orders int, r *report.Result) (err error) {
	run := exec.CommandContext(ctx, "make", "run")
	run.Dir = dir
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(dir, "make-run.log"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	run.Stdout, run.Stderr = log, log
	if err := run.Start(); err != nil {
		return err
	}
	defer func() {
		// Make passes no interrupt on.
		err = errors.Join(err, syscall.Kill(-run.Process.Pid, syscall.SIGINT))
		_ = run.Wait() // it was interrupted
	}()
	starting, cancel := context.WithTimeout(ctx, time.Hour) // it may have to build Dapr
	defer cancel()
	err = ready.Until(starting, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			return errors.New(resp.Status)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: see %s", err, log.Name())
	}
	before, err := processorTime(run.Process.Pid)
	if err != nil {
		return err
	}
	load := exec.CommandContext(ctx, "make", "load", "ORDERS="+strconv.Itoa(orders))
	load.Dir = dir
	said, err := load.CombinedOutput()
	if err != nil {
		return fmt.Errorf("make load: %w\n%s", err, said)
	}
	after, err := processorTime(run.Process.Pid)
	if err != nil {
		return err
	}
	took := regexp.MustCompile(`in ([0-9.]+) s:`).FindSubmatch(said)
	if took == nil {
		return fmt.Errorf("make load does not say how long it took:\n%s", said)
	}
	seconds, err := strconv.ParseFloat(string(took[1]), 64)
	if err != nil {
		return err
	}
	r.Old = float64(orders) / seconds
	r.Costs = append(r.Costs, report.Cost{What: "ms of processor time of all, in the earlier version", Value: 1000 * (after - before) / float64(orders)})
	return nil
}

// processorTime of a process and all that it started, in seconds, as Linux tells it.
func processorTime(root int) (seconds float64, err error) {
	const ticks = 100 // a second, on every Linux of today
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	parents, used := map[int]int{}, map[int]float64{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		_, rest, ok := bytes.Cut(text, []byte(") ")) // the name may have blanks
		fields := strings.Fields(string(rest))
		if !ok || len(fields) < 13 {
			return 0, fmt.Errorf("%s cannot be read", file)
		}
		parents[pid], _ = strconv.Atoi(fields[1])
		user, _ := strconv.ParseFloat(fields[11], 64)
		system, _ := strconv.ParseFloat(fields[12], 64)
		used[pid] = (user + system) / ticks
	}
	for pid := range parents {
		for at := pid; at > 1; at = parents[at] {
			if at == root {
				seconds += used[pid]
				break
			}
		}
	}
	return seconds, nil
}
