package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/engine/message"
)

// Letter is a dead letter with what is needed to deal with it.
type Letter struct {
	ID     string
	Tenant string
	message.DeadLetter
	Status view.DeadLetterStatus
	// Sends is how often something was sent for the letter: the message itself, or
	// what says that it was discarded. SentAs is the id of the last.
	Sends    int
	SentAs   string
	ClosedAt time.Time
	// SettledAt is when it was known that what was sent has been handled, or has
	// come back as another letter, CameBack.
	SettledAt time.Time
	CameBack  string
}

// ErrClosed: the dead letter was dealt with before.
var ErrClosed = errors.New("store: the dead letter is closed")

const letterColumns = `id, tenant, status, received_at, kind, topic, handler, stream, reason, attempts,
	message_id, message_type, original_id, effects_through, truncated, message, sends, sent_as, closed_at, settled_at, came_back`

var intoDeadLetters = insertion{
	table: "dead_letters",
	columns: []column{
		{"id", text}, {"tenant", text}, {"status", text}, {"received_at", integer}, {"kind", text}, {"topic", text},
		{"handler", text}, {"stream", text}, {"reason", text}, {"attempts", integer}, {"message_id", text},
		{"message_type", text}, {"original_id", text}, {"effects_through", integer}, {"truncated", integer}, {"message", binary},
		{"sends", integer}, {"sent_as", text}, {"closed_at", integer}, {"settled_at", integer}, {"came_back", text},
	},
	conflict: "DO NOTHING",
}

// longestKey is how many bytes of a text may be in a key of an index: PostgreSQL
// refuses a key of 2,700 bytes.
const longestKey = 512

// keyed is a text of anybody's, short enough for a key; what is cut off gives way
// to a digest, so that different texts stay different.
func keyed(text string) string {
	if text = storable(text); len(text) <= longestKey {
		return text
	}
	digest := sha256.Sum256([]byte(text))
	end := hex.EncodeToString(digest[:])
	return strings.ToValidUTF8(text[:longestKey-len(end)], "") + end
}

// KeepDeadLetters keeps new dead letters, each id once. An id, tenant or stream
// that is too long for a key is kept in a shorter form. A letter about a message
// that was sent back settles the letter for which it was sent.
func (s *Store) KeepDeadLetters(ctx context.Context, letters []Letter) error {
	values := make([][]any, len(letters))
	for i, l := range letters {
		values[i] = l.values()
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.dialect.insert(ctx, tx, intoDeadLetters, values); err != nil {
			return err
		}
		for _, l := range letters {
			if l.MessageID == "" {
				continue
			}
			if _, err := tx.ExecContext(ctx, `UPDATE dead_letters SET settled_at = $1, came_back = $2
				WHERE sent_as = $3 AND settled_at = 0 AND id <> $2`, nanos(l.At), keyed(l.ID), storable(l.MessageID)); err != nil {
				return err
			}
		}
		return nil
	})
}

