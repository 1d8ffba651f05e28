// Package store is the query service's projected store: the journal of all
// events, the views made of them, and the dead letters, in one SQL database.
//
// Only Append, Rebuild and the changes of dead letters write, each in short
// transactions on one connection; any number of readers see what was committed
// last.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver

	"github.com/plenary/plenary/engine/message"
)

// ErrNotFound: the view has nothing under that key.
var ErrNotFound = errors.New("store: not found")

// Store is an open database.
type Store struct {
	registry *message.Registry
	reader   *sql.DB
	prepared sync.Map // query → *sql.Stmt, on reader

	mu      sync.Mutex // held while writing
	writer  *sql.DB    // one connection
	journal journalStatements
	live    *viewTables
	next    *viewTables // those that a rebuild fills; else nil

	rebuild struct {
		sync.Mutex
		progress Progress
	}
}

// Open opens the database at a connection string, brings its schema up to date
// and, when this version of the service shows views that the stored ones do
// not, rebuilds them, which may take its time.
//
// A connection string is a path of a SQLite file, with or without "file:" and
// the driver's parameters. Its folder is made if it is missing.
func Open(ctx context.Context, connection string, registry *message.Registry) (*Store, error) {
	if scheme, _, ok := strings.Cut(connection, "://"); ok {
		return nil, fmt.Errorf("store: no driver for %s", scheme)
	}
	path, parameters, err := parse(connection)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{registry: registry}
	// A batch is acknowledged to the broker once it is committed, so a commit
	// must survive a power cut: synchronous is FULL, not NORMAL as is usual with
	// a write-ahead log.
	s.writer, err = open(path, parameters, "journal_mode(wal)", "synchronous(full)", "busy_timeout(10000)", "cache_size(-65536)", "wal_autocheckpoint(8000)")
	if err != nil {
		return nil, err
	}
	s.writer.SetMaxOpenConns(1)
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.writer.Close())
	}
	s.reader, err = open(path, parameters, "query_only(true)", "busy_timeout(10000)")
	if err != nil {
		return nil, errors.Join(err, s.writer.Close())
	}
	s.reader.SetMaxOpenConns(max(4, runtime.NumCPU()))
	s.reader.SetMaxIdleConns(max(4, runtime.NumCPU()))
	return s, nil
}

func parse(connection string) (path string, parameters url.Values, err error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(connection, "file:"), "?")
	if path == "" {
		return "", nil, errors.New("store: the connection string names no file")
	}
	parameters, err = url.ParseQuery(query)
	if err != nil {
		return "", nil, errors.New("store: the connection string's parameters cannot be read")
	}
	return path, parameters, nil
}

func open(path string, parameters url.Values, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": pragmas}
	for name, values := range parameters {
		q[name] = append(q[name], values...)
	}
	return sql.Open("sqlite", "file:"+path+"?"+q.Encode())
}

//go:embed migrations/*.sql
var migrations embed.FS

func (s *Store) prepare(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.writer, files)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := s.journal.prepare(ctx, s.writer); err != nil {
		return err
	}
	if err := s.prepareViews(ctx); err != nil {
		return err
	}
	s.live, err = prepareTables(ctx, s.writer, "")
	return err
}

// Close closes the database.
func (s *Store) Close() error { return errors.Join(s.reader.Close(), s.writer.Close()) }

// Ping says whether the database can be read.
func (s *Store) Ping(ctx context.Context) error { return s.reader.PingContext(ctx) }

// write runs do in a transaction of its own.
func (s *Store) write(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writeLocked(ctx, do)
}

// writeLocked is write for a caller that holds mu. The statements run to their
// end when ctx ends meanwhile: a batch is short, and half of it is of no use.
func (s *Store) writeLocked(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	tx, err := s.writer.BeginTx(ctx, nil)
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
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
