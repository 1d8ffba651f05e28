package pages_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/pages/pagestest"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
)

// What the page of an order says and offers, as it stands.
func TestAnOrdersPageSaysHowItStandsAndWhatToDo(t *testing.T) {
	for name, want := range map[string]struct{ says, saysNot []string }{
		"placed":          {[]string{"We are asking for your seats", "Look again", "/cancel\""}, []string{"/pay\""}},
		"partial":         {[]string{"You asked for 5, 4 are left for you", "2 of 3", "Take these 4", "?take=1", "/items\"", "/cancel\"", "$596.00"}, []string{"/pay\"", "/registrant\""}},
		"reserved":        {[]string{"Your seats are held", `data-say="Your seats are held"`, "12 minutes left", "/registrant\"", "Continue to payment", "/items\"", "/cancel\""}, []string{"/pay\""}},
		"ready":           {[]string{"Pay $497.00", "/pay\"", `name="version" value="1"`, `name="total" value="49700"`}, []string{"/confirm\""}},
		"free":            {[]string{"/confirm\"", "Nothing is to be paid"}, []string{"/pay\""}},
		"payment-open":    {[]string{"Checking your payment", "Please do not pay again", `href="/pay/`}, []string{"/pay\" ", "name=\"total\""}},
		"payment-failed":  {[]string{"No payment has reached us so far", "Pay $497.00"}, nil},
		"payment-arrived": {[]string{"Your payment has arrived"}, []string{"name=\"total\""}},
		"confirmed":       {[]string{"You are in", "K7PQ 2MXA", `data-copy="K7PQ2MXA"`, "?key=", "/seats\"", "/calendar.ics\"", "1 of 3 seats", "$497.00 come back to you"}, []string{"/items\""}},
		"late":            {[]string{"Your payment came late. Your seats were still there"}, nil},
		"rejected":        {[]string{"None of these seats is free now", "You have not paid anything", "See what is left"}, []string{"/pay\"", "/cancel\""}},
		"expired":         {[]string{"The time for your seats is over", "No payment has reached us so far", "Try again with the same selection"}, []string{"/pay\""}},
		"refunding":       {[]string{"$497.00 are on their way back"}, []string{"No payment has reached us"}},
		"cancelled":       {[]string{"This order is cancelled", "$497.00 came back to you"}, []string{"/cancel\""}},
		"refund-failed":   {[]string{"We have a problem with the refund of $497.00", "are on it"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			opens(name)(w)
			got := w.get(order(name)).is(http.StatusOK).says(want.says...).saysNot(want.saysNot...)
			if c := got.header.Get("Cache-Control"); c != "no-store" {
				t.Errorf("kept by caches: %q", c)
			}
			if got.header.Get("X-Robots-Tag") != "noindex" {
				t.Error("may be indexed")
			}
		})
	}
}

var formID = regexp.MustCompile(`name="form" value="([^"]+)"`)

func (p page) form() string {
	p.t.Helper()
	m := formID.FindStringSubmatch(p.body)
	if m == nil {
		p.t.Fatalf("no form: %s", p.body)
	}
	return m[1]
}

var seenVersion = regexp.MustCompile(`name="seen" value="([^"]+)"`)

// seen is the version that the page's forms were made from.
func (p page) seen() string {
	p.t.Helper()
	m := seenVersion.FindStringSubmatch(p.body)
	if m == nil {
		p.t.Fatalf("no version: %s", p.body)
	}
	return m[1]
}

