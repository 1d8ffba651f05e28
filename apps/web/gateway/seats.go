package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/plenary/plenary/apps/query/live"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/engine/message"
)

// limitSeats lets the orders of an e-mail address have only so many seats of a conference.
// Query is asked how many these are, only where there is a limit. As query follows the
// orders, two that change at the same moment may pass the limit together. Where query does
// not know the order in time, or cannot be asked, every order passes.
func (g *Gateway) limitSeats(ctx context.Context, cmd Command) error {
	most := g.limits.now().SeatsPerEmail
	if most == 0 || cmd.Email == "" && cmd.Wants == nil {
		return nil
	}
	counted, err := g.countSeats(ctx, view.CountSeats{OrderID: cmd.About, Email: cmd.Email})
	if err != nil {
		if ctx.Err() == nil {
			g.log.WarnContext(ctx, "the seats of an e-mail address could not be counted, and its order was let pass", "error", err)
		}
		return nil
	}
	wants := counted.Order
	if cmd.Wants != nil {
		wants = *cmd.Wants
	}
	noEmail := cmd.Email == "" && !counted.Already
	nothingComes := counted.Already && wants <= counted.Order
	if noEmail || nothingComes || wants+counted.Others <= most {
		return nil
	}
	return problem.New(problem.TooManySeatsOfEmail)
}

// countWithin is how long an order may take to be seen by query, which must not make the
// limit one for those only who wait: the registrant may be named as soon as the order is placed.
const countWithin = 3 * time.Second

// countSeats asks query, again after each change, until it knows the order.
func (g *Gateway) countSeats(ctx context.Context, asked view.CountSeats) (counted view.SeatsCounted, err error) {
	ctx, cancel := context.WithTimeout(ctx, countWithin)
	defer cancel()
	waiter := g.changes.Hub().Wait(live.OrderKey(message.DefaultTenant, asked.OrderID.String()))
	defer waiter.Leave()
	for {
		err = g.query.Post(ctx, "/orders/count-seats", asked, &counted)
		if !errors.Is(err, upstream.ErrNotFound) {
			return counted, err
		}
		select {
		case <-waiter.Changed:
		case <-time.After(askAgain):
		case <-ctx.Done():
			return counted, err
		}
	}
}

// atTheDoor notes that an order is placed with the credential of an organiser of its
// conference. Any other order passes as well, without that note.
func (g *Gateway) atTheDoor(ctx huma.Context, next func(huma.Context)) {
	if ctx.Header("Authorization") != "" {
		c := humagin.Unwrap(ctx)
		if who, err := g.access.Staff(c.Request); err == nil && who.Caller == access.Organiser {
			asking, cancel := context.WithTimeout(upstream.For(c.Request.Context(), who.Member.Organisation.String()), readWithin)
			defer cancel()
			var of view.Conference
			if err := g.query.Get(asking, "/organiser/drafts/"+ctx.Param("id"), &of); err == nil && of.OrganisationID == who.Member.Organisation {
				o := originOf(c.Request.Context())
				o.door = true
				setOrigin(c, o)
			}
		}
	}
	next(ctx)
}
