package contracts

import (
	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// Topics: one per receiving app on the command bus, one for all events on the
// event bus.
const (
	TopicOrders      = "orders"
	TopicSeats       = "seats"
	TopicConferences = "conferences"
	TopicPayments    = "payments"
	TopicEvents      = "events"
)

// Versions of Plenary: the first whose data this one reads, and this one.
var (
	OldestVersion = es.Version{Major: 0, Minor: 3}
	ThisVersion   = es.Version{Major: 0, Minor: 3}
)

// Registry is every message type of Plenary.
func Registry() *message.Registry {
	r := message.NewRegistry()
	r.Versions(OldestVersion, ThisVersion)
	rules(r)

	orders(r)
	seats(r)
	conferences(r)
	payments(r)

	message.Register[es.CommandRejected](r, "CommandRejected.v1", message.Event, TopicEvents, nil)
	message.Register[es.CommandHadNoEffect](r, "CommandHadNoEffect.v1", message.Event, TopicEvents, nil)
	return r
}

func orders(r *message.Registry) {
	command(r, TopicOrders, "SetCatalogue.v1", func(c SetCatalogue) uuid.UUID { return c.ConferenceID })
	command(r, TopicOrders, "RegisterToConference.v1", func(c RegisterToConference) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "ChangeOrderItems.v1", func(c ChangeOrderItems) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "AssignRegistrantDetails.v1", func(c AssignRegistrantDetails) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "MarkSeatsAsReserved.v1", func(c MarkSeatsAsReserved) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "RejectOrder.v1", func(c RejectOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "ExpireOrder.v1", func(c ExpireOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "ConfirmOrder.v1", func(c ConfirmOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "ReinstateOrder.v1", func(c ReinstateOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "CancelOrder.v1", func(c CancelOrder) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "CreateSeatAssignments.v1", func(c CreateSeatAssignments) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "AssignSeat.v1", func(c AssignSeat) uuid.UUID { return c.OrderID })
	command(r, TopicOrders, "UnassignSeat.v1", func(c UnassignSeat) uuid.UUID { return c.OrderID })

	event(r, "CatalogueSet.v1", func(e CatalogueSet) uuid.UUID { return e.ConferenceID })
	event(r, "OrderPlaced.v1", func(e OrderPlaced) uuid.UUID { return e.OrderID })
	event(r, "OrderUpdated.v1", func(e OrderUpdated) uuid.UUID { return e.OrderID })
	event(r, "OrderTotalsCalculated.v1", func(e OrderTotalsCalculated) uuid.UUID { return e.OrderID })
	event(r, "OrderRegistrantAssigned.v1", func(e OrderRegistrantAssigned) uuid.UUID { return e.OrderID })
	event(r, "OrderPartiallyReserved.v1", func(e OrderPartiallyReserved) uuid.UUID { return e.OrderID })
	event(r, "OrderReservationCompleted.v1", func(e OrderReservationCompleted) uuid.UUID { return e.OrderID })
	event(r, "OrderRejected.v1", func(e OrderRejected) uuid.UUID { return e.OrderID })
	event(r, "OrderExpired.v1", func(e OrderExpired) uuid.UUID { return e.OrderID })
	event(r, "OrderReinstated.v1", func(e OrderReinstated) uuid.UUID { return e.OrderID })
	event(r, "OrderConfirmed.v1", func(e OrderConfirmed) uuid.UUID { return e.OrderID })
	event(r, "OrderCancelled.v1", func(e OrderCancelled) uuid.UUID { return e.OrderID })
	event(r, "SeatAssignmentsCreated.v1", func(e SeatAssignmentsCreated) uuid.UUID { return e.OrderID })
	event(r, "SeatAssigned.v1", func(e SeatAssigned) uuid.UUID { return e.OrderID })
	event(r, "SeatUnassigned.v1", func(e SeatUnassigned) uuid.UUID { return e.OrderID })
	event(r, "SeatAssignmentUpdated.v1", func(e SeatAssignmentUpdated) uuid.UUID { return e.OrderID })
}

func seats(r *message.Registry) {
	command(r, TopicSeats, "SetSeatsQuota.v1", func(c SetSeatsQuota) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "MakeSeatReservation.v1", func(c MakeSeatReservation) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "CommitSeatReservation.v1", func(c CommitSeatReservation) uuid.UUID { return c.ConferenceID })
	command(r, TopicSeats, "CancelSeatReservation.v1", func(c CancelSeatReservation) uuid.UUID { return c.ConferenceID })

	event(r, "SeatsQuotaSet.v1", func(e SeatsQuotaSet) uuid.UUID { return e.ConferenceID })
	event(r, "AvailableSeatsChanged.v1", func(e AvailableSeatsChanged) uuid.UUID { return e.ConferenceID })
	event(r, "SeatsReserved.v1", func(e SeatsReserved) uuid.UUID { return e.OrderID })
	event(r, "SeatsReservationCommitted.v1", func(e SeatsReservationCommitted) uuid.UUID { return e.OrderID })
	event(r, "SeatsReservationCancelled.v1", func(e SeatsReservationCancelled) uuid.UUID { return e.OrderID })
}

func conferences(r *message.Registry) {
	command(r, TopicConferences, "CreateConference.v1", func(c CreateConference) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "UpdateConference.v1", func(c UpdateConference) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "PublishConference.v1", func(c PublishConference) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "UnpublishConference.v1", func(c UnpublishConference) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "AddSeatType.v1", func(c AddSeatType) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "UpdateSeatType.v1", func(c UpdateSeatType) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "RemoveSeatType.v1", func(c RemoveSeatType) uuid.UUID { return c.ConferenceID })

	event(r, "ConferenceCreated.v1", func(e ConferenceCreated) uuid.UUID { return e.ConferenceID })
	event(r, "ConferenceUpdated.v1", func(e ConferenceUpdated) uuid.UUID { return e.ConferenceID })
	event(r, "ConferencePublished.v1", func(e ConferencePublished) uuid.UUID { return e.ConferenceID })
	event(r, "ConferenceUnpublished.v1", func(e ConferenceUnpublished) uuid.UUID { return e.ConferenceID })
	event(r, "SeatTypeAdded.v1", func(e SeatTypeAdded) uuid.UUID { return e.ConferenceID })
	event(r, "SeatTypeUpdated.v1", func(e SeatTypeUpdated) uuid.UUID { return e.ConferenceID })
	event(r, "SeatTypeRemoved.v1", func(e SeatTypeRemoved) uuid.UUID { return e.ConferenceID })
}

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

func command[T any](r *message.Registry, topic, name string, key func(T) uuid.UUID) {
	message.Register(r, name, message.Command, topic, func(m T) string { return key(m).String() })
}

func event[T any](r *message.Registry, name string, key func(T) uuid.UUID) {
	message.Register(r, name, message.Event, TopicEvents, func(m T) string { return key(m).String() })
}
