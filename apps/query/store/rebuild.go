package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/plenary/plenary/apps/query/live"
)

// Progress is how far a rebuild of the views has come.
type Progress struct {
	Running    bool   `json:"running"`
	Generation int64  `json:"generation"`      // how often the views were built
	Events     int64  `json:"events"`          // read from the journal by the running or last rebuild
	Of         int64  `json:"of"`              // in the journal when it began
	Error      string `json:"error,omitempty"` // why the last rebuild failed
}

// ErrRebuilding: a rebuild is running already, here or in another process.
var ErrRebuilding = errors.New("store: the views are being rebuilt already")

// pageSize is the number of events of the journal that are read at once, and of
// streams that a rebuild catches up with in one transaction.
const pageSize = 500

// stepWithin bounds one transaction of a rebuild: plenty for a page, and a
// connection that has gone silent does not hold the rebuild for ever.
const stepWithin = 5 * time.Minute

// viewTables is how the view tables stand.
type viewTables struct {
	shape      int64
	building   bool // there are tables beside the live ones
	rebuilding bool // and somebody fills them
	progress   Progress
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (s *Store) viewTables(ctx context.Context, q queryer) (v viewTables, err error) {
	p := &v.progress
	err = q.QueryRowContext(ctx, `SELECT shape, building = 1, CASE WHEN building = 1 THEN `+s.dialect.claimed()+` ELSE FALSE END,
		generation, events, total, error FROM view_tables`).
		Scan(&v.shape, &v.building, &v.rebuilding, &p.Generation, &p.Events, &p.Of, &p.Error)
	p.Running = v.rebuilding
	return v, err
}

// Progress is how far the running rebuild has come, or how the last one ended,
// whichever process runs it.
func (s *Store) Progress(ctx context.Context) (Progress, error) {
	v, err := s.viewTables(ctx, s.reader)
	return v.progress, err
}

// prepareViews gives a new database its view tables, rebuilds those of another
// shape, and clears away what a rebuild has left that a crash ended. Of several
// processes one does it, and the others wait.
func (s *Store) prepareViews(ctx context.Context) error {
	const again = 200 * time.Millisecond
	for {
		v, err := s.viewTables(ctx, s.writer)
		if err != nil || v.shape == viewShape && (v.rebuilding || !v.building) {
			return err
		}
		switch err := s.prepareViewsAlone(ctx); {
		case err == nil:
		case errors.Is(err, ErrRebuilding):
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(again):
			}
		default:
			return err
		}
	}
}

func (s *Store) prepareViewsAlone(ctx context.Context) (err error) {
	r, err := s.claim(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.release()) }()
	v, err := s.viewTables(ctx, s.writer)
	if err != nil {
		return err
	}
	if v.shape == viewShape {
		return r.abandon(ctx, nil)
	}
	slog.InfoContext(ctx, "the views are built from the journal", "shape", viewShape)
	if err := r.begin(ctx); err != nil {
		return err
	}
	return r.complete(ctx)
}

// A process looks every lookEvery whether the views are of an older shape than
// its own, and makes them anew when it has found them so olderLooks times in a
// row.
const (
	lookEvery  = 30 * time.Second
	olderLooks = 20
)

// keepShape makes the views anew when an older version of the service has made
// its own of them while this process ran, as a container of it does that starts
// again while a newer version replaces it: else no process of the newer one could
// use them. It waits first: where the older version is to replace the newer one,
// this process ends meanwhile. Views of a newer shape it leaves alone.
func (s *Store) keepShape(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for older := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		var err error
		if older, err = s.lookAtShape(ctx, older); err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "the views could not be kept in this version's shape", "error", err)
		}
	}
}

// lookAtShape looks once, having found the views of an older shape so many times
// in a row, and returns how many times that is now.
func (s *Store) lookAtShape(ctx context.Context, older int) (int, error) {
	asked, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	v, err := s.viewTables(asked, s.reader)
	switch {
	case err != nil:
		return older, err
	case v.shape >= viewShape:
		return 0, nil
	case older+1 < olderLooks:
		return older + 1, nil
	}
	slog.WarnContext(ctx, "the views are of an older version's shape, and are made anew", "shape", v.shape)
	if err := s.prepareViews(ctx); err != nil {
		return older, err
	}
	return 0, nil
}

