package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

// awaitRefund waits until a refund of an order's payment has a status.
func (c conference) awaitRefund(order string, id int, cents int64, status string) {
	c.Helper()
	harness.Eventually(c.T, within, func(ctx context.Context) error {
		o, err := c.anyone.Order(ctx, order)
		if err != nil {
			return err
		}
		for _, p := range o.Payments {
			for _, r := range p.Refunds {
				if r.ID == id && r.Amount.Amount == cents && r.Status == status {
					return nil
				}
			}
		}
		return fmt.Errorf("payments %+v, want refund %d of %d to be %s", o.Payments, id, cents, status)
	})
}

// money waits until the dashboard says so of the money of a conference.
func (c conference) money(gross, refunded int64) {
	c.Helper()
	harness.Eventually(c.T, within, func(ctx context.Context) error {
		d, err := c.organiser.Dashboard(ctx, c.id)
		if err == nil && (d.Gross != gross || d.Refunded != refunded || d.Net != gross-refunded) {
			err = fmt.Errorf("%+v, want %d taken and %d refunded", d, gross, refunded)
		}
		return err
	})
}

// A confirmed order of three gives one back: what it was paid for comes back, its seat is
// on sale again, and the others keep their positions and their people. Then the order is
// given back whole.
func TestSomeSeatsOfAPaidOrderAreGivenBackAndThenTheRest(t *testing.T) {
	c := onSale(t, system, quotas{workshop: 3})
	code := c.code(api.NewPromoCode{Code: "HALF", Percent: 50, QuotaUnit: "seats", Quota: 5})
	order := c.place(seats(c.workshop, 2), seats(c.general, 1))
	c.await(order, "reserved")
	if _, asked := c.apply(order, code); asked.State != "applied" {
		t.Fatalf("the code is %+v", asked)
	}
	c.register(order)
	c.pay(order)
	bought := c.await(order, "confirmed")
	c.used(code, 3)
	c.remaining(c.workshop, 1)
	half := workshopPrice / 2
	if len(bought.Positions) != 3 || bought.Positions[1].Price.Amount != int64(half) || bought.Positions[2].Price.Amount != generalPrice/2 {
		t.Fatalf("confirmed with %+v", bought.Positions)
	}
	harness.Eventually(t, within, func(ctx context.Context) error {
		return c.anyone.AssignSeat(ctx, order, 1, attendee("Grace"))
	})
	c.must(c.anyone.AssignSeat(t.Context(), order, 2, attendee("Linus")))

	c.must(c.anyone.CancelSeats(t.Context(), order, 1))
	c.must(c.anyone.CancelSeats(t.Context(), order, 1)) // a second click
	c.remaining(c.workshop, 2)
	c.used(code, 2)
	c.awaitRefund(order, 1, int64(half), "refunded")
	c.follow(order, "OrderSeatsCancelled", "ReduceSeatReservation", "SeatsReservationReduced")
	c.follow(order, "OrderSeatsCancelled", "RefundPayment", "PaymentRefundRequested", "PaymentRefunded")
	c.follow(order, "OrderSeatsCancelled", "CancelSeatAssignments", "SeatUnassigned", "SeatAssignmentsCancelled")
	o := c.await(order, "confirmed")
	positions := make([]int, len(o.Assignments))
	for i, a := range o.Assignments {
		positions[i] = a.Position
	}
	if !slices.Equal(positions, []int{0, 2}) || o.Assignments[1].Attendee == nil || o.Assignments[1].Attendee.FirstName != "Linus" ||
		!o.Positions[1].GivenBack || len(o.GivenBack) != 1 || o.Payments[0].Status != "completed" || o.Total != bought.Total {
		t.Errorf("it has %+v, positions %+v, given back %+v, payments %+v", o.Assignments, o.Positions, o.GivenBack, o.Payments)
	}
	c.refused(c.anyone.AssignSeat(t.Context(), order, 1, attendee("Dan")), "seat-given-back")
	c.refused(c.anyone.CancelSeats(t.Context(), order, 3), "no-such-position")
	c.money(bought.Total.Amount, int64(half))

	c.must(c.anyone.Cancel(t.Context(), order))
	c.await(order, "cancelled")
	c.remaining(c.workshop, 3)
	c.remaining(c.general, 100)
	c.used(code, 0)
	c.awaitPayment(order, bought.PaymentID, "refunded")
	c.awaitRefund(order, 0, bought.Total.Amount-int64(half), "refunded")
	c.money(bought.Total.Amount, bought.Total.Amount)
}

// A seat that is given back goes to the first in line.
func TestASeatThatIsGivenBackGoesToTheFirstInLine(t *testing.T) {
	c := onSale(t, system, quotas{workshop: 2})
	sold := c.buy(seats(c.workshop, 2))
	next := c.wait(seats(c.workshop, 1))
	c.await(next, "waitlisted")
	c.must(c.organiser.CancelSeats(t.Context(), sold.ID, 0))
	if o := c.await(next, "reserved"); !o.Offered {
		t.Errorf("it is offered: %t", o.Offered)
	}
	c.remaining(c.workshop, 0)
	c.awaitRefund(sold.ID, 1, workshopPrice, "refunded")
}

// Refunds of parts fail and are tried again one by one.
func TestTheRefundOfAPartIsTriedAgain(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.place(seats(c.general, 3))
	o := c.await(order, "reserved")
	c.register(order)
	payment, checkout, err := c.anyone.StartPayment(t.Context(), order, o.Total)
	c.must(err)
	c.must(c.anyone.Decide(t.Context(), checkout, "accept"))
	c.await(order, "confirmed")
	c.must(c.anyone.Decide(t.Context(), checkout, "refuse-refunds"))
	c.must(c.anyone.CancelSeats(t.Context(), order, 0))
	c.must(c.anyone.CancelSeats(t.Context(), order, 2))
	for _, id := range []int{1, 2} {
		c.awaitRefund(order, id, generalPrice, "refund-failed")
	}
	c.must(c.anyone.Decide(t.Context(), checkout, "give-refunds"))
	failed, err := c.operator.FailedRefunds(t.Context())
	c.must(err)
	i := slices.IndexFunc(failed, func(f api.FailedRefund) bool { return f.PaymentID == payment && f.RefundID == 2 })
	if i < 0 || failed[i].Amount.Amount != generalPrice {
		t.Fatalf("listed are %+v", failed)
	}
	c.must(c.operator.RetryRefund(t.Context(), failed[i]))
	c.awaitRefund(order, 2, generalPrice, "refunded")
	c.awaitRefund(order, 1, generalPrice, "refund-failed")
	c.must(c.operator.RetryRefund(t.Context(), api.FailedRefund{PaymentID: payment, RefundID: 1, Attempts: 1}))
	c.awaitRefund(order, 1, generalPrice, "refunded")
	c.money(3*generalPrice, 2*generalPrice)
}
