package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/apps/web/problem"
)

// passThrough opens the payment app's own pages and its provider's webhooks to
// the world. They are no part of the API: the pages are for the payer's
// browser, and a webhook's form is the provider's.
func (g *Gateway) passThrough(routes gin.IRoutes) {
	for _, path := range []string{"/pay/*rest", "/webhooks/*rest"} {
		routes.GET(path, g.toPayments)
		routes.POST(path, g.toPayments)
	}
}

func (g *Gateway) toPayments(c *gin.Context) {
	clear(c.Writer.Header()) // a page has its own idea of what it may load
	g.payments.Forward(c.Writer, c.Request, c.Request.URL.Path, func(resp *http.Response) error {
		secure(resp.Header)
		return nil
	}, func(w http.ResponseWriter, r *http.Request, err error) {
		secure(w.Header())
		problem.Write(w, r, g.unavailable(r.Context(), "pass on to payments", err))
	})
}
