// Command load places orders for one conference as fast as the API takes them,
// takes each to its end, and says how fast that went. The system must be
// running (make run); with -shares one is started, and compared with what package
// ceiling has.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/plenary/plenary/tests/load/pace"
	"github.com/plenary/plenary/tools/local/api"
)

func main() {
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func measure() error {
	url := flag.String("url", "http://127.0.0.1:8080", "origin of the API")
	token := flag.String("token", cmp.Or(os.Getenv("PLENARY_ORGANISER_TOKEN"), "organiser-for-local-trial-only"), "the organiser's credential")
	orders := flag.Int("orders", 2000, "how many orders")
	clients := flag.Int("clients", 500, "requests under way at once")
	paid := flag.Bool("paid", false, "pay each order; otherwise they are free of charge")
	beside := flag.Bool("shares", false, "measure a system that is started for it, and beside it the classic ceiling and the floor")
	dir := flag.String("report", ".data/load", "where the report of -shares goes")
	compare := flag.String("compare", "", "the result.json of an earlier report")
	old := flag.String("old", "", "a checkout of an earlier version, which is measured too")
	profiles := flag.String("profiles", "", "a folder for a processor profile of each app and sidecar, taken while -shares places orders")
	scenario := flag.String("scenario", "", "a load that is not steady, on a system of its own: flash (ten contenders for each seat), lapse (all holds lapse at once), replicas (two of each app beside one), reads (orders read per second), conferences (twenty beside one)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := pace.Options{Orders: *orders, Clients: *clients, Paid: *paid, Progress: os.Stderr}
	if *scenario != "" {
		load, ok := scenarios[*scenario]
		if !ok {
			return fmt.Errorf("there is no scenario %q", *scenario)
		}
		return load(ctx, o)
	}
	if *beside {
		return shares(ctx, o, *dir, *compare, *old, *profiles)
	}
	return run(ctx, *url, *token, o)
}

func run(ctx context.Context, url, token string, o pace.Options) error {
	r, err := pace.Measure(ctx, &api.Client{URL: url, Token: token, Wait: pace.Patience}, &api.Client{URL: url, Wait: pace.Patience}, o)
	if r.Took > 0 {
		fmt.Printf("orders    %d, of them %d confirmed, in %.1f s: %.0f orders/s to Confirmed\n", o.Orders, len(r.Confirmed), r.Took.Seconds(), r.Rate())
		fmt.Printf("placed    after %v (median), %v (last)\n", at(r.Placed, 0.5), at(r.Placed, 1))
		fmt.Printf("confirmed after %v (median), %v (last)\n", at(r.Confirmed, 0.5), at(r.Confirmed, 1))
		fmt.Printf("429       %d\n", r.Refused)
		fmt.Printf("remaining %d\n", r.Remaining)
	}
	return err
}

// at is a quantile.
func at(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(q*float64(len(sorted)-1))].Round(time.Millisecond)
}
