package order_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/order/order"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

func cancelSeats(positions ...int) contracts.CancelOrderSeats {
	return contracts.CancelOrderSeats{OrderID: orderID, Positions: positions}
}

func cancelSeatsByOrganiser(positions ...int) contracts.CancelOrderSeats {
	c := cancelSeats(positions...)
	c.ByOrganiser = true
	return c
}

// seatsCancelled is the nth time that seats of an order are given back; by is the payment
// of which something comes back.
func seatsCancelled(nth int, by *uuid.UUID, cents int64, keep contracts.Seats, positions ...int) contracts.OrderSeatsCancelled {
	return contracts.OrderSeatsCancelled{OrderID: orderID, Number: nth, Positions: positions, Keep: keep, Refund: usd(cents), PaymentID: by}
}

func reducedTo(code string, number, keep int) contracts.DiscountReduced {
	return contracts.DiscountReduced{OrderID: orderID, Code: code, Number: number, Keep: keep}
}

// confirmation confirms the order of a history, and gives the history with that.
func confirmation(t *testing.T, history []any, command contracts.ConfirmOrder) (confirmed contracts.OrderConfirmed, all []any) {
	t.Helper()
	events, err := orders.Decide(es.Env{Now: estest.Noon}, estest.Fold(orders, history...), command)
	if err != nil {
		t.Fatal(err)
	}
	return events[0].(contracts.OrderConfirmed), after(history, events)
}

