package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/plenary/plenary/tools/local/api"
)

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a type that JSON has no form for: a mistake in a test
	}
	return string(text)
}

func TestNamesAreKeptAsTheyWereWritten(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.place(seats(c.general, 1))
	path := "/api/orders/" + order + "/registrant"
	for name, p := range map[string]struct{ written, kept api.Person }{
		"one name":            {api.Person{FirstName: "Sukarno"}, api.Person{FirstName: "Sukarno"}},
		"one family name":     {api.Person{LastName: "李"}, api.Person{LastName: "李"}},
		"blanks for a name":   {api.Person{FirstName: "  ", LastName: "Teller"}, api.Person{LastName: "Teller"}},
		"quotes":              {api.Person{FirstName: `Rez "R"`, LastName: "O'Brien"}, api.Person{FirstName: `Rez "R"`, LastName: "O'Brien"}},
		"an emoji":            {api.Person{FirstName: "🧑🏽‍🚀", LastName: "Example"}, api.Person{FirstName: "🧑🏽‍🚀", LastName: "Example"}},
		"right to left":       {api.Person{FirstName: "مريم", LastName: "שרה"}, api.Person{FirstName: "مريم", LastName: "שרה"}},
		"decomposed letters":  {api.Person{FirstName: "Jose\u0301", LastName: "Example\n"}, api.Person{FirstName: "José", LastName: "Example"}},
		"a hundred graphemes": {api.Person{FirstName: strings.Repeat("é", 100)}, api.Person{FirstName: strings.Repeat("é", 100)}},
	} {
		p.written.Email, p.kept.Email = "ada@example.org", "ada@example.org"
		if status, _, problem := c.send(http.MethodPut, path, asJSON(p.written)); status != http.StatusOK {
			t.Errorf("%s: %d %+v", name, status, problem)
			continue
		}
		if o := c.await(order, "placed", "reserved"); o.Registrant == nil || *o.Registrant != p.kept {
			t.Errorf("%s: kept as %+v", name, o.Registrant)
		}
	}
	before := c.await(order, "placed", "reserved").Registrant
	for rule, p := range map[string]api.Person{
		"required":         {},
		"blank":            {FirstName: " ", LastName: "\u3000"},
		"invisible":        {FirstName: "\u200b", LastName: "Example"},
		"controlCharacter": {FirstName: "A\x00da"},
		"lineBreak":        {FirstName: "Ada", LastName: "Love\nlace"},
		"bidiOverride":     {FirstName: "\u202eadA"},
		"maxGraphemes=100": {FirstName: strings.Repeat("é", 101)},
		"maxBytes=1000":    {FirstName: "e" + strings.Repeat("\u0301", 501)},
	} {
		p.Email = "ada@example.org"
		status, _, problem := c.send(http.MethodPut, path, asJSON(p))
		if status != http.StatusUnprocessableEntity || len(problem.Fields) != 1 || problem.Fields[0].Rule != rule {
			t.Errorf("%s: %d %+v", rule, status, problem)
		}
	}
	if now := c.await(order, "placed", "reserved").Registrant; *now != *before {
		t.Errorf("what was refused has changed the registrant to %+v", now)
	}
}

func TestNamesOfAConferenceHaveTheSameRules(t *testing.T) {
	c := onSale(t, system, quotas{})
	seatTypes := "/api/conferences/" + c.id + "/seat-types"
	token := []string{"Authorization", "Bearer " + c.organiser.Token}
	for rule, name := range map[string]string{
		"blank": " ", "invisible": "\u200b", "lineBreak": "Gala\nDinner", "bidiOverride": "\u202erennid", "maxGraphemes=100": strings.Repeat("é", 101),
	} {
		status, _, problem := c.send(http.MethodPost, seatTypes, asJSON(api.NewSeatType{Name: name, Price: 1, Quota: 1}), token...)
		if status != http.StatusUnprocessableEntity || len(problem.Fields) != 1 || problem.Fields[0].Rule != rule {
			t.Errorf("%s: %d %+v", rule, status, problem)
		}
	}
	const menu = "Starter\n\n\tSoup\nMain"
	dinner, err := c.organiser.AddSeatType(t.Context(), c.id, api.NewSeatType{Name: " Dîner de gala 🥂 ", Description: menu, Price: 1, Quota: 1})
	c.must(err)
	now, err := c.anyone.Conference(t.Context(), c.id)
	c.must(err)
	i := slices.IndexFunc(now.SeatTypes, func(s api.SeatType) bool { return s.ID == dinner })
	if i < 0 || now.SeatTypes[i].Name != "Dîner de gala 🥂" || now.SeatTypes[i].Description != menu {
		t.Errorf("the conference sells %+v", now.SeatTypes)
	}
}

