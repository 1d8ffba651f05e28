package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/plenary/plenary/tools/local/api"
)

const (
	commandMark = "▸ "
	eventMark   = "• "
	indent      = "  " // of each effect under its cause
)

// row formats a line of a timeline: seconds since the start, app, message.
func row(seconds, app, what string) string { return fmt.Sprintf("%9s  %-20s  %s", seconds, app, what) }

var rowWidth = utf8.RuneCountInString(row("", "", ""))

// legend says how to read a timeline.
func (p page) legend() {
	p.line("%s", row("seconds", "app", p.paint(asked, commandMark+"a command")+" and the app that sent it, or"))
	p.line("%s", row("", "", p.paint(happened, eventMark+"an event")+" and the app that decided it;"))
	p.line("%s", row("", "", "each is indented under what caused it"))
}

// timeline prints an order's timeline.
func (p page) timeline(entries []api.TimelineEntry) {
	if len(entries) == 0 {
		return
	}
	t := teller{page: p, start: entries[0].Time, caused: map[string][]api.TimelineEntry{}}
	known := map[string]bool{}
	for _, e := range entries {
		known[e.ID] = true
		t.caused[e.CausedBy] = append(t.caused[e.CausedBy], e)
	}
	for _, e := range entries {
		if !known[e.CausedBy] { // it came from outside or from a timeout
			t.tell(e, 0, "")
		}
	}
}

type teller struct {
	page
	start  time.Time
	caused map[string][]api.TimelineEntry // by the id of the cause
}

// tell prints a command with all its effects: first the events of its decision
// together, then the commands these caused, by time, each with its own effects. A
// command names the event that caused it if that is not the one directly above.
func (t teller) tell(command api.TimelineEntry, depth int, after string) {
	t.entry(command, depth, after)
	var next []api.TimelineEntry
	notes := map[string]string{}
	events := t.caused[command.ID]
	for i, event := range events {
		t.entry(event, depth+1, event.Detail)
		for _, n := range t.caused[event.ID] {
			next = append(next, n)
			if i < len(events)-1 {
				notes[n.ID] = "after " + name(event)
			}
		}
	}
	slices.SortStableFunc(next, func(a, b api.TimelineEntry) int { return a.Time.Compare(b.Time) })
	for _, n := range next {
		t.tell(n, depth+2, notes[n.ID])
	}
}

func (t teller) entry(e api.TimelineEntry, depth int, note string) {
	mark, style := commandMark, asked
	if e.Kind == "event" {
		mark, style = eventMark, happened
	}
	if denials[name(e)] {
		style = denied
	}
	before, what := strings.Repeat(indent, depth), mark+name(e)
	text := before + t.paint(style, what)
	if note != "" {
		room := width - rowWidth - utf8.RuneCountInString(before+what) - len(indent)
		text += indent + t.paint(faint, cut(note, room))
	}
	t.line("%s", row(fmt.Sprintf("%+.3f", e.Time.Sub(t.start).Seconds()), e.Source, text))
}

// denials are the events with which something fails or is refused.
var denials = map[string]bool{
	"CommandRejected": true, "OrderRejected": true, "OrderExpired": true, "PaymentRejected": true,
	"PaymentCancelled": true, "RefundFailed": true,
}

// name is an entry's type without its version.
func name(e api.TimelineEntry) string {
	name, _, _ := strings.Cut(e.Type, ".")
	return name
}
