package conference_test

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/conference/conference"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	id       = uuid.MustParse("6b0f8a52-6f4e-4c1f-9d5d-0d1d3f4c0001")
	general  = uuid.MustParse("6b0f8a52-6f4e-4c1f-9d5d-0d1d3f4c0002")
	workshop = uuid.MustParse("6b0f8a52-6f4e-4c1f-9d5d-0d1d3f4c0003")

	june    = time.Date(2027, time.June, 1, 9, 0, 0, 0, time.UTC)
	beijing = time.FixedZone("Beijing", 8*60*60)
	details = contracts.ConferenceDetails{Name: "GopherCon", Description: "Three days of Go", Location: "Shanghai", TimeZone: "Asia/Shanghai", StartsAt: june, EndsAt: june.AddDate(0, 0, 3), RefundUntil: june.AddDate(0, 0, -14)}
	renamed = with(func(d *contracts.ConferenceDetails) { d.Name = "GopherCon China" })
	moved   = with(func(d *contracts.ConferenceDetails) { d.StartsAt = june.AddDate(0, 0, 1) })
	ended   = with(func(d *contracts.ConferenceDetails) {
		d.StartsAt, d.EndsAt = estest.Noon.AddDate(0, 0, -3), estest.Noon.AddDate(0, 0, -1)
		d.RefundUntil = time.Time{}
	})
	soldEarly = with(func(d *contracts.ConferenceDetails) { d.SalesFrom, d.SalesUntil = june.AddDate(0, -6, 0), june })
	handedOn  = with(func(d *contracts.ConferenceDetails) { d.HandOverUntil = june.AddDate(0, 0, 2) })
	elsewhere = with(func(d *contracts.ConferenceDetails) { d.TimeZone = "Europe/Berlin" })
	noRefund  = with(func(d *contracts.ConferenceDetails) { d.RefundUntil = time.Time{} })
)

func with(change func(*contracts.ConferenceDetails)) contracts.ConferenceDetails {
	d := details
	change(&d)
	return d
}

// ours is who acts for the conference's organisation.
var ours = contracts.Actor{Organisation: contracts.MainOrganisation}.String()

// run runs scenarios in which somebody of ours sends the commands, unless they say who.
func run(t *testing.T, scenarios ...estest.Scenario) {
	t.Helper()
	for i := range scenarios {
		scenarios[i].Actor = cmp.Or(scenarios[i].Actor, ours)
	}
	estest.Run(t, conference.Aggregate(), scenarios...)
}

func usd(amount int64) contracts.Money { return contracts.Money{Amount: amount, Currency: "USD"} }

// The commands, and the events that follow from them.

func create() contracts.CreateConference {
	return contracts.CreateConference{ConferenceID: id, Slug: "gophercon-2027", Owner: "ada", Currency: "USD", Details: details}
}

func created() contracts.ConferenceCreated {
	return contracts.ConferenceCreated{ConferenceID: id, OrganisationID: contracts.MainOrganisation, Slug: "gophercon-2027", Owner: "ada", Currency: "USD", Details: details}
}

func update(d contracts.ConferenceDetails) contracts.UpdateConference {
	return contracts.UpdateConference{ConferenceID: id, Details: d}
}

func updated(d contracts.ConferenceDetails) contracts.ConferenceUpdated {
	return contracts.ConferenceUpdated{ConferenceID: id, Details: d}
}

func add(seatType uuid.UUID, name string, price int64, quota int) contracts.AddSeatType {
	return contracts.AddSeatType{ConferenceID: id, SeatTypeID: seatType, Name: name, Price: price, Quota: quota}
}

func added(seatType uuid.UUID, name string, price int64, quota int) contracts.SeatTypeAdded {
	return contracts.SeatTypeAdded{ConferenceID: id, SeatTypeID: seatType, Name: name, Price: usd(price), Quota: quota}
}

func change(seatType uuid.UUID, name string, price int64, quota int) contracts.UpdateSeatType {
	return contracts.UpdateSeatType{ConferenceID: id, SeatTypeID: seatType, Name: name, Price: price, Quota: quota}
}

func changed(seatType uuid.UUID, name string, price int64, quota int) contracts.SeatTypeUpdated {
	return contracts.SeatTypeUpdated{ConferenceID: id, SeatTypeID: seatType, Name: name, Price: usd(price), Quota: quota}
}

func remove(seatType uuid.UUID) contracts.RemoveSeatType {
	return contracts.RemoveSeatType{ConferenceID: id, SeatTypeID: seatType}
}

func removed(seatType uuid.UUID) contracts.SeatTypeRemoved {
	return contracts.SeatTypeRemoved{ConferenceID: id, SeatTypeID: seatType}
}

var (
	publish     = contracts.PublishConference{ConferenceID: id}
	published   = contracts.ConferencePublished{ConferenceID: id}
	unpublish   = contracts.UnpublishConference{ConferenceID: id}
	unpublished = contracts.ConferenceUnpublished{ConferenceID: id}
)

// What the conference tells the order app and the seats app.

func catalogue(version uint64, published bool, d contracts.ConferenceDetails, seatTypes ...contracts.CatalogueSeatType) contracts.SetCatalogue {
	return contracts.SetCatalogue{
		ConferenceID: id, Version: version, Published: published, StartsAt: d.StartsAt, EndsAt: d.EndsAt, SalesWindow: d.SalesWindow,
		RefundUntil: d.RefundUntil, HandOverUntil: d.HandOverUntil,
		SeatTypes: append([]contracts.CatalogueSeatType{}, seatTypes...),
	}
}

// told are the messages that say when seats are sold as well: to the seats app, in the
// words of the catalogue.
func told(sends ...any) (all []any) {
	for _, m := range sends {
		if c, ok := m.(contracts.SetCatalogue); ok {
			all = append(all, saleAs(c))
		}
		all = append(all, m)
	}
	return all
}

func saleAs(c contracts.SetCatalogue) contracts.SetSeatsSale {
	sale := contracts.SetSeatsSale{ConferenceID: id, Version: c.Version, Published: c.Published, StartsAt: c.StartsAt, SeatTypes: []contracts.SeatTypeSale{}}
	for _, t := range c.SeatTypes {
		sale.SeatTypes = append(sale.SeatTypes, contracts.SeatTypeSale{SeatType: t.ID, SalesWindow: t.Within(c.Within(contracts.SalesWindow{SalesUntil: c.EndsAt}))})
	}
	return sale
}

