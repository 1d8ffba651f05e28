package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plenary/plenary/tools/local/api"
)

// introduction says what is on sale and how to read what follows.
func (s *show) introduction() {
	s.line("%q is on sale at %s/api/conferences/%s:\n", s.conference.Name, s.URL, s.slug())
	for _, t := range s.conference.SeatTypes {
		s.line("  %-26s %12s  %4d seats", t.Name, t.Price, t.Quota)
	}
	s.line("")
	s.prose("%d orders follow, each with a fate of its own. Seats are held for %s here. %s", len(fates), short(s.hold), s.advice())
	s.line("\nHow to read their timelines:\n")
	s.legend()
}

// advice is for whoever does not want to wait for a hold to lapse.
func (s *show) advice() string {
	if s.hold <= s.Wait {
		return ""
	}
	return fmt.Sprintf("Two orders have to wait until that is over; the demo does for %s, and tells at its end how to see more.",
		short(s.Wait))
}

// summary is one line per order.
func (s *show) summary() {
	const row = "%-24s %-24s %12s   %-16s %16s"
	s.heading("Summary")
	s.line("%s", s.paint(strong, fmt.Sprintf(row, "fate", "the order", "total", "seats", "time to its end")))
	for _, r := range s.results {
		took := fmt.Sprintf("%.3f s", r.took.Seconds())
		if r.waits {
			took = "waits"
		}
		s.line(row, r.fate.name, standing(r.order), totalOf(r.order), seatsOf(r.order), took)
	}
}

// totalOf is what an order costs or, had it not lapsed, would have cost; nothing
// is to be paid where nothing was granted.
func totalOf(o api.Order) string {
	if o.Status == "rejected" {
		return "–"
	}
	return o.Total.String()
}

// standing is how an order and its money stand.
func standing(o api.Order) string {
	if slices.ContainsFunc(o.Payments, func(p api.Payment) bool { return p.Status == "refunded" }) {
		return o.Status + ", money refunded"
	}
	return o.Status
}

// seatsOf is how many seats an order got, of how many it asked for.
func seatsOf(o api.Order) string {
	granted, requested := 0, 0
	for _, line := range o.Lines {
		granted, requested = granted+line.Granted, requested+line.Requested
	}
	text := fmt.Sprintf("%d of %d", granted, requested)
	switch {
	case o.Status == "expired":
		text += ", back"
	case !ended(o):
		text += ", held"
	}
	return text
}

// seats is one line per seat type.
func (s *show) seats(sold, held map[string]int) {
	const row = "%-26s %8v %8v %8v %8v"
	s.line("\n%s", s.paint(strong, fmt.Sprintf(row, "seats", "quota", "sold", "held", "left")))
	for _, t := range s.conference.SeatTypes {
		s.line(row, t.Name, t.Quota, sold[t.Name], held[t.Name], t.Remaining)
	}
}

// outlook says how to see the end of what waits.
func (s *show) outlook() {
	var last time.Time
	for _, r := range s.results {
		if r.waits {
			last = later(last, r.order.Deadline)
		}
	}
	if last.IsZero() {
		return
	}
	s.line("\nTo see the end of what waits:\n")
	s.line("  make demo RESUME=%s", s.run)
	s.line("        after %s, and for the late payment after its grace (PLENARY_GRACE, 5m by default)", clock(last))
	s.line("  make demo WAIT=25m")
	s.line("        another run, which waits so long if need be")
	s.line("  PLENARY_HOLD=10s PLENARY_GRACE=2s make run")
	s.line("        the system with holds so short that make demo tells everything at once")
}

// waiting says what an order waits for.
func waiting(o api.Order) string {
	text := "its hold to lapse, at " + clock(o.Deadline)
	if isBeingPaid(o) {
		text += " and, as a payment is open, a grace after that"
	}
	return text
}

// clock is the time of day where the reader is.
func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// short leaves out seconds that are none: 15m.
func short(d time.Duration) string { return strings.Replace(d.String(), "m0s", "m", 1) }
