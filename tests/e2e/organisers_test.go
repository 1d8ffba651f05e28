package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

// edit is a change by the organiser, made to what they saw.
func (c conference) edit(method, path, body, ifMatch string) (int, api.Problem) {
	c.Helper()
	headers := []string{"Authorization", "Bearer " + c.organiser.Token}
	if ifMatch != "" {
		headers = append(headers, "If-Match", ifMatch)
	}
	status, _, problem := c.send(method, path, body, headers...)
	return status, problem
}

// etag is that of the conference as it is read now.
func (c conference) etag() string {
	c.Helper()
	res, err := http.Get(c.anyone.URL + "/api/conferences/" + c.id)
	c.must(err)
	c.must(res.Body.Close())
	return res.Header.Get("ETag")
}

func TestTheEarlierOfTwoChangesIsNotLostWithoutAWord(t *testing.T) {
	c := onSale(t, system, quotas{})
	path := "/api/conferences/" + c.id + "/seat-types/" + c.party
	party := func(name string) string { return asJSON(api.NewSeatType{Name: name, Price: partyPrice, Quota: 100}) }

	seen := c.etag()
	c.buy(seats(c.general, 1))
	c.remaining(c.general, 99)
	if now := c.etag(); now != seen || seen == "" {
		t.Fatalf("a sale has changed the ETag from %s to %s", seen, now)
	}
	if status, problem := c.edit(http.MethodPut, path, party("Party"), seen); status != http.StatusOK {
		t.Fatalf("the first change: %d %+v", status, problem)
	}
	status, problem := c.edit(http.MethodPut, path, party("Reception"), seen)
	if status != http.StatusPreconditionFailed || problem.Code != "conference-changed" {
		t.Errorf("the second, to what it was before the first: %d %+v", status, problem)
	}
	var current struct {
		Version   int
		SeatTypes []api.SeatType
	}
	if err := json.Unmarshal(problem.Current, &current); err != nil || fmt.Sprintf("%q", fmt.Sprint(current.Version)) != c.etag() {
		t.Errorf("what is there now is said to be %s", problem.Current)
	}
	named := func(want string) {
		t.Helper()
		now, err := c.anyone.Conference(t.Context(), c.id)
		c.must(err)
		for _, s := range now.SeatTypes {
			if s.ID == c.party && s.Name != want {
				t.Errorf("the seat type is called %s, not %s", s.Name, want)
			}
		}
	}
	named("Party")
	if status, problem := c.edit(http.MethodPost, "/api/conferences/"+c.id+"/unpublish", "", seen); status != http.StatusPreconditionFailed {
		t.Errorf("a stale unpublishing: %d %+v", status, problem)
	}
	if status, problem := c.edit(http.MethodPut, path, party("Reception"), c.etag()); status != http.StatusOK {
		t.Errorf("the second, to what is there now: %d %+v", status, problem)
	}
	named("Reception")
	if status, problem := c.edit(http.MethodPut, path, party("Ball"), ""); status != http.StatusOK {
		t.Errorf("without a precondition: %d %+v", status, problem)
	}
}

func TestADraftsAddressIsFreeWhenItIsRenamedOrDeleted(t *testing.T) {
	c := onSale(t, system, quotas{})
	ctx := t.Context()
	first, second := "first-"+uuid.NewString(), "second-"+uuid.NewString()
	create := func(slug string) (string, error) {
		starts := time.Now().UTC().Truncate(time.Hour).AddDate(0, 6, 0)
		return c.organiser.CreateConference(ctx, api.NewConference{
			Slug: slug, Owner: "The organisers", Name: "A draft", Currency: "USD", TimeZone: "Europe/Berlin", StartsAt: starts, EndsAt: starts.AddDate(0, 0, 1),
		})
	}
	taken := func(slug string) {
		t.Helper()
		_, err := create(slug)
		c.refused(err, "slug-taken")
	}
	gone := func(name string) {
		t.Helper()
		_, err := c.organiser.Conference(ctx, name)
		c.refused(err, "conference-not-found")
	}
	draft, err := create(first)
	c.must(err)
	taken(first)
	c.must(c.organiser.RenameConference(ctx, draft, second))
	gone(first)
	if found, err := c.organiser.Conference(ctx, second); err != nil || found.ID != draft {
		t.Errorf("by its new address: %+v, %v", found, err)
	}
	taken(second)
	other, err := create(first)
	c.must(err)
	c.refused(c.organiser.RenameConference(ctx, draft, first), "slug-taken")

	c.must(c.organiser.DeleteConference(ctx, draft))
	c.must(c.organiser.DeleteConference(ctx, draft)) // again
	gone(draft)
	gone(second)
	// The client would ask again for a while: a conference may be on its way.
	if status, problem := c.edit(http.MethodPut, "/api/conferences/"+draft+"/slug", asJSON(map[string]string{"slug": first}), ""); status != http.StatusNotFound {
		t.Errorf("a draft that was deleted is renamed: %d %+v", status, problem)
	}
	c.must(c.organiser.RenameConference(ctx, other, second))

	// A conference that was published keeps its address, also when it is off sale.
	c.refused(c.organiser.RenameConference(ctx, c.id, first), "conference-was-published")
	c.refused(c.organiser.DeleteConference(ctx, c.id), "conference-was-published")
	c.must(c.organiser.Unpublish(ctx, c.id))
	c.refused(c.organiser.DeleteConference(ctx, c.id), "conference-was-published")
}

func TestACopyOfAConferenceIsADraftLikeIt(t *testing.T) {
	c := onSale(t, system, quotas{workshop: 7})
	ctx := t.Context()
	c.buy(seats(c.workshop, 2))
	_, err := c.organiser.DuplicateConference(ctx, c.id, "not a slug")
	c.refused(err, "validation-failed")
	slug := "copy-" + uuid.NewString()
	copied, err := c.organiser.DuplicateConference(ctx, c.id, slug)
	c.must(err)
	_, err = c.organiser.DuplicateConference(ctx, c.id, slug)
	c.refused(err, "slug-taken")
	_, err = c.anyone.Conference(ctx, copied)
	c.refused(err, "conference-not-found") // a draft is nobody else's business

	original, err := c.organiser.ConferenceDetails(ctx, c.id)
	c.must(err)
	details, err := c.organiser.ConferenceDetails(ctx, copied)
	c.must(err)
	if asJSON(details) != asJSON(original) {
		t.Errorf("the copy says\n%v\nof\n%v", details, original)
	}
	from, err := c.organiser.Conference(ctx, c.id)
	c.must(err)
	to, err := c.organiser.Conference(ctx, copied)
	c.must(err)
	if len(to.SeatTypes) != len(from.SeatTypes) {
		t.Fatalf("the copy has %d seat types, not %d", len(to.SeatTypes), len(from.SeatTypes))
	}
	for i, s := range to.SeatTypes {
		if f := from.SeatTypes[i]; s.ID == f.ID || s.Name != f.Name || s.Price != f.Price || s.Quota != f.Quota {
			t.Errorf("a copy of %+v is %+v", f, s)
		}
	}
	c.id, c.workshop = copied, to.SeatTypes[1].ID
	c.must(c.organiser.Publish(ctx, copied))
	harness.Eventually(t, within, func(ctx context.Context) error { // the order app hears of it a moment later
		order, err := c.anyone.PlaceOrder(ctx, copied, seats(c.workshop, 7)) // all are free again
		if err == nil {
			c.await(order, "reserved")
		}
		return err
	})
}
