package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

func stuckPath(action string) string { return "/api/stuck-orders/" + orderID.String() + "/" + action }

// What an operator does about an order is a command to the order, with the reason, on the
// operator's behalf.
func TestAnOperatorSeesToAnOrderThatIsStuck(t *testing.T) {
	const why = "the provider's log shows no money"
	for action, want := range map[string]any{
		"retry":   contracts.RetryOrder{OrderID: orderID, Reason: why},
		"release": contracts.ReleaseOrderSeats{OrderID: orderID, Reason: why},
		"refund":  contracts.ReturnPayment{OrderID: orderID, PaymentID: paymentID, Reason: why},
		"close":   contracts.CloseOrderCase{OrderID: orderID, Reason: why},
	} {
		t.Run(action, func(t *testing.T) {
			f := newFixture(t)
			f.query.answer("GET /payments/"+paymentID.String(), aPayment)
			payment := ""
			if action == "refund" {
				payment = `"paymentId":"` + paymentID.String() + `",`
			}
			body := "{" + payment + `"reason":"` + why + `"}`
			key := header{"Idempotency-Key", idempotencyID}
			first := f.do("POST", stuckPath(action), body, asOperator, key).is(http.StatusAccepted).receipt()
			if first.ID != orderID || first.URL != orderPath("") {
				t.Errorf("receipt %+v", first)
			}
			sent := f.broker.only(t)
			if sent.Body != want || sent.CorrelationID != orderID.String() || sent.Actor != (contracts.Actor{Operator: true}).String() {
				t.Errorf("sent %+v", sent)
			}
			if again := f.do("POST", stuckPath(action), body, asOperator, key).receipt(); again.CommandID != first.CommandID {
				t.Errorf("the same request is command %s, and then %s", first.CommandID, again.CommandID)
			}

			f = newFixture(t)
			f.query.answer("GET /payments/"+paymentID.String(), aPayment)
			for reason, rule := range map[string]string{"": "minLength=1", " ": "blank", `a\nb`: "lineBreak", strings.Repeat("x", 201): "maxGraphemes=200"} {
				p := f.do("POST", stuckPath(action), "{"+payment+`"reason":"`+reason+`"}`, asOperator).problem(http.StatusUnprocessableEntity, "validation-failed")
				if len(p.Errors) != 1 || p.Errors[0].Field != "reason" || p.Errors[0].Rule != rule {
					t.Errorf("reason %q: %+v", reason, p.Errors)
				}
			}
			f.do("POST", stuckPath(action), "{}", asOperator).problem(http.StatusUnprocessableEntity, "validation-failed")
			if sent := f.broker.commands(); len(sent) > 0 {
				t.Errorf("sent %+v", sent)
			}
		})
	}
}

// A payment goes back by the order that it is of, and by no other.
func TestAPaymentOfAnotherOrderIsNotGivenBack(t *testing.T) {
	f := newFixture(t)
	others := aPayment
	others.OrderID = uuid.New()
	f.query.answer("GET /payments/"+paymentID.String(), others)
	for _, id := range []uuid.UUID{paymentID, uuid.New()} {
		f.do("POST", stuckPath("refund"), `{"paymentId":"`+id.String()+`","reason":"why not"}`, asOperator).problem(http.StatusNotFound, refusal.PaymentNotFound)
	}
	if sent := f.broker.commands(); len(sent) > 0 {
		t.Fatalf("sent %+v", sent)
	}
}

func TestWhatTheOrderRefusesAnOperatorIsSaid(t *testing.T) {
	for action, code := range map[string]es.Code{"release": refusal.OrderNotEnded, "close": refusal.OrderNotFound, "retry": refusal.TooManyChanges, "refund": refusal.PaymentConfirms} {
		f := newFixture(t)
		f.query.answer("GET /payments/"+paymentID.String(), aPayment)
		f.refusing(code, "")
		body := `{"reason":"why not"}`
		if action == "refund" {
			body = `{"paymentId":"` + paymentID.String() + `","reason":"why not"}`
		}
		status := http.StatusConflict
		if code == refusal.OrderNotFound {
			status = http.StatusNotFound
		}
		f.do("POST", stuckPath(action), body, asOperator, header{"Prefer", "wait=5"}).problem(status, code)
	}
}
