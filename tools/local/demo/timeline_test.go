package demo

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/plenary/plenary/tools/local/api"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestAnOrderIsToldAsATimeline(t *testing.T) {
	plain := tell(t, false)
	golden(t, "late.txt", plain)
	for line := range strings.Lines(plain) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestColourChangesNothingElse(t *testing.T) {
	colourful := tell(t, true)
	golden(t, "late.colour.txt", colourful)
	if got := regexp.MustCompile(`\x1b\[\d+m`).ReplaceAllString(colourful, ""); got != tell(t, false) {
		t.Errorf("without its colours it is\n%s", got)
	}
}

// tell tells the story in testdata: one of an order that was paid late, as a
// running system told it.
func tell(t *testing.T, colour bool) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "late.json"))
	if err != nil {
		t.Fatal(err)
	}
	var story struct{ Entries []api.TimelineEntry }
	if err := json.Unmarshal(b, &story); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	page{out: &out, colour: colour}.timeline(story.Entries)
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEverythingIsToldUnderWhatCausedIt(t *testing.T) {
	for name, test := range map[string]struct {
		entries []string // id cause
		want    []string // with their depths
	}{
		"nothing": {},
		"events of one decision stand together": {
			entries: []string{"c1", "e1 c1", "e2 c1", "c2 e2", "e3 c2"},
			want:    []string{"0 c1", "1 e1", "1 e2", "2 c2", "3 e3"},
		},
		"a command names its cause when another event stands between": {
			entries: []string{"c1", "e1 c1", "e2 c1", "c2 e1", "e3 c2"},
			want:    []string{"0 c1", "1 e1", "1 e2", "2 c2 after e1", "3 e3"},
		},
		"conversations that cross are told one after the other": {
			entries: []string{"c1", "c2", "e1 c1", "e2 c2", "c3 e1", "e3 c3"},
			want:    []string{"0 c1", "1 e1", "2 c3", "3 e3", "0 c2", "1 e2"},
		},
		"two commands after one event, as time went by": {
			entries: []string{"c1", "e1 c1", "c2 e1", "c3 e1", "e2 c2", "e3 c3"},
			want:    []string{"0 c1", "1 e1", "2 c2", "3 e2", "2 c3", "3 e3"},
		},
		"a cause that is not in the story": {
			entries: []string{"c1 wakeup", "e1 c1", "e2 lost", "c2 e2"},
			want:    []string{"0 c1", "1 e1", "0 e2", "1 c2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var entries []api.TimelineEntry
			for _, e := range test.entries {
				id, cause, _ := strings.Cut(e, " ")
				kind := map[byte]string{'c': "command", 'e': "event"}[id[0]]
				entries = append(entries, api.TimelineEntry{Kind: kind, ID: id, Type: id + ".v1", CausedBy: cause})
			}
			var out bytes.Buffer
			page{out: &out}.timeline(entries)
			if got, want := out.String(), rows(test.want); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// rows are the lines of entries without an app at time 0.
func rows(entries []string) (text string) {
	for _, e := range entries {
		depth, what, _ := strings.Cut(e, " ")
		mark := map[byte]string{'c': commandMark, 'e': eventMark}[what[0]]
		text += row("+0.000", "", strings.Repeat(indent, int(depth[0]-'0'))+mark+strings.Replace(what, " ", "  ", 1)) + "\n"
	}
	return text
}

func TestALongDetailIsCut(t *testing.T) {
	var out bytes.Buffer
	page{out: &out}.timeline([]api.TimelineEntry{
		{Kind: "command", ID: "c", Type: "ConfirmOrder.v1", Source: "web"},
		{Kind: "event", ID: "e", CausedBy: "c", Type: "CommandRejected.v1", Source: "order", Detail: strings.Repeat("é", 80)},
	})
	_, last, _ := strings.Cut(out.String(), "\n")
	if n := utf8.RuneCountInString(strings.TrimSuffix(last, "\n")); n != width || !strings.HasSuffix(last, "é…\n") {
		t.Errorf("%d columns: %s", n, last)
	}
}

func TestProseIsBroken(t *testing.T) {
	var out bytes.Buffer
	page{out: &out}.prose("%s", strings.Repeat("nine char ", 21))
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 4 || len(lines[0]) != 99 || len(lines[2]) != 9 {
		t.Errorf("got %q", lines)
	}
}
