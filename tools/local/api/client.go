// Package api is a client of Plenary's HTTP API with what the demo and the end-to-end
// tests need. A write waits for its outcome.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client calls the API. The zero value of Wait has writes answered with 202 at
// once; what becomes of them is then up to the caller.
type Client struct {
	// URL of the one origin, without a path.
	URL string
	// Token is the organiser's credential; empty for anybody else, who opens an
	// order with its secret, which every Client of this process knows once one of
	// them has placed the order.
	Token string
	// Wait is how long a write waits for its outcome at most.
	Wait time.Duration
	HTTP *http.Client
}

// Problem is an error answer.
type Problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Fields []struct {
		Field string `json:"field"`
		Rule  string `json:"rule"`
	} `json:"errors"`
	// Current is the current state, if a precondition failed.
	Current json.RawMessage `json:"current"`
}

func (p *Problem) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s: %s %s", p.Status, p.Code, p.Title, p.Detail))
}

// Code is the code of the problem in err's chain, or empty.
func Code(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// Receipt is the answer to a write.
type Receipt struct {
	CommandID   string   `json:"commandId"`
	ID          string   `json:"id"`
	Secret      string   `json:"secret"`
	CheckoutURL string   `json:"checkoutUrl"`
	Outcome     *Outcome `json:"outcome"`
}

// Outcome is the outcome of a command.
type Outcome struct {
	Status string   `json:"status"` // unknown, accepted, refused or no-effect
	Code   string   `json:"code"`
	Detail string   `json:"detail"`
	Events []string `json:"events"`
}

// ErrNoOutcome: the outcome of a write was not known within Client.Wait.
var ErrNoOutcome = errors.New("the outcome is not known yet")

// longestWait is the longest time for which the API holds an answer.
const longestWait = 30 * time.Second

// write sends a command and waits for its outcome. While there is time, it retries
// after retryable refusals (something the command needs does not exist yet).
func (c *Client) write(ctx context.Context, method, path string, body any) (Receipt, error) {
	deadline := time.Now().Add(c.Wait)
	for {
		var r Receipt
		err := c.call(ctx, method, path, body, &r)
		if err == nil && c.Wait > 0 && r.Outcome == nil {
			err = c.await(ctx, &r, deadline)
		}
		if !retryable[Code(err)] || time.Now().After(deadline) {
			return r, err
		}
		const pause = 100 * time.Millisecond
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// retryable are the codes of temporary problems.
var retryable = map[string]bool{
	"conference-not-ready": true, "conference-not-found": true, "order-not-found": true, "payment-not-found": true,
}

// await reads the outcome of a command that took longer than the API waits.
func (c *Client) await(ctx context.Context, r *Receipt, deadline time.Time) error {
	for time.Now().Before(deadline) {
		var o Outcome
		wait := min(longestWait, time.Until(deadline))
		if err := c.call(ctx, http.MethodGet, fmt.Sprintf("/api/outcomes/%s?wait=%d", r.CommandID, int(wait.Seconds())), nil, &o); err != nil {
			return err
		}
		switch o.Status {
		case "accepted", "no-effect":
			r.Outcome = &o
			return nil
		case "refused":
			return &Problem{Code: o.Code, Detail: o.Detail}
		}
	}
	return fmt.Errorf("command %s: %w", r.CommandID, ErrNoOutcome)
}

// call makes one request and decodes the answer into into, unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, content)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	c.authorise(req)
	if method != http.MethodGet && c.Wait > 0 {
		req.Header.Set("Prefer", fmt.Sprintf("wait=%d", int(min(longestWait, c.Wait).Seconds())))
	}
	res, err := c.client().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %w", method, path, problemOf(res, b))
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// authorise adds the credential that a request needs.
func (c *Client) authorise(req *http.Request) {
	credential := c.Token
	if rest, ok := strings.CutPrefix(req.URL.Path, "/api/orders/"); ok && credential == "" {
		id, _, _ := strings.Cut(rest, "/")
		credential = Secret(id)
	}
	if credential != "" {
		req.Header.Set("Authorization", "Bearer "+credential)
	}
}

// problemOf is the problem in an answer.
func problemOf(res *http.Response, body []byte) error {
	p := &Problem{Status: res.StatusCode}
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json") {
		p.Detail = string(body)
		return p
	}
	if err := json.Unmarshal(body, p); err != nil {
		return err
	}
	return p
}

func (c *Client) client() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return http.DefaultClient
}

// Decide makes a choice on the demo provider's page: accept, reject, cancel,
// never, refuse-refunds or give-refunds.
func (c *Client) Decide(ctx context.Context, checkoutURL, choice string) error {
	page, err := c.page(ctx, http.MethodGet, c.URL+checkoutURL, nil) // leads on to the provider's page
	if err != nil {
		return err
	}
	_, err = c.page(ctx, http.MethodPost, page, url.Values{"choice": {choice}})
	return err
}

// page gets a page, or sends its form, and returns the final address.
func (c *Client) page(ctx context.Context, method, address string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := c.client().Do(req)
	if err != nil {
		return "", err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s %s: %s", method, address, res.Status)
	}
	return res.Request.URL.String(), nil
}
