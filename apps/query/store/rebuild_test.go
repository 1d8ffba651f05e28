package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

func exec(t *testing.T, s *Store, query string) {
	t.Helper()
	if err := s.write(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestRebuildRepairsTheViews(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		mustAppend(t, s, conference()...)
		for range 200 { // more than one page
			mustAppend(t, s, confirmedOrder(uuid.New(), uuid.New())...)
		}
		want := s.dump(t)
		exec(t, s, `UPDATE orders SET doc = '{}', holds_until = 1`)
		exec(t, s, `DELETE FROM payments`)
		for range 2 { // names of tables and indexes must not get in each other's way
			if err := s.Rebuild(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.dump(t); got != want {
			t.Error("the rebuilt views differ")
		}
		p := must(s.Progress(ctx))(t)
		if p.Running || p.Error != "" || p.Events != p.Of || p.Events != 8+200*10 {
			t.Errorf("progress: %+v", p)
		}
	})
}

// Between any two pages of a rebuild, reads are served from the old views and
// new events are taken: into streams that were copied, are being copied, will
// be copied, are new, and one that a fault holds back in the old views.
func TestReadsAndEventsGoOnDuringARebuild(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		var orders []uuid.UUID
		for range 300 {
			orders = append(orders, uuid.New())
			mustAppend(t, s, confirmedOrder(orders[len(orders)-1], uuid.New())...)
		}
		long := "seats/" + conferenceID.String()
		available := func(version int) Event {
			return event(long, version, contracts.AvailableSeatsChanged{ConferenceID: conferenceID,
				Seats: []contracts.SeatTypeAvailability{{SeatType: general, Quota: 5000, Remaining: version}}})
		}
		version := 0
		for version < 2*pageSize {
			version++
			mustAppend(t, s, available(version))
		}
		exec(t, s, `UPDATE availability SET doc = '{"remaining":{},"revision":-1}'`)
		faulty := slices.MinFunc(orders, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
		orders = slices.DeleteFunc(orders, func(o uuid.UUID) bool { return o == faulty })
		exec(t, s, `UPDATE orders SET doc = 'not JSON' WHERE id = '`+faulty.String()+`'`)

		r := must(s.BeginRebuild(ctx))(t)
		if err := s.Rebuild(ctx); !errors.Is(err, ErrRebuilding) {
			t.Fatalf("a second rebuild beside the first: %v", err)
		}
		for page := 0; ; page++ {
			done, err := r.copyPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if done {
				break
			}
			if o := must(s.Order(ctx, message.DefaultTenant, orders[page]))(t); len(o.Payments) != 1 || o.Total != usd(24900) {
				t.Fatalf("order during the rebuild: %+v", o)
			}
			version++
			old := orders[page*len(orders)/50].String()
			mustAppend(t, s, available(version),
				event("order/"+old, 7, contracts.OrderCancelled{OrderID: uuid.MustParse(old)}))
			mustAppend(t, s, confirmedOrder(uuid.New(), uuid.New())...)
			if page == 5 { // it was copied by then, and only the new views can show this
				mustAppend(t, s, event("order/"+faulty.String(), 7, contracts.OrderCancelled{OrderID: faulty}))
			}
			if page > 45 {
				t.Fatal("the rebuild does not end")
			}
		}
		if n := must(r.catchUp(ctx))(t); n == 0 {
			t.Error("nobody was behind")
		}
		if err := r.Run(ctx); err != nil {
			t.Fatal(err)
		}

		got := s.dump(t)
		again := open(t, fresh())
		all, err := s.reader.Query(`SELECT ` + eventColumns + ` FROM journal ORDER BY tenant, stream, version`)
		if err != nil {
			t.Fatal(err)
		}
		events := must(scanEvents(ctx, registry, all))(t)
		mustAppend(t, again, events...)
		if want := again.dump(t); got != want {
			t.Error("the rebuilt views differ from those of a new database")
		}
	})
}

func TestInterruptedRebuildLeavesTheViews(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		where := fresh()
		s, ctx := open(t, where), context.Background()
		order := uuid.New()
		mustAppend(t, s, confirmedOrder(order, uuid.New())...)

		// As a crash leaves it: the next tables are there, and half full.
		r := must(s.BeginRebuild(ctx))(t)
		mustAppend(t, s, event("order/"+order.String(), 7, contracts.OrderCancelled{OrderID: order}))
		want := s.dump(t)
		if p := must(s.Progress(ctx))(t); !p.Running || p.Of == 0 {
			t.Errorf("progress: %+v", p)
		}
		if err := r.release(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, where)
		if p := must(s.Progress(ctx))(t); p.Running {
			t.Errorf("progress: %+v", p)
		}
		if got := s.dump(t); got != want {
			t.Error("the views differ after the restart")
		}
		if err := s.Rebuild(ctx); err != nil {
			t.Fatal(err)
		}

		r = must(s.BeginRebuild(ctx))(t)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if err := r.Run(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("rebuild after its context has ended: %v", err)
		}
		if p := must(s.Progress(ctx))(t); p.Running || p.Error == "" {
			t.Errorf("progress: %+v", p)
		}
		if got := s.dump(t); got != want {
			t.Error("the views differ")
		}
	})
}

// A newer service shows other views: it makes them when it starts.
func TestViewsOfAnotherShapeAreRebuiltAtTheStart(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		where := fresh()
		s := open(t, where)
		mustAppend(t, s, confirmedOrder(uuid.New(), uuid.New())...)
		want := s.dump(t)
		exec(t, s, `DROP TABLE payments`)
		exec(t, s, `ALTER TABLE orders ADD COLUMN old TEXT`)
		exec(t, s, `UPDATE view_tables SET shape = 0`)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got := open(t, where).dump(t); got != want {
			t.Errorf("views\n%s\nwant\n%s", got, want)
		}
	})
}

// A fold that fails is a fault of the code: it holds back its own row only, and
// a rebuild by better code repairs it.
func TestFaultyFoldHoldsBackOneViewOnly(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		faulty, sound := uuid.New(), uuid.New()
		mustAppend(t, s, event("order/"+faulty.String(), 1, placed(faulty)), event("order/"+sound.String(), 1, placed(sound)))
		exec(t, s, `UPDATE orders SET doc = 'not JSON' WHERE id = '`+faulty.String()+`'`)
		shown := mustAppend(t, s,
			event("order/"+faulty.String(), 2, contracts.OrderExpired{OrderID: faulty}),
			event("order/"+sound.String(), 2, contracts.OrderExpired{OrderID: sound}))
		if len(shown) != 1 {
			t.Errorf("%d events are shown, want that of the other order", len(shown))
		}
		if o := must(s.Order(ctx, message.DefaultTenant, sound))(t); o.Status != "expired" {
			t.Errorf("the other order: %+v", o)
		}
		if err := s.Rebuild(ctx); err != nil {
			t.Fatal(err)
		}
		if o := must(s.Order(ctx, message.DefaultTenant, faulty))(t); o.Status != "expired" {
			t.Errorf("the order after the rebuild: %+v", o)
		}
	})
}
