package registration_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/registration-process/registration"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
	"github.com/plenary/plenary/engine/es/estest"
)

var (
	order      = uuid.MustParse("00000000-0000-4000-8000-000000000001")
	conference = uuid.MustParse("c0000000-0000-4000-8000-000000000001")
	general    = uuid.MustParse("a0000000-0000-4000-8000-000000000001")
	p1         = uuid.MustParse("b0000000-0000-4000-8000-000000000001")
	p2         = uuid.MustParse("b0000000-0000-4000-8000-000000000002")
	p3         = uuid.MustParse("b0000000-0000-4000-8000-000000000003")

	cfg      = registration.Config{Hold: 15 * time.Minute, Grace: 5 * time.Minute, Leeway: time.Second}
	noon     = estest.Noon
	deadline = noon.Add(15 * time.Minute)
	grace    = deadline.Add(5 * time.Minute)
	two      = contracts.Seats{{SeatType: general, Quantity: 2}}
	three    = contracts.Seats{{SeatType: general, Quantity: 3}}
	none     = contracts.Seats{}
	total    = contracts.Money{Amount: 39800, Currency: "USD"}

	// What happens to the process.
	placed        = contracts.OrderPlaced{OrderID: order, ConferenceID: conference, Version: 1, Items: two, Deadline: deadline, Locator: "ABCDEFGH"}
	expired       = contracts.OrderExpired{OrderID: order}
	rejected      = contracts.OrderRejected{OrderID: order, Version: 1, Reason: contracts.SoldOut}
	cancelled     = contracts.OrderCancelled{OrderID: order}
	confirmedFree = contracts.OrderConfirmed{OrderID: order, Seats: two}
	wakeUp        = es.WakeUp{ID: order.String()}

	// What it sends.
	confirmP1 = contracts.ConfirmOrder{OrderID: order, PaymentID: &p1, Amount: &total}
	confirmP2 = contracts.ConfirmOrder{OrderID: order, PaymentID: &p2, Amount: &total}
	expire    = contracts.ExpireOrder{OrderID: order}
	markTwo   = contracts.MarkSeatsAsReserved{OrderID: order, Version: 1, Granted: two}
	cancelP2  = contracts.CancelPayment{PaymentID: p2, Reason: contracts.OrderEnded}
	noWake    = &es.Wake{}
	wakeAtEnd = &es.Wake{At: deadline.Add(cfg.Leeway)}
	wakeAfter = &es.Wake{At: grace.Add(cfg.Leeway)}
)

const paidTooFew = refusal.AmountDiffers

func updated(version int, items contracts.Seats) contracts.OrderUpdated {
	return contracts.OrderUpdated{OrderID: order, Version: version, Items: items, Deadline: deadline}
}

func reserved(number int, granted contracts.Seats) contracts.SeatsReserved {
	return contracts.SeatsReserved{ConferenceID: conference, OrderID: order, Number: number, Granted: granted}
}

func confirmed(payment uuid.UUID) contracts.OrderConfirmed {
	return contracts.OrderConfirmed{OrderID: order, PaymentID: &payment, Seats: two, Total: total}
}

func refunding(payment uuid.UUID) contracts.OrderCancelled {
	return contracts.OrderCancelled{OrderID: order, Refund: true, PaymentID: &payment}
}

func initiated(payment uuid.UUID) contracts.PaymentInitiated {
	return initiatedFor(1, payment)
}

// initiatedFor is a payment for a version of the items.
func initiatedFor(version int, payment uuid.UUID) contracts.PaymentInitiated {
	return contracts.PaymentInitiated{PaymentID: payment, OrderID: order, Amount: total, Version: version}
}

func cancelPayment(payment uuid.UUID, reason string) contracts.CancelPayment {
	return contracts.CancelPayment{PaymentID: payment, Reason: reason}
}

func completed(payment uuid.UUID) contracts.PaymentCompleted {
	return contracts.PaymentCompleted{PaymentID: payment, OrderID: order, Amount: total}
}

func notTaken(payment uuid.UUID) contracts.PaymentRejected {
	return contracts.PaymentRejected{PaymentID: payment, OrderID: order}
}

func givenUp(payment uuid.UUID) contracts.PaymentCancelled {
	return contracts.PaymentCancelled{PaymentID: payment, OrderID: order}
}

func request(number int, seats contracts.Seats) contracts.MakeSeatReservation {
	return contracts.MakeSeatReservation{ConferenceID: conference, OrderID: order, Number: number, NotAfter: grace, Seats: seats}
}

// again is the request for the seats of an order that had expired, made at now.
func again(number int, seats contracts.Seats, now time.Time) contracts.MakeSeatReservation {
	return contracts.MakeSeatReservation{
		ConferenceID: conference, OrderID: order, Number: number, NotAfter: now.Add(20 * time.Minute), Seats: seats, AllOrNothing: true,
	}
}

func commit(number int) contracts.CommitSeatReservation {
	return contracts.CommitSeatReservation{ConferenceID: conference, OrderID: order, Number: number}
}

func release(number int, notAfter time.Time) contracts.CancelSeatReservation {
	return contracts.CancelSeatReservation{ConferenceID: conference, OrderID: order, Number: number, NotAfter: notAfter}
}

func reject(version int, reason string) contracts.RejectOrder {
	return contracts.RejectOrder{OrderID: order, Version: version, Reason: reason}
}

