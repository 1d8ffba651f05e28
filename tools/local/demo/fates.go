package demo

import "context"

// fate is one outcome that an order can have.
type fate struct {
	name string
	// lookFor says what to look for in its timeline.
	lookFor string
	begin   func(context.Context, *order)
	// end is what happens once the order's hold has expired; nil if the outcome does
	// not need that.
	end func(context.Context, *order)

	// status and total (in cents) are the order's at its end.
	status string
	total  int64
	// by is the event with which it ends; with are the other messages that must be in
	// its timeline.
	by   string
	with []string
}

// fates in the order in which they begin: those that wait for a hold to expire as
// early as possible. The late payment holds the last workshop, so that none is left
// for the order that finds them sold out.
var fates = []fate{
	{
		name: "lapsed",
		lookFor: "The order is not paid. When the hold ends, a timeout wakes the process: ExpireOrder stands at the left " +
			"edge because no message caused it, and the seats are released.",
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
		lookFor: "Only the commands at the left edge come from outside: the registrant's through web, the payment's completion " +
			"through the provider's webhook. Each event makes the app that receives it send the next command.",
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
		lookFor: "Five workshop seats are requested and four are left, so OrderPartiallyReserved offers four. The registrant keeps " +
			"three and adds an admission; OrderUpdated makes the process request seats again.",
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
		lookFor: "The payment arrives after the hold has expired and the seat was sold to another order: CommandRejected says " +
			"order-expired, no seat is left to reserve again, and RefundPayment returns the money.",
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
		lookFor: "SeatsReserved grants no seats, so the process rejects the order: there is no partial order, nothing to pay and " +
			"nothing to clean up.",
		begin: func(ctx context.Context, o *order) {
			o.place(ctx, wish{workshop: 1})
			o.await(ctx, "rejected")
		},
		status: "rejected", total: 500_00, by: "OrderRejected", with: []string{"SeatsReserved", "RejectOrder"},
	},
	{
		name: "free",
		lookFor: "The organiser has just made the cocktail party free: the registrant confirms the order with ConfirmOrder, and " +
			"the payments app is not involved.",
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
