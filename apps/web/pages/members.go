package pages

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
)

// me is who is signed in.
type me struct {
	Role         string
	Organisation *struct {
		ID   uuid.UUID
		Name string
	}
	MemberID *uuid.UUID
	Owner    bool
}

type membersPage struct {
	Shell
	view.Organisation
	// Root is where the page is, and its forms are sent.
	Root string
	// AsOperator says that an operator looks at the organisation.
	AsOperator bool
	// MayChange says that who looks may change everything, and Me who that is, if they
	// are a member, who may give up credentials of their own.
	MayChange bool
	Me        uuid.UUID
	// Issued is a credential that was just issued, and IssuedTo whose it is. It is shown
	// once.
	Issued, IssuedTo string
	// Typed, TypedOwner and NameErr are what was typed of a new member and is wrong.
	Typed      string
	TypedOwner bool
	NameErr    string
}

// MayRevoke says whether who looks may revoke a member's credentials.
func (d *membersPage) MayRevoke(member uuid.UUID) bool {
	return d.MayChange || d.Me != uuid.Nil && d.Me == member
}

// members shows the members of the visitor's organisation.
func (v *Visit) members(credential string) { v.showMembers(credential, http.StatusOK, &membersPage{}) }

// office is the organisation that a page is about: its members' own or, for an
// operator, the one in the path.
func (v *Visit) office(credential string, data *membersPage) (id string, ok bool) {
	if v.role == operator {
		data.AsOperator, data.MayChange = true, true
		data.Root = "/operate/organisations/" + url.PathEscape(v.Param("id"))
		return v.Param("id"), true
	}
	data.Root = "/organise/members"
	var who me
	if !v.read(credential, "/api/me", &who) {
		return "", false
	}
	if who.Organisation == nil {
		v.refuse(problem.New(problem.NotFound))
		return "", false
	}
	data.MayChange = who.Owner
	if who.MemberID != nil {
		data.Me = *who.MemberID
	}
	return who.Organisation.ID.String(), true
}

func (v *Visit) showMembers(credential string, status int, data *membersPage) {
	id, ok := v.office(credential, data)
	if !ok || !v.read(credential, "/api/organisations/"+url.PathEscape(id), &data.Organisation) {
		return
	}
	if data.AsOperator {
		data.Private = true
	} else {
		v.working(&data.Shell, nil, "members")
	}
	data.Style, data.Path = workStyle, data.Root
	v.Render("members", status, data)
}

// changeMembers adds or removes a member, or issues or revokes a credential.
func (v *Visit) changeMembers(credential string) {
	data := &membersPage{}
	id, ok := v.office(credential, data)
	if !ok {
		return
	}
	root := "/api/organisations/" + url.PathEscape(id)
	member, key := url.PathEscape(v.PostForm("member")), url.PathEscape(v.PostForm("credential"))
	call := Call{Bearer: credential, Wait: "5"}
	do := v.PostForm("do")
	switch do {
	case "add":
		data.Typed, data.TypedOwner = strings.TrimSpace(v.PostForm("name")), v.PostForm("owner") != ""
		call.Method, call.Path, call.Body = http.MethodPost, root+"/members", map[string]any{"name": data.Typed, "owner": data.TypedOwner}
	case "remove":
		call.Method, call.Path = http.MethodDelete, root+"/members/"+member
	case "issue":
		call.Method, call.Path = http.MethodPost, root+"/members/"+member+"/credentials"
	case "revoke":
		call.Method, call.Path = http.MethodDelete, root+"/credentials/"+key
	default:
		v.refuse(problem.New(problem.ValidationFailed))
		return
	}
	var receipt struct{ Credential string }
	_, p := v.Send(call, &receipt)
	switch {
	case p != nil && p.Status == http.StatusUnauthorized:
		v.setCookie(v.role.cookie, "", "/", -1)
		v.askFor(v.role)
	case p != nil:
		data.Failed = v.Fail(p, func(field string) (string, string) {
			if field == "name" {
				return "name", "members.name"
			}
			return "", ""
		})
		data.NameErr = data.Failed.of("name")
		v.showMembers(credential, p.Status, data)
	case receipt.Credential != "":
		data.Issued, data.IssuedTo = receipt.Credential, v.PostForm("of")
		v.showMembers(credential, http.StatusOK, data)
	default:
		v.See(data.Root)
	}
}

type organisationsPage struct {
	Shell
	view.Organisations
	More  string
	Typed string
	// NameErr is what is wrong with the name that was typed.
	NameErr string
}