func refund(payment uuid.UUID, reason es.Code) contracts.RefundPayment {
	return contracts.RefundPayment{PaymentID: payment, Reason: string(reason)}
}

func reinstate(payment uuid.UUID, granted contracts.Seats) contracts.ReinstateOrder {
	return contracts.ReinstateOrder{OrderID: order, PaymentID: payment, Amount: total, Version: 1, Granted: granted}
}

func after(history []any, more ...any) []any { return append(append([]any{}, history...), more...) }

// How the process gets into each phase.
var (
	awaitingReservation = []any{placed}
	awaitingPayment     = after(awaitingReservation, reserved(1, two))
	expiring            = after(awaitingPayment, estest.At(deadline, wakeUp))
	rejecting           = after(awaitingReservation, reserved(1, none))
	hasExpired          = after(expiring, expired)
	reacquiring         = after(hasExpired, estest.At(grace, completed(p1)), estest.At(grace, estest.Answer[contracts.ConfirmOrder](refusal.OrderExpired)))
	reinstating         = after(reacquiring, reserved(2, two))
	completedFree       = after(awaitingPayment, confirmedFree)
	completedPaid       = after(awaitingPayment, initiated(p1), completed(p1), confirmed(p1))
	completedCancelled  = after(awaitingPayment, cancelled)
	completedRejected   = after(rejecting, rejected)
)

var phases = []struct {
	name    string
	history []any
	live    bool
	number  int // last one sent to seats
}{
	{"AwaitingReservation", awaitingReservation, true, 1},
	{"AwaitingPayment", awaitingPayment, true, 1},
	{"Expiring", expiring, true, 1},
	{"Rejecting", rejecting, true, 1},
	{"Expired", hasExpired, false, 1},
	{"ReacquiringSeats", reacquiring, false, 2},
	{"Reinstating", reinstating, false, 2},
	{"Completed, free", completedFree, false, 1},
	{"Completed, paid", completedPaid, false, 1},
	{"Completed, cancelled", completedCancelled, false, 1},
	{"Completed, rejected", completedRejected, false, 1},
}

func is(want registration.Phase) func(*testing.T, any) {
	return func(t *testing.T, state any) {
		t.Helper()
		if got := state.(*registration.Registration).Phase; got != want {
			t.Fatalf("phase %q, want %q", got, want)
		}
	}
}

func run(t *testing.T, scenarios ...estest.ProcessScenario) {
	t.Helper()
	estest.RunProcess(t, registration.Process(cfg), scenarios...)
}

func TestStart(t *testing.T) {
	run(t,
		estest.ProcessScenario{
			Name:  "OrderPlaced requests the seats and schedules the timeout",
			When:  placed,
			Sends: []any{request(1, two)},
			Wake:  wakeAtEnd,
			Then:  is(registration.AwaitingReservation),
		},
		estest.ProcessScenario{
			Name: "anything else before it is kept",
			When: updated(2, three),
			Then: is(registration.NotStarted),
		},
		estest.ProcessScenario{
			Name:  "and handled after it, in order of arrival",
			Given: []any{initiated(p2), completed(p1), updated(2, three)},
			When:  placed,
			Sends: []any{request(1, two), confirmP1, cancelPayment(p2, "items-changed"), request(2, three)},
			Wake:  wakeAtEnd,
			Then: func(t *testing.T, state any) {
				is(registration.AwaitingReservation)(t, state)
				if kept := state.(*registration.Registration).Kept; kept != nil {
					t.Fatalf("still kept: %v", kept)
				}
			},
		},
		estest.ProcessScenario{
			Name:  "an order cancelled before the process heard of it ends at once",
			Given: []any{cancelled},
			When:  placed,
			Sends: []any{request(1, two), release(1, grace)},
			Wake:  noWake,
			Then:  is(registration.Completed),
		},
		estest.ProcessScenario{
			Name:  "a wake-up before it is not kept: it asks for one of its own",
			Given: []any{estest.At(grace, wakeUp)},
			When:  placed,
			At:    grace,
			Sends: []any{request(1, two)},
			Wake:  wakeAtEnd,
		},
		estest.ProcessScenario{
			Name:  "every message that can come early survives being kept",
			Given: []any{initiated(p1), notTaken(p1), initiated(p2), givenUp(p2), rejected, expired, confirmedFree},
			When:  placed,
			Sends: []any{request(1, two), release(1, grace), commit(1)},
			Wake:  noWake,
			Then:  is(registration.Completed),
		},
	)
	for _, phase := range phases {
		run(t, estest.ProcessScenario{
			Name:  "a late duplicate of OrderPlaced starts nothing in " + phase.name,
			Given: phase.history,
			When:  placed,
		})
	}
}

func atNoon(messages ...any) (history []any) {
	for _, m := range messages {
		history = append(history, estest.At(noon, m))
	}
	return history
}

// due is until when payments that came at noon wait for their order.
var due = noon.Add(20 * time.Minute)

