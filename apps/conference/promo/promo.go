// Package promo is the PromoCode aggregate: what a code of a conference takes off
// an order, and how much of its quota which order holds.
//
// Redeem and Release may come late, twice and in any order. What makes that
// harmless is what makes it so for seats (package seats): each carries a number that
// only grows per order; a Redeem whose number is not above the last seen does
// nothing; a Release leaves a tombstone with its number; and a Redeem is refused
// after its notAfter, so that no tombstone need be kept longer. A Redeem above the
// quota is not: the order is confirmed. If it comes after its Release was forgotten,
// the process gives back what it does not wait for.
package promo

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/conference/conference"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/contracts/text"
	"github.com/plenary/plenary/engine/es"
)

// Name is the aggregate's name; its streams are "promo/<conference id>/<code>".
const Name = "promo"

// MaxOrders is how many orders may hold a code at the same time, so that its
// snapshot stays below what every store takes.
const MaxOrders = 20_000

// MaxUpdates is how often a code is updated; the ids of all updates are kept.
const MaxUpdates = 200

// State is a promo code.
type State struct {
	ConferenceID uuid.UUID
	Code         string
	Details      contracts.PromoDetails
	Retired      bool
	// Used is how much of the quota is held.
	Used int
	// Held is what which order holds, and Released the last request of those that hold
	// nothing, as long as an earlier one may come.
	Held     map[uuid.UUID]Redemption
	Released map[uuid.UUID]Tombstone
	// Updates are the ids of the commands that updated it.
	Updates []string
	// Clock is that of the latest event that has a time, and SweepAt the number of
	// tombstones at which to look for those that are over.
	Clock   time.Time
	SweepAt int
}

// Redemption is what an order holds, from its request of that number.
type Redemption struct{ Number, Uses int }

// Tombstone is the last number of an order that holds nothing, until no request up
// to that number can be in time any more.
type Tombstone struct {
	Number   int
	NotAfter time.Time
}

const minSweep = 64

func (s State) exists() bool { return s.ConferenceID != uuid.Nil }

// Aggregate is the PromoCode aggregate.
func Aggregate() es.Aggregate[State] {
	return es.Aggregate[State]{
		Name: Name,
		New:  func() State { return State{SweepAt: minSweep} },
		Commands: []es.Command[State]{
			es.On(func(c contracts.CreatePromoCode) string { return ID(c.ConferenceID, c.Code) }, create,
				es.Reads(func(_ State, c contracts.CreatePromoCode) []es.Ref { return of(c.ConferenceID) })),
			es.On(func(c contracts.UpdatePromoCode) string { return ID(c.ConferenceID, c.Code) }, update,
				es.Reads(func(_ State, c contracts.UpdatePromoCode) []es.Ref { return of(c.ConferenceID) })),
			es.On(func(c contracts.RetirePromoCode) string { return ID(c.ConferenceID, c.Code) }, retire,
				es.Reads(func(_ State, c contracts.RetirePromoCode) []es.Ref { return of(c.ConferenceID) })),
			es.On(func(c contracts.RedeemPromoCode) string { return ID(c.ConferenceID, c.Code) }, redeem),
			es.On(func(c contracts.ReleasePromoCode) string { return ID(c.ConferenceID, c.Code) }, release),
		},
		Guard:           guard,
		Evolve:          evolve,
		Handled:         2000, // what comes again later than that does nothing, by the rules above
		AnswersNoEffect: true,
	}
}

// of is the conference that a code is made for.
func of(conferenceID uuid.UUID) []es.Ref {
	return []es.Ref{{Aggregate: conference.Name, ID: conferenceID.String()}}
}

// guard refuses what is said of a code that is not there, but for giving it back. To a
// member of another organisation than the conference's, there is neither, and nothing of
// that one's commands is recorded.
func guard(env es.Env, s State, command any) error {
	switch c := command.(type) {
	case contracts.CreatePromoCode:
		if isOfOthers(env, c.ConferenceID) {
			return es.RefuseUnrecorded(refusal.ConferenceNotFound, "there is no such conference (yet)")
		}
		return nil
	case contracts.UpdatePromoCode:
		if isOfOthers(env, c.ConferenceID) {
			return es.RefuseUnrecorded(refusal.PromoCodeUnknown, "the conference has no such promo code")
		}
	case contracts.RetirePromoCode:
		if isOfOthers(env, c.ConferenceID) {
			return es.RefuseUnrecorded(refusal.PromoCodeUnknown, "the conference has no such promo code")
		}
	case contracts.ReleasePromoCode:
		return nil
	}
	if !s.exists() {
		return es.Refuse(refusal.PromoCodeUnknown, "the conference has no such promo code")
	}
	return nil
}

