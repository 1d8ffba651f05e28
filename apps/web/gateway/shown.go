package gateway

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
)

// What is shown to those who know an id only: of a payment, whose checkout link
// may be passed on, and of a command. Neither names the order or a stream.

// PublicPayment is a payment as whoever knows its id may see it.
type PublicPayment struct {
	ID             uuid.UUID          `json:"id" format:"uuid"`
	Amount         contracts.Money    `json:"amount"`
	Status         view.PaymentStatus `json:"status" enum:"initiated,completed,rejected,cancelled,refund-requested,refunded,refund-failed"`
	Provider       string             `json:"provider" example:"demo"`
	Reason         string             `json:"reason,omitempty" doc:"Why it was rejected, cancelled or refunded, or why the refund failed"`
	RefundAttempts int                `json:"refundAttempts,omitempty"`
	InitiatedAt    time.Time          `json:"initiatedAt"`
	UpdatedAt      time.Time          `json:"updatedAt"`
	Revision       int64              `json:"revision" doc:"Grows with every change of this view"`
}

func paymentOf(p view.Payment) PublicPayment {
	return PublicPayment{
		ID: p.ID, Amount: p.Amount, Status: p.Status, Provider: p.Provider, Reason: p.Reason,
		RefundAttempts: p.RefundAttempts, InitiatedAt: p.InitiatedAt, UpdatedAt: p.UpdatedAt, Revision: p.Revision,
	}
}

// Outcome is what became of a command, as whoever sent it may see it. Once it is
// known, what is read includes what the command changed.
type Outcome struct {
	CommandID   string             `json:"commandId"`
	CommandType string             `json:"commandType,omitempty" example:"RegisterToConference.v1"`
	Status      view.OutcomeStatus `json:"status" enum:"unknown,accepted,refused,no-effect"`
	Code        es.Code            `json:"code,omitempty" doc:"Stable code of the refusal" example:"order-expired"`
	Detail      string             `json:"detail,omitempty" doc:"The refusal in English"`
	Events      []string           `json:"events" nullable:"false" doc:"Types of the events that followed" example:"[\"OrderPlaced.v1\"]"`
}

func outcomeOf(o view.Outcome) Outcome {
	return Outcome{
		CommandID: o.CommandID, CommandType: o.CommandType, Status: o.Status,
		Code: o.Code, Detail: o.Detail, Events: o.Events,
	}
}

// FoundOrder is an order that was found again, with a key that opens it.
type FoundOrder struct {
	view.Order
	Secret      string    `json:"secret" doc:"Opens the order, as the secret does that was given when it was placed"`
	SecretUntil time.Time `json:"secretUntil" doc:"Until when it does"`
	PageURL     string    `json:"pageUrl" doc:"The order's page, with the key"`
}
