package payment_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/payments/payment"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	id    = uuid.MustParse("6b0f8a52-6f4e-4c1f-9d5d-0d1d3f4c0011")
	order = uuid.MustParse("6b0f8a52-6f4e-4c1f-9d5d-0d1d3f4c0012")
	price = contracts.Money{Amount: 24900, Currency: "USD"}
)

// The commands.
var (
	initiate   = contracts.InitiatePayment{PaymentID: id, OrderID: order, Version: 1, Amount: price}
	complete   = contracts.CompletePayment{PaymentID: id, Amount: price, ProviderReference: "ch_1"}
	reject     = contracts.RejectPayment{PaymentID: id, Reason: "card declined"}
	cancel     = contracts.CancelPayment{PaymentID: id, Reason: "order expired"}
	refund     = contracts.RefundPayment{PaymentID: id, Reason: "order cancelled"}
	refund2    = contracts.RefundPayment{PaymentID: id, Reason: "by an operator", Attempt: 2}
	succeeded  = contracts.RecordRefund{PaymentID: id, Attempt: 1, Succeeded: true, ProviderReference: "re_1"}
	failed     = contracts.RecordRefund{PaymentID: id, Attempt: 1, Reason: "account closed"}
	succeeded2 = contracts.RecordRefund{PaymentID: id, Attempt: 2, Succeeded: true, ProviderReference: "re_1"}
	failed2    = contracts.RecordRefund{PaymentID: id, Attempt: 2, Reason: "account closed"}
)

// The events.
var (
	initiated  = contracts.PaymentInitiated{PaymentID: id, OrderID: order, Version: 1, Amount: price, Provider: "demo"}
	completed  = contracts.PaymentCompleted{PaymentID: id, OrderID: order, Amount: price, ProviderReference: "ch_1"}
	rejected   = contracts.PaymentRejected{PaymentID: id, OrderID: order, Reason: "card declined"}
	cancelled  = contracts.PaymentCancelled{PaymentID: id, OrderID: order, Reason: "order expired", Provider: "demo"}
	refunding  = contracts.PaymentRefundRequested{PaymentID: id, OrderID: order, Amount: price, Attempt: 1, Reason: "order cancelled", Provider: "demo"}
	refunding2 = contracts.PaymentRefundRequested{PaymentID: id, OrderID: order, Amount: price, Attempt: 2, Reason: "by an operator", Provider: "demo"}
	refunded   = contracts.PaymentRefunded{PaymentID: id, OrderID: order, Amount: price, ProviderReference: "re_1"}
	failure    = contracts.RefundFailed{PaymentID: id, OrderID: order, Amount: price, Attempt: 1, Reason: "account closed"}
	failure2   = contracts.RefundFailed{PaymentID: id, OrderID: order, Amount: price, Attempt: 2, Reason: "account closed"}
)

// histories lead to every state there is.
var histories = map[string][]any{
	"none":              nil,
	"initiated":         {initiate},
	"completed":         {initiate, complete},
	"rejected":          {initiate, reject},
	"cancelled":         {initiate, cancel},
	"completed late":    {initiate, cancel, complete},
	"refunding":         {initiate, complete, refund},
	"refunded":          {initiate, complete, refund, succeeded},
	"refund failed":     {initiate, complete, refund, failed},
	"refunding again":   {initiate, complete, refund, failed, refund2},
	"refunded at last":  {initiate, complete, refund, failed, refund2, succeeded2},
	"failed once more":  {initiate, complete, refund, failed, refund2, failed2},
	"refunded by first": {initiate, complete, refund, failed, refund2, succeeded},
}

// nothing: the command has no effect.
type nothing struct{}

