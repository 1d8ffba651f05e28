// Package upstream asks another app over Dapr's service invocation.
package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/plenary/plenary/engine/es"
)

// ErrNotFound: the app has nothing under that path.
var ErrNotFound = errors.New("upstream: not found")

// StatusError is any other answer that is not a success. Code and Detail are
// those of its problem, if it is one.
type StatusError struct {
	App    string  `json:"-"`
	Status int     `json:"-"`
	Code   es.Code `json:"code"`
	Detail string  `json:"detail"`
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("upstream: %s answered %d %s", e.App, e.Status, e.Code)
}

// maxAnswer bounds what is read of one answer: 8 MiB.
const maxAnswer = 8 << 20

// App is another app.
type App struct {
	name      string
	base      *url.URL
	transport http.RoundTripper
}

// OrganisationHeader says for which organisation is asked, as query reads it.
const OrganisationHeader = "Plenary-Organisation"

// All stands for all organisations, as query reads it.
const All = "*"

type organisationKey struct{}

// For is ctx, whose requests to apps are made for an organisation: its id, or All. The header of a client is never passed on.
func For(ctx context.Context, organisation string) context.Context {
	return context.WithValue(ctx, organisationKey{}, organisation)
}

func setOrganisation(ctx context.Context, h http.Header) {
	if organisation, ok := ctx.Value(organisationKey{}).(string); ok {
		h.Set(OrganisationHeader, organisation)
	}
}

// New makes an App that is reached under base, the address of its methods in
// Dapr's service invocation. It panics if base is not an address.
func New(name, base string, transport http.RoundTripper) *App {
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil || u.Host == "" {
		panic(fmt.Sprintf("upstream: %q is not an address", base))
	}
	return &App{name: name, base: u, transport: again{transport}}
}

// Reading is tried again, within so much time, with a pause that doubles.
const (
	triesWithin = 5 * time.Second
	firstPause  = 100 * time.Millisecond
)

// EventStream is what a stream's request accepts.
const EventStream = "text/event-stream"

// again asks once more where a question reached no app. While replicas are replaced,
// the sidecar goes on calling one that has ended for a moment. Of a stream it
// says that it reached no app also when that had none.
type again struct{ http.RoundTripper }

type questionKey struct{}

// changesNothing says whether a request is a question, which may be asked again.
func changesNothing(r *http.Request) bool {
	if r.Method == http.MethodGet {
		return r.Header.Get("Accept") != EventStream
	}
	return r.Context().Value(questionKey{}) != nil
}

func (a again) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	for pause := firstPause; ; pause *= 2 {
		resp, err := a.RoundTripper.RoundTrip(r)
		if err != nil || !changesNothing(r) || !Unreached(resp) || time.Since(began)+pause > triesWithin {
			return resp, err
		}
		if r.GetBody != nil {
			r = r.Clone(r.Context())
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // it only spreads the load
		}
	}
}

// Unreached says that the sidecar answered, since it could not reach the app. The
// answer can be read afterwards as before.
func Unreached(resp *http.Response) bool {
	if resp.StatusCode != http.StatusInternalServerError || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return false
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var problem struct {
		Code string `json:"errorCode"`
	}
	return err == nil && json.Unmarshal(body, &problem) == nil && problem.Code == "ERR_DIRECT_INVOKE"
}

// Get reads path, with its query, into out.
func (a *App) Get(ctx context.Context, path string, out any) error {
	return a.call(ctx, http.MethodGet, path, nil, out)
}

// Post sends in to path and reads the answer into out.
func (a *App) Post(ctx context.Context, path string, in, out any) error {
	return a.post(ctx, path, in, out)
}

// Question is Post of what changes nothing: it is asked again where it reached no app, as
// Get is.
func (a *App) Question(ctx context.Context, path string, in, out any) error {
	return a.post(context.WithValue(ctx, questionKey{}, true), path, in, out)
}

func (a *App) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("upstream: encode: %w", err)
	}
	return a.call(ctx, http.MethodPost, path, body, out)
}

// route is what a path of an app may look like. A sidecar cleans the paths that it
// is given: one with dots would name another app, or another API of the sidecar's.
var route = regexp.MustCompile(`^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$`)

// address is where a path is asked for: ErrNotFound, if no app has such a one.
func (a *App) address(path string) (*url.URL, error) {
	if !route.MatchString(path) {
		return nil, ErrNotFound
	}
	u := *a.base
	u.Path += path
	return &u, nil
}

