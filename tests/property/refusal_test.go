package property

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// What web says before it opens a payment, of the order as it is shown, is what
// the order says of the payment.
func TestAPaymentIsRefusedWithTheCodeThatTheOrderWouldGive(t *testing.T) {
	said := map[es.Code]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range 100 {
			w.happen()
		}
		for _, id := range orderIDs {
			s, placed := w.orders.byID[id.String()]
			if !placed {
				continue
			}
			var shown view.Order
			for _, e := range s.events {
				projection.Order(&shown, message.Message{Body: e})
			}
			for _, amount := range []contracts.Money{s.state.Total, usd(s.state.Total.Amount + 1), {Amount: s.state.Total.Amount, Currency: "EUR"}} {
				payment := uuid.New()
				_, err := w.orders.agg.Decide(es.Env{Now: w.now}, s.state, contracts.ConfirmOrder{OrderID: id, PaymentID: &payment, Amount: &amount})
				code := es.Code("")
				if refused, ok := es.AsRefusal(err); ok {
					code = refused.Code
				} else if err != nil {
					t.Fatal(err)
				}
				if got := shown.PaymentRefusal(amount); got != code {
					t.Fatalf("an order that is %s, a payment of %s: web says %q, the order %q", shown.Status, amount, got, code)
				}
				said[code]++
			}
		}
	})
	for _, code := range []es.Code{"", refusal.AmountDiffers, refusal.RegistrantRequired, refusal.NotReserved, refusal.AlreadyPaid, refusal.OrderExpired, refusal.OrderCancelled} {
		if said[code] == 0 {
			t.Errorf("%q was never said", code)
		}
	}
}
