package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tools/local/api"
)

func TestNothingIsLostWhenPartsAreKilled(t *testing.T) {
	s := harness.New(t, harness.Options{Env: map[string]string{"PLENARY_HOLD": "40s", "PLENARY_GRACE": "2s", "PLENARY_SWEEP": "2s"}})

	t.Run("each app and each sidecar in turn", func(t *testing.T) {
		survive(t, s, func() {
			for _, app := range s.Apps {
				kill(t, s, app.ID)
				kill(t, s, harness.Sidecar(app.ID))
			}
		})
	})
	t.Run("the broker", func(t *testing.T) {
		survive(t, s, func() {
			kill(t, s, harness.Broker)
			s.Stop(harness.Broker) // once in good order
			if err := s.Restart(t.Context(), harness.Broker); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// kill is kill -9, and a new start.
func kill(t *testing.T, s *harness.System, part string) {
	t.Helper()
	t.Logf("kill -9 %s", part)
	s.Kill(part)
	if err := s.Restart(t.Context(), part); err != nil {
		t.Fatal(err)
	}
}

// survive has at least 200 orders run while something happens, and then looks
// whether all came to a right end.
func survive(t *testing.T, s *harness.System, happens func()) {
	const orders, atOnce, workshops = 200, 10, 20
	c := onSale(t, s, quotas{general: 1000, workshop: workshops})

	var ids []string
	var mu sync.Mutex
	var over atomic.Bool
	place := func() (string, int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(ids) >= orders && over.Load() {
			return "", 0, false
		}
		ids = append(ids, uuid.NewString())
		return ids[len(ids)-1], len(ids), true
	}
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for id, n, more := place(); more; id, n, more = place() {
				if err := c.journey(id, n); err != nil {
					t.Errorf("order %s: %v", id, err)
				}
			}
		})
	}
	happens()
	over.Store(true)
	all.Wait()
	t.Logf("%d orders", len(ids))

	confirmed := map[string]int{} // seats by type
	ends := map[string]int{}
	for _, id := range ids {
		o := c.ended(id)
		ends[o.Status]++
		if o.Status == "confirmed" {
			for _, l := range o.Lines {
				confirmed[l.SeatType] += l.Granted
			}
		}
	}
	t.Logf("ends: %v", ends)
	if ends["confirmed"] == 0 || ends["rejected"] == 0 || ends["expired"] == 0 {
		t.Errorf("a fate is missing in %v: the test shows too little", ends)
	}
	c.remaining(c.general, 1000-confirmed[c.general])
	c.remaining(c.workshop, workshops-confirmed[c.workshop])
	sameEverywhere(t, s)
}

// journey takes an order as far as its registrant goes: every fifth asks for a
// workshop, of which there are too few, and every seventh forgets to pay. What
// fails because a part is down is tried again, as people do.
func (c conference) journey(id string, n int) error {
	ctx, cancel := context.WithTimeout(c.Context(), 5*time.Minute)
	defer cancel()
	item := seats(c.general, 1)
	if n%5 == 0 {
		item = seats(c.workshop, 1)
	}
	if err := again(ctx, func() error { return c.anyone.PlaceOrderAs(ctx, c.id, id, item) }, "order-already-placed"); err != nil {
		return err
	}
	var o api.Order
	err := again(ctx, func() (err error) {
		if o, err = c.anyone.Order(ctx, id); err == nil && o.Status == "placed" {
			err = errors.New("the seats have not answered")
		}
		return err
	})
	if err != nil || o.Status != "reserved" || n%7 == 0 {
		return err
	}
	lapsed := []string{"order-expired"}
	if err := again(ctx, func() error { return c.anyone.AssignRegistrant(ctx, id, registrant()) }, lapsed...); err != nil {
		return err
	}
	return again(ctx, func() error {
		_, checkout, err := c.anyone.StartPayment(ctx, id, o.Total)
		if err != nil {
			return err
		}
		return again(ctx, func() error { return c.anyone.Decide(ctx, checkout, "accept") })
	}, lapsed...)
}

// again does something until it succeeds, or is refused with one of the codes.
func again(ctx context.Context, do func() error, enough ...string) error {
	for {
		err := do()
		if err == nil || slices.Contains(enough, api.Code(err)) {
			return nil
		}
		const pause = 200 * time.Millisecond
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

// ended waits until an order has come to an end with its money right: paid once
// if it is confirmed, else not at all.
func (c conference) ended(id string) (o api.Order) {
	c.Helper()
	harness.Eventually(c.T, 3*within, func(ctx context.Context) (err error) {
		if o, err = c.anyone.Order(ctx, id); err != nil {
			return err
		}
		if !slices.Contains([]string{"confirmed", "rejected", "expired"}, o.Status) {
			return fmt.Errorf("order %s is %s", id, o.Status)
		}
		for _, p := range o.Payments {
			if kept := p.Status == "completed"; kept != (p.ID == o.PaymentID) {
				return fmt.Errorf("order %s is %s by payment %q, payment %s is %s", id, o.Status, o.PaymentID, p.ID, p.Status)
			}
		}
		return nil
	})
	return o
}
