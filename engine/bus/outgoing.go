package bus

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/tracing"
)

// Outgoing turns messages into CloudEvents.
type Outgoing struct {
	Registry *message.Registry
	// Source is the app, as it stands in the CloudEvent.
	Source string
	Now    func() time.Time
	// TopicOf, if set, is the topic of the bus on which the app publishes for a topic:
	// see Senders.
	TopicOf func(topic, app string) string
}

// Encoded is a message ready for the wire.
type Encoded struct {
	ID           string
	Kind         message.Kind
	Topic        string
	PartitionKey string
	Event        []byte // a CloudEvent in the JSON format
}

// Encode completes a message's metadata and encodes it. One that has no trace
// gets that of ctx.
func (o *Outgoing) Encode(ctx context.Context, m message.Message) (Encoded, error) {
	meta := m.Meta
	var to message.Address
	var data []byte
	if raw, ok := m.Body.(json.RawMessage); ok && m.To != nil {
		data = raw
	} else {
		t, ok := o.Registry.TypeOf(m.Body)
		if !ok {
			return Encoded{}, fmt.Errorf("%w: Go type %T", message.ErrUnknownType, m.Body)
		}
		to = message.Address{Kind: t.Kind, Topic: t.Topic}
		if meta.PartitionKey == "" {
			meta.PartitionKey = t.Key(m.Body)
		}
		var err error
		if meta.Type, data, err = o.Registry.Encode(meta, m.Body); err != nil {
			return Encoded{}, err
		}
	}
	if m.To != nil {
		to = *m.To
	}
	if meta.Source == "" {
		meta.Source = o.Source
	}
	if meta.Time.IsZero() {
		meta.Time = o.Now().UTC()
	}
	if meta.Tenant == "" {
		meta.Tenant = message.DefaultTenant
	}
	if meta.TraceParent == "" {
		meta.TraceParent = cmp.Or(tracing.Parent(ctx), tracing.Untraced())
	}
	event, err := message.ToCloudEvent(meta, data)
	if err != nil {
		return Encoded{}, err
	}
	if o.TopicOf != nil && to.Topic != "" {
		to.Topic = o.TopicOf(to.Topic, o.Source)
	}
	return Encoded{ID: meta.ID, Kind: to.Kind, Topic: to.Topic, PartitionKey: meta.PartitionKey, Event: event}, nil
}
