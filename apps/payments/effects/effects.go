// Package effects is what has to happen at the payment provider after an event
// of a payment: its page opens or closes, or money goes back. Each effect is
// carried out at least once, and may be: the provider gives the same answer
// again. An effect's error has it carried out again; what would not get better
// by that is logged, or recorded as a refund that failed.
package effects

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/payments/provider"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
)

// Effects carries out what payments' events ask of their providers.
type Effects struct {
	// Providers are all that payments may have been initiated with, by name. New
	// payments go to one; older ones stay with theirs.
	Providers map[string]provider.Provider
	// Commands takes what follows from a provider's answer.
	Commands bus.Publisher
	// Waits are the pauses before a refund that got no answer is asked for again.
	// After the last one it has failed, for an operator to look at.
	Waits []time.Duration
}

// DefaultWaits keep a refund, three tries of tryFor and the pauses, within the
// 10 seconds that the local broker waits for a batch.
var DefaultWaits = []time.Duration{200 * time.Millisecond, time.Second}

// tryFor bounds one call of a provider.
const tryFor = 2 * time.Second

// Register adds the effects to the engine that handles payments.
func (x Effects) Register(engine *handling.Engine) {
	handling.OnEvent(engine, x.Initiated)
	handling.OnEvent(engine, x.Cancelled)
	handling.OnEvent(engine, x.RefundRequested)
}

// Initiated has the provider expect the payment.
func (x Effects) Initiated(ctx context.Context, m message.Meta, e contracts.PaymentInitiated) error {
	p, ok := x.provider(ctx, e.Provider, e.PaymentID)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	err := p.Open(ctx, provider.Payment{ID: e.PaymentID, OrderID: e.OrderID, Tenant: m.Tenant, Amount: e.Amount})
	if err != nil {
		return fmt.Errorf("open payment %s: %w", e.PaymentID, err)
	}
	return nil
}

// Cancelled has the provider take no money for the payment any more. Where it
// has taken it already, it reports that, and its word wins.
func (x Effects) Cancelled(ctx context.Context, _ message.Meta, e contracts.PaymentCancelled) error {
	p, ok := x.provider(ctx, e.Provider, e.PaymentID)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	if err := p.Close(ctx, e.PaymentID, e.Reason); err != nil {
		return fmt.Errorf("close payment %s: %w", e.PaymentID, err)
	}
	return nil
}

// RefundRequested asks the provider for the money back and records its answer.
func (x Effects) RefundRequested(ctx context.Context, m message.Meta, e contracts.PaymentRefundRequested) error {
	record := contracts.RecordRefund{PaymentID: e.PaymentID, RefundID: e.RefundID, Attempt: e.Attempt}
	reference, err := x.refund(ctx, e)
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // the app is ending, or the time of the batch; what the provider did is not known
	case err == nil:
		record.Succeeded, record.ProviderReference = true, provider.Cut(reference)
	default:
		slog.WarnContext(ctx, "refund failed", "payment", e.PaymentID, "refund", e.RefundID, "attempt", e.Attempt, "provider", e.Provider, "error", err)
		record.Reason = reasonOf(err)
	}
	answer := fmt.Sprintf("refund/%d/%t", e.Attempt, record.Succeeded)
	if e.RefundID > 0 {
		answer = fmt.Sprintf("refund %d/%d/%t", e.RefundID, e.Attempt, record.Succeeded)
	}
	return x.Commands.Publish(ctx, message.Message{
		Meta: message.Meta{
			// Asked again after a failure, the provider may say that it worked: that is
			// another answer, and must not be taken for a duplicate of the first.
			ID:     es.DerivedID(m.Tenant+"/"+m.Stream, answer),
			Tenant: m.Tenant, CorrelationID: m.CorrelationID, // its trace is that of ctx
			Cause: message.Cause{ID: m.ID, Type: m.Type, Time: m.Time, CauseID: m.Cause.ID, Source: m.Source},
		},
		Body: record,
	})
}

var errNoProvider = errors.New("the payment's provider is not configured any more")

// refund asks until there is an answer, a few times.
func (x Effects) refund(ctx context.Context, e contracts.PaymentRefundRequested) (reference string, err error) {
	p, ok := x.provider(ctx, e.Provider, e.PaymentID)
	if !ok {
		return "", errNoProvider
	}
	ask := provider.Refund{PaymentID: e.PaymentID, RefundID: e.RefundID, Amount: e.Amount, Attempt: e.Attempt}
	for i := 0; ; i++ {
		reference, err = try(ctx, p, ask)
		var declined *provider.Declined
		if err == nil || errors.As(err, &declined) || i == len(x.Waits) {
			return reference, err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(x.Waits[i]):
		}
	}
}

func try(ctx context.Context, p provider.Provider, ask provider.Refund) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	return p.Refund(ctx, ask)
}

// reasonOf is what an operator is told; an error that is not the provider's own
// word stays in the log.
func reasonOf(err error) string {
	var declined *provider.Declined
	switch {
	case errors.As(err, &declined):
		return provider.Cut(declined.Reason)
	case errors.Is(err, errNoProvider):
		return errNoProvider.Error()
	}
	return "the payment provider gave no answer"
}

func (x Effects) provider(ctx context.Context, name string, payment uuid.UUID) (provider.Provider, bool) {
	p, ok := x.Providers[name]
	if !ok {
		slog.ErrorContext(ctx, "a payment's provider is not configured any more", "provider", name, "payment", payment)
	}
	return p, ok
}
