package gateway

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/plenary/plenary/apps/query/view"
	"github.com/plenary/plenary/apps/web/problem"
	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// CreateConference is the body of a new conference.
type CreateConference struct {
	_            struct{}   `additionalProperties:"false"`
	ConferenceID *uuid.UUID `json:"conferenceId,omitempty" doc:"Chosen by the client; generated if absent"`
	Slug         string     `json:"slug" minLength:"1" maxLength:"64" pattern:"^[a-z0-9]+(-[a-z0-9]+)*$" doc:"Unique name, used in the address of the conference's page" example:"gophers-2027"`
	Owner        string     `json:"owner" maxLength:"1000" doc:"The organisation that the conference belongs to. At most 100 characters and 1,000 bytes"`
	Currency     string     `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217" example:"USD"`
	contracts.ConferenceDetails
}

// UpdateConference is the body that replaces a conference's details.
type UpdateConference struct {
	_ struct{} `additionalProperties:"false"`
	contracts.ConferenceDetails
}

// RenameConference is the body that gives a draft another slug.
type RenameConference struct {
	_    struct{} `additionalProperties:"false"`
	Slug string   `json:"slug" minLength:"1" maxLength:"64" pattern:"^[a-z0-9]+(-[a-z0-9]+)*$" doc:"Unique name, used in the address of the conference's page" example:"gophers-2027"`
}

// DuplicateConference is the body that copies a conference.
type DuplicateConference struct {
	_            struct{}   `additionalProperties:"false"`
	ConferenceID *uuid.UUID `json:"conferenceId,omitempty" doc:"The copy's, of the client's own choice; absent: one is made"`
	Slug         string     `json:"slug" minLength:"1" maxLength:"64" pattern:"^[a-z0-9]+(-[a-z0-9]+)*$" doc:"The copy's: unique name for the address of its page" example:"gophers-2028"`
}

// DescribeSeatType is the body with all details of a seat type.
type DescribeSeatType struct {
	_           struct{} `additionalProperties:"false"`
	Name        string   `json:"name" maxLength:"1000" doc:"At most 100 characters and 1,000 bytes" example:"General admission"`
	Description string   `json:"description,omitempty" maxLength:"1000" doc:"Of any number of lines"`
	Price       int64    `json:"price" minimum:"0" maximum:"1000000000000" doc:"In minor units of the conference's currency; 0 is free of charge" example:"19900"`
	Quota       int      `json:"quota" minimum:"0" maximum:"1000000" doc:"Number of seats. It may be set below the number of seats already held, which stay held"`
	contracts.SalesWindow
}

// AddSeatType is the body of a new seat type.
type AddSeatType struct {
	_          struct{}   `additionalProperties:"false"`
	SeatTypeID *uuid.UUID `json:"seatTypeId,omitempty" doc:"Chosen by the client; generated if absent"`
	DescribeSeatType
}

// ConferencePath names the conference in an operation's path.
type ConferencePath struct {
	ID uuid.UUID `path:"id" doc:"The conference"`
}

// SeatTypePath names a seat type of a conference in an operation's path.
type SeatTypePath struct {
	ConferencePath
	SeatTypeID uuid.UUID `path:"seatTypeId" doc:"The seat type"`
}

// RetryRefund is the body that asks for a refund again.
type RetryRefund struct {
	_        struct{} `additionalProperties:"false"`
	RefundID int      `json:"refundId,omitempty" minimum:"0" maximum:"100000" doc:"Which refund of the payment; 0 or absent: that of the whole"`
	Attempt  int      `json:"attempt" minimum:"1" maximum:"1000" doc:"Number of this attempt: one more than the failed refund's attempts. Repeating a number has no effect" example:"2"`
	Reason   string   `json:"reason,omitempty" maxLength:"200" doc:"Reason, kept on record; must not contain personal data"`
}

// Precondition makes a change to a conference conditional.
type Precondition struct {
	IfMatch string `header:"If-Match" pattern:"^(\\*|\"[0-9]{1,18}\")$" doc:"ETag of the conference as the client read it. If the conference has changed since, nothing is changed and the answer is 412 (or 202 with that outcome later). * or absent: change any version" example:"\"7\""`
}

// expected is the version that the change is for.
func (p Precondition) expected() contracts.Precondition {
	version, err := strconv.ParseUint(strings.Trim(p.IfMatch, `"`), 10, 64)
	if err != nil { // absent or "*": huma has validated the header
		return contracts.Precondition{}
	}
	return contracts.Precondition{IfVersion: version}
}

// etag is the ETag of the part of a conference that an organiser edits: the
// version of the conference's own stream, which sales do not change.
func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// FoundConference is a conference with its ETag.
type FoundConference struct {
	ETag string `header:"ETag" doc:"Version of the conference as edited by the organiser, for If-Match; sales do not change it"`
	Body view.Conference
}

