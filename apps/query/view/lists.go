package view

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
)

// SaleState is how a conference's sale stands.
type SaleState string

// The states of a sale.
const (
	SaleNotOpen SaleState = "not-open" // no seat type can be ordered yet
	SaleOpen    SaleState = "open"
	SaleFewLeft SaleState = "few-left" // of all that can be ordered now
	SaleSoldOut SaleState = "sold-out"
	SaleClosed  SaleState = "closed" // before the conference has ended
	SaleOver    SaleState = "over"   // the conference has ended
)

// FewLeft is how many seats that are left are few.
const FewLeft = 10

// CatalogueEntry is a published conference as a list shows it.
type CatalogueEntry struct {
	ID        uuid.UUID        `json:"id" format:"uuid"`
	Slug      string           `json:"slug" example:"gophers-2027"`
	Name      string           `json:"name"`
	Location  string           `json:"location"`
	TimeZone  string           `json:"timeZone" doc:"The venue's; the times are written in it"`
	StartsAt  time.Time        `json:"startsAt"`
	EndsAt    time.Time        `json:"endsAt"`
	From      *contracts.Money `json:"from,omitempty" doc:"The lowest price of a seat that can be ordered now or, when there is none, later or at all; nothing only if all of these cost nothing"`
	Sale      SaleState        `json:"sale" enum:"not-open,open,few-left,sold-out,closed,over"`
	OpensAt   time.Time        `json:"opensAt,omitzero" doc:"When sales open, if they are not open yet"`
	Remaining int              `json:"remaining" doc:"Seats that can be ordered now"`
}

// Catalogue is one page of the published conferences.
type Catalogue struct {
	Conferences []CatalogueEntry `json:"conferences" nullable:"false"`
	Next        string           `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}

// ConferenceSummary is a conference as its organiser's list shows it.
type ConferenceSummary struct {
	ID        uuid.UUID `json:"id" format:"uuid"`
	Slug      string    `json:"slug"`
	Name      string    `json:"name"`
	TimeZone  string    `json:"timeZone"`
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	Published bool      `json:"published"`
	Quota     int       `json:"quota"`
	Sold      int       `json:"sold"`
	Held      int       `json:"held"`
	Remaining int       `json:"remaining"`
}

// ConferenceSummaries is one page of an organiser's conferences.
type ConferenceSummaries struct {
	Conferences []ConferenceSummary `json:"conferences" nullable:"false"`
	Next        string              `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}

// OrderSummary is an order as its organiser's list shows it.
type OrderSummary struct {
	ID           uuid.UUID         `json:"id" format:"uuid"`
	ConferenceID uuid.UUID         `json:"conferenceId" format:"uuid"`
	Locator      string            `json:"locator"`
	Status       OrderStatus       `json:"status" enum:"placed,partially-reserved,reserved,confirmed,rejected,expired,cancelled"`
	Registrant   *contracts.Person `json:"registrant,omitempty"`
	Seats        int               `json:"seats" doc:"Seats granted or, before the seats answered, requested"`
	Total        contracts.Money   `json:"total"`
	Reason       string            `json:"reason,omitempty" doc:"Why it was rejected"`
	Deadline     time.Time         `json:"deadline,omitzero" doc:"Of an order that has not ended"`
	PlacedAt     time.Time         `json:"placedAt"`
	ConfirmedAt  time.Time         `json:"confirmedAt,omitzero"`
	UpdatedAt    time.Time         `json:"updatedAt"`
}

// OrderList is one page of a conference's orders, the newest first.
type OrderList struct {
	Orders []OrderSummary `json:"orders" nullable:"false"`
	// Counts are those of all orders that the search finds, whatever status is
	// asked for.
	Counts map[OrderStatus]int `json:"counts" doc:"How many orders the search finds in each status"`
	Next   string              `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}

// AttendeeRow is a seat of a confirmed order, with who sits there.
type AttendeeRow struct {
	OrderID  uuid.UUID           `json:"orderId" format:"uuid"`
	Locator  string              `json:"locator"`
	Position int                 `json:"position"`
	SeatType uuid.UUID           `json:"seatType" format:"uuid"`
	SeatName string              `json:"seatName" doc:"The seat type's name when it was ordered"`
	Attendee *contracts.Attendee `json:"attendee,omitempty" doc:"Absent while nobody is assigned"`
	Holder   *contracts.Person   `json:"registrant,omitempty" doc:"Who placed the order"`
}

// AttendeeList is one page of a conference's seats and attendees, those of the
// newest order first.
type AttendeeList struct {
	Attendees []AttendeeRow `json:"attendees" nullable:"false"`
	Next      string        `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}

// Suggestion completes what somebody is typing to find an order.
type Suggestion struct {
	OrderID uuid.UUID `json:"orderId" format:"uuid"`
	Kind    string    `json:"kind" enum:"registrant,attendee" doc:"Whose name is shown"`
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	Locator string    `json:"locator"`
}

// Suggestions are a few of them.
type Suggestions struct {
	Suggestions []Suggestion `json:"suggestions" nullable:"false"`
}

// SeatTypeNumbers is how a seat type sells.
type SeatTypeNumbers struct {
	ID        uuid.UUID       `json:"id" format:"uuid"`
	Name      string          `json:"name"`
	Price     contracts.Money `json:"price"`
	Quota     int             `json:"quota"`
	Sold      int             `json:"sold" doc:"Seats of confirmed orders"`
	Held      int             `json:"held" doc:"Seats of orders that have not ended"`
	Remaining int             `json:"remaining"`
	Removed   bool            `json:"removed,omitempty" doc:"It is not on sale any more, and some of its seats are sold or held"`
}

