package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/payments/provider/demo"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/bus"
	"github.com/plenary/plenary/engine/bus/membus"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/handling"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/state"
)

// app is the payments app as main wires it, over a store and a bus in memory.
type app struct {
	t        *testing.T
	registry *message.Registry
	engine   *handling.Engine
	bus      *membus.Bus
	server   *httptest.Server
	events   []any // all that it published since they were last looked at
}

func start(t *testing.T) *app {
	t.Helper()
	return startWith(t, func(keys state.Store, url string) *demo.Provider {
		return demo.New(demo.Options{
			Store:   keys,
			Key:     func(context.Context) (string, error) { return "a key for tests", nil },
			Webhook: url + "/webhooks/demo",
		})
	})
}

func startWith(t *testing.T, provider func(keys state.Store, url string) *demo.Provider) *app {
	t.Helper()
	gin.SetMode(gin.TestMode)
	a := &app{t: t, registry: contracts.Registry()}
	a.bus = membus.New(a.registry, "payments", time.Now)
	keys := &state.Memory{}
	a.engine = handling.New(handling.Options{
		App: "payments", Registry: a.registry, Keys: keys, Publisher: a.bus, Now: time.Now, Random: rand.Reader,
	})
	routes := gin.New()
	a.server = httptest.NewServer(routes)
	t.Cleanup(a.server.Close)
	wire(a.engine, routes, a.bus, provider(keys, a.server.URL))
	return a
}

// send has the app handle a command, and then all commands that it sends to
// itself. Every delivery comes twice, as it may.
func (a *app) send(command any) {
	a.t.Helper()
	if err := a.bus.Publish(a.t.Context(), message.Message{Meta: message.Meta{ID: uuid.NewString()}, Body: command}); err != nil {
		a.t.Fatal(err)
	}
	a.settle()
}

func (a *app) settle() {
	a.t.Helper()
	for sent := a.bus.Take(); len(sent) > 0; sent = a.bus.Take() {
		for _, e := range sent {
			d, err := membus.Decode(a.registry, e)
			if err != nil {
				a.t.Fatal(err)
			}
			if err := a.registry.Validate(d.Message.Body); err != nil {
				a.t.Fatal(err)
			}
			if e.Kind == message.Event {
				a.events = append(a.events, d.Message.Body)
				continue
			}
			for range 2 {
				if s := a.engine.HandleBatch(a.t.Context(), []bus.Delivery{d}); s[0] != bus.Success {
					a.t.Fatalf("%T: %s", d.Message.Body, s[0])
				}
			}
		}
	}
}

// choose decides on the provider's page.
func (a *app) choose(id uuid.UUID, c demo.Choice) int {
	a.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(a.server.URL+"/pay/demo/"+id.String(), url.Values{"choice": {string(c)}})
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	a.settle()
	return resp.StatusCode
}

// published says which events were published since it was last asked; the
// commands that only repeat something may be answered as having no effect.
func (a *app) published(want ...any) {
	a.t.Helper()
	var got []any
	for _, e := range a.events {
		if _, repeated := e.(es.CommandHadNoEffect); !repeated {
			got = append(got, e)
		}
	}
	a.events = nil
	if len(got) != len(want) {
		a.t.Fatalf("published %+v, want %+v", got, want)
	}
	for i := range want {
		// What a test leaves open is filled from what came.
		w, g := reflect.New(reflect.TypeOf(want[i])).Elem(), reflect.ValueOf(got[i])
		w.Set(reflect.ValueOf(want[i]))
		if w.Type() != g.Type() {
			a.t.Fatalf("published %+v, want %+v", got, want)
		}
		for j := range w.NumField() {
			if w.Field(j).IsZero() {
				w.Field(j).Set(g.Field(j))
			}
		}
		if w.Interface() != g.Interface() {
			a.t.Fatalf("published %+v, want %+v", got, want)
		}
	}
}

var price = contracts.Money{Amount: 24900, Currency: "USD"}

func (a *app) initiate() (id uuid.UUID) {
	a.t.Helper()
	id = uuid.New()
	a.send(contracts.InitiatePayment{PaymentID: id, OrderID: uuid.New(), Version: 1, Amount: price})
	a.published(contracts.PaymentInitiated{PaymentID: id, Version: 1, Amount: price, Provider: "demo"})
	return id
}

