package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/gather"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/telemetry/telemetrytest"
)

var details = contracts.ConferenceDetails{
	Name: "Gophers", Description: "All about Go", Location: "Shanghai", TimeZone: "Asia/Shanghai",
	StartsAt: time.Date(2027, 5, 1, 9, 0, 0, 0, time.UTC),
	EndsAt:   time.Date(2027, 5, 3, 17, 0, 0, 0, time.UTC),
}

const detailsJSON = `"name":"Gophers","description":"All about Go","location":"Shanghai","timeZone":"Asia/Shanghai","startsAt":"2027-05-01T09:00:00Z","endsAt":"2027-05-03T17:00:00Z"`

// writes are all operations that send a command, each with the command that
// must be sent.
var writes = []struct {
	name, method, path, body string
	organiser                bool // alone may do it
	also                     bool // the organiser may do it too, and does it here
	command                  any
	about                    uuid.UUID
	url                      string
	creates                  bool
}{
	{
		name: "place an order", method: "POST", path: placePath(),
		body: `{"secret":"` + orderSecret + `","items":[{"seatType":"` + seatTypeID.String() + `","quantity":2}]}`,
		command: contracts.RegisterToConference{OrderID: orderID, ConferenceID: conferenceID,
			Items: contracts.Seats{{SeatType: seatTypeID, Quantity: 2}}},
		about: orderID, url: orderPath(""), creates: true,
	},
	{
		name: "change its items", method: "PUT", path: orderPath("/items"), body: oneSeat,
		command: contracts.ChangeOrderItems{OrderID: orderID, Items: contracts.Seats{{SeatType: seatTypeID, Quantity: 1}}},
		about:   orderID, url: orderPath(""),
	},
	{
		name: "say who the registrant is", method: "PUT", path: orderPath("/registrant"),
		body: `{"firstName":"Ada","lastName":"Lovelace","email":"ada@example.org"}`,
		command: contracts.AssignRegistrantDetails{OrderID: orderID,
			Registrant: contracts.Person{FirstName: "Ada", LastName: "Lovelace", Email: "ada@example.org"}},
		about: orderID, url: orderPath(""),
	},
	{
		name: "confirm a free order", method: "POST", path: orderPath("/confirm"),
		command: contracts.ConfirmOrder{OrderID: orderID}, about: orderID, url: orderPath(""),
	},
	{
		name: "cancel an order", method: "POST", path: orderPath("/cancel"),
		command: contracts.CancelOrder{OrderID: orderID}, about: orderID, url: orderPath(""),
	},
	{
		name: "give seats back", method: "POST", path: orderPath("/seats/cancel"), body: `{"positions":[2,0]}`,
		command: contracts.CancelOrderSeats{OrderID: orderID, Positions: []int{2, 0}}, about: orderID, url: orderPath(""),
	},
	{
		name: "give seats back as the organiser", method: "POST", path: orderPath("/seats/cancel"), body: `{"positions":[1]}`, also: true,
		command: contracts.CancelOrderSeats{OrderID: orderID, Positions: []int{1}, ByOrganiser: true}, about: orderID, url: orderPath(""),
	},
	{
		name: "start a payment", method: "POST", path: orderPath("/payments"),
		body: `{"paymentId":"` + paymentID.String() + `","amount":{"amount":24900,"currency":"USD"}}`,
		command: contracts.InitiatePayment{PaymentID: paymentID, OrderID: orderID, Version: 3,
			Amount: contracts.Money{Amount: 24900, Currency: "USD"}},
		about: orderID, url: "/api/payments/" + paymentID.String(), creates: true,
	},
	{
		name: "assign a seat", method: "PUT", path: orderPath("/seats/3"),
		body: `{"firstName":"Ada","lastName":"Lovelace","email":"ada@example.org","type":"speaker"}`,
		command: contracts.AssignSeat{OrderID: orderID, Position: 3, Attendee: contracts.Attendee{
			Person: contracts.Person{FirstName: "Ada", LastName: "Lovelace", Email: "ada@example.org"}, Type: contracts.Speaker}},
		about: orderID, url: orderPath(""),
	},
	{
		name: "unassign a seat", method: "DELETE", path: orderPath("/seats/0"),
		command: contracts.UnassignSeat{OrderID: orderID}, about: orderID, url: orderPath(""),
	},
	{
		name: "cancel an order as the organiser", method: "POST", path: orderPath("/cancel"), also: true,
		command: contracts.CancelOrder{OrderID: orderID, ByOrganiser: true}, about: orderID, url: orderPath(""),
	},
	{
		name: "assign a seat as the organiser", method: "PUT", path: orderPath("/seats/3"), also: true,
		body: `{"firstName":"Ada","lastName":"Lovelace","email":"ada@example.org","type":"speaker"}`,
		command: contracts.AssignSeat{OrderID: orderID, Position: 3, ByOrganiser: true, Attendee: contracts.Attendee{
			Person: contracts.Person{FirstName: "Ada", LastName: "Lovelace", Email: "ada@example.org"}, Type: contracts.Speaker}},
		about: orderID, url: orderPath(""),
	},
	{
		name: "unassign a seat as the organiser", method: "DELETE", path: orderPath("/seats/0"), also: true,
		command: contracts.UnassignSeat{OrderID: orderID, ByOrganiser: true}, about: orderID, url: orderPath(""),
	},
	{
		name: "leave the line", method: "DELETE", path: orderPath("/waitlist"),
		command: contracts.LeaveWaitlist{OrderID: orderID}, about: orderID, url: orderPath(""),
	},
	{
		name: "close a line", method: "POST", path: "/api/conferences/" + conferenceID.String() + "/seat-types/" + seatTypeID.String() + "/waitlist/close", organiser: true,
		command: contracts.CloseWaitlist{ConferenceID: conferenceID, SeatTypeID: seatTypeID}, about: conferenceID, url: "/api/conferences/" + conferenceID.String(),
	},
	{
		name: "reopen a line", method: "POST", path: "/api/conferences/" + conferenceID.String() + "/seat-types/" + seatTypeID.String() + "/waitlist/reopen", organiser: true,
		command: contracts.ReopenWaitlist{ConferenceID: conferenceID, SeatTypeID: seatTypeID}, about: conferenceID, url: "/api/conferences/" + conferenceID.String(),
	},
	{
		name: "move a line", method: "POST", path: "/api/conferences/" + conferenceID.String() + "/seat-types/" + seatTypeID.String() + "/waitlist/move", organiser: true,
		body:    `{"to":"` + orderID.String() + `"}`,
		command: contracts.MoveWaitlist{ConferenceID: conferenceID, SeatTypeID: seatTypeID, To: orderID}, about: conferenceID, url: "/api/conferences/" + conferenceID.String(),
	},
	{
		name: "ask for a promo code", method: "POST", path: orderPath("/promo-codes"), body: `{"code":"early 20"}`,
		command: contracts.ApplyPromoCode{OrderID: orderID, Code: "early 20"}, about: orderID, url: orderPath(""),
	},
	{
		name: "do without a promo code", method: "DELETE", path: orderPath("/promo-codes/early-20"),
		command: contracts.RemovePromoCode{OrderID: orderID, Code: "early-20"}, about: orderID, url: orderPath(""),
	},
	{
		name: "create a promo code", method: "POST", path: "/api/conferences/" + conferenceID.String() + "/promo-codes", organiser: true,
		body: `{"code":"EARLY-20","percent":20,"quota":50,"quotaUnit":"seats","scope":["` + seatTypeID.String() + `"],"exclusive":true,"validUntil":"2027-05-01T09:00:00Z"}`,
		command: contracts.CreatePromoCode{ConferenceID: conferenceID, Code: "EARLY-20", Details: contracts.PromoDetails{
			PromoTerms: contracts.PromoTerms{Percent: 20, QuotaUnit: contracts.BySeat, Scope: []uuid.UUID{seatTypeID}, Exclusive: true},
			Quota:      50, ValidUntil: details.StartsAt,
		}},
		about: conferenceID, url: "/api/organiser/conferences/" + conferenceID.String() + "/promo-codes", creates: true,
	},
	{
		name: "change a promo code", method: "PUT", path: "/api/conferences/" + conferenceID.String() + "/promo-codes/early-20", organiser: true, body: `{"amount":1000}`,
		command: contracts.UpdatePromoCode{ConferenceID: conferenceID, Code: "early-20", Details: contracts.PromoDetails{PromoTerms: contracts.PromoTerms{Amount: 1000}}},
		about:   conferenceID, url: "/api/organiser/conferences/" + conferenceID.String() + "/promo-codes",
	},
	{
		name: "retire a promo code", method: "DELETE", path: "/api/conferences/" + conferenceID.String() + "/promo-codes/early-20", organiser: true,
		command: contracts.RetirePromoCode{ConferenceID: conferenceID, Code: "early-20"},
		about:   conferenceID, url: "/api/organiser/conferences/" + conferenceID.String() + "/promo-codes",
	},
	{
		name: "create a conference", method: "POST", path: "/api/conferences", organiser: true,
		body: `{"conferenceId":"` + conferenceID.String() + `","slug":"gophers-2027","owner":"Go Users","currency":"USD",` + detailsJSON + `}`,
		command: contracts.CreateConference{ConferenceID: conferenceID, Slug: "gophers-2027", Owner: "Go Users",
			Currency: "USD", Details: details},
		about: conferenceID, url: "/api/conferences/" + conferenceID.String(), creates: true,
	},
	{
		name: "update a conference", method: "PUT", path: "/api/conferences/" + conferenceID.String(), organiser: true,
		body:    `{` + detailsJSON + `}`,
		command: contracts.UpdateConference{ConferenceID: conferenceID, Details: details},
		about:   conferenceID, url: "/api/conferences/" + conferenceID.String(),
	},
	{
		name: "publish it", method: "POST", path: "/api/conferences/" + conferenceID.String() + "/publish", organiser: true,
		command: contracts.PublishConference{ConferenceID: conferenceID},
		about:   conferenceID, url: "/api/conferences/" + conferenceID.String(),
	},
	{
		name: "unpublish it", method: "POST", path: "/api/conferences/" + conferenceID.String() + "/unpublish", organiser: true,
		command: contracts.UnpublishConference{ConferenceID: conferenceID},
		about:   conferenceID, url: "/api/conferences/" + conferenceID.String(),
	},
	{
		name: "add a seat type", method: "POST", path: "/api/conferences/" + conferenceID.String() + "/seat-types", organiser: true,
		body: `{"seatTypeId":"` + seatTypeID.String() + `","name":"General admission","description":"All days","price":19900,"quota":100,` +
			`"salesFrom":"2027-01-01T00:00:00Z","salesUntil":"2027-02-01T00:00:00Z"}`,
		command: contracts.AddSeatType{ConferenceID: conferenceID, SeatTypeID: seatTypeID, Name: "General admission",
			Description: "All days", Price: 19900, Quota: 100, SalesWindow: contracts.SalesWindow{
				SalesFrom: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), SalesUntil: time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)}},
		about: conferenceID, url: "/api/conferences/" + conferenceID.String(), creates: true,
	},
	{
		name: "update a seat type", method: "PUT", organiser: true,
		path:    "/api/conferences/" + conferenceID.String() + "/seat-types/" + seatTypeID.String(),
		body:    `{"name":"General admission","price":0,"quota":0}`,
		command: contracts.UpdateSeatType{ConferenceID: conferenceID, SeatTypeID: seatTypeID, Name: "General admission"},
		about:   conferenceID, url: "/api/conferences/" + conferenceID.String(),
	},
	{
		name: "remove a seat type", method: "DELETE", organiser: true,
		path:    "/api/conferences/" + conferenceID.String() + "/seat-types/" + seatTypeID.String(),
		command: contracts.RemoveSeatType{ConferenceID: conferenceID, SeatTypeID: seatTypeID},
		about:   conferenceID, url: "/api/conferences/" + conferenceID.String(),
	},
	{
		name: "retry a refund", method: "POST", path: "/api/payments/" + paymentID.String() + "/refund", organiser: true,
		body:    `{"attempt":2,"reason":"the provider was down"}`,
		command: contracts.RefundPayment{PaymentID: paymentID, Attempt: 2, Reason: "the provider was down"},
		about:   orderID, url: "/api/payments/" + paymentID.String(),
	},
	{
		name: "add a member", method: "POST", path: organisationPath("/members"), organiser: true,
		body:    `{"memberId":"` + memberID.String() + `","name":"Ada","owner":true}`,
		command: contracts.AddMember{OrganisationID: contracts.MainOrganisation, MemberID: memberID, Name: "Ada", Owner: true},
		about:   contracts.MainOrganisation, url: organisationPath(""), creates: true,
	},
	{
		name: "remove a member", method: "DELETE", path: organisationPath("/members/" + memberID.String()), organiser: true,
		command: contracts.RemoveMember{OrganisationID: contracts.MainOrganisation, MemberID: memberID},
		about:   contracts.MainOrganisation, url: organisationPath(""),
	},
	{
		name: "revoke a credential", method: "DELETE", path: organisationPath("/credentials/" + credentialID.String()), organiser: true,
		command: contracts.RevokeCredential{OrganisationID: contracts.MainOrganisation, CredentialID: credentialID},
		about:   contracts.MainOrganisation, url: organisationPath(""),
	},
}

