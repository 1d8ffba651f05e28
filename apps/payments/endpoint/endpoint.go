// Package endpoint is what the payments app serves whichever provider takes the
// money: the way to the provider's page, and the webhook by which the provider
// tells what came of a payment.
package endpoint

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/payments/provider"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// Checkout serves GET /pay/{paymentId}: 303 to where the payer pays, 404 for a
// payment that the provider does not know. The provider is asked to open a
// payment after its initiation has been told, so a payer may be here first: an
// unknown payment is looked for again, for as long as appears says: a few times, and
// for a bounded number of payers at once, so that made-up ids do not load the store.
func Checkout(r gin.IRoutes, p provider.Provider, appears time.Duration) {
	waiting := make(chan struct{}, mostWaiting)
	r.GET("/pay/:paymentId", func(c *gin.Context) {
		id, err := uuid.Parse(c.Param("paymentId"))
		if err != nil {
			c.Status(http.StatusNotFound)
			return
		}
		url, err := p.CheckoutURL(c.Request.Context(), id)
		if errors.Is(err, provider.ErrUnknown) {
			select {
			case waiting <- struct{}{}:
				url, err = awaitCheckout(c.Request.Context(), p, id, appears)
				<-waiting
			default: // the payer may ask again
			}
		}
		switch {
		case errors.Is(err, provider.ErrUnknown):
			c.Status(http.StatusNotFound)
		case err != nil:
			slog.ErrorContext(c, "the payment provider's page cannot be found", "payment", id, "error", err)
			c.Status(http.StatusServiceUnavailable)
		default:
			c.Header("Cache-Control", "no-store")
			c.Redirect(http.StatusSeeOther, url)
		}
	})
}

func awaitCheckout(ctx context.Context, p provider.Provider, id uuid.UUID, appears time.Duration) (url string, err error) {
	err = provider.ErrUnknown
	for pause, gone := firstPause, time.Duration(0); gone < appears; pause *= 2 {
		pause = min(pause, appears-gone)
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(pause):
		}
		gone += pause
		if url, err = p.CheckoutURL(ctx, id); !errors.Is(err, provider.ErrUnknown) {
			return url, err
		}
	}
	return "", err
}

const (
	// firstPause is the pause before a payment is looked for again; each is twice
	// as long as the one before.
	firstPause = 50 * time.Millisecond
	// mostWaiting bounds the payers for whom that is done at the same time.
	mostWaiting = 64
)

// maxEvent bounds the body of a webhook, in bytes.
const maxEvent = 64 << 10

// Webhook serves POST /webhooks/{provider}. What the provider reports becomes a
// command, under an id derived from the provider's event id, so that an event
// told twice is one command. Answers: 204 heard, also for an event that says
// nothing of how a payment ended; 400 not signed by the provider, or not to be
// read; 413 too long; 503 to be told again.
func Webhook(r gin.IRoutes, p provider.Provider, commands bus.Publisher) {
	r.POST("/webhooks/"+p.Name(), func(c *gin.Context) {
		body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxEvent))
		if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
			c.Status(http.StatusRequestEntityTooLarge)
			return
		} else if err != nil {
			c.Status(http.StatusBadRequest)
			return
		}
		report, err := p.Read(c.Request.Context(), c.Request.Header, body)
		if errors.Is(err, provider.ErrSignature) || errors.Is(err, provider.ErrMalformed) || errors.Is(err, provider.ErrUnknown) {
			slog.WarnContext(c, "webhook refused", "provider", p.Name(), "error", err)
			c.Status(http.StatusBadRequest)
			return
		} else if err != nil {
			slog.ErrorContext(c, "webhook failed", "provider", p.Name(), "error", err)
			c.Status(http.StatusServiceUnavailable)
			return
		}
		command, ok := commandOf(report)
		if !ok {
			slog.InfoContext(c, "webhook of no concern", "provider", p.Name(), "event", report.EventID, "type", report.Type)
			c.Status(http.StatusNoContent)
			return
		}
		err = commands.Publish(c.Request.Context(), message.Message{
			Meta: message.Meta{
				ID:     es.DerivedID("provider/"+p.Name(), report.EventID),
				Tenant: report.Tenant, CorrelationID: report.OrderID.String(),
			},
			Body: command,
		})
		if err != nil {
			slog.ErrorContext(c, "webhook failed", "provider", p.Name(), "event", report.EventID, "error", err)
			c.Status(http.StatusServiceUnavailable)
			return
		}
		c.Status(http.StatusNoContent)
	})
}

// commandOf is the command that a report becomes; ok is false for one that says
// nothing of how a payment ended.
func commandOf(r provider.Report) (command any, ok bool) {
	switch r.Outcome {
	case provider.Completed:
		return contracts.CompletePayment{PaymentID: r.PaymentID, Amount: r.Amount, ProviderReference: provider.Cut(r.Reference)}, true
	case provider.Rejected:
		return contracts.RejectPayment{PaymentID: r.PaymentID, Reason: provider.Cut(r.Reason)}, true
	case provider.Cancelled:
		return contracts.CancelPayment{PaymentID: r.PaymentID, Reason: provider.Cut(r.Reason)}, true
	}
	return nil, false
}
