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

	// organiser and code are of a sale with All.
	organiser *api.Client
	code      string
}

// half is a promo code that takes half of the price off for so many orders, which are
// fewer than want it.
const (
	half     = "HALF"
	halfFor  = 20
	discount = 50
)

// All gives the sale a promo code, and has registrants do all that they may: ask for the
// code, wait in line for a workshop, and give a seat back. Without it they buy or do not.
func (s Sale) All(ctx context.Context, organiser *api.Client) (Sale, error) {
	s.organiser, s.code = organiser, half
	return s, organiser.CreatePromoCode(ctx, s.ID, api.NewPromoCode{Code: half, Percent: discount, Quota: halfFor})
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
// a workshop, of which there are too few, and every seventh forgets to pay. In a sale with
// All every third asks for a promo code, every tenth and eleventh takes two seats and gives
// one back, and the others who want a workshop wait in line for it.
type Rush struct {
	Sale
	// Orders are placed at least; AtOnce of them are under way at any time.
	Orders, AtOnce int
	// Patience is how long a registrant tries again what fails.
	Patience time.Duration

	mu     sync.Mutex
	orders []string
	line   []string // of orders, those that were in line
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
	ran := make(chan struct{})
	inLine := make(chan struct{})
	go func() {
		defer close(inLine)
		r.attend(ctx, ran)
	}()
	defer func() {
		close(ran)
		<-inLine
	}()
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
	item, does := r.does(n)
	place := func(ctx context.Context) error {
		if does.waits {
			return r.Anyone.WaitForSeatsAs(ctx, r.ID, id, item)
		}
		return r.Anyone.PlaceOrderAs(ctx, r.ID, id, item)
	}
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
	if err == nil && o.Status == "waitlisted" {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.line = append(r.line, id)
		return nil
	}
	if err != nil || o.Status != "reserved" || n%7 == 0 {
		return err
	}
	if does.asks {
		ask := func(ctx context.Context) error { return r.Anyone.ApplyPromoCode(ctx, id, r.code) }
		if err := r.again(ctx, id, ask, lapsed); err != nil {
			return err
		}
	}
	if err := r.pay(ctx, id, uuid.NewString()); err != nil || !does.givesBack {
		return err
	}
	return r.giveBack(ctx, id)
}

const lapsed = "order-expired" // while a part was down

// does says what the registrant of the order n asks for and does.
type does struct{ waits, asks, givesBack bool }

func (r *Rush) does(n int) (api.Item, does) {
	item := api.Item{SeatType: r.General, Quantity: 1}
	if n%5 == 0 {
		item.SeatType = r.Workshop
	}
	if r.code == "" {
		return item, does{}
	}
	d := does{waits: n%5 == 0, asks: n%3 == 0, givesBack: n%10 == 0 || n%11 == 0}
	if d.givesBack { // one of two; who waits in line does so for one
		item.Quantity, d.waits = 2, false
	}
	return item, d
}

// giveBack gives one seat of an order back as soon as it is confirmed.
func (r *Rush) giveBack(ctx context.Context, id string) error {
	var o api.Order
	err := ready.Until(ctx, func(ctx context.Context) error {
		err := r.again(ctx, id, func(ctx context.Context) (err error) { o, err = r.Anyone.Order(ctx, id); return err }, "")
		if err == nil && o.Status != "confirmed" && o.Status != "expired" {
			err = fmt.Errorf("it is %s", o.Status)
		}
		return err
	})
	if err != nil || o.Status != "confirmed" {
		return err
	}
	return r.again(ctx, id, func(ctx context.Context) error { return r.Anyone.CancelSeats(ctx, id, 1) }, "")
}

// attend looks after those in line until ran is closed.
func (r *Rush) attend(ctx context.Context, ran <-chan struct{}) {
	payments := map[string]string{}
	for {
		_, _ = r.serve(ctx, payments) // what fails is tried again
		select {
		case <-ran:
			return
		case <-time.After(lookEvery):
		}
	}
}

const (
	// lookEvery is how often those in line look whether they are offered seats, and every
	// lazy-th of them lets the offer lapse.
	lookEvery = 2 * time.Second
	lazy      = 3
)

// serve has those pay who were in line and are offered seats, and gives the orders that
// wait still. The error says who may get seats yet. payments are those that were begun.
func (r *Rush) serve(ctx context.Context, payments map[string]string) (waiting []string, err error) {
	r.mu.Lock()
	line := slices.Clone(r.line)
	r.mu.Unlock()
	for i, id := range line {
		var o api.Order
		failed := patiently(ctx, func(ctx context.Context) (err error) { o, err = r.Anyone.Order(ctx, id); return err })
		switch {
		case failed != nil:
			err = errors.Join(err, failed)
		case o.Status == "waitlisted":
			waiting = append(waiting, id)
		case o.Status == "placed":
			err = errors.Join(err, fmt.Errorf("order %s is %s", id, o.Status))
		case o.Status == "reserved":
			err = errors.Join(err, fmt.Errorf("order %s is %s", id, o.Status))
			if i%lazy == 0 {
				continue
			}
			if payments[id] == "" {
				payments[id] = uuid.NewString()
			}
			once, cancel := context.WithTimeout(ctx, answerWithin)
			err = errors.Join(err, r.pay(once, id, payments[id]))
			cancel()
		}
	}
	return waiting, err
}

// pay says whose an order is, and pays what it costs once that is known.
func (r *Rush) pay(ctx context.Context, id, payment string) error {
	// An order that lapsed before it had a registrant is refused for that, not as expired.
	ended := false
	assign := func(ctx context.Context) error {
		err := r.Anyone.AssignRegistrant(ctx, id, registrant)
		ended = api.Code(err) == lapsed
		return err
	}
	if err := r.again(ctx, id, assign, lapsed); err != nil || ended {
		return err
	}
	checkout := ""
	start := func(ctx context.Context) error {
		o, err := r.Anyone.Order(ctx, id)
		if err != nil {
			return err
		}
		checkout, err = r.Anyone.StartPaymentAs(ctx, id, payment, o.Total)
		return err
	}
	if err := r.again(ctx, id, start, lapsed); err != nil || checkout == "" {
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

var registrant = api.Person{FirstName: "Grace", LastName: "Example", Email: "grace@example.org"}

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
// there twice. Who waits in line at the end waits since there are no seats. It gives the
// number of orders by how they ended.
func (r *Rush) Check(ctx context.Context, within time.Duration) (ends map[string]int, err error) {
	ends = map[string]int{}
	taken, discounted, back := map[string]int{}, 0, 0 // seats by type, orders with the code, seats given back
	inLine := map[string]bool{}
	for _, id := range r.line {
		inLine[id] = true
	}
	var mu sync.Mutex
	end := func(ids []string) error {
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(r.AtOnce)
		for _, id := range ids {
			g.Go(func() error {
				o, err := r.ended(gctx, id, within)
				if err != nil {
					return fmt.Errorf("order %s: %w%s", id, err, r.Story(ctx, id))
				}
				mu.Lock()
				defer mu.Unlock()
				ends[o.Status]++
				if o.Status != "confirmed" {
					return nil
				}
				for _, p := range o.Positions {
					if p.GivenBack {
						back++
					} else {
						taken[p.SeatType]++
					}
				}
				if slices.ContainsFunc(o.PromoCodes, func(p api.PromoCodeOfOrder) bool { return p.State == "applied" }) {
					discounted++
				}
				return nil
			})
		}
		return g.Wait()
	}
	// First those that were not in line: then nobody holds seats but those who are offered some.
	if err := end(slices.DeleteFunc(slices.Clone(r.orders), func(id string) bool { return inLine[id] })); err != nil {
		return ends, err
	}
	waiting, err := r.lineEnds(ctx, within)
	if err != nil {
		return ends, err
	}
	ends["waitlisted"] = len(waiting)
	if err := end(slices.DeleteFunc(slices.Clone(r.line), func(id string) bool { return slices.Contains(waiting, id) })); err != nil {
		return ends, err
	}
	for _, fate := range []string{"confirmed", "rejected", "expired"} {
		if ends[fate] == 0 {
			return ends, fmt.Errorf("no order was %s: this shows too little", fate)
		}
	}
	if r.code != "" && (back == 0 || discounted == 0 || len(waiting) == len(r.line)) {
		return ends, fmt.Errorf("%d seats were given back, %d orders have the promo code, and of %d in line %d wait: this shows too little", back, discounted, len(r.line), len(waiting))
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
		if r.code == "" {
			return nil
		}
		codes, err := r.organiser.PromoCodes(ctx, r.ID)
		if err == nil && (len(codes) != 1 || codes[0].Used != discounted) {
			err = fmt.Errorf("the promo codes are %+v, and %d orders have one", codes, discounted)
		}
		return err
	})
}

// lineEnds waits until each order that was in line has ended, or waits for seats that
// there are none of, and gives those that wait.
func (r *Rush) lineEnds(ctx context.Context, within time.Duration) (waiting []string, err error) {
	if len(r.line) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("not within %s", within))
	defer cancel()
	payments := map[string]string{}
	return waiting, ready.Until(ctx, func(ctx context.Context) error {
		if waiting, err = r.serve(ctx, payments); err != nil || len(waiting) == 0 {
			return err
		}
		c, err := r.Anyone.Conference(ctx, r.ID)
		if err != nil {
			return err
		}
		line, err := r.organiser.Waitlist(ctx, r.ID)
		if err != nil {
			return err
		}
		if slices.Sort(line); !slices.Equal(line, slices.Sorted(slices.Values(waiting))) {
			return fmt.Errorf("in line are %v, and %v wait", line, waiting)
		}
		for _, s := range c.SeatTypes {
			if s.ID == r.Workshop && s.Remaining > 0 {
				return fmt.Errorf("%d wait, and %d seats are free", len(waiting), s.Remaining)
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
		money := int64(0)
		for _, p := range o.Payments {
			// Paid once if it is confirmed, else not at all.
			if kept := p.Status == "completed"; kept != (p.ID == o.PaymentID) {
				return fmt.Errorf("it is %s by payment %q, but payment %s is %s", o.Status, o.PaymentID, p.ID, p.Status)
			}
			if p.ID == o.PaymentID {
				money += p.Amount.Amount
				for _, back := range p.Refunds {
					if back.Status == "refunded" {
						money -= back.Amount.Amount
					}
				}
			}
		}
		if o.Status == "confirmed" {
			costs := o.Total.Amount
			for _, back := range o.GivenBack {
				costs -= back.Refund.Amount
			}
			if money != costs {
				return fmt.Errorf("it costs %d after %+v was given back, and %d was paid and not refunded", costs, o.GivenBack, money)
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
