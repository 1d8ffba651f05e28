package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

func seatsLeft(version int) Event {
	return event("seats/"+conferenceID.String(), version, contracts.AvailableSeatsChanged{ConferenceID: conferenceID,
		Seats: []contracts.SeatTypeAvailability{{SeatType: general, Quota: 5000, Remaining: version}}})
}

// However much waits of a stream, it is read from the journal only when what it
// waits for has come, and only up to the next gap.
func TestWhatWaitsIsReadWhenItCanGoOn(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		const secondGap, last = 2*pageSize + 100, 2*pageSize + 200
		// Reading an event of an unknown type is logged: the first that waits, and
		// one behind each gap.
		unknown := func(version int) Event {
			e := seatsLeft(version)
			e.Type, e.Body = "Unheard.v1", nil
			return e
		}
		read := &bytes.Buffer{}
		before := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(read, nil)))
		defer slog.SetDefault(before)
		reads := func() int { return strings.Count(read.String(), "cannot be decoded") }

		mustAppend(t, s, unknown(2))
		for version := 3; version < last; version += 100 {
			var batch []Event
			for v := version; v < version+100 && v < last; v++ {
				if v != secondGap {
					batch = append(batch, seatsLeft(v))
				}
			}
			if shown := mustAppend(t, s, batch...); len(shown) != 0 {
				t.Fatalf("%d events are shown behind a gap", len(shown))
			}
		}
		mustAppend(t, s, unknown(last))
		if n := reads(); n != 0 {
			t.Errorf("what waits was read %d times before it could go on", n)
		}
		if shown := mustAppend(t, s, seatsLeft(1)); len(shown) != secondGap-1 || shown[len(shown)-1].StreamVersion != secondGap-1 {
			t.Errorf("%d events are shown, want all before the second gap", len(shown))
		}
		if n := must(s.Waiting(ctx))(t); n != 1 {
			t.Errorf("%d streams wait for the second gap", n)
		}
		mustAppend(t, s, seatsLeft(3)) // comes again, and changes nothing
		if n := must(s.Waiting(ctx))(t); n != 1 {
			t.Errorf("%d streams wait after an event that came twice", n)
		}
		if shown := mustAppend(t, s, seatsLeft(secondGap)); len(shown) != last-secondGap+1 {
			t.Errorf("%d events are shown, want the rest", len(shown))
		}
		if n := must(s.Waiting(ctx))(t); n != 0 {
			t.Errorf("%d streams wait for nothing", n)
		}
	})
}

// copied is the position of a rebuild that has copied the journal.
var copied = position{stream{"~", ""}, 0}

// A fold that fails in a rebuild only holds its stream back, and the stream is
// counted among those that wait until better code has rebuilt the views.
func TestFoldThatFailsInARebuildIsSeen(t *testing.T) {
	for _, during := range []string{"while the journal is copied", "while the rest is caught up with"} {
		t.Run(during, func(t *testing.T) {
			databases.Each(t, func(t *testing.T, fresh func() string) {
				s, ctx := open(t, fresh()), context.Background()
				faulty, sound := uuid.New(), uuid.New()
				first := event("order/"+faulty.String(), 1, placed(faulty))
				both := []Event{first, event("order/"+sound.String(), 1, placed(sound))}
				was := tables[0].fold
				defer func() { tables[0].fold = was }()
				fail := func(doc []byte, events []message.Message) (folded, error) {
					if events[0].Stream == "order/"+faulty.String() {
						return folded{}, errors.New("faulty new code")
					}
					return was(doc, events)
				}
				late := during == "while the rest is caught up with"
				if !late {
					mustAppend(t, s, both...)
				}
				r := must(s.BeginRebuild(ctx))(t)
				if late {
					r.last = copied
					mustAppend(t, s, both...)
				}
				tables[0].fold = fail
				if err := r.Run(ctx); err != nil {
					t.Fatal(err)
				}
				check := func(waiting int, outcome view.OutcomeStatus, missing bool) {
					t.Helper()
					if n := must(s.Waiting(ctx))(t); n != waiting {
						t.Errorf("%d streams wait, want %d", n, waiting)
					}
					if o := must(s.Outcome(ctx, message.DefaultTenant, first.Cause.ID))(t); o.Status != outcome {
						t.Errorf("outcome of a command with a view that is held back: %s, want %s", o.Status, outcome)
					}
					if _, err := s.Order(ctx, message.DefaultTenant, faulty); errors.Is(err, ErrNotFound) != missing {
						t.Errorf("the order: %v", err)
					}
				}
				check(1, view.OutcomeUnknown, true)
				if _, err := s.Order(ctx, message.DefaultTenant, sound); err != nil {
					t.Errorf("the other order: %v", err)
				}
				tables[0].fold = was
				if err := s.Rebuild(ctx); err != nil {
					t.Fatal(err)
				}
				check(0, view.OutcomeAccepted, false)
			})
		})
	}
}

// However many streams got events during a rebuild, each of its transactions
// takes a page of them, so that nobody waits long for it.
func TestRebuildCatchesUpInPages(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		r := must(s.BeginRebuild(ctx))(t)
		r.last = copied
		const streams = 2*pageSize + 100
		var batch []Event
		for range streams {
			order := uuid.New()
			batch = append(batch, event("order/"+order.String(), 1, placed(order)))
		}
		mustAppend(t, s, batch...)
		want := s.dump(t)
		for _, n := range []int{pageSize, pageSize} {
			if got := must(r.catchUp(ctx))(t); got != n {
				t.Errorf("caught up with %d streams in one transaction, want %d", got, n)
			}
		}
		if err := r.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if got := s.dump(t); got != want {
			t.Error("the rebuilt views differ")
		}
	})
}

