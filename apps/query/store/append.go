package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/engine/message"
)

// Event is an event as it was received: decoded, and the JSON of its body. Its
// Body is nil when nobody here knows its type; then it is kept, and no view
// shows it.
type Event struct {
	message.Message
	Data json.RawMessage
}

// Append takes a batch of events, in one transaction: each goes into the
// journal, where duplicates vanish; what has no gap before it in its stream
// goes into the views; the rest waits in the journal for what is missing.
//
// It returns the events that the views show now and did not before, among them
// those that had been waiting. After an error nothing has happened, or all of
// it; appending again is harmless.
func (s *Store) Append(ctx context.Context, events []Event) (shown []message.Message, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		shown = shown[:0]
		b := batch{journal: s.journal.in(ctx, tx), live: s.live.in(ctx, tx), registry: s.registry}
		if s.next != nil {
			b.next = s.next.in(ctx, tx)
		}
		waiting, err := b.journal.waitingStreams(ctx)
		if err != nil {
			return err
		}
		for _, r := range byStream(events) {
			ready, err := b.append(ctx, r, waiting[r.stream])
			if err != nil {
				return err
			}
			shown = append(shown, ready...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return shown, nil
}

// stream names a stream of a tenant.
type stream struct{ tenant, name string }

// run is what a batch has for one stream.
type run struct {
	stream stream
	events []Event
}

func byStream(events []Event) []*run {
	var runs []*run
	index := map[stream]*run{}
	for _, e := range events {
		at := stream{e.Tenant, e.Stream}
		r := index[at]
		if r == nil {
			r = &run{stream: at}
			index[at] = r
			runs = append(runs, r)
		}
		r.events = append(r.events, e)
	}
	return runs
}

// batch is a transaction that appends.
type batch struct {
	journal    journalStatements
	live, next *viewTables // next is nil unless a rebuild is running
	registry   *message.Registry
}

// append takes one stream's events and returns those that are shown now.
// waiting says whether earlier ones wait in the journal.
func (b batch) append(ctx context.Context, r *run, waiting bool) (shown []message.Message, err error) {
	row, err := b.live.row(ctx, r.stream)
	if err != nil {
		return nil, err
	}
	highest := row.version
	for _, e := range r.events {
		if e.StreamVersion <= row.version {
			continue // shown already
		}
		if err := b.journal.insert(ctx, e, about(b.registry, e.Message)); err != nil {
			return nil, err
		}
		highest = max(highest, e.StreamVersion)
	}
	candidates := r.events
	if waiting {
		if candidates, err = b.journal.after(ctx, b.registry, r.stream, row.version); err != nil {
			return nil, err
		}
		highest = max(highest, candidates[len(candidates)-1].StreamVersion)
	}
	ready := contiguous(candidates, row.version)
	if b.next != nil {
		if err := b.next.show(ctx, r.stream, ready); err != nil {
			return nil, err
		}
	}
	before := row.version
	if err := row.show(ctx, ready); err != nil {
		return nil, err
	}
	if waiting || row.version < highest {
		if err := b.journal.setWaiting(ctx, r.stream, row.version, highest); err != nil {
			return nil, err
		}
	}
	return ready[:row.version-before], nil
}

// contiguous are the events that follow version without a gap.
func contiguous(events []Event, version uint64) []message.Message {
	sorted := slices.SortedStableFunc(slices.Values(events), func(a, b Event) int {
		return cmp.Compare(a.StreamVersion, b.StreamVersion)
	})
	var ready []message.Message
	for _, e := range sorted {
		if e.StreamVersion == version+1 {
			ready = append(ready, e.Message)
			version++
		}
	}
	return ready
}

// about is the order or conference that an event is about, unless that is the
// stream's own id, by which it is found as well.
func about(r *message.Registry, m message.Message) sql.NullString {
	key := projection.About(r, m)
	_, id := projection.Aggregate(m.Stream)
	return sql.NullString{String: key, Valid: key != "" && key != id}
}

// journalStatements are the prepared statements on the journal.
type journalStatements struct {
	insertEvent, selectAfter, selectWaiting, upsertWaiting, deleteWaiting *sql.Stmt
}

const eventColumns = `tenant, stream, version, id, type, source, time, correlation_id, trace_parent,
	cause_id, cause_type, cause_time, cause_source, cause_cause, data, decision_end`

func (j *journalStatements) prepare(ctx context.Context, db *sql.DB) (err error) {
	for stmt, text := range map[**sql.Stmt]string{
		&j.insertEvent: `INSERT INTO journal (` + eventColumns + `, about)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING`,
		&j.selectAfter: `SELECT ` + eventColumns + ` FROM journal
			WHERE tenant = $1 AND stream = $2 AND version > $3 ORDER BY version`,
		&j.selectWaiting: `SELECT tenant, stream FROM waiting`,
		&j.upsertWaiting: `INSERT INTO waiting (tenant, stream, shown) VALUES ($1, $2, $3)
			ON CONFLICT (tenant, stream) DO UPDATE SET shown = excluded.shown`,
		&j.deleteWaiting: `DELETE FROM waiting WHERE tenant = $1 AND stream = $2`,
	} {
		if *stmt, err = db.PrepareContext(ctx, text); err != nil { //nolint:sqlclosecheck // it lives as long as the database
			return err
		}
	}
	return nil
}

// in gives the statements in a transaction.
func (j *journalStatements) in(ctx context.Context, tx *sql.Tx) journalStatements {
	return journalStatements{
		insertEvent:   tx.StmtContext(ctx, j.insertEvent),
		selectAfter:   tx.StmtContext(ctx, j.selectAfter),
		selectWaiting: tx.StmtContext(ctx, j.selectWaiting),
		upsertWaiting: tx.StmtContext(ctx, j.upsertWaiting),
		deleteWaiting: tx.StmtContext(ctx, j.deleteWaiting),
	}
}

func (j journalStatements) insert(ctx context.Context, e Event, about sql.NullString) error {
	_, err := j.insertEvent.ExecContext(ctx,
		e.Tenant, e.Stream, e.StreamVersion, e.ID, e.Type, e.Source, nanos(e.Time), e.CorrelationID, e.TraceParent,
		e.Cause.ID, e.Cause.Type, nanos(e.Cause.Time), e.Cause.Source, e.Cause.CauseID, string(e.Data), e.DecisionEnd, about)
	return err
}

func (j journalStatements) after(ctx context.Context, r *message.Registry, at stream, version uint64) ([]Event, error) {
	rows, err := j.selectAfter.QueryContext(ctx, at.tenant, at.name, version)
	if err != nil {
		return nil, err
	}
	return scanEvents(ctx, r, rows)
}

// waitingStreams are the streams in which something waits: few, mostly none.
func (j journalStatements) waitingStreams(ctx context.Context) (waiting map[stream]bool, err error) {
	rows, err := j.selectWaiting.QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	waiting = map[stream]bool{}
	for rows.Next() {
		var at stream
		if err := rows.Scan(&at.tenant, &at.name); err != nil {
			return nil, err
		}
		waiting[at] = true
	}
	return waiting, rows.Err()
}

// setWaiting records whether the journal has more of a stream than is shown.
func (j journalStatements) setWaiting(ctx context.Context, at stream, shown, highest uint64) error {
	if shown == highest {
		_, err := j.deleteWaiting.ExecContext(ctx, at.tenant, at.name)
		return err
	}
	_, err := j.upsertWaiting.ExecContext(ctx, at.tenant, at.name, shown)
	return err
}

// scanEvents reads rows of eventColumns, and closes them. An event that can no
// longer be decoded has no Body.
func scanEvents(ctx context.Context, r *message.Registry, rows *sql.Rows) (events []Event, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e Event
		var at, causedAt int64
		if err := rows.Scan(
			&e.Tenant, &e.Stream, &e.StreamVersion, &e.ID, &e.Type, &e.Source, &at, &e.CorrelationID, &e.TraceParent,
			&e.Cause.ID, &e.Cause.Type, &causedAt, &e.Cause.Source, &e.Cause.CauseID, (*[]byte)(&e.Data), &e.DecisionEnd,
		); err != nil {
			return nil, err
		}
		e.Time, e.Cause.Time = fromNanos(at), fromNanos(causedAt)
		if e.Body, err = r.Decode(e.Meta, e.Data); err != nil {
			slog.ErrorContext(ctx, "event in the journal cannot be decoded; no view shows it",
				"type", e.Type, "id", e.ID, "stream", e.Stream, "version", e.StreamVersion, "error", err)
			e.Body = nil
		}
		events = append(events, e)
	}
	return events, rows.Err()
}