func sells(seatType uuid.UUID, name string, price int64) contracts.CatalogueSeatType {
	return contracts.CatalogueSeatType{ID: seatType, Name: name, Price: usd(price)}
}

func quota(version uint64, seatType uuid.UUID, seats int) contracts.SetSeatsQuota {
	return contracts.SetSeatsQuota{ConferenceID: id, SeatType: seatType, Quota: seats, Version: version}
}

var none = []any{}

func TestCreateConference(t *testing.T) {
	run(t,
		estest.Scenario{
			Name:  "opens it unpublished, and the order app learns that nothing is on sale yet",
			When:  create(),
			Then:  []any{created()},
			Sends: told(catalogue(1, false, details)),
		},
		estest.Scenario{
			Name: "keeps times in UTC",
			When: contracts.CreateConference{ConferenceID: id, Slug: "gophercon-2027", Owner: "ada", Currency: "USD",
				Details: with(func(d *contracts.ConferenceDetails) { d.StartsAt = june.In(beijing) })},
			Then: []any{created()},
		},
		estest.Scenario{
			Name:  "asked again with the same content does nothing",
			Given: []any{create()},
			When:  create(),
			Sends: none,
		},
		estest.Scenario{
			Name:  "under an id that another conference has is refused",
			Given: []any{create()},
			When: contracts.CreateConference{ConferenceID: id, Slug: "gophercon-2028", Owner: "ada", Currency: "USD",
				Details: details},
			Refused: refusal.ConferenceExists,
		},
		estest.Scenario{
			Name:    "under a slug that another conference has is refused",
			When:    create(),
			Claims:  map[string]string{"slug/gophercon-2027": "conference/" + uuid.NewString()},
			Refused: refusal.SlugTaken,
		},
		estest.Scenario{
			Name:    "whose slug could not be claimed is refused",
			When:    create(),
			Claims:  map[string]string{},
			Refused: refusal.SlugTaken,
		},
	)
}

func TestCreateConferenceChecksWhatIsSaid(t *testing.T) {
	refusals := map[string]struct {
		change  func(*contracts.CreateConference)
		refused es.Code
	}{
		"no slug":                      {func(c *contracts.CreateConference) { c.Slug = "" }, refusal.SlugInvalid},
		"capitals in the slug":         {func(c *contracts.CreateConference) { c.Slug = "GopherCon" }, refusal.SlugInvalid},
		"a slash in the slug":          {func(c *contracts.CreateConference) { c.Slug = "gopher/con" }, refusal.SlugInvalid},
		"a hyphen at the slug's start": {func(c *contracts.CreateConference) { c.Slug = "-gophercon" }, refusal.SlugInvalid},
		"two hyphens in a row":         {func(c *contracts.CreateConference) { c.Slug = "gopher--con" }, refusal.SlugInvalid},
		"a line end after the slug":    {func(c *contracts.CreateConference) { c.Slug = "gophercon\n" }, refusal.SlugInvalid},
		"a slug of 65 characters":      {func(c *contracts.CreateConference) { c.Slug = strings.Repeat("a", 65) }, refusal.SlugInvalid},
		"a slug that looks like an id": {func(c *contracts.CreateConference) { c.Slug = uuid.NewString() }, refusal.SlugInvalid},
		"a currency that is none":      {func(c *contracts.CreateConference) { c.Currency = "XYZ" }, refusal.CurrencyUnknown},
		"a currency in lower case":     {func(c *contracts.CreateConference) { c.Currency = "usd" }, refusal.CurrencyUnknown},
		"no name":                      {func(c *contracts.CreateConference) { c.Details.Name = "  " }, refusal.NameRequired},
		"ending when it starts":        {func(c *contracts.CreateConference) { c.Details.EndsAt = june }, refusal.DatesInvalid},
		"ending before it starts":      {func(c *contracts.CreateConference) { c.Details.EndsAt = june.Add(-time.Second) }, refusal.DatesInvalid},
		"no start":                     {func(c *contracts.CreateConference) { c.Details.StartsAt = time.Time{} }, refusal.DateOutOfRange},
		"refunds after its end": {func(c *contracts.CreateConference) {
			c.Details.RefundUntil = c.Details.EndsAt.Add(time.Second)
		}, refusal.RefundWindowInvalid},
		"seats handed on after its end": {func(c *contracts.CreateConference) {
			c.Details.HandOverUntil = c.Details.EndsAt.Add(time.Second)
		}, refusal.HandOverInvalid},
		"sales after its end": {func(c *contracts.CreateConference) {
			c.Details.SalesUntil = c.Details.EndsAt.Add(time.Second)
		}, refusal.SalesWindowInvalid},
		"sales that open when it ends": {func(c *contracts.CreateConference) {
			c.Details.SalesFrom = c.Details.EndsAt
		}, refusal.SalesWindowInvalid},
		"sales that close when they open": {func(c *contracts.CreateConference) {
			c.Details.SalesFrom, c.Details.SalesUntil = june.AddDate(0, -1, 0), june.AddDate(0, -1, 0)
		}, refusal.SalesWindowInvalid},
		"no time zone":                         {func(c *contracts.CreateConference) { c.Details.TimeZone = "" }, refusal.TimeZoneUnknown},
		"a time zone that is none":             {func(c *contracts.CreateConference) { c.Details.TimeZone = "Europe/Atlantis" }, refusal.TimeZoneUnknown},
		"an offset in place of a time zone":    {func(c *contracts.CreateConference) { c.Details.TimeZone = "+02:00" }, refusal.TimeZoneUnknown},
		"the time zone of the server":          {func(c *contracts.CreateConference) { c.Details.TimeZone = "Local" }, refusal.TimeZoneUnknown},
		"a path in place of a time zone":       {func(c *contracts.CreateConference) { c.Details.TimeZone = "../etc/passwd" }, refusal.TimeZoneUnknown},
		"a time zone that counts leap seconds": {func(c *contracts.CreateConference) { c.Details.TimeZone = "right/Europe/Berlin" }, refusal.TimeZoneUnknown},
	}
	for name, r := range refusals {
		c := create()
		r.change(&c)
		run(t, estest.Scenario{Name: name, When: c, Refused: r.refused})
	}
}