// Rebuild builds all views anew from the journal, in tables beside the live
// ones, and puts them in their place. Reads and new events go on meanwhile.
// Error: ErrRebuilding.
//
// When it is interrupted, the live views are as they were.
func (s *Store) Rebuild(ctx context.Context) error {
	r, err := s.BeginRebuild(ctx)
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

// Rebuilding is a rebuild that has begun. Until it has run, no other can begin.
type Rebuilding struct {
	claim
	store *Store
	last  position // copied
	// held are the streams of which the journal has more than could be shown.
	held []stream
}

// BeginRebuild begins a rebuild, for Run. Error: ErrRebuilding.
func (s *Store) BeginRebuild(ctx context.Context) (*Rebuilding, error) {
	r, err := s.claim(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.begin(ctx); err != nil {
		return nil, errors.Join(err, r.release())
	}
	return r, nil
}

// Run runs the rebuild to its end.
func (r *Rebuilding) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, r.release()) }()
	return r.complete(ctx)
}

func (s *Store) claim(ctx context.Context) (*Rebuilding, error) {
	claim, err := s.dialect.claim(ctx)
	return &Rebuilding{claim: claim, store: s}, err
}

// alone runs do while appending is locked.
func (r *Rebuilding) alone(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	return r.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := r.store.dialect.alone(ctx, tx); err != nil {
			return err
		}
		return do(ctx, tx)
	})
}

// transact runs do in a transaction, to its end even if ctx ends meanwhile.
func (r *Rebuilding) transact(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepWithin)
	defer cancel()
	return r.store.transact(ctx, r.transactions, do)
}

// begin makes the tables. Transactions that append after it note the streams for
// which the rebuild has to catch up; the rebuild finds earlier events in the journal.
func (r *Rebuilding) begin(ctx context.Context) error {
	var events int64 // counted before, since it may take a while
	counting, cancel := context.WithTimeout(ctx, stepWithin)
	defer cancel()
	if err := r.store.reader.QueryRowContext(counting, `SELECT COUNT(*) FROM journal`).Scan(&events); err != nil {
		return err
	}
	return r.alone(ctx, func(ctx context.Context, tx *sql.Tx) error {
		v, err := r.store.viewTables(ctx, tx)
		if err != nil {
			return err
		}
		if err := clearNext(ctx, tx); err != nil { // of a rebuild that was interrupted
			return err
		}
		if err := createTables(ctx, tx, nextSuffix, v.progress.Generation+1, r.store.dialect.bytewise()); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE view_tables SET building = 1, events = 0, total = $1, error = ''`, events)
		return err
	})
}

func clearNext(ctx context.Context, tx *sql.Tx) error {
	if err := dropTables(ctx, tx, nextSuffix); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM behind`)
	return err
}

// complete copies the journal into the tables and switches to them.
func (r *Rebuilding) complete(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, r.abandon(context.WithoutCancel(ctx), err))
		}
	}()
	for done := false; !done; {
		if done, err = r.copyPage(ctx); err != nil {
			return err
		}
	}
	// What was appended meanwhile is taken while more is appended, until so little
	// is left that those who append can wait for it.
	for left := pageSize; left >= pageSize; {
		if left, err = r.catchUp(ctx); err != nil {
			return err
		}
	}
	return r.switchOver(ctx)
}

