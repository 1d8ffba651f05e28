package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/problem"
	"github.com/plenary/plenary/apps/query/view"
)

// followSoon is when what has changed is followed by a comment: who waits for an
// outcome is not to wait for a sidecar that keeps it until something follows.
const followSoon = 5 * time.Millisecond

// watchChanges sends what changes, of all views together, and what becomes of
// commands. Each event stands for all changes since the one before it. A reader that
// is too slow, and one that comes, is told that it has missed something.
func (a *API) watchChanges(r request) error {
	listener := a.Hub.Listen()
	defer listener.Leave()
	defer a.streaming(r.Request.Context(), "changes")()
	out := live.Stream{Writer: r.Writer}
	send := func(c view.Changes) error {
		data, err := json.Marshal(c)
		if err != nil {
			return err
		}
		return out.Event("changes", live.Update{Data: data})
	}
	err := out.Open()
	if err == nil {
		err = send(view.Changes{Missed: true})
	}
	heartbeat := time.NewTicker(a.Heartbeat)
	defer heartbeat.Stop()
	follow := time.NewTimer(followSoon)
	defer follow.Stop()
	for err == nil {
		select {
		case <-listener.Heard:
			if changes := a.changes(r, listener); changes != nil {
				err = send(*changes)
				follow.Reset(followSoon)
			}
		case <-follow.C:
			err = out.Comment("that is all for now")
		case <-heartbeat.C:
			err = out.Comment("still here")
		case <-r.Request.Context().Done():
			return nil
		case <-a.Hub.Done():
			return nil
		}
	}
	return nil // the reader is gone; no answer can reach it
}

// changes is what a listener has heard; nil if it is nothing for the reader.
func (a *API) changes(r request, listener *live.Listener) *view.Changes {
	heard := listener.Take()
	if heard.All {
		return &view.Changes{Missed: true}
	}
	var c view.Changes
	var causes, untold []string
	var outcomes []view.Outcome
	c.Orders, c.Conferences, causes = live.Named(r.tenant, heard.Keys)
	for _, id := range sentFromOutside(causes) {
		if o, told := heard.Outcomes[live.CommandKey(r.tenant, id)]; told {
			outcomes = append(outcomes, o)
		} else {
			untold = append(untold, id)
		}
	}
	read, err := a.outcomes(r, untold)
	if err != nil {
		slog.ErrorContext(r.Request.Context(), "outcomes could not be read", "error", err)
		return &view.Changes{Missed: true}
	}
	for _, o := range append(outcomes, read...) {
		if o.Status != view.OutcomeUnknown { // more of its events are to come
			c.Outcomes = append(c.Outcomes, o)
		}
	}
	if len(c.Orders)+len(c.Conferences)+len(c.Outcomes) == 0 {
		return nil
	}
	return &c
}

// outcomesTries is how often outcomes are read before the reader is told that it has
// missed them: then all who wait ask, which a database that is slow is not helped by.
const outcomesTries = 3

func (a *API) outcomes(r request, ids []string) (outcomes []view.Outcome, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	for range outcomesTries {
		ctx, cancel := context.WithTimeout(r.Request.Context(), askWithin)
		outcomes, err = r.store.Outcomes(ctx, r.tenant, ids)
		cancel()
		if err == nil || r.Request.Context().Err() != nil {
			break
		}
	}
	return outcomes, err
}

// sentFromOutside are the causes that are commands of requests. No client waits for a
// command that an app sends by itself, whose id is derived from its cause.
func sentFromOutside(causes []string) (ids []string) {
	for _, cause := range causes {
		if id, err := uuid.Parse(cause); err == nil && id.Version() == view.SentByRequest {
			ids = append(ids, cause)
		}
	}
	return ids
}

// mostOrders is how many orders are read at once.
const mostOrders = 200

// readOrders reads some orders at once. Those that are not there are left out.
func readOrders(r request) (any, error) {
	var asked view.ReadOrders
	if err := r.ShouldBindJSON(&asked); err != nil || len(asked.IDs) > mostOrders {
		return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "ids must be those of at most 200 orders")
	}
	found, err := r.store.OrdersInJSON(r.Request.Context(), r.tenant, asked.IDs...)
	if err != nil {
		return nil, err
	}
	return object(found), nil
}

// object is a JSON object of values that are encoded already.
func object(values map[uuid.UUID]json.RawMessage) json.RawMessage {
	size := len("{}")
	for _, value := range values {
		size += len(`"":,`) + len(uuid.Nil.String()) + len(value)
	}
	out := append(make([]byte, 0, size), '{')
	for key, value := range values {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(strconv.AppendQuote(out, key.String()), ':')
		out = append(out, value...)
	}
	return append(out, '}')
}
