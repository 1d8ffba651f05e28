package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/plenary/plenary/apps/query/live"
)

// postgres is a database that any number of processes share. They keep out of
// each other's way with advisory locks: one for each stream that a transaction
// appends to; one for the set of view tables, shared by all who append and
// exclusive for those who change it; one for the rebuild, held by a session.
type postgres struct {
	config *pgx.ConnConfig
	writer *sql.DB
	self   string // names this process to the others
}

// Advisory locks that are none of a stream's: a class of our own, and which.
const (
	lockClass   = 0x504c454e
	lockViews   = 1
	lockRebuild = 2
)

// channel is where processes tell each other what has changed.
const channel = "plenary_changed"

// Connections of one process, at most; one more listens.
const (
	readers = 10
	writers = 4
)

// connectionLife is how long a connection is used: one that a network has
// silently let go of is not found out before it is tried.
const connectionLife = 5 * time.Minute

// openPostgres prepares the use of a database by its URL, in which the settings
// that are made here can be given otherwise.
func openPostgres(ctx context.Context, connection string) (d dialect, reader, writer *sql.DB, err error) {
	config, err := pgx.ParseConfig(connection)
	if err != nil {
		return nil, nil, nil, err
	}
	for name, value := range map[string]string{
		"application_name": "plenary-query",
		// A process that hangs must not hold up the others for ever.
		"lock_timeout":                        "10s",
		"idle_in_transaction_session_timeout": "30s",
	} {
		if _, given := config.RuntimeParams[name]; !given {
			config.RuntimeParams[name] = value
		}
	}
	writer, reader = stdlib.OpenDB(*config), stdlib.OpenDB(*config)
	writer.SetMaxOpenConns(writers)
	writer.SetMaxIdleConns(writers)
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	for _, pool := range []*sql.DB{writer, reader} {
		pool.SetConnMaxLifetime(connectionLife)
	}
	if err := awaitServer(ctx, writer); err != nil {
		return nil, nil, nil, errors.Join(err, reader.Close(), writer.Close())
	}
	return &postgres{config: config, writer: writer, self: uuid.NewString()}, reader, writer, nil
}

// awaitServer waits for a server that starts later than this process. A server
// that answers with a refusal is not asked again.
func awaitServer(ctx context.Context, db *sql.DB) error {
	const within, every = time.Minute, time.Second
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		var refusal *pgconn.PgError
		if err == nil || errors.As(err, &refusal) && refusal.Code != startingUp {
			return err
		}
		slog.WarnContext(ctx, "the database does not answer yet", "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(every):
		}
	}
}

// startingUp is the code with which a server refuses that is starting or ending.
const startingUp = "57P03"

func (d *postgres) migrations(files fs.FS) (*goose.Provider, error) {
	const everySecond, tries = 1, 600
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(everySecond, tries))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, d.writer, files, goose.WithSessionLocker(locker))
}

func (d *postgres) bytewise() string { return ` COLLATE "C"` }

func (d *postgres) hasTable(ctx context.Context, q queryer, name string) (has bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&has)
	return has, err
}

// enter takes the locks in the order of their numbers, so that no two
// transactions wait for each other. Each later statement sees what those had
// committed that held them before.
func (d *postgres) enter(ctx context.Context, tx *sql.Tx, streams []stream) error {
	keys := make([]int64, len(streams))
	for i, at := range streams {
		keys[i] = at.lock()
	}
	slices.Sort(keys)
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock_shared($1, $2)
		UNION ALL SELECT pg_advisory_xact_lock(k) FROM unnest($3::bigint[]) AS k`, lockClass, lockViews, slices.Compact(keys))
	return err
}

// lock is the number of the stream's lock. Two streams may have the same.
func (s stream) lock() int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.tenant + "\x00" + s.name))
	return int64(h.Sum64()) //nolint:gosec // any number will do
}

func (d *postgres) alone(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1, $2)`, lockClass, lockViews)
	return err
}

func (d *postgres) insert(ctx context.Context, tx *sql.Tx, into insertion, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	arrays, args := asArrays(into.columns, rows)
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`INSERT INTO %s (%s) SELECT * FROM unnest(%s) ON CONFLICT %s`,
		into.table, names(into.columns), strings.Join(arrays, ", "), into.conflict), args...)
	return err
}

