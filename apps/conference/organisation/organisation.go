// Package organisation is the Organisation aggregate: who organises conferences, its
// members, and the credentials by which they are known.
//
// Operators make organisations. Owners, and operators, say who is a member, and give and
// revoke credentials. Of a credential only the hash is here; web makes it, shows it once,
// and checks it against what query shows (docs/adr/0029-organisations.md).
package organisation

import (
	"slices"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Name is the aggregate's name; its streams are "organisation/<organisation id>".
const Name = "organisation"

// Bounds of an organisation. Those of what it ever had keep its stream, which keeps the
// ids of all commands, short.
const (
	MaxMembers         = 100
	MaxMembersEver     = 500
	MaxCredentials     = 10 // of a member
	MaxCredentialsEver = 2000
)

// State is an organisation.
type State struct {
	ID      uuid.UUID `json:"id"`
	Name    string    `json:"name"`
	Members []Member  `json:"members"` // in the order of their adding, removed ones too
	// Credentials are all that were ever issued.
	Credentials []Credential `json:"credentials"`
}

// Member is somebody who acts for the organisation. The id of one who was removed is not
// used again: it stands in the audit log.
type Member struct {
	ID      uuid.UUID `json:"id"`
	Name    string    `json:"name"`
	Owner   bool      `json:"owner"`
	Removed bool      `json:"removed"`
}

// Credential is one of a member's.
type Credential struct {
	ID      uuid.UUID `json:"id"`
	Member  uuid.UUID `json:"member"`
	Hash    string    `json:"hash"`
	Revoked bool      `json:"revoked"`
}

// Aggregate is the Organisation aggregate.
func Aggregate() es.Aggregate[State] {
	return es.Aggregate[State]{
		Name: Name,
		New:  func() State { return State{} },
		Commands: []es.Command[State]{
			es.On(func(c contracts.CreateOrganisation) uuid.UUID { return c.OrganisationID }, create),
			es.On(func(c contracts.AddMember) uuid.UUID { return c.OrganisationID }, addMember),
			es.On(func(c contracts.RemoveMember) uuid.UUID { return c.OrganisationID }, removeMember),
			es.On(func(c contracts.IssueCredential) uuid.UUID { return c.OrganisationID }, issue),
			es.On(func(c contracts.RevokeCredential) uuid.UUID { return c.OrganisationID }, revoke),
		},
		Guard:           guard,
		Evolve:          evolve,
		AnswersNoEffect: true,
	}
}

// there says whether there is the organisation that a command is for. The main one is
// there before its first event.
func (s State) there(id uuid.UUID) bool { return s.ID != uuid.Nil || id == contracts.MainOrganisation }

// guard refuses who may not do this. To a member of another organisation, and to
// nobody's command, an organisation is as if it were not there; and it records nothing
// of their commands.
func guard(env es.Env, s State, command any) error {
	actor := contracts.ActorOf(env.Actor)
	if c, ok := command.(contracts.CreateOrganisation); ok {
		if !actor.Operator {
			return es.RefuseUnrecorded(refusal.OwnerRequired, "operators make organisations")
		}
		if c.OrganisationID == contracts.MainOrganisation {
			return es.Refuse(refusal.OrganisationExists, "the main organisation is there from the beginning")
		}
		return nil
	}
	id := about(command)
	if !actor.Operator && !actor.ActsFor(id) {
		return es.RefuseUnrecorded(refusal.OrganisationNotFound, "there is no such organisation (yet)")
	}
	if !s.there(id) {
		return es.Refuse(refusal.OrganisationNotFound, "there is no such organisation (yet)")
	}
	if c, ok := command.(contracts.RevokeCredential); ok && actor.ActsFor(id) && s.has(c.CredentialID, actor.Member) {
		return nil // anybody may give up a credential of their own
	}
	if !actor.Operator && !s.isOwner(id, actor.Member) {
		return es.RefuseUnrecorded(refusal.OwnerRequired, "members and credentials are for owners to change")
	}
	return nil
}

func about(command any) uuid.UUID {
	switch c := command.(type) {
	case contracts.AddMember:
		return c.OrganisationID
	case contracts.RemoveMember:
		return c.OrganisationID
	case contracts.IssueCredential:
		return c.OrganisationID
	case contracts.RevokeCredential:
		return c.OrganisationID
	}
	return uuid.Nil
}

// isOwner says whether a member is an owner now. The holder of organiser-token, who has
// no id, is one of the main organisation.
func (s State) isOwner(organisation, member uuid.UUID) bool {
	if member == uuid.Nil {
		return organisation == contracts.MainOrganisation
	}
	i, ok := s.member(member)
	return ok && !s.Members[i].Removed && s.Members[i].Owner
}

func (s State) member(id uuid.UUID) (index int, known bool) {
	index = slices.IndexFunc(s.Members, func(m Member) bool { return m.ID == id })
	return index, index >= 0
}

func (s State) credential(id uuid.UUID) (index int, known bool) {
	index = slices.IndexFunc(s.Credentials, func(c Credential) bool { return c.ID == id })
	return index, index >= 0
}

// has says whether a credential was issued to a member.
func (s State) has(credential, member uuid.UUID) bool {
	i, ok := s.credential(credential)
	return ok && s.Credentials[i].Member == member
}

func create(_ es.Env, s State, c contracts.CreateOrganisation) ([]any, error) {
	name, err := contracts.KeptName("an organisation", c.Name)
	if err != nil {
		return nil, err
	}
	if s.ID != uuid.Nil {
		if s.Name == name {
			return nil, nil
		}
		return nil, es.Refuse(refusal.OrganisationExists, "there is an organisation with this id already")
	}
	return []any{contracts.OrganisationCreated{OrganisationID: c.OrganisationID, Name: name}}, nil
}

// addMember begins the stream of the main organisation, if nothing was said of it before.
func addMember(_ es.Env, s State, c contracts.AddMember) (events []any, err error) {
	name, err := contracts.KeptName("a member", c.Name)
	if err != nil {
		return nil, err
	}
	if i, known := s.member(c.MemberID); known {
		if m := s.Members[i]; !m.Removed && m.Name == name && m.Owner == c.Owner {
			return nil, nil
		}
		return nil, es.Refuse(refusal.MemberExists, "the organisation has, or had, a member with this id")
	}
	if c.MemberID == uuid.Nil {
		return nil, es.Refuse(refusal.MemberExists, "this id is nobody's")
	}
	if s.members() >= MaxMembers || len(s.Members) >= MaxMembersEver {
		return nil, es.Refuse(refusal.TooManyMembers, "an organisation has %d members at most, and %d over time", MaxMembers, MaxMembersEver)
	}
	if s.ID == uuid.Nil {
		events = append(events, contracts.OrganisationCreated{OrganisationID: c.OrganisationID, Name: contracts.MainName})
	}
	return append(events, contracts.MemberAdded{OrganisationID: c.OrganisationID, MemberID: c.MemberID, Name: name, Owner: c.Owner}), nil
}

func (s State) members() (n int) {
	for _, m := range s.Members {
		if !m.Removed {
			n++
		}
	}
	return n
}

func removeMember(_ es.Env, s State, c contracts.RemoveMember) ([]any, error) {
	i, known := s.member(c.MemberID)
	switch {
	case !known:
		return nil, es.Refuse(refusal.MemberNotFound, "the organisation has no such member")
	case s.Members[i].Removed:
		return nil, nil
	}
	return []any{contracts.MemberRemoved{OrganisationID: c.OrganisationID, MemberID: c.MemberID}}, nil
}

func issue(_ es.Env, s State, c contracts.IssueCredential) ([]any, error) {
	i, known := s.member(c.MemberID)
	if !known || s.Members[i].Removed {
		return nil, es.Refuse(refusal.MemberNotFound, "the organisation has no such member")
	}
	if i, known := s.credential(c.CredentialID); known {
		if there := s.Credentials[i]; !there.Revoked && there.Member == c.MemberID && there.Hash == c.Hash {
			return nil, nil
		}
		return nil, es.Refuse(refusal.CredentialExists, "there is, or was, a credential with this id")
	}
	held := 0
	for _, k := range s.Credentials {
		if k.Member == c.MemberID && !k.Revoked {
			held++
		}
	}
	if held >= MaxCredentials || len(s.Credentials) >= MaxCredentialsEver {
		return nil, es.Refuse(refusal.TooManyCredentials, "a member has %d credentials at most, and an organisation issues %d over time", MaxCredentials, MaxCredentialsEver)
	}
	return []any{contracts.CredentialIssued{OrganisationID: c.OrganisationID, MemberID: c.MemberID, CredentialID: c.CredentialID, Hash: c.Hash}}, nil
}

func revoke(_ es.Env, s State, c contracts.RevokeCredential) ([]any, error) {
	i, known := s.credential(c.CredentialID)
	switch {
	case !known:
		return nil, es.Refuse(refusal.CredentialNotFound, "the organisation has no such credential")
	case s.Credentials[i].Revoked:
		return nil, nil
	}
	return []any{contracts.CredentialRevoked{OrganisationID: c.OrganisationID, MemberID: s.Credentials[i].Member, CredentialID: c.CredentialID}}, nil
}

func evolve(s State, event any) State {
	switch e := event.(type) {
	case contracts.OrganisationCreated:
		s.ID, s.Name = e.OrganisationID, e.Name
	case contracts.MemberAdded:
		s.Members = append(s.Members, Member{ID: e.MemberID, Name: e.Name, Owner: e.Owner})
	case contracts.MemberRemoved:
		if i, ok := s.member(e.MemberID); ok {
			s.Members[i].Removed = true
		}
		for i := range s.Credentials {
			if s.Credentials[i].Member == e.MemberID {
				s.Credentials[i].Revoked = true
			}
		}
	case contracts.CredentialIssued:
		s.Credentials = append(s.Credentials, Credential{ID: e.CredentialID, Member: e.MemberID, Hash: e.Hash})
	case contracts.CredentialRevoked:
		if i, ok := s.credential(e.CredentialID); ok {
			s.Credentials[i].Revoked = true
		}
	}
	return s
}
