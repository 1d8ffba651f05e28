package handling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
	"github.com/plenary/plenary/engine/stream"
)

// waiting keeps messages that this version cannot handle and a newer one can: each
// under a key of its own, and one key that lists them. They are kept beside the
// streams, since a stream that cannot be read must not be written either.
type waiting struct {
	keys state.Store
	app  string
}

const (
	// maxWaiting is how many messages are kept. What comes then is left to the broker.
	maxWaiting = 5000
	// lookEvery is how often it is tried whether they can be handled.
	lookEvery = 5 * time.Second
	// takenAtOnce is how many of them are tried together.
	takenAtOnce = 100
)

var errTooManyWait = errors.New("as many messages as can be kept wait for another version of this app already")

// kept is a message as it is kept.
type kept struct {
	Meta  message.Meta    `json:"meta"`
	Topic string          `json:"topic"`
	Data  json.RawMessage `json:"data"`
}

func (w *waiting) list() string { return message.DefaultTenant + "/waiting/" + w.app }

func (w *waiting) key(name string) string { return w.list() + "/" + name }

// nameOf is the same whenever the same message is kept.
func nameOf(m message.Message) string { return es.DerivedID("waiting/"+m.Tenant, m.ID) }

// names are those of the messages that wait, the oldest first.
func (w *waiting) names(ctx context.Context) (names []string, etag string, err error) {
	got, err := w.keys.Get(ctx, []string{w.list()})
	if err != nil {
		return nil, "", err
	}
	entry, ok := got[w.list()]
	if !ok {
		return nil, "", nil
	}
	if err := json.Unmarshal(entry.Value, &names); err != nil {
		return nil, "", fmt.Errorf("list of messages that wait: %w", err)
	}
	return names, entry.ETag, nil
}

// change changes the list, once more after each conflict.
func (w *waiting) change(ctx context.Context, change func(names []string) ([]string, error)) error {
	var failed error
	for range maxRounds {
		names, etag, err := w.names(ctx)
		if err != nil {
			return err
		}
		next, err := change(slices.Clone(names))
		if err != nil {
			return err
		}
		if slices.Equal(names, next) {
			return nil
		}
		data, err := json.Marshal(next)
		if err != nil {
			return err
		}
		if failed = w.keys.Save(ctx, []state.Write{{Key: w.list(), Value: data, ETag: etag}})[0]; failed == nil {
			return nil
		}
		pause(ctx, roundPause)
	}
	return failed
}

// keep keeps messages. Without an error they are durable.
func (w *waiting) keep(ctx context.Context, items []*item) error {
	var writes []state.Write
	var names []string
	for _, it := range items {
		data, err := json.Marshal(kept{it.Message.Meta, it.Topic, it.Data})
		if err != nil {
			return err
		}
		name := nameOf(it.Message)
		names = append(names, name)
		writes = append(writes, state.Write{Key: w.key(name), Value: data, Always: true})
	}
	if err := errors.Join(w.keys.Save(ctx, writes)...); err != nil {
		return err
	}
	return w.change(ctx, func(all []string) ([]string, error) {
		for _, name := range names {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
		if len(all) > maxWaiting {
			return nil, errTooManyWait
		}
		return all, nil
	})
}

// forget takes messages off the list, and then out of the store.
func (w *waiting) forget(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	if err := w.change(ctx, func(all []string) ([]string, error) {
		return slices.DeleteFunc(all, func(name string) bool { return slices.Contains(names, name) }), nil
	}); err != nil {
		return err
	}
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = w.key(name)
	}
	return w.keys.Delete(ctx, keys)
}

// take reads messages by their names. One that is not there any more is missing.
func (w *waiting) take(ctx context.Context, names []string) (map[string]kept, error) {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = w.key(name)
	}
	got, err := w.keys.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := map[string]kept{}
	for i, name := range names {
		var k kept
		if entry, ok := got[keys[i]]; ok {
			if err := json.Unmarshal(entry.Value, &k); err != nil {
				return nil, fmt.Errorf("message %s that waits: %w", name, err)
			}
			out[name] = k
		}
	}
	return out, nil
}

