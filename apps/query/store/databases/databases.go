// Package databases gives tests a fresh database of each kind that the store
// can use: files for SQLite, and a PostgreSQL server that is started for the
// tests of a package and thrown away.
package databases

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/plenary/plenary/engine/leftout"
	"github.com/plenary/plenary/tools/servers"
)

// Each runs a test on every kind of database. fresh gives the connection string
// of an empty one.
//
// Without a PostgreSQL on the machine that half of the test is skipped; where CI
// is set, it fails.
func Each(t *testing.T, test func(t *testing.T, fresh func() string)) {
	t.Run("sqlite", func(t *testing.T) {
		test(t, func() string { return SQLite(t) })
	})
	t.Run("postgresql", func(t *testing.T) {
		NeedPostgreSQL(t)
		test(t, func() string { return PostgreSQL(t) })
	})
}

// SQLite is the connection string of an empty SQLite database.
func SQLite(t testing.TB) string {
	return "file:" + filepath.Join(t.TempDir(), "query.db")
}

// NeedPostgreSQL starts the server, if it does not run yet, or skips the test.
func NeedPostgreSQL(t testing.TB) {
	t.Helper()
	err := start()
	if errors.Is(err, servers.ErrNotInstalled) {
		leftout.Skip(t, "query on PostgreSQL", servers.Install(servers.PostgreSQL))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// PostgreSQL is the connection string of an empty PostgreSQL database. It does
// not wait for the disk: what it commits outlives everything but Kill.
func PostgreSQL(t testing.TB) string {
	t.Helper()
	return DurablePostgreSQL(t) + "?synchronous_commit=off"
}

// DurablePostgreSQL is PostgreSQL as it is used.
func DurablePostgreSQL(t testing.TB) string {
	t.Helper()
	NeedPostgreSQL(t)
	name := fmt.Sprintf("trial%d", databases.Add(1))
	db, err := sql.Open("pgx", server.url("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(`CREATE DATABASE ` + name); err != nil {
		t.Fatal(err)
	}
	return server.url(name)
}

// Kill ends the server at once; Restart starts it again. In between, nothing of
// it answers.
func Kill() { server.run.Kill() }

// Restart starts the server again.
func Restart(t testing.TB) {
	t.Helper()
	if err := server.launch(); err != nil {
		t.Fatal(err)
	}
}

// Main runs the tests of a package, and stops the server if one was started.
// Call it from TestMain, and exit with what it gives.
func Main(m *testing.M) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	interrupted := context.AfterFunc(ctx, func() {
		server.remove()
		os.Exit(1)
	})
	defer func() {
		interrupted()
		server.remove()
	}()
	return m.Run()
}

const user, password = "plenary", "trial"

// server is the one of this process.
var server postgres

var (
	start     = sync.OnceValue(server.start)
	databases atomic.Int64
)

type postgres struct {
	dir  string
	port int
	spec servers.Server
	run  *servers.Run
}

func (p *postgres) start() (err error) {
	// Its own user must be able to look into it.
	if p.dir, err = os.MkdirTemp("", "plenary-query-"); err != nil {
		return err
	}
	const forAll = 0o755
	if err := os.Chmod(p.dir, forAll); err != nil { //nolint:gosec // there is nothing secret in it
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return err
	}
	connection, err := url.Parse(p.url("postgres"))
	if err != nil {
		return err
	}
	p.spec, err = servers.New(servers.PostgreSQL, servers.Options{
		Ports: []int{p.port}, Dir: filepath.Join(p.dir, "data"), Logs: p.dir, Connections: []*url.URL{connection},
	})
	if err != nil {
		return err
	}
	return p.launch()
}

func (p *postgres) launch() (err error) {
	const patience = 2 * time.Minute // initdb on a busy machine
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p.run, err = p.spec.Start(ctx)
	return err
}

func (p *postgres) url(database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s", user, password, p.port, database)
}

func (p *postgres) remove() {
	const grace = 10 * time.Second
	if p.run != nil {
		p.run.Stop(grace)
	}
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
}
