package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/plenary/plenary/tests/harness"
)

// stuckOrder is what the operator's list says of an order.
type stuckOrder struct {
	OrderID string `json:"orderId"`
	Status  string `json:"status"`
	Stuck   []struct {
		Kind      string `json:"kind"`
		PaymentID string `json:"paymentId"`
	} `json:"stuck"`
}

// The process is away when somebody pays: nobody answers the payment. The sweep finds it, an
// operator gives it back, and it goes back once the process is there again; the order, which
// judges, takes that payment no more.
func TestAnOperatorSeesToAPaymentThatNobodyAnswers(t *testing.T) {
	harness.NeedsParts(t)
	s := own(t, map[string]string{"PLENARY_STUCK_AFTER": "2s"})
	c := onSale(t, s, quotas{workshop: 1})
	operator := s.Operator().Token
	order := c.place(seats(c.general, 1))
	checkout := c.startToPay(order)
	payment := c.payment(order)

	s.Kill("registration-process")
	c.must(c.anyone.Decide(t.Context(), checkout, "accept"))
	listed := func(ctx context.Context) (found *stuckOrder, err error) {
		status, body := request(t, http.MethodGet, c.anyone.URL+"/api/stuck-orders", "", map[string]string{"Authorization": "Bearer " + operator})
		var list struct {
			Orders []stuckOrder `json:"orders"`
		}
		if err := json.Unmarshal(body, &list); err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("%d %s", status, body)
		}
		for _, o := range list.Orders {
			if o.OrderID == order {
				found = &o
			}
		}
		return found, ctx.Err()
	}
	harness.Eventually(t, within, func(ctx context.Context) error {
		found, err := listed(ctx)
		if err == nil && (found == nil || found.Status != "reserved" || len(found.Stuck) != 1 || found.Stuck[0].Kind != "payment" || found.Stuck[0].PaymentID != payment) {
			err = fmt.Errorf("listed: %+v", found)
		}
		return err
	})

	const why = "nobody answers it"
	path := "/api/stuck-orders/" + order
	do := func(token, action, body string, want int) {
		t.Helper()
		if status, answer := c.as(token, http.MethodPost, path+"/"+action, body); status != want {
			t.Fatalf("%s: %d %s, want %d", action, status, answer, want)
		}
	}
	reason := `{"reason":"` + why + `"}`
	refund := `{"paymentId":"` + payment + `","reason":"` + why + `"}`
	do(c.organiser.Token, "refund", refund, http.StatusForbidden)
	do(operator, "release", reason, http.StatusConflict) // the order may still be confirmed
	do(operator, "refund", refund, http.StatusOK)
	if err := s.Restart(t.Context(), "registration-process"); err != nil {
		t.Fatal(err)
	}
	c.paymentIs(payment, "refunded")
	c.await(order, "reserved")
	c.follow(order, "ReturnPayment", "OrderPaymentReturned", "RefundPayment", "PaymentRefundRequested", "PaymentRefunded")
	harness.Eventually(t, within, func(ctx context.Context) error {
		found, err := listed(ctx)
		if err == nil && found != nil {
			err = fmt.Errorf("still listed: %+v", found)
		}
		return err
	})

	do(operator, "retry", reason, http.StatusOK)
	do(operator, "close", reason, http.StatusOK)
	_, log := c.as(operator, http.MethodGet, "/api/audit-log?limit=10", "")
	var audit struct {
		Entries []struct{ By, Change, AboutID, Reason string } `json:"entries"`
	}
	c.must(json.Unmarshal(log, &audit))
	for i, change := range []string{"CloseOrderCase", "RetryOrder", "ReturnPayment"} {
		if i >= len(audit.Entries) || audit.Entries[i].Change != change || audit.Entries[i].By != "operator" || audit.Entries[i].Reason != why || audit.Entries[i].AboutID != order {
			t.Errorf("the audit log says %s, want %s first", log, change)
			break
		}
	}

	// The seats are still the order's, and another payment confirms it.
	if o := c.await(order, "reserved"); o.ID != order {
		t.Errorf("order %+v", o)
	}
	c.pay(order)
	c.await(order, "confirmed")
}
