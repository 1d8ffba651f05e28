package order

import (
	"slices"

	"github.com/plenary/plenary/apps/order/catalogue"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// waiting is the wish to wait in line: until the conference starts. Who takes all or
// nothing has no rest to wait for.
func waiting(wish *contracts.Waitlist, of catalogue.State) contracts.Waiting {
	if wish == nil {
		return contracts.Waiting{}
	}
	kept := *wish
	if kept.AllOrNothing {
		kept.RestID = nil
	}
	return contracts.Waiting{Waitlist: &kept, WaitUntil: of.StartsAt}
}

// markAsWaitlisted says that the order is in line, for what, and until when. Again, it
// says what changed for it in line.
func markAsWaitlisted(env es.Env, s State, m contracts.MarkSeatsAsWaitlisted) ([]any, error) {
	if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	switch {
	case m.Version != s.Version:
		return nil, s.superseded(m.Version)
	case s.Status != Placed && s.Status != Waitlisted:
		return nil, s.refuseSecondAnswer()
	case s.Status == Waitlisted && m.Wanted.Equal(s.Items) && m.Deadline.Equal(s.Deadline):
		return nil, nil
	}
	lines, err := s.linesFor(env, m.Wanted)
	if err != nil {
		return nil, err
	}
	return []any{
		contracts.OrderWaitlisted{OrderID: m.OrderID, Version: s.Version, Items: m.Wanted, Deadline: m.Deadline},
		totals(m.OrderID, s.Version, lines, s.Discounts),
	}, nil
}

// leaveWaitlist gives up an order that is in line.
func leaveWaitlist(_ es.Env, s State, m contracts.LeaveWaitlist) ([]any, error) {
	switch s.Status {
	case Cancelled:
		return nil, nil
	case Waitlisted:
		return []any{contracts.OrderCancelled{OrderID: m.OrderID}}, nil
	}
	if err := s.refuseUnlessOpen(); err != nil {
		return nil, err
	}
	return nil, es.Refuse(refusal.NotWaitlisted, "the order is not in line")
}

// linesFor are the lines of what the order waits for. The organiser may have moved its
// line to another seat type: that has today's price. What it asked for keeps its price.
func (s State) linesFor(env es.Env, wanted contracts.Seats) ([]contracts.OrderLine, error) {
	var lines []contracts.OrderLine
	for _, item := range wanted {
		i := slices.IndexFunc(s.Lines, func(l contracts.OrderLine) bool { return l.SeatType == item.SeatType })
		var line contracts.OrderLine
		if i >= 0 {
			line = s.Lines[i]
		} else {
			of, err := catalogueOf(env, s.ConferenceID)
			if err != nil {
				return nil, err
			}
			fresh, err := priced(contracts.Seats{item}, of)
			if err != nil {
				return nil, err
			}
			line = fresh[0]
		}
		line.Requested, line.Granted, line.State = item.Quantity, 0, contracts.LineWaiting
		line.Total = line.UnitPrice.Times(item.Quantity)
		lines = append(lines, line)
	}
	return lines, nil
}

// rest is what was asked for and not granted.
func (s State) rest(granted contracts.Seats) (rest contracts.Seats) {
	for _, line := range s.Lines {
		if n := line.Requested - granted.Of(line.SeatType); n > 0 {
			rest = append(rest, contracts.SeatQuantity{SeatType: line.SeatType, Quantity: n})
		}
	}
	return rest
}
