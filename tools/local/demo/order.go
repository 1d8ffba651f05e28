package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/servers/ready"
)

const (
	// patience bounds every step that does not wait for a hold to expire.
	patience = 20 * time.Second
	// overdue is the longest time from an order's deadline until it expires. If its
	// reminder is lost, a sweep finds it within a minute.
	overdue = 2 * time.Minute
)

var errImpatient = fmt.Errorf("not within %s", patience)

// errWaits: the order waits for its hold to expire, longer than the demo waits.
var errWaits = errors.New("the hold has not expired yet")

// order is an order in the hands of its registrant. Each method is one step and does
// nothing after a failed step, whose error is err. So a scenario reads in the order
// in which it happens.
type order struct {
	*show
	id  string
	now api.Order // as it was seen last
	err error
}

// order returns the order of that name in this run.
func (s *show) order(name string) *order {
	return &order{show: s, id: api.OpenNamed(s.run.String(), name)}
}

// wish is the number of seats to request, by the names of their types.
type wish map[string]int

func (s *show) items(w wish) (items []api.Item) {
	for _, name := range slices.Sorted(maps.Keys(w)) {
		items = append(items, api.Item{SeatType: s.seatType(name).ID, Quantity: w[name]})
	}
	return items
}

func (o *order) step(do func() error) {
	if o.err == nil {
		o.err = do()
	}
}

func (o *order) place(ctx context.Context, w wish) {
	o.step(func() error { return o.anyone.PlaceOrderAs(ctx, o.conference.ID, o.id, o.items(w)...) })
}

func (o *order) change(ctx context.Context, w wish) {
	o.step(func() error { return o.anyone.ChangeItems(ctx, o.id, o.items(w)...) })
}

// introduce sets the registrant.
func (o *order) introduce(ctx context.Context) {
	o.step(func() error {
		return o.anyone.AssignRegistrant(ctx, o.id, api.Person{FirstName: "Ada", LastName: "Example", Email: "ada@example.org"})
	})
}

// pay opens a payment of the order's total and makes a choice on the provider's
// page.
func (o *order) pay(ctx context.Context, choice string) {
	o.step(func() error {
		_, checkout, err := o.anyone.StartPayment(ctx, o.id, o.now.Total)
		if err != nil {
			return err
		}
		return o.choose(ctx, checkout, choice)
	})
}

// payAfterAll makes a choice on the page of the payment that was opened before.
func (o *order) payAfterAll(ctx context.Context, choice string) {
	o.step(func() error {
		if len(o.now.Payments) != 1 {
			return fmt.Errorf("the order has %d payments, not one", len(o.now.Payments))
		}
		return o.choose(ctx, "/pay/"+o.now.Payments[0].ID, choice)
	})
}

// choose waits for the provider's page, which opens a moment after the payment.
func (o *order) choose(ctx context.Context, checkout, choice string) error {
	return within(ctx, func(ctx context.Context) error { return o.anyone.Decide(ctx, checkout, choice) })
}

func (o *order) confirm(ctx context.Context) {
	o.step(func() error { return o.anyone.Confirm(ctx, o.id) })
}

// assignSeats gives each seat to an attendee.
func (o *order) assignSeats(ctx context.Context, names ...string) {
	o.follow(ctx, "has its seats to assign", func(v api.Order) bool { return len(v.Assignments) == len(names) })
	for position, name := range names {
		o.step(func() error {
			return o.anyone.AssignSeat(ctx, o.id, position, api.Attendee{
				Person: api.Person{FirstName: name, LastName: "Example", Email: "guest@example.org"}, Type: "paid",
			})
		})
	}
}

// buy drives an order from its present state to confirmed.
func (o *order) buy(ctx context.Context, w wish) {
	o.place(ctx, w)
	o.follow(ctx, "is reserved", func(v api.Order) bool { return v.Status == "reserved" || ended(v) })
	if o.now.Status == "confirmed" {
		return
	}
	o.introduce(ctx)
	o.pay(ctx, "accept")
	o.await(ctx, "confirmed")
}

// await waits until the order has a status, or fails if it has ended with another.
func (o *order) await(ctx context.Context, status string) {
	o.follow(ctx, "is "+status, func(v api.Order) bool { return v.Status == status || ended(v) })
	o.step(func() error { return o.mustBe(status) })
}

// refunded waits until the payment was refunded.
func (o *order) refunded(ctx context.Context) {
	o.follow(ctx, "is refunded", func(v api.Order) bool {
		return slices.ContainsFunc(v.Payments, func(p api.Payment) bool { return p.Status == "refunded" })
	})
}