func (d *postgres) remove(ctx context.Context, tx *sql.Tx, table string, columns []column, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	arrays, args := asArrays(columns, rows)
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`DELETE FROM %s WHERE (%s) IN (SELECT * FROM unnest(%s))`,
		table, names(columns), strings.Join(arrays, ", ")), args...)
	return err
}

// asArrays are the columns of rows, each as one argument.
func asArrays(columns []column, rows [][]any) (arrays []string, args []any) {
	for i, c := range columns {
		arrays = append(arrays, "$"+strconv.Itoa(i+1)+"::"+string(c.kind)+"[]")
		args = append(args, c.array(i, rows))
	}
	return arrays, args
}

// array is the values of the column at i.
func (c column) array(i int, rows [][]any) any {
	switch c.kind {
	case integer:
		return valuesOf(rows, func(row []any) int64 { return row[i].(int64) })
	case binary:
		return valuesOf(rows, func(row []any) []byte { return row[i].([]byte) })
	}
	return valuesOf(rows, func(row []any) *string {
		switch v := row[i].(type) {
		case string:
			s := storable(v)
			return &s
		case sql.NullString:
			if v.Valid {
				s := storable(v.String)
				return &s
			}
		}
		return nil
	})
}

func valuesOf[T any](rows [][]any, value func([]any) T) []T {
	all := make([]T, len(rows))
	for i, row := range rows {
		all[i] = value(row)
	}
	return all
}

func (d *postgres) waiting(ctx context.Context, tx *sql.Tx, streams []stream) (map[stream]bool, error) {
	var tenants, names []string
	for _, at := range streams {
		tenants, names = append(tenants, at.tenant), append(names, at.name)
	}
	found, err := scanStreams(tx.QueryContext(ctx, `SELECT w.tenant, w.stream FROM unnest($1::text[], $2::text[]) AS k (tenant, stream)
		JOIN waiting w ON w.tenant = k.tenant AND w.stream = k.stream`, tenants, names))
	waiting := make(map[stream]bool, len(found))
	for _, at := range found {
		waiting[at] = true
	}
	return waiting, err
}

func (d *postgres) stored(ctx context.Context, tx *sql.Tx, places []position) (found map[position]content, err error) {
	var tenants, names []string
	var versions []int64
	for _, at := range places {
		tenants, names, versions = append(tenants, at.tenant), append(names, at.name), append(versions, int64(at.version))
	}
	rows, err := tx.QueryContext(ctx, `SELECT j.tenant, j.stream, j.version, j.type, j.data
		FROM unnest($1::text[], $2::text[], $3::bigint[]) AS k (tenant, stream, version)
		JOIN journal j ON j.tenant = k.tenant AND j.stream = k.stream AND j.version = k.version`, tenants, names, versions)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = map[position]content{}
	for rows.Next() {
		var at position
		var c content
		if err := rows.Scan(&at.tenant, &at.name, &at.version, &c.typ, &c.data); err != nil {
			return nil, err
		}
		found[at] = c
	}
	return found, rows.Err()
}

func (d *postgres) fill(ctx context.Context, tx *sql.Tx, suffix string, rows []*row) (err error) {
	if len(rows) == 0 {
		return nil
	}
	var selects []string
	var args []any
	for i := range tables {
		t := &tables[i]
		var tenants, ids []string
		var places []int64
		for place, r := range rows {
			if r.table == t {
				tenants, ids, places = append(tenants, r.stream.tenant), append(ids, r.id), append(places, int64(place))
			}
		}
		n := len(args)
		selects = append(selects, fmt.Sprintf(`SELECT k.place, v.version, v.doc
			FROM unnest($%d::text[], $%d::text[], $%d::bigint[]) AS k (tenant, id, place)
			JOIN %s v ON v.tenant = k.tenant AND v.id = k.id`, n+1, n+2, n+3, t.name+suffix))
		args = append(args, tenants, ids, places)
	}
	found, err := tx.QueryContext(ctx, strings.Join(selects, " UNION ALL "), args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var place int
		var version uint64
		var doc []byte
		if err := found.Scan(&place, &version, &doc); err != nil {
			return err
		}
		rows[place].version, rows[place].doc = version, doc
	}
	return found.Err()
}

