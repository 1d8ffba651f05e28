package store

import (
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
	Status    view.DeadLetterStatus
	RetriedAs string
	ClosedAt  time.Time
}

// ErrClosed: the dead letter was sent back or discarded before.
var ErrClosed = errors.New("store: the dead letter is closed")

const letterColumns = `id, tenant, status, received_at, kind, topic, handler, stream, reason, attempts,
	message_id, message_type, message, retried_as, closed_at`

var intoDeadLetters = insertion{
	table: "dead_letters",
	columns: []column{
		{"id", text}, {"tenant", text}, {"status", text}, {"received_at", integer}, {"kind", text}, {"topic", text},
		{"handler", text}, {"stream", text}, {"reason", text}, {"attempts", integer}, {"message_id", text},
		{"message_type", text}, {"message", binary}, {"retried_as", text}, {"closed_at", integer},
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

// KeepDeadLetters keeps new dead letters, each id once. An id or tenant that is
// too long for a key is kept in a shorter form.
func (s *Store) KeepDeadLetters(ctx context.Context, letters []Letter) error {
	values := make([][]any, len(letters))
	for i, l := range letters {
		values[i] = []any{
			keyed(l.ID), keyed(l.Tenant), string(view.DeadLetterOpen), nanos(l.At), string(l.Kind), l.Topic,
			l.App, l.Stream, l.Reason, int64(l.Attempts), l.MessageID,
			l.MessageType, l.Message, "", int64(0),
		}
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return s.dialect.insert(ctx, tx, intoDeadLetters, values)
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

// DeadLetters are dead letters of a status (empty: any), the newest first, at
// most limit after a cursor (its zero value: from the newest).
func (s *Store) DeadLetters(ctx context.Context, tenant string, status view.DeadLetterStatus, after Cursor, limit int) (view.DeadLetters, error) {
	out := view.DeadLetters{DeadLetters: []view.DeadLetter{}}
	letters, err := s.letters(ctx, `($2 = '' OR status = $2) AND (CAST($3 AS BIGINT) = 0 OR (received_at, id) < (CAST($3 AS BIGINT), $4))
		ORDER BY received_at DESC, id DESC LIMIT $5`, tenant, string(status), nanos(after.Time), after.ID, limit)
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

func (s *Store) letters(ctx context.Context, where string, args ...any) (letters []Letter, err error) {
	rows, err := s.query(ctx, `SELECT `+letterColumns+` FROM dead_letters WHERE tenant = $1 AND `+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var l Letter
		var at, closed int64
		if err := rows.Scan(&l.ID, &l.Tenant, &l.Status, &at, &l.Kind, &l.Topic, &l.App, &l.Stream, &l.Reason, &l.Attempts,
			&l.MessageID, &l.MessageType, &l.Message, &l.RetriedAs, &closed); err != nil {
			return nil, err
		}
		l.At, l.ClosedAt = fromNanos(at), fromNanos(closed)
		letters = append(letters, l)
	}
	return letters, rows.Err()
}

// CloseDeadLetter records that a dead letter was sent back, under a new id, or
// discarded. Error: ErrClosed.
func (s *Store) CloseDeadLetter(ctx context.Context, l Letter, status view.DeadLetterStatus, retriedAs string, at time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE dead_letters SET status = $1, retried_as = $2, closed_at = $3
			WHERE tenant = $4 AND id = $5 AND status = $6`, status, retriedAs, nanos(at), l.Tenant, l.ID, view.DeadLetterOpen)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return ErrClosed
	})
}

// View is the letter as it is shown.
func (l Letter) View() view.DeadLetter {
	d := view.DeadLetter{
		ID: l.ID, Status: l.Status, ReceivedAt: l.At, Topic: l.Topic, Handler: l.App, Reason: l.Reason, Attempts: l.Attempts,
		MessageID: l.MessageID, MessageType: l.MessageType, Stream: l.Stream, RetriedAs: l.RetriedAs, ClosedAt: l.ClosedAt,
	}
	if json.Valid(l.Message) {
		d.Message = l.Message
	} else {
		d.Raw = l.Message
	}
	return d
}
