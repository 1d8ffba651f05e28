package projection_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/projection"
	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/engine/message"
)

const stuckAfter = 30 * time.Minute

var (
	itsOrder, itsConference, itsPayment = uuid.New(), uuid.New(), uuid.New()
	placedAt                            = time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)
	price                               = contracts.Money{Amount: 9900, Currency: "USD"}
)

// told are events of the streams that they belong to, each a minute after the one before.
func told(bodies ...any) (events []message.Message) {
	for i, b := range bodies {
		stream := "order/" + itsOrder.String()
		switch e := b.(type) {
		case contracts.PaymentInitiated:
			stream = "payment/" + e.PaymentID.String()
		case contracts.PaymentCompleted:
			stream = "payment/" + e.PaymentID.String()
		case contracts.PaymentRefundRequested:
			stream = "payment/" + e.PaymentID.String()
		case contracts.PaymentRefunded:
			stream = "payment/" + e.PaymentID.String()
		case contracts.RefundFailed:
			stream = "payment/" + e.PaymentID.String()
		case contracts.SeatsReserved, contracts.SeatsOffered, contracts.SeatsReservationCommitted, contracts.SeatsReservationCancelled,
			contracts.SeatsReservationReduced, contracts.WaitlistJoined, contracts.WaitlistLeft:
			stream = "seats/" + itsConference.String()
		}
		events = append(events, message.Message{Meta: message.Meta{Stream: stream, Time: minute(i)}, Body: b})
	}
	return events
}

func minute(n int) time.Time { return placedAt.Add(time.Duration(n) * time.Minute) }

