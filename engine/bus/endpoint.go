package bus

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// Parker keeps what cannot be handled.
type Parker interface {
	// Park publishes a dead letter; nil only when it is durable.
	Park(ctx context.Context, letter message.DeadLetter) error
}

// Endpoint is the HTTP endpoint that Dapr delivers batches to. Each message is a
// CloudEvent, or several in the JSON batch format. It decodes and validates every
// event, hands the valid ones to the handler, and answers a status for each message.
// An event that is malformed is parked. One of an
// unknown type, which may come from a later version, is counted, logged and
// acknowledged; a command of one is counted, logged and handed on with a nil Body.
type Endpoint struct {
	Registry *message.Registry
	Handler  Handler
	Parker   Parker
	App      string
	Kind     message.Kind // of the messages on this bus
	Meter    *Meter
	// KeepUnknown hands messages of unknown types to the handler too, with a nil
	// Body: for a reader that must not have gaps.
	KeepUnknown bool
	// Senders, if set, says who may send what. A message that does not fit is parked.
	Senders Senders
	// Believe, if set, refuses what a sender may send only in another form.
	Believe func(m message.Message) error
}

// Senders knows who sends what. On the bus, each app has a topic of its own for each
// topic of the registry. No other app can publish there, which is for the bus to see
// to, so that the topic proves who published a message.
type Senders interface {
	// TopicOf is the topic of the bus on which an app publishes for a topic.
	TopicOf(topic, app string) string
	// OriginOf is the topic and the app that a topic of the bus belongs to; the app is
	// empty where it is nobody's own.
	OriginOf(name string) (topic, app string)
	// MaySend says whether a message, by the name of its type without the version, may
	// say that it is from source when it was published by an app.
	MaySend(publisher, source, topic, name string) bool
}

// bulkRequest is Dapr's bulk delivery.
type bulkRequest struct {
	Topic   string `json:"topic"`
	Entries []struct {
		EntryID string          `json:"entryId"`
		Event   json.RawMessage `json:"event"`
	} `json:"entries"`
}

type bulkStatus struct {
	EntryID string `json:"entryId"`
	Status  string `json:"status"`
}

// maxBulkBytes bounds a delivery: some hundreds of messages of at most 1 MB
// would be refused, but those are never sent.
const maxBulkBytes = 64 << 20

// Serve handles one delivery.
func (e *Endpoint) Serve(c *gin.Context) {
	var req bulkRequest
	if err := readJSON(http.MaxBytesReader(c.Writer, c.Request.Body, maxBulkBytes), &req); err != nil {
		slog.ErrorContext(c, "bulk delivery that cannot be read", "error", err)
		c.Status(http.StatusBadRequest)
		return
	}
	if req.Entries == nil {
		// Any answer but an error would lose it.
		slog.ErrorContext(c, "delivery of a single message: the Subscription needs bulkSubscribe.enabled", "path", c.FullPath())
		c.Status(http.StatusInternalServerError)
		return
	}
	ctx, done := finish(c.Request.Context())
	defer done()
	topic, publisher := req.Topic, ""
	if e.Senders != nil {
		topic, publisher = e.Senders.OriginOf(req.Topic)
	}
	d := delivered{Endpoint: e, topic: topic, publisher: publisher, statuses: make([]Status, len(req.Entries))}
	for i, entry := range req.Entries {
		events, areJSON := message.UnpackCloudEvents(payload(entry.Event))
		e.Meter.Message(ctx, topic, len(events))
		for _, raw := range events {
			d.take(ctx, i, raw, areJSON)
		}
	}
	d.handle(ctx)
	out := make([]bulkStatus, len(req.Entries))
	for i, entry := range req.Entries {
		out[i] = bulkStatus{EntryID: entry.EntryID, Status: d.statuses[i].String()}
	}
	c.JSON(http.StatusOK, gin.H{"statuses": out})
}

// bodies are buffers for what is read. A delivery may have a MB, of which nothing is kept:
// each message is copied out of it.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKept is the largest buffer that is used again.
const maxKept = 4 << 20

// readJSON decodes all that is read into what to points at.
func readJSON(from io.Reader, to any) error {
	body := bodies.Get().(*bytes.Buffer)
	defer func() {
		if body.Cap() <= maxKept {
			body.Reset()
			bodies.Put(body)
		}
	}()
	if _, err := body.ReadFrom(from); err != nil {
		return err
	}
	return json.Unmarshal(body.Bytes(), to)
}

// maxHandled is how many events are handled at once. A delivery has many times that
// when its messages are batches.
const maxHandled = 200

// delivered is one delivery on its way to the handler.
type delivered struct {
	*Endpoint
	topic     string
	publisher string   // the app that published it; empty if that is not known
	statuses  []Status // of its messages

	batch []Delivery // the events that are to be handled
	of    []int      // the message that each of them came with
}

// take takes one event of a message.
func (d *delivered) take(ctx context.Context, of int, raw []byte, isJSON bool) {
	event, err := d.decode(raw, isJSON, d.topic, d.publisher)
	switch {
	case d.Kind == message.DeadLetterKind:
		event = asDeadLetter(event, raw, d.publisher, err)
	case err == nil:
	case errors.Is(err, message.ErrUnknownType):
		slog.WarnContext(ctx, "message of unknown type", "type", event.Message.Type, "id", event.Message.ID, "topic", d.topic)
		d.Meter.Unknown(ctx, d.topic)
		if !d.KeepUnknown && d.Kind != message.Command {
			return
		}
	default:
		d.settle(of, d.park(ctx, event, raw, d.topic, err))
		return
	}
	d.batch, d.of = append(d.batch, event), append(d.of, of)
	if len(d.batch) == maxHandled {
		d.handle(ctx)
	}
}

