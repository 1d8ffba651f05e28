// Package providertest has the promises of the provider port as tests. Every
// provider runs them.
package providertest

import (
	"errors"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/payments/provider"
	"github.com/plenary/plenary/contracts"
)

// Delivery is one call of the webhook.
type Delivery struct {
	Header http.Header
	Body   []byte
}

// Bench is a provider with somebody who plays the payer, and with the provider's
// signature to put under anything. Make a new one for each test.
type Bench struct {
	Provider provider.Provider

	// Pay, Decline and Abandon play a payer who pays, whose payment is refused, or
	// who gives up, and return what the provider then tells the webhook. Pay
	// returns false when the provider takes no money for this payment.
	Pay     func(t *testing.T, payment uuid.UUID) (Delivery, bool)
	Decline func(t *testing.T, payment uuid.UUID) Delivery
	Abandon func(t *testing.T, payment uuid.UUID) Delivery

	// Sign is the delivery of a body signed as the provider would have at a time.
	Sign func(t *testing.T, body []byte, at time.Time) Delivery
	// Unrelated is the body of an event that is not about how a payment ended.
	Unrelated []byte

	// RefuseRefunds has refunds of a payment declined, or not any more; nil for a
	// provider whose refunds cannot be made to fail.
	RefuseRefunds func(t *testing.T, payment uuid.UUID, refuse bool)
}

