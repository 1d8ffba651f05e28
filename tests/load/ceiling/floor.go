package ceiling

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// Floor is what somebody has without any of this: one process, one SQLite file, and the
// rule that no more seats are held than there are. An order is three transactions, each
// on disk before it is answered: placed and held, registrant, confirmed.
func Floor(ctx context.Context, dir string, orders, atOnce int) (rate float64, err error) {
	options := url.Values{"_txlock": {"immediate"}, "_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(60000)"}}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "floor.db")+"?"+options.Encode())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		`CREATE TABLE seats (type TEXT PRIMARY KEY, remaining INTEGER NOT NULL CHECK (remaining >= 0))`,
		`CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT NOT NULL, registrant TEXT)`,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return 0, err
		}
	}
	if _, err := db.ExecContext(ctx, `INSERT INTO seats VALUES ('general', $1)`, orders); err != nil {
		return 0, err
	}
	did := func(statements ...string) func(id int) error {
		return func(id int) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			for _, statement := range statements {
				if _, err := tx.ExecContext(ctx, statement, id); err != nil {
					return errors.Join(err, tx.Rollback())
				}
			}
			return tx.Commit()
		}
	}
	steps := []func(int) error{
		did(`UPDATE seats SET remaining = remaining - 1 WHERE type = 'general' AND $1 > 0`, `INSERT INTO orders (id, status) VALUES ($1, 'reserved')`),
		did(`UPDATE orders SET registrant = 'Ada' WHERE id = $1`),
		did(`UPDATE orders SET status = 'confirmed' WHERE id = $1`),
	}
	began := time.Now()
	places := make(chan struct{}, atOnce)
	errs := make(chan error, orders)
	var all sync.WaitGroup
	for id := 1; id <= orders; id++ {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			for _, step := range steps {
				if err := step(id); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	close(errs)
	for failed := range errs {
		err = errors.Join(err, failed)
	}
	var remaining int
	err = errors.Join(err, db.QueryRowContext(ctx, `SELECT remaining FROM seats`).Scan(&remaining))
	if err == nil && remaining != 0 {
		err = fmt.Errorf("%d seats remain", remaining)
	}
	return float64(orders) / took.Seconds(), err
}
