package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/plenary/plenary/engine/component"
)

// Work is what a system has done, counted by its sidecars, and the processor time it
// took.
type Work struct {
	// PublishCalls and DeliverCalls are calls, each with one message or more. Sidecars
	// do not count the messages.
	PublishCalls, DeliverCalls float64
	// Reads and Writes are calls of state stores.
	Reads, Writes float64
	// Invoked are calls of one app by another, through both sidecars.
	Invoked float64
	// Processor time, in seconds.
	Apps, Sidecars, Others float64
}

// Sub is what was done since before.
func (w Work) Sub(before Work) Work {
	return w.with(before, -1)
}

// Per is the share of one of n.
func (w Work) Per(n int) Work { return Work{}.with(w, 1/float64(n)) }

func (w Work) with(o Work, factor float64) Work {
	all, others := w.fields(), o.fields()
	for i := range all {
		*all[i] += factor * *others[i]
	}
	return w
}

func (w *Work) fields() []*float64 {
	return []*float64{
		&w.PublishCalls, &w.DeliverCalls, &w.Reads, &w.Writes, &w.Invoked, &w.Apps, &w.Sidecars, &w.Others,
	}
}

func (w Work) String() string {
	return fmt.Sprintf("%.1f calls to publish, %.1f to deliver, state read %.1f times and written %.1f times, "+
		"%.1f calls between apps, %.1f ms of processor time (apps %.1f, sidecars %.1f, all else %.1f)",
		w.PublishCalls, w.DeliverCalls, w.Reads, w.Writes,
		w.Invoked, 1000*(w.Apps+w.Sidecars+w.Others), 1000*w.Apps, 1000*w.Sidecars, 1000*w.Others)
}

// Over says which counts are above those of a budget; empty if none is. Processor time
// is no count.
func (w Work) Over(budget Work) string {
	var over []string
	for _, c := range []struct {
		what      string
		is, maybe float64
	}{
		{"calls to publish", w.PublishCalls, budget.PublishCalls}, {"calls to deliver", w.DeliverCalls, budget.DeliverCalls},
		{"state reads", w.Reads, budget.Reads}, {"state writes", w.Writes, budget.Writes}, {"calls between apps", w.Invoked, budget.Invoked},
	} {
		if c.is > c.maybe {
			over = append(over, fmt.Sprintf("%.1f %s (%.1f)", c.is, c.what, c.maybe))
		}
	}
	return strings.Join(over, ", ")
}

// Work reads what the system has done since it was started.
func (s *System) Work(ctx context.Context) (w Work, err error) {
	parts, err := s.ProcessorTime()
	for name, app := range s.apps {
		if _, runs := parts[Sidecar(name)]; runs {
			err = errors.Join(err, w.addSidecar(ctx, app.MetricsPort))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		took := parts[name]
		if _, isApp := s.apps[name]; isApp {
			w.Apps += took
		} else if strings.HasSuffix(name, Sidecar("")) {
			w.Sidecars += took
		} else {
			w.Others += took
		}
	}
	return w, err
}

// ProcessorTime is what each part that runs has used since it was started, in seconds.
func (s *System) ProcessorTime() (used map[string]float64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	used = map[string]float64{}
	for name, p := range s.parts {
		if p.running == nil {
			continue
		}
		took, failed := processorTime(p.running.PID())
		used[name], err = took, errors.Join(err, failed)
	}
	return used, err
}

// addSidecar adds what a sidecar has counted.
func (w *Work) addSidecar(ctx context.Context, port int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/metrics", port), http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return w.add(res.Body)
}

// add adds metrics of a sidecar, in Prometheus' text format.
func (w *Work) add(metrics io.Reader) error {
	lines := bufio.NewScanner(metrics)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		name, _, _ := strings.Cut(line, "{")
		value, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if strings.HasPrefix(line, "#") || err != nil || strings.Contains(line, `topic="`+component.ProbeTopic+`"`) {
			continue
		}
		switch name {
		case "dapr_component_pubsub_egress_bulk_count", "dapr_component_pubsub_egress_count":
			w.PublishCalls += value
		case "dapr_component_pubsub_ingress_bulk_count":
			w.DeliverCalls += value
		case "dapr_component_state_count":
			if strings.Contains(line, `operation="get"`) || strings.Contains(line, `operation="bulk_get"`) {
				w.Reads += value
			} else {
				w.Writes += value
			}
		case "dapr_runtime_service_invocation_req_sent_total":
			w.Invoked += value
		}
	}
	return lines.Err()
}

// processorTime is what a process has used, in seconds.
func processorTime(pid int) (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name, in brackets, may have blanks.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const user, system, ticks = 11, 12, 100
	var used float64
	for _, i := range []int{user, system} {
		n, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return 0, err
		}
		used += n / ticks
	}
	return used, nil
}