func withPayment(f *fixture) *fixture {
	f.query.answer("GET /payments/"+paymentID.String(), aPayment)
	f.query.answer("GET /orders/"+orderID.String(), payable)
	return f
}

// payable is an order that waits to be paid.
var payable = view.Order{ID: orderID, ConferenceID: conferenceID, Status: view.OrderReserved, Version: 3,
	Total: contracts.Money{Amount: 24900, Currency: "USD"}, Registrant: &contracts.Person{FirstName: "Ada", LastName: "Lovelace", Email: "ada@example.org"}}

const payIt = `{"amount":{"amount":24900,"currency":"USD"}}`

func TestAPaymentThatCanNeverBeRightIsRefusedBeforeThereIsACheckoutPage(t *testing.T) {
	with := func(change func(*view.Order)) view.Order {
		o := payable
		change(&o)
		return o
	}
	ended := func(s view.OrderStatus) view.Order { return with(func(o *view.Order) { o.Status = s }) }
	for _, c := range []struct {
		what   string
		order  view.Order
		body   string
		status int
		code   es.Code
	}{
		{"another amount", payable, `{"amount":{"amount":24901,"currency":"USD"}}`, http.StatusConflict, "amount-differs"},
		{"another currency", payable, `{"amount":{"amount":24900,"currency":"EUR"}}`, http.StatusConflict, "amount-differs"},
		{"another amount, which is said first", with(func(o *view.Order) { o.Status, o.Registrant = view.OrderExpired, nil }),
			`{"amount":{"amount":1,"currency":"USD"}}`, http.StatusConflict, "amount-differs"},
		{"no registrant", with(func(o *view.Order) { o.Registrant = nil }), payIt, http.StatusConflict, "registrant-required"},
		{"a promo code is being checked", with(func(o *view.Order) {
			o.PromoCodes = []view.OrderPromoCode{{Code: "HALF", State: view.PromoCodeRequested}}
		}), payIt, http.StatusConflict, "promo-code-pending"},
		{"not reserved", ended(view.OrderPlaced), payIt, http.StatusConflict, "not-reserved"},
		{"confirmed", ended(view.OrderConfirmed), payIt, http.StatusConflict, "already-paid"},
		{"expired", ended(view.OrderExpired), payIt, http.StatusConflict, "order-expired"},
		{"rejected", ended(view.OrderRejected), payIt, http.StatusConflict, "order-rejected"},
		{"cancelled", ended(view.OrderCancelled), payIt, http.StatusConflict, "order-cancelled"},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := newFixture(t)
			f.query.answer("GET /orders/"+orderID.String(), c.order)
			f.do("POST", orderPath("/payments"), c.body).problem(c.status, c.code)
			if len(f.broker.commands()) > 0 {
				t.Error("it was opened all the same")
			}
		})
	}
	t.Run("no such order", func(t *testing.T) {
		f := newFixture(t)
		f.do("POST", orderPath("/payments"), payIt).problem(http.StatusNotFound, refusal.OrderNotFound)
		if len(f.broker.commands()) > 0 {
			t.Error("it was opened all the same")
		}
	})
	t.Run("another is open, which is named", func(t *testing.T) {
		f := newFixture(t)
		open := view.Payment{ID: uuid.New(), Status: view.PaymentInitiated, Version: payable.Version}
		f.query.answer("GET /orders/"+orderID.String(), with(func(o *view.Order) { o.Payments = []view.Payment{open} }))
		r := f.do("POST", orderPath("/payments"), payIt)
		p := r.problem(http.StatusConflict, refusal.PaymentOpen)
		if current, ok := p.Current.(map[string]any); !ok || current["checkoutUrl"] != "/pay/"+open.ID.String() {
			t.Errorf("the one that is open is said to be %v", p.Current)
		}
		if len(f.broker.commands()) > 0 {
			t.Error("it was opened all the same")
		}
	})
	t.Run("one for earlier items does not count", func(t *testing.T) {
		f := newFixture(t)
		f.query.answer("GET /orders/"+orderID.String(), with(func(o *view.Order) {
			o.Payments = []view.Payment{{ID: uuid.New(), Status: view.PaymentInitiated, Version: o.Version}}
			o.Version++
		}))
		f.do("POST", orderPath("/payments"), payIt).is(http.StatusAccepted)
	})
	t.Run("in part reserved is enough", func(t *testing.T) {
		f := newFixture(t)
		f.query.answer("GET /orders/"+orderID.String(), ended(view.OrderPartiallyReserved))
		f.do("POST", orderPath("/payments"), payIt).is(http.StatusAccepted)
	})
}