func TestAPaymentWhoseOrderNeverComesIsGivenUpAfterHoldAndGrace(t *testing.T) {
	wakeWhenDue := &es.Wake{At: due.Add(cfg.Leeway)}
	look := contracts.LookForOrder{OrderID: order}
	notThere := estest.Answer[contracts.LookForOrder](refusal.OrderNotFound)
	asked := after(atNoon(completed(p1)), estest.At(due, wakeUp))
	refunded := after(asked, estest.At(due, notThere))
	run(t,
		estest.ProcessScenario{
			Name: "a payment that is opened has the process woken",
			When: initiated(p1),
			Wake: wakeWhenDue,
			Then: is(registration.NotStarted),
		},
		estest.ProcessScenario{
			Name: "a payment that completes has the process woken",
			When: completed(p1),
			Wake: wakeWhenDue,
			Then: is(registration.NotStarted),
		},
		estest.ProcessScenario{
			Name:  "a second payment moves that time for neither",
			Given: atNoon(initiated(p1)),
			When:  completed(p2), At: noon.Add(10 * time.Minute),
		},
		estest.ProcessScenario{
			Name:  "woken early, it asks to be woken again",
			Given: atNoon(completed(p1)),
			When:  wakeUp, At: due.Add(-time.Nanosecond),
			Wake: wakeWhenDue,
		},
		estest.ProcessScenario{
			Name:  "in time, one that is open is cancelled, and for one that completed the order is looked for",
			Given: atNoon(initiated(p2), initiated(p1), completed(p1), initiated(p3), notTaken(p3)),
			When:  wakeUp, At: due,
			Sends: []any{cancelPayment(p2, "order-unknown"), look},
			Wake:  &es.Wake{At: due.Add(20*time.Minute + cfg.Leeway)},
			Then:  is(registration.NotStarted),
		},
		estest.ProcessScenario{
			Name:  "if it is not there, the one that completed is refunded",
			Given: asked,
			When:  notThere, At: due,
			Sends: []any{refund(p1, "order-unknown")},
			Then:  is(registration.NotStarted),
		},
		estest.ProcessScenario{
			Name:  "if it is there, nothing is given back, and it is looked for again",
			Given: asked,
			When:  wakeUp, At: due.Add(20 * time.Minute),
			Sends: []any{look},
			Wake:  &es.Wake{At: due.Add(40*time.Minute + cfg.Leeway)},
		},
		estest.ProcessScenario{
			Name:  "a payment that was opened since it was looked for is cancelled in time",
			Given: after(asked, estest.At(due, initiated(p2)), estest.At(due, notThere)),
			When:  wakeUp, At: due.Add(20 * time.Minute),
			Sends: []any{cancelPayment(p2, "order-unknown")},
		},
		estest.ProcessScenario{
			Name:  "that it was not there counts for nothing once it came",
			Given: after(asked, placed),
			When:  notThere, At: due,
			Then: is(registration.AwaitingReservation),
		},
		estest.ProcessScenario{
			Name:  "woken again, nothing is asked for twice",
			Given: refunded,
			When:  wakeUp, At: due.Add(time.Hour),
		},
		estest.ProcessScenario{
			Name:  "a payment that completes after it was given up waits anew",
			Given: []any{estest.At(noon, initiated(p1)), estest.At(due, wakeUp), estest.At(due, givenUp(p1))},
			When:  completed(p1), At: due.Add(time.Hour),
			Wake: &es.Wake{At: due.Add(time.Hour + 20*time.Minute + cfg.Leeway)},
		},
		estest.ProcessScenario{
			Name:  "and its order is looked for then",
			Given: []any{estest.At(noon, initiated(p1)), estest.At(due, wakeUp), estest.At(due.Add(time.Hour), completed(p1))},
			When:  wakeUp, At: due.Add(2 * time.Hour),
			Sends: []any{look},
			Wake:  &es.Wake{At: due.Add(2*time.Hour + 20*time.Minute + cfg.Leeway)},
		},
		estest.ProcessScenario{
			Name:  "if the order comes after all, a refunded payment confirms nothing",
			Given: refunded,
			When:  placed, At: due.Add(time.Minute),
			Sends: []any{request(1, two)},
			Wake:  wakeAtEnd,
			Then:  is(registration.AwaitingReservation),
		},
		estest.ProcessScenario{
			Name:  "nor does it when it is told of again",
			Given: after(refunded, placed),
			When:  completed(p1), At: due.Add(time.Minute),
		},
		estest.ProcessScenario{
			Name:  "once the order is there, its own time counts",
			Given: atNoon(completed(p1), placed),
			When:  wakeUp, At: due,
			Then: is(registration.AwaitingReservation), // while the ConfirmOrder is unanswered
		},
	)
	if state := registration.Process(cfg).New(); !state.OrderDue.IsZero() {
		t.Error("a process that knows no payment waits for something")
	}
}

