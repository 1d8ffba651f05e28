package host

import (
	"context"
	"sync"
	"time"
)

// A secret is read again when it is older than readAgain, so that a new one
// counts soon and the secret store is not asked at every request. When it cannot
// be read again, the last one counts until it is older than rememberFor: a
// revoked one ends within that time, whether the secret store answers or not.
const (
	readAgain   = 30 * time.Second
	rememberFor = time.Minute
	readSecret  = 2 * time.Second
)

// Remembered reads a secret at most every 30 seconds, and forgets it after a
// minute.
func Remembered(read func(ctx context.Context) (string, error)) func(ctx context.Context) (string, error) {
	var (
		mu     sync.Mutex
		secret string
		at     time.Time // when it was read
	)
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if secret != "" && time.Since(at) < readAgain {
			return secret, nil
		}
		// A client that goes away does not keep the others from having it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readSecret)
		defer cancel()
		latest, err := read(ctx)
		switch {
		case err == nil:
			secret, at = latest, time.Now()
		case secret != "" && time.Since(at) < rememberFor:
		default:
			secret = ""
			return "", err
		}
		return secret, nil
	}
}
