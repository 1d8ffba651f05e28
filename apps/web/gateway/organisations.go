package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/idempotency"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Me is who shows a credential, and for whom they act.
type Me struct {
	Role         string            `json:"role" enum:"organiser,operator"`
	Organisation *OrganisationName `json:"organisation,omitempty" doc:"Absent for an operator"`
	MemberID     *uuid.UUID        `json:"memberId,omitempty" format:"uuid" doc:"Absent for an operator, and for the installation's own credential of organisers"`
	MemberName   string            `json:"memberName,omitempty"`
	Owner        bool              `json:"owner" doc:"Whether they look after the organisation's members and credentials"`
}

// OrganisationName names an organisation.
type OrganisationName struct {
	ID   uuid.UUID `json:"id" format:"uuid"`
	Name string    `json:"name"`
}

// CreateOrganisation is the body of a new organisation.
type CreateOrganisation struct {
	_              struct{}   `additionalProperties:"false"`
	OrganisationID *uuid.UUID `json:"organisationId,omitempty" doc:"Chosen by the client; generated if absent"`
	Name           string     `json:"name" minLength:"1" maxLength:"1000" doc:"At most 100 characters and 1,000 bytes"`
}

// AddMember is the body of a new member.
type AddMember struct {
	_        struct{}   `additionalProperties:"false"`
	MemberID *uuid.UUID `json:"memberId,omitempty" doc:"Chosen by the client; generated if absent"`
	Name     string     `json:"name" minLength:"1" maxLength:"1000" doc:"By which others know them. At most 100 characters and 1,000 bytes"`
	Owner    bool       `json:"owner,omitempty" doc:"Owners say who is a member, and issue and revoke credentials"`
}

// OrganisationPath names an organisation in an operation's path.
type OrganisationPath struct {
	ID uuid.UUID `path:"id" doc:"The organisation"`
}

// MemberPath names a member in an operation's path.
type MemberPath struct {
	OrganisationPath
	MemberID uuid.UUID `path:"memberId" doc:"The member"`
}

// CredentialPath names a credential in an operation's path.
type CredentialPath struct {
	OrganisationPath
	CredentialID uuid.UUID `path:"credentialId" doc:"The credential"`
}

func organisationURL(id uuid.UUID) string { return "/api/organisations/" + id.String() }

