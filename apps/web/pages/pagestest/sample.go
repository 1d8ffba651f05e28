package pagestest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
)

// Ids of the sample.
var (
	ConferenceID = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000001")
	Admission    = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000011")
	Workshop     = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000012")
	Party        = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000013")
	Tutorial     = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000014")
)

// Slug is the sample conference's, Stopped that of one whose sale was stopped.
const (
	Slug    = "gophers-2027"
	Stopped = "stopped-2027"
)

// Draft is the id of a conference that has only a name and dates.
var Draft = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f00000001d0")

func usd(minor int64) contracts.Money { return contracts.Money{Amount: minor, Currency: "USD"} }

// Conference is the sample conference.
func Conference() view.Conference {
	return view.Conference{
		OrganisationID: contracts.MainOrganisation,
		ID:             ConferenceID, Slug: Slug, Owner: "Gophers of Berlin", Name: "Gophers in Berlin 2027", Location: "Festsaal Kreuzberg, Berlin",
		Description: "Two days about Go in production: **talks** in the morning, *hands-on* in the afternoon.\n\n" +
			"- How to read a profile\n- Event sourcing without a framework\n- What we learnt from ten years of one service\n\nQuestions: [hello@example.org](mailto:hello@example.org)",
		StartsAt: time.Date(2027, time.June, 5, 8, 0, 0, 0, time.UTC), EndsAt: time.Date(2027, time.June, 6, 15, 30, 0, 0, time.UTC),
		RefundUntil: time.Date(2027, time.May, 22, 22, 0, 0, 0, time.UTC),
		TimeZone:    "Europe/Berlin", Currency: "USD", Published: true, Version: 12, Revision: 7,
		SeatTypes: []view.SeatType{
			{ID: Admission, Name: "General admission", Description: "Both days, lunch included.", Price: usd(19900), Quota: 200, Remaining: 38},
			{ID: Workshop, Name: "Workshop: profiling", Description: "Saturday afternoon. Bring a laptop.", Price: usd(9900), Quota: 20, Remaining: 3},
			{ID: Tutorial, Name: "Tutorial for beginners", Price: usd(4900), Quota: 12, Remaining: 0},
			{ID: Party, Name: "Evening party", Price: usd(0), Quota: 150, Remaining: 90},
			{ID: uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f0000000015"), Name: "Supporter", Description: "Your name on the wall.", Price: usd(49900), Quota: 20, Remaining: 20,
				Sales: view.Sales{Open: time.Date(2027, time.April, 1, 8, 0, 0, 0, time.UTC), Close: time.Date(2027, time.June, 6, 15, 30, 0, 0, time.UTC)}},
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
		{Slug: "huizhan-2027", TimeZone: "Asia/Shanghai", Name: "分布式系统大会 2027", Location: "上海国际会议中心", Currency: "CNY",
			StartsAt: time.Date(2027, time.April, 17, 1, 0, 0, 0, time.UTC), EndsAt: time.Date(2027, time.April, 18, 9, 0, 0, 0, time.UTC),
			SeatTypes: []view.SeatType{{Name: "普通席", Price: contracts.Money{Amount: 88000, Currency: "CNY"}, Quota: 500, Remaining: 4}}},
		{Slug: "open-evening", TimeZone: "Europe/Lisbon", Name: "An open evening about databases", Location: "Public library, Lisbon", Currency: "EUR",
			StartsAt: time.Date(2027, time.March, 20, 18, 0, 0, 0, time.UTC), EndsAt: time.Date(2027, time.March, 20, 21, 0, 0, 0, time.UTC),
			SeatTypes: []view.SeatType{{Name: "Seat", Price: contracts.Money{Currency: "EUR"}, Quota: 60, Remaining: 0}}},
		{Slug: "gophers-2026", TimeZone: "Europe/Berlin", Name: "Gophers in Berlin 2026", Location: "Berlin", Currency: "EUR",
			StartsAt: time.Date(2026, time.June, 6, 8, 0, 0, 0, time.UTC), EndsAt: time.Date(2026, time.June, 7, 16, 0, 0, 0, time.UTC),
			SeatTypes: []view.SeatType{{Name: "Seat", Price: contracts.Money{Amount: 9900, Currency: "EUR"}, Quota: 100, Remaining: 12}}},
		{Slug: "rust-2027", TimeZone: "America/New_York", Name: "A conference with quite a long name, about programming languages and those who make them", Location: "New York", Currency: "USD",
			StartsAt: time.Date(2027, time.September, 6, 8, 0, 0, 0, time.UTC), EndsAt: time.Date(2027, time.September, 7, 16, 0, 0, 0, time.UTC),
			SeatTypes: []view.SeatType{{Name: "Seat", Price: contracts.Money{Amount: 129900, Currency: "USD"}, Quota: 100, Remaining: 100, Sales: view.Sales{Open: Now.Add(72 * time.Hour), Close: Now.Add(1200 * time.Hour)}}}},
		{Slug: "no-seats-yet", TimeZone: "Europe/Berlin", Name: "Seats to come", Currency: "EUR",
			StartsAt: time.Date(2027, time.October, 6, 8, 0, 0, 0, time.UTC), EndsAt: time.Date(2027, time.October, 7, 16, 0, 0, 0, time.UTC)},
	} {
		c.ID = uuid.MustParse(fmt.Sprintf("0a3e9f2c-6b1d-4a51-9b1e-1f00000001%02d", i))
		c.Published = true
		for j := range c.SeatTypes {
			c.SeatTypes[j].ID = uuid.MustParse(fmt.Sprintf("0a3e9f2c-6b1d-4a51-9b1e-1f000000%02d%02d", i+20, j))
		}
		add(c)
	}
	w.Put("/conferences", all)
	stopped := Conference()
	stopped.ID, stopped.Slug, stopped.Published = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f00000001d1"), Stopped, false
	draft := view.Conference{ID: Draft, OrganisationID: contracts.MainOrganisation, Slug: "draft-2027", Name: "A draft", TimeZone: "Europe/Berlin", Currency: "EUR", StartsAt: stopped.StartsAt, EndsAt: stopped.EndsAt}
	for _, c := range []view.Conference{stopped, draft} {
		w.Put("/conferences/"+c.Slug, c)
		w.Put("/conferences/"+c.ID.String(), c)
	}
	w.Put("/organiser/conferences/"+Draft.String()+"/dashboard", view.Dashboard{ConferenceID: Draft, Currency: "EUR", Orders: map[view.OrderStatus]int{}, Sales: []view.HourlySales{}, SeatTypes: []view.SeatTypeNumbers{}})
	list := view.OrderList{Orders: []view.OrderSummary{}, Counts: map[view.OrderStatus]int{}}
	for name, o := range Orders() {
		o.ID = OrderID(name)
		w.Put("/orders/"+o.ID.String(), o)
		w.Put("/orders/"+o.ID.String()+"/timeline", view.Timeline{OrderID: o.ID, Entries: []view.TimelineEntry{
			{Kind: view.TimelineEvent, ID: "1", Type: "OrderPlaced.v1", Time: o.PlacedAt}, {Kind: view.TimelineEvent, ID: "2", Type: "OrderReservationCompleted.v1", Time: o.PlacedAt},
		}})
		list.Orders = append(list.Orders, view.OrderSummary{ID: o.ID, ConferenceID: o.ConferenceID, Locator: o.Locator, Status: o.Status, Registrant: o.Registrant, Seats: 3, Total: o.Total, PlacedAt: o.PlacedAt, UpdatedAt: o.UpdatedAt})
		list.Counts[o.Status]++
	}
	own := "/organiser/conferences/" + ConferenceID.String()
	w.Put("/organiser/conferences", view.ConferenceSummaries{Conferences: []view.ConferenceSummary{{
		ID: ConferenceID, Slug: Slug, Name: "Gophers in Berlin 2027", TimeZone: "Europe/Berlin", StartsAt: Conference().StartsAt, EndsAt: Conference().EndsAt,
		Published: true, Quota: 382, Sold: 200, Held: 31, Remaining: 151,
	}}})
	w.Put(own+"/orders", list)
	w.Put(own+"/attendees", view.AttendeeList{Attendees: []view.AttendeeRow{
		{OrderID: OrderID("confirmed"), Locator: "K7PQ2MXA", SeatType: Admission, SeatName: "General admission", Attendee: &contracts.Attendee{Person: contracts.Person{FirstName: "伟", LastName: "王", Email: "wang@example.org"}, Type: contracts.Speaker}},
		{OrderID: OrderID("confirmed"), Locator: "K7PQ2MXA", Position: 1, SeatType: Workshop, SeatName: "Workshop: profiling"},
	}})
	dashboard := view.Dashboard{ConferenceID: ConferenceID, Currency: "USD", Orders: list.Counts, Conversion: 0.82, Gross: 3980000, Refunded: 49700, Net: 3930300, Sales: []view.HourlySales{}, SeatTypes: []view.SeatTypeNumbers{
		{ID: Admission, Name: "General admission", Price: usd(19900), Quota: 200, Sold: 150, Held: 12, Remaining: 38},
		{ID: Workshop, Name: "Workshop: profiling", Price: usd(9900), Quota: 20, Sold: 15, Held: 2, Remaining: 3},
	}}
	for i := range 20 {
		dashboard.Sales = append(dashboard.Sales, view.HourlySales{Hour: Now.Add(time.Duration(i-20) * 24 * time.Hour), Orders: i%5 + 1, Seats: (i*7)%23 + 2, Amount: 19900})
	}
	w.Put(own+"/dashboard", dashboard)
	w.Put(own+"/waitlist", view.Waitlist{Waiting: []view.Waiting{
		{OrderID: OrderID("waitlisted"), Locator: "K7PQ2MXA", Registrant: &Ada, Place: 3, Wanted: contracts.Seats{{SeatType: Tutorial, Quantity: 2}}, AllOrNothing: true, JoinedAt: Now},
		{OrderID: OrderID("cancelled"), Locator: "K7PQ2MXB", Place: 4, Wanted: contracts.Seats{{SeatType: Tutorial, Quantity: 1}, {SeatType: Workshop, Quantity: 1}}, JoinedAt: Now},
	}})
	w.putOrganisations()
	w.Put(own+"/promo-codes", view.PromoCodes{PromoCodes: []view.PromoCode{
		{ConferenceID: ConferenceID, Code: "EARLY-20", PromoDetails: contracts.PromoDetails{PromoTerms: contracts.PromoTerms{Percent: 20, QuotaUnit: contracts.ByOrder, Exclusive: true}, Quota: 50}, Used: 12, CreatedAt: Now},
		{ConferenceID: ConferenceID, Code: "TEN", PromoDetails: contracts.PromoDetails{PromoTerms: contracts.PromoTerms{Amount: 1000, QuotaUnit: contracts.BySeat, Scope: []uuid.UUID{Workshop}}, ValidUntil: Now}, Used: 3, CreatedAt: Now},
		{ConferenceID: ConferenceID, Code: "OLD", PromoDetails: contracts.PromoDetails{PromoTerms: contracts.PromoTerms{Percent: 100, QuotaUnit: contracts.BySeat}, Quota: 1}, Used: 1, Retired: true, CreatedAt: Now},
	}})
}

// The main organisation's members, and a credential of the first.
var (
	Grace      = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f00000000a1")
	Wei        = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f00000000a2")
	Credential = uuid.MustParse("0a3e9f2c-6b1d-4a51-9b1e-1f00000000a3")
)

// memberSecret is the secret of that credential, and MemberCredential the credential.
const memberSecret = "the-secret-of-a-member-of-this-small-world-"

// MemberCredential is Wei's, who is no owner.
var MemberCredential = access.MemberCredential(contracts.MainOrganisation, Credential, memberSecret)

func (w *World) putOrganisations() {
	main := view.Organisation{ID: contracts.MainOrganisation, Name: "main", CreatedAt: Now, Members: []view.Member{
		{ID: Grace, Name: "Grace", Owner: true, AddedAt: Now, Credentials: []view.Credential{}},
		{ID: Wei, Name: "王伟", AddedAt: Now, Credentials: []view.Credential{{ID: Credential, IssuedAt: Now}}},
	}}
	w.Put("/organiser/organisation", main)
	w.Put("/operator/organisations/"+main.ID.String(), main)
	w.Put("/operator/organisations", view.Organisations{Organisations: []view.OrganisationSummary{{ID: main.ID, Name: main.Name, Members: 2, Conferences: 3}, {ID: Grace, Name: "Gophers", CreatedAt: Now}}})
	w.Put("/credentials/"+main.ID.String()+"/"+Credential.String(), view.CredentialHolder{
		OrganisationID: main.ID, OrganisationName: main.Name, MemberID: Wei, MemberName: "王伟", Hash: access.HashOf(memberSecret),
	})
	log := view.AuditLog{Entries: []view.AuditEntry{
		{At: Now, By: view.ActorMember, MemberID: &Wei, MemberName: "王伟", OrganisationID: &main.ID, OrganisationName: main.Name, Change: "PublishConference", About: "conference", AboutID: ConferenceID.String(), AboutName: "Gophers in Berlin 2027", CommandID: "1"},
		{At: Now, By: view.ActorToken, OrganisationID: &main.ID, OrganisationName: main.Name, Change: "CancelOrder", About: "order", AboutID: OrderID("cancelled").String(), CommandID: "2"},
		{At: Now, By: view.ActorMember, MemberID: &Grace, MemberName: "Grace", OrganisationID: &main.ID, OrganisationName: main.Name, Change: "CreatePromoCode", About: "promo-code", AboutID: ConferenceID.String(), AboutName: "EARLY-20", CommandID: "3"},
		{At: Now, By: view.ActorOperator, OrganisationID: &main.ID, OrganisationName: main.Name, Change: "AddMember", About: "organisation", AboutID: main.ID.String(), AboutName: main.Name, CommandID: "4"},
		{At: Now, By: view.ActorOperator, Change: "WhatCameLater", About: "payment", AboutID: Payment.String(), CommandID: "5"},
	}}
	w.Put("/organiser/audit", log)
	w.Put("/operator/audit", log)
}

// Secret opens the order of that name.
func Secret(name string) string {
	return ("the-secret-of-the-order-" + name + "-in-a-small-world")[:40]
}

// OrderID is the id of the order of that name.
func OrderID(name string) uuid.UUID { return access.OrderID(Secret(name)) }

// PagePath is the link of the order of that name.
func PagePath(name string) string { return access.PagePath(OrderID(name), Secret(name)) }

// Ada is who orders.
var Ada = contracts.Person{FirstName: "Ada", LastName: "Lovelace", Email: "ada@example.org"}

func line(t uuid.UUID, name string, unit int64, asked, granted int, state contracts.LineState) contracts.OrderLine {
	n := granted
	if state == contracts.LineRequested {
		n = asked
	}
	return contracts.OrderLine{SeatType: t, Name: name, UnitPrice: usd(unit), Requested: asked, Granted: granted, State: state, Total: usd(unit * int64(n))}
}

// Orders are orders of every fate, by name.
func Orders() map[string]view.Order {
	placed := Now.Add(-3 * time.Minute)
	base := func(status view.OrderStatus, registrant bool, lines ...contracts.OrderLine) view.Order {
		o := view.Order{
			ConferenceID: ConferenceID, Status: status, Version: 1, Lines: lines, Total: usd(0), Deadline: placed.Add(15 * time.Minute),
			Locator: "K7PQ2MXA", Assignments: []view.Assignment{}, Payments: []view.Payment{}, PlacedAt: placed, UpdatedAt: Now.Add(-time.Minute), Revision: 3,
		}
		for _, l := range lines {
			o.Total.Amount += l.Total.Amount
		}
		o.Free = o.Total.IsZero() && status != view.OrderRejected
		if registrant {
			ada := Ada
			o.Registrant = &ada
		}
		return o
	}
	full := []contracts.OrderLine{line(Admission, "General admission", 19900, 2, 2, contracts.LineReserved), line(Workshop, "Workshop: profiling", 9900, 1, 1, contracts.LineReserved)}
	short := []contracts.OrderLine{line(Admission, "General admission", 19900, 2, 2, contracts.LineReserved), line(Workshop, "Workshop: profiling", 9900, 3, 2, contracts.LinePartial)}
	paying := func(o view.Order, statuses ...view.PaymentStatus) view.Order {
		for i, s := range statuses {
			id := uuid.NewSHA1(ConferenceID, []byte{byte(i), byte(len(statuses))})
			at := placed.Add(time.Duration(i+1) * time.Minute)
			p := view.Payment{ID: id, Amount: o.Total, Status: s, Provider: "demo", InitiatedAt: at, UpdatedAt: at}
			switch s {
			case view.PaymentCompleted:
				p.CompletedAt = at
			case view.PaymentRefundRequested, view.PaymentRefunded, view.PaymentRefundFailed:
				p.Refunds = []view.Refund{{Amount: o.Total, Status: s, Attempts: 1, UpdatedAt: at}}
			}
			o.Payments = append(o.Payments, p)
			if o.Status == view.OrderConfirmed && s == view.PaymentCompleted {
				o.PaymentID = &id
			}
		}
		return o
	}
	seated := func(o view.Order) view.Order {
		o.Assignments = []view.Assignment{
			{Position: 0, SeatType: Admission}, {Position: 1, SeatType: Admission, Attendee: &contracts.Attendee{Person: contracts.Person{FirstName: "Grace", LastName: "Hopper", Email: "grace@example.org"}, Type: contracts.Speaker}},
			{Position: 2, SeatType: Workshop},
		}
		return o
	}
	positions := func(o view.Order) view.Order {
		for _, l := range o.Lines {
			for range l.Granted {
				o.Positions = append(o.Positions, view.OrderPosition{Position: len(o.Positions), SeatType: l.SeatType, Price: l.UnitPrice})
			}
		}
		return o
	}
	givenBack := func(o view.Order) view.Order {
		o.Positions[1].GivenBack = true
		o.GivenBack = []view.SeatsGivenBack{{Number: 1, Positions: []int{1}, Refund: usd(19900), At: Now.Add(-time.Minute)}}
		o.Assignments = append(o.Assignments[:1:1], o.Assignments[2:]...)
		o.Payments[0].Refunds = []view.Refund{{ID: 1, Amount: usd(19900), Status: view.PaymentRefundRequested, Attempts: 1, UpdatedAt: Now.Add(-time.Minute)}}
		return o
	}
	promo := func(o view.Order) view.Order {
		o.Discounts = []contracts.OrderDiscount{{Code: "EARLY-20", Percent: 20, Total: usd(9940), Lines: []contracts.DiscountLine{{SeatType: Admission, Seats: 2, Amount: usd(7960)}, {SeatType: Workshop, Seats: 1, Amount: usd(1980)}}}}
		o.PromoCodes = []view.OrderPromoCode{{Code: "EARLY-20", State: view.PromoCodeApplied}, {Code: "SUMMER", State: view.PromoCodeRequested}, {Code: "FRIENDS", State: view.PromoCodeRefused, Reason: refusal.PromoCodeUsedUp}}
		o.Total.Amount -= 9940
		return o
	}
	waiting := func(o view.Order) view.Order {
		o.Waitlist = &view.Place{AllOrNothing: true, Positions: []view.Position{{SeatType: Tutorial, Position: 3}}}
		o.Deadline, o.Total, o.Free = Conference().StartsAt, usd(9800), false
		first := OrderID("partial")
		o.WaitsFor = &first
		return o
	}
	offered := func(o view.Order) view.Order {
		rest := OrderID("waitlisted")
		o.Offered, o.RestID = true, &rest
		return o
	}
	over := func(o view.Order) view.Order { o.Deadline = Now.Add(-5 * time.Minute); return o }
	late := paying(over(base(view.OrderConfirmed, true, full...)), view.PaymentCompleted)
	late.Payments[0].CompletedAt = Now.Add(-time.Minute)
	return map[string]view.Order{
		"placed":          base(view.OrderPlaced, false, line(Admission, "General admission", 19900, 2, 0, contracts.LineRequested)),
		"partial":         base(view.OrderPartiallyReserved, false, short...),
		"reserved":        base(view.OrderReserved, false, full...),
		"ready":           base(view.OrderReserved, true, full...),
		"promo":           promo(base(view.OrderReserved, true, full...)),
		"free":            base(view.OrderReserved, true, line(Party, "Evening party", 0, 2, 2, contracts.LineReserved)),
		"payment-open":    paying(base(view.OrderReserved, true, full...), view.PaymentInitiated),
		"payment-failed":  paying(base(view.OrderReserved, true, full...), view.PaymentRejected),
		"payment-arrived": paying(base(view.OrderReserved, true, full...), view.PaymentCompleted),
		"confirmed":       positions(seated(paying(base(view.OrderConfirmed, true, full...), view.PaymentCompleted))),
		"given-back":      givenBack(positions(seated(paying(base(view.OrderConfirmed, true, full...), view.PaymentCompleted)))),
		"late":            seated(late),
		"waitlisted":      waiting(base(view.OrderWaitlisted, true, line(Tutorial, "Tutorial for beginners", 4900, 2, 0, contracts.LineWaiting))),
		"offered":         offered(base(view.OrderReserved, true, full...)),
		"rejected":        base(view.OrderRejected, false, line(Tutorial, "Tutorial for beginners", 4900, 2, 0, contracts.LineSoldOut)),
		"expired":         over(base(view.OrderExpired, true, full...)),
		"refunding":       paying(over(base(view.OrderExpired, true, full...)), view.PaymentRefundRequested),
		"cancelled":       paying(base(view.OrderCancelled, true, full...), view.PaymentRefunded),
		"refund-failed":   paying(base(view.OrderCancelled, true, full...), view.PaymentRefundFailed),
	}
}
