package seats_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/seats/seats"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

// handle decides each command at its time, without refusals, and folds what
// follows.
func handle(t testing.TB, a *seats.Availability, at time.Time, commands ...any) *seats.Availability {
	t.Helper()
	agg := seats.Aggregate(cfg)
	for _, c := range commands {
		events, err := agg.Decide(es.Env{Now: at}, a, c)
		if err != nil {
			t.Fatalf("%T refused: %v", c, err)
		}
		for _, e := range events {
			a = agg.Evolve(a, e)
		}
	}
	for _, e := range agg.Conclude(a) {
		a = agg.Evolve(a, e)
	}
	return a
}

// One batch of decisions is announced once, with the numbers at its end.
func TestOneAnnouncementPerBatch(t *testing.T) {
	agg := seats.Aggregate(cfg)
	a := agg.New()
	for _, e := range []any{
		contracts.SeatsQuotaSet(quota(general, 10, 1)),
		contracts.SeatsQuotaSet(quota(workshop, 5, 1)),
		reserved(ann, 1, n(2, general)),
		reserved(bob, 1, n(3, general)),
		cancelled(ann, 1, noon, n(2, general)),
	} {
		a = agg.Evolve(a, e)
	}
	want := []any{available(left(general, 7, 10), left(workshop, 5, 5))}
	if got := agg.Conclude(a); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

// A conference of 20,000 committed orders and as many that hold nothing any
// more has to fit into one value of any store (1 MB on NATS and MySQL).
func TestSnapshotOfAFullConferenceIsSmall(t *testing.T) {
	const orders = 20_000
	a := handle(t, seats.Aggregate(cfg).New(), noon, quota(general, 100_000, 1), quota(workshop, 100_000, 1))
	for i := range orders {
		kept, gone := uuid.New(), uuid.New()
		soon := notAfter.Add(time.Duration(i) * time.Microsecond) // no two at the same moment
		a = handle(t, a, noon,
			reserve(kept, 1+i%3, n(1+i%4, general), n(i%3, workshop)), commit(kept, 1+i%3),
			reserve(gone, 1, n(1, general)), lasting(cancel(gone, 1), soon),
		)
	}
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if limit := 900_000; len(data) > limit {
		t.Fatalf("the snapshot has %d bytes, more than %d", len(data), limit)
	}
	b := estest.Reload(t, seats.Aggregate(cfg).New, a)
	if !reflect.DeepEqual(a, b) {
		t.Fatal("the state read back differs from the one written")
	}
}

// What version 1 stored of a conference's seats must stay readable: pending and
// committed reservations, alike and not, a tombstone, a quota below what is held
// numbers that wait to be announced, a sale and a line.
func TestSnapshotOfVersion1IsRead(t *testing.T) {
	agg := seats.Aggregate(cfg)
	cee, dee := uuid.MustParse("00000000-0000-4000-8000-00000000000c"), uuid.MustParse("00000000-0000-4000-8000-00000000000d")
	state := handle(t, agg.New(), noon, quota(general, 10, 1), quota(workshop, 4, 2),
		reserve(ann, 1, n(2, general)), reserve(bob, 1, n(2, general)), reserve(cee, 3, n(1, general), n(4, workshop)), commit(cee, 3),
		reserve(dee, 1, n(1, general)), cancel(dee, 2),
	)
	state = agg.Evolve(state, contracts.SeatsQuotaSet(quota(workshop, 3, 3)))
	eve := uuid.MustParse("00000000-0000-4000-8000-00000000000e")
	for _, e := range []any{saleSet(sale(4, closed(0), moving(4, workshop, general))), joined(eve, 2, 1, n(2, workshop))} {
		state = agg.Evolve(state, e)
	}
	estest.Snapshot(t, "testdata/v1/snapshot.json", agg.New, state)
}

// Tombstones are forgotten once every request they stand against is too late;
// reservations are not.
func TestExpiredTombstonesAreForgotten(t *testing.T) {
	a := handle(t, seats.Aggregate(cfg).New(), noon, quota(general, 100, 1), quota(workshop, 0, 1), reserve(ann, 1, n(2, general)))
	size := func() int {
		data, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		return len(data)
	}
	before := size()
	for hour := range 50 {
		now := noon.Add(time.Duration(hour) * time.Hour)
		for range 100 {
			order := uuid.New()
			request := reserve(order, 1, n(1, general))
			request.NotAfter = now.Add(time.Minute)
			release := cancel(order, 1)
			release.NotAfter = request.NotAfter
			a = handle(t, a, now, request, release)
			soldOut := reserve(uuid.New(), 1, n(1, workshop))
			soldOut.NotAfter = request.NotAfter
			a = handle(t, a, now, soldOut)
		}
	}
	// Of 5,000 orders that gave their seats back and 5,000 that got none, those of
	// the last hour and a little more may still be remembered.
	if grown := size() - before; grown > 600*22 {
		t.Fatalf("the state grew by %d bytes", grown)
	}
	if got, _ := a.HeldBy(ann); got.Of(general) != 2 {
		t.Fatalf("ann holds %v", got)
	}
	if a.Remaining(general) != 98 {
		t.Fatalf("%d remain", a.Remaining(general))
	}
}

// BenchmarkDecide reserves and cancels with few and with many orders held: the
// cost must not grow with them.
func BenchmarkDecide(b *testing.B) {
	for _, bench := range []struct {
		name string
		held int
	}{{"20 held", 20}, {"20000 held", 20_000}} {
		b.Run(bench.name, func(b *testing.B) {
			a := handle(b, seats.Aggregate(cfg).New(), noon, quota(general, 1_000_000, 1))
			for range bench.held {
				order := uuid.New()
				a = handle(b, a, noon, reserve(order, 1, n(1, general)), commit(order, 1))
			}
			for b.Loop() {
				order := uuid.New()
				a = handle(b, a, noon, reserve(order, 1, n(1, general)), cancel(order, 1))
			}
		})
	}
}
