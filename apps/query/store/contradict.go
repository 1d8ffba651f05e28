package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// content is what an event says.
type content struct {
	typ  string
	data []byte
}

func contentOf(e Event) content { return content{e.Type, e.Data} }

// same says whether both say the same. A store may have written the JSON in
// another way in between.
func (c content) same(o content) bool {
	if c.typ != o.typ {
		return false
	}
	if bytes.Equal(c.data, o.data) {
		return true
	}
	var a, b any
	return decodeNumbers(c.data, &a) == nil && decodeNumbers(o.data, &b) == nil && reflect.DeepEqual(a, b)
}

func decodeNumbers(data []byte, into *any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}

// contradictions takes those events out of the runs under whose version another
// event stands already, in the journal or before them in the batch, and makes
// dead letters of them: two histories of one stream are a fault that somebody has
// to look at, as after one of two stores was restored. Only what may be there is
// looked up: what a row shows, and streams that wait.
func (s *Store) contradictions(ctx context.Context, tx *sql.Tx, runs []*run, rows []*row, waiting map[stream]bool) error {
	var places []position
	for i, r := range runs {
		for _, e := range r.events {
			if e.StreamVersion <= rows[i].version || waiting[r.stream] {
				places = append(places, position{r.stream, e.StreamVersion})
			}
		}
	}
	found := map[position]content{}
	if len(places) > 0 {
		var err error
		if found, err = s.dialect.stored(ctx, tx, places); err != nil {
			return err
		}
	}
	var letters [][]any
	for _, r := range runs {
		r.events = slices.DeleteFunc(r.events, func(e Event) bool {
			at := position{r.stream, e.StreamVersion}
			if known, ok := found[at]; !ok {
				found[at] = contentOf(e)
				return false
			} else if known.same(contentOf(e)) {
				return false
			}
			slog.ErrorContext(ctx, "another event stands under this version: a stream has two histories",
				"stream", e.Stream, "version", e.StreamVersion, "type", e.Type, "id", e.ID)
			letters = append(letters, contradiction(e))
			return true
		})
	}
	return s.dialect.insert(ctx, tx, intoDeadLetters, letters)
}

// contradiction is the dead letter of an event.
func contradiction(e Event) []any {
	raw, err := message.ToCloudEvent(e.Meta, e.Data)
	if err != nil { // it was one, when it came
		raw = e.Data
	}
	l := Letter{ID: es.DerivedID("dead-letter/query/contradiction", e.ID+"\x00"+string(e.Data)), Tenant: e.Tenant, DeadLetter: message.DeadLetter{
		MessageID: e.ID, MessageType: e.Type, Topic: contracts.TopicEvents, Kind: message.Event, App: "query",
		Reason: "another event of its stream stands under its version", Attempts: 1, At: time.Now().UTC(), Message: raw,
	}.Fitting()}
	return l.values()
}

// values are the letter's, as it is inserted.
func (l Letter) values() []any {
	return []any{
		keyed(l.ID), keyed(l.Tenant), string(view.DeadLetterOpen), nanos(l.At), string(l.Kind), l.Topic,
		l.App, keyed(l.Stream), l.Reason, int64(l.Attempts), l.MessageID,
		l.MessageType, l.OriginalID, int64(l.EffectsThrough), flag(l.Truncated), l.Message,
		int64(0), "", int64(0), int64(0), "",
	}
}
