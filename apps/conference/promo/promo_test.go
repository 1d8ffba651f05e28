package promo_test

import (
	"cmp"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/conference/conference"
	"github.com/plenary/plenary/apps/conference/promo"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	id       = uuid.MustParse("c0000000-0000-4000-8000-000000000001")
	general  = uuid.MustParse("a0000000-0000-4000-8000-000000000001")
	workshop = uuid.MustParse("a0000000-0000-4000-8000-000000000002")
	gone     = uuid.MustParse("a0000000-0000-4000-8000-000000000003")
	ada      = uuid.MustParse("b0000000-0000-4000-8000-000000000001")
	bob      = uuid.MustParse("b0000000-0000-4000-8000-000000000002")

	noon = estest.Noon
	end  = noon.Add(20 * time.Minute)

	promos = promo.Aggregate()
)

// of is the conference: 100 seats of General admission, 10 of a workshop, and a seat
// type that was removed.
func of(since ...any) []estest.Other {
	agg := conference.Aggregate()
	events := append([]any{
		contracts.ConferenceCreated{ConferenceID: id, Currency: "USD"},
		contracts.SeatTypeAdded{ConferenceID: id, SeatTypeID: general, Quota: 100},
		contracts.SeatTypeAdded{ConferenceID: id, SeatTypeID: workshop, Quota: 10},
		contracts.SeatTypeAdded{ConferenceID: id, SeatTypeID: gone, Quota: 10},
		contracts.SeatTypeRemoved{ConferenceID: id, SeatTypeID: gone},
	}, since...)
	return []estest.Other{{Ref: es.Ref{Aggregate: conference.Name, ID: id.String()}, State: estest.Fold(agg, events...)}}
}

// ours is who acts for the conference's organisation.
var ours = contracts.Actor{Organisation: contracts.MainOrganisation}.String()

// run runs scenarios in which somebody of ours sends the commands, unless they say who.
func run(t *testing.T, scenarios ...estest.Scenario) {
	t.Helper()
	for i := range scenarios {
		scenarios[i].Actor = cmp.Or(scenarios[i].Actor, ours)
		if scenarios[i].Others == nil {
			scenarios[i].Others = of()
		}
	}
	estest.Run(t, promos, scenarios...)
}

func details(change ...func(*contracts.PromoDetails)) contracts.PromoDetails {
	d := contracts.PromoDetails{PromoTerms: contracts.PromoTerms{Percent: 50, QuotaUnit: contracts.ByOrder}}
	for _, f := range change {
		f(&d)
	}
	return d
}

func quota(n int) func(*contracts.PromoDetails) {
	return func(d *contracts.PromoDetails) { d.Quota = n }
}
func bySeat(d *contracts.PromoDetails) { d.QuotaUnit = contracts.BySeat }
func scope(types ...uuid.UUID) func(*contracts.PromoDetails) {
	return func(d *contracts.PromoDetails) { d.Scope = types }
}

func create(code string, d contracts.PromoDetails) contracts.CreatePromoCode {
	return contracts.CreatePromoCode{ConferenceID: id, Code: code, Details: d}
}

func created(d contracts.PromoDetails) contracts.PromoCodeCreated {
	return contracts.PromoCodeCreated{ConferenceID: id, Code: "HALF", Details: d}
}

func update(d contracts.PromoDetails) contracts.UpdatePromoCode {
	return contracts.UpdatePromoCode{ConferenceID: id, Code: "half", Details: d}
}

var (
	retire  = contracts.RetirePromoCode{ConferenceID: id, Code: "HALF"}
	retired = contracts.PromoCodeRetired{ConferenceID: id, Code: "HALF"}
)

func seats(n int) contracts.Seats { return contracts.Seats{{SeatType: general, Quantity: n}} }

func redeem(order uuid.UUID, number int, s contracts.Seats) contracts.RedeemPromoCode {
	return contracts.RedeemPromoCode{ConferenceID: id, Code: "HALF", OrderID: order, Number: number, NotAfter: end, Seats: s}
}

func redeemed(order uuid.UUID, number, uses, used int, d contracts.PromoDetails) contracts.PromoCodeRedeemed {
	return contracts.PromoCodeRedeemed{ConferenceID: id, Code: "HALF", OrderID: order, Number: number, Terms: d.PromoTerms, Uses: uses, Used: used, At: noon}
}