func TestABoundedNumberOfPaymentsIsOpened(t *testing.T) {
	f := newFixture(t)
	order := payable
	for range 19 {
		order.Payments = append(order.Payments, view.Payment{ID: uuid.New(), Status: view.PaymentCancelled})
	}
	f.query.answer("GET /orders/"+orderID.String(), order)
	f.do("POST", orderPath("/payments"), payIt).is(http.StatusAccepted)
	order.Payments = append(order.Payments, aPayment)
	f.query.answer("GET /orders/"+orderID.String(), order)
	f.do("POST", orderPath("/payments"), payIt).problem(http.StatusConflict, refusal.TooManyPayments)
	again := `{"paymentId":"` + paymentID.String() + `","amount":{"amount":24900,"currency":"USD"}}`
	f.do("POST", orderPath("/payments"), again).is(http.StatusAccepted)
}

// Sent again, a request that opened a payment changes nothing: what became of its
// order since does not matter.
func TestAPaymentThatWasOpenedIsNotRefusedWhenItIsAskedForAgain(t *testing.T) {
	f := newFixture(t)
	confirmed := payable
	confirmed.Status, confirmed.Payments = view.OrderConfirmed, []view.Payment{aPayment}
	f.query.answer("GET /orders/"+orderID.String(), confirmed)
	f.do("POST", orderPath("/payments"), `{"paymentId":"`+paymentID.String()+`","amount":{"amount":24900,"currency":"USD"}}`).is(http.StatusAccepted)
}

