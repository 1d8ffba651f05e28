package e2e

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

// says changes what is said of a conference.
func (c conference) says(changes map[string]any) {
	c.Helper()
	details, err := c.organiser.ConferenceDetails(c.Context(), c.id)
	c.must(err)
	for field, value := range changes {
		details[field] = value
	}
	c.must(c.organiser.UpdateConference(c.Context(), c.id, details))
}

// turnedAway waits until new orders are refused with a code: the order app hears
// of a change a moment after it was accepted.
func (c conference) turnedAway(code string) {
	c.Helper()
	harness.Eventually(c.T, within, func(ctx context.Context) error {
		if _, err := c.anyone.PlaceOrder(ctx, c.id, seats(c.general, 1)); api.Code(err) != code {
			return fmt.Errorf("got %v, want %s", err, code)
		}
		return nil
	})
}

func TestAConferenceThatIsOverSellsNothing(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.place(seats(c.general, 2))
	c.await(order, "reserved")
	now := time.Now().UTC().Truncate(time.Second)

	c.says(map[string]any{"salesFrom": now.AddDate(0, 1, 0)})
	c.turnedAway("sales-not-open")
	c.says(map[string]any{"salesFrom": now.AddDate(0, -2, 0), "salesUntil": now.AddDate(0, -1, 0)})
	c.turnedAway("sales-closed")
	c.refused(c.anyone.ChangeItems(t.Context(), order, seats(c.general, 3)), "sales-closed")
	c.must(c.anyone.ChangeItems(t.Context(), order, seats(c.general, 1))) // what was placed in time goes on
	c.await(order, "reserved")

	details, err := c.organiser.ConferenceDetails(t.Context(), c.id)
	c.must(err)
	delete(details, "salesFrom")
	delete(details, "salesUntil")
	delete(details, "refundUntil")
	details["startsAt"], details["endsAt"] = now.AddDate(0, 0, -2), now.Add(-time.Hour)
	c.must(c.organiser.UpdateConference(t.Context(), c.id, details))
	c.turnedAway("conference-ended")
}

func TestWhatWasReadOfAConferenceChangesNothingWhenItIsSentBack(t *testing.T) {
	c := onSale(t, system, quotas{})
	// The second 02:30 of the night on which summer time ends in Berlin.
	c.says(map[string]any{"salesUntil": "2026-10-25T02:30:00+01:00", "salesFrom": "2026-03-29T02:30:00+01:00"})
	before, err := c.organiser.ConferenceDetails(t.Context(), c.id)
	c.must(err)
	if before["salesUntil"] != "2026-10-25T02:30:00+01:00" || before["salesFrom"] != "2026-03-29T03:30:00+02:00" {
		t.Errorf("sales are from %v until %v", before["salesFrom"], before["salesUntil"])
	}
	for range 5 {
		c.must(c.organiser.UpdateConference(t.Context(), c.id, before))
		after, err := c.organiser.ConferenceDetails(t.Context(), c.id)
		c.must(err)
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("it was\n%v\nand is\n%v", before, after)
		}
	}
	before["startsAt"] = "1969-06-01T09:00:00Z"
	c.refused(c.organiser.UpdateConference(t.Context(), c.id, before), "date-out-of-range")
}

func TestAPaymentThatCanNeverBeRightIsNotOpened(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.place(seats(c.general, 1))
	total := c.await(order, "reserved").Total
	pay := func(m api.Money) error {
		_, _, err := c.anyone.StartPayment(t.Context(), order, m)
		return err
	}
	c.refused(pay(total), "registrant-required")
	c.register(order)
	c.refused(pay(api.Money{Amount: total.Amount + 1, Currency: total.Currency}), "amount-differs")
	c.refused(pay(api.Money{Amount: total.Amount, Currency: "EUR"}), "amount-differs")

	payment, checkout, err := c.anyone.StartPayment(t.Context(), order, total)
	c.must(err)
	c.must(c.anyone.ChangeItems(t.Context(), order, seats(c.general, 2)))
	c.awaitPayment(order, payment, "cancelled")
	c.await(order, "reserved")
	harness.Eventually(t, within, func(ctx context.Context) error {
		if err := c.anyone.Decide(ctx, checkout, "accept"); err == nil {
			t.Fatal("the payment for other items was taken")
		}
		return nil
	})
	c.pay(order)
	c.await(order, "confirmed")
	c.refused(pay(c.await(order, "confirmed").Total), "already-paid")
}
