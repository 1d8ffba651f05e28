package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plenary/plenary/tests/load/report"
)

func TestAReportHasTheSharesAndTheEarlierResult(t *testing.T) {
	dir := t.TempDir()
	earlier := report.Result{Whole: 20, Classic: 100, Costs: []report.Cost{{What: "messages", Value: 16}}}
	now := report.Result{
		Orders: 3, Whole: 90, Classic: 120, Floor: 300, Plain: 45, Old: 22.5, Costs: []report.Cost{{What: "messages", Value: 7.5}, {What: "calls", Value: 2}},
		Placed: []float64{0.5, 1, 1.5}, Confirmed: []float64{1, 2, 3}, Took: []float64{0.5, 1, 1.5},
		Parts: []report.Cost{{What: "web", Value: 0.25}, {What: "query", Value: 0.5}, {What: "idle", Value: 0}},
	}
	if err := report.Write(dir, now, &earlier); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{">90.0<", ">75 %<", ">20 %<", ">30 %<", ">200 %<", ">400 %<", ">7.5<", ">16.0<", "<polyline", "99 % after", "2 at most", "is 1.50 s", ">query 0.50<", ">web 0.25<", `width="190"`} {
		if !strings.Contains(string(page), wanted) {
			t.Errorf("the page has no %s", wanted)
		}
	}
	if strings.Contains(string(page), "idle") {
		t.Error("the page has a part that takes nothing")
	}
	read, err := report.Read(filepath.Join(dir, "result.json"))
	if err != nil || read.Whole != 90 || len(read.Confirmed) != 3 {
		t.Errorf("read %+v, %v", read, err)
	}
}
