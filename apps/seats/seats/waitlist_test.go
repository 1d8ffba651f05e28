package seats_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/seats/seats"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	cid = uuid.MustParse("00000000-0000-4000-8000-00000000000c")
	dan = uuid.MustParse("00000000-0000-4000-8000-00000000000d")

	starts = noon.AddDate(0, 1, 0)
	soon   = noon.Add(cfg.Offer)
)

// sale is a published conference that sells both types until it starts; change makes
// it another one.
func sale(version uint64, change ...func(*contracts.SetSeatsSale)) contracts.SetSeatsSale {
	s := contracts.SetSeatsSale{ConferenceID: conference, Version: version, Published: true, StartsAt: starts, SeatTypes: []contracts.SeatTypeSale{
		{SeatType: general, SalesWindow: contracts.SalesWindow{SalesUntil: starts}}, {SeatType: workshop, SalesWindow: contracts.SalesWindow{SalesUntil: starts}},
	}}
	for _, f := range change {
		f(&s)
	}
	return s
}

func unpublished(s *contracts.SetSeatsSale) { s.Published = false }
func without(seatType int) func(*contracts.SetSeatsSale) {
	return func(s *contracts.SetSeatsSale) {
		s.SeatTypes = append(s.SeatTypes[:seatType:seatType], s.SeatTypes[seatType+1:]...)
	}
}
func closed(seatType int) func(*contracts.SetSeatsSale) {
	return func(s *contracts.SetSeatsSale) { s.SeatTypes[seatType].WaitlistClosed = true }
}
func window(seatType int, from, until time.Time) func(*contracts.SetSeatsSale) {
	return func(s *contracts.SetSeatsSale) {
		s.SeatTypes[seatType].SalesWindow = contracts.SalesWindow{SalesFrom: from, SalesUntil: until}
	}
}
func starting(at time.Time) func(*contracts.SetSeatsSale) {
	return func(s *contracts.SetSeatsSale) { s.StartsAt = at }
}
func moving(version uint64, from, to uuid.UUID) func(*contracts.SetSeatsSale) {
	return func(s *contracts.SetSeatsSale) {
		s.Moves = append(s.Moves, contracts.WaitlistMove{Version: version, From: from, To: to})
	}
}
func saleSet(c contracts.SetSeatsSale) contracts.SeatsSaleSet {
	return contracts.SeatsSaleSet{SetSeatsSale: c}
}

func join(order uuid.UUID, number int, wanted ...contracts.SeatQuantity) contracts.JoinWaitlist {
	return contracts.JoinWaitlist{ConferenceID: conference, OrderID: order, Number: number, NotAfter: notAfter, Seats: wanted}
}

func joinForAll(order uuid.UUID, number int, wanted ...contracts.SeatQuantity) contracts.JoinWaitlist {
	c := join(order, number, wanted...)
	c.AllOrNothing = true
	return c
}

func joined(order uuid.UUID, number, place int, wanted ...contracts.SeatQuantity) contracts.WaitlistJoined {
	return contracts.WaitlistJoined{ConferenceID: conference, OrderID: order, Number: number, Place: place, Wanted: wanted, NotAfter: notAfter, At: noon}
}

func offered(order uuid.UUID, number int, wanted, granted contracts.Seats) contracts.SeatsOffered {
	return contracts.SeatsOffered{ConferenceID: conference, OrderID: order, Number: number, Wanted: wanted, Granted: granted, Deadline: soon, At: noon}
}

func gone(order uuid.UUID, number int) contracts.WaitlistLeft {
	return contracts.WaitlistLeft{ConferenceID: conference, OrderID: order, Number: number}
}

func moved(order uuid.UUID, number, change, place int, until time.Time, wanted ...contracts.SeatQuantity) contracts.WaitlistChanged {
	return contracts.WaitlistChanged{ConferenceID: conference, OrderID: order, Number: number, Change: change, Place: place, Wanted: wanted, Until: until}
}

// soldOut is a conference whose 4 workshop seats ann has; more is what came after.
func soldOut(more ...any) []any {
	return append([]any{sale(1), quota(workshop, 4, 1), quota(general, 0, 1), reserve(ann, 1, n(4, workshop))}, more...)
}

// more is a history that goes on.
func more(history []any, commands ...any) []any { return append(slices.Clone(history), commands...) }

var numbers = estest.Any[contracts.AvailableSeatsChanged]()

