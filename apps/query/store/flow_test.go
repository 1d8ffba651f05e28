package store

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

// The graph has every command and event once, in lanes, causes first; nothing of
// it is personal.
func TestFlowHasWhatTouchedTheOrderAndNothingPersonal(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		order, payment := uuid.New(), uuid.New()
		mustAppend(t, s, conference()...)
		mustAppend(t, s, confirmedOrder(order, payment)...)
		f := must(s.Flow(t.Context(), tenant, order))(t)
		if len(f.Entries) != 20 || f.ConferenceID != conferenceID || f.Status != view.OrderConfirmed || len(f.Lanes) == 0 {
			t.Errorf("%d entries of %s, %s, lanes %v", len(f.Entries), f.ConferenceID, f.Status, f.Lanes)
		}
		places := map[string]int{}
		for i, e := range f.Entries {
			places[e.ID] = i
			if before, ok := places[e.CausedBy]; e.Kind == view.TimelineEvent && (!ok || before >= i) {
				t.Errorf("%s stands before its cause", e.Type)
			}
			if e.Number != i+1 || (e.Payload == nil) != (e.Kind == view.TimelineCommand) {
				t.Errorf("entry %+v", e)
			}
		}
		text := string(must(json.Marshal(f))(t))
		for _, personal := range []string{"Ann", "Lee", "example.com", "K7PQ2MXA"} {
			if strings.Contains(text, personal) {
				t.Errorf("%s is not masked", personal)
			}
		}
		if !strings.Contains(text, general.String()) || !strings.Contains(text, projection.Masked) {
			t.Error("too much is masked, or nothing")
		}
		if _, err := s.Flow(t.Context(), tenant, uuid.New()); !errors.Is(err, ErrNotFound) {
			t.Errorf("of no order: %v", err)
		}
	})
}

func TestStateOfAnOrderAsOfAMoment(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		order, payment := uuid.New(), uuid.New()
		mustAppend(t, s, conference()...)
		mustAppend(t, s, confirmedOrder(order, payment)...)
		at := func(m Moment) view.FlowState {
			t.Helper()
			return must(s.FlowState(t.Context(), tenant, order, m))(t)
		}
		second := func(n int) Moment { return Moment{Time: noon.Add(time.Duration(n) * time.Second)} }
		if f := at(second(0)); f.Order != nil || f.Version != 0 || f.Conference != nil {
			t.Errorf("before everything: %+v", f)
		}
		// Each event of a stream comes a second after the one before.
		if f := at(second(3)); f.Version != 3 || f.Order.Status != view.OrderPlaced || f.Order.Registrant.Email != projection.Masked ||
			f.Conference.Published || len(f.Conference.SeatTypes) != 2 || f.Conference.SeatTypes[0].Remaining != 98 || f.Order.Payments[0].Status != view.PaymentCompleted {
			t.Errorf("after 3 s: %+v", f)
		}
		if f := at(second(2)); f.Conference.SeatTypes[0].Remaining != 100 || len(f.Conference.SeatTypes) != 1 {
			t.Errorf("after 2 s: %+v", f.Conference)
		}
		if f := at(Moment{Version: 4}); f.Version != 4 || f.Order.Status != view.OrderReserved || !f.Conference.Published || !f.At.Equal(noon.Add(4*time.Second)) {
			t.Errorf("as of version 4: %+v", f)
		}
		if f := at(second(60)); f.Order.Status != view.OrderConfirmed || f.Order.Locator != projection.Masked || f.Order.Assignments[1].Attendee.LastName != projection.Masked {
			t.Errorf("now: %+v", f.Order)
		}
		if _, err := s.FlowState(t.Context(), tenant, order, Moment{Version: 99}); !errors.Is(err, ErrNotFound) {
			t.Errorf("of no version: %v", err)
		}
	})
}

func TestAttentionListsWhatNeedsAnOperator(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		now := noon.Add(time.Hour)
		if a := must(s.Attention(t.Context(), tenant, now, time.Hour))(t); len(a.Overdue)+len(a.LoosePayments)+len(a.FailedRefunds)+len(a.ParkedStreams)+a.DeadLetters+a.WaitingStreams != 0 {
			t.Errorf("of nothing: %+v", a)
		}
		fine, finePayment := uuid.New(), uuid.New()
		mustAppend(t, s, confirmedOrder(fine, finePayment)...)
		second, unknown, failed, asked, overdue := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
		completed := func(payment, order uuid.UUID, more ...any) {
			mustAppend(t, s, streamOf("payment/"+payment.String(), append([]any{
				contracts.PaymentInitiated{PaymentID: payment, OrderID: order, Amount: usd(24900), Provider: "demo"},
				contracts.PaymentCompleted{PaymentID: payment, OrderID: order, Amount: usd(24900)},
			}, more...)...)...)
		}
		completed(second, fine)        // the order was confirmed by another
		completed(unknown, uuid.New()) // of no order
		completed(failed, fine, contracts.PaymentRefundRequested{PaymentID: failed, OrderID: fine, Attempt: 1}, contracts.RefundFailed{PaymentID: failed, OrderID: fine, Attempt: 1, Reason: "no"})
		completed(asked, fine, contracts.PaymentRefundRequested{PaymentID: asked, OrderID: fine, Amount: usd(24900), Attempt: 1}) // and never answered
		mustAppend(t, s, event("order/"+overdue.String(), 1, placed(overdue)), event("order/"+uuid.NewString(), 2, placed(uuid.New())))
		if err := s.KeepDeadLetters(t.Context(), []Letter{{ID: "l", Tenant: tenant, DeadLetter: message.DeadLetter{App: "order", Stream: "order/x", Reason: "panic", At: noon, Message: []byte("{}")}}}); err != nil {
			t.Fatal(err)
		}
		a := must(s.Attention(t.Context(), tenant, now, time.Hour))(t)
		loose := map[uuid.UUID]view.OrderStatus{}
		for _, p := range a.LoosePayments {
			loose[p.PaymentID] = p.OrderStatus
		}
		if len(loose) != 3 || loose[second] != view.OrderConfirmed || loose[unknown] != "" || loose[asked] != view.OrderConfirmed {
			t.Errorf("loose payments: %+v", a.LoosePayments)
		}
		if len(a.Overdue) != 1 || a.Overdue[0].OrderID != overdue || len(a.FailedRefunds) != 1 || a.Refunds != 1 || a.WaitingStreams != 1 ||
			a.DeadLetters != 1 || len(a.Reasons) != 1 || len(a.ParkedStreams) != 1 || a.Rebuild.Generation == 0 {
			t.Errorf("attention: %+v", a)
		}
		if a := must(s.Attention(t.Context(), tenant, noon.Add(time.Minute), time.Hour))(t); len(a.LoosePayments) != 0 {
			t.Errorf("a payment may take a moment: %+v", a.LoosePayments)
		}
	})
}

