package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/problem"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/contracts/refusal"
)

func (a *API) attention(r request) (any, error) {
	return r.store.Attention(r.Request.Context(), r.tenant, a.Now(), a.StuckAfter)
}

func (a *API) loosePayments(r request) (any, error) {
	after, limit, err := r.page()
	if err != nil {
		return nil, err
	}
	return r.store.LoosePayments(r.Request.Context(), r.tenant, a.Now(), after, limit)
}

func (a *API) stuckOrders(r request) (any, error) {
	after, limit, err := r.page()
	if err != nil {
		return nil, err
	}
	return r.store.StuckOrders(r.Request.Context(), r.tenant, a.Now(), a.StuckAfter, after, limit)
}

func missingOrders(r request) (any, error) {
	after, limit, err := r.page()
	if err != nil {
		return nil, err
	}
	return r.store.MissingOrders(r.Request.Context(), r.tenant, after, limit)
}

// waitingOrders are those in line first for seats that could be offered.
func (a *API) waitingOrders(r request) (any, error) {
	after, limit, err := r.page()
	if err != nil {
		return nil, err
	}
	return r.store.WaitingOrders(r.Request.Context(), r.tenant, a.Now(), after, limit)
}

// recentOrders are those of all conferences of the organisation for which is asked; for
// an operator those of all.
func recentOrders(r request) (any, error) {
	q, err := r.list()
	if err != nil {
		return nil, err
	}
	if q.Organisation, err = r.organisationOrAll(); err != nil {
		return nil, err
	}
	return r.store.OrderList(r.Request.Context(), r.tenant, uuid.Nil, q)
}

func flow(r request) (any, error) {
	id, err := r.explored()
	if err != nil {
		return nil, err
	}
	found, err := r.store.Flow(r.Request.Context(), r.tenant, id)
	return missing(found, err, refusal.OrderNotFound)
}

// explored is the order in the path, if whoever asks may know of it.
func (r request) explored() (uuid.UUID, error) {
	id, err := r.id(refusal.OrderNotFound)
	if err != nil {
		return id, err
	}
	whose, err := r.organisationOrAll()
	if err != nil || whose == uuid.Nil {
		return id, err
	}
	_, err = r.store.OwnOrder(r.Request.Context(), r.tenant, whose, id)
	_, err = missing(id, err, refusal.OrderNotFound)
	return id, err
}

func (a *API) flowState(r request) (any, error) {
	id, err := r.explored()
	if err != nil {
		return nil, err
	}
	at := store.Moment{Time: a.Now()}
	if text := r.Query("version"); text != "" {
		if at.Version, err = strconv.ParseUint(text, 10, 31); err != nil || at.Version == 0 {
			return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "version must be a whole number from 1")
		}
	} else if text := r.Query("at"); text != "" {
		if at.Time, err = time.Parse(time.RFC3339, text); err != nil {
			return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "at must be an RFC 3339 time")
		}
	}
	found, err := r.store.FlowState(r.Request.Context(), r.tenant, id, at)
	return missing(found, err, refusal.OrderNotFound)
}
