// Package provider is the port to whoever takes the money: a payment provider
// with a page of its own, on which the payer pays, and with webhooks, by which
// it tells what came of it. The port's promises are written as tests in package
// providertest.
package provider

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
)

// Payment is what a provider is asked to take.
type Payment struct {
	ID      uuid.UUID
	OrderID uuid.UUID
	Tenant  string
	Amount  contracts.Money
}

// Refund asks for money of a payment to go back: Amount of it, which may be all.
type Refund struct {
	PaymentID uuid.UUID
	// RefundID tells the refunds of a payment apart. Each has its own amount.
	RefundID int
	Amount   contracts.Money
	// Attempt counts from 1 for each refund. Asking again with the same number asks what
	// came of that attempt.
	Attempt int
}

// Provider is the port. What it is asked to do may be asked again, and gives the
// same answer. An error that is not one of this package's says that nothing is
// known: ask again.
type Provider interface {
	// Name is the provider's, as it stands in PaymentInitiated and in the path of
	// its webhook: lower-case letters, digits and hyphens.
	Name() string

	// Open has the provider expect a payment. One that was closed stays closed.
	Open(ctx context.Context, p Payment) error

	// CheckoutURL is where the payer pays: a URL, or a path of this application's.
	// Error: ErrUnknown when the payment was never opened.
	CheckoutURL(ctx context.Context, paymentID uuid.UUID) (string, error)

	// Close has the provider take no money for a payment from now on; it may come
	// before Open. A page that is left open says why: reason is that of
	// PaymentCancelled. Money taken already, or on its way, is not called back: the
	// provider reports it.
	Close(ctx context.Context, paymentID uuid.UUID, reason string) error

	// Refund gives the amount back and returns the provider's reference of that.
	// However many attempts, the money of a refund goes back once, and all refunds of a
	// payment give back no more than was taken. Error: *Declined when the provider has
	// said no, finally for this attempt.
	Refund(ctx context.Context, r Refund) (reference string, err error)

	// Read verifies and reads what came to the webhook. Errors: ErrSignature,
	// ErrMalformed, ErrUnknown for a payment that was never opened.
	Read(ctx context.Context, header http.Header, body []byte) (Report, error)
}

// Outcome is what a provider reports of a payment.
type Outcome string

// The outcomes. Other is any event that says nothing of how a payment ended.
const (
	Completed Outcome = "completed"
	Rejected  Outcome = "rejected"
	Cancelled Outcome = "cancelled"
	Other     Outcome = "other"
)

// Report is one event that a provider told by its webhook.
type Report struct {
	// EventID is the provider's id of the event; one told again has the same.
	EventID string
	// Type is the provider's own word for it.
	Type    string
	Outcome Outcome

	// What follows is empty for Other.
	PaymentID uuid.UUID
	// OrderID and Tenant are those that Open was given, whatever the event says.
	OrderID uuid.UUID
	Tenant  string
	// Amount is what was taken, when it was, as the event says.
	Amount contracts.Money
	// Reference of the money taken, when it was; Reason, when it was not.
	Reference string
	Reason    string
}

// Cut shortens a provider's text to what a command may carry of it: 200
// characters.
func Cut(text string) string {
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200])
	}
	return text
}

// Declined is a provider's no.
type Declined struct {
	Reason string // in English, without personal data
}

func (d *Declined) Error() string { return "declined by the payment provider: " + d.Reason }

var (
	// ErrUnknown: the provider does not know the payment.
	ErrUnknown = errors.New("the payment provider does not know this payment")
	// ErrSignature: the webhook was not called by the provider, or too long ago.
	ErrSignature = errors.New("the signature is missing, wrong or too old")
	// ErrMalformed: the provider said something that cannot be read.
	ErrMalformed = errors.New("the payment provider's event cannot be read")
)
