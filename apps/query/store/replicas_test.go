package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/tools/servers/ready"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// replicas are stores of several processes on one PostgreSQL database.
func replicas(t *testing.T, n int) (all []*Store) {
	t.Helper()
	where := databases.PostgreSQL(t)
	for range n {
		all = append(all, open(t, where))
	}
	return all
}

// Replicas that take the events of the same streams at the same time, in any
// order, more than once, while one of them rebuilds the views, end with the
// views of the clean order, and each event was shown by one of them, once.
func TestReplicasRacingForTheSameStreamsEndInTheViewsOfTheCleanOrder(t *testing.T) {
	all, clean := replicas(t, 3), replicas(t, 1)[0]
	rapid.Check(t, func(r *rapid.T) {
		ctx := context.Background()
		empty(t, clean)
		empty(t, all[0])
		events := someEvents(r)
		if _, err := clean.Append(ctx, events); err != nil {
			r.Fatal(err)
		}
		delivered := rapid.Permutation(events).Draw(r, "order of delivery")
		delivered = append(delivered, rapid.SliceOfN(rapid.SampledFrom(events), 0, len(events)).Draw(r, "duplicates")...)
		batches := make(chan []Event, len(delivered))
		for len(delivered) > 0 {
			n := rapid.IntRange(1, min(10, len(delivered))).Draw(r, "batch")
			batches <- delivered[:n]
			delivered = delivered[n:]
		}
		close(batches)
		rebuilder := rapid.IntRange(-3, len(all)-1).Draw(r, "who rebuilds")

		var done sync.WaitGroup
		var mu sync.Mutex
		var failed error
		shown := map[string]int{}
		for i, s := range all {
			done.Go(func() {
				for batch := range batches {
					got, err := s.Append(ctx, batch)
					mu.Lock()
					failed = errors.Join(failed, err)
					for _, m := range got {
						shown[fmt.Sprint(m.Stream, " ", m.StreamVersion)]++
					}
					mu.Unlock()
				}
			})
			if i == rebuilder {
				done.Go(func() {
					err := s.Rebuild(ctx)
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
				})
			}
		}
		done.Wait()
		if failed != nil {
			r.Fatal(failed)
		}
		for _, e := range events {
			if n := shown[fmt.Sprint(e.Stream, " ", e.StreamVersion)]; n != 1 {
				r.Fatalf("version %d of %s was shown %d times", e.StreamVersion, e.Stream, n)
			}
		}
		if got, want := all[0].dump(t), clean.dump(t); got != want {
			r.Fatalf("views differ\n%s\nfrom those of the clean order\n%s", got, want)
		}
	})
}

func TestOneReplicaRebuildsAndAllSeeHowFarItIs(t *testing.T) {
	all, ctx := replicas(t, 2), context.Background()
	a, b := all[0], all[1]
	mustAppend(t, a, conference()...)
	mustAppend(t, b, confirmedOrder(uuid.New(), uuid.New())...)
	want := a.dump(t)

	r := must(a.BeginRebuild(ctx))(t)
	if _, err := b.BeginRebuild(ctx); !errors.Is(err, ErrRebuilding) {
		t.Errorf("a second rebuild: %v", err)
	}
	if p := must(b.Progress(ctx))(t); !p.Running || p.Of != 18 {
		t.Errorf("progress, seen from the other: %+v", p)
	}
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if p := must(b.Progress(ctx))(t); p.Running || p.Events != 18 || p.Generation != 2 || p.Error != "" {
		t.Errorf("progress, seen from the other: %+v", p)
	}
	if got := b.dump(t); got != want {
		t.Error("the views differ")
	}
	if err := b.Rebuild(ctx); err != nil {
		t.Errorf("the other's turn: %v", err)
	}
}