func credential(organiser bool) []header {
	if organiser {
		return []header{asOrganiser}
	}
	return nil
}

func TestAWriteSendsItsCommandAndIsAccepted(t *testing.T) {
	for _, w := range writes {
		t.Run(w.name, func(t *testing.T) {
			f := withPayment(newFixture(t))
			r := f.do(w.method, w.path, w.body, credential(w.organiser || w.also)...).is(http.StatusAccepted)

			sent := f.broker.only(t)
			if !reflect.DeepEqual(sent.Body, w.command) {
				t.Fatalf("sent %+v\nwant %+v", sent.Body, w.command)
			}
			if sent.CorrelationID != w.about.String() {
				t.Fatalf("correlation %s, want %s", sent.CorrelationID, w.about)
			}
			got := r.receipt()
			if got.CommandID.String() != sent.ID || got.CommandID == uuid.Nil {
				t.Fatalf("command %s was sent, %s is said", sent.ID, got.CommandID)
			}
			if want := "/api/outcomes/" + sent.ID; got.OutcomeURL != want || r.header.Get("Location") != want {
				t.Fatalf("outcome at %q, Location %q, want %q", got.OutcomeURL, r.header.Get("Location"), want)
			}
			if got.URL != w.url || got.Outcome != nil {
				t.Fatalf("got %s, want url %s and no outcome", r.body, w.url)
			}
			if r.header.Get("Preference-Applied") != "" {
				t.Fatal("a preference was applied that nobody had")
			}
		})
	}
}

func TestAWriteThatWaitsGetsItsOutcome(t *testing.T) {
	for _, w := range writes {
		t.Run(w.name, func(t *testing.T) {
			f := withPayment(newFixture(t))
			f.accepting()
			r := f.do(w.method, w.path, w.body, append(credential(w.organiser || w.also), waiting)...)
			want, location := http.StatusOK, ""
			if w.creates {
				want, location = http.StatusCreated, w.url
			}
			r.is(want)
			if r.header.Get("Location") != location {
				t.Fatalf("Location %q, want %q", r.header.Get("Location"), location)
			}
			if got := r.receipt(); got.Outcome == nil || got.Outcome.Status != view.OutcomeAccepted {
				t.Fatalf("got %s, want the outcome in it", r.body)
			}
			if r.header.Get("Preference-Applied") != "wait=10" {
				t.Fatalf("Preference-Applied: %q", r.header.Get("Preference-Applied"))
			}
		})
	}
}

func TestAWriteThatWaitsGetsItsRefusal(t *testing.T) {
	for _, c := range []struct {
		code   es.Code
		status int
	}{
		{refusal.ItemsRequired, http.StatusUnprocessableEntity},
		{refusal.OrderExpired, http.StatusConflict},
		{refusal.OrderNotFound, http.StatusNotFound},
		{"a-code-of-a-newer-version", http.StatusConflict},
	} {
		t.Run(string(c.code), func(t *testing.T) {
			f := newFixture(t)
			f.refusing(c.code, "said by the rule")
			r := f.do("PUT", orderPath("/items"), oneSeat, waiting)
			p := r.problem(c.status, c.code)
			if p.Detail != "said by the rule" || p.Instance != "/api/outcomes/"+f.broker.only(t).ID {
				t.Fatalf("got %s", r.body)
			}
			if r.header.Get("Preference-Applied") != "wait=10" {
				t.Fatal("the preference was applied, and is not said to be")
			}
		})
	}
}

func TestAWriteThatHadNoEffectIsNotCreated(t *testing.T) {
	f := newFixture(t)
	f.broker.handled = func(m message.Message) {
		f.query.decide(view.Outcome{CommandID: m.ID, Status: view.OutcomeNoEffect})
	}
	r := f.do("POST", placePath(), oneSeat, waiting).is(http.StatusOK)
	if got := r.receipt(); got.Outcome.Status != view.OutcomeNoEffect || r.header.Get("Location") != got.URL {
		t.Fatalf("got %s, Location %q", r.body, r.header.Get("Location"))
	}
}

func TestWaitingEndsWhenItsTimeIsOver(t *testing.T) {
	f := newFixture(t)
	r := f.do("POST", placePath(), oneSeat, header{"Prefer", "respond-async, wait=1"}).is(http.StatusAccepted)
	if r.header.Get("Preference-Applied") != "wait=1" || r.receipt().Outcome != nil {
		t.Fatalf("Preference-Applied %q, got %s", r.header.Get("Preference-Applied"), r.body)
	}
	if r.header.Get("Location") != r.receipt().OutcomeURL {
		t.Fatal("Location is not the outcome's")
	}
}

// held publishes only when it is told to.
type held struct{ asked, goOn chan struct{} }

func (h held) Publish(context.Context, ...message.Message) error {
	h.asked <- struct{}{}
	<-h.goOn
	return nil
}

func TestAClientThatGoesAwayLeavesTheGatewayReady(t *testing.T) {
	h := held{make(chan struct{}), make(chan struct{})}
	f := newFixture(t, func(o *gateway.Options) { o.Commands = gateway.Gathered(h) })
	ctx, goAway := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+placePath(), strings.NewReader(oneSeat))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	gone := make(chan error)
	go func() {
		_, err := http.DefaultClient.Do(req)
		gone <- err
	}()
	<-h.asked
	goAway()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	f.server.Close() // which waits for the request's end
	close(h.goOn)
	if err := f.gateway.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A broker that hangs has so many requests wait, and the others are turned away at once.
