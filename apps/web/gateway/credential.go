package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/problem"
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
		caller, err := g.access.Staff(c.Request)
		switch {
		case err != nil || caller == access.Nobody:
			fail(c, g.denied(ctx.Context(), err, problem.CredentialRequired))
		case !slices.Contains(roles, caller):
			fail(c, problem.New(problem.CredentialOfAnother))
		default:
			g.as(c, caller)
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
	caller, err := g.access.Caller(c.Request, order)
	if err != nil || caller == access.Nobody {
		fail(c, g.denied(ctx.Context(), err, problem.OrderSecretRequired))
		return
	}
	g.as(c, caller)
	if caller == access.Holder {
		o := originOf(c.Request.Context())
		o.shown = access.Shown(c.Request, order)
		setOrigin(c, o)
	}
	next(ctx)
}

func (g *Gateway) as(c *gin.Context, caller access.Caller) {
	o := originOf(c.Request.Context())
	o.organiser, o.operator = caller == access.Organiser, caller == access.Operator
	setOrigin(c, o)
}

// denied is the answer to a request that shows nothing that opens what it asks
// for.
func (g *Gateway) denied(ctx context.Context, err error, required es.Code) *problem.Problem {
	var tooMany access.TooManyTries
	switch {
	case err == nil:
		return problem.New(required).With("WWW-Authenticate", `Bearer realm="plenary"`)
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
