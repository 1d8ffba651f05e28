package contracts

import (
	"github.com/google/uuid"

	"github.com/plenary/plenary/engine/message"
)

// Precondition is what the sender of a change believes to change.
type Precondition struct {
	// IfVersion is the version of the conference that the organiser saw; absent,
	// the change is made to whatever is there.
	IfVersion uint64 `json:"ifVersion,omitempty"`
}

// Expected is the version that the change is meant for, 0 for any.
func (p Precondition) Expected() uint64 { return p.IfVersion }

// Commands that the conference app receives, all from organisers.
type (
	// CreateConference opens a conference under a slug that no other has, with the seat
	// types that it begins with: those of another, where it is a copy.
	CreateConference struct {
		ConferenceID uuid.UUID         `json:"conferenceId" validate:"required"`
		Slug         string            `json:"slug" validate:"required,max=64"`
		Owner        string            `json:"owner" validate:"required,name"`
		Currency     string            `json:"currency" validate:"required,len=3,uppercase"`
		Details      ConferenceDetails `json:"details"`
		SeatTypes    []NewSeatType     `json:"seatTypes,omitempty" validate:"max=50,dive"`
	}
	// NewSeatType is a seat type that a conference begins with.
	NewSeatType struct {
		SeatTypeID  uuid.UUID `json:"seatTypeId" validate:"required"`
		Name        string    `json:"name" validate:"required,name"`
		Description string    `json:"description" validate:"max=1000,lines"`
		Price       int64     `json:"price"` // minor units of the conference's currency
		Quota       int       `json:"quota"`
		SalesWindow
	}
	// RenameConference gives a draft another slug, and sets the old one free.
	RenameConference struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Slug         string    `json:"slug" validate:"required,max=64"`
		Precondition
	}
	// DeleteConference gives a draft up, and sets its slug free.
	DeleteConference struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Precondition
	}
	// UpdateConference replaces the details.
	UpdateConference struct {
		ConferenceID uuid.UUID         `json:"conferenceId" validate:"required"`
		Details      ConferenceDetails `json:"details"`
		Precondition
	}
	// PublishConference opens the sale.
	PublishConference struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Precondition
	}
	// UnpublishConference stops new orders.
	UnpublishConference struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Precondition
	}
	// AddSeatType adds a kind of seat with its price and quota.
	AddSeatType struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Name         string    `json:"name" validate:"required,name"`
		Description  string    `json:"description" validate:"max=1000,lines"`
		Price        int64     `json:"price"` // minor units of the conference's currency
		Quota        int       `json:"quota"`
		SalesWindow
		Precondition
	}
	// UpdateSeatType replaces all that is said of a seat type; its quota may go
	// below what is held.
	UpdateSeatType struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Name         string    `json:"name" validate:"required,name"`
		Description  string    `json:"description" validate:"max=1000,lines"`
		Price        int64     `json:"price"`
		Quota        int       `json:"quota"`
		SalesWindow
		Precondition
	}
	// RemoveSeatType takes a seat type off sale; seats held of it stay held.
	RemoveSeatType struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Precondition
	}
	// CloseWaitlist ends the line of a seat type: those in it are told, and nobody joins it.
	CloseWaitlist struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Precondition
	}
	// ReopenWaitlist lets people join the line of a seat type again.
	ReopenWaitlist struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Precondition
	}
	// MoveWaitlist moves those in line for one seat type to the end of another's line.
	MoveWaitlist struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		To           uuid.UUID `json:"to" validate:"required"`
		Precondition
	}
)