func TestRequestsDoNotPileUpWhileTheBrokerHangs(t *testing.T) {
	h := held{make(chan struct{}, 1), make(chan struct{})}
	commands := gateway.Gathered(h)
	f := newFixture(t, func(o *gateway.Options) { o.Commands = commands })
	go func() { _ = commands.Send(t.Context(), message.Message{Meta: message.Meta{ID: uuid.NewString()}}) }()
	<-h.asked // so that no batch begins while the others come
	// What clients asked that have gone away waits all the same.
	gone, goAway := context.WithCancel(t.Context())
	goAway()
	send := func() error { return commands.Send(gone, message.Message{Meta: message.Meta{ID: uuid.NewString()}}) }
	for n := 0; !errors.Is(send(), gather.ErrFull); n++ {
		if n > 10_000 {
			t.Fatalf("%d commands wait", n)
		}
	}
	r := f.do("POST", placePath(), oneSeat).is(http.StatusServiceUnavailable)
	if r.header.Get("Retry-After") == "" {
		t.Error("it is not told when to come again")
	}
	go func() {
		for range h.asked { // the batches that waited
		}
	}()
	close(h.goOn)
}

// Neither a request nor a connection for each who waits: query is not asked at all.
func TestAnOutcomeComesWithoutAsking(t *testing.T) {
	f := newFixture(t)
	f.awaitConnection()
	f.accepting()
	for range 10 {
		f.do("POST", placePath(), oneSeat, waiting).is(http.StatusCreated)
	}
	for _, asked := range f.query.requests() {
		if strings.Contains(asked, "/outcomes/") {
			t.Errorf("query was asked %s", asked)
		}
	}
}

func TestAnOutcomeThatCameWhileNothingWasHeardIsAskedFor(t *testing.T) {
	f := newFixture(t)
	f.awaitConnection()
	done := make(chan response)
	go func() { done <- f.do("POST", placePath(), oneSeat, waiting) }()
	await(t, func() bool { return len(f.broker.commands()) > 0 })
	f.query.setDown(true) // the connection breaks
	f.query.decide(view.Outcome{CommandID: f.broker.only(t).ID, Status: view.OutcomeAccepted})
	f.query.setDown(false)
	(<-done).is(http.StatusCreated)
}

func TestWaitingEndsWhenTheGatewayDoes(t *testing.T) {
	f := newFixture(t)
	done := make(chan response)
	go func() { done <- f.do("POST", placePath(), oneSeat, header{"Prefer", "wait=30"}) }()
	await(t, func() bool { return len(f.broker.commands()) > 0 })
	f.stop()
	(<-done).is(http.StatusAccepted)
}

func TestWhileQueryIsDownAWriteIsAcceptedAllTheSame(t *testing.T) {
	f := newFixture(t)
	f.query.setDown(true)
	f.do("POST", placePath(), oneSeat, header{"Prefer", "wait=1"}).is(http.StatusAccepted)
	f.broker.only(t)
}

func TestQueryComesBackWhileAWriteWaits(t *testing.T) {
	f := newFixture(t)
	f.query.setDown(true)
	f.accepting()
	done := make(chan response)
	go func() { done <- f.do("POST", placePath(), oneSeat, waiting) }()
	f.query.await("/outcomes/", 2) // it was asked in vain, and is asked again
	f.query.setDown(false)
	(<-done).is(http.StatusCreated)
}

func TestIdsThatTheClientDoesNotChooseAreMade(t *testing.T) {
	f := newFixture(t)
	first := f.do("POST", placePath(), oneSeat).is(http.StatusAccepted).receipt()
	second := f.do("POST", placePath(), oneSeat).is(http.StatusAccepted).receipt()
	if first.ID == uuid.Nil || first.ID == second.ID || first.CommandID == second.CommandID {
		t.Fatalf("ids %s and %s", first.ID, second.ID)
	}
	if got := f.broker.commands()[0].Body.(contracts.RegisterToConference).OrderID; got != first.ID {
		t.Fatalf("order %s was sent, %s is said", got, first.ID)
	}
}

func TestAPaymentSaysWhereThePayerGoesOn(t *testing.T) {
	f := withPayment(newFixture(t))
	got := f.do("POST", orderPath("/payments"), `{"amount":{"amount":24900,"currency":"USD"}}`).is(http.StatusAccepted).receipt()
	if want := "/pay/" + got.ID.String(); got.CheckoutURL != want {
		t.Fatalf("checkout at %q, want %q", got.CheckoutURL, want)
	}
}

func TestTheTraceOfAProxyOfOursGoesOnAndThatOfAStrangerDoesNot(t *testing.T) {
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for given, want := range map[string]string{trace: trace, "nonsense\t": "", "00-zz": ""} {
		for _, proxies := range [][]string{{"127.0.0.1"}, nil} {
			if proxies == nil {
				want = ""
			}
			f := newFixture(t, func(o *gateway.Options) { o.TrustedProxies = proxies })
			f.do("POST", placePath(), oneSeat, header{"Traceparent", given})
			if got := f.broker.only(t).TraceParent; got != want {
				t.Errorf("given %q by way of %v: %q, want %q", given, proxies, got, want)
			}
		}
	}
}

func TestWithoutTheBrokerNothingIsAccepted(t *testing.T) {
	f := newFixture(t)
	f.broker.err = errBroker
	r := f.do("POST", placePath(), oneSeat)
	r.problem(http.StatusServiceUnavailable, problem.Unavailable)
	if r.header.Get("Retry-After") == "" {
		t.Fatal("no Retry-After")
	}
	if strings.Contains(string(r.body), errBroker.Error()) {
		t.Fatalf("tells of its inside: %s", r.body)
	}
	if !strings.Contains(f.log.String(), errBroker.Error()) {
		t.Fatal("the reason is not in the log")
	}
}

func TestTheSameKeyIsTheSameCommand(t *testing.T) {
	for _, w := range writes {
		t.Run(w.name, func(t *testing.T) {
			f := withPayment(newFixture(t))
			headers := append(credential(w.organiser || w.also), header{"Idempotency-Key", idempotencyKey})
			first := f.do(w.method, w.path, w.body, headers...).is(http.StatusAccepted)
			// The same content, written otherwise.
			again := f.do(w.method, w.path, strings.ReplaceAll(w.body, ",", " ,\n "), headers...).is(http.StatusAccepted)
			if string(first.body) != string(again.body) || first.header.Get("Location") != again.header.Get("Location") {
				t.Fatalf("first %s\nagain %s", first.body, again.body)
			}
			// Nothing says that the first was handled, so it is sent again, as it was.
			sent := f.broker.commands()
			if len(sent) != 2 || !reflect.DeepEqual(sent[0], sent[1]) {
				t.Fatalf("sent %+v", sent)
			}
		})
	}
}

