package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
)

// changes reads until enough has come.
func (v viewer) changes(enough func(view.Changes) bool) {
	v.t.Helper()
	var all view.Changes
	for !enough(all) {
		name, _, data, _ := v.next()
		var c view.Changes
		if err := json.Unmarshal(data, &c); err != nil || name != "changes" {
			v.t.Fatalf("event %s %s: %v", name, data, err)
		}
		all.Missed = all.Missed || c.Missed
		all.Orders = append(all.Orders, c.Orders...)
		all.Conferences = append(all.Conferences, c.Conferences...)
		all.Outcomes = append(all.Outcomes, c.Outcomes...)
	}
}

// One connection carries what changes and what becomes of the commands of requests.
func TestChangesAreToldOverOneConnection(t *testing.T) {
	s := start(t)
	v := s.look("/changes", "")
	v.changes(func(c view.Changes) bool { return c.Missed }) // whatever was before
	order, command := uuid.New(), uuid.New()
	body := placed(order)[0].(contracts.OrderPlaced)
	if err := s.deliverCausedBy("order/"+order.String(), command.String(), 1, body); err != nil {
		t.Fatal(err)
	}
	v.changes(func(c view.Changes) bool {
		return slices.Contains(c.Orders, order.String()) &&
			slices.ContainsFunc(c.Outcomes, func(o view.Outcome) bool {
				return o.CommandID == command.String() && o.Status == view.OutcomeAccepted && slices.Contains(o.Events, "OrderPlaced.v1")
			})
	})
	conference := s.conference()
	v.changes(func(c view.Changes) bool { return slices.Contains(c.Conferences, conference.String()) })
	// No client waits for what an app sent by itself.
	if err := s.deliverCausedBy("order/"+uuid.NewString(), uuid.NewSHA1(uuid.Nil, []byte("derived")).String(), 1, body); err != nil {
		t.Fatal(err)
	}
	last := uuid.New()
	if err := s.deliverCausedBy("order/"+uuid.NewString(), last.String(), 1, body); err != nil {
		t.Fatal(err)
	}
	v.changes(func(c view.Changes) bool {
		for _, o := range c.Outcomes {
			if o.CommandID != last.String() {
				t.Errorf("the outcome of %s", o.CommandID)
			}
		}
		return len(c.Outcomes) > 0
	})
}

// After a rebuild of the views, everybody reads again.
func TestChangesSayThatTheyMissedSomething(t *testing.T) {
	s := start(t)
	v := s.look("/changes", "")
	v.changes(func(c view.Changes) bool { return c.Missed })
	s.hub.ChangedAll()
	v.changes(func(c view.Changes) bool { return c.Missed })
}

func TestOrdersAreReadAtOnce(t *testing.T) {
	s := start(t)
	var ids []string
	for range 3 {
		order := uuid.New()
		s.place(order)
		ids = append(ids, order.String())
	}
	got := ask[map[uuid.UUID]view.Order](s, "POST", "/orders/read", `{"ids":["`+strings.Join(append(ids, uuid.NewString()), `","`)+`"]}`, 200)
	if len(got) != 3 {
		t.Fatalf("%d orders", len(got))
	}
	for _, id := range ids {
		if got[uuid.MustParse(id)].ID.String() != id {
			t.Errorf("order %s: %+v", id, got[uuid.MustParse(id)])
		}
	}
	many := make([]string, 201)
	for i := range many {
		many[i] = uuid.NewString()
	}
	ask[map[string]any](s, "POST", "/orders/read", `{"ids":["`+strings.Join(many, `","`)+`"]}`, 400)
}