func (g *Gateway) conference(ctx context.Context, idOrSlug string) (*FoundConference, error) {
	found, err := ask[view.Conference](g, ctx, conferencePath(ctx, idOrSlug), refusal.ConferenceNotFound)
	if err != nil {
		return nil, err
	}
	return &FoundConference{etag(found.Body.Version), found.Body}, nil
}

func conferenceURL(id uuid.UUID) string { return "/api/conferences/" + id.String() }

// organiser registers what an organiser changes; their lists are in lists.go. A new
// command also stands in contracts, and among what web sends in topology.yaml. make
// generate writes openapi.yaml.
func (g *Gateway) organiser() {
	details := []es.Code{refusal.NameRequired, refusal.NameInvalid, refusal.TextInvalid, refusal.TimeZoneUnknown, refusal.DateOutOfRange, refusal.DatesInvalid, refusal.SalesWindowInvalid, refusal.RefundWindowInvalid, refusal.HandOverInvalid}
	seatType := []es.Code{refusal.ConferenceNotFound, refusal.ConferenceChanged, refusal.NameRequired, refusal.NameInvalid, refusal.TextInvalid, refusal.PriceInvalid, refusal.QuotaInvalid, refusal.DateOutOfRange, refusal.SalesWindowInvalid, refusal.SeatTypeRemoved}

	huma.Register(g.api, g.write(operation{
		id: "create-conference", method: http.MethodPost, path: "/api/conferences", tag: tagOrganiser, body: true,
		summary: "Create a conference",
		text:    "The new conference is a draft without seat types.",
		who:     organiser, problems: append(details, refusal.ConferenceExists, refusal.SlugInvalid, refusal.SlugTaken, refusal.CurrencyUnknown),
	}, true), g.createConference)

	huma.Register(g.api, g.write(operation{
		id: "update-conference", method: http.MethodPut, path: "/api/conferences/{id}", tag: tagOrganiser, body: true,
		summary: "Update a conference's details",
		text:    "Replaces all details.",
		who:     organiser, problems: append(details, refusal.ConferenceNotFound, refusal.ConferenceChanged),
	}, false), g.updateConference)

	huma.Register(g.api, g.write(operation{
		id: "rename-conference", method: http.MethodPut, path: "/api/conferences/{id}/slug", tag: tagOrganiser, body: true,
		summary: "Give a draft another slug",
		text:    "Its old slug is free from then on. A conference that was ever published keeps its slug.",
		who:     organiser, problems: []es.Code{refusal.ConferenceNotFound, refusal.ConferenceChanged, refusal.ConferenceWasPublished, refusal.SlugInvalid, refusal.SlugTaken},
	}, false), g.renameConference)

	huma.Register(g.api, g.write(operation{
		id: "delete-conference", method: http.MethodDelete, path: "/api/conferences/{id}", tag: tagOrganiser,
		summary: "Delete a draft",
		text:    "It is gone for good, and its slug is free from then on; its id is not used again. A conference that was ever published is not deleted.",
		who:     organiser, problems: []es.Code{refusal.ConferenceNotFound, refusal.ConferenceChanged, refusal.ConferenceWasPublished},
	}, false), g.deleteConference)

	huma.Register(g.api, g.write(operation{
		id: "duplicate-conference", method: http.MethodPost, path: "/api/conferences/{id}/duplicate", tag: tagOrganiser, body: true,
		summary: "Copy a conference",
		text:    "Makes a draft with the details and the seat types of another conference as they are now, all at once. Orders are not copied, nor whether it is published.",
		who:     organiser, problems: append(append(details, refusal.PriceInvalid, refusal.QuotaInvalid), refusal.ConferenceNotFound, refusal.ConferenceExists, refusal.SlugInvalid, refusal.SlugTaken, refusal.CurrencyUnknown),
	}, true), g.duplicateConference)

	huma.Register(g.api, g.write(operation{
		id: "publish-conference", method: http.MethodPost, path: "/api/conferences/{id}/publish", tag: tagOrganiser,
		summary: "Publish a conference and open its sale",
		who:     organiser, problems: []es.Code{refusal.ConferenceNotFound, refusal.ConferenceChanged, refusal.SeatTypeRequired, refusal.ConferenceEnded},
	}, false), g.publishConference)

	huma.Register(g.api, g.write(operation{
		id: "unpublish-conference", method: http.MethodPost, path: "/api/conferences/{id}/unpublish", tag: tagOrganiser,
		summary: "Unpublish a conference",
		text:    "No new orders are taken; orders already placed continue.",
		who:     organiser, problems: []es.Code{refusal.ConferenceNotFound, refusal.ConferenceChanged},
	}, false), g.unpublishConference)

	huma.Register(g.api, g.write(operation{
		id: "add-seat-type", method: http.MethodPost, path: "/api/conferences/{id}/seat-types", tag: tagOrganiser, body: true,
		summary: "Add a seat type",
		who:     organiser, problems: append(seatType, refusal.SeatTypeExists, refusal.TooManySeatTypes),
	}, true), g.addSeatType)

	huma.Register(g.api, g.write(operation{
		id: "update-seat-type", method: http.MethodPut, path: "/api/conferences/{id}/seat-types/{seatTypeId}", tag: tagOrganiser, body: true,
		summary: "Update a seat type",
		text:    "Replaces all details. Orders already placed keep their price.",
		who:     organiser, problems: append(seatType, refusal.UnknownSeatType),
	}, false), g.updateSeatType)

	huma.Register(g.api, g.write(operation{
		id: "remove-seat-type", method: http.MethodDelete, path: "/api/conferences/{id}/seat-types/{seatTypeId}", tag: tagOrganiser,
		summary: "Remove a seat type from sale",
		text:    "Seats already held stay held.",
		who:     organiser, problems: []es.Code{refusal.ConferenceNotFound, refusal.ConferenceChanged, refusal.UnknownSeatType, refusal.SeatTypeRemoved, refusal.LastSeatType},
	}, false), g.removeSeatType)

	huma.Register(g.api, g.write(operation{
		id: "retry-refund", method: http.MethodPost, path: "/api/payments/{id}/refund", tag: tagOrganiser, body: true,
		summary: "Retry a failed refund",
		who:     either, problems: []es.Code{refusal.PaymentNotFound, refusal.PaymentNotCompleted, refusal.RefundPending, refusal.RefundNotRequested},
	}, false), g.retryRefund)
}

