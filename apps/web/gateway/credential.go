package gateway

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/plenary/plenary/apps/web/problem"
)

const organiserScheme = "organiser"

// organiserOnly lets a request pass that carries the organiser's token.
func (g *Gateway) organiserOnly(ctx huma.Context, next func(huma.Context)) {
	c := humagin.Unwrap(ctx)
	token, err := g.token(ctx.Context())
	if err != nil || token == "" {
		fail(c, g.unavailable(ctx.Context(), "read the organiser's token", err))
		return
	}
	scheme, given, _ := strings.Cut(ctx.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || !same(strings.TrimSpace(given), token) {
		fail(c, problem.New(problem.CredentialRequired).With("WWW-Authenticate", `Bearer realm="plenary"`))
		return
	}
	o := originOf(ctx.Context())
	o.organiser = true
	setOrigin(c, o)
	next(ctx)
}

// organiserToo lets a request pass without a credential; with one it is the
// organiser's, who may do more, and one that is wrong is refused.
func (g *Gateway) organiserToo(ctx huma.Context, next func(huma.Context)) {
	if ctx.Header("Authorization") == "" {
		next(ctx)
		return
	}
	g.organiserOnly(ctx, next)
}

// same compares in a time that says nothing of where, or in what length, the
// two differ.
func same(given, token string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// rememberFor is how long a secret is used before it is read again: a new one
// counts within that time, and the secret store is not asked at every request.
const rememberFor = time.Minute

// Remembered reads a secret at most once a minute. While it cannot be read, the
// last one goes on to count.
func Remembered(read func(ctx context.Context) (string, error)) func(ctx context.Context) (string, error) {
	var (
		mu     sync.Mutex
		secret string
		at     time.Time
	)
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if secret != "" && time.Since(at) < rememberFor {
			return secret, nil
		}
		latest, err := read(ctx)
		if err != nil && secret != "" {
			return secret, nil
		}
		if err != nil {
			return "", err
		}
		secret, at = latest, time.Now()
		return secret, nil
	}
}