// isOfOthers says whether there is the conference, and the command was not sent for its
// organisation.
func isOfOthers(env es.Env, conferenceID uuid.UUID) bool {
	made, ok := es.StateOf[conference.State](env, of(conferenceID)[0])
	return ok && !made.BelongsTo(contracts.ActorOf(env.Actor))
}

// ID is that of a code's stream, however the code is written.
func ID(conferenceID uuid.UUID, code string) string {
	if kept, ok := text.PromoCode(code); ok {
		code = kept
	} else {
		code = "-" // no code begins like this, so none is made there
	}
	return conferenceID.String() + "/" + code
}

func create(env es.Env, s State, c contracts.CreatePromoCode) ([]any, error) {
	code, ok := text.PromoCode(c.Code)
	if !ok {
		return nil, es.Refuse(refusal.PromoCodeInvalid, "a promo code is 3 to 32 letters A to Z, digits, hyphens and underlines")
	}
	details, err := s.described(env, c.ConferenceID, c.Details)
	switch {
	case err != nil:
		return nil, err
	case s.Retired:
		return nil, es.Refuse(refusal.PromoCodeRetired, "the conference had this promo code and retired it")
	case s.exists() && same(details, s.Details):
		return nil, nil
	case s.exists():
		return nil, es.Refuse(refusal.PromoCodeExists, "the conference has this promo code already")
	}
	return []any{contracts.PromoCodeCreated{ConferenceID: c.ConferenceID, Code: code, Details: details}}, nil
}

func update(env es.Env, s State, c contracts.UpdatePromoCode) ([]any, error) {
	details, err := s.described(env, c.ConferenceID, c.Details)
	switch {
	case slices.Contains(s.Updates, env.MessageID):
		return nil, nil
	case err != nil:
		return nil, err
	case s.Retired:
		return nil, es.Refuse(refusal.PromoCodeRetired, "the promo code was retired")
	case len(s.Updates) >= MaxUpdates:
		return nil, es.RefuseUnrecorded(refusal.TooManyChanges, "a promo code is updated %d times at most", MaxUpdates)
	case details.QuotaUnit != s.Details.QuotaUnit:
		return nil, es.Refuse(refusal.PromoCodeInvalid, "what a quota counts stays as it is; make another promo code")
	case same(details, s.Details):
		return nil, nil
	}
	return []any{contracts.PromoCodeUpdated{ConferenceID: s.ConferenceID, Change: env.MessageID, Code: s.Code, Details: details}}, nil
}

func retire(_ es.Env, s State, _ contracts.RetirePromoCode) ([]any, error) {
	if s.Retired {
		return nil, nil
	}
	return []any{contracts.PromoCodeRetired{ConferenceID: s.ConferenceID, Code: s.Code}}, nil
}

