package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/load/pace"
	"github.com/plenary/plenary/tools/local/observe"
	"github.com/plenary/plenary/tools/local/runfile"
)

// While orders are sold, and some lapse, every query of every dashboard gives
// numbers.
func TestEveryPanelHasData(t *testing.T) {
	system.Watch(t)
	began := time.Now()
	sell(t)
	root, err := runfile.Root()
	must(t, err)
	files, err := filepath.Glob(filepath.Join(observe.Dashboards(root), "*.json"))
	must(t, err)
	panels := 0
	for _, file := range files {
		var board struct {
			Title  string `json:"title"`
			Panels []struct {
				Title   string `json:"title"`
				Targets []struct {
					Expr string `json:"expr"`
				} `json:"targets"`
			} `json:"panels"`
		}
		b, err := os.ReadFile(file)
		must(t, err)
		must(t, json.Unmarshal(b, &board))
		for _, p := range board.Panels {
			panels++
			t.Run(board.Title+"/"+p.Title, func(t *testing.T) {
				for _, target := range p.Targets {
					// The alerts are hurried here, and so are the service levels' hours.
					expr := strings.NewReplacer("$__rate_interval", "10s", "[1h]", "[10m]", "$namespace", ".*").Replace(target.Expr)
					harness.Eventually(t, within, func(ctx context.Context) error { return hasNumbers(ctx, expr, began) })
				}
			})
		}
	}
	if panels < 40 {
		t.Errorf("only %d panels", panels)
	}
}

// sell sells conferences out until the test ends, a small one after the other,
// and lets a hold lapse beside each. The holds here are short: whether each order
// ends right is for other tests.
func sell(t *testing.T) {
	t.Helper()
	unpaid := open(t, system.Organiser(), 1000)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		sold := 0
		for ctx.Err() == nil {
			r, err := pace.Measure(ctx, system.Organiser(), system.API(), pace.Options{Orders: 10, Clients: 10, Paid: true})
			if err == nil {
				_, err = system.API().PlaceOrder(ctx, unpaid.conference, unpaid.seat())
			}
			if err != nil && ctx.Err() == nil {
				t.Logf("an order did not end right: %v", err)
			}
			sold += len(r.Confirmed)
		}
		done <- sold
	}()
	t.Cleanup(func() {
		stop()
		t.Logf("%d orders were sold", <-done)
	})
}

// hasNumbers gives an error unless an expression has had a number since a time.
func hasNumbers(ctx context.Context, expr string, since time.Time) error {
	var found struct {
		Result []struct {
			Values [][2]any `json:"values"`
		} `json:"result"`
	}
	seconds := func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
	err := ask(ctx, system.Observed.MetricsURL()+"/api/v1/query_range", url.Values{
		"query": {expr}, "start": {seconds(since)}, "end": {seconds(time.Now())}, "step": {"2"},
	}, &found)
	if err != nil {
		return fmt.Errorf("%s: %w", expr, err)
	}
	for _, series := range found.Result {
		for _, v := range series.Values {
			if n, err := strconv.ParseFloat(fmt.Sprint(v[1]), 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
				return nil
			}
		}
	}
	return errors.New(expr + " gives no numbers")
}
