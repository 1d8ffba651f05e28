// Package order is the Order aggregate: what a registrant asks for, what is
// held, what it costs, and how it ends. The order is the only judge of how it
// ends.
//
// The rules stand here in the words and the order of the domain page's section
// "Order".
package order

import (
	"math"
	"slices"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/contracts/text"
	"github.com/plenary/plenary/engine/es"
)

// Name is the aggregate's name in its streams' names; the id is the order's.
const Name = "order"

// Aggregate describes the order to the engine, by one configuration, which must be
// valid.
func Aggregate(c Config) es.Aggregate[State] {
	return Configured(func() Config { return c })
}

// Configured describes the order by a configuration that may change. An order keeps
// what it was placed with.
func Configured(current func() Config) es.Aggregate[State] {
	return es.Aggregate[State]{
		Name: Name,
		New:  func() State { return State{} },
		Commands: []es.Command[State]{
			es.On(func(m contracts.RegisterToConference) uuid.UUID { return m.OrderID }, es.By(current, Config.place),
				es.Reads(func(_ State, m contracts.RegisterToConference) []es.Ref {
					return []es.Ref{catalogue.Ref(m.ConferenceID)}
				})),
			es.On(func(m contracts.ChangeOrderItems) uuid.UUID { return m.OrderID }, es.By(current, Config.change), es.Reads(itsCatalogue[contracts.ChangeOrderItems])),
			es.On(func(m contracts.AssignRegistrantDetails) uuid.UUID { return m.OrderID }, assignRegistrant, es.Reads(itsCatalogue[contracts.AssignRegistrantDetails])),
			es.On(func(m contracts.MarkSeatsAsReserved) uuid.UUID { return m.OrderID }, markAsReserved, es.Reads(catalogueOfOffer)),
			es.On(func(m contracts.MarkSeatsAsWaitlisted) uuid.UUID { return m.OrderID }, markAsWaitlisted, es.Reads(itsCatalogue[contracts.MarkSeatsAsWaitlisted])),
			es.On(func(m contracts.LeaveWaitlist) uuid.UUID { return m.OrderID }, leaveWaitlist),
			es.On(func(m contracts.RejectOrder) uuid.UUID { return m.OrderID }, reject),
			es.On(func(m contracts.ConfirmOrder) uuid.UUID { return m.OrderID }, confirm),
			es.On(func(m contracts.LookForOrder) uuid.UUID { return m.OrderID }, func(es.Env, State, contracts.LookForOrder) ([]any, error) { return nil, nil }),
			es.On(func(m contracts.ExpireOrder) uuid.UUID { return m.OrderID }, expire),
			es.On(func(m contracts.ReinstateOrder) uuid.UUID { return m.OrderID }, reinstate),
			es.On(func(m contracts.CancelOrder) uuid.UUID { return m.OrderID }, cancel, es.Reads(itsCatalogue[contracts.CancelOrder])),
			es.On(func(m contracts.CancelOrderSeats) uuid.UUID { return m.OrderID }, cancelSeats, es.Reads(itsCatalogue[contracts.CancelOrderSeats])),
			es.On(func(m contracts.ApplyPromoCode) uuid.UUID { return m.OrderID }, applyPromoCode),
			es.On(func(m contracts.RemovePromoCode) uuid.UUID { return m.OrderID }, removePromoCode),
			es.On(func(m contracts.ApplyDiscount) uuid.UUID { return m.OrderID }, applyDiscount),
			es.On(func(m contracts.RejectPromoCode) uuid.UUID { return m.OrderID }, rejectPromoCode),
			es.On(func(m contracts.RetryOrder) uuid.UUID { return m.OrderID }, retry, es.Reads(itsCatalogue[contracts.RetryOrder])),
			es.On(func(m contracts.ReleaseOrderSeats) uuid.UUID { return m.OrderID }, releaseSeats),
			es.On(func(m contracts.ReturnPayment) uuid.UUID { return m.OrderID }, returnPayment),
			es.On(func(m contracts.CloseOrderCase) uuid.UUID { return m.OrderID }, closeCase),
		},
		Guard:           guard,
		Evolve:          evolve,
		React:           react,
		Handled:         0, // an order's stream is short: it keeps the ids of all messages it handled
		AnswersNoEffect: true,
		SnapshotSchema:  4,
	}
}

