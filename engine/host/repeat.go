package host

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/repeat"
)

// repeat has what the app publishes sent again until those who read it have it.
func (h *Host) repeat(out *bus.Outgoing, after time.Duration) {
	keeper := repeat.NewKeeper(after)
	h.sender = repeat.NewSender(repeat.Sender{
		App: h.options.AppID, Registry: h.options.Registry, Publisher: h.publisher, Encode: out.Encode, Readers: h.options.Senders.ReadersOf,
		Asker:  repeat.Invoker{URL: h.InvokeURL, Client: &http.Client{Transport: h.InvokeTransport()}},
		Own:    repeat.AskerFunc(h.askOwn),
		Stored: stored{h}, Keys: h.Keys(), Now: time.Now, Keeper: keeper, Every: min(after/2, repeat.DefaultEvery),
	})
	h.reader.Heard = func(ids []string) { keeper.Has("", ids...) }
	h.Go(h.sender.Run)
}

var errNotRead = errors.New("host: the app reads no messages that it could be asked for")

// askOwn answers what this app asks itself.
func (h *Host) askOwn(ctx context.Context, _ string, q repeat.Question) (repeat.Answer, error) {
	if h.knower == nil {
		return repeat.Answer{}, errNotRead
	}
	return h.reader.Answer(ctx, h.knower, q)
}

// stored are the streams of the app's engine, if it has one.
type stored struct{ h *Host }

func (s stored) Events(ctx context.Context, tenant, stream string, from, to uint64) ([]message.Message, error) {
	if s.h.handler == nil {
		return nil, fmt.Errorf("host: the app has no stream %q", stream)
	}
	return s.h.handler.Events(ctx, tenant, stream, from, to)
}

// heard has the handler's messages remembered, and those answered who sent them.
func (h *Host) heard(handler bus.Handler) bus.Handler {
	if knower, ok := handler.(repeat.Knower); ok {
		h.knower = knower
		h.Router.POST(repeat.Route, h.reader.Serve(knower))
	}
	handler = h.reader.Watch(handler)
	if h.lose > 0 {
		handler = lossy{handler, h.options.AppID, h.lose}
	}
	return handler
}

// mayLose reads how many messages are to be lost.
func (h *Host) mayLose(oneIn string) error {
	if oneIn == "" {
		return nil
	}
	n, err := strconv.ParseUint(oneIn, 10, 32)
	if err != nil || n < 2 {
		return fmt.Errorf("PLENARY_LOSE=%q is not a number from 2", oneIn)
	}
	h.lose = uint32(n)
	slog.Warn("a test: messages are lost", "one in", n)
	return nil
}

// lossy is a broker that loses one in so many messages: it acknowledges them and gives
// them to nobody. Which, is said by the id, the reader, and how often it was sent: what
// is sent again may be lost again.
type lossy struct {
	next  bus.Handler
	app   string
	oneIn uint32
}

func (l lossy) HandleBatch(ctx context.Context, batch []bus.Delivery) []bus.Status {
	out := bus.All(len(batch), bus.Success)
	var left []bus.Delivery
	var of []int
	for i, d := range batch {
		h := fnv.New32a()
		_, _ = fmt.Fprintf(h, "%s/%s/%d", l.app, d.Message.ID, d.Message.Repeated)
		if h.Sum32()%l.oneIn == 0 {
			slog.WarnContext(ctx, "a test: message lost", "type", d.Message.Type, "id", d.Message.ID, "stream", d.Message.Stream, "correlation", d.Message.CorrelationID, "repeated", d.Message.Repeated)
			continue
		}
		left, of = append(left, d), append(of, i)
	}
	if len(left) == 0 {
		return out
	}
	for n, s := range l.next.HandleBatch(ctx, left) {
		out[of[n]] = s
	}
	return out
}
