package locale_test

import (
	"testing"

	"golang.org/x/text/language"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/locale"
)

func TestAmountsHaveTheDecimalsOfISO4217InTheReadersLanguage(t *testing.T) {
	for _, c := range []struct {
		amount   int64
		currency string
		reader   language.Tag
		want     string
	}{
		{15_000_000, "COP", locale.English, "COP\u00a0150,000.00"},
		{15_000_000, "COP", locale.SimplifiedChinese, "COP\u00a0150,000.00"},
		{1_500_000, "IQD", locale.English, "IQD\u00a01,500.000"},
		{150_000, "HUF", locale.English, "HUF\u00a01,500.00"},
		{1500, "JPY", locale.English, "¥1,500"},
		{1500, "KWD", locale.English, "KWD\u00a01.500"},
		{24_900, "EUR", locale.English, "€249.00"},
		{24_900, "EUR", locale.SimplifiedChinese, "€249.00"},
		{88_000, "CNY", locale.SimplifiedChinese, "¥880.00"},
		{0, "USD", locale.English, "$0.00"},
		{1500, "XYZ", locale.English, "15.00 XYZ"}, // nothing is known of it
	} {
		if got := locale.Money(c.reader, contracts.Money{Amount: c.amount, Currency: c.currency}); got != c.want {
			t.Errorf("%d %s in %s: %q, want %q", c.amount, c.currency, c.reader, got, c.want)
		}
	}
}
