package observe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/topology"
)

// Parts are taken away and bad messages sent in; the alerts that stand for that
// fire. The rules are those of the chart, thirty times as quick.
//
// Where an app counts what came late, its sidecar is taken away and not itself:
// a counter that begins with the first look of Prometheus has not grown.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	system.Watch(t)
	s := open(t, system.Organiser(), 1000)

	t.Run("messages that nobody can handle", func(t *testing.T) {
		publish(t, "web", "commandbus", contracts.TopicOrders, []byte("seats, please!"))
		publish(t, "web", "commandbus", contracts.TopicOrders, event(t, message.Meta{Type: "OrderASandwich.v1"}, []byte(`{}`)))
		// The third event of a stream whose first two never come.
		order := uuid.New()
		_, data, err := contracts.Registry().Encode(message.Meta{}, contracts.OrderExpired{OrderID: order})
		must(t, err)
		publish(t, "order", "eventbus", contracts.TopicEvents, event(t, message.Meta{
			Source: "order",
			Type:   "OrderExpired.v1", Stream: "order/" + order.String(), CorrelationID: order.String(), StreamVersion: 3,
		}, data))
		fire(t, "DeadLetters", "UnknownMessages", "StreamsWaiting")
	})

	t.Run("a provider that gives no money back", func(t *testing.T) {
		order := s.buy(t, system.API(), "refuse-refunds")
		must(t, system.API().Cancel(t.Context(), order))
		fire(t, "RefundsFailed")
	})

	t.Run("query is cut off", func(t *testing.T) {
		system.Kill(harness.Sidecar("query"))
		s.place(t, 25)
		harness.Eventually(t, within, func(ctx context.Context) error {
			_, err := system.API().Conference(ctx, s.conference)
			if api.Code(err) == "" {
				return fmt.Errorf("got %v, want a problem", err)
			}
			return firing(ctx, "ApiFails", "SidecarDown")
		})
		must(t, system.Restart(t.Context(), harness.Sidecar("query")))
		fire(t, "ViewsLate")
	})

	t.Run("seats is away", func(t *testing.T) {
		system.Kill("seats")
		s.place(t, 25)
		fire(t, "ReservationsStuck") // which takes longer than an order may
		must(t, system.Restart(t.Context(), "seats"))
		fire(t, "ReservationsSlow")
	})

	t.Run("registration-process is cut off", func(t *testing.T) {
		// The holds of all others are over, so that the longest overdue is one of these.
		harness.Eventually(t, within, func(ctx context.Context) error {
			return holds(ctx, `sum(max by (status) (plenary_orders{status=~"placed|partially-reserved|reserved"})) == 0`)
		})
		for _, order := range s.place(t, 25) {
			await(t, order, "reserved")
		}
		// Reminders are set a second later (ADR 45), and nothing tells when. Without them,
		// and without a sweep, these holds would not lapse at all.
		<-time.After(3 * time.Second)
		system.Kill(harness.Sidecar("registration-process"))
		harness.Eventually(t, within, func(ctx context.Context) error { return holds(ctx, "max(plenary_orders_overdue_age_seconds) > 35") })
		must(t, system.Restart(t.Context(), harness.Sidecar("registration-process")))
		fire(t, "HoldsLapseLate", "RemindersMissed")
	})

	t.Run("a rush that order does not keep up with", func(t *testing.T) {
		system.Kill("order")
		system.Kill(harness.Scheduler)
		anyone := *system.API()
		anyone.Wait = 0
		harness.Eventually(t, within, func(ctx context.Context) error {
			err := anyone.PlaceOrderAs(ctx, s.conference, api.OpenNamed(uuid.NewString()), s.seat())
			var p *api.Problem
			if err != nil && (!errors.As(err, &p) || p.Status != http.StatusTooManyRequests) {
				return err
			}
			return firing(ctx, "OrdersTurnedAway", "AppDown", "ControlPlaneDown")
		})
		must(t, system.Restart(t.Context(), "order"))
		fire(t, "RemindersFail")
		must(t, system.Restart(t.Context(), harness.Scheduler))
	})
}

// fire waits until alerts fire.
func fire(t *testing.T, alerts ...string) {
	t.Helper()
	harness.Eventually(t, within, func(ctx context.Context) error { return firing(ctx, alerts...) })
}

// firing gives an error unless all alerts fire.
func firing(ctx context.Context, alerts ...string) (err error) {
	var found struct {
		Alerts []struct {
			Labels map[string]string `json:"labels"`
			State  string            `json:"state"`
		} `json:"alerts"`
	}
	if err := ask(ctx, system.Observed.MetricsURL()+"/api/v1/alerts", nil, &found); err != nil {
		return err
	}
	states := map[string]string{}
	for _, a := range found.Alerts {
		if name := a.Labels["alertname"]; states[name] != "firing" {
			states[name] = a.State
		}
	}
	for _, name := range alerts {
		if states[name] != "firing" {
			err = errors.Join(err, fmt.Errorf("%s does not fire but is %q", name, states[name]))
		}
	}
	return err
}

// holds gives an error unless a comparison holds now.
func holds(ctx context.Context, comparison string) error {
	var found struct {
		Result []struct{} `json:"result"`
	}
	err := ask(ctx, system.Observed.MetricsURL()+"/api/v1/query", url.Values{"query": {comparison}}, &found)
	if err == nil && len(found.Result) == 0 {
		err = errors.New(comparison + " does not hold")
	}
	return err
}

// event is a CloudEvent from elsewhere.
func event(t *testing.T, m message.Meta, data []byte) []byte {
	t.Helper()
	m.ID, m.Source, m.Time, m.Tenant = uuid.NewString(), cmp.Or(m.Source, "web"), time.Now().UTC(), message.DefaultTenant
	raw, err := message.ToCloudEvent(m, data)
	must(t, err)
	return raw
}

// publish publishes something past the API, by way of an app's sidecar.
func publish(t *testing.T, app, component, topic string, raw []byte) {
	t.Helper()
	address := dapr.HealthURL(system.App(app).HTTPPort, "/v1.0/publish/"+component+"/"+topology.From(topic, app)+"?metadata.rawPayload=true")
	res, err := http.Post(address, "application/octet-stream", strings.NewReader(string(raw))) //nolint:noctx // of a test
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode/100 != 2 {
		t.Fatalf("%s: %s %s", address, res.Status, answer)
	}
}