func TestWhatWasDecidedIsNotSentAgain(t *testing.T) {
	f := newFixture(t)
	f.accepting()
	key := header{"Idempotency-Key", idempotencyKey}
	first := f.do("POST", placePath(), oneSeat, key, waiting).is(http.StatusCreated)
	again := f.do("POST", placePath(), oneSeat, key, waiting).is(http.StatusCreated)
	if string(first.body) != string(again.body) {
		t.Fatalf("first %s\nagain %s", first.body, again.body)
	}
	f.broker.only(t)

	f = newFixture(t)
	f.refusing(refusal.OrderExpired, "it has")
	for range 2 {
		f.do("PUT", orderPath("/items"), oneSeat, key, waiting).problem(http.StatusConflict, refusal.OrderExpired)
	}
	f.broker.only(t)
}

func TestAKeyStandsForOneBody(t *testing.T) {
	f := newFixture(t)
	key := header{"Idempotency-Key", idempotencyKey}
	f.do("POST", placePath(), oneSeat, key).is(http.StatusAccepted)
	f.do("POST", placePath(), strings.Replace(oneSeat, `"quantity":1`, `"quantity":2`, 1), key).
		problem(http.StatusUnprocessableEntity, problem.IdempotencyKeyReused)
	f.broker.only(t)
	// Elsewhere it is another key.
	f.do("PUT", orderPath("/items"), strings.Replace(oneSeat, `"quantity":1`, `"quantity":2`, 1), key).is(http.StatusAccepted)
}

func TestARequestThatBreaksRulesDoesNotUseItsKey(t *testing.T) {
	f := newFixture(t)
	key := header{"Idempotency-Key", idempotencyKey}
	nobody := `{"firstName":"Ada","lastName":"Lovelace","email":"Ada <ada@example.org>"}`
	f.do("PUT", orderPath("/registrant"), nobody, key).problem(http.StatusUnprocessableEntity, problem.ValidationFailed)
	f.do("PUT", orderPath("/registrant"), strings.Replace(nobody, "Ada <ada@example.org>", "ada@example.org", 1), key).is(http.StatusAccepted)
}

func TestAfterAFailureTheKeyWorks(t *testing.T) {
	f := newFixture(t)
	key := header{"Idempotency-Key", idempotencyKey}
	f.broker.err = errBroker
	f.do("POST", placePath(), oneSeat, key).problem(http.StatusServiceUnavailable, problem.Unavailable)
	f.broker.err = nil
	f.do("POST", placePath(), oneSeat, key).is(http.StatusAccepted)
	f.broker.only(t)
}

func TestWithoutItsStoreAKeyIsNotTaken(t *testing.T) {
	f := newFixture(t)
	f.keys.Down = true
	f.do("POST", placePath(), oneSeat, header{"Idempotency-Key", idempotencyKey}).problem(http.StatusServiceUnavailable, problem.Unavailable)
	if sent := f.broker.commands(); len(sent) > 0 {
		t.Fatalf("sent %+v", sent)
	}
	f.do("POST", placePath(), oneSeat).is(http.StatusAccepted) // a write without one goes on
}

func TestOfRacingRequestsWithOneKeyOneCommandComes(t *testing.T) {
	f := newFixture(t)
	f.accepting()
	const racers = 16
	answers := make([]response, racers)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range racers {
		wg.Go(func() {
			<-start
			answers[i] = f.do("POST", placePath(), oneSeat, header{"Idempotency-Key", idempotencyKey}, waiting)
		})
	}
	close(start)
	wg.Wait()
	for i, a := range answers {
		if a.status != http.StatusCreated || string(a.body) != string(answers[0].body) {
			t.Fatalf("racer %d: %d %s\nracer 0: %s", i, a.status, a.body, answers[0].body)
		}
	}
	for _, m := range f.broker.commands() {
		if m.ID != answers[0].receipt().CommandID.String() {
			t.Fatalf("another command was sent: %+v", m)
		}
	}
}

// Each is said as it was typed; what becomes of it the apps decide.
func TestNamesAndAddressesInEveryFormAreTaken(t *testing.T) {
	for _, body := range []string{
		`{"firstName":"Sukarno","email":"sukarno@example.org"}`,
		`{"lastName":"李","email":"li@例え.テスト"}`,
		`{"firstName":"  ","lastName":"Teller","email":" teller@example.org "}`,
		`{"firstName":"Rez \"R\"","lastName":"O'Brien","email":"ada@müller.example"}`,
		`{"firstName":"🧑🏽‍🚀","lastName":"مريم","email":"ada@mu\u0308ller.example"}`,
		`{"firstName":"Ada\n","lastName":"","email":"ada@xn--mller-kva.example"}`,
	} {
		f := newFixture(t)
		f.do("PUT", orderPath("/registrant"), body).is(http.StatusAccepted)
		f.do("PUT", orderPath("/seats/0"), strings.Replace(body, "{", `{"type":"paid",`, 1)).is(http.StatusAccepted)
	}
	f := newFixture(t)
	f.do("POST", "/api/conferences", strings.Replace(`{"slug":"s","owner":"o","currency":"USD",`+detailsJSON+`}`, "All about Go", `Day one\n\n\tTalks\r\n`, 1), asOrganiser).is(http.StatusAccepted)
}

func TestAnOrganisersChangeIsBoundToWhatTheySaw(t *testing.T) {
	for _, w := range writes {
		if !w.organiser || !strings.HasPrefix(w.path, "/api/conferences/") || strings.Contains(w.path, "/promo-codes") { // these have streams of their own
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			for given, want := range map[string]uint64{`"7"`: 7, "*": 0, "": 0} {
				f := newFixture(t)
				headers := []header{asOrganiser}
				if given != "" {
					headers = append(headers, header{"If-Match", given})
				}
				f.do(w.method, w.path, w.body, headers...).is(http.StatusAccepted)
				if got := f.broker.only(t).Body.(interface{ Expected() uint64 }).Expected(); got != want {
					t.Errorf("If-Match %s: meant for version %d", given, got)
				}
			}
			f := newFixture(t)
			for _, given := range []string{"7", `W/"7"`, `"7", "8"`, `"a"`, `"-1"`} {
				f.do(w.method, w.path, w.body, asOrganiser, header{"If-Match", given}).problem(http.StatusUnprocessableEntity, problem.ValidationFailed)
			}
		})
	}
}

