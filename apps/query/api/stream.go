package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/problem"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

const (
	// maxStreams bounds the streams of this replica: each of web's replicas may hold
	// 4,096.
	maxStreams int64 = 16_384
	// maxAbsent bounds those that wait for what is not there.
	maxAbsent int64 = 64
)

// nudgeAfter is when an update is followed by a comment: see live.Sending.
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

func (a *API) watchConference(r request) error { return a.follow(r, seenBy{}) }

func (a *API) watchDraft(r request) error {
	whose, err := r.organisation()
	if err != nil {
		return err
	}
	return a.follow(r, seenBy{whose: whose})
}

func (a *API) follow(r request, by seenBy) error {
	found, err := r.conferenceSoon(by)
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

func (r request) conferenceSoon(by seenBy) (view.Conference, error) {
	ctx, cancel := context.WithTimeout(r.Request.Context(), askWithin)
	defer cancel()
	return r.conference(ctx, by)
}

// update is a view as it is sent.
func update(shown any, err error) (live.Update, error) {
	if err != nil {
		return live.Update{}, err
	}
	data, err := json.Marshal(shown)
	return live.UpdateOf(data), err
}

// watch sends a view and its changes.
func (a *API) watch(r request, feeds *live.Feeds, name, key, variant string, notFound es.Code, read func(context.Context) (live.Update, error)) error {
	if a.open.Add(1) > cmp.Or(a.MaxStreams, maxStreams) {
		a.open.Add(-1)
		return problem.New(http.StatusServiceUnavailable, problem.Unavailable, "there are too many streams")
	}
	defer a.open.Add(-1)
	viewer := feeds.Look(key, variant, read)
	defer viewer.Leave()
	defer a.streaming(r.Request.Context(), name)()
	failed := viewer.Send(r.Request.Context(), r.Writer, live.Sending{
		Name: name, Seen: r.GetHeader("Last-Event-ID"), Heartbeat: a.Heartbeat, Appears: a.Appears, Absent: a.absent, NudgeAfter: nudgeAfter, Ending: a.Hub.Done(),
	})
	if failed != nil {
		return absence(failed, notFound)
	}
	return nil
}

// absence is the answer when there is no view to send: it does not exist, or could
// not be read.
func absence(failed error, notFound es.Code) error {
	if errors.Is(failed, live.ErrEnding) {
		return problem.New(http.StatusServiceUnavailable, problem.Unavailable, "the service is ending")
	}
	if errors.Is(failed, store.ErrNotFound) {
		return problem.New(http.StatusNotFound, notFound, "")
	}
	return problem.New(http.StatusServiceUnavailable, problem.Unavailable, "the database cannot be asked")
}
