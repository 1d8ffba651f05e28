package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
)

// Progress is how far a rebuild of the views has come.
type Progress struct {
	Running    bool   `json:"running"`
	Generation int64  `json:"generation"`      // how often the views were built
	Events     int64  `json:"events"`          // read from the journal by the running or last rebuild
	Of         int64  `json:"of"`              // in the journal when it began
	Error      string `json:"error,omitempty"` // why the last rebuild failed
}

// ErrRebuilding: a rebuild is running already.
var ErrRebuilding = errors.New("store: the views are being rebuilt already")

// pageSize is the number of events that a rebuild reads in one transaction; new
// events wait for as long.
const pageSize = 500

// prepareViews gives a new database its view tables, and rebuilds those of
// another shape.
func (s *Store) prepareViews(ctx context.Context) error {
	var shape, generation int64
	if err := s.writer.QueryRowContext(ctx, `SELECT shape, generation FROM view_tables`).Scan(&shape, &generation); err != nil {
		return err
	}
	s.rebuild.progress.Generation = generation
	if shape == viewShape {
		return nil
	}
	slog.InfoContext(ctx, "the views are built from the journal", "shape", viewShape)
	return s.Rebuild(ctx)
}

// Progress is how far the running rebuild has come, or how the last one ended.
func (s *Store) Progress() Progress {
	s.rebuild.Lock()
	defer s.rebuild.Unlock()
	return s.rebuild.progress
}

// Rebuild builds all views anew from the journal, in tables beside the live
// ones, and puts them in their place. Reads and new events go on meanwhile; an
// event that comes during the rebuild goes into both. Error: ErrRebuilding.
//
// When it is interrupted, the live views are as they were.
func (s *Store) Rebuild(ctx context.Context) (err error) {
	if !s.startRebuild() {
		return ErrRebuilding
	}
	defer func() { s.endRebuild(err) }()
	if err := s.createNext(ctx); err != nil {
		return err
	}
	var last position
	for done := false; !done; {
		if done, err = s.copyPage(ctx, &last); err != nil {
			return errors.Join(err, s.dropNext(ctx))
		}
	}
	return nil
}

func (s *Store) startRebuild() bool {
	s.rebuild.Lock()
	defer s.rebuild.Unlock()
	if s.rebuild.progress.Running {
		return false
	}
	s.rebuild.progress = Progress{Running: true, Generation: s.rebuild.progress.Generation}
	return true
}

func (s *Store) endRebuild(err error) {
	s.report(func(p *Progress) {
		p.Running = false
		if err != nil {
			p.Error = err.Error()
		}
	})
}

func (s *Store) report(change func(*Progress)) {
	s.rebuild.Lock()
	defer s.rebuild.Unlock()
	change(&s.rebuild.progress)
}

func (s *Store) createNext(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.writeLocked(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var generation, of int64
		if err := tx.QueryRowContext(ctx, `SELECT generation FROM view_tables`).Scan(&generation); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM journal`).Scan(&of); err != nil {
			return err
		}
		s.report(func(p *Progress) { p.Of = of })
		if err := dropTables(ctx, tx, nextSuffix); err != nil { // of a rebuild that was interrupted
			return err
		}
		return createTables(ctx, tx, nextSuffix, generation+1)
	})
	if err != nil {
		return err
	}
	s.next, err = prepareTables(ctx, s.writer, nextSuffix)
	return err
}

func (s *Store) dropNext(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.next.close()
	s.next = nil
	return errors.Join(err, s.writeLocked(context.WithoutCancel(ctx), func(ctx context.Context, tx *sql.Tx) error {
		return dropTables(ctx, tx, nextSuffix)
	}))
}

// position is a place in the journal, in the order of its primary key.
type position struct {
	stream
	version uint64
}

// copyPage shows one page of the journal in the next tables. After the last
// one they show all that can be shown, and take the place of the live ones in
// the same transaction.
func (s *Store) copyPage(ctx context.Context, last *position) (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int
	err = s.writeLocked(ctx, func(ctx context.Context, tx *sql.Tx) error {
		events, err := s.page(ctx, tx, *last)
		if err != nil {
			return err
		}
		next := s.next.in(ctx, tx)
		for _, r := range byStream(events) {
			if err := next.show(ctx, r.stream, contiguous(r.events, r.events[0].StreamVersion-1)); err != nil {
				return err
			}
		}
		if n = len(events); n == pageSize {
			*last = position{stream{events[n-1].Tenant, events[n-1].Stream}, events[n-1].StreamVersion}
			return nil
		}
		if err := s.finish(ctx, tx, next); err != nil {
			return err
		}
		return switchTables(ctx, tx)
	})
	if err != nil {
		return false, err
	}
	s.report(func(p *Progress) { p.Events += int64(n) })
	if n == pageSize {
		return false, nil
	}
	err = s.next.close()
	s.next = nil
	s.report(func(p *Progress) { p.Generation++ })
	return true, err
}

// page reads what follows a place in the journal.
func (s *Store) page(ctx context.Context, tx *sql.Tx, last position) ([]Event, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+eventColumns+` FROM journal
		WHERE (tenant, stream, version) > ($1, $2, $3) ORDER BY tenant, stream, version LIMIT $4`,
		last.tenant, last.name, last.version, pageSize)
	if err != nil {
		return nil, err
	}
	return scanEvents(ctx, s.registry, rows)
}

// finish brings the streams that had something waiting as far as they go: one
// that a fault held back in the live views may have got events since its page.
func (s *Store) finish(ctx context.Context, tx *sql.Tx, next *viewTables) error {
	journal := s.journal.in(ctx, tx)
	waiting, err := journal.waitingStreams(ctx)
	if err != nil {
		return err
	}
	for at := range waiting {
		r, err := next.row(ctx, at)
		if err != nil {
			return err
		}
		events, err := journal.after(ctx, s.registry, at, r.version)
		if err != nil {
			return err
		}
		if err := r.show(ctx, contiguous(events, r.version)); err != nil {
			return err
		}
		highest := r.version
		if n := len(events); n > 0 {
			highest = max(highest, events[n-1].StreamVersion)
		}
		if err := journal.setWaiting(ctx, at, r.version, highest); err != nil {
			return err
		}
	}
	return nil
}

// switchTables puts the next tables in the place of the live ones.
func switchTables(ctx context.Context, tx *sql.Tx) error {
	if err := dropTables(ctx, tx, ""); err != nil {
		return err
	}
	for _, t := range tables {
		if _, err := tx.ExecContext(ctx, `ALTER TABLE `+t.name+nextSuffix+` RENAME TO `+t.name); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE view_tables SET shape = $1, generation = generation + 1`, viewShape)
	return err
}
