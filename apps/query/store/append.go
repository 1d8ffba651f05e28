package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/engine/message"
)

// Event is an event as received: decoded, and the JSON of its body. Its Body is nil
// if its type is unknown here; then it is kept, and no view shows it.
type Event struct {
	message.Message
	Data json.RawMessage
}

// Append stores a batch of events in one transaction. Each goes into the journal,
// which drops duplicates. Events without a gap before them in their stream go into
// the views; the others wait in the journal for the missing ones. Any number of
// processes may append at once, even to the same streams.
//
// It returns the events that the views newly show, including those that had been
// waiting, and notifies the watchers of the changed views. After an error either
// nothing or everything has happened; appending again is harmless. Error:
// ErrOtherShape.
func (s *Store) Append(ctx context.Context, events []Event) (shown []message.Message, err error) {
	if len(events) == 0 {
		return nil, nil
	}
	var keys []string
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		var rows []*row
		if shown, rows, err = s.append(ctx, tx, byStream(events)); err != nil {
			return err
		}
		keys = append(live.Keys(s.registry, shown), dashboardKeys(rows)...)
		return s.dialect.tell(ctx, tx, keys)
	})
	if err != nil {
		return nil, err
	}
	s.hub.Decided(keys, s.recent.outcomes(shown))
	return shown, nil
}

// stream names a stream of a tenant.
type stream struct{ tenant, name string }

// run is what a batch has for one stream.
type run struct {
	stream stream
	events []Event
}

