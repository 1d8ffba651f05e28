package pages_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/apps/web/pages/pagestest"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
)

func TestOrganisersPagesAskForTheCredentialAndLeadBack(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/organise", "/organise/new", own(""), own("/details"), own("/orders"), own("/attendees"), own("/orders.csv"), "/organise" + order("confirmed")} {
		w.get(path).is(http.StatusSeeOther)
	}
	w.post(own("/sale"), "stop", "1").is(http.StatusSeeOther)
	if sent := w.Sent(); len(sent) > 0 {
		t.Fatalf("sent %v", sent)
	}
	w.post("/organise/sign-in", "credential", "something else").is(http.StatusUnauthorized).says("This credential does not count").saysNot("something else")
	w.get("/organise").is(http.StatusSeeOther)
	w.post("/organise/sign-in", "credential", pagestest.OrganiserToken, "to", own("/orders")).leadsTo(own("/orders"))
	got := w.get(own("/orders")).is(http.StatusOK)
	if c := got.header.Get("Cache-Control"); c != "no-store" {
		t.Errorf("kept by caches: %q", c)
	}
}

func TestASessionEndsForEveryoneWhoHasItsCookie(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	stolen := append([]*http.Cookie(nil), w.client.Jar.(*jar).cookies...)
	w.get("/organise").is(http.StatusOK)
	w.post("/organise/sign-out").is(http.StatusSeeOther)
	w.get("/organise").is(http.StatusSeeOther)
	w.client.Jar.(*jar).cookies = stolen
	w.get("/organise").is(http.StatusSeeOther)
}

func TestASessionsCookieHoldsNoCredential(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	for _, c := range w.client.Jar.(*jar).cookies {
		if strings.Contains(c.Value, pagestest.OrganiserToken) {
			t.Errorf("the cookie %s holds the credential", c.Name)
		}
		if c.Name == "organiser" && !c.HttpOnly {
			t.Error("a script may read the session")
		}
	}
}

func TestAnOrganiserReadsWhyAnOrderWasRejected(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	path := "/orders/" + pagestest.OrderID("rejected").String()
	for reason, want := range map[string]string{contracts.SoldOut: "was sold or held", string(refusal.ConferenceEnded): "The conference is over"} {
		o := pagestest.Orders()["rejected"]
		o.ID, o.Reason = pagestest.OrderID("rejected"), reason
		w.Put(path, o)
		w.get("/organise"+path).says(want, "/explore"+path)
	}
}

func TestTheDashboardSaysHowAConferenceSells(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	w.get(own("")).says("$39,800.00", "$497.00", "$39,303.00", "82 %", "150", `<meter min="0" max="200" value="150"`, "<svg class=\"plot\"", "As a table")
	w.get(own("/orders")).says("Ada Lovelace", "Lapsed", "K7PQ2MXA", "orders.csv")
	w.get(own("/attendees")).says("wang@example.org", "Speaker", "Nobody yet")
	w.get("/organise"+order("confirmed")).says("Order K7PQ 2MXA", "What happened", "Seats held", "All seats go back. What was paid is refunded.")
}

func TestAnOrganiserGivesSeatsBack(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	page := "/organise" + order("confirmed")
	w.get(page).says(page + "/give-back")
	form := w.get(page+"/give-back?seat=1").says("Order K7PQ 2MXA", "Grace Hopper", "$199.00").form()
	w.post(page+"/give-back", "form", form, "seat", "1", "refund", "19900", "all", "false").leadsTo(page)
	if c, ok := w.Sent()[0].(contracts.CancelOrderSeats); !ok || !slices.Equal(c.Positions, []int{1}) || !c.ByOrganiser {
		t.Fatalf("sent %+v", w.Sent()[0])
	}
	w.get("/organise"+order("given-back")).says("1 seat given back", "Refund under way", "−$199.00")
	w.get("/organise" + order("reserved") + "/give-back").is(http.StatusSeeOther)
}

