package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plenary/plenary/tools/local/api"
)

// introduction says what is on sale and how to read the timelines.
func (s *show) introduction() {
	s.line("%q is on sale at %s/api/conferences/%s:\n", s.conference.Name, s.URL, s.slug())
	for _, t := range s.conference.SeatTypes {
		s.line("  %-26s %12s  %4d seats", t.Name, t.Price, t.Quota)
	}
	s.line("")
	s.prose("%d orders follow, each with a different outcome. Seats are held for %s here. %s", len(fates), short(s.hold), s.advice())
	s.line("\nHow to read their timelines:\n")
	s.legend()
}

// advice says what to do if holds take longer than the demo waits.
func (s *show) advice() string {
	if s.hold <= s.Wait {
		return ""
	}
	return fmt.Sprintf("Two orders have to wait for that. The demo waits %s, and says at its end how to see the rest.",
		short(s.Wait))
}

// summary is one line per order.
func (s *show) summary() {
	const row = "%-24s %-24s %12s   %-16s %16s"
	s.heading("Summary")
	s.line("%s", s.paint(strong, fmt.Sprintf(row, "outcome", "order", "total", "seats", "time to end")))
	for _, r := range s.results {
		took := fmt.Sprintf("%.3f s", r.took.Seconds())
		if r.waits {
			took = "waits"
		}
		s.line(row, r.fate.name, standing(r.order), totalOf(r.order), seatsOf(r.order), took)
	}
}

// totalOf is an order's total; a rejected order has none.
func totalOf(o api.Order) string {
	if o.Status == "rejected" {
		return "–"
	}
	return o.Total.String()
}

// standing is the status of an order and its payment.
func standing(o api.Order) string {
	if slices.ContainsFunc(o.Payments, func(p api.Payment) bool { return p.Status == "refunded" }) {
		return o.Status + ", money refunded"
	}
	return o.Status
}

// seatsOf is the number of seats an order got, of those it requested.
func seatsOf(o api.Order) string {
	granted, requested := 0, 0
	for _, line := range o.Lines {
		granted, requested = granted+line.Granted, requested+line.Requested
	}
	text := fmt.Sprintf("%d of %d", granted, requested)
	switch {
	case o.Status == "expired":
		text += ", released"
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

// outlook says how to see the end of the waiting orders.
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
	s.line("\nTo see the end of the waiting orders:\n")
	s.line("  make demo RESUME=%s", s.run)
	s.line("        after %s; the late payment needs its grace period as well (PLENARY_GRACE, 5m by default)", clock(last))
	s.line("  make demo WAIT=25m")
	s.line("        a new run that waits up to 25 minutes")
	s.line("  PLENARY_HOLD=10s PLENARY_GRACE=2s make run")
	s.line("        starts the system with holds so short that make demo shows everything at once")
}

// waiting says what an order waits for.
func waiting(o api.Order) string {
	text := "its hold to expire at " + clock(o.Deadline)
	if isBeingPaid(o) {
		text += " and, as a payment is open, for a grace period after that"
	}
	return text
}

// clock is the reader's local time of day.
func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// short omits zero seconds: 15m.
func short(d time.Duration) string { return strings.Replace(d.String(), "m0s", "m", 1) }