// outcomes says for every command what follows in every state: an event,
// nothing, or the code of a refusal.
var outcomes = []struct {
	name    string
	command any
	in      map[string]any
}{
	{"initiate", initiate, map[string]any{
		"none":      initiated,
		"initiated": nothing{}, "completed": nothing{}, "rejected": nothing{}, "cancelled": nothing{},
		"completed late": nothing{}, "refunding": nothing{}, "refunded": nothing{}, "refund failed": nothing{},
		"refunding again": nothing{}, "refunded at last": nothing{}, "failed once more": nothing{}, "refunded by first": nothing{},
	}},
	{"complete", complete, map[string]any{
		"none":      refusal.PaymentNotFound,
		"initiated": completed, "completed": nothing{}, "rejected": completed, "cancelled": completed,
		"completed late": nothing{}, "refunding": nothing{}, "refunded": nothing{}, "refund failed": nothing{},
		"refunding again": nothing{}, "refunded at last": nothing{}, "failed once more": nothing{}, "refunded by first": nothing{},
	}},
	{"reject", reject, map[string]any{
		"none":      refusal.PaymentNotFound,
		"initiated": rejected, "completed": refusal.PaymentCompleted, "rejected": nothing{}, "cancelled": nothing{},
		"completed late": refusal.PaymentCompleted, "refunding": refusal.PaymentCompleted,
		"refunded": refusal.PaymentCompleted, "refund failed": refusal.PaymentCompleted,
		"refunding again": refusal.PaymentCompleted, "refunded at last": refusal.PaymentCompleted,
		"failed once more": refusal.PaymentCompleted, "refunded by first": refusal.PaymentCompleted,
	}},
	{"cancel", cancel, map[string]any{
		"none":      refusal.PaymentNotFound,
		"initiated": cancelled, "completed": refusal.PaymentCompleted, "rejected": nothing{}, "cancelled": nothing{},
		"completed late": refusal.PaymentCompleted, "refunding": refusal.PaymentCompleted,
		"refunded": refusal.PaymentCompleted, "refund failed": refusal.PaymentCompleted,
		"refunding again": refusal.PaymentCompleted, "refunded at last": refusal.PaymentCompleted,
		"failed once more": refusal.PaymentCompleted, "refunded by first": refusal.PaymentCompleted,
	}},
	{"refund", refund, map[string]any{
		"none":      refusal.PaymentNotFound,
		"initiated": refusal.PaymentNotCompleted, "completed": refunding, "rejected": refusal.PaymentNotCompleted, "cancelled": refusal.PaymentNotCompleted,
		"completed late": refunding, "refunding": nothing{}, "refunded": nothing{}, "refund failed": nothing{},
		"refunding again": nothing{}, "refunded at last": nothing{}, "failed once more": nothing{}, "refunded by first": nothing{},
	}},
	{"refund again", refund2, map[string]any{
		"none":      refusal.PaymentNotFound,
		"initiated": refusal.PaymentNotCompleted, "completed": refusal.RefundNotRequested,
		"rejected": refusal.PaymentNotCompleted, "cancelled": refusal.PaymentNotCompleted,
		"completed late": refusal.RefundNotRequested, "refunding": refusal.RefundPending, "refunded": nothing{}, "refund failed": refunding2,
		"refunding again": nothing{}, "refunded at last": nothing{}, "failed once more": nothing{}, "refunded by first": nothing{},
	}},
	{"refund succeeded", succeeded, map[string]any{
		"none":      refusal.PaymentNotFound,
		"initiated": refusal.RefundNotRequested, "completed": refusal.RefundNotRequested,
		"rejected": refusal.RefundNotRequested, "cancelled": refusal.RefundNotRequested,
		"completed late": refusal.RefundNotRequested, "refunding": refunded, "refunded": nothing{}, "refund failed": refunded,
		"refunding again": refunded, "refunded at last": nothing{}, "failed once more": refunded, "refunded by first": nothing{},
	}},
	{"refund failed", failed, map[string]any{
		"none":      refusal.PaymentNotFound,
		"initiated": refusal.RefundNotRequested, "completed": refusal.RefundNotRequested,
		"rejected": refusal.RefundNotRequested, "cancelled": refusal.RefundNotRequested,
		"completed late": refusal.RefundNotRequested, "refunding": failure, "refunded": nothing{}, "refund failed": nothing{},
		"refunding again": nothing{}, "refunded at last": nothing{}, "failed once more": nothing{}, "refunded by first": nothing{},
	}},
	{"second refund succeeded", succeeded2, map[string]any{
		"none":      refusal.PaymentNotFound,
		"initiated": refusal.RefundNotRequested, "completed": refusal.RefundNotRequested,
		"rejected": refusal.RefundNotRequested, "cancelled": refusal.RefundNotRequested,
		"completed late": refusal.RefundNotRequested, "refunding": refusal.RefundNotRequested,
		"refunded": refusal.RefundNotRequested, "refund failed": refusal.RefundNotRequested,
		"refunding again": refunded, "refunded at last": nothing{}, "failed once more": refunded, "refunded by first": nothing{},
	}},
	{"second refund failed", failed2, map[string]any{
		"none":      refusal.PaymentNotFound,
		"initiated": refusal.RefundNotRequested, "completed": refusal.RefundNotRequested,
		"rejected": refusal.RefundNotRequested, "cancelled": refusal.RefundNotRequested,
		"completed late": refusal.RefundNotRequested, "refunding": refusal.RefundNotRequested,
		"refunded": refusal.RefundNotRequested, "refund failed": refusal.RefundNotRequested,
		"refunding again": failure2, "refunded at last": nothing{}, "failed once more": nothing{}, "refunded by first": nothing{},
	}},
}

