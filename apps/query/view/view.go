// Package view is what the query service answers: plain values with JSON names
// and the tags from which an OpenAPI schema can be made. Other apps import it
// to read the answers, so a field may be added, but not removed or renamed.
//
// Times are UTC, but for those of a conference, which are in its time zone;
// money is in minor units.
package view

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/plenary/plenary/contracts"
	"github.com/plenary/plenary/contracts/refusal"
	"github.com/plenary/plenary/engine/es"
)

// Conference is a conference with its live availability.
type Conference struct {
	ID          uuid.UUID `json:"id" format:"uuid"`
	Slug        string    `json:"slug" doc:"Unique name for the address of the conference's page" example:"gophers-2027"`
	Owner       string    `json:"owner" doc:"The organisation that it belongs to"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Location    string    `json:"location"`
	TimeZone    string    `json:"timeZone" doc:"The venue's time zone, as the IANA database names it; all times here are written in it" example:"Europe/Berlin"`
	StartsAt    time.Time `json:"startsAt"`
	EndsAt      time.Time `json:"endsAt"`
	contracts.SalesWindow
	RefundUntil   time.Time  `json:"refundUntil,omitzero" doc:"Until when a paid order can be cancelled with a refund once it is confirmed; absent: never"`
	HandOverUntil time.Time  `json:"handOverUntil,omitzero" doc:"Until when the holder of an order says who has its seats; absent: until the conference starts"`
	Currency      string     `json:"currency" doc:"ISO 4217" example:"USD"`
	Published     bool       `json:"published" doc:"Whether new orders are taken"`
	Public        bool       `json:"public" doc:"Whether it was ever published: until then only the organiser sees it"`
	SeatTypes     []SeatType `json:"seatTypes" nullable:"false"`
	Version       uint64     `json:"version" doc:"Grows with every change that the organiser makes, and not with sales; the ETag, for If-Match"`
	Revision      int64      `json:"revision" doc:"Grows with every change of this view"`
}

// SeatType is one kind of seat of a conference.
type SeatType struct {
	ID          uuid.UUID       `json:"id" format:"uuid"`
	Name        string          `json:"name" example:"General admission"`
	Description string          `json:"description"`
	Price       contracts.Money `json:"price"`
	contracts.SalesWindow
	Sales     Sales `json:"sales" doc:"When it can be ordered: inside its own window and the conference's, and while the conference is published"`
	Quota     int   `json:"quota" doc:"How many seats the organiser offers"`
	Remaining int   `json:"remaining" doc:"How many are neither held nor sold; negative after the quota was lowered below what is held; 0 until the seats are set up"`
}

// Sales is when something can be ordered.
type Sales struct {
	Open  time.Time `json:"open,omitzero" doc:"Absent: since it was published"`
	Close time.Time `json:"close"`
}

// Conferences is one page of a list of conferences.
type Conferences struct {
	Conferences []Conference `json:"conferences" nullable:"false"`
	Next        string       `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}

// OrderStatus is how an order stands.
type OrderStatus string

// The states of an order.
const (
	OrderPlaced            OrderStatus = "placed" // the answer of the seats is awaited
	OrderPartiallyReserved OrderStatus = "partially-reserved"
	OrderReserved          OrderStatus = "reserved"
	OrderConfirmed         OrderStatus = "confirmed"
	OrderRejected          OrderStatus = "rejected"
	OrderExpired           OrderStatus = "expired"
	OrderCancelled         OrderStatus = "cancelled"
)

// Open says whether the order still holds, or waits for, seats that it may
// lose at its deadline.
func (s OrderStatus) Open() bool {
	return s == OrderPlaced || s == OrderPartiallyReserved || s == OrderReserved
}

// Order is an order as its holder may see it: whoever knows its id, or the
// registrant's e-mail and the record locator.
type Order struct {
	ID           uuid.UUID             `json:"id" format:"uuid"`
	ConferenceID uuid.UUID             `json:"conferenceId" format:"uuid"`
	Status       OrderStatus           `json:"status" enum:"placed,partially-reserved,reserved,confirmed,rejected,expired,cancelled"`
	Version      int                   `json:"version" doc:"Version of the items; grows with every change of what is asked for"`
	Lines        []contracts.OrderLine `json:"lines" nullable:"false" doc:"What was requested and what was granted, per seat type"`
	Total        contracts.Money       `json:"total" doc:"The price of what was granted or, before the seats answered, of what was requested"`
	Free         bool                  `json:"isFreeOfCharge"`
	Deadline     time.Time             `json:"deadline" doc:"When the hold of the seats lapses unless the order is confirmed"`
	Reason       string                `json:"reason,omitempty" doc:"Why the order was rejected"`
	Locator      string                `json:"locator" doc:"Record locator: finds the order again, together with the registrant's e-mail" example:"K7PQ2MXA"`
	Registrant   *contracts.Person     `json:"registrant,omitempty"`
	PaymentID    *uuid.UUID            `json:"paymentId,omitempty" format:"uuid" doc:"The payment that confirmed the order"`
	Assignments  []Assignment          `json:"assignments" nullable:"false" doc:"One position per seat of a confirmed order"`
	Payments     []Payment             `json:"payments" nullable:"false"`
	PlacedAt     time.Time             `json:"placedAt"`
	ConfirmedAt  time.Time             `json:"confirmedAt,omitzero"`
	UpdatedAt    time.Time             `json:"updatedAt"`
	Revision     int64                 `json:"revision" doc:"Grows with every change of this view"`
}

