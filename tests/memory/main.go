// Command memory places orders, round after round, in a system of its own, and says
// after each how fast it was, what processor time an order took, what the data take on
// disk, and how much memory the apps take that keep streams or views: resident, in MiB, as
// a curve, and at the end how fast the last tenth of the rounds was beside the first. Go's
// memory is limited as in a pod of the chart's default size. It fails if an app takes more
// than such a pod has.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/load/pace"
	"github.com/plenary/plenary/tools/local/api"
)

const mebi = 1 << 20

func main() {
	orders := flag.Int("orders", 100_000, "how many orders")
	during := flag.Duration("during", 0, "for how long, instead of so many orders")
	round := flag.Int("round", 1000, "how many of them between two looks")
	clients := flag.Int("clients", 100, "requests under way at once")
	free := flag.Bool("free", false, "the orders are free of charge; otherwise each is paid")
	pod := flag.Int64("pod", 256, "memory of a pod, in MiB")
	apps := flag.String("apps", "order,registration-process,query", "which apps to look at")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := pace.Options{Orders: *round, Clients: *clients, Paid: !*free}
	if err := run(ctx, *orders, *during, *pod, strings.Split(*apps, ","), o); err != nil {
		fmt.Fprintln(os.Stderr, "memory:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, orders int, during time.Duration, pod int64, apps []string, o pace.Options) (err error) {
	const ofContainer = 0.9 // as package host does in a container
	limit := strconv.FormatInt(int64(ofContainer*float64(pod*mebi)), 10)
	s, err := harness.Start(ctx, harness.Options{Env: map[string]string{"GOMEMLIMIT": limit}})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	organiser, anyone := s.Organiser(), s.API()
	for _, c := range []*api.Client{organiser, anyone} {
		c.Wait = pace.Patience
	}

	fmt.Printf("%8s %8s %8s %8s %8s %8s %8s", "orders", "seconds", "orders/s", "MiB disk", "ms apps", "sidecars", "others")
	for _, app := range apps {
		fmt.Printf(" %*s", len(app), app)
	}
	fmt.Println()
	began := time.Now()
	var failed []error
	var rates []float64
	var cost harness.Work
	for done := 0; ; {
		disk, err := sizeOf(s.Data())
		if err != nil {
			return err
		}
		rate := 0.0
		if len(rates) > 0 {
			rate = rates[len(rates)-1]
		}
		fmt.Printf("%8d %8.0f %8.1f %8.0f %8.1f %8.1f %8.1f", done, time.Since(began).Seconds(), rate, float64(disk)/mebi, 1000*cost.Apps, 1000*cost.Sidecars, 1000*cost.Others)
		for _, app := range apps {
			resident, err := residentOf(s.PID(app))
			if err != nil {
				return err
			}
			fmt.Printf(" %*.0f", len(app), float64(resident)/mebi)
			if resident > pod*mebi {
				failed = append(failed, fmt.Errorf("%s takes %d MiB after %d orders, and its pod has %d", app, resident/mebi, done, pod))
			}
		}
		fmt.Println()
		if during > 0 && time.Since(began) >= during || during == 0 && done >= orders {
			tenth := (len(rates) + 9) / 10
			first, last := mean(rates[:tenth]), mean(rates[len(rates)-tenth:])
			fmt.Printf("the last tenth: %.1f orders/s, %.0f %% of the first (%.1f)\n", last, 100*last/first, first)
			return errors.Join(failed...)
		}
		before, err := s.Work(ctx)
		if err != nil {
			return err
		}
		r, err := pace.Measure(ctx, organiser, anyone, o)
		if err != nil {
			return err
		}
		after, err := s.Work(ctx)
		if err != nil {
			return err
		}
		rates, cost = append(rates, r.Rate()), after.Sub(before).Per(o.Orders)
		done += o.Orders
	}
}

func mean(of []float64) float64 {
	sum := 0.0
	for _, v := range of {
		sum += v
	}
	return sum / float64(len(of))
}

// sizeOf is what the files in a folder take, in bytes.
func sizeOf(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was there a moment ago
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return bytes, err
}

// residentOf is the resident memory of a process, in bytes.
func residentOf(pid int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if kib, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(kib, "kB")), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("process %d says nothing of its memory", pid)
}
