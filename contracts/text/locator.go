package text

import (
	"strings"
	"unicode"
)

// The letters and digits of a record locator, those that nobody mistakes for
// another when reading them out, and how many of them it has.
const (
	LocatorAlphabet = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
	LocatorLength   = 8
)

// Locator is a record locator in the form in which it was given out, however it
// was typed: in any case, with blanks and hyphens. Its error is a *Broken.
func Locator(s string) (string, error) {
	locator := strings.ToUpper(strings.Map(func(r rune) rune {
		if !isSeen(r) || unicode.Is(unicode.Pd, r) || r == '\u2212' { // the minus sign
			return -1
		}
		return r
	}, s))
	if len(locator) != LocatorLength || strings.Trim(locator, LocatorAlphabet) != "" {
		return "", &Broken{NoLocator}
	}
	return locator, nil
}
