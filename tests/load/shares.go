package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/load/ceiling"
	"github.com/plenary/plenary/tests/load/pace"
	"github.com/plenary/plenary/tests/load/report"
	"github.com/plenary/plenary/tools/local/components"
)

// shares measures a system of its own, and then what it is compared with, one after the
// other on the same machine, and writes the report.
func shares(ctx context.Context, o pace.Options, dir, compare, old, profiles string) error {
	r := report.Result{
		When: time.Now().UTC().Truncate(time.Second), Set: cmp.Or(os.Getenv(components.Variable), components.Local),
		Machine: fmt.Sprintf("%d processors, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH), Orders: o.Orders,
	}
	var earlier *report.Result
	if compare != "" {
		var err error
		if earlier, err = report.Read(compare); err != nil {
			return err
		}
	}
	if err := whole(ctx, o, &r, profiles); err != nil {
		return fmt.Errorf("the whole system: %w", err)
	}
	if profiles != "" {
		fmt.Printf("the whole system: %.1f orders/s, with profiles being taken; they are in %s\n", r.Whole, profiles)
		show(r.Costs)
		return nil
	}
	fmt.Printf("the whole system: %.1f orders/s\n", r.Whole)
	// What was measured is told at once: what comes after it may fail.
	share := func(what string, of float64) {
		fmt.Printf("%7.0f %% of %s (%.1f)\n", report.Share(r.Whole, of), what, of)
	}
	if err := classic(ctx, o, &r); err != nil {
		return fmt.Errorf("the classic ceiling: %w", err)
	}
	share("the classic ceiling", r.Classic)
	if err := plain(ctx, o, &r); err != nil {
		return fmt.Errorf("the plain service: %w", err)
	}
	share("a plain order service", r.Plain)
	files, err := os.MkdirTemp("", "plenary-floor-")
	if err != nil {
		return err
	}
	r.Floor, err = ceiling.Floor(ctx, files, o.Orders, o.Clients)
	if err = errors.Join(err, os.RemoveAll(files)); err != nil {
		return fmt.Errorf("the floor: %w", err)
	}
	share("one process on SQLite", r.Floor)
	if old != "" {
		if err := earlierVersion(ctx, old, o.Orders, &r); err != nil {
			return fmt.Errorf("the earlier version: %w", err)
		}
		share("the earlier version", r.Old)
	}
	show(r.Costs)
	fmt.Println("report:", dir+"/report.html")
	return report.Write(dir, r, earlier)
}

func show(costs []report.Cost) {
	for _, c := range costs {
		fmt.Printf("%8.1f %s\n", c.Value, c.What)
	}
}

// deliveries is how many messages an order's life has delivered: 7 commands, and 9 events
// to two apps each.
const deliveries = 25

func whole(ctx context.Context, o pace.Options, r *report.Result, profiles string) (err error) {
	var options harness.Options
	if profiles != "" {
		if err := os.MkdirAll(profiles, 0o755); err != nil {
			return err
		}
		options.Profile = true
	}
	s, err := harness.Start(ctx, options)
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	var before harness.Work
	var usedBefore map[string]float64
	var profiling errgroup.Group
	o.Begin = func(ctx context.Context) (err error) {
		if profiles != "" {
			profile(ctx, &profiling, s, profiles, o.Orders)
		}
		if before, err = s.Work(ctx); err == nil {
			usedBefore, err = s.ProcessorTime()
		}
		return err
	}
	measured, err := pace.Measure(ctx, s.Organiser(), s.API(), o)
	if err = errors.Join(err, profiling.Wait()); err != nil {
		return err
	}
	after, err := s.Work(ctx)
	if err != nil {
		return err
	}
	used, err := s.ProcessorTime()
	if err != nil {
		return err
	}
	r.Parts = partsOf(usedBefore, used, o.Orders)
	showParts(r.Parts)
	r.Whole = measured.Rate()
	for _, at := range measured.Placed {
		r.Placed = append(r.Placed, at.Seconds())
	}
	for _, at := range measured.Confirmed {
		r.Confirmed = append(r.Confirmed, at.Seconds())
	}
	for _, took := range measured.Whole {
		r.Took = append(r.Took, took.Seconds())
	}
	cost := after.Sub(before).Per(o.Orders)
	r.Costs = append(r.Costs,
		report.Cost{What: "ms of processor time of the apps", Value: 1000 * cost.Apps},
		report.Cost{What: "ms of processor time of the sidecars", Value: 1000 * cost.Sidecars},
		report.Cost{What: "ms of processor time of broker, stores and scheduler", Value: 1000 * cost.Others},
		report.Cost{What: "calls to publish", Value: cost.PublishCalls},
		report.Cost{What: "calls to deliver", Value: cost.DeliverCalls},
		report.Cost{What: "deliveries in a call, on average", Value: deliveries / cost.DeliverCalls},
		report.Cost{What: "state reads", Value: cost.Reads},
		report.Cost{What: "state writes", Value: cost.Writes},
		report.Cost{What: "calls between apps", Value: cost.Invoked},
	)
	if profiles != "" {
		return nil
	}
	return latency(ctx, s, o, r)
}

// profile takes a processor profile of each app and sidecar, from now on until most of
// the orders will have ended.
func profile(ctx context.Context, g *errgroup.Group, s *harness.System, dir string, orders int) {
	const least, perSecond = 10, 80
	for name, url := range s.Profiles() {
		g.Go(func() error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s?seconds=%d", url, max(least, orders/perSecond)), nil)
			if err != nil {
				return err
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("the profile of %s: %s", name, res.Status)
			}
			data, err := io.ReadAll(res.Body)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, name+".pprof"), data, 0o600)
		})
	}
}

// latency measures orders that come one by one, and orders that come at half the rate
// that the whole system carries.
func latency(ctx context.Context, s *harness.System, o pace.Options, r *report.Result) error {
	const lone, most = 40, 1000
	o.Begin = nil
	o.Orders, o.PerSecond = lone, 1
	idle, err := pace.Measure(ctx, s.Organiser(), s.API(), o)
	if err != nil {
		return fmt.Errorf("one by one: %w", err)
	}
	o.PerSecond = r.Whole / 2
	o.Orders = min(most, int(20*o.PerSecond)+lone)
	half, err := pace.Measure(ctx, s.Organiser(), s.API(), o)
	if err != nil {
		return fmt.Errorf("at half the rate: %w", err)
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	r.Costs = append(r.Costs,
		report.Cost{What: "ms from sent to seats held, an order alone, median", Value: ms(at(idle.Reserved, 0.5))},
		report.Cost{What: "ms from sent to confirmed, an order alone, median", Value: ms(at(idle.Whole, 0.5))},
		report.Cost{What: "ms from sent to seats held, at half the rate, median", Value: ms(at(half.Reserved, 0.5))},
		report.Cost{What: "ms from sent to seats held, at half the rate, 99 % of the orders", Value: ms(at(half.Reserved, 0.99))},
	)
	return nil
}

func plain(ctx context.Context, o pace.Options, r *report.Result) (err error) {
	s, err := harness.Start(ctx, harness.Options{Apart: true})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	r.Plain, err = ceiling.Plain(ctx, s, o.Orders, o.Clients)
	return err
}

func classic(ctx context.Context, o pace.Options, r *report.Result) (err error) {
	s, err := harness.Start(ctx, harness.Options{Apart: true})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	r.Classic, err = ceiling.Classic(ctx, s, o.Orders, o.Clients)
	return err
}
