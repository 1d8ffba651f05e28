package seats_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/seats/seats"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	conference = uuid.MustParse("c0000000-0000-4000-8000-000000000001")
	general    = uuid.MustParse("a0000000-0000-4000-8000-000000000001")
	workshop   = uuid.MustParse("a0000000-0000-4000-8000-000000000002")
	unknown    = uuid.MustParse("a0000000-0000-4000-8000-000000000009")
	ann        = uuid.MustParse("00000000-0000-4000-8000-00000000000a")
	bob        = uuid.MustParse("00000000-0000-4000-8000-00000000000b")

	cfg = seats.Config{Offer: 30 * time.Minute}

	noon     = estest.Noon
	notAfter = noon.Add(20 * time.Minute)
	later    = notAfter.Add(time.Second)
)

func quota(seatType uuid.UUID, n int, version uint64) contracts.SetSeatsQuota {
	return contracts.SetSeatsQuota{ConferenceID: conference, SeatType: seatType, Quota: n, Version: version}
}

func of(quantities ...contracts.SeatQuantity) contracts.Seats { return quantities }

func n(quantity int, seatType uuid.UUID) contracts.SeatQuantity {
	return contracts.SeatQuantity{SeatType: seatType, Quantity: quantity}
}

func reserve(order uuid.UUID, number int, wanted ...contracts.SeatQuantity) contracts.MakeSeatReservation {
	return contracts.MakeSeatReservation{ConferenceID: conference, OrderID: order, Number: number, NotAfter: notAfter, Seats: wanted}
}

func allOrNothing(c contracts.MakeSeatReservation) contracts.MakeSeatReservation {
	c.AllOrNothing = true
	return c
}

func commit(order uuid.UUID, number int) contracts.CommitSeatReservation {
	return contracts.CommitSeatReservation{ConferenceID: conference, OrderID: order, Number: number}
}

func cancel(order uuid.UUID, number int) contracts.CancelSeatReservation {
	return contracts.CancelSeatReservation{ConferenceID: conference, OrderID: order, Number: number, NotAfter: notAfter}
}

func lasting(c contracts.CancelSeatReservation, notAfter time.Time) contracts.CancelSeatReservation {
	c.NotAfter = notAfter
	return c
}

func until(notAfter time.Time, m contracts.MakeSeatReservation) contracts.MakeSeatReservation {
	m.NotAfter = notAfter
	return m
}

func reserved(order uuid.UUID, number int, granted ...contracts.SeatQuantity) contracts.SeatsReserved {
	return contracts.SeatsReserved{
		ConferenceID: conference, OrderID: order, Number: number,
		Granted: append(contracts.Seats{}, granted...), NotAfter: notAfter, At: noon,
	}
}

func committed(order uuid.UUID, number int) contracts.SeatsReservationCommitted {
	return contracts.SeatsReservationCommitted{ConferenceID: conference, OrderID: order, Number: number}
}

func cancelled(order uuid.UUID, number int, at time.Time, released ...contracts.SeatQuantity) contracts.SeatsReservationCancelled {
	return contracts.SeatsReservationCancelled{
		ConferenceID: conference, OrderID: order, Number: number,
		Released: append(contracts.Seats{}, released...), NotAfter: notAfter, At: at,
	}
}

func available(numbers ...contracts.SeatTypeAvailability) contracts.AvailableSeatsChanged {
	return contracts.AvailableSeatsChanged{ConferenceID: conference, Seats: numbers}
}

func left(seatType uuid.UUID, remaining, quota int) contracts.SeatTypeAvailability {
	return contracts.SeatTypeAvailability{SeatType: seatType, Quota: quota, Remaining: remaining}
}

// A conference's stream is long: it keeps the latest ids alone, and every
// scenario here is run with its commands repeated after theirs are forgotten.
func TestOnlyRecentMessagesAreRemembered(t *testing.T) {
	if h := seats.Aggregate(cfg).Handled; h <= 0 || h > 5000 {
		t.Errorf("%d ids are kept", h)
	}
}

