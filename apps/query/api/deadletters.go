package api

import (
	"errors"
	"net/http"

	"github.com/plenary/plenary/apps/query/ingest"
	"github.com/plenary/plenary/apps/query/problem"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/view"
)

func deadLetters(r request) (any, error) {
	status := view.DeadLetterStatus(r.Query("status"))
	switch status {
	case "", view.DeadLetterOpen, view.DeadLetterRetried, view.DeadLetterDiscarded:
	default:
		return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "status must be open, retried or discarded")
	}
	before, err := r.cursor("before")
	if err != nil {
		return nil, err
	}
	limit, err := r.limit()
	if err != nil {
		return nil, err
	}
	return r.store.DeadLetters(r.Request.Context(), r.tenant, status, before, limit)
}

func (r request) letter() (store.Letter, error) {
	l, err := r.store.DeadLetter(r.Request.Context(), r.tenant, r.Param("id"))
	if errors.Is(err, store.ErrNotFound) {
		err = problem.New(http.StatusNotFound, problem.DeadLetterNotFound, "")
	}
	return l, err
}

// openLetter is the one named in the path, which nobody has dealt with yet.
func (r request) openLetter() (store.Letter, error) {
	l, err := r.letter()
	if err == nil && l.Status != view.DeadLetterOpen {
		err = closed(l.Status)
	}
	return l, err
}

func closed(status view.DeadLetterStatus) error {
	return problem.New(http.StatusConflict, problem.DeadLetterClosed, "the dead letter was "+string(status)+" before")
}

func deadLetter(r request) (any, error) {
	l, err := r.letter()
	return l.View(), err
}

// retry sends a dead letter's message back to its topic. It is published before
// that is recorded: when something fails between, sending it back again
// publishes the same message, under the same id.
func (a *API) retry(r request) (any, error) {
	l, err := r.openLetter()
	if err != nil {
		return nil, err
	}
	m, err := ingest.Resend(a.Registry, l)
	if err != nil {
		return nil, problem.New(http.StatusConflict, problem.NotResendable, err.Error())
	}
	if err := a.Publisher.Publish(r.Request.Context(), m); err != nil {
		return nil, err
	}
	return a.close(r, l, view.DeadLetterRetried, m.ID)
}

// discard throws a dead letter away, and lets the messages that wait behind it
// go on.
func (a *API) discard(r request) (any, error) {
	l, err := r.openLetter()
	if err != nil {
		return nil, err
	}
	if m, ok := ingest.Discard(l); ok {
		if err := a.Publisher.Publish(r.Request.Context(), m); err != nil {
			return nil, err
		}
	}
	return a.close(r, l, view.DeadLetterDiscarded, "")
}

func (a *API) close(r request, l store.Letter, status view.DeadLetterStatus, retriedAs string) (any, error) {
	err := r.store.CloseDeadLetter(r.Request.Context(), l, status, retriedAs, a.Now().UTC())
	if errors.Is(err, store.ErrClosed) { // meanwhile, by somebody else
		return nil, closed("closed")
	}
	if err != nil {
		return nil, err
	}
	return deadLetter(r)
}