// PaymentRefusal is the code with which the order, as it is shown, would refuse a
// payment of that amount; empty: it would not. The order stays the judge: it may
// have gone on since.
func (o Order) PaymentRefusal(amount contracts.Money) (code es.Code) {
	switch {
	case amount != o.Total:
		return refusal.AmountDiffers
	case o.Registrant == nil:
		return refusal.RegistrantRequired
	}
	return map[OrderStatus]es.Code{
		OrderPlaced: refusal.NotReserved, OrderConfirmed: refusal.AlreadyPaid,
		OrderRejected: refusal.OrderRejected, OrderExpired: refusal.OrderExpired, OrderCancelled: refusal.OrderCancelled,
	}[o.Status]
}

// OpenPayment is a payment that can still be made for the items as they are, nil if
// there is none. Those for earlier items are about to be cancelled.
func (o Order) OpenPayment() *Payment {
	i := slices.IndexFunc(o.Payments, func(p Payment) bool { return p.Status == PaymentInitiated && p.Version >= o.Version })
	if i < 0 {
		return nil
	}
	return &o.Payments[i]
}

// HasPayment says whether a payment with that id was opened for the order.
func (o Order) HasPayment(id uuid.UUID) bool {
	return slices.ContainsFunc(o.Payments, func(p Payment) bool { return p.ID == id })
}

// Assignment is one seat of a confirmed order.
type Assignment struct {
	Position int                 `json:"position" doc:"From 0"`
	SeatType uuid.UUID           `json:"seatType" format:"uuid"`
	Attendee *contracts.Attendee `json:"attendee,omitempty" doc:"Absent while nobody is assigned"`
}

// FindOrder asks for an order by what its registrant knows. It travels in a
// request's body, so that no personal data stands in an address.
type FindOrder struct {
	Email   string `json:"email" maxLength:"1000" doc:"The registrant's, in any way of writing it: the domain in letters or in IDNA's ASCII form, in any case, with blanks around"`
	Locator string `json:"locator" maxLength:"100" doc:"In any case, with blanks and hyphens" example:"k7pq-2mxa"`
}

// OverdueOrder is an order that has not ended though its deadline is past.
type OverdueOrder struct {
	OrderID  uuid.UUID   `json:"orderId" format:"uuid"`
	Status   OrderStatus `json:"status" enum:"placed,partially-reserved,reserved"`
	Deadline time.Time   `json:"deadline"`
}

