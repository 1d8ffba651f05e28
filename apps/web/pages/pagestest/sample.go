package pagestest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
)

// Ids of the sample.
var (
	ConferenceID = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000001")
	Admission    = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000011")
	Workshop     = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000012")
	Party        = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000013")
	Tutorial     = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000014")
)

// Slug is the sample conference's.
const Slug = "gophers-2027"

func usd(minor int64) contracts.Money { return contracts.Money{Amount: minor, Currency: "USD"} }

// Conference is the sample conference.
func Conference() view.Conference {
	return view.Conference{
		ID: ConferenceID, Slug: Slug, Name: "Gophers in Berlin 2027", Location: "Festsaal Kreuzberg, Berlin",
		Description: "Two days about Go in production: **talks** in the morning, *hands-on* in the afternoon.\n\n" +
			"- How to read a profile\n- Event sourcing without a framework\n- What we learnt from ten years of one service\n\nQuestions: [hello@example.org](mailto:hello@example.org)",
		StartsAt: time.Date(2027, time.June, 5, 8, 0, 0, 0, time.UTC), EndsAt: time.Date(2027, time.June, 6, 15, 30, 0, 0, time.UTC),
		RefundUntil: time.Date(2027, time.May, 22, 22, 0, 0, 0, time.UTC),
		Currency:    "USD", Published: true, Revision: 7,
		SeatTypes: []view.SeatType{
			{ID: Admission, Name: "General admission", Description: "Both days, lunch included.", Price: usd(19900), Quota: 200, Remaining: 38},
			{ID: Workshop, Name: "Workshop: profiling", Description: "Saturday afternoon. Bring a laptop.", Price: usd(9900), Quota: 20, Remaining: 3},
			{ID: Tutorial, Name: "Tutorial for beginners", Price: usd(4900), Quota: 12, Remaining: 0},
			{ID: Party, Name: "Evening party", Price: usd(0), Quota: 150, Remaining: 90},
		},
	}
}

// Sample puts the sample's conferences and orders in.
func (w *World) Sample() {
	all := view.Conferences{Conferences: []view.Conference{}}
	add := func(c view.Conference) {
		all.Conferences = append(all.Conferences, c)
		w.Put("/conferences/"+c.Slug, c)
		w.Put("/conferences/"+c.ID.String(), c)
	}
	add(Conference())
	for i, c := range []view.Conference{
		{Slug: "huizhan-2027", Name: "分布式系统大会 2027", Location: "上海国际会议中心", Currency: "CNY",
			StartsAt: time.Date(2027, time.April, 17, 1, 0, 0, 0, time.UTC), EndsAt: time.Date(2027, time.April, 18, 9, 0, 0, 0, time.UTC),
			SeatTypes: []view.SeatType{{Name: "普通席", Price: contracts.Money{Amount: 88000, Currency: "CNY"}, Quota: 500, Remaining: 4}}},
		{Slug: "open-evening", Name: "An open evening about databases", Location: "Public library, Lisbon", Currency: "EUR",
			StartsAt: time.Date(2027, time.March, 20, 18, 0, 0, 0, time.UTC), EndsAt: time.Date(2027, time.March, 20, 21, 0, 0, 0, time.UTC),
			SeatTypes: []view.SeatType{{Name: "Seat", Price: contracts.Money{Currency: "EUR"}, Quota: 60, Remaining: 0}}},
		{Slug: "gophers-2026", Name: "Gophers in Berlin 2026", Location: "Berlin", Currency: "EUR",
			StartsAt: time.Date(2026, time.June, 6, 8, 0, 0, 0, time.UTC), EndsAt: time.Date(2026, time.June, 7, 16, 0, 0, 0, time.UTC),
			SeatTypes: []view.SeatType{{Name: "Seat", Price: contracts.Money{Amount: 9900, Currency: "EUR"}, Quota: 100, Remaining: 12}}},
	} {
		c.ID = uuid.MustParse(fmt.Sprintf("0a3e9f2c-6b1d-4a51-9b1e-1f00000001%02d", i))
		c.Published = true
		for j := range c.SeatTypes {
			c.SeatTypes[j].ID = uuid.MustParse(fmt.Sprintf("0a3e9f2c-6b1d-4a51-9b1e-1f000000%02d%02d", i+20, j))
		}
		add(c)
	}
	w.Put("/conferences", all)
}
