// Package text holds the rules for what people write: names, descriptions,
// e-mail addresses, record locators. A field of a message names its rule in its
// `validate` tag, by which web checks a request; the apps' decisions put what was
// written into the form in which it is kept, by the same functions.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// Broken is the rule that a text breaks: one of the constants below, the bounds
// with their value ("maxGraphemes=100").
type Broken struct{ Rule string }

// The rules that a text may break.
const (
	Blank            = "blank"            // nothing, or white space only
	Invisible        = "invisible"        // zero-width characters only
	ControlCharacter = "controlCharacter" // U+0000 to U+001F, U+007F to U+009F
	LineBreak        = "lineBreak"
	BidiOverride     = "bidiOverride" // changes in which direction the text around it is read
	UTF8             = "utf8"         // is not UTF-8
	MaxGraphemes     = "maxGraphemes" // more of what a reader takes for one character
	MaxBytes         = "maxBytes"     // more bytes of UTF-8
	NoEmail          = "format=email"
	NoLocator        = "format=locator"
)

// words say each rule, for people.
var words = map[string]string{
	Blank:            "is blank",
	Invisible:        "has nothing in it that can be seen",
	ControlCharacter: "has a control character in it",
	LineBreak:        "has a line break in it",
	BidiOverride:     "has a character in it that turns the direction of the text around it",
	UTF8:             "is not UTF-8",
	MaxGraphemes:     "has more than %s characters",
	MaxBytes:         "takes more than %s bytes",
	NoEmail:          "is not an e-mail address",
	NoLocator:        "is not a record locator",
}

// Error says what is wrong, without quoting the text.
func (b *Broken) Error() string {
	if said, ok := words[b.Rule]; ok {
		return said
	}
	keyword, value, _ := strings.Cut(b.Rule, "=")
	return fmt.Sprintf(words[keyword], value)
}

// Bounds of a name: what a reader counts, and what it takes to keep.
const (
	nameGraphemes = 100
	nameBytes     = 1_000
)

// Name is the name of a person, conference, seat type or organisation as it is
// kept: without white space around it, in Unicode's form NFC, and otherwise as it
// was written, in any script, with emoji, quotes or one letter. Its error is a
// *Broken.
func Name(s string) (string, error) {
	s, err := Line(s, nameGraphemes)
	if err == nil && s == "" {
		err = &Broken{Blank}
	}
	return s, err
}

// NamePart is the first or the last name of a person: as a Name, and may be
// empty, since many people have one name.
func NamePart(s string) (string, error) { return Line(s, nameGraphemes) }

// Line is a text of one line, as it is kept, that may be empty and has at most so
// many graphemes, of ten bytes on average. Its error is a *Broken.
func Line(s string, graphemes int) (string, error) {
	s, err := kept(s)
	switch {
	case err != nil:
		return "", err
	case strings.ContainsFunc(s, isLineBreak):
		return "", &Broken{LineBreak}
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", &Broken{ControlCharacter}
	case len(s) > graphemes*nameBytes/nameGraphemes: // first, since counting takes time
		return "", &Broken{fmt.Sprintf("%s=%d", MaxBytes, graphemes*nameBytes/nameGraphemes)}
	case uniseg.GraphemeClusterCount(s) > graphemes:
		return "", &Broken{fmt.Sprintf("%s=%d", MaxGraphemes, graphemes)}
	}
	return s, nil
}

// Lines is a text of any number of lines, as it is kept: a description. It may be
// empty and takes at most so many bytes. Its error is a *Broken.
func Lines(s string, bytes int) (string, error) {
	s, err := kept(s)
	switch {
	case err != nil:
		return "", err
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && !isLineBreak(r) && r != '\t' }):
		return "", &Broken{ControlCharacter}
	case len(s) > bytes:
		return "", &Broken{fmt.Sprintf("%s=%d", MaxBytes, bytes)}
	}
	return s, nil
}

// kept is the form in which every text is kept.
func kept(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", &Broken{UTF8}
	}
	s = norm.NFC.String(strings.TrimSpace(s))
	switch {
	case strings.ContainsFunc(s, isBidiOverride):
		return "", &Broken{BidiOverride}
	case s != "" && !strings.ContainsFunc(s, isSeen):
		return "", &Broken{Invisible}
	}
	return s, nil
}

// isLineBreak says whether a character ends a line (UAX 14).
func isLineBreak(r rune) bool {
	switch r {
	case '\n', '\v', '\f', '\r', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// isBidiOverride says whether a character embeds, overrides or isolates a
// direction (UAX 9): what follows it is read otherwise than it is written. Marks
// of a direction (U+200E, U+200F, U+061C) do not reach beyond themselves.
func isBidiOverride(r rune) bool {
	return r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069'
}

// isSeen says whether a character leaves a mark. White space, format characters
// (zero-width spaces and joiners), variation selectors and fillers do not.
func isSeen(r rune) bool {
	switch {
	case unicode.IsSpace(r), unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
		return false
	case r == '\u034F', r == '\u115F', r == '\u1160', r == '\u17B4', r == '\u17B5', r == '\u2800', r == '\u3164', r == '\uFFA0':
		return false
	}
	return true
}
