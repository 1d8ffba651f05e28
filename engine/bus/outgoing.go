package bus

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/plenary/plenary/engine/message"
)

// Outgoing turns messages into CloudEvents.
type Outgoing struct {
	Registry *message.Registry
	// Source is the app, as it stands in the CloudEvent.
	Source string
	Now    func() time.Time
}

// Encoded is a message ready for the wire.
type Encoded struct {
	ID           string
	Kind         message.Kind
	Topic        string
	PartitionKey string
	Event        []byte // a CloudEvent in the JSON format
}

// Encode completes a message's metadata and encodes it.
func (o *Outgoing) Encode(m message.Message) (Encoded, error) {
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
		meta.TraceParent = NewTraceParent()
	}
	event, err := message.ToCloudEvent(meta, data)
	if err != nil {
		return Encoded{}, err
	}
	return Encoded{ID: meta.ID, Kind: to.Kind, Topic: to.Topic, PartitionKey: meta.PartitionKey, Event: event}, nil
}

// NewTraceParent starts a trace, in the W3C form. It is sampled, so that
// whoever looks at traces decides.
func NewTraceParent() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return "00-" + hex.EncodeToString(b[:16]) + "-" + hex.EncodeToString(b[16:]) + "-01"
}