// claim holds the lock in a session of its own, in which all transactions of the
// rebuild are: when the session is lost, so are the lock and the rebuild.
func (d *postgres) claim(ctx context.Context) (claim, error) {
	asked, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	conn, err := d.writer.Conn(asked)
	if err != nil {
		return claim{}, err
	}
	release := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeWithin)
		defer cancel()
		if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_unlock($1, $2)`, lockClass, lockRebuild); err != nil {
			// The lock ends with the session, so the session must not go back to the pool.
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
		return conn.Close()
	}
	var mine bool
	if err := conn.QueryRowContext(asked, `SELECT pg_try_advisory_lock($1, $2)`, lockClass, lockRebuild).Scan(&mine); err != nil {
		return claim{}, errors.Join(err, release())
	}
	if !mine {
		return claim{}, errors.Join(ErrRebuilding, conn.Close())
	}
	return claim{conn, release}, nil
}

func (d *postgres) claimed() string {
	return fmt.Sprintf(`EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = %d AND objid = %d AND objsubid = 2
		AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`, lockClass, lockRebuild)
}

// mostNotice is how much one notice may hold, in bytes; PostgreSQL takes 8000.
const mostNotice = 7900

func (d *postgres) tell(ctx context.Context, tx *sql.Tx, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_notify($1, notice) FROM unnest($2::text[]) AS notice`, channel, d.notices(keys))
	return err
}

// notices are the keys in as few texts as may be, each headed by who tells.
func (d *postgres) notices(keys []string) (notices []string) {
	notice := d.self
	for _, key := range keys {
		if len(notice)+1+len(key) > mostNotice && notice != d.self {
			notices, notice = append(notices, notice), d.self
		}
		notice += "\n" + key
	}
	return append(notices, notice)
}

const (
	// quiet is how long nothing may be heard before the connection is tried.
	quiet = 15 * time.Second
	// answers is how long a connection may take to answer.
	answers = 5 * time.Second
)

func (d *postgres) listen(ctx context.Context, hub *live.Hub) {
	for wait := time.Duration(0); ; wait = min(max(2*wait, 100*time.Millisecond), 5*time.Second) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait/2 + rand.N(wait/2+1)): //nolint:gosec // it only spreads the load
		}
		err := d.listenOnce(ctx, hub, func() { wait = 0 })
		if ctx.Err() == nil {
			slog.WarnContext(ctx, "changes by other replicas are not heard of until the database is back", "error", err)
		}
	}
}

// listenOnce listens until the connection fails. Notifications sent before it
// listened are lost, so it begins as if everything had changed.
func (d *postgres) listenOnce(ctx context.Context, hub *live.Hub, listening func()) error {
	asked, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	conn, err := pgx.ConnectConfig(asked, d.config.Copy())
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answers)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(asked, `LISTEN `+channel); err != nil {
		return err
	}
	listening()
	hub.ChangedAll()
	for {
		notice, err := nextNotice(ctx, conn)
		if err != nil {
			return err
		}
		switch who, keys, _ := strings.Cut(notice, "\n"); {
		case who == d.self:
		case keys == live.Everything:
			hub.ChangedAll()
		default:
			hub.Changed(strings.Split(keys, "\n")...)
		}
	}
}

func nextNotice(ctx context.Context, conn *pgx.Conn) (string, error) {
	for {
		waiting, cancel := context.WithTimeout(ctx, quiet)
		n, err := conn.WaitForNotification(waiting)
		cancel()
		if err == nil {
			return n.Payload, nil
		}
		if ctx.Err() != nil || !pgconn.Timeout(err) {
			return "", err
		}
		asked, cancel := context.WithTimeout(ctx, answers)
		err = conn.Ping(asked)
		cancel()
		if err != nil {
			return "", err
		}
	}
}

// passing: a deadlock or a failed serialisation, which our locks should prevent,
// or a lock that another process held for too long.
func (d *postgres) passing(err error) bool {
	var of *pgconn.PgError
	return errors.As(err, &of) && slices.Contains([]string{"40001", "40P01", "55P03"}, of.Code)
}

// storable is a text without what PostgreSQL cannot store in one.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