// A replica that rebuilds and loses its connection has lost its claim: it cannot
// go on, another can, and events that come between are in the views.
func TestRebuildOfAReplicaThatIsGoneIsDoneByAnother(t *testing.T) {
	all, ctx := replicas(t, 2), context.Background()
	a, b := all[0], all[1]
	order := uuid.New()
	mustAppend(t, a, confirmedOrder(order, uuid.New())...)
	r := must(a.BeginRebuild(ctx))(t)
	endSessions(t, b, `pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = `+fmt.Sprint(lockClass)+` AND objid = `+fmt.Sprint(lockRebuild)+`)`)

	if p := must(b.Progress(ctx))(t); p.Running {
		t.Errorf("progress: %+v", p)
	}
	mustAppend(t, b, event("order/"+order.String(), 7, contracts.OrderCancelled{OrderID: order}))
	if n := len(lines(t, b, `SELECT stream FROM behind`)); n != 0 {
		t.Errorf("%d streams are noted for a rebuild that nobody runs", n)
	}
	want := b.dump(t)
	if err := b.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(ctx); err == nil {
		t.Error("the rebuild without a claim went on")
	}
	if got := a.dump(t); got != want {
		t.Error("the views differ")
	}
	if err := a.Rebuild(ctx); err != nil {
		t.Errorf("the next rebuild: %v", err)
	}
}

// endSessions ends sessions of the database, and waits until they are gone.
func endSessions(t *testing.T, s *Store, which string) {
	t.Helper()
	const ms = int64(patience / time.Millisecond)
	ended := lines(t, s, fmt.Sprintf(`SELECT pg_terminate_backend(pid, %d)::text FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND %s`, ms, which))
	if len(ended) == 0 || ended[0] != "true" {
		t.Fatalf("sessions ended: %v", ended)
	}
}

// While one replica rebuilds again and again, another reads and takes events,
// and never fails.
func TestReplicasReadAndAppendWhileAnotherRebuilds(t *testing.T) {
	all, ctx := replicas(t, 2), context.Background()
	a, b := all[0], all[1]
	mustAppend(t, a, conference()...)
	var orders []uuid.UUID
	for range 100 {
		orders = append(orders, uuid.New())
		mustAppend(t, a, confirmedOrder(orders[len(orders)-1], uuid.New())...)
	}
	rebuilt := make(chan error, 1)
	go func() {
		var err error
		for range 5 {
			err = errors.Join(err, a.Rebuild(ctx))
		}
		rebuilt <- err
	}()
	for i := 0; ; i++ {
		select {
		case err := <-rebuilt:
			if err != nil {
				t.Fatal(err)
			}
			if i < 5 {
				t.Errorf("only %d rounds while it was rebuilt", i)
			}
			return
		default:
		}
		if o, err := b.Order(ctx, message.DefaultTenant, orders[i%len(orders)]); err != nil || o.Status != view.OrderConfirmed {
			t.Fatalf("order: %+v, %v", o, err)
		}
		if c, err := b.Conferences(ctx, message.DefaultTenant, noon, Cursor{}, 10); err != nil || len(c.Conferences) != 1 {
			t.Fatalf("conferences: %+v, %v", c, err)
		}
		mustAppend(t, b, confirmedOrder(uuid.New(), uuid.New())...)
	}
}

func TestReplicasThatStartTogetherMakeOneDatabase(t *testing.T) {
	where := databases.PostgreSQL(t)
	start := func() []*Store {
		t.Helper()
		all, errs := make([]*Store, 4), make([]error, 4)
		var started sync.WaitGroup
		for i := range all {
			started.Go(func() { all[i], errs[i] = Open(context.Background(), where, registry, live.NewHub()) })
		}
		started.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		return all
	}
	end := func(all []*Store) {
		for _, s := range all {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	first := start()
	mustAppend(t, first[0], confirmedOrder(uuid.New(), uuid.New())...)
	want := first[0].dump(t)
	exec(t, first[0], `UPDATE view_tables SET shape = 0`) // as an older version leaves it
	end(first)
	second := start()
	defer end(second)
	for _, s := range second {
		if p := must(s.Progress(context.Background()))(t); p.Generation != 2 || p.Running {
			t.Errorf("progress: %+v", p)
		}
	}
	if got := second[0].dump(t); got != want {
		t.Errorf("views\n%s\nwant\n%s", got, want)
	}
}

// A replica of an older version leaves the views alone that a newer one has
// made: its events go to the newer.
func TestReplicaOfAnotherVersionLeavesTheViewsAlone(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		order := uuid.New()
		events := confirmedOrder(order, uuid.New())
		mustAppend(t, s, events[0])
		if err := s.Ready(ctx); err != nil {
			t.Error(err)
		}
		exec(t, s, fmt.Sprintf(`UPDATE view_tables SET shape = %d`, viewShape+1))
		before := s.dump(t)
		if _, err := s.Append(ctx, events[1:]); !errors.Is(err, ErrOtherShape) {
			t.Errorf("append: %v", err)
		}
		if err := s.Ready(ctx); !errors.Is(err, ErrOtherShape) {
			t.Errorf("ready: %v", err)
		}
		if got := s.dump(t); got != before {
			t.Error("something was written")
		}
	})
}