func TestQuota(t *testing.T) {
	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{
			Name: "the first quota opens a seat type",
			When: quota(general, 100, 1),
			Then: []any{
				contracts.SeatsQuotaSet(quota(general, 100, 1)),
				available(left(general, 100, 100)),
			},
		},
		estest.Scenario{
			Name:  "a quota of 0 is announced too",
			When:  quota(general, 0, 1),
			Given: []any{quota(workshop, 5, 1)},
			Then:  []any{contracts.SeatsQuotaSet(quota(general, 0, 1)), available(left(general, 0, 0))},
		},
		estest.Scenario{
			Name:  "a newer version replaces the quota",
			Given: []any{quota(general, 100, 1), reserve(ann, 1, n(3, general))},
			When:  quota(general, 50, 2),
			Then:  []any{contracts.SeatsQuotaSet(quota(general, 50, 2)), available(left(general, 47, 50))},
		},
		estest.Scenario{
			Name:  "a version seen before does nothing",
			Given: []any{quota(general, 100, 2)},
			When:  quota(general, 50, 2),
		},
		estest.Scenario{
			Name:  "an older version does nothing",
			Given: []any{quota(general, 100, 2)},
			When:  quota(general, 50, 1),
		},
		estest.Scenario{
			Name:  "versions are compared per seat type",
			Given: []any{quota(general, 100, 7)},
			When:  quota(workshop, 50, 3),
			Then:  []any{contracts.SeatsQuotaSet(quota(workshop, 50, 3)), available(left(workshop, 50, 50))},
		},
		estest.Scenario{
			Name:  "below what is held, remaining goes negative and the holds stay",
			Given: []any{quota(general, 10, 1), reserve(ann, 1, n(4, general)), reserve(bob, 1, n(4, general)), commit(bob, 1)},
			When:  quota(general, 5, 2),
			Then:  []any{contracts.SeatsQuotaSet(quota(general, 5, 2)), available(left(general, -3, 5))},
		},
		estest.Scenario{
			Name:  "a removed type, quota 0, is not forgotten while held",
			Given: []any{quota(general, 10, 1), reserve(ann, 1, n(4, general)), quota(general, 0, 2)},
			When:  cancel(ann, 1),
			Then:  []any{cancelled(ann, 1, noon, n(4, general)), available(left(general, 0, 0))},
		},
	)
}

func TestReserve(t *testing.T) {
	quotas := []any{quota(general, 10, 1), quota(workshop, 4, 1)}
	given := func(more ...any) []any { return append(append([]any{}, quotas...), more...) }

	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{
			Name:  "enough left: all that is wanted",
			Given: given(),
			When:  reserve(ann, 1, n(2, general), n(1, workshop)),
			Then:  []any{reserved(ann, 1, n(2, general), n(1, workshop)), available(left(general, 8, 10), left(workshop, 3, 4))},
		},
		estest.Scenario{
			Name:  "only types that changed are announced",
			Given: given(),
			When:  reserve(ann, 1, n(2, general)),
			Then:  []any{reserved(ann, 1, n(2, general)), available(left(general, 8, 10))},
		},
		estest.Scenario{
			Name:  "some left: what is left",
			Given: given(reserve(bob, 1, n(3, workshop))),
			When:  reserve(ann, 1, n(2, general), n(3, workshop)),
			Then:  []any{reserved(ann, 1, n(2, general), n(1, workshop)), available(left(general, 8, 10), left(workshop, 0, 4))},
		},
		estest.Scenario{
			Name:  "nothing left: an answer that grants nothing",
			Given: given(reserve(bob, 1, n(4, workshop))),
			When:  reserve(ann, 1, n(1, workshop)),
			Then:  []any{reserved(ann, 1)},
		},
		estest.Scenario{
			Name:  "an overdrawn type grants nothing",
			Given: given(reserve(bob, 1, n(4, workshop)), quota(workshop, 2, 2)),
			When:  reserve(ann, 1, n(1, workshop)),
			Then:  []any{reserved(ann, 1)},
		},
		estest.Scenario{
			Name:  "a change adds to what is held and releases what is no longer wanted",
			Given: given(reserve(ann, 1, n(2, general), n(1, workshop))),
			When:  reserve(ann, 2, n(5, general)),
			Then:  []any{reserved(ann, 2, n(5, general)), available(left(general, 5, 10), left(workshop, 4, 4))},
		},
		estest.Scenario{
			Name:  "a change never loses what is held and still wanted",
			Given: given(reserve(ann, 1, n(3, workshop)), reserve(bob, 1, n(1, workshop)), quota(workshop, 0, 2)),
			When:  reserve(ann, 2, n(4, workshop)),
			Then:  []any{reserved(ann, 2, n(3, workshop)), available(left(workshop, -4, 0))},
		},
		estest.Scenario{
			Name:  "a change to fewer gives the rest back",
			Given: given(reserve(ann, 1, n(3, workshop))),
			When:  reserve(ann, 2, n(1, workshop)),
			Then:  []any{reserved(ann, 2, n(1, workshop)), available(left(workshop, 3, 4))},
		},
		estest.Scenario{
			Name:  "a change that is granted nothing releases what was held",
			Given: given(reserve(ann, 1, n(3, general)), reserve(bob, 1, n(4, workshop))),
			When:  reserve(ann, 2, n(1, workshop)),
			Then:  []any{reserved(ann, 2), available(left(general, 10, 10))},
		},
		estest.Scenario{
			Name:  "all or nothing: all",
			Given: given(reserve(ann, 1, n(2, workshop))),
			When:  allOrNothing(reserve(ann, 2, n(1, general), n(4, workshop))),
			Then:  []any{reserved(ann, 2, n(1, general), n(4, workshop)), available(left(general, 9, 10), left(workshop, 0, 4))},
		},
		estest.Scenario{
			Name:  "all or nothing: nothing, and what was held is released",
			Given: given(reserve(bob, 1, n(1, workshop)), reserve(ann, 1, n(2, workshop))),
			When:  allOrNothing(reserve(ann, 2, n(1, general), n(4, workshop))),
			Then:  []any{reserved(ann, 2), available(left(workshop, 3, 4))},
		},
		estest.Scenario{
			Name:    "an unknown seat type refuses the whole command",
			Given:   given(),
			When:    reserve(ann, 1, n(2, general), n(1, unknown)),
			Refused: refusal.UnknownSeatType,
		},
		estest.Scenario{
			Name:    "a conference whose seats are not known yet is not ready",
			When:    reserve(ann, 1, n(2, general)),
			Refused: refusal.ConferenceNotReady,
		},
		estest.Scenario{
			Name:  "at the last moment it is in time",
			Given: given(),
			At:    notAfter,
			When:  reserve(ann, 1, n(2, general)),
			Then: []any{
				estest.Where("granted then", func(e contracts.SeatsReserved) bool { return e.At.Equal(notAfter) && e.Granted.Total() == 2 }),
				available(left(general, 8, 10)),
			},
		},
		estest.Scenario{
			Name:    "later than notAfter it is refused",
			Given:   given(),
			At:      later,
			When:    reserve(ann, 1, n(2, general)),
			Refused: refusal.RequestTooLate,
		},
		estest.Scenario{
			Name: "what the stream has passed is too late for a replica whose clock is behind",
			Given: given(
				contracts.SeatsReserved{ConferenceID: conference, OrderID: bob, Number: 1, Granted: of(n(1, general)), NotAfter: later, At: later},
			),
			At:      noon,
			When:    reserve(ann, 1, n(2, general)),
			Refused: refusal.RequestTooLate,
		},
	)
}

