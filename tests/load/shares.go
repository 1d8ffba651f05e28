package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/load/ceiling"
	"github.com/plenary/plenary/tests/load/pace"
	"github.com/plenary/plenary/tests/load/report"
	"github.com/plenary/plenary/tools/local/components"
)

// shares measures a system of its own, and then what it is compared with, one after the
// other on the same machine, and writes the report.
func shares(ctx context.Context, o pace.Options, dir, compare string) error {
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
	if err := whole(ctx, o, &r); err != nil {
		return fmt.Errorf("the whole system: %w", err)
	}
	if err := classic(ctx, o, &r); err != nil {
		return fmt.Errorf("the classic ceiling: %w", err)
	}
	files, err := os.MkdirTemp("", "plenary-floor-")
	if err != nil {
		return err
	}
	r.Floor, err = ceiling.Floor(ctx, files, o.Orders, o.Clients)
	if err = errors.Join(err, os.RemoveAll(files)); err != nil {
		return fmt.Errorf("the floor: %w", err)
	}
	fmt.Printf("the whole system %.1f orders/s: %.0f %% of the classic ceiling (%.1f), %.0f %% of one process on SQLite (%.1f)\n",
		r.Whole, report.Share(r.Whole, r.Classic), r.Classic, report.Share(r.Whole, r.Floor), r.Floor)
	for _, c := range r.Costs {
		fmt.Printf("%8.1f %s\n", c.Value, c.What)
	}
	fmt.Println("report:", dir+"/report.html")
	return report.Write(dir, r, earlier)
}

func whole(ctx context.Context, o pace.Options, r *report.Result) (err error) {
	s, err := harness.Start(ctx, harness.Options{})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	var before harness.Work
	o.Begin = func(ctx context.Context) (err error) { before, err = s.Work(ctx); return err }
	measured, err := pace.Measure(ctx, s.Organiser(), s.API(), o)
	if err != nil {
		return err
	}
	after, err := s.Work(ctx)
	if err != nil {
		return err
	}
	r.Whole = measured.Rate()
	for _, at := range measured.Placed {
		r.Placed = append(r.Placed, at.Seconds())
	}
	for _, at := range measured.Confirmed {
		r.Confirmed = append(r.Confirmed, at.Seconds())
	}
	cost := after.Sub(before).Per(o.Orders)
	r.Costs = []report.Cost{
		{What: "ms of processor time of the apps", Value: 1000 * cost.Apps},
		{What: "ms of processor time of the sidecars", Value: 1000 * cost.Sidecars},
		{What: "ms of processor time of broker, stores and scheduler", Value: 1000 * cost.Others},
		{What: "calls to publish", Value: cost.PublishCalls},
		{What: "calls to deliver", Value: cost.DeliverCalls},
		{What: "state reads", Value: cost.Reads},
		{What: "state writes", Value: cost.Writes},
		{What: "calls between apps", Value: cost.Invoked},
	}
	return nil
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
