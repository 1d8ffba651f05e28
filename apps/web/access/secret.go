package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"regexp"

	"github.com/google/uuid"
)

// SecretPattern is what an order's secret looks like: base64url without padding,
// of 128 bits at least.
const SecretPattern = "^[A-Za-z0-9_-]{22,86}$"

var secretForm = regexp.MustCompile(SecretPattern)

// secretBytes is how long a secret is that is made here: 192 bits.
const secretBytes = 24

// OrderID is the id of the order that a secret opens: the first 128 bits of the
// secret's SHA-256 as a UUID of version 8 (RFC 9562, section 5.8). So the id is
// the hash by which the secret is known, everywhere and from the first moment;
// nothing else has to be kept, asked or waited for. 122 bits are left of the
// hash: who knows the id cannot find a secret for it.
func OrderID(secret string) uuid.UUID {
	sum := sha256.Sum256([]byte(secret))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// NewSecret makes a secret for an order.
func NewSecret() string { return encode(random()) }

// SecretOf makes the secret of the order that is placed with an Idempotency-Key, of
// which key are the bits that it stands for. The same key and command make the same secret, so a repeated request is
// answered as the first was, and the secret is not kept anywhere. Command ids
// stand in logs; the key, which is a secret of the client's, does not.
func SecretOf(key []byte, commandID uuid.UUID) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("plenary: secret of an order\n")) // a hash takes everything
	_, _ = mac.Write(commandID[:])
	return encode(mac.Sum(nil)[:secretBytes])
}

func random() []byte {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // does not fail
	return b
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
