package pagestest

import (
	"encoding/json"
	"time"

	"github.com/plenary/plenary/apps/query/view"
)

// Flow is how an order went that was placed, held, and refused a confirmation.
func Flow() view.Flow {
	id := OrderID("confirmed")
	order, seats := "order/"+id.String(), "seats/"+ConferenceID.String()
	f := view.Flow{OrderID: id, ConferenceID: ConferenceID, Status: view.OrderReserved, Lanes: []string{"order", "seats"}}
	add := func(kind view.TimelineKind, name, source, lane, cause, stream string, version uint64, payload string) *view.FlowEntry {
		n := len(f.Entries) + 1
		e := view.FlowEntry{Number: n, Lane: lane, TimelineEntry: view.TimelineEntry{
			Kind: kind, ID: name, Type: name + ".v1", Source: source, CausedBy: cause, Stream: stream, Version: version,
			Time: Now.Add(time.Duration(n) * 7 * time.Millisecond),
		}}
		if payload != "" {
			e.Payload = json.RawMessage(payload)
		}
		f.Entries = append(f.Entries, e)
		return &f.Entries[n-1]
	}
	command, event := view.TimelineCommand, view.TimelineEvent
	add(command, "RegisterToConference", "web", "order", "", "", 0, "")
	add(event, "OrderPlaced", "order", "order", "RegisterToConference", order, 1, `{"orderId":"`+id.String()+`","deadline":"2027-03-01T09:15:00Z","locator":"•••","items":[{"quantity":2}]}`)
	add(event, "OrderTotalsCalculated", "order", "order", "RegisterToConference", order, 2, `{"total":{"amount":39800,"currency":"USD"}}`)
	add(command, "MakeSeatReservation", "registration-process", "seats", "OrderPlaced", "", 0, "")
	add(event, "SeatsReserved", "seats", "seats", "MakeSeatReservation", seats, 12, `{"granted":[{"quantity":2}]}`)
	add(event, "AvailableSeatsChanged", "seats", "seats", "MakeSeatReservation", seats, 13, `{"remaining":38}`)
	add(command, "MarkSeatsAsReserved", "registration-process", "order", "SeatsReserved", "", 0, "")
	add(event, "OrderReservationCompleted", "order", "order", "MarkSeatsAsReserved", order, 3, `{"deadline":"2027-03-01T09:15:00Z"}`)
	add(command, "AssignRegistrantDetails", "web", "order", "", "", 0, "")
	add(event, "OrderRegistrantAssigned", "order", "order", "AssignRegistrantDetails", order, 4, `{"registrant":{"firstName":"•••","lastName":"•••","email":"•••"}}`)
	add(command, "ConfirmOrder", "web", "order", "", "", 0, "")
	refused := add(event, "CommandRejected", "order", "order", "ConfirmOrder", order, 0, `{"code":"payment-required"}`)
	refused.Refused, refused.Skewed, refused.Time = true, true, refused.Time.Add(-time.Second)
	return f
}

// RejectedFlow is how an order went for which there were no seats.
func RejectedFlow() view.Flow {
	f := Flow()
	f.OrderID, f.Status = OrderID("rejected"), view.OrderRejected
	f.Entries = f.Entries[:4:4]
	last := f.Entries[3]
	last.Number, last.ID, last.CausedBy, last.Type, last.Kind, last.Lane = 5, "OrderRejected", last.ID, "OrderRejected.v1", view.TimelineEvent, "order"
	f.Entries = append(f.Entries, last)
	return f
}