// What should have followed and did not is found a bound after it was due, and no earlier;
// what did follow, or what an operator has closed since, is not.
func TestWhatRestsWhereItShouldNotIsFound(t *testing.T) {
	placed := contracts.OrderPlaced{OrderID: itsOrder, ConferenceID: itsConference, Version: 1, Items: wants(2, talk), Deadline: minute(15)}
	long := placed // a hold that is longer than the bound
	long.Deadline = minute(24 * 60)
	granted := contracts.SeatsReserved{ConferenceID: itsConference, OrderID: itsOrder, Number: 1, Granted: wants(2, talk)}
	nothing := contracts.SeatsReserved{ConferenceID: itsConference, OrderID: itsOrder, Number: 1}
	reserved := contracts.OrderReservationCompleted{OrderID: itsOrder, Version: 1, Granted: wants(2, talk), Deadline: minute(15)}
	reservedLong := contracts.OrderReservationCompleted{OrderID: itsOrder, Version: 1, Granted: wants(2, talk), Deadline: minute(24 * 60)}
	initiated := contracts.PaymentInitiated{PaymentID: itsPayment, OrderID: itsOrder, Amount: price, Version: 1, Provider: "demo"}
	completed := contracts.PaymentCompleted{PaymentID: itsPayment, OrderID: itsOrder, Amount: price}
	confirmed := contracts.OrderConfirmed{OrderID: itsOrder, PaymentID: &itsPayment, Seats: wants(2, talk), Total: price}
	another := uuid.New()
	byAnother := contracts.OrderConfirmed{OrderID: itsOrder, PaymentID: &another, Seats: wants(2, talk), Total: price}
	committed := contracts.SeatsReservationCommitted{ConferenceID: itsConference, OrderID: itsOrder, Number: 1}
	released := contracts.SeatsReservationCancelled{ConferenceID: itsConference, OrderID: itsOrder, Number: 1}
	expired := contracts.OrderExpired{OrderID: itsOrder}
	rejected := contracts.OrderRejected{OrderID: itsOrder, Version: 1, Reason: contracts.SoldOut}
	cancelled := contracts.OrderCancelled{OrderID: itsOrder, Refund: true, PaymentID: &itsPayment}
	asked := contracts.PaymentRefundRequested{PaymentID: itsPayment, OrderID: itsOrder, Amount: price, Attempt: 1}
	part := contracts.PaymentRefundRequested{PaymentID: itsPayment, OrderID: itsOrder, RefundID: 1, Amount: contracts.Money{Amount: 100, Currency: "USD"}, Attempt: 1}
	refunded := contracts.PaymentRefunded{PaymentID: itsPayment, OrderID: itsOrder, Amount: price}
	failed := contracts.RefundFailed{PaymentID: itsPayment, OrderID: itsOrder, Amount: price, Attempt: 1, Reason: "no"}
	joined := contracts.WaitlistJoined{ConferenceID: itsConference, OrderID: itsOrder, Number: 2, Place: 1, Wanted: wants(2, talk)}
	closed := contracts.OrderCaseClosed{OrderID: itsOrder, Reason: "looked at"}

	for name, of := range map[string]struct {
		given []any
		kinds []view.StuckKind
		since time.Time // of the first
	}{
		"an order past its deadline":                      {[]any{placed, granted, reserved}, []view.StuckKind{view.StuckOverdue}, minute(15)},
		"one that the seats did not answer":               {[]any{long}, []view.StuckKind{view.StuckUnanswered}, minute(0)},
		"one that was changed, and not answered":          {[]any{long, granted, reservedLong, contracts.OrderUpdated{OrderID: itsOrder, Version: 2, Deadline: minute(24 * 60)}}, []view.StuckKind{view.StuckUnanswered}, minute(3)},
		"one that is held, before its deadline":           {[]any{long, granted, reservedLong}, nil, time.Time{}},
		"a payment that the order does not answer":        {[]any{long, granted, reservedLong, initiated, completed}, []view.StuckKind{view.StuckPayment}, minute(4)},
		"a payment that is open":                          {[]any{long, granted, reservedLong, initiated}, nil, time.Time{}},
		"a payment that confirmed its order":              {[]any{placed, granted, reserved, initiated, completed, confirmed, committed}, nil, time.Time{}},
		"a payment of an order that another confirmed":    {[]any{placed, granted, reserved, initiated, completed, byAnother, committed}, []view.StuckKind{view.StuckPayment}, minute(5)},
		"a payment of an order that had expired":          {[]any{placed, granted, reserved, initiated, expired, released, completed}, []view.StuckKind{view.StuckPayment}, minute(6)},
		"a payment of no order":                           {[]any{initiated, completed}, []view.StuckKind{view.StuckPayment}, minute(1)},
		"a payment whose order was cancelled":             {[]any{placed, granted, initiated, completed, confirmed, committed, cancelled, released}, []view.StuckKind{view.StuckPayment}, minute(6)},
		"a payment that went back":                        {[]any{placed, granted, initiated, completed, confirmed, committed, cancelled, released, asked, refunded}, nil, time.Time{}},
		"a refund that is not answered":                   {[]any{placed, granted, initiated, completed, confirmed, committed, cancelled, released, asked}, []view.StuckKind{view.StuckRefund}, minute(8)},
		"a refund of a part that is not answered":         {[]any{placed, granted, initiated, completed, confirmed, committed, part}, []view.StuckKind{view.StuckRefund}, minute(6)},
		"a refund that failed, which has its own list":    {[]any{placed, granted, initiated, completed, confirmed, committed, cancelled, released, asked, failed}, nil, time.Time{}},
		"seats of an order that expired":                  {[]any{placed, granted, reserved, expired}, []view.StuckKind{view.StuckSeats}, minute(3)},
		"seats of an order that was cancelled":            {[]any{placed, granted, confirmed, committed, contracts.OrderCancelled{OrderID: itsOrder}}, []view.StuckKind{view.StuckSeats}, minute(4)},
		"seats that came to an order that was rejected":   {[]any{placed, rejected, granted}, []view.StuckKind{view.StuckSeats}, minute(2)},
		"seats that were released":                        {[]any{placed, granted, reserved, expired, released}, nil, time.Time{}},
		"no seats of an order that was rejected":          {[]any{placed, nothing, rejected}, nil, time.Time{}},
		"a place in line of an order that was cancelled":  {[]any{placed, nothing, joined, contracts.OrderCancelled{OrderID: itsOrder}}, []view.StuckKind{view.StuckSeats}, minute(3)},
		"a place in line that was left":                   {[]any{placed, nothing, joined, contracts.OrderCancelled{OrderID: itsOrder}, contracts.WaitlistLeft{OrderID: itsOrder, Number: 2}}, nil, time.Time{}},
		"seats offered to an order that was cancelled":    {[]any{placed, nothing, joined, contracts.OrderCancelled{OrderID: itsOrder}, contracts.SeatsOffered{OrderID: itsOrder, Number: 2, Granted: wants(1, talk)}}, []view.StuckKind{view.StuckSeats}, minute(4)},
		"seats of a confirmed order that are not firm":    {[]any{placed, granted, reserved, confirmed}, []view.StuckKind{view.StuckUncommitted}, minute(3)},
		"a confirmed order that gave all but nothing":     {[]any{placed, granted, reserved, confirmed, committed, contracts.SeatsReservationReduced{OrderID: itsOrder, Number: 1, Kept: wants(1, talk)}}, nil, time.Time{}},
		"two things at once":                              {[]any{placed, granted, reserved, initiated, completed, expired}, []view.StuckKind{view.StuckPayment, view.StuckSeats}, minute(5)},
		"what was closed":                                 {[]any{placed, granted, reserved, initiated, completed, expired, closed}, nil, time.Time{}},
		"what was closed, and what came after it":         {[]any{placed, granted, reserved, initiated, expired, closed, completed}, []view.StuckKind{view.StuckPayment}, minute(6)},
		"an order that was closed before it was overdue":  {[]any{placed, granted, reserved, closed}, []view.StuckKind{view.StuckOverdue}, minute(15)},
		"a confirmed order without a payment and nothing": {[]any{placed, granted, contracts.OrderConfirmed{OrderID: itsOrder, Seats: wants(2, talk)}, committed}, nil, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			kinds := func(now time.Time) (all []view.StuckKind, since time.Time) {
				found := projection.Rest(itsOrder, told(of.given...), now, stuckAfter)
				for _, s := range found.Stuck {
					all = append(all, s.Kind)
				}
				return all, found.Since
			}
			got, since := kinds(minute(24*60 - 1))
			if !slices.Equal(got, of.kinds) || !since.Equal(of.since) {
				t.Fatalf("found %v since %s, want %v since %s", got, since, of.kinds, of.since)
			}
			if of.kinds == nil {
				return
			}
			if early, _ := kinds(of.since.Add(stuckAfter)); slices.Contains(early, of.kinds[0]) {
				t.Errorf("found %v before the bound is over", early)
			}
			if due, _ := kinds(of.since.Add(stuckAfter + time.Second)); !slices.Contains(due, of.kinds[0]) {
				t.Errorf("found %v when it is over", due)
			}
		})
	}
}

