// Package pace places orders for one conference as fast as the API takes them,
// takes each to its end, and measures how fast that went.
package pace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/servers/ready"
)

// Patience is how long one step of an order may take.
const Patience = 2 * time.Minute

// Client keeps as many connections as requests are under way at once: Go's default
// dials most of them anew.
func Client(atOnce int) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = atOnce, atOnce
	return &http.Client{Transport: transport}
}

// Options say what is measured.
type Options struct {
	Orders  int
	Clients int  // requests under way at once
	Paid    bool // each order is paid; otherwise they are free of charge
	// AtOnce is how many orders are under way at once, each with a stream of its own; 0: any
	// number.
	AtOnce int
	// PerSecond is at what rate orders begin, whatever becomes of them; 0: all at once.
	PerSecond float64
	// Seats on sale; 0: one for each order. With fewer, orders that get none end rejected.
	Seats int
	// Abandon leaves each order when it has its seats: it will lapse.
	Abandon bool
	// Begin, if set, is called when the conference is on sale, before the first order.
	Begin func(context.Context) error
	// Progress gets a line every second; nil means none.
	Progress io.Writer
}

// Result is what was measured.
type Result struct {
	Took time.Duration
	// Placed and Confirmed say for each order how long after the beginning that was.
	Placed, Confirmed []time.Duration
	// Reserved and Whole say for each order how long after it was sent its seats were
	// held, and it was confirmed; Whole is of the orders of Confirmed, in its order.
	Reserved, Whole []time.Duration
	Rejected        int   // orders that got no seat
	Refused         int64 // answers 429
	Remaining       int   // seats
	Conference      string
}

// Rate is in confirmed orders per second.
func (r Result) Rate() float64 { return float64(len(r.Confirmed)) / r.Took.Seconds() }

type load struct {
	client     *api.Client
	conference string
	seatType   string
	price      int64
	slots      chan struct{} // requests under way
	seatsFirst bool          // they give the registrant when the seats are theirs
	abandon    bool

	refused atomic.Int64
	placed  []time.Duration
	ended   []time.Duration

	reserved, whole []time.Duration
	rejected        int
	mu              sync.Mutex
}

// Measure sells a conference out. The error says which orders did not end right,
// or that seats remain. A client without HTTP of its own keeps its connections.
func Measure(ctx context.Context, organiser, anyone *api.Client, o Options) (Result, error) {
	if anyone.HTTP == nil {
		own := *anyone
		own.HTTP = Client(o.Clients)
		anyone = &own
		defer own.HTTP.CloseIdleConnections()
	}
	l := &load{client: anyone, slots: make(chan struct{}, o.Clients), seatsFirst: o.PerSecond > 0 || o.Seats > 0 || o.Abandon, abandon: o.Abandon}
	seats := cmp.Or(o.Seats, o.Orders)
	if o.Paid {
		l.price = 19900
	}
	if err := l.open(ctx, organiser, seats); err != nil {
		return Result{}, err
	}
	if o.Begin != nil {
		if err := o.Begin(ctx); err != nil {
			return Result{}, err
		}
	}
	start := time.Now()
	var all sync.WaitGroup
	failed := make(chan error, o.Orders)
	done := make(chan struct{})
	if o.Progress != nil {
		go l.report(o.Progress, start, o.Orders, done)
	}
	places := make(chan struct{}, cmp.Or(o.AtOnce, o.Orders))
	for i := range o.Orders {
		places <- struct{}{}
		if o.PerSecond > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(float64(i) / o.PerSecond * float64(time.Second)))))
		}
		all.Go(func() {
			defer func() { <-places }()
			if err := l.order(ctx, start); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	close(done)
	r := Result{Took: time.Since(start), Placed: l.placed, Confirmed: l.ended, Reserved: l.reserved, Whole: l.whole, Rejected: l.rejected, Refused: l.refused.Load(), Conference: l.conference}
	close(failed)
	c, err := l.client.Conference(ctx, l.conference)
	if err != nil {
		return r, err
	}
	r.Remaining = c.SeatTypes[0].Remaining
	ended := len(r.Confirmed)
	if o.Abandon {
		ended = len(r.Reserved)
	}
	if len(failed) == 0 && r.Remaining == 0 && ended == seats {
		return r, nil
	}
	errs := []error{fmt.Errorf("of %d orders %d came to their end, %d seats remain", o.Orders, ended, r.Remaining)}
	for err := range failed {
		if errs = append(errs, err); len(errs) > enough {
			break
		}
	}
	return r, errors.Join(errs...)
}

// enough errors tell what is wrong.
const enough = 5

// open has a conference on sale, and waits until the seats app knows the quota.
func (l *load) open(ctx context.Context, organiser *api.Client, quota int) (err error) {
	starts := time.Now().AddDate(0, 1, 0)
	l.conference, err = organiser.CreateConference(ctx, api.NewConference{
		Slug: "load-" + uuid.NewString()[:8], Name: "Load", Owner: "load", Currency: "USD",
		TimeZone: "Europe/Berlin", StartsAt: starts, EndsAt: starts.AddDate(0, 0, 1),
	})
	if err != nil {
		return err
	}
	if l.seatType, err = organiser.AddSeatType(ctx, l.conference, api.NewSeatType{Name: "General admission", Price: l.price, Quota: quota}); err != nil {
		return err
	}
	if err := organiser.Publish(ctx, l.conference); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	return ready.Until(ctx, func(ctx context.Context) error {
		c, err := l.client.Conference(ctx, l.conference)
		if err == nil && (len(c.SeatTypes) != 1 || c.SeatTypes[0].Remaining != quota) {
			err = errors.New("the conference does not come on sale")
		}
		return err
	})
}

func (l *load) report(out io.Writer, start time.Time, orders int, done chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(time.Second):
			l.mu.Lock()
			fmt.Fprintf(out, "%3.0f s: %d placed, %d confirmed of %d\n", time.Since(start).Seconds(), len(l.placed), len(l.ended), orders)
			l.mu.Unlock()
		}
	}
}

