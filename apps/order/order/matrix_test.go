package order_test

import (
	"testing"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

// standing is an order as it may stand when a command comes. All but the one
// that is not there were placed, changed once, and have a registrant.
type standing struct {
	name  string
	given []any
	total int64 // what a payment must be to be exact
}

var (
	changed = after(
		placed(of(workshop, 1)), totals(1, 500_00, requestedLine(workshop, 1)), registrant(ada),
		updated(2, of(general, 2)), totals(2, 398_00, requestedLine(general, 2)),
	)
	changedAndReserved = after(changed, reserved(2, of(general, 2)),
		totals(2, 398_00, grantedLine(general, 2, 2, contracts.LineReserved)))

	standings = []standing{
		{"missing", nil, 398_00},
		{"placed", changed, 398_00},
		{"partially reserved", after(changed, partially(2, of(general, 1)),
			totals(2, 199_00, grantedLine(general, 2, 1, contracts.LinePartial))), 199_00},
		{"reserved", changedAndReserved, 398_00},
		{"rejected", after(changed, rejected(2)), 398_00},
		{"expired", after(changedAndReserved, expired()), 398_00},
		{"confirmed", after(changedAndReserved, confirmedBy(payment, 398_00, of(general, 2))), 398_00},
		{"cancelled", after(changedAndReserved, cancelled()), 398_00},
		{"waitlisted", after(changed, waitlisted(2, of(general, 2)), totals(2, 398_00, waitingLine(general, 2))), 398_00},
	}
)

// outcome is what must follow: events, nothing, or a refusal.
type outcome struct {
	then    []any
	refused es.Code
}

func events(then ...any) outcome   { return outcome{then: then} }
func refused(code es.Code) outcome { return outcome{refused: code} }
func sameForAll(o outcome) columns { return columns{o, o, o, o, o, o, o, o, o} }

// columns are the outcomes in the order of standings.
type columns [9]outcome

// TestEveryCommandInEveryStatus is the order's whole table: each command for an
// order in each status, with commands that answer an older version, repeat what
// happened, or come after the end.
func TestEveryCommandInEveryStatus(t *testing.T) {
	var (
		nothing  = events()
		missing  = refused(refusal.OrderNotFound)
		expiredR = refused(refusal.OrderExpired)
		confirmd = refused(refusal.OrderConfirmed)
		cancelld = refused(refusal.OrderCancelled)
		rejectd  = refused(refusal.OrderRejected)
		older    = refused(refusal.VersionSuperseded)
		held     = refused(refusal.AlreadyReserved)
		another  = refused(refusal.OrderAlreadyPlaced)
		early    = refused(refusal.OrderNotConfirmed)

		placing  = events(estest.Any[contracts.OrderPlaced](), estest.Any[contracts.OrderTotalsCalculated]())
		changing = events(estest.Any[contracts.OrderUpdated](), estest.Any[contracts.OrderTotalsCalculated]())
		complete = events(estest.Any[contracts.OrderReservationCompleted](), estest.Any[contracts.OrderTotalsCalculated]())
		partial  = events(estest.Any[contracts.OrderPartiallyReserved](), estest.Any[contracts.OrderTotalsCalculated]())
		graceIs  = events(corrected(grace, true))
		expires  = events(expired())
		gone     = events(cancelled())
	)
	type row struct {
		command string
		when    func(s standing) any
		want    columns
	}
	is := func(command any) func(standing) any { return func(standing) any { return command } }

	for _, row := range []row{
		{"RegisterToConference, the same", is(register(of(workshop, 1))),
			//       missing, placed, partially, reserved, rejected, expired, confirmed, cancelled, waitlisted
			columns{placing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing}},
		{"RegisterToConference, with other items", is(register(of(general, 2))),
			columns{placing, another, another, another, another, another, another, another, another}},
		{"ChangeOrderItems", is(change(of(cocktail, 1))),
			columns{missing, changing, changing, changing, rejectd, expiredR, confirmd, cancelld, changing}},
		{"AssignRegistrantDetails, of somebody else", is(assignRegistrant(grace)),
			columns{missing, graceIs, graceIs, graceIs, rejectd, expiredR, graceIs, cancelld, graceIs}},
		{"MarkSeatsAsReserved, all", is(mark(2, of(general, 2))),
			columns{missing, complete, held, nothing, rejectd, expiredR, confirmd, cancelld, complete}},
		{"MarkSeatsAsReserved, some", is(mark(2, of(general, 1))),
			columns{missing, partial, nothing, held, rejectd, expiredR, confirmd, cancelld, partial}},
		{"MarkSeatsAsReserved, none", is(mark(2)),
			columns{missing, refused(refusal.NothingGranted), held, held, rejectd, expiredR, confirmd, cancelld, refused(refusal.NothingGranted)}},
		{"MarkSeatsAsReserved, of an older version", is(mark(1, of(workshop, 1))),
			columns{missing, older, older, older, rejectd, expiredR, confirmd, cancelld, older}},
		{"RejectOrder", is(reject(2)),
			columns{missing, events(rejected(2)), held, held, nothing, expiredR, confirmd, cancelld, events(rejected(2))}},
		{"RejectOrder, of an older version", is(reject(1)),
			columns{missing, older, older, older, nothing, expiredR, confirmd, cancelld, older}},
		{"ConfirmOrder, with an exact payment", func(s standing) any { return confirmPaid(payment2, s.total) },
			columns{missing, refused(refusal.NotReserved),
				events(confirmedBy(payment2, 199_00, of(general, 1))), events(confirmedBy(payment2, 398_00, of(general, 2))),
				rejectd, expiredR, refused(refusal.AlreadyPaid), cancelld, refused(refusal.NotReserved)}},
		{"ConfirmOrder, with a payment of another amount", func(s standing) any { return confirmPaid(payment2, s.total+1) },
			func() columns {
				c := sameForAll(refused(refusal.AmountDiffers))
				c[0] = missing
				return c
			}()},
		{"ConfirmOrder, without a payment", is(confirmFree()),
			func() columns {
				c := sameForAll(refused(refusal.PaymentRequired))
				c[0], c[1], c[8] = missing, refused(refusal.NotReserved), refused(refusal.NotReserved)
				return c
			}()},
		{"ExpireOrder", is(expire()),
			columns{missing, expires, expires, expires, rejectd, nothing, confirmd, cancelld, expires}},
		{"ReinstateOrder", is(func() any {
			c := reinstate(2, 398_00, of(general, 2))
			c.PaymentID = payment2
			return c
		}()),
			columns{missing, refused(refusal.NotExpired), refused(refusal.NotExpired), refused(refusal.NotExpired), rejectd,
				events(estest.Any[contracts.OrderReinstated](), confirmedBy(payment2, 398_00, of(general, 2))),
				confirmd, cancelld, refused(refusal.NotExpired)}},
		{"ReinstateOrder, of an older version", is(reinstate(1, 500_00, of(workshop, 1))),
			columns{missing, refused(refusal.NotExpired), refused(refusal.NotExpired), refused(refusal.NotExpired), rejectd,
				older, nothing, cancelld, refused(refusal.NotExpired)}},
		{"CancelOrder", is(cancel()),
			columns{missing, gone, gone, gone, rejectd, expiredR, events(cancelledWithRefund(payment)), nothing, gone}},
		{"CancelOrderSeats", is(cancelSeats(0)),
			columns{missing, early, early, early, rejectd, expiredR, events(seatsCancelled(1, &payment, 199_00, seats(of(general, 1)), 0)), nothing, early}},
		{"MarkSeatsAsWaitlisted", is(markWaitlisted(2, of(general, 2))),
			columns{missing, events(waitlisted(2, of(general, 2)), estest.Any[contracts.OrderTotalsCalculated]()), held, held, rejectd, expiredR, confirmd, cancelld, nothing}},
		{"MarkSeatsAsWaitlisted, of an older version", is(markWaitlisted(1, of(general, 2))),
			columns{missing, older, older, older, rejectd, expiredR, confirmd, cancelld, older}},
		{"LeaveWaitlist", is(contracts.LeaveWaitlist{OrderID: orderID}),
			columns{missing, refused(refusal.NotWaitlisted), refused(refusal.NotWaitlisted), refused(refusal.NotWaitlisted), rejectd, expiredR, confirmd, nothing, gone}},
	} {
		for i, s := range standings {
			estest.Run(t, orders, estest.Scenario{
				Name:    row.command + ", when the order is " + s.name,
				Given:   s.given,
				When:    row.when(s),
				Others:  sale(),
				Then:    row.want[i].then,
				Refused: row.want[i].refused,
			})
		}
	}
}

// Answers to commands stand in the order's stream; they are no news to it.
func TestRecordedAnswersChangeNothing(t *testing.T) {
	estest.Run(t, orders,
		estest.Scenario{
			Name: "a refusal and a command without effect leave the order as it was",
			Given: after(changedAndReserved,
				es.CommandRejected{CommandID: "1", CommandType: "ConfirmOrder.v1", Code: refusal.AmountDiffers},
				es.CommandHadNoEffect{CommandID: "2", CommandType: "MarkSeatsAsReserved.v1"}),
			When: confirmPaid(payment, 398_00),
			Then: []any{confirmedBy(payment, 398_00, of(general, 2))},
		},
	)
}

// Whoever waits for the outcome of a command learns of it, and no message that
// comes again, however late, is decided again.
func TestEveryCommandIsAnsweredOnce(t *testing.T) {
	if !orders.AnswersNoEffect {
		t.Error("a command that changes nothing is not answered")
	}
	if orders.Handled != 0 {
		t.Errorf("only the last %d messages are remembered", orders.Handled)
	}
}

// A command this aggregate has no rule for is a fault of the wiring.
func TestAnUnknownCommandIsAFault(t *testing.T) {
	state := estest.Fold(orders, changed...)
	_, err := orders.Decide(es.Env{}, state, contracts.AssignSeat{OrderID: orderID})
	if _, refused := es.AsRefusal(err); err == nil || refused {
		t.Errorf("got %v", err)
	}
}
