package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/tools/local/api"
)

// The conference's seat types.
const (
	general  = "General admission"
	workshop = "CQRS Workshop"
	party    = "Additional cocktail party"
)

var seatTypes = []api.NewSeatType{
	{Name: general, Price: 199_00, Quota: 100},
	{Name: workshop, Price: 500_00, Quota: 4},
	{Name: party, Price: 50_00, Quota: 100},
}

// show is one run of the demo.
type show struct {
	Options
	page
	run               uuid.UUID
	anyone, organiser *api.Client
	conference        api.Conference
	// hold is how long seats are held, learnt from the first order; 0 when resumed.
	hold time.Duration
	// patientUntil is when the demo stops waiting for holds to expire.
	patientUntil time.Time
	results      []result
	// saw, if set, is told of each order whenever it has been driven on.
	saw func(fate string, o api.Order)
}

// result is the result for one order.
type result struct {
	fate  fate
	order api.Order
	took  time.Duration // from its first command to its end
	waits bool          // for its hold to expire
}

func newShow(o Options) *show {
	s := &show{
		Options: o, page: page{out: o.Out, colour: o.Colour}, run: o.Resume,
		anyone:    &api.Client{URL: o.URL, Wait: patience},
		organiser: &api.Client{URL: o.URL, Wait: patience, Token: o.Token},
	}
	if s.run == uuid.Nil {
		s.run = uuid.New()
	}
	return s
}

// play drives each order to its outcome and counts the seats.
func (s *show) play(ctx context.Context) error {
	var err error
	if s.Resume == uuid.Nil {
		err = s.playAll(ctx)
	} else {
		err = s.playRest(ctx)
	}
	if err != nil {
		return err
	}
	s.summary()
	if err := s.account(ctx); err != nil {
		return err
	}
	s.outlook()
	return nil
}

func (s *show) playAll(ctx context.Context) error {
	if err := s.putOnSale(ctx); err != nil {
		return err
	}
	s.introduction()
	for _, f := range fates {
		if f.end == nil {
			if err := s.tell(ctx, f, len(fates), f.begin); err != nil {
				return err
			}
			continue
		}
		o := s.order(f.name) // it is shown once its hold has expired
		if f.begin(ctx, o); o.err != nil {
			return o.failure(f)
		}
		s.tellSaw(f, o)
	}
	return s.tellLapsing(ctx, len(fates))
}

// playRest continues a run whose orders had to wait.
func (s *show) playRest(ctx context.Context) (err error) {
	s.conference, err = s.anyone.Conference(ctx, s.slug())
	if api.Code(err) == "conference-not-found" {
		return fmt.Errorf("%s has no run %s", s.URL, s.run)
	}
	if err != nil {
		return err
	}
	lapsing := 0
	for _, f := range fates {
		if f.end != nil {
			lapsing++
		}
	}
	return s.tellLapsing(ctx, lapsing)
}

// tellLapsing shows the orders that expire, as far as they have.
func (s *show) tellLapsing(ctx context.Context, of int) error {
	s.patientUntil = time.Now().Add(s.Wait)
	for _, f := range fates {
		if f.end == nil {
			continue
		}
		if err := s.tell(ctx, f, of, f.end); err != nil {
			return err
		}
	}
	return nil
}

// tell drives an order to its outcome and prints its timeline.
func (s *show) tell(ctx context.Context, f fate, of int, act func(context.Context, *order)) error {
	s.heading("%d of %d: %s", len(s.results)+1, of, f.name)
	s.prose("%s", f.lookFor)
	s.line("")
	o := s.order(f.name)
	act(ctx, o)
	waits := errors.Is(o.err, errWaits)
	if waits {
		o.err = nil
	}
	entries := o.finish(ctx, f, waits)
	s.timeline(entries)
	if o.err != nil {
		return o.failure(f)
	}
	s.line("\n%s", s.paint(faint, "curl -H 'Authorization: Bearer "+api.Secret(o.id)+"' "+s.URL+"/api/orders/"+o.id+"/timeline"))
	r := result{fate: f, order: o.now, waits: waits}
	if last, ok := find(entries, f.by); ok {
		r.took = last.Time.Sub(entries[0].Time)
	}
	if waits {
		s.line("\nThe order waits for %s.", waiting(o.now))
	}
	s.results = append(s.results, r)
	s.tellSaw(f, o)
	return nil
}

func (s *show) tellSaw(f fate, o *order) {
	if s.saw != nil {
		s.saw(f.name, o.now)
	}
}

