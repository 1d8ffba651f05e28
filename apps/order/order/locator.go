package order

import (
	"fmt"
	"io"

	"github.com/plenary/plenary/contracts/text"
)

// newLocator draws a record locator. Bytes beyond the last whole multiple of
// the alphabet's size are drawn again, so that each character is equally likely.
func newLocator(random io.Reader) (string, error) {
	const fair = 256 - 256%len(text.LocatorAlphabet)
	locator := make([]byte, 0, text.LocatorLength)
	for len(locator) < text.LocatorLength {
		var drawn [1]byte
		if _, err := io.ReadFull(random, drawn[:]); err != nil {
			return "", fmt.Errorf("order: drawing a record locator: %w", err)
		}
		if int(drawn[0]) < fair {
			locator = append(locator, text.LocatorAlphabet[int(drawn[0])%len(text.LocatorAlphabet)])
		}
	}
	return string(locator), nil
}