// request makes one request when there is room for it, and again while the API
// asks for patience.
func (l *load) request(ctx context.Context, do func() error) error {
	for {
		l.slots <- struct{}{}
		err := do()
		<-l.slots
		var p *api.Problem
		switch {
		case !errors.As(err, &p):
			return err
		case p.Status == http.StatusTooManyRequests:
			l.refused.Add(1)
		case p.Code == "conference-not-published" || p.Code == "conference-not-ready":
			// What is on sale reaches the order app a little after it is seen.
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (l *load) order(ctx context.Context, start time.Time) error {
	var id string
	sent := time.Now()
	err := l.request(ctx, func() (err error) {
		id, err = l.client.PlaceOrder(ctx, l.conference, api.Item{SeatType: l.seatType, Quantity: 1})
		return err
	})
	if err != nil {
		return fmt.Errorf("place: %w", err)
	}
	l.mark(&l.placed, start)
	if !l.seatsFirst {
		if err := l.register(ctx, id); err != nil {
			return err
		}
	}
	became, err := l.until(ctx, id, "reserved", "rejected")
	if err != nil {
		return err
	}
	l.mark(&l.reserved, sent)
	if became == "rejected" {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.rejected++
		return nil
	}
	if l.abandon {
		return nil
	}
	if l.seatsFirst {
		if err := l.register(ctx, id); err != nil {
			return err
		}
	}
	if l.price == 0 {
		if err := l.request(ctx, func() error { return l.client.Confirm(ctx, id) }); err != nil {
			return fmt.Errorf("confirm: %w", err)
		}
	} else if err := l.pay(ctx, id); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended, l.whole = append(l.ended, time.Since(start)), append(l.whole, time.Since(sent))
	return nil
}

func (l *load) register(ctx context.Context, order string) error {
	err := l.request(ctx, func() error {
		return l.client.AssignRegistrant(ctx, order, api.Person{FirstName: "Lo", LastName: "Ad", Email: "load@example.com"})
	})
	if err != nil {
		return fmt.Errorf("registrant: %w", err)
	}
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
	_, err = l.until(ctx, order, "confirmed")
	return err
}

// until watches an order, as a page does, and says which of the statuses it has.
func (l *load) until(ctx context.Context, id string, statuses ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	o, err := l.client.WatchOrder(ctx, id, func(o api.Order) bool { return slices.Contains(statuses, o.Status) })
	if err != nil {
		return "", fmt.Errorf("order %s until %s: %w", id, strings.Join(statuses, " or "), err)
	}
	return o.Status, nil
}

func (l *load) mark(list *[]time.Duration, start time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, time.Since(start))
}
