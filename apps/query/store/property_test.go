package store

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// someEvents draws the streams of a small world: a conference, its seats, a
// catalogue, and orders with their payments and assignments. A fold has to
// accept any event in any place, so the bodies need not make sense together.
func someEvents(t *rapid.T) (events []Event) {
	draw := func(name string, bodies ...any) {
		var stream []any
		for range rapid.IntRange(1, 12).Draw(t, "length of "+name) {
			stream = append(stream, rapid.SampledFrom(bodies).Draw(t, "body"))
		}
		events = append(events, streamOf(name, stream...)...)
	}
	var first []any
	for _, e := range conference() {
		first = append(first, e.Body)
	}
	draw("conference/"+conferenceID.String(), append(first[:5], contracts.SeatTypeRemoved{ConferenceID: conferenceID, SeatTypeID: general})...)
	for i := range rapid.IntRange(1, 3).Draw(t, "orders") {
		order, payment := uuid.UUID{0xaa, byte(i)}, uuid.UUID{0xbb, byte(i)}
		items := placed(order).Items
		draw("order/"+order.String(), placed(order),
			contracts.OrderUpdated{OrderID: order, Version: 2, Items: items[:1]},
			totals(order, contracts.LineReserved, 1),
			contracts.OrderRegistrantAssigned{OrderID: order, Registrant: ann},
			contracts.OrderPartiallyReserved{OrderID: order, Version: 1, Granted: items[:1], Deadline: noon},
			contracts.OrderConfirmed{OrderID: order, PaymentID: &payment, Seats: items, Total: usd(1)},
			contracts.OrderExpired{OrderID: order},
			es.CommandRejected{CommandID: "x", CommandType: "x", Code: refusal.NotReserved},
		)
		draw("assignments/"+order.String(),
			contracts.SeatAssignmentsCreated{OrderID: order, Positions: []uuid.UUID{general, cocktail}},
			contracts.SeatAssigned{OrderID: order, Position: 1, SeatType: cocktail, Attendee: contracts.Attendee{Person: ann, Type: contracts.Paid}},
			contracts.SeatAssigned{OrderID: order, Position: 7, Attendee: contracts.Attendee{Person: ann, Type: contracts.Paid}},
			contracts.SeatUnassigned{OrderID: order, Position: 1},
		)
		draw("payment/"+payment.String(),
			contracts.PaymentInitiated{PaymentID: payment, OrderID: order, Version: 1, Amount: usd(1), Provider: "demo"},
			contracts.PaymentCompleted{PaymentID: payment, OrderID: order, Amount: usd(1)},
			contracts.RefundFailed{PaymentID: payment, OrderID: order, Amount: usd(1), Attempt: 1, Reason: "no"},
		)
		draw("seats/"+conferenceID.String()+fmt.Sprint(i),
			contracts.SeatsReserved{ConferenceID: conferenceID, OrderID: order, Number: 1, Granted: items},
			contracts.AvailableSeatsChanged{ConferenceID: conferenceID, Seats: []contracts.SeatTypeAvailability{{SeatType: general, Quota: 9, Remaining: i}}},
			contracts.AvailableSeatsChanged{ConferenceID: conferenceID, Seats: []contracts.SeatTypeAvailability{{SeatType: cocktail, Quota: 9, Remaining: -i}}},
		)
	}
	draw("catalogue/"+conferenceID.String(), contracts.CatalogueSet{SetCatalogue: contracts.SetCatalogue{ConferenceID: conferenceID, Version: 1}})
	return events
}

// However events are delivered (in any order, more than once, with gaps that
// are filled late, in batches of any size, some of which fail and come again,
// with restarts and rebuilds between), the views end as they would have if each
// had come once and in order, and each event was shown once and in its turn.
func TestViewsDoNotDependOnDelivery(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		where := fresh()
		clean, trial := open(t, fresh()), open(t, where)
		rapid.Check(t, func(r *rapid.T) {
			ctx := context.Background()
			empty(t, clean)
			empty(t, trial)
			events := someEvents(r)
			if shown, err := clean.Append(ctx, events); err != nil || len(shown) != len(events) {
				r.Fatalf("clean delivery shows %d of %d: %v", len(shown), len(events), err)
			}

			delivered := rapid.Permutation(events).Draw(r, "order of delivery")
			again := rapid.SliceOfN(rapid.SampledFrom(events), 0, len(events)).Draw(r, "duplicates")
			delivered = append(delivered, again...)
			shownTo := map[stream]uint64{}
			for len(delivered) > 0 {
				n := rapid.IntRange(1, len(delivered)).Draw(r, "batch")
				batch := delivered[:n]
				disturbance := rapid.SampledFrom([]string{"", "", "", "", "", "failure", "restart", "rebuild"}).Draw(r, "disturbance")
				switch disturbance {
				case "failure": // somewhere in the batch
					at := rapid.SampledFrom(batch).Draw(r, "at")
					failOn(t, trial, at.ID)
				case "restart":
					_ = trial.Close()
					trial = open(t, where)
				case "rebuild":
					if err := trial.Rebuild(ctx); err != nil {
						r.Fatal(err)
					}
				}
				shown, err := trial.Append(ctx, batch)
				if disturbance == "failure" {
					failNoMore(t, trial)
				}
				if err != nil && disturbance == "failure" {
					continue // the broker delivers it again
				}
				if err != nil {
					r.Fatal(err)
				}
				for _, m := range shown {
					at := stream{m.Tenant, m.Stream}
					if m.StreamVersion != shownTo[at]+1 {
						r.Fatalf("%s: version %d is shown after %d", m.Stream, m.StreamVersion, shownTo[at])
					}
					shownTo[at]++
				}
				delivered = delivered[n:]
			}
			if got, want := trial.dump(t), clean.dump(t); got != want {
				r.Fatalf("views differ\n%s\nfrom those of the clean delivery\n%s", got, want)
			}
		})
	})
}

// empty forgets all events and views.
func empty(t *testing.T, s *Store) {
	t.Helper()
	exec(t, s, `DELETE FROM journal`)
	exec(t, s, `DELETE FROM waiting`)
	exec(t, s, `DELETE FROM checks`)
	for _, table := range tableNames() {
		exec(t, s, `DELETE FROM `+table)
	}
}

// failOn has the database refuse an event.
func failOn(t *testing.T, s *Store, eventID string) {
	t.Helper()
	if _, ok := s.dialect.(*sqlite); ok {
		exec(t, s, `CREATE TRIGGER failure BEFORE INSERT ON journal WHEN NEW.id = '`+eventID+`' BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
		return
	}
	exec(t, s, `ALTER TABLE journal ADD CONSTRAINT failure CHECK (id <> '`+eventID+`') NOT VALID`)
}

func failNoMore(t *testing.T, s *Store) {
	t.Helper()
	if _, ok := s.dialect.(*sqlite); ok {
		exec(t, s, `DROP TRIGGER failure`)
		return
	}
	exec(t, s, `ALTER TABLE journal DROP CONSTRAINT failure`)
}