func TestSomeSeatsOfAConfirmedOrderAreGivenBack(t *testing.T) {
	items := []contracts.SeatQuantity{of(general, 2), of(workshop, 1)} // positions 0, 1 and 2
	confirmed := after(held, confirmedBy(payment, 898_00, items...))
	free := after(
		placed(of(keynote, 2)), totals(1, 0, requestedLine(keynote, 2)), registrant(ada), reserved(1, of(keynote, 2)),
		totals(1, 0, grantedLine(keynote, 2, 2, contracts.LineReserved)), confirmedFree(of(keynote, 2)),
	)
	one := seatsCancelled(1, &payment, 199_00, seats(of(general, 1), of(workshop, 1)), 1)
	closing := func(positions ...int) contracts.CancelSeatAssignments {
		return contracts.CancelSeatAssignments{OrderID: orderID, Positions: positions}
	}
	rest := func(cents int64) contracts.OrderCancelled {
		amount := usd(cents)
		return contracts.OrderCancelled{OrderID: orderID, Refund: true, PaymentID: &payment, Amount: &amount}
	}
	byOrganiser := one
	byOrganiser.ByOrganiser = true
	restByOrganiser := rest(699_00)
	restByOrganiser.ByOrganiser = true
	noWindow := sale(func(c *contracts.SetCatalogue) { c.RefundUntil = time.Time{} })

	estest.Run(t, orders,
		estest.Scenario{Name: "with what was paid for them", Others: sale(), Given: confirmed, When: cancelSeats(1), Then: []any{one}, Sends: []any{closing(1)}},
		estest.Scenario{Name: "several, named in any order and twice", Others: sale(), Given: confirmed, When: cancelSeats(2, 0, 2),
			Then: []any{seatsCancelled(1, &payment, 699_00, seats(of(general, 1)), 0, 2)}, Sends: []any{closing(0, 2)}},
		estest.Scenario{Name: "more of them, later", Others: sale(), Given: after(confirmed, one), When: cancelSeats(0),
			Then: []any{seatsCancelled(2, &payment, 199_00, seats(of(workshop, 1)), 0)}},
		estest.Scenario{Name: "again: nothing", Others: sale(), Given: after(confirmed, one), When: cancelSeats(1)},
		estest.Scenario{Name: "again, with another: the other", Others: sale(), Given: after(confirmed, one), When: cancelSeats(1, 2),
			Then: []any{seatsCancelled(2, &payment, 500_00, seats(of(general, 1)), 2)}},
		estest.Scenario{Name: "again, after the refund window: nothing", Others: sale(), Given: after(confirmed, one), When: cancelSeats(1), At: refundUntil.Add(time.Hour)},
		estest.Scenario{Name: "all at once: the order is cancelled", Others: sale(), Given: confirmed, When: cancelSeats(0, 1, 2), Then: []any{cancelledWithRefund(payment)}, Sends: []any{}},
		estest.Scenario{Name: "the last ones: the order is cancelled, with the rest of the money", Others: sale(), Given: after(confirmed, one), When: cancelSeats(2, 1, 0), Then: []any{rest(699_00)}},
		estest.Scenario{Name: "then the order is cancelled, with the rest of the money", Others: sale(), Given: after(confirmed, one), When: cancel(), Then: []any{rest(699_00)}},
		estest.Scenario{Name: "then the organiser cancels the order", Others: sale(), Given: after(confirmed, one), When: cancelByOrganiser(), Then: []any{restByOrganiser}},
		estest.Scenario{Name: "then the order is cancelled, and they are given back once more: nothing", Others: sale(), Given: after(confirmed, one, rest(699_00)), When: cancelSeats(0)},
		estest.Scenario{Name: "a payment that comes again confirms nothing anew", Given: after(confirmed, one), When: confirmPaid(payment, 898_00)},

		estest.Scenario{Name: "at the last moment of the refund window", Others: sale(), Given: confirmed, When: cancelSeats(1), At: refundUntil, Then: []any{one}},
		estest.Scenario{Name: "after the refund window: refused", Others: sale(), Given: confirmed, When: cancelSeats(1), At: refundUntil.Add(time.Nanosecond), Refused: refusal.RefundWindowClosed},
		estest.Scenario{Name: "without a refund window: refused", Others: noWindow, Given: confirmed, When: cancelSeats(1), Refused: refusal.RefundWindowClosed},
		estest.Scenario{Name: "by the organiser, until the end", Others: noWindow, Given: confirmed, When: cancelSeatsByOrganiser(1), At: endsAt.Add(-time.Nanosecond), Then: []any{byOrganiser}},
		estest.Scenario{Name: "by the organiser, after the end: refused", Others: sale(), Given: confirmed, When: cancelSeatsByOrganiser(1), At: endsAt, Refused: refusal.ConferenceEnded},
		estest.Scenario{Name: "of an order that was free, until the start, with nothing to refund", Others: noWindow, Given: free, When: cancelSeats(0), At: startsAt.Add(-time.Nanosecond),
			Then: []any{seatsCancelled(1, nil, 0, seats(of(keynote, 1)), 0)}},
		estest.Scenario{Name: "of an order that was free, once the conference has started: refused", Others: sale(), Given: free, When: cancelSeats(0), At: startsAt, Refused: refusal.ConferenceStarted},
		estest.Scenario{Name: "the last of an order that was free", Others: sale(), Given: after(free, seatsCancelled(1, nil, 0, seats(of(keynote, 1)), 0)), When: cancelSeats(1), Then: []any{cancelled()}},
		estest.Scenario{Name: "while the catalogue cannot be read: refused, to be tried again", Given: confirmed, When: cancelSeats(1), Refused: refusal.ConferenceNotReady},
		estest.Scenario{Name: "at no position of the order: refused", Others: sale(), Given: confirmed, When: cancelSeats(0, 3), Refused: refusal.NoSuchPosition},
		estest.Scenario{Name: "at a position below 0: refused", Others: sale(), Given: confirmed, When: cancelSeats(-1), Refused: refusal.NoSuchPosition},
		estest.Scenario{Name: "beyond the bound a registrant is refused", Others: sale(), Given: confirmed, When: cancelSeats(1), Handled: order.MaxCommands, Refused: refusal.TooManyChanges},
		estest.Scenario{Name: "far beyond the bound the organiser is not", Others: sale(), Given: confirmed, When: cancelSeatsByOrganiser(1), Handled: order.MaxCommands + order.MaxCancellations, Then: []any{byOrganiser}},
	)

	state := estest.Fold(orders, after(confirmed, one)...)
	if !state.Items.Equal(seats(of(general, 1), of(workshop, 1))) || state.Total != usd(898_00) {
		t.Errorf("the order has %v and was confirmed at %s", state.Items, state.Total)
	}
	for i, p := range state.Positions {
		if p.Cancelled != (i == 1) || p.Price != usd([]int64{199_00, 199_00, 500_00}[i]) {
			t.Errorf("position %d is %+v", i, p)
		}
	}
}

