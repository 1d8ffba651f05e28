package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// freshFor is how long the images of a trial's servers are taken for current. Redis and
// PostgreSQL mend what is found in them about four times a year.
const freshFor = 90 * 24 * time.Hour

// serverImage is an image that the chart runs and this repository does not build, in
// values.yaml, with the day on which a newer one was looked for.
var serverImage = regexp.MustCompile(`(?m)^ +# A newer one was looked for on (\d{4}-\d{2}-\d{2})\.\n +image: (\S+)$`)

// tellAge says how old the images of the trial's servers are, and fails when they are
// to be looked at again.
func tellAge(chart string, now time.Time, out io.Writer) error {
	values, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	old := 0
	for _, m := range serverImage.FindAllStringSubmatch(string(values), -1) {
		day, err := time.Parse(time.DateOnly, m[1])
		if err != nil {
			return err
		}
		age := now.Sub(day)
		fmt.Fprintf(out, "%s: a newer one was looked for %d days ago\n", m[2], int(age.Hours()/24))
		if age > freshFor {
			old++
		}
	}
	if old > 0 {
		return fmt.Errorf("%d images are to be looked at again: put the current ones into values.yaml, by digest", old)
	}
	return nil
}
