package gateway_test

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/gateway/gatewaytest"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/message"
)

// others is another organisation than the one that all of these tests belongs to.
var others = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-2f0000000001")

// memberOf lets somebody be a member of an organisation, and is their credential.
func (q *query) memberOf(organisation uuid.UUID, owner bool) (credential header, who view.CredentialHolder) {
	id, secret := uuid.New(), access.NewMemberSecret()
	who = view.CredentialHolder{OrganisationID: organisation, OrganisationName: "Gophers", MemberID: uuid.New(), MemberName: "Ada", Owner: owner, Hash: access.HashOf(secret)}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.members["/credentials/"+organisation.String()+"/"+id.String()] = who
	return header{"Authorization", "Bearer " + access.MemberCredential(organisation, id, secret)}, who
}

// revoke has query know no members' credentials any more.
func (q *query) revoke() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.members)
}

// seenByAll are the operations that show what has an id to everybody who knows it, or
// that anybody may call.
var seenByAll = map[string]string{
	"GET /api/payments/{id}":            "a payment's id is in its payer's link",
	"POST /api/conferences/{id}/orders": "anybody may order",
}

// Each operation of the description that an organiser may call is called with another
// organisation's credential and the ids of what there is, and with ids of what there is
// not: both are answered alike, and not with what was asked for. Whatever is asked or sent
// on behalf of that member says so.
func TestAnotherOrganisationsCredentialOpensNothingOfAnOrganisation(t *testing.T) {
	description := operations(newFixture(t))
	known := map[string]string{ // by the word before it in the path
		"conferences": conferenceID.String(), "orders": orderID.String(), "payments": paymentID.String(), "seat-types": seatTypeID.String(),
		"promo-codes": "early-20", "seats": "0", "organisations": contracts.MainOrganisation.String(), "members": memberID.String(),
		"credentials": credentialID.String(), "outcomes": commandID.String(),
	}
	unknown := map[string]string{
		"conferences": uuid.NewString(), "orders": uuid.NewString(), "payments": uuid.NewString(), "seat-types": uuid.NewString(),
		"promo-codes": "never-was", "seats": "1", "organisations": uuid.NewString(), "members": uuid.NewString(),
		"credentials": uuid.NewString(), "outcomes": uuid.NewString(),
	}
	tried := 0
	for name, op := range description {
		method, template, _ := strings.Cut(name, " ")
		opens := template == "/api/outcomes/{id}" || slices.ContainsFunc(op.Security, func(s map[string][]string) bool { return s["organiser"] != nil || s["order"] != nil })
		if !opens || seenByAll[name] != "" || !strings.Contains(template, "{") {
			continue
		}
		tried++
		t.Run(op.OperationID, func(t *testing.T) {
			f := newFixture(t)
			everythingIsThere(f)
			by, who := f.query.memberOf(others, true)
			body := ""
			if op.RequestBody != nil {
				body = bodyOf(t, method, template)
			}
			call := func(ids map[string]string) response {
				t.Helper()
				return f.do(method, gatewaytest.WithIDs(t, template, ids), body, by, header{"Prefer", "wait=5"})
			}
			ofOthers, ofNobody := call(known), call(unknown)
			if template != "/api/outcomes/{id}" && ofOthers.status < 400 {
				t.Fatalf("%d %s", ofOthers.status, ofOthers.body)
			}
			if ofOthers.status == http.StatusUnprocessableEntity || ofOthers.status == http.StatusUnauthorized || ofOthers.status >= 500 {
				t.Fatalf("it was not tried: %d %s", ofOthers.status, ofOthers.body)
			}
			if a, b := without(ofOthers, known), without(ofNobody, unknown); ofOthers.status != ofNobody.status || a != b {
				t.Errorf("%d %s\nof what is not there: %d %s", ofOthers.status, a, ofNobody.status, b)
			}
			for _, m := range f.broker.commands() {
				if m.Actor != (contracts.Actor{Organisation: others, Member: who.MemberID}).String() {
					t.Errorf("%T was sent on behalf of %q", m.Body, m.Actor)
				}
			}
			for i, asked := range f.query.requests() {
				if got := f.query.headers[i].Get(upstream.OrganisationHeader); got != others.String() && !strings.Contains(asked, "/credentials/") && !strings.Contains(asked, "/outcomes/") {
					t.Errorf("%s was asked for %q", asked, got)
				}
			}
		})
	}
	if tried < 40 {
		t.Errorf("%d operations were tried", tried)
	}
}

