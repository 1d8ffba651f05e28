package host

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestOtherAppsMayMakeTheRequestsThatAreAllowedAndNoOthers(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	allowed := func(caller, verb, path string) bool {
		return caller == "web" && verb == http.MethodGet && path == "/orders"
	}
	router.Any("/orders", fromOthers(allowed), func(c *gin.Context) { c.Status(http.StatusNoContent) })
	router.Any("/bus", fromOthers(nil), func(c *gin.Context) { c.Status(http.StatusNoContent) })
	for _, c := range []struct {
		verb, path string
		callers    []string
		want       int
	}{
		{http.MethodGet, "/orders", []string{"web"}, http.StatusNoContent},
		{http.MethodPost, "/orders", []string{"web"}, http.StatusForbidden},
		{http.MethodGet, "/orders", []string{"seats"}, http.StatusForbidden},
		{http.MethodGet, "/orders", []string{""}, http.StatusForbidden},
		{http.MethodGet, "/orders", []string{"web", "seats"}, http.StatusForbidden}, // an app that says it is another
		{http.MethodGet, "/orders", []string{"seats", "web"}, http.StatusForbidden},
		{http.MethodGet, "/orders", nil, http.StatusNoContent}, // its own sidecar
		{http.MethodPost, "/bus", nil, http.StatusNoContent},
		{http.MethodPost, "/bus", []string{"web"}, http.StatusForbidden},
	} {
		r := httptest.NewRequest(c.verb, c.path, nil)
		for _, caller := range c.callers {
			r.Header.Add("Dapr-Caller-App-Id", caller)
		}
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %s from %q: %d, want %d", c.verb, c.path, c.callers, w.Code, c.want)
		}
	}
}
