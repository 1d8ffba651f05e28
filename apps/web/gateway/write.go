package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/metric"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/apps/web/changes"
	"github.com/plenary/plenary/apps/web/idempotency"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/message"
)

// Write has the headers of every write.
type Write struct {
	Prefer         string `header:"Prefer" maxLength:"200" doc:"wait=N holds the answer until the outcome is known, for at most N seconds; N is at most 30 (RFC 7240)" example:"wait=10"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Makes retries safe: for 24 hours, requests with the same key count as one command. The key is a fresh UUID, or at least 128 random bits in base64 or hexadecimal digits; a weaker key is refused, since another client might choose the same. Keys are kept apart by route and, if the operation needs one, by credential" example:"8e03978e-40d5-43e8-bc93-6894a57f9324"`
}

// Receipt is the answer's body for a write.
type Receipt struct {
	CommandID   uuid.UUID `json:"commandId" doc:"The command that was sent"`
	OutcomeURL  string    `json:"outcomeUrl" doc:"Address of the command's outcome" example:"/api/outcomes/6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"`
	ID          uuid.UUID `json:"id" doc:"Id of the order, payment, conference or seat type that the command creates or changes"`
	URL         string    `json:"url" doc:"Address of that resource" example:"/api/orders/6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"`
	Secret      string    `json:"secret,omitempty" doc:"Secret of the order that was placed. It is returned only here, and again for the same request with the same Idempotency-Key"`
	PageURL     string    `json:"pageUrl,omitempty" doc:"Page of the order that was placed, with the secret"`
	CheckoutURL string    `json:"checkoutUrl,omitempty" doc:"Page where the payer continues the payment" example:"/pay/6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"`
	Credential  string    `json:"credential,omitempty" doc:"The credential that was issued. It is returned only here, and again for the same request with the same Idempotency-Key"`
	Outcome     *Outcome  `json:"outcome,omitempty" doc:"The outcome, if the request waited for it"`
}

// Answer is the answer to a write.
type Answer struct {
	Status            int
	Location          string `header:"Location" doc:"Address of the created resource (201) or of the outcome (202)"`
	PreferenceApplied string `header:"Preference-Applied" doc:"wait=N if the answer was held for the outcome"`
	Body              Receipt
}

// Command is a write as it is sent: one command, and where its effect is read.
type Command struct {
	Body     any       // of the message
	About    uuid.UUID // the order or conference the conversation is about
	OfOrder  bool      // it is about an order and comes from its holder
	ID       uuid.UUID // of the resource that is changed or created
	URL      string    // of that resource
	Creates  bool
	Checkout string
	Secret   string // of the order that is placed
	// Credential is one that is issued, as its member gets it.
	Credential string
	// Rest is the secret that opens the order which waits for the rest, if there will be
	// one; empty: that of the order that is placed.
	Rest string
	// SecretIsChosen says that the client chose Secret.
	SecretIsChosen bool
	// Places says that it places an order, and Email whose that will be: they hold seats.
	Places bool
	Email  string
	// Wants is how many seats the order asks for from now on, where that changes.
	Wants *int
	// Ends says that it gives the seats of its order back.
	Ends bool
	// Wrapper is the field of Body that is the request's body, if it is one.
	Wrapper string
	// Refused is set when the command is certain to be refused.
	Refused *problem.Problem
}

// send publishes the command of a request and, if the request prefers it, waits
// for the outcome. body is the request's. make makes the command from its id; ids
// of new resources derive from that id, so that a retry with the same
// Idempotency-Key makes the same resource.
func (g *Gateway) send(ctx context.Context, w Write, body any, make func(commandID uuid.UUID) Command) (*Answer, error) {
	id := uuid.New()
	cmd := make(id)
	if err := g.validate(cmd); err != nil {
		return nil, err
	}
	repeated := false
	if w.IdempotencyKey != "" {
		var err error
		if id, repeated, err = g.claim(ctx, w.IdempotencyKey, body); err != nil {
			return nil, err
		}
		cmd = make(id)
	}
	if cmd.Refused != nil {
		return nil, cmd.Refused
	}
	if err := g.keepSecret(ctx, &cmd); err != nil {
		return nil, err
	}
	if err := g.keepSecretOfRest(ctx, cmd); err != nil {
		return nil, err
	}
	// Before the command is published, so that its outcome comes by itself.
	waiter := g.changes.Wait(id)
	defer waiter.Leave()
	if !repeated || !g.decided(ctx, id) {
		if err := g.limitWriting(ctx, cmd); err != nil {
			return nil, err
		}
		if err := g.publish(ctx, id, cmd); err != nil {
			return nil, err
		}
		if cmd.Ends {
			g.limits.ended(cmd.About)
		}
	}
	outcome, waited := g.await(ctx, w, id, waiter, repeated)
	return g.answer(ctx, id, cmd, outcome, waited)
}

