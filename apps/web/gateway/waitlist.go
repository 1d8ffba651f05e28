package gateway

import (
	"cmp"
	"context"
	"net/http"
	"regexp"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/access"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// WaitlistWish is the wish to wait in line for seats that there are none of.
type WaitlistWish struct {
	Waitlist     bool `json:"waitlist,omitempty" doc:"Wait in line for seats that there are none of, until the conference starts. If only some are left, the order gets these, and another order waits for the rest: its restId, which the same secret opens. Seats that come free are offered to the first in line, and held for a time of their own; the order is then as if they had been there at first"`
	AllOrNothing bool `json:"allOrNothing,omitempty" doc:"With waitlist: fewer seats than asked for are not welcome. The order keeps its place while later ones that fit are served"`
}

// of is the wish as a command says it. The order that waits for the rest has an id that
// a repeated request gives again.
func (w WaitlistWish) of(order, commandID uuid.UUID) *contracts.Waitlist {
	switch {
	case !w.Waitlist:
		return nil
	case w.AllOrNothing:
		return &contracts.Waitlist{AllOrNothing: true}
	}
	rest := uuid.NewSHA1(order, commandID[:])
	return &contracts.Waitlist{RestID: &rest}
}

var secretForm = regexp.MustCompile(access.SecretPattern)

// keepSecretOfRest lets the order that waits for the rest be opened by what opens the
// order. The key of a link does not last, so it is no secret of the rest, which is found
// by its own locator.
func (g *Gateway) keepSecretOfRest(ctx context.Context, cmd Command) error {
	var wish *contracts.Waitlist
	switch c := cmd.Body.(type) {
	case contracts.RegisterToConference:
		wish = c.Waitlist
	case contracts.ChangeOrderItems:
		wish = c.Waitlist
	}
	secret := cmp.Or(cmd.Rest, cmd.Secret)
	if wish == nil || wish.RestID == nil || !secretForm.MatchString(secret) {
		return nil
	}
	_, err := g.access.Own(ctx, *wish.RestID, secret)
	return err
}

// MoveWaitlist is the body that moves a line.
type MoveWaitlist struct {
	_  struct{}  `additionalProperties:"false"`
	To uuid.UUID `json:"to" format:"uuid" doc:"The seat type to whose line it goes"`
}

// waitlist are the operations on the line.
func (g *Gateway) waitlist() {
	huma.Register(g.api, g.write(operation{
		id: "leave-waitlist", method: http.MethodDelete, path: "/api/orders/{id}/waitlist", tag: tagOrders,
		summary: "Leave the line",
		text:    "Gives up an order that is in line. If seats were offered to it meanwhile, it stays as it is.",
		who:     holder, problems: append(closed, refusal.OrderConfirmed, refusal.NotWaitlisted),
	}, false), g.leaveWaitlist)

	huma.Register(g.api, g.read(operation{
		id: "show-waitlist", method: http.MethodGet, path: "/api/organiser/conferences/{id}/waitlist", tag: tagOrganiser, params: true,
		summary: "Show who is in line, those first that are served first",
		who:     organiser, problems: []es.Code{conferenceMissing},
	}), func(ctx context.Context, in *ConferenceName) (*Found[AsItCame[view.Waitlist]], error) {
		return passOn[view.Waitlist](g, ctx, "/organiser/conferences/"+in.ID+"/waitlist", conferenceMissing)
	})

	line := []es.Code{refusal.ConferenceNotFound, refusal.ConferenceChanged, refusal.UnknownSeatType, refusal.SeatTypeRemoved}
	path := "/api/conferences/{id}/seat-types/{seatTypeId}/waitlist"
	huma.Register(g.api, g.write(operation{
		id: "close-waitlist", method: http.MethodPost, path: path + "/close", tag: tagOrganiser,
		summary: "Close the line for a seat type",
		text:    "Orders that wait for these seats alone, or for all or nothing, are rejected with the reason waitlist-closed; the others wait on for what else they want. Nobody may join until it is reopened.",
		who:     organiser, problems: line,
	}, false), g.closeWaitlist)
	huma.Register(g.api, g.write(operation{
		id: "reopen-waitlist", method: http.MethodPost, path: path + "/reopen", tag: tagOrganiser,
		summary: "Reopen the line for a seat type",
		who:     organiser, problems: line,
	}, false), g.reopenWaitlist)
	huma.Register(g.api, g.write(operation{
		id: "move-waitlist", method: http.MethodPost, path: path + "/move", tag: tagOrganiser, body: true,
		summary: "Move the line of a seat type to another one",
		text:    "Orders that wait for seats of this type alone go to the end of the other's line, in their order, and ask for as many of its seats at its price of now. Those that wait for seats of other types too stay.",
		who:     organiser, problems: append(line, refusal.WaitlistClosed, refusal.TooManyMoves),
	}, false), g.moveWaitlist)
}

func (g *Gateway) leaveWaitlist(ctx context.Context, in *struct {
	Write
	OrderPath
}) (*Answer, error) {
	return g.sendToOrder(ctx, in.Write, in.ID, nil, "", contracts.LeaveWaitlist{OrderID: in.ID}, func(c *Command) { c.Ends = true })
}

func (g *Gateway) closeWaitlist(ctx context.Context, in *struct {
	Write
	Precondition
	SeatTypePath
}) (*Answer, error) {
	return g.sendToSeatType(ctx, in.Write, in.SeatTypePath, nil, contracts.CloseWaitlist{ConferenceID: in.ID, SeatTypeID: in.SeatTypeID, Precondition: in.expected()})
}

func (g *Gateway) reopenWaitlist(ctx context.Context, in *struct {
	Write
	Precondition
	SeatTypePath
}) (*Answer, error) {
	return g.sendToSeatType(ctx, in.Write, in.SeatTypePath, nil, contracts.ReopenWaitlist{ConferenceID: in.ID, SeatTypeID: in.SeatTypeID, Precondition: in.expected()})
}

func (g *Gateway) moveWaitlist(ctx context.Context, in *struct {
	Write
	Precondition
	SeatTypePath
	Body MoveWaitlist
}) (*Answer, error) {
	return g.sendToSeatType(ctx, in.Write, in.SeatTypePath, in.Body, contracts.MoveWaitlist{ConferenceID: in.ID, SeatTypeID: in.SeatTypeID, To: in.Body.To, Precondition: in.expected()})
}
