package store

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
)

const stuckAfter = 30 * time.Minute

func sweep(t *testing.T, s *Store, now time.Time) {
	t.Helper()
	if err := s.SweepStuck(t.Context(), tenant, now, stuckAfter); err != nil {
		t.Fatal(err)
	}
}

// found are the ways in which orders are stuck, by order, read in pages of two.
func found(t *testing.T, s *Store, now time.Time) map[uuid.UUID][]view.StuckKind {
	t.Helper()
	all := map[uuid.UUID][]view.StuckKind{}
	var since time.Time
	for after := (Cursor{}); ; {
		page := must(s.StuckOrders(t.Context(), tenant, now, stuckAfter, after, 2))(t)
		for _, o := range page.Orders {
			if o.Since.Before(since) {
				t.Errorf("%s is listed after one that is stuck since %s", o.Since, since)
			}
			since = o.Since
			for _, k := range o.Stuck {
				all[o.OrderID] = append(all[o.OrderID], k.Kind)
			}
		}
		if page.Next == "" {
			return all
		}
		after = must(ParseCursor(page.Next))(t)
	}
}

// The sweep finds what rests where it should not, whatever way it came to that, and looks
// at what is well once.
func TestStuckOrdersAreFoundAndLeaveTheListWhenTheyAreWell(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		fine, finePayment, overdue, unanswered, expired, payment, unknown := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
		mustAppend(t, s, confirmedOrder(fine, finePayment)...)
		items := placed(fine).Items
		seats := []any{contracts.SeatsReserved{ConferenceID: conferenceID, OrderID: fine, Number: 1, Granted: items}, contracts.SeatsReservationCommitted{ConferenceID: conferenceID, OrderID: fine, Number: 1},
			contracts.SeatsReserved{ConferenceID: conferenceID, OrderID: overdue, Number: 1, Granted: items}, contracts.SeatsReserved{ConferenceID: conferenceID, OrderID: expired, Number: 1, Granted: items}}
		mustAppend(t, s, streamOf("seats/"+conferenceID.String(), seats...)...)
		mustAppend(t, s, streamOf("order/"+overdue.String(), placed(overdue), contracts.OrderReservationCompleted{OrderID: overdue, Version: 1, Granted: items, Deadline: noon.Add(15 * time.Minute)})...)
		long := placed(unanswered)
		long.Deadline = noon.AddDate(0, 0, 1)
		mustAppend(t, s, streamOf("order/"+unanswered.String(), long)...)
		mustAppend(t, s, streamOf("order/"+expired.String(), placed(expired), contracts.OrderExpired{OrderID: expired})...)
		pay := func(id, order uuid.UUID) {
			mustAppend(t, s, streamOf("payment/"+id.String(),
				contracts.PaymentInitiated{PaymentID: id, OrderID: order, Amount: usd(100), Version: 1, Provider: "demo"},
				contracts.PaymentCompleted{PaymentID: id, OrderID: order, Amount: usd(100)})...)
		}
		pay(payment, expired)
		pay(uuid.New(), unknown)

		sweep(t, s, noon.Add(20*time.Minute))
		if got := found(t, s, noon.Add(20*time.Minute)); len(got) != 0 {
			t.Errorf("found too early: %v", got)
		}
		now := noon.Add(time.Hour)
		sweep(t, s, now)
		want := map[uuid.UUID][]view.StuckKind{
			overdue: {view.StuckOverdue}, unanswered: {view.StuckUnanswered}, expired: {view.StuckPayment, view.StuckSeats}, unknown: {view.StuckPayment},
		}
		got := found(t, s, now)
		if len(got) != len(want) {
			t.Errorf("found %v, want %v", got, want)
		}
		for order, kinds := range want {
			if !slices.Equal(got[order], kinds) {
				t.Errorf("%s: found %v, want %v", order, got[order], kinds)
			}
		}
		if a := must(s.Attention(t.Context(), tenant, now, stuckAfter))(t); a.Stuck != 4 || len(a.StuckOrders) != 4 {
			t.Errorf("attention: %+v", a)
		}
		if totals := must(s.Totals(t.Context(), tenant, now))(t); totals.StuckOrders != 4 {
			t.Errorf("totals: %+v", totals)
		}
		if n := must(s.count(t.Context(), `SELECT COUNT(*) FROM checks WHERE tenant = $1`, tenant))(t); n != 0 {
			t.Errorf("%d orders are still to be looked at", n)
		}

		// The list says at once what is well; the number, after the next sweep.
		mustAppend(t, s, event("seats/"+conferenceID.String(), 5, contracts.SeatsReservationCancelled{ConferenceID: conferenceID, OrderID: expired, Number: 1}),
			event("payment/"+payment.String(), 3, contracts.PaymentRefundRequested{PaymentID: payment, OrderID: expired, Amount: usd(100), Attempt: 1}),
			event("payment/"+payment.String(), 4, contracts.PaymentRefunded{PaymentID: payment, OrderID: expired, Amount: usd(100)}),
			event("order/"+unanswered.String(), 2, contracts.OrderReservationCompleted{OrderID: unanswered, Version: 1, Granted: items, Deadline: long.Deadline}))
		if got := found(t, s, now); len(got) != 2 || got[overdue] == nil || got[unknown] == nil {
			t.Errorf("after repairs: %v", got)
		}
		sweep(t, s, now)
		if n := must(s.CountStuck(t.Context(), tenant))(t); n != 2 {
			t.Errorf("%d are stuck after the repairs", n)
		}

		// Views that are made anew change nothing of it, and a case that is closed is not listed.
		if err := s.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		closed := event("order/"+overdue.String(), 3, contracts.OrderCaseClosed{OrderID: overdue, Reason: "looked at"})
		closed.Time = now
		mustAppend(t, s, closed)
		sweep(t, s, now.Add(time.Minute))
		if got := found(t, s, now.Add(time.Minute)); len(got) != 1 || got[unknown] == nil {
			t.Errorf("after one was closed: %v", got)
		}
	})
}

// What is well is not looked at again, however much of it there is; what comes late is.
func TestASweepLooksAtWhatHasHappenedSinceTheLast(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, now := open(t, fresh()), noon.Add(time.Hour)
		for range checksAtOnce { // each has two notes: paid, and confirmed
			mustAppend(t, s, confirmedOrder(uuid.New(), uuid.New())...)
		}
		notes := func() int {
			return must(s.count(t.Context(), `SELECT COUNT(*) FROM checks WHERE tenant = $1`, tenant))(t)
		}
		if n := notes(); n != 2*checksAtOnce {
			t.Fatalf("%d notes", n)
		}
		sweep(t, s, now)
		if n, found := notes(), must(s.CountStuck(t.Context(), tenant))(t); n != 0 || found != 0 {
			t.Errorf("%d notes are left, and %d orders are stuck", n, found)
		}
		late := uuid.New() // it comes an hour after its time, behind an event that was late
		mustAppend(t, s, event("payment/"+late.String(), 2, contracts.PaymentCompleted{PaymentID: late, OrderID: uuid.New(), Amount: usd(100)}))
		sweep(t, s, now)
		if n := must(s.CountStuck(t.Context(), tenant))(t); n != 0 {
			t.Errorf("%d are stuck of what is not shown", n)
		}
		mustAppend(t, s, event("payment/"+late.String(), 1, contracts.PaymentInitiated{PaymentID: late, OrderID: uuid.New(), Amount: usd(100), Version: 1, Provider: "demo"}))
		sweep(t, s, now)
		if n := must(s.CountStuck(t.Context(), tenant))(t); n != 1 {
			t.Errorf("%d are stuck, want the late one", n)
		}
	})
}