func TestCreateConferenceAccepts(t *testing.T) {
	for name, change := range map[string]func(*contracts.CreateConference){
		"a slug of one letter":                  func(c *contracts.CreateConference) { c.Slug = "x" },
		"a slug of 64 characters":               func(c *contracts.CreateConference) { c.Slug = strings.Repeat("a", 64) },
		"digits and hyphens":                    func(c *contracts.CreateConference) { c.Slug = "2027-go-go" },
		"no refunds":                            func(c *contracts.CreateConference) { c.Details = noRefund },
		"refunds until the end":                 func(c *contracts.CreateConference) { c.Details.RefundUntil = c.Details.EndsAt },
		"a time zone with a plain name":         func(c *contracts.CreateConference) { c.Details.TimeZone = "UTC" },
		"a time zone of three parts":            func(c *contracts.CreateConference) { c.Details.TimeZone = "America/Argentina/Buenos_Aires" },
		"sales until the end":                   func(c *contracts.CreateConference) { c.Details.SalesUntil = c.Details.EndsAt },
		"sales that go on while it takes place": func(c *contracts.CreateConference) { c.Details.SalesFrom = june.Add(time.Hour) },
		"seats handed on until the end":         func(c *contracts.CreateConference) { c.Details.HandOverUntil = c.Details.EndsAt },
		"dates of 1970": func(c *contracts.CreateConference) {
			c.Details.StartsAt, c.Details.EndsAt, c.Details.RefundUntil = time.Unix(0, 0), time.Unix(1, 0), time.Time{}
		},
		"dates of 2200": func(c *contracts.CreateConference) {
			c.Details.EndsAt = time.Date(2200, 12, 31, 23, 59, 59, 0, time.UTC)
		},
		"a currency without cents":  func(c *contracts.CreateConference) { c.Currency = "JPY" },
		"the currency of its place": func(c *contracts.CreateConference) { c.Currency = "CNY" },
	} {
		c := create()
		change(&c)
		run(t, estest.Scenario{
			Name: name, When: c, Then: []any{estest.Any[contracts.ConferenceCreated]()},
		})
	}
}

func TestDatesOutsideOfTheirRangeAreRefusedByName(t *testing.T) {
	agg := conference.Aggregate()
	refused := func(what string, command any) {
		t.Helper()
		env := es.Env{Actor: ours, Now: estest.Noon, Claims: map[string]string{"slug/gophercon-2027": "conference/" + id.String()}}
		state := agg.New()
		if _, creates := command.(contracts.CreateConference); !creates {
			state = estest.Fold(agg, created(), added(general, "General admission", 19900, 100))
		}
		_, err := agg.Decide(env, state, command)
		said, refused := es.AsRefusal(err)
		if !refused || said.Code != refusal.DateOutOfRange || !strings.HasPrefix(said.Detail, what+" ") {
			t.Errorf("%T: got %v, want %s and %s", command, err, refusal.DateOutOfRange, what)
		}
	}
	date := func(d *contracts.ConferenceDetails, name string) *time.Time {
		return map[string]*time.Time{
			"startsAt": &d.StartsAt, "endsAt": &d.EndsAt, "salesFrom": &d.SalesFrom, "salesUntil": &d.SalesUntil,
			"refundUntil": &d.RefundUntil, "handOverUntil": &d.HandOverUntil,
		}[name]
	}
	for _, out := range []time.Time{
		time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1970, 1, 1, 0, 30, 0, 0, beijing), // 1969 in UTC
		time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC),
	} {
		for _, name := range []string{"startsAt", "endsAt", "salesFrom", "salesUntil", "refundUntil", "handOverUntil"} {
			c, u := create(), update(details)
			*date(&c.Details, name), *date(&u.Details, name) = out, out
			refused(name, c)
			refused(name, u)
		}
		a, u := add(workshop, "Workshop", 1, 1), change(general, "General", 1, 1)
		a.SalesFrom, u.SalesFrom = out, out
		refused("salesFrom", a)
		refused("salesFrom", u)
		a, u = add(workshop, "Workshop", 1, 1), change(general, "General", 1, 1)
		a.SalesUntil, u.SalesUntil = out, out
		refused("salesUntil", a)
		refused("salesUntil", u)
	}
}

// A seat type's window may reach beyond the conference's: what both have in
// common counts, and either may change.
func TestASeatTypeHasASalesWindowOfItsOwn(t *testing.T) {
	early := contracts.SalesWindow{SalesFrom: june.AddDate(0, -6, 0), SalesUntil: june.AddDate(0, -3, 0)}
	beyond := contracts.SalesWindow{SalesUntil: june.AddDate(1, 0, 0)}
	elsewhere := contracts.SalesWindow{SalesFrom: early.SalesFrom.In(beijing), SalesUntil: early.SalesUntil.In(beijing)}
	empty := contracts.SalesWindow{SalesFrom: june, SalesUntil: june}

	adds := func(w contracts.SalesWindow) contracts.AddSeatType {
		c := add(general, "Early bird", 9900, 100)
		c.SalesWindow = w
		return c
	}
	changes := func(w contracts.SalesWindow) contracts.UpdateSeatType {
		c := change(general, "Early bird", 9900, 100)
		c.SalesWindow = w
		return c
	}
	addedWith := added(general, "Early bird", 9900, 100)
	addedWith.SalesWindow = early
	changedTo := changed(general, "Early bird", 9900, 100)
	changedTo.SalesWindow = beyond
	sold := func(w contracts.SalesWindow) contracts.CatalogueSeatType {
		s := sells(general, "Early bird", 9900)
		s.SalesWindow = w
		return s
	}

	run(t,
		estest.Scenario{
			Name:  "of which the order app is told, in UTC",
			Given: []any{created()},
			When:  adds(elsewhere),
			Then:  []any{addedWith},
			Sends: told(quota(2, general, 100), catalogue(2, false, details, sold(early))),
		},
		estest.Scenario{
			Name:  "also when nothing else of it changes",
			Given: []any{created(), addedWith},
			When:  changes(beyond),
			Then:  []any{changedTo},
			Sends: told(catalogue(3, false, details, sold(beyond))),
		},
		estest.Scenario{
			Name:  "the same with another offset changes nothing",
			Given: []any{created(), addedWith},
			When:  changes(elsewhere),
			Sends: none,
		},
		estest.Scenario{
			Name:    "one that closes when it opens is refused",
			Given:   []any{created()},
			When:    adds(empty),
			Refused: refusal.SalesWindowInvalid,
		},
		estest.Scenario{
			Name:    "nor can it be changed to one",
			Given:   []any{created(), addedWith},
			When:    changes(empty),
			Refused: refusal.SalesWindowInvalid,
		},
	)
}