func TestNumbers(t *testing.T) {
	quotas := []any{quota(general, 10, 1)}
	given := func(more ...any) []any { return append(append([]any{}, quotas...), more...) }

	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{
			Name:  "the same number again does nothing",
			Given: given(reserve(ann, 1, n(2, general))),
			When:  reserve(ann, 1, n(2, general)),
		},
		estest.Scenario{
			Name:  "a lower number does nothing",
			Given: given(reserve(ann, 2, n(2, general))),
			When:  reserve(ann, 1, n(5, general)),
		},
		estest.Scenario{
			Name:  "a repeat does nothing also when it is late",
			Given: given(estest.At(noon, reserve(ann, 1, n(2, general)))),
			At:    later,
			When:  reserve(ann, 1, n(2, general)),
		},
		estest.Scenario{
			Name:  "numbers are kept per order",
			Given: given(reserve(ann, 5, n(2, general))),
			When:  reserve(bob, 1, n(2, general)),
			Then:  []any{reserved(bob, 1, n(2, general)), available(left(general, 6, 10))},
		},
		estest.Scenario{
			Name:  "a number that was granted nothing counts as seen",
			Given: given(reserve(bob, 1, n(10, general)), reserve(ann, 1, n(2, general)), cancel(bob, 1)),
			When:  reserve(ann, 1, n(2, general)),
		},
		estest.Scenario{
			Name: "a number is remembered until the end of the request that ends last",
			Given: given(estest.At(noon, reserve(bob, 1, n(10, general))),
				estest.At(noon, until(later.Add(time.Minute), reserve(ann, 1, n(2, general)))),
				estest.At(noon, reserve(ann, 2, n(2, general))),
				estest.At(later, cancel(bob, 1))),
			At:   later,
			When: until(later.Add(time.Minute), reserve(ann, 1, n(2, general))),
		},
		estest.Scenario{
			Name:  "a committed reservation is never replaced",
			Given: given(reserve(ann, 1, n(2, general)), commit(ann, 1)),
			When:  reserve(ann, 2, n(1, general)),
		},
		estest.Scenario{
			Name:  "commit makes the pending reservation of its number final",
			Given: given(reserve(ann, 1, n(2, general))),
			When:  commit(ann, 1),
			Then:  []any{committed(ann, 1)},
		},
		estest.Scenario{
			Name:  "commit again does nothing",
			Given: given(reserve(ann, 1, n(2, general)), commit(ann, 1)),
			When:  commit(ann, 1),
		},
		estest.Scenario{
			Name:  "commit of another number does nothing",
			Given: given(reserve(ann, 1, n(2, general)), reserve(ann, 2, n(3, general))),
			When:  commit(ann, 1),
		},
		estest.Scenario{
			Name:  "commit of what is not held does nothing",
			Given: given(),
			When:  commit(ann, 1),
		},
		estest.Scenario{
			Name:  "commit after the cancel does nothing",
			Given: given(reserve(ann, 1, n(2, general)), cancel(ann, 1)),
			When:  commit(ann, 1),
		},
	)
}

