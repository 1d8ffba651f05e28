// Package rush has many registrants place orders at once while something happens
// to the system, and looks whether each order came to a right end. It knows the
// system by its API alone.
package rush

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/plenary/plenary/tools/local/api"
	"github.com/plenary/plenary/tools/servers/ready"
)

// Sale is a conference on sale with two types of seats: enough of the one, and
// too few of the other.
type Sale struct {
	Anyone *api.Client
	// ID of the conference, and of its seat types with their quotas.
	ID, General, Workshop string
	Generals, Workshops   int
}

// Open opens a sale.
func Open(ctx context.Context, organiser, anyone *api.Client, generals, workshops int) (Sale, error) {
	s := Sale{Anyone: anyone, Generals: generals, Workshops: workshops}
	starts := time.Now().UTC().Truncate(time.Hour).AddDate(0, 6, 0)
	var err error
	s.ID, err = organiser.CreateConference(ctx, api.NewConference{
		Slug: "rush-" + uuid.NewString(), Owner: "The organisers", Name: "Everybody comes", Currency: "USD",
		TimeZone: "Europe/Berlin", StartsAt: starts, EndsAt: starts.AddDate(0, 0, 2), RefundUntil: starts.AddDate(0, 0, -7),
	})
	if err != nil {
		return s, err
	}
	if s.General, err = organiser.AddSeatType(ctx, s.ID, api.NewSeatType{Name: "General admission", Price: 199_00, Quota: generals}); err != nil {
		return s, err
	}
	if s.Workshop, err = organiser.AddSeatType(ctx, s.ID, api.NewSeatType{Name: "CQRS Workshop", Price: 500_00, Quota: workshops}); err != nil {
		return s, err
	}
	return s, organiser.Publish(ctx, s.ID)
}

// Rush is a number of registrants who order at the same time. Every fifth wants
// a workshop, of which there are too few, and every seventh forgets to pay.
type Rush struct {
	Sale
	// Orders are placed at least; AtOnce of them are under way at any time.
	Orders, AtOnce int
	// Patience is how long a registrant tries again what fails.
	Patience time.Duration

	mu     sync.Mutex
	orders []string
	over   bool
	faults Faults
}

// Faults are the failures that the registrants met.
type Faults struct {
	// Requests that failed, not counting those that were asked to come later.
	Requests int
	// InARow is how often the same request failed at most before it succeeded.
	InARow int
	// Longest is the longest that a registrant waited for something, from the first
	// request to the answer. Being asked to come later begins it anew.
	Longest time.Duration
	// Of is the order of that registrant; Story tells what happened to it.
	Of string
	// Errors says how often each kind was seen.
	Errors map[string]int
}

// Run has orders placed from before happens is called until after it has
// returned, and gives the errors of those whose registrants gave up.
func (r *Rush) Run(ctx context.Context, happens func(context.Context) error) error {
	r.faults.Errors = map[string]int{}
	g, ctx := errgroup.WithContext(ctx)
	for range r.AtOnce {
		g.Go(func() error {
			for id, n, more := r.next(); more; id, n, more = r.next() {
				if err := r.registrant(ctx, id, n); err != nil {
					return fmt.Errorf("order %s: %w", id, err)
				}
			}
			return nil
		})
	}
	err := r.until(ctx, happens)
	return errors.Join(err, g.Wait())
}

// until has no more orders placed than have to be when happens has ended.
func (r *Rush) until(ctx context.Context, happens func(context.Context) error) error {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.over = true
	}()
	return happens(ctx)
}

func (r *Rush) next() (id string, n int, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over && len(r.orders) >= r.Orders {
		return "", 0, false
	}
	r.orders = append(r.orders, api.OpenNamed(uuid.NewString()))
	return r.orders[len(r.orders)-1], len(r.orders), true
}

// Placed is the number of orders so far.
func (r *Rush) Placed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.orders)
}

