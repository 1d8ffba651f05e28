package host

import (
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
)

// callerHeader says which app makes a request by service invocation: the caller's
// sidecar writes it. What an app's own sidecar asks of it, such as a delivery, is
// without it.
const callerHeader = "dapr-caller-app-id"

// fromOthers lets other apps make the requests that may allows; nil allows none.
// Dapr's access control says the same, but only where sidecars know each other by
// mTLS; this holds with every set of components.
func fromOthers(may func(caller, verb, path string) bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		// An app may send the header itself. Its sidecar then adds its name as another
		// value, so each of them has to be allowed.
		for _, caller := range c.Request.Header.Values(callerHeader) {
			if may != nil && may(caller, c.Request.Method, c.Request.URL.Path) {
				continue
			}
			slog.WarnContext(c, "forbidden", "caller", caller, "method", c.Request.Method, "path", c.Request.URL.Path)
			c.AbortWithStatusJSON(http.StatusForbidden, gin.H{
				"title": "The app " + caller + " may not make this request.", "status": http.StatusForbidden, "code": forbidden,
			})
			return
		}
	}
}

// forbidden is the stable code of that refusal.
const forbidden = "caller-not-allowed"
