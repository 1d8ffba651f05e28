package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/holds"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/apps/web/throttle"
	"github.com/plenary/plenary/contracts/text"
)

// Limits bound what one network address, or one e-mail address, may take of what is
// there for all. They are those of one replica. None holds for requests from this
// machine: what stands before web on it is a proxy or a trial. Each is off at 0.
type Limits struct {
	// HoldsPerAddress and HoldsPerEmail are how many orders may hold seats at once, each
	// for at most Hold.
	HoldsPerAddress, HoldsPerEmail int
	Hold                           time.Duration
	// SeatsPerEmail is how many seats of a conference the orders of one e-mail address may
	// have, hold or wait for. It holds for requests from this machine too.
	SeatsPerEmail int
	// Grace is for how long of that, at its end, an order waits for an open payment.
	Grace time.Duration
	// WritesPerAddress is how many writes a second may come from one address in the
	// long run; ten seconds' worth may come at once.
	WritesPerAddress int
	// ChallengeAfter is with how many holds of an address the next order has to pass
	// the Challenge.
	ChallengeAfter int
	// Halls are the networks of which an address may do more.
	Halls throttle.Halls
}

// Challenge says whether a person, and no script, places an order.
type Challenge interface {
	// Passed says whether response, which the client got by solving a challenge, is
	// good. An error says that it cannot be known.
	Passed(ctx context.Context, response string, client netip.Addr) (bool, error)
}

// ChallengeHeader carries the response to a challenge.
const ChallengeHeader = "Challenge-Response"

const (
	limitedClients = 50_000
	writeBurst     = 10 // seconds
	// While handling lags half as far behind as it may, one address has places for so
	// many new orders at once, and for one more every so often.
	placesAtOnce = 50
	placeEvery   = 500 * time.Millisecond
)

// limits are Limits at work.
type limits struct {
	now       func() Limits // those of the moment
	byAddress *holds.Holds[netip.Prefix]
	byEmail   *holds.Holds[string]
	writes    *throttle.Throttle[netip.Prefix]
	places    *throttle.Throttle[netip.Prefix]
	challenge Challenge
}

func newLimits(now func() Limits, challenge Challenge) *limits {
	if now == nil {
		now = func() Limits { return Limits{} }
	}
	l := &limits{now: now, challenge: challenge}
	l.byAddress = holds.New(func(client netip.Prefix) (int, time.Duration) {
		now := now()
		if now.HoldsPerAddress == 0 && challenge != nil {
			return math.MaxInt, now.Hold // they are counted for the challenge alone
		}
		return now.HoldsPerAddress * now.Halls.Times(client), now.Hold
	}, limitedClients)
	l.byEmail = holds.New(func(string) (int, time.Duration) {
		now := now()
		return now.HoldsPerEmail, now.Hold
	}, limitedClients)
	l.writes = throttle.Changing(func(client netip.Prefix) (burst int, every time.Duration) {
		now := now()
		writes := max(now.WritesPerAddress, 1) * now.Halls.Times(client)
		return writes * writeBurst, time.Second / time.Duration(writes)
	}, limitedClients)
	l.places = l.byClient(placesAtOnce, placeEvery, limitedClients)
	return l
}

// byClient makes a throttle of addresses, of which those of halls may do more.
func (l *limits) byClient(burst int, every time.Duration, clients int) *throttle.Throttle[netip.Prefix] {
	return throttle.Changing(func(client netip.Prefix) (int, time.Duration) {
		times := l.now().Halls.Times(client)
		return burst * times, every / time.Duration(times)
	}, clients)
}

// limited is the client that limits hold for; ok is false for none.
func limited(ctx context.Context) (client netip.Prefix, ok bool) {
	o := originOf(ctx)
	return throttle.Client(o.addr), !o.addr.IsLoopback() && !o.door
}

// write lets an address write only so often.
func (l *limits) write(ctx context.Context) (ok bool, retryAfter time.Duration) {
	client, ok := limited(ctx)
	if !ok || l.now().WritesPerAddress == 0 {
		return true, 0
	}
	return l.writes.Take(client)
}

// hold lets an address hold seats with only so many orders.
func (l *limits) hold(ctx context.Context, order uuid.UUID) (ok bool, retryAfter time.Duration) {
	client, ok := limited(ctx)
	if !ok {
		return true, 0
	}
	return l.byAddress.Take(client, order)
}

// register lets an e-mail address hold seats with only so many orders. It is the same
// in every way of writing it; one that is none, the order refuses.
func (l *limits) register(ctx context.Context, email string, order uuid.UUID) (ok bool, retryAfter time.Duration) {
	_, isLimited := limited(ctx)
	if _, err := text.Email(email); err != nil || !isLimited {
		return true, 0
	}
	return l.byEmail.Take(text.EmailKey(email), order)
}

// counts says whether anything is limited by an order here.
func (l *limits) counts(order uuid.UUID) bool {
	return l.byAddress.Counts(order) || l.byEmail.Counts(order)
}

// ended says that an order holds no seats any more, or holds them for good.
func (l *limits) ended(order uuid.UUID) {
	l.byAddress.Released(order)
	l.byEmail.Released(order)
}

// seen takes notice of an order as it is shown.
func (l *limits) seen(o view.Order) {
	switch o.Status {
	case view.OrderConfirmed, view.OrderRejected, view.OrderExpired, view.OrderCancelled:
		l.ended(o.ID)
	}
}

// passes asks for a challenge where an address has many holds already. A challenge that
// cannot be judged stops nobody: else an outage of its provider would stop the sale.
func (g *Gateway) passes(ctx context.Context, response string) error {
	client, ok := limited(ctx)
	if !ok || g.limits.challenge == nil {
		return nil
	}
	if now := g.limits.now(); g.limits.byAddress.Open(client) < now.ChallengeAfter*now.Halls.Times(client) {
		return nil
	}
	if response == "" {
		return problem.New(problem.ChallengeRequired)
	}
	ctx, cancel := context.WithTimeout(ctx, challengeWithin)
	defer cancel()
	passed, err := g.limits.challenge.Passed(ctx, response, originOf(ctx).addr)
	if err != nil {
		g.log.WarnContext(ctx, "a challenge could not be judged, and was let pass", "error", err)
		return nil
	}
	if !passed {
		return problem.New(problem.ChallengeRequired)
	}
	return nil
}

// challengeWithin is how long a challenge may take to be judged.
const challengeWithin = 3 * time.Second

// Verifier is a Challenge that another server judges, at URL. It gets the form of a
// POST, with the response and the client's address as remoteip, and answers with JSON:
// {"success": true}. So do Turnstile, hCaptcha and reCAPTCHA, once the secret is added:
// docs/security.md says how.
type Verifier struct {
	URL    string
	Client *http.Client
}

// Passed implements Challenge.
func (v Verifier) Passed(ctx context.Context, response string, client netip.Addr) (bool, error) {
	form := url.Values{"response": {response}, "remoteip": {client.String()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return false, fmt.Errorf("challenge: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := v.Client.Do(req)
	if err != nil {
		return false, fmt.Errorf("challenge: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("challenge: %s", resp.Status)
	}
	const enough = 64 << 10
	var answer struct {
		Success bool `json:"success"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, enough)).Decode(&answer); err != nil {
		return false, fmt.Errorf("challenge: %w", err)
	}
	return answer.Success, nil
}
