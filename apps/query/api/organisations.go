package api

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/problem"
	"github.com/plenary/plenary/apps/query/store"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts/refusal"
)

// OrganisationHeader names the organisation for whose member web asks; AllOrganisations
// is its value for an operator. Where it decides what is shown, there is no answer
// without it: what web forgets to say, query does not guess.
const (
	OrganisationHeader = "Plenary-Organisation"
	AllOrganisations   = "*"
)

// organisation is the one for which is asked.
func (r request) organisation() (uuid.UUID, error) {
	id, err := uuid.Parse(r.GetHeader(OrganisationHeader))
	if err != nil || id == uuid.Nil {
		return uuid.Nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "the header "+OrganisationHeader+" must be an organisation's id")
	}
	return id, nil
}

// organisationOrAll is the one for which is asked; uuid.Nil for an operator.
func (r request) organisationOrAll() (uuid.UUID, error) {
	if r.GetHeader(OrganisationHeader) == AllOrganisations {
		return uuid.Nil, nil
	}
	return r.organisation()
}

func ownOrganisation(r request) (any, error) {
	id, err := r.organisation()
	if err != nil {
		return nil, err
	}
	found, err := r.store.Organisation(r.Request.Context(), r.tenant, id)
	return missing(found.Shown(), err, refusal.OrganisationNotFound)
}

func organisation(r request) (any, error) {
	id, err := r.id(refusal.OrganisationNotFound)
	if err != nil {
		return nil, err
	}
	found, err := r.store.Organisation(r.Request.Context(), r.tenant, id)
	return missing(found.Shown(), err, refusal.OrganisationNotFound)
}

func organisations(r request) (any, error) {
	after, limit, err := r.page()
	if err != nil {
		return nil, err
	}
	return r.store.Organisations(r.Request.Context(), r.tenant, after, limit)
}

// credential is whose a credential is, for web, which compares the hash.
func credential(r request) (any, error) {
	organisation, err := r.id(refusal.CredentialNotFound)
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(r.Param("credential"))
	if err != nil {
		return nil, problem.New(http.StatusNotFound, refusal.CredentialNotFound, "")
	}
	found, err := r.store.Credential(r.Request.Context(), r.tenant, organisation, id)
	return missing(found, err, refusal.CredentialNotFound)
}

// ownOrder says whether an order is of one of the organisation's conferences.
func ownOrder(r request) (any, error) {
	id, err := r.id(refusal.OrderNotFound)
	if err != nil {
		return nil, err
	}
	whose, err := r.organisation()
	if err != nil {
		return nil, err
	}
	found, err := r.store.OwnOrder(r.Request.Context(), r.tenant, whose, id)
	return missing(found, err, refusal.OrderNotFound)
}

func ownAudit(r request) (any, error) {
	whose, err := r.organisation()
	if err != nil {
		return nil, err
	}
	return r.audit(whose)
}

// audit is what was changed in one organisation or, without the parameter, everywhere.
func audit(r request) (any, error) {
	whose := uuid.Nil
	if text := r.Query("organisation"); text != "" {
		var err error
		if whose, err = uuid.Parse(text); err != nil || whose == uuid.Nil {
			return nil, problem.New(http.StatusBadRequest, problem.InvalidRequest, "organisation must be an id")
		}
	}
	return r.audit(whose)
}

func (r request) audit(whose uuid.UUID) (view.AuditLog, error) {
	after, limit, err := r.page()
	if err != nil {
		return view.AuditLog{}, err
	}
	found, err := r.store.AuditLog(r.Request.Context(), r.tenant, whose, after, limit)
	if errors.Is(err, store.ErrNoCursor) {
		err = problem.New(http.StatusBadRequest, problem.InvalidRequest, "after must be what an answer gave as next")
	}
	return found, err
}