// SettleDeadLetters records that an app has handled what was sent for dead
// letters of its own, or of the sidecar's, under these ids.
func (s *Store) SettleDeadLetters(ctx context.Context, app string, sent []string, at time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, id := range sent {
			if _, err := tx.ExecContext(ctx, `UPDATE dead_letters SET settled_at = $1
				WHERE sent_as = $2 AND settled_at = 0 AND handler IN ($3, '')`, nanos(at), storable(id), storable(app)); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeadLetter is one dead letter. Error: ErrNotFound.
func (s *Store) DeadLetter(ctx context.Context, tenant, id string) (Letter, error) {
	letters, err := s.letters(ctx, `id = $2`, tenant, id)
	if err != nil {
		return Letter{}, err
	}
	if len(letters) == 0 {
		return Letter{}, ErrNotFound
	}
	return letters[0], nil
}

// LetterFilter chooses dead letters. What is empty chooses all.
type LetterFilter struct {
	Status view.DeadLetterStatus
	// Unsettled leaves out the letters that are dealt with.
	Unsettled                            bool
	Reason, Handler, MessageType, Stream string
}

const chosen = `($2 = '' OR status = $2) AND (CAST($3 AS BIGINT) = 0 OR settled_at = 0)
	AND ($4 = '' OR reason = $4) AND ($5 = '' OR handler = $5) AND ($6 = '' OR message_type = $6) AND ($7 = '' OR stream = $7)`

func (f LetterFilter) args(tenant string) []any {
	return []any{tenant, string(f.Status), flag(f.Unsettled), f.Reason, f.Handler, f.MessageType, f.Stream}
}

// DeadLetters are the chosen dead letters, the newest first, at most limit after
// a cursor (its zero value: from the newest).
func (s *Store) DeadLetters(ctx context.Context, tenant string, by LetterFilter, after Cursor, limit int) (view.DeadLetters, error) {
	out := view.DeadLetters{DeadLetters: []view.DeadLetter{}}
	letters, err := s.letters(ctx, chosen+` AND (CAST($8 AS BIGINT) = 0 OR (received_at, id) < (CAST($8 AS BIGINT), $9))
		ORDER BY received_at DESC, id DESC LIMIT $10`, append(by.args(tenant), nanos(after.Time), after.ID, limit)...)
	if err != nil {
		return out, err
	}
	for _, l := range letters {
		d := l.View()
		d.Message, d.Raw = nil, nil
		out.DeadLetters = append(out.DeadLetters, d)
	}
	if n := len(letters); n == limit {
		out.Next = Cursor{letters[n-1].At, letters[n-1].ID}.String()
	}
	return out, nil
}

// OldestDeadLetters are the chosen dead letters with their messages, the oldest
// first, at most limit after a cursor: the order in which they are sent back.
func (s *Store) OldestDeadLetters(ctx context.Context, tenant string, by LetterFilter, after Cursor, limit int) ([]Letter, error) {
	return s.letters(ctx, chosen+` AND (received_at, id) > (CAST($8 AS BIGINT), $9) ORDER BY received_at, id LIMIT $10`,
		append(by.args(tenant), nanos(after.Time), after.ID, limit)...)
}

func (s *Store) letters(ctx context.Context, where string, args ...any) (letters []Letter, err error) {
	rows, err := s.query(ctx, `SELECT `+letterColumns+` FROM dead_letters WHERE tenant = $1 AND `+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var l Letter
		var at, truncated, closed, settled int64
		if err := rows.Scan(&l.ID, &l.Tenant, &l.Status, &at, &l.Kind, &l.Topic, &l.App, &l.Stream, &l.Reason, &l.Attempts,
			&l.MessageID, &l.MessageType, &l.OriginalID, &l.EffectsThrough, &truncated, &l.Message,
			&l.Sends, &l.SentAs, &closed, &settled, &l.CameBack); err != nil {
			return nil, err
		}
		l.Truncated = truncated != 0
		l.At, l.ClosedAt, l.SettledAt = fromNanos(at), fromNanos(closed), fromNanos(settled)
		letters = append(letters, l)
	}
	return letters, rows.Err()
}

// CloseDeadLetter records that something is about to be sent for a dead letter,
// which is thereby retried or discarded; settled says that nothing is sent, and
// nothing waits for it. It may be done again until the letter is settled. Error:
// ErrClosed, also when somebody else has dealt with the letter since it was read.
func (s *Store) CloseDeadLetter(ctx context.Context, l Letter, status view.DeadLetterStatus, sentAs string, settled bool, at time.Time) error {
	var settledAt int64
	if settled {
		settledAt = nanos(at)
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE dead_letters SET status = $1, sent_as = $2, closed_at = $3, settled_at = $4, sends = sends + 1
			WHERE tenant = $5 AND id = $6 AND settled_at = 0 AND sends = $7`,
			string(status), sentAs, nanos(at), settledAt, l.Tenant, l.ID, l.Sends)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return ErrClosed
	})
}

// FreeStream records that everything that is parked in a stream of an app is
// about to be discarded with one message.
func (s *Store) FreeStream(ctx context.Context, tenant, app, stream, sentAs string, at time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE dead_letters SET status = $1, sent_as = $2, closed_at = $3, sends = sends + 1
			WHERE tenant = $4 AND handler = $5 AND stream = $6 AND settled_at = 0`,
			string(view.DeadLetterDiscarded), sentAs, nanos(at), tenant, storable(app), keyed(stream))
		return err
	})
}