// A replica of an older version that starts again makes the views its own; the
// newer ones take them back when it has not gone after a while, and the older one
// leaves them alone then.
func TestNewerVersionTakesTheViewsBack(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		mustAppend(t, s, confirmedOrder(uuid.New(), uuid.New())...)
		want := s.dump(t)
		look := func(older int) int {
			t.Helper()
			return must(s.lookAtShape(ctx, older))(t)
		}

		exec(t, s, `DROP TABLE payments`)
		exec(t, s, fmt.Sprintf(`UPDATE view_tables SET shape = %d`, viewShape-1))
		for n := range olderLooks - 1 {
			if older := look(n); older != n+1 {
				t.Fatalf("found the older shape %d times, want %d", older, n+1)
			}
		}
		if err := s.Ready(ctx); !errors.Is(err, ErrOtherShape) {
			t.Fatalf("before a while has passed: %v", err)
		}
		if older := look(olderLooks - 1); older != 0 {
			t.Errorf("found the older shape %d times after it was replaced", older)
		}
		if err := s.Ready(ctx); err != nil {
			t.Errorf("ready: %v", err)
		}
		if got := s.dump(t); got != want {
			t.Error("the views differ")
		}

		exec(t, s, fmt.Sprintf(`UPDATE view_tables SET shape = %d`, viewShape+1))
		if older := look(olderLooks - 1); older != 0 {
			t.Errorf("found a newer shape older %d times", older)
		}
		if err := s.Ready(ctx); !errors.Is(err, ErrOtherShape) {
			t.Errorf("the views of a newer version: %v", err)
		}
	})
}

func hears(t *testing.T, w *live.Waiter, what string) {
	t.Helper()
	select {
	case <-w.Changed:
	case <-time.After(patience):
		t.Fatalf("nothing was heard of %s", what)
	}
}

func TestReplicasHearOfEachOthersChanges(t *testing.T) {
	all, ctx := replicas(t, 2), context.Background()
	a, b := all[0], all[1]
	// More than fits into one notice.
	var events []Event
	var waiters []*live.Waiter
	var orders []uuid.UUID
	for range 200 {
		orders = append(orders, uuid.New())
		events = append(events, confirmedOrder(orders[len(orders)-1], uuid.New())...)
	}
	for _, o := range orders {
		waiters = append(waiters, b.hub.Wait(live.OrderKey(message.DefaultTenant, o.String())),
			b.hub.Wait(live.CommandKey(message.DefaultTenant, commandOf("order/"+o.String(), 6))))
	}
	listens(t, a, 2)
	for _, w := range waiters { // all were told when the listening began
		select {
		case <-w.Changed:
		default:
		}
	}
	other := b.hub.Wait(live.OrderKey(message.DefaultTenant, uuid.NewString()))
	mustAppend(t, a, events...)
	for _, w := range waiters {
		hears(t, w, "a change by the other replica")
	}
	select {
	case <-other.Changed:
		t.Error("told of another order")
	default:
	}
	if o := must(b.Outcome(ctx, message.DefaultTenant, commandOf("order/"+orders[0].String(), 6)))(t); o.Status != view.OutcomeAccepted {
		t.Errorf("outcome: %+v", o)
	}
}

// listens waits until so many sessions listen.
func listens(t *testing.T, s *Store, n int) {
	t.Helper()
	eventually(t, func(context.Context) error {
		if all := lines(t, s, `SELECT pid::text FROM pg_stat_activity
			WHERE datname = current_database() AND state = 'idle' AND query = 'LISTEN `+channel+`'`); len(all) != n {
			return fmt.Errorf("%d listen, want %d", len(all), n)
		}
		return nil
	})
}