// Events of a conference.
type (
	// ConferenceCreated opens a conference, unpublished.
	ConferenceCreated struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		// OrganisationID is whose conference it is, for ever; absent: MainOrganisation's.
		OrganisationID uuid.UUID         `json:"organisationId,omitzero"`
		Slug           string            `json:"slug"`
		Owner          string            `json:"owner"`
		Currency       string            `json:"currency"`
		Details        ConferenceDetails `json:"details"`
	}
	// ConferenceRenamed gives a draft another slug.
	ConferenceRenamed struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		Slug         string    `json:"slug"`
	}
	// ConferenceDeleted gives a draft up.
	ConferenceDeleted struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
	}
	// ConferenceUpdated replaces the details.
	ConferenceUpdated struct {
		ConferenceID uuid.UUID         `json:"conferenceId" validate:"required"`
		Details      ConferenceDetails `json:"details"`
	}
	// ConferencePublished opens the sale.
	ConferencePublished struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
	}
	// ConferenceUnpublished stops new orders.
	ConferenceUnpublished struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
	}
	// SeatTypeAdded adds a seat type.
	SeatTypeAdded struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Name         string    `json:"name"`
		Description  string    `json:"description"`
		Price        Money     `json:"price"`
		Quota        int       `json:"quota"`
		SalesWindow
	}
	// SeatTypeUpdated replaces what is said of a seat type.
	SeatTypeUpdated struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		Name         string    `json:"name"`
		Description  string    `json:"description"`
		Price        Money     `json:"price"`
		Quota        int       `json:"quota"`
		SalesWindow
	}
	// SeatTypeRemoved takes a seat type off sale.
	SeatTypeRemoved struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
	}
	// WaitlistClosed ends the line of a seat type.
	WaitlistClosed struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
	}
	// WaitlistReopened lets people join the line of a seat type again.
	WaitlistReopened struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
	}
	// WaitlistMoved moves those in line for one seat type to another's line.
	WaitlistMoved struct {
		ConferenceID uuid.UUID `json:"conferenceId" validate:"required"`
		SeatTypeID   uuid.UUID `json:"seatTypeId" validate:"required"`
		To           uuid.UUID `json:"to" validate:"required"`
	}
)

func conferences(r *message.Registry) {
	command(r, TopicConferences, "CreateConference.v1", func(c CreateConference) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "RenameConference.v1", func(c RenameConference) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "DeleteConference.v1", func(c DeleteConference) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "UpdateConference.v1", func(c UpdateConference) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "PublishConference.v1", func(c PublishConference) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "UnpublishConference.v1", func(c UnpublishConference) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "AddSeatType.v1", func(c AddSeatType) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "UpdateSeatType.v1", func(c UpdateSeatType) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "RemoveSeatType.v1", func(c RemoveSeatType) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "CloseWaitlist.v1", func(c CloseWaitlist) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "ReopenWaitlist.v1", func(c ReopenWaitlist) uuid.UUID { return c.ConferenceID })
	command(r, TopicConferences, "MoveWaitlist.v1", func(c MoveWaitlist) uuid.UUID { return c.ConferenceID })

	event(r, "ConferenceCreated.v1", func(e ConferenceCreated) uuid.UUID { return e.ConferenceID })
	event(r, "ConferenceRenamed.v1", func(e ConferenceRenamed) uuid.UUID { return e.ConferenceID })
	event(r, "ConferenceDeleted.v1", func(e ConferenceDeleted) uuid.UUID { return e.ConferenceID })
	event(r, "ConferenceUpdated.v1", func(e ConferenceUpdated) uuid.UUID { return e.ConferenceID })
	event(r, "ConferencePublished.v1", func(e ConferencePublished) uuid.UUID { return e.ConferenceID })
	event(r, "ConferenceUnpublished.v1", func(e ConferenceUnpublished) uuid.UUID { return e.ConferenceID })
	event(r, "SeatTypeAdded.v1", func(e SeatTypeAdded) uuid.UUID { return e.ConferenceID })
	event(r, "SeatTypeUpdated.v1", func(e SeatTypeUpdated) uuid.UUID { return e.ConferenceID })
	event(r, "SeatTypeRemoved.v1", func(e SeatTypeRemoved) uuid.UUID { return e.ConferenceID })
	event(r, "WaitlistClosed.v1", func(e WaitlistClosed) uuid.UUID { return e.ConferenceID })
	event(r, "WaitlistReopened.v1", func(e WaitlistReopened) uuid.UUID { return e.ConferenceID })
	event(r, "WaitlistMoved.v1", func(e WaitlistMoved) uuid.UUID { return e.ConferenceID })
}