// everythingIsThere has all that the ids of these tests name, of the main organisation,
// and handlers that say no to the members of others as the aggregates do.
func everythingIsThere(f *fixture) {
	f.query.answer("GET /orders/"+orderID.String(), payable)
	f.query.answer("GET /payments/"+paymentID.String(), aPayment)
	f.query.decide(view.Outcome{CommandID: commandID.String(), Status: view.OutcomeAccepted, Actor: contracts.Actor{Organisation: contracts.MainOrganisation}.String()})
	id := conferenceID.String()
	for path, answer := range map[string]any{
		"drafts/" + id: aConference, "conferences/" + id + "/dashboard": view.Dashboard{}, "conferences/" + id + "/orders?limit=100": view.OrderList{},
		"conferences/" + id + "/attendees?limit=100": view.AttendeeList{}, "conferences/" + id + "/promo-codes?limit=100": view.PromoCodes{},
		"conferences/" + id + "/waitlist": view.Waitlist{}, "conferences/" + id + "/orders.csv": "csv", "conferences/" + id + "/attendees.csv": "csv",
	} {
		f.query.answer("GET /organiser/"+path, answer)
	}
	for _, of := range []string{"/flow", "/state?"} {
		f.query.answer("GET /explorer/orders/"+orderID.String()+of, view.Flow{})
	}
	f.broker.handled = func(m message.Message) {
		o := view.Outcome{CommandID: m.ID, Status: view.OutcomeAccepted, Actor: m.Actor}
		if actor := contracts.ActorOf(m.Actor); actor.Organisation != contracts.MainOrganisation {
			o.Status, o.Code = view.OutcomeRefused, refusal.ConferenceNotFound
			switch m.Body.(type) {
			case contracts.UpdatePromoCode, contracts.RetirePromoCode:
				o.Code = refusal.PromoCodeUnknown
			case contracts.AddMember, contracts.RemoveMember, contracts.IssueCredential, contracts.RevokeCredential:
				o.Code = refusal.OrganisationNotFound
			}
		}
		f.query.decide(o)
	}
}

// bodyOf is a right body of an operation.
func bodyOf(t *testing.T, method, template string) string {
	t.Helper()
	if template == "/api/conferences/{id}/slug" || template == "/api/conferences/{id}/duplicate" {
		return `{"slug":"gophers-2028"}`
	}
	for _, w := range writes {
		if path, _, _ := strings.Cut(w.path, "?"); w.method == method && matches(template, path) && w.body != "" {
			return w.body
		}
	}
	t.Fatalf("%s %s: no test sends it", method, template)
	return ""
}

// without is a body without the ids that are in it, and of commands.
func without(r response, ids map[string]string) string {
	body := string(r.body)
	for word, id := range ids {
		if len(id) > 2 { // a position is no id
			body = strings.ReplaceAll(body, id, "<"+word+">")
		} else {
			body = strings.ReplaceAll(body, "/seats/"+id, "/seats/<position>")
		}
	}
	if _, after, ok := strings.Cut(body, "/api/outcomes/"); ok && len(after) > 36 {
		body = strings.ReplaceAll(body, after[:36], "<command>")
	}
	return body
}

