package live

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-contrib/sse"
)

// UpdateOf is a view, in JSON, as it is sent. Its id is a digest of it, so that it
// says of every view, also one from before a restore or a rebuild, whether it is
// this one.
func UpdateOf(data []byte) Update {
	digest := sha256.Sum256(data)
	const enough = 12
	return Update{ID: base64.RawURLEncoding.EncodeToString(digest[:enough]), Data: data}
}

// writeWithin is how long a viewer may take to receive an update. One that
// cannot is let go, and comes back.
const writeWithin = 10 * time.Second

// Sending is how a view is sent to a viewer.
type Sending struct {
	// Name of the events.
	Name string
	// Seen is the id of the last event that the viewer has.
	Seen string
	// Heartbeat is how long the stream may be silent, Appears how long a view may
	// take to appear that is not there yet.
	Heartbeat, Appears time.Duration
	// Absent bounds those that wait for what is not there; nil for no bound.
	Absent *Absent
	// NudgeAfter, if it is not 0, is when an update is followed by a comment. On its
	// way through two sidecars an update was seen, with thousands of streams under
	// load, to stay in one of them until something followed it.
	NudgeAfter time.Duration
	// Ending is closed when the server ends.
	Ending <-chan struct{}
}

// Absent bounds how many wait for a view that is not there: the others learn it as
// soon as it is known.
type Absent struct {
	Most    int64
	waiting atomic.Int64
}

// soon is how often one that does not wait looks whether it is known.
const soon = 10 * time.Millisecond

// enter gives how long to wait; leave may be called more than once.
func (a *Absent) enter(appears time.Duration) (patience time.Duration, leave func()) {
	if a == nil {
		return appears, func() {}
	}
	if a.waiting.Add(1) > a.Most {
		appears = soon
	}
	return appears, sync.OnceFunc(func() { a.waiting.Add(-1) })
}

// ErrEnding: the server ends.
var ErrEnding = errors.New("live: the server is ending")

// Send sends a view and, whenever it changes, sends it again, until ctx ends. A
// viewer that has the view as it is now is not sent it. One that is too slow misses
// what was between, never the last. Its error, ErrEnding or why the view could not be
// read, says that nothing was written.
func (v *Viewer) Send(ctx context.Context, w http.ResponseWriter, o Sending) error {
	patience, here := o.Absent.enter(o.Appears)
	defer here()
	absent := time.NewTimer(patience)
	defer absent.Stop()
	heartbeat := time.NewTicker(o.Heartbeat)
	defer heartbeat.Stop()
	nudge := time.NewTimer(0)
	defer nudge.Stop()
	<-nudge.C
	seen := o.Seen
	out := Stream{Writer: w}
	for {
		var err error
		select {
		case u := <-v.Updates:
			here()
			err = out.Open()
			if err == nil && u.ID != seen {
				seen = u.ID
				err = out.Event(o.Name, u)
				if o.NudgeAfter > 0 {
					nudge.Reset(o.NudgeAfter)
				}
			}
		case <-nudge.C:
			err = out.Comment("that is all for now")
		case <-heartbeat.C:
			if out.isOpen {
				err = out.Comment("still here")
			}
		case <-absent.C:
			if out.isOpen {
				break
			}
			if failed := v.Failed(); failed != nil {
				return failed
			}
			absent.Reset(patience) // the first reading, which has its bound, is under way
		case <-ctx.Done():
			return nil
		case <-o.Ending:
			if !out.isOpen {
				return ErrEnding
			}
			return nil
		}
		if err != nil {
			return nil //nolint:nilerr // the viewer is gone; no answer can reach it
		}
	}
}

// Stream is a response of server-sent events.
type Stream struct {
	Writer http.ResponseWriter
	isOpen bool
}

// Open begins it, unless it has begun.
func (s *Stream) Open() error {
	if s.isOpen {
		return nil
	}
	s.isOpen = true
	h := s.Writer.Header()
	h.Set("Content-Type", sse.ContentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy before us must pass each event on at once
	s.Writer.WriteHeader(http.StatusOK)
	return s.Comment("open")
}

// Event sends an event.
func (s *Stream) Event(name string, u Update) error {
	return s.send(func() error {
		return sse.Encode(s.Writer, sse.Event{Event: name, Id: u.ID, Data: string(u.Data)})
	})
}

// Comment sends what readers pass over.
func (s *Stream) Comment(text string) error {
	return s.send(func() error {
		_, err := io.WriteString(s.Writer, ": "+text+"\n\n")
		return err
	})
}

func (s *Stream) send(write func() error) error {
	conn := http.NewResponseController(s.Writer)
	if err := conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	return conn.Flush()
}