func TestAnOrderIsPlacedOnceHoweverOftenTheFormIsSent(t *testing.T) {
	w := newWorld(t)
	path := "/c/" + pagestest.Slug
	field := "seats-" + pagestest.Admission.String()
	form := w.get(path).form()
	first := w.post(path, "form", form, field, "2").is(http.StatusSeeOther).header.Get("Location")
	if again := w.post(path, "form", form, field, "2").is(http.StatusSeeOther).header.Get("Location"); again != first {
		t.Errorf("the same form led to %q and then to %q", first, again)
	}
	// Changed and sent again, as after the back button: the order that is there.
	w.post(path, "form", form, field, "3").is(http.StatusSeeOther)
	placed := map[string]bool{}
	for _, c := range w.Sent() {
		r, ok := c.(contracts.RegisterToConference)
		if !ok {
			t.Fatalf("sent %T", c)
		}
		placed[r.OrderID.String()] = true
		if r.Items.Of(pagestest.Admission) != 2 {
			t.Errorf("asked for %v", r.Items)
		}
	}
	if len(placed) != 1 {
		t.Errorf("%d orders were placed", len(placed))
	}
	if !strings.HasPrefix(first, "/orders/") || !strings.Contains(first, "?key=") {
		t.Fatalf("leads to %q", first)
	}
	// The link sets the cookie, and the order is in progress from then on.
	clean := w.get(first).is(http.StatusSeeOther).header.Get("Location")
	w.get(clean).is(http.StatusOK).says("We are asking for your seats")
	w.get("/").says("Your order in progress", clean)
}

func TestARefusalIsSaidWhereThePersonIsAndKeepsWhatWasTyped(t *testing.T) {
	w := newWorld(t)
	path := "/c/" + pagestest.Slug
	w.Handle = func(any) *pagestest.Refusal {
		return &pagestest.Refusal{Code: "items-required", Detail: "one or more items are required"}
	}
	w.post(path, "form", w.get(path).form(), "seats-"+pagestest.Workshop.String(), "7").is(http.StatusUnprocessableEntity).
		says("One or more items are required", `value="7"`, "Error:", `role="alert"`)
	w.Handle = nil
	w.post(path, "form", w.get(path).form(), "seats-"+pagestest.Workshop.String(), "many").is(http.StatusUnprocessableEntity).
		says("Enter a whole number", `value="many"`, `href="#seats-`)
	opens("reserved")(w)
	w.post(order("reserved")+"/registrant", "form", w.get(order("reserved")).form(), "first", "Ada", "last", "Lovelace", "email", "nonsense").
		is(http.StatusUnprocessableEntity).says(`value="Ada"`, `value="nonsense"`, `aria-invalid="true"`, `href="#email"`)
}

func TestTheLanguageSwitchKeepsWhatWasTypedAndSendsNothing(t *testing.T) {
	w := newWorld(t)
	w.post("/c/"+pagestest.Slug, "form", w.get("/c/"+pagestest.Slug).form(), "seats-"+pagestest.Admission.String(), "4", "language", "zh-Hans").
		is(http.StatusOK).says(`lang="zh-Hans"`, `value="4"`)
	opens("reserved")(w)
	w.post(order("reserved")+"/registrant", "first", "Ada", "last", "", "email", "", "language", "en").is(http.StatusOK).says(`lang="en"`, `value="Ada"`)
	if sent := w.Sent(); len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
}

func TestWhatIsPaidIsWhatThePageShowed(t *testing.T) {
	w := newWorld(t)
	opens("ready")(w)
	form := w.get(order("ready")).form()
	w.post(order("ready")+"/pay", "form", form, "version", "1", "total", "100").is(http.StatusUnprocessableEntity).says("Your order has changed", "$497.00")
	w.post(order("ready")+"/pay", "form", form, "version", "2", "total", "49700").is(http.StatusUnprocessableEntity)
	if sent := w.Sent(); len(sent) > 0 {
		t.Fatalf("sent %v", sent)
	}
	first := w.post(order("ready")+"/pay", "form", form, "version", "1", "total", "49700").is(http.StatusSeeOther).header.Get("Location")
	if !strings.HasPrefix(first, "/pay/") {
		t.Errorf("leads to %q", first)
	}
	if again := w.post(order("ready")+"/pay", "form", form, "version", "1", "total", "49700").header.Get("Location"); again != first {
		t.Errorf("paid twice: %q and %q", first, again)
	}
}

