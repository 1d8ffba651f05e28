package text

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Bounds of an e-mail address (RFC 5321, 4.5.3.1), in bytes.
const (
	maxLocalPart = 64
	maxEmail     = 254
)

// domains turns a domain into the form in which it is looked up: ASCII, lower
// case (UTS 46, as browsers do it).
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.Transitional(false))

// Email is an e-mail address as it is kept and shown: as it was typed, without
// what stands around it, in Unicode's form NFC. Whether two are the same,
// SameEmail says. Its error is a *Broken.
func Email(s string) (string, error) {
	typed := typedEmail(s)
	if _, ok := emailKey(typed); !ok {
		return "", &Broken{NoEmail}
	}
	return typed, nil
}

// EmailKey is what an e-mail address is found by: the same for all ways of
// writing it. The domain is in IDNA's ASCII form, the local part in no case. Of a
// text that is no e-mail address it is the text.
func EmailKey(s string) string {
	key, _ := emailKey(typedEmail(s))
	return key
}

// SameEmail says whether two are one e-mail address.
func SameEmail(a, b string) bool { return EmailKey(a) == EmailKey(b) }

// typedEmail takes off what copying brings along.
func typedEmail(s string) string {
	return norm.NFC.String(strings.TrimFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return !isSeen(r) }))
}

func emailKey(typed string) (key string, ok bool) {
	at := strings.LastIndexByte(typed, '@')
	if at < 0 {
		return typed, false
	}
	local, domain := typed[:at], typed[at+1:]
	if len(local) > maxLocalPart || strings.ContainsFunc(local, func(r rune) bool { return !isSeen(r) }) {
		return typed, false
	}
	ascii, err := domains.ToASCII(domain)
	if err != nil || !strings.Contains(ascii, ".") {
		return typed, false
	}
	// The rest of the syntax is RFC 5322's and 6532's. One whose local part is
	// written in quotes comes back otherwise, and is not taken.
	full := local + "@" + ascii
	if parsed, err := mail.ParseAddress("<" + full + ">"); err != nil || parsed.Address != full || len(full) > maxEmail {
		return typed, false
	}
	return norm.NFC.String(cases.Fold().String(local)) + "@" + ascii, true
}
