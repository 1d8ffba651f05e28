// Package access decides which requests may see an order and act on it.
//
// Three things give access to an order: its secret, which its registrant got when it
// was placed; the key of a link, returned when the order was found again by e-mail
// address and locator; and a credential of the organisation whose conference it is for.
// An order's id gives no access: it is a hash of the secret (OrderID), and may be shown
// and logged. If a client chose the id, the secret's hash is stored beside it (Own).
//
// A secret or a link's key is sent as "Authorization: Bearer ..." or in a cookie for
// that one order, which the first visit of its page sets. For pages:
//
//	// GET /orders/{id}
//	if a.FirstVisit(w, r, id) { // the address had ?key=...: the answer is written
//		return
//	}
//	who, err := a.Caller(r, id)
//	switch {
//	case err != nil: // access.TooManyTries, access.ErrCrossSite, access.ErrNotTheirs, or a store is away
//	case who.Caller == access.Nobody: // say that the link is needed, or find the order
//	default: // show it
//	}
//
// The same call guards forms (POST); it refuses a cookie that another site makes the
// browser send. A page that calls the API for its visitor sends the result of Shown as
// the bearer token. PagePath makes an order's link.
package access

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/web/throttle"
)

// Caller is in which role a request may see an order and act on it.
type Caller int

// The roles.
const (
	Nobody Caller = iota // nothing opens the order
	Holder
	Organiser // of some organisation; see Who
	Operator  // looks after the system, and opens no order
)

// ErrCrossSite: the request would be allowed by a cookie, and it was made by
// another site.
var ErrCrossSite = errors.New("access: a cookie sent by another site's doing opens nothing")

// ErrNotTheirs: an organiser asks for an order that is not of their organisation's
// conferences, or that is not there.
var ErrNotTheirs = errors.New("access: the organisation has no such order")

// TooManyTries says that the client showed too many wrong secrets of late.
type TooManyTries struct{ RetryAfter time.Duration }

func (TooManyTries) Error() string { return "access: too many wrong secrets" }

