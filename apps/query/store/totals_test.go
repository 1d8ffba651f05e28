package store

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

func TestTotals(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		if got := must(s.Totals(ctx, message.DefaultTenant, noon))(t); len(got.Orders) != 0 || !got.OldestDeadline.IsZero() || got.RemainingSeats != 0 {
			t.Errorf("of nothing: %+v", got)
		}
		mustAppend(t, s, conference()...)                           // 98 seats remain
		mustAppend(t, s, confirmedOrder(uuid.New(), uuid.New())...) // 2 seats
		early := noon.Add(time.Minute)
		for _, deadline := range []time.Time{noon.Add(time.Hour), early} {
			held, event := uuid.New(), placed(uuid.Nil)
			event.OrderID, event.Deadline = held, deadline
			mustAppend(t, s, streamOf("order/"+held.String(), event, totals(held, contracts.LineReserved, 1),
				contracts.OrderReservationCompleted{OrderID: held, Version: 1, Granted: event.Items, Deadline: deadline})...)
		}
		expired, waits, payment := uuid.New(), uuid.New(), uuid.New()
		mustAppend(t, s, streamOf("order/"+expired.String(), placed(expired), contracts.OrderExpired{OrderID: expired})...)
		mustAppend(t, s, event("order/"+waits.String(), 2, totals(waits, contracts.LineRequested, 0)))
		mustAppend(t, s, streamOf("payment/"+payment.String(),
			contracts.PaymentInitiated{PaymentID: payment, OrderID: expired, Version: 1, Amount: usd(1), Provider: "demo"},
			contracts.RefundFailed{PaymentID: payment, OrderID: expired, Amount: usd(1), Attempt: 1})...)
		if err := s.KeepDeadLetters(ctx, []Letter{{ID: "letter", Tenant: message.DefaultTenant, DeadLetter: message.DeadLetter{At: noon, Message: []byte("x")}}}); err != nil {
			t.Fatal(err)
		}

		got := must(s.Totals(ctx, message.DefaultTenant, noon))(t)
		if want := map[view.OrderStatus]int{view.OrderConfirmed: 1, view.OrderReserved: 2, view.OrderExpired: 1}; !maps.Equal(got.Orders, want) {
			t.Errorf("orders %v, want %v", got.Orders, want)
		}
		if got.HeldSeats != 4 || got.SoldSeats != 2 || got.RemainingSeats != 98 || !got.OldestDeadline.Equal(early) {
			t.Errorf("%+v", got)
		}
		if got.FailedRefunds != 1 || got.DeadLetters != 1 || got.WaitingStreams != 1 {
			t.Errorf("%+v", got)
		}
		if over := must(s.Totals(ctx, message.DefaultTenant, noon.AddDate(1, 0, 0)))(t); over.RemainingSeats != 0 {
			t.Errorf("seats remain of a conference that is over: %+v", over)
		}
		if other := must(s.Totals(ctx, "other", noon))(t); len(other.Orders) != 0 || other.RemainingSeats != 0 || other.DeadLetters != 0 {
			t.Errorf("of another tenant: %+v", other)
		}
	})
}
