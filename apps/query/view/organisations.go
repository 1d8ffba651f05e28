package view

import (
	"time"

	"github.com/google/uuid"
)

// Organisation is who organises conferences.
type Organisation struct {
	ID        uuid.UUID `json:"id" format:"uuid"`
	Name      string    `json:"name"`
	Members   []Member  `json:"members" nullable:"false" doc:"In the order in which they were added"`
	CreatedAt time.Time `json:"createdAt,omitzero" doc:"Absent for the main organisation as long as nothing was changed in it: it is there from the beginning"`
}

// Member is somebody who acts for an organisation.
type Member struct {
	ID          uuid.UUID    `json:"id" format:"uuid"`
	Name        string       `json:"name"`
	Owner       bool         `json:"owner" doc:"Owners say who is a member, and issue and revoke credentials"`
	AddedAt     time.Time    `json:"addedAt"`
	Credentials []Credential `json:"credentials" nullable:"false" doc:"Those that were not revoked"`
}

// Credential is one of a member's, without what opens anything.
type Credential struct {
	ID       uuid.UUID `json:"id" format:"uuid" doc:"The third part of the credential's text"`
	IssuedAt time.Time `json:"issuedAt"`
}

// OrganisationSummary is an organisation in the operator's list.
type OrganisationSummary struct {
	ID          uuid.UUID `json:"id" format:"uuid"`
	Name        string    `json:"name"`
	Members     int       `json:"members"`
	Conferences int       `json:"conferences"`
	CreatedAt   time.Time `json:"createdAt,omitzero" doc:"Absent for the main organisation as long as nothing was changed in it"`
}

// Organisations is one page of the organisations, the oldest first.
type Organisations struct {
	Organisations []OrganisationSummary `json:"organisations" nullable:"false"`
	Next          string                `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// CredentialHolder is whose a credential is, with what it is compared with. It is for
// web, which shows it to nobody.
type CredentialHolder struct {
	OrganisationID   uuid.UUID `json:"organisationId"`
	OrganisationName string    `json:"organisationName"`
	MemberID         uuid.UUID `json:"memberId"`
	MemberName       string    `json:"memberName"`
	Owner            bool      `json:"owner"`
	Hash             string    `json:"hash"`
}

// OwnOrder says that an order is of one of the organisation's conferences.
type OwnOrder struct {
	OrderID      uuid.UUID `json:"orderId"`
	ConferenceID uuid.UUID `json:"conferenceId"`
}

// ActorKind is who made a change.
type ActorKind string

// The kinds of actors.
const (
	ActorMember   ActorKind = "member"
	ActorToken    ActorKind = "organiser-token" // the installation's own, which has no member
	ActorOperator ActorKind = "operator"
)

// AuditEntry is a change that somebody who works with Plenary made.
type AuditEntry struct {
	At               time.Time  `json:"at"`
	By               ActorKind  `json:"by" enum:"member,organiser-token,operator"`
	MemberID         *uuid.UUID `json:"memberId,omitempty" format:"uuid"`
	MemberName       string     `json:"memberName,omitempty" doc:"Also of members who were removed since"`
	OrganisationID   *uuid.UUID `json:"organisationId,omitempty" format:"uuid" doc:"Absent for what an operator did outside of any"`
	OrganisationName string     `json:"organisationName,omitempty"`
	Change           string     `json:"change" doc:"Type of the command" example:"PublishConference"`
	About            string     `json:"about" enum:"conference,promo-code,order,attendees,payment,organisation" doc:"What was changed"`
	AboutID          string     `json:"aboutId" doc:"Its id; of a promo code, its conference's" example:"6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"`
	AboutName        string     `json:"aboutName,omitempty" doc:"Name of the conference or organisation, or the promo code"`
	Reason           string     `json:"reason,omitempty" doc:"Why, if it had to be said"`
	CommandID        string     `json:"commandId"`
}

// AuditLog is one page of changes, the newest first. There is no personal data of
// registrants in it.
type AuditLog struct {
	Entries []AuditEntry `json:"entries" nullable:"false"`
	Next    string       `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}
