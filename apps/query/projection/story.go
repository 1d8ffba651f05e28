package projection

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// Outcome is a command's outcome, from the events it caused, in the order of their
// stream. It is known only once all events of the decision have arrived, so that a
// client that waited for it then reads the whole effect.
func Outcome(commandID string, events []message.Message) view.Outcome {
	o := view.Outcome{CommandID: commandID, Status: view.OutcomeUnknown, Events: []string{}}
	if n := len(events); n > 0 && events[n-1].DecisionEnd > events[n-1].StreamVersion {
		return o
	}
	for _, m := range events {
		o.CommandType, o.Actor, o.Stream, o.Version = m.Cause.Type, m.Cause.Actor, m.Stream, m.StreamVersion
		o.Events = append(o.Events, m.Type)
		switch e := m.Body.(type) {
		case es.CommandRejected:
			o.Status, o.Code, o.Detail = view.OutcomeRefused, e.Code, e.Detail
		case es.CommandHadNoEffect:
			o.Status = view.OutcomeNoEffect
		default:
			o.Status = view.OutcomeAccepted
		}
	}
	return o
}

// Timeline tells the story of the events given, with the commands that caused
// them. Entries stand in the order of their times, but never before what caused
// them: the clocks of two apps may differ.
func Timeline(events []message.Message) []view.TimelineEntry {
	told := map[string]*moment{}
	var story []*moment
	tell := func(e view.TimelineEntry) {
		if told[e.ID] == nil {
			told[e.ID] = &moment{TimelineEntry: e}
			story = append(story, told[e.ID])
		}
	}
	for _, m := range events {
		if c := m.Cause; c.ID != "" {
			tell(view.TimelineEntry{
				Kind: view.TimelineCommand, ID: c.ID, Type: c.Type, Time: c.Time.UTC(), Source: c.Source, CausedBy: c.CauseID,
			})
		}
		tell(view.TimelineEntry{
			Kind: view.TimelineEvent, ID: m.ID, Type: m.Type, Time: m.Time.UTC(), Source: m.Source,
			Stream: m.Stream, Version: m.StreamVersion, CausedBy: m.Cause.ID, Detail: detail(m.Body),
		})
	}
	for _, e := range story {
		e.place(told)
	}
	slices.SortStableFunc(story, func(a, b *moment) int {
		return cmp.Or(
			a.not.Compare(b.not),
			cmp.Compare(a.depth, b.depth),
			cmp.Compare(a.Stream, b.Stream),
			cmp.Compare(a.Version, b.Version),
			cmp.Compare(a.ID, b.ID),
		)
	})
	entries := make([]view.TimelineEntry, len(story))
	for i, e := range story {
		entries[i] = e.TimelineEntry
	}
	return entries
}

// moment is an entry with its place in the story: not before its own time and
// that of its cause, and after its cause when these are the same.
type moment struct {
	view.TimelineEntry
	not    time.Time
	depth  int
	placed bool
}

func (e *moment) place(told map[string]*moment) {
	if e.placed {
		return
	}
	e.placed, e.not = true, e.Time
	if cause := told[e.CausedBy]; cause != nil {
		cause.place(told)
		e.depth = cause.depth + 1
		if cause.not.After(e.not) {
			e.not = cause.not
		}
	}
}

// detail is what is worth knowing of an event at a glance.
func detail(body any) string {
	switch e := body.(type) {
	case es.CommandRejected:
		return string(e.Code) + ": " + e.Detail
	case contracts.OrderPlaced:
		return "asks for " + seats(e.Items)
	case contracts.OrderUpdated:
		return "asks for " + seats(e.Items)
	case contracts.OrderTotalsCalculated:
		return e.Total.String()
	case contracts.OrderRegistrantAssigned:
		switch {
		case e.EmailChanged:
			return "corrected, with another e-mail address"
		case e.Correction:
			return "corrected"
		}
	case contracts.OrderPartiallyReserved:
		return seats(e.Granted)
	case contracts.OrderReservationCompleted:
		return seats(e.Granted)
	case contracts.OrderWaitlisted:
		return "waits for " + seats(e.Items)
	case contracts.WaitlistJoined:
		return "waits for " + seats(e.Wanted)
	case contracts.WaitlistChanged:
		return "waits for " + seats(e.Wanted)
	case contracts.SeatsOffered:
		return seats(e.Granted)
	case contracts.OrderRejected:
		return e.Reason
	case contracts.OrderSeatsCancelled:
		return "gives back " + counted(len(e.Positions)) + ", " + e.Refund.String() + by(e.ByOrganiser)
	case contracts.OrderCancelled:
		if e.ByOrganiser {
			return "by the organiser"
		}
	case contracts.OrderRetried, contracts.OrderSeatsReleased, contracts.OrderPaymentReturned, contracts.OrderCaseClosed:
		return "by an operator" // why is for those who work with Plenary
	case contracts.OrderConfirmed:
		return seats(e.Seats) + ", " + e.Total.String()
	case contracts.OrderPromoCodeRejected:
		return string(e.Reason)
	case contracts.DiscountApplied:
		return e.Code + ", " + e.Total.String()
	case contracts.SeatsReserved:
		return "granted " + seats(e.Granted)
	case contracts.SeatsReservationReduced:
		return "released " + seats(e.Released)
	case contracts.SeatsReservationCancelled:
		return "released " + seats(e.Released)
	case contracts.PaymentInitiated:
		return e.Amount.String()
	case contracts.PaymentCompleted:
		return e.Amount.String()
	case contracts.PaymentRejected:
		return e.Reason
	case contracts.PaymentCancelled:
		return e.Reason
	case contracts.PaymentRefundRequested:
		return e.Amount.String()
	case contracts.PaymentRefunded:
		return e.Amount.String()
	case contracts.RefundFailed:
		return e.Reason
	}
	return ""
}

func seats(s contracts.Seats) string { return counted(s.Total()) }

func counted(seats int) string {
	if seats != 1 {
		return fmt.Sprintf("%d seats", seats)
	}
	return "1 seat"
}

func by(organiser bool) string {
	if organiser {
		return ", by the organiser"
	}
	return ""
}

// Aggregate is the first part of a stream's name: "order" of "order/6f2c…".
func Aggregate(stream string) (aggregate, id string) {
	aggregate, id, _ = strings.Cut(stream, "/")
	return aggregate, id
}
