package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/plenary/plenary/apps/query/ingest"
	"github.com/plenary/plenary/apps/query/problem"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/topology"
)

func deadLetters(r request) (any, error) {
	by := store.LetterFilter{
		Reason: r.Query("reason"), Handler: r.Query("handler"), MessageType: r.Query("messageType"), Stream: r.Query("stream"),
	}
	switch status := r.Query("status"); status {
	case "":
	case "unsettled":
		by.Unsettled = true
	case string(view.DeadLetterOpen), string(view.DeadLetterRetried), string(view.DeadLetterDiscarded):
		by.Status = view.DeadLetterStatus(status)
	default:
		return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "status must be open, retried, discarded or unsettled")
	}
	before, err := r.cursor("before")
	if err != nil {
		return nil, err
	}
	limit, err := r.limit()
	if err != nil {
		return nil, err
	}
	return r.store.DeadLetters(r.Request.Context(), r.tenant, by, before, limit)
}

func (r request) letter() (store.Letter, error) {
	l, err := r.store.DeadLetter(r.Request.Context(), r.tenant, r.Param("id"))
	if errors.Is(err, store.ErrNotFound) {
		err = problem.New(http.StatusNotFound, refusal.DeadLetterNotFound, "")
	}
	return l, err
}

// unsettledLetter is the one named in the path, unless it is known to be dealt
// with.
func (r request) unsettledLetter() (store.Letter, error) {
	l, err := r.letter()
	if err == nil && !l.SettledAt.IsZero() {
		err = closed(string(l.Status))
	}
	return l, err
}

func closed(as string) error {
	return problem.New(http.StatusConflict, refusal.DeadLetterClosed, "the dead letter was "+as+" before")
}

func deadLetter(r request) (any, error) {
	l, err := r.letter()
	return l.View(), err
}

// send records that a letter is dealt with in some way, and then publishes m if
// there is something to be sent. What was recorded and not published, or lost on
// its way, is never settled, and so it can be sent again.
func (a *API) send(ctx context.Context, s *store.Store, l store.Letter, status view.DeadLetterStatus, m *message.Message) error {
	id := ""
	if m != nil {
		id = m.ID
	}
	if err := s.CloseDeadLetter(ctx, l, status, id, m == nil, a.Now().UTC()); err != nil || m == nil {
		return err
	}
	return a.Publisher.Publish(ctx, *m)
}

// sendBack sends a dead letter's message back to its topic.
func (a *API) sendBack(ctx context.Context, s *store.Store, l store.Letter) error {
	m, err := ingest.Resend(a.Registry, l)
	if err != nil {
		return problem.New(http.StatusConflict, refusal.NotResendable, err.Error())
	}
	return a.send(ctx, s, l, view.DeadLetterRetried, &m)
}

// throwAway throws a dead letter away, and lets the messages that wait behind it
// go on.
func (a *API) throwAway(ctx context.Context, s *store.Store, l store.Letter) error {
	if m, ok := ingest.Discard(l); ok {
		return a.send(ctx, s, l, view.DeadLetterDiscarded, &m)
	}
	return a.send(ctx, s, l, view.DeadLetterDiscarded, nil)
}

// closing is sendBack or throwAway.
type closing func(context.Context, *store.Store, store.Letter) error

// one deals with the letter named in the path.
func (a *API) one(do closing) func(request) (any, error) {
	return func(r request) (any, error) {
		l, err := r.unsettledLetter()
		if err != nil {
			return nil, err
		}
		err = do(r.Request.Context(), r.store, l)
		if errors.Is(err, store.ErrClosed) { // meanwhile, by somebody else
			return nil, closed("closed")
		}
		if err != nil {
			return nil, err
		}
		return deadLetter(r)
	}
}

// closedAtOnce is how many letters one call deals with.
const closedAtOnce = 500

// many deals with the letters that the body chooses, the oldest first.
func (a *API) many(do closing) func(request) (any, error) {
	return func(r request) (any, error) {
		var by view.ChooseDeadLetters
		if err := r.ShouldBindJSON(&by); err != nil || by.Reason == "" && by.Handler == "" && by.MessageType == "" && by.Stream == "" {
			return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "at least one of reason, handler, messageType and stream is required")
		}
		chosen := store.LetterFilter{
			Unsettled: true, Reason: by.Reason, Handler: by.Handler, MessageType: by.MessageType, Stream: by.Stream,
		}
		if !by.Again {
			chosen.Status = view.DeadLetterOpen
		}
		ctx := r.Request.Context()
		letters, err := r.store.OldestDeadLetters(ctx, r.tenant, chosen, store.Cursor{}, closedAtOnce+1)
		if err != nil {
			return nil, err
		}
		out := view.DeadLettersClosed{More: len(letters) > closedAtOnce}
		for _, l := range letters[:min(len(letters), closedAtOnce)] {
			var refused *problem.Problem
			switch err := do(ctx, r.store, l); {
			case err == nil:
				out.Closed++
			case errors.Is(err, store.ErrClosed), errors.As(err, &refused):
				out.Skipped++
			default:
				return nil, err
			}
		}
		return out, nil
	}
}

func deadLetterReasons(r request) (any, error) {
	limit, err := r.limit()
	if err != nil {
		return nil, err
	}
	return r.store.DeadLetterReasons(r.Request.Context(), r.tenant, limit)
}

func parkedStreams(r request) (any, error) {
	after, limit, err := r.page()
	if err != nil {
		return nil, err
	}
	return r.store.ParkedStreams(r.Request.Context(), r.tenant, after, limit)
}

// freeStream discards all that is parked in a stream, also what no letter tells
// of, provided that the topic is named.
func (a *API) freeStream(r request) (any, error) {
	var in view.FreeStream
	if err := r.ShouldBindJSON(&in); err != nil || in.Handler == "" || !strings.Contains(in.Stream, "/") {
		return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "handler and stream are required")
	}
	ctx := r.Request.Context()
	parked, err := r.store.ParkedStream(ctx, r.tenant, in.Handler, in.Stream)
	topic, kind := cmp.Or(in.Topic, parked.Topic), message.Command
	if topic == contracts.TopicEvents {
		kind = message.Event
	}
	switch {
	case topic != "" && !topology.Reads(in.Handler, topic):
		return nil, problem.New(http.StatusNotFound, refusal.StreamNotParked, "")
	case errors.Is(err, store.ErrNotFound) && topic != "":
	case errors.Is(err, store.ErrNotFound), err == nil && topic == "":
		return nil, problem.New(http.StatusNotFound, refusal.StreamNotParked, "")
	case err != nil:
		return nil, err
	}
	now := a.Now().UTC()
	m := ingest.Free(r.tenant, in.Stream, topic, kind, now)
	if err := r.store.FreeStream(ctx, r.tenant, in.Handler, in.Stream, m.ID, now); err != nil {
		return nil, err
	}
	if err := a.Publisher.Publish(ctx, m); err != nil {
		return nil, err
	}
	return view.DeadLettersClosed{Closed: parked.Letters}, nil
}