// released waits until the order's seats are available to others.
func (o *order) released(ctx context.Context) {
	o.step(func() error {
		_, err := o.story(ctx, "SeatsReservationCancelled")
		return err
	})
}

// follow watches the order until it is as wanted.
func (o *order) follow(ctx context.Context, what string, wanted func(api.Order) bool) {
	o.step(func() (err error) {
		ctx, cancel := context.WithTimeoutCause(ctx, patience, errImpatient)
		defer cancel()
		if o.now, err = o.anyone.WatchOrder(ctx, o.id, wanted); err != nil {
			return fmt.Errorf("waiting until it %s, but the order is %s: %w", what, o.now.Status, err)
		}
		return nil
	})
}

// lapse waits until the order has expired, or returns errWaits if that would take
// too long. An order with an open payment gets a grace period after its deadline,
// whose length only the system knows.
func (o *order) lapse(ctx context.Context) {
	o.step(func() (err error) {
		if o.now, err = o.anyone.Order(ctx, o.id); err != nil {
			return err
		}
		until := o.patientUntil
		switch {
		case ended(o.now):
			return o.mustBe("expired")
		case o.now.Deadline.After(until):
			return errWaits
		case !isBeingPaid(o.now):
			until = later(until, o.now.Deadline.Add(overdue))
		}
		o.prose("Waiting for %s. Press ctrl-C to stop waiting; to continue later:", waiting(o.now))
		o.line("\n  make demo RESUME=%s\n", o.run)
		ctx, cancel := context.WithDeadlineCause(ctx, until, errWaits)
		defer cancel()
		o.now, err = o.anyone.WatchOrder(ctx, o.id, ended)
		if errors.Is(err, errWaits) && !isBeingPaid(o.now) {
			return fmt.Errorf("the hold should have expired at %s and has not", clock(o.now.Deadline))
		}
		if err != nil {
			return err
		}
		return o.mustBe("expired")
	})
}

func isBeingPaid(o api.Order) bool {
	return slices.ContainsFunc(o.Payments, func(p api.Payment) bool { return p.Status == "initiated" })
}

func (o *order) mustBe(status string) error {
	if o.now.Status != status {
		return fmt.Errorf("it is %s and should be %s", o.now.Status, status)
	}
	return nil
}

// finish waits for the end of the order's timeline and checks its outcome. It returns
// the timeline as far as it got.
func (o *order) finish(ctx context.Context, f fate, waits bool) (entries []api.TimelineEntry) {
	var expected []string
	if !waits {
		expected = append([]string{f.by}, f.with...)
	}
	o.step(func() (err error) {
		if entries, err = o.story(ctx, expected...); err != nil {
			return err
		}
		o.now, err = o.anyone.Order(ctx, o.id)
		return err
	})
	o.step(func() error {
		if waits {
			return nil
		}
		if o.now.Total.Amount != f.total {
			return fmt.Errorf("it costs %s and should cost %s", o.now.Total, api.Money{Amount: f.total, Currency: o.now.Total.Currency})
		}
		return o.mustBe(f.status)
	})
	if entries == nil {
		entries, _ = o.anyone.Timeline(ctx, o.id) // o.err says already what went wrong
	}
	return entries
}

// failure says that the order did not reach its outcome.
func (o *order) failure(f fate) error {
	return fmt.Errorf("outcome %q was not reached by order %s: %w", f.name, o.id, o.err)
}

// story waits until the order's timeline has all these types, and returns it. The API
// does not push timelines, so it is polled.
func (o *order) story(ctx context.Context, types ...string) (entries []api.TimelineEntry, err error) {
	err = within(ctx, func(ctx context.Context) (err error) {
		if entries, err = o.anyone.Timeline(ctx, o.id); err != nil {
			return err
		}
		for _, want := range types {
			if _, ok := find(entries, want); !ok {
				return fmt.Errorf("its timeline has no %s", want)
			}
		}
		return nil
	})
	return entries, err
}

func find(entries []api.TimelineEntry, typeName string) (api.TimelineEntry, bool) {
	i := slices.IndexFunc(entries, func(e api.TimelineEntry) bool { return name(e) == typeName })
	if i < 0 {
		return api.TimelineEntry{}, false
	}
	return entries[i], true
}

func ended(o api.Order) bool {
	return o.Status == "confirmed" || o.Status == "rejected" || o.Status == "expired" || o.Status == "cancelled"
}

// within tries until there is no error.
func within(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errImpatient)
	defer cancel()
	return ready.Until(ctx, try)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