func TestCancel(t *testing.T) {
	quotas := []any{quota(general, 10, 1)}
	given := func(more ...any) []any { return append(append([]any{}, quotas...), more...) }
	bobLater := contracts.SeatsReserved{
		ConferenceID: conference, OrderID: bob, Number: 1, Granted: of(n(1, general)), NotAfter: later, At: later,
	}

	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{
			Name:  "a pending reservation is released",
			Given: given(reserve(ann, 1, n(2, general))),
			When:  cancel(ann, 1),
			Then:  []any{cancelled(ann, 1, noon, n(2, general)), available(left(general, 10, 10))},
		},
		estest.Scenario{
			Name:  "a committed reservation is released",
			Given: given(reserve(ann, 1, n(2, general)), commit(ann, 1)),
			When:  cancel(ann, 1),
			Then:  []any{cancelled(ann, 1, noon, n(2, general)), available(left(general, 10, 10))},
		},
		estest.Scenario{
			Name:  "a cancel of a higher number releases too",
			Given: given(reserve(ann, 1, n(2, general))),
			When:  cancel(ann, 2),
			Then:  []any{cancelled(ann, 2, noon, n(2, general)), available(left(general, 10, 10))},
		},
		estest.Scenario{
			Name:  "a cancel of a number below the last seen does nothing",
			Given: given(reserve(ann, 2, n(2, general))),
			When:  cancel(ann, 1),
		},
		estest.Scenario{
			Name:  "the second cancel does nothing",
			Given: given(reserve(ann, 1, n(2, general)), cancel(ann, 1)),
			When:  cancel(ann, 1),
		},
		estest.Scenario{
			Name:  "a cancel that overtook its request leaves a tombstone",
			Given: given(),
			When:  cancel(ann, 1),
			Then:  []any{cancelled(ann, 1, noon)},
		},
		estest.Scenario{
			Name:  "so that the request finds nothing to do",
			Given: given(cancel(ann, 1)),
			When:  reserve(ann, 1, n(2, general)),
		},
		estest.Scenario{
			Name:  "also when the conference became known only in between",
			Given: []any{cancel(ann, 1), quota(general, 10, 1)},
			When:  reserve(ann, 1, n(2, general)),
		},
		estest.Scenario{
			Name:  "a newer request after a cancel is served",
			Given: given(reserve(ann, 1, n(2, general)), cancel(ann, 1)),
			When:  reserve(ann, 2, n(3, general)),
			Then:  []any{reserved(ann, 2, n(3, general)), available(left(general, 7, 10))},
		},
		estest.Scenario{
			Name:  "a cancel long after notAfter still releases",
			Given: given(estest.At(noon, reserve(ann, 1, n(2, general))), commit(ann, 1)),
			At:    later,
			When:  cancel(ann, 1),
			Then:  []any{cancelled(ann, 1, later, n(2, general)), available(left(general, 10, 10))},
		},
		estest.Scenario{
			Name:  "a late cancel of nothing moves the stream past the request it may have overtaken",
			Given: given(),
			At:    later,
			When:  cancel(ann, 1),
			Then:  []any{cancelled(ann, 1, later)},
		},
		estest.Scenario{
			Name:    "so that a replica whose clock is behind does not serve it",
			Given:   given(estest.At(later, cancel(ann, 1))),
			At:      noon,
			When:    reserve(ann, 1, n(2, general)),
			Refused: refusal.RequestTooLate,
		},
		estest.Scenario{
			Name:  "a cancel of a higher number raises the tombstone",
			Given: given(cancel(ann, 1)),
			When:  cancel(ann, 2),
			Then:  []any{cancelled(ann, 2, noon)},
		},
		estest.Scenario{
			Name:  "a cancel that stands against later requests prolongs the tombstone",
			Given: given(cancel(ann, 1)),
			When:  lasting(cancel(ann, 1), later),
			Then: []any{contracts.SeatsReservationCancelled{
				ConferenceID: conference, OrderID: ann, Number: 1, Released: contracts.Seats{}, NotAfter: later, At: noon,
			}},
		},
		estest.Scenario{
			Name:  "once the stream has passed notAfter, a cancel of nothing does nothing",
			Given: given(bobLater),
			When:  cancel(ann, 1),
		},
	)
}
