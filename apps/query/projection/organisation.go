package projection

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// Organisation is what is kept of an organisation. Members who were removed stay, since
// the audit log names them.
type Organisation struct {
	ID          uuid.UUID    `json:"id"`
	Name        string       `json:"name"`
	CreatedAt   time.Time    `json:"createdAt"`
	Members     []Member     `json:"members"`
	Credentials []Credential `json:"credentials"`
}

// Member is a member of an Organisation.
type Member struct {
	ID      uuid.UUID `json:"id"`
	Name    string    `json:"name"`
	Owner   bool      `json:"owner,omitempty"`
	Removed bool      `json:"removed,omitempty"`
	AddedAt time.Time `json:"addedAt"`
}

// Credential is a credential that was not revoked.
type Credential struct {
	ID       uuid.UUID `json:"id"`
	Member   uuid.UUID `json:"member"`
	Hash     string    `json:"hash"`
	IssuedAt time.Time `json:"issuedAt"`
}

// FoldOrganisation folds one event of an organisation.
func FoldOrganisation(o *Organisation, m message.Message) {
	switch e := m.Body.(type) {
	case contracts.OrganisationCreated:
		o.ID, o.Name, o.CreatedAt = e.OrganisationID, e.Name, m.Time.UTC()
	case contracts.MemberAdded:
		o.Members = append(o.Members, Member{ID: e.MemberID, Name: e.Name, Owner: e.Owner, AddedAt: m.Time.UTC()})
	case contracts.MemberRemoved:
		for i := range o.Members {
			if o.Members[i].ID == e.MemberID {
				o.Members[i].Removed = true
			}
		}
		o.Credentials = slices.DeleteFunc(o.Credentials, func(c Credential) bool { return c.Member == e.MemberID })
	case contracts.CredentialIssued:
		o.Credentials = append(o.Credentials, Credential{ID: e.CredentialID, Member: e.MemberID, Hash: e.Hash, IssuedAt: m.Time.UTC()})
	case contracts.CredentialRevoked:
		o.Credentials = slices.DeleteFunc(o.Credentials, func(c Credential) bool { return c.ID == e.CredentialID })
	}
}

// MainOrganisation is the main organisation as long as nothing was said of it.
func MainOrganisation() Organisation {
	return Organisation{ID: contracts.MainOrganisation, Name: contracts.MainName}
}

// Shown is the organisation as its members see it.
func (o Organisation) Shown() view.Organisation {
	out := view.Organisation{ID: o.ID, Name: o.Name, CreatedAt: o.CreatedAt, Members: []view.Member{}}
	for _, m := range o.Members {
		if m.Removed {
			continue
		}
		shown := view.Member{ID: m.ID, Name: m.Name, Owner: m.Owner, AddedAt: m.AddedAt, Credentials: []view.Credential{}}
		for _, c := range o.Credentials {
			if c.Member == m.ID {
				shown.Credentials = append(shown.Credentials, view.Credential{ID: c.ID, IssuedAt: c.IssuedAt})
			}
		}
		out.Members = append(out.Members, shown)
	}
	return out
}

// Holder is whose a credential is; ok is false if it is nobody's, or was revoked.
func (o Organisation) Holder(credential uuid.UUID) (h view.CredentialHolder, ok bool) {
	i := slices.IndexFunc(o.Credentials, func(c Credential) bool { return c.ID == credential })
	if i < 0 {
		return h, false
	}
	c := o.Credentials[i]
	for _, m := range o.Members {
		if m.ID == c.Member && !m.Removed {
			return view.CredentialHolder{
				OrganisationID: o.ID, OrganisationName: o.Name, MemberID: m.ID, MemberName: m.Name, Owner: m.Owner, Hash: c.Hash,
			}, true
		}
	}
	return h, false
}

// MemberName is the name of somebody who is, or was, a member.
func (o Organisation) MemberName(id uuid.UUID) string {
	for _, m := range o.Members {
		if m.ID == id {
			return m.Name
		}
	}
	return ""
}

// ChangedIn says of an event whether it is what the audit log shows: the last one of what
// somebody who works with Plenary changed. organisation is the one that it concerns;
// uuid.Nil if none.
func ChangedIn(m message.Message) (organisation uuid.UUID, ok bool) {
	actor := contracts.ActorOf(m.Cause.Actor)
	if actor == (contracts.Actor{}) || m.DecisionEnd > m.StreamVersion {
		return uuid.Nil, false
	}
	switch m.Body.(type) {
	case nil, es.CommandRejected, es.CommandHadNoEffect:
		return uuid.Nil, false
	}
	if !actor.Operator {
		return actor.Organisation, true
	}
	if aggregate, id := Aggregate(m.Stream); aggregate == "organisation" {
		if of, err := uuid.Parse(id); err == nil {
			return of, true
		}
	}
	return uuid.Nil, true
}

// AuditEntry is a change as the audit log shows it, without the names.
func AuditEntry(m message.Message) view.AuditEntry {
	e := view.AuditEntry{At: m.Time.UTC(), Change: message.NameOf(m.Cause.Type), CommandID: m.Cause.ID, By: view.ActorMember}
	actor := contracts.ActorOf(m.Cause.Actor)
	switch {
	case actor.Operator:
		e.By = view.ActorOperator
	case actor.Member == uuid.Nil:
		e.By = view.ActorToken
	default:
		e.MemberID = &actor.Member
	}
	switch body := m.Body.(type) {
	case contracts.OrderRetried:
		e.Reason = body.Reason
	case contracts.OrderSeatsReleased:
		e.Reason = body.Reason
	case contracts.OrderPaymentReturned:
		e.Reason = body.Reason
	case contracts.OrderCaseClosed:
		e.Reason = body.Reason
	}
	aggregate, id := Aggregate(m.Stream)
	e.About, e.AboutID = aggregate, id
	switch aggregate {
	case "promo":
		e.About = "promo-code"
		e.AboutID, e.AboutName = Aggregate(id) // "<conference>/<code>"
	case "assignments":
		e.About = "attendees"
	}
	return e
}