// abandon drops the tables that were being built. If it cannot, they do no harm, and
// the next start or rebuild drops them.
func (r *Rebuilding) abandon(ctx context.Context, why error) error {
	reason := ""
	if why != nil {
		reason = why.Error()
	}
	return r.alone(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := clearNext(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE view_tables SET building = 0, error = $1`, reason)
		return err
	})
}

// position is a place in the journal, in the order of its primary key.
type position struct {
	stream
	version uint64
}

// copyPage shows the next page of the journal in the tables; done says that it
// was the last.
func (r *Rebuilding) copyPage(ctx context.Context) (done bool, err error) {
	at := r.last
	err = r.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		events, err := r.page(ctx, tx)
		if err != nil {
			return err
		}
		runs := byStream(events)
		streams := make([]stream, len(runs))
		for i, run := range runs {
			streams[i] = run.stream
		}
		rows, err := r.store.rows(ctx, tx, nextSuffix, streams)
		if err != nil {
			return err
		}
		for i, run := range runs {
			rows[i].take(ctx, run.events)
			r.hold(rows[i], highest(run.events, 0))
		}
		if err := r.store.save(ctx, tx, nextSuffix, rows); err != nil {
			return err
		}
		if n := len(events); n == pageSize {
			at = position{stream{events[n-1].Tenant, events[n-1].Stream}, events[n-1].StreamVersion}
		} else {
			done = true
		}
		_, err = tx.ExecContext(ctx, `UPDATE view_tables SET events = events + $1`, len(events))
		return err
	})
	if err == nil {
		r.last = at
	}
	return done, err
}

// page reads what follows the last position in the journal.
func (r *Rebuilding) page(ctx context.Context, tx *sql.Tx) ([]Event, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+eventColumns+` FROM journal
		WHERE (tenant, stream, version) > ($1, $2, $3) ORDER BY tenant, stream, version LIMIT $4`,
		r.last.tenant, r.last.name, int64(r.last.version), pageSize)
	if err != nil {
		return nil, err
	}
	return scanEvents(ctx, r.store.registry, rows)
}

// hold notes the row's stream if it ends before the last version that was read
// of it.
func (r *Rebuilding) hold(row *row, last uint64) {
	if row.version < last {
		r.held = append(r.held, row.stream)
	}
}

// catchUp brings a page of the streams that got events meanwhile as far as they
// go, and returns how many notes of them there were: fewer than a page, when
// those were all.
func (r *Rebuilding) catchUp(ctx context.Context) (n int, err error) {
	err = r.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err = r.catchUpIn(ctx, tx)
		return err
	})
	return n, err
}

func (r *Rebuilding) catchUpIn(ctx context.Context, tx *sql.Tx) (int, error) {
	behind, err := scanStreams(tx.QueryContext(ctx, `DELETE FROM behind WHERE (tenant, stream) IN
		(SELECT tenant, stream FROM behind LIMIT $1) RETURNING tenant, stream`, pageSize))
	if err != nil {
		return 0, err
	}
	_, err = r.advance(ctx, tx, distinct(behind))
	return len(behind), err
}

func distinct(streams []stream) (all []stream) {
	seen := map[stream]bool{}
	for _, at := range streams {
		if !seen[at] {
			seen[at] = true
			all = append(all, at)
		}
	}
	return all
}

// advance brings streams as far as the journal goes without a gap, and says how
// far that is.
func (r *Rebuilding) advance(ctx context.Context, tx *sql.Tx, streams []stream) ([]standing, error) {
	rows, err := r.store.rows(ctx, tx, nextSuffix, streams)
	if err != nil {
		return nil, err
	}
	stand := make([]standing, len(rows))
	for i, row := range rows {
		_, last, err := r.store.takeFromJournal(ctx, tx, row)
		if err != nil {
			return nil, err
		}
		r.hold(row, last)
		stand[i] = standing{row.stream, row.version, last, true}
	}
	return stand, r.store.save(ctx, tx, nextSuffix, rows)
}

// switchOver applies the rest and replaces the live tables with the new ones, while
// appending is locked. It corrects how far waiting streams are shown: a fault may have
// held back some in the live views only, or in the new ones only. It notifies all
// watchers, since any view may differ now.
func (r *Rebuilding) switchOver(ctx context.Context) error {
	err := r.switchAlone(ctx)
	if err == nil {
		r.store.hub.ChangedAll()
	}
	return err
}

func (r *Rebuilding) switchAlone(ctx context.Context) error {
	return r.alone(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for left := pageSize; left >= pageSize; {
			var err error
			if left, err = r.catchUpIn(ctx, tx); err != nil {
				return err
			}
		}
		waiting, err := scanStreams(tx.QueryContext(ctx, `SELECT tenant, stream FROM waiting`))
		if err != nil {
			return err
		}
		stand, err := r.advance(ctx, tx, distinct(append(waiting, r.held...)))
		if err != nil {
			return err
		}
		if err := r.store.setWaiting(ctx, tx, stand); err != nil {
			return err
		}
		if err := switchTables(ctx, tx); err != nil {
			return err
		}
		if err := r.store.dialect.tell(ctx, tx, []string{live.Everything}); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE view_tables SET shape = $1, generation = generation + 1, building = 0`, viewShape)
		return err
	})
}

// switchTables puts the next tables in the place of the live ones.
func switchTables(ctx context.Context, tx *sql.Tx) error {
	if err := dropTables(ctx, tx, ""); err != nil {
		return err
	}
	for _, name := range tableNames() {
		if _, err := tx.ExecContext(ctx, `ALTER TABLE `+name+nextSuffix+` RENAME TO `+name); err != nil {
			return err
		}
	}
	return nil
}

var intoBehind = insertion{table: "behind", columns: texts("tenant", "stream"), conflict: "DO NOTHING"}

// noteBehind notes the streams that got events during a rebuild.
func (s *Store) noteBehind(ctx context.Context, tx *sql.Tx, streams []stream) error {
	values := make([][]any, len(streams))
	for i, at := range streams {
		values[i] = []any{at.tenant, at.name}
	}
	return s.dialect.insert(ctx, tx, intoBehind, values)
}