// Each seat has a share of the total, and all shares add up to it, whatever codes took off.
func TestEachSeatIsConfirmedAtItsShareOfTheTotal(t *testing.T) {
	items := []contracts.SeatQuantity{of(general, 2), of(workshop, 1)}
	applied := func(code string, number, uses int, terms contracts.PromoTerms) []any {
		return []any{requestedCode(code, number, items...), given(code, number, uses, 0, terms)}
	}
	of := func(position int, cents int64, codes ...string) contracts.ConfirmedSeat {
		return contracts.ConfirmedSeat{SeatType: []uuid.UUID{general, general, workshop}[position], Price: usd(cents), Codes: codes}
	}
	for _, c := range []struct {
		name  string
		codes []any
		want  []contracts.ConfirmedSeat
	}{
		{"without a code", nil, []contracts.ConfirmedSeat{of(0, 199_00), of(1, 199_00), of(2, 500_00)}},
		{"a percentage off all", applied("HALF", 1, 1, percent(50)), []contracts.ConfirmedSeat{of(0, 99_50), of(1, 99_50), of(2, 250_00)}},
		{"a percentage that does not divide: to the cent", applied("SEVEN", 1, 1, percent(7, general)),
			[]contracts.ConfirmedSeat{of(0, 185_07), of(1, 185_07), of(2, 500_00)}},
		{"an amount off the order, to the cent", applied("TEN", 1, 1, amount(10_01)), []contracts.ConfirmedSeat{of(0, 196_79), of(1, 196_78), of(2, 494_42)}},
		{"by seats, the dearest", applied("ONE", 1, 1, bySeat(percent(100))), []contracts.ConfirmedSeat{of(0, 199_00), of(1, 199_00), of(2, 0, "ONE")}},
		{"by seats, one of a line", applied("ONE", 1, 1, bySeat(percent(100, general))), []contracts.ConfirmedSeat{of(0, 0, "ONE"), of(1, 199_00), of(2, 500_00)}},
		{"two by seats, each for another one", after(applied("ONE", 1, 1, bySeat(percent(100, general))), applied("TWO", 2, 1, bySeat(amount(50_00, general)))),
			[]contracts.ConfirmedSeat{of(0, 0, "ONE"), of(1, 149_00, "TWO"), of(2, 500_00)}},
		{"a seat free of charge costs no less for an amount off the order", after(applied("ONE", 1, 1, bySeat(percent(100, general))), applied("MUCH", 2, 1, amount(99_00, general))),
			[]contracts.ConfirmedSeat{of(0, 0, "ONE"), of(1, 100_00), of(2, 500_00)}},
		{"what a seat does not cost by now is taken off its line", after(applied("MUCH", 1, 1, amount(298_00, general)), applied("ONE", 2, 1, bySeat(percent(100, general)))),
			[]contracts.ConfirmedSeat{of(0, 0, "ONE"), of(1, 0), of(2, 500_00)}},
		{"a code that was not answered", []any{requestedCode("HALF", 1, items...)}, []contracts.ConfirmedSeat{of(0, 199_00), of(1, 199_00), of(2, 500_00)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var total int64
			for _, p := range c.want {
				total += p.Price.Amount
			}
			history := after(held, c.codes)
			e := totals(1, total, grantedLine(general, 2, 2, contracts.LineReserved), grantedLine(workshop, 1, 1, contracts.LineReserved))
			confirmed, _ := confirmation(t, after(history, e), confirmPaid(payment, total))
			if !reflect.DeepEqual(confirmed.Positions, c.want) {
				t.Errorf("got  %+v\nwant %+v", confirmed.Positions, c.want)
			}
		})
	}
}

