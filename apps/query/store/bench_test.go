package store

import (
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/contracts"
)

// BenchmarkAppend applies the events of whole orders as they come from the
// broker: in batches of 100, from 50 orders at once, with the stream of the
// seats among them. One iteration is one event.
func BenchmarkAppend(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkAppend(b, databases.SQLite(b)) })
	b.Run("postgresql", func(b *testing.B) { benchmarkAppend(b, databases.DurablePostgreSQL(b)) })
}

func benchmarkAppend(b *testing.B, connection string) {
	const orders, batchSize = 50, 100
	s := open(b, connection)
	seats, version := "seats/"+conferenceID.String(), 0
	next := func(body any) Event { version++; return event(seats, version, body) }
	var events []Event
	for len(events) < b.N {
		var of [orders]uuid.UUID
		var own [orders][]Event
		for i := range of {
			of[i] = uuid.New()
			own[i] = confirmedOrder(of[i], uuid.New())
		}
		for step := range own[0] {
			for i := range of {
				events = append(events, own[i][step])
				if step == 2 {
					events = append(events, next(contracts.SeatsReserved{ConferenceID: conferenceID, OrderID: of[i], Number: 1, Granted: placed(of[i]).Items}))
				}
			}
		}
		events = append(events, next(contracts.AvailableSeatsChanged{ConferenceID: conferenceID,
			Seats: []contracts.SeatTypeAvailability{{SeatType: general, Quota: 100, Remaining: 1}}}))
	}
	events = events[:b.N]
	b.ReportAllocs()
	b.ResetTimer()
	for at := 0; at < len(events); at += batchSize {
		mustAppend(b, s, events[at:min(at+batchSize, len(events))]...)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
