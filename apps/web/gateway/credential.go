package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// The credentials that operations ask for.
const (
	organiserScheme = "organiser"
	operatorScheme  = "operator"
	orderScheme     = "order"
)

// only lets a request pass that carries the credential of one of these roles.
func (g *Gateway) only(roles ...access.Caller) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := humagin.Unwrap(ctx)
		who, err := g.access.Staff(c.Request)
		switch {
		case err != nil || who.Caller == access.Nobody:
			fail(c, g.denied(ctx.Context(), err, problem.CredentialRequired))
		case !slices.Contains(roles, who.Caller):
			fail(c, problem.New(problem.CredentialOfAnother))
		default:
			g.as(c, who, access.Bearer(c.Request))
			next(ctx)
		}
	}
}

// organiserToo lets a request pass without a credential; with one it has to be the
// organiser's, who is shown more.
func (g *Gateway) organiserToo(ctx huma.Context, next func(huma.Context)) {
	if ctx.Header("Authorization") == "" {
		next(ctx)
		return
	}
	g.only(access.Organiser)(ctx, next)
}

// openedOnly lets a request pass that may see the order in its path.
func (g *Gateway) openedOnly(ctx huma.Context, next func(huma.Context)) {
	c := humagin.Unwrap(ctx)
	order, err := uuid.Parse(ctx.Param("id"))
	if err != nil || order.String() != strings.ToLower(ctx.Param("id")) {
		fail(c, problem.Invalid(problem.Field{Field: "path.id", Rule: "format=uuid"}))
		return
	}
	who, err := g.access.Caller(c.Request, order)
	if err != nil || who.Caller == access.Nobody {
		fail(c, g.denied(ctx.Context(), err, problem.OrderSecretRequired))
		return
	}
	g.as(c, who, access.Shown(c.Request, order))
	next(ctx)
}

// as notes who makes the request. What it asks other apps, it asks for the organisation
// for which they act.
func (g *Gateway) as(c *gin.Context, who access.Who, shown string) {
	ctx := c.Request.Context()
	o := originOf(ctx)
	o.organiser, o.operator, o.member, o.shown = who.Caller == access.Organiser, who.Caller == access.Operator, who.Member, shown
	switch {
	case o.organiser:
		ctx = upstream.For(ctx, o.member.Organisation.String())
	case o.operator:
		ctx = upstream.For(ctx, upstream.All)
	}
	c.Request = c.Request.WithContext(ctx)
	setOrigin(c, o)
}

// recheck is how often the credential of whoever watches a stream is looked at again.
const recheck = 20 * time.Second

// whileItOpens is ctx, cancelled when the credential of an organiser or operator, which
// opened a stream, opens nothing any more. One that cannot be looked up for as long as one
// that was revoked may still open something, is taken for revoked.
func (g *Gateway) whileItOpens(ctx context.Context) (context.Context, context.CancelFunc) {
	o := originOf(ctx)
	ctx, cancel := context.WithCancel(ctx)
	if !o.organiser && !o.operator {
		return ctx, cancel
	}
	go func() {
		defer cancel()
		again := time.NewTicker(g.recheck)
		defer again.Stop()
		for failed := 0; failed < 2; {
			select {
			case <-ctx.Done():
				return
			case <-again.C:
			}
			switch ok, err := g.access.Still(ctx, o.shown); {
			case err != nil:
				failed++
			case !ok:
				return
			default:
				failed = 0
			}
		}
	}()
	return ctx, cancel
}

// denied is the answer to a request that shows nothing that opens what it asks
// for.
func (g *Gateway) denied(ctx context.Context, err error, required es.Code) *problem.Problem {
	var tooMany access.TooManyTries
	switch {
	case err == nil:
		return problem.New(required).With("WWW-Authenticate", `Bearer realm="plenary"`)
	case errors.Is(err, access.ErrNotTheirs):
		return problem.New(refusal.OrderNotFound)
	case errors.Is(err, access.ErrCrossSite):
		return problem.New(problem.CrossOrigin)
	case errors.As(err, &tooMany):
		g.refused.Add(ctx, 1, forThrottle)
		return problem.New(problem.TooManyRequests).With("Retry-After", seconds(tooMany.RetryAfter))
	}
	return g.unavailable(ctx, "check a credential", err)
}

// wrongCredential counts a secret or token that opens nothing.
func (g *Gateway) wrongCredential(ctx context.Context) { g.wrong.Add(ctx, 1) }
