package order

import (
	"fmt"
	"io"
)

// The letters and digits of a record locator: those that nobody mistakes for
// another when reading them out.
const (
	locatorAlphabet = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
	locatorLength   = 8
)

// newLocator draws a record locator. Bytes beyond the last whole multiple of
// the alphabet's size are drawn again, so that each character is equally likely.
func newLocator(random io.Reader) (string, error) {
	const fair = 256 - 256%len(locatorAlphabet)
	locator := make([]byte, 0, locatorLength)
	for len(locator) < locatorLength {
		var drawn [1]byte
		if _, err := io.ReadFull(random, drawn[:]); err != nil {
			return "", fmt.Errorf("order: drawing a record locator: %w", err)
		}
		if int(drawn[0]) < fair {
			locator = append(locator, locatorAlphabet[int(drawn[0])%len(locatorAlphabet)])
		}
	}
	return string(locator), nil
}
