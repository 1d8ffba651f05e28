package demo

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/payments/provider"
	"github.com/plenary/plenary/contracts"
)

// SignatureHeader carries when the webhook's body was signed (Unix seconds), and
// signatures: the HMAC-SHA256 of "<time>.<body>" in hexadecimal. Several are
// allowed, for the time in which a key is replaced.
//
//	Demo-Signature: t=1803902400,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd
const SignatureHeader = "Demo-Signature"

// tolerance is how far the time of a signature may be from now, either way: long
// enough for slow networks and clocks, too short to use a delivery again.
const tolerance = 5 * time.Minute

// The types of the provider's events.
const (
	eventAccepted  = "payment.accepted"
	eventRejected  = "payment.rejected"
	eventCancelled = "payment.cancelled"
)

var outcomes = map[string]provider.Outcome{
	eventAccepted: provider.Completed, eventRejected: provider.Rejected, eventCancelled: provider.Cancelled,
}

// event is the body of the webhook. Like a real provider's, it knows the payment
// alone: whose it is, the shop keeps.
type event struct {
	ID        string           `json:"id"`
	Type      string           `json:"type"`
	PaymentID uuid.UUID        `json:"paymentId"`
	Amount    *contracts.Money `json:"amount,omitempty"` // of money that was taken
	Reference string           `json:"reference,omitempty"`
	Reason    string           `json:"reason,omitempty"`
}

// event is what the provider tells of how the payment ended, always in the same
// words; ok is false while it has not.
func (r *record) event() (e event, ok bool) {
	e = event{PaymentID: r.PaymentID}
	switch r.Status {
	case accepted:
		e.Type, e.Reference, e.Amount = eventAccepted, referenceOf(r.PaymentID, "payment"), &r.Amount
	case rejected:
		e.Type, e.Reason = eventRejected, "rejected on the demo provider's page"
	case cancelled:
		e.Type, e.Reason = eventCancelled, "given up on the demo provider's page"
	default:
		return e, false
	}
	e.ID = referenceOf(r.PaymentID, e.Type)
	return e, true
}

// Read implements provider.Provider.
func (p *Provider) Read(ctx context.Context, header http.Header, body []byte) (provider.Report, error) {
	// What no key can make right is turned away before the key is read.
	if signed, _ := signatures(header.Get(SignatureHeader), p.Now()); len(signed) == 0 {
		return provider.Report{}, provider.ErrSignature
	}
	key, err := p.Key(ctx)
	if err != nil {
		return provider.Report{}, fmt.Errorf("the demo provider's key: %w", err)
	}
	if !verify(key, header.Get(SignatureHeader), body, p.Now()) {
		return provider.Report{}, provider.ErrSignature
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return provider.Report{}, fmt.Errorf("%w: %w", provider.ErrMalformed, err)
	}
	if e.ID == "" || e.Type == "" {
		return provider.Report{}, fmt.Errorf("%w: an event without id or type", provider.ErrMalformed)
	}
	outcome, known := outcomes[e.Type]
	if !known {
		return provider.Report{EventID: e.ID, Type: e.Type, Outcome: provider.Other}, nil
	}
	if e.PaymentID == uuid.Nil {
		return provider.Report{}, fmt.Errorf("%w: %s without a payment", provider.ErrMalformed, e.Type)
	}
	report := provider.Report{
		EventID: e.ID, Type: e.Type, Outcome: outcome, PaymentID: e.PaymentID, Reference: e.Reference, Reason: e.Reason,
	}
	if outcome == provider.Completed {
		if e.Amount == nil || e.Amount.Amount <= 0 || len(e.Amount.Currency) != 3 {
			return provider.Report{}, fmt.Errorf("%w: %s without an amount", provider.ErrMalformed, e.Type)
		}
		report.Amount = *e.Amount
	}
	// Whose payment it is stands in what Open wrote down.
	r, _, err := p.load(ctx, e.PaymentID)
	if err != nil {
		return provider.Report{}, err
	}
	if !r.opened() {
		return provider.Report{}, provider.ErrUnknown
	}
	report.OrderID, report.Tenant = r.OrderID, r.Tenant
	return report, nil
}

// report tells the shop how a payment has ended, unless it was told.
func (p *Provider) report(ctx context.Context, r record) error {
	e, ended := r.event()
	if !ended || r.Told {
		return nil
	}
	if err := p.tell(ctx, e); err != nil {
		return fmt.Errorf("tell the shop: %w", err)
	}
	if _, err := p.change(ctx, r.PaymentID, func(r *record) error { r.Told = true; return nil }); err != nil {
		// The shop knows; at worst it is told again.
		slog.WarnContext(ctx, "the demo provider could not note that the shop was told", "payment", r.PaymentID, "error", err)
	}
	return nil
}

// tell calls the shop's webhook until it is acknowledged, a few times.
func (p *Provider) tell(ctx context.Context, e event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err = p.call(ctx, body); err == nil || i == len(p.Waits) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w, after %w", ctx.Err(), err)
		case <-time.After(p.Waits[i]):
		}
	}
}

func (p *Provider) call(ctx context.Context, body []byte) error {
	key, err := p.Key(ctx)
	if err != nil {
		return fmt.Errorf("the demo provider's key: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Webhook, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(SignatureHeader, sign(key, body, p.Now()))
	resp, err := p.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the webhook answered %s", resp.Status)
	}
	return nil
}

func sign(key string, body []byte, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac(key, t, body))
}

func mac(key, t string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(t + "."))
	h.Write(body)
	return h.Sum(nil)
}

// mostSignatures bounds those of one header.
const mostSignatures = 4

// signatures are those that a header has, and their time; none when the time is
// not about now.
func signatures(header string, now time.Time) (signed [][]byte, t string) {
	for part := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "t":
			t = value
		case "v1":
			got, err := hex.DecodeString(value)
			if err == nil && len(got) == sha256.Size && len(signed) < mostSignatures {
				signed = append(signed, got)
			}
		}
	}
	seconds, err := strconv.ParseInt(t, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return nil, t
	}
	return signed, t
}

func verify(key, header string, body []byte, now time.Time) bool {
	signed, t := signatures(header, now)
	if key == "" {
		return false
	}
	want := mac(key, t, body)
	for _, got := range signed {
		if hmac.Equal(got, want) {
			return true
		}
	}
	return false
}