func TestNobodySeesAnOrderWithoutItsSecret(t *testing.T) {
	w := newWorld(t)
	w.get(order("confirmed")).is(http.StatusUnauthorized).says("This order opens by its link", `action="/find"`).saysNot("ada@", "General admission")
	w.get(order("confirmed") + "/seats").is(http.StatusUnauthorized).saysNot("Grace")
	w.get(order("confirmed") + "/calendar.ics").is(http.StatusUnauthorized).saysNot("VEVENT")
	w.post(order("reserved")+"/cancel", "form", "").is(http.StatusUnauthorized)
	w.get("/orders/" + pagestest.OrderID("confirmed").String() + "?key=" + pagestest.Secret("expired")).leadsTo(order("confirmed"))
	w.get(order("confirmed")).is(http.StatusUnauthorized)
	if sent := w.Sent(); len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
}

func TestAChoiceThatIsNotPlacedIsKeptAndForgottenOnceItIs(t *testing.T) {
	w := newWorld(t)
	field := "seats-" + pagestest.Workshop.String()
	w.post("/c/"+pagestest.Slug+"/draft", field, "2", "first", "Ada", "form", "x").is(http.StatusNoContent)
	w.get("/c/"+pagestest.Slug).says(`name="`+field+`" value="2"`, `name="first" value="Ada"`)
	if len(w.Sent()) > 0 {
		t.Fatalf("sent %v", w.Sent())
	}
	w.get("/c/huizhan-2027").saysNot("Ada")
	w.post("/c/"+pagestest.Slug, field, "2", "form", "0a3e9f2c-6b1d-4a51-9b1e-1f00000000f1").is(http.StatusSeeOther)
	w.get("/c/"+pagestest.Slug).saysNot(`name="`+field+`" value="2"`, "Ada")
}

func TestWhereNothingCanBeOrderedThePageSaysSoInPlaceOfAButton(t *testing.T) {
	w := newWorld(t)
	for slug, want := range map[string]string{"open-evening": "All seats are taken now", "rust-2027": "Sales have not begun", "no-seats-yet": "no seats to order yet"} {
		w.get("/c/" + slug).says(want).saysNot("Hold my seats")
	}
	w.get("/c/" + pagestest.Slug).says("Hold my seats").saysNot("All seats are taken now")
}

func TestAnOpenPaymentSaysUntilWhenItMayArrive(t *testing.T) {
	w := newWorld(t)
	opens("payment-open")(w)
	w.get(order("payment-open")).says("may arrive until", "10:17") // five minutes after the hold
}

func TestReadingAnOrderChangesNothing(t *testing.T) {
	w := newWorld(t)
	opens("reserved")(w)
	for _, rest := range []string{"", "/cancel", "/pay", "/confirm", "/items", "/registrant", "?take=1"} {
		w.get(order("reserved") + rest)
	}
	if sent := w.Sent(); len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
}

func TestWhoComesBackFromPayingIsLedToTheOrder(t *testing.T) {
	w := newWorld(t)
	w.get("/paid/"+pagestest.ConferenceID.String()).is(http.StatusOK).says("This browser does not know your order", `action="/find"`)
	opens("payment-open")(w)
	w.get(order("payment-open"))
	w.get("/paid/" + pagestest.ConferenceID.String()).leadsTo(order("payment-open"))

	// A payment leads to its own order, also when that has lapsed and another is in
	// progress.
	w = newWorld(t)
	opens("ready")(w)
	paying := w.post(order("ready")+"/pay", "version", "1", "total", "49700").is(http.StatusSeeOther)
	payment := strings.TrimPrefix(paying.header.Get("Location"), "/pay/")
	lapsed := pagestest.Orders()["expired"]
	lapsed.ID = pagestest.OrderID("ready")
	w.Put("/orders/"+lapsed.ID.String(), lapsed)
	w.get(order("ready")).is(http.StatusOK)
	opens("payment-open")(w)
	w.get(order("payment-open")).is(http.StatusOK)
	w.get("/paid/" + payment).leadsTo(order("ready"))
}

