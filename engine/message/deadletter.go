package message

import (
	"time"

	"github.com/plenary/plenary/engine/es"
)

// DeadLetter is a message that was given up, with all that is needed to look
// at it and to send it back. It is published on the topic TopicDeadLetters.
type DeadLetter struct {
	// MessageID and MessageType are those of the message, as far as they could be
	// read.
	MessageID   string `json:"messageId,omitempty"`
	MessageType string `json:"messageType,omitempty"`
	// Topic it came from, on which kind of bus, and App that gave it up.
	Topic string `json:"topic"`
	Kind  Kind   `json:"kind,omitempty"`
	App   string `json:"app"`
	// Stream that the message was for; its later messages wait.
	Stream string `json:"stream,omitempty"`
	// Reason is for an operator; it has no personal data.
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	At       time.Time `json:"at"`
	// Message is the message as it was received: a CloudEvent, or whatever it was.
	Message []byte `json:"message"`
	// Truncated says that Message is only the beginning of what was received, which
	// was too large to be published once more. It cannot be sent back.
	Truncated bool `json:"truncated,omitempty"`
}

// maxLetter bounds DeadLetter.Message: brokers take 1 MB, and it grows by a
// third on its way.
const maxLetter = 512 << 10

// Fitting is the letter as it can be published.
func (l DeadLetter) Fitting() DeadLetter {
	if len(l.Message) > maxLetter {
		l.Message, l.Truncated = l.Message[:maxLetter], true
	}
	return l
}

// Discarded is what is sent to a topic in place of a dead letter that an
// operator has thrown away, so that the messages held behind it may go on. The
// CloudEvent's subject is the stream, its originalid the id of the dead letter.
type Discarded struct {
	Stream string `json:"stream" validate:"required"`
}

// DeadLetterKind is the kind of the dead letters' own message type.
const DeadLetterKind Kind = "dead-letter"

// TopicDeadLetters is the topic of the dead letters.
const TopicDeadLetters = "deadletters"

// Names of the engine's own message types.
const (
	TypeDeadLetter = "DeadLetter.v1"
	TypeDiscarded  = "MessageDiscarded.v1"
	TypeWakeUp     = "WakeUp.v1" // never travels: it stands in a process's stream
)

func (r *Registry) registerOwn() {
	Register[DeadLetter](r, TypeDeadLetter, DeadLetterKind, TopicDeadLetters, nil)
	Register[Discarded](r, TypeDiscarded, Command, "", nil)
	Register[es.WakeUp](r, TypeWakeUp, Command, "", nil)
}