// handle has the events handled that were taken.
func (d *delivered) handle(ctx context.Context) {
	if len(d.batch) == 0 {
		return
	}
	for i, s := range d.Handler.HandleBatch(ctx, d.batch) {
		d.settle(d.of[i], s)
	}
	d.batch, d.of = nil, nil
}

// settle gives a message the status of one of its events. It comes again if one of
// them has to; then the others decide nothing again.
func (d *delivered) settle(of int, s Status) {
	if s == Retry || d.statuses[of] == Success {
		d.statuses[of] = s
	}
}

// finishWithin is how long a batch goes on when nobody waits for its answer any
// more: less than an app has when it is to end (15 s).
const finishWithin = 10 * time.Second

// finish gives a context that outlives its parent by finishWithin. A sidecar that is
// to end hangs up in the middle of a batch, and may acknowledge all of it (Redis:
// ADR 21): what was begun must be done and published, as long as the sidecar still
// serves.
func finish(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		t := time.AfterFunc(finishWithin, cancel)
		context.AfterFunc(ctx, func() { t.Stop() })
	})
	return ctx, func() {
		stop()
		cancel()
	}
}

// payload is the message as it was published. On a subscription with raw
// payloads, Dapr sends it as base64 in a JSON string.
func payload(event json.RawMessage) []byte {
	if len(event) < 2 || event[0] != '"' {
		return event
	}
	// Half of all bytes of a delivery are in here: base64 without escapes is decoded as
	// it stands.
	if raw, err := base64.StdEncoding.AppendDecode(nil, event[1:len(event)-1]); err == nil {
		return raw
	}
	var raw []byte
	if json.Unmarshal(event, &raw) == nil {
		return raw
	}
	return event
}

// asDeadLetter gives what came on the dead letters' topic. It is a DeadLetter
// when an app gave the message up; otherwise its sidecar did, and it is the
// message itself, whatever that is. It must not be parked once more. The app is the
// one that published it, whatever the letter says.
func asDeadLetter(d Delivery, raw []byte, publisher string, err error) Delivery {
	if err == nil {
		switch body := d.Message.Body.(type) {
		case message.Settled:
			return d
		case message.DeadLetter:
			if publisher != "" && body.App != publisher {
				body.App = publisher
				d.Message.Body = body
				d.Data, _ = json.Marshal(body) // a struct of strings
			}
			return d
		}
	}
	letter := message.DeadLetter{
		MessageID: d.Message.ID, MessageType: d.Message.Type, OriginalID: d.Message.OriginalID, Stream: d.Message.Stream,
		App: publisher, Reason: "given up by the sidecar", At: time.Now().UTC(), Message: raw,
	}
	if err != nil {
		letter.Reason += ": " + err.Error()
	}
	d.Message = message.Message{
		Meta: message.Meta{
			ID: es.DerivedID("dead-letter/sidecar", string(raw)), Type: message.TypeDeadLetter, Time: letter.At,
			Tenant: cmp.Or(d.Message.Tenant, message.DefaultTenant), OriginalID: d.Message.ID,
		},
		Body: letter,
	}
	d.Data, _ = json.Marshal(letter) // a struct of strings
	return d
}

func (e *Endpoint) decode(raw []byte, isJSON bool, topic, publisher string) (Delivery, error) {
	read := message.FromCloudEvent
	if isJSON {
		read = message.FromJSON
	}
	meta, data, err := read(raw)
	d := Delivery{Message: message.Message{Meta: meta}, Data: data, Topic: topic}
	if err != nil {
		return d, err
	}
	if d.Message.Body, err = e.Registry.Decode(meta, data); err != nil {
		return d, err
	}
	if err := e.Registry.Validate(d.Message.Body); err != nil {
		return d, err
	}
	return d, e.admit(d.Message, topic, publisher)
}

// admit holds a message against its topic, the app that published it and the one that
// it says it is from.
func (e *Endpoint) admit(m message.Message, topic, publisher string) error {
	if e.Kind == message.DeadLetterKind {
		return nil // whatever was given up
	}
	if e.Senders != nil && !e.Senders.MaySend(publisher, m.Source, topic, m.Name()) {
		return fmt.Errorf("%s to %s, from %q and published by %q: it may not send that", m.Name(), topic, m.Source, publisher)
	}
	if e.Believe != nil {
		return e.Believe(m)
	}
	return nil
}

func (e *Endpoint) park(ctx context.Context, d Delivery, raw []byte, topic string, reason error) Status {
	err := e.Parker.Park(ctx, message.DeadLetter{
		MessageID: d.Message.ID, MessageType: d.Message.Type, OriginalID: d.Message.OriginalID, Topic: topic, Kind: e.Kind, App: e.App,
		Reason: reason.Error(), Attempts: 1, Message: raw,
	})
	if err != nil {
		slog.ErrorContext(ctx, "malformed message could not be parked", "topic", topic, "error", err)
		e.Meter.NotParked(ctx, topic)
		return Retry
	}
	slog.WarnContext(ctx, "malformed message parked", "type", d.Message.Type, "id", d.Message.ID, "topic", topic, "reason", reason.Error())
	e.Meter.Parked(ctx, topic)
	return Success
}

// Recover answers RETRY for a batch whose handler panicked, so that a fault in
// one handler does not take the app down. Handlers find out which message is to
// blame by themselves.
func Recover(next Handler) Handler {
	return HandlerFunc(func(ctx context.Context, batch []Delivery) (out []Status) {
		defer func() {
			if p := recover(); p != nil {
				slog.ErrorContext(ctx, "handler panicked", "panic", fmt.Sprint(p), "batch", len(batch))
				out = All(len(batch), Retry)
			}
		}()
		return next.HandleBatch(ctx, batch)
	})
}
