package pages_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/pages/pagestest"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
)

func TestAnyMembersCredentialSignsIn(t *testing.T) {
	w := newWorld(t)
	w.post("/organise/sign-in", "credential", pagestest.MemberCredential+"x").is(http.StatusUnauthorized).says("does not count")
	w.post("/organise/sign-in", "credential", pagestest.MemberCredential).leadsTo("/organise")
	w.get("/organise").is(http.StatusOK).says("Gophers in Berlin 2027", `href="/organise/members"`, `href="/organise/changes"`)
	// One who is no owner sees who is a member, and may give up a credential.
	p := w.get("/organise/members").is(http.StatusOK).says("Grace", "王伟", "You", `value="revoke"`, "Owners add and remove members")
	p.saysNot(`value="issue"`, `value="add"`, `value="remove"`)
	w.post("/organise/members", "do", "revoke", "credential", pagestest.Credential.String()).leadsTo("/organise/members")
	if sent := last[contracts.RevokeCredential](t, w); sent.CredentialID != pagestest.Credential || sent.OrganisationID != contracts.MainOrganisation {
		t.Errorf("sent %+v", sent)
	}
}

func last[T any](t *testing.T, w *world) T {
	t.Helper()
	sent := w.Sent()
	if len(sent) > 0 {
		if c, ok := sent[len(sent)-1].(T); ok {
			return c
		}
	}
	t.Fatalf("sent %+v", sent)
	panic("unreachable")
}

func TestOwnersSeeToMembersOnTheirPage(t *testing.T) {
	for root, enter := range map[string]func(*world){
		"/organise/members": enterAsOrganiser, "/operate/organisations/" + contracts.MainOrganisation.String(): enterAsOperator,
	} {
		t.Run(root, func(t *testing.T) {
			w := newWorld(t)
			enter(w)
			w.get(root).is(http.StatusOK).says("Grace", "王伟", `value="issue"`, `value="revoke"`, `value="remove"`, `value="add"`)
			w.post(root, "do", "add", "name", " Ada ", "owner", "1").leadsTo(root)
			if sent := last[contracts.AddMember](t, w); sent.Name != "Ada" || !sent.Owner || sent.OrganisationID != contracts.MainOrganisation || sent.MemberID == uuid.Nil {
				t.Errorf("sent %+v", sent)
			}
			w.post(root, "do", "remove", "member", pagestest.Wei.String()).leadsTo(root)
			if sent := last[contracts.RemoveMember](t, w); sent.MemberID != pagestest.Wei {
				t.Errorf("sent %+v", sent)
			}
			w.post(root, "do", "revoke", "credential", pagestest.Credential.String()).leadsTo(root)
			last[contracts.RevokeCredential](t, w)
			w.post(root, "do", "else").is(http.StatusUnprocessableEntity)

			w.post(root, "do", "add", "name", "").is(http.StatusUnprocessableEntity).says(`href="#name"`, `aria-invalid="true"`)
			w.Handle = func(any) *pagestest.Refusal { return &pagestest.Refusal{Code: refusal.TooManyMembers} }
			w.post(root, "do", "add", "name", "Ada").is(http.StatusConflict).says("There are too many members", `value="Ada"`)
		})
	}
}

// The credential stands on one page, once: not on the next, and in no address.
func TestACredentialIsShownOnceWhenItIsIssued(t *testing.T) {
	w := newWorld(t)
	enterAsOrganiser(w)
	form := uuid.NewString()
	issue := func() page {
		return w.post("/organise/members", "do", "issue", "member", pagestest.Wei.String(), "of", "王伟", "form", form).is(http.StatusOK)
	}
	credential := regexp.MustCompile(`value="(member\.[^"]+)" readonly`)
	first := credential.FindStringSubmatch(issue().says("王伟 has a new credential").body)
	if first == nil || !strings.HasPrefix(first[1], "member.") {
		t.Fatal("it is not shown")
	}
	if again := credential.FindStringSubmatch(issue().body); again == nil || again[1] != first[1] {
		t.Error("the form sent twice issues two")
	}
	if got := first[1]; issue().header.Get("Cache-Control") != "no-store" || strings.Contains(w.get("/organise/members").body, got) {
		t.Error("it may be kept, or is shown again")
	}
	w.Handle = func(any) *pagestest.Refusal { return &pagestest.Refusal{Code: refusal.TooManyCredentials} }
	w.post("/organise/members", "do", "issue", "member", pagestest.Wei.String()).is(http.StatusConflict).saysNot("member.AAAA", "readonly")
}

func TestOperatorsSeeToOrganisations(t *testing.T) {
	w := newWorld(t)
	enterAsOperator(w)
	w.get("/operate/organisations").is(http.StatusOK).says("main", "Gophers", "/operate/organisations/"+contracts.MainOrganisation.String())
	p := w.post("/operate/organisations", "name", "Crabs").is(http.StatusSeeOther)
	sent := last[contracts.CreateOrganisation](t, w)
	p.leadsTo("/operate/organisations/" + sent.OrganisationID.String())
	if sent.Name != "Crabs" {
		t.Errorf("sent %+v", sent)
	}
	w.post("/operate/organisations", "name", "").is(http.StatusUnprocessableEntity).says(`href="#name"`)
	w.get("/operate/organisations/" + uuid.NewString()).is(http.StatusNotFound)
}

func TestTheChangeLogSaysWhoDidWhat(t *testing.T) {
	w := newWorld(t)
	enterAsOrganiser(w)
	w.get("/organise/changes").is(http.StatusOK).says("王伟", "Published", "Gophers in Berlin 2027", own(""), "own credential", "Cancelled", "An operator", "WhatCameLater", own("/promo-codes"))
	w.post("/preferences", "language", "zh-Hans", "back", "/organise/changes").leadsTo("/organise/changes")
	w.get("/organise/changes").is(http.StatusOK).says("变更记录", "发布", "运维人员")

	w = newWorld(t)
	enterAsOperator(w)
	w.get("/operate/changes").is(http.StatusOK).says(`<th scope="col">Organisation</th>`, "/explore/orders/"+pagestest.OrderID("cancelled").String())
	w.get("/operate/changes?organisation=" + contracts.MainOrganisation.String()).is(http.StatusOK).saysNot(`<th scope="col">Organisation</th>`)
}
