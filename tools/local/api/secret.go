package api

import (
	"crypto/sha256"
	"encoding/base64"
	"sync"

	"github.com/google/uuid"
)

// secrets are the secrets of the orders that this process knows, by order id.
var secrets sync.Map

// Secret is the secret of an order that this process knows; empty for any other.
func Secret(order string) string {
	secret, _ := secrets.Load(order)
	text, _ := secret.(string)
	return text
}

// Open makes every Client of this process use a secret for its order, and returns
// the order's id, derived from the secret as the API's description says.
func Open(secret string) (order string) {
	sum := sha256.Sum256([]byte(secret))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	secrets.Store(id.String(), secret)
	return id.String()
}

// OpenNamed is Open with a secret derived from names. The same names give the same
// order in every process.
func OpenNamed(names ...string) (order string) { return Open(secretNamed(names)) }

func secretNamed(names []string) string {
	h := sha256.New()
	for _, name := range names {
		_, _ = h.Write([]byte(name + "\x00")) // a hash takes everything
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