// HourlySales is what was sold in one hour.
type HourlySales struct {
	Hour   time.Time `json:"hour" doc:"When the hour began, UTC"`
	Orders int       `json:"orders"`
	Seats  int       `json:"seats"`
	Amount int64     `json:"amount" doc:"In minor units of the conference's currency"`
}

// Dashboard is how a conference sells. Amounts are in minor units of its
// currency.
type Dashboard struct {
	ConferenceID uuid.UUID           `json:"conferenceId" format:"uuid"`
	Currency     string              `json:"currency"`
	SeatTypes    []SeatTypeNumbers   `json:"seatTypes" nullable:"false"`
	Orders       map[OrderStatus]int `json:"orders" doc:"Orders by status"`
	Sales        []HourlySales       `json:"sales" nullable:"false" doc:"Hours in which orders were confirmed, the earliest first; orders cancelled later are among them"`
	// Conversion is the part of the orders that have ended that were confirmed, also
	// when they were cancelled later.
	Conversion float64 `json:"conversion" doc:"From 0 to 1: confirmed orders of those that are not open any more; 0 if there are none"`
	Gross      int64   `json:"gross" doc:"Money taken"`
	Refunded   int64   `json:"refunded" doc:"Money given back"`
	Refunding  int64   `json:"refunding" doc:"Money that is on its way back, or could not be given back yet"`
	Net        int64   `json:"net" doc:"What is left of the money taken when all refunds are done"`
}

// LoosePayment is a payment that was completed and neither confirmed its order nor
// was refunded.
type LoosePayment struct {
	PaymentID   uuid.UUID       `json:"paymentId" format:"uuid"`
	OrderID     uuid.UUID       `json:"orderId" format:"uuid"`
	OrderStatus OrderStatus     `json:"orderStatus,omitempty" doc:"Absent when nothing is known of the order"`
	Status      PaymentStatus   `json:"status" enum:"completed,refund-requested" doc:"refund-requested: the provider was asked, and has not answered"`
	Amount      contracts.Money `json:"amount"`
	CompletedAt time.Time       `json:"completedAt"`
}

// LoosePayments are the loose payments, the oldest first.
type LoosePayments struct {
	Payments []LoosePayment `json:"payments" nullable:"false"`
	Next     string         `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}

// MissingOrder is an order that there are payments of, and nothing else.
type MissingOrder struct {
	OrderID uuid.UUID `json:"orderId" format:"uuid"`
}

// MissingOrders are the orders that there are payments of, and nothing else.
type MissingOrders struct {
	Orders []MissingOrder `json:"orders" nullable:"false"`
	Next   string         `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}

// Attention is what needs an operator: the first few of each kind, and how many
// there are.
type Attention struct {
	Overdue        []OverdueOrder     `json:"overdue" nullable:"false" doc:"Orders past their deadline by more than a minute that have not ended"`
	FailedRefunds  []FailedRefund     `json:"failedRefunds" nullable:"false"`
	LoosePayments  []LoosePayment     `json:"loosePayments" nullable:"false" doc:"Payments completed minutes ago that neither confirmed an order nor were refunded"`
	Reasons        []DeadLetterReason `json:"reasons" nullable:"false" doc:"Why messages were given up that are not dealt with"`
	ParkedStreams  []ParkedStream     `json:"parkedStreams" nullable:"false"`
	DeadLetters    int                `json:"deadLetters" doc:"Dead letters that are not settled"`
	Refunds        int                `json:"refunds" doc:"Refunds that failed"`
	WaitingStreams int                `json:"waitingStreams" doc:"Streams of which a later event is here and an earlier one is not: that was lost, or is late"`
	Rebuild        Rebuild            `json:"rebuild"`
}

// Rebuild is how far a rebuild of the views has come, or how the last one ended.
type Rebuild struct {
	Running    bool   `json:"running"`
	Generation int64  `json:"generation" doc:"How often the views were built"`
	Events     int64  `json:"events" doc:"Read from the journal by the running or last rebuild"`
	Of         int64  `json:"of" doc:"In the journal when it began"`
	Error      string `json:"error,omitempty" doc:"Why the last one failed"`
}

// FlowEntry is a command or an event in an order's causal graph.
type FlowEntry struct {
	TimelineEntry
	// Number is its place in the story, from 1.
	Number int `json:"number"`
	// Lane is the app that decided an event, or that a command was sent to.
	Lane string `json:"lane"`
	// Skewed says that its time is before that of its cause: two clocks differ.
	Skewed bool `json:"skewed,omitempty"`
	// Refused says that the event is the refusal of its command.
	Refused bool `json:"refused,omitempty"`
	// Payload is an event's content, with personal fields masked. That of a command
	// is not kept here.
	Payload json.RawMessage `json:"payload,omitempty"`
}

// Flow is an order's causal graph: what touched it and what caused what, causes
// before what they caused.
type Flow struct {
	OrderID      uuid.UUID   `json:"orderId" format:"uuid"`
	ConferenceID uuid.UUID   `json:"conferenceId" format:"uuid"`
	Status       OrderStatus `json:"status,omitempty"`
	Lanes        []string    `json:"lanes" nullable:"false" doc:"The apps, in the order in which they appear"`
	Entries      []FlowEntry `json:"entries" nullable:"false"`
}

// FlowState is an order and its conference as they were at a moment, with personal
// fields masked.
type FlowState struct {
	At         time.Time   `json:"at" doc:"The moment"`
	Version    uint64      `json:"version" doc:"Of the order's stream, at that moment; 0 when it was not placed yet"`
	Order      *Order      `json:"order,omitempty" doc:"Absent when it was not placed yet"`
	Conference *Conference `json:"conference,omitempty" doc:"Absent when it was not there yet"`
}
