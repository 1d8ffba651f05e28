package text_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/plenary/plenary/contracts/text"
)

func TestANameIsKeptAsItWasWritten(t *testing.T) {
	for _, name := range []string{
		"O'Brien", `Rez "R"`, "李", "Ада", "مريم", "שרה", "José", "Nguyễn Thị Minh Khai", "R2-D2", "X Æ A-12",
		"🧑🏽‍🚀", "Ada 🏳️‍🌈", "می\u200cخواهم", "D’Arcy", "<b>Ada</b>", "Null", "A\u200dB", "ﷺ",
		strings.Repeat("é", 100), strings.Repeat("🏳️‍🌈", 60),
	} {
		got, err := text.Name(name)
		if err != nil || got != name {
			t.Errorf("%q is kept as %q, %v", name, got, err)
		}
	}
}

func TestANameIsTrimmedAndComposed(t *testing.T) {
	for written, want := range map[string]string{
		"  Ada\t":       "Ada",
		"\u3000李\u00a0": "李",
		"Ada\r\n":       "Ada",
		"Jose\u0301":    "José",
		"Ada  Lovelace": "Ada  Lovelace",
	} {
		got, err := text.Name(written)
		if err != nil || got != want {
			t.Errorf("%q is kept as %q, %v", written, got, err)
		}
	}
}

func TestWhatIsNoNameIsRefusedWithTheRule(t *testing.T) {
	for written, rule := range map[string]string{
		"":                       text.Blank,
		" \t\u3000":              text.Blank,
		"\n":                     text.Blank,
		"\u200b":                 text.Invisible,
		"\u200b\u200d\ufeff":     text.Invisible,
		"\u2060 \u00ad":          text.Invisible,
		"\u3164":                 text.Invisible, // Hangul filler
		"\ufe0f":                 text.Invisible,
		"Ada\nLovelace":          text.LineBreak,
		"Ada\r\nBcc: all":        text.LineBreak,
		"Ada\u2028Lovelace":      text.LineBreak,
		"Ada\u0085Lovelace":      text.LineBreak,
		"Ada\tLovelace":          text.ControlCharacter,
		"A\x00da":                text.ControlCharacter,
		"\x1b[31mAda":            text.ControlCharacter,
		"Ada\u009b":              text.ControlCharacter,
		"\u202eadA":              text.BidiOverride,
		"Ada\u202c":              text.BidiOverride,
		"\u2066Ada\u2069":        text.BidiOverride,
		"Ad\xffa":                text.UTF8,
		strings.Repeat("é", 101): "maxGraphemes=100",
		strings.Repeat("👩‍👩‍👧‍👦", 41):       "maxBytes=1000",
		"e" + strings.Repeat("\u0301", 500): "maxBytes=1000",
	} {
		_, err := text.Name(written)
		var broken *text.Broken
		if !errors.As(err, &broken) || broken.Rule != rule || strings.Contains(err.Error(), "%") || err.Error() == "" {
			t.Errorf("%q: %v, want the rule %s", written, err, rule)
		}
	}
}

func TestADescriptionKeepsItsLineBreaks(t *testing.T) {
	const written = "Day one\r\n\r\n\tTalks\nDay two\u2028Workshops"
	if got, err := text.Lines(written, 100); err != nil || got != written {
		t.Errorf("kept as %q, %v", got, err)
	}
	for written, rule := range map[string]string{
		"a\x07b":                  text.ControlCharacter,
		"a\u202eb":                text.BidiOverride,
		"\u200b":                  text.Invisible,
		strings.Repeat("é\n", 34): "maxBytes=100",
	} {
		_, err := text.Lines(written, 100)
		var broken *text.Broken
		if !errors.As(err, &broken) || broken.Rule != rule {
			t.Errorf("%q: %v, want the rule %s", written, err, rule)
		}
	}
	if got, err := text.Lines(" \n ", 100); err != nil || got != "" {
		t.Errorf("no description is kept as %q, %v", got, err)
	}
}

func TestAPartOfANameMayBeEmpty(t *testing.T) {
	if got, err := text.NamePart(" "); err != nil || got != "" {
		t.Errorf("kept as %q, %v", got, err)
	}
	if _, err := text.NamePart("\u200b"); err == nil {
		t.Error("a part that cannot be seen is taken")
	}
}

