// Package observe looks at a running Plenary as its operators do: through
// Prometheus and Jaeger. Every panel of the dashboards has data, one order is one
// whole trace, and alerts fire when what they stand for is brought about.
package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

// system is shared by all tests. Its holds are short, and no sweep helps out.
var system *harness.System

// grace is added to a hold while its payment is open.
const hold, grace, maxLag = 20 * time.Second, 5 * time.Second, 5 * time.Second

func TestMain(m *testing.M) {
	// Whoever waits for a span or an answer does not wait for the default of 5 s.
	_ = os.Setenv("OTEL_BSP_SCHEDULE_DELAY", "500")
	os.Exit(harness.Main(m, harness.Options{Observe: true, Env: map[string]string{
		"PLENARY_HOLD": hold.String(), "PLENARY_GRACE": grace.String(), "PLENARY_MAX_LAG": maxLag.String(), "PLENARY_SWEEP": "1h",
		// The tests keep their orders in one trace, as a proxy of ours does.
		"PLENARY_TRUSTED_PROXIES": "127.0.0.1",
	}}, &system))
}

// within is how long it may take until something shows.
const within = 2 * time.Minute

// ask asks the API of Prometheus or Jaeger; both answer with data.
func ask(ctx context.Context, address string, query url.Values, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer := struct {
		Data  any    `json:"data"`
		Error string `json:"error"`
	}{Data: into}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s %s", address, res.Status, answer.Error)
	}
	return nil
}

// sale is a conference on sale.
type sale struct {
	conference, general string
}

const price = 199_00

func open(t *testing.T, organiser *api.Client, quota int) (s sale) {
	t.Helper()
	starts := time.Now().UTC().Truncate(time.Hour).AddDate(0, 6, 0)
	var err error
	s.conference, err = organiser.CreateConference(t.Context(), api.NewConference{
		Slug: "seen-" + uuid.NewString(), Owner: "The organisers", Name: "Seen inside", Currency: "USD",
		TimeZone: "Europe/Berlin", StartsAt: starts, EndsAt: starts.AddDate(0, 0, 2), RefundUntil: starts.AddDate(0, 0, -7),
	})
	must(t, err)
	s.general, err = organiser.AddSeatType(t.Context(), s.conference, api.NewSeatType{Name: "General admission", Price: price, Quota: quota})
	must(t, err)
	must(t, organiser.Publish(t.Context(), s.conference))
	return s
}

func (s sale) seat() api.Item { return api.Item{SeatType: s.general, Quantity: 1} }

// place places orders, and does not wait for what becomes of them. They are
// accepted also while the apps behind are away, if need be one by one.
func (s sale) place(t *testing.T, n int) (orders []string) {
	t.Helper()
	anyone := *system.API()
	anyone.Wait = 0
	for range n {
		id := api.OpenNamed(uuid.NewString())
		harness.Eventually(t, within, func(ctx context.Context) error { return anyone.PlaceOrderAs(ctx, s.conference, id, s.seat()) })
		orders = append(orders, id)
	}
	return orders
}

// buy pays an order; refunds says what the payment provider will answer to those.
func (s sale) buy(t *testing.T, anyone *api.Client, refunds string) (order string) {
	t.Helper()
	order, err := anyone.PlaceOrder(t.Context(), s.conference, s.seat())
	must(t, err)
	must(t, anyone.AssignRegistrant(t.Context(), order, api.Person{FirstName: "Ada", LastName: "Example", Email: "ada@example.org"}))
	await(t, order, "reserved")
	_, checkout, err := anyone.StartPayment(t.Context(), order, api.Money{Amount: price, Currency: "USD"})
	must(t, err)
	must(t, anyone.Decide(t.Context(), checkout, refunds))
	must(t, anyone.Decide(t.Context(), checkout, "accept"))
	await(t, order, "confirmed")
	return order
}

func await(t *testing.T, order, status string) {
	t.Helper()
	harness.Eventually(t, within, func(ctx context.Context) error {
		o, err := system.API().Order(ctx, order)
		if err == nil && o.Status != status {
			err = fmt.Errorf("order %s is %s, not %s", order, o.Status, status)
		}
		return err
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
