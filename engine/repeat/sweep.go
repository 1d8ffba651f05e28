package repeat

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/every"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
)

const (
	// DefaultEvery is the time between two sweeps.
	DefaultEvery = 5 * time.Second
	// maxSent is how many messages a sweep sends again, and maxLooked how many it asks
	// for with their bodies: an outage must not be followed by a flood.
	maxSent   = 300
	maxLooked = 2000
	// atOnce is how many messages are asked for with their bodies in one call.
	atOnce = 200
	// askWithin bounds one question.
	askWithin = 10 * time.Second
)

// Asker asks another app which messages it has.
type Asker interface {
	Ask(ctx context.Context, reader string, q Question) (Answer, error)
}

// AskerFunc is a function as an Asker.
type AskerFunc func(ctx context.Context, reader string, q Question) (Answer, error)

// Ask implements Asker.
func (f AskerFunc) Ask(ctx context.Context, reader string, q Question) (Answer, error) {
	return f(ctx, reader, q)
}

// Invoker asks by HTTP.
type Invoker struct {
	// URL is where an app's routes are.
	URL    func(app string) string
	Client *http.Client
}

// Ask implements Asker.
func (i Invoker) Ask(ctx context.Context, reader string, q Question) (a Answer, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return a, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.URL(reader)+Route, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := i.Client.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return a, fmt.Errorf("%s answers %s", reader, res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, mostBytes))
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(text, &a)
}

// Stored reads events of this app's streams again.
type Stored interface {
	// Events gives the events of a stream from one version to another, as they were
	// published.
	Events(ctx context.Context, tenant, stream string, from, to uint64) ([]message.Message, error)
}

// Sender keeps what its app publishes, asks those who read it, and sends it again.
type Sender struct {
	App      string
	Registry *message.Registry
	// Publisher is the bus; Encode makes CloudEvents of messages as it does.
	Publisher bus.Publisher
	Encode    func(ctx context.Context, m message.Message) (bus.Encoded, error)
	// Readers are the apps that read a topic.
	Readers func(topic string) []string
	// Asker asks other apps, and Own this one.
	Asker, Own Asker
	// Stored is nil in an app without streams, Keys in one without a store.
	Stored Stored
	Keys   state.Store
	Now    func() time.Time
	Keeper *Keeper
	// Every is the time between two sweeps.
	Every time.Duration

	meter  *meter
	notes  notes
	silent map[string]bool // readers that did not answer in this sweep
}

// NewSender makes a Sender of what stands in s.
func NewSender(s Sender) *Sender {
	s.meter = newMeter(s.Keeper)
	s.notes = notes{keys: s.Keys, app: s.App, replica: uuid.NewString()}
	return &s
}

// Publish implements bus.Publisher: what was published is kept. What was not, whoever
// wanted it published will want again.
func (s *Sender) Publish(ctx context.Context, msgs ...message.Message) error {
	now := s.Now()
	if slices.ContainsFunc(msgs, func(m message.Message) bool { return m.Time.IsZero() }) {
		msgs = slices.Clone(msgs)
		for i := range msgs {
			if msgs[i].Time.IsZero() {
				msgs[i].Time = now.UTC() // the same when it is sent again
			}
		}
	}
	if err := s.Publisher.Publish(ctx, msgs...); err != nil {
		return err
	}
	for _, m := range msgs {
		kind, topic := s.address(m)
		if kind != message.Command && kind != message.Event || m.ID == "" {
			continue
		}
		if !s.Keeper.Keep(now, m, s.Readers(topic)) {
			s.meter.unkept.Add(ctx, 1)
		}
	}
	return nil
}

func (s *Sender) address(m message.Message) (message.Kind, string) {
	if m.To != nil {
		return m.To.Kind, m.To.Topic
	}
	t, _ := s.Registry.TypeOf(m.Body)
	return t.Kind, t.Topic
}

// Run sweeps until ctx ends.
func (s *Sender) Run(ctx context.Context) error {
	s.keepNotes(ctx)
	every.Do(ctx, s.Every, s.Every, func(ctx context.Context) {
		s.Sweep(ctx)
		s.keepNotes(ctx)
	})
	s.leaveNotes(context.WithoutCancel(ctx))
	return nil
}