func TestEveryCommandInEveryState(t *testing.T) {
	for _, row := range outcomes {
		if len(row.in) != len(histories) {
			t.Errorf("%s: %d outcomes for %d states", row.name, len(row.in), len(histories))
		}
		for state, outcome := range row.in {
			given, ok := histories[state]
			if !ok {
				t.Errorf("%s: no state %q", row.name, state)
			}
			scenario := estest.Scenario{Name: row.name + " when " + state, Given: given, When: row.command}
			switch o := outcome.(type) {
			case nothing:
			case es.Code:
				scenario.Refused = o
			default:
				scenario.Then = []any{o}
			}
			estest.Run(t, payment.Aggregate("demo"), scenario)
		}
	}
}

func TestInitiatePayment(t *testing.T) {
	estest.Run(t, payment.Aggregate("demo"),
		estest.Scenario{
			Name:    "of another amount under the same id is refused",
			Given:   []any{initiate},
			When:    contracts.InitiatePayment{PaymentID: id, OrderID: order, Version: 1, Amount: contracts.Money{Amount: 24901, Currency: "USD"}},
			Refused: refusal.PaymentExists,
		},
		estest.Scenario{
			Name:    "in another currency under the same id is refused",
			Given:   []any{initiate},
			When:    contracts.InitiatePayment{PaymentID: id, OrderID: order, Version: 1, Amount: contracts.Money{Amount: 24900, Currency: "EUR"}},
			Refused: refusal.PaymentExists,
		},
		estest.Scenario{
			Name:    "for another order under the same id is refused",
			Given:   []any{initiate},
			When:    contracts.InitiatePayment{PaymentID: id, OrderID: uuid.New(), Version: 1, Amount: price},
			Refused: refusal.PaymentExists,
		},
		estest.Scenario{
			Name:    "of nothing is refused",
			When:    contracts.InitiatePayment{PaymentID: id, OrderID: order, Version: 1, Amount: contracts.Money{Currency: "USD"}},
			Refused: refusal.AmountInvalid,
		},
		estest.Scenario{
			Name:    "of less than nothing is refused",
			When:    contracts.InitiatePayment{PaymentID: id, OrderID: order, Version: 1, Amount: contracts.Money{Amount: -1, Currency: "USD"}},
			Refused: refusal.AmountInvalid,
		},
	)
}

func TestAPaymentStaysWithTheProviderItWasInitiatedWith(t *testing.T) {
	estest.Run(t, payment.Aggregate("stripe"),
		estest.Scenario{
			Name:  "when it is refunded",
			Given: []any{initiated, completed},
			When:  refund,
			Then:  []any{refunding},
		},
		estest.Scenario{
			Name:  "when it is cancelled",
			Given: []any{initiated},
			When:  cancel,
			Then:  []any{cancelled},
		},
	)
}

