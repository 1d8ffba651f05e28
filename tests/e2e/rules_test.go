package e2e

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

// says changes what is said of a conference; nil takes a field away.
func (c conference) says(changes map[string]any) {
	c.Helper()
	details, err := c.organiser.ConferenceDetails(c.Context(), c.id)
	c.must(err)
	for field, value := range changes {
		if details[field] = value; value == nil {
			delete(details, field)
		}
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

// take has a free order confirmed.
func (c conference) take(items ...api.Item) (order string) {
	c.Helper()
	order = c.place(items...)
	c.await(order, "reserved")
	c.register(order)
	c.must(c.anyone.Confirm(c.Context(), order))
	return c.await(order, "confirmed").ID
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

	c.says(map[string]any{
		"salesFrom": nil, "salesUntil": nil, "refundUntil": nil,
		"startsAt": now.AddDate(0, 0, -2), "endsAt": now.Add(-time.Hour),
	})
	c.turnedAway("conference-ended")
}

func TestASeatTypeIsSoldInItsOwnWindow(t *testing.T) {
	c := onSale(t, system, quotas{})
	now := time.Now().UTC().Truncate(time.Second)
	early := api.NewSeatType{Name: "Early bird", Price: 149_00, Quota: 10, SalesUntil: now.AddDate(0, 0, -1)}
	late := api.NewSeatType{Name: "Last minute", Price: 249_00, Quota: 10, SalesFrom: now.AddDate(0, 0, 1)}
	for code, s := range map[string]api.NewSeatType{"sales-closed": early, "sales-not-open": late} {
		id, err := c.organiser.AddSeatType(t.Context(), c.id, s)
		c.must(err)
		harness.Eventually(t, within, func(ctx context.Context) error {
			if _, err := c.anyone.PlaceOrder(ctx, c.id, seats(id, 1)); api.Code(err) != code {
				return fmt.Errorf("%s: got %v, want %s", s.Name, err, code)
			}
			return nil
		})
		_, err = c.anyone.PlaceOrder(t.Context(), c.id, seats(c.general, 1), seats(id, 1))
		c.refused(err, code)
	}
	shown, err := c.anyone.Conference(t.Context(), c.id)
	c.must(err)
	for _, s := range shown.SeatTypes {
		if s.Name == late.Name && !s.SalesFrom.Equal(late.SalesFrom) {
			t.Errorf("availability says that sales open at %s, not %s", s.SalesFrom, late.SalesFrom)
		}
	}
	c.buy(seats(c.general, 1)) // which is sold until the conference ends
}

// One conference goes through its time: what its rules allow depends on it.
func TestWhatIsConfirmedIsGivenBackAndHandedOnWhileThereIsTime(t *testing.T) {
	c := onSale(t, system, quotas{})
	open := c.seatType("Open space", 0, 10)
	now := time.Now().UTC().Truncate(time.Second)
	ctx := t.Context()
	paid := c.buy(seats(c.general, 1))
	held := c.buy(seats(c.workshop, 1)).ID
	first, second, third := c.take(seats(open, 1)), c.take(seats(open, 1)), c.take(seats(open, 1))
	c.must(c.anyone.AssignSeat(ctx, held, 0, attendee("Ada")))

	c.says(map[string]any{"refundUntil": now.Add(-time.Hour), "handOverUntil": now.Add(-time.Hour), "salesFrom": now.AddDate(0, 1, 0)})
	c.turnedAway("sales-not-open") // so the order app knows of it
	c.must(c.anyone.Cancel(ctx, first))
	c.await(first, "cancelled")
	c.refused(c.anyone.Cancel(ctx, paid.ID), "refund-window-closed")
	c.must(c.organiser.Cancel(ctx, paid.ID))
	c.awaitPayment(paid.ID, paid.PaymentID, "refunded")
	c.refused(c.anyone.AssignSeat(ctx, held, 0, attendee("Grace")), "hand-over-closed")
	c.refused(c.anyone.UnassignSeat(ctx, held, 0), "hand-over-closed")
	c.must(c.organiser.AssignSeat(ctx, held, 0, attendee("Grace")))

	c.says(map[string]any{
		"startsAt": now.Add(-2 * time.Hour), "endsAt": now.AddDate(0, 0, 1), "refundUntil": now.Add(-3 * time.Hour),
		"handOverUntil": nil, "salesFrom": nil, "salesUntil": now.Add(-time.Hour),
	})
	c.turnedAway("sales-closed")
	c.refused(c.anyone.Cancel(ctx, second), "conference-started")
	c.must(c.organiser.Cancel(ctx, second))
	c.await(second, "cancelled")
	c.refused(c.anyone.AssignSeat(ctx, held, 0, attendee("Barbara")), "hand-over-closed") // by default from the start on
	c.must(c.organiser.AssignSeat(ctx, held, 0, attendee("Barbara")))
	c.must(c.anyone.AssignRegistrant(ctx, third, registrant()))

	c.says(map[string]any{"endsAt": now.Add(-time.Minute), "salesUntil": nil})
	c.turnedAway("conference-ended")
	c.refused(c.anyone.Cancel(ctx, third), "conference-started")
	c.refused(c.organiser.Cancel(ctx, third), "conference-ended")
	c.refused(c.anyone.AssignRegistrant(ctx, third, api.Person{FirstName: "Ada", Email: "late@example.org"}), "conference-ended")
	c.remaining(open, 9)
}

func TestWhatWasReadOfAConferenceChangesNothingWhenItIsSentBack(t *testing.T) {
	c := onSale(t, system, quotas{})
	// The hour that summer time skips in Berlin, and the second 02:30 of the night on
	// which it ends.
	c.says(map[string]any{"salesFrom": "2026-03-29T02:30:00+01:00", "salesUntil": "2026-10-25T02:30:00+01:00"})
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
	ctx := t.Context()
	price := api.Money{Amount: generalPrice, Currency: "USD"}
	pay := func(order string, m api.Money) error {
		_, _, err := c.anyone.StartPayment(ctx, order, m)
		return err
	}
	// The client would ask again for a while: an order may be on its way.
	nobodys := "/api/orders/" + api.Open("the-secret-of-an-order-nobody-placed") + "/payments"
	if status, _, problem := c.send(http.MethodPost, nobodys, asJSON(map[string]any{"amount": price})); status != http.StatusNotFound || problem.Code != "order-not-found" {
		t.Errorf("a payment of an order that is not there: %d %+v", status, problem)
	}

	gone := c.place(seats(c.general, 1))
	c.await(gone, "reserved")
	c.register(gone)
	c.must(c.anyone.Cancel(ctx, gone))
	c.await(gone, "cancelled")
	c.refused(pay(gone, price), "order-cancelled")

	order := c.place(seats(c.general, 1))
	if total := c.await(order, "reserved").Total; total != price {
		t.Fatalf("the total is %s", total)
	}
	c.refused(pay(order, price), "registrant-required")
	c.register(order)
	for _, other := range []api.Money{{Amount: price.Amount + 1, Currency: "USD"}, {Amount: price.Amount, Currency: "EUR"}} {
		c.refused(pay(order, other), "amount-differs")
	}

	payment, checkout, err := c.anyone.StartPayment(ctx, order, price)
	c.must(err)
	c.awaitPayment(order, payment, "initiated")
	c.refused(pay(order, price), "another-payment-open")
	c.must(c.anyone.ChangeItems(ctx, order, seats(c.general, 2)))
	c.awaitPayment(order, payment, "cancelled")
	c.await(order, "reserved")
	harness.Eventually(t, within, func(ctx context.Context) error { // the provider is told a moment later
		_, page := request(t, http.MethodGet, c.anyone.URL+checkout, "", map[string]string{"Accept-Language": "en"})
		if !strings.Contains(string(page), "items were changed") {
			return fmt.Errorf("the page left open says %s", page)
		}
		return nil
	})
	if err := c.anyone.Decide(ctx, checkout, "accept"); err == nil {
		t.Error("the payment for other items was taken")
	}
	c.pay(order)
	c.refused(pay(order, c.await(order, "confirmed").Total), "already-paid")
}

func TestAmountsHaveTheDecimalsOfTheirCurrency(t *testing.T) {
	system.Watch(t)
	c := conference{T: t, anyone: system.API(), organiser: system.Organiser(), operator: system.Operator()}
	starts := time.Now().UTC().Truncate(time.Hour).AddDate(0, 6, 0)
	for currency, price := range map[string]struct {
		minor      int64
		right, not string
	}{
		"COP": {15_000_000, "150,000.00", "15,000,000"},
		"IQD": {1_500, "1.500", "1,500"},
		"JPY": {1_500, "1,500", "15.00"},
		"KWD": {1_500, "1.500", "15.00"},
		"EUR": {19_90, "19.90", "1,990"},
	} {
		slug := "amounts-" + uuid.NewString()
		var err error
		c.id, err = c.organiser.CreateConference(t.Context(), api.NewConference{
			Slug: slug, Owner: "The organisers", Name: "Amounts", Currency: currency, TimeZone: "America/Bogota", StartsAt: starts, EndsAt: starts.AddDate(0, 0, 1),
		})
		c.must(err)
		c.seatType("General admission", price.minor, 10)
		c.must(c.organiser.Publish(t.Context(), c.id))
		for _, language := range []string{"en", "zh-CN"} {
			status, page := request(t, http.MethodGet, c.anyone.URL+"/c/"+slug, "", map[string]string{"Accept-Language": language})
			if status != http.StatusOK || !strings.Contains(string(page), price.right) || strings.Contains(string(page), price.not) {
				t.Errorf("%d minor units of %s in %s: %d, no %s in, or %s in\n%s", price.minor, currency, language, status, price.right, price.not, page)
			}
		}
	}
}
