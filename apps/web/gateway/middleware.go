package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/apps/web/problem"
)

const (
	// MaxBody is the largest body of a request, in bytes.
	MaxBody = 64 << 10
	// bodyWithin is how long a body may take to arrive.
	bodyWithin = 5 * time.Second
)

// logAccess writes one line per request, with the route instead of the address, since
// an address may hold a secret, and without anything that identifies the client.
func (g *Gateway) logAccess(c *gin.Context) {
	start := time.Now()
	c.Next()
	route := c.FullPath()
	if route == "" {
		route = "none"
	}
	g.log.InfoContext(c.Request.Context(), "request",
		"method", c.Request.Method, "route", route, "status", c.Writer.Status(),
		"bytes", max(c.Writer.Size(), 0), "ms", time.Since(start).Milliseconds())
}

// recoverPanic answers a request whose handler panicked with a problem. If an answer
// has begun, it closes the connection, so that the client does not take half an answer
// for a whole one.
func (g *Gateway) recoverPanic(c *gin.Context) {
	defer func() {
		fault := recover()
		if fault == nil {
			return
		}
		// This fault is how a proxy says that an answer broke off.
		if err, ok := fault.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			g.log.ErrorContext(c.Request.Context(), "panic", "route", c.FullPath(), "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
		}
		if c.Writer.Written() {
			breakOff(c.Writer)
			c.Abort()
			return
		}
		g.fail(c, problem.New(problem.InternalError))
	}()
	c.Next()
}

// breakOff closes the connection under a response. The server's own way, a
// panic, would be caught, and logged with the request's address, by whatever
// stands between it and us.
func breakOff(w gin.ResponseWriter) {
	under, ok := w.(interface{ Unwrap() http.ResponseWriter })
	if !ok {
		return
	}
	if conn, _, err := http.NewResponseController(under.Unwrap()).Hijack(); err == nil {
		_ = conn.Close()
	}
}

func secureHeaders(c *gin.Context) { secure(c.Writer.Header()) }

// secure sets the headers that keep answers from being kept, framed, or taken
// for something else by a browser.
func secure(h http.Header) {
	setIfAbsent(h, "X-Content-Type-Options", "nosniff")
	setIfAbsent(h, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	setIfAbsent(h, "Referrer-Policy", "no-referrer")
	setIfAbsent(h, "Cross-Origin-Resource-Policy", "same-origin")
	setIfAbsent(h, "Cache-Control", "no-store")
}

// readWithinReach is how long a client may take to receive an answer, or a part of
// a stream, before it is given up: one that never reads would hold the answer.
const readWithinReach = 30 * time.Second

// boundWriting gives the client so long to receive the answer once it is due.
func boundWriting(c *gin.Context) {
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(MaxWait + 2*readWithinReach)) // a test's recorder has none
}

// untilRead gives a client that long for each part of a stream.
type untilRead struct {
	http.ResponseWriter
	conn *http.ResponseController
}

func (u untilRead) Write(p []byte) (int, error) {
	_ = u.conn.SetWriteDeadline(time.Now().Add(readWithinReach))
	return u.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (u untilRead) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// readBody reads the body, bounded in size and time, before anything else is
// done. Once it is there, the connection has no read deadline: the server
// watches it for the client's going away, and would take a deadline that passes
// while an answer is being waited for as just that.
func (g *Gateway) readBody(c *gin.Context) {
	conn := http.NewResponseController(c.Writer)
	_ = conn.SetReadDeadline(time.Now().Add(bodyWithin)) // a test's recorder has none
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		g.fail(c, problem.New(problem.BodyTooLarge))
	case err != nil:
		g.fail(c, problem.New(problem.RequestTimeout).With("Connection", "close"))
	default:
		_ = conn.SetReadDeadline(time.Time{})
		c.Request.Body = io.NopCloser(bytes.NewReader(body))
		c.Request.ContentLength = int64(len(body))
		c.Request.TransferEncoding = nil
	}
}
