package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dapr/go-sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/load/pace"
	"github.com/plenary/plenary/tests/load/report"
	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/local/components"
	"github.com/plenary/plenary/tools/local/dapr"
	"github.com/plenary/plenary/tools/servers"
	"github.com/plenary/plenary/tools/servers/ready"
)

// scenarios are loads that are not steady, and comparisons, each on a system of its own.
var scenarios = map[string]func(ctx context.Context, o pace.Options) error{
	"flash": flash, "lapse": lapse, "replicas": replicas, "reads": reads, "conferences": conferences,
}

// flash has ten orders for each seat come at once; and, to compare, a tenth of the
// orders for a tenth of the seats. The work for each contender should be the same.
func flash(ctx context.Context, o pace.Options) (err error) {
	s, err := harness.Start(ctx, harness.Options{})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	const perSeat, smaller = 10, 10
	var took [3]time.Duration // the first warms up
	for i, contenders := range []int{o.Orders / smaller, o.Orders / smaller, o.Orders} {
		o.Orders, o.Seats = contenders, contenders/perSeat
		r, cost, err := measured(ctx, s, s.API(), o)
		if err != nil {
			return err
		}
		took[i] = r.Took
		fmt.Printf("%6d contenders for %5d seats: all served after %.1f s, %d confirmed, %d rejected, %d seats remain, %d times 429; each took %s\n",
			o.Orders, o.Seats, r.Took.Seconds(), len(r.Confirmed), r.Rejected, r.Remaining, r.Refused, cost)
	}
	fmt.Printf("%d times the contenders took %.1f times as long\n", smaller, took[2].Seconds()/took[1].Seconds())
	return nil
}

// measured is what was measured of orders, and what each of them cost the system.
func measured(ctx context.Context, s *harness.System, anyone *api.Client, o pace.Options) (r pace.Result, each harness.Work, err error) {
	before, err := s.Work(ctx)
	if err != nil {
		return r, each, err
	}
	usedBefore, err := s.ProcessorTime()
	if err != nil {
		return r, each, err
	}
	if r, err = pace.Measure(ctx, s.Organiser(), anyone, o); err != nil {
		return r, each, err
	}
	used, err := s.ProcessorTime()
	if err != nil {
		return r, each, err
	}
	showParts(partsOf(usedBefore, used, o.Orders))
	after, err := s.Work(ctx)
	return r, after.Sub(before).Per(o.Orders), err
}

// warmUp places a tenth of the orders, before anything is measured.
func warmUp(ctx context.Context, s *harness.System, anyone *api.Client, o pace.Options) error {
	o.Orders = max(1, o.Orders/10)
	_, err := pace.Measure(ctx, s.Organiser(), anyone, o)
	return err
}

// partsOf is what each part used for an order, in milliseconds of processor time.
func partsOf(before, after map[string]float64, orders int) (parts []report.Cost) {
	for _, part := range slices.Sorted(maps.Keys(after)) {
		parts = append(parts, report.Cost{What: part, Value: 1000 * (after[part] - before[part]) / float64(orders)})
	}
	return parts
}

func showParts(parts []report.Cost) {
	for _, p := range parts {
		fmt.Printf("%8.2f ms of processor time of %s per order\n", p.Value, p.What)
	}
}

