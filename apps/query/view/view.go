// Package view has the query service's answers: plain values with JSON names and
// tags for an OpenAPI schema. Other apps import it to read the answers, so fields
// may be added but not removed or renamed.
//
// Times are UTC, except those of a conference, which are in its time zone; money
// is in minor units.
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
	ID    uuid.UUID `json:"id" format:"uuid"`
	Slug  string    `json:"slug" doc:"Unique name, used in the address of the conference's page" example:"gophers-2027"`
	Owner string    `json:"owner" doc:"Who organises it, as its page says"`
	// OrganisationID is whose members see to it.
	OrganisationID uuid.UUID `json:"organisationId" format:"uuid" doc:"The organisation whose members see to it"`
	Name           string    `json:"name"`
	Description    string    `json:"description"`
	Location       string    `json:"location"`
	TimeZone       string    `json:"timeZone" doc:"The venue's time zone (IANA name); all times of the conference are in it" example:"Europe/Berlin"`
	StartsAt       time.Time `json:"startsAt"`
	EndsAt         time.Time `json:"endsAt"`
	contracts.SalesWindow
	RefundUntil   time.Time  `json:"refundUntil,omitzero" doc:"Until when a paid order can be cancelled with a refund once it is confirmed; absent: never"`
	HandOverUntil time.Time  `json:"handOverUntil,omitzero" doc:"Until when the holder of an order says who has its seats; absent: until the conference starts"`
	Currency      string     `json:"currency" doc:"ISO 4217" example:"USD"`
	Published     bool       `json:"published" doc:"Whether new orders are taken"`
	Public        bool       `json:"public" doc:"Whether it was ever published: until then only the organiser sees it"`
	SeatTypes     []SeatType `json:"seatTypes" nullable:"false"`
	Version       uint64     `json:"version" doc:"Increases with every change by the organiser, but not with sales; it is the ETag, for If-Match"`
	Revision      int64      `json:"revision" doc:"Increases with every change of this view"`
}

// SeatType is one kind of seat of a conference.
type SeatType struct {
	ID          uuid.UUID       `json:"id" format:"uuid"`
	Name        string          `json:"name" example:"General admission"`
	Description string          `json:"description"`
	Price       contracts.Money `json:"price"`
	contracts.SalesWindow
	Sales     Sales `json:"sales" doc:"When it can be ordered: within its own sales window and the conference's, while the conference is published"`
	Quota     int   `json:"quota" doc:"Number of seats the organiser offers"`
	Remaining int   `json:"remaining" doc:"Seats neither held nor sold; negative after the quota was set below the number held; 0 until the seats are set up"`
	// WaitlistClosed and Waiting are of the line for its seats.
	WaitlistClosed bool `json:"waitlistClosed" doc:"Whether the organiser has closed the line: nobody may wait for its seats"`
	Waiting        int  `json:"waiting" doc:"Orders in line for its seats"`
}

// Sales is when something can be ordered.
type Sales struct {
	Open  time.Time `json:"open,omitzero" doc:"Absent: as soon as the conference was published"`
	Close time.Time `json:"close"`
}

