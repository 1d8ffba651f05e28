package repeat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
)

// notes keep beyond the end of a replica what is kept in its memory: of each replica of
// an app, under one key, what was under way for so long that it may be lost, and when
// it ends all that was under way. Nothing is written while nothing is lost. What a
// replica has noted that is gone, another one takes over.
type notes struct {
	keys    state.Store
	app     string
	replica string

	written bool // there are notes of this replica
	looked  time.Time
}

const (
	// noteAfter is how many times Keeper.after a message is under way before it is noted:
	// by then its readers were asked, and it was sent again.
	noteAfter = 2
	// goneAfter is the time after which a replica is taken to be gone that has not
	// written its notes anew; it does so each time it sweeps. lookEvery is how often one
	// looks for such notes.
	goneAfter = time.Minute
	lookEvery = time.Minute
	// mostNoted bounds what one replica notes, in bytes, and mostNotes how many messages
	// that can be at most.
	mostNoted = 256 << 10
	mostNotes = mostNoted / entryBytes
	// leaveWithin is the time for the last notes.
	leaveWithin = 3 * time.Second
	tries       = 5
)

// note is a message as it is noted. An event that can be read from its stream is noted
// without its body.
type note struct {
	Meta    message.Meta    `json:"meta"`
	Data    json.RawMessage `json:"data,omitempty"`
	Kind    message.Kind    `json:"kind"`
	Topic   string          `json:"topic"`
	Readers []string        `json:"readers"`
	Sent    time.Time       `json:"sent"`
}

// section is what one replica has noted.
type section struct {
	At    time.Time `json:"at"`
	Notes []note    `json:"notes"`
}

func (n *notes) key() string { return message.DefaultTenant + "/unheard/" + n.app }

// change changes the notes of all replicas, once more after a conflict.
func (n *notes) change(ctx context.Context, change func(all map[string]section) (changed bool)) error {
	var failed error
	for range tries {
		got, err := n.keys.Get(ctx, []string{n.key()})
		if err != nil {
			return err
		}
		all := map[string]section{}
		entry, found := got[n.key()]
		if found {
			if err := json.Unmarshal(entry.Value, &all); err != nil {
				return fmt.Errorf("notes of messages under way: %w", err)
			}
		}
		if !change(all) {
			return nil
		}
		data, err := json.Marshal(all)
		if err != nil {
			return err
		}
		if failed = n.keys.Save(ctx, []state.Write{{Key: n.key(), Value: data, ETag: entry.ETag}})[0]; failed == nil {
			return nil
		}
	}
	return failed
}

// keepNotes notes what has been under way for long, and takes over what others noted
// that are gone.
func (s *Sender) keepNotes(ctx context.Context) {
	if s.Keys == nil {
		return
	}
	now := s.Now()
	old := s.Keeper.Old(now.Add(-noteAfter*s.Keeper.after), mostNotes)
	if len(old) == 0 && !s.notes.written && now.Sub(s.notes.looked) < lookEvery {
		return
	}
	if err := s.note(ctx, now, old, true); err != nil && ctx.Err() == nil {
		slog.WarnContext(ctx, "messages under way could not be noted", "messages", len(old), "error", err)
	}
}

// leaveNotes notes all that is under way, for another replica.
func (s *Sender) leaveNotes(ctx context.Context) {
	if s.Keys == nil {
		return
	}
	all := s.Keeper.Old(s.Now().Add(time.Hour), mostNotes)
	if len(all) == 0 && !s.notes.written {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	// At the zero time, so that whoever looks next takes them over at once.
	if err := s.note(ctx, time.Time{}, all, false); err != nil {
		slog.WarnContext(ctx, "messages under way could not be left to another replica", "messages", len(all), "error", err)
	}
}

// note writes this replica's notes and, if it goes on, takes over those of others.
func (s *Sender) note(ctx context.Context, at time.Time, kept []Kept, goesOn bool) error {
	own, err := s.asNotes(kept)
	if err != nil {
		return err
	}
	var gone []note
	if err := s.notes.change(ctx, func(all map[string]section) bool {
		gone = nil
		before := len(all)
		if goesOn {
			for replica, of := range maps.Clone(all) {
				if replica != s.notes.replica && at.Sub(of.At) > goneAfter {
					gone = append(gone, of.Notes...)
					delete(all, replica)
				}
			}
			own := slices.Concat(own, gone) // they are this one's now
			if len(own) == 0 {
				delete(all, s.notes.replica)
				return len(all) != before
			}
			all[s.notes.replica] = section{at, own}
			return true
		}
		if len(own) == 0 {
			delete(all, s.notes.replica)
			return len(all) != before
		}
		all[s.notes.replica] = section{at, own}
		return true
	}); err != nil {
		return err
	}
	s.notes.written, s.notes.looked = len(own)+len(gone) > 0, at
	for _, n := range gone {
		m := message.Message{Meta: n.Meta, To: &message.Address{Kind: n.Kind, Topic: n.Topic}}
		if n.Data != nil {
			m.Body = n.Data
		}
		s.Keeper.Adopt(at, Kept{Message: m, Readers: n.Readers, Sent: n.Sent})
	}
	return nil
}

// asNotes are the newest of them that there is room for.
func (s *Sender) asNotes(kept []Kept) (out []note, err error) {
	bytes := 0
	for _, k := range slices.Backward(kept) {
		n := note{Meta: k.Message.Meta, Readers: k.Readers, Sent: k.Sent}
		n.Kind, n.Topic = s.address(k.Message)
		if !IsInStream(n.Meta) {
			if n.Meta.Type, n.Data, err = s.dataOf(k.Message); err != nil {
				return nil, err
			}
		}
		if bytes += entryBytes + len(n.Data); bytes > mostNoted {
			break
		}
		out = append(out, n)
	}
	return out, nil
}

var errNoBody = errors.New("repeat: a message without a body")

func (s *Sender) dataOf(m message.Message) (typeName string, data json.RawMessage, err error) {
	switch body := m.Body.(type) {
	case nil:
		return "", nil, errNoBody
	case json.RawMessage:
		return m.Type, body, nil
	}
	return s.Registry.Encode(m.Meta, m.Body)
}
