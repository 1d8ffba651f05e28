package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

func TestAnOrderIsPlacedReservedPaidAndConfirmed(t *testing.T) {
	c := onSale(t, system, quotas{})

	order := c.place(seats(c.general, 1), seats(c.party, 1))
	reserved := c.await(order, "reserved")
	if reserved.Total != (api.Money{Amount: 249_00, Currency: "USD"}) {
		t.Errorf("the total is %s, want 249.00 USD", reserved.Total)
	}
	c.register(order)
	payment := c.pay(order)
	confirmed := c.await(order, "confirmed")

	if confirmed.PaymentID != payment {
		t.Errorf("confirmed by payment %q, want %q", confirmed.PaymentID, payment)
	}
	for _, line := range confirmed.Lines {
		if line.Requested != 1 || line.Granted != 1 || line.State != "reserved" {
			t.Errorf("%s: requested %d, granted %d, %s", line.Name, line.Requested, line.Granted, line.State)
		}
	}
	c.remaining(c.general, 99)
	c.remaining(c.party, 99)
	c.remaining(c.workshop, 100)
	c.follow(order,
		"RegisterToConference", "OrderPlaced", "MakeSeatReservation", "SeatsReserved",
		"MarkSeatsAsReserved", "OrderReservationCompleted", "InitiatePayment", "PaymentCompleted",
		"ConfirmOrder", "OrderConfirmed", "CommitSeatReservation", "SeatsReservationCommitted")
}

func TestTheSeatsOfAConfirmedOrderAreAssigned(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.buy(seats(c.general, 1), seats(c.party, 1)).ID

	// One position for each seat.
	harness.Eventually(t, within, func(ctx context.Context) error {
		o, err := c.anyone.Order(ctx, order)
		if err == nil && len(o.Assignments) != 2 {
			err = fmt.Errorf("%d positions, want 2", len(o.Assignments))
		}
		return err
	})
	for position, name := range []string{"Grace", "Barbara"} {
		c.must(c.anyone.AssignSeat(t.Context(), order, position, attendee(name)))
	}
	o, err := c.anyone.Order(t.Context(), order)
	c.must(err)
	for i, name := range []string{"Grace", "Barbara"} {
		if a := o.Assignments[i].Attendee; a == nil || *a != attendee(name) {
			t.Errorf("position %d is assigned to %v, want %s", i, a, name)
		}
	}

	c.must(c.anyone.UnassignSeat(t.Context(), order, 0))
	o, err = c.anyone.Order(t.Context(), order)
	c.must(err)
	if o.Assignments[0].Attendee != nil || o.Assignments[1].Attendee == nil {
		t.Errorf("after unassigning position 0: %+v", o.Assignments)
	}
	c.refused(c.anyone.AssignSeat(t.Context(), order, 2, attendee("Nobody")), "no-such-position")
}

func attendee(name string) api.Attendee {
	return api.Attendee{Person: api.Person{FirstName: name, LastName: "Example", Email: name + "@example.org"}, Type: "paid"}
}

func TestOfFourOrdersOfTwoSeatsOnlyTwoGetTheLastFour(t *testing.T) {
	c := onSale(t, system, quotas{workshop: 4})

	orders := c.placeAtOnce(4, seats(c.workshop, 2))
	granted := map[int]int{}
	for _, order := range orders {
		granted[c.await(order, "reserved", "partially-reserved", "rejected").Granted(c.workshop)]++
	}
	if granted[2] != 2 || granted[0] != 2 {
		t.Errorf("orders by seats granted: %v, want two with 2 and two with none", granted)
	}
	c.remaining(c.workshop, 0)
}