// Attention is what needs an operator in the sample: something of each kind.
func Attention() view.Attention {
	order, since := OrderID("confirmed"), Now.Add(-2*time.Hour)
	return view.Attention{
		Overdue:       []view.OverdueOrder{{OrderID: order, Status: view.OrderReserved, Deadline: since}},
		FailedRefunds: []view.FailedRefund{{PaymentID: Payment, OrderID: order, Amount: usd(39800), Attempts: 3, Reason: "card expired", FailedAt: since}},
		LoosePayments: []view.LoosePayment{{PaymentID: Payment, OrderID: order, OrderStatus: view.OrderExpired, Amount: usd(9900), CompletedAt: since}},
		StuckOrders:   Stuck().Orders, Stuck: len(Stuck().Orders),
		Reasons:       []view.DeadLetterReason{{Handler: "order", MessageType: "ConfirmOrder.v1", Reason: "no such stream & more", Letters: 3, Since: since, Last: Now}},
		ParkedStreams: []view.ParkedStream{{Handler: "order", Stream: "order/" + order.String(), Topic: "orders", Kind: "command", Letters: 1, Since: since, Last: Now, Reason: "no such stream & more"}},
		DeadLetters:   3, Refunds: 1, WaitingStreams: 2, Rebuild: view.Rebuild{Running: true, Generation: 2, Events: 1200, Of: 4800},
	}
}

// Stuck are orders of the sample that rest where they should not, in each way.
func Stuck() view.StuckOrders {
	since, paid := Now.Add(-2*time.Hour), usd(39800)
	of := func(name string, status view.OrderStatus, stuck ...view.Stuck) view.StuckOrder {
		for i := range stuck {
			stuck[i].Since = since
		}
		return view.StuckOrder{OrderID: OrderID(name), ConferenceID: ConferenceID, Status: status, Since: since, Stuck: stuck}
	}
	return view.StuckOrders{Orders: []view.StuckOrder{
		of("expired", view.OrderExpired, view.Stuck{Kind: view.StuckPayment, PaymentID: &Payment, Amount: &paid}, view.Stuck{Kind: view.StuckSeats, Seats: 2}),
		of("reserved", view.OrderReserved, view.Stuck{Kind: view.StuckOverdue}),
		of("placed", view.OrderPlaced, view.Stuck{Kind: view.StuckUnanswered}),
		of("confirmed", view.OrderConfirmed, view.Stuck{Kind: view.StuckUncommitted, Seats: 1}, view.Stuck{Kind: view.StuckRefund, PaymentID: &Payment, Amount: &paid}),
		of("never came", "", view.Stuck{Kind: view.StuckPayment, PaymentID: &Payment, Amount: &paid}),
	}}
}

// Payment is a payment of the sample.
var Payment = OrderID("a payment")

// Letter is the id of a dead letter of the sample.
const Letter = "0a3e9f2c-letter"

// Work puts in what the explorer and the operator's pages show.
func (w *World) Work() {
	f, now := Flow(), Orders()["confirmed"]
	now.ID = f.OrderID
	c := Conference()
	root := "/explorer/orders"
	w.Put(root, view.OrderList{Orders: []view.OrderSummary{{ID: f.OrderID, ConferenceID: ConferenceID, Locator: "K7PQ2MXA", Status: view.OrderReserved, Registrant: &Ada, Seats: 2, Total: usd(39800), PlacedAt: Now}}})
	w.Put(root+"/"+f.OrderID.String()+"/flow", f)
	w.Put(root+"/"+OrderID("rejected").String()+"/flow", RejectedFlow())
	w.Put(root+"/"+f.OrderID.String()+"/state", view.FlowState{At: Now, Version: 3, Order: &now, Conference: &c})
	w.Put("/operator/attention", Attention())
	w.Put("/operator/stuck-orders", Stuck())
	letter := view.DeadLetter{ID: Letter, Status: view.DeadLetterOpen, ReceivedAt: Now, Topic: "orders", Handler: "order", Reason: "no such stream & more", Attempts: 5, MessageType: "ConfirmOrder.v1", Stream: "order/" + f.OrderID.String()}
	w.Put("/dead-letters", view.DeadLetters{DeadLetters: []view.DeadLetter{letter}})
	w.Put("/payments/"+Payment.String(), view.Payment{ID: Payment, OrderID: f.OrderID, Amount: usd(39800), Status: view.PaymentRefundFailed, RefundAttempts: 3})
	for _, how := range []string{"retry", "discard"} {
		w.Put("/dead-letters/"+how, view.DeadLettersClosed{Closed: 3, Skipped: 1})
		w.Put("/dead-letters/"+Letter+"/"+how, letter)
	}
	w.Put("/operator/parked-streams/free", view.DeadLettersClosed{Closed: 1})
}