func (g *Gateway) createConference(ctx context.Context, in *struct {
	Write
	Body CreateConference
}) (*Answer, error) {
	return g.send(ctx, in.Write, in.Body, func(commandID uuid.UUID) Command {
		id := derived(in.Body.ConferenceID, commandID, "conference")
		return Command{
			Body: contracts.CreateConference{
				ConferenceID: id, Slug: in.Body.Slug, Owner: in.Body.Owner, Currency: in.Body.Currency,
				Details: in.Body.ConferenceDetails,
			},
			About: id, ID: id, URL: conferenceURL(id), Creates: true, Wrapper: "details",
		}
	})
}

func (g *Gateway) updateConference(ctx context.Context, in *struct {
	Write
	Precondition
	ConferencePath
	Body UpdateConference
}) (*Answer, error) {
	return g.sendToConference(ctx, in.Write, in.ID, in.Body, "details",
		contracts.UpdateConference{ConferenceID: in.ID, Details: in.Body.ConferenceDetails, Precondition: in.expected()})
}

func (g *Gateway) renameConference(ctx context.Context, in *struct {
	Write
	Precondition
	ConferencePath
	Body RenameConference
}) (*Answer, error) {
	return g.sendToConference(ctx, in.Write, in.ID, in.Body, "",
		contracts.RenameConference{ConferenceID: in.ID, Slug: in.Body.Slug, Precondition: in.expected()})
}

func (g *Gateway) deleteConference(ctx context.Context, in *struct {
	Write
	Precondition
	ConferencePath
}) (*Answer, error) {
	return g.sendToConference(ctx, in.Write, in.ID, nil, "", contracts.DeleteConference{ConferenceID: in.ID, Precondition: in.expected()})
}

// duplicateConference creates a conference that begins with what another one is like.
func (g *Gateway) duplicateConference(ctx context.Context, in *struct {
	Write
	ConferencePath
	Body DuplicateConference
}) (*Answer, error) {
	found, err := g.conference(ctx, in.ID.String())
	if err != nil {
		return nil, err
	}
	like := found.Body
	if like.OrganisationID != originOf(ctx).member.Organisation { // a public one, of others
		return nil, problem.New(refusal.ConferenceNotFound)
	}
	return g.send(ctx, in.Write, in.Body, func(commandID uuid.UUID) Command {
		id := derived(in.Body.ConferenceID, commandID, "conference")
		c := contracts.CreateConference{
			ConferenceID: id, Slug: in.Body.Slug, Owner: like.Owner, Currency: like.Currency,
			Details: contracts.ConferenceDetails{
				Name: like.Name, Description: like.Description, Location: like.Location, TimeZone: like.TimeZone,
				StartsAt: like.StartsAt, EndsAt: like.EndsAt, SalesWindow: like.SalesWindow,
				RefundUntil: like.RefundUntil, HandOverUntil: like.HandOverUntil,
			},
		}
		for i, t := range like.SeatTypes {
			c.SeatTypes = append(c.SeatTypes, contracts.NewSeatType{
				SeatTypeID: derived(nil, commandID, "seat-type/"+strconv.Itoa(i)), Name: t.Name, Description: t.Description,
				Price: t.Price.Amount, Quota: t.Quota, SalesWindow: t.SalesWindow,
			})
		}
		return Command{Body: c, About: id, ID: id, URL: conferenceURL(id), Creates: true}
	})
}

