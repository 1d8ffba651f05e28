package pages

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/plenary/plenary/apps/web/problem"
)

// A session is a credential that somebody signed in with, kept where every replica
// finds it, for as long as the session lasts. The browser has a random token; the
// store has the credential sealed with a key that is made from the token, under a
// name that is made from it as well. So neither the store nor the cookie alone
// gives the credential, and no key of ours has to be kept. Each request goes to the
// API with the credential: one that was withdrawn ends its sessions.

// sessionFor is how long a session lasts at most.
const sessionFor = 12 * time.Hour

// SessionStore keeps small values for a time. An idempotency.Store is one.
type SessionStore interface {
	Create(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Get(ctx context.Context, key string) ([]byte, error)
}

// role is what somebody signs in as. Each has a credential and a cookie of its own.
type role struct {
	// cookie is also the role's name in the keys of texts.
	cookie string
	// root is where its pages are.
	root string
	// proof is a path of the API that only its credential opens.
	proof string
}

var (
	organiser = role{cookie: "organiser", root: "/organise", proof: "/api/organiser/conferences?limit=1"}
	operator  = role{cookie: "operator", root: "/operate", proof: "/api/dead-letters?limit=1"}
)

// as runs a page for who is signed in as one of the roles: the first that there is a
// session of.
func as(show func(*Visit, string), roles ...role) func(*Visit) {
	return func(v *Visit) {
		if credential, ok := v.signedIn(roles); ok {
			show(v, credential)
		}
	}
}

// asOrganiser runs a page for who is signed in as an organiser.
func asOrganiser(show func(*Visit, string)) func(*Visit) { return as(show, organiser) }

// asOperator runs a page for who is signed in as an operator.
func asOperator(show func(*Visit, string)) func(*Visit) { return as(show, operator) }

// asEither runs a page for who is signed in as an organiser or as an operator.
func asEither(show func(*Visit, string)) func(*Visit) { return as(show, organiser, operator) }

// names are what a token stands for in the store, and seals with.
func names(token string) (key, ended string, seal cipher.AEAD, err error) {
	secret, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(secret) != 32 {
		return "", "", nil, errNoSession
	}
	name := sha256.Sum256(append([]byte("plenary: name of a session\n"), secret...))
	sealing, err := hkdf.Key(sha256.New, secret, nil, "plenary: seal of a session", 32)
	if err != nil {
		return "", "", nil, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return "", "", nil, err
	}
	seal, err = cipher.NewGCM(block)
	at := hex.EncodeToString(name[:])
	return "session/" + at, "session-ended/" + at, seal, err
}

var errNoSession = errors.New("there is no such session")

// kept is a session in the store.
type kept struct {
	Sealed []byte    `json:"sealed"`
	Until  time.Time `json:"until"`
}

// begin makes a session.
func (s *Site) begin(ctx context.Context, credential string) (token string, err error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // does not fail
	token = base64.RawURLEncoding.EncodeToString(secret)
	key, _, seal, err := names(token)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, seal.NonceSize())
	_, _ = rand.Read(nonce)
	value, err := json.Marshal(kept{Sealed: seal.Seal(nonce, nonce, []byte(credential), []byte(key)), Until: s.now().Add(sessionFor)})
	if err != nil {
		return "", err
	}
	return token, s.sessions.Create(ctx, key, value, sessionFor)
}

// credential is what a session was begun with. Errors: errNoSession when there is
// none or it has ended, or that of the store.
func (s *Site) credential(ctx context.Context, token string) (string, error) {
	key, ended, seal, err := names(token)
	if err != nil {
		return "", err
	}
	value, err := s.sessions.Get(ctx, key)
	if err != nil {
		return "", err
	}
	var found kept
	if value == nil || json.Unmarshal(value, &found) != nil || len(found.Sealed) < seal.NonceSize() || !s.now().Before(found.Until) {
		return "", errNoSession
	}
	if over, err := s.sessions.Get(ctx, ended); err != nil || over != nil {
		return "", errors.Join(err, errNoSession)
	}
	credential, err := seal.Open(nil, found.Sealed[:seal.NonceSize()], found.Sealed[seal.NonceSize():], []byte(key))
	if err != nil {
		return "", errNoSession
	}
	return string(credential), nil
}