func release(order uuid.UUID, number, keep int) contracts.ReleasePromoCode {
	return contracts.ReleasePromoCode{ConferenceID: id, Code: "HALF", OrderID: order, Number: number, NotAfter: end, Keep: keep}
}

func released(order uuid.UUID, number, uses, used int) contracts.PromoCodeReleased {
	return contracts.PromoCodeReleased{ConferenceID: id, Code: "HALF", OrderID: order, Number: number, Uses: uses, Used: used, NotAfter: end, At: noon}
}

func TestOrganisersMakeChangeAndRetireCodes(t *testing.T) {
	half := details()
	amount := details(func(d *contracts.PromoDetails) { d.Percent, d.Amount = 0, 10_00 })
	run(t,
		estest.Scenario{Name: "created, in capital letters and without blanks", Others: of(), When: create(" ha lf", half), Then: []any{created(half)}},
		estest.Scenario{Name: "created with an amount", Others: of(), When: create("HALF", amount), Then: []any{created(amount)}},
		estest.Scenario{Name: "a quota is by orders if nothing is said", Others: of(),
			When: create("HALF", contracts.PromoDetails{PromoTerms: contracts.PromoTerms{Percent: 50}}), Then: []any{created(half)}},
		estest.Scenario{Name: "created again is the same", Others: of(), Given: []any{created(half)}, When: create("half", half)},
		estest.Scenario{Name: "created again as another", Others: of(), Given: []any{created(half)}, When: create("half", amount), Refused: refusal.PromoCodeExists},
		estest.Scenario{Name: "letters that are none", Others: of(), When: create("ü", half), Refused: refusal.PromoCodeInvalid},
		estest.Scenario{Name: "percentage and amount", Others: of(), When: create("HALF", details(func(d *contracts.PromoDetails) { d.Amount = 1 })), Refused: refusal.PromoCodeInvalid},
		estest.Scenario{Name: "neither", Others: of(), When: create("HALF", details(func(d *contracts.PromoDetails) { d.Percent = 0 })), Refused: refusal.PromoCodeInvalid},
		estest.Scenario{Name: "above 100 percent", Others: of(), When: create("HALF", details(func(d *contracts.PromoDetails) { d.Percent = 101 })), Refused: refusal.PromoCodeInvalid},
		estest.Scenario{Name: "a quota as large as the scope", Others: of(), When: create("HALF", details(scope(workshop), quota(10))), Then: []any{created(details(scope(workshop), quota(10)))}},
		estest.Scenario{Name: "a quota larger than the scope", Others: of(), When: create("HALF", details(scope(workshop), quota(11))), Refused: refusal.PromoQuotaTooLarge},
		estest.Scenario{Name: "a quota larger than all seats", Others: of(), When: create("HALF", details(quota(111))), Refused: refusal.PromoQuotaTooLarge},
		estest.Scenario{Name: "a quota by orders that no code can be held by", Others: of(), When: create("HALF", details(quota(promo.MaxOrders+1))), Refused: refusal.QuotaInvalid},
		estest.Scenario{Name: "updated with a seat type in scope that was removed since", Others: of(), Given: []any{created(details(scope(gone)))}, When: update(details(scope(gone), quota(1))),
			Then: []any{estest.Any[contracts.PromoCodeUpdated]()}},
		estest.Scenario{Name: "updated with a quota that was right once", Others: of(), Given: []any{created(details(scope(workshop), quota(20)))}, When: update(details(scope(workshop), quota(20), func(d *contracts.PromoDetails) { d.Percent = 10 })),
			Then: []any{estest.Any[contracts.PromoCodeUpdated]()}},
		estest.Scenario{Name: "raised above the seats", Others: of(), Given: []any{created(details(scope(workshop), quota(20)))}, When: update(details(scope(workshop), quota(21))), Refused: refusal.PromoQuotaTooLarge},
		estest.Scenario{Name: "updated without a word of what its quota counts", Others: of(), Given: []any{created(details(bySeat))}, When: update(details(quota(3), func(d *contracts.PromoDetails) { d.QuotaUnit = "" })),
			Then: []any{estest.Where("the unit stays", func(e contracts.PromoCodeUpdated) bool { return e.Details.QuotaUnit == contracts.BySeat })}},
		estest.Scenario{Name: "for a seat type that is not there", Others: of(), When: create("HALF", details(scope(ada))), Refused: refusal.UnknownSeatType},
		estest.Scenario{Name: "for a seat type that was removed", Others: of(), When: create("HALF", details(scope(gone))), Refused: refusal.UnknownSeatType},
		estest.Scenario{Name: "of a conference that is not there", Others: []estest.Other{}, When: create("HALF", half), Refused: refusal.ConferenceNotFound},
		estest.Scenario{Name: "of a conference that was deleted", Others: of(contracts.ConferenceDeleted{ConferenceID: id}), When: create("HALF", half), Refused: refusal.ConferenceNotFound},
		estest.Scenario{Name: "a quota below nothing", Others: of(), When: create("HALF", details(quota(-1))), Refused: refusal.QuotaInvalid},
		estest.Scenario{Name: "ends before it begins", Others: of(), When: create("HALF", details(func(d *contracts.PromoDetails) { d.ValidFrom, d.ValidUntil = noon, noon })), Refused: refusal.PromoWindowInvalid},
		estest.Scenario{Name: "updated", Others: of(), Given: []any{created(half)}, When: update(details(quota(3))),
			Then: []any{estest.Where("the new quota", func(e contracts.PromoCodeUpdated) bool { return e.Details.Quota == 3 && e.Change != "" })}},
		estest.Scenario{Name: "updated to what it is", Others: of(), Given: []any{created(half)}, When: update(half)},
		estest.Scenario{Name: "what the quota counts stays", Others: of(), Given: []any{created(half)}, When: update(details(bySeat)), Refused: refusal.PromoCodeInvalid},
		estest.Scenario{Name: "updated when it is retired", Others: of(), Given: []any{created(half), retired}, When: update(details(quota(3))), Refused: refusal.PromoCodeRetired},
		estest.Scenario{Name: "updated when it is not there", Others: of(), When: update(half), Refused: refusal.PromoCodeUnknown},
		estest.Scenario{Name: "retired", Given: []any{created(half)}, When: retire, Then: []any{retired}},
		estest.Scenario{Name: "retired twice", Given: []any{created(half), retired}, When: retire},
		estest.Scenario{Name: "a retired code is not made again", Others: of(), Given: []any{created(half), retired}, When: create("HALF", half), Refused: refusal.PromoCodeRetired},
	)
}