func TestAPaymentForOtherItemsIsCancelled(t *testing.T) {
	run(t,
		estest.ProcessScenario{
			Name:  "changed items cancel the payments that are open for what was asked before",
			Given: after(awaitingPayment, initiated(p1), initiated(p2)),
			When:  updated(2, three),
			Sends: []any{cancelPayment(p1, "items-changed"), cancelPayment(p2, "items-changed"), request(2, three)},
		},
		estest.ProcessScenario{
			Name:  "but none that is open for what is asked now",
			Given: after(awaitingPayment, initiatedFor(2, p1)),
			When:  updated(2, three),
			Sends: []any{request(2, three)},
		},
		estest.ProcessScenario{
			Name:  "nor one that was given up, or that completed and is being confirmed",
			Given: after(awaitingPayment, initiated(p1), notTaken(p1), completed(p2)),
			When:  updated(2, three),
			Sends: []any{request(2, three)},
		},
		estest.ProcessScenario{
			Name:  "a payment that comes after the change, and is for what was asked before it",
			Given: after(awaitingPayment, updated(2, three)),
			When:  initiated(p1),
			Sends: []any{cancelPayment(p1, "items-changed")},
		},
		estest.ProcessScenario{
			Name:  "a payment for what is asked now is left open",
			Given: after(awaitingPayment, updated(2, three)),
			When:  initiatedFor(2, p1),
		},
		estest.ProcessScenario{
			Name:  "an older OrderUpdated that comes late cancels nothing",
			Given: after(awaitingPayment, updated(3, three), initiatedFor(3, p1)),
			When:  updated(2, two),
		},
		estest.ProcessScenario{
			Name:  "a change that the process hears of while the order is being expired",
			Given: after(awaitingPayment, estest.At(deadline, wakeUp), initiated(p1)),
			When:  updated(2, three),
			Sends: []any{cancelPayment(p1, "items-changed")},
			Then:  is(registration.Expiring),
		},
		estest.ProcessScenario{
			Name:  "one that completes all the same is put to the order, which is the judge",
			Given: after(awaitingPayment, initiated(p1), updated(2, three)),
			When:  completed(p1),
			Sends: []any{confirmP1},
		},
	)
}

func TestOrderUpdated(t *testing.T) {
	run(t,
		estest.ProcessScenario{
			Name:  "AwaitingReservation: the next number is requested",
			Given: awaitingReservation,
			When:  updated(2, three),
			Sends: []any{request(2, three)},
			Then:  is(registration.AwaitingReservation),
		},
		estest.ProcessScenario{
			Name:  "AwaitingPayment: the next number is requested",
			Given: awaitingPayment,
			When:  updated(2, three),
			Sends: []any{request(2, three)},
			Then:  is(registration.AwaitingReservation),
		},
		estest.ProcessScenario{
			Name:  "Rejecting: the next number is requested, and the timeout scheduled again, since it may have come",
			Given: rejecting,
			When:  updated(2, three),
			Sends: []any{request(2, three)},
			Wake:  wakeAtEnd,
			Then:  is(registration.AwaitingReservation),
		},
		estest.ProcessScenario{
			Name:  "an older version that comes late does nothing",
			Given: after(awaitingReservation, updated(3, three)),
			When:  updated(2, two),
		},
		estest.ProcessScenario{
			Name:  "the same version again does nothing",
			Given: after(awaitingPayment, updated(2, three), reserved(2, three)),
			When:  updated(2, three),
			Then:  is(registration.AwaitingPayment),
		},
	)
	for _, phase := range phases[2:] {
		if phase.name == "Rejecting" {
			continue
		}
		run(t, estest.ProcessScenario{Name: "does nothing in " + phase.name, Given: phase.history, When: updated(2, three)})
	}
}

func TestSeatsReserved(t *testing.T) {
	run(t,
		estest.ProcessScenario{
			Name:  "AwaitingReservation, all",
			Given: awaitingReservation,
			When:  reserved(1, two),
			Sends: []any{markTwo},
			Then:  is(registration.AwaitingPayment),
		},
		estest.ProcessScenario{
			Name:  "AwaitingReservation, some",
			Given: after(awaitingReservation, updated(2, three)),
			When:  reserved(2, two),
			Sends: []any{contracts.MarkSeatsAsReserved{OrderID: order, Version: 2, Granted: two}},
			Then:  is(registration.AwaitingPayment),
		},
		estest.ProcessScenario{
			Name:  "AwaitingReservation, none",
			Given: awaitingReservation,
			When:  reserved(1, none),
			Sends: []any{reject(1, contracts.SoldOut)},
			Then:  is(registration.Rejecting),
		},
		estest.ProcessScenario{
			Name:  "AwaitingReservation, the request is refused",
			Given: awaitingReservation,
			When:  estest.Answer[contracts.MakeSeatReservation](refusal.UnknownSeatType),
			Sends: []any{reject(1, string(refusal.UnknownSeatType))},
			Then:  is(registration.Rejecting),
		},
		estest.ProcessScenario{
			Name:  "the answer to an older number does nothing",
			Given: after(awaitingReservation, updated(2, three)),
			When:  reserved(1, two),
			Then:  is(registration.AwaitingReservation),
		},
		estest.ProcessScenario{
			Name:  "the refusal of an older number does nothing",
			Given: after(awaitingPayment, updated(2, three), reserved(2, three)),
			When:  estest.Answer[contracts.MakeSeatReservation](refusal.RequestTooLate),
			Then:  is(registration.AwaitingPayment),
		},
		estest.ProcessScenario{
			Name:  "ReacquiringSeats, all",
			Given: reacquiring,
			When:  reserved(2, two),
			Sends: []any{reinstate(p1, two)},
			Then:  is(registration.Reinstating),
		},
		estest.ProcessScenario{
			Name:  "ReacquiringSeats, none",
			Given: reacquiring,
			When:  reserved(2, none),
			Sends: []any{refund(p1, refusal.OrderExpired)},
			Then:  is(registration.Expired),
		},
		estest.ProcessScenario{
			Name:  "ReacquiringSeats, the request is refused: a repeat of it may yet be served, so it is cancelled too",
			Given: reacquiring,
			When:  estest.Answer[contracts.MakeSeatReservation](refusal.RequestTooLate),
			Sends: []any{release(2, grace.Add(20*time.Minute)), refund(p1, refusal.OrderExpired)},
			Then:  is(registration.Expired),
		},
		estest.ProcessScenario{
			Name:  "the refusal of a request that was refused before does nothing",
			Given: after(reacquiring, estest.Answer[contracts.MakeSeatReservation](refusal.RequestTooLate)),
			When:  estest.Answer[contracts.MakeSeatReservation](refusal.RequestTooLate),
			Then:  is(registration.Expired),
		},
		estest.ProcessScenario{
			Name:  "ReacquiringSeats, the late answer to the first request does nothing",
			Given: reacquiring,
			When:  reserved(1, two),
			Then:  is(registration.ReacquiringSeats),
		},
	)
	for _, phase := range phases[1:] {
		if phase.name == "ReacquiringSeats" {
			continue
		}
		run(t, estest.ProcessScenario{Name: "does nothing in " + phase.name, Given: phase.history, When: reserved(phase.number, two)})
	}
}