func eventually(t *testing.T, condition func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := ready.Until(ctx, condition); err != nil {
		t.Fatal(err)
	}
}

// What is told while a replica's connection is gone is not heard; when it is
// back, whoever waits is told to look again.
func TestReplicaThatWasCutOffCatchesUp(t *testing.T) {
	all := replicas(t, 2)
	a, b := all[0], all[1]
	listens(t, a, 2)
	order := uuid.New()
	w := b.hub.Wait(live.OrderKey(message.DefaultTenant, order.String()))
	for range 3 {
		endSessions(t, a, `query = 'LISTEN `+channel+`'`)
		hears(t, w, "the end of the silence")
	}
	listens(t, a, 2)
	mustAppend(t, a, event("order/"+order.String(), 1, placed(order)))
	hears(t, w, "a change after it")
}

// When the database goes away, what is under way fails, and nothing of it is
// there; when it is back, all goes on.
func TestDatabaseThatComesBackIsUsedAgain(t *testing.T) {
	where, ctx := databases.DurablePostgreSQL(t), context.Background()
	a, b := open(t, where), open(t, where)
	order := uuid.New()
	events := confirmedOrder(order, uuid.New())
	mustAppend(t, a, events[:3]...)
	databases.Kill()
	if _, err := a.Append(ctx, events[3:]); err == nil {
		t.Error("appended to nothing")
	}
	if err := b.Ready(ctx); err == nil {
		t.Error("ready without a database")
	}
	w := b.hub.Wait(live.OrderKey(message.DefaultTenant, order.String()))
	databases.Restart(t)
	hears(t, w, "the end of the silence")
	eventually(t, func(ctx context.Context) error { // a connection of the pool may be one to the server that was
		_, err := a.Append(ctx, events[3:])
		return err
	})
	hears(t, w, "a change after it")
	if o := must(b.Order(ctx, message.DefaultTenant, order))(t); o.Status != view.OrderConfirmed {
		t.Errorf("order: %+v", o)
	}
}

func TestTransactionThatFailedBecauseOfAnotherIsTriedAgain(t *testing.T) {
	s, ctx := replicas(t, 1)[0], context.Background()
	tries := 0
	if err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		tries++
		code := "40001"
		if tries == 2 {
			code = "40P01"
		}
		if tries < 3 {
			_, err := tx.ExecContext(ctx, `DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '`+code+`'; END $$`)
			return err
		}
		return nil
	}); err != nil || tries != 3 {
		t.Errorf("%d tries: %v", tries, err)
	}
	tries = 0
	if err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		tries++
		_, err := tx.ExecContext(ctx, `DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$`)
		return err
	}); err == nil || tries != 5 {
		t.Errorf("%d tries: %v", tries, err)
	}
}

// What no database can store as text does not hold up the rest.
func TestTextThatIsNoneIsStoredAsFarAsItIs(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		if err := s.KeepDeadLetters(ctx, []Letter{{ID: "1", Tenant: message.DefaultTenant, DeadLetter: message.DeadLetter{
			Topic: "a\x00b\xff", Reason: "r", At: noon, Message: []byte("\x00\xff"),
		}}}); err != nil {
			t.Fatal(err)
		}
		l := must(s.DeadLetter(ctx, message.DefaultTenant, "1"))(t)
		if !strings.HasPrefix(l.Topic, "a") || string(l.Message) != "\x00\xff" {
			t.Errorf("letter: %+v", l)
		}
		if _, err := s.ConferenceBySlug(ctx, message.DefaultTenant, "\x00\xff"); !errors.Is(err, ErrNotFound) {
			t.Errorf("conference: %v", err)
		}
		order := uuid.New()
		e := event("order/"+order.String(), 1, placed(order))
		e.Data = []byte(strings.Replace(string(e.Data), "K7PQ2MXA", "K7\xff\\u0000", 1))
		mustAppend(t, s, e)
		if err := s.Rebuild(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Order(ctx, message.DefaultTenant, order); err != nil {
			t.Error(err)
		}
	})
}