// Conferences is one page of a list of conferences.
type Conferences struct {
	Conferences []Conference `json:"conferences" nullable:"false"`
	Next        string       `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// OrderStatus is the status of an order.
type OrderStatus string

// The states of an order.
const (
	OrderPlaced            OrderStatus = "placed" // waiting for the seats' answer
	OrderWaitlisted        OrderStatus = "waitlisted"
	OrderPartiallyReserved OrderStatus = "partially-reserved"
	OrderReserved          OrderStatus = "reserved"
	OrderConfirmed         OrderStatus = "confirmed"
	OrderRejected          OrderStatus = "rejected"
	OrderExpired           OrderStatus = "expired"
	OrderCancelled         OrderStatus = "cancelled"
)

// Open says whether the order holds, or waits for, seats that it may lose at its
// deadline.
func (s OrderStatus) Open() bool {
	return s == OrderPlaced || s == OrderWaitlisted || s == OrderPartiallyReserved || s == OrderReserved
}

// Order is an order as its holder may see it.
type Order struct {
	ID           uuid.UUID                 `json:"id" format:"uuid"`
	ConferenceID uuid.UUID                 `json:"conferenceId" format:"uuid"`
	Status       OrderStatus               `json:"status" enum:"placed,waitlisted,partially-reserved,reserved,confirmed,rejected,expired,cancelled"`
	Version      int                       `json:"version" doc:"Version of the items; increases with every change of them"`
	Lines        []contracts.OrderLine     `json:"lines" nullable:"false" doc:"Seats requested and granted, per seat type"`
	Discounts    []contracts.OrderDiscount `json:"discounts" nullable:"false" doc:"What each promo code takes off, in the order in which they take effect"`
	PromoCodes   []OrderPromoCode          `json:"promoCodes" nullable:"false" doc:"The codes that were asked for, with what became of them"`
	Total        contracts.Money           `json:"total" doc:"Price of the seats granted or, until the seats have answered, requested, less the discounts"`
	Free         bool                      `json:"isFreeOfCharge"`
	Deadline     time.Time                 `json:"deadline" doc:"When the hold on the seats ends unless the order is confirmed; of an order in line, when it waits no more: when the conference starts"`
	Waitlist     *Place                    `json:"waitlist,omitempty" doc:"Present while the order is in line"`
	Offered      bool                      `json:"offered,omitempty" doc:"The seats were offered to the order when it was in line"`
	RestID       *uuid.UUID                `json:"restId,omitempty" format:"uuid" doc:"The order that waits in line for the seats that this one did not get"`
	WaitsFor     *uuid.UUID                `json:"waitsFor,omitempty" format:"uuid" doc:"The order that got fewer seats than it asked for; this one waits for the rest"`
	Reason       string                    `json:"reason,omitempty" doc:"Why the order was rejected"`
	Locator      string                    `json:"locator" doc:"Record locator: together with the registrant's e-mail address it finds the order again" example:"K7PQ2MXA"`
	Registrant   *contracts.Person         `json:"registrant,omitempty"`
	PaymentID    *uuid.UUID                `json:"paymentId,omitempty" format:"uuid" doc:"The payment that confirmed the order"`
	Positions    []OrderPosition           `json:"positions,omitempty" doc:"The seats with which the order was confirmed, one by one; absent before. Lines, discounts and total stay what it was confirmed with when some are given back"`
	GivenBack    []SeatsGivenBack          `json:"givenBack,omitempty" doc:"When some of the seats were given back, earliest first"`
	Assignments  []Assignment              `json:"assignments" nullable:"false" doc:"One entry per seat that a confirmed order has"`
	Payments     []Payment                 `json:"payments" nullable:"false"`
	PlacedAt     time.Time                 `json:"placedAt"`
	ConfirmedAt  time.Time                 `json:"confirmedAt,omitzero"`
	UpdatedAt    time.Time                 `json:"updatedAt"`
	Revision     int64                     `json:"revision" doc:"Increases with every change of this view"`
}

// Checking says that a promo code of the order has not been answered, so that its
// price may change.
func (o Order) Checking() bool {
	return slices.ContainsFunc(o.PromoCodes, func(c OrderPromoCode) bool { return c.State == PromoCodeRequested })
}

// PaymentRefusal is the code with which the order, as shown, would refuse a payment
// of that amount; empty if it would not. Only the order itself decides: it may have
// changed since.
func (o Order) PaymentRefusal(amount contracts.Money) (code es.Code) {
	switch {
	case amount != o.Total:
		return refusal.AmountDiffers
	case o.Registrant == nil:
		return refusal.RegistrantRequired
	}
	return map[OrderStatus]es.Code{
		OrderPlaced: refusal.NotReserved, OrderWaitlisted: refusal.NotReserved, OrderConfirmed: refusal.AlreadyPaid,
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

// OrderPosition is one seat with which an order was confirmed.
type OrderPosition struct {
	Position  int             `json:"position" doc:"Position of the seat in the order, from 0"`
	SeatType  uuid.UUID       `json:"seatType" format:"uuid"`
	Price     contracts.Money `json:"price" doc:"The seat's share of the total, less its discounts: what comes back when it is given back"`
	GivenBack bool            `json:"givenBack,omitempty"`
}

// SeatsGivenBack is some seats of a confirmed order that were given back.
type SeatsGivenBack struct {
	Number      int             `json:"number" doc:"Counts from 1; it is the id of the refund"`
	Positions   []int           `json:"positions" nullable:"false"`
	Refund      contracts.Money `json:"refund" doc:"What comes back for them"`
	ByOrganiser bool            `json:"byOrganiser,omitempty"`
	At          time.Time       `json:"at"`
}

// Has is how many seats of a line the order has, or holds.
func (o Order) Has(line contracts.OrderLine) int {
	n := line.Granted
	for _, p := range o.Positions {
		if p.GivenBack && p.SeatType == line.SeatType {
			n--
		}
	}
	return n
}

// Returned is what comes back for all seats that were given back while the order stayed.
func (o Order) Returned() contracts.Money {
	sum := contracts.Money{Currency: o.Total.Currency}
	for _, g := range o.GivenBack {
		sum.Amount += g.Refund.Amount
	}
	return sum
}

// Assignment is one seat of a confirmed order.
type Assignment struct {
	Position int                 `json:"position" doc:"Position of the seat in the order, from 0"`
	SeatType uuid.UUID           `json:"seatType" format:"uuid"`
	Attendee *contracts.Attendee `json:"attendee,omitempty" doc:"Absent while the seat is unassigned"`
}

// FindOrder finds an order by what its registrant knows. It is sent in a request's
// body, to keep personal data out of addresses.
type FindOrder struct {
	Email   string `json:"email" maxLength:"1000" doc:"The registrant's e-mail address in any spelling: upper or lower case, the domain in Unicode or in IDNA's ASCII form, with spaces around it"`
	Locator string `json:"locator" maxLength:"100" doc:"The record locator, in upper or lower case, with or without spaces and hyphens" example:"k7pq-2mxa"`
}

// CountSeats asks for the seats of an e-mail address in the conference of an order: of that
// which the order is to get or, without one, of that which it has.
type CountSeats struct {
	OrderID uuid.UUID `json:"orderId"`
	Email   string    `json:"email,omitempty"`
}

// SeatsCounted are seats that orders have, hold or wait for.
type SeatsCounted struct {
	// Order are those of the order itself, and Others those of the other orders of the
	// e-mail address in its conference.
	Order  int `json:"order"`
	Others int `json:"others"`
	// Already says that the order has the e-mail address.
	Already bool `json:"already"`
}

// Wants is how many seats the order has, holds or waits for.
func (o Order) Wants() (n int) {
	for _, l := range o.Lines {
		switch o.Status {
		case OrderPlaced, OrderWaitlisted:
			n += l.Requested
		case OrderPartiallyReserved, OrderReserved, OrderConfirmed:
			n += o.Has(l)
		}
	}
	return n
}

// OverdueOrder is an order that is past its deadline and has not ended.
type OverdueOrder struct {
	OrderID  uuid.UUID   `json:"orderId" format:"uuid"`
	Status   OrderStatus `json:"status" enum:"placed,waitlisted,partially-reserved,reserved"`
	Deadline time.Time   `json:"deadline"`
}

// OverdueOrders are the overdue orders, the longest overdue first.
type OverdueOrders struct {
	Orders []OverdueOrder `json:"orders" nullable:"false"`
	Next   string         `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// OutcomeStatus is the status of a command.
type OutcomeStatus string

// The outcomes of a command.
const (
	OutcomeUnknown  OutcomeStatus = "unknown"   // not decided yet, or no such command
	OutcomeAccepted OutcomeStatus = "accepted"  // it led to events
	OutcomeRefused  OutcomeStatus = "refused"   // by a business rule
	OutcomeNoEffect OutcomeStatus = "no-effect" // valid, but it changed nothing
)

// Outcome is the outcome of a command. Once it is known, the views of this service
// include the command's effect.
type Outcome struct {
	CommandID   string        `json:"commandId"`
	CommandType string        `json:"commandType,omitempty" example:"RegisterToConference.v1"`
	Status      OutcomeStatus `json:"status" enum:"unknown,accepted,refused,no-effect"`
	Code        es.Code       `json:"code,omitempty" doc:"Stable code of the refusal" example:"order-expired"`
	Detail      string        `json:"detail,omitempty" doc:"The refusal, in English"`
	Actor       string        `json:"actor,omitempty" doc:"On whose behalf the command was sent"`
	Stream      string        `json:"stream,omitempty" doc:"The stream that decided the command" example:"order/6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"`
	Version     uint64        `json:"version,omitempty" doc:"The stream's version after the last of the events"`
	Events      []string      `json:"events" nullable:"false" doc:"Types of the resulting events" example:"[\"OrderPlaced.v1\"]"`
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
	Time     time.Time    `json:"time" doc:"When the command was sent or the event happened"`
	Source   string       `json:"source,omitempty" doc:"The app that sent it" example:"order"`
	Stream   string       `json:"stream,omitempty" doc:"The event's stream; absent for commands"`
	Version  uint64       `json:"version,omitempty" doc:"The event's position in its stream, from 1; absent for commands"`
	CausedBy string       `json:"causedBy,omitempty" doc:"Id of the command or event that caused it"`
	Detail   string       `json:"detail,omitempty" doc:"Short summary in English; never personal data"`
}

// Timeline is a page of the story of one order: causes stand before what they caused.
type Timeline struct {
	OrderID uuid.UUID       `json:"orderId" format:"uuid"`
	Entries []TimelineEntry `json:"entries" nullable:"false"`
	Next    string          `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// PaymentStatus is the status of a payment.
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
	ProviderReference string          `json:"providerReference,omitempty" doc:"The provider's reference for the last transaction"`
	Reason            string          `json:"reason,omitempty" doc:"Why it was rejected, cancelled or refunded, or why the refund failed"`
	RefundAttempts    int             `json:"refundAttempts,omitempty"`
	Refunds           []Refund        `json:"refunds,omitempty" doc:"Each refund that was asked for: of the whole, or of seats that were given back"`
	InitiatedAt       time.Time       `json:"initiatedAt"`
	CompletedAt       time.Time       `json:"completedAt,omitzero" doc:"When the money was taken"`
	UpdatedAt         time.Time       `json:"updatedAt"`
	Revision          int64           `json:"revision" doc:"Increases with every change of this view"`
}

// Refund is a refund of a payment, or of a part of it.
type Refund struct {
	ID                int             `json:"id" doc:"0: of the whole payment, or what is left of it; else the number with which seats were given back"`
	Amount            contracts.Money `json:"amount"`
	Status            PaymentStatus   `json:"status" enum:"refund-requested,refunded,refund-failed"`
	Attempts          int             `json:"attempts"`
	Reason            string          `json:"reason,omitempty" doc:"Why it was asked for, or why it failed"`
	ProviderReference string          `json:"providerReference,omitempty"`
	UpdatedAt         time.Time       `json:"updatedAt"`
}

// In is how much of the payment has refunds of that status, in minor units.
func (p Payment) In(status PaymentStatus) (sum int64) {
	for _, r := range p.Refunds {
		if r.Status == status {
			sum += r.Amount.Amount
		}
	}
	return sum
}

// AwaitsRefundSince says that the provider was asked for a refund before a time, and has not
// answered.
func (p Payment) AwaitsRefundSince(before time.Time) bool {
	return slices.ContainsFunc(p.Refunds, func(r Refund) bool { return r.Status == PaymentRefundRequested && r.UpdatedAt.Before(before) })
}

// FailedRefund is a refund that needs an operator.
type FailedRefund struct {
	PaymentID uuid.UUID       `json:"paymentId" format:"uuid"`
	RefundID  int             `json:"refundId" doc:"Which refund of the payment; 0: of the whole"`
	OrderID   uuid.UUID       `json:"orderId" format:"uuid"`
	Amount    contracts.Money `json:"amount"`
	Attempts  int             `json:"attempts"`
	Reason    string          `json:"reason" doc:"The provider's answer to the last attempt"`
	FailedAt  time.Time       `json:"failedAt"`
}

// FailedRefunds are the refunds that need an operator, the oldest first.
type FailedRefunds struct {
	Refunds []FailedRefund `json:"refunds" nullable:"false"`
	Next    string         `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// DeadLetterStatus is what was done with a dead letter.
type DeadLetterStatus string

// The states of a dead letter.
const (
	DeadLetterOpen      DeadLetterStatus = "open"
	DeadLetterRetried   DeadLetterStatus = "retried"
	DeadLetterDiscarded DeadLetterStatus = "discarded"
)

// DeadLetter is a message whose handling was given up.
type DeadLetter struct {
	ID          string           `json:"id"`
	Status      DeadLetterStatus `json:"status" enum:"open,retried,discarded"`
	ReceivedAt  time.Time        `json:"receivedAt"`
	Topic       string           `json:"topic,omitempty" doc:"Topic the message came from; absent if unknown" example:"orders"`
	Handler     string           `json:"handler,omitempty" doc:"App that gave it up"`
	Reason      string           `json:"reason" doc:"Why it was given up"`
	Attempts    int              `json:"attempts,omitempty"`
	MessageID   string           `json:"messageId,omitempty"`
	MessageType string           `json:"messageType,omitempty" example:"RegisterToConference.v1"`
	Stream      string           `json:"stream,omitempty"`
	RetriedAs   string           `json:"retriedAs,omitempty" doc:"Id of the message that was sent back"`
	ClosedAt    time.Time        `json:"closedAt,omitzero" doc:"When it was sent back or discarded"`
	SettledAt   time.Time        `json:"settledAt,omitzero" doc:"When it was confirmed that the message sent back was handled, or that the stream continues without it; until then it can be sent back or discarded again"`
	CameBackAs  string           `json:"cameBackAs,omitempty" doc:"The dead letter that the message became again after it was sent back"`
	// Message is the message received if it is JSON, Raw its bytes if it is not.
	// Lists omit both: they may hold personal data.
	Message json.RawMessage `json:"message,omitempty" doc:"The message as received"`
	Raw     []byte          `json:"raw,omitempty" doc:"The bytes received, if they are not JSON"`
}

// DeadLetters is one page of dead letters, the newest first.
type DeadLetters struct {
	DeadLetters []DeadLetter `json:"deadLetters" nullable:"false"`
	// Next is the value of the parameter "before" for the next page.
	Next string `json:"next,omitempty" doc:"Cursor: pass as 'before' to get the next page; absent on the last page"`
}

// DeadLetterReason counts the unsettled dead letters with one reason.
type DeadLetterReason struct {
	Handler     string    `json:"handler" doc:"App that gave the messages up"`
	MessageType string    `json:"messageType" example:"RegisterToConference.v1"`
	Reason      string    `json:"reason"`
	Letters     int       `json:"letters"`
	Since       time.Time `json:"since" doc:"When the oldest was given up"`
	Last        time.Time `json:"last" doc:"When the newest was given up"`
}

// DeadLetterReasons are the reasons, most frequent first.
type DeadLetterReasons struct {
	Reasons []DeadLetterReason `json:"reasons" nullable:"false"`
}

// ParkedStream is a stream with unsettled dead letters. Its later messages may be
// waiting behind them.
type ParkedStream struct {
	Handler string    `json:"handler" doc:"App that owns the stream" example:"order"`
	Stream  string    `json:"stream" example:"order/6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"`
	Topic   string    `json:"topic" example:"orders"`
	Kind    string    `json:"kind" enum:"command,event"`
	Letters int       `json:"letters" doc:"Number of its unsettled dead letters"`
	Since   time.Time `json:"since" doc:"When the oldest was given up"`
	Last    time.Time `json:"last" doc:"When the newest was given up"`
	Reason  string    `json:"reason" doc:"Reason of one of its dead letters"`
}

// ParkedStreams are the streams with dead letters, longest parked first.
type ParkedStreams struct {
	Streams []ParkedStream `json:"streams" nullable:"false"`
	Next    string         `json:"next,omitempty" doc:"Cursor: pass as 'after' to get the next page; absent on the last page"`
}

// ChooseDeadLetters selects unsettled dead letters; an empty property matches all.
type ChooseDeadLetters struct {
	Reason      string `json:"reason,omitempty" maxLength:"10000"`
	Handler     string `json:"handler,omitempty" maxLength:"200"`
	MessageType string `json:"messageType,omitempty" maxLength:"200"`
	Stream      string `json:"stream,omitempty" maxLength:"512"`
	// Again includes those that were sent back or discarded without an effect yet.
	Again bool `json:"again,omitempty" doc:"Also those that were sent back or discarded before and are not settled"`
}

// DeadLettersClosed is the result for the selected dead letters.
type DeadLettersClosed struct {
	Closed  int  `json:"closed" doc:"Number sent back or discarded"`
	Skipped int  `json:"skipped" doc:"Number that cannot be sent back or were closed by another request meanwhile"`
	More    bool `json:"more" doc:"Whether more are left than one call closes; call again"`
}

// FreeStream names a stream whose parked messages are to be discarded.
type FreeStream struct {
	Handler string `json:"handler" minLength:"1" maxLength:"200" doc:"App that owns the stream" example:"order"`
	Stream  string `json:"stream" minLength:"3" maxLength:"512" pattern:"^[a-z-]+/.+$" example:"order/6f2c0d5e-9d1c-4b51-8f3a-0b7a52a4c1de"`
	Topic   string `json:"topic,omitempty" maxLength:"200" doc:"Topic that the app reads; needed only if the stream has no dead letter" example:"orders"`
}
