package api

import (
	"crypto/sha256"
	"encoding/base64"
	"sync"

	"github.com/google/uuid"
)

// secrets open the orders that this process knows of, by their ids.
var secrets sync.Map

// Secret opens an order that this process knows of; empty for any other.
func Secret(order string) string {
	secret, _ := secrets.Load(order)
	text, _ := secret.(string)
	return text
}

// Open has every Client of this process open an order with a secret, and gives
// the order's id, which is made from the secret as the API's description says.
func Open(secret string) (order string) {
	sum := sha256.Sum256([]byte(secret))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	secrets.Store(id.String(), secret)
	return id.String()
}

// OpenNamed is Open with a secret that is made from names. The same names give
// the same order, in any process.
func OpenNamed(names ...string) (order string) { return Open(secretNamed(names)) }

func secretNamed(names []string) string {
	h := sha256.New()
	for _, name := range names {
		_, _ = h.Write([]byte(name + "\x00")) // a hash takes everything
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
