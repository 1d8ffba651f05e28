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

// sessionCookie is the cookie of those who sign in as organisers. Other roles have
// cookies of their own.
const sessionCookie = "organiser"

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

// organiser is the credential of who is signed in. Without one the visitor is
// asked for it, and ok is false.
func (v *Visit) organiser() (credential string, ok bool) {
	token, err := v.Cookie(sessionCookie)
	if err == nil {
		credential, err = v.site.credential(v.Request.Context(), token)
	}
	switch {
	case err == nil:
		return credential, true
	case errors.Is(err, errNoSession) || errors.Is(err, http.ErrNoCookie):
		v.See("/organise/sign-in?to=" + url.QueryEscape(local(v.Request.URL.RequestURI())))
	default:
		v.site.log.ErrorContext(v.Request.Context(), "read a session", "error", err)
		v.refuse(problem.New(problem.Unavailable))
	}
	return "", false
}

type signInPage struct {
	Shell
	To string
}

func (v *Visit) signInForm() {
	data := &signInPage{To: local(v.Query("to"))}
	data.Private = true
	v.Render("sign-in", http.StatusOK, data)
}

// signIn takes the organiser's credential. The API judges it, and slows guessing
// down.
func (v *Visit) signIn() {
	data := &signInPage{To: local(v.PostForm("to"))}
	data.Private = true
	if data.To == "/" {
		data.To = "/organise"
	}
	credential := v.PostForm("credential")
	_, p := v.Do(Call{Method: http.MethodGet, Path: "/api/organiser/conferences?limit=1", Bearer: credential}, nil)
	if p == nil && credential != "" {
		token, err := v.site.begin(v.Request.Context(), credential)
		if err == nil {
			v.setCookie(sessionCookie, token, "/", int(sessionFor.Seconds()))
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

func (v *Visit) signOut() {
	if token, err := v.Cookie(sessionCookie); err == nil {
		if err := v.site.over(v.Request.Context(), token); err != nil {
			v.site.log.ErrorContext(v.Request.Context(), "end a session", "error", err)
			v.refuse(problem.New(problem.Unavailable))
			return
		}
	}
	v.setCookie(sessionCookie, "", "/", -1)
	v.See("/organise/sign-in")
}
