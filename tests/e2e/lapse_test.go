package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/topology"
)

func TestAHoldLapses(t *testing.T) {
	t.Parallel()
	t.Run("by its reminder", func(t *testing.T) {
		s := own(t, map[string]string{"PLENARY_HOLD": "3s", "PLENARY_GRACE": "1s", "PLENARY_SWEEP": "1h"})
		lapse(t, s, func() {})
	})
	t.Run("by the sweep, with every reminder dropped", func(t *testing.T) {
		s := own(t, map[string]string{"PLENARY_HOLD": "3s", "PLENARY_GRACE": "1s", "PLENARY_SWEEP": "1s"})
		lapse(t, s, func() {
			s.Kill(harness.Scheduler)
			if err := os.RemoveAll(s.Data("scheduler")); err != nil {
				t.Fatal(err)
			}
			if err := s.Restart(t.Context(), harness.Scheduler); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// lapse lets holds lapse after something happened to the reminders.
func lapse(t *testing.T, s *harness.System, happens func()) {
	c := onSale(t, s, quotas{workshop: 1})
	unpaid, late, tooLate := c.place(seats(c.general, 2)), c.place(seats(c.general, 1)), c.place(seats(c.workshop, 1))
	lateCheckout, tooLateCheckout := c.startToPay(late), c.startToPay(tooLate)
	latePayment, tooLatePayment := c.payment(late), c.payment(tooLate)
	taken, untaken := c.takenForNoOrder(s), c.paymentOfNoOrder(s)
	happens()

	// Those of an order that never comes are given up as late as an order would be.
	c.paymentIs(taken, "refunded")
	c.paymentIs(untaken, "cancelled")

	for _, order := range []string{unpaid, late, tooLate} {
		c.await(order, "expired")
	}
	c.remaining(c.general, 100)
	c.remaining(c.workshop, 1)
	c.follow(unpaid, "OrderExpired", "CancelSeatReservation", "SeatsReservationCancelled")
	_, _, err := c.anyone.StartPayment(t.Context(), late, api.Money{Amount: generalPrice, Currency: "USD"})
	c.refused(err, "order-expired")

	// The money for one comes late, while its seats are free: it gets them back.
	c.must(c.anyone.Decide(t.Context(), lateCheckout, "accept"))
	if o := c.await(late, "confirmed"); o.PaymentID != latePayment {
		t.Errorf("confirmed by %q, want %q", o.PaymentID, latePayment)
	}
	c.remaining(c.general, 99)
	c.follow(late, "OrderExpired", "PaymentCompleted", "MakeSeatReservation", "SeatsReserved", "ReinstateOrder", "OrderReinstated", "OrderConfirmed")

	// The other's seat has been taken in the meantime: the money goes back.
	taker := c.place(seats(c.workshop, 1))
	c.await(taker, "reserved", "expired")
	c.must(c.anyone.Decide(t.Context(), tooLateCheckout, "accept"))
	c.awaitPayment(tooLate, tooLatePayment, "refunded")
	c.await(tooLate, "expired")
}

// startToPay has the payer's money on its way: the answer may come, or not.
func (c conference) startToPay(order string) (checkout string) {
	c.Helper()
	o := c.await(order, "reserved")
	c.register(order)
	_, checkout, err := c.anyone.StartPayment(c.Context(), order, o.Total)
	c.must(err)
	c.must(c.anyone.Decide(c.Context(), checkout, "never"))
	return checkout
}

// paymentOfNoOrder is opened past the API, which would refuse it.
func (c conference) paymentOfNoOrder(s *harness.System) (payment string) {
	c.Helper()
	payment, command := uuid.NewString(), cloudevents.NewEvent()
	command.SetID(uuid.NewString())
	command.SetSource("web")
	command.SetType("InitiatePayment.v1")
	c.must(command.SetData("application/json", map[string]any{
		"paymentId": payment, "orderId": uuid.NewString(), "version": 1, "amount": api.Money{Amount: generalPrice, Currency: "USD"},
	}))
	sdk, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(dapr.HealthURL(s.App("web").HTTPPort, "/v1.0/publish/commandbus/"+topology.From(contracts.TopicPayments, "web"))))
	c.must(err)
	if res := sdk.Send(cloudevents.WithEncodingStructured(c.Context()), command); !cloudevents.IsACK(res) {
		c.Fatal(res)
	}
	return payment
}

// takenForNoOrder is one of which the money was taken. On a slow machine, one may be
// given up before it can be paid.
func (c conference) takenForNoOrder(s *harness.System) (payment string) {
	c.Helper()
	payment = c.paymentOfNoOrder(s)
	harness.Eventually(c.T, within, func(ctx context.Context) error {
		err := c.anyone.Decide(ctx, "/pay/"+payment, "accept")
		if err != nil && c.statusOf(payment) == "cancelled" {
			payment = c.paymentOfNoOrder(s)
		}
		return err
	})
	return payment
}

func (c conference) statusOf(payment string) string {
	c.Helper()
	_, answer := request(c.T, http.MethodGet, c.anyone.URL+"/api/payments/"+payment, "", map[string]string{"Authorization": "Bearer " + c.organiser.Token})
	var p api.Payment
	if err := json.Unmarshal(answer, &p); err != nil {
		c.Fatalf("payment %s: %s", payment, answer)
	}
	return p.Status
}

func (c conference) paymentIs(payment, want string) {
	c.Helper()
	harness.Eventually(c.T, within, func(context.Context) error {
		if status := c.statusOf(payment); status != want {
			return fmt.Errorf("payment %s is %s, not %s", payment, status, want)
		}
		return nil
	})
}

// payment is the only payment of an order.
func (c conference) payment(order string) string {
	c.Helper()
	var o api.Order
	o, err := c.anyone.Order(c.Context(), order)
	c.must(err)
	if len(o.Payments) != 1 {
		c.Fatalf("%d payments, want 1", len(o.Payments))
	}
	return o.Payments[0].ID
}
