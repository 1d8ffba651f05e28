package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	flags "flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

var write = flags.Bool("write", false, "write the fixture of the database anew; only before its version is released")

// testdata/v1/query.sql is a database as version 1 left it: the journal of an
// order that was confirmed, an event that waits for the one before it, and a
// dead letter. Every later version must open it and show what it holds, with the
// views as they stand there and with views made anew.
func TestDatabaseOfVersion1IsRead(t *testing.T) {
	const fixture = "testdata/v1/query.sql"
	order := uuid.MustParse("0bde0000-0000-4000-8000-000000000001")
	waits := uuid.MustParse("0bde0000-0000-4000-8000-000000000002")
	payment := uuid.MustParse("9a700000-0000-4000-8000-000000000001")
	letter := Letter{ID: "letter", Tenant: message.DefaultTenant, DeadLetter: message.DeadLetter{
		MessageID: "bad", MessageType: "ConfirmOrder.v1", Topic: "orders", Kind: message.Command, App: "order",
		Stream: "order/" + order.String(), Reason: "panic", Attempts: 3, At: noon, Message: []byte(`{"id":"bad"}`),
	}}
	lone := event("order/"+waits.String(), 2, totals(waits, "requested", 0))
	ctx := context.Background()
	if *write {
		writeFixture(t, fixture, func(s *Store) {
			mustAppend(t, s, append(append(confirmedOrder(order, payment), conference()...), lone)...)
			if err := s.KeepDeadLetters(ctx, []Letter{letter}); err != nil {
				t.Fatal(err)
			}
		})
	}

	dump, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "query.db")
	load(t, file, string(dump))

	s := open(t, file)
	check := func() {
		t.Helper()
		o := must(s.Order(ctx, message.DefaultTenant, order))(t)
		if o.Status != view.OrderConfirmed || o.Total != usd(24900) || *o.PaymentID != payment || *o.Registrant != ann ||
			len(o.Assignments) != 2 || o.Assignments[1].Attendee.Person != ann || o.Payments[0].Status != view.PaymentCompleted {
			t.Errorf("order: %+v", o)
		}
		if c := must(s.ConferenceBySlug(ctx, message.DefaultTenant, "gophers"))(t); len(c.SeatTypes) != 2 || !c.Published {
			t.Errorf("conference: %+v", c)
		}
		if story := must(s.Timeline(ctx, message.DefaultTenant, order, Cursor{}, 1000))(t); len(story.Entries) == 0 {
			t.Error("there is no timeline")
		}
		if n := must(s.Waiting(ctx))(t); n != 1 {
			t.Errorf("%d streams wait", n)
		}
		l := must(s.DeadLetter(ctx, message.DefaultTenant, "letter"))(t)
		if l.MessageID != "bad" || string(l.Message) != `{"id":"bad"}` || l.Kind != message.Command || !l.At.Equal(noon) || l.Status != view.DeadLetterOpen {
			t.Errorf("letter: %+v", l)
		}
	}
	check()
	if err := s.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	check()
	mustAppend(t, s, event("order/"+waits.String(), 1, placed(waits)))
	if o := must(s.Order(ctx, message.DefaultTenant, waits))(t); o.Total != usd(24900) {
		t.Errorf("what waited: %+v", o)
	}
}

// load makes a SQLite database of a dump.
func load(t *testing.T, file, dump string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(dump); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// testdata/before-0.3.0.sql is a database as 0.1.0 left it.
func TestDatabaseOfAnEarlierVersionIsRefusedAndLeftAsItIs(t *testing.T) {
	dump, err := os.ReadFile("testdata/before-0.3.0.sql")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "query.db")
	load(t, file, string(dump))
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = Open(t.Context(), file, contracts.Registry(), live.NewHub())
		if !errors.Is(err, ErrOldDatabase) || !strings.Contains(err.Error(), "0.2.0") {
			t.Errorf("opened: %v", err)
		}
	}
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("it was changed: %v", err)
	}
}

// writeFixture writes the SQL that makes a database what fill has made of it.
func writeFixture(t *testing.T, fixture string, fill func(*Store)) {
	file := filepath.Join(t.TempDir(), "query.db")
	s := open(t, file)
	fill(s)
	var out strings.Builder
	for _, sql := range lines(t, s, `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name`) {
		fmt.Fprintf(&out, "%s;\n", sql)
	}
	for _, table := range lines(t, s, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`) {
		var quoted []string
		for _, column := range lines(t, s, `SELECT name FROM pragma_table_info('`+table+`')`) {
			quoted = append(quoted, `quote(`+column+`)`)
		}
		for _, row := range lines(t, s, `SELECT `+strings.Join(quoted, ` || ', ' || `)+` FROM `+table+` ORDER BY 1`) {
			fmt.Fprintf(&out, "INSERT INTO %s VALUES (%s);\n", table, row)
		}
	}
	if err := os.MkdirAll(filepath.Dir(fixture), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fixture, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