// organisations lists all organisations, for operators.
func (v *Visit) organisations(credential string) {
	v.showOrganisations(credential, http.StatusOK, &organisationsPage{})
}

func (v *Visit) showOrganisations(credential string, status int, data *organisationsPage) {
	if !v.read(credential, "/api/organisations?"+parameters("after", v.Query("after"), "limit", "50"), &data.Organisations) {
		return
	}
	if data.Next != "" {
		data.More = "/operate/organisations?" + parameters("after", data.Next)
	}
	data.Style, data.Private, data.Path = workStyle, true, "/operate/organisations"
	v.Render("organisations", status, data)
}

// createOrganisation makes an organisation, and leads to its members.
func (v *Visit) createOrganisation(credential string) {
	data := &organisationsPage{Typed: strings.TrimSpace(v.PostForm("name"))}
	var receipt struct{ ID uuid.UUID }
	_, p := v.Send(Call{Method: http.MethodPost, Path: "/api/organisations", Body: map[string]string{"name": data.Typed}, Bearer: credential, Wait: "5"}, &receipt)
	switch {
	case p == nil:
		v.See("/operate/organisations/" + receipt.ID.String())
	case p.Status == http.StatusUnauthorized:
		v.setCookie(v.role.cookie, "", "/", -1)
		v.askFor(v.role)
	default:
		data.Failed = v.Fail(p, func(string) (string, string) { return "name", "organisations.name" })
		data.NameErr = data.Failed.of("name")
		v.showOrganisations(credential, p.Status, data)
	}
}

type auditPage struct {
	Shell
	view.AuditLog
	// OfAll says that changes of all organisations are shown.
	OfAll, AsOperator bool
	More              string
}

// audit lists who changed what.
func (v *Visit) audit(credential string) {
	data := &auditPage{AsOperator: v.role == operator}
	root, organisation := "/organise/changes", ""
	if data.AsOperator {
		root, organisation = "/operate/changes", v.Query("organisation")
		data.OfAll = organisation == ""
	}
	if !v.read(credential, "/api/audit-log?"+parameters("organisation", organisation, "after", v.Query("after"), "limit", "50"), &data.AuditLog) {
		return
	}
	if data.Next != "" {
		data.More = root + "?" + parameters("organisation", organisation, "after", data.Next)
	}
	if data.AsOperator {
		data.Style, data.Private = workStyle, true
	} else {
		v.working(&data.Shell, nil, "changes")
	}
	v.Render("changes", http.StatusOK, data)
}

// Changes are the kinds of changes that have a name of their own on the page; another
// one is shown as the API names it.
var changesNamed = map[string]bool{
	"CreateConference": true, "RenameConference": true, "DeleteConference": true, "UpdateConference": true, "PublishConference": true, "UnpublishConference": true,
	"AddSeatType": true, "UpdateSeatType": true, "RemoveSeatType": true, "CloseWaitlist": true, "ReopenWaitlist": true, "MoveWaitlist": true,
	"CreatePromoCode": true, "UpdatePromoCode": true, "RetirePromoCode": true, "CancelOrder": true, "CancelOrderSeats": true, "ChangeOrderItems": true, "AssignRegistrantDetails": true,
	"ConfirmOrder": true, "ApplyPromoCode": true, "RemovePromoCode": true, "LeaveWaitlist": true, "AssignSeat": true, "UnassignSeat": true, "InitiatePayment": true,
	"RefundPayment": true, "CreateOrganisation": true, "AddMember": true, "RemoveMember": true, "IssueCredential": true, "RevokeCredential": true,
}

// Named says whether a change has a name on the page.
func (d *auditPage) Named(change string) bool { return changesNamed[change] }

// Link leads to what was changed, if there is a page of it for who looks.
func (d *auditPage) Link(e view.AuditEntry) string {
	switch {
	case d.AsOperator && e.About == "organisation":
		return "/operate/organisations/" + e.AboutID
	case d.AsOperator && (e.About == "order" || e.About == "attendees"):
		return "/explore/orders/" + e.AboutID
	case d.AsOperator:
		return ""
	case e.About == "conference" && e.AboutName != "":
		return "/organise/c/" + e.AboutID
	case e.About == "promo-code":
		return "/organise/c/" + e.AboutID + "/promo-codes"
	case e.About == "order" || e.About == "attendees":
		return "/organise/orders/" + e.AboutID
	case e.About == "organisation":
		return "/organise/members"
	}
	return ""
}
