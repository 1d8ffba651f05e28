package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/gateway"
	"github.com/plenary/plenary/apps/web/idempotency/idempotencytest"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/upstream"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
	"github.com/plenary/plenary/engine/tracing"
)

const (
	organiserToken = "the organiser's token of this test"
	operatorToken  = "the operator's token of this test"
)

// broker takes commands, and stands for all who handle them.
type broker struct {
	mu   sync.Mutex
	sent []message.Message
	err  error
	// handled, if set, is called with each command.
	handled func(message.Message)
}

func (b *broker) Send(_ context.Context, m message.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	b.sent = append(b.sent, m)
	if b.handled != nil {
		b.handled(m)
	}
	return nil
}

func (b *broker) commands() []message.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]message.Message(nil), b.sent...)
}

// only is the one command that was sent.
func (b *broker) only(t *testing.T) message.Message {
	t.Helper()
	sent := b.commands()
	if len(sent) != 1 {
		t.Fatalf("%d commands were sent, want one: %+v", len(sent), sent)
	}
	return sent[0]
}

// query stands for the query service, as it answers over HTTP.
type query struct {
	mu       sync.Mutex
	answers  map[string]any // by method and path
	outcomes map[string]view.Outcome
	asked    []string
	bodies   []string
	headers  []http.Header
	down     bool
	changed  *sync.Cond // something was asked or decided

	listening map[chan view.Changes]struct{}
	silent    bool // it does not report changes

	members map[string]view.CredentialHolder // by the path at which web asks for them
}

func newQuery() *query {
	q := &query{answers: map[string]any{}, outcomes: map[string]view.Outcome{}, listening: map[chan view.Changes]struct{}{}, members: map[string]view.CredentialHolder{}}
	q.changed = sync.NewCond(&q.mu)
	return q
}

func (q *query) answer(methodAndPath string, v any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.answers[methodAndPath] = v
}

func (q *query) decide(o view.Outcome) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if o.Events == nil {
		o.Events = []string{}
	}
	q.outcomes[o.CommandID] = o
	q.tell(view.Changes{Outcomes: []view.Outcome{o}})
	q.changed.Broadcast()
}

// tell tells of changes; q.mu is held.
func (q *query) tell(c view.Changes) {
	for heard := range q.listening {
		heard <- c
	}
}

func (q *query) serveChanges(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	if q.down || q.silent {
		q.mu.Unlock()
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	heard := make(chan view.Changes, 1000)
	q.listening[heard] = struct{}{}
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.listening, heard)
	}()
	w.Header().Set("Content-Type", upstream.EventStream)
	for c := (view.Changes{Missed: true}); ; {
		data, _ := json.Marshal(c)
		_, _ = fmt.Fprintf(w, "event: changes\ndata: %s\n\n", data)
		_ = http.NewResponseController(w).Flush()
		var open bool
		select {
		case c, open = <-heard:
			if !open {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// awaitConnection waits until the gateway hears of changes.
func (f *fixture) awaitConnection() {
	f.t.Helper()
	await(f.t, f.gateway.Connected)
}

// await waits until a condition holds.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-t.Context().Done():
			t.Fatal("the test ended first")
		}
	}
}

func (q *query) setDown(down bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.down = down
	if down {
		for heard := range q.listening {
			close(heard)
		}
		clear(q.listening)
	}
}

func (q *query) requests() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]string(nil), q.asked...)
}

// await waits until n requests have come whose address contains part.
func (q *query) await(part string, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		count := 0
		for _, a := range q.asked {
			if strings.Contains(a, part) {
				count++
			}
		}
		if count >= n {
			return
		}
		q.changed.Wait()
	}
}

