package e2e

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
	"github.com/plenary/plenary/tests/harness"
)

// writers are the apps whose aggregates publish events, with the first parts of
// their streams' names.
var writers = map[string][]string{
	"conference": {"conference"},
	"order":      {"catalogue", "order", "assignments"},
	"seats":      {"seats"},
	"payments":   {"payment"},
}

// fact is what has to be the same where it was committed and where it is shown.
type fact struct{ id, kind string }

// ledger is the events of each stream, oldest first.
type ledger map[string][]fact

// sameEverywhere waits until the query's journal has exactly the events that the
// apps committed: nothing is missing, and nothing was published that was not
// committed.
func sameEverywhere(t *testing.T, s *harness.System) {
	t.Helper()
	harness.Eventually(t, within, func(ctx context.Context) error {
		committed, err := committed(ctx, s)
		if err != nil {
			return err
		}
		shown, err := journalled(ctx, s)
		if err != nil {
			return err
		}
		for name, events := range committed {
			if got := shown[name]; fmt.Sprint(got) != fmt.Sprint(events) {
				return fmt.Errorf("%s: the journal has %v, committed were %v", name, got, events)
			}
		}
		for name := range shown {
			if _, ok := committed[name]; !ok {
				return fmt.Errorf("%s is in the journal, but was never committed", name)
			}
		}
		if len(committed) == 0 {
			return fmt.Errorf("no stream at all")
		}
		return nil
	})
}

// committed reads the streams of the apps from their state stores' files.
func committed(ctx context.Context, s *harness.System) (ledger, error) {
	all := ledger{}
	for app, aggregates := range writers {
		db, err := open(s, app+".db")
		if err != nil {
			return nil, err
		}
		defer db.Close()
		keys := stateFile{db: db, app: app}
		for _, aggregate := range aggregates {
			names, err := keys.streams(ctx, aggregate)
			if err != nil {
				return nil, err
			}
			for _, ref := range names {
				key := stream.Key{Tenant: message.DefaultTenant, Ref: ref}
				records, err := stream.NewStore(keys).History(ctx, key)
				if err != nil {
					return nil, err
				}
				for _, r := range records {
					all[ref.String()] = append(all[ref.String()], fact{stream.EventID(key, r.Version), r.Type})
				}
			}
		}
	}
	return all, nil
}

// journalled reads the journal of the query service.
func journalled(ctx context.Context, s *harness.System) (ledger, error) {
	db, err := open(s, "query.db")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `SELECT stream, id, type FROM journal WHERE stream NOT LIKE 'refusal/%' ORDER BY stream, version`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := ledger{}
	for rows.Next() {
		var name string
		var e fact
		if err := rows.Scan(&name, &e.id, &e.kind); err != nil {
			return nil, err
		}
		all[name] = append(all[name], e)
	}
	return all, rows.Err()
}

func open(s *harness.System, name string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+s.Data(name)+"?mode=ro&_pragma=busy_timeout(10000)")
}

// stateFile reads the keys of an app from the file of Dapr's SQLite component.
type stateFile struct {
	state.Store // only Get is there
	db          *sql.DB
	app         string
}

const separator = "||" // between the app and the key, by Dapr

// streams are those of one kind. Other keys of theirs have more parts.
func (f stateFile) streams(ctx context.Context, aggregate string) (refs []es.Ref, err error) {
	prefix := f.app + separator + message.DefaultTenant + "/" + aggregate + "/"
	rows, err := f.db.QueryContext(ctx, `SELECT key FROM state WHERE key LIKE ? || '%'`, prefix)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		if id := strings.TrimPrefix(key, prefix); !strings.Contains(id, "/") {
			refs = append(refs, es.Ref{Aggregate: aggregate, ID: id})
		}
	}
	return refs, rows.Err()
}

// Get implements state.Store.
func (f stateFile) Get(ctx context.Context, keys []string) (map[string]state.Entry, error) {
	out := map[string]state.Entry{}
	for _, key := range keys {
		var value []byte
		var binary bool
		err := f.db.QueryRowContext(ctx, `SELECT value, is_binary FROM state WHERE key = ?`, f.app+separator+key).Scan(&value, &binary)
		if err == nil && binary {
			value, err = base64.StdEncoding.DecodeString(string(value))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out[key] = state.Entry{Value: value}
	}
	return out, nil
}