func TestAnOrderIsFoundByEveryWayOfWritingItsAddress(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.place(seats(c.general, 1))
	locator := c.await(order, "reserved").Locator
	const typed = "Ada@Müller.example"
	c.must(c.anyone.AssignRegistrant(t.Context(), order, api.Person{FirstName: "Ada", Email: " " + typed + " "}))
	if o := c.await(order, "reserved"); o.Registrant.Email != typed {
		t.Errorf("the address is shown as %q", o.Registrant.Email)
	}
	half := len(locator) / 2
	for _, by := range []struct{ email, locator string }{
		{typed, locator},
		{"ada@xn--mller-kva.example", locator},
		{"ADA@mu\u0308ller.EXAMPLE", strings.ToLower(locator)},
		{"\u00a0ada@müller.example\n", locator[:half] + "-" + locator[half:]},
		{"ada@müller。example", " " + strings.ToLower(locator[:half]) + " " + locator[half:] + " "},
	} {
		if found, err := c.anyone.FindOrder(t.Context(), by.email, by.locator); err != nil || found.ID != order {
			t.Errorf("by %q and %q: %v", by.email, by.locator, err)
		}
	}
	_, err := c.anyone.FindOrder(t.Context(), "ada@mueller.example", locator)
	c.refused(err, "order-not-found")
	for _, bad := range []struct{ email, locator string }{{"ada", locator}, {typed, locator[:half]}, {typed, locator[1:] + "0"}} {
		_, err := c.anyone.FindOrder(t.Context(), bad.email, bad.locator)
		c.refused(err, "validation-failed")
	}
	err = c.anyone.AssignRegistrant(t.Context(), order, api.Person{FirstName: "Ada", Email: "Ada <ada@example.org>"})
	c.refused(err, "validation-failed")
}

func TestASeatIsTheSameAttendeesInEveryWayOfWritingTheirAddress(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.buy(seats(c.general, 1)).ID
	assign := func(p api.Person) error {
		return c.anyone.AssignSeat(t.Context(), order, 0, api.Attendee{Person: p, Type: "paid"})
	}
	c.must(assign(api.Person{FirstName: "Ada", Email: "ada@müller.example"}))
	c.must(assign(api.Person{LastName: "Lovelace", Email: "ADA@xn--mller-kva.example"}))
	c.follow(order, "SeatAssigned", "SeatAssignmentUpdated")
	c.must(assign(api.Person{LastName: "Hopper", Email: "grace@müller.example"}))
	c.follow(order, "SeatAssignmentUpdated", "SeatUnassigned", "SeatAssigned")
	err := assign(api.Person{FirstName: "Ada\nLovelace", Email: "ada@müller.example"})
	c.refused(err, "validation-failed")
}

func TestAMistypedAddressIsCorrectedAfterConfirmation(t *testing.T) {
	c := onSale(t, system, quotas{})
	order := c.place(seats(c.general, 1))
	locator := c.await(order, "reserved").Locator
	mistyped, right := api.Person{FirstName: "Ada", Email: "ada@exmaple.org"}, api.Person{FirstName: "Ada", LastName: "Lovelace", Email: "ada@example.org"}
	c.must(c.anyone.AssignRegistrant(t.Context(), order, mistyped))
	c.pay(order)
	c.await(order, "confirmed")

	c.must(c.anyone.AssignRegistrant(t.Context(), order, right))
	if found, err := c.anyone.FindOrder(t.Context(), right.Email, locator); err != nil || found.ID != order || *found.Registrant != right {
		t.Errorf("by the new address: %+v, %v", found.Registrant, err)
	}
	_, err := c.anyone.FindOrder(t.Context(), mistyped.Email, locator)
	c.refused(err, "order-not-found")

	entries, err := c.anyone.Timeline(t.Context(), order)
	c.must(err)
	if i := slices.IndexFunc(entries, func(e api.TimelineEntry) bool { return strings.Contains(e.Detail, "another e-mail address") }); i < 0 {
		t.Errorf("the correction is not in the timeline: %+v", entries)
	}
	if told := asJSON(entries); strings.Contains(told, right.Email) || strings.Contains(told, mistyped.Email) {
		t.Errorf("the timeline has an address in it: %s", told)
	}

	c.must(c.anyone.Cancel(t.Context(), order))
	c.refused(c.anyone.AssignRegistrant(t.Context(), order, mistyped), "order-cancelled")
}
