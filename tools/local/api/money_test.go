package api_test

import (
	"testing"

	"github.com/plenary/plenary/tools/local/api"
)

func TestAmountsAreWrittenWithTheDecimalsOfISO4217(t *testing.T) {
	for want, m := range map[string]api.Money{
		"249.00 USD":    {Amount: 24900, Currency: "USD"},
		"150000.00 COP": {Amount: 15_000_000, Currency: "COP"},
		"1.500 IQD":     {Amount: 1500, Currency: "IQD"},
		"1500 JPY":      {Amount: 1500, Currency: "JPY"},
		"1.500 KWD":     {Amount: 1500, Currency: "KWD"},
		"-0.05 EUR":     {Amount: -5, Currency: "EUR"},
	} {
		if got := m.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
