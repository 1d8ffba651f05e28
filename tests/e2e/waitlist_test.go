package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

// wait places an order that waits in line if it gets no seats.
func (c conference) wait(items ...api.Item) string {
	c.Helper()
	id, err := c.anyone.WaitForSeats(c.Context(), c.id, false, items...)
	c.must(err)
	return id
}

// isNumber waits until an order has that position in line.
func (c conference) isNumber(order string, want int) {
	c.Helper()
	harness.Eventually(c.T, within, func(ctx context.Context) error {
		o, err := c.anyone.Order(ctx, order)
		if err != nil {
			return err
		}
		if o.Waitlist == nil || len(o.Waitlist.Positions) == 0 || o.Waitlist.Positions[0].Position != want {
			return fmt.Errorf("order %s is %s, in line at %+v", order, o.Status, o.Waitlist)
		}
		return nil
	})
}

// quota sets how many workshops there are.
func (c conference) workshops(n int) {
	c.Helper()
	c.must(c.organiser.UpdateSeatType(c.Context(), c.id, c.workshop, api.NewSeatType{Name: "CQRS Workshop", Price: workshopPrice, Quota: n}))
}

// A workshop is sold out and two orders are in line. A confirmed order is cancelled: the
// first in line is offered its seat and lets the offer lapse, and the second takes it.
func TestASeatGoesToTheFirstInLineAndThenToTheSecond(t *testing.T) {
	s := own(t, map[string]string{"PLENARY_OFFER": "20s", "PLENARY_SWEEP": "2s"})
	c := onSale(t, s, quotas{workshop: 1})
	sold := c.buy(seats(c.workshop, 1))
	c.remaining(c.workshop, 0)

	first := c.wait(seats(c.workshop, 1))
	if o := c.await(first, "waitlisted"); o.IsFreeOfCharge || o.Total.Amount != workshopPrice {
		t.Errorf("in line it costs %s", o.Total)
	}
	second := c.wait(seats(c.workshop, 1))
	c.await(second, "waitlisted")
	c.isNumber(first, 1)
	c.isNumber(second, 2)
	c.register(second)

	c.must(c.anyone.Cancel(t.Context(), sold.ID))
	if o := c.await(first, "reserved"); !o.Offered || time.Until(o.Deadline) > 20*time.Second {
		t.Errorf("it is offered (%t) seats until %s", o.Offered, o.Deadline)
	}
	c.isNumber(second, 1)
	c.remaining(c.workshop, 0)
	late := c.place(seats(c.workshop, 1))
	c.await(late, "rejected")

	c.await(first, "expired")
	c.follow(first, "JoinWaitlist", "WaitlistJoined", "SeatsOffered", "MarkSeatsAsReserved", "OrderReservationCompleted", "ExpireOrder", "OrderExpired", "CancelSeatReservation")
	c.await(second, "reserved")
	c.pay(second)
	if o := c.await(second, "confirmed"); o.Total.Amount != workshopPrice {
		t.Errorf("confirmed for %s", o.Total)
	}
	c.remaining(c.workshop, 0)
}

// The quota of twelve goes down to one and up again, with three orders in line.
func TestTheQuotaGoesDownAndUpWithALineOfThree(t *testing.T) {
	c := onSale(t, system, quotas{workshop: 12})
	sold := c.buy(seats(c.workshop, 12))
	var line []string
	for range 3 {
		order := c.wait(seats(c.workshop, 2))
		c.await(order, "waitlisted")
		line = append(line, order)
	}
	for i, order := range line {
		c.isNumber(order, i+1)
	}
	c.workshops(1)
	c.remaining(c.workshop, -11)
	c.must(c.anyone.Cancel(t.Context(), sold.ID))
	if o := c.await(line[0], "partially-reserved"); o.Granted(c.workshop) != 1 {
		t.Errorf("the first is offered %d", o.Granted(c.workshop))
	}
	c.isNumber(line[1], 1)
	c.workshops(12)
	for _, order := range line[1:] {
		if o := c.await(order, "reserved"); o.Granted(c.workshop) != 2 {
			t.Errorf("order %s is offered %d", order, o.Granted(c.workshop))
		}
	}
	c.remaining(c.workshop, 7)
}

// An order gets some of its seats, and another waits for the rest, which the same secret
// opens; it leaves the line.
func TestTheRestOfAnOrderWaitsInLine(t *testing.T) {
	c := onSale(t, system, quotas{workshop: 3})
	order := c.wait(seats(c.workshop, 5))
	o := c.await(order, "partially-reserved")
	if o.Granted(c.workshop) != 3 || o.RestID == "" {
		t.Fatalf("granted %d, the rest is %q", o.Granted(c.workshop), o.RestID)
	}
	c.register(order)
	rest := func(status string) (rest api.Order) {
		t.Helper()
		harness.Eventually(t, within, func(ctx context.Context) (err error) {
			if rest, err = c.anyone.OrderBy(ctx, o.RestID, api.Secret(order)); err == nil && rest.Status != status {
				err = fmt.Errorf("it is %s, want %s", rest.Status, status)
			}
			return err
		})
		return rest
	}
	if r := rest("waitlisted"); r.WaitsFor != order || r.Lines[0].Requested != 2 {
		t.Errorf("the rest is %+v", r)
	}
	by := *c.anyone
	by.Token = api.Secret(order)
	c.must(by.LeaveWaitlist(t.Context(), o.RestID))
	rest("cancelled")
	c.refused(by.LeaveWaitlist(t.Context(), order), "not-waitlisted")
}

// The organiser sees the line, moves it to another type, and closes it.
func TestOrganisersMoveAndCloseALine(t *testing.T) {
	c := onSale(t, system, quotas{workshop: 1, party: 1})
	c.await(c.place(seats(c.workshop, 1), seats(c.party, 1)), "reserved")
	first, second := c.wait(seats(c.workshop, 1)), c.wait(seats(c.party, 1))
	c.await(first, "waitlisted")
	c.await(second, "waitlisted")
	c.isNumber(first, 1)

	c.must(c.organiser.ChangeWaitlist(t.Context(), c.id, c.workshop, "move", c.party))
	c.isNumber(first, 2)
	harness.Eventually(t, within, func(ctx context.Context) error {
		o, err := c.anyone.Order(ctx, first)
		if err == nil && o.Total.Amount != partyPrice {
			err = fmt.Errorf("it costs %s", o.Total)
		}
		return err
	})
	line, err := c.organiser.Waitlist(t.Context(), c.id)
	c.must(err)
	if len(line) != 2 || line[0] != second || line[1] != first {
		t.Errorf("in line: %v", line)
	}
	c.must(c.organiser.ChangeWaitlist(t.Context(), c.id, c.party, "close", ""))
	for _, order := range line {
		if o := c.await(order, "rejected"); o.Reason != "waitlist-closed" {
			t.Errorf("rejected because of %q", o.Reason)
		}
	}
	closed := c.wait(seats(c.party, 1))
	c.await(closed, "rejected")
	c.must(c.organiser.ChangeWaitlist(t.Context(), c.id, c.party, "reopen", ""))
	c.await(c.wait(seats(c.party, 1)), "waitlisted")
}