func TestSeatsAreGivenToPeople(t *testing.T) {
	w := newWorld(t)
	opens("confirmed")(w)
	path := order("confirmed") + "/seats"
	page := w.get(path).says("This seat is proposed for you", `value="Ada"`, "Grace", `autocomplete="off"`)
	w.post(path, "form", page.form(), "position", "2", "first", "Alan", "last", "Turing", "email", "alan@example.org", "type", "student").leadsTo(path + "#seat-2")
	w.post(path, "form", page.form(), "position", "1", "release", "1").leadsTo(path + "#seat-1")
	sent := w.Sent()
	if a, ok := sent[0].(contracts.AssignSeat); !ok || a.Position != 2 || a.Attendee.LastName != "Turing" || a.Attendee.Type != contracts.Student {
		t.Errorf("sent %+v", sent[0])
	}
	if a, ok := sent[1].(contracts.UnassignSeat); !ok || a.Position != 1 {
		t.Errorf("sent %+v", sent[1])
	}
	w.post(path, "form", page.form(), "position", "2", "first", "Alan", "last", "Turing", "email", "nonsense", "type", "student").
		is(http.StatusUnprocessableEntity).says(`value="nonsense"`, `href="#seat-2-email"`)
}

func TestAConfirmedOrderGivesACalendarFile(t *testing.T) {
	w := newWorld(t)
	opens("confirmed")(w)
	got := w.get(order("confirmed")+"/calendar.ics").is(http.StatusOK).says("BEGIN:VEVENT", "DTSTART:20270605T080000Z", "SUMMARY:Gophers in Berlin 2027", "K7PQ 2MXA")
	if c := got.header.Get("Content-Type"); !strings.HasPrefix(c, "text/calendar") {
		t.Errorf("content type %q", c)
	}
}

func TestAnOrdersFollowersHearThatItHasChanged(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	follow := func(path, cookie string) *http.Response {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", cookie)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		return answer
	}
	id := pagestest.OrderID("placed").String()
	answer := follow("/orders/"+id+"/live?watch=order:"+id, "plenary-order-"+id+"="+pagestest.Secret("placed"))
	lines := bufio.NewScanner(answer.Body)
	next := func() (change struct {
		Subject  string
		Revision int64
		Texts    map[string]string
	}) {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
				if err := json.Unmarshal([]byte(data), &change); err != nil {
					t.Fatal(err)
				}
				return change
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return change
	}
	first := next()
	if first.Subject != "order:"+id || first.Texts != nil {
		t.Fatalf("first: %+v", first)
	}
	changed := pagestest.Orders()["reserved"]
	changed.ID = pagestest.OrderID("placed")
	w.Put("/orders/"+id, changed)
	if second := next(); second.Revision <= first.Revision {
		t.Fatalf("second: %+v after %+v", second, first)
	}
}

func TestAnOrderInTheStateOfPlacedShowsWhatCameOfItWithoutScript(t *testing.T) {
	w := newWorld(t)
	opens("placed")(w)
	w.get(order("placed")).says("We are asking")
	got := pagestest.Orders()["reserved"]
	got.ID = pagestest.OrderID("placed")
	w.Put("/orders/"+got.ID.String(), got)
	w.get(order("placed")).says("Your seats are held")
	if got.Status != view.OrderReserved {
		t.Fatal("the sample has changed")
	}
}