// Run runs the suite.
func Run(t *testing.T, fresh func(t *testing.T) Bench) {
	tests := map[string]func(*testing.T, Bench){
		"has a name that can stand in a path":                    hasAName,
		"has a page for a payment once it is open":               hasAPage,
		"reports money taken":                                    reportsMoneyTaken,
		"reports a refused payment":                              reportsRefusal,
		"reports a payment given up":                             reportsGivingUp,
		"reports what is not about the end of a payment as such": reportsOthers,
		"believes nobody without its signature":                  believesSignaturesAlone,
		"does not believe an old signature":                      doesNotBelieveOldSignatures,
		"says so when a signed event cannot be read":             saysWhatCannotBeRead,
		"takes no money for a closed payment":                    takesNothingWhenClosed,
		"takes no money for one closed before it was opened":     closesBeforeOpen,
		"keeps money taken before it was closed":                 closesAfterPaying,
		"refunds once":                                           refundsOnce,
		"refunds nothing that was not paid":                      refundsOnlyWhatWasPaid,
		"refunds no other money":                                 refundsTheMoneyOnly,
		"refunds parts, each once":                               refundsParts,
		"says no to a refund once and for all of it":             declinesAnAttemptForGood,
		"gives the money back at a later attempt":                refundsAtALaterAttempt,
		"opening again changes nothing that was taken":           opensAgain,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

func payment() provider.Payment {
	return provider.Payment{
		ID: uuid.New(), OrderID: uuid.New(), Tenant: "main",
		Amount: contracts.Money{Amount: 24900, Currency: "USD"},
	}
}

func opened(t *testing.T, b Bench) provider.Payment {
	t.Helper()
	p := payment()
	open(t, b, p)
	return p
}

func open(t *testing.T, b Bench, p provider.Payment) {
	t.Helper()
	if err := b.Provider.Open(t.Context(), p); err != nil {
		t.Fatalf("open: %v", err)
	}
}

func paid(t *testing.T, b Bench) provider.Payment {
	t.Helper()
	p := opened(t, b)
	if _, ok := b.Pay(t, p.ID); !ok {
		t.Fatal("the provider takes no money for an open payment")
	}
	return p
}

func shut(t *testing.T, b Bench, p provider.Payment) {
	t.Helper()
	if err := b.Provider.Close(t.Context(), p.ID, contracts.OrderEnded); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func read(t *testing.T, b Bench, d Delivery) provider.Report {
	t.Helper()
	r, err := b.Provider.Read(t.Context(), d.Header, d.Body)
	if err != nil {
		t.Fatalf("read %s: %v", d.Body, err)
	}
	return r
}

func refund(t *testing.T, b Bench, p provider.Payment, attempt int) string {
	t.Helper()
	reference, err := b.Provider.Refund(t.Context(), provider.Refund{PaymentID: p.ID, Amount: p.Amount, Attempt: attempt})
	if err != nil {
		t.Fatalf("refund %d: %v", attempt, err)
	}
	if reference == "" {
		t.Fatalf("refund %d has no reference", attempt)
	}
	return reference
}

func declined(t *testing.T, b Bench, r provider.Refund) {
	t.Helper()
	reference, err := b.Provider.Refund(t.Context(), r)
	var no *provider.Declined
	if !errors.As(err, &no) {
		t.Fatalf("refund: got %q, %v; want it declined", reference, err)
	}
	if no.Reason == "" {
		t.Error("declined without a reason")
	}
}

func hasAName(t *testing.T, b Bench) {
	if name := b.Provider.Name(); !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(name) {
		t.Errorf("name %q", name)
	}
}

func hasAPage(t *testing.T, b Bench) {
	p := payment()
	if url, err := b.Provider.CheckoutURL(t.Context(), p.ID); !errors.Is(err, provider.ErrUnknown) {
		t.Errorf("before open: got %q, %v; want ErrUnknown", url, err)
	}
	open(t, b, p)
	first, err := b.Provider.CheckoutURL(t.Context(), p.ID)
	if err != nil || first == "" {
		t.Fatalf("after open: got %q, %v", first, err)
	}
	open(t, b, p)
	if again, err := b.Provider.CheckoutURL(t.Context(), p.ID); err != nil || again != first {
		t.Errorf("opened again: got %q, %v; want %q", again, err, first)
	}
}

func reportsMoneyTaken(t *testing.T, b Bench) {
	p := opened(t, b)
	d, ok := b.Pay(t, p.ID)
	if !ok {
		t.Fatal("the provider takes no money for an open payment")
	}
	r := reports(t, b, p, d, provider.Completed)
	if r.Reference == "" {
		t.Error("money was taken without a reference")
	}
}

func reportsRefusal(t *testing.T, b Bench) {
	p := opened(t, b)
	reports(t, b, p, b.Decline(t, p.ID), provider.Rejected)
}

func reportsGivingUp(t *testing.T, b Bench) {
	p := opened(t, b)
	reports(t, b, p, b.Abandon(t, p.ID), provider.Cancelled)
}

func reports(t *testing.T, b Bench, p provider.Payment, d Delivery, want provider.Outcome) provider.Report {
	t.Helper()
	r := read(t, b, d)
	if r.Outcome != want || r.PaymentID != p.ID || r.OrderID != p.OrderID || r.Tenant != p.Tenant {
		t.Errorf("got %+v, want %s of %+v", r, want, p)
	}
	if r.EventID == "" || r.Type == "" {
		t.Errorf("an event needs an id and a type: %+v", r)
	}
	if again := read(t, b, d); again != r {
		t.Errorf("told again: got %+v, want %+v", again, r)
	}
	return r
}

func reportsOthers(t *testing.T, b Bench) {
	r := read(t, b, b.Sign(t, b.Unrelated, time.Now()))
	if r.Outcome != provider.Other || r.EventID == "" || r.Type == "" {
		t.Errorf("got %+v, want another event with its id and type", r)
	}
}

func believesSignaturesAlone(t *testing.T, b Bench) {
	p := opened(t, b)
	d, _ := b.Pay(t, p.ID)

	unsigned := Delivery{Header: http.Header{}, Body: d.Body}
	changed := Delivery{Header: d.Header, Body: append([]byte(" "), d.Body...)}
	of := b.Sign(t, b.Unrelated, time.Now())
	exchanged := Delivery{Header: of.Header, Body: d.Body}
	garbled := Delivery{Header: http.Header{}, Body: d.Body}
	for name := range d.Header {
		garbled.Header.Set(name, "t=1,v1=00,nonsense")
	}
	for name, forged := range map[string]Delivery{
		"without a signature": unsigned, "with a changed body": changed,
		"with the signature of another": exchanged, "with nonsense for a signature": garbled,
	} {
		if r, err := b.Provider.Read(t.Context(), forged.Header, forged.Body); !errors.Is(err, provider.ErrSignature) {
			t.Errorf("%s: got %+v, %v; want ErrSignature", name, r, err)
		}
	}
}

func doesNotBelieveOldSignatures(t *testing.T, b Bench) {
	p := opened(t, b)
	d, _ := b.Pay(t, p.ID)
	for _, age := range []time.Duration{time.Hour, -time.Hour} {
		replayed := b.Sign(t, d.Body, time.Now().Add(-age))
		if r, err := b.Provider.Read(t.Context(), replayed.Header, replayed.Body); !errors.Is(err, provider.ErrSignature) {
			t.Errorf("signed %s ago: got %+v, %v; want ErrSignature", age, r, err)
		}
	}
}

func saysWhatCannotBeRead(t *testing.T, b Bench) {
	for _, body := range []string{"", "{", `"text"`, "[]"} {
		d := b.Sign(t, []byte(body), time.Now())
		if r, err := b.Provider.Read(t.Context(), d.Header, d.Body); !errors.Is(err, provider.ErrMalformed) {
			t.Errorf("%q: got %+v, %v; want ErrMalformed", body, r, err)
		}
	}
}

func takesNothingWhenClosed(t *testing.T, b Bench) {
	p := opened(t, b)
	shut(t, b, p)
	shut(t, b, p)
	if _, ok := b.Pay(t, p.ID); ok {
		t.Error("money was taken for a closed payment")
	}
}

func closesBeforeOpen(t *testing.T, b Bench) {
	p := payment()
	shut(t, b, p)
	open(t, b, p)
	if _, ok := b.Pay(t, p.ID); ok {
		t.Error("money was taken for a closed payment")
	}
}

func closesAfterPaying(t *testing.T, b Bench) {
	p := opened(t, b)
	before, _ := b.Pay(t, p.ID)
	shut(t, b, p)
	if r := read(t, b, before); r.Outcome != provider.Completed {
		t.Errorf("got %+v, want it completed", r)
	}
	refund(t, b, p, 1)
}

func opensAgain(t *testing.T, b Bench) {
	p := paid(t, b)
	open(t, b, p)
	refund(t, b, p, 1)
}

func refundsOnce(t *testing.T, b Bench) {
	p := paid(t, b)
	first := refund(t, b, p, 1)
	if again := refund(t, b, p, 1); again != first {
		t.Errorf("the same attempt gave %q and %q", first, again)
	}
	if next := refund(t, b, p, 2); next != first {
		t.Errorf("the money went back twice: %q and %q", first, next)
	}
}

func refundsOnlyWhatWasPaid(t *testing.T, b Bench) {
	p := payment()
	r := provider.Refund{PaymentID: p.ID, Amount: p.Amount, Attempt: 1}
	declined(t, b, r)
	open(t, b, p)
	declined(t, b, r)
}

func refundsTheMoneyOnly(t *testing.T, b Bench) {
	p := paid(t, b)
	more, other := p.Amount, p.Amount
	more.Amount++
	other.Currency = "EUR"
	declined(t, b, provider.Refund{PaymentID: p.ID, Amount: more, Attempt: 1})
	declined(t, b, provider.Refund{PaymentID: p.ID, Amount: other, Attempt: 2})
	refund(t, b, p, 3)
}

func refundsParts(t *testing.T, b Bench) {
	p := paid(t, b)
	part := func(id int, cents int64, attempt int) provider.Refund {
		return provider.Refund{PaymentID: p.ID, RefundID: id, Amount: contracts.Money{Amount: cents, Currency: p.Amount.Currency}, Attempt: attempt}
	}
	back := func(r provider.Refund) string {
		t.Helper()
		reference, err := b.Provider.Refund(t.Context(), r)
		if err != nil || reference == "" {
			t.Fatalf("refund %+v: %q, %v", r, reference, err)
		}
		return reference
	}
	first, second := back(part(1, 10000, 1)), back(part(2, 10000, 1))
	if first == second {
		t.Errorf("two refunds have one reference, %q", first)
	}
	if again, later := back(part(1, 10000, 1)), back(part(1, 10000, 2)); again != first || later != first {
		t.Errorf("one refund has %q, %q and %q", first, again, later)
	}
	declined(t, b, part(3, p.Amount.Amount-20000+1, 1)) // would be more than was paid
	declined(t, b, provider.Refund{PaymentID: p.ID, Amount: p.Amount, Attempt: 1})
	back(provider.Refund{PaymentID: p.ID, Amount: contracts.Money{Amount: p.Amount.Amount - 20000, Currency: p.Amount.Currency}, Attempt: 2})
	declined(t, b, part(4, 1, 1))
}

func declinesAnAttemptForGood(t *testing.T, b Bench) {
	if b.RefuseRefunds == nil {
		t.Skip("refunds of this provider cannot be made to fail")
	}
	p := paid(t, b)
	b.RefuseRefunds(t, p.ID, true)
	r := provider.Refund{PaymentID: p.ID, Amount: p.Amount, Attempt: 1}
	declined(t, b, r)
	b.RefuseRefunds(t, p.ID, false)
	declined(t, b, r)
}

func refundsAtALaterAttempt(t *testing.T, b Bench) {
	if b.RefuseRefunds == nil {
		t.Skip("refunds of this provider cannot be made to fail")
	}
	p := paid(t, b)
	b.RefuseRefunds(t, p.ID, true)
	declined(t, b, provider.Refund{PaymentID: p.ID, Amount: p.Amount, Attempt: 1})
	b.RefuseRefunds(t, p.ID, false)
	refund(t, b, p, 2)
}