func TestPayments(t *testing.T) {
	for _, phase := range phases {
		var cancel []any
		if !phase.live {
			cancel = []any{cancelP2}
		}
		run(t,
			estest.ProcessScenario{
				Name:  "PaymentInitiated in " + phase.name + ": given up unless live",
				Given: phase.history,
				When:  initiated(p2),
				Sends: cancel,
			},
			estest.ProcessScenario{
				Name:  "PaymentCompleted in " + phase.name + ": the order is asked",
				Given: phase.history,
				When:  completed(p2),
				Sends: []any{confirmP2},
			},
			estest.ProcessScenario{
				Name:  "PaymentCompleted again in " + phase.name + ": the order was asked",
				Given: after(phase.history, completed(p2)),
				When:  completed(p2),
			},
			estest.ProcessScenario{
				Name:  "PaymentInitiated that comes after PaymentCompleted in " + phase.name,
				Given: after(phase.history, completed(p2)),
				When:  initiated(p2),
			},
			estest.ProcessScenario{
				Name:  "PaymentCompleted after PaymentRejected in " + phase.name + ": the provider's word wins",
				Given: after(phase.history, initiated(p2), notTaken(p2)),
				When:  completed(p2),
				Sends: []any{confirmP2},
			},
			estest.ProcessScenario{
				Name:  "ConfirmOrder refused in " + phase.name + ": the money goes back",
				Given: after(phase.history, completed(p2)),
				When:  estest.Answer[contracts.ConfirmOrder](paidTooFew),
				Sends: []any{refund(p2, paidTooFew)},
				Wake:  wakeIfAwaiting(phase.name),
			},
			estest.ProcessScenario{
				Name:  "ConfirmOrder refused again in " + phase.name + ": the money went back",
				Given: after(phase.history, completed(p2), estest.Answer[contracts.ConfirmOrder](paidTooFew)),
				When:  estest.Answer[contracts.ConfirmOrder](paidTooFew),
			},
		)
	}
	run(t,
		estest.ProcessScenario{
			Name:  "PaymentRejected: no longer open, so nothing to give up at the end",
			Given: after(awaitingPayment, initiated(p1), initiated(p2), notTaken(p1)),
			When:  cancelled,
			Sends: []any{release(1, grace), cancelP2},
			Wake:  noWake,
			Then:  is(registration.Completed),
		},
		estest.ProcessScenario{
			Name:  "PaymentCancelled: no longer open",
			Given: after(awaitingPayment, initiated(p1), givenUp(p1)),
			When:  cancelled,
			Sends: []any{release(1, grace)},
			Wake:  noWake,
			Then:  is(registration.Completed),
		},
		estest.ProcessScenario{
			Name:  "PaymentRejected that overtook PaymentInitiated: never open",
			Given: after(awaitingPayment, notTaken(p1), initiated(p1)),
			When:  cancelled,
			Sends: []any{release(1, grace)},
			Wake:  noWake,
			Then:  is(registration.Completed),
		},
		estest.ProcessScenario{
			Name:  "PaymentRejected that comes after PaymentCompleted changes nothing",
			Given: after(awaitingPayment, initiated(p1), completed(p1), notTaken(p1)),
			When:  completed(p1),
		},
		estest.ProcessScenario{
			Name:  "a refusal that comes after its payment confirmed the order refunds nothing",
			Given: completedPaid,
			When:  estest.Answer[contracts.ConfirmOrder](refusal.AlreadyPaid),
		},
		estest.ProcessScenario{
			Name:  "a refusal that comes again while seats are re-acquired for its payment refunds nothing",
			Given: reacquiring,
			When:  estest.Answer[contracts.ConfirmOrder](refusal.OrderExpired),
			Then:  is(registration.ReacquiringSeats),
		},
		estest.ProcessScenario{
			Name:  "the refusal of somebody else's ConfirmOrder does nothing",
			Given: awaitingPayment,
			When:  es.CommandRejected{CommandID: uuid.NewString(), CommandType: "ConfirmOrder.v1", Code: refusal.RegistrantRequired},
		},
	)
}

func wakeIfAwaiting(phase string) *es.Wake {
	switch phase {
	case "AwaitingReservation", "AwaitingPayment":
		return wakeAtEnd
	}
	return nil
}

