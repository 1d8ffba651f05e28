package repeat

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/message"
)

// Route is where a reader is asked.
const Route = "/known"

// Question asks which of some messages a reader has: by their ids, or of the messages
// themselves, which are CloudEvents in the JSON format. At most mostAsked of each.
type Question struct {
	IDs    []string          `json:"ids,omitempty"`
	Events []json.RawMessage `json:"events,omitempty"`
}

// Answer names the messages that are not known to have been handled. Asked by ids alone,
// that is what this replica does not remember.
type Answer struct {
	Unknown []string `json:"unknown"`
	// Lag is how old the messages are that the reader handles now, in seconds: younger
	// ones it may not have come to.
	Lag float64 `json:"lag"`
}

const (
	// mostAsked is how many messages are asked for at once.
	mostAsked = 1000
	// mostBytes bounds a question.
	mostBytes = 8 << 20
	// remembered is how many ids a replica remembers at least of what it handled, once there
	// were so many: those of some 20 s at 5,000 messages a second. What it has forgotten
	// before it is asked (DefaultAfter), it reads its streams for.
	remembered = 100_000
	// idle is how long nothing came when nothing is taken to lag behind.
	idle = 30 * time.Second
)

// Knower looks in its store which messages were handled, or need not be.
type Knower interface {
	Known(ctx context.Context, messages []bus.Delivery) ([]bool, error)
}

// Reader remembers what its app handles, and answers those who sent it.
type Reader struct {
	Registry *message.Registry
	Now      func() time.Time
	// Heard, if set, is told of the ids of messages whose effect an event shows that was
	// handled here: what this app sent is known to have arrived.
	Heard func(ids []string)
	// App is the app that reads.
	App string

	once    sync.Once
	ids     *ids
	mu      sync.Mutex
	lag     time.Duration
	handled time.Time // when the last batch came
}

func (r *Reader) init() {
	r.once.Do(func() {
		r.ids = newIDs(remembered)
	})
}

// Watch has a handler's messages remembered.
func (r *Reader) Watch(next bus.Handler) bus.Handler {
	r.init()
	return bus.HandlerFunc(func(ctx context.Context, batch []bus.Delivery) []bus.Status {
		now, oldest := r.Now(), r.Now()
		for _, d := range batch {
			if d.Message.Repeated == 0 && d.Message.OriginalID == "" && d.Message.Time.Before(oldest) {
				oldest = d.Message.Time
			}
		}
		r.mu.Lock()
		r.lag, r.handled = now.Sub(oldest), now
		r.mu.Unlock()
		statuses := next.HandleBatch(ctx, batch)
		var heard []string
		for i, d := range batch {
			if statuses[i] == bus.Success {
				r.ids.Add(d.Message.ID)
			}
			if d.Message.StreamVersion > 0 && d.Message.Cause.Source == r.App { // an event, of a command
				heard = append(heard, d.Message.Cause.ID)
			}
		}
		if r.Heard != nil && len(heard) > 0 {
			r.Heard(heard)
		}
		return statuses
	})
}

// Serve answers POST /known.
func (r *Reader) Serve(knower Knower) gin.HandlerFunc {
	r.init()
	return func(c *gin.Context) {
		var q Question
		if err := json.NewDecoder(http.MaxBytesReader(c.Writer, c.Request.Body, mostBytes)).Decode(&q); err != nil || len(q.IDs) > mostAsked || len(q.Events) > mostAsked {
			c.Status(http.StatusBadRequest)
			return
		}
		a, err := r.Answer(c.Request.Context(), knower, q)
		if err != nil {
			slog.WarnContext(c, "which messages are known cannot be said", "error", err)
			c.Status(http.StatusServiceUnavailable)
			return
		}
		c.JSON(http.StatusOK, a)
	}
}

// Answer answers a question.
func (r *Reader) Answer(ctx context.Context, knower Knower, q Question) (Answer, error) {
	r.init()
	a := Answer{Unknown: []string{}, Lag: r.behind().Seconds()}
	for _, id := range q.IDs {
		if !r.ids.Has(id) {
			a.Unknown = append(a.Unknown, id)
		}
	}
	var look []bus.Delivery
	for _, raw := range q.Events {
		meta, data, err := message.FromCloudEvent(raw)
		if err != nil {
			return Answer{}, err
		}
		if r.ids.Has(meta.ID) {
			continue
		}
		body, err := r.Registry.Decode(meta, data)
		if err != nil && !errors.Is(err, message.ErrUnknownType) {
			// It became a dead letter when it came, or will.
			a.Unknown = append(a.Unknown, meta.ID)
			continue
		}
		look = append(look, bus.Delivery{Message: message.Message{Meta: meta, Body: body}, Data: data})
	}
	if len(look) == 0 {
		return a, nil
	}
	known, err := knower.Known(ctx, look)
	if err != nil {
		return Answer{}, err
	}
	for i, d := range look {
		if known[i] {
			r.ids.Add(d.Message.ID)
		} else {
			a.Unknown = append(a.Unknown, d.Message.ID)
		}
	}
	return a, nil
}

// behind is how old what is handled now is.
func (r *Reader) behind() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Now().Sub(r.handled) > idle {
		return 0
	}
	return r.lag
}
