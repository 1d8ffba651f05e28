// Package measure counts what becomes of payments and refunds.
package measure

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/plenary/plenary/apps/payments/payment"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/tracing"
)

// count is what one event adds one to.
type count struct {
	counter metric.Int64Counter
	fate    string
}

// Payments measures what the engine commits to payments.
func Payments(engine *handling.Engine, registry *message.Registry) error {
	m := otel.Meter("github.com/plenary/plenary/apps/payments")
	payments, err := m.Int64Counter("plenary.payments", metric.WithDescription("Payments by outcome"))
	if err != nil {
		return err
	}
	refunds, err := m.Int64Counter("plenary.refunds", metric.WithDescription("Refunds by outcome"))
	if err != nil {
		return err
	}
	counts := map[string]count{} // by the name of the event's type
	for event, c := range map[any]count{
		contracts.PaymentInitiated{}:       {payments, "initiated"},
		contracts.PaymentCompleted{}:       {payments, "completed"},
		contracts.PaymentRejected{}:        {payments, "rejected"},
		contracts.PaymentCancelled{}:       {payments, "cancelled"},
		contracts.PaymentRefundRequested{}: {refunds, "requested"},
		contracts.PaymentRefunded{}:        {refunds, "made"},
		contracts.RefundFailed{}:           {refunds, "failed"},
	} {
		t, _ := registry.TypeOf(event)
		counts[t.Name] = c
	}
	engine.OnCommit(func(ctx context.Context, c handling.Commit) {
		if c.Stream.Aggregate != payment.Name {
			return
		}
		for _, r := range c.Records {
			if c, ok := counts[r.Type]; ok {
				c.counter.Add(tracing.Under(ctx, r.TraceParent), 1, metric.WithAttributes(attribute.String("fate", c.fate)))
			}
		}
	})
	return nil
}
