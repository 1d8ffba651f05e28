// Package demo is a payment provider to try Plenary with: the stand-in for a
// third party. It moves no money. It has what a real one has: a page of its own
// on which the payer decides, a record of its own of what it was asked and what
// it answered, and a signed webhook by which it tells the shop.
//
// On its page the payer accepts, rejects or gives up, or leaves the payment
// without an answer. That last one stands for money on its way, as with a bank
// transfer: the shop cannot call it back, and the answer may still come, by the
// same page, long after the shop has stopped waiting. The page also says whether
// refunds of the payment are given or refused, so that a refund that fails can
// be seen, and tried again with success.
//
// A choice is the form field "choice" of POST /pay/demo/{paymentId}; see Choice.
package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/payments/provider"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/state"
)

// Name is the provider's.
const Name = "demo"

// Options are what the provider needs.
type Options struct {
	// Store keeps its records, under keys of its own: "demo-provider/<payment id>".
	Store state.Store
	// Key signs the webhook, and is what the shop verifies it with.
	Key func(ctx context.Context) (string, error)
	// Webhook is the shop's URL to tell.
	Webhook string
	// Client calls it; nil means one that gives up after 5 seconds.
	Client *http.Client
	// Waits are the pauses before the webhook is tried again; nil means 200 ms
	// and 1 s. After the last one the page says that the shop could not be told,
	// and the same choice made again tells it, as does Close of money taken.
	Waits []time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Provider is the demo provider. It implements provider.Provider; Pages is what
// the payer sees of it.
type Provider struct {
	Options
}

var _ provider.Provider = (*Provider)(nil)

// New makes the demo provider.
func New(o Options) *Provider {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 5 * time.Second}
	}
	if o.Waits == nil {
		o.Waits = []time.Duration{200 * time.Millisecond, time.Second}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Provider{o}
}

// Name implements provider.Provider.
func (p *Provider) Name() string { return Name }

// CheckoutURL implements provider.Provider: a path, since the page is on the
// application's own origin.
func (p *Provider) CheckoutURL(ctx context.Context, paymentID uuid.UUID) (string, error) {
	r, _, err := p.load(ctx, paymentID)
	if err != nil {
		return "", err
	}
	if !r.opened() {
		return "", provider.ErrUnknown
	}
	return "/pay/" + Name + "/" + paymentID.String(), nil
}

// Open implements provider.Provider.
func (p *Provider) Open(ctx context.Context, pay provider.Payment) error {
	_, err := p.change(ctx, pay.ID, func(r *record) error {
		if r.opened() {
			return nil
		}
		r.OrderID, r.Tenant, r.Amount = pay.OrderID, pay.Tenant, pay.Amount
		if r.Status == "" {
			r.Status = open
		}
		return nil
	})
	return err
}

// Close implements provider.Provider. Of money that was taken it tells the shop,
// unless the shop knows: whoever took it may have ended before it could tell.
func (p *Provider) Close(ctx context.Context, paymentID uuid.UUID, reason string) error {
	r, err := p.change(ctx, paymentID, func(r *record) error {
		if r.Status == "" || r.Status == open {
			r.Status, r.Reason = closed, reason
		}
		return nil
	})
	if err != nil || r.Status != accepted {
		return err
	}
	return p.report(ctx, r)
}

// Refund implements provider.Provider.
func (p *Provider) Refund(ctx context.Context, ask provider.Refund) (reference string, err error) {
	var a answer
	_, err = p.change(ctx, ask.PaymentID, func(r *record) error {
		if !r.opened() {
			a = answer{Declined: "the payment is not known"}
			return nil
		}
		a = r.refund(ask)
		return nil
	})
	if err != nil {
		return "", err
	}
	if a.Declined != "" {
		return "", &provider.Declined{Reason: a.Declined}
	}
	return a.Reference, nil
}

// status is how a payment stands with the provider.
type status string

const (
	open      status = "open"      // the payer has not decided
	silent    status = "silent"    // on its way: not to be called back, and no answer yet
	accepted  status = "accepted"  // the money was taken
	rejected  status = "rejected"  // it was not
	cancelled status = "cancelled" // the payer gave up
	closed    status = "closed"    // the shop does not want it any more
)

// record is what the provider keeps of a payment. Closed before it was opened,
// it says that alone.
type record struct {
	PaymentID uuid.UUID       `json:"paymentId"`
	OrderID   uuid.UUID       `json:"orderId"`
	Tenant    string          `json:"tenant"`
	Amount    contracts.Money `json:"amount"`
	Status    status          `json:"status"`
	// Reason is why the shop closed it.
	Reason string `json:"reason,omitempty"`
	// Told says that the shop has acknowledged the answer.
	Told bool `json:"told"`
	// RefuseRefunds is what the page was told to do with refunds; Refunds are the
	// answers given, by attemptOf.
	RefuseRefunds bool              `json:"refuseRefunds"`
	Refunds       map[string]answer `json:"refunds,omitempty"`
}

