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
	open(t, system.Organiser(), 10).place(t, 2) // nobody pays: their holds lapse
	r, err := pace.Measure(t.Context(), system.Organiser(), system.API(), pace.Options{Orders: 100, Clients: 20, Paid: true})
	must(t, err)
	t.Logf("%d orders at %.0f/s", len(r.Confirmed), r.Rate())

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
					expr := strings.NewReplacer("$__rate_interval", "10s", "[1h]", "[10m]").Replace(target.Expr)
					harness.Eventually(t, within, func(ctx context.Context) error { return hasNumbers(ctx, expr, began) })
				}
			})
		}
	}
	if panels < 40 {
		t.Errorf("only %d panels", panels)
	}
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
