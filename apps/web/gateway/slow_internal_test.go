package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/plenary/plenary/apps/web/throttle"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/contracts/refusal"
)

// body is the answer of an app: what next gives, until the request is over.
type body struct {
	ctx  context.Context
	next func(p []byte) int
}

func (b body) Read(p []byte) (int, error) {
	if n := b.next(p); n > 0 && b.ctx.Err() == nil {
		return n, nil
	}
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func (body) Close() error { return nil }

// answering is an app that answers every request with a stream.
type answering func(p []byte) int

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {upstream.EventStream}}, Body: body{r.Context(), a},
	}, nil
}

func watching(app answering) *Gateway {
	return &Gateway{
		streams: throttle.NewPlaces(1, 1), running: context.Background(), query: upstream.New("query", "http://query", app),
	}
}

func TestAStreamEndsAfterAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ended := watching(func([]byte) int { return 0 }), make(chan struct{})
		go func() {
			defer close(ended)
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			g.forwardStream(httptest.NewRecorder(), r, "/orders/1/events", refusal.OrderNotFound)
		}()
		select {
		case <-ended:
			t.Fatal("the stream ended early")
		case <-time.After(streamFor - time.Second):
		}
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Error("the stream goes on") // the bubble fails as well
		}
	})
}

// once is a listener that has one connection.
type once struct{ conn chan net.Conn }

func (l once) Accept() (net.Conn, error) {
	conn, ok := <-l.conn
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (once) Close() error   { return nil }
func (once) Addr() net.Addr { return &net.TCPAddr{} }

func TestAClientThatDoesNotReadIsLetGo(t *testing.T) {
	gin.SetMode(gin.TestMode)
	endless := func(p []byte) int {
		<-time.After(time.Second) // until the headers were sent
		return len(p)
	}
	for name, answer := range map[string]func(c *gin.Context){
		"a stream": func(c *gin.Context) {
			watching(endless).forwardStream(c.Writer, c.Request, "/orders/1/events", refusal.OrderNotFound)
		},
		"an answer": func(c *gin.Context) { _, _ = io.Copy(c.Writer, strings.NewReader(strings.Repeat("x", 1<<20))) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan struct{})
				router := gin.New()
				router.GET("/", boundWriting, func(c *gin.Context) {
					defer close(ended)
					answer(c)
				})
				client, server := net.Pipe()
				listener := once{make(chan net.Conn, 1)}
				listener.conn <- server
				srv := http.Server{Handler: router}
				go func() { _ = srv.Serve(listener) }()
				if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: web\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				resp, err := http.ReadResponse(bufio.NewReader(client), nil) // and nothing more
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("%+v, %v", resp, err)
				}
				select {
				case <-ended:
				case <-time.After(10 * time.Minute):
					t.Error("the answer is held")
				}
				_ = client.Close()
				close(listener.conn)
				_ = srv.Close()
			})
		})
	}
}
