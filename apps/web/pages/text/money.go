package text

import (
	"strconv"
	"strings"

	"github.com/bojanz/currency"
	"golang.org/x/text/language"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/locale"
)

// Money writes an amount as a reader of the language expects, with the decimals
// that ISO 4217 gives its currency.
func Money(l Language, m contracts.Money) string { return locale.Money(language.Make(string(l)), m) }

// Decimal writes an amount as it is typed into a form: digits, with a point
// before the decimals of its currency.
func Decimal(m contracts.Money) string {
	amount, err := currency.NewAmountFromInt64(m.Amount, m.Currency)
	if err != nil {
		return strconv.FormatInt(m.Amount, 10)
	}
	return amount.Number()
}

// ParseDecimal reads what Decimal writes; a comma may stand for the point.
func ParseDecimal(typed, currencyCode string) (minor int64, ok bool) {
	typed = strings.ReplaceAll(strings.TrimSpace(typed), ",", ".")
	amount, err := currency.NewAmount(typed, currencyCode)
	if err != nil {
		return 0, false
	}
	if !amount.Equal(amount.Round()) {
		return 0, false // more decimals than the currency has
	}
	minor, err = amount.Int64()
	return minor, err == nil
}
