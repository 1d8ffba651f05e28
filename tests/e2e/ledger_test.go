package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	pb "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"github.com/dapr/go-sdk/client"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/selfcheck"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/state/daprstate"
	"github.com/plenary/plenary/engine/stream"
	"github.com/plenary/plenary/tests/harness"
)

// writers are the apps whose aggregates publish events, by the first parts of
// their streams' names.
var writers = map[string]string{
	"conference": "conference", "promo": "conference",
	"catalogue": "order", "order": "order", "assignments": "order",
	"seats":   "seats",
	"payment": "payments",
}

// fact is what has to be the same where it was committed and where it is shown.
type fact struct{ id, kind string }

// ledger is the events of each stream, oldest first.
type ledger map[string][]fact

// sameEverywhere waits until the query's journal has exactly the events that the
// apps committed: nothing is missing, and nothing was published that was not
// committed. It looks at the streams that the journal knows, and at all that an
// order has; that an order is there at all is for its registrant to say.
func sameEverywhere(t *testing.T, s *harness.System) {
	t.Helper()
	stores := map[string]state.Store{}
	for _, app := range writers {
		if stores[app] == nil {
			stores[app] = storeOf(t, s, app)
		}
	}
	harness.Eventually(t, within, func(ctx context.Context) error {
		shown, err := journalled(ctx, s)
		if err != nil {
			return err
		}
		if len(shown) == 0 {
			return fmt.Errorf("no stream at all")
		}
		for name := range shown {
			if id, ok := strings.CutPrefix(name, "order/"); ok {
				if seats := "assignments/" + id; shown[seats] == nil {
					shown[seats] = nil // they may have been committed all the same
				}
			}
		}
		for name, events := range shown {
			committed, err := committed(ctx, stores, name)
			if err != nil {
				return err
			}
			if !slices.Equal(events, committed) {
				return fmt.Errorf("%s: the journal has %v, committed were %v", name, events, committed)
			}
		}
		return nil
	})
}

// storeOf is the state store of an app, through its sidecar.
func storeOf(t *testing.T, s *harness.System, app string) state.Store {
	t.Helper()
	dapr, err := client.NewClientWithAddressContext(t.Context(), net.JoinHostPort("127.0.0.1", strconv.Itoa(s.App(app).GRPCPort)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dapr.Close)
	metadata, err := dapr.GrpcClient().GetMetadata(t.Context(), &pb.GetMetadataRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return daprstate.New(dapr, selfcheck.StateStore(metadata).GetName(), daprstate.OneByOne)
}

// committed reads a stream from its app's state store.
func committed(ctx context.Context, stores map[string]state.Store, name string) (events []fact, err error) {
	aggregate, id, _ := strings.Cut(name, "/")
	keys := stores[writers[aggregate]]
	if keys == nil {
		return nil, fmt.Errorf("%s is in the journal, and nobody writes such streams", name)
	}
	key := stream.Key{Tenant: message.DefaultTenant, Ref: es.Ref{Aggregate: aggregate, ID: id}}
	records, err := stream.NewStore(keys).History(ctx, key)
	for _, r := range records {
		events = append(events, fact{stream.EventID(key, r.Version), r.Type})
	}
	return events, err
}

// journalled reads the journal of the query service.
func journalled(ctx context.Context, s *harness.System) (ledger, error) {
	db, err := open(s)
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

// open opens the query service's database.
func open(s *harness.System) (*sql.DB, error) {
	connection := s.Set.Secrets["query-database"]
	if strings.HasPrefix(connection, "postgres") {
		return sql.Open("pgx", connection)
	}
	return sql.Open("sqlite", "file:"+filepath.Join(s.Dir, connection)+"?mode=ro&_pragma=busy_timeout(10000)")
}