func TestCreateConferenceClaimsItsSlug(t *testing.T) {
	agg := conference.Aggregate()
	if got := agg.Claims(create()); len(got) != 1 || got[0] != "slug/gophercon-2027" {
		t.Errorf("claims %v", got)
	}
	if got := agg.Claims(publish); len(got) != 0 {
		t.Errorf("publishing claims %v", got)
	}
}

func TestEveryCurrencyIsOneOfISO4217(t *testing.T) {
	known := validator.New()
	agg := conference.Aggregate()
	accepted := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			for c := 'A'; c <= 'Z'; c++ {
				cmd := create()
				cmd.Currency = string([]rune{a, b, c})
				env := es.Env{Actor: ours, Now: estest.Noon, Claims: map[string]string{"slug/" + cmd.Slug: "conference/" + id.String()}}
				if _, err := agg.Decide(env, agg.New(), cmd); err != nil {
					continue
				}
				accepted++
				if known.Var(cmd.Currency, "iso4217") != nil {
					t.Errorf("%s is accepted and is no currency", cmd.Currency)
				}
			}
		}
	}
	if accepted < 150 {
		t.Errorf("%d currencies are accepted", accepted)
	}
}

func TestUpdateConference(t *testing.T) {
	run(t,
		estest.Scenario{
			Name:  "with another name changes nothing that is on sale",
			Given: []any{created()},
			When:  update(renamed),
			Then:  []any{updated(renamed)},
			Sends: none,
		},
		estest.Scenario{
			Name:  "with another start tells the order app",
			Given: []any{created(), added(general, "General admission", 19900, 100)},
			When:  update(moved),
			Then:  []any{updated(moved)},
			Sends: told(catalogue(3, false, moved, sells(general, "General admission", 19900))),
		},
		estest.Scenario{
			Name:  "with another refund window tells the order app",
			Given: []any{created()},
			When:  update(noRefund),
			Then:  []any{updated(noRefund)},
			Sends: told(catalogue(2, false, noRefund)),
		},
		estest.Scenario{
			Name:  "with another end tells the order app, which sells nothing after it",
			Given: []any{created()},
			When:  update(ended),
			Then:  []any{updated(ended)},
			Sends: told(catalogue(2, false, ended)),
		},
		estest.Scenario{
			Name:  "with another sales window tells the order app",
			Given: []any{created()},
			When:  update(soldEarly),
			Then:  []any{updated(soldEarly)},
			Sends: told(catalogue(2, false, soldEarly)),
		},
		estest.Scenario{
			Name:  "with another deadline for handing seats on tells the order app",
			Given: []any{created()},
			When:  update(handedOn),
			Then:  []any{updated(handedOn)},
			Sends: told(catalogue(2, false, handedOn)),
		},
		estest.Scenario{
			Name:  "with another time zone alone moves no time",
			Given: []any{created()},
			When:  update(elsewhere),
			Then:  []any{updated(elsewhere)},
			Sends: none,
		},
		estest.Scenario{
			Name:  "with what is known already does nothing",
			Given: []any{created()},
			When:  update(with(func(d *contracts.ConferenceDetails) { d.EndsAt = d.EndsAt.In(beijing) })),
			Sends: none,
		},
		estest.Scenario{
			Name:    "to end before it starts is refused",
			Given:   []any{created()},
			When:    update(with(func(d *contracts.ConferenceDetails) { d.EndsAt = june.Add(-time.Hour) })),
			Refused: refusal.DatesInvalid,
		},
		estest.Scenario{
			Name:    "to refund after its end is refused",
			Given:   []any{created()},
			When:    update(with(func(d *contracts.ConferenceDetails) { d.RefundUntil = d.EndsAt.Add(time.Hour) })),
			Refused: refusal.RefundWindowInvalid,
		},
		estest.Scenario{
			Name:    "to no name is refused",
			Given:   []any{created()},
			When:    update(with(func(d *contracts.ConferenceDetails) { d.Name = "" })),
			Refused: refusal.NameRequired,
		},
	)
}

func TestPublishConference(t *testing.T) {
	onSale := []any{created(), added(general, "General admission", 19900, 100)}
	run(t,
		estest.Scenario{
			Name:  "opens the sale",
			Given: onSale,
			When:  publish,
			Then:  []any{published},
			Sends: told(catalogue(3, true, details, sells(general, "General admission", 19900))),
		},
		estest.Scenario{
			Name:  "twice does nothing",
			Given: append(onSale, published),
			When:  publish,
			Sends: none,
		},
		estest.Scenario{
			Name:  "with every quota at 0 is allowed: it is sold out",
			Given: []any{created(), added(general, "General admission", 19900, 0)},
			When:  publish,
			Then:  []any{published},
		},
		estest.Scenario{
			Name:    "with nothing to sell is refused",
			Given:   []any{created()},
			When:    publish,
			Refused: refusal.SeatTypeRequired,
		},
		estest.Scenario{
			Name:    "with all seat types removed is refused",
			Given:   append(onSale, removed(general)),
			When:    publish,
			Refused: refusal.SeatTypeRequired,
		},
		estest.Scenario{
			Name:  "while it takes place is allowed",
			Given: onSale,
			When:  publish,
			At:    details.EndsAt.Add(-time.Second),
			Then:  []any{published},
		},
		estest.Scenario{
			Name:    "when it is over is refused",
			Given:   onSale,
			When:    publish,
			At:      details.EndsAt,
			Refused: refusal.ConferenceEnded,
		},
		estest.Scenario{
			Name:  "again after unpublishing",
			Given: append(onSale, published, unpublished),
			When:  publish,
			Then:  []any{published},
			Sends: told(catalogue(5, true, details, sells(general, "General admission", 19900))),
		},
	)
}