// Links keeps whom links lead to. An idempotency.Store is one.
type Links interface {
	Create(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Get(ctx context.Context, key string) ([]byte, error)
}

// Options are what Access works with.
type Options struct {
	Links Links
	// OrganiserToken and OperatorToken give the installation's own credentials: that of
	// an owner of the main organisation, and that of the operator. If both are the same,
	// it is the organiser's.
	OrganiserToken, OperatorToken func(ctx context.Context) (string, error)
	// Credential finds a member's credential; found is false if it is nobody's.
	Credential func(ctx context.Context, organisation, id uuid.UUID) (holder Issued, found bool, err error)
	// Owns says whether an order is of a conference of an organisation.
	Owns func(ctx context.Context, organisation, order uuid.UUID) (bool, error)
	// Remember is how long a credential that was right is not looked up again; 0 is the
	// default.
	Remember time.Duration
	// Client is where a request comes from.
	Client func(*http.Request) netip.Addr
	// Wrong, if set, is told of each wrong secret.
	Wrong func(ctx context.Context)
}

// Access decides who may see an order.
type Access struct {
	Options
	tries   *throttle.Throttle[netip.Prefix]
	sites   *http.CrossOriginProtection
	members *remembered
}

// Wrong secrets: a few slips are not noticed, guessing is hopeless.
const (
	wrongAtOnce = 20
	wrongEvery  = 3 * time.Second
	wrongOf     = 10_000 // clients remembered
)

// LinkFor is how long the link of an order that was found again opens it.
const LinkFor = 30 * 24 * time.Hour

// cookieFor is how long a browser keeps the cookie of an order.
const cookieFor = 180 * 24 * time.Hour

// New makes an Access.
func New(o Options) *Access {
	return &Access{
		Options: o, tries: throttle.New[netip.Prefix](wrongAtOnce, wrongEvery, wrongOf),
		sites:   http.NewCrossOriginProtection(),
		members: &remembered{by: map[[sha256.Size]byte]rememberedMember{}, long: cmp.Or(o.Remember, rememberedFor)},
	}
}

// Caller says in which role a request may see an order and act on it. For holders it
// does not look whether there is such an order, so the answer does not depend on that;
// to an organiser the orders of others are as those that are not there. An order's
// conference and a conference's organisation never change, so what query shows of them is
// right as soon as it shows it. Errors: ErrCrossSite, ErrNotTheirs, TooManyTries, or that
// of a store.
func (a *Access) Caller(r *http.Request, order uuid.UUID) (Who, error) {
	given, sent := shown(r, order)
	who, err := a.opens(r, given, order)
	if err == nil && who.Caller != Nobody && sent && a.sites.Check(r) != nil {
		return Who{}, ErrCrossSite
	}
	if err == nil && who.Caller == Organiser {
		owns, err := a.Owns(r.Context(), who.Member.Organisation, order)
		switch {
		case err != nil:
			return Who{}, fmt.Errorf("access: whose an order is: %w", err)
		case !owns:
			return Who{}, ErrNotTheirs
		}
	}
	return who, err
}

// Shown is the secret that a request shows for an order, right or wrong: for a
// page that asks the API for its visitor. It is empty when there is none.
func Shown(r *http.Request, order uuid.UUID) string {
	given, _ := shown(r, order)
	return given
}

// shown is the secret of a request; sent says that the browser sent it by itself.
func shown(r *http.Request, order uuid.UUID) (given string, sent bool) {
	if given = bearer(r); given != "" {
		return given, false
	}
	c, err := r.Cookie(cookieName(order))
	if err != nil {
		return "", false
	}
	return c.Value, true
}

// Staff says whether a request carries the credential of an organiser or of the
// operator: Nobody for any other. Errors: TooManyTries, or that of a store.
func (a *Access) Staff(r *http.Request) (Who, error) { return a.guarded(r, bearer(r), a.staff) }

// Still says whether a credential of an organiser or operator that was right is so now.
func (a *Access) Still(ctx context.Context, given string) (bool, error) {
	who, err := a.staff(ctx, given)
	return who.Caller != Nobody, err
}

func (a *Access) staff(ctx context.Context, given string) (Who, error) {
	if strings.HasPrefix(given, memberPrefix) {
		return a.member(ctx, given)
	}
	who, err := a.organiser(ctx, given)
	if who.Caller == Organiser {
		return who, nil
	}
	token, failed := a.OperatorToken(ctx)
	switch {
	case failed != nil || token == "":
		return Who{}, fmt.Errorf("access: the operator's token: %w", errors.Join(failed, errNoToken))
	case err == nil && same(given, token):
		return Who{Caller: Operator}, nil
	}
	return Who{}, err
}

// opens says what a secret opens of an order. What costs nothing is looked at
// first: an order's own secret is known by its hash.
func (a *Access) opens(r *http.Request, given string, order uuid.UUID) (Who, error) {
	if secretForm.MatchString(given) {
		if id := OrderID(given); subtle.ConstantTimeCompare(id[:], order[:]) == 1 {
			return Who{Caller: Holder}, nil
		}
	}
	return a.guarded(r, given, func(ctx context.Context, given string) (Who, error) {
		switch {
		case strings.HasPrefix(given, linkPrefix):
			caller, err := a.link(ctx, given, order)
			return Who{Caller: caller}, err
		case strings.HasPrefix(given, memberPrefix):
			return a.member(ctx, given)
		}
		who, err := a.organiser(ctx, given)
		if who.Caller == Nobody && secretForm.MatchString(given) {
			own, failed := a.isOwn(ctx, given, order)
			switch {
			case failed != nil:
				return Who{}, failed
			case own:
				return Who{Caller: Holder}, nil
			}
		}
		return who, err
	})
}

// Own keeps the secret of an order whose id its client chose, so that the id is not
// the secret's hash; mine says whether this secret is the one. The first one counts.
func (a *Access) Own(ctx context.Context, order uuid.UUID, secret string) (mine bool, err error) {
	failed := a.Links.Create(ctx, ownKey(order), ownHash(secret), ownFor)
	if failed == nil {
		return true, nil
	}
	// Stores do not agree on how they say that another was first, so look.
	kept, err := a.Links.Get(ctx, ownKey(order))
	if err != nil || kept == nil {
		return false, fmt.Errorf("access: keep an order's secret: %w", errors.Join(failed, err))
	}
	return subtle.ConstantTimeCompare(kept, ownHash(secret)) == 1, nil
}

func (a *Access) isOwn(ctx context.Context, given string, order uuid.UUID) (bool, error) {
	kept, err := a.Links.Get(ctx, ownKey(order))
	if err != nil {
		return false, fmt.Errorf("access: read an order's secret: %w", err)
	}
	return subtle.ConstantTimeCompare(kept, ownHash(given)) == 1, nil
}

// ownFor is how long a kept secret opens its order: longer than the order matters to
// people.
const ownFor = 20 * 365 * 24 * time.Hour

func ownKey(order uuid.UUID) string { return "order-secret/" + order.String() }

// ownHash is what is kept of a secret, as JSON, which every store takes.
func ownHash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return []byte(`"` + hex.EncodeToString(sum[:]) + `"`)
}

