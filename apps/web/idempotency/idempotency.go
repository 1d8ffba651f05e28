// Package idempotency makes it safe to retry a write: for 24 hours an Idempotency-Key
// stands for one request on one route.
//
// A key has 128 bits that another client cannot guess, so the client's address is not
// part of it: a retry over another network is the same request, and two strangers
// behind one address do not share a key. Keys of different credentials are different.
//
// It stores not the answer but the command's id, which the first request chooses and
// stores before anything is published. A repeated request gets the same id, so apps
// downstream see the same command and handle it once; ids of new orders and payments
// derive from it, so they are the same too. This works even if the first request died
// at any point, which a stored answer would not. The id is random, not a function of
// the key.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// KeptFor is how long a key stands for a request.
const KeptFor = 24 * time.Hour

var (
	// ErrReused: the key stands for a request with another body.
	ErrReused = errors.New("idempotency: the key was used for another request")
	// ErrWeak: another client may come upon the same key.
	ErrWeak = errors.New("idempotency: the key is no UUID and has no 128 bits in base64 or hexadecimal digits")
)

// Store keeps small values for a time.
type Store interface {
	// Create writes value under key for ttl, unless there is something already. Of
	// any number of racing callers one succeeds. After an error the value may have
	// been written or not.
	Create(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Get reads a key with strong consistency; nil when there is nothing.
	Get(ctx context.Context, key string) ([]byte, error)
}

// Request is what an Idempotency-Key came with.
type Request struct {
	// Credential that the request proved, if it needs one: keys under different
	// credentials are different keys.
	Credential string
	Route      string // method and path
	Key        string
	Body       []byte
}

// Keys are the keys in use.
type Keys struct{ store Store }

// New makes Keys that are kept in store.
func New(store Store) *Keys { return &Keys{store} }

type claim struct {
	CommandID   uuid.UUID `json:"commandId"`
	Fingerprint string    `json:"fingerprint"`
}

// Claim gives the id of the command that the request's key stands for; first
// says whether this request is the one that set it. Errors: ErrWeak, ErrReused, or
// that of the store, in which case nothing may be published.
func (k *Keys) Claim(ctx context.Context, r Request) (commandID uuid.UUID, first bool, err error) {
	secret, ok := bits(r.Key)
	if !ok {
		return uuid.Nil, false, ErrWeak
	}
	key := "idempotency/" + digest([]byte(r.Credential), []byte(r.Route), secret)
	mine := claim{uuid.New(), digest(r.Body)}
	value, err := json.Marshal(mine)
	if err != nil {
		return uuid.Nil, false, err
	}
	failed := k.store.Create(ctx, key, value, KeptFor)
	if failed == nil {
		return mine.CommandID, true, nil
	}
	// Stores do not agree on how they say that somebody was here first, so look.
	value, err = k.store.Get(ctx, key)
	if err != nil || value == nil {
		return uuid.Nil, false, fmt.Errorf("idempotency: %w", errors.Join(failed, err))
	}
	var theirs claim
	if err := json.Unmarshal(value, &theirs); err != nil {
		return uuid.Nil, false, fmt.Errorf("idempotency: read claim: %w", err)
	}
	if theirs.Fingerprint != mine.Fingerprint {
		return uuid.Nil, false, ErrReused
	}
	return theirs.CommandID, theirs.CommandID == mine.CommandID, nil
}

// Bits are what a key stands for, in whatever way it is written; nil for a weak one.
func Bits(key string) []byte {
	secret, ok := bits(key)
	if !ok {
		return nil
	}
	return secret
}

// bits are what a key stands for: those of a UUID or, written in hexadecimal
// digits or base64, at least 128. The quotes of a structured field (RFC 9651),
// which some clients send, belong to neither. A key whose bytes are all the same,
// as those of the nil UUID, is no random one.
func bits(key string) (secret []byte, ok bool) {
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	if id, err := uuid.Parse(key); err == nil && len(key) == len(id.String()) {
		return id[:], varied(id[:])
	}
	if digits, err := hex.DecodeString(key); err == nil {
		return digits, len(digits) >= minBytes && varied(digits)
	}
	text := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(key), "=")
	secret, err := base64.RawStdEncoding.DecodeString(text)
	return secret, err == nil && len(secret) >= minBytes && varied(secret)
}

// minBytes are 128 bits.
const minBytes = 16

func varied(b []byte) bool {
	return slices.ContainsFunc(b, func(c byte) bool { return c != b[0] })
}

// digest is a hash of the parts that does not confuse where one ends and the
// next begins.
func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:", len(p)) // a hash takes everything
		_, _ = h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