// putOnSale creates and publishes a conference, and waits until every app that
// handles orders knows it.
func (s *show) putOnSale(ctx context.Context) error {
	starts := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 6, 0)
	id, err := s.organiser.CreateConference(ctx, api.NewConference{
		Slug: s.slug(), Owner: "The demo", Name: "CQRS in the wild", Description: "A conference for the demo.",
		Location: "Everywhere", Currency: "USD",
		TimeZone: "Europe/Berlin", StartsAt: starts, EndsAt: starts.AddDate(0, 0, 2), RefundUntil: starts.AddDate(0, 0, -7),
	})
	if err != nil {
		return err
	}
	for _, t := range seatTypes {
		if _, err := s.organiser.AddSeatType(ctx, id, t); err != nil {
			return err
		}
	}
	if err := s.organiser.Publish(ctx, id); err != nil {
		return err
	}
	watching, cancel := context.WithTimeoutCause(ctx, patience, errImpatient)
	defer cancel()
	s.conference, err = s.anyone.WatchConference(watching, id, func(c api.Conference) bool {
		isOut := func(t api.SeatType) bool { return t.Remaining != t.Quota }
		return c.Published && len(c.SeatTypes) == len(seatTypes) && !slices.ContainsFunc(c.SeatTypes, isOut)
	})
	if err != nil {
		return fmt.Errorf("the seats of the new conference are not available: %w", err)
	}
	return s.awaitPrice(ctx, party)
}

// slug is the conference's. It does not reveal the run's id, which gives access to
// the run's orders.
func (s *show) slug() string {
	return "demo-" + uuid.NewSHA1(s.run, []byte("conference")).String()[:8]
}

func (s *show) seatType(name string) *api.SeatType {
	i := slices.IndexFunc(s.conference.SeatTypes, func(t api.SeatType) bool { return t.Name == name })
	return &s.conference.SeatTypes[i]
}

// giveAway makes seats free for new orders.
func (s *show) giveAway(ctx context.Context, name string) error {
	t := s.seatType(name)
	t.Price.Amount = 0
	if err := s.organiser.UpdateSeatType(ctx, s.conference.ID, t.ID, api.NewSeatType{Name: t.Name, Quota: t.Quota}); err != nil {
		return err
	}
	return s.awaitPrice(ctx, name)
}

// awaitPrice waits until new orders have the price of a seat type. The order app
// keeps its own copy of the prices and learns of a change a moment later. Only an
// order shows which price it has, so one is placed and cancelled.
func (s *show) awaitPrice(ctx context.Context, name string) error {
	t := s.seatType(name)
	return within(ctx, func(ctx context.Context) error {
		id, err := s.anyone.PlaceOrder(ctx, s.conference.ID, api.Item{SeatType: t.ID, Quantity: 1})
		if err != nil {
			return err
		}
		o, err := s.anyone.Order(ctx, id)
		if err != nil {
			return err
		}
		if err := s.anyone.Cancel(ctx, id); err != nil {
			return err
		}
		s.hold = o.Deadline.Sub(o.PlacedAt)
		if o.Total != t.Price {
			return fmt.Errorf("an order of one %s costs %s, not %s", name, o.Total, t.Price)
		}
		return nil
	})
}

// account checks that no seat was lost or sold twice: for each type, the seats sold,
// held and left must add up to the quota.
func (s *show) account(ctx context.Context) error {
	var held, sold map[string]int
	err := within(ctx, func(ctx context.Context) (err error) {
		if s.conference, err = s.anyone.Conference(ctx, s.conference.ID); err != nil {
			return err
		}
		held, sold = map[string]int{}, map[string]int{}
		for _, name := range append([]string{rival}, names()...) {
			o, err := s.anyone.Order(ctx, s.order(name).id)
			if api.Code(err) == "order-not-found" && name == rival {
				continue
			}
			if err != nil {
				return err
			}
			for _, line := range o.Lines {
				switch {
				case o.Status == "confirmed":
					sold[line.Name] += line.Granted
				case !ended(o):
					held[line.Name] += line.Granted
				}
			}
		}
		for _, t := range s.conference.SeatTypes {
			if sold[t.Name]+held[t.Name]+t.Remaining != t.Quota {
				return fmt.Errorf("of %d seats of %s, %d are sold, %d held and %d left",
					t.Quota, t.Name, sold[t.Name], held[t.Name], t.Remaining)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("the seats do not add up: %w", err)
	}
	s.seats(sold, held)
	return nil
}
