package locale_test

import (
	"testing"

	"golang.org/x/text/language"

	"github.com/plenary/plenary/contracts/locale"
)

func TestSimplifiedChineseIsForThoseWhoAcceptIt(t *testing.T) {
	for header, want := range map[string]language.Tag{
		"zh":                                 locale.SimplifiedChinese,
		"zh-CN":                              locale.SimplifiedChinese,
		"zh-SG":                              locale.SimplifiedChinese,
		"zh-Hans":                            locale.SimplifiedChinese,
		"zh-Hans-HK":                         locale.SimplifiedChinese,
		"cmn-Hans-CN":                        locale.SimplifiedChinese,
		"zh-TW,zh;q=0.9,en;q=0.8":            locale.SimplifiedChinese,
		"zh-HK, zh-Hans;q=0.1":               locale.SimplifiedChinese,
		"fr, zh-CN;q=0.5":                    locale.SimplifiedChinese,
		"zh-Hans-SG;q=0.9, en;q=0.8":         locale.SimplifiedChinese,
		"zh-TW":                              locale.English,
		"zh-HK":                              locale.English,
		"zh-MO":                              locale.English,
		"zh-Hant":                            locale.English,
		"zh-Hant-CN":                         locale.English,
		"zh-TW, zh-HK;q=0.9":                 locale.English,
		"zh-TW, en;q=0.9, zh;q=0.1":          locale.English,
		"zh-TW, zh;q=0":                      locale.English,
		"en-GB":                              locale.English,
		"zh-CN;q=0.5, en;q=0.8":              locale.English,
		"ja":                                 locale.English,
		"*":                                  locale.English,
		"":                                   locale.English,
		";;;":                                locale.English,
		"zh-CN-is-no-language-that-there-is": locale.English,
	} {
		if got := locale.Accepted(header); got != want {
			t.Errorf("%q is answered in %s, want %s", header, got, want)
		}
	}
}
