package pages

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts/refusal"
)

// Call is a request of the API.
type Call struct {
	Method, Path string
	// Body is what is sent, as JSON; nothing if it is nil.
	Body any
	// Bearer opens what is not everybody's: the access secret of an order, or a
	// credential.
	Bearer string
	// Wait is for how many seconds the answer to a write may wait for its outcome.
	Wait string
	// IfMatch is the version that a change is about.
	IfMatch string
	// Once makes a write the same command however often it is sent.
	Once uuid.UUID
}

// Reply is what the API answered.
type Reply struct {
	Status int
	Header http.Header
	body   []byte
}

// Get reads a path of the API into out.
func (v *Visit) Get(path string, out any) *problem.Problem {
	_, p := v.Do(Call{Method: http.MethodGet, Path: path}, out)
	return p
}

// Send sends what the visitor's form asks for: once, however often the form is
// sent with the same content.
func (v *Visit) Send(call Call, out any) (*Reply, *problem.Problem) {
	canonical, err := json.Marshal(call.Body)
	if err != nil {
		return nil, problem.New(problem.InternalError)
	}
	if call.Once == uuid.Nil {
		call.Once = uuid.NewSHA1(v.formID(), append([]byte(call.Method+" "+call.Path+" "+call.IfMatch+" "), canonical...))
	}
	if call.Wait == "" {
		call.Wait = outcomeWithin
	}
	return v.Do(call, out)
}

// Codes of the API that a page has words of its own for.
const (
	orderNotFound      = refusal.OrderNotFound
	conferenceNotFound = refusal.ConferenceNotFound
	conferenceChanged  = refusal.ConferenceChanged
	paymentOpen        = refusal.PaymentOpen
)

// outcomeWithin is for how many seconds a form waits for its outcome.
const outcomeWithin = "2"

// Do makes any request of the API, in this process, as the visitor would make it
// from outside: from the same address and in the same language. A problem is
// given in the visitor's language; it is nil when the API answered with success.
func (v *Visit) Do(call Call, out any) (*Reply, *problem.Problem) {
	var body []byte
	if call.Body != nil {
		var err error
		if body, err = json.Marshal(call.Body); err != nil {
			return nil, problem.New(problem.InternalError)
		}
	}
	r, err := v.inside(call, body)
	if err != nil {
		return nil, problem.New(problem.NotFound)
	}
	answer := &answer{header: http.Header{}}
	v.site.api.ServeHTTP(answer, r)
	reply := &Reply{Status: answer.status, Header: answer.header, body: answer.body.Bytes()}
	if reply.Status >= http.StatusBadRequest {
		p := &problem.Problem{}
		if err := json.Unmarshal(reply.body, p); err != nil || p.Code == "" {
			p = problem.New(problem.Unavailable)
		}
		return reply, p
	}
	if out != nil && len(reply.body) > 0 {
		if err := json.Unmarshal(reply.body, out); err != nil {
			v.site.log.ErrorContext(v.Request.Context(), "answer of the API", "path", v.FullPath(), "error", err)
			return reply, problem.New(problem.InternalError)
		}
	}
	return reply, nil
}

// inside is the request that a call makes.
func (v *Visit) inside(call Call, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(v.Request.Context(), call.Method, call.Path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.RemoteAddr, r.Host = v.Request.RemoteAddr, v.Request.Host
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded"} {
		if values := v.Request.Header.Values(name); len(values) > 0 {
			r.Header[name] = values
		}
	}
	set := func(name, value string) {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	set("Accept-Language", string(v.Lang))
	set("If-Match", call.IfMatch)
	if body != nil {
		set("Content-Type", "application/json")
	}
	if call.Bearer != "" {
		set("Authorization", "Bearer "+call.Bearer)
	}
	if call.Wait != "" {
		set("Prefer", "wait="+call.Wait)
	}
	if call.Once != uuid.Nil {
		set("Idempotency-Key", call.Once.String())
	}
	return r, nil
}

// answer takes what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}
