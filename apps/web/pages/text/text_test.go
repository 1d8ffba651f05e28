package text_test

import (
	"html/template"
	"regexp"
	"slices"
	"testing"
	"time"
	"unicode"

	"github.com/plenary/plenary/apps/web/pages/text"
	"github.com/plenary/plenary/contracts"
)

var placeholder = regexp.MustCompile(`\{([a-z]+)(:[^}]*)?\}`)

func placeholders(s string) (names []string) {
	for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestEveryTextIsThereInBothLanguages(t *testing.T) {
	same := map[string]bool{ // names, which are the same in any language
		"site.name": true, "nav.api": true, "language.en": true, "language.zh-Hans": true,
	}
	for key, e := range text.Catalogue {
		if e.English == "" || e.Chinese == "" {
			t.Errorf("%s is missing in a language: %+v", key, e)
		}
		if en, zh := placeholders(e.English), placeholders(e.Chinese); !slices.Equal(en, zh) {
			t.Errorf("%s: placeholders differ: %v and %v", key, en, zh)
		}
		if same[key] {
			continue
		}
		if !slices.ContainsFunc([]rune(placeholder.ReplaceAllString(e.Chinese, "")), func(r rune) bool { return unicode.Is(unicode.Han, r) }) && placeholder.ReplaceAllString(e.English, "") != "" && e.Chinese == e.English {
			t.Errorf("%s is not translated: %q", key, e.Chinese)
		}
		if slices.ContainsFunc([]rune(e.English), func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: Han characters in English: %q", key, e.English)
		}
	}
}

func TestPlaceholdersAreFilledAndEscaped(t *testing.T) {
	for _, c := range []struct {
		language text.Language
		n        int
		want     template.HTML
	}{{text.English, 1, "Only 1 left"}, {text.English, 3, "Only 3 left"}, {text.Chinese, 3, "仅剩 3 个"}} {
		if got := text.HTML(c.language, "seats.few", "n", c.n); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if got := text.HTML(text.English, "home.from", "price", "<b>"); got != "From &lt;b&gt;" {
		t.Errorf("not escaped: %q", got)
	}
	if got := text.HTML(text.English, "home.from", "price", template.HTML("<b>1</b>")); got != "From <b>1</b>" {
		t.Errorf("markup of ours is escaped: %q", got)
	}
}

func TestMoneyHasTheDecimalsOfItsCurrency(t *testing.T) {
	for _, c := range []struct {
		language text.Language
		money    contracts.Money
		want     string
	}{
		{text.English, contracts.Money{Amount: 19900, Currency: "USD"}, "$199.00"},
		{text.Chinese, contracts.Money{Amount: 88000, Currency: "CNY"}, "¥880.00"},
		{text.English, contracts.Money{Amount: 15000000, Currency: "COP"}, "COP\u00a0150,000.00"},
		{text.English, contracts.Money{Amount: 1500, Currency: "JPY"}, "¥1,500"},
		{text.English, contracts.Money{Amount: 1500, Currency: "KWD"}, "KWD\u00a01.500"},
		{text.English, contracts.Money{Amount: 1500, Currency: "IQD"}, "IQD\u00a01.500"},
	} {
		if got := text.Money(c.language, c.money); got != c.want {
			t.Errorf("%v in %s: got %q, want %q", c.money, c.language, got, c.want)
		}
	}
}

func TestAmountsAreTypedWithTheDecimalsOfTheirCurrency(t *testing.T) {
	for _, c := range []struct {
		typed, currency string
		want            int64
		ok              bool
	}{
		{"199", "USD", 19900, true}, {"199.5", "USD", 19950, true}, {" 199,50 ", "EUR", 19950, true},
		{"199.505", "USD", 0, false}, {"1500", "JPY", 1500, true}, {"1.5", "JPY", 0, false}, {"1.5", "KWD", 1500, true},
		{"", "USD", 0, false}, {"a lot", "USD", 0, false},
	} {
		got, ok := text.ParseDecimal(c.typed, c.currency)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q %s: got %d %v", c.typed, c.currency, got, ok)
		}
	}
	m := contracts.Money{Amount: 19950, Currency: "USD"}
	if back, ok := text.ParseDecimal(text.Decimal(m), m.Currency); !ok || back != m.Amount {
		t.Errorf("%q is read as %d", text.Decimal(m), back)
	}
}

func TestTimesNameTheirPlaceAndOffset(t *testing.T) {
	at := time.Date(2027, time.June, 5, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		zone string
		l    text.Language
		want string
	}{
		{"Asia/Shanghai", text.English, "in Shanghai (UTC+8)"}, {"Asia/Shanghai", text.Chinese, "上海时间，UTC+8"},
		{"America/St_Johns", text.English, "in St Johns (UTC−2:30)"}, {"Asia/Kathmandu", text.English, "in Kathmandu (UTC+5:45)"},
		{"Europe/Berlin", text.English, "in Berlin (UTC+2)"}, {"", text.English, "UTC"}, {"Nowhere/Atall", text.English, "UTC"},
	} {
		if got := text.Place(c.l, at.In(text.Zone(c.zone))); got != c.want {
			t.Errorf("%s: got %q, want %q", c.zone, got, c.want)
		}
	}
}

func TestDaysAreWrittenAsShortAsIsClear(t *testing.T) {
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 9, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		from, to time.Time
		en, zh   string
	}{
		{day(2027, 6, 5), day(2027, 6, 5), "5 June 2027", "2027年6月5日"},
		{day(2027, 6, 5), day(2027, 6, 6), "5–6 June 2027", "2027年6月5日至6日"},
		{day(2027, 6, 30), day(2027, 7, 1), "30 June – 1 July 2027", "2027年6月30日至7月1日"},
		{day(2027, 12, 31), day(2028, 1, 1), "31 December 2027 – 1 January 2028", "2027年12月31日至2028年1月1日"},
	} {
		if got := text.Days(text.English, c.from, c.to); got != c.en {
			t.Errorf("got %q, want %q", got, c.en)
		}
		if got := text.Days(text.Chinese, c.from, c.to); got != c.zh {
			t.Errorf("got %q, want %q", got, c.zh)
		}
	}
}
