// Package e2e tells the stories that Plenary exists for, on the real Dapr and
// broker, through the HTTP API alone.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

// system is shared by all tests that need no settings of their own.
var system *harness.System

func TestMain(m *testing.M) {
	flag.Parse()
	// Requests that say so come from elsewhere.
	os.Exit(harness.Main(m, harness.Options{Env: map[string]string{"PLENARY_TRUSTED_PROXIES": "127.0.0.1"}}, &system))
}

// own runs a system with settings of its own. The test runs beside others that have one,
// after those of the shared system: much of its time it waits for holds to lapse.
func own(t *testing.T, env map[string]string) *harness.System {
	t.Helper()
	t.Parallel()
	return harness.New(t, harness.Options{Env: env})
}

// within is how long a story may take to come to its end.
const within = time.Minute

// conference is a conference on sale, with the seat types of the stories.
type conference struct {
	*testing.T
	anyone, organiser *api.Client
	operator          *api.Client
	client            *http.Client // of requests that are written out here

	id                       string
	general, workshop, party string
}

// quotas of the seat types; 0 means 100.
type quotas struct{ general, workshop, party int }

// Prices in cents, as the stories have them.
const (
	generalPrice  = 199_00
	workshopPrice = 500_00
	partyPrice    = 50_00
)

// onSale publishes a conference with General admission at $199, CQRS Workshop
// at $500 and Additional cocktail party at $50.
func onSale(t *testing.T, s *harness.System, q quotas) conference {
	t.Helper()
	s.Watch(t)
	c := conference{T: t, anyone: s.API(), organiser: s.Organiser(), operator: s.Operator(), client: http.DefaultClient}
	starts := time.Now().UTC().Truncate(time.Hour).AddDate(0, 6, 0)
	var err error
	c.id, err = c.organiser.CreateConference(t.Context(), api.NewConference{
		Slug: "story-" + uuid.NewString(), Owner: "The organisers", Name: "CQRS in the wild", Currency: "USD",
		TimeZone: "Europe/Berlin", StartsAt: starts, EndsAt: starts.AddDate(0, 0, 2), RefundUntil: starts.AddDate(0, 0, -7),
	})
	c.must(err)
	c.general = c.seatType("General admission", generalPrice, q.general)
	c.workshop = c.seatType("CQRS Workshop", workshopPrice, q.workshop)
	c.party = c.seatType("Additional cocktail party", partyPrice, q.party)
	c.must(c.organiser.Publish(t.Context(), c.id))
	return c
}

func (c conference) seatType(name string, price int64, quota int) string {
	c.Helper()
	if quota == 0 {
		quota = 100
	}
	id, err := c.organiser.AddSeatType(c.Context(), c.id, api.NewSeatType{Name: name, Price: price, Quota: quota})
	c.must(err)
	return id
}

// seats asks for a number of seats of one type.
func seats(seatType string, n int) api.Item { return api.Item{SeatType: seatType, Quantity: n} }

// place places an order and gives its id. What is on sale may reach the order app a little
// after the organiser's answer.
func (c conference) place(items ...api.Item) (id string) {
	c.Helper()
	var err error
	harness.Eventually(c.T, within, func(ctx context.Context) error {
		id, err = c.anyone.PlaceOrder(ctx, c.id, items...)
		if code := api.Code(err); code == "conference-not-published" || code == "conference-not-ready" {
			return err
		}
		return nil
	})
	c.must(err)
	return id
}

// await waits until an order has one of the statuses.
func (c conference) await(order string, statuses ...string) api.Order {
	c.Helper()
	var o api.Order
	harness.Eventually(c.T, within, func(ctx context.Context) (err error) {
		if o, err = c.anyone.Order(ctx, order); err != nil {
			return err
		}
		if !slices.Contains(statuses, o.Status) {
			return fmt.Errorf("order %s is %s, not %s", order, o.Status, strings.Join(statuses, " or "))
		}
		return nil
	})
	return o
}

// register says who places an order.
func (c conference) register(order string) {
	c.Helper()
	c.must(c.anyone.AssignRegistrant(c.Context(), order, registrant()))
}

func registrant() api.Person {
	return api.Person{FirstName: "Ada", LastName: "Example", Email: "ada@example.org"}
}

// pay pays what the order costs now.
func (c conference) pay(order string) (payment string) {
	c.Helper()
	o, err := c.anyone.Order(c.Context(), order)
	c.must(err)
	payment, checkout, err := c.anyone.StartPayment(c.Context(), order, o.Total)
	c.must(err)
	c.must(c.anyone.Decide(c.Context(), checkout, "accept"))
	return payment
}

// buy takes an order from being placed to Confirmed.
func (c conference) buy(items ...api.Item) api.Order {
	c.Helper()
	order := c.place(items...)
	c.await(order, "reserved", "partially-reserved")
	c.register(order)
	c.pay(order)
	return c.await(order, "confirmed")
}

// remaining waits until so many seats of a type are left.
func (c conference) remaining(seatType string, want int) {
	c.Helper()
	harness.Eventually(c.T, within, func(ctx context.Context) error {
		got, err := c.left(ctx, seatType)
		if err == nil && got != want {
			err = fmt.Errorf("%d seats are left, not %d", got, want)
		}
		return err
	})
}

func (c conference) left(ctx context.Context, seatType string) (int, error) {
	now, err := c.anyone.Conference(ctx, c.id)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(now.SeatTypes, func(s api.SeatType) bool { return s.ID == seatType })
	if i < 0 {
		return 0, fmt.Errorf("the conference has no seat type %s", seatType)
	}
	return now.SeatTypes[i].Remaining, nil
}

// follow waits until all the types occur in an order's timeline, one after the
// other.
func (c conference) follow(order string, types ...string) {
	c.Helper()
	harness.Eventually(c.T, within, func(ctx context.Context) error {
		entries, err := c.anyone.Timeline(ctx, order)
		if err != nil {
			return err
		}
		story := make([]string, len(entries))
		for i, e := range entries {
			story[i], _, _ = strings.Cut(e.Type, ".") // without its version
		}
		at := 0
		for _, want := range types {
			i := slices.Index(story[at:], want)
			if i < 0 {
				return fmt.Errorf("no %s after %v in %v", want, story[:at], story)
			}
			at += i + 1
		}
		return nil
	})
}

func (c conference) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// refused fails unless err is a problem with this code.
func (c conference) refused(err error, code string) {
	c.Helper()
	if got := api.Code(err); got != code {
		c.Errorf("got %v, want a refusal with code %s", err, code)
	}
}
