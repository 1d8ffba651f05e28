package view

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
)

// SaleState is the state of a conference's sale.
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

// CatalogueEntry is a published conference in a list.
type CatalogueEntry struct {
	ID        uuid.UUID        `json:"id" format:"uuid"`
	Slug      string           `json:"slug" example:"gophers-2027"`
	Name      string           `json:"name"`
	Location  string           `json:"location"`
	TimeZone  string           `json:"timeZone" doc:"The venue's time zone; the times are in it"`
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
	Next        string           `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// ConferenceSummary is a conference in the organiser's list.
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
	Next        string              `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// OrderSummary is an order in the organiser's list.
type OrderSummary struct {
	ID           uuid.UUID         `json:"id" format:"uuid"`
	ConferenceID uuid.UUID         `json:"conferenceId" format:"uuid"`
	Locator      string            `json:"locator"`
	Status       OrderStatus       `json:"status" enum:"placed,waitlisted,partially-reserved,reserved,confirmed,rejected,expired,cancelled"`
	Registrant   *contracts.Person `json:"registrant,omitempty"`
	Seats        int               `json:"seats" doc:"Seats granted, less those given back or, until the seats have answered, requested"`
	Total        contracts.Money   `json:"total" doc:"Of a confirmed order, what it was confirmed with"`
	Refund       contracts.Money   `json:"refund" doc:"What comes back for seats that were given back while the order stayed"`
	Reason       string            `json:"reason,omitempty" doc:"Why it was rejected"`
	Deadline     time.Time         `json:"deadline,omitzero" doc:"Absent once the order has ended"`
	PlacedAt     time.Time         `json:"placedAt"`
	ConfirmedAt  time.Time         `json:"confirmedAt,omitzero"`
	UpdatedAt    time.Time         `json:"updatedAt"`
}

// OrderList is one page of a conference's orders, newest first.
type OrderList struct {
	Orders []OrderSummary `json:"orders" nullable:"false"`
	// Counts are those of all orders that match the search, of every status.
	Counts map[OrderStatus]int `json:"counts" doc:"Number of orders that match the search, by status"`
	Next   string              `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// AttendeeRow is a seat of a confirmed order with its attendee.
type AttendeeRow struct {
	OrderID  uuid.UUID           `json:"orderId" format:"uuid"`
	Locator  string              `json:"locator"`
	Position int                 `json:"position"`
	SeatType uuid.UUID           `json:"seatType" format:"uuid"`
	SeatName string              `json:"seatName" doc:"The seat type's name when it was ordered"`
	Attendee *contracts.Attendee `json:"attendee,omitempty" doc:"Absent while the seat is unassigned"`
	Holder   *contracts.Person   `json:"registrant,omitempty" doc:"The registrant, who placed the order"`
}

// AttendeeList is one page of a conference's seats and attendees, newest order
// first.
type AttendeeList struct {
	Attendees []AttendeeRow `json:"attendees" nullable:"false"`
	Next      string        `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// Suggestion completes a search for an order while it is typed.
type Suggestion struct {
	OrderID uuid.UUID `json:"orderId" format:"uuid"`
	Kind    string    `json:"kind" enum:"registrant,attendee" doc:"Whose name is shown"`
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	Locator string    `json:"locator"`
}

// Suggestions are the best few suggestions.
type Suggestions struct {
	Suggestions []Suggestion `json:"suggestions" nullable:"false"`
}

// SeatTypeNumbers are the sales figures of a seat type.
type SeatTypeNumbers struct {
	ID        uuid.UUID       `json:"id" format:"uuid"`
	Name      string          `json:"name"`
	Price     contracts.Money `json:"price"`
	Quota     int             `json:"quota"`
	Sold      int             `json:"sold" doc:"Seats of confirmed orders"`
	Held      int             `json:"held" doc:"Seats of orders that have not ended"`
	Remaining int             `json:"remaining"`
	Removed   bool            `json:"removed,omitempty" doc:"Removed from sale, but some of its seats are sold or held"`
}

// HourlySales are the sales of one hour.
type HourlySales struct {
	Hour   time.Time `json:"hour" doc:"When the hour began, UTC"`
	Orders int       `json:"orders"`
	Seats  int       `json:"seats"`
	Amount int64     `json:"amount" doc:"In minor units of the conference's currency"`
}

// Dashboard has the sales figures of a conference. Amounts are in minor units of
// its currency.
type Dashboard struct {
	ConferenceID uuid.UUID           `json:"conferenceId" format:"uuid"`
	Currency     string              `json:"currency"`
	SeatTypes    []SeatTypeNumbers   `json:"seatTypes" nullable:"false"`
	Orders       map[OrderStatus]int `json:"orders" doc:"Orders by status"`
	Sales        []HourlySales       `json:"sales" nullable:"false" doc:"Hours in which orders were confirmed, earliest first; includes orders cancelled later"`
	// Conversion is the share of ended orders that were confirmed, including those
	// cancelled later.
	Conversion float64 `json:"conversion" doc:"Share of confirmed orders among those no longer open, from 0 to 1; 0 if there are none"`
	Gross      int64   `json:"gross" doc:"Money received"`
	Refunded   int64   `json:"refunded" doc:"Money refunded"`
	Refunding  int64   `json:"refunding" doc:"Refunds requested or failed, not made yet"`
	Net        int64   `json:"net" doc:"Money received less all refunds, made or not"`
}

// LoosePayment is a payment that was completed and neither confirmed its order nor
// was refunded.
type LoosePayment struct {
	PaymentID   uuid.UUID       `json:"paymentId" format:"uuid"`
	OrderID     uuid.UUID       `json:"orderId" format:"uuid"`
	OrderStatus OrderStatus     `json:"orderStatus,omitempty" doc:"Absent if the order is unknown"`
	Status      PaymentStatus   `json:"status" enum:"completed,refund-requested" doc:"refund-requested: the provider has not answered yet"`
	Amount      contracts.Money `json:"amount"`
	CompletedAt time.Time       `json:"completedAt"`
}

// LoosePayments are the loose payments, the oldest first.
type LoosePayments struct {
	Payments []LoosePayment `json:"payments" nullable:"false"`
	Next     string         `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// MissingOrder is an order of which only payments are known.
type MissingOrder struct {
	OrderID uuid.UUID `json:"orderId" format:"uuid"`
}

// MissingOrders are the orders of which only payments are known.
type MissingOrders struct {
	Orders []MissingOrder `json:"orders" nullable:"false"`
	Next   string         `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// Attention is what needs an operator: the first entries of each kind, and their
// number.
type Attention struct {
	Overdue        []OverdueOrder     `json:"overdue" nullable:"false" doc:"Orders more than a minute past their deadline that have not ended"`
	FailedRefunds  []FailedRefund     `json:"failedRefunds" nullable:"false"`
	LoosePayments  []LoosePayment     `json:"loosePayments" nullable:"false" doc:"Payments completed minutes ago that neither confirmed an order nor were refunded"`
	StuckOrders    []StuckOrder       `json:"stuckOrders" nullable:"false" doc:"Orders that rest where they should not"`
	Stuck          int                `json:"stuck" doc:"Number of them when they were last swept"`
	Reasons        []DeadLetterReason `json:"reasons" nullable:"false" doc:"Reasons of the unsettled dead letters"`
	ParkedStreams  []ParkedStream     `json:"parkedStreams" nullable:"false"`
	DeadLetters    int                `json:"deadLetters" doc:"Number of unsettled dead letters"`
	Refunds        int                `json:"refunds" doc:"Number of failed refunds"`
	WaitingStreams int                `json:"waitingStreams" doc:"Number of streams of which a later event has arrived but an earlier one has not: it is late or lost"`
	Rebuild        Rebuild            `json:"rebuild"`
}

// Rebuild is the progress of a rebuild of the views, or the end of the last one.
type Rebuild struct {
	Running    bool   `json:"running"`
	Generation int64  `json:"generation" doc:"Number of times the views were built"`
	Events     int64  `json:"events" doc:"Events read from the journal by the running or last rebuild"`
	Of         int64  `json:"of" doc:"Events in the journal when it began"`
	Error      string `json:"error,omitempty" doc:"Why the last rebuild failed"`
}

// FlowEntry is a command or an event in an order's causal graph.
type FlowEntry struct {
	TimelineEntry
	// Number is its position in the flow, from 1.
	Number int `json:"number"`
	// Lane is the app that decided the event or that the command was sent to.
	Lane string `json:"lane"`
	// Skewed says that its time is before its cause's: two clocks differ.
	Skewed bool `json:"skewed,omitempty"`
	// Refused says that the event is the refusal of its command.
	Refused bool `json:"refused,omitempty"`
	// Payload is an event's content, with personal fields masked. A command's content
	// is not kept here.
	Payload json.RawMessage `json:"payload,omitempty"`
}

// Flow is an order's causal graph: its commands and events, causes before effects.
type Flow struct {
	OrderID      uuid.UUID   `json:"orderId" format:"uuid"`
	ConferenceID uuid.UUID   `json:"conferenceId" format:"uuid"`
	Status       OrderStatus `json:"status,omitempty"`
	Lanes        []string    `json:"lanes" nullable:"false" doc:"The apps, in order of appearance"`
	Entries      []FlowEntry `json:"entries" nullable:"false"`
}

// FlowState is an order and its conference at a point in time, with personal fields
// masked.
type FlowState struct {
	At         time.Time   `json:"at" doc:"The point in time"`
	Version    uint64      `json:"version" doc:"Version of the order's stream then; 0 if it was not placed yet"`
	Order      *Order      `json:"order,omitempty" doc:"Absent if it was not placed yet"`
	Conference *Conference `json:"conference,omitempty" doc:"Absent if it did not exist yet"`
}