func TestAMembersCredentialActsForItsOrganisation(t *testing.T) {
	f := newFixture(t)
	by, who := f.query.memberOf(contracts.MainOrganisation, false)
	f.query.answer("GET /organiser/drafts/"+conferenceID.String(), aConference)
	f.do("GET", "/api/conferences/"+conferenceID.String(), "", by).is(http.StatusOK)
	f.do("POST", "/api/conferences/"+conferenceID.String()+"/publish", "", by).is(http.StatusAccepted)
	if m := f.broker.only(t); m.Actor != contracts.MainOrganisation.String()+"/"+who.MemberID.String() {
		t.Errorf("sent on behalf of %q", m.Actor)
	}
	me := decoded[gateway.Me](f.do("GET", "/api/me", "", by).is(http.StatusOK))
	if me.Role != "organiser" || me.Organisation.ID != contracts.MainOrganisation || *me.MemberID != who.MemberID || me.MemberName != "Ada" || me.Owner {
		t.Errorf("%+v", me)
	}
	if me := decoded[gateway.Me](f.do("GET", "/api/me", "", asOrganiser).is(http.StatusOK)); me.Organisation.Name != "main" || me.MemberID != nil || !me.Owner {
		t.Errorf("organiser-token: %+v", me)
	}
	if me := decoded[gateway.Me](f.do("GET", "/api/me", "", asOperator).is(http.StatusOK)); me.Role != "operator" || me.Organisation != nil {
		t.Errorf("the operator: %+v", me)
	}
	f.do("GET", "/api/attention", "", by).problem(http.StatusForbidden, problem.CredentialOfAnother)
}

func TestACredentialWithAnythingWrongOpensNothing(t *testing.T) {
	f := newFixture(t)
	by, _ := f.query.memberOf(others, true)
	right := strings.TrimPrefix(by.value, "Bearer ")
	parts := strings.Split(right, ".")
	another, _ := f.query.memberOf(others, true)
	foreign := strings.Split(strings.TrimPrefix(another.value, "Bearer "), ".")
	f.do("GET", "/api/me", "", by).is(http.StatusOK)
	for name, wrong := range map[string]string{
		"another secret":       strings.Join([]string{parts[0], parts[1], parts[2], access.NewMemberSecret()}, "."),
		"another's secret":     strings.Join([]string{parts[0], parts[1], parts[2], foreign[3]}, "."),
		"another organisation": access.MemberCredential(contracts.MainOrganisation, uuid.New(), parts[3]),
		"a longer one":         right + "x",
		"without its secret":   strings.Join(parts[:3], ".") + ".",
		"the hash":             strings.Join([]string{parts[0], parts[1], parts[2], access.HashOf(parts[3])}, "."),
	} {
		t.Run(name, func(t *testing.T) {
			f.in(t).do("GET", "/api/me", "", header{"Authorization", "Bearer " + wrong}).problem(http.StatusUnauthorized, problem.CredentialRequired)
		})
	}
	f.query.setDown(true)
	f.do("GET", "/api/me", "", another).problem(http.StatusServiceUnavailable, problem.Unavailable)
}

func TestACredentialIsIssuedOnceAndOnlyItsHashGoesFurther(t *testing.T) {
	f := newFixture(t)
	path := organisationPath("/members/" + memberID.String() + "/credentials")
	key := header{"Idempotency-Key", idempotencyID}
	first := f.do("POST", path, "", asOrganiser, key).is(http.StatusAccepted).receipt()
	again := f.do("POST", path, "", asOrganiser, key).is(http.StatusAccepted).receipt()
	other := f.do("POST", path, "", asOrganiser).is(http.StatusAccepted).receipt()
	if first.Credential == "" || again.Credential != first.Credential || again.ID != first.ID || other.Credential == first.Credential {
		t.Fatalf("%+v, again %+v, another %+v", first, again, other)
	}
	sent := f.broker.commands()[0].Body.(contracts.IssueCredential)
	secret := first.Credential[strings.LastIndex(first.Credential, ".")+1:]
	if sent.Hash != access.HashOf(secret) || sent.CredentialID != first.ID || sent.MemberID != memberID || sent.OrganisationID != contracts.MainOrganisation {
		t.Errorf("sent %+v", sent)
	}
	if log := f.log.String(); strings.Contains(log, secret) {
		t.Error("it is in the log")
	}
	f.refusing(refusal.MemberNotFound, "no such member")
	if r := f.do("POST", path, "", asOrganiser, waiting); strings.Contains(string(r.body), "member.") {
		t.Errorf("one that was refused is shown: %s", r.body)
	}
}

func TestOperatorsCreateOrganisations(t *testing.T) {
	f := newFixture(t)
	r := f.do("POST", "/api/organisations", `{"organisationId":"`+others.String()+`","name":"Gophers"}`, asOperator).is(http.StatusAccepted).receipt()
	m := f.broker.only(t)
	if m.Body != (contracts.CreateOrganisation{OrganisationID: others, Name: "Gophers"}) || m.Actor != "operator" || r.URL != "/api/organisations/"+others.String() {
		t.Errorf("sent %+v, answered %+v", m, r)
	}
}

