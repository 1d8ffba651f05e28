package main

import (
	"cmp"
	"slices"
	"strings"
	"testing"
)

func TestNamesOfTestsAreRead(t *testing.T) {
	for test, want := range map[string]string{
		"TestAHoldLapses":                  "A hold lapses",
		"TestAnotherSDKPublishesCommands":  "Another SDK publishes commands",
		"TestAnOrderIsFoundByEmail":        "An order is found by email",
		"TestTheStoreIsSQL":                "The store is SQL",
		"TestNothingIsLostWhenItIsKilledX": "Nothing is lost when it is killed x",
	} {
		if got := sentence(test); got != want {
			t.Errorf("%s: %q, want %q", test, got, want)
		}
	}
}

// What `go test -json` says of two sets.
const (
	onLocal = `
{"Action":"run","Test":"TestBuses/it_comes"}
{"Action":"pass","Test":"TestBuses/it_comes"}
{"Action":"attr","Test":"TestBuses/side_by_side/many","Key":"lacks","Value":"there is one only"}
{"Action":"skip","Test":"TestBuses/side_by_side/many"}
{"Action":"attr","Test":"TestBuses/fast","Key":"rate","Value":"400 messages/s"}
{"Action":"pass","Test":"TestBuses/fast"}
{"Action":"pass","Test":"TestBuses"}
{"Action":"attr","Test":"TestStateOnMySQL/mysql_together/one_wins","Key":"figure","Value":"20 tried"}
{"Action":"pass","Test":"TestStateOnMySQL/mysql_together/one_wins"}
`
	onRedis = `
{"Action":"output","Test":"TestBuses/it_comes","Output":"it did not\n"}
{"Action":"fail","Test":"TestBuses/it_comes"}
{"Action":"output","Test":"TestBuses/side_by_side/many","Output":"    bus_test.go:12: they are too few\n"}
{"Action":"skip","Test":"TestBuses/side_by_side/many"}
{"Action":"attr","Test":"TestBuses/fast","Key":"rate","Value":"100 messages/s"}
{"Action":"pass","Test":"TestBuses/fast"}
`
)

func read(t *testing.T, redis string) (rs results, said string) {
	t.Helper()
	rs = results{}
	if _, err := rs.add("local", "conformance", strings.NewReader(onLocal)); err != nil {
		t.Fatal(err)
	}
	said, err := rs.add("redis", "conformance", strings.NewReader(redis))
	if err != nil {
		t.Fatal(err)
	}
	return rs, said
}

func TestTheDocumentHasWhatTheTestsSaid(t *testing.T) {
	rs, said := read(t, onRedis)
	if said != "it did not\n" {
		t.Errorf("of the failed test: %q", said)
	}
	text := document(rs)
	// line is a row of a table: what is said of the columns, and otherwise of the others.
	line := func(name, otherwise string, columns []string, said map[string]string) string {
		cells := []string{name}
		for _, column := range columns {
			cells = append(cells, cmp.Or(said[column], otherwise))
		}
		return "| " + strings.Join(cells, " | ") + " |"
	}
	withMySQL := append(slices.Clone(sets), mysql)
	for _, line := range []string{
		line("it comes", "not run", sets, map[string]string{"local": "yes", "redis": "no: the test fails"}),
		line("many", "not run", sets, map[string]string{"local": "no: there is one only", "redis": "no: they are too few"}),
		line("one wins", "not run", withMySQL, map[string]string{mysql: "yes (20 tried)"}),
		line("fast", "—", withMySQL, map[string]string{"local": "400 messages/s", "redis": "100 messages/s (25 %)"}),
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}

func TestOnlyGuaranteesAreCompared(t *testing.T) {
	before, _ := read(t, strings.ReplaceAll(onRedis, `"fail"`, `"pass"`))
	written := parse(document(before))
	same, _ := read(t, strings.NewReplacer(`"fail"`, `"pass"`, "100 messages", "90 messages").Replace(onRedis))
	if err := compare(written, same); err != nil {
		t.Errorf("another speed: %v", err)
	}
	other, _ := read(t, onRedis)
	if err := compare(written, other); err == nil || !strings.Contains(err.Error(), "it comes on redis") {
		t.Errorf("a guarantee that is gone: %v", err)
	}
	if err := compare(written, results{}); err != nil {
		t.Errorf("nothing was run: %v", err)
	}
}

// What is said of a package as a whole, which is of no test, makes no row.
func TestAPackageIsNoRow(t *testing.T) {
	rs := results{}
	const said = `{"Action":"start"}
{"Action":"pass","Test":"TestAHoldLapses"}
{"Action":"pass"}`
	if _, err := rs.add("local", "e2e", strings.NewReader(said)); err != nil {
		t.Fatal(err)
	}
	if text := document(rs); !strings.Contains(text, "| A hold lapses | yes |") || strings.Contains(text, "|  |") {
		t.Error(text)
	}
}