func TestOrdersJoinTheLine(t *testing.T) {
	full := soldOut()
	for range seats.MaxWaiting {
		full = append(full, join(uuid.New(), 1, n(1, workshop)))
	}
	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{Name: "at its end", Given: soldOut(join(bob, 2, n(1, workshop))), When: join(cid, 2, n(2, workshop)), Then: []any{joined(cid, 2, 2, n(2, workshop))}},
		estest.Scenario{Name: "under a number that was seen does nothing", Given: soldOut(reserve(bob, 3, n(1, workshop))), When: join(bob, 3, n(1, workshop))},
		estest.Scenario{Name: "overtaken by its cancel does nothing", Given: soldOut(cancel(bob, 2)), When: join(bob, 2, n(1, workshop))},
		estest.Scenario{Name: "committed seats are not replaced", Given: soldOut(commit(ann, 1)), When: join(ann, 2, n(1, workshop))},
		estest.Scenario{Name: "after its time is refused", Given: []any{quota(workshop, 0, 1)}, At: later, When: join(bob, 2, n(1, workshop)), Refused: refusal.RequestTooLate},
		estest.Scenario{Name: "for an unknown type is refused", Given: soldOut(), When: join(bob, 2, n(1, unknown)), Refused: refusal.UnknownSeatType},
		estest.Scenario{Name: "before any seats are known is refused", When: join(bob, 2, n(1, workshop)), Refused: refusal.ConferenceNotReady},
		estest.Scenario{Name: "before the sale is known is allowed", Given: []any{quota(workshop, 0, 1)}, When: join(bob, 2, n(1, workshop)), Then: []any{joined(bob, 2, 1, n(1, workshop))}},
		estest.Scenario{Name: "while the conference is not published is refused", Given: soldOut(sale(2, unpublished)), When: join(bob, 2, n(1, workshop)), Refused: refusal.ConferenceNotPublished},
		estest.Scenario{Name: "after sales ended is refused", Given: soldOut(sale(2, window(1, noon.AddDate(0, 0, -1), noon))), When: join(bob, 2, n(1, workshop)), Refused: refusal.SalesClosed},
		estest.Scenario{Name: "before sales open is allowed", Given: soldOut(sale(2, window(1, soon, starts))), When: join(bob, 2, n(1, workshop)), Then: []any{joined(bob, 2, 1, n(1, workshop))}},
		estest.Scenario{Name: "after the start is refused", Given: soldOut(sale(2, starting(noon))), When: join(bob, 2, n(1, workshop)), Refused: refusal.SalesClosed},
		estest.Scenario{Name: "of a closed type is refused", Given: soldOut(sale(2, closed(1))), When: join(bob, 2, n(1, workshop)), Refused: refusal.WaitlistClosed},
		estest.Scenario{Name: "of a removed type is refused", Given: soldOut(sale(2, without(1))), When: join(bob, 2, n(1, workshop)), Refused: refusal.WaitlistClosed},
		estest.Scenario{Name: "of a reopened type is allowed", Given: soldOut(sale(2, closed(1)), sale(3)), When: join(bob, 2, n(1, workshop)), Then: []any{joined(bob, 2, 1, n(1, workshop))}},
		estest.Scenario{Name: "beside seats that came free meanwhile is offered them at once", Given: soldOut(quota(workshop, 5, 2)), When: join(bob, 2, n(2, workshop)),
			Then: []any{joined(bob, 2, 1, n(2, workshop)), offered(bob, 2, of(n(2, workshop)), of(n(1, workshop))), numbers}},
		estest.Scenario{Name: "gives up what it holds, which goes to who waited before", Given: soldOut(join(bob, 2, n(1, workshop))), When: join(ann, 2, n(1, workshop)),
			Then: []any{joined(ann, 2, 2, n(1, workshop)), offered(bob, 2, of(n(1, workshop)), of(n(1, workshop))), offered(ann, 2, of(n(1, workshop)), of(n(1, workshop))), numbers}},
	)
	t.Run("a full line is refused", func(t *testing.T) {
		agg := seats.Aggregate(cfg)
		a := handle(t, agg.New(), noon, full...)
		_, err := agg.Decide(es.Env{Now: noon}, a, join(bob, 1, n(1, workshop)))
		if r, ok := es.AsRefusal(err); !ok || r.Code != refusal.WaitlistFull {
			t.Fatalf("got %v", err)
		}
	})
}

