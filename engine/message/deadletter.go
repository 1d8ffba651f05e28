package message

import (
	"cmp"
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
	// OriginalID is the id that the message had before it was sent back for the
	// first time; empty when it never was. Its stream knows it by that id.
	OriginalID string `json:"originalId,omitempty"`
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
	// EffectsThrough is set when the message was decided and an effect of its stream
	// failed: the version up to which the stream's effects are not all carried out.
	EffectsThrough uint64 `json:"effectsThrough,omitempty"`
}

// Original is the id under which the letter's stream knows the message.
func (l DeadLetter) Original() string { return cmp.Or(l.OriginalID, l.MessageID) }

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
// CloudEvent's subject is the stream, its originalid the letter's Original.
type Discarded struct {
	Stream string `json:"stream" validate:"required"`
	// All frees the stream of everything that is parked in it, also when nobody
	// has a letter about it any more.
	All bool `json:"all,omitempty"`
	// EffectsThrough is that of the letter: the effects that failed are given up.
	EffectsThrough uint64 `json:"effectsThrough,omitempty"`
}

// Settled says that a message which was sent back, or sent in place of a dead
// letter, has been handled. Until it arrives, nobody knows whether the message
// reached its stream. It is published on the topic TopicDeadLetters.
type Settled struct {
	// MessageID is the id under which the message was sent.
	MessageID string `json:"messageId" validate:"required"`
	// App handled it.
	App string `json:"app" validate:"required"`
}

// DeadLetterKind is the kind of the dead letters' own message type.
const DeadLetterKind Kind = "dead-letter"

// TopicDeadLetters is the topic of the dead letters.
const TopicDeadLetters = "deadletters"

// Names of the engine's own message types.
const (
	TypeDeadLetter = "DeadLetter.v1"
	TypeDiscarded  = "MessageDiscarded.v1"
	TypeSettled    = "DeadLetterSettled.v1"
	TypeWakeUp     = "WakeUp.v1" // never travels: it stands in a process's stream
)

func (r *Registry) registerOwn() {
	Register[DeadLetter](r, TypeDeadLetter, DeadLetterKind, TopicDeadLetters, nil)
	Register[Discarded](r, TypeDiscarded, Command, "", nil)
	Register[Settled](r, TypeSettled, DeadLetterKind, TopicDeadLetters, nil)
	Register[es.WakeUp](r, TypeWakeUp, Command, "", nil)
}