func TestAStaleChangeIsAnsweredWithWhatIsThereNow(t *testing.T) {
	now := aConference
	now.Name, now.Version = "Gophers, renamed", 8
	f := newFixture(t)
	f.query.answer("GET /organiser/drafts/"+conferenceID.String(), now)
	f.refusing(refusal.ConferenceChanged, "the conference is at version 8 by now")
	put := func(headers ...header) response {
		return f.do("PUT", "/api/conferences/"+conferenceID.String(), `{`+detailsJSON+`}`, append(headers, asOrganiser, header{"If-Match", `"7"`})...)
	}
	r := put(waiting)
	p := r.problem(http.StatusPreconditionFailed, refusal.ConferenceChanged)
	if current, ok := p.Current.(map[string]any); !ok || current["name"] != now.Name || r.header.Get("ETag") != `"8"` {
		t.Errorf("current %v, ETag %s", p.Current, r.header.Get("ETag"))
	}
	put().is(http.StatusAccepted) // its outcome says so
}

func TestAConferenceHasTheVersionOfWhatTheOrganiserSaysAsItsETag(t *testing.T) {
	f := newFixture(t)
	sold := aConference
	sold.Version, sold.Revision = 7, 100
	f.query.answer("GET /conferences/gophers-2027", sold)
	if got := f.do("GET", "/api/conferences/gophers-2027", "").is(http.StatusOK).header.Get("ETag"); got != `"7"` {
		t.Errorf("ETag %s", got)
	}
}

func TestAWeakKeyIsRefusedWithTheReason(t *testing.T) {
	f := newFixture(t)
	for _, key := range []string{"1", "order-42", "00000000-0000-0000-0000-000000000000"} {
		p := f.do("POST", placePath(), oneSeat, header{"Idempotency-Key", key}).problem(http.StatusUnprocessableEntity, problem.IdempotencyKeyWeak)
		if !strings.Contains(p.Detail, "128") {
			t.Errorf("the reason is %q", p.Detail)
		}
	}
	if sent := f.broker.commands(); len(sent) > 0 {
		t.Fatalf("sent %+v", sent)
	}
}

// A phone that leaves the wireless network sends again over another.
func TestAKeyIsTheSameOverAnotherNetwork(t *testing.T) {
	f := newFixture(t, func(o *gateway.Options) { o.TrustedProxies = []string{"127.0.0.1"} })
	place := func(from string) gateway.Receipt {
		return f.do("POST", placePath(), oneSeat, header{"Idempotency-Key", idempotencyKey}, header{"X-Forwarded-For", from}).is(http.StatusAccepted).receipt()
	}
	first, again := place("192.0.2.7"), place("2001:db8::1")
	if first.ID != again.ID || first.CommandID != again.CommandID {
		t.Fatalf("orders %s and %s", first.ID, again.ID)
	}
}

func TestTheOrganisersKeysAreNotTheirNeighbours(t *testing.T) {
	f := newFixture(t)
	body := `{"slug":"s","owner":"o","currency":"USD",` + detailsJSON + `}`
	key := header{"Idempotency-Key", idempotencyKey}
	first := f.do("POST", "/api/conferences", body, key, asOrganiser).is(http.StatusAccepted).receipt()
	f.do("POST", "/api/conferences", body, key).problem(http.StatusUnauthorized, problem.CredentialRequired)
	again := f.do("POST", "/api/conferences", body, key, asOrganiser).is(http.StatusAccepted).receipt()
	if first.ID != again.ID {
		t.Fatalf("conferences %s and %s", first.ID, again.ID)
	}
}

// ofOperators and ofEither are the operations that the organiser's credential does not
// open, and those that the operator's opens as well.
var (
	ofOperators = []string{"GET /api/organisations", "POST /api/organisations", "GET /api/attention", "GET /api/overdue-orders", "GET /api/failed-refunds", "GET /api/loose-payments", "GET /api/dead-letters",
		"GET /api/stuck-orders", "POST " + stuckPath("retry"), "POST " + stuckPath("release"), "POST " + stuckPath("refund"), "POST " + stuckPath("close"),
		"GET /api/dead-letters/1", "POST /api/dead-letters/1/retry", "POST /api/dead-letters/1/discard",
		"GET /api/dead-letter-reasons", "GET /api/parked-streams", "POST /api/parked-streams/free", "POST /api/dead-letters/retry", "POST /api/dead-letters/discard"}
	ofEither = []string{"GET /api/explorer/orders", "GET /api/explorer/orders/" + orderID.String() + "/flow", "GET /api/explorer/orders/" + orderID.String() + "/state",
		"POST /api/payments/" + paymentID.String() + "/refund", "GET /api/me", "GET /api/audit-log?after=abc", "GET " + organisationPath(""),
		"POST " + organisationPath("/members"), "DELETE " + organisationPath("/members/"+memberID.String()),
		"POST " + organisationPath("/members/"+memberID.String()+"/credentials"), "DELETE " + organisationPath("/credentials/"+credentialID.String())}
)

// ofOrganisers are the operations that only the organiser's credential opens.
func ofOrganisers() (all []string) {
	for _, r := range reads {
		if slices.Equal(r.by, organisers) && !slices.Contains(ofEither, r.request) {
			all = append(all, r.request)
		}
	}
	for _, w := range writes {
		if w.organiser && !slices.Contains(ofEither, w.method+" "+w.path) {
			all = append(all, w.method+" "+w.path)
		}
	}
	return append(all, "GET /api/organiser/conferences", "GET /api/organiser/conferences/gophers/orders", "GET /api/organiser/conferences/gophers/attendees.csv")
}