func TestSeatsThatComeFreeAreOffered(t *testing.T) {
	line := soldOut(join(bob, 2, n(3, workshop)), join(cid, 2, n(2, workshop)))
	all := func(order uuid.UUID, wanted int) contracts.SeatsOffered {
		return offered(order, 2, of(n(wanted, workshop)), of(n(wanted, workshop)))
	}
	reduced := reserve(ann, 2, n(2, workshop))
	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{Name: "when an order is cancelled or lapses, first come first served", Given: line, When: cancel(ann, 1),
			Then: []any{cancelled(ann, 1, noon, n(4, workshop)), all(bob, 3), offered(cid, 2, of(n(2, workshop)), of(n(1, workshop))), numbers}},
		estest.Scenario{Name: "when an order wants fewer", Given: line, When: reduced,
			Then: []any{reserved(ann, 2, n(2, workshop)), offered(bob, 2, of(n(3, workshop)), of(n(2, workshop))), numbers}},
		estest.Scenario{Name: "when the quota is raised", Given: line, When: quota(workshop, 9, 2),
			Then: []any{contracts.SeatsQuotaSet(quota(workshop, 9, 2)), all(bob, 3), all(cid, 2), numbers}},
		estest.Scenario{Name: "when an offer lapses, to the next", Given: more(line, quota(workshop, 7, 2)), When: cancel(bob, 2),
			Then: []any{cancelled(bob, 2, noon, n(3, workshop)), all(cid, 2), numbers}},
		estest.Scenario{Name: "an offer that was taken stays", Given: more(line, quota(workshop, 7, 2), commit(bob, 2)), When: cancel(ann, 1),
			Then: []any{cancelled(ann, 1, noon, n(4, workshop)), all(cid, 2), numbers}},
		estest.Scenario{Name: "not below what is held", Given: more(line, quota(workshop, 1, 2)), When: quota(workshop, 4, 3),
			Then: []any{contracts.SeatsQuotaSet(quota(workshop, 4, 3)), numbers}},
		estest.Scenario{Name: "who left the line gets none", Given: more(line, cancel(bob, 2)), When: cancel(ann, 1),
			Then: []any{cancelled(ann, 1, noon, n(4, workshop)), all(cid, 2), numbers}},
		estest.Scenario{Name: "who asks anew has no place any more", Given: more(line, reserve(bob, 3, n(1, workshop))), When: cancel(ann, 1),
			Then: []any{cancelled(ann, 1, noon, n(4, workshop)), all(cid, 2), numbers}},
		estest.Scenario{Name: "to nobody twice", Given: more(line, cancel(ann, 1)), When: contracts.OfferSeats{ConferenceID: conference}},
		estest.Scenario{Name: "of each type that an order waits for", Given: soldOut(join(bob, 2, n(1, workshop), n(2, general))), When: quota(general, 1, 2),
			Then: []any{contracts.SeatsQuotaSet(quota(general, 1, 2)), offered(bob, 2, of(n(1, workshop), n(2, general)), of(n(1, general))), numbers}},
	)
}

// An order that wants all or nothing keeps its place while later ones that fit are served.
func TestAllOrNothingKeepsItsPlace(t *testing.T) {
	line := soldOut(joinForAll(bob, 2, n(3, workshop)), join(cid, 2, n(2, workshop)))
	state := handle(t, seats.Aggregate(cfg).New(), noon, more(line, quota(workshop, 6, 2))...)
	if w := state.Waiting(); len(w) != 1 || w[0] != bob {
		t.Errorf("in line: %v", w)
	}
	if got, _ := state.HeldBy(cid); got.Total() != 2 {
		t.Errorf("cid holds %v", got)
	}
	state = handle(t, state, noon, join(dan, 2, n(1, workshop)), quota(workshop, 9, 3))
	if got, _ := state.HeldBy(bob); got.Total() != 3 {
		t.Errorf("bob holds %v", got)
	}
	if w := state.Waiting(); len(w) != 1 || w[0] != dan {
		t.Errorf("in line: %v", w)
	}
	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{Name: "one that wants all of two types waits for both", Given: soldOut(joinForAll(bob, 2, n(1, workshop), n(1, general)), quota(workshop, 6, 2)), When: quota(general, 1, 2),
			Then: []any{contracts.SeatsQuotaSet(quota(general, 1, 2)), offered(bob, 2, of(n(1, workshop), n(1, general)), of(n(1, workshop), n(1, general))), numbers}},
		estest.Scenario{Name: "a new order takes what nobody in line would", Given: more(line, cancel(cid, 2), quota(workshop, 6, 2)), When: reserve(dan, 1, n(2, workshop)),
			Then: []any{reserved(dan, 1, n(2, workshop)), numbers}},
	)
}

