package host

import (
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
)

// shownOfWaiting is how many of the messages that wait are shown.
const shownOfWaiting = 100

// serveWaiting shows what waits for another version of this app.
func (h *Host) serveWaiting(c *gin.Context) {
	some, n, err := h.handler.Waiting(c, shownOfWaiting)
	if err != nil {
		slog.ErrorContext(c, "what waits cannot be read", "error", err)
		c.Status(http.StatusServiceUnavailable)
		return
	}
	c.JSON(http.StatusOK, gin.H{"total": n, "messages": some})
}

// discardWaiting throws one of them away.
func (h *Host) discardWaiting(c *gin.Context) {
	if err := h.handler.DiscardWaiting(c, c.Param("name")); err != nil {
		slog.ErrorContext(c, "what waits cannot be discarded", "error", err)
		c.Status(http.StatusServiceUnavailable)
		return
	}
	c.Status(http.StatusNoContent)
}
