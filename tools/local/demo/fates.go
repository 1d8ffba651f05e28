package demo

import "context"

// fate is what can become of an order.
type fate struct {
	name string
	// lookFor says what to see in its timeline.
	lookFor string
	begin   func(context.Context, *order)
	// end is what happens once the order's hold has lapsed; nil if nothing waits
	// for that.
	end func(context.Context, *order)

	// status and total (in cents) are the order's at its end.
	status string
	total  int64
	// by is the event with which it ends, with names what must have happened
	// beside.
	by   string
	with []string
}

// fates in the order in which they begin: those that wait for a clock as early
// as they can. The late payment holds the last workshop, so that none is left
// for the order that is sold out.
var fates = []fate{
	{
		name: "lapsed",
		lookFor: "Nobody pays; at the end of the hold a timeout wakes the process, so ExpireOrder stands at the left " +
			"edge with no message above it, and the seats come back.",
		begin: func(ctx context.Context, o *order) {
			o.place(ctx, wish{general: 2, party: 1})
			o.await(ctx, "reserved")
			o.introduce(ctx)
		},
		end:    func(ctx context.Context, o *order) { o.lapse(ctx) },
		status: "expired", total: 448_00, by: "OrderExpired", with: []string{"ExpireOrder", "SeatsReservationCancelled"},
	},
	{
		name: "confirmed",
		lookFor: "Only the commands at the left edge come from outside: the registrant's by web, the payment's end by the " +
			"provider's webhook; each event makes the app that hears of it send the next command.",
		begin: func(ctx context.Context, o *order) {
			o.place(ctx, wish{general: 1, party: 1})
			o.await(ctx, "reserved")
			o.introduce(ctx)
			o.pay(ctx, "accept")
			o.await(ctx, "confirmed")
			o.assignSeats(ctx, "Grace", "Barbara")
		},
		status: "confirmed", total: 249_00, by: "OrderConfirmed",
		with: []string{"MakeSeatReservation", "SeatsReserved", "OrderReservationCompleted", "PaymentCompleted",
			"SeatsReservationCommitted", "SeatAssignmentsCreated", "SeatAssigned"},
	},
	{
		name: "partial and changed",
		lookFor: "Five workshops are wanted and four are there, so OrderPartiallyReserved offers four; the registrant keeps " +
			"three and adds an admission, and OrderUpdated makes the process ask the seats again.",
		begin: func(ctx context.Context, o *order) {
			o.place(ctx, wish{workshop: 5})
			o.await(ctx, "partially-reserved")
			o.change(ctx, wish{workshop: 3, general: 1})
			o.await(ctx, "reserved")
			o.introduce(ctx)
			o.pay(ctx, "accept")
			o.await(ctx, "confirmed")
		},
		status: "confirmed", total: 1699_00, by: "OrderConfirmed",
		with: []string{"OrderPartiallyReserved", "OrderUpdated", "OrderReservationCompleted", "SeatsReservationCommitted",
			"SeatAssignmentsCreated"},
	},
	{
		name: "paid late and refunded",
		lookFor: "The money comes when the hold has lapsed and somebody else has bought the seat: CommandRejected says " +
			"order-expired, the seat cannot be had again, and RefundPayment gives the money back.",
		begin: func(ctx context.Context, o *order) {
			o.place(ctx, wish{workshop: 1})
			o.await(ctx, "reserved")
			o.introduce(ctx)
			o.pay(ctx, "never") // the money is on its way
		},
		end: func(ctx context.Context, o *order) {
			o.lapse(ctx)
			o.released(ctx)
			o.step(func() error {
				other := o.order(rival)
				other.buy(ctx, wish{workshop: 1})
				return other.err
			})
			o.payAfterAll(ctx, "accept")
			o.refunded(ctx)
		},
		status: "expired", total: 500_00, by: "PaymentRefunded",
		with: []string{"OrderExpired", "PaymentCancelled", "PaymentCompleted", "CommandRejected", "RefundPayment"},
	},
	{
		name: "sold out",
		lookFor: "SeatsReserved grants nothing, and the process has the order rejected: no partial order, nothing to pay, " +
			"and nothing left behind.",
		begin: func(ctx context.Context, o *order) {
			o.place(ctx, wish{workshop: 1})
			o.await(ctx, "rejected")
		},
		status: "rejected", total: 500_00, by: "OrderRejected", with: []string{"SeatsReserved", "RejectOrder"},
	},
	{
		name: "free",
		lookFor: "The organiser has just made the cocktail party free of charge: the registrant's own ConfirmOrder is enough, " +
			"and the payments app does not appear.",
		begin: func(ctx context.Context, o *order) {
			o.step(func() error { return o.giveAway(ctx, party) })
			o.place(ctx, wish{party: 1})
			o.await(ctx, "reserved")
			o.introduce(ctx)
			o.confirm(ctx)
			o.await(ctx, "confirmed")
		},
		status: "confirmed", total: 0, by: "OrderConfirmed", with: []string{"SeatsReservationCommitted", "SeatAssignmentsCreated"},
	},
}

// rival is the name of the order that gets the late payer's seat.
const rival = "rival"

func names() (all []string) {
	for _, f := range fates {
		all = append(all, f.name)
	}
	return all
}