// Anybody can send an event or dead letter whose id or tenant fits into no index.
func TestDeadLetterWithAKeyThatIsTooLongIsKept(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s, ctx := open(t, fresh()), context.Background()
		long := incompressible(8000)
		letters := []Letter{
			{ID: long + "a", Tenant: message.DefaultTenant, DeadLetter: message.DeadLetter{Reason: "r", At: noon, Message: []byte("x")}},
			{ID: long + "b", Tenant: message.DefaultTenant, DeadLetter: message.DeadLetter{Reason: "r", At: noon, Message: []byte("x")}},
			{ID: "c", Tenant: long, DeadLetter: message.DeadLetter{Reason: "r", At: noon, Message: []byte("x")}},
		}
		for range 2 { // kept once
			if err := s.KeepDeadLetters(ctx, letters); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(must(s.DeadLetters(ctx, message.DefaultTenant, LetterFilter{}, Cursor{}, 10))(t).DeadLetters); n != 2 {
			t.Errorf("%d letters of the tenant, want two", n)
		}
		if n := len(lines(t, s, `SELECT id FROM dead_letters`)); n != 3 {
			t.Errorf("%d letters, want three", n)
		}
	})
}

// incompressible is a text that PostgreSQL cannot make fit by compressing it.
func incompressible(n int) string {
	var text strings.Builder
	for text.Len() < n {
		text.WriteString(uuid.NewString())
	}
	return text.String()[:n]
}

// An event that says something else than the one that stands under its version is
// a dead letter, whether that one is shown, waits, or came with it; the same event
// is none, however its JSON is written.
func TestEventThatContradictsTheJournalIsADeadLetter(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		order, other, third := uuid.New(), uuid.New(), uuid.New()
		name := func(id uuid.UUID) string { return "order/" + id.String() }
		rejected := func(id uuid.UUID, reason string) contracts.OrderRejected {
			return contracts.OrderRejected{OrderID: id, Version: 1, Reason: reason}
		}
		mustAppend(t, s, event(name(order), 1, placed(order)), event(name(order), 2, rejected(order, "true")), // shown
			event(name(other), 2, rejected(other, "true"))) // waits
		written := event(name(order), 2, rejected(order, "true"))
		written.Data = []byte("{ \"version\":1, \"reason\": \"true\", \"orderId\": \"" + order.String() + "\"}")
		batch := []Event{
			written, event(name(order), 2, rejected(order, "false")), event(name(other), 2, rejected(other, "false")),
			event(name(third), 1, placed(third)), event(name(third), 1, rejected(third, "false")),
		}
		for range 2 {
			mustAppend(t, s, batch...)
		}
		list := must(s.DeadLetters(t.Context(), message.DefaultTenant, LetterFilter{Unsettled: true}, Cursor{}, 10))(t)
		if len(list.DeadLetters) != 3 {
			t.Errorf("%d letters, want three: %+v", len(list.DeadLetters), list)
		}
		mustAppend(t, s, event(name(other), 1, placed(other)))
		for _, id := range []uuid.UUID{order, other} {
			if o := must(s.Order(t.Context(), message.DefaultTenant, id))(t); o.Reason != "true" {
				t.Errorf("order: %+v", o)
			}
		}
	})
}

// A batch reads nothing of the streams that wait but its own.
func TestBatchIsNotSlowedByWhatWaits(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		read := func() map[stream]bool {
			t.Helper()
			tx, err := s.writer.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			return must(s.dialect.waiting(t.Context(), tx, []stream{{message.DefaultTenant, "order/a"}, {message.DefaultTenant, "order/none"}}))(t)
		}
		for _, id := range []string{"a", "b", "c"} {
			mustAppend(t, s, event("order/"+id, 2, contracts.OrderExpired{OrderID: uuid.New()}))
		}
		if got := read(); len(got) != 1 || !got[stream{message.DefaultTenant, "order/a"}] {
			t.Errorf("read %v", got)
		}
	})
}

// A conference far in the future is listed, and pages go past it.
func TestConferenceBeyondTheYear2262IsListed(t *testing.T) {
	databases.Each(t, func(t *testing.T, fresh func() string) {
		s := open(t, fresh())
		for i := range 2 {
			id := uuid.New()
			far := time.Date(9999, 12, 30, i, 0, 0, 0, time.UTC)
			mustAppend(t, s, streamOf("conference/"+id.String(),
				contracts.ConferenceCreated{ConferenceID: id, Slug: fmt.Sprint("far", i), Currency: "USD", Details: contracts.ConferenceDetails{
					Name: "Far", TimeZone: "UTC", StartsAt: far, EndsAt: far.Add(time.Hour)}},
				contracts.ConferencePublished{ConferenceID: id})...)
		}
		page := must(s.Conferences(t.Context(), message.DefaultTenant, noon, Cursor{}, 1))(t)
		rest := must(s.Conferences(t.Context(), message.DefaultTenant, noon, must(ParseCursor(page.Next))(t), 1))(t)
		if len(page.Conferences) != 1 || len(rest.Conferences) != 1 || page.Conferences[0].ID == rest.Conferences[0].ID {
			t.Errorf("pages %+v, %+v", page, rest)
		}
	})
}