func TestAPromoCodeKeepsTheDetailsThatWereTyped(t *testing.T) {
	w := newWorld(t)
	opens("reserved")(w)
	page := order("reserved")
	w.get(page).says(`form="details" formaction="` + page + `/promo-code"`)
	w.post(page+"/promo-code", "first", "Grace", "last", "Hopper", "email", "grace@example.com", "code", "winter").leadsTo(page)
	w.get(page).says(`value="Grace"`, `value="grace@example.com"`)
	w.post(page+"/promo-code", "first", "Ada", "last", "Lovelace", "email", "ada@example.com", "code", "").is(http.StatusUnprocessableEntity).
		says("Enter a code", `value="Ada"`)
}

func TestAPromoCodeOnTheOrdersPage(t *testing.T) {
	w := newWorld(t)
	opens("promo")(w)
	page := order("promo")
	w.get(page).says("EARLY-20", "20% off, for 3 seats", "−$99.40", "Applied", "We are checking it…", "FRIENDS", "All that this promo code was for is taken")
	w.post(page+"/promo-code", "code", " winter ").leadsTo(page)
	w.post(page+"/promo-code", "remove", "EARLY-20").leadsTo(page)
	sent := w.Sent()
	if asked := sent[0].(contracts.ApplyPromoCode); asked.Code != "winter" {
		t.Errorf("asked for %+v", asked)
	}
	if removed := sent[1].(contracts.RemovePromoCode); removed.Code != "EARLY-20" {
		t.Errorf("removed %+v", removed)
	}
	w.post(page+"/promo-code", "code", "").is(http.StatusUnprocessableEntity).says("Enter a code")
	w.Handle = func(any) *pagestest.Refusal { return &pagestest.Refusal{Code: refusal.PromoCodeExclusive} }
	w.post(page+"/promo-code", "code", "winter").is(http.StatusUnprocessableEntity).says("cannot be combined", `value="winter"`)
}

func TestAPlaceInLineOnTheOrdersPage(t *testing.T) {
	w := newWorld(t)
	opens("waitlisted")(w)
	page := order("waitlisted")
	w.get(page).says("You are in line", "Tutorial for beginners: number 3 in line", "until the conference starts", "You want all of them together", "waits for the rest of another")
	w.post(page + "/leave").leadsTo(page)
	w.post(page+"/items", "seats-"+pagestest.Tutorial.String(), "1", "waitlist", "1", "all", "1").leadsTo(page)
	sent := w.Sent()
	if left, ok := sent[0].(contracts.LeaveWaitlist); !ok || left.OrderID != pagestest.OrderID("waitlisted") {
		t.Errorf("sent %+v", sent[0])
	}
	if changed := sent[1].(contracts.ChangeOrderItems); changed.Waitlist == nil || !changed.Waitlist.AllOrNothing {
		t.Errorf("changed to %+v", changed)
	}
	w.Handle = func(any) *pagestest.Refusal { return &pagestest.Refusal{Code: refusal.NotWaitlisted} }
	w.post(page + "/leave").is(http.StatusUnprocessableEntity).says("The order is not in line")
}

func TestAnOfferOnTheOrdersPage(t *testing.T) {
	w := newWorld(t)
	opens("offered")(w)
	w.get(order("offered")).says("Seats came free for you", `role="timer"`, "You wait in line for the rest", "/orders/"+pagestest.OrderID("waitlisted").String()+"?key=")
}

func TestOrdersThatMayWaitInLine(t *testing.T) {
	w := newWorld(t)
	w.get("/c/"+pagestest.Slug).says("Wait in line for them", "Only all of them together")
	w.post("/c/"+pagestest.Slug, "seats-"+pagestest.Tutorial.String(), "2", "waitlist", "1")
	placed := w.Sent()[0].(contracts.RegisterToConference)
	if placed.Waitlist == nil || placed.Waitlist.AllOrNothing || placed.Waitlist.RestID == nil {
		t.Errorf("placed %+v", placed)
	}
	opens("rejected")(w)
	w.get(order("rejected")).says("Wait in line for them", `name="waitlist" value="1"`)
}

