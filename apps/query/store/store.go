// Package store is the query service's projected store: the journal of all
// events, the views made of them, and the dead letters, in one SQL database:
// SQLite, or PostgreSQL, which any number of processes may share.
//
// Only Append, rebuilds and the changes of dead letters write, in short
// transactions; any number of readers see what was committed last.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/engine/message"
)

// ErrNotFound: the view has nothing under that key.
var ErrNotFound = errors.New("store: not found")

// ErrOtherShape: the views are those of another version of the service, which
// has made them while this process ran.
var ErrOtherShape = errors.New("store: the views are of another version's shape")

// Store is an open database.
type Store struct {
	registry *message.Registry
	hub      *live.Hub
	dialect  dialect
	writer   *sql.DB
	reader   *sql.DB
	prepared sync.Map // query → *sql.Stmt, on reader
	recent   recent
	shown    *lru.Cache[shownKey, shownOrder]

	stop       context.CancelFunc // of what goes on beside
	background sync.WaitGroup
}

// Open opens the database at a connection string, brings its schema up to date
// and, when this version of the service shows views that the stored ones do
// not, rebuilds them, which may take its time. The hub is told what changes, by
// this process or another.
//
// A connection string is the URL of a PostgreSQL database (postgres://…), or the
// path of a SQLite file, with or without "file:" and the driver's parameters.
// Error: ErrOldDatabase.
func Open(ctx context.Context, connection string, registry *message.Registry, hub *live.Hub) (*Store, error) {
	shown, _ := lru.New[shownKey, shownOrder](mostShown) // an error is about the size only
	s := &Store{registry: registry, hub: hub, shown: shown}
	var err error
	switch scheme, _, isURL := strings.Cut(connection, "://"); {
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		s.dialect, s.reader, s.writer, err = openPostgres(ctx, connection)
	case isURL && scheme != "file":
		err = fmt.Errorf("no driver for %s", scheme)
	default:
		s.dialect, s.reader, s.writer, err = openSQLite(connection)
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), s.reader.Close(), s.writer.Close())
	}
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.background.Go(func() { s.dialect.listen(beside, hub) })
	s.background.Go(func() { s.keepShape(beside) })
	return s, nil
}

//go:embed migrations/*.sql
var migrations embed.FS

// ErrOldDatabase: the database was written by a version before 0.3.0.
var ErrOldDatabase = errors.New("the database was written by Plenary 0.1.0 or 0.2.0, whose data 0.3.0 does not read; it was left as it is: name an empty database in the secret query-database, or go on with that version")

// refuseOld looks, and changes nothing. A database that goose has prepared says
// which form it has, since 0.3.0.
func (s *Store) refuseOld(ctx context.Context) error {
	prepared, err := s.dialect.hasTable(ctx, s.reader, "goose_db_version")
	if err != nil || !prepared {
		return err
	}
	named, err := s.dialect.hasTable(ctx, s.reader, "format")
	if err != nil || named {
		return err
	}
	old, err := s.dialect.hasTable(ctx, s.reader, "journal")
	if err == nil && old {
		err = ErrOldDatabase
	}
	return err
}

func (s *Store) prepare(ctx context.Context) error {
	if err := s.refuseOld(ctx); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := s.dialect.migrations(files)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return err
	}
	return s.prepareViews(ctx)
}

// Close closes the database.
func (s *Store) Close() error {
	s.stop()
	s.background.Wait()
	return errors.Join(s.reader.Close(), s.writer.Close())
}

// Ready says whether the database answers, and has views that this process can
// write. Error: ErrOtherShape.
func (s *Store) Ready(ctx context.Context) error {
	built, err := s.viewTables(ctx, s.reader)
	if err == nil && built.shape != viewShape {
		err = ErrOtherShape
	}
	return err
}

// writeWithin bounds a batch: a database that hangs must not hold it for ever.
const writeWithin = 30 * time.Second

// write runs do in a transaction of its own. It runs to its end when ctx ends
// meanwhile: a batch is short, and half of it is of no use.
func (s *Store) write(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeWithin)
	defer cancel()
	return s.transact(ctx, s.writer, do)
}

// transact runs do in a transaction. One that failed because of another is tried
// again, a few times.
func (s *Store) transact(ctx context.Context, on transactions, do func(ctx context.Context, tx *sql.Tx) error) error {
	const tries = 5
	for try := 1; ; try++ {
		err := transact(ctx, on, do)
		if err == nil || try == tries || !s.dialect.passing(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(try) * rand.N(20*time.Millisecond)): //nolint:gosec // it only spreads the load
		}
	}
}

func transact(ctx context.Context, on transactions, do func(ctx context.Context, tx *sql.Tx) error) error {
	tx, err := on.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing, once committed
	if err := do(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Times are stored as nanoseconds since 1970, so that nothing is lost; the zero
// time is 0.
// What lies outside of the years that have a number is taken for the first or the
// last that has one, so that the order of times is kept.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