// answer is what the provider said to an attempt of a refund: a reference, or why not.
type answer struct {
	Refund    int    `json:"refund,omitempty"`
	Amount    int64  `json:"amount,omitempty"` // in minor units of the payment's currency; 0: all of it
	Reference string `json:"reference,omitempty"`
	Declined  string `json:"declined,omitempty"`
}

// attemptOf names an attempt of a refund.
func attemptOf(ask provider.Refund) string {
	if ask.RefundID == 0 {
		return strconv.Itoa(ask.Attempt)
	}
	return fmt.Sprintf("%d/%d", ask.RefundID, ask.Attempt)
}

func (r *record) opened() bool { return r.OrderID != uuid.Nil }

// refund answers an attempt as it was answered before or, when it is new, gives
// back the amount unless it went back already.
func (r *record) refund(ask provider.Refund) answer {
	if a, known := r.Refunds[attemptOf(ask)]; known {
		return a
	}
	a := answer{Refund: ask.RefundID, Amount: ask.Amount.Amount}
	_, before := r.returned()[ask.RefundID]
	switch {
	case r.Status != accepted:
		a.Declined = "no money was taken"
	case ask.Amount.Currency != r.Amount.Currency, ask.Amount.Amount <= 0:
		a.Declined = "the amount is not one of the money that was taken"
	case before:
		a.Reference = referenceOf(r.PaymentID, refundName(ask.RefundID))
	case ask.Amount.Amount > r.left():
		a.Declined = "the amount is more than what is left of the payment"
	case r.RefuseRefunds:
		a.Declined = "refunds of this payment are refused, as its page was told"
	default:
		a.Reference = referenceOf(r.PaymentID, refundName(ask.RefundID))
	}
	if r.Refunds == nil {
		r.Refunds = map[string]answer{}
	}
	r.Refunds[attemptOf(ask)] = a
	return a
}

// returned is how much went back, by refund.
func (r *record) returned() map[int]int64 {
	all := map[int]int64{}
	for _, a := range r.Refunds {
		if a.Reference != "" {
			all[a.Refund] = cmp.Or(a.Amount, r.Amount.Amount)
		}
	}
	return all
}

// left is how much of the money has not gone back.
func (r *record) left() int64 {
	left := r.Amount.Amount
	for _, amount := range r.returned() {
		left -= amount
	}
	return left
}

// refunded says whether all of the money went back.
func (r *record) refunded() bool { return r.left() == 0 }

// refundName tells the references of a payment's refunds apart.
func refundName(id int) string {
	if id == 0 {
		return "refund"
	}
	return "refund-" + strconv.Itoa(id)
}

// referenceOf is the provider's reference of what it does for a payment once,
// the same whenever it is asked.
func referenceOf(paymentID uuid.UUID, what string) string {
	return "demo-" + what + "-" + uuid.NewSHA1(paymentID, []byte(what)).String()
}

func key(paymentID uuid.UUID) string { return "demo-provider/" + paymentID.String() }

// load reads a record; one that is not there yet is empty.
func (p *Provider) load(ctx context.Context, paymentID uuid.UUID) (r record, etag string, err error) {
	r.PaymentID = paymentID
	entries, err := p.Store.Get(ctx, []string{key(paymentID)})
	if err != nil {
		return r, "", fmt.Errorf("read the demo provider's record: %w", err)
	}
	entry, ok := entries[key(paymentID)]
	if !ok {
		return r, "", nil
	}
	if err := json.Unmarshal(entry.Value, &r); err != nil {
		return r, "", fmt.Errorf("read the demo provider's record: %w", err)
	}
	return r, entry.ETag, nil
}

// change applies f to a record and writes it, unless f changes nothing. f is
// applied again when somebody else was faster, and when a failed write may have
// happened after all; so it must not mind finding its own work done.
func (p *Provider) change(ctx context.Context, paymentID uuid.UUID, f func(*record) error) (record, error) {
	var failed error
	for range 5 {
		r, etag, err := p.load(ctx, paymentID)
		if err != nil {
			return r, err
		}
		before, err := json.Marshal(r)
		if err != nil {
			return r, err
		}
		if err := f(&r); err != nil {
			return r, err
		}
		after, err := json.Marshal(r)
		if err != nil {
			return r, err
		}
		if string(before) == string(after) {
			return r, nil
		}
		failed = p.Store.Save(ctx, []state.Write{{Key: key(paymentID), Value: after, ETag: etag}})[0]
		if failed == nil {
			return r, nil
		}
	}
	return record{}, fmt.Errorf("write the demo provider's record: %w", errors.Join(failed, ctx.Err()))
}
