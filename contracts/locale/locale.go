// Package locale says in which of the languages that Plenary speaks a reader is
// answered. Every app that writes to a person asks here, so that all of them
// answer alike.
package locale

import (
	"golang.org/x/text/language"
)

// The languages that Plenary speaks.
var (
	English           = language.English
	SimplifiedChinese = language.SimplifiedChinese
)

// Accepted is the language, among those there are, that an Accept-Language
// header (RFC 9110) prefers: English if it accepts none of them.
//
// Traditional Chinese is no reason for Simplified Chinese: a reader who asks for
// zh-TW or zh-HK gets it only if zh, zh-CN, zh-SG or zh-Hans is accepted as well.
func Accepted(header string) language.Tag {
	accepted, _, err := language.ParseAcceptLanguage(header) // the most preferred first
	if err != nil {
		return English
	}
	for _, tag := range accepted {
		switch base, _ := tag.Base(); base.String() {
		case "en":
			return English
		case "zh", "cmn":
			// The script that the tag names or, without one, that of its region.
			if script, _ := tag.Script(); script.String() == "Hans" {
				return SimplifiedChinese
			}
		}
	}
	return English
}
