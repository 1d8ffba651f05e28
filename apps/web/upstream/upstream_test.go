package upstream_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/plenary/plenary/apps/web/upstream"
)

func app(t *testing.T, h http.HandlerFunc) *upstream.App {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return upstream.New("query", srv.URL+"/v1.0/invoke/query/method/", http.DefaultTransport)
}

func TestTheAppIsAskedUnderItsAddress(t *testing.T) {
	a := app(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"got":"`+r.Method+" "+r.URL.String()+" "+r.Header.Get("Content-Type")+" "+strings.ReplaceAll(string(body), `"`, "'")+`"}`)
	})
	var answer struct{ Got string }
	if err := a.Get(t.Context(), "/orders/1?x=2", &answer); err != nil || answer.Got != "GET /v1.0/invoke/query/method/orders/1?x=2  " {
		t.Fatalf("%q, %v", answer.Got, err)
	}
	if err := a.Post(t.Context(), "/find", map[string]int{"a": 1}, &answer); err != nil || answer.Got != "POST /v1.0/invoke/query/method/find application/json {'a':1}" {
		t.Fatalf("%q, %v", answer.Got, err)
	}
}

// A sidecar cleans paths, and obeys headers: what a client sends must not make it
// do anything but call this app.
func TestNoPathOrHeaderLeadsPastTheApp(t *testing.T) {
	asked := 0
	passed := []string{
		"Accept", "Accept-Language", "Content-Type", "Last-Event-Id", "Sec-Fetch-Site",
		"Demo-Signature", "Signature", "Stripe-Signature", "X-Hub-Signature-256", "Hmac-Signature", "Webhook-Id", "Webhook-Timestamp", "Paypal-Transmission-Sig",
	}
	a := app(t, func(_ http.ResponseWriter, r *http.Request) {
		asked++
		for name, value := range r.Header {
			if value[0] == "stays" {
				t.Errorf("%s was passed on", name)
			}
		}
		for _, name := range passed {
			if r.Header.Get(name) != "passes" {
				t.Errorf("%s was not passed on", name)
			}
		}
	})
	for _, path := range []string{
		"/pay/../x", "/..", "/.", "/pay/./x", "/pay//x", "//x", "/pay/", "", "x", "/pay/%2e%2e", "/pay/a%2fb", "/a#b", "/a\\..", "/a\x00", "http://elsewhere/x", "/a b",
	} {
		var failed error
		a.Forward(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/x", nil), path, nil, func(_ http.ResponseWriter, _ *http.Request, err error) { failed = err })
		if !errors.Is(failed, upstream.ErrNotFound) {
			t.Errorf("forwarded %q: %v", path, failed)
		}
		if err := a.Get(t.Context(), path, nil); !errors.Is(err, upstream.ErrNotFound) {
			t.Errorf("read %q: %v", path, err)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/webhooks/demo", nil)
	for _, name := range passed {
		r.Header.Set(name, "passes")
	}
	for _, name := range []string{
		"Dapr-App-Id", "dapr-api-token", "Dapr-Signature", "Plenary-Tenant", "Plenary-Signature", "Authorization", "Cookie", "Proxy-Authorization",
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-Url", "X-Http-Method-Override", "Traceparent", "Baggage", "Anything-Else",
	} {
		r.Header.Set(name, "stays")
	}
	a.Forward(httptest.NewRecorder(), r, "/webhooks/demo", nil, nil)
	if asked != 1 {
		t.Errorf("%d requests reached the sidecar, want one", asked)
	}
}

// What a client sends with a question that no app asks for must not make it fail on its
// way.
func TestAQuestionIsPassedOnWithoutItsBodyAndWithoutHeadersThatCannotPass(t *testing.T) {
	a := app(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || len(body) > 0 || r.ContentLength > 0 || r.Header.Get("Last-Event-Id") != "" || r.Header.Get("Range") != "" || r.Header.Get("Accept-Language") != "en" {
			t.Errorf("passed on: %d bytes (%v), %v", len(body), err, r.Header)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	r := httptest.NewRequest(http.MethodGet, "/orders/1/events", strings.NewReader("a body"))
	r.Header.Set("Last-Event-Id", strings.Repeat("x", 5000))
	r.Header.Set("Range", "\xff\xfe") // no header between sidecars
	r.Header.Set("Accept-Language", "en")
	w := httptest.NewRecorder()
	a.Forward(w, r, "/orders/1/events", nil, nil)
	if w.Code != http.StatusNoContent {
		t.Errorf("answered %d", w.Code)
	}
	var failed error
	r.URL.RawQuery = "x=" + strings.Repeat("y", 30_000)
	a.Forward(httptest.NewRecorder(), r, "/orders/1/events", nil, func(_ http.ResponseWriter, _ *http.Request, err error) { failed = err })
	if !errors.Is(failed, upstream.ErrNotFound) {
		t.Errorf("a query of 30 KB: %v", failed)
	}
}

func TestAnswersThatAreNoSuccess(t *testing.T) {
	for _, c := range []struct {
		name, contentType, body string
		status                  int
		want                    upstream.StatusError
	}{
		{"a problem", "application/problem+json", `{"code":"order-gone","detail":"d"}`, 409, upstream.StatusError{App: "query", Status: 409, Code: "order-gone", Detail: "d"}},
		{"a problem that cannot be read", "application/problem+json", `{`, 409, upstream.StatusError{App: "query", Status: 409}},
		{"an error of the sidecar", "application/json", `{"errorCode":"ERR_PERMISSION_DENIED"}`, 500, upstream.StatusError{App: "query", Status: 500}},
		{"a redirect", "", "", 302, upstream.StatusError{App: "query", Status: 302}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := app(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			var got *upstream.StatusError
			if err := a.Get(t.Context(), "/x", nil); !errors.As(err, &got) || *got != c.want {
				t.Fatalf("got %+v, want %+v", got, c.want)
			}
		})
	}
	a := app(t, http.NotFound)
	if err := a.Get(t.Context(), "/x", nil); !errors.Is(err, upstream.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestAnAnswerThatBreaksOffIsAnError(t *testing.T) {
	a := app(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"a":1}`)
	})
	var answer map[string]any
	if err := a.Get(t.Context(), "/x", &answer); err == nil {
		t.Fatalf("got %v", answer)
	}
}

func TestReadingIsTriedAgainWhileTheSidecarReachesNoApp(t *testing.T) {
	var asked int
	var with []byte
	a := app(t, func(w http.ResponseWriter, r *http.Request) {
		with, _ = io.ReadAll(r.Body)
		if asked++; asked < 3 {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"errorCode":"ERR_DIRECT_INVOKE","message":"failed to invoke"}`)
			return
		}
		_, _ = io.WriteString(w, `{"a":1}`)
	})
	var answer map[string]int
	if err := a.Get(t.Context(), "/x", &answer); err != nil || answer["a"] != 1 || asked != 3 {
		t.Errorf("%v after %d requests: %v", answer, asked, err)
	}
	asked = 0
	recorded := httptest.NewRecorder()
	a.Forward(recorded, httptest.NewRequest(http.MethodGet, "/stream", nil), "/stream", nil, nil)
	if recorded.Code != http.StatusOK || recorded.Body.String() != `{"a":1}` {
		t.Errorf("forwarded %d %s", recorded.Code, recorded.Body)
	}
	asked = 0
	if err := a.Question(t.Context(), "/x", "what", &answer); err != nil || asked != 3 || string(with) != `"what"` {
		t.Errorf("after %d requests, the last with %s: %v", asked, with, err)
	}
	asked = 0
	if err := a.Post(t.Context(), "/x", nil, &answer); err == nil || asked != 1 {
		t.Errorf("what may change something was sent %d times: %v", asked, err)
	}
}