// Faults are those met so far.
func (r *Rush) Faults() Faults {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.faults
}

// registrant takes an order as far as its registrant goes. What fails because a
// part is down is tried again, as people do.
func (r *Rush) registrant(ctx context.Context, id string, n int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Patience, fmt.Errorf("not within %s", r.Patience))
	defer cancel()
	item := api.Item{SeatType: r.General, Quantity: 1}
	if n%5 == 0 {
		item.SeatType = r.Workshop
	}
	place := func(ctx context.Context) error { return r.Anyone.PlaceOrderAs(ctx, r.ID, id, item) }
	if err := r.again(ctx, id, place, "order-already-placed"); err != nil {
		return err
	}
	var o api.Order
	err := ready.Until(ctx, func(ctx context.Context) error {
		err := r.again(ctx, id, func(ctx context.Context) (err error) { o, err = r.Anyone.Order(ctx, id); return err }, "")
		if err == nil && o.Status == "placed" {
			err = errors.New("the seats have not answered")
		}
		return err
	})
	if err != nil || o.Status != "reserved" || n%7 == 0 {
		return err
	}
	const lapsed = "order-expired" // while a part was down
	assign := func(ctx context.Context) error { return r.Anyone.AssignRegistrant(ctx, id, registrant) }
	if err := r.again(ctx, id, assign, lapsed); err != nil {
		return err
	}
	payment, checkout := uuid.NewString(), ""
	pay := func(ctx context.Context) (err error) {
		checkout, err = r.Anyone.StartPaymentAs(ctx, id, payment, o.Total)
		return err
	}
	if err := r.again(ctx, id, pay, lapsed); err != nil || checkout == "" {
		return err
	}
	return r.again(ctx, id, func(ctx context.Context) error {
		err := r.Anyone.Decide(ctx, checkout, "accept")
		if err == nil {
			return nil
		}
		// The hold may have expired while a part was down; then the order cannot be paid.
		if o, e := r.Anyone.Order(ctx, id); e == nil && o.Status == "expired" {
			return nil
		}
		return err
	}, "")
}

var registrant = api.Person{FirstName: "Ada", LastName: "Example", Email: "ada@example.org"}

// answerWithin is how long a registrant waits for an answer before asking again.
const answerWithin = 10 * time.Second

// again makes a request about an order until it succeeds, or is refused with a code that
// is as good.
func (r *Rush) again(ctx context.Context, id string, request func(context.Context) error, enough string) error {
	began := time.Now()
	for failures := 0; ; {
		err := patiently(ctx, request)
		if err == nil || api.Code(err) == enough && enough != "" {
			r.answered(id, time.Since(began))
			return nil
		}
		pause := 200 * time.Millisecond
		var p *api.Problem
		later := errors.As(err, &p) && p.Status == http.StatusTooManyRequests
		if later {
			pause = time.Second
		} else if ctx.Err() == nil {
			failures++
			r.met(err, failures)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(pause):
		}
		if later {
			began = time.Now()
		}
	}
}

// patiently makes a request once, and waits no longer than a registrant does.
func patiently(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return request(ctx)
}

// answered notes how long a registrant waited.
func (r *Rush) answered(id string, after time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if after >= r.faults.Longest {
		r.faults.Longest, r.faults.Of = after, id
	}
}

