package tracing_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel"

	"github.com/plenary/plenary/engine/telemetry/telemetrytest"
	"github.com/plenary/plenary/engine/tracing"
)

// ask has app A, which the world calls, ask app B, and returns what B got.
func ask(t *testing.T, begins bool, client http.Header) (received http.Header) {
	t.Helper()
	gin.SetMode(gin.TestMode)
	b := gin.New()
	b.Use(tracing.Requests(false, nil))
	b.GET("/answers/:id", func(c *gin.Context) {
		received = c.Request.Header
		c.Status(http.StatusNotFound)
	})
	behind := httptest.NewServer(b)
	defer behind.Close()

	a := gin.New()
	a.Use(tracing.Requests(begins, func(r *http.Request) bool { return r.Header.Get("Trusted") != "" }))
	transport := tracing.Transport(func(*http.Request) string { return "ask b" }, http.DefaultTransport)
	a.GET("/questions/:id", func(c *gin.Context) {
		req, err := http.NewRequestWithContext(c.Request.Context(), http.MethodGet, behind.URL+"/answers/secret", http.NoBody)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		_ = resp.Body.Close()
		c.Status(resp.StatusCode)
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/questions/secret?email=ann@example.org", http.NoBody)
	maps.Copy(r.Header, client)
	a.ServeHTTP(httptest.NewRecorder(), r)
	return received
}

const (
	kept    = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	notKept = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

func TestARequestGoesOnInTheNextApp(t *testing.T) {
	const chain = "GET /questions/:id\n  ask b\n    GET /answers/:id\n"
	const linked = "GET /questions/:id ~ \n  ask b\n    GET /answers/:id\n"
	for name, test := range map[string]struct {
		begins bool
		parent string
		by     string
		want   string
	}{
		"of nobody, where traces begin":             {true, "", "", chain},
		"of nobody, where none begins":              {false, "", "", ""},
		"of an app with a trace":                    {false, kept, "", "? " + chain},
		"of a caller who is trusted":                {true, kept, "a proxy", "? " + chain},
		"of a caller who is trusted, and not kept":  {true, notKept, "a proxy", ""},
		"of a stranger with a trace":                {true, kept, "", linked},
		"of a stranger whose is not kept":           {true, notKept, "", linked},
		"of a stranger who writes what is no trace": {true, "00-zz", "", chain},
	} {
		t.Run(name, func(t *testing.T) {
			recorded := telemetrytest.Record(t)
			ask(t, test.begins, http.Header{"Traceparent": {test.parent}, "Trusted": {test.by}})
			if got := recorded.Tree(); got != test.want {
				t.Errorf("traced\n%s, want\n%s", got, test.want)
			}
			for _, s := range recorded.Spans() {
				for _, kv := range s.Attributes {
					if v := kv.Value.String(); v == "secret" || v == "/questions/secret" || v == "ann@example.org" {
						t.Errorf("%s says %s", s.Name, v)
					}
				}
			}
			want := map[string]float64{
				"http.request.method=GET http.response.status_code=404 http.route=/questions/:id": 1,
				"http.request.method=GET http.response.status_code=404 http.route=/answers/:id":   1,
			}
			if got := recorded.Value("http.server.request.duration"); !maps.Equal(got, want) {
				t.Errorf("measured %v", got)
			}
		})
	}
}

// What the public is answered counts, and not what apps answer each other.
func TestTheServiceLevelOfTheAPI(t *testing.T) {
	recorded := telemetrytest.Record(t)
	gin.SetMode(gin.TestMode)
	for _, public := range []bool{true, false} {
		app := gin.New()
		app.Use(tracing.Requests(public, nil))
		app.GET("/:status", func(c *gin.Context) {
			status, err := strconv.Atoi(c.Param("status"))
			if err != nil {
				t.Error(err)
			}
			c.Status(status)
		})
		for _, status := range []string{"200", "404", "429", "503"} {
			app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+status, http.NoBody))
		}
	}
	if got := recorded.Value("plenary.slo.events"); !maps.Equal(got, map[string]float64{"class=good slo=api": 3, "class=fault slo=api": 1}) {
		t.Errorf("counted %v", got)
	}
}

func TestAStrangersTraceIsLinked(t *testing.T) {
	recorded := telemetrytest.Record(t)
	ask(t, true, http.Header{"Traceparent": {kept}})
	span := recorded.Named("GET /questions/:id")
	if span.Parent.IsValid() || span.SpanContext.TraceID() == tracing.SpanOf(kept).TraceID() {
		t.Errorf("the stranger's trace goes on: %v", span.SpanContext)
	}
	if len(span.Links) != 1 || span.Links[0].SpanContext.SpanID() != tracing.SpanOf(kept).SpanID() {
		t.Errorf("linked to %v", span.Links)
	}
}

func TestWithoutTelemetryTheTraceOfATrustedCallerGoesOn(t *testing.T) {
	for by, want := range map[string]string{"a proxy": kept, "": ""} {
		if got := ask(t, true, http.Header{"Traceparent": {kept}, "Trusted": {by}}).Get("Traceparent"); got != want {
			t.Errorf("of %q the next app got %q, want %q", by, got, want)
		}
	}
}

func TestUnder(t *testing.T) {
	telemetrytest.Record(t)
	ctx, span := otel.Tracer("test").Start(t.Context(), "a span")
	defer span.End()
	for parent, want := range map[string]string{kept: kept, notKept: notKept, "": "", "00-zz": ""} {
		if got := tracing.Parent(tracing.Under(ctx, parent)); got != want {
			t.Errorf("under %q: %q", parent, got)
		}
	}
	if got := tracing.SpanOf(tracing.Untraced()); !got.IsValid() || got.IsSampled() {
		t.Errorf("untraced: %v", got)
	}
}