func TestUnpublishConference(t *testing.T) {
	run(t,
		estest.Scenario{
			Name:  "stops the sale",
			Given: []any{created(), added(general, "General admission", 19900, 100), published},
			When:  unpublish,
			Then:  []any{unpublished},
			Sends: told(catalogue(4, false, details, sells(general, "General admission", 19900))),
		},
		estest.Scenario{
			Name:  "of one that is over is allowed",
			Given: []any{created(), added(general, "General admission", 19900, 100), published},
			When:  unpublish,
			At:    details.EndsAt.AddDate(1, 0, 0),
			Then:  []any{unpublished},
		},
		estest.Scenario{
			Name:  "of one that is not published does nothing",
			Given: []any{created()},
			When:  unpublish,
			Sends: none,
		},
	)
}

func TestAddSeatType(t *testing.T) {
	run(t,
		estest.Scenario{
			Name:  "tells the seats app its quota and the order app its price",
			Given: []any{created()},
			When:  add(general, "General admission", 19900, 100),
			Then:  []any{added(general, "General admission", 19900, 100)},
			Sends: told(
				quota(2, general, 100),
				catalogue(2, false, details, sells(general, "General admission", 19900)),
			),
		},
		estest.Scenario{
			Name:  "beside another leaves the other's quota alone",
			Given: []any{created(), added(general, "General admission", 19900, 100), published},
			When:  add(workshop, "CQRS Workshop", 50000, 10),
			Then:  []any{added(workshop, "CQRS Workshop", 50000, 10)},
			Sends: told(
				quota(4, workshop, 10),
				catalogue(4, true, details, sells(general, "General admission", 19900), sells(workshop, "CQRS Workshop", 50000)),
			),
		},
		estest.Scenario{
			Name:  "free of charge and without seats is allowed",
			Given: []any{created()},
			When:  add(general, "General admission", 0, 0),
			Then:  []any{added(general, "General admission", 0, 0)},
			Sends: told(quota(2, general, 0), catalogue(2, false, details, sells(general, "General admission", 0))),
		},
		estest.Scenario{
			Name:  "is priced in the conference's currency",
			Given: []any{contracts.ConferenceCreated{ConferenceID: id, Slug: "gophercon-2027", Owner: "ada", Currency: "CNY", Details: details}},
			When:  add(general, "General admission", 19900, 100),
			Then: []any{estest.Where("priced in CNY", func(e contracts.SeatTypeAdded) bool {
				return e.Price == contracts.Money{Amount: 19900, Currency: "CNY"}
			})},
		},
		estest.Scenario{
			Name:  "twice does nothing",
			Given: []any{created(), added(general, "General admission", 19900, 100)},
			When:  add(general, "General admission", 19900, 100),
			Sends: none,
		},
		estest.Scenario{
			Name:    "under the id of another is refused",
			Given:   []any{created(), added(general, "General admission", 19900, 100)},
			When:    add(general, "CQRS Workshop", 50000, 10),
			Refused: refusal.SeatTypeExists,
		},
		estest.Scenario{
			Name:    "under the id of one that was removed is refused",
			Given:   []any{created(), added(general, "General admission", 19900, 100), removed(general)},
			When:    add(general, "General admission", 19900, 100),
			Refused: refusal.SeatTypeRemoved,
		},
		estest.Scenario{
			Name:    "below a price of 0 is refused",
			Given:   []any{created()},
			When:    add(general, "General admission", -1, 100),
			Refused: refusal.PriceInvalid,
		},
		estest.Scenario{
			Name:    "above the highest price is refused",
			Given:   []any{created()},
			When:    add(general, "General admission", conference.MaxPrice+1, 100),
			Refused: refusal.PriceInvalid,
		},
		estest.Scenario{
			Name:    "below a quota of 0 is refused",
			Given:   []any{created()},
			When:    add(general, "General admission", 19900, -1),
			Refused: refusal.QuotaInvalid,
		},
		estest.Scenario{
			Name:    "above the largest quota is refused",
			Given:   []any{created()},
			When:    add(general, "General admission", 19900, conference.MaxQuota+1),
			Refused: refusal.QuotaInvalid,
		},
		estest.Scenario{
			Name:    "without a name is refused",
			Given:   []any{created()},
			When:    add(general, " ", 19900, 100),
			Refused: refusal.NameRequired,
		},
		estest.Scenario{
			Name:    "beside as many as an order can name is refused",
			Given:   append([]any{created()}, manySeatTypes(conference.MaxSeatTypes)...),
			When:    add(general, "General admission", 19900, 100),
			Refused: refusal.TooManySeatTypes,
		},
		estest.Scenario{
			Name:  "in place of one of the many that was removed is allowed",
			Given: append(append([]any{created()}, manySeatTypes(conference.MaxSeatTypes)...), removed(nth(0))),
			When:  add(general, "General admission", 19900, 100),
			Then:  []any{added(general, "General admission", 19900, 100)},
		},
	)
}

func manySeatTypes(n int) (events []any) {
	for i := range n {
		events = append(events, added(nth(i), "Seat", 100, 1))
	}
	return events
}

func nth(i int) uuid.UUID { return uuid.NewSHA1(id, []byte{byte(i)}) }

