package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode"
)

// row is a line of a table: a guarantee or a measurement of a suite.
type row struct {
	suite string // "conformance" has those of buses and of state stores
	name  string
}

// Suites, as the document divides them.
const (
	buses   = "buses"
	stores  = "stores"
	stories = "stories"
)

// result is what a row came to on a set.
type result struct {
	place          int // in its column, as the tests came
	passed, failed int
	lacks          string // why the set does not give the guarantee
	figures, rates []string
}

// reason is what a test said when it was skipped.
var reason = regexp.MustCompile(`(?m)^\s*\w+\.go:\d+: (.*)$`)

// results are those of all rows, by set.
type results map[string]map[row]*result

// event is one of `go test -json`.
type event struct {
	Action, Test, Output, Key, Value string
}

// mysql is the column of the state store that is part of no set.
const mysql = "MySQL"

// place says which row of which column a test is about; none for what is only a
// group of tests.
func place(set, suite, test string) (column string, r row, ok bool) {
	path := strings.Split(test, "/")
	name := strings.ReplaceAll(path[len(path)-1], "_", " ")
	switch {
	case suite == "e2e":
		return set, row{stories, sentence(path[0])}, len(path) == 1 && test != ""
	case path[0] == "TestBuses":
		return set, row{buses, name}, len(path) > 1 && name != "side by side"
	case path[0] == "TestStateStores":
		return set, row{stores, name}, len(path) > 2
	case path[0] == "TestStateOnMySQL":
		return mysql, row{stores, name}, len(path) > 2
	default:
		return "", row{}, false
	}
}

// sentence turns TestAHoldLapses into "A hold lapses".
func sentence(test string) string {
	var words []string
	name := []rune(strings.TrimPrefix(test, "Test"))
	begin := 0
	for i := 1; i <= len(name); i++ {
		if i < len(name) && (!unicode.IsUpper(name[i]) || unicode.IsUpper(name[i-1]) && (i+1 == len(name) || unicode.IsUpper(name[i+1]))) {
			continue
		}
		word := string(name[begin:i])
		if abbreviated := len(word) > 1 && word == strings.ToUpper(word); begin > 0 && !abbreviated {
			word = strings.ToLower(word)
		}
		words, begin = append(words, word), i
	}
	return strings.Join(words, " ")
}

// addFile takes in what was kept of a suite on a set.
func (rs results) addFile(root, set, suite string) (said string, err error) {
	f, err := os.Open(outputOf(root, set, suite))
	if err != nil {
		return "", err
	}
	defer f.Close()
	return rs.add(set, suite, f)
}

// add takes in the output of `go test -json`, and gives what the tests said that
// failed.
func (rs results) add(set, suite string, in io.Reader) (said string, err error) {
	outputs := map[string]*strings.Builder{}
	var failures strings.Builder
	decoder := json.NewDecoder(in)
	for {
		var e event
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			return failures.String(), nil
		} else if err != nil {
			return "", fmt.Errorf("read the output of the tests: %w", err)
		}
		switch e.Action {
		case "output", "build-output":
			o := outputs[e.Test]
			if o == nil {
				o = &strings.Builder{}
				outputs[e.Test] = o
			}
			o.WriteString(e.Output)
		case "fail", "build-fail":
			if o := outputs[e.Test]; o != nil {
				failures.WriteString(o.String())
			}
		}
		column, at, ok := place(set, suite, e.Test)
		if !ok {
			continue
		}
		if rs[column] == nil {
			rs[column] = map[row]*result{}
		}
		r := cmp.Or(rs[column][at], &result{place: len(rs[column])})
		rs[column][at] = r
		switch e.Action {
		case "pass":
			r.passed++
		case "skip":
			if o := outputs[e.Test]; r.lacks == "" && o != nil {
				if why := reason.FindStringSubmatch(o.String()); why != nil {
					r.lacks = why[1]
				}
			}
		case "fail":
			r.failed++
		case "attr":
			switch e.Key {
			case "lacks":
				r.lacks = e.Value
			case "figure":
				r.figures = append(r.figures, e.Value)
			case "rate":
				r.rates = append(r.rates, e.Value)
			}
		}
	}
}
