package view

import (
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
)

// Place is an order's place in line.
type Place struct {
	AllOrNothing bool       `json:"allOrNothing,omitempty" doc:"Fewer seats than wanted are not welcome"`
	Positions    []Position `json:"positions" nullable:"false" doc:"By seat type; a position never gets worse unless the organiser moves the line to another seat type"`
}

// Position is an order's position in the line for a seat type.
type Position struct {
	SeatType uuid.UUID `json:"seatType" format:"uuid"`
	Position int       `json:"position" doc:"From 1, who is served first"`
}

// Waiting is an order in line.
type Waiting struct {
	OrderID      uuid.UUID         `json:"orderId" format:"uuid"`
	Locator      string            `json:"locator"`
	Registrant   *contracts.Person `json:"registrant,omitempty"`
	Place        int               `json:"place" doc:"Who has a lower one is served first; places of those who left are not given again"`
	Wanted       contracts.Seats   `json:"wanted" nullable:"false"`
	AllOrNothing bool              `json:"allOrNothing,omitempty" doc:"Fewer seats than wanted are not welcome"`
	JoinedAt     time.Time         `json:"joinedAt"`
}

// Waitlist are the orders in line for seats of a conference, those first that are
// served first.
type Waitlist struct {
	Waiting []Waiting `json:"waiting" nullable:"false"`
}
