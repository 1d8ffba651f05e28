package projection

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

// shown folds events into the view that is answered.
func shown(events ...any) view.Conference {
	var c view.Conference
	for _, e := range events {
		Conference(&c, message.Message{Body: e})
	}
	return AssembleConference(c, Availability{})
}

func at(text string) time.Time {
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return moment.UTC()
}

func detailsIn(zone, starts, ends string) contracts.ConferenceDetails {
	return contracts.ConferenceDetails{TimeZone: zone, StartsAt: at(starts), EndsAt: at(ends)}
}

// Summer time in Berlin ends on 31 October 2027, when 02:30 comes twice, and
// began on 28 March, when 02:30 never came.
func TestTimesAreGivenBackInTheConferencesTimeZone(t *testing.T) {
	for _, c := range []struct{ what, zone, moment, want string }{
		{"summer", "Europe/Berlin", "2027-06-01T07:00:00Z", "2027-06-01T09:00:00+02:00"},
		{"winter", "Europe/Berlin", "2027-12-01T08:00:00Z", "2027-12-01T09:00:00+01:00"},
		{"the first 02:30 of two", "Europe/Berlin", "2027-10-31T00:30:00Z", "2027-10-31T02:30:00+02:00"},
		{"the second 02:30 of two", "Europe/Berlin", "2027-10-31T01:30:00Z", "2027-10-31T02:30:00+01:00"},
		{"the 02:30 that never came, as winter time has it", "Europe/Berlin", "2027-03-28T02:30:00+01:00", "2027-03-28T03:30:00+02:00"},
		{"the 02:30 that never came, as summer time has it", "Europe/Berlin", "2027-03-28T02:30:00+02:00", "2027-03-28T01:30:00+01:00"},
		{"half an hour", "Asia/Kolkata", "2027-06-01T03:30:00Z", "2027-06-01T09:00:00+05:30"},
		{"another day", "Pacific/Kiritimati", "2027-06-01T12:00:00Z", "2027-06-02T02:00:00+14:00"},
		{"no offset", "UTC", "2027-06-01T07:00:00Z", "2027-06-01T07:00:00Z"},
		{"a time zone that is not known here", "Mars/Olympus", "2027-06-01T07:00:00Z", "2027-06-01T07:00:00Z"},
	} {
		created := contracts.ConferenceCreated{Details: detailsIn(c.zone, c.moment, "2027-12-31T00:00:00Z")}
		if got := shown(created).StartsAt.Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

func TestAllTimesOfAConferenceAreInItsTimeZone(t *testing.T) {
	seatType := uuid.New()
	d := detailsIn("Europe/Berlin", "2027-06-01T07:00:00Z", "2027-06-03T15:00:00Z")
	d.SalesFrom, d.SalesUntil, d.RefundUntil, d.HandOverUntil = at("2027-01-01T00:00:00Z"), at("2027-06-01T00:00:00Z"), at("2027-05-01T00:00:00Z"), at("2027-05-31T00:00:00Z")
	added := contracts.SeatTypeAdded{SeatTypeID: seatType, SalesWindow: contracts.SalesWindow{SalesFrom: at("2027-02-01T00:00:00Z"), SalesUntil: at("2027-03-01T00:00:00Z")}}
	moved := d
	moved.TimeZone = "Asia/Kolkata"

	text, err := json.Marshal(shown(contracts.ConferenceCreated{Details: d}, added, contracts.ConferenceUpdated{Details: moved}))
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		TimeZone                                                            string
		StartsAt, EndsAt, SalesFrom, SalesUntil, RefundUntil, HandOverUntil string
		SeatTypes                                                           []struct {
			SalesFrom, SalesUntil string
			Sales                 struct{ Open, Close string }
		}
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	s := c.SeatTypes[0]
	for name, got := range map[string]string{
		"startsAt": c.StartsAt, "endsAt": c.EndsAt, "salesFrom": c.SalesFrom, "salesUntil": c.SalesUntil, "refundUntil": c.RefundUntil,
		"handOverUntil": c.HandOverUntil, "seat type's salesFrom": s.SalesFrom, "seat type's salesUntil": s.SalesUntil,
		"sales.open": s.Sales.Open, "sales.close": s.Sales.Close,
	} {
		if len(got) != len("2027-06-01T12:30:00+05:30") || got[19:] != "+05:30" {
			t.Errorf("%s is %q, not in the time zone", name, got)
		}
	}
	if c.TimeZone != "Asia/Kolkata" {
		t.Errorf("the time zone is %q", c.TimeZone)
	}
}

func TestAvailabilitySaysWhenSalesOpenAndClose(t *testing.T) {
	const opens, closes, ends = "2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z", "2027-06-03T00:00:00Z"
	window := func(from, until string) (w contracts.SalesWindow) {
		if from != "" {
			w.SalesFrom = at(from)
		}
		if until != "" {
			w.SalesUntil = at(until)
		}
		return w
	}
	for _, c := range []struct {
		what             string
		whole, seatTypes contracts.SalesWindow
		open, close      string
	}{
		{"nothing said: until the end", window("", ""), window("", ""), "", ends},
		{"the conference's", window(opens, closes), window("", ""), opens, closes},
		{"the seat type's", window("", ""), window(opens, closes), opens, closes},
		{"the seat type's inside the conference's", window("2027-01-01T00:00:00Z", "2027-04-01T00:00:00Z"), window(opens, closes), opens, closes},
		{"the conference's inside the seat type's", window(opens, closes), window("2027-01-01T00:00:00Z", "2027-04-01T00:00:00Z"), opens, closes},
		{"a bound of each", window(opens, ""), window("", closes), opens, closes},
		{"the end before what the seat type says", window("", ""), window(opens, "2028-01-01T00:00:00Z"), opens, ends},
	} {
		d := detailsIn("UTC", "2027-06-01T00:00:00Z", ends)
		d.SalesWindow = c.whole
		s := shown(contracts.ConferenceCreated{Details: d}, contracts.SeatTypeAdded{SeatTypeID: uuid.New(), SalesWindow: c.seatTypes}).SeatTypes[0]
		open := ""
		if !s.Sales.Open.IsZero() {
			open = s.Sales.Open.Format(time.RFC3339)
		}
		if got := s.Sales.Close.Format(time.RFC3339); open != c.open || got != c.close {
			t.Errorf("%s: from %q until %s, want %q and %s", c.what, open, got, c.open, c.close)
		}
		if s.SalesWindow != c.seatTypes {
			t.Errorf("%s: what was said of the seat type is %v, not %v", c.what, s.SalesWindow, c.seatTypes)
		}
	}
}