func TestARefundAfterTheNextButOneIsRefused(t *testing.T) {
	estest.Run(t, payment.Aggregate("demo"), estest.Scenario{
		Name:    "attempt 3 after attempt 1 failed",
		Given:   histories["refund failed"],
		When:    contracts.RefundPayment{PaymentID: id, Attempt: 3},
		Refused: refusal.RefundNotRequested,
	})
}

// A payment keeps the latest ids alone, and every scenario here is run with its
// commands repeated after theirs are forgotten.
func TestOnlyRecentMessagesAreRemembered(t *testing.T) {
	agg := payment.Aggregate("demo")
	if agg.Handled <= 0 || agg.Handled > 1000 {
		t.Errorf("%d ids are kept", agg.Handled)
	}
	if !agg.AnswersNoEffect {
		t.Error("a command that changes nothing is not answered")
	}
}

// The provider says how much it took; the order is who compares, and what does not
// confirm it goes back as it came.
func TestTheAmountIsWhatTheProviderTook(t *testing.T) {
	other := contracts.Money{Amount: 100, Currency: "EUR"}
	a := payment.Aggregate("demo")
	s := a.Evolve(a.New(), initiated)
	events, err := a.Decide(es.Env{}, s, contracts.CompletePayment{PaymentID: id, Amount: other, ProviderReference: "ch_1"})
	if err != nil || len(events) != 1 || events[0].(contracts.PaymentCompleted).Amount != other {
		t.Fatalf("got %+v, %v", events, err)
	}
	events, err = a.Decide(es.Env{}, a.Evolve(s, events[0]), refund)
	if err != nil || len(events) != 1 || events[0].(contracts.PaymentRefundRequested).Amount != other {
		t.Fatalf("got %+v, %v", events, err)
	}
}

