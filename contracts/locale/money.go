package locale

import (
	"github.com/bojanz/currency"
	"golang.org/x/text/language"

	"github.com/plenary/plenary/contracts"
)

// Money writes an amount as a reader of the language expects it, with the
// decimals that ISO 4217 gives its currency: in those the amount is counted. CLDR
// has others for some currencies.
func Money(reader language.Tag, m contracts.Money) string {
	digits, known := currency.GetDigits(m.Currency)
	amount, err := currency.NewAmountFromInt64(m.Amount, m.Currency)
	if !known || err != nil {
		return m.String()
	}
	f := currency.NewFormatter(currency.NewLocale(reader.String()))
	f.MinDigits, f.MaxDigits = digits, digits
	return f.Format(amount)
}