func TestUpdateSeatType(t *testing.T) {
	given := []any{created(), added(general, "General admission", 19900, 100), added(workshop, "CQRS Workshop", 50000, 10), published}
	run(t,
		estest.Scenario{
			Name:  "with a higher quota tells the seats app alone",
			Given: given,
			When:  change(general, "General admission", 19900, 150),
			Then:  []any{changed(general, "General admission", 19900, 150)},
			Sends: []any{quota(5, general, 150)},
		},
		estest.Scenario{
			Name:  "with a lower quota tells the seats app alone",
			Given: given,
			When:  change(general, "General admission", 19900, 0),
			Then:  []any{changed(general, "General admission", 19900, 0)},
			Sends: []any{quota(5, general, 0)},
		},
		estest.Scenario{
			Name:  "with another price tells the order app alone",
			Given: given,
			When:  change(workshop, "CQRS Workshop", 45000, 10),
			Then:  []any{changed(workshop, "CQRS Workshop", 45000, 10)},
			Sends: []any{catalogue(5, true, details, sells(general, "General admission", 19900), sells(workshop, "CQRS Workshop", 45000))},
		},
		estest.Scenario{
			Name:  "with another name tells the order app alone",
			Given: given,
			When:  change(workshop, "Event sourcing", 50000, 10),
			Then:  []any{changed(workshop, "Event sourcing", 50000, 10)},
			Sends: []any{catalogue(5, true, details, sells(general, "General admission", 19900), sells(workshop, "Event sourcing", 50000))},
		},
		estest.Scenario{
			Name:  "with another description tells nobody",
			Given: given,
			When: contracts.UpdateSeatType{ConferenceID: id, SeatTypeID: general, Name: "General admission",
				Description: "Lunch included", Price: 19900, Quota: 100},
			Then: []any{contracts.SeatTypeUpdated{ConferenceID: id, SeatTypeID: general, Name: "General admission",
				Description: "Lunch included", Price: usd(19900), Quota: 100}},
			Sends: none,
		},
		estest.Scenario{
			Name:  "with all of it tells both",
			Given: given,
			When:  change(general, "Regular", 24900, 80),
			Then:  []any{changed(general, "Regular", 24900, 80)},
			Sends: []any{
				quota(5, general, 80),
				catalogue(5, true, details, sells(general, "Regular", 24900), sells(workshop, "CQRS Workshop", 50000)),
			},
		},
		estest.Scenario{
			Name:  "twice does nothing the second time",
			Given: append(given, change(general, "Regular", 24900, 80)),
			When:  change(general, "Regular", 24900, 80),
			Sends: none,
		},
		estest.Scenario{
			Name:    "that is not known is refused",
			Given:   given,
			When:    change(uuid.New(), "Dinner", 100, 1),
			Refused: refusal.UnknownSeatType,
		},
		estest.Scenario{
			Name:    "that was removed is refused",
			Given:   append(given, removed(workshop)),
			When:    change(workshop, "CQRS Workshop", 50000, 10),
			Refused: refusal.SeatTypeRemoved,
		},
		estest.Scenario{
			Name:    "to a price below 0 is refused",
			Given:   given,
			When:    change(general, "General admission", -1, 100),
			Refused: refusal.PriceInvalid,
		},
		estest.Scenario{
			Name:    "to a quota below 0 is refused",
			Given:   given,
			When:    change(general, "General admission", 19900, -1),
			Refused: refusal.QuotaInvalid,
		},
		estest.Scenario{
			Name:    "to no name is refused",
			Given:   given,
			When:    change(general, "", 19900, 100),
			Refused: refusal.NameRequired,
		},
	)
}

func TestRemoveSeatType(t *testing.T) {
	given := []any{created(), added(general, "General admission", 19900, 100), added(workshop, "CQRS Workshop", 50000, 10)}
	run(t,
		estest.Scenario{
			Name:  "sets its quota to 0 and takes it off sale",
			Given: append(given, published),
			When:  remove(workshop),
			Then:  []any{removed(workshop)},
			Sends: told(quota(5, workshop, 0), catalogue(5, true, details, sells(general, "General admission", 19900))),
		},
		estest.Scenario{
			Name:  "twice does nothing the second time",
			Given: append(given, removed(workshop)),
			When:  remove(workshop),
			Sends: none,
		},
		estest.Scenario{
			Name:    "that is not known is refused",
			Given:   given,
			When:    remove(uuid.New()),
			Refused: refusal.UnknownSeatType,
		},
		estest.Scenario{
			Name:    "that is the last one on sale of a published conference is refused",
			Given:   append(given, published, removed(workshop)),
			When:    remove(general),
			Refused: refusal.LastSeatType,
		},
		estest.Scenario{
			Name:  "that is the last one is allowed when it is not published",
			Given: append(given, removed(workshop)),
			When:  remove(general),
			Then:  []any{removed(general)},
			Sends: told(quota(5, general, 0), catalogue(5, false, details)),
		},
	)
}

func TestEveryCommandForAConferenceThatIsNotThereYetIsRefused(t *testing.T) {
	for name, c := range map[string]any{
		"update": update(renamed), "publish": publish, "unpublish": unpublish,
		"add a seat type": add(general, "General admission", 19900, 100), "update a seat type": change(general, "Regular", 100, 1),
		"remove a seat type": remove(general),
	} {
		run(t, estest.Scenario{Name: name, When: c, Refused: refusal.ConferenceNotFound})
	}
}

func TestAChangeMeantForAnotherVersionIsRefused(t *testing.T) {
	given := []any{created(), added(general, "General admission", 19900, 100), added(workshop, "CQRS Workshop", 50000, 10)} // version 3
	at := func(version uint64) contracts.Precondition { return contracts.Precondition{IfVersion: version} }
	for name, command := range map[string]func(contracts.Precondition) any{
		"of the details": func(p contracts.Precondition) any {
			return contracts.UpdateConference{ConferenceID: id, Details: renamed, Precondition: p}
		},
		"to what it is": func(p contracts.Precondition) any {
			return contracts.UpdateConference{ConferenceID: id, Details: details, Precondition: p}
		},
		"to published": func(p contracts.Precondition) any {
			return contracts.PublishConference{ConferenceID: id, Precondition: p}
		},
		"to not published": func(p contracts.Precondition) any {
			return contracts.UnpublishConference{ConferenceID: id, Precondition: p}
		},
		"by a seat type": func(p contracts.Precondition) any {
			return contracts.AddSeatType{ConferenceID: id, SeatTypeID: uuid.New(), Name: "Dinner", Price: 1, Quota: 1, Precondition: p}
		},
		"of a seat type": func(p contracts.Precondition) any {
			return contracts.UpdateSeatType{ConferenceID: id, SeatTypeID: general, Name: "Regular", Price: 1, Quota: 1, Precondition: p}
		},
		"that removes a seat type": func(p contracts.Precondition) any {
			return contracts.RemoveSeatType{ConferenceID: id, SeatTypeID: workshop, Precondition: p}
		},
	} {
		for _, version := range []uint64{2, 4} {
			run(t, estest.Scenario{Name: name, Given: given, When: command(at(version)), Refused: refusal.ConferenceChanged})
		}
		for _, version := range []uint64{0, 3} { // for any, and for this one
			if _, err := conference.Aggregate().Decide(es.Env{Actor: ours, Now: estest.Noon}, estest.Fold(conference.Aggregate(), given...), command(at(version))); err != nil {
				t.Errorf("%s, meant for version %d: %v", name, version, err)
			}
		}
	}
}