func TestLatePayment(t *testing.T) {
	orderExpired := estest.Answer[contracts.ConfirmOrder](refusal.OrderExpired)
	at := grace.Add(time.Minute)

	for _, phase := range []struct {
		name    string
		history []any
	}{{"AwaitingPayment", awaitingPayment}, {"Expiring", expiring}} {
		run(t, estest.ProcessScenario{
			Name:  "order-expired in " + phase.name + ", before OrderExpired came: release, and ask again",
			Given: after(phase.history, initiated(p2), completed(p1)),
			When:  orderExpired,
			At:    at,
			Sends: []any{release(1, grace), cancelP2, again(2, two, at)},
			Wake:  noWake,
			Then:  is(registration.ReacquiringSeats),
		})
	}
	run(t,
		estest.ProcessScenario{
			Name:  "order-expired in Expired: ask again",
			Given: after(hasExpired, completed(p1)),
			When:  orderExpired,
			At:    at,
			Sends: []any{again(2, two, at)},
			Then:  is(registration.ReacquiringSeats),
		},
		estest.ProcessScenario{
			Name:  "what is asked for again is what had been granted",
			Given: []any{placed, updated(2, three), reserved(2, two), estest.At(deadline, wakeUp), expired, completed(p1)},
			When:  orderExpired,
			At:    at,
			Sends: []any{again(3, two, at)},
			Then:  is(registration.ReacquiringSeats),
		},
		estest.ProcessScenario{
			Name:  "what is asked for again ends no earlier than what was asked for before, by whatever clock",
			Given: after(reacquiring, reserved(2, nil), completed(p2)),
			When:  orderExpired,
			At:    grace.Add(-3 * time.Second),
			Sends: []any{again(3, two, grace)},
			Then:  is(registration.ReacquiringSeats),
		},
		estest.ProcessScenario{
			Name:  "order-expired, but seats had never been granted",
			Given: []any{placed, estest.At(deadline, wakeUp), expired, completed(p1)},
			When:  orderExpired,
			At:    at,
			Sends: []any{refund(p1, refusal.OrderExpired)},
			Then:  is(registration.Expired),
		},
		estest.ProcessScenario{
			Name:  "order-expired, but seats had been granted only for older items",
			Given: after(awaitingPayment, updated(2, three), estest.At(deadline, wakeUp), expired, completed(p1)),
			When:  orderExpired,
			At:    at,
			Sends: []any{refund(p1, refusal.OrderExpired)},
			Then:  is(registration.Expired),
		},
		estest.ProcessScenario{
			Name:  "order-expired while seats are being re-acquired for another payment",
			Given: after(reacquiring, completed(p2)),
			When:  orderExpired,
			At:    at,
			Sends: []any{refund(p2, refusal.OrderExpired)},
			Then:  is(registration.ReacquiringSeats),
		},
		estest.ProcessScenario{
			Name:  "order-expired while the order is being reinstated for another payment",
			Given: after(reinstating, completed(p2)),
			When:  orderExpired,
			At:    at,
			Sends: []any{refund(p2, refusal.OrderExpired)},
			Then:  is(registration.Reinstating),
		},
		estest.ProcessScenario{
			Name:  "order-expired that comes after the reinstatement",
			Given: after(reinstating, completed(p2), confirmed(p1)),
			When:  orderExpired,
			At:    at,
			Sends: []any{refund(p2, refusal.OrderExpired)},
			Then:  is(registration.Completed),
		},
		estest.ProcessScenario{
			Name:  "after one payment found no seats, the next asks again",
			Given: after(reacquiring, reserved(2, none), completed(p2)),
			When:  orderExpired,
			At:    at,
			Sends: []any{again(3, two, at)},
			Then:  is(registration.ReacquiringSeats),
		},
		estest.ProcessScenario{
			Name:  "OrderExpired that comes while seats are being re-acquired does nothing",
			Given: reacquiring,
			When:  expired,
			Then:  is(registration.ReacquiringSeats),
		},
		estest.ProcessScenario{
			Name:  "Reinstating: OrderConfirmed commits what was re-acquired",
			Given: reinstating,
			When:  confirmed(p1),
			Sends: []any{commit(2)},
			Wake:  noWake,
			Then:  is(registration.Completed),
		},
		estest.ProcessScenario{
			Name:  "Reinstating: refused, everything goes back",
			Given: reinstating,
			When:  estest.Answer[contracts.ReinstateOrder](refusal.AmountDiffers),
			Sends: []any{release(2, grace.Add(20*time.Minute)), refund(p1, refusal.OrderExpired)},
			Then:  is(registration.Expired),
		},
		estest.ProcessScenario{
			Name:  "Reinstating: OrderCancelled that overtook OrderConfirmed",
			Given: reinstating,
			When:  refunding(p1),
			Sends: []any{release(2, grace.Add(20*time.Minute)), refund(p1, refusal.OrderCancelled)},
			Wake:  noWake,
			Then:  is(registration.Completed),
		},
	)
}

