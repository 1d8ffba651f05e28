package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/api"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

var (
	gophers = uuid.MustParse("0c000000-0000-4000-8000-000000000001")
	ada     = uuid.MustParse("0c000000-0000-4000-8000-00000000000a")
	eve     = uuid.MustParse("0c000000-0000-4000-8000-00000000000e")
	key     = uuid.MustParse("0c000000-0000-4000-8000-0000000000c1")
)

// deliverFor delivers what one command led to that was sent on somebody's behalf.
func (s *service) deliverFor(actor contracts.Actor, command, stream string, from int, at time.Time, bodies ...any) (id string) {
	s.t.Helper()
	var batch []bus.Delivery
	id = uuid.NewString()
	for i, body := range bodies {
		m := message.Message{Meta: message.Meta{
			ID: uuid.NewString(), Source: "test", Stream: stream, Time: at, Tenant: message.DefaultTenant, StreamVersion: uint64(from + i),
			Cause: message.Cause{ID: id, Type: command, Time: at, Actor: actor.String()},
		}, Body: body}
		if i < len(bodies)-1 {
			m.DecisionEnd = uint64(from + len(bodies) - 1)
		}
		var err error
		var data []byte
		if m.Type, data, err = registry.Encode(m.Meta, body); err != nil {
			s.t.Fatal(err)
		}
		batch = append(batch, bus.Delivery{Message: m, Data: data})
	}
	for _, status := range s.events.HandleBatch(s.t.Context(), batch) {
		if status != bus.Success {
			s.t.Fatal(status)
		}
	}
	return id
}