// Sweep asks for what is due, and sends again what nobody has.
func (s *Sender) Sweep(ctx context.Context) {
	sent, looked := 0, 0
	s.silent = map[string]bool{}
	for sent < maxSent && looked < maxLooked && ctx.Err() == nil {
		due := s.Keeper.Due(s.Now(), mostAsked)
		if len(due) == 0 {
			return
		}
		missing, n := s.missing(ctx, due, maxLooked-looked)
		looked += n
		if len(missing) > maxSent-sent {
			s.later(missing[maxSent-sent:])
			missing = missing[:maxSent-sent]
		}
		s.sendAgain(ctx, missing)
		sent += len(missing)
	}
}

// missing asks for messages and gives those that a reader does not have. What cannot be
// asked for now is put off. At most so many are asked for with their bodies; looked says
// how many were.
func (s *Sender) missing(ctx context.Context, due []Due, most int) (missing []Kept, looked int) {
	asked := map[string][]string{} // ids, by reader
	for _, d := range due {
		for _, reader := range d.Readers {
			asked[reader] = append(asked[reader], d.ID)
		}
	}
	unknown := map[string][]string{} // readers that do not remember it, by message
	unasked := map[string]bool{}
	for reader, ids := range asked {
		a, err := s.ask(ctx, reader, Question{IDs: ids})
		if err != nil {
			for _, id := range ids {
				unasked[id] = true
			}
			continue
		}
		for _, id := range a.Unknown {
			unknown[id] = append(unknown[id], reader)
		}
		s.Keeper.Has(reader, without(ids, a.Unknown)...)
	}
	var inDoubt []Due
	for _, d := range due {
		d.Readers = unknown[d.ID]
		switch {
		case len(d.Readers) > 0 && len(inDoubt) < most:
			inDoubt = append(inDoubt, d)
		case len(d.Readers) > 0 || unasked[d.ID]:
			s.Keeper.Later(s.Now(), d.ID)
		}
	}
	doubtful := s.Keeper.Kept(inDoubt)
	doubtful = s.complete(ctx, doubtful)
	lacks := map[string]bool{}
	for reader, of := range byReader(doubtful) {
		for chunk := range slices.Chunk(of, atOnce) {
			for id, has := range s.look(ctx, reader, chunk) {
				if has {
					s.Keeper.Has(reader, id)
				} else {
					lacks[id] = true
				}
			}
		}
	}
	for _, kept := range doubtful {
		if lacks[kept.Message.ID] {
			missing = append(missing, kept)
		} else {
			s.Keeper.Later(s.Now(), kept.Message.ID) // unless everybody has it
		}
	}
	return missing, len(doubtful)
}

// look has a reader look for messages in its store. What it says nothing of is not to
// be known now.
func (s *Sender) look(ctx context.Context, reader string, of []Kept) map[string]bool {
	var q Question
	has := map[string]bool{}
	for _, kept := range of {
		e, err := s.Encode(ctx, kept.Message)
		if err != nil {
			slog.ErrorContext(ctx, "a message cannot be asked for", "type", kept.Message.Type, "id", kept.Message.ID, "error", err)
			continue
		}
		has[kept.Message.ID] = true
		q.Events = append(q.Events, e.Event)
	}
	a, err := s.ask(ctx, reader, q)
	if err != nil {
		return nil
	}
	for _, id := range a.Unknown {
		has[id] = false
	}
	// What lags behind may yet come to them.
	patience := s.Keeper.after + 2*time.Duration(a.Lag*float64(time.Second))
	for _, kept := range of {
		if known, asked := has[kept.Message.ID]; asked && !known && s.Now().Sub(kept.Sent) < patience {
			delete(has, kept.Message.ID)
		}
	}
	return has
}

var errSilent = errors.New("repeat: the reader did not answer before")

