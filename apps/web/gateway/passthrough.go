package gateway

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/upstream"
)

// passThrough opens the payment app's own pages and its provider's webhooks to
// the world. They are no part of the API: the pages are for the payer's
// browser, and a webhook's form is the provider's.
func (g *Gateway) passThrough(routes gin.IRoutes) {
	routes.GET("/pay/:id", g.toPayments)
	routes.GET("/pay/:id/:page", g.toPayments) // id is a provider's name then
	routes.POST("/pay/:id/:page", g.toPayments)
	routes.POST("/webhooks/:provider", g.toPayments)
}

// errUnreached replaces the sidecar's own error, which clients must not see.
var errUnreached = errors.New("payments cannot be reached")

func (g *Gateway) toPayments(c *gin.Context) {
	clear(c.Writer.Header()) // a page has its own idea of what it may load
	if g.pages != nil {      // payers read on in the language that they chose
		c.Request.Header.Set("Accept-Language", g.pages.Language(c))
	}
	g.payments.Forward(c.Writer, c.Request, c.Request.URL.Path, func(resp *http.Response) error {
		if upstream.Unreached(resp) {
			return errUnreached
		}
		secure(resp.Header)
		return nil
	}, func(w http.ResponseWriter, r *http.Request, err error) {
		secure(w.Header())
		if errors.Is(err, upstream.ErrNotFound) {
			g.fail(c, problem.New(problem.NotFound))
			return
		}
		g.fail(c, g.unavailable(r.Context(), "pass on to payments", err))
	})
}
