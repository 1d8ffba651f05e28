package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/topology"
)

// unplaced is the secret of an order that was never placed.
const unplaced = "the-secret-of-no-order-at-all"

func TestABadRequestGetsAClearProblemAndChangesNothing(t *testing.T) {
	c := onSale(t, system, quotas{})
	orders := "/api/conferences/" + c.id + "/orders"
	item := func(quantity string) string {
		return fmt.Sprintf(`{"items":[{"seatType":%q,"quantity":%s}]}`, c.general, quantity)
	}
	for name, bad := range map[string]struct {
		path, body string
		status     int
		code       string
	}{
		"not JSON":                {orders, `{"items":`, 400, "malformed-json"},
		"no body":                 {orders, ``, 400, "body-required"},
		"a field missing":         {orders, `{}`, 422, "validation-failed"},
		"a field of another type": {orders, item(`"two"`), 422, "validation-failed"},
		"negative":                {orders, item(`-1`), 422, "validation-failed"},
		"too many":                {orders, item(`21`), 422, "quantity-out-of-range"},
		"a fraction":              {orders, item(`1.5`), 422, "validation-failed"},
		"an unknown field":        {orders, `{"items":[],"price":1}`, 422, "validation-failed"},
		"an unknown seat type":    {orders, fmt.Sprintf(`{"items":[{"seatType":%q,"quantity":1}]}`, uuid.NewString()), 422, "unknown-seat-type"},
		"too large":               {orders, `{"items":[` + strings.Repeat(" ", 4<<20) + `]}`, 413, "body-too-large"},
		"an id that is none":      {"/api/conferences/1/orders", item(`1`), 422, "validation-failed"},
		"an unknown conference":   {"/api/conferences/" + uuid.NewString() + "/orders", item(`1`), 409, "conference-not-ready"},
		"an unknown order":        {"/api/orders/" + api.Open(unplaced) + "/cancel", ``, 404, "order-not-found"},
		"another's order":         {"/api/orders/" + c.place(seats(c.workshop, 1)) + "/cancel", ``, 401, "order-secret-required"},
		"no credential":           {"/api/conferences/" + c.id + "/unpublish", ``, 401, "credential-required"},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := request(t, http.MethodPost, c.anyone.URL+bad.path, bad.body, map[string]string{"Content-Type": "application/json", "Prefer": "wait=30", "Authorization": "Bearer " + unplaced})
			var p api.Problem
			if err := json.Unmarshal(answer, &p); err != nil {
				t.Fatalf("the answer is no problem: %s", answer)
			}
			if status != bad.status || p.Status != bad.status || p.Code != bad.code || p.Title == "" {
				t.Errorf("got %d with %+v, want %d %s", status, p, bad.status, bad.code)
			}
		})
	}
	c.remaining(c.general, 100)
	c.buy(seats(c.general, 1))
	c.remaining(c.general, 99)
}

