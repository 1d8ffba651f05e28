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
	} {
		if got := m.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
