package gateway

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/contracts"
)

// origin is what an operation needs to know about the request beside its input.
type origin struct {
	addr      netip.Addr
	route     string        // method and path
	organiser bool          // proved by the credential
	operator  bool          // proved by the credential
	door      bool          // an order is placed by an organiser of its conference, who sells at the door
	member    access.Member // who an organiser is
	shown     string        // the secret or credential that the request shows
	request   *http.Request // as it came
}

// credential names what the request proved, under which its Idempotency-Key is
// kept; empty where none was needed. It is not the token itself, so
// that a retry may come after the token was replaced.
func (o origin) credential() string {
	switch {
	case o.organiser && o.member.ID != uuid.Nil:
		return "member " + o.actor()
	case o.organiser:
		return "organiser"
	case o.operator:
		return "operator"
	}
	return ""
}

// secret is that with which a holder opens the order; empty for others.
func (o origin) secret() string {
	if o.organiser || o.operator {
		return ""
	}
	return o.shown
}

// actor is on whose behalf the request's command is sent.
func (o origin) actor() string {
	switch {
	case o.organiser:
		return o.member.Actor().String()
	case o.operator:
		return contracts.Actor{Operator: true}.String()
	}
	return ""
}

type originKey struct{}

func originOf(ctx context.Context) origin {
	o, _ := ctx.Value(originKey{}).(origin)
	return o
}

func (g *Gateway) withOrigin(c *gin.Context) {
	setOrigin(c, origin{addr: g.proxies.client(c.Request), route: c.Request.Method + " " + c.Request.URL.Path, request: c.Request})
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