// An order that was confirmed before its event said at which prices has them all the same.
func TestAnOrderThatWasConfirmedWithoutPositionsHasThem(t *testing.T) {
	e := confirmedBy(payment, 898_00, of(general, 2), of(workshop, 1))
	e.Positions = nil
	estest.Run(t, orders, estest.Scenario{Name: "its seats are given back", Others: sale(), Given: after(held, e), When: cancelSeats(2),
		Then: []any{seatsCancelled(1, &payment, 500_00, seats(of(general, 2)), 2)}})
}

// A refund is what the positions were confirmed at, never a new price; and a code keeps what
// the seats that are left use of it.
func TestSeatsWithADiscountAreGivenBack(t *testing.T) {
	items := []contracts.SeatQuantity{of(general, 2), of(workshop, 1)}
	lines := []contracts.OrderLine{grantedLine(general, 2, 2, contracts.LineReserved), grantedLine(workshop, 1, 1, contracts.LineReserved)}
	with := func(uses int, cents int64, terms contracts.PromoTerms) []any {
		_, all := confirmation(t, after(held, requestedCode("CODE", 1, items...), given("CODE", 1, uses, cents, terms), totals(1, cents, lines...)), confirmPaid(payment, cents))
		return all
	}
	order50, two := with(1, 449_00, percent(50, general, workshop)), with(2, 199_00, bySeat(percent(100)))
	scoped := with(1, 398_00, percent(100, workshop))
	back := func(cents int64, keep contracts.Seats, positions ...int) contracts.OrderSeatsCancelled {
		e := seatsCancelled(1, &payment, cents, keep, positions...)
		if cents == 0 {
			e.PaymentID = nil
		}
		return e
	}
	estest.Run(t, orders,
		estest.Scenario{Name: "by orders: at half the price, and the code stays", Others: sale(), Given: order50, When: cancelSeats(2),
			Then: []any{back(250_00, seats(of(general, 2)), 2)}},
		estest.Scenario{Name: "by seats: one that the code is for", Others: sale(), Given: two, When: cancelSeats(2),
			Then: []any{back(0, seats(of(general, 2)), 2), reducedTo("CODE", 1, 1)}},
		estest.Scenario{Name: "by seats: one that it is not for", Others: sale(), Given: two, When: cancelSeats(1),
			Then: []any{back(199_00, seats(of(general, 1), of(workshop, 1)), 1)}},
		estest.Scenario{Name: "by seats: all that it is for", Others: sale(), Given: two, When: cancelSeats(0, 2),
			Then: []any{back(0, seats(of(general, 1)), 0, 2), reducedTo("CODE", 1, 0)}},
		estest.Scenario{Name: "by seats: one after the other", Others: sale(), Given: after(two, back(0, seats(of(general, 2)), 2), reducedTo("CODE", 1, 1)), When: cancelSeats(0),
			Then: []any{contracts.OrderSeatsCancelled{OrderID: orderID, Number: 2, Positions: []int{0}, Keep: seats(of(general, 1)), Refund: usd(0)}, reducedTo("CODE", 1, 0)}},
		estest.Scenario{Name: "by orders: the last seat in scope", Others: sale(), Given: scoped, When: cancelSeats(2),
			Then: []any{back(0, seats(of(general, 2)), 2), reducedTo("CODE", 1, 0)}},
		estest.Scenario{Name: "all that was paid came back before, so nothing is left to refund", Others: sale(),
			Given: after(two, back(199_00, seats(of(general, 1), of(workshop, 1)), 1)), When: cancel(), Then: []any{cancelled()}},
	)
}