func TestWhatRestsSaysWhoseMoneyAndSeatsItIs(t *testing.T) {
	found := projection.Rest(itsOrder, told(
		contracts.OrderPlaced{OrderID: itsOrder, ConferenceID: itsConference, Version: 1, Items: wants(2, talk), Deadline: minute(15)},
		contracts.SeatsReserved{ConferenceID: itsConference, OrderID: itsOrder, Number: 1, Granted: wants(2, talk)},
		contracts.PaymentInitiated{PaymentID: itsPayment, OrderID: itsOrder, Amount: price, Version: 1, Provider: "demo"},
		contracts.OrderExpired{OrderID: itsOrder},
		contracts.PaymentCompleted{PaymentID: itsPayment, OrderID: itsOrder, Amount: price},
	), minute(60), stuckAfter)
	if found.OrderID != itsOrder || found.ConferenceID != itsConference || found.Status != view.OrderExpired || len(found.Stuck) != 2 || !found.Since.Equal(minute(3)) {
		t.Fatalf("found %+v", found)
	}
	if p := found.Stuck[0]; *p.PaymentID != itsPayment || *p.Amount != price {
		t.Errorf("payment %+v", p)
	}
	if s := found.Stuck[1]; s.Seats != 2 {
		t.Errorf("seats %+v", s)
	}
}