// over ends a session, for every replica.
func (s *Site) over(ctx context.Context, token string) error {
	_, ended, _, err := names(token)
	if err != nil {
		return nil //nolint:nilerr // there is nothing to end
	}
	return s.sessions.Create(ctx, ended, []byte(`"ended"`), sessionFor)
}

// signedIn is the credential of who is signed in as one of the roles. Without one the
// visitor is asked for that of the first, and ok is false.
func (v *Visit) signedIn(roles []role) (credential string, ok bool) {
	for _, r := range roles {
		token, err := v.Cookie(r.cookie)
		if err == nil {
			credential, err = v.site.credential(v.Request.Context(), token)
		}
		switch {
		case err == nil:
			v.role = r
			return credential, true
		case errors.Is(err, errNoSession) || errors.Is(err, http.ErrNoCookie):
		default:
			v.site.log.ErrorContext(v.Request.Context(), "read a session", "error", err)
			v.refuse(problem.New(problem.Unavailable))
			return "", false
		}
	}
	v.askFor(roles[0])
	return "", false
}

// askFor leads to where the credential of a role is asked for, and back here afterwards.
func (v *Visit) askFor(r role) {
	to := r.root
	if v.Request.Method == http.MethodGet {
		to = local(v.Request.URL.RequestURI())
	}
	v.See(r.root + "/sign-in?to=" + url.QueryEscape(to))
}

type signInPage struct {
	Shell
	To string
	// Root is where the pages of the role are, Other those of the other role.
	Root, Other string
	// Role is in the keys of texts.
	Role string
}

func (v *Visit) signInPage(r role, to string) *signInPage {
	data := &signInPage{To: local(to), Role: r.cookie, Root: r.root, Other: operator.root}
	if r == operator {
		data.Other = organiser.root
	}
	data.Private = true
	return data
}

// signInForm asks for the credential of a role.
func signInForm(r role) func(*Visit) {
	return func(v *Visit) { v.Render("sign-in", http.StatusOK, v.signInPage(r, v.Query("to"))) }
}

// signIn takes the credential of a role. The API judges it, and slows guessing down.
func signIn(r role) func(*Visit) { return func(v *Visit) { v.signIn(r) } }

func (v *Visit) signIn(r role) {
	data := v.signInPage(r, v.PostForm("to"))
	if data.To == "/" {
		data.To = r.root
	}
	credential := v.PostForm("credential")
	_, p := v.Do(Call{Method: http.MethodGet, Path: r.proof, Bearer: credential}, nil)
	if p == nil && credential != "" {
		token, err := v.site.begin(v.Request.Context(), credential)
		if err == nil {
			v.setCookie(r.cookie, token, "/", int(sessionFor.Seconds()))
			v.See(data.To)
			return
		}
		v.site.log.ErrorContext(v.Request.Context(), "begin a session", "error", err)
		p = problem.New(problem.Unavailable)
		p, _ = p.Localize(string(v.Lang), "")
	}
	status := http.StatusUnauthorized
	data.Failed = &Failure{Title: v.T("sign-in.wrong"), Detail: v.T("sign-in.wrong.text")}
	if p != nil && p.Status != http.StatusUnauthorized {
		status, data.Failed = p.Status, &Failure{Title: p.Title, Detail: p.Detail}
	}
	v.Render("sign-in", status, data)
}

// signOut ends the session of a role.
func signOut(r role) func(*Visit) { return func(v *Visit) { v.signOut(r) } }

func (v *Visit) signOut(r role) {
	if token, err := v.Cookie(r.cookie); err == nil {
		if err := v.site.over(v.Request.Context(), token); err != nil {
			v.site.log.ErrorContext(v.Request.Context(), "end a session", "error", err)
			v.refuse(problem.New(problem.Unavailable))
			return
		}
	}
	v.setCookie(r.cookie, "", "/", -1)
	v.See(r.root + "/sign-in")
}