// keepSecret stores the secret of an order whose id the client chose, before
// anything is published. A client that places such an order again without its
// secret learns the command's outcome but gets no second secret: it may be another
// client.
func (g *Gateway) keepSecret(ctx context.Context, cmd *Command) error {
	if cmd.Secret == "" || access.OrderID(cmd.Secret) == cmd.ID {
		return nil
	}
	mine, err := g.access.Own(ctx, cmd.ID, cmd.Secret)
	switch {
	case err != nil:
		return err
	case mine:
		return nil
	case cmd.SecretIsChosen:
		return problem.New(refusal.OrderAlreadyPlaced)
	}
	cmd.Secret = ""
	return nil
}

// limitWriting lets an order be written to only so often, an address write only so
// often, and an address or an e-mail address hold only so much. What organisers do is
// not limited.
func (g *Gateway) limitWriting(ctx context.Context, cmd Command) error {
	if !cmd.OfOrder {
		return nil
	}
	if ok, retryAfter := g.writing.Take(cmd.About); !ok {
		return g.tooMany(ctx, problem.TooManyRequests, forWriting, retryAfter)
	}
	if ok, retryAfter := g.limits.write(ctx); !ok {
		return g.tooMany(ctx, problem.TooManyRequests, forAddress, retryAfter)
	}
	if cmd.Places {
		if ok, retryAfter := g.limits.hold(ctx, cmd.About); !ok {
			return g.tooMany(ctx, problem.TooManyHolds, forHolds, retryAfter)
		}
	}
	if err := g.limitSeats(ctx, cmd); err != nil {
		return err
	}
	if cmd.Email != "" {
		if ok, retryAfter := g.limits.register(ctx, cmd.Email, cmd.About); !ok {
			return g.tooMany(ctx, problem.TooManyHolds, forHolds, retryAfter)
		}
	}
	return nil
}

// tooMany turns a request away for a while.
func (g *Gateway) tooMany(ctx context.Context, code es.Code, why metric.MeasurementOption, retryAfter time.Duration) *problem.Problem {
	g.refused.Add(ctx, 1, why)
	return problem.New(code).With("Retry-After", seconds(retryAfter))
}

// validate checks a command against its contract, so that no command is published
// that the receiver would have to park.
func (g *Gateway) validate(cmd Command) error {
	err := g.contracts.Validate(cmd.Body)
	var invalid *message.Invalid
	if errors.As(err, &invalid) {
		return problem.FromContract(invalid, cmd.Wrapper)
	}
	return err
}

// claim returns the id of the command for an Idempotency-Key.
func (g *Gateway) claim(ctx context.Context, key string, body any) (id uuid.UUID, repeated bool, err error) {
	// The decoded body, so that white space and the order of fields do not matter.
	canonical, err := json.Marshal(body)
	if err != nil {
		return uuid.Nil, false, fmt.Errorf("fingerprint: %w", err)
	}
	o := originOf(ctx)
	id, first, err := g.keys.Claim(ctx, idempotency.Request{Credential: o.credential(), Route: o.route, Key: key, Body: canonical})
	switch {
	case errors.Is(err, idempotency.ErrWeak):
		return uuid.Nil, false, problem.New(problem.IdempotencyKeyWeak)
	case errors.Is(err, idempotency.ErrReused):
		return uuid.Nil, false, problem.New(problem.IdempotencyKeyReused)
	case err != nil:
		return uuid.Nil, false, g.unavailable(ctx, "claim an idempotency key", err)
	}
	return id, !first, nil
}

// decided says whether a repeated request's command already has an outcome and
// need not be published again. If that cannot be learnt, it is published again;
// its handler recognises it by its id.
func (g *Gateway) decided(ctx context.Context, id uuid.UUID) bool {
	outcome, err := g.outcome(ctx, id)
	return err == nil && outcome.Status != view.OutcomeUnknown
}

func (g *Gateway) publish(ctx context.Context, id uuid.UUID, cmd Command) error {
	err := g.traced(ctx, message.Message{
		Meta: message.Meta{ID: id.String(), CorrelationID: cmd.About.String(), Actor: originOf(ctx).actor()},
		Body: cmd.Body,
	}, g.commands.Send)
	if ctx.Err() == nil { // a client that went away says nothing about publishing
		g.health.published(err)
	}
	if err != nil {
		return g.unavailable(ctx, "publish a command", err)
	}
	g.backlog.Published(id.String())
	return nil
}