func TestWaysOfWritingOneAddress(t *testing.T) {
	const address = "ada@müller.example"
	for _, written := range []string{
		address, "ada@xn--mller-kva.example", "ADA@MÜLLER.example", " Ada@Müller.Example\u00a0", "ada@mu\u0308ller.example",
		"\u200bada@müller.example\ufeff", "ada@müller。example", "ada@ｍüller.example", "ada@XN--MLLER-KVA.EXAMPLE", "ada@müller.example\n",
	} {
		if _, err := text.Email(written); err != nil {
			t.Errorf("%q is refused: %v", written, err)
		}
		if !text.SameEmail(written, address) {
			t.Errorf("%q is found under %q, not %q", written, text.EmailKey(written), text.EmailKey(address))
		}
	}
	if got := text.EmailKey("Zoë.ΣΑΣ@example.org"); got != text.EmailKey("zoe\u0308.σας@example.org") {
		t.Errorf("the local part has a case: %q", got)
	}
	for _, other := range []string{"ada@mueller.example", "ada@muller.example", "a.da@müller.example", "ada+1@müller.example", "ada@müller.example.org"} {
		if text.SameEmail(other, address) {
			t.Errorf("%q is taken for %q", other, address)
		}
	}
}

func TestAnAddressIsKeptAsItWasTyped(t *testing.T) {
	for written, want := range map[string]string{
		" Ada@Müller.Example ":                   "Ada@Müller.Example",
		"ada@xn--mller-kva.example":              "ada@xn--mller-kva.example",
		"ada@mu\u0308ller.example":               "ada@müller.example",
		"o'brien+talks@example.org":              "o'brien+talks@example.org",
		"李@例え.テスト":                               "李@例え.テスト",
		strings.Repeat("a", 64) + "@example.org": strings.Repeat("a", 64) + "@example.org",
	} {
		if got, err := text.Email(written); err != nil || got != want {
			t.Errorf("%q is kept as %q, %v", written, got, err)
		}
	}
}

func TestWhatIsNoAddressIsRefused(t *testing.T) {
	for _, written := range []string{
		"", " ", "ada", "ada@", "@example.org", "ada@localhost", "ada@@example.org", "Ada <ada@example.org>", "<ada@example.org>",
		"ada@example.org, bob@example.org", "ada lovelace@example.org", `"ada"@example.org`, "ada@-example.org", "ada@exa_mple.org",
		"ada@example..org", "ada@.example.org", "ada@[192.0.2.1]", "ada@xn--a.example", "ada\u200b@example.org", "ada@example.org\nBcc: b@example.org",
		"ada@\u202eexample.org", "a\x00da@example.org", ".ada@example.org", "ada.@example.org", "ada@" + strings.Repeat("a", 64) + ".org",
		strings.Repeat("a", 65) + "@example.org", "ada@" + strings.Repeat("abcdefgh.", 28) + "org", "mailto:ada@example.org", "ada@example.org.",
	} {
		_, err := text.Email(written)
		var broken *text.Broken
		if !errors.As(err, &broken) || broken.Rule != text.NoEmail {
			t.Errorf("%q: %v", written, err)
		}
	}
}

func TestALocatorIsTakenInAnyFormOfTyping(t *testing.T) {
	for _, typed := range []string{
		"K7PQ2MXA", "k7pq2mxa", "K7PQ-2MXA", "k7pq 2mxa", " K7 PQ 2M XA ", "K7PQ–2MXA", "K7PQ‑2MXA", "K7PQ\u00a02MXA\n", "K-7-P-Q-2-M-X-A",
	} {
		if got, err := text.Locator(typed); err != nil || got != "K7PQ2MXA" {
			t.Errorf("%q is taken for %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"", "K7PQ2MX", "K7PQ2MXAB", "K7PQ2MX0", "K7PQ2MXI", "K7PQ_2MXA", "K7PQ2MX!", "Ｋ7PQ2MXA", "K7P.Q2MXA"} {
		if got, err := text.Locator(typed); err == nil {
			t.Errorf("%q is taken for %q", typed, got)
		}
	}
}