// A stream that a credential opened ends soon after that was revoked.
func TestAStreamEndsWithItsCredential(t *testing.T) {
	f := newFixture(t, func(o *gateway.Options) { o.Recheck, o.Remember = time.Millisecond, time.Millisecond })
	f.query.answer("GET /organiser/drafts/"+conferenceID.String(), aConference)
	f.query.answer("GET /organiser/conferences/"+conferenceID.String()+"/dashboard/events", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", upstream.EventStream)
		_, _ = w.Write([]byte("event: dashboard\ndata: {}\n\n"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	f.query.answer("GET /orders/"+orderID.String(), payable)
	f.awaitConnection()
	for _, path := range []string{"/api/conferences/" + conferenceID.String() + "/events", "/api/organiser/conferences/" + conferenceID.String() + "/dashboard/events", orderPath("/events")} {
		t.Run(path, func(t *testing.T) {
			by, _ := f.query.memberOf(contracts.MainOrganisation, false)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set(by.name, by.value)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			lines := bufio.NewScanner(res.Body)
			if res.StatusCode != http.StatusOK || !lines.Scan() {
				t.Fatalf("%d", res.StatusCode)
			}
			f.query.revoke()
			for lines.Scan() { // until it ends; if it does not, the test's time does
			}
			f.do("GET", "/api/me", "", by).problem(http.StatusUnauthorized, problem.CredentialRequired)
		})
	}
}

// What organisers and operators sent is nobody's business but theirs.
func TestAnOutcomeIsForTheOrganisationThatSentTheCommand(t *testing.T) {
	f := newFixture(t)
	ours, _ := f.query.memberOf(contracts.MainOrganisation, false)
	theirs, _ := f.query.memberOf(others, true)
	byOrganiser, byOperator := uuid.NewString(), uuid.NewString()
	f.query.decide(view.Outcome{CommandID: byOrganiser, Status: view.OutcomeAccepted, Actor: contracts.Actor{Organisation: contracts.MainOrganisation}.String()})
	f.query.decide(view.Outcome{CommandID: byOperator, Status: view.OutcomeAccepted, Actor: contracts.Actor{Operator: true}.String()})
	for _, c := range []struct {
		id    string
		by    []header
		shown bool
	}{
		{byOrganiser, nil, false},
		{byOrganiser, []header{asOrganiser}, true},
		{byOrganiser, []header{ours}, true},
		{byOrganiser, []header{theirs}, false},
		{byOrganiser, []header{asOperator}, false},
		{byOperator, []header{asOperator}, true},
		{byOperator, []header{ours}, false},
		{byOperator, nil, false},
	} {
		got := decoded[gateway.Outcome](f.do("GET", "/api/outcomes/"+c.id, "", c.by...).is(http.StatusOK))
		if (got.Status == view.OutcomeAccepted) != c.shown || got.Status != view.OutcomeAccepted && got.Status != view.OutcomeUnknown {
			t.Errorf("%v: %+v", c, got)
		}
	}
	// It takes as long as that of a command that nobody sent.
	began := time.Now()
	f.do("GET", "/api/outcomes/"+byOrganiser+"?wait=1", "", theirs).is(http.StatusOK)
	if took := time.Since(began); took < time.Second {
		t.Errorf("it was answered after %s", took)
	}
}

// A public conference of others is seen by everybody, and copied by nobody else.
func TestAConferenceIsCopiedInsideItsOrganisation(t *testing.T) {
	f := newFixture(t)
	theirs := aConference
	theirs.OrganisationID, theirs.Public = others, true
	f.query.answer("GET /organiser/drafts/"+conferenceID.String(), theirs)
	f.do("POST", "/api/conferences/"+conferenceID.String()+"/duplicate", `{"slug":"mine"}`, asOrganiser).problem(http.StatusNotFound, refusal.ConferenceNotFound)
	if len(f.broker.commands()) > 0 {
		t.Error("it was copied all the same")
	}
}