// MaxCommands is how many messages an order handles before it takes no more
// commands from people: changes, and also what was refused or changed nothing,
// since the order keeps the ids of all. It can be cancelled for a little longer,
// so that a person can leave an order that was changed too often, and an operator may
// see to it for longer still.
const (
	MaxCommands      = 200
	MaxCancellations = 50 // beyond MaxCommands
	MaxByOperator    = 200
)

// most is how many messages the order may have handled when a command comes. What
// the process or the organiser sends is always decided.
func most(command any) int {
	switch m := command.(type) {
	case contracts.RegisterToConference, contracts.ChangeOrderItems, contracts.AssignRegistrantDetails, contracts.ApplyPromoCode, contracts.RemovePromoCode:
		return MaxCommands
	case contracts.CancelOrder:
		if !m.ByOrganiser {
			return MaxCommands + MaxCancellations
		}
	case contracts.CancelOrderSeats:
		if !m.ByOrganiser {
			return MaxCommands
		}
	case contracts.LeaveWaitlist:
		return MaxCommands + MaxCancellations
	case contracts.ConfirmOrder:
		if m.PaymentID == nil {
			return MaxCommands
		}
	case contracts.RetryOrder, contracts.ReleaseOrderSeats, contracts.CloseOrderCase:
		return MaxCommands + MaxCancellations + MaxByOperator
	}
	return math.MaxInt
}

// guard refuses commands beyond the bound, and commands for an order that does not exist.
func guard(env es.Env, s State, command any) error {
	if env.Handled >= most(command) {
		return es.RefuseUnrecorded(refusal.TooManyChanges, "an order takes %d commands", MaxCommands)
	}
	if _, places := command.(contracts.RegisterToConference); !places && s.Status == "" {
		return es.Refuse(refusal.OrderNotFound, "there is no such order, or not yet")
	}
	return nil
}

// Ref names the stream of an order, for decisions that read it.
func Ref(orderID uuid.UUID) es.Ref {
	return es.Ref{Aggregate: Name, ID: orderID.String()}
}

// itsCatalogue is what the conference of an order has on sale: prices are needed when
// the order is changed, and the conference's times when it is cancelled or its
// registrant corrected.
func itsCatalogue[C any](s State, _ C) []es.Ref { return []es.Ref{catalogue.Ref(s.ConferenceID)} }

// catalogueOfOffer is needed for what was offered to an order in line: that may be of
// another type than it asked for.
func catalogueOfOffer(s State, m contracts.MarkSeatsAsReserved) []es.Ref {
	if m.Wanted == nil {
		return nil
	}
	return itsCatalogue(s, m)
}

// place opens an order for a conference that is on sale, at today's prices. Its
// hold deadline is set here, once: nothing that fails or repeats moves it. The
// same order again changes nothing.
func (c Config) place(env es.Env, s State, m contracts.RegisterToConference) ([]any, error) {
	items, err := c.wanted(m.Items)
	if err != nil {
		return nil, err
	}
	if s.Status != "" {
		if m.ConferenceID == s.ConferenceID && items.Equal(s.PlacedItems) {
			return nil, nil
		}
		return nil, es.Refuse(refusal.OrderAlreadyPlaced, "another order was placed under this id")
	}
	onSale, err := catalogueOf(env, m.ConferenceID)
	if err != nil {
		return nil, err
	}
	if !onSale.Published {
		return nil, es.Refuse(refusal.ConferenceNotPublished, "the conference does not take orders")
	}
	if err := refuseUnlessSold(env.Now, items, nil, onSale); err != nil {
		return nil, err
	}
	lines, err := priced(items, onSale)
	if err != nil {
		return nil, err
	}
	locator, err := newLocator(env.Random)
	if err != nil {
		return nil, err
	}
	const version = 1
	events := []any{
		contracts.OrderPlaced{
			OrderID:      m.OrderID,
			ConferenceID: m.ConferenceID,
			Version:      version,
			Items:        items,
			Deadline:     env.Now.Add(c.Hold),
			Locator:      locator,
			Waiting:      waiting(m.Waitlist, onSale),
			WaitsFor:     m.WaitsFor,
		},
		totals(m.OrderID, version, lines, nil),
	}
	if m.Registrant != nil {
		events = append(events, contracts.OrderRegistrantAssigned{OrderID: m.OrderID, Registrant: *m.Registrant})
	}
	return events, nil
}

