// Package message is what travels and what is stored: the metadata that every
// message carries, the registry that knows each message type, and the codec
// between Go values, stored JSON and CloudEvents.
package message

import (
	"strings"
	"time"
)

// DefaultTenant is the tenant of an installation that has only one.
const DefaultTenant = "main"

// Meta is the metadata of a message. On the wire it is the CloudEvent's
// attributes; each field names its attribute. The JSON names are those of
// messages held back in a stream's document.
type Meta struct {
	ID     string    `json:"id,omitempty"`     // id
	Type   string    `json:"type,omitempty"`   // type: name and major version, "OrderPlaced.v1"
	Source string    `json:"source,omitempty"` // source: the app that published it
	Stream string    `json:"stream,omitempty"` // subject: "order/6f2c…"; for a command the stream it is for, if the sender knows
	Time   time.Time `json:"time,omitzero"`    // time, UTC

	Tenant        string `json:"tenant,omitempty"`   // tenant
	CorrelationID string `json:"corr,omitempty"`     // correlationid: the order or conference the conversation is about
	PartitionKey  string `json:"key,omitempty"`      // partitionkey: messages of one key stay together where the broker can
	TraceParent   string `json:"trace,omitempty"`    // traceparent, W3C; also sent as traceid, without which Dapr overwrites it
	OriginalID    string `json:"original,omitempty"` // originalid: of a dead letter sent back, the id it had before the first time
	Actor         string `json:"actor,omitempty"`    // actor: of a command, on whose behalf it was sent, in the sender's words; empty: nobody's that is known

	StreamVersion uint64 `json:"sv,omitempty"` // streamversion: of an event, its place in its stream, from 1
	// DecisionEnd is the version of the last event of the same decision, 0 for that
	// event itself (decisionend): a reader that has seen it has seen them all.
	DecisionEnd uint64 `json:"end,omitempty"`
	// Repeated is how often the sender has sent the message again, since it had no sign
	// that it arrived (repeated). It is 0 the first time.
	Repeated int   `json:"repeated,omitempty"`
	Cause    Cause `json:"cause,omitzero"`
}

// RefusalStreams is the kind of the streams that hold nothing but the answer to a command
// whose own stream does not exist: "refusal/6f2c…", by the command's id. They are stored
// nowhere under that name.
const RefusalStreams = "refusal"

// IsRefusalStream says whether a stream, by its name, is such a one.
func IsRefusalStream(stream string) bool { return strings.HasPrefix(stream, RefusalStreams+"/") }

// Name is the type without its version.
func (m Meta) Name() string { return NameOf(m.Type) }

// NameOf is a type's name without its version.
func NameOf(typeName string) string {
	name, _, _ := strings.Cut(typeName, ".")
	return name
}

// Cause says what led to a message. For an event it is the command that was
// decided, and what had caused that; so a reader of events alone can tell the
// whole story.
type Cause struct {
	ID      string    `json:"id,omitempty"`     // causationid
	Type    string    `json:"type,omitempty"`   // causationtype
	Time    time.Time `json:"time,omitzero"`    // causationtime
	CauseID string    `json:"cause,omitempty"`  // causationcause: what caused the cause
	Source  string    `json:"source,omitempty"` // causationsource: who sent the cause
	Actor   string    `json:"actor,omitempty"`  // causationactor: on whose behalf it was sent
}

// Message is a decoded message: Body is a value (not a pointer) of the Go type
// that the registry has for Meta.Type.
type Message struct {
	Meta
	Body any
	// To overrides where the message goes; nil is where the registry says. A
	// message with To may have a json.RawMessage as its body.
	To *Address
}

// Address is a topic on the bus for one kind of message.
type Address struct {
	Kind  Kind
	Topic string
}
