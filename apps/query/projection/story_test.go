package projection_test

import (
	"slices"
	"testing"
	"time"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

var noon = time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)

// A story is told in the order of time, and what caused something stands before
// it also when their clocks differ, in whatever order the events are read.
func TestTimelineTellsCausesFirst(t *testing.T) {
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	event := func(id, stream string, version uint64, when int, cause message.Cause) message.Message {
		return message.Message{Meta: message.Meta{ID: id, Type: id, Stream: stream, StreamVersion: version, Time: at(when), Cause: cause}}
	}
	register := message.Cause{ID: "RegisterToConference", Type: "RegisterToConference", Time: at(0), Source: "web"}
	events := []message.Message{
		event("OrderPlaced", "order/1", 1, 1, register),
		event("OrderTotalsCalculated", "order/1", 2, 1, register),
		// The seats' clock is behind.
		event("SeatsReserved", "seats/1", 40, -7, message.Cause{ID: "MakeSeatReservation", Time: at(2), CauseID: "OrderPlaced"}),
		event("OrderReservationCompleted", "order/1", 3, 3, message.Cause{ID: "MarkSeatsAsReserved", Time: at(-7), CauseID: "SeatsReserved"}),
		// Caused by something that is not told.
		event("OrderExpired", "order/1", 4, 900, message.Cause{ID: "ExpireOrder", Time: at(899), CauseID: "a wake-up"}),
	}
	want := []string{
		"RegisterToConference", "OrderPlaced", "OrderTotalsCalculated", "MakeSeatReservation", "SeatsReserved",
		"MarkSeatsAsReserved", "OrderReservationCompleted", "ExpireOrder", "OrderExpired",
	}
	for range 2 {
		slices.Reverse(events)
		var got []string
		for _, e := range projection.Timeline(events) {
			got = append(got, e.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("story\n%v\nwant\n%v", got, want)
		}
	}
}

// A message that is its own cause's cause must not be told for ever.
func TestTimelineOfACircleEnds(t *testing.T) {
	events := []message.Message{{Meta: message.Meta{ID: "a", Time: noon, Cause: message.Cause{ID: "b", Time: noon, CauseID: "a"}}}}
	if got := projection.Timeline(events); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestProvidersWordWinsOverACancellation(t *testing.T) {
	var p view.Payment
	for _, body := range []any{
		contracts.PaymentInitiated{Provider: "demo"},
		contracts.PaymentCancelled{Reason: "the order has ended"},
		contracts.PaymentCompleted{ProviderReference: "demo-1"},
	} {
		projection.Payment(&p, message.Message{Meta: message.Meta{Time: noon}, Body: body})
	}
	if p.Status != view.PaymentCompleted || p.Reason != "" || p.ProviderReference != "demo-1" || p.Revision != 3 {
		t.Errorf("payment: %+v", p)
	}
}

func TestChangedOrderAsksAgain(t *testing.T) {
	var o view.Order
	for _, body := range []any{
		contracts.OrderPlaced{Version: 1, Items: contracts.Seats{{Quantity: 2}}},
		contracts.OrderPartiallyReserved{Version: 1},
		contracts.OrderUpdated{Version: 2, Items: contracts.Seats{{Quantity: 1}}},
	} {
		projection.Order(&o, message.Message{Meta: message.Meta{Time: noon}, Body: body})
	}
	if o.Status != view.OrderPlaced || o.Version != 2 || len(o.Lines) != 1 || o.Lines[0].Requested != 1 || o.Lines[0].State != contracts.LineRequested {
		t.Errorf("order: %+v", o)
	}
}

func TestACorrectionIsToldWithoutTheAddress(t *testing.T) {
	ada := contracts.Person{FirstName: "Ada", LastName: "Lovelace", Email: "ada@example.org"}
	for want, e := range map[string]contracts.OrderRegistrantAssigned{
		"":                                       {Registrant: ada},
		"corrected":                              {Registrant: ada, Correction: true},
		"corrected, with another e-mail address": {Registrant: ada, Correction: true, EmailChanged: true},
	} {
		entries := projection.Timeline([]message.Message{{Meta: message.Meta{ID: "1", Type: "OrderRegistrantAssigned.v1", Time: noon}, Body: e}})
		if len(entries) != 1 || entries[0].Detail != want {
			t.Errorf("told as %+v, want %q", entries, want)
		}
	}
}