// change puts an open order back to Placed, with the next version of its items
// and at today's prices. The conference need not be published any more: orders
// already placed go on. Of what is not sold at the moment, it may ask for as
// much as it has, or less. Its promo codes are asked for again.
func (c Config) change(env es.Env, s State, m contracts.ChangeOrderItems) ([]any, error) {
	if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	items, err := c.wanted(m.Items)
	if err != nil {
		return nil, err
	}
	onSale, err := catalogueOf(env, s.ConferenceID)
	if err != nil {
		return nil, err
	}
	if err := refuseUnlessSold(env.Now, items, s.Items, onSale); err != nil {
		return nil, err
	}
	lines, err := priced(items, onSale)
	if err != nil {
		return nil, err
	}
	version, deadline := s.Version+1, s.Deadline
	if s.Status == Waitlisted { // it waited until the conference starts, and now has a hold as a new order has
		deadline = env.Now.Add(c.Hold)
	}
	updated := contracts.OrderUpdated{OrderID: m.OrderID, Version: version, Items: items, Deadline: deadline, Waiting: waiting(m.Waitlist, onSale)}
	events := append([]any{updated}, s.requestAgain(m.OrderID, items)...)
	return append(events, totals(m.OrderID, version, lines, nil)), nil
}

// assignRegistrant says who places an order, or corrects it: of an open order, and
// of a confirmed one until the conference ends, since a mistyped e-mail address
// would keep its holder from finding it again.
func assignRegistrant(env es.Env, s State, m contracts.AssignRegistrantDetails) ([]any, error) {
	if s.Status == Confirmed {
		of, err := catalogueOf(env, s.ConferenceID)
		if err != nil {
			return nil, err
		}
		if !env.Now.Before(of.EndsAt) {
			return nil, es.Refuse(refusal.ConferenceEnded, "the conference is over")
		}
	} else if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	registrant, err := m.Registrant.Kept()
	if err != nil {
		return nil, err
	}
	if s.Registrant != nil && *s.Registrant == registrant {
		return nil, nil
	}
	return []any{contracts.OrderRegistrantAssigned{
		OrderID: m.OrderID, Registrant: registrant, Correction: s.Registrant != nil,
		EmailChanged: s.Registrant != nil && !text.SameEmail(s.Registrant.Email, registrant.Email),
	}}, nil
}

// markAsReserved takes the answer of the seats to the current version of the
// items. A grant equal to the request completes the reservation; some but not
// all make the order what was granted. Nothing is no answer for this command:
// then the order is rejected, or in line. What was offered to an order in line comes
// with a deadline of its own, and with what it waited for at last.
func markAsReserved(env es.Env, s State, m contracts.MarkSeatsAsReserved) ([]any, error) {
	if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	if m.Version != s.Version {
		return nil, s.superseded(m.Version)
	}
	if s.Status != Placed && s.Status != Waitlisted {
		if m.Granted.Equal(s.Items) {
			return nil, nil
		}
		return nil, s.refuseSecondAnswer()
	}
	offered, items, lines, deadline := m.Wanted != nil, s.Items, s.Lines, s.Deadline
	if offered {
		items, deadline = m.Wanted, m.Deadline
		var err error
		if lines, err = s.linesFor(env, items); err != nil {
			return nil, err
		}
	}
	lines, granted, err := answered(lines, m.Granted)
	if err != nil {
		return nil, err
	}
	var reserved any
	if granted.Equal(items) {
		reserved = contracts.OrderReservationCompleted{
			OrderID: m.OrderID, Version: s.Version, Granted: granted, Deadline: deadline, Offered: offered,
		}
	} else {
		partially := contracts.OrderPartiallyReserved{
			OrderID: m.OrderID, Version: s.Version, Granted: granted, Deadline: deadline, Offered: offered,
		}
		if s.Waitlist != nil && !offered {
			partially.RestID = s.Waitlist.RestID
		}
		reserved = partially
	}
	events, discounts := s.reduced(m.OrderID, granted, lines)
	return append(append([]any{reserved}, events...), totals(m.OrderID, s.Version, lines, discounts)), nil
}

