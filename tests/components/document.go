package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const introduction = `# What each component set gives

Written by ` + "`make test-components`" + `, which runs the conformance suites and the
end-to-end suite on all sets. Guarantees are tests: *yes* means that the test
passed, with what it measured; *no* gives the reason, and the set's page says what
follows from it. What they ask for, and why, is
[ADR 19](adr/0019-what-is-asked-of-a-bus-and-a-store.md). When a run finds other
guarantees than stand here, it fails.

**Kafka is franz-go's kfake here**, a broker in Go for tests that speaks Kafka's
protocol; it is not Apache Kafka. MySQL is MariaDB's server behind Dapr's
component for MySQL; it is tried as a state store alone and belongs to no set.
`

// section is a table of the document.
type section struct {
	suite, title, text string
	columns            []string
}

var sections = []section{
	{buses, "Buses", "On the real Dapr, with the component files of the set as they are.", sets},
	{stores, "State stores", "Each store of a set, written in the way that the engine picks for it, and key by\nkey.", slices.Concat(sets, []string{mysql})},
	{stories, "The whole system", "Through the HTTP API, with all apps.", sets},
}

// Cells begin with one of these.
const (
	yes     = "yes"
	no      = "no: "
	unknown = "not run"
)

// observed says that a row is no guarantee: it tells what was seen.
func observed(name string) bool { return strings.HasSuffix(name, "as it was seen") }

// cell is the result of a row as the document has it.
func (r *result) cell(name string) string {
	switch {
	case r == nil:
		return unknown
	case r.failed > 0:
		return no + "the test fails"
	case r.lacks != "":
		return no + r.lacks
	case r.passed == 0:
		return unknown
	}
	figures := slices.Compact(slices.Sorted(slices.Values(r.figures)))
	if len(figures) == 0 {
		return yes
	}
	if observed(name) {
		return strings.Join(figures, " / ")
	}
	return yes + " (" + strings.Join(figures, " / ") + ")"
}

// judgement is a cell without what may differ from run to run.
func judgement(cell string) string {
	if strings.HasPrefix(cell, yes) {
		return yes
	}
	return cell
}

// document is the whole of docs/component-sets.md.
func document(found results) string {
	var d strings.Builder
	d.WriteString(introduction)
	for _, s := range sections {
		rows := rowsOf(found, s.suite, false)
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&d, "\n## %s\n\n%s\n\n", s.title, s.text)
		table(&d, s.columns, rows, func(column string, r row) string { return found[column][r].cell(r.name) })
	}
	var rates []row
	for _, s := range sections {
		rates = append(rates, rowsOf(found, s.suite, true)...)
	}
	if len(rates) == 0 {
		return d.String()
	}
	d.WriteString("\n## Throughput\n\nOne bounded measurement of each, on the same machine, with everything on one machine;\nin brackets relative to `" + sets[0] + "`. It compares sets and is no target.\n\n")
	table(&d, slices.Concat(sets, []string{mysql}), rates, func(column string, r row) string {
		return relative(found[column][r], found[sets[0]][r])
	})
	return d.String()
}

// rowsOf are the rows of a suite in any column, as the tests came: those with a
// rate, or the others.
func rowsOf(found results, suite string, rates bool) []row {
	with, place := map[row]bool{}, map[row]int{}
	for _, rows := range found {
		for r, result := range rows {
			if r.suite == suite {
				with[r] = with[r] || len(result.rates) > 0
				place[r] = max(place[r], result.place)
			}
		}
	}
	maps.DeleteFunc(with, func(_ row, rate bool) bool { return rate != rates })
	return slices.SortedFunc(maps.Keys(with), func(a, b row) int {
		return cmp.Or(cmp.Compare(place[a], place[b]), cmp.Compare(a.name, b.name))
	})
}

func table(d *strings.Builder, columns []string, rows []row, cell func(column string, r row) string) {
	fmt.Fprintf(d, "| | %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", 1+len(columns)))
	for _, r := range rows {
		cells := make([]string, len(columns))
		for i, column := range columns {
			cells[i] = cell(column, r)
		}
		fmt.Fprintf(d, "| %s | %s |\n", r.name, strings.Join(cells, " | "))
	}
}

// relative is a rate, with what it is of another in percent. A store that was
// tried in several ways has several; the first is the way that the engine picks.
func relative(r, to *result) string {
	if r == nil || len(r.rates) == 0 {
		return "—"
	}
	if to == nil || len(to.rates) == 0 || r == to {
		return r.rates[0]
	}
	return fmt.Sprintf("%s (%.0f %%)", r.rates[0], 100*amount(r.rates[0])/amount(to.rates[0]))
}

// amount is the number that a rate begins with.
func amount(rate string) float64 {
	number, _, _ := strings.Cut(rate, " ")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		panic("a rate is a number and a unit: " + rate)
	}
	return n
}

// parse reads the cells of a document's tables of guarantees, by column and row.
func parse(text string) map[string]map[string]string {
	cells := map[string]map[string]string{}
	text, _, _ = strings.Cut(text, "\n## Throughput")
	var columns []string
	for line := range strings.Lines(text) {
		line, isRow := strings.CutPrefix(strings.TrimSpace(line), "| ")
		if !isRow {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, " |"), " | ")
		switch {
		case strings.HasPrefix(line, "| "): // no name: the head
			columns = strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
		case strings.HasPrefix(line, "---"):
		default:
			for i, column := range columns[:min(len(columns), len(fields)-1)] {
				if cells[column] == nil {
					cells[column] = map[string]string{}
				}
				cells[column][fields[0]] = fields[i+1]
			}
		}
	}
	return cells
}

// compare gives an error for each guarantee that is not what the document says,
// as far as both know it.
func compare(written map[string]map[string]string, found results) error {
	var errs []error
	for _, s := range sections {
		for _, column := range s.columns {
			for _, r := range rowsOf(found, s.suite, false) {
				if observed(r.name) {
					continue
				}
				was, is := judgement(written[column][r.name]), judgement(found[column][r].cell(r.name))
				if was != is && was != "" && was != unknown && is != unknown {
					errs = append(errs, fmt.Errorf("docs/component-sets.md has %q for %s on %s; it is %q", was, r.name, column, is))
				}
			}
		}
	}
	return errors.Join(errs...)
}
