package gateway

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
)

// Views for clients that know only an id: of a payment, whose checkout link may
// be shared, and of a command. Neither names the order or a stream.

// PublicPayment is a payment as anyone who knows its id may see it.
type PublicPayment struct {
	ID             uuid.UUID          `json:"id" format:"uuid"`
	Amount         contracts.Money    `json:"amount"`
	Status         view.PaymentStatus `json:"status" enum:"initiated,completed,rejected,cancelled,refund-requested,refunded,refund-failed"`
	Provider       string             `json:"provider" example:"demo"`
	Reason         string             `json:"reason,omitempty" doc:"Why it was rejected, cancelled or refunded, or why the refund failed"`
	RefundAttempts int                `json:"refundAttempts,omitempty"`
	InitiatedAt    time.Time          `json:"initiatedAt"`
	UpdatedAt      time.Time          `json:"updatedAt"`
	Revision       int64              `json:"revision" doc:"Increases with every change of this view"`
}

func paymentOf(p view.Payment) PublicPayment {
	return PublicPayment{
		ID: p.ID, Amount: p.Amount, Status: p.Status, Provider: p.Provider, Reason: p.Reason,
		RefundAttempts: p.RefundAttempts, InitiatedAt: p.InitiatedAt, UpdatedAt: p.UpdatedAt, Revision: p.Revision,
	}
}

// Outcome is a command's outcome as its sender may see it. Once it is known, reads
// include the command's effect.
type Outcome struct {
	CommandID   string             `json:"commandId"`
	CommandType string             `json:"commandType,omitempty" example:"RegisterToConference.v1"`
	Status      view.OutcomeStatus `json:"status" enum:"unknown,accepted,refused,no-effect"`
	Code        es.Code            `json:"code,omitempty" doc:"Stable code of the refusal" example:"order-expired"`
	Detail      string             `json:"detail,omitempty" doc:"The refusal, in English"`
	Events      []string           `json:"events" nullable:"false" doc:"Types of the resulting events" example:"[\"OrderPlaced.v1\"]"`
}

func outcomeOf(o view.Outcome) Outcome {
	return Outcome{
		CommandID: o.CommandID, CommandType: o.CommandType, Status: o.Status,
		Code: o.Code, Detail: o.Detail, Events: o.Events,
	}
}

// FoundOrder is an order that was found again, with a key that gives access to it.
type FoundOrder struct {
	view.Order
	Secret      string    `json:"secret" doc:"Gives access to the order, like the secret returned when it was placed"`
	SecretUntil time.Time `json:"secretUntil" doc:"When this secret expires"`
	PageURL     string    `json:"pageUrl" doc:"The order's page, with the key"`
}
