package ingest

import (
	"errors"

	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// ErrNotResendable: nobody knows where the message belongs, or it is no message
// at all.
var ErrNotResendable = errors.New("the message cannot be sent back")

// Resend is a dead letter's message as it is sent back to its topic: under a
// new id, since brokers drop repeated ones, with the old as its originalid. The
// new id is the same whenever the same letter is sent back. Error:
// ErrNotResendable.
func Resend(r *message.Registry, l store.Letter) (message.Message, error) {
	meta, data, err := message.FromCloudEvent(l.Message)
	if err != nil {
		return message.Message{}, ErrNotResendable
	}
	to := &message.Address{Kind: l.Kind, Topic: l.Topic}
	if to.Topic == "" { // the sidecar gave it up
		t, ok := r.Lookup(meta.Type)
		if !ok || t.Topic == "" {
			return message.Message{}, ErrNotResendable
		}
		to = &message.Address{Kind: t.Kind, Topic: t.Topic}
	}
	meta.OriginalID, meta.ID = meta.ID, es.DerivedID("dead-letter/"+l.ID, "retry")
	return message.Message{Meta: meta, Body: data, To: to}, nil
}

// Discard is what is sent in place of a dead letter that was thrown away, so
// that messages held behind it go on; ok is false when none can be.
func Discard(l store.Letter) (m message.Message, ok bool) {
	if l.Stream == "" || l.Topic == "" {
		return message.Message{}, false
	}
	return message.Message{
		Meta: message.Meta{
			ID: es.DerivedID("dead-letter/"+l.ID, "discard"), OriginalID: l.MessageID, Stream: l.Stream, Tenant: l.Tenant,
		},
		Body: message.Discarded{Stream: l.Stream},
		To:   &message.Address{Kind: l.Kind, Topic: l.Topic},
	}, true
}
