package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/engine/telemetry/telemetrytest"
)

var update = flag.Bool("update", false, "write openapi.yaml anew")

// The API's description is committed, so that a change of the API shows in
// review. To write it anew: go test ./gateway -run OpenAPI -update
func TestOpenAPIIsTheCommittedOne(t *testing.T) {
	const path = "../openapi.yaml"
	generated := newFixture(t).do("GET", "/openapi.yaml", "").is(http.StatusOK).body
	if *update {
		if err := os.WriteFile(path, generated, 0o644); err != nil { //nolint:gosec // for everybody to read
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(generated, committed) {
		t.Fatal("openapi.yaml is not what the code says; if the change is meant: go test ./gateway -run OpenAPI -update")
	}
}

func operations(f *fixture) map[string]*huma.Operation {
	out := map[string]*huma.Operation{}
	for path, item := range f.gateway.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "DELETE": item.Delete} {
			if op != nil {
				out[method+" "+path] = op
			}
		}
	}
	return out
}

func TestEveryOperationSaysWhoMayCallItAndWhatGoesWrong(t *testing.T) {
	f := newFixture(t)
	ops := operations(f)
	if len(ops) < 30 {
		t.Fatalf("%d operations are described", len(ops))
	}
	for name, op := range ops {
		if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 {
			t.Errorf("%s: no id, summary or tag", name)
		}
		if !strings.Contains(op.Description, "**Who may call it:** ") || len(op.Security) == 0 {
			t.Errorf("%s: does not say who may call it", name)
		}
		guarded := len(op.Security[len(op.Security)-1]) > 0
		if _, says401 := op.Responses["401"]; guarded != says401 {
			t.Errorf("%s: needs a credential: %v, and says 401: %v", name, guarded, says401)
		}
		if ofOne := strings.Contains(name, "/api/orders/{id}"); ofOne && op.Security[0]["order"] == nil {
			t.Errorf("%s: is about one order, and does not ask for its secret", name)
		}
		if takes := len(op.Parameters) > 0 || op.RequestBody != nil; takes != (op.Responses["422"] != nil) {
			t.Errorf("%s: takes input: %v, and says 422: %v", name, takes, !takes)
		}
		for _, status := range []string{"500", "503"} {
			if r := op.Responses[status]; r == nil || r.Content[problem.ContentType] == nil {
				t.Errorf("%s: does not describe its answer %s", name, status)
			}
		}
		if (op.RequestBody != nil) != (op.Responses["413"] != nil) {
			t.Errorf("%s: takes a body and does not say what may be wrong with it, or the other way round", name)
		}
	}
}

func TestTheDescriptionIsToBeHadAsOpenAPI30(t *testing.T) {
	f := newFixture(t)
	var new, old struct {
		OpenAPI string
		Paths   map[string]any
	}
	into(t, f.do("GET", "/openapi.json", "").is(http.StatusOK).body, &new)
	r := f.do("GET", "/openapi-3.0.json", "").is(http.StatusOK)
	into(t, r.body, &old)
	if !strings.HasPrefix(old.OpenAPI, "3.0.") || len(old.Paths) != len(new.Paths) {
		t.Errorf("version %s with %d of %d paths", old.OpenAPI, len(old.Paths), len(new.Paths))
	}
	for _, only31 := range []string{`"type":["`, `"examples":[`, `"const":`, `"exclusiveMinimum":0`} {
		if bytes.Contains(r.body, []byte(only31)) {
			t.Errorf("OpenAPI 3.0 knows no %s", only31)
		}
	}
	if yaml := f.do("GET", "/openapi-3.0.yaml", "").is(http.StatusOK).body; !bytes.Contains(yaml, []byte("openapi: "+old.OpenAPI)) {
		t.Errorf("as YAML it begins %.100q", yaml)
	}
}

func TestHeadIsAnsweredWhereverGetIs(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/api/conferences", "/docs", "/openapi.json", "/nowhere", placePath()} {
		want := f.do("GET", path, "").status
		r, err := http.Head(f.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if r.StatusCode != want || err != nil || len(body) > 0 {
			t.Errorf("%s: %d, want %d; %v, body %q", path, r.StatusCode, want, err, body)
		}
	}
}