// conferences has orders of many conferences come at once, beside as many of one: each has
// seats of its own, which are decided side by side. That the twenty come on sale is part of
// what is measured.
func conferences(ctx context.Context, o pace.Options) (err error) {
	s, err := harness.Start(ctx, harness.Options{})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	const many = 20
	if err := warmUp(ctx, s, s.API(), o); err != nil {
		return err
	}
	one, cost, err := measured(ctx, s, s.API(), o)
	if err != nil {
		return err
	}
	fmt.Printf("one conference: %.1f orders/s; each took %s\n", one.Rate(), cost)
	before, err := s.Work(ctx)
	if err != nil {
		return err
	}
	each := o
	each.Orders, each.Clients, each.Progress = max(1, o.Orders/many), max(1, o.Clients/many), nil
	var g errgroup.Group
	var confirmed atomic.Int64
	began := time.Now()
	for range many {
		g.Go(func() error {
			r, err := pace.Measure(ctx, s.Organiser(), s.API(), each)
			confirmed.Add(int64(len(r.Confirmed)))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	rate := float64(confirmed.Load()) / time.Since(began).Seconds()
	after, err := s.Work(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d conferences: %.1f orders/s, %.0f %%; each took %s\n", many, rate, 100*rate/one.Rate(), after.Sub(before).Per(int(confirmed.Load())))
	return nil
}

// lapse has orders hold seats, and stops the process's app until their holds are over.
// Then all lapse at once.
func lapse(ctx context.Context, o pace.Options) (err error) {
	const (
		slow  = 40   // orders per second that even a slow machine places
		most  = 1000 // orders under way at once: web bounds the streams of one address
		least = 30 * time.Second
		app   = "registration-process"
	)
	hold := least + time.Duration(o.Orders)*time.Second/slow
	s, err := harness.Start(ctx, harness.Options{Env: map[string]string{"PLENARY_HOLD": hold.String(), "PLENARY_GRACE": "1s"}})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	o.Abandon, o.AtOnce = true, most
	r, err := pace.Measure(ctx, s.Organiser(), s.API(), o)
	if err != nil {
		return err
	}
	placed := float64(o.Orders) / r.Took.Seconds()
	fmt.Printf("%d orders hold their seats after %.1f s: %.1f orders/s\n", o.Orders, r.Took.Seconds(), placed)
	s.Kill(app)
	fmt.Println("the process's app is away until all holds are over")
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(hold + time.Second):
	}
	began := time.Now()
	if err := s.Restart(ctx, app); err != nil {
		return err
	}
	up := time.Since(began)
	within, cancel := context.WithTimeout(ctx, pace.Patience+hold)
	defer cancel()
	err = ready.Until(within, func(ctx context.Context) error {
		c, err := s.API().Conference(ctx, r.Conference)
		if err == nil && c.SeatTypes[0].Remaining != o.Orders {
			err = fmt.Errorf("%d of %d seats are back", c.SeatTypes[0].Remaining, o.Orders)
		}
		return err
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	fmt.Printf("all seats are back %.1f s after it was started, and %.1f s after it was ready: %.1f lapses/s, %.0f %% of the orders/s\n",
		took.Seconds(), (took - up).Seconds(), float64(o.Orders)/took.Seconds(), 100*float64(o.Orders)/took.Seconds()/placed)
	return nil
}

// replicas compares the rate of one replica of each app with that of two on the same
// machine, which they share.
func replicas(ctx context.Context, o pace.Options) (err error) {
	s, err := harness.Start(ctx, harness.Options{})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	if s.Set.Name == components.Local {
		return errors.New("the broker of the local set gives every message to every replica: name another set (PLENARY_COMPONENTS)")
	}
	if err := warmUp(ctx, s, s.API(), o); err != nil {
		return err
	}
	one, cost, err := measured(ctx, s, s.API(), o)
	if err != nil {
		return err
	}
	fmt.Printf("one of everything: %.1f orders/s; each took %s\n", one.Rate(), cost)

	webs := &turns{through: pace.Client(o.Clients).Transport, ports: []int{s.App("web").Port}}
	var g errgroup.Group
	for _, app := range slices.Clone(s.Apps) {
		if app.ID == "query" && !slices.Contains(s.Servers, servers.PostgreSQL) {
			fmt.Println("query stays alone: its database is a file")
			continue
		}
		second, name := s.Second(app.ID)
		if app.ID == "web" {
			webs.ports = append(webs.ports, second.Port)
		}
		for _, part := range []string{name, harness.Sidecar(name)} { // each is ready only when the other is there
			g.Go(func() error { return s.Restart(ctx, part) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	anyone := s.API()
	anyone.HTTP = &http.Client{Transport: webs}
	if err := warmUp(ctx, s, anyone, o); err != nil {
		return err
	}
	two, cost, err := measured(ctx, s, anyone, o)
	if err != nil {
		return err
	}
	fmt.Printf("two of everything: %.1f orders/s, %.0f %%; each took %s\n", two.Rate(), 100*two.Rate()/one.Rate(), cost)
	return nil
}

// turns sends requests to several ports in turn.
type turns struct {
	through http.RoundTripper
	ports   []int
	next    atomic.Uint64
}

func (t *turns) RoundTrip(r *http.Request) (*http.Response, error) {
	port := t.ports[t.next.Add(1)%uint64(len(t.ports))]
	r = r.Clone(r.Context())
	r.URL.Host = net.JoinHostPort(r.URL.Hostname(), strconv.Itoa(port))
	return t.through.RoundTrip(r)
}

// reads compares how many times per second an order is read: at web, at query, and, as a
// state of about its size, through a sidecar.
func reads(ctx context.Context, o pace.Options) (err error) {
	s, err := harness.Start(ctx, harness.Options{})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	o.Orders = 100
	r, err := pace.Measure(ctx, s.Organiser(), s.API(), o)
	if err != nil {
		return err
	}
	c, err := s.API().Conference(ctx, r.Conference)
	if err != nil {
		return err
	}
	orders := make([]string, 100) // one and the same would be read but once for all who ask at once
	for i := range orders {
		if orders[i], err = s.API().PlaceOrder(ctx, r.Conference, api.Item{SeatType: c.SeatTypes[0].ID, Quantity: 1}); err != nil {
			return err
		}
	}
	h := pace.Client(o.Clients)
	size := 0
	get := func(url string) func(context.Context) error {
		var next atomic.Uint64
		return func(ctx context.Context) error {
			id := orders[next.Add(1)%uint64(len(orders))]
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+id, http.NoBody)
			if err != nil {
				return err
			}
			req.Header.Set("Authorization", "Bearer "+api.Secret(id))
			res, err := h.Do(req)
			if err != nil {
				return err
			}
			defer func() { _ = res.Body.Close() }()
			body, err := io.ReadAll(res.Body)
			if err == nil && res.StatusCode != http.StatusOK {
				err = fmt.Errorf("%s: %s", url, res.Status)
			}
			if size == 0 {
				size = len(body)
			}
			return err
		}
	}
	web := get(dapr.HealthURL(s.App("web").Port, "/api/orders/"))
	query := get(dapr.HealthURL(s.App("query").Port, "/orders/"))
	for range orders { // until all are there to be read
		if err := errors.Join(web(ctx), query(ctx)); err != nil {
			return err
		}
	}
	state, err := stateOf(ctx, s, "order", size)
	if err != nil {
		return err
	}
	var base float64
	for _, of := range []struct {
		what string
		read func(context.Context) error
	}{{"state through a sidecar", state}, {"an order at web", web}, {"an order at query", query}} {
		if _, err := often(ctx, o.Clients, time.Second, of.read); err != nil {
			return err
		}
		rate, err := often(ctx, o.Clients, 10*time.Second, of.read)
		if err != nil {
			return err
		}
		if base == 0 {
			base = rate
		}
		fmt.Printf("%-24s %8.0f reads/s, %.0f %%\n", of.what, rate, 100*rate/base)
	}
	return nil
}

// stateOf saves a value in an app's store, and gives how to read it through its sidecar.
func stateOf(ctx context.Context, s *harness.System, app string, size int) (func(context.Context) error, error) {
	sidecar, err := client.NewClientWithAddressContext(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(s.App(app).GRPCPort)))
	if err != nil {
		return nil, err
	}
	meta, err := sidecar.GetMetadata(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(meta.RegisteredComponents, func(c *client.MetadataRegisteredComponents) bool {
		return slices.Contains(c.Capabilities, "ETAG")
	})
	if i < 0 {
		return nil, fmt.Errorf("%s has no store", app)
	}
	store, key := meta.RegisteredComponents[i].Name, "reads-per-second"
	if err := sidecar.SaveState(ctx, store, key, []byte(strconv.Quote(strings.Repeat("x", size))), nil); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		item, err := sidecar.GetState(ctx, store, key, nil)
		if err == nil && len(item.Value) < size {
			err = errors.New("the state is not there")
		}
		return err
	}, nil
}

// often reads with many readers at once for a time, and says how many reads that were
// per second.
func often(ctx context.Context, atOnce int, during time.Duration, read func(context.Context) error) (rate float64, err error) {
	var n atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for range atOnce {
		g.Go(func() error {
			for time.Since(began) < during {
				if err := read(ctx); err != nil {
					return err
				}
				n.Add(1)
			}
			return nil
		})
	}
	err = g.Wait()
	return float64(n.Load()) / time.Since(began).Seconds(), err
}