func TestSomeSeatsAreGivenBack(t *testing.T) {
	w := newWorld(t)
	opens("confirmed")(w)
	page := order("confirmed")
	w.get(page).says(page+"/give-back", "$497.00 come back to you")
	w.get(page+"/give-back").says("Which seats?", "<b>Seat 1</b> · General admission", "Grace Hopper", "<b>Seat 3</b> · Workshop: profiling", "$99.00")
	w.get(page+"/give-back?seat=0&seat=2").says("2 seats go back", "$298.00", "by the way that was paid", "Give 2 seats back")
	w.get(page+"/give-back?seat=0&seat=1&seat=2").says("so it is cancelled", "$497.00", "Cancel the order")
	w.get(page + "/give-back?seat=7&seat=x").says("Which seats?") // no such seats
	if len(w.Sent()) != 0 {
		t.Fatalf("looking has sent %+v", w.Sent())
	}
	w.post("/preferences", "language", "zh-Hans")
	w.get(page+"/give-back?seat=0").says("将退还 1 个席位", "退还 1 个席位", "$199.00")
}

func TestSeatsAreGivenBackOnceHoweverOftenTheFormIsSent(t *testing.T) {
	w := newWorld(t)
	opens("confirmed")(w)
	page := order("confirmed")
	form := w.get(page + "/give-back?seat=2&seat=0").form()
	for range 2 { // a double click
		w.post(page+"/give-back", "form", form, "seat", "0", "seat", "2", "refund", "29800", "all", "false").leadsTo(page)
	}
	sent := w.Sent()
	if len(sent) != 1 {
		t.Fatalf("sent %+v", sent)
	}
	if c, ok := sent[0].(contracts.CancelOrderSeats); !ok || !slices.Equal(c.Positions, []int{0, 2}) || c.ByOrganiser {
		t.Errorf("sent %+v", sent[0])
	}
	w.post(page+"/give-back", "form", form, "refund", "0").is(http.StatusUnprocessableEntity).says("No seat was chosen")
	w.post(page+"/give-back", "form", form, "seat", "0", "refund", "100", "all", "false").is(http.StatusUnprocessableEntity).says("Your order has changed", "$199.00")
	w.Handle = func(any) *pagestest.Refusal { return &pagestest.Refusal{Code: refusal.RefundWindowClosed} }
	w.post(page+"/give-back", "seat", "0", "refund", "19900", "all", "false").is(http.StatusUnprocessableEntity).says("The time for refunds is over", "Give 1 seat back")
}

func TestAnOrderOfWhichSeatsWereGivenBack(t *testing.T) {
	w := newWorld(t)
	opens("given-back")(w)
	page := order("given-back")
	w.get(page).says("1 seat given back", "−$199.00", "What is kept", "$298.00", "$199.00 are on their way back", "0 of 2 seats have a name")
	w.get(page+"/give-back?seat=1").says("Which seats?", "<b>Seat 1</b>", "<b>Seat 3</b>").saysNot("<b>Seat 2</b>")
	// The other of two clicks comes when the first has been seen.
	w.post(page+"/give-back", "seat", "1", "refund", "19900", "all", "false").leadsTo(page)
	// What was chosen on an old page is not what goes back now.
	w.post(page+"/give-back", "seat", "1", "seat", "2", "refund", "29800", "all", "false").is(http.StatusUnprocessableEntity).says("Your order has changed", "$99.00", "Give 1 seat back")
	if len(w.Sent()) != 0 {
		t.Errorf("sent %+v", w.Sent())
	}
	w.get(page+"/seats").says("Seat 1", "Seat 3").saysNot("Seat 2")
	w.post(page+"/seats", "position", "1", "first", "Ada", "last", "Lovelace", "email", "ada@example.com", "type", "paid").is(http.StatusNotFound)
	w.post(page+"/seats", "position", "2", "first", "Ada", "last", "Lovelace", "email", "ada@example.com", "type", "paid").is(http.StatusSeeOther)
}