func (s *Sender) ask(ctx context.Context, reader string, q Question) (Answer, error) {
	if s.silent[reader] {
		return Answer{}, errSilent
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	asker := s.Asker
	if reader == s.App {
		asker = s.Own
	}
	a, err := asker.Ask(ctx, reader, q)
	if err != nil {
		s.silent[reader] = true
		slog.WarnContext(ctx, "a reader could not be asked what it has", "reader", reader, "error", err)
	}
	return a, err
}

// complete reads those events that were kept without their bodies.
func (s *Sender) complete(ctx context.Context, all []Kept) (complete []Kept) {
	type source struct{ tenant, stream string }
	from, to := map[source]uint64{}, map[source]uint64{}
	for _, kept := range all {
		if m := kept.Message; m.Body == nil {
			at := source{m.Tenant, m.Stream}
			from[at], to[at] = min(cmp.Or(from[at], m.StreamVersion), m.StreamVersion), max(to[at], m.StreamVersion)
		}
	}
	bodies := map[string]message.Message{}
	for at, first := range from {
		if s.Stored == nil {
			break
		}
		events, err := s.Stored.Events(ctx, at.tenant, at.stream, first, to[at])
		if err != nil {
			slog.WarnContext(ctx, "events cannot be read again", "stream", at.stream, "error", err)
		}
		for _, m := range events {
			bodies[m.ID] = m
		}
	}
	for _, kept := range all {
		if kept.Message.Body == nil {
			m, ok := bodies[kept.Message.ID]
			if !ok {
				s.later([]Kept{kept})
				continue
			}
			m.Repeated = kept.Message.Repeated
			kept.Message = m
		}
		complete = append(complete, kept)
	}
	return complete
}

// sendAgain sends messages again.
func (s *Sender) sendAgain(ctx context.Context, missing []Kept) {
	if len(missing) == 0 {
		return
	}
	msgs := make([]message.Message, len(missing))
	for i, kept := range missing {
		msgs[i] = kept.Message
		msgs[i].Repeated++
	}
	if err := s.Publisher.Publish(ctx, msgs...); err != nil {
		slog.WarnContext(ctx, "messages could not be sent again", "messages", len(msgs), "error", err)
		s.later(missing)
		return
	}
	for i, m := range msgs {
		s.meter.repeated(ctx, s.typeOf(m))
		slog.WarnContext(ctx, "message sent again, since a reader does not have it", "type", s.typeOf(m), "id", m.ID, "stream", m.Stream, "correlation", m.CorrelationID,
			"readers", missing[i].Readers, "times", m.Repeated)
		if !s.Keeper.Again(s.Now(), m.ID) {
			s.meter.gaveUp(ctx, s.typeOf(m))
			slog.ErrorContext(ctx, "message is not sent again any more", "type", s.typeOf(m), "id", m.ID, "stream", m.Stream, "readers", missing[i].Readers)
		}
	}
}

func (s *Sender) typeOf(m message.Message) string {
	if m.Type != "" {
		return m.Name()
	}
	t, _ := s.Registry.TypeOf(m.Body)
	return message.NameOf(t.Name)
}

func (s *Sender) later(all []Kept) {
	for _, kept := range all {
		s.Keeper.Later(s.Now(), kept.Message.ID)
	}
}

func byReader(all []Kept) map[string][]Kept {
	of := map[string][]Kept{}
	for _, kept := range all {
		for _, reader := range kept.Readers {
			of[reader] = append(of[reader], kept)
		}
	}
	return of
}

func without(all, some []string) []string {
	if len(some) == 0 {
		return all
	}
	left := make(map[string]bool, len(some))
	for _, id := range some {
		left[id] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(id string) bool { return left[id] })
}

const scope = "github.com/plenary/plenary/engine/repeat"

// meter is the instruments.
type meter struct {
	again, unkept, givenUp metric.Int64Counter
}

func newMeter(k *Keeper) *meter {
	m := otel.Meter(scope)
	counter := func(name, description string) metric.Int64Counter {
		c, err := m.Int64Counter(name, metric.WithUnit("{message}"), metric.WithDescription(description))
		if err != nil {
			otel.Handle(err)
		}
		return c
	}
	if _, err := m.Int64ObservableGauge("plenary.messages.unheard", metric.WithUnit("{message}"),
		metric.WithDescription("Messages sent of which it is not known yet that all who read them have them"),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error { o.Observe(int64(k.Len())); return nil })); err != nil {
		otel.Handle(err)
	}
	return &meter{
		again:   counter("plenary.messages.sent_again", "Messages sent again, since a reader did not have them"),
		unkept:  counter("plenary.messages.unkept", "Messages sent for which there was no room among those that are sent again if they are lost"),
		givenUp: counter("plenary.messages.unheard_of", "Messages that a reader did not have however often they were sent"),
	}
}

func (m *meter) repeated(ctx context.Context, typeName string) {
	m.again.Add(ctx, 1, metric.WithAttributes(attribute.String("type", typeName)))
}

func (m *meter) gaveUp(ctx context.Context, typeName string) {
	m.givenUp.Add(ctx, 1, metric.WithAttributes(attribute.String("type", typeName)))
}