// answer gives the outcome if the request waited for it, and else its address.
func (g *Gateway) answer(ctx context.Context, id uuid.UUID, cmd Command, outcome view.Outcome, waited time.Duration) (*Answer, error) {
	a := &Answer{Status: http.StatusAccepted, Body: Receipt{
		CommandID: id, OutcomeURL: outcomeURL(id), ID: cmd.ID, URL: cmd.URL, CheckoutURL: cmd.Checkout, Credential: cmd.Credential,
	}}
	a.Location = a.Body.OutcomeURL
	if cmd.Secret != "" {
		a.Body.Secret, a.Body.PageURL = cmd.Secret, access.PagePath(cmd.ID, cmd.Secret)
	}

	if waited > 0 {
		a.PreferenceApplied = "wait=" + strconv.Itoa(int(waited.Seconds()))
	}
	switch outcome.Status {
	case view.OutcomeRefused:
		p := problem.Refused(outcome.Code, outcome.Detail, a.Body.OutcomeURL)
		if outcome.Code == refusal.ConferenceChanged {
			// The current version may be newer than the one that refused the command.
			if now, err := g.conference(ctx, cmd.About.String()); err == nil {
				p.Current = now.Body
				p = p.With("ETag", now.ETag)
			}
		}
		return nil, p.With("Preference-Applied", a.PreferenceApplied)
	case view.OutcomeAccepted, view.OutcomeNoEffect:
		shown := outcomeOf(outcome)
		a.Body.Outcome, a.Status, a.Location = &shown, http.StatusOK, ""
		if cmd.Creates {
			a.Location = cmd.URL
			if outcome.Status == view.OutcomeAccepted {
				a.Status = http.StatusCreated
			}
		}
	}
	return a, nil
}

// await waits for the outcome of a command as long as the request prefers; ask says
// that it may be known already. waited is 0 when it did not wait: nobody asked for it,
// or as many as can are waiting already.
func (g *Gateway) await(ctx context.Context, w Write, id uuid.UUID, waiter *changes.Waiter, ask bool) (outcome view.Outcome, waited time.Duration) {
	outcome.Status = view.OutcomeUnknown
	wait, ok := waitPreferred(w.Prefer)
	if !ok || wait == 0 {
		return outcome, 0
	}
	leave, ok := g.waiting.Enter(originOf(ctx).addr)
	if !ok {
		return outcome, 0
	}
	defer leave()
	ctx, stop := g.whileRunning(ctx)
	defer stop()
	return g.awaitOutcome(ctx, id, wait, waiter, ask), wait
}

// awaitOutcome waits until the outcome comes. Query is asked only if it may have been
// missed.
func (g *Gateway) awaitOutcome(ctx context.Context, id uuid.UUID, wait time.Duration, waiter *changes.Waiter, ask bool) view.Outcome {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		if ask {
			if known, err := g.outcome(ctx, id); err == nil && known.Status != view.OutcomeUnknown {
				return known
			}
		}
		again := askAnyway
		if !g.changes.Connected() {
			again = askAgain
		}
		select {
		case outcome := <-waiter.Outcome:
			return outcome
		case <-waiter.Ask:
		case <-time.After(again):
		case <-ctx.Done():
			return view.Outcome{CommandID: id.String(), Status: view.OutcomeUnknown, Events: []string{}}
		}
		ask = true
	}
}

const (
	// askAgain is the pause before an outcome is asked for again while outcomes do not
	// come by themselves, askAnyway while they do: a net that should catch nothing.
	askAgain, askAnyway = 250 * time.Millisecond, 10 * time.Second
	// maxWaiting bounds the requests that wait at the same time, maxStreams the streams:
	// both have to fit into a pod's memory. One client may have so many of them as a hall
	// full of people behind one address needs, and leaves the rest to others.
	maxWaiting, waitingEach = 1024, 768
	maxStreams, streamsEach = 4096, 1024
)

func outcomeURL(id uuid.UUID) string { return "/api/outcomes/" + id.String() }

// derived is the id of a new resource: the client's choice, or derived from the
// command's id.
func derived(chosen *uuid.UUID, commandID uuid.UUID, what string) uuid.UUID {
	if chosen != nil {
		return *chosen
	}
	return uuid.MustParse(es.DerivedID(commandID.String(), what))
}
