// Command load places orders for one conference as fast as the API takes them,
// takes each to its end, and says how fast that went. The system must be
// running (make run).
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tools/local/api"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:8080", "origin of the API")
	token := flag.String("token", cmp.Or(os.Getenv("PLENARY_ORGANISER_TOKEN"), "organiser-for-local-trial-only"), "the organiser's credential")
	orders := flag.Int("orders", 2000, "how many orders")
	clients := flag.Int("clients", 200, "requests under way at once")
	paid := flag.Bool("paid", false, "pay each order; otherwise they are free of charge")
	flag.Parse()
	if err := run(context.Background(), *url, *token, *orders, *clients, *paid); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// patience is how long one step of an order may take.
const patience = 2 * time.Minute

type load struct {
	client     *api.Client
	conference string
	seatType   string
	price      int64
	slots      chan struct{} // requests under way

	refused atomic.Int64 // answers 429
	placed  []time.Duration
	ended   []time.Duration
	mu      sync.Mutex
}

func run(ctx context.Context, url, token string, orders, clients int, paid bool) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = clients
	h := &http.Client{Transport: transport}
	organiser := &api.Client{URL: url, Token: token, Wait: patience, HTTP: h}
	l := &load{client: &api.Client{URL: url, Wait: patience, HTTP: h}, slots: make(chan struct{}, clients)}
	if paid {
		l.price = 19900
	}
	var err error
	start := time.Now()
	l.conference, err = organiser.CreateConference(ctx, api.NewConference{
		Slug: "load-" + uuid.NewString()[:8], Name: "Load", Owner: "load", Currency: "USD",
		StartsAt: start.AddDate(0, 1, 0), EndsAt: start.AddDate(0, 1, 1),
	})
	if err != nil {
		return err
	}
	if l.seatType, err = organiser.AddSeatType(ctx, l.conference, api.NewSeatType{Name: "General admission", Price: l.price, Quota: orders}); err != nil {
		return err
	}
	if err := organiser.Publish(ctx, l.conference); err != nil {
		return err
	}
	if err := l.untilOnSale(ctx, orders); err != nil {
		return err
	}

	start = time.Now()
	var wg sync.WaitGroup
	failed := make(chan error, orders)
	for range orders {
		wg.Go(func() {
			if err := l.order(ctx, start); err != nil {
				failed <- err
			}
		})
	}
	done := make(chan struct{})
	go l.report(start, orders, done)
	wg.Wait()
	close(done)
	took := time.Since(start)
	close(failed)
	n := 0
	for err := range failed {
		if n++; n <= 5 {
			fmt.Fprintln(os.Stderr, "an order failed:", err)
		}
	}
	c, err := l.client.Conference(ctx, l.conference)
	if err != nil {
		return err
	}
	slices.Sort(l.placed)
	slices.Sort(l.ended)
	fmt.Printf("orders    %d, of them %d confirmed, in %.1f s: %.0f orders/s to Confirmed\n", orders, len(l.ended), took.Seconds(), float64(len(l.ended))/took.Seconds())
	fmt.Printf("placed    after %v (median), %v (last)\n", at(l.placed, 0.5), at(l.placed, 1))
	fmt.Printf("confirmed after %v (median), %v (last)\n", at(l.ended, 0.5), at(l.ended, 1))
	fmt.Printf("429       %d\n", l.refused.Load())
	fmt.Printf("remaining %d\n", c.SeatTypes[0].Remaining)
	if n > 0 || c.SeatTypes[0].Remaining != 0 {
		return fmt.Errorf("%d orders did not end right, %d seats remain", n, c.SeatTypes[0].Remaining)
	}
	return nil
}

func at(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1))].Round(time.Millisecond)
}

func (l *load) report(start time.Time, orders int, done chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(time.Second):
			l.mu.Lock()
			fmt.Fprintf(os.Stderr, "%3.0f s: %d placed, %d confirmed of %d\n", time.Since(start).Seconds(), len(l.placed), len(l.ended), orders)
			l.mu.Unlock()
		}
	}
}

// untilOnSale waits until the seats app knows the quota.
func (l *load) untilOnSale(ctx context.Context, quota int) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		c, err := l.client.Conference(ctx, l.conference)
		if err == nil && len(c.SeatTypes) == 1 && c.SeatTypes[0].Remaining == quota {
			return nil
		}
	}
	return errors.New("the conference does not come on sale")
}

// request makes one request when there is room for it, and again while the API
// asks for patience.
func (l *load) request(ctx context.Context, do func() error) error {
	for {
		l.slots <- struct{}{}
		err := do()
		<-l.slots
		var p *api.Problem
		if !errors.As(err, &p) || p.Status != http.StatusTooManyRequests {
			return err
		}
		l.refused.Add(1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (l *load) order(ctx context.Context, start time.Time) error {
	var id string
	err := l.request(ctx, func() (err error) {
		id, err = l.client.PlaceOrder(ctx, l.conference, api.Item{SeatType: l.seatType, Quantity: 1})
		return err
	})
	if err != nil {
		return fmt.Errorf("place: %w", err)
	}
	l.mark(&l.placed, start)
	err = l.request(ctx, func() error {
		return l.client.AssignRegistrant(ctx, id, api.Person{FirstName: "Lo", LastName: "Ad", Email: "load@example.com"})
	})
	if err != nil {
		return fmt.Errorf("registrant: %w", err)
	}
	if err := l.until(ctx, id, "reserved"); err != nil {
		return err
	}
	if l.price == 0 {
		if err := l.request(ctx, func() error { return l.client.Confirm(ctx, id) }); err != nil {
			return fmt.Errorf("confirm: %w", err)
		}
	} else if err := l.pay(ctx, id); err != nil {
		return err
	}
	l.mark(&l.ended, start)
	return nil
}

func (l *load) pay(ctx context.Context, order string) error {
	var page string
	err := l.request(ctx, func() (err error) {
		_, page, err = l.client.StartPayment(ctx, order, api.Money{Amount: l.price, Currency: "USD"})
		return err
	})
	if err != nil {
		return fmt.Errorf("payment: %w", err)
	}
	if err := l.request(ctx, func() error { return l.client.Decide(ctx, page, "accept") }); err != nil {
		return fmt.Errorf("pay: %w", err)
	}
	return l.until(ctx, order, "confirmed")
}

// until watches an order, as a page does.
func (l *load) until(ctx context.Context, id, status string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := l.client.WatchOrder(ctx, id, func(o api.Order) bool { return o.Status == status })
	if err != nil {
		return fmt.Errorf("order %s until %s: %w", id, status, err)
	}
	return nil
}

func (l *load) mark(list *[]time.Duration, start time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, time.Since(start))
}