func (g *Gateway) publishConference(ctx context.Context, in *struct {
	Write
	Precondition
	ConferencePath
}) (*Answer, error) {
	return g.sendToConference(ctx, in.Write, in.ID, nil, "", contracts.PublishConference{ConferenceID: in.ID, Precondition: in.expected()})
}

func (g *Gateway) unpublishConference(ctx context.Context, in *struct {
	Write
	Precondition
	ConferencePath
}) (*Answer, error) {
	return g.sendToConference(ctx, in.Write, in.ID, nil, "", contracts.UnpublishConference{ConferenceID: in.ID, Precondition: in.expected()})
}

// sendToConference sends a command to an existing conference.
func (g *Gateway) sendToConference(ctx context.Context, w Write, conference uuid.UUID, body any, wrapper string, command any) (*Answer, error) {
	return g.send(ctx, w, body, func(uuid.UUID) Command {
		return Command{Body: command, About: conference, ID: conference, URL: conferenceURL(conference), Wrapper: wrapper}
	})
}

func (g *Gateway) addSeatType(ctx context.Context, in *struct {
	Write
	Precondition
	ConferencePath
	Body AddSeatType
}) (*Answer, error) {
	return g.send(ctx, in.Write, in.Body, func(commandID uuid.UUID) Command {
		id := derived(in.Body.SeatTypeID, commandID, "seat-type")
		return Command{
			Body: contracts.AddSeatType{
				ConferenceID: in.ID, SeatTypeID: id, Name: in.Body.Name, Description: in.Body.Description,
				Price: in.Body.Price, Quota: in.Body.Quota, SalesWindow: in.Body.SalesWindow, Precondition: in.expected(),
			},
			About: in.ID, ID: id, URL: conferenceURL(in.ID), Creates: true,
		}
	})
}

func (g *Gateway) updateSeatType(ctx context.Context, in *struct {
	Write
	Precondition
	SeatTypePath
	Body DescribeSeatType
}) (*Answer, error) {
	return g.sendToSeatType(ctx, in.Write, in.SeatTypePath, in.Body, contracts.UpdateSeatType{
		ConferenceID: in.ID, SeatTypeID: in.SeatTypeID, Name: in.Body.Name, Description: in.Body.Description,
		Price: in.Body.Price, Quota: in.Body.Quota, SalesWindow: in.Body.SalesWindow, Precondition: in.expected(),
	})
}

func (g *Gateway) removeSeatType(ctx context.Context, in *struct {
	Write
	Precondition
	SeatTypePath
}) (*Answer, error) {
	return g.sendToSeatType(ctx, in.Write, in.SeatTypePath, nil,
		contracts.RemoveSeatType{ConferenceID: in.ID, SeatTypeID: in.SeatTypeID, Precondition: in.expected()})
}

func (g *Gateway) sendToSeatType(ctx context.Context, w Write, at SeatTypePath, body, command any) (*Answer, error) {
	return g.send(ctx, w, body, func(uuid.UUID) Command {
		return Command{Body: command, About: at.ID, ID: at.SeatTypeID, URL: conferenceURL(at.ID)}
	})
}

func (g *Gateway) retryRefund(ctx context.Context, in *struct {
	Write
	ID   uuid.UUID `path:"id" doc:"The payment"`
	Body RetryRefund
}) (*Answer, error) {
	payment, err := ask[view.Payment](g, ctx, "/payments/"+in.ID.String(), refusal.PaymentNotFound)
	if err != nil {
		return nil, err
	}
	if o := originOf(ctx); o.organiser {
		owns, err := g.owns(ctx, o.member.Organisation, payment.Body.OrderID)
		switch {
		case err != nil:
			return nil, g.unavailable(ctx, "ask whose a payment is", err)
		case !owns:
			return nil, problem.New(refusal.PaymentNotFound)
		}
	}
	return g.send(ctx, in.Write, in.Body, func(uuid.UUID) Command {
		return Command{
			Body:  contracts.RefundPayment{PaymentID: in.ID, RefundID: in.Body.RefundID, Attempt: in.Body.Attempt, Reason: in.Body.Reason},
			About: payment.Body.OrderID, ID: in.ID, URL: paymentURL(in.ID),
		}
	})
}