func TestTextsOfAConferenceAreKeptInOneForm(t *testing.T) {
	written := with(func(d *contracts.ConferenceDetails) {
		d.Name, d.Location, d.Description = " Cafe\u0301 GopherCon ", "\u3000上海 ", "Day one\n\n\tTalks\r\n"
	})
	kept := with(func(d *contracts.ConferenceDetails) {
		d.Name, d.Location, d.Description = "Café GopherCon", "上海", "Day one\n\n\tTalks"
	})
	run(t,
		estest.Scenario{
			Name:  "trimmed and composed; a description keeps its lines",
			Given: []any{created()}, When: update(written), Then: []any{updated(kept)},
		},
		estest.Scenario{
			Name:  "written otherwise it is the same",
			Given: []any{created(), updated(kept)}, When: update(written), Sends: none,
		},
		estest.Scenario{
			Name:  "of a seat type as well",
			Given: []any{created()},
			When:  add(general, " General\u00a0admission ", 19900, 100), Then: []any{added(general, "General\u00a0admission", 19900, 100)},
		},
	)
	for name, c := range map[string]struct {
		command any
		code    es.Code
	}{
		"a name of two lines":                         {update(with(func(d *contracts.ConferenceDetails) { d.Name = "Gopher\nCon" })), refusal.NameInvalid},
		"a name that cannot be seen":                  {update(with(func(d *contracts.ConferenceDetails) { d.Name = "\u200b" })), refusal.NameInvalid},
		"a name that turns the text around it":        {update(with(func(d *contracts.ConferenceDetails) { d.Name = "\u202enoC" })), refusal.NameInvalid},
		"an endless name":                             {update(with(func(d *contracts.ConferenceDetails) { d.Name = strings.Repeat("é", 101) })), refusal.NameInvalid},
		"a location of two lines":                     {update(with(func(d *contracts.ConferenceDetails) { d.Location = "Shang\nhai" })), refusal.TextInvalid},
		"a description with an escape":                {update(with(func(d *contracts.ConferenceDetails) { d.Description = "\x1b[31m" })), refusal.TextInvalid},
		"a seat type's name with a control character": {add(general, "General\x07", 19900, 100), refusal.NameInvalid},
		"a seat type's description that turns the text around it": {
			contracts.UpdateSeatType{ConferenceID: id, SeatTypeID: general, Name: "General", Description: "\u202e", Price: 1, Quota: 1}, refusal.TextInvalid},
	} {
		run(t, estest.Scenario{
			Name: name, Given: []any{created(), added(general, "General admission", 19900, 100)}, When: c.command, Refused: c.code,
		})
	}
	owned := create()
	owned.Owner = "\u200b"
	run(t, estest.Scenario{Name: "an organisation that cannot be seen", When: owned, Refused: refusal.NameInvalid})
}

func TestCommandsOfOthersAreNotHandled(t *testing.T) {
	if id, ok := conference.Aggregate().Route(contracts.CancelOrder{OrderID: uuid.New()}); ok {
		t.Errorf("an order's command is routed to conference %s", id)
	}
}

func TestTheDescriptionOfASeatType(t *testing.T) {
	describedAs := func(d string) (contracts.AddSeatType, contracts.SeatTypeAdded) {
		c, e := add(general, "General admission", 19900, 100), added(general, "General admission", 19900, 100)
		c.Description, e.Description = d, d
		return c, e
	}
	changedTo := func(d string) (contracts.UpdateSeatType, contracts.SeatTypeUpdated) {
		c, e := change(general, "General admission", 19900, 100), changed(general, "General admission", 19900, 100)
		c.Description, e.Description = d, d
		return c, e
	}
	addIt, isAdded := describedAs("All talks")
	addOther, _ := describedAs("All workshops")
	changeIt, isChanged := changedTo("All talks, and lunch")

	run(t,
		estest.Scenario{
			Name:  "is kept",
			Given: []any{created()},
			When:  addIt,
			Then:  []any{isAdded},
		},
		estest.Scenario{
			Name:  "belongs to what makes it the same",
			Given: []any{created(), isAdded},
			When:  addIt,
		},
		estest.Scenario{
			Name:    "belongs to what makes it another",
			Given:   []any{created(), isAdded},
			When:    addOther,
			Refused: refusal.SeatTypeExists,
		},
		estest.Scenario{
			Name:  "is no business of the order app, nor of the seats app",
			Given: []any{created(), isAdded},
			When:  changeIt,
			Then:  []any{isChanged},
			Sends: none,
		},
		estest.Scenario{
			Name:  "changed to what it is does nothing",
			Given: []any{created(), isAdded, isChanged},
			When:  changeIt,
		},
	)
}

func TestTheGreatestPriceAndQuota(t *testing.T) {
	most := add(general, "General admission", conference.MaxPrice, conference.MaxQuota)
	run(t, estest.Scenario{
		Name:  "are allowed",
		Given: []any{created()},
		When:  most,
		Then:  []any{added(general, "General admission", conference.MaxPrice, conference.MaxQuota)},
	})
	// The largest order there can be has 50 types, 20 seats of each. Its total is
	// below what JSON readers with floating point numbers read exactly.
	if total := int64(conference.MaxSeatTypes) * 20 * conference.MaxPrice; total <= 0 || total > 1<<53 {
		t.Errorf("an order may cost %d", total)
	}
}

// Whoever waits for the outcome of a command learns of it, and no message that
// comes again, however late, is decided again.
func TestEveryCommandIsAnsweredOnce(t *testing.T) {
	agg := conference.Aggregate()
	if !agg.AnswersNoEffect {
		t.Error("a command that changes nothing is not answered")
	}
	if agg.Handled != 0 {
		t.Errorf("only the last %d messages are remembered", agg.Handled)
	}
}