func TestOrderConfirmed(t *testing.T) {
	for _, phase := range phases[:7] {
		run(t, estest.ProcessScenario{
			Name:  "commits in " + phase.name,
			Given: phase.history,
			When:  confirmedFree,
			Sends: []any{commit(phase.number)},
			Wake:  noWake,
			Then:  is(registration.Completed),
		})
	}
	run(t,
		estest.ProcessScenario{
			Name:  "gives up the payments that are open",
			Given: after(awaitingPayment, initiated(p1), initiated(p2), completed(p1)),
			When:  confirmed(p1),
			Sends: []any{commit(1), cancelP2},
			Wake:  noWake,
			Then:  is(registration.Completed),
		},
		estest.ProcessScenario{
			Name:  "does nothing once OrderCancelled was seen",
			Given: completedCancelled,
			When:  confirmedFree,
			Then:  is(registration.Completed),
		},
		estest.ProcessScenario{
			Name:  "does nothing the second time",
			Given: completedPaid,
			When:  confirmed(p1),
			Then:  is(registration.Completed),
		},
	)
}

func TestOrderExpired(t *testing.T) {
	for _, phase := range phases {
		sc := estest.ProcessScenario{Name: "does nothing in " + phase.name, Given: phase.history, When: expired}
		if phase.live {
			sc.Name = "releases in " + phase.name
			sc.Given = after(phase.history, initiated(p2))
			sc.Sends = []any{release(1, grace), cancelP2}
			sc.Wake = noWake
			sc.Then = is(registration.Expired)
		}
		run(t, sc)
	}
}

func TestOrderRejected(t *testing.T) {
	for _, phase := range phases {
		sc := estest.ProcessScenario{Name: "does nothing in " + phase.name, Given: phase.history, When: rejected}
		if phase.name == "Rejecting" {
			sc.Name = "releases in " + phase.name
			sc.Given = after(phase.history, initiated(p2))
			sc.Sends = []any{release(1, grace), cancelP2}
			sc.Wake = noWake
			sc.Then = is(registration.Completed)
		}
		run(t, sc)
	}
}

func TestOrderCancelled(t *testing.T) {
	for _, phase := range phases {
		if phase.name == "Completed, cancelled" {
			continue
		}
		notAfter := grace
		if phase.number == 2 {
			notAfter = grace.Add(20 * time.Minute)
		}
		run(t,
			estest.ProcessScenario{
				Name:  "releases in " + phase.name,
				Given: phase.history,
				When:  cancelled,
				Sends: []any{release(phase.number, notAfter)},
				Wake:  noWake,
				Then:  is(registration.Completed),
			},
			estest.ProcessScenario{
				Name:  "does nothing the second time in " + phase.name,
				Given: after(phase.history, cancelled),
				When:  cancelled,
			},
		)
	}
	run(t,
		estest.ProcessScenario{
			Name:  "refunds the payment that confirmed if it says so",
			Given: completedPaid,
			When:  refunding(p1),
			Sends: []any{release(1, grace), refund(p1, refusal.OrderCancelled)},
			Wake:  noWake,
			Then:  is(registration.Completed),
		},
		estest.ProcessScenario{
			Name:  "refunds nothing if it does not say so",
			Given: completedPaid,
			When:  contracts.OrderCancelled{OrderID: order, PaymentID: &p1},
			Sends: []any{release(1, grace)},
			Wake:  noWake,
			Then:  is(registration.Completed),
		},
		estest.ProcessScenario{
			Name:  "that overtook OrderConfirmed refunds too",
			Given: after(awaitingPayment, completed(p1)),
			When:  refunding(p1),
			Sends: []any{release(1, grace), refund(p1, refusal.OrderCancelled)},
			Wake:  noWake,
			Then:  is(registration.Completed),
		},
		estest.ProcessScenario{
			Name:  "a payment that comes afterwards goes back when the order refuses it",
			Given: after(completedCancelled, completed(p1)),
			When:  estest.Answer[contracts.ConfirmOrder](refusal.OrderCancelled),
			Sends: []any{refund(p1, refusal.OrderCancelled)},
		},
	)
}

