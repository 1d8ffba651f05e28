package contracts

import "testing"

func TestMoneyIsWrittenAsItsCurrencyIs(t *testing.T) {
	for want, m := range map[string]Money{
		"249.00 USD": {24900, "USD"},
		"0.05 EUR":   {5, "EUR"},
		"-1.50 EUR":  {-150, "EUR"},
		"1200 JPY":   {1200, "JPY"},
		"1.234 KWD":  {1234, "KWD"},
		"0.00 CNY":   {0, "CNY"},

		// CLDR writes these with fewer decimals than ISO 4217 counts them in.
		"150000.00 COP": {15_000_000, "COP"},
		"1.500 IQD":     {1500, "IQD"},
		"1500.00 HUF":   {150_000, "HUF"},
		"15.00 TWD":     {1500, "TWD"},
	} {
		if got := m.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