// described is what an organiser says of a code, in the form in which it is kept. What
// was right when it was said stays right: a seat type of the scope that was removed since,
// and a quota above the seats of today.
func (s State) described(env es.Env, conferenceID uuid.UUID, d contracts.PromoDetails) (contracts.PromoDetails, error) {
	made, ok := es.StateOf[conference.State](env, of(conferenceID)[0])
	if !ok || made.Deleted {
		return d, es.Refuse(refusal.ConferenceNotFound, "there is no such conference (yet)")
	}
	switch {
	case (d.Percent > 0) == (d.Amount > 0), d.Percent < 0, d.Percent > 100, d.Amount < 0, d.Amount > conference.MaxPrice:
		return d, es.Refuse(refusal.PromoCodeInvalid, "a promo code takes off 1 to 100 percent, or an amount")
	case d.Quota < 0 || d.Quota > conference.MaxQuota:
		return d, es.Refuse(refusal.QuotaInvalid, "a quota is 1 to %d", conference.MaxQuota)
	}
	d.QuotaUnit = cmp.Or(d.QuotaUnit, s.Details.QuotaUnit, contracts.ByOrder)
	if d.QuotaUnit == contracts.ByOrder && d.Quota > MaxOrders {
		return d, es.Refuse(refusal.QuotaInvalid, "a quota by orders is 1 to %d", MaxOrders)
	}
	d.Scope = slices.Clone(d.Scope)
	slices.SortFunc(d.Scope, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	d.Scope = slices.Compact(d.Scope)
	for _, id := range d.Scope {
		if !slices.ContainsFunc(made.SeatTypes, func(t conference.SeatType) bool { return t.ID == id && !t.Removed }) && !slices.Contains(s.Details.Scope, id) {
			return d, es.Refuse(refusal.UnknownSeatType, "the conference has no seat type %s", id)
		}
	}
	seats, types := 0, 0
	for _, t := range made.SeatTypes {
		if !t.Removed && d.Covers(t.ID) {
			seats, types = seats+t.Quota, types+1
		}
	}
	asBefore := s.exists() && d.Quota <= s.Details.Quota && slices.Equal(d.Scope, s.Details.Scope)
	if types > 0 && d.Quota > seats && !asBefore {
		return d, es.Refuse(refusal.PromoQuotaTooLarge, "there are %d seats of the types that the promo code is for", seats)
	}
	for _, at := range []*time.Time{&d.ValidFrom, &d.ValidUntil} {
		if *at = at.UTC().Round(0); !at.IsZero() && (at.Year() < 1970 || at.Year() > 2200) {
			return d, es.Refuse(refusal.DateOutOfRange, "dates are from 1970 to 2200")
		}
	}
	if !d.ValidUntil.IsZero() && !d.ValidFrom.Before(d.ValidUntil) {
		return d, es.Refuse(refusal.PromoWindowInvalid, "a promo code ends after it begins")
	}
	return d, nil
}

func same(a, b contracts.PromoDetails) bool {
	return a.Percent == b.Percent && a.Amount == b.Amount && slices.Equal(a.Scope, b.Scope) && a.QuotaUnit == b.QuotaUnit &&
		a.Exclusive == b.Exclusive && a.Quota == b.Quota && a.ValidFrom.Equal(b.ValidFrom) && a.ValidUntil.Equal(b.ValidUntil)
}

// redeem holds what the order's seats take of the quota, as far as it goes. What an
// order holds already it can always hold again, also when the code has been
// retired: it asks again whenever its items change.
func redeem(env es.Env, s State, c contracts.RedeemPromoCode) ([]any, error) {
	now := env.Now
	if now.Before(s.Clock) {
		now = s.Clock
	}
	holds := s.Held[c.OrderID]
	switch {
	case c.Number <= s.lastNumber(c.OrderID):
		return nil, nil
	case now.After(c.NotAfter) && c.AboveQuota == 0: // a confirmed order has it, however late this comes
		return nil, es.Refuse(refusal.RequestTooLate, "the request could wait until %s", c.NotAfter.Format(time.RFC3339))
	}
	wants := s.Details.Uses(c.Seats)
	uses := max(c.AboveQuota, min(wants, s.left(now, len(s.Held))+holds.Uses))
	switch {
	case uses > 0:
	case wants == 0:
		return nil, es.Refuse(refusal.PromoCodeNotForSeats, "the order has no seat that the promo code is for")
	case s.Retired:
		return nil, es.Refuse(refusal.PromoCodeRetired, "the promo code is taken no more")
	case !s.isValid(now):
		return nil, es.Refuse(refusal.PromoCodeNotValidNow, "the promo code is taken at another time")
	default:
		return nil, es.Refuse(refusal.PromoCodeUsedUp, "the promo code is used up")
	}
	return []any{contracts.PromoCodeRedeemed{
		ConferenceID: s.ConferenceID, Code: s.Code, OrderID: c.OrderID, Number: c.Number,
		Terms: s.Details.PromoTerms, Uses: uses, Used: s.Used - holds.Uses + uses, At: s.keep(env),
	}}, nil
}

// lastNumber is the last number seen for an order, 0 if none is remembered.
func (s State) lastNumber(orderID uuid.UUID) int {
	if r, ok := s.Held[orderID]; ok {
		return r.Number
	}
	if t, ok := s.Released[orderID]; ok && !s.hasPassed(t.NotAfter) {
		return t.Number
	}
	return 0
}

// keep is the time of a decision as the stream keeps it.
func (s State) keep(env es.Env) time.Time {
	if kept := env.TimeToKeep(); kept.After(s.Clock) {
		return kept
	}
	return s.Clock
}

// hasPassed says whether a time is behind the stream, so that no replica will take a
// request that could wait until then.
func (s State) hasPassed(t time.Time) bool { return s.Clock.After(t) }

// left is how much of the quota an order can have that holds nothing of it.
func (s State) left(now time.Time, orders int) int {
	switch {
	case s.Retired, !s.isValid(now), orders >= MaxOrders:
		return 0
	case s.Details.Quota == 0:
		return conference.MaxQuota
	}
	return max(0, s.Details.Quota-s.Used)
}

func (s State) isValid(now time.Time) bool {
	return !now.Before(s.Details.ValidFrom) && (s.Details.ValidUntil.IsZero() || now.Before(s.Details.ValidUntil))
}

// release gives back all but what is to be kept, and remembers the number.
func release(env es.Env, s State, c contracts.ReleasePromoCode) ([]any, error) {
	holds, ok := s.Held[c.OrderID]
	switch {
	case !s.exists(), c.Number < s.lastNumber(c.OrderID):
		return nil, nil
	case ok && c.Keep >= holds.Uses:
		return nil, nil
	case !ok && (c.Keep > 0 || s.stops(c) || s.hasPassed(c.NotAfter)):
		return nil, nil // done before, or nothing can come any more that it should stop
	}
	return []any{contracts.PromoCodeReleased{
		ConferenceID: s.ConferenceID, Code: s.Code, OrderID: c.OrderID, Number: c.Number,
		Uses: c.Keep, Used: s.Used - holds.Uses + c.Keep, NotAfter: c.NotAfter, At: s.keep(env),
	}}, nil
}

// stops says whether a tombstone stands already that this release would leave.
func (s State) stops(c contracts.ReleasePromoCode) bool {
	t, ok := s.Released[c.OrderID]
	return ok && t.Number >= c.Number && !t.NotAfter.Before(c.NotAfter)
}

func evolve(s State, event any) State {
	switch e := event.(type) {
	case contracts.PromoCodeCreated:
		s.ConferenceID, s.Code, s.Details = e.ConferenceID, e.Code, e.Details
	case contracts.PromoCodeUpdated:
		s.Details = e.Details
		s.Updates = append(slices.Clone(s.Updates), e.Change)
	case contracts.PromoCodeRetired:
		s.Retired = true
	case contracts.PromoCodeRedeemed:
		s.tick(e.At)
		if s.Held == nil {
			s.Held = map[uuid.UUID]Redemption{}
		}
		s.Held[e.OrderID] = Redemption{e.Number, e.Uses}
		delete(s.Released, e.OrderID)
		s.Used = e.Used
	case contracts.PromoCodeReleased:
		s.tick(e.At)
		s.Used = e.Used
		if e.Uses > 0 {
			s.Held[e.OrderID] = Redemption{e.Number, e.Uses}
			break
		}
		delete(s.Held, e.OrderID)
		s.bury(e.OrderID, e.Number, e.NotAfter)
	}
	return s
}

func (s *State) tick(at time.Time) {
	if at.After(s.Clock) {
		s.Clock = at
	}
}

// bury leaves a tombstone. When their number has doubled, those that are over are
// thrown away.
func (s *State) bury(orderID uuid.UUID, number int, notAfter time.Time) {
	// Whole seconds, rounded up: many fall together and share their place in a
	// snapshot.
	notAfter = notAfter.Add(time.Second - time.Nanosecond).Truncate(time.Second)
	if before := s.Released[orderID].NotAfter; before.After(notAfter) {
		notAfter = before // an earlier request may still come
	}
	if s.Released == nil {
		s.Released = map[uuid.UUID]Tombstone{}
	}
	s.Released[orderID] = Tombstone{number, notAfter}
	if len(s.Released) < s.SweepAt {
		return
	}
	maps.DeleteFunc(s.Released, func(_ uuid.UUID, t Tombstone) bool { return s.hasPassed(t.NotAfter) })
	s.SweepAt = max(minSweep, 2*len(s.Released))
}

// Sum is what all orders hold, counted one by one; Used is what the rules go by.
func (s State) Sum() (n int) {
	for r := range maps.Values(s.Held) {
		n += r.Uses
	}
	return n
}
