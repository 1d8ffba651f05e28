package harness

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tools/servers/ready"
)

// Main runs the tests of a package on one system that they share: one that it
// starts, or, if PLENARY_URL is set, the one there. Call it from TestMain and
// exit with what it gives.
func Main(m *testing.M, o Options, shared **System) (code int) {
	if os.Getenv(urlVariable) != "" {
		*shared = elsewhere()
		return m.Run()
	}
	// Stopping the test also stops the system.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	interrupted := context.AfterFunc(ctx, func() {
		_ = all.close()
		os.Exit(1)
	})
	s, err := Start(ctx, o)
	defer func() {
		interrupted()
		if err := s.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*shared = s
	return m.Run()
}

// systems are those that run.
type systems struct {
	mutex sync.Mutex
	run   map[*System]bool
}

var all = systems{run: map[*System]bool{}}

func (r *systems) add(s *System) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.run[s] = true
}

func (r *systems) remove(s *System) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.run, s)
}

func (r *systems) close() error {
	r.mutex.Lock()
	run := slices.Collect(maps.Keys(r.run))
	r.mutex.Unlock()
	var g errgroup.Group
	for _, s := range run {
		g.Go(s.Close)
	}
	return g.Wait()
}

// New runs a system for one test. The test is skipped if PLENARY_URL has the
// tests run elsewhere.
func New(t *testing.T, o Options) *System {
	t.Helper()
	NeedsParts(t)
	s, err := Start(t.Context(), o)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.watch(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Watch prints, if the test fails, what the parts wrote since it began, and which of
// them have ended.
func (s *System) Watch(t *testing.T) {
	t.Helper()
	began := map[string]int64{}
	for _, name := range s.order {
		if info, err := os.Stat(s.logOf(name)); err == nil {
			began[name] = info.Size()
		}
	}
	s.watch(t, began)
}

func (s *System) watch(t *testing.T, began map[string]int64) {
	t.Helper()
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, name := range s.order {
			text := s.logSince(name, began[name])
			if p := s.process(name); p != nil && p.Exited() != nil {
				text += "\n(it has ended: " + p.Exited().Error() + ")"
			}
			if text != "" {
				t.Logf("--- %s\n%s", name, text)
			}
		}
	})
}

func (s *System) logOf(name string) string { return filepath.Join(s.Dir, "logs", name+".log") }

// logSince is the end of a part's log after a position, with the panic if it died of
// one.
func (s *System) logSince(name string, from int64) string {
	const lines, deathLines = 12, 24
	b, err := os.ReadFile(s.logOf(name))
	if err != nil || int64(len(b)) <= from {
		return ""
	}
	all := strings.Split(strings.TrimSpace(string(b[from:])), "\n")
	end := all[max(0, len(all)-lines):]
	death := slices.IndexFunc(all, func(line string) bool {
		return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
	})
	if death >= 0 {
		end = append(slices.Clone(all[death:min(len(all), death+deathLines)]), end...)
	}
	return strings.Join(end, "\n")
}

// Eventually waits until a condition gives no error, and fails the test with its
// last error when it takes longer than within.
func Eventually(t *testing.T, within time.Duration, condition func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), within, fmt.Errorf("not within %s", within))
	defer cancel()
	if err := ready.Until(ctx, condition); err != nil {
		t.Fatal(err)
	}
}
