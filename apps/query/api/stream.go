package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gin-contrib/sse"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/problem"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// writeWithin is how long a viewer may take to receive an update. One that
// cannot is let go, and comes back.
const writeWithin = 10 * time.Second

const (
	// maxStreams bounds the streams of this replica: each of web's replicas may hold
	// 4,096.
	maxStreams int64 = 16_384
	// maxAbsent bounds those that wait for what is not there.
	maxAbsent int64 = 64
	// soon is how often one of the others looks whether it is known.
	soon = 10 * time.Millisecond
)

// nudgeAfter is when an update is followed by a comment. On its way through two
// sidecars an update was seen, with thousands of streams under load, to stay in
// one of them until something followed it.
const nudgeAfter = 250 * time.Millisecond

func (a *API) watchOrder(r request) error {
	id, err := r.id(refusal.OrderNotFound)
	if err != nil {
		return err
	}
	return a.watch(r, a.feeds, "order", live.OrderKey(r.tenant, id.String()), "", refusal.OrderNotFound, func(ctx context.Context) (live.Update, error) {
		o, err := r.store.Order(ctx, r.tenant, id)
		return update(o, err)
	})
}

func (a *API) watchConference(r request) error { return a.follow(r, false) }

func (a *API) watchDraft(r request) error { return a.follow(r, true) }

func (a *API) follow(r request, drafts bool) error {
	found, err := r.conferenceSoon(drafts)
	if errors.Is(err, store.ErrNotFound) {
		return problem.New(http.StatusNotFound, refusal.ConferenceNotFound, "")
	}
	if err != nil {
		return err
	}
	return a.watch(r, a.feeds, "conference", live.ConferenceKey(r.tenant, found.ID.String()), "", refusal.ConferenceNotFound, func(ctx context.Context) (live.Update, error) {
		c, err := r.store.Conference(ctx, r.tenant, found.ID)
		return update(c, err)
	})
}

// askWithin bounds what a stream asks before it begins: its request has no end
// of its own.
const askWithin = 5 * time.Second

func (r request) conferenceSoon(drafts bool) (view.Conference, error) {
	ctx, cancel := context.WithTimeout(r.Request.Context(), askWithin)
	defer cancel()
	return r.conference(ctx, drafts)
}

// update is a view as it is sent. Its id is a digest of it, so that it says of
// every view, also one from before a restore or a rebuild, whether it is this one.
func update(shown any, err error) (live.Update, error) {
	if err != nil {
		return live.Update{}, err
	}
	data, err := json.Marshal(shown)
	digest := sha256.Sum256(data)
	const enough = 12
	return live.Update{ID: base64.RawURLEncoding.EncodeToString(digest[:enough]), Data: data}, err
}

// watch sends a view and, whenever it changes, sends it again. A viewer that
// comes back with the id of the last event it has seen is sent the view at once
// unless it is still that one. A viewer that is too slow misses what was between,
// never the last.
func (a *API) watch(r request, feeds *live.Feeds, name, key, variant string, notFound es.Code, read func(context.Context) (live.Update, error)) error {
	if a.open.Add(1) > cmp.Or(a.MaxStreams, maxStreams) {
		a.open.Add(-1)
		return problem.New(http.StatusServiceUnavailable, problem.Unavailable, "there are too many streams")
	}
	defer a.open.Add(-1)
	viewer := feeds.Look(key, variant, read)
	defer viewer.Leave()
	defer a.streaming(r.Request.Context(), name)()
	// What is not there is waited for by a few at once; the others learn it as soon as
	// it is known.
	patience := a.Appears
	if a.absent.Add(1) > cmp.Or(a.MaxAbsent, maxAbsent) {
		patience = soon
	}
	here := sync.OnceFunc(func() { a.absent.Add(-1) })
	defer here()
	absent := time.NewTimer(patience)
	defer absent.Stop()
	heartbeat := time.NewTicker(a.Heartbeat)
	defer heartbeat.Stop()
	nudge := time.NewTimer(0)
	defer nudge.Stop()
	<-nudge.C
	seen := r.GetHeader("Last-Event-ID")
	out := stream{w: http.NewResponseController(r.Writer), r: r}
	for {
		var err error
		select {
		case u := <-viewer.Updates:
			here()
			err = out.open()
			if err == nil && u.ID != seen {
				seen = u.ID
				err = out.event(name, u)
				nudge.Reset(nudgeAfter)
			}
		case <-nudge.C:
			err = out.comment("that is all for now")
		case <-heartbeat.C:
			if out.isOpen {
				err = out.comment("still here")
			}
		case <-absent.C:
			if out.isOpen {
				break
			}
			if failed := viewer.Failed(); failed != nil {
				return absence(failed, notFound)
			}
			absent.Reset(patience) // the first reading, which has its bound, is under way
		case <-r.Request.Context().Done():
			return nil
		case <-a.Hub.Done():
			if !out.isOpen {
				return problem.New(http.StatusServiceUnavailable, problem.Unavailable, "the service is ending")
			}
			return nil
		}
		if err != nil {
			return nil //nolint:nilerr // the viewer is gone, and there is nobody to tell
		}
	}
}

// absence is the answer when there is no view to send: either there is none, or
// nobody knows.
func absence(failed error, notFound es.Code) error {
	if errors.Is(failed, store.ErrNotFound) {
		return problem.New(http.StatusNotFound, notFound, "")
	}
	return problem.New(http.StatusServiceUnavailable, problem.Unavailable, "the database cannot be asked")
}

// stream is a response of server-sent events.
type stream struct {
	w      *http.ResponseController
	r      request
	isOpen bool
}

func (s *stream) open() error {
	if s.isOpen {
		return nil
	}
	s.isOpen = true
	h := s.r.Writer.Header()
	h.Set("Content-Type", sse.ContentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy before us must pass each event on at once
	s.r.Status(http.StatusOK)
	return s.comment("open")
}

func (s *stream) event(name string, u live.Update) error {
	return s.send(func() error {
		return sse.Encode(s.r.Writer, sse.Event{Event: name, Id: u.ID, Data: string(u.Data)})
	})
}

func (s *stream) comment(text string) error {
	return s.send(func() error {
		_, err := s.r.Writer.WriteString(": " + text + "\n\n")
		return err
	})
}

func (s *stream) send(write func() error) error {
	if err := s.w.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	return s.w.Flush()
}