func TestAnOrganiserSetsAConferenceUpInTheTimeOfItsPlace(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	form := w.get("/organise/new").form()
	w.post("/organise/new", "form", form, "name", "A new one", "slug", "a-new-one", "owner", "Us", "currency", "EUR", "timeZone", "Asia/Shanghai",
		"startsAt", "2027-09-01T09:00", "endsAt", "2027-09-02T17:00").is(http.StatusSeeOther)
	made, ok := w.Sent()[0].(contracts.CreateConference)
	if !ok || made.Slug != "a-new-one" || made.Details.TimeZone != "Asia/Shanghai" {
		t.Fatalf("sent %+v", w.Sent()[0])
	}
	if want := time.Date(2027, time.September, 1, 1, 0, 0, 0, time.UTC); !made.Details.StartsAt.Equal(want) {
		t.Errorf("starts at %v, want %v", made.Details.StartsAt, want)
	}
	w.post("/organise/new", "form", form, "name", "A new one", "startsAt", "some day").is(http.StatusUnprocessableEntity).
		says(`value="A new one"`, `value="some day"`, "Enter a day and a time", `href="#startsAt"`)
}

func TestAnOrganiserRaisesAQuotaAndStopsTheSale(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	page := w.get(own(""))
	form, seen := page.form(), page.seen()
	id := pagestest.Admission.String()
	w.post(own("/seat-types"), "form", form, "seen", seen, "id", id, "name", "General admission", "price", "199.00", "quota", "250").is(http.StatusSeeOther)
	changed, ok := w.Sent()[0].(contracts.UpdateSeatType)
	if !ok || changed.Quota != 250 || changed.Price != 19900 || changed.IfVersion != pagestest.Conference().Version {
		t.Fatalf("sent %+v", w.Sent()[0])
	}
	w.post(own("/seat-types"), "form", form, "seen", seen, "id", id, "name", "General admission", "price", "a lot", "quota", "250").is(http.StatusUnprocessableEntity).
		says("Enter an amount", `value="a lot"`, `href="#`+id+`-price"`)
	w.post(own("/sale"), "form", form, "seen", seen, "stop", "1").is(http.StatusSeeOther)
	if _, ok := w.Sent()[1].(contracts.UnpublishConference); !ok {
		t.Fatalf("sent %+v", w.Sent()[1])
	}
	w.post("/organise"+order("confirmed")+"/cancel", "form", form).leadsTo("/organise" + order("confirmed"))
	if c, ok := w.Sent()[2].(contracts.CancelOrder); !ok || !c.ByOrganiser {
		t.Fatalf("sent %+v", w.Sent()[2])
	}
}

// An organiser saves a form that was made before somebody else changed the conference.
func TestWhatAnotherOrganiserChangedIsShownBesideWhatWasTyped(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	details, dashboard := w.get(own("/details")), w.get(own(""))
	now := pagestest.Conference()
	now.Version++
	now.Name, now.Location = "Renamed by a colleague", ""
	id := now.SeatTypes[0].ID.String()
	now.SeatTypes[0].Quota = 77
	w.Put("/organiser/drafts/"+now.ID.String(), now)
	w.Handle = func(command any) *pagestest.Refusal {
		if c, ok := command.(interface{ Expected() uint64 }); ok && c.Expected() != 0 && c.Expected() != now.Version {
			return &pagestest.Refusal{Code: refusal.ConferenceChanged, Detail: "changed"}
		}
		return nil
	}
	typed := func(seen string) []string {
		return []string{"form", details.form(), "seen", seen, "name", "My name", "location", "My place", "timeZone", now.TimeZone, "startsAt", "2027-09-01T09:00", "endsAt", "2027-09-02T17:00"}
	}
	again := w.post(own("/details"), typed(details.seen())...).is(http.StatusPreconditionFailed).
		says("The conference has changed", `value="My name"`, "Now it is “Renamed by a colleague”", `value="My place"`, "Now it is empty", `href="#name"`)
	w.post(own("/details"), typed(again.seen())...).is(http.StatusSeeOther) // knowing what is there now

	seatType := func(seen string) []string {
		return []string{"form", dashboard.form(), "seen", seen, "id", id, "name", now.SeatTypes[0].Name, "price", "1", "quota", "250"}
	}
	again = w.post(own("/seat-types"), seatType(dashboard.seen())...).is(http.StatusPreconditionFailed).
		says("Now it is “77”", `value="250"`, `href="#`+id+`-quota"`)
	w.post(own("/seat-types"), seatType(again.seen())...).is(http.StatusSeeOther)

	w.post(own("/sale"), "form", dashboard.form(), "seen", dashboard.seen(), "stop", "1").is(http.StatusPreconditionFailed).says("This page shows what is there now")
	w.post(own("/details"), "form", details.form(), "name", "Without what was seen", "timeZone", now.TimeZone, "startsAt", "2027-09-01T09:00", "endsAt", "2027-09-02T17:00").is(http.StatusUnprocessableEntity)
}