// reject ends an order for whose current items no seats could be had.
func reject(_ es.Env, s State, m contracts.RejectOrder) ([]any, error) {
	if s.Status == Rejected {
		return nil, nil
	}
	if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	if m.Version != s.Version {
		return nil, s.superseded(m.Version)
	}
	if s.Status != Placed && s.Status != Waitlisted {
		return nil, s.refuseSecondAnswer()
	}
	return []any{contracts.OrderRejected{OrderID: m.OrderID, Version: s.Version, Reason: m.Reason}}, nil
}

// confirm makes the seats the registrant's: of an order whose seats are held,
// all or some, that has a registrant, and that is free or paid with exactly its
// total. What it says when it refuses has an order: a payment of another amount
// can never confirm this order, however it stands. Again with the payment that
// confirmed it, it changes nothing. PaymentRefusal of query's view of an order foretells
// the refusals; a change belongs in both.
func confirm(_ es.Env, s State, m contracts.ConfirmOrder) ([]any, error) {
	if s.Status == Confirmed && samePayment(m.PaymentID, s.PaymentID) {
		return nil, nil
	}
	paid := m.PaymentID != nil
	switch {
	case s.hasReturned(m.PaymentID):
		return nil, refuseReturned()
	case paid && (m.Amount == nil || *m.Amount != s.Total):
		return nil, s.refuseAmount(s.Total)
	case s.Registrant == nil:
		return nil, es.Refuse(refusal.RegistrantRequired, "the order has no registrant")
	case s.Status == Placed, s.Status == Waitlisted:
		return nil, es.Refuse(refusal.NotReserved, "no seats are held for the order as it is")
	case !paid && !s.Total.IsZero():
		return nil, es.Refuse(refusal.PaymentRequired, "the order costs %s", s.Total)
	case s.Status == Confirmed:
		return nil, es.Refuse(refusal.AlreadyPaid, "the order was confirmed before")
	}
	if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	return []any{contracts.OrderConfirmed{
		OrderID: m.OrderID, PaymentID: m.PaymentID, Seats: s.Items, Total: s.Total, Discounts: s.confirmed(false),
		Positions: positions(s.Items, s.Lines, s.Discounts),
	}}, nil
}

// expire ends an open order. It does not look at the clock: the process did.
func expire(_ es.Env, s State, m contracts.ExpireOrder) ([]any, error) {
	if s.Status == Expired {
		return nil, nil
	}
	if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	return []any{contracts.OrderExpired{OrderID: m.OrderID}}, nil
}

// reinstate brings an expired order back and confirms it in one decision, for a
// payment that came late: the seats are held again, for the same version of the
// items, and the payment is their price. It keeps the discounts that it had. Again
// with the payment that confirmed it, it changes nothing.
func reinstate(_ es.Env, s State, m contracts.ReinstateOrder) ([]any, error) {
	if s.Status == Confirmed && samePayment(&m.PaymentID, s.PaymentID) {
		return nil, nil
	}
	if s.Status != Expired {
		if err := s.refuseUnlessOpen(); err != nil {
			return nil, err
		}
		return nil, es.Refuse(refusal.NotExpired, "the order has not expired")
	}
	switch {
	case s.Released:
		return nil, es.Refuse(refusal.OrderExpired, "the order has expired, and gave back for good what it held")
	case s.hasReturned(&m.PaymentID):
		return nil, refuseReturned()
	case m.Version != s.Version:
		return nil, s.superseded(m.Version)
	}
	lines, granted, err := answered(s.Lines, m.Granted)
	if err != nil {
		return nil, err
	}
	reduced, discounts := s.reduced(m.OrderID, granted, lines)
	s.Discounts = discounts
	price := total(lines, discounted(lines, discounts))
	if m.Amount != price {
		return nil, s.refuseAmount(price)
	}
	events := []any{contracts.OrderReinstated{OrderID: m.OrderID, PaymentID: m.PaymentID, Granted: granted}}
	if !slices.Equal(lines, s.Lines) { // it had expired before it was told of its seats
		events = append(append(events, reduced...), totals(m.OrderID, s.Version, lines, discounts))
	}
	return append(events, contracts.OrderConfirmed{
		OrderID: m.OrderID, PaymentID: &m.PaymentID, Seats: granted, Total: price, Discounts: s.confirmed(true),
		Positions: positions(granted, lines, discounts),
	}), nil
}