// organisations are the operations on organisations, their members and credentials.
func (g *Gateway) organisations() {
	const root = "/api/organisations"
	name := []es.Code{refusal.NameRequired, refusal.NameInvalid}
	own := []es.Code{refusal.OrganisationNotFound, refusal.OwnerRequired}
	const byOwners = "An owner of the organisation, and the operator."

	huma.Register(g.api, g.read(operation{
		id: "get-me", method: http.MethodGet, path: "/api/me", tag: tagOrganisations,
		summary: "Get who shows the credential",
		who:     either,
	}), g.me)

	huma.Register(g.api, g.write(operation{
		id: "create-organisation", method: http.MethodPost, path: root, tag: tagOrganisations, body: true,
		summary: "Create an organisation",
		text:    "It has no members. Only its members see its conferences, their orders and payments.",
		who:     operator, problems: append(name, refusal.OrganisationExists),
	}, true), g.createOrganisation)
	huma.Register(g.api, g.read(operation{
		id: "list-organisations", method: http.MethodGet, path: root, tag: tagOrganisations, params: true,
		summary: "List the organisations, the oldest first",
		who:     operator,
	}), func(ctx context.Context, in *Page) (*Found[AsItCame[view.Organisations]], error) {
		return passOn[view.Organisations](g, ctx, "/operator/organisations"+in.query("after", in.After), "")
	})
	huma.Register(g.api, g.read(operation{
		id: "get-organisation", method: http.MethodGet, path: root + "/{id}", tag: tagOrganisations,
		summary: "Get an organisation with its members",
		text:    "And with the ids of their credentials. Organisers see their own.",
		who:     either, problems: []es.Code{refusal.OrganisationNotFound},
	}), func(ctx context.Context, in *OrganisationPath) (*Found[AsItCame[view.Organisation]], error) {
		path := "/organiser/organisation"
		switch o := originOf(ctx); {
		case o.operator:
			path = "/operator/organisations/" + in.ID.String()
		case o.member.Organisation != in.ID:
			return nil, problem.New(refusal.OrganisationNotFound)
		}
		return passOn[view.Organisation](g, ctx, path, refusal.OrganisationNotFound)
	})

	huma.Register(g.api, g.write(operation{
		id: "add-member", method: http.MethodPost, path: root + "/{id}/members", tag: tagOrganisations, body: true,
		summary: "Add a member to an organisation",
		text:    "A member signs in with a credential, which is issued next.",
		who:     either, only: byOwners, problems: append(append(own, name...), refusal.MemberExists, refusal.TooManyMembers),
	}, true), g.addMember)
	huma.Register(g.api, g.write(operation{
		id: "remove-member", method: http.MethodDelete, path: root + "/{id}/members/{memberId}", tag: tagOrganisations,
		summary: "Remove a member from an organisation",
		text:    "Their credentials open nothing within a minute.",
		who:     either, only: byOwners, problems: append(own, refusal.MemberNotFound),
	}, false), g.removeMember)
	huma.Register(g.api, g.write(operation{
		id: "issue-credential", method: http.MethodPost, path: root + "/{id}/members/{memberId}/credentials", tag: tagOrganisations,
		summary: "Issue a credential to a member",
		text:    "The answer has it, and only this answer: a hash is all that is kept. It opens nothing before the command's outcome is known.",
		who:     either, only: byOwners, problems: append(own, refusal.MemberNotFound, refusal.CredentialExists, refusal.TooManyCredentials),
	}, true), g.issueCredential)
	huma.Register(g.api, g.write(operation{
		id: "revoke-credential", method: http.MethodDelete, path: root + "/{id}/credentials/{credentialId}", tag: tagOrganisations,
		summary: "Revoke a credential",
		text:    "It opens nothing within a minute, and streams that it opened end. Members may revoke their own.",
		who:     either, only: byOwners + " Members may revoke their own.", problems: append(own, refusal.CredentialNotFound),
	}, false), g.revokeCredential)

	huma.Register(g.api, g.read(operation{
		id: "list-changes", method: http.MethodGet, path: "/api/audit-log", tag: tagOrganisations, params: true,
		summary: "List who changed what, the newest first",
		text:    "Changes by organisers and operators: of conferences, of orders and attendees, of members and credentials. Organisers see those of their organisation; operators see all, or those of one. There is no personal data of registrants in it.",
		who:     either, problems: []es.Code{refusal.OrganisationNotFound},
	}), g.auditLog)
}

func (g *Gateway) me(ctx context.Context, _ *struct{}) (*Found[Me], error) {
	o := originOf(ctx)
	if o.operator {
		return &Found[Me]{Me{Role: operatorScheme, Owner: true}}, nil
	}
	me := Me{Role: organiserScheme, Organisation: &OrganisationName{o.member.Organisation, o.member.OrganisationName}, MemberName: o.member.Name, Owner: o.member.Owner}
	if o.member.ID != uuid.Nil {
		me.MemberID = &o.member.ID
	}
	return &Found[Me]{me}, nil
}

func (g *Gateway) auditLog(ctx context.Context, in *struct {
	Page
	Organisation uuid.UUID `query:"organisation" doc:"Only changes in this organisation"`
}) (*Found[AsItCame[view.AuditLog]], error) {
	o := originOf(ctx)
	params := url.Values{}
	path := "/operator/audit"
	if in.Organisation != uuid.Nil {
		params.Set("organisation", in.Organisation.String())
	}
	if o.organiser {
		if in.Organisation != uuid.Nil && in.Organisation != o.member.Organisation {
			return nil, problem.New(refusal.OrganisationNotFound)
		}
		path, params = "/organiser/audit", url.Values{}
	}
	return passOn[view.AuditLog](g, ctx, path+in.query("after", in.After, "organisation", params.Get("organisation")), "")
}

