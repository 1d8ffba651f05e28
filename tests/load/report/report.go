// Package report writes what was measured: as JSON, to be compared with later, and as
// one HTML page with plots.
package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Result is one run. Rates are per second. On a shared machine only their shares of
// each other say anything, and those of runs of one day.
type Result struct {
	When    time.Time `json:"when"`
	Set     string    `json:"set"`
	Machine string    `json:"machine"`
	Orders  int       `json:"orders"`
	// Whole is the whole system; Classic, Plain and Floor are those of package ceiling;
	// Old is an earlier version of the whole system, in the same run.
	Whole   float64 `json:"whole"`
	Classic float64 `json:"classic"`
	Plain   float64 `json:"plain"`
	Floor   float64 `json:"floor"`
	Old     float64 `json:"old"`
	// Costs of an order.
	Costs []Cost `json:"costs"`
	// Placed and Confirmed are how many seconds after the beginning each order was.
	Placed    []float64 `json:"placed"`
	Confirmed []float64 `json:"confirmed"`
	// Took is how many seconds after it was sent each order of Confirmed was confirmed.
	Took []float64 `json:"took"`
	// Parts are the milliseconds of processor time that an order took of each part.
	Parts []Cost `json:"parts"`
}

// Cost is what one order took of something.
type Cost struct {
	What  string  `json:"what"`
	Value float64 `json:"value"`
}

// Share is a rate as a share of another, in percent.
func Share(of, other float64) float64 {
	if other == 0 {
		return 0
	}
	return 100 * of / other
}

// Write writes result.json and report.html into a folder. earlier may be nil.
func Write(dir string, r Result, earlier *Result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "result.json"), data, 0o644); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := html.Execute(&page, view{Result: r, Earlier: earlier}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "report.html"), page.Bytes(), 0o644)
}

// Read reads a result.json.
func Read(file string) (*Result, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var r Result
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &r, nil
}

//go:embed report.html
var page string

var html = template.Must(template.New("report").Funcs(template.FuncMap{"share": Share}).Parse(page))

type view struct {
	Result
	Earlier *Result
}

// Was is a cost of the earlier result; empty if there is none.
func (v view) Was(what string) string {
	if v.Earlier == nil {
		return ""
	}
	i := slices.IndexFunc(v.Earlier.Costs, func(c Cost) bool { return c.What == what })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", v.Earlier.Costs[i].Value)
}

// The plots have this size.
const width, height = 640.0, 200.0

// Line is the number of orders that were done by each moment, as the points of a plot.
func (v view) Line(of string) string {
	all := v.Placed
	if of == "confirmed" {
		all = v.Confirmed
	}
	sorted := slices.Sorted(slices.Values(all))
	end := v.end()
	var points []string
	for i, at := range sorted {
		points = append(points, fmt.Sprintf("%.1f,%.1f", at/end*width, height-float64(i+1)/float64(len(sorted))*height))
	}
	return strings.Join(points, " ")
}

func (v view) end() float64 {
	end := 0.0
	for _, at := range slices.Concat(v.Placed, v.Confirmed) {
		end = max(end, at)
	}
	return max(end, 1e-9)
}

// Rates are the confirmed orders of each twentieth of the time, as bars.
func (v view) Rates() (bars []Bar) {
	const n = 20
	counts := make([]float64, n)
	end := v.end()
	for _, at := range v.Confirmed {
		counts[min(int(at/end*n), n-1)]++
	}
	most := slices.Max(counts)
	for i, c := range counts {
		if most > 0 {
			bars = append(bars, Bar{X: float64(i) * width / n, Height: c / most * height, Y: height - c/most*height, Width: width/n - 2, Label: fmt.Sprintf("%.1f/s", c/(end/n))})
		}
	}
	return bars
}

// UnderWay is how many orders were placed and not confirmed at each moment, as the points
// of a plot.
func (v view) UnderWay() string {
	type change struct{ at, by float64 }
	var changes []change
	for _, at := range v.Placed {
		changes = append(changes, change{at, 1})
	}
	for _, at := range v.Confirmed {
		changes = append(changes, change{at, -1})
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	end, most := v.end(), v.MostUnderWay()
	var points []string
	n := 0.0
	for _, c := range changes {
		n += c.by
		points = append(points, fmt.Sprintf("%.1f,%.1f", c.at/end*width, height-n/max(most, 1)*height))
	}
	return strings.Join(points, " ")
}

// MostUnderWay is the most orders that were placed and not confirmed at the same time.
func (v view) MostUnderWay() (most float64) {
	placed, confirmed := slices.Sorted(slices.Values(v.Placed)), slices.Sorted(slices.Values(v.Confirmed))
	done := 0
	for i, at := range placed {
		for done < len(confirmed) && confirmed[done] <= at {
			done++
		}
		most = max(most, float64(i+1-done))
	}
	return most
}

// Percentile is how long the orders took that were confirmed in each twentieth of the time,
// as the points of a plot.
func (v view) Percentile(q float64) string {
	const n = 20
	of := make([][]float64, n)
	end := v.end()
	for i, took := range v.Took {
		at := min(int(v.Confirmed[i]/end*n), n-1)
		of[at] = append(of[at], took)
	}
	longest := v.Longest()
	var points []string
	for i, all := range of {
		if len(all) == 0 {
			continue
		}
		slices.Sort(all)
		points = append(points, fmt.Sprintf("%.1f,%.1f", (float64(i)+0.5)/n*width, height-all[int(q*float64(len(all)-1))]/longest*height))
	}
	return strings.Join(points, " ")
}

// Longest is the most seconds that an order took.
func (v view) Longest() float64 {
	longest := 1e-9
	for _, took := range v.Took {
		longest = max(longest, took)
	}
	return longest
}

// PartBars are the parts, those first that take most, as rows of a plot. Parts that take
// next to nothing are left out.
func (v view) PartBars() (bars []Bar) {
	parts := slices.Clone(v.Parts)
	slices.SortStableFunc(parts, func(a, b Cost) int { return cmp.Compare(b.Value, a.Value) })
	for _, p := range parts {
		if p.Value < 0.005 {
			continue
		}
		bars = append(bars, Bar{
			Y: float64(len(bars)) * partHeight, Height: partHeight - 4, Width: p.Value / parts[0].Value * (width - partLabels),
			Label: fmt.Sprintf("%s %.2f", p.What, p.Value),
		})
	}
	return bars
}

// PartsHeight is that of the plot of PartBars.
func (v view) PartsHeight() float64 { return float64(len(v.PartBars())) * partHeight }

const (
	partHeight = 20.0
	partLabels = 260.0 // the width that the names of the parts take
)

// Bar is one of a plot.
type Bar struct {
	X, Y, Width, Height float64
	Label               string
}

// Quantile of how long after the beginning orders were confirmed.
func (v view) Quantile(q float64) string {
	if len(v.Confirmed) == 0 {
		return ""
	}
	sorted := slices.Sorted(slices.Values(v.Confirmed))
	return fmt.Sprintf("%.2f s", sorted[int(q*float64(len(sorted)-1))])
}