func TestAStreamOfWhatIsNotThereIsAProblem(t *testing.T) {
	for path, headers := range map[string]map[string]string{
		"/api/orders/" + api.Open(unplaced) + "/events": {"Authorization": "Bearer " + unplaced},
		"/api/conferences/none/events":                  nil, // a wrong credential would be the problem
	} {
		status, answer := request(t, http.MethodGet, system.API().URL+path, "", headers)
		if status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
}

// The gateway has a sidecar that may do much, and passes some requests on to it.
func TestNobodyReachesASidecarThroughTheGateway(t *testing.T) {
	for _, path := range []string{
		"/pay/../../../../metadata",
		"/pay/%2e%2e/%2e%2e/%2e%2e/%2e%2e/secrets/secretstore/organiser-token",
		"/pay/../../query/method/dead-letters",
		"/webhooks/../../query/method/dead-letters",
	} {
		status, answer := request(t, http.MethodGet, system.API().URL+path, "", map[string]string{"dapr-app-id": "query"})
		if status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
	// The header would have the sidecar ask there.
	stream := "/api/conferences/" + uuid.NewString() + "/events"
	if status, answer := request(t, http.MethodGet, system.API().URL+stream, "", map[string]string{"dapr-app-id": "http://127.0.0.1:1"}); status != http.StatusNotFound {
		t.Errorf("%s: %d %s", stream, status, answer)
	}
}

// A command that reaches the topic past the API.
func TestAMalformedMessageOnATopicBecomesADeadLetter(t *testing.T) {
	harness.NeedsParts(t) // a sidecar
	c := onSale(t, system, quotas{})
	command := func(data string) func(string) string {
		return func(id string) string {
			return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"web","type":"RegisterToConference.v1","data":%s}`, id, data)
		}
	}
	// Each message has an id in it by which its dead letter is known.
	for name, bad := range map[string]struct {
		message func(id string) string
		reason  string
	}{
		"not JSON":      {func(id string) string { return "seats, please! " + id }, ""},
		"no object":     {func(id string) string { return fmt.Sprintf(`[%q]`, id) }, ""},
		"no CloudEvent": {func(id string) string { return fmt.Sprintf(`{"order":%q}`, id) }, ""},
		"a CloudEvent without an id": {func(id string) string {
			return fmt.Sprintf(`{"specversion":"1.0","source":%q,"type":"RegisterToConference.v1","data":{}}`, id)
		}, "id"},
		"no data":                    {command(`null`), ""},
		"data of another shape":      {command(`{"items":"many"}`), "items"},
		"data that lacks the order":  {command(fmt.Sprintf(`{"conferenceId":%q,"items":[]}`, c.id)), "orderId"},
		"an order's id that is none": {command(fmt.Sprintf(`{"orderId":"1","conferenceId":%q,"items":[]}`, c.id)), ""},
		"oversized":                  {command(fmt.Sprintf(`{"orderId":%q,"conferenceId":%q,"items":%q}`, uuid.NewString(), c.id, strings.Repeat("x", 700_000))), "items"},
	} {
		t.Run(name, func(t *testing.T) {
			id := uuid.NewString()
			publish := dapr.HealthURL(system.App("web").HTTPPort, "/v1.0/publish/commandbus/"+topology.From(contracts.TopicOrders, "web")+"?metadata.rawPayload=true")
			status, answer := request(t, http.MethodPost, publish, bad.message(id), map[string]string{"Content-Type": "application/octet-stream"})
			if status/100 != 2 {
				t.Fatalf("publish: %d %s", status, answer)
			}
			letter := c.deadLetter(id)
			if letter.Reason == "" || !strings.Contains(letter.Reason, bad.reason) {
				t.Errorf("the reason is %q", letter.Reason)
			}
		})
	}
	c.remaining(c.general, 100)
	c.buy(seats(c.general, 1)) // what came behind is not held up
}

// A web that was taken over sends what payments and the process send. On its own topic
// it is not believed, in its own name or in that of another app; and on theirs its
// sidecar publishes nothing.
func TestAForgedMessageIsParkedAndChangesNothing(t *testing.T) {
	harness.NeedsParts(t) // a sidecar
	c := onSale(t, system, quotas{})
	order := c.place(seats(c.general, 1))
	o := c.await(order, "reserved")
	c.register(order)
	payment, _, err := c.anyone.StartPayment(t.Context(), order, o.Total)
	c.must(err)
	amount := fmt.Sprintf(`{"amount":%d,"currency":%q}`, o.Total.Amount, o.Total.Currency)
	publish := func(bus, topic, event string) int {
		address := dapr.HealthURL(system.App("web").HTTPPort, "/v1.0/publish/"+bus+"/"+topic+"?metadata.rawPayload=true")
		status, _ := request(t, http.MethodPost, address, event, map[string]string{"Content-Type": "application/octet-stream"})
		return status
	}
	for _, forged := range []struct{ topic, sender, command, data string }{
		{contracts.TopicPayments, "payments", "CompletePayment", fmt.Sprintf(`{"paymentId":%q,"amount":%s,"providerReference":"forged"}`, payment, amount)},
		{contracts.TopicOrders, "registration-process", "ConfirmOrder", fmt.Sprintf(`{"orderId":%q,"paymentId":%q,"amount":%s}`, order, payment, amount)},
		{contracts.TopicOrders, "registration-process", "ExpireOrder", fmt.Sprintf(`{"orderId":%q}`, order)},
	} {
		for _, source := range []string{"web", forged.sender} {
			id := uuid.NewString()
			event := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":%q,"type":"%s.v1","data":%s}`, id, source, forged.command, forged.data)
			if status := publish("commandbus", topology.From(forged.topic, "web"), event); status/100 != 2 {
				t.Fatalf("publish: %d", status)
			}
			if letter := c.deadLetter(id); !strings.Contains(letter.Reason, "may not") && !strings.Contains(letter.Reason, "only the process") {
				t.Errorf("%s of %s: the reason is %q", forged.command, source, letter.Reason)
			}
			if status := publish("commandbus", topology.From(forged.topic, forged.sender), event); status != http.StatusForbidden {
				t.Errorf("web publishes %s as %s: %d, want 403", forged.command, forged.sender, status)
			}
		}
	}
	completed := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"payments","type":"PaymentCompleted.v1","data":{}}`, uuid.NewString())
	for _, topic := range []string{contracts.TopicEvents, topology.From(contracts.TopicEvents, "payments"), topology.From(contracts.TopicEvents, "web")} {
		if status := publish("eventbus", topic, completed); status != http.StatusForbidden {
			t.Errorf("web publishes an event to %s: %d, want 403", topic, status)
		}
	}
	c.await(order, "reserved")
}

func TestAnotherSDKPublishesCommands(t *testing.T) {
	harness.NeedsParts(t) // a sidecar
	c := onSale(t, system, quotas{})
	c.buy(seats(c.general, 1)) // the order app has the catalogue then: nobody asks again for this SDK
	orders := dapr.HealthURL(system.App("web").HTTPPort, "/v1.0/publish/commandbus/"+topology.From(contracts.TopicOrders, "web"))
	sdk, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(orders))
	c.must(err)

	command := func(data any) cloudevents.Event {
		e := cloudevents.NewEvent()
		e.SetID(uuid.NewString())
		e.SetSource("web")
		e.SetType("RegisterToConference.v1")
		c.must(e.SetData("application/json", data))
		return e
	}
	order := uuid.New()
	register := contracts.RegisterToConference{
		OrderID: order, ConferenceID: uuid.MustParse(c.id),
		Items: contracts.Seats{{SeatType: uuid.MustParse(c.general), Quantity: 2}},
	}

	t.Run("structured", func(t *testing.T) {
		ctx := cloudevents.WithEncodingStructured(t.Context())
		if res := sdk.Send(ctx, command(register)); !cloudevents.IsACK(res) {
			t.Fatal(res)
		}
		asOrganiser := c // the order was not placed by the API, and has no secret
		asOrganiser.anyone = c.organiser
		asOrganiser.await(order.String(), "reserved")

		bad := command(map[string]any{"orderId": order, "items": "many"})
		if res := sdk.Send(ctx, bad); !cloudevents.IsACK(res) {
			t.Fatal(res)
		}
		if letter := c.deadLetter(bad.ID()); !strings.Contains(letter.Reason, "items") {
			t.Errorf("the reason is %q", letter.Reason)
		}
	})
	t.Run("binary", func(t *testing.T) {
		// Dapr's publish API reads no attributes from headers: what arrives is a
		// CloudEvent of its own, of a type that nobody knows.
		register.OrderID = uuid.New()
		if res := sdk.Send(cloudevents.WithEncodingBinary(t.Context()), command(register)); !cloudevents.IsACK(res) {
			t.Fatal(res)
		}
		c.buy(seats(c.general, 1))
		if _, err := c.organiser.Order(t.Context(), register.OrderID.String()); api.Code(err) != "order-not-found" {
			t.Errorf("got %v, want no such order", err)
		}
	})
	c.remaining(c.general, 96)
}

// deadLetter waits for the dead letter whose message has this text in it.
func (c conference) deadLetter(text string) (found api.DeadLetter) {
	c.Helper()
	seen := map[string]bool{}
	harness.Eventually(c.T, within, func(ctx context.Context) error {
		letters, err := c.operator.DeadLetters(ctx)
		if err != nil {
			return err
		}
		for _, l := range letters {
			if seen[l.ID] {
				continue
			}
			if found, err = c.operator.DeadLetter(ctx, l.ID); err != nil {
				return err
			}
			if bytes.Contains(found.Message, []byte(text)) || bytes.Contains(found.Raw, []byte(text)) {
				return nil
			}
			seen[l.ID] = true
		}
		return fmt.Errorf("none of %d dead letters has %s", len(letters), text)
	})
	return found
}

func request(t *testing.T, method, url, body string, header map[string]string) (status int, answer []byte) {
	t.Helper()
	return requestBy(http.DefaultClient, t, method, url, body, header)
}

func requestBy(client *http.Client, t *testing.T, method, url, body string, header map[string]string) (status int, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if answer, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer
}