func TestOfTwentyRegistrantsExactlyTenGetTheLastTenSeats(t *testing.T) {
	c := onSale(t, system, quotas{workshop: 10})

	statuses := map[string]int{}
	var mu sync.Mutex
	c.atOnce(20, func(ctx context.Context) error {
		order, err := c.anyone.PlaceOrder(ctx, c.id, seats(c.workshop, 1))
		if err != nil {
			return err
		}
		o := c.await(order, "reserved", "rejected")
		if o.Status == "reserved" {
			c.register(order)
			c.pay(order)
			o = c.await(order, "confirmed")
		}
		mu.Lock()
		defer mu.Unlock()
		statuses[o.Status]++
		return nil
	})
	if statuses["confirmed"] != 10 || statuses["rejected"] != 10 {
		t.Errorf("got %v, want 10 confirmed and 10 rejected", statuses)
	}
	c.remaining(c.workshop, 0)
}

func TestAnOrderOfNothingIsRefused(t *testing.T) {
	c := onSale(t, system, quotas{})

	_, err := c.anyone.PlaceOrder(t.Context(), c.id)
	c.refused(err, "items-required")
	var problem *api.Problem
	if errors.As(err, &problem) && problem.Detail != "one or more items are required" {
		t.Errorf("the refusal says %q", problem.Detail)
	}
	_, err = c.anyone.PlaceOrder(t.Context(), c.id, seats(c.general, 0))
	c.refused(err, "items-required")
}

func TestAnOrderThatGetsLessThanItAskedForIsChanged(t *testing.T) {
	c := onSale(t, system, quotas{workshop: 3})

	order := c.place(seats(c.general, 1), seats(c.workshop, 5))
	partial := c.await(order, "partially-reserved")
	if partial.Granted(c.workshop) != 3 || partial.Total.Amount != generalPrice+3*workshopPrice {
		t.Errorf("granted %d workshops for %s", partial.Granted(c.workshop), partial.Total)
	}
	c.must(c.anyone.ChangeItems(t.Context(), order, seats(c.general, 1), seats(c.workshop, 2)))
	changed := c.await(order, "reserved")
	if changed.Total.Amount != generalPrice+2*workshopPrice {
		t.Errorf("after the change the total is %s", changed.Total)
	}
	c.remaining(c.workshop, 1)
	c.register(order)
	c.pay(order)
	c.await(order, "confirmed")
}

func TestAFreeOrderIsConfirmedWithoutAPayment(t *testing.T) {
	c := onSale(t, system, quotas{})
	free := c.seatType("Open space", 0, 10)

	order := c.place(seats(free, 2))
	if o := c.await(order, "reserved"); !o.IsFreeOfCharge {
		t.Errorf("it costs %s", o.Total)
	}
	c.refused(c.anyone.Confirm(t.Context(), order), "registrant-required")
	c.register(order)
	c.must(c.anyone.Confirm(t.Context(), order))
	c.await(order, "confirmed")
	c.remaining(free, 8)
}

func TestACancelledOrderGivesItsSeatsBack(t *testing.T) {
	c := onSale(t, system, quotas{})

	order := c.place(seats(c.general, 2))
	c.await(order, "reserved")
	c.remaining(c.general, 98)
	c.must(c.anyone.Cancel(t.Context(), order))
	c.await(order, "cancelled")
	c.remaining(c.general, 100)

	paid := c.buy(seats(c.general, 2))
	c.must(c.anyone.Cancel(t.Context(), paid.ID))
	c.await(paid.ID, "cancelled")
	c.remaining(c.general, 100)
	c.awaitPayment(paid.ID, paid.PaymentID, "refunded")
}

func TestAPaymentThatIsRejectedLeavesTheOrderToBePaidAgain(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.place(seats(c.general, 1))
	o := c.await(order, "reserved")
	c.register(order)

	payment, checkout, err := c.anyone.StartPayment(t.Context(), order, o.Total)
	c.must(err)
	c.must(c.anyone.Decide(t.Context(), checkout, "reject"))
	c.awaitPayment(order, payment, "rejected")
	c.pay(order)
	c.await(order, "confirmed")
}