// An update that comes again after a later one, when its id is forgotten, must not
// undo that.
func TestAnUpdateThatComesAgainUndoesNothing(t *testing.T) {
	env := es.Env{Actor: ours, Now: noon, MessageID: "first", Others: map[es.Ref]any{of()[0].Ref: of()[0].State}}
	s := estest.Fold(promos, created(details()))
	decide := func(id string, command any) (n int) {
		env.MessageID = id
		events, err := promos.Decide(env, s, command)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			s = promos.Evolve(s, e)
		}
		return len(events)
	}
	decide("first", update(details(quota(3))))
	decide("second", update(details(quota(5))))
	if n := decide("first", update(details(quota(3)))); n != 0 || s.Details.Quota != 5 {
		t.Errorf("the first update came again: %d events, the quota is %d", n, s.Details.Quota)
	}
}

func TestQuotasByOrders(t *testing.T) {
	one, window := details(quota(1)), details(func(d *contracts.PromoDetails) { d.ValidFrom, d.ValidUntil = noon, noon.Add(time.Hour) })
	workshops := details(scope(workshop))
	run(t,
		estest.Scenario{Name: "redeemed", Given: []any{created(one)}, When: redeem(ada, 1, seats(3)), Then: []any{redeemed(ada, 1, 1, 1, one)}},
		estest.Scenario{Name: "used up", Given: []any{created(one), redeem(ada, 1, seats(3))}, When: redeem(bob, 1, seats(1)), Refused: refusal.PromoCodeUsedUp},
		estest.Scenario{Name: "without a quota never used up", Given: []any{created(details()), redeem(ada, 1, seats(3))}, When: redeem(bob, 1, seats(1)), Then: []any{redeemed(bob, 1, 1, 2, details())}},
		estest.Scenario{Name: "who holds it holds it again", Given: []any{created(one), redeem(ada, 1, seats(3))}, When: redeem(ada, 2, seats(1)), Then: []any{redeemed(ada, 2, 1, 1, one)}},
		estest.Scenario{Name: "also when it is retired", Given: []any{created(one), redeem(ada, 1, seats(3)), retire}, When: redeem(ada, 2, seats(1)), Then: []any{redeemed(ada, 2, 1, 1, one)}},
		estest.Scenario{Name: "retired", Given: []any{created(one), retired}, When: redeem(ada, 1, seats(1)), Refused: refusal.PromoCodeRetired},
		estest.Scenario{Name: "unknown", When: redeem(ada, 1, seats(1)), Refused: refusal.PromoCodeUnknown},
		estest.Scenario{Name: "no seat in scope", Given: []any{created(workshops)}, When: redeem(ada, 1, seats(1)), Refused: refusal.PromoCodeNotForSeats},
		estest.Scenario{Name: "given back for the next", Given: []any{created(one), redeem(ada, 1, seats(3)), release(ada, 1, 0)}, When: redeem(bob, 1, seats(1)), Then: []any{redeemed(bob, 1, 1, 1, one)}},
		estest.Scenario{Name: "given back once", Given: []any{created(one), redeem(ada, 1, seats(3)), release(ada, 1, 0), redeem(bob, 1, seats(1))}, When: release(ada, 1, 0)},
		estest.Scenario{Name: "from the moment on", Given: []any{created(window)}, When: redeem(ada, 1, seats(1)), Then: []any{redeemed(ada, 1, 1, 1, window)}},
		estest.Scenario{Name: "before it", Given: []any{created(window)}, At: noon.Add(-time.Second), When: redeem(ada, 1, seats(1)), Refused: refusal.PromoCodeNotValidNow},
		estest.Scenario{Name: "at its end", Given: []any{created(details(func(d *contracts.PromoDetails) { d.ValidUntil = noon }))}, When: redeem(ada, 1, seats(1)), Refused: refusal.PromoCodeNotValidNow},
		estest.Scenario{Name: "above the quota for an order that was reinstated", Given: []any{created(one), redeem(bob, 1, seats(1))},
			When: contracts.RedeemPromoCode{ConferenceID: id, Code: "HALF", OrderID: ada, Number: 2, NotAfter: end, AboveQuota: 1}, Then: []any{redeemed(ada, 2, 1, 2, one)}},
	)
}

