package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver

	"github.com/plenary/plenary/apps/query/live"
)

// sqlite is a database in a file, for one process. It has one connection for writes,
// so a transaction on it is alone.
type sqlite struct {
	writer     *sql.DB
	rebuilding atomic.Bool
}

// openSQLite opens the database of a file: a path, with or without "file:" and
// the driver's parameters. Its folder is made if it is missing.
func openSQLite(connection string) (d dialect, reader, writer *sql.DB, err error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(connection, "file:"), "?")
	if path == "" {
		return nil, nil, nil, errors.New("the connection string names no file")
	}
	parameters, err := url.ParseQuery(query)
	if err != nil {
		return nil, nil, nil, errors.New("the connection string's parameters cannot be read")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, nil, nil, err
	}
	// A batch is acknowledged to the broker once it is committed, so a commit
	// must survive a power cut: synchronous is FULL, not NORMAL as is usual with
	// a write-ahead log.
	writer, err = openFile(path, parameters, "journal_mode(wal)", "synchronous(full)", "busy_timeout(10000)", "cache_size(-32768)", "wal_autocheckpoint(8000)")
	if err != nil {
		return nil, nil, nil, err
	}
	writer.SetMaxOpenConns(1)
	reader, err = openFile(path, parameters, "query_only(true)", "busy_timeout(10000)")
	if err != nil {
		return nil, nil, nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(max(4, runtime.NumCPU()))
	reader.SetMaxIdleConns(max(4, runtime.NumCPU()))
	return &sqlite{writer: writer}, reader, writer, nil
}

func openFile(path string, parameters url.Values, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": pragmas}
	for name, values := range parameters {
		q[name] = append(q[name], values...)
	}
	return sql.Open("sqlite", "file:"+path+"?"+q.Encode())
}

func (d *sqlite) migrations(files fs.FS) (*goose.Provider, error) {
	return goose.NewProvider(goose.DialectSQLite3, d.writer, files)
}

func (d *sqlite) bytewise() string { return `` } // as it is anyway

func (d *sqlite) hasTable(ctx context.Context, q queryer, name string) (has bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT COUNT(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = $1`, name).Scan(&has)
	return has, err
}

// uninterrupted is ctx without its end, for statements of which a batch has many. The driver
// starts a goroutine for each one that could be interrupted, which is a tenth of what it
// does for a batch. A transaction whose context ends is rolled back all the same.
func uninterrupted(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

func (d *sqlite) enter(context.Context, *sql.Tx, []stream) error { return nil }

func (d *sqlite) alone(context.Context, *sql.Tx) error { return nil }

func (d *sqlite) insert(ctx context.Context, tx *sql.Tx, into insertion, rows [][]any) (err error) {
	if len(rows) == 0 {
		return nil
	}
	var values []string
	for i := range into.columns {
		values = append(values, "$"+strconv.Itoa(i+1))
	}
	ctx = uninterrupted(ctx)
	st, err := tx.PrepareContext(ctx, fmt.Sprintf(`INSERT INTO %s (%s) VALUES (%s) ON CONFLICT %s`,
		into.table, names(into.columns), strings.Join(values, ", "), into.conflict))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	for _, row := range rows {
		if _, err := st.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}

func (d *sqlite) remove(ctx context.Context, tx *sql.Tx, table string, columns []column, rows [][]any) (err error) {
	if len(rows) == 0 {
		return nil
	}
	var values []string
	for i := range columns {
		values = append(values, "$"+strconv.Itoa(i+1))
	}
	ctx = uninterrupted(ctx)
	st, err := tx.PrepareContext(ctx, fmt.Sprintf(`DELETE FROM %s WHERE (%s) = (%s)`, table, names(columns), strings.Join(values, ", ")))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	for _, row := range rows {
		if _, err := st.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}

func (d *sqlite) waiting(ctx context.Context, tx *sql.Tx, streams []stream) (waiting map[stream]bool, err error) {
	ctx = uninterrupted(ctx)
	st, err := tx.PrepareContext(ctx, `SELECT EXISTS (SELECT 1 FROM waiting WHERE tenant = $1 AND stream = $2)`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	waiting = map[stream]bool{}
	for _, at := range streams {
		var waits bool
		if err := st.QueryRowContext(ctx, at.tenant, at.name).Scan(&waits); err != nil {
			return nil, err
		}
		if waits {
			waiting[at] = true
		}
	}
	return waiting, nil
}

func (d *sqlite) stored(ctx context.Context, tx *sql.Tx, places []position) (found map[position]content, err error) {
	ctx = uninterrupted(ctx)
	st, err := tx.PrepareContext(ctx, `SELECT type, data FROM journal WHERE tenant = $1 AND stream = $2 AND version = $3`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	found = map[position]content{}
	for _, at := range places {
		var c content
		switch err := st.QueryRowContext(ctx, at.tenant, at.name, int64(at.version)).Scan(&c.typ, &c.data); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return nil, err
		default:
			found[at] = c
		}
	}
	return found, nil
}

func (d *sqlite) fill(ctx context.Context, tx *sql.Tx, suffix string, rows []*row) (err error) {
	ctx = uninterrupted(ctx)
	prepared := map[*table]*sql.Stmt{}
	defer func() {
		for _, st := range prepared {
			err = errors.Join(err, st.Close())
		}
	}()
	for _, r := range rows {
		st := prepared[r.table]
		if st == nil {
			if st, err = tx.PrepareContext(ctx, `SELECT version, doc FROM `+r.name+suffix+` WHERE tenant = $1 AND id = $2`); err != nil {
				return err
			}
			prepared[r.table] = st
		}
		err := st.QueryRowContext(ctx, r.stream.tenant, r.id).Scan(&r.version, &r.doc)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return nil
}

func (d *sqlite) claim(context.Context) (claim, error) {
	if !d.rebuilding.CompareAndSwap(false, true) {
		return claim{}, ErrRebuilding
	}
	return claim{d.writer, func() error { d.rebuilding.Store(false); return nil }}, nil
}

func (d *sqlite) claimed() string {
	if d.rebuilding.Load() {
		return `TRUE`
	}
	return `FALSE`
}

func (d *sqlite) tell(context.Context, *sql.Tx, []string) error { return nil }

func (d *sqlite) listen(context.Context, *live.Hub) {}

func (d *sqlite) passing(error) bool { return false }
