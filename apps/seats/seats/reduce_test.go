package seats_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/seats/seats"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es/estest"
)

func reduce(order uuid.UUID, number int, keep ...contracts.SeatQuantity) contracts.ReduceSeatReservation {
	return contracts.ReduceSeatReservation{ConferenceID: conference, OrderID: order, Number: number, Keep: keep}
}

func reduced(order uuid.UUID, number int, kept, released contracts.Seats) contracts.SeatsReservationReduced {
	return contracts.SeatsReservationReduced{ConferenceID: conference, OrderID: order, Number: number, Kept: kept, Released: released, At: noon}
}

func TestReduce(t *testing.T) {
	held := []any{quota(general, 5, 1), quota(workshop, 2, 2), reserve(ann, 1, n(3, general), n(1, workshop))}
	sold := append(held[:3:3], commit(ann, 1))
	after := func(given []any, more ...any) []any { return append(given[:len(given):len(given)], more...) }
	two := reduced(ann, 1, of(n(2, general), n(1, workshop)), of(n(1, general)))

	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{Name: "of a committed reservation: what is not kept is free again", Given: sold, When: reduce(ann, 1, n(2, general), n(1, workshop)),
			Then: []any{two, available(left(general, 3, 5))}},
		estest.Scenario{Name: "before the commit, which it overtook", Given: held, When: reduce(ann, 1, n(2, general), n(1, workshop)),
			Then: []any{two, available(left(general, 3, 5))}},
		estest.Scenario{Name: "the commit comes after it", Given: after(held, reduce(ann, 1, n(2, general), n(1, workshop))), When: commit(ann, 1), Then: []any{committed(ann, 1)}},
		estest.Scenario{Name: "of all seats of a type", Given: sold, When: reduce(ann, 1, n(3, general)),
			Then: []any{reduced(ann, 1, of(n(3, general)), of(n(1, workshop))), available(left(workshop, 2, 2))}},
		estest.Scenario{Name: "again: nothing, since it says what is kept and not what goes", Given: after(sold, reduce(ann, 1, n(2, general), n(1, workshop))), When: reduce(ann, 1, n(2, general), n(1, workshop))},
		estest.Scenario{Name: "an earlier one that comes later: nothing", Given: after(sold, reduce(ann, 1, n(1, general))), When: reduce(ann, 1, n(2, general), n(1, workshop))},
		estest.Scenario{Name: "a later one: what it keeps of what is left", Given: after(sold, reduce(ann, 1, n(2, general))), When: reduce(ann, 1, n(1, general), n(1, workshop)),
			Then: []any{reduced(ann, 1, of(n(1, general)), of(n(1, general))), available(left(general, 4, 5))}},
		estest.Scenario{Name: "for more than is held: nothing", Given: sold, When: reduce(ann, 1, n(5, general), n(2, workshop))},
		estest.Scenario{Name: "of another order: nothing", Given: sold, When: reduce(bob, 1, n(1, general))},
		estest.Scenario{Name: "after it was cancelled: nothing", Given: after(sold, cancel(ann, 1)), When: reduce(ann, 1, n(1, general))},
		estest.Scenario{Name: "of an earlier request: nothing", Given: after(held, reserve(ann, 2, n(3, general))), When: reduce(ann, 1, n(1, general))},
		estest.Scenario{Name: "of a request that has not come: nothing", Given: held, When: reduce(ann, 2, n(1, general))},
		estest.Scenario{Name: "its request comes again: nothing", Given: after(held, reduce(ann, 1, n(1, general))), When: reserve(ann, 1, n(3, general), n(1, workshop))},
		estest.Scenario{Name: "then it is cancelled: what is left is free again", Given: after(sold, reduce(ann, 1, n(2, general))), When: cancel(ann, 1),
			Then: []any{cancelled(ann, 1, noon, n(2, general)), available(left(general, 5, 5))}},
		estest.Scenario{Name: "below a lowered quota: nothing remains", Given: after(sold, quota(general, 1, 3)), When: reduce(ann, 1, n(2, general), n(1, workshop)),
			Then: []any{two, available(left(general, -1, 1))}},
	)
}

// What an order gives back is offered in the same decision to the first in line.
func TestSeatsThatAreGivenBackAreOffered(t *testing.T) {
	sold := []any{quota(general, 3, 1), sale(1), reserve(ann, 1, n(3, general)), commit(ann, 1), join(bob, 1, n(2, general)), join(cid, 1, n(1, general))}
	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{Name: "one seat, to who is first", Given: sold, When: reduce(ann, 1, n(2, general)),
			Then: []any{reduced(ann, 1, of(n(2, general)), of(n(1, general))), offered(bob, 1, of(n(2, general)), of(n(1, general))), available(left(general, 0, 3))}},
		estest.Scenario{Name: "two seats, to who is first; the next waits", Given: sold, When: reduce(ann, 1, n(1, general)),
			Then: []any{reduced(ann, 1, of(n(1, general)), of(n(2, general))), offered(bob, 1, of(n(2, general)), of(n(2, general))), available(left(general, 0, 3))}},
		estest.Scenario{Name: "again: nobody else is offered any", Given: append(sold[:6:6], reduce(ann, 1, n(1, general))), When: reduce(ann, 1, n(1, general))},
	)
}
