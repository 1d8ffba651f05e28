package gateway

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/gin-gonic/gin"
)

// origin is what an operation needs to know about the request beside its input.
type origin struct {
	addr      netip.Addr
	route     string // method and path
	organiser bool   // proved by the credential
	operator  bool   // proved by the credential
	shown     string // the secret with which a holder opens the order
}

// credential names what the request proved, under which its Idempotency-Key is
// kept; empty where none was needed. It is not the token itself, so
// that a retry may come after the token was replaced.
func (o origin) credential() string {
	switch {
	case o.organiser:
		return "organiser"
	case o.operator:
		return "operator"
	}
	return ""
}

type originKey struct{}

func originOf(ctx context.Context) origin {
	o, _ := ctx.Value(originKey{}).(origin)
	return o
}

func (g *Gateway) withOrigin(c *gin.Context) {
	setOrigin(c, origin{addr: g.proxies.client(c.Request), route: c.Request.Method + " " + c.Request.URL.Path})
}

func setOrigin(c *gin.Context, o origin) {
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), originKey{}, o))
}

// setIfAbsent sets a header that somebody else may have set with more reason.
func setIfAbsent(h http.Header, name, value string) {
	if h.Get(name) == "" {
		h.Set(name, value)
	}
}