// keepForLater keeps those messages of a batch that this version cannot handle yet.
// What cannot be kept comes again.
func (e *Engine) keepForLater(ctx context.Context, items []*item) {
	var later []*item
	for _, it := range items {
		if it.outcome == notYet && !isWakeUp(it.Message) && !errors.Is(it.reason, stream.ErrTooOld) {
			later = append(later, it)
		}
	}
	if len(later) == 0 {
		return
	}
	if err := e.waiting.keep(ctx, later); err != nil {
		slog.ErrorContext(ctx, "messages that another version has to handle could not be kept", "messages", len(later), "error", err)
		return
	}
	for _, it := range later {
		slog.ErrorContext(ctx, "message waits for another version of this app", "stream", it.key.Ref.String(), "type", it.Message.Type, "id", it.Message.ID, "reason", it.reason)
		it.outcome = done
	}
}

// Waiting is what waits for another version of this app.
type Waiting struct {
	ID     string    `json:"id"`
	Type   string    `json:"type"`
	Source string    `json:"source"`
	Stream string    `json:"stream,omitempty"`
	Time   time.Time `json:"time"`
}

// Waiting lists what waits for another version of this app, by name: the first so
// many, and how many there are.
func (e *Engine) Waiting(ctx context.Context, most int) (map[string]Waiting, int, error) {
	names, _, err := e.waiting.names(ctx)
	if err != nil {
		return nil, 0, err
	}
	messages, err := e.waiting.take(ctx, names[:min(most, len(names))])
	if err != nil {
		return nil, 0, err
	}
	out := map[string]Waiting{}
	for name, k := range messages {
		out[name] = Waiting{k.Meta.ID, k.Meta.Type, k.Meta.Source, k.Meta.Stream, k.Meta.Time}
	}
	return out, len(names), nil
}

// DiscardWaiting throws a message away that waits.
func (e *Engine) DiscardWaiting(ctx context.Context, name string) error {
	slog.WarnContext(ctx, "message that waits for another version is discarded", "name", name)
	return e.waiting.forget(ctx, []string{name})
}

// handleWaiting handles what waits and can be handled now, and says how many wait
// still.
func (e *Engine) handleWaiting(ctx context.Context) (left int, err error) {
	names, _, err := e.waiting.names(ctx)
	if err != nil {
		return 0, err
	}
	left = len(names)
	for some := range slices.Chunk(names, takenAtOnce) {
		messages, err := e.waiting.take(ctx, some)
		if err != nil {
			return left, err
		}
		var batch []bus.Delivery
		var of, settled []string
		for _, name := range some {
			k, ok := messages[name]
			if !ok {
				settled = append(settled, name) // another replica was about to forget it
				continue
			}
			d := bus.Delivery{Message: message.Message{Meta: k.Meta}, Data: k.Data, Topic: k.Topic}
			d.Message.Body, err = e.registry.Decode(k.Meta, k.Data)
			if err == nil {
				err = e.registry.Validate(d.Message.Body)
			}
			switch {
			case err == nil:
				batch, of = append(batch, d), append(of, name)
			case errors.Is(err, message.ErrUnknownType): // it waits on
			default:
				raw, encoding := message.ToCloudEvent(k.Meta, k.Data)
				letter := message.DeadLetter{
					MessageID: k.Meta.ID, MessageType: k.Meta.Type, Topic: k.Topic, Kind: message.Command, App: e.app,
					Reason: err.Error(), Attempts: 1, Message: raw,
				}
				if err := errors.Join(encoding, e.Park(ctx, letter)); err != nil {
					return left, err
				}
				settled = append(settled, name)
			}
		}
		for i, it := range e.handleAll(ctx, batch) {
			if it.outcome == notYet {
				continue
			}
			if e.settle(ctx, it) == bus.Success {
				settled = append(settled, of[i])
			}
		}
		if err := e.waiting.forget(ctx, settled); err != nil {
			return left, err
		}
		left -= len(settled)
	}
	return left, nil
}

// Run does what the engine does beside its batches, until ctx ends: it handles what
// waited for this version. Its error says that the app must not go on: the state
// store holds data that it may not touch.
func (e *Engine) Run(ctx context.Context) error {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		left, err := e.handleWaiting(ctx)
		if err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "messages that wait for another version could not be looked at", "error", err)
		} else {
			e.meter.waiting.Record(ctx, int64(left))
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-e.refused:
			return err
		case <-every.C:
		}
	}
}