// A conference that was just created says what it lacks, and leads there.
func TestADraftLeadsToWhatItLacks(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	draft := pagestest.Conference()
	draft.Published, draft.Public = false, false
	draft.SeatTypes, draft.Description, draft.Location = nil, "", ""
	w.Put("/organiser/drafts/"+draft.ID.String(), draft)
	w.get(own("")).says("Before you publish", `href="#type-new">`, `id="type-new" open`,
		`href="`+own("/details")+`#description">`, `href="`+own("/details")+`#location">`, "("+draft.Currency+")")
}

func TestADraftIsRenamedCopiedAndDeletedOnItsPage(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	draft := pagestest.Conference()
	draft.Published, draft.Public = false, false
	w.Put("/organiser/drafts/"+draft.ID.String(), draft)
	page := w.get(own("/details")).is(http.StatusOK).says("Change the address", "Copy this conference", "Yes, delete it")
	form, seen := page.form(), page.seen()
	w.post(own("/slug"), "form", form, "seen", seen, "slug", "another-address").leadsTo(own("/details"))
	w.post(own("/duplicate"), "form", form, "slug", "a-copy").is(http.StatusSeeOther)
	w.post(own("/delete"), "form", form, "seen", seen).leadsTo("/organise")
	sent := w.Sent()
	renamed, ok := sent[0].(contracts.RenameConference)
	if !ok || renamed.Slug != "another-address" || renamed.IfVersion != draft.Version {
		t.Errorf("sent %+v", sent[0])
	}
	copied, ok := sent[1].(contracts.CreateConference)
	if !ok || copied.Slug != "a-copy" || copied.Details.Name != draft.Name || copied.Owner != draft.Owner || len(copied.SeatTypes) != len(draft.SeatTypes) {
		t.Errorf("sent %+v", sent[1])
	}
	if deleted, ok := sent[2].(contracts.DeleteConference); !ok || deleted.IfVersion != draft.Version {
		t.Errorf("sent %+v", sent[2])
	}

	w.Handle = func(any) *pagestest.Refusal { return &pagestest.Refusal{Code: refusal.SlugTaken, Detail: "taken"} }
	w.post(own("/slug"), "form", form, "seen", seen, "slug", "taken").is(http.StatusConflict).says("The slug is taken", `value="taken"`)
	w.post(own("/duplicate"), "form", form, "slug", "taken-too").is(http.StatusConflict).says("The slug is taken", `value="taken-too"`)

	draft.Public = true
	w.Put("/organiser/drafts/"+draft.ID.String(), draft)
	w.get(own("/details")).says("its address stays as it is: /c/"+draft.Slug, "Copy this conference").saysNot("Yes, delete it", "Change the address")
}

