package store

import (
	"context"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/store/databases"
	"github.com/plenary/plenary/engine/message"
)

// walks is a step of SQLite that looks at each row of a table with rows for each order or
// event.
var walks = regexp.MustCompile(`^SCAN (journal|orders|assignments|payments|terms|lines|[jop])$|INDEX (sqlite_autoindex_)?(journal|orders|assignments|payments|terms|lines)_\w+( \(tenant=\?( AND (id|order_id|stream)>\?)?\))?$`)

// mayWalk are statements that do, and why.
var mayWalk = []string{
	"COALESCE(MIN(NULLIF(holds_until", // metrics, some seconds apart: in an index alone
	"SELECT DISTINCT p.order_id",      // the sweep of the process, a minute apart
}

// SQLite knows nothing of how many rows there are: where an index has the order that is
// asked for, it may walk a whole table in that order rather than sort a handful of rows.
func TestNoReadWalksAllOrdersOrEvents(t *testing.T) {
	s := open(t, databases.SQLite(t))
	order, payment := uuid.New(), uuid.New()
	mustAppend(t, s, append(confirmedOrder(order, payment), conference()...)...)
	for _, id := range []uuid.UUID{order, conferenceID} {
		readAll(t, s, id, "x")
		readAll(t, s, id, "") // lists from their beginning, without a search
	}
	n := 0
	s.prepared.Range(func(key, _ any) bool {
		statement := key.(string)
		n++
		if slices.ContainsFunc(mayWalk, func(known string) bool { return strings.Contains(statement, known) }) {
			return true
		}
		for _, step := range plan(t, s, statement) {
			if walks.MatchString(step) {
				t.Errorf("%s\n\t%s", step, statement)
			}
		}
		return true
	})
	if n < 40 {
		t.Errorf("only %d statements were looked at", n)
	}
}

// readAll calls all methods that read for a tenant, so that their statements are prepared.
func readAll(t *testing.T, s *Store, id uuid.UUID, text string) {
	t.Helper()
	v := reflect.ValueOf(s)
	for i := range v.NumMethod() {
		method := v.Method(i)
		typ := method.Type()
		if typ.NumIn() < 2 || typ.In(0) != reflect.TypeFor[context.Context]() || typ.In(1).Kind() != reflect.String {
			continue
		}
		in := []reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(message.DefaultTenant)}
		for j := 2; j < typ.NumIn(); j++ {
			in = append(in, anything(typ.In(j), id, text))
		}
		if typ.IsVariadic() {
			method.CallSlice(in)
		} else {
			method.Call(in)
		}
	}
}

// anything is a value that can be looked for.
func anything(of reflect.Type, id uuid.UUID, text string) reflect.Value {
	switch of {
	case reflect.TypeFor[uuid.UUID]():
		return reflect.ValueOf(id)
	case reflect.TypeFor[time.Time]():
		return reflect.ValueOf(time.Now())
	case reflect.TypeFor[Cursor]():
		if text == "" {
			return reflect.ValueOf(Cursor{})
		}
	}
	v := reflect.New(of).Elem()
	switch of.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(10)
	case reflect.Slice:
		for range 3 {
			v = reflect.Append(v, anything(of.Elem(), id, text))
		}
	case reflect.Struct:
		for i := range of.NumField() {
			if v.Field(i).CanSet() {
				v.Field(i).Set(anything(of.Field(i).Type, id, text))
			}
		}
	}
	return v
}

// plan are the steps with which SQLite does a statement.
func plan(t *testing.T, s *Store, statement string) (steps []string) {
	t.Helper()
	args := slices.Repeat([]any{"x"}, strings.Count(statement, "$"))
	rows, err := s.reader.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, statement)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}