func (a *App) call(ctx context.Context, method, path string, body []byte, out any) error {
	path, query, _ := strings.Cut(path, "?")
	address, err := a.address(path)
	if err != nil {
		return err
	}
	address.RawQuery = query
	req, err := http.NewRequestWithContext(ctx, method, address.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("upstream: %w", err)
	}
	setOrganisation(ctx, req.Header)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("upstream: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := a.Check(resp); err != nil {
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("upstream: read the answer of %s: %w", a.name, err)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("upstream: decode the answer of %s: %w", a.name, err)
	}
	return nil
}

// Stream opens a stream of server-sent events at path.
func (a *App) Stream(ctx context.Context, path string) (io.ReadCloser, error) {
	address, err := a.address(path)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	setOrganisation(ctx, req.Header)
	req.Header.Set("Accept", EventStream) // by which the sidecars know a stream
	resp, err := a.transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	if err := a.Check(resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp.Body, nil
}

// Forward passes one request on to path and the answer back as it comes, each
// part at once. change, if set, may change the answer's headers or, with an
// error, turn it down; failed answers then, when the app cannot be reached, and
// with ErrNotFound when no app has such a path.
func (a *App) Forward(w http.ResponseWriter, r *http.Request, path string, change func(*http.Response) error, failed func(http.ResponseWriter, *http.Request, error)) {
	address, err := a.address(path)
	if err == nil && len(r.URL.RawQuery) > longestQuery {
		err = ErrNotFound
	}
	if err != nil {
		failed(w, r, err)
		return
	}
	proxy := httputil.ReverseProxy{
		Transport:      a.transport,
		FlushInterval:  -1,
		ModifyResponse: change,
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, err error) { failed(w, r, err) },
		ErrorLog:       log.New(io.Discard, "", 0), // that a client went away is no news
		Rewrite: func(p *httputil.ProxyRequest) {
			address.RawQuery = p.In.URL.RawQuery
			p.Out.URL, p.Out.Host = address, ""
			maps.DeleteFunc(p.Out.Header, func(name string, values []string) bool {
				value := strings.Join(values, "")
				return !passes(name) || len(value) > longestHeader || strings.ContainsFunc(value, unprintable)
			})
			setOrganisation(p.In.Context(), p.Out.Header)
			if p.In.Method == http.MethodGet || p.In.Method == http.MethodHead {
				// No app reads the body of a question, and to pass it on may break the answer off.
				p.Out.Body, p.Out.ContentLength = http.NoBody, 0
			}
		},
	}
	proxy.ServeHTTP(w, r)
}

// passed are the headers of a client that are passed on, and with them those by which
// providers sign their webhooks. All others stay behind: those that tell the sidecar
// what to do, those that say on whose behalf an app asks, the organiser's token.
var passed = map[string]bool{
	"accept": true, "accept-encoding": true, "accept-language": true, "content-encoding": true, "content-length": true,
	"content-type": true, "if-modified-since": true, "if-none-match": true, "last-event-id": true, "range": true,
	"sec-fetch-site": true, "user-agent": true,
}

// signature is in the names of the headers of signed webhooks: of Stripe, PayPal,
// Adyen, GitHub and of Standard Webhooks.
var signature = regexp.MustCompile(`^([a-z0-9-]+-)?(signature|hmac)(-[a-z0-9-]+)?$|^(webhook|paypal)-[a-z0-9-]+$`)

// longestQuery is how long the query of an address may be: with more, a sidecar refuses
// the request, and no app asks for as much.
const longestQuery = 8 << 10

// longestHeader is how long a header that is passed on may be. A sidecar refuses a
// request whose headers have more than 4 KB together.
const longestHeader = 1024

// unprintable says whether a character cannot stand in a header between sidecars: they
// refuse the whole request then.
func unprintable(r rune) bool { return r < ' ' || r > '~' }

// passes says whether a header of a client is passed on.
func passes(name string) bool {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "dapr-") || strings.HasPrefix(name, "plenary-") {
		return false
	}
	return passed[name] || signature.MatchString(name)
}

// Check gives the error of an answer that is not a success: ErrNotFound or a
// *StatusError.
func (a *App) Check(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusNotFound:
		return ErrNotFound
	}
	e := &StatusError{App: a.name, Status: resp.StatusCode}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		_ = json.Unmarshal(body, e) // else it has no code
	}
	return e
}
