package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/gateway/gatewaytest"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

// organisation is an organisation of a test's own, with an owner's credential.
type organisation struct {
	id, owner, credential, token string
}

// organisation makes one, as an operator does.
func (c conference) organisation(name string) (o organisation) {
	c.Helper()
	o.id = c.created(c.operator.Token, "/api/organisations", map[string]any{"name": name}).ID
	o.owner, o.credential, o.token = c.member(c.operator.Token, o.id, true)
	return o
}

// member makes somebody a member, and gives them a credential.
func (c conference) member(by, organisation string, owner bool) (member, credential, token string) {
	c.Helper()
	member = c.created(by, "/api/organisations/"+organisation+"/members", map[string]any{"name": "Ada", "owner": owner}).ID
	issued := c.created(by, "/api/organisations/"+organisation+"/members/"+member+"/credentials", nil)
	if issued.Credential == "" {
		c.Fatal("there is no credential in the answer")
	}
	return member, issued.ID, issued.Credential
}

type created struct{ ID, Credential string }

// created is what a write has made.
func (c conference) created(token, path string, body any) (r created) {
	c.Helper()
	text := ""
	if body != nil {
		text = asJSON(body)
	}
	status, answer := c.as(token, http.MethodPost, path, text)
	if status != http.StatusCreated || json.Unmarshal(answer, &r) != nil {
		c.Fatalf("%s: %d %s", path, status, answer)
	}
	return r
}

// as makes a request with a credential, and waits for its outcome.
func (c conference) as(token, method, path, body string) (int, []byte) {
	c.Helper()
	return request(c.T, method, c.anyone.URL+path, body, map[string]string{
		"Authorization": "Bearer " + token, "Prefer": "wait=20", "Content-Type": "application/json",
	})
}

// shownAlike are the operations that show anybody what has an id, or that anybody may
// call.
var shownAlike = map[string]bool{
	"GET /api/payments/{id}":            true,
	"POST /api/conferences/{id}/orders": true,
	"GET /api/outcomes/{id}":            true, // looked at by itself
}

// Every operation of the description that an organiser may call is called with another
// organisation's credential: with the ids of what there is, and with ids of nothing. Both
// are answered alike, and nothing changes.
func TestAnotherOrganisationsCredentialOpensNothing(t *testing.T) {
	f := newFuzz(t)
	c := onSale(t, system, quotas{})
	sold := c.buy(seats(c.general, 1))
	code := c.code(api.NewPromoCode{Code: "OURS-20", Percent: 20})
	main := contracts.MainOrganisation.String()
	member, credential, own := c.member(c.organiser.Token, main, false)
	draft := c.draft(c.organiser.Token)
	others := c.organisation("Others")

	known := map[string]string{
		"conferences": c.id, "orders": sold.ID, "payments": sold.PaymentID, "seat-types": c.general, "promo-codes": code, "seats": "0",
		"organisations": main, "members": member, "credentials": credential,
	}
	nothing := map[string]string{
		"conferences": uuid.NewString(), "orders": uuid.NewString(), "payments": uuid.NewString(), "seat-types": uuid.NewString(), "promo-codes": "NEVER-WAS",
		"seats": "0", "organisations": uuid.NewString(), "members": uuid.NewString(), "credentials": uuid.NewString(),
	}
	before := c.everythingOf(sold.ID, draft)
	tried := 0
	for _, o := range f.operations {
		name := o.method + " " + o.path
		if !o.staff || !strings.Contains(o.path, "{") || shownAlike[name] {
			continue
		}
		tried++
		t.Run(name, func(t *testing.T) {
			c, ids := c, known
			c.T = t
			if o.path == "/api/conferences/{id}" || o.path == "/api/conferences/{id}/events" { // everybody sees what is public
				ids = map[string]string{"conferences": draft}
			}
			random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // it is to be repeated
			for range 100 {                       // until a body keeps all rules
				body := ""
				if o.body != nil {
					made, err := json.Marshal(f.value(random, o.body, 0))
					c.must(err)
					body = string(made)
				}
				status, answer := c.as(others.token, o.method, gatewaytest.WithIDs(t, o.path, ids), body)
				if status == http.StatusUnprocessableEntity || status == http.StatusBadRequest {
					continue
				}
				ofNothing, answerToo := c.as(others.token, o.method, gatewaytest.WithIDs(t, o.path, nothing), body)
				if status != ofNothing || codeOf(answer) != codeOf(answerToo) || detailOf(answer) != detailOf(answerToo) {
					t.Errorf("%d %s\nof what is not there: %d %s", status, answer, ofNothing, answerToo)
				}
				if status != http.StatusNotFound {
					t.Errorf("%d %s", status, answer)
				}
				return
			}
			t.Error("no request was made that keeps all rules")
		})
	}
	if tried < 40 {
		t.Errorf("only %d operations were tried", tried)
	}
	if after := c.everythingOf(sold.ID, draft); after != before {
		t.Errorf("something has changed:\n%s\n%s", before, after)
	}
	if status, answer := c.as(own, http.MethodGet, "/api/me", ""); status != http.StatusOK {
		t.Errorf("a member's credential: %d %s", status, answer)
	}

	// Lists have their own alone, and each sees what it has made.
	theirs := c.draft(others.token)
	for token, wants := range map[string]struct{ mine, notMine string }{others.token: {theirs, c.id}, c.organiser.Token: {c.id, theirs}, own: {c.id, theirs}} {
		for _, list := range []string{"/api/organiser/conferences?limit=1000", "/api/audit-log?limit=1000"} {
			status, answer := c.as(token, http.MethodGet, list, "")
			if status != http.StatusOK || !strings.Contains(string(answer), wants.mine) || strings.Contains(string(answer), wants.notMine) {
				t.Errorf("%s: %d, %.2000s", list, status, answer)
			}
		}
		if status, _ := c.as(token, http.MethodGet, "/api/conferences/"+theirs, ""); (status == http.StatusOK) != (wants.mine == theirs) {
			t.Errorf("the other's draft: %d", status)
		}
	}
	if status, answer := c.as(others.token, http.MethodGet, "/api/explorer/orders?limit=1000", ""); status != http.StatusOK || strings.Contains(string(answer), sold.ID) {
		t.Errorf("the explorer: %d %.2000s", status, answer)
	}
	// An outcome is told to the organisation that sent the command.
	_, answer := c.as(others.token, http.MethodPost, "/api/conferences", asJSON(newDraft()))
	var sent struct{ OutcomeURL string }
	c.must(json.Unmarshal(answer, &sent))
	for token, want := range map[string]string{others.token: "accepted", c.organiser.Token: "unknown"} {
		if _, answer := c.as(token, http.MethodGet, sent.OutcomeURL, ""); !strings.Contains(string(answer), `"status":"`+want) {
			t.Errorf("want %s: %s", want, answer)
		}
	}
	// The audit log names who did it, and nobody who ordered.
	_, answer = c.as(c.organiser.Token, http.MethodGet, "/api/audit-log?limit=1000", "")
	if strings.Contains(string(answer), registrant().Email) || !strings.Contains(string(answer), `"PublishConference"`) {
		t.Errorf("%.2000s", answer)
	}
}

