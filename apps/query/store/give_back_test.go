package store

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
)

// A seat that was given back is in no view a seat of the order, and its money is refunded;
// what the order was confirmed with stays as it was.
func TestSeatsThatWereGivenBackAreInEveryView(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		order, payment := uuid.New(), uuid.New()
		mustAppend(t, s, conference()...)
		mustAppend(t, s, confirmedOrder(order, payment)...)
		back := contracts.OrderSeatsCancelled{
			OrderID: order, Number: 1, Positions: []int{1}, Keep: contracts.Seats{{SeatType: general, Quantity: 1}}, Refund: usd(5000), PaymentID: &payment, ByOrganiser: true,
		}
		mustAppend(t, s, event("order/"+order.String(), 7, back))

		o := must(s.Order(t.Context(), tenant, order))(t)
		if o.Status != view.OrderConfirmed || o.Total != usd(24900) || len(o.Positions) != 2 || o.Positions[0].GivenBack || !o.Positions[1].GivenBack || o.Positions[1].Price != usd(5000) {
			t.Errorf("order: %+v", o)
		}
		if len(o.GivenBack) != 1 || o.GivenBack[0].Number != 1 || o.GivenBack[0].Refund != usd(5000) || !o.GivenBack[0].ByOrganiser || o.GivenBack[0].At.IsZero() {
			t.Errorf("given back: %+v", o.GivenBack)
		}
		// Before the seat assignments say so.
		if len(o.Assignments) != 1 || o.Assignments[0].Position != 0 {
			t.Errorf("assignments: %+v", o.Assignments)
		}
		if rows := must(s.AttendeeList(t.Context(), tenant, conferenceID, ListQuery{Limit: 10}))(t).Attendees; len(rows) != 1 || rows[0].Position != 0 {
			t.Errorf("attendees: %+v", rows)
		}
		if all := must(s.OrderList(t.Context(), tenant, conferenceID, ListQuery{Limit: 10}))(t).Orders; len(all) != 1 || all[0].Seats != 1 || all[0].Total != usd(24900) || all[0].Refund != usd(5000) {
			t.Errorf("orders: %+v", all)
		}
		check := func(refunded, refunding int64) {
			t.Helper()
			d := must(s.Dashboard(t.Context(), tenant, conferenceID, noon.Add(-time.Hour)))(t)
			if d.SeatTypes[0].Sold != 1 || d.SeatTypes[1].Sold != 0 || d.Sales[0].Seats != 2 || d.Sales[0].Amount != 24900 || d.Orders[view.OrderConfirmed] != 1 {
				t.Errorf("dashboard: %+v", d)
			}
			if d.Gross != 24900 || d.Refunded != refunded || d.Refunding != refunding || d.Net != 24900-refunded-refunding {
				t.Errorf("money: %+v", d)
			}
		}
		check(0, 0)
		entries := must(s.Timeline(t.Context(), tenant, order, Cursor{}, 100))(t).Entries
		if told := detailOf(entries, "OrderSeatsCancelled.v1"); told != "gives back 1 seat, 50.00 USD, by the organiser" {
			t.Errorf("the timeline says %q", told)
		}

		stream, n := "payment/"+payment.String(), 2
		pay := func(body any) { n++; mustAppend(t, s, event(stream, n, body)) }
		status := func(want view.PaymentStatus) {
			t.Helper()
			if p := must(s.Payment(t.Context(), tenant, payment))(t); p.Status != want {
				t.Errorf("payment: %+v, want %s", p, want)
			}
		}
		failed := func(want ...view.FailedRefund) {
			t.Helper()
			got := must(s.FailedRefunds(t.Context(), tenant, Cursor{}, 10))(t).Refunds
			if len(got) != len(want) {
				t.Fatalf("failed: %+v, want %+v", got, want)
			}
			for i := range want {
				if got[i].RefundID != want[i].RefundID || got[i].Amount != want[i].Amount || got[i].Attempts != want[i].Attempts || got[i].FailedAt.IsZero() {
					t.Errorf("failed: %+v, want %+v", got[i], want[i])
				}
			}
			if a := must(s.Attention(t.Context(), tenant, noon.Add(time.Hour), time.Hour))(t); a.Refunds != len(want) || len(a.LoosePayments) != 0 {
				t.Errorf("attention: %+v", a)
			}
			if totals := must(s.Totals(t.Context(), tenant, noon))(t); totals.FailedRefunds != len(want) {
				t.Errorf("totals: %+v", totals)
			}
		}
		asked := func(id int, cents int64, attempt int) contracts.PaymentRefundRequested {
			return contracts.PaymentRefundRequested{PaymentID: payment, OrderID: order, RefundID: id, Amount: usd(cents), Attempt: attempt}
		}
		pay(asked(1, 5000, 1))
		check(0, 5000)
		status(view.PaymentCompleted) // the rest confirms the order
		if all := must(s.LoosePayments(t.Context(), tenant, noon.Add(time.Minute), Cursor{}, 10))(t).Payments; len(all) != 0 {
			t.Errorf("loose after a minute: %+v", all)
		}
		if all := must(s.LoosePayments(t.Context(), tenant, noon.Add(time.Hour), Cursor{}, 10))(t).Payments; len(all) != 1 || all[0].Status != view.PaymentRefundRequested {
			t.Errorf("loose, as the provider does not answer: %+v", all)
		}
		pay(contracts.RefundFailed{PaymentID: payment, OrderID: order, RefundID: 1, Amount: usd(5000), Attempt: 1, Reason: "no"})
		failed(view.FailedRefund{RefundID: 1, Amount: usd(5000), Attempts: 1})

		// The order is cancelled, and the rest is refunded: it fails as well.
		mustAppend(t, s, event("order/"+order.String(), 8, contracts.OrderCancelled{OrderID: order, Refund: true, PaymentID: &payment}))
		pay(asked(0, 19900, 1))
		status(view.PaymentRefundFailed)
		pay(contracts.RefundFailed{PaymentID: payment, OrderID: order, Amount: usd(19900), Attempt: 1, Reason: "no"})
		failed(view.FailedRefund{RefundID: 1, Amount: usd(5000), Attempts: 1}, view.FailedRefund{RefundID: 0, Amount: usd(19900), Attempts: 1})
		pay(asked(1, 5000, 2))
		pay(contracts.PaymentRefunded{PaymentID: payment, OrderID: order, RefundID: 1, Amount: usd(5000)})
		failed(view.FailedRefund{RefundID: 0, Amount: usd(19900), Attempts: 1})
		status(view.PaymentRefundFailed)
		pay(asked(0, 19900, 2))
		status(view.PaymentRefundRequested)
		pay(contracts.PaymentRefunded{PaymentID: payment, OrderID: order, Amount: usd(19900)})
		status(view.PaymentRefunded)
		failed()
	})
}

func detailOf(entries []view.TimelineEntry, typ string) string {
	for _, e := range entries {
		if e.Type == typ {
			return e.Detail
		}
	}
	return ""
}
