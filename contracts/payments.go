package contracts

import (
	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/message"
)

// Commands that the payments app receives.
type (
	// InitiatePayment opens a payment of an order's total as the page showed it,
	// for that Version of its items.
	InitiatePayment struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Amount    Money     `json:"amount"`
		Version   int       `json:"version" validate:"min=1"`
	}
	// CompletePayment says that the provider has taken the money, and how much.
	CompletePayment struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Amount    Money     `json:"amount"`
		// ProviderReference is the provider's name for the transaction.
		ProviderReference string `json:"providerReference" validate:"max=200"`
	}
	// RejectPayment says that the provider refused the payment.
	RejectPayment struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Reason    string    `json:"reason" validate:"max=200"`
	}
	// CancelPayment gives a payment up: the payer did, or the process because the
	// order has ended, its items were changed, or it never came.
	CancelPayment struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		Reason    string    `json:"reason" validate:"max=200"`
	}
	// RefundPayment gives money back. Sent by the process, or by an operator after a
	// RefundFailed. Each refund of a payment has an id: absent or 0 for that of the whole
	// payment, else the number of the OrderSeatsCancelled that it is for.
	RefundPayment struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		RefundID  int       `json:"refundId,omitempty" validate:"min=0"`
		// Amount is how much; absent: all that no other refund was asked for. An
		// attempt to try again is for the amount of the first.
		Amount *Money `json:"amount,omitempty"`
		Reason string `json:"reason" validate:"max=200"`
		// Attempt is which try this asks for: absent or 1 for the first, and one
		// more than that of the RefundFailed to try again. One that was asked for
		// already is not asked for again.
		Attempt int `json:"attempt,omitempty" validate:"min=0"`
	}
	// RecordRefund is the provider's answer to a refund. The payments app sends it
	// to itself.
	RecordRefund struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		RefundID  int       `json:"refundId,omitempty" validate:"min=0"`
		Attempt   int       `json:"attempt" validate:"min=1"`
		Succeeded bool      `json:"succeeded"`
		// ProviderReference of the refund when it succeeded, Reason when it did not.
		ProviderReference string `json:"providerReference,omitempty" validate:"max=200"`
		Reason            string `json:"reason,omitempty" validate:"max=200"`
	}
)

// Events of a payment.
type (
	// PaymentInitiated: the payer may pay for that Version of the order's items.
	PaymentInitiated struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Amount    Money     `json:"amount"`
		Version   int       `json:"version" validate:"min=1"`
		Provider  string    `json:"provider"`
	}
	// PaymentCompleted: the money was taken.
	PaymentCompleted struct {
		PaymentID         uuid.UUID `json:"paymentId" validate:"required"`
		OrderID           uuid.UUID `json:"orderId" validate:"required"`
		Amount            Money     `json:"amount"`
		ProviderReference string    `json:"providerReference"`
	}
	// PaymentRejected: the provider refused.
	PaymentRejected struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Reason    string    `json:"reason"`
	}
	// PaymentCancelled: the payment was given up.
	PaymentCancelled struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		Reason    string    `json:"reason"`
		Provider  string    `json:"provider"`
	}
	// PaymentRefundRequested: the provider is being asked to give Amount back. RefundID is
	// that of RefundPayment.
	PaymentRefundRequested struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		RefundID  int       `json:"refundId,omitempty"`
		Amount    Money     `json:"amount"`
		Attempt   int       `json:"attempt"`
		Reason    string    `json:"reason"`
		Provider  string    `json:"provider"`
	}
	// PaymentRefunded: Amount went back.
	PaymentRefunded struct {
		PaymentID         uuid.UUID `json:"paymentId" validate:"required"`
		OrderID           uuid.UUID `json:"orderId" validate:"required"`
		RefundID          int       `json:"refundId,omitempty"`
		Amount            Money     `json:"amount"`
		ProviderReference string    `json:"providerReference"`
	}
	// RefundFailed: the provider did not give Amount back; an operator has to look.
	RefundFailed struct {
		PaymentID uuid.UUID `json:"paymentId" validate:"required"`
		OrderID   uuid.UUID `json:"orderId" validate:"required"`
		RefundID  int       `json:"refundId,omitempty"`
		Amount    Money     `json:"amount"`
		Attempt   int       `json:"attempt"`
		Reason    string    `json:"reason"`
	}
)

func payments(r *message.Registry) {
	command(r, TopicPayments, "InitiatePayment.v1", func(c InitiatePayment) uuid.UUID { return c.OrderID })
	command(r, TopicPayments, "CompletePayment.v1", func(c CompletePayment) uuid.UUID { return c.PaymentID })
	command(r, TopicPayments, "RejectPayment.v1", func(c RejectPayment) uuid.UUID { return c.PaymentID })
	command(r, TopicPayments, "CancelPayment.v1", func(c CancelPayment) uuid.UUID { return c.PaymentID })
	command(r, TopicPayments, "RefundPayment.v1", func(c RefundPayment) uuid.UUID { return c.PaymentID })
	command(r, TopicPayments, "RecordRefund.v1", func(c RecordRefund) uuid.UUID { return c.PaymentID })

	event(r, "PaymentInitiated.v1", func(e PaymentInitiated) uuid.UUID { return e.OrderID })
	event(r, "PaymentCompleted.v1", func(e PaymentCompleted) uuid.UUID { return e.OrderID })
	event(r, "PaymentRejected.v1", func(e PaymentRejected) uuid.UUID { return e.OrderID })
	event(r, "PaymentCancelled.v1", func(e PaymentCancelled) uuid.UUID { return e.OrderID })
	event(r, "PaymentRefundRequested.v1", func(e PaymentRefundRequested) uuid.UUID { return e.OrderID })
	event(r, "PaymentRefunded.v1", func(e PaymentRefunded) uuid.UUID { return e.OrderID })
	event(r, "RefundFailed.v1", func(e RefundFailed) uuid.UUID { return e.OrderID })
}