// ParkedStreams are the streams of apps for which there are dead letters that
// are not settled, those with the oldest letter first, at most limit after a
// cursor.
func (s *Store) ParkedStreams(ctx context.Context, tenant string, after Cursor, limit int) (out view.ParkedStreams, err error) {
	out.Streams = []view.ParkedStream{}
	rows, err := s.query(ctx, `SELECT handler, stream, MIN(topic), MIN(kind), COUNT(*), MIN(received_at), MAX(received_at), MIN(reason)
		FROM dead_letters WHERE tenant = $1 AND settled_at = 0 AND stream <> '' GROUP BY handler, stream
		HAVING (MIN(received_at), handler || '|' || stream) > (CAST($2 AS BIGINT), $3)
		ORDER BY MIN(received_at), handler || '|' || stream LIMIT $4`, tenant, nanos(after.Time), after.ID, limit)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p view.ParkedStream
		var oldest, newest int64
		if err := rows.Scan(&p.Handler, &p.Stream, &p.Topic, &p.Kind, &p.Letters, &oldest, &newest, &p.Reason); err != nil {
			return out, err
		}
		p.Since, p.Last = fromNanos(oldest), fromNanos(newest)
		out.Streams = append(out.Streams, p)
	}
	if n := len(out.Streams); n == limit {
		last := out.Streams[n-1]
		out.Next = Cursor{last.Since, last.Handler + "|" + last.Stream}.String()
	}
	return out, rows.Err()
}

// ParkedStream is one of them. Error: ErrNotFound.
func (s *Store) ParkedStream(ctx context.Context, tenant, app, stream string) (view.ParkedStream, error) {
	p := view.ParkedStream{Handler: app, Stream: stream}
	var oldest, newest sql.NullInt64
	var topic, kind, reason sql.NullString
	err := s.reader.QueryRowContext(ctx, `SELECT MIN(topic), MIN(kind), COUNT(*), MIN(received_at), MAX(received_at), MIN(reason)
		FROM dead_letters WHERE tenant = $1 AND settled_at = 0 AND handler = $2 AND stream = $3`,
		tenant, storable(app), keyed(stream)).Scan(&topic, &kind, &p.Letters, &oldest, &newest, &reason)
	if err == nil && p.Letters == 0 {
		err = ErrNotFound
	}
	p.Topic, p.Kind, p.Reason = topic.String, kind.String, reason.String
	p.Since, p.Last = fromNanos(oldest.Int64), fromNanos(newest.Int64)
	return p, err
}

// DeadLetterReasons counts the dead letters that are not settled by reason, the
// most frequent first.
func (s *Store) DeadLetterReasons(ctx context.Context, tenant string, limit int) (out view.DeadLetterReasons, err error) {
	out.Reasons = []view.DeadLetterReason{}
	rows, err := s.query(ctx, `SELECT handler, message_type, reason, COUNT(*), MIN(received_at), MAX(received_at)
		FROM dead_letters WHERE tenant = $1 AND settled_at = 0 GROUP BY handler, message_type, reason
		ORDER BY COUNT(*) DESC, handler, message_type, reason LIMIT $2`, tenant, limit)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r view.DeadLetterReason
		var oldest, newest int64
		if err := rows.Scan(&r.Handler, &r.MessageType, &r.Reason, &r.Letters, &oldest, &newest); err != nil {
			return out, err
		}
		r.Since, r.Last = fromNanos(oldest), fromNanos(newest)
		out.Reasons = append(out.Reasons, r)
	}
	return out, rows.Err()
}

// View is the letter as it is shown.
func (l Letter) View() view.DeadLetter {
	d := view.DeadLetter{
		ID: l.ID, Status: l.Status, ReceivedAt: l.At, Topic: l.Topic, Handler: l.App, Reason: l.Reason, Attempts: l.Attempts,
		MessageID: l.MessageID, MessageType: l.MessageType, Stream: l.Stream, ClosedAt: l.ClosedAt,
		SettledAt: l.SettledAt, CameBackAs: l.CameBack,
	}
	if l.Status == view.DeadLetterRetried {
		d.RetriedAs = l.SentAs
	}
	if json.Valid(l.Message) {
		d.Message = l.Message
	} else {
		d.Raw = l.Message
	}
	return d
}

// Original is the id under which the stream knows the message.
func (l Letter) Original() string { return cmp.Or(l.OriginalID, l.MessageID) }