// Nothing is offered that nobody may take.
func TestOffersAreSuspended(t *testing.T) {
	waits := func(s contracts.SetSeatsSale) []any { return soldOut(join(bob, 2, n(1, workshop)), s) }
	free := []any{cancelled(ann, 1, noon, n(4, workshop)), numbers}
	short := offered(bob, 2, of(n(1, workshop)), of(n(1, workshop)))
	short.Deadline = noon.Add(10 * time.Minute)
	now := []any{offered(bob, 2, of(n(1, workshop)), of(n(1, workshop))), numbers}
	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{Name: "while the conference is not published", Given: waits(sale(2, unpublished)), When: cancel(ann, 1), Then: free},
		estest.Scenario{Name: "before the type's sales open", Given: waits(sale(2, window(1, soon, starts))), When: cancel(ann, 1), Then: free},
		estest.Scenario{Name: "after the type's sales ended", Given: waits(sale(2, window(1, time.Time{}, noon))), When: cancel(ann, 1), Then: free},
		estest.Scenario{Name: "after the conference has started", Given: waits(sale(2, starting(noon))), When: cancel(ann, 1), Then: free},
		estest.Scenario{Name: "and before the sale is known", Given: []any{quota(workshop, 0, 1), join(bob, 2, n(1, workshop))}, When: quota(workshop, 1, 2),
			Then: []any{contracts.SeatsQuotaSet(quota(workshop, 1, 2)), numbers}},
		estest.Scenario{Name: "an offer ends when the conference starts", Given: waits(sale(2, starting(noon.Add(10*time.Minute)))), When: cancel(ann, 1),
			Then: []any{free[0], short, numbers}},
		estest.Scenario{Name: "until it is published again", Given: more(waits(sale(2, unpublished)), cancel(ann, 1)), When: sale(3), Then: append([]any{saleSet(sale(3))}, now...)},
		estest.Scenario{Name: "until the window opens by the clock", Given: []any{
			estest.At(noon.Add(-time.Hour), sale(1, window(1, noon, starts))), estest.At(noon.Add(-time.Hour), quota(workshop, 1, 1)), estest.At(noon.Add(-time.Hour), join(bob, 2, n(1, workshop)))},
			When: contracts.OfferSeats{ConferenceID: conference}, Then: now},
	)
}

// While offers are suspended, an order gets what those in line would not take.
func TestNobodyOvertakesTheLineWhileOffersAreSuspended(t *testing.T) {
	suspended := soldOut(join(bob, 2, n(1, workshop)), sale(2, unpublished), cancel(ann, 1))
	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{Name: "a request gets the others", Given: suspended, When: reserve(cid, 1, n(4, workshop)), Then: []any{reserved(cid, 1, n(3, workshop)), numbers}},
		estest.Scenario{Name: "and none if all are for the line", Given: more(suspended, quota(workshop, 1, 2)), When: reserve(cid, 1, n(1, workshop)), Then: []any{reserved(cid, 1)}},
		estest.Scenario{Name: "one in line is not in its own way", Given: suspended, When: reserve(bob, 3, n(4, workshop)), Then: []any{reserved(bob, 3, n(4, workshop)), numbers}},
		estest.Scenario{Name: "what an order holds it keeps", Given: more(suspended, reserve(cid, 1, n(3, workshop))), When: reserve(cid, 2, n(4, workshop)), Then: []any{reserved(cid, 2, n(3, workshop)), numbers}},
		estest.Scenario{Name: "once sales ended nothing is for the line", Given: more(suspended, sale(3, window(1, time.Time{}, noon))), When: reserve(cid, 1, n(4, workshop)), Then: []any{reserved(cid, 1, n(4, workshop)), numbers}},
	)
}