func TestQuotasBySeats(t *testing.T) {
	four := details(bySeat, quota(4))
	mixed := contracts.Seats{{SeatType: general, Quantity: 5}, {SeatType: workshop, Quantity: 2}}
	workshops := details(bySeat, quota(9), scope(workshop))
	run(t,
		estest.Scenario{Name: "a use for each seat", Given: []any{created(four)}, When: redeem(ada, 1, seats(3)), Then: []any{redeemed(ada, 1, 3, 3, four)}},
		estest.Scenario{Name: "as many as are left", Given: []any{created(four), redeem(ada, 1, seats(3))}, When: redeem(bob, 1, seats(3)), Then: []any{redeemed(bob, 1, 1, 4, four)}},
		estest.Scenario{Name: "used up", Given: []any{created(four), redeem(ada, 1, seats(5))}, When: redeem(bob, 1, seats(1)), Refused: refusal.PromoCodeUsedUp},
		estest.Scenario{Name: "those in scope", Given: []any{created(workshops)}, When: redeem(ada, 1, mixed), Then: []any{redeemed(ada, 1, 2, 2, workshops)}},
		estest.Scenario{Name: "what is not used is given back", Given: []any{created(four), redeem(ada, 1, seats(4))}, When: release(ada, 1, 1), Then: []any{released(ada, 1, 1, 1)}},
		estest.Scenario{Name: "a request replaces the one before", Given: []any{created(four), redeem(ada, 1, seats(4))}, When: redeem(ada, 2, seats(2)), Then: []any{redeemed(ada, 2, 2, 2, four)}},
		estest.Scenario{Name: "keep more than is held", Given: []any{created(four), redeem(ada, 1, seats(2))}, When: release(ada, 1, 3)},
		estest.Scenario{Name: "the quota may go below what is held", Given: []any{created(four), redeemed(bob, 1, 3, 3, four),
			contracts.PromoCodeUpdated{ConferenceID: id, Code: "HALF", Details: details(bySeat, quota(1))}}, When: redeem(ada, 1, seats(1)), Refused: refusal.PromoCodeUsedUp},
	)
}

