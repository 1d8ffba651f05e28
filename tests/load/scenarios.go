package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/plenary/plenary/tests/harness"
	"github.com/plenary/plenary/tests/load/pace"
	"github.com/plenary/plenary/tools/servers/ready"
)

// scenarios are loads that are not steady, each on a system of its own.
var scenarios = map[string]func(ctx context.Context, o pace.Options) error{"flash": flash, "lapse": lapse}

// flash has ten orders for each seat come at once; and, to compare, a tenth of the
// orders for a tenth of the seats. The work for each contender should be the same.
func flash(ctx context.Context, o pace.Options) (err error) {
	s, err := harness.Start(ctx, harness.Options{})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	const perSeat, smaller = 10, 10
	var took [2]time.Duration
	for i, contenders := range []int{o.Orders / smaller, o.Orders} {
		o.Orders, o.Seats = contenders, contenders/perSeat
		r, err := pace.Measure(ctx, s.Organiser(), s.API(), o)
		if err != nil {
			return err
		}
		took[i] = r.Took
		fmt.Printf("%6d contenders for %5d seats: all served after %.1f s, %d confirmed, %d rejected, %d seats remain\n",
			o.Orders, o.Seats, r.Took.Seconds(), len(r.Confirmed), r.Rejected, r.Remaining)
	}
	fmt.Printf("%d times the contenders took %.1f times as long\n", smaller, took[1].Seconds()/took[0].Seconds())
	return nil
}

// lapse has orders hold seats, and stops the process's app until their holds are over.
// Then all lapse at once.
func lapse(ctx context.Context, o pace.Options) (err error) {
	const (
		slow  = 40 // orders per second that even a slow machine places
		least = 30 * time.Second
		app   = "registration-process"
	)
	hold := least + time.Duration(o.Orders)*time.Second/slow
	s, err := harness.Start(ctx, harness.Options{Env: map[string]string{"PLENARY_HOLD": hold.String(), "PLENARY_GRACE": "1s"}})
	defer func() { err = errors.Join(err, s.Close()) }()
	if err != nil {
		return err
	}
	o.Abandon = true
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