func TestOrganisersCloseAndMoveLines(t *testing.T) {
	line := soldOut(join(bob, 2, n(1, workshop)), joinForAll(cid, 2, n(1, workshop), n(1, general)), join(dan, 2, n(2, general), n(1, workshop)))
	toGeneral := sale(2, moving(2, workshop, general))
	estest.Run(t, seats.Aggregate(cfg),
		estest.Scenario{Name: "a closed line is left, or what is left of it waits on", Given: line, When: sale(2, closed(1)),
			Then: []any{saleSet(sale(2, closed(1))), gone(bob, 2), gone(cid, 2), moved(dan, 2, 1, 3, starts, n(2, general))}},
		estest.Scenario{Name: "that of a removed type too", Given: line, When: sale(2, without(1)),
			Then: []any{saleSet(sale(2, without(1))), gone(bob, 2), gone(cid, 2), moved(dan, 2, 1, 3, starts, n(2, general))}},
		estest.Scenario{Name: "who left it may ask again", Given: more(line, sale(2, closed(1)), sale(3)), When: join(bob, 3, n(1, workshop)), Then: []any{joined(bob, 3, 4, n(1, workshop))}},
		estest.Scenario{Name: "who left it does not join by an old request", Given: more(line, sale(2, closed(1)), sale(3)), When: join(bob, 2, n(1, workshop))},
		estest.Scenario{Name: "a line moves to the end of the other, and who waits for both stays", Given: line, When: toGeneral,
			Then: []any{saleSet(toGeneral), moved(bob, 2, 1, 4, starts, n(1, general))}},
		estest.Scenario{Name: "a moved line is offered what it can have now", Given: soldOut(join(bob, 2, n(1, workshop)), quota(general, 1, 2)), When: toGeneral,
			Then: []any{saleSet(toGeneral), moved(bob, 2, 1, 2, starts, n(1, general)), offered(bob, 2, of(n(1, general)), of(n(1, general))), numbers}},
		estest.Scenario{Name: "a move is made once", Given: more(line, toGeneral, join(ann, 2, n(1, workshop))), When: sale(3, moving(2, workshop, general)),
			Then: []any{saleSet(sale(3, moving(2, workshop, general)))}},
		estest.Scenario{Name: "moves that were missed are all made", Given: soldOut(join(bob, 2, n(1, workshop))), When: sale(4, moving(3, workshop, general), moving(4, general, workshop)),
			Then: []any{saleSet(sale(4, moving(3, workshop, general), moving(4, general, workshop))), moved(bob, 2, 1, 3, starts, n(1, workshop))}},
		estest.Scenario{Name: "an older sale does nothing", Given: more(line, sale(3)), When: sale(2, closed(1))},
		estest.Scenario{Name: "another start is told to those in line", Given: soldOut(join(bob, 2, n(1, workshop))), When: sale(2, starting(starts.AddDate(0, 0, 1))),
			Then: []any{saleSet(sale(2, starting(starts.AddDate(0, 0, 1)))), moved(bob, 2, 1, 1, starts.AddDate(0, 0, 1), n(1, workshop))}},
	)
}

// Quota 12, lowered to 1 and raised to 12 again, with a line of three.
func TestALineOfThreeWhileTheQuotaGoesDownAndUp(t *testing.T) {
	a := handle(t, seats.Aggregate(cfg).New(), noon, sale(1), quota(workshop, 12, 1), reserve(ann, 1, n(12, workshop)), commit(ann, 1),
		join(bob, 2, n(2, workshop)), join(cid, 2, n(2, workshop)), join(dan, 2, n(2, workshop)), quota(workshop, 1, 2), cancel(ann, 1))
	if got, _ := a.HeldBy(bob); got.Total() != 1 || len(a.Waiting()) != 2 {
		t.Fatalf("bob holds %v, %d wait", got, len(a.Waiting()))
	}
	a = handle(t, a, noon, quota(workshop, 12, 3))
	for _, order := range []uuid.UUID{cid, dan} {
		if got, _ := a.HeldBy(order); got.Total() != 2 {
			t.Errorf("%s holds %v", order, got)
		}
	}
	if left := a.Remaining(workshop); left != 7 || len(a.Waiting()) != 0 {
		t.Errorf("%d remain, %d wait", left, len(a.Waiting()))
	}
}

// The state of a conference with a full line has to fit into one value of any store.
func TestSnapshotOfAFullLineIsSmall(t *testing.T) {
	commands := soldOut()
	for i := range seats.MaxWaiting {
		commands = append(commands, joinForAll(uuid.New(), 1+i%3, n(1+i%4, workshop), n(1, general)))
	}
	a := handle(t, seats.Aggregate(cfg).New(), noon, commands...)
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 300_000 {
		t.Fatalf("the snapshot has %d bytes", len(data))
	}
	if b := estest.Reload(t, seats.Aggregate(cfg).New, a); !reflect.DeepEqual(a, b) {
		t.Fatal("the state read back differs from the one written")
	}
}