func TestAPayerPays(t *testing.T) {
	a := start(t)
	id := a.initiate()

	resp, err := http.Get(a.server.URL + "/pay/" + id.String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if want := "/pay/demo/" + id.String(); resp.StatusCode != http.StatusOK || resp.Request.URL.Path != want {
		t.Errorf("the payer comes to %s: %s, want %s", resp.Request.URL.Path, resp.Status, want)
	}

	if code := a.choose(id, demo.Accept); code != http.StatusSeeOther {
		t.Errorf("accept: %d", code)
	}
	a.published(contracts.PaymentCompleted{PaymentID: id, Amount: price})
}

func TestThePaymentIsRejectedOrGivenUp(t *testing.T) {
	a := start(t)
	id := a.initiate()
	a.choose(id, demo.Reject)
	a.published(contracts.PaymentRejected{PaymentID: id})

	id = a.initiate()
	a.choose(id, demo.Cancel)
	a.published(contracts.PaymentCancelled{PaymentID: id, Provider: "demo"})
}

func TestACancelledPaymentCannotBePaid(t *testing.T) {
	a := start(t)
	id := a.initiate()
	a.send(contracts.CancelPayment{PaymentID: id, Reason: "order expired"})
	a.published(contracts.PaymentCancelled{PaymentID: id, Reason: "order expired"})
	if code := a.choose(id, demo.Accept); code != http.StatusConflict {
		t.Errorf("accept: %d, want 409", code)
	}
	a.published()
}

func TestMoneyOnItsWayWinsOverACancellation(t *testing.T) {
	a := start(t)
	id := a.initiate()
	a.choose(id, demo.Never)
	a.published()
	a.send(contracts.CancelPayment{PaymentID: id, Reason: "order expired"})
	a.published(contracts.PaymentCancelled{PaymentID: id})
	a.choose(id, demo.Accept)
	a.published(contracts.PaymentCompleted{PaymentID: id, Amount: price})
}

func TestMoneyGoesBack(t *testing.T) {
	a := start(t)
	id := a.initiate()
	a.choose(id, demo.Accept)
	a.published(contracts.PaymentCompleted{PaymentID: id})

	a.send(contracts.RefundPayment{PaymentID: id, Reason: "order cancelled"})
	a.published(
		contracts.PaymentRefundRequested{PaymentID: id, Amount: price, Attempt: 1, Reason: "order cancelled"},
		contracts.PaymentRefunded{PaymentID: id, Amount: price},
	)
}

func TestARefundThatFailedIsAskedForAgain(t *testing.T) {
	a := start(t)
	id := a.initiate()
	a.choose(id, demo.Accept)
	a.choose(id, demo.RefuseRefunds)
	a.published(contracts.PaymentCompleted{PaymentID: id})

	a.send(contracts.RefundPayment{PaymentID: id, Reason: "order cancelled"})
	a.published(
		contracts.PaymentRefundRequested{PaymentID: id, Attempt: 1},
		contracts.RefundFailed{PaymentID: id, Amount: price, Attempt: 1, Reason: "refunds of this payment are refused, as its page was told"},
	)

	a.choose(id, demo.GiveRefunds)
	a.send(contracts.RefundPayment{PaymentID: id, Reason: "order cancelled"})
	a.published()
	a.send(contracts.RefundPayment{PaymentID: id, Reason: "by an operator", Attempt: 2})
	a.published(
		contracts.PaymentRefundRequested{PaymentID: id, Attempt: 2, Reason: "by an operator"},
		contracts.PaymentRefunded{PaymentID: id, Amount: price},
	)
}

func TestAnInitiatedPaymentIsRefusedAsARefund(t *testing.T) {
	a := start(t)
	id := a.initiate()
	a.send(contracts.RefundPayment{PaymentID: id})
	a.published(es.CommandRejected{Code: refusal.PaymentNotCompleted})
}

func TestWithoutAProviderNothingCanBePaid(t *testing.T) {
	a := startWith(t, func(state.Store, string) *demo.Provider { return nil })
	id := uuid.New()
	a.send(contracts.InitiatePayment{PaymentID: id, OrderID: uuid.New(), Version: 1, Amount: price})
	a.published(es.CommandRejected{Code: refusal.PaymentsNotOffered})
	if code := a.choose(id, demo.Accept); code != http.StatusNotFound {
		t.Errorf("the demo provider's page: %d", code)
	}
	for _, path := range []string{"/pay/" + id.String(), "/pay/demo/" + id.String(), "/webhooks/demo"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			req, err := http.NewRequestWithContext(t.Context(), method, a.server.URL+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusNotFound {
				t.Errorf("%s %s: %s", method, path, resp.Status)
			}
		}
	}
}

func TestAProviderThatIsNotKnownIsNoProvider(t *testing.T) {
	for setting, want := range map[string]struct{ on, fails bool }{"": {}, "demo": {on: true}, "Demo": {fails: true}, "stripe": {fails: true}} {
		if on, err := demoIsOn(setting); on != want.on || (err != nil) != want.fails {
			t.Errorf("%q: %t, %v", setting, on, err)
		}
	}
}