// cancel gives the order up: before confirmation always; after it as
// refuseToGiveBack says, and then what was paid goes back. Twice changes nothing
// the second time.
func cancel(env es.Env, s State, m contracts.CancelOrder) ([]any, error) {
	switch s.Status {
	case Cancelled:
		return nil, nil
	case Confirmed:
		if err := s.refuseToGiveBack(env, m.ByOrganiser); err != nil {
			return nil, err
		}
		return []any{s.cancelled(m.OrderID, m.ByOrganiser)}, nil
	}
	if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	return []any{contracts.OrderCancelled{OrderID: m.OrderID, ByOrganiser: m.ByOrganiser}}, nil
}

// refuseToGiveBack says until when a confirmed order is given back: one that was
// free of charge until the conference starts, one that was paid inside the
// refund window, and any by the organiser until the conference ends.
func (s State) refuseToGiveBack(env es.Env, byOrganiser bool) error {
	of, err := catalogueOf(env, s.ConferenceID)
	if err != nil {
		return err
	}
	switch free := s.PaymentID == nil; {
	case byOrganiser:
		if !env.Now.Before(of.EndsAt) {
			return es.Refuse(refusal.ConferenceEnded, "the conference is over")
		}
	case free:
		if !env.Now.Before(of.StartsAt) {
			return es.Refuse(refusal.ConferenceStarted, "an order that was free of charge is given back before the conference starts")
		}
	default:
		// No window is the zero time, which is long past.
		if env.Now.After(of.RefundUntil) {
			return es.Refuse(refusal.RefundWindowClosed, "an order that was paid can no longer be cancelled")
		}
	}
	return nil
}

// react has the seats of a confirmed order opened for assignment, those that are given
// back closed, and the rest of an order that got some of its seats placed as an order of
// its own.
func react(s State, event any, out *es.Outbox) {
	switch e := event.(type) {
	case contracts.OrderConfirmed:
		out.Send(contracts.CreateSeatAssignments{OrderID: e.OrderID, ConferenceID: s.ConferenceID, Seats: e.Seats})
	case contracts.OrderSeatsCancelled:
		out.Send(contracts.CancelSeatAssignments{OrderID: e.OrderID, Positions: e.Positions})
	case contracts.OrderPartiallyReserved:
		if e.RestID != nil {
			out.Send(contracts.RegisterToConference{
				OrderID: *e.RestID, ConferenceID: s.ConferenceID, Items: s.rest(e.Granted), Waitlist: &contracts.Waitlist{},
				WaitsFor: &e.OrderID, Registrant: s.Registrant,
			})
		}
	case contracts.OrderRegistrantAssigned:
		if s.RestID != nil {
			out.Send(contracts.AssignRegistrantDetails{OrderID: *s.RestID, Registrant: e.Registrant})
		}
	}
}

// refuseUnlessOpen refuses, with what became of it, an order that has ended.
func (s State) refuseUnlessOpen() error {
	switch s.Status {
	case Confirmed:
		return es.Refuse(refusal.OrderConfirmed, "the order is confirmed")
	case Expired:
		return es.Refuse(refusal.OrderExpired, "the order has expired")
	case Cancelled:
		return es.Refuse(refusal.OrderCancelled, "the order was cancelled")
	case Rejected:
		return es.Refuse(refusal.OrderRejected, "the order was rejected")
	}
	return nil
}

func (s State) superseded(version int) error {
	return es.Refuse(refusal.VersionSuperseded, "this is about version %d of the items; the order is at %d", version, s.Version)
}

func (s State) refuseSecondAnswer() error {
	return es.Refuse(refusal.AlreadyReserved, "seats are held already for version %d of the items", s.Version)
}

func (s State) refuseAmount(price contracts.Money) error {
	return es.Refuse(refusal.AmountDiffers, "the price is %s", price)
}

// samePayment says whether both are the same payment, or both are none.
func samePayment(a, b *uuid.UUID) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// catalogueOf is what a conference has on sale.
func catalogueOf(env es.Env, conferenceID uuid.UUID) (catalogue.State, error) {
	onSale, known := es.StateOf[catalogue.State](env, catalogue.Ref(conferenceID))
	if !known {
		return catalogue.State{}, es.Refuse(refusal.ConferenceNotReady, "the conference is not known here, or not yet")
	}
	return onSale, nil
}