func (r *run) has(version uint64) bool {
	return slices.ContainsFunc(r.events, func(e Event) bool { return e.StreamVersion == version })
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

// dashboardKeys are those of the conferences whose orders have changed.
func dashboardKeys(rows []*row) (keys []string) {
	for _, r := range rows {
		if r.folded == nil || r.aggregate != "order" {
			continue
		}
		key := live.DashboardKey(r.stream.tenant, r.value("conference").(string))
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (s *Store) append(ctx context.Context, tx *sql.Tx, runs []*run) (shown []message.Message, rows []*row, err error) {
	streams := make([]stream, len(runs))
	for i, r := range runs {
		streams[i] = r.stream
	}
	if err := s.dialect.enter(ctx, tx, streams); err != nil {
		return nil, nil, err
	}
	built, err := s.viewTables(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	if built.shape != viewShape {
		return nil, nil, ErrOtherShape
	}
	waiting, err := s.dialect.waiting(ctx, tx, streams)
	if err != nil {
		return nil, nil, err
	}
	rows, err = s.rows(ctx, tx, "", streams)
	if err != nil {
		return nil, nil, err
	}
	if err := s.contradictions(ctx, tx, runs, rows, waiting); err != nil {
		return nil, nil, err
	}
	if err := s.journal(ctx, tx, runs, rows); err != nil {
		return nil, nil, err
	}
	var stand []standing
	for i, r := range runs {
		row, at := rows[i], standing{stream: r.stream, waiting: waiting[r.stream]}
		var now []message.Message
		switch {
		case !at.waiting:
			now, at.highest = row.take(ctx, r.events), highest(r.events, 0)
		case !r.has(row.version + 1):
			continue // it waits as before, however much the journal has of it by now
		default:
			if now, at.highest, err = s.takeFromJournal(ctx, tx, row); err != nil {
				return nil, nil, err
			}
		}
		at.shown = row.version
		shown, stand = append(shown, now...), append(stand, at)
	}
	if err := s.save(ctx, tx, "", rows); err != nil {
		return nil, nil, err
	}
	if err := s.setWaiting(ctx, tx, stand); err != nil {
		return nil, nil, err
	}
	if err := s.noteChecks(ctx, tx, shown); err != nil {
		return nil, nil, err
	}
	if built.rebuilding {
		err = s.noteBehind(ctx, tx, streams)
	}
	return shown, rows, err
}

// contiguous are the events that follow version without a gap.
func contiguous(events []Event, version uint64) []message.Message {
	byVersion := func(a, b Event) int { return cmp.Compare(a.StreamVersion, b.StreamVersion) }
	if !slices.IsSortedFunc(events, byVersion) { // they are, as a rule
		events = slices.SortedStableFunc(slices.Values(events), byVersion)
	}
	ready := make([]message.Message, 0, len(events))
	for _, e := range events {
		if e.StreamVersion == version+1 {
			ready = append(ready, e.Message)
			version++
		}
	}
	return ready
}

// highest is the version of the last of the events, at least version.
func highest(events []Event, version uint64) uint64 {
	for _, e := range events {
		version = max(version, e.StreamVersion)
	}
	return version
}

// about is the order or conference that an event is about, unless that is the
// stream's own id, by which it is found as well.
func about(r *message.Registry, m message.Message) sql.NullString {
	key := projection.About(r, m)
	_, id := projection.Aggregate(m.Stream)
	return sql.NullString{String: key, Valid: key != "" && key != id}
}

// changedIn is the organisation that a change concerns, empty if it is none; null for what
// the audit log does not show.
func changedIn(m message.Message) sql.NullString {
	organisation, ok := projection.ChangedIn(m)
	if !ok || organisation == uuid.Nil {
		return sql.NullString{Valid: ok}
	}
	return sql.NullString{String: organisation.String(), Valid: true}
}

const eventColumns = `tenant, stream, version, id, type, source, time, correlation_id, trace_parent,
	cause_id, cause_type, cause_time, cause_source, cause_cause, cause_actor, data, decision_end`

var intoJournal = insertion{
	table: "journal",
	columns: []column{
		{"tenant", text}, {"stream", text}, {"version", integer}, {"id", text}, {"type", text}, {"source", text},
		{"time", integer}, {"correlation_id", text}, {"trace_parent", text}, {"cause_id", text}, {"cause_type", text},
		{"cause_time", integer}, {"cause_source", text}, {"cause_cause", text}, {"cause_actor", text}, {"data", text},
		{"decision_end", integer}, {"about", text}, {"changed_in", text},
	},
	conflict: "DO NOTHING",
}

// journal puts the events into the journal that their streams' rows do not show.
func (s *Store) journal(ctx context.Context, tx *sql.Tx, runs []*run, rows []*row) error {
	var values [][]any
	for i, r := range runs {
		for _, e := range r.events {
			if e.StreamVersion <= rows[i].version {
				continue
			}
			values = append(values, []any{
				e.Tenant, e.Stream, int64(e.StreamVersion), e.ID, e.Type, e.Source,
				nanos(e.Time), e.CorrelationID, e.TraceParent, e.Cause.ID, e.Cause.Type,
				nanos(e.Cause.Time), e.Cause.Source, e.Cause.CauseID, e.Cause.Actor, string(e.Data), int64(e.DecisionEnd),
				about(s.registry, e.Message), changedIn(e.Message),
			})
		}
	}
	return s.dialect.insert(ctx, tx, intoJournal, values)
}

// takeFromJournal shows of the row's stream what the journal has, up to a gap. It
// returns what is shown now, and the version of the last event it has read: when
// that is not shown, something waits.
func (s *Store) takeFromJournal(ctx context.Context, tx *sql.Tx, row *row) (shown []message.Message, last uint64, err error) {
	for {
		events, err := s.after(ctx, tx, row.stream, row.version)
		if err != nil {
			return nil, 0, err
		}
		now := row.take(ctx, events)
		shown = append(shown, now...)
		if len(now) < pageSize {
			return shown, highest(events, row.version), nil
		}
	}
}

// after reads the next page of a stream's events in the journal after a version.
func (s *Store) after(ctx context.Context, tx *sql.Tx, at stream, version uint64) ([]Event, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+eventColumns+` FROM journal
		WHERE tenant = $1 AND stream = $2 AND version > $3 ORDER BY version LIMIT $4`, at.tenant, at.name, int64(version), pageSize)
	if err != nil {
		return nil, err
	}
	return scanEvents(ctx, s.registry, rows)
}

// scanStreams reads the rows of a query for streams.
func scanStreams(rows *sql.Rows, failed error) (streams []stream, err error) {
	if failed != nil {
		return nil, failed
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var at stream
		if err := rows.Scan(&at.tenant, &at.name); err != nil {
			return nil, err
		}
		streams = append(streams, at)
	}
	return streams, rows.Err()
}

// standing is how far a stream has come: what is shown of it, and the last that
// was read of it; and whether it is among those that wait.
type standing struct {
	stream
	shown, highest uint64
	waiting        bool
}

var intoWaiting = insertion{
	table:    "waiting",
	columns:  append(texts("tenant", "stream"), column{"shown", integer}),
	conflict: "(tenant, stream) DO UPDATE SET shown = excluded.shown",
}

// setWaiting records of which streams the journal has more than is shown.
func (s *Store) setWaiting(ctx context.Context, tx *sql.Tx, all []standing) error {
	var waiting [][]any
	for _, at := range all {
		if at.shown < at.highest {
			waiting = append(waiting, []any{at.tenant, at.name, int64(at.shown)})
		} else if at.waiting {
			if _, err := tx.ExecContext(ctx, `DELETE FROM waiting WHERE tenant = $1 AND stream = $2`, at.tenant, at.name); err != nil {
				return err
			}
		}
	}
	return s.dialect.insert(ctx, tx, intoWaiting, waiting)
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
			&e.Cause.ID, &e.Cause.Type, &causedAt, &e.Cause.Source, &e.Cause.CauseID, &e.Cause.Actor, (*[]byte)(&e.Data), &e.DecisionEnd,
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