func TestOperationsAskForTheCredential(t *testing.T) {
	paths := slices.Concat(ofOperators, ofEither, ofOrganisers())
	for _, given := range []struct {
		name    string
		headers []header
	}{
		{"none", nil},
		{"another", []header{{"Authorization", "Bearer another"}}},
		{"a longer one", []header{{"Authorization", "Bearer " + organiserToken + "x"}}},
		{"another scheme", []header{{"Authorization", "Basic " + organiserToken}}},
		{"an empty one", []header{{"Authorization", "Bearer "}}},
		{"no scheme", []header{{"Authorization", organiserToken}}},
		{"a longer one of the operator's", []header{{"Authorization", "Bearer " + operatorToken + "x"}}},
	} {
		t.Run(given.name, func(t *testing.T) {
			for _, p := range paths {
				f := newFixture(t) // so many wrong ones of one client would be turned away
				method, path, _ := strings.Cut(p, " ")
				r := f.do(method, path, "", given.headers...)
				r.problem(http.StatusUnauthorized, problem.CredentialRequired)
				if !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer ") {
					t.Fatalf("%s: WWW-Authenticate %q", p, r.header.Get("WWW-Authenticate"))
				}
				if len(f.broker.commands())+len(f.query.requests()) > 0 {
					t.Fatal("something was asked or sent all the same")
				}
			}
		})
	}
}

// The organiser's credential opens nothing that is the operator's, nor the other way
// round, and the operator's opens no order.
func TestOneRolesCredentialOpensNothingOfTheOthers(t *testing.T) {
	f := newFixture(t)
	for by, paths := range map[header][]string{asOrganiser: ofOperators, asOperator: ofOrganisers()} {
		for _, p := range paths {
			method, path, _ := strings.Cut(p, " ")
			f.do(method, path, "", by).problem(http.StatusForbidden, problem.CredentialOfAnother)
		}
	}
	f.do("GET", orderPath(""), "", asOperator).problem(http.StatusUnauthorized, problem.OrderSecretRequired)
	f.do("GET", "/api/conferences/gophers-2027", "", asOperator).problem(http.StatusForbidden, problem.CredentialOfAnother)
	if len(f.broker.commands())+len(f.query.requests()) > 0 {
		t.Fatal("something was asked or sent all the same")
	}
	for _, by := range []header{asOrganiser, asOperator} {
		f.query.answer("GET /explorer/orders?limit=100", view.OrderList{Orders: []view.OrderSummary{}, Counts: map[view.OrderStatus]int{}})
		f.do("GET", "/api/explorer/orders", "", by).is(http.StatusOK)
	}

	// One value for both is the organiser's.
	f.operator = func() (string, error) { return organiserToken, nil }
	f.do("GET", "/api/dead-letters", "", asOrganiser).problem(http.StatusForbidden, problem.CredentialOfAnother)
}

func TestWithoutTheSecretStoreNobodyIsTheOrganiserOrTheOperator(t *testing.T) {
	for _, secret := range []struct {
		value string
		err   error
	}{{"", errBroker}, {"", nil}} {
		f := newFixture(t)
		f.token = func() (string, error) { return secret.value, secret.err }
		f.do("GET", "/api/organiser/conferences", "", asOrganiser).
			problem(http.StatusServiceUnavailable, problem.Unavailable)
		f = newFixture(t)
		f.operator = func() (string, error) { return secret.value, secret.err }
		f.do("GET", "/api/overdue-orders", "", asOperator).
			problem(http.StatusServiceUnavailable, problem.Unavailable)
		// The organiser does not need the operator's.
		f.query.answer("GET /organiser/conferences?limit=100", view.ConferenceSummaries{Conferences: []view.ConferenceSummary{}})
		f.do("GET", "/api/organiser/conferences", "", asOrganiser).is(http.StatusOK)
	}
}

func TestARefundOfAnUnknownPaymentIsNotSent(t *testing.T) {
	f := newFixture(t)
	f.do("POST", "/api/payments/"+paymentID.String()+"/refund", `{"attempt":2}`, asOrganiser).
		problem(http.StatusNotFound, refusal.PaymentNotFound)
	if sent := f.broker.commands(); len(sent) > 0 {
		t.Fatalf("sent %+v", sent)
	}
}

// A request may wait longer than its body may take to arrive.
func TestWaitingIsNotCutShortByTheBodysDeadline(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 6 seconds")
	}
	f := newFixture(t)
	f.broker.handled = func(m message.Message) {
		time.AfterFunc(6*time.Second, func() {
			f.query.decide(view.Outcome{CommandID: m.ID, Status: view.OutcomeAccepted})
		})
	}
	f.do("POST", placePath(), oneSeat, header{"Prefer", "wait=20"}).is(http.StatusCreated)
}

func TestOfTooManyWhoWaitSomeAreAnsweredAtOnce(t *testing.T) {
	f := newFixture(t)
	f.query.setDown(true)
	f.query.silent = true // so that each that waits asks
	f.query.setDown(false)
	const most = 20 // of one client
	f.gateway.BoundWaiting(2*most, most)
	var wg sync.WaitGroup
	for range most {
		wg.Go(func() { f.do("POST", placePath(), oneSeat, header{"Prefer", "wait=30"}).is(http.StatusCreated) })
	}
	waiting := map[string]bool{}
	await(t, func() bool {
		for _, asked := range f.query.requests() {
			if strings.Contains(asked, "/outcomes/") {
				waiting[asked] = true
			}
		}
		return len(waiting) == most
	})
	r := f.do("POST", placePath(), oneSeat, header{"Prefer", "wait=30"}).is(http.StatusAccepted)
	if r.header.Get("Preference-Applied") != "" {
		t.Fatal("said to have waited")
	}
	for _, m := range f.broker.commands() {
		f.query.decide(view.Outcome{CommandID: m.ID, Status: view.OutcomeAccepted})
	}
	wg.Wait()
}

func TestOneOrderIsWrittenToOnlySoOften(t *testing.T) {
	recorded := telemetrytest.Record(t)
	f := newFixture(t)
	f.accepting()
	change := func(path string, headers ...header) response { return f.do("PUT", path, oneSeat, headers...) }
	var r response
	for range 100 {
		if r = change(orderPath("/items")); r.status == http.StatusTooManyRequests {
			break
		}
		r.is(http.StatusAccepted)
	}
	r.problem(http.StatusTooManyRequests, problem.TooManyRequests)
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if got := recorded.Value("plenary.turned_away")["reason=order"]; got != 1 {
		t.Errorf("%v requests were turned away", got)
	}
	// The organiser is not held up by what was done to the order.
	f.do("POST", orderPath("/cancel"), "", asOrganiser).is(http.StatusAccepted)
}
