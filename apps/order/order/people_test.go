package order_test

import (
	"strings"
	"testing"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

var history = after(placed(of(general, 2)), totals(1, 398_00, requestedLine(general, 2)))

func TestARegistrantsNamesAreKeptAsTheyWereWritten(t *testing.T) {
	for name, c := range map[string]struct{ written, kept contracts.Person }{
		"one name, a first one":  {contracts.Person{FirstName: "Sukarno", Email: "s@example.com"}, contracts.Person{FirstName: "Sukarno", Email: "s@example.com"}},
		"one name, a last one":   {contracts.Person{LastName: "李", Email: "li@example.com"}, contracts.Person{LastName: "李", Email: "li@example.com"}},
		"blanks for a name":      {contracts.Person{FirstName: " ", LastName: "Teller", Email: "t@example.com"}, contracts.Person{LastName: "Teller", Email: "t@example.com"}},
		"quotes and apostrophes": {contracts.Person{FirstName: `Rez "R"`, LastName: "O'Brien", Email: "r@example.com"}, contracts.Person{FirstName: `Rez "R"`, LastName: "O'Brien", Email: "r@example.com"}},
		"an emoji":               {contracts.Person{FirstName: "🧑🏽‍🚀", Email: "e@example.com"}, contracts.Person{FirstName: "🧑🏽‍🚀", Email: "e@example.com"}},
		"decomposed letters":     {contracts.Person{FirstName: "Jose\u0301 ", Email: " Jose\u0301@Mu\u0308ller.example"}, contracts.Person{FirstName: "José", Email: "José@Müller.example"}},
	} {
		estest.Run(t, orders, estest.Scenario{
			Name: name, Given: history, Others: sale(),
			When: assignRegistrant(c.written), Then: []any{registrant(c.kept)},
		})
	}
}

func TestWhatIsNoPersonIsRefused(t *testing.T) {
	with := func(first, last, email string) contracts.Person {
		return contracts.Person{FirstName: first, LastName: last, Email: email}
	}
	for name, c := range map[string]struct {
		person contracts.Person
		code   es.Code
	}{
		"without a name":            {with("", "", "ada@example.com"), refusal.NameRequired},
		"with blanks for a name":    {with(" ", "\t", "ada@example.com"), refusal.NameRequired},
		"with what cannot be seen":  {with("\u200b", "", "ada@example.com"), refusal.NameInvalid},
		"with a line break":         {with("Ada", "Love\nlace", "ada@example.com"), refusal.NameInvalid},
		"with a control character":  {with("A\x00da", "", "ada@example.com"), refusal.NameInvalid},
		"with a bidi override":      {with("\u202eadA", "", "ada@example.com"), refusal.NameInvalid},
		"with 101 characters":       {with(strings.Repeat("é", 101), "", "ada@example.com"), refusal.NameInvalid},
		"with more than an address": {with("Ada", "", "Ada <ada@example.com>"), refusal.EmailInvalid},
		"with an address on a host": {with("Ada", "", "ada@localhost"), refusal.EmailInvalid},
	} {
		estest.Run(t, orders, estest.Scenario{
			Name: name, Given: history, Others: sale(), When: assignRegistrant(c.person), Refused: c.code,
		})
	}
}

// A mistyped e-mail address would keep the order's holder from finding it again.
func TestTheRegistrantOfAConfirmedOrderIsCorrectedUntilTheEnd(t *testing.T) {
	confirmed := after(fullyReserved, registrant(ada), confirmedBy(payment, 448_00, paidSeats...))
	mistyped, idn := ada, ada
	mistyped.Email, idn.Email = "ada@exmaple.com", "ADA@EXAMPLE.com"
	over := func(c *contracts.SetCatalogue) { c.EndsAt = estest.Noon }
	estest.Run(t, orders,
		estest.Scenario{
			Name: "with another address", Others: sale(), Given: confirmed,
			When: assignRegistrant(mistyped), Then: []any{corrected(mistyped, true)},
		},
		estest.Scenario{
			Name: "with the same address, written otherwise", Others: sale(), Given: confirmed,
			When: assignRegistrant(idn), Then: []any{corrected(idn, false)},
		},
		estest.Scenario{
			Name: "back again", Others: sale(), Given: after(confirmed, corrected(mistyped, true)),
			When: assignRegistrant(ada), Then: []any{corrected(ada, true)},
		},
		estest.Scenario{
			Name: "to what it is: nothing", Others: sale(), Given: confirmed, When: assignRegistrant(ada),
		},
		estest.Scenario{
			Name: "not after the conference has ended", Others: sale(over), Given: confirmed,
			When: assignRegistrant(mistyped), Refused: refusal.ConferenceEnded,
		},
		estest.Scenario{
			Name: "not of an order that was cancelled", Others: sale(), Given: after(confirmed, contracts.OrderCancelled{OrderID: orderID}),
			When: assignRegistrant(mistyped), Refused: refusal.OrderCancelled,
		},
	)
}

func corrected(p contracts.Person, emailChanged bool) contracts.OrderRegistrantAssigned {
	e := registrant(p)
	e.Correction, e.EmailChanged = true, emailChanged
	return e
}
