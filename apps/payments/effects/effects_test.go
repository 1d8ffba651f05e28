package effects_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/payments/effects"
	"github.com/plenary/plenary/apps/payments/provider"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/bus/membus"
	"github.com/plenary/plenary/engine/message"
)

var (
	payment = uuid.MustParse("6b0f8a52-6f4e-4c1f-9d5d-0d1d3f4c0011")
	order   = uuid.MustParse("6b0f8a52-6f4e-4c1f-9d5d-0d1d3f4c0012")
	price   = contracts.Money{Amount: 24900, Currency: "USD"}

	meta = message.Meta{
		ID: "event-7", Type: "PaymentRefundRequested.v1", Source: "payments", Stream: "payment/" + payment.String(),
		Tenant: "acme", CorrelationID: order.String(), Cause: message.Cause{ID: "command-3"},
	}
	initiated = contracts.PaymentInitiated{PaymentID: payment, OrderID: order, Version: 1, Amount: price, Provider: "spy"}
	cancelled = contracts.PaymentCancelled{PaymentID: payment, OrderID: order, Provider: "spy"}
	requested = contracts.PaymentRefundRequested{PaymentID: payment, OrderID: order, Amount: price, Attempt: 2, Provider: "spy"}

	errDown = errors.New("the provider is down")
)

// spy is a provider that writes down what it is asked, and answers refunds with
// the errors it was given, and then with success.
type spy struct {
	provider.Provider // none: only what is below is asked
	opened            []provider.Payment
	closed            []uuid.UUID
	refunds           []provider.Refund
	err               error
	refundErrs        []error
	onRefund          func()
}

func (s *spy) Open(_ context.Context, p provider.Payment) error {
	s.opened = append(s.opened, p)
	return s.err
}

func (s *spy) Close(_ context.Context, id uuid.UUID, _ string) error {
	s.closed = append(s.closed, id)
	return s.err
}

func (s *spy) Refund(_ context.Context, r provider.Refund) (string, error) {
	s.refunds = append(s.refunds, r)
	if s.onRefund != nil {
		s.onRefund()
	}
	if len(s.refundErrs) > 0 {
		err := s.refundErrs[0]
		s.refundErrs = s.refundErrs[1:]
		return "", err
	}
	return "re_1", nil
}

func with(s *spy) (effects.Effects, *membus.Bus) {
	commands := membus.New(contracts.Registry(), "payments", time.Now)
	return effects.Effects{
		Providers: map[string]provider.Provider{"spy": s}, Commands: commands, Waits: []time.Duration{0, 0},
	}, commands
}

// recorded is the one RecordRefund that was sent.
func recorded(t *testing.T, commands *membus.Bus) (message.Meta, contracts.RecordRefund) {
	t.Helper()
	sent := commands.Take()
	if len(sent) != 1 {
		t.Fatalf("%d commands were sent, want 1", len(sent))
	}
	d, err := membus.Decode(contracts.Registry(), sent[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := contracts.Registry().Validate(d.Message.Body); err != nil {
		t.Fatal(err)
	}
	r, ok := d.Message.Body.(contracts.RecordRefund)
	if !ok {
		t.Fatalf("%T was sent", d.Message.Body)
	}
	return d.Message.Meta, r
}

func TestAPaymentThatWasInitiatedIsOpened(t *testing.T) {
	s := &spy{}
	x, _ := with(s)
	if err := x.Initiated(t.Context(), meta, initiated); err != nil {
		t.Fatal(err)
	}
	want := []provider.Payment{{ID: payment, OrderID: order, Tenant: "acme", Amount: price}}
	if !slices.Equal(s.opened, want) {
		t.Errorf("opened %+v, want %+v", s.opened, want)
	}
	s.err = errDown
	if err := x.Initiated(t.Context(), meta, initiated); !errors.Is(err, errDown) {
		t.Errorf("got %v, want the provider's error, so that it is asked again", err)
	}
}

func TestAPaymentThatWasCancelledIsClosed(t *testing.T) {
	s := &spy{}
	x, _ := with(s)
	if err := x.Cancelled(t.Context(), meta, cancelled); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.closed, []uuid.UUID{payment}) {
		t.Errorf("closed %v", s.closed)
	}
	s.err = errDown
	if err := x.Cancelled(t.Context(), meta, cancelled); !errors.Is(err, errDown) {
		t.Errorf("got %v, want the provider's error, so that it is asked again", err)
	}
}

func TestARefundIsAskedForAndItsAnswerRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		errs  []error
		tries int
		want  contracts.RecordRefund
	}{
		"given": {
			nil, 1,
			contracts.RecordRefund{PaymentID: payment, Attempt: 2, Succeeded: true, ProviderReference: "re_1"},
		},
		"given at the third try": {
			[]error{errDown, errDown}, 3,
			contracts.RecordRefund{PaymentID: payment, Attempt: 2, Succeeded: true, ProviderReference: "re_1"},
		},
		"declined, which is not asked again": {
			[]error{&provider.Declined{Reason: "account closed"}}, 1,
			contracts.RecordRefund{PaymentID: payment, Attempt: 2, Reason: "account closed"},
		},
		"declined at the second try": {
			[]error{errDown, &provider.Declined{Reason: "account closed"}}, 2,
			contracts.RecordRefund{PaymentID: payment, Attempt: 2, Reason: "account closed"},
		},
		"never answered": {
			[]error{errDown, errDown, errDown}, 3,
			contracts.RecordRefund{PaymentID: payment, Attempt: 2, Reason: "the payment provider gave no answer"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &spy{refundErrs: c.errs}
			x, commands := with(s)
			if err := x.RefundRequested(t.Context(), meta, requested); err != nil {
				t.Fatal(err)
			}
			asked := provider.Refund{PaymentID: payment, Amount: price, Attempt: 2}
			if len(s.refunds) != c.tries || slices.ContainsFunc(s.refunds, func(r provider.Refund) bool { return r != asked }) {
				t.Errorf("asked %+v, want %d times %+v", s.refunds, c.tries, asked)
			}
			m, got := recorded(t, commands)
			if got != c.want {
				t.Errorf("recorded %+v, want %+v", got, c.want)
			}
			if m.Tenant != "acme" || m.CorrelationID != order.String() || m.Cause.ID != "event-7" || m.Cause.CauseID != "command-3" {
				t.Errorf("recorded with %+v", m)
			}
		})
	}
}