func TestPromoCodesUnderAnyOrderOfDelivery(t *testing.T) {
	one := details(quota(1))
	run(t,
		estest.Scenario{Name: "a request twice", Given: []any{created(one), redeem(ada, 1, seats(1))}, When: redeem(ada, 1, seats(1))},
		estest.Scenario{Name: "an older request", Given: []any{created(one), redeem(ada, 2, seats(1))}, When: redeem(ada, 1, seats(1))},
		estest.Scenario{Name: "a request that its release overtook", Given: []any{created(one), release(ada, 1, 0)}, When: redeem(ada, 1, seats(1))},
		estest.Scenario{Name: "a release leaves a tombstone", Given: []any{created(one)}, When: release(ada, 1, 0), Then: []any{released(ada, 1, 0, 0)}},
		estest.Scenario{Name: "an older release", Given: []any{created(one), redeem(ada, 2, seats(1))}, When: release(ada, 1, 0)},
		estest.Scenario{Name: "a late release releases all the same", Given: []any{created(one), redeemed(ada, 1, 1, 1, one)}, At: end.Add(time.Hour), When: release(ada, 1, 0),
			Then: []any{estest.Where("nothing used", func(e contracts.PromoCodeReleased) bool { return e.Used == 0 })}},
		estest.Scenario{Name: "a request that comes too late", Given: []any{created(one)}, At: end.Add(time.Second), When: redeem(ada, 1, seats(1)), Refused: refusal.RequestTooLate},
		estest.Scenario{Name: "above the quota however late", Given: []any{created(one)}, At: end.Add(time.Hour),
			When: contracts.RedeemPromoCode{ConferenceID: id, Code: "HALF", OrderID: ada, Number: 2, NotAfter: end, AboveQuota: 1}, Then: []any{estest.Any[contracts.PromoCodeRedeemed]()}},
		estest.Scenario{Name: "a code that is not there has nothing to give back", When: release(ada, 1, 0)},
	)
}

// What 0.3.0 stored of a promo code must stay readable.
func TestSnapshotOfVersion1IsRead(t *testing.T) {
	d := details(bySeat, quota(9), scope(general))
	s := estest.Fold(promos, created(d), redeemed(ada, 1, 3, 3, d), redeemed(bob, 2, 3, 6, d), released(ada, 1, 0, 3),
		contracts.PromoCodeUpdated{ConferenceID: id, Code: "HALF", Change: "an id", Details: d}, retired)
	if s.Sum() != 3 || s.Used != 3 {
		t.Errorf("%d are held, %d used", s.Sum(), s.Used)
	}
	estest.Snapshot(t, "testdata/v1/snapshot.json", promos.New, s)
}

// The promo codes of a conference are its organisation's: to others there are none, and
// the conference is not there.
func TestPromoCodesAreTheOrganisationsOfTheirConference(t *testing.T) {
	other := contracts.Actor{Organisation: uuid.New(), Member: uuid.New()}.String()
	half := []any{created(details())}
	for _, who := range []struct{ name, actor string }{{"another organisation", other}, {"an operator", contracts.Actor{Operator: true}.String()}, {"nobody", "-"}} {
		run(t,
			estest.Scenario{Name: who.name + " creates", Actor: who.actor, When: create("HALF", details()), Refused: refusal.ConferenceNotFound},
			estest.Scenario{Name: who.name + " creates one that there is", Actor: who.actor, Given: half, When: create("half", details(quota(5))), Refused: refusal.ConferenceNotFound},
		)
		for _, c := range []any{update(details(quota(5))), retire} {
			state := estest.Fold(promos, half...)
			for _, s := range []promo.State{state, promos.New()} {
				_, err := promos.Decide(es.Env{Now: noon, Actor: who.actor, Others: map[es.Ref]any{of()[0].Ref: of()[0].State}}, s, c)
				if r, ok := es.AsRefusal(err); !ok || r.Code != refusal.PromoCodeUnknown || !r.Unrecorded {
					t.Errorf("%s, %T: %v", who.name, c, err)
				}
			}
		}
	}
	// What the process sends is on nobody's behalf.
	run(t, estest.Scenario{Name: "an order redeems", Actor: "-", Given: half, When: redeem(ada, 1, seats(1)), Then: []any{redeemed(ada, 1, 1, 1, details())}})
}