var someID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// met counts a failure.
func (r *Rush) met(err error, inARow int) {
	kind := someID.ReplaceAllString(err.Error(), "…")
	var p *api.Problem
	if errors.As(err, &p) {
		kind = fmt.Sprintf("%d %s", p.Status, p.Code)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults.Requests++
	r.faults.InARow = max(r.faults.InARow, inARow)
	r.faults.Errors[kind]++
}

// Check waits until every order has come to an end, each within the time given,
// and compares orders, payments, seats and journal: nothing is lost, nothing is
// there twice. It gives the number of orders by how they ended.
func (r *Rush) Check(ctx context.Context, within time.Duration) (ends map[string]int, err error) {
	ends = map[string]int{}
	taken := map[string]int{} // seats by type
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.AtOnce)
	for _, id := range r.orders {
		g.Go(func() error {
			o, err := r.ended(gctx, id, within)
			if err != nil {
				return fmt.Errorf("order %s: %w%s", id, err, r.Story(ctx, id))
			}
			mu.Lock()
			defer mu.Unlock()
			ends[o.Status]++
			if o.Status == "confirmed" {
				for _, l := range o.Lines {
					taken[l.SeatType] += l.Granted
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return ends, err
	}
	for _, fate := range []string{"confirmed", "rejected", "expired"} {
		if ends[fate] == 0 {
			return ends, fmt.Errorf("no order was %s: this shows too little", fate)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("not within %s", within))
	defer cancel()
	return ends, ready.Until(ctx, func(ctx context.Context) error {
		c, err := r.Anyone.Conference(ctx, r.ID)
		if err != nil {
			return err
		}
		quotas := map[string]int{r.General: r.Generals, r.Workshop: r.Workshops}
		for _, s := range c.SeatTypes {
			if want := quotas[s.ID] - taken[s.ID]; s.Remaining != want {
				return fmt.Errorf("%s: %d seats are left, not %d", s.Name, s.Remaining, want)
			}
		}
		return nil
	})
}

// Story is what is known to have happened to an order, for who has to find out why it
// did not end, or why it took so long.
func (r *Rush) Story(ctx context.Context, id string) string {
	entries, err := r.Anyone.Timeline(ctx, id)
	if err != nil {
		return fmt.Sprintf("\nits timeline: %v", err)
	}
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "\n%+v", e)
	}
	return b.String()
}

// ended waits until an order has come to an end with its money right, and its
// story told whole and once.
func (r *Rush) ended(ctx context.Context, id string, within time.Duration) (o api.Order, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("not within %s", within))
	defer cancel()
	return o, ready.Until(ctx, func(ctx context.Context) error {
		if o, err = r.Anyone.Order(ctx, id); err != nil {
			return err
		}
		if !slices.Contains([]string{"confirmed", "rejected", "expired"}, o.Status) {
			return fmt.Errorf("it is %s", o.Status)
		}
		for _, p := range o.Payments {
			// Paid once if it is confirmed, else not at all.
			if kept := p.Status == "completed"; kept != (p.ID == o.PaymentID) {
				return fmt.Errorf("it is %s by payment %q, but payment %s is %s", o.Status, o.PaymentID, p.ID, p.Status)
			}
		}
		story, err := r.Anyone.Timeline(ctx, id)
		if err != nil {
			return err
		}
		return whole(story, "order/"+id)
	})
}

// once are the events that an order's story has once at most.
var once = []string{
	"OrderPlaced.v1", "OrderConfirmed.v1", "OrderRejected.v1", "OrderExpired.v1",
	"PaymentCompleted.v1", "SeatsReservationCommitted.v1", "SeatAssignmentsCreated.v1",
}

// whole is nil if a timeline has all events of a stream, and tells nothing twice.
func whole(story []api.TimelineEntry, stream string) error {
	told := map[string]int{}
	var versions []uint64
	for _, e := range story {
		if e.Kind != "event" {
			continue
		}
		if told[e.Type]++; told[e.Type] > 1 && slices.Contains(once, e.Type) {
			return fmt.Errorf("the timeline has %d times %s", told[e.Type], e.Type)
		}
		if e.Stream == stream {
			versions = append(versions, e.Version)
		}
	}
	slices.Sort(versions)
	for i, v := range versions {
		if v != uint64(i+1) {
			return fmt.Errorf("of %s the timeline has the versions %v", stream, versions)
		}
	}
	if len(versions) == 0 {
		return fmt.Errorf("the timeline has nothing of %s", stream)
	}
	return nil
}