// What everybody can learn, the ids of an order, of its payment and of commands,
// opens nothing and tells nothing of the order.
func TestAnOrdersIdOpensNothing(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.place(seats(c.general, 1))
	c.await(order, "reserved")
	stranger := "the-secret-of-a-stranger"
	for _, of := range []string{order, uuid.NewString()} {
		_, err := c.anyone.OrderBy(t.Context(), of, stranger)
		c.refused(err, "order-secret-required")
		_, err = c.anyone.OrderBy(t.Context(), of, of)
		c.refused(err, "order-secret-required")
	}
	entries, err := c.anyone.Timeline(t.Context(), order)
	c.must(err)
	seen := 0
	for _, e := range entries {
		if e.Kind != "command" || e.Source == "web" {
			continue
		}
		seen++
		_, answer := request(t, http.MethodGet, c.anyone.URL+"/api/outcomes/"+e.ID, "", nil)
		if !strings.Contains(string(answer), `"unknown"`) {
			t.Errorf("the outcome of %s by %s is told: %s", e.Type, e.Source, answer)
		}
	}
	if seen == 0 {
		t.Error("no command of the system's own was seen")
	}
}

func TestAnOrderIsFoundByEmailAndLocator(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.place(seats(c.general, 1))
	o := c.await(order, "reserved")
	c.register(order)

	found, err := c.anyone.FindOrder(t.Context(), "ADA@example.org", o.Locator)
	c.must(err)
	if found.ID != order {
		t.Errorf("found %s, want %s", found.ID, order)
	}
	by, err := c.anyone.OrderBy(t.Context(), order, found.Secret)
	c.must(err)
	if by.ID != order {
		t.Errorf("the key of the link opens %s", by.ID)
	}
	_, err = c.anyone.FindOrder(t.Context(), "somebody@example.org", o.Locator)
	c.refused(err, "order-not-found")
}

func TestAnUnpublishedConferenceTakesNoNewOrders(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.place(seats(c.general, 1))
	c.await(order, "reserved")
	c.must(c.organiser.Unpublish(t.Context(), c.id))

	harness.Eventually(t, within, func(ctx context.Context) error {
		_, err := c.anyone.PlaceOrder(ctx, c.id, seats(c.general, 1))
		if api.Code(err) != "conference-not-published" {
			return fmt.Errorf("got %v, want conference-not-published", err)
		}
		return nil
	})
	c.register(order) // orders that are placed go on
	c.pay(order)
	c.await(order, "confirmed")
}

func TestALoweredQuotaHonoursWhatIsHeld(t *testing.T) {
	c := onSale(t, system, quotas{workshop: 5})
	c.buy(seats(c.workshop, 4))

	c.must(c.organiser.UpdateSeatType(t.Context(), c.id, c.workshop, api.NewSeatType{Name: "CQRS Workshop", Price: workshopPrice, Quota: 2}))
	c.remaining(c.workshop, -2)
	c.await(c.place(seats(c.workshop, 1)), "rejected")
	c.must(c.organiser.UpdateSeatType(t.Context(), c.id, c.workshop, api.NewSeatType{Name: "CQRS Workshop", Price: workshopPrice, Quota: 6}))
	c.remaining(c.workshop, 2)
	c.await(c.place(seats(c.workshop, 1)), "reserved")
}

// placeAtOnce places n orders for the same at the same time.
func (c conference) placeAtOnce(n int, items ...api.Item) (orders []string) {
	c.Helper()
	var mu sync.Mutex
	c.atOnce(n, func(ctx context.Context) error {
		id, err := c.anyone.PlaceOrder(ctx, c.id, items...)
		mu.Lock()
		defer mu.Unlock()
		orders = append(orders, id)
		return err
	})
	return orders
}

// atOnce does something n times at the same time.
func (c conference) atOnce(n int, do func(context.Context) error) {
	c.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if err := do(c.Context()); err != nil {
				c.Error(err)
			}
		})
	}
	all.Wait()
}

func (c conference) awaitPayment(order, payment, status string) {
	c.Helper()
	harness.Eventually(c.T, within, func(ctx context.Context) error {
		o, err := c.anyone.Order(ctx, order)
		if err != nil {
			return err
		}
		for _, p := range o.Payments {
			if p.ID == payment && p.Status == status {
				return nil
			}
		}
		return fmt.Errorf("payments %+v, want %s %s", o.Payments, payment, status)
	})
}