// OverdueOrders are the overdue orders, the longest overdue first.
type OverdueOrders struct {
	Orders []OverdueOrder `json:"orders" nullable:"false"`
	Next   string         `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}

// OutcomeStatus is what became of a command.
type OutcomeStatus string

// The outcomes of a command.
const (
	OutcomeUnknown  OutcomeStatus = "unknown"   // not decided yet, or no such command
	OutcomeAccepted OutcomeStatus = "accepted"  // something happened
	OutcomeRefused  OutcomeStatus = "refused"   // a business rule said no
	OutcomeNoEffect OutcomeStatus = "no-effect" // it was right but changed nothing
)

// Outcome is what became of a command. Once it is known, the views of this
// service include what the command changed.
type Outcome struct {
	CommandID   string        `json:"commandId"`
	CommandType string        `json:"commandType,omitempty" example:"RegisterToConference.v1"`
	Status      OutcomeStatus `json:"status" enum:"unknown,accepted,refused,no-effect"`
	Code        es.Code       `json:"code,omitempty" doc:"Stable code of the refusal" example:"order-expired"`
	Detail      string        `json:"detail,omitempty" doc:"The refusal in English"`
	Stream      string        `json:"stream,omitempty" doc:"The stream that decided the command" example:"order/6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"`
	Version     uint64        `json:"version,omitempty" doc:"The stream's version with the last of the events"`
	Events      []string      `json:"events" nullable:"false" doc:"Types of the events that followed" example:"[\"OrderPlaced.v1\"]"`
}

// SentByRequest is the version of the ids of commands that requests sent: they are
// random. Other ids are derived from their causes, and could be guessed to learn the state
// of an order.
const SentByRequest = 4

// Changes are what has changed since the last Changes of a connection.
type Changes struct {
	// Missed says that anything may have changed beside what is listed.
	Missed      bool      `json:"missed,omitempty"`
	Orders      []string  `json:"orders,omitempty"`
	Conferences []string  `json:"conferences,omitempty"`
	Outcomes    []Outcome `json:"outcomes,omitempty"`
}

// ReadOrders asks for some orders at once.
type ReadOrders struct {
	IDs []uuid.UUID `json:"ids"`
}

// TimelineKind tells the commands of a timeline from its events.
type TimelineKind string

// The kinds of timeline entries.
const (
	TimelineCommand TimelineKind = "command"
	TimelineEvent   TimelineKind = "event"
)

// TimelineEntry is one command or event that touched an order.
type TimelineEntry struct {
	Kind     TimelineKind `json:"kind" enum:"command,event"`
	ID       string       `json:"id"`
	Type     string       `json:"type" example:"OrderPlaced.v1"`
	Time     time.Time    `json:"time" doc:"When a command was sent, or an event happened"`
	Source   string       `json:"source,omitempty" doc:"The app that sent it" example:"order"`
	Stream   string       `json:"stream,omitempty" doc:"Of an event: the stream it belongs to"`
	Version  uint64       `json:"version,omitempty" doc:"Of an event: its place in the stream, from 1"`
	CausedBy string       `json:"causedBy,omitempty" doc:"Id of the command or event that led to it"`
	Detail   string       `json:"detail,omitempty" doc:"What is worth knowing at a glance, in English; never personal data"`
}

// Timeline is a page of the story of one order: causes stand before what they caused.
type Timeline struct {
	OrderID uuid.UUID       `json:"orderId" format:"uuid"`
	Entries []TimelineEntry `json:"entries" nullable:"false"`
	Next    string          `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}

// PaymentStatus is how a payment stands.
type PaymentStatus string

// The states of a payment.
const (
	PaymentInitiated       PaymentStatus = "initiated"
	PaymentCompleted       PaymentStatus = "completed"
	PaymentRejected        PaymentStatus = "rejected"
	PaymentCancelled       PaymentStatus = "cancelled"
	PaymentRefundRequested PaymentStatus = "refund-requested"
	PaymentRefunded        PaymentStatus = "refunded"
	PaymentRefundFailed    PaymentStatus = "refund-failed"
)

// Payment is one attempt to pay an order.
type Payment struct {
	ID                uuid.UUID       `json:"id" format:"uuid"`
	OrderID           uuid.UUID       `json:"orderId" format:"uuid"`
	Amount            contracts.Money `json:"amount"`
	Version           int             `json:"version" doc:"Of the order's items that it is for"`
	Status            PaymentStatus   `json:"status" enum:"initiated,completed,rejected,cancelled,refund-requested,refunded,refund-failed"`
	Provider          string          `json:"provider" example:"demo"`
	ProviderReference string          `json:"providerReference,omitempty" doc:"The provider's name for the last transaction"`
	Reason            string          `json:"reason,omitempty" doc:"Why it was rejected, cancelled or refunded, or why the refund failed"`
	RefundAttempts    int             `json:"refundAttempts,omitempty"`
	InitiatedAt       time.Time       `json:"initiatedAt"`
	CompletedAt       time.Time       `json:"completedAt,omitzero" doc:"When the money was taken"`
	UpdatedAt         time.Time       `json:"updatedAt"`
	Revision          int64           `json:"revision" doc:"Grows with every change of this view"`
}

// FailedRefund is a refund that needs an operator.
type FailedRefund struct {
	PaymentID uuid.UUID       `json:"paymentId" format:"uuid"`
	OrderID   uuid.UUID       `json:"orderId" format:"uuid"`
	Amount    contracts.Money `json:"amount"`
	Attempts  int             `json:"attempts"`
	Reason    string          `json:"reason" doc:"What the provider said to the last attempt"`
	FailedAt  time.Time       `json:"failedAt"`
}

