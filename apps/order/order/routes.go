package order

import (
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
)

// Ref names the stream of an order, for decisions that read it.
func Ref(orderID uuid.UUID) es.Ref {
	return es.Ref{Aggregate: Name, ID: orderID.String()}
}

// route names the order that a command is for.
func route(command any) (id string, ok bool) {
	var orderID uuid.UUID
	switch m := command.(type) {
	case contracts.RegisterToConference:
		orderID = m.OrderID
	case contracts.ChangeOrderItems:
		orderID = m.OrderID
	case contracts.AssignRegistrantDetails:
		orderID = m.OrderID
	case contracts.MarkSeatsAsReserved:
		orderID = m.OrderID
	case contracts.RejectOrder:
		orderID = m.OrderID
	case contracts.ConfirmOrder:
		orderID = m.OrderID
	case contracts.ExpireOrder:
		orderID = m.OrderID
	case contracts.ReinstateOrder:
		orderID = m.OrderID
	case contracts.CancelOrder:
		orderID = m.OrderID
	default:
		return "", false
	}
	return orderID.String(), true
}

// reads asks for the catalogue where a rule needs it: for prices when the order
// is placed or changed, and for the conference's times when it is cancelled or
// its registrant corrected.
func reads(s State, command any) []es.Ref {
	switch m := command.(type) {
	case contracts.RegisterToConference:
		return []es.Ref{catalogue.Ref(m.ConferenceID)}
	case contracts.ChangeOrderItems, contracts.AssignRegistrantDetails, contracts.CancelOrder:
		return []es.Ref{catalogue.Ref(s.ConferenceID)}
	}
	return nil
}