func TestARefundAskedForTwiceHasOneAnswerUnlessItDiffers(t *testing.T) {
	x, commands := with(&spy{refundErrs: []error{&provider.Declined{Reason: "not now"}, &provider.Declined{Reason: "not now"}}})
	var ids []string
	for range 3 {
		if err := x.RefundRequested(t.Context(), meta, requested); err != nil {
			t.Fatal(err)
		}
		m, _ := recorded(t, commands)
		ids = append(ids, m.ID)
	}
	if ids[0] != ids[1] {
		t.Error("the same answer has two ids")
	}
	if ids[1] == ids[2] {
		t.Error("the refund that worked after all would be taken for a duplicate of the one that failed")
	}
}

func TestAnAnswerThatCannotBePublishedIsAskedForAgain(t *testing.T) {
	x, commands := with(&spy{})
	commands.Break(true)
	if err := x.RefundRequested(t.Context(), meta, requested); err == nil {
		t.Error("the answer is lost")
	}
}

func TestAnAppThatEndsRecordsNoFailure(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	x, commands := with(&spy{refundErrs: []error{errDown, errDown, errDown}, onRefund: end})
	if err := x.RefundRequested(ctx, meta, requested); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want to be asked again", err)
	}
	if sent := commands.Take(); len(sent) != 0 {
		t.Errorf("%d commands were sent", len(sent))
	}
}

func TestAPaymentOfAProviderThatIsGone(t *testing.T) {
	x, commands := with(&spy{})
	gone := requested
	gone.Provider = "gone"
	if err := x.RefundRequested(t.Context(), meta, gone); err != nil {
		t.Fatal(err)
	}
	if _, r := recorded(t, commands); r.Succeeded || r.Reason == "" {
		t.Errorf("recorded %+v, want a failure for an operator to see", r)
	}
	if err := x.Initiated(t.Context(), meta, contracts.PaymentInitiated{PaymentID: payment, Provider: "gone"}); err != nil {
		t.Errorf("initiated: %v would be repeated for ever", err)
	}
	if err := x.Cancelled(t.Context(), meta, contracts.PaymentCancelled{PaymentID: payment, Provider: "gone"}); err != nil {
		t.Errorf("cancelled: %v would be repeated for ever", err)
	}
}

// Two refunds of one payment, each at its first attempt, have an answer each: neither is
// taken for a repeat of the other.
func TestEachRefundOfAPaymentHasItsOwnAnswer(t *testing.T) {
	s := &spy{}
	x, commands := with(s)
	ids := map[string]int{}
	for _, refund := range []int{0, 1, 2, 1} {
		e := requested
		e.RefundID, e.Attempt, e.Amount = refund, 1, contracts.Money{Amount: int64(100 + refund), Currency: "USD"}
		if err := x.RefundRequested(t.Context(), meta, e); err != nil {
			t.Fatal(err)
		}
		if want := (provider.Refund{PaymentID: payment, RefundID: refund, Amount: e.Amount, Attempt: 1}); s.refunds[len(s.refunds)-1] != want {
			t.Errorf("asked %+v, want %+v", s.refunds[len(s.refunds)-1], want)
		}
		m, answer := recorded(t, commands)
		if answer.RefundID != refund || !answer.Succeeded {
			t.Errorf("refund %d: %+v", refund, answer)
		}
		ids[m.ID]++
	}
	if len(ids) != 3 {
		t.Errorf("%d answers to three refunds, one of which was asked for twice", len(ids))
	}
}