// guarded looks a secret up that the client may still try, and counts a wrong one.
func (a *Access) guarded(r *http.Request, given string, look func(context.Context, string) (Who, error)) (Who, error) {
	if given == "" {
		return Who{}, nil
	}
	client := a.Client(r)
	if ok, after := a.tries.Allow(throttle.Client(client)); !ok {
		return Who{}, TooManyTries{after}
	}
	who, err := look(r.Context(), given)
	if err == nil && who.Caller == Nobody {
		a.tries.Failed(throttle.Client(client))
		if a.Wrong != nil {
			a.Wrong(r.Context())
		}
	}
	return who, err
}

func (a *Access) organiser(ctx context.Context, given string) (Who, error) {
	token, err := a.OrganiserToken(ctx)
	if err != nil || token == "" {
		return Who{}, fmt.Errorf("access: the organiser's token: %w", errors.Join(err, errNoToken))
	}
	if !same(given, token) {
		return Who{}, nil
	}
	return Who{Organiser, holderOfToken()}, nil
}

var errNoToken = errors.New("there is none to compare with")

// linkPrefix tells the key of a link, and memberPrefix a member's credential, from an
// order's own secret and from a token.
const (
	linkPrefix   = "link."
	memberPrefix = "member."
)

func (a *Access) link(ctx context.Context, given string, order uuid.UUID) (Caller, error) {
	if !secretForm.MatchString(strings.TrimPrefix(given, linkPrefix)) {
		return Nobody, nil
	}
	id, err := a.Links.Get(ctx, linkKey(given))
	if err != nil {
		return Nobody, fmt.Errorf("access: read a link: %w", err)
	}
	if string(id) != `"`+order.String()+`"` {
		return Nobody, nil
	}
	return Holder, nil
}

// Link makes another key of an order, for a registrant who has found it again. It opens
// the order until then; only its hash is kept.
func (a *Access) Link(ctx context.Context, order uuid.UUID) (key string, until time.Time, err error) {
	key, until = linkPrefix+NewSecret(), time.Now().Add(LinkFor)
	if err := a.Links.Create(ctx, linkKey(key), []byte(`"`+order.String()+`"`), LinkFor); err != nil {
		return "", until, fmt.Errorf("access: write a link: %w", err)
	}
	return key, until, nil
}

// linkKey is the name under which a link is kept.
func linkKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "order-link/" + hex.EncodeToString(sum[:])
}

// PagePath is the link of an order: its page's address with a secret that opens it.
func PagePath(order uuid.UUID, secret string) string {
	return pagePath(order) + "?" + url.Values{keyParameter: {secret}}.Encode()
}

const keyParameter = "key"

func pagePath(order uuid.UUID) string { return "/orders/" + order.String() }

// FirstVisit answers a request for an order's page whose address has a secret in
// it: the browser gets a cookie, if the secret is right, and is sent on to the
// address without it, which may then be shown, kept and passed on. It is false,
// and nothing is answered, for an address that has none.
func (a *Access) FirstVisit(w http.ResponseWriter, r *http.Request, order uuid.UUID) bool {
	query := r.URL.Query()
	if !query.Has(keyParameter) {
		return false
	}
	secret := query.Get(keyParameter)
	// When a store is away the page is asked without a cookie, and says so.
	if who, err := a.opens(r, secret, order); err == nil && who.Caller == Holder {
		a.keep(w, r, order, secret)
	}
	query.Del(keyParameter)
	to := url.URL{Path: pagePath(order), RawQuery: query.Encode()}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
	return true
}

// keep has a browser keep a secret for the order's page and its API, and for
// nothing else.
func (a *Access) keep(w http.ResponseWriter, r *http.Request, order uuid.UUID, secret string) {
	for _, path := range []string{pagePath(order), "/api" + pagePath(order)} {
		http.SetCookie(w, &http.Cookie{
			Name: cookieName(order), Value: secret, Path: path, MaxAge: int(cookieFor.Seconds()),
			HttpOnly: true, SameSite: http.SameSiteLaxMode,
			// A client that claims HTTPS changes its own cookie only.
			Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
		})
	}
}

func cookieName(order uuid.UUID) string { return "plenary-order-" + order.String() }

// Bearer is the credential that a request shows as its bearer token; empty if it shows
// none.
func Bearer(r *http.Request) string { return bearer(r) }

func bearer(r *http.Request) string {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(given)
}

// same compares in a time that says nothing of where, or in what length, the
// two differ.
func same(given, token string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