// FailedRefunds are the refunds that need an operator, the oldest first.
type FailedRefunds struct {
	Refunds []FailedRefund `json:"refunds" nullable:"false"`
	Next    string         `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}

// DeadLetterStatus is what was done about a dead letter.
type DeadLetterStatus string

// The states of a dead letter.
const (
	DeadLetterOpen      DeadLetterStatus = "open"
	DeadLetterRetried   DeadLetterStatus = "retried"
	DeadLetterDiscarded DeadLetterStatus = "discarded"
)

// DeadLetter is a message that was given up.
type DeadLetter struct {
	ID          string           `json:"id"`
	Status      DeadLetterStatus `json:"status" enum:"open,retried,discarded"`
	ReceivedAt  time.Time        `json:"receivedAt"`
	Topic       string           `json:"topic,omitempty" doc:"Topic it was given up on; absent when nobody knows" example:"orders"`
	Handler     string           `json:"handler,omitempty" doc:"Who gave it up"`
	Reason      string           `json:"reason" doc:"Why"`
	Attempts    int              `json:"attempts,omitempty"`
	MessageID   string           `json:"messageId,omitempty"`
	MessageType string           `json:"messageType,omitempty" example:"RegisterToConference.v1"`
	Stream      string           `json:"stream,omitempty"`
	RetriedAs   string           `json:"retriedAs,omitempty" doc:"Id under which the message was sent back"`
	ClosedAt    time.Time        `json:"closedAt,omitzero" doc:"When it was sent back or discarded"`
	SettledAt   time.Time        `json:"settledAt,omitzero" doc:"When it became known that the message sent back was handled, or that the stream goes on without it; until then it can be sent back or discarded again"`
	CameBackAs  string           `json:"cameBackAs,omitempty" doc:"The dead letter that the message became when it was sent back"`
	// Message is the message as received when that is JSON, Raw its bytes when
	// it is not. Both are left out of lists: they may hold personal data.
	Message json.RawMessage `json:"message,omitempty" doc:"The message as received"`
	Raw     []byte          `json:"raw,omitempty" doc:"The bytes received, when they are not JSON"`
}

// DeadLetters is one page of dead letters, the newest first.
type DeadLetters struct {
	DeadLetters []DeadLetter `json:"deadLetters" nullable:"false"`
	// Next is the value of the parameter "before" that gives the next page.
	Next string `json:"next,omitempty" doc:"Pass as 'before' for the next page; absent on the last"`
}

// DeadLetterReason is how many dead letters, not dealt with yet, have one reason.
type DeadLetterReason struct {
	Handler     string    `json:"handler" doc:"Who gave the messages up"`
	MessageType string    `json:"messageType" example:"RegisterToConference.v1"`
	Reason      string    `json:"reason"`
	Letters     int       `json:"letters"`
	Since       time.Time `json:"since" doc:"When the oldest was given up"`
	Last        time.Time `json:"last" doc:"When the newest was given up"`
}

// DeadLetterReasons are the reasons, the most frequent first.
type DeadLetterReasons struct {
	Reasons []DeadLetterReason `json:"reasons" nullable:"false"`
}

// ParkedStream is a stream for which there are dead letters that are not settled.
// Its later messages may wait behind them.
type ParkedStream struct {
	Handler string    `json:"handler" doc:"The app whose stream it is" example:"order"`
	Stream  string    `json:"stream" example:"order/6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"`
	Topic   string    `json:"topic" example:"orders"`
	Kind    string    `json:"kind" enum:"command,event"`
	Letters int       `json:"letters" doc:"How many dead letters of it are not settled"`
	Since   time.Time `json:"since" doc:"When the oldest was given up"`
	Last    time.Time `json:"last" doc:"When the newest was given up"`
	Reason  string    `json:"reason" doc:"Of one of them"`
}

// ParkedStreams are the streams with dead letters, the longest parked first.
type ParkedStreams struct {
	Streams []ParkedStream `json:"streams" nullable:"false"`
	Next    string         `json:"next,omitempty" doc:"Pass as 'after' for the next page; absent on the last"`
}

// ChooseDeadLetters chooses dead letters that are not settled yet; what is empty
// chooses all.
type ChooseDeadLetters struct {
	Reason      string `json:"reason,omitempty" maxLength:"10000"`
	Handler     string `json:"handler,omitempty" maxLength:"200"`
	MessageType string `json:"messageType,omitempty" maxLength:"200"`
	Stream      string `json:"stream,omitempty" maxLength:"512"`
	// Again includes those for which something was sent already and has not been
	// handled yet.
	Again bool `json:"again,omitempty" doc:"Also those that were sent back or discarded before and are not settled"`
}

// DeadLettersClosed says what became of the chosen dead letters.
type DeadLettersClosed struct {
	Closed  int  `json:"closed" doc:"How many were sent back, or discarded"`
	Skipped int  `json:"skipped" doc:"How many cannot be sent back, or were dealt with by somebody else meanwhile"`
	More    bool `json:"more" doc:"Whether there are more than one call deals with; ask again"`
}

// FreeStream names a stream in which everything that is parked is to be
// discarded.
type FreeStream struct {
	Handler string `json:"handler" minLength:"1" maxLength:"200" doc:"The app whose stream it is" example:"order"`
	Stream  string `json:"stream" minLength:"3" maxLength:"512" pattern:"^[a-z-]+/.+$" example:"order/6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"`
	Topic   string `json:"topic,omitempty" maxLength:"200" doc:"The topic that the app reads; needed only when there is no dead letter of the stream" example:"orders"`
}