func (g *Gateway) createOrganisation(ctx context.Context, in *struct {
	Write
	Body CreateOrganisation
}) (*Answer, error) {
	return g.send(ctx, in.Write, in.Body, func(commandID uuid.UUID) Command {
		id := derived(in.Body.OrganisationID, commandID, "organisation")
		return Command{
			Body:  contracts.CreateOrganisation{OrganisationID: id, Name: in.Body.Name},
			About: id, ID: id, URL: organisationURL(id), Creates: true,
		}
	})
}

func (g *Gateway) addMember(ctx context.Context, in *struct {
	Write
	OrganisationPath
	Body AddMember
}) (*Answer, error) {
	return g.send(ctx, in.Write, in.Body, func(commandID uuid.UUID) Command {
		id := derived(in.Body.MemberID, commandID, "member")
		return Command{
			Body:  contracts.AddMember{OrganisationID: in.ID, MemberID: id, Name: in.Body.Name, Owner: in.Body.Owner},
			About: in.ID, ID: id, URL: organisationURL(in.ID), Creates: true,
		}
	})
}

func (g *Gateway) removeMember(ctx context.Context, in *struct {
	Write
	MemberPath
}) (*Answer, error) {
	return g.send(ctx, in.Write, nil, func(uuid.UUID) Command {
		return Command{
			Body:  contracts.RemoveMember{OrganisationID: in.ID, MemberID: in.MemberID},
			About: in.ID, ID: in.MemberID, URL: organisationURL(in.ID),
		}
	})
}

// issueCredential makes the credential, of which only the hash goes further. The same
// request with the same Idempotency-Key makes the same.
func (g *Gateway) issueCredential(ctx context.Context, in *struct {
	Write
	MemberPath
}) (*Answer, error) {
	fresh := access.NewMemberSecret()
	return g.send(ctx, in.Write, nil, func(commandID uuid.UUID) Command {
		id, secret := derived(nil, commandID, "credential"), fresh
		if in.IdempotencyKey != "" {
			secret = access.MemberSecretOf(idempotency.Bits(in.IdempotencyKey), commandID)
		}
		return Command{
			Body:  contracts.IssueCredential{OrganisationID: in.ID, MemberID: in.MemberID, CredentialID: id, Hash: access.HashOf(secret)},
			About: in.ID, ID: id, URL: organisationURL(in.ID), Creates: true, Credential: access.MemberCredential(in.ID, id, secret),
		}
	})
}

func (g *Gateway) revokeCredential(ctx context.Context, in *struct {
	Write
	CredentialPath
}) (*Answer, error) {
	return g.send(ctx, in.Write, nil, func(uuid.UUID) Command {
		return Command{
			Body:  contracts.RevokeCredential{OrganisationID: in.ID, CredentialID: in.CredentialID},
			About: in.ID, ID: in.CredentialID, URL: organisationURL(in.ID),
		}
	})
}

// credential asks query whose a member's credential is.
func (g *Gateway) credential(ctx context.Context, organisation, id uuid.UUID) (issued access.Issued, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	var h view.CredentialHolder
	err = g.query.Get(ctx, "/credentials/"+organisation.String()+"/"+id.String(), &h)
	if errors.Is(err, upstream.ErrNotFound) {
		return issued, false, nil
	}
	return access.Issued{
		Member: access.Member{Organisation: h.OrganisationID, OrganisationName: h.OrganisationName, ID: h.MemberID, Name: h.MemberName, Owner: h.Owner},
		Hash:   h.Hash,
	}, err == nil, err
}

// owns asks query whether an order is of one of an organisation's conferences.
func (g *Gateway) owns(ctx context.Context, organisation, order uuid.UUID) (bool, error) {
	ctx, cancel := context.WithTimeout(upstream.For(ctx, organisation.String()), readWithin)
	defer cancel()
	var own view.OwnOrder
	err := g.query.Get(ctx, "/organiser/orders/"+order.String(), &own)
	if errors.Is(err, upstream.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