// What an organiser asks of another organisation's conference is answered as if there
// were none, by every route under /organiser and by the explorer.
func TestAnOrganisationSeesItsOwnConferencesAlone(t *testing.T) {
	s := start(t)
	draft, order := uuid.New(), uuid.New()
	s.happen("conference/"+draft.String(), 1, contracts.ConferenceCreated{ConferenceID: draft, OrganisationID: gophers, Slug: "gophers", Currency: "USD"})
	placed := placed(order)
	for i, e := range placed {
		if p, ok := e.(contracts.OrderPlaced); ok {
			p.ConferenceID = draft
			placed[i] = p
		}
	}
	s.happen("order/"+order.String(), 1, placed...)
	nothing := uuid.NewString()
	paths := []string{
		"/organiser/drafts/%s", "/organiser/drafts/%s/events", "/organiser/conferences/%s/orders", "/organiser/conferences/%s/orders.csv",
		"/organiser/conferences/%s/attendees", "/organiser/conferences/%s/attendees.csv", "/organiser/conferences/%s/promo-codes",
		"/organiser/conferences/%s/waitlist", "/organiser/conferences/%s/suggestions?q=x", "/organiser/conferences/%s/dashboard",
		"/organiser/conferences/%s/dashboard/events",
	}
	get := func(organisation, path string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if organisation != "" {
			req.Header.Set(api.OrganisationHeader, organisation)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode, res.Header.Get("Content-Type")
	}
	main := contracts.MainOrganisation.String()
	for _, path := range paths {
		for _, name := range []string{draft.String(), "gophers"} {
			if status, _ := get(gophers.String(), strings.Replace(path, "%s", name, 1)); status != http.StatusOK {
				t.Errorf("%s, for its own organisation: %d", path, status)
			}
			known, kind := get(main, strings.Replace(path, "%s", name, 1))
			unknown, as := get(main, strings.Replace(path, "%s", nothing, 1))
			if known != http.StatusNotFound || known != unknown || kind != as {
				t.Errorf("%s, for another: %d %s; of one that is not there: %d %s", path, known, kind, unknown, as)
			}
			for _, wrong := range []string{"", api.AllOrganisations, "x", uuid.Nil.String()} { // web always says for whom it asks
				if status, _ := get(wrong, strings.Replace(path, "%s", name, 1)); status != http.StatusBadRequest {
					t.Errorf("%s, for %q: %d", path, wrong, status)
				}
			}
		}
	}
	for _, path := range []string{"/organiser/orders/", "/explorer/orders/%s/flow", "/explorer/orders/%s/state"} {
		of := func(id string) string {
			if strings.Contains(path, "%s") {
				return strings.Replace(path, "%s", id, 1)
			}
			return path + id
		}
		for organisation, want := range map[string]int{gophers.String(): 200, main: 404, "": 400} {
			if status, _ := get(organisation, of(order.String())); status != want {
				t.Errorf("%s, for %q: %d, want %d", path, organisation, status, want)
			}
		}
		if status, _ := get(main, of(nothing)); status != http.StatusNotFound {
			t.Errorf("%s of an order that is not there: %d", path, status)
		}
	}
	for organisation, want := range map[string]int{gophers.String(): 1, main: 0, api.AllOrganisations: 1} {
		if l := askFor[view.OrderList](s, organisation, "GET", "/explorer/orders", "", 200); len(l.Orders) != want {
			t.Errorf("%s: %d orders", organisation, len(l.Orders))
		}
	}
	for organisation, want := range map[string]int{gophers.String(): 1, main: 0} {
		if l := askFor[view.ConferenceSummaries](s, organisation, "GET", "/organiser/conferences", "", 200); len(l.Conferences) != want {
			t.Errorf("%s: %d conferences", organisation, len(l.Conferences))
		}
	}
	// Once it is public, others see what everybody sees, and no more.
	s.happen("conference/"+draft.String(), 2, contracts.ConferencePublished{ConferenceID: draft})
	for _, path := range paths {
		want := http.StatusNotFound
		if strings.HasPrefix(path, "/organiser/drafts/") {
			want = http.StatusOK
		}
		if status, _ := get(main, strings.Replace(path, "%s", "gophers", 1)); status != want {
			t.Errorf("%s of a public one, for another: %d", path, status)
		}
	}
}

func TestOrganisationsWithTheirMembersAreShown(t *testing.T) {
	s := start(t)
	// The main one is there before anything is said of it.
	if o := ask[view.Organisation](s, "GET", "/organiser/organisation", "", 200); o.ID != contracts.MainOrganisation || o.Name != "main" || len(o.Members) != 0 {
		t.Errorf("the main one: %+v", o)
	}
	at := "organisation/" + gophers.String()
	s.happen(at, 1,
		contracts.OrganisationCreated{OrganisationID: gophers, Name: "Gophers"},
		contracts.MemberAdded{OrganisationID: gophers, MemberID: ada, Name: "Ada", Owner: true},
		contracts.MemberAdded{OrganisationID: gophers, MemberID: eve, Name: "Eve"},
		contracts.CredentialIssued{OrganisationID: gophers, MemberID: ada, CredentialID: key, Hash: strings.Repeat("0f", 32)},
	)
	o := ask[view.Organisation](s, "GET", "/operator/organisations/"+gophers.String(), "", 200)
	if o.Name != "Gophers" || len(o.Members) != 2 || !o.Members[0].Owner || len(o.Members[0].Credentials) != 1 || o.Members[0].Credentials[0].ID != key || len(o.Members[1].Credentials) != 0 {
		t.Errorf("%+v", o)
	}
	ask[any](s, "GET", "/operator/organisations/"+uuid.NewString(), "", 404)
	l := ask[view.Organisations](s, "GET", "/operator/organisations", "", 200)
	if len(l.Organisations) != 2 || l.Organisations[0].ID != contracts.MainOrganisation || l.Organisations[1].Members != 2 {
		t.Errorf("%+v", l)
	}
	whose := "/credentials/" + gophers.String() + "/" + key.String()
	if h := ask[view.CredentialHolder](s, "GET", whose, "", 200); h.MemberID != ada || h.OrganisationName != "Gophers" || !h.Owner || h.Hash == "" {
		t.Errorf("%+v", h)
	}
	for _, path := range []string{"/credentials/" + gophers.String() + "/" + uuid.NewString(), "/credentials/" + uuid.NewString() + "/" + key.String(), "/credentials/x/y"} {
		ask[any](s, "GET", path, "", 404)
	}
	// It ends with its member.
	s.happen(at, 5, contracts.MemberRemoved{OrganisationID: gophers, MemberID: ada})
	ask[any](s, "GET", whose, "", 404)
	s.happen(at, 6, contracts.CredentialIssued{OrganisationID: gophers, MemberID: eve, CredentialID: eve, Hash: strings.Repeat("0f", 32)})
	whose = "/credentials/" + gophers.String() + "/" + eve.String()
	ask[view.CredentialHolder](s, "GET", whose, "", 200)
	s.happen(at, 7, contracts.CredentialRevoked{OrganisationID: gophers, MemberID: eve, CredentialID: eve})
	ask[any](s, "GET", whose, "", 404)
}

func TestTheAuditLogSaysWhoChangedWhat(t *testing.T) {
	s := start(t)
	conference, order := uuid.New(), uuid.New()
	operator, member := contracts.Actor{Operator: true}, contracts.Actor{Organisation: gophers, Member: ada}
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	s.deliverFor(operator, "CreateOrganisation.v1", "organisation/"+gophers.String(), 1, at(0), contracts.OrganisationCreated{OrganisationID: gophers, Name: "Gophers"})
	s.deliverFor(operator, "AddMember.v1", "organisation/"+gophers.String(), 2, at(1), contracts.MemberAdded{OrganisationID: gophers, MemberID: ada, Name: "Ada"})
	s.deliverFor(member, "CreateConference.v1", "conference/"+conference.String(), 1, at(2), // one change, of two events
		contracts.ConferenceCreated{ConferenceID: conference, OrganisationID: gophers, Slug: "gophers", Currency: "USD", Details: contracts.ConferenceDetails{Name: "GopherCon", TimeZone: "UTC"}},
		contracts.SeatTypeAdded{ConferenceID: conference, SeatTypeID: uuid.New(), Name: "General", Quota: 1})
	s.deliverFor(member, "CreatePromoCode.v1", "promo/"+conference.String()+"/HALF", 1, at(3), contracts.PromoCodeCreated{ConferenceID: conference, Code: "HALF"})
	s.deliverFor(contracts.Actor{}, "RegisterToConference.v1", "order/"+order.String(), 1, at(4), placed(order)...) // a registrant's
	s.deliverFor(member, "CancelOrder.v1", "order/"+order.String(), 3, at(5), contracts.OrderCancelled{OrderID: order, ByOrganiser: true})
	s.deliverFor(contracts.Actor{Organisation: contracts.MainOrganisation}, "PublishConference.v1", "conference/"+uuid.NewString(), 1, at(6), contracts.ConferencePublished{ConferenceID: uuid.New()})
	s.deliverFor(operator, "RefundPayment.v1", "payment/"+uuid.NewString(), 1, at(7), contracts.PaymentRefundRequested{PaymentID: uuid.New(), OrderID: order})
	for i, body := range []any{
		contracts.OrderRetried{OrderID: order, ConferenceID: conference, Status: contracts.StatusExpired, Version: 1, Reason: "try it"}, contracts.OrderSeatsReleased{OrderID: order, Reason: "let go"},
		contracts.OrderPaymentReturned{OrderID: order, PaymentID: uuid.New(), Reason: "pay back"}, contracts.OrderCaseClosed{OrderID: order, Reason: "seen to"},
	} {
		s.deliverFor(operator, "Some.v1", "order/"+order.String(), 4+i, at(10+i), body)
	}
	// What changed nothing is not in it.
	s.deliverFor(member, "PublishConference.v1", "conference/"+conference.String(), 3, at(8), es.CommandRejected{CommandID: "c", CommandType: "PublishConference.v1", Code: "no"})
	s.deliverFor(member, "PublishConference.v1", "conference/"+conference.String(), 4, at(9), es.CommandHadNoEffect{CommandID: "d", CommandType: "PublishConference.v1"})

	changes := func(l view.AuditLog) (all []string) {
		for _, e := range l.Entries {
			all = append(all, string(e.By)+" "+e.MemberName+" "+e.OrganisationName+": "+e.Change+" "+e.About+" "+e.AboutName)
		}
		return all
	}
	gophersOwn := []string{
		"member Ada Gophers: CancelOrder order ", "member Ada Gophers: CreatePromoCode promo-code HALF", "member Ada Gophers: CreateConference conference GopherCon",
		"operator  Gophers: AddMember organisation Gophers", "operator  Gophers: CreateOrganisation organisation Gophers",
	}
	own := askFor[view.AuditLog](s, gophers.String(), "GET", "/organiser/audit", "", 200)
	if got := changes(own); !slices.Equal(got, gophersOwn) {
		t.Errorf("its own: %q", got)
	}
	if e := own.Entries[2]; !e.At.Equal(at(2)) || e.AboutID != conference.String() || *e.MemberID != ada || e.CommandID == "" {
		t.Errorf("%+v", e)
	}
	if got := changes(ask[view.AuditLog](s, "GET", "/organiser/audit", "", 200)); !slices.Equal(got, []string{"organiser-token  main: PublishConference conference "}) {
		t.Errorf("the main one's: %q", got)
	}
	log := ask[view.AuditLog](s, "GET", "/operator/audit", "", 200)
	all := changes(log)
	if len(all) != 11 || all[4] != "operator  : RefundPayment payment " || all[0] != "operator  : Some order " {
		t.Fatalf("all: %q", all)
	}
	for i, reason := range []string{"seen to", "pay back", "let go", "try it", ""} {
		if e := log.Entries[i]; e.Reason != reason {
			t.Errorf("why: %q, want %q", e.Reason, reason)
		}
	}
	if got := changes(ask[view.AuditLog](s, "GET", "/operator/audit?organisation="+gophers.String(), "", 200)); !slices.Equal(got, gophersOwn) {
		t.Errorf("one's, for an operator: %q", got)
	}
	var paged []string
	for after, next := "", true; next; {
		page := ask[view.AuditLog](s, "GET", "/operator/audit?limit=2&after="+after, "", 200)
		paged = append(paged, changes(page)...)
		after, next = page.Next, page.Next != ""
	}
	if !slices.Equal(paged, all) {
		t.Errorf("in pages: %q", paged)
	}
	ask[any](s, "GET", "/operator/audit?organisation=x", "", 400)
	ask[any](s, "GET", "/operator/audit?after=x", "", 400)
}