// A credential that is revoked, and those of a member who is removed, open nothing within
// a minute, and the streams that they opened end.
func TestARevokedCredentialEnds(t *testing.T) {
	t.Parallel() // it mostly waits
	c := onSale(t, system, quotas{})
	o := c.organisation("Short-lived")
	theirs := c.draft(o.token)
	_, credential, token := c.member(o.token, o.id, false)
	leaving, _, leavingToken := c.member(o.token, o.id, false)
	for _, end := range []struct{ token, path string }{
		{token, "/credentials/" + credential}, {leavingToken, "/members/" + leaving},
	} {
		if status, answer := c.as(end.token, http.MethodPost, "/api/organisations/"+o.id+"/members", `{"name":"Eve"}`); status != http.StatusForbidden || codeOf(answer) != "owner-required" {
			t.Errorf("a member adds a member: %d %s", status, answer)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.anyone.URL+"/api/organiser/conferences/"+theirs+"/dashboard/events", http.NoBody)
		c.must(err)
		req.Header.Set("Authorization", "Bearer "+end.token)
		stream, err := http.DefaultClient.Do(req)
		c.must(err)
		lines := bufio.NewScanner(stream.Body)
		if stream.StatusCode != http.StatusOK || !lines.Scan() {
			t.Fatalf("the stream: %d", stream.StatusCode)
		}
		if status, answer := c.as(o.token, http.MethodDelete, "/api/organisations/"+o.id+end.path, ""); status != http.StatusOK {
			t.Fatalf("%s: %d %s", end.path, status, answer)
		}
		revoked := time.Now()
		harness.Eventually(t, within, func(context.Context) error {
			if status, _ := c.as(end.token, http.MethodGet, "/api/me", ""); status != http.StatusUnauthorized {
				return fmt.Errorf("it is answered %d", status)
			}
			return nil
		})
		for lines.Scan() { // until it ends
		}
		_ = stream.Body.Close()
		if took := time.Since(revoked); took > within {
			t.Errorf("the stream ended after %s", took)
		}
	}
	if status, _ := c.as(o.token, http.MethodGet, "/api/me", ""); status != http.StatusOK {
		t.Errorf("the owner's: %d", status)
	}
}

func newDraft() api.NewConference {
	starts := time.Now().UTC().Truncate(time.Hour).AddDate(0, 6, 0)
	return api.NewConference{Slug: "draft-" + uuid.NewString(), Owner: "Somebody", Name: "A draft", Currency: "USD", TimeZone: "Europe/Berlin", StartsAt: starts, EndsAt: starts.AddDate(0, 0, 1)}
}

// draft is a conference that somebody creates and does not publish.
func (c conference) draft(token string) string {
	c.Helper()
	return c.created(token, "/api/conferences", newDraft()).ID
}

// everythingOf is what the organiser sees of the test's conference, an order and a draft,
// and of the organisation.
func (c conference) everythingOf(order, draft string) string {
	c.Helper()
	var all []string
	for _, path := range []string{
		"/api/conferences/" + c.id, "/api/conferences/" + draft, "/api/orders/" + order, "/api/organiser/conferences/" + c.id + "/promo-codes",
		"/api/organiser/conferences/" + c.id + "/waitlist", "/api/organisations/" + contracts.MainOrganisation.String(),
	} {
		status, answer := c.as(c.organiser.Token, http.MethodGet, path, "")
		if status != http.StatusOK {
			c.Fatalf("%s: %d %s", path, status, answer)
		}
		all = append(all, string(answer))
	}
	return strings.Join(all, "\n")
}

func codeOf(answer []byte) string {
	var p api.Problem
	_ = json.Unmarshal(answer, &p) // else it has none
	return p.Code
}

func detailOf(answer []byte) string {
	var p api.Problem
	_ = json.Unmarshal(answer, &p) // else it has none
	return p.Detail
}

// isForStaff says whether an operation asks for a credential that an organiser may have.
func isForStaff(described map[string]any) bool {
	security, _ := described["security"].([]any)
	return slices.ContainsFunc(security, func(one any) bool {
		schemes, _ := one.(map[string]any)
		_, organisers := schemes["organiser"]
		_, orders := schemes["order"]
		return organisers || orders
	})
}