func (q *query) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/changes" {
		q.serveChanges(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked = append(q.asked, r.Method+" "+r.URL.String())
	q.bodies = append(q.bodies, string(body))
	q.headers = append(q.headers, r.Header.Clone())
	q.changed.Broadcast()
	if q.down {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if id, ok := strings.CutPrefix(r.URL.Path, "/outcomes/"); ok {
		q.serveOutcome(w, r, id)
		return
	}
	answer, ok := q.answers[r.Method+" "+r.URL.String()]
	if whose := r.Header.Get(upstream.OrganisationHeader); strings.HasPrefix(r.URL.Path, "/organiser/") || strings.HasPrefix(r.URL.Path, "/explorer/") {
		// All that there is in these tests is the main organisation's; query's own tests
		// say that this is how it answers.
		switch own, isOrder := strings.CutPrefix(r.URL.Path, "/organiser/orders/"); {
		case whose == "":
			w.WriteHeader(http.StatusBadRequest)
			return
		case whose != contracts.MainOrganisation.String() && whose != upstream.All && r.URL.Path != "/organiser/organisation" && r.URL.Path != "/organiser/audit":
			ok = false
		case isOrder:
			if id, err := uuid.Parse(own); err == nil && id == orderID {
				answer, ok = view.OwnOrder{OrderID: id, ConferenceID: conferenceID}, true
			}
		}
	}
	if holder, is := q.members[r.URL.Path]; is {
		answer, ok = holder, true
	}
	if !ok && r.Header.Get("Accept") == upstream.EventStream { // as a sidecar says it
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"errorCode":"ERR_DIRECT_INVOKE","message":"no response received from stream"}`)
		return
	}
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if h, ok := answer.(http.Handler); ok {
		q.mu.Unlock()
		defer q.mu.Lock()
		h.ServeHTTP(w, r)
		return
	}
	if p, ok := answer.(saysNo); ok {
		w.Header().Set("Content-Type", problem.ContentType)
		w.WriteHeader(p.status)
		_, _ = fmt.Fprintf(w, `{"code":%q,"detail":"said by query"}`, p.code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// saysNo is an answer by which query says no.
type saysNo struct {
	status int
	code   es.Code
}

func (q *query) serveOutcome(w http.ResponseWriter, r *http.Request, id string) {
	if r.URL.Query().Get("wait") != "" {
		stop := context.AfterFunc(r.Context(), q.changed.Broadcast)
		defer stop()
		for q.outcomes[id].Status == "" && r.Context().Err() == nil {
			q.changed.Wait()
		}
	}
	o, ok := q.outcomes[id]
	if !ok {
		o = view.Outcome{CommandID: id, Status: view.OutcomeUnknown, Events: []string{}}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(o)
}

// fixture is a gateway among fakes, served over real HTTP.
type fixture struct {
	t        *testing.T
	gateway  *gateway.Gateway
	server   *httptest.Server
	url      string
	broker   *broker
	query    *query
	payments http.HandlerFunc
	keys     *idempotencytest.Memory
	token    func() (string, error)
	operator func() (string, error)
	log      *lockedBuffer
	stop     context.CancelFunc // ends the gateway, as SIGTERM does
}

// in is the same fixture, used in a subtest.
func (f *fixture) in(t *testing.T) *fixture {
	same := *f
	same.t = t
	return &same
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newFixture(t *testing.T, change ...func(*gateway.Options)) *fixture {
	t.Helper()
	gin.SetMode(gin.TestMode)
	f := &fixture{
		t: t, broker: &broker{}, query: newQuery(), keys: &idempotencytest.Memory{}, log: &lockedBuffer{},
		token:    func() (string, error) { return organiserToken, nil },
		operator: func() (string, error) { return operatorToken, nil },
		payments: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
		},
	}
	querySrv := httptest.NewServer(f.query)
	paymentsSrv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.payments(w, r) }))
	options := gateway.Options{
		Contracts:      contracts.Registry(),
		Commands:       f.broker,
		Query:          upstream.New("query", querySrv.URL, http.DefaultTransport),
		Payments:       upstream.New("payments", paymentsSrv.URL, http.DefaultTransport),
		Keys:           f.keys,
		OrganiserToken: func(context.Context) (string, error) { return f.token() },
		OperatorToken:  func(context.Context) (string, error) { return f.operator() },
		MaxLag:         15 * time.Second,
		Log:            slog.New(slog.NewJSONHandler(f.log, nil)),
	}
	for _, c := range change {
		c(&options)
	}
	router := gin.New()
	fromProxy, err := gateway.FromProxy(options.TrustedProxies)
	if err != nil {
		t.Fatal(err)
	}
	router.Use(tracing.Requests(true, fromProxy)) // as host does
	router.Use(gin.RecoveryWithWriter(f.log))     // as the app host does
	if f.gateway, err = gateway.New(router, options); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(router)
	f.url, f.server = srv.URL, srv
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	ended := make(chan error, 1)
	go func() { ended <- f.gateway.Run(ctx) }()
	t.Cleanup(func() {
		stop() // which ends open streams, so that the servers can be closed
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		srv.Close()
		querySrv.Close()
		paymentsSrv.Close()
	})
	return f
}

// unreachablePayments has nobody listen where the payments app should be.
func unreachablePayments(o *gateway.Options) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	o.Payments = upstream.New("payments", gone.URL, http.DefaultTransport)
}

// response is an answer, read.
type response struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

type header struct{ name, value string }

var (
	asOrganiser = header{"Authorization", "Bearer " + organiserToken}
	asOperator  = header{"Authorization", "Bearer " + operatorToken}
	waiting     = header{"Prefer", "wait=10"}
)

// Who asks: anybody, the organiser or the operator.
var (
	anybody    []header
	organisers = []header{asOrganiser}
	operators  = []header{asOperator}
)

func (f *fixture) do(method, path, body string, headers ...header) response {
	f.t.Helper()
	return f.send(method, path, strings.NewReader(body), headers...)
}

func (f *fixture) send(method, path string, body io.Reader, headers ...header) response {
	f.t.Helper()
	const long = 40 * time.Second // a stream that should not have begun ends then
	ctx, cancel := context.WithTimeout(context.Background(), long)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, f.url+path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if strings.HasPrefix(path, orderPath("")) { // as its holder, unless the test says otherwise
		req.Header.Set("Authorization", "Bearer "+orderSecret)
	}
	for _, h := range headers {
		req.Header.Set(h.name, h.value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	r := response{f.t, resp.StatusCode, resp.Header, answer}
	f.asDescribed(method, req.URL.Path, r)
	return r
}

// asDescribed holds every answer that a test gets against the OpenAPI document.
func (f *fixture) asDescribed(method, path string, r response) {
	f.t.Helper()
	api := f.gateway.OpenAPI()
	for template, item := range api.Paths {
		op := map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "DELETE": item.Delete}[method]
		if op == nil || !matches(template, path) {
			continue
		}
		described := op.Responses[strconv.Itoa(r.status)]
		if described == nil {
			f.t.Errorf("%s does not say that it answers %d: %s", op.OperationID, r.status, r.body)
			return
		}
		mediaType := r.header.Get("Content-Type")
		content := described.Content[mediaType]
		if content == nil {
			f.t.Errorf("%s does not say that it answers %d with %q", op.OperationID, r.status, mediaType)
			return
		}
		var body any
		into(f.t, r.body, &body)
		result := &huma.ValidateResult{}
		huma.Validate(api.Components.Schemas, content.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, body, result)
		if len(result.Errors) > 0 {
			f.t.Errorf("%s answers %d otherwise than it says: %v\n%s", op.OperationID, r.status, result.Errors, r.body)
		}
		return
	}
}

func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}
	return true
}

func (r response) is(status int) response {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	return r
}

// problem reads the answer as a problem, which it must be, with that code.
func (r response) problem(status int, code es.Code) problem.Problem {
	r.t.Helper()
	r.is(status)
	if got := r.header.Get("Content-Type"); got != problem.ContentType {
		r.t.Fatalf("content type %q", got)
	}
	p := decoded[problem.Problem](r)
	if p.Code != code || p.Status != status || p.Type != "/docs#problem-"+string(code) {
		r.t.Fatalf("got %s, want code %s with status %d", r.body, code, status)
	}
	if p.Title == "" || p.Detail == "" || p.Instance == "" {
		r.t.Fatalf("a text is missing in %s", r.body)
	}
	return p
}

func decoded[T any](r response) T {
	r.t.Helper()
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		r.t.Fatalf("decode %s: %v", r.body, err)
	}
	return v
}

func (r response) receipt() gateway.Receipt {
	r.t.Helper()
	return decoded[gateway.Receipt](r)
}

func into(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("decode %s: %v", data, err)
	}
}

// accepting has every command accepted at once.
func (f *fixture) accepting() {
	f.broker.handled = func(m message.Message) {
		f.query.decide(view.Outcome{CommandID: m.ID, Status: view.OutcomeAccepted, Events: []string{"SomethingHappened.v1"}})
	}
}

// refusing has every command refused at once.
func (f *fixture) refusing(code es.Code, detail string) {
	f.broker.handled = func(m message.Message) {
		f.query.decide(view.Outcome{CommandID: m.ID, Status: view.OutcomeRefused, Code: code, Detail: detail})
	}
}

// Ids that tests choose.
var (
	conferenceID = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000001")
	orderID      = access.OrderID(orderSecret)
	seatTypeID   = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000003")
	memberID     = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000006")
	credentialID = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000007")
	paymentID    = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000004")
)

// orderSecret opens the order with orderID.
const orderSecret = "the-secret-of-this-order"

var errBroker = errors.New("the broker is down")

// idempotencyKey is an Idempotency-Key as a client sends it.
const idempotencyKey = "8e03978e-40d5-43e8-bc93-6894a57f9324"

const oneSeat = `{"items":[{"seatType":"0a3e9f2c-6b1d-4a51-9b1e-1f0000000003","quantity":1}]}`

// organisationPath is a path of the main organisation.
func organisationPath(rest string) string {
	return "/api/organisations/" + contracts.MainOrganisation.String() + rest
}

func placePath() string { return "/api/conferences/" + conferenceID.String() + "/orders" }
func orderPath(rest string) string {
	return "/api/orders/" + orderID.String() + rest
}