// Neither the money for an order that is over nor that for one that is not known
// is forgotten, on whichever page it is.
func TestLoosePaymentsArePagedAndEndWithTheirRefund(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, now := open(t, fresh()), noon.Add(time.Hour)
		expired, payments := uuid.New(), []uuid.UUID{}
		mustAppend(t, s, streamOf("order/"+expired.String(), placed(expired), contracts.OrderExpired{OrderID: expired})...)
		for i := range 5 { // all at the same time
			id, order := uuid.New(), expired
			if i%2 == 0 {
				order = uuid.New()
			}
			mustAppend(t, s, streamOf("payment/"+id.String(),
				contracts.PaymentInitiated{PaymentID: id, OrderID: order, Version: 1, Amount: usd(100), Provider: "demo"},
				contracts.PaymentCompleted{PaymentID: id, OrderID: order, Amount: usd(100)})...)
			payments = append(payments, id)
		}
		read := func() map[uuid.UUID]view.OrderStatus {
			seen := map[uuid.UUID]view.OrderStatus{}
			for after := (Cursor{}); ; {
				page := must(s.LoosePayments(t.Context(), tenant, now, after, 2))(t)
				for _, p := range page.Payments {
					seen[p.PaymentID] = p.OrderStatus
				}
				if page.Next == "" {
					return seen
				}
				after = must(ParseCursor(page.Next))(t)
			}
		}
		if seen := read(); len(seen) != 5 || seen[payments[0]] != "" || seen[payments[1]] != view.OrderExpired {
			t.Errorf("loose payments: %+v", seen)
		}
		if n := must(s.CountLoose(t.Context(), tenant, now))(t); n != 5 {
			t.Errorf("%d are loose, want 5", n)
		}
		of := contracts.PaymentRefundRequested{PaymentID: payments[0], OrderID: uuid.New(), Amount: usd(100), Attempt: 1}
		mustAppend(t, s, event("payment/"+payments[0].String(), 3, of),
			event("payment/"+payments[0].String(), 4, contracts.PaymentRefunded{PaymentID: payments[0], OrderID: of.OrderID, Amount: usd(100)}))
		if seen := read(); len(seen) != 4 {
			t.Errorf("after a refund: %+v", seen)
		}
	})
}

func TestAnOrderIsMissingWhileItHasPaymentsAndNothingElse(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		known := uuid.New()
		mustAppend(t, s, confirmedOrder(known, uuid.New())...)
		opened, paid, over := uuid.New(), uuid.New(), uuid.New()
		pay := func(order uuid.UUID, end func(payment uuid.UUID) any) {
			id := uuid.New()
			events := []any{contracts.PaymentInitiated{PaymentID: id, OrderID: order, Version: 1, Amount: usd(100), Provider: "demo"}}
			if end != nil {
				events = append(events, end(id))
			}
			mustAppend(t, s, streamOf("payment/"+id.String(), events...)...)
		}
		completed := func(order uuid.UUID) func(uuid.UUID) any {
			return func(id uuid.UUID) any {
				return contracts.PaymentCompleted{PaymentID: id, OrderID: order, Amount: usd(100)}
			}
		}
		pay(known, nil)
		pay(opened, nil)
		pay(paid, completed(paid))
		pay(paid, completed(paid))
		pay(over, func(id uuid.UUID) any { return contracts.PaymentCancelled{PaymentID: id, OrderID: over} })
		read := func() map[uuid.UUID]int {
			seen := map[uuid.UUID]int{}
			for after := (Cursor{}); ; {
				page := must(s.MissingOrders(t.Context(), tenant, after, 1))(t)
				for _, o := range page.Orders {
					seen[o.OrderID]++
				}
				if page.Next == "" {
					return seen
				}
				after = must(ParseCursor(page.Next))(t)
			}
		}
		if seen := read(); len(seen) != 2 || seen[opened] != 1 || seen[paid] != 1 {
			t.Errorf("missing: %v", seen)
		}
		mustAppend(t, s, event("order/"+paid.String(), 1, placed(paid)))
		if seen := read(); len(seen) != 1 || seen[opened] != 1 {
			t.Errorf("after one came: %v", seen)
		}
	})
}