func TestADraftIsRenamedAndDeletedAndAPublishedConferenceIsNot(t *testing.T) {
	rename := func(slug string) contracts.RenameConference {
		return contracts.RenameConference{ConferenceID: id, Slug: slug}
	}
	renamed := contracts.ConferenceRenamed{ConferenceID: id, Slug: "gophercon-cn"}
	remove, deleted := contracts.DeleteConference{ConferenceID: id}, contracts.ConferenceDeleted{ConferenceID: id}
	onSale := []any{created(), added(general, "General admission", 19900, 100), published}
	mine := map[string]string{"slug/gophercon-cn": "conference/" + id.String()}
	run(t,
		estest.Scenario{Name: "a draft gets another slug", Given: []any{created()}, Claims: mine, When: rename("gophercon-cn"), Then: []any{renamed}, Sends: none},
		estest.Scenario{Name: "the slug that it has", Given: []any{created(), renamed}, When: rename("gophercon-cn"), Sends: none},
		estest.Scenario{Name: "a slug that is taken", Given: []any{created()}, Claims: map[string]string{"slug/gophercon-cn": "conference/another"}, When: rename("gophercon-cn"), Refused: refusal.SlugTaken},
		estest.Scenario{Name: "what is no slug", Given: []any{created()}, When: rename("Gopher Con"), Refused: refusal.SlugInvalid},
		estest.Scenario{Name: "once it was published", Given: onSale, When: rename("gophercon-cn"), Refused: refusal.ConferenceWasPublished},
		estest.Scenario{Name: "off sale again", Given: append(onSale, unpublished), When: rename("gophercon-cn"), Refused: refusal.ConferenceWasPublished},
		estest.Scenario{Name: "of a version that is not there any more", Given: []any{created(), updated(moved)}, When: contracts.RenameConference{ConferenceID: id, Slug: "gophercon-cn", Precondition: contracts.Precondition{IfVersion: 1}}, Refused: refusal.ConferenceChanged},
		estest.Scenario{Name: "a draft is deleted", Given: []any{created()}, When: remove, Then: []any{deleted}, Sends: none},
		estest.Scenario{Name: "twice", Given: []any{created(), deleted}, When: remove, Sends: none},
		estest.Scenario{Name: "a published one is not deleted", Given: onSale, When: remove, Refused: refusal.ConferenceWasPublished},
		estest.Scenario{Name: "nor when it is off sale again", Given: append(onSale, unpublished), When: remove, Refused: refusal.ConferenceWasPublished},
		estest.Scenario{Name: "a deleted one is not there", Given: []any{created(), deleted}, When: update(moved), Refused: refusal.ConferenceNotFound},
		estest.Scenario{Name: "its id is not used again", Given: []any{created(), deleted}, When: create(), Refused: refusal.ConferenceExists},
	)
	owns := conference.Aggregate().Owns
	for what, c := range map[string]struct {
		events []any
		want   []string
	}{
		"created": {[]any{created()}, []string{"slug/gophercon-2027"}},
		"renamed": {[]any{created(), renamed}, []string{"slug/gophercon-cn"}},
		"deleted": {[]any{created(), deleted}, nil},
	} {
		if got := owns(estest.Fold(conference.Aggregate(), c.events...)); !slices.Equal(got, c.want) {
			t.Errorf("%s: it has %v, want %v", what, got, c.want)
		}
	}
}

func TestAConferenceBeginsWithSeatTypesAllAtOnce(t *testing.T) {
	with := func(types ...contracts.NewSeatType) contracts.CreateConference {
		c := create()
		c.SeatTypes = types
		return c
	}
	first, second := contracts.NewSeatType{SeatTypeID: general, Name: "General admission", Price: 19900, Quota: 100}, contracts.NewSeatType{SeatTypeID: workshop, Name: "CQRS Workshop", Price: 50000, Quota: 10}
	bad := second
	bad.Price = -1
	mine := map[string]string{"slug/gophercon-2027": "conference/" + id.String()}
	run(t,
		estest.Scenario{
			Name: "with two", Claims: mine, When: with(first, second),
			Then: []any{created(), added(general, "General admission", 19900, 100), added(workshop, "CQRS Workshop", 50000, 10)},
		},
		estest.Scenario{Name: "with one that is wrong there is no conference", Claims: mine, When: with(first, bad), Refused: refusal.PriceInvalid},
		estest.Scenario{Name: "with one twice", Claims: mine, When: with(first, contracts.NewSeatType{SeatTypeID: general, Name: "Another", Price: 1, Quota: 1}), Refused: refusal.SeatTypeExists},
	)
}

// A conference is one organisation's for ever. To others it is as one that is not there,
// whatever they send, and nothing of it is recorded.
func TestAConferenceIsItsOrganisationsAlone(t *testing.T) {
	agg := conference.Aggregate()
	other := contracts.Actor{Organisation: uuid.New(), Member: uuid.New()}
	given := []any{created(), added(general, "General admission", 19900, 100)}
	state, nothing := estest.Fold(agg, given...), agg.New()
	tried := 0
	for _, typ := range contracts.Registry().Types() {
		command := commandFor(typ.Zero())
		if command == nil {
			continue
		}
		if _, ok := agg.Route(command); !ok {
			continue
		}
		if _, creates := command.(contracts.CreateConference); creates {
			continue
		}
		tried++
		for name, actor := range map[string]string{"another organisation": other.String(), "the operator": contracts.Actor{Operator: true}.String(), "nobody": ""} {
			_, foreign := agg.Decide(es.Env{Now: estest.Noon, Actor: actor}, state, command)
			_, unknown := agg.Decide(es.Env{Now: estest.Noon, Actor: actor}, nothing, command)
			r, ok := es.AsRefusal(foreign)
			u, refused := es.AsRefusal(unknown)
			if !ok || !refused || r.Code != refusal.ConferenceNotFound || u.Code != r.Code || u.Detail != r.Detail || !r.Unrecorded {
				t.Errorf("%s, %T: %v; of one that is not there: %v", name, command, foreign, unknown)
			}
		}
	}
	if want := len(agg.Commands) - 1; tried != want {
		t.Errorf("%d of %d commands were tried", tried, want)
	}

	theirs := created()
	theirs.OrganisationID = other.Organisation
	run(t,
		estest.Scenario{Name: "it is whose member creates it", Actor: other.String(), When: create(), Then: []any{theirs}},
		estest.Scenario{Name: "created again by another", Actor: other.String(), Given: []any{created()}, When: create(), Refused: refusal.ConferenceExists},
		estest.Scenario{Name: "created for nobody", Actor: "-", When: create(), Refused: refusal.OrganisationNotFound},
		estest.Scenario{Name: "created by an operator", Actor: contracts.Actor{Operator: true}.String(), When: create(), Refused: refusal.OrganisationNotFound},
	)
}

// commandFor is a command of the type, for the conference of these tests; nil if its type
// is no command for one.
func commandFor(zero any) any {
	v := reflect.New(reflect.TypeOf(zero)).Elem()
	field := v.FieldByName("ConferenceID")
	if !field.IsValid() {
		return nil
	}
	field.Set(reflect.ValueOf(id))
	return v.Interface()
}