func TestTimeout(t *testing.T) {
	early := deadline.Add(-time.Nanosecond)
	stillGrace := grace.Add(-time.Nanosecond)

	for _, awaiting := range []struct {
		name    string
		history []any
		phase   registration.Phase
	}{
		{"AwaitingReservation", awaitingReservation, registration.AwaitingReservation},
		{"AwaitingPayment", awaitingPayment, registration.AwaitingPayment},
	} {
		paying := after(awaiting.history, initiated(p1))
		asking := after(awaiting.history, completed(p1))
		run(t,
			estest.ProcessScenario{
				Name:  "at the deadline in " + awaiting.name,
				Given: awaiting.history,
				When:  wakeUp,
				At:    deadline,
				Sends: []any{expire},
				Then:  is(registration.Expiring),
			},
			estest.ProcessScenario{
				Name:  "twice in " + awaiting.name,
				Given: after(awaiting.history, estest.At(deadline, wakeUp)),
				When:  wakeUp,
				At:    deadline,
				Then:  is(registration.Expiring),
			},
			estest.ProcessScenario{
				Name:  "too early in " + awaiting.name + ": wait on",
				Given: awaiting.history,
				When:  wakeUp,
				At:    early,
				Wake:  wakeAtEnd,
				Then:  is(awaiting.phase),
			},
			estest.ProcessScenario{
				Name:  "with a payment open in " + awaiting.name + ": wait for its grace",
				Given: paying,
				When:  wakeUp,
				At:    deadline,
				Wake:  wakeAfter,
				Then:  is(awaiting.phase),
			},
			estest.ProcessScenario{
				Name:  "with a payment open, too early in " + awaiting.name,
				Given: paying,
				When:  wakeUp,
				At:    early,
				Wake:  wakeAtEnd,
				Then:  is(awaiting.phase),
			},
			estest.ProcessScenario{
				Name:  "with a payment open, shortly before its grace ends, in " + awaiting.name,
				Given: paying,
				When:  wakeUp,
				At:    stillGrace,
				Wake:  wakeAfter,
				Then:  is(awaiting.phase),
			},
			estest.ProcessScenario{
				Name:  "with a payment open, after its grace, in " + awaiting.name,
				Given: paying,
				When:  wakeUp,
				At:    grace,
				Sends: []any{expire},
				Then:  is(registration.Expiring),
			},
			estest.ProcessScenario{
				Name:  "another payment does not prolong the grace in " + awaiting.name,
				Given: after(paying, estest.At(deadline, wakeUp), estest.At(stillGrace, initiated(p2))),
				When:  wakeUp,
				At:    grace,
				Sends: []any{expire},
				Then:  is(registration.Expiring),
			},
			estest.ProcessScenario{
				Name:  "once the payment is given up there is no grace in " + awaiting.name,
				Given: after(paying, givenUp(p1)),
				When:  wakeUp,
				At:    deadline,
				Sends: []any{expire},
				Then:  is(registration.Expiring),
			},
			estest.ProcessScenario{
				Name:  "not while a ConfirmOrder is unanswered in " + awaiting.name,
				Given: asking,
				When:  wakeUp,
				At:    grace,
				Then:  is(awaiting.phase),
			},
			estest.ProcessScenario{
				Name:  "whose refusal after the deadline counts as the timeout in " + awaiting.name,
				Given: after(asking, estest.At(deadline, wakeUp)),
				When:  estest.Answer[contracts.ConfirmOrder](paidTooFew),
				At:    deadline,
				Sends: []any{refund(p1, paidTooFew), expire},
				Then:  is(registration.Expiring),
			},
			estest.ProcessScenario{
				Name:  "nor while a second one is unanswered in " + awaiting.name,
				Given: after(awaiting.history, completed(p2), completed(p1)),
				When:  estest.Answer[contracts.ConfirmOrder](paidTooFew),
				At:    grace,
				Sends: []any{refund(p1, paidTooFew)},
				Then:  is(awaiting.phase),
			},
			estest.ProcessScenario{
				Name:  "its refusal with a payment open waits for the grace in " + awaiting.name,
				Given: after(paying, completed(p2)),
				When:  estest.Answer[contracts.ConfirmOrder](paidTooFew),
				At:    deadline,
				Sends: []any{refund(p2, paidTooFew)},
				Wake:  wakeAfter,
				Then:  is(awaiting.phase),
			},
		)
	}
	for _, phase := range phases[2:] {
		run(t, estest.ProcessScenario{
			Name:  "means nothing in " + phase.name,
			Given: phase.history,
			When:  wakeUp,
			At:    grace.Add(time.Hour),
		})
	}
	run(t, estest.ProcessScenario{
		Name:  "nothing that repeats moves the deadline",
		Given: after(awaitingPayment, estest.At(early, updated(2, three)), estest.At(early, reserved(2, three))),
		When:  wakeUp,
		At:    deadline,
		Sends: []any{expire},
		Then:  is(registration.Expiring),
	})
}

func TestRoute(t *testing.T) {
	p := registration.Process(cfg)
	const conversation = "9f000000-0000-4000-8000-000000000001"
	for _, m := range []any{
		placed, updated(2, two), rejected, expired, confirmedFree, cancelled, reserved(1, two),
		initiated(p1), notTaken(p1), givenUp(p1), completed(p1), wakeUp,
	} {
		if id, ok := p.Route(es.Input{CorrelationID: conversation, Message: m}); !ok || id != order.String() {
			t.Errorf("%T goes to %q, %t", m, id, ok)
		}
	}

	registry := contracts.Registry()
	refused := func(command any) es.Input {
		typ, ok := registry.TypeOf(command)
		if !ok {
			t.Fatalf("%T is not registered", command)
		}
		return es.Input{CorrelationID: conversation, Message: es.CommandRejected{CommandID: "x", CommandType: typ.Name}}
	}
	for _, command := range []any{contracts.MakeSeatReservation{}, contracts.ConfirmOrder{}, contracts.ReinstateOrder{}} {
		if id, ok := p.Route(refused(command)); !ok || id != conversation {
			t.Errorf("refused %T goes to %q, %t", command, id, ok)
		}
	}
	for _, in := range []es.Input{
		refused(contracts.RegisterToConference{}),
		refused(contracts.CancelOrder{}),
		{Message: es.CommandRejected{CommandType: "ConfirmOrder.v1"}}, // of no conversation
		{CorrelationID: conversation, Message: es.CommandHadNoEffect{}},
		{CorrelationID: conversation, Message: contracts.OrderTotalsCalculated{OrderID: order}},
		{CorrelationID: conversation, Message: contracts.SeatsReservationCommitted{OrderID: order}},
		{CorrelationID: conversation, Message: contracts.AvailableSeatsChanged{ConferenceID: conference}},
		{CorrelationID: conversation, Message: contracts.PaymentRefunded{OrderID: order}},
		{CorrelationID: conversation, Message: contracts.ConferenceCreated{ConferenceID: conference}},
	} {
		if id, ok := p.Route(in); ok {
			t.Errorf("%T is not of the table and yet goes to %q", in.Message, id)
		}
	}
}