// Parts of a payment go back by refunds of their own, which together are never more than
// was taken.
func TestPartsOfAPaymentGoBack(t *testing.T) {
	usd := func(cents int64) contracts.Money { return contracts.Money{Amount: cents, Currency: "USD"} }
	part := func(refundID int, cents int64, attempt int) contracts.RefundPayment {
		amount := usd(cents)
		return contracts.RefundPayment{PaymentID: id, RefundID: refundID, Amount: &amount, Attempt: attempt, Reason: contracts.SeatsGivenBack}
	}
	asked := func(refundID int, cents int64, attempt int) contracts.PaymentRefundRequested {
		return contracts.PaymentRefundRequested{PaymentID: id, OrderID: order, RefundID: refundID, Amount: usd(cents), Attempt: attempt, Reason: contracts.SeatsGivenBack, Provider: "demo"}
	}
	answer := func(refundID, attempt int, succeeded bool) contracts.RecordRefund {
		return contracts.RecordRefund{PaymentID: id, RefundID: refundID, Attempt: attempt, Succeeded: succeeded, ProviderReference: "re", Reason: "closed"}
	}
	back := func(refundID int, cents int64) contracts.PaymentRefunded {
		return contracts.PaymentRefunded{PaymentID: id, OrderID: order, RefundID: refundID, Amount: usd(cents), ProviderReference: "re"}
	}
	rest := func(cents int64) contracts.RefundPayment { return part(0, cents, 0) }
	paid := []any{initiate, complete}
	after := func(more ...any) []any { return append(paid[:2:2], more...) }

	estest.Run(t, payment.Aggregate("demo"),
		estest.Scenario{Name: "one part", Given: paid, When: part(1, 10000, 0), Then: []any{asked(1, 10000, 1)}},
		estest.Scenario{Name: "one part, once", Given: after(part(1, 10000, 0)), When: part(1, 10000, 0)},
		estest.Scenario{Name: "one part, once, after it went back", Given: after(part(1, 10000, 0), answer(1, 1, true)), When: part(1, 10000, 0)},
		estest.Scenario{Name: "one part, once, after it failed", Given: after(part(1, 10000, 0), answer(1, 1, false)), When: part(1, 10000, 0)},
		estest.Scenario{Name: "another part, while the first is under way", Given: after(part(1, 10000, 0)), When: part(2, 14900, 0), Then: []any{asked(2, 14900, 1)}},
		estest.Scenario{Name: "parts that are more than was taken", Given: after(part(1, 10000, 0)), When: part(2, 14901, 0), Refused: refusal.RefundTooLarge},
		estest.Scenario{Name: "a part that is more than was taken", Given: paid, When: part(1, 24901, 0), Refused: refusal.RefundTooLarge},
		estest.Scenario{Name: "a part in another currency", Given: paid, When: contracts.RefundPayment{PaymentID: id, RefundID: 1, Amount: &contracts.Money{Amount: 1, Currency: "EUR"}}, Refused: refusal.RefundTooLarge},
		estest.Scenario{Name: "nothing", Given: paid, When: part(1, 0, 0), Refused: refusal.RefundTooLarge},
		estest.Scenario{Name: "a part of a payment that was not taken", Given: []any{initiate}, When: part(1, 10000, 0), Refused: refusal.PaymentNotCompleted},
		estest.Scenario{Name: "it went back", Given: after(part(1, 10000, 0), part(2, 500, 0)), When: answer(1, 1, true), Then: []any{back(1, 10000)}},
		estest.Scenario{Name: "the other one goes back by itself", Given: after(part(1, 10000, 0), part(2, 500, 0), answer(1, 1, true)), When: answer(2, 1, true), Then: []any{back(2, 500)}},
		estest.Scenario{Name: "it failed", Given: after(part(1, 10000, 0)), When: answer(1, 1, false),
			Then: []any{contracts.RefundFailed{PaymentID: id, OrderID: order, RefundID: 1, Amount: usd(10000), Attempt: 1, Reason: "closed"}}},
		estest.Scenario{Name: "tried again, for the amount of the first try", Given: after(part(1, 10000, 0), answer(1, 1, false)), When: part(1, 1, 2), Then: []any{asked(1, 10000, 2)}},
		estest.Scenario{Name: "tried again while it is under way", Given: after(part(1, 10000, 0)), When: part(1, 10000, 2), Refused: refusal.RefundPending},
		estest.Scenario{Name: "tried again before it was asked for", Given: paid, When: part(1, 10000, 2), Refused: refusal.RefundNotRequested},
		estest.Scenario{Name: "the try that failed worked after all", Given: after(part(1, 10000, 0), answer(1, 1, false)), When: answer(1, 1, true), Then: []any{back(1, 10000)}},
		estest.Scenario{Name: "an answer to a part that was not asked for", Given: after(part(1, 10000, 0)), When: answer(2, 1, true), Refused: refusal.RefundNotRequested},
		estest.Scenario{Name: "then the rest", Given: after(part(1, 10000, 0), answer(1, 1, true)), When: rest(14900), Then: []any{asked(0, 14900, 1)}},
		estest.Scenario{Name: "the rest failed: it is tried again, not the whole", Given: after(part(1, 10000, 0), rest(14900), answer(0, 1, false)), When: contracts.RefundPayment{PaymentID: id, Attempt: 2, Reason: contracts.SeatsGivenBack},
			Then: []any{asked(0, 14900, 2)}},
		estest.Scenario{Name: "the rest, which overtook the part", Given: after(rest(14900)), When: part(1, 10000, 0), Then: []any{asked(1, 10000, 1)}},
		estest.Scenario{Name: "the rest without an amount is all that no part was asked for", Given: after(part(1, 10000, 0)), When: contracts.RefundPayment{PaymentID: id, Reason: contracts.SeatsGivenBack}, Then: []any{asked(0, 14900, 1)}},
		estest.Scenario{Name: "a part after the whole", Given: after(refund), When: part(1, 10000, 0), Refused: refusal.RefundTooLarge},
	)
}
