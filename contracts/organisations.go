package contracts

import (
	"strings"

	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/message"
)

// MainOrganisation is the organisation that every installation begins with: the
// secret organiser-token acts for it. It is there before anything is said of it.
var MainOrganisation = uuid.MustParse("00000000-0000-8000-8000-00006d61696e") // it ends with "main"

// MainName is what it is called until it has another name.
const MainName = "main"

// Actor is on whose behalf a command is sent: a member of an organisation, the holder
// of the secret organiser-token, or an operator. It is what the metadata of a command
// has as its actor, and that of the events that follow as their cause's. The zero
// Actor is nobody: a registrant, or an app by itself.
type Actor struct {
	// Operator looks after the system, and acts for no organisation.
	Operator bool
	// Organisation is whose member acts, and Member who that is: uuid.Nil is the holder
	// of organiser-token.
	Organisation, Member uuid.UUID
}

const operatorActor = "operator"

// String is the actor as messages have it.
func (a Actor) String() string {
	switch {
	case a.Operator:
		return operatorActor
	case a.Organisation == uuid.Nil:
		return ""
	}
	return a.Organisation.String() + "/" + a.Member.String()
}

// ActorOf reads what String wrote. Anything else is nobody.
func ActorOf(text string) Actor {
	if text == operatorActor {
		return Actor{Operator: true}
	}
	organisation, member, _ := strings.Cut(text, "/")
	var a Actor
	var err error
	if a.Organisation, err = uuid.Parse(organisation); err != nil {
		return Actor{}
	}
	if a.Member, err = uuid.Parse(member); err != nil {
		return Actor{}
	}
	return a
}

// ActsFor says whether somebody acts for an organisation. Nobody acts for none.
func (a Actor) ActsFor(organisation uuid.UUID) bool {
	return !a.Operator && organisation != uuid.Nil && a.Organisation == organisation
}

// Commands about organisations that the conference app receives, from operators and
// from the organisations' owners.
type (
	// CreateOrganisation makes an organisation without members.
	CreateOrganisation struct {
		OrganisationID uuid.UUID `json:"organisationId" validate:"required"`
		Name           string    `json:"name" validate:"required,name"`
	}
	// AddMember makes somebody a member. An owner looks after members and credentials.
	AddMember struct {
		OrganisationID uuid.UUID `json:"organisationId" validate:"required"`
		MemberID       uuid.UUID `json:"memberId" validate:"required"`
		Name           string    `json:"name" validate:"required,name" personal:"true"`
		Owner          bool      `json:"owner,omitempty"`
	}
	// RemoveMember ends a membership, and with it the member's credentials.
	RemoveMember struct {
		OrganisationID uuid.UUID `json:"organisationId" validate:"required"`
		MemberID       uuid.UUID `json:"memberId" validate:"required"`
	}
	// IssueCredential gives a member a credential, of which the hash is kept.
	IssueCredential struct {
		OrganisationID uuid.UUID `json:"organisationId" validate:"required"`
		MemberID       uuid.UUID `json:"memberId" validate:"required"`
		CredentialID   uuid.UUID `json:"credentialId" validate:"required"`
		Hash           string    `json:"hash" validate:"required,len=64"` // of its secret part: SHA-256, hexadecimal
	}
	// RevokeCredential ends a credential.
	RevokeCredential struct {
		OrganisationID uuid.UUID `json:"organisationId" validate:"required"`
		CredentialID   uuid.UUID `json:"credentialId" validate:"required"`
	}
)

// Events of an organisation.
type (
	// OrganisationCreated makes an organisation.
	OrganisationCreated struct {
		OrganisationID uuid.UUID `json:"organisationId" validate:"required"`
		Name           string    `json:"name"`
	}
	// MemberAdded makes somebody a member.
	MemberAdded struct {
		OrganisationID uuid.UUID `json:"organisationId" validate:"required"`
		MemberID       uuid.UUID `json:"memberId" validate:"required"`
		Name           string    `json:"name" personal:"true"`
		Owner          bool      `json:"owner,omitempty"`
	}
	// MemberRemoved ends a membership and all of the member's credentials.
	MemberRemoved struct {
		OrganisationID uuid.UUID `json:"organisationId" validate:"required"`
		MemberID       uuid.UUID `json:"memberId" validate:"required"`
	}
	// CredentialIssued gives a member a credential.
	CredentialIssued struct {
		OrganisationID uuid.UUID `json:"organisationId" validate:"required"`
		MemberID       uuid.UUID `json:"memberId" validate:"required"`
		CredentialID   uuid.UUID `json:"credentialId" validate:"required"`
		Hash           string    `json:"hash" validate:"required,len=64"`
	}
	// CredentialRevoked ends a credential.
	CredentialRevoked struct {
		OrganisationID uuid.UUID `json:"organisationId" validate:"required"`
		MemberID       uuid.UUID `json:"memberId" validate:"required"`
		CredentialID   uuid.UUID `json:"credentialId" validate:"required"`
	}
)

func organisations(r *message.Registry) {
	command(r, TopicConferences, "CreateOrganisation.v1", func(c CreateOrganisation) uuid.UUID { return c.OrganisationID })
	command(r, TopicConferences, "AddMember.v1", func(c AddMember) uuid.UUID { return c.OrganisationID })
	command(r, TopicConferences, "RemoveMember.v1", func(c RemoveMember) uuid.UUID { return c.OrganisationID })
	command(r, TopicConferences, "IssueCredential.v1", func(c IssueCredential) uuid.UUID { return c.OrganisationID })
	command(r, TopicConferences, "RevokeCredential.v1", func(c RevokeCredential) uuid.UUID { return c.OrganisationID })

	event(r, "OrganisationCreated.v1", func(e OrganisationCreated) uuid.UUID { return e.OrganisationID })
	event(r, "MemberAdded.v1", func(e MemberAdded) uuid.UUID { return e.OrganisationID })
	event(r, "MemberRemoved.v1", func(e MemberRemoved) uuid.UUID { return e.OrganisationID })
	event(r, "CredentialIssued.v1", func(e CredentialIssued) uuid.UUID { return e.OrganisationID })
	event(r, "CredentialRevoked.v1", func(e CredentialRevoked) uuid.UUID { return e.OrganisationID })
}
