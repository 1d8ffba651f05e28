package text

import (
	"regexp"
	"strings"
	"unicode"
)

var promoCode = regexp.MustCompile(`^[A-Z0-9][A-Z0-9_-]{2,31}$`)

// PromoCode is a promo code as it is kept and compared: without blanks, in capital
// letters. ok is false for what can be none: 3 to 32 letters A to Z, digits, hyphens
// and underlines, the first a letter or digit.
func PromoCode(typed string) (code string, ok bool) {
	code = strings.ToUpper(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case r >= '！' && r <= '～': // as a Chinese keyboard has them
			return r - '！' + '!'
		}
		return r
	}, typed))
	return code, promoCode.MatchString(code)
}