func TestOrganisersMakeChangeAndRetirePromoCodes(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	w.get(own("/promo-codes")).says("EARLY-20", "20% off", "12 of 50", "$10.00 for each seat", "Workshop: profiling", "Retired", "Not together with another code")
	w.post(own("/promo-codes"), "new", "1", "code", "SUMMER", "value", "12.50", "kind", "amount", "quota", "3", "unit", "seats",
		"for", "some", "scope", pagestest.Workshop.String(), "exclusive", "1", "validUntil", "2027-06-01T10:00").leadsTo(own("/promo-codes"))
	w.post(own("/promo-codes"), "code", "TEN", "value", "15", "kind", "percent", "unit", "seats", "for", "all").leadsTo(own("/promo-codes"))
	w.post(own("/promo-codes"), "code", "TEN", "retire", "1").leadsTo(own("/promo-codes"))
	for _, wrong := range [][]string{{"quota", "0"}, {"value", "0"}, {"for", "some"}} {
		form := append(wrong, "code", "TEN", "value", "15", "kind", "percent", "unit", "seats", "for", "all") // the first of a name counts
		w.post(own("/promo-codes"), form...).is(http.StatusUnprocessableEntity).says("Change TEN")
	}
	sent := w.Sent()
	made := sent[0].(contracts.CreatePromoCode)
	if made.Code != "SUMMER" || made.Details.Amount != 1250 || made.Details.Quota != 3 || made.Details.QuotaUnit != contracts.BySeat || !made.Details.Exclusive ||
		len(made.Details.Scope) != 1 || made.Details.ValidUntil.UTC().Format(time.RFC3339) != "2027-06-01T08:00:00Z" {
		t.Errorf("made %+v", made)
	}
	if changed := sent[1].(contracts.UpdatePromoCode); changed.Code != "TEN" || changed.Details.Percent != 15 {
		t.Errorf("changed %+v", changed)
	}
	if retired := sent[2].(contracts.RetirePromoCode); retired.Code != "TEN" {
		t.Errorf("retired %+v", retired)
	}
	w.post(own("/promo-codes"), "new", "1", "code", "", "value", "lots", "kind", "percent", "quota", "many").is(http.StatusUnprocessableEntity).
		says("Enter a code", "Enter a whole number from 1 to 100", `value="lots"`, `value="many"`)
	w.Handle = func(any) *pagestest.Refusal { return &pagestest.Refusal{Code: refusal.PromoQuotaTooLarge} }
	w.post(own("/promo-codes"), "code", "TEN", "value", "15", "for", "all", "kind", "percent", "unit", "seats", "quota", "9").is(http.StatusUnprocessableEntity).
		says("quota is too large", `value="9"`)
}

func TestOrganisersSeeCloseReopenAndMoveLines(t *testing.T) {
	w := newWorld(t)
	signsIn(w)
	w.get(own("/waitlist")).says("K7PQ2MXA", "2 × Tutorial for beginners", "all or nothing", "Ada Lovelace", "Close the line for Tutorial for beginners")
	tutorial := pagestest.Tutorial.String()
	w.post(own("/waitlist"), "do", "close", "seatType", tutorial).leadsTo(own("/waitlist"))
	w.post(own("/waitlist"), "do", "reopen", "seatType", tutorial).leadsTo(own("/waitlist"))
	w.post(own("/waitlist"), "do", "move", "seatType", tutorial, "to", pagestest.Workshop.String()).leadsTo(own("/waitlist"))
	sent := w.Sent()
	if c, ok := sent[0].(contracts.CloseWaitlist); !ok || c.SeatTypeID != pagestest.Tutorial {
		t.Errorf("sent %+v", sent[0])
	}
	if c, ok := sent[1].(contracts.ReopenWaitlist); !ok || c.SeatTypeID != pagestest.Tutorial {
		t.Errorf("sent %+v", sent[1])
	}
	if c, ok := sent[2].(contracts.MoveWaitlist); !ok || c.SeatTypeID != pagestest.Tutorial || c.To != pagestest.Workshop {
		t.Errorf("sent %+v", sent[2])
	}
	w.Handle = func(any) *pagestest.Refusal { return &pagestest.Refusal{Code: refusal.WaitlistClosed} }
	w.post(own("/waitlist"), "do", "move", "seatType", tutorial, "to", pagestest.Workshop.String()).is(http.StatusConflict).says("The line is closed")
}
