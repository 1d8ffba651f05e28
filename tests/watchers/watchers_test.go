// Package watchers tries one conference's page with many people before it: each has a
// stream of events, and the seats are sold meanwhile.
package watchers

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

var watchers = flag.Int("watchers", 0, "how many people watch one conference sell out")

const (
	seats  = 100
	buyers = 4 // at once
	// slower is how much longer a page may take than when nobody else is there.
	slower = 10
	within = 2 * time.Minute
	// eachAddress is how many of them come from one address, which may have 1,024 streams.
	eachAddress = 1000
)

// get gives a page, and how long it took.
func get(t *testing.T, client *http.Client, address string) (page string, took time.Duration) {
	t.Helper()
	began := time.Now()
	answer, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", address, answer.StatusCode, err)
	}
	return string(body), time.Since(began)
}

func percentile(took []time.Duration, p int) time.Duration {
	slices.Sort(took)
	return took[(len(took)-1)*p/100]
}

func TestPagesAnswerWhileManyWatchAConferenceSellOut(t *testing.T) {
	if *watchers == 0 {
		t.Skip("only make watchers says how many")
	}
	s := harness.New(t, harness.Options{Env: map[string]string{"PLENARY_MAX_WRITES_PER_ADDRESS": "0", "PLENARY_MAX_HOLDS_PER_EMAIL": "0"}})
	organiser, anyone := s.Organiser(), s.API()
	slug, starts := "watched-"+uuid.NewString()[:8], time.Now().UTC().Truncate(time.Hour).AddDate(0, 6, 0)
	id, err := organiser.CreateConference(t.Context(), api.NewConference{
		Slug: slug, Owner: "The organisers", Name: "Everybody looks", Currency: "USD", TimeZone: "Europe/Berlin", StartsAt: starts, EndsAt: starts.AddDate(0, 0, 2),
	})
	if err != nil {
		t.Fatal(err)
	}
	seat, err := organiser.AddSeatType(t.Context(), id, api.NewSeatType{Name: "Seat", Price: 100, Quota: seats})
	if err != nil {
		t.Fatal(err)
	}
	if err := organiser.Publish(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	address, client := anyone.URL+"/c/"+slug, &http.Client{}
	harness.Eventually(t, within, func(ctx context.Context) error {
		_, err := anyone.WatchConference(ctx, id, func(c api.Conference) bool { return len(c.SeatTypes) == 1 && c.SeatTypes[0].Remaining == seats })
		return err
	})

	var idle []time.Duration
	for range 200 {
		_, took := get(t, client, address)
		idle = append(idle, took)
	}

	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	var there, told, events atomic.Int64
	var watching sync.WaitGroup
	var crowd []*http.Client
	for range (*watchers + eachAddress - 1) / eachAddress {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(len(crowd)+1))}}
		crowd = append(crowd, &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}})
	}
	for i := range *watchers {
		watching.Go(func() {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, anyone.URL+"/live?watch=conference:"+slug, nil)
			if err != nil {
				return
			}
			answer, err := crowd[i/eachAddress].Do(r)
			if err != nil {
				return
			}
			defer answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				there.Add(1)
			}
			lines := bufio.NewScanner(answer.Body)
			for lines.Scan() {
				if !strings.HasPrefix(lines.Text(), "data:") {
					continue
				}
				events.Add(1)
				if strings.Contains(lines.Text(), "Sold out") {
					told.Add(1)
					return
				}
			}
		})
	}
	harness.Eventually(t, within, func(context.Context) error {
		if n := there.Load(); n < int64(*watchers) {
			return fmt.Errorf("%d of %d watch", n, *watchers)
		}
		return nil
	})

	sold := make(chan error, 1)
	began := time.Now()
	go func() {
		var buying errgroup.Group
		buying.SetLimit(buyers)
		for range seats {
			buying.Go(func() error {
				_, err := anyone.PlaceOrder(t.Context(), id, api.Item{SeatType: seat, Quantity: 1})
				return err
			})
		}
		sold <- buying.Wait()
	}()
	var busy []time.Duration
	for page := ""; !strings.Contains(page, "Sold out") && time.Since(began) < within; {
		var took time.Duration
		page, took = get(t, client, address)
		busy = append(busy, took)
	}
	if err := <-sold; err != nil {
		t.Fatal(err)
	}
	out := time.Since(began)
	watching.Wait()
	before, median, most := percentile(idle, 50), percentile(busy, 50), percentile(busy, 95)
	t.Logf("%d seats sold in %s before %d watchers, who got %d events; %d pages meanwhile: median %s, p95 %s, longest %s; alone: median %s, p95 %s",
		seats, out.Round(time.Millisecond), *watchers, events.Load(), len(busy), median, most, percentile(busy, 100), before, percentile(idle, 95))
	if n := told.Load(); n != int64(*watchers) {
		t.Errorf("%d of %d were told that it is sold out", n, *watchers)
	}
	if most > slower*before {
		t.Errorf("95 of 100 pages took up to %s, more than %d times %s", most, slower, before)
	}
}
