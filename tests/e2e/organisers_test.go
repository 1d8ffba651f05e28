package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

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
