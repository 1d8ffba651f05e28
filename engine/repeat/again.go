package repeat

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
)

// AgainRoute is where a reader of events asks for those of a stream that it lacks: what
// its owner keeps was lost with the owner.
const AgainRoute = "/again"

// Lack is a stream of which a reader may lack the events after a version.
type Lack struct {
	Tenant string `json:"tenant"`
	Stream string `json:"stream"`
	After  uint64 `json:"after"`
}

// Lacks are some of them, at most MostLacks.
type Lacks struct {
	Streams []Lack `json:"streams"`
}

const (
	// MostLacks is how many streams are asked for at once.
	MostLacks = 100
	// mostAgain is how many events of one stream are sent again at once.
	mostAgain = 50
)

// ServeAgain answers POST /again: the events are sent again, to all who read them. 204
// says that all of them were.
func (s *Sender) ServeAgain(c *gin.Context) {
	var lacks Lacks
	if err := json.NewDecoder(http.MaxBytesReader(c.Writer, c.Request.Body, 1<<20)).Decode(&lacks); err != nil || len(lacks.Streams) > MostLacks {
		c.Status(http.StatusBadRequest)
		return
	}
	c.Status(http.StatusNoContent)
	for _, lack := range lacks.Streams {
		if err := s.sendAfter(c.Request.Context(), lack); err != nil {
			slog.WarnContext(c, "events cannot be sent again", "stream", lack.Stream, "after", lack.After, "error", err)
			c.Status(http.StatusServiceUnavailable)
		}
	}
}

func (s *Sender) sendAfter(ctx context.Context, lack Lack) error {
	events, err := s.Stored.Events(ctx, lack.Tenant, lack.Stream, lack.After+1, lack.After+mostAgain)
	if err != nil || len(events) == 0 {
		return err
	}
	for i := range events {
		events[i].Repeated = 1
	}
	if err := s.Publisher.Publish(ctx, events...); err != nil {
		return err
	}
	for _, m := range events {
		s.meter.repeated(ctx, s.typeOf(m))
	}
	slog.WarnContext(ctx, "events sent again, since a reader asked for them", "stream", lack.Stream, "after", lack.After, "events", len(events))
	return nil
}
