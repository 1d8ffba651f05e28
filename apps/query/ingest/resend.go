package ingest

import (
	"cmp"
	"errors"
	"strconv"
	"time"

	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

// ErrNotResendable: the message belongs to no topic that is known, it was given up on
// another topic than that or by an app that does not read it, or it is no message at
// all.
var ErrNotResendable = errors.New("the message cannot be sent back")

// Resend is a dead letter's message as it is sent back to its topic: with a new id,
// since brokers drop repeated ones, and its first id as originalid. Error:
// ErrNotResendable.
func Resend(r *message.Registry, l store.Letter) (message.Message, error) {
	meta, data, err := message.FromCloudEvent(l.Message)
	if err != nil || l.Truncated {
		return message.Message{}, ErrNotResendable
	}
	// Where it goes follows from its type alone: what a dead letter says of that may
	// be made up, and so may the message. But the app that gave it up is known from the
	// topic of the letter, and an app can give up only what it reads.
	t, ok := r.Lookup(meta.Type)
	if !ok || t.Topic == "" || l.Topic != "" && l.Topic != t.Topic || !topology.Reads(l.App, t.Topic) {
		return message.Message{}, ErrNotResendable
	}
	to := &message.Address{Kind: t.Kind, Topic: t.Topic}
	meta.OriginalID, meta.ID = cmp.Or(meta.OriginalID, meta.ID), sendID(l, "retry")
	return message.Message{Meta: meta, Body: data, To: to}, nil
}

// sendID is the id of the message that is sent for a letter. It is another one each time,
// since it may have been lost on its way.
func sendID(l store.Letter, what string) string {
	return es.DerivedID("dead-letter/"+l.ID, what+"/"+strconv.Itoa(l.Sends+1))
}

// Discard is what is sent in place of a dead letter that was thrown away, so
// that messages held behind it go on; ok is false when none can be.
func Discard(l store.Letter) (m message.Message, ok bool) {
	if l.Stream == "" || l.Topic == "" {
		return message.Message{}, false
	}
	return message.Message{
		Meta: message.Meta{
			ID: sendID(l, "discard"), OriginalID: l.Original(), Stream: l.Stream, Tenant: l.Tenant,
		},
		Body: message.Discarded{Stream: l.Stream, EffectsThrough: l.EffectsThrough},
		To:   &message.Address{Kind: l.Kind, Topic: l.Topic},
	}, true
}

// Free is what is sent to free a stream of all that is parked in it. It has
// another id at another time.
func Free(tenant, stream, topic string, kind message.Kind, at time.Time) message.Message {
	return message.Message{
		Meta: message.Meta{ID: es.DerivedID("free/"+tenant+"/"+stream, at.Format(time.RFC3339Nano)), Stream: stream, Tenant: tenant},
		Body: message.Discarded{Stream: stream, All: true},
		To:   &message.Address{Kind: kind, Topic: topic},
	}
}