func TestTheDescriptionIsOpenAPI31AndWhole(t *testing.T) {
	f := newFixture(t)
	r := f.do("GET", "/openapi.json", "").is(http.StatusOK)
	var doc map[string]any
	into(t, r.body, &doc)
	if doc["openapi"] != "3.1.0" {
		t.Fatalf("openapi %v", doc["openapi"])
	}
	for _, ref := range regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllSubmatch(r.body, -1) {
		schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
		if schemas[string(ref[1])] == nil {
			t.Errorf("there is no schema %s", ref[1])
		}
	}
	if !strings.Contains(r.header.Get("Content-Type"), "json") || !json.Valid(r.body) {
		t.Fatalf("content type %q", r.header.Get("Content-Type"))
	}
}

func TestThePageDescribesEverythingAndNeedsNothingElse(t *testing.T) {
	f := newFixture(t)
	r := f.do("GET", "/docs", "").is(http.StatusOK)
	page := string(r.body)
	for name, op := range operations(f) {
		_, path, _ := strings.Cut(name, " ")
		if !strings.Contains(page, `id="`+op.OperationID+`"`) || !strings.Contains(page, path) {
			t.Errorf("%s is not on the page", name)
		}
	}
	for _, kind := range problem.Kinds {
		if strings.Count(page, `id="problem-`+string(kind.Code)+`"`) != 1 || !strings.Contains(page, kind.Chinese.Title) {
			t.Errorf("problem %s is not on the page", kind.Code)
		}
	}
	for _, link := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		target := link[1]
		switch {
		case strings.HasPrefix(target, "#"):
			if !strings.Contains(page, `id="`+target[1:]+`"`) {
				t.Errorf("a link leads nowhere: %s", target)
			}
		case strings.HasPrefix(target, "/"):
			f.do("GET", target, "").is(http.StatusOK)
		default:
			t.Errorf("the page needs %s", target)
		}
	}
	for _, foreign := range []string{"<script", "@import", "url(", "http://", "https://"} {
		if strings.Contains(page, foreign) {
			t.Errorf("there is %q on the page", foreign)
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)
	hash := sha256.Sum256([]byte(style[1]))
	if policy := r.header.Get("Content-Security-Policy"); !strings.Contains(policy, base64.StdEncoding.EncodeToString(hash[:])) {
		t.Errorf("the page's own style is not allowed by %q", policy)
	}
}

func TestNewOrdersAreTurnedAwayWhileOldOnesWait(t *testing.T) {
	recorded := telemetrytest.Record(t)
	f := newFixture(t, func(o *gateway.Options) { o.MaxLag = 500 * time.Millisecond })
	place := func(headers ...header) response { return f.do("POST", placePath(), oneSeat, headers...) }

	place(header{"Prefer", "wait=1"}).is(http.StatusAccepted) // and nobody handles it
	place().is(http.StatusAccepted)                           // let through to see whether it still is so
	r := place()
	r.problem(http.StatusTooManyRequests, problem.BacklogTooLong)
	if r.header.Get("Retry-After") == "" {
		t.Fatal("no Retry-After")
	}
	if got := recorded.Value("plenary.turned_away"); !maps.Equal(got, map[string]float64{"reason=backlog": 1}) {
		t.Errorf("turned away %v", got)
	}
	if got := recorded.Value("plenary.command.lag")[""]; got <= 0.5 {
		t.Errorf("the lag is shown as %f s", got)
	}
	if got := recorded.Value("plenary.max_lag")[""]; got != 0.5 {
		t.Errorf("the lag may be %f s, it is shown", got)
	}
	sent := len(f.broker.commands())
	f.do("PUT", orderPath("/items"), oneSeat).is(http.StatusAccepted) // who has an order may go on
	if got := len(f.broker.commands()); got != sent+1 {
		t.Fatalf("%d commands were sent, want %d", got, sent+1)
	}

	f.accepting()
	for _, m := range f.broker.commands() {
		f.query.decide(view.Outcome{CommandID: m.ID, Status: view.OutcomeAccepted})
	}
	for inARow := 0; inARow < 3; {
		if place(header{"Prefer", "wait=1"}).status == http.StatusCreated {
			inARow++
		} else {
			inARow = 0
		}
	}
}
