package store

import (
	"context"
	"database/sql"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/plenary/plenary/apps/query/live"
)

// dialect is what SQLite and PostgreSQL do differently. All else is SQL that
// both understand.
type dialect interface {
	// migrations gives what goose needs to bring the schema up to date; of
	// several processes that try, one at a time does.
	migrations(files fs.FS) (*goose.Provider, error)

	// bytewise is what follows the type of a text column that is compared byte by
	// byte, so that a range of words is the same everywhere.
	bytewise() string

	// hasTable says whether there is a table of this name.
	hasTable(ctx context.Context, q queryer, name string) (bool, error)

	// enter begins a transaction that appends to streams: until it ends, no other
	// transaction appends to one of them or replaces the view tables.
	enter(ctx context.Context, tx *sql.Tx, streams []stream) error
	// alone begins a transaction that replaces the view tables: until it ends, no
	// other transaction appends.
	alone(ctx context.Context, tx *sql.Tx) error

	// insert inserts many rows at once.
	insert(ctx context.Context, tx *sql.Tx, into insertion, rows [][]any) error
	// remove deletes the rows that have these values, many at once.
	remove(ctx context.Context, tx *sql.Tx, table string, columns []column, rows [][]any) error
	// waiting are those of the streams in which something waits; what it costs does
	// not depend on how many others there are.
	waiting(ctx context.Context, tx *sql.Tx, streams []stream) (map[stream]bool, error)
	// stored is what the journal has at these places.
	stored(ctx context.Context, tx *sql.Tx, places []position) (map[position]content, error)
	// fill reads what the view tables have of many streams.
	fill(ctx context.Context, tx *sql.Tx, suffix string, rows []*row) error

	// claim makes this process the only one that rebuilds. Error: ErrRebuilding.
	claim(ctx context.Context) (claim, error)
	// claimed is a condition in SQL: somebody has the claim.
	claimed() string

	// tell tells the other processes, once tx is committed, under which keys
	// something has changed.
	tell(ctx context.Context, tx *sql.Tx, keys []string) error
	// listen passes on what other processes tell, until ctx ends.
	listen(ctx context.Context, hub *live.Hub)

	// passing says that a transaction failed only because of another one, so that
	// it may succeed when it is tried again.
	passing(err error) bool
}

// claim is the right to rebuild. It lasts as long as the connections of its
// transactions.
type claim struct {
	transactions
	release func() error
}

// transactions is a *sql.DB or a *sql.Conn.
type transactions interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// insertion is an INSERT of any number of rows.
type insertion struct {
	table    string
	columns  []column
	conflict string // what follows ON CONFLICT
}

// column is a column with its type. The values are string, int64, []byte, and
// sql.NullString where there may be none.
type column struct {
	name string
	kind kind
}

type kind string

const (
	text    kind = "text"
	integer kind = "bigint"
	binary  kind = "bytea"
)

func texts(names ...string) (columns []column) {
	for _, name := range names {
		columns = append(columns, column{name, text})
	}
	return columns
}

func names(columns []column) string {
	var all []string
	for _, c := range columns {
		all = append(all, c.name)
	}
	return strings.Join(all, ", ")
}
